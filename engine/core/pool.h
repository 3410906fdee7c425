/* pool.h - which host a run's next turn goes to: one tenant at a time in each, a fresh process when
 * the tenant changes, and a host that says nothing is ended.
 *
 * Offers:  pick, watch. The slots themselves are dispatch.h's.
 * Relies on: core/dispatch.h, core/sched.h (who waits for a host is held there).
 * Station 5 of docs/walk.md.
 *
 *   free --assign--> tenant's --idle, wanted by another: restart--> another tenant's
 *                       \--others wait, its time is over--> draining --idle--> another tenant's
 *
 * Idle is also one whose tenant has only turns that are being committed; but for its time, a
 * tenant with anything on its way keeps its host: with the host it would lose the states of its
 * runs. Of several idle ones the one that was used longest ago goes.
 *
 * A tenant has one host, or up to limits.hosts_per_tenant when those it has are crowded. While
 * tenants wait for a host, one host for each of them gets no new work (draining): first that which
 * was given out first, after its tenant had it for a moment.
 */
#ifndef BW_CORE_POOL_H
#define BW_CORE_POOL_H

#include "core/dispatch.h"

struct bw_timer;

void bw_pool_init(struct bw_engine *engine);
void bw_pool_nothing(struct bw_engine *engine, struct bw_timer *timer);
/* NULL: the run has to wait; bw_sched_hold it. May restart a host that is idle. */
struct bw_host_slot *bw_pool_pick(struct bw_engine *engine, const struct bw_run *run);
/* No run is resident in this host any more. Those that were executing there are left for the caller
 * (scratch memory of the turn); the others are settled. */
void bw_pool_forget_residents(struct bw_engine *engine, unsigned host, struct bw_run ***executing,
                              size_t *executing_count);
/* A fresh process; nothing of the old one is believed. Nothing executes there any more. */
void bw_pool_restart(struct bw_host_slot *slot);

void bw_pool_heard(struct bw_host_slot *slot);
/* It is at work and has not said a word for three seconds, and again not since we looked. */
bool bw_pool_is_silent(struct bw_host_slot *slot);
int64_t bw_pool_watch_ns(const struct bw_engine *engine); /* when to look again; INT64_MAX: never */

#endif
