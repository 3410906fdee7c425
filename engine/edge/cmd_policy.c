/* cmd_policy.c - billow policy list|show|explain|set|unset|history; cmd_policy_diff.c has diff. */
#include "edge/cmd.h"
#include "edge/form.h"
#include "edge/grid.h"
#include <string.h>

enum { PATH_BYTES_MAX = 8192 };

typedef void (*print_fn)(struct bw_cli *cli, struct bw_str value);

static int call(struct bw_cli *cli, const char *method, struct bw_buf *path, struct bw_str body,
                print_fn print)
{
    struct bw_error error = {0};
    struct bw_buf answer;
    bw_buf_init(&answer, BW_CMD_FILE_BYTES_MAX);
    int status = BW_EXIT_OK;
    if (bw_cli_call(cli, method, bw_buf_cstr(path), body, &answer, &error))
        status = bw_cli_fail(cli, &error);
    else if (cli->is_json)
        bw_print_json(cli->out, bw_buf_str(&answer));
    else
        print(cli, bw_buf_str(&answer));
    bw_buf_deinit(&answer);
    return status;
}

static void print_list(struct bw_cli *cli, struct bw_str value)
{
    static const char *const heads[] = {"policy", "version", "what it decides", ">settings", NULL};
    struct bw_grid grid;
    struct bw_value all = bw_value_read(value), policy;
    struct bw_str rest = all.items;
    bw_grid_init(&grid, heads);
    while (bw_value_next(&rest, &policy)) {
        char count[32];
        snprintf(count, sizeof count, "%zu", bw_value_get(&policy, "settings").count);
        bw_grid_add(&grid, bw_value_get_str(&policy, "name", BW_STR("?")));
        bw_grid_add(&grid, bw_value_get_str(&policy, "version", BW_STR("?")));
        bw_grid_add(&grid, bw_value_get_str(&policy, "title", BW_STR("")));
        bw_grid_add_text(&grid, count);
    }
    bw_grid_print(&grid, cli->out);
    bw_grid_deinit(&grid);
}

int bw_cmd_policy_list(struct bw_cli *cli)
{
    struct bw_buf path;
    bw_buf_init(&path, PATH_BYTES_MAX);
    bw_buf_put_text(&path, "/v1/policies");
    int status = call(cli, "GET", &path, BW_STR_NONE, print_list);
    bw_buf_deinit(&path);
    return status;
}

/* --- show, explain */

static void print_head(struct bw_cli *cli, const struct bw_value *policy)
{
    fprintf(cli->out, "%.*s %.*s: %.*s\n%.*s\n\n",
            BW_STR_ARG(bw_value_get_str(policy, "name", BW_STR("?"))),
            BW_STR_ARG(bw_value_get_str(policy, "version", BW_STR("?"))),
            BW_STR_ARG(bw_value_get_str(policy, "title", BW_STR(""))),
            BW_STR_ARG(bw_value_get_str(policy, "description", BW_STR(""))));
}

static void add_cells(struct bw_grid *grid, const struct bw_value *row, const char *const *keys)
{
    for (size_t i = 0; keys[i]; i++) {
        struct bw_value cell = bw_value_get(row, keys[i]);
        bw_grid_add_value(grid, &cell);
    }
}

static void print_policy(struct bw_cli *cli, struct bw_str value)
{
    static const char *const heads[] = {"setting", "in force", "from",           "default",
                                        "takes",   "effect",   "may be set for", NULL};
    static const char *const keys[] = {"name", "value",  "origin", "default",
                                       "type", "effect", "scopes", NULL};
    struct bw_value policy = bw_value_read(value);
    struct bw_value settings = bw_value_get(&policy, "settings"), setting;
    struct bw_str rest = settings.items;
    struct bw_grid grid;
    print_head(cli, &policy);
    bw_grid_init(&grid, heads);
    while (bw_value_next(&rest, &setting))
        add_cells(&grid, &setting, keys);
    bw_grid_print(&grid, cli->out);
    bw_grid_deinit(&grid);
}

/* Each layer from wide to narrow, the one that counts marked; without any, the default does. */
static void print_layers(struct bw_cli *cli, const struct bw_value *setting)
{
    static const char *const heads[] = {"",       "layer",  "of",     "value", "since",
                                        "locked", "set by", "set at", NULL};
    static const char *const keys[] = {"scope_type", "scope_id", "value",  "valid_from",
                                       "is_locked",  "set_by",   "set_at", NULL};
    struct bw_value layers = bw_value_get(setting, "layers"), layer;
    struct bw_str rest = layers.items;
    struct bw_grid grid;
    if (layers.count == 0) {
        fprintf(cli->out, "  nobody has set it: the default counts\n");
        return;
    }
    bw_grid_init(&grid, heads);
    while (bw_value_next(&rest, &layer)) {
        bw_grid_add_text(&grid, bw_value_get_bool(&layer, "is_used", false) ? " ->" : "");
        add_cells(&grid, &layer, keys);
    }
    bw_grid_print(&grid, cli->out);
    bw_grid_deinit(&grid);
}

static void print_explained(struct bw_cli *cli, struct bw_str value)
{
    struct bw_value policy = bw_value_read(value);
    struct bw_value settings = bw_value_get(&policy, "settings"), setting;
    struct bw_str rest = settings.items;
    print_head(cli, &policy);
    while (bw_value_next(&rest, &setting)) {
        struct bw_buf shown;
        bw_buf_init(&shown, (size_t)1 << 20);
        bw_value_to_json(&shown, bw_value_get(&setting, "value").encoded, BW_JSON_DECIMAL_STRINGS);
        fprintf(cli->out, "%.*s = %.*s (%.*s)\n",
                BW_STR_ARG(bw_value_get_str(&setting, "name", BW_STR("?"))),
                BW_STR_ARG(bw_buf_str(&shown)),
                BW_STR_ARG(bw_value_get_str(&setting, "origin", BW_STR("?"))));
        print_layers(cli, &setting);
        bw_buf_deinit(&shown);
    }
}

