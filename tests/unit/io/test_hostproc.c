/* test_hostproc.c - a host in a process of its own.
 *
 * The child is this program again, in the role its name says.
 */
#include "support/io/fixture.h"

#include "base/mem.h"
#include "codec/wire.h"
#include "io/hostproc.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define HOST_FD 3

/* --- the child's side */

static bool read_all(char *bytes, size_t len)
{
    while (len > 0) {
        ssize_t got = read(HOST_FD, bytes, len);
        if (got <= 0)
            return false;
        bytes += got;
        len -= (size_t)got;
    }
    return true;
}

static bool write_all(const char *bytes, size_t len)
{
    while (len > 0) {
        ssize_t put = write(HOST_FD, bytes, len);
        if (put <= 0)
            return false;
        bytes += put;
        len -= (size_t)put;
    }
    return true;
}

static uint32_t read_length(const char *head)
{
    const unsigned char *b = (const unsigned char *)head;
    return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
}

static int echo_frames(void)
{
    char head[4];
    while (read_all(head, 4)) {
        uint32_t len = read_length(head);
        char *frame = malloc(len);
        if (!frame || !read_all(frame, len))
            return 1;
        bool ok = write_all(head, 4) && write_all(frame, len);
        free(frame);
        if (!ok)
            return 1;
    }
    return 0;
}

static int tell_surroundings(void)
{
    extern char **environ;
    char text[128];
    int fds = 0;
    for (int fd = 0; fd < 256; fd++)
        fds += fcntl(fd, F_GETFD) >= 0;
    int len = snprintf(text + 5, sizeof text - 5, "env=%d fds=%d", environ[0] != NULL, fds);
    text[0] = text[1] = text[2] = 0;
    text[3] = (char)(len + 1);
    text[4] = BW_FRAME_RESULTS;
    write_all(text, (size_t)len + 5);
    pause();
    return 0;
}

static int run_child(const char *role)
{
    char byte;
    if (strcmp(role, "echo") == 0)
        return echo_frames();
    if (strcmp(role, "surroundings") == 0)
        return tell_surroundings();
    if (strcmp(role, "die") == 0) { /* at the first frame */
        read_all(&byte, 1);
        fprintf(stderr, "cannot go on\n");
        return 3;
    }
    if (strcmp(role, "die-at-once") == 0)
        return 4;
    if (strcmp(role, "babble") == 0) {
        write_all("\xff\xff\xff\xff\xff", 5);
        pause();
    }
    if (strcmp(role, "hang") == 0)
        pause();
    return 99;
}

/* --- the test's side */

static struct bw_loop *loop;
static struct bw_hostproc *proc;
static char program[512];
static int frames, losses;
static bool is_answered, is_lost;
static struct bw_buf got;
static char reason[BW_ERROR_TEXT_MAX];

static void on_frame(void *ud, uint8_t type, struct bw_str payload)
{
    (void)ud;
    frames++;
    is_answered = true;
    bw_buf_put_u8(&got, type);
    bw_buf_put_str(&got, payload);
}

static void on_lost(void *ud, const char *why)
{
    (void)ud;
    losses++;
    is_lost = true;
    snprintf(reason, sizeof reason, "%s", why);
}

static int setup(void **state)
{
    (void)state;
    loop = bw_loop_create();
    bw_buf_init(&got, 64u * 1024 * 1024);
    frames = losses = 0;
    is_answered = is_lost = false;
    proc = NULL;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    if (proc)
        bw_hostproc_close(proc);
    bw_loop_destroy(loop);
    bw_buf_deinit(&got);
    return 0;
}

static void open_host(const char *role, size_t queue_bytes_max)
{
    struct bw_hostproc_options options = {
        .program = program, .name = role, .queue_bytes_max = queue_bytes_max};
    struct bw_error error;
    assert_ok(bw_hostproc_create(loop, &options, &proc, &error), &error);
    bw_hostproc_set_callbacks(proc, on_frame, on_lost, NULL);
}

static void test_frames_come_back_whole_and_in_order(void **state)
{
    (void)state;
    open_host("echo", 0);
    for (int i = 0; i < 1000; i++) {
        char text[16];
        snprintf(text, sizeof text, "%03d", i);
        bw_hostproc_send(proc, BW_FRAME_WAKES, bw_str_of(text));
    }
    assert_int_equal(frames, 0); /* nothing happens inside send */
    while (frames < 1000)
        bw_loop_step(loop);
    for (int i = 0; i < 1000; i++) {
        char text[16];
        snprintf(text, sizeof text, "%c%03d", BW_FRAME_WAKES, i);
        assert_memory_equal(got.ptr + i * 4, text, 4);
    }
    assert_int_equal(losses, 0);
}

