/* chunk.h - the files of a release inside a host, and their compiled chunks.
 *
 * Offers:  keep a release (counted references), find a file, the bytecode of a Lua file.
 * Relies on: codec/wire.h, lua.h.
 *
 * A file is compiled once per release, from text only (mode "t"); the bytecode we made ourselves is
 * what states load. A release can lie over the library, which is one too: what both have under one
 * name is kept, and compiled, there. Chunk names are "=<file name>", so that messages say
 * "workflows/tm.lua:12:".
 */
#ifndef BW_LUA_CHUNK_H
#define BW_LUA_CHUNK_H

#include "codec/wire.h"
#include "lua/guard.h"

struct bw_release;

/* Copies everything. The caller has one reference. */
struct bw_release *bw_release_create(const struct bw_release_set *set);
/* The same, but files whose bytes are the library's own (the same place in memory) are not copied.
 * Takes a reference to the library; NULL: there is none. */
struct bw_release *bw_release_create_over(const struct bw_release_set *set,
                                          struct bw_release *library);
/* A library: `set` and its bytes must outlive it. */
struct bw_release *bw_release_create_library(const struct bw_release_set *set);
struct bw_warm;
struct bw_warm **bw_release_warm(struct bw_release *release); /* kept here for lua/warm.h */
/* Compiles the Lua file number `i`, so that states need not. False when there is no such number. */
bool bw_release_prepare(struct bw_release *release, size_t i);
struct bw_release *bw_release_retain(struct bw_release *release);
void bw_release_drop(struct bw_release *release); /* NULL is fine */
const uint8_t *bw_release_hash(const struct bw_release *release);

/* The bytes of a file; false when there is none. Valid as long as the release. */
bool bw_release_find(const struct bw_release *release, struct bw_str name, struct bw_str *bytes);

/* The bytecode of a Lua file. NOT_FOUND; SCRIPT with Lua's message for a
 * syntax error, or when the file is too long. */
BW_MUST_USE enum bw_err bw_release_compile(struct bw_release *release, struct bw_str name,
                                           struct bw_str *bytecode, struct bw_error *error);

/* Pushes the chunk of a file as a function whose environment is the table at the top of the stack
 * (which it replaces). On failure raises the message of bw_release_compile; nothing is pushed and
 * false returned when there is no file. */
MAY_THROW bool bw_release_push_chunk(lua_State *L, struct bw_release *release, struct bw_str name);

#endif
