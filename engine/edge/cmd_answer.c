/* cmd_answer.c - billow task answer|link: one answer, answers to all that are usual, links. */
#include "base/parse.h"
#include "edge/cmd.h"
#include "edge/form.h"
#include "edge/grid.h"
#include "edge/link_token.h"
#include <string.h>

enum { PATH_BYTES_MAX = 8192, POLL_MS = 20, TURN_MS_MAX = 5000 };

/* --- one answer */

static void print_answered(struct bw_cli *cli, const char *what, const char *decision,
                           const char *by)
{
    if (!cli->is_json)
        fprintf(cli->out, "%s: %s, by %s\n", what, decision, by);
}

/* POST; prints the answer as JSON with --json. */
static int post(struct bw_cli *cli, const char *path, struct bw_str body, struct bw_buf *answer)
{
    struct bw_error error = {0};
    if (bw_cli_call(cli, "POST", path, body, answer, &error))
        return bw_cli_fail(cli, &error);
    if (cli->is_json)
        bw_print_json(cli->out, bw_buf_str(answer));
    return BW_EXIT_OK;
}

static void put_task_path(struct bw_buf *path, const char *task, const char *what)
{
    bw_buf_init(path, PATH_BYTES_MAX);
    bw_buf_put_text(path, "/v1/tasks");
    bw_cmd_put_segment(path, task);
    bw_cmd_put_segment(path, what);
}

/* --data as a value; false: it is no JSON, and said so. */
static bool put_data(struct bw_cli *cli, struct bw_form *form)
{
    const char *given = bw_cli_option(cli, "data");
    struct bw_error error = {0};
    struct bw_buf text, value;
    bw_buf_init(&text, BW_CMD_FILE_BYTES_MAX);
    bw_buf_init(&value, BW_CMD_FILE_BYTES_MAX);
    enum bw_err err = BW_ERR_OK;
    if (given && given[0] == '@')
        err = bw_cmd_read_file(given + 1, &text, &error);
    else if (given)
        bw_buf_put_text(&text, given);
    if (given && !err && bw_value_from_json(&value, bw_buf_str(&text), &error))
        (void)bw_fail(&error, BW_ERR_INVALID, "--data is no JSON: %s", given);
    if (given && !error.code)
        bw_form_put_value(form, "data", bw_buf_str(&value));
    if (error.code)
        (void)bw_cli_fail(cli, &error);
    bw_buf_deinit(&text);
    bw_buf_deinit(&value);
    return !error.code;
}

static void put_answer(struct bw_cli *cli, const char *decision, struct bw_form *form)
{
    bw_form_init(form);
    bw_form_put_text(form, "decision", decision);
    bw_form_put_text(form, "by", cli->actor);
    bw_form_put_text(form, "comment", bw_cli_option(cli, "comment"));
}

/* --- what became of it: a workflow that cannot take an answer opens its question again, with a
 * remark that says why */

/* GET; false when there is nothing to read. */
static bool get(struct bw_cli *cli, struct bw_buf *path, struct bw_buf *answer)
{
    struct bw_error error = {0};
    bw_buf_clear(answer);
    return !bw_cli_call(cli, "GET", bw_buf_cstr(path), BW_STR_NONE, answer, &error);
}

static bool get_of(struct bw_cli *cli, const char *what, struct bw_str id, struct bw_buf *answer)
{
    struct bw_buf path;
    bw_buf_init(&path, PATH_BYTES_MAX);
    bw_buf_printf(&path, "%s%.*s", what, BW_STR_ARG(id));
    bool is_there = get(cli, &path, answer);
    bw_buf_deinit(&path);
    return is_there;
}

/* A task as it was before its answer. */
struct asked {
    char id[BW_ID_TEXT_LEN + 1];
    char run[BW_ID_TEXT_LEN + 1]; /* "" when it is not known: nothing can be looked at */
    int64_t turns;                /* of the run */
    struct bw_value task;         /* in bulk; borrowed from the list */
};

static void take_text(char out[static BW_ID_TEXT_LEN + 1], struct bw_str text)
{
    snprintf(out, BW_ID_TEXT_LEN + 1, "%.*s", BW_STR_ARG(text));
}

static void note_turns(struct bw_cli *cli, struct asked *asked)
{
    struct bw_buf run;
    bw_buf_init(&run, BW_CMD_FILE_BYTES_MAX);
    if (asked->run[0] && get_of(cli, "/v1/runs/", bw_str_of(asked->run), &run)) {
        struct bw_value value = bw_value_read(bw_buf_str(&run));
        asked->turns = bw_value_get_int(&value, "turns", 0);
    } else {
        asked->run[0] = '\0';
    }
    bw_buf_deinit(&run);
}

