/* test_nursery.c - hosts that a nursery bears: children of this process, whose socket answers,
 * and a nursery that dies costs nothing. */
#include "support/test.h"

#include "base/mem.h"
#include "io/nursery.h"
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static struct bw_nursery *nursery;
static struct bw_error error;

static void open_nursery(const char *program)
{
    struct bw_release_file file = {BW_STR("stdlib/a.lua"), BW_STR("return 1")};
    struct bw_release_set library = {.files = &file, .count = 1};
    char path[1024];
    const char *root = getenv("BW_BINARY_DIR");
    (void)snprintf(path, sizeof path, "%s/libexec/billow-host", root ? root : ".");
    bw_wire_release_hash(&file, 1, library.hash);
    struct bw_nursery_options options = {.program = program ? program : path, .library = &library};
    assert_ok(bw_nursery_create(&options, &nursery, &error), &error);
}

static int tear_down(void **state)
{
    (void)state;
    bw_nursery_destroy(nursery);
    nursery = NULL;
    return 0;
}

/* Bears one; its pid, and our end of its socket. */
static pid_t bear(int *fd)
{
    int pair[2];
    pid_t pid = 0;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    assert_ok(bw_nursery_bear(nursery, "host-7", pair[1], STDERR_FILENO, &pid, &error), &error);
    (void)close(pair[1]);
    *fd = pair[0];
    return pid;
}

static void assert_hello(int fd)
{
    char bytes[64];
    uint8_t type;
    struct bw_str payload;
    struct bw_hello hello;
    ssize_t got = read(fd, bytes, sizeof bytes);
    assert_true(got > 0);
    struct bw_str rest = bw_str(bytes, (size_t)got);
    assert_ok(bw_wire_take_frame(&rest, &type, &payload, &error), &error);
    assert_int_equal(type, BW_FRAME_HELLO);
    assert_ok(bw_wire_get_hello(payload, &hello, &error), &error);
    assert_int_equal(hello.wire_version, BW_WIRE_FRAMES_VERSION);
}

/* It ends in order when its socket is closed; only its parent can hear that. */
static void assert_ends(pid_t pid, int fd)
{
    int status;
    (void)close(fd);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static void test_a_host_is_a_child_of_ours_and_answers(void **state)
{
    (void)state;
    int first_fd, second_fd;
    open_nursery(NULL);
    pid_t first = bear(&first_fd), second = bear(&second_fd);
    assert_true(first > 0 && second > 0 && first != second);
    assert_true(first != bw_nursery_pid(nursery));
    assert_hello(first_fd);
    assert_hello(second_fd);
    assert_ends(first, first_fd);
    assert_ends(second, second_fd);
}

static void test_a_host_has_its_name_and_nothing_of_the_engine(void **state)
{
    (void)state;
    int fd;
    char path[64], line[256] = "";
    open_nursery(NULL);
    pid_t pid = bear(&fd);
    assert_hello(fd);
    (void)snprintf(path, sizeof path, "/proc/%ld/cmdline", (long)pid);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    size_t len = fread(line, 1, sizeof line - 1, file);
    (void)fclose(file);
    assert_true(len > strlen(line) + 1);
    assert_string_equal(line + strlen(line) + 1, "host-7");
    (void)snprintf(path, sizeof path, "/proc/%ld/environ", (long)pid);
    file = fopen(path, "r"); /* NULL: not ours to read, which is as good */
    assert_true(!file || fread(line, 1, 1, file) == 0);
    if (file)
        (void)fclose(file);
    assert_ends(pid, fd);
}

static void test_hosts_outlive_their_nursery_and_the_next_one_has_another(void **state)
{
    (void)state;
    int first_fd, second_fd;
    open_nursery(NULL);
    pid_t first = bear(&first_fd), before = bw_nursery_pid(nursery);
    assert_int_equal(kill(before, SIGKILL), 0);
    pid_t second = bear(&second_fd);
    assert_true(bw_nursery_pid(nursery) != before);
    assert_hello(first_fd);
    assert_hello(second_fd);
    assert_ends(first, first_fd);
    assert_ends(second, second_fd);
}

static void test_a_nursery_that_cannot_be_says_why(void **state)
{
    (void)state;
    pid_t pid;
    open_nursery("/nowhere/billow-host");
    assert_err(bw_nursery_bear(nursery, "host-1", 1, 2, &pid, &error), UNAVAILABLE);
    assert_non_null(strstr(error.text, "/nowhere/billow-host"));
    tear_down(NULL);
    open_nursery("/bin/false");
    assert_err(bw_nursery_bear(nursery, "host-1", 1, 2, &pid, &error), UNAVAILABLE);
    assert_non_null(strstr(error.text, "exited with code 1"));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_teardown(name, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_a_host_is_a_child_of_ours_and_answers),
        TEST(test_a_host_has_its_name_and_nothing_of_the_engine),
        TEST(test_hosts_outlive_their_nursery_and_the_next_one_has_another),
        TEST(test_a_nursery_that_cannot_be_says_why),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
