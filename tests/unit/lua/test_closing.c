/* test_closing.c - handlers of to-be-closed variables ask for effects, also while a cancel unwinds;
 * what they have begun is brought to its end, and what they cannot do is told. */
#include "support/lua/rig.h"

static struct rig rig;

static int teardown(void **state)
{
    (void)state;
    rig_close(&rig);
    return 0;
}

/* A variable whose handler is `body`, of (value, e). */
#define ON_CLOSE(name, body)                                                                       \
    "local " name " <close> = setmetatable({}, { __close = function(_, e) " body " end })\n"
#define SEND(topic) "{\"key\":\"\",\"topic\":\"" topic "\"}"

static void assert_logged(const char *text)
{
    assert_true(rig.result.logs.len > 0);
    assert_non_null(memmem(rig.result.logs.ptr, rig.result.logs.len, text, strlen(text)));
}

static void assert_not_logged(const char *text)
{
    assert_true(rig.result.logs.len == 0 ||
                !memmem(rig.result.logs.ptr, rig.result.logs.len, text, strlen(text)));
}

static void test_handlers_wait_for_their_effects_during_a_cancel_latest_first(void **state)
{
    (void)state;
    rig_open(
        &rig,
        ON_CLOSE("one", "timer.sleep('1s') event.send('one')") ON_CLOSE(
            "two",
            "event.send('before') timer.sleep('2s') event.send('two')") "billow.compensate("
                                                                        "function() "
                                                                        "event.send('undone') "
                                                                        "end)\n"
                                                                        "timer.sleep('1d')\nlog."
                                                                        "info('not reached')");
    rig_start(&rig, "{}");
    rig_cancel(&rig);
    rig_assert_status(&rig, BW_TURN_WAITING);
    rig_assert_command(&rig, 0, "event.send", SEND("before"));
    rig_assert_command(&rig, 1, "sleep", NULL);
    rig_outcome(&rig, 3, NULL);
    rig_assert_status(&rig, BW_TURN_WAITING);
    rig_assert_command(&rig, 0, "event.send", SEND("two"));
    rig_assert_command(&rig, 1, "sleep", NULL);
    assert_int_equal(rig_replay(&rig), BW_TURN_WAITING);
    assert_int_equal(rig.result.pending_count, 1);
    assert_int_equal(rig.result.pending[0], 5);
    rig_outcome(&rig, 5, NULL);
    rig_assert_status(&rig, BW_TURN_CANCELLED);
    rig_assert_command(&rig, 0, "event.send", SEND("one"));
    rig_assert_command(&rig, 1, "event.send", SEND("undone"));
    assert_int_equal(rig.result.value.len, 1); /* nil: nothing went wrong */
    assert_not_logged("not reached");
}

static void test_a_handler_that_a_cancel_calls_sees_it_as_an_error_with_a_code(void **state)
{
    (void)state;
    rig_open(&rig, ON_CLOSE("one", "log.info(type(e) .. ' ' .. e.code)") "timer.sleep('1d')");
    rig_start(&rig, "{}");
    rig_cancel(&rig);
    rig_assert_status(&rig, BW_TURN_CANCELLED);
    assert_logged("table CANCELLED");
}

static void test_what_handlers_raise_during_a_cancel_is_told_with_its_line(void **state)
{
    (void)state;
    rig_open(&rig, ON_CLOSE("one", "event.send('still')") ON_CLOSE("two", "http.get('https://x')")
                       ON_CLOSE("three", "error('broken')") "timer.sleep('1d')");
    rig_start(&rig, "{}");
    rig_cancel(&rig);
    rig_assert_status(&rig, BW_TURN_WAITING);
    rig_error(&rig, 2, "HTTP_DOWN", "it is down");
    rig_assert_status(&rig, BW_TURN_CANCELLED);
    rig_assert_command(&rig, 0, "event.send", SEND("still"));
    rig_assert_text(&rig, "text",
                    "while it was being cancelled: broken (workflows/t.lua:4)\n"
                    "while it was being cancelled: it is down (workflows/t.lua:3)");
}

static void test_a_handler_catches_the_errors_of_its_own_effects(void **state)
{
    (void)state;
    rig_open(&rig,
             ON_CLOSE("one", "local ok, e = pcall(http.get, 'https://x') "
                             "event.send(tostring(ok)) log.info(err.of(e).code)") "timer.sleep('"
                                                                                  "1d')");
    rig_start(&rig, "{}");
    rig_cancel(&rig);
    rig_error(&rig, 2, "HTTP_DOWN", "it is down");
    rig_assert_status(&rig, BW_TURN_CANCELLED);
    rig_assert_command(&rig, 0, "event.send", SEND("false"));
    assert_logged("HTTP_DOWN");
    assert_int_equal(rig.result.value.len, 1);
}

