/* cmd_run.c - billow run start|list|show|explain|journal|resume|cancel, event send. */
#include "base/id.h"
#include "base/mem.h"
#include "base/parse.h"
#include "edge/cmd.h"
#include "edge/form.h"
#include "edge/grid.h"
#include <string.h>

enum { PATH_BYTES_MAX = 8192 };

int bw_cmd_run_start(struct bw_cli *cli)
{
    struct bw_error error = {0};
    struct bw_buf input, answer;
    struct bw_form form;
    bw_buf_init(&input, BW_CMD_FILE_BYTES_MAX);
    bw_buf_init(&answer, BW_CMD_FILE_BYTES_MAX);
    bw_form_init(&form);
    enum bw_err err = bw_cmd_read_input(cli, "input", &input, &error);
    if (!err) {
        bw_form_put_text(&form, "workflow", cli->arguments[0]);
        bw_form_put_text(&form, "key", bw_cli_option(cli, "key"));
        bw_form_put_value(&form, "input", bw_buf_str(&input));
        err = bw_cli_call(cli, "POST", "/v1/runs", bw_form_finish(&form), &answer, &error);
    }
    int status = err ? bw_cli_fail(cli, &error) : BW_EXIT_OK;
    if (!err) {
        struct bw_value run = bw_value_read(bw_buf_str(&answer));
        struct bw_str id = bw_value_get_str(&run, "id", BW_STR(""));
        if (bw_cli_option(cli, "wait"))
            status = bw_cmd_wait_run(cli, id, &error);
        else if (cli->is_json)
            bw_print_json(cli->out, bw_buf_str(&answer));
        else
            fprintf(cli->out, "%.*s%s\n", BW_STR_ARG(id),
                    bw_value_get_bool(&run, "is_new", true) ? ""
                                                            : " (started before with this key)");
    }
    bw_form_deinit(&form);
    bw_buf_deinit(&input);
    bw_buf_deinit(&answer);
    return status;
}

/* Prints the run as JSON or in short, when it stopped needing the engine: done, cancelled, parked.
 */
static int print_outcome(struct bw_cli *cli, const struct bw_value *run)
{
    struct bw_str status = bw_value_get_str(run, "status", BW_STR("?"));
    if (cli->is_json) {
        bw_print_json(cli->out, run->encoded);
    } else {
        struct bw_value result = bw_value_get(run, "result");
        fprintf(cli->out, "%.*s %.*s\n", BW_STR_ARG(bw_value_get_str(run, "id", BW_STR(""))),
                BW_STR_ARG(status));
        if (result.tag != BW_VALUE_NIL && result.tag != BW_VALUE_NULL)
            bw_print_json(cli->out, result.encoded);
        bw_cmd_print_error(cli, run);
    }
    return bw_str_eq(status, BW_STR("done")) ? BW_EXIT_OK : BW_EXIT_FAILED;
}

int bw_cmd_wait_run(struct bw_cli *cli, struct bw_str id, struct bw_error *error)
{
    char path[128];
    struct bw_buf answer;
    snprintf(path, sizeof path, "/v1/runs/%.*s", BW_STR_ARG(id));
    bw_buf_init(&answer, BW_CMD_FILE_BYTES_MAX);
    int status = -1;
    while (status < 0) {
        bw_buf_clear(&answer);
        if (bw_cli_call(cli, "GET", path, BW_STR_NONE, &answer, error)) {
            status = bw_cli_fail(cli, error);
            break;
        }
        struct bw_value run = bw_value_read(bw_buf_str(&answer));
        if (!bw_str_eq(bw_value_get_str(&run, "status", BW_STR("")), BW_STR("open")))
            status = print_outcome(cli, &run);
        else
            bw_client_wait(cli->client, 50);
    }
    bw_buf_deinit(&answer);
    return status;
}

static int list_rows(struct bw_cli *cli, const char *path, const char *const *heads,
                     const char *const *keys)
{
    struct bw_error error = {0};
    struct bw_buf answer;
    bw_buf_init(&answer, BW_CMD_FILE_BYTES_MAX);
    int status = BW_EXIT_OK;
    if (bw_cli_call(cli, "GET", path, BW_STR_NONE, &answer, &error))
        status = bw_cli_fail(cli, &error);
    else
        bw_cmd_print_rows(cli, bw_buf_str(&answer), heads, keys);
    bw_buf_deinit(&answer);
    return status;
}

/* Appends the rows of one page that are parked with this cause, as long as there is room; tells the
 * last id of the page. */
