/* test_contract_alike.c - what random lists of operations once found different between the stores
 * (test_differential.c): each is a promise of the contract now.
 */
#include "support/store/contract.h"

#include "base/mem.h"
#include "store/rows.h"
#include <stdio.h>

#define F struct store_fixture *f = *state

static const char *read(struct store_fixture *f, const char *what, const char *args)
{
    assert_ok(fixture_read(f, what, args), &f->error);
    return fixture_json(f, bw_buf_str(&f->value));
}

static struct bw_str letters(struct store_fixture *f, size_t count)
{
    char *text = bw_arena_calloc(&f->arena, count, 1);
    memset(text, 'k', count);
    return bw_str(text, count);
}

/* --- Groups ---------------------------------------------------------------------------------- */

static void test_a_run_that_ends_takes_no_message_of_its_group(void **state)
{
    F;
    struct bw_id runs[2] = {fixture_start(f, NULL), fixture_start(f, NULL)};
    struct bw_turn_commit turns[2] = {fixture_turn(f, runs[0], 0, "tells"),
                                      fixture_turn(f, runs[1], 0, "ends")};
    struct bw_message message = {.tenant = f->tenant,
                                 .run = runs[1],
                                 .key = BW_STR("child:1"),
                                 .kind = BW_MESSAGE_OUTCOME,
                                 .value = fixture_value(f, "1")};
    turns[0].messages = &message, turns[0].message_count = 1;
    turns[1].status = BW_RUN_DONE;
    turns[1].wake = BW_WAKE_NONE;
    f->mail_count = 0;
    fixture_commit_all(f, turns, 2);
    fixture_rest(f);
    assert_false(fixture_has_mail(f, runs[1]));
    assert_ok(fixture_load(f, runs[1]), &f->error);
    assert_int_equal(f->loaded.message_count, 0);
}

static void test_waits_of_a_group_end_before_its_events_come(void **state)
{
    F;
    struct bw_id sender = fixture_start(f, NULL), tired = fixture_start(f, NULL),
                 next = fixture_start(f, NULL);
    struct bw_wait wait = {.seq = 1, .topic = BW_STR("paid"), .key = BW_STR("I-1")};
    struct bw_turn_commit waits = fixture_turn(f, tired, 0, "waits");
    waits.waits = &wait, waits.wait_count = 1;
    assert_int_equal(fixture_commit(f, &waits), BW_COMMIT_DONE);

    struct bw_event event = {.tenant = f->tenant,
                             .topic = BW_STR("paid"),
                             .key = BW_STR("I-1"),
                             .id = BW_STR("e1"),
                             .body = fixture_value(f, "1")};
    uint64_t seq = 1;
    struct bw_turn_commit turns[3] = {fixture_turn(f, sender, 0, "sends"),
                                      fixture_turn(f, tired, 1, "gives up"),
                                      fixture_turn(f, next, 0, "waits")};
    turns[0].events = &event, turns[0].event_count = 1;
    turns[1].unwaits = &seq, turns[1].unwait_count = 1;
    turns[2].waits = &wait, turns[2].wait_count = 1;
    fixture_commit_all(f, turns, 3);
    assert_ok(fixture_load(f, tired), &f->error);
    assert_int_equal(f->loaded.message_count, 0);
    assert_ok(fixture_load(f, next), &f->error);
    assert_non_null(fixture_unread(f, "event:1"));
}

static void test_audit_records_of_a_group_come_in_its_order(void **state)
{
    F;
    struct bw_turn_commit turns[8];
    char subjects[8][2];
    for (int i = 0; i < 8; i++) {
        turns[i] = fixture_turn(f, fixture_start(f, NULL), 0, "turn");
        snprintf(subjects[i], sizeof subjects[i], "%d", 7 - i);
    }
    for (int i = 0; i < 4; i++) { /* not the order of the runs */
        struct bw_turn_commit turn = turns[i];
        turns[i] = turns[7 - i];
        turns[7 - i] = turn;
    }
    for (int i = 0; i < 8; i++)
        turns[i].audit = (struct bw_audit){.actor = BW_STR("kim"),
                                           .action = BW_STR("run.resume"),
                                           .subject = bw_str_of(subjects[i])};
    fixture_commit_all(f, turns, 8);
    const char *at = read(f, "audit", "{\"actor\":\"kim\"}");
    for (int i = 7; i >= 0; i--) {
        char subject[40];
        snprintf(subject, sizeof subject, "\"subject\":\"%d\"", i);
        at = strstr(at, subject);
        assert_non_null(at);
    }
}

