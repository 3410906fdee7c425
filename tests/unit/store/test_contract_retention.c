/* test_contract_retention.c - finished runs are dropped, or held: what every store keeps. */
#include "support/store/contract.h"

#include "base/mem.h"
#include <stdio.h>

#define F struct store_fixture *f = *state
#define DAY_US (INT64_C(86400) * BW_US_PER_S)

/* --- Calls. */

struct given {
    bool is_done;
    enum bw_err code;
    char json[8192];
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

static struct given last;

/* `rules` as JSON, without the brackets; runs that finished before now, when NULL. */
static const char *expired(struct store_fixture *f, const char *rules, const char *more)
{
    char args[2000], all[200];
    snprintf(all, sizeof all, "{\"before_us\":%lld,\"books_before_us\":%lld}",
             (long long)f->now_us + 1, (long long)f->now_us + 1);
    snprintf(args, sizeof args, "{\"rules\":[%s]%s}", rules ? rules : all, more);
    last = (struct given){0};
    f->store.find_expired(f->store.self, f->tenant, fixture_value(f, args), on_given, &last);
    fixture_until(f, &last.is_done);
    return last.json;
}

static const char *id_text(struct bw_id id)
{
    static char texts[8][BW_ID_TEXT_LEN + 1];
    static size_t at;
    char *text = texts[at++ % 8];
    bw_id_print(id, text);
    return text;
}

static int64_t stamp(struct store_fixture *f)
{
    assert_ok(fixture_read(f, "retention", "{}"), &f->error);
    struct bw_value map = bw_value_read(bw_buf_str(&f->value));
    return bw_value_get_int(&map, "stamp", -1);
}

static const char *drop_under(struct store_fixture *f, int64_t of_stamp, const struct bw_id *runs,
                              size_t count)
{
    char args[4000];
    int len = snprintf(args, sizeof args, "{\"stamp\":%lld,\"by\":\"eve\",\"under\":\"rule 7\",",
                       (long long)of_stamp);
    len += snprintf(args + len, sizeof args - (size_t)len, "\"runs\":[");
    for (size_t i = 0; i < count; i++)
        len += snprintf(args + len, sizeof args - (size_t)len, "%s\"%s\"", i ? "," : "",
                        id_text(runs[i]));
    snprintf(args + len, sizeof args - (size_t)len, "]}");
    last = (struct given){0};
    f->store.drop_runs(f->store.self, f->tenant, fixture_value(f, args), on_given, &last);
    fixture_until(f, &last.is_done);
    return last.json;
}

static const char *drop(struct store_fixture *f, const struct bw_id *runs, size_t count)
{
    return drop_under(f, stamp(f), runs, count);
}

static const char *read_json(struct store_fixture *f, const char *what, const char *member,
                             struct bw_id id)
{
    char args[100];
    snprintf(args, sizeof args, "{\"%s\":\"%s\"}", member, id_text(id));
    if (fixture_read(f, what, args) != BW_ERR_OK)
        return f->error.text;
    return fixture_json(f, bw_buf_str(&f->value));
}

/* --- Runs. */

static void finish(struct store_fixture *f, struct bw_id run, uint64_t head)
{
    struct bw_turn_commit turn = fixture_turn(f, run, head, "ends");
    turn.status = BW_RUN_DONE, turn.wake = BW_WAKE_NONE;
    turn.result = fixture_value(f, "\"result\"");
    assert_int_equal(fixture_commit(f, &turn), BW_COMMIT_DONE);
}

static struct bw_id finished(struct store_fixture *f, const char *workflow, const char *key,
                             const char *input)
{
    struct bw_run_row row = fixture_row(f, workflow, key);
    row.input = fixture_value(f, input);
    assert_ok(fixture_start_row(f, &row), &f->error);
    finish(f, row.id, 0);
    return row.id;
}

/* A run that took a number. */
static struct bw_id with_number(struct store_fixture *f, const char *workflow, const char *input)
{
    struct bw_run_row row = fixture_row(f, workflow, NULL);
    row.input = fixture_value(f, input);
    assert_ok(fixture_write(f, "series",
                            "{\"series\":\"inv\",\"format\":\"INV-{SEQ:3}\",\"reset\":\"never\"}"),
              &f->error);
    assert_ok(fixture_start_row(f, &row), &f->error);
    struct bw_db_work work = {1,
                              fixture_value(f, "[{\"number\":\"inv\",\"date\":\"2026-10-31\"}]")};
    struct bw_turn_commit turn = fixture_turn(f, row.id, 0, "takes");
    turn.db_works = &work, turn.db_work_count = 1;
    assert_int_equal(fixture_commit(f, &turn), BW_COMMIT_DONE);
    fixture_rest(f);
    struct bw_str ack = BW_STR("tx:1");
    struct bw_turn_commit end = fixture_turn(f, row.id, 1, "ends");
    end.status = BW_RUN_DONE, end.wake = BW_WAKE_NONE;
    end.acks = &ack, end.ack_count = 1;
    assert_int_equal(fixture_commit(f, &end), BW_COMMIT_DONE);
    return row.id;
}

/* A run that is done, and a child of it that is or is not. */
static struct bw_id family(struct store_fixture *f, bool child_ends, struct bw_id *child)
{
    struct bw_id parent = fixture_start(f, NULL);
    struct bw_run_row row = fixture_row(f, "collections", NULL);
    row.id = bw_id_derive(parent, 1);
    row.shard = (uint32_t)(bw_id_hash(row.id) % BW_SHARD_COUNT);
    row.parent = parent;
    struct bw_turn_commit turn = fixture_turn(f, parent, 0, "starts");
    turn.children = &row, turn.child_count = 1;
    assert_int_equal(fixture_commit(f, &turn), BW_COMMIT_DONE);
    finish(f, parent, 1);
    if (child_ends)
        finish(f, row.id, 0);
    *child = row.id;
    return parent;
}

static bool has_run(const char *json, struct bw_id run)
{
    return strstr(json, id_text(run)) != NULL;
}

/* --- What goes. */

static void test_a_dropped_run_takes_all_it_had_with_it(void **state)
{
    F;
    struct bw_id run = fixture_start(f, NULL);
    struct bw_task task = {.id = fixture_id(f),
                           .seq = 1,
                           .kind = BW_STR("approval"),
                           .title = BW_STR("x"),
                           .body = fixture_value(f, "1"),
                           .assignees = fixture_value(f, "[]")};
    struct bw_str note = fixture_value(f, "{\"kind\":\"decision\"}");
    struct bw_turn_commit turn = fixture_turn(f, run, 0, "asks");
    turn.tasks = &task, turn.task_count = 1;
    turn.notes = &note, turn.note_count = 1;
    assert_int_equal(fixture_commit(f, &turn), BW_COMMIT_DONE);
    assert_ok(fixture_answer(f, task.id, "{\"by\":\"dana\",\"decision\":\"approve\"}"), &f->error);
    finish(f, run, 1);
    assert_true(has_run(expired(f, NULL, ""), run));
    assert_string_equal(drop(f, &run, 1), "{\"runs\":1,\"turns\":2}");
    assert_string_equal(read_json(f, "run", "id", run), "there is no such run");
    assert_string_equal(read_json(f, "task", "id", task.id), "there is no such task");
    assert_string_equal(read_json(f, "journal", "run", run), "[]");
    assert_string_equal(read_json(f, "notes", "run", run), "[]");
    assert_string_equal(read_json(f, "inbox", "run", run), "[]");
    assert_int_equal(fixture_load(f, run), BW_ERR_NOT_FOUND);
    assert_int_equal(fixture_message(f, run, "cancel", "{\"by\":\"dana\"}"), BW_ERR_NOT_FOUND);
    assert_string_equal(drop(f, &run, 1), "{\"runs\":0,\"turns\":0}"); /* again */
    assert_false(has_run(expired(f, NULL, ""), run));
}

static void test_who_dropped_what_is_on_record_once(void **state)
{
    F;
    struct bw_id run = finished(f, "tm", NULL, "{}");
    (void)drop(f, &run, 1);
    (void)drop(f, &run, 1);
    assert_ok(fixture_read(f, "audit", "{\"action\":\"retention.drop\"}"), &f->error);
    const char *json = fixture_json(f, bw_buf_str(&f->value));
    assert_non_null(strstr(json, "\"subject\":\"1 run\""));
    assert_non_null(strstr(json, "\"actor\":\"eve\""));
    assert_null(strstr(json, "0 run"));
    assert_ok(fixture_read(f, "retention", "{}"), &f->error);
    assert_string_equal(fixture_json(f, bw_buf_str(&f->value)),
                        "{\"dropped\":1,\"holds\":0,\"last\":null,\"stamp\":0}");
}

static void test_the_start_key_of_a_dropped_run_stays_taken(void **state)
{
    F;
    struct bw_id run = finished(f, "tm", "C-1/2026-10", "{}");
    assert_string_equal(drop(f, &run, 1), "{\"runs\":1,\"turns\":1}");
    struct bw_run_row again = fixture_row(f, "tm", "C-1/2026-10");
    assert_ok(fixture_start_row(f, &again), &f->error);
    assert_false(f->is_new);
    assert_true(bw_id_eq(f->id, run));
    const char *json = read_json(f, "run", "id", run);
    assert_non_null(strstr(json, "\"status\":\"done\""));
    assert_non_null(strstr(json, "\"dropped_under\":\"rule 7\""));
    assert_non_null(strstr(json, "\"dropped_at_us\":17934696"));
    assert_non_null(strstr(json, "\"result\":null"));
    assert_int_equal(fixture_load(f, run), BW_ERR_NOT_FOUND);
    assert_ok(fixture_read(f, "runs", "{}"), &f->error);
    assert_false(has_run(fixture_json(f, bw_buf_str(&f->value)), run));
    /* And for a child that its parent waits for. */
    struct bw_id parent = fixture_start(f, NULL);
    struct bw_run_row child = fixture_row(f, "tm", "C-1/2026-10");
    child.parent = parent, child.parent_seq = 1;
    struct bw_turn_commit turn = fixture_turn(f, parent, 0, "calls");
    turn.children = &child, turn.child_count = 1;
    assert_int_equal(fixture_commit(f, &turn), BW_COMMIT_DONE);
    assert_ok(fixture_load(f, parent), &f->error);
    assert_non_null(strstr(fixture_unread(f, "child:1"), "CONFLICT"));
    assert_int_equal(fixture_load(f, child.id), BW_ERR_NOT_FOUND);
}

static void test_open_and_young_runs_stay(void **state)
{
    F;
    char rule[200];
    struct bw_id open = fixture_start(f, NULL);
    struct bw_id old = finished(f, "tm", NULL, "{}");
    f->now_us += DAY_US;
    struct bw_id young = finished(f, "tm", NULL, "{}");
    snprintf(rule, sizeof rule, "{\"before_us\":%lld,\"books_before_us\":0}", (long long)f->now_us);
    const char *json = expired(f, rule, "");
    assert_true(has_run(json, old));
    assert_false(has_run(json, open));
    assert_false(has_run(json, young));
    assert_false(has_run(expired(f, "{}", ""), old)); /* nothing may go */
    struct bw_id both[] = {open, old};
    assert_string_equal(drop(f, both, 2), "{\"runs\":1,\"turns\":1}");
    assert_ok(fixture_load(f, open), &f->error);
}

static void test_a_tree_goes_whole_children_first(void **state)
{
    F;
    struct bw_id child, late;
    struct bw_id parent = family(f, false, &child);
    const char *json = expired(f, NULL, "");
    assert_false(has_run(json, parent));
    assert_non_null(strstr(json, "\"open\":2"));
    assert_string_equal(drop(f, &parent, 1), "{\"runs\":0,\"turns\":0}");
    finish(f, child, 0);
    json = expired(f, NULL, "");
    assert_true(strstr(json, id_text(child)) < strstr(json, id_text(parent)));
    /* The parent alone does not go; the child alone may. */
    assert_string_equal(drop(f, &parent, 1), "{\"runs\":0,\"turns\":0}");
    struct bw_id both[] = {child, parent};
    assert_string_equal(drop(f, both, 2), "{\"runs\":2,\"turns\":3}");
    parent = family(f, true, &late);
    assert_string_equal(drop(f, &late, 1), "{\"runs\":1,\"turns\":1}");
    assert_true(has_run(expired(f, NULL, ""), parent));
}

static void test_a_run_with_an_open_task_stays(void **state)
{
    F;
    struct bw_id run = fixture_start(f, NULL);
    struct bw_task task = {.id = fixture_id(f),
                           .seq = 1,
                           .kind = BW_STR("question"),
                           .title = BW_STR("x"),
                           .body = fixture_value(f, "1"),
                           .assignees = fixture_value(f, "[]")};
    struct bw_turn_commit turn = fixture_turn(f, run, 0, "asks");
    turn.status = BW_RUN_DONE, turn.wake = BW_WAKE_NONE;
    turn.tasks = &task, turn.task_count = 1;
    assert_int_equal(fixture_commit(f, &turn), BW_COMMIT_DONE);
    const char *json = expired(f, NULL, "");
    assert_false(has_run(json, run));
    assert_non_null(strstr(json, "\"open\":1"));
    assert_string_equal(drop(f, &run, 1), "{\"runs\":0,\"turns\":0}");
}

static void test_a_run_that_wrote_has_a_period_of_its_own(void **state)
{
    F;
    char rules[300];
    struct bw_id plain = finished(f, "tm", NULL, "{}");
    struct bw_id wrote = with_number(f, "tm", "{}");
    snprintf(rules, sizeof rules, "{\"before_us\":%lld,\"books_before_us\":5}",
             (long long)f->now_us + 1);
    const char *json = expired(f, rules, "");
    assert_true(has_run(json, plain));
    assert_false(has_run(json, wrote));
    assert_non_null(strstr(json, "\"young\":1"));
    assert_true(has_run(expired(f, NULL, ""), wrote));
    assert_non_null(strstr(last.json, "\"wrote\":true"));
    (void)drop(f, &wrote, 1);
    /* Its number points at it, and it says what became of it. */
    assert_non_null(strstr(read_json(f, "run", "id", wrote), "\"dropped_under\":\"rule 7\""));
    assert_ok(fixture_read(f, "numbers", "{}"), &f->error);
    assert_true(has_run(fixture_json(f, bw_buf_str(&f->value)), wrote));
}

static void test_rules_are_for_a_workflow_a_customer_a_contract(void **state)
{
    F;
    char rules[600];
    struct bw_id plain = finished(f, "tm", NULL, "{}");
    struct bw_id other = finished(f, "sync", NULL, "{}");
    struct bw_id of_customer = finished(f, "tm", NULL, "{\"customer\":\"K-1\"}");
    struct bw_id of_contract = finished(f, "sync", NULL, "{\"contract\":[\"C-8\",\"C-9\"]}");
    long long now = (long long)f->now_us + 1;
    snprintf(rules, sizeof rules,
             "{\"before_us\":%lld},{\"workflow\":\"sync\",\"before_us\":1},"
             "{\"customer\":\"K-1\",\"before_us\":1},{\"contract\":\"C-9\",\"before_us\":%lld}",
             now, now);
    const char *json = expired(f, rules, "");
    assert_true(has_run(json, plain));
    assert_false(has_run(json, other));
    assert_false(has_run(json, of_customer));
    assert_false(has_run(json, of_contract)); /* its workflow says longer */
    snprintf(rules, sizeof rules, "{\"before_us\":1},{\"contract\":\"C-9\",\"before_us\":%lld}",
             now);
    json = expired(f, rules, "");
    assert_true(has_run(json, of_contract)); /* in place of the rule of all others */
    assert_false(has_run(json, plain));
}

static void test_runs_are_looked_at_page_by_page(void **state)
{
    F;
    struct bw_id runs[5];
    char more[200] = ",\"limit\":2";
    size_t seen = 0, pages = 0;
    for (size_t i = 0; i < 5; i++) {
        runs[i] = finished(f, "tm", NULL, "{}");
        f->now_us += BW_US_PER_MS;
    }
    for (;;) {
        const char *json = expired(f, NULL, more);
        for (size_t i = 0; i < 5; i++)
            seen += strstr(strstr(json, "\"runs\""), id_text(runs[i])) != NULL;
        pages++;
        if (strstr(json, "\"after\":null"))
            break;
        char after[BW_ID_TEXT_LEN + 1];
        snprintf(after, sizeof after, "%s", strstr(json, "\"after\":\"") + 9);
        snprintf(more, sizeof more, ",\"limit\":2,\"after\":\"%s\"", after);
    }
    assert_int_equal(seen, 5);
    assert_int_equal(pages, 3);
}

static void test_what_makes_no_sense_is_refused(void **state)
{
    F;
    static const char *const rules[] = {"", "{\"workflow\":\"x\"}", "{},{}",
                                        "{},{\"workflow\":\"x\",\"contract\":\"C\"}",
                                        "{\"before_us\":-1}"};
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++) {
        (void)expired(f, rules[i], "");
        assert_int_equal(last.code, BW_ERR_INVALID);
    }
    (void)expired(f, NULL, ",\"limit\":0");
    assert_int_equal(last.code, BW_ERR_INVALID);
    last = (struct given){0};
    f->store.drop_runs(f->store.self, f->tenant, fixture_value(f, "{\"runs\":[],\"stamp\":0}"),
                       on_given, &last);
    fixture_until(f, &last.is_done);
    assert_int_equal(last.code, BW_ERR_INVALID);
}

