/* test_turn_time.c - the time that a script sees: it never goes back, and no timer fires before it
 * is due, whatever the machine's clock does.
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

enum { HOUR_S = 3600 };
#define DUE_US (HARNESS_NOW_US + 60 * BW_US_PER_S)
#define OP_SLEEP                                                                                   \
    {                                                                                              \
        .kind = "sleep", .args = "{\"until_us\":1790000060000000}"                                 \
    }

static struct harness harness;

static int tear_down(void **state)
{
    (void)state;
    harness_deinit(&harness);
    harness = (struct harness){0};
    return 0;
}

/* What the clock of the run's latest turn said. */
static int64_t last_turn_us(struct bw_id id)
{
    const struct mem_run *run = mem_find_run(harness.store.self, harness.tenant, id);
    struct bw_arena arena;
    struct bw_turn_record turn;
    struct bw_error error;
    bw_arena_init(&arena);
    assert_ok(bw_wire_get_turn(run->turns[run->turn_count - 1].body, &arena, &turn, &error),
              &error);
    bw_arena_deinit(&arena);
    return turn.at.us;
}

static void set_clock_back(int64_t seconds)
{
    harness.clock.utc.us -= seconds * BW_US_PER_S;
}

static void test_time_does_not_go_back_in_a_run_that_stays_in_memory(void **state)
{
    (void)state;
    static const struct fake_program CALLS = {"calls", {OP_HTTP(), OP_HTTP()}};
    harness_init(&harness, &CALLS, 1);
    struct bw_id run = harness_start(&harness, "calls");
    set_clock_back(HOUR_S);
    assert_true(harness_http(&harness, 200, ""));
    assert_int_equal(last_turn_us(run), HARNESS_NOW_US);
}

/* The run was on a machine whose clock is ahead, and is loaded on one whose clock is not. */
static void test_time_does_not_go_back_behind_a_checkpoint_on_another_machine(void **state)
{
    (void)state;
    static const struct fake_program POINT = {
        "point", {OP_HTTP(), {.kind = "!checkpoint"}, OP_WAIT, {.kind = "!checkpoint"}, OP_WAIT}};
    harness_init(&harness, &POINT, 1);
    struct bw_id run = harness_start(&harness, "point");
    harness_advance(&harness, HOUR_S * 1000);
    assert_true(harness_http(&harness, 200, ""));
    set_clock_back(2 * HOUR_S);
    harness_crash(&harness);
    harness_event(&harness, "paid", "I-1", "e-1", "{}");
    assert_true(last_turn_us(run) >= HARNESS_NOW_US + HOUR_S * BW_US_PER_S);
}

static void
test_a_timer_that_fired_is_not_early_when_the_clock_is_set_back_before_its_turn(void **state)
{
    (void)state;
    static const struct fake_program BOTH = {"both", {OP_HTTP(.is_started = true), OP_SLEEP}};
    harness_init(&harness, &BOTH, 1);
    struct bw_id run = harness_start(&harness, "both");
    bw_engine_evict_idle(harness.engine); /* the VM; the request under way keeps the run */
    harness_settle(&harness);
    bw_clock_virtual_advance(&harness.clock, 60 * BW_US_PER_S);
    (void)bw_engine_turn(harness.engine); /* it fires, and the rows for the replay are read */
    set_clock_back(10);
    harness_settle(&harness);
    const struct mem_run *row = mem_find_run(harness.store.self, harness.tenant, run);
    assert_int_equal(row->turn_count, 2);
    assert_int_equal(last_turn_us(run), DUE_US);
}

#define CASE(name) cmocka_unit_test_teardown(name, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_time_does_not_go_back_in_a_run_that_stays_in_memory),
        CASE(test_time_does_not_go_back_behind_a_checkpoint_on_another_machine),
        CASE(test_a_timer_that_fired_is_not_early_when_the_clock_is_set_back_before_its_turn),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
