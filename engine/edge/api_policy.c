/* api_policy.c - policies of the active release: what can be set, what is in force, who changed it.
 *
 * What a schema allows is judged by billow.policies (stdlib/policies.lua) in a trusted Lua state:
 * the release's files are data to it, nothing of them is executed.
 */
#include "codec/date.h"
#include "edge/api_handlers.h"
#include "edge/api_query.h"
#include "edge/config.h"
#include "edge/form.h"
#include "lua/tool.h"
#include "lua/tool_call.h"
#include <stdio.h>

enum { PATH_BYTES_MAX = 4096, AUDIT_ROWS_MAX = 10000 };
#define VALUE_BYTES_MAX ((size_t)64 * 1024 * 1024)

/* What goes on after the release was read. Lives in the call's arena. */
struct question {
    struct bw_api_call *call;
    struct bw_str files; /* encoded {path: text} of policies/ */
    void (*go_on)(struct question *question);
};

/* --- the Lua side */

/* Calls `name` of billow.policies with `args` (encoded values). Its value is copied to the call's
 * arena; nil with code and text becomes the error. */
static enum bw_err ask(struct bw_api_call *call, const char *name, const struct bw_str *args,
                       size_t count, struct bw_str *value, struct bw_error *error)
{
    char stdlib_dir[PATH_BYTES_MAX];
    const char *share_dir;
    struct bw_buf encoded, results;
    if (bw_config_share_dir(&share_dir, error))
        return error->code;
    snprintf(stdlib_dir, sizeof stdlib_dir, "%s/stdlib", share_dir);
    struct bw_tool_options options = {.stdlib_dir = stdlib_dir};
    struct bw_tool *tool = bw_tool_create(&options, error);
    if (!tool)
        return error->code;
    bw_buf_init(&encoded, VALUE_BYTES_MAX);
    bw_buf_init(&results, VALUE_BYTES_MAX);
    bw_value_put_arr(&encoded, count);
    for (size_t i = 0; i < count; i++)
        bw_buf_put_str(&encoded, args[i]);
    enum bw_err err =
        bw_tool_apply(tool, "billow.policies", name, bw_buf_str(&encoded), &results, error);
    bw_tool_destroy(tool);
    struct bw_value list = bw_value_read(err ? BW_STR_NONE : bw_buf_str(&results)), found, code;
    struct bw_str rest = list.items;
    if (!err && bw_value_next(&rest, &found) && found.tag != BW_VALUE_NIL) {
        *value = bw_arena_copy(&call->arena, found.encoded);
    } else if (!err) {
        struct bw_value text = {.text = BW_STR("no reason was given")};
        enum bw_err reason = BW_ERR_INVALID;
        if (bw_value_next(&rest, &code) && bw_str_eq(code.text, BW_STR("NOT_FOUND")))
            reason = BW_ERR_NOT_FOUND;
        else if (bw_str_eq(code.text, BW_STR("FORBIDDEN")))
            reason = BW_ERR_FORBIDDEN;
        (void)bw_value_next(&rest, &text);
        err = bw_fail(error, reason, "%.*s", BW_STR_ARG(text.text));
    }
    bw_buf_deinit(&encoded);
    bw_buf_deinit(&results);
    return err;
}

/* Answers the call with what a function of billow.policies says. */
static void answer_with(struct bw_api_call *call, const char *name, const struct bw_str *args,
                        size_t count)
{
    struct bw_error error = {0};
    struct bw_str value;
    if (ask(call, name, args, count, &value, &error))
        bw_api_fail(call, &error);
    else
        bw_api_answer(call, 200, value);
}

static struct bw_str encoded_str(struct bw_api_call *call, struct bw_str text)
{
    struct bw_buf buf;
    bw_buf_init(&buf, text.len + 16);
    bw_value_put_str(&buf, text);
    struct bw_str copy = bw_arena_copy(&call->arena, bw_buf_str(&buf));
    bw_buf_deinit(&buf);
    return copy;
}

/* --- the active release */

static void release_read(void *ud, const struct bw_error *error,
                         const struct bw_release_set *release)
{
    struct question *question = ud;
    struct bw_buf files;
    size_t count = 0;
    if (error->code) {
        bw_api_fail(question->call, error);
        return;
    }
    for (size_t i = 0; i < release->count; i++)
        count += bw_str_starts(release->files[i].name, BW_STR("policies/"));
    bw_buf_init(&files, VALUE_BYTES_MAX);
    bw_value_put_map(&files, count);
    for (size_t i = 0; i < release->count; i++) {
        if (!bw_str_starts(release->files[i].name, BW_STR("policies/")))
            continue;
        bw_value_put_key_str(&files, release->files[i].name);
        bw_value_put_str(&files, release->files[i].bytes);
    }
    question->files = bw_arena_copy(&question->call->arena, bw_buf_str(&files));
    bw_buf_deinit(&files);
    question->go_on(question);
}

static void with_release(struct bw_api_call *call, void (*go_on)(struct question *question))
{
    struct question *question = bw_arena_calloc(&call->arena, 1, sizeof *question);
    question->call = call;
    question->go_on = go_on;
    call->store->active_release(call->store->self, call->tenant, true, release_read, question);
}

