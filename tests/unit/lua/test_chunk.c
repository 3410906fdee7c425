/* test_chunk.c - files of a release: found, compiled once, from text only. */
#include "support/test.h"

#include "base/limits.h"
#include "lua/chunk.h"

static struct bw_release *make(const char *name, struct bw_str bytes)
{
    struct bw_release_file file = {bw_str_of(name), bytes};
    struct bw_release_set set = {.hash = {7}, .files = &file, .count = 1};

    return bw_release_create(&set);
}

static void test_a_file_is_compiled_once_and_found_by_name(void **state)
{
    struct bw_release *release = make("lib/a.lua", BW_STR("return 1"));
    struct bw_str first, again, bytes;
    struct bw_error error;
    (void)state;
    assert_ok(bw_release_compile(release, BW_STR("lib/a.lua"), &first, &error), &error);
    assert_ok(bw_release_compile(release, BW_STR("lib/a.lua"), &again, &error), &error);
    assert_ptr_equal(first.ptr, again.ptr);
    assert_true(bw_release_find(release, BW_STR("lib/a.lua"), &bytes));
    assert_str(bytes, "return 1");
    assert_err(bw_release_compile(release, BW_STR("lib/b.lua"), &first, &error), NOT_FOUND);
    assert_int_equal(bw_release_hash(release)[0], 7);
    bw_release_drop(release);
}

static void test_a_syntax_error_names_file_and_line_each_time(void **state)
{
    struct bw_release *release = make("workflows/tm.lua", BW_STR("local x =\n\nend"));
    struct bw_str bytecode;
    struct bw_error error;
    (void)state;
    for (int i = 0; i < 2; i++) {
        assert_err(bw_release_compile(release, BW_STR("workflows/tm.lua"), &bytecode, &error),
                   SCRIPT);
        assert_non_null(strstr(error.text, "workflows/tm.lua:3: unexpected symbol near 'end'"));
    }
    bw_release_drop(release);
}

static void test_bytecode_is_refused(void **state)
{
    struct bw_release *release = make("lib/a.lua", BW_STR("\x1bLuaT"));
    struct bw_str bytecode;
    struct bw_error error;
    (void)state;
    assert_err(bw_release_compile(release, BW_STR("lib/a.lua"), &bytecode, &error), SCRIPT);
    assert_non_null(strstr(error.text, "attempt to load a binary chunk (mode is 't')"));
    bw_release_drop(release);
}

static void test_a_file_that_is_too_long_is_refused(void **state)
{
    struct bw_buf text;
    struct bw_str bytecode;
    struct bw_error error;
    (void)state;
    bw_buf_init(&text, BW_LIMIT_SCRIPT_BYTES + 100);
    memset(bw_buf_extend(&text, BW_LIMIT_SCRIPT_BYTES + 1), ' ', BW_LIMIT_SCRIPT_BYTES + 1);
    struct bw_release *release = make("lib/a.lua", bw_buf_str(&text));
    assert_err(bw_release_compile(release, BW_STR("lib/a.lua"), &bytecode, &error), SCRIPT);
    assert_non_null(strstr(error.text, "longer than"));
    bw_release_drop(release);
    bw_buf_deinit(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_file_is_compiled_once_and_found_by_name),
        cmocka_unit_test(test_a_syntax_error_names_file_and_line_each_time),
        cmocka_unit_test(test_bytecode_is_refused),
        cmocka_unit_test(test_a_file_that_is_too_long_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