static void test_a_frame_larger_than_any_buffer_passes(void **state)
{
    (void)state;
    size_t len = 5u * 1024 * 1024;
    char *bytes = bw_xmalloc(len);
    for (size_t i = 0; i < len; i++)
        bytes[i] = (char)(i * 7);
    open_host("echo", 0);
    bw_hostproc_send(proc, BW_FRAME_RELEASE, bw_str(bytes, len));
    bw_hostproc_send(proc, BW_FRAME_WAKES, BW_STR_NONE);
    while (frames < 2)
        bw_loop_step(loop);
    assert_int_equal(got.len, len + 2);
    assert_memory_equal(got.ptr + 1, bytes, len);
    bw_free(bytes);
}

static void test_the_child_has_no_environment_and_four_descriptors(void **state)
{
    (void)state;
    setenv("BILLOW_SECRET_OF_THE_PARENT", "x", 1);
    int leaky = dup(0);
    open_host("surroundings", 0);
    io_wait(loop, &is_answered);
    close(leaky);
    assert_str(bw_str(got.ptr + 1, got.len - 1), "env=0 fds=4");
}

static void test_death_is_reported_with_exit_code_and_last_words(void **state)
{
    (void)state;
    open_host("die", 0);
    pid_t pid = bw_hostproc_pid(proc);
    bw_hostproc_send(proc, BW_FRAME_WAKES, BW_STR("x"));
    io_wait(loop, &is_lost);
    char expected[128];
    snprintf(expected, sizeof expected,
             "die (process %ld) exited with code 3; it wrote: cannot go on", (long)pid);
    assert_string_equal(reason, expected);
    assert_int_equal(losses, 1);
}

static void test_a_killed_host_restarts_and_takes_the_frames_sent_after_the_loss(void **state)
{
    (void)state;
    open_host("echo", 0);
    pid_t pid = bw_hostproc_pid(proc);
    kill(pid, SIGKILL);
    io_wait(loop, &is_lost);
    assert_non_null(strstr(reason, "was killed by signal 9"));
    assert_int_equal(bw_hostproc_pid(proc), 0);
    bw_hostproc_send(proc, BW_FRAME_WAKES, BW_STR("again"));
    io_wait(loop, &is_answered);
    assert_str(bw_str(got.ptr + 1, got.len - 1), "again");
    assert_true(bw_hostproc_pid(proc) != pid);
    assert_int_equal(losses, 1);
}

static void test_a_frame_length_out_of_bounds_is_a_loss(void **state)
{
    (void)state;
    open_host("babble", 0);
    io_wait(loop, &is_lost);
    assert_non_null(strstr(reason, "sent a frame of 4294967295 bytes"));
    assert_int_equal(frames, 0);
}

static void test_a_host_that_takes_no_frames_is_a_loss(void **state)
{
    (void)state;
    static char bytes[64 * 1024];
    open_host("hang", 1024 * 1024);
    for (int i = 0; i < 100; i++)
        bw_hostproc_send(proc, BW_FRAME_WAKES, bw_str(bytes, sizeof bytes));
    assert_int_equal(losses, 0); /* not from inside send */
    io_wait(loop, &is_lost);
    assert_non_null(strstr(reason, "does not take its frames"));
}

static void test_a_host_that_dies_at_each_start_is_started_again_and_again(void **state)
{
    (void)state;
    open_host("die-at-once", 0);
    while (losses < 3)
        bw_loop_step(loop);
    assert_non_null(strstr(reason, "exited with code 4"));
}

static void close_host(void *ud, const char *why)
{
    (void)ud;
    (void)why;
    is_lost = true;
    bw_hostproc_close(proc);
    proc = NULL;
}

static void test_a_host_may_be_closed_inside_on_lost(void **state)
{
    (void)state;
    open_host("die-at-once", 0);
    bw_hostproc_set_callbacks(proc, on_frame, close_host, NULL);
    io_wait(loop, &is_lost);
    assert_null(proc);
}

