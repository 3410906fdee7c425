/* test_bridge.c - values over the border: what goes in comes out, and what cannot cross is named by
 * its path. */
#include "support/test.h"

#include "base/fault.h"
#include "lua/bridge.h"
#include "lua/budget.h"
#include <lualib.h>

static lua_State *L;
static struct bw_budget budget;

static int setup(void **state)
{
    (void)state;
    budget = (struct bw_budget){.steps_max = UINT64_MAX, .bytes_max = (size_t)64 * 1024 * 1024};
    L = bw_budget_newstate(&budget);
    luaL_requiref(L, "_G", luaopen_base, 1);
    luaL_requiref(L, "math", luaopen_math, 1);
    luaL_requiref(L, "string", luaopen_string, 1);
    luaL_requiref(L, "coroutine", luaopen_coroutine, 1);
    for (const luaL_Reg *lib = bw_lua_libs; lib->name; lib++) {
        lua_pushcfunction(L, lib->func);
        lua_call(L, 0, 1);
        lua_setglobal(L, lib->name);
    }
    lua_settop(L, 0);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    lua_close(L);
    return budget.bytes == 0 ? 0 : 1;
}

/* Runs "return <source>" and leaves the value on the stack. */
static void evaluate(const char *source)
{
    lua_pushfstring(L, "return %s", source);
    if (luaL_loadstring(L, lua_tostring(L, -1)) != LUA_OK || lua_pcall(L, 0, 1, 0) != LUA_OK)
        fail_msg("%s", lua_tostring(L, -1));
    lua_remove(L, -2);
}

static int encode_argument(lua_State *state)
{
    struct bw_buf *buf = lua_touserdata(state, 2);

    bw_lua_encode(state, 1, "input", buf);
    return 0;
}

/* The encoding of "return <source>", or the error's text. */
static const char *encode(const char *source, struct bw_buf *buf)
{
    bw_buf_clear(buf);
    lua_settop(L, 0);
    lua_pushcfunction(L, encode_argument);
    evaluate(source);
    lua_pushlightuserdata(L, buf);
    return lua_pcall(L, 2, 0, 0) == LUA_OK ? NULL : lua_tostring(L, -1);
}

static void assert_crosses_as(const char *source, const char *json)
{
    struct bw_buf buf, again, text;
    struct bw_error error;

    bw_buf_init(&buf, 65536);
    bw_buf_init(&again, 65536);
    bw_buf_init(&text, 65536);
    const char *problem = encode(source, &buf);
    if (problem)
        fail_msg("%s", problem);
    assert_true(bw_value_check(bw_buf_str(&buf), &error));
    bw_value_to_json(&text, bw_buf_str(&buf), BW_JSON_DECIMAL_NUMBERS);
    assert_str(bw_buf_str(&text), json);
    /* Back into Lua, and out again: the same bytes. */
    lua_settop(L, 0);
    bw_lua_decode(L, bw_buf_str(&buf));
    bw_lua_encode(L, 1, "again", &again);
    assert_true(bw_str_eq(bw_buf_str(&buf), bw_buf_str(&again)));
    bw_buf_deinit(&buf);
    bw_buf_deinit(&again);
    bw_buf_deinit(&text);
}

static void assert_refused(const char *source, const char *text)
{
    struct bw_buf buf;

    bw_buf_init(&buf, 65536);
    const char *problem = encode(source, &buf);
    if (!problem)
        fail_msg("%s crossed", source);
    if (!strstr(problem, text))
        fail_msg("%s: expected \"%s\", got \"%s\"", source, text, problem);
    bw_buf_deinit(&buf);
}

