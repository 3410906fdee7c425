/* clock_os.c - struct bw_clock over clock_gettime. */
#include "base/assert.h"
#include "io/os.h"
#include <time.h>

static struct timespec read_clock(clockid_t id)
{
    struct timespec now;
    int rc = clock_gettime(id, &now);
    BW_ASSERT(rc == 0); /* both clocks always exist on Linux */
    return now;
}

static struct bw_instant now_mono(void *self)
{
    (void)self;
    struct timespec now = read_clock(CLOCK_MONOTONIC);
    return (struct bw_instant){(int64_t)now.tv_sec * BW_NS_PER_S + now.tv_nsec};
}

static struct bw_stamp now_utc(void *self)
{
    (void)self;
    struct timespec now = read_clock(CLOCK_REALTIME);
    return (struct bw_stamp){(int64_t)now.tv_sec * BW_US_PER_S + now.tv_nsec / BW_NS_PER_US};
}

struct bw_clock bw_clock_os(void)
{
    return (struct bw_clock){now_mono, now_utc, NULL};
}
