/* test_sql_guard.c - what the guard lets through, and how it rewrites it. */
#include "support/test.h"

#include "store/sql_guard.h"

static struct bw_buf out;
static struct bw_sql sql;
static struct bw_error error;

static enum bw_err prepare(const char *text, size_t params)
{
    bw_buf_deinit(&out);
    bw_buf_init(&out, 1u << 20);
    return bw_sql_prepare(bw_str_of(text), params, &out, &sql, &error);
}

static void test_parameters_become_members_of_one_array(void **state)
{
    (void)state;
    assert_ok(prepare("select $1::date, $12 from t where a$1 = $2", 12), &error);
    assert_str(bw_buf_str(&out), "select ($1)[1]::date, ($1)[12] from t where a$1 = ($1)[2]");
    assert_int_equal(prepare("select $3", 2), BW_ERR_INVALID);
    assert_non_null(strstr(error.text, "$3"));
    assert_int_equal(prepare("select $0", 2), BW_ERR_INVALID);
    assert_int_equal(prepare("select $99999999999999999999", 2), BW_ERR_INVALID);
}

static void test_what_is_quoted_is_left_alone(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "select '$1; drop', \"$2;\" from t",
        "select 'it''s $1'",
        "select E'\\'$1;' as x",
        "select $$ $1; $$, $tag$ $1 ; $$ $tag$",
        "select 1 -- $1; set_config\n",
        "select 1 /* $1; /* nested; */ still */ + 2",
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        assert_ok(prepare(texts[i], 0), &error);
        assert_str(bw_buf_str(&out), texts[i]);
    }
}

static void test_one_statement_of_the_allowed_kinds(void **state)
{
    (void)state;
    static const char *const refused[] = {
        "",
        "  -- nothing\n",
        "drop table t",
        "set role postgres",
        "begin",
        "copy t from '/etc/passwd'",
        "do $$ begin end $$",
        "call p()",
        "explain select 1",
        "select 1; select 2",
        "select 1;; ",
        "with x as (select 1)",
        "select 'open",
        "select \"open",
        "select $$ open",
        "select /* open",
        "select U&'\\0041'",
        "select U&\"\\0041\" from t",
    };
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        if (prepare(refused[i], 0) != BW_ERR_INVALID)
            fail_msg("%s", refused[i]);
    }
    assert_ok(prepare("select 1 ; -- the end\n", 0), &error);
    assert_str(bw_buf_str(&out), "select 1 ");
    assert_ok(prepare("SELECT 1", 0), &error);
    assert_ok(prepare("values (1)", 0), &error);
    assert_int_equal(bw_sql_prepare(bw_str("select 1\0", 9), 0, &out, &sql, &error),
                     BW_ERR_INVALID);
}

static void test_it_tells_reads_from_changes(void **state)
{
    (void)state;
    assert_ok(prepare("select 1", 0), &error);
    assert_true(sql.is_read && sql.is_returning);
    assert_ok(prepare("with x as (delete from t returning a) select * from x", 0), &error);
    assert_true(sql.is_read); /* the server's read-only transaction refuses the rest */
    assert_ok(prepare("with x as (select 1) insert into t select * from x returning a", 0), &error);
    assert_false(sql.is_read);
    assert_true(sql.is_returning);
    assert_ok(prepare("delete from t where a in (select 'returning')", 0), &error);
    assert_false(sql.is_returning);
    assert_str(bw_buf_str(&out), "delete from t where a in (select 'returning')\nreturning 1");
    assert_ok(prepare("update t set a = 1 -- a comment", 0), &error);
    assert_str(bw_buf_str(&out), "update t set a = 1 -- a comment\nreturning 1");
}

static void test_functions_that_reach_past_the_statement_are_refused(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "select set_config('billow.tenant', '', true)",
        "select SET_CONFIG('a', 'b', true)",
        "select \"set_config\"('a', 'b', true)",
        "select pg_catalog . set_config('a', 'b', true)",
        "select pg_advisory_xact_lock(1)",
        "select pg_sleep(1)",
        "select lo_import('/etc/passwd')",
        "select * from query_to_xml('select 1', true, true, '')",
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        if (prepare(texts[i], 0) != BW_ERR_FORBIDDEN)
            fail_msg("%s", texts[i]);
    }
}

static int end(void **state)
{
    (void)state;
    bw_buf_deinit(&out);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parameters_become_members_of_one_array),
        cmocka_unit_test(test_what_is_quoted_is_left_alone),
        cmocka_unit_test(test_one_statement_of_the_allowed_kinds),
        cmocka_unit_test(test_it_tells_reads_from_changes),
        cmocka_unit_test(test_functions_that_reach_past_the_statement_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, end);
}
