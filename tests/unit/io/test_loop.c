/* test_loop.c - the loop: one order of events, whatever an operation does. */
#include "support/io/fixture.h"

#include "io/os.h"
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

static struct bw_loop *loop;
static char trace[256];

static int setup(void **state)
{
    (void)state;
    loop = bw_loop_create();
    trace[0] = '\0';
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    bw_loop_destroy(loop);
    return 0;
}

static void note(const char *what)
{
    size_t len = strlen(trace);
    snprintf(trace + len, sizeof trace - len, "%s ", what);
}

static void deferred_a(void *ud)
{
    (void)ud;
    note("a");
}

static void deferred_b(void *ud)
{
    (void)ud;
    note("b");
    bw_loop_defer(loop, deferred_a, NULL);
}

static void deferred_stop(void *ud)
{
    (void)ud;
    note("stop");
    bw_loop_stop(loop);
}

static void test_a_deferred_call_runs_later_and_in_order(void **state)
{
    (void)state;
    bw_loop_defer(loop, deferred_b, NULL);
    bw_loop_defer(loop, deferred_stop, NULL);
    assert_string_equal(trace, "");
    bw_loop_run(loop);
    assert_string_equal(trace, "b stop ");
    bw_loop_step(loop);
    assert_string_equal(trace, "b stop a ");
}

static void forget_b(void *ud)
{
    (void)ud;
    note("forget");
    bw_loop_forget(loop, trace);
}

static void test_a_forgotten_call_does_not_run_even_when_its_batch_has_begun(void **state)
{
    (void)state;
    bw_loop_defer(loop, forget_b, NULL);
    bw_loop_defer(loop, deferred_a, trace);
    bw_loop_defer(loop, deferred_stop, NULL);
    bw_loop_run(loop);
    assert_string_equal(trace, "forget stop ");
}

static int turns;
static bool is_in_turn;

static int64_t turn_asks_twice(void *ud)
{
    (void)ud;
    assert_false(is_in_turn);
    is_in_turn = true;
    turns++;
    if (turns == 1) {
        bw_loop_request_turn(loop);
        bw_loop_request_turn(loop);
        bw_loop_defer(loop, deferred_a, NULL);
    } else {
        bw_loop_stop(loop);
    }
    note("turn");
    is_in_turn = false;
    return -1;
}

static void test_many_requests_make_one_turn_after_the_deferred_calls(void **state)
{
    (void)state;
    turns = 0;
    bw_loop_set_turn(loop, turn_asks_twice, NULL);
    bw_loop_request_turn(loop);
    bw_loop_request_turn(loop);
    bw_loop_run(loop);
    assert_int_equal(turns, 2);
    assert_string_equal(trace, "turn a turn ");
}

static int64_t turn_with_delay(void *ud)
{
    struct bw_instant *at = ud;
    struct bw_clock clock = bw_clock_os();
    at[turns++] = bw_clock_mono(&clock);
    if (turns == 2)
        bw_loop_stop(loop);
    return turns == 2 ? -1 : 5;
}

static void test_a_turn_comes_again_after_the_delay_it_returned(void **state)
{
    (void)state;
    struct bw_instant at[2];
    turns = 0;
    bw_loop_set_turn(loop, turn_with_delay, at);
    bw_loop_request_turn(loop);
    bw_loop_run(loop);
    assert_int_equal(turns, 2);
    assert_true(bw_instant_ms_since(at[1], at[0]) >= 4); /* uv cuts to milliseconds */
}

static void set_flag(void *ud)
{
    *(bool *)ud = true;
}

static void test_a_timer_is_never_early_and_fires_once(void **state)
{
    (void)state;
    struct bw_clock clock = bw_clock_os();
    bool is_due = false;
    struct bw_loop_timer *timer = bw_loop_timer_create(loop, set_flag, &is_due);
    struct bw_instant start = bw_clock_mono(&clock);
    bw_loop_timer_start(timer, 10);
    io_wait(loop, &is_due);
    assert_true(bw_clock_mono(&clock).ns - start.ns >= 10 * BW_NS_PER_MS);
    is_due = false;
    io_settle(loop);
    assert_false(is_due);
    bw_loop_timer_start(timer, 1);
    bw_loop_timer_stop(timer);
    io_settle(loop);
    assert_false(is_due);
    bw_loop_timer_destroy(timer);
}

static void on_signal(void *ud, int number)
{
    (void)ud;
    note(number == SIGTERM ? "term" : "int");
    if (strstr(trace, "term") && strstr(trace, "int"))
        bw_loop_stop(loop);
}

static void test_sigterm_and_sigint_ask_to_stop(void **state)
{
    (void)state;
    struct bw_error error;
    assert_ok(bw_loop_catch_signals(loop, on_signal, NULL, &error), &error);
    kill(getpid(), SIGTERM);
    kill(getpid(), SIGINT);
    bw_loop_run(loop);
    assert_non_null(strstr(trace, "term"));
    assert_non_null(strstr(trace, "int"));
}

static void test_writing_to_a_closed_pipe_does_not_end_the_process(void **state)
{
    (void)state;
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    close(ends[0]);
    assert_int_equal(write(ends[1], "x", 1), -1);
    close(ends[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_deferred_call_runs_later_and_in_order, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(
            test_a_forgotten_call_does_not_run_even_when_its_batch_has_begun, setup, teardown),
        cmocka_unit_test_setup_teardown(test_many_requests_make_one_turn_after_the_deferred_calls,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_turn_comes_again_after_the_delay_it_returned, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_a_timer_is_never_early_and_fires_once, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_sigterm_and_sigint_ask_to_stop, setup, teardown),
        cmocka_unit_test_setup_teardown(test_writing_to_a_closed_pipe_does_not_end_the_process,
                                        setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
