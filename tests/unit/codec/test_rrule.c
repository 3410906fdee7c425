/* test_rrule.c - which local times a rule names, and what is refused. */
#include "support/test.h"

#include "base/buf.h"
#include "codec/rrule.h"
#include <stdio.h>

static struct bw_civil at(int year, int month, int day, int hour, int minute)
{
    return (struct bw_civil){.date = {.year = year, .month = (int8_t)month, .day = (int8_t)day},
                             .second_of_day = hour * 3600 + minute * 60};
}

/* The first `count` times from `from` on, as "2026-01-31T07:30 ...". */
static const char *times_from(const char *rule, struct bw_civil start, struct bw_civil from,
                              int count)
{
    static char text[2000];
    struct bw_error error = {0};
    struct bw_civil time;
    size_t len = 0;
    struct bw_rrule *rrule = bw_rrule_create(bw_str_of(rule), start, &error);
    assert_ok(error.code, &error);
    assert_non_null(rrule);
    text[0] = '\0';
    bw_rrule_seek(rrule, from);
    for (int i = 0; i < count && bw_rrule_next(rrule, &time); i++) {
        char date[BW_DATE_TEXT_LEN + 1];
        bw_date_print(time.date, date);
        len += (size_t)snprintf(text + len, sizeof text - len, "%s%sT%02d:%02d", i ? " " : "", date,
                                time.second_of_day / 3600, time.second_of_day / 60 % 60);
    }
    bw_rrule_destroy(rrule);
    return text;
}

static const char *times(const char *rule, struct bw_civil start, int count)
{
    return times_from(rule, start, start, count);
}

static void test_the_last_day_of_each_month(void **state)
{
    (void)state;
    assert_string_equal(times("FREQ=MONTHLY;BYMONTHDAY=-1", at(2027, 12, 1, 7, 30), 4),
                        "2027-12-31T07:30 2028-01-31T07:30 2028-02-29T07:30 2028-03-31T07:30");
}

static void test_a_day_that_a_month_lacks_is_left_out(void **state)
{
    (void)state;
    assert_string_equal(times("FREQ=MONTHLY;BYMONTHDAY=31", at(2026, 1, 1, 0, 0), 4),
                        "2026-01-31T00:00 2026-03-31T00:00 2026-05-31T00:00 2026-07-31T00:00");
    assert_string_equal(times("FREQ=MONTHLY", at(2026, 1, 30, 6, 0), 3),
                        "2026-01-30T06:00 2026-03-30T06:00 2026-04-30T06:00");
}

static void test_the_last_weekday_of_each_month(void **state)
{
    (void)state;
    assert_string_equal(
        times("RRULE:FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1", at(2026, 1, 1, 17, 0), 4),
        "2026-01-30T17:00 2026-02-27T17:00 2026-03-31T17:00 2026-04-30T17:00");
    assert_string_equal(times("freq=monthly;byday=-1fr,1mo", at(2026, 10, 1, 9, 0), 3),
                        "2026-10-05T09:00 2026-10-30T09:00 2026-11-02T09:00");
}

static void test_quarters_weeks_and_hours(void **state)
{
    (void)state;
    assert_string_equal(
        times("FREQ=YEARLY;BYMONTH=3,6,9,12;BYMONTHDAY=-1", at(2026, 2, 1, 0, 0), 3),
        "2026-03-31T00:00 2026-06-30T00:00 2026-09-30T00:00");
    assert_string_equal(times("FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,TH", at(2026, 10, 1, 8, 0), 4),
                        "2026-10-01T08:00 2026-10-12T08:00 2026-10-15T08:00 2026-10-26T08:00");
    assert_string_equal(times("FREQ=HOURLY;BYHOUR=8,9;BYDAY=FR", at(2026, 10, 1, 0, 0), 3),
                        "2026-10-02T08:00 2026-10-02T09:00 2026-10-09T08:00");
    assert_string_equal(times("FREQ=MINUTELY;INTERVAL=15;BYHOUR=8", at(2026, 10, 1, 7, 50), 3),
                        "2026-10-01T08:05 2026-10-01T08:20 2026-10-01T08:35");
    assert_string_equal(times("FREQ=DAILY;BYHOUR=6,18;BYMINUTE=0,30", at(2026, 10, 1, 7, 0), 3),
                        "2026-10-01T18:00 2026-10-01T18:30 2026-10-02T06:00");
}

static void test_a_count_ends_it_wherever_one_looks_from(void **state)
{
    (void)state;
    assert_string_equal(times("FREQ=DAILY;COUNT=2", at(2026, 1, 1, 0, 0), 5),
                        "2026-01-01T00:00 2026-01-02T00:00");
    assert_string_equal(
        times_from("FREQ=DAILY;COUNT=3", at(2026, 1, 1, 0, 0), at(2026, 1, 3, 0, 0), 5),
        "2026-01-03T00:00");
    assert_string_equal(
        times_from("FREQ=DAILY;COUNT=3", at(2026, 1, 1, 0, 0), at(2026, 1, 4, 0, 0), 5), "");
}

