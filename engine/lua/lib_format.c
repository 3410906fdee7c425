/* lib_format.c - string.format and tostring of the sandbox: no addresses, no locale, bounded
 * results. */
#include "lua/lib.h"
#include "lua/lib_string.h"
#include <math.h>
#include <stdio.h>

#define SPEC_MAX 24         /* "%" flags width "." precision length conversion */
#define NUMBER_TEXT_MAX 512 /* %99.99f of 1e308 is 409 bytes */

const char *bw_lua_push_text(lua_State *L, int index, size_t *len)
{
    index = lua_absindex(L, index);
    if (luaL_callmeta(L, index, "__tostring")) {
        if (!lua_isstring(L, -1))
            bw_lua_raise(L, "'__tostring' must return a string");
        return lua_tolstring(L, -1, len);
    }
    switch (lua_type(L, index)) {
    case LUA_TNUMBER:
    case LUA_TSTRING:
    case LUA_TNIL:
    case LUA_TBOOLEAN:
        return luaL_tolstring(L, index, len);
    default:
        if (bw_lua_is_null(L, index)) {
            lua_pushliteral(L, "null");
        } else if (luaL_getmetafield(L, index, "__name") != LUA_TSTRING) {
            lua_pushstring(L, luaL_typename(L, index));
        }
        return lua_tolstring(L, -1, len);
    }
}

/* --- %q: a literal that reads back as the same value */

static void put_quoted(struct bw_buf *out, struct bw_str text)
{
    bw_buf_put_char(out, '"');
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        bool digit_follows = i + 1 < text.len && text.ptr[i + 1] >= '0' && text.ptr[i + 1] <= '9';
        if (c == '"' || c == '\\' || c == '\n') {
            bw_buf_put_char(out, '\\');
            bw_buf_put_char(out, (char)c);
        } else if (c < 0x20 || c == 0x7f) {
            bw_buf_printf(out, digit_follows ? "\\%03d" : "\\%d", c);
        } else {
            bw_buf_put_char(out, (char)c);
        }
    }
    bw_buf_put_char(out, '"');
}

static void put_literal(lua_State *L, int index, struct bw_buf *out)
{
    size_t len;
    const char *text;

    switch (lua_type(L, index)) {
    case LUA_TSTRING:
        text = lua_tolstring(L, index, &len);
        put_quoted(out, bw_str(text, len));
        break;
    case LUA_TNUMBER:
        if (lua_isinteger(L, index)) {
            if (lua_tointeger(L, index) == LUA_MININTEGER)
                bw_buf_put_text(out, "0x8000000000000000");
            else
                bw_buf_printf(out, "%lld", (long long)lua_tointeger(L, index));
        } else if (isfinite(lua_tonumber(L, index))) {
            bw_buf_printf(out, "%.17g", lua_tonumber(L, index));
        } else {
            bw_buf_put_text(out, isnan(lua_tonumber(L, index)) ? "(0/0)"
                                 : lua_tonumber(L, index) > 0  ? "1e9999"
                                                               : "-1e9999");
        }
        break;
    case LUA_TNIL:
    case LUA_TBOOLEAN:
        bw_buf_put_text(out, luaL_tolstring(L, index, NULL));
        lua_pop(L, 1);
        break;
    default:
        bw_lua_raise(L, "string.format: %%q cannot write a %s", luaL_typename(L, index));
    }
}

/* --- one directive */

/* Copies "%", flags, width and precision into `spec` (terminated, without the conversion). Returns
 * behind them. */
static const char *read_spec(lua_State *L, const char *at, const char *end,
                             char spec[static SPEC_MAX])
{
    const char *start = at;
    size_t len;

    while (at < end && *at != '\0' && strchr("-+ #0", *at))
        at++;
    for (int digits = 0; at < end && *at >= '0' && *at <= '9'; at++, digits++) {
        if (digits >= 2)
            bw_lua_raise(L, "string.format: width too long (at most 99)");
    }
    if (at < end && *at == '.') {
        at++;
        for (int digits = 0; at < end && *at >= '0' && *at <= '9'; at++, digits++) {
            if (digits >= 2)
                bw_lua_raise(L, "string.format: precision too long (at most 99)");
        }
    }
    len = (size_t)(at - start);
    if (at >= end || len + 6 > SPEC_MAX)
        bw_lua_raise(L, "string.format: invalid conversion '%%%.*s'", (int)(len > 20 ? 20 : len),
                     start);
    spec[0] = '%';
    memcpy(spec + 1, start, len);
    spec[len + 1] = '\0';
    return at;
}

