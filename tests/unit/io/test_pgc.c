/* test_pgc.c - one connection against a private PostgreSQL. */
#include "support/test.h"

#include "io/loop.h"
#include "io/pgc.h"
#include "io/pgserver.h"
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static struct bw_pgserver *server;
static char state_dir[300];

struct answer {
    bool is_done;
    enum bw_pg_status status;
    struct bw_error error;
    char sqlstate[6];
    size_t failed_at;
    size_t count;
    int64_t value; /* of the last statement's first row */
};

static void on_answer(void *ud, const struct bw_pg_outcome *outcome)
{
    struct answer *answer = ud;
    answer->is_done = true;
    answer->status = outcome->status;
    answer->error = outcome->error;
    snprintf(answer->sqlstate, sizeof answer->sqlstate, "%s", outcome->sqlstate);
    answer->failed_at = outcome->failed_at;
    answer->count = outcome->count;
    if (outcome->status == BW_PG_DONE && outcome->count > 0 &&
        bw_pg_rows(outcome->results[outcome->count - 1]) > 0)
        answer->value = bw_pg_int(outcome->results[outcome->count - 1], 0, 0);
}

static struct bw_pgc *connect(struct bw_loop *loop)
{
    return bw_pgc_create(
        bw_loop_uv(loop),
        &(struct bw_pgc_options){.conninfo = bw_pgserver_conninfo(server), .purpose = "test"});
}

static void send(struct bw_pgc *pgc, const struct bw_pg_statement *statements, size_t count,
                 struct answer *answer)
{
    struct bw_pgc_unit *unit = bw_pgc_unit_make();
    for (size_t i = 0; i < count; i++)
        bw_pgc_unit_add(unit, &statements[i]);
    *answer = (struct answer){0};
    bw_pgc_send(pgc, unit, on_answer, answer);
    assert_false(answer->is_done);
}

static void wait_for(struct bw_loop *loop, const struct answer *answer)
{
    while (!answer->is_done)
        bw_loop_step(loop);
}

static void end(struct bw_loop *loop, struct bw_pgc *pgc)
{
    bw_pgc_close(pgc, NULL, NULL);
    bw_loop_destroy(loop);
}

static void test_a_unit_is_one_transaction(void **state)
{
    (void)state;
    struct bw_loop *loop = bw_loop_create();
    struct bw_pgc *pgc = connect(loop);
    static const struct bw_pg_statement make[] = {{NULL, "CREATE TABLE unit (x int)", 0}};
    static const struct bw_pg_statement fails[] = {{NULL, "INSERT INTO unit VALUES (1)", 0},
                                                   {NULL, "SELECT 1/0", 0},
                                                   {NULL, "INSERT INTO unit VALUES (2)", 0}};
    static const struct bw_pg_statement count[] = {{"count_unit", "SELECT count(*) FROM unit", 0}};
    struct answer made;
    struct answer failed;
    struct answer counted;
    send(pgc, make, 1, &made);
    send(pgc, fails, 3, &failed); /* all in flight together */
    send(pgc, count, 1, &counted);
    wait_for(loop, &counted);
    assert_int_equal(made.status, BW_PG_DONE);
    assert_int_equal(failed.status, BW_PG_FAILED);
    assert_string_equal(failed.sqlstate, "22012");
    assert_int_equal(failed.failed_at, 1);
    assert_int_equal(failed.error.code, BW_ERR_INVALID);
    assert_int_equal(counted.status, BW_PG_DONE);
    assert_int_equal(counted.value, 0);
    end(loop, pgc);
}

static void test_a_commit_that_fails_is_told_as_such(void **state)
{
    (void)state;
    struct bw_loop *loop = bw_loop_create();
    struct bw_pgc *pgc = connect(loop);
    static const struct bw_pg_statement make[] = {
        {NULL, "CREATE TABLE late (x int UNIQUE DEFERRABLE INITIALLY DEFERRED)", 0}};
    static const struct bw_pg_statement twice[] = {{"late", "INSERT INTO late VALUES (1)", 0},
                                                   {"late2", "INSERT INTO late VALUES (1)", 0}};
    static const struct bw_pg_statement count[] = {{"count_late", "SELECT count(*) FROM late", 0}};
    struct answer made;
    struct answer failed;
    struct answer counted;
    send(pgc, make, 1, &made);
    wait_for(loop, &made);
    send(pgc, twice, 2, &failed);
    send(pgc, count, 1, &counted);
    wait_for(loop, &counted);
    assert_int_equal(failed.status, BW_PG_FAILED);
    assert_string_equal(failed.sqlstate, "23505");
    assert_int_equal(failed.failed_at, 2);
    assert_int_equal(counted.value, 0);
    send(pgc, twice, 1, &failed); /* the session goes on, with what it had prepared */
    wait_for(loop, &failed);
    assert_int_equal(failed.status, BW_PG_DONE);
    end(loop, pgc);
}

