/* sandbox.h - the world a script sees: an allow-list of globals, frozen, the same in every process.
 *
 * Offers:  build the two environments (of scripts, and of the standard library), freeze a module.
 * Relies on: lua/budget.h, lua/lib.h, lua/lib_string.h, lua/lib_base.h.
 *
 * Not there: os, io, debug, package, load, dofile, collectgarbage, string.dump, weak tables,
 * finalizers. Replaced: pcall, xpcall, coroutine.* (kills pass through them), setmetatable (private
 * frozen copies), pairs and next (sorted), tostring and string.format (no addresses), table.sort
 * (stable), the pattern functions (counted). Reading a global that does not exist raises, with a
 * hint for names one may look for; so does assigning to one.
 */
#ifndef BW_LUA_SANDBOX_H
#define BW_LUA_SANDBOX_H

#include "lua/guard.h"

/* What a VM adds. Each function may be NULL. */
struct bw_sandbox_options {
    lua_CFunction require; /* upvalue 1: may it require what is for the standard library only? */
    lua_CFunction random;  /* math.random */
};

enum bw_sandbox_env {
    BW_ENV_SCRIPT,
    BW_ENV_TRUSTED, /* files under stdlib/ */
    BW_ENV_PLAIN,   /* a plain Lua file (billow script run): a table of its own that it may change,
                       and nil for what is not there */
};

/* On a fresh state of bw_budget_newstate. Leaves nothing on the stack; Lua's own globals are gone
 * afterwards. */
MAY_THROW void bw_sandbox_open(lua_State *L, const struct bw_sandbox_options *options);
/* Pushes the environment table, for the first upvalue of a chunk. */
MAY_THROW void bw_sandbox_push_env(lua_State *L, enum bw_sandbox_env env);
/* What there is instead of a name of Lua's that scripts do not have, for people who look for it;
 * NULL for other names. */
const char *bw_sandbox_hint(struct bw_str name);
/* Replaces the table at the top by a proxy that reads through to it and cannot be changed. Other
 * values stay. */
MAY_THROW void bw_sandbox_freeze(lua_State *L);
bool bw_sandbox_is_frozen(lua_State *L, int index);

#endif
