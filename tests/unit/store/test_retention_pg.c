/* test_retention_pg.c - what only a real database can show about dropping runs: large values,
 * documents, sessions that meet, answers that are lost. The contract is
 * test_contract_retention.c's.
 */
#include "support/store/fixture.h"

#include "base/mem.h"
#include <stdio.h>

#define F struct store_fixture *f = *state

struct given {
    bool is_done;
    enum bw_err code;
    char json[4096];
};

static void on_given(void *ud, const struct bw_error *error, struct bw_str value)
{
    struct given *given = ud;
    struct bw_buf json;
    given->is_done = true;
    given->code = error->code;
    bw_buf_init(&json, sizeof given->json);
    if (error->code == BW_ERR_OK)
        bw_value_to_json(&json, value, BW_JSON_DECIMAL_STRINGS);
    snprintf(given->json, sizeof given->json, "%s",
             error->code == BW_ERR_OK ? bw_buf_cstr(&json) : error->text);
    bw_buf_deinit(&json);
}

static const char *id_text(struct bw_id id)
{
    static char texts[16][BW_ID_TEXT_LEN + 1];
    static size_t at;
    char *text = texts[at++ % 16];
    bw_id_print(id, text);
    return text;
}

/* The question mark is this test's tenant. */
static const char *sql(struct store_fixture *f, const char *text)
{
    static char whole[4000];
    const char *mark = strchr(text, '?');
    snprintf(whole, sizeof whole, "%.*s'%s'%s", (int)(mark - text), text, id_text(f->tenant),
             mark + 1);
    return fixture_sql(f, whole);
}

/* The same with a text in the place of "%s"; of two results both may be used. */
static const char *sql_text(struct store_fixture *f, const char *before, const char *text)
{
    static char results[2][200];
    static size_t at;
    char whole[1000];
    const char *mark = strstr(before, "%s");
    snprintf(whole, sizeof whole, "%.*s%s%s", (int)(mark - before), before, text, mark + 2);
    char *result = results[at++ % 2];
    snprintf(result, sizeof results[0], "%s", fixture_sql(f, whole));
    return result;
}

static struct bw_str drop_args(struct store_fixture *f, struct bw_id run)
{
    char args[300];
    snprintf(args, sizeof args,
             "{\"stamp\":%s,\"by\":\"eve\",\"under\":\"rule 7\",\"runs\":[\"%s\"]}",
             sql(f, "SELECT coalesce((SELECT stamp FROM billow.retention WHERE tenant_id = ?), 0)"),
             id_text(run));
    return fixture_value(f, args);
}

static const char *drop(struct store_fixture *f, struct bw_id run)
{
    static struct given given;
    given = (struct given){0};
    f->store.drop_runs(f->store.self, f->tenant, drop_args(f, run), on_given, &given);
    fixture_until(f, &given.is_done);
    return given.json;
}

static const char *expired(struct store_fixture *f)
{
    static struct given given;
    char args[200];
    given = (struct given){0};
    snprintf(args, sizeof args, "{\"rules\":[{\"before_us\":%lld,\"books_before_us\":%lld}]}",
             (long long)f->now_us + 1, (long long)f->now_us + 1);
    f->store.find_expired(f->store.self, f->tenant, fixture_value(f, args), on_given, &given);
    fixture_until(f, &given.is_done);
    return given.json;
}

static void finish(struct store_fixture *f, struct bw_id run, uint64_t head)
{
    struct bw_turn_commit turn = fixture_turn(f, run, head, "ends");
    turn.status = BW_RUN_DONE, turn.wake = BW_WAKE_NONE;
    assert_int_equal(fixture_commit(f, &turn), BW_COMMIT_DONE);
}

static struct bw_str large(struct store_fixture *f, char c)
{
    struct bw_buf value;
    char *bytes = bw_arena_alloc(&f->arena, 60000);
    memset(bytes, c, 60000);
    bw_buf_init(&value, 70000);
    bw_value_put_str(&value, bw_str(bytes, 60000));
    struct bw_str copy = bw_arena_copy(&f->arena, bw_buf_str(&value));
    bw_buf_deinit(&value);
    return copy;
}

static struct bw_id with_input(struct store_fixture *f, struct bw_str input, bool ends)
{
    struct bw_run_row row = fixture_row(f, "tm", NULL);
    row.input = input;
    assert_ok(fixture_start_row(f, &row), &f->error);
    if (ends)
        finish(f, row.id, 0);
    return row.id;
}

