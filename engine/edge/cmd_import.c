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
    long long invalid_count = bw_value_get_int(&result, "invalid_count", 0);
    long long edited_count = bw_value_get_int(&result, "edited_count", 0);
    long long repeated = bw_value_get_int(&result, "repeated", 0);
    char more[64] = "";
    if (result.tag != BW_VALUE_MAP)
        return; /* nobody knows any more */
    if (repeated)
        snprintf(more, sizeof more, ", %lld repeated", repeated);
    bw_cli_say(cli,
               "%.*s: %lld records, %lld new or changed, %lld unchanged, %lld unreadable, %lld "
               "edited after billing%s",
               BW_STR_ARG(bw_value_get_str(&result, "file", BW_STR("?"))),
               (long long)bw_value_get_int(&result, "records", 0),
               (long long)bw_value_get_int(&result, "stored", 0),
               (long long)bw_value_get_int(&result, "unchanged", 0), invalid_count, edited_count,
               more);
    struct bw_str rest = invalid.items;
    while (bw_value_next(&rest, &row))
        bw_cli_say(cli, "  %.*s %.*s: %.*s", BW_STR_ARG(bw_value_get_str(&row, "ref", BW_STR("?"))),
                   BW_STR_ARG(bw_value_get_str(&row, "code", BW_STR("?"))),
                   BW_STR_ARG(bw_value_get_str(&row, "message", BW_STR(""))));
    if (invalid_count > (long long)invalid.count)
        bw_cli_say(cli, "  ... and %lld more", invalid_count - (long long)invalid.count);
    rest = edited.items;
    while (bw_value_next(&rest, &row))
        bw_cli_say(
            cli, "  %.*s was edited after it was billed: the bill stands, a correction is proposed",
            BW_STR_ARG(row.text));
    if (edited_count > (long long)edited.count)
        bw_cli_say(cli, "  ... and %lld more", edited_count - (long long)edited.count);
}

/* The source file that a path is taken for, by --format or by its name; NULL for an unknown format.
 */
static const char *source_of(const char *path, const char *format)
{
    if (!format)
        return base_name(path);
    for (size_t i = 0; i < BW_IMPORT_FORMAT_COUNT; i++)
        if (strcmp(format, BW_IMPORT_FORMATS[i].format) == 0)
            return BW_IMPORT_FORMATS[i].name;
    return NULL;
}

static enum bw_import_mode mode_of(const struct bw_cli *cli)
{
    if (bw_cli_option(cli, "check"))
        return BW_IMPORT_CHECK;
    return bw_cli_option(cli, "all-or-nothing") ? BW_IMPORT_WHOLE : BW_IMPORT_READABLE;
}

int bw_cmd_import(struct bw_cli *cli)
{
    const char *period, *format = bw_cli_option(cli, "format");
    struct bw_error error = {0};
    if (!source_of("", format)) {
        (void)bw_fail(&error, BW_ERR_INVALID,
                      "there is no format %s: 'billow import --help' lists them", format);
        return bw_cli_fail(cli, &error);
    }
    if (bw_cmd_period(cli, "the month the entries belong to", &period, &error))
        return bw_cli_fail(cli, &error);
    cli->is_repeatable = true; /* the start has a key, each chunk an id */
    bool is_readable = true;
    for (unsigned i = 0; i < cli->argument_count; i++) {
        struct bw_buf outcome;
        struct bw_import_request request = {.path = cli->arguments[i],
                                            .name = source_of(cli->arguments[i], format),
                                            .set = period,
                                            .mode = mode_of(cli)};
        bw_buf_init(&outcome, BW_CMD_FILE_BYTES_MAX);
        enum bw_err err = bw_import_file(cli, &request, &outcome, &error);
        if (!err && cli->is_json)
            bw_print_json(cli->out, bw_buf_str(&outcome));
        else if (!err)
            bw_cmd_print_import(cli, bw_buf_str(&outcome));
        struct bw_value result = bw_value_read(err ? BW_STR_NONE : bw_buf_str(&outcome));
        is_readable = is_readable && bw_value_get_int(&result, "invalid_count", 0) == 0;
        bw_buf_deinit(&outcome);
        if (err)
            return bw_cli_fail(cli, &error);
    }
    /* A check was asked whether all of it can be read; an import has said what it left out. */
    return is_readable || !bw_cli_option(cli, "check") ? BW_EXIT_OK : BW_EXIT_INVALID;
}