/* Before the answer: whose task it is, and how far that run is. */
static void look_before(struct bw_cli *cli, struct bw_str id, struct asked *asked)
{
    struct bw_buf task;
    *asked = (struct asked){0};
    bw_buf_init(&task, BW_CMD_FILE_BYTES_MAX);
    take_text(asked->id, id);
    if (id.len && get_of(cli, "/v1/tasks/", id, &task)) {
        struct bw_value value = bw_value_read(bw_buf_str(&task));
        take_text(asked->run, bw_value_get_str(&value, "run", BW_STR("")));
    }
    bw_buf_deinit(&task);
    note_turns(cli, asked);
}

/* Waits until the run has taken the answer: what it did not take is asked again in that turn. */
static void wait_for_turn(struct bw_cli *cli, const struct asked *asked)
{
    struct bw_buf answer;
    bw_buf_init(&answer, BW_CMD_FILE_BYTES_MAX);
    for (int waited = 0;
         waited < TURN_MS_MAX && get_of(cli, "/v1/runs/", bw_str_of(asked->run), &answer);
         waited += POLL_MS) {
        struct bw_value value = bw_value_read(bw_buf_str(&answer));
        if (bw_value_get_int(&value, "turns", 0) > asked->turns ||
            !bw_str_eq(bw_value_get_str(&value, "status", BW_STR("")), BW_STR("open")))
            break;
        bw_client_wait(cli->client, POLL_MS);
    }
    bw_buf_deinit(&answer);
}

/* Of a task's body; empty when it is none or no text. */
static struct bw_str said(const struct bw_value *task, const char *key)
{
    struct bw_value body = bw_value_get(task, "body");
    return body.tag == BW_VALUE_MAP ? bw_value_get_str(&body, key, BW_STR_NONE) : BW_STR_NONE;
}

/* Does this open task say that the answer to that one was not taken? */
static enum bw_err read_remark(const struct bw_value *answered, const struct bw_value *open,
                               struct bw_error *error)
{
    struct bw_str at = bw_value_get_str(answered, "answered_at", BW_STR(""));
    struct bw_str remark = said(open, "remark"), kind = said(open, "remark_kind");
    if (!at.len || bw_str_cmp(bw_value_get_str(open, "opened_at", BW_STR("")), at) < 0 ||
        !remark.len || bw_str_eq(kind, BW_STR("note")) ||
        !bw_str_eq(said(answered, "stage"), said(open, "stage"))) /* of others at the same time */
        return BW_ERR_OK;
    return bw_fail(
        error, bw_str_eq(kind, BW_STR("objection")) ? BW_ERR_FORBIDDEN : BW_ERR_INVALID,
        "the answer does not count: %.*s. The question is open again: billow task show %.*s",
        BW_STR_ARG(remark), BW_STR_ARG(bw_value_get_str(open, "id", BW_STR("?"))));
}

/* After the answer: FORBIDDEN or INVALID, with the reason, when it was not taken. */
static enum bw_err look_after(struct bw_cli *cli, const struct asked *asked, struct bw_error *error)
{
    struct bw_buf list, task;
    enum bw_err err = BW_ERR_OK;
    if (!asked->run[0])
        return BW_ERR_OK;
    wait_for_turn(cli, asked);
    bw_buf_init(&list, BW_CMD_FILE_BYTES_MAX);
    bw_buf_init(&task, BW_CMD_FILE_BYTES_MAX);
    if (get_of(cli, "/v1/tasks/", bw_str_of(asked->id), &task) &&
        get_of(cli, "/v1/tasks?status=open&run=", bw_str_of(asked->run), &list)) {
        struct bw_value answered = bw_value_read(bw_buf_str(&task)), open;
        struct bw_value all = bw_value_read(bw_buf_str(&list));
        struct bw_str rest = all.tag == BW_VALUE_ARR ? all.items : BW_STR_NONE;
        while (!err && bw_value_next(&rest, &open))
            err = read_remark(&answered, &open, error);
    }
    bw_buf_deinit(&list);
    bw_buf_deinit(&task);
    return err;
}

/* Posts the answer to a task and says so when it was not taken; exit code. */
static int answer_and_look(struct bw_cli *cli, struct bw_str id, const char *path,
                           struct bw_form *form, struct bw_buf *answer)
{
    struct bw_error error = {0};
    struct asked asked;
    look_before(cli, id, &asked);
    int status = post(cli, path, bw_form_finish(form), answer);
    if (status == BW_EXIT_OK && look_after(cli, &asked, &error))
        status = bw_cli_fail(cli, &error);
    return status;
}

