/* test_hostlet.c - frames in, frames out: releases, wakes, residents, evictions, and frames that
 * make no sense. */
#include "support/lua/rig.h"

#include "lua/chunk.h"
#include "lua/hostlet.h"
#include <lualib.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define LUA_RUNTIME                                                                                \
    "return { start = function(name, input) return function() local core = require "               \
    "'billow.effect.core' core.protect(function() local _, x = core.call('sleep', { until_us = 5 " \
    "+ "                                                                                           \
    "input }) core.finish('done', x) end) end end }"

static struct bw_hostlet *hostlet;
static struct bw_arena arena;
static struct bw_buf answer;
static struct bw_release_set release;
static struct bw_release_file file;

static int setup(void **state)
{
    (void)state;
    hostlet = bw_hostlet_create();
    bw_arena_init(&arena);
    bw_buf_init(&answer, BW_WIRE_FRAME_BYTES_MAX);
    file = (struct bw_release_file){BW_STR("stdlib/runtime.lua"), BW_STR(LUA_RUNTIME)};
    release = (struct bw_release_set){.files = &file, .count = 1};
    bw_wire_release_hash(&file, 1, release.hash);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    bw_hostlet_destroy(hostlet);
    bw_arena_deinit(&arena);
    bw_buf_deinit(&answer);
    return 0;
}

static enum bw_err handle(uint8_t type, const struct bw_buf *payload, uint8_t *answer_type)
{
    struct bw_error error;

    bw_buf_clear(&answer);
    return bw_hostlet_handle(hostlet, type, bw_buf_str(payload), answer_type, &answer, &error);
}

static void send_release(void)
{
    struct bw_buf payload;
    uint8_t type;

    bw_buf_init(&payload, 1 << 20);
    bw_wire_put_release(&payload, &release);
    assert_int_equal(handle(BW_FRAME_RELEASE, &payload, &type), BW_ERR_OK);
    assert_int_equal(type, 0);
    bw_buf_deinit(&payload);
}

static struct bw_id run_id(uint8_t n)
{
    return (struct bw_id){.bytes = {1, 2, 3, n}};
}

static struct bw_delivery start_delivery(void)
{
    struct bw_buf buf;
    struct bw_delivery start = {.kind = BW_DELIVERY_START};

    bw_buf_init(&buf, 256);
    bw_value_put_map(&buf, 1);
    bw_value_put_key(&buf, "input");
    bw_value_put_int(&buf, 7);
    start.value = bw_arena_copy(&arena, bw_buf_str(&buf));
    bw_buf_deinit(&buf);
    return start;
}

static struct bw_delivery outcome_delivery(void)
{
    struct bw_buf buf;
    struct bw_delivery outcome = {.kind = BW_DELIVERY_OUTCOME, .seq = 1};

    bw_buf_init(&buf, 256);
    bw_value_put_text(&buf, "slept");
    outcome.value = bw_arena_copy(&arena, bw_buf_str(&buf));
    bw_buf_deinit(&buf);
    return outcome;
}

static struct bw_wake wake_of(uint8_t n, uint64_t turn, bool is_resident,
                              struct bw_delivery *delivery)
{
    struct bw_wake wake = {.run = run_id(n),
                           .workflow = BW_STR("t"),
                           .turn = turn,
                           .is_resident = is_resident,
                           .at = {1000},
                           .deliveries = delivery,
                           .delivery_count = 1,
                           .steps_max = 100000,
                           .memory_bytes_max = 4000000};

    memcpy(wake.release, release.hash, sizeof wake.release);
    return wake;
}

static struct bw_turn_result *send_wakes(const struct bw_wake *wakes, size_t count)
{
    struct bw_buf payload;
    struct bw_turn_result *results;
    struct bw_error error;
    size_t result_count;
    uint8_t type;

    bw_buf_init(&payload, 1 << 20);
    bw_wire_put_wakes(&payload, wakes, count);
    assert_int_equal(handle(BW_FRAME_WAKES, &payload, &type), BW_ERR_OK);
    assert_int_equal(type, BW_FRAME_RESULTS);
    bw_buf_deinit(&payload);
    assert_ok(bw_wire_get_results(bw_buf_str(&answer), &arena, &results, &result_count, &error),
              &error);
    assert_int_equal(result_count, count);
    return results;
}

