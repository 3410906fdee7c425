/* lib_coroutine.c - the script's own coroutines (generators, state machines). A kill inside one
 * ends the script, not only the coroutine; each costs at least one period of the step hook, because
 * a new coroutine counts from zero.
 *
 * Not there: running (it would tell the strand's coroutine), close (it runs <close> handlers out of
 * order).
 */
#include "lua/budget.h"
#include "lua/lib.h"
#include "lua/lib_base.h"
#include <lualib.h>

static int coroutine_create(lua_State *L)
{
    lua_State *co;

    luaL_checktype(L, 1, LUA_TFUNCTION);
    bw_lua_charge(L, BW_BUDGET_PERIOD);
    co = lua_newthread(L);
    lua_pushvalue(L, 1);
    lua_xmove(L, co, 1);
    return 1;
}

static lua_State *check_coroutine(lua_State *L, int index)
{
    lua_State *co = lua_tothread(L, index);

    luaL_argexpected(L, co, index, "coroutine");
    return co;
}

/* Resumes with the `count` values at the top. Returns the number of results moved to L, or -1: then
 * the error is at the top of `co`, or of L when it could not be resumed at all (`*has_run` is
 * false). */
static int resume(lua_State *L, lua_State *co, int count, bool *has_run)
{
    int status, result_count = 0;

    *has_run = false;

    bw_lua_charge(L, BW_BUDGET_PERIOD);
    if (!lua_checkstack(co, count)) {
        lua_pushliteral(L, "too many arguments to resume");
        return -1;
    }
    lua_xmove(L, co, count);
    *has_run = true;
    status = lua_resume(co, L, count, &result_count);
    if (status == LUA_OK || status == LUA_YIELD) {
        if (!lua_checkstack(L, result_count + 1)) {
            lua_pop(co, result_count);
            return bw_lua_raise(L, "too many results to resume");
        }
        lua_xmove(co, L, result_count);
        return result_count;
    }
    bw_budget_check(L, status,
                    true); /* a cancel is never raised in here: effects are refused in coroutines */
    return -1;
}

static int coroutine_resume(lua_State *L)
{
    lua_State *co = check_coroutine(L, 1);
    bool has_run;
    int count = resume(L, co, lua_gettop(L) - 1, &has_run);

    if (count < 0) {
        if (has_run)
            lua_xmove(co, L, 1);
        lua_pushboolean(L, 0);
        lua_insert(L, -2);
        return 2;
    }
    lua_pushboolean(L, 1);
    lua_insert(L, -(count + 1));
    return count + 1;
}

static int wrap_step(lua_State *L)
{
    lua_State *co = lua_tothread(L, lua_upvalueindex(1));
    bool has_run;
    int count = resume(L, co, lua_gettop(L), &has_run);

    if (count >= 0)
        return count;
    if (has_run) {
        int status = lua_status(co);
        if (status != LUA_OK &&
            status != LUA_YIELD) /* failed inside: its pending <close> variables run now */
            bw_budget_check(L, lua_closethread(co, L), true);
        lua_xmove(co, L, 1);
    }
    if (lua_type(L, -1) == LUA_TSTRING) {
        luaL_where(L, 1);
        lua_insert(L, -2);
        lua_concat(L, 2);
    }
    return lua_error(L);
}

static int coroutine_wrap(lua_State *L)
{
    (void)coroutine_create(L);
    lua_pushcclosure(L, wrap_step, 1);
    return 1;
}

static bool is_strand(lua_State *L)
{
    struct bw_budget *budget = bw_budget_of(L);

    return budget && budget->strand == L;
}

static int coroutine_yield(lua_State *L)
{
    if (is_strand(L))
        return bw_lua_raise(L, "attempt to yield from outside a coroutine");
    return lua_yield(L, lua_gettop(L));
}

static int coroutine_isyieldable(lua_State *L)
{
    lua_pushboolean(L, lua_isyieldable(L) && !is_strand(L));
    return 1;
}

static int coroutine_status(lua_State *L)
{
    lua_State *co = check_coroutine(L, 1);
    lua_Debug ar;
    const char *text = "dead";

    if (co == L) {
        text = "running";
    } else if (lua_status(co) == LUA_YIELD) {
        text = "suspended";
    } else if (lua_status(co) == LUA_OK) {
        if (lua_getstack(co, 0, &ar))
            text = "normal"; /* it resumed another one */
        else if (lua_gettop(co) > 0)
            text = "suspended"; /* not started */
    }
    lua_pushstring(L, text);
    return 1;
}

const luaL_Reg bw_lua_coroutine_functions[] = {
    {"create", coroutine_create},
    {"isyieldable", coroutine_isyieldable},
    {"resume", coroutine_resume},
    {"status", coroutine_status},
    {"wrap", coroutine_wrap},
    {"yield", coroutine_yield},
    {NULL, NULL},
};
