/* test_sched.c - shares: of tenants by their weights, of classes within a tenant, of hosts. */
#include "support/test.h"

#include "core/sched.h"

enum { RUNS_MAX = 4000 };

static struct bw_sched sched;
static struct bw_run *runs[RUNS_MAX];
static size_t run_count;
static const struct bw_id A = {{1}}, B = {{2}}, C = {{3}};

static void set_up(size_t executing_max)
{
    bw_sched_init(&sched, executing_max);
}

static int tear_down(void **state)
{
    (void)state;
    bw_sched_deinit(&sched);
    for (size_t i = 0; i < run_count; i++) {
        bw_inbox_deinit(&runs[i]->inbox);
        bw_free(runs[i]);
    }
    run_count = 0;
    return 0;
}

static struct bw_run *make(struct bw_id tenant, const char *key)
{
    static const char NIL[] = {BW_VALUE_NIL};
    struct bw_run *run = bw_xcalloc(1, sizeof *run);
    assert_true(run_count < RUNS_MAX);
    runs[run_count++] = run;
    run->tenant = tenant;
    run->state = BW_RUN_STATE_READY;
    bw_list_init(&run->link);
    bw_inbox_init(&run->inbox);
    bw_inbox_put(&run->inbox, BW_DELIVERY_OUTCOME, 1, bw_str_of(key), bw_str(NIL, 1));
    return run;
}

static struct bw_run *ready(struct bw_id tenant, const char *key)
{
    struct bw_run *run = make(tenant, key);
    bw_sched_add(&sched, run);
    return run;
}

static void flood(struct bw_id tenant, const char *key, size_t count)
{
    for (size_t i = 0; i < count; i++)
        ready(tenant, key);
}

/* How many of the next `count` runs are this tenant's. */
static size_t share(struct bw_id tenant, size_t count)
{
    size_t found = 0;
    for (size_t i = 0; i < count; i++) {
        struct bw_run *run = bw_sched_next(&sched, true);
        assert_non_null(run);
        found += bw_id_eq(run->tenant, tenant);
    }
    return found;
}

static void test_tenants_of_one_weight_take_turns(void **state)
{
    (void)state;
    set_up(100);
    flood(A, "event:1", 1000);
    flood(B, "event:1", 10);
    assert_int_equal(share(B, 20), 10);
    assert_int_equal(share(A, 100), 100); /* whoever is alone has everything */
}

static void test_a_flood_delays_another_tenants_next_run_by_one_turn(void **state)
{
    (void)state;
    set_up(100);
    flood(A, "event:1", 3000);
    assert_int_equal(share(A, 500), 500);
    ready(B, "event:1");
    assert_int_equal(share(B, 2), 1);
}

static void test_shares_follow_the_weights(void **state)
{
    (void)state;
    set_up(100);
    bw_sched_weigh(&sched, A, 300);
    bw_sched_weigh(&sched, B, 100);
    bw_sched_weigh(&sched, C, 50);
    flood(A, "event:1", 1000);
    flood(B, "event:1", 1000);
    flood(C, "event:1", 1000);
    size_t of_a = 0, of_b = 0;
    for (size_t i = 0; i < 900; i++) {
        struct bw_run *run = bw_sched_next(&sched, true);
        of_a += bw_id_eq(run->tenant, A);
        of_b += bw_id_eq(run->tenant, B);
    }
    assert_int_equal(of_a, 600);
    assert_int_equal(of_b, 200);
}

static void test_a_weight_out_of_bounds_is_brought_into_them(void **state)
{
    (void)state;
    set_up(100);
    bw_sched_weigh(&sched, A, -5);
    bw_sched_weigh(&sched, B, 1000000);
    flood(A, "event:1", 100);
    flood(B, "event:1", 1000);
    assert_int_equal(share(A, 505), 5);
}

static void test_what_a_tenant_did_not_spend_is_not_saved_up(void **state)
{
    (void)state;
    set_up(100);
    bw_sched_weigh(&sched, A, 1000);
    for (size_t i = 0; i < 50; i++) {
        ready(A, "event:1");
        assert_int_equal(share(A, 1), 1);
    }
    flood(A, "event:1", 100);
    flood(B, "event:1", 10);
    assert_int_equal(share(A, 11), 10);
}

static void test_an_approval_is_not_kept_waiting_by_the_end_of_a_month(void **state)
{
    (void)state;
    set_up(100);
    flood(A, "child:1", 2000);
    flood(A, "event:1", 500);
    assert_int_equal(share(A, 700), 700);
    struct bw_run *approval = ready(A, "task:1");
    assert_ptr_equal(bw_sched_next(&sched, true), approval);
}

static void test_lower_classes_keep_a_share(void **state)
{
    (void)state;
    set_up(100);
    flood(A, "task:1", 1000);
    flood(A, "event:1", 1000);
    flood(A, "child:1", 1000);
    size_t counts[BW_CLASS_COUNT] = {0};
    for (size_t i = 0; i < 210; i++)
        counts[bw_sched_class_of(bw_sched_next(&sched, true))]++;
    assert_int_equal(counts[BW_CLASS_INTERACTIVE], 160);
    assert_int_equal(counts[BW_CLASS_EVENT], 40);
    assert_int_equal(counts[BW_CLASS_BATCH], 10);
}

