/* test_slim.c - bytecode without names does the same, says the same lines, and is smaller; what is
 * not a chunk is left alone. */
#include "support/test.h"

#include "lua/slim.h"
#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>

static const char SOURCE[] =
    "local first, second = 1, 2.5\n"
    "local function inner(n, ...)\n"
    "  local total = n + select('#', ...)\n"
    "  if total > 100 then return total .. 'many', first end\n"
    "  return function() first = first + total; return first end\n"
    "end\n"
    "local long = 'a text of more than forty characters, which is kept apart'\n"
    "local function fails()\n"
    "  local nothing\n"
    "\n"
    "  return nothing.field\n"
    "end\n"
    "return { inner(3, true, nil, false)(), inner(200), #long, second, -7,\n"
    "  select(2, pcall(fails)) }\n";

static int write_chunk(lua_State *L, const void *bytes, size_t len, void *ud)
{
    (void)L;
    bw_buf_put(ud, bytes, len);
    return 0;
}

static void compile(struct bw_buf *out)
{
    lua_State *L = luaL_newstate();
    assert_int_equal(luaL_loadbufferx(L, SOURCE, sizeof SOURCE - 1, "=stdlib/some.lua", "t"), 0);
    assert_int_equal(lua_dump(L, write_chunk, out, 0), 0);
    lua_close(L);
}

/* What the chunk returns, one text. */
static void run(struct bw_str chunk, char *text, size_t size)
{
    lua_State *L = luaL_newstate();
    luaL_openlibs(L);
    assert_int_equal(luaL_loadbufferx(L, chunk.ptr, chunk.len, "chunk", "b"), 0);
    assert_int_equal(lua_pcall(L, 0, 1, 0), 0);
    text[0] = '\0';
    for (lua_Integer i = 1; i <= luaL_len(L, 1); i++) {
        size_t at = strlen(text);
        lua_geti(L, 1, i);
        snprintf(text + at, size - at, "%s;", luaL_tolstring(L, -1, NULL));
        lua_settop(L, 1);
    }
    lua_close(L);
}

static void test_a_slim_chunk_does_the_same_with_the_same_lines(void **state)
{
    (void)state;
    struct bw_buf whole, slim;
    char before[512], after[512];
    bw_buf_init(&whole, 65536);
    bw_buf_init(&slim, 65536);
    compile(&whole);
    assert_true(bw_slim(bw_buf_str(&whole), &slim));
    assert_true(slim.len < whole.len);
    run(bw_buf_str(&whole), before, sizeof before);
    run(bw_buf_str(&slim), after, sizeof after);
    assert_non_null(strstr(before, "stdlib/some.lua:11: "));
    assert_non_null(strstr(after, "stdlib/some.lua:11: "));
    *strstr(before, "stdlib/") = '\0';
    *strstr(after, "stdlib/") = '\0';
    assert_string_equal(before, after);
    bw_buf_deinit(&whole);
    bw_buf_deinit(&slim);
}

static void test_what_is_cut_short_or_another_format_is_refused(void **state)
{
    (void)state;
    struct bw_buf whole, slim;
    bw_buf_init(&whole, 65536);
    bw_buf_init(&slim, 65536);
    compile(&whole);
    for (size_t len = 0; len < whole.len; len++) {
        bw_buf_clear(&slim);
        assert_false(bw_slim(bw_str(whole.ptr, len), &slim));
    }
    whole.ptr[4] = 0x55; /* a later version of Lua */
    bw_buf_clear(&slim);
    assert_false(bw_slim(bw_buf_str(&whole), &slim));
    bw_buf_deinit(&whole);
    bw_buf_deinit(&slim);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_slim_chunk_does_the_same_with_the_same_lines),
        cmocka_unit_test(test_what_is_cut_short_or_another_format_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
