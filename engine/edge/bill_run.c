/* bill_run.c - the period's run, and the people who answer its tasks.
 *
 * Exceptions are answered as they come. An approval is answered only when every billing run of the
 * period stands at a task of its own, and then the one with the smallest contract id: each issues
 * before the next one is asked, so the numbers follow the contracts whatever happened in between, a
 * crash of this program included. With --together they are all answered at once, and the numbers
 * come as the bills are issued.
 */
#include "edge/bill.h"
#include "edge/bill_look.h"
#include "edge/cmd.h"
#include "edge/form.h"
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* A look at a month costs by its runs: with thousands of them it is taken less often. */
enum { POLL_MS = 20, RUNS_PER_POLL_MS = 4, ANSWERED_POLL_MS = 2 };
/* Rounds of one period: more than anybody needs, few enough to look for the last. */
enum { ROUNDS_MAX = 100 };

struct month {
    struct bw_bill *bill;
    struct bw_bill_look look;
    struct bw_buf run; /* the period's run */
    struct bw_buf one; /* the run of the task just answered, or its next tasks */
    char path[160];    /* of the period's run */
    size_t answered;
};

static enum bw_err get(struct month *month, const char *path, struct bw_buf *answer,
                       struct bw_error *error)
{
    bw_buf_clear(answer);
    return bw_cli_call(month->bill->cli, "GET", path, BW_STR_NONE, answer, error);
}

/* Starts the period's run for the `round`th time, or finds the one that was started. */
static enum bw_err start_round(struct month *month, int round, bool *is_new, struct bw_error *error)
{
    struct bw_bill *bill = month->bill;
    struct bw_form input, body;
    char key[192], again[24] = "";
    bw_form_init(&input);
    bw_form_init(&body);
    bw_form_put_text(&input, "period", bill->period);
    bw_form_put_text(&input, "contract", bill->contract);
    if (round > 1)
        snprintf(again, sizeof again, "/again/%d", round);
    snprintf(key, sizeof key, "period/%s%s%s%s", bill->period, bill->contract ? "/" : "",
             bill->contract ? bill->contract : "", again);
    bw_buf_clear(&month->run);
    bw_form_put_text(&body, "workflow", "period-close");
    bw_form_put_text(&body, "key", key);
    bw_form_put_value(&body, "input", bw_form_finish(&input));
    enum bw_err err =
        bw_cli_call(bill->cli, "POST", "/v1/runs", bw_form_finish(&body), &month->run, error);
    struct bw_value run = bw_value_read(err ? BW_STR_NONE : bw_buf_str(&month->run));
    struct bw_str id = bw_value_get_str(&run, "id", BW_STR(""));
    snprintf(month->path, sizeof month->path, "/v1/runs/%.*s", BW_STR_ARG(id));
    *is_new = bw_value_get_bool(&run, "is_new", true);
    bw_form_deinit(&input);
    bw_form_deinit(&body);
    return err;
}

/* The run to go on with: the first, or with --again the first one that has not ended. Each round
 * has a key of its own, so that a round that was cut off is gone on with and never made twice. */
static enum bw_err start(struct month *month, struct bw_error *error)
{
    struct bw_bill *bill = month->bill;
    bool is_new = false, is_over = true;
    enum bw_err err = BW_ERR_OK;
    for (int round = 1; !err && !is_new && is_over; ++round) {
        if (round > ROUNDS_MAX)
            return bw_fail(error, BW_ERR_LIMIT,
                           "%s was billed again %d times: start period-close "
                           "with a key of your own: billow run start --help",
                           bill->period, ROUNDS_MAX);
        err = start_round(month, round, &is_new, error);
        is_over = false;
        if (!err && !is_new && bill->is_again) {
            err = get(month, month->path, &month->run, error);
            struct bw_value run = bw_value_read(err ? BW_STR_NONE : bw_buf_str(&month->run));
            is_over = !bw_str_eq(bw_value_get_str(&run, "status", BW_STR("")), BW_STR("open")) &&
                      !bw_str_eq(bw_value_get_str(&run, "status", BW_STR("")), BW_STR("parked"));
        }
    }
    if (!err && !is_new)
        bw_cli_say(bill->cli, "the period %s was started before: going on with it", bill->period);
    return err;
}

static bool is_kind(const struct bw_value *task, const char *kind)
{
    return bw_str_eq(bw_value_get_str(task, "kind", BW_STR("")), bw_str_of(kind));
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
        if (bw_bill_look_is_of_month(&month->look, &run))
            err = fail_parked(&run, error);
    bw_buf_deinit(&parked);
    return err;
}