static size_t pick_caused(struct bw_str page, struct bw_str cause, size_t room, struct bw_buf *rows,
                          char last[BW_ID_TEXT_LEN + 1])
{
    struct bw_value list = bw_value_read(page), row;
    struct bw_str rest = list.items;
    size_t count = 0;
    last[0] = '\0';
    while (bw_value_next(&rest, &row)) {
        struct bw_value why = bw_value_get(&row, "error");
        struct bw_str id = bw_value_get_str(&row, "id", BW_STR_NONE);
        snprintf(last, BW_ID_TEXT_LEN + 1, "%.*s", BW_STR_ARG(id));
        if (count == room || why.tag != BW_VALUE_MAP ||
            !bw_str_eq(bw_value_get_str(&why, "code", BW_STR_NONE), cause))
            continue;
        bw_buf_put_str(rows, row.encoded);
        count++;
    }
    return count;
}

/* The cause lies inside of a row: page by page, until enough are found. */
static int list_caused(struct bw_cli *cli, const char *cause, const char *const *heads,
                       const char *const *keys)
{
    struct bw_error error = {0};
    struct bw_buf path, page, rows, whole;
    char last[BW_ID_TEXT_LEN + 1] = "";
    int64_t limit = 0;
    const char *wanted = bw_cli_option(cli, "limit");
    if (!bw_parse_i64(bw_str_of(wanted ? wanted : "100"), &limit) || limit < 1)
        return bw_cli_usage(cli, "run list: --limit is a whole number from 1");
    size_t count = 0;
    enum bw_err err = BW_ERR_OK;
    bw_buf_init(&path, PATH_BYTES_MAX);
    bw_buf_init(&page, BW_CMD_FILE_BYTES_MAX);
    bw_buf_init(&rows, BW_CMD_FILE_BYTES_MAX);
    bw_buf_init(&whole, BW_CMD_FILE_BYTES_MAX);
    do {
        bw_buf_clear(&path);
        bw_buf_clear(&page);
        bw_buf_put_text(&path, "/v1/runs");
        bw_cmd_put_query(&path, "limit", "100");
        bw_cmd_put_query(&path, "status", "parked");
        bw_cmd_put_query(&path, "workflow", bw_cli_option(cli, "workflow"));
        bw_cmd_put_query(&path, "after", last[0] ? last : NULL);
        err = bw_cli_call(cli, "GET", bw_buf_cstr(&path), BW_STR_NONE, &page, &error);
        last[0] = '\0';
        if (!err)
            count += pick_caused(bw_buf_str(&page), bw_str_of(cause), (size_t)limit - count, &rows,
                                 last);
    } while (!err && last[0] && count < (size_t)limit);
    bw_value_put_arr(&whole, count);
    bw_buf_put_str(&whole, bw_buf_str(&rows));
    if (!err)
        bw_cmd_print_rows(cli, bw_buf_str(&whole), heads, keys);
    bw_buf_deinit(&path);
    bw_buf_deinit(&page);
    bw_buf_deinit(&rows);
    bw_buf_deinit(&whole);
    return err ? bw_cli_fail(cli, &error) : BW_EXIT_OK;
}

int bw_cmd_run_list(struct bw_cli *cli)
{
    static const char *const heads[] = {"run",   "workflow", "status",  "waits for", "cause",
                                        "turns", "key",      "updated", NULL};
    static const char *const keys[] = {"id",   "workflow", "status",     "wake", "error.code",
                                       "head", "key",      "updated_at", NULL};
    struct bw_buf path;
    const char *limit = bw_cli_option(cli, "limit");
    const char *cause = bw_cli_option(cli, "cause"), *status_wanted = bw_cli_option(cli, "status");
    if (cause && status_wanted && strcmp(status_wanted, "parked") != 0)
        return bw_cli_usage(cli, "run list: only parked runs have a --cause");
    if (cause)
        return list_caused(cli, cause, heads, keys);
    bw_buf_init(&path, PATH_BYTES_MAX);
    bw_buf_put_text(&path, "/v1/runs");
    bw_cmd_put_query(&path, "limit", limit ? limit : "100");
    bw_cmd_put_query(&path, "status", bw_cli_option(cli, "status"));
    bw_cmd_put_query(&path, "workflow", bw_cli_option(cli, "workflow"));
    int status = list_rows(cli, bw_buf_cstr(&path), heads, keys);
    bw_buf_deinit(&path);
    return status;
}

