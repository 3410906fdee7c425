/* cmd_payment.c - billow payment: bank files in, payments and their invoices, what is still to be
 * placed. A file is a run of the workflow `reconcile`, found by its content. */
#include "edge/cmd.h"
#include "codec/crypto.h"
#include "codec/utf8.h"
#include "edge/form.h"
#include <string.h>

enum { CHUNK_BYTES = 262144, KEY_BYTES_MAX = 256 };

static void digest_of(struct bw_str bytes, const char *format, struct bw_str options,
                      char text[static BW_SHA256_HEX_LEN + 1])
{
    struct bw_sha256 *hash = bw_sha256_create();
    uint8_t digest[BW_SHA256_LEN];
    bw_sha256_update(hash, bw_str_of(format ? format : ""));
    bw_sha256_update(hash, bw_str("\n", 1));
    bw_sha256_update(hash, options);
    bw_sha256_update(hash, bw_str("\n", 1));
    bw_sha256_update(hash, bytes);
    bw_sha256_finish(hash, digest);
    for (size_t i = 0; i < BW_SHA256_LEN; i++)
        snprintf(text + 2 * i, 3, "%02x", digest[i]);
}

/* Up to the last whole character within `bytes_max`. */
static struct bw_str head_of(struct bw_str text, size_t bytes_max)
{
    if (text.len <= bytes_max)
        return text;
    size_t len = bytes_max;
    while (len > 0 && ((uint8_t)text.ptr[len] & 0xc0) == 0x80)
        len--;
    return bw_str(text.ptr, len);
}

static enum bw_err send_chunk(struct bw_cli *cli, const char *id, size_t number, struct bw_str text,
                              struct bw_error *error)
{
    struct bw_form chunk, body;
    struct bw_buf ignored;
    char key[KEY_BYTES_MAX];
    bw_form_init(&chunk);
    bw_form_init(&body);
    bw_buf_init(&ignored, 65536);
    snprintf(key, sizeof key, "%s/%zu", id, number);
    bw_form_put_str(&chunk, "text", text);
    bw_form_put_text(&body, "topic", "bank.chunk");
    bw_form_put_text(&body, "key", key);
    bw_form_put_text(&body, "id", key);
    bw_form_put_value(&body, "body", bw_form_finish(&chunk));
    enum bw_err err =
        bw_cli_call(cli, "POST", "/v1/events", bw_form_finish(&body), &ignored, error);
    bw_form_deinit(&chunk);
    bw_form_deinit(&body);
    bw_buf_deinit(&ignored);
    return err;
}

static size_t chunks_of(struct bw_str text)
{
    size_t count = 0;
    while (text.len) {
        struct bw_str head = head_of(text, CHUNK_BYTES);
        text = bw_str(text.ptr + head.len, text.len - head.len);
        count++;
    }
    return count;
}

static enum bw_err send_all(struct bw_cli *cli, const char *id, struct bw_str text,
                            struct bw_error *error)
{
    enum bw_err err = BW_ERR_OK;
    for (size_t number = 1; !err && text.len; number++) {
        struct bw_str head = head_of(text, CHUNK_BYTES);
        err = send_chunk(cli, id, number, head, error);
        text = bw_str(text.ptr + head.len, text.len - head.len);
    }
    return err;
}

/* How a CSV file is to be read: --options as it is, else what --account and --currency say. Empty:
 * nothing is said. */
static enum bw_err read_options(struct bw_cli *cli, struct bw_buf *options, struct bw_error *error)
{
    const char *json = bw_cli_option(cli, "options");
    const char *account = bw_cli_option(cli, "account"), *code = bw_cli_option(cli, "currency");
    if (json && (account || code))
        return bw_fail(error, BW_ERR_USAGE,
                       "--options holds account and currency too: give them "
                       "there");
    if (json) {
        struct bw_error inner = {0};
        if (bw_value_from_json(options, bw_str_of(json), &inner))
            return bw_fail(error, BW_ERR_USAGE, "--options: %.900s", inner.text);
        struct bw_value value = bw_value_read(bw_buf_str(options));
        return value.tag == BW_VALUE_MAP
                   ? BW_ERR_OK
                   : bw_fail(error, BW_ERR_USAGE,
                             "--options is an object, as in {\"account\":...}");
    }
    if (account || code) {
        struct bw_form form;
        bw_form_init(&form);
        bw_form_put_text(&form, "account", account);
        bw_form_put_text(&form, "currency", code);
        bw_buf_put_str(options, bw_form_finish(&form));
        bw_form_deinit(&form);
    }
    return BW_ERR_OK;
}

