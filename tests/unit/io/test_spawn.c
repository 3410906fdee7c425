/* test_spawn.c - starting programs.
 *
 * With nothing of ours, and with an exact reason when it fails.
 */
#include "support/test.h"

#include "io/spawn.h"
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static struct bw_buf output;

static int setup(void **state)
{
    (void)state;
    bw_buf_init(&output, 4096);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    bw_buf_deinit(&output);
    return 0;
}

static int capture(const char *const *argv, struct bw_spawn_options options)
{
    struct bw_error error;
    int status = -1;
    options.argv = argv;
    assert_ok(bw_spawn_capture(&options, &output, &status, &error), &error);
    return status;
}

static void test_output_of_both_streams_and_the_exit_code_are_kept(void **state)
{
    (void)state;
    const char *const argv[] = {"/bin/sh", "-c", "echo out; echo err >&2; exit 3", NULL};
    int status = capture(argv, (struct bw_spawn_options){0});
    char text[64];
    assert_str(bw_buf_str(&output), "out\nerr\n");
    bw_spawn_wait_text(status, text, sizeof text);
    assert_string_equal(text, "exited with code 3");
}

static void test_a_signal_is_named(void **state)
{
    (void)state;
    const char *const argv[] = {"/bin/sh", "-c", "kill -KILL $$", NULL};
    char text[64];
    bw_spawn_wait_text(capture(argv, (struct bw_spawn_options){0}), text, sizeof text);
    assert_string_equal(text, "was killed by signal 9 (Killed)");
}

static void test_the_child_has_no_environment_unless_given(void **state)
{
    (void)state;
    const char *const argv[] = {"/usr/bin/env", NULL};
    const char *const env[] = {"ONE=1", NULL};
    setenv("BILLOW_SECRET_OF_THE_PARENT", "x", 1);
    capture(argv, (struct bw_spawn_options){0});
    assert_str(bw_buf_str(&output), "");
    capture(argv, (struct bw_spawn_options){.env = env});
    assert_str(bw_buf_str(&output), "ONE=1\n");
}

static void test_the_child_has_no_descriptor_of_ours(void **state)
{
    (void)state;
    int leaky = open("/dev/null", O_RDONLY); /* without close-on-exec, as a library might */
    const char *const argv[] = {"/bin/sh", "-c", "for f in /proc/self/fd/*; do echo ${f##*/}; done",
                                NULL};
    capture(argv, (struct bw_spawn_options){0});
    close(leaky);
    /* 0, 1, 2 and the one through which the shell reads the folder. */
    assert_null(strstr(bw_buf_cstr(&output), "4\n"));
    assert_non_null(strstr(bw_buf_cstr(&output), "2\n"));
}

static void test_ignored_signals_are_back_to_normal_in_the_child(void **state)
{
    (void)state;
    signal(SIGPIPE, SIG_IGN);
    const char *const argv[] = {"/bin/sh", "-c", "kill -PIPE $$; echo alive", NULL};
    char text[64];
    bw_spawn_wait_text(capture(argv, (struct bw_spawn_options){0}), text, sizeof text);
    assert_non_null(strstr(text, "signal 13"));
}

static void test_a_program_that_is_not_there_is_reported_by_name(void **state)
{
    (void)state;
    const char *const argv[] = {"/nowhere/billow-host", NULL};
    struct bw_spawn_options options = {.argv = argv};
    struct bw_error error;
    pid_t pid;
    assert_err(bw_spawn(&options, &pid, &error), UNAVAILABLE);
    assert_string_equal(error.text, "cannot start /nowhere/billow-host: No such file or directory");
}

static void test_a_directory_that_is_not_there_is_reported_by_name(void **state)
{
    (void)state;
    const char *const argv[] = {"/bin/true", NULL};
    struct bw_spawn_options options = {.argv = argv, .directory = "/nowhere"};
    struct bw_error error;
    pid_t pid;
    assert_err(bw_spawn(&options, &pid, &error), UNAVAILABLE);
    assert_non_null(strstr(error.text, "cannot enter /nowhere"));
}

static void test_root_becomes_the_server_user_for_good(void **state)
{
    (void)state;
    struct bw_spawn_user user;
    struct bw_error error;
    assert_ok(bw_spawn_server_user(&user, &error), &error);
    const char *const argv[] = {"/bin/sh", "-c", "id -u; id -ru; id -g; id -G", NULL};
    capture(argv, (struct bw_spawn_options){.user = &user});
    char expected[128];
    snprintf(expected, sizeof expected, "%u\n%u\n", (unsigned)user.uid, (unsigned)user.uid);
    assert_non_null(strstr(bw_buf_cstr(&output), expected));
    if (geteuid() == 0) {
        snprintf(expected, sizeof expected, "%u\n%u\n%u\n%u\n", (unsigned)user.uid,
                 (unsigned)user.uid, (unsigned)user.gid, (unsigned)user.gid);
        assert_str(bw_buf_str(&output), expected);
        assert_true(user.uid != 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_output_of_both_streams_and_the_exit_code_are_kept,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_signal_is_named, setup, teardown),
        cmocka_unit_test_setup_teardown(test_the_child_has_no_environment_unless_given, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_the_child_has_no_descriptor_of_ours, setup, teardown),
        cmocka_unit_test_setup_teardown(test_ignored_signals_are_back_to_normal_in_the_child, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_a_program_that_is_not_there_is_reported_by_name, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_a_directory_that_is_not_there_is_reported_by_name,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(test_root_becomes_the_server_user_for_good, setup,
                                        teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
