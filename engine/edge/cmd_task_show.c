/* cmd_task_show.c - billow task show: what a task asks and shows, to be read by a person.
 *
 * The body of a task is what its workflow put there; its shape is not known here. Members are
 * shown in their order, lists of records one record a line, and what is deep or long is left to
 * --json. Text may come from a stranger's timesheet: control characters never reach the terminal.
 */
#include "edge/cmd.h"

enum { PATH_BYTES_MAX = 8192, ROWS_SHOWN_MAX = 20, DEPTH_MAX = 3 };

static bool is_plain(const struct bw_value *value)
{
    return value->tag != BW_VALUE_MAP && value->tag != BW_VALUE_ARR;
}

/* Nothing to say: null, an empty text, list or map. */
static bool is_empty(const struct bw_value *value)
{
    return value->tag == BW_VALUE_NIL || value->tag == BW_VALUE_NULL ||
           (value->tag == BW_VALUE_STR && !value->text.len) ||
           (!is_plain(value) && value->count == 0);
}

static void print_text(FILE *out, struct bw_str text)
{
    for (size_t i = 0; i < text.len; i++) {
        unsigned char byte = (unsigned char)text.ptr[i];
        fputc(byte < ' ' || byte == 127 ? ' ' : byte, out);
    }
}

static void print_plain(FILE *out, const struct bw_value *value)
{
    struct bw_buf text;
    if (value->tag == BW_VALUE_STR) {
        print_text(out, value->text);
        return;
    }
    bw_buf_init(&text, BW_CMD_FILE_BYTES_MAX);
    bw_value_to_json(&text, value->encoded, BW_JSON_DECIMAL_STRINGS);
    print_text(out, bw_buf_str(&text));
    bw_buf_deinit(&text);
}

/* "a: 1, b: 2": the plain members of a record; or the value itself. */
static void print_row(FILE *out, const struct bw_value *row)
{
    struct bw_str rest = row->items, key;
    struct bw_value member;
    bool is_first = true, is_cut = false;
    if (is_plain(row)) {
        print_plain(out, row);
        return;
    }
    if (row->tag == BW_VALUE_ARR) {
        fputs("(--json shows it)", out);
        return;
    }
    while (bw_value_next_pair(&rest, &key, &member)) {
        if (is_empty(&member))
            continue;
        if (!is_plain(&member)) {
            is_cut = true;
            continue;
        }
        fputs(is_first ? "" : ", ", out);
        is_first = false;
        print_text(out, key);
        fputs(": ", out);
        print_plain(out, &member);
    }
    if (is_cut)
        fprintf(out, "%s(more with --json)", is_first ? "" : "; ");
}

static void print_rows(FILE *out, const struct bw_value *list, int indent)
{
    struct bw_str rest = list->items;
    struct bw_value row;
    for (size_t i = 0; i < ROWS_SHOWN_MAX && bw_value_next(&rest, &row); i++) {
        fprintf(out, "%*s- ", indent, "");
        print_row(out, &row);
        fputc('\n', out);
    }
    if (list->count > ROWS_SHOWN_MAX)
        fprintf(out, "%*s... %zu more: --json shows all\n", indent, "",
                list->count - ROWS_SHOWN_MAX);
}

static bool is_left_out(struct bw_str key) /* of the body: told elsewhere, or for machines */
{
    return bw_str_eq(key, BW_STR("decisions")) || bw_str_eq(key, BW_STR("digest")) ||
           bw_str_eq(key, BW_STR("documents")) || bw_str_eq(key, BW_STR("remark_kind"));
}

static void print_members(FILE *out, const struct bw_value *map, int depth)
{
    struct bw_str rest = map->items, key;
    struct bw_value member;
    int indent = 2 * depth;
    while (bw_value_next_pair(&rest, &key, &member)) {
        if (is_empty(&member) || (depth == 0 && is_left_out(key)))
            continue;
        fprintf(out, "%*s", indent, "");
        print_text(out, key);
        fputc(':', out);
        if (is_plain(&member)) {
            fputc(' ', out);
            print_plain(out, &member);
            fputc('\n', out);
        } else if (member.tag == BW_VALUE_ARR) {
            fputc('\n', out);
            print_rows(out, &member, indent + 2);
        } else if (depth + 1 < DEPTH_MAX) {
            fputc('\n', out);
            print_members(out, &member, depth + 1);
        } else {
            fputs(" (--json shows it)\n", out);
        }
    }
}

static void print_list(FILE *out, const char *what, const struct bw_value *list, const char *none)
{
    struct bw_str rest = list->tag == BW_VALUE_ARR ? list->items : BW_STR_NONE;
    struct bw_value item;
    const char *between = "";
    fputs(what, out);
    if (list->tag != BW_VALUE_ARR || list->count == 0)
        fputs(none, out);
    for (; bw_value_next(&rest, &item); between = ", ") {
        fputs(between, out);
        print_plain(out, &item);
    }
    fputc('\n', out);
}

static void print_task(struct bw_cli *cli, struct bw_str value)
{
    FILE *out = cli->out;
    struct bw_value task = bw_value_read(value), body = bw_value_get(&task, "body");
    struct bw_value assignees = bw_value_get(&task, "assignees");
    struct bw_str status = bw_value_get_str(&task, "status", BW_STR("?"));
    print_text(out, bw_value_get_str(&task, "title", BW_STR("(no title)")));
    fprintf(out, "\n%.*s, %.*s, opened %.*s; run %.*s\n",
            BW_STR_ARG(bw_value_get_str(&task, "kind", BW_STR("task"))), BW_STR_ARG(status),
            BW_STR_ARG(bw_value_get_str(&task, "opened_at", BW_STR("?"))),
            BW_STR_ARG(bw_value_get_str(&task, "run", BW_STR("?"))));
    print_list(out, "for ", &assignees, "whoever may answer tasks");
    if (!is_empty(&body)) {
        fputc('\n', out);
        if (body.tag == BW_VALUE_MAP)
            print_members(out, &body, 0);
        else if (body.tag == BW_VALUE_ARR)
            print_rows(out, &body, 0);
        else {
            print_plain(out, &body);
            fputc('\n', out);
        }
    }
    if (!bw_str_eq(status, BW_STR("open")))
        return;
    struct bw_value decisions = {0};
    if (body.tag == BW_VALUE_MAP)
        decisions = bw_value_get(&body, "decisions");
    print_list(out, "\nanswers: ", &decisions, "any word");
    fprintf(out, "  billow task answer %s DECISION\n", cli->arguments[0]);
}

int bw_cmd_task_show(struct bw_cli *cli)
{
    struct bw_buf path;
    bw_buf_init(&path, PATH_BYTES_MAX);
    bw_buf_put_text(&path, "/v1/tasks");
    bw_cmd_put_segment(&path, cli->arguments[0]);
    int status = bw_cmd_show(cli, &path, print_task);
    bw_buf_deinit(&path);
    return status;
}
