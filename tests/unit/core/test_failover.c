/* test_failover.c - the database fell back behind what it had acknowledged: nobody goes on from
 * memory, and what may be done twice waits for a person.
 *
 * The host is support/core/fake_host.h, the rest of the world support/core/harness.h; turns are
 * taken out of the memory store by hand, as a standby would lack them. */
#include "support/test.h"

#include "support/core/harness.h"

#include "store/mem_store.h"

static const struct fake_program PROGRAMS[] = {
    {"afterwards",
     {{.kind = "event.wait", .args = "{\"topic\":\"paid\",\"key\":\"I-1\"}"},
      {.kind = "http",
       .args = "{\"method\":\"POST\",\"url\":\"https://bank.example/pay\",\"once\":true}"}}},
    {"ask", {{.kind = "http", .args = "{\"method\":\"GET\",\"url\":\"https://bank.example/\"}"}}},
    {"late-task",
     {{.kind = "http", .args = "{\"method\":\"GET\",\"url\":\"https://erp.example/\"}"},
      {.kind = "task.open",
       .args = "{\"kind\":\"approval\",\"title\":\"Approve\",\"assignees\":[\"dana\"]}"}}},
    {"pay",
     {{.kind = "http",
       .args = "{\"method\":\"POST\",\"url\":\"https://bank.example/pay\",\"once\":true}"}}},
    {"task",
     {{.kind = "task.open",
       .args = "{\"kind\":\"approval\",\"title\":\"Approve\",\"assignees\":[\"dana\"]}"}}},
    {"twice",
     {{.kind = "http", .args = "{\"method\":\"POST\",\"url\":\"https://erp.example/a\"}"},
      {.kind = "http", .args = "{\"method\":\"POST\",\"url\":\"https://erp.example/b\"}"}}},
    {"wait", {{.kind = "event.wait", .args = "{\"topic\":\"paid\",\"key\":\"I-1\"}"}}},
};

static struct harness harness;

static int set_up(void **state)
{
    (void)state;
    harness_init(&harness, PROGRAMS, sizeof PROGRAMS / sizeof *PROGRAMS);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    harness_deinit(&harness);
    harness = (struct harness){0};
    return 0;
}

/* The last turn of the run is gone, and all that it wrote. */
static void lose_turn(struct bw_id id)
{
    struct mem_run *run = mem_find_run(harness.store.self, harness.tenant, id);
    assert_true(run->turn_count > 0);
    mem_disown(&run->turns[--run->turn_count].body);
    for (size_t i = 0; i < run->wait_count; i++) {
        bw_list_remove(&run->waits[i]->link);
        bw_free(run->waits[i]);
    }
    run->wait_count = 0;
    run->row.head = run->row.last_seq = run->turn_count; /* each turn has one command */
    run->row.wake = run->turn_count ? BW_WAKE_EFFECT : BW_WAKE_READY;
    run->row.is_active = true;
    run->row.wake_at_us = 0;
}

static void fail_over(void)
{
    bw_store_mem_fail_over(&harness.store);
    harness_settle(&harness);
    harness_advance(&harness, 1000);
}

static void test_a_run_whose_request_is_not_in_the_database_stops_for_a_person(void **state)
{
    (void)state;
    struct bw_id run = harness_start(&harness, "pay");
    lose_turn(run);
    fail_over();
    assert_status(&harness, run, "parked");
    const char *error = harness_member(&harness, run, "error");
    assert_non_null(strstr(error, "\"FAILOVER\""));
    assert_non_null(strstr(error, "POST https://bank.example/pay (once, key "));
    assert_false(harness_http(&harness, 200, "twice")); /* nothing is sent again */
    const char *audit = harness_read(&harness, "audit", run);
    assert_non_null(strstr(audit, "failover.lost"));
    assert_non_null(strstr(audit, "https://bank.example/pay"));
    assert_int_equal(harness_stats(&harness).failovers, 1);
    assert_int_equal(harness_stats(&harness).failover_lost_turns, 1);
    harness_resume(&harness, run, NULL); /* somebody has looked: it was not done */
    assert_true(harness_http(&harness, 200, "paid"));
    assert_status(&harness, run, "done");
}

