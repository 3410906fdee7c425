/* test_pool.c - hosts and tenants: one tenant at a time in a process (fake_host fails the test when
 * it sees two), nobody waits for ever, and a host that says nothing is ended. */
#include "support/test.h"

#include "support/core/harness.h"

#include <stdio.h>

#define OP_HTTP                                                                                    \
    {                                                                                              \
        .kind = "http",                                                                            \
        .args = "{\"method\":\"POST\",\"url\":\"https://erp.example/x\",\"body\":\"b\"}",          \
    }
#define TENANTS_MAX 6

static const struct fake_program CALLS = {"calls", {OP_HTTP, OP_HTTP, OP_HTTP}};
static struct harness harness;
static struct bw_id tenants[TENANTS_MAX];

static void set_up(size_t host_count, size_t tenant_count)
{
    harness.host_count = host_count;
    harness_init(&harness, &CALLS, 1);
    tenants[0] = harness.tenant;
    for (size_t i = 1; i < tenant_count; i++) {
        char name[32];
        snprintf(name, sizeof name, "tenant-%zu", i);
        harness_add_tenant(&harness, name, &CALLS, 1);
        tenants[i] = harness.tenant;
    }
}

static int tear_down(void **state)
{
    (void)state;
    harness_deinit(&harness);
    harness = (struct harness){0};
    return 0;
}

static struct bw_id start_for(size_t tenant)
{
    harness.tenant = tenants[tenant];
    return harness_start(&harness, "calls");
}

static void answer_all(void)
{
    while (harness_http(&harness, 200, "fine"))
        ;
}

static size_t restarts(void)
{
    size_t count = 0;
    for (size_t i = 0; i < harness.host_count; i++)
        count += fake_host_restarts(harness.fakes[i]);
    return count;
}

static void test_two_tenants_take_turns_with_one_host(void **state)
{
    struct bw_id first, second;
    (void)state;
    set_up(1, 2);
    first = start_for(0);
    second = start_for(1);
    answer_all();
    harness.tenant = tenants[0];
    assert_status(&harness, first, "done");
    harness.tenant = tenants[1];
    assert_status(&harness, second, "done");
    assert_true(restarts() >= 1); /* each time it changed hands */
}

static void test_tenants_keep_their_hosts_while_there_are_enough(void **state)
{
    (void)state;
    set_up(3, 3);
    for (int round = 0; round < 4; round++) {
        for (size_t i = 0; i < 3; i++)
            (void)start_for(i);
        answer_all();
    }
    assert_int_equal(restarts(), 0);
    for (size_t i = 0; i < 3; i++)
        assert_true(fake_host_wakes(harness.fakes[i]) > 0);
}

static void test_one_tenant_stays_with_one_host(void **state)
{
    (void)state;
    set_up(3, 1);
    for (int i = 0; i < 20; i++)
        (void)start_for(0);
    answer_all();
    assert_true(fake_host_wakes(harness.fakes[0]) > 0);
    assert_int_equal(fake_host_wakes(harness.fakes[1]) + fake_host_wakes(harness.fakes[2]), 0);
}

static void test_a_crowded_tenant_gets_more_hosts_when_it_may(void **state)
{
    (void)state;
    harness.limits = (struct bw_engine_limits){.hosts_per_tenant = 2, .host_grow_at = 4};
    set_up(3, 1);
    fake_host_hang(harness.fakes[0], 1); /* four turns wait there */
    for (int i = 0; i < 8; i++)
        (void)start_for(0);
    assert_true(fake_host_wakes(harness.fakes[1]) > 0);
    assert_int_equal(fake_host_wakes(harness.fakes[2]), 0);
    harness_advance(&harness, 4000);
    answer_all();
    harness.limits = (struct bw_engine_limits){0};
}