static void test_of_children_with_one_key_the_first_is_made(void **state)
{
    F;
    struct bw_id parent = fixture_start(f, NULL);
    struct bw_run_row children[6];
    for (int i = 0; i < 6; i++) {
        children[i] = fixture_row(f, "collections", "I-1");
        children[i].parent = parent;
        children[i].parent_seq = (uint64_t)i + 1;
    }
    struct bw_run_row last = children[5]; /* not the order of their ids */
    children[5] = children[0];
    children[0] = last;
    struct bw_turn_commit turn = fixture_turn(f, parent, 0, "turn");
    turn.children = children, turn.child_count = 6;
    assert_int_equal(fixture_commit(f, &turn), BW_COMMIT_DONE);
    assert_ok(fixture_load(f, last.id), &f->error);
    assert_ok(fixture_load(f, parent), &f->error);
    assert_null(fixture_unread(f, "child:6"));
    assert_int_equal(f->loaded.message_count, 5);
}

static void test_a_long_start_key_is_told_in_whole_characters(void **state)
{
    F;
    struct bw_id parent = fixture_start(f, NULL);
    char *key = bw_arena_calloc(&f->arena, 301, 1);
    key[0] = 'k';
    for (size_t i = 1; i < 300; i += 2) /* the 200th byte lies inside of a character */
        memcpy(key + i, "\xc3\xbc", 2);
    key[299] = '\0';
    struct bw_run_row taken = fixture_row(f, "collections", key);
    assert_ok(fixture_start_row(f, &taken), &f->error);
    struct bw_run_row child = fixture_row(f, "collections", key);
    child.parent = parent;
    child.parent_seq = 1;
    struct bw_turn_commit turn = fixture_turn(f, parent, 0, "turn");
    turn.children = &child, turn.child_count = 1;
    assert_int_equal(fixture_commit(f, &turn), BW_COMMIT_DONE);
    assert_ok(fixture_load(f, parent), &f->error);
    const char *told = strstr(fixture_unread(f, "child:1"), "with the key k");
    assert_non_null(told);
    assert_int_equal(strcspn(told, "\""), strlen("with the key ") + 199);
}

/* --- Names that no row can hold -------------------------------------------------------------- */

static void test_names_over_their_ceiling_are_refused(void **state)
{
    F;
    struct bw_run_row row = fixture_row(f, "tm", NULL);
    row.workflow = letters(f, 201);
    assert_int_equal(fixture_start_row(f, &row), BW_ERR_LIMIT);
    assert_non_null(strstr(f->error.text, "the name of the workflow is 201 bytes"));
    row.workflow = letters(f, 200);
    row.key = letters(f, 1001);
    assert_int_equal(fixture_start_row(f, &row), BW_ERR_LIMIT);
    row.key = letters(f, 1000);
    assert_ok(fixture_start_row(f, &row), &f->error);

    const char *key = bw_arena_cstr(&f->arena, letters(f, 501));
    assert_int_equal(fixture_message(f, row.id, key, "1"), BW_ERR_LIMIT);
    assert_int_equal(fixture_event(f, key, "k", "e", "1"), BW_ERR_LIMIT);
    assert_int_equal(fixture_event(f, "t", key, "e", "1"), BW_ERR_LIMIT);
    assert_int_equal(fixture_event(f, "t", "k", key, "1"), BW_ERR_LIMIT);
    assert_ok(fixture_event(f, key + 1, key + 1, key + 1, "1"), &f->error);
}

