/* cmd_carry_out.c - commands that are a run of a workflow: start it, wait until it is done or waits
 * for a person, print what came of it.
 *
 * What people read is the result's member `text`, written by the workflow; `problem` says why
 * nothing was done. So the verbs stay thin, and Lua holds the product.
 */
#include "edge/cmd.h"
#include "edge/form.h"
#include "edge/grid.h"
#include <string.h>

enum { PATH_BYTES_MAX = 256, POLL_MS = 20 };

enum bw_err bw_cmd_start(struct bw_cli *cli, const char *workflow, struct bw_str input,
                         const char *key, struct bw_buf *run, struct bw_error *error)
{
    struct bw_form body;
    bw_form_init(&body);
    bw_form_put_text(&body, "workflow", workflow);
    bw_form_put_text(&body, "key", key);
    bw_form_put_value(&body, "input", input);
    bw_buf_clear(run);
    enum bw_err err = bw_cli_call(cli, "POST", "/v1/runs", bw_form_finish(&body), run, error);
    bw_form_deinit(&body);
    return err;
}

static enum bw_err get_run(struct bw_cli *cli, struct bw_str id, struct bw_buf *run,
                           struct bw_error *error)
{
    char path[PATH_BYTES_MAX];
    snprintf(path, sizeof path, "/v1/runs/%.*s", BW_STR_ARG(id));
    bw_buf_clear(run);
    return bw_cli_call(cli, "GET", path, BW_STR_NONE, run, error);
}

/* Is it a task of the run, or of a run that it called? */
static bool is_asked_by(struct bw_cli *cli, struct bw_str asking, struct bw_str id)
{
    struct bw_error ignored = {0};
    struct bw_buf run;
    if (bw_str_eq(asking, id))
        return true;
    bw_buf_init(&run, BW_CMD_FILE_BYTES_MAX);
    bool is_child = false;
    if (get_run(cli, asking, &run, &ignored) == BW_ERR_OK) {
        struct bw_value value = bw_value_read(bw_buf_str(&run));
        is_child = bw_value_get_int(&value, "parent_seq", 0) != 0 &&
                   bw_str_eq(bw_value_get_str(&value, "parent", BW_STR("")), id);
    }
    bw_buf_deinit(&run);
    return is_child;
}

enum bw_err bw_cmd_tasks_of(struct bw_cli *cli, struct bw_str id, struct bw_buf *tasks,
                            size_t *count, struct bw_error *error)
{
    struct bw_buf all, found;
    bw_buf_init(&all, BW_CMD_FILE_BYTES_MAX);
    bw_buf_init(&found, BW_CMD_FILE_BYTES_MAX);
    enum bw_err err =
        bw_cli_call(cli, "GET", "/v1/tasks?status=open&limit=10000", BW_STR_NONE, &all, error);
    struct bw_value list = bw_value_read(err ? BW_STR_NONE : bw_buf_str(&all)), task;
    struct bw_str rest = list.tag == BW_VALUE_ARR ? list.items : BW_STR_NONE;
    *count = 0;
    while (bw_value_next(&rest, &task)) {
        if (is_asked_by(cli, bw_value_get_str(&task, "run", BW_STR("")), id)) {
            bw_buf_put_str(&found, task.encoded);
            ++*count;
        }
    }
    bw_buf_clear(tasks);
    bw_value_put_arr(tasks, *count);
    bw_buf_put_str(tasks, bw_buf_str(&found));
    bw_buf_deinit(&all);
    bw_buf_deinit(&found);
    return err;
}

enum bw_err bw_cmd_settle(struct bw_cli *cli, struct bw_str id, struct bw_buf *run,
                          struct bw_buf *tasks, struct bw_error *error)
{
    char name[64];
    size_t count = 0;
    bool is_open = true;
    snprintf(name, sizeof name, "%.*s", BW_STR_ARG(id));
    enum bw_err err = BW_ERR_OK;
    while (!err && is_open && count == 0) {
        err = get_run(cli, bw_str_of(name), run, error);
        struct bw_value value = bw_value_read(err ? BW_STR_NONE : bw_buf_str(run));
        is_open = bw_str_eq(bw_value_get_str(&value, "status", BW_STR("")), BW_STR("open"));
        struct bw_str wake = bw_value_get_str(&value, "wake", BW_STR(""));
        bool may_ask = !bw_str_eq(wake, BW_STR("ready")) && !bw_str_eq(wake, BW_STR("effect"));
        if (!err && is_open && may_ask)
            err = bw_cmd_tasks_of(cli, bw_str_of(name), tasks, &count, error);
        if (!err && is_open && count == 0)
            bw_client_wait(cli->client, POLL_MS);
    }
    struct bw_value value = bw_value_read(err ? BW_STR_NONE : bw_buf_str(run));
    if (!err && !is_open &&
        !bw_str_eq(bw_value_get_str(&value, "status", BW_STR("")), BW_STR("done"))) {
        struct bw_value why = bw_value_get(&value, "error");
        err =
            bw_fail(error, BW_ERR_SCRIPT, "the run is %.*s: %.*s ('billow run show %s' tells more)",
                    BW_STR_ARG(bw_value_get_str(&value, "status", BW_STR("?"))),
                    BW_STR_ARG(bw_value_get_str(&why, "text", BW_STR("(no reason)"))), name);
    }
    return err;
}

