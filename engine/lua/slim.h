/* slim.h - bytecode without the names of local variables and upvalues.
 *
 * Offers:  bw_slim.
 * Relies on: base/buf.h; the form in which lua_dump of this very Lua writes a chunk.
 *
 * Half of what a state reads when it loads a module of the standard library, and a third of what it
 * then keeps, are names that only a debugger asks for. Lines stay: a message still says
 * "stdlib/billing/tax.lua:81:". Scripts of a firm keep everything, so that messages name their
 * variables.
 */
#ifndef BW_LUA_SLIM_H
#define BW_LUA_SLIM_H

#include "base/buf.h"

/* Appends to `out` the chunk in `bytecode` without those names. False when it is not a chunk as
 * this Lua writes it: `out` then holds nothing of use, and the chunk is to be used as it is. */
bool bw_slim(struct bw_str bytecode, struct bw_buf *out);

#endif
