/* test_sandbox.c - what scripts must not be able to do, what they must, and that it is the same
 * each time. */
#include "support/lua/rig.h"

#include "base/fault.h"

#include <stdio.h>

struct expectation {
    const char *script;
    const char *result; /* what it returns; a trailing "*" stands for anything */
};

static void check_all(const struct expectation *list, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const char *got = rig_script(list[i].script);
        size_t len = strlen(list[i].result);
        bool is_prefix = len && list[i].result[len - 1] == '*';
        bool fits = is_prefix ? strncmp(got, list[i].result, len - 1) == 0
                              : strcmp(got, list[i].result) == 0;
        if (!fits) {
            print_error("script:   %s\nexpected: %s\ngot:      %s\n", list[i].script,
                        list[i].result, got);
            fail();
        }
    }
}
#define CHECK(list) check_all((list), sizeof(list) / sizeof(list)[0])

static void test_what_reaches_outside_is_not_there_and_says_what_to_use(void **state)
{
    static const struct expectation list[] = {
        {"return os.time()",
         "error: script:1: 'os' is not available: use require \"billow\": now(), today(zone)"},
        {"return io", "error: script:1: 'io' is not available: a script has no files*"},
        {"print(1)", "error: script:1: 'print' is not available: use require \"billow.log\"*"},
        {"return load('return 1')", "error: script:1: 'load' is not available*"},
        {"return debug", "error: script:1: 'debug' is not available*"},
        {"return package", "error: script:1: 'package' is not available*"},
        {"collectgarbage()", "error: script:1: 'collectgarbage' is not available*"},
        {"return dofile", "error: *"},
        {"return loadfile", "error: *"},
        {"return string.dump", "nil"},
        {"return ('x').dump", "nil"},
        {"return math.randomseed", "nil"},
        {"return math.sin", "nil"},
        {"return coroutine.close, coroutine.running", "nil,nil"},
        {"return rawget(_G, 'os')", "nil"},
        {"return getmetatable(_G), getmetatable('')", "false,false"},
        {"return _G._G == _G, _ENV == _G", "true,true"},
    };
    (void)state;
    CHECK(list);
}

static void test_globals_and_libraries_cannot_be_changed(void **state)
{
    static const struct expectation list[] = {
        {"x = 1", "error: script:1: cannot set the global 'x': write local x = ..."},
        {"return y",
         "error: script:1: the name 'y' is not defined: is it misspelt, or is a 'local' missing?"},
        {"pairs = nil", "error: script:1: cannot set the global 'pairs'*"},
        {"_G.pairs = nil", "error: script:1: cannot set the global 'pairs'*"},
        {"rawset(_G, 'pairs', 1)", "error: script:1: rawset: this table is frozen"},
        {"string.upper = 1", "error: script:1: cannot set 'upper': this table is frozen"},
        {"rawset(string, 'x', 1)", "error: script:1: rawset: this table is frozen"},
        {"table.insert(math, 1)", "error: *"},
        {"setmetatable(string, {})", "error: script:1: cannot change a protected metatable"},
        {"setmetatable(_G, nil)", "error: script:1: cannot change a protected metatable"},
        {"getmetatable('').__index = 1", "error: *"},
        {"local _, t = pairs(string) return t", "nil"},
        {"local _, t = pairs(_G) return t", "nil"},
        {"local n = 0 for k in pairs(string) do n = n + 1 end return n > 10", "true"},
        {"for _, f in pairs(table) do if f == table.sort then return 'found' end end", "found"},
        {"local f = string.rep; return string.rep == f", "true"},
    };
    (void)state;
    CHECK(list);
}

static void test_metatables_are_frozen_copies_without_collector_hooks(void **state)
{
    static const struct expectation list[] = {
        {"setmetatable({}, { __gc = function() end })",
         "error: script:1: setmetatable: __gc is not available"},
        {"setmetatable({}, { __mode = 'k' })",
         "error: script:1: setmetatable: __mode is not available"},
        {"local mt = {} local t = setmetatable({}, mt) mt.__gc = function() end mt.__mode = 'k' "
         "return 1",
         "1"},
        {"local mt = { __index = { a = 1 } } local t = setmetatable({}, mt) mt.__index = nil "
         "return t.a",
         "1"},
        {"local mt = {} local t = setmetatable({}, mt) return getmetatable(t) == mt", "true"},
        {"local t = setmetatable({}, { __metatable = 'mine' }) return getmetatable(t), "
         "(pcall(setmetatable, t, {}))",
         "mine,false"},
        {"local t = setmetatable({}, {}) setmetatable(t, nil) return getmetatable(t)", "nil"},
    };
    (void)state;
    CHECK(list);
}