static void test_an_event_goes_with_the_run_that_took_it(void **state)
{
    F;
    struct bw_id run = fixture_start(f, NULL);
    struct bw_wait wait = {.seq = 1, .topic = BW_STR("paid"), .key = BW_STR("k")};
    struct bw_turn_commit turn = fixture_turn(f, run, 0, "waits");
    turn.waits = &wait, turn.wait_count = 1;
    assert_int_equal(fixture_commit(f, &turn), BW_COMMIT_DONE);
    assert_ok(fixture_event(f, "paid", "k", "e-1", "1"), &f->error);
    assert_ok(fixture_event(f, "paid", "k", "e-2", "2"), &f->error); /* nobody took it */
    struct bw_str ack = BW_STR("event:1");
    struct bw_turn_commit end = fixture_turn(f, run, 1, "ends");
    end.status = BW_RUN_DONE, end.wake = BW_WAKE_NONE;
    end.acks = &ack, end.ack_count = 1;
    assert_int_equal(fixture_commit(f, &end), BW_COMMIT_DONE);
    assert_string_equal(drop(f, &run, 1), "{\"runs\":1,\"turns\":2}");
    struct bw_id next = fixture_start(f, NULL);
    turn = fixture_turn(f, next, 0, "waits");
    turn.waits = &wait, turn.wait_count = 1;
    assert_int_equal(fixture_commit(f, &turn), BW_COMMIT_DONE);
    assert_ok(fixture_load(f, next), &f->error);
    assert_non_null(strstr(fixture_unread(f, "event:1"), "e-2"));
}

