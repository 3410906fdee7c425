/* tool_call.h - values over the border of the trusted Lua of a tool: a C function that Lua may call
 * (the door from specs to the engine under test), and a function of a module that C may call.
 *
 * Offers:  bw_tool_add_call, bw_tool_apply.
 * Relies on: lua/tool.h, lua/bridge.h.
 *
 * In Lua, `require(module)` is a function `call(op, value) -> true, value | false, code, text`.
 * What cannot cross a border (a float, a function) is raised at the caller with its path, like an
 * effect's argument.
 */
#ifndef BW_LUA_TOOL_CALL_H
#define BW_LUA_TOOL_CALL_H

#include "codec/value.h"

struct bw_tool;

/* Does `op` with an encoded value; appends the encoded answer (nothing = nil). Must not call Lua.
 */
typedef enum bw_err (*bw_tool_call_fn)(void *ud, struct bw_str op, struct bw_str value,
                                       struct bw_buf *answer, struct bw_error *error);

/* `ud` must outlive the tool. MEMORY when the module cannot be added. */
BW_MUST_USE enum bw_err bw_tool_add_call(struct bw_tool *tool, const char *module,
                                         bw_tool_call_fn fn, void *ud, struct bw_error *error);

/* Calls function `name` of `require(module)`. `args`: the encoded array of its arguments; the
 * encoded array of what it returns is appended to `results`. SCRIPT with the text of what it
 * raises, MEMORY. */
BW_MUST_USE enum bw_err bw_tool_apply(struct bw_tool *tool, const char *module, const char *name,
                                      struct bw_str args, struct bw_buf *results,
                                      struct bw_error *error);

#endif