/* A jump into the middle finds what a walk from the start finds. */
static void test_seeking_finds_what_walking_finds(void **state)
{
    (void)state;
    static const char *const rules[] = {
        "FREQ=DAILY;INTERVAL=3",
        "FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,FR",
        "FREQ=WEEKLY;INTERVAL=3;WKST=SU;BYDAY=SU,SA",
        "FREQ=MONTHLY;INTERVAL=5;BYMONTHDAY=-1",
        "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=1,-1",
        "FREQ=YEARLY;INTERVAL=2;BYMONTH=2,11;BYMONTHDAY=10",
        "FREQ=YEARLY;BYWEEKNO=20;BYDAY=MO",
        "FREQ=YEARLY;BYYEARDAY=100,-1",
        "FREQ=HOURLY;INTERVAL=7",
        "FREQ=MINUTELY;INTERVAL=50",
    };
    struct bw_civil start = at(2025, 1, 29, 5, 10);
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++) {
        struct bw_error error = {0};
        struct bw_rrule *walk = bw_rrule_create(bw_str_of(rules[i]), start, &error);
        struct bw_rrule *jump = bw_rrule_create(bw_str_of(rules[i]), start, &error);
        struct bw_civil expected, found;
        assert_non_null(walk);
        for (int k = 0; k < 60; k++) {
            assert_true(bw_rrule_next(walk, &expected));
            bw_rrule_seek(jump, expected);
            assert_true(bw_rrule_next(jump, &found));
            if (bw_date_cmp(found.date, expected.date) != 0 ||
                found.second_of_day != expected.second_of_day)
                fail_msg("%s: time %d is not found by seeking", rules[i], k);
        }
        bw_rrule_destroy(walk);
        bw_rrule_destroy(jump);
    }
}

static void test_what_is_wrong_is_named(void **state)
{
    (void)state;
    static const struct {
        const char *rule;
        const char *text;
    } cases[] = {
        {"", "1 to 500 characters"},
        {"MONTHLY", "'MONTHLY' is not a part"},
        {"FREQ=FORTNIGHTLY", "FREQ=FORTNIGHTLY"},
        {"BYMONTHDAY=1", "needs FREQ"},
        {"FREQ=DAILY;FREQ=DAILY", "FREQ is there twice"},
        {"FREQ=DAILY;BYMONTHDAI=1", "'BYMONTHDAI'"},
        {"FREQ=MONTHLY;BYMONTHDAY=32", "BYMONTHDAY=32"},
        {"FREQ=MONTHLY;BYMONTHDAY=0", "from 1 to 31"},
        {"FREQ=MONTHLY;BYMONTHDAY=1,,2", "BYMONTHDAY="},
        {"FREQ=MONTHLY;BYDAY=XX", "MO, TU, WE"},
        {"FREQ=WEEKLY;BYDAY=2MO", "MONTHLY or"},
        {"FREQ=WEEKLY;BYMONTHDAY=1", "does not take BYMONTHDAY"},
        {"FREQ=DAILY;INTERVAL=0", "INTERVAL=0"},
        {"FREQ=DAILY;UNTIL=20261231", "'until'"},
        {"FREQ=SECONDLY", "FREQ=SECONDLY"},
        {"FREQ=DAILY;BYSECOND=1", "finest step is a minute"},
        {"FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30", "no month of the rule has 30 days"},
        {"FREQ=MINUTELY;BYMONTH=1", "FREQ=MINUTELY does not take BYMONTH"},
        {"FREQ=HOURLY;INTERVAL=5;BYHOUR=3", "INTERVAL=5 is too long"},
        {"FREQ=MONTHLY;BYSETPOS=1", "BYSETPOS picks"},
        {"FREQ=MONTHLY;BYWEEKNO=1", "BYWEEKNO goes with"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct bw_error error = {0};
        assert_null(bw_rrule_create(bw_str_of(cases[i].rule), at(2026, 1, 1, 0, 0), &error));
        assert_int_equal(error.code, BW_ERR_INVALID);
        if (!strstr(error.text, cases[i].text))
            fail_msg("%s: %s", cases[i].rule, error.text);
    }
}

static void test_a_rule_that_never_comes_ends(void **state)
{
    (void)state;
    assert_string_equal(times("FREQ=DAILY;INTERVAL=7;BYDAY=MO", at(2026, 12, 1, 0, 0), 1), "");
    assert_string_equal(
        times("FREQ=MONTHLY;INTERVAL=12;BYMONTH=3;BYMONTHDAY=1", at(2026, 1, 1, 0, 0), 1), "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_last_day_of_each_month),
        cmocka_unit_test(test_a_day_that_a_month_lacks_is_left_out),
        cmocka_unit_test(test_the_last_weekday_of_each_month),
        cmocka_unit_test(test_quarters_weeks_and_hours),
        cmocka_unit_test(test_a_count_ends_it_wherever_one_looks_from),
        cmocka_unit_test(test_seeking_finds_what_walking_finds),
        cmocka_unit_test(test_what_is_wrong_is_named),
        cmocka_unit_test(test_a_rule_that_never_comes_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
