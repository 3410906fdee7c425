/* cmd_shared.c - files, rows and errors as all commands read and print them. */
#include "edge/cmd.h"
#include "base/fault.h"
#include "codec/date.h"
#include "codec/url.h"
#include "edge/form.h"
#include "edge/grid.h"
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

enum bw_err bw_cmd_read_file(const char *path, struct bw_buf *bytes, struct bw_error *error)
{
    FILE *file = strcmp(path, "-") == 0 ? stdin : fopen(path, "rb");
    if (!file)
        return bw_fail(error, errno == ENOENT ? BW_ERR_NOT_FOUND : BW_ERR_IO, "%s: %s", path,
                       strerror(errno));
    char chunk[65536];
    size_t len;
    while (!bytes->is_over && (len = fread(chunk, 1, sizeof chunk, file)) > 0)
        bw_buf_put(bytes, chunk, len);
    bool has_failed = ferror(file) != 0;
    int cause = errno;
    if (file != stdin)
        fclose(file);
    if (has_failed)
        return bw_fail(error, BW_ERR_IO, "%s: %s", path, strerror(cause));
    if (bytes->is_over)
        return bw_fail(error, BW_ERR_LIMIT, "%s: more than %zu bytes", path, bytes->bytes_max);
    return BW_ERR_OK;
}

enum bw_err bw_cmd_read_input(struct bw_cli *cli, const char *option, struct bw_buf *value,
                              struct bw_error *error)
{
    const char *text = bw_cli_option(cli, option);
    struct bw_buf json;
    bw_buf_init(&json, BW_CMD_FILE_BYTES_MAX);
    enum bw_err err = BW_ERR_OK;
    if (!text)
        bw_buf_put_text(&json, "{}");
    else if (text[0] == '@' || strcmp(text, "-") == 0)
        err = bw_cmd_read_file(text[0] == '@' ? text + 1 : text, &json, error);
    else
        bw_buf_put_text(&json, text);
    if (!err)
        err = bw_value_from_json(value, bw_buf_str(&json), error);
    if (err && text && err != BW_ERR_NOT_FOUND) {
        struct bw_error inner = *error;
        err = bw_fail(error, BW_ERR_INVALID, "--%s: %.900s", option, inner.text);
    }
    bw_buf_deinit(&json);
    return err;
}

enum bw_err bw_cmd_write_file(const char *path, struct bw_str bytes, struct bw_error *error)
{
    (void)BW_FAULT(FILE_WRITE);
    FILE *file = fopen(path, "wb");
    if (!file)
        return bw_fail(error, BW_ERR_IO, "%s: %s", path, strerror(errno));
    bool is_written = bytes.len == 0 || fwrite(bytes.ptr, 1, bytes.len, file) == bytes.len;
    if (fclose(file) != 0 || !is_written)
        return bw_fail(error, BW_ERR_IO, "%s: could not be written whole: %s", path,
                       strerror(errno));
    return BW_ERR_OK;
}

enum bw_err bw_cmd_make_dir(const char *path, struct bw_error *error)
{
    char part[4096];
    size_t len = strlen(path);
    if (len == 0 || len >= sizeof part)
        return bw_fail(error, BW_ERR_INVALID, "a directory name of %zu bytes cannot be used", len);
    for (size_t i = 1; i <= len; i++) {
        if (path[i] != '/' && path[i] != '\0')
            continue;
        memcpy(part, path, i);
        part[i] = '\0';
        if (mkdir(part, 0777) != 0 && errno != EEXIST)
            return bw_fail(error, BW_ERR_IO, "%s: %s", part, strerror(errno));
    }
    return BW_ERR_OK;
}

void bw_cmd_put_segment(struct bw_buf *path, const char *text)
{
    bw_buf_put_char(path, '/');
    bw_url_encode(path, bw_str_of(text));
}

void bw_cmd_put_query(struct bw_buf *path, const char *name, const char *value)
{
    if (!value)
        return;
    bool is_first = path->len == 0 || !memchr(path->ptr, '?', path->len);
    bw_buf_printf(path, "%c%s=", is_first ? '?' : '&', name);
    bw_url_encode(path, bw_str_of(value));
}

int bw_cmd_show(struct bw_cli *cli, struct bw_buf *path, bw_print_fn *print)
{
    struct bw_error error = {0};
    struct bw_buf answer;
    bw_buf_init(&answer, BW_CMD_FILE_BYTES_MAX);
    int status = BW_EXIT_OK;
    if (bw_cli_call(cli, "GET", bw_buf_cstr(path), BW_STR_NONE, &answer, &error))
        status = bw_cli_fail(cli, &error);
    else if (cli->is_json)
        bw_print_json(cli->out, bw_buf_str(&answer));
    else
        print(cli, bw_buf_str(&answer));
    bw_buf_deinit(&answer);
    return status;
}

