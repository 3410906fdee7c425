/* test_vm.c - a run in its VM: turns, outcomes, ends, cancel, checkpoint, replay. */
#include "support/lua/rig.h"

static struct rig rig;

static int teardown(void **state)
{
    (void)state;
    rig_close(&rig);
    return 0;
}

static void test_a_workflow_without_effects_is_done_in_its_first_turn(void **state)
{
    (void)state;
    rig_open(&rig, "return { total = input.a + 1, rate = decimal '1.50' }");
    rig_start(&rig, "{\"a\":41}");
    rig_assert_status(&rig, BW_TURN_DONE);
    rig_assert_value(&rig, "{\"rate\":1.50,\"total\":42}");
}

static void test_an_effect_is_a_command_and_its_outcome_goes_on(void **state)
{
    (void)state;
    rig_open(
        &rig,
        "local r = http.post('https://x/y', { json = { a = 1 } })\nreturn r:json().id .. r.status");
    rig_start(&rig, "{}");
    rig_assert_status(&rig, BW_TURN_WAITING);
    assert_int_equal(rig.result.command_count, 1);
    rig_assert_command(
        &rig, 0, "http",
        "{\"body\":\"{\\\"a\\\":1}\",\"headers\":{\"Content-Type\":\"application/json\"},"
        "\"method\":\"POST\",\"url\":\"https://x/y\"}");
    assert_int_equal(rig.result.commands[0].seq, 1);
    assert_int_equal(rig.result.commands[0].flags, BW_COMMAND_BLOCKS);
    assert_str(rig.result.commands[0].file, "workflows/t.lua");
    assert_int_equal(rig.result.commands[0].line, 2);
    assert_int_equal(rig.result.pending_count, 1);
    assert_int_equal(rig.result.pending[0], 1);
    rig_outcome(&rig, 1, "{\"status\":201,\"headers\":{},\"body\":\"{\\\"id\\\":\\\"E-1:\\\"}\"}");
    rig_assert_status(&rig, BW_TURN_DONE);
    rig_assert_value(&rig, "\"E-1:201\"");
}

static void test_an_error_outcome_is_raised_and_can_be_caught(void **state)
{
    (void)state;
    rig_open(&rig, "local ok, e = pcall(http.get, 'https://x')\n"
                   "return { ok = ok, is = err.is(e, 'TIMEOUT'), text = tostring(e), again = "
                   "e.is_retryable }");
    rig_start(&rig, "{}");
    rig_error(&rig, 1, "TIMEOUT", "too slow");
    rig_assert_status(&rig, BW_TURN_DONE);
    rig_assert_value(&rig,
                     "{\"again\":true,\"is\":true,\"ok\":false,\"text\":\"TIMEOUT: too slow\"}");
}

static void test_an_uncaught_error_outcome_fails_with_its_code_and_the_line_that_asked(void **state)
{
    (void)state;
    rig_open(&rig, "local x = 1\nhttp.get('https://x')");
    rig_start(&rig, "{}");
    rig_error(&rig, 1, "TIMEOUT", "too slow");
    rig_assert_status(&rig, BW_TURN_FAILED);
    rig_assert_text(&rig, "code", "TIMEOUT");
    rig_assert_text(&rig, "text", "too slow");
    rig_assert_text(&rig, "file", "workflows/t.lua");
    struct bw_value map = bw_value_read(rig.result.value);
    assert_int_equal(bw_value_get_int(&map, "line", 0), 3);
}

static void test_a_script_error_fails_with_file_line_and_stack(void **state)
{
    (void)state;
    rig_open(&rig, "local function f()\n  local t = nil\n  return t.x\nend\nreturn f()");
    rig_start(&rig, "{}");
    rig_assert_status(&rig, BW_TURN_FAILED);
    rig_assert_text(&rig, "code", "SCRIPT");
    rig_assert_text(&rig, "text", "attempt to index a nil value (local 't')");
    rig_assert_text(&rig, "stack", "workflows/t.lua:4:");
    struct bw_value map = bw_value_read(rig.result.value);
    assert_int_equal(bw_value_get_int(&map, "line", 0), 4);
}

