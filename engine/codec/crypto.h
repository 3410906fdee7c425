/* crypto.h - the few cryptographic functions Billow uses, over OpenSSL's libcrypto.
 *
 * Offers:  SHA-256 (whole and in pieces), HMAC-SHA256, comparison in constant time.
 * Relies on: libcrypto 3. The only place in the engine that includes its headers, with
 * codec/sign.c.
 *
 * A failure inside the library (no memory, no provider) is not something a caller could handle: it
 * asserts.
 */
#ifndef BW_CODEC_CRYPTO_H
#define BW_CODEC_CRYPTO_H

#include "base/str.h"
#include <stdint.h>

#define BW_SHA256_LEN 32
#define BW_SHA256_HEX_LEN 64

void bw_sha256(struct bw_str bytes, uint8_t hash[static BW_SHA256_LEN]);
/* Lower case, terminated. */
void bw_sha256_hex(struct bw_str bytes, char text[static BW_SHA256_HEX_LEN + 1]);

/* In pieces: create, update any number of times, finish (which also frees it), or destroy. */
struct bw_sha256;
struct bw_sha256 *bw_sha256_create(void);
void bw_sha256_destroy(struct bw_sha256 *sha256); /* NULL is fine */
void bw_sha256_update(struct bw_sha256 *sha256, struct bw_str bytes);
void bw_sha256_finish(struct bw_sha256 *sha256, uint8_t hash[static BW_SHA256_LEN]);

void bw_hmac_sha256(struct bw_str key, struct bw_str message, uint8_t mac[static BW_SHA256_LEN]);

/* Takes as long for equal bytes as for different ones. The lengths are not secret. */
bool bw_crypto_eq(struct bw_str a, struct bw_str b);
/* Overwrites what held a secret; the compiler cannot leave it out. */
void bw_crypto_wipe(void *bytes, size_t len);

#endif
