/* api_view.h - rows of the store as the API shows them.
 *
 * Offers:  instants as RFC 3339 ("created_at") instead of microseconds ("created_at_us"), journals
 *          decoded, problem documents.
 * Relies on: codec/date.h, edge/journal_view.h, edge/form.h.
 *
 * Only the members of a row are changed, never what lies inside of them: inputs, results and bodies
 * belong to scripts.
 */
#ifndef BW_EDGE_API_VIEW_H
#define BW_EDGE_API_VIEW_H

#include "base/buf.h"
#include "codec/value.h"

/* Appends `value`, one row or an array of rows, with readable instants; other values as they are.
 */
void bw_api_view_rows(struct bw_str value, struct bw_buf *out);
/* The same for the rows of the store's read "journal". CORRUPT when a turn does not decode. */
BW_MUST_USE enum bw_err bw_api_view_journal(struct bw_str rows, struct bw_buf *out,
                                            struct bw_error *error);
/* Appends an RFC 9457 problem document: type, title, status, code, detail; with `allow` ("GET,
 * POST", may be NULL) also what the path takes. */
void bw_api_view_problem(struct bw_buf *out, const struct bw_error *error, int status,
                         const char *allow);

#endif
