/* test_contract_runs.c - runs, turns, fences and inboxes: what every store keeps. */
#include "support/store/contract.h"

#include "base/mem.h"
#include <stdio.h>

#define F struct store_fixture *f = *state

static void test_a_turn_moves_its_run_on_and_stays_in_the_journal(void **state)
{
    F;
    struct bw_id run = fixture_start(f, NULL);
    assert_true(f->is_new);
    struct bw_turn_commit first = fixture_turn(f, run, 0, "turn one");
    assert_int_equal(fixture_commit(f, &first), BW_COMMIT_DONE);
    struct bw_turn_commit second = fixture_turn(f, run, 1, "turn two");
    second.wake = BW_WAKE_TIMER;
    second.wake_at_us = FIXTURE_NOW_US + 5;
    assert_int_equal(fixture_commit(f, &second), BW_COMMIT_DONE);

    assert_ok(fixture_load(f, run), &f->error);
    assert_int_equal(f->loaded.row.head, 2);
    assert_int_equal(f->loaded.row.last_seq, 2);
    assert_int_equal(f->loaded.row.wake, BW_WAKE_TIMER);
    assert_int_equal(f->loaded.row.wake_at_us, FIXTURE_NOW_US + 5);
    assert_false(f->loaded.row.is_active);
    assert_int_equal(f->loaded.turn_count, 2);
    assert_str(f->loaded.turns[0], "turn one");
    assert_str(f->loaded.turns[1], "turn two");
    assert_str(f->loaded.row.workflow, "tm");
    assert_str(f->loaded.row.started_by, "dana");
    assert_int_equal(f->loaded.row.release[2], 3);
}

static void test_a_turn_that_expects_another_head_writes_nothing(void **state)
{
    F;
    struct bw_id run = fixture_start(f, NULL);
    struct bw_id other = fixture_start(f, NULL);
    struct bw_turn_commit first = fixture_turn(f, run, 0, "right");
    assert_int_equal(fixture_commit(f, &first), BW_COMMIT_DONE);
    struct bw_turn_commit stale = fixture_turn(f, run, 0, "stale");
    struct bw_str note = fixture_value(f, "{\"kind\":\"log\"}");
    struct bw_message message = {.tenant = f->tenant,
                                 .run = other,
                                 .key = BW_STR("child:1"),
                                 .kind = BW_MESSAGE_OUTCOME,
                                 .seq = 1,
                                 .value = note};
    struct bw_event event = {.tenant = f->tenant,
                             .topic = BW_STR("t"),
                             .key = BW_STR("stale"),
                             .id = BW_STR("e"),
                             .body = note};
    struct bw_run_row child = fixture_row(f, "tm", NULL);
    struct bw_wait wait = {.seq = 9, .topic = BW_STR("t"), .key = BW_STR("k")};
    struct bw_task task = {.id = fixture_id(f),
                           .seq = 3,
                           .kind = BW_STR("approval"),
                           .title = BW_STR("x"),
                           .body = note,
                           .assignees = note};
    struct bw_db_work work = {
        .seq = 4, .statements = fixture_value(f, "[{\"name\":\"ok\",\"sql\":\"select 1 as n\"}]")};
    stale.messages = &message, stale.message_count = 1;
    stale.events = &event, stale.event_count = 1;
    stale.children = &child, stale.child_count = 1;
    stale.waits = &wait, stale.wait_count = 1;
    stale.tasks = &task, stale.task_count = 1;
    stale.notes = &note, stale.note_count = 1;
    stale.db_works = &work, stale.db_work_count = 1;
    stale.result = note;
    assert_int_equal(fixture_commit(f, &stale), BW_COMMIT_CONFLICT);

    assert_ok(fixture_load(f, run), &f->error);
    assert_int_equal(f->loaded.turn_count, 1);
    assert_int_equal(f->loaded.message_count, 0);
    assert_int_equal(f->loaded.row.result.len, 0);
    assert_ok(fixture_load(f, other), &f->error);
    assert_int_equal(f->loaded.message_count, 0);
    assert_int_equal(fixture_load(f, child.id), BW_ERR_NOT_FOUND);
    assert_ok(fixture_read(f, "tasks", "{}"), &f->error);
    assert_string_equal(fixture_json(f, bw_buf_str(&f->value)), "[]");
    char id[BW_ID_TEXT_LEN + 1];
    char args[100];
    bw_id_print(run, id);
    snprintf(args, sizeof args, "{\"run\":\"%s\"}", id);
    assert_ok(fixture_read(f, "notes", args), &f->error);
    assert_string_equal(fixture_json(f, bw_buf_str(&f->value)), "[]");
}

