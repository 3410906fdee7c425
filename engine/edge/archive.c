/* archive.c - see archive.h. */
#include "edge/archive.h"

#include "base/fault.h"
#include "base/mem.h"
#include "codec/b64.h"
#include "codec/crypto.h"
#include "codec/date.h"
#include "edge/api_view.h"
#include "edge/form.h"
#include "store/rows.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PATH_BYTES_MAX = 4096, LINE_BYTES_MAX = 256 * 1024 * 1024 };

enum { RUN, JOURNAL, NOTES, TASKS, INBOX, PARTS };
static const struct {
    const char *what, *argument, *kind;
} parts[PARTS] = {{"run", "id", "run"},
                  {"journal", "run", "turn"},
                  {"notes", "run", "note"},
                  {"tasks", "run", "task"},
                  {"inbox", "run", "message"}};

struct archive {
    struct bw_store *store;
    struct bw_id tenant;
    struct bw_id *runs;
    size_t count;
    size_t at;
    int part;
    char path[PATH_BYTES_MAX];
    char fresh[PATH_BYTES_MAX + 8];
    char dir[PATH_BYTES_MAX];
    FILE *file;
    struct bw_sha256 *sha256;
    int64_t lines;
    int64_t written; /* runs */
    struct bw_error error;
    bw_archive_fn done;
    void *ud;
};

/* --- Lines. */

static void put_line(struct archive *archive, struct bw_str map)
{
    struct bw_buf line;
    bw_buf_init(&line, LINE_BYTES_MAX);
    bw_value_to_json(&line, map, BW_JSON_DECIMAL_STRINGS);
    bw_buf_put_char(&line, '\n');
    if (line.is_over)
        (void)bw_fail(&archive->error, BW_ERR_LIMIT, "a row is too large for a line of an archive");
    else if (fwrite(line.ptr, 1, line.len, archive->file) != line.len)
        (void)bw_fail(&archive->error, BW_ERR_IO, "cannot write %s: %s", archive->fresh,
                      strerror(errno));
    bw_sha256_update(archive->sha256, bw_buf_str(&line));
    archive->lines++;
    bw_buf_deinit(&line);
}

static void put_head(struct archive *archive, struct bw_str under, int64_t at_us)
{
    char at[BW_STAMP_TEXT_MAX], tenant[BW_ID_TEXT_LEN + 1];
    struct bw_form form;
    bw_form_init(&form);
    bw_id_print(archive->tenant, tenant);
    bw_form_put_str(&form, "at", bw_str(at, bw_stamp_print((struct bw_stamp){at_us}, at)));
    bw_form_put_text(&form, "kind", "billow.archive");
    bw_form_put_int(&form, "runs", (int64_t)archive->count);
    bw_form_put_text(&form, "tenant", tenant);
    bw_form_put_str(&form, "under", under);
    bw_form_put_int(&form, "version", 1);
    put_line(archive, bw_form_finish(&form));
    bw_form_deinit(&form);
}

static void put_row(struct archive *archive, struct bw_str shown, struct bw_str bytes)
{
    struct bw_buf encoded;
    struct bw_form form;
    char run[BW_ID_TEXT_LEN + 1];
    bw_buf_init(&encoded, LINE_BYTES_MAX);
    bw_form_init(&form);
    bw_id_print(archive->runs[archive->at], run);
    bw_base64_put(&encoded, bytes);
    bw_form_put_text(&form, "kind", parts[archive->part].kind);
    bw_form_put_text(&form, "run", run);
    bw_form_put_value(&form, "data", shown);
    bw_form_put_str(&form, "bytes", bw_buf_str(&encoded));
    put_line(archive, bw_form_finish(&form));
    bw_form_deinit(&form);
    bw_buf_deinit(&encoded);
}

