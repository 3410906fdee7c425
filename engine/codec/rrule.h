/* rrule.h - recurrence rules of RFC 5545: which local times a rule names.
 *
 * Offers:  parse one, go to a time, take the times one after the other.
 * Relies on: libical (only here), codec/date.h. No time zones: what a local time means is
 *          codec/tz.h's.
 *
 * Narrower than the RFC where it says nothing useful for starts of runs, so that no rule can search
 * for ever: the finest step is a minute; UNTIL is the caller's; HOURLY and MINUTELY take few parts.
 * Each refusal says which part, and why.
 */
#ifndef BW_CODEC_RRULE_H
#define BW_CODEC_RRULE_H

#include "codec/date.h"

#define BW_RRULE_BYTES_MAX 500

struct bw_rrule;

/* "FREQ=MONTHLY;BYMONTHDAY=-1", with or without "RRULE:" before it; names in any case. `start`:
 * the first time that may come, and the time of day of all that do not say one. NULL with INVALID
 * in `error`. */
struct bw_rrule *bw_rrule_create(struct bw_str text, struct bw_civil start, struct bw_error *error);
void bw_rrule_destroy(struct bw_rrule *rrule); /* NULL is fine */
/* The next bw_rrule_next gives the first time at or after `from`. */
void bw_rrule_seek(struct bw_rrule *rrule, struct bw_civil from);
/* In ascending order. False: none comes any more, or none before the year 2500. */
BW_MUST_USE bool bw_rrule_next(struct bw_rrule *rrule, struct bw_civil *time);

#endif