static void test_names_that_are_no_text_are_refused(void **state)
{
    F;
    struct bw_run_row row = fixture_row(f, "tm", "\xff");
    assert_int_equal(fixture_start_row(f, &row), BW_ERR_INVALID);
    assert_non_null(strstr(f->error.text, "the start key is no text"));
    row.key = bw_str("a\0b", 3);
    assert_int_equal(fixture_start_row(f, &row), BW_ERR_INVALID);
    struct bw_id run = fixture_start(f, NULL);
    assert_int_equal(fixture_message(f, run, "\xc3", "1"), BW_ERR_INVALID);
    assert_int_equal(fixture_event(f, "t", "\xff", "e", "1"), BW_ERR_INVALID);
    assert_int_equal(fixture_event(f, "t", "k", "", "1"), BW_ERR_INVALID);
}

static void test_a_turn_with_such_a_name_is_refused_alone(void **state)
{
    F;
    struct bw_id runs[2] = {fixture_start(f, NULL), fixture_start(f, NULL)};
    struct bw_turn_commit turns[2] = {fixture_turn(f, runs[0], 0, "bad"),
                                      fixture_turn(f, runs[1], 0, "good")};
    struct bw_wait wait = {.seq = 1, .topic = BW_STR("t"), .key = letters(f, 501)};
    turns[0].waits = &wait, turns[0].wait_count = 1;
    fixture_commit_all(f, turns, 2);
    assert_int_equal(f->results[0].status, BW_COMMIT_REFUSED);
    assert_int_equal(f->results[0].error.code, BW_ERR_LIMIT);
    assert_int_equal(f->results[1].status, BW_COMMIT_DONE);
}

/* --- Mail ------------------------------------------------------------------------------------ */

static void test_a_message_that_was_there_is_no_news_of_a_commit(void **state)
{
    F;
    struct bw_id run = fixture_start(f, NULL), other = fixture_start(f, NULL);
    assert_ok(fixture_message(f, other, "child:1", "1"), &f->error);
    struct bw_message message = {.tenant = f->tenant,
                                 .run = other,
                                 .key = BW_STR("child:1"),
                                 .kind = BW_MESSAGE_OUTCOME,
                                 .value = fixture_value(f, "2")};
    struct bw_turn_commit turn = fixture_turn(f, run, 0, "tells");
    turn.messages = &message, turn.message_count = 1;
    f->mail_count = 0;
    assert_int_equal(fixture_commit(f, &turn), BW_COMMIT_DONE);
    fixture_rest(f);
    assert_false(fixture_has_mail(f, other));
}

static void test_an_answer_given_again_is_told_again(void **state)
{
    F;
    struct bw_id run = fixture_start(f, NULL);
    struct bw_task task = {.id = bw_id_derive(run, 1),
                           .seq = 1,
                           .kind = BW_STR("approval"),
                           .title = BW_STR("Ok?"),
                           .body = fixture_value(f, "1"),
                           .assignees = fixture_value(f, "[]")};
    struct bw_turn_commit turn = fixture_turn(f, run, 0, "asks");
    turn.tasks = &task, turn.task_count = 1;
    assert_int_equal(fixture_commit(f, &turn), BW_COMMIT_DONE);
    for (int i = 0; i < 2; i++) {
        f->mail_count = 0;
        assert_ok(fixture_answer(f, task.id, "{\"by\":\"dana\"}"), &f->error);
        fixture_rest(f);
        assert_true(fixture_has_mail(f, run));
    }
}

/* --- Audit ----------------------------------------------------------------------------------- */

static void test_a_start_is_recorded_for_its_moment_and_by_somebody(void **state)
{
    F;
    struct bw_run_row row = fixture_row(f, "tm", NULL);
    row.created_at_us = 5;
    assert_ok(fixture_start_row(f, &row), &f->error);
    assert_non_null(strstr(read(f, "audit", "{\"action\":\"run.start\"}"), "\"at_us\":5,"));
    struct bw_run_row silent = fixture_row(f, "tm", NULL);
    silent.started_by = BW_STR_NONE;
    assert_ok(fixture_start_row(f, &silent), &f->error);
    assert_null(strstr(read(f, "audit", "{\"action\":\"run.start\"}"), "\"actor\":\"\""));
}

