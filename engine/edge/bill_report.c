/* bill_report.c - what a billed month leaves: documents in a folder, tables on the terminal. */
#include "edge/bill.h"
#include "codec/url.h"
#include "edge/cmd.h"
#include "edge/form.h"
#include "edge/grid.h"
#include <string.h>

enum { PATH_BYTES_MAX = 4096, REFS_COLUMNS_MAX = 100 };

/* A document's file name: its number or id, with everything but letters, digits and '-' as '_'. */
static void file_path(char path[static PATH_BYTES_MAX], const struct bw_bill *bill,
                      struct bw_str name, const char *ending)
{
    int len = snprintf(path, PATH_BYTES_MAX, "%s/invoices/", bill->out);
    size_t at = len < 0 ? 0 : (size_t)len;
    for (size_t i = 0; i < name.len && at < PATH_BYTES_MAX - 16; i++) {
        char c = name.ptr[i];
        bool is_plain =
            (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-';
        path[at++] = is_plain ? c : '_';
    }
    snprintf(path + at, PATH_BYTES_MAX - at, "%s", ending);
}

static enum bw_err write_json(const char *path, struct bw_str value, struct bw_error *error)
{
    struct bw_buf json;
    bw_buf_init(&json, BW_CMD_FILE_BYTES_MAX);
    bw_value_to_json(&json, value, BW_JSON_DECIMAL_STRINGS);
    bw_buf_put_char(&json, '\n');
    enum bw_err err = bw_cmd_write_file(path, bw_buf_str(&json), error);
    bw_buf_deinit(&json);
    return err;
}

/* Fetches one issued invoice and writes its object and its page. */
static enum bw_err write_invoice(struct bw_bill *bill, struct bw_str number, struct bw_error *error)
{
    char url[512], path[PATH_BYTES_MAX];
    struct bw_buf encoded, answer;
    bw_buf_init(&encoded, 1024);
    bw_buf_init(&answer, BW_CMD_FILE_BYTES_MAX);
    bw_url_encode(&encoded, number);
    snprintf(url, sizeof url, "/v1/invoices/%.*s", BW_STR_ARG(bw_buf_str(&encoded)));
    enum bw_err err = bw_cli_call(bill->cli, "GET", url, BW_STR_NONE, &answer, error);
    file_path(path, bill, number, ".json");
    if (!err)
        err = write_json(path, bw_buf_str(&answer), error);
    bw_buf_clear(&answer);
    snprintf(url, sizeof url, "/v1/invoices/%.*s/html", BW_STR_ARG(bw_buf_str(&encoded)));
    if (!err)
        err = bw_cli_call(bill->cli, "GET", url, BW_STR_NONE, &answer, error);
    file_path(path, bill, number, ".html");
    if (!err)
        err = bw_cmd_write_file(path, bw_value_read(bw_buf_str(&answer)).text, error);
    bw_buf_deinit(&encoded);
    bw_buf_deinit(&answer);
    return err;
}

static enum bw_err write_drafts(struct bw_bill *bill, const struct bw_value *contract,
                                struct bw_error *error)
{
    struct bw_value drafts = bw_value_get(contract, "drafts"), draft;
    struct bw_str rest = drafts.tag == BW_VALUE_ARR ? drafts.items : BW_STR_NONE;
    enum bw_err err = BW_ERR_OK;
    while (!err && bw_value_next(&rest, &draft)) {
        char path[PATH_BYTES_MAX];
        struct bw_value object = bw_value_get(&draft, "object");
        struct bw_str id = bw_value_get_str(&object, "id", BW_STR("draft"));
        file_path(path, bill, id, ".blocked.json");
        err = write_json(path, object.encoded, error);
        file_path(path, bill, id, ".blocked.html");
        if (!err)
            err = bw_cmd_write_file(path, bw_value_get_str(&draft, "page", BW_STR("")), error);
    }
    return err;
}

static enum bw_err write_exceptions(struct bw_bill *bill, struct bw_buf *exceptions,
                                    struct bw_error *error)
{
    char path[PATH_BYTES_MAX];
    snprintf(path, sizeof path, "/v1/exceptions?period=%s", bill->period);
    enum bw_err err = bw_cli_call(bill->cli, "GET", path, BW_STR_NONE, exceptions, error);
    snprintf(path, sizeof path, "%s/exceptions.json", bill->out);
    return err ? err : write_json(path, bw_buf_str(exceptions), error);
}

static void print_invoices(struct bw_bill *bill, struct bw_str rows)
{
    static const char *const heads[] = {"number", "contract", "customer", ">net", ">tax",
                                        ">gross", "",         "due",      NULL};
    static const char *const keys[] = {
        "number",     "contract_id",    "customer_id", "tax_exclusive_amount",
        "tax_amount", "payable_amount", "currency",    "due_date",
        NULL};
    fprintf(bill->cli->out, "Issued invoices of %s\n", bill->period);
    bw_cmd_print_rows(bill->cli, rows, heads, keys);
}

/* Was the contract billed, by this round or by another? */
static bool has_invoice(const struct bw_value *invoices, struct bw_str contract)
{
    struct bw_value row;
    struct bw_str rest = invoices->items;
    while (bw_value_next(&rest, &row))
        if (bw_str_eq(bw_value_get_str(&row, "contract_id", BW_STR("")), contract))
            return true;
    return false;
}

/* Contracts that ended without an invoice, and those nobody can bill yet. */
static void print_others(struct bw_bill *bill, const struct bw_value *result,
                         const struct bw_value *invoices)
{
    struct bw_value contracts = bw_value_get(result, "contracts"), contract;
    struct bw_str rest = contracts.items;
    bool has_more = false;
    while (bw_value_next(&rest, &contract)) {
        struct bw_str status = bw_value_get_str(&contract, "status", BW_STR("?"));
        struct bw_str id = bw_value_get_str(&contract, "contract", BW_STR("?"));
        if (bw_str_eq(status, BW_STR("issued")) || bw_str_eq(status, BW_STR("closed before")) ||
            has_invoice(invoices, id))
            continue;
        has_more = has_more || !bw_str_eq(status, BW_STR("nothing"));
        fprintf(bill->cli->out, "no invoice for %.*s (%.*s): %.*s\n",
                BW_STR_ARG(bw_value_get_str(&contract, "contract", BW_STR("?"))),
                BW_STR_ARG(bw_value_get_str(&contract, "model", BW_STR("?"))), BW_STR_ARG(status));
    }
    if (has_more)
        fprintf(bill->cli->out, "When the cause is mended, bill them with --again\n");
}

static struct bw_str code_of(const struct bw_value *row)
{
    return bw_value_get_str(row, "code", BW_STR("?"));
}

/* The entries of `rows` that have this code, folded at the width of a page. */
static void print_refs(FILE *out, const struct bw_value *rows, struct bw_str code)
{
    struct bw_value row;
    struct bw_str rest = rows->items;
    size_t column = 0;
    while (bw_value_next(&rest, &row)) {
        struct bw_str ref = bw_value_get_str(&row, "ref", BW_STR("?"));
        if (!bw_str_eq(code_of(&row), code))
            continue;
        if (column == 0 || column + ref.len + 2 > REFS_COLUMNS_MAX)
            column = (size_t)fprintf(out, "%s    ", column ? ",\n" : "") - (column ? 2 : 0);
        else
            column += (size_t)fprintf(out, ", ");
        column += (size_t)fprintf(out, "%.*s", BW_STR_ARG(ref));
    }
    fputc('\n', out);
}

/* Is this the first of the rows with its code? */
static bool is_first_of_code(const struct bw_value *rows, const struct bw_value *wanted)
{
    struct bw_value row;
    struct bw_str rest = rows->items;
    while (bw_value_next(&rest, &row) && row.encoded.ptr != wanted->encoded.ptr)
        if (bw_str_eq(code_of(&row), code_of(wanted)))
            return false;
    return true;
}

/* Every exception, under its code, with what the first of them says. */
static void print_exceptions(struct bw_bill *bill, struct bw_str encoded)
{
    struct bw_value rows = bw_value_read(encoded), row;
    struct bw_str rest = rows.items;
    FILE *out = bill->cli->out;
    if (rows.count)
        fprintf(out, "\nHeld or rejected, and why\n");
    while (bw_value_next(&rest, &row)) {
        if (!is_first_of_code(&rows, &row))
            continue;
        fprintf(out, "  %.*s: %.*s\n", BW_STR_ARG(code_of(&row)),
                BW_STR_ARG(bw_value_get_str(&row, "message", BW_STR("-"))));
        print_refs(out, &rows, code_of(&row));
    }
}

static enum bw_err make_folders(struct bw_bill *bill, struct bw_error *error)
{
    char path[PATH_BYTES_MAX];
    snprintf(path, sizeof path, "%s/invoices", bill->out);
    return bw_cmd_make_dir(path, error);
}

static void print_json(struct bw_bill *bill, struct bw_str invoices, struct bw_str exceptions)
{
    struct bw_form form;
    bw_form_init(&form);
    bw_form_put_value(&form, "invoices", invoices);
    bw_form_put_value(&form, "exceptions", exceptions);
    bw_form_put_value(&form, "period", bill->result);
    bw_form_put_text(&form, "out", bill->out);
    bw_print_json(bill->cli->out, bw_form_finish(&form));
    bw_form_deinit(&form);
}

enum bw_err bw_bill_report(struct bw_bill *bill, struct bw_error *error)
{
    struct bw_buf invoices, exceptions;
    char path[128];
    bw_buf_init(&invoices, BW_CMD_FILE_BYTES_MAX);
    bw_buf_init(&exceptions, BW_CMD_FILE_BYTES_MAX);
    snprintf(path, sizeof path, "/v1/invoices?period=%s", bill->period);
    enum bw_err err = make_folders(bill, error);
    if (!err)
        err = bw_cli_call(bill->cli, "GET", path, BW_STR_NONE, &invoices, error);
    struct bw_value list = bw_value_read(err ? BW_STR_NONE : bw_buf_str(&invoices)), row;
    struct bw_str rest = list.items;
    while (!err && list.tag == BW_VALUE_ARR && bw_value_next(&rest, &row))
        err = write_invoice(bill, bw_value_get_str(&row, "number", BW_STR("")), error);
    struct bw_value result = bw_value_read(bill->result);
    struct bw_value contracts = bw_value_get(&result, "contracts");
    rest = contracts.tag == BW_VALUE_ARR ? contracts.items : BW_STR_NONE;
    while (!err && bw_value_next(&rest, &row))
        err = write_drafts(bill, &row, error);
    if (!err)
        err = write_exceptions(bill, &exceptions, error);
    if (!err && bill->cli->is_json) {
        print_json(bill, bw_buf_str(&invoices), bw_buf_str(&exceptions));
    } else if (!err) {
        print_invoices(bill, bw_buf_str(&invoices));
        print_others(bill, &result, &list);
        print_exceptions(bill, bw_buf_str(&exceptions));
        fprintf(bill->cli->out, "\nDocuments: %s/invoices/*.json and *.html, %s/exceptions.json\n",
                bill->out, bill->out);
    }
    bw_buf_deinit(&invoices);
    bw_buf_deinit(&exceptions);
    return err;
}