static void test_a_handler_at_work_is_finished_before_the_cancel_is_raised(void **state)
{
    (void)state;
    rig_open(&rig,
             "do\n" ON_CLOSE(
                 "one", "timer.sleep('1s') event.send('closed')") "end\nlog.info('not reached')");
    rig_start(&rig, "{}");
    rig_assert_command(&rig, 0, "sleep", NULL);
    assert_int_equal(rig.result.commands[0].flags, BW_COMMAND_BLOCKS | BW_COMMAND_CLEANS_UP);
    rig_cancel(&rig);
    rig_assert_status(&rig, BW_TURN_WAITING);
    assert_int_equal(rig.result.command_count, 0);
    assert_int_equal(rig.result.pending_count, 1);
    assert_int_equal(rig_replay(&rig), BW_TURN_WAITING);
    rig_outcome(&rig, 1, NULL);
    rig_assert_status(&rig, BW_TURN_CANCELLED);
    rig_assert_command(&rig, 0, "event.send", SEND("closed"));
    assert_not_logged("not reached");
}

static void test_what_a_handler_asked_for_in_the_turn_of_the_cancel_is_kept(void **state)
{
    (void)state;
    rig_open(&rig,
             "do\n" ON_CLOSE(
                 "one", "timer.sleep('1s') event.send('closed')") "timer.sleep('1h')\nend\nlog."
                                                                  "info('not reached')");
    rig_start(&rig, "{}");
    rig_turn(&rig,
             (struct rig_delivery[]){{BW_DELIVERY_OUTCOME, 1, NULL}, {BW_DELIVERY_CANCEL, 0, "{}"}},
             2);
    rig_assert_status(&rig, BW_TURN_WAITING);
    assert_int_equal(rig.result.command_count, 1); /* no cancel of it */
    rig_outcome(&rig, 2, NULL);
    rig_assert_status(&rig, BW_TURN_CANCELLED);
    rig_assert_command(&rig, 0, "event.send", SEND("closed"));
}

static void test_the_error_on_its_way_when_a_cancel_supersedes_it_is_told(void **state)
{
    (void)state;
    rig_open(
        &rig,
        "local function work()\n" ON_CLOSE(
            "one",
            "timer.sleep('1s')") "error('the cause')\nend\npcall(work)\nlog.info('not reached')");
    rig_start(&rig, "{}");
    rig_cancel(&rig);
    rig_outcome(&rig, 1, NULL);
    rig_assert_status(&rig, BW_TURN_CANCELLED);
    rig_assert_text(&rig, "text", "the cause");
    assert_not_logged("not reached");
}

static void test_a_handler_that_fails_while_a_cancel_is_due_does_not_hide_it(void **state)
{
    (void)state;
    rig_open(
        &rig,
        "local function work()\n" ON_CLOSE(
            "one", "timer.sleep('1s') error('in the handler')") "end\npcall(work)\nlog.info('not "
                                                                "reached')\ntimer.sleep('1d')");
    rig_start(&rig, "{}");
    rig_cancel(&rig);
    rig_outcome(&rig, 1, NULL);
    rig_assert_status(&rig, BW_TURN_CANCELLED);
    assert_not_logged("not reached");
}

static void test_the_same_outside_any_pcall_ends_cancelled_and_says_why(void **state)
{
    (void)state;
    rig_open(&rig, "do\n" ON_CLOSE("one", "timer.sleep('1s') error('in the handler')") "end");
    rig_start(&rig, "{}");
    rig_cancel(&rig);
    rig_outcome(&rig, 1, NULL);
    rig_assert_status(&rig, BW_TURN_CANCELLED);
    rig_assert_text(&rig, "text",
                    "while it was being cancelled: in the handler (workflows/t.lua:3)");
}

static void test_a_handler_may_do_several_things_at_once(void **state)
{
    (void)state;
    rig_open(&rig,
             ON_CLOSE("one",
                      "billow.all { function() timer.sleep('1s') end, "
                      "function() timer.sleep('2s') event.send('both') end }") "timer.sleep('1d')");
    rig_start(&rig, "{}");
    rig_cancel(&rig);
    rig_assert_status(&rig, BW_TURN_WAITING);
    assert_int_equal(rig.result.pending_count, 2);
    rig_outcome(&rig, 2, NULL);
    rig_outcome(&rig, 3, NULL);
    rig_assert_status(&rig, BW_TURN_CANCELLED);
    rig_assert_command(&rig, 0, "event.send", SEND("both"));
}