static void test_a_run_that_stops_begins_nothing_that_its_rows_ask_for(void **state)
{
    (void)state;
    struct bw_id run = harness_start(&harness, "twice");
    assert_true(harness_http(&harness, 200, "a"));
    lose_turn(run); /* with the outcome of the first request, and the second one */
    uint64_t begun = harness_stats(&harness).effects;
    fail_over();
    assert_status(&harness, run, "parked");
    assert_int_equal(harness_stats(&harness).effects, begun);
    assert_false(harness_http(&harness, 200, "a again"));
    assert_non_null(strstr(harness_member(&harness, run, "error"), "https://erp.example/b"));
    harness_resume(&harness, run, NULL);
    assert_true(harness_http(&harness, 200, "a again")); /* known there by its key */
    assert_true(harness_http(&harness, 200, "b"));
    assert_status(&harness, run, "done");
}

/* It had been resumed, and had sent; the rows that are left say that it is still parked. */
static void test_a_parked_run_is_told_what_it_sent_after_a_resume_that_is_lost(void **state)
{
    (void)state;
    struct bw_id id = harness_start(&harness, "pay");
    struct mem_run *run = mem_find_run(harness.store.self, harness.tenant, id);
    lose_turn(id);
    run->row.status = BW_RUN_PARKED;
    run->row.wake = BW_WAKE_PARKED;
    run->row.is_active = false;
    fail_over();
    assert_status(&harness, id, "parked");
    const char *error = harness_member(&harness, id, "error");
    assert_non_null(strstr(error, "\"FAILOVER\""));
    assert_non_null(strstr(error, "POST https://bank.example/pay (once, key "));
    assert_non_null(strstr(error, "It was parked before"));
    harness_resume(&harness, id, NULL);
    assert_true(harness_http(&harness, 200, "paid"));
    assert_status(&harness, id, "done");
}

static void test_a_run_that_lost_a_turn_without_consequence_takes_it_again(void **state)
{
    (void)state;
    struct bw_id waits = harness_start(&harness, "wait"), asks = harness_start(&harness, "ask");
    lose_turn(waits);
    lose_turn(asks); /* a GET may be sent twice */
    fail_over();
    assert_status(&harness, waits, "open");
    assert_status(&harness, asks, "open");
    harness_event(&harness, "paid", "I-1", "e1", "1");
    assert_true(harness_http(&harness, 200, "x"));
    assert_status(&harness, waits, "done");
    assert_status(&harness, asks, "done");
    assert_int_equal(harness_stats(&harness).failover_lost_turns, 2);
}

static void test_after_a_failover_without_loss_all_goes_on(void **state)
{
    (void)state;
    struct bw_id pays = harness_start(&harness, "pay"), waits = harness_start(&harness, "wait");
    const struct mem_store *store = harness.store.self;
    int64_t epoch = store->shards[0].epoch;
    assert_true(harness_http(&harness, 200, "paid"));
    fail_over();
    assert_true(store->shards[0].epoch > epoch); /* what is still under way is fenced */
    harness_event(&harness, "paid", "I-1", "e1", "1");
    assert_status(&harness, pays, "done");
    assert_status(&harness, waits, "done");
    assert_int_equal(harness_stats(&harness).failover_lost_turns, 0);
    assert_null(strstr(harness_read(&harness, "audit", waits), "failover.lost"));
}

static bool is_held;

static enum bw_mem_fault hold(void *ud, const char *what)
{
    (void)ud;
    return is_held && strcmp(what, "check_turns") == 0 ? BW_MEM_FAIL : BW_MEM_GO;
}

static void test_nothing_goes_on_before_the_turns_are_looked_up(void **state)
{
    (void)state;
    struct bw_id run = harness_start(&harness, "wait");
    is_held = true;
    bw_store_mem_set_fault(&harness.store, hold, NULL);
    fail_over();
    harness_event(&harness, "paid", "I-1", "e1", "1");
    harness_advance(&harness, 5000);
    assert_status(&harness, run, "open");
    assert_int_equal(harness_stats(&harness).failovers, 0);
    is_held = false;
    harness_advance(&harness, 5000);
    assert_int_equal(harness_stats(&harness).failovers, 1);
    assert_status(&harness, run, "done");
}

static unsigned refused_scans;

static enum bw_mem_fault refuse_scan(void *ud, const char *what)
{
    (void)ud;
    if (refused_scans == 0 || strcmp(what, "scan") != 0)
        return BW_MEM_GO;
    refused_scans--;
    return BW_MEM_FAIL;
}

