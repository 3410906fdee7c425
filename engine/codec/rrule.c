/* rrule.c - see rrule.h. The text is checked here, part by part, before libical sees it: its own
 * parser takes what it does not understand for something else, and names no part.
 *
 * Days, weeks, months and years are libical's. HOURLY and MINUTELY are plain steps on a line of
 * minutes, and are taken here: libical 3.0 loses the step when it is to begin in the middle. */
#include "codec/rrule.h"

#include "base/mem.h"
#include "base/parse.h"
#include <libical/ical.h>
#include <stdio.h>
#include <string.h>

enum { VALUES_MAX = 400, YEAR_MIN = 1970, YEAR_MAX = 2500, MINUTES_OF_DAY = 24 * 60 };

enum part {
    PART_FREQ,
    PART_INTERVAL,
    PART_COUNT,
    PART_WKST,
    PART_BYMINUTE,
    PART_BYHOUR,
    PART_BYDAY,
    PART_BYMONTHDAY,
    PART_BYYEARDAY,
    PART_BYWEEKNO,
    PART_BYMONTH,
    PART_BYSETPOS,
    PART_LAST
};

enum freq { FREQ_MINUTELY, FREQ_HOURLY, FREQ_DAILY, FREQ_WEEKLY, FREQ_MONTHLY, FREQ_YEARLY };

static const char *const FREQS[] = {"MINUTELY", "HOURLY", "DAILY", "WEEKLY", "MONTHLY", "YEARLY"};
static const char *const WEEKDAYS[] = {"MO", "TU", "WE", "TH", "FR", "SA", "SU"};

/* Numbers from low to high, negative ones (from the end) too when `is_signed`. */
static const struct {
    const char *name;
    int64_t low, high;
    bool is_signed;
    bool is_list;
} PARTS[PART_LAST] = {
    [PART_FREQ] = {"FREQ", 0, 0, false, false},
    [PART_INTERVAL] = {"INTERVAL", 1, 1000, false, false},
    [PART_COUNT] = {"COUNT", 1, 100000, false, false},
    [PART_WKST] = {"WKST", 0, 0, false, false},
    [PART_BYMINUTE] = {"BYMINUTE", 0, 59, false, true},
    [PART_BYHOUR] = {"BYHOUR", 0, 23, false, true},
    [PART_BYDAY] = {"BYDAY", 1, 53, true, true},
    [PART_BYMONTHDAY] = {"BYMONTHDAY", 1, 31, true, true},
    [PART_BYYEARDAY] = {"BYYEARDAY", 1, 366, true, true},
    [PART_BYWEEKNO] = {"BYWEEKNO", 1, 53, true, true},
    [PART_BYMONTH] = {"BYMONTH", 1, 12, false, true},
    [PART_BYSETPOS] = {"BYSETPOS", 1, 366, true, true},
};

struct parsed {
    bool has[PART_LAST];
    enum freq freq;
    int64_t interval;
    bool has_ordinal;     /* BYDAY with a number: 1MO */
    uint32_t months;      /* bit m: BYMONTH names it; 0 = all */
    uint32_t weekdays;    /* bit d: BYDAY names it, 1 = Monday; 0 = all */
    uint32_t hours;       /* bit h; 0 = all */
    uint64_t minutes;     /* bit m; 0 = that of the start */
    int64_t count;        /* 0 = no end */
    int64_t monthday_min; /* the earliest of BYMONTHDAY, by amount; 0 = none */
};

struct bw_rrule {
    struct parsed parsed;
    struct bw_civil start;
    struct icalrecurrencetype type;
    icalrecur_iterator *times;
    int64_t minute;  /* HOURLY, MINUTELY: since 1970 by the local clock; where to look next */
    int64_t counted; /* likewise: times that came */
    bool has_ahead;  /* found by seek */
    struct bw_civil ahead;
};

static bool is_name(struct bw_str text, const char *name)
{
    size_t len = strlen(name);
    for (size_t i = 0; i < text.len && text.len == len; i++) {
        char c = text.ptr[i];
        if ((c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c) != name[i])
            return false;
    }
    return text.len == len;
}

