/* test_contract_events.c - events, waits and tasks: what every store keeps. */
#include "support/store/contract.h"

#include <stdio.h>

#define F struct store_fixture *f = *state

static struct bw_id start_waiting(struct store_fixture *f, const char *topic, const char *key)
{
    struct bw_id run = fixture_start(f, NULL);
    struct bw_turn_commit turn = fixture_turn(f, run, 0, "waits");
    struct bw_wait wait = {.seq = 1, .topic = bw_str_of(topic), .key = bw_str_of(key)};
    turn.waits = &wait, turn.wait_count = 1;
    assert_int_equal(fixture_commit(f, &turn), BW_COMMIT_DONE);
    return run;
}

static const char *unread(struct store_fixture *f, struct bw_id run, const char *key)
{
    fixture_rest(f);
    assert_ok(fixture_load(f, run), &f->error);
    return fixture_unread(f, key);
}

static void test_an_event_reaches_the_run_that_waits(void **state)
{
    F;
    struct bw_id run = start_waiting(f, "payment", "INV-1");
    assert_null(unread(f, run, "event:1"));
    assert_ok(fixture_event(f, "payment", "INV-1", "e1", "{\"amount\":12.50}"), &f->error);
    assert_string_equal(
        unread(f, run, "event:1"),
        "{\"body\":{\"amount\":12.50},\"id\":\"e1\",\"key\":\"INV-1\",\"topic\":\"payment\"}");
    assert_true(fixture_has_mail(f, run));
}

static void test_an_event_that_came_first_is_taken_by_the_wait(void **state)
{
    F;
    assert_ok(fixture_event(f, "payment", "INV-1", "e1", "1"), &f->error);
    assert_ok(fixture_event(f, "payment", "INV-1", "e2", "2"), &f->error);
    struct bw_id first = start_waiting(f, "payment", "INV-1");
    struct bw_id second = start_waiting(f, "payment", "INV-1");
    struct bw_id third = start_waiting(f, "payment", "INV-1");
    assert_non_null(strstr(unread(f, first, "event:1"), "\"e1\"")); /* the oldest first */
    assert_non_null(strstr(unread(f, second, "event:1"), "\"e2\""));
    assert_null(unread(f, third, "event:1"));
    assert_true(fixture_has_mail(f, first));
}

static void test_each_event_goes_to_one_waiter_the_oldest_first(void **state)
{
    F;
    struct bw_id first = start_waiting(f, "payment", "INV-1");
    struct bw_id second = start_waiting(f, "payment", "INV-1");
    struct bw_id elsewhere = start_waiting(f, "payment", "INV-2");
    assert_ok(fixture_event(f, "payment", "INV-1", "e1", "1"), &f->error);
    assert_non_null(unread(f, first, "event:1"));
    assert_null(unread(f, second, "event:1"));
    assert_null(unread(f, elsewhere, "event:1"));
    assert_ok(fixture_event(f, "payment", "INV-1", "e2", "2"), &f->error);
    assert_non_null(strstr(unread(f, second, "event:1"), "\"e2\""));
}

static void test_an_event_sent_twice_is_stored_once(void **state)
{
    F;
    struct bw_id first = start_waiting(f, "payment", "INV-1");
    assert_ok(fixture_event(f, "payment", "INV-1", "e1", "1"), &f->error);
    assert_ok(fixture_event(f, "payment", "INV-1", "e1", "2"), &f->error);
    struct bw_id second = start_waiting(f, "payment", "INV-1");
    assert_non_null(unread(f, first, "event:1"));
    assert_null(unread(f, second, "event:1"));
}

static void test_an_expired_event_is_not_given(void **state)
{
    F;
    struct bw_id sender = fixture_start(f, NULL);
    struct bw_turn_commit turn = fixture_turn(f, sender, 0, "sends");
    struct bw_event event = {.tenant = f->tenant,
                             .topic = BW_STR("t"),
                             .key = BW_STR("k"),
                             .id = BW_STR("old"),
                             .body = fixture_value(f, "1"),
                             .expires_at_us = f->now_us + 1000};
    turn.events = &event, turn.event_count = 1;
    assert_int_equal(fixture_commit(f, &turn), BW_COMMIT_DONE);
    f->now_us += 2000;
    struct bw_id run = start_waiting(f, "t", "k");
    assert_null(unread(f, run, "event:1"));
}

