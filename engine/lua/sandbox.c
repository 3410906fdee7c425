#include "lua/sandbox.h"
#include "lua/lib.h"
#include "lua/lib_base.h"
#include "lua/lib_string.h"
#include <lualib.h>
#include <string.h>

static const char env_keys[2] = {0}; /* their addresses key the environments in the registry */
static const char frozen_key = 0;    /* marks the metatables of frozen tables */

/* --- freezing */

static int refuse_change(lua_State *L)
{
    const char *key = lua_type(L, 2) == LUA_TSTRING ? lua_tostring(L, 2) : luaL_typename(L, 2);

    return bw_lua_raise(L, "cannot set '%.64s': this table is frozen", key);
}

/* __pairs of a proxy. Upvalue 1: the table behind it. */
static int frozen_pairs(lua_State *L)
{
    lua_settop(L, 0);
    lua_pushvalue(L, lua_upvalueindex(1));
    (void)bw_lua_pairs_strict(L);
    lua_pushnil(L);
    lua_replace(L, -3); /* the loop's state would be the table behind the proxy */
    return 3;
}

static int frozen_len(lua_State *L)
{
    lua_pushinteger(L, luaL_len(L, lua_upvalueindex(1)));
    return 1;
}

void bw_sandbox_freeze(lua_State *L)
{
    static const char *const kept[] = {"__call", "__tostring", "__name"};
    int table = lua_gettop(L);

    if (lua_type(L, table) != LUA_TTABLE || bw_sandbox_is_frozen(L, table))
        return;
    luaL_checkstack(L, 6, NULL);
    lua_createtable(L, 0, 0); /* stack: t proxy */
    lua_createtable(L, 0, 8); /* stack: t proxy mt */
    for (size_t i = 0; i < sizeof kept / sizeof kept[0]; i++) {
        if (luaL_getmetafield(L, table, kept[i]) != LUA_TNIL)
            lua_setfield(L, -2, kept[i]);
    }
    lua_pushvalue(L, table);
    lua_setfield(L, -2, "__index");
    lua_pushcfunction(L, refuse_change);
    lua_setfield(L, -2, "__newindex");
    lua_pushvalue(L, table);
    lua_pushcclosure(L, frozen_pairs, 1);
    lua_setfield(L, -2, "__pairs");
    lua_pushvalue(L, table);
    lua_pushcclosure(L, frozen_len, 1);
    lua_setfield(L, -2, "__len");
    lua_pushboolean(L, 0);
    lua_setfield(L, -2, "__metatable");
    lua_pushboolean(L, 1);
    lua_rawsetp(L, -2, &frozen_key);
    lua_setmetatable(L, -2);
    lua_replace(L, table);
}

bool bw_sandbox_is_frozen(lua_State *L, int index)
{
    bool is_frozen;

    if (lua_type(L, index) != LUA_TTABLE || !lua_getmetatable(L, index))
        return false;
    is_frozen = lua_rawgetp(L, -1, &frozen_key) != LUA_TNIL;
    lua_pop(L, 2);
    return is_frozen;
}

/* --- environments */

/* What people look for, and what there is instead. */
static const struct {
    const char *name;
    const char *hint;
} hints[] = {
    {"os", "use require \"billow\": now(), today(zone)"},
    {"io", "a script has no files; data comes as input, by billow.http or by billow.db"},
    {"print", "use require \"billow.log\": log.info(text)"},
    {"debug", "it could reach outside the sandbox"},
    {"package", "require finds the modules of the release"},
    {"load", "put the code into a file of the release and require it"},
    {"loadstring", "put the code into a file of the release and require it"},
    {"dofile", "use require"},
    {"loadfile", "use require"},
    {"collectgarbage", "when memory is freed must not change what a script does"},
    {"unpack", "use table.unpack"},
    {"module", "a module is a file that returns a table"},
    {"setfenv", "each file has its own environment"},
    {"getfenv", "each file has its own environment"},
    {"warn", "use require \"billow.log\": log.warn(text)"},
    {"arg", "a script gets its input as an argument of its run function"},
};