static int answer_one(struct bw_cli *cli)
{
    struct bw_form form;
    struct bw_buf path, answer;
    const char *decision = cli->arguments[1];
    put_answer(cli, decision, &form);
    put_task_path(&path, cli->arguments[0], "answer");
    bw_buf_init(&answer, BW_CMD_FILE_BYTES_MAX);
    int status = put_data(cli, &form) ? answer_and_look(cli, bw_str_of(cli->arguments[0]),
                                                        bw_buf_cstr(&path), &form, &answer)
                                      : BW_EXIT_INVALID;
    if (status == BW_EXIT_OK)
        print_answered(cli, cli->arguments[0], decision, cli->actor);
    bw_form_deinit(&form);
    bw_buf_deinit(&path);
    bw_buf_deinit(&answer);
    return status;
}

/* With a link's token: whose answer it is stands in it. */
static int answer_token(struct bw_cli *cli, const char *token)
{
    struct bw_form form;
    struct bw_buf answer;
    struct bw_id task;
    char id[BW_ID_TEXT_LEN + 1] = "";
    if (bw_link_token_task(bw_str_of(token), &task)) /* a forged one is refused by the engine */
        bw_id_print(task, id);
    bw_form_init(&form);
    bw_form_put_text(&form, "token", token);
    bw_form_put_text(&form, "decision", cli->arguments[0]);
    bw_form_put_text(&form, "comment", bw_cli_option(cli, "comment"));
    bw_form_put_text(&form, "rendering", bw_cli_option(cli, "rendering"));
    bw_buf_init(&answer, BW_CMD_FILE_BYTES_MAX);
    int status = answer_and_look(cli, bw_str_of(id), "/v1/links/answer", &form, &answer);
    if (status == BW_EXIT_OK)
        print_answered(cli, "the task of this link", cli->arguments[0], "the person it is for");
    bw_form_deinit(&form);
    bw_buf_deinit(&answer);
    return status;
}

/* --- all that are usual: exceptions first, then the rest, each answered by itself */

struct bulk {
    struct bw_cli *cli;
    const char *decision;
    struct bw_buf exceptions, answered, failed; /* encoded tasks of each */
    size_t exception_count, answered_count, failed_count;
    struct asked *asked; /* whose answers were sent, and are to be looked at */
    size_t asked_count;
};

/* Why somebody should look at this task by itself; empty when nothing is unusual. */
static struct bw_str unusual(const struct bw_value *task)
{
    struct bw_value body = bw_value_get(task, "body"), first;
    if (body.tag != BW_VALUE_MAP)
        return BW_STR("it is no list of invoices");
    struct bw_value remarks = bw_value_get(&body, "remarks");
    struct bw_str rest = remarks.tag == BW_VALUE_ARR ? remarks.items : BW_STR_NONE;
    if (bw_value_next(&rest, &first))
        return bw_value_get_str(&first, "message", BW_STR("it is unusual"));
    struct bw_str remark = bw_value_get_str(&body, "remark", BW_STR_NONE);
    if (remark.len)
        return remark;
    struct bw_str stage = bw_value_get_str(&body, "stage", BW_STR_NONE);
    return bw_str_eq(stage, BW_STR("every bill")) ? BW_STR_NONE : stage;
}

static void put_entry(struct bw_buf *list, const struct bw_value *task, const char *why_key,
                      struct bw_str why)
{
    struct bw_form form;
    bw_form_init(&form);
    bw_form_put_value(&form, "id", bw_value_get(task, "id").encoded);
    bw_form_put_value(&form, "group", bw_value_get(task, "group").encoded);
    bw_form_put_value(&form, "title", bw_value_get(task, "title").encoded);
    if (why.len)
        bw_form_put_str(&form, why_key, why);
    bw_buf_put_str(list, bw_form_finish(&form));
    bw_form_deinit(&form);
}

static void put_failed(struct bulk *bulk, const struct bw_value *task, const struct bw_error *error)
{
    put_entry(&bulk->failed, task, "error", bw_str_of(error->text));
    bulk->failed_count++;
}

static void put_answered(struct bulk *bulk, const struct bw_value *task)
{
    put_entry(&bulk->answered, task, "", BW_STR_NONE);
    bulk->answered_count++;
}

