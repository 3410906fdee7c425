/* schedule.c - see schedule.h. */
#include "core/schedule.h"

#include "base/assert.h"
#include "codec/crypto.h"
#include "core/args.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SHIFT_DAYS_MAX = 60, ZONE_DAYS = 2, SECONDS_OF_DAY = 24 * 3600 };

static const char *const SHIFTS[] = {"none", "next", "previous"};
static const char *const CATCH_UPS[] = {"skip", "one", "all"};
static const char *const OVERLAPS[] = {"skip", "allow"};

const char *bw_schedule_shift_name(enum bw_schedule_shift shift)
{
    return SHIFTS[shift];
}

const char *bw_schedule_catch_up_name(enum bw_schedule_catch_up catch_up)
{
    return CATCH_UPS[catch_up];
}

const char *bw_schedule_overlap_name(enum bw_schedule_overlap overlap)
{
    return OVERLAPS[overlap];
}

/* --- Reading. */

enum bw_err bw_schedule_check_name(struct bw_str name, struct bw_error *error)
{
    bool is_good = name.len > 0 && name.len <= BW_SCHEDULE_NAME_MAX;
    for (size_t i = 0; is_good && i < name.len; i++)
        is_good = strchr("abcdefghijklmnopqrstuvwxyz0123456789-_.", name.ptr[i]) && name.ptr[i];
    if (is_good)
        return BW_ERR_OK;
    return bw_fail(error, BW_ERR_INVALID,
                   "'%.*s' is not a name for a schedule: 1 to %d of a-z, 0-9, '-', '_' and '.'",
                   (int)(name.len > 120 ? 120 : name.len), name.ptr ? name.ptr : "",
                   BW_SCHEDULE_NAME_MAX);
}

static enum bw_err take_word(const struct bw_value *map, const char *key, const char *const *words,
                             int count, int *word, struct bw_error *error)
{
    struct bw_str text = bw_str_of(words[*word]);
    enum bw_err code = bw_args_opt_str(map, key, &text, error);
    for (int i = 0; !code && i < count; i++) {
        if (bw_str_eq(text, bw_str_of(words[i]))) {
            *word = i;
            return BW_ERR_OK;
        }
    }
    if (code)
        return code;
    return bw_fail(error, BW_ERR_INVALID, "%s is '%.*s': it has to be %s, %s%s%s", key,
                   BW_STR_ARG(text), words[0], count > 2 ? words[1] : "or ",
                   count > 2 ? " or " : "", words[count - 1]);
}

static enum bw_err take_date(const struct bw_value *map, const char *key, bool *has,
                             struct bw_date *date, struct bw_error *error)
{
    struct bw_str text = BW_STR_NONE;
    enum bw_err code = bw_args_opt_str(map, key, &text, error);
    if (code || text.len == 0)
        return code;
    *has = true;
    if (!bw_date_parse(text, date))
        return bw_fail(error, BW_ERR_INVALID, "%s is '%.*s': write a date as YYYY-MM-DD", key,
                       BW_STR_ARG(text));
    return BW_ERR_OK;
}

static enum bw_err take_at(const struct bw_value *map, int32_t *at_s, struct bw_error *error)
{
    struct bw_str text = BW_STR("00:00");
    enum bw_err code = bw_args_opt_str(map, "at", &text, error);
    if (code)
        return code;
    int parts[2] = {0};
    bool is_good = text.len == 5 && text.ptr[2] == ':';
    for (size_t i = 0; is_good && i < 5; i++) {
        if (i == 2)
            continue;
        is_good = text.ptr[i] >= '0' && text.ptr[i] <= '9';
        parts[i / 3] = parts[i / 3] * 10 + (text.ptr[i] - '0');
    }
    if (!is_good || parts[0] > 23 || parts[1] > 59)
        return bw_fail(error, BW_ERR_INVALID, "at is '%.*s': write a time of day as HH:MM",
                       BW_STR_ARG(text));
    *at_s = parts[0] * 3600 + parts[1] * 60;
    return BW_ERR_OK;
}

static enum bw_err take_number(const struct bw_value *map, const char *key, int64_t low,
                               int64_t high, int64_t *number, struct bw_error *error)
{
    enum bw_err code = bw_args_opt_int(map, key, number, error);
    if (!code && (*number < low || *number > high))
        return bw_fail(error, BW_ERR_INVALID, "%s is %lld: it has to be from %lld to %lld", key,
                       (long long)*number, (long long)low, (long long)high);
    return code;
}

static int by_day(const void *left, const void *right)
{
    int64_t a = *(const int64_t *)left, b = *(const int64_t *)right;
    return (a > b) - (a < b);
}