/* --- list and show */

static void list(struct question *question)
{
    answer_with(question->call, "list", &question->files, 1);
}

void bw_api_policies(struct bw_api_call *call)
{
    with_release(call, list);
}

static void settings_read(void *ud, const struct bw_error *error, struct bw_str outcome)
{
    struct question *question = ud;
    struct bw_api_call *call = question->call;
    struct bw_str args[] = {question->files, encoded_str(call, call->parameters[0]), outcome};
    if (error->code)
        bw_api_fail(call, error);
    else
        answer_with(call, "show", args, 3);
}

/* The date asked for, else today (UTC). */
static struct bw_str date_or_today(struct bw_api_call *call, struct bw_str date)
{
    char text[BW_STAMP_TEXT_MAX];
    if (date.len)
        return date;
    bw_stamp_print(bw_api_now(call->api), text);
    return bw_arena_copy(&call->arena, bw_str(text, BW_DATE_TEXT_LEN));
}

static void show(struct question *question)
{
    struct bw_api_call *call = question->call;
    struct bw_form scopes, form;
    struct bw_str customer = bw_api_query_parameter(call, "customer");
    struct bw_str contract = bw_api_query_parameter(call, "contract");
    bw_form_init(&scopes);
    bw_form_init(&form);
    if (customer.len)
        bw_form_put_str(&scopes, "customer", customer);
    if (contract.len)
        bw_form_put_str(&scopes, "contract", contract);
    bw_form_put_str(&form, "policy", call->parameters[0]);
    bw_form_put_str(&form, "on", date_or_today(call, bw_api_query_parameter(call, "on")));
    bw_form_put_value(&form, "scopes", bw_form_finish(&scopes));
    call->store->settings(call->store->self, call->tenant, bw_form_finish(&form), settings_read,
                          question);
    bw_form_deinit(&scopes);
    bw_form_deinit(&form);
}

void bw_api_policy(struct bw_api_call *call)
{
    with_release(call, show);
}

/* --- set: judged, written, and put on record */

/* The change as the store takes it; what the body leaves out is the tenant's, from today. */
static struct bw_str change_of(struct bw_api_call *call)
{
    struct bw_value body = bw_value_read(call->body);
    struct bw_form form;
    bw_form_init(&form);
    bw_form_put_str(&form, "policy", call->parameters[0]);
    bw_form_put_str(&form, "name", bw_value_get_str(&body, "name", BW_STR("")));
    bool is_unset = bw_value_get_bool(&body, "unset", false);
    if (is_unset)
        bw_form_put_bool(&form, "is_unset", true);
    bw_form_put_value(&form, "value", bw_value_get(&body, "value").encoded);
    bw_form_put_str(&form, "scope_type", bw_value_get_str(&body, "scope_type", BW_STR("tenant")));
    struct bw_str scope_id = bw_value_get_str(&body, "scope_id", BW_STR_NONE);
    if (scope_id.len)
        bw_form_put_str(&form, "scope_id", scope_id);
    bw_form_put_str(&form, "valid_from",
                    date_or_today(call, bw_value_get_str(&body, "valid_from", BW_STR_NONE)));
    bw_form_put_bool(&form, "locked", bw_value_get_bool(&body, "locked", false));
    bw_form_put_str(&form, "set_by", call->actor);
    struct bw_str change = bw_arena_copy(&call->arena, bw_form_finish(&form));
    bw_form_deinit(&form);
    return change;
}

/* The change with its audit record: both are written, or neither. */
static struct bw_str on_record(struct bw_api_call *call, struct bw_str change)
{
    struct bw_value map = bw_value_read(change), value;
    struct bw_str rest = map.items, key;
    struct bw_form record, form;
    bw_form_init(&record);
    bw_form_put_str(&record, "actor", call->actor);
    bw_form_put_text(&record, "action", "policy.set");
    bw_form_put_str(&record, "subject", call->parameters[0]);
    bw_form_put_value(&record, "detail", change_of(call));
    bw_form_init(&form);
    while (bw_value_next_pair(&rest, &key, &value))
        bw_form_put_value(&form, bw_arena_cstr(&call->arena, key), value.encoded);
    bw_form_put_value(&form, "audit", bw_form_finish(&record));
    struct bw_str whole = bw_arena_copy(&call->arena, bw_form_finish(&form));
    bw_form_deinit(&record);
    bw_form_deinit(&form);
    return whole;
}

/* With the layers in force for the change's scope: a lock among them forbids it. */
static void layers_read(void *ud, const struct bw_error *error, struct bw_str outcome)
{
    struct question *question = ud;
    struct bw_api_call *call = question->call;
    struct bw_error own = *error;
    struct bw_value settings = bw_value_read(own.code ? BW_STR_NONE : outcome);
    struct bw_str layers = bw_value_get(&settings, "layers").encoded, change;
    struct bw_str args[] = {question->files, change_of(call), layers};
    if (own.code || ask(call, "check", args, 3, &change, &own))
        bw_api_fail(call, &own);
    else
        call->store->write(call->store->self, call->tenant, BW_STR("setting"),
                           on_record(call, change), bw_api_on_done, call);
}

