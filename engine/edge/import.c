/* import.c - see import.h.
 *
 * The import's id is made of set, name, content and a number that counts the imports of this name
 * whose content differs from the one before. So an interrupted import goes on, each chunk counts
 * once however often it is sent, and yesterday's file again after today's is a new import.
 */
#include "edge/import.h"
#include "base/fault.h"
#include "codec/crypto.h"
#include "codec/csv.h"
#include "codec/utf8.h"
#include "edge/cmd.h"
#include "edge/form.h"
#include <string.h>

enum { CHUNK_RECORDS = 250, PATH_MAX_BYTES = 256 };

struct import {
    struct bw_cli *cli;
    const char *name;
    char id[BW_SHA256_HEX_LEN + 1];
    uint64_t generation;
    bool was_done;         /* the newest import of this name had this content */
    struct bw_buf header;  /* encoded array */
    struct bw_buf *chunks; /* encoded arrays of records, their items only; count beside */
    size_t *counts;
    size_t chunk_count;
    uint64_t records;
};

static void put_fields(struct bw_buf *buf, const struct bw_str *fields, size_t count)
{
    bw_value_put_arr(buf, count);
    for (size_t i = 0; i < count; i++)
        bw_value_put_str(buf, fields[i]);
}

static void add_record(struct import *import, const struct bw_str *fields, size_t count)
{
    (void)BW_FAULT(IMPORT_ROW);
    if (import->records % CHUNK_RECORDS == 0) {
        size_t chunks = ++import->chunk_count;
        import->chunks = bw_xrealloc(import->chunks, chunks * sizeof *import->chunks);
        import->counts = bw_xrealloc(import->counts, chunks * sizeof *import->counts);
        bw_buf_init(&import->chunks[chunks - 1], BW_CMD_FILE_BYTES_MAX);
        import->counts[chunks - 1] = 0;
    }
    put_fields(&import->chunks[import->chunk_count - 1], fields, count);
    import->counts[import->chunk_count - 1]++;
    import->records++;
}

/* Each physical line is a record of one field; what it says is for the import to read. */
static enum bw_err read_lines(struct import *import, struct bw_str bytes)
{
    struct bw_str line_head[] = {BW_STR("line")};
    put_fields(&import->header, line_head, 1);
    while (bytes.len) {
        const char *end = memchr(bytes.ptr, '\n', bytes.len);
        struct bw_str line = bw_str(bytes.ptr, end ? (size_t)(end - bytes.ptr) : bytes.len);
        size_t taken = line.len + (end ? 1 : 0);
        if (line.len && line.ptr[line.len - 1] == '\r')
            line.len--;
        add_record(import, &line, 1);
        bytes = bw_str(bytes.ptr + taken, bytes.len - taken);
    }
    return BW_ERR_OK;
}

/* Each member of the JSON list is a record of one field, its text. */
static enum bw_err read_list(struct import *import, const char *path, struct bw_str bytes,
                             struct bw_error *error)
{
    struct bw_str head[] = {BW_STR("event")};
    struct bw_buf value, text;
    struct bw_value item;
    bw_buf_init(&value, BW_CMD_FILE_BYTES_MAX);
    bw_buf_init(&text, BW_CMD_FILE_BYTES_MAX);
    put_fields(&import->header, head, 1);
    enum bw_err err = bw_value_from_json(&value, bytes, error);
    struct bw_value list = bw_value_read(err ? BW_STR_NONE : bw_buf_str(&value));
    if (err) {
        struct bw_error inner = *error;
        err = bw_fail(error, BW_ERR_INVALID, "%s: %.900s", path, inner.text);
    } else if (list.tag != BW_VALUE_ARR) {
        err = bw_fail(error, BW_ERR_INVALID, "%s: a list of events is expected: [ {...}, ... ]",
                      path);
    }
    struct bw_str rest = err ? BW_STR_NONE : list.items;
    while (bw_value_next(&rest, &item)) {
        bw_buf_clear(&text);
        bw_value_to_json(&text, item.encoded, BW_JSON_DECIMAL_NUMBERS);
        struct bw_str field = bw_buf_str(&text);
        add_record(import, &field, 1);
    }
    bw_buf_deinit(&text);
    bw_buf_deinit(&value);
    return err;
}

