/* cmd_replay.c - billow replay: a recorded run once more, compared with what its journal holds: the
 * engine's rows, or those that retention wrote to an archive. */
#include "codec/b64.h"
#include "edge/archive.h"
#include "edge/cmd.h"
#include "edge/form.h"
#include "edge/grid.h"

#include <dirent.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

enum { PATH_BYTES_MAX = 8192 };

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

/* --- A run out of an archive. */

/* The rows of one run, as the API takes them. */
struct found {
    const char *run;
    struct bw_buf row;   /* encoded text */
    struct bw_buf turns; /* encoded texts */
    size_t turn_count;
};

/* One line: of the run's rows those count that a replay needs. */
static enum bw_err take_line(struct found *found, struct bw_str line, struct bw_error *error)
{
    struct bw_buf buf;
    enum bw_err err = BW_ERR_OK;
    if (!memmem(line.ptr, line.len, found->run, strlen(found->run)))
        return BW_ERR_OK; /* most lines are of others */
    bw_buf_init(&buf, BW_CMD_FILE_BYTES_MAX);
    err = bw_value_from_json(&buf, line, error);
    struct bw_value map = bw_value_read(err ? BW_STR_NONE : bw_buf_str(&buf));
    struct bw_str kind = bw_value_get_str(&map, "kind", BW_STR_NONE);
    struct bw_str bytes = bw_value_get_str(&map, "bytes", BW_STR_NONE);
    if (!bw_str_eq(bw_value_get_str(&map, "run", BW_STR_NONE), bw_str_of(found->run))) {
        /* it is named by another one */
    } else if (bw_str_eq(kind, BW_STR("run"))) {
        bw_buf_clear(&found->row);
        bw_value_put_str(&found->row, bytes);
    } else if (bw_str_eq(kind, BW_STR("turn"))) {
        bw_value_put_str(&found->turns, bytes);
        found->turn_count++;
    }
    bw_buf_deinit(&buf);
    return err;
}

/* Looks the run up in one archive, which has to be whole if it has it. */
static enum bw_err look_in(struct found *found, const char *path, struct bw_error *error)
{
    struct bw_buf file;
    int64_t runs, lines;
    bw_buf_init(&file, (size_t)1 << 32);
    enum bw_err err = bw_cmd_read_file(path, &file, error);
    struct bw_str rest = bw_buf_str(&file);
    if (!err && memmem(rest.ptr, rest.len, found->run, strlen(found->run))) {
        err = bw_archive_verify(rest, &runs, &lines, error);
        if (err) {
            struct bw_error inner = *error;
            err =
                bw_fail(error, BW_ERR_CORRUPT, "%s: %s; nothing of it is played", path, inner.text);
        }
        while (!err && rest.len) {
            const char *end = memchr(rest.ptr, '\n', rest.len);
            size_t len = end ? (size_t)(end - rest.ptr) : rest.len;
            err = take_line(found, bw_str(rest.ptr, len), error);
            rest = bw_str(rest.ptr + len + (end != NULL), rest.len - len - (end != NULL));
        }
    }
    bw_buf_deinit(&file);
    return err;
}

static enum bw_err look_through(struct found *found, const char *dir, struct bw_error *error)
{
    DIR *entries = opendir(dir);
    struct dirent *entry;
    char path[PATH_BYTES_MAX];
    enum bw_err err = BW_ERR_OK;
    if (!entries)
        return bw_fail(error, BW_ERR_IO, "%s: %s", dir, strerror(errno));
    while (!err && !found->row.len && (entry = readdir(entries))) {
        size_t len = strlen(entry->d_name);
        bool is_archive = len > 6 && strcmp(entry->d_name + len - 6, ".jsonl") == 0;
        if (is_archive && snprintf(path, sizeof path, "%s/%s", dir, entry->d_name) < PATH_BYTES_MAX)
            err = look_in(found, path, error);
    }
    (void)closedir(entries);
    return err;
}

/* The body of the call: what the archive has of the run. */
static enum bw_err put_archived(struct bw_cli *cli, const char *path, struct bw_form *body,
                                struct bw_error *error)
{
    struct found found = {.run = cli->arguments[0]};
    struct stat info;
    struct bw_buf list;
    struct bw_id id;
    if (!bw_id_parse(bw_str_of(found.run), &id))
        return bw_fail(error, BW_ERR_INVALID, "'%.60s' is not the id of a run", found.run);
    if (stat(path, &info) != 0)
        return bw_fail(error, errno == ENOENT ? BW_ERR_NOT_FOUND : BW_ERR_IO, "%s: %s", path,
                       strerror(errno));
    bw_buf_init(&found.row, BW_CMD_FILE_BYTES_MAX);
    bw_buf_init(&found.turns, BW_CMD_FILE_BYTES_MAX);
    bw_buf_init(&list, BW_CMD_FILE_BYTES_MAX);
    enum bw_err err =
        S_ISDIR(info.st_mode) ? look_through(&found, path, error) : look_in(&found, path, error);
    if (!err && !found.row.len)
        err = bw_fail(error, BW_ERR_NOT_FOUND, "%s has no run %s", path, found.run);
    bw_value_put_arr(&list, found.turn_count);
    bw_buf_put_str(&list, bw_buf_str(&found.turns));
    if (!err && (list.is_over || found.turns.is_over))
        err = bw_fail(error, BW_ERR_LIMIT, "the history of the run is too large to be played");
    if (!err) {
        bw_form_put_value(body, "run", bw_buf_str(&found.row));
        bw_form_put_value(body, "turns", bw_buf_str(&list));
    }
    bw_buf_deinit(&list);
    bw_buf_deinit(&found.turns);
    bw_buf_deinit(&found.row);
    return err;
}

int bw_cmd_replay(struct bw_cli *cli)
{
    struct bw_error error = {0};
    struct bw_buf path, answer;
    struct bw_form body;
    const char *archive = bw_cli_option(cli, "archive");
    enum bw_err err = BW_ERR_OK;
    bw_buf_init(&path, PATH_BYTES_MAX);
    bw_buf_init(&answer, BW_CMD_FILE_BYTES_MAX);
    bw_form_init(&body);
    bw_buf_put_text(&path, "/v1/runs");
    bw_cmd_put_segment(&path, cli->arguments[0]);
    bw_buf_put_text(&path, "/replay");
    if (archive)
        err = put_archived(cli, archive, &body, &error);
    if (!err)
        err = bw_cli_call(cli, "POST", bw_buf_cstr(&path),
                          archive ? bw_form_finish(&body) : BW_STR_NONE, &answer, &error);
    if (err == BW_ERR_NOT_FOUND && !archive) {
        struct bw_error inner = error;
        err = bw_fail(&error, BW_ERR_NOT_FOUND,
                      "%.700s; if retention dropped the run, play it from its archive: --archive "
                      "FILE|DIR",
                      inner.text);
    }
    int status = err ? bw_cli_fail(cli, &error) : print(cli, bw_buf_str(&answer));
    bw_form_deinit(&body);
    bw_buf_deinit(&path);
    bw_buf_deinit(&answer);
    return status;
}
