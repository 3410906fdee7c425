/* import.c - see import.h.
 *
 * The import's id is made of set, name, content and a number that counts the imports of this name
 * whose content differs from the one before. So an interrupted import goes on, each chunk counts
 * once however often it is sent, and yesterday's file again after today's is a new import.
 *
 * The file is read twice: once to know its content and length, once to send it, chunk by chunk.
 */
#include "edge/import.h"
#include "base/fault.h"
#include "codec/crypto.h"
#include "edge/cmd.h"
#include "edge/form.h"
#include "edge/import_read.h"
#include <string.h>

const struct bw_import_format BW_IMPORT_FORMATS[BW_IMPORT_FORMAT_COUNT] = {
    {"harvest-time", "harvest-time.csv"},
    {"toggl-time", "toggl-time.csv"},
    {"clockify-time", "clockify-time.csv"},
    {"kimai-time", "kimai-time.csv"},
    {"time", "time.csv"},
    {"time-lines", "time.jsonl"},
    {"expenses", "expenses.csv"},
    {"expense-lines", "expenses.jsonl"},
    {"milestones", "milestones.json"},
    {"usage", "usage.jsonl"}};

enum { CHUNK_RECORDS = 250, PATH_MAX_BYTES = 256 };

struct import {
    struct bw_cli *cli;
    const char *name;
    struct bw_import_file *file;
    struct bw_import_look look;
    char id[BW_SHA256_HEX_LEN + 1];
    uint64_t generation;
    bool is_check;        /* only looks whether every record can be read */
    bool was_done;        /* the newest import of this name had this content */
    struct bw_buf chunk;  /* encoded records of the chunk being filled, the items only */
    size_t chunk_records; /* in it */
    uint64_t sent;        /* chunks */
};

static uint64_t chunk_count(const struct import *import)
{
    return (import->look.records + CHUNK_RECORDS - 1) / CHUNK_RECORDS;
}

static void make_id(struct import *import, const char *set)
{
    struct bw_sha256 *hash = bw_sha256_create();
    uint8_t digest[BW_SHA256_LEN];
    char text[512];
    snprintf(text, sizeof text, "%.64s\n%.255s\n%llu\n%s\n%s", set, import->name,
             (unsigned long long)import->generation, import->look.digest,
             import->is_check ? "check" : "store");
    bw_sha256_update(hash, bw_str_of(text));
    bw_sha256_finish(hash, digest);
    for (size_t i = 0; i < BW_SHA256_LEN; i++)
        snprintf(import->id + 2 * i, 3, "%02x", digest[i]);
}

/* "import/<set>/<name>/", or "import-check/..." */
static void key_prefix(const struct import *import, const char *set,
                       char key[static PATH_MAX_BYTES])
{
    snprintf(key, PATH_MAX_BYTES, "import%s/%.16s/%.64s/", import->is_check ? "-check" : "", set,
             import->name);
}

/* The newest import of this name: was it this content? Then it is the one to go on with or to look
 * at; else this is the next. */