static void test_idioms_that_people_write_work(void **state)
{
    static const struct expectation list[] = {
        {"local A = {} A.__index = A function A.new(x) return setmetatable({ x = x }, A) end "
         "function A:get() return self.x end local B = setmetatable({}, { __index = A }) B.__index "
         "= B "
         "local b = setmetatable({ x = 7 }, B) return A.new(3):get(), b:get()",
         "3,7"},
        {"local V = {} V.__index = V V.__add = function(a, b) return setmetatable({ n = a.n + b.n "
         "}, V) end "
         "V.__eq = function(a, b) return a.n == b.n end V.__lt = function(a, b) return a.n < b.n "
         "end "
         "V.__tostring = function(a) return 'V' .. a.n end V.__call = function(self, k) return "
         "self.n * k end "
         "V.__len = function() return 42 end V.__concat = function() return 'cat' end "
         "local function v(n) return setmetatable({ n = n }, V) end "
         "return tostring(v(1) + v(2)), v(1) == v(1), v(1) < v(2), v(3)(4), #v(1), v(1) .. 'x'",
         "V3,true,true,12,42,cat"},
        {"local function gen(n) return coroutine.wrap(function() for i = 1, n do "
         "coroutine.yield(i) end end) end "
         "local s = 0 for i in gen(4) do s = s + i end return s",
         "10"},
        {"local co = coroutine.create(function(a) local b = coroutine.yield(a + 1) error('x' .. b, "
         "0) end) "
         "local _, r = coroutine.resume(co, 1) local ok, e = coroutine.resume(co, 5) "
         "return r, ok, e, coroutine.status(co), coroutine.isyieldable()",
         "2,false,x5,dead,false"},
    };
    (void)state;
    CHECK(list);
}

static void test_more_idioms_that_people_write_work(void **state)
{
    static const struct expectation list[] = {
        {"local log = {} do local a <close> = setmetatable({}, { __close = function() log[#log + "
         "1] = 'a' end }) "
         "local b <close> = setmetatable({}, { __close = function() log[#log + 1] = 'b' end }) end "
         "return table.concat(log)",
         "ba"},
        {"for i = 1, 3 do for j = 1, 3 do if j == 2 then goto continue end if i == 2 then goto "
         "done end ::continue:: end "
         "end ::done:: return 'ok'",
         "ok"},
        {"local function sum(...) local s = 0 for _, v in ipairs({ ... }) do s = s + v end return "
         "s, select('#', ...) end "
         "return sum(1, 2, 3), table.unpack({ 1, 2 }, 1, 2)",
         "6,1,2"},
        {"local t = table.pack(1, nil, 3) return t.n, select(-1, 1, 2)", "3,2"},
        {"local function counter() local n = 0 return function() n = n + 1 return n end end local "
         "c = counter() c() "
         "return c(), 7 // 2, 7 % 3, 2 ^ 10, 1 << 4, 'a' .. 1",
         "2,3,1,1024.0,16,a1"},
        {"return pcall(error, { code = 1 }), select(2, pcall(error, 'x', 0)), pcall(error)",
         "false,x,false,nil"},
        {"return xpcall(function() error('a', 0) end, function(e) return e .. '!' end)",
         "false,a!"},
        {"return xpcall(function(...) return ... end, nil, 1)", "error: *"},
        {"return select(2, xpcall(function(...) return select('#', ...) end, function() end, 1, "
         "nil, 3))",
         "3"},
        {"return string.format('%5.2f|%-5s|%05d|%x|%q|%s|%%|%c', 1.005, 'ab', 42, 255, 'a\\n\"', "
         "nil, 65)",
         " 1.00|ab   |00042|ff|\"a\\\n\\\"\"|nil|%|A"},
        {"return utf8.char(228, 8364), utf8.len('ä€'), #utf8.charpattern", "ä€,2,14"},
        {"return ('k=v; a=b'):gsub('(%w+)=(%w+)', '%2=%1')", "v=k; b=a,2"},
        {"local t = { 5, 2, 8 } table.sort(t, function(a, b) return a > b end) return "
         "table.concat(t, ' ')",
         "8 5 2"},
        {"local t = { 1, 2, 3 } table.insert(t, 2, 9) return table.remove(t, 1), table.remove(t), "
         "#t, t[1]",
         "1,3,2,9"},
        {"local t = table.move({ 1, 2, 3 }, 1, 3, 2) return #t, t[2], t[4], #table.move({ 1, 2 }, "
         "1, 2, 1, {})",
         "4,1,3,2"},
        {"return math.type(1), math.type(1.0), math.tointeger(3.0), math.max(1, 2), "
         "math.floor(-1.5)",
         "integer,float,3,2,-2"},
        {"return tostring(1e15), 10 // 0.0, -0.0, 2^53", "1e+15,inf,-0.0,9.007199254741e+15"},
    };
    (void)state;
    CHECK(list);
}

