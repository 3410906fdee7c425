/* cmd_ledger.c - billow ledger verify|show. */
#include "edge/cmd.h"
#include "edge/form.h"
#include "edge/grid.h"
#include <string.h>

enum { PATH_BYTES_MAX = 8192, NAME_BYTES_MAX = 128 };

/* --- verify: every tenant, or the one that --tenant names. */

/* Prints what was looked at, and the breaks that were found; adds the whole to `list` for --json.
 */
static void report(struct bw_cli *cli, const char *tenant, struct bw_str value)
{
    static const char *const heads[] = {"rule", "where", "what is broken", NULL};
    static const char *const keys[] = {"rule", "subject", "problem", NULL};
    struct bw_value result = bw_value_read(value);
    struct bw_value found = bw_value_get(&result, "found"), first;
    struct bw_str rest = found.items;
    fprintf(cli->out,
            "%s: %lld entries, %lld movements, %lld invoices, %lld lines, %lld numbers: ", tenant,
            (long long)bw_value_get_int(&result, "entries", 0),
            (long long)bw_value_get_int(&result, "movements", 0),
            (long long)bw_value_get_int(&result, "invoices", 0),
            (long long)bw_value_get_int(&result, "lines", 0),
            (long long)bw_value_get_int(&result, "numbers", 0));
    if (!bw_value_next(&rest, &first)) {
        fprintf(cli->out, "the books are whole\n");
        return;
    }
    fprintf(cli->out, "%lld breaks\nfirst: %.*s: %.*s\n\n",
            (long long)bw_value_get_int(&result, "breaks", 0),
            BW_STR_ARG(bw_value_get_str(&first, "subject", BW_STR("?"))),
            BW_STR_ARG(bw_value_get_str(&first, "problem", BW_STR("?"))));
    bw_cmd_print_rows(cli, found.encoded, heads, keys);
}

/* Proves one tenant's books; appends the answer to `list` as {tenant, ...}. */
static enum bw_err verify(struct bw_cli *cli, const char *tenant, struct bw_buf *list,
                          bool *is_whole, struct bw_error *error)
{
    struct bw_buf answer;
    bw_buf_init(&answer, BW_CMD_FILE_BYTES_MAX);
    bw_client_set_tenant(cli->client, tenant);
    enum bw_err err = bw_cli_call(cli, "GET", "/v1/ledger/verify", BW_STR_NONE, &answer, error);
    if (!err) {
        struct bw_value result = bw_value_read(bw_buf_str(&answer)), member;
        struct bw_str rest = result.items, key;
        struct bw_form form;
        bw_form_init(&form);
        while (bw_value_next_pair(&rest, &key, &member)) {
            char name[NAME_BYTES_MAX];
            snprintf(name, sizeof name, "%.*s", BW_STR_ARG(key));
            bw_form_put_value(&form, name, member.encoded);
        }
        bw_form_put_text(&form, "tenant", tenant);
        bw_buf_put_str(list, bw_form_finish(&form));
        bw_form_deinit(&form);
        *is_whole = *is_whole && bw_value_get_bool(&result, "is_whole", false);
        if (!cli->is_json)
            report(cli, tenant, bw_buf_str(&answer));
    }
    bw_buf_deinit(&answer);
    return err;
}

static enum bw_err verify_all(struct bw_cli *cli, struct bw_buf *list, size_t *count,
                              bool *is_whole, struct bw_error *error)
{
    struct bw_buf tenants;
    *count = 1;
    if (bw_cli_client(cli, error))
        return error->code;
    if (cli->tenant)
        return verify(cli, cli->tenant, list, is_whole, error);
    bw_buf_init(&tenants, BW_CMD_FILE_BYTES_MAX);
    enum bw_err err = bw_cli_call(cli, "GET", "/v1/tenants", BW_STR_NONE, &tenants, error);
    struct bw_value rows = bw_value_read(err ? BW_STR_NONE : bw_buf_str(&tenants)), row;
    struct bw_str rest = rows.items;
    *count = err ? 0 : rows.count;
    while (!err && bw_value_next(&rest, &row)) {
        char name[NAME_BYTES_MAX];
        snprintf(name, sizeof name, "%.*s",
                 BW_STR_ARG(bw_value_get_str(&row, "name", BW_STR("?"))));
        err = verify(cli, name, list, is_whole, error);
    }
    bw_buf_deinit(&tenants);
    return err;
}

int bw_cmd_ledger_verify(struct bw_cli *cli)
{
    struct bw_error error = {0};
    struct bw_buf list;
    bool is_whole = true;
    size_t count = 0;
    bw_buf_init(&list, BW_CMD_FILE_BYTES_MAX);
    int status;
    if (verify_all(cli, &list, &count, &is_whole, &error)) {
        status = bw_cli_fail(cli, &error);
    } else {
        struct bw_form form;
        struct bw_buf tenants;
        bw_form_init(&form);
        bw_buf_init(&tenants, BW_CMD_FILE_BYTES_MAX);
        bw_value_put_arr(&tenants, count);
        bw_buf_put_str(&tenants, bw_buf_str(&list));
        bw_form_put_bool(&form, "is_whole", is_whole);
        bw_form_put_value(&form, "tenants", bw_buf_str(&tenants));
        if (cli->is_json)
            bw_print_json(cli->out, bw_form_finish(&form));
        else if (count == 0)
            bw_cli_say(cli, "there is no tenant yet");
        bw_form_deinit(&form);
        bw_buf_deinit(&tenants);
        status = is_whole ? BW_EXIT_OK : BW_EXIT_FAILED;
    }
    bw_buf_deinit(&list);
    return status;
}

