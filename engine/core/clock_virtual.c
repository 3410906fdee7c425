/* clock_virtual.c - see clock_virtual.h. */
#include "core/clock_virtual.h"

#include "base/assert.h"

static struct bw_instant now_mono(void *self)
{
    return ((struct bw_clock_virtual *)self)->mono;
}

static struct bw_stamp now_utc(void *self)
{
    return ((struct bw_clock_virtual *)self)->utc;
}

void bw_clock_virtual_init(struct bw_clock_virtual *clock, struct bw_stamp now)
{
    *clock = (struct bw_clock_virtual){
        .clock = {.now_mono = now_mono, .now_utc = now_utc, .self = clock},
        .utc = now,
        .mono = {BW_NS_PER_S}, /* not zero: zero would hide a moment that was never set */
    };
}

void bw_clock_virtual_advance(struct bw_clock_virtual *clock, int64_t us)
{
    BW_ASSERT(us >= 0);
    clock->utc.us += us;
    clock->mono.ns += us * BW_NS_PER_US;
}

void bw_clock_virtual_set(struct bw_clock_virtual *clock, struct bw_stamp now)
{
    clock->utc = now;
}
