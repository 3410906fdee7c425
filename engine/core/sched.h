/* sched.h - whose turn it is: ready runs, taken round robin over tenants.
 *
 * Offers:  add, next. A run is in at most one queue (through its link).
 * Relies on: core/run.h.
 * Station 3 of docs/walk.md.
 *
 * One queue per tenant with ready runs; each tenant gives one run per round, so that a tenant with
 * a hundred thousand ready runs delays another's next one by one turn only. Weights and priorities
 * would live here.
 */
#ifndef BW_CORE_SCHED_H
#define BW_CORE_SCHED_H

#include "core/run.h"

struct bw_sched {
    struct bw_table tenants; /* struct bw_sched_tenant by tenant id */
    struct bw_list rounds;   /* tenants with ready runs, whose turn is next first */
    struct bw_list held;     /* tenants with ready runs that wait for a host */
    size_t ready_count;
};

void bw_sched_init(struct bw_sched *sched);
void bw_sched_deinit(struct bw_sched *sched);
void bw_sched_add(struct bw_sched *sched, struct bw_run *run); /* its link is in no list */
struct bw_run *bw_sched_next(struct bw_sched *sched); /* taken off; NULL when none is ready */
/* There is no host for this run, which was just taken: it is its tenant's next one, and the tenant
 * is left out of the rounds until bw_sched_unhold, which puts those who waited first. */
void bw_sched_hold(struct bw_sched *sched, struct bw_run *run);
void bw_sched_unhold(struct bw_sched *sched);
bool bw_sched_has_next(const struct bw_sched *sched);
void bw_sched_remove(struct bw_sched *sched, struct bw_run *run); /* it is in a queue */

#endif
