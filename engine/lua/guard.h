/* guard.h - how C code lives with a language that leaves by longjmp.
 *
 * Offers:  MAY_THROW (a marker), a buffer that a Lua error cannot leak, the one protected door into
 * Lua. Relies on: lua.h, base/buf.h.
 *
 * Almost every call of Lua's C API can throw over our frames. So in engine/lua: first check all
 * arguments, then acquire, then call nothing that throws while owning something; where that cannot
 * be helped, what is owned hangs on a guard userdata made before acquiring.
 */
#ifndef BW_LUA_GUARD_H
#define BW_LUA_GUARD_H

#include "base/buf.h"
#include <lauxlib.h>
#include <lua.h>

/* Marks functions that may leave by longjmp. Callers must own nothing that is not on a guard. */
#define MAY_THROW

/* Pushes a userdata that frees the buffer when it is collected; the buffer is valid while it lies
 * on the stack. */
MAY_THROW struct bw_buf *bw_lua_push_buf(lua_State *L, size_t bytes_max);

/* Counts what the buffer has grown to as memory of the script, until it is freed. To be called
 * before a function of the script runs while the buffer is held: such calls nest. May end the
 * script. */
MAY_THROW void bw_lua_hold_buf(lua_State *L, struct bw_buf *buf);

/* Frees the buffer of a guard at once (the userdata may stay on the stack). */
void bw_lua_drop_buf(struct bw_buf *buf);

/* Raises the text with the position of the Lua code to blame: the nearest caller outside stdlib/.
 * Never returns. */
MAY_THROW int bw_lua_raise(lua_State *L, const char *format, ...) BW_PRINTF(2, 3);

/* The only way to call into Lua from outside a coroutine: `fn` gets `ud` as its one argument (a
 * light userdata) and runs protected. Returns LUA_OK or Lua's status; the error's text, cut to fit,
 * is then in `error` (may be NULL). The stack is as before. */
BW_MUST_USE int bw_lua_protected(lua_State *L, lua_CFunction fn, void *ud, struct bw_error *error);

/* The text of any error value at `index`, without calling __tostring; bounded; copied into `text`.
 */
void bw_lua_error_text(lua_State *L, int index, char *text, size_t text_max);

#endif