static enum bw_err take_holidays(const struct bw_value *map, struct bw_arena *arena,
                                 struct bw_schedule *schedule, struct bw_error *error)
{
    struct bw_value list = bw_value_get(map, "holidays"), item;
    if (list.tag == BW_VALUE_NIL || list.tag == BW_VALUE_NULL)
        return BW_ERR_OK;
    if (list.tag != BW_VALUE_ARR || list.count > BW_SCHEDULE_HOLIDAYS_MAX)
        return bw_fail(error, BW_ERR_INVALID, "holidays has to be a list of at most %d dates",
                       BW_SCHEDULE_HOLIDAYS_MAX);
    schedule->holidays = bw_arena_calloc(arena, list.count + 1, sizeof *schedule->holidays);
    for (struct bw_str rest = list.items; bw_value_next(&rest, &item);) {
        struct bw_date date;
        if (item.tag != BW_VALUE_STR || !bw_date_parse(item.text, &date))
            return bw_fail(error, BW_ERR_INVALID, "holidays: '%.*s' is not a date (YYYY-MM-DD)",
                           BW_STR_ARG(item.tag == BW_VALUE_STR ? item.text : BW_STR("?")));
        schedule->holidays[schedule->holiday_count++] = bw_date_to_days(date);
    }
    qsort(schedule->holidays, schedule->holiday_count, sizeof *schedule->holidays, by_day);
    return BW_ERR_OK;
}

static enum bw_err check_members(const struct bw_value *map, struct bw_error *error)
{
    static const char *const NAMES[] = {"at",    "catch_up", "catch_up_max", "from",  "holidays",
                                        "input", "overlap",  "rule",         "shift", "spread_s",
                                        "until", "workflow", "zone"};
    struct bw_str rest = map->items, key;
    struct bw_value value;
    if (map->tag != BW_VALUE_MAP)
        return bw_fail(error, BW_ERR_INVALID, "a schedule is a map {workflow, rule, ...}");
    while (bw_value_next_pair(&rest, &key, &value)) {
        size_t i = 0;
        while (i < sizeof NAMES / sizeof *NAMES && !bw_str_eq(key, bw_str_of(NAMES[i])))
            i++;
        if (i == sizeof NAMES / sizeof *NAMES)
            return bw_fail(error, BW_ERR_INVALID, "a schedule has no member '%.*s'",
                           BW_STR_ARG(key));
    }
    return BW_ERR_OK;
}

static struct bw_civil start_of(const struct bw_schedule *schedule)
{
    return (struct bw_civil){.date = schedule->from, .second_of_day = schedule->at_s};
}

static enum bw_err take_words(const struct bw_value *map, struct bw_schedule *schedule,
                              struct bw_error *error)
{
    int shift = BW_SHIFT_NONE, catch_up = BW_CATCH_UP_ONE, overlap = BW_OVERLAP_SKIP;
    enum bw_err code = take_word(map, "shift", SHIFTS, 3, &shift, error);
    if (!code)
        code = take_word(map, "catch_up", CATCH_UPS, 3, &catch_up, error);
    if (!code)
        code = take_word(map, "overlap", OVERLAPS, 2, &overlap, error);
    if (code)
        return code;
    schedule->shift = (enum bw_schedule_shift)shift;
    schedule->catch_up = (enum bw_schedule_catch_up)catch_up;
    schedule->overlap = (enum bw_schedule_overlap)overlap;
    if (catch_up == BW_CATCH_UP_ALL && overlap == BW_OVERLAP_SKIP)
        return bw_fail(error, BW_ERR_INVALID,
                       "catch_up 'all' starts several runs at once, which overlap 'skip' forbids: "
                       "say overlap 'allow', or catch_up 'one'");
    return BW_ERR_OK;
}

enum bw_err bw_schedule_read(struct bw_str bytes, struct bw_date today, struct bw_arena *arena,
                             struct bw_schedule *schedule, struct bw_error *error)
{
    struct bw_value map = bw_value_read(bytes);
    bool has_from = false;
    *schedule = (struct bw_schedule){.zone = BW_STR("UTC"), .from = today, .catch_up_max = 10};
    enum bw_err code = check_members(&map, error);
    if (!code)
        code = bw_args_opt_str(&map, "workflow", &schedule->workflow, error);
    if (!code)
        code = bw_args_need_str(&map, "rule", &schedule->rule, error);
    if (!code)
        code = bw_args_opt_str(&map, "zone", &schedule->zone, error);
    if (!code)
        code = take_at(&map, &schedule->at_s, error);
    if (!code)
        code = take_date(&map, "from", &has_from, &schedule->from, error);
    if (!code)
        code = take_date(&map, "until", &schedule->has_until, &schedule->until, error);
    if (!code && schedule->has_until && bw_date_cmp(schedule->until, schedule->from) < 0)
        return bw_fail(error, BW_ERR_INVALID, "until lies before from: no start would ever be due");
    if (!code)
        code = take_words(&map, schedule, error);
    if (!code)
        code = take_holidays(&map, arena, schedule, error);
    if (!code)
        code =
            take_number(&map, "spread_s", 0, BW_SCHEDULE_SPREAD_S_MAX, &schedule->spread_s, error);
    if (!code)
        code = take_number(&map, "catch_up_max", 1, BW_SCHEDULE_CATCH_UP_MAX,
                           &schedule->catch_up_max, error);
    if (code)
        return code;
    schedule->input = bw_value_get(&map, "input").encoded;
    struct bw_error cause = {0};
    struct bw_rrule *rrule = bw_rrule_create(schedule->rule, start_of(schedule), &cause);
    if (!rrule)
        return bw_fail(error, BW_ERR_INVALID, "rule: %.900s", cause.text);
    bw_rrule_destroy(rrule);
    return BW_ERR_OK;
}