static void put_rows(struct archive *archive, struct bw_str value)
{
    struct bw_buf view;
    bw_buf_init(&view, LINE_BYTES_MAX);
    bool is_journal = archive->part == JOURNAL;
    if (!is_journal)
        bw_api_view_rows(value, &view);
    else if (bw_api_view_journal(value, &view, &archive->error) != BW_ERR_OK)
        bw_buf_clear(&view);
    if (archive->part == RUN) {
        archive->written++;
        put_row(archive, bw_buf_str(&view), value);
    }
    struct bw_value rows = bw_value_read(value), shown = bw_value_read(bw_buf_str(&view)), row, one;
    struct bw_str rest = rows.tag == BW_VALUE_ARR ? rows.items : BW_STR_NONE;
    struct bw_str shown_rest = shown.tag == BW_VALUE_ARR ? shown.items : BW_STR_NONE;
    while (!archive->error.code && bw_value_next(&rest, &row) && bw_value_next(&shown_rest, &one))
        put_row(archive, one.encoded,
                is_journal ? bw_value_get_str(&row, "body", BW_STR_NONE) : row.encoded);
    bw_buf_deinit(&view);
}

/* --- The file. */

static void free_archive(struct archive *archive)
{
    bw_sha256_destroy(archive->sha256);
    bw_free(archive->runs);
    bw_free(archive);
}

static void put_end(struct archive *archive)
{
    uint8_t hash[BW_SHA256_LEN];
    struct bw_form form;
    struct bw_buf hex;
    bw_buf_init(&hex, 256);
    bw_form_init(&form);
    bw_sha256_finish(archive->sha256, hash);
    archive->sha256 = bw_sha256_create(); /* the last line is in no hash */
    bw_hex_put(&hex, bw_str((const char *)hash, sizeof hash));
    bw_form_put_text(&form, "kind", "end");
    bw_form_put_int(&form, "lines", archive->lines);
    bw_form_put_int(&form, "runs", archive->written);
    bw_form_put_str(&form, "sha256", bw_buf_str(&hex));
    put_line(archive, bw_form_finish(&form));
    bw_form_deinit(&form);
    bw_buf_deinit(&hex);
}

static void sync_dir(struct archive *archive)
{
    int fd = open(archive->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || fsync(fd) != 0)
        (void)bw_fail(&archive->error, BW_ERR_IO, "cannot write to %s: %s", archive->dir,
                      strerror(errno));
    if (fd >= 0)
        (void)close(fd);
}

static void finish(struct archive *archive)
{
    if (archive->file && !archive->error.code)
        put_end(archive);
    if (archive->file && !archive->error.code &&
        (fflush(archive->file) != 0 || fsync(fileno(archive->file)) != 0))
        (void)bw_fail(&archive->error, BW_ERR_IO, "cannot write %s: %s", archive->fresh,
                      strerror(errno));
    if (archive->file)
        (void)fclose(archive->file);
    if (!archive->error.code && rename(archive->fresh, archive->path) != 0)
        (void)bw_fail(&archive->error, BW_ERR_IO, "cannot write %s: %s", archive->path,
                      strerror(errno));
    if (!archive->error.code)
        sync_dir(archive);
    else if (archive->file)
        (void)unlink(archive->fresh);
    (void)BW_FAULT(ARCHIVE_WRITTEN);
    archive->done(archive->ud, &archive->error, archive->path);
    free_archive(archive);
}

static void read_next(struct archive *archive);

static void on_read(void *ud, const struct bw_error *error, struct bw_str value)
{
    struct archive *archive = ud;
    bool is_gone = error->code == BW_ERR_NOT_FOUND; /* another node was faster */
    if (error->code && !is_gone)
        archive->error = *error;
    else if (!is_gone)
        put_rows(archive, value);
    archive->part++;
    if (archive->part == PARTS || is_gone) {
        archive->part = RUN;
        archive->at++;
    }
    if (archive->error.code || archive->at == archive->count)
        finish(archive);
    else
        read_next(archive);
}