static void test_a_run_starts_stays_resident_and_ends(void **state)
{
    struct bw_delivery start = start_delivery(), outcome = outcome_delivery();
    struct bw_wake wake = wake_of(1, 1, false, &start);
    (void)state;
    send_release();
    struct bw_turn_result *results = send_wakes(&wake, 1);
    assert_int_equal(results->status, BW_TURN_WAITING);
    assert_int_equal(results->command_count, 1);
    assert_str(results->commands[0].kind, "sleep");
    assert_int_equal(results->pending_count, 1);
    assert_true(bw_id_eq(results->run, run_id(1)));
    wake = wake_of(1, 2, true, &outcome);
    results = send_wakes(&wake, 1);
    assert_int_equal(results->status, BW_TURN_DONE);
    struct bw_value value = bw_value_read(results->value);
    assert_str(value.text, "slept");
    results = send_wakes(&wake, 1); /* it is gone */
    assert_int_equal(results->status, BW_TURN_MISSING);
}

static void test_several_runs_in_one_frame_are_kept_apart(void **state)
{
    struct bw_delivery start = start_delivery();
    struct bw_wake wakes[3];
    (void)state;
    send_release();
    for (uint8_t i = 0; i < 3; i++)
        wakes[i] = wake_of(i, 1, false, &start);
    struct bw_turn_result *results = send_wakes(wakes, 3);
    for (uint8_t i = 0; i < 3; i++) {
        assert_int_equal(results[i].status, BW_TURN_WAITING);
        assert_true(bw_id_eq(results[i].run, run_id(i)));
    }
}

/* Takes the results of all but every third call. */
struct taken {
    uint8_t runs[8];
    size_t count, calls;
};

static bool take_some(void *ud, const struct bw_turn_result *results, size_t count)
{
    struct taken *taken = ud;

    if (++taken->calls % 3 == 0)
        return false;
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(results[i].status, BW_TURN_WAITING);
        assert_int_equal(results[i].command_count, 1);
        taken->runs[taken->count++] = results[i].run.bytes[3];
    }
    return true;
}

static void test_results_may_leave_while_the_frame_is_worked_on_each_once_and_in_order(void **state)
{
    struct bw_delivery start = start_delivery();
    struct bw_wake wakes[6];
    struct bw_turn_result *results;
    struct taken taken = {.count = 0};
    struct bw_buf payload;
    struct bw_error error;
    size_t count;
    uint8_t type;
    (void)state;
    send_release();
    bw_hostlet_set_on_results(hostlet, take_some, &taken);
    for (uint8_t i = 0; i < 6; i++)
        wakes[i] = wake_of(i, 1, false, &start);
    bw_buf_init(&payload, 1 << 20);
    bw_wire_put_wakes(&payload, wakes, 6);
    assert_int_equal(handle(BW_FRAME_WAKES, &payload, &type), BW_ERR_OK);
    bw_buf_deinit(&payload);
    assert_int_equal(taken.calls, 5);
    assert_ok(bw_wire_get_results(bw_buf_str(&answer), &arena, &results, &count, &error), &error);
    for (size_t i = 0; i < count; i++)
        taken.runs[taken.count++] = results[i].run.bytes[3];
    assert_int_equal(taken.count, 6);
    assert_memory_equal(taken.runs, ((uint8_t[]){0, 1, 2, 3, 4, 5}), 6);
    assert_true(count > 0 && count < 6);
}

static void test_a_release_that_was_not_sent_is_asked_for(void **state)
{
    struct bw_delivery start = start_delivery();
    struct bw_wake wake = wake_of(1, 1, false, &start);
    (void)state;
    assert_int_equal(send_wakes(&wake, 1)->status, BW_TURN_NO_RELEASE);
}

static void test_an_evicted_run_is_replayed_from_its_journal(void **state)
{
    struct bw_delivery start = start_delivery(), outcome = outcome_delivery();
    struct bw_wake wake = wake_of(1, 1, false, &start);
    struct bw_buf row, payload;
    struct bw_id id = run_id(1);
    uint8_t type;
    (void)state;
    send_release();
    struct bw_turn_result *results = send_wakes(&wake, 1);
    struct bw_turn_record record = {.at = {1000},
                                    .deliveries = &start,
                                    .delivery_count = 1,
                                    .commands = results->commands,
                                    .command_count = results->command_count};
    bw_buf_init(&row, 1 << 20);
    bw_wire_put_turn(&row, &record);
    bw_buf_init(&payload, 1 << 20);
    bw_wire_put_evict(&payload, &id, 1);
    assert_int_equal(handle(BW_FRAME_EVICT, &payload, &type), BW_ERR_OK);
    wake = wake_of(1, 2, true, &outcome);
    assert_int_equal(send_wakes(&wake, 1)->status, BW_TURN_MISSING);
    struct bw_str rows[] = {bw_buf_str(&row)};
    wake = wake_of(1, 2, false, &outcome);
    wake.replay = rows;
    wake.replay_count = 1;
    assert_int_equal(send_wakes(&wake, 1)->status, BW_TURN_DONE);
    bw_buf_deinit(&row);
    bw_buf_deinit(&payload);
}

