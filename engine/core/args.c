/* args.c - see args.h. */
#include "core/args.h"

#include "base/assert.h"

const char *bw_value_tag_name(enum bw_value_tag tag)
{
    switch (tag) {
    case BW_VALUE_NIL:
        return "nothing";
    case BW_VALUE_FALSE:
    case BW_VALUE_TRUE:
        return "a boolean";
    case BW_VALUE_INT:
        return "an integer";
    case BW_VALUE_DEC:
        return "a decimal";
    case BW_VALUE_STR:
        return "a string";
    case BW_VALUE_ARR:
        return "an array";
    case BW_VALUE_MAP:
        return "a map";
    case BW_VALUE_NULL:
        return "json.null";
    case BW_VALUE_MONEY:
        return "money";
    }
    return "a value of unknown kind";
}

static enum bw_err wrong(const char *key, const char *wanted, enum bw_value_tag got,
                         struct bw_error *error)
{
    return bw_fail(error, BW_ERR_INVALID, "'%s' must be %s, it is %s", key, wanted,
                   bw_value_tag_name(got));
}

/* In Lua an empty table is both: it arrives as an empty array, or as an empty map. */
static bool is_empty_table(const struct bw_value *value)
{
    return (value->tag == BW_VALUE_ARR || value->tag == BW_VALUE_MAP) && value->count == 0;
}

enum bw_err bw_args_opt_str(const struct bw_value *args, const char *key, struct bw_str *text,
                            struct bw_error *error)
{
    struct bw_value value = bw_value_get(args, key);
    if (value.tag == BW_VALUE_NIL)
        return BW_ERR_OK;
    if (value.tag != BW_VALUE_STR)
        return wrong(key, "a string", value.tag, error);
    *text = value.text;
    return BW_ERR_OK;
}

enum bw_err bw_args_need_str(const struct bw_value *args, const char *key, struct bw_str *text,
                             struct bw_error *error)
{
    struct bw_value value = bw_value_get(args, key);
    if (value.tag != BW_VALUE_STR)
        return wrong(key, "a string", value.tag, error);
    if (value.text.len == 0)
        return bw_fail(error, BW_ERR_INVALID, "'%s' is empty", key);
    *text = value.text;
    return BW_ERR_OK;
}

enum bw_err bw_args_opt_int(const struct bw_value *args, const char *key, int64_t *integer,
                            struct bw_error *error)
{
    struct bw_value value = bw_value_get(args, key);
    if (value.tag == BW_VALUE_NIL)
        return BW_ERR_OK;
    if (value.tag != BW_VALUE_INT)
        return wrong(key, "an integer", value.tag, error);
    *integer = value.integer;
    return BW_ERR_OK;
}

enum bw_err bw_args_opt_bool(const struct bw_value *args, const char *key, bool *is_true,
                             struct bw_error *error)
{
    struct bw_value value = bw_value_get(args, key);
    if (value.tag == BW_VALUE_NIL)
        return BW_ERR_OK;
    if (value.tag != BW_VALUE_TRUE && value.tag != BW_VALUE_FALSE)
        return wrong(key, "true or false", value.tag, error);
    *is_true = value.tag == BW_VALUE_TRUE;
    return BW_ERR_OK;
}

enum bw_err bw_args_need_int(const struct bw_value *args, const char *key, int64_t *integer,
                             struct bw_error *error)
{
    struct bw_value value = bw_value_get(args, key);
    if (value.tag != BW_VALUE_INT)
        return wrong(key, "an integer", value.tag, error);
    *integer = value.integer;
    return BW_ERR_OK;
}

enum bw_err bw_args_need_arr(const struct bw_value *args, const char *key, struct bw_value *array,
                             struct bw_error *error)
{
    *array = bw_value_get(args, key);
    if (array->tag != BW_VALUE_ARR && !is_empty_table(array))
        return wrong(key, "an array", array->tag, error);
    return BW_ERR_OK;
}

void bw_value_put_map_with_int(struct bw_buf *buf, const struct bw_value *map, const char *key,
                               int64_t integer)
{
    struct bw_str wanted = bw_str_of(key);
    bool is_replaced = bw_value_get(map, key).tag != BW_VALUE_NIL;
    bool is_put = false;
    struct bw_str rest = map->tag == BW_VALUE_MAP ? map->items : BW_STR_NONE;
    struct bw_str name;
    struct bw_value item;
    size_t count = map->tag == BW_VALUE_MAP ? map->count : 0;

    bw_value_put_map(buf, count + (is_replaced ? 0 : 1));
    while (bw_value_next_pair(&rest, &name, &item)) {
        int order = bw_str_cmp(name, wanted);
        if (order >= 0 && !is_put) {
            bw_value_put_key_str(buf, wanted);
            bw_value_put_int(buf, integer);
            is_put = true;
        }
        if (order != 0) {
            bw_value_put_key_str(buf, name);
            bw_buf_put_str(buf, item.encoded);
        }
    }
    if (!is_put) {
        bw_value_put_key_str(buf, wanted);
        bw_value_put_int(buf, integer);
    }
}