static void test_one_member_that_conflicts_does_not_hold_up_its_group(void **state)
{
    F;
    struct bw_turn_commit commits[5];
    struct bw_id runs[5];
    for (int i = 0; i < 5; i++) {
        runs[i] = fixture_start(f, NULL);
        commits[i] = fixture_turn(f, runs[i], i == 2 ? 7 : 0, "turn");
    }
    fixture_commit_all(f, commits, 5);
    for (int i = 0; i < 5; i++) {
        assert_int_equal(f->results[i].status, i == 2 ? BW_COMMIT_CONFLICT : BW_COMMIT_DONE);
        assert_ok(fixture_load(f, runs[i]), &f->error);
        assert_int_equal(f->loaded.turn_count, i == 2 ? 0 : 1);
    }
}

static void test_a_turn_under_an_old_epoch_is_fenced(void **state)
{
    F;
    struct bw_id run = fixture_start(f, NULL);
    struct bw_turn_commit mine = fixture_turn(f, run, 0, "mine");
    struct bw_id same_shard = run;
    assert_int_equal(fixture_lease(f, "other", 60000, true), BW_ERR_OK);
    assert_int_equal(fixture_commit(f, &mine), BW_COMMIT_FENCED);
    struct bw_turn_commit theirs = fixture_turn(f, same_shard, 0, "theirs");
    assert_int_equal(fixture_commit(f, &theirs), BW_COMMIT_DONE);
    assert_ok(fixture_load(f, run), &f->error);
    assert_int_equal(f->loaded.turn_count, 1);
    assert_str(f->loaded.turns[0], "theirs");
}

static void test_spared_shards_are_left_alone_whoever_had_them(void **state)
{
    F;
    assert_int_equal(fixture_give_back(f, "test", BW_SHARDS_ALL), BW_ERR_OK);
    assert_int_equal(fixture_lease_spared(f, "test", ~(bw_shards)0xff), BW_ERR_OK);
    assert_int_equal(f->lease_count, 8);
    assert_int_equal(fixture_lease_spared(f, "test", 0), BW_ERR_OK);
    assert_int_equal(f->lease_count, BW_SHARD_COUNT);
}

static void test_leases_are_kept_from_others_until_they_are_given_back(void **state)
{
    F;
    int64_t epoch = f->epochs[0];
    assert_int_equal(fixture_lease(f, "other", 60000, false), BW_ERR_OK);
    assert_int_equal(f->lease_count, 0);
    assert_int_equal(f->node_count, 2);
    assert_ok(fixture_give_back(f, "test", 7), &f->error);
    assert_int_equal(fixture_lease(f, "other", 60000, false), BW_ERR_OK);
    assert_int_equal(f->lease_count, 3);
    assert_true(f->epochs[0] > epoch);
}

static void test_a_node_that_starts_again_takes_over_from_its_former_self(void **state)
{
    F;
    int64_t epoch = f->epochs[0];
    assert_int_equal(fixture_lease(f, "test", 60000, false), BW_ERR_OK);
    assert_int_equal(f->lease_count, BW_SHARD_COUNT);
    assert_true(f->epochs[0] > epoch);
    /* With another node alive it gets its share only; the rest is free at once. */
    assert_int_equal(fixture_lease(f, "other", 60000, false), BW_ERR_OK);
    assert_int_equal(fixture_lease(f, "test", 60000, false), BW_ERR_OK);
    assert_int_equal(f->lease_count, BW_SHARD_COUNT / 2);
    assert_int_equal(fixture_lease(f, "other", 60000, false), BW_ERR_OK);
    assert_int_equal(f->lease_count, BW_SHARD_COUNT / 2);
}

static void test_shards_are_shared_by_the_nodes_that_live(void **state)
{
    F;
    assert_ok(fixture_give_back(f, "test", BW_SHARDS_ALL), &f->error);
    assert_int_equal(fixture_lease(f, "one", 60000, false), BW_ERR_OK);
    assert_int_equal(f->node_count, 1);
    assert_int_equal(f->lease_count, BW_SHARD_COUNT);
    assert_int_equal(fixture_lease(f, "two", 60000, false), BW_ERR_OK);
    assert_int_equal(fixture_lease(f, "three", 60000, false), BW_ERR_OK);
    assert_int_equal(f->node_count, 3);
    assert_int_equal(fixture_lease_held(f, "one", 60000, BW_SHARDS_ALL), BW_ERR_OK);
    assert_int_equal(f->lease_count, BW_SHARD_COUNT); /* nobody is robbed */
    /* It gives back what is over its share; the others find it. */
    assert_ok(fixture_give_back(f, "one", ~(((bw_shards)1 << 22) - 1)), &f->error);
    assert_int_equal(fixture_lease(f, "two", 60000, false), BW_ERR_OK);
    assert_int_equal(f->lease_count, 22);
    assert_int_equal(f->leases[0].shard, 22);
    assert_int_equal(fixture_lease(f, "three", 60000, false), BW_ERR_OK);
    assert_int_equal(f->lease_count, 20);
    /* One leaves cleanly: the others may have more. */
    assert_ok(fixture_give_back(f, "three", BW_SHARDS_ALL), &f->error);
    assert_int_equal(fixture_lease_held(f, "one", 60000, ((bw_shards)1 << 22) - 1), BW_ERR_OK);
    assert_int_equal(f->node_count, 2);
    assert_int_equal(f->lease_count, 32);
    for (const char *const *node = (const char *const[]){"one", "two", NULL}; *node; node++)
        assert_ok(fixture_give_back(f, *node, BW_SHARDS_ALL), &f->error);
}

