/* lib_base.c - basic functions of the sandbox: those of Lua's that could hide a kill, tell an
 * address, or reach the collector, done over.
 */
#include "lua/lib_base.h"
#include "lua/budget.h"
#include "lua/closing.h"
#include "lua/lib.h"
#include "lua/lib_string.h"
#include "lua/sandbox.h"
#include <string.h>

#define CALL_STEPS 8 /* price of a protected call */

static const char copies_key = 0; /* keys the table of metatable copies in the registry */
static const char origin_key = 0; /* keys the script's own metatable inside its copy */

/* --- protected calls */

/* Both as the direct path and as the continuation. */
static int finish_pcall(lua_State *L, int status, lua_KContext mark)
{
    if (status != LUA_OK && status != LUA_YIELD) {
        bw_budget_caught(L, status, mark);
        lua_pushboolean(L, 0);
        lua_insert(L, -2);
        return 2;
    }
    return lua_gettop(L);
}

static int base_pcall(lua_State *L)
{
    lua_KContext mark = bw_budget_mark(L);

    luaL_checkany(L, 1);
    bw_lua_charge(L, CALL_STEPS);
    lua_pushboolean(L, 1);
    lua_insert(L, 1); /* stack: true f args... */
    return finish_pcall(L, lua_pcallk(L, lua_gettop(L) - 2, LUA_MULTRET, 0, mark, finish_pcall),
                        mark);
}

/* What the handler itself raises is what xpcall gives: never does it raise. */
static int finish_handler(lua_State *L, int status, lua_KContext mark)
{
    if (status != LUA_OK && status != LUA_YIELD)
        bw_budget_caught(L, status, mark);
    return lua_gettop(L) - 1; /* stack: handler false results... */
}

/* Unlike Lua's, the handler runs after unwinding, by an ordinary call: the step hook is on, and it
 * can yield. */
static int finish_xpcall(lua_State *L, int status, lua_KContext mark)
{
    if (status != LUA_OK && status != LUA_YIELD) {
        bw_budget_caught(L, status, mark); /* stack: handler true error */
        lua_pushboolean(L, 0);
        lua_replace(L, 2);
        lua_settop(L, 3);
        lua_pushvalue(L, 1);
        lua_insert(L, 3); /* stack: handler false handler error */
        return finish_handler(L, lua_pcallk(L, 1, LUA_MULTRET, 0, mark, finish_handler), mark);
    }
    return lua_gettop(L) - 1;
}

static int base_xpcall(lua_State *L)
{
    lua_KContext mark = bw_budget_mark(L);
    int count = lua_gettop(L) - 2;

    luaL_checktype(L, 2, LUA_TFUNCTION);
    bw_lua_charge(L, CALL_STEPS);
    lua_pushboolean(L, 1);
    lua_pushvalue(L, 1); /* stack: f handler args... true f */
    lua_rotate(L, 3, 2); /* stack: f handler true f args... */
    lua_remove(L, 1);    /* stack: handler true f args... */
    return finish_xpcall(L, lua_pcallk(L, count, LUA_MULTRET, 0, mark, finish_xpcall), mark);
}

/* --- metatables */

static const char *const events[] = {
    "__add",    "__band",      "__bnot", "__bor",  "__bxor",     "__call",     "__close",
    "__concat", "__div",       "__eq",   "__idiv", "__index",    "__le",       "__len",
    "__lt",     "__metatable", "__mod",  "__mul",  "__name",     "__newindex", "__pairs",
    "__pow",    "__shl",       "__shr",  "__sub",  "__tostring", "__unm",
};

/* Pushes the table of copies: script's metatable -> private copy, held only as long as the script
 * holds its own. */