static bool ends_with(const char *name, const char *ending)
{
    size_t len = strlen(name), end_len = strlen(ending);
    return len >= end_len && strcmp(name + len - end_len, ending) == 0;
}

static enum bw_err read_csv(struct import *import, const char *path, struct bw_str bytes,
                            struct bw_error *error)
{
    struct bw_csv_reader *reader = bw_csv_reader_create(NULL);
    struct bw_csv_record record;
    enum bw_csv_event event;
    bw_csv_feed(reader, bytes);
    while ((event = bw_csv_next(reader, &record, error)) != BW_CSV_END && event != BW_CSV_BAD) {
        if (event == BW_CSV_RECORD && record.number == 1)
            put_fields(&import->header, record.fields, record.count);
        else if (event == BW_CSV_RECORD)
            add_record(import, record.fields, record.count);
        else
            bw_csv_finish(reader);
    }
    bw_csv_reader_destroy(reader);
    if (event == BW_CSV_BAD) {
        struct bw_error inner = *error;
        return bw_fail(error, inner.code, "%s: %.900s", path, inner.text);
    }
    if (import->header.len == 0)
        return bw_fail(error, BW_ERR_INVALID, "%s is empty: an export has a header line", path);
    return BW_ERR_OK;
}

/* Names and notes in another encoding would become other names without a word. */
static enum bw_err check_encoding(const char *path, struct bw_str bytes, struct bw_error *error)
{
    struct bw_str rest = bytes;
    size_t line = 1;
    while (rest.len) {
        char first = *rest.ptr;
        if (bw_utf8_take(&rest) == BW_UTF8_BAD)
            return bw_fail(error, BW_ERR_INVALID,
                           "%s: line %zu is not UTF-8 (byte 0x%02x): export the file as UTF-8, or "
                           "convert it, for example with iconv -f WINDOWS-1252 -t UTF-8",
                           path, line, (unsigned char)first);
        line += first == '\n';
    }
    return BW_ERR_OK;
}

static enum bw_err read_records(struct import *import, const char *path, struct bw_str bytes,
                                struct bw_error *error)
{
    enum bw_err err = check_encoding(path, bytes, error);
    if (err)
        return err;
    if (ends_with(import->name, ".jsonl"))
        return read_lines(import, bytes);
    if (ends_with(import->name, ".json"))
        return read_list(import, path, bytes, error);
    return read_csv(import, path, bytes, error);
}

static void make_id(struct import *import, const char *set, struct bw_str bytes)
{
    struct bw_sha256 *hash = bw_sha256_create();
    uint8_t digest[BW_SHA256_LEN];
    char generation[32];
    bw_sha256_update(hash, bw_str_of(set));
    bw_sha256_update(hash, bw_str("\n", 1));
    bw_sha256_update(hash, bw_str_of(import->name));
    bw_sha256_update(hash, bw_str("\n", 1));
    snprintf(generation, sizeof generation, "%llu\n", (unsigned long long)import->generation);
    bw_sha256_update(hash, bw_str_of(generation));
    bw_sha256_update(hash, bytes);
    bw_sha256_finish(hash, digest);
    for (size_t i = 0; i < BW_SHA256_LEN; i++)
        snprintf(import->id + 2 * i, 3, "%02x", digest[i]);
}

/* "import/<set>/<name>/" */
static void key_prefix(const struct import *import, const char *set,
                       char key[static PATH_MAX_BYTES])
{
    snprintf(key, PATH_MAX_BYTES, "import/%.16s/%.64s/", set, import->name);
}

/* The newest import of this name: was it this content? Then it is the one to go on with or to look
 * at; else this is the next. */