static void read_next(struct archive *archive)
{
    struct bw_form args;
    char run[BW_ID_TEXT_LEN + 1];
    bw_form_init(&args);
    bw_id_print(archive->runs[archive->at], run);
    bw_form_put_text(&args, parts[archive->part].argument, run);
    if (archive->part == TASKS)
        bw_form_put_int(&args, "limit", BW_ROWS_LIMIT_MAX);
    archive->store->read(archive->store->self, archive->tenant,
                         bw_str_of(parts[archive->part].what), bw_form_finish(&args), on_read,
                         archive);
    bw_form_deinit(&args);
}

void bw_archive_write(const struct bw_archive_wish *wish, bw_archive_fn done, void *ud)
{
    struct archive *archive = bw_xcalloc(1, sizeof *archive);
    char tenant[BW_ID_TEXT_LEN + 1], first[BW_ID_TEXT_LEN + 1];
    archive->store = wish->store;
    archive->tenant = wish->tenant;
    archive->runs = bw_xmalloc((wish->count + 1) * sizeof *archive->runs);
    memcpy(archive->runs, wish->runs, wish->count * sizeof *archive->runs);
    archive->count = wish->count;
    archive->sha256 = bw_sha256_create();
    archive->done = done;
    archive->ud = ud;
    bw_id_print(wish->tenant, tenant);
    bw_id_print(wish->runs[0], first);
    (void)mkdir(wish->dir, 0700);
    int len =
        snprintf(archive->path, sizeof archive->path, "%s/%s-%s.jsonl", wish->dir, tenant, first);
    snprintf(archive->dir, sizeof archive->dir, "%s", wish->dir);
    snprintf(archive->fresh, sizeof archive->fresh, "%s.part", archive->path);
    if (len >= (int)sizeof archive->path)
        (void)bw_fail(&archive->error, BW_ERR_LIMIT, "the path of the archive is too long");
    else if (!(archive->file = fopen(archive->fresh, "wbe")))
        (void)bw_fail(&archive->error, BW_ERR_IO, "cannot write %s: %s", archive->fresh,
                      strerror(errno));
    if (archive->error.code) {
        finish(archive);
        return;
    }
    put_head(archive, wish->under, wish->at_us);
    read_next(archive);
}

/* --- Proof. */

enum bw_err bw_archive_verify(struct bw_str file, int64_t *runs, int64_t *lines,
                              struct bw_error *error)
{
    size_t end = file.len;
    if (end == 0 || file.ptr[end - 1] != '\n')
        return bw_fail(error, BW_ERR_CORRUPT, "the file does not end with a line: it is cut short");
    for (end--; end > 0 && file.ptr[end - 1] != '\n';)
        end--;
    struct bw_buf value;
    char hash[BW_SHA256_HEX_LEN + 1];
    int64_t count = 0;
    bw_buf_init(&value, 65536);
    enum bw_err err = bw_value_from_json(&value, bw_str(file.ptr + end, file.len - end - 1), error);
    struct bw_value last = bw_value_read(err ? BW_STR_NONE : bw_buf_str(&value));
    for (size_t i = 0; i < end; i++)
        count += file.ptr[i] == '\n';
    bw_sha256_hex(bw_str(file.ptr, end), hash);
    *runs = bw_value_get_int(&last, "runs", 0);
    *lines = count;
    if (!bw_str_eq(bw_value_get_str(&last, "kind", BW_STR_NONE), BW_STR("end")))
        err = bw_fail(error, BW_ERR_CORRUPT, "the last line is not that of an archive's end");
    else if (bw_value_get_int(&last, "lines", -1) != count)
        err = bw_fail(error, BW_ERR_CORRUPT, "%lld lines are there, %lld were written",
                      (long long)count, (long long)bw_value_get_int(&last, "lines", -1));
    else if (!bw_str_eq(bw_value_get_str(&last, "sha256", BW_STR_NONE), bw_str_of(hash)))
        err = bw_fail(error, BW_ERR_CORRUPT,
                      "the hash differs: the file was changed after it was written");
    bw_buf_deinit(&value);
    return err;
}
