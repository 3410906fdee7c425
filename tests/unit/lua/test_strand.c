/* test_strand.c - several things at once in one run: all, race, first, cancelled losers, replay of
 * all that. */
#include "support/lua/rig.h"

static struct rig rig;

static int teardown(void **state)
{
    (void)state;
    rig_close(&rig);
    return 0;
}

#define EVENT(text) "{\"topic\":\"t\",\"key\":\"\",\"id\":\"1\",\"body\":" text "}"

static const char *const ALL =
    "local r = billow.all {\n"
    "  a = function() return event.wait('a').body end,\n"
    "  b = function() timer.sleep('1s') return event.wait('b').body end,\n"
    "  c = function() return 'at once' end }\nreturn r";

static void test_all_runs_everything_and_keeps_the_keys(void **state)
{
    (void)state;
    rig_open(&rig, ALL);
    rig_start(&rig, "{}");
    rig_assert_status(&rig, BW_TURN_WAITING);
    rig_assert_command(&rig, 0, "event.wait", "{\"key\":\"\",\"topic\":\"a\"}");
    rig_assert_command(&rig, 1, "sleep", NULL);
    assert_int_equal(rig.result.pending_count, 2);
    rig_outcome(&rig, 2, NULL);
    rig_assert_command(&rig, 0, "event.wait", "{\"key\":\"\",\"topic\":\"b\"}");
    rig_turn(&rig,
             (struct rig_delivery[]){{BW_DELIVERY_OUTCOME, 3, EVENT("2")},
                                     {BW_DELIVERY_OUTCOME, 1, EVENT("1")}},
             2);
    rig_assert_status(&rig, BW_TURN_DONE);
    rig_assert_value(&rig, "{\"a\":1,\"b\":2,\"c\":\"at once\"}");
}

static void test_deliveries_decide_the_order_of_commands_and_replay_follows_it(void **state)
{
    (void)state;
    rig_open(&rig, "billow.all {\n"
                   "  function() event.wait('a') event.send('after a') event.wait('x') end,\n"
                   "  function() event.wait('b') event.send('after b') event.wait('y') end }");
    rig_start(&rig, "{}");
    rig_turn(&rig,
             (struct rig_delivery[]){{BW_DELIVERY_OUTCOME, 2, EVENT("0")},
                                     {BW_DELIVERY_OUTCOME, 1, EVENT("0")}},
             2);
    rig_assert_command(&rig, 0, "event.send", "{\"key\":\"\",\"topic\":\"after b\"}");
    rig_assert_command(&rig, 1, "event.wait", "{\"key\":\"\",\"topic\":\"y\"}");
    rig_assert_command(&rig, 2, "event.send", "{\"key\":\"\",\"topic\":\"after a\"}");
    assert_int_equal(rig_replay(&rig), BW_TURN_WAITING);
    assert_int_equal(rig.result.pending_count, 2);
    assert_int_equal(rig.result.pending[0], 4);
    assert_int_equal(rig.result.pending[1], 6);
}

static void test_all_raises_the_first_error_where_it_happened_and_cancels_the_rest(void **state)
{
    (void)state;
    rig_open(&rig, "billow.all {\n  function() http.get('https://x') end,\n"
                   "  function()\n    local guard <close> = setmetatable({}, { __close = "
                   "function() log.info('unwound') "
                   "end })\n    timer.sleep('1d')\n  end }");
    rig_start(&rig, "{}");
    rig_error(&rig, 1, "HTTP_DOWN", "down");
    rig_assert_status(&rig, BW_TURN_FAILED);
    rig_assert_text(&rig, "code", "HTTP_DOWN");
    struct bw_value map = bw_value_read(rig.result.value);
    assert_int_equal(bw_value_get_int(&map, "line", 0), 3);
    assert_non_null(memmem(rig.result.logs.ptr, rig.result.logs.len, "unwound", 7));
}