static void print_waiting(struct bw_cli *cli, struct bw_str run, struct bw_str tasks)
{
    struct bw_value list = bw_value_read(tasks), task;
    struct bw_str rest = list.items;
    if (cli->is_json) {
        struct bw_form form;
        struct bw_value value = bw_value_read(run);
        bw_form_init(&form);
        bw_form_put_text(&form, "status", "waiting");
        bw_form_put_str(&form, "run", bw_value_get_str(&value, "id", BW_STR("")));
        bw_form_put_value(&form, "tasks", tasks);
        bw_print_json(cli->out, bw_form_finish(&form));
        bw_form_deinit(&form);
        return;
    }
    while (bw_value_next(&rest, &task)) {
        struct bw_value body = bw_value_get(&task, "body");
        struct bw_value decisions = bw_value_get(&body, "decisions"), decision;
        struct bw_str choices = decisions.tag == BW_VALUE_ARR ? decisions.items : BW_STR_NONE;
        fprintf(cli->out, "waits for a decision: %.*s\n  billow task answer %.*s ",
                BW_STR_ARG(bw_value_get_str(&task, "title", BW_STR("?"))),
                BW_STR_ARG(bw_value_get_str(&task, "id", BW_STR("?"))));
        for (size_t i = 0; bw_value_next(&choices, &decision); i++)
            fprintf(cli->out, "%s%.*s", i ? "|" : "", BW_STR_ARG(decision.text));
        fputc('\n', cli->out);
    }
}

int bw_cmd_print_result(struct bw_cli *cli, struct bw_str run, struct bw_str tasks)
{
    struct bw_value value = bw_value_read(run);
    struct bw_value result = bw_value_get(&value, "result");
    struct bw_str problem = bw_value_get_str(&result, "problem", BW_STR_NONE);
    struct bw_str text = bw_value_get_str(&result, "text", BW_STR_NONE);
    if (bw_str_eq(bw_value_get_str(&value, "status", BW_STR("")), BW_STR("open"))) {
        print_waiting(cli, run, tasks);
        return BW_EXIT_OK;
    }
    if (problem.len) {
        struct bw_error error = {0};
        (void)bw_fail(&error, BW_ERR_INVALID, "%.*s", BW_STR_ARG(problem));
        return bw_cli_fail(cli, &error);
    }
    if (cli->is_json || !text.len) {
        bw_print_json(cli->out, result.encoded);
        return BW_EXIT_OK;
    }
    bool has_end = text.ptr[text.len - 1] == '\n';
    fprintf(cli->out, "%.*s%s", BW_STR_ARG(text), has_end ? "" : "\n");
    return BW_EXIT_OK;
}

int bw_cmd_carry_out(struct bw_cli *cli, const char *workflow, struct bw_str input, const char *key)
{
    struct bw_error error = {0};
    struct bw_buf run, tasks;
    char id[64] = "";
    bw_buf_init(&run, BW_CMD_FILE_BYTES_MAX);
    bw_buf_init(&tasks, BW_CMD_FILE_BYTES_MAX);
    enum bw_err err = bw_cmd_start(cli, workflow, input, key, &run, &error);
    if (!err) {
        struct bw_value value = bw_value_read(bw_buf_str(&run));
        snprintf(id, sizeof id, "%.*s", BW_STR_ARG(bw_value_get_str(&value, "id", BW_STR(""))));
        err = bw_cmd_settle(cli, bw_str_of(id), &run, &tasks, &error);
    }
    int status = err ? bw_cli_fail(cli, &error)
                     : bw_cmd_print_result(cli, bw_buf_str(&run), bw_buf_str(&tasks));
    bw_buf_deinit(&run);
    bw_buf_deinit(&tasks);
    return status;
}
