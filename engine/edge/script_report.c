/* script_report.c - see script_report.h. */
#include "edge/script_report.h"
#include "base/limits.h"
#include "codec/json.h"
#include "lua/sandbox.h"
#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

#define TEXT_BYTES_MAX ((size_t)16 * 1024 * 1024)

static struct bw_str print_to_arena(struct bw_arena *arena, const char *format, va_list args)
{
    char text[4096];

    (void)vsnprintf(text, sizeof text, format, args);
    return bw_arena_copy(arena, bw_str_of(text));
}

void bw_script_report_refuse(struct bw_script_report *report, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    report->end = BW_SCRIPT_REFUSED;
    report->stack = BW_STR_NONE; /* the place says it all */
    report->text = print_to_arena(report->arena, format, args);
    va_end(args);
}

BW_PRINTF(3, 4)
static void killed(struct bw_script_report *report, const char *limit, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    report->end = BW_SCRIPT_KILLED;
    report->limit = limit;
    report->text = print_to_arena(report->arena, format, args);
    va_end(args);
}

/* --- what a raised error is about */

static bool contains(struct bw_str text, const char *part)
{
    return memmem(text.ptr, text.len, part, strlen(part)) != NULL;
}

/* The name between `before` and the quote that follows. */
static struct bw_str name_behind(struct bw_str text, const char *before)
{
    const char *at = memmem(text.ptr, text.len, before, strlen(before));
    const char *end;

    if (!at)
        return BW_STR_NONE;
    at += strlen(before);
    end = memchr(at, '\'', (size_t)(text.ptr + text.len - at));
    return end ? bw_str(at, (size_t)(end - at)) : BW_STR_NONE;
}

static struct bw_str source_line(struct bw_str source, int64_t number)
{
    const char *end = source.ptr + source.len;

    for (const char *at = source.ptr; at < end; number--) {
        const char *stop = memchr(at, '\n', (size_t)(end - at));
        if (!stop)
            stop = end;
        if (number == 1)
            return bw_str(at, (size_t)(stop - at));
        at = stop + 1;
    }
    return BW_STR_NONE;
}

/* Members of Lua's libraries that scripts do not have. */
static const struct {
    const char *name;
    const char *member;
    const char *hint;
} members[] = {
    {"string.dump", "dump", "bytecode is neither made nor run"},
    {"math.randomseed", "randomseed", "math.random is seeded by the run, so that a replay agrees"},
    {"coroutine.close", "close", "a coroutine ends when its function returns"},
    {"coroutine.running", "running", "a script cannot get hold of the run's own thread"},
    {"math.sin", "sin", "its last digit differs between machines"},
    {"math.cos", "cos", "its last digit differs between machines"},
    {"math.tan", "tan", "its last digit differs between machines"},
    {"math.exp", "exp", "its last digit differs between machines; use billow.decimal"},
    {"math.log", "log", "its last digit differs between machines; use billow.decimal"},
    {"math.pow", "pow", "write a ^ b"},
};

/* An error of a script that used what the sandbox does not have is a refusal, with what to do. */
static void refuse_absent(struct bw_script_report *report)
{
    struct bw_str name = name_behind(report->text, "(global '");
    struct bw_str field = name_behind(report->text, "(field '");
    struct bw_str line = source_line(report->source, report->line);
    const char *hint = name.len ? bw_sandbox_hint(name) : NULL;

    if (!hint && contains(report->text, "' is not available: ")) {
        report->end = BW_SCRIPT_REFUSED; /* said by the sandbox itself */
        report->stack = BW_STR_NONE;
        return;
    }
    if (hint) {
        bw_script_report_refuse(report, "'%.*s' is not available: %s", BW_STR_ARG(name), hint);
        return;
    }
    for (size_t i = 0; field.len && i < sizeof members / sizeof members[0]; i++) {
        if (bw_str_eq(field, bw_str_of(members[i].member)) && contains(line, members[i].name)) {
            bw_script_report_refuse(report, "'%s' is not available: %s", members[i].name,
                                    members[i].hint);
            return;
        }
    }
}

/* A script whose last call is `return f(...)` is gone when f fails: its caller is blamed. */
static struct bw_str without_runtime(struct bw_str text)
{
    const char *end;

    if (!bw_str_starts(text, BW_STR("stdlib/runtime.lua:")))
        return text;
    end = memmem(text.ptr, text.len, ": ", 2);
    return end ? bw_str(end + 2, (size_t)(text.ptr + text.len - end) - 2) : text;
}

