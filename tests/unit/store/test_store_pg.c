/* test_store_pg.c - what only the real database can do: lose connections, restart, refuse, keep
 * scripts behind their walls. */
#include "support/store/fixture.h"

#include "io/loop.h"
#include "store/migrate.h"
#include <libpq-fe.h>
#include <stdio.h>

#define F struct store_fixture *f = *state

static const char *uuid(struct bw_id id)
{
    static char text[4][BW_ID_TEXT_LEN + 1];
    static int at;
    at = (at + 1) % 4;
    bw_id_print(id, text[at]);
    return text[at];
}

/* The statement with every ? replaced by the id in quotes. */
static const char *sql_of(struct store_fixture *f, const char *text, struct bw_id id)
{
    char sql[2000];
    size_t len = 0;
    for (; *text; text++) {
        if (*text == '?')
            len += (size_t)snprintf(sql + len, sizeof sql - len, "'%s'", uuid(id));
        else
            sql[len++] = *text;
        assert_true(len < sizeof sql - 64);
    }
    sql[len] = '\0';
    return fixture_sql(f, sql);
}

/* --- Connections ----------------------------------------------------------------------------- */

static void test_a_commit_whose_answer_is_lost_is_found_and_not_repeated(void **state)
{
    F;
    struct bw_id run = fixture_start(f, NULL);
    struct bw_turn_commit warm =
        fixture_turn(f, run, 0, "one"); /* the lane is connected and prepared now */
    assert_int_equal(fixture_commit(f, &warm), BW_COMMIT_DONE);
    struct bw_turn_commit turn = fixture_turn(f, run, 1, "two");
    struct bw_str note = fixture_value(f, "{\"kind\":\"once\"}");
    turn.notes = &note, turn.note_count = 1;

    fixture_mark(f);
    struct fixture_session *rival = fixture_session_open();
    char sql[200];
    snprintf(sql, sizeof sql, "BEGIN; SELECT 1 FROM billow.run WHERE run_id = '%s' FOR UPDATE",
             uuid(run));
    fixture_session_run(rival, sql);
    fixture_commit_begin(f, &turn, 1);
    fixture_send(f);
    fixture_session_run(rival, "COMMIT");
    fixture_session_close(rival);
    while (strcmp(sql_of(f, "SELECT count(*) FROM billow.journal WHERE run_id = ?", run), "2") != 0)
        ;
    fixture_cut(f);
    fixture_until(f, &f->is_done);
    assert_int_equal(f->results[0].status, BW_COMMIT_DONE);
    assert_string_equal(sql_of(f, "SELECT count(*) FROM billow.note WHERE run_id = ?", run), "1");
    assert_ok(fixture_load(f, run), &f->error);
    assert_int_equal(f->loaded.turn_count, 2);
}

static void test_a_commit_that_died_with_its_connection_is_sent_again(void **state)
{
    F;
    struct bw_id run = fixture_start(f, NULL);
    struct bw_turn_commit warm = fixture_turn(f, run, 0, "one");
    assert_int_equal(fixture_commit(f, &warm), BW_COMMIT_DONE);
    struct bw_turn_commit turn = fixture_turn(f, run, 1, "two");
    fixture_mark(f);
    struct fixture_session *rival = fixture_session_open();
    char sql[200];
    snprintf(sql, sizeof sql, "BEGIN; SELECT 1 FROM billow.run WHERE run_id = '%s' FOR UPDATE",
             uuid(run));
    fixture_session_run(rival, sql);
    fixture_commit_begin(f, &turn, 1);
    fixture_send(f);
    /* The session that waits for the lock is ended; nothing of it is there. */
    while (
        strcmp(fixture_sql(
                   f, "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
                      " WHERE application_name LIKE 'billow commit%' AND wait_event_type = 'Lock'"),
               "1") != 0)
        ;
    fixture_session_run(rival, "COMMIT");
    fixture_session_close(rival);
    fixture_until(f, &f->is_done);
    assert_int_equal(f->results[0].status, BW_COMMIT_DONE);
    assert_ok(fixture_load(f, run), &f->error);
    assert_int_equal(f->loaded.turn_count, 2);
    assert_str(f->loaded.turns[1], "two");
}

