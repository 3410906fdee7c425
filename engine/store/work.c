/* work.c - see work.h. */
#include "store/work.h"

#include "base/mem.h"
#include "store/sql_guard.h"
#include <stdio.h>

#define WORK_BYTES_MAX (64u * 1024u * 1024u)

static enum bw_err fail_param(struct bw_error *error, size_t index, const char *why)
{
    return bw_fail(error, BW_ERR_INVALID, "parameter %zu %s", index + 1, why);
}

/* The text that a parameter is sent as; `is_null` when it is SQL's null. */
static enum bw_err param_text(const struct bw_value *param, size_t index, struct bw_buf *text,
                              bool *is_null, struct bw_error *error)
{
    *is_null = false;
    switch (param->tag) {
    case BW_VALUE_NIL:
    case BW_VALUE_NULL:
        *is_null = true;
        break;
    case BW_VALUE_FALSE:
        bw_buf_put_text(text, "false");
        break;
    case BW_VALUE_TRUE:
        bw_buf_put_text(text, "true");
        break;
    case BW_VALUE_INT:
        bw_buf_printf(text, "%lld", (long long)param->integer);
        break;
    case BW_VALUE_DEC:
    case BW_VALUE_STR:
        bw_buf_put_str(text, param->text);
        break;
    case BW_VALUE_ARR:
    case BW_VALUE_MAP:
    case BW_VALUE_MONEY:
        bw_value_to_json(text, param->encoded, BW_JSON_DECIMAL_NUMBERS);
        break;
    }
    if (text->is_over)
        return fail_param(error, index, "is too large");
    if (text->len && memchr(text->ptr, 0, text->len))
        return fail_param(error, index, "holds a zero byte, which PostgreSQL's text cannot");
    return BW_ERR_OK;
}

static void put_json_text(struct bw_buf *json, struct bw_str text)
{
    struct bw_buf value;
    bw_buf_init(&value, WORK_BYTES_MAX);
    bw_value_put_str(&value, text);
    bw_value_to_json(json, bw_buf_str(&value), BW_JSON_DECIMAL_STRINGS);
    bw_buf_deinit(&value);
}

static bool is_ref(const struct bw_value *param, struct bw_str *name)
{
    if (param->tag != BW_VALUE_MAP || param->count != 1)
        return false;
    struct bw_value ref = bw_value_get(param, "$ref");
    *name = ref.text;
    return ref.tag == BW_VALUE_STR;
}

static enum bw_err put_params(const struct bw_value *params, struct bw_buf *json,
                              struct bw_error *error)
{
    bw_buf_put_char(json, '[');
    struct bw_str rest = params->items;
    struct bw_value param;
    for (size_t i = 0; params->tag == BW_VALUE_ARR && bw_value_next(&rest, &param); i++) {
        struct bw_str name;
        if (i)
            bw_buf_put_char(json, ',');
        if (is_ref(&param, &name)) {
            bw_buf_put_text(json, "{\"$ref\":");
            put_json_text(json, name);
            bw_buf_put_char(json, '}');
            continue;
        }
        struct bw_buf text;
        bw_buf_init(&text, WORK_BYTES_MAX);
        bool is_null;
        enum bw_err code = param_text(&param, i, &text, &is_null, error);
        if (code == BW_ERR_OK && is_null)
            bw_buf_put_text(json, "null");
        else if (code == BW_ERR_OK)
            put_json_text(json, bw_buf_str(&text));
        bw_buf_deinit(&text);
        if (code != BW_ERR_OK)
            return code;
    }
    bw_buf_put_char(json, ']');
    return BW_ERR_OK;
}

static void put_member(struct bw_buf *json, const char *key, struct bw_str text)
{
    bw_buf_printf(json, ",\"%s\":", key);
    put_json_text(json, text);
}

static enum bw_err put_number(const struct bw_value *item, struct bw_buf *json,
                              struct bw_error *error)
{
    struct bw_str series = bw_value_get_str(item, "number", BW_STR_NONE);
    static const char *const keys[] = {"date", "customer", "as"};
    if (!series.len)
        return bw_fail(error, BW_ERR_INVALID, "number has to be the name of a series");
    bw_buf_put_text(json, "{\"number\":");
    put_json_text(json, series);
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        struct bw_value member = bw_value_get(item, keys[i]);
        if (member.tag == BW_VALUE_STR)
            put_member(json, keys[i], member.text);
        else if (member.tag != BW_VALUE_NIL && member.tag != BW_VALUE_NULL)
            return bw_fail(error, BW_ERR_INVALID, "number %.*s: %s has to be a string",
                           BW_STR_ARG(series), keys[i]);
    }
    bw_buf_put_char(json, '}');
    return BW_ERR_OK;
}

