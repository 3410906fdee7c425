/* timer.h - what is due when: a binary heap of moments.
 *
 * Offers:  arm, cancel, take what is due (earliest first; equal moments in the order they were
 *          armed).
 * Relies on: base/mem.h. Knows no clock: the engine keeps one heap in UTC (durable deadlines) and
 *          one in monotonic time (pauses of this process), and asks both once per turn.
 * Station 1 of docs/walk.md. The durable truth is wake_at of the run's row; the heap is a copy for
 * loaded runs and for sleepers that are due soon.
 */
#ifndef BW_CORE_TIMER_H
#define BW_CORE_TIMER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct bw_engine;
struct bw_timer;
/* Called from the turn, once per arming. */
typedef void (*bw_timer_fn)(struct bw_engine *engine, struct bw_timer *timer);

struct bw_timer {
    int64_t at_us;
    uint64_t order; /* of arming: breaks ties, so that a seed replays exactly */
    size_t place;   /* 1 + index in the heap; 0 = not armed */
    bw_timer_fn on_due;
};

struct bw_timers {
    struct bw_timer **heap;
    size_t count;
    size_t capacity;
    uint64_t order_next;
};

void bw_timers_init(struct bw_timers *timers);
void bw_timers_deinit(struct bw_timers *timers); /* disarms everything */
void bw_timer_arm(struct bw_timers *timers, struct bw_timer *timer,
                  int64_t at_us); /* armed already: moved */
void bw_timer_cancel(struct bw_timers *timers, struct bw_timer *timer);
struct bw_timer *bw_timers_take(struct bw_timers *timers,
                                int64_t now_us);           /* one that is due, or NULL */
int64_t bw_timers_next_us(const struct bw_timers *timers); /* INT64_MAX when none */

static inline bool bw_timer_is_armed(const struct bw_timer *timer)
{
    return timer->place != 0;
}

#endif