static void test_a_float_in_the_result_fails_and_says_what_to_write(void **state)
{
    (void)state;
    rig_open(&rig, "return { lines = { { rate = 1.5 } } }");
    rig_start(&rig, "{}");
    rig_assert_status(&rig, BW_TURN_FAILED);
    rig_assert_text(&rig, "text",
                    "result.lines[1].rate: float 1.5 cannot cross a border: write decimal \"1.5\"");
}

static void test_a_float_in_an_effect_fails_at_the_scripts_line(void **state)
{
    (void)state;
    rig_open(&rig, "event.send('t', { amount = 10 / 4 })");
    rig_start(&rig, "{}");
    rig_assert_status(&rig, BW_TURN_FAILED);
    rig_assert_text(&rig, "text", "event.send.body.amount: float 2.5 cannot cross a border");
    struct bw_value map = bw_value_read(rig.result.value);
    assert_int_equal(bw_value_get_int(&map, "line", 0), 2);
}

static void test_a_syntax_error_fails_with_its_line(void **state)
{
    (void)state;
    rig_open(&rig, "local x =\nreturn");
    rig_start(&rig, "{}");
    rig_assert_status(&rig, BW_TURN_FAILED);
    rig_assert_text(&rig, "text", "unexpected symbol near 'return'");
    struct bw_value map = bw_value_read(rig.result.value);
    assert_int_equal(bw_value_get_int(&map, "line", 0), 3);
}

static void test_input_is_checked_against_the_declared_types(void **state)
{
    (void)state;
    rig_open_file(&rig, "return require('billow.workflow').define { name = 't', version = '1',\n"
                        "input = { contract = 'id', period = 'period', rate = 'decimal?' },\n"
                        "run = function(input) return input end }");
    rig_start(&rig, "{\"contract\":\"C-1\",\"period\":\"2026-13\"}");
    rig_assert_status(&rig, BW_TURN_FAILED);
    rig_assert_text(&rig, "code", "INPUT_INVALID");
    rig_assert_text(&rig, "text", "input.period: a month \"YYYY-MM\" is expected");
}

static void test_an_effect_at_load_time_is_refused(void **state)
{
    (void)state;
    rig_open_file(&rig, "local event = require 'billow.event'\nevent.send('x')\nreturn 1");
    rig_start(&rig, "{}");
    rig_assert_status(&rig, BW_TURN_FAILED);
    rig_assert_text(&rig, "text", "effects cannot be called while a file is being loaded");
    assert_int_equal(rig.result.command_count, 0);
}

static void test_an_effect_in_the_scripts_own_coroutine_is_refused(void **state)
{
    (void)state;
    rig_open(&rig, "local co = coroutine.wrap(function() timer.sleep('1s') end)\nco()");
    rig_start(&rig, "{}");
    rig_assert_status(&rig, BW_TURN_FAILED);
    rig_assert_text(&rig, "text",
                    "cannot be called from a coroutine that the script made; use billow.all");
}

static void test_an_effect_in_a_sort_comparator_is_refused(void **state)
{
    (void)state;
    rig_open(&rig, "table.sort({ 2, 1 }, function(a, b) timer.sleep('1s') return a < b end)");
    rig_start(&rig, "{}");
    rig_assert_status(&rig, BW_TURN_FAILED);
    rig_assert_text(&rig, "text", "nor in the function given to table.sort");
}

static void test_scripts_cannot_require_the_runtime(void **state)
{
    (void)state;
    rig_open(&rig, "local out = {} for _, name in ipairs { 'billow.effect', 'billow.effect.core', "
                   "'billow.runtime' } do "
                   "out[#out + 1] = pcall(require, name) end return out");
    rig_start(&rig, "{}");
    rig_assert_value(&rig, "[false,false,false]");
}

