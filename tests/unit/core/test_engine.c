/* test_engine.c - the walk from start to end, with a script host without Lua.
 *
 * The host is support/core/fake_host.h, the rest of the world support/core/harness.h. */
#include "support/test.h"

#include "store/store_mem.h"
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
#define OP_TASK                                                                                    \
    {                                                                                              \
        .kind = "task.open", .args = "{\"kind\":\"approval\",\"title\":\"Approve\",\"body\":{"     \
                                     "\"net\":1},\"assignees\":[\"dana\"]}"                        \
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

/* --- Effects one after the other. */

static const struct fake_program TWO_CALLS = {"calls", {OP_HTTP(), OP_HTTP()}};

static void test_each_outcome_is_committed_before_the_next_effect_begins(void **state)
{
    (void)state;
    set_up(&TWO_CALLS, 1);
    struct bw_id run = harness_start(&harness, "calls");
    assert_status(&harness, run, "open");
    assert_true(harness_http(&harness, 200, "one"));
    uint64_t turns = harness_stats(&harness).turns;
    assert_int_equal(turns, 2);
    assert_true(harness_http(&harness, 200, "two"));
    assert_false(harness_http(&harness, 200, "three"));
    assert_status(&harness, run, "done");
    assert_non_null(strstr(harness_member(&harness, run, "result"), "\"body\":\"two\""));
    assert_int_equal(harness_stats(&harness).runs, 0);
}

static void test_a_request_carries_the_run_and_seq_as_its_key(void **state)
{
    (void)state;
    set_up(&TWO_CALLS, 1);
    struct bw_id run = harness_start(&harness, "calls");
    uint64_t handle;
    const struct bw_http_request *request = bw_httpc_fake_next(harness.http, 0, &handle);
    char id[BW_ID_TEXT_LEN + 1];
    char key[64];
    assert_non_null(request);
    bw_id_print(run, id);
    snprintf(key, sizeof key, "%s/1", id);
    assert_str(request->headers[request->header_count - 1].name, "Idempotency-Key");
    assert_str(request->headers[request->header_count - 1].value, key);
}

static void test_start_twice_with_one_key_is_one_run(void **state)
{
    (void)state;
    set_up(&TWO_CALLS, 1);
    struct bw_id first = harness_start_keyed(&harness, "calls", "C-17/2026-10");
    assert_true(harness.is_new);
    struct bw_id second = harness_start_keyed(&harness, "calls", "C-17/2026-10");
    assert_false(harness.is_new);
    assert_true(bw_id_eq(first, second));
}

static void test_start_of_an_unknown_workflow_says_which_file_is_missing(void **state)
{
    (void)state;
    set_up(&TWO_CALLS, 1);
    (void)harness_start_keyed(&harness, "nothing", NULL);
    (void)harness_start_keyed(&harness, "nothing", NULL);
    assert_int_equal(harness.code, BW_ERR_NOT_FOUND);
    assert_non_null(strstr(harness.text, "workflows/nothing.lua"));
}

/* --- Crash and replay. */

static const struct fake_program MANY = {
    "many",
    {OP_HTTP(),
     {.kind = "sleep", .args = "{\"until_us\":1790000005000000}"},
     OP_WAIT,
     {.kind = "note", .args = "{\"kind\":\"progress\",\"text\":\"half\"}", .is_post = true},
     OP_TASK,
     OP_HTTP()},
};

/* Drives the run from outside until it ends, crashing before the `crash_at`-th outside act (0 =
 * never). */
static void drive(struct bw_id run, size_t crash_at)
{
    size_t act = 0;
    bool has_sent = false;
    while (strcmp(harness_status(&harness, run), "open") == 0) {
        if (++act == crash_at)
            harness_crash(&harness);
        assert_true(act < 20);
        if (harness_http(&harness, 200, "ok"))
            continue;
        if (harness.clock.utc.us < INT64_C(1790000005000000)) {
            harness_advance(&harness, 6000);
            continue;
        }
        if (!has_sent) {
            harness_event(&harness, "paid", "I-1", "e-1", "{\"amount\":\"1.00\"}");
            has_sent = true;
            continue;
        }
        harness_answer(&harness, bw_id_derive(run, 5),
                       "{\"decision\":\"approved\",\"by\":\"dana\"}");
    }
}

/* The rows of the run, byte for byte; free it. */
static char *journal_of(struct bw_id run)
{
    struct bw_buf copy;
    const char *json = harness_read(&harness, "journal", run);
    bw_buf_init(&copy, 1 << 20);
    /* Batch ids are made anew by every engine: everything else must be equal. */
    for (const char *at = json; *at;) {
        static const char BATCH[] = "\"batch\":\"";
        if (strncmp(at, BATCH, sizeof BATCH - 1) == 0)
            at += sizeof BATCH - 1 + BW_ID_TEXT_LEN;
        bw_buf_put_char(&copy, *at++);
    }
    char *text = bw_xstrdup(bw_buf_cstr(&copy));
    bw_buf_deinit(&copy);
    return text;
}

static void test_a_crash_at_any_position_leaves_the_same_journal(void **state)
{
    (void)state;
    char *expected = NULL;
    for (size_t crash_at = 0; crash_at <= 7; crash_at++) {
        if (crash_at > 0)
            harness_deinit(&harness);
        set_up(&MANY, 1);
        struct bw_id run = harness_start(&harness, "many");
        drive(run, crash_at);
        assert_status(&harness, run, "done");
        char *journal = journal_of(run);
        if (expected) {
            assert_string_equal(journal, expected);
            bw_free(journal);
        } else {
            expected = journal;
        }
    }
    bw_free(expected);
}

static void test_an_evicted_run_is_replayed_when_it_is_woken(void **state)
{
    (void)state;
    set_up(&MANY, 1);
    struct bw_id run = harness_start(&harness, "many");
    assert_true(harness_http(&harness, 200, "ok"));
    bw_engine_evict_idle(harness.engine);
    harness_settle(&harness);
    assert_int_equal(harness_stats(&harness).runs, 0);
    harness_advance(&harness, 6000);
    assert_int_equal(fake_host_replays(harness.host), 1);
    assert_string_equal(harness_member(&harness, run, "wake"), "event");
}

static void test_a_sleeper_beyond_the_window_is_found_by_the_scan(void **state)
{
    (void)state;
    static const struct fake_program SLEEP = {
        "sleep", {{.kind = "sleep", .args = "{\"until_us\":1790086400000000}"}}};
    set_up(&SLEEP, 1);
    struct bw_id run = harness_start(&harness, "sleep");
    bw_engine_evict_idle(harness.engine);
    harness_advance(&harness, 86399 * INT64_C(1000));
    assert_status(&harness, run, "open");
    assert_string_equal(harness_member(&harness, run, "wake"), "timer");
    harness_advance(&harness, 2000);
    assert_status(&harness, run, "done");
}

static void test_many_idle_runs_keep_to_the_resident_ceiling(void **state)
{
    (void)state;
    static const struct fake_program WAITS = {"waits", {OP_WAIT}};
    harness.limits.resident_max = 5;
    set_up(&WAITS, 1);
    for (size_t i = 0; i < 40; i++)
        (void)harness_start(&harness, "waits");
    assert_true(harness_stats(&harness).resident <= 5);
    assert_true(harness_stats(&harness).runs <= 5);
    char id[16];
    for (size_t i = 0; i < 40; i++) {
        snprintf(id, sizeof id, "e-%zu", i);
        harness_event(&harness, "paid", "I-1", id, "{}");
    }
    assert_null(strstr(harness_read(&harness, "runs", (struct bw_id){0}), "\"status\":\"open\""));
}

static void test_many_idle_runs_keep_to_the_ceiling_of_their_heaps(void **state)
{
    (void)state;
    static const struct fake_program WAITS = {"waits", {OP_WAIT}};
    harness.limits.resident_bytes_max = 5 * FAKE_HEAP_BYTES;
    set_up(&WAITS, 1);
    for (size_t i = 0; i < 40; i++)
        (void)harness_start(&harness, "waits");
    assert_true(harness_stats(&harness).resident > 0);
    assert_true(harness_stats(&harness).resident <= 5);
}

static void test_short_memory_slows_runs_down_and_stops_none(void **state)
{
    (void)state;
    static const struct fake_program WAITS = {"waits", {OP_WAIT}};
    harness.limits.vm_bytes_max = 1;
    set_up(&WAITS, 1);
    char id[16];
    for (size_t i = 0; i < 40; i++)
        (void)harness_start(&harness, "waits");
    for (size_t i = 0; i < 40; i++) {
        snprintf(id, sizeof id, "e-%zu", i);
        harness_event(&harness, "paid", "I-1", id, "{}");
    }
    assert_null(strstr(harness_read(&harness, "runs", (struct bw_id){0}), "\"status\":\"open\""));
}

/* --- Events. */

static void test_an_event_that_came_before_its_wait_is_taken_at_once(void **state)
{
    (void)state;
    static const struct fake_program WAITS = {"waits", {OP_WAIT}};
    set_up(&WAITS, 1);
    harness_event(&harness, "paid", "I-1", "e-1", "{\"amount\":\"7.00\"}");
    struct bw_id run = harness_start(&harness, "waits");
    assert_status(&harness, run, "done");
    assert_non_null(strstr(harness_member(&harness, run, "result"), "\"amount\":\"7.00\""));
}

static void test_a_wait_that_times_out_leaves_the_event_for_the_next(void **state)
{
    (void)state;
    static const struct fake_program PROGRAMS[] = {
        {"short",
         {{.kind = "event.wait",
           .args = "{\"topic\":\"paid\",\"key\":\"I-1\",\"timeout_us\":1790000001000000}"}}},
        {"waits", {OP_WAIT}},
    };
    set_up(PROGRAMS, 2);
    struct bw_id first = harness_start(&harness, "short");
    harness_advance(&harness, 1500);
    assert_status(&harness, first, "done");
    assert_string_equal(harness_member(&harness, first, "result"), "[{\"timeout\":true}]");
    struct bw_id second = harness_start(&harness, "waits");
    assert_status(&harness, second, "open");
    harness_event(&harness, "paid", "I-1", "e-1", "{}");
    assert_status(&harness, second, "done");
}

static void test_a_timeout_and_an_event_at_once_lose_neither(void **state)
{
    (void)state;
    static const struct fake_program PROGRAMS[] = {
        {"short",
         {{.kind = "event.wait",
           .args = "{\"topic\":\"paid\",\"key\":\"I-1\",\"timeout_us\":1790000001000000}"}}},
        {"waits", {OP_WAIT}},
    };
    set_up(PROGRAMS, 2);
    struct bw_id first = harness_start(&harness, "short");
    /* The event is stored, and the moment of the timeout has come, before the engine takes a turn.
     */
    struct bw_event event = {.tenant = harness.tenant,
                             .topic = BW_STR("paid"),
                             .key = BW_STR("I-1"),
                             .id = BW_STR("e-1"),
                             .body = bw_str("", 1)};
    bw_engine_send_event(harness.engine, &event, NULL, NULL);
    bw_clock_virtual_advance(&harness.clock, 2 * BW_US_PER_S);
    harness_settle(&harness);
    assert_status(&harness, first, "done");
    bool has_timed_out = strstr(harness_member(&harness, first, "result"), "timeout") != NULL;
    struct bw_id second = harness_start(&harness, "waits");
    assert_status(&harness, second, has_timed_out ? "done" : "open");
}

static void test_an_event_sent_by_a_run_reaches_another(void **state)
{
    (void)state;
    static const struct fake_program PROGRAMS[] = {
        {"sends",
         {{.kind = "event.send",
           .args = "{\"topic\":\"paid\",\"key\":\"I-1\",\"body\":{}}",
           .is_post = true}}},
        {"waits", {OP_WAIT}},
    };
    set_up(PROGRAMS, 2);
    struct bw_id waits = harness_start(&harness, "waits");
    struct bw_id sends = harness_start(&harness, "sends");
    assert_status(&harness, sends, "done");
    assert_status(&harness, waits, "done");
}

/* --- Tasks. */

static void test_a_task_is_answered_once(void **state)
{
    (void)state;
    static const struct fake_program TASK = {"task", {OP_TASK}};
    set_up(&TASK, 1);
    struct bw_id run = harness_start(&harness, "task");
    assert_string_equal(harness_member(&harness, run, "wake"), "task");
    harness_answer(&harness, bw_id_derive(run, 1), "{\"decision\":\"approved\"}");
    assert_int_equal(harness.code, BW_ERR_OK);
    harness_answer(&harness, bw_id_derive(run, 1), "{\"decision\":\"rejected\"}");
    assert_int_equal(harness.code, BW_ERR_CONFLICT);
    assert_string_equal(harness_member(&harness, run, "result"), "[{\"decision\":\"approved\"}]");
}

/* --- Children. */

static const struct fake_program FAMILY[] = {
    {"child", {OP_HTTP(.catches = false)}},
    {"detached",
     {{.kind = "child.start", .args = "{\"workflow\":\"child\",\"input\":{}}", .is_post = true}}},
    {"parent",
     {{.kind = "child.call", .args = "{\"workflow\":\"child\",\"input\":{}}", .catches = true}}},
};

static void test_a_called_childs_result_is_the_outcome_of_the_call(void **state)
{
    (void)state;
    set_up(FAMILY, 3);
    struct bw_id run = harness_start(&harness, "parent");
    assert_string_equal(harness_member(&harness, run, "wake"), "child");
    assert_true(harness_http(&harness, 201, "posted"));
    assert_status(&harness, bw_id_derive(run, 1), "done");
    assert_status(&harness, run, "done");
    assert_non_null(strstr(harness_member(&harness, run, "result"), "posted"));
}

static void test_a_cancelled_child_is_an_error_of_the_call(void **state)
{
    (void)state;
    set_up(FAMILY, 3);
    struct bw_id run = harness_start(&harness, "parent");
    harness_cancel(&harness, bw_id_derive(run, 1));
    assert_status(&harness, bw_id_derive(run, 1), "cancelled");
    assert_status(&harness, run, "done");
    assert_non_null(strstr(harness_member(&harness, run, "result"), "CANCELLED"));
}

static void test_cancelling_the_parent_cancels_the_child_it_called(void **state)
{
    (void)state;
    set_up(FAMILY, 3);
    struct bw_id run = harness_start(&harness, "parent");
    harness_cancel(&harness, run);
    assert_status(&harness, run, "cancelled");
    assert_status(&harness, bw_id_derive(run, 1), "cancelled");
    assert_false(harness_http(&harness, 200, ""));
}

static void test_a_detached_child_outlives_its_parent(void **state)
{
    (void)state;
    set_up(FAMILY, 3);
    struct bw_id run = harness_start(&harness, "detached");
    assert_status(&harness, run, "done");
    assert_status(&harness, bw_id_derive(run, 1), "open");
    assert_true(harness_http(&harness, 200, ""));
    assert_status(&harness, bw_id_derive(run, 1), "done");
}

/* --- HTTP retries. */

static void test_http_is_tried_again_with_growing_pauses_and_the_same_key(void **state)
{
    (void)state;
    static const struct fake_program ONE = {"one", {OP_HTTP()}};
    set_up(&ONE, 1);
    struct bw_id run = harness_start(&harness, "one");
    assert_true(harness_http(&harness, 503, "busy"));
    assert_false(harness_http(&harness, 200, "too early"));
    harness_advance(&harness, 700);
    assert_true(harness_http_fails(&harness, BW_ERR_UNKNOWN_OUTCOME));
    harness_advance(&harness, 1300);
    assert_true(harness_http(&harness, 200, "fine"));
    assert_status(&harness, run, "done");
}

static void test_http_waits_as_long_as_the_server_asks(void **state)
{
    (void)state;
    static const struct fake_program ONE = {"one", {OP_HTTP()}};
    set_up(&ONE, 1);
    struct bw_id run = harness_start(&harness, "one");
    uint64_t handle;
    struct bw_http_header header = {BW_STR("retry-after"), BW_STR("120")};
    assert_non_null(bw_httpc_fake_next(harness.http, 0, &handle));
    bw_httpc_fake_answer(
        harness.http, handle,
        &(struct bw_http_response){.status = 429, .headers = &header, .header_count = 1}, NULL);
    harness_settle(&harness);
    harness_advance(&harness, 119 * 1000);
    assert_false(harness_http(&harness, 200, ""));
    harness_advance(&harness, 1000);
    assert_true(harness_http(&harness, 200, ""));
    assert_status(&harness, run, "done");
}

static void use_up_attempts(void)
{
    for (size_t i = 0; i < 5; i++) {
        assert_true(harness_http(&harness, 503, "busy"));
        harness_advance(&harness, 60 * 1000);
    }
}

static void test_http_out_of_attempts_parks_and_resume_sends_it_again(void **state)
{
    (void)state;
    static const struct fake_program ONE = {"one", {OP_HTTP()}};
    set_up(&ONE, 1);
    struct bw_id run = harness_start(&harness, "one");
    use_up_attempts();
    assert_status(&harness, run, "parked");
    assert_non_null(
        strstr(harness_member(&harness, run, "error"), "answered 503, after 5 attempts"));
    assert_false(harness_http(&harness, 200, ""));
    harness_resume(&harness, run, NULL);
    assert_int_equal(harness.code, BW_ERR_OK);
    assert_status(&harness, run, "open");
    assert_true(harness_http(&harness, 200, "at last"));
    assert_status(&harness, run, "done");
}

static void test_a_failed_effect_can_be_skipped_with_a_value(void **state)
{
    (void)state;
    static const struct fake_program ONE = {"one", {OP_HTTP()}};
    set_up(&ONE, 1);
    struct bw_id run = harness_start(&harness, "one");
    use_up_attempts();
    harness_resume(&harness, run, "{\"status\":201}");
    assert_int_equal(harness.code, BW_ERR_OK);
    assert_status(&harness, run, "done");
    assert_string_equal(harness_member(&harness, run, "result"), "[{\"status\":201}]");
}

/* --- Parking. */

static void test_a_script_error_keeps_what_was_delivered(void **state)
{
    (void)state;
    static const struct fake_program BROKEN = {"broken", {OP_HTTP(), {.kind = "!fail"}}};
    static const struct fake_program MENDED = {"broken", {OP_HTTP()}};
    set_up(&BROKEN, 1);
    struct bw_id run = harness_start(&harness, "broken");
    assert_true(harness_http(&harness, 200, "kept"));
    assert_status(&harness, run, "parked");
    assert_non_null(strstr(harness_member(&harness, run, "error"), "workflows/fake.lua:9"));
    fake_host_change(harness.host, &MENDED);
    harness_resume(&harness, run, NULL);
    assert_false(harness_http(&harness, 200, "asked twice"));
    assert_status(&harness, run, "done");
    assert_non_null(strstr(harness_member(&harness, run, "result"), "kept"));
}

static void test_an_unknown_effect_parks_with_the_line_that_asked(void **state)
{
    (void)state;
    static const struct fake_program BAD = {"bad", {{.kind = "teleport", .args = "{}"}}};
    set_up(&BAD, 1);
    struct bw_id run = harness_start(&harness, "bad");
    assert_status(&harness, run, "parked");
    assert_non_null(strstr(harness_member(&harness, run, "error"),
                           "workflows/fake.lua:1: teleport: there is no effect"));
}

static void test_bad_arguments_park_with_what_is_wrong(void **state)
{
    (void)state;
    static const struct fake_program BAD = {
        "bad", {OP_HTTP(), {.kind = "http", .args = "{\"method\":\"GET\",\"url\":7}"}}};
    set_up(&BAD, 1);
    struct bw_id run = harness_start(&harness, "bad");
    assert_true(harness_http(&harness, 200, ""));
    assert_status(&harness, run, "parked");
    assert_non_null(strstr(harness_member(&harness, run, "error"),
                           "workflows/fake.lua:2: http: 'url' must be a string, it is an integer"));
}

static void test_a_script_that_waits_for_nothing_parks(void **state)
{
    (void)state;
    static const struct fake_program STUCK = {
        "stuck",
        {{.kind = "sleep", .args = "{\"until_us\":1890000000000000}", .is_started = true},
         {.kind = "cancel", .args = "{\"seq\":1}", .is_post = true}}};
    set_up(&STUCK, 1);
    struct bw_id run = harness_start(&harness, "stuck");
    assert_status(&harness, run, "parked");
    assert_non_null(strstr(harness_member(&harness, run, "error"), "waits for nothing"));
}

static void test_a_replay_that_differs_parks_and_writes_nothing(void **state)
{
    (void)state;
    static const struct fake_program OTHER = {"calls", {OP_WAIT, OP_HTTP()}};
    set_up(&TWO_CALLS, 1);
    struct bw_id run = harness_start(&harness, "calls");
    assert_true(harness_http(&harness, 200, "one"));
    fake_host_change(harness.host, &OTHER);
    harness_crash(&harness);
    assert_true(harness_http(&harness, 200, "two"));
    assert_status(&harness, run, "parked");
    assert_non_null(strstr(harness_member(&harness, run, "error"), "NONDETERMINISM"));
    assert_string_equal(harness_member(&harness, run, "head"), "2");
    /* With the right script back, it goes on from where it was. */
    fake_host_change(harness.host, &TWO_CALLS);
    harness_resume(&harness, run, NULL);
    assert_status(&harness, run, "done");
}

static void test_resume_of_a_run_that_is_not_parked_is_a_conflict(void **state)
{
    (void)state;
    set_up(&TWO_CALLS, 1);
    struct bw_id run = harness_start(&harness, "calls");
    harness_resume(&harness, run, NULL);
    assert_int_equal(harness.code, BW_ERR_CONFLICT);
    bw_engine_evict_idle(harness.engine);
    harness_resume(&harness, run, NULL);
    assert_int_equal(harness.code, BW_ERR_CONFLICT);
    harness_resume(&harness, bw_id_derive(run, 99), NULL);
    assert_int_equal(harness.code, BW_ERR_NOT_FOUND);
}

/* --- Checkpoint. */

static void test_a_checkpoint_truncates_the_replay_and_seqs_go_on(void **state)
{
    (void)state;
    static const struct fake_program POINT = {"point",
                                              {OP_HTTP(), {.kind = "!checkpoint"}, OP_TASK}};
    set_up(&POINT, 1);
    struct bw_id run = harness_start(&harness, "point");
    assert_true(harness_http(&harness, 200, ""));
    assert_string_equal(harness_member(&harness, run, "base"), "2");
    harness_crash(&harness);
    /* The task is the run's second command, not its first again. */
    harness_answer(&harness, bw_id_derive(run, 2), "{\"decision\":\"approved\"}");
    assert_int_equal(harness.code, BW_ERR_OK);
    assert_status(&harness, run, "done");
    assert_int_equal(fake_host_replays(harness.host), 1);
}

/* --- Concurrency inside a run. */

static void test_effects_started_together_are_delivered_as_they_come(void **state)
{
    (void)state;
    static const struct fake_program ALL = {"all",
                                            {OP_HTTP(.is_started = true), OP_TASK, OP_HTTP()}};
    set_up(&ALL, 1);
    struct bw_id run = harness_start(&harness, "all");
    harness_answer(&harness, bw_id_derive(run, 2), "{\"decision\":\"approved\"}");
    harness_crash(&harness);
    assert_true(harness_http(&harness, 200, "one"));
    assert_true(harness_http(&harness, 200, "two"));
    assert_status(&harness, run, "done");
}

/* --- The release of new runs. */

static size_t questions;
static void (*ask_store)(void *self, struct bw_id tenant, bool has_files, bw_release_fn done,
                         void *ud);

static void count_question(void *self, struct bw_id tenant, bool has_files, bw_release_fn done,
                           void *ud)
{
    questions++;
    ask_store(self, tenant, has_files, done, ud);
}

static void count_start(void *ud, const struct bw_error *error, struct bw_id run, bool is_new)
{
    (void)run;
    assert_int_equal(error->code, BW_ERR_OK);
    assert_true(is_new);
    ++*(size_t *)ud;
}

static void ask_for_start(size_t *started)
{
    struct bw_engine_start start = {.tenant = harness.tenant, .workflow = BW_STR("calls")};
    bw_engine_start_run(harness.engine, &start, count_start, started);
}

static void watch_questions(void)
{
    set_up(&TWO_CALLS, 1);
    questions = 0;
    ask_store = harness.store.active_release;
    harness.store.active_release = count_question;
}

static void test_starts_that_come_together_ask_once_for_the_active_release(void **state)
{
    (void)state;
    size_t started = 0;
    watch_questions();
    for (size_t i = 0; i < 5; i++)
        ask_for_start(&started);
    harness_settle(&harness);
    assert_int_equal(started, 5);
    assert_int_equal(questions, 1);
}

/* --- Database work in a group commit. */

static const struct fake_program TAKES_NUMBER = {
    "calls", {{.kind = "number.next", .args = "{\"series\":\"invoice\",\"date\":\"2026-10-31\"}"}}};
static size_t works, works_most;
static void (*commit_store)(void *self, const struct bw_turn_commit *commits, size_t count,
                            bw_commit_fn done, void *ud);

static void count_works(void *self, const struct bw_turn_commit *commits, size_t count,
                        bw_commit_fn done, void *ud)
{
    size_t here = 0;
    for (size_t i = 0; i < count; i++)
        here += commits[i].db_work_count;
    works += here;
    works_most = here > works_most ? here : works_most;
    commit_store(self, commits, count, done, ud);
}

/* Each takes milliseconds: a group that held hundreds would keep its locks, and the script host
 * idle, for as long as all of them. */
static void test_much_database_work_goes_in_several_commits(void **state)
{
    (void)state;
    size_t started = 0;
    set_up(&TAKES_NUMBER, 1);
    works = works_most = 0;
    commit_store = harness.store.commit;
    harness.store.commit = count_works;
    for (size_t i = 0; i < 40; i++)
        ask_for_start(&started);
    harness_settle(&harness);
    assert_int_equal(started, 40);
    assert_int_equal(works, 40);
    assert_true(works_most > 1 && works_most <= 8);
}

static void test_a_release_that_changes_while_it_is_asked_for_is_asked_for_again(void **state)
{
    (void)state;
    size_t started = 0;
    watch_questions();
    ask_for_start(&started);
    (void)bw_store_mem_pump(
        &harness.store); /* the tenant's share is known, the release asked for */
    (void)bw_engine_turn(harness.engine);
    bw_engine_release_changed(harness.engine, harness.tenant);
    ask_for_start(&started);
    harness_settle(&harness);
    assert_int_equal(started, 2);
    assert_int_equal(questions, 2);
}

static void test_starts_that_wait_for_the_release_leave_nothing_behind_in_a_crash(void **state)
{
    (void)state;
    size_t started = 0;
    watch_questions();
    ask_for_start(&started);
    ask_for_start(&started);
    harness_crash(&harness);
    assert_int_equal(started, 0);
}

#define CASE(name) cmocka_unit_test_teardown(name, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_each_outcome_is_committed_before_the_next_effect_begins),
        CASE(test_a_request_carries_the_run_and_seq_as_its_key),
        CASE(test_start_twice_with_one_key_is_one_run),
        CASE(test_start_of_an_unknown_workflow_says_which_file_is_missing),
        CASE(test_a_crash_at_any_position_leaves_the_same_journal),
        CASE(test_an_evicted_run_is_replayed_when_it_is_woken),
        CASE(test_a_sleeper_beyond_the_window_is_found_by_the_scan),
        CASE(test_many_idle_runs_keep_to_the_resident_ceiling),
        CASE(test_many_idle_runs_keep_to_the_ceiling_of_their_heaps),
        CASE(test_short_memory_slows_runs_down_and_stops_none),
        CASE(test_an_event_that_came_before_its_wait_is_taken_at_once),
        CASE(test_a_wait_that_times_out_leaves_the_event_for_the_next),
        CASE(test_a_timeout_and_an_event_at_once_lose_neither),
        CASE(test_an_event_sent_by_a_run_reaches_another),
        CASE(test_a_task_is_answered_once),
        CASE(test_a_called_childs_result_is_the_outcome_of_the_call),
        CASE(test_a_cancelled_child_is_an_error_of_the_call),
        CASE(test_cancelling_the_parent_cancels_the_child_it_called),
        CASE(test_a_detached_child_outlives_its_parent),
        CASE(test_http_is_tried_again_with_growing_pauses_and_the_same_key),
        CASE(test_http_waits_as_long_as_the_server_asks),
        CASE(test_http_out_of_attempts_parks_and_resume_sends_it_again),
        CASE(test_a_failed_effect_can_be_skipped_with_a_value),
        CASE(test_a_script_error_keeps_what_was_delivered),
        CASE(test_an_unknown_effect_parks_with_the_line_that_asked),
        CASE(test_bad_arguments_park_with_what_is_wrong),
        CASE(test_a_script_that_waits_for_nothing_parks),
        CASE(test_a_replay_that_differs_parks_and_writes_nothing),
        CASE(test_resume_of_a_run_that_is_not_parked_is_a_conflict),
        CASE(test_a_checkpoint_truncates_the_replay_and_seqs_go_on),
        CASE(test_effects_started_together_are_delivered_as_they_come),
        CASE(test_starts_that_come_together_ask_once_for_the_active_release),
        CASE(test_much_database_work_goes_in_several_commits),
        CASE(test_a_release_that_changes_while_it_is_asked_for_is_asked_for_again),
        CASE(test_starts_that_wait_for_the_release_leave_nothing_behind_in_a_crash),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
