/* cmd_schedule.c - billow schedule list|show|set|pause|resume|delete|next. */
#include "base/parse.h"
#include "edge/cmd.h"
#include "edge/form.h"
#include "edge/grid.h"
#include <stdio.h>
#include <string.h>

enum { PATH_BYTES_MAX = 8192 };

static void put_path(struct bw_buf *path, const char *name, const char *verb)
{
    bw_buf_init(path, PATH_BYTES_MAX);
    bw_buf_put_text(path, "/v1/schedules");
    if (name)
        bw_cmd_put_segment(path, name);
    if (verb)
        bw_cmd_put_segment(path, verb);
}

/* --- list and show. */

static struct bw_str text_of(const struct bw_value *map, const char *key)
{
    return bw_value_get_str(map, key, BW_STR("-"));
}

static void print_list(struct bw_cli *cli, struct bw_str rows)
{
    static const char *const heads[] = {"name", "workflow", "rule",     "zone",  "next",
                                        "last", ">fired",   ">skipped", "state", NULL};
    struct bw_value list = bw_value_read(rows), row;
    struct bw_grid grid;
    bw_grid_init(&grid, heads);
    for (struct bw_str rest = list.items; bw_value_next(&rest, &row);) {
        struct bw_value spec = bw_value_get(&row, "spec");
        struct bw_value fired = bw_value_get(&row, "fired"),
                        skipped = bw_value_get(&row, "skipped");
        struct bw_str problem = text_of(&row, "problem");
        bool is_over = bw_value_get(&row, "next_due_at").tag != BW_VALUE_STR;
        bw_grid_add(&grid, text_of(&row, "name"));
        bw_grid_add(&grid, text_of(&spec, "workflow"));
        bw_grid_add(&grid, text_of(&spec, "rule"));
        bw_grid_add(&grid, text_of(&spec, "zone"));
        bw_grid_add(&grid, text_of(&row, "next_due_at"));
        bw_grid_add(&grid, text_of(&row, "last_due_at"));
        bw_grid_add_value(&grid, &fired);
        bw_grid_add_value(&grid, &skipped);
        bw_grid_add_text(&grid, bw_value_get_bool(&row, "is_paused", false) ? "paused"
                                : is_over                                   ? "ended"
                                : problem.len                               ? "stuck"
                                                                            : "on");
    }
    if (grid.count == 0)
        bw_cli_say(cli, "none");
    else
        bw_grid_print(&grid, cli->out);
    bw_grid_deinit(&grid);
}

static int get(struct bw_cli *cli, const char *name,
               void (*print)(struct bw_cli *cli, struct bw_str value))
{
    struct bw_error error = {0};
    struct bw_buf path, answer;
    put_path(&path, name, NULL);
    bw_buf_init(&answer, BW_CMD_FILE_BYTES_MAX);
    int status = BW_EXIT_OK;
    if (bw_cli_call(cli, "GET", bw_buf_cstr(&path), BW_STR_NONE, &answer, &error))
        status = bw_cli_fail(cli, &error);
    else if (cli->is_json || !print)
        bw_print_json(cli->out, bw_buf_str(&answer));
    else
        print(cli, bw_buf_str(&answer));
    bw_buf_deinit(&answer);
    bw_buf_deinit(&path);
    return status;
}

int bw_cmd_schedule_list(struct bw_cli *cli)
{
    return get(cli, NULL, print_list);
}

int bw_cmd_schedule_show(struct bw_cli *cli)
{
    return get(cli, cli->arguments[0], NULL);
}

/* --- set: the options become the schedule. */

/* "90", "90s", "15m", "2h". */
static enum bw_err take_spread(const char *text, struct bw_form *form, struct bw_error *error)
{
    int factor = 1, number;
    struct bw_str digits = bw_str_of(text);
    char unit = digits.len ? digits.ptr[digits.len - 1] : '0';
    if (unit == 's' || unit == 'm' || unit == 'h') {
        factor = unit == 'h' ? 3600 : unit == 'm' ? 60 : 1;
        digits.len--;
    }
    if (!bw_parse_int(digits, 0, 86400, &number))
        return bw_fail(error, BW_ERR_USAGE,
                       "--spread '%s' is not a time span: write seconds, or 15m, or 2h", text);
    bw_form_put_int(form, "spread_s", (int64_t)number * factor);
    return BW_ERR_OK;
}

static void add_date(struct bw_buf *items, size_t *count, struct bw_str text)
{
    while (text.len && (*text.ptr == ' ' || *text.ptr == '\n' || *text.ptr == '\r'))
        text = bw_str(text.ptr + 1, text.len - 1);
    while (text.len && (text.ptr[text.len - 1] == ' ' || text.ptr[text.len - 1] == '\r'))
        text.len--;
    if (text.len) {
        bw_value_put_str(items, text);
        ++*count;
    }
}