static void test_runs_of_other_tenants_are_out_of_reach(void **state)
{
    F;
    struct bw_id run = finished(f, "tm", NULL, "{}");
    struct bw_id mine = f->tenant;
    f->tenant = fixture_id(f);
    assert_false(has_run(expired(f, NULL, ""), run));
    (void)drop(f, &run, 1);
    assert_int_equal(last.code, BW_ERR_NOT_FOUND); /* there is no such tenant */
    f->tenant = mine;
    assert_ok(fixture_load(f, run), &f->error);
}

/* --- What is held. */

static void hold(struct store_fixture *f, const char *name, const char *scope, const char *id)
{
    char args[300];
    snprintf(args, sizeof args,
             "{\"name\":\"%s\",\"scope\":\"%s\",\"scope_id\":\"%s\",\"reason\":\"case 12\","
             "\"set_by\":\"dana\"}",
             name, scope, id);
    assert_ok(fixture_write(f, "hold", args), &f->error);
}

static void end_hold(struct store_fixture *f, const char *name)
{
    char args[300];
    snprintf(args, sizeof args, "{\"name\":\"%s\",\"reason\":\"settled\",\"set_by\":\"bob\"}",
             name);
    assert_ok(fixture_write(f, "hold_end", args), &f->error);
}

static void test_a_hold_keeps_the_tree_that_it_names(void **state)
{
    F;
    struct bw_id child;
    struct bw_id parent = family(f, true, &child); /* of contract C-1 */
    struct bw_id other = finished(f, "sync", NULL, "{\"customer\":\"K-2\"}");
    const struct {
        const char *scope, *id;
        bool holds_family, holds_other;
    } HOLDS[] = {
        {"tenant", "", true, true},
        {"run", id_text(child), true, false},
        {"workflow", "collections", true, false},
        {"contract", "C-1", true, false},
        {"customer", "K-2", false, true},
        {"matter", "none", false, false},
    };
    for (size_t i = 0; i < sizeof HOLDS / sizeof *HOLDS; i++) {
        hold(f, "h", HOLDS[i].scope, HOLDS[i].id);
        const char *json = expired(f, NULL, "");
        const char *runs = strstr(json, "\"runs\"");
        assert_int_equal(has_run(runs, parent), !HOLDS[i].holds_family);
        assert_int_equal(has_run(runs, child), !HOLDS[i].holds_family);
        assert_int_equal(has_run(runs, other), !HOLDS[i].holds_other);
        if (HOLDS[i].holds_other && HOLDS[i].holds_family)
            assert_non_null(strstr(json, "\"held\":3"));
        end_hold(f, "h");
    }
    assert_true(has_run(expired(f, NULL, ""), parent));
}

