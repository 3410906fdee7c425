/* lib_string.h - the sandbox's string library in pieces (lib_string.c, lib_format.c).
 *
 * Offers:  the opener, string.format, text of a value without addresses.
 * Relies on: lua/budget.h, lua/match.h.
 */
#ifndef BW_LUA_LIB_STRING_H
#define BW_LUA_LIB_STRING_H

#include "lua/guard.h"

#define BW_LUA_STRING_BYTES_MAX (8u * 1024u * 1024u) /* of what gsub, format and concat make */

MAY_THROW int bw_lua_open_string(lua_State *L);
MAY_THROW int bw_lua_open_utf8(lua_State *L);
/* As a closure: a function of Lua's own (upvalue 1), charged by the length of its first argument.
 */
MAY_THROW int bw_lua_charged_by_length(lua_State *L);
/* string.format without %p and %a; %s uses bw_lua_push_text. */
MAY_THROW int bw_lua_format(lua_State *L);
/* Pushes what tostring gives: __tostring, else the value, else the type's name (or __name); never
 * an address. */
MAY_THROW const char *bw_lua_push_text(lua_State *L, int index, size_t *len);

#endif