static void test_scripts_cannot_change_the_standard_library(void **state)
{
    (void)state;
    rig_open(&rig,
             "local ok, e = pcall(function() err.new = nil end)\n"
             "return { ok, pcall(rawset, err, 'new', 1), pcall(function() string.rep = nil end), "
             "(pcall(setmetatable, err, {})), e }");
    rig_start(&rig, "{}");
    rig_assert_status(&rig, BW_TURN_DONE);
    assert_non_null(memmem(rig.result.value.ptr, rig.result.value.len, "this table is frozen", 20));
}

static void test_time_is_the_turns_time_and_moves_between_turns_only(void **state)
{
    (void)state;
    rig_open(&rig, "local a, b = billow.now(), billow.now()\ntimer.sleep('1h')\n"
                   "return { a, b, billow.now(), billow.today() }");
    rig_start(&rig, "{}");
    rig_assert_command(&rig, 0, "sleep", "{\"until_us\":1793473200000000}");
    rig_outcome(&rig, 1, NULL);
    rig_assert_value(&rig, "[\"2026-10-31T18:00:00Z\",\"2026-10-31T18:00:00Z\",\"2026-10-31T18:00:"
                           "01Z\",\"2026-10-31\"]");
}

static void
test_random_numbers_are_the_same_in_every_replay_and_go_on_after_a_checkpoint(void **state)
{
    char first[256], again[256];
    (void)state;
    rig_open(&rig, "return { billow.uuid(), billow.random(1000000), math.random(1, 6) }");
    rig_start(&rig, "{}");
    struct bw_buf buf;
    bw_buf_init(&buf, 255);
    bw_value_to_json(&buf, rig.result.value, BW_JSON_DECIMAL_NUMBERS);
    (void)snprintf(first, sizeof first, "%s", bw_buf_cstr(&buf));
    rig_resume_from(&rig, "{}", NULL, 0);
    rig_assert_value(&rig, first);
    rig_resume_from(&rig, "{}", "{}", 7);
    bw_buf_clear(&buf);
    bw_value_to_json(&buf, rig.result.value, BW_JSON_DECIMAL_NUMBERS);
    (void)snprintf(again, sizeof again, "%s", bw_buf_cstr(&buf));
    assert_string_not_equal(first, again);
    bw_buf_deinit(&buf);
}

/* --- checkpoint */

static void test_a_checkpoint_ends_the_vm_and_the_seqs_go_on(void **state)
{
    (void)state;
    rig_open(&rig, "local n = state and state.n or 0\n"
                   "if n < 2 then timer.sleep('1s') billow.checkpoint { n = n + 1 } end\nreturn n");
    rig_start(&rig, "{}");
    rig_outcome(&rig, 1, NULL);
    rig_assert_status(&rig, BW_TURN_CHECKPOINT);
    rig_assert_value(&rig, "{\"n\":1}");
    rig_assert_command(&rig, 0, "checkpoint", "{\"state\":{\"n\":1}}");
    assert_int_equal(rig.result.commands[0].seq, 2);
    rig_resume_from(&rig, "{}", "{\"n\":1}", 2);
    rig_assert_command(&rig, 0, "sleep", NULL);
    assert_int_equal(rig.result.commands[0].seq, 3);
    rig_resume_from(&rig, "{}", "{\"n\":2}", 4);
    rig_assert_status(&rig, BW_TURN_DONE);
    rig_assert_value(&rig, "2");
}

static void test_a_checkpoint_with_compensations_is_refused(void **state)
{
    (void)state;
    rig_open(&rig, "billow.compensate(function() end)\nbillow.checkpoint(1)");
    rig_start(&rig, "{}");
    rig_assert_status(&rig, BW_TURN_FAILED);
    rig_assert_text(&rig, "text", "compensations are functions and cannot be kept");
}

/* --- cancel */