/* "file:line: text" of a text error is place and text. */
static void split_place(struct bw_script_report *report)
{
    char head[256];
    struct bw_str text = report->text;
    int len = snprintf(head, sizeof head, "%s:", report->file);
    size_t at = (size_t)(len > 0 ? len : 0);
    int64_t line = 0;

    if (len <= 0 || (size_t)len >= sizeof head || !bw_str_starts(text, bw_str_of(head)))
        return;
    for (; at < text.len && text.ptr[at] >= '0' && text.ptr[at] <= '9' && line < INT32_MAX; at++)
        line = line * 10 + (text.ptr[at] - '0');
    if (!line || at + 1 >= text.len || text.ptr[at] != ':' || text.ptr[at + 1] != ' ')
        return;
    report->where = bw_str_of(report->file);
    report->line = line;
    report->text = bw_str(text.ptr + at + 2, text.len - at - 2);
}

/* --- judging */

static void take_done(struct bw_script_report *report, const struct bw_value *value)
{
    struct bw_str how = bw_value_get_str(value, "how", BW_STR_NONE);

    report->text = bw_value_get_str(value, "text", BW_STR_NONE);
    if (bw_str_eq(how, BW_STR("finished"))) {
        int64_t count = bw_value_get_int(value, "count", 0);
        report->end = BW_SCRIPT_FINISHED;
        report->json = bw_value_get_str(value, "json", BW_STR_NONE);
        if (count == 0)
            report->text = BW_STR_NONE;
        if (count <= 1 && report->json.len >= 2)
            report->json =
                count == 0 ? BW_STR("null") : bw_str(report->json.ptr + 1, report->json.len - 2);
    } else if (bw_str_eq(how, BW_STR("refused"))) {
        report->end = BW_SCRIPT_REFUSED;
        split_place(report);
    } else {
        report->end = BW_SCRIPT_RAISED;
        report->where = bw_value_get_str(value, "file", BW_STR_NONE);
        report->line = bw_value_get_int(value, "line", 0);
        report->stack = bw_value_get_str(value, "stack", BW_STR_NONE);
        report->text = without_runtime(report->text);
        split_place(report);
        refuse_absent(report);
    }
}

/* The first command that a script without effects may not give; NULL when there is none. Notes of
 * progress reach nobody. */
static const struct bw_command *first_effect(const struct bw_turn_result *result)
{
    for (size_t i = 0; i < result->command_count; i++) {
        if (!bw_str_eq(result->commands[i].kind, BW_STR("note")))
            return &result->commands[i];
    }
    return NULL;
}

void bw_script_report_result(struct bw_script_report *report, const struct bw_turn_result *result)
{
    struct bw_value value = result->value.len ? bw_value_read(result->value) : (struct bw_value){0};
    const struct bw_command *effect = first_effect(result);

    report->logs = result->logs;
    report->steps = result->steps;
    report->memory_bytes = result->memory_bytes;
    if (effect) {
        report->where = effect->file;
        report->line = effect->line;
        bw_script_report_refuse(
            report,
            "the effect '%.*s': a script that is run by itself has none; test it in a "
            "workflow, with billow test",
            BW_STR_ARG(effect->kind));
        return;
    }
    switch (result->status) {
    case BW_TURN_DONE:
        take_done(report, &value);
        return;
    case BW_TURN_BUDGET:
    case BW_TURN_WALL:
        report->where = bw_value_get_str(&value, "file", BW_STR_NONE);
        report->line = bw_value_get_int(&value, "line", 0);
        if (result->status == BW_TURN_BUDGET)
            killed(report, "fuel", "it used up its %" PRIu64 " steps (--fuel): an endless loop?",
                   report->limits.fuel);
        else
            killed(report, "wall", "it was at work for more than %" PRIu64 " ms (--wall)",
                   report->limits.wall_ms);
        return;
    case BW_TURN_MEMORY:
        killed(report, "memory", "it needs more than %" PRIu64 " bytes of memory (--memory)",
               report->limits.memory_bytes);
        return;
    case BW_TURN_FAILED:
        report->end = BW_SCRIPT_RAISED;
        report->text = bw_value_get_str(&value, "text", BW_STR("it failed without saying why"));
        return;
    default:
        bw_script_report_host(report, "an answer that makes no sense");
    }
}

void bw_script_report_late(struct bw_script_report *report)
{
    killed(report, "wall",
           "it was at work for more than %" PRIu64 " ms (--wall), and its host had to be killed",
           report->limits.wall_ms);
}

void bw_script_report_host(struct bw_script_report *report, const char *reason)
{
    killed(report, "host", "its host process ended: %.1000s", reason);
}

/* --- printing */

/* Bytes that a terminal would obey are written as Lua writes them. */
static void print_safely(FILE *out, struct bw_str text)
{
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        if ((c < 0x20 && c != '\n' && c != '\t') || c == 0x7f)
            fprintf(out, "\\%03d", c);
        else
            fputc(c, out);
    }
}