static void test_runs_are_found_again_when_the_first_look_for_them_is_refused(void **state)
{
    (void)state;
    struct bw_id asks = harness_start(&harness, "ask");
    refused_scans = 3;
    bw_store_mem_set_fault(&harness.store, refuse_scan, NULL);
    fail_over();
    harness_advance(&harness, 5000);
    assert_int_equal(refused_scans, 0);
    assert_true(harness_http(&harness, 200, "x"));
    assert_status(&harness, asks, "done");
}

/* The park is lost with the next tail, before anybody saw it. */
static void test_a_run_is_told_again_when_what_it_was_told_is_lost(void **state)
{
    (void)state;
    struct bw_id pays = harness_start(&harness, "pay");
    lose_turn(pays);
    struct bw_mem_snapshot *before = bw_store_mem_snapshot(&harness.store);
    fail_over();
    assert_status(&harness, pays, "parked");
    bw_store_mem_fall_back(&harness.store, before);
    harness_settle(&harness);
    harness_advance(&harness, 1000);
    assert_status(&harness, pays, "parked");
    assert_non_null(
        strstr(harness_member(&harness, pays, "error"), "bank.example/pay (once, key "));
    assert_false(harness_http(&harness, 200, "twice"));
}

static void test_what_came_after_the_standby_fell_behind_is_gone_and_told(void **state)
{
    (void)state;
    struct bw_id waits = harness_start(&harness, "wait");
    struct bw_mem_snapshot *before = bw_store_mem_snapshot(&harness.store);
    struct bw_id asks = harness_start(&harness, "ask");
    harness_event(&harness, "paid", "I-1", "e1", "1");
    assert_status(&harness, waits, "done");
    bw_store_mem_fall_back(&harness.store, before);
    harness_settle(&harness);
    harness_advance(&harness, 1000);
    assert_status(&harness, waits, "done"); /* the event was acknowledged: delivered again */
    assert_null(mem_find_run(harness.store.self, harness.tenant, asks));
    assert_non_null(strstr(harness_read(&harness, "audit", asks), "failover.lost"));
}

/* The database was restored while no engine lived: the lost history may have paid. */
static void test_after_a_restore_what_cannot_be_repeated_is_asked_about_first(void **state)
{
    (void)state;
    struct bw_id run = harness_start(&harness, "afterwards");
    harness_advance(&harness, 5);
    harness.restored_at_us = harness.clock.utc.us;
    harness_crash(&harness);
    harness_event(&harness, "paid", "I-1", "e-1", "1");
    harness_advance(&harness, 5);
    assert_false(harness_http(&harness, 200, "paid twice"));
    assert_status(&harness, run, "parked"); /* its script would ask: stdlib/http.lua */
    assert_non_null(strstr(harness_member(&harness, run, "error"), "UNKNOWN_OUTCOME"));
    struct bw_id later = harness_start(&harness, "pay"); /* no history has done this */
    assert_true(harness_http(&harness, 200, "paid"));
    assert_status(&harness, later, "done");
}

/* --- What was acknowledged at the door. */

static const char APPROVED[] = "{\"by\":\"dana\",\"decision\":\"approved\"}";

static void fall_back(struct bw_mem_snapshot *rows)
{
    bw_store_mem_fall_back(&harness.store, rows);
    harness_settle(&harness);
    harness_advance(&harness, 1000);
}

static void test_events_answers_and_cancels_that_were_lost_are_delivered_again(void **state)
{
    (void)state;
    struct bw_id waits = harness_start(&harness, "wait"), asks = harness_start(&harness, "task");
    struct bw_id ends = harness_start(&harness, "ask");
    struct bw_mem_snapshot *rows = bw_store_mem_snapshot(&harness.store);
    harness_event(&harness, "paid", "I-1", "e1", "1");
    harness_answer(&harness, bw_id_derive(asks, 1), APPROVED);
    harness_cancel(&harness, ends);
    assert_status(&harness, waits, "done");
    assert_status(&harness, asks, "done");
    assert_status(&harness, ends, "cancelled");
    fall_back(rows);
    assert_status(&harness, waits, "done");
    assert_status(&harness, asks, "done");
    assert_status(&harness, ends, "cancelled");
}