enum bw_err bw_cmd_period(struct bw_cli *cli, const char *why, const char **period,
                          struct bw_error *error)
{
    struct bw_date first;
    *period = bw_cli_option(cli, "period");
    if (!*period && !why)
        return BW_ERR_OK;
    if (!*period)
        return bw_fail(error, BW_ERR_USAGE, "--period is needed: %s, for example --period 2026-10",
                       why);
    if (!bw_date_parse_month(bw_str_of(*period), &first))
        return bw_fail(error, BW_ERR_USAGE,
                       "--period '%s' is not a month: write it as YYYY-MM, for example 2026-10",
                       *period);
    return BW_ERR_OK;
}

/* "status", or "error.code" of what lies in a map. */
static struct bw_value cell_of(const struct bw_value *row, const char *key)
{
    char outer[32];
    const char *dot = strchr(key, '.');
    if (!dot)
        return bw_value_get(row, key);
    snprintf(outer, sizeof outer, "%.*s", (int)(dot - key), key);
    struct bw_value map = bw_value_get(row, outer);
    return map.tag == BW_VALUE_MAP ? bw_value_get(&map, dot + 1) : map;
}

void bw_cmd_print_rows(struct bw_cli *cli, struct bw_str rows, const char *const *heads,
                       const char *const *keys)
{
    if (cli->is_json) {
        bw_print_json(cli->out, rows);
        return;
    }
    struct bw_grid grid;
    bw_grid_init(&grid, heads);
    struct bw_value list = bw_value_read(rows), row;
    struct bw_str rest = list.items;
    while (bw_value_next(&rest, &row)) {
        for (size_t i = 0; keys[i]; i++) {
            struct bw_value cell = cell_of(&row, keys[i]);
            bw_grid_add_value(&grid, &cell);
        }
    }
    if (grid.count == 0)
        bw_cli_say(cli, "none");
    else
        bw_grid_print(&grid, cli->out);
    bw_grid_deinit(&grid);
}

void bw_cmd_print_error(struct bw_cli *cli, const struct bw_value *run)
{
    struct bw_value why = bw_value_get(run, "error");
    if (why.tag != BW_VALUE_MAP)
        return;
    struct bw_str file = bw_value_get_str(&why, "file", BW_STR(""));
    fprintf(cli->out, "  %.*s: %.*s\n", BW_STR_ARG(bw_value_get_str(&why, "code", BW_STR("error"))),
            BW_STR_ARG(bw_value_get_str(&why, "text", BW_STR(""))));
    if (file.len)
        fprintf(cli->out, "  at %.*s:%lld\n", BW_STR_ARG(file),
                (long long)bw_value_get_int(&why, "line", 0));
    struct bw_str stack = bw_value_get_str(&why, "stack", BW_STR(""));
    if (stack.len)
        fprintf(cli->out, "%.*s\n", BW_STR_ARG(stack));
}

enum { POLL_MS = 20, RUN_PATH_BYTES_MAX = 256 };

enum bw_err bw_cmd_perform(struct bw_cli *cli, const char *workflow, struct bw_str input,
                           struct bw_buf *run, struct bw_error *error)
{
    struct bw_form body;
    char path[RUN_PATH_BYTES_MAX];
    bool is_open = true;
    bw_form_init(&body);
    bw_form_put_text(&body, "workflow", workflow);
    bw_form_put_value(&body, "input", input);
    enum bw_err err = bw_cli_call(cli, "POST", "/v1/runs", bw_form_finish(&body), run, error);
    struct bw_value value = bw_value_read(err ? BW_STR_NONE : bw_buf_str(run));
    snprintf(path, sizeof path, "/v1/runs/%.*s",
             BW_STR_ARG(bw_value_get_str(&value, "id", BW_STR(""))));
    while (!err && is_open) {
        bw_buf_clear(run);
        err = bw_cli_call(cli, "GET", path, BW_STR_NONE, run, error);
        value = bw_value_read(err ? BW_STR_NONE : bw_buf_str(run));
        is_open = bw_str_eq(bw_value_get_str(&value, "status", BW_STR("")), BW_STR("open"));
        if (!err && is_open)
            bw_client_wait(cli->client, POLL_MS);
    }
    if (!err && !bw_str_eq(bw_value_get_str(&value, "status", BW_STR("")), BW_STR("done"))) {
        struct bw_value why = bw_value_get(&value, "error");
        err = bw_fail(error, BW_ERR_SCRIPT, "the run of %s did not end: %.*s", workflow,
                      BW_STR_ARG(bw_value_get_str(&why, "text", BW_STR("(no reason)"))));
    }
    bw_form_deinit(&body);
    return err;
}
