/* time.h - two kinds of time that must never be mixed.
 *
 * Offers:  struct bw_instant (monotonic, for measuring), struct bw_stamp (UTC, for people and
 *          rows).
 * Relies on: libc only. Reading a clock goes through base/clock.h.
 */
#ifndef BW_BASE_TIME_H
#define BW_BASE_TIME_H

#include <stdint.h>

struct bw_instant {
    int64_t ns; /* monotonic; meaningless in another process */
};
struct bw_stamp {
    int64_t us; /* microseconds since 1970-01-01T00:00:00Z */
};

#define BW_NS_PER_US INT64_C(1000)
#define BW_NS_PER_MS INT64_C(1000000)
#define BW_NS_PER_S INT64_C(1000000000)
#define BW_US_PER_MS INT64_C(1000)
#define BW_US_PER_S INT64_C(1000000)

static inline int64_t bw_instant_ms_since(struct bw_instant later, struct bw_instant earlier)
{
    return (later.ns - earlier.ns) / BW_NS_PER_MS;
}
static inline struct bw_stamp bw_stamp_add_ms(struct bw_stamp stamp, int64_t ms)
{
    return (struct bw_stamp){stamp.us + ms * BW_US_PER_MS};
}

#endif