static void test_values_cross_and_come_back_the_same(void **state)
{
    (void)state;
    assert_crosses_as("nil", "null");
    assert_crosses_as("true", "true");
    assert_crosses_as("math.mininteger", "-9223372036854775808");
    assert_crosses_as("decimal '1.10'", "1.10");
    assert_crosses_as("money('12.50', 'EUR')", "{\"amount\":\"12.50\",\"currency\":\"EUR\"}");
    assert_crosses_as("'a\\0b'", "\"a\\u0000b\"");
    assert_crosses_as("json.null", "null");
    assert_crosses_as("{}", "{}");
    assert_crosses_as("json.array()", "[]");
    assert_crosses_as("json.array { 1, { b = json.array(), a = 'x' } }",
                      "[1,{\"a\":\"x\",\"b\":[]}]");
    assert_crosses_as("{ 1, 2, json.null }", "[1,2,null]");
    assert_crosses_as("{ zeta = 1, alpha = { 1 }, [''] = 2 }", "{\"\":2,\"alpha\":[1],\"zeta\":1}");
    assert_crosses_as("setmetatable({ x = 1 }, { __index = function() error('asked') end })",
                      "{\"x\":1}");
}

static void test_what_cannot_cross_is_named_by_its_path(void **state)
{
    (void)state;
    assert_refused("{ rate = 1.5 }",
                   "input.rate: float 1.5 cannot cross a border: write decimal \"1.5\"");
    assert_refused(
        "{ lines = { { a = 1 }, { a = 10 / 2 } } }",
        "input.lines[2].a: float 5 cannot cross a border: write decimal \"5\", or the integer 5");
    assert_refused("0/0", "input: a float that is no finite number");
    assert_refused("1/0", "input: a float that is no finite number");
    assert_refused("{ f = print }", "input.f: a function cannot cross a border");
    assert_refused("{ coroutine.create(print) }", "input[1]: a thread cannot cross a border");
    assert_refused("{ 1, nil, 3 }",
                   "input: the array has holes (2 items, highest index 3): write json.null");
    assert_refused("{ 1, x = 2 }",
                   "input: a table that is both array and map cannot cross a border");
    assert_refused("{ [0] = 1 }", "zero or negative key");
    assert_refused("{ [1.5] = 1 }", "a number key cannot cross");
    assert_refused("{ [true] = 1 }", "a boolean key cannot cross");
    assert_refused("(function() local t = {} t.t = t return t end)()",
                   "nested too deeply (a table inside itself?)");
    assert_refused("(function() local t = {} for i = 1, 100000 do t = { t } end return t end)()",
                   "nested too deeply");
    assert_refused("('x'):rep(70000)", "input: too large to cross a border");
    assert_refused("json.array { 1, x = 1 }", "both array and map");
}

static void test_nothing_leaks_when_encoding_raises(void **state)
{
    (void)state;
    for (int i = 0; i < 50; i++) {
        lua_settop(L, 0);
        evaluate("pcall(json.encode, { ('x'):rep(10000), 1.5 })");
        assert_false(lua_toboolean(L, 1));
    }
}

static void check(const char *source)
{
    lua_settop(L, 0);
    evaluate(source);
    if (!lua_toboolean(L, 1))
        fail_msg("not true: %s", source);
}

static void test_json_keeps_digits_and_sorts_keys(void **state)
{
    (void)state;
    check("json.encode({ b = 1, a = decimal '1.20' }) == '{\"a\":\"1.20\",\"b\":1}'");
    check("json.encode({ a = decimal '1.20' }, { numbers = true }) == '{\"a\":1.20}'");
    check("tostring(json.decode('1234.56')) == '1234.56'");
    check("json.decode('9007199254740993') == 9007199254740993");
    check("json.encode(json.decode('{\"a\":[],\"o\":{}}')) == '{\"a\":[],\"o\":{}}'");
    check("json.decode('{') == nil and select(2, json.decode('{')):find('byte offset') ~= nil");
    check("json.is_array(json.decode('[]')) and not json.is_array({})");
    check("not pcall(json.array, setmetatable({}, {}))");
}

