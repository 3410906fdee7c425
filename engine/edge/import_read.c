/* import_read.c - see import_read.h. */
#include "edge/import_read.h"
#include "base/assert.h"
#include "base/limits.h"
#include "base/mem.h"
#include "codec/csv.h"
#include "codec/utf8.h"
#include "codec/value.h"
#include "edge/cmd.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { PIECE_BYTES = 256 * 1024, UTF8_BYTES_MAX = 4 };

enum form { FORM_CSV, FORM_LINES, FORM_LIST };

struct bw_import_file {
    FILE *file;
    const char *path; /* borrowed */
    enum form form;
    uint64_t records; /* of the look */
    struct bw_buf header;
    bool is_looked_at;
};

/* One reading of the file. */
struct reading {
    struct bw_import_file *file;
    struct bw_sha256 *hash;
    bw_import_record_fn on_record; /* NULL: only counted */
    void *ud;
    uint64_t records;
    size_t line;        /* for messages about bytes */
    struct bw_buf rest; /* of a line or a character that the next piece goes on with */
};

static bool ends_with(const char *name, const char *ending)
{
    size_t len = strlen(name), end_len = strlen(ending);
    return len >= end_len && strcmp(name + len - end_len, ending) == 0;
}

/* Standard input can be read once only: keep it. */
static FILE *keep_input(void)
{
    static char piece[PIECE_BYTES];
    FILE *kept = tmpfile();
    size_t len;
    while (kept && (len = fread(piece, 1, sizeof piece, stdin)) > 0)
        if (fwrite(piece, 1, len, kept) != len) {
            fclose(kept);
            return NULL;
        }
    return kept;
}

enum bw_err bw_import_file_open(const char *path, const char *name, struct bw_import_file **file,
                                struct bw_error *error)
{
    FILE *opened = strcmp(path, "-") == 0 ? keep_input() : fopen(path, "rb");
    if (!opened)
        return bw_fail(error, errno == ENOENT ? BW_ERR_NOT_FOUND : BW_ERR_IO, "%s: %s", path,
                       strerror(errno));
    struct bw_import_file *made = bw_xcalloc(1, sizeof *made);
    made->file = opened;
    made->path = path;
    made->form = ends_with(name, ".jsonl")  ? FORM_LINES
                 : ends_with(name, ".json") ? FORM_LIST
                                            : FORM_CSV;
    bw_buf_init(&made->header, 1 << 20);
    *file = made;
    return BW_ERR_OK;
}

void bw_import_file_close(struct bw_import_file *file)
{
    if (!file)
        return;
    fclose(file->file);
    bw_buf_deinit(&file->header);
    bw_free(file);
}

static void put_header(struct bw_import_file *file, const struct bw_str *fields, size_t count)
{
    bw_buf_clear(&file->header);
    bw_value_put_arr(&file->header, count);
    for (size_t i = 0; i < count; i++)
        bw_value_put_str(&file->header, fields[i]);
}

static enum bw_err give(struct reading *reading, const struct bw_str *fields, size_t count,
                        struct bw_error *error)
{
    reading->records++;
    return reading->on_record ? reading->on_record(reading->ud, fields, count, error) : BW_ERR_OK;
}

/* Names and notes in another encoding would become other names without a word. `bytes` begin with a
 * character; what may be half of one at their end is left for the next piece. */
static enum bw_err check_encoding(struct reading *reading, struct bw_str bytes, bool is_last,
                                  size_t *checked, struct bw_error *error)
{
    struct bw_str rest = bytes;
    while (rest.len) {
        char first = *rest.ptr;
        if (!is_last && rest.len < UTF8_BYTES_MAX && (first & 0x80))
            break;
        if (bw_utf8_take(&rest) == BW_UTF8_BAD)
            return bw_fail(error, BW_ERR_INVALID,
                           "%s: line %zu is not UTF-8 (byte 0x%02x): export the file as UTF-8, or "
                           "convert it, for example with iconv -f WINDOWS-1252 -t UTF-8",
                           reading->file->path, reading->line, (unsigned char)first);
        reading->line += first == '\n';
    }
    *checked = bytes.len - rest.len;
    return BW_ERR_OK;
}

