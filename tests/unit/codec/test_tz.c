/* test_tz.c - time zones, from bytes built here: a test must not depend on the zone files of the
 * machine. */
#include "support/test.h"

#include "base/buf.h"
#include "codec/tz.h"

struct zone {
    char version;
    uint32_t leap_count;
    size_t transition_count;
    int64_t transitions[4]; /* seconds since 1970 */
    uint8_t types[4];
    size_t type_count;
    int32_t offsets_s[3];
    const char *footer;
};

static struct bw_buf buf;

static int setup(void **state)
{
    (void)state;
    bw_buf_init(&buf, 65536);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    bw_buf_deinit(&buf);
    return 0;
}

static void put_header(char version, uint32_t leaps, size_t transitions, size_t types)
{
    static const char reserved[15] = {0};
    bw_buf_put_text(&buf, "TZif");
    bw_buf_put_char(&buf, version);
    bw_buf_put(&buf, reserved, sizeof reserved);
    bw_buf_put_u32(&buf, 0);
    bw_buf_put_u32(&buf, 0);
    bw_buf_put_u32(&buf, leaps);
    bw_buf_put_u32(&buf, (uint32_t)transitions);
    bw_buf_put_u32(&buf, (uint32_t)types);
    bw_buf_put_u32(&buf, 4);
}

static void put_zone(const struct zone *zone)
{
    bw_buf_clear(&buf);
    put_header(zone->version, 0, 0, 1);
    bw_buf_put(&buf, "\0\0\0\0\0\0XXX", 10);
    put_header(zone->version, zone->leap_count, zone->transition_count, zone->type_count);
    for (size_t i = 0; i < zone->transition_count; i++) {
        bw_buf_put_u32(&buf, (uint32_t)((uint64_t)zone->transitions[i] >> 32));
        bw_buf_put_u32(&buf, (uint32_t)zone->transitions[i]);
    }
    bw_buf_put(&buf, zone->types, zone->transition_count);
    for (size_t i = 0; i < zone->type_count; i++) {
        bw_buf_put_u32(&buf, (uint32_t)zone->offsets_s[i]);
        bw_buf_put(&buf, "\0", 2);
    }
    bw_buf_put(&buf, "XXX", 4);
    bw_buf_put_text(&buf, zone->footer);
}

static struct bw_tz *make(const struct zone *zone)
{
    struct bw_error error;
    put_zone(zone);
    struct bw_tz *tz = bw_tz_create(bw_buf_str(&buf), &error);
    if (!tz)
        fail_msg("%s", error.text);
    return tz;
}

static struct zone with_rule(const char *footer)
{
    return (struct zone){.version = '3', .type_count = 1, .offsets_s = {3600}, .footer = footer};
}

static void assert_offset(const struct bw_tz *tz, const char *instant, int32_t expected_s)
{
    struct bw_stamp stamp;
    assert_true(bw_stamp_parse(bw_str_of(instant), &stamp));
    int32_t offset_s = bw_tz_offset_s(tz, stamp);
    if (offset_s != expected_s)
        fail_msg("%s: %d, not %d", instant, (int)offset_s, (int)expected_s);
}

static void test_transitions_then_the_rule(void **state)
{
    (void)state;
    const struct zone berlin = {
        .version = '2',
        .transition_count = 3,
        .transitions = {-2422054408, 1774746000, 1792890000}, /* 1893; 2026-03-29; 2026-10-25 */
        .types = {1, 2, 1},
        .type_count = 3,
        .offsets_s = {3208, 3600, 7200},
        .footer = "\nCET-1CEST,M3.5.0,M10.5.0/3\n",
    };
    struct bw_tz *tz = make(&berlin);
    assert_offset(tz, "1800-01-01T00:00:00Z", 3208);
    assert_offset(tz, "1900-01-01T00:00:00Z", 3600);
    assert_offset(tz, "2026-03-29T00:59:59.999999Z", 3600);
    assert_offset(tz, "2026-03-29T01:00:00Z", 7200);
    assert_offset(tz, "2026-10-25T00:59:59Z", 7200);
    assert_offset(tz, "2026-10-25T01:00:00Z", 3600);
    assert_offset(tz, "2027-03-28T00:59:59Z", 3600);
    assert_offset(tz, "2027-03-28T01:00:00Z", 7200);
    assert_offset(tz, "2040-10-28T00:59:59Z", 7200);
    assert_offset(tz, "2040-10-28T01:00:00Z", 3600);
    bw_tz_destroy(tz);
}

