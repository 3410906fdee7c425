/* test_cmd_init.c - billow init: what is written, and what is left alone. */
#include "support/test.h"

#include "edge/cmd.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct fixture {
    char dir[64];
    char share[512];
    struct bw_cli cli;
    const char *arguments[2];
    char *talk;
    size_t talk_len;
};

static int set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    const char *binary = getenv("BW_BINARY_DIR");

    snprintf(fixture->dir, sizeof fixture->dir, "/tmp/billow-init-XXXXXX");
    assert_non_null(mkdtemp(fixture->dir));
    snprintf(fixture->share, sizeof fixture->share, "%s/share/billow", binary ? binary : ".");
    setenv("BILLOW_SHARE", fixture->share, 1);
    fixture->arguments[0] = fixture->dir;
    fixture->cli = (struct bw_cli){.arguments = fixture->arguments, .argument_count = 1};
    fixture->cli.err = open_memstream(&fixture->talk, &fixture->talk_len);
    fixture->cli.out = fixture->cli.err;
    *state = fixture;
    return 0;
}

static void forget(const struct fixture *fixture, const char *name)
{
    char path[256];
    snprintf(path, sizeof path, "%s%s", fixture->dir, name);
    (void)remove(path);
}

static int tear_down(void **state)
{
    static const char *const written[] = {"/README.md",
                                          "/.gitignore",
                                          "/.luacheckrc",
                                          "/.luarc.json",
                                          "/policies/discount/policy.lua",
                                          "/policies/discount/settings.json",
                                          "/spec/hello_spec.lua",
                                          "/workflows/hello.lua",
                                          "/mine.txt",
                                          "/policies/discount",
                                          "/policies",
                                          "/spec",
                                          "/workflows",
                                          "/lib",
                                          ""};
    struct fixture *fixture = *state;

    for (size_t i = 0; i < sizeof written / sizeof written[0]; i++)
        forget(fixture, written[i]);
    fclose(fixture->cli.err);
    free(fixture->talk);
    free(fixture);
    return 0;
}

static void read_file(const struct fixture *fixture, const char *name, struct bw_buf *text)
{
    char path[256];
    struct bw_error error = {0};

    snprintf(path, sizeof path, "%s/%s", fixture->dir, name);
    bw_buf_init(text, 1 << 20);
    assert_ok(bw_cmd_read_file(path, text, &error), &error);
}

static void test_the_editor_is_pointed_to_the_installed_library(void **state)
{
    struct fixture *fixture = *state;
    struct bw_buf text;

    assert_int_equal(bw_cmd_init(&fixture->cli), BW_EXIT_OK);
    read_file(fixture, ".luarc.json", &text);
    assert_non_null(strstr(bw_buf_cstr(&text), fixture->share));
    assert_null(strstr(bw_buf_cstr(&text), "{{"));
    bw_buf_deinit(&text);
}

static void test_the_project_is_named_after_its_directory(void **state)
{
    struct fixture *fixture = *state;
    struct bw_buf text;

    assert_int_equal(bw_cmd_init(&fixture->cli), BW_EXIT_OK);
    read_file(fixture, "README.md", &text);
    assert_non_null(strstr(bw_buf_cstr(&text), strrchr(fixture->dir, '/') + 1));
    bw_buf_deinit(&text);
}

static void test_a_directory_with_something_in_it_is_left_alone(void **state)
{
    struct fixture *fixture = *state;
    struct bw_error error = {0};
    char path[256];
    struct stat info;

    snprintf(path, sizeof path, "%s/mine.txt", fixture->dir);
    assert_ok(bw_cmd_write_file(path, BW_STR("mine"), &error), &error);
    assert_int_equal(bw_cmd_init(&fixture->cli), bw_err_exit_code(BW_ERR_CONFLICT));
    fflush(fixture->cli.err);
    assert_non_null(strstr(fixture->talk, "mine.txt is there"));
    snprintf(path, sizeof path, "%s/README.md", fixture->dir);
    assert_int_not_equal(stat(path, &info), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_the_editor_is_pointed_to_the_installed_library, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_the_project_is_named_after_its_directory, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_a_directory_with_something_in_it_is_left_alone, set_up,
                                        tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