static enum bw_err identify(struct import *import, const char *set, struct bw_error *error)
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
    make_id(import, set);
    snprintf(key, sizeof key, "%s%llu/%s", prefix, (unsigned long long)import->generation,
             import->id);
    if (newest.len && !bw_str_eq(newest, bw_str_of(key))) {
        import->generation++;
        make_id(import, set);
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
    bw_form_put_value(&input, "header", import->look.header);
    bw_form_put_int(&input, "chunks", (int64_t)chunk_count(import));
    bw_form_put_int(&input, "records", (int64_t)import->look.records);
    if (import->is_check)
        bw_form_put_bool(&input, "check", true);
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

static enum bw_err send_chunk(struct import *import, struct bw_error *error)
{
    struct bw_form chunk, body;
    struct bw_buf records, answer;
    char key[PATH_MAX_BYTES];
    bw_form_init(&chunk);
    bw_form_init(&body);
    bw_buf_init(&records, BW_CMD_FILE_BYTES_MAX);
    bw_buf_init(&answer, 65536);
    bw_value_put_arr(&records, import->chunk_records);
    bw_buf_put_str(&records, bw_buf_str(&import->chunk));
    bw_form_put_int(&chunk, "first", (int64_t)(import->sent * CHUNK_RECORDS + 1));
    bw_form_put_value(&chunk, "records", bw_buf_str(&records));
    snprintf(key, sizeof key, "%s/%llu", import->id, (unsigned long long)import->sent + 1);
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
    bw_buf_clear(&import->chunk);
    import->chunk_records = 0;
    import->sent++;
    bw_cli_progress(import->cli, import->name, (import->sent - 1) * CHUNK_RECORDS,
                    import->look.records + 1);
    return err;
}

static enum bw_err take_record(void *ud, const struct bw_str *fields, size_t count,
                               struct bw_error *error)
{
    struct import *import = ud;
    (void)BW_FAULT(IMPORT_ROW);
    bw_value_put_arr(&import->chunk, count);
    for (size_t i = 0; i < count; i++)
        bw_value_put_str(&import->chunk, fields[i]);
    import->chunk_records++;
    return import->chunk_records == CHUNK_RECORDS ? send_chunk(import, error) : BW_ERR_OK;
}

static enum bw_err send_all(struct import *import, struct bw_error *error)
{
    bw_buf_clear(&import->chunk);
    import->chunk_records = 0;
    import->sent = 0;
    enum bw_err err = bw_import_file_read(import->file, take_record, import, error);
    return !err && import->chunk_records ? send_chunk(import, error) : err;
}

static enum bw_err take_result(struct import *import, const struct bw_value *run,
                               struct bw_buf *outcome, struct bw_error *error)
{
    struct bw_value result = bw_value_get(run, "result");
    struct bw_str problem = bw_value_get_str(&result, "problem", BW_STR_NONE);
    if (problem.len)
        return bw_fail(error, BW_ERR_INVALID, "%.*s", BW_STR_ARG(problem));
    bw_buf_put_str(outcome, result.encoded);
    bw_cli_progress(import->cli, import->name, import->look.records, import->look.records);
    struct bw_str dropped = bw_value_get_str(run, "dropped_at", BW_STR_NONE);
    if (dropped.len)
        bw_cli_say(import->cli,
                   "%s was imported before; what was said then was removed with its run on %.*s",
                   import->name, BW_STR_ARG(dropped));
    else if (import->was_done)
        bw_cli_say(import->cli,
                   "%s was imported before, nothing changed since; it said:", import->name);
    return BW_ERR_OK;
}

/* Feeds the run, unless it was done before, and waits until it is done. */
static enum bw_err follow(struct import *import, const char *run, struct bw_buf *outcome,
                          struct bw_error *error)
{
    char path[PATH_MAX_BYTES];
    enum bw_err err = BW_ERR_OK;
    bool is_sent = false;
    struct bw_buf answer;
    snprintf(path, sizeof path, "/v1/runs/%s", run);
    bw_buf_init(&answer, BW_CMD_FILE_BYTES_MAX);
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
        if (!err && !is_sent)
            err = send_all(import, error);
        else if (!err)
            bw_client_wait(import->cli->client, 10);
        is_sent = true;
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

/* Imports what was looked at; `import` is used for one file, checked first or not. */
static enum bw_err import_as(struct import *import, const char *set, struct bw_buf *outcome,
                             struct bw_error *error)
{
    import->was_done = false;
    enum bw_err err = identify(import, set, error);
    if (!err)
        err = run_import(import, set, outcome, error);
    if (err == BW_ERR_INVALID && import->was_done) { /* what was wrong may have been the settings */
        import->generation++;
        make_id(import, set);
        err = run_import(import, set, outcome, error);
    }
    return err;
}

/* What a check found, as an error; OK when every record can be read. */
static enum bw_err fail_checked(struct import *import, struct bw_str outcome,
                                struct bw_error *error)
{
    struct bw_value result = bw_value_read(outcome);
    struct bw_value invalid = bw_value_get(&result, "invalid"), first;
    struct bw_str rest = invalid.items;
    int64_t count = bw_value_get_int(&result, "invalid_count", 0);
    if (count == 0 || !bw_value_next(&rest, &first))
        return BW_ERR_OK;
    return bw_fail(error, BW_ERR_INVALID,
                   "%s: nothing was imported, %lld of %lld records cannot be read; the first, "
                   "%.*s: %.*s. Correct them, or import without --all-or-nothing",
                   import->name, (long long)count, (long long)import->look.records,
                   BW_STR_ARG(bw_value_get_str(&first, "ref", BW_STR("?"))),
                   BW_STR_ARG(bw_value_get_str(&first, "message", BW_STR(""))));
}

enum bw_err bw_import_file(struct bw_cli *cli, const struct bw_import_request *request,
                           struct bw_buf *outcome, struct bw_error *error)
{
    struct import import = {.cli = cli, .name = request->name};
    bw_buf_init(&import.chunk, BW_CMD_FILE_BYTES_MAX);
    enum bw_err err = bw_import_file_open(request->path, request->name, &import.file, error);
    if (!err)
        err = bw_import_file_look(import.file, &import.look, error);
    if (!err && request->mode != BW_IMPORT_READABLE) {
        import.is_check = true;
        err = import_as(&import, request->set, outcome, error);
        if (!err && request->mode == BW_IMPORT_WHOLE) {
            err = fail_checked(&import, bw_buf_str(outcome), error);
            bw_buf_clear(outcome);
        }
        import.is_check = false;
    }
    if (!err && request->mode != BW_IMPORT_CHECK)
        err = import_as(&import, request->set, outcome, error);
    bw_import_file_close(import.file);
    bw_buf_deinit(&import.chunk);
    return err;
}