static void test_rules_of_every_kind(void **state)
{
    (void)state;
    static const struct {
        const char *footer, *instant;
        int32_t offset_s;
    } cases[] = {
        {"\nEST5EDT,M3.2.0,M11.1.0\n", "2026-03-08T06:59:59Z", -18000},
        {"\nEST5EDT,M3.2.0,M11.1.0\n", "2026-03-08T07:00:00Z", -14400},
        {"\nEST5EDT,M3.2.0,M11.1.0\n", "2026-11-01T06:00:00Z", -18000},
        /* The south: summer spans the new year. */
        {"\nAEST-10AEDT,M10.1.0,M4.1.0/3\n", "2026-01-01T00:00:00Z", 39600},
        {"\nAEST-10AEDT,M10.1.0,M4.1.0/3\n", "2026-07-01T00:00:00Z", 36000},
        /* Half an hour of summer; names in angle brackets; minutes. */
        {"\n<+1030>-10:30<+11>-11,M10.1.0,M4.1.0\n", "2026-12-01T00:00:00Z", 39600},
        {"\n<+1030>-10:30<+11>-11,M10.1.0,M4.1.0\n", "2026-06-01T00:00:00Z", 37800},
        /* Julian days do not count 29 February, plain days do. */
        {"\nXXX0YYY,J60/0,J300/0\n", "2024-02-29T23:59:59Z", 0},
        {"\nXXX0YYY,J60/0,J300/0\n", "2024-03-01T00:00:00Z", 3600},
        {"\nXXX0YYY,59/0,300/0\n", "2024-02-29T00:00:00Z", 3600},
        /* A change before its day. */
        {"\n<-02>2<-01>,M3.5.0/-1,M10.5.0/0\n", "2026-03-29T00:59:59Z", -7200},
        {"\n<-02>2<-01>,M3.5.0/-1,M10.5.0/0\n", "2026-03-29T01:00:00Z", -3600},
        {"\nUTC0\n", "2026-07-01T00:00:00Z", 0},
        /* No rule: what was there stays. */
        {"\n\n", "2126-07-01T00:00:00Z", 3600},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct zone zone = with_rule(cases[i].footer);
        struct bw_tz *tz = make(&zone);
        assert_offset(tz, cases[i].instant, cases[i].offset_s);
        bw_tz_destroy(tz);
    }
}

static void test_the_ends_of_time_have_the_standard_offset(void **state)
{
    (void)state;
    struct zone zone = with_rule("\nCET-1CEST,M3.5.0,M10.5.0/3\n");
    struct bw_tz *tz = make(&zone);
    assert_int_equal(bw_tz_offset_s(tz, (struct bw_stamp){INT64_MIN}), 3600);
    assert_int_equal(bw_tz_offset_s(tz, (struct bw_stamp){INT64_MAX}), 3600);
    bw_tz_destroy(tz);
}

static void assert_local(const struct bw_tz *tz, const char *local, const char *instant)
{
    struct bw_stamp as_utc;
    struct bw_civil civil;
    char text[BW_STAMP_TEXT_MAX];
    assert_true(bw_stamp_parse(bw_str_of(local), &as_utc));
    assert_true(bw_civil_of(as_utc, 0, &civil));
    bw_stamp_print(bw_tz_stamp(tz, civil), text);
    assert_string_equal(text, instant);
}

static void test_local_times_that_come_twice_or_never(void **state)
{
    (void)state;
    struct zone zone = with_rule("\nCET-1CEST,M3.5.0,M10.5.0/3\n");
    struct bw_tz *tz = make(&zone);
    assert_local(tz, "2026-01-01T12:00:00Z", "2026-01-01T11:00:00Z");
    assert_local(tz, "2026-07-01T12:00:00Z", "2026-07-01T10:00:00Z");
    assert_local(tz, "2026-10-25T02:30:00Z", "2026-10-25T00:30:00Z"); /* twice: the first */
    assert_local(tz, "2026-10-25T03:00:00Z", "2026-10-25T02:00:00Z");
    assert_local(tz, "2026-03-29T02:30:00Z", "2026-03-29T01:30:00Z"); /* never: 03:30 */
    assert_local(tz, "2026-03-29T03:00:00Z", "2026-03-29T01:00:00Z");
    bw_tz_destroy(tz);
}

