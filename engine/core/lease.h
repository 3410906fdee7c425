/* lease.h - which shards this process owns, and until when it may act on that.
 *
 * Offers:  acquire, renew every fifth of the lease, share with the other nodes, the epoch of a
 *          shard, may we act now.
 * Relies on: store/store.h (database time decides who owns a shard), the monotonic clock (decides
 *          when we stop).
 * Invariants: J3 (core/journal.h).
 *
 * The fence in the database is what makes a paused process harmless. This file only makes it
 * polite: it stops acting at 70% of the lease by its own clock, counted from before the renewal was
 * sent.
 *
 * Sharing needs no coordinator. Every answer tells how many nodes live. Who has more than shards /
 * nodes, rounded up, gives the quietest of its shards back; who has less finds them free with its
 * next renewal. A node that stops gives all back; those of a node that dies are free when its lease
 * ends. Runs of a shard that is given back leave memory: their rows know everything, and whoever
 * has the shard next begins their effects again, with the same keys.
 */
#ifndef BW_CORE_LEASE_H
#define BW_CORE_LEASE_H

#include "core/timer.h"
#include "store/store.h"

struct bw_lease {
    int64_t epochs[BW_SHARD_COUNT]; /* 0 = not ours */
    size_t owned_count;
    size_t node_count; /* as the last answer said; 0 = none came yet */
    int64_t asked_ns;  /* monotonic: when the last successful acquire or renewal was sent */
    int64_t sent_ns;   /* when the one in flight was sent */
    bw_shards
        spared; /* after a failover: what others held, until they had time to say what is lost */
    int64_t spared_until_ns; /* monotonic */
    bool is_in_flight;
    struct bw_timer timer; /* monotonic: the next renewal */
};

void bw_lease_init(struct bw_lease *lease);
/* Asks for our share, and again every fifth of the lease. The first answer ends the start. */
void bw_lease_acquire(struct bw_engine *engine);
bw_shards bw_lease_held(const struct bw_engine *engine);
bool bw_lease_owns(const struct bw_engine *engine, uint32_t shard);
int64_t bw_lease_epoch(const struct bw_engine *engine, uint32_t shard);
/* Is the lease young enough to take turns, send commits and begin effects? */
bool bw_lease_may_act(const struct bw_engine *engine);
/* A commit was fenced: the shard is somebody else's. */
void bw_lease_lost(struct bw_engine *engine, uint32_t shard);

#endif
