/* crypto.c - see crypto.h. */
#include "codec/crypto.h"

#include "base/assert.h"
#include <limits.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

/* struct bw_sha256 is never defined: a pointer to it is an EVP_MD_CTX. */
static EVP_MD_CTX *context_of(struct bw_sha256 *sha256)
{
    return (EVP_MD_CTX *)(void *)sha256;
}

void bw_sha256(struct bw_str bytes, uint8_t hash[static BW_SHA256_LEN])
{
    unsigned len = 0;
    int ok = EVP_Digest(bytes.len ? bytes.ptr : "", bytes.len, hash, &len, EVP_sha256(), NULL);
    BW_ASSERT(ok == 1);
    BW_ASSERT(len == BW_SHA256_LEN);
}

void bw_sha256_hex(struct bw_str bytes, char text[static BW_SHA256_HEX_LEN + 1])
{
    static const char digits[] = "0123456789abcdef";
    uint8_t hash[BW_SHA256_LEN];
    bw_sha256(bytes, hash);
    for (size_t i = 0; i < BW_SHA256_LEN; i++) {
        text[2 * i] = digits[hash[i] >> 4];
        text[2 * i + 1] = digits[hash[i] & 15];
    }
    text[BW_SHA256_HEX_LEN] = '\0';
}

struct bw_sha256 *bw_sha256_create(void)
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    BW_ASSERT(context);
    int ok = EVP_DigestInit_ex(context, EVP_sha256(), NULL);
    BW_ASSERT(ok == 1);
    return (struct bw_sha256 *)(void *)context;
}

void bw_sha256_destroy(struct bw_sha256 *sha256)
{
    EVP_MD_CTX_free(context_of(sha256));
}

void bw_sha256_update(struct bw_sha256 *sha256, struct bw_str bytes)
{
    int ok = EVP_DigestUpdate(context_of(sha256), bytes.ptr, bytes.len);
    BW_ASSERT(ok == 1);
}

void bw_sha256_finish(struct bw_sha256 *sha256, uint8_t hash[static BW_SHA256_LEN])
{
    unsigned len = 0;
    int ok = EVP_DigestFinal_ex(context_of(sha256), hash, &len);
    BW_ASSERT(ok == 1);
    BW_ASSERT(len == BW_SHA256_LEN);
    bw_sha256_destroy(sha256);
}

void bw_hmac_sha256(struct bw_str key, struct bw_str message, uint8_t mac[static BW_SHA256_LEN])
{
    BW_ASSERT(key.len <= INT_MAX);
    unsigned len = 0;
    const unsigned char *bytes = (const unsigned char *)(message.len ? message.ptr : "");
    const void *key_bytes = key.len ? key.ptr : "";
    unsigned char *made =
        HMAC(EVP_sha256(), key_bytes, (int)key.len, bytes, message.len, mac, &len);
    BW_ASSERT(made);
    BW_ASSERT(len == BW_SHA256_LEN);
}

bool bw_crypto_eq(struct bw_str a, struct bw_str b)
{
    if (a.len != b.len)
        return false;
    return a.len == 0 || CRYPTO_memcmp(a.ptr, b.ptr, a.len) == 0;
}

void bw_crypto_wipe(void *bytes, size_t len)
{
    OPENSSL_cleanse(bytes, len);
}
