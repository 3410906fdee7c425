/* recheck.h - a recorded run played again, on a host of its own, to see that it comes out the same.
 *
 * Offers:  the verb bw_engine_recheck_run (core/engine.h), the sample of finished runs.
 * Relies on: core/call.h, core/host.h. Reads rows only; changes nothing of the run.
 *
 *   waiting --(nobody else is checked)--> rows asked for --> release asked for --> at the host -->
 * told
 *
 * All rows but the last are the host's to compare, as in every replay; the last one is played as if
 * it were new, and what comes back is compared here: its commands (kind and arguments), and for a
 * run that is done its result. The host is a fresh process each time, so that tenants do not meet
 * there.
 */
#ifndef BW_CORE_RECHECK_H
#define BW_CORE_RECHECK_H

#include "base/list.h"
#include "core/host.h"
#include "core/timer.h"
#include "store/store.h"

struct bw_engine;
struct bw_call;
struct bw_release;

struct bw_recheck {
    struct bw_list jobs; /* the first is under way when is_busy */
    size_t job_count;
    bool is_busy;
    bool is_at_host;
    struct bw_call *rows; /* of the run, kept */
    struct bw_release *release;
    struct bw_arena arena;
    struct bw_turn_record last; /* row that is played as new */
    struct bw_timer timer;      /* monotonic: the host's silence */
    /* Between turns: what the host said. */
    struct bw_buf answer;
    bool has_answer;
    bool is_alive; /* it said that it still works */
    bool is_lost;
    char lost[256];
};

void bw_recheck_init(struct bw_engine *engine);
void bw_recheck_deinit(struct bw_engine *engine); /* no `done` is called */
/* A run has ended: it may be one of the sample. */
void bw_recheck_sample(struct bw_engine *engine, struct bw_id tenant, struct bw_id run);
void bw_recheck_turn(struct bw_engine *engine); /* one step, if there is one to take */

#endif
