/* cmd_retention.c - billow retention status|preview|run|hold|release|holds|verify. */
#include "codec/date.h"
#include "edge/archive.h"
#include "edge/cmd.h"
#include "edge/form.h"
#include "edge/grid.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { PATH_BYTES_MAX = 8192 };

static int64_t number(const struct bw_value *map, const char *key)
{
    return bw_value_get_int(map, key, 0);
}

static void print_kept(struct bw_cli *cli, const struct bw_value *sweep)
{
    struct bw_value kept = bw_value_get(sweep, "kept");
    fprintf(cli->out,
            "kept although their time is over: %" PRId64 " on hold, %" PRId64
            " with something open, %" PRId64 " with unpaid or disputed documents\n",
            number(&kept, "held"), number(&kept, "open"), number(&kept, "documents"));
}

static void put_day(char text[static BW_DATE_TEXT_LEN + 1], int64_t us)
{
    struct bw_date date;
    snprintf(text, BW_DATE_TEXT_LEN + 1, "%s", "none");
    if (us && bw_date_from_days(us / (86400 * BW_US_PER_S), &date))
        bw_date_print(date, text);
}

/* The rules in words. */
static void print_rules(struct bw_cli *cli, const struct bw_value *sweep)
{
    struct bw_value rules = bw_value_get(sweep, "rules"), rule;
    for (struct bw_str rest = rules.items; bw_value_next(&rest, &rule);) {
        static const char *const kinds[] = {"workflow", "customer", "contract"};
        char plain[BW_DATE_TEXT_LEN + 1], books[BW_DATE_TEXT_LEN + 1];
        put_day(plain, number(&rule, "before_us"));
        put_day(books, number(&rule, "books_before_us"));
        fputs("runs", cli->out);
        for (size_t i = 0; i < 3; i++) {
            struct bw_str name = bw_value_get_str(&rule, kinds[i], BW_STR_NONE);
            if (name.len)
                fprintf(cli->out, " of %s %.*s", kinds[i], BW_STR_ARG(name));
        }
        fprintf(cli->out, " that ended before %s may go; those that wrote, before %s\n", plain,
                books);
    }
}

static int call(struct bw_cli *cli, const char *method, const char *path, struct bw_str body,
                void (*print)(struct bw_cli *cli, const struct bw_value *answer))
{
    struct bw_error error = {0};
    struct bw_buf answer;
    int status = BW_EXIT_OK;
    bw_buf_init(&answer, BW_CMD_FILE_BYTES_MAX);
    if (bw_cli_call(cli, method, path, body, &answer, &error)) {
        status = bw_cli_fail(cli, &error);
    } else if (cli->is_json) {
        bw_print_json(cli->out, bw_buf_str(&answer));
    } else {
        struct bw_value value = bw_value_read(bw_buf_str(&answer));
        print(cli, &value);
    }
    bw_buf_deinit(&answer);
    return status;
}

/* --- status and preview. */

static void print_status(struct bw_cli *cli, const struct bw_value *answer)
{
    struct bw_value last = bw_value_get(answer, "last");
    char at[BW_STAMP_TEXT_MAX];
    fprintf(cli->out, "%" PRId64 " runs were dropped so far; %" PRId64 " holds\n",
            number(answer, "dropped"), number(answer, "holds"));
    if (last.tag != BW_VALUE_MAP) {
        fputs("no sweep yet: 'billow retention preview' says what would go\n", cli->out);
        return;
    }
    size_t len = bw_stamp_print((struct bw_stamp){number(&last, "at_us")}, at);
    struct bw_str problem = bw_value_get_str(&last, "problem", BW_STR_NONE);
    if (problem.len) {
        fprintf(cli->out, "the last sweep, %.*s, failed: %.*s\n", (int)len, at,
                BW_STR_ARG(problem));
        return;
    }
    fprintf(cli->out, "last sweep %.*s by %.*s: %" PRId64 " runs, %" PRId64 " turns%s\n", (int)len,
            at, BW_STR_ARG(bw_value_get_str(&last, "by", BW_STR("?"))), number(&last, "runs"),
            number(&last, "turns"),
            bw_value_get_bool(&last, "is_complete", false) ? "" : "; it did not come to its end");
    print_rules(cli, &last);
    print_kept(cli, &last);
    fprintf(cli->out, "decided by run %.*s\n",
            BW_STR_ARG(bw_value_get_str(&last, "decision", BW_STR("?"))));
}