/* --- Writing. */

static void put_date(struct bw_buf *out, struct bw_date date)
{
    char text[BW_DATE_TEXT_LEN + 1];
    bw_date_print(date, text);
    bw_value_put_text(out, text);
}

void bw_schedule_put(struct bw_buf *out, const struct bw_schedule *schedule)
{
    char at[16];
    snprintf(at, sizeof at, "%02d:%02d", schedule->at_s / 3600, schedule->at_s / 60 % 60);
    bw_value_put_map(out, 12 + (schedule->has_until ? 1u : 0u));
    bw_value_put_key(out, "at");
    bw_value_put_text(out, at);
    bw_value_put_key(out, "catch_up");
    bw_value_put_text(out, CATCH_UPS[schedule->catch_up]);
    bw_value_put_key(out, "catch_up_max");
    bw_value_put_int(out, schedule->catch_up_max);
    bw_value_put_key(out, "from");
    put_date(out, schedule->from);
    bw_value_put_key(out, "holidays");
    bw_value_put_arr(out, schedule->holiday_count);
    for (size_t i = 0; i < schedule->holiday_count; i++) {
        struct bw_date date;
        bool is_date = bw_date_from_days(schedule->holidays[i], &date);
        BW_ASSERT(is_date);
        put_date(out, date);
    }
    bw_value_put_key(out, "input");
    bw_value_put_encoded(out, schedule->input);
    bw_value_put_key(out, "overlap");
    bw_value_put_text(out, OVERLAPS[schedule->overlap]);
    bw_value_put_key(out, "rule");
    bw_value_put_str(out, schedule->rule);
    bw_value_put_key(out, "shift");
    bw_value_put_text(out, SHIFTS[schedule->shift]);
    bw_value_put_key(out, "spread_s");
    bw_value_put_int(out, schedule->spread_s);
    if (schedule->has_until) {
        bw_value_put_key(out, "until");
        put_date(out, schedule->until);
    }
    bw_value_put_key(out, "workflow");
    bw_value_put_str(out, schedule->workflow);
    bw_value_put_key(out, "zone");
    bw_value_put_str(out, schedule->zone);
}

/* --- When it is due. */

static bool is_business_day(const struct bw_schedule *schedule, int64_t days)
{
    struct bw_date date;
    if (!bw_date_from_days(days, &date) || bw_date_weekday(date) >= 6)
        return false;
    size_t low = 0, high = schedule->holiday_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (schedule->holidays[middle] == days)
            return false;
        if (schedule->holidays[middle] < days)
            low = middle + 1;
        else
            high = middle;
    }
    return true;
}

/* False: no business day is near. */
static bool shift_day(const struct bw_schedule *schedule, struct bw_date *date)
{
    int64_t days = bw_date_to_days(*date);
    if (schedule->shift == BW_SHIFT_NONE)
        return true;
    for (int i = 0; i < SHIFT_DAYS_MAX; i++) {
        if (is_business_day(schedule, days))
            return bw_date_from_days(days, date);
        days += schedule->shift == BW_SHIFT_NEXT ? 1 : -1;
    }
    return false;
}

static struct bw_civil civil_of(const struct bw_tz *tz, int64_t at_us)
{
    struct bw_civil civil = {.date = {1970, 1, 1}};
    struct bw_stamp stamp = {at_us};
    bool is_known = tz ? bw_tz_civil(tz, stamp, &civil) : bw_civil_of(stamp, 0, &civil);
    (void)is_known; /* outside the years 1 to 9999 nothing is due */
    return civil;
}

struct bw_date bw_schedule_date(const struct bw_tz *tz, int64_t at_us)
{
    return civil_of(tz, at_us).date;
}