static void test_who_wrote_for_nobody_in_particular_is_held_with_anybody(void **state)
{
    F;
    struct bw_id unknown = with_number(f, "import", "{}");
    struct bw_id known = with_number(f, "tm", "{\"contract\":\"C-5\"}");
    hold(f, "h", "contract", "C-1");
    const char *json = expired(f, NULL, "");
    assert_false(has_run(json, unknown));
    assert_true(has_run(json, known));
}

static void test_a_hold_that_comes_after_the_plan_stops_it(void **state)
{
    F;
    struct bw_id run = finished(f, "tm", NULL, "{\"contract\":\"C-1\"}");
    int64_t planned = stamp(f);
    hold(f, "h", "contract", "C-1");
    (void)drop_under(f, planned, &run, 1);
    assert_int_equal(last.code, BW_ERR_CONFLICT);
    assert_ok(fixture_load(f, run), &f->error);
    /* So does a setting of the policy; one of another policy does not. */
    planned = stamp(f);
    assert_ok(fixture_write(f, "setting",
                            "{\"policy\":\"rounding\",\"name\":\"unit\",\"value\":1,"
                            "\"scope_type\":\"firm\",\"valid_from\":\"2026-01-01\"}"),
              &f->error);
    assert_int_equal(stamp(f), planned);
    assert_ok(fixture_write(f, "setting",
                            "{\"policy\":\"retention\",\"name\":\"legal_hold\",\"value\":true,"
                            "\"scope_type\":\"customer\",\"scope_id\":\"K-1\","
                            "\"valid_from\":\"2026-01-01\"}"),
              &f->error);
    (void)drop_under(f, planned, &run, 1);
    assert_int_equal(last.code, BW_ERR_CONFLICT);
    assert_ok(fixture_load(f, run), &f->error);
    assert_ok(fixture_read(f, "setting_scopes", "{\"name\":\"retention\"}"), &f->error);
    assert_string_equal(fixture_json(f, bw_buf_str(&f->value)),
                        "[{\"scope_id\":\"K-1\",\"scope_type\":\"customer\"}]");
}

