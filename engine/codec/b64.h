/* b64.h - bytes as text: base64 and base64url (RFC 4648), hexadecimal.
 *
 * Offers:  encode and decode of each.
 * Relies on: base/buf.h. Pure bytes.
 *
 * Decoding is strict: one text for each byte string. No white space, no missing or surplus padding,
 * no bits set behind the last byte.
 */
#ifndef BW_CODEC_B64_H
#define BW_CODEC_B64_H

#include "base/buf.h"

/* With padding. */
void bw_base64_put(struct bw_buf *buf, struct bw_str bytes);
/* Appends the bytes. False when `text` is not strict base64; `buf` is then as before. */
BW_MUST_USE bool bw_base64_decode(struct bw_buf *buf, struct bw_str text);

/* The URL-safe alphabet, without padding. */
void bw_base64url_put(struct bw_buf *buf, struct bw_str bytes);
BW_MUST_USE bool bw_base64url_decode(struct bw_buf *buf, struct bw_str text);

/* Lower case. Decoding takes both cases. */
void bw_hex_put(struct bw_buf *buf, struct bw_str bytes);
BW_MUST_USE bool bw_hex_decode(struct bw_buf *buf, struct bw_str text);
/* The value of one hexadecimal digit, or -1. */
int bw_hex_digit(char c);

#endif