static void test_order_does_not_depend_on_the_process(void **state)
{
    static const struct expectation list[] = {
        {"local t = { b = 1, a = 2, [3] = 3, [1] = 4, [2.5] = 5, [true] = 6, [false] = 7, [-1] = 8 "
         "} local o = {} "
         "for k in pairs(t) do o[#o + 1] = tostring(k) end return table.concat(o, ' ')",
         "-1 1 2.5 3 a b false true"},
        {"local t = {} for i = 1, 50 do t['k' .. (i * 37 % 50)] = i end local o, last = true, '' "
         "for k in pairs(t) do o = o and last < k last = k end return o",
         "true"},
        {"local o = {} for k, v in pairs({ 10, 20, nil, 40 }) do o[#o + 1] = k .. '=' .. v end "
         "return table.concat(o, ' ')",
         "1=10 2=20 4=40"},
        {"local t = { a = 1, b = 2, c = 3 } local o = {} for k in pairs(t) do o[#o + 1] = k t.b = "
         "nil end "
         "return table.concat(o)",
         "ac"},
        {"for k in pairs({ [{}] = 1 }) do end",
         "error: script:1: pairs: a table key has no order*"},
        {"return next({}), next({ b = 1, a = 2 }), next({ b = 1, a = 2 }, 'a')", "nil,a,b,1"},
        {"local t = {} for i = 1, 200 do t[i] = { k = i % 3, n = i } end table.sort(t, function(a, "
         "b) return a.k < b.k end) "
         "for i = 2, 200 do if t[i - 1].k == t[i].k and t[i - 1].n > t[i].n then return 'unstable' "
         "end end return 'stable'",
         "stable"},
        {"local t = { 3, 1, 2 } table.sort(t, function() return true end) return #t", "3"},
        {"return tostring({}), tostring(print_ or pairs), tostring(coroutine.create(pairs))",
         "error: *"},
        {"return tostring({}), tostring(pairs), tostring(coroutine.create(pairs))",
         "table,function,thread"},
        {"return string.format('%s %s', {}, pairs)", "table function"},
        {"return (pcall(string.format, '%p', {})), (pcall(string.format, '%a', 1))", "false,false"},
        {"return string.format('%s', setmetatable({}, { __name = 'T' }))", "T"},
        {"return select(2, pcall(function() local t = {} return t < {} end))",
         "script:1: attempt to compare two table values"},
        {"return ('ä'):upper() == 'ä', ('ä'):find('%a')", "true,nil"},
        {"return '10' + 1",
         "error: script:1: attempt to perform arithmetic on a string value (constant '10')"},
    };
    (void)state;
    CHECK(list);
}

