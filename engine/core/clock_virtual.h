/* clock_virtual.h - a clock that moves only when it is told to: `billow test`, the simulator, unit
 * tests.
 *
 * Offers:  both kinds of time, moving together.
 * Relies on: base/clock.h.
 */
#ifndef BW_CORE_CLOCK_VIRTUAL_H
#define BW_CORE_CLOCK_VIRTUAL_H

#include "base/clock.h"

struct bw_clock_virtual {
    struct bw_clock clock; /* what the engine gets; borrowed from here */
    struct bw_stamp utc;
    struct bw_instant mono;
};

void bw_clock_virtual_init(struct bw_clock_virtual *clock, struct bw_stamp now);
void bw_clock_virtual_advance(struct bw_clock_virtual *clock, int64_t us); /* never back */
/* The machine's clock is set: UTC jumps, monotonic time does not. */
void bw_clock_virtual_set(struct bw_clock_virtual *clock, struct bw_stamp now);

#endif
