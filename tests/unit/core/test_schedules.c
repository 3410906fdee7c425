/* test_schedules.c - schedules of an engine that crashes, and of a store that fails: each due
 * moment starts one run. */
#include "support/test.h"

#include "base/mem.h"
#include "store/store_mem.h"
#include "support/core/harness.h"
#include <stdio.h>

static const struct fake_program PROGRAMS[] = {
    {"nightly", {{.kind = "note", .args = "{\"kind\":\"progress\"}", .is_post = true}}},
};

/* Which calls of the store fail, and how often. */
struct fault {
    const char *what;
    int skip, count;
    enum bw_mem_fault fault;
};

static enum bw_mem_fault on_call(void *ud, const char *what)
{
    struct fault *fault = ud;
    if (!fault->what || strcmp(fault->what, what) != 0 || fault->count == 0)
        return BW_MEM_GO;
    if (fault->skip > 0) {
        fault->skip--;
        return BW_MEM_GO;
    }
    fault->count--;
    return fault->fault;
}

static void on_set(void *ud, const struct bw_error *error, struct bw_str value)
{
    struct harness *harness = ud;
    (void)value;
    harness->has_answer = true;
    harness->code = error->code;
}

static void set_nightly(struct harness *harness)
{
    struct bw_buf spec;
    struct bw_error error;
    bw_buf_init(&spec, 4096);
    assert_ok(bw_value_from_json(&spec,
                                 BW_STR("{\"workflow\":\"nightly\",\"rule\":\"FREQ=DAILY\","
                                        "\"input\":{\"on\":\"{date}\"}}"),
                                 &error),
              &error);
    harness->has_answer = false;
    bw_engine_set_schedule(harness->engine, harness->tenant, BW_STR("nightly"), bw_buf_str(&spec),
                           BW_STR("dana"), on_set, harness);
    harness_settle(harness);
    bw_buf_deinit(&spec);
    assert_true(harness->has_answer);
    assert_int_equal(harness->code, BW_ERR_OK);
}

static size_t count_text(const char *text, const char *piece)
{
    size_t count = 0;
    for (const char *at = text; (at = strstr(at, piece)); at += strlen(piece))
        count++;
    return count;
}

static size_t done_runs(struct harness *harness)
{
    struct bw_id none = {{0}};
    return count_text(harness_read(harness, "runs", none), "\"status\":\"done\"");
}

static size_t all_runs(struct harness *harness)
{
    struct bw_id none = {{0}};
    return count_text(harness_read(harness, "runs", none), "\"status\":");
}

/* To the next midnight UTC, plus a second. */
static int64_t to_midnight_ms(const struct harness *harness)
{
    int64_t day_us = 86400 * BW_US_PER_S;
    return (day_us - harness->clock.utc.us % day_us) / BW_US_PER_MS + 1000;
}

static void step(struct harness *harness)
{
    (void)bw_engine_turn(harness->engine);
    (void)bw_store_mem_pump(&harness->store);
    (void)fake_host_pump(harness->host);
}

static void test_a_crash_at_any_step_starts_one_run(void **state)
{
    (void)state;
    for (int crash_at = 0; crash_at < 14; crash_at++) {
        struct harness harness = {0};
        harness_init(&harness, PROGRAMS, 1);
        set_nightly(&harness);
        bw_clock_virtual_advance(&harness.clock, to_midnight_ms(&harness) * BW_US_PER_MS);
        for (int i = 0; i < crash_at; i++)
            step(&harness);
        if (crash_at % 2)
            (void)bw_engine_turn(harness.engine); /* between asking and the store's doing */
        harness_crash(&harness);
        harness_settle(&harness);
        harness_advance(&harness, 5000);
        if (all_runs(&harness) != 1 || done_runs(&harness) != 1)
            fail_msg("crashed at step %d: %zu runs, %zu done", crash_at, all_runs(&harness),
                     done_runs(&harness));
        harness_deinit(&harness);
    }
}

static void test_a_store_that_fails_for_a_while_starts_one_run(void **state)
{
    (void)state;
    static const struct fault FAULTS[] = {
        {"due_schedules", 0, 3, BW_MEM_FAIL},  {"fire_schedule", 0, 3, BW_MEM_FAIL},
        {"fire_schedule", 0, 3, BW_MEM_DELAY}, {"active_release", 0, 2, BW_MEM_FAIL},
        {"commit", 0, 1, BW_MEM_DELAY},
    };
    for (size_t i = 0; i < sizeof FAULTS / sizeof *FAULTS; i++) {
        struct harness harness = {0};
        struct fault fault = FAULTS[i];
        harness_init(&harness, PROGRAMS, 1);
        set_nightly(&harness);
        harness.patience = 5;
        harness_advance(&harness, to_midnight_ms(&harness) - 2000);
        bw_store_mem_set_fault(&harness.store, on_call, &fault);
        harness_advance(&harness, 60 * 1000);
        if (all_runs(&harness) != 1 || done_runs(&harness) != 1)
            fail_msg("%s: %zu runs, %zu done", FAULTS[i].what, all_runs(&harness),
                     done_runs(&harness));
        harness_deinit(&harness);
    }
}

static void on_written(void *ud, const struct bw_error *error)
{
    on_set(ud, error, BW_STR_NONE);
}

/* Nobody tells this engine: it looks by itself, every few seconds. */
static void test_what_another_node_set_is_found(void **state)
{
    (void)state;
    struct harness harness = {0};
    char args[300];
    struct bw_buf value;
    struct bw_error error;
    harness_init(&harness, PROGRAMS, 1);
    int64_t due_us = harness.clock.utc.us / (3600 * BW_US_PER_S) * 3600 * BW_US_PER_S;
    snprintf(args, sizeof args,
             "{\"name\":\"theirs\",\"spec\":{\"workflow\":\"nightly\",\"rule\":\"FREQ=HOURLY\","
             "\"from\":\"2020-01-01\"},\"next_due_us\":%lld,\"wake_at_us\":%lld}",
             (long long)due_us, (long long)due_us);
    bw_buf_init(&value, 4096);
    assert_ok(bw_value_from_json(&value, bw_str_of(args), &error), &error);
    harness.store.write(harness.store.self, harness.tenant, BW_STR("schedule"), bw_buf_str(&value),
                        on_written, &harness);
    harness_settle(&harness);
    assert_int_equal(harness.code, BW_ERR_OK);
    bw_buf_deinit(&value);
    assert_int_equal(all_runs(&harness), 0);
    harness_advance(&harness, 10 * 1000);
    assert_int_equal(done_runs(&harness), 1);
    harness_deinit(&harness);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_crash_at_any_step_starts_one_run),
        cmocka_unit_test(test_a_store_that_fails_for_a_while_starts_one_run),
        cmocka_unit_test(test_what_another_node_set_is_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
