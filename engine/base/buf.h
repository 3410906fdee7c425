/* buf.h - a growing byte buffer with a ceiling.
 *
 * Offers:  append bytes, text, formatted text, integers; take() hands the memory over.
 * Relies on: base/mem.h (aborts when memory is out).
 *
 * Going over the ceiling never aborts: it sets `is_over`, keeps what fitted before, and every later
 * append is refused. Check `is_over` once, at the end.
 */
#ifndef BW_BASE_BUF_H
#define BW_BASE_BUF_H

#include "base/err.h"
#include "base/str.h"
#include <stdint.h>

struct bw_buf {
    char *ptr;
    size_t len;
    size_t capacity;
    size_t bytes_max; /* the ceiling, given at init */
    bool is_over;     /* an append would have passed the ceiling */
};

void bw_buf_init(struct bw_buf *buf, size_t bytes_max);
void bw_buf_deinit(struct bw_buf *buf); /* frees; safe to call twice */
void bw_buf_clear(struct bw_buf *buf);  /* empty again, keeps the memory and the ceiling */

/* Makes room for `len` more bytes and returns where they start, or NULL when over the ceiling. The
 * caller fills them all; the length grows at once. */
char *bw_buf_extend(struct bw_buf *buf, size_t len);
void bw_buf_put(struct bw_buf *buf, const void *bytes, size_t len);
void bw_buf_put_str(struct bw_buf *buf, struct bw_str text);
void bw_buf_put_text(struct bw_buf *buf, const char *text); /* terminated text */
void bw_buf_put_char(struct bw_buf *buf, char byte);
void bw_buf_printf(struct bw_buf *buf, const char *format, ...) BW_PRINTF(2, 3);

void bw_buf_put_u8(struct bw_buf *buf, uint8_t value);
void bw_buf_put_u32(struct bw_buf *buf, uint32_t value);    /* big-endian, for frame headers */
void bw_buf_put_varint(struct bw_buf *buf, uint64_t value); /* LEB128, shortest form */
void bw_buf_put_zigzag(struct bw_buf *buf, int64_t value);
void bw_buf_put_bytes(struct bw_buf *buf, struct bw_str bytes); /* varint length, then the bytes */

/* What it holds now; valid until the next change. */
static inline struct bw_str bw_buf_str(const struct bw_buf *buf)
{
    return (struct bw_str){buf->ptr, buf->len};
}
/* A terminating zero is put behind (not counted in len); valid until the next change. */
const char *bw_buf_cstr(struct bw_buf *buf);
/* Hands over the memory (free with bw_free); the buffer is empty afterwards. */
char *bw_buf_take(struct bw_buf *buf, size_t *len);

/* Reads what the put functions wrote. A reader that meets bytes it cannot accept (cut short, a
 * varint that is not in shortest form or over 64 bits) sets `is_bad`, and from then on returns
 * zeros. Check once, at the end. */
struct bw_reader {
    const uint8_t *at;
    const uint8_t *end;
    bool is_bad;
};
void bw_reader_init(struct bw_reader *reader, struct bw_str bytes);
uint8_t bw_reader_u8(struct bw_reader *reader);
uint32_t bw_reader_u32(struct bw_reader *reader);
uint64_t bw_reader_varint(struct bw_reader *reader);
int64_t bw_reader_zigzag(struct bw_reader *reader);
struct bw_str bw_reader_bytes(struct bw_reader *reader); /* borrowed from the input */
struct bw_str bw_reader_raw(struct bw_reader *reader, size_t len);
static inline size_t bw_reader_left(const struct bw_reader *reader)
{
    return reader->is_bad ? 0 : (size_t)(reader->end - reader->at);
}

#endif