static void test_a_schedule_is_recorded_for_the_moment_it_was_set(void **state)
{
    F;
    assert_ok(fixture_write(f, "schedule",
                            "{\"name\":\"s\",\"spec\":{},\"set_by\":\"dana\",\"at_us\":5}"),
              &f->error);
    assert_non_null(strstr(read(f, "audit", "{\"action\":\"schedule.set\"}"), "\"at_us\":5,"));
}

/* --- Schedules ------------------------------------------------------------------------------- */

static void test_a_schedule_that_is_not_there_has_no_version_either(void **state)
{
    F;
    const char *args = "{\"name\":\"s\",\"is_paused\":true,\"version\":9}";
    assert_int_equal(fixture_write(f, "schedule_state", args), BW_ERR_NOT_FOUND);
    assert_ok(fixture_write(f, "schedule", "{\"name\":\"s\",\"spec\":{},\"set_by\":\"dana\"}"),
              &f->error);
    assert_int_equal(fixture_write(f, "schedule_state", args), BW_ERR_CONFLICT);
}

struct fired {
    bool is_done;
    enum bw_err code;
    struct bw_id run;
    bool is_new;
};

static void on_fired(void *ud, const struct bw_error *error, struct bw_id run, bool is_new)
{
    *(struct fired *)ud = (struct fired){true, error->code, run, is_new};
}

static struct fired fire(struct store_fixture *f, int64_t version, const struct bw_run_row *row,
                         bool is_alone)
{
    struct bw_schedule_fire wish = {.tenant = f->tenant,
                                    .name = BW_STR("s"),
                                    .version = version,
                                    .runs = row,
                                    .run_count = 1,
                                    .is_alone = is_alone};
    struct fired fired = {0};
    f->store.fire_schedule(f->store.self, &wish, on_fired, &fired);
    fixture_until(f, &fired.is_done);
    return fired;
}

static void test_a_firing_answers_with_the_last_run_of_the_schedule(void **state)
{
    F;
    assert_ok(fixture_write(f, "schedule", "{\"name\":\"s\",\"spec\":{},\"set_by\":\"dana\"}"),
              &f->error);
    struct bw_run_row first = fixture_row(f, "tm", NULL), second = fixture_row(f, "tm", NULL);
    struct fired fired = fire(f, 7, &first, false);
    assert_int_equal(fired.code, BW_ERR_CONFLICT);
    assert_true(bw_id_is_zero(fired.run));
    fired = fire(f, 1, &first, false);
    assert_true(fired.is_new && bw_id_eq(fired.run, first.id));
    fired = fire(f, 2, &second, true); /* held: the first one is open */
    assert_true(!fired.is_new && bw_id_eq(fired.run, first.id));
    assert_int_equal(fixture_load(f, second.id), BW_ERR_NOT_FOUND);
    fired = fire(f, 3, &first, false); /* it is there already */
    assert_false(fired.is_new);
    f->shards = BW_SHARDS_ALL;
    assert_ok(fixture_scan(f, BW_SCAN_ACTIVE, 0, 0), &f->error);
    assert_int_equal(f->ref_count, 1);
    second.workflow = letters(f, 201);
    assert_int_equal(fire(f, 4, &second, false).code, BW_ERR_LIMIT);
}

/* --- Numbers --------------------------------------------------------------------------------- */

static const char *refusal(struct store_fixture *f, struct bw_id run, uint64_t head,
                           const char *work)
{
    char key[32];
    struct bw_turn_commit turn = fixture_turn(f, run, head, "works");
    struct bw_db_work db_work = {.seq = head + 1, .statements = fixture_value(f, work)};
    turn.db_works = &db_work, turn.db_work_count = 1;
    turn.at_us = 77;
    assert_int_equal(fixture_commit(f, &turn), BW_COMMIT_DONE);
    snprintf(key, sizeof key, "tx:%llu", (unsigned long long)head + 1);
    fixture_rest(f);
    assert_ok(fixture_load(f, run), &f->error);
    return fixture_unread(f, key);
}