static void push_copies(lua_State *L)
{
    if (lua_rawgetp(L, LUA_REGISTRYINDEX, &copies_key) == LUA_TTABLE)
        return;
    lua_pop(L, 1);
    lua_newtable(L);
    lua_createtable(L, 0, 1);
    lua_pushliteral(L, "k");
    lua_setfield(L, -2, "__mode");
    lua_setmetatable(L, -2);
    lua_pushvalue(L, -1);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &copies_key);
}

static void refuse_event(lua_State *L, int index, const char *name)
{
    lua_pushstring(L, name);
    if (lua_rawget(L, index) != LUA_TNIL)
        bw_lua_raise(L, "setmetatable: %s is not available", name);
    lua_pop(L, 1);
}

/* Pushes the private copy of the metatable at index 2. The copy holds the events as they are now:
 * what the script sets in its table later has no effect, so a check made here cannot be got round.
 */
static void push_copy(lua_State *L)
{
    push_copies(L);
    lua_pushvalue(L, 2);
    if (lua_rawget(L, -2) == LUA_TTABLE) {
        lua_remove(L, -2);
        return;
    }
    lua_pop(L, 1);
    refuse_event(L, 2, "__gc");
    refuse_event(L, 2, "__mode");
#ifdef BW_LUA_SYSTEM
    refuse_event(L, 2, "__concat");
#endif
    lua_createtable(L, 0, 8); /* stack: ... copies copy */
    for (size_t i = 0; i < sizeof events / sizeof events[0]; i++) {
        lua_pushstring(L, events[i]);
        lua_pushvalue(L, -1);
        if (lua_rawget(L, 2) == LUA_TNIL) {
            lua_pop(L, 2);
            continue;
        }
        if (strcmp(events[i], "__close") == 0)
            bw_lua_wrap_close(L);
        lua_rawset(L, -3);
    }
    lua_pushvalue(L, 2);
    lua_rawsetp(L, -2, &origin_key);
    lua_pushvalue(L, 2);
    lua_pushvalue(L, -2);
    lua_rawset(L, -4);
    lua_remove(L, -2);
}

static int base_setmetatable(lua_State *L)
{
    int type = lua_type(L, 2);

    luaL_checktype(L, 1, LUA_TTABLE);
    luaL_argexpected(L, type == LUA_TNIL || type == LUA_TTABLE, 2, "nil or table");
    if (luaL_getmetafield(L, 1, "__metatable") != LUA_TNIL)
        return bw_lua_raise(L, "cannot change a protected metatable");
    lua_settop(L, 2);
    bw_lua_charge(L, CALL_STEPS);
    if (type == LUA_TTABLE) {
        push_copy(L);
        lua_replace(L, 2);
    }
    lua_setmetatable(L, 1);
    return 1;
}

static int base_getmetatable(lua_State *L)
{
    luaL_checkany(L, 1);
    if (!lua_getmetatable(L, 1)) {
        lua_pushnil(L);
        return 1;
    }
    if (luaL_getmetafield(L, 1, "__metatable") == LUA_TNIL)
        lua_rawgetp(L, -1, &origin_key); /* nil for metatables of our own */
    return 1;
}

static int base_rawset(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TTABLE);
    luaL_checkany(L, 2);
    luaL_checkany(L, 3);
    lua_settop(L, 3);
    if (bw_sandbox_is_frozen(L, 1))
        return bw_lua_raise(L, "rawset: this table is frozen");
    lua_rawset(L, 1);
    return 1;
}

static int base_tostring(lua_State *L)
{
    luaL_checkany(L, 1);
    (void)bw_lua_push_text(L, 1, NULL);
    return 1;
}

const luaL_Reg bw_lua_base_functions[] = {
    {"getmetatable", base_getmetatable},
    {"next", bw_lua_next_strict},
    {"pairs", bw_lua_pairs_strict},
    {"pcall", base_pcall},
    {"rawset", base_rawset},
    {"setmetatable", base_setmetatable},
    {"tostring", base_tostring},
    {"xpcall", base_xpcall},
    {NULL, NULL},
};