/* The holidays of the firm's data, as they are now. */
static enum bw_err firm_holidays(struct bw_cli *cli, struct bw_form *form, struct bw_error *error)
{
    struct bw_buf answer;
    bw_buf_init(&answer, BW_CMD_FILE_BYTES_MAX);
    enum bw_err err = bw_cli_call(cli, "GET", "/v1/documents/firm", BW_STR_NONE, &answer, error);
    struct bw_value rows = bw_value_read(err ? BW_STR_NONE : bw_buf_str(&answer)), row;
    struct bw_str rest = rows.items;
    struct bw_value holidays = {.tag = BW_VALUE_NIL};
    if (!err && bw_value_next(&rest, &row)) {
        struct bw_value body = bw_value_get(&row, "body");
        holidays = bw_value_get(body.tag == BW_VALUE_MAP ? &body : &row, "holidays");
    }
    if (!err && holidays.tag != BW_VALUE_ARR)
        err = bw_fail(error, BW_ERR_NOT_FOUND,
                      "the tenant has no firm data with holidays: give dates, or a file");
    if (!err)
        bw_form_put_value(form, "holidays", holidays.encoded);
    bw_buf_deinit(&answer);
    return err;
}

/* "firm", "@file" with a date a line, or dates with commas between them. */
static enum bw_err take_holidays(struct bw_cli *cli, const char *text, struct bw_form *form,
                                 struct bw_error *error)
{
    struct bw_buf bytes, items, list;
    size_t count = 0;
    if (strcmp(text, "firm") == 0)
        return firm_holidays(cli, form, error);
    bw_buf_init(&bytes, 1 << 20);
    bw_buf_init(&items, 1 << 20);
    bw_buf_init(&list, 1 << 20);
    enum bw_err err = BW_ERR_OK;
    if (text[0] == '@')
        err = bw_cmd_read_file(text + 1, &bytes, error);
    else
        bw_buf_put_text(&bytes, text);
    struct bw_str rest = bw_buf_str(&bytes);
    while (!err && rest.len) {
        size_t len = 0;
        while (len < rest.len && rest.ptr[len] != ',' && rest.ptr[len] != '\n')
            len++;
        add_date(&items, &count, bw_str(rest.ptr, len));
        rest = len < rest.len ? bw_str(rest.ptr + len + 1, rest.len - len - 1) : BW_STR_NONE;
    }
    bw_value_put_arr(&list, count);
    bw_buf_put_str(&list, bw_buf_str(&items));
    if (!err)
        bw_form_put_value(form, "holidays", bw_buf_str(&list));
    bw_buf_deinit(&bytes);
    bw_buf_deinit(&items);
    bw_buf_deinit(&list);
    return err;
}

static enum bw_err take_schedule(struct bw_cli *cli, struct bw_form *form, struct bw_error *error)
{
    static const char *const words[][2] = {
        {"rule", "rule"},         {"zone", "zone"},      {"at", "at"},
        {"from", "from"},         {"until", "until"},    {"shift", "shift"},
        {"catch-up", "catch_up"}, {"overlap", "overlap"}};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        bw_form_put_text(form, words[i][1], bw_cli_option(cli, words[i][0]));
    const char *spread = bw_cli_option(cli, "spread");
    const char *holidays = bw_cli_option(cli, "holidays");
    const char *bound = bw_cli_option(cli, "catch-up-max");
    int number;
    if (bound && !bw_parse_int(bw_str_of(bound), 1, 1000000, &number))
        return bw_fail(error, BW_ERR_USAGE, "--catch-up-max '%s' is not a number", bound);
    if (bound)
        bw_form_put_int(form, "catch_up_max", number);
    enum bw_err err = spread ? take_spread(spread, form, error) : BW_ERR_OK;
    if (!err && holidays)
        err = take_holidays(cli, holidays, form, error);
    return err;
}

static void print_next(struct bw_cli *cli, const char *name)
{
    struct bw_error error = {0};
    struct bw_buf path, answer;
    put_path(&path, name, NULL);
    bw_buf_init(&answer, BW_CMD_FILE_BYTES_MAX);
    if (!bw_cli_call(cli, "GET", bw_buf_cstr(&path), BW_STR_NONE, &answer, &error)) {
        struct bw_value row = bw_value_read(bw_buf_str(&answer));
        if (bw_value_get_bool(&row, "is_paused", false))
            fprintf(cli->out, "%s is set, and paused\n", name);
        else
            fprintf(cli->out, "%s is set: next at %.*s\n", name,
                    BW_STR_ARG(text_of(&row, "next_due_at")));
    }
    bw_buf_deinit(&answer);
    bw_buf_deinit(&path);
}

