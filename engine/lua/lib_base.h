/* lib_base.h - the sandbox's replacements for Lua's basic, coroutine and table functions.
 *
 * Offers:  lists to register, protected calls that let kills and cancels pass.
 * Relies on: lua/budget.h, lua/lib.h.
 */
#ifndef BW_LUA_LIB_BASE_H
#define BW_LUA_LIB_BASE_H

#include "lua/guard.h"

extern const luaL_Reg bw_lua_base_functions[]; /* lib_base.c: pcall, setmetatable, tostring, ... */
extern const luaL_Reg bw_lua_coroutine_functions[]; /* lib_coroutine.c */
extern const luaL_Reg bw_lua_table_functions[];     /* lib_table.c */

#endif