const char *bw_sandbox_hint(struct bw_str name)
{
    for (size_t i = 0; i < sizeof hints / sizeof hints[0]; i++) {
        if (bw_str_eq(bw_str_of(hints[i].name), name))
            return hints[i].hint;
    }
    return NULL;
}

static int refuse_global_read(lua_State *L)
{
    const char *name = lua_type(L, 2) == LUA_TSTRING ? lua_tostring(L, 2) : luaL_typename(L, 2);

    const char *hint = bw_sandbox_hint(bw_str_of(name));

    if (hint)
        return bw_lua_raise(L, "'%s' is not available: %s", name, hint);
    return bw_lua_raise(
        L, "the name '%.64s' is not defined: is it misspelt, or is a 'local' missing?", name);
}

static int refuse_global_write(lua_State *L)
{
    const char *name = lua_type(L, 2) == LUA_TSTRING ? lua_tostring(L, 2) : luaL_typename(L, 2);

    return bw_lua_raise(L, "cannot set the global '%.64s': write local %.64s = ...", name, name);
}

/* Moves the named functions of the table at `from` to the one at the top. */
static void take(lua_State *L, int from, const char *const *names)
{
    for (size_t i = 0; names[i]; i++) {
        lua_getfield(L, from, names[i]);
        lua_setfield(L, -2, names[i]);
    }
}

/* Puts the frozen library `name`, which is at the top, into the globals at `globals`. */
static void put_library(lua_State *L, int globals, const char *name)
{
    bw_sandbox_freeze(L);
    lua_setfield(L, globals, name);
}

static void open_math(lua_State *L, int globals, lua_CFunction random)
{
    static const char *const names[] = {"abs",        "ceil", "floor",      "fmod", "huge", "max",
                                        "maxinteger", "min",  "mininteger", "modf", "pi",   "sqrt",
                                        "tointeger",  "type", "ult",        NULL};

    lua_pushcfunction(L, luaopen_math);
    lua_call(L, 0, 1);
    lua_createtable(L, 0, 16);
    take(L, lua_gettop(L) - 1, names);
    if (random) {
        lua_pushcfunction(L, random);
        lua_setfield(L, -2, "random");
    }
    lua_remove(L, -2);
    put_library(L, globals, "math");
}

/* Strings: our library, and a metatable that leads to it and nowhere else. Arithmetic on strings is
 * left out: "10" + 1 would make a number out of a text that nobody checked. */
static void open_string(lua_State *L, int globals)
{
    (void)bw_lua_open_string(L);
    lua_pushliteral(L, "");
    lua_createtable(L, 0, 2);
    lua_pushvalue(L, -3);
    lua_setfield(L, -2, "__index");
    lua_pushboolean(L, 0);
    lua_setfield(L, -2, "__metatable");
    lua_setmetatable(L, -2);
    lua_pop(L, 1);
    put_library(L, globals, "string");
}

static void build_globals(lua_State *L, const struct bw_sandbox_options *options)
{
    static const char *const base[] = {"assert", "error",    "ipairs", "rawequal",
                                       "rawget", "rawlen",   "select", "tonumber",
                                       "type",   "_VERSION", NULL};
    int globals;

    lua_createtable(L, 0, 32);
    globals = lua_gettop(L);
    lua_pushcfunction(L, luaopen_base);
    lua_call(L, 0, 1); /* stack: globals theirs */
    lua_pushvalue(L, globals);
    take(L, globals + 1, base);
    luaL_setfuncs(L, bw_lua_base_functions, 0);
    lua_getfield(L, globals, "tonumber"); /* reads long texts to their end */
    lua_pushcclosure(L, bw_lua_charged_by_length, 1);
    lua_setfield(L, globals, "tonumber");
    lua_settop(L, globals);
    open_string(L, globals);
    open_math(L, globals, options->random);
    (void)bw_lua_open_utf8(L);
    put_library(L, globals, "utf8");
    luaL_checkstack(L, 8, NULL);
    lua_newtable(L);
    luaL_setfuncs(L, bw_lua_table_functions, 0);
    put_library(L, globals, "table");
    lua_newtable(L);
    luaL_setfuncs(L, bw_lua_coroutine_functions, 0);
    put_library(L, globals, "coroutine");
}

