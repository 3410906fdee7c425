/* cmd_report.c - billow report: figures as a table, as CSV or as JSON. */
#include "edge/cmd.h"
#include "edge/grid.h"
#include <string.h>

enum { PATH_BYTES_MAX = 8192, NAME_BYTES_MAX = 64 };

/* --- without a name: which reports there are */
static void print_names(struct bw_cli *cli, struct bw_str value)
{
    static const char *const heads[] = {"report", "what it shows", NULL};
    static const char *const keys[] = {"name", "title", NULL};
    bw_cmd_print_rows(cli, value, heads, keys);
}

/* --- a table: what is a number in its first row stands to the right */

struct columns {
    char names[BW_GRID_COLUMNS_MAX][NAME_BYTES_MAX]; /* with a leading '>' when numbers */
    const char *heads[BW_GRID_COLUMNS_MAX + 1];
    size_t count;
};

static bool is_number(const struct bw_value *value)
{
    return value->tag == BW_VALUE_INT || value->tag == BW_VALUE_DEC;
}

/* Is the column of numbers? By its first value that is not empty. */
static bool has_numbers(const struct bw_value *rows, const char *name)
{
    struct bw_str rest = rows->items;
    struct bw_value row;
    while (bw_value_next(&rest, &row)) {
        struct bw_value cell = bw_value_get(&row, name);
        if (cell.tag != BW_VALUE_NIL && cell.tag != BW_VALUE_NULL)
            return is_number(&cell);
    }
    return false;
}

static void read_columns(const struct bw_value *report, struct columns *columns)
{
    struct bw_value list = bw_value_get(report, "columns"), name;
    struct bw_value rows = bw_value_get(report, "rows");
    struct bw_str rest = list.items;
    columns->count = 0;
    while (columns->count < BW_GRID_COLUMNS_MAX && bw_value_next(&rest, &name)) {
        char *text = columns->names[columns->count];
        snprintf(text, NAME_BYTES_MAX, ">%.*s", BW_STR_ARG(name.text));
        columns->heads[columns->count] = has_numbers(&rows, text + 1) ? text : text + 1;
        columns->count++;
    }
    columns->heads[columns->count] = NULL;
}

static void print_table(struct bw_cli *cli, const struct bw_value *rows,
                        const struct columns *columns)
{
    struct bw_str rest = rows->items;
    struct bw_value row;
    struct bw_grid grid;
    bw_grid_init(&grid, columns->heads);
    while (bw_value_next(&rest, &row)) {
        for (size_t i = 0; i < columns->count; i++) {
            struct bw_value cell = bw_value_get(&row, columns->names[i] + 1);
            bw_grid_add_value(&grid, &cell);
        }
    }
    if (grid.count == 0)
        bw_cli_say(cli, "none");
    else
        bw_grid_print(&grid, cli->out);
    bw_grid_deinit(&grid);
}

/* --- CSV (RFC 4180); a text that a spreadsheet would take for a formula begins with an apostrophe
 */

/* Digits with perhaps a sign and a point: an amount below nothing is no formula. */
static bool is_amount(struct bw_str text)
{
    size_t digits = 0, points = 0;
    for (size_t i = 0; i < text.len; i++) {
        bool is_digit = text.ptr[i] >= '0' && text.ptr[i] <= '9';
        bool is_sign = i == 0 && text.ptr[i] == '-';
        digits += is_digit;
        points += text.ptr[i] == '.';
        if (!is_digit && !is_sign && text.ptr[i] != '.')
            return false;
    }
    return digits > 0 && points <= 1;
}

static void print_field(struct bw_cli *cli, const struct bw_value *cell)
{
    struct bw_buf json;
    struct bw_str text = cell->text;
    bw_buf_init(&json, (size_t)1 << 20);
    if (cell->tag != BW_VALUE_STR && cell->tag != BW_VALUE_NIL && cell->tag != BW_VALUE_NULL) {
        bw_value_to_json(&json, cell->encoded, BW_JSON_DECIMAL_NUMBERS);
        text = bw_buf_str(&json);
    } else if (cell->tag != BW_VALUE_STR) {
        text = BW_STR("");
    }
    bool is_formula = cell->tag == BW_VALUE_STR && text.len > 1 &&
                      strchr("=+-@\t\r", text.ptr[0]) != NULL && !is_amount(text);
    bool is_quoted = is_formula;
    for (size_t i = 0; i < text.len && !is_quoted; i++)
        is_quoted = strchr(",\"\r\n", text.ptr[i]) != NULL;
    fputs(is_quoted ? "\"" : "", cli->out);
    fputs(is_formula ? "'" : "", cli->out);
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] == '"')
            fputc('"', cli->out);
        fputc(text.ptr[i], cli->out);
    }
    fputs(is_quoted ? "\"" : "", cli->out);
    bw_buf_deinit(&json);
}

static void print_csv(struct bw_cli *cli, const struct bw_value *rows,
                      const struct columns *columns)
{
    struct bw_str rest = rows->items;
    struct bw_value row;
    for (size_t i = 0; i < columns->count; i++)
        fprintf(cli->out, "%s%s", i ? "," : "", columns->names[i] + 1);
    fputs("\r\n", cli->out);
    while (bw_value_next(&rest, &row)) {
        for (size_t i = 0; i < columns->count; i++) {
            struct bw_value cell = bw_value_get(&row, columns->names[i] + 1);
            fputs(i ? "," : "", cli->out);
            print_field(cli, &cell);
        }
        fputs("\r\n", cli->out);
    }
}

static void print_report(struct bw_cli *cli, struct bw_str value)
{
    struct bw_value report = bw_value_read(value);
    struct bw_value rows = bw_value_get(&report, "rows");
    struct columns columns;
    read_columns(&report, &columns);
    if (bw_cli_option(cli, "csv"))
        print_csv(cli, &rows, &columns);
    else
        print_table(cli, &rows, &columns);
}

static int print(struct bw_cli *cli, const char *name, const char *period, const char *days)
{
    struct bw_buf path;
    bw_buf_init(&path, PATH_BYTES_MAX);
    bw_buf_put_text(&path, "/v1/reports");
    if (name)
        bw_cmd_put_segment(&path, name);
    bw_cmd_put_query(&path, "period", period);
    bw_cmd_put_query(&path, "days", days);
    int status = bw_cmd_show(cli, &path, name ? print_report : print_names);
    bw_buf_deinit(&path);
    return status;
}

int bw_cmd_print_view(struct bw_cli *cli, const char *name)
{
    return print(cli, name, NULL, NULL);
}

int bw_cmd_report(struct bw_cli *cli)
{
    struct bw_error error = {0};
    const char *period;
    if (cli->is_json && bw_cli_option(cli, "csv"))
        return bw_cli_usage(cli, "--csv and --json: choose one");
    if (bw_cmd_period(cli, NULL, &period, &error))
        return bw_cli_fail(cli, &error);
    return print(cli, cli->argument_count ? cli->arguments[0] : NULL, period,
                 bw_cli_option(cli, "days"));
}
