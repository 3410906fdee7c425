/* cmd_script.c - billow script run: a plain Lua file in a real script host, with nothing to reach.
 *
 * The file travels to billow-host as the release of a run that has one turn;
 * stdlib/script_runtime.lua stands in for billow.runtime there. What comes back is hostile input
 * like any other answer of a host. No engine, no database.
 */
#include "base/limits.h"
#include "base/mem.h"
#include "base/parse.h"
#include "codec/json.h"
#include "edge/cmd.h"
#include "edge/config.h"
#include "edge/project.h"
#include "edge/script_report.h"
#include "io/hostproc.h"
#include "io/loop.h"
#include "io/os.h"
#include <stdlib.h>
#include <string.h>

#define FUEL_DEFAULT 20000000u
#define FUEL_MAX UINT64_C(1000000000000)
#define WALL_MS_DEFAULT 1000u
#define WALL_MS_MAX 60000u
#define PATIENCE_MS 2000 /* beyond the wall limit: the host does not answer at all */
#define RELEASE_BYTES_MAX ((size_t)64 * 1024 * 1024)

struct script_run {
    struct bw_arena arena;
    struct bw_loop *loop;
    struct bw_hostproc *proc;
    struct bw_script_report report;
    bool is_done;
};

/* --- options */

struct unit {
    const char *name;
    uint64_t factor;
};

/* "64MiB" by a list of units; a bare number has the factor of the first. */
static bool parse_with_unit(const char *text, const struct unit *units, uint64_t max,
                            uint64_t *number)
{
    size_t digits = strspn(text, "0123456789");
    uint64_t factor = 0;

    for (size_t i = 0; units[i].name; i++) {
        if (strcmp(units[i].name, text + digits) == 0)
            factor = units[i].factor;
    }
    return factor && bw_parse_u64(bw_str(text, digits), number) && *number > 0 &&
           *number <= max / factor && (*number *= factor);
}

static int read_options(struct bw_cli *cli, struct bw_script_limits *limits)
{
    static const struct unit plain[] = {{"", 1}, {"k", 1000}, {"M", 1000000}, {NULL, 0}};
    static const struct unit bytes[] = {{"", 1},         {"KiB", BW_KIB}, {"MiB", BW_MIB},
                                        {"K", BW_KIB},   {"M", BW_MIB},   {"KB", 1000},
                                        {"MB", 1000000}, {"B", 1},        {NULL, 0}};
    static const struct unit times[] = {{"", 1}, {"ms", 1}, {"s", 1000}, {NULL, 0}};
    const char *fuel = bw_cli_option(cli, "fuel"), *memory = bw_cli_option(cli, "memory"),
               *wall = bw_cli_option(cli, "wall");

    *limits = (struct bw_script_limits){FUEL_DEFAULT, BW_LIMIT_VM_BYTES, WALL_MS_DEFAULT};
    if (fuel && !parse_with_unit(fuel, plain, FUEL_MAX, &limits->fuel))
        return bw_cli_usage(cli, "--fuel %s: a number of steps is expected, such as 5000000 or 5M",
                            fuel);
    if (memory && !parse_with_unit(memory, bytes, BW_LIMIT_VM_BYTES, &limits->memory_bytes))
        return bw_cli_usage(cli,
                            "--memory %s: bytes are expected, such as 8388608, 512KiB or 8MiB; at "
                            "most %uMiB",
                            memory, BW_LIMIT_VM_BYTES / BW_MIB);
    if (wall && !parse_with_unit(wall, times, WALL_MS_MAX, &limits->wall_ms))
        return bw_cli_usage(cli, "--wall %s: a time is expected, such as 500ms or 2s; at most %us",
                            wall, WALL_MS_MAX / 1000);
    return BW_EXIT_OK;
}

/* --- the file */

/* What error texts call it: the last part of its path, printable, and short enough for them. */
static const char *chunk_name(struct bw_arena *arena, const char *path)
{
    enum { NAME_BYTES_MAX = 50 };
    const char *slash = strrchr(path, '/');
    const char *base = strcmp(path, "-") == 0 ? "stdin" : slash ? slash + 1 : path;
    char *name = bw_arena_alloc(arena, strlen(base) + 1);

    memcpy(name, base, strlen(base) + 1);

    for (char *at = name; *at; at++) {
        if ((unsigned char)*at < 0x20 || *at == 0x7f)
            *at = '?';
    }
    if (strlen(name) > NAME_BYTES_MAX)
        name[NAME_BYTES_MAX] = '\0';
    return name[0] ? name : "script.lua";
}

