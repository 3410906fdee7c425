/* api_link.c - links that answer a task: made for one person, signed, for a time, used up with the
 * task.
 *
 * What a link is bound to is in its token (edge/link_token.h): tenant, task, a hash of all that the
 * task shows, person, expiry. The answer carries the evidence along: which link, what was shown,
 * when. Making a link and looking at it are in the audit.
 */
#include "codec/b64.h"
#include "codec/crypto.h"
#include "codec/date.h"
#include "core/engine.h"
#include "edge/api_handlers.h"
#include "edge/form.h"
#include "edge/link_token.h"
#include <stdio.h>
#include <string.h>

enum { HOURS_DEFAULT = 72, HOURS_MAX = 24 * 90 };
#define HOUR_US INT64_C(3600000000)
#define KEY_NAME BW_STR("link-1") /* a new key gets a new name */

/* What one call has found so far. Lives in the call's arena. */
struct link {
    struct bw_api_call *call;
    void (*go_on)(struct link *link); /* with the key, then with the task */
    void (*use)(struct link *link);   /* of a token that is genuine */
    bool is_made;                     /* the key was missing, and written */
    char key[BW_LINK_KEY_LEN];
    struct bw_link_token token;
    struct bw_value task; /* borrowed, while go_on runs */
    char rendering[BW_SHA256_HEX_LEN + 1];
};

static void fail(struct link *link, enum bw_err code, const char *text)
{
    bw_api_fail_text(link->call, code, text);
}

/* --- the key: made when it is first needed */

static void key_read(void *ud, const struct bw_error *error, struct bw_str value);

static void read_key(struct link *link)
{
    struct bw_api_call *call = link->call;
    struct bw_form form;
    bw_form_init(&form);
    bw_form_put_str(&form, "name", KEY_NAME);
    call->store->read(call->store->self, call->tenant, BW_STR("key"), bw_form_finish(&form),
                      key_read, link);
    bw_form_deinit(&form);
}

static void key_written(void *ud, const struct bw_error *error)
{
    struct link *link = ud;
    if (error->code)
        bw_api_fail(link->call, error);
    else
        read_key(link); /* another node may have been faster: what is there counts */
}

static void make_key(struct link *link)
{
    struct bw_api_call *call = link->call;
    char bytes[BW_LINK_KEY_LEN];
    struct bw_buf hex;
    struct bw_form form;
    bw_api_random(call->api, bytes, sizeof bytes);
    bw_buf_init(&hex, 256);
    bw_hex_put(&hex, bw_str(bytes, sizeof bytes));
    bw_form_init(&form);
    bw_form_put_str(&form, "name", KEY_NAME);
    bw_form_put_str(&form, "key", bw_buf_str(&hex));
    link->is_made = true;
    call->store->write(call->store->self, call->tenant, BW_STR("key"), bw_form_finish(&form),
                       key_written, link);
    bw_form_deinit(&form);
    bw_crypto_wipe(bytes, sizeof bytes);
    bw_buf_deinit(&hex);
}

static void key_read(void *ud, const struct bw_error *error, struct bw_str value)
{
    struct link *link = ud;
    struct bw_value row = bw_value_read(error->code ? BW_STR_NONE : value);
    struct bw_buf bytes;
    if (error->code == BW_ERR_NOT_FOUND && !link->is_made) {
        make_key(link);
        return;
    }
    if (error->code) {
        bw_api_fail(link->call, error);
        return;
    }
    bw_buf_init(&bytes, 256);
    bool is_good = bw_hex_decode(&bytes, bw_value_get_str(&row, "key", BW_STR_NONE)) &&
                   bytes.len == sizeof link->key;
    if (is_good)
        memcpy(link->key, bytes.ptr, sizeof link->key);
    bw_buf_deinit(&bytes);
    if (is_good)
        link->go_on(link);
    else
        fail(link, BW_ERR_CORRUPT, "the signing key of links is not readable");
}

static struct bw_str key_of(const struct link *link)
{
    return bw_str(link->key, sizeof link->key);
}

static struct link *open_link(struct bw_api_call *call, void (*go_on)(struct link *link))
{
    struct link *link = bw_arena_calloc(&call->arena, 1, sizeof *link);
    link->call = call;
    link->go_on = go_on;
    return link;
}

/* --- the task */

static void task_read(void *ud, const struct bw_error *error, struct bw_str value)
{
    struct link *link = ud;
    if (error->code) {
        bw_api_fail(link->call, error);
        return;
    }
    link->task = bw_value_read(bw_arena_copy(&link->call->arena, value));
    bw_sha256_hex(bw_value_get(&link->task, "body").encoded, link->rendering);
    if (bw_str_eq(bw_value_get_str(&link->task, "status", BW_STR_NONE), BW_STR("open")))
        link->go_on(link);
    else
        fail(link, BW_ERR_CONFLICT, "this task was answered already, or is not needed any more");
}

