/* test_limits.c - what a workflow states as its limits: counts from its definition on, the same in
 * each replay of a turn that needs them; what is malformed is refused with what is expected. */
#include "support/lua/rig.h"

#include "base/limits.h"

static struct rig rig;

static void close_rig(void)
{
    if (rig.release)
        rig_close(&rig);
    rig.release = NULL;
}

static int teardown(void **state)
{
    (void)state;
    close_rig();
    return 0;
}

#define WORK(count) "local n = 0 for i = 1, " count " do n = n + 1 end\n"
#define HOLD(kib) "local t = {} for i = 1, " kib " do t[i] = ('x'):rep(1024 - 40) .. i end\n"

/* A workflow that states `limits`. */
static void open_stating(const char *limits, const char *body)
{
    char source[1024];
    close_rig();
    snprintf(source, sizeof source,
             "local timer = require('billow.timer')\nlocal event = require('billow.event')\n"
             "return require('billow.workflow').define({ name = 't', version = '1', %s"
             "run = function() %s end })",
             limits, body);
    rig_open_file(&rig, source);
    rig.steps_max = BW_LIMIT_TURN_STEPS;
    rig.memory_bytes_max = BW_LIMIT_VM_BYTES;
    rig_start(&rig, "{}");
}

static int64_t int_of(const char *key)
{
    struct bw_value map = bw_value_read(rig.result.value);
    return bw_value_get_int(&map, key, -1);
}

static void test_a_workflow_that_states_nothing_has_the_defaults(void **state)
{
    (void)state;
    open_stating("", WORK("3000000"));
    rig_assert_status(&rig, BW_TURN_BUDGET);
    assert_int_equal(int_of("limit"), BW_LIMIT_TURN_STEPS_DEFAULT);
    open_stating("", HOLD("20000"));
    rig_assert_status(&rig, BW_TURN_MEMORY);
    assert_int_equal(int_of("limit"), BW_LIMIT_VM_DEFAULT_BYTES);
}

static void test_a_workflow_has_what_it_states(void **state)
{
    (void)state;
    open_stating("limits = { steps = '20M', memory = '48MiB' }, ", WORK("3000000") HOLD("20000"));
    rig_assert_status(&rig, BW_TURN_DONE);
}

static void test_lower_limits_stop_it_earlier_and_say_whose_they_are(void **state)
{
    (void)state;
    open_stating("limits = { steps = 100000 }, ", WORK("200000"));
    rig_assert_status(&rig, BW_TURN_BUDGET);
    assert_int_equal(int_of("limit"), 100000);
    struct bw_value map = bw_value_read(rig.result.value);
    assert_true(bw_value_get_bool(&map, "is_stated", false));
    open_stating("limits = { memory = '1MiB' }, ", HOLD("2000"));
    rig_assert_status(&rig, BW_TURN_MEMORY);
    assert_int_equal(int_of("limit"), BW_MIB);
}

static void test_over_what_the_engine_gives_that_counts(void **state)
{
    (void)state;
    open_stating("limits = { steps = '50M' }, ", "timer.sleep('1s') " WORK("200000"));
    rig_assert_status(&rig, BW_TURN_WAITING);
    bw_vm_set_limits(rig.vm, 100000, BW_LIMIT_VM_BYTES, 0);
    rig_outcome(&rig, 1, NULL);
    rig_assert_status(&rig, BW_TURN_BUDGET);
    assert_int_equal(int_of("limit"), 100000);
}

/* A later release or build may state less: what was enough when it happened is enough. */
static void test_replayed_turns_may_use_more_than_is_stated_now(void **state)
{
    (void)state;
    static const char *const BODY = WORK("3000000") "event.wait('x')\n" WORK("3000000");
    open_stating("limits = { steps = '20M' }, ", BODY);
    rig_assert_status(&rig, BW_TURN_WAITING);
    char source[1024];
    snprintf(source, sizeof source, "end)() or (function()\n%s", BODY);
    rig_change(&rig, BODY); /* the same, without limits */
    assert_int_equal(rig_replay(&rig), BW_TURN_WAITING);
    rig_outcome(&rig, 1, "{\"topic\":\"x\",\"key\":\"\",\"id\":\"1\",\"body\":1}");
    rig_assert_status(&rig, BW_TURN_BUDGET);
    assert_int_equal(int_of("limit"), BW_LIMIT_TURN_STEPS_DEFAULT);
}

static void test_the_most_that_may_be_stated_is_the_engines(void **state)
{
    (void)state;
    char limits[96];
    snprintf(limits, sizeof limits, "limits = { steps = %u, memory = %u }, ", BW_LIMIT_TURN_STEPS,
             BW_LIMIT_VM_BYTES);
    open_stating(limits, "return 1");
    rig_assert_status(&rig, BW_TURN_DONE);
}

static void refused(const char *limits, const char *text)
{
    open_stating(limits, "return 1");
    rig_assert_status(&rig, BW_TURN_FAILED);
    rig_assert_text(&rig, "text", text);
    rig_assert_text(&rig, "file", "workflows/t.lua");
}

static void test_malformed_limits_are_refused_with_what_is_expected(void **state)
{
    (void)state;
    refused("limits = '20M', ", "limits is a string, a table is expected");
    refused("limits = { fuel = 1 }, ", "limits.fuel is not known; there are steps and memory");
    refused("limits = { steps = '20 M' }, ", "limits.steps is \"20 M\"; steps of a turn");
    refused("limits = { steps = '20MiB' }, ", "limits.steps is \"20MiB\"");
    refused("limits = { steps = -1 }, ", "limits.steps is -1; steps of a turn are expected, from");
    refused("limits = { steps = 9999 }, ", "from 10k to 50M");
    refused("limits = { steps = 50000001 }, ", "limits.steps is 50000001");
    refused("limits = { steps = 1e6 }, ", "limits.steps is");
    refused("limits = { steps = true }, ", "limits.steps is true");
    refused("limits = { memory = '65MiB' }, ",
            "limits.memory is \"65MiB\"; a heap from 1MiB to 64MiB");
    refused("limits = { memory = '16MB' }, ", "limits.memory is \"16MB\"");
    refused("limits = { memory = 67108865 }, ", "limits.memory is 67108865");
    refused("limits = { memory = '99999999999999999999KiB' }, ", "limits.memory is");
}

#define TEST(name) cmocka_unit_test_teardown(name, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_a_workflow_that_states_nothing_has_the_defaults),
        TEST(test_a_workflow_has_what_it_states),
        TEST(test_lower_limits_stop_it_earlier_and_say_whose_they_are),
        TEST(test_over_what_the_engine_gives_that_counts),
        TEST(test_replayed_turns_may_use_more_than_is_stated_now),
        TEST(test_the_most_that_may_be_stated_is_the_engines),
        TEST(test_malformed_limits_are_refused_with_what_is_expected),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
