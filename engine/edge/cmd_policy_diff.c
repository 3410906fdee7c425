/* cmd_policy_diff.c - billow policy diff: what a setting would change, before it is set.
 *
 * The comparison is a run of workflows/policy-diff.lua: policies are scripts, and scripts run in
 * their host.
 */
#include "edge/cmd.h"
#include "edge/form.h"
#include "edge/grid.h"
#include <string.h>

enum { EXIT_CHANGED = 2 };

/* One side: when, and for whom. */
static void put_side(struct bw_form *input, const char *name, const char *on, const char *customer,
                     const char *contract, struct bw_str change)
{
    struct bw_form side;
    bw_form_init(&side);
    bw_form_put_text(&side, "on", on);
    bw_form_put_text(&side, "customer", customer);
    bw_form_put_text(&side, "contract", contract);
    if (change.len)
        bw_form_put_value(&side, "change", change);
    bw_form_put_value(input, name, bw_form_finish(&side));
    bw_form_deinit(&side);
}

/* The subjects of --subject: JSON, or @file; one subject is a list of one. */
static enum bw_err put_subjects(struct bw_cli *cli, struct bw_form *input, struct bw_error *error)
{
    const char *given = bw_cli_option(cli, "subject");
    struct bw_buf text, value, list;
    if (!given)
        return BW_ERR_OK;
    bw_buf_init(&text, BW_CMD_FILE_BYTES_MAX);
    bw_buf_init(&value, BW_CMD_FILE_BYTES_MAX);
    bw_buf_init(&list, BW_CMD_FILE_BYTES_MAX);
    enum bw_err err = BW_ERR_OK;
    if (given[0] == '@')
        err = bw_cmd_read_file(given + 1, &text, error);
    else
        bw_buf_put_text(&text, given);
    if (!err && bw_value_from_json(&value, bw_buf_str(&text), error))
        err = bw_fail(error, BW_ERR_INVALID, "--subject is no JSON: %s", error->text);
    if (!err && bw_value_read(bw_buf_str(&value)).tag != BW_VALUE_ARR) {
        bw_value_put_arr(&list, 1);
        bw_buf_put_str(&list, bw_buf_str(&value));
    }
    if (!err)
        bw_form_put_value(input, "subjects", list.len ? bw_buf_str(&list) : bw_buf_str(&value));
    bw_buf_deinit(&text);
    bw_buf_deinit(&value);
    bw_buf_deinit(&list);
    return err;
}

static void put_proposed(struct bw_cli *cli, struct bw_form *change)
{
    bw_form_put_text(change, "name", cli->arguments[1]);
    if (cli->argument_count > 2)
        bw_cmd_policy_put_value(change, cli->arguments[2]);
    bw_form_put_bool(change, "locked", bw_cli_option(cli, "lock") != NULL);
}

/* Two days, two scopes, or as it is and as proposed. */
static int put_input(struct bw_cli *cli, struct bw_form *input, struct bw_error *error)
{
    const char *customer = bw_cli_option(cli, "customer");
    const char *contract = bw_cli_option(cli, "contract");
    const char *with = bw_cli_option(cli, "with-contract");
    const char *with_customer = bw_cli_option(cli, "with-customer");
    const char *from = bw_cli_option(cli, "from"), *to = bw_cli_option(cli, "to"), *period;
    bool is_proposed = cli->argument_count > 1, is_scoped = with || with_customer;
    if (is_proposed + is_scoped + (to != NULL) != 1)
        return bw_cli_usage(cli, "say what to compare: --from DATE --to DATE; --contract ID "
                                 "--with-contract ID (or customers); or SETTING VALUE as proposed");
    if (to && !from)
        return bw_cli_usage(cli, "--to needs --from: the first of the two days");
    if (bw_cmd_period(cli, NULL, &period, error) || put_subjects(cli, input, error))
        return bw_cli_fail(cli, error);
    bw_form_put_text(input, "policy", cli->arguments[0]);
    bw_form_put_text(input, "period", period);
    if (is_proposed) {
        struct bw_form change;
        bw_form_init(&change);
        put_proposed(cli, &change);
        bool has_one_scope = bw_cmd_policy_put_scope(cli, &change);
        put_side(input, "before", from, customer, contract, BW_STR_NONE);
        put_side(input, "after", from, customer, contract, bw_form_finish(&change));
        bw_form_deinit(&change);
        return has_one_scope ? BW_EXIT_OK : bw_cli_usage(cli, "a setting has one scope");
    }
    put_side(input, "before", from, customer, contract, BW_STR_NONE);
    put_side(input, "after", to ? to : from, with_customer ? with_customer : customer,
             with ? with : contract, BW_STR_NONE);
    return BW_EXIT_OK;
}

static void print_decisions(struct bw_cli *cli, const struct bw_value *result)
{
    static const char *const keys[] = {"member", "before", "after", NULL};
    static const char *const heads[] = {"decision of", "what", "now", "then", NULL};
    struct bw_value decisions = bw_value_get(result, "decisions"), decision, change;
    struct bw_str rest = decisions.items;
    struct bw_grid grid;
    fprintf(cli->out, "\n%lld decided again, %zu otherwise\n",
            (long long)bw_value_get_int(result, "decided", 0), decisions.count);
    if (decisions.count == 0)
        return;
    bw_grid_init(&grid, heads);
    while (bw_value_next(&rest, &decision)) {
        struct bw_value changed = bw_value_get(&decision, "changed");
        struct bw_str left = changed.items;
        while (bw_value_next(&left, &change)) {
            bw_grid_add(&grid, bw_value_get_str(&decision, "what", BW_STR("?")));
            for (size_t i = 0; keys[i]; i++) {
                struct bw_value cell = bw_value_get(&change, keys[i]);
                bw_grid_add_value(&grid, &cell);
            }
        }
    }
    bw_grid_print(&grid, cli->out);
    bw_grid_deinit(&grid);
}

static void print_diff(struct bw_cli *cli, const struct bw_value *result)
{
    static const char *const heads[] = {"setting", "now", "from", "then", "from", "effect", NULL};
    static const char *const keys[] = {"setting", "before", "from", "after", "to", "effect", NULL};
    struct bw_value settings = bw_value_get(result, "settings");
    if (settings.count == 0)
        fprintf(cli->out, "the settings are the same\n");
    else
        bw_cmd_print_rows(cli, settings.encoded, heads, keys);
    print_decisions(cli, result);
}

int bw_cmd_policy_diff(struct bw_cli *cli)
{
    struct bw_error error = {0};
    struct bw_form input;
    struct bw_buf run;
    bw_form_init(&input);
    bw_buf_init(&run, BW_CMD_FILE_BYTES_MAX);
    int status = put_input(cli, &input, &error);
    if (status == BW_EXIT_OK &&
        bw_cmd_perform(cli, "policy-diff", bw_form_finish(&input), &run, &error)) {
        status = bw_cli_fail(cli, &error);
    } else if (status == BW_EXIT_OK) {
        struct bw_value value = bw_value_read(bw_buf_str(&run));
        struct bw_value result = bw_value_get(&value, "result");
        bool is_changed = bw_value_get_bool(&result, "is_changed", false);
        if (cli->is_json)
            bw_print_json(cli->out, result.encoded);
        else
            print_diff(cli, &result);
        if (is_changed && bw_cli_option(cli, "detailed-exitcode"))
            status = EXIT_CHANGED;
    }
    bw_form_deinit(&input);
    bw_buf_deinit(&run);
    return status;
}