static void test_the_shards_of_a_dead_node_are_free_when_its_lease_ends(void **state)
{
    F;
    assert_ok(fixture_give_back(f, "test", BW_SHARDS_ALL), &f->error);
    assert_int_equal(fixture_lease(f, "dies", 1, false), BW_ERR_OK);
    assert_int_equal(f->lease_count, BW_SHARD_COUNT);
    f->now_us += 10 * 1000;
    if (f->kind == FIXTURE_PG)
        (void)fixture_sql(f, "SELECT pg_sleep(0.01)");
    assert_int_equal(fixture_lease(f, "lives", 60000, false), BW_ERR_OK);
    assert_int_equal(f->node_count, 1);
    assert_int_equal(f->lease_count, BW_SHARD_COUNT);
    assert_int_equal(fixture_lease_held(f, "dies", 60000, BW_SHARDS_ALL), BW_ERR_OK);
    assert_int_equal(f->lease_count, 0);
    assert_ok(fixture_give_back(f, "lives", BW_SHARDS_ALL), &f->error);
    assert_ok(fixture_give_back(f, "dies", BW_SHARDS_ALL), &f->error);
}

static void test_renewing_keeps_the_epoch_of_what_is_held(void **state)
{
    F;
    int64_t epochs[BW_SHARD_COUNT];
    memcpy(epochs, f->epochs, sizeof epochs);
    assert_int_equal(fixture_lease_held(f, "test", 60000, BW_SHARDS_ALL ^ 1), BW_ERR_OK);
    assert_int_equal(f->lease_count, BW_SHARD_COUNT);
    for (size_t i = 0; i < BW_SHARD_COUNT; i++)
        assert_int_equal(f->epochs[i], i == 0 ? epochs[i] + 1 : epochs[i]);
    /* What it says it holds, and does not, it does not get for that. */
    assert_int_equal(fixture_lease(f, "other", 60000, true), BW_ERR_OK);
    assert_int_equal(fixture_lease_held(f, "test", 60000, BW_SHARDS_ALL), BW_ERR_OK);
    assert_int_equal(f->lease_count, 0);
    assert_ok(fixture_give_back(f, "other", BW_SHARDS_ALL), &f->error);
}

static void test_a_start_with_the_key_of_another_run_gives_that_run(void **state)
{
    F;
    struct bw_id first = fixture_start(f, "C-1/2026-10");
    assert_true(f->is_new);
    struct bw_id second = fixture_start(f, "C-1/2026-10");
    assert_false(f->is_new);
    assert_true(bw_id_eq(first, second));
    struct bw_run_row row = fixture_row(f, "fixed-fee", "C-1/2026-10");
    assert_ok(fixture_start_row(f, &row), &f->error);
    assert_true(f->is_new); /* keys belong to a workflow */
    assert_ok(fixture_start_row(f, &row), &f->error);
    assert_true(f->is_new); /* the same call again: as if it had been made once */
}

struct starts {
    size_t count;
    size_t news;
    struct bw_id run;
    bool is_done;
};

static void on_start(void *ud, const struct bw_error *error, struct bw_id run, bool is_new)
{
    struct starts *starts = ud;
    assert_int_equal(error->code, BW_ERR_OK);
    if (starts->count++ > 0)
        assert_true(bw_id_eq(run, starts->run));
    starts->run = run;
    starts->news += is_new;
    starts->is_done = starts->count == 8;
}

static void test_starts_that_come_together_with_one_key_make_one_run(void **state)
{
    F;
    struct starts starts = {0};
    for (int i = 0; i < 8; i++) {
        struct bw_run_row row = fixture_row(f, "tm", "same");
        f->store.start_run(f->store.self, &row, on_start, &starts);
    }
    fixture_until(f, &starts.is_done);
    assert_int_equal(starts.news, 1);
    assert_ok(fixture_load(f, starts.run), &f->error);
}

