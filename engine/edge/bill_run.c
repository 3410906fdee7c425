/* bill_run.c - the period's run, and the people who answer its tasks.
 *
 * Exceptions are answered as they come. An approval is answered only when every billing run of the
 * period stands at a task of its own, and then the one with the smallest contract id: each issues
 * before the next one is asked, so the numbers follow the contracts whatever happened in between, a
 * crash of this program included.
 */
#include "edge/bill.h"
#include "edge/cmd.h"
#include "edge/form.h"
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { POLL_MS = 20, DEPTH_MAX = 8 };

struct month {
    struct bw_bill *bill;
    struct bw_buf run;   /* the period's run */
    struct bw_buf runs;  /* open runs of the tenant */
    struct bw_buf tasks; /* open tasks */
    char path[160];      /* of the period's run */
    size_t answered;
};

static enum bw_err get(struct month *month, const char *path, struct bw_buf *answer,
                       struct bw_error *error)
{
    bw_buf_clear(answer);
    return bw_cli_call(month->bill->cli, "GET", path, BW_STR_NONE, answer, error);
}

static enum bw_err start(struct month *month, struct bw_error *error)
{
    struct bw_bill *bill = month->bill;
    struct bw_form input, body;
    char key[192];
    bw_form_init(&input);
    bw_form_init(&body);
    bw_form_put_text(&input, "period", bill->period);
    bw_form_put_text(&input, "contract", bill->contract);
    snprintf(key, sizeof key, "period/%s%s%s", bill->period, bill->contract ? "/" : "",
             bill->contract ? bill->contract : "");
    bw_form_put_text(&body, "workflow", "period-close");
    bw_form_put_text(&body, "key", key);
    bw_form_put_value(&body, "input", bw_form_finish(&input));
    enum bw_err err =
        bw_cli_call(bill->cli, "POST", "/v1/runs", bw_form_finish(&body), &month->run, error);
    struct bw_value run = bw_value_read(err ? BW_STR_NONE : bw_buf_str(&month->run));
    struct bw_str id = bw_value_get_str(&run, "id", BW_STR(""));
    snprintf(month->path, sizeof month->path, "/v1/runs/%.*s", BW_STR_ARG(id));
    if (!err && !bw_value_get_bool(&run, "is_new", true))
        bw_cli_say(bill->cli, "the period %s was started before: going on with it", bill->period);
    bw_form_deinit(&input);
    bw_form_deinit(&body);
    return err;
}

/* Does some open task belong to this run? */
static bool has_task(const struct month *month, struct bw_str run)
{
    struct bw_value list = bw_value_read(bw_buf_str(&month->tasks)), task;
    struct bw_str rest = list.items;
    while (bw_value_next(&rest, &task))
        if (bw_str_eq(bw_value_get_str(&task, "run", BW_STR("")), run))
            return true;
    return false;
}

static bool find_run(struct bw_str runs, struct bw_str id, struct bw_value *found)
{
    struct bw_value list = bw_value_read(runs);
    struct bw_str rest = list.items;
    while (id.len && bw_value_next(&rest, found))
        if (bw_str_eq(bw_value_get_str(found, "id", BW_STR("")), id))
            return true;
    return false;
}

/* Is it the period's run, or one that waits for such a one's result? Others (an import that was
 * broken off, collections, which follow their invoice for months) do not stop the month. */
static bool is_of_month(const struct month *month, const struct bw_value *run)
{
    struct bw_str period = bw_str_of(month->path + strlen("/v1/runs/"));
    struct bw_value at = *run;
    for (int depth = 0; depth < DEPTH_MAX; depth++) {
        struct bw_str parent = bw_value_get_str(&at, "parent", BW_STR(""));
        if (bw_str_eq(bw_value_get_str(&at, "id", BW_STR("")), period))
            return true;
        if (bw_value_get_int(&at, "parent_seq", 0) == 0) /* nobody waits for it */
            return false;
        if (bw_str_eq(parent, period))
            return true;
        if (!find_run(bw_buf_str(&month->runs), parent, &at))
            return false;
    }
    return false;
}

