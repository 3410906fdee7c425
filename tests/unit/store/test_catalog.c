/* test_catalog.c - what the database's own catalog says about walls between tenants, rights, and
 * tables that are rewritten all the time: it lists offenders by name. */
#include "support/store/fixture.h"

#include "base/buf.h"

#include <stdio.h>

#define F struct store_fixture *f = *state

static void test_every_table_of_tenants_has_forced_row_security(void **state)
{
    F;
    assert_string_equal(
        fixture_sql(
            f,
            "SELECT coalesce(string_agg(c.oid::regclass::text, ' '), '') FROM pg_class c"
            " WHERE c.relnamespace::regnamespace::text IN ('billow', 'billing') AND c.relkind = 'r'"
            " AND c.relname NOT IN ('lease', 'fence', 'node', 'history', 'blob', 'release', "
            "'release_file', "
            "'migration')"
            " AND NOT (c.relrowsecurity AND c.relforcerowsecurity AND EXISTS (SELECT FROM "
            "pg_policy p"
            "  WHERE p.polrelid = c.oid))"),
        "");
}

static void test_the_audit_record_cannot_be_changed(void **state)
{
    F;
    assert_ok(fixture_write(f, "audit", "{\"actor\":\"dana\",\"action\":\"x\"}"), &f->error);
    assert_string_equal(fixture_sql(f, "SELECT string_agg(privilege_type, ' ' ORDER BY 1) FROM"
                                       " information_schema.role_table_grants WHERE grantee ="
                                       " 'billow_engine' AND table_schema = 'billow'"
                                       " AND table_name = 'audit'"),
                        "INSERT SELECT");
    /* Not even by the owner of the tables. */
    assert_non_null(strstr(fixture_sql(f, "DELETE FROM billow.audit"), "never changed"));
    assert_non_null(strstr(fixture_sql(f, "TRUNCATE billow.audit"), "never changed"));
    assert_non_null(
        strstr(fixture_sql(f, "UPDATE billow.audit SET actor = 'eve'"), "never changed"));
}

/* Tables of the whole installation: no tenant has rows in them. */
#define OF_NO_TENANT                                                                               \
    "('lease', 'fence', 'node', 'history', 'blob', 'release', 'release_file', 'migration')"

/* Two tenants can never meet in a key, and no row can point at another tenant's. */
static void test_tenant_comes_first_in_every_key(void **state)
{
    F;
    assert_string_equal(
        fixture_sql(f, "SELECT coalesce(string_agg(i.indexrelid::regclass::text, ' '), '')"
                       " FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid"
                       " WHERE c.relnamespace::regnamespace::text IN ('billow', 'billing')"
                       " AND c.relname NOT IN " OF_NO_TENANT " AND i.indisunique"
                       " AND c.relname <> 'tenant' AND (SELECT a.attname FROM pg_attribute a"
                       "  WHERE a.attrelid = c.oid AND a.attnum = i.indkey[0])"
                       "  IS DISTINCT FROM 'tenant_id'"),
        "");
    assert_string_equal(
        fixture_sql(f, "SELECT coalesce(string_agg(c.oid::regclass::text, ' '), '')"
                       " FROM pg_class c WHERE c.relkind IN ('r', 'p')"
                       " AND c.relnamespace::regnamespace::text IN ('billow', 'billing')"
                       " AND NOT EXISTS (SELECT FROM pg_index i WHERE i.indrelid = c.oid"
                       "  AND i.indisprimary)"),
        "");
    assert_string_equal(
        fixture_sql(f, "SELECT coalesce(string_agg(k.conname, ' '), '') FROM pg_constraint k"
                       " JOIN pg_class c ON c.oid = k.conrelid WHERE k.contype = 'f'"
                       " AND c.relnamespace::regnamespace::text IN ('billow', 'billing')"
                       " AND c.relname NOT IN " OF_NO_TENANT
                       " AND k.confrelid NOT IN ('billow.release'::regclass,"
                       "  'billow.blob'::regclass) AND NOT EXISTS (SELECT FROM pg_attribute a"
                       "  WHERE a.attrelid = c.oid AND a.attname = 'tenant_id'"
                       "  AND a.attnum = ANY (k.conkey))"),
        "");
}

/* A commit never waits for a partition, and finds one for today and for half a year to come. */
static void test_the_journal_has_room_for_what_comes(void **state)
{
    F;
    assert_string_equal(fixture_sql(f, "SELECT relkind FROM pg_class WHERE oid ="
                                       " 'billow.journal'::regclass"),
                        "p");
    assert_string_equal(
        fixture_sql(f, "SELECT string_agg(c.relname, ' ' ORDER BY c.relname) FROM pg_inherits n"
                       " JOIN pg_class c ON c.oid = n.inhrelid"
                       " WHERE n.inhparent = 'billow.journal'::regclass"
                       " AND c.relname IN ('journal_before', 'journal_other')"),
        "journal_before journal_other");
    assert_string_equal(
        fixture_sql(f, "SELECT count(*) FROM generate_series(1, 2) AS i WHERE to_regclass("
                       " 'billow.journal_' || to_char(date_trunc('quarter', now() AT TIME ZONE"
                       " 'UTC') + i * interval '3 months', 'YYYY\"q\"Q')) IS NOT NULL"),
        "2");
}