static void read_layers(struct question *question, struct bw_str customer)
{
    struct bw_api_call *call = question->call;
    struct bw_str encoded = change_of(call);
    struct bw_value change = bw_value_read(encoded);
    struct bw_str type = bw_value_get_str(&change, "scope_type", BW_STR_NONE);
    struct bw_str id = bw_value_get_str(&change, "scope_id", BW_STR_NONE);
    struct bw_str on = bw_value_get_str(&change, "valid_from", BW_STR_NONE);
    struct bw_str args[] = {question->files, encoded};
    struct bw_str checked;
    struct bw_error error = {0};
    struct bw_form scopes, form;
    if (ask(call, "check", args, 2, &checked, &error)) { /* before the store judges its date */
        bw_api_fail(call, &error);
        return;
    }
    bw_form_init(&scopes);
    bw_form_init(&form);
    if (bw_str_eq(type, BW_STR("customer")))
        customer = id;
    if (bw_str_eq(type, BW_STR("contract")))
        bw_form_put_str(&scopes, "contract", id);
    if (customer.len)
        bw_form_put_str(&scopes, "customer", customer);
    bw_form_put_str(&form, "policy", call->parameters[0]);
    bw_form_put_str(&form, "on", on);
    bw_form_put_value(&form, "scopes", bw_form_finish(&scopes));
    call->store->settings(call->store->self, call->tenant, bw_form_finish(&form), layers_read,
                          question);
    bw_form_deinit(&scopes);
    bw_form_deinit(&form);
}

static const char SCOPE_SQL[] =
    "select (select body->>'customer_id' from billing.document where kind = $2 and id = $1"
    " order by version desc limit 1) as customer,"
    " exists (select from billing.document where kind = $2 and id = $1) as is_known,"
    " exists (select from billing.document where kind = $2) as has_any";

/* A setting for a name that was mistyped would wait there for ever, and decide nothing. Before the
 * first import nobody is known, and any name may be meant. What was set by mistake can be unset. */
static bool is_mistyped(const struct bw_value *body, const struct bw_value *row)
{
    return bw_value_get(row, "is_known").tag == BW_VALUE_FALSE &&
           bw_value_get(row, "has_any").tag == BW_VALUE_TRUE &&
           bw_value_get(body, "unset").tag != BW_VALUE_TRUE;
}

/* Whose contract it is: what is locked for a customer is locked for the contract. */
static void scope_read(void *ud, const struct bw_error *error, struct bw_str rows)
{
    struct bw_api_call *call = ud;
    struct question *question = call->handler;
    struct bw_value list = bw_value_read(error->code ? BW_STR_NONE : rows), row = {0};
    struct bw_value body = bw_value_read(call->body);
    struct bw_str type = bw_value_get_str(&body, "scope_type", BW_STR_NONE);
    struct bw_str id = bw_value_get_str(&body, "scope_id", BW_STR_NONE), rest = list.items;
    struct bw_error own = *error;
    if (!own.code && bw_value_next(&rest, &row) && is_mistyped(&body, &row))
        (void)bw_fail(&own, BW_ERR_NOT_FOUND,
                      "there is no %.*s %.*s: the setting would decide nothing. Mend the name, or "
                      "import the %.*s first",
                      BW_STR_ARG(type), BW_STR_ARG(id), BW_STR_ARG(type));
    if (own.code)
        bw_api_fail(call, &own);
    else
        read_layers(question, bw_value_get_str(&row, "customer", BW_STR_NONE));
}

static void set(struct question *question)
{
    struct bw_api_call *call = question->call;
    struct bw_value body = bw_value_read(call->body);
    struct bw_str id = bw_value_get_str(&body, "scope_id", BW_STR_NONE);
    struct bw_str type = bw_value_get_str(&body, "scope_type", BW_STR_NONE);
    bool is_document = bw_str_eq(type, BW_STR("contract")) || bw_str_eq(type, BW_STR("customer"));
    struct bw_str params[] = {id, type};
    call->handler = question;
    if (is_document && id.len)
        bw_api_query(call, "api.setting_scope", SCOPE_SQL, params, 2, scope_read);
    else
        read_layers(question, BW_STR_NONE);
}

void bw_api_policy_set(struct bw_api_call *call)
{
    with_release(call, set);
}

/* --- history */

static void audit_read(void *ud, const struct bw_error *error, struct bw_str rows)
{
    struct bw_api_call *call = ud;
    struct bw_str args[] = {rows, encoded_str(call, call->parameters[0])};
    if (error->code)
        bw_api_fail(call, error);
    else
        answer_with(call, "history", args, 2);
}

void bw_api_policy_history(struct bw_api_call *call)
{
    struct bw_form form;
    bw_form_init(&form);
    bw_form_put_int(&form, "limit", AUDIT_ROWS_MAX);
    call->store->read(call->store->self, call->tenant, BW_STR("audit"), bw_form_finish(&form),
                      audit_read, call);
    bw_form_deinit(&form);
}