static void test_more_tenants_than_hosts_all_get_done(void **state)
{
    struct bw_id runs[5][TENANTS_MAX];
    (void)state;
    set_up(2, TENANTS_MAX);
    for (size_t round = 0; round < 5; round++) {
        for (size_t i = 0; i < TENANTS_MAX; i++)
            runs[round][i] = start_for((i * 5 + round) % TENANTS_MAX);
        (void)harness_http(&harness, 200, "fine");
    }
    for (int i = 0; i < 100; i++) { /* so many changes of hands take their time */
        answer_all();
        harness_advance(&harness, 10);
    }
    for (size_t round = 0; round < 5; round++) {
        for (size_t i = 0; i < TENANTS_MAX; i++) {
            harness.tenant = tenants[(i * 5 + round) % TENANTS_MAX];
            assert_status(&harness, runs[round][i], "done");
        }
    }
}

/* A host that changes hands all the time has no time for anything else. */
static void test_hosts_change_hands_so_often_and_not_more(void **state)
{
    struct bw_id runs[40];
    size_t first;
    (void)state;
    set_up(1, 2);
    for (size_t i = 0; i < 40; i++)
        runs[i] = start_for(i % 2);
    first = restarts();
    assert_true(first >= 1 && first <= 10); /* not forty, though each found the other's host idle */
    harness_advance(&harness, 20);
    assert_true(restarts() <= first + 5); /* one in five milliseconds */
    for (int i = 0; i < 200; i++) {
        answer_all();
        harness_advance(&harness, 10);
    }
    for (size_t i = 0; i < 40; i++) {
        harness.tenant = tenants[i % 2];
        assert_status(&harness, runs[i], "done");
    }
}

static void test_a_tenant_gets_a_host_from_one_that_never_rests(void **state)
{
    struct bw_id hanging, waiting;
    (void)state;
    set_up(1, 2);
    fake_host_hang(harness.host, 1); /* the first tenant's turn does not come back */
    hanging = start_for(0);
    waiting = start_for(1);
    harness_advance(&harness, 200); /* its time with the host is over: no new work for the first */
    (void)start_for(0);
    assert_int_equal(fake_host_wakes(harness.host), 0);
    harness_advance(&harness, 4000);
    answer_all();
    harness.tenant = tenants[1];
    assert_status(&harness, waiting, "done");
    harness.tenant = tenants[0];
    assert_status(&harness, hanging, "done");
}

static void test_a_host_that_hangs_is_ended_and_its_turns_are_taken_again(void **state)
{
    struct bw_id run;
    (void)state;
    set_up(1, 1);
    run = start_for(0);
    fake_host_hang(harness.host, 1);
    (void)harness_http(&harness, 200, "one");
    harness_advance(&harness, 2900);
    assert_int_equal(restarts(), 0);
    harness_advance(&harness, 400);
    assert_int_equal(restarts(), 1);
    answer_all();
    assert_status(&harness, run, "done");
}

static void test_a_turn_that_hangs_three_hosts_is_parked(void **state)
{
    struct bw_id run;
    (void)state;
    set_up(1, 1);
    run = start_for(0);
    fake_host_hang(harness.host, 3);
    (void)harness_http(&harness, 200, "one");
    harness_advance(&harness, 12000);
    assert_status(&harness, run, "parked");
    assert_non_null(strstr(harness_member(&harness, run, "error"), "did not answer for 3 s"));
    assert_int_equal(restarts(), 3);
}

static void test_an_idle_host_may_be_silent(void **state)
{
    struct bw_id run;
    (void)state;
    set_up(1, 1);
    run = start_for(0);
    harness_advance(&harness, 60000);
    assert_int_equal(restarts(), 0);
    answer_all();
    assert_status(&harness, run, "done");
}

int main(void)
{
#define CASE(name) cmocka_unit_test_teardown(name, tear_down)
    const struct CMUnitTest tests[] = {
        CASE(test_two_tenants_take_turns_with_one_host),
        CASE(test_tenants_keep_their_hosts_while_there_are_enough),
        CASE(test_one_tenant_stays_with_one_host),
        CASE(test_a_crowded_tenant_gets_more_hosts_when_it_may),
        CASE(test_more_tenants_than_hosts_all_get_done),
        CASE(test_hosts_change_hands_so_often_and_not_more),
        CASE(test_a_tenant_gets_a_host_from_one_that_never_rests),
        CASE(test_a_host_that_hangs_is_ended_and_its_turns_are_taken_again),
        CASE(test_a_turn_that_hangs_three_hosts_is_parked),
        CASE(test_an_idle_host_may_be_silent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
