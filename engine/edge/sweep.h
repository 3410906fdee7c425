/* sweep.h - drops finished runs whose retention is over: one tenant at a time, in small batches.
 *
 * Offers:  a sweep on demand or as a preview, and a daily one of every tenant in the background.
 * Relies on: core/engine.h (starts the workflow `retention`, whose result is the decision),
 *          store/retention.h (which runs may go), edge/archive.h, io/loop.h (timers).
 *
 * A sweep asks the tenant's policy by a run of `workflows/retention.lua`, so that the decision is
 * journaled with its settings and reasons; looks for trees that may go; writes a batch to the
 * archive, if there is one; drops it; waits as long as its rate says. When a hold or a setting
 * changes in between, it asks again. It may be killed anywhere: what was dropped is dropped, the
 * rest is found by the next one. Several nodes may sweep at a time; each run goes once.
 */
#ifndef BW_EDGE_SWEEP_H
#define BW_EDGE_SWEEP_H

#include "base/clock.h"
#include "store/store.h"

struct bw_engine;
struct bw_loop;
struct bw_sweeper;

struct bw_sweeper_config {
    /* All borrowed. */
    struct bw_loop *loop;
    struct bw_engine *engine;
    struct bw_store *store;
    const struct bw_clock *clock;
    bool is_background;      /* partitions, and every tenant once a day */
    int64_t rate;            /* runs a second, in the background; 0 = no sweeps there */
    const char *archive_dir; /* of the background; NULL = no archive */
    int64_t first_ms;        /* when the background looks first */
    int64_t every_ms;        /* and how often for tenants that are due */
};
struct bw_sweeper *bw_sweeper_create(const struct bw_sweeper_config *config);
void bw_sweeper_stop(struct bw_sweeper *sweeper);    /* begins nothing any more */
void bw_sweeper_destroy(struct bw_sweeper *sweeper); /* after the store closed; NULL is fine */

struct bw_sweep_wish {
    struct bw_id tenant;
    struct bw_str actor;
    const char *archive_dir; /* NULL = no archive */
    int64_t runs_max;        /* stop after so many; 0 = go on to the end */
    int64_t rate;            /* runs a second; 0 = as fast as it goes */
    bool is_preview;         /* drop nothing: say what would go */
};
/* Gives {at_us, by, decision: the run that decided, version, rules, kept: {documents, held, open},
 * runs, turns, batches, is_complete, archive: directory or null}; of a preview {workflows:
 * [{workflow, runs}]} in place of turns and batches. NOT_FOUND when the tenant's release has no
 * workflow `retention`: then nothing is dropped. */
void bw_sweeper_sweep(struct bw_sweeper *sweeper, const struct bw_sweep_wish *wish,
                      bw_value_fn done, void *ud);

#endif