static void test_the_old_session_is_ended_before_its_commit_is_looked_up(void **state)
{
    F;
    struct bw_id run = fixture_start(f, NULL);
    struct bw_turn_commit warm = fixture_turn(f, run, 0, "one");
    assert_int_equal(fixture_commit(f, &warm), BW_COMMIT_DONE);
    struct bw_turn_commit turn = fixture_turn(f, run, 1, "two");
    fixture_mark(f);
    struct fixture_session *rival = fixture_session_open();
    char sql[200];
    snprintf(sql, sizeof sql, "BEGIN; SELECT 1 FROM billow.run WHERE run_id = '%s' FOR UPDATE",
             uuid(run));
    fixture_session_run(rival, sql);
    fixture_commit_begin(f, &turn, 1);
    fixture_send(f);
    while (
        strcmp(fixture_sql(
                   f, "SELECT count(*) FROM pg_stat_activity"
                      " WHERE application_name LIKE 'billow commit%' AND wait_event_type = 'Lock'"),
               "1") != 0)
        ;
    /* We lose the connection while the server still waits for the lock: it would commit later,
     * behind our back. */
    fixture_cut(f);
    for (int i = 0;
         i < 200 &&
         strcmp(fixture_sql(f, "SELECT count(*) FROM pg_stat_activity WHERE application_name"
                               " LIKE 'billow commit%.1' AND wait_event_type = 'Lock'"),
                "0") != 0;
         i++)
        fixture_send(f);
    fixture_session_run(rival, "COMMIT");
    fixture_session_close(rival);
    fixture_until(f, &f->is_done);
    assert_int_equal(f->results[0].status, BW_COMMIT_DONE);
    assert_ok(fixture_load(f, run), &f->error);
    assert_int_equal(f->loaded.turn_count, 2);
}

/* Its process sent a part of a unit and stopped: the server waits for the rest, with all locks. */
static void test_who_stopped_within_a_unit_does_not_hold_up_the_next_owner(void **state)
{
    F;
    char conninfo[512];
    snprintf(conninfo, sizeof conninfo, "%s application_name='billow commit stopped'",
             fixture_engine_conninfo());
    PGconn *stopped = PQconnectdb(conninfo);
    assert_int_equal(PQstatus(stopped), CONNECTION_OK);
    assert_int_equal(PQenterPipelineMode(stopped), 1);
    assert_int_equal(PQsendQueryParams(stopped,
                                       "SELECT count(*) FROM (SELECT FROM billow.fence"
                                       " FOR SHARE) AS f",
                                       0, NULL, NULL, NULL, NULL, 0),
                     1);
    assert_int_equal(PQsendFlushRequest(stopped), 1);
    PGresult *result = PQgetResult(stopped);
    assert_int_equal(PQresultStatus(result), PGRES_TUPLES_OK);
    PQclear(result);

    assert_int_equal(fixture_lease(f, "next", 60000, true), BW_ERR_OK);
    assert_int_equal(f->lease_count, BW_SHARD_COUNT);
    while (PQconsumeInput(stopped) == 1)
        ;
    assert_int_equal(PQstatus(stopped), CONNECTION_BAD);
    PQfinish(stopped);
}

static void test_a_restart_of_the_server_loses_nothing(void **state)
{
    F;
    struct bw_id runs[8];
    struct bw_turn_commit commits[8];
    for (int i = 0; i < 8; i++) {
        runs[i] = fixture_start(f, NULL);
        commits[i] = fixture_turn(f, runs[i], 0, "turn");
    }
    fixture_commit_begin(f, commits, 8);
    fixture_send(f);
    fixture_restart_pg();
    fixture_until(f, &f->is_done);
    for (int i = 0; i < 8; i++) {
        assert_int_equal(f->results[i].status, BW_COMMIT_DONE);
        assert_ok(fixture_load(f, runs[i]), &f->error);
        assert_int_equal(f->loaded.turn_count, 1);
    }
}

static void test_a_start_survives_a_cut(void **state)
{
    F;
    struct bw_id warm = fixture_start(f, NULL);
    (void)warm;
    fixture_mark(f);
    fixture_cut(f);
    struct bw_id run = fixture_start(f, "after the cut");
    assert_ok(fixture_load(f, run), &f->error);
}

