/* httpc_curl.h - the real struct bw_httpc, over libcurl's multi interface on the loop.
 *
 * Offers:  bw_httpc_curl_create.
 * Relies on: io/loop.h, libcurl. Implements io/httpc.h.
 *
 * HTTP/1.1, http and https only, TLS verified, connections kept and reused. What it deliberately
 * does not do: follow redirects, use a proxy or .netrc, take credentials from the URL, ask for
 * compression, keep cookies, try again. A request that may change something (not GET, HEAD, PUT,
 * DELETE, OPTIONS or TRACE) is never sent twice, also not by libcurl when a kept connection breaks:
 * that is UNKNOWN_OUTCOME.
 */
#ifndef BW_IO_HTTPC_CURL_H
#define BW_IO_HTTPC_CURL_H

#include "io/httpc.h"
#include "io/loop.h"

struct bw_httpc_curl_options {
    bool allow_private_addresses; /* loopback, private and the like (io/netaddr.h): development and
                                     tests */
    const char *ca_file;          /* PEM bundle instead of the system's; NULL: the system's */
    const char *user_agent;       /* NULL: "billow/<version>"; a request's own header wins */
    int connections_max;          /* at once; more requests wait; 0: 256 */
    int connections_per_host_max; /* 0: 64 */
    int64_t connect_timeout_ms;   /* 0: 10000; never more than the request's own timeout */
};

/* `options` may be NULL. After its close() no callback comes any more; requests in flight are
 * abandoned. close() is not allowed inside a callback of a request (defer it: bw_loop_defer). */
BW_MUST_USE enum bw_err bw_httpc_curl_create(struct bw_loop *loop,
                                             const struct bw_httpc_curl_options *options,
                                             struct bw_httpc *client, struct bw_error *error);

#endif