static void test_decimals_refuse_floats_and_texts(void **state)
{
    (void)state;
    check("select(2, pcall(decimal, 1.5)):find('float where a decimal is expected: write decimal "
          "\"1.5\"', 1, true)");
    check("select(2, pcall(function() return decimal '1' + 0.5 end)):find('float where a decimal', "
          "1, true)");
    check("select(2, pcall(function() return decimal '1' < '2' end)):find('string where a "
          "decimal', 1, true)");
    check("decimal '1.5' == decimal '1.50' and decimal '1.5' ~= 1.5");
    check("tostring(decimal '2.675':round(2)) == '2.68' and tostring(decimal '-2.665':round(2)) == "
          "'-2.67'");
    check("tostring(decimal '2.5':round(0, 'half_even')) == '2' and tostring(decimal "
          "'-1.5':floor()) == '-2'");
    check("decimal '1.50':fixed(3) == '1.500' and not pcall(decimal '1.005'.fixed, decimal "
          "'1.005', 2)");
    check("decimal '12':to_integer() == 12 and not pcall(decimal '1.5'.to_integer, decimal '1.5')");
    check("not pcall(function() return decimal '1' / 0 end)");
    check("tostring(decimal.sum { decimal '0.10', 2, decimal '0.20' }) == '2.30'");
    check("decimal.min(decimal '2', 1) == decimal '1' and decimal.max(1, decimal '2') == decimal "
          "'2'");
    check("tostring(decimal '7':idiv(2)) == '3' and tostring(decimal '-7':mod(2)) == '-1'");
    check("decimal.parse('1.x') == nil and decimal.is(decimal '1') and not decimal.is(1)");
}

static void test_money_keeps_currencies_apart_and_shares_out_to_the_cent(void **state)
{
    (void)state;
    check("tostring(money('1.50', 'EUR') * 3) == '4.50 EUR' and money('3', 'EUR') / money('2', "
          "'EUR') == decimal '1.5'");
    check("select(2, pcall(function() return money('1', 'EUR') + money('1', 'USD') end)):find('EUR "
          "and USD do not mix')");
    check(
        "not pcall(function() return money('1', 'EUR') + 1 end) and not pcall(money, '1', 'eur')");
    check("not pcall(money, 1.5, 'EUR')");
    check("tostring(money('10.005', 'EUR'):round()) == '10.01 EUR' and tostring(money('10.5', "
          "'JPY'):round()) == '11 JPY'");
    evaluate("(function() local m, s, o = money('100.00', 'EUR'), decimal '0', {} for i, p in "
             "ipairs(m:allocate { 1, 1, 1 }) do s = s + p.amount o[i] = tostring(p.amount) end "
             "return s == m.amount, "
             "o[1] .. o[2] .. o[3] end)()");
    check("(function() local o = {} for i, p in ipairs(money('-0.05', 'EUR'):allocate { 1, 2 }) do "
          "o[i] = "
          "tostring(p.amount) end return o[1] .. o[2] == '-0.02-0.03' end)()");
    check("(function() local o = {} for i, p in ipairs(money('0.02', 'EUR'):allocate { 1, 1, 1 }) "
          "do o[i] = "
          "p.amount:fixed(2) end return o[1] .. o[2] .. o[3] == '0.010.010.00' end)()");
    check("not pcall(money('1', 'EUR').allocate, money('1', 'EUR'), { 0, 0 })");
    check("money.decimals 'JPY' == 0 and money.decimals 'KWD' == 2");
}

