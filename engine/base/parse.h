/* parse.h - numbers from text: all of the text, in range, or nothing.
 *
 * Offers:  bw_parse_i64, bw_parse_u64, bw_parse_int.
 * Relies on: base/str.h. In place of strtol and atoi, which skip spaces, stop early and know
 *            locales.
 */
#ifndef BW_BASE_PARSE_H
#define BW_BASE_PARSE_H

#include "base/err.h"
#include "base/str.h"
#include <stdint.h>

/* Decimal digits only, for the signed ones with an optional '-' before them; no '+', no spaces.
 * Leading zeros are fine. False leaves `*number` as it was. */
BW_MUST_USE bool bw_parse_u64(struct bw_str text, uint64_t *number);
BW_MUST_USE bool bw_parse_i64(struct bw_str text, int64_t *number);
/* Also within [min, max]. */
BW_MUST_USE bool bw_parse_int(struct bw_str text, int min, int max, int *number);

#endif