static void answer_task(struct bulk *bulk, const struct bw_value *task)
{
    struct bw_cli *cli = bulk->cli;
    struct bw_error error = {0};
    struct bw_form form;
    struct bw_buf path, answer;
    struct asked *asked = &bulk->asked[bulk->asked_count];
    *asked = (struct asked){.task = *task};
    take_text(asked->id, bw_value_get_str(task, "id", BW_STR("")));
    take_text(asked->run, bw_value_get_str(task, "run", BW_STR("")));
    note_turns(cli, asked);
    put_answer(cli, bulk->decision, &form);
    put_task_path(&path, asked->id, "answer");
    bw_buf_init(&answer, BW_CMD_FILE_BYTES_MAX);
    if (bw_cli_call(cli, "POST", bw_buf_cstr(&path), bw_form_finish(&form), &answer, &error))
        put_failed(bulk, task, &error);
    else
        bulk->asked_count++;
    bw_form_deinit(&form);
    bw_buf_deinit(&path);
    bw_buf_deinit(&answer);
}

/* When all are sent: which of them were taken. */
static void look_at_all(struct bulk *bulk)
{
    for (size_t i = 0; i < bulk->asked_count; i++) {
        struct bw_error error = {0};
        if (look_after(bulk->cli, &bulk->asked[i], &error))
            put_failed(bulk, &bulk->asked[i].task, &error);
        else
            put_answered(bulk, &bulk->asked[i].task);
    }
}

static bool is_wanted(struct bw_cli *cli, const struct bw_value *task)
{
    const char *kind = bw_cli_option(cli, "kind"), *group = bw_cli_option(cli, "group");
    return bw_str_eq(bw_value_get_str(task, "kind", BW_STR("")),
                     bw_str_of(kind ? kind : "approval")) &&
           (!group || bw_str_eq(bw_value_get_str(task, "group", BW_STR("")), bw_str_of(group)));
}

static void as_list(struct bw_buf *list, size_t count, struct bw_buf *out)
{
    bw_buf_init(out, BW_CMD_FILE_BYTES_MAX);
    bw_value_put_arr(out, count);
    bw_buf_put_str(out, bw_buf_str(list));
}

static void print_list(struct bw_cli *cli, const char *title, struct bw_buf *list, size_t count,
                       const char *why)
{
    const char *const heads[] = {"task", "of", "title", why, NULL};
    const char *const keys[] = {"id", "group", "title", why, NULL};
    struct bw_buf rows;
    if (count == 0)
        return;
    as_list(list, count, &rows);
    fprintf(cli->out, "%s\n", title);
    bw_cmd_print_rows(cli, bw_buf_str(&rows), heads, keys);
    fputc('\n', cli->out);
    bw_buf_deinit(&rows);
}

static void print_bulk(struct bulk *bulk, bool is_dry)
{
    struct bw_cli *cli = bulk->cli;
    struct bw_form form;
    struct bw_buf rows;
    if (cli->is_json) {
        bw_form_init(&form);
        struct {
            const char *name;
            struct bw_buf *list;
            size_t count;
        } parts[] = {{"exceptions", &bulk->exceptions, bulk->exception_count},
                     {"answered", &bulk->answered, bulk->answered_count},
                     {"failed", &bulk->failed, bulk->failed_count}};
        for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
            as_list(parts[i].list, parts[i].count, &rows);
            bw_form_put_value(&form, parts[i].name, bw_buf_str(&rows));
            bw_buf_deinit(&rows);
        }
        bw_print_json(cli->out, bw_form_finish(&form));
        bw_form_deinit(&form);
        return;
    }
    print_list(cli, "not answered, or the answer does not count:", &bulk->failed,
               bulk->failed_count, "error");
    fprintf(cli->out, "%zu %s with %s by %s; %zu left to look at\n", bulk->answered_count,
            is_dry ? "would be answered" : "answered", bulk->decision, cli->actor,
            bulk->exception_count + bulk->failed_count);
}

/* One pass over the open tasks: the exceptions (`is_usual` false), or all others. */
static void pass(struct bulk *bulk, struct bw_str tasks, bool is_usual, bool is_dry)
{
    bool takes_all = bw_cli_option(bulk->cli, "with-exceptions") != NULL;
    struct bw_value list = bw_value_read(tasks), task;
    struct bw_str rest = list.items;
    while (bw_value_next(&rest, &task)) {
        if (!is_wanted(bulk->cli, &task))
            continue;
        struct bw_str why = unusual(&task);
        if (!is_usual && why.len) {
            put_entry(&bulk->exceptions, &task, "why", why);
            bulk->exception_count++;
        } else if (is_usual && (!why.len || takes_all) && is_dry) {
            put_answered(bulk, &task);
        } else if (is_usual && (!why.len || takes_all)) {
            answer_task(bulk, &task);
        }
    }
}