/* What is rewritten all the time is cleaned in small steps. */
static void test_hot_tables_are_set_up_for_it(void **state)
{
    F;
    assert_string_equal(
        fixture_sql(f, "SELECT coalesce(string_agg(t, ' '), '') FROM unnest(ARRAY['run', 'inbox',"
                       " 'wait', 'event', 'task', 'lease', 'fence', 'node', 'schedule',"
                       " 'run_detail']) AS t WHERE NOT EXISTS (SELECT FROM pg_class c WHERE c.oid ="
                       "  ('billow.' || t)::regclass AND c.reloptions::text ~ 'fillfactor'"
                       "  AND c.reloptions::text ~ 'autovacuum_vacuum_threshold')"),
        "");
}

/* No function runs with the rights of its owner and a search path of its caller; views show each
 * caller what it may see itself. */
static void test_no_function_or_view_lends_its_rights(void **state)
{
    F;
    assert_string_equal(
        fixture_sql(f, "SELECT coalesce(string_agg(p.oid::regprocedure::text, ' '), '')"
                       " FROM pg_proc p WHERE p.prosecdef"
                       " AND p.pronamespace::regnamespace::text IN ('billow', 'billing')"
                       " AND NOT coalesce(p.proconfig::text, '') ~ 'search_path='"),
        "");
    assert_string_equal(
        fixture_sql(f, "SELECT coalesce(string_agg(c.oid::regclass::text, ' '), '')"
                       " FROM pg_class c WHERE c.relkind = 'v'"
                       " AND c.relnamespace::regnamespace::text IN ('billow', 'billing')"
                       " AND NOT coalesce(c.reloptions::text, '') ~ 'security_invoker=(true|on)'"),
        "");
}

static void test_every_session_has_its_timeouts(void **state)
{
    F;
    assert_ok(fixture_query(f,
                            "select current_setting('idle_in_transaction_session_timeout') as idle,"
                            " current_setting('statement_timeout') <> '0' as has_end,"
                            " current_setting('default_transaction_read_only') as is_read_only",
                            "[]"),
              &f->error);
    assert_string_equal(fixture_json(f, bw_buf_str(&f->value)),
                        "[{\"has_end\":true,\"idle\":\"10s\",\"is_read_only\":\"on\"}]");
}

/* As after a restore: the row was written by another server, or on another timeline. */
static void test_an_engine_finds_that_the_database_has_another_history(void **state)
{
    F;
    static const char *const LOOK = "SELECT billow.look_at_history(%s, %d)";
    char look[2][96], sees[96];
    snprintf(look[0], sizeof look[0], LOOK, "false", 1000);
    snprintf(look[1], sizeof look[1], LOOK, "false", 2000);
    snprintf(sees, sizeof sees, LOOK, "true", 3000);
    assert_string_equal(fixture_sql(f, look[0]), "0");
    (void)fixture_sql(f, "UPDATE billow.history SET timeline = timeline + 1");
    assert_string_equal(fixture_sql(f, sees), "0"); /* who lived through it has told */
    assert_string_equal(fixture_sql(f, look[0]), "0");
    (void)fixture_sql(f, "UPDATE billow.history SET timeline = timeline + 1");
    assert_string_equal(fixture_sql(f, look[0]), "1000");
    assert_string_equal(fixture_sql(f, look[1]), "1000"); /* stays */
    (void)fixture_sql(f, "UPDATE billow.history SET system = 'x'");
    assert_string_equal(fixture_sql(f, look[1]), "2000");
    (void)fixture_sql(f, "UPDATE billow.history SET system = '', timeline = 0"); /* not told then */
    assert_string_equal(fixture_sql(f, look[0]), "2000");
}

#define PG_TEST(name) cmocka_unit_test_setup_teardown(name, fixture_pg, fixture_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        PG_TEST(test_every_table_of_tenants_has_forced_row_security),
        PG_TEST(test_the_audit_record_cannot_be_changed),
        PG_TEST(test_tenant_comes_first_in_every_key),
        PG_TEST(test_the_journal_has_room_for_what_comes),
        PG_TEST(test_hot_tables_are_set_up_for_it),
        PG_TEST(test_no_function_or_view_lends_its_rights),
        PG_TEST(test_every_session_has_its_timeouts),
        PG_TEST(test_an_engine_finds_that_the_database_has_another_history),
    };
    return cmocka_run_group_tests(tests, NULL, fixture_stop_pg);
}
