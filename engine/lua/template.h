/* template.h - a Lua state that has done what every run of a workflow begins with, to be copied.
 *
 * Offers:  take a state as a template, copy it, drop it.
 * Relies on: lua/budget.h; the innards of the Lua that is built here (template.c). With another
 * Lua there are no templates.
 *
 * A new run's state is nine tenths the same as the last one's: sandbox, modules, the workflow's
 * file. All blocks of a template lie in one region, so that a copy is a copy of its bytes, in which
 * every pointer into the region is moved on by the same distance; each object is visited by its
 * kind, no word is guessed at. Tables that have tables or functions for keys are hashed anew. What
 * is copied has run nothing that could tell runs apart: who takes a template sees to that.
 */
#ifndef BW_LUA_TEMPLATE_H
#define BW_LUA_TEMPLATE_H

#include "lua/budget.h"

struct bw_template;

/* A state whose blocks lie in a region of at most `bytes_max`, until it is taken. NULL when memory
 * is out, or this Lua cannot be copied. */
lua_State *bw_template_newstate(struct bw_budget *budget, size_t bytes_max);
/* Takes the state over, which then is closed by bw_template_drop alone. NULL, and the state is as
 * it was, when it holds what cannot be copied: a coroutine, something outside its memory. */
struct bw_template *bw_template_take(lua_State *L);
void bw_template_drop(struct bw_template *template); /* NULL is fine */

/* What loading it took; a copy starts with these. */
const struct bw_budget *bw_template_budget(const struct bw_template *template);
/* A state with that memory, counted by `budget`, whose limits are kept. NULL when memory is out. */
lua_State *bw_template_copy(const struct bw_template *template, struct bw_budget *budget);

#endif
