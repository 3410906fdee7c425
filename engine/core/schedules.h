/* schedules.h - recurring starts: which are due, what becomes of them; how people change them.
 *
 * Offers:  look (find and fire what is due), set, pause, resume, delete, the next times.
 * Relies on: core/schedule.h (what a schedule says), store/store.h (where it stands),
 * core/release.h (the workflow, and the rules of its time zone).
 *
 * A schedule fires in one commit of the store: it moves on, and its runs exist. The commit counts
 * for the version that was decided upon, so a crash, a lost answer or a second node that decides
 * the same makes no second run. The start key of a run is "schedule/NAME@INSTANT".
 *
 * What is due when the engine looks: the newest, if it is not over a minute late, is on time. All
 * others were missed, and the catch-up policy says what becomes of them.
 */
#ifndef BW_CORE_SCHEDULES_H
#define BW_CORE_SCHEDULES_H

#include "core/timer.h"
#include "store/store.h"

struct bw_engine;

struct bw_schedules {
    struct bw_timer due_timer;  /* UTC: the next one */
    struct bw_timer look_timer; /* monotonic: others may have set some */
    bool is_looking;
    bool is_stale;         /* something was set while looking: look again */
    bool has_failed;       /* the store could not be reached: later */
    size_t deciding_count; /* due ones that are not through yet */
    int64_t next_us;
};

void bw_schedules_init(struct bw_engine *engine);
/* Finds what is due in our shards and fires it; then waits for the next. */
void bw_schedules_look(struct bw_engine *engine);

#endif
