/* cmd_tenant.c - billow tenant set, and billow doctor --runs: what tenants may have of the engine,
 * and the proof that each of their runs waits for something. */
#include "base/parse.h"
#include "edge/client.h"
#include "edge/cmd.h"
#include "edge/form.h"
#include "edge/grid.h"

#include <inttypes.h>
#include <string.h>

enum { NAME_BYTES_MAX = 256 };

static enum bw_err take_number(struct bw_cli *cli, struct bw_form *form, const char *option,
                               const char *key, struct bw_error *error)
{
    const char *text = bw_cli_option(cli, option);
    int64_t number = 0;
    if (!text)
        return BW_ERR_OK;
    if (strcmp(text, "none") != 0 && (!bw_parse_i64(bw_str_of(text), &number) || number < 1))
        return bw_fail(error, BW_ERR_USAGE, "--%s wants a whole number over 0%s, not '%s'", option,
                       strcmp(key, "runs_max") == 0 ? ", or none" : "", text);
    bw_form_put_int(form, key, number);
    return BW_ERR_OK;
}

static void print_share(struct bw_cli *cli, struct bw_str answer)
{
    struct bw_value map = bw_value_read(answer);
    int64_t runs_max = bw_value_get_int(&map, "runs_max", 0);
    fprintf(cli->out, "%s: weight %" PRId64 "%% of the normal share, ", cli->arguments[0],
            bw_value_get_int(&map, "weight", 0));
    if (runs_max)
        fprintf(cli->out, "%" PRId64 " of %" PRId64 " open runs\n",
                bw_value_get_int(&map, "open", 0), runs_max);
    else
        fputs("any number of open runs\n", cli->out);
}

int bw_cmd_tenant_set(struct bw_cli *cli)
{
    struct bw_error error = {0};
    struct bw_form form;
    struct bw_buf answer;
    bool is_change = bw_cli_option(cli, "weight") || bw_cli_option(cli, "runs-max");
    bw_form_init(&form);
    bw_buf_init(&answer, BW_CMD_FILE_BYTES_MAX);
    cli->tenant = cli->arguments[0];
    enum bw_err err = take_number(cli, &form, "weight", "weight", &error);
    if (!err)
        err = take_number(cli, &form, "runs-max", "runs_max", &error);
    if (!err)
        err = bw_cli_call(cli, is_change ? "POST" : "GET", "/v1/tenant",
                          is_change ? bw_form_finish(&form) : BW_STR_NONE, &answer, &error);
    if (!err && cli->is_json)
        bw_print_json(cli->out, bw_buf_str(&answer));
    else if (!err)
        print_share(cli, bw_buf_str(&answer));
    bw_buf_deinit(&answer);
    bw_form_deinit(&form);
    return err ? bw_cli_fail(cli, &error) : BW_EXIT_OK;
}

/* --- doctor --runs */

static enum bw_err problems_of(struct bw_cli *cli, const char *tenant, struct bw_buf *list,
                               size_t *count, struct bw_error *error)
{
    struct bw_buf answer;
    struct bw_value row;
    bw_buf_init(&answer, BW_CMD_FILE_BYTES_MAX);
    bw_client_set_tenant(cli->client, tenant);
    enum bw_err err = bw_cli_call(cli, "GET", "/v1/problems", BW_STR_NONE, &answer, error);
    struct bw_value rows = bw_value_read(err ? BW_STR_NONE : bw_buf_str(&answer));
    struct bw_str rest = rows.items;
    for (; !err && bw_value_next(&rest, &row); ++*count) {
        struct bw_str run = bw_value_get_str(&row, "run", BW_STR("?"));
        struct bw_str problem = bw_value_get_str(&row, "problem", BW_STR("?"));
        struct bw_form form;
        bw_form_init(&form);
        bw_form_put_str(&form, "problem", problem);
        bw_form_put_str(&form, "run", run);
        bw_form_put_text(&form, "tenant", tenant);
        bw_buf_put_str(list, bw_form_finish(&form));
        bw_form_deinit(&form);
        if (!cli->is_json)
            fprintf(cli->out, "run %.*s of %s %.*s\n", BW_STR_ARG(run), tenant,
                    BW_STR_ARG(problem));
    }
    bw_buf_deinit(&answer);
    return err;
}

static enum bw_err problems_of_all(struct bw_cli *cli, struct bw_buf *list, size_t *count,
                                   struct bw_error *error)
{
    struct bw_buf tenants;
    struct bw_value row;
    if (bw_cli_client(cli, error))
        return error->code;
    if (cli->tenant)
        return problems_of(cli, cli->tenant, list, count, error);
    bw_buf_init(&tenants, BW_CMD_FILE_BYTES_MAX);
    enum bw_err err = bw_cli_call(cli, "GET", "/v1/tenants", BW_STR_NONE, &tenants, error);
    struct bw_value rows = bw_value_read(err ? BW_STR_NONE : bw_buf_str(&tenants));
    struct bw_str rest = rows.items;
    while (!err && bw_value_next(&rest, &row)) {
        char name[NAME_BYTES_MAX];
        snprintf(name, sizeof name, "%.*s",
                 BW_STR_ARG(bw_value_get_str(&row, "name", BW_STR("?"))));
        err = problems_of(cli, name, list, count, error);
    }
    bw_buf_deinit(&tenants);
    return err;
}

int bw_cmd_doctor_runs(struct bw_cli *cli)
{
    struct bw_error error = {0};
    struct bw_buf list, array;
    size_t count = 0;
    int status = BW_EXIT_OK;
    bw_buf_init(&list, BW_CMD_FILE_BYTES_MAX);
    if (problems_of_all(cli, &list, &count, &error)) {
        bw_buf_deinit(&list);
        return bw_cli_fail(cli, &error);
    }
    if (cli->is_json) {
        bw_buf_init(&array, BW_CMD_FILE_BYTES_MAX);
        bw_value_put_arr(&array, count);
        bw_buf_put_str(&array, bw_buf_str(&list));
        bw_print_json(cli->out, bw_buf_str(&array));
        bw_buf_deinit(&array);
    } else if (count == 0) {
        bw_cli_say(cli, "every run waits for exactly one thing, and that is there");
    } else {
        bw_cli_say(
            cli,
            "%zu run%s would wait for ever or be woken for nothing. The engine writes no such "
            "rows: was the database restored, or changed by hand? 'billow run explain ID' "
            "tells more; 'billow run cancel ID' ends a run",
            count, count == 1 ? "" : "s");
    }
    if (count > 0)
        status = BW_EXIT_FAILED;
    bw_buf_deinit(&list);
    return status;
}