static void test_the_local_date_turns_at_local_midnight(void **state)
{
    (void)state;
    struct zone zone = with_rule("\nCET-1CEST,M3.5.0,M10.5.0/3\n");
    struct bw_tz *tz = make(&zone);
    struct bw_stamp stamp;
    struct bw_civil civil;
    char text[BW_DATE_TEXT_LEN + 1];
    assert_true(bw_stamp_parse(BW_STR("2026-10-31T23:30:00Z"), &stamp));
    assert_true(bw_tz_civil(tz, stamp, &civil));
    bw_date_print(civil.date, text);
    assert_string_equal(text, "2026-11-01");
    assert_int_equal(civil.second_of_day, 1800);
    bw_tz_destroy(tz);
}

static void assert_refused(const struct zone *zone, const char *part)
{
    struct bw_error error;
    put_zone(zone);
    assert_null(bw_tz_create(bw_buf_str(&buf), &error));
    assert_int_equal(error.code, BW_ERR_CORRUPT);
    if (!strstr(error.text, part))
        fail_msg("\"%s\" is not in \"%s\"", part, error.text);
}

static void test_rules_that_are_none_are_refused(void **state)
{
    (void)state;
    static const char *const footers[] = {"\nC-1\n",
                                          "\nCET\n",
                                          "\nCET-1CEST\n",
                                          "\nCET-1CEST,M3.5.0\n",
                                          "\nCET-1CEST,M13.5.0,M10.5.0\n",
                                          "\nCET-1CEST,M3.6.0,M10.5.0\n",
                                          "\nCET-1CEST,M3.5.7,M10.5.0\n",
                                          "\nCET-1CEST,J0,J5\n",
                                          "\nCET-1CEST,M3.5.0/168,M10.5.0\n",
                                          "\nCET-1CEST,M3.5.0,M10.5.0x\n",
                                          "\n<CET-1\n",
                                          "\nCET-25\n",
                                          "\nCET-1:60\n",
                                          "\nCET-99999999999\n"};
    for (size_t i = 0; i < sizeof footers / sizeof footers[0]; i++) {
        struct zone zone = with_rule(footers[i]);
        assert_refused(&zone, "not a rule");
    }
    struct zone zone = with_rule("");
    assert_refused(&zone, "footer is missing");
}

static void test_files_that_are_none_are_refused(void **state)
{
    (void)state;
    struct zone zone = with_rule("\nUTC0\n");
    zone.version = '1';
    assert_refused(&zone, "version 2");
    zone.version = '2';
    zone.leap_count = 27;
    assert_refused(&zone, "leap seconds");
    zone.leap_count = 0;
    zone.offsets_s[0] = 30 * 3600;
    assert_refused(&zone, "over a day");
    zone.offsets_s[0] = 0;
    zone.transition_count = 2;
    zone.transitions[0] = 5;
    zone.transitions[1] = 5;
    assert_refused(&zone, "ascending");
    zone.transitions[1] = 6;
    zone.types[1] = 1;
    assert_refused(&zone, "type that is not there");
    zone.type_count = 0;
    assert_refused(&zone, "no local time types");
    assert_null(bw_tz_create(BW_STR("TZif2"), NULL));
    assert_null(bw_tz_create(BW_STR_NONE, NULL));
}

static void test_every_prefix_is_refused(void **state)
{
    (void)state;
    struct zone zone = with_rule("\nCET-1CEST,M3.5.0,M10.5.0/3\n");
    put_zone(&zone);
    for (size_t len = 0; len < buf.len; len++)
        assert_null(bw_tz_create(bw_str(buf.ptr, len), NULL));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_transitions_then_the_rule),
        TEST(test_rules_of_every_kind),
        TEST(test_the_ends_of_time_have_the_standard_offset),
        TEST(test_local_times_that_come_twice_or_never),
        TEST(test_the_local_date_turns_at_local_midnight),
        TEST(test_rules_that_are_none_are_refused),
        TEST(test_files_that_are_none_are_refused),
        TEST(test_every_prefix_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
