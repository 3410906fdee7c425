/* http1.h - HTTP/1.1 for the server's side: requests in, responses out.
 *
 * Offers:  a strict incremental request parser with ceilings, a response writer, chunked streams.
 * Relies on: llhttp in strict mode, and checks of our own in front of it and behind. Fuzzed by
 * tests/fuzz/fuzz_http1.c.
 *
 * Requests that two parsers could cut differently are refused, whatever the RFC would let pass:
 * bare CR or LF, folded headers, zero bytes, Content-Length with Transfer-Encoding, either of them
 * twice, any coding but "chunked", trailers, no Host or two, targets other than a path (or "*" for
 * OPTIONS). After BAD the connection must be closed.
 */
#ifndef BW_CODEC_HTTP1_H
#define BW_CODEC_HTTP1_H

#include "base/buf.h"
#include "base/time.h"

#define BW_HTTP1_HEADERS_MAX 100

struct bw_http1_limits {
    size_t head_bytes_max;            /* request line and headers; 0 means 16 KiB */
    size_t target_bytes_max;          /* 0 means 2 KiB */
    size_t body_bytes_max;            /* until bw_http1_set_body_max; 0 means 1 MiB */
    size_t chunk_extension_bytes_max; /* of one request; 0 means 1 KiB */
};

struct bw_http1_header {
    struct bw_str name; /* lower case in requests */
    struct bw_str value;
};

/* Slices are valid until bw_http1_reset. */
struct bw_http1_request {
    struct bw_str method; /* GET HEAD POST PUT PATCH DELETE OPTIONS */
    struct bw_str path;   /* begins with "/", still encoded; "*" for OPTIONS */
    struct bw_str query;  /* behind "?", still encoded */
    struct bw_http1_header headers[BW_HTTP1_HEADERS_MAX];
    size_t header_count;
    struct bw_str body;  /* whole, at BW_HTTP1_COMPLETE */
    uint64_t body_bytes; /* as Content-Length says; 0 when chunked or none */
    bool is_chunked;
    bool keeps_alive;      /* the client wants to use the connection again */
    bool expects_continue; /* the client waits for bw_http1_put_continue before it sends the body */
};

enum bw_http1_event {
    BW_HTTP1_MORE,     /* all bytes are taken; the request is not whole yet */
    BW_HTTP1_HEAD,     /* the head is whole: the moment to set the body limit, or to answer early */
    BW_HTTP1_COMPLETE, /* the request is whole; bytes that are left belong to the next one */
    BW_HTTP1_BAD,      /* answer with bw_http1_status and close; every later call gives BAD again */
};

struct bw_http1;
struct bw_http1 *bw_http1_create(const struct bw_http1_limits *limits); /* NULL: defaults */
void bw_http1_destroy(struct bw_http1 *http1);                          /* NULL is fine */
/* Takes bytes off `bytes` until something is to be told. Call again, with what is left (even
 * nothing), until it says MORE or COMPLETE. */
enum bw_http1_event bw_http1_take(struct bw_http1 *http1, struct bw_str *bytes);
/* Between HEAD and the next bw_http1_take. A longer body is refused with 413, at once if its length
 * is announced. */
void bw_http1_set_body_max(struct bw_http1 *http1, size_t body_bytes_max);
const struct bw_http1_request *bw_http1_request(const struct bw_http1 *http1); /* from HEAD on */
/* After COMPLETE: ready for the next request of this connection. */
void bw_http1_reset(struct bw_http1 *http1);
/* Has any byte of a request come yet? (An idle connection may be closed without an answer.) */
bool bw_http1_is_idle(const struct bw_http1 *http1);
/* After BAD: the status to answer (400, 413, 414, 417, 431, 501, 505) and why, in static storage.
 */
int bw_http1_status(const struct bw_http1 *http1);
const char *bw_http1_reason(const struct bw_http1 *http1);

/* The first header of this lower-case name. False when there is none. Of authorization,
 * content-length, content-type, expect, host, idempotency-key and transfer-encoding there is never
 * more than one. */
bool bw_http1_find_header(const struct bw_http1_request *request, const char *name,
                          struct bw_str *value);

/* --- Responses. */
struct bw_http1_response {
    int status;
    const struct bw_http1_header *headers; /* besides Date, Content-Length and Connection */
    size_t header_count;
    struct bw_str body;
    struct bw_stamp at; /* for Date */
    bool keeps_alive;   /* false writes "Connection: close" */
    bool is_head;       /* answers HEAD: the length is told, the body left out */
};

/* INVALID, and nothing written, when a header's name or value has a byte that could end it early.
 * 1xx, 204 and 304 have no body and no length. */
BW_MUST_USE enum bw_err bw_http1_put_response(struct bw_buf *out,
                                              const struct bw_http1_response *response,
                                              struct bw_error *error);
void bw_http1_put_continue(struct bw_buf *out);
/* A response whose length is not known (server-sent events, exports): head, chunks, end. `body` is
 * not used. */
BW_MUST_USE enum bw_err bw_http1_put_stream_head(struct bw_buf *out,
                                                 const struct bw_http1_response *response,
                                                 struct bw_error *error);
void bw_http1_put_chunk(struct bw_buf *out, struct bw_str bytes); /* nothing for no bytes */
void bw_http1_put_stream_end(struct bw_buf *out);
/* "Sun, 06 Nov 1994 08:49:37 GMT". */
void bw_http1_put_date(struct bw_buf *out, struct bw_stamp at);
const char *bw_http1_status_text(int status); /* "Not Found"; static storage */

#endif