static void close_host_at_frame(void *ud, uint8_t type, struct bw_str payload)
{
    on_frame(ud, type, payload);
    bw_hostproc_close(proc);
    proc = NULL;
}

static void test_a_host_may_be_closed_inside_on_frame(void **state)
{
    (void)state;
    open_host("echo", 0);
    bw_hostproc_set_callbacks(proc, close_host_at_frame, on_lost, NULL);
    bw_hostproc_send(proc, BW_FRAME_WAKES, BW_STR("1"));
    bw_hostproc_send(proc, BW_FRAME_WAKES, BW_STR("2"));
    io_wait(loop, &is_answered);
    io_settle(loop);
    assert_int_equal(frames, 1);
    assert_int_equal(losses, 0);
}

/* Also one that is stopped: no signal but SIGKILL reaches it. */
static void
test_a_restart_ends_a_stopped_process_and_the_next_frame_starts_a_fresh_one(void **state)
{
    (void)state;
    open_host("echo", 0);
    pid_t old = bw_hostproc_pid(proc);
    assert_int_equal(kill(old, SIGSTOP), 0);
    bw_hostproc_send(proc, BW_FRAME_WAKES, BW_STR("for the old one"));
    bw_hostproc_restart(proc);
    assert_int_equal(kill(old, 0), -1);
    assert_int_equal(errno, ESRCH);
    assert_int_equal(bw_hostproc_pid(proc), 0);
    io_settle(loop);
    assert_int_equal(frames, 0);
    bw_hostproc_send(proc, BW_FRAME_WAKES, BW_STR("for the new one"));
    io_wait(loop, &is_answered);
    assert_int_not_equal(bw_hostproc_pid(proc), old);
    assert_int_equal(frames, 1);
    assert_int_equal(losses, 0);
}

static void test_a_restart_after_a_death_that_was_not_reported_yet_keeps_quiet(void **state)
{
    (void)state;
    open_host("echo", 0);
    bw_hostproc_restart(proc);
    bw_hostproc_restart(proc);
    bw_hostproc_send(proc, BW_FRAME_WAKES, BW_STR("1"));
    bw_hostproc_restart(proc); /* it has not even started */
    bw_hostproc_send(proc, BW_FRAME_WAKES, BW_STR("2"));
    io_wait(loop, &is_answered);
    assert_int_equal(frames, 1);
    assert_int_equal(losses, 0);
}

static void test_close_kills_the_child(void **state)
{
    (void)state;
    open_host("echo", 0);
    pid_t pid = bw_hostproc_pid(proc);
    bw_hostproc_close(proc);
    proc = NULL;
    assert_int_equal(kill(pid, 0), -1);
    assert_int_equal(errno, ESRCH);
}

static void test_a_program_that_cannot_start_fails_at_once(void **state)
{
    (void)state;
    struct bw_hostproc_options options = {.program = "/nowhere/billow-host"};
    struct bw_error error;
    assert_err(bw_hostproc_create(loop, &options, &proc, &error), UNAVAILABLE);
    assert_non_null(strstr(error.text, "/nowhere/billow-host"));
    proc = NULL;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(int argc, char **argv)
{
    if (argc == 2)
        return run_child(argv[1]);
    ssize_t len = readlink("/proc/self/exe", program, sizeof program - 1);
    if (len < 0)
        return TEST_SKIPPED;
    const struct CMUnitTest tests[] = {
        TEST(test_frames_come_back_whole_and_in_order),
        TEST(test_a_frame_larger_than_any_buffer_passes),
        TEST(test_the_child_has_no_environment_and_four_descriptors),
        TEST(test_death_is_reported_with_exit_code_and_last_words),
        TEST(test_a_killed_host_restarts_and_takes_the_frames_sent_after_the_loss),
        TEST(test_a_frame_length_out_of_bounds_is_a_loss),
        TEST(test_a_host_that_takes_no_frames_is_a_loss),
        TEST(test_a_host_that_dies_at_each_start_is_started_again_and_again),
        TEST(test_a_host_may_be_closed_inside_on_lost),
        TEST(test_a_host_may_be_closed_inside_on_frame),
        TEST(test_a_restart_ends_a_stopped_process_and_the_next_frame_starts_a_fresh_one),
        TEST(test_a_restart_after_a_death_that_was_not_reported_yet_keeps_quiet),
        TEST(test_close_kills_the_child),
        TEST(test_a_program_that_cannot_start_fails_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
