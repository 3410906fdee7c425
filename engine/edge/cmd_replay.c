/* cmd_replay.c - billow replay: a recorded run once more, compared with what its journal holds. */
#include "edge/cmd.h"
#include "edge/grid.h"

static int print(struct bw_cli *cli, struct bw_str answer)
{
    struct bw_value value = bw_value_read(answer);
    struct bw_str text = bw_value_get_str(&value, "text", BW_STR_NONE);
    bool is_same = bw_str_eq(bw_value_get_str(&value, "status", BW_STR_NONE), BW_STR("same"));
    if (cli->is_json)
        bw_print_json(cli->out, answer);
    else if (is_same)
        fprintf(cli->out, "the same: %lld turns%s%.*s\n",
                (long long)bw_value_get_int(&value, "turns", 0), text.len ? "; " : "",
                BW_STR_ARG(text));
    else
        fprintf(cli->out, "differs: %.*s\n", BW_STR_ARG(text));
    return is_same ? BW_EXIT_OK : BW_EXIT_TESTS_FAILED;
}

int bw_cmd_replay(struct bw_cli *cli)
{
    struct bw_error error = {0};
    struct bw_buf path, answer;
    int status;
    bw_buf_init(&path, 8192);
    bw_buf_init(&answer, BW_CMD_FILE_BYTES_MAX);
    bw_buf_put_text(&path, "/v1/runs");
    bw_cmd_put_segment(&path, cli->arguments[0]);
    bw_buf_put_text(&path, "/replay");
    if (bw_cli_call(cli, "POST", bw_buf_cstr(&path), BW_STR_NONE, &answer, &error))
        status = bw_cli_fail(cli, &error);
    else
        status = print(cli, bw_buf_str(&answer));
    bw_buf_deinit(&path);
    bw_buf_deinit(&answer);
    return status;
}
