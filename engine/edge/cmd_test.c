/* cmd_test.c - billow test: busted inside the engine's own Lua, with worlds to run workflows in.
 *
 * Specs see the modules of the standard library, of lib/ and tests/lua/ of their project, and
 * busted. The project of a spec is the nearest folder above it that has workflows/, policies/ or
 * lib/.
 */
#include "base/mem.h"
#include "base/parse.h"
#include "edge/cmd.h"
#include "edge/config.h"
#include "edge/test_world.h"
#include "lua/tool.h"
#include "lua/tool_call.h"
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { ARGS_MAX = 80, SAMPLE_MAX = 1000000 };

struct run {
    struct bw_cli *cli;
    struct bw_arena arena;
    const char *args[ARGS_MAX + 1];
    size_t arg_count;
    struct bw_test_settings settings;
};

static void add_arg(struct run *run, const char *text)
{
    if (run->arg_count < ARGS_MAX)
        run->args[run->arg_count++] = text;
}

static const char *joined(struct run *run, const char *left, const char *right)
{
    struct bw_buf text;
    const char *copy;

    bw_buf_init(&text, 2 * PATH_MAX);
    bw_buf_printf(&text, "%s%s", left, right);
    copy = bw_arena_cstr(&run->arena, bw_buf_str(&text));
    bw_buf_deinit(&text);
    return copy;
}

static bool is_dir(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0 && S_ISDIR(info.st_mode);
}

static bool is_project(struct run *run, const char *dir)
{
    return is_dir(joined(run, dir, "/workflows")) || is_dir(joined(run, dir, "/policies")) ||
           is_dir(joined(run, dir, "/lib"));
}

static bool is_spec_dir(const char *dir)
{
    const char *slash = strrchr(dir, '/');
    return slash && (strcmp(slash, "/spec") == 0 || strcmp(slash, "/tests") == 0);
}

/* Shortens `dir` to the nearest folder, itself or above, that `is_wanted` names. */
static bool climb(struct run *run, char *dir, bool (*is_wanted)(struct run *run, const char *dir))
{
    for (;;) {
        char *slash = strrchr(dir, '/');
        if (is_wanted(run, dir))
            return true;
        if (!slash || slash == dir)
            return false;
        *slash = '\0';
    }
}

static bool is_below_spec_dir(struct run *run, const char *dir)
{
    (void)run;
    return is_spec_dir(dir);
}

/* The folder that a spec belongs to; where it lies itself, when nothing above it is a project. */
static const char *project_of(struct run *run, const char *path)
{
    char real[PATH_MAX], dir[PATH_MAX];

    if (!realpath(path, real))
        return ".";
    if (!is_dir(real))
        *strrchr(real, '/') = '\0';
    (void)snprintf(dir, sizeof dir, "%s", real);
    if (climb(run, dir, is_below_spec_dir)) {
        *strrchr(dir, '/') = '\0';
        return joined(run, dir, "");
    }
    (void)snprintf(dir, sizeof dir, "%s", real);
    return joined(run, climb(run, dir, is_project) ? dir : real, "");
}

/* Without arguments: spec/ or tests/lua/ of the directory. */
static enum bw_err choose_paths(struct run *run, struct bw_error *error)
{
    static const char *const usual[] = {"/spec", "/tests/lua"};
    struct bw_cli *cli = run->cli;
    struct stat info;

    for (unsigned i = 0; i < cli->argument_count; i++) {
        if (stat(cli->arguments[i], &info) != 0)
            return bw_fail(error, BW_ERR_NOT_FOUND, "there is no file or folder %s",
                           cli->arguments[i]);
        add_arg(run, cli->arguments[i]);
    }
    for (size_t i = 0; cli->argument_count == 0 && i < sizeof usual / sizeof usual[0]; i++) {
        const char *path = joined(run, cli->dir, usual[i]);
        if (is_dir(path))
            add_arg(run, path);
    }
    if (run->arg_count == 0)
        return bw_fail(error, BW_ERR_NOT_FOUND,
                       "nothing to test: neither %s/spec nor %s/tests/lua is there; name a spec "
                       "file or folder",
                       cli->dir, cli->dir);
    run->settings.project_dir = project_of(run, run->args[0]);
    return BW_ERR_OK;
}

static void add_options(struct run *run)
{
    const char *filter = bw_cli_option(run->cli, "filter");

    add_arg(run, "--helper=billow.testing.hooks");
    if (filter)
        add_arg(run, joined(run, "--filter=", filter));
    if (run->cli->is_json)
        add_arg(run, "--output=json");
}

static int run_specs(struct run *run, struct bw_error *error)
{
    const char *project = run->settings.project_dir;
    const char *lib_dirs[] = {project, joined(run, project, "/lib"),
                              joined(run, project, "/tests/lua"), NULL};
    struct bw_tool_options options = {.stdlib_dir = joined(run, run->settings.share_dir, "/stdlib"),
                                      .lib_dirs = lib_dirs};
    struct bw_test_worlds *worlds = bw_test_worlds_create(&run->settings);
    struct bw_tool *tool = bw_tool_create(&options, error);
    int status = BW_EXIT_FAILED;

    if (!tool) {
        status = bw_cli_fail(run->cli, error);
    } else if (bw_tool_add_call(tool, "billow.testing.native", bw_test_worlds_call, worlds,
                                error)) {
        status = bw_cli_fail(run->cli, error);
    } else {
        int failures = bw_tool_busted(tool, run->args);
        if (failures == 0)
            status = BW_EXIT_OK;
        else if (bw_test_worlds_were_asked(worlds))
            status = BW_EXIT_TESTS_FAILED;
    }
    bw_tool_destroy(tool);
    bw_test_worlds_destroy(worlds);
    return status;
}

/* A whole number from `least` on; false when the option says anything else. */
static bool read_number(struct bw_cli *cli, const char *name, unsigned least, unsigned *number)
{
    const char *text = bw_cli_option(cli, name);
    int value = 0;
    if (text && !bw_parse_int(bw_str_of(text), (int)least, SAMPLE_MAX, &value))
        return false;
    *number = (unsigned)value;
    return true;
}

int bw_cmd_test(struct bw_cli *cli)
{
    struct bw_error error = {0};
    struct bw_test_settings settings = {.has_crashes = bw_cli_option(cli, "crash") != NULL};
    int status;

    if (!read_number(cli, "sample", 1, &settings.sample) ||
        !read_number(cli, "seed", 0, &settings.seed))
        return bw_cli_usage(cli, "test: --sample is a number from 1 on, --seed one from 0 on");
    if (settings.sample && !settings.has_crashes)
        return bw_cli_usage(cli, "test: --sample says where --crash crashes: give both");
    struct run *run = bw_xcalloc(1, sizeof *run);
    run->cli = cli;
    run->settings = settings;
    bw_arena_init(&run->arena);
    if (bw_config_share_dir(&run->settings.share_dir, &error) || choose_paths(run, &error)) {
        status = bw_cli_fail(cli, &error);
    } else {
        add_options(run);
        status = run_specs(run, &error);
    }
    bw_arena_deinit(&run->arena);
    bw_free(run);
    return status;
}
