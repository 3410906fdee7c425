#include "lua/bridge.h"
#include <stdio.h>
#include <stdlib.h>

static const char array_key =
    0; /* keys the metatable of arrays in the registry; also json.null's address */

/* --- null and arrays */

void bw_lua_push_null(lua_State *L)
{
    /* A light userdata cannot be told apart by scripts, and compares equal to itself everywhere.
     * The cast drops const only because lua_pushlightuserdata takes void *; nothing ever writes
     * through it. */
    lua_pushlightuserdata(L, (void *)(uintptr_t)&array_key);
}

bool bw_lua_is_null(lua_State *L, int index)
{
    return lua_islightuserdata(L, index) && lua_touserdata(L, index) == (const void *)&array_key;
}

static void push_array_metatable(lua_State *L)
{
    if (lua_rawgetp(L, LUA_REGISTRYINDEX, &array_key) == LUA_TTABLE)
        return;
    lua_pop(L, 1);
    luaL_checkstack(L, 4, NULL);
    lua_createtable(L, 0, 2);
    lua_pushliteral(L, "json.array");
    lua_setfield(L, -2, "__name");
    lua_pushliteral(L, "json.array");
    lua_setfield(L, -2, "__metatable");
    lua_pushvalue(L, -1);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &array_key);
}

void bw_lua_mark_array(lua_State *L, int index)
{
    index = lua_absindex(L, index);
    push_array_metatable(L);
    lua_setmetatable(L, index);
}

bool bw_lua_is_array(lua_State *L, int index)
{
    bool is_array;

    if (lua_type(L, index) != LUA_TTABLE || !lua_getmetatable(L, index))
        return false;
    lua_rawgetp(L, LUA_REGISTRYINDEX, &array_key);
    is_array = lua_rawequal(L, -1, -2);
    lua_pop(L, 2);
    return is_array;
}

/* --- encode */

/* Where we are inside the value, for messages: a chain of C frames. */
struct step {
    const struct step *up;
    struct bw_str key; /* of a map; ptr NULL: an array item */
    lua_Integer at;
};

struct encoder {
    lua_State *L;
    struct bw_buf *buf;
    const char *root;
    size_t nodes;
};

static void print_path(const struct step *step, struct bw_buf *text)
{
    if (!step)
        return;
    print_path(step->up, text);
    if (step->key.ptr)
        bw_buf_printf(text, ".%.*s", (int)(step->key.len > 64 ? 64 : step->key.len), step->key.ptr);
    else
        bw_buf_printf(text, "[%lld]", (long long)step->at);
}

/* Raises "<path>: <what>". Everything is copied to the stack first: nothing is owned when it
 * throws. */
static void refuse(struct encoder *encoder, const struct step *step, const char *what)
{
    char path[512];
    struct bw_buf text;
    size_t len;

    bw_buf_init(&text, sizeof path - 1);
    bw_buf_put_text(&text, encoder->root);
    print_path(step, &text);
    len = text.len;
    memcpy(path, text.ptr, len);
    path[len] = '\0';
    bw_buf_deinit(&text);
    bw_lua_raise(encoder->L, "%s: %s", path, what);
}

static void refuse_size(struct encoder *encoder)
{
    char what[160];

    (void)snprintf(what, sizeof what,
                   "too large to cross a border: over %zu bytes, or %d parts; keep the document "
                   "elsewhere and pass on what names it",
                   encoder->buf->bytes_max, BW_VALUE_NODES_MAX);
    refuse(encoder, NULL, what);
}

static void encode_at_top(struct encoder *encoder, const struct step *step, int depth);

static void encode_number(struct encoder *encoder, const struct step *step)
{
    lua_State *L = encoder->L;
    char what[256];
    lua_Number number;
    int len;

    if (lua_isinteger(L, -1)) {
        bw_value_put_int(encoder->buf, lua_tointeger(L, -1));
        return;
    }
    number = lua_tonumber(L, -1);
    if (number != number || number - number != 0) {
        refuse(encoder, step, "a float that is no finite number cannot cross a border");
        return;
    }
    len = snprintf(what, sizeof what, "float %.14g cannot cross a border: write decimal \"%.14g\"",
                   number, number);
    if (number == (lua_Number)(long long)number && len > 0 && (size_t)len < sizeof what)
        (void)snprintf(what + len, sizeof what - (size_t)len, ", or the integer %lld",
                       (long long)number);
    refuse(encoder, step, what);
}