static void test_race_returns_the_first_to_end_and_cancels_the_losers_effects(void **state)
{
    (void)state;
    rig_open(
        &rig,
        "local r, key = billow.race {\n  answer = function() return event.wait('a').body end,\n"
        "  late = function() timer.sleep('1d') return 'late' end }\n"
        "event.wait('next')\nreturn { r, key }");
    rig_start(&rig, "{}");
    rig_outcome(&rig, 1, EVENT("\"yes\""));
    rig_assert_status(&rig, BW_TURN_WAITING);
    rig_assert_command(&rig, 0, "cancel", "{\"seq\":2}");
    assert_int_equal(rig.result.commands[0].flags, 0);
    rig_assert_command(&rig, 1, "event.wait", NULL);
    assert_int_equal(rig.result.pending_count, 1);
    assert_int_equal(rig.result.pending[0], 4);
    rig_outcome(&rig, 2, NULL); /* comes all the same: nobody minds */
    rig_assert_status(&rig, BW_TURN_WAITING);
    assert_int_equal(rig.result.command_count, 0);
    rig_outcome(&rig, 4, EVENT("0"));
    rig_assert_status(&rig, BW_TURN_DONE);
    rig_assert_value(&rig, "[\"yes\",\"answer\"]");
}

static void test_two_outcomes_in_one_turn_the_first_wins_the_race(void **state)
{
    (void)state;
    rig_open(&rig,
             "local r, key = billow.race {\n  a = function() return event.wait('a').body end,\n"
             "  b = function() return event.wait('b').body end }\nevent.wait('c')\nreturn key");
    rig_start(&rig, "{}");
    rig_turn(&rig,
             (struct rig_delivery[]){{BW_DELIVERY_OUTCOME, 2, EVENT("1")},
                                     {BW_DELIVERY_OUTCOME, 1, EVENT("1")}},
             2);
    rig_assert_status(&rig, BW_TURN_WAITING);
    assert_int_equal(rig_replay(&rig), BW_TURN_WAITING);
    rig_outcome(&rig, 4, EVENT("0"));
    rig_assert_value(&rig, "\"b\"");
}

static void test_first_passes_over_failures(void **state)
{
    (void)state;
    rig_open(&rig,
             "local r, key = billow.first {\n  function() return http.get('https://a').body end,\n"
             "  function() return http.get('https://b').body end }\nreturn { r, key }");
    rig_start(&rig, "{}");
    rig_error(&rig, 1, "DOWN", "a is down");
    rig_assert_status(&rig, BW_TURN_WAITING);
    rig_outcome(&rig, 2, "{\"status\":200,\"headers\":{},\"body\":\"from b\"}");
    rig_assert_value(&rig, "[\"from b\",2]");
}

static void test_first_without_success_raises_all_errors(void **state)
{
    (void)state;
    rig_open(
        &rig,
        "billow.first { function() http.get('https://a') end, function() error('broken', 0) end }");
    rig_start(&rig, "{}");
    rig_error(&rig, 1, "DOWN", "a is down");
    rig_assert_status(&rig, BW_TURN_FAILED);
    rig_assert_text(&rig, "code", "NONE_SUCCEEDED");
    rig_assert_text(&rig, "text", "none succeeded: 2: broken; 1: a is down");
}

static void test_a_lost_race_cancels_the_races_inside_it(void **state)
{
    (void)state;
    rig_open(
        &rig,
        "billow.race {\n  function() event.wait('a') end,\n  function() billow.all { function() "
        "timer.sleep('1d') end, function() event.wait('b') end } end }\nevent.wait('c')");
    rig_start(&rig, "{}");
    assert_int_equal(rig.result.command_count, 3);
    rig_outcome(&rig, 1, EVENT("0"));
    rig_assert_status(&rig, BW_TURN_WAITING);
    rig_assert_command(&rig, 0, "cancel", "{\"seq\":2}");
    rig_assert_command(&rig, 1, "cancel", "{\"seq\":3}");
    rig_assert_command(&rig, 2, "event.wait", NULL);
    assert_int_equal(rig.result.pending_count, 1);
    assert_int_equal(rig_replay(&rig), BW_TURN_WAITING);
}

