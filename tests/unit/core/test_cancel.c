/* test_cancel.c - a run that is cancelled ends, and takes with it what it waited for; also what it
 * asks for in the very turn of the cancel.
 *
 * The host is support/core/fake_host.h, the rest of the world support/core/harness.h. */
#include "support/test.h"

#include "store/mem_store.h"
#include "support/core/harness.h"

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
#define OP_TASK                                                                                    \
    {                                                                                              \
        .kind = "task.open", .args = "{\"kind\":\"approval\",\"title\":\"Approve\",\"body\":{"     \
                                     "\"net\":1},\"assignees\":[\"dana\"]}"                        \
    }

static const struct fake_program TWO_CALLS = {"calls", {OP_HTTP(), OP_HTTP()}};
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

static void test_cancel_ends_a_waiting_run_and_closes_its_task(void **state)
{
    (void)state;
    static const struct fake_program TASK = {"task", {OP_TASK}};
    set_up(&TASK, 1);
    struct bw_id run = harness_start(&harness, "task");
    harness_cancel(&harness, run);
    assert_status(&harness, run, "cancelled");
    harness_answer(&harness, bw_id_derive(run, 1), "{\"decision\":\"approved\"}");
    assert_int_equal(harness.code, BW_ERR_CONFLICT);
}

static void test_cancel_of_a_parked_run_ends_it(void **state)
{
    (void)state;
    static const struct fake_program BROKEN = {"broken", {{.kind = "!fail"}}};
    set_up(&BROKEN, 1);
    struct bw_id run = harness_start(&harness, "broken");
    assert_status(&harness, run, "parked");
    harness_cancel(&harness, run);
    assert_status(&harness, run, "cancelled");
}

static void test_cancel_stops_the_request_under_way(void **state)
{
    (void)state;
    set_up(&TWO_CALLS, 1);
    struct bw_id run = harness_start(&harness, "calls");
    harness_cancel(&harness, run);
    assert_status(&harness, run, "cancelled");
    assert_false(harness_http(&harness, 200, ""));
}

/* --- The turn of the cancel delivers something else before it, and the script asks for more. */

static void ignore(void *ud, const struct bw_error *error)
{
    (void)ud;
    assert_int_equal(error->code, BW_ERR_OK);
}

/* The event that `run` waits for, and its cancel: both lie in the inbox when it is loaded. */
static void tell_and_cancel(struct bw_id run)
{
    static const char NIL[] = {BW_VALUE_NIL};
    bw_engine_evict_idle(harness.engine);
    harness_settle(&harness);
    bw_engine_send_event(harness.engine,
                         &(struct bw_event){.tenant = harness.tenant,
                                            .topic = BW_STR("paid"),
                                            .key = BW_STR("I-1"),
                                            .id = BW_STR("e-1"),
                                            .body = bw_str(NIL, 1)},
                         ignore, NULL);
    bw_engine_cancel_run(harness.engine, harness.tenant, run, BW_STR("not wanted"), BW_STR("dana"),
                         ignore, NULL);
    uint64_t turns = harness_stats(&harness).turns;
    harness_settle(&harness);
    assert_int_equal(harness_stats(&harness).turns, turns + 1); /* one turn has both */
    assert_status(&harness, run, "cancelled");
}

static const struct mem_store *rows(void)
{
    return harness.store.self;
}

static void test_a_wait_asked_for_in_the_turn_of_the_cancel_is_not_left_behind(void **state)
{
    (void)state;
    static const struct fake_program WAITS = {"waits", {OP_WAIT, OP_WAIT}};
    set_up(&WAITS, 1);
    struct bw_id run = harness_start(&harness, "waits");
    tell_and_cancel(run);
    assert_int_equal(mem_find_run(rows(), harness.tenant, run)->wait_count, 0);
}

static void test_a_task_asked_for_in_the_turn_of_the_cancel_is_never_opened(void **state)
{
    (void)state;
    static const struct fake_program TASK = {"task", {OP_WAIT, OP_TASK}};
    set_up(&TASK, 1);
    tell_and_cancel(harness_start(&harness, "task"));
    assert_int_equal(rows()->task_count, 0);
}

static void test_a_child_called_in_the_turn_of_the_cancel_is_never_started(void **state)
{
    (void)state;
    static const struct fake_program FAMILY[] = {
        {"child", {OP_HTTP()}},
        {"parent",
         {OP_WAIT, {.kind = "child.call", .args = "{\"workflow\":\"child\",\"input\":{}}"}}}};
    set_up(FAMILY, 2);
    tell_and_cancel(harness_start(&harness, "parent"));
    assert_int_equal(rows()->run_count, 1);
    assert_false(harness_http(&harness, 200, ""));
}

static void test_a_request_asked_for_in_the_turn_of_the_cancel_is_never_sent(void **state)
{
    (void)state;
    static const struct fake_program CALL = {"call", {OP_WAIT, OP_HTTP()}};
    set_up(&CALL, 1);
    tell_and_cancel(harness_start(&harness, "call"));
    assert_false(harness_http(&harness, 200, ""));
}

static void test_a_number_asked_for_in_the_turn_of_the_cancel_is_never_taken(void **state)
{
    (void)state;
    static const struct fake_program NUMBER = {
        "number",
        {OP_WAIT,
         {.kind = "number.next", .args = "{\"series\":\"invoice\",\"date\":\"2026-10-31\"}"}}};
    set_up(&NUMBER, 1);
    struct bw_id run = harness_start(&harness, "number");
    tell_and_cancel(run);
    assert_null(mem_find_message(mem_find_run(rows(), harness.tenant, run), BW_STR("tx:2")));
}

/* Without a cancel the same: what a race starts and loses in one turn. */
static void test_a_wait_given_up_in_the_turn_that_asked_leaves_no_row(void **state)
{
    (void)state;
    static const struct fake_program RACE = {
        "race",
        {{.kind = "event.wait", .args = "{\"topic\":\"paid\"}", .is_started = true},
         {.kind = "cancel", .args = "{\"seq\":1}", .is_post = true, .is_started = true},
         OP_TASK}};
    set_up(&RACE, 1);
    struct bw_id run = harness_start(&harness, "race");
    assert_string_equal(harness_member(&harness, run, "wake"), "task");
    assert_int_equal(mem_find_run(rows(), harness.tenant, run)->wait_count, 0);
}

#define CASE(name) cmocka_unit_test_teardown(name, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_cancel_ends_a_waiting_run_and_closes_its_task),
        CASE(test_cancel_of_a_parked_run_ends_it),
        CASE(test_cancel_stops_the_request_under_way),
        CASE(test_a_wait_asked_for_in_the_turn_of_the_cancel_is_not_left_behind),
        CASE(test_a_task_asked_for_in_the_turn_of_the_cancel_is_never_opened),
        CASE(test_a_child_called_in_the_turn_of_the_cancel_is_never_started),
        CASE(test_a_request_asked_for_in_the_turn_of_the_cancel_is_never_sent),
        CASE(test_a_number_asked_for_in_the_turn_of_the_cancel_is_never_taken),
        CASE(test_a_wait_given_up_in_the_turn_that_asked_leaves_no_row),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