/* Starts the run, feeds it, and waits until it is done or asks somebody. */
static enum bw_err import(struct bw_cli *cli, struct bw_str text, struct bw_str options,
                          struct bw_buf *run, struct bw_buf *tasks, struct bw_error *error)
{
    const char *format = bw_cli_option(cli, "format");
    char id[BW_SHA256_HEX_LEN + 1], key[KEY_BYTES_MAX], name[64];
    struct bw_form input;
    digest_of(text, format, options, id);
    snprintf(key, sizeof key, "bank/%s", id);
    bw_form_init(&input);
    bw_form_put_text(&input, "id", id);
    bw_form_put_int(&input, "chunks", (int64_t)chunks_of(text));
    bw_form_put_text(&input, "format", format);
    bw_form_put_value(&input, "options", options);
    enum bw_err err = bw_cmd_start(cli, "reconcile", bw_form_finish(&input), key, run, error);
    struct bw_value value = bw_value_read(err ? BW_STR_NONE : bw_buf_str(run));
    snprintf(name, sizeof name, "%.*s", BW_STR_ARG(bw_value_get_str(&value, "id", BW_STR(""))));
    if (!err && !bw_value_get_bool(&value, "is_new", true))
        bw_cli_say(cli, "this file was imported before: nothing in it counts twice");
    if (!err)
        err = send_all(cli, id, text, error);
    if (!err)
        err = bw_cmd_settle(cli, bw_str_of(name), run, tasks, error);
    bw_form_deinit(&input);
    return err;
}

/* Bank files come in Latin-1 too: then every byte is the character of that number. */
static void as_utf8(struct bw_cli *cli, struct bw_buf *bytes)
{
    struct bw_str rest = bw_buf_str(bytes);
    struct bw_buf text;
    while (rest.len && bw_utf8_take(&rest) != BW_UTF8_BAD)
        continue;
    if (!rest.len)
        return;
    bw_cli_say(cli, "%s is not UTF-8: read as ISO 8859-1", cli->arguments[0]);
    bw_buf_init(&text, 2 * BW_CMD_FILE_BYTES_MAX);
    for (size_t i = 0; i < bytes->len; i++) {
        uint8_t byte = (uint8_t)bytes->ptr[i];
        if (byte >= 0x80)
            bw_buf_put_char(&text, (char)(0xc0 | byte >> 6));
        bw_buf_put_char(&text, (char)(byte < 0x80 ? byte : 0x80 | (byte & 0x3f)));
    }
    bw_buf_clear(bytes);
    bw_buf_put_str(bytes, bw_buf_str(&text));
    bw_buf_deinit(&text);
}

int bw_cmd_payment_import(struct bw_cli *cli)
{
    struct bw_error error = {0};
    struct bw_buf bytes, options, run, tasks;
    bw_buf_init(&bytes, BW_CMD_FILE_BYTES_MAX);
    bw_buf_init(&options, 65536);
    bw_buf_init(&run, BW_CMD_FILE_BYTES_MAX);
    bw_buf_init(&tasks, BW_CMD_FILE_BYTES_MAX);
    cli->is_repeatable = true; /* the start has a key, each chunk an id */
    enum bw_err err = read_options(cli, &options, &error);
    if (!err)
        err = bw_cmd_read_file(cli->arguments[0], &bytes, &error);
    if (!err && bytes.len == 0)
        err = bw_fail(&error, BW_ERR_INVALID, "%s is empty", cli->arguments[0]);
    if (!err)
        as_utf8(cli, &bytes);
    if (!err)
        err = import(cli, bw_buf_str(&bytes), bw_buf_str(&options), &run, &tasks, &error);
    int status = err ? bw_cli_fail(cli, &error)
                     : bw_cmd_print_result(cli, bw_buf_str(&run), bw_buf_str(&tasks));
    bw_buf_deinit(&bytes);
    bw_buf_deinit(&options);
    bw_buf_deinit(&run);
    bw_buf_deinit(&tasks);
    return status;
}

int bw_cmd_payment_list(struct bw_cli *cli)
{
    const char *view = bw_cli_option(cli, "unmatched")   ? "unmatched-cash"
                       : bw_cli_option(cli, "unapplied") ? "unapplied-cash"
                                                         : "payments";
    return bw_cmd_print_view(cli, view);
}

/* Looks again at everything that nobody has placed, after invoices or settings have changed. */
int bw_cmd_payment_match(struct bw_cli *cli)
{
    struct bw_form input;
    bw_form_init(&input);
    bw_form_put_bool(&input, "unmatched", true);
    int status = bw_cmd_carry_out(cli, "reconcile", bw_form_finish(&input), NULL);
    bw_form_deinit(&input);
    return status;
}
