/* httpc.h - outgoing HTTP: the seam behind the "http" effect.
 *
 * Offers:  struct bw_httpc (a table), the real one over libcurl's multi interface on the loop.
 * Relies on: base/, io/loop.h for the real one. Another implementation: core/httpc_fake.c (`billow
 * test`, unit tests).
 */
#ifndef BW_IO_HTTPC_H
#define BW_IO_HTTPC_H

#include "base/err.h"
#include "base/str.h"
#include <stdint.h>

struct bw_http_header {
    struct bw_str name;
    struct bw_str value;
};

struct bw_http_request {
    struct bw_str method;
    struct bw_str url; /* absolute http or https */
    const struct bw_http_header *headers;
    size_t header_count;
    struct bw_str body;
    int64_t timeout_ms;
    size_t response_bytes_max;
};

struct bw_http_response {
    int status;
    const struct bw_http_header *headers; /* names in lower case */
    size_t header_count;
    struct bw_str body;
};

/* Once, later. On failure `response` is NULL: UNAVAILABLE (nothing was sent), UNKNOWN_OUTCOME
 * (sent, no whole answer), TIMEOUT, LIMIT (answer too large), INVALID (URL), FORBIDDEN (address not
 * allowed). */
typedef void (*bw_httpc_fn)(void *ud, const struct bw_error *error,
                            const struct bw_http_response *response);

struct bw_httpc {
    void *self;
    /* Copies the request; returns a handle for cancel, never 0. */
    uint64_t (*send)(void *self, const struct bw_http_request *request, bw_httpc_fn done, void *ud);
    void (*cancel)(void *self,
                   uint64_t handle); /* no callback comes after; unknown handles are ignored */
    void (*close)(void *self);
};

#endif
