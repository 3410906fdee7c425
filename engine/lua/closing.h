/* closing.h - handlers of to-be-closed variables (__close), which also run when a run is cancelled.
 *
 * Offers:  the wrapper that every __close gets when its metatable is set, and what went wrong in
 * handlers while a cancel unwound. Relies on: lua/budget.h, lua/guard.h.
 *
 * A handler that has begun is brought to its end: it may ask for effects and wait for them, over
 * any number of turns, and a cancel that comes meanwhile is raised behind it. A handler that a
 * cancel has called sees {code = "CANCELLED"} as its error; what it raises stops neither the cancel
 * nor the other handlers, and is kept as a problem to be told with the run's end. Outside a cancel
 * a handler's error is an error like any other.
 *
 * In coroutines of the script, and where there are no strands, handlers are Lua's own.
 */
#ifndef BW_LUA_CLOSING_H
#define BW_LUA_CLOSING_H

#include "lua/guard.h"

/* More than these are only counted. */
#define BW_CLOSING_PROBLEMS_MAX 20

/* Replaces the handler at the top by one that keeps to the above. */
MAY_THROW void bw_lua_wrap_close(lua_State *L);
/* Calls the function below the `count` arguments at the top as if it was such a handler; to be
 * returned. Gives its results. */
MAY_THROW int bw_lua_call_sheltered(lua_State *L, int count);
/* Keeps the value at the top ({value, file, line, stack}) as a problem; pops it. */
MAY_THROW void bw_lua_keep_problem(lua_State *L);
/* Pushes the array of the problems kept so far, and forgets them. */
MAY_THROW void bw_lua_push_problems(lua_State *L);
/* Message handler: {value, file, line, stack} of an error, while its stack still stands. */
MAY_THROW int bw_lua_describe_error(lua_State *L);

#endif
