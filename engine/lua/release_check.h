/* release_check.h - do all Lua files of a release compile?
 *
 * Offers:  the check, for whoever takes a release from outside; no Lua state to be seen.
 * Relies on: lua/chunk.h, codec/wire.h.
 */
#ifndef BW_LUA_RELEASE_CHECK_H
#define BW_LUA_RELEASE_CHECK_H

#include "codec/wire.h"

/* INVALID with file, line and Lua's message of the first file (in the order of names) that does
 * not compile. */
BW_MUST_USE enum bw_err bw_release_check(const struct bw_release_set *set, struct bw_error *error);

#endif