static void test_a_resident_run_at_another_turn_is_missing(void **state)
{
    struct bw_delivery start = start_delivery(), outcome = outcome_delivery();
    struct bw_wake wake = wake_of(1, 1, false, &start);
    (void)state;
    send_release();
    (void)send_wakes(&wake, 1);
    wake = wake_of(1, 3, true, &outcome);
    assert_int_equal(send_wakes(&wake, 1)->status, BW_TURN_MISSING);
}

static void test_a_memory_cap_below_the_sandbox_is_memory(void **state)
{
    struct bw_delivery start = start_delivery();
    struct bw_wake wake = wake_of(1, 1, false, &start);
    (void)state;
    send_release();
    wake.memory_bytes_max = 5000;
    assert_int_equal(send_wakes(&wake, 1)->status, BW_TURN_MEMORY);
}

static void test_frames_that_make_no_sense_are_corrupt(void **state)
{
    struct bw_delivery start = start_delivery();
    struct bw_wake wakes[] = {wake_of(1, 1, false, &start), wake_of(1, 1, false, &start)};
    struct bw_buf payload;
    uint8_t type;
    (void)state;
    send_release();
    bw_buf_init(&payload, 1 << 20);
    assert_int_equal(handle(99, &payload, &type), BW_ERR_CORRUPT);
    bw_buf_put_text(&payload, "nonsense");
    assert_int_equal(handle(BW_FRAME_WAKES, &payload, &type), BW_ERR_CORRUPT);
    assert_int_equal(handle(BW_FRAME_RELEASE, &payload, &type), BW_ERR_CORRUPT);
    assert_int_equal(handle(BW_FRAME_EVICT, &payload, &type), BW_ERR_CORRUPT);
    bw_buf_clear(&payload);
    bw_wire_put_wakes(&payload, wakes, 2);
    assert_int_equal(handle(BW_FRAME_WAKES, &payload, &type), BW_ERR_CORRUPT);
    bw_buf_deinit(&payload);
}

/* --- the process */

static void read_exactly(int fd, void *bytes, size_t len)
{
    for (size_t at = 0; at < len;) {
        ssize_t got = read(fd, (char *)bytes + at, len - at);
        assert_true(got > 0);
        at += (size_t)got;
    }
}

static void read_frame(int fd, uint8_t *type, struct bw_buf *payload)
{
    uint8_t head[BW_WIRE_FRAME_HEAD_LEN];

    read_exactly(fd, head, sizeof head);
    size_t len =
        ((size_t)head[0] << 24 | (size_t)head[1] << 16 | (size_t)head[2] << 8 | head[3]) - 1;
    *type = head[4];
    bw_buf_clear(payload);
    read_exactly(fd, bw_buf_extend(payload, len), len);
}

/* Sanitizers need system calls that the filter forbids: builds with them have everything but the
 * filter. */
static void assert_locked_down(pid_t pid)
{
    char path[64], line[256];
    bool has_filter = false, has_no_new_privs = false;

    (void)snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
    FILE *status = fopen(path, "r");
    assert_non_null(status);
    while (fgets(line, sizeof line, status)) {
        has_filter = has_filter || strcmp(line, "Seccomp:\t2\n") == 0;
        has_no_new_privs = has_no_new_privs || strcmp(line, "NoNewPrivs:\t1\n") == 0;
    }
    (void)fclose(status);
    assert_true(has_no_new_privs);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__clang__) && defined(__x86_64__)
    assert_true(has_filter);
#else
    (void)has_filter;
#endif
}

static void test_the_host_process_says_hello_runs_turns_and_ends_with_its_socket(void **state)
{
    struct bw_delivery start = start_delivery();
    struct bw_wake wake = wake_of(1, 1, false, &start);
    struct bw_buf frames, payload;
    struct bw_error error;
    struct bw_hello hello;
    char path[1024];
    int fds[2], status;
    uint8_t type;
    (void)state;
    const char *root = getenv("BW_BINARY_DIR");
    (void)snprintf(path, sizeof path, "%s/libexec/billow-host", root ? root : ".");
    if (access(path, X_OK) != 0)
        skip();
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    pid_t pid = fork();
    if (pid == 0) {
        (void)dup2(fds[1], 3);
        for (int fd = 4; fd < 64; fd++)
            (void)close(fd);
        char *const argv[] = {path, NULL}, *const env[] = {NULL};
        (void)execve(path, argv, env);
        _exit(127);
    }
    (void)close(fds[1]);
    bw_buf_init(&frames, 1 << 20);
    bw_buf_init(&payload, 1 << 20);
    bw_wire_put_release(&payload, &release);
    bw_wire_put_frame(&frames, BW_FRAME_RELEASE, bw_buf_str(&payload));
    bw_buf_clear(&payload);
    bw_wire_put_wakes(&payload, &wake, 1);
    bw_wire_put_frame(&frames, BW_FRAME_WAKES, bw_buf_str(&payload));
    assert_int_equal(write(fds[0], frames.ptr, frames.len), frames.len);
    read_frame(fds[0], &type, &payload);
    assert_int_equal(type, BW_FRAME_HELLO);
    assert_ok(bw_wire_get_hello(bw_buf_str(&payload), &hello, &error), &error);
    assert_int_equal(hello.wire_version, BW_WIRE_FRAMES_VERSION);
    read_frame(fds[0], &type, &payload);
    assert_int_equal(type, BW_FRAME_RESULTS);
    struct bw_turn_result *results;
    size_t count;
    assert_ok(bw_wire_get_results(bw_buf_str(&payload), &arena, &results, &count, &error), &error);
    assert_int_equal(results->status, BW_TURN_WAITING);
    assert_locked_down(pid);
    (void)close(fds[0]);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    bw_buf_deinit(&frames);
    bw_buf_deinit(&payload);
}