/* --- show: the story of an entry. */

/* "2400 billed, 600 held (NOT_APPROVED)". */
static void print_states(struct bw_cli *cli, const struct bw_value *entry)
{
    struct bw_value states = bw_value_get(entry, "states"), state;
    struct bw_value quantity = bw_value_get(entry, "quantity");
    struct bw_str rest = states.items;
    struct bw_buf line;
    bw_buf_init(&line, 65536);
    bw_buf_put_text(&line, "quantity ");
    bw_value_to_json(&line, quantity.encoded, BW_JSON_DECIMAL_NUMBERS);
    bw_buf_printf(&line, " (%.*s), now", BW_STR_ARG(bw_value_get_str(entry, "unit", BW_STR("?"))));
    for (size_t i = 0; bw_value_next(&rest, &state); i++) {
        struct bw_str reason = bw_value_get_str(&state, "reason", BW_STR(""));
        bw_buf_put_text(&line, i ? ", " : " ");
        bw_value_to_json(&line, bw_value_get(&state, "quantity").encoded, BW_JSON_DECIMAL_NUMBERS);
        bw_buf_printf(&line, " %.*s", BW_STR_ARG(bw_value_get_str(&state, "state", BW_STR("?"))));
        if (reason.len)
            bw_buf_printf(&line, " (%.*s)", BW_STR_ARG(reason));
    }
    fprintf(cli->out, "%s\n\n", bw_buf_cstr(&line));
    bw_buf_deinit(&line);
}

/* The places a movement names: invoice and line, else the entry it moved to, else the contract of
 * its run. */
static void add_place(struct bw_grid *grid, const struct bw_value *move)
{
    struct bw_str number = bw_value_get_str(move, "invoice", BW_STR(""));
    struct bw_str line = bw_value_get_str(move, "line", BW_STR(""));
    struct bw_str part = bw_value_get_str(move, "part", BW_STR(""));
    struct bw_str contract = bw_value_get_str(move, "contract", BW_STR("-"));
    struct bw_buf place;
    bw_buf_init(&place, 4096);
    if (number.len)
        bw_buf_printf(&place, "%.*s%s%.*s", BW_STR_ARG(number), line.len ? " line " : "",
                      BW_STR_ARG(line));
    else
        bw_buf_put_str(&place, part.len ? part : contract);
    bw_grid_add(grid, bw_buf_str(&place));
    bw_buf_deinit(&place);
}

static void print_story(struct bw_cli *cli, const struct bw_value *entry)
{
    static const char *const heads[] = {"when", "what",    ">quantity", "from", "to",  ">amount",
                                        "",     "invoice", "why",       "by",   "run", NULL};
    static const char *const before[] = {"at", "what",   "quantity", "from",
                                         "to", "amount", "currency", NULL};
    static const char *const after[] = {"reason", "by", "run", NULL};
    struct bw_value story = bw_value_get(entry, "story"), move;
    struct bw_str rest = story.items;
    struct bw_grid grid;
    bw_grid_init(&grid, heads);
    while (bw_value_next(&rest, &move)) {
        for (size_t i = 0; before[i]; i++) {
            struct bw_value cell = bw_value_get(&move, before[i]);
            bw_grid_add_value(&grid, &cell);
        }
        add_place(&grid, &move);
        for (size_t i = 0; after[i]; i++) {
            struct bw_value cell = bw_value_get(&move, after[i]);
            bw_grid_add_value(&grid, &cell);
        }
    }
    bw_grid_print(&grid, cli->out);
    bw_grid_deinit(&grid);
}

static void print_entry(struct bw_cli *cli, struct bw_str value)
{
    static const char *const keys[] = {"kind",         "date",        "person",  "project_code",
                                       "project_name", "contract_id", "subject", "invalid"};
    struct bw_value entry = bw_value_read(value);
    fprintf(cli->out, "%.*s", BW_STR_ARG(bw_value_get_str(&entry, "id", BW_STR("?"))));
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        struct bw_str text = bw_value_get_str(&entry, keys[i], BW_STR(""));
        if (text.len)
            fprintf(cli->out, "  %.*s", BW_STR_ARG(text));
    }
    fputc('\n', cli->out);
    print_states(cli, &entry);
    print_story(cli, &entry);
    int64_t version = bw_value_get_int(&entry, "version", 1);
    if (version > 1)
        fprintf(cli->out, "\nversion %lld of it: earlier ones are in --json\n", (long long)version);
}

int bw_cmd_ledger_show(struct bw_cli *cli)
{
    struct bw_buf path;
    bw_buf_init(&path, PATH_BYTES_MAX);
    bw_buf_put_text(&path, "/v1/ledger/entries");
    bw_cmd_put_segment(&path, cli->arguments[0]);
    int status = bw_cmd_show(cli, &path, print_entry);
    bw_buf_deinit(&path);
    return status;
}