static void test_every_refusal_of_a_number_is_in_our_own_words(void **state)
{
    F;
    assert_ok(fixture_write(f, "series",
                            "{\"series\":\"a\",\"format\":\"{CUSTOMER}-{SEQ:2}\",\"reset\":"
                            "\"year\"}"),
              &f->error);
    struct bw_id run = fixture_start(f, NULL);
    assert_string_equal(
        refusal(f, run, 0, "[{\"number\":\"a\",\"date\":\"2026-02-29\",\"customer\":\"C\"}]"),
        "{\"code\":\"INVALID\",\"detail\":{\"sqlstate\":\"BW400\"},\"is_retryable\":false,"
        "\"text\":\"number of series a: the date has to be YYYY-MM-DD\"}");
    assert_non_null(
        strstr(refusal(f, run, 1, "[{\"number\":\"a\",\"date\":\"2026-02-28\",\"customer\":\"\"}]"),
               "series a needs a customer"));
    assert_string_equal(
        refusal(f, run, 2, "[{\"number\":\"a\",\"date\":\"2026-02-28\",\"customer\":\"C\"}]"),
        "[{\"number\":\"C-01\",\"sequence\":1}]");
    assert_non_null(strstr(read(f, "numbers", "{}"), "\"at_us\":77,")); /* the turn's moment */
    assert_string_equal(
        refusal(f, run, 3, "[{\"number\":\"a\",\"date\":\"2027-02-28\",\"customer\":\"C\"}]"),
        "{\"code\":\"CONFLICT\",\"detail\":{\"sqlstate\":\"BW409\"},\"is_retryable\":false,"
        "\"text\":\"series a gave the number C-01 before\"}");
    assert_string_equal(
        refusal(f, run, 4,
                "[{\"name\":\"ok\",\"sql\":\"select $1\",\"params\":[{\"$ref\":\"n\"}]}]"),
        "{\"code\":\"INVALID\",\"detail\":{\"sqlstate\":\"BW400\",\"statement\":\"ok\"},"
        "\"is_retryable\":false,\"text\":\"ok: a parameter refers to the number n, which no "
        "earlier item takes\"}");
}

/* --- Walls ----------------------------------------------------------------------------------- */

static void test_a_task_of_another_tenant_is_no_reason_to_wait(void **state)
{
    F;
    struct bw_id mine = f->tenant;
    struct bw_run_row row = fixture_row(f, "tm", NULL);
    assert_ok(fixture_start_row(f, &row), &f->error);
    row.tenant = fixture_id(f); /* the same id for somebody else */
    assert_ok(fixture_start_row(f, &row), &f->error);
    struct bw_task task = {.id = bw_id_derive(row.id, 1),
                           .seq = 1,
                           .kind = BW_STR("approval"),
                           .title = BW_STR("Ok?"),
                           .body = fixture_value(f, "1"),
                           .assignees = fixture_value(f, "[]")};
    struct bw_turn_commit turns[2] = {fixture_turn(f, row.id, 0, "asks"),
                                      fixture_turn(f, row.id, 0, "only says so")};
    turns[0].tenant = row.tenant;
    turns[0].tasks = &task, turns[0].task_count = 1;
    turns[0].wake = turns[1].wake = BW_WAKE_TASK;
    assert_int_equal(fixture_commit(f, &turns[0]), BW_COMMIT_DONE);
    assert_int_equal(fixture_commit(f, &turns[1]), BW_COMMIT_DONE);
    assert_non_null(strstr(read(f, "problems", "{}"), "waits for a task that is not open"));
    f->tenant = row.tenant;
    assert_string_equal(read(f, "problems", "{}"), "[]");
    f->tenant = mine;
}

static void test_problems_come_in_the_order_of_their_runs(void **state)
{
    F;
    struct bw_run_row rows[2] = {fixture_row(f, "tm", NULL), fixture_row(f, "tm", NULL)};
    for (int i = 1; i >= 0; i--) {
        rows[i].is_active = false;
        assert_ok(fixture_start_row(f, &rows[i]), &f->error);
    }
    char first[BW_ID_TEXT_LEN + 1];
    bw_id_print(bw_id_cmp(rows[0].id, rows[1].id) < 0 ? rows[0].id : rows[1].id, first);
    assert_non_null(strstr(read(f, "problems", "{\"limit\":1}"), first));
}