#define CONTENTS "SELECT count(*) FROM billow.value_blob WHERE tenant_id = ?"
#define REFERENCES "SELECT count(*) FROM billow.value_ref WHERE tenant_id = ?"

static void test_a_large_value_goes_with_the_last_run_that_needs_it(void **state)
{
    F;
    struct bw_str shared = large(f, 's');
    struct bw_id first = with_input(f, shared, true);
    struct bw_id open = with_input(f, shared, false);
    struct bw_id own = with_input(f, large(f, 'o'), true);
    assert_string_equal(sql(f, CONTENTS), "2");
    (void)drop(f, first);
    assert_string_equal(sql(f, CONTENTS), "2");
    assert_ok(fixture_load(f, open), &f->error);
    assert_int_equal(f->loaded.row.input.len, shared.len);
    (void)drop(f, own);
    assert_string_equal(sql(f, CONTENTS), "1");
    finish(f, open, 0);
    (void)drop(f, open);
    assert_string_equal(sql(f, CONTENTS), "0");
    assert_string_equal(sql(f, REFERENCES), "0");
}

static void test_values_of_a_taken_event_and_a_checkpoint_go_too(void **state)
{
    F;
    struct bw_id run = with_input(f, fixture_value(f, "{}"), false);
    struct bw_wait wait = {.seq = 1, .topic = BW_STR("t"), .key = BW_STR("k")};
    struct bw_turn_commit turn = fixture_turn(f, run, 0, "waits");
    turn.waits = &wait, turn.wait_count = 1;
    turn.state = large(f, 'c');
    assert_int_equal(fixture_commit(f, &turn), BW_COMMIT_DONE);
    char *json = bw_arena_alloc(&f->arena, 50003);
    memset(json, 'e', 50002);
    json[0] = json[50001] = '"', json[50002] = '\0';
    assert_ok(fixture_event(f, "t", "k", "e-1", json), &f->error);
    assert_string_equal(sql(f, CONTENTS), "2");
    struct bw_str ack = BW_STR("event:1");
    /* The checkpoint: what came before is not replayed any more, and goes with the run. */
    struct bw_turn_commit end = fixture_turn(f, run, 1, "ends");
    end.status = BW_RUN_DONE, end.wake = BW_WAKE_NONE, end.base = 1;
    end.acks = &ack, end.ack_count = 1;
    assert_int_equal(fixture_commit(f, &end), BW_COMMIT_DONE);
    assert_string_equal(drop(f, run), "{\"runs\":1,\"turns\":2}");
    assert_string_equal(sql(f, CONTENTS), "0");
    assert_string_equal(sql(f, REFERENCES), "0");
    assert_string_equal(sql(f, "SELECT count(*) FROM billow.event WHERE tenant_id = ?"), "0");
}

static void test_what_the_audit_record_shows_stays_whole(void **state)
{
    F;
    struct bw_id run = with_input(f, fixture_value(f, "{}"), false);
    struct bw_task task = {.id = fixture_id(f),
                           .seq = 1,
                           .kind = BW_STR("question"),
                           .title = BW_STR("x"),
                           .body = large(f, 'b'),
                           .assignees = fixture_value(f, "[]")};
    struct bw_turn_commit turn = fixture_turn(f, run, 0, "asks");
    turn.tasks = &task, turn.task_count = 1;
    assert_int_equal(fixture_commit(f, &turn), BW_COMMIT_DONE);
    char *json = bw_arena_alloc(&f->arena, 60100);
    int len = snprintf(json, 100, "{\"by\":\"dana\",\"decision\":\"approve\",\"comment\":\"");
    memset(json + len, 'y', 60000);
    memcpy(json + len + 60000, "\"}", 3);
    assert_ok(fixture_answer(f, task.id, json), &f->error);
    finish(f, run, 1);
    assert_string_equal(drop(f, run), "{\"runs\":1,\"turns\":2}");
    assert_string_equal(sql(f, CONTENTS), "1"); /* the answer's; the question is gone */
    assert_ok(fixture_read(f, "audit", "{\"action\":\"task.answer\"}"), &f->error);
    assert_true(f->value.len > 60000);
}

