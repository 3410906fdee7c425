/* test_meta.c - every function of a C library has its stub in stdlib/meta, and every stub its
 * function. */
#include "support/test.h"

#include "lua/budget.h"
#include "lua/vm_state.h"
#include <lualib.h>
#include <stdio.h>
#include <stdlib.h>

/* Called with the module, a table of methods or nil, the stub file's text and its name. */
static const char *const COMPARE =
    "local module, methods, source, name = ...\n"
    "local problems = {}\n"
    "local stubs = {}\n"
    "for owner, dot, f in source:gmatch('\\nfunction (%w+)([.:])([%w_]+)%(') do\n"
    "  stubs[(dot == ':' and ':' or '.') .. f] = true\n"
    "end\n"
    "local function check(t, dot)\n"
    "  for f, v in pairs(t or {}) do\n"
    "    if type(v) == 'function' then\n"
    "      if not stubs[dot .. f] then problems[#problems + 1] = f .. ' has no stub' end\n"
    "      stubs[dot .. f] = nil\n"
    "    end\n"
    "  end\n"
    "end\n"
    "check(module, '.')\n"
    "check(methods, ':')\n"
    "for f in pairs(stubs) do problems[#problems + 1] = f .. ' has a stub and is no function' end\n"
    "if #problems > 0 then error(name .. ': ' .. table.concat(problems, ', '), 0) end\n";

static void read_stub(lua_State *L, const char *name)
{
    const char *root = getenv("BW_SOURCE_DIR");
    char path[1024];
    luaL_Buffer text;
    FILE *file;
    size_t got;

    (void)snprintf(path, sizeof path, "%s/stdlib/meta/%s.lua", root ? root : ".", name);
    file = fopen(path, "rb");
    if (!file)
        fail_msg("%s is missing", path);
    luaL_buffinit(L, &text);
    do {
        char *room = luaL_prepbuffer(&text);
        got = fread(room, 1, LUAL_BUFFERSIZE, file);
        luaL_addsize(&text, got);
    } while (got > 0);
    luaL_pushresult(&text);
    (void)fclose(file);
}

/* Pushes the methods of a value of the library, or nil. */
static void push_methods(lua_State *L, const char *name)
{
    if (strcmp(name, "decimal") == 0) {
        bw_lua_push_decimal(L, bw_decimal_from_int(0));
        (void)luaL_getmetafield(L, -1, "__index");
    } else if (strcmp(name, "money") == 0) {
        bw_lua_push_money(L, bw_decimal_from_int(0), "EUR");
        (void)luaL_getmetafield(L, -1,
                                "__index"); /* a function; its first upvalue has the methods */
        assert_non_null(lua_getupvalue(L, -1, 1));
        lua_remove(L, -2);
    } else {
        lua_pushnil(L);
        lua_pushnil(L);
    }
    lua_remove(L, -2);
}

static void check(lua_State *L, const char *name, lua_CFunction opener)
{
    lua_settop(L, 0);
    assert_int_equal(luaL_loadstring(L, COMPARE), LUA_OK);
    lua_pushcfunction(L, opener);
    lua_call(L, 0, 1);
    push_methods(L, name);
    read_stub(L, name);
    lua_pushstring(L, name);
    if (lua_pcall(L, 4, 0, 0) != LUA_OK)
        fail_msg("stdlib/meta/%s", lua_tostring(L, -1));
}

static void test_stubs_and_functions_are_the_same(void **state)
{
    struct bw_budget budget = {.steps_max = UINT64_MAX, .bytes_max = (size_t)64 * 1024 * 1024};
    lua_State *L = bw_budget_newstate(&budget);
    (void)state;
    luaL_requiref(L, "_G", luaopen_base, 1);
    luaL_requiref(L, "string", luaopen_string, 1);
    luaL_requiref(L, "table", luaopen_table, 1);
    for (const luaL_Reg *lib = bw_lua_libs; lib->name; lib++)
        check(L, lib->name, lib->func);
    check(L, "effect_core", bw_lua_open_effect_core);
    check(L, "script_core", bw_lua_open_script_core);
    lua_close(L);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_stubs_and_functions_are_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