/* Every open run of the month either waits for its children or stands at a task of its own. */
static bool is_settled(const struct month *month)
{
    struct bw_value list = bw_value_read(bw_buf_str(&month->runs)), run;
    struct bw_str rest = list.items;
    while (bw_value_next(&rest, &run)) {
        struct bw_str wake = bw_value_get_str(&run, "wake", BW_STR(""));
        struct bw_str id = bw_value_get_str(&run, "id", BW_STR(""));
        bool is_waiting = bw_str_eq(wake, BW_STR("child")) ||
                          (bw_str_eq(wake, BW_STR("task")) && has_task(month, id));
        if (!is_waiting && is_of_month(month, &run))
            return false;
    }
    return true;
}

static bool is_kind(const struct bw_value *task, const char *kind)
{
    return bw_str_eq(bw_value_get_str(task, "kind", BW_STR("")), bw_str_of(kind));
}

/* Is it asked by a run of the month? What others ask (to write an invoice off, to credit one) is
 * nothing that whoever bills the month has said yes to. */
static bool is_asked_by_month(const struct month *month, const struct bw_value *task)
{
    struct bw_value run;
    return find_run(bw_buf_str(&month->runs), bw_value_get_str(task, "run", BW_STR("")), &run) &&
           is_of_month(month, &run);
}

/* The task of the month to answer now: any exception; else, when all is settled, the approval of
 * the smallest contract. */
static bool next_task(const struct month *month, struct bw_value *found)
{
    struct bw_value list = bw_value_read(bw_buf_str(&month->tasks)), task;
    struct bw_str rest = list.items;
    bool is_found = false;
    bool may_approve = is_settled(month);
    while (bw_value_next(&rest, &task)) {
        bool is_exception = is_kind(&task, "exception");
        if ((!is_exception && !is_kind(&task, "approval")) || !is_asked_by_month(month, &task))
            continue;
        if (is_exception) {
            *found = task;
            return true;
        }
        struct bw_str group = bw_value_get_str(&task, "group", BW_STR(""));
        if (may_approve &&
            (!is_found || bw_str_cmp(group, bw_value_get_str(found, "group", BW_STR(""))) < 0)) {
            *found = task;
            is_found = true;
        }
    }
    return is_found;
}

/* The engine goes on working while a person thinks. False when a signal ends the wait. */
static bool wait_for_input(struct bw_bill *bill)
{
    struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
    while (poll(&input, 1, 0) == 0) {
        if (bw_client_is_interrupted(bill->cli->client))
            return false;
        bw_client_wait(bill->cli->client, POLL_MS);
    }
    return true;
}

/* Asks on the terminal. False at the end of input. */
static bool ask(struct bw_bill *bill, const struct bw_value *task, char *decision, size_t len)
{
    struct bw_value body = bw_value_get(task, "body");
    struct bw_value choices = bw_value_get(&body, "decisions"), choice;
    struct bw_str rest = choices.items;
    fprintf(bill->cli->err, "%.*s\n  decision (",
            BW_STR_ARG(bw_value_get_str(task, "title", BW_STR(""))));
    for (size_t i = 0; bw_value_next(&rest, &choice); i++)
        fprintf(bill->cli->err, "%s%.*s", i ? ", " : "", BW_STR_ARG(choice.text));
    fprintf(bill->cli->err, "): ");
    fflush(bill->cli->err);
    if (!wait_for_input(bill) || !fgets(decision, (int)len, stdin))
        return false;
    decision[strcspn(decision, "\r\n")] = '\0';
    return true;
}

static enum bw_err answer(struct month *month, const struct bw_value *task, struct bw_error *error)
{
    struct bw_bill *bill = month->bill;
    bool is_approval = is_kind(task, "approval");
    const char *by = is_approval ? bill->approve_as : bill->clear_as;
    char decision[64], path[192];
    struct bw_form form;
    struct bw_buf ignored;
    snprintf(decision, sizeof decision, "%s", is_approval ? "approve" : "hold");
    if (!by && !ask(bill, task, decision, sizeof decision))
        return bw_fail(error, BW_ERR_CANCELLED,
                       "no more answers: 'billow bill' again goes on where this stopped");
    if (by)
        bw_cli_say(bill->cli, "%-10s %.*s: %s, by %s", is_approval ? "approval" : "exception",
                   BW_STR_ARG(bw_value_get_str(task, "title", BW_STR(""))), decision, by);
    bw_form_init(&form);
    bw_buf_init(&ignored, 65536);
    bw_form_put_text(&form, "decision", decision);
    bw_form_put_text(&form, "by", by ? by : bill->cli->actor);
    snprintf(path, sizeof path, "/v1/tasks/%.*s/answer",
             BW_STR_ARG(bw_value_get_str(task, "id", BW_STR(""))));
    enum bw_err err = bw_cli_call(bill->cli, "POST", path, bw_form_finish(&form), &ignored, error);
    if (err == BW_ERR_CONFLICT) /* answered by somebody else meanwhile */
        err = BW_ERR_OK;
    month->answered++;
    bw_form_deinit(&form);
    bw_buf_deinit(&ignored);
    return err;
}

