/* test_mending.c - what becomes of a run when the world or its script was wrong: requests whose
 * outcome is unknown, scripts that are mended.
 *
 * The host is support/core/fake_host.h, the rest of the world support/core/harness.h. */
#include "support/test.h"

#include "support/core/harness.h"

#include <stdio.h>

#define OP_HTTP(...)                                                                               \
    {                                                                                              \
        .kind = "http",                                                                            \
        .args = "{\"method\":\"POST\",\"url\":\"https://erp.example/x\",\"body\":\"b\"}",          \
        __VA_ARGS__                                                                                \
    }
#define OP_WAIT                                                                                    \
    {                                                                                              \
        .kind = "event.wait", .args = "{\"topic\":\"paid\",\"key\":\"I-1\"}"                       \
    }

static struct harness harness;

static void set_up(const struct fake_program *programs, size_t count)
{
    harness_init(&harness, programs, count);
}

static int tear_down(void **state)
{
    (void)state;
    harness_deinit(&harness);
    harness = (struct harness){0};
    return 0;
}

/* --- Requests that must not be repeated. */

static const struct fake_program ONCE = {
    "once",
    {{.kind = "http",
      .args = "{\"method\":\"POST\",\"url\":\"https://bank.example/pay\",\"once\":true}"}}};

static void assert_unknown(struct bw_id run)
{
    harness_advance(&harness, 10 * 60 * 1000);
    assert_false(harness_http(&harness, 200, "twice"));
    assert_status(&harness, run, "parked");
    assert_non_null(strstr(harness_member(&harness, run, "error"), "UNKNOWN_OUTCOME"));
}

static void test_a_lost_answer_is_unknown_and_never_sent_again(void **state)
{
    (void)state;
    static const enum bw_err LOST[] = {BW_ERR_UNKNOWN_OUTCOME, BW_ERR_TIMEOUT, BW_ERR_LIMIT};
    for (size_t i = 0; i < 5; i++) {
        if (i > 0)
            harness_deinit(&harness);
        set_up(&ONCE, 1);
        struct bw_id run = harness_start(&harness, "once");
        if (i < 3)
            assert_true(harness_http_fails(&harness, LOST[i]));
        else
            assert_true(harness_http(&harness, i == 3 ? 500 : 408, "perhaps"));
        assert_unknown(run);
    }
}

static void test_a_crash_before_the_answer_is_stored_makes_it_unknown(void **state)
{
    (void)state;
    set_up(&ONCE, 1);
    struct bw_id run = harness_start(&harness, "once");
    assert_int_equal(harness_stats(&harness).once, 1);
    harness_crash(&harness);
    assert_unknown(run);
    harness_resume(&harness, run, NULL); /* asks again what became of it; does not send it */
    assert_unknown(run);
    harness_resume(&harness, run, "{\"status\":201}");
    assert_status(&harness, run, "done");
}

static void test_what_cannot_have_been_carried_out_is_sent_again(void **state)
{
    (void)state;
    set_up(&ONCE, 1);
    struct bw_id run = harness_start(&harness, "once");
    assert_true(harness_http_fails(&harness, BW_ERR_UNAVAILABLE)); /* nothing was sent */
    harness_advance(&harness, 2000);
    assert_true(harness_http(&harness, 429, "later")); /* turned away */
    harness_advance(&harness, 4000);
    assert_true(harness_http(&harness, 201, "done"));
    assert_status(&harness, run, "done");
    assert_int_equal(harness_stats(&harness).once, 0);
}

static void test_an_answer_that_came_is_stored_and_survives_a_crash(void **state)
{
    (void)state;
    static const struct fake_program PAYS = {
        "once",
        {{.kind = "http",
          .args = "{\"method\":\"POST\",\"url\":\"https://bank.example/pay\",\"once\":true}"},
         OP_WAIT}};
    set_up(&PAYS, 1);
    struct bw_id run = harness_start(&harness, "once");
    assert_true(harness_http(&harness, 201, "paid"));
    harness_crash(&harness);
    harness_event(&harness, "paid", "I-1", "e-1", "{}");
    assert_status(&harness, run, "done");
    assert_false(harness_http(&harness, 201, "twice"));
}