/* An invoice of a run, as far as retention looks at it. */
static void invoice(struct store_fixture *f, struct bw_id run, const char *contract,
                    const char *customer, const char *settled)
{
    char text[3000];
    snprintf(text, sizeof text,
             "SET session_replication_role = replica;"
             "INSERT INTO billing.invoice (tenant_id, id, number, series, type_code, contract_id,"
             " customer_id, period, currency, issue_date, line_extension_amount,"
             " allowance_total_amount, charge_total_amount, tax_exclusive_amount, tax_amount,"
             " payable_amount, run_id, approved_by, approval_digest, body)"
             " VALUES ('%s', '%s', '%s', 's', '380', '%s', '%s', '2026-10', 'EUR', '2026-10-31',"
             " 10, 0, 0, 10, 0, 10, '%s', 'dana', 'x', '{}');"
             "INSERT INTO billing.invoice_balance (tenant_id, invoice_id, payable, settled)"
             " VALUES ('%s', '%s', 10, %s);"
             "INSERT INTO billow.inbox (tenant_id, run_id, key, shard, kind, is_read, seq)"
             " VALUES ('%s', '%s', 'tx:9', 1, 1, true, 9);"
             "SET session_replication_role = origin",
             id_text(f->tenant), id_text(run), id_text(run), contract, customer, id_text(run),
             id_text(f->tenant), id_text(run), settled, id_text(f->tenant), id_text(run));
    (void)fixture_sql(f, text);
}

static void test_a_run_stays_until_its_invoice_is_paid(void **state)
{
    F;
    struct bw_id run = with_input(f, fixture_value(f, "{}"), true);
    invoice(f, run, "C-1", "K-1", "4");
    assert_non_null(strstr(expired(f), "\"documents\":1"));
    assert_string_equal(drop(f, run), "{\"runs\":0,\"turns\":0}");
    (void)sql(f, "UPDATE billing.invoice_balance SET settled = 10 WHERE tenant_id = ?");
    assert_non_null(strstr(expired(f), id_text(run)));
    (void)sql(f, "SET session_replication_role = replica;"
                 "INSERT INTO billing.dispute (tenant_id, id, invoice_id, amount, currency,"
                 " reason_code, owner, raised_by, raised_on, answer_by, run_id)"
                 " SELECT tenant_id, 'd', id, 1, 'EUR', 'x', 'dana', 'bob', now(), now(), run_id"
                 " FROM billing.invoice WHERE tenant_id = ?;"
                 "INSERT INTO billing.dispute_step (tenant_id, dispute_id, position, state, actor,"
                 " run_id) SELECT tenant_id, id, 1, 'raised', 'dana', run_id FROM billing.dispute"
                 " WHERE id = 'd';"
                 "SET session_replication_role = origin");
    assert_non_null(strstr(expired(f), "\"documents\":1"));
    assert_string_equal(drop(f, run), "{\"runs\":0,\"turns\":0}");
}

static void test_a_customer_is_found_by_documents_and_by_contracts(void **state)
{
    F;
    struct bw_id issued = with_input(f, fixture_value(f, "{}"), true);
    struct bw_id agreed = with_input(f, fixture_value(f, "{\"contract\":\"C-2\"}"), true);
    struct bw_id other = with_input(f, fixture_value(f, "{\"contract\":\"C-3\"}"), true);
    invoice(f, issued, "C-1", "K-1", "10");
    (void)sql(f, "INSERT INTO billing.document (tenant_id, kind, id, version, body, digest)"
                 " SELECT ?, 'contract', c, 1, '{\"customer_id\":\"K-1\"}', 'x'"
                 " FROM unnest(ARRAY['C-1', 'C-2']) AS c");
    assert_ok(fixture_write(f, "hold",
                            "{\"name\":\"h\",\"scope\":\"customer\",\"scope_id\":\"K-1\","
                            "\"reason\":\"x\"}"),
              &f->error);
    const char *runs = strstr(expired(f), "\"runs\"");
    assert_null(strstr(runs, id_text(issued)));
    assert_null(strstr(runs, id_text(agreed)));
    assert_non_null(strstr(runs, id_text(other)));
}

/* --- Sessions that meet. */