static void test_a_cancel_cannot_be_caught_and_close_handlers_run(void **state)
{
    (void)state;
    rig_open(&rig, "local function scope()\n"
                   "  local guard <close> = setmetatable({}, { __close = function() "
                   "log.info('closed') end })\n"
                   "  while true do pcall(timer.sleep, '1s') end\nend\n"
                   "pcall(xpcall, scope, function() end)\nlog.info('not reached')");
    rig_start(&rig, "{}");
    rig_outcome(&rig, 1, NULL);
    rig_assert_command(&rig, 0, "sleep", NULL);
    rig_cancel(&rig);
    rig_assert_status(&rig, BW_TURN_CANCELLED);
    assert_int_equal(rig.result.command_count, 0);
    assert_non_null(memmem(rig.result.logs.ptr, rig.result.logs.len, "closed", 6));
    assert_null(memmem(rig.result.logs.ptr, rig.result.logs.len, "not reached", 11));
}

static void test_a_close_handler_that_fails_does_not_stop_the_cancel(void **state)
{
    (void)state;
    rig_open(&rig, "local function scope()\n"
                   "  local guard <close> = setmetatable({}, { __close = function() error('in the "
                   "handler') end })\n"
                   "  timer.sleep('1s')\nend\npcall(scope)\nlog.info('not reached')");
    rig_start(&rig, "{}");
    rig_cancel(&rig);
    rig_assert_status(&rig, BW_TURN_CANCELLED);
    assert_int_equal(rig.result.logs.len, 0);
    rig_assert_text(&rig, "text",
                    "while it was being cancelled: in the handler (workflows/t.lua:3)");
}

static void test_compensations_run_latest_first_with_effects_of_their_own(void **state)
{
    (void)state;
    rig_open(&rig,
             "billow.compensate(function() event.send('undo', 1) end)\n"
             "billow.compensate(function() timer.sleep('1s') event.send('undo', 2) end, 'second')\n"
             "local drop = billow.compensate(function() event.send('undo', 3) end)\ndrop()\n"
             "billow.compensate(function() error('no way back') end, 'third')\ntimer.sleep('1d')");
    rig_start(&rig, "{}");
    rig_cancel(&rig);
    rig_assert_status(&rig, BW_TURN_WAITING);
    rig_assert_command(&rig, 0, "sleep", NULL);
    rig_outcome(&rig, 2, NULL);
    rig_assert_status(&rig, BW_TURN_CANCELLED);
    rig_assert_command(&rig, 0, "event.send", "{\"body\":2,\"key\":\"\",\"topic\":\"undo\"}");
    rig_assert_command(&rig, 1, "event.send", "{\"body\":1,\"key\":\"\",\"topic\":\"undo\"}");
    rig_assert_text(&rig, "text", "third: no way back (workflows/t.lua:6)");
}

/* The engine cannot tell what was asked for before the cancel from what the unwinding asks for. */
static void test_what_the_turn_of_a_cancel_asked_for_before_it_is_given_up_by_name(void **state)
{
    (void)state;
    rig_open(&rig, "billow.compensate(function() timer.sleep('2s') end)\n"
                   "timer.sleep('1d')\ntimer.sleep('1h')");
    rig_start(&rig, "{}");
    rig_turn(&rig,
             (struct rig_delivery[]){{BW_DELIVERY_OUTCOME, 1, NULL}, {BW_DELIVERY_CANCEL, 0, "{}"}},
             2);
    rig_assert_status(&rig, BW_TURN_WAITING);
    assert_int_equal(rig.result.command_count, 3);
    rig_assert_command(&rig, 0, "sleep", NULL);
    rig_assert_command(&rig, 1, "cancel", "{\"seq\":2}");
    rig_assert_command(&rig, 2, "sleep", NULL);
    assert_int_equal(rig.result.pending_count, 1);
    assert_int_equal(rig.result.pending[0], 4);
}

static void test_a_run_cancelled_before_it_starts_is_cancelled(void **state)
{
    (void)state;
    rig_open(&rig, "return 1");
    rig_cancel(&rig);
    rig_assert_status(&rig, BW_TURN_CANCELLED);
}

/* --- limits */

