/* httpd.h - the HTTP/1.1 server: whole requests up, answers down, at once, later or streamed.
 *
 * Offers:  bw_httpd_open (a Unix socket, TCP on loopback, or both), the reply verbs, drain, close.
 * Relies on: io/loop.h, codec/http1.h (parsing, strict).
 *
 * One request of a connection is handed up at a time; the next one of the same connection waits
 * until it is answered. What httpd answers by itself (bad framing, limits, timeouts) is an RFC 9457
 * problem document with a `code` of base/err.h. It knows nothing of routes, identity or JSON beyond
 * that.
 */
#ifndef BW_IO_HTTPD_H
#define BW_IO_HTTPD_H

#include "base/clock.h"
#include "base/err.h"
#include "codec/http1.h"
#include "io/loop.h"
#include <sys/types.h>

struct bw_httpd;
struct bw_httpd_reply; /* one request's answer to be */

struct bw_httpd_request {
    const struct bw_http1_request *http; /* method, path, query, headers, body */
    bool is_local;                       /* came through the Unix socket; then: */
    uid_t peer_uid;                      /* who the client is, as the kernel says */
    pid_t peer_pid;
};

/* `request` and all it points to are valid until the reply is finished. */
typedef void (*bw_httpd_request_fn)(void *ud, const struct bw_httpd_request *request,
                                    struct bw_httpd_reply *reply);
/* How large a body this request may have, asked when its head is there (import routes take more).
 */
typedef size_t (*bw_httpd_body_max_fn)(void *ud, const struct bw_http1_request *head);

struct bw_httpd_options {
    const char *socket_path; /* NULL: no Unix socket. A dead one in its place is replaced */
    unsigned socket_mode;    /* permissions of the socket file; 0: 0600 */
    const char *tcp_host;    /* numeric loopback address, "127.0.0.1" or "::1"; NULL: no TCP */
    int tcp_port;            /* 0: any free one (bw_httpd_port) */
    size_t connections_max;  /* more get 503; 0: BW_LIMIT_HTTP_CONNECTIONS */
    size_t body_bytes_max;   /* 0: BW_LIMIT_HTTP_BODY_BYTES; body_max, if given, decides instead */
    size_t queue_bytes_max;  /* of a stream that the client does not take; more ends the connection.
                                0: 8 MiB */
    int64_t idle_timeout_ms; /* between two requests; 0: 60000 */
    int64_t head_timeout_ms; /* from the first byte to the whole head; 0: 10000 */
    int64_t body_timeout_ms; /* without any byte of an announced body; 0: 30000 */
    int64_t write_timeout_ms; /* without the client taking a byte; 0: 30000 */
    struct bw_clock clock;    /* for the Date header */
    bw_httpd_request_fn on_request;
    bw_httpd_body_max_fn body_max; /* may be NULL */
    void *ud;
};

/* CONFLICT: somebody listens there already (the text names the process or the port). INVALID: the
 * path is too long, the address is not a loopback one. FORBIDDEN, IO: the socket cannot be made. */
BW_MUST_USE enum bw_err bw_httpd_open(struct bw_loop *loop, const struct bw_httpd_options *options,
                                      struct bw_httpd **httpd, struct bw_error *error);
/* Stops listening, removes the socket file, ends every connection. Replies that are not finished
 * yet stay valid: they still have to be finished, into nothing. */
void bw_httpd_close(struct bw_httpd *httpd);
/* Stops listening and ends connections without a request; calls `fn(ud)` once, later, when every
 * request was answered and sent. */
void bw_httpd_drain(struct bw_httpd *httpd, bw_loop_fn fn, void *ud);
int bw_httpd_port(const struct bw_httpd *httpd); /* TCP; 0 without */
size_t bw_httpd_connection_count(const struct bw_httpd *httpd);

/* --- A reply is finished exactly once, by send or by end, also when its client is gone: then all
 * but the freeing is skipped. Headers besides Date, Content-Length, Transfer-Encoding and
 * Connection are the caller's; a header that is not valid becomes status 500. Everything is copied.
 */
void bw_httpd_reply_send(struct bw_httpd_reply *reply, int status,
                         const struct bw_http1_header *headers, size_t header_count,
                         struct bw_str body);
/* A stream: begin, any number of chunks, end. */
void bw_httpd_reply_begin(struct bw_httpd_reply *reply, int status,
                          const struct bw_http1_header *headers, size_t header_count);
/* False when the client is gone, or was cut off because it does not read: produce no more, then
 * end. */
bool bw_httpd_reply_chunk(struct bw_httpd_reply *reply, struct bw_str bytes);
void bw_httpd_reply_end(struct bw_httpd_reply *reply);
/* Bytes given but not yet taken by the kernel; a producer that pauses above some mark goes on at
 * on_drain. */
size_t bw_httpd_reply_queued(const struct bw_httpd_reply *reply);
/* `fn(ud)` each time that a stream's queue has become empty. */
void bw_httpd_reply_on_drain(struct bw_httpd_reply *reply, bw_loop_fn fn, void *ud);
/* `fn(ud)` once, when the client goes before the reply is finished. The reply may be finished
 * inside. */
void bw_httpd_reply_on_gone(struct bw_httpd_reply *reply, bw_loop_fn fn, void *ud);

#endif
