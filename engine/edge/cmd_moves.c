/* cmd_moves.c - billow ledger hold, release, transfer: each is a run of the workflow of that name
 * (cmd_carry_out.c). */
#include "edge/cmd.h"
#include "edge/form.h"

/* The entries, why, and whether it is only tried; `options` are the workflow's own, by name. */
static int move(struct bw_cli *cli, const char *workflow, const char *const options[][2])
{
    struct bw_form input;
    if (!bw_cli_option(cli, "reason"))
        return bw_cli_usage(cli, "ledger %s: --reason is needed: why, in your words", workflow);
    bw_form_init(&input);
    bw_form_put_text(&input, "entries", cli->arguments[0]);
    bw_form_put_text(&input, "reason", bw_cli_option(cli, "reason"));
    for (size_t i = 0; options[i][0]; i++)
        bw_form_put_text(&input, options[i][1], bw_cli_option(cli, options[i][0]));
    if (bw_cli_option(cli, "dry-run"))
        bw_form_put_bool(&input, "dry_run", true);
    int status = bw_cmd_carry_out(cli, workflow, bw_form_finish(&input), NULL);
    bw_form_deinit(&input);
    return status;
}

int bw_cmd_ledger_hold(struct bw_cli *cli)
{
    static const char *const options[][2] = {
        {"owner", "owner"}, {"review", "review_on"}, {NULL, NULL}};
    return move(cli, "hold", options);
}

int bw_cmd_ledger_release(struct bw_cli *cli)
{
    static const char *const options[][2] = {{NULL, NULL}};
    return move(cli, "release", options);
}

int bw_cmd_ledger_transfer(struct bw_cli *cli)
{
    static const char *const options[][2] = {{"to", "to"}, {"project", "project"}, {NULL, NULL}};
    if (!bw_cli_option(cli, "to"))
        return bw_cli_usage(cli, "ledger transfer: --to is needed: the contract");
    return move(cli, "transfer", options);
}