static int find_name(struct bw_str text, const char *const *names, int count)
{
    for (int i = 0; i < count; i++) {
        if (is_name(text, names[i]))
            return i;
    }
    return -1;
}

/* Takes what stands before `mark` off `rest`. False at the end. */
static bool take(struct bw_str *rest, char mark, struct bw_str *piece)
{
    if (!rest->ptr)
        return false;
    const char *end = rest->len ? memchr(rest->ptr, mark, rest->len) : NULL;
    *piece = bw_str(rest->ptr, end ? (size_t)(end - rest->ptr) : rest->len);
    *rest = end ? bw_str(end + 1, rest->len - piece->len - 1) : BW_STR_NONE;
    return true;
}

static bool check_number(enum part part, struct bw_str text, int64_t *number,
                         struct bw_error *error)
{
    struct bw_str digits = text;
    if (PARTS[part].is_signed && digits.len > 1 && *digits.ptr == '+')
        digits = bw_str(digits.ptr + 1, digits.len - 1);
    bool is_number = bw_parse_i64(digits, number);
    int64_t amount = is_number && *number < 0 && PARTS[part].is_signed ? -*number : *number;
    if (is_number && amount >= PARTS[part].low && amount <= PARTS[part].high)
        return true;
    (void)bw_fail(error, BW_ERR_INVALID, "%s=%.*s: '%.*s' has to be a number from %lld to %lld%s",
                  PARTS[part].name, BW_STR_ARG(text), BW_STR_ARG(text), (long long)PARTS[part].low,
                  (long long)PARTS[part].high,
                  PARTS[part].is_signed ? ", or from the end, with a minus" : "");
    return false;
}

/* "MO", "2TU", "-1FR". */
static bool check_weekday(struct bw_str text, struct parsed *parsed, struct bw_error *error)
{
    struct bw_str day = text.len >= 2 ? bw_str(text.ptr + text.len - 2, 2) : text;
    int64_t ordinal;
    if (find_name(day, WEEKDAYS, 7) < 0) {
        (void)bw_fail(error, BW_ERR_INVALID,
                      "BYDAY=%.*s: the days of the week are MO, TU, WE, TH, FR, SA, SU",
                      BW_STR_ARG(text));
        return false;
    }
    parsed->weekdays |= 2u << find_name(day, WEEKDAYS, 7);
    if (text.len == 2)
        return true;
    parsed->has_ordinal = true;
    return check_number(PART_BYDAY, bw_str(text.ptr, text.len - 2), &ordinal, error);
}

static bool check_values(enum part part, struct bw_str values, struct parsed *parsed,
                         struct bw_error *error)
{
    struct bw_str value;
    size_t count = 0;
    while (take(&values, ',', &value)) {
        int64_t number = 0;
        bool is_good = part == PART_BYDAY ? check_weekday(value, parsed, error)
                                          : check_number(part, value, &number, error);
        if (!is_good)
            return false;
        if (++count > (PARTS[part].is_list ? VALUES_MAX : 1)) {
            (void)bw_fail(error, BW_ERR_INVALID, "%s has too many values", PARTS[part].name);
            return false;
        }
        if (part == PART_BYMONTH)
            parsed->months |= 1u << number;
        if (part == PART_BYHOUR)
            parsed->hours |= 1u << number;
        if (part == PART_BYMINUTE)
            parsed->minutes |= UINT64_C(1) << number;
        if (part == PART_INTERVAL)
            parsed->interval = number;
        if (part == PART_COUNT)
            parsed->count = number;
        int64_t amount = number < 0 ? -number : number;
        if (part == PART_BYMONTHDAY && (!parsed->monthday_min || amount < parsed->monthday_min))
            parsed->monthday_min = amount;
    }
    return true;
}

