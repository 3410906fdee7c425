/* test_share.c - a tenant's ceiling of open runs: who is let in, who is told to come again.
 *
 * The host is support/core/fake_host.h, the rest of the world support/core/harness.h. */
#include "support/test.h"

#include "support/core/harness.h"

#include <stdio.h>

static const struct fake_program WAITS[] = {
    {"parent", {{.kind = "child.call", .args = "{\"workflow\":\"waits\",\"input\":{}}"}}},
    {"waits", {{.kind = "event.wait", .args = "{\"topic\":\"paid\",\"key\":\"I-1\"}"}}},
};
static struct harness harness;
static size_t refused;

static int tear_down(void **state)
{
    (void)state;
    harness_deinit(&harness);
    harness = (struct harness){0};
    return 0;
}

static void ignore(void *ud, const struct bw_error *error)
{
    (void)ud;
    assert_int_equal(error->code, BW_ERR_OK);
}

static void set_ceiling(int64_t runs_max)
{
    struct bw_buf args;
    bw_buf_init(&args, 256);
    bw_value_put_map(&args, 1);
    bw_value_put_key(&args, "runs_max");
    bw_value_put_int(&args, runs_max);
    harness.store.write(harness.store.self, harness.tenant, BW_STR("tenant"), bw_buf_str(&args),
                        ignore, NULL);
    harness_settle(&harness);
    bw_engine_tenant_changed(harness.engine, harness.tenant);
    harness_settle(&harness);
    bw_buf_deinit(&args);
}

static void on_start(void *ud, const struct bw_error *error, struct bw_id run, bool is_new)
{
    (void)run;
    (void)is_new;
    harness.code = error->code;
    snprintf(harness.text, sizeof harness.text, "%.500s", error->text);
    refused += error->code == BW_ERR_LIMIT;
    ++*(size_t *)ud;
}

static enum bw_err start(const char *workflow)
{
    size_t answers = 0;
    bw_engine_start_run(harness.engine,
                        &(struct bw_engine_start){.tenant = harness.tenant,
                                                  .workflow = bw_str_of(workflow),
                                                  .started_by = BW_STR("dana")},
                        on_start, &answers);
    harness_settle(&harness);
    assert_int_equal(answers, 1);
    return harness.code;
}

static void test_a_start_over_the_ceiling_is_refused_and_says_what_to_do(void **state)
{
    (void)state;
    harness_init(&harness, WAITS, 2);
    set_ceiling(2);
    assert_int_equal(start("waits"), BW_ERR_OK);
    assert_int_equal(start("waits"), BW_ERR_OK);
    assert_int_equal(start("waits"), BW_ERR_LIMIT);
    assert_non_null(strstr(harness.text, "has 2 open runs and may have 2: nothing was started"));
    assert_non_null(strstr(harness.text, "--runs-max"));
}

static void test_a_flood_that_comes_at_once_is_counted_one_by_one(void **state)
{
    (void)state;
    size_t answers = 0;
    refused = 0;
    harness_init(&harness, WAITS, 2);
    set_ceiling(3);
    for (size_t i = 0; i < 20; i++)
        bw_engine_start_run(harness.engine,
                            &(struct bw_engine_start){.tenant = harness.tenant,
                                                      .workflow = BW_STR("waits"),
                                                      .started_by = BW_STR("dana")},
                            on_start, &answers);
    harness_settle(&harness);
    assert_int_equal(answers, 20);
    assert_int_equal(refused, 17);
    harness_advance(&harness, 5000);
    assert_int_equal(start("waits"), BW_ERR_LIMIT);
    set_ceiling(4);
    assert_int_equal(start("waits"), BW_ERR_OK);
    assert_int_equal(start("waits"), BW_ERR_LIMIT);
}

static void test_when_a_run_has_ended_another_is_let_in(void **state)
{
    (void)state;
    harness_init(&harness, WAITS, 2);
    set_ceiling(1);
    struct bw_id run = harness_start(&harness, "waits");
    assert_int_equal(start("waits"), BW_ERR_LIMIT);
    harness_event(&harness, "paid", "I-1", "e-1", "{}");
    assert_status(&harness, run, "done");
    harness_advance(&harness, 2000);
    assert_int_equal(start("waits"), BW_ERR_OK);
}

static void test_a_child_of_an_open_run_is_never_refused(void **state)
{
    (void)state;
    harness_init(&harness, WAITS, 2);
    set_ceiling(1);
    struct bw_id run = harness_start(&harness, "parent");
    assert_status(&harness, bw_id_derive(run, 1), "open");
    assert_int_equal(start("waits"), BW_ERR_LIMIT);
}

static void test_a_ceiling_holds_after_a_restart(void **state)
{
    (void)state;
    harness_init(&harness, WAITS, 2);
    set_ceiling(1);
    (void)harness_start(&harness, "waits");
    harness_crash(&harness);
    assert_int_equal(start("waits"), BW_ERR_LIMIT);
}

#define CASE(name) cmocka_unit_test_teardown(name, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_a_start_over_the_ceiling_is_refused_and_says_what_to_do),
        CASE(test_a_flood_that_comes_at_once_is_counted_one_by_one),
        CASE(test_when_a_run_has_ended_another_is_let_in),
        CASE(test_a_child_of_an_open_run_is_never_refused),
        CASE(test_a_ceiling_holds_after_a_restart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
