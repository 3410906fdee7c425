/* cmd_task.c - billow task list, invoice list|show, tenant create; cmd_task_show.c shows a task,
 * cmd_answer.c answers. */
#include "edge/cmd.h"
#include "edge/form.h"
#include "edge/grid.h"
#include "edge/project_push.h"
#include <string.h>

enum { PATH_BYTES_MAX = 8192 };

/* One API call whose answer is printed as rows, or by `print` (NULL = JSON). */
static int call(struct bw_cli *cli, const char *method, const char *path, struct bw_str body,
                void (*print)(struct bw_cli *cli, struct bw_str value))
{
    struct bw_error error = {0};
    struct bw_buf answer;
    bw_buf_init(&answer, BW_CMD_FILE_BYTES_MAX);
    int status = BW_EXIT_OK;
    if (bw_cli_call(cli, method, path, body, &answer, &error))
        status = bw_cli_fail(cli, &error);
    else if (cli->is_json || !print)
        bw_print_json(cli->out, bw_buf_str(&answer));
    else
        print(cli, bw_buf_str(&answer));
    bw_buf_deinit(&answer);
    return status;
}

static void print_tasks(struct bw_cli *cli, struct bw_str rows)
{
    static const char *const heads[] = {"task",   "kind", "group",  "title",
                                        "status", "for",  "opened", NULL};
    static const char *const keys[] = {"id",     "kind",      "group",     "title",
                                       "status", "assignees", "opened_at", NULL};
    bw_cmd_print_rows(cli, rows, heads, keys);
}

/* A GET of /v1/{collection}[/{item}]. */
static int get(struct bw_cli *cli, const char *collection, const char *item,
               void (*print)(struct bw_cli *cli, struct bw_str value))
{
    struct bw_buf path;
    bw_buf_init(&path, PATH_BYTES_MAX);
    bw_buf_printf(&path, "/v1/%s", collection);
    bw_cmd_put_segment(&path, item);
    int status = call(cli, "GET", bw_buf_cstr(&path), BW_STR_NONE, print);
    bw_buf_deinit(&path);
    return status;
}

int bw_cmd_task_list(struct bw_cli *cli)
{
    struct bw_buf path;
    const char *status = bw_cli_option(cli, "status");
    bw_buf_init(&path, PATH_BYTES_MAX);
    bw_buf_put_text(&path, "/v1/tasks");
    bw_cmd_put_query(&path, "status", status ? status : "open");
    int code = call(cli, "GET", bw_buf_cstr(&path), BW_STR_NONE, print_tasks);
    bw_buf_deinit(&path);
    return code;
}

static const char *type_name(struct bw_str code) /* UNTDID 1001, as EN 16931 BT-3 has it */
{
    return bw_str_eq(code, BW_STR("381"))   ? "credit note"
           : bw_str_eq(code, BW_STR("386")) ? "advance invoice"
                                            : "invoice";
}

static void print_invoices(struct bw_cli *cli, struct bw_str rows)
{
    static const char *const heads[] = {"number",   "type", "customer", "contract",
                                        "period",   ">net", ">tax",     ">gross",
                                        "currency", "due",  NULL};
    static const char *const keys[] = {
        "customer_id", "contract_id",    "period",   "tax_exclusive_amount",
        "tax_amount",  "payable_amount", "currency", "due_date"};
    struct bw_value list = bw_value_read(rows), row;
    struct bw_str rest = list.items;
    struct bw_grid grid;
    if (cli->is_json) {
        bw_print_json(cli->out, rows);
        return;
    }
    bw_grid_init(&grid, heads);
    while (bw_value_next(&rest, &row)) {
        struct bw_value number = bw_value_get(&row, "number");
        bw_grid_add_value(&grid, &number);
        bw_grid_add_text(&grid, type_name(bw_value_get_str(&row, "type_code", BW_STR_NONE)));
        for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
            struct bw_value cell = bw_value_get(&row, keys[i]);
            bw_grid_add_value(&grid, &cell);
        }
    }
    if (grid.count == 0)
        bw_cli_say(cli, "none");
    else
        bw_grid_print(&grid, cli->out);
    bw_grid_deinit(&grid);
}

