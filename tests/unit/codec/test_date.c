/* test_date.c - civil dates and instants. */
#include "support/test.h"

#include "codec/date.h"

static struct bw_date date(const char *text)
{
    struct bw_date parsed;
    if (!bw_date_parse(bw_str_of(text), &parsed))
        fail_msg("not a date: %s", text);
    return parsed;
}

static void assert_date(struct bw_date value, const char *expected)
{
    char text[BW_DATE_TEXT_LEN + 1];
    bw_date_print(value, text);
    assert_string_equal(text, expected);
}

static void test_only_real_dates_parse(void **state)
{
    (void)state;
    static const char *const texts[] = {"2026-02-29", "2026-13-01", "2026-00-01", "2026-04-31",
                                        "2026-1-01",  "26-01-01",   "2026/01/01", "2026-01-01 ",
                                        "0000-01-01", "",           "2026-01-00", "1900-02-29",
                                        "-026-01-01", "2026-+1-01"};
    struct bw_date parsed;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        assert_false(bw_date_parse(bw_str_of(texts[i]), &parsed));
    assert_date(date("2000-02-29"), "2000-02-29");
    assert_date(date("0001-01-01"), "0001-01-01");
    assert_date(date("9999-12-31"), "9999-12-31");
}

static void test_other_formats_parse_as_they_are_written(void **state)
{
    (void)state;
    struct bw_date parsed;
    assert_true(bw_date_parse_as(BW_STR("12/10/2026"), BW_STR("DD/MM/YYYY"), &parsed));
    assert_date(parsed, "2026-10-12");
    assert_true(bw_date_parse_as(BW_STR("12/10/2026"), BW_STR("MM/DD/YYYY"), &parsed));
    assert_date(parsed, "2026-12-10");
    assert_true(bw_date_parse_as(BW_STR("20261012"), BW_STR("YYYYMMDD"), &parsed));
    assert_date(parsed, "2026-10-12");
    assert_false(bw_date_parse_as(BW_STR("31/13/2026"), BW_STR("DD/MM/YYYY"), &parsed));
    assert_false(bw_date_parse_as(BW_STR("1/1/2026"), BW_STR("DD/MM/YYYY"), &parsed));
    assert_false(bw_date_parse_as(BW_STR("2026-10-1"), BW_STR("YYYY-MM-D"), &parsed));
    assert_false(bw_date_parse_as(BW_STR("10-2026"), BW_STR("MM-YYYY"), &parsed));
    assert_false(bw_date_parse_as(BW_STR("1010102026"), BW_STR("DDDDMMYYYY"), &parsed));
    assert_true(bw_date_parse_month(BW_STR("2026-10"), &parsed));
    assert_date(parsed, "2026-10-01");
    assert_false(bw_date_parse_month(BW_STR("2026-10-01"), &parsed));
    assert_false(bw_date_parse_month(BW_STR("2026-00"), &parsed));
}

static void test_every_day_of_the_calendar_counts_up_by_one(void **state)
{
    (void)state;
    struct bw_date last = {0, 0, 0};
    for (int64_t days = BW_DAYS_MIN; days <= BW_DAYS_MAX; days++) {
        struct bw_date day;
        assert_true(bw_date_from_days(days, &day));
        if (!bw_date_is_valid(day) || bw_date_to_days(day) != days || bw_date_cmp(last, day) >= 0)
            fail_msg("day %lld", (long long)days);
        last = day;
    }
    assert_false(bw_date_from_days(BW_DAYS_MIN - 1, &last));
    assert_false(bw_date_from_days(BW_DAYS_MAX + 1, &last));
    assert_int_equal(bw_date_to_days(date("1970-01-01")), 0);
}

static void test_days_are_added_over_month_and_year_ends(void **state)
{
    (void)state;
    struct bw_date day;
    assert_true(bw_date_add_days(date("2026-12-31"), 1, &day));
    assert_date(day, "2027-01-01");
    assert_true(bw_date_add_days(date("2024-03-01"), -1, &day));
    assert_date(day, "2024-02-29");
    assert_false(bw_date_add_days(date("9999-12-31"), 1, &day));
    assert_false(bw_date_add_days(date("2026-01-01"), INT64_MAX, &day));
    assert_false(bw_date_add_days(date("2026-01-01"), INT64_MIN, &day));
}

static void test_months_are_added_and_the_day_is_cut(void **state)
{
    (void)state;
    struct bw_date day;
    assert_true(bw_date_add_months(date("2026-01-31"), 1, &day));
    assert_date(day, "2026-02-28");
    assert_true(bw_date_add_months(date("2023-11-30"), 3, &day));
    assert_date(day, "2024-02-29");
    assert_true(bw_date_add_months(date("2026-01-15"), -13, &day));
    assert_date(day, "2024-12-15");
    assert_false(bw_date_add_months(date("9999-12-01"), 1, &day));
    assert_false(bw_date_add_months(date("0001-01-01"), -1, &day));
    assert_false(bw_date_add_months(date("2026-01-01"), INT64_MAX, &day));
    assert_date(bw_date_end_of_month(date("2024-02-03")), "2024-02-29");
    assert_date(bw_date_first_of_month(date("2024-02-03")), "2024-02-01");
    assert_int_equal(bw_date_days_in_month(2100, 2), 28);
}

