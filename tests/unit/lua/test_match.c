/* test_match.c - our pattern matcher gives what Lua's gives, and counts what it does. */
#include "support/lua/rig.h"

#include "lua/budget.h"
#include "lua/lib_string.h"
#include "lua/match.h"
#include <lualib.h>
#include <stdio.h>

/* Runs the same calls with Lua's string library and with ours, and compares what comes back. */
static const char *const COMPARE =
    "local theirs, ours = ...\n"
    "local function pack(...) return { n = select('#', ...), ... } end\n"
    "local function show(ok, ...)\n"
    "  local t = pack(...)\n"
    "  if not ok then return 'error' end\n"
    "  local o = {}\n"
    "  for i = 1, t.n do o[i] = tostring(t[i]) end\n"
    "  return table.concat(o, ',')\n"
    "end\n"
    "local subjects = { '', 'a', 'hello world', 'key = value', 'aaa', '[[x]]', 'f(a(b)c)d)', 'THE "
    "(quick) fox',\n"
    "  'x\\0y', '  trim me  ', '2026-10-31', 'a.b.c', '\\xe4\\xb8x', 'foo.bar(baz)', '%d', "
    "'-1.5e3', 'aXb', ']' }\n"
    "local patterns = { '', 'a', '^a', 'a$', '^$', '.', '.*', '.-', '.+', 'l+', '(l)(l)', "
    "'()ll()', '%a+', '%s*', '%w+',\n"
    "  '(%w+) = (%w+)', '%d%d%d%d%-%d%d', '[aeiou]', '[^aeiou]+', '[a-f]+', '[%a_][%w_]*', '%b()', "
    "'%b[]', '%f[%w]%w+',\n"
    "  '%f[%z]', '^%s*(.-)%s*$', '(a*(.)%w(%s*))', '(.)%1', 'a?b?c?', 'a-b', '[]]', '[]a]+', "
    "'[a-]', '[%]]', '%.', '%%',\n"
    "  '[^%s]+', '(()', '%', '[a', '%b', '%f', '(a', 'a)', '%1', '.-x', '(%a+)%.(%a+)', "
    "'[+-]?%d+', '%x+', '%p', '%c', '%u%u',\n"
    "  '%L+', '%S', 'o.-o', '$', '$a', '^', '^^a', '(^a)', '%g+', '[%z]', '[%w-]+', '[a-%]]', "
    "'^(.-)(%d+)(.*)$' }\n"
    "local count = 0\n"
    "for _, s in ipairs(subjects) do for _, p in ipairs(patterns) do\n"
    "  for init = -2, 3 do for _, name in ipairs { 'find', 'match' } do\n"
    "    local a, b = show(pcall(theirs[name], s, p, init)), show(pcall(ours[name], s, p, init))\n"
    "    count = count + 1\n"
    "    if a ~= b then error(string.format('%s(%q, %q, %d): %s / %s', name, s, p, init, a, b), 0) "
    "end\n"
    "  end end\n"
    "  -- An unfinished capture is always an error here; Lua's gsub notices it only when it is "
    "used.\n"
    "  local is_unfinished = p == '(()' or p == '(a'\n"
    "  for _, r in ipairs(is_unfinished and {} or { 'R', '<%0>', '%1', '%%', '%2' }) do\n"
    "    local a, b = show(pcall(theirs.gsub, s, p, r)), show(pcall(ours.gsub, s, p, r))\n"
    "    if a ~= b then error(string.format('gsub(%q, %q, %q): %s / %s', s, p, r, a, b), 0) end\n"
    "    a, b = show(pcall(theirs.gsub, s, p, r, 2)), show(pcall(ours.gsub, s, p, r, 2))\n"
    "    if a ~= b then error(string.format('gsub(%q, %q, %q, 2): %s / %s', s, p, r, a, b), 0) "
    "end\n"
    "  end\n"
    "  local function all(lib) local o = {} for x, y in lib.gmatch(s, p) do o[#o + 1] = "
    "tostring(x) .. '/' .. tostring(y)\n"
    "    if #o > 50 then break end end return table.concat(o, ';') end\n"
    "  local a, b = show(pcall(all, theirs)), show(pcall(all, ours))\n"
    "  if a ~= b then error(string.format('gmatch(%q, %q): %s / %s', s, p, a, b), 0) end\n"
    "end end\n"
    "assert(count > 10000)\n"
    "local formats = { { '%d', 3 }, { '%5d|', -3 }, { '%-5d|', 3 }, { '%+d', 3 }, { '%05d', 42 }, "
    "{ '%i', 1 }, { '%u', 1 },\n"
    "  { '%x %X %o', 255, 255, 8 }, { '%c%c', 72, 105 }, { '%e', 12345.678 }, { '%.3f', 2.0005 }, "
    "{ '%g', 1e20 },\n"
    "  { '%G', 1e-10 }, { '%10.4f|', 3.14159 }, { '%s', 'x' }, { '%10s|', 'abc' }, { '%-10s|', "
    "'abc' }, { '%.2s', 'abc' },\n"
    "  { '%q', 'a\\nb\\0c\"\\\\' }, { '%q', 1 }, { '%s %s', 1, 1.5 }, { '%%' }, { '%s', true }, { "
    "'%5.1f', -0.05 },\n"
    "  { '%#x', 255 }, { '% d', 5 }, { '%.0f', 0.5 }, { '%d', '10' }, { '%d', 3.0 }, { '%s', nil } "
    "}\n"
    "for _, f in ipairs(formats) do\n"
    "  local a = show(pcall(theirs.format, table.unpack(f, 1, 4)))\n"
    "  local b = show(pcall(ours.format, table.unpack(f, 1, 4)))\n"
    "  if a ~= b then error(string.format('format(%q): %s / %s', f[1], a, b), 0) end\n"
    "end\n";