static void test_without_a_database_reads_are_unavailable(void **state)
{
    F;
    struct bw_store good = f->store;
    bw_store_pg_open(&f->store,
                     &(struct bw_store_pg_options){.loop = bw_loop_uv(f->loop),
                                                   .conninfo = "host=/nowhere dbname=none",
                                                   .clock = &f->clock});
    assert_int_equal(fixture_load(f, fixture_id(f)), BW_ERR_UNAVAILABLE);
    assert_non_null(strstr(f->error.text, "/nowhere"));
    bool is_closed = false;
    f->store.close(f->store.self, fixture_set_flag, &is_closed);
    fixture_until(f, &is_closed);
    f->store = good;
}

static void test_close_answers_what_is_pending(void **state)
{
    F;
    struct bw_store good = f->store;
    struct bw_turn_commit turn = fixture_turn(f, fixture_id(f), 0, "never");
    bool is_closed = false;
    bw_store_pg_open(&f->store,
                     &(struct bw_store_pg_options){.loop = bw_loop_uv(f->loop),
                                                   .conninfo = "host=/nowhere dbname=none",
                                                   .clock = &f->clock});
    fixture_commit_begin(f, &turn, 1);
    f->store.close(f->store.self, fixture_set_flag, &is_closed);
    assert_false(f->is_done);
    fixture_until(f, &is_closed);
    assert_true(f->is_done);
    assert_int_equal(f->results[0].status, BW_COMMIT_CONFLICT);
    assert_int_equal(f->results[0].error.code, BW_ERR_CANCELLED);
    f->store = good;
}

/* --- Refusals -------------------------------------------------------------------------------- */

static void test_only_the_guilty_member_of_a_group_is_refused(void **state)
{
    F;
    struct bw_turn_commit commits[7];
    struct bw_id runs[7];
    (void)fixture_sql(
        f, "ALTER TABLE billow.inbox ADD CONSTRAINT no_tea CHECK (key <> 'tea') NOT VALID");
    struct bw_id target = fixture_start(f, NULL);
    struct bw_message message = {.tenant = f->tenant,
                                 .run = target,
                                 .key = BW_STR("tea"),
                                 .kind = BW_MESSAGE_OUTCOME,
                                 .seq = 1,
                                 .value = fixture_value(f, "1")};
    for (int i = 0; i < 7; i++) {
        runs[i] = fixture_start(f, NULL);
        commits[i] = fixture_turn(f, runs[i], 0, "turn");
    }
    commits[4].messages = &message, commits[4].message_count = 1;
    fixture_commit_all(f, commits, 7);
    for (int i = 0; i < 7; i++) {
        assert_int_equal(f->results[i].status, i == 4 ? BW_COMMIT_REFUSED : BW_COMMIT_DONE);
        assert_ok(fixture_load(f, runs[i]), &f->error);
        assert_int_equal(f->loaded.turn_count, i == 4 ? 0 : 1);
    }
    assert_non_null(strstr(f->results[4].error.text, "no_tea"));
    (void)fixture_sql(f, "ALTER TABLE billow.inbox DROP CONSTRAINT no_tea");
}

static void test_a_full_disk_is_waited_out(void **state)
{
    F;
    struct bw_id run = fixture_start(f, NULL);
    sql_of(f,
           "CREATE OR REPLACE FUNCTION pg_temp_full() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
           " RAISE EXCEPTION 'could not extend file' USING ERRCODE = '53100'; END $$;"
           "CREATE TRIGGER full_disk BEFORE INSERT ON billow.journal FOR EACH ROW WHEN (NEW.run_id "
           "= ?)"
           " EXECUTE FUNCTION pg_temp_full()",
           run);
    struct bw_turn_commit turn = fixture_turn(f, run, 0, "turn");
    fixture_commit_begin(f, &turn, 1);
    for (int i = 0; i < 20; i++) {
        fixture_rest(f);
        assert_false(f->is_done);
    }
    fixture_sql(f, "DROP TRIGGER full_disk ON billow.journal; DROP FUNCTION pg_temp_full()");
    fixture_until(f, &f->is_done);
    assert_int_equal(f->results[0].status, BW_COMMIT_DONE);
}

/* The database rolls a group back because of others: the turns are tried again, none is lost, and
 * none is taken for refused. */