static void test_hostile_scripts_are_killed_and_cannot_catch_it(void **state)
{
    static const char *const steps[] = {
        "while true do end",
        "while true do pcall(function() while true do end end) end",
        "local function f() while true do end end while true do xpcall(f, f) end",
        "while true do coroutine.wrap(function() while true do end end)() end",
        "while true do pcall(coroutine.wrap(function() for i = 1, 900 do end end)) end",
        "local function f() return pcall(f) end while true do f() end",
        "local t = setmetatable({}, { __index = function(t, k) return t[k + 1] end }) while true "
        "do pcall(function() "
        "return t[1] end) end",
        "do local a <close> = setmetatable({}, { __close = function() while true do end end }) "
        "error('x') end",
        "for i = 1, 1e9 do local a <close> = setmetatable({}, { __close = function() while true do "
        "end end }) end",
        "return (('a'):rep(30000)):find(('.-'):rep(30) .. 'b')",
        "return (('a'):rep(28)):match(('a?'):rep(28) .. ('a'):rep(28))",
        "return (('('):rep(20000)):gsub('%b()', '')",
        "while true do ('x'):rep(1000000) end",
        "local t = {} for i = 1, 10000 do t[i] = i end while true do table.sort(t) end",
        "local t = {} for i = 1, 10000 do t[i] = i end while true do table.insert(t, 1, 0) "
        "table.remove(t, 1) end",
        "local t = {} for i = 1, 10000 do t['k' .. i] = i end while true do for k in pairs(t) do "
        "break end end",
        "local t = {} for i = 1, 10000 do t['k' .. i] = i end while true do next(t) end",
        "local t = {} for i = 1, 4000 do t[i] = 'x' end while true do table.concat(t) end",
        "local t = {} for i = 1, 4000 do t[i] = i end while true do select('#', table.unpack(t)) "
        "end",
        "local s = ('x'):rep(1000000) while true do s:upper() end",
        "local s = ('x'):rep(1000000) while true do s:find('y', 1, true) end",
        "while true do string.format('%99d', 1) end",
        "table.sort({ 3, 2, 1 }, function(a, b) while true do end end)",
        "(('x'):rep(100)):gsub('x', function() while true do end end)",
        "tostring(setmetatable({}, { __tostring = function() while true do end end }))",
        "for i in setmetatable({}, { __call = function() while true do end end }) do end",
        "local a = coroutine.create(function() while true do coroutine.yield() end end) while true "
        "do coroutine.resume(a) "
        "end",
    };
    static const char *const memory[] = {
        "local t = {} while true do t[#t + 1] = {} end",
        "local t = {} while true do pcall(function() while true do t[#t + 1] = ('x'):rep(10000) .. "
        "#t end end) end",
        "local s = 'x' while true do s = s .. s end",
        "local s = 'x' while true do pcall(function() s = s .. s end) end",
        "local t = {} local f = function() while true do t[#t + 1] = coroutine.create(function() "
        "end) t = { t } end end "
        "while true do coroutine.wrap(f)() end",
        "local t = {} while true do for i = 1, 100 do t[#t + 1] = ('%s'):rep(1000) end end",
    };
    (void)state;
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        const char *got = rig_script_with(steps[i], 3000000, (size_t)64 * 1024 * 1024);
        if (strcmp(got, "killed: steps") != 0) {
            print_error("script: %s\ngot: %s\n", steps[i], got);
            fail();
        }
    }
    for (size_t i = 0; i < sizeof memory / sizeof memory[0]; i++) {
        const char *got = rig_script_with(memory[i], 500000000, (size_t)4 * 1024 * 1024);
        if (strcmp(got, "killed: memory") != 0) {
            print_error("script: %s\ngot: %s\n", memory[i], got);
            fail();
        }
    }
}

static void test_sizes_have_ceilings_that_raise_ordinary_errors(void **state)
{
    static const struct expectation list[] = {
        {"return ('x'):rep(1e9)",
         "error: script:1: string.rep: the result is longer than 1048576 bytes"},
        {"return ('x'):rep(2^31, 'y')", "error: *"},
        {"return (''):rep(1e9)", ""},
        {"return table.move({}, 1, math.maxinteger, 2)",
         "error: script:1: table.move: at most 1000000 items"},
        {"return select('#', table.unpack({}, 1, 1e6))",
         "error: script:1: table.unpack: at most 4096 results"},
        {"return table.unpack({}, -math.maxinteger - 1, math.maxinteger)",
         "error: script:1: table.unpack: at most*"},
        {"return table.unpack({}, math.maxinteger, math.maxinteger)", "nil"},
        {"return table.unpack({}, 1, 0)", ""},
        {"return (('x'):rep(5000)):byte(1, -1)",
         "error: script:1: string.byte: at most 4096 results"},
        {"return ('x'):find(('a'):rep(2000))", "nil"},
        {"return ('x'):find(('%a'):rep(2000))",
         "error: script:1: the pattern is longer than 1024 bytes"},
        {"return ('x'):match('(')", "error: script:1: unfinished capture"},
        {"return ('x'):match('[a')", "error: script:1: malformed pattern (missing ']')"},
        {"return ('x'):match('%')", "error: script:1: malformed pattern (ends with '%')"},
        {"return ('x'):match('%1')", "error: script:1: invalid capture index in pattern"},
        {"return ('x'):match(('()'):rep(40))", "error: script:1: too many captures"},
        {"return ('x'):gsub('x', '%2')",
         "error: script:1: invalid capture index %2 in replacement string"},
        {"return ('x'):gsub('x', function() return {} end)",
         "error: script:1: invalid replacement value (a table)"},
        {"return string.format('%d', 1.5)", "error: *"},
        {"return string.format('%d')", "error: script:1: string.format: value 1 is missing"},
        {"return string.format('%123d', 1)",
         "error: script:1: string.format: width too long (at most 99)"},
        {"return string.format('%y', 1)", "error: script:1: string.format: '%y' is not available"},
        {"local function f() return 1 + f() end return pcall(f)", "false,*"},
        {"local s = 'return ' .. ('('):rep(300) return #s", "307"},
    };
    (void)state;
    CHECK(list);
}