static int compare_keys(const void *a, const void *b)
{
    return bw_str_cmp(*(const struct bw_str *)a, *(const struct bw_str *)b);
}

/* What kind of table lies at the top: counts its keys, and refuses what is neither array nor map.
 */
static bool is_array_table(struct encoder *encoder, const struct step *step, size_t *count)
{
    lua_State *L = encoder->L;
    bool is_marked = bw_lua_is_array(L, -1);
    size_t strings = 0, integers = 0;
    lua_Integer highest = 0;
    char what[160];

    for (lua_pushnil(L); lua_next(L, -2) != 0; lua_pop(L, 1)) {
        if (lua_type(L, -2) == LUA_TSTRING) {
            strings++;
        } else if (lua_isinteger(L, -2) && lua_tointeger(L, -2) > 0) {
            integers++;
            if (lua_tointeger(L, -2) > highest)
                highest = lua_tointeger(L, -2);
        } else {
            (void)snprintf(
                what, sizeof what,
                "a table with a %s key cannot cross a border: keys are strings, or 1, 2, 3, ...",
                lua_isinteger(L, -2) ? "zero or negative" : luaL_typename(L, -2));
            refuse(encoder, step, what);
        }
    }
    if (strings && (integers || is_marked))
        refuse(encoder, step, "a table that is both array and map cannot cross a border");
    if ((size_t)highest != integers) {
        (void)snprintf(what, sizeof what,
                       "the array has holes (%zu items, highest index %lld): write json.null for "
                       "an item that is not there",
                       integers, (long long)highest);
        refuse(encoder, step, what);
    }
    *count = strings + integers;
    return is_marked || integers > 0;
}

static void encode_array(struct encoder *encoder, const struct step *step, size_t count, int depth)
{
    lua_State *L = encoder->L;
    struct step item = {.up = step, .key = BW_STR_NONE, .at = 0};

    bw_value_put_arr(encoder->buf, count);
    for (size_t i = 1; i <= count; i++) {
        item.at = (lua_Integer)i;
        lua_rawgeti(L, -1, item.at);
        encode_at_top(encoder, &item, depth);
        lua_pop(L, 1);
    }
}

static void encode_map(struct encoder *encoder, const struct step *step, size_t count, int depth)
{
    lua_State *L = encoder->L;
    /* The slices borrow: each key stays anchored in the table, which nobody changes meanwhile. */
    struct bw_str *keys =
        lua_newuserdatauv(L, count ? count * sizeof *keys : 1, 0); /* stack: t keys */
    size_t found = 0;

    for (lua_pushnil(L); lua_next(L, -3) != 0; lua_pop(L, 1)) {
        size_t len;
        const char *ptr = lua_tolstring(L, -2, &len);
        keys[found++] = bw_str(ptr, len);
    }
    qsort(keys, count, sizeof *keys, compare_keys);
    bw_value_put_map(encoder->buf, count);
    for (size_t i = 0; i < count; i++) {
        struct step item = {.up = step, .key = keys[i], .at = 0};
        bw_value_put_key_str(encoder->buf, keys[i]);
        lua_pushlstring(L, keys[i].ptr, keys[i].len);
        lua_rawget(L, -3); /* stack: t keys v */
        encode_at_top(encoder, &item, depth);
        lua_pop(L, 1);
    }
    lua_pop(L, 1);
}

static void encode_userdata(struct encoder *encoder, const struct step *step)
{
    const struct bw_decimal *decimal = bw_lua_test_decimal(encoder->L, -1);
    const struct bw_lua_money *money = decimal ? NULL : bw_lua_test_money(encoder->L, -1);
    char text[BW_DECIMAL_TEXT_MAX];

    if (decimal) {
        size_t len = bw_decimal_print(*decimal, text);
        bw_value_put_dec(encoder->buf, bw_str(text, len));
    } else if (money) {
        size_t len = bw_decimal_print(money->amount, text);
        bw_value_put_money(encoder->buf, bw_str(text, len), money->currency);
    } else {
        refuse(encoder, step, "a userdata cannot cross a border");
    }
}

