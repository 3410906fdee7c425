/* test_cmd_doctor.c - billow doctor: what it finds, says and exits with. */
#include "support/test.h"

#include "codec/value.h"
#include "edge/cmd.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

struct fixture {
    char dir[64];
    struct bw_cli cli;
    char *text;
    size_t text_len;
};

static int set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);

    snprintf(fixture->dir, sizeof fixture->dir, "/tmp/billow-doctor-XXXXXX");
    assert_non_null(mkdtemp(fixture->dir));
    fixture->cli = (struct bw_cli){.dir = fixture->dir, .actor = "tester"};
    for (size_t i = 0; i < bw_cli_command_count(); i++)
        if (strcmp(bw_cli_command_at(i)->name, "doctor") == 0)
            fixture->cli.command = bw_cli_command_at(i);
    fixture->cli.out = open_memstream(&fixture->text, &fixture->text_len);
    fixture->cli.err = stderr;
    setenv("BILLOW_HOST", "/bin/true", 1); /* a program; the doctor does not start it */
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    char path[128];

    snprintf(path, sizeof path, "%s/.billow/billow.sock", fixture->dir);
    (void)remove(path);
    snprintf(path, sizeof path, "%s/.billow", fixture->dir);
    (void)remove(path);
    (void)remove(fixture->dir);
    unsetenv("BILLOW_PG_BIN");
    fclose(fixture->cli.out);
    free(fixture->text);
    free(fixture);
    return 0;
}

/* The line of a check; NULL when it says nothing. */
static const char *line_of(struct fixture *fixture, const char *start)
{
    fflush(fixture->cli.out);
    const char *found = strstr(fixture->text, start);
    return found;
}

static void test_missing_server_programs_fail_with_what_to_install(void **state)
{
    struct fixture *fixture = *state;
    setenv("BILLOW_PG_BIN", "/nonexistent", 1);
    assert_int_equal(bw_cmd_doctor(&fixture->cli), BW_EXIT_FAILED);
    assert_non_null(line_of(fixture, "FAIL  postgresql"));
    assert_non_null(line_of(fixture, "to mend it: apt-get install postgresql-15"));
}

static void test_server_programs_are_not_needed_with_a_given_database(void **state)
{
    struct fixture *fixture = *state;
    setenv("BILLOW_PG_BIN", "/nonexistent", 1);
    fixture->cli.database = "host=/nonexistent dbname=billow";
    assert_int_equal(bw_cmd_doctor(&fixture->cli), BW_EXIT_FAILED);
    assert_non_null(line_of(fixture, "WARN  postgresql"));
    assert_non_null(line_of(fixture, "FAIL  database"));
}

static void test_a_directory_that_is_not_there_fails(void **state)
{
    struct fixture *fixture = *state;
    fixture->cli.dir = "/nonexistent/billow";
    assert_int_equal(bw_cmd_doctor(&fixture->cli), BW_EXIT_FAILED);
    assert_non_null(line_of(fixture, "FAIL  state"));
}

static void test_a_socket_left_by_a_crash_is_no_failure(void **state)
{
    struct fixture *fixture = *state;
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);

    snprintf(address.sun_path, sizeof address.sun_path, "%s/.billow", fixture->dir);
    assert_int_equal(mkdir(address.sun_path, 0700), 0);
    snprintf(address.sun_path, sizeof address.sun_path, "%s/.billow/billow.sock", fixture->dir);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    close(fd);
    (void)bw_cmd_doctor(&fixture->cli);
    assert_non_null(line_of(fixture, "WARN  engine"));
    assert_non_null(line_of(fixture, "the next start replaces the socket"));
}

static void test_json_names_every_check_with_its_remedy(void **state)
{
    struct fixture *fixture = *state;
    struct bw_buf value;
    struct bw_error error = {0};

    fixture->cli.is_json = true;
    fixture->cli.server = "/nonexistent/billow.sock";
    assert_int_equal(bw_cmd_doctor(&fixture->cli), BW_EXIT_FAILED);
    fflush(fixture->cli.out);
    bw_buf_init(&value, 1 << 20);
    assert_ok(bw_value_from_json(&value, bw_str(fixture->text, fixture->text_len), &error), &error);
    struct bw_value all = bw_value_read(bw_buf_str(&value)), check;
    struct bw_value checks = bw_value_get(&all, "checks");
    assert_false(bw_value_get_bool(&all, "is_fine", true));
    assert_true(checks.count >= 8);
    size_t failures = 0;
    for (struct bw_str rest = checks.items; bw_value_next(&rest, &check);) {
        bool is_ok = bw_str_eq(bw_value_get_str(&check, "level", BW_STR_NONE), BW_STR("OK"));
        assert_true(is_ok == (bw_value_get_str(&check, "remedy", BW_STR_NONE).len == 0));
        failures += bw_str_eq(bw_value_get_str(&check, "level", BW_STR_NONE), BW_STR("FAIL"));
    }
    assert_true(failures >= 1);
    bw_buf_deinit(&value);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_missing_server_programs_fail_with_what_to_install,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_server_programs_are_not_needed_with_a_given_database,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_directory_that_is_not_there_fails, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_a_socket_left_by_a_crash_is_no_failure, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_json_names_every_check_with_its_remedy, set_up,
                                        tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