static int answer_all(struct bw_cli *cli)
{
    struct bw_error error = {0};
    struct bulk bulk = {.cli = cli, .decision = cli->arguments[0]};
    bool is_dry = bw_cli_option(cli, "dry-run") != NULL;
    struct bw_buf tasks;
    int status = BW_EXIT_OK;
    bw_buf_init(&tasks, BW_CMD_FILE_BYTES_MAX);
    bw_buf_init(&bulk.exceptions, BW_CMD_FILE_BYTES_MAX);
    bw_buf_init(&bulk.answered, BW_CMD_FILE_BYTES_MAX);
    bw_buf_init(&bulk.failed, BW_CMD_FILE_BYTES_MAX);
    if (bw_cli_call(cli, "GET", "/v1/tasks?status=open&limit=1000", BW_STR_NONE, &tasks, &error)) {
        status = bw_cli_fail(cli, &error);
    } else {
        pass(&bulk, bw_buf_str(&tasks), false, is_dry);
        if (!cli->is_json)
            print_list(cli, "to look at one by one:", &bulk.exceptions, bulk.exception_count,
                       "why");
        struct bw_value list = bw_value_read(bw_buf_str(&tasks));
        bulk.asked = bw_xcalloc(list.count + 1, sizeof *bulk.asked);
        pass(&bulk, bw_buf_str(&tasks), true, is_dry);
        look_at_all(&bulk);
        print_bulk(&bulk, is_dry);
        status = bulk.failed_count ? BW_EXIT_FAILED : BW_EXIT_OK;
    }
    bw_free(bulk.asked);
    bw_buf_deinit(&tasks);
    bw_buf_deinit(&bulk.exceptions);
    bw_buf_deinit(&bulk.answered);
    bw_buf_deinit(&bulk.failed);
    return status;
}

int bw_cmd_task_answer(struct bw_cli *cli)
{
    const char *token = bw_cli_option(cli, "token");
    bool is_all = bw_cli_option(cli, "all") != NULL;
    if (cli->argument_count == 2 && !token && !is_all)
        return answer_one(cli);
    if (cli->argument_count != 1 || (token != NULL) == is_all)
        return bw_cli_usage(cli,
                            "say which: TASK DECISION; --token TOKEN DECISION; --all DECISION");
    return token ? answer_token(cli, token) : answer_all(cli);
}

/* --- links */

int bw_cmd_task_link(struct bw_cli *cli)
{
    const char *person = bw_cli_option(cli, "for"), *hours = bw_cli_option(cli, "hours");
    int64_t number = 0;
    struct bw_form form;
    struct bw_buf path, answer;
    if (!person)
        return bw_cli_usage(cli, "--for is needed: the person who may answer with the link");
    if (hours && !bw_parse_i64(bw_str_of(hours), &number))
        return bw_cli_usage(cli, "--hours '%s' is no whole number", hours);
    bw_form_init(&form);
    bw_form_put_text(&form, "for", person);
    if (hours)
        bw_form_put_int(&form, "hours", number);
    put_task_path(&path, cli->arguments[0], "links");
    bw_buf_init(&answer, BW_CMD_FILE_BYTES_MAX);
    int status = post(cli, bw_buf_cstr(&path), bw_form_finish(&form), &answer);
    struct bw_value made = bw_value_read(status ? BW_STR_NONE : bw_buf_str(&answer));
    if (status == BW_EXIT_OK && !cli->is_json) {
        fprintf(cli->out, "%.*s\n", BW_STR_ARG(bw_value_get_str(&made, "token", BW_STR("?"))));
        bw_cli_say(cli, "for %s, until %.*s; it answers this task once", person,
                   BW_STR_ARG(bw_value_get_str(&made, "expires_at", BW_STR("?"))));
    }
    bw_form_deinit(&form);
    bw_buf_deinit(&path);
    bw_buf_deinit(&answer);
    return status;
}

int bw_cmd_task_view(struct bw_cli *cli)
{
    struct bw_error error = {0};
    struct bw_form form;
    struct bw_buf answer;
    bw_form_init(&form);
    bw_form_put_text(&form, "token", cli->arguments[0]);
    bw_buf_init(&answer, BW_CMD_FILE_BYTES_MAX);
    int status = BW_EXIT_OK;
    if (bw_cli_call(cli, "POST", "/v1/links/view", bw_form_finish(&form), &answer, &error))
        status = bw_cli_fail(cli, &error);
    else
        bw_print_json(cli->out, bw_buf_str(&answer));
    bw_form_deinit(&form);
    bw_buf_deinit(&answer);
    return status;
}
