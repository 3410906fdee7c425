/* tz.h - time zones from TZif bytes (RFC 8536), as releases ship them: the machine's own zone files
 * are never read.
 *
 * Offers:  parse a zone, the local offset of an instant, the instant of a local time.
 * Relies on: codec/date.h. Pure bytes; fuzzed by tests/fuzz/fuzz_tz.c.
 *
 * Version 2 and above only (64-bit transitions and the rule of the footer, which speaks for all
 * later years). Files that count leap seconds are refused: Billow's instants do not.
 */
#ifndef BW_CODEC_TZ_H
#define BW_CODEC_TZ_H

#include "codec/date.h"

#define BW_TZ_BYTES_MAX (256 * 1024)

struct bw_tz;

/* Copies what it needs. NULL with CORRUPT in `error` when the bytes are not a zone. */
struct bw_tz *bw_tz_create(struct bw_str bytes, struct bw_error *error);
void bw_tz_destroy(struct bw_tz *tz); /* NULL is fine */

/* Seconds east of UTC at this instant. */
int32_t bw_tz_offset_s(const struct bw_tz *tz, struct bw_stamp stamp);
/* Local time at this instant. False outside the years 1 to 9999. */
BW_MUST_USE bool bw_tz_civil(const struct bw_tz *tz, struct bw_stamp stamp, struct bw_civil *civil);
/* The instant of a local time. One that comes twice means its first coming; one that is skipped
 * means the instant it would have been without the change (02:30 becomes 03:30 in spring). */
struct bw_stamp bw_tz_stamp(const struct bw_tz *tz, struct bw_civil civil);

#endif
