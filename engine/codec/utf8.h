/* utf8.h - strict UTF-8 (RFC 3629): no overlong forms, no surrogates, nothing above U+10FFFF.
 *
 * Offers:  validity, decode one code point, encode one code point.
 * Relies on: base/buf.h. Pure bytes.
 */
#ifndef BW_CODEC_UTF8_H
#define BW_CODEC_UTF8_H

#include "base/buf.h"
#include <stdint.h>

/* What bw_utf8_take returns for bytes that are not UTF-8. */
#define BW_UTF8_BAD UINT32_MAX
/* The code point written in place of bytes that are not UTF-8. */
#define BW_UTF8_REPLACEMENT UINT32_C(0xFFFD)

/* Takes one code point off `rest`, which must not be empty. On BW_UTF8_BAD one byte is taken. */
uint32_t bw_utf8_take(struct bw_str *rest);
bool bw_utf8_is_valid(struct bw_str text);
/* `code_point` must be a Unicode scalar value. */
void bw_utf8_put(struct bw_buf *buf, uint32_t code_point);

#endif
