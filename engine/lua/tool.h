/* tool.h - a full, trusted Lua state for people's own machines: `billow test`, the specs, our
 * tools.
 *
 * Offers:  create and destroy a state with all of Lua's libraries and Billow's C libraries; run a
 * script; run busted's own runner inside it. Relies on: lua/lib.h. Never used for scripts of
 * tenants: those get lua/vm.h.
 *
 * `require "billow.x.y"` finds x/y.lua or x/y/init.lua in the stdlib folder. `require "m"` finds
 * m.lua in the lib folders, then Lua's own path. `pairs` and `table.sort` behave as in the sandbox
 * (sorted keys, stable), so that specs see the order production sees; tables with other keys keep
 * Lua's order here. Effects (billow.http, ...) load, and say when called that they need a run.
 */
#ifndef BW_LUA_TOOL_H
#define BW_LUA_TOOL_H

#include "lua/guard.h"

struct bw_tool_options {
    const char *stdlib_dir;      /* folder of billow.*; may be NULL */
    const char *const *lib_dirs; /* folders of plain modules, ends with NULL; may be NULL */
    const char *zoneinfo_dir;    /* NULL: /usr/share/zoneinfo */
};

struct bw_tool;

/* NULL when memory is out or a library does not load (`error` says why). */
struct bw_tool *bw_tool_create(const struct bw_tool_options *options, struct bw_error *error);
void bw_tool_destroy(struct bw_tool *tool);
/* The state, to add modules of one's own to package.loaded or package.preload. Owned by the tool.
 */
lua_State *bw_tool_state(struct bw_tool *tool);

/* Runs the file `path` with `args` (ends with NULL) as global `arg` and as `...`. Prints an
 * uncaught error with its stack to stderr. os.exit ends the script, not the process. Returns the
 * exit code. */
int bw_tool_run(struct bw_tool *tool, const char *path, const char *const *args);
/* Runs busted's command line with `args`. Returns its exit code; 69 with a message when busted is
 * not installed. */
int bw_tool_busted(struct bw_tool *tool, const char *const *args);

/* Stand-ins for C modules that busted needs (lib_fs.c). */
MAY_THROW int bw_lua_open_fs(lua_State *L);
MAY_THROW int bw_lua_open_term(lua_State *L);
MAY_THROW int bw_lua_open_system(lua_State *L);

#endif
