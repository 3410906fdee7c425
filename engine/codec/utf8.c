/* utf8.c - strict UTF-8, one code point at a time. */
#include "codec/utf8.h"

#include "base/assert.h"

static uint32_t take_bad(struct bw_str *rest)
{
    rest->ptr++;
    rest->len--;
    return BW_UTF8_BAD;
}

uint32_t bw_utf8_take(struct bw_str *rest)
{
    BW_ASSERT(rest->len > 0);
    const unsigned char *at = (const unsigned char *)rest->ptr;
    uint32_t code_point = at[0];
    size_t len = 1;
    uint32_t smallest = 0; /* below it the form is overlong */
    if (code_point >= 0x80) {
        if (code_point >= 0xC2 && code_point <= 0xDF) {
            len = 2;
            smallest = 0x80;
            code_point &= 0x1F;
        } else if ((code_point & 0xF0) == 0xE0) {
            len = 3;
            smallest = 0x800;
            code_point &= 0x0F;
        } else if (code_point >= 0xF0 && code_point <= 0xF4) {
            len = 4;
            smallest = 0x10000;
            code_point &= 0x07;
        } else {
            return take_bad(rest);
        }
    }
    if (len > rest->len)
        return take_bad(rest);
    for (size_t i = 1; i < len; i++) {
        if ((at[i] & 0xC0) != 0x80)
            return take_bad(rest);
        code_point = (code_point << 6) | (at[i] & 0x3Fu);
    }
    bool is_surrogate = code_point >= 0xD800 && code_point <= 0xDFFF;
    if (code_point < smallest || is_surrogate || code_point > 0x10FFFF)
        return take_bad(rest);
    rest->ptr += len;
    rest->len -= len;
    return code_point;
}

bool bw_utf8_is_valid(struct bw_str text)
{
    while (text.len > 0) {
        if (bw_utf8_take(&text) == BW_UTF8_BAD)
            return false;
    }
    return true;
}

void bw_utf8_put(struct bw_buf *buf, uint32_t code_point)
{
    BW_ASSERT(code_point <= 0x10FFFF && (code_point < 0xD800 || code_point > 0xDFFF));
    char bytes[4];
    size_t len = 0;
    if (code_point < 0x80) {
        bytes[len++] = (char)code_point;
    } else if (code_point < 0x800) {
        bytes[len++] = (char)(0xC0 | (code_point >> 6));
        bytes[len++] = (char)(0x80 | (code_point & 0x3F));
    } else if (code_point < 0x10000) {
        bytes[len++] = (char)(0xE0 | (code_point >> 12));
        bytes[len++] = (char)(0x80 | ((code_point >> 6) & 0x3F));
        bytes[len++] = (char)(0x80 | (code_point & 0x3F));
    } else {
        bytes[len++] = (char)(0xF0 | (code_point >> 18));
        bytes[len++] = (char)(0x80 | ((code_point >> 12) & 0x3F));
        bytes[len++] = (char)(0x80 | ((code_point >> 6) & 0x3F));
        bytes[len++] = (char)(0x80 | (code_point & 0x3F));
    }
    bw_buf_put(buf, bytes, len);
}