/* --- A script that was mended. */

static const struct fake_program TWO_CALLS = {"calls", {OP_HTTP(), OP_HTTP()}};

static void test_resume_with_the_latest_release_moves_the_run_to_it(void **state)
{
    (void)state;
    static const struct fake_program BROKEN = {"calls", {OP_HTTP(), {.kind = "!fail"}}};
    set_up(&BROKEN, 1);
    struct bw_id run = harness_start(&harness, "calls");
    assert_true(harness_http(&harness, 200, "one"));
    assert_status(&harness, run, "parked");
    char *old = bw_xstrdup(harness_member(&harness, run, "release"));

    harness_activate(&harness, &TWO_CALLS, 1, "-- mended");
    harness_resume_latest(&harness, run);
    assert_int_equal(harness.code, BW_ERR_OK);
    assert_string_not_equal(harness_member(&harness, run, "release"), old);
    assert_true(harness_http(&harness, 200, "two")); /* the first one was not sent again */
    assert_false(harness_http(&harness, 200, "three"));
    assert_status(&harness, run, "done");
    assert_non_null(strstr(harness_member(&harness, run, "result"), "\"body\":\"one\""));
    bw_free(old);
}

static void test_a_release_that_does_not_fit_the_journal_parks_again_and_loses_nothing(void **state)
{
    (void)state;
    static const struct fake_program BROKEN = {"calls", {OP_HTTP(), OP_HTTP(), {.kind = "!fail"}}};
    static const struct fake_program OTHER = {"calls", {OP_WAIT, OP_HTTP()}};
    set_up(&BROKEN, 1);
    struct bw_id run = harness_start(&harness, "calls");
    assert_true(harness_http(&harness, 200, "one"));
    assert_true(harness_http(&harness, 200, "two"));
    assert_status(&harness, run, "parked");

    harness_activate(&harness, &OTHER, 1, "-- something else");
    harness_resume_latest(&harness, run);
    assert_int_equal(harness.code, BW_ERR_OK);
    assert_status(&harness, run, "parked");
    assert_non_null(strstr(harness_member(&harness, run, "error"), "NONDETERMINISM"));
    assert_string_equal(harness_member(&harness, run, "head"), "2");

    harness_activate(&harness, &TWO_CALLS, 1, "-- mended");
    harness_crash(&harness);
    harness_resume_latest(&harness, run);
    assert_status(&harness, run, "done"); /* the second answer was kept: nothing is sent again */
    assert_false(harness_http(&harness, 200, "three"));
    assert_non_null(strstr(harness_member(&harness, run, "result"), "\"body\":\"two\""));
}

static void test_a_release_without_the_workflow_leaves_the_run_parked(void **state)
{
    (void)state;
    static const struct fake_program BROKEN[] = {{"calls", {{.kind = "!fail"}}},
                                                 {"other", {OP_HTTP()}}};
    set_up(BROKEN, 2);
    struct bw_id run = harness_start(&harness, "calls");
    assert_status(&harness, run, "parked");
    harness_activate(&harness, &BROKEN[1], 1, "-- only the other");
    harness_resume_latest(&harness, run);
    assert_int_equal(harness.code, BW_ERR_NOT_FOUND);
    assert_non_null(strstr(harness.text, "workflows/calls.lua"));
    assert_status(&harness, run, "parked");
}

#define CASE(name) cmocka_unit_test_teardown(name, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_a_lost_answer_is_unknown_and_never_sent_again),
        CASE(test_a_crash_before_the_answer_is_stored_makes_it_unknown),
        CASE(test_what_cannot_have_been_carried_out_is_sent_again),
        CASE(test_an_answer_that_came_is_stored_and_survives_a_crash),
        CASE(test_resume_with_the_latest_release_moves_the_run_to_it),
        CASE(test_a_release_that_does_not_fit_the_journal_parks_again_and_loses_nothing),
        CASE(test_a_release_without_the_workflow_leaves_the_run_parked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