/* As Lua's own loader: a byte order mark and a first line that begins with '#' are not code. The
 * line stays, empty. */
static struct bw_str without_head(struct bw_str source)
{
    if (bw_str_starts(source, BW_STR("\xef\xbb\xbf")))
        source = bw_str(source.ptr + 3, source.len - 3);
    if (source.len && source.ptr[0] == '#') {
        const char *end = memchr(source.ptr, '\n', source.len);
        size_t skipped = end ? (size_t)(end - source.ptr) : source.len;
        source = bw_str(source.ptr + skipped, source.len - skipped);
    }
    return source;
}

/* False when it can be told without running it that it will not run. */
static bool check_source(struct script_run *run, const char *path, struct bw_buf *source,
                         struct bw_error *error)
{
    struct bw_script_report *report = &run->report;
    enum bw_err err = bw_cmd_read_file(path, source, error);

    report->file = chunk_name(&run->arena, path);
    if (err == BW_ERR_LIMIT) {
        *error = (struct bw_error){0};
        bw_script_report_refuse(report, "the file is longer than %u bytes: split it into modules",
                                BW_LIMIT_SCRIPT_BYTES);
        return false;
    }
    if (err)
        return false;
    report->source = without_head(bw_buf_str(source));
    if (report->source.len && report->source.ptr[0] == '\x1b') {
        bw_script_report_refuse(
            report, "the file is compiled Lua; bytecode is not run, because it can break the "
                    "interpreter: give the source");
        return false;
    }
    return true;
}

static int by_name(const void *a, const void *b)
{
    return bw_str_cmp(((const struct bw_release_file *)a)->name,
                      ((const struct bw_release_file *)b)->name);
}

/* The standard library with the script beside it, and another runtime in place of billow.runtime.
 */
static enum bw_err make_release(struct script_run *run, struct bw_release_set *release,
                                struct bw_error *error)
{
    const char *share_dir;
    struct bw_buf files, zones;
    struct bw_value file_map, zone_list;
    struct bw_release_file *all, *runtime = NULL;
    enum bw_err err = bw_config_share_dir(&share_dir, error);

    bw_buf_init(&files, RELEASE_BYTES_MAX);
    bw_buf_init(&zones, RELEASE_BYTES_MAX);
    bw_project_zones(&zones);
    if (!err)
        err = bw_project_read(share_dir, NULL, &files, error);
    if (!err) {
        file_map = bw_value_read(bw_buf_str(&files));
        zone_list = bw_value_read(bw_buf_str(&zones));
        err = bw_project_release(&file_map, &zone_list, &run->arena, release, error);
    }
    bw_buf_deinit(&files);
    bw_buf_deinit(&zones);
    if (err)
        return err;
    all = bw_arena_calloc(&run->arena, release->count + 1, sizeof *all);
    memcpy(all, release->files, release->count * sizeof *all);
    for (size_t i = 0; i < release->count; i++) {
        if (bw_str_eq(all[i].name, BW_STR("stdlib/runtime.lua")))
            runtime = &all[i];
        else if (runtime && bw_str_eq(all[i].name, BW_STR("stdlib/script_runtime.lua")))
            runtime->bytes = all[i].bytes;
    }
    all[release->count] = (struct bw_release_file){bw_str_of(run->report.file), run->report.source};
    release->files = all;
    qsort(all, ++release->count, sizeof *all, by_name);
    bw_wire_release_hash(all, release->count, release->hash);
    return BW_ERR_OK;
}

/* --- the host */

static void finish(struct script_run *run)
{
    run->is_done = true;
    bw_loop_stop(run->loop);
}

