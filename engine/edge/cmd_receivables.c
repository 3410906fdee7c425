/* cmd_receivables.c - billow credit, write-off, write-down, statement: each is a run of the
 * workflow of that name (cmd_carry_out.c). */
#include "edge/cmd.h"
#include "edge/form.h"
#include <string.h>

static void put_option(struct bw_form *form, struct bw_cli *cli, const char *option,
                       const char *member)
{
    bw_form_put_text(form, member, bw_cli_option(cli, option));
}

static void put_switch(struct bw_form *form, struct bw_cli *cli, const char *option,
                       const char *member)
{
    if (bw_cli_option(cli, option))
        bw_form_put_bool(form, member, true);
}

/* What is to be credited, as the workflow's `request`. */
static void put_request(struct bw_form *input, struct bw_cli *cli)
{
    struct bw_form request;
    bw_form_init(&request);
    put_switch(&request, cli, "all", "all");
    put_option(&request, cli, "lines", "lines");
    put_option(&request, cli, "entries", "entries");
    put_option(&request, cli, "amount", "amount");
    put_option(&request, cli, "outcome", "outcome");
    bw_form_put_value(input, "request", bw_form_finish(&request));
    bw_form_deinit(&request);
}

int bw_cmd_credit(struct bw_cli *cli)
{
    static const char *const ways[] = {"all", "lines", "entries", "amount"};
    size_t count = 0;
    for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++)
        count += bw_cli_option(cli, ways[i]) != NULL;
    if (count != 1)
        return bw_cli_usage(cli, "credit: say what, in one way: --all, --lines, --entries or "
                                 "--amount");
    if (!bw_cli_option(cli, "reason") && !bw_cli_option(cli, "dry-run"))
        return bw_cli_usage(cli, "credit: --reason is needed, for example --reason rate");
    struct bw_form input;
    const char *reason = bw_cli_option(cli, "reason");
    bw_form_init(&input);
    bw_form_put_text(&input, "invoice", cli->arguments[0]);
    bw_form_put_text(&input, "reason", reason ? reason : "dry run");
    put_request(&input, cli);
    put_switch(&input, cli, "rebill", "rebill");
    put_switch(&input, cli, "dry-run", "dry_run");
    int status = bw_cmd_carry_out(cli, "credit", bw_form_finish(&input), NULL);
    bw_form_deinit(&input);
    return status;
}

/* What write-off and write-down share: the amount, why, and whether it is only tried. */
static int give_up(struct bw_cli *cli, const char *workflow, const char *subject)
{
    if (!bw_cli_option(cli, "reason"))
        return bw_cli_usage(cli, "%s: --reason is needed, for example --reason goodwill", workflow);
    struct bw_form input;
    bw_form_init(&input);
    bw_form_put_text(&input, subject, cli->arguments[0]);
    put_option(&input, cli, "amount", "amount");
    put_option(&input, cli, "reason", "reason_code");
    put_option(&input, cli, "note", "note");
    put_switch(&input, cli, "dry-run", "dry_run");
    int status = bw_cmd_carry_out(cli, workflow, bw_form_finish(&input), NULL);
    bw_form_deinit(&input);
    return status;
}

int bw_cmd_write_off(struct bw_cli *cli)
{
    return give_up(cli, "write-off", "invoice");
}

int bw_cmd_write_down(struct bw_cli *cli)
{
    return give_up(cli, "write-down", "entries");
}

int bw_cmd_statement(struct bw_cli *cli)
{
    const char *format = bw_cli_option(cli, "format");
    if (format && strcmp(format, "text") != 0 && strcmp(format, "json") != 0 &&
        strcmp(format, "ubl") != 0)
        return bw_cli_usage(cli, "statement: --format is text, json or ubl, not '%s'", format);
    struct bw_form input;
    bw_form_init(&input);
    bw_form_put_text(&input, "customer", cli->arguments[0]);
    put_option(&input, cli, "from", "from");
    put_option(&input, cli, "as-of", "as_of");
    put_option(&input, cli, "format", "format");
    cli->is_json = cli->is_json || (format && strcmp(format, "json") == 0);
    int status = bw_cmd_carry_out(cli, "statement", bw_form_finish(&input), NULL);
    bw_form_deinit(&input);
    return status;
}
