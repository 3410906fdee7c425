/* test_pgserver.c - the private PostgreSQL.
 *
 * Made, started, adopted, stopped. One database serves all tests; each begins with it stopped.
 */
#include "support/io/fixture.h"

#include "io/pgfind.h"
#include "io/pgserver.h"
#include <errno.h>
#include <libpq-fe.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *dir;
static char state_dir[512];
static struct bw_pgserver *server;
static struct bw_error error;

static enum bw_err open_server(void)
{
    struct bw_pgserver_options options = {.state_dir = state_dir};
    return bw_pgserver_open(&options, &server, &error);
}

static void stop_server(void)
{
    assert_ok(bw_pgserver_close(server, true, &error), &error);
    server = NULL;
}

static int group_setup(void **state)
{
    (void)state;
    dir = io_dir_make();
    snprintf(state_dir, sizeof state_dir, "%s/it's here/.billow", dir);
    return 0;
}

static int group_teardown(void **state)
{
    (void)state;
    io_dir_remove(dir);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    if (server)
        stop_server();
    return 0;
}

/* One value, as text in static memory; an error's text when it fails. */
static const char *query(const char *sql)
{
    static char text[512];
    PGconn *conn = PQconnectdb(bw_pgserver_conninfo(server));
    PGresult *result = PQexec(conn, sql);
    bool has_value = PQresultStatus(result) == PGRES_TUPLES_OK && PQntuples(result) > 0;
    snprintf(text, sizeof text, "%s", has_value ? PQgetvalue(result, 0, 0) : PQerrorMessage(conn));
    PQclear(result);
    PQfinish(conn);
    return text;
}

static void test_the_first_open_makes_a_durable_utf8_database(void **state)
{
    (void)state;
    assert_ok(open_server(), &error);
    assert_true(bw_pgserver_is_new(server));
    assert_false(bw_pgserver_is_adopted(server));
    assert_string_equal(query("select current_database() || ' ' || current_user"), "billow billow");
    assert_string_equal(query("show server_encoding"), "UTF8");
    assert_string_equal(query("select datcollate from pg_database where datname = 'billow'"), "C");
    assert_string_equal(query("show data_checksums"), "on");
    assert_string_equal(query("show fsync"), "on");
    assert_string_equal(query("show synchronous_commit"), "on");
    assert_string_equal(query("show full_page_writes"), "on");
    assert_string_equal(query("show listen_addresses"), "");
    assert_string_equal(query("show timezone"), "UTC");
    query("create table kept as select 42 as n");
}

static void test_what_was_stored_is_there_after_stop_and_start(void **state)
{
    (void)state;
    assert_ok(open_server(), &error);
    assert_false(bw_pgserver_is_new(server));
    assert_string_equal(query("select n from kept"), "42");
}

static void test_a_second_engine_gets_a_conflict_and_disturbs_nothing(void **state)
{
    (void)state;
    struct bw_pgserver_options options = {.state_dir = state_dir};
    struct bw_pgserver *second = NULL;
    char text[64];
    assert_ok(open_server(), &error);
    pid_t pid = bw_pgserver_pid(server);
    assert_err(bw_pgserver_open(&options, &second, &error), CONFLICT);
    snprintf(text, sizeof text, "(process %ld)", (long)getpid());
    assert_non_null(strstr(error.text, text));
    assert_string_equal(query("select n from kept"), "42");
    assert_int_equal(kill(pid, 0), 0);
}

static void test_the_server_of_a_crashed_engine_is_adopted(void **state)
{
    (void)state;
    int ends[2];
    pid_t first = 0;
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    if (child == 0) {
        if (open_server() == BW_ERR_OK)
            first = bw_pgserver_pid(server);
        ssize_t len = write(ends[1], &first, sizeof first);
        (void)len;
        kill(getpid(), SIGKILL);
    }
    assert_int_equal(read(ends[0], &first, sizeof first), sizeof first);
    waitpid(child, NULL, 0);
    close(ends[0]);
    close(ends[1]);
    assert_true(first > 0);
    assert_ok(open_server(), &error);
    assert_true(bw_pgserver_is_adopted(server));
    assert_int_equal(bw_pgserver_pid(server), first);
    assert_string_equal(query("select n from kept"), "42");
    stop_server();
}

static void test_close_without_stop_leaves_it_running_for_the_next(void **state)
{
    (void)state;
    assert_ok(open_server(), &error);
    pid_t pid = bw_pgserver_pid(server);
    assert_ok(bw_pgserver_close(server, false, &error), &error);
    assert_ok(open_server(), &error);
    assert_true(bw_pgserver_is_adopted(server));
    assert_int_equal(bw_pgserver_pid(server), pid);
}

static void test_stop_ends_the_server(void **state)
{
    (void)state;
    assert_ok(open_server(), &error);
    pid_t pid = bw_pgserver_pid(server);
    stop_server();
    assert_int_equal(kill(pid, 0), -1);
    assert_int_equal(errno, ESRCH);
}

static void test_a_pid_file_with_the_number_of_another_process_does_not_stop_it(void **state)
{
    (void)state;
    char path[600];
    snprintf(path, sizeof path, "%s/pg/data/postmaster.pid", state_dir);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fprintf(file, "%ld\n%s/pg/data\n1\n5432\n/tmp\n\n  0 0\nready   \n", (long)getpid(), state_dir);
    fclose(file);
    assert_ok(open_server(), &error);
    assert_false(bw_pgserver_is_adopted(server));
    assert_string_equal(query("select n from kept"), "42");
}

static void test_a_killed_server_recovers_at_the_next_open(void **state)
{
    (void)state;
    assert_ok(open_server(), &error);
    query("insert into kept values (43)");
    kill(bw_pgserver_pid(server), SIGKILL);
    stop_server();
    assert_ok(open_server(), &error);
    assert_string_equal(query("select sum(n) from kept"), "85");
}

static void test_a_server_that_cannot_start_shows_the_end_of_its_log(void **state)
{
    (void)state;
    char path[600];
    snprintf(path, sizeof path, "%s/pg/data/local.conf", state_dir);
    FILE *file = fopen(path, "a");
    assert_non_null(file);
    fprintf(file, "no_such_setting = 1\n");
    fclose(file);
    assert_err(open_server(), UNAVAILABLE);
    assert_non_null(strstr(error.text, "no_such_setting"));
    assert_non_null(strstr(error.text, "postgres.log"));
    server = NULL;
}

#define TEST(name) cmocka_unit_test_teardown(name, teardown)

int main(void)
{
    struct bw_pgfind found;
    if (bw_pgfind(NULL, 0, &found, &error)) {
        print_message("skipped: %s\n", error.text);
        return TEST_SKIPPED;
    }
    const struct CMUnitTest tests[] = {
        TEST(test_the_first_open_makes_a_durable_utf8_database),
        TEST(test_what_was_stored_is_there_after_stop_and_start),
        TEST(test_a_second_engine_gets_a_conflict_and_disturbs_nothing),
        TEST(test_the_server_of_a_crashed_engine_is_adopted),
        TEST(test_close_without_stop_leaves_it_running_for_the_next),
        TEST(test_stop_ends_the_server),
        TEST(test_a_pid_file_with_the_number_of_another_process_does_not_stop_it),
        TEST(test_a_killed_server_recovers_at_the_next_open),
        TEST(test_a_server_that_cannot_start_shows_the_end_of_its_log),
    };
    return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
