/* bridge.h - Lua values to codec/value.h bytes and back: the border every effect argument, outcome,
 * input and result crosses.
 *
 * Offers:  encode (with the path of what does not fit), decode, json.null and json.array.
 * Relies on: codec/value.h, lua/lib.h.
 *
 * nil, booleans, integers, decimals, money, strings, json.null and tables cross. A table is an
 * array when it is marked (json.array) or has the keys 1..n; it is a map when all its keys are
 * strings; an empty unmarked table is a map. Floats, functions, userdata, coroutines, mixed tables
 * and holes are refused with the path, for example: input.rate: float 1.5 cannot cross a border:
 * write decimal "1.5" Decoded arrays are marked, so [] goes back as []. Metatables of plain tables
 * are not looked at.
 */
#ifndef BW_LUA_BRIDGE_H
#define BW_LUA_BRIDGE_H

#include "codec/value.h"
#include "lua/lib.h"

#define BW_LUA_VALUE_BYTES_MAX (8u * 1024u * 1024u) /* of one value that crosses */

/* Appends the encoding of the value at `index` to `buf`. `root` names the value in messages
 * ("input", "http args"). Raises when something in it cannot cross, or the buffer's ceiling is
 * passed. */
MAY_THROW void bw_lua_encode(lua_State *L, int index, const char *root, struct bw_buf *buf);

/* Pushes the value that checked bytes hold (bw_value_check); empty bytes push nil. */
MAY_THROW void bw_lua_decode(lua_State *L, struct bw_str bytes);
/* The same for a value that was already looked at. */
MAY_THROW void bw_lua_decode_value(lua_State *L, const struct bw_value *value);

#endif