static bool check_part(struct bw_str name, struct bw_str value, struct parsed *parsed,
                       struct bw_error *error)
{
    static const char *const SEEN = "is there twice";
    enum part part = PART_FREQ;
    while (part < PART_LAST && !is_name(name, PARTS[part].name))
        part++;
    if (part == PART_LAST && is_name(name, "UNTIL"))
        (void)bw_fail(error, BW_ERR_INVALID,
                      "UNTIL is not part of the rule here: give the last date as 'until'");
    else if (part == PART_LAST && is_name(name, "BYSECOND"))
        (void)bw_fail(error, BW_ERR_INVALID, "BYSECOND: the finest step is a minute");
    else if (part == PART_LAST)
        (void)bw_fail(error, BW_ERR_INVALID, "a rule has no part '%.*s'", BW_STR_ARG(name));
    else if (parsed->has[part])
        (void)bw_fail(error, BW_ERR_INVALID, "%s %s", PARTS[part].name, SEEN);
    if (part == PART_LAST || parsed->has[part])
        return false;
    parsed->has[part] = true;
    if (part == PART_FREQ) {
        int freq = find_name(value, FREQS, 6);
        if (freq < 0)
            (void)bw_fail(
                error, BW_ERR_INVALID,
                "FREQ=%.*s: it is one of YEARLY, MONTHLY, WEEKLY, DAILY, HOURLY, MINUTELY",
                BW_STR_ARG(value));
        parsed->freq = freq < 0 ? FREQ_DAILY : (enum freq)freq;
        return freq >= 0;
    }
    if (part == PART_WKST) {
        if (find_name(value, WEEKDAYS, 7) >= 0)
            return true;
        (void)bw_fail(error, BW_ERR_INVALID, "WKST=%.*s is no day of the week", BW_STR_ARG(value));
        return false;
    }
    return check_values(part, value, parsed, error);
}

/* Parts that do not go together, or of which no time could ever come. */
static enum bw_err check_whole(const struct parsed *parsed, struct bw_error *error)
{
    static const int8_t DAYS[] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    const char *freq = FREQS[parsed->freq];
    bool is_step = parsed->freq <= FREQ_HOURLY;
    for (enum part part = PART_BYMINUTE; part < PART_LAST; part++) {
        bool is_taken = part == PART_BYDAY || part == PART_BYHOUR ||
                        (part == PART_BYMINUTE && parsed->freq == FREQ_HOURLY);
        if (is_step && parsed->has[part] && !is_taken)
            return bw_fail(error, BW_ERR_INVALID, "FREQ=%s does not take %s", freq,
                           PARTS[part].name);
    }
    int64_t step_max = parsed->freq == FREQ_MINUTELY ? 60 : parsed->has[PART_BYHOUR] ? 1 : 24;
    if (is_step && (parsed->has[PART_BYHOUR] || parsed->has[PART_BYDAY]) &&
        parsed->interval > step_max)
        return bw_fail(error, BW_ERR_INVALID,
                       "INTERVAL=%lld is too long for FREQ=%s with BYHOUR or BYDAY: at most %lld",
                       (long long)parsed->interval, freq, (long long)step_max);
    if (parsed->has_ordinal && parsed->freq != FREQ_MONTHLY && parsed->freq != FREQ_YEARLY)
        return bw_fail(error, BW_ERR_INVALID,
                       "a number before a day of the week (as in -1FR) goes with FREQ=MONTHLY or "
                       "YEARLY only");
    if (parsed->has[PART_BYMONTHDAY] && parsed->freq == FREQ_WEEKLY)
        return bw_fail(error, BW_ERR_INVALID, "FREQ=WEEKLY does not take BYMONTHDAY");
    if (parsed->has[PART_BYWEEKNO] && parsed->freq != FREQ_YEARLY)
        return bw_fail(error, BW_ERR_INVALID, "BYWEEKNO goes with FREQ=YEARLY only");
    if (parsed->has[PART_BYYEARDAY] && parsed->freq != FREQ_YEARLY)
        return bw_fail(error, BW_ERR_INVALID, "BYYEARDAY goes with FREQ=YEARLY only");
    if (parsed->has[PART_BYSETPOS] && !parsed->has[PART_BYDAY] && !parsed->has[PART_BYMONTHDAY] &&
        !parsed->has[PART_BYMONTH] && !parsed->has[PART_BYYEARDAY] && !parsed->has[PART_BYWEEKNO] &&
        !parsed->has[PART_BYHOUR] && !parsed->has[PART_BYMINUTE])
        return bw_fail(error, BW_ERR_INVALID, "BYSETPOS picks from another BY part: there is none");
    int longest = 0;
    for (int month = 1; month <= 12; month++) {
        bool is_named = !parsed->months || (parsed->months >> month & 1);
        longest = is_named && DAYS[month - 1] > longest ? DAYS[month - 1] : longest;
    }
    if (parsed->monthday_min > longest)
        return bw_fail(error, BW_ERR_INVALID, "no month of the rule has %lld days",
                       (long long)parsed->monthday_min);
    return BW_ERR_OK;
}

