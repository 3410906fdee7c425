/* sign.h - webhook signatures, Standard Webhooks 1.0.0, scheme v1 (HMAC-SHA256).
 *
 * Offers:  sign a message, verify one against one or more secrets (several while one is being
 * replaced). Relies on: codec/crypto.h, codec/b64.h. Pure bytes.
 *
 * Signed is "id.timestamp.body", the body as raw bytes: verify before anything parses it. Verifying
 * does not notice a message that comes twice; the caller stores the id with the event, in one
 * transaction.
 */
#ifndef BW_CODEC_SIGN_H
#define BW_CODEC_SIGN_H

#include "base/buf.h"
#include "base/time.h"

#define BW_SIGN_TOLERANCE_S 300
#define BW_SIGN_KEY_BYTES_MIN 24
#define BW_SIGN_KEY_BYTES_MAX 64
#define BW_SIGN_ID_BYTES_MAX 256

/* "whsec_" and base64 of 24 to 64 bytes; the prefix may be missing. */
struct bw_sign_key {
    uint8_t bytes[BW_SIGN_KEY_BYTES_MAX];
    size_t len;
};
BW_MUST_USE enum bw_err bw_sign_key_parse(struct bw_str text, struct bw_sign_key *key,
                                          struct bw_error *error);

/* The three headers of a message, as they are sent. */
struct bw_sign_headers {
    struct bw_str id;        /* webhook-id */
    struct bw_str timestamp; /* webhook-timestamp: seconds since 1970, digits only */
    struct bw_str signature; /* webhook-signature: "v1,<base64>", several separated by spaces */
};

/* Appends one "v1,<base64>". INVALID when the id has a full stop, a space or a byte that is not
 * printable. */
BW_MUST_USE enum bw_err bw_sign_put(struct bw_buf *out, const struct bw_sign_key *key,
                                    struct bw_str id, struct bw_stamp at, struct bw_str body,
                                    struct bw_error *error);
/* OK when one v1 signature is right for one of the keys and the timestamp is within `tolerance_s`
 * of `now`, before or behind. INVALID when a header is malformed, UNAUTHORIZED otherwise.
 * Signatures of other versions are passed over. */
BW_MUST_USE enum bw_err bw_sign_verify(const struct bw_sign_headers *headers, struct bw_str body,
                                       const struct bw_sign_key *keys, size_t key_count,
                                       struct bw_stamp now, int64_t tolerance_s,
                                       struct bw_error *error);

#endif