static void test_turns_rolled_back_by_a_deadlock_are_tried_again(void **state)
{
    F;
    static const char *const SQLSTATES[] = {"40001", "40P01"};
    for (size_t i = 0; i < 2; i++) {
        struct bw_turn_commit commits[3];
        char sql[600];
        for (int k = 0; k < 3; k++)
            commits[k] = fixture_turn(f, fixture_start(f, NULL), 0, "turn");
        /* A sequence forgets nothing in a rollback: the first three attempts fail. */
        snprintf(
            sql, sizeof sql,
            "CREATE SEQUENCE billow.attempts; CREATE FUNCTION rival() RETURNS trigger LANGUAGE "
            "plpgsql SECURITY DEFINER AS $$ BEGIN IF nextval('billow.attempts') <= 3 THEN"
            " RAISE EXCEPTION 'rolled back' USING ERRCODE = '%s'; END IF; RETURN NEW; END $$;"
            "CREATE TRIGGER rival BEFORE INSERT ON billow.journal FOR EACH ROW"
            " EXECUTE FUNCTION rival()",
            SQLSTATES[i]);
        fixture_sql(f, sql);
        fixture_commit_all(f, commits, 3);
        fixture_sql(f, "DROP TRIGGER rival ON billow.journal; DROP FUNCTION rival();"
                       "DROP SEQUENCE billow.attempts");
        for (int k = 0; k < 3; k++) {
            if (f->results[k].status != BW_COMMIT_DONE)
                fail_msg("%s", f->results[k].error.text);
            assert_ok(fixture_load(f, commits[k].run), &f->error);
            assert_int_equal(f->loaded.turn_count, 1);
        }
    }
}

/* --- Events between two nodes ---------------------------------------------------------------- */

static void count_commit(void *ud, const struct bw_commit_result *results, size_t count)
{
    assert_int_equal(count, 1);
    assert_int_equal(results[0].status, BW_COMMIT_DONE);
    ++*(int *)ud;
}

static void count_done(void *ud, const struct bw_error *error)
{
    assert_int_equal(error->code, BW_ERR_OK);
    ++*(int *)ud;
}

static void test_an_event_and_its_wait_at_the_same_moment_find_each_other(void **state)
{
    F;
    enum { PAIRS = 60 };
    struct bw_id runs[PAIRS];
    int answers = 0;
    for (int i = 0; i < PAIRS; i++)
        runs[i] = fixture_start(f, NULL);
    for (int i = 0; i < PAIRS; i++) {
        char key[16];
        snprintf(key, sizeof key, "%d", i);
        struct bw_turn_commit turn = fixture_turn(f, runs[i], 0, "waits");
        struct bw_wait wait = {.seq = 1, .topic = BW_STR("race"), .key = bw_str_of(key)};
        struct bw_event event = {.tenant = f->tenant,
                                 .topic = BW_STR("race"),
                                 .key = bw_str_of(key),
                                 .id = BW_STR("e"),
                                 .body = fixture_value(f, "1")};
        turn.waits = &wait, turn.wait_count = 1;
        f->store.commit(f->store.self, &turn, 1, count_commit, &answers);
        f->store.put_event(f->store.self, &event, count_done, &answers);
    }
    while (answers < 2 * PAIRS)
        bw_loop_step(f->loop);
    for (int i = 0; i < PAIRS; i++) {
        assert_ok(fixture_load(f, runs[i]), &f->error);
        assert_non_null(fixture_unread(f, "event:1"));
    }
}

/* --- Scripts behind their walls -------------------------------------------------------------- */

static const char *work(struct store_fixture *f, struct bw_id run, uint64_t head,
                        const char *statements)
{
    struct bw_turn_commit turn = fixture_turn(f, run, head, "works");
    struct bw_db_work db_work = {.seq = head + 1, .statements = fixture_value(f, statements)};
    char key[32];
    turn.db_works = &db_work, turn.db_work_count = 1;
    assert_int_equal(fixture_commit(f, &turn), BW_COMMIT_DONE);
    snprintf(key, sizeof key, "tx:%llu", (unsigned long long)head + 1);
    assert_ok(fixture_load(f, run), &f->error);
    assert_non_null(fixture_unread(f, key));
    return fixture_unread(f, key);
}

#define DOCUMENT                                                                                   \
    "insert into billing.document (kind, id, version, body, digest) values ('customer', $1, 1, "   \
    "$2::jsonb, 'd')"

