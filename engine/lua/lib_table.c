/* lib_table.c - Lua's table functions, charged by the elements they touch; sort is the stable one
 * of lib_order.c. */
#include "lua/budget.h"
#include "lua/lib.h"
#include "lua/lib_base.h"
#include "lua/lib_string.h"

#define RESULTS_MAX 4096
#define MOVE_ITEMS_MAX 1000000

static int table_insert(lua_State *L)
{
    lua_Integer at, next;

    luaL_checktype(L, 1, LUA_TTABLE);
    next = luaL_len(L, 1) + 1;
    switch (lua_gettop(L)) {
    case 2:
        at = next;
        break;
    case 3:
        at = luaL_checkinteger(L, 2);
        luaL_argcheck(L, at >= 1 && at <= next, 2, "position out of bounds");
        bw_lua_charge(L, (size_t)(next - at));
        for (lua_Integer i = next; i > at; i--) {
            lua_geti(L, 1, i - 1);
            lua_seti(L, 1, i);
        }
        break;
    default:
        return bw_lua_raise(L, "wrong number of arguments to 'insert'");
    }
    lua_seti(L, 1, at);
    return 0;
}

static int table_remove(lua_State *L)
{
    lua_Integer size, at;

    luaL_checktype(L, 1, LUA_TTABLE);
    size = luaL_len(L, 1);
    at = luaL_optinteger(L, 2, size);
    if (lua_gettop(L) > 1)
        luaL_argcheck(L, (lua_Unsigned)at - 1u <= (lua_Unsigned)size, 2, "position out of bounds");
    lua_geti(L, 1, at);
    if (at < size)
        bw_lua_charge(L, (size_t)(size - at));
    for (; at < size; at++) {
        lua_geti(L, 1, at + 1);
        lua_seti(L, 1, at);
    }
    lua_pushnil(L);
    lua_seti(L, 1, at);
    return 1;
}

static int table_move(lua_State *L)
{
    lua_Integer first = luaL_checkinteger(L, 2), last = luaL_checkinteger(L, 3);
    lua_Integer to = luaL_checkinteger(L, 4);
    int target = lua_isnoneornil(L, 5) ? 1 : 5;

    luaL_checktype(L, 1, LUA_TTABLE);
    luaL_checktype(L, target, LUA_TTABLE);
    if (first <= last) {
        lua_Unsigned span = (lua_Unsigned)last - (lua_Unsigned)first; /* one less than the count */
        if (span >= MOVE_ITEMS_MAX)
            return bw_lua_raise(L, "table.move: at most %d items", MOVE_ITEMS_MAX);
        luaL_argcheck(L, to <= LUA_MAXINTEGER - (lua_Integer)span, 4, "destination wrap around");
        bw_lua_charge(L, (size_t)span + 1);
        bool is_upward = target == 1 && to > first && to <= last; /* overlapping: from the end */
        for (lua_Unsigned i = 0; i <= span; i++) {
            lua_Integer at = (lua_Integer)(is_upward ? span - i : i);
            lua_geti(L, 1, first + at);
            lua_seti(L, target, to + at);
        }
    }
    lua_pushvalue(L, target);
    return 1;
}

static int table_concat(lua_State *L)
{
    size_t sep_len, len;
    const char *sep, *text;
    lua_Integer first, last;
    struct bw_buf *out;

    luaL_checktype(L, 1, LUA_TTABLE);
    sep = luaL_optlstring(L, 2, "", &sep_len);
    first = luaL_optinteger(L, 3, 1);
    last = luaL_optinteger(L, 4, luaL_len(L, 1));
    out = bw_lua_push_buf(L, BW_LUA_STRING_BYTES_MAX);
    for (lua_Integer i = first; i <= last; i++) {
        bw_lua_charge(L, 1);
        bw_lua_hold_buf(L, out); /* __index may be the script's */
        if (lua_geti(L, 1, i) != LUA_TSTRING && lua_type(L, -1) != LUA_TNUMBER)
            return bw_lua_raise(L, "invalid value (a %s) at index %lld in table for 'concat'",
                                luaL_typename(L, -1), (long long)i);
        text = lua_tolstring(L, -1, &len);
        bw_buf_put(out, text, len);
        lua_pop(L, 1);
        if (i == last)
            break; /* also keeps i from passing the largest integer */
        bw_buf_put(out, sep, sep_len);
    }
    if (out->is_over)
        return bw_lua_raise(L, "table.concat: the result is longer than %u bytes",
                            BW_LUA_STRING_BYTES_MAX);
    bw_lua_charge(L, out->len / 64);
    lua_pushlstring(L, out->ptr, out->len);
    bw_lua_drop_buf(out);
    return 1;
}

static int table_pack(lua_State *L)
{
    int count = lua_gettop(L);

    lua_createtable(L, count, 1);
    lua_insert(L, 1);
    for (int i = count; i >= 1; i--)
        lua_seti(L, 1, i);
    lua_pushinteger(L, count);
    lua_setfield(L, 1, "n");
    return 1;
}

static int table_unpack(lua_State *L)
{
    lua_Integer first = luaL_optinteger(L, 2, 1);
    lua_Integer last = lua_isnoneornil(L, 3) ? luaL_len(L, 1) : luaL_checkinteger(L, 3);
    lua_Unsigned count;

    if (first > last)
        return 0;
    count = (lua_Unsigned)last - (lua_Unsigned)first; /* one less than the count: cannot wrap */
    if (count >= RESULTS_MAX)
        return bw_lua_raise(L, "table.unpack: at most %d results", RESULTS_MAX);
    luaL_checkstack(L, (int)count + 1, "too many results to unpack");
    bw_lua_charge(L, (size_t)count);
    for (lua_Unsigned i = 0; i <= count; i++)
        lua_geti(L, 1, (lua_Integer)((lua_Unsigned)first + i));
    return (int)count + 1;
}

const luaL_Reg bw_lua_table_functions[] = {
    {"concat", table_concat}, {"insert", table_insert},
    {"move", table_move},     {"pack", table_pack},
    {"remove", table_remove}, {"sort", bw_lua_sort},
    {"unpack", table_unpack}, {NULL, NULL},
};
