#include "lua/closing.h"
#include "lua/budget.h"
#include "lua/vm_state.h"

static const char origins_key = 0;  /* keys the table of where table errors came from */
static const char problems_key = 0; /* keys the array of problems */

/* --- errors, described */

static void push_origins(lua_State *L)
{
    if (lua_rawgetp(L, LUA_REGISTRYINDEX, &origins_key) == LUA_TTABLE)
        return;
    lua_pop(L, 1);
    lua_newtable(L);
    lua_createtable(L, 0, 1);
    lua_pushliteral(L, "k");
    lua_setfield(L, -2, "__mode");
    lua_setmetatable(L, -2);
    lua_pushvalue(L, -1);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &origins_key);
}

/* Turns an error value into {value, file, line, stack} while the stack still stands. A table error
 * that was seen before (raised again by billow.all, for example) keeps the place where it was
 * raised first. */
int bw_lua_describe_error(lua_State *L)
{
    uint32_t line;
    const char *file;
    bool is_table = lua_type(L, 1) == LUA_TTABLE;

    if (bw_budget_of(L)->fatal || bw_budget_is_cancel(L, 1))
        return 1;
    if (is_table) {
        push_origins(L);
        lua_pushvalue(L, 1);
        if (lua_rawget(L, -2) == LUA_TTABLE)
            return 1;
        lua_settop(L, 1);
    }
    lua_createtable(L, 0, 4); /* stack: error info */
    lua_pushvalue(L, 1);
    lua_setfield(L, 2, "value");
    file = bw_lua_script_frame(L, &line);
    lua_pushstring(L, file);
    lua_setfield(L, 2, "file");
    lua_pushinteger(L, (lua_Integer)line);
    lua_setfield(L, 2, "line");
    luaL_traceback(L, L, NULL, 1);
    lua_setfield(L, 2, "stack");
    if (is_table) {
        push_origins(L);
        lua_pushvalue(L, 1);
        lua_pushvalue(L, 2);
        lua_rawset(L, -3);
        lua_settop(L, 2);
    }
    return 1;
}

/* --- problems */

void bw_lua_keep_problem(lua_State *L)
{
    lua_Unsigned count;

    if (lua_rawgetp(L, LUA_REGISTRYINDEX, &problems_key) != LUA_TTABLE) {
        lua_pop(L, 1);
        lua_newtable(L);
        lua_pushvalue(L, -1);
        lua_rawsetp(L, LUA_REGISTRYINDEX, &problems_key);
    } /* stack: problem problems */
    count = lua_rawlen(L, -1);
    lua_insert(L, -2);
    if (count < BW_CLOSING_PROBLEMS_MAX) {
        lua_rawseti(L, -2, (lua_Integer)count + 1);
    } else {
        lua_pop(L, 1);
        lua_getfield(L, -1, "more");
        lua_pushinteger(L, lua_tointeger(L, -1) + 1);
        lua_setfield(L, -3, "more");
        lua_pop(L, 1);
    }
    lua_pop(L, 1);
}

void bw_lua_push_problems(lua_State *L)
{
    if (lua_rawgetp(L, LUA_REGISTRYINDEX, &problems_key) != LUA_TTABLE) {
        lua_pop(L, 1);
        lua_newtable(L);
    }
    lua_pushnil(L);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &problems_key);
}

/* --- handlers */

static int finish_plain(lua_State *L, int status, lua_KContext ctx)
{
    (void)status, (void)ctx;
    return lua_gettop(L);
}

/* It came to its end: what waited for that, happens. */
static int finish_sheltered(lua_State *L, int status, lua_KContext mark)
{
    (void)status;
    bw_budget_of(L)->closing = bw_budget_mark_closing(mark);
    bw_budget_raise_due(L);
    return lua_gettop(L);
}

int bw_lua_call_sheltered(lua_State *L, int count)
{
    struct bw_budget *budget = bw_budget_of(L);
    intptr_t mark = bw_budget_mark(L);

    if (!budget || budget->strand != L) {
        lua_callk(L, count, LUA_MULTRET, 0, finish_plain);
        return finish_plain(L, LUA_OK, 0);
    }
    budget->closing++; /* should it raise, who catches that brings it back */
    lua_callk(L, count, LUA_MULTRET, mark, finish_sheltered);
    return finish_sheltered(L, LUA_OK, mark);
}

/* Stack: describe_error, and its result when it raised. */
static int finish_cancelled(lua_State *L, int status, lua_KContext mark)
{
    if (status != LUA_OK && status != LUA_YIELD) {
        bw_budget_check(L, status, true);
        bw_lua_keep_problem(L);
    }
    bw_budget_of(L)->closing = bw_budget_mark_closing(mark);
    return 0;
}

/* A cancel unwinds the strand: nobody else would ever see what the handler raises. */
static int close_cancelled(lua_State *L)
{
    struct bw_budget *budget = bw_budget_of(L);
    intptr_t mark = bw_budget_mark(L);

    lua_pushcfunction(L, bw_lua_describe_error);
    lua_insert(L, 1); /* stack: describe_error handler value error */
    budget->closing++;
    return finish_cancelled(L, lua_pcallk(L, 2, 0, 1, mark, finish_cancelled), mark);
}

/* The error that called the handler is superseded by a cancel that is raised behind it. */
static void keep_superseded(lua_State *L)
{
    if (lua_isnil(L, 2))
        return;
    lua_pushcfunction(L, bw_lua_describe_error);
    lua_pushvalue(L, 2);
    lua_call(L, 1, 1);
    bw_lua_keep_problem(L);
}

static int finish_close(lua_State *L, int status, lua_KContext mark)
{
    struct bw_budget *budget = bw_budget_of(L);

    (void)status;
    budget->closing = bw_budget_mark_closing(mark);
    if (budget->is_cancel_due && budget->closing == 0)
        keep_superseded(L);
    bw_budget_raise_due(L);
    return 0;
}

static int close_value(lua_State *L)
{
    struct bw_budget *budget = bw_budget_of(L);
    intptr_t mark;

    lua_settop(L, 2);
    if (bw_budget_is_cancel(L, 2)) {
        lua_createtable(L, 0, 2);
        lua_pushliteral(L, "CANCELLED");
        lua_setfield(L, -2, "code");
        lua_pushliteral(L, "a cancel ends what this belongs to");
        lua_setfield(L, -2, "text");
        lua_replace(L, 2);
    }
    lua_pushvalue(L, lua_upvalueindex(1));
    if (!budget || budget->strand != L) {
        lua_insert(L, 1);
        lua_callk(L, 2, 0, 0, finish_plain);
        return 0;
    }
    if (budget->is_cancelling && budget->closing == 0) {
        lua_insert(L, 1);
        return close_cancelled(L);
    }
    mark = bw_budget_mark(L);
    lua_pushvalue(L, 1);
    lua_pushvalue(L, 2); /* stack: value error handler value error */
    budget->closing++;
    lua_callk(L, 2, 0, mark, finish_close);
    return finish_close(L, LUA_OK, mark);
}

void bw_lua_wrap_close(lua_State *L)
{
    lua_pushcclosure(L, close_value, 1);
}