static void test_strands_begun_by_a_handler_at_work_are_finished_too(void **state)
{
    (void)state;
    rig_open(&rig,
             "do\n" ON_CLOSE(
                 "one", "billow.all { function() timer.sleep('1s') end, "
                        "function() timer.sleep('2s') event.send('both') end }") "end\nlog.info('"
                                                                                 "not reached')");
    rig_start(&rig, "{}");
    rig_cancel(&rig);
    rig_assert_status(&rig, BW_TURN_WAITING);
    assert_int_equal(rig.result.pending_count, 2);
    assert_int_equal(rig.result.command_count, 0);
    rig_outcome(&rig, 1, NULL);
    rig_outcome(&rig, 2, NULL);
    rig_assert_status(&rig, BW_TURN_CANCELLED);
    rig_assert_command(&rig, 0, "event.send", SEND("both"));
    assert_not_logged("not reached");
}

static void test_a_cancelled_run_waits_for_the_handlers_of_all_its_strands(void **state)
{
    (void)state;
    rig_open(
        &rig,
        "billow.compensate(function() event.send('last') end)\n"
        "billow.all { function()\n" ON_CLOSE(
            "one", "timer.sleep('1s') event.send('closed')") "timer.sleep('1d') end, function() "
                                                             "timer.sleep('1d') end }");
    rig_start(&rig, "{}");
    rig_cancel(&rig);
    rig_assert_status(&rig, BW_TURN_WAITING);
    assert_int_equal(rig.result.pending_count, 1);
    rig_outcome(&rig, 3, NULL);
    rig_assert_status(&rig, BW_TURN_CANCELLED);
    rig_assert_command(&rig, 0, "event.send", SEND("closed"));
    rig_assert_command(&rig, 1, "event.send", SEND("last"));
}

static const char *const RACE =
    "billow.race { function() timer.sleep('1h') end, function()\n" ON_CLOSE(
        "one", "timer.sleep('1s') event.send('closed')") "timer.sleep('1d') end }\n"
                                                         "event.send('after')";

static void test_a_race_goes_on_when_its_loser_has_cleaned_up(void **state)
{
    (void)state;
    rig_open(&rig, RACE);
    rig_start(&rig, "{}");
    rig_outcome(&rig, 1, NULL);
    rig_assert_status(&rig, BW_TURN_WAITING);
    rig_assert_command(&rig, 0, "cancel", "{\"seq\":2}");
    rig_assert_command(&rig, 1, "sleep", NULL);
    rig_outcome(&rig, 4, NULL);
    rig_assert_status(&rig, BW_TURN_DONE);
    rig_assert_command(&rig, 0, "event.send", SEND("closed"));
    rig_assert_command(&rig, 1, "event.send", SEND("after"));
}

static void test_a_cancel_finds_a_loser_cleaning_up_and_lets_it(void **state)
{
    (void)state;
    rig_open(&rig, RACE);
    rig_start(&rig, "{}");
    rig_outcome(&rig, 1, NULL);
    rig_cancel(&rig);
    rig_assert_status(&rig, BW_TURN_WAITING);
    assert_int_equal(rig.result.command_count, 0);
    assert_int_equal(rig_replay(&rig), BW_TURN_WAITING);
    rig_outcome(&rig, 4, NULL);
    rig_assert_status(&rig, BW_TURN_CANCELLED);
    assert_int_equal(rig.result.command_count, 1);
    rig_assert_command(&rig, 0, "event.send", SEND("closed"));
}

static void test_a_losers_handler_that_fails_is_told_in_the_log(void **state)
{
    (void)state;
    rig_open(&rig, "billow.race { function() timer.sleep('1h') end, function()\n" ON_CLOSE(
                       "one", "error('cannot give it back')") "timer.sleep('1d') end }");
    rig_start(&rig, "{}");
    rig_outcome(&rig, 1, NULL);
    rig_assert_status(&rig, BW_TURN_DONE);
    assert_logged("cannot give it back");
}

static void test_a_cancel_during_a_roll_back_is_raised_behind_it(void **state)
{
    (void)state;
    rig_open(&rig, "billow.compensate(function() event.send('first') end)\n"
                   "billow.compensate(function() timer.sleep('1s') error('no way') end, 'second')\n"
                   "billow.roll_back()\nlog.info('not reached')");
    rig_start(&rig, "{}");
    rig_cancel(&rig);
    rig_assert_status(&rig, BW_TURN_WAITING);
    rig_outcome(&rig, 1, NULL);
    rig_assert_status(&rig, BW_TURN_CANCELLED);
    assert_int_equal(rig.result.command_count, 1);
    rig_assert_command(&rig, 0, "event.send", SEND("first"));
    rig_assert_text(&rig, "text", "second: no way (workflows/t.lua:3)");
    assert_not_logged("not reached");
}

