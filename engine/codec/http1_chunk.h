/* http1_chunk.h - walks the frames of a chunked body (RFC 9112 7.1) without touching its bytes.
 *
 * Offers:  where the body ends, and whether every byte of its framing is the one that must stand
 * there. Relies on: base/str.h. Part of codec/http1.h, which lets llhttp read the same bytes and
 * compares.
 *
 * Refused: sizes over 16 digits (so that leading zeros have an end), bare LF, control bytes in
 * extensions, extensions over the ceiling, trailers.
 */
#ifndef BW_CODEC_HTTP1_CHUNK_H
#define BW_CODEC_HTTP1_CHUNK_H

#include "base/str.h"
#include <stdint.h>

struct bw_chunk_walk {
    int state;              /* private to http1_chunk.c */
    size_t digits;          /* of the size that is being read */
    uint64_t left;          /* bytes of the chunk still to come */
    size_t extension_bytes; /* of the whole body */
    size_t extension_bytes_max;
    bool is_end; /* the last byte of the body was taken */
};

void bw_chunk_walk_init(struct bw_chunk_walk *walk, size_t extension_bytes_max);
/* How many of `bytes` belong to this body. On a byte that must not be there `*trouble` says why
 * (static storage), and the walk is over. */
size_t bw_chunk_walk_take(struct bw_chunk_walk *walk, struct bw_str bytes, const char **trouble);

#endif