static void test_a_message_with_one_key_is_stored_once(void **state)
{
    F;
    struct bw_id run = fixture_start(f, NULL);
    assert_ok(fixture_message(f, run, "child:1", "1"), &f->error);
    assert_ok(fixture_message(f, run, "child:1", "2"), &f->error);
    fixture_rest(f);
    assert_true(fixture_has_mail(f, run));
    assert_ok(fixture_load(f, run), &f->error);
    assert_int_equal(f->loaded.message_count, 1);
    assert_string_equal(fixture_unread(f, "child:1"), "1");

    struct bw_str ack = BW_STR("child:1");
    struct bw_turn_commit turn = fixture_turn(f, run, 0, "turn");
    turn.acks = &ack, turn.ack_count = 1;
    assert_int_equal(fixture_commit(f, &turn), BW_COMMIT_DONE);
    assert_ok(fixture_message(f, run, "child:1", "3"), &f->error);
    assert_ok(fixture_load(f, run), &f->error);
    assert_int_equal(f->loaded.message_count, 0); /* read once, never again */
}

static void test_messages_are_unread_in_the_order_they_came(void **state)
{
    F;
    struct bw_id run = fixture_start(f, NULL);
    assert_ok(fixture_message(f, run, "z", "1"), &f->error);
    assert_ok(fixture_message(f, run, "a", "2"), &f->error);
    assert_ok(fixture_message(f, run, "m", "3"), &f->error);
    assert_ok(fixture_load(f, run), &f->error);
    assert_int_equal(f->loaded.message_count, 3);
    assert_str(f->loaded.messages[0].key, "z");
    assert_str(f->loaded.messages[1].key, "a");
    assert_str(f->loaded.messages[2].key, "m");
}

static void test_a_message_to_nobody_is_told_so(void **state)
{
    F;
    assert_int_equal(fixture_message(f, fixture_id(f), "cancel", "null"), BW_ERR_NOT_FOUND);
    struct bw_id run = fixture_start(f, NULL);
    struct bw_turn_commit last = fixture_turn(f, run, 0, "last");
    last.status = BW_RUN_DONE;
    last.wake = BW_WAKE_NONE;
    last.result = fixture_value(f, "{\"invoice\":\"INV-1\"}");
    assert_int_equal(fixture_commit(f, &last), BW_COMMIT_DONE);
    assert_int_equal(fixture_message(f, run, "cancel", "null"), BW_ERR_CONFLICT);
    assert_ok(fixture_load(f, run), &f->error);
    assert_int_equal(f->loaded.row.status, BW_RUN_DONE);
    assert_string_equal(fixture_json(f, f->loaded.row.result), "{\"invoice\":\"INV-1\"}");
}

static void test_a_commit_brings_messages_to_other_runs_and_says_so(void **state)
{
    F;
    struct bw_id parent = fixture_start(f, NULL);
    struct bw_id child = fixture_start(f, NULL);
    struct bw_turn_commit turn = fixture_turn(f, child, 0, "done");
    struct bw_message message = {.tenant = f->tenant,
                                 .run = parent,
                                 .key = BW_STR("child:4"),
                                 .kind = BW_MESSAGE_OUTCOME,
                                 .seq = 4,
                                 .value = fixture_value(f, "\"result\"")};
    turn.messages = &message, turn.message_count = 1;
    turn.status = BW_RUN_DONE;
    assert_int_equal(fixture_commit(f, &turn), BW_COMMIT_DONE);
    fixture_rest(f);
    assert_true(fixture_has_mail(f, parent));
    assert_ok(fixture_load(f, parent), &f->error);
    assert_string_equal(fixture_unread(f, "child:4"), "\"result\"");
    assert_int_equal(f->loaded.messages[0].seq, 4);
}

static void test_children_are_new_runs_of_the_commit(void **state)
{
    F;
    struct bw_id parent = fixture_start(f, NULL);
    struct bw_run_row child = fixture_row(f, "collections", "I-1");
    child.parent = parent;
    child.parent_seq = 2;
    struct bw_turn_commit turn = fixture_turn(f, parent, 0, "turn");
    turn.children = &child, turn.child_count = 1;
    assert_int_equal(fixture_commit(f, &turn), BW_COMMIT_DONE);
    fixture_rest(f);
    assert_true(fixture_has_mail(f, child.id));
    assert_ok(fixture_load(f, child.id), &f->error);
    assert_true(bw_id_eq(f->loaded.row.parent, parent));
    assert_int_equal(f->loaded.row.parent_seq, 2);
    assert_true(f->loaded.row.is_active);
    assert_string_equal(fixture_json(f, f->loaded.row.input), "{\"contract\":\"C-1\"}");

    /* The key is taken: the parent waits for a result, so it hears of it. */
    struct bw_run_row rival = fixture_row(f, "collections", "I-1");
    rival.parent = parent;
    rival.parent_seq = 5;
    struct bw_turn_commit next = fixture_turn(f, parent, 1, "next");
    next.children = &rival, next.child_count = 1;
    assert_int_equal(fixture_commit(f, &next), BW_COMMIT_DONE);
    assert_int_equal(fixture_load(f, rival.id), BW_ERR_NOT_FOUND);
    assert_ok(fixture_load(f, parent), &f->error);
    assert_non_null(strstr(fixture_unread(f, "child:5"), "\"code\":\"CONFLICT\""));
    assert_int_equal(f->loaded.messages[0].kind, BW_MESSAGE_ERROR);
}