enum bw_err bw_schedule_times_open(struct bw_schedule_times *times,
                                   const struct bw_schedule *schedule, const struct bw_tz *tz,
                                   int64_t after_us, struct bw_error *error)
{
    *times = (struct bw_schedule_times){.schedule = schedule, .tz = tz, .after_us = after_us};
    times->rrule = bw_rrule_create(schedule->rule, start_of(schedule), error);
    if (!times->rrule)
        return BW_ERR_INVALID;
    /* A shift or a change of the clock may bring what the rule says earlier behind `after`. */
    int days = schedule->shift == BW_SHIFT_NONE ? ZONE_DAYS : ZONE_DAYS + SHIFT_DAYS_MAX;
    struct bw_civil from = civil_of(tz, after_us);
    if (bw_date_add_days(from.date, -days, &from.date))
        bw_rrule_seek(times->rrule, from);
    return BW_ERR_OK;
}

bool bw_schedule_times_next(struct bw_schedule_times *times, struct bw_schedule_due *due)
{
    const struct bw_schedule *schedule = times->schedule;
    struct bw_civil civil;
    while (bw_rrule_next(times->rrule, &civil)) {
        due->nominal = civil.date;
        if (schedule->has_until && bw_date_cmp(civil.date, schedule->until) > 0)
            return false;
        if (!shift_day(schedule, &civil.date))
            continue;
        due->at_us = times->tz ? bw_tz_stamp(times->tz, civil).us : bw_civil_to_stamp(civil, 0).us;
        if (due->at_us > times->after_us) {
            times->after_us = due->at_us;
            return true;
        }
    }
    return false;
}

void bw_schedule_times_close(struct bw_schedule_times *times)
{
    bw_rrule_destroy(times->rrule);
    times->rrule = NULL;
}

int64_t bw_schedule_offset_us(const struct bw_schedule *schedule, struct bw_id tenant,
                              struct bw_str name)
{
    struct bw_sha256 *sha256 = bw_sha256_create();
    uint8_t hash[BW_SHA256_LEN];
    uint64_t place = 0;
    bw_sha256_update(sha256, bw_str((const char *)tenant.bytes, sizeof tenant.bytes));
    bw_sha256_update(sha256, name);
    bw_sha256_finish(sha256, hash);
    for (size_t i = 0; i < 6; i++)
        place = place << 8 | hash[i];
    if (schedule->spread_s == 0)
        return 0;
    return (int64_t)(place % (uint64_t)(schedule->spread_s * BW_US_PER_S));
}

/* --- The input. */

static bool put_filled(struct bw_buf *out, struct bw_str text, const struct bw_schedule_due *due)
{
    char filled[BW_STAMP_TEXT_MAX] = "", date[BW_DATE_TEXT_LEN + 1];
    struct bw_date before = due->nominal;
    bw_date_print(due->nominal, date);
    if (bw_str_eq(text, BW_STR("{due}")))
        (void)bw_stamp_print((struct bw_stamp){due->at_us}, filled);
    else if (bw_str_eq(text, BW_STR("{date}")))
        snprintf(filled, sizeof filled, "%s", date);
    else if (bw_str_eq(text, BW_STR("{month}")))
        snprintf(filled, sizeof filled, "%.7s", date);
    else if (bw_str_eq(text, BW_STR("{previous-month}")) &&
             bw_date_add_months(due->nominal, -1, &before)) {
        bw_date_print(before, date);
        snprintf(filled, sizeof filled, "%.7s", date);
    }
    if (filled[0])
        bw_value_put_text(out, filled);
    return filled[0] != '\0';
}

/* Depth is bounded: the value was checked. */
static void put_value(struct bw_buf *out, const struct bw_value *value,
                      const struct bw_schedule_due *due)
{
    struct bw_value item;
    struct bw_str rest = value->items, key;
    switch (value->tag) {
    case BW_VALUE_STR:
        if (!put_filled(out, value->text, due))
            bw_buf_put_str(out, value->encoded);
        break;
    case BW_VALUE_ARR:
        bw_value_put_arr(out, value->count);
        while (bw_value_next(&rest, &item))
            put_value(out, &item, due);
        break;
    case BW_VALUE_MAP:
        bw_value_put_map(out, value->count);
        while (bw_value_next_pair(&rest, &key, &item)) {
            bw_value_put_key_str(out, key);
            put_value(out, &item, due);
        }
        break;
    default:
        bw_buf_put_str(out, value->encoded);
    }
}

void bw_schedule_put_input(struct bw_buf *out, const struct bw_schedule *schedule,
                           const struct bw_schedule_due *due)
{
    struct bw_value value = bw_value_read(schedule->input);
    if (schedule->input.len == 0)
        bw_value_put_nil(out);
    else
        put_value(out, &value, due);
}
