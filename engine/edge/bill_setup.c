/* bill_setup.c - from a folder to a tenant with documents and imported entries. */
#include "edge/bill.h"
#include "codec/crypto.h"
#include "edge/cmd.h"
#include "edge/form.h"
#include "edge/import.h"
#include "edge/project_push.h"
#include <dirent.h>
#include <string.h>
#include <sys/stat.h>

static const struct {
    const char *member;
    const char *file;
} DOCUMENTS[] = {{"firm", "firm.json"},
                 {"customers", "customers.json"},
                 {"contracts", "contracts.json"},
                 {"rate_cards", "rate-cards.json"},
                 {"opening", "opening.json"}};

static const char *in_folder(struct bw_bill *bill, const char *file)
{
    struct bw_buf path;
    bw_buf_init(&path, 8192);
    bw_buf_printf(&path, "%s/%s", bill->folder, file);
    const char *text = bw_arena_cstr(&bill->arena, bw_buf_str(&path));
    bw_buf_deinit(&path);
    return text;
}

static bool is_file(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0 && S_ISREG(info.st_mode);
}

static enum bw_err read_document(struct bw_bill *bill, const char *file, struct bw_buf *value,
                                 struct bw_error *error)
{
    struct bw_buf json;
    bw_buf_init(&json, BW_CMD_FILE_BYTES_MAX);
    const char *path = in_folder(bill, file);
    enum bw_err err = bw_cmd_read_file(path, &json, error);
    if (err == BW_ERR_NOT_FOUND)
        err = bw_fail(
            error, err,
            "%s is missing: a folder to bill has firm.json, customers.json, contracts.json, "
            "rate-cards.json, opening.json and at least one export",
            path);
    if (!err && bw_value_from_json(value, bw_buf_str(&json), error)) {
        struct bw_error inner = *error;
        err = bw_fail(error, BW_ERR_INVALID, "%s: %.900s", path, inner.text);
    }
    bw_buf_deinit(&json);
    return err;
}

enum bw_err bw_bill_read_folder(struct bw_bill *bill, struct bw_error *error)
{
    struct bw_form form;
    struct bw_buf value;
    enum bw_err err = BW_ERR_OK;
    bw_form_init(&form);
    for (size_t i = 0; !err && i < sizeof DOCUMENTS / sizeof DOCUMENTS[0]; i++) {
        bw_buf_init(&value, BW_CMD_FILE_BYTES_MAX);
        err = read_document(bill, DOCUMENTS[i].file, &value, error);
        bw_form_put_value(&form, DOCUMENTS[i].member, bw_buf_str(&value));
        bw_buf_deinit(&value);
    }
    if (!err) {
        bw_buf_put_str(&bill->documents, bw_form_finish(&form));
        struct bw_value all = bw_value_read(bw_buf_str(&bill->documents));
        struct bw_value firm = bw_value_get(&all, "firm");
        struct bw_str id = bw_value_get_str(&firm, "id", BW_STR(""));
        struct bw_str zone = bw_value_get_str(&firm, "time_zone", BW_STR("UTC"));
        bill->tenant = bw_arena_cstr(&bill->arena, id);
        bill->time_zone = bw_arena_cstr(&bill->arena, zone);
        if (id.len == 0)
            err = bw_fail(error, BW_ERR_INVALID, "%s: the firm has no id: write \"id\": \"acme\"",
                          in_folder(bill, "firm.json"));
    }
    bw_form_deinit(&form);
    return err;
}

/* Runs a workflow under a key and waits; `result` gets its encoded result. */
static enum bw_err run_to_end(struct bw_bill *bill, const char *workflow, const char *key,
                              struct bw_str input, struct bw_buf *result, struct bw_error *error)
{
    struct bw_form form;
    struct bw_buf answer;
    char path[160];
    bw_form_init(&form);
    bw_buf_init(&answer, BW_CMD_FILE_BYTES_MAX);
    bw_form_put_text(&form, "workflow", workflow);
    bw_form_put_text(&form, "key", key);
    bw_form_put_value(&form, "input", input);
    enum bw_err err =
        bw_cli_call(bill->cli, "POST", "/v1/runs", bw_form_finish(&form), &answer, error);
    bw_form_deinit(&form);
    struct bw_value run = bw_value_read(err ? BW_STR_NONE : bw_buf_str(&answer));
    struct bw_str id = bw_value_get_str(&run, "id", BW_STR(""));
    snprintf(path, sizeof path, "/v1/runs/%.*s", BW_STR_ARG(id));
    while (!err) {
        bw_buf_clear(&answer);
        err = bw_cli_call(bill->cli, "GET", path, BW_STR_NONE, &answer, error);
        run = bw_value_read(err ? BW_STR_NONE : bw_buf_str(&answer));
        struct bw_str status = bw_value_get_str(&run, "status", BW_STR(""));
        if (!err && bw_str_eq(status, BW_STR("done"))) {
            bw_buf_put_str(result, bw_value_get(&run, "result").encoded);
            break;
        }
        if (!err && !bw_str_eq(status, BW_STR("open"))) {
            struct bw_value why = bw_value_get(&run, "error");
            err = bw_fail(error, BW_ERR_SCRIPT,
                          "the run of %s is %.*s: %.*s ('billow run show' of %s tells more)",
                          workflow, BW_STR_ARG(status),
                          BW_STR_ARG(bw_value_get_str(&why, "text", BW_STR("(no reason)"))),
                          path + 9);
        }
        if (!err)
            bw_client_wait(bill->cli->client, 10);
    }
    bw_buf_deinit(&answer);
    return err;
}