/* --- What is gone ---------------------------------------------------------------------------- */

static void on_value(void *ud, const struct bw_error *error, struct bw_str value)
{
    (void)value;
    assert_int_equal(error->code, BW_ERR_OK);
    *(bool *)ud = true;
}

static void test_what_remains_of_a_dropped_run_wakes_nobody(void **state)
{
    F;
    char id[BW_ID_TEXT_LEN + 1], args[300];
    bool is_done = false;
    struct bw_id run = fixture_start(f, "C-1");
    struct bw_turn_commit turn = fixture_turn(f, run, 0, "ends");
    turn.status = BW_RUN_CANCELLED;
    turn.wake = BW_WAKE_NONE;
    turn.is_active = true; /* as no engine says it */
    turn.wake_at_us = f->now_us;
    assert_int_equal(fixture_commit(f, &turn), BW_COMMIT_DONE);
    bw_id_print(run, id);
    snprintf(args, sizeof args, "{\"runs\":[\"%s\"],\"stamp\":0,\"by\":\"dana\",\"under\":\"all\"}",
             id);
    f->store.drop_runs(f->store.self, f->tenant, fixture_value(f, args), on_value, &is_done);
    fixture_until(f, &is_done);
    snprintf(args, sizeof args, "{\"id\":\"%s\"}", id);
    const char *row = read(f, "run", args);
    assert_non_null(strstr(row, "\"dropped_under\":\"all\""));
    assert_non_null(strstr(row, "\"is_active\":false"));
    assert_non_null(strstr(row, "\"wake_at_us\":null"));
}

static void test_a_tenant_that_is_not_there_has_no_holds_to_end(void **state)
{
    F;
    struct bw_id mine = f->tenant;
    f->tenant = fixture_id(f);
    assert_int_equal(
        fixture_write(f, "hold_end", "{\"name\":\"h\",\"reason\":\"over\",\"set_by\":\"kim\"}"),
        BW_ERR_NOT_FOUND);
    assert_non_null(strstr(f->error.text, "there is no hold h"));
    f->tenant = mine;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CONTRACT_TEST(test_a_run_that_ends_takes_no_message_of_its_group),
        CONTRACT_TEST(test_waits_of_a_group_end_before_its_events_come),
        CONTRACT_TEST(test_audit_records_of_a_group_come_in_its_order),
        CONTRACT_TEST(test_of_children_with_one_key_the_first_is_made),
        CONTRACT_TEST(test_a_long_start_key_is_told_in_whole_characters),
        CONTRACT_TEST(test_names_over_their_ceiling_are_refused),
        CONTRACT_TEST(test_names_that_are_no_text_are_refused),
        CONTRACT_TEST(test_a_turn_with_such_a_name_is_refused_alone),
        CONTRACT_TEST(test_a_message_that_was_there_is_no_news_of_a_commit),
        CONTRACT_TEST(test_an_answer_given_again_is_told_again),
        CONTRACT_TEST(test_a_start_is_recorded_for_its_moment_and_by_somebody),
        CONTRACT_TEST(test_a_schedule_is_recorded_for_the_moment_it_was_set),
        CONTRACT_TEST(test_a_schedule_that_is_not_there_has_no_version_either),
        CONTRACT_TEST(test_a_firing_answers_with_the_last_run_of_the_schedule),
        CONTRACT_TEST(test_every_refusal_of_a_number_is_in_our_own_words),
        CONTRACT_TEST(test_a_task_of_another_tenant_is_no_reason_to_wait),
        CONTRACT_TEST(test_problems_come_in_the_order_of_their_runs),
        CONTRACT_TEST(test_what_remains_of_a_dropped_run_wakes_nobody),
        CONTRACT_TEST(test_a_tenant_that_is_not_there_has_no_holds_to_end),
    };
    return cmocka_run_group_tests(tests, NULL, fixture_stop_pg);
}