static void put_text(lua_State *L, int index, const char *spec, struct bw_buf *out)
{
    size_t len, width = 0, precision = SIZE_MAX;
    const char *text = bw_lua_push_text(L, index, &len);
    const char *at = spec + 1;
    bool is_left = false;

    for (; *at == '-' || *at == '+' || *at == ' ' || *at == '#' || *at == '0'; at++)
        is_left = is_left || *at == '-';
    for (; *at >= '0' && *at <= '9'; at++)
        width = width * 10 + (size_t)(*at - '0');
    if (*at == '.') {
        precision = 0;
        for (at++; *at >= '0' && *at <= '9'; at++)
            precision = precision * 10 + (size_t)(*at - '0');
    }
    if (len > precision)
        len = precision;
    for (size_t i = len; !is_left && i < width; i++)
        bw_buf_put_char(out, ' ');
    bw_buf_put(out, text, len);
    for (size_t i = len; is_left && i < width; i++)
        bw_buf_put_char(out, ' ');
    lua_pop(L, 1);
}

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral" /* the spec was checked by read_spec */
static void put_number(lua_State *L, int index, char *spec, char conversion, struct bw_buf *out)
{
    char text[NUMBER_TEXT_MAX];
    size_t len = strlen(spec);
    int written;

    if (strchr("eEfFgG", conversion)) {
        spec[len] = conversion;
        spec[len + 1] = '\0';
        written = snprintf(text, sizeof text, spec, luaL_checknumber(L, index));
    } else {
        lua_Integer integer;
        if (bw_lua_test_decimal(L, index))
            bw_lua_raise(
                L, "string.format: %%%c of a decimal: write %%s with d:fixed(n), or d:to_integer()",
                conversion);
        integer = luaL_checkinteger(L, index);
        if (conversion == 'i')
            conversion = 'd';
        if (conversion == 'c') {
            bw_buf_put_char(out, (char)(unsigned char)integer);
            return;
        }
        memcpy(spec + len, "ll", 2);
        spec[len + 2] = conversion;
        spec[len + 3] = '\0';
        written = snprintf(text, sizeof text, spec, (long long)integer);
    }
    if (written < 0 || (size_t)written >= sizeof text)
        bw_lua_raise(L, "string.format: the number does not fit");
    bw_buf_put(out, text, (size_t)written);
}
#pragma GCC diagnostic pop

int bw_lua_format(lua_State *L)
{
    size_t len;
    const char *at = luaL_checklstring(L, 1, &len);
    const char *end = at + len;
    int top = lua_gettop(L), index = 1;
    struct bw_buf *out = bw_lua_push_buf(L, BW_LUA_STRING_BYTES_MAX);
    char spec[SPEC_MAX];

    while (at < end) {
        if (*at != '%') {
            bw_buf_put_char(out, *at++);
            continue;
        }
        at++;
        if (at < end && *at == '%') {
            bw_buf_put_char(out, *at++);
            continue;
        }
        at = read_spec(L, at, end, spec);
        if (++index > top)
            return bw_lua_raise(L, "string.format: value %d is missing", index - 1);
        if (*at == 's') {
            bw_lua_hold_buf(L, out); /* __tostring may be the script's */
            put_text(L, index, spec, out);
        } else if (*at == 'q') {
            put_literal(L, index, out);
        } else if (*at != '\0' && strchr("cdiouxXeEfFgG", *at)) {
            put_number(L, index, spec, *at, out);
        } else {
            return bw_lua_raise(L, "string.format: '%%%c' is not available", *at);
        }
        at++;
    }
    if (out->is_over)
        return bw_lua_raise(L, "string.format: the result is longer than %u bytes",
                            BW_LUA_STRING_BYTES_MAX);
    bw_lua_charge(L, out->len / 16 + (size_t)index);
    lua_pushlstring(L, out->ptr, out->len);
    bw_lua_drop_buf(out);
    return 1;
}
