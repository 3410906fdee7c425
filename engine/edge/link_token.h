/* link_token.h - signed tokens that let one person answer one task, once: what a link in a mail
 * carries.
 *
 * Offers:  write a token, read one that is genuine, tell which task one is about.
 * Relies on: codec/crypto.h (HMAC-SHA256, compared in constant time), codec/b64.h, codec/value.h.
 *
 * A token is base64url(payload) "." base64url(HMAC-SHA256(key, payload)). The payload says all that
 * it is bound to: tenant, task, digest of what the task shows, person, expiry, and an id of its
 * own. It is used up with the task: a task is answered once. Pure; asks no clock.
 */
#ifndef BW_EDGE_LINK_TOKEN_H
#define BW_EDGE_LINK_TOKEN_H

#include "base/id.h"
#include "base/mem.h"
#include "codec/value.h"

#define BW_LINK_KEY_LEN 32

struct bw_link_token {
    struct bw_str id; /* of the token: for the record */
    struct bw_id tenant;
    struct bw_id task;
    struct bw_str digest; /* of what the task shows, hexadecimal */
    struct bw_str person;
    int64_t expires_us;
};

void bw_link_token_write(const struct bw_link_token *token, struct bw_str key, struct bw_buf *out);
/* `token` borrows from `arena`. FORBIDDEN: it is none, was not made with this key, is for another
 * tenant, or has expired at `now_us`; the text says which only when it is genuine. */
BW_MUST_USE enum bw_err bw_link_token_read(struct bw_str text, struct bw_str key,
                                           struct bw_id tenant, int64_t now_us,
                                           struct bw_arena *arena, struct bw_link_token *token,
                                           struct bw_error *error);
/* The task that a token names, for who holds it and no key: nothing of it is verified. False: none
 * can be read. */
bool bw_link_token_task(struct bw_str text, struct bw_id *task);

#endif
