/* tool_main.c - billow-lua: run a Lua script, or busted specs, in the trusted state of tool.h. For
 * work on Billow itself; not installed.
 *
 *   billow-lua [-d PROJECT_DIR] SCRIPT [ARG...]
 *   billow-lua [-d PROJECT_DIR] --busted SPEC...
 */
#include "lua/tool.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int usage(void)
{
    (void)fputs("usage: billow-lua [-d PROJECT_DIR] SCRIPT [ARG...]\n"
                "       billow-lua [-d PROJECT_DIR] --busted [BUSTED OPTION...] SPEC...\n"
                "PROJECT_DIR (default: the current folder) holds stdlib/ (billow.*), and modules "
                "as tests/x.lua.\n",
                stderr);
    return 64;
}

int main(int argc, char **argv)
{
    const char *project = ".";
    char stdlib_dir[4096], lib_dir[4096], tests_dir[4096];
    const char *lib_dirs[] = {project, lib_dir, tests_dir, NULL};
    struct bw_tool_options options = {.stdlib_dir = stdlib_dir, .lib_dirs = lib_dirs};
    struct bw_error error;
    struct bw_tool *tool;
    int at = 1, code;

    if (at + 1 < argc && strcmp(argv[at], "-d") == 0) {
        project = argv[at + 1];
        at += 2;
    }
    if (at >= argc)
        return usage();
    lib_dirs[0] = project;
    (void)snprintf(stdlib_dir, sizeof stdlib_dir, "%s/stdlib", project);
    (void)snprintf(lib_dir, sizeof lib_dir, "%s/lib", project);
    (void)snprintf(tests_dir, sizeof tests_dir, "%s/tests/lua", project);
    tool = bw_tool_create(&options, &error);
    if (!tool) {
        (void)fprintf(stderr, "billow-lua: %s\n", error.text);
        return EXIT_FAILURE;
    }
    if (strcmp(argv[at], "--busted") == 0)
        code = bw_tool_busted(tool, (const char *const *)&argv[at + 1]);
    else
        code = bw_tool_run(tool, argv[at], (const char *const *)&argv[at + 1]);
    bw_tool_destroy(tool);
    return code;
}