static enum bw_err identify(struct import *import, const char *set, struct bw_str bytes,
                            struct bw_error *error)
{
    char prefix[PATH_MAX_BYTES], key[PATH_MAX_BYTES + BW_SHA256_HEX_LEN + 32];
    struct bw_buf answer;
    bw_buf_init(&answer, BW_CMD_FILE_BYTES_MAX);
    key_prefix(import, set, prefix);
    enum bw_err err = bw_cli_call(import->cli, "GET", "/v1/runs?workflow=import&limit=10000",
                                  BW_STR_NONE, &answer, error);
    struct bw_value list = bw_value_read(err ? BW_STR_NONE : bw_buf_str(&answer)), run;
    struct bw_str rest = list.tag == BW_VALUE_ARR ? list.items : BW_STR_NONE, newest = BW_STR_NONE;
    while (newest.len == 0 && bw_value_next(&rest, &run)) {
        struct bw_str text = bw_value_get_str(&run, "key", BW_STR_NONE);
        if (bw_str_starts(text, bw_str_of(prefix)))
            newest = text;
    }
    import->generation = 1;
    for (size_t i = strlen(prefix); i < newest.len && newest.ptr[i] != '/'; i++)
        import->generation =
            (i > strlen(prefix) ? import->generation * 10 : 0) + (uint64_t)(newest.ptr[i] - '0');
    make_id(import, set, bytes);
    snprintf(key, sizeof key, "%s%llu/%s", prefix, (unsigned long long)import->generation,
             import->id);
    if (newest.len && !bw_str_eq(newest, bw_str_of(key))) {
        import->generation++;
        make_id(import, set, bytes);
    }
    bw_buf_deinit(&answer);
    return err;
}

static enum bw_err start(struct import *import, const char *set, struct bw_buf *answer,
                         struct bw_error *error)
{
    struct bw_form input, body;
    char prefix[PATH_MAX_BYTES], key[PATH_MAX_BYTES + BW_SHA256_HEX_LEN + 32];
    bw_form_init(&input);
    bw_form_init(&body);
    bw_form_put_text(&input, "id", import->id);
    bw_form_put_text(&input, "file", import->name);
    bw_form_put_text(&input, "set", set);
    bw_form_put_value(&input, "header", bw_buf_str(&import->header));
    bw_form_put_int(&input, "chunks", (int64_t)import->chunk_count);
    bw_form_put_int(&input, "records", (int64_t)import->records);
    key_prefix(import, set, prefix);
    snprintf(key, sizeof key, "%s%llu/%s", prefix, (unsigned long long)import->generation,
             import->id);
    bw_form_put_text(&body, "workflow", "import");
    bw_form_put_text(&body, "key", key);
    bw_form_put_value(&body, "input", bw_form_finish(&input));
    enum bw_err err =
        bw_cli_call(import->cli, "POST", "/v1/runs", bw_form_finish(&body), answer, error);
    bw_form_deinit(&input);
    bw_form_deinit(&body);
    return err;
}

static enum bw_err send_chunk(struct import *import, size_t index, struct bw_error *error)
{
    struct bw_form chunk, body;
    struct bw_buf records, answer;
    char key[PATH_MAX_BYTES];
    bw_form_init(&chunk);
    bw_form_init(&body);
    bw_buf_init(&records, BW_CMD_FILE_BYTES_MAX);
    bw_buf_init(&answer, 65536);
    bw_value_put_arr(&records, import->counts[index]);
    bw_buf_put_str(&records, bw_buf_str(&import->chunks[index]));
    bw_form_put_int(&chunk, "first", (int64_t)(index * CHUNK_RECORDS + 1));
    bw_form_put_value(&chunk, "records", bw_buf_str(&records));
    snprintf(key, sizeof key, "%s/%zu", import->id, index + 1);
    bw_form_put_text(&body, "topic", "import.chunk");
    bw_form_put_text(&body, "key", key);
    bw_form_put_text(&body, "id", key);
    bw_form_put_value(&body, "body", bw_form_finish(&chunk));
    enum bw_err err =
        bw_cli_call(import->cli, "POST", "/v1/events", bw_form_finish(&body), &answer, error);
    bw_form_deinit(&chunk);
    bw_form_deinit(&body);
    bw_buf_deinit(&records);
    bw_buf_deinit(&answer);
    return err;
}

