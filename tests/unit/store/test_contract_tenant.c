/* test_contract_tenant.c - shares of tenants, and the proof that every run waits for something:
 * what every store keeps. */
#include "support/store/contract.h"

#include <stdio.h>

#define F struct store_fixture *f = *state

static int64_t share_of(struct store_fixture *f, const char *member)
{
    assert_ok(fixture_read(f, "tenant", "{}"), &f->error);
    struct bw_value map = bw_value_read(bw_buf_str(&f->value));
    return bw_value_get_int(&map, member, -1);
}

static void test_a_tenant_has_the_normal_share_until_another_is_set(void **state)
{
    F;
    assert_int_equal(share_of(f, "weight"), 100);
    assert_int_equal(share_of(f, "runs_max"), 0);
    assert_ok(fixture_write(f, "tenant", "{\"weight\":300,\"runs_max\":2}"), &f->error);
    assert_int_equal(share_of(f, "weight"), 300);
    assert_ok(fixture_write(f, "tenant", "{\"weight\":50}"), &f->error);
    assert_int_equal(share_of(f, "weight"), 50);
    assert_int_equal(share_of(f, "runs_max"), 2);
    assert_ok(fixture_write(f, "tenant", "{\"runs_max\":0}"), &f->error);
    assert_int_equal(share_of(f, "runs_max"), 0);
}

static void test_a_weight_out_of_bounds_is_refused(void **state)
{
    F;
    assert_int_equal(fixture_write(f, "tenant", "{\"weight\":9}"), BW_ERR_INVALID);
    assert_int_equal(fixture_write(f, "tenant", "{\"weight\":1001}"), BW_ERR_INVALID);
    assert_int_equal(share_of(f, "weight"), 100);
}

static void test_open_runs_are_counted_up_to_the_ceiling(void **state)
{
    F;
    assert_ok(fixture_write(f, "tenant", "{\"runs_max\":3}"), &f->error);
    struct bw_id first = fixture_start(f, NULL);
    (void)fixture_start(f, NULL);
    assert_int_equal(share_of(f, "open"), 2);
    for (int i = 0; i < 4; i++)
        (void)fixture_start(f, NULL);
    assert_int_equal(share_of(f, "open"), 3);
    assert_ok(fixture_write(f, "tenant", "{\"runs_max\":100}"), &f->error);
    struct bw_turn_commit turn = fixture_turn(f, first, 0, "ends");
    turn.status = BW_RUN_DONE, turn.wake = BW_WAKE_NONE;
    assert_int_equal(fixture_commit(f, &turn), BW_COMMIT_DONE);
    assert_int_equal(share_of(f, "open"), 5);
}

/* --- Reasons to wait. */

/* A run whose row says this, and nothing else about it. */
static struct bw_id planted(struct store_fixture *f, enum bw_run_status status,
                            enum bw_wake_reason wake, bool is_active)
{
    struct bw_turn_commit turn = fixture_turn(f, fixture_start(f, NULL), 0, "planted");
    turn.status = status, turn.wake = wake, turn.is_active = is_active;
    assert_int_equal(fixture_commit(f, &turn), BW_COMMIT_DONE);
    return turn.run;
}

static void assert_problem(struct store_fixture *f, struct bw_id run, const char *problem)
{
    char row[200], id[BW_ID_TEXT_LEN + 1];
    bw_id_print(run, id);
    snprintf(row, sizeof row, "{\"problem\":\"%s\",\"run\":\"%s\"}", problem, id);
    assert_ok(fixture_read(f, "problems", "{}"), &f->error);
    const char *rows = fixture_json(f, bw_buf_str(&f->value));
    if (!strstr(rows, row))
        fail_msg("%s is missing in %s", row, rows);
}

static void test_runs_as_the_engine_writes_them_have_no_problem(void **state)
{
    F;
    (void)fixture_start(f, NULL);
    (void)planted(f, BW_RUN_OPEN, BW_WAKE_EFFECT, true);
    (void)planted(f, BW_RUN_DONE, BW_WAKE_NONE, false);
    assert_ok(fixture_read(f, "problems", "{}"), &f->error);
    assert_string_equal(fixture_json(f, bw_buf_str(&f->value)), "[]");
}

static void test_a_reason_to_wait_without_what_is_waited_for_is_a_problem(void **state)
{
    F;
    static const struct {
        enum bw_run_status status;
        enum bw_wake_reason wake;
        const char *problem;
    } PLANTED[] = {
        {BW_RUN_OPEN, BW_WAKE_NONE, "is open and has no reason to wait"},
        {BW_RUN_OPEN, BW_WAKE_READY, "is ready, but nothing would find it"},
        {BW_RUN_OPEN, BW_WAKE_TIMER, "waits for a timer that has no time"},
        {BW_RUN_OPEN, BW_WAKE_EVENT, "waits for an event that it has not asked for"},
        {BW_RUN_OPEN, BW_WAKE_EFFECT, "waits for an effect of its own that nothing would begin"},
        {BW_RUN_OPEN, BW_WAKE_TASK, "waits for a task that is not open"},
        {BW_RUN_OPEN, BW_WAKE_CHILD, "waits for a child that has ended, or never was"},
        {BW_RUN_OPEN, BW_WAKE_DATABASE, "waits for the database, which has answered nothing"},
        {BW_RUN_PARKED, BW_WAKE_PARKED, "is parked without a reason"},
        {BW_RUN_DONE, BW_WAKE_TIMER, "has ended, and would be woken"},
    };
    for (size_t i = 0; i < sizeof PLANTED / sizeof *PLANTED; i++)
        assert_problem(f, planted(f, PLANTED[i].status, PLANTED[i].wake, false),
                       PLANTED[i].problem);
}

static void test_a_run_that_ended_with_a_wait_is_a_problem(void **state)
{
    F;
    struct bw_wait wait = {.seq = 1, .topic = BW_STR("paid")};
    struct bw_turn_commit turn = fixture_turn(f, fixture_start(f, NULL), 0, "ends");
    turn.status = BW_RUN_DONE, turn.wake = BW_WAKE_NONE;
    turn.waits = &wait, turn.wait_count = 1;
    assert_int_equal(fixture_commit(f, &turn), BW_COMMIT_DONE);
    assert_problem(f, turn.run, "has ended, and waits for an event");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CONTRACT_TEST(test_a_tenant_has_the_normal_share_until_another_is_set),
        CONTRACT_TEST(test_a_weight_out_of_bounds_is_refused),
        CONTRACT_TEST(test_open_runs_are_counted_up_to_the_ceiling),
        CONTRACT_TEST(test_runs_as_the_engine_writes_them_have_no_problem),
        CONTRACT_TEST(test_a_reason_to_wait_without_what_is_waited_for_is_a_problem),
        CONTRACT_TEST(test_a_run_that_ended_with_a_wait_is_a_problem),
    };
    return cmocka_run_group_tests(tests, NULL, fixture_stop_pg);
}