static void test_a_cancel_unwinds_every_strand_children_first(void **state)
{
    (void)state;
    rig_open(&rig, "local function guard(name) return setmetatable({}, { __close = function() "
                   "log.info(name) end }) end\n"
                   "local outer <close> = guard('outer')\n"
                   "billow.all { function() local a <close> = guard('one') timer.sleep('1d') end,\n"
                   "  function() local b <close> = guard('two') timer.sleep('1d') end }");
    rig_start(&rig, "{}");
    rig_cancel(&rig);
    rig_assert_status(&rig, BW_TURN_CANCELLED);
    assert_int_equal(rig.result.command_count, 0);
    const char *two = memmem(rig.result.logs.ptr, rig.result.logs.len, "two", 3);
    const char *one = memmem(rig.result.logs.ptr, rig.result.logs.len, "one", 3);
    const char *outer = memmem(rig.result.logs.ptr, rig.result.logs.len, "outer", 5);
    assert_true(two && one && outer && two < one && one < outer);
}

static void test_a_strand_that_loops_for_ever_ends_the_turn(void **state)
{
    (void)state;
    rig_open(&rig,
             "billow.race { function() while true do end end, function() timer.sleep('1s') end }");
    rig_start(&rig, "{}");
    rig_assert_status(&rig, BW_TURN_BUDGET);
}

static void test_child_runs_and_tasks_are_commands_with_derived_ids(void **state)
{
    (void)state;
    rig_open(&rig, "local id = workflow.start('dunning', { invoice = 'I-1' }, { key = 'I-1' })\n"
                   "local answer = task.open { kind = 'approval', title = 'Approve', due = '3d' }\n"
                   "return { id, answer.decision, workflow.call('other', 1) }");
    rig_start(&rig, "{}");
    rig_assert_command(
        &rig, 0, "child.start",
        "{\"id_key\":\"I-1\",\"input\":{\"invoice\":\"I-1\"},\"workflow\":\"dunning\"}");
    rig_assert_command(&rig, 1, "task.open",
                       "{\"assignees\":[],\"due_us\":1793728800000000,\"kind\":\"approval\","
                       "\"title\":\"Approve\"}");
    rig_outcome(&rig, 2, "{\"decision\":\"approve\",\"by\":\"dana\",\"at_us\":1}");
    rig_assert_command(&rig, 0, "child.call", "{\"input\":1,\"workflow\":\"other\"}");
    rig_outcome(&rig, 3, "\"done\"");
    rig_assert_status(&rig, BW_TURN_DONE);
    struct bw_value list = bw_value_read(rig.result.value), id;
    char text[BW_ID_TEXT_LEN + 1];
    bw_id_print(bw_id_derive(rig.run, 1), text);
    assert_true(bw_value_next(&list.items, &id));
    assert_str(id.text, text);
}

static void test_a_long_run_of_races_keeps_its_memory(void **state)
{
    (void)state;
    rig_open(&rig, "for i = 1, 40 do billow.race { function() event.wait('a') end, function() "
                   "timer.sleep('1d') end } "
                   "for j = 1, 200 do billow.race { function() end, function() timer.sleep('1d') "
                   "end } end end");
    rig_start(&rig, "{}");
    uint64_t early = 0;
    for (uint64_t i = 0; i < 39; i++) {
        size_t at = rig.result.pending_count;
        assert_true(at == 2);
        rig_outcome(&rig, rig.result.pending[0], EVENT("0"));
        rig_assert_status(&rig, BW_TURN_WAITING);
        if (i == 9)
            early = rig.result.memory_bytes;
    }
    assert_true(rig.result.memory_bytes < 2 * early);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_teardown(name, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_all_runs_everything_and_keeps_the_keys),
        TEST(test_deliveries_decide_the_order_of_commands_and_replay_follows_it),
        TEST(test_all_raises_the_first_error_where_it_happened_and_cancels_the_rest),
        TEST(test_race_returns_the_first_to_end_and_cancels_the_losers_effects),
        TEST(test_two_outcomes_in_one_turn_the_first_wins_the_race),
        TEST(test_first_passes_over_failures),
        TEST(test_first_without_success_raises_all_errors),
        TEST(test_a_lost_race_cancels_the_races_inside_it),
        TEST(test_a_cancel_unwinds_every_strand_children_first),
        TEST(test_a_strand_that_loops_for_ever_ends_the_turn),
        TEST(test_a_long_run_of_races_keeps_its_memory),
        TEST(test_child_runs_and_tasks_are_commands_with_derived_ids),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
