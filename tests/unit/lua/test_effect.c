/* test_effect.c - what the standard library asks of the engine: databases, numbers, policies,
 * settings, notes. */
#include "support/lua/rig.h"

static struct rig rig;

static int teardown(void **state)
{
    (void)state;
    rig_close(&rig);
    return 0;
}

static void test_a_transaction_collects_statements_and_refers_to_its_numbers(void **state)
{
    (void)state;
    rig_open(
        &rig,
        "local put = db.statement { name = 'put', sql = 'insert into x values ($1, $2, $3)' }\n"
        "local r = db.transaction(function(tx)\n"
        "  local n = tx:number { series = 'INV', date = '2026-11-02', customer = 'CU-1' }\n"
        "  tx:exec(put, { n, decimal '1.50' }, 'one')\nend)\nreturn r[1].number");
    rig_start(&rig, "{}");
    rig_assert_command(
        &rig, 0, "db.transaction",
        "{\"statements\":[{\"as\":\"n1\",\"customer\":\"CU-1\",\"date\":\"2026-11-02\",\"number\":"
        "\"INV\"},"
        "{\"expect\":\"one\",\"name\":\"put\",\"params\":[{\"$ref\":\"n1\"},1.50,null],"
        "\"sql\":\"insert into x values ($1, $2, $3)\"}]}");
    rig_outcome(&rig, 1, "[{\"number\":\"INV-7\",\"sequence\":7},[]]");
    rig_assert_value(&rig, "\"INV-7\"");
}

static void test_a_query_returns_rows_and_one_refuses_several(void **state)
{
    (void)state;
    rig_open(&rig,
             "local get = db.statement { name = 'get', sql = 'select 1 where $1' }\n"
             "local rows = db.query(get, { 'a' })\nlocal ok, e = pcall(db.one, get, { 'b' })\n"
             "return { #rows, rows[1].x, ok }");
    rig_start(&rig, "{}");
    rig_assert_command(&rig, 0, "db.query",
                       "{\"name\":\"get\",\"params\":[\"a\"],\"sql\":\"select 1 where $1\"}");
    rig_outcome(&rig, 1, "[{\"x\":\"1\"},{\"x\":\"2\"}]");
    rig_outcome(&rig, 2, "[{\"x\":\"1\"},{\"x\":\"2\"}]");
    rig_assert_value(&rig, "[2,\"1\",false]");
}

static void test_number_next_takes_a_number(void **state)
{
    (void)state;
    rig_open(&rig, "return number.next('INV', { date = '2026-11-02' }).number");
    rig_start(&rig, "{}");
    rig_assert_command(&rig, 0, "number.next", "{\"date\":\"2026-11-02\",\"series\":\"INV\"}");
    rig_outcome(&rig, 1, "{\"number\":\"INV-2026-00001\",\"sequence\":1}");
    rig_assert_value(&rig, "\"INV-2026-00001\"");
}

static void test_an_event_that_does_not_come_in_time_is_nil(void **state)
{
    (void)state;
    rig_open(&rig, "return event.wait('paid', { key = 7, timeout = '1h' }) == nil");
    rig_start(&rig, "{}");
    rig_assert_command(&rig, 0, "event.wait",
                       "{\"key\":\"7\",\"timeout_us\":1793473200000000,\"topic\":\"paid\"}");
    rig_outcome(&rig, 1, "{\"timeout\":true}");
    rig_assert_value(&rig, "true");
}

static void test_progress_is_a_note(void **state)
{
    (void)state;
    rig_open(&rig, "log.progress(3, 10)\nreturn billow.run().started_by");
    rig_start(&rig, "{}");
    rig_assert_command(&rig, 0, "note", "{\"done\":3,\"kind\":\"progress\",\"total\":10}");
    rig_assert_value(&rig, "\"dana\"");
}

/* --- policies */

static const char *const POLICY =
    "local decimal = require 'billow.decimal'\n"
    "return { name = 'p', version = '2.1.0', decide = function(subject, settings)\n"
    "  subject.changed = true\n"
    "  local over = decimal(subject.net) > decimal(settings.limit)\n"
    "  return { ask = over, reasons = { 'limit ' .. settings.limit } }\nend }";
static const char *const SETTINGS =
    "{\"type\":\"object\",\"properties\":{\"limit\":{\"type\":\"string\",\"default\":"
    "\"100\",\"pattern\":\"^[0-9]+$\"}},\"additionalProperties\":false}";

