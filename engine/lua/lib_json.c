/* lib_json.c - billow.json: JSON text to Lua values and back, without ever making a binary float.
 *
 * decode keeps integers as integers and every other number as a decimal with its digits; encode
 * writes keys in byte order and decimals as strings (or as numbers with their exact digits, when
 * asked).
 */
#include "lua/bridge.h"

static int json_encode(lua_State *L)
{
    enum bw_json_style style = BW_JSON_DECIMAL_STRINGS;
    struct bw_buf *value, *text;

    luaL_checkany(L, 1);
    if (!lua_isnoneornil(L, 2)) {
        luaL_checktype(L, 2, LUA_TTABLE);
        lua_getfield(L, 2, "numbers");
        if (lua_toboolean(L, -1))
            style = BW_JSON_DECIMAL_NUMBERS;
        lua_pop(L, 1);
    }
    value = bw_lua_push_buf(L, BW_LUA_VALUE_BYTES_MAX);
    text = bw_lua_push_buf(L, 2 * BW_LUA_VALUE_BYTES_MAX);
    bw_lua_encode(L, 1, "value", value);
    bw_value_to_json(text, bw_buf_str(value), style);
    if (text->is_over)
        return bw_lua_raise(L, "json.encode: the text is longer than %u bytes",
                            2 * BW_LUA_VALUE_BYTES_MAX);
    bw_lua_charge(L, text->len / 16);
    lua_pushlstring(L, text->ptr, text->len);
    bw_lua_drop_buf(value);
    bw_lua_drop_buf(text);
    return 1;
}

static int json_decode(lua_State *L)
{
    size_t len;
    const char *text = luaL_checklstring(L, 1, &len);
    struct bw_buf *value;
    struct bw_error error;

    bw_lua_charge(L, len / 8);
    value = bw_lua_push_buf(L, BW_LUA_VALUE_BYTES_MAX);
    if (bw_value_from_json(value, bw_str(text, len), &error) != BW_ERR_OK) {
        lua_pushnil(L);
        lua_pushstring(L, error.text);
        return 2;
    }
    bw_lua_decode(L, bw_buf_str(value));
    bw_lua_drop_buf(value);
    return 1;
}

static int json_array(lua_State *L)
{
    if (lua_isnoneornil(L, 1)) {
        lua_settop(L, 0);
        lua_newtable(L);
    }
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_settop(L, 1);
    if (lua_getmetatable(L, 1)) {
        lua_pop(L, 1);
        if (!bw_lua_is_array(L, 1))
            return bw_lua_raise(L, "json.array: the table has a metatable of its own");
        return 1;
    }
    bw_lua_mark_array(L, 1);
    return 1;
}

static int json_is_array(lua_State *L)
{
    lua_pushboolean(L, bw_lua_is_array(L, 1));
    return 1;
}

static const luaL_Reg functions[] = {
    {"encode", json_encode},
    {"decode", json_decode},
    {"array", json_array},
    {"is_array", json_is_array},
    {NULL, NULL},
};

int bw_lua_open_json(lua_State *L)
{
    luaL_newlib(L, functions);
    bw_lua_push_null(L);
    lua_setfield(L, -2, "null");
    return 1;
}
