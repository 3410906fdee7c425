/* test_trouble.c - hosts that misbehave, others who write, leases that end. */
#include "support/test.h"

#include "support/core/harness.h"

#include "store/mem_store.h"

#include <stdio.h>

#define OP_HTTP(...)                                                                               \
    {                                                                                              \
        .kind = "http",                                                                            \
        .args = "{\"method\":\"POST\",\"url\":\"https://erp.example/x\",\"body\":\"b\"}",          \
        __VA_ARGS__                                                                                \
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

static const struct fake_program TWO_CALLS = {"calls", {OP_HTTP(), OP_HTTP()}};

/* --- Hosts that misbehave. */

static void test_a_host_that_dies_costs_its_turns_only(void **state)
{
    (void)state;
    set_up(&TWO_CALLS, 1);
    struct bw_id run = harness_start(&harness, "calls");
    fake_host_mischief(harness.host, FAKE_DIES, 2);
    assert_true(harness_http(&harness, 200, "one"));
    assert_true(harness_http(&harness, 200, "two"));
    assert_status(&harness, run, "done");
}

static void test_a_turn_that_kills_three_hosts_is_parked(void **state)
{
    (void)state;
    set_up(&TWO_CALLS, 1);
    struct bw_id run = harness_start(&harness, "calls");
    fake_host_mischief(harness.host, FAKE_DIES, 3);
    assert_true(harness_http(&harness, 200, "one"));
    assert_status(&harness, run, "parked");
    assert_non_null(strstr(harness_member(&harness, run, "error"), "killed by signal 9"));
    harness_resume(&harness, run, NULL);
    assert_true(harness_http(&harness, 200, "two"));
    assert_status(&harness, run, "done");
}

static void test_what_a_broken_host_says_is_not_believed(void **state)
{
    (void)state;
    set_up(&TWO_CALLS, 1);
    fake_host_mischief(harness.host, FAKE_GARBAGE, 1);
    struct bw_id run = harness_start(&harness, "calls");
    assert_true(harness_http(&harness, 200, "one"));
    fake_host_mischief(harness.host, FAKE_WRONG_SEQ, 1);
    harness_settle(&harness);
    assert_true(harness_http(&harness, 200, "two"));
    assert_status(&harness, run, "done");
}

static void test_commands_out_of_sequence_are_refused(void **state)
{
    (void)state;
    set_up(&TWO_CALLS, 1);
    fake_host_mischief(harness.host, FAKE_WRONG_SEQ, 1);
    struct bw_id run = harness_start(&harness, "calls");
    uint64_t handle;
    assert_non_null(bw_httpc_fake_next(harness.http, 0, &handle));
    assert_string_equal(harness_member(&harness, run, "last_seq"), "1");
}

static void test_a_limit_is_tried_in_a_fresh_vm_then_parked(void **state)
{
    (void)state;
    set_up(&TWO_CALLS, 1);
    struct bw_id run = harness_start(&harness, "calls");
    fake_host_mischief(harness.host, FAKE_BUDGET, 1);
    assert_true(harness_http(&harness, 200, "one"));
    assert_string_equal(harness_member(&harness, run, "head"), "2");
    fake_host_mischief(harness.host, FAKE_MEMORY, 2);
    assert_true(harness_http(&harness, 200, "two"));
    assert_status(&harness, run, "parked");
    assert_non_null(strstr(harness_member(&harness, run, "error"), "MEMORY"));
}

static void test_a_turn_that_works_too_long_is_tried_again_then_parked(void **state)
{
    (void)state;
    set_up(&TWO_CALLS, 1);
    struct bw_id run = harness_start(&harness, "calls");
    fake_host_mischief(harness.host, FAKE_WALL, 1);
    assert_true(harness_http(&harness, 200, "one"));
    assert_string_equal(harness_member(&harness, run, "head"), "2");
    fake_host_mischief(harness.host, FAKE_WALL, 2);
    assert_true(harness_http(&harness, 200, "two"));
    assert_status(&harness, run, "parked");
    assert_non_null(strstr(harness_member(&harness, run, "error"), "WALL"));
    assert_string_equal(harness_member(&harness, run, "head"), "2");
}

static void test_a_host_that_forgot_a_run_gets_its_journal(void **state)
{
    (void)state;
    set_up(&TWO_CALLS, 1);
    struct bw_id run = harness_start(&harness, "calls");
    fake_host_mischief(harness.host, FAKE_FORGETS, 1);
    assert_true(harness_http(&harness, 200, "one"));
    assert_true(harness_http(&harness, 200, "two"));
    assert_status(&harness, run, "done");
    assert_int_equal(fake_host_replays(harness.host), 1);
}

/* --- Others who write. */

static int64_t epoch_of_shard[BW_SHARD_COUNT];

static void on_epochs(void *ud, const struct bw_error *error, const struct bw_leases *leases)
{
    (void)ud;
    assert_int_equal(error->code, BW_ERR_OK);
    for (size_t i = 0; i < leases->count; i++)
        epoch_of_shard[leases->items[i].shard] = leases->items[i].epoch;
}

static void on_committed(void *ud, const struct bw_commit_result *results, size_t count)
{
    (void)ud;
    assert_int_equal(count, 1);
    assert_int_equal(results[0].status, BW_COMMIT_DONE);
}

static void test_a_run_that_somebody_else_moved_is_loaded_again_and_goes_on(void **state)
{
    (void)state;
    set_up(&TWO_CALLS, 1);
    struct bw_id run = harness_start(&harness, "calls");
    struct bw_store *store = &harness.store;
    uint32_t shard = (uint32_t)(bw_id_hash(run) % BW_SHARD_COUNT);
    store->lease(
        store->self,
        &(struct bw_lease_wish){.node = BW_STR("test"), .ms = 10000, .held = BW_SHARDS_ALL},
        on_epochs, NULL);
    harness_settle(&harness);
    /* A commit behind the engine's back: a row without deliveries and commands. */
    store->commit(store->self,
                  &(struct bw_turn_commit){.batch = bw_id_derive(run, 77),
                                           .tenant = harness.tenant,
                                           .run = run,
                                           .shard = shard,
                                           .epoch = epoch_of_shard[shard],
                                           .expected_head = 1,
                                           .turn = BW_STR("\x01\x00\x00\x00"),
                                           .status = BW_RUN_OPEN,
                                           .wake = BW_WAKE_EFFECT,
                                           .is_active = true,
                                           .last_seq = 1},
                  1, on_committed, NULL);
    harness_settle(&harness);
    assert_true(harness_http(&harness, 200, "lost with the conflict"));
    assert_int_equal(harness_stats(&harness).conflicts, 1);
    assert_true(harness_http(&harness, 200, "one"));
    assert_true(harness_http(&harness, 200, "two"));
    assert_status(&harness, run, "done");
}

/* --- Leases. */

static void on_lease(void *ud, const struct bw_error *error, const struct bw_leases *leases)
{
    (void)ud;
    assert_int_equal(error->code, BW_ERR_OK);
    assert_int_equal(leases->count, BW_SHARD_COUNT);
}

static void test_a_fenced_engine_lets_go_and_writes_nothing(void **state)
{
    (void)state;
    set_up(&TWO_CALLS, 1);
    struct bw_id run = harness_start(&harness, "calls");
    harness.store.lease(
        harness.store.self,
        &(struct bw_lease_wish){.node = BW_STR("other"), .ms = 10000, .take_over = true}, on_lease,
        NULL);
    assert_true(harness_http(&harness, 200, "one"));
    assert_string_equal(harness_member(&harness, run, "head"), "1");
    assert_int_equal(harness_stats(&harness).runs, 0);
    assert_false(harness_http(&harness, 200, "two"));
}

static void test_a_paused_engine_stops_acting_before_its_lease_ends(void **state)
{
    (void)state;
    set_up(&TWO_CALLS, 1);
    struct bw_id run = harness_start(&harness, "calls");
    uint64_t handle;
    assert_non_null(bw_httpc_fake_next(harness.http, 0, &handle));
    bw_httpc_fake_answer(harness.http, handle, &(struct bw_http_response){.status = 200}, NULL);
    bw_httpc_fake_pump(harness.http);
    /* It was stopped for eight of ten seconds: the first turn after that may only renew. */
    bw_clock_virtual_advance(&harness.clock, 8 * BW_US_PER_S);
    (void)bw_engine_turn(harness.engine);
    assert_int_equal(harness_stats(&harness).executing, 0);
    harness_settle(&harness);
    assert_true(harness_http(&harness, 200, "two"));
    assert_status(&harness, run, "done");
}

static void on_stopped(void *ud, const struct bw_error *error)
{
    assert_int_equal(error->code, BW_ERR_OK);
    *(bool *)ud = true;
}

static void test_a_clean_stop_gives_the_shards_back(void **state)
{
    (void)state;
    bool is_stopped = false;
    set_up(&TWO_CALLS, 1);
    struct bw_id run = harness_start(&harness, "calls");
    bw_engine_stop(harness.engine, on_stopped, &is_stopped);
    harness_settle(&harness);
    assert_true(is_stopped);
    harness.node = "other"; /* gets the shards at once, without waiting for the lease to end */
    harness_crash(&harness);
    assert_true(harness_http(&harness, 200, "one"));
    assert_true(harness_http(&harness, 200, "two"));
    assert_status(&harness, run, "done");
}

/* --- Rows that somebody broke by hand. */

static const struct fake_program WAITS = {
    "waits", {{.kind = "event.wait", .args = "{\"topic\":\"paid\",\"key\":\"I-1\"}"}, OP_HTTP()}};

static struct mem_run *break_input(struct bw_id id)
{
    struct mem_run *run = mem_find_run(harness.store.self, harness.tenant, id);
    mem_replace(&run->row.input, BW_STR("\xff\xfe broken"));
    return run;
}

static void test_a_broken_input_parks_the_run_and_no_engine_dies(void **state)
{
    (void)state;
    set_up(&WAITS, 1);
    struct bw_id id = harness_start(&harness, "waits");
    struct bw_str kept = mem_own(mem_find_run(harness.store.self, harness.tenant, id)->row.input);
    struct mem_run *run = break_input(id);
    harness_crash(&harness);
    harness_event(&harness, "paid", "I-1", "e1", "1");
    harness_advance(&harness, 5000);
    assert_status(&harness, id, "parked");
    assert_non_null(strstr(harness_member(&harness, id, "error"), "are no value"));
    assert_non_null(strstr(harness_member(&harness, id, "error"), "CORRUPT"));
    mem_replace(&run->row.input, kept); /* restored */
    mem_disown(&kept);
    harness_resume(&harness, id, NULL);
    assert_true(harness_http(&harness, 200, "one"));
    assert_status(&harness, id, "done");
}

static void test_a_run_with_a_broken_input_can_be_cancelled(void **state)
{
    (void)state;
    set_up(&WAITS, 1);
    struct bw_id id = harness_start(&harness, "waits");
    (void)break_input(id);
    harness_crash(&harness);
    harness_event(&harness, "paid", "I-1", "e1", "1");
    harness_advance(&harness, 5000);
    assert_status(&harness, id, "parked");
    harness_cancel(&harness, id);
    harness_advance(&harness, 5000);
    assert_status(&harness, id, "cancelled");
}

static void test_broken_mail_parks_the_run_once_and_does_not_loop(void **state)
{
    (void)state;
    set_up(&WAITS, 1);
    struct bw_id id = harness_start(&harness, "waits");
    struct mem_run *run = mem_find_run(harness.store.self, harness.tenant, id);
    harness_crash(&harness); /* nobody has it in memory */
    bw_engine_evict_idle(harness.engine);
    struct mem_store *store = harness.store.self;
    (void)mem_add_message(store, run, BW_STR("event:1"), BW_MESSAGE_OUTCOME, 1,
                          BW_STR("\xff\xfe broken"), NULL);
    harness_advance(&harness, 10000);
    assert_status(&harness, id, "parked");
    assert_non_null(strstr(harness_member(&harness, id, "error"), "event:1"));
    uint64_t turns = harness_stats(&harness).conflicts;
    harness_advance(&harness, 10000);
    assert_int_equal(harness_stats(&harness).conflicts, turns);
    assert_status(&harness, id, "parked");
}

#define CASE(name) cmocka_unit_test_teardown(name, tear_down)

/* --- Histories that grow long. */

static const struct fake_program FIVE_CALLS = {
    "calls", {OP_HTTP(), OP_HTTP(), OP_HTTP(), OP_HTTP(), OP_HTTP()}};

static void test_a_long_history_is_told_and_kills_no_run(void **state)
{
    (void)state;
    harness.limits.history_turns_max = 5;
    set_up(&FIVE_CALLS, 1);
    struct bw_id run = harness_start(&harness, "calls");
    for (int i = 0; i < 2; i++)
        assert_true(harness_http(&harness, 200, "ok"));
    assert_int_equal(harness.history_logs, 0); /* three turns */
    assert_true(harness_http(&harness, 200, "ok"));
    assert_int_equal(harness.history_logs, 1); /* four: 80% */
    harness_crash(&harness);
    while (harness_http(&harness, 200, "ok"))
        continue;
    assert_status(&harness, run, "done");
    assert_int_equal(harness.history_logs, 2);
}

static void test_bytes_count_too_and_across_a_crash(void **state)
{
    (void)state;
    harness.limits.history_bytes_max = 400;
    set_up(&FIVE_CALLS, 1);
    struct bw_id run = harness_start(&harness, "calls");
    assert_int_equal(harness.history_logs, 0);
    harness_crash(&harness);
    while (harness_http(&harness, 200, "ok"))
        continue;
    assert_status(&harness, run, "done");
    assert_int_equal(harness.history_logs, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_a_broken_input_parks_the_run_and_no_engine_dies),
        CASE(test_a_run_with_a_broken_input_can_be_cancelled),
        CASE(test_broken_mail_parks_the_run_once_and_does_not_loop),
        CASE(test_a_host_that_dies_costs_its_turns_only),
        CASE(test_a_turn_that_kills_three_hosts_is_parked),
        CASE(test_what_a_broken_host_says_is_not_believed),
        CASE(test_commands_out_of_sequence_are_refused),
        CASE(test_a_limit_is_tried_in_a_fresh_vm_then_parked),
        CASE(test_a_turn_that_works_too_long_is_tried_again_then_parked),
        CASE(test_a_host_that_forgot_a_run_gets_its_journal),
        CASE(test_a_run_that_somebody_else_moved_is_loaded_again_and_goes_on),
        CASE(test_a_fenced_engine_lets_go_and_writes_nothing),
        CASE(test_a_paused_engine_stops_acting_before_its_lease_ends),
        CASE(test_a_clean_stop_gives_the_shards_back),
        CASE(test_a_long_history_is_told_and_kills_no_run),
        CASE(test_bytes_count_too_and_across_a_crash),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
