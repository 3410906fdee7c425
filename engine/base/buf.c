/* buf.c - see buf.h. */
#include "base/buf.h"
#include "base/assert.h"
#include "base/mem.h"

#include <stdarg.h>
#include <stdio.h>

void bw_buf_init(struct bw_buf *buf, size_t bytes_max)
{
    /* One byte above the ceiling is for the terminating zero of bw_buf_cstr. */
    BW_ASSERT(bytes_max < SIZE_MAX / 4);
    *buf = (struct bw_buf){.bytes_max = bytes_max};
}

void bw_buf_deinit(struct bw_buf *buf)
{
    bw_free(buf->ptr);
    *buf = (struct bw_buf){.bytes_max = buf->bytes_max};
}

void bw_buf_clear(struct bw_buf *buf)
{
    buf->len = 0;
    buf->is_over = false;
}

/* Makes room for `len` bytes and a zero behind them. */
static bool buf_reserve(struct bw_buf *buf, size_t len)
{
    if (buf->is_over || len > buf->bytes_max - buf->len) {
        buf->is_over = true;
        return false;
    }
    size_t needed = buf->len + len + 1;
    if (needed <= buf->capacity)
        return true;
    size_t capacity = buf->capacity ? buf->capacity * 2 : 64;
    if (capacity > buf->bytes_max + 1)
        capacity = buf->bytes_max + 1;
    if (capacity < needed)
        capacity = needed;
    buf->ptr = bw_xrealloc(buf->ptr, capacity);
    buf->capacity = capacity;
    return true;
}

char *bw_buf_extend(struct bw_buf *buf, size_t len)
{
    if (!buf_reserve(buf, len))
        return NULL;
    char *start = buf->ptr + buf->len;
    buf->len += len;
    return start;
}

void bw_buf_put(struct bw_buf *buf, const void *bytes, size_t len)
{
    char *start = bw_buf_extend(buf, len);
    if (start && len)
        memcpy(start, bytes, len);
}

void bw_buf_put_str(struct bw_buf *buf, struct bw_str text)
{
    bw_buf_put(buf, text.ptr, text.len);
}

void bw_buf_put_text(struct bw_buf *buf, const char *text)
{
    bw_buf_put(buf, text, strlen(text));
}

void bw_buf_put_char(struct bw_buf *buf, char byte)
{
    bw_buf_put(buf, &byte, 1);
}

void bw_buf_printf(struct bw_buf *buf, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int needed = vsnprintf(NULL, 0, format, args);
    va_end(args);
    BW_ASSERT(needed >= 0);
    if (!buf_reserve(buf, (size_t)needed))
        return;
    va_start(args, format);
    vsnprintf(buf->ptr + buf->len, (size_t)needed + 1, format, args);
    va_end(args);
    buf->len += (size_t)needed;
}

void bw_buf_put_u8(struct bw_buf *buf, uint8_t value)
{
    bw_buf_put(buf, &value, 1);
}

void bw_buf_put_u32(struct bw_buf *buf, uint32_t value)
{
    const uint8_t bytes[4] = {(uint8_t)(value >> 24), (uint8_t)(value >> 16), (uint8_t)(value >> 8),
                              (uint8_t)value};
    bw_buf_put(buf, bytes, sizeof bytes);
}

void bw_buf_put_varint(struct bw_buf *buf, uint64_t value)
{
    uint8_t bytes[10];
    size_t len = 0;
    while (value >= 0x80) {
        bytes[len++] = (uint8_t)(value | 0x80);
        value >>= 7;
    }
    bytes[len++] = (uint8_t)value;
    bw_buf_put(buf, bytes, len);
}

void bw_buf_put_zigzag(struct bw_buf *buf, int64_t value)
{
    uint64_t bits = (uint64_t)value << 1;
    bw_buf_put_varint(buf, value < 0 ? ~bits : bits);
}

void bw_buf_put_bytes(struct bw_buf *buf, struct bw_str bytes)
{
    bw_buf_put_varint(buf, bytes.len);
    bw_buf_put_str(buf, bytes);
}

const char *bw_buf_cstr(struct bw_buf *buf)
{
    if (!buf->ptr) {
        buf->ptr = bw_xmalloc(1);
        buf->capacity = 1;
    }
    BW_ASSERT(buf->len < buf->capacity);
    buf->ptr[buf->len] = '\0';
    return buf->ptr;
}

char *bw_buf_take(struct bw_buf *buf, size_t *len)
{
    bw_buf_cstr(buf);
    char *ptr = buf->ptr;
    if (len)
        *len = buf->len;
    *buf = (struct bw_buf){.bytes_max = buf->bytes_max};
    return ptr;
}

/* --- Reader. */

void bw_reader_init(struct bw_reader *reader, struct bw_str bytes)
{
    static const uint8_t NOTHING[1];
    const uint8_t *start = bytes.len ? (const uint8_t *)bytes.ptr : NOTHING;
    *reader = (struct bw_reader){.at = start, .end = start + bytes.len};
}

struct bw_str bw_reader_raw(struct bw_reader *reader, size_t len)
{
    if (reader->is_bad || len > (size_t)(reader->end - reader->at)) {
        reader->is_bad = true;
        return BW_STR_NONE;
    }
    struct bw_str bytes = bw_str((const char *)reader->at, len);
    reader->at += len;
    return bytes;
}

uint8_t bw_reader_u8(struct bw_reader *reader)
{
    struct bw_str byte = bw_reader_raw(reader, 1);
    return byte.len ? (uint8_t)byte.ptr[0] : 0;
}

uint32_t bw_reader_u32(struct bw_reader *reader)
{
    struct bw_str raw = bw_reader_raw(reader, 4);
    if (!raw.len)
        return 0;
    const uint8_t *bytes = (const uint8_t *)raw.ptr;
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

uint64_t bw_reader_varint(struct bw_reader *reader)
{
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 70; shift += 7) {
        uint8_t byte = bw_reader_u8(reader);
        if (reader->is_bad)
            return 0;
        /* The tenth byte holds one bit; a last byte of zero could have been left out. */
        if ((shift == 63 && byte > 1) || (shift > 0 && byte == 0))
            break;
        value |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80)
            return value;
    }
    reader->is_bad = true;
    return 0;
}

int64_t bw_reader_zigzag(struct bw_reader *reader)
{
    uint64_t bits = bw_reader_varint(reader);
    uint64_t value = (bits >> 1) ^ (0 - (bits & 1));
    int64_t result;
    memcpy(&result, &value, sizeof result);
    return result;
}

struct bw_str bw_reader_bytes(struct bw_reader *reader)
{
    uint64_t len = bw_reader_varint(reader);
    if (len > SIZE_MAX / 2) {
        reader->is_bad = true;
        return BW_STR_NONE;
    }
    return bw_reader_raw(reader, (size_t)len);
}