static void on_frame(void *ud, uint8_t type, struct bw_str payload)
{
    struct script_run *run = ud;
    struct bw_str bytes = bw_arena_copy(&run->arena, payload);
    struct bw_turn_result *results;
    struct bw_error error;
    size_t count;

    if (run->is_done || type != BW_FRAME_RESULTS)
        return;
    if (bw_wire_get_results(bytes, &run->arena, &results, &count, &error) || count != 1) {
        bw_script_report_host(&run->report, "the host's answer makes no sense");
    } else {
        bw_script_report_result(&run->report, &results[0]);
    }
    finish(run);
}

static void on_lost(void *ud, const char *reason)
{
    struct script_run *run = ud;

    if (run->is_done)
        return;
    bw_script_report_host(&run->report, reason);
    finish(run);
}

static void on_late(void *ud)
{
    struct script_run *run = ud;

    if (run->is_done)
        return;
    bw_script_report_late(&run->report);
    finish(run);
}

static void send_wake(struct script_run *run, const struct bw_release_set *release)
{
    const struct bw_script_report *report = &run->report;
    struct bw_buf frame, input;
    struct bw_clock clock = bw_clock_os();
    struct bw_delivery start = {.kind = BW_DELIVERY_START};
    struct bw_wake wake = {.workflow = bw_str_of(report->file),
                           .turn = 1,
                           .deliveries = &start,
                           .delivery_count = 1,
                           .steps_max = report->limits.fuel,
                           .memory_bytes_max = report->limits.memory_bytes,
                           .wall_us_max = report->limits.wall_ms * 1000};

    wake.at = bw_clock_utc(&clock);
    memcpy(wake.release, release->hash, sizeof wake.release);
    bw_buf_init(&input, 256);
    bw_value_put_map(&input, 1);
    bw_value_put_key(&input, "input");
    bw_value_put_map(&input, 1);
    bw_value_put_key(&input, "is_strict");
    bw_value_put_bool(&input, report->is_strict);
    start.value = bw_buf_str(&input);
    bw_buf_init(&frame, RELEASE_BYTES_MAX);
    bw_wire_put_release(&frame, release);
    bw_hostproc_send(run->proc, BW_FRAME_RELEASE, bw_buf_str(&frame));
    bw_buf_clear(&frame);
    bw_wire_put_wakes(&frame, &wake, 1);
    bw_hostproc_send(run->proc, BW_FRAME_WAKES, bw_buf_str(&frame));
    bw_buf_deinit(&frame);
    bw_buf_deinit(&input);
}

static enum bw_err run_in_host(struct script_run *run, const struct bw_release_set *release,
                               struct bw_error *error)
{
    const char *program;
    struct bw_loop_timer *late;
    enum bw_err err = bw_config_host_path(&program, error);

    if (err)
        return err;
    run->loop = bw_loop_create();
    struct bw_hostproc_options options = {
        .program = program, .name = "script", .is_unconfined = bw_config_host_unconfined()};
    err = bw_hostproc_create(run->loop, &options, &run->proc, error);
    if (!err) {
        bw_hostproc_set_callbacks(run->proc, on_frame, on_lost, run);
        late = bw_loop_timer_create(run->loop, on_late, run);
        bw_loop_timer_start(late, (int64_t)run->report.limits.wall_ms + PATIENCE_MS);
        send_wake(run, release);
        bw_loop_run(run->loop);
        bw_loop_timer_destroy(late);
        bw_hostproc_close(run->proc);
    }
    bw_loop_destroy(run->loop);
    return err;
}

int bw_cmd_script_run(struct bw_cli *cli)
{
    struct script_run run = {.report = {.cli = cli}};
    struct bw_release_set release;
    struct bw_error error = {0};
    struct bw_buf source;
    int status = read_options(cli, &run.report.limits);

    if (status)
        return status;
    run.report.is_strict = bw_cli_option(cli, "strict") != NULL;
    bw_arena_init(&run.arena);
    run.report.arena = &run.arena;
    bw_buf_init(&source, BW_LIMIT_SCRIPT_BYTES);
    if (check_source(&run, cli->arguments[0], &source, &error) &&
        !make_release(&run, &release, &error))
        (void)run_in_host(&run, &release, &error);
    status = error.code ? bw_cli_fail(cli, &error) : bw_script_report_print(&run.report);
    bw_buf_deinit(&source);
    bw_arena_deinit(&run.arena);
    return status;
}