static enum bw_err fail_parked(const struct bw_value *run, struct bw_error *error)
{
    struct bw_value why = bw_value_get(run, "error");
    return bw_fail(error, BW_ERR_SCRIPT,
                   "a run of %.*s is parked: %.*s (%.*s:%lld). 'billow run show %.*s' tells more; "
                   "'billow run resume' lets it go on, with --latest after a script was mended",
                   BW_STR_ARG(bw_value_get_str(run, "workflow", BW_STR("?"))),
                   BW_STR_ARG(bw_value_get_str(&why, "text", BW_STR("(no reason)"))),
                   BW_STR_ARG(bw_value_get_str(&why, "file", BW_STR("?"))),
                   (long long)bw_value_get_int(&why, "line", 0),
                   BW_STR_ARG(bw_value_get_str(run, "id", BW_STR("?"))));
}

/* A parked run of the month stops it: says which, and why. */
static enum bw_err check_parked(struct month *month, struct bw_error *error)
{
    struct bw_buf parked;
    bw_buf_init(&parked, BW_CMD_FILE_BYTES_MAX);
    enum bw_err err = get(month, "/v1/runs?status=parked&limit=1000", &parked, error);
    struct bw_value list = bw_value_read(err ? BW_STR_NONE : bw_buf_str(&parked)), run;
    struct bw_str rest = list.tag == BW_VALUE_ARR ? list.items : BW_STR_NONE;
    while (!err && bw_value_next(&rest, &run))
        if (is_of_month(month, &run))
            err = fail_parked(&run, error);
    bw_buf_deinit(&parked);
    return err;
}

/* One look at the month. `*is_done` when the period's run has ended. */
static enum bw_err look(struct month *month, bool *is_done, struct bw_error *error)
{
    enum bw_err err = get(month, month->path, &month->run, error);
    struct bw_value run = bw_value_read(err ? BW_STR_NONE : bw_buf_str(&month->run));
    struct bw_str status = bw_value_get_str(&run, "status", BW_STR(""));
    *is_done = !err && bw_str_eq(status, BW_STR("done"));
    if (err || *is_done)
        return err;
    if (!bw_str_eq(status, BW_STR("open"))) {
        err = check_parked(month, error);
        return err ? err
                   : bw_fail(error, BW_ERR_CONFLICT,
                             "the run of the period is %.*s: see 'billow run show %s'",
                             BW_STR_ARG(status), month->path + strlen("/v1/runs/"));
    }
    /* Tasks before runs: a run that moved on in between then shows no task, and is waited for. */
    err = get(month, "/v1/tasks?status=open&limit=10000", &month->tasks, error);
    if (!err)
        err = get(month, "/v1/runs?status=open&limit=10000", &month->runs, error);
    struct bw_value task;
    if (!err && next_task(month, &task))
        return answer(month, &task, error);
    if (!err)
        err = check_parked(month, error);
    if (!err)
        bw_client_wait(month->bill->cli->client, POLL_MS);
    return err;
}

enum bw_err bw_bill_run(struct bw_bill *bill, struct bw_error *error)
{
    struct month month = {.bill = bill};
    bool is_done = false;
    setvbuf(stdin, NULL, _IONBF, 0); /* poll knows nothing of what stdio would keep */
    bw_buf_init(&month.run, BW_CMD_FILE_BYTES_MAX);
    bw_buf_init(&month.runs, BW_CMD_FILE_BYTES_MAX);
    bw_buf_init(&month.tasks, BW_CMD_FILE_BYTES_MAX);
    enum bw_err err = start(&month, error);
    while (!err && !is_done)
        err = look(&month, &is_done, error);
    if (!err) {
        struct bw_value run = bw_value_read(bw_buf_str(&month.run));
        bill->result = bw_arena_copy(&bill->arena, bw_value_get(&run, "result").encoded);
    }
    bw_buf_deinit(&month.run);
    bw_buf_deinit(&month.runs);
    bw_buf_deinit(&month.tasks);
    return err;
}
