/* link_token.c - see link_token.h. */
#include "edge/link_token.h"
#include "codec/b64.h"
#include "codec/crypto.h"
#include "edge/form.h"
#include <string.h>

enum { TOKEN_BYTES_MAX = 4096 };

static void sign(struct bw_str payload, struct bw_str key, uint8_t mac[static BW_SHA256_LEN])
{
    bw_hmac_sha256(key, payload, mac);
}

void bw_link_token_write(const struct bw_link_token *token, struct bw_str key, struct bw_buf *out)
{
    struct bw_form form;
    struct bw_buf payload;
    char tenant[BW_ID_TEXT_LEN + 1], task[BW_ID_TEXT_LEN + 1];
    uint8_t mac[BW_SHA256_LEN];
    bw_id_print(token->tenant, tenant);
    bw_id_print(token->task, task);
    bw_form_init(&form);
    bw_form_put_int(&form, "v", 1);
    bw_form_put_str(&form, "id", token->id);
    bw_form_put_text(&form, "tenant", tenant);
    bw_form_put_text(&form, "task", task);
    bw_form_put_str(&form, "digest", token->digest);
    bw_form_put_str(&form, "person", token->person);
    bw_form_put_int(&form, "expires", token->expires_us);
    bw_buf_init(&payload, TOKEN_BYTES_MAX);
    bw_value_to_json(&payload, bw_form_finish(&form), BW_JSON_DECIMAL_STRINGS);
    sign(bw_buf_str(&payload), key, mac);
    bw_base64url_put(out, bw_buf_str(&payload));
    bw_buf_put_char(out, '.');
    bw_base64url_put(out, bw_str((const char *)mac, sizeof mac));
    bw_buf_deinit(&payload);
    bw_form_deinit(&form);
}

static enum bw_err refuse(struct bw_error *error)
{
    return bw_fail(error, BW_ERR_FORBIDDEN, "this is not a link of ours: ask for a new one");
}

/* The payload of a text whose signature is right; false when it is not. */
static bool open_payload(struct bw_str text, struct bw_str key, struct bw_buf *payload)
{
    const char *dot = text.len ? memchr(text.ptr, '.', text.len) : NULL;
    struct bw_buf mac;
    uint8_t expected[BW_SHA256_LEN];
    if (!dot || text.len > TOKEN_BYTES_MAX)
        return false;
    size_t len = (size_t)(dot - text.ptr);
    bw_buf_init(&mac, TOKEN_BYTES_MAX);
    bool is_good = bw_base64url_decode(payload, bw_str(text.ptr, len)) &&
                   bw_base64url_decode(&mac, bw_str(dot + 1, text.len - len - 1));
    sign(bw_buf_str(payload), key, expected);
    is_good =
        is_good && bw_crypto_eq(bw_buf_str(&mac), bw_str((const char *)expected, sizeof expected));
    bw_buf_deinit(&mac);
    return is_good;
}

static bool take(struct bw_str encoded, struct bw_link_token *token)
{
    struct bw_value map = bw_value_read(encoded);
    token->id = bw_value_get_str(&map, "id", BW_STR_NONE);
    token->digest = bw_value_get_str(&map, "digest", BW_STR_NONE);
    token->person = bw_value_get_str(&map, "person", BW_STR_NONE);
    token->expires_us = bw_value_get_int(&map, "expires", 0);
    return map.tag == BW_VALUE_MAP && bw_value_get_int(&map, "v", 0) == 1 && token->person.len &&
           token->digest.len &&
           bw_id_parse(bw_value_get_str(&map, "tenant", BW_STR_NONE), &token->tenant) &&
           bw_id_parse(bw_value_get_str(&map, "task", BW_STR_NONE), &token->task);
}

enum bw_err bw_link_token_read(struct bw_str text, struct bw_str key, struct bw_id tenant,
                               int64_t now_us, struct bw_arena *arena, struct bw_link_token *token,
                               struct bw_error *error)
{
    struct bw_buf payload, value;
    struct bw_error ignored = {0};
    bw_buf_init(&payload, TOKEN_BYTES_MAX);
    bw_buf_init(&value, 2 * TOKEN_BYTES_MAX);
    bool is_good = open_payload(text, key, &payload) &&
                   !bw_value_from_json(&value, bw_buf_str(&payload), &ignored) &&
                   take(bw_arena_copy(arena, bw_buf_str(&value)), token) &&
                   bw_id_eq(token->tenant, tenant);
    bw_buf_deinit(&payload);
    bw_buf_deinit(&value);
    if (!is_good)
        return refuse(error);
    if (token->expires_us <= now_us)
        return bw_fail(error, BW_ERR_FORBIDDEN, "this link has expired: ask for a new one");
    return BW_ERR_OK;
}

bool bw_link_token_task(struct bw_str text, struct bw_id *task)
{
    const char *dot = text.len ? memchr(text.ptr, '.', text.len) : NULL;
    struct bw_buf payload, value;
    struct bw_error ignored = {0};
    struct bw_link_token token;
    if (!dot || text.len > TOKEN_BYTES_MAX)
        return false;
    bw_buf_init(&payload, TOKEN_BYTES_MAX);
    bw_buf_init(&value, 2 * TOKEN_BYTES_MAX);
    bool is_read = bw_base64url_decode(&payload, bw_str(text.ptr, (size_t)(dot - text.ptr))) &&
                   !bw_value_from_json(&value, bw_buf_str(&payload), &ignored) &&
                   take(bw_buf_str(&value), &token);
    if (is_read)
        *task = token.task;
    bw_buf_deinit(&payload);
    bw_buf_deinit(&value);
    return is_read;
}
