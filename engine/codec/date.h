/* date.h - civil dates and RFC 3339 instants. No locale, no TZ environment, no system calls.
 *
 * Offers:  parse and print dates, count days, weekdays, ISO weeks, month arithmetic; instants to
 * and from text. Relies on: base/time.h. The Gregorian calendar for years 1 to 9999, so that every
 * date prints as ten characters.
 */
#ifndef BW_CODEC_DATE_H
#define BW_CODEC_DATE_H

#include "base/err.h"
#include "base/str.h"
#include "base/time.h"

#define BW_DATE_TEXT_LEN 10
#define BW_STAMP_TEXT_MAX 32         /* "2026-10-05T14:30:00.123456Z" and its zero */
#define BW_DAYS_MIN INT64_C(-719162) /* 0001-01-01, in days since 1970-01-01 */
#define BW_DAYS_MAX INT64_C(2932896) /* 9999-12-31 */

struct bw_date {
    int32_t year; /* 1 to 9999 */
    int8_t month; /* 1 to 12 */
    int8_t day;   /* 1 to 31 */
};

bool bw_date_is_valid(struct bw_date date);
/* Exactly "YYYY-MM-DD". */
BW_MUST_USE bool bw_date_parse(struct bw_str text, struct bw_date *date);
/* `format` has YYYY, MM and DD once each, every other byte stands for itself: "DD/MM/YYYY". */
BW_MUST_USE bool bw_date_parse_as(struct bw_str text, struct bw_str format, struct bw_date *date);
/* Exactly "YYYY-MM"; gives the first of that month. */
BW_MUST_USE bool bw_date_parse_month(struct bw_str text, struct bw_date *first);
/* Writes BW_DATE_TEXT_LEN characters and a zero. `date` must be valid, here and below. */
void bw_date_print(struct bw_date date, char text[static BW_DATE_TEXT_LEN + 1]);
int bw_date_cmp(struct bw_date a, struct bw_date b);

int64_t bw_date_to_days(struct bw_date date); /* since 1970-01-01 */
/* False outside the years 1 to 9999, here and below. */
BW_MUST_USE bool bw_date_from_days(int64_t days, struct bw_date *date);
BW_MUST_USE bool bw_date_add_days(struct bw_date date, int64_t days, struct bw_date *result);
/* The day is cut to the length of the month: 31 January and one month is 28 or 29 February. */
BW_MUST_USE bool bw_date_add_months(struct bw_date date, int64_t months, struct bw_date *result);
int bw_date_days_in_month(int32_t year, int month);
struct bw_date bw_date_first_of_month(struct bw_date date);
struct bw_date bw_date_end_of_month(struct bw_date date);
int bw_date_weekday(struct bw_date date); /* 1 = Monday ... 7 = Sunday */
/* ISO 8601: week 1 holds the year's first Thursday, so `year` may be the one before or behind. */
void bw_date_iso_week(struct bw_date date, int32_t *year, int *week);

/* --- Instants: a date and a time of day, in UTC or in some zone (codec/tz.h). */
struct bw_civil {
    struct bw_date date;
    int32_t second_of_day; /* 0 to 86399 */
    int32_t microsecond;   /* 0 to 999999 */
};

/* The civil time `offset_s` seconds east of UTC. False outside the years 1 to 9999. */
BW_MUST_USE bool bw_civil_of(struct bw_stamp stamp, int32_t offset_s, struct bw_civil *civil);
struct bw_stamp bw_civil_to_stamp(struct bw_civil civil, int32_t offset_s);

/* RFC 3339 with an offset or Z. A fraction may have 1 to 9 digits; what is below a microsecond is
 * cut off. Leap seconds (:60) are refused. */
BW_MUST_USE bool bw_stamp_parse(struct bw_str text, struct bw_stamp *stamp);
/* In UTC with Z; a fraction of 3 or 6 digits only when there is one. Returns the length; 0 (and "")
 * when the year is outside 1 to 9999. */
size_t bw_stamp_print(struct bw_stamp stamp, char text[static BW_STAMP_TEXT_MAX]);

#endif