static int show(struct bw_cli *cli, print_fn print)
{
    struct bw_buf path;
    bw_buf_init(&path, PATH_BYTES_MAX);
    bw_buf_put_text(&path, "/v1/policies");
    bw_cmd_put_segment(&path, cli->arguments[0]);
    bw_cmd_put_query(&path, "on", bw_cli_option(cli, "on"));
    bw_cmd_put_query(&path, "customer", bw_cli_option(cli, "customer"));
    bw_cmd_put_query(&path, "contract", bw_cli_option(cli, "contract"));
    int status = call(cli, "GET", &path, BW_STR_NONE, print);
    bw_buf_deinit(&path);
    return status;
}

int bw_cmd_policy_show(struct bw_cli *cli)
{
    return show(cli, print_policy);
}

int bw_cmd_policy_explain(struct bw_cli *cli)
{
    return show(cli, print_explained);
}

/* --- set */

static void print_set(struct bw_cli *cli, struct bw_str value)
{
    (void)value;
    fprintf(cli->out, "%s.%s is set, by %s\n", cli->arguments[0], cli->arguments[1], cli->actor);
}

static void print_unset(struct bw_cli *cli, struct bw_str value)
{
    (void)value;
    const char *from = bw_cli_option(cli, "from");
    fprintf(cli->out, "%s.%s is not set here from %s on, by %s; what begins later stays\n",
            cli->arguments[0], cli->arguments[1], from ? from : "today", cli->actor);
}

void bw_cmd_policy_put_value(struct bw_form *form, const char *text)
{
    struct bw_buf value;
    struct bw_error ignored = {0};
    bw_buf_init(&value, BW_CMD_FILE_BYTES_MAX);
    if (bw_value_from_json(&value, bw_str_of(text), &ignored)) {
        bw_buf_clear(&value);
        bw_value_put_text(&value, text);
    }
    bw_form_put_value(form, "value", bw_buf_str(&value));
    bw_buf_deinit(&value);
}

bool bw_cmd_policy_put_scope(struct bw_cli *cli, struct bw_form *form)
{
    const char *customer = bw_cli_option(cli, "customer");
    const char *contract = bw_cli_option(cli, "contract");
    bool is_pack = bw_cli_option(cli, "pack") != NULL;
    bool is_firm = bw_cli_option(cli, "firm") != NULL;
    bw_form_put_text(form, "scope_type",
                     contract   ? "contract"
                     : customer ? "customer"
                     : is_pack  ? "pack"
                     : is_firm  ? "firm"
                                : "tenant");
    bw_form_put_text(form, "scope_id", contract ? contract : customer);
    return (customer != NULL) + (contract != NULL) + is_pack + is_firm <= 1;
}

/* set and unset: a POST of the change. */
static int change(struct bw_cli *cli, bool is_unset)
{
    struct bw_buf path;
    struct bw_form form;
    bw_buf_init(&path, PATH_BYTES_MAX);
    bw_form_init(&form);
    bw_buf_put_text(&path, "/v1/policies");
    bw_cmd_put_segment(&path, cli->arguments[0]);
    bw_cmd_put_segment(&path, "settings");
    bw_form_put_text(&form, "name", cli->arguments[1]);
    bool has_one_scope = bw_cmd_policy_put_scope(cli, &form);
    bw_form_put_text(&form, "valid_from", bw_cli_option(cli, "from"));
    if (is_unset) {
        bw_form_put_bool(&form, "unset", true);
    } else {
        bw_cmd_policy_put_value(&form, cli->arguments[2]);
        bw_form_put_bool(&form, "locked", bw_cli_option(cli, "lock") != NULL);
    }
    int status = has_one_scope ? call(cli, "POST", &path, bw_form_finish(&form),
                                      is_unset ? print_unset : print_set)
                               : bw_cli_usage(cli, "a setting has one scope: --contract, "
                                                   "--customer, --pack, --firm, or none of them "
                                                   "for the tenant");
    bw_form_deinit(&form);
    bw_buf_deinit(&path);
    return status;
}

int bw_cmd_policy_set(struct bw_cli *cli)
{
    return change(cli, false);
}

int bw_cmd_policy_unset(struct bw_cli *cli)
{
    return change(cli, true);
}

/* --- history */

static void print_history(struct bw_cli *cli, struct bw_str rows)
{
    static const char *const heads[] = {"when", "by",    "setting", "value", "for",
                                        "of",   "since", "locked",  NULL};
    static const char *const keys[] = {"at",       "by",         "setting",   "value", "scope_type",
                                       "scope_id", "valid_from", "is_locked", NULL};
    bw_cmd_print_rows(cli, rows, heads, keys);
}

int bw_cmd_policy_history(struct bw_cli *cli)
{
    struct bw_buf path;
    bw_buf_init(&path, PATH_BYTES_MAX);
    bw_buf_put_text(&path, "/v1/policies");
    bw_cmd_put_segment(&path, cli->arguments[0]);
    bw_cmd_put_segment(&path, "history");
    int status = call(cli, "GET", &path, BW_STR_NONE, print_history);
    bw_buf_deinit(&path);
    return status;
}
