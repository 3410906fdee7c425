/* show.c - see show.h. */
#include "lua/show.h"
#include "codec/json.h"
#include "lua/lib.h"
#include "lua/lib_string.h"
#include <math.h>
#include <string.h>

#define LINE_BYTES_MAX 100 /* a table that is longer gets a line for each item */

struct show {
    lua_State *L;
    struct bw_buf *out;
    bool is_json;
    size_t nodes;
};

static void check(struct show *show, int depth)
{
    if (depth > BW_SHOW_DEPTH_MAX)
        bw_lua_raise(show->L, "the result is nested deeper than %d (a table inside itself?)",
                     BW_SHOW_DEPTH_MAX);
    if (++show->nodes > BW_SHOW_NODES_MAX)
        bw_lua_raise(show->L, "the result has more than %d parts", BW_SHOW_NODES_MAX);
    if (show->out->is_over)
        bw_lua_raise(show->L, "the result is longer than %u bytes", BW_SHOW_BYTES_MAX);
    bw_lua_charge(show->L, 1);
    luaL_checkstack(show->L, 8, "result");
}

/* --- what is no table */

static void put_quoted(struct bw_buf *out, struct bw_str text)
{
    bw_buf_put_char(out, '"');
    for (size_t i = 0; i < text.len && !out->is_over; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        if (c == '"' || c == '\\')
            bw_buf_printf(out, "\\%c", c);
        else if (c == '\n')
            bw_buf_put_text(out, "\\n");
        else if (c < 0x20 || c == 0x7f)
            bw_buf_printf(out, "\\%03d", c);
        else
            bw_buf_put_char(out, (char)c);
    }
    bw_buf_put_char(out, '"');
}

/* A zero is what many readers of JSON refuse: it is written as the sign for an unknown character,
 * like bytes that are not UTF-8. */
static void put_json_string(struct bw_buf *out, struct bw_str text)
{
    const char *zero;

    bw_buf_put_char(out, '"');
    for (;;) {
        size_t before;
        zero = text.len ? memchr(text.ptr, '\0', text.len) : NULL;
        before = out->len;
        bw_json_put_string(out, bw_str(text.ptr, zero ? (size_t)(zero - text.ptr) : text.len));
        if (out->is_over)
            return;
        memmove(out->ptr + before, out->ptr + before + 1, out->len - before - 2);
        out->len -= 2; /* its quotes */
        if (!zero)
            break;
        bw_buf_put_text(out, "\xef\xbf\xbd");
        text = bw_str(zero + 1, (size_t)(text.ptr + text.len - zero) - 1);
    }
    bw_buf_put_char(out, '"');
}

static void put_string(struct show *show, struct bw_str text)
{
    if (show->is_json)
        put_json_string(show->out, text);
    else
        put_quoted(show->out, text);
}

static void put_number(struct show *show, int index)
{
    lua_Number number;
    char text[64];

    if (lua_isinteger(show->L, index)) {
        bw_buf_printf(show->out, "%lld", (long long)lua_tointeger(show->L, index));
        return;
    }
    number = lua_tonumber(show->L, index);
    if (isfinite(number)) {
        (void)snprintf(text, sizeof text, show->is_json ? "%.17g" : "%.14g", number);
        bw_buf_put_text(show->out, text);
        if (!strpbrk(text, ".en"))
            bw_buf_put_text(show->out, ".0"); /* a float stays one to the eye */
        return;
    }
    (void)snprintf(text, sizeof text, "%s", isnan(number) ? "nan" : number > 0 ? "inf" : "-inf");
    if (show->is_json)
        put_string(show, bw_str_of(text));
    else
        bw_buf_put_text(show->out, text);
}

static void put_userdata(struct show *show, int index)
{
    const struct bw_decimal *decimal = bw_lua_test_decimal(show->L, index);
    const struct bw_lua_money *money = decimal ? NULL : bw_lua_test_money(show->L, index);
    char text[BW_DECIMAL_TEXT_MAX + 8];
    size_t len;

    if (decimal) {
        len = bw_decimal_print(*decimal, text);
    } else if (money) {
        len = bw_decimal_print(money->amount, text);
        text[len] = ' ';
        memcpy(text + len + 1, money->currency, 3);
        len += 4;
    } else {
        put_string(show, BW_STR("userdata"));
        return;
    }
    if (show->is_json)
        put_string(show, bw_str(text, len));
    else
        bw_buf_put(show->out, text, len);
}

static void put_plain(struct show *show, int index)
{
    lua_State *L = show->L;
    size_t len;
    const char *text;

    switch (lua_type(L, index)) {
    case LUA_TNIL:
        bw_buf_put_text(show->out, show->is_json ? "null" : "nil");
        break;
    case LUA_TBOOLEAN:
        bw_buf_put_text(show->out, lua_toboolean(L, index) ? "true" : "false");
        break;
    case LUA_TNUMBER:
        put_number(show, index);
        break;
    case LUA_TSTRING:
        text = lua_tolstring(L, index, &len);
        put_string(show, bw_str(text, len));
        break;
    case LUA_TUSERDATA:
        put_userdata(show, index);
        break;
    default:
        if (bw_lua_is_null(L, index))
            bw_buf_put_text(show->out, "null");
        else if (show->is_json)
            put_string(show, bw_str_of(luaL_typename(L, index)));
        else
            bw_buf_put_text(show->out, luaL_typename(L, index));
    }
}

/* --- tables */

static void put_value(struct show *show, int depth, int indent);