static void test_a_transaction_writes_with_its_turn(void **state)
{
    F;
    struct bw_id run = fixture_start(f, NULL);
    const char *rows = work(f, run, 0,
                            "[{\"name\":\"put\",\"sql\":\"" DOCUMENT
                            " returning id, body, 1.50::numeric as price\","
                            "\"params\":[\"CU-1\",{\"limit\":1234.560}],\"expect\":\"one\"}]");
    assert_string_equal(rows, "[[{\"body\":{\"limit\":1234.560},\"id\":\"CU-1\",\"price\":1.50}]]");
    assert_ok(fixture_query(f, "select id, body from billing.document where id = $1", "[\"CU-1\"]"),
              &f->error);
    assert_string_equal(fixture_json(f, bw_buf_str(&f->value)),
                        "[{\"body\":{\"limit\":1234.560},\"id\":\"CU-1\"}]");
}

static void test_a_failed_transaction_undoes_its_statements_and_nothing_else(void **state)
{
    F;
    struct bw_id run = fixture_start(f, NULL);
    const char *outcome =
        work(f, run, 0,
             "[{\"name\":\"put\",\"sql\":\"" DOCUMENT "\",\"params\":[\"CU-2\",{}]},"
             "{\"name\":\"again\",\"sql\":\"" DOCUMENT "\",\"params\":[\"CU-2\",{}]}]");
    assert_non_null(strstr(outcome, "\"code\":\"CONFLICT\""));
    assert_non_null(strstr(outcome, "\"constraint\":\"document_pkey\""));
    assert_non_null(strstr(outcome, "\"statement\":\"again\""));
    assert_non_null(strstr(outcome, "\"sqlstate\":\"23505\""));
    assert_int_equal(f->loaded.row.head, 1);
    assert_ok(fixture_query(f, "select id from billing.document where id = 'CU-2'", "[]"),
              &f->error);
    assert_string_equal(fixture_json(f, bw_buf_str(&f->value)), "[]");
}

static void test_an_expectation_that_is_not_met_is_an_error(void **state)
{
    F;
    struct bw_id run = fixture_start(f, NULL);
    const char *outcome =
        work(f, run, 0,
             "[{\"name\":\"touch\",\"sql\":\"update billing.exception set message = 'x'\","
             "\"expect\":\"one\"}]");
    assert_non_null(strstr(outcome, "touch: 0 rows where one was expected"));
    assert_non_null(strstr(outcome, "CONFLICT"));
    assert_string_equal(
        work(f, run, 1,
             "[{\"name\":\"touch\",\"sql\":\"update billing.exception set message = 'x'\","
             "\"expect\":0}]"),
        "[[]]");
}

static void test_constraints_checked_at_commit_are_the_outcome_of_the_work(void **state)
{
    F;
    struct bw_id run = fixture_start(f, NULL);
    const char *outcome =
        work(f, run, 0,
             "[{\"name\":\"line\",\"sql\":\"insert into billing.invoice_line (invoice_id, line_id, "
             "component,"
             " description_key, quantity, unit_code, unit_price, net_amount, tax_category)"
             " values ('no such invoice', '1', 'time', 'd', 1, 'HUR', 1, 1, 'S')\"}]");
    assert_non_null(strstr(outcome, "\"sqlstate\":\"23503\""));
    assert_int_equal(f->loaded.row.head, 1);
}

static void test_a_script_sees_its_tenant_only(void **state)
{
    F;
    struct bw_id run = fixture_start(f, NULL);
    work(f, run, 0, "[{\"name\":\"put\",\"sql\":\"" DOCUMENT "\",\"params\":[\"wall\",{}]}]");
    struct bw_id mine = f->tenant;
    f->tenant = fixture_id(f);
    assert_ok(fixture_query(f, "select id from billing.document where id = 'wall'", "[]"),
              &f->error);
    assert_string_equal(fixture_json(f, bw_buf_str(&f->value)), "[]");
    f->tenant = mine;
    char statements[600];
    snprintf(statements, sizeof statements,
             "[{\"name\":\"other\",\"sql\":\"insert into billing.document (tenant_id, kind, id, "
             "version, body, digest)"
             " values ($1::uuid, 'customer', 'x', 1, '{}', 'd')\",\"params\":[\"%s\"]}]",
             uuid(fixture_id(f)));
    assert_non_null(strstr(work(f, run, 1, statements), "\"code\":\"FORBIDDEN\""));
}

