/* cmd_chain.c - billow invoice verify|void: the chain of documents, the numbers without one. */
#include "edge/cmd.h"
#include "edge/form.h"
#include "edge/grid.h"
#include <string.h>

static void print_chain(struct bw_cli *cli, const struct bw_value *chain)
{
    static const char *const series_heads[] = {"series", ">documents", "first", "last", NULL};
    static const char *const series_keys[] = {"series", "documents", "first", "last", NULL};
    static const char *const heads[] = {"series", ">place", "number", "what is broken", NULL};
    static const char *const keys[] = {"series", "position", "number", "problem", NULL};
    static const char *const gap_heads[] = {"series", "number", "date", "", "why", "by", NULL};
    static const char *const gap_keys[] = {"series", "number", "date", "status",
                                           "reason", "by",     NULL};
    struct bw_value found = bw_value_get(chain, "found"), numbers = bw_value_get(chain, "numbers");
    struct bw_str rest = found.items;
    struct bw_value first;
    bw_cmd_print_rows(cli, bw_value_get(chain, "series").encoded, series_heads, series_keys);
    if (bw_value_next(&rest, &first)) {
        fprintf(cli->out, "\n%lld broken; the first is %.*s: %.*s\n\n",
                (long long)bw_value_get_int(chain, "breaks", 0),
                BW_STR_ARG(bw_value_get_str(&first, "number", BW_STR("?"))),
                BW_STR_ARG(bw_value_get_str(&first, "problem", BW_STR("?"))));
        bw_cmd_print_rows(cli, found.encoded, heads, keys);
    } else {
        fprintf(cli->out, "\nevery document is as it was issued\n");
    }
    if (numbers.count == 0) {
        fprintf(cli->out, "every number that was given stands on a document\n");
        return;
    }
    fprintf(cli->out, "\nnumbers without a document:\n");
    bw_cmd_print_rows(cli, numbers.encoded, gap_heads, gap_keys);
}

/* Is a number given, or left out, without a reason on record? */
static bool has_unexplained(const struct bw_value *chain)
{
    struct bw_value numbers = bw_value_get(chain, "numbers"), number;
    struct bw_str rest = numbers.items;
    while (bw_value_next(&rest, &number))
        if (!bw_str_eq(bw_value_get_str(&number, "status", BW_STR("")), BW_STR("void")))
            return true;
    return false;
}

int bw_cmd_invoice_verify(struct bw_cli *cli)
{
    struct bw_error error = {0};
    struct bw_buf answer;
    int status;
    bw_buf_init(&answer, BW_CMD_FILE_BYTES_MAX);
    if (bw_cli_call(cli, "GET", "/v1/chain", BW_STR_NONE, &answer, &error)) {
        status = bw_cli_fail(cli, &error);
    } else {
        struct bw_value chain = bw_value_read(bw_buf_str(&answer));
        bool is_whole = bw_value_get_bool(&chain, "is_whole", false);
        status = is_whole && !has_unexplained(&chain) ? BW_EXIT_OK : BW_EXIT_FAILED;
        if (cli->is_json)
            bw_print_json(cli->out, bw_buf_str(&answer));
        else
            print_chain(cli, &chain);
    }
    bw_buf_deinit(&answer);
    return status;
}

int bw_cmd_invoice_void(struct bw_cli *cli)
{
    struct bw_error error = {0};
    const char *reason = bw_cli_option(cli, "reason");
    struct bw_form input;
    struct bw_buf run;
    int status = BW_EXIT_OK;
    if (!reason)
        return bw_cli_usage(cli, "--reason is needed: it is what an auditor will read");
    bw_form_init(&input);
    bw_buf_init(&run, BW_CMD_FILE_BYTES_MAX);
    bw_form_put_text(&input, "number", cli->arguments[0]);
    bw_form_put_text(&input, "reason", reason);
    bw_form_put_text(&input, "by", cli->actor);
    if (bw_cmd_perform(cli, "void-number", bw_form_finish(&input), &run, &error)) {
        status = bw_cli_fail(cli, &error);
    } else {
        struct bw_value value = bw_value_read(bw_buf_str(&run));
        struct bw_value result = bw_value_get(&value, "result");
        struct bw_str problem = bw_value_get_str(&result, "problem", BW_STR_NONE);
        if (cli->is_json)
            bw_print_json(cli->out, result.encoded);
        if (problem.len) {
            (void)bw_fail(&error, BW_ERR_INVALID, "%.*s", BW_STR_ARG(problem));
            status = bw_cli_fail(cli, &error);
        } else if (!cli->is_json) {
            fprintf(cli->out, "%s is void: %s, by %s\n", cli->arguments[0], reason, cli->actor);
        }
    }
    bw_form_deinit(&input);
    bw_buf_deinit(&run);
    return status;
}
