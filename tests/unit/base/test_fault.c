/* test_fault.c - promises of base/fault.h. */
#include "support/test.h"

#include "base/fault.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static int setup(void **state)
{
    (void)state;
    bw_fault_reset();
    return 0;
}

static void test_an_unarmed_point_only_counts(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++)
        assert_false(bw_fault_pass(BW_FAULT_PG_QUERY));
    assert_true(bw_fault_passes(BW_FAULT_PG_QUERY) == 3);
    assert_true(bw_fault_passes(BW_FAULT_ANY) == 3);
    assert_true(bw_fault_passes(BW_FAULT_PG_CONNECT) == 0);
}

static void test_an_armed_point_fails_once_at_its_nth_pass(void **state)
{
    (void)state;
    bw_fault_arm(BW_FAULT_PG_QUERY, 2, BW_FAULT_DO_ERR);
    assert_false(bw_fault_pass(BW_FAULT_PG_QUERY));
    assert_true(bw_fault_pass(BW_FAULT_PG_QUERY));
    assert_false(bw_fault_pass(BW_FAULT_PG_QUERY));
}

static void test_any_counts_all_points_together(void **state)
{
    (void)state;
    assert_true(bw_fault_arm_text("any:2:err"));
    assert_false(bw_fault_pass(BW_FAULT_PG_QUERY));
    assert_true(bw_fault_pass(BW_FAULT_PG_CONNECT));
}

static void test_text_arms_several_points(void **state)
{
    (void)state;
    assert_true(bw_fault_arm_text("pg.query:1:err,pg.connect:1:err"));
    assert_true(bw_fault_pass(BW_FAULT_PG_QUERY));
    assert_true(bw_fault_pass(BW_FAULT_PG_CONNECT));
}

static void test_text_that_is_not_understood_arms_nothing(void **state)
{
    (void)state;
    static const char *const BAD[] = {
        "pg.query",           "pg.query:",           "pg.query:x",          "no.such:1",
        "pg.query:1:explode", "pg.query:1:err,oops", "pg.query:99999999999"};
    for (size_t i = 0; i < sizeof BAD / sizeof *BAD; i++)
        assert_false(bw_fault_arm_text(BAD[i]));
    assert_false(bw_fault_pass(BW_FAULT_PG_QUERY));
}

static void test_kill_ends_the_process_by_sigkill(void **state)
{
    (void)state;
    pid_t child = fork();
    if (child == 0) {
        bw_fault_arm(BW_FAULT_FILE_WRITE, 1, BW_FAULT_DO_KILL);
        bw_fault_pass(BW_FAULT_FILE_WRITE);
        _exit(0);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGKILL);
}

static void test_stop_halts_the_process_until_somebody_lets_it_go_on(void **state)
{
    (void)state;
    pid_t child = fork();
    if (child == 0) {
        bw_fault_arm(BW_FAULT_FILE_WRITE, 1, BW_FAULT_DO_STOP);
        bw_fault_pass(BW_FAULT_FILE_WRITE);
        _exit(7);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, WUNTRACED), child);
    assert_true(WIFSTOPPED(status));
    assert_int_equal(kill(child, SIGCONT), 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 7);
}

static void test_leak_costs_a_descriptor_at_every_pass_from_the_nth(void **state)
{
    (void)state;
    int before = dup(0);
    close(before);
    bw_fault_arm(BW_FAULT_FILE_WRITE, 2, BW_FAULT_DO_LEAK);
    for (int i = 0; i < 4; i++)
        assert_false(bw_fault_pass(BW_FAULT_FILE_WRITE));
    int after = dup(0);
    close(after);
    assert_int_equal(after, before + 3);
}

static void test_the_trace_names_every_pass_in_order(void **state)
{
    (void)state;
    char path[] = "/tmp/test_fault.XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    unsetenv("BILLOW_FAULT");
    setenv("BILLOW_FAULT_TRACE", path, 1);
    assert_true(bw_fault_arm_environment());
    bw_fault_pass(BW_FAULT_PG_QUERY);
    bw_fault_pass(BW_FAULT_FILE_WRITE);
    char text[64] = "";
    ssize_t len = read(fd, text, sizeof text - 1);
    close(fd);
    unlink(path);
    unsetenv("BILLOW_FAULT_TRACE");
#ifdef BW_FAULTS
    assert_true(len > 0);
    assert_string_equal(text, "pg.query\nfile.write\n");
#else
    assert_int_equal(len, 0);
#endif
}

static void test_settings_are_read_only_by_builds_with_fault_points(void **state)
{
    (void)state;
    setenv("BILLOW_TEST_NUMBER", "1200", 1);
#ifdef BW_FAULTS
    assert_int_equal(bw_fault_setting("BILLOW_TEST_NUMBER", 7), 1200);
#else
    assert_int_equal(bw_fault_setting("BILLOW_TEST_NUMBER", 7), 7);
#endif
    setenv("BILLOW_TEST_NUMBER", "12 hours", 1);
    assert_int_equal(bw_fault_setting("BILLOW_TEST_NUMBER", 7), 7);
    unsetenv("BILLOW_TEST_NUMBER");
    assert_int_equal(bw_fault_setting("BILLOW_TEST_NUMBER", 7), 7);
}

static void test_the_environment_arms_only_builds_with_fault_points(void **state)
{
    (void)state;
    unsetenv("BILLOW_FAULT");
    assert_true(bw_fault_arm_environment());
    setenv("BILLOW_FAULT", "pg.query:1:err", 1);
#ifdef BW_FAULTS
    assert_true(bw_fault_arm_environment());
    assert_true(BW_FAULT(PG_QUERY));
#else
    assert_false(bw_fault_arm_environment());
    assert_false(BW_FAULT(PG_QUERY));
#endif
    unsetenv("BILLOW_FAULT");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_an_unarmed_point_only_counts, setup),
        cmocka_unit_test_setup(test_an_armed_point_fails_once_at_its_nth_pass, setup),
        cmocka_unit_test_setup(test_any_counts_all_points_together, setup),
        cmocka_unit_test_setup(test_text_arms_several_points, setup),
        cmocka_unit_test_setup(test_text_that_is_not_understood_arms_nothing, setup),
        cmocka_unit_test_setup(test_kill_ends_the_process_by_sigkill, setup),
        cmocka_unit_test_setup(test_stop_halts_the_process_until_somebody_lets_it_go_on, setup),
        cmocka_unit_test_setup(test_leak_costs_a_descriptor_at_every_pass_from_the_nth, setup),
        cmocka_unit_test_setup(test_the_trace_names_every_pass_in_order, setup),
        cmocka_unit_test_setup(test_settings_are_read_only_by_builds_with_fault_points, setup),
        cmocka_unit_test_setup(test_the_environment_arms_only_builds_with_fault_points, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