static void read_task(struct link *link, struct bw_id task, void (*go_on)(struct link *link))
{
    struct bw_api_call *call = link->call;
    struct bw_form form;
    char text[BW_ID_TEXT_LEN + 1];
    bw_id_print(task, text);
    link->go_on = go_on;
    bw_form_init(&form);
    bw_form_put_text(&form, "id", text);
    call->store->read(call->store->self, call->tenant, BW_STR("task"), bw_form_finish(&form),
                      task_read, link);
    bw_form_deinit(&form);
}

/* Writes down who did what with a link, then calls `done` with the call or the link. */
static void put_audit(struct link *link, const char *action, bw_done_fn done, void *ud)
{
    struct bw_api_call *call = link->call;
    char task[BW_ID_TEXT_LEN + 1], expires[BW_STAMP_TEXT_MAX];
    struct bw_form form, detail;
    bw_id_print(link->token.task, task);
    bw_stamp_print((struct bw_stamp){link->token.expires_us}, expires);
    bw_form_init(&detail);
    bw_form_put_str(&detail, "link", link->token.id);
    bw_form_put_str(&detail, "for", link->token.person);
    bw_form_put_text(&detail, "rendering", link->rendering);
    bw_form_put_text(&detail, "expires_at", expires);
    bw_form_init(&form);
    bw_form_put_str(&form, "actor", call->actor.len ? call->actor : link->token.person);
    bw_form_put_text(&form, "action", action);
    bw_form_put_text(&form, "subject", task);
    bw_form_put_value(&form, "detail", bw_form_finish(&detail));
    call->store->write(call->store->self, call->tenant, BW_STR("audit"), bw_form_finish(&form),
                       done, ud);
    bw_form_deinit(&form);
    bw_form_deinit(&detail);
}

/* --- make one */

static bool is_among(struct bw_value list, struct bw_str name)
{
    struct bw_str rest = list.tag == BW_VALUE_ARR ? list.items : BW_STR_NONE;
    struct bw_value member;
    bool is_open = list.count == 0;
    while (!is_open && bw_value_next(&rest, &member))
        is_open = bw_str_eq(member.text, name);
    return is_open;
}

static void made(void *ud, const struct bw_error *error)
{
    struct link *link = ud;
    struct bw_api_call *call = link->call;
    char expires[BW_STAMP_TEXT_MAX];
    struct bw_form form;
    struct bw_buf token;
    if (error->code) {
        bw_api_fail(call, error);
        return;
    }
    bw_buf_init(&token, 8192);
    bw_link_token_write(&link->token, key_of(link), &token);
    bw_stamp_print((struct bw_stamp){link->token.expires_us}, expires);
    bw_form_init(&form);
    bw_form_put_str(&form, "token", bw_buf_str(&token));
    bw_form_put_str(&form, "id", link->token.id);
    bw_form_put_str(&form, "for", link->token.person);
    bw_form_put_text(&form, "expires_at", expires);
    bw_api_answer(call, 201, bw_form_finish(&form));
    bw_form_deinit(&form);
    bw_buf_deinit(&token);
}

static void make(struct link *link)
{
    struct bw_api_call *call = link->call;
    char id[BW_ID_TEXT_LEN + 1];
    if (!is_among(bw_value_get(&link->task, "assignees"), link->token.person)) {
        fail(link, BW_ERR_FORBIDDEN,
             "this person is not among those who are asked: see the assignees of the task");
        return;
    }
    bw_id_print(bw_api_new_id(call->api), id);
    link->token.id = bw_arena_copy(&call->arena, bw_str_of(id));
    link->token.tenant = call->tenant;
    link->token.digest = bw_arena_copy(&call->arena, bw_str_of(link->rendering));
    put_audit(link, "task.link", made, link);
}

static void make_with_key(struct link *link)
{
    read_task(link, link->token.task, make);
}

void bw_api_task_link(struct bw_api_call *call)
{
    struct bw_value body = bw_value_read(call->body);
    struct link *link = open_link(call, make_with_key);
    int64_t hours = bw_value_get_int(&body, "hours", HOURS_DEFAULT);
    link->token.person = bw_value_get_str(&body, "for", BW_STR_NONE);
    link->token.expires_us = bw_api_now(call->api).us + hours * HOUR_US;
    if (!bw_id_parse(call->parameters[0], &link->token.task))
        fail(link, BW_ERR_INVALID, "this is no id of a task: see billow task list");
    else if (!link->token.person.len)
        fail(link, BW_ERR_INVALID, "a link is for somebody: {\"for\": \"Dana Scully\"}");
    else if (hours < 1 || hours > HOURS_MAX)
        fail(link, BW_ERR_INVALID, "a link lasts from 1 to 2160 hours");
    else
        read_key(link);
}