static enum bw_err take_result(struct import *import, const struct bw_value *run,
                               struct bw_buf *outcome, struct bw_error *error)
{
    struct bw_value result = bw_value_get(run, "result");
    struct bw_str problem = bw_value_get_str(&result, "problem", BW_STR_NONE);
    if (problem.len)
        return bw_fail(error, BW_ERR_INVALID, "%.*s", BW_STR_ARG(problem));
    bw_buf_put_str(outcome, result.encoded);
    bw_cli_progress(import->cli, import->name, import->records, import->records);
    if (import->was_done)
        bw_cli_say(import->cli,
                   "%s was imported before, nothing changed since; it said:", import->name);
    return BW_ERR_OK;
}

/* Feeds the run and waits until it is done. */
static enum bw_err follow(struct import *import, const char *run, struct bw_buf *outcome,
                          struct bw_error *error)
{
    char path[PATH_MAX_BYTES];
    enum bw_err err = BW_ERR_OK;
    struct bw_buf answer;
    snprintf(path, sizeof path, "/v1/runs/%s", run);
    bw_buf_init(&answer, BW_CMD_FILE_BYTES_MAX);
    for (size_t i = 0; !err && i < import->chunk_count; i++) {
        bw_cli_progress(import->cli, import->name, i * CHUNK_RECORDS, import->records + 1);
        err = send_chunk(import, i, error);
    }
    while (!err) {
        bw_buf_clear(&answer);
        err = bw_cli_call(import->cli, "GET", path, BW_STR_NONE, &answer, error);
        struct bw_value got = bw_value_read(err ? BW_STR_NONE : bw_buf_str(&answer));
        struct bw_str status = bw_value_get_str(&got, "status", BW_STR(""));
        if (!err && bw_str_eq(status, BW_STR("done"))) {
            err = take_result(import, &got, outcome, error);
            break;
        }
        if (!err && !bw_str_eq(status, BW_STR("open"))) {
            struct bw_value why = bw_value_get(&got, "error");
            err = bw_fail(error, BW_ERR_SCRIPT,
                          "%s: the import is %.*s: %.*s ('billow run show %s' tells more)",
                          import->name, BW_STR_ARG(status),
                          BW_STR_ARG(bw_value_get_str(&why, "text", BW_STR("(no reason)"))), run);
        }
        if (!err)
            bw_client_wait(import->cli->client, 10);
    }
    bw_buf_deinit(&answer);
    return err;
}

static enum bw_err run_import(struct import *import, const char *set, struct bw_buf *outcome,
                              struct bw_error *error)
{
    struct bw_buf answer;
    char id[64] = "";
    bw_buf_init(&answer, 65536);
    enum bw_err err = start(import, set, &answer, error);
    if (!err) {
        struct bw_value run = bw_value_read(bw_buf_str(&answer));
        import->was_done = !bw_value_get_bool(&run, "is_new", true);
        snprintf(id, sizeof id, "%.*s", BW_STR_ARG(bw_value_get_str(&run, "id", BW_STR(""))));
        err = follow(import, id, outcome, error);
    }
    bw_buf_deinit(&answer);
    return err;
}

enum bw_err bw_import_file(struct bw_cli *cli, const char *path, const char *name, const char *set,
                           struct bw_buf *outcome, struct bw_error *error)
{
    struct import import = {.cli = cli, .name = name};
    struct bw_buf bytes;
    bw_buf_init(&bytes, BW_CMD_FILE_BYTES_MAX);
    bw_buf_init(&import.header, 1 << 20);
    enum bw_err err = bw_cmd_read_file(path, &bytes, error);
    if (!err)
        err = read_records(&import, path, bw_buf_str(&bytes), error);
    if (!err)
        err = identify(&import, set, bw_buf_str(&bytes), error);
    if (!err)
        err = run_import(&import, set, outcome, error);
    if (err == BW_ERR_INVALID && import.was_done) { /* what was wrong may have been the settings */
        import.generation++;
        make_id(&import, set, bw_buf_str(&bytes));
        err = run_import(&import, set, outcome, error);
    }
    for (size_t i = 0; i < import.chunk_count; i++)
        bw_buf_deinit(&import.chunks[i]);
    bw_free(import.chunks);
    bw_free(import.counts);
    bw_buf_deinit(&import.header);
    bw_buf_deinit(&bytes);
    return err;
}