static void test_parking_writes_no_turn_and_keeps_the_reason(void **state)
{
    F;
    struct bw_id run = fixture_start(f, NULL);
    struct bw_turn_commit first = fixture_turn(f, run, 0, "one");
    assert_int_equal(fixture_commit(f, &first), BW_COMMIT_DONE);
    struct bw_turn_commit park = fixture_turn(f, run, 1, "");
    park.status = BW_RUN_PARKED;
    park.wake = BW_WAKE_PARKED;
    park.last_seq = 1;
    park.error = fixture_value(f, "{\"code\":\"SCRIPT\",\"text\":\"tm.lua:7: no rate\"}");
    struct bw_message kept = {.tenant = f->tenant,
                              .run = run,
                              .key = BW_STR("kept:1"),
                              .kind = BW_MESSAGE_OUTCOME,
                              .seq = 1,
                              .value = fixture_value(f, "{\"status\":200}")};
    park.messages = &kept, park.message_count = 1;
    assert_int_equal(fixture_commit(f, &park), BW_COMMIT_DONE);
    assert_ok(fixture_load(f, run), &f->error);
    assert_int_equal(f->loaded.row.head, 1);
    assert_int_equal(f->loaded.turn_count, 1);
    assert_int_equal(f->loaded.row.status, BW_RUN_PARKED);
    assert_non_null(strstr(fixture_json(f, f->loaded.row.error), "no rate"));
    assert_string_equal(fixture_unread(f, "kept:1"), "{\"status\":200}");

    struct bw_turn_commit resume = fixture_turn(f, run, 1, "");
    resume.wake = BW_WAKE_READY;
    resume.is_active = true;
    resume.last_seq = 1;
    assert_int_equal(fixture_commit(f, &resume), BW_COMMIT_DONE);
    assert_ok(fixture_load(f, run), &f->error);
    assert_int_equal(f->loaded.row.error.len, 0);
    assert_int_equal(f->loaded.row.status, BW_RUN_OPEN);
}

static void test_a_checkpoint_shortens_what_is_loaded(void **state)
{
    F;
    struct bw_id run = fixture_start(f, NULL);
    for (uint64_t head = 0; head < 3; head++) {
        struct bw_turn_commit turn = fixture_turn(f, run, head, "turn");
        if (head == 1) {
            turn.base = 2;
            turn.state = fixture_value(f, "{\"month\":\"2026-11\"}");
        }
        if (head == 2)
            turn.base = 2;
        assert_int_equal(fixture_commit(f, &turn), BW_COMMIT_DONE);
    }
    assert_ok(fixture_load(f, run), &f->error);
    assert_int_equal(f->loaded.row.base, 2);
    assert_int_equal(f->loaded.row.head, 3);
    assert_int_equal(f->loaded.turn_count, 1);
    assert_string_equal(fixture_json(f, f->loaded.row.state), "{\"month\":\"2026-11\"}");
    char id[BW_ID_TEXT_LEN + 1], args[100]; /* what lies before it is kept, for audits */
    bw_id_print(run, id);
    snprintf(args, sizeof args, "{\"run\":\"%s\"}", id);
    assert_ok(fixture_read(f, "journal", args), &f->error);
    assert_int_equal(bw_value_read(bw_buf_str(&f->value)).count, 3);
}

static void test_a_turn_over_the_limit_is_refused_alone(void **state)
{
    F;
    struct bw_id big = fixture_start(f, NULL);
    struct bw_id small = fixture_start(f, NULL);
    char *bytes = bw_xcalloc(1, BW_STORE_TURN_BYTES_MAX + 1);
    struct bw_turn_commit commits[2] = {fixture_turn(f, big, 0, "x"),
                                        fixture_turn(f, small, 0, "y")};
    commits[0].turn = bw_str(bytes, BW_STORE_TURN_BYTES_MAX + 1);
    fixture_commit_all(f, commits, 2);
    bw_free(bytes);
    assert_int_equal(f->results[0].status, BW_COMMIT_REFUSED);
    assert_int_equal(f->results[0].error.code, BW_ERR_LIMIT);
    assert_non_null(strstr(f->results[0].error.text, "32 MiB"));
    assert_int_equal(f->results[1].status, BW_COMMIT_DONE);
    struct bw_turn_commit alone = fixture_turn(f, big, 0, "x");
    bytes = bw_xcalloc(1, BW_STORE_TURN_BYTES_MAX + 1);
    alone.turn = bw_str(bytes, BW_STORE_TURN_BYTES_MAX + 1);
    assert_int_equal(fixture_commit(f, &alone), BW_COMMIT_REFUSED);
    bw_free(bytes);
}

