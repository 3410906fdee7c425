/* cmd_preview.c - billow preview: what the bills of a period would be, and what changed since. */
#include "edge/cmd.h"
#include "edge/form.h"
#include "edge/grid.h"
#include <string.h>

/* Performs the workflow; `run` holds the run then. */
static enum bw_err perform(struct bw_cli *cli, const char *period, struct bw_buf *run,
                           struct bw_error *error)
{
    struct bw_form input;
    bw_form_init(&input);
    bw_form_put_text(&input, "period", period);
    bw_form_put_text(&input, "contract", bw_cli_option(cli, "contract"));
    enum bw_err err = bw_cmd_perform(cli, "preview", bw_form_finish(&input), run, error);
    bw_form_deinit(&input);
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