static void test_every_pattern_function_agrees_with_luas(void **state)
{
    struct bw_budget budget = {.steps_max = UINT64_MAX, .bytes_max = (size_t)64 * 1024 * 1024};
    lua_State *L = bw_budget_newstate(&budget);
    (void)state;
    luaL_requiref(L, "_G", luaopen_base, 1);
    luaL_requiref(L, "string", luaopen_string, 1);
    luaL_requiref(L, "table", luaopen_table, 1);
    lua_settop(L, 0);
    if (luaL_loadstring(L, COMPARE) != LUA_OK)
        fail_msg("%s", lua_tostring(L, -1));
    lua_getglobal(L, "string");
    lua_pushcfunction(L, bw_lua_open_string);
    lua_call(L, 0, 1);
    if (lua_pcall(L, 2, 0, 0) != LUA_OK)
        fail_msg("%s", lua_tostring(L, -1));
    lua_close(L);
}

static void test_a_match_that_explodes_stops_at_its_allowance(void **state)
{
    struct bw_match match = {.subject = BW_STR("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"),
                             .pattern = BW_STR("a-a-a-a-a-a-a-a-a-a-a-b"),
                             .steps_max = 10000};
    const char *end;
    (void)state;
    assert_int_equal(bw_match_at(&match, match.subject.ptr, &end), BW_MATCH_STEPS);
    assert_int_equal(match.steps, 10001);
}

static void test_a_plain_match_costs_about_its_length(void **state)
{
    struct bw_match match = {
        .subject = BW_STR("2026-10-31"), .pattern = BW_STR("%d+%-%d+%-%d+"), .steps_max = 1000};
    const char *end;
    (void)state;
    assert_int_equal(bw_match_at(&match, match.subject.ptr, &end), BW_MATCH_YES);
    assert_ptr_equal(end, match.subject.ptr + match.subject.len);
    assert_true(match.steps < 60);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_pattern_function_agrees_with_luas),
        cmocka_unit_test(test_a_match_that_explodes_stops_at_its_allowance),
        cmocka_unit_test(test_a_plain_match_costs_about_its_length),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
