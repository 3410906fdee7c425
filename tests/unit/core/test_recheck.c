/* test_recheck.c - recorded runs played again on a host of their own: what is the same is said to
 * be the same, and what is not is found. */
#include "support/test.h"

#include "support/core/harness.h"

#include <stdio.h>

#define OP_HTTP(path)                                                                              \
    {                                                                                              \
        .kind = "http",                                                                            \
        .args = "{\"method\":\"POST\",\"url\":\"https://erp.example/" path "\",\"body\":\"b\"}",   \
    }

static const struct fake_program CALLS = {"calls", {OP_HTTP("x"), OP_HTTP("y"), OP_HTTP("z")}};
static const struct fake_program OTHER_END = {"calls", {OP_HTTP("x"), OP_HTTP("y"), OP_HTTP("q")}};
static const struct fake_program OTHER_BEGIN = {"calls", {OP_HTTP("q"), OP_HTTP("y")}};
static const struct fake_program SHORTER = {"calls", {OP_HTTP("x"), OP_HTTP("y")}};
static struct harness harness;
static struct bw_buf said;
static struct bw_error failure;
static bool is_told;

static void set_up(unsigned share)
{
    harness.check_share = share;
    harness_init(&harness, &CALLS, 1);
    bw_buf_init(&said, 1 << 20);
    is_told = false;
}

static int tear_down(void **state)
{
    (void)state;
    harness_deinit(&harness);
    harness = (struct harness){0};
    bw_buf_deinit(&said);
    return 0;
}

static void told(void *ud, const struct bw_error *error, struct bw_str value)
{
    (void)ud;
    is_told = true;
    failure = *error;
    bw_buf_clear(&said);
    bw_buf_put_str(&said, value);
}

static void check(struct bw_id run)
{
    is_told = false;
    bw_engine_recheck_run(harness.engine, harness.tenant, run, told, NULL);
    harness_settle(&harness);
}

static void assert_said(const char *status, const char *part)
{
    struct bw_value value;
    char text[4096];
    assert_true(is_told);
    assert_int_equal(failure.code, BW_ERR_OK);
    value = bw_value_read(bw_buf_str(&said));
    struct bw_str got = bw_value_get_str(&value, "status", BW_STR_NONE);
    struct bw_str why = bw_value_get_str(&value, "text", BW_STR_NONE);
    snprintf(text, sizeof text, "%.*s: %.*s", BW_STR_ARG(got), BW_STR_ARG(why));
    if (strncmp(text, status, strlen(status)) != 0 || !strstr(text, part))
        fail_msg("%s, %s expected, got %s", status, part, text);
}

static struct bw_id finished_run(void)
{
    struct bw_id run = harness_start(&harness, "calls");
    while (harness_http(&harness, 200, "fine"))
        ;
    assert_status(&harness, run, "done");
    return run;
}

static void test_a_run_that_is_done_comes_out_the_same(void **state)
{
    (void)state;
    set_up(0);
    check(finished_run());
    assert_said("same", "");
    assert_int_equal(harness_stats(&harness).rechecks, 1);
    assert_int_equal(harness_stats(&harness).rechecks_differing, 0);
}

static void test_a_run_that_waits_comes_out_the_same_and_is_not_touched(void **state)
{
    struct bw_id run;
    (void)state;
    set_up(0);
    run = harness_start(&harness, "calls");
    assert_true(harness_http(&harness, 200, "one"));
    check(run);
    assert_said("same", "");
    while (harness_http(&harness, 200, "fine"))
        ;
    assert_status(&harness, run, "done");
}

static void test_another_command_in_the_last_turn_is_found(void **state)
{
    struct bw_id run;
    (void)state;
    set_up(0);
    run = harness_start(&harness, "calls");
    assert_true(harness_http(&harness, 200, "one"));
    assert_true(harness_http(&harness, 200, "two"));
    fake_host_change(harness.check, &OTHER_END);
    check(run);
    assert_said("differs", "turn 3, command 1: the journal has http");
    assert_int_equal(harness_stats(&harness).rechecks_differing, 1);
}

static void test_another_command_before_that_is_found(void **state)
{
    struct bw_id run;
    (void)state;
    set_up(0);
    run = finished_run();
    fake_host_change(harness.check, &OTHER_BEGIN);
    check(run);
    assert_said("differs", "");
    fake_host_change(harness.check, &SHORTER);
    check(run);
    assert_said("differs", "");
}

static void test_a_host_that_hangs_or_dies_is_no_difference(void **state)
{
    struct bw_id run;
    (void)state;
    set_up(0);
    run = finished_run();
    fake_host_hang(harness.check, 2);
    check(run);
    assert_false(is_told);
    harness_advance(&harness, 4000);
    assert_true(is_told);
    assert_int_equal(failure.code, BW_ERR_UNAVAILABLE);
    check(run);
    assert_said("same", "");
    fake_host_mischief(harness.check, FAKE_DIES, 1);
    check(run);
    assert_int_equal(failure.code, BW_ERR_UNAVAILABLE);
    fake_host_mischief(harness.check, FAKE_GARBAGE, 1);
    check(run);
    assert_int_equal(failure.code, BW_ERR_UNAVAILABLE);
    assert_int_equal(harness_stats(&harness).rechecks_differing, 0);
}

static void test_a_run_that_there_is_not_is_not_found(void **state)
{
    (void)state;
    set_up(0);
    check(harness.tenant);
    assert_int_equal(failure.code, BW_ERR_NOT_FOUND);
}

static void test_a_share_of_finished_runs_is_checked_by_itself(void **state)
{
    (void)state;
    set_up(10000);
    (void)finished_run();
    (void)finished_run();
    assert_int_equal(harness_stats(&harness).rechecks, 2);
    assert_int_equal(harness_stats(&harness).rechecks_differing, 0);
    fake_host_change(harness.check, &OTHER_END);
    (void)finished_run();
    assert_int_equal(harness_stats(&harness).rechecks_differing, 1);
}

static void test_an_engine_that_is_destroyed_meanwhile_forgets_it(void **state)
{
    struct bw_id run;
    (void)state;
    set_up(0);
    run = finished_run();
    fake_host_hang(harness.check, 2); /* the first process ends before it is asked */
    check(run);
    bw_engine_recheck_run(harness.engine, harness.tenant, run, told, NULL);
    harness_crash(&harness);
    assert_false(is_told);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_teardown(name, tear_down)
    const struct CMUnitTest tests[] = {
        CASE(test_a_run_that_is_done_comes_out_the_same),
        CASE(test_a_run_that_waits_comes_out_the_same_and_is_not_touched),
        CASE(test_another_command_in_the_last_turn_is_found),
        CASE(test_another_command_before_that_is_found),
        CASE(test_a_host_that_hangs_or_dies_is_no_difference),
        CASE(test_a_run_that_there_is_not_is_not_found),
        CASE(test_a_share_of_finished_runs_is_checked_by_itself),
        CASE(test_an_engine_that_is_destroyed_meanwhile_forgets_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