static void test_a_policy_decides_from_settings_and_leaves_a_note(void **state)
{
    (void)state;
    rig_open(&rig, "local subject = { net = '150' }\n"
                   "local d = policy.decide('p', subject, { customer = 'CU-1' })\n"
                   "local e = policy('p', subject, { customer = 'CU-1' })\n"
                   "return { d.ask, d.version, d.reasons, subject.changed == nil, e.ask }");
    rig_add_file(&rig, "policies/p/policy.lua", POLICY);
    rig_add_file(&rig, "policies/p/settings.json", SETTINGS);
    rig_start(&rig, "{}");
    rig_assert_command(
        &rig, 0, "settings",
        "{\"on\":\"2026-10-31\",\"policy\":\"p\",\"scopes\":{\"customer\":\"CU-1\"}}");
    rig_outcome(&rig, 1, "{\"settings\":{},\"layers\":[]}");
    rig_assert_status(&rig, BW_TURN_DONE);
    assert_int_equal(rig.result.command_count,
                     1); /* the same question twice is one decision, one note */
    rig_assert_command(&rig, 0, "note", NULL);
    struct bw_value note = bw_value_read(rig.result.commands[0].args),
                    settings = bw_value_get(&note, "settings");
    assert_str(bw_value_get_str(&note, "kind", BW_STR_NONE), "policy");
    assert_str(bw_value_get_str(&note, "version", BW_STR_NONE), "2.1.0");
    assert_str(bw_value_get_str(&settings, "limit", BW_STR_NONE), "100");
    assert_int_equal(bw_value_get_str(&note, "digest", BW_STR_NONE).len, 64);
    rig_assert_value(&rig, "[true,\"2.1.0\",[\"limit 100\"],true,true]");
}

static void test_a_setting_that_does_not_fit_fails_and_names_it(void **state)
{
    (void)state;
    rig_open(&rig, "policy.decide('p', { net = '1' })");
    rig_add_file(&rig, "policies/p/policy.lua", POLICY);
    rig_add_file(&rig, "policies/p/settings.json", SETTINGS);
    rig_start(&rig, "{}");
    rig_outcome(&rig, 1, "{\"settings\":{\"limit\":\"many\"},\"layers\":[]}");
    rig_assert_status(&rig, BW_TURN_FAILED);
    rig_assert_text(&rig, "code", "SETTING_INVALID");
    rig_assert_text(&rig, "text", "settings.limit: the text must match ^[0-9]+$");
}

static void expect_impure(const char *decide, const char *message)
{
    char source[512];

    (void)snprintf(source, sizeof source,
                   "return { name = 'p', version = '1', decide = function() %s end }", decide);
    rig_open(&rig, "policy.decide('p', {})");
    rig_add_file(&rig, "policies/p/policy.lua", source);
    rig_start(&rig, "{}");
    rig_outcome(&rig, 1, "{\"settings\":{},\"layers\":[]}");
    rig_assert_status(&rig, BW_TURN_FAILED);
    rig_assert_text(&rig, "text", message);
    rig_assert_text(&rig, "file", "policies/p/policy.lua");
    rig_close(&rig);
}

static void test_a_policy_has_no_effects_no_clock_and_no_chance(void **state)
{
    (void)state;
    expect_impure("require('billow.timer').sleep('1s')", "a policy has no");
    expect_impure("require('billow.event').send('x')", "event.send: a policy has no effects");
    expect_impure("return { require('billow').now() }", "a policy has no clock");
    expect_impure("return { math.random(6) }", "a policy decides the same way each time");
    rig_open(&rig, "return 1");
}

static void test_a_policy_that_is_not_there_is_named(void **state)
{
    (void)state;
    rig_open(&rig, "policy.decide('nowhere', {})");
    rig_start(&rig, "{}");
    rig_assert_status(&rig, BW_TURN_FAILED);
    rig_assert_text(&rig, "text", "there is no policy nowhere (policies/nowhere/policy.lua)");
}

static void test_misuse_names_what_to_write_at_the_scripts_line(void **state)
{
    static const struct {
        const char *body;
        const char *text;
    } cases[] = {
        {"timer.sleep(90)", "90 is not a duration: whole numbers with w, d, h, m, s or ms are "
                            "expected, write \"90s\""},
        {"http.get('x', { headers = { a = {} } })", "http: header a is a table, text is expected"},
        {"event.wait()", "event.wait: a topic is expected"},
        {"task.open { kind = 'x' }", "task.open: kind and title are expected"},
        {"db.query('select 1')", "db.query: a statement of db.statement is expected"},
        {"error(err.new { text = 'x' })", "err.new: a code is missing"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        rig_open(&rig, cases[i].body);
        rig_start(&rig, "{}");
        rig_assert_status(&rig, BW_TURN_FAILED);
        rig_assert_text(&rig, "text", cases[i].text);
        struct bw_value map = bw_value_read(rig.result.value);
        assert_str(bw_value_get_str(&map, "file", BW_STR_NONE), "workflows/t.lua");
        assert_int_equal(bw_value_get_int(&map, "line", 0), 2);
        rig_close(&rig);
    }
    rig_open(&rig, "return 1");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_teardown(name, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_a_transaction_collects_statements_and_refers_to_its_numbers),
        TEST(test_a_query_returns_rows_and_one_refuses_several),
        TEST(test_number_next_takes_a_number),
        TEST(test_an_event_that_does_not_come_in_time_is_nil),
        TEST(test_progress_is_a_note),
        TEST(test_a_policy_decides_from_settings_and_leaves_a_note),
        TEST(test_a_setting_that_does_not_fit_fails_and_names_it),
        TEST(test_a_policy_has_no_effects_no_clock_and_no_chance),
        TEST(test_a_policy_that_is_not_there_is_named),
        TEST(test_misuse_names_what_to_write_at_the_scripts_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