int bw_cmd_schedule_set(struct bw_cli *cli)
{
    struct bw_error error = {0};
    struct bw_buf path, input, answer;
    struct bw_form form;
    if (!bw_cli_option(cli, "rule"))
        return bw_cli_usage(cli, "--rule is needed, for example --rule "
                                 "'FREQ=MONTHLY;BYMONTHDAY=-1'");
    put_path(&path, cli->arguments[0], NULL);
    bw_buf_init(&input, BW_CMD_FILE_BYTES_MAX);
    bw_buf_init(&answer, BW_CMD_FILE_BYTES_MAX);
    bw_form_init(&form);
    bw_form_put_text(&form, "workflow", cli->arguments[1]);
    enum bw_err err = bw_cmd_read_input(cli, "input", &input, &error);
    if (!err)
        err = take_schedule(cli, &form, &error);
    if (!err) {
        bw_form_put_value(&form, "input", bw_buf_str(&input));
        err = bw_cli_call(cli, "POST", bw_buf_cstr(&path), bw_form_finish(&form), &answer, &error);
    }
    int status = err ? bw_cli_fail(cli, &error) : BW_EXIT_OK;
    if (!err && cli->is_json)
        status = get(cli, cli->arguments[0], NULL);
    else if (!err)
        print_next(cli, cli->arguments[0]);
    bw_form_deinit(&form);
    bw_buf_deinit(&path);
    bw_buf_deinit(&input);
    bw_buf_deinit(&answer);
    return status;
}

/* --- pause, resume, delete. */

static int act(struct bw_cli *cli, const char *verb, const char *done)
{
    struct bw_error error = {0};
    struct bw_buf path, answer;
    put_path(&path, cli->arguments[0], verb);
    bw_buf_init(&answer, BW_CMD_FILE_BYTES_MAX);
    int status = BW_EXIT_OK;
    if (bw_cli_call(cli, "POST", bw_buf_cstr(&path), BW_STR_NONE, &answer, &error))
        status = bw_cli_fail(cli, &error);
    else if (cli->is_json)
        bw_print_json(cli->out, bw_buf_str(&answer));
    else
        fprintf(cli->out, "%s %s\n", cli->arguments[0], done);
    bw_buf_deinit(&answer);
    bw_buf_deinit(&path);
    return status;
}

int bw_cmd_schedule_pause(struct bw_cli *cli)
{
    return act(cli, "pause", "is paused: nothing starts until it is resumed");
}

int bw_cmd_schedule_resume(struct bw_cli *cli)
{
    return act(cli, "resume", "is on again; what fell due in between is not made up for");
}

int bw_cmd_schedule_delete(struct bw_cli *cli)
{
    return act(cli, "delete", "is deleted; its runs stay");
}

/* --- next. */

static void print_times(struct bw_cli *cli, struct bw_str rows)
{
    static const char *const heads[] = {"due", "day of the rule", "starts", NULL};
    static const char *const keys[] = {"at", "date", "start_at", NULL};
    bw_cmd_print_rows(cli, rows, heads, keys);
}

int bw_cmd_schedule_next(struct bw_cli *cli)
{
    struct bw_error error = {0};
    struct bw_buf path, answer;
    struct bw_form spec, form;
    const char *count = bw_cli_option(cli, "count");
    const char *rule = bw_cli_option(cli, "rule");
    int number = 10;
    if (!rule == (cli->argument_count == 0))
        return bw_cli_usage(cli, "give the NAME of a schedule, or a --rule");
    if (count && !bw_parse_int(bw_str_of(count), 1, 1000, &number))
        return bw_cli_usage(cli, "--count '%s' is not a number from 1 to 1000", count);
    bw_buf_init(&answer, BW_CMD_FILE_BYTES_MAX);
    bw_form_init(&spec);
    bw_form_init(&form);
    put_path(&path, cli->arguments[0], "next");
    bw_cmd_put_query(&path, "count", count);
    enum bw_err err;
    if (rule) {
        err = take_schedule(cli, &spec, &error);
        bw_form_put_value(&form, "schedule", bw_form_finish(&spec));
        bw_form_put_int(&form, "count", number);
        if (!err)
            err = bw_cli_call(cli, "POST", "/v1/schedule-times", bw_form_finish(&form), &answer,
                              &error);
    } else {
        err = bw_cli_call(cli, "GET", bw_buf_cstr(&path), BW_STR_NONE, &answer, &error);
    }
    int status = err ? bw_cli_fail(cli, &error) : BW_EXIT_OK;
    if (!err)
        print_times(cli, bw_buf_str(&answer));
    bw_form_deinit(&spec);
    bw_form_deinit(&form);
    bw_buf_deinit(&answer);
    bw_buf_deinit(&path);
    return status;
}