static void test_an_endless_loop_ends_the_turn_and_none_of_its_commands_count(void **state)
{
    (void)state;
    rig_open(&rig, "event.send('x')\nwhile true do pcall(function() while true do end end) end");
    rig_start(&rig, "{}");
    rig_assert_status(&rig, BW_TURN_BUDGET);
    assert_int_equal(rig.result.command_count, 0);
    assert_true(rig.result.steps > rig.steps_max);
}

static void test_work_that_steps_cannot_price_is_ended_by_the_clock(void **state)
{
    (void)state;
    rig_open(&rig, "local a, b = ('x'):rep(1000000) .. 'a', ('x'):rep(1000000) .. 'b'\n"
                   "while true do\n  pcall(function() while a ~= b do end end)\nend");
    rig.steps_max = UINT64_MAX / 2;
    rig.wall_us_max = 50000;
    rig_start(&rig, "{}");
    rig_assert_status(&rig, BW_TURN_WALL);
    rig_assert_value(&rig,
                     "{\"file\":\"workflows/t.lua\",\"is_stated\":false,\"limit\":50,\"line\":4}");
}

static void test_too_much_memory_ends_the_turn(void **state)
{
    (void)state;
    rig_open(&rig, "local t = {}\nwhile true do pcall(function() while true do t[#t + 1] = "
                   "('x'):rep(1000) .. #t end end) "
                   "end");
    rig_start(&rig, "{}");
    rig_assert_status(&rig, BW_TURN_MEMORY);
    assert_true(rig.result.memory_bytes <= rig.memory_bytes_max + 65536);
}

static void test_a_large_outcome_that_does_not_fit_ends_the_run_not_the_process(void **state)
{
    struct bw_buf json;
    (void)state;
    rig_open(&rig, "local r = event.wait('x')\nreturn #r.body");
    rig.memory_bytes_max = 700000;
    rig_start(&rig, "{}");
    rig_assert_status(&rig, BW_TURN_WAITING);
    bw_buf_init(&json, 4000000);
    bw_buf_put_text(&json, "{\"topic\":\"x\",\"key\":\"\",\"id\":\"1\",\"body\":[0");
    for (int i = 0; i < 100000; i++)
        bw_buf_put_text(&json, ",\"a text of some length\"");
    bw_buf_put_text(&json, "]}");
    rig_outcome(&rig, 1, bw_buf_cstr(&json));
    bw_buf_deinit(&json);
    rig_assert_status(&rig, BW_TURN_MEMORY);
}

static void test_running_out_of_memory_anywhere_ends_the_run_cleanly(void **state)
{
    size_t done = 0, out_of_memory = 0;
    (void)state;
    rig_open(&rig, "local r = billow.all { function() return event.wait('a').body end, function() "
                   "local t = {} "
                   "for i = 1, 50 do t[i] = json.decode('{\"n\":1.5,\"l\":[1,2]}') end return "
                   "json.encode(t) end }\n"
                   "local ok, e = pcall(error, err.new { code = 'X', text = 'y' })\n"
                   "for k, v in pairs(r) do ok = tostring(v):gsub('%d', '%0%0') end\n"
                   "table.sort({ 3, 1, 2 })\nreturn { r, money('1.00', 'EUR'):allocate { 1, 2 } }");
    for (uint64_t cap = 100000; cap < 420000; cap += 997) {
        rig.memory_bytes_max = cap;
        rig_resume_from(&rig, "{}", NULL, 0);
        if (rig.result.status == BW_TURN_WAITING)
            rig_outcome(&rig, 1, "{\"topic\":\"a\",\"key\":\"\",\"id\":\"1\",\"body\":[1,2,3]}");
        assert_true(rig.result.status == BW_TURN_DONE || rig.result.status == BW_TURN_MEMORY);
        if (rig.result.status == BW_TURN_DONE)
            done++;
        else
            out_of_memory++;
    }
    assert_true(done > 10 && out_of_memory > 10);
}

/* --- replay */

static const char *const LONG_BODY =
    "local total = decimal(0)\n"
    "for i = 1, 3 do\n"
    "  local r = event.wait('hours', { key = input.contract .. i })\n"
    "  total = total + r.body.hours\n"
    "  event.send('seen', { total = total, at = billow.now(), id = billow.uuid() })\n"
    "end\nreturn total";