static void test_no_tenant_has_every_place_at_the_hosts(void **state)
{
    (void)state;
    set_up(8);
    flood(A, "event:1", 100);
    for (size_t i = 0; i < 6; i++)
        bw_sched_begun(&sched, bw_sched_next(&sched, true));
    assert_null(bw_sched_next(&sched, true));
    assert_false(bw_sched_has_next(&sched, true));
    struct bw_run *other = ready(B, "event:1");
    assert_true(bw_sched_has_next(&sched, true));
    assert_ptr_equal(bw_sched_next(&sched, true), other);
    bw_sched_ended(&sched, runs[0]);
    assert_ptr_equal(bw_sched_next(&sched, true), runs[6]);
}

static void test_a_tenant_without_a_host_is_left_out_and_then_first(void **state)
{
    (void)state;
    set_up(100);
    flood(A, "event:1", 10);
    flood(B, "event:1", 10);
    struct bw_run *run = bw_sched_next(&sched, true);
    assert_true(bw_id_eq(run->tenant, A));
    bw_sched_hold(&sched, run);
    assert_int_equal(share(B, 5), 5);
    bw_sched_unhold(&sched);
    assert_ptr_equal(bw_sched_next(&sched, true), run);
    run = bw_sched_next(&sched, true); /* the last of those that can be had */
    bw_sched_hold(&sched, run);
    while (bw_sched_has_next(&sched, true))
        (void)bw_sched_next(&sched, true);
    bw_sched_remove(&sched, run);
    bw_sched_unhold(&sched);
    assert_true(bw_sched_has_next(&sched, true));
}

static void test_a_run_that_is_taken_out_leaves_its_tenants_round(void **state)
{
    (void)state;
    set_up(8);
    struct bw_run *run = ready(A, "event:1");
    bw_sched_remove(&sched, run);
    assert_false(bw_sched_has_next(&sched, true));
    assert_null(bw_sched_next(&sched, true));
    assert_int_equal(sched.ready_count, 0);
}

static void test_when_memory_is_short_what_was_begun_goes_on_first(void **state)
{
    (void)state;
    set_up(100);
    flood(A, "task:1", 3);
    struct bw_run *begun = make(B, "child:1");
    begun->is_resident = true;
    bw_sched_add(&sched, begun);
    assert_true(bw_sched_has_next(&sched, false));
    assert_ptr_equal(bw_sched_next(&sched, false), begun);
    assert_false(bw_sched_has_next(&sched, false));
    assert_null(bw_sched_next(&sched, false));
    assert_true(bw_sched_has_next(&sched, true));
    assert_int_equal(share(A, 3), 3); /* nobody was lost */
}

static void test_runs_with_and_without_a_vm_take_turns(void **state)
{
    (void)state;
    set_up(100);
    flood(A, "event:1", 10);
    for (size_t i = 0; i < 10; i++) {
        struct bw_run *begun = make(A, "event:1");
        begun->is_resident = true;
        bw_sched_add(&sched, begun);
    }
    size_t begun_count = 0;
    for (size_t i = 0; i < 10; i++)
        begun_count += bw_sched_next(&sched, true)->is_resident;
    assert_int_equal(begun_count, 5);
}

/* What its host is kept for: from ready to committed, without a gap. */
static void test_a_tenant_is_at_work_until_its_last_turn_is_committed(void **state)
{
    (void)state;
    set_up(100);
    assert_false(bw_sched_is_at_work(&sched, A));
    struct bw_run *run = ready(A, "event:1");
    assert_true(bw_sched_is_at_work(&sched, A));
    assert_false(bw_sched_is_at_work(&sched, B));
    assert_ptr_equal(bw_sched_next(&sched, true), run);
    bw_sched_hold(&sched, run); /* there is no host for it now */
    assert_true(bw_sched_is_at_work(&sched, A));
    bw_sched_unhold(&sched);
    assert_ptr_equal(bw_sched_next(&sched, true), run);
    bw_sched_begun(&sched, run);
    assert_true(bw_sched_is_at_work(&sched, A));
    bw_sched_committing(&sched, run, true);
    bw_sched_ended(&sched, run);
    assert_true(bw_sched_is_at_work(&sched, A));
    bw_sched_committing(&sched, run, false);
    assert_false(bw_sched_is_at_work(&sched, A));
    bw_sched_remove(&sched, ready(A, "event:1"));
    assert_false(bw_sched_is_at_work(&sched, A));
}

#define CASE(name) cmocka_unit_test_teardown(name, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_tenants_of_one_weight_take_turns),
        CASE(test_a_flood_delays_another_tenants_next_run_by_one_turn),
        CASE(test_shares_follow_the_weights),
        CASE(test_a_weight_out_of_bounds_is_brought_into_them),
        CASE(test_what_a_tenant_did_not_spend_is_not_saved_up),
        CASE(test_an_approval_is_not_kept_waiting_by_the_end_of_a_month),
        CASE(test_lower_classes_keep_a_share),
        CASE(test_no_tenant_has_every_place_at_the_hosts),
        CASE(test_a_tenant_without_a_host_is_left_out_and_then_first),
        CASE(test_a_run_that_is_taken_out_leaves_its_tenants_round),
        CASE(test_when_memory_is_short_what_was_begun_goes_on_first),
        CASE(test_runs_with_and_without_a_vm_take_turns),
        CASE(test_a_tenant_is_at_work_until_its_last_turn_is_committed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
