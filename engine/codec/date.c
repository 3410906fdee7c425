/* date.c - civil dates. The day count is Howard Hinnant's: years begin in March, so the leap day
 * comes last. */
#include "codec/date.h"

#include "base/assert.h"

#define DAY_S INT64_C(86400)
#define ERA_YEARS 400
#define ERA_DAYS 146097

static bool is_leap(int32_t year)
{
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

int bw_date_days_in_month(int32_t year, int month)
{
    static const int8_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    BW_ASSERT(month >= 1 && month <= 12);
    return days[month - 1] + (month == 2 && is_leap(year));
}

bool bw_date_is_valid(struct bw_date date)
{
    return date.year >= 1 && date.year <= 9999 && date.month >= 1 && date.month <= 12 &&
           date.day >= 1 && date.day <= bw_date_days_in_month(date.year, date.month);
}

/* --- text --------------------------------------------------------------------------------- */

/* Takes exactly `count` digits off `rest`; -1 when they are not there. */
static int32_t take_number(struct bw_str *rest, size_t count)
{
    int32_t number = 0;
    if (rest->len < count)
        return -1;
    for (size_t i = 0; i < count; i++) {
        char c = rest->ptr[i];
        if (c < '0' || c > '9')
            return -1;
        number = number * 10 + (c - '0');
    }
    rest->ptr += count;
    rest->len -= count;
    return number;
}

static bool take_char(struct bw_str *rest, char wanted)
{
    if (rest->len == 0 || rest->ptr[0] != wanted)
        return false;
    rest->ptr++;
    rest->len--;
    return true;
}

static bool take_date(struct bw_str *rest, struct bw_date *date)
{
    int32_t year = take_number(rest, 4);
    bool has_first = take_char(rest, '-');
    int32_t month = take_number(rest, 2);
    bool has_second = take_char(rest, '-');
    int32_t day = take_number(rest, 2);
    if (!has_first || !has_second || year < 0 || month < 0 || day < 0)
        return false;
    *date = (struct bw_date){year, (int8_t)month, (int8_t)day};
    return bw_date_is_valid(*date);
}

bool bw_date_parse(struct bw_str text, struct bw_date *date)
{
    return take_date(&text, date) && text.len == 0;
}

bool bw_date_parse_as(struct bw_str text, struct bw_str format, struct bw_date *date)
{
    int32_t year = -1;
    int32_t month = -1;
    int32_t day = -1;
    while (format.len > 0) {
        int32_t *part = NULL;
        size_t len = 2;
        if (bw_str_starts(format, BW_STR("YYYY"))) {
            part = &year;
            len = 4;
        } else if (bw_str_starts(format, BW_STR("MM"))) {
            part = &month;
        } else if (bw_str_starts(format, BW_STR("DD"))) {
            part = &day;
        }
        if (!part) {
            if (!take_char(&text, format.ptr[0]))
                return false;
            len = 1;
        } else {
            if (*part >= 0)
                return false;
            *part = take_number(&text, len);
            if (*part < 0)
                return false;
        }
        format.ptr += len;
        format.len -= len;
    }
    if (text.len > 0 || year < 0 || month < 0 || day < 0)
        return false;
    *date = (struct bw_date){year, (int8_t)month, (int8_t)day};
    return bw_date_is_valid(*date);
}

bool bw_date_parse_month(struct bw_str text, struct bw_date *first)
{
    int32_t year = take_number(&text, 4);
    bool has_dash = take_char(&text, '-');
    int32_t month = take_number(&text, 2);
    if (!has_dash || year < 0 || month < 0 || text.len > 0)
        return false;
    *first = (struct bw_date){year, (int8_t)month, 1};
    return bw_date_is_valid(*first);
}

static void print_number(char *text, size_t digits, int32_t number)
{
    for (size_t i = digits; i > 0; i--) {
        text[i - 1] = (char)('0' + number % 10);
        number /= 10;
    }
}

void bw_date_print(struct bw_date date, char text[static BW_DATE_TEXT_LEN + 1])
{
    BW_ASSERT(bw_date_is_valid(date));
    memcpy(text, "YYYY-MM-DD", BW_DATE_TEXT_LEN + 1);
    print_number(text, 4, date.year);
    print_number(text + 5, 2, date.month);
    print_number(text + 8, 2, date.day);
}

int bw_date_cmp(struct bw_date a, struct bw_date b)
{
    int32_t order = a.year != b.year     ? a.year - b.year
                    : a.month != b.month ? a.month - b.month
                                         : a.day - b.day;
    return (order > 0) - (order < 0);
}

/* --- arithmetic --------------------------------------------------------------------------- */

int64_t bw_date_to_days(struct bw_date date)
{
    BW_ASSERT(bw_date_is_valid(date));
    int64_t year =
        date.month <= 2 ? date.year - 1 : date.year; /* of the year that begins in March */
    int64_t era = year / ERA_YEARS;
    int64_t year_of_era = year % ERA_YEARS;
    int64_t month = date.month > 2 ? date.month - 3 : date.month + 9;
    int64_t day_of_year = (153 * month + 2) / 5 + date.day - 1;
    int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * ERA_DAYS + day_of_era - 719468;
}

bool bw_date_from_days(int64_t days, struct bw_date *date)
{
    if (days < BW_DAYS_MIN || days > BW_DAYS_MAX)
        return false;
    int64_t shifted = days + 719468; /* since 0000-03-01: not negative in our years */
    int64_t era = shifted / ERA_DAYS;
    int64_t day_of_era = shifted % ERA_DAYS;
    int64_t year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t month = (5 * day_of_year + 2) / 153;
    date->day = (int8_t)(day_of_year - (153 * month + 2) / 5 + 1);
    date->month = (int8_t)(month < 10 ? month + 3 : month - 9);
    date->year = (int32_t)(era * ERA_YEARS + year_of_era + (date->month <= 2));
    return true;
}

bool bw_date_add_days(struct bw_date date, int64_t days, struct bw_date *result)
{
    int64_t span = BW_DAYS_MAX - BW_DAYS_MIN;
    if (days < -span || days > span)
        return false;
    return bw_date_from_days(bw_date_to_days(date) + days, result);
}

bool bw_date_add_months(struct bw_date date, int64_t months, struct bw_date *result)
{
    BW_ASSERT(bw_date_is_valid(date));
    if (months < -12 * 9999 || months > 12 * 9999)
        return false;
    int64_t index = (int64_t)date.year * 12 + date.month - 1 + months;
    if (index < 12 || index >= 12 * 10000)
        return false;
    int32_t year = (int32_t)(index / 12);
    int month = (int)(index % 12) + 1;
    int last = bw_date_days_in_month(year, month);
    *result = (struct bw_date){year, (int8_t)month, (int8_t)(date.day < last ? date.day : last)};
    return true;
}

struct bw_date bw_date_first_of_month(struct bw_date date)
{
    date.day = 1;
    return date;
}

struct bw_date bw_date_end_of_month(struct bw_date date)
{
    date.day = (int8_t)bw_date_days_in_month(date.year, date.month);
    return date;
}

int bw_date_weekday(struct bw_date date)
{
    /* 0001-01-01 was a Monday. */
    return (int)((bw_date_to_days(date) - BW_DAYS_MIN) % 7) + 1;
}

void bw_date_iso_week(struct bw_date date, int32_t *year, int *week)
{
    /* A week belongs to the year of its Thursday. */
    int64_t thursday = bw_date_to_days(date) + 4 - bw_date_weekday(date);
    struct bw_date day;
    bool is_in_range = bw_date_from_days(thursday, &day);
    BW_ASSERT(is_in_range); /* the calendar begins on a Monday and ends on a Friday */
    struct bw_date new_year = {day.year, 1, 1};
    *year = day.year;
    *week = (int)((thursday - bw_date_to_days(new_year)) / 7) + 1;
}

/* --- instants ----------------------------------------------------------------------------- */

bool bw_civil_of(struct bw_stamp stamp, int32_t offset_s, struct bw_civil *civil)
{
    int64_t seconds = stamp.us / BW_US_PER_S;
    int64_t microsecond = stamp.us % BW_US_PER_S;
    if (microsecond < 0) {
        microsecond += BW_US_PER_S;
        seconds--;
    }
    seconds += offset_s;
    int64_t days = seconds / DAY_S;
    int64_t second_of_day = seconds % DAY_S;
    if (second_of_day < 0) {
        second_of_day += DAY_S;
        days--;
    }
    civil->second_of_day = (int32_t)second_of_day;
    civil->microsecond = (int32_t)microsecond;
    return bw_date_from_days(days, &civil->date);
}

struct bw_stamp bw_civil_to_stamp(struct bw_civil civil, int32_t offset_s)
{
    int64_t seconds = bw_date_to_days(civil.date) * DAY_S + civil.second_of_day - offset_s;
    return (struct bw_stamp){seconds * BW_US_PER_S + civil.microsecond};
}

/* "." and 1 to 9 digits, as microseconds; -1 when malformed. */
static int32_t take_fraction(struct bw_str *rest)
{
    int32_t microsecond = 0;
    size_t count = 0;
    for (; count < rest->len && rest->ptr[count] >= '0' && rest->ptr[count] <= '9'; count++) {
        if (count < 6)
            microsecond = microsecond * 10 + (rest->ptr[count] - '0');
    }
    if (count == 0 || count > 9)
        return -1;
    for (size_t i = count; i < 6; i++)
        microsecond *= 10;
    rest->ptr += count;
    rest->len -= count;
    return microsecond;
}

static bool take_offset(struct bw_str *rest, int32_t *offset_s)
{
    *offset_s = 0;
    if (take_char(rest, 'Z') || take_char(rest, 'z'))
        return true;
    bool is_west = take_char(rest, '-');
    if (!is_west && !take_char(rest, '+'))
        return false;
    int32_t hours = take_number(rest, 2);
    bool has_colon = take_char(rest, ':');
    int32_t minutes = take_number(rest, 2);
    if (!has_colon || hours < 0 || hours > 23 || minutes < 0 || minutes > 59)
        return false;
    *offset_s = (hours * 60 + minutes) * 60 * (is_west ? -1 : 1);
    return true;
}

bool bw_stamp_parse(struct bw_str text, struct bw_stamp *stamp)
{
    struct bw_civil civil = {.microsecond = 0};
    int32_t offset_s = 0;
    if (!take_date(&text, &civil.date) || !(take_char(&text, 'T') || take_char(&text, 't')))
        return false;
    int32_t hour = take_number(&text, 2);
    bool has_first = take_char(&text, ':');
    int32_t minute = take_number(&text, 2);
    bool has_second = take_char(&text, ':');
    int32_t second = take_number(&text, 2);
    if (!has_first || !has_second || hour < 0 || minute < 0 || second < 0)
        return false;
    if (hour > 23 || minute > 59 || second > 59)
        return false;
    civil.second_of_day = (hour * 60 + minute) * 60 + second;
    if (take_char(&text, '.')) {
        civil.microsecond = take_fraction(&text);
        if (civil.microsecond < 0)
            return false;
    }
    if (!take_offset(&text, &offset_s) || text.len > 0)
        return false;
    *stamp = bw_civil_to_stamp(civil, offset_s);
    return bw_civil_of(*stamp, 0, &civil); /* the offset may lead out of our years */
}

size_t bw_stamp_print(struct bw_stamp stamp, char text[static BW_STAMP_TEXT_MAX])
{
    struct bw_civil civil;
    text[0] = '\0';
    if (!bw_civil_of(stamp, 0, &civil))
        return 0;
    bw_date_print(civil.date, text);
    memcpy(text + 10, "THH:MM:SS", 9);
    print_number(text + 11, 2, civil.second_of_day / 3600);
    print_number(text + 14, 2, civil.second_of_day / 60 % 60);
    print_number(text + 17, 2, civil.second_of_day % 60);
    size_t len = 19;
    if (civil.microsecond != 0) {
        bool is_milli = civil.microsecond % 1000 == 0;
        text[len++] = '.';
        print_number(text + len, is_milli ? 3 : 6,
                     is_milli ? civil.microsecond / 1000 : civil.microsecond);
        len += is_milli ? 3 : 6;
    }
    text[len++] = 'Z';
    text[len] = '\0';
    return len;
}