static void test_a_hold_has_one_name_and_is_on_record(void **state)
{
    F;
    hold(f, "b", "tenant", "");
    hold(f, "a", "contract", "C-1");
    hold(f, "a", "contract", "C-1"); /* again: nothing */
    assert_int_equal(fixture_write(f, "hold",
                                   "{\"name\":\"a\",\"scope\":\"contract\",\"scope_id\":\"C-2\","
                                   "\"reason\":\"x\"}"),
                     BW_ERR_CONFLICT);
    assert_non_null(strstr(f->error.text, "contract C-1"));
    assert_ok(fixture_read(f, "holds", "{}"), &f->error);
    const char *json = fixture_json(f, bw_buf_str(&f->value));
    assert_true(strstr(json, "\"name\":\"a\"") < strstr(json, "\"name\":\"b\""));
    assert_non_null(strstr(json, "\"reason\":\"case 12\",\"scope\":\"contract\""));
    end_hold(f, "a");
    assert_int_equal(fixture_write(f, "hold_end", "{\"name\":\"a\",\"reason\":\"x\"}"),
                     BW_ERR_NOT_FOUND);
    assert_ok(fixture_read(f, "audit", "{\"subject\":\"a\"}"), &f->error);
    json = fixture_json(f, bw_buf_str(&f->value));
    assert_non_null(strstr(json, "\"action\":\"hold.add\",\"actor\":\"dana\""));
    assert_non_null(strstr(json, "\"action\":\"hold.remove\",\"actor\":\"bob\""));
    assert_null(strstr(strstr(json, "hold.add") + 1, "hold.add"));
    static const char *const bad[] = {
        "{\"scope\":\"tenant\",\"reason\":\"x\"}",
        "{\"name\":\"n\",\"scope\":\"tenant\"}",
        "{\"name\":\"n\",\"scope\":\"planet\",\"reason\":\"x\"}",
        "{\"name\":\"n\",\"scope\":\"tenant\",\"scope_id\":\"x\",\"reason\":\"x\"}",
        "{\"name\":\"n\",\"scope\":\"contract\",\"reason\":\"x\"}",
        "{\"name\":\"n\",\"scope\":\"run\",\"scope_id\":\"C-1\",\"reason\":\"x\"}"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(fixture_write(f, "hold", bad[i]), BW_ERR_INVALID);
}

static void test_the_last_sweep_can_be_read(void **state)
{
    F;
    assert_ok(fixture_write(f, "retention", "{\"last\":{\"runs\":7}}"), &f->error);
    assert_ok(fixture_read(f, "retention", "{}"), &f->error);
    assert_string_equal(fixture_json(f, bw_buf_str(&f->value)),
                        "{\"dropped\":0,\"holds\":0,\"last\":{\"runs\":7},\"stamp\":0}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CONTRACT_TEST(test_a_dropped_run_takes_all_it_had_with_it),
        CONTRACT_TEST(test_who_dropped_what_is_on_record_once),
        CONTRACT_TEST(test_the_start_key_of_a_dropped_run_stays_taken),
        CONTRACT_TEST(test_open_and_young_runs_stay),
        CONTRACT_TEST(test_a_tree_goes_whole_children_first),
        CONTRACT_TEST(test_a_run_with_an_open_task_stays),
        CONTRACT_TEST(test_a_run_that_wrote_has_a_period_of_its_own),
        CONTRACT_TEST(test_rules_are_for_a_workflow_a_customer_a_contract),
        CONTRACT_TEST(test_runs_are_looked_at_page_by_page),
        CONTRACT_TEST(test_what_makes_no_sense_is_refused),
        CONTRACT_TEST(test_an_event_goes_with_the_run_that_took_it),
        CONTRACT_TEST(test_runs_of_other_tenants_are_out_of_reach),
        CONTRACT_TEST(test_a_hold_keeps_the_tree_that_it_names),
        CONTRACT_TEST(test_who_wrote_for_nobody_in_particular_is_held_with_anybody),
        CONTRACT_TEST(test_a_hold_that_comes_after_the_plan_stops_it),
        CONTRACT_TEST(test_a_hold_has_one_name_and_is_on_record),
        CONTRACT_TEST(test_the_last_sweep_can_be_read),
    };
    return cmocka_run_group_tests(tests, NULL, fixture_stop_pg);
}