int bw_cmd_retention_status(struct bw_cli *cli)
{
    return call(cli, "GET", "/v1/retention", BW_STR_NONE, print_status);
}

static void print_preview(struct bw_cli *cli, const struct bw_value *answer)
{
    static const char *const heads[] = {"workflow", ">runs", NULL};
    static const char *const keys[] = {"workflow", "runs", NULL};
    struct bw_value workflows = bw_value_get(answer, "workflows");
    print_rules(cli, answer);
    fprintf(cli->out, "%" PRId64 " runs would go\n", number(answer, "runs"));
    if (workflows.count)
        bw_cmd_print_rows(cli, workflows.encoded, heads, keys);
    print_kept(cli, answer);
    fprintf(cli->out, "decided by run %.*s: 'billow run show' has the settings and reasons\n",
            BW_STR_ARG(bw_value_get_str(answer, "decision", BW_STR("?"))));
}

int bw_cmd_retention_preview(struct bw_cli *cli)
{
    return call(cli, "POST", "/v1/retention/preview", BW_STR_NONE, print_preview);
}

/* --- run. */

static void print_run(struct bw_cli *cli, const struct bw_value *answer, int64_t runs,
                      int64_t turns)
{
    fprintf(cli->out, "dropped %" PRId64 " runs, %" PRId64 " turns\n", runs, turns);
    print_kept(cli, answer);
}

/* The engine's directory need not be ours. */
static bool put_archive(struct bw_cli *cli, struct bw_form *form)
{
    char here[PATH_BYTES_MAX / 2], path[PATH_BYTES_MAX];
    const char *dir = bw_cli_option(cli, "archive");
    if (!dir)
        return true;
    if (dir[0] != '/' && !getcwd(here, sizeof here))
        return false;
    int len = dir[0] == '/' ? snprintf(path, sizeof path, "%s", dir)
                            : snprintf(path, sizeof path, "%s/%s", here, dir);
    bw_form_put_text(form, "archive", path);
    return len < (int)sizeof path;
}

int bw_cmd_retention_run(struct bw_cli *cli)
{
    struct bw_error error = {0};
    struct bw_form form;
    struct bw_buf answer;
    int64_t runs = 0, turns = 0;
    enum bw_err err = BW_ERR_OK;
    bool is_complete = false;
    bw_form_init(&form);
    bw_buf_init(&answer, BW_CMD_FILE_BYTES_MAX);
    if (!put_archive(cli, &form))
        err = bw_fail(&error, BW_ERR_USAGE, "the path of --archive is too long");
    while (!err && !is_complete) {
        bw_buf_clear(&answer);
        err = bw_cli_call(cli, "POST", "/v1/retention/run", bw_form_finish(&form), &answer, &error);
        struct bw_value value = bw_value_read(err ? BW_STR_NONE : bw_buf_str(&answer));
        runs += number(&value, "runs");
        turns += number(&value, "turns");
        is_complete = bw_value_get_bool(&value, "is_complete", true);
        if (!err && is_complete && cli->is_json)
            bw_print_json(cli->out, bw_buf_str(&answer));
        else if (!err && is_complete)
            print_run(cli, &value, runs, turns);
    }
    int status = err ? bw_cli_fail(cli, &error) : BW_EXIT_OK;
    bw_buf_deinit(&answer);
    bw_form_deinit(&form);
    return status;
}

/* --- Holds. */

static void put_hold_path(struct bw_buf *path, const char *name, const char *verb)
{
    bw_buf_init(path, PATH_BYTES_MAX);
    bw_buf_put_text(path, "/v1/retention/holds");
    bw_cmd_put_segment(path, name);
    if (verb)
        bw_cmd_put_segment(path, verb);
}