static void test_an_event_sent_by_a_turn_reaches_who_waits(void **state)
{
    F;
    struct bw_id run = start_waiting(f, "issued", "C-1");
    struct bw_id sender = fixture_start(f, NULL);
    struct bw_turn_commit turn = fixture_turn(f, sender, 0, "sends");
    struct bw_event event = {.tenant = f->tenant,
                             .topic = BW_STR("issued"),
                             .key = BW_STR("C-1"),
                             .id = BW_STR("run/1"),
                             .body = fixture_value(f, "\"INV-7\"")};
    turn.events = &event, turn.event_count = 1;
    assert_int_equal(fixture_commit(f, &turn), BW_COMMIT_DONE);
    assert_non_null(strstr(unread(f, run, "event:1"), "INV-7"));
    assert_true(fixture_has_mail(f, run));
}

static void test_an_event_the_run_never_saw_is_free_again_when_its_wait_ends(void **state)
{
    F;
    struct bw_id run = start_waiting(f, "payment", "INV-1");
    assert_ok(fixture_event(f, "payment", "INV-1", "e1", "1"), &f->error);
    /* The timeout came first in this run's turn: the event was not delivered to it. */
    struct bw_turn_commit turn = fixture_turn(f, run, 1, "timed out");
    uint64_t seq = 1;
    turn.unwaits = &seq, turn.unwait_count = 1;
    assert_int_equal(fixture_commit(f, &turn), BW_COMMIT_DONE);
    assert_null(unread(f, run, "event:1"));
    struct bw_id next = start_waiting(f, "payment", "INV-1");
    assert_non_null(strstr(unread(f, next, "event:1"), "\"e1\""));
}

static void test_an_event_that_was_delivered_stays_taken(void **state)
{
    F;
    struct bw_id run = start_waiting(f, "payment", "INV-1");
    assert_ok(fixture_event(f, "payment", "INV-1", "e1", "1"), &f->error);
    struct bw_turn_commit turn = fixture_turn(f, run, 1, "got it");
    struct bw_str ack = BW_STR("event:1");
    uint64_t seq = 1;
    turn.acks = &ack, turn.ack_count = 1;
    turn.unwaits = &seq, turn.unwait_count = 1;
    assert_int_equal(fixture_commit(f, &turn), BW_COMMIT_DONE);
    assert_null(unread(f, run, "event:1"));
    struct bw_id next = start_waiting(f, "payment", "INV-1");
    assert_null(unread(f, next, "event:1"));
}

static void test_a_wait_that_ended_takes_nothing(void **state)
{
    F;
    struct bw_id run = start_waiting(f, "payment", "INV-1");
    struct bw_turn_commit turn = fixture_turn(f, run, 1, "timed out");
    uint64_t seq = 1;
    turn.unwaits = &seq, turn.unwait_count = 1;
    assert_int_equal(fixture_commit(f, &turn), BW_COMMIT_DONE);
    assert_ok(fixture_event(f, "payment", "INV-1", "e1", "1"), &f->error);
    assert_null(unread(f, run, "event:1"));
}

static struct bw_id open_task(struct store_fixture *f, struct bw_id run, uint64_t head)
{
    struct bw_turn_commit turn = fixture_turn(f, run, head, "asks");
    struct bw_task task = {.id = bw_id_derive(run, head + 1),
                           .seq = head + 1,
                           .kind = BW_STR("approval"),
                           .group = BW_STR("C-1"),
                           .title = BW_STR("Invoice of October"),
                           .body = fixture_value(f, "{\"total\":1210.00}"),
                           .assignees = fixture_value(f, "[\"dana\"]"),
                           .due_at_us = FIXTURE_NOW_US + 7};
    turn.tasks = &task, turn.task_count = 1;
    assert_int_equal(fixture_commit(f, &turn), BW_COMMIT_DONE);
    return task.id;
}

static void test_a_task_is_answered_once(void **state)
{
    F;
    struct bw_id run = fixture_start(f, NULL);
    struct bw_id task = open_task(f, run, 0);
    const char *yes = "{\"by\":\"dana\",\"decision\":\"approved\",\"at_us\":5}";
    assert_ok(fixture_answer(f, task, yes), &f->error);
    assert_non_null(strstr(unread(f, run, "task:1"), "\"approved\""));
    assert_true(fixture_has_mail(f, run));
    assert_ok(fixture_answer(f, task, yes), &f->error); /* the same answer, sent again */
    assert_int_equal(fixture_answer(f, task, "{\"by\":\"kim\",\"decision\":\"rejected\"}"),
                     BW_ERR_CONFLICT);
    assert_non_null(strstr(f->error.text, "approved by dana"));
    assert_int_equal(fixture_answer(f, fixture_id(f), yes), BW_ERR_NOT_FOUND);
    assert_ok(fixture_load(f, run), &f->error);
    assert_int_equal(f->loaded.message_count, 1);
}