static void test_a_script_reaches_nothing_of_the_engine(void **state)
{
    F;
    static const char *const attempts[] = {
        "select * from billow.run",
        "select * from billow.journal",
        "select billow.take_number(null, null, 'inv', '2026-01-01', null, 0)",
        "select billow.script_query(null, 'select 1', null, 1)",
        "with x as (select 1) insert into billow.audit select * from x returning 1",
        "select \"set_config\"('billow.tenant', 'x', true)",
        "select pg_catalog.set_config('billow.tenant', 'x', true)",
        "select query_to_xml('select 1', true, true, '')",
        "select pg_advisory_lock(1)",
        "select pg_sleep(100)",
        "select lo_creat(-1)",
        "select pg_read_file('/etc/passwd')",
        "select * from pg_authid",
    };
    for (size_t i = 0; i < sizeof attempts / sizeof *attempts; i++) {
        enum bw_err code = fixture_query(f, attempts[i], "[]");
        if (code != BW_ERR_FORBIDDEN && code != BW_ERR_INVALID)
            fail_msg("%s: %s", attempts[i], bw_err_name(code));
    }
    /* Without the guard of the text, the server itself still refuses. */
    const char *refused =
        fixture_sql(f, "SET SESSION AUTHORIZATION billow_engine;"
                       "SELECT billow.script_query('00000000-0000-7000-8000-000000000000',"
                       " 'select set_config(''billow.tenant'', "
                       "''00000000-0000-7000-8000-000000000001'', true)', '{}', 10)");
    assert_non_null(strstr(refused, "permission denied"));
    refused = fixture_sql(f, "SET SESSION AUTHORIZATION billow_engine;"
                             "SELECT billow.script_query('00000000-0000-7000-8000-000000000000', "
                             "'select 1; select 2', '{}', 10)");
    assert_non_null(strstr(refused, "cannot open multi-query plan"));
}

static void test_a_query_cannot_write_and_ends_in_time(void **state)
{
    F;
    assert_int_equal(
        fixture_query(f, "with x as (" DOCUMENT " returning id) select id from x", "[\"CU\",{}]"),
        BW_ERR_INVALID);
    assert_int_equal(
        fixture_query(f, "select count(*) from generate_series(1, 1000000000) a", "[]"),
        BW_ERR_TIMEOUT);
    assert_int_equal(fixture_query(f, "select n from generate_series(1, 100001) n", "[]"),
                     BW_ERR_LIMIT);
    assert_int_equal(fixture_query(f, "select no_such_column", "[]"), BW_ERR_INVALID);
    assert_non_null(strstr(f->error.text, "test.query"));
}

static void test_values_keep_their_digits_both_ways(void **state)
{
    F;
    assert_ok(fixture_query(
                  f,
                  "select $1 as text, $2::numeric as dec, $3::bigint as int, $4::boolean as yes, "
                  "$5 as none,"
                  " $6::jsonb as map, $7 as quoted, date '2026-10-31' as day",
                  "[\"a\",12.3400,9007199254740993,true,null,{\"amount\":0.10},\"q\\\"\\\\{},'\"]"),
              &f->error);
    assert_string_equal(fixture_json(f, bw_buf_str(&f->value)),
                        "[{\"day\":\"2026-10-31\",\"dec\":12.3400,\"int\":9007199254740993,\"map\":"
                        "{\"amount\":0.10},"
                        "\"none\":null,\"quoted\":\"q\\\"\\\\{},'\",\"text\":\"a\",\"yes\":true}]");
    assert_int_equal(
        fixture_query(f, "select 1234567890123456789012345678901234567::numeric as n", "[]"),
        BW_ERR_INVALID);
}

static void test_two_lanes_take_numbers_without_a_gap(void **state)
{
    F;
    enum { TAKERS = 40 };
    assert_ok(fixture_write(f, "series", "{\"series\":\"inv\",\"format\":\"{SEQ:4}\"}"), &f->error);
    int answers = 0;
    for (int i = 0; i < TAKERS; i++) {
        struct bw_turn_commit turn = fixture_turn(f, fixture_start(f, NULL), 0, "takes");
        /* Every third one fails after it took its number. */
        struct bw_db_work db_work = {
            .seq = 1,
            .statements = fixture_value(f, i % 3 ? "[{\"number\":\"inv\",\"date\":\"2026-10-31\"}]"
                                                 : "[{\"number\":\"inv\",\"date\":\"2026-10-31\"},"
                                                   "{\"name\":\"fail\",\"sql\":\"select 1/0\"}]")};
        turn.db_works = &db_work, turn.db_work_count = 1;
        f->store.commit(f->store.self, &turn, 1, count_commit, &answers);
    }
    while (answers < TAKERS)
        bw_loop_step(f->loop);
    assert_string_equal(sql_of(f,
                               "SELECT count(*) || ' ' || min(sequence) || ' ' || max(sequence) "
                               "FROM billow.number_used"
                               " WHERE tenant_id = ?",
                               f->tenant),
                        "26 1 26");
}

