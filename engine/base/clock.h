/* clock.h - the seam through which the engine reads time; the simulator and `billow test` put their
 * own here.
 *
 * Offers:  struct bw_clock.
 * Relies on: base/time.h. Implementations: io/clock_os.c (real), core/clock_virtual.c (tests).
 */
#ifndef BW_BASE_CLOCK_H
#define BW_BASE_CLOCK_H

#include "base/time.h"

struct bw_clock {
    struct bw_instant (*now_mono)(void *self);
    struct bw_stamp (*now_utc)(void *self);
    void *self;
};

static inline struct bw_instant bw_clock_mono(const struct bw_clock *clock)
{
    return clock->now_mono(clock->self);
}
static inline struct bw_stamp bw_clock_utc(const struct bw_clock *clock)
{
    return clock->now_utc(clock->self);
}

#endif