static enum bw_err put_expect(const struct bw_value *item, struct bw_buf *json,
                              struct bw_error *error)
{
    struct bw_value expect = bw_value_get(item, "expect");
    bool is_word = expect.tag == BW_VALUE_STR && (bw_str_eq(expect.text, BW_STR("one")) ||
                                                  bw_str_eq(expect.text, BW_STR("any")) ||
                                                  bw_str_eq(expect.text, BW_STR("some")));
    if (expect.tag == BW_VALUE_NIL || expect.tag == BW_VALUE_NULL)
        put_member(json, "expect", BW_STR("any"));
    else if (is_word)
        put_member(json, "expect", expect.text);
    else if (expect.tag == BW_VALUE_INT && expect.integer >= 0)
        bw_buf_printf(json, ",\"expect\":\"%lld\"", (long long)expect.integer);
    else
        return bw_fail(error, BW_ERR_INVALID,
                       "expect has to be \"one\", \"some\", \"any\" or a number of rows");
    return BW_ERR_OK;
}

static enum bw_err put_statement(const struct bw_value *item, struct bw_buf *json,
                                 struct bw_error *error)
{
    struct bw_value params = bw_value_get(item, "params");
    if (params.tag != BW_VALUE_ARR && params.tag != BW_VALUE_NIL &&
        !(params.tag == BW_VALUE_MAP && params.count == 0))
        return bw_fail(error, BW_ERR_INVALID, "params has to be an array");
    struct bw_buf sql;
    bw_buf_init(&sql, 4u * BW_SQL_BYTES_MAX);
    struct bw_sql facts;
    enum bw_err code =
        bw_sql_prepare(bw_value_get_str(item, "sql", BW_STR_NONE),
                       params.tag == BW_VALUE_ARR ? params.count : 0, &sql, &facts, error);
    if (code == BW_ERR_OK) {
        bw_buf_put_text(json, "{\"sql\":");
        put_json_text(json, bw_buf_str(&sql));
        put_member(json, "name", bw_value_get_str(item, "name", BW_STR("statement")));
        bw_buf_printf(json, ",\"returning\":%s", facts.is_returning ? "true" : "false");
        code = put_expect(item, json, error);
    }
    bw_buf_deinit(&sql);
    if (code != BW_ERR_OK)
        return code;
    bw_buf_put_text(json, ",\"params\":");
    code = put_params(&params, json, error);
    bw_buf_put_char(json, '}');
    return code;
}

static enum bw_err put_items(const struct bw_value *items, struct bw_buf *json,
                             struct bw_str *failed, struct bw_error *error)
{
    *failed = BW_STR_NONE;
    if (items->tag != BW_VALUE_ARR || items->count == 0)
        return bw_fail(error, BW_ERR_INVALID, "a transaction has to be an array of statements");
    if (items->count > BW_WORK_ITEMS_MAX)
        return bw_fail(error, BW_ERR_LIMIT,
                       "a transaction of %zu statements; at most %u are allowed", items->count,
                       BW_WORK_ITEMS_MAX);
    struct bw_str rest = items->items;
    struct bw_value item;
    for (size_t i = 0; bw_value_next(&rest, &item); i++) {
        if (i)
            bw_buf_put_char(json, ',');
        *failed = bw_value_get_str(&item, "name", BW_STR_NONE);
        bool is_number = bw_value_get(&item, "number").tag != BW_VALUE_NIL;
        enum bw_err code =
            is_number ? put_number(&item, json, error) : put_statement(&item, json, error);
        if (code != BW_ERR_OK)
            return code;
    }
    if (json->is_over)
        return bw_fail(error, BW_ERR_LIMIT, "a transaction of over %u MiB", WORK_BYTES_MAX >> 20);
    return BW_ERR_OK;
}

void bw_work_put_error(struct bw_buf *value, enum bw_err code, const char *text,
                       const char *statement)
{
    bw_value_put_map(value, 4);
    bw_value_put_key(value, "code");
    bw_value_put_text(value, bw_err_name(code));
    bw_value_put_key(value, "detail");
    bw_value_put_map(value, statement ? 1 : 0);
    if (statement) {
        bw_value_put_key(value, "statement");
        bw_value_put_text(value, statement);
    }
    bw_value_put_key(value, "is_retryable");
    bw_value_put_bool(value, bw_err_is_retryable(code));
    bw_value_put_key(value, "text");
    bw_value_put_text(value, text);
}