static void encode_at_top(struct encoder *encoder, const struct step *step, int depth)
{
    lua_State *L = encoder->L;
    char what[96];
    size_t count, len;
    const char *text;

    if (depth > BW_VALUE_DEPTH_MAX)
        refuse(encoder, step, "nested too deeply (a table inside itself?)");
    if (++encoder->nodes > BW_VALUE_NODES_MAX || encoder->buf->is_over)
        refuse_size(encoder);
    luaL_checkstack(L, 12, "value");
    switch (lua_type(L, -1)) {
    case LUA_TNIL:
        bw_value_put_nil(encoder->buf);
        break;
    case LUA_TBOOLEAN:
        bw_value_put_bool(encoder->buf, lua_toboolean(L, -1));
        break;
    case LUA_TNUMBER:
        encode_number(encoder, step);
        break;
    case LUA_TSTRING:
        text = lua_tolstring(L, -1, &len);
        bw_value_put_str(encoder->buf, bw_str(text, len));
        break;
    case LUA_TTABLE:
        if (is_array_table(encoder, step, &count))
            encode_array(encoder, step, count, depth + 1);
        else
            encode_map(encoder, step, count, depth + 1);
        break;
    case LUA_TUSERDATA:
        encode_userdata(encoder, step);
        break;
    default:
        if (bw_lua_is_null(L, -1)) {
            bw_value_put_null(encoder->buf);
            break;
        }
        (void)snprintf(what, sizeof what, "a %s cannot cross a border", luaL_typename(L, -1));
        refuse(encoder, step, what);
    }
}

void bw_lua_encode(lua_State *L, int index, const char *root, struct bw_buf *buf)
{
    struct encoder encoder = {.L = L, .buf = buf, .root = root, .nodes = 0};
    size_t len_before = buf->len;

    luaL_checkstack(L, 4, NULL);
    lua_pushvalue(L, index);
    encode_at_top(&encoder, NULL, 0);
    lua_pop(L, 1);
    if (buf->is_over)
        refuse_size(&encoder);
    bw_lua_charge(L, encoder.nodes + (buf->len - len_before) / 64);
}

/* --- decode */

static struct bw_decimal decode_decimal(lua_State *L, const struct bw_value *value)
{
    struct bw_decimal decimal;

    if (bw_decimal_parse(value->text, &decimal, NULL) != BW_ERR_OK)
        bw_lua_raise(L, "a stored decimal does not parse: \"%.*s\"", BW_STR_ARG(value->text));
    return decimal;
}

static void decode_array(lua_State *L, const struct bw_value *value)
{
    struct bw_str rest = value->items;
    struct bw_value item;
    lua_Integer at = 0;

    lua_createtable(L, (int)value->count, 0);
    while (bw_value_next(&rest, &item)) {
        bw_lua_decode_value(L, &item);
        lua_rawseti(L, -2, ++at);
    }
    bw_lua_mark_array(L, -1);
}

static void decode_map(lua_State *L, const struct bw_value *value)
{
    struct bw_str rest = value->items, key;
    struct bw_value item;

    lua_createtable(L, 0, (int)value->count);
    while (bw_value_next_pair(&rest, &key, &item)) {
        lua_pushlstring(L, key.ptr, key.len);
        bw_lua_decode_value(L, &item);
        lua_rawset(L, -3);
    }
}

void bw_lua_decode_value(lua_State *L, const struct bw_value *value)
{
    luaL_checkstack(L, 8, "value");
    switch (value->tag) {
    case BW_VALUE_NIL:
        lua_pushnil(L);
        break;
    case BW_VALUE_FALSE:
        lua_pushboolean(L, 0);
        break;
    case BW_VALUE_TRUE:
        lua_pushboolean(L, 1);
        break;
    case BW_VALUE_INT:
        lua_pushinteger(L, value->integer);
        break;
    case BW_VALUE_DEC:
        bw_lua_push_decimal(L, decode_decimal(L, value));
        break;
    case BW_VALUE_MONEY:
        bw_lua_push_money(L, decode_decimal(L, value), value->currency);
        break;
    case BW_VALUE_STR:
        lua_pushlstring(L, value->text.ptr, value->text.len);
        break;
    case BW_VALUE_ARR:
        decode_array(L, value);
        break;
    case BW_VALUE_MAP:
        decode_map(L, value);
        break;
    case BW_VALUE_NULL:
        bw_lua_push_null(L);
        break;
    }
}

void bw_lua_decode(lua_State *L, struct bw_str bytes)
{
    struct bw_value value = bw_value_read(bytes);

    bw_lua_decode_value(L, &value);
}