static void test_scans_find_what_is_active_due_or_has_mail(void **state)
{
    F;
    struct bw_id active = fixture_start(f, NULL);
    struct bw_id due = fixture_start(f, NULL);
    struct bw_id later = fixture_start(f, NULL);
    struct bw_id mail = fixture_start(f, NULL);
    struct bw_id parked = fixture_start(f, NULL);
    struct bw_turn_commit commits[4] = {
        fixture_turn(f, due, 0, "d"), fixture_turn(f, later, 0, "l"), fixture_turn(f, mail, 0, "m"),
        fixture_turn(f, parked, 0, "p")};
    commits[0].wake_at_us = FIXTURE_NOW_US + 10;
    commits[1].wake_at_us = FIXTURE_NOW_US + 5;
    commits[3].status = BW_RUN_PARKED;
    commits[3].wake_at_us = FIXTURE_NOW_US + 1;
    fixture_commit_all(f, commits, 4);
    assert_ok(fixture_message(f, mail, "task:1", "1"), &f->error);
    assert_ok(fixture_message(f, parked, "task:1", "1"), &f->error);

    assert_ok(fixture_scan(f, BW_SCAN_ACTIVE, 0, 0), &f->error);
    assert_int_equal(f->ref_count, 1);
    assert_true(bw_id_eq(f->refs[0].run, active));
    assert_ok(fixture_scan(f, BW_SCAN_DUE, FIXTURE_NOW_US + 10, 1000), &f->error);
    assert_int_equal(f->ref_count, 2);
    assert_true(bw_id_eq(f->refs[0].run, later)); /* the earliest first */
    assert_int_equal(f->refs[1].wake_at_us, FIXTURE_NOW_US + 10);
    assert_ok(fixture_scan(f, BW_SCAN_MAIL, 0, 0), &f->error);
    assert_int_equal(f->ref_count, 1); /* a parked run takes its mail when it is resumed */
    assert_true(bw_id_eq(f->refs[0].run, mail));
    assert_ok(fixture_message(f, parked, "resume:1", "1"), &f->error);
    assert_ok(fixture_scan(f, BW_SCAN_MAIL, 0, 0), &f->error);
    assert_int_equal(f->ref_count, 2); /* which another node may have asked for */
}

static void test_mail_alone_can_be_loaded(void **state)
{
    F;
    struct bw_id run = fixture_start(f, NULL);
    struct bw_turn_commit turn = fixture_turn(f, run, 0, "turn");
    assert_int_equal(fixture_commit(f, &turn), BW_COMMIT_DONE);
    assert_ok(fixture_message(f, run, "task:1", "true"), &f->error);
    assert_ok(fixture_load_mail(f, run), &f->error);
    assert_int_equal(f->loaded.turn_count, 0);
    assert_int_equal(f->loaded.row.head, 1);
    assert_string_equal(fixture_unread(f, "task:1"), "true");
}

static void test_runs_can_be_read_newest_first_page_by_page(void **state)
{
    F;
    struct bw_id runs[3];
    for (int i = 0; i < 3; i++) {
        f->now_us += 2000; /* ids order by millisecond */
        runs[i] = fixture_start(f, NULL);
    }
    char ids[3][BW_ID_TEXT_LEN + 1];
    for (int i = 0; i < 3; i++)
        bw_id_print(runs[i], ids[i]);
    assert_ok(fixture_read(f, "runs", "{\"limit\":2,\"status\":\"open\",\"workflow\":\"tm\"}"),
              &f->error);
    const char *json = fixture_json(f, bw_buf_str(&f->value));
    assert_true(strstr(json, ids[2]) < strstr(json, ids[1]));
    assert_null(strstr(json, ids[0]));
    assert_non_null(strstr(json, "\"status\":\"open\""));
    assert_non_null(strstr(json, "\"wake\":\"ready\""));
    char args[100];
    snprintf(args, sizeof args, "{\"after\":\"%s\"}", ids[1]);
    assert_ok(fixture_read(f, "runs", args), &f->error);
    assert_non_null(strstr(fixture_json(f, bw_buf_str(&f->value)), ids[0]));
    snprintf(args, sizeof args, "{\"id\":\"%s\"}", ids[0]);
    assert_ok(fixture_read(f, "run", args), &f->error);
    assert_non_null(
        strstr(fixture_json(f, bw_buf_str(&f->value)), "\"input\":{\"contract\":\"C-1\"}"));
    assert_int_equal(fixture_read(f, "run", "{\"id\":\"0192d3a0-0000-7000-8000-000000000000\"}"),
                     BW_ERR_NOT_FOUND);
    assert_int_equal(fixture_read(f, "runs", "{\"status\":\"gone\"}"), BW_ERR_INVALID);
    assert_int_equal(fixture_read(f, "nonsense", "{}"), BW_ERR_INVALID);
}