static void print_held(struct bw_cli *cli, const struct bw_value *answer)
{
    (void)answer;
    fprintf(cli->out, "%s is on hold: nothing of it is dropped\n", cli->arguments[0]);
}

static void print_released(struct bw_cli *cli, const struct bw_value *answer)
{
    (void)answer;
    fprintf(cli->out, "%s is released: the next sweep may drop what it held\n", cli->arguments[0]);
}

int bw_cmd_retention_hold(struct bw_cli *cli)
{
    static const char *const scopes[] = {"contract", "customer", "matter", "run", "workflow"};
    struct bw_form form;
    struct bw_buf path;
    int given = 0;
    bw_form_init(&form);
    bw_form_put_text(&form, "reason", bw_cli_option(cli, "reason"));
    for (size_t i = 0; i < sizeof scopes / sizeof *scopes; i++) {
        const char *id = bw_cli_option(cli, scopes[i]);
        given += id != NULL;
        if (id) {
            bw_form_put_text(&form, "scope", scopes[i]);
            bw_form_put_text(&form, "scope_id", id);
        }
    }
    if (bw_cli_option(cli, "everything")) {
        given++;
        bw_form_put_text(&form, "scope", "tenant");
    }
    put_hold_path(&path, cli->arguments[0], NULL);
    int status = given != 1 ? bw_cli_usage(cli, "say what is held: one of --contract, --customer, "
                                                "--matter, --run, --workflow, --everything")
                 : !bw_cli_option(cli, "reason")
                     ? bw_cli_usage(cli, "say why, with --reason: it is kept in the audit record")
                     : call(cli, "POST", bw_buf_cstr(&path), bw_form_finish(&form), print_held);
    bw_buf_deinit(&path);
    bw_form_deinit(&form);
    return status;
}

int bw_cmd_retention_release(struct bw_cli *cli)
{
    struct bw_form form;
    struct bw_buf path;
    const char *reason = bw_cli_option(cli, "reason");
    bw_form_init(&form);
    bw_form_put_text(&form, "reason", reason);
    put_hold_path(&path, cli->arguments[0], "end");
    int status = reason
                     ? call(cli, "POST", bw_buf_cstr(&path), bw_form_finish(&form), print_released)
                     : bw_cli_usage(cli, "say why, with --reason: it is kept in the audit "
                                         "record");
    bw_buf_deinit(&path);
    bw_form_deinit(&form);
    return status;
}

static void print_holds(struct bw_cli *cli, const struct bw_value *answer)
{
    static const char *const heads[] = {"name", "holds", "id", "since", "by", "reason", NULL};
    static const char *const keys[] = {"name",   "scope",  "scope_id", "set_at",
                                       "set_by", "reason", NULL};
    if (answer->count == 0)
        bw_cli_say(cli, "none");
    else
        bw_cmd_print_rows(cli, answer->encoded, heads, keys);
}

int bw_cmd_retention_holds(struct bw_cli *cli)
{
    return call(cli, "GET", "/v1/retention/holds", BW_STR_NONE, print_holds);
}

/* --- verify. */

int bw_cmd_retention_verify(struct bw_cli *cli)
{
    struct bw_error error = {0};
    struct bw_buf file;
    struct bw_form form;
    int64_t runs = 0, lines = 0;
    bw_buf_init(&file, (size_t)1 << 32);
    bw_form_init(&form);
    enum bw_err err = bw_cmd_read_file(cli->arguments[0], &file, &error);
    if (!err)
        err = bw_archive_verify(bw_buf_str(&file), &runs, &lines, &error);
    bw_form_put_int(&form, "runs", runs);
    bw_form_put_int(&form, "lines", lines);
    if (!err && cli->is_json)
        bw_print_json(cli->out, bw_form_finish(&form));
    else if (!err)
        fprintf(cli->out, "%s is whole: %" PRId64 " runs, %" PRId64 " lines\n", cli->arguments[0],
                runs, lines);
    int status = err ? bw_cli_fail(cli, &error) : BW_EXIT_OK;
    bw_form_deinit(&form);
    bw_buf_deinit(&file);
    return status;
}
