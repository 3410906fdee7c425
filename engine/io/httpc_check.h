/* httpc_check.h - may this request be sent at all?
 *
 * Offers:  bw_httpc_check, and the two questions about names that it and its caller share.
 * Relies on: io/httpc.h. Touches no network.
 */
#ifndef BW_IO_HTTPC_CHECK_H
#define BW_IO_HTTPC_CHECK_H

#include "io/httpc.h"

/* INVALID: method, URL, header or timeout; a header by which a script could change where a message
 * ends, or to whom it goes. LIMIT: longer than base/limits.h allows. */
BW_MUST_USE enum bw_err bw_httpc_check(const struct bw_http_request *request,
                                       struct bw_error *error);
/* May the same request be made twice without harm, by its method (RFC 9110, 9.2.2)? */
bool bw_httpc_is_idempotent(struct bw_str method);
/* Equal, ASCII letters in either case; `lower` is in lower case. */
bool bw_httpc_name_eq(struct bw_str text, const char *lower);

#endif