/* The next piece of the file behind what was left of the one before; `*is_last` at its end. */
static enum bw_err next_piece(struct reading *reading, struct bw_buf *piece, bool *is_last,
                              struct bw_error *error)
{
    static char bytes[PIECE_BYTES];
    size_t len = fread(bytes, 1, sizeof bytes, reading->file->file);
    if (ferror(reading->file->file))
        return bw_fail(error, BW_ERR_IO, "%s: %s", reading->file->path, strerror(errno));
    *is_last = len < sizeof bytes;
    if (reading->hash)
        bw_sha256_update(reading->hash, bw_str(bytes, len));
    bw_buf_clear(piece);
    bw_buf_put_str(piece, bw_buf_str(&reading->rest));
    bw_buf_put(piece, bytes, len);
    bw_buf_clear(&reading->rest);
    return BW_ERR_OK;
}

/* Each physical line is a record of one field; what it says is for the import to read. */
static enum bw_err take_lines(struct reading *reading, struct bw_str bytes, bool is_last,
                              struct bw_error *error)
{
    enum bw_err err = BW_ERR_OK;
    while (!err && bytes.len) {
        const char *end = memchr(bytes.ptr, '\n', bytes.len);
        if (!end && !is_last) {
            if (bytes.len > BW_LIMIT_IMPORT_FIELD_BYTES)
                return bw_fail(error, BW_ERR_LIMIT, "%s: line %llu is longer than %u bytes",
                               reading->file->path, (unsigned long long)reading->records + 1,
                               BW_LIMIT_IMPORT_FIELD_BYTES);
            bw_buf_put_str(&reading->rest, bytes);
            return BW_ERR_OK;
        }
        struct bw_str line = bw_str(bytes.ptr, end ? (size_t)(end - bytes.ptr) : bytes.len);
        size_t taken = line.len + (end ? 1 : 0);
        if (line.len && line.ptr[line.len - 1] == '\r')
            line.len--;
        err = give(reading, &line, 1, error);
        bytes = bw_str(bytes.ptr + taken, bytes.len - taken);
    }
    return err;
}

static enum bw_err read_lines(struct reading *reading, struct bw_error *error)
{
    static const struct bw_str head[] = {{"line", 4}};
    struct bw_buf piece;
    bool is_last = false;
    enum bw_err err = BW_ERR_OK;
    bw_buf_init(&piece, 4 * PIECE_BYTES);
    put_header(reading->file, head, 1);
    while (!err && !is_last) {
        err = next_piece(reading, &piece, &is_last, error);
        if (!err)
            err = take_lines(reading, bw_buf_str(&piece), is_last, error);
    }
    bw_buf_deinit(&piece);
    return err;
}

static enum bw_err fail_inside(struct reading *reading, struct bw_error *error)
{
    struct bw_error inner = *error;
    return bw_fail(error, inner.code, "%s: %.900s", reading->file->path, inner.text);
}

static enum bw_err read_csv(struct reading *reading, struct bw_error *error)
{
    struct bw_csv_reader *reader = bw_csv_reader_create(NULL);
    struct bw_csv_record record;
    struct bw_buf piece;
    bool is_last = false;
    enum bw_err err = BW_ERR_OK;
    bw_buf_init(&piece, 4 * PIECE_BYTES);
    bw_buf_clear(&reading->file->header);
    while (!err) {
        enum bw_csv_event event = bw_csv_next(reader, &record, error);
        if (event == BW_CSV_END)
            break;
        if (event == BW_CSV_BAD)
            err = fail_inside(reading, error);
        else if (event == BW_CSV_RECORD && record.number == 1)
            put_header(reading->file, record.fields, record.count);
        else if (event == BW_CSV_RECORD)
            err = give(reading, record.fields, record.count, error);
        else if (is_last)
            bw_csv_finish(reader);
        else if ((err = next_piece(reading, &piece, &is_last, error)) == BW_ERR_OK)
            bw_csv_feed(reader, bw_buf_str(&piece));
    }
    bw_csv_reader_destroy(reader);
    bw_buf_deinit(&piece);
    if (!err && reading->file->header.len == 0)
        return bw_fail(error, BW_ERR_INVALID, "%s is empty: an export has a header line",
                       reading->file->path);
    return err;
}

