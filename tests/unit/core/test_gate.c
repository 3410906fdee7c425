/* test_gate.c - how hard a host is pressed: concurrency, rate, Retry-After, circuit breaker.
 *
 * The host of scripts is support/core/fake_host.h, the rest of the world support/core/harness.h. */
#include "support/test.h"

#include "support/core/harness.h"

#include <stdio.h>

#define POST_TO(origin, more)                                                                      \
    {                                                                                              \
        {                                                                                          \
            .kind = "http", .args = "{\"method\":\"POST\",\"url\":\"" origin "/x\"" more "}"       \
        }                                                                                          \
    }

static const struct fake_program PROGRAMS[] = {
    {"erp", POST_TO("https://erp.example", ",\"attempts_max\":1")},
    {"mail", POST_TO("https://mail.example", ",\"attempts_max\":1")},
    {"patient", POST_TO("https://ERP.example", ",\"attempts_max\":100")},
};

static struct harness harness;

static void set_up(struct bw_engine_limits limits)
{
    harness.limits = limits;
    harness_init(&harness, PROGRAMS, sizeof PROGRAMS / sizeof *PROGRAMS);
}

static int tear_down(void **state)
{
    (void)state;
    harness_deinit(&harness);
    harness = (struct harness){0};
    return 0;
}

static void start(const char *workflow, size_t count)
{
    for (size_t i = 0; i < count; i++)
        (void)harness_start(&harness, workflow);
}

/* Requests that the world has and has not answered. */
static size_t under_way(void)
{
    size_t count = 0;
    uint64_t handle = 0;
    while (bw_httpc_fake_next(harness.http, handle, &handle))
        count++;
    return count;
}

static size_t answer_all(int status)
{
    size_t count = 0;
    for (size_t left = under_way(); left > 0; left--)
        count += harness_http(&harness, status, "");
    return count;
}

static size_t done_count(void)
{
    const char *json = harness_read(&harness, "runs", (struct bw_id){0});
    size_t count = 0;
    for (; (json = strstr(json, "\"status\":\"done\"")); json++)
        count++;
    return count;
}

static void test_no_more_than_so_many_are_under_way_to_one_host(void **state)
{
    (void)state;
    set_up((struct bw_engine_limits){.http_inside_max = 2});
    start("erp", 5);
    assert_int_equal(under_way(), 2);
    assert_true(harness_http(&harness, 200, "")); /* each answer lets the next one through */
    assert_int_equal(under_way(), 2);
    start("mail", 3); /* another host has a gate of its own */
    assert_int_equal(under_way(), 4);
    while (answer_all(200) > 0)
        ;
    assert_int_equal(done_count(), 8);
}

static void test_those_that_wait_go_in_order(void **state)
{
    (void)state;
    set_up((struct bw_engine_limits){.http_inside_max = 1});
    struct bw_id runs[4];
    for (size_t i = 0; i < 4; i++)
        runs[i] = harness_start(&harness, "erp");
    for (size_t i = 0; i < 4; i++) {
        assert_true(harness_http(&harness, 200, ""));
        assert_status(&harness, runs[i], "done");
    }
}

static void test_a_cancelled_run_gives_its_place_up(void **state)
{
    (void)state;
    set_up((struct bw_engine_limits){.http_inside_max = 1});
    struct bw_id first = harness_start(&harness, "erp");
    struct bw_id second = harness_start(&harness, "erp");
    struct bw_id third = harness_start(&harness, "erp");
    harness_cancel(&harness, second); /* it waits */
    harness_cancel(&harness, first);  /* it is inside */
    assert_int_equal(under_way(), 1);
    assert_true(harness_http(&harness, 200, ""));
    assert_status(&harness, third, "done");
    assert_status(&harness, second, "cancelled");
}

static void test_no_more_than_so_many_are_sent_in_a_second(void **state)
{
    (void)state;
    set_up((struct bw_engine_limits){.http_rate_max = 3});
    start("erp", 8);
    assert_int_equal(answer_all(200), 3);
    assert_int_equal(under_way(), 0);
    harness_advance(&harness, 300);
    assert_int_equal(under_way(), 0);
    harness_advance(&harness, 100);
    assert_int_equal(answer_all(200), 1);
    harness_advance(&harness, 1000);
    assert_int_equal(answer_all(200), 3);
    harness_advance(&harness, 1000);
    assert_int_equal(answer_all(200), 1);
    assert_int_equal(done_count(), 8);
}

static void test_retry_after_holds_everybody_back(void **state)
{
    (void)state;
    set_up((struct bw_engine_limits){.http_inside_max = 1});
    start("patient", 1);
    start("erp", 2);
    uint64_t handle;
    struct bw_http_header header = {BW_STR("retry-after"), BW_STR("30")};
    assert_non_null(bw_httpc_fake_next(harness.http, 0, &handle));
    bw_httpc_fake_answer(
        harness.http, handle,
        &(struct bw_http_response){.status = 429, .headers = &header, .header_count = 1}, NULL);
    harness_settle(&harness);
    harness_advance(&harness, 29 * 1000);
    assert_int_equal(under_way(), 0);
    harness_advance(&harness, 2 * 1000);
    while (answer_all(200) > 0)
        ;
    assert_int_equal(done_count(), 3);
}