static void test_a_handler_that_awaits_what_was_asked_before_it_hears_of_the_cancel(void **state)
{
    (void)state;
    rig_open(&rig, "local late = require('billow.late')\ndo\n"
                   "local seq = late.start('sleep', { until_us = 1 })\n" ON_CLOSE(
                       "one", "late.await(seq)") "end");
    rig_add_file(&rig, "stdlib/late.lua", "return require('billow.effect')");
    rig_start(&rig, "{}");
    rig_cancel(&rig);
    rig_assert_status(&rig, BW_TURN_CANCELLED);
    rig_assert_text(&rig, "text", "asked for before the handler began");
}

static void test_a_generator_that_catches_errors_works_inside_a_handler(void **state)
{
    (void)state;
    rig_open(&rig, "local step = coroutine.wrap(function()\n"
                   "  while true do coroutine.yield(pcall(function() coroutine.yield('in') "
                   "error('x') end)) end\nend)\nstep()\n" ON_CLOSE(
                       "one", "log.info('caught ' .. tostring(step()))") "timer.sleep('1d')");
    rig_start(&rig, "{}");
    rig_cancel(&rig);
    rig_assert_status(&rig, BW_TURN_CANCELLED);
    assert_logged("caught false");
    assert_int_equal(rig.result.value.len, 1);
}

static void test_no_checkpoint_is_made_while_a_run_is_undone(void **state)
{
    (void)state;
    rig_open(&rig, ON_CLOSE("one", "billow.checkpoint({})") "timer.sleep('1d')");
    rig_start(&rig, "{}");
    rig_cancel(&rig);
    rig_assert_status(&rig, BW_TURN_CANCELLED);
    rig_assert_text(&rig, "text", "cannot begin anew");
}

static void test_outside_a_cancel_handlers_wait_and_their_errors_are_errors(void **state)
{
    (void)state;
    rig_open(&rig,
             "local ok, e = pcall(function()\n" ON_CLOSE(
                 "one", "timer.sleep('1s') error('from the handler')") "return 1 end)\n"
                                                                       "return { ok = ok, e = e }");
    rig_start(&rig, "{}");
    rig_outcome(&rig, 1, NULL);
    rig_assert_status(&rig, BW_TURN_DONE);
    rig_assert_value(&rig, "{\"e\":\"workflows/t.lua:3: from the handler\",\"ok\":false}");
}

#define TEST(name) cmocka_unit_test_teardown(name, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_handlers_wait_for_their_effects_during_a_cancel_latest_first),
        TEST(test_a_handler_that_a_cancel_calls_sees_it_as_an_error_with_a_code),
        TEST(test_what_handlers_raise_during_a_cancel_is_told_with_its_line),
        TEST(test_a_handler_catches_the_errors_of_its_own_effects),
        TEST(test_a_handler_at_work_is_finished_before_the_cancel_is_raised),
        TEST(test_what_a_handler_asked_for_in_the_turn_of_the_cancel_is_kept),
        TEST(test_the_error_on_its_way_when_a_cancel_supersedes_it_is_told),
        TEST(test_a_handler_that_fails_while_a_cancel_is_due_does_not_hide_it),
        TEST(test_the_same_outside_any_pcall_ends_cancelled_and_says_why),
        TEST(test_a_handler_may_do_several_things_at_once),
        TEST(test_strands_begun_by_a_handler_at_work_are_finished_too),
        TEST(test_a_cancelled_run_waits_for_the_handlers_of_all_its_strands),
        TEST(test_a_race_goes_on_when_its_loser_has_cleaned_up),
        TEST(test_a_cancel_finds_a_loser_cleaning_up_and_lets_it),
        TEST(test_a_losers_handler_that_fails_is_told_in_the_log),
        TEST(test_a_cancel_during_a_roll_back_is_raised_behind_it),
        TEST(test_a_handler_that_awaits_what_was_asked_before_it_hears_of_the_cancel),
        TEST(test_a_generator_that_catches_errors_works_inside_a_handler),
        TEST(test_no_checkpoint_is_made_while_a_run_is_undone),
        TEST(test_outside_a_cancel_handlers_wait_and_their_errors_are_errors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
