/* test_tool.c - the trusted state: modules from a folder, exit codes, time zones of the machine,
 * busted. */
#include "support/test.h"

#include "lua/tool.h"
#include "lua/tool_call.h"
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[64];

static void write_file(const char *name, const char *text)
{
    char path[256];

    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    (void)fputs(text, file);
    (void)fclose(file);
}

static int setup(void **state)
{
    char path[256];
    (void)state;
    (void)snprintf(folder, sizeof folder, "/tmp/billow-tool-XXXXXX");
    assert_non_null(mkdtemp(folder));
    (void)snprintf(path, sizeof path, "%s/stdlib", folder);
    assert_int_equal(mkdir(path, 0700), 0);
    return 0;
}

static int teardown(void **state)
{
    static const char *const names[] = {"stdlib/x.lua", "script.lua", "a_spec.lua", "stdlib", ""};
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char path[256];
        (void)snprintf(path, sizeof path, "%s/%s", folder, names[i]);
        (void)remove(path);
    }
    return 0;
}

static int run(const char *source)
{
    char stdlib_dir[128], script[128];
    static const char *const args[] = {"one", "two", NULL};
    struct bw_error error;

    (void)snprintf(stdlib_dir, sizeof stdlib_dir, "%s/stdlib", folder);
    (void)snprintf(script, sizeof script, "%s/script.lua", folder);
    write_file("script.lua", source);
    struct bw_tool_options options = {.stdlib_dir = stdlib_dir};
    struct bw_tool *tool = bw_tool_create(&options, &error);
    assert_non_null(tool);
    int code = bw_tool_run(tool, script, args);
    bw_tool_destroy(tool);
    return code;
}

static void test_modules_of_billow_come_from_the_folder(void **state)
{
    (void)state;
    write_file("stdlib/x.lua", "return { name = (...) }");
    assert_int_equal(run("assert(require('billow.x').name == 'billow.x')"), 0);
    assert_int_equal(run("assert(not pcall(require, 'billow.y'))"), 0);
}

static void test_arguments_and_the_exit_code_are_passed(void **state)
{
    (void)state;
    assert_int_equal(run("assert(arg[1] == 'one' and select('#', ...) == 2) os.exit(7)"), 7);
    assert_int_equal(run("os.exit(true)"), 0);
    assert_int_equal(run("pcall(os.exit, 3)"), 3);
    assert_int_equal(run("return"), 0);
}

static void test_order_is_as_in_production(void **state)
{
    (void)state;
    assert_int_equal(
        run("local o = {} for k in pairs { b = 1, a = 2, [1] = 3 } do o[#o + 1] = k end "
            "assert(table.concat(o, ' ') == '1 a b') "
            "local n = 0 for k in pairs { [{}] = 1, [print] = 2 } do n = n + 1 end assert(n == 2)"),
        0);
}

static void test_zones_are_the_machines(void **state)
{
    (void)state;
    if (access("/usr/share/zoneinfo/Europe/Berlin", R_OK) != 0)
        skip();
    assert_int_equal(
        run("local date = require 'billow.date' "
            "assert(date.of_instant('2026-10-31T23:30:00Z', 'Europe/Berlin') == '2026-11-01') "
            "assert(date.at('2026-10-31', '18:00', 'Europe/Berlin') == '2026-10-31T17:00:00Z') "
            "assert(not pcall(date.of_instant, 0, '../../etc/passwd'))"),
        0);
}

static void test_a_function_of_a_module_is_called_with_values(void **state)
{
    char stdlib_dir[128];
    struct bw_error error;
    struct bw_buf args, results;
    (void)state;
    (void)snprintf(stdlib_dir, sizeof stdlib_dir, "%s/stdlib", folder);
    write_file("stdlib/x.lua", "return { both = function(a, b) return b, a end, "
                               "bad = function() error('no ' .. 'luck', 0) end }");
    struct bw_tool_options options = {.stdlib_dir = stdlib_dir};
    struct bw_tool *tool = bw_tool_create(&options, &error);
    assert_non_null(tool);
    bw_buf_init(&args, 1024);
    bw_buf_init(&results, 1024);
    assert_int_equal(bw_value_from_json(&args, BW_STR("[1,{\"a\":[]}]"), &error), BW_ERR_OK);
    assert_int_equal(bw_tool_apply(tool, "billow.x", "both", bw_buf_str(&args), &results, &error),
                     BW_ERR_OK);
    bw_buf_clear(&args);
    bw_value_to_json(&args, bw_buf_str(&results), BW_JSON_DECIMAL_STRINGS);
    assert_string_equal(bw_buf_cstr(&args), "[{\"a\":[]},1]");
    bw_buf_clear(&args);
    bw_buf_clear(&results);
    bw_value_put_arr(&args, 0);
    assert_int_equal(bw_tool_apply(tool, "billow.x", "bad", bw_buf_str(&args), &results, &error),
                     BW_ERR_SCRIPT);
    assert_string_equal(error.text, "no luck");
    bw_buf_deinit(&args);
    bw_buf_deinit(&results);
    bw_tool_destroy(tool);
}

static void test_busted_runs_specs_inside(void **state)
{
    char spec[128];
    struct bw_error error;
    struct bw_tool_options options = {0};
    (void)state;
    if (access("/usr/share/lua/5.4/busted/runner.lua", R_OK) != 0)
        skip();
    (void)snprintf(spec, sizeof spec, "%s/a_spec.lua", folder);
    const char *const args[] = {"--output", "TAP", spec, NULL};
    write_file("a_spec.lua",
               "describe('x', function() it('holds', function() assert.equals(1, 1) end) end)");
    struct bw_tool *tool = bw_tool_create(&options, &error);
    assert_int_equal(bw_tool_busted(tool, args), 0);
    bw_tool_destroy(tool);
    write_file("a_spec.lua", "it('fails', function() assert.equals(1, 2) end)");
    tool = bw_tool_create(&options, &error);
    assert_int_equal(bw_tool_busted(tool, args), 1);
    bw_tool_destroy(tool);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_modules_of_billow_come_from_the_folder),
        TEST(test_arguments_and_the_exit_code_are_passed),
        TEST(test_order_is_as_in_production),
        TEST(test_zones_are_the_machines),
        TEST(test_a_function_of_a_module_is_called_with_values),
        TEST(test_busted_runs_specs_inside),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
