/* cmd_import.c - billow import. */
#include "edge/cmd.h"
#include "edge/grid.h"
#include "edge/import.h"
#include <string.h>

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

void bw_cmd_print_import(struct bw_cli *cli, struct bw_str outcome)
{
    struct bw_value result = bw_value_read(outcome), row;
    struct bw_value invalid = bw_value_get(&result, "invalid");
    struct bw_value edited = bw_value_get(&result, "edited");
    bw_cli_say(cli,
               "%.*s: %lld records, %lld new or changed, %lld unchanged, %zu unreadable, %zu "
               "edited after billing",
               BW_STR_ARG(bw_value_get_str(&result, "file", BW_STR("?"))),
               (long long)bw_value_get_int(&result, "records", 0),
               (long long)bw_value_get_int(&result, "stored", 0),
               (long long)bw_value_get_int(&result, "unchanged", 0), invalid.count, edited.count);
    struct bw_str rest = invalid.items;
    while (bw_value_next(&rest, &row))
        bw_cli_say(cli, "  %.*s %.*s: %.*s", BW_STR_ARG(bw_value_get_str(&row, "ref", BW_STR("?"))),
                   BW_STR_ARG(bw_value_get_str(&row, "code", BW_STR("?"))),
                   BW_STR_ARG(bw_value_get_str(&row, "message", BW_STR(""))));
    rest = edited.items;
    while (bw_value_next(&rest, &row))
        bw_cli_say(cli, "  %.*s was edited after it was billed: left as it was",
                   BW_STR_ARG(row.text));
}

int bw_cmd_import(struct bw_cli *cli)
{
    const char *period, *format = bw_cli_option(cli, "format");
    struct bw_error error = {0};
    if (bw_cmd_period(cli, "the month the entries belong to", &period, &error))
        return bw_cli_fail(cli, &error);
    cli->is_repeatable = true; /* the start has a key, each chunk an id */
    for (unsigned i = 0; i < cli->argument_count; i++) {
        struct bw_buf outcome;
        char name[256];
        snprintf(name, sizeof name, "%s%s", format ? format : base_name(cli->arguments[i]),
                 format ? ".csv" : "");
        bw_buf_init(&outcome, BW_CMD_FILE_BYTES_MAX);
        enum bw_err err = bw_import_file(cli, cli->arguments[i], name, period, &outcome, &error);
        if (!err && cli->is_json)
            bw_print_json(cli->out, bw_buf_str(&outcome));
        else if (!err)
            bw_cmd_print_import(cli, bw_buf_str(&outcome));
        bw_buf_deinit(&outcome);
        if (err)
            return bw_cli_fail(cli, &error);
    }
    return BW_EXIT_OK;
}