/* /v1/runs/{the run of the command line}{suffix} */
static void run_path(const struct bw_cli *cli, const char *suffix, struct bw_buf *path)
{
    bw_buf_init(path, PATH_BYTES_MAX);
    bw_buf_put_text(path, "/v1/runs");
    bw_cmd_put_segment(path, cli->arguments[0]);
    bw_buf_put_text(path, suffix);
}

/* GETs /v1/runs/{id}{suffix} and hands the value to `print` (or prints JSON). */
static int show(struct bw_cli *cli, const char *suffix,
                void (*print)(struct bw_cli *, struct bw_str))
{
    struct bw_error error = {0};
    struct bw_buf answer;
    struct bw_buf path;
    bw_buf_init(&answer, BW_CMD_FILE_BYTES_MAX);
    run_path(cli, suffix, &path);
    int status = BW_EXIT_OK;
    if (bw_cli_call(cli, "GET", bw_buf_cstr(&path), BW_STR_NONE, &answer, &error))
        status = bw_cli_fail(cli, &error);
    else if (cli->is_json)
        bw_print_json(cli->out, bw_buf_str(&answer));
    else
        print(cli, bw_buf_str(&answer));
    bw_buf_deinit(&path);
    bw_buf_deinit(&answer);
    return status;
}

int bw_cmd_run_show(struct bw_cli *cli)
{
    return show(cli, "/timeline", bw_cmd_print_timeline);
}

static void print_explanation(struct bw_cli *cli, struct bw_str value)
{
    struct bw_value answer = bw_value_read(value);
    fprintf(cli->out, "%.*s\n", BW_STR_ARG(bw_value_get_str(&answer, "text", BW_STR(""))));
}

int bw_cmd_run_explain(struct bw_cli *cli)
{
    return show(cli, "/explain", print_explanation);
}

static void print_journal(struct bw_cli *cli, struct bw_str value)
{
    struct bw_value turns = bw_value_read(value);
    struct bw_str rest = turns.items;
    struct bw_value turn;
    while (bw_value_next(&rest, &turn))
        bw_print_json(cli->out, turn.encoded);
}

int bw_cmd_run_journal(struct bw_cli *cli)
{
    return show(cli, "/journal", print_journal);
}

/* POSTs to /v1/runs/{id}{suffix} with the form and says what was done. */
static int post_run(struct bw_cli *cli, const char *suffix, struct bw_form *form, const char *done)
{
    struct bw_error error = {0};
    struct bw_buf answer;
    struct bw_buf path;
    bw_buf_init(&answer, BW_CMD_FILE_BYTES_MAX);
    run_path(cli, suffix, &path);
    int status = BW_EXIT_OK;
    if (bw_cli_call(cli, "POST", bw_buf_cstr(&path), bw_form_finish(form), &answer, &error))
        status = bw_cli_fail(cli, &error);
    else if (cli->is_json)
        bw_print_json(cli->out, bw_buf_str(&answer));
    else
        fprintf(cli->out, "%s %s\n", cli->arguments[0], done);
    bw_buf_deinit(&path);
    bw_buf_deinit(&answer);
    return status;
}

static void print_failures(struct bw_cli *cli, const struct bw_value *answer)
{
    struct bw_value failures = bw_value_get(answer, "failures"), failure;
    struct bw_str rest = failures.items;
    while (bw_value_next(&rest, &failure))
        fprintf(cli->err, "  %.*s: %.*s\n",
                BW_STR_ARG(bw_value_get_str(&failure, "run", BW_STR("?"))),
                BW_STR_ARG(bw_value_get_str(&failure, "detail", BW_STR("?"))));
}

/* POSTs to /v1/runs{suffix} and says how many were met. The form has what is not about the choice.
 */
static int post_all(struct bw_cli *cli, const char *suffix, struct bw_form *form, const char *done)
{
    struct bw_error error = {0};
    struct bw_buf answer;
    char path[64];
    bw_buf_init(&answer, BW_CMD_FILE_BYTES_MAX);
    snprintf(path, sizeof path, "/v1/runs%s", suffix);
    bw_form_put_text(form, "cause", bw_cli_option(cli, "cause"));
    bw_form_put_text(form, "workflow", bw_cli_option(cli, "workflow"));
    int status = BW_EXIT_OK;
    if (bw_cli_call(cli, "POST", path, bw_form_finish(form), &answer, &error)) {
        status = bw_cli_fail(cli, &error);
    } else {
        struct bw_value map = bw_value_read(bw_buf_str(&answer));
        int64_t failed = bw_value_get_int(&map, "failed", 0);
        if (cli->is_json)
            bw_print_json(cli->out, bw_buf_str(&answer));
        else
            fprintf(cli->out, "%lld %s, %lld failed\n",
                    (long long)bw_value_get_int(&map, "done", 0), done, (long long)failed);
        if (!cli->is_json)
            print_failures(cli, &map);
        status = failed > 0 ? BW_EXIT_FAILED : BW_EXIT_OK;
    }
    bw_buf_deinit(&answer);
    return status;
}

