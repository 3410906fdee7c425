/* share.h - what a tenant may have of the engine: its weight, and how many runs it may have open.
 *
 * Offers:  the weight is told to the scheduler once a tenant is seen; admission of new runs.
 * Relies on: store/store.h (read "tenant"), core/sched.h.
 * Station 1 of docs/walk.md.
 *
 * The store is asked when a tenant is seen for the first time, and again now and then; what is
 * remembered is counted on by what this node starts. So a ceiling is exact on one node to within a
 * second's ends of runs, and several nodes may together be over it by what they start in a second.
 * Children of runs that are open already are never refused. When the store cannot be asked, runs
 * are let in: a start that cannot be stored fails anyway.
 */
#ifndef BW_CORE_SHARE_H
#define BW_CORE_SHARE_H

#include "core/call.h"
#include "core/table.h"

struct bw_engine;

void bw_shares_init(struct bw_table *shares);
void bw_shares_deinit(struct bw_table *shares);
/* A run of this tenant is here: its weight has to be known. */
void bw_share_see(struct bw_engine *engine, struct bw_id tenant);
/* The call acts next (call->act), or its client hears LIMIT through `refused`. */
void bw_share_admit(struct bw_engine *engine, struct bw_id tenant, struct bw_call *call,
                    bw_call_act_fn refused);
/* Somebody set it: asked again at once. */
void bw_share_changed(struct bw_engine *engine, struct bw_id tenant);

#endif