static bool check(struct bw_str text, struct parsed *parsed, struct bw_error *error)
{
    struct bw_str rest = text, piece;
    *parsed = (struct parsed){.interval = 1};
    if (text.len == 0 || text.len > BW_RRULE_BYTES_MAX) {
        (void)bw_fail(error, BW_ERR_INVALID, "a rule has 1 to %d characters, such as %s",
                      BW_RRULE_BYTES_MAX, "FREQ=MONTHLY;BYMONTHDAY=-1");
        return false;
    }
    while (take(&rest, ';', &piece)) {
        struct bw_str value = piece, name;
        if (!take(&value, '=', &name) || !value.ptr || value.len == 0) {
            (void)bw_fail(error, BW_ERR_INVALID, "'%.*s' is not a part of a rule: write NAME=VALUE",
                          BW_STR_ARG(piece));
            return false;
        }
        if (!check_part(name, value, parsed, error))
            return false;
    }
    if (!parsed->has[PART_FREQ]) {
        (void)bw_fail(error, BW_ERR_INVALID, "a rule needs FREQ, for example FREQ=DAILY");
        return false;
    }
    return check_whole(parsed, error) == BW_ERR_OK;
}

static struct icaltimetype to_ical(struct bw_civil civil)
{
    struct icaltimetype time = icaltime_null_time();
    time.year = civil.date.year;
    time.month = civil.date.month;
    time.day = civil.date.day;
    time.hour = civil.second_of_day / 3600;
    time.minute = civil.second_of_day / 60 % 60;
    time.second = civil.second_of_day % 60;
    return time;
}

static struct bw_civil from_ical(struct icaltimetype time)
{
    return (struct bw_civil){
        .date = {.year = time.year, .month = (int8_t)time.month, .day = (int8_t)time.day},
        .second_of_day = time.hour * 3600 + time.minute * 60 + time.second};
}

static int civil_cmp(struct bw_civil a, struct bw_civil b)
{
    int order = bw_date_cmp(a.date, b.date);
    return order ? order
                 : (a.second_of_day > b.second_of_day) - (a.second_of_day < b.second_of_day);
}

static bool is_fine(const struct bw_rrule *rrule)
{
    return rrule->parsed.freq <= FREQ_HOURLY;
}

static int64_t to_minute(struct bw_civil civil)
{
    return bw_date_to_days(civil.date) * MINUTES_OF_DAY + civil.second_of_day / 60;
}

static void begin(struct bw_rrule *rrule)
{
    rrule->has_ahead = false;
    rrule->minute = to_minute(rrule->start);
    rrule->counted = 0;
    if (rrule->times)
        icalrecur_iterator_free(rrule->times);
    rrule->times =
        is_fine(rrule) ? NULL : icalrecur_iterator_new(rrule->type, to_ical(rrule->start));
}

/* --- HOURLY and MINUTELY. */

static int64_t align(int64_t value, int64_t origin, int64_t step)
{
    int64_t over = (value - origin) % step;
    return over ? value + step - over : value;
}

static bool takes_hour(const struct parsed *parsed, int64_t hour)
{
    struct bw_date date;
    int64_t days = hour / 24;
    bool is_hour = !parsed->hours || (parsed->hours >> (hour % 24) & 1);
    return is_hour && bw_date_from_days(days, &date) &&
           (!parsed->weekdays || (parsed->weekdays >> bw_date_weekday(date) & 1));
}