/* Each member of the JSON list is a record of one field, its text. */
static enum bw_err give_members(struct reading *reading, struct bw_str encoded,
                                struct bw_error *error)
{
    struct bw_value list = bw_value_read(encoded), item;
    struct bw_str rest = list.items;
    struct bw_buf text;
    enum bw_err err = BW_ERR_OK;
    if (list.tag != BW_VALUE_ARR)
        return bw_fail(error, BW_ERR_INVALID, "%s: a list of events is expected: [ {...}, ... ]",
                       reading->file->path);
    bw_buf_init(&text, BW_CMD_FILE_BYTES_MAX);
    while (!err && bw_value_next(&rest, &item)) {
        bw_buf_clear(&text);
        bw_value_to_json(&text, item.encoded, BW_JSON_DECIMAL_NUMBERS);
        struct bw_str field = bw_buf_str(&text);
        err = give(reading, &field, 1, error);
    }
    bw_buf_deinit(&text);
    return err;
}

static enum bw_err read_list(struct reading *reading, struct bw_error *error)
{
    static const struct bw_str head[] = {{"event", 5}};
    struct bw_buf piece, bytes, value;
    bool is_last = false;
    enum bw_err err = BW_ERR_OK;
    bw_buf_init(&piece, 4 * PIECE_BYTES);
    bw_buf_init(&bytes, BW_CMD_FILE_BYTES_MAX);
    bw_buf_init(&value, BW_CMD_FILE_BYTES_MAX);
    put_header(reading->file, head, 1);
    while (!err && !is_last) {
        err = next_piece(reading, &piece, &is_last, error);
        bw_buf_put_str(&bytes, bw_buf_str(&piece));
    }
    if (!err && bytes.is_over)
        err = bw_fail(error, BW_ERR_LIMIT, "%s: more than %zu bytes", reading->file->path,
                      bytes.bytes_max);
    if (!err && bw_value_from_json(&value, bw_buf_str(&bytes), error))
        err = fail_inside(reading, error);
    if (!err)
        err = give_members(reading, bw_buf_str(&value), error);
    bw_buf_deinit(&piece);
    bw_buf_deinit(&bytes);
    bw_buf_deinit(&value);
    return err;
}

static enum bw_err read_once(struct reading *reading, struct bw_error *error)
{
    static enum bw_err (*const READERS[])(struct reading *, struct bw_error *) = {
        [FORM_CSV] = read_csv, [FORM_LINES] = read_lines, [FORM_LIST] = read_list};
    bw_buf_init(&reading->rest, 2 * PIECE_BYTES);
    rewind(reading->file->file);
    enum bw_err err = READERS[reading->file->form](reading, error);
    bw_buf_deinit(&reading->rest);
    return err;
}

/* The encoding of the whole file; its line is known here. */
static enum bw_err check_file(struct bw_import_file *file, struct bw_error *error)
{
    struct reading reading = {.file = file, .line = 1};
    struct bw_buf piece;
    bool is_last = false;
    enum bw_err err = BW_ERR_OK;
    bw_buf_init(&piece, 4 * PIECE_BYTES);
    bw_buf_init(&reading.rest, UTF8_BYTES_MAX);
    rewind(file->file);
    while (!err && !is_last) {
        size_t checked = 0;
        err = next_piece(&reading, &piece, &is_last, error);
        struct bw_str bytes = bw_buf_str(&piece);
        if (!err)
            err = check_encoding(&reading, bytes, is_last, &checked, error);
        if (!err)
            bw_buf_put(&reading.rest, bytes.ptr + checked, bytes.len - checked);
    }
    bw_buf_deinit(&piece);
    bw_buf_deinit(&reading.rest);
    return err;
}

enum bw_err bw_import_file_look(struct bw_import_file *file, struct bw_import_look *look,
                                struct bw_error *error)
{
    enum bw_err err = check_file(file, error);
    if (err)
        return err;
    struct reading reading = {.file = file, .hash = bw_sha256_create()};
    uint8_t digest[BW_SHA256_LEN];
    err = read_once(&reading, error);
    bw_sha256_finish(reading.hash, digest);
    for (size_t i = 0; i < BW_SHA256_LEN; i++)
        snprintf(look->digest + 2 * i, 3, "%02x", digest[i]);
    file->records = look->records = reading.records;
    file->is_looked_at = true;
    look->header = bw_buf_str(&file->header);
    return err;
}

enum bw_err bw_import_file_read(struct bw_import_file *file, bw_import_record_fn on_record,
                                void *ud, struct bw_error *error)
{
    BW_ASSERT(file->is_looked_at);
    struct reading reading = {.file = file, .on_record = on_record, .ud = ud};
    enum bw_err err = read_once(&reading, error);
    if (!err && reading.records != file->records)
        err = bw_fail(error, BW_ERR_IO, "%s changed while it was read: give the command again",
                      file->path);
    return err;
}