static void put_key(struct show *show, int index)
{
    static const char word[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_";
    lua_State *L = show->L;
    size_t len;
    const char *text;

    if (show->is_json) {
        if (lua_type(L, index) == LUA_TSTRING) {
            text = lua_tolstring(L, index, &len);
            put_json_string(show->out, bw_str(text, len));
        } else { /* keys of JSON are texts */
            struct show plain = *show;
            plain.is_json = false;
            bw_buf_put_char(show->out, '"');
            put_plain(&plain, index);
            bw_buf_put_char(show->out, '"');
        }
        bw_buf_put_char(show->out, ':');
        return;
    }
    text = lua_type(L, index) == LUA_TSTRING ? lua_tolstring(L, index, &len) : NULL;
    if (text && len && strspn(text, word) == len && !(text[0] >= '0' && text[0] <= '9')) {
        bw_buf_put(show->out, text, len);
    } else {
        bw_buf_put_char(show->out, '[');
        put_plain(show, index);
        bw_buf_put_char(show->out, ']');
    }
    bw_buf_put_text(show->out, " = ");
}

/* Separates items. `indent` negative: everything in one line. */
static void put_break(struct show *show, bool is_first, int indent)
{
    if (!is_first)
        bw_buf_put_char(show->out, ',');
    if (show->is_json)
        return;
    if (indent < 0) {
        bw_buf_put_char(show->out, ' ');
        return;
    }
    bw_buf_put_char(show->out, '\n');
    for (int i = 0; i <= indent; i++)
        bw_buf_put_text(show->out, "  ");
}

static void put_items(struct show *show, lua_Integer count, int depth, int indent)
{
    for (lua_Integer i = 1; i <= count; i++) {
        put_break(show, i == 1, indent);
        lua_rawgeti(show->L, -1, i);
        put_value(show, depth + 1, indent < 0 ? -1 : indent + 1);
        lua_pop(show->L, 1);
    }
}

/* The table at the top, through sorted keys: those of the sequence 1..`count` were written. */
static void put_pairs(struct show *show, lua_Integer count, int depth, int indent)
{
    lua_State *L = show->L;
    bool is_first = count == 0;
    int table = lua_gettop(L);

    bw_lua_push_keys(L, table); /* stack: t keys */
    for (lua_Integer i = 1; lua_rawgeti(L, table + 1, i) != LUA_TNIL; i++) {
        bool is_item =
            lua_isinteger(L, -1) && lua_tointeger(L, -1) >= 1 && lua_tointeger(L, -1) <= count;
        if (!is_item) {
            put_break(show, is_first, indent);
            is_first = false;
            put_key(show, -1);
            lua_pushvalue(L, -1);
            lua_rawget(L, table);
            put_value(show, depth + 1, indent < 0 ? -1 : indent + 1);
            lua_pop(L, 1);
        }
        lua_pop(L, 1);
    }
    lua_settop(L, table);
}

static void put_table(struct show *show, int depth, int indent)
{
    lua_State *L = show->L;
    lua_Integer items = (lua_Integer)lua_rawlen(L, -1);
    size_t keys = 0;
    bool is_array;

    for (lua_pushnil(L); lua_next(L, -2) != 0; lua_pop(L, 1))
        keys++;
    bw_lua_charge(L, keys);
    if (keys > BW_SHOW_NODES_MAX)
        bw_lua_raise(L, "the result has more than %d parts", BW_SHOW_NODES_MAX);
    for (lua_Integer i = 1; i <= items; i++) { /* the length of a list with holes is anybody's */
        bool is_hole = lua_rawgeti(L, -1, i) == LUA_TNIL;
        lua_pop(L, 1);
        if (is_hole)
            items = i - 1;
    }
    is_array = (size_t)items == keys && (keys || bw_lua_is_array(L, -1));
    if (show->is_json) {
        bw_buf_put_char(show->out, is_array ? '[' : '{');
        if (is_array)
            put_items(show, items, depth, indent);
        else
            put_pairs(show, 0, depth, indent);
        bw_buf_put_char(show->out, is_array ? ']' : '}');
        return;
    }
    bw_buf_put_char(show->out, '{');
    put_items(show, items, depth, indent);
    put_pairs(show, items, depth, indent);
    if (keys && indent >= 0)
        bw_buf_put_char(show->out, '\n');
    for (int i = 0; keys && i < indent; i++)
        bw_buf_put_text(show->out, "  ");
    bw_buf_put_text(show->out, keys && indent < 0 ? " }" : "}");
}

/* The value at the top. */
static void put_value(struct show *show, int depth, int indent)
{
    check(show, depth);
    if (lua_type(show->L, -1) == LUA_TTABLE)
        put_table(show, depth, indent);
    else
        put_plain(show, -1);
}

static void finish(struct show *show)
{
    if (show->out->is_over)
        bw_lua_raise(show->L, "the result is longer than %u bytes", BW_SHOW_BYTES_MAX);
    bw_lua_charge(show->L, show->out->len / 64);
}

void bw_lua_show_text(lua_State *L, int index, struct bw_buf *out)
{
    struct show show = {.L = L, .out = out};
    size_t before = out->len, len;

    luaL_checkstack(L, 4, NULL);
    lua_pushvalue(L, index);
    if (lua_type(L, -1) == LUA_TSTRING) {
        const char *text = lua_tolstring(L, -1, &len);
        bw_buf_put(out, text, len);
    } else {
        put_value(&show, 0, -1);
        if (out->len - before > LINE_BYTES_MAX && lua_type(L, -1) == LUA_TTABLE) {
            out->len = before;
            show.nodes = 0;
            put_value(&show, 0, 0);
        }
    }
    lua_pop(L, 1);
    finish(&show);
}

void bw_lua_show_json(lua_State *L, int index, struct bw_buf *out)
{
    struct show show = {.L = L, .out = out, .is_json = true};

    luaL_checkstack(L, 4, NULL);
    lua_pushvalue(L, index);
    put_value(&show, 0, -1);
    lua_pop(L, 1);
    finish(&show);
}