static void test_a_statement_that_cannot_be_prepared_fails_its_own_unit(void **state)
{
    (void)state;
    struct bw_loop *loop = bw_loop_create();
    struct bw_pgc *pgc = connect(loop);
    static const struct bw_pg_statement missing[] = {{"missing", "SELECT x FROM not_there", 0}};
    static const struct bw_pg_statement one[] = {{"one", "SELECT 1", 0}};
    struct answer failed;
    struct answer good;
    send(pgc, missing, 1, &failed);
    send(pgc, one, 1, &good);
    wait_for(loop, &good);
    assert_int_equal(failed.status, BW_PG_FAILED);
    assert_string_equal(failed.sqlstate, "42P01");
    assert_int_equal(good.value, 1);
    end(loop, pgc);
}

static void test_a_lost_connection_is_told_and_comes_again(void **state)
{
    (void)state;
    struct bw_loop *loop = bw_loop_create();
    struct bw_pgc *pgc = connect(loop);
    static const struct bw_pg_statement suicide[] = {
        {NULL, "SELECT pg_terminate_backend(pg_backend_pid())", 0}};
    static const struct bw_pg_statement one[] = {{"one", "SELECT 1", 0}};
    struct answer lost;
    struct answer good;
    send(pgc, one, 1, &good);
    wait_for(loop, &good);
    int pid = bw_pgc_backend_pid(pgc);
    assert_true(pid > 0);
    send(pgc, suicide, 1, &lost);
    wait_for(loop, &lost);
    assert_int_equal(lost.status, BW_PG_LOST);
    assert_int_equal(lost.error.code, BW_ERR_UNAVAILABLE);
    send(pgc, one, 1, &good);
    wait_for(loop, &good);
    assert_int_equal(good.status, BW_PG_DONE);
    assert_int_not_equal(bw_pgc_backend_pid(pgc), pid);
    end(loop, pgc);
}

static void test_pending_units_are_cancelled_by_close(void **state)
{
    (void)state;
    struct bw_loop *loop = bw_loop_create();
    struct bw_pgc *pgc = connect(loop);
    static const struct bw_pg_statement one[] = {{"one", "SELECT 1", 0}};
    struct answer answer;
    send(pgc, one, 1, &answer);
    bw_pgc_close(pgc, NULL, NULL);
    assert_false(answer.is_done);
    wait_for(loop, &answer);
    assert_int_equal(answer.status, BW_PG_CANCELLED);
    bw_loop_destroy(loop);
}

static void test_integers_of_all_widths_are_read(void **state)
{
    (void)state;
    struct bw_loop *loop = bw_loop_create();
    struct bw_pgc *pgc = connect(loop);
    static const struct bw_pg_statement widths[] = {{"w2", "SELECT (-2)::smallint", 0},
                                                    {"w4", "SELECT (-3)::integer", 0},
                                                    {"w8", "SELECT (-9007199254740993)::bigint", 0},
                                                    {"w1", "SELECT true", 0}};
    static const int64_t expected[] = {-2, -3, INT64_C(-9007199254740993), 1};
    for (size_t i = 0; i < 4; i++) {
        struct answer answer;
        send(pgc, &widths[i], 1, &answer);
        wait_for(loop, &answer);
        assert_int_equal(answer.value, expected[i]);
    }
    end(loop, pgc);
}

static void test_states_have_their_meaning(void **state)
{
    (void)state;
    assert_int_equal(bw_pg_err_of("23505"), BW_ERR_CONFLICT);
    assert_int_equal(bw_pg_err_of("23514"), BW_ERR_INVALID);
    assert_int_equal(bw_pg_err_of("42501"), BW_ERR_FORBIDDEN);
    assert_int_equal(bw_pg_err_of("53100"), BW_ERR_UNAVAILABLE);
    assert_int_equal(bw_pg_err_of("57014"), BW_ERR_TIMEOUT);
    assert_int_equal(bw_pg_err_of("XX000"), BW_ERR_INTERNAL);
    assert_true(bw_pg_is_transient("40P01"));
    assert_true(bw_pg_is_transient("53100"));
    assert_true(bw_pg_is_transient("57P01"));
    assert_false(bw_pg_is_transient("23505"));
}

static int start_server(void **state)
{
    (void)state;
    struct bw_error error;
    const char *base = getenv("BW_BINARY_DIR");
    snprintf(state_dir, sizeof state_dir, "%.250s/tests/pgc-%ld", base ? base : "/tmp",
             (long)getpid());
    if (bw_pgserver_open(&(struct bw_pgserver_options){.state_dir = state_dir}, &server, &error) ==
        BW_ERR_OK)
        return 0;
    print_error("no PostgreSQL to test with: %s\n", error.text);
    exit(TEST_SKIPPED);
}

static int stop_server(void **state)
{
    (void)state;
    struct bw_error error;
    char command[700];
    assert_ok(bw_pgserver_close(server, true, &error), &error);
    snprintf(command, sizeof command, "rm -rf \"$(readlink -f '%s/pg')\" '%s'", state_dir,
             state_dir);
    return system(command);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_unit_is_one_transaction),
        cmocka_unit_test(test_a_commit_that_fails_is_told_as_such),
        cmocka_unit_test(test_a_statement_that_cannot_be_prepared_fails_its_own_unit),
        cmocka_unit_test(test_a_lost_connection_is_told_and_comes_again),
        cmocka_unit_test(test_pending_units_are_cancelled_by_close),
        cmocka_unit_test(test_integers_of_all_widths_are_read),
        cmocka_unit_test(test_states_have_their_meaning),
    };
    return cmocka_run_group_tests(tests, start_server, stop_server);
}