/* One run, or --all with --cause. BW_EXIT_OK: the choice is clear. */
static int check_choice(struct bw_cli *cli, const char *verb)
{
    bool is_all = bw_cli_option(cli, "all") != NULL;
    if (is_all && cli->argument_count > 0)
        return bw_cli_usage(cli, "%s: a run, or --all, not both", verb);
    if (!is_all && cli->argument_count == 0)
        return bw_cli_usage(cli, "%s: which run? Or --all --cause CODE", verb);
    if (is_all && !bw_cli_option(cli, "cause"))
        return bw_cli_usage(cli, "%s --all needs --cause CODE, as in run list --status parked",
                            verb);
    if (!is_all && (bw_cli_option(cli, "cause") || bw_cli_option(cli, "workflow")))
        return bw_cli_usage(cli, "%s: --cause and --workflow go with --all", verb);
    return BW_EXIT_OK;
}

int bw_cmd_run_resume(struct bw_cli *cli)
{
    int choice = check_choice(cli, "run resume");
    if (choice != BW_EXIT_OK)
        return choice;
    struct bw_error error = {0};
    struct bw_form form;
    struct bw_buf value;
    bw_form_init(&form);
    bw_buf_init(&value, BW_CMD_FILE_BYTES_MAX);
    int status = BW_EXIT_OK;
    const char *skip = bw_cli_option(cli, "skip-with");
    if (skip && bw_cmd_read_input(cli, "skip-with", &value, &error)) {
        status = bw_cli_fail(cli, &error);
    } else {
        if (skip)
            bw_form_put_value(&form, "skip_with", bw_buf_str(&value));
        if (bw_cli_option(cli, "latest"))
            bw_form_put_bool(&form, "latest", true);
        status = bw_cli_option(cli, "all") ? post_all(cli, "/resume", &form, "resumed")
                                           : post_run(cli, "/resume", &form, "resumed");
    }
    bw_buf_deinit(&value);
    bw_form_deinit(&form);
    return status;
}

int bw_cmd_run_cancel(struct bw_cli *cli)
{
    int choice = check_choice(cli, "run cancel");
    if (choice != BW_EXIT_OK)
        return choice;
    struct bw_form form;
    bw_form_init(&form);
    const char *reason = bw_cli_option(cli, "reason");
    bw_form_put_text(&form, "reason", reason ? reason : "cancelled by an operator");
    int status = bw_cli_option(cli, "all") ? post_all(cli, "/cancel", &form, "are being cancelled")
                                           : post_run(cli, "/cancel", &form, "is being cancelled");
    bw_form_deinit(&form);
    return status;
}

int bw_cmd_event_send(struct bw_cli *cli)
{
    struct bw_error error = {0};
    struct bw_form form;
    struct bw_buf body, answer;
    bw_form_init(&form);
    bw_buf_init(&body, BW_CMD_FILE_BYTES_MAX);
    bw_buf_init(&answer, BW_CMD_FILE_BYTES_MAX);
    enum bw_err err = bw_cmd_read_input(cli, "body", &body, &error);
    if (!err) {
        bw_form_put_text(&form, "topic", cli->arguments[0]);
        bw_form_put_text(&form, "key", cli->arguments[1]);
        bw_form_put_text(&form, "id", bw_cli_option(cli, "id"));
        bw_form_put_value(&form, "body", bw_buf_str(&body));
        err = bw_cli_call(cli, "POST", "/v1/events", bw_form_finish(&form), &answer, &error);
    }
    int status = err ? bw_cli_fail(cli, &error) : BW_EXIT_OK;
    if (!err && cli->is_json)
        bw_print_json(cli->out, bw_buf_str(&answer));
    else if (!err)
        fprintf(cli->out, "event stored\n");
    bw_form_deinit(&form);
    bw_buf_deinit(&body);
    bw_buf_deinit(&answer);
    return status;
}