/* Waits until the run of an answered task has ended, or stands at another task. */
static enum bw_err wait_for_run(struct month *month, const struct bw_value *task,
                                struct bw_error *error)
{
    struct bw_str id = bw_value_get_str(task, "run", BW_STR(""));
    char run_path[192], task_path[192];
    enum bw_err err = BW_ERR_OK;
    snprintf(run_path, sizeof run_path, "/v1/runs/%.*s", BW_STR_ARG(id));
    snprintf(task_path, sizeof task_path, "/v1/tasks?status=open&run=%.*s", BW_STR_ARG(id));
    for (int wait_ms = ANSWERED_POLL_MS; !err;
         wait_ms = wait_ms < POLL_MS ? 2 * wait_ms : POLL_MS) {
        bw_client_wait(month->bill->cli->client, wait_ms);
        err = get(month, run_path, &month->one, error);
        struct bw_value run = bw_value_read(err ? BW_STR_NONE : bw_buf_str(&month->one));
        if (err || !bw_str_eq(bw_value_get_str(&run, "status", BW_STR("")), BW_STR("open")))
            return err;
        if (!bw_str_eq(bw_value_get_str(&run, "wake", BW_STR("")), BW_STR("task")))
            continue;
        err = get(month, task_path, &month->one, error);
        if (!err && bw_value_read(bw_buf_str(&month->one)).count > 0)
            return BW_ERR_OK;
    }
    return err;
}

/* Answers the approvals one after the other, in the order of their contracts: each run issues
 * before the next is answered, unless all shall be answered together. Ends early when a run asks
 * again, which then comes first in the next round, or when it parks. `*count` says how many there
 * were. */
static enum bw_err approve_all(struct month *month, size_t *count, struct bw_error *error)
{
    struct bw_value *approvals = bw_bill_look_approvals(&month->look, count);
    enum bw_err err = BW_ERR_OK;
    bool has_ended = true;
    for (size_t i = 0; i < *count && !err && has_ended; i++) {
        err = answer(month, &approvals[i], error);
        if (err || month->bill->is_together)
            continue;
        err = wait_for_run(month, &approvals[i], error);
        struct bw_value run = bw_value_read(err ? BW_STR_NONE : bw_buf_str(&month->one));
        has_ended = run.tag == BW_VALUE_MAP && /* not a list of its new tasks */
                    bw_str_eq(bw_value_get_str(&run, "status", BW_STR("")), BW_STR("done"));
    }
    bw_free(approvals);
    return err;
}

/* Answers every exception of this look. */
static enum bw_err answer_exceptions(struct month *month, size_t *count, struct bw_error *error)
{
    struct bw_str rest = bw_value_read(bw_buf_str(&month->look.tasks)).items;
    struct bw_value task;
    enum bw_err err = BW_ERR_OK;
    while (!err && bw_bill_look_next_exception(&month->look, &rest, &task)) {
        err = answer(month, &task, error);
        ++*count;
    }
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
    err = bw_bill_look_take(&month->look, month->bill->cli, error);
    size_t answered = 0;
    if (!err)
        err = answer_exceptions(month, &answered, error);
    if (!err && !answered && bw_bill_look_is_settled(&month->look))
        err = approve_all(month, &answered, error);
    if (!err)
        err = check_parked(month, error);
    if (!err && !answered)
        bw_client_wait(month->bill->cli->client,
                       POLL_MS + (int)(month->look.row_count / RUNS_PER_POLL_MS));
    return err;
}

enum bw_err bw_bill_run(struct bw_bill *bill, struct bw_error *error)
{
    struct month month = {.bill = bill};
    bool is_done = false;
    setvbuf(stdin, NULL, _IONBF, 0); /* poll knows nothing of what stdio would keep */
    bw_buf_init(&month.run, BW_CMD_FILE_BYTES_MAX);
    bw_bill_look_init(&month.look);
    bw_buf_init(&month.one, BW_CMD_FILE_BYTES_MAX);
    enum bw_err err = start(&month, error);
    month.look.period_run = bw_str_of(month.path + strlen("/v1/runs/"));
    while (!err && !is_done)
        err = look(&month, &is_done, error);
    if (!err) {
        struct bw_value run = bw_value_read(bw_buf_str(&month.run));
        bill->result = bw_arena_copy(&bill->arena, bw_value_get(&run, "result").encoded);
    }
    bw_buf_deinit(&month.run);
    bw_bill_look_deinit(&month.look);
    bw_buf_deinit(&month.one);
    return err;
}