static void test_a_host_that_fails_is_tried_by_one_at_a_time(void **state)
{
    (void)state;
    set_up((struct bw_engine_limits){.http_failures_max = 3});
    start("erp", 3);
    assert_int_equal(answer_all(500), 3); /* the breaker opens: each of the three parks its run */
    start("erp", 5);
    start("mail", 1);
    assert_int_equal(under_way(), 1); /* the other host's */
    assert_true(harness_http(&harness, 200, ""));
    harness_advance(&harness, 1000);
    assert_int_equal(answer_all(503), 1); /* it fails again: twice as long */
    harness_advance(&harness, 1900);
    assert_int_equal(under_way(), 0);
    harness_advance(&harness, 200);
    assert_int_equal(under_way(), 1);
    assert_true(harness_http(&harness, 200, "")); /* and all others go through */
    assert_int_equal(answer_all(200), 3);
    assert_int_equal(done_count(), 5);
}

/* All that were under way fail together: that is one failure, and the first trial comes soon. */
static void test_requests_that_fail_together_make_the_pause_no_longer(void **state)
{
    (void)state;
    set_up((struct bw_engine_limits){.http_failures_max = 3});
    start("erp", 20);
    assert_int_equal(answer_all(503), 20);
    start("erp", 2);
    harness_advance(&harness, 900);
    assert_int_equal(under_way(), 0);
    harness_advance(&harness, 200);
    assert_int_equal(under_way(), 1);
    assert_true(harness_http(&harness, 200, ""));
    assert_int_equal(answer_all(200), 1);
}

static void test_a_trial_that_is_cancelled_lets_the_next_one_try(void **state)
{
    (void)state;
    set_up((struct bw_engine_limits){.http_failures_max = 2});
    start("erp", 2);
    assert_int_equal(answer_all(500), 2);
    struct bw_id first = harness_start(&harness, "erp");
    struct bw_id second = harness_start(&harness, "erp");
    struct bw_id third = harness_start(&harness, "erp");
    harness_advance(&harness, 1100);
    assert_int_equal(under_way(), 1);
    harness_cancel(&harness, first); /* it was trying */
    assert_status(&harness, first, "cancelled");
    assert_int_equal(under_way(), 1); /* the next one, and still one alone */
    assert_true(harness_http(&harness, 200, ""));
    assert_status(&harness, second, "done");
    assert_true(harness_http(&harness, 200, ""));
    assert_status(&harness, third, "done");
}

static void test_the_breaker_of_one_tenant_is_not_that_of_another(void **state)
{
    (void)state;
    set_up((struct bw_engine_limits){.http_failures_max = 2});
    start("erp", 2);
    assert_int_equal(answer_all(500), 2);
    start("erp", 1);
    assert_int_equal(under_way(), 0);
    harness_add_tenant(&harness, "other", PROGRAMS, sizeof PROGRAMS / sizeof *PROGRAMS);
    start("erp", 3);
    assert_int_equal(under_way(), 3);
    assert_int_equal(answer_all(200), 3);
    harness_advance(&harness, 900);
    assert_int_equal(under_way(), 0); /* and what the other tenant sees opens nothing here */
}

/* Milliseconds until the run's request is sent again after it failed. */
static int64_t pause_after_failure(void)
{
    int64_t ms = 0;
    assert_int_equal(answer_all(503), 1);
    for (; under_way() == 0 && ms < 5000; ms++)
        harness_advance(&harness, 1);
    return ms;
}

static void test_the_pause_of_an_attempt_is_the_same_after_a_crash(void **state)
{
    (void)state;
    set_up((struct bw_engine_limits){0});
    start("patient", 1);
    int64_t first = pause_after_failure(), second = pause_after_failure();
    assert_in_range(first, 375, 626); /* half a second, give or take a quarter */
    assert_in_range(second, 750, 1251);
    harness_crash(&harness);
    assert_int_equal(under_way(), 1);
    assert_int_equal(pause_after_failure(), first);
    assert_int_equal(pause_after_failure(), second);
    assert_int_equal(answer_all(200), 1);
    size_t same = 0;
    for (size_t i = 0; i < 4; i++) { /* other runs spread */
        start("patient", 1);
        same += pause_after_failure() == first;
        assert_int_equal(answer_all(200), 1);
    }
    assert_true(same < 4);
}

static void answer_with(int status, const char *retry_after)
{
    uint64_t handle;
    struct bw_http_header header = {BW_STR("retry-after"), bw_str_of(retry_after)};
    assert_non_null(bw_httpc_fake_next(harness.http, 0, &handle));
    bw_httpc_fake_answer(
        harness.http, handle,
        &(struct bw_http_response){.status = status, .headers = &header, .header_count = 1}, NULL);
    harness_settle(&harness);
}