static void test_a_closed_task_takes_no_answer(void **state)
{
    F;
    struct bw_id run = fixture_start(f, NULL);
    struct bw_id task = open_task(f, run, 0);
    struct bw_turn_commit turn = fixture_turn(f, run, 1, "no longer needed");
    uint64_t seq = 1;
    turn.closed_tasks = &seq, turn.closed_task_count = 1;
    assert_int_equal(fixture_commit(f, &turn), BW_COMMIT_DONE);
    assert_int_equal(fixture_answer(f, task, "{\"by\":\"dana\"}"), BW_ERR_CONFLICT);
    assert_non_null(strstr(f->error.text, "closed"));
}

static void test_tasks_are_listed_by_status(void **state)
{
    F;
    struct bw_id run = fixture_start(f, NULL);
    struct bw_id task = open_task(f, run, 0);
    assert_ok(fixture_read(f, "tasks", "{\"status\":\"open\"}"), &f->error);
    const char *json = fixture_json(f, bw_buf_str(&f->value));
    assert_non_null(strstr(json, "\"title\":\"Invoice of October\""));
    assert_non_null(strstr(json, "\"body\":{\"total\":1210.00}"));
    assert_non_null(strstr(json, "\"assignees\":[\"dana\"]"));
    assert_non_null(strstr(json, "\"answer\":null"));
    assert_ok(fixture_answer(f, task, "{\"by\":\"dana\",\"decision\":\"approved\"}"), &f->error);
    assert_ok(fixture_read(f, "tasks", "{\"status\":\"open\"}"), &f->error);
    assert_string_equal(fixture_json(f, bw_buf_str(&f->value)), "[]");
    char id[BW_ID_TEXT_LEN + 1];
    char args[100];
    bw_id_print(task, id);
    snprintf(args, sizeof args, "{\"id\":\"%s\"}", id);
    assert_ok(fixture_read(f, "task", args), &f->error);
    assert_non_null(strstr(fixture_json(f, bw_buf_str(&f->value)), "\"status\":\"answered\""));
}

static void test_notes_are_kept_in_the_order_of_the_turn(void **state)
{
    F;
    struct bw_id run = fixture_start(f, NULL);
    struct bw_turn_commit turn = fixture_turn(f, run, 0, "notes");
    struct bw_str notes[2] = {fixture_value(f, "{\"kind\":\"policy\"}"),
                              fixture_value(f, "{\"kind\":\"log\"}")};
    turn.notes = notes, turn.note_count = 2;
    assert_int_equal(fixture_commit(f, &turn), BW_COMMIT_DONE);
    char id[BW_ID_TEXT_LEN + 1];
    char args[100];
    bw_id_print(run, id);
    snprintf(args, sizeof args, "{\"run\":\"%s\"}", id);
    assert_ok(fixture_read(f, "notes", args), &f->error);
    const char *json = fixture_json(f, bw_buf_str(&f->value));
    assert_true(strstr(json, "policy") < strstr(json, "log"));
    assert_ok(fixture_read(f, "journal", args), &f->error);
    assert_non_null(strstr(fixture_json(f, bw_buf_str(&f->value)), "\"body\":\"notes\""));
    assert_ok(fixture_message(f, run, "cancel", "1"), &f->error);
    assert_ok(fixture_read(f, "inbox", args), &f->error);
    assert_non_null(strstr(fixture_json(f, bw_buf_str(&f->value)), "\"is_read\":false"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CONTRACT_TEST(test_an_event_reaches_the_run_that_waits),
        CONTRACT_TEST(test_an_event_that_came_first_is_taken_by_the_wait),
        CONTRACT_TEST(test_each_event_goes_to_one_waiter_the_oldest_first),
        CONTRACT_TEST(test_an_event_sent_twice_is_stored_once),
        CONTRACT_TEST(test_an_expired_event_is_not_given),
        CONTRACT_TEST(test_an_event_sent_by_a_turn_reaches_who_waits),
        CONTRACT_TEST(test_an_event_the_run_never_saw_is_free_again_when_its_wait_ends),
        CONTRACT_TEST(test_an_event_that_was_delivered_stays_taken),
        CONTRACT_TEST(test_a_wait_that_ended_takes_nothing),
        CONTRACT_TEST(test_a_task_is_answered_once),
        CONTRACT_TEST(test_a_closed_task_takes_no_answer),
        CONTRACT_TEST(test_tasks_are_listed_by_status),
        CONTRACT_TEST(test_notes_are_kept_in_the_order_of_the_turn),
    };
    return cmocka_run_group_tests(tests, NULL, fixture_stop_pg);
}