static void test_a_resume_moves_its_run_to_another_release(void **state)
{
    F;
    struct bw_id run = fixture_start(f, NULL);
    uint8_t mended[BW_RELEASE_HASH_LEN] = {7, 7, 7};
    struct bw_turn_commit resume = fixture_turn(f, run, 0, "");
    resume.release = mended;
    resume.wake = BW_WAKE_READY;
    resume.is_active = true;

    struct bw_turn_commit stale = resume;
    stale.expected_head = 3;
    assert_int_equal(fixture_commit(f, &stale), BW_COMMIT_CONFLICT);
    stale = resume;
    stale.epoch--;
    assert_int_equal(fixture_commit(f, &stale), BW_COMMIT_FENCED);
    assert_ok(fixture_load(f, run), &f->error);
    assert_int_equal(f->loaded.row.release[2], 3); /* as it was started */

    assert_int_equal(fixture_commit(f, &resume), BW_COMMIT_DONE);
    assert_ok(fixture_load(f, run), &f->error);
    assert_memory_equal(f->loaded.row.release, mended, BW_RELEASE_HASH_LEN);
    assert_int_equal(f->loaded.row.head, 0);
    assert_int_equal(f->loaded.turn_count, 0);

    struct bw_turn_commit turn = fixture_turn(f, run, 0, "turn");
    assert_int_equal(fixture_commit(f, &turn), BW_COMMIT_DONE);
    assert_ok(fixture_load(f, run), &f->error);
    assert_memory_equal(f->loaded.row.release, mended, BW_RELEASE_HASH_LEN);
}

static void test_releases_are_found_by_hash_and_as_the_active_one(void **state)
{
    F;
    struct bw_release_file files[2] = {{BW_STR("lib/a.lua"), BW_STR("return 1")},
                                       {BW_STR("workflows/tm.lua"), BW_STR("return 2")}};
    struct bw_release_set set = {.files = files, .count = 2};
    memcpy(set.hash, f->tenant.bytes, 16);
    assert_int_equal(fixture_release(f, NULL), BW_ERR_NOT_FOUND);
    assert_int_equal(fixture_active_hash(f), BW_ERR_NOT_FOUND);
    assert_ok(fixture_put_release(f, &set, false), &f->error);
    assert_int_equal(fixture_release(f, NULL), BW_ERR_NOT_FOUND);
    assert_ok(fixture_release(f, set.hash), &f->error);
    assert_int_equal(f->release.count, 2);
    assert_str(f->release.files[0].name, "lib/a.lua");
    assert_ok(fixture_put_release(f, &set, true), &f->error);
    assert_ok(fixture_put_release(f, &set, true), &f->error); /* again: nothing changes */
    struct bw_release_set next = set;
    next.hash[31] = 9;
    next.count = 1;
    assert_ok(fixture_put_release(f, &next, true), &f->error);
    assert_ok(fixture_release(f, NULL), &f->error);
    assert_int_equal(f->release.count, 1);
    assert_memory_equal(f->release.hash, next.hash, BW_RELEASE_HASH_LEN);
    assert_ok(fixture_active_hash(f), &f->error);
    assert_int_equal(f->release.count, 0);
    assert_memory_equal(f->release.hash, next.hash, BW_RELEASE_HASH_LEN);
    assert_ok(fixture_put_release(f, &set, true), &f->error); /* and back */
    assert_ok(fixture_release(f, NULL), &f->error);
    assert_int_equal(f->release.count, 2);
    uint8_t unknown[BW_RELEASE_HASH_LEN] = {0xff};
    assert_int_equal(fixture_release(f, unknown), BW_ERR_NOT_FOUND);
}

struct missing {
    bool is_done;
    enum bw_err code;
    int64_t timeline;
    struct bw_turn_ref refs[8];
    size_t count;
};

static void on_missing(void *ud, const struct bw_error *error, int64_t timeline,
                       const struct bw_turn_ref *refs, size_t count)
{
    struct missing *missing = ud;
    *missing = (struct missing){true, error->code, timeline, .count = count};
    assert_true(count <= 8);
    for (size_t i = 0; i < count; i++)
        missing->refs[i] = refs[i];
}