/* --- use one */

static void use_with_key(struct link *link)
{
    struct bw_api_call *call = link->call;
    struct bw_value body = bw_value_read(call->body);
    struct bw_error error = {0};
    if (bw_link_token_read(bw_value_get_str(&body, "token", BW_STR_NONE), key_of(link),
                           call->tenant, bw_api_now(call->api).us, &call->arena, &link->token,
                           &error))
        bw_api_fail(call, &error);
    else
        read_task(link, link->token.task, link->use);
}

/* What the task shows is what the link was made for, or nothing goes on. */
static bool is_unchanged(struct link *link)
{
    if (bw_str_eq(link->token.digest, bw_str_of(link->rendering)))
        return true;
    fail(link, BW_ERR_CONFLICT,
         "the task shows something else than when the link was made: ask for a new one");
    return false;
}

static void seen(void *ud, const struct bw_error *error)
{
    struct link *link = ud;
    struct bw_api_call *call = link->call;
    struct bw_form form;
    if (error->code) {
        bw_api_fail(call, error);
        return;
    }
    bw_form_init(&form);
    bw_form_put_str(&form, "for", link->token.person);
    bw_form_put_text(&form, "rendering", link->rendering);
    bw_form_put_value(&form, "title", bw_value_get(&link->task, "title").encoded);
    bw_form_put_value(&form, "kind", bw_value_get(&link->task, "kind").encoded);
    bw_form_put_value(&form, "body", bw_value_get(&link->task, "body").encoded);
    bw_api_answer(call, 200, bw_form_finish(&form));
    bw_form_deinit(&form);
}

static void view(struct link *link)
{
    if (is_unchanged(link))
        put_audit(link, "task.seen", seen, link);
}

/* The evidence that goes with the answer: into the task, the run's journal and the invoice. */
static void put_evidence(const struct link *link, struct bw_form *answer)
{
    struct bw_value body = bw_value_get(&link->task, "body");
    struct bw_str digest =
        body.tag == BW_VALUE_MAP ? bw_value_get_str(&body, "digest", BW_STR_NONE) : BW_STR_NONE;
    char at[BW_STAMP_TEXT_MAX];
    struct bw_form evidence, data;
    bw_stamp_print(bw_api_now(link->call->api), at);
    bw_form_init(&evidence);
    bw_form_put_text(&evidence, "via", "link");
    bw_form_put_str(&evidence, "link", link->token.id);
    bw_form_put_str(&evidence, "by", link->token.person);
    bw_form_put_text(&evidence, "rendering", link->rendering);
    bw_form_put_text(&evidence, "answered_at", at);
    if (digest.len)
        bw_form_put_str(&evidence, "digest", digest);
    bw_form_init(&data);
    bw_form_put_value(&data, "evidence", bw_form_finish(&evidence));
    if (digest.len)
        bw_form_put_str(&data, "digest", digest);
    bw_form_put_value(answer, "data", bw_form_finish(&data));
    bw_form_deinit(&evidence);
    bw_form_deinit(&data);
}

static void answer(struct link *link)
{
    struct bw_api_call *call = link->call;
    struct bw_value body = bw_value_read(call->body);
    struct bw_str decision = bw_value_get_str(&body, "decision", BW_STR_NONE);
    struct bw_str rendering = bw_value_get_str(&body, "rendering", BW_STR_NONE);
    struct bw_form form;
    if (!is_unchanged(link))
        return;
    if (!decision.len) {
        fail(link, BW_ERR_INVALID, "the answer needs a decision: {\"decision\": \"approve\"}");
        return;
    }
    if (rendering.len && !bw_str_eq(rendering, bw_str_of(link->rendering))) {
        fail(link, BW_ERR_CONFLICT, "the answer is to something else than the task shows");
        return;
    }
    if (!bw_api_is_choice(call, &link->task, decision))
        return;
    bw_form_init(&form);
    bw_form_put_str(&form, "decision", decision);
    bw_form_put_str(&form, "by", link->token.person);
    bw_form_put_value(&form, "comment", bw_value_get(&body, "comment").encoded);
    put_evidence(link, &form);
    bw_engine_answer_task(call->engine, call->tenant, link->token.task, bw_form_finish(&form),
                          bw_api_on_done, call);
    bw_form_deinit(&form);
}

static void use_token(struct bw_api_call *call, void (*use)(struct link *link))
{
    struct link *link = open_link(call, use_with_key);
    link->use = use;
    read_key(link);
}

void bw_api_link_view(struct bw_api_call *call)
{
    use_token(call, view);
}

void bw_api_link_answer(struct bw_api_call *call)
{
    use_token(call, answer);
}
