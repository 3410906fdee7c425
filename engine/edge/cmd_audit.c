/* cmd_audit.c - billow audit list. */
#include "edge/cmd.h"
#include "edge/grid.h"

int bw_cmd_audit_list(struct bw_cli *cli)
{
    static const char *const options[] = {"actor", "action", "subject", "since", "limit"};
    static const char *const heads[] = {"at", "who", "did", "to", NULL};
    static const char *const keys[] = {"at", "actor", "action", "subject", NULL};
    struct bw_error error = {0};
    struct bw_buf path, answer;
    bw_buf_init(&path, 8192);
    bw_buf_init(&answer, BW_CMD_FILE_BYTES_MAX);
    bw_buf_put_text(&path, "/v1/audit");
    for (size_t i = 0; i < sizeof options / sizeof *options; i++)
        bw_cmd_put_query(&path, options[i], bw_cli_option(cli, options[i]));
    int status = BW_EXIT_OK;
    if (bw_cli_call(cli, "GET", bw_buf_cstr(&path), BW_STR_NONE, &answer, &error))
        status = bw_cli_fail(cli, &error);
    else
        bw_cmd_print_rows(cli, bw_buf_str(&answer), heads, keys);
    bw_buf_deinit(&answer);
    bw_buf_deinit(&path);
    return status;
}