static void test_weekdays_and_iso_weeks(void **state)
{
    (void)state;
    static const struct {
        const char *day;
        int weekday;
        int32_t year;
        int week;
    } cases[] = {
        {"2026-10-05", 1, 2026, 41}, {"2026-01-01", 4, 2026, 1},  {"2027-01-03", 7, 2026, 53},
        {"2024-12-30", 1, 2025, 1},  {"2021-01-03", 7, 2020, 53}, {"2022-01-01", 6, 2021, 52},
        {"0001-01-01", 1, 1, 1},     {"9999-12-31", 5, 9999, 52},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int32_t year;
        int week;
        assert_int_equal(bw_date_weekday(date(cases[i].day)), cases[i].weekday);
        bw_date_iso_week(date(cases[i].day), &year, &week);
        assert_int_equal(year, cases[i].year);
        assert_int_equal(week, cases[i].week);
    }
}

static void assert_instant(const char *text, const char *expected)
{
    struct bw_stamp stamp;
    char printed[BW_STAMP_TEXT_MAX];
    if (!bw_stamp_parse(bw_str_of(text), &stamp))
        fail_msg("not an instant: %s", text);
    assert_int_equal(bw_stamp_print(stamp, printed), strlen(expected));
    assert_string_equal(printed, expected);
}

static void test_instants_are_read_with_any_offset_and_written_in_utc(void **state)
{
    (void)state;
    assert_instant("2026-10-05T14:30:00Z", "2026-10-05T14:30:00Z");
    assert_instant("2026-10-05t14:30:00z", "2026-10-05T14:30:00Z");
    assert_instant("2026-10-05T14:30:00+02:00", "2026-10-05T12:30:00Z");
    assert_instant("2026-01-01T00:30:00-23:59", "2026-01-02T00:29:00Z");
    assert_instant("2026-10-05T14:30:00.5Z", "2026-10-05T14:30:00.500Z");
    assert_instant("2026-10-05T14:30:00.123456789Z", "2026-10-05T14:30:00.123456Z");
    assert_instant("1969-12-31T23:59:59.999999Z", "1969-12-31T23:59:59.999999Z");
    assert_instant("0001-01-01T00:00:00Z", "0001-01-01T00:00:00Z");
    assert_instant("9999-12-31T23:59:59.999Z", "9999-12-31T23:59:59.999Z");
}

static void test_what_is_no_instant_is_refused(void **state)
{
    (void)state;
    static const char *const texts[] = {"2026-10-05",
                                        "2026-10-05T14:30Z",
                                        "2026-10-05T14:30:00",
                                        "2026-10-05 14:30:00Z",
                                        "2026-10-05T24:00:00Z",
                                        "2026-10-05T14:60:00Z",
                                        "2026-12-31T23:59:60Z",
                                        "2026-10-05T14:30:00.Z",
                                        "2026-10-05T14:30:00.1234567890Z",
                                        "2026-02-30T00:00:00Z",
                                        "2026-10-05T14:30:00+0200",
                                        "2026-10-05T14:30:00+24:00",
                                        "2026-10-05T14:30:00Zx",
                                        "9999-12-31T23:59:59-01:00",
                                        "0001-01-01T00:00:00+01:00"};
    struct bw_stamp stamp;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        if (bw_stamp_parse(bw_str_of(texts[i]), &stamp))
            fail_msg("accepted: %s", texts[i]);
    }
}

static void test_an_instant_outside_our_years_prints_as_nothing(void **state)
{
    (void)state;
    char printed[BW_STAMP_TEXT_MAX];
    assert_int_equal(bw_stamp_print((struct bw_stamp){INT64_MAX}, printed), 0);
    assert_string_equal(printed, "");
    assert_int_equal(bw_stamp_print((struct bw_stamp){INT64_MIN}, printed), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_only_real_dates_parse),
        cmocka_unit_test(test_other_formats_parse_as_they_are_written),
        cmocka_unit_test(test_every_day_of_the_calendar_counts_up_by_one),
        cmocka_unit_test(test_days_are_added_over_month_and_year_ends),
        cmocka_unit_test(test_months_are_added_and_the_day_is_cut),
        cmocka_unit_test(test_weekdays_and_iso_weeks),
        cmocka_unit_test(test_instants_are_read_with_any_offset_and_written_in_utc),
        cmocka_unit_test(test_what_is_no_instant_is_refused),
        cmocka_unit_test(test_an_instant_outside_our_years_prints_as_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