static void play_long(void)
{
    rig_start(&rig, "{\"contract\":\"C\"}");
    rig_outcome(&rig, 1,
                "{\"topic\":\"hours\",\"key\":\"C1\",\"id\":\"1\",\"body\":{\"hours\":1.25}}");
    rig_outcome(&rig, 3,
                "{\"topic\":\"hours\",\"key\":\"C2\",\"id\":\"2\",\"body\":{\"hours\":2}}");
}

static void test_a_replay_goes_as_recorded_and_the_run_goes_on(void **state)
{
    (void)state;
    rig_open(&rig, LONG_BODY);
    play_long();
    assert_int_equal(rig_replay(&rig), BW_TURN_WAITING);
    assert_int_equal(rig.result.command_count, 0);
    assert_int_equal(rig.result.pending_count, 1);
    assert_int_equal(rig.result.pending[0], 5);
    rig_outcome(&rig, 5,
                "{\"topic\":\"hours\",\"key\":\"C3\",\"id\":\"3\",\"body\":{\"hours\":0.75}}");
    rig_assert_status(&rig, BW_TURN_DONE);
    rig_assert_value(&rig, "4.00");
}

static void test_a_replay_with_other_arguments_is_reported_with_path_and_both_places(void **state)
{
    (void)state;
    rig_open(&rig, LONG_BODY);
    play_long();
    rig_change(&rig,
               "local total = decimal(0)\n\nfor i = 1, 3 do\n"
               "  local r = event.wait('hours', { key = input.contract .. i })\n"
               "  total = total + r.body.hours * 2\n"
               "  event.send('seen', { total = total, at = billow.now(), id = billow.uuid() })\n"
               "end\nreturn total");
    assert_int_equal(rig_replay(&rig), BW_TURN_NONDETERMINISM);
    rig_assert_text(&rig, "text",
                    "effect 2 of turn 2: the arguments of event.send at workflows/t.lua:7");
    rig_assert_text(&rig, "text", "args.body.total: recorded 1.25, replayed 2.50");
    rig_assert_text(&rig, "text",
                    "The last effect that agreed was 1: event.wait at workflows/t.lua:5.");
    struct bw_value map = bw_value_read(rig.result.value);
    struct bw_value recorded = bw_value_get(&map, "recorded");
    assert_int_equal(bw_value_get_int(&map, "seq", 0), 2);
    assert_int_equal(bw_value_get_int(&map, "turn", 0), 2);
    assert_int_equal(bw_value_get_int(&recorded, "line", 0), 6);
    assert_true(bw_value_check(rig.result.value, NULL));
}

static void test_a_replay_with_another_effect_is_reported(void **state)
{
    (void)state;
    rig_open(&rig, LONG_BODY);
    play_long();
    rig_change(&rig, "timer.sleep('1s')");
    assert_int_equal(rig_replay(&rig), BW_TURN_NONDETERMINISM);
    rig_assert_text(&rig, "text",
                    "effect 1 of turn 1: the journal has event.wait at workflows/t.lua:4, the "
                    "script asks for sleep at "
                    "workflows/t.lua:2.");
}

static void test_a_replay_with_an_effect_too_many_is_reported(void **state)
{
    (void)state;
    rig_open(&rig, LONG_BODY);
    play_long();
    rig_change(&rig,
               "local total = decimal(0)\nfor i = 1, 3 do\n"
               "  local r = event.wait('hours', { key = input.contract .. i })\n  total = total + "
               "r.body.hours\n"
               "  event.send('seen', { total = total, at = billow.now(), id = billow.uuid() })\n"
               "  if i == 2 then event.wait('more') end\nend");
    assert_int_equal(rig_replay(&rig), BW_TURN_NONDETERMINISM);
    rig_assert_text(&rig, "text", "args.topic: recorded \"hours\", replayed \"more\"");
}

