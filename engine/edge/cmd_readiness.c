/* cmd_readiness.c - billow readiness: how ready a period is, and who has to act. */
#include "edge/cmd.h"
#include "edge/form.h"
#include "edge/grid.h"

static void print_holds(struct bw_cli *cli, const struct bw_value *contracts)
{
    struct bw_str rest = contracts->items;
    struct bw_value contract, hold;
    while (bw_value_next(&rest, &contract)) {
        struct bw_value holds = bw_value_get(&contract, "holds");
        struct bw_str left = holds.items;
        while (bw_value_next(&left, &hold))
            fprintf(cli->out, "%.*s: %.*s is on hold for %lld days, %.*s has it%s\n",
                    BW_STR_ARG(bw_value_get_str(&contract, "contract", BW_STR("?"))),
                    BW_STR_ARG(bw_value_get_str(&hold, "of", BW_STR("?"))),
                    (long long)bw_value_get_int(&hold, "days", 0),
                    BW_STR_ARG(bw_value_get_str(&hold, "owner", BW_STR("nobody"))),
                    bw_value_get_bool(&hold, "is_overdue", false) ? ", its review is overdue" : "");
    }
}

int bw_cmd_readiness(struct bw_cli *cli)
{
    static const char *const heads[] = {"contract", "customer", ">score",
                                        "status",   ">entries", NULL};
    static const char *const keys[] = {"contract", "customer", "score", "status", "entries", NULL};
    static const char *const todo_heads[] = {"who",    "contract",    "what",
                                             ">count", "for example", NULL};
    static const char *const todo_keys[] = {"owner", "contract", "code", "count", "message", NULL};
    struct bw_error error = {0};
    const char *period;
    struct bw_form input;
    struct bw_buf run;
    if (bw_cmd_period(cli, "the month that is to be billed", &period, &error))
        return bw_cli_fail(cli, &error);
    bw_form_init(&input);
    bw_buf_init(&run, BW_CMD_FILE_BYTES_MAX);
    bw_form_put_text(&input, "period", period);
    bw_form_put_text(&input, "contract", bw_cli_option(cli, "contract"));
    int status = BW_EXIT_OK;
    if (bw_cmd_perform(cli, "readiness", bw_form_finish(&input), &run, &error)) {
        status = bw_cli_fail(cli, &error);
    } else {
        struct bw_value value = bw_value_read(bw_buf_str(&run));
        struct bw_value result = bw_value_get(&value, "result");
        struct bw_value contracts = bw_value_get(&result, "contracts");
        if (cli->is_json) {
            bw_print_json(cli->out, result.encoded);
        } else {
            bw_cmd_print_rows(cli, contracts.encoded, heads, keys);
            fputs("\nto be done:\n", cli->out);
            bw_cmd_print_rows(cli, bw_value_get(&result, "blockers").encoded, todo_heads,
                              todo_keys);
            print_holds(cli, &contracts);
        }
    }
    bw_form_deinit(&input);
    bw_buf_deinit(&run);
    return status;
}
