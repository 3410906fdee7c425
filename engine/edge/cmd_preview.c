/* cmd_preview.c - billow preview: what the bills of a period would be, and what changed since. */
#include "edge/cmd.h"
#include "edge/form.h"
#include "edge/grid.h"
#include <string.h>

enum { PATH_BYTES_MAX = 256, POLL_MS = 20 };

/* Starts the workflow and waits for its end; `run` holds the run then. */
static enum bw_err perform(struct bw_cli *cli, const char *period, struct bw_buf *run,
                           struct bw_error *error)
{
    struct bw_form input, body;
    char path[PATH_BYTES_MAX];
    bool is_open = true;
    bw_form_init(&input);
    bw_form_init(&body);
    bw_form_put_text(&input, "period", period);
    bw_form_put_text(&input, "contract", bw_cli_option(cli, "contract"));
    bw_form_put_text(&body, "workflow", "preview");
    bw_form_put_value(&body, "input", bw_form_finish(&input));
    enum bw_err err = bw_cli_call(cli, "POST", "/v1/runs", bw_form_finish(&body), run, error);
    struct bw_value value = bw_value_read(err ? BW_STR_NONE : bw_buf_str(run));
    snprintf(path, sizeof path, "/v1/runs/%.*s",
             BW_STR_ARG(bw_value_get_str(&value, "id", BW_STR(""))));
    while (!err && is_open) {
        bw_buf_clear(run);
        err = bw_cli_call(cli, "GET", path, BW_STR_NONE, run, error);
        value = bw_value_read(err ? BW_STR_NONE : bw_buf_str(run));
        is_open = bw_str_eq(bw_value_get_str(&value, "status", BW_STR("")), BW_STR("open"));
        if (!err && is_open)
            bw_client_wait(cli->client, POLL_MS);
    }
    if (!err && !bw_str_eq(bw_value_get_str(&value, "status", BW_STR("")), BW_STR("done"))) {
        struct bw_value why = bw_value_get(&value, "error");
        err = bw_fail(error, BW_ERR_SCRIPT, "the preview did not end: %.*s",
                      BW_STR_ARG(bw_value_get_str(&why, "text", BW_STR("(no reason)"))));
    }
    bw_form_deinit(&input);
    bw_form_deinit(&body);
    return err;
}

/* The difference that is shown: to what was issued, else to the preview before. */
static struct bw_value difference_of(const struct bw_value *contract, const char **against)
{
    struct bw_value since = bw_value_get(contract, "since_issued");
    *against = "issued";
    if (since.tag != BW_VALUE_MAP) {
        since = bw_value_get(contract, "since_preview");
        *against = since.tag == BW_VALUE_MAP ? "preview" : "-";
    }
    return since;
}

static void add_cells(struct bw_grid *grid, const struct bw_value *row, const char *const *keys)
{
    for (size_t i = 0; keys[i]; i++) {
        struct bw_value cell = bw_value_get(row, keys[i]);
        bw_grid_add_value(grid, &cell);
    }
}

static void print_table(struct bw_cli *cli, const struct bw_value *contracts)
{
    static const char *const heads[] = {"contract", "model",   "status", ">lines", ">net",
                                        ">tax",     ">gross",  "",       "less",   ">+net",
                                        ">+tax",    ">+gross", NULL};
    static const char *const keys[] = {"contract", "model", "status",   "lines", "net",
                                       "tax",      "gross", "currency", NULL};
    static const char *const changes[] = {"net", "tax", "gross", NULL};
    struct bw_str rest = contracts->items;
    struct bw_value contract;
    struct bw_grid grid;
    bw_grid_init(&grid, heads);
    while (bw_value_next(&rest, &contract)) {
        const char *against;
        struct bw_value since = difference_of(&contract, &against);
        add_cells(&grid, &contract, keys);
        bw_grid_add_text(&grid, against);
        add_cells(&grid, &since, changes);
    }
    bw_grid_print(&grid, cli->out);
    bw_grid_deinit(&grid);
}

/* How many exceptions of each code, in all contracts a line. */
static void print_exceptions(struct bw_cli *cli, const struct bw_value *contracts)
{
    struct bw_str rest = contracts->items, code;
    struct bw_value contract, count;
    bool is_first = true;
    while (bw_value_next(&rest, &contract)) {
        struct bw_value codes = bw_value_get(&contract, "exceptions");
        struct bw_str left = codes.tag == BW_VALUE_MAP ? codes.items : BW_STR_NONE;
        if (!left.len || codes.count == 0)
            continue;
        fprintf(cli->out, "%s%.*s:", is_first ? "\n" : "",
                BW_STR_ARG(bw_value_get_str(&contract, "contract", BW_STR("?"))));
        is_first = false;
        while (bw_value_next_pair(&left, &code, &count))
            fprintf(cli->out, " %lld %.*s", (long long)count.integer, BW_STR_ARG(code));
        fputc('\n', cli->out);
    }
}

int bw_cmd_preview(struct bw_cli *cli)
{
    struct bw_error error = {0};
    const char *period;
    struct bw_buf run;
    if (bw_cmd_period(cli, "the month to preview", &period, &error))
        return bw_cli_fail(cli, &error);
    bw_buf_init(&run, BW_CMD_FILE_BYTES_MAX);
    int status = BW_EXIT_OK;
    if (perform(cli, period, &run, &error)) {
        status = bw_cli_fail(cli, &error);
    } else {
        struct bw_value value = bw_value_read(bw_buf_str(&run));
        struct bw_value result = bw_value_get(&value, "result");
        struct bw_value contracts = bw_value_get(&result, "contracts");
        if (cli->is_json) {
            bw_print_json(cli->out, result.encoded);
        } else {
            print_table(cli, &contracts);
            print_exceptions(cli, &contracts);
        }
    }
    bw_buf_deinit(&run);
    return status;
}