int bw_cmd_invoice_list(struct bw_cli *cli)
{
    struct bw_error error = {0};
    struct bw_buf path;
    const char *period;
    if (bw_cmd_period(cli, NULL, &period, &error))
        return bw_cli_fail(cli, &error);
    bw_buf_init(&path, PATH_BYTES_MAX);
    bw_buf_put_text(&path, "/v1/invoices");
    bw_cmd_put_query(&path, "period", period);
    int status = call(cli, "GET", bw_buf_cstr(&path), BW_STR_NONE, print_invoices);
    bw_buf_deinit(&path);
    return status;
}

static void print_line(struct bw_cli *cli, struct bw_grid *grid, const struct bw_value *line)
{
    static const char *const keys[] = {"id",        "description_key", "quantity",
                                       "unit_code", "unit_price",      "net_amount"};
    (void)cli;
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        struct bw_value cell = bw_value_get(line, keys[i]);
        bw_grid_add_value(grid, &cell);
    }
}

static void print_invoice(struct bw_cli *cli, struct bw_str value)
{
    static const char *const heads[] = {"line",   "what", ">quantity", "unit",
                                        ">price", ">net", NULL};
    struct bw_value invoice = bw_value_read(value);
    struct bw_value totals = bw_value_get(&invoice, "totals");
    struct bw_str currency = bw_value_get_str(&invoice, "currency", BW_STR(""));
    fprintf(cli->out, "%.*s  %.*s  issued %.*s, due %.*s\n\n",
            BW_STR_ARG(bw_value_get_str(&invoice, "number", BW_STR("(no number)"))),
            BW_STR_ARG(bw_value_get_str(&invoice, "customer_id", BW_STR(""))),
            BW_STR_ARG(bw_value_get_str(&invoice, "issue_date", BW_STR(""))),
            BW_STR_ARG(bw_value_get_str(&invoice, "due_date", BW_STR(""))));
    struct bw_grid grid;
    bw_grid_init(&grid, heads);
    struct bw_value lines = bw_value_get(&invoice, "lines"), line;
    struct bw_str rest = lines.items;
    while (bw_value_next(&rest, &line))
        print_line(cli, &grid, &line);
    bw_grid_print(&grid, cli->out);
    bw_grid_deinit(&grid);
    fprintf(cli->out, "\nnet %.*s  tax %.*s  to pay %.*s %.*s\n",
            BW_STR_ARG(bw_value_get_str(&totals, "tax_exclusive_amount", BW_STR("?"))),
            BW_STR_ARG(bw_value_get_str(&totals, "tax_amount", BW_STR("?"))),
            BW_STR_ARG(bw_value_get_str(&totals, "payable_amount", BW_STR("?"))),
            BW_STR_ARG(currency));
}

int bw_cmd_invoice_show(struct bw_cli *cli)
{
    return get(cli, "invoices", cli->arguments[0], print_invoice);
}

static void print_tenant(struct bw_cli *cli, struct bw_str value)
{
    struct bw_value tenant = bw_value_read(value);
    fprintf(cli->out, "%s %.*s\n", cli->arguments[0],
            BW_STR_ARG(bw_value_get_str(&tenant, "id", BW_STR(""))));
}

int bw_cmd_tenant_create(struct bw_cli *cli)
{
    struct bw_form form;
    struct bw_error error = {0};
    bw_form_init(&form);
    bw_form_put_text(&form, "name", cli->arguments[0]);
    int status = call(cli, "POST", "/v1/tenants", bw_form_finish(&form), print_tenant);
    bw_form_deinit(&form);
    if (status == BW_EXIT_OK && bw_project_push_release(cli, cli->arguments[0], NULL, NULL, &error))
        status = bw_cli_fail(cli, &error);
    return status;
}