/* HARNESS_NOW_US is Mon, 21 Sep 2026 14:13:20 GMT. */
static void test_retry_after_may_be_a_date(void **state)
{
    (void)state;
    set_up((struct bw_engine_limits){0});
    start("patient", 1);
    answer_with(503, "Mon, 21 Sep 2026 14:14:00 GMT");
    start("erp", 1);
    harness_advance(&harness, 39 * 1000);
    assert_int_equal(under_way(), 0);
    harness_advance(&harness, 1500);
    assert_int_equal(under_way(), 2);
    assert_int_equal(answer_all(200), 2);
}

static void test_a_retry_after_that_says_nothing_is_no_pause(void **state)
{
    (void)state;
    static const char *const TEXTS[] = {"soon",
                                        "-5",
                                        "Mon, 21 Sep 2026 14:13:00 GMT",
                                        "",
                                        "99999999999999999999",
                                        "Mon, 41 Foo 2026 13:33:00 GMT"};
    set_up((struct bw_engine_limits){0});
    start("patient", 1);
    for (size_t i = 0; i < sizeof TEXTS / sizeof *TEXTS; i++) {
        answer_with(429, TEXTS[i]);
        for (size_t tick = 0; tick < 800 && under_way() == 0; tick++)
            harness_advance(&harness, 100); /* the engine's own pauses end by themselves */
        assert_int_equal(under_way(), 1);
    }
    assert_int_equal(answer_all(200), 1);
}

static void test_a_cancelled_run_does_not_use_up_a_place_for_good(void **state)
{
    (void)state;
    set_up((struct bw_engine_limits){.http_inside_max = 3});
    for (size_t round = 0; round < 10; round++) {
        struct bw_id runs[5];
        for (size_t i = 0; i < 5; i++)
            runs[i] = harness_start(&harness, "erp");
        assert_int_equal(under_way(), 3);
        for (size_t i = 0; i < 5; i++)
            harness_cancel(&harness, runs[i]);
        assert_int_equal(under_way(), 0);
    }
    start("erp", 3);
    assert_int_equal(answer_all(200), 3);
}

static void test_waiting_at_the_gate_uses_up_no_attempts(void **state)
{
    (void)state;
    set_up((struct bw_engine_limits){.http_failures_max = 2});
    start("patient", 6);
    for (size_t i = 0; i < 600; i++) { /* the host is down for ten minutes */
        (void)answer_all(502);
        harness_advance(&harness, 1000);
    }
    for (size_t i = 0; i < 200 && done_count() < 6; i++) {
        (void)answer_all(200);
        harness_advance(&harness, 1000);
    }
    assert_int_equal(done_count(), 6);
}

static void test_who_waits_too_long_gives_up_and_its_run_parks(void **state)
{
    (void)state;
    set_up((struct bw_engine_limits){.http_inside_max = 1});
    struct bw_id first = harness_start(&harness, "erp"); /* never answered */
    struct bw_id second = harness_start(&harness, "erp");
    harness_advance(&harness, 14 * 60 * 1000);
    assert_status(&harness, second, "open");
    harness_advance(&harness, 2 * 60 * 1000);
    assert_status(&harness, second, "parked");
    const char *why = harness_member(&harness, second, "error");
    assert_non_null(strstr(why, "waited too long for its turn"));
    assert_null(strstr(why, "last 0 attempts"));
    assert_status(&harness, first, "open");
}

static void test_a_crash_with_a_queue_begins_all_of_it_again(void **state)
{
    (void)state;
    set_up((struct bw_engine_limits){.http_inside_max = 2});
    start("erp", 7);
    harness_crash(&harness);
    assert_int_equal(under_way(), 2);
    while (answer_all(200) > 0)
        ;
    assert_int_equal(done_count(), 7);
}

#define CASE(name) cmocka_unit_test_teardown(name, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_no_more_than_so_many_are_under_way_to_one_host),
        CASE(test_those_that_wait_go_in_order),
        CASE(test_a_cancelled_run_gives_its_place_up),
        CASE(test_no_more_than_so_many_are_sent_in_a_second),
        CASE(test_retry_after_holds_everybody_back),
        CASE(test_a_host_that_fails_is_tried_by_one_at_a_time),
        CASE(test_requests_that_fail_together_make_the_pause_no_longer),
        CASE(test_a_trial_that_is_cancelled_lets_the_next_one_try),
        CASE(test_the_breaker_of_one_tenant_is_not_that_of_another),
        CASE(test_the_pause_of_an_attempt_is_the_same_after_a_crash),
        CASE(test_retry_after_may_be_a_date),
        CASE(test_a_retry_after_that_says_nothing_is_no_pause),
        CASE(test_a_cancelled_run_does_not_use_up_a_place_for_good),
        CASE(test_waiting_at_the_gate_uses_up_no_attempts),
        CASE(test_who_waits_too_long_gives_up_and_its_run_parks),
        CASE(test_a_crash_with_a_queue_begins_all_of_it_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