static void test_dates_and_texts(void **state)
{
    (void)state;
    check("date.add_days('2024-02-28', 2) == '2024-03-01' and date.days_between('2026-01-01', "
          "'2027-01-01') == 365");
    check("date.add_months('2026-01-31', 1) == '2026-02-28' and date.add_months('2026-12', 1) == "
          "'2027-01'");
    check("date.iso_week '2027-01-01' == '2026-W53' and date.weekday '2026-10-05' == 1");
    check("date.parse('31/12/2026', 'DD/MM/YYYY') == '2026-12-31' and date.parse('2026-02-30') == "
          "nil");
    check("date.of_instant('2026-10-31T23:30:00-05:00', 'UTC') == '2026-11-01'");
    check("not pcall(date.of_instant, 0, 'Nowhere/Land') and not pcall(date.add_days, "
          "'2026-13-01', 1)");
    check("date.format_instant(date.parse_instant '2026-10-31T18:00:00+02:00') == "
          "'2026-10-31T16:00:00Z'");
    check("text.collapse(' a \\u{a0}\\t b ') == 'a b' and text.trim(' x\\r\\n') == 'x'");
    check("#text.split('a,,b', ',') == 3 and text.html('<&\"') == '&lt;&amp;&quot;'");
    check(
        "text.sha256_hex '' == 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'");
    check("text.is_utf8 'ä' and not text.is_utf8 '\\xff'");
}

#ifdef BW_FAULTS
static const char *const LIBRARIES =
    "local o = {}\n"
    "o[1] = tostring(decimal('12.50') * decimal('3') / decimal('7'))\n"
    "for i, p in ipairs(money('0.05', 'EUR'):allocate { 1, 2 }) do o[#o + 1] = tostring(p) end\n"
    "o[#o + 1] = date.add_months('2026-01-31', 1) .. tostring(date.is_valid('2026-02-30'))\n"
    "local v = json.decode('{\"a\":[1,2.5,{\"b\":null}],\"c\":\"text\",\"d\":true}')\n"
    "o[#o + 1] = json.encode(v) .. json.encode({ x = json.array({}), y = decimal('1.10') })\n"
    "o[#o + 1] = tostring(pcall(json.decode, '{\"a\":'))\n"
    "o[#o + 1] = tostring(pcall(decimal, 'x'))\n"
    "return { list = o, map = { a = { b = { c = decimal('1.5') } } }, n = #o }";

static int run_libraries(lua_State *M)
{
    struct bw_buf *buf = lua_touserdata(M, 1); /* of the caller: what raises here owns nothing */
    lua_settop(M, 0);
    if (luaL_loadstring(M, LIBRARIES) != LUA_OK)
        return lua_error(M);
    lua_call(M, 0, 1);
    bw_lua_encode(M, 1, "result", buf);
    bw_lua_decode(M, bw_buf_str(buf));
    return 0;
}

static void test_every_allocation_of_the_libraries_fails_once(void **state)
{
    struct bw_error error;
    size_t failed = 0;
    bool is_met = true;
    struct bw_buf buf;
    (void)state;
    bw_buf_init(&buf, 1 << 20);
    for (uint64_t nth = 1; is_met; nth++) {
        bw_buf_clear(&buf);
        teardown(NULL);
        bw_fault_reset();
        setup(NULL);
        bw_fault_arm(BW_FAULT_LUA_MEMORY, nth, BW_FAULT_DO_ERR);
        int status = bw_lua_protected(L, run_libraries, &buf, &error);
        /* Without a sandbox, a pcall of the script may have caught it. */
        assert_true(status == LUA_ERRMEM || status == LUA_OK);
        failed += status == LUA_ERRMEM;
        is_met = bw_fault_passes(BW_FAULT_LUA_MEMORY) >= nth;
    }
    bw_fault_reset();
    bw_buf_deinit(&buf);
    assert_true(failed > 100);
}
#endif

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_values_cross_and_come_back_the_same),
        TEST(test_what_cannot_cross_is_named_by_its_path),
        TEST(test_nothing_leaks_when_encoding_raises),
        TEST(test_json_keeps_digits_and_sorts_keys),
        TEST(test_decimals_refuse_floats_and_texts),
        TEST(test_money_keeps_currencies_apart_and_shares_out_to_the_cent),
        TEST(test_dates_and_texts),
#ifdef BW_FAULTS
        TEST(test_every_allocation_of_the_libraries_fails_once),
#endif
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
