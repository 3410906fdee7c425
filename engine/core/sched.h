/* sched.h - whose turn it is: ready runs, taken by weighted deficit round robin over tenants.
 *
 * Offers:  add, next, remove; what a run at a host counts for its tenant; a tenant's weight.
 * Relies on: core/run.h.
 * Station 3 of docs/walk.md.
 *
 * One entry per tenant with ready runs. A visit gives a tenant its weight, a run costs
 * BW_WEIGHT_NORMAL: with the normal weight each tenant gives one run per round, so that a tenant
 * with a hundred thousand ready runs delays another's next one by one turn only; with three times
 * the weight it gives three. No tenant has more than three quarters of all turns that hosts have at
 * a time: who comes later finds a free place even while another's turns are long.
 *
 * Within a tenant there are classes, by what woke the run: what a person did (an answer, a cancel,
 * a resume) goes before what was under way already, and that before what nobody waits for (timers,
 * schedules, children): the end of a month does not keep an approval waiting. The lower classes
 * keep a share (CREDITS in sched.c), so that nothing starves.
 *
 * When memory is short (`with_new` is false), only runs that have a VM get their turns: what was
 * begun goes on and ends, and makes room. Else those with and without one take turns.
 */
#ifndef BW_CORE_SCHED_H
#define BW_CORE_SCHED_H

#include "core/run.h"

enum { BW_WEIGHT_MIN = 10, BW_WEIGHT_NORMAL = 100, BW_WEIGHT_MAX = 1000 };

enum bw_sched_class {
    BW_CLASS_INTERACTIVE,
    BW_CLASS_EVENT,
    BW_CLASS_BATCH,
    BW_CLASS_COUNT,
};

struct bw_sched {
    struct bw_table tenants; /* struct bw_sched_tenant by tenant id */
    struct bw_list rounds;   /* tenants with ready runs, whose turn is next first */
    size_t round_count;      /* how many those are */
    struct bw_list held;     /* tenants with ready runs that wait for a host */
    size_t ready_count;
    size_t executing_max; /* of one tenant */
};

/* `executing_max`: turns that all hosts have at a time. */
void bw_sched_init(struct bw_sched *sched, size_t executing_max);
void bw_sched_deinit(struct bw_sched *sched);
void bw_sched_add(struct bw_sched *sched, struct bw_run *run); /* its link is in no list */
/* Taken off; NULL: none is ready and may. `with_new`: also one that has no VM yet. */
struct bw_run *bw_sched_next(struct bw_sched *sched, bool with_new);
/* There is no host for this run, which was just taken: it is its tenant's next one, and the tenant
 * is left out of the rounds until bw_sched_unhold, which puts those who waited first. */
void bw_sched_hold(struct bw_sched *sched, struct bw_run *run);
void bw_sched_unhold(struct bw_sched *sched);
void bw_sched_remove(struct bw_sched *sched, struct bw_run *run); /* it is in a queue */
bool bw_sched_has_next(const struct bw_sched *sched, bool with_new);

/* A host has a turn of this run; has it no more. */
void bw_sched_begun(struct bw_sched *sched, const struct bw_run *run);
void bw_sched_ended(struct bw_sched *sched, const struct bw_run *run);
/* A turn of it is on its way to the database; is so no more. */
void bw_sched_committing(struct bw_sched *sched, const struct bw_run *run, bool has_begun);
/* Something of the tenant is ready, at a host, or being committed: it wants its host soon. */
bool bw_sched_is_at_work(struct bw_sched *sched, struct bw_id tenant);
/* Per cent of the normal share; what is outside of the bounds is brought into them. */
void bw_sched_weigh(struct bw_sched *sched, struct bw_id tenant, int64_t weight);
/* By what lies in its inbox. */
enum bw_sched_class bw_sched_class_of(const struct bw_run *run);

#endif