static void begin_drop(struct store_fixture *f, struct fixture_session *session, struct bw_id run)
{
    char text[400];
    snprintf(text, sizeof text,
             "BEGIN; SELECT runs FROM billow.drop_runs('%s', ARRAY['%s'::uuid], 0, 1, 'x', 'eve', "
             "'\\x00')",
             id_text(f->tenant), id_text(run));
    assert_string_equal(fixture_session_run(session, text), "1");
}

static void test_two_nodes_that_drop_the_same_drop_it_once(void **state)
{
    F;
    struct bw_id run = with_input(f, large(f, 'x'), true);
    struct fixture_session *session = fixture_session_open();
    struct given given = {0};
    struct bw_str args = drop_args(f, run);
    (void)expired(f); /* the connection is there */
    begin_drop(f, session, run);
    f->store.drop_runs(f->store.self, f->tenant, args, on_given, &given);
    fixture_send(f);
    assert_false(given.is_done);
    (void)fixture_session_run(session, "COMMIT");
    fixture_until(f, &given.is_done);
    assert_string_equal(given.json, "{\"runs\":0,\"turns\":0}");
    assert_string_equal(sql(f, "SELECT dropped FROM billow.retention WHERE tenant_id = ?"), "1");
    assert_string_equal(sql(f, "SELECT count(*) FROM billow.audit WHERE tenant_id = ?"
                               " AND action = 'retention.drop'"),
                        "1");
    fixture_session_close(session);
}

static void test_a_value_that_is_stored_again_while_it_is_dropped_is_whole(void **state)
{
    F;
    struct bw_str value = large(f, 'x');
    struct bw_id run = with_input(f, value, true);
    struct fixture_session *session = fixture_session_open();
    struct bw_run_row row = fixture_row(f, "tm", NULL);
    row.input = value;
    begin_drop(f, session, run);
    fixture_start_begin(f, &row); /* waits for the content that is being deleted */
    fixture_send(f);
    (void)fixture_session_run(session, "COMMIT");
    fixture_until(f, &f->is_done);
    assert_ok(fixture_load(f, row.id), &f->error);
    assert_int_equal(f->loaded.row.input.len, value.len);
    assert_string_equal(sql(f, CONTENTS), "1");
    fixture_session_close(session);
}

static void test_a_start_with_the_key_of_a_run_that_is_being_dropped_starts_nothing(void **state)
{
    F;
    struct bw_run_row row = fixture_row(f, "tm", "K");
    assert_ok(fixture_start_row(f, &row), &f->error);
    finish(f, row.id, 0);
    struct fixture_session *session = fixture_session_open();
    struct bw_run_row again = fixture_row(f, "tm", "K");
    begin_drop(f, session, row.id);
    fixture_start_begin(f, &again);
    fixture_send(f);
    (void)fixture_session_run(session, "COMMIT");
    fixture_until(f, &f->is_done);
    assert_false(f->is_new);
    assert_true(bw_id_eq(f->id, row.id));
    assert_string_equal(sql(f, "SELECT count(*) FROM billow.run WHERE tenant_id = ?"), "0");
    fixture_session_close(session);
}

static void test_a_drop_whose_answer_is_lost_is_done_once(void **state)
{
    F;
    struct bw_id run = with_input(f, fixture_value(f, "{}"), true);
    struct given given = {0};
    struct bw_str args = drop_args(f, run);
    (void)expired(f); /* the connection is there */
    fixture_mark(f);
    f->store.drop_runs(f->store.self, f->tenant, args, on_given, &given);
    fixture_send(f);
    while (strcmp(sql(f, "SELECT count(*) FROM billow.run WHERE tenant_id = ?"), "0") != 0)
        ;
    fixture_cut(f);
    fixture_until(f, &given.is_done);
    assert_int_equal(given.code, BW_ERR_OK);
    assert_string_equal(sql(f, "SELECT dropped FROM billow.retention WHERE tenant_id = ?"), "1");
}

/* --- Partitions. */

static void make_room(struct store_fixture *f, const char *day)
{
    char args[100];
    snprintf(args, sizeof args, "{\"at_us\":%s000000}",
             sql_text(f, "SELECT extract(epoch FROM '%s'::timestamptz)::bigint", day));
    struct bw_id mine = f->tenant;
    f->tenant = (struct bw_id){{0}};
    assert_ok(fixture_write(f, "room", args), &f->error);
    f->tenant = mine;
}