static void test_yield_outside_a_coroutine_is_an_ordinary_error(void **state)
{
    (void)state;
    assert_non_null(strstr(rig_script("coroutine.yield(1)"), "error: "));
}

#ifdef BW_FAULTS
/* Every kind of thing that allocates: closures, tables, strings, the libraries of the sandbox,
 * coroutines, errors caught and raised, values to be closed. */
static const char *const ALLOCATING =
    "local function class(n) return setmetatable({ n = n }, { __index = { get = function(s) return "
    "s.n end }, __close = function() end, __concat = function(a, b) return 'c' end }) end\n"
    "local out = {}\n"
    "for i = 1, 3 do local c <close> = class(i) out[#out + 1] = ('%s-%05d'):format(c:get(), i) "
    "end\n"
    "local gen = coroutine.wrap(function(...) for i = 1, select('#', ...) do coroutine.yield(i) "
    "end "
    "end)\n"
    "out[#out + 1] = gen('a', 'b') + gen()\n"
    "local ok, e = pcall(function() error({ code = 'X', text = ('y'):rep(40) }) end)\n"
    "out[#out + 1] = tostring(ok) .. e.code\n"
    "local text = ('the quick brown fox'):gsub('%w+', string.upper)\n"
    "for word in text:gmatch('%u+') do out[#out + 1] = word end\n"
    "table.sort(out, function(a, b) return tostring(a) < tostring(b) end)\n"
    "out[#out + 1] = table.concat({ table.unpack(table.pack(1, 2, 3)) }, ',')\n"
    "out[#out + 1] = utf8 and utf8.char(228) or string.char(65, 66)\n"
    "for k, v in pairs({ b = 1, a = 2 }) do out[#out + 1] = k .. v end\n"
    "return #out, table.concat(table.move(out, 1, #out, 1, {}), '|', 1, 3)";

static void test_every_allocation_of_a_script_fails_once(void **state)
{
    size_t killed = 0;
    (void)state;
    bw_fault_reset();
    (void)rig_script("return 1");
    uint64_t first = bw_fault_passes(BW_FAULT_LUA_MEMORY);
    bw_fault_reset();
    char *wanted = bw_xstrdup(rig_script(ALLOCATING));
    uint64_t last = bw_fault_passes(BW_FAULT_LUA_MEMORY);
    assert_null(strstr(wanted, "error"));
    for (uint64_t nth = first + 1; nth <= last; nth++) {
        bw_fault_reset();
        bw_fault_arm(BW_FAULT_LUA_MEMORY, nth, BW_FAULT_DO_ERR);
        const char *got = rig_script(ALLOCATING);
        bool is_killed = strcmp(got, "killed: memory") == 0;
        killed += is_killed;
        if (!is_killed && strcmp(got, wanted) != 0) {
            print_error("allocation %d: %s, not %s\n", (int)nth, got, wanted);
            fail();
        }
    }
    bw_fault_reset();
    bw_free(wanted);
    assert_true(killed > 100);
}
#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_reaches_outside_is_not_there_and_says_what_to_use),
        cmocka_unit_test(test_globals_and_libraries_cannot_be_changed),
        cmocka_unit_test(test_metatables_are_frozen_copies_without_collector_hooks),
        cmocka_unit_test(test_idioms_that_people_write_work),
        cmocka_unit_test(test_more_idioms_that_people_write_work),
        cmocka_unit_test(test_order_does_not_depend_on_the_process),
        cmocka_unit_test(test_hostile_scripts_are_killed_and_cannot_catch_it),
        cmocka_unit_test(test_sizes_have_ceilings_that_raise_ordinary_errors),
        cmocka_unit_test(test_yield_outside_a_coroutine_is_an_ordinary_error),
#ifdef BW_FAULTS
        cmocka_unit_test(test_every_allocation_of_a_script_fails_once),
#endif
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