/* Makes the environment `env` over a copy of the globals at the top; stores it in the registry. */
static void build_env(lua_State *L, enum bw_sandbox_env env,
                      const struct bw_sandbox_options *options)
{
    int globals = lua_gettop(L);

    lua_createtable(L, 0, 0);  /* stack: globals env */
    lua_createtable(L, 0, 32); /* stack: globals env own */
    for (lua_pushnil(L); lua_next(L, globals) != 0;) {
        lua_pushvalue(L, -2);
        lua_insert(L, -2); /* stack: globals env own key key value */
        lua_rawset(L, globals + 2);
    }
    lua_pushvalue(L, globals + 1);
    lua_setfield(L, globals + 2, "_G");
    if (options->require) {
        lua_pushboolean(L, env == BW_ENV_TRUSTED);
        lua_pushcclosure(L, options->require, 1);
        lua_setfield(L, globals + 2, "require");
    }
    lua_createtable(L, 0, 1); /* reading what is not there */
    lua_pushcfunction(L, refuse_global_read);
    lua_setfield(L, -2, "__index");
    lua_setmetatable(L, globals + 2);

    lua_createtable(L, 0, 6); /* stack: globals env own mt */
    lua_pushvalue(L, globals + 2);
    lua_setfield(L, -2, "__index");
    lua_pushcfunction(L, refuse_global_write);
    lua_setfield(L, -2, "__newindex");
    lua_pushvalue(L, globals + 2);
    lua_pushcclosure(L, frozen_pairs, 1);
    lua_setfield(L, -2, "__pairs");
    lua_pushboolean(L, 0);
    lua_setfield(L, -2, "__metatable");
    lua_pushboolean(L, 1);
    lua_rawsetp(L, -2, &frozen_key);
    lua_setmetatable(L, globals + 1);
    lua_pushvalue(L, globals + 1);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &env_keys[env]);
    lua_settop(L, globals);
}

void bw_sandbox_open(lua_State *L, const struct bw_sandbox_options *options)
{
    luaL_checkstack(L, 20, NULL);
    build_globals(L, options);
    build_env(L, BW_ENV_SCRIPT, options);
    build_env(L, BW_ENV_TRUSTED, options);
    lua_pop(L, 1);
    /* What Lua's openers left behind: the real globals, and the table of loaded libraries. */
    lua_newtable(L);
    lua_rawseti(L, LUA_REGISTRYINDEX, LUA_RIDX_GLOBALS);
    lua_pushnil(L);
    lua_setfield(L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE);
}

/* Pushes a fresh copy of the scripts' globals: an ordinary table. */
static void push_plain_env(lua_State *L)
{
    luaL_checkstack(L, 6, NULL);
    lua_newtable(L);
    lua_rawgetp(L, LUA_REGISTRYINDEX, &env_keys[BW_ENV_SCRIPT]);
    (void)luaL_getmetafield(L, -1, "__index"); /* stack: plain env own */
    for (lua_pushnil(L); lua_next(L, -2) != 0;) {
        lua_pushvalue(L, -2);
        lua_insert(L, -2); /* stack: plain env own key key value */
        lua_rawset(L, -6);
    }
    lua_pop(L, 2);
    lua_pushvalue(L, -1);
    lua_setfield(L, -2, "_G");
}

void bw_sandbox_push_env(lua_State *L, enum bw_sandbox_env env)
{
    if (env == BW_ENV_PLAIN) {
        push_plain_env(L);
        return;
    }
    lua_rawgetp(L, LUA_REGISTRYINDEX, &env_keys[env]);
}