static void test_what_was_not_lost_counts_once(void **state)
{
    (void)state;
    struct bw_id asks = harness_start(&harness, "task");
    harness_event(&harness, "paid", "I-1", "e1", "1");
    harness_answer(&harness, bw_id_derive(asks, 1), APPROVED);
    fall_back(bw_store_mem_snapshot(&harness.store));
    struct bw_id waits = harness_start(&harness, "wait"), again = harness_start(&harness, "wait");
    assert_status(&harness, waits, "done");
    assert_status(&harness, again, "open");
    assert_null(strstr(harness_read(&harness, "audit", asks), "failover.lost"));
}

static void test_the_answer_of_a_task_that_is_gone_is_told_and_nothing_is_approved(void **state)
{
    (void)state;
    struct bw_id run = harness_start(&harness, "late-task");
    struct bw_mem_snapshot *rows = bw_store_mem_snapshot(&harness.store);
    assert_true(harness_http(&harness, 200, "10.00"));
    harness_answer(&harness, bw_id_derive(run, 2), APPROVED);
    assert_status(&harness, run, "done");
    fall_back(rows);
    assert_true(harness_http(&harness, 200, "99.00")); /* another question now */
    assert_status(&harness, run, "open");
    const char *audit = harness_read(&harness, "audit", run);
    assert_non_null(strstr(audit, "failover.lost"));
    assert_non_null(strstr(audit, "\"what\":\"answer\""));
    assert_non_null(strstr(audit, "\"by\":\"dana\""));
}

static void test_an_answer_is_not_given_to_a_task_that_was_asked_anew(void **state)
{
    (void)state;
    struct bw_id run = harness_start(&harness, "task"), task = bw_id_derive(run, 1);
    struct bw_mem_snapshot *rows = bw_store_mem_snapshot(&harness.store);
    harness_answer(&harness, task, APPROVED);
    assert_status(&harness, run, "done");
    bw_store_mem_fall_back(&harness.store, rows);
    /* As if another node had been faster. */
    mem_find_task(harness.store.self, harness.tenant, task)->row.opened_at_us += 60000000;
    harness_settle(&harness);
    harness_advance(&harness, 1000);
    assert_status(&harness, run, "open");
    assert_non_null(strstr(harness_read(&harness, "audit", run), "asked anew"));
}

static void test_a_cancel_does_not_move_a_run_that_stops_for_a_person(void **state)
{
    (void)state;
    struct bw_id run = harness_start(&harness, "twice");
    struct bw_mem_snapshot *rows = bw_store_mem_snapshot(&harness.store);
    assert_true(harness_http(&harness, 200, "a")); /* then b is sent */
    harness_cancel(&harness, run);
    assert_status(&harness, run, "cancelled");
    fall_back(rows);
    assert_status(&harness, run, "parked");
    assert_non_null(strstr(harness_read(&harness, "audit", run), "\"what\":\"cancel\""));
    harness_cancel(&harness, run); /* who has looked */
    assert_status(&harness, run, "cancelled");
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_a_run_whose_request_is_not_in_the_database_stops_for_a_person),
        CASE(test_a_run_that_stops_begins_nothing_that_its_rows_ask_for),
        CASE(test_a_parked_run_is_told_what_it_sent_after_a_resume_that_is_lost),
        CASE(test_runs_are_found_again_when_the_first_look_for_them_is_refused),
        CASE(test_a_run_is_told_again_when_what_it_was_told_is_lost),
        CASE(test_what_came_after_the_standby_fell_behind_is_gone_and_told),
        CASE(test_a_run_that_lost_a_turn_without_consequence_takes_it_again),
        CASE(test_after_a_failover_without_loss_all_goes_on),
        CASE(test_nothing_goes_on_before_the_turns_are_looked_up),
        CASE(test_events_answers_and_cancels_that_were_lost_are_delivered_again),
        CASE(test_what_was_not_lost_counts_once),
        CASE(test_the_answer_of_a_task_that_is_gone_is_told_and_nothing_is_approved),
        CASE(test_an_answer_is_not_given_to_a_task_that_was_asked_anew),
        CASE(test_a_cancel_does_not_move_a_run_that_stops_for_a_person),
        CASE(test_after_a_restore_what_cannot_be_repeated_is_asked_about_first),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