/* A key that changes with the documents: the same documents again find the set-up that was done. */
static enum bw_err store_documents(struct bw_bill *bill, struct bw_error *error)
{
    struct bw_form input;
    struct bw_buf result;
    char hash[BW_SHA256_HEX_LEN + 1], key[128];
    bw_sha256_hex(bw_buf_str(&bill->documents), hash);
    snprintf(key, sizeof key, "setup/%s/%s", bill->period, hash);
    bw_form_init(&input);
    bw_buf_init(&result, BW_CMD_FILE_BYTES_MAX);
    bw_form_put_value(&input, "documents", bw_buf_str(&bill->documents));
    bw_form_put_text(&input, "period", bill->period);
    enum bw_err err = run_to_end(bill, "setup", key, bw_form_finish(&input), &result, error);
    if (!err) {
        struct bw_value outcome = bw_value_read(bw_buf_str(&result));
        struct bw_value problems = bw_value_get(&outcome, "problems"), problem;
        struct bw_str rest = problems.items;
        for (size_t i = 0; problems.tag == BW_VALUE_ARR && bw_value_next(&rest, &problem); i++)
            fprintf(bill->cli->err, "  %.*s\n", BW_STR_ARG(problem.text));
        if (problems.count)
            err = bw_fail(error, BW_ERR_INVALID, "%zu things in %s have to be corrected first",
                          problems.count, bill->folder);
    }
    bw_form_deinit(&input);
    bw_buf_deinit(&result);
    return err;
}

enum bw_err bw_bill_set_up(struct bw_bill *bill, struct bw_error *error)
{
    enum bw_err err =
        bw_project_push_release(bill->cli, bill->tenant, bill->folder, bill->time_zone, error);
    return err ? err : store_documents(bill, error);
}

static bool is_known(const char *name)
{
    for (size_t i = 0; i < sizeof DOCUMENTS / sizeof DOCUMENTS[0]; i++)
        if (strcmp(name, DOCUMENTS[i].file) == 0)
            return true;
    for (size_t i = 0; i < BW_IMPORT_FORMAT_COUNT; i++)
        if (strcmp(name, BW_IMPORT_FORMATS[i].name) == 0)
            return true;
    return false;
}

/* A table whose name is not known could be a month's work: that it is not read is said. */
static void say_strangers(struct bw_bill *bill)
{
    DIR *folder = opendir(bill->folder);
    struct dirent *file;
    while (folder && (file = readdir(folder))) {
        const char *dot = strrchr(file->d_name, '.');
        if (dot && (strcmp(dot, ".csv") == 0 || strcmp(dot, ".jsonl") == 0) &&
            !is_known(file->d_name))
            bw_cli_say(bill->cli,
                       "%s is not read: its name does not say what it is; 'billow import FILE "
                       "--format NAME --period %s' takes it",
                       in_folder(bill, file->d_name), bill->period);
    }
    if (folder)
        closedir(folder);
}

enum bw_err bw_bill_import(struct bw_bill *bill, struct bw_error *error)
{
    enum bw_err err = BW_ERR_OK;
    size_t found = 0;
    say_strangers(bill);
    for (size_t i = 0; !err && i < BW_IMPORT_FORMAT_COUNT; i++) {
        const char *name = BW_IMPORT_FORMATS[i].name, *path = in_folder(bill, name);
        if (!is_file(path))
            continue;
        struct bw_buf outcome;
        bw_buf_init(&outcome, BW_CMD_FILE_BYTES_MAX);
        found++;
        struct bw_import_request request = {
            .path = path, .name = name, .set = bill->period, .mode = BW_IMPORT_READABLE};
        err = bw_import_file(bill->cli, &request, &outcome, error);
        if (!err)
            bw_cmd_print_import(bill->cli, bw_buf_str(&outcome));
        bw_buf_deinit(&outcome);
    }
    if (!err && found == 0)
        err =
            bw_fail(error, BW_ERR_NOT_FOUND,
                    "%s holds no export: put time.csv, expenses.csv, the export of a time tracker, "
                    "milestones.json or usage.jsonl there; 'billow import --help' names them all",
                    bill->folder);
    return err;
}
