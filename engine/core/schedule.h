/* schedule.h - what a schedule says: which workflow, when, and what becomes of starts that were
 * missed. Values only; who starts the runs is core/schedules.h.
 *
 * Offers:  read and check one, the moments it is due, the input of a start, its place in the
 * spread. Relies on: codec/rrule.h, codec/tz.h, codec/value.h.
 *
 * A schedule as a value: {workflow, rule, zone, at, from, until, shift, holidays, spread_s,
 * catch_up, catch_up_max, overlap, input}. The rule names local times; a shift moves those that
 * fall on a weekend or a holiday to a business day, at the same time of day; the zone makes them
 * instants. A local time that is skipped in spring is the instant it would have been without the
 * change, one that comes twice in autumn its first coming; two times that become one instant are
 * one.
 */
#ifndef BW_CORE_SCHEDULE_H
#define BW_CORE_SCHEDULE_H

#include "base/id.h"
#include "base/mem.h"
#include "codec/rrule.h"
#include "codec/tz.h"
#include "codec/value.h"

#define BW_SCHEDULE_NAME_MAX 100
#define BW_SCHEDULE_SPREAD_S_MAX (24 * 3600)
#define BW_SCHEDULE_HOLIDAYS_MAX 2000
#define BW_SCHEDULE_CATCH_UP_MAX 1000

enum bw_schedule_shift { BW_SHIFT_NONE, BW_SHIFT_NEXT, BW_SHIFT_PREVIOUS };
enum bw_schedule_catch_up { BW_CATCH_UP_SKIP, BW_CATCH_UP_ONE, BW_CATCH_UP_ALL };
enum bw_schedule_overlap { BW_OVERLAP_SKIP, BW_OVERLAP_ALLOW };

struct bw_schedule {
    struct bw_str workflow; /* empty: only its times are of interest */
    struct bw_str rule;
    struct bw_str zone; /* "UTC", or a name of the release's zoneinfo/ */
    int32_t at_s;       /* seconds of the day; for rules that say no hour */
    struct bw_date from;
    bool has_until;
    struct bw_date until; /* the last day of the rule that counts */
    enum bw_schedule_shift shift;
    int64_t *holidays; /* days since 1970, ascending */
    size_t holiday_count;
    int64_t spread_s; /* starts come so much later at the most, always equally late */
    enum bw_schedule_catch_up catch_up;
    int64_t catch_up_max; /* of ALL: so many, the newest */
    enum bw_schedule_overlap overlap;
    struct bw_str input; /* encoded; empty = nil */
};

/* Borrows from `bytes` and `arena`. INVALID names the member and what is wrong with it. A missing
 * `from` becomes `today`. */
BW_MUST_USE enum bw_err bw_schedule_read(struct bw_str bytes, struct bw_date today,
                                         struct bw_arena *arena, struct bw_schedule *schedule,
                                         struct bw_error *error);
/* The same as a value, with everything said. */
void bw_schedule_put(struct bw_buf *out, const struct bw_schedule *schedule);
/* Lower case letters, digits, '-', '_' and '.'. */
BW_MUST_USE enum bw_err bw_schedule_check_name(struct bw_str name, struct bw_error *error);

/* One due start. */
struct bw_schedule_due {
    int64_t at_us;          /* when the rule says, after shift and zone; the spread comes on top */
    struct bw_date nominal; /* the rule's own day, before a shift */
};

struct bw_schedule_times {
    const struct bw_schedule *schedule;
    const struct bw_tz *tz; /* NULL: UTC */
    struct bw_rrule *rrule;
    int64_t after_us;
};
/* The moments after `after_us`, one after the other. */
BW_MUST_USE enum bw_err bw_schedule_times_open(struct bw_schedule_times *times,
                                               const struct bw_schedule *schedule,
                                               const struct bw_tz *tz, int64_t after_us,
                                               struct bw_error *error);
BW_MUST_USE bool bw_schedule_times_next(struct bw_schedule_times *times,
                                        struct bw_schedule_due *due); /* false: it has ended */
void bw_schedule_times_close(struct bw_schedule_times *times);

/* The local date of an instant. */
struct bw_date bw_schedule_date(const struct bw_tz *tz, int64_t at_us);
/* How much later than due this schedule starts its runs: the same always, spread evenly over the
 * schedules of all tenants. */
int64_t bw_schedule_offset_us(const struct bw_schedule *schedule, struct bw_id tenant,
                              struct bw_str name);
/* The input of the run that is due: strings "{due}" (instant), "{date}", "{month}" and
 * "{previous-month}" (of the rule's own day) are filled in. */
void bw_schedule_put_input(struct bw_buf *out, const struct bw_schedule *schedule,
                           const struct bw_schedule_due *due);

const char *bw_schedule_shift_name(enum bw_schedule_shift shift);
const char *bw_schedule_catch_up_name(enum bw_schedule_catch_up catch_up);
const char *bw_schedule_overlap_name(enum bw_schedule_overlap overlap);

#endif
