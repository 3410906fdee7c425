/* warm.h - what the runs of one workflow begin with, loaded once and copied after that.
 *
 * Offers:  learn what a run loads, a new run's state with that in it.
 * Relies on: lua/template.h, lua/sandbox.h, lua/vm_state.h.
 *
 * The first run of a workflow in a host loads the modules of the library by itself, and says
 * which. The next one finds them in its state. Only modules of the library are loaded ahead, never
 * a script: loading them has no effects, knows no run, and takes no steps of a script's budget, so
 * that a run is the same with and without. A module that asks for the clock, a random number or its
 * run while it loads makes its workflow one whose states are always new.
 */
#ifndef BW_LUA_WARM_H
#define BW_LUA_WARM_H

#include "lua/vm_state.h"

struct bw_warm;

void bw_warm_drop(struct bw_warm *warm); /* of a release; NULL is fine */
/* The first turn of a run is over: it loaded these modules, each name ended by a zero. */
void bw_warm_learn(struct bw_release *release, struct bw_str workflow, struct bw_str modules);
/* A state counted by `budget`, with sandbox and modules. NULL: make a new one. */
lua_State *bw_warm_state(struct bw_release *release, struct bw_str workflow,
                         struct bw_budget *budget);

#endif
