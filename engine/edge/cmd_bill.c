/* cmd_bill.c - billow bill. */
#include "edge/bill.h"
#include "edge/cmd.h"
#include <string.h>

static int bill_all(struct bw_bill *bill)
{
    struct bw_error error = {0};
    enum bw_err err = bw_bill_read_folder(bill, &error);
    if (!err)
        err = bw_bill_set_up(bill, &error);
    if (!err)
        err = bw_bill_import(bill, &error);
    bool is_billing = bw_cli_option(bill->cli, "only-import") == NULL;
    if (!err && is_billing)
        err = bw_bill_run(bill, &error);
    if (!err && is_billing)
        err = bw_bill_report(bill, &error);
    return err ? bw_cli_fail(bill->cli, &error) : BW_EXIT_OK;
}

int bw_cmd_bill(struct bw_cli *cli)
{
    struct bw_bill bill = {.cli = cli,
                           .folder = cli->arguments[0],
                           .out = bw_cli_option(cli, "out"),
                           .approve_as = bw_cli_option(cli, "approve-as"),
                           .clear_as = bw_cli_option(cli, "clear-as"),
                           .contract = bw_cli_option(cli, "contract"),
                           .is_again = bw_cli_option(cli, "again") != NULL,
                           .is_together = bw_cli_option(cli, "together") != NULL};
    struct bw_error error = {0};
    if (bill.is_together && !bill.approve_as) {
        bw_fail(&error, BW_ERR_INVALID,
                "--together answers every approval at once: say in whose name with --approve-as");
        return bw_cli_fail(cli, &error);
    }
    if (bw_cmd_period(cli, "the month to bill", &bill.period, &error))
        return bw_cli_fail(cli, &error);
    if (!bill.clear_as)
        bill.clear_as = bill.approve_as;
    cli->is_repeatable = true; /* starts have keys, events ids, and an answer counts once */
    bw_arena_init(&bill.arena);
    bw_buf_init(&bill.documents, BW_CMD_FILE_BYTES_MAX);
    if (!bill.out) {
        struct bw_buf out;
        bw_buf_init(&out, 4096);
        bw_buf_printf(&out, "%s/out", bill.folder);
        bill.out = bw_arena_cstr(&bill.arena, bw_buf_str(&out));
        bw_buf_deinit(&out);
    }
    int status = bill_all(&bill);
    bw_buf_deinit(&bill.documents);
    bw_arena_deinit(&bill.arena);
    return status;
}
