/* cmd_timeline.c - billow run show: a run's journal as people read it, one line per delivery and
 * command. */
#include "edge/cmd.h"
#include "edge/explain.h"
#include <string.h>

enum { SHORT_BYTES_MAX = 100 };

/* A value in short: JSON, cut. */
static void print_short(FILE *out, const struct bw_value *value)
{
    struct bw_buf json;
    if (value->tag == BW_VALUE_NIL)
        return;
    bw_buf_init(&json, BW_CMD_FILE_BYTES_MAX);
    bw_value_to_json(&json, value->encoded, BW_JSON_DECIMAL_STRINGS);
    size_t len = json.len > SHORT_BYTES_MAX ? SHORT_BYTES_MAX : json.len;
    while (len < json.len && len > 0 && ((unsigned char)json.ptr[len] & 0xc0) == 0x80)
        len--;
    fprintf(out, " %.*s%s", (int)len, json.ptr, len < json.len ? "..." : "");
    bw_buf_deinit(&json);
}

static void print_delivery(FILE *out, const struct bw_value *delivery)
{
    struct bw_value value = bw_value_get(delivery, "value");
    fprintf(out, "    <- %.*s", BW_STR_ARG(bw_value_get_str(delivery, "kind", BW_STR("?"))));
    if (bw_value_get_int(delivery, "seq", 0))
        fprintf(out, " #%lld", (long long)bw_value_get_int(delivery, "seq", 0));
    print_short(out, &value);
    fputc('\n', out);
}

static void print_command(FILE *out, const struct bw_value *command)
{
    struct bw_value args = bw_value_get(command, "args");
    fprintf(out, "    -> #%lld %.*s  (%.*s:%lld)", (long long)bw_value_get_int(command, "seq", 0),
            BW_STR_ARG(bw_value_get_str(command, "kind", BW_STR("?"))),
            BW_STR_ARG(bw_value_get_str(command, "file", BW_STR("?"))),
            (long long)bw_value_get_int(command, "line", 0));
    print_short(out, &args);
    fputc('\n', out);
}

static void print_turn(FILE *out, const struct bw_value *turn)
{
    struct bw_value deliveries = bw_value_get(turn, "deliveries"),
                    commands = bw_value_get(turn, "commands"), item;
    fprintf(out, "turn %lld  %.*s\n", (long long)bw_value_get_int(turn, "turn", 0),
            BW_STR_ARG(bw_value_get_str(turn, "at", BW_STR(""))));
    struct bw_str rest = deliveries.items;
    while (bw_value_next(&rest, &item))
        print_delivery(out, &item);
    rest = commands.items;
    while (bw_value_next(&rest, &item))
        print_command(out, &item);
}

static void print_tasks(FILE *out, const struct bw_value *tasks)
{
    struct bw_value task;
    struct bw_str rest = tasks->items;
    while (tasks->tag == BW_VALUE_ARR && bw_value_next(&rest, &task)) {
        struct bw_value answer = bw_value_get(&task, "answer");
        fprintf(out, "task  %.*s: %.*s", BW_STR_ARG(bw_value_get_str(&task, "title", BW_STR(""))),
                BW_STR_ARG(bw_value_get_str(&task, "status", BW_STR(""))));
        if (answer.tag == BW_VALUE_MAP)
            fprintf(out, ", %.*s by %.*s",
                    BW_STR_ARG(bw_value_get_str(&answer, "decision", BW_STR("?"))),
                    BW_STR_ARG(bw_value_get_str(&answer, "by", BW_STR("?"))));
        fputc('\n', out);
    }
}

void bw_cmd_print_timeline(struct bw_cli *cli, struct bw_str value)
{
    struct bw_value all = bw_value_read(value);
    struct bw_value run = bw_value_get(&all, "run"), turns = bw_value_get(&all, "journal");
    struct bw_value tasks = bw_value_get(&all, "tasks"), turn;
    struct bw_buf text;
    fprintf(cli->out, "%.*s  %.*s  started %.*s by %.*s\n",
            BW_STR_ARG(bw_value_get_str(&run, "id", BW_STR(""))),
            BW_STR_ARG(bw_value_get_str(&run, "workflow", BW_STR(""))),
            BW_STR_ARG(bw_value_get_str(&run, "created_at", BW_STR("?"))),
            BW_STR_ARG(bw_value_get_str(&run, "started_by", BW_STR("?"))));
    struct bw_str rest = turns.items;
    while (turns.tag == BW_VALUE_ARR && bw_value_next(&rest, &turn))
        print_turn(cli->out, &turn);
    print_tasks(cli->out, &tasks);
    bw_buf_init(&text, 65536);
    bw_explain_run(&text, &run);
    fprintf(cli->out, "%.*s\n", BW_STR_ARG(bw_buf_str(&text)));
    bw_cmd_print_error(cli, &run);
    struct bw_value result = bw_value_get(&run, "result");
    if (result.tag != BW_VALUE_NIL && result.tag != BW_VALUE_NULL) {
        fprintf(cli->out, "result");
        print_short(cli->out, &result);
        fputc('\n', cli->out);
    }
    bw_buf_deinit(&text);
}