/* The first run of a workflow makes its state by itself; the next ones get copies of a template. */
static void test_runs_are_the_same_with_a_state_of_their_own_and_with_a_copy(void **state)
{
    struct bw_delivery start = start_delivery(), outcome = outcome_delivery();
    struct bw_turn_result first, *next;
    struct bw_str command;

    (void)state;
    send_release();
    struct bw_wake wake = wake_of(1, 1, false, &start);
    first = *send_wakes(&wake, 1);
    assert_int_equal(first.status, BW_TURN_WAITING);
    assert_int_equal(first.command_count, 1);
    command = bw_arena_copy(&arena, first.commands[0].args);
    for (uint8_t n = 2; n < 6; n++) {
        wake = wake_of(n, 1, false, &start);
        next = send_wakes(&wake, 1);
        assert_int_equal(next->status, BW_TURN_WAITING);
        assert_int_equal(next->command_count, 1);
        assert_true(bw_str_eq(next->commands[0].args, command));
        assert_int_equal(next->pending_count, 1);
        assert_true(next->steps <= first.steps + 1000);       /* loading the library is free */
        assert_true(next->memory_bytes < first.memory_bytes); /* what loading leaves behind */
    }
    for (uint8_t n = 5; n >= 1; n--) { /* each knows its own */
        wake = wake_of(n, 2, true, &outcome);
        assert_int_equal(send_wakes(&wake, 1)->status, BW_TURN_DONE);
    }
}

/* The nursery's hosts have the library; releases over it need not bring it. */
static void test_a_release_over_the_library_runs(void **state)
{
    struct bw_delivery start = start_delivery();
    struct bw_wake wake = wake_of(1, 1, false, &start);
    struct bw_buf payload;
    uint8_t type;

    (void)state;
    bw_buf_init(&payload, 1 << 20);
    bw_wire_put_release_over(&payload, &release, &release);
    assert_true(payload.len < file.bytes.len); /* it is not in there */
    assert_int_equal(handle(BW_FRAME_RELEASE_OVER, &payload, &type), BW_ERR_CORRUPT);

    struct bw_release *library = bw_release_create_library(&release);
    assert_true(bw_release_prepare(library, 0)); /* compiled ahead, as a nursery does */
    assert_false(bw_release_prepare(library, 1));
    bw_hostlet_destroy(hostlet);
    hostlet = bw_hostlet_create_over(&release, library);
    assert_int_equal(handle(BW_FRAME_RELEASE_OVER, &payload, &type), BW_ERR_OK);
    assert_int_equal(send_wakes(&wake, 1)->status, BW_TURN_WAITING);
    bw_hostlet_destroy(hostlet);
    hostlet = bw_hostlet_create();
    bw_release_drop(library);
    bw_buf_deinit(&payload);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_a_run_starts_stays_resident_and_ends),
        TEST(test_several_runs_in_one_frame_are_kept_apart),
        TEST(test_results_may_leave_while_the_frame_is_worked_on_each_once_and_in_order),
        TEST(test_a_release_that_was_not_sent_is_asked_for),
        TEST(test_an_evicted_run_is_replayed_from_its_journal),
        TEST(test_a_resident_run_at_another_turn_is_missing),
        TEST(test_a_memory_cap_below_the_sandbox_is_memory),
        TEST(test_runs_are_the_same_with_a_state_of_their_own_and_with_a_copy),
        TEST(test_a_release_over_the_library_runs),
        TEST(test_frames_that_make_no_sense_are_corrupt),
        TEST(test_the_host_process_says_hello_runs_turns_and_ends_with_its_socket),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
