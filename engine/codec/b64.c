/* b64.c - see b64.h. */
#include "codec/b64.h"

static const char standard[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char url_safe[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

static void put(struct bw_buf *buf, struct bw_str bytes, const char *alphabet, bool is_padded)
{
    const unsigned char *in = (const unsigned char *)bytes.ptr;
    for (size_t at = 0; at < bytes.len; at += 3) {
        size_t len = bytes.len - at < 3 ? bytes.len - at : 3;
        uint32_t group = (uint32_t)in[at] << 16;
        group |= len > 1 ? (uint32_t)in[at + 1] << 8 : 0;
        group |= len > 2 ? (uint32_t)in[at + 2] : 0;
        char text[4];
        for (size_t i = 0; i < 4; i++)
            text[i] = i <= len ? alphabet[group >> (18 - 6 * i) & 63] : '=';
        bw_buf_put(buf, text, is_padded ? 4 : len + 1);
    }
}

/* The value of one character, or -1. */
static int value_of(char c, const char *alphabet)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    if (c == alphabet[62])
        return 62;
    return c == alphabet[63] ? 63 : -1;
}

/* `text` without padding. */
static bool decode(struct bw_buf *buf, struct bw_str text, const char *alphabet)
{
    size_t start = buf->len;
    uint32_t group = 0;
    for (size_t at = 0; at < text.len; at++) {
        int value = value_of(text.ptr[at], alphabet);
        if (value < 0) {
            buf->len = start;
            return false;
        }
        group = (group << 6 | (uint32_t)value) & 0xFFFFFF;
        if (at % 4 > 0)
            bw_buf_put_u8(buf, (uint8_t)(group >> (6 - 2 * (at % 4)) & 0xFF));
    }
    /* What is left over must be zero bits, and never a whole character. */
    size_t rest = text.len % 4;
    bool is_clean =
        rest == 0 || (rest == 2 && (group & 0xF) == 0) || (rest == 3 && (group & 3) == 0);
    if (!is_clean)
        buf->len = start;
    return is_clean;
}

void bw_base64_put(struct bw_buf *buf, struct bw_str bytes)
{
    put(buf, bytes, standard, true);
}

bool bw_base64_decode(struct bw_buf *buf, struct bw_str text)
{
    if (text.len % 4 != 0)
        return false;
    if (text.len > 0 && text.ptr[text.len - 1] == '=')
        text.len -= text.ptr[text.len - 2] == '=' ? 2 : 1;
    return decode(buf, text, standard);
}

void bw_base64url_put(struct bw_buf *buf, struct bw_str bytes)
{
    put(buf, bytes, url_safe, false);
}

bool bw_base64url_decode(struct bw_buf *buf, struct bw_str text)
{
    return decode(buf, text, url_safe);
}

void bw_hex_put(struct bw_buf *buf, struct bw_str bytes)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < bytes.len; i++) {
        unsigned char byte = (unsigned char)bytes.ptr[i];
        bw_buf_put_char(buf, digits[byte >> 4]);
        bw_buf_put_char(buf, digits[byte & 15]);
    }
}

int bw_hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

bool bw_hex_decode(struct bw_buf *buf, struct bw_str text)
{
    size_t start = buf->len;
    if (text.len % 2 != 0)
        return false;
    for (size_t at = 0; at < text.len; at += 2) {
        int high = bw_hex_digit(text.ptr[at]);
        int low = bw_hex_digit(text.ptr[at + 1]);
        if (high < 0 || low < 0) {
            buf->len = start;
            return false;
        }
        bw_buf_put_u8(buf, (uint8_t)(high << 4 | low));
    }
    return true;
}
