/* show.h - Lua values as text for people, and as JSON for machines. For what a plain script returns
 * (billow script run): unlike bridge.h it takes any value, floats and functions too, and what it
 * writes is never read back.
 *
 * Offers:  bw_lua_show_text, bw_lua_show_json. Relies on: lua/lib.h, codec/json.h.
 *
 * Metatables are not asked; keys come in sorted order. Raises when a value is nested deeper than
 * BW_SHOW_DEPTH_MAX (a table inside itself, perhaps), has more than BW_SHOW_NODES_MAX parts, or is
 * longer than the buffer may be.
 */
#ifndef BW_LUA_SHOW_H
#define BW_LUA_SHOW_H

#include "lua/guard.h"

#define BW_SHOW_DEPTH_MAX 60
#define BW_SHOW_NODES_MAX 100000
#define BW_SHOW_BYTES_MAX (1024u * 1024u)

/* A string at the top is written as it is, elsewhere quoted; tables as Lua would write them, in one
 * line when that is short. */
MAY_THROW void bw_lua_show_text(lua_State *L, int index, struct bw_buf *out);
/* Floats that are no numbers, and what JSON has no word for, become texts: "nan", "function". */
MAY_THROW void bw_lua_show_json(lua_State *L, int index, struct bw_buf *out);

#endif