/* --- Migration ------------------------------------------------------------------------------- */

enum { LIST_MAX = 64 };

struct migrated {
    bool is_done;
    struct bw_error error;
};

static void on_migrated(void *ud, const struct bw_error *error)
{
    struct migrated *migrated = ud;
    migrated->error = *error;
    migrated->is_done = true;
}

static enum bw_err migrate(struct store_fixture *f, const struct bw_migration *list, size_t count,
                           struct bw_error *error)
{
    struct migrated migrated = {0};
    bw_migrate(bw_loop_uv(f->loop), fixture_admin_conninfo(), list, count, NULL, on_migrated,
               &migrated);
    fixture_until(f, &migrated.is_done);
    *error = migrated.error;
    return migrated.error.code;
}

static void test_migrating_again_changes_nothing(void **state)
{
    F;
    struct bw_error error;
    assert_ok(migrate(f, bw_migrations, bw_migration_count, &error), &error);
    assert_ok(fixture_migrate(f),
              &f->error); /* as the engine's role, which may not change the schema */
    assert_int_equal(migrate(f, bw_migrations, bw_migration_count - 1, &error), BW_ERR_CONFLICT);
    assert_non_null(strstr(error.text, "newer"));
    struct bw_migration changed[LIST_MAX];
    assert_true(bw_migration_count < LIST_MAX);
    memcpy(changed, bw_migrations, bw_migration_count * sizeof *changed);
    changed[0].checksum = "0";
    assert_int_equal(migrate(f, changed, bw_migration_count, &error), BW_ERR_CONFLICT);
    assert_non_null(strstr(error.text, "changed afterwards"));
}

static void test_a_migration_below_those_that_are_there_is_applied(void **state)
{
    F;
    struct bw_error error;
    struct bw_migration list[LIST_MAX];
    size_t count = bw_migration_count;
    memcpy(list, bw_migrations, count * sizeof *list);
    assert_int_equal(list[count - 1].number > 50, true);
    size_t at = 1;
    while (list[at].number < 50)
        at++;
    memmove(list + at + 1, list + at, (count - at) * sizeof *list);
    list[at] = (struct bw_migration){50, "0050_late", "0", "CREATE TABLE billow.late (x int)"};
    assert_ok(migrate(f, list, count + 1, &error), &error);
    assert_string_equal(fixture_sql(f, "SELECT to_regclass('billow.late') IS NOT NULL"), "t");
    assert_ok(migrate(f, list, count + 1, &error), &error); /* once */
    fixture_sql(f, "DROP TABLE billow.late");
    fixture_sql(f, "DELETE FROM billow.migration WHERE number = 50");
}

static void test_a_migration_that_fails_leaves_nothing(void **state)
{
    F;
    struct bw_error error;
    struct bw_migration list[LIST_MAX];
    memcpy(list, bw_migrations, bw_migration_count * sizeof *list);
    list[bw_migration_count] = (struct bw_migration){
        9000, "9000_bad", "0", "CREATE TABLE billow.half (x int); SELECT 1/0"};
    assert_int_equal(migrate(f, list, bw_migration_count + 1, &error), BW_ERR_INVALID);
    assert_non_null(strstr(error.text, "9000_bad"));
    assert_string_equal(fixture_sql(f, "SELECT to_regclass('billow.half') IS NULL"), "t");
}

/* --- A firing, and a setting, whose answer is lost. */

struct fired {
    bool is_done;
    enum bw_err code;
};

static void on_written(void *ud, const struct bw_error *error)
{
    assert_int_equal(error->code, BW_ERR_OK);
    *(bool *)ud = true;
}

static void on_fired(void *ud, const struct bw_error *error, struct bw_id run, bool is_new)
{
    struct fired *fired = ud;
    (void)run;
    (void)is_new;
    fired->is_done = true;
    fired->code = error->code;
}