static bool next_minute(const struct bw_rrule *rrule, int64_t from, int64_t *found)
{
    const struct parsed *parsed = &rrule->parsed;
    int64_t first = to_minute(rrule->start);
    int64_t last = bw_date_to_days((struct bw_date){YEAR_MAX, 1, 1}) * MINUTES_OF_DAY;
    uint64_t minutes = parsed->minutes ? parsed->minutes : UINT64_C(1) << first % 60;
    if (parsed->freq == FREQ_MINUTELY) {
        *found = align(from, first, parsed->interval);
        while (*found < last && !takes_hour(parsed, *found / 60))
            *found += parsed->interval;
        return *found < last;
    }
    for (int64_t hour = align(from / 60, first / 60, parsed->interval); hour < last / 60;
         hour += parsed->interval) {
        for (int64_t i = 0; i < 60 && takes_hour(parsed, hour); i++) {
            *found = hour * 60 + i;
            if (*found >= from && (minutes >> i & 1))
                return true;
        }
    }
    return false;
}

static bool next_fine(struct bw_rrule *rrule, struct bw_civil *time)
{
    int64_t found;
    bool is_over = rrule->parsed.count && rrule->counted == rrule->parsed.count;
    if (is_over || !next_minute(rrule, rrule->minute, &found))
        return false;
    rrule->counted++;
    rrule->minute = found + 1;
    *time = (struct bw_civil){.second_of_day = (int32_t)(found % MINUTES_OF_DAY) * 60};
    return bw_date_from_days(found / MINUTES_OF_DAY, &time->date);
}

/* --- The calls. */

struct bw_rrule *bw_rrule_create(struct bw_str text, struct bw_civil start, struct bw_error *error)
{
    static const struct bw_str PREFIX = {"RRULE:", 6};
    char copy[BW_RRULE_BYTES_MAX + 1];
    struct parsed parsed;
    if (text.len > PREFIX.len && is_name(bw_str(text.ptr, PREFIX.len), PREFIX.ptr))
        text = bw_str(text.ptr + PREFIX.len, text.len - PREFIX.len);
    if (!check(text, &parsed, error))
        return NULL;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        copy[i] = c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c;
    }
    copy[text.len] = '\0';
    icalerror_set_errors_are_fatal(false);
    if (start.date.year < YEAR_MIN || start.date.year >= YEAR_MAX) {
        (void)bw_fail(error, BW_ERR_INVALID, "a rule begins between the years %d and %d", YEAR_MIN,
                      YEAR_MAX);
        return NULL;
    }
    struct bw_rrule *rrule = bw_xcalloc(1, sizeof *rrule);
    rrule->parsed = parsed;
    rrule->start = start;
    rrule->type = icalrecurrencetype_from_string(copy);
    if (rrule->type.freq != ICAL_NO_RECURRENCE)
        begin(rrule);
    if (rrule->times || (is_fine(rrule) && rrule->type.freq != ICAL_NO_RECURRENCE))
        return rrule;
    (void)bw_fail(error, BW_ERR_INVALID, "the parts of the rule '%.300s' do not go together", copy);
    bw_rrule_destroy(rrule);
    return NULL;
}

void bw_rrule_destroy(struct bw_rrule *rrule)
{
    if (!rrule)
        return;
    if (rrule->times)
        icalrecur_iterator_free(rrule->times);
    bw_free(rrule);
}

bool bw_rrule_next(struct bw_rrule *rrule, struct bw_civil *time)
{
    if (rrule->has_ahead) {
        rrule->has_ahead = false;
        *time = rrule->ahead;
        return true;
    }
    if (is_fine(rrule))
        return next_fine(rrule, time);
    struct icaltimetype next =
        rrule->times ? icalrecur_iterator_next(rrule->times) : icaltime_null_time();
    if (icaltime_is_null_time(next) || next.year >= YEAR_MAX)
        return false;
    *time = from_ical(next);
    return true;
}

void bw_rrule_seek(struct bw_rrule *rrule, struct bw_civil from)
{
    begin(rrule);
    /* With a COUNT the times have to be counted from the first one. */
    if (civil_cmp(from, rrule->start) > 0 && !rrule->parsed.count) {
        rrule->minute = to_minute(from);
        if (rrule->times)
            (void)icalrecur_iterator_set_start(rrule->times, to_ical(from));
    }
    while (bw_rrule_next(rrule, &rrule->ahead)) {
        if (civil_cmp(rrule->ahead, from) >= 0) {
            rrule->has_ahead = true;
            return;
        }
    }
}