static bool is_json(struct bw_str text)
{
    struct bw_json_reader reader;
    enum bw_json_token token;

    bw_json_reader_init(&reader, text, NULL);
    do {
        token = bw_json_next(&reader);
    } while (token != BW_JSON_END && token != BW_JSON_BAD);
    bw_json_reader_deinit(&reader);
    return token == BW_JSON_END;
}

static const struct {
    const char *name;
    int exit_code;
} ends[] = {
    [BW_SCRIPT_FINISHED] = {"finished", BW_EXIT_OK},
    [BW_SCRIPT_REFUSED] = {"refused", BW_EXIT_SCRIPT_REFUSED},
    [BW_SCRIPT_KILLED] = {"killed", BW_EXIT_SCRIPT_KILLED},
    [BW_SCRIPT_RAISED] = {"raised", BW_EXIT_SCRIPT_RAISED},
};

static void put_member(struct bw_buf *out, const char *name, struct bw_str text)
{
    bw_buf_printf(out, ",\"%s\":", name);
    bw_json_put_string(out, text);
}

static void print_json(struct bw_script_report *report)
{
    struct bw_buf out, logs;

    bw_buf_init(&out, TEXT_BYTES_MAX);
    bw_buf_init(&logs, TEXT_BYTES_MAX);
    bw_buf_printf(&out, "{\"status\":\"%s\"", ends[report->end].name);
    if (report->end == BW_SCRIPT_FINISHED) {
        bw_buf_printf(&out, ",\"result\":");
        bw_buf_put_str(&out, report->json);
    } else {
        if (report->limit)
            put_member(&out, "limit", bw_str_of(report->limit));
        put_member(&out, "text", report->text);
        if (report->where.len) {
            put_member(&out, "file", report->where);
            bw_buf_printf(&out, ",\"line\":%lld", (long long)report->line);
        }
        if (report->stack.len)
            put_member(&out, "traceback", report->stack);
    }
    if (report->logs.len) {
        bw_value_to_json(&logs, report->logs, BW_JSON_DECIMAL_STRINGS);
        bw_buf_put_text(&out, ",\"logs\":");
        bw_buf_put_str(&out, bw_buf_str(&logs));
    }
    bw_buf_printf(&out, ",\"steps\":%" PRIu64 ",\"memory_bytes\":%" PRIu64 "}\n", report->steps,
                  report->memory_bytes);
    fwrite(out.ptr, 1, out.len, report->cli->out);
    bw_buf_deinit(&out);
    bw_buf_deinit(&logs);
}

static void print_logs(struct bw_script_report *report)
{
    struct bw_value list, item;
    struct bw_str rest;

    if (!report->logs.len)
        return;
    list = bw_value_read(report->logs);
    rest = list.items;
    while (bw_value_next(&rest, &item)) {
        print_safely(report->cli->err, bw_value_get_str(&item, "level", BW_STR_NONE));
        fputs(": ", report->cli->err);
        print_safely(report->cli->err, bw_value_get_str(&item, "text", BW_STR_NONE));
        fputc('\n', report->cli->err);
    }
}

static void print_text(struct bw_script_report *report)
{
    FILE *err = report->cli->err;

    print_logs(report);
    if (report->end == BW_SCRIPT_FINISHED) {
        print_safely(report->cli->out, report->text);
        if (report->json.len && !bw_str_eq(report->json, BW_STR("null")))
            fputc('\n', report->cli->out);
        else if (report->text.len)
            fputc('\n', report->cli->out);
        bw_cli_say(report->cli, "finished after %" PRIu64 " steps, with %" PRIu64 " KiB of memory",
                   report->steps, (report->memory_bytes + BW_KIB - 1) / BW_KIB);
        return;
    }
    fprintf(err, "billow: %s: ", ends[report->end].name);
    if (report->limit)
        fprintf(err, "%s: ", report->limit);
    if (report->where.len) {
        print_safely(err, report->where);
        fprintf(err, ":%lld: ", (long long)report->line);
    } else if (report->end == BW_SCRIPT_REFUSED) {
        fprintf(err, "%s: ", report->file);
    }
    print_safely(err, report->text);
    fputc('\n', err);
    if (report->stack.len) {
        print_safely(err, report->stack);
        fputc('\n', err);
    }
}

int bw_script_report_print(struct bw_script_report *report)
{
    if (report->end == BW_SCRIPT_FINISHED && !is_json(report->json))
        bw_script_report_host(report, "a result that makes no sense");
    if (report->cli->is_json)
        print_json(report);
    else
        print_text(report);
    return ends[report->end].exit_code;
}