static void test_a_firing_whose_answer_is_lost_starts_one_run(void **state)
{
    F;
    struct fired fired = {0};
    assert_ok(fixture_write(f, "schedule",
                            "{\"name\":\"lost\",\"spec\":1,\"next_due_us\":1,\"wake_at_us\":1}"),
              &f->error); /* the connection is there, too */
    struct bw_run_row run = fixture_row(f, "tm", "schedule/lost@1");
    struct bw_schedule_fire fire = {
        .tenant = f->tenant, .name = BW_STR("lost"), .version = 1, .runs = &run, .run_count = 1};
    fixture_mark(f);
    f->store.fire_schedule(f->store.self, &fire, on_fired, &fired);
    fixture_send(f);
    while (strcmp(sql_of(f, "SELECT count(*) FROM billow.run WHERE run_id = ?", run.id), "1") != 0)
        ;
    fixture_cut(f);
    fixture_until(f, &fired.is_done);
    /* Told either way; the engine then looks for the run (core/schedules.c). */
    assert_true(fired.code == BW_ERR_OK || fired.code == BW_ERR_CONFLICT);
    assert_string_equal(
        sql_of(f, "SELECT count(*) FROM billow.run_detail WHERE tenant_id = ?", f->tenant), "1");
    assert_string_equal(sql_of(f,
                               "SELECT version::text || fired FROM billow.schedule"
                               " WHERE tenant_id = ?",
                               f->tenant),
                        "21");
}

static void test_a_setting_whose_answer_is_lost_is_recorded_once(void **state)
{
    F;
    bool is_done = false;
    assert_ok(fixture_read(f, "audit", "{}"), &f->error);
    struct bw_str args =
        fixture_value(f, "{\"policy\":\"p\",\"name\":\"n\",\"value\":1,\"scope_type\":\"tenant\","
                         "\"valid_from\":\"2026-01-01\",\"set_by\":\"dana\"}");
    fixture_mark(f);
    f->store.write(f->store.self, f->tenant, BW_STR("setting"), args, on_written, &is_done);
    fixture_send(f);
    while (strcmp(sql_of(f, "SELECT count(*) FROM billow.policy_setting WHERE tenant_id = ?",
                         f->tenant),
                  "1") != 0)
        ;
    fixture_cut(f);
    fixture_until(f, &is_done);
    assert_string_equal(
        sql_of(f, "SELECT count(*) FROM billow.audit WHERE tenant_id = ?", f->tenant), "1");
}

#define PG_TEST(name) cmocka_unit_test_setup_teardown(name, fixture_pg, fixture_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        PG_TEST(test_a_commit_whose_answer_is_lost_is_found_and_not_repeated),
        PG_TEST(test_a_commit_that_died_with_its_connection_is_sent_again),
        PG_TEST(test_the_old_session_is_ended_before_its_commit_is_looked_up),
        PG_TEST(test_who_stopped_within_a_unit_does_not_hold_up_the_next_owner),
        PG_TEST(test_a_restart_of_the_server_loses_nothing),
        PG_TEST(test_a_start_survives_a_cut),
        PG_TEST(test_without_a_database_reads_are_unavailable),
        PG_TEST(test_close_answers_what_is_pending),
        PG_TEST(test_only_the_guilty_member_of_a_group_is_refused),
        PG_TEST(test_a_full_disk_is_waited_out),
        PG_TEST(test_turns_rolled_back_by_a_deadlock_are_tried_again),
        PG_TEST(test_an_event_and_its_wait_at_the_same_moment_find_each_other),
        PG_TEST(test_a_transaction_writes_with_its_turn),
        PG_TEST(test_a_failed_transaction_undoes_its_statements_and_nothing_else),
        PG_TEST(test_an_expectation_that_is_not_met_is_an_error),
        PG_TEST(test_constraints_checked_at_commit_are_the_outcome_of_the_work),
        PG_TEST(test_a_script_sees_its_tenant_only),
        PG_TEST(test_a_script_reaches_nothing_of_the_engine),
        PG_TEST(test_a_query_cannot_write_and_ends_in_time),
        PG_TEST(test_values_keep_their_digits_both_ways),
        PG_TEST(test_two_lanes_take_numbers_without_a_gap),
        PG_TEST(test_migrating_again_changes_nothing),
        PG_TEST(test_a_migration_below_those_that_are_there_is_applied),
        PG_TEST(test_a_migration_that_fails_leaves_nothing),
        PG_TEST(test_a_firing_whose_answer_is_lost_starts_one_run),
        PG_TEST(test_a_setting_whose_answer_is_lost_is_recorded_once),
    };
    return cmocka_run_group_tests(tests, NULL, fixture_stop_pg);
}