static void test_turns_and_starts_that_are_not_stored_are_told(void **state)
{
    F;
    struct bw_id run = fixture_start(f, NULL), never = fixture_id(f);
    struct bw_turn_commit turn = fixture_turn(f, run, 0, "turn");
    assert_int_equal(fixture_commit(f, &turn), BW_COMMIT_DONE);
    const struct bw_turn_ref refs[] = {
        {f->tenant, run, {{0}}, 0},         /* its start */
        {f->tenant, never, {{0}}, 0},       /* a start that is not there */
        {f->tenant, run, turn.batch, 1},    /* the turn */
        {f->tenant, run, fixture_id(f), 1}, /* another turn in its place */
        {f->tenant, run, turn.batch, 2},    /* the next one */
        {fixture_id(f), run, {{0}}, 0},     /* of another tenant */
    };
    struct missing missing = {0};
    f->store.check_turns(f->store.self, refs, 6, on_missing, &missing);
    fixture_until(f, &missing.is_done);
    assert_int_equal(missing.code, BW_ERR_OK);
    assert_true(missing.timeline > 0);
    assert_int_equal(missing.count, 4);
    assert_true(bw_id_eq(missing.refs[0].run, never));
    assert_true(bw_id_eq(missing.refs[1].batch, refs[3].batch));
    assert_int_equal(missing.refs[2].turn, 2);
    assert_true(bw_id_eq(missing.refs[3].tenant, refs[5].tenant));
    missing = (struct missing){0};
    f->store.check_turns(f->store.self, refs, 0, on_missing, &missing);
    fixture_until(f, &missing.is_done);
    assert_int_equal(missing.count, 0);
    assert_true(missing.timeline > 0);
}

struct history {
    bool is_done;
    enum bw_err code;
    int64_t restored_at_us;
};

static void on_history(void *ud, const struct bw_error *error, struct bw_str value)
{
    struct history *history = ud;
    struct bw_value map = bw_value_read(value);
    *history = (struct history){true, error->code, bw_value_get_int(&map, "restored_at_us", -1)};
}

static int64_t look_at_history(struct store_fixture *f, bool has_lived, int64_t at_us)
{
    struct history history = {0};
    f->store.look_at_history(f->store.self, has_lived, at_us, on_history, &history);
    fixture_until(f, &history.is_done);
    assert_int_equal(history.code, BW_ERR_OK);
    return history.restored_at_us;
}

static void test_a_history_that_goes_on_was_never_restored(void **state)
{
    F;
    assert_int_equal(look_at_history(f, false, 1000), 0);
    assert_int_equal(look_at_history(f, false, 2000), 0);
    assert_int_equal(look_at_history(f, true, 3000), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CONTRACT_TEST(test_a_history_that_goes_on_was_never_restored),
        CONTRACT_TEST(test_a_turn_moves_its_run_on_and_stays_in_the_journal),
        CONTRACT_TEST(test_a_turn_that_expects_another_head_writes_nothing),
        CONTRACT_TEST(test_one_member_that_conflicts_does_not_hold_up_its_group),
        CONTRACT_TEST(test_a_turn_under_an_old_epoch_is_fenced),
        CONTRACT_TEST(test_spared_shards_are_left_alone_whoever_had_them),
        CONTRACT_TEST(test_leases_are_kept_from_others_until_they_are_given_back),
        CONTRACT_TEST(test_a_node_that_starts_again_takes_over_from_its_former_self),
        CONTRACT_TEST(test_shards_are_shared_by_the_nodes_that_live),
        CONTRACT_TEST(test_the_shards_of_a_dead_node_are_free_when_its_lease_ends),
        CONTRACT_TEST(test_renewing_keeps_the_epoch_of_what_is_held),
        CONTRACT_TEST(test_a_start_with_the_key_of_another_run_gives_that_run),
        CONTRACT_TEST(test_starts_that_come_together_with_one_key_make_one_run),
        CONTRACT_TEST(test_a_message_with_one_key_is_stored_once),
        CONTRACT_TEST(test_messages_are_unread_in_the_order_they_came),
        CONTRACT_TEST(test_a_message_to_nobody_is_told_so),
        CONTRACT_TEST(test_a_commit_brings_messages_to_other_runs_and_says_so),
        CONTRACT_TEST(test_children_are_new_runs_of_the_commit),
        CONTRACT_TEST(test_parking_writes_no_turn_and_keeps_the_reason),
        CONTRACT_TEST(test_a_checkpoint_shortens_what_is_loaded),
        CONTRACT_TEST(test_a_turn_over_the_limit_is_refused_alone),
        CONTRACT_TEST(test_scans_find_what_is_active_due_or_has_mail),
        CONTRACT_TEST(test_mail_alone_can_be_loaded),
        CONTRACT_TEST(test_runs_can_be_read_newest_first_page_by_page),
        CONTRACT_TEST(test_a_resume_moves_its_run_to_another_release),
        CONTRACT_TEST(test_releases_are_found_by_hash_and_as_the_active_one),
        CONTRACT_TEST(test_turns_and_starts_that_are_not_stored_are_told),
    };
    return cmocka_run_group_tests(tests, NULL, fixture_stop_pg);
}
