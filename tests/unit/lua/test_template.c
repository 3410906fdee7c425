/* test_template.c - states that are copied: a copy does what a state of its own would, copies know
 * nothing of each other, and what cannot be copied is not. Under AddressSanitizer, and with Lua's
 * own assertions where the build has them. */
#include "support/test.h"

#include "lua/template.h"
#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>
#include <stdlib.h>
#include <string.h>

enum { REGION = 1 << 20, CAP = 4 << 20 };

static struct bw_budget first;
static struct bw_template *template;

/* Everything that a state is made of: closures that share, metatables, long and short strings,
 * tables with tables, functions and numbers for keys, arrays with holes, userdata. */
static const char LOADED[] =
    "local shared = 0\n"
    "function count() shared = shared + 1 return shared end\n"
    "function counted() return shared end\n"
    "local key, f = { name = 'key' }, function(a, b, ...) return a + b, select('#', ...) end\n"
    "keys = { [key] = 'by table', [f] = 'by function', [print] = 'by C function', [1.5] = 'f' }\n"
    "for i = 1, 40 do keys[{ i }] = i end\n"
    "key_of, f_of = key, f\n"
    "list = { 1, 2, 3, nil, 5, [100] = 'far' }\n"
    "long = string.rep('long ', 100)\n"
    "class = setmetatable({}, { __index = function(_, k) return k .. '!' end })\n"
    "for i = 1, 300 do _G['name_' .. i] = 'value ' .. i end\n"
    "for i = 1, 300 do _G['name_' .. i] = nil end\n"
    "weak = setmetatable({}, { __mode = 'k' }) weak[key] = 'held'\n"
    "loop = {} loop.loop = loop\n";

static const char CHECKED[] =
    "assert(counted() == 0 and count() == 1 and count() == 2 and counted() == 2)\n"
    "assert(keys[key_of] == 'by table' and keys[f_of] == 'by function')\n"
    "assert(keys[print] == 'by C function' and keys[1.5] == 'f')\n"
    "local n = 0 for k, v in pairs(keys) do n = n + 1 assert(keys[k] == v) end assert(n == 44)\n"
    "local sum, rest = f_of(1, 2, 'x', 'y') assert(sum == 3 and rest == 2)\n"
    "assert(list[5] == 5 and list[100] == 'far' and list[4] == nil)\n"
    "assert(#long == 500 and long == string.rep('long ', 100))\n"
    "assert(class.hello == 'hello!' and name_7 == nil and weak[key_of] == 'held')\n"
    "assert(loop.loop.loop == loop)\n"
    "keys[loop] = true list[#list + 1] = 6 long = nil\n"
    "local t = {} for i = 1, 2000 do t[i] = { i, tostring(i) } end\n"
    "assert(t[2000][2] == '2000')\n"
    "local co = coroutine.wrap(function(a) local b = coroutine.yield(a + 1) return b * 2 end)\n"
    "assert(co(1) == 2 and co(5) == 10)\n"
    "assert(not pcall(error, 'x'))\n";

static int run_text(lua_State *L)
{
    const char *text = lua_touserdata(L, 1);

    if (luaL_loadbufferx(L, text, strlen(text), "=test", "t") != LUA_OK)
        return lua_error(L);
    lua_call(L, 0, 0);
    return 0;
}

static void run(lua_State *L, const char *text)
{
    struct bw_error error;

    if (bw_lua_protected(L, run_text, (void *)(uintptr_t)text, &error) != LUA_OK)
        fail_msg("%s", error.text);
}

static int open_libraries(lua_State *L)
{
    luaL_requiref(L, "_G", luaopen_base, 1);
    luaL_requiref(L, "coroutine", luaopen_coroutine, 1);
    luaL_requiref(L, "string", luaopen_string, 1);
    luaL_requiref(L, "table", luaopen_table, 1);
    return 0;
}

static lua_State *load(const char *text)
{
    first = (struct bw_budget){.steps_max = UINT64_MAX, .bytes_max = REGION, .is_collecting = true};
    lua_State *L = bw_template_newstate(&first, REGION);
    assert_non_null(L);
    assert_int_equal(bw_lua_protected(L, open_libraries, NULL, NULL), LUA_OK);
    run(L, text);
    return L;
}

static lua_State *copy(struct bw_budget *budget)
{
    *budget = (struct bw_budget){.steps_max = UINT64_MAX, .bytes_max = CAP};
    lua_State *L = bw_template_copy(template, budget);
    assert_non_null(L);
    return L;
}

static void test_copies_are_states_of_their_own(void **state)
{
    struct bw_budget budgets[5];
    lua_State *copies[5];

    (void)state;
    lua_State *L = load(LOADED);
    (void)lua_gc(L, LUA_GCCOLLECT);
    template = bw_template_take(L);
    assert_non_null(template);
    for (size_t i = 0; i < 5; i++) {
        copies[i] = copy(&budgets[i]);
        assert_int_equal(budgets[i].bytes, bw_template_budget(template)->bytes);
        assert_int_equal(budgets[i].bytes_max, CAP);
    }
    for (size_t i = 0; i < 5; i++)
        run(copies[i], CHECKED); /* each sees nothing of what the ones before have done */
    bw_template_drop(template);  /* nor need they it */
    for (size_t i = 0; i < 5; i++) {
        run(copies[i], "assert(counted() == 2) assert(keys[loop])");
        (void)lua_gc(copies[i], LUA_GCRESTART);
        (void)lua_gc(copies[i], LUA_GCCOLLECT); /* every object is found, and none twice */
        run(copies[i], "assert(count() == 3 and keys[key_of] == 'by table' and weak[key_of])");
        (void)lua_gc(copies[i], LUA_GCCOLLECT);
        if (i % 2)
            lua_close(copies[i]); /* frees block by block */
        assert_true(i % 2 == 0 || budgets[i].bytes == 0);
        if (i % 2)
            bw_pool_drop(&budgets[i].pool);
        else
            bw_budget_close(copies[i]);
    }
}

/* A copy of its memory would be another coroutine that thinks it is the first. */
static void test_what_cannot_be_copied_is_refused(void **state)
{
    static const char *const texts[] = {
        "co = coroutine.create(function() end)",
        "co = coroutine.wrap(function() coroutine.yield() end) co()",
    };

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        lua_State *L = load(texts[i]);
        assert_null(bw_template_take(L));
        run(L, "assert(1 + 1 == 2)"); /* as it was */
        bw_budget_close(L);
    }
    lua_State *L = load("x = 1");
    first.open_count = 1; /* a time zone, say */
    assert_null(bw_template_take(L));
    first.open_count = 0;
    bw_budget_close(L);
}

static void test_a_region_that_is_too_small_is_no_memory(void **state)
{
    struct bw_budget budget = {.steps_max = UINT64_MAX, .bytes_max = CAP, .is_collecting = true};

    (void)state;
    assert_null(bw_template_newstate(&budget, 512));
    budget = (struct bw_budget){.steps_max = UINT64_MAX, .bytes_max = CAP, .is_collecting = true};
    lua_State *L = bw_template_newstate(&budget, 64 * 1024);
    assert_non_null(L);
    assert_int_equal(
        bw_lua_protected(L, run_text,
                         (void *)(uintptr_t) "local t = {} while true do t[#t + 1] = {} end", NULL),
        LUA_ERRMEM);
    bw_budget_close(L);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_copies_are_states_of_their_own),
        cmocka_unit_test(test_what_cannot_be_copied_is_refused),
        cmocka_unit_test(test_a_region_that_is_too_small_is_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
