/* group.h - group commit: batches of many runs travel in one transaction.
 *
 * Offers:  add a batch, flush what is ready.
 * Relies on: store/store.h, core/batch.h.
 * Stations 8 and 9 of docs/walk.md.
 * Invariants: J3, J6 (core/journal.h).
 *
 * While every lane of the store is busy, batches collect; when one is free, all that are ready go
 * at once. Nothing is delayed when the store is idle. A run is never in two commits, because a
 * COMMITTING run takes no turn.
 */
#ifndef BW_CORE_GROUP_H
#define BW_CORE_GROUP_H

#include "core/batch.h"

struct bw_engine;

struct bw_groups {
    struct bw_list queue; /* batches */
    size_t queue_count;
    size_t queue_weight; /* as turns without database work */
    unsigned lanes_busy;
    struct bw_turn_commit *commits; /* scratch of flush */
    struct bw_list spare;           /* batches for reuse */
    size_t spare_count;
};

void bw_groups_init(struct bw_groups *groups);
void bw_groups_deinit(struct bw_engine *engine, struct bw_groups *groups);
struct bw_batch *bw_group_batch(struct bw_engine *engine); /* a fresh one */
void bw_group_release(struct bw_engine *engine,
                      struct bw_batch *batch); /* destroys effects nobody took */
/* The shard is not ours any more: its batches that are still queued are rejected, and their runs
 * forgotten. */
void bw_group_drop(struct bw_engine *engine, uint32_t shard);
void bw_group_add(struct bw_engine *engine, struct bw_batch *batch);
void bw_group_flush(struct bw_engine *engine);

#endif