void bw_work_put_key_taken(struct bw_buf *value, struct bw_str workflow, struct bw_str key)
{
    enum { KEY_SHOWN_MAX = 200 };
    char text[512];
    if (key.len > KEY_SHOWN_MAX) {
        key.len = KEY_SHOWN_MAX;
        while (key.len > 0 && ((unsigned char)key.ptr[key.len] & 0xc0) == 0x80)
            key.len--; /* no half character */
    }
    snprintf(text, sizeof text, "another run of workflow %.*s was started with the key %.*s",
             BW_STR_ARG(workflow), BW_STR_ARG(key));
    bw_work_put_error(value, BW_ERR_CONFLICT, text, NULL);
}

void bw_work_to_json(struct bw_str statements, struct bw_buf *json)
{
    struct bw_value items = bw_value_read(statements);
    struct bw_error error;
    struct bw_str failed;
    struct bw_buf body;
    bw_buf_init(&body, WORK_BYTES_MAX);
    if (put_items(&items, &body, &failed, &error) == BW_ERR_OK) {
        bw_buf_put_text(json, "{\"items\":[");
        bw_buf_put_str(json, bw_buf_str(&body));
        bw_buf_put_text(json, "]}");
    } else {
        struct bw_buf fault;
        bw_buf_init(&fault, WORK_BYTES_MAX);
        char *name = failed.len ? bw_xstrndup(failed.ptr, failed.len) : NULL;
        char text[BW_ERROR_TEXT_MAX + 256];
        snprintf(text, sizeof text, "%.200s%s%s", name ? name : "", name ? ": " : "", error.text);
        bw_work_put_error(&fault, error.code, text, name);
        bw_buf_put_text(json, "{\"fault\":");
        bw_value_to_json(json, bw_buf_str(&fault), BW_JSON_DECIMAL_STRINGS);
        bw_buf_put_char(json, '}');
        bw_free(name);
        bw_buf_deinit(&fault);
    }
    bw_buf_deinit(&body);
}

enum bw_err bw_work_query(struct bw_str sql, struct bw_str params, struct bw_buf *rewritten,
                          struct bw_buf *array, struct bw_error *error)
{
    struct bw_value list = bw_value_read(params);
    size_t count = list.tag == BW_VALUE_ARR ? list.count : 0;
    struct bw_sql facts;
    enum bw_err code = bw_sql_prepare(sql, count, rewritten, &facts, error);
    if (code != BW_ERR_OK)
        return code;
    if (!facts.is_read)
        return bw_fail(error, BW_ERR_INVALID,
                       "a query only reads: changes go through db.transaction");
    bw_buf_put_char(array, '{');
    struct bw_str rest = list.items;
    struct bw_value param;
    for (size_t i = 0; count > 0 && bw_value_next(&rest, &param); i++) {
        struct bw_buf text;
        bw_buf_init(&text, WORK_BYTES_MAX);
        bool is_null;
        code = param_text(&param, i, &text, &is_null, error);
        if (i)
            bw_buf_put_char(array, ',');
        if (code == BW_ERR_OK && is_null)
            bw_buf_put_text(array, "NULL");
        if (code == BW_ERR_OK && !is_null) {
            bw_buf_put_char(array, '"');
            for (size_t at = 0; at < text.len; at++) {
                if (text.ptr[at] == '"' || text.ptr[at] == '\\')
                    bw_buf_put_char(array, '\\');
                bw_buf_put_char(array, text.ptr[at]);
            }
            bw_buf_put_char(array, '"');
        }
        bw_buf_deinit(&text);
        if (code != BW_ERR_OK)
            return code;
    }
    bw_buf_put_char(array, '}');
    return array->is_over ? bw_fail(error, BW_ERR_LIMIT, "the parameters are too large")
                          : BW_ERR_OK;
}

void bw_work_from_json(struct bw_str json, struct bw_buf *value, bool *kind_is_error)
{
    struct bw_error error;
    size_t before = value->len;
    *kind_is_error = false;
    if (bw_value_from_json(value, json, &error) == BW_ERR_OK)
        return;
    value->len = before;
    char text[BW_ERROR_TEXT_MAX];
    snprintf(text, sizeof text,
             "the rows hold what a script cannot take (round it, or cast it to text): %.800s",
             error.text);
    bw_work_put_error(value, BW_ERR_INVALID, text, NULL);
    *kind_is_error = true;
}