static void test_a_replay_that_fails_where_it_went_on_is_reported_with_the_error(void **state)
{
    (void)state;
    rig_open(&rig, LONG_BODY);
    play_long();
    rig_change(&rig,
               "local r = event.wait('hours', { key = input.contract .. 1 })\nerror('stop here')");
    assert_int_equal(rig_replay(&rig), BW_TURN_NONDETERMINISM);
    rig_assert_text(&rig, "text",
                    "the journal goes on, the script fails: stop here (workflows/t.lua:3).");
}

static void test_a_caught_divergence_is_still_a_divergence(void **state)
{
    (void)state;
    rig_open(&rig, LONG_BODY);
    play_long();
    rig_change(&rig, "pcall(timer.sleep, '1s')\nwhile true do pcall(event.send, 'x') end");
    assert_int_equal(rig_replay(&rig), BW_TURN_NONDETERMINISM);
}

static void test_a_replay_logs_nothing(void **state)
{
    (void)state;
    rig_open(&rig, "log.info('hello', { n = 1 })\ntimer.sleep('1s')\nreturn 1");
    rig_start(&rig, "{}");
    assert_true(rig.result.logs.len > 0);
    assert_true(bw_value_check(rig.result.logs, NULL));
    rig_replay(&rig);
    assert_int_equal(rig.result.logs.len, 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_teardown(name, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_a_workflow_without_effects_is_done_in_its_first_turn),
        TEST(test_an_effect_is_a_command_and_its_outcome_goes_on),
        TEST(test_an_error_outcome_is_raised_and_can_be_caught),
        TEST(test_an_uncaught_error_outcome_fails_with_its_code_and_the_line_that_asked),
        TEST(test_a_script_error_fails_with_file_line_and_stack),
        TEST(test_a_float_in_the_result_fails_and_says_what_to_write),
        TEST(test_a_float_in_an_effect_fails_at_the_scripts_line),
        TEST(test_a_syntax_error_fails_with_its_line),
        TEST(test_input_is_checked_against_the_declared_types),
        TEST(test_an_effect_at_load_time_is_refused),
        TEST(test_an_effect_in_the_scripts_own_coroutine_is_refused),
        TEST(test_an_effect_in_a_sort_comparator_is_refused),
        TEST(test_scripts_cannot_require_the_runtime),
        TEST(test_scripts_cannot_change_the_standard_library),
        TEST(test_time_is_the_turns_time_and_moves_between_turns_only),
        TEST(test_random_numbers_are_the_same_in_every_replay_and_go_on_after_a_checkpoint),
        TEST(test_a_checkpoint_ends_the_vm_and_the_seqs_go_on),
        TEST(test_a_checkpoint_with_compensations_is_refused),
        TEST(test_a_cancel_cannot_be_caught_and_close_handlers_run),
        TEST(test_a_close_handler_that_fails_does_not_stop_the_cancel),
        TEST(test_compensations_run_latest_first_with_effects_of_their_own),
        TEST(test_what_the_turn_of_a_cancel_asked_for_before_it_is_given_up_by_name),
        TEST(test_a_run_cancelled_before_it_starts_is_cancelled),
        TEST(test_an_endless_loop_ends_the_turn_and_none_of_its_commands_count),
        TEST(test_work_that_steps_cannot_price_is_ended_by_the_clock),
        TEST(test_too_much_memory_ends_the_turn),
        TEST(test_a_large_outcome_that_does_not_fit_ends_the_run_not_the_process),
        TEST(test_running_out_of_memory_anywhere_ends_the_run_cleanly),
        TEST(test_a_replay_goes_as_recorded_and_the_run_goes_on),
        TEST(test_a_replay_with_other_arguments_is_reported_with_path_and_both_places),
        TEST(test_a_replay_with_another_effect_is_reported),
        TEST(test_a_replay_with_an_effect_too_many_is_reported),
        TEST(test_a_replay_that_fails_where_it_went_on_is_reported_with_the_error),
        TEST(test_a_caught_divergence_is_still_a_divergence),
        TEST(test_a_replay_logs_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