/* A run that was started on that day and took a turn; where its turn lies. */
static const char *place_of(struct store_fixture *f, const char *day, struct bw_id *run)
{
    struct bw_run_row row = fixture_row(f, "tm", NULL);
    const char *first = sql_text(f, "SELECT billow.first_id('%s'::timestamptz)", day);
    struct bw_id id;
    assert_true(bw_id_parse(bw_str_of(first), &id));
    memcpy(row.id.bytes, id.bytes, 6);
    row.shard = (uint32_t)(bw_id_hash(row.id) % BW_SHARD_COUNT);
    assert_ok(fixture_start_row(f, &row), &f->error);
    finish(f, row.id, 0);
    *run = row.id;
    return sql_text(f, "SELECT tableoid::regclass FROM billow.journal WHERE run_id = '%s'",
                    id_text(row.id));
}

static void test_turns_lie_in_the_quarter_in_which_their_run_began(void **state)
{
    F;
    struct bw_id run;
    make_room(f, "2031-05-06");
    make_room(f, "2031-05-06"); /* again: nothing */
    assert_string_equal(place_of(f, "2031-06-30 23:59:59+00", &run), "journal_2031q2");
    assert_string_equal(place_of(f, "2031-07-01 00:00:01+00", &run), "journal_2031q3");
    assert_ok(fixture_load(f, run), &f->error);
    assert_int_equal(f->loaded.turn_count, 1);
    assert_string_equal(place_of(f, "2020-01-01", &run), "journal_before");
}

static void test_turns_that_came_before_their_partition_move_into_it(void **state)
{
    F;
    struct bw_id run;
    assert_string_equal(place_of(f, "2034-02-03", &run), "journal_other");
    make_room(f, "2034-01-01");
    assert_string_equal(
        sql_text(f, "SELECT tableoid::regclass FROM billow.journal WHERE run_id = '%s'",
                 id_text(run)),
        "journal_2034q1");
    assert_ok(fixture_load(f, run), &f->error);
    assert_int_equal(f->loaded.turn_count, 1);
}

static void test_a_quarter_that_is_over_and_empty_is_dropped(void **state)
{
    F;
    struct bw_id goes, stays;
    make_room(f, "2041-01-01");
    assert_string_equal(place_of(f, "2041-02-03", &goes), "journal_2041q1");
    assert_string_equal(place_of(f, "2041-05-03", &stays), "journal_2041q2");
    make_room(f, "2041-12-01");
    assert_string_equal(fixture_sql(f, "SELECT to_regclass('billow.journal_2041q1') IS NULL"), "f");
    (void)drop(f, goes);
    make_room(f, "2041-12-01");
    assert_string_equal(fixture_sql(f, "SELECT to_regclass('billow.journal_2041q1') IS NULL"), "t");
    assert_string_equal(fixture_sql(f, "SELECT to_regclass('billow.journal_2041q2') IS NULL"), "f");
    /* A run of it that nobody had heard of can still be told. */
    assert_string_equal(place_of(f, "2041-02-04", &goes), "journal_other");
    assert_ok(fixture_load(f, goes), &f->error);
    assert_int_equal(f->loaded.turn_count, 1);
}

#define PG_TEST(name) cmocka_unit_test_setup_teardown(name, fixture_pg, fixture_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        PG_TEST(test_a_large_value_goes_with_the_last_run_that_needs_it),
        PG_TEST(test_values_of_a_taken_event_and_a_checkpoint_go_too),
        PG_TEST(test_what_the_audit_record_shows_stays_whole),
        PG_TEST(test_a_run_stays_until_its_invoice_is_paid),
        PG_TEST(test_a_customer_is_found_by_documents_and_by_contracts),
        PG_TEST(test_two_nodes_that_drop_the_same_drop_it_once),
        PG_TEST(test_a_value_that_is_stored_again_while_it_is_dropped_is_whole),
        PG_TEST(test_a_start_with_the_key_of_a_run_that_is_being_dropped_starts_nothing),
        PG_TEST(test_a_drop_whose_answer_is_lost_is_done_once),
        PG_TEST(test_turns_lie_in_the_quarter_in_which_their_run_began),
        PG_TEST(test_turns_that_came_before_their_partition_move_into_it),
        PG_TEST(test_a_quarter_that_is_over_and_empty_is_dropped),
    };
    return cmocka_run_group_tests(tests, NULL, fixture_stop_pg);
}
