/* httpcall.h - a blocking HTTP client over a Unix socket: how a command talks to a running engine.
 *
 * Offers:  open, one call at a time, close; whether anything listens on a socket.
 * Relies on: libcurl's easy interface, io/httpc.h for the header type. No loop.
 */
#ifndef BW_IO_HTTPCALL_H
#define BW_IO_HTTPCALL_H

#include "base/buf.h"
#include "base/err.h"
#include "io/httpc.h"

struct bw_httpcall; /* keeps its connection from call to call */

/* Bytes of an answer as they come; false ends the call with CANCELLED. */
typedef bool (*bw_httpcall_bytes_fn)(void *ud, struct bw_str bytes);

struct bw_httpcall_request {
    const char *method;                   /* "POST" */
    const char *path;                     /* "/v1/runs?limit=10", encoded */
    const struct bw_http_header *headers; /* besides those set here */
    size_t header_count;
    const char *content_type; /* of the body; NULL: application/json */
    struct bw_str body;
    int64_t timeout_ms; /* for the whole call; 0: none (streams) */
    bw_httpcall_bytes_fn
        on_bytes; /* streams an answer below 400; NULL: everything goes to the answer's body */
    void *ud;
};

struct bw_httpcall_answer {
    int status;
    char content_type[128]; /* empty when there is none; cut when longer */
    struct bw_buf body;     /* initialized by the caller, who sets its ceiling; appended to */
};

/* Does not connect yet. */
BW_MUST_USE enum bw_err bw_httpcall_open(const char *socket_path, struct bw_httpcall **call,
                                         struct bw_error *error);
void bw_httpcall_close(struct bw_httpcall *call); /* NULL is fine */

/* OK whatever the status. UNAVAILABLE: nothing listens there. UNKNOWN_OUTCOME: sent, no whole
 * answer. TIMEOUT, LIMIT, CANCELLED. */
BW_MUST_USE enum bw_err bw_httpcall_perform(struct bw_httpcall *call,
                                            const struct bw_httpcall_request *request,
                                            struct bw_httpcall_answer *answer,
                                            struct bw_error *error);

/* Does somebody accept connections on this socket now? */
bool bw_httpcall_is_alive(const char *socket_path);

#endif
