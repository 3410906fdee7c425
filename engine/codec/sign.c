/* sign.c - see sign.h. */
#include "codec/sign.h"

#include "base/assert.h"
#include "codec/b64.h"
#include "codec/crypto.h"

#define TIMESTAMP_DIGITS_MAX 11
#define SIGNATURES_MAX 16 /* looked at in one header */

enum bw_err bw_sign_key_parse(struct bw_str text, struct bw_sign_key *key, struct bw_error *error)
{
    static const struct bw_str prefix = {"whsec_", 6};
    if (bw_str_starts(text, prefix))
        text = bw_str(text.ptr + prefix.len, text.len - prefix.len);
    struct bw_buf bytes;
    bw_buf_init(&bytes, sizeof key->bytes);
    bool is_key =
        bw_base64_decode(&bytes, text) && !bytes.is_over && bytes.len >= BW_SIGN_KEY_BYTES_MIN;
    if (is_key) {
        memcpy(key->bytes, bytes.ptr, bytes.len);
        key->len = bytes.len;
    }
    if (bytes.ptr)
        bw_crypto_wipe(bytes.ptr, bytes.capacity);
    bw_buf_deinit(&bytes);
    if (!is_key)
        return bw_fail(error, BW_ERR_INVALID,
                       "webhook secret: not \"whsec_\" with base64 of 24 to 64 bytes behind it");
    return BW_ERR_OK;
}

/* A full stop would let two messages have the same signed text. */
static enum bw_err check_id(struct bw_str id, struct bw_error *error)
{
    if (id.len == 0 || id.len > BW_SIGN_ID_BYTES_MAX)
        return bw_fail(error, BW_ERR_INVALID, "webhook-id: empty or over 256 bytes");
    for (size_t i = 0; i < id.len; i++) {
        if (id.ptr[i] <= ' ' || id.ptr[i] > '~' || id.ptr[i] == '.')
            return bw_fail(error, BW_ERR_INVALID,
                           "webhook-id: a full stop, space or other byte that no id has");
    }
    return BW_ERR_OK;
}

static void mac_of(const struct bw_sign_key *key, struct bw_str id, struct bw_str timestamp,
                   struct bw_str body, uint8_t mac[static BW_SHA256_LEN])
{
    BW_ASSERT(key->len >= BW_SIGN_KEY_BYTES_MIN && key->len <= BW_SIGN_KEY_BYTES_MAX);
    struct bw_buf text;
    bw_buf_init(&text, id.len + timestamp.len + body.len + 2);
    bw_buf_put_str(&text, id);
    bw_buf_put_char(&text, '.');
    bw_buf_put_str(&text, timestamp);
    bw_buf_put_char(&text, '.');
    bw_buf_put_str(&text, body);
    bw_hmac_sha256(bw_str((const char *)key->bytes, key->len), bw_buf_str(&text), mac);
    bw_buf_deinit(&text);
}

enum bw_err bw_sign_put(struct bw_buf *out, const struct bw_sign_key *key, struct bw_str id,
                        struct bw_stamp at, struct bw_str body, struct bw_error *error)
{
    enum bw_err err = check_id(id, error);
    if (err != BW_ERR_OK)
        return err;
    if (at.us < 0)
        return bw_fail(error, BW_ERR_INVALID, "webhook-timestamp: before 1970");
    uint8_t mac[BW_SHA256_LEN];
    struct bw_buf timestamp;
    bw_buf_init(&timestamp, 32);
    bw_buf_printf(&timestamp, "%lld", (long long)(at.us / BW_US_PER_S));
    mac_of(key, id, bw_buf_str(&timestamp), body, mac);
    bw_buf_deinit(&timestamp);
    bw_buf_put_text(out, "v1,");
    bw_base64_put(out, bw_str((const char *)mac, sizeof mac));
    return BW_ERR_OK;
}

static bool parse_timestamp(struct bw_str text, int64_t *seconds)
{
    *seconds = 0;
    if (text.len == 0 || text.len > TIMESTAMP_DIGITS_MAX)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] < '0' || text.ptr[i] > '9')
            return false;
        *seconds = *seconds * 10 + (text.ptr[i] - '0');
    }
    return true;
}

/* Takes the next signature, between spaces, off `rest`. */
static struct bw_str take_signature(struct bw_str *rest)
{
    const char *space = memchr(rest->ptr, ' ', rest->len);
    size_t len = space ? (size_t)(space - rest->ptr) : rest->len;
    struct bw_str signature = {rest->ptr, len};
    size_t taken = space ? len + 1 : len;
    rest->ptr += taken;
    rest->len -= taken;
    return signature;
}

/* Does one of the signatures carry this code? All are looked at, whatever the first says. */
static bool has_mac(struct bw_str signatures, const uint8_t mac[static BW_SHA256_LEN])
{
    bool is_found = false;
    struct bw_buf bytes;
    bw_buf_init(&bytes, BW_SHA256_LEN);
    for (int i = 0; i < SIGNATURES_MAX && signatures.len > 0; i++) {
        struct bw_str signature = take_signature(&signatures);
        bw_buf_clear(&bytes);
        if (!bw_str_starts(signature, BW_STR("v1,")) ||
            !bw_base64_decode(&bytes, bw_str(signature.ptr + 3, signature.len - 3)) ||
            bytes.is_over)
            continue;
        if (bw_crypto_eq(bw_buf_str(&bytes), bw_str((const char *)mac, BW_SHA256_LEN)))
            is_found = true;
    }
    bw_buf_deinit(&bytes);
    return is_found;
}

enum bw_err bw_sign_verify(const struct bw_sign_headers *headers, struct bw_str body,
                           const struct bw_sign_key *keys, size_t key_count, struct bw_stamp now,
                           int64_t tolerance_s, struct bw_error *error)
{
    int64_t seconds;
    enum bw_err err = check_id(headers->id, error);
    if (err != BW_ERR_OK)
        return err;
    if (!parse_timestamp(headers->timestamp, &seconds))
        return bw_fail(error, BW_ERR_INVALID, "webhook-timestamp: not a number of seconds");
    if (headers->signature.len == 0)
        return bw_fail(error, BW_ERR_INVALID, "webhook-signature: empty");
    bool is_signed = false;
    for (size_t i = 0; i < key_count; i++) {
        uint8_t mac[BW_SHA256_LEN];
        mac_of(&keys[i], headers->id, headers->timestamp, body, mac);
        if (has_mac(headers->signature, mac))
            is_signed = true;
    }
    if (!is_signed)
        return bw_fail(error, BW_ERR_UNAUTHORIZED, "webhook-signature: none is right");
    int64_t age_s = now.us / BW_US_PER_S - seconds;
    if (age_s > tolerance_s || age_s < -tolerance_s)
        return bw_fail(error, BW_ERR_UNAUTHORIZED, "webhook-timestamp: %lld seconds from now",
                       (long long)age_s);
    return BW_ERR_OK;
}
