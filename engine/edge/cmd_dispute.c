/* cmd_dispute.c - billow dispute: open one, see them, answer them. A dispute is a run of the
 * workflow `dispute`; its answers are those of its tasks. */
#include "edge/cmd.h"
#include "edge/form.h"
#include "edge/grid.h"
#include <string.h>

enum { PATH_BYTES_MAX = 4096 };

int bw_cmd_dispute_open(struct bw_cli *cli)
{
    static const char *const options[] = {"line", "entry", "amount", "reason", "note", "by", NULL};
    static const char *const members[] = {"line_id",     "entry_id", "amount",
                                          "reason_code", "note",     "raised_by"};
    if (!bw_cli_option(cli, "reason"))
        return bw_cli_usage(cli, "dispute open: --reason is needed: hours, rate, scope, quality, "
                                 "duplicate, tax, order, delivery or other");
    struct bw_form input;
    const char *owner = bw_cli_option(cli, "owner"), *days = bw_cli_option(cli, "answer-days");
    int64_t answer_days = 0;
    for (const char *at = days ? days : ""; *at; at++) {
        if (*at < '0' || *at > '9' || answer_days > 999)
            return bw_cli_usage(cli,
                                "dispute open: --answer-days is a number of business days, not "
                                "'%s'",
                                days);
        answer_days = answer_days * 10 + (*at - '0');
    }
    bw_form_init(&input);
    bw_form_put_text(&input, "invoice", cli->arguments[0]);
    for (size_t i = 0; options[i]; i++)
        bw_form_put_text(&input, members[i], bw_cli_option(cli, options[i]));
    bw_form_put_text(&input, "owner", owner ? owner : cli->actor);
    if (days)
        bw_form_put_int(&input, "answer_days", answer_days);
    int status = bw_cmd_carry_out(cli, "dispute", bw_form_finish(&input), NULL);
    bw_form_deinit(&input);
    return status;
}

int bw_cmd_dispute_list(struct bw_cli *cli)
{
    return bw_cmd_print_view(cli, bw_cli_option(cli, "all") ? "disputes" : "open-disputes");
}

static void print_steps(struct bw_cli *cli, const struct bw_value *dispute)
{
    static const char *const heads[] = {"when", "state", ">accepted", "credit note",
                                        "by",   "note",  "evidence",  NULL};
    static const char *const keys[] = {"at",    "state", "accepted_amount", "credit_note",
                                       "actor", "note",  "evidence",        NULL};
    struct bw_value steps = bw_value_get(dispute, "steps"), step;
    struct bw_str rest = steps.items;
    struct bw_grid grid;
    bw_grid_init(&grid, heads);
    while (bw_value_next(&rest, &step)) {
        for (size_t i = 0; keys[i]; i++) {
            struct bw_value cell = bw_value_get(&step, keys[i]);
            bw_grid_add_value(&grid, &cell);
        }
    }
    bw_grid_print(&grid, cli->out);
    bw_grid_deinit(&grid);
}

static void print_dispute(struct bw_cli *cli, struct bw_str value)
{
    static const char *const keys[] = {"invoice",  "line_id", "entry_id", "amount",
                                       "currency", "reason",  "note",     NULL};
    struct bw_value dispute = bw_value_read(value);
    fprintf(cli->out, "%.*s: %.*s", BW_STR_ARG(bw_value_get_str(&dispute, "id", BW_STR("?"))),
            BW_STR_ARG(bw_value_get_str(&dispute, "state", BW_STR("?"))));
    for (size_t i = 0; keys[i]; i++) {
        struct bw_str text = bw_value_get_str(&dispute, keys[i], BW_STR(""));
        if (text.len)
            fprintf(cli->out, "%s%.*s", i == 1 ? "  line " : "  ", BW_STR_ARG(text));
    }
    fprintf(cli->out, "\nowner %.*s, answer by %.*s\n",
            BW_STR_ARG(bw_value_get_str(&dispute, "owner", BW_STR("?"))),
            BW_STR_ARG(bw_value_get_str(&dispute, "answer_by", BW_STR("?"))));
    print_steps(cli, &dispute);
}

int bw_cmd_dispute_show(struct bw_cli *cli)
{
    struct bw_buf path;
    bw_buf_init(&path, PATH_BYTES_MAX);
    bw_buf_put_text(&path, "/v1/disputes");
    bw_cmd_put_segment(&path, cli->arguments[0]);
    int status = bw_cmd_show(cli, &path, print_dispute);
    bw_buf_deinit(&path);
    return status;
}

/* --- dispute resolve */

struct verdict {
    const char *decision;
    const char *amount;
    const char *evidence;
    bool is_rebilled;
};

/* One of --accept, --reject, --withdraw; --amount makes it in part. */
static const char *read_verdict(struct bw_cli *cli, struct verdict *verdict)
{
    bool is_accepted = bw_cli_option(cli, "accept") != NULL;
    bool is_rejected = bw_cli_option(cli, "reject") != NULL;
    bool is_withdrawn = bw_cli_option(cli, "withdraw") != NULL;
    verdict->amount = bw_cli_option(cli, "amount");
    verdict->evidence = bw_cli_option(cli, "evidence");
    verdict->is_rebilled = bw_cli_option(cli, "rebill") != NULL;
    verdict->decision = is_withdrawn ? "withdrawn" : is_rejected ? "reject" : "accept";
    if (is_accepted && verdict->amount)
        verdict->decision = "partly";
    if (is_accepted + is_rejected + is_withdrawn != 1)
        return "say one of --accept, --reject, --withdraw";
    if (is_rejected && !verdict->evidence)
        return "--reject needs --evidence: what shows that the invoice is right";
    if (!is_accepted && (verdict->amount || verdict->is_rebilled))
        return "--amount and --rebill go with --accept";
    return NULL;
}

static bool offers(const struct bw_value *task, const char *decision)
{
    struct bw_value body = bw_value_get(task, "body");
    struct bw_value list = bw_value_get(&body, "decisions"), choice;
    struct bw_str rest = list.tag == BW_VALUE_ARR ? list.items : BW_STR_NONE;
    while (bw_value_next(&rest, &choice))
        if (bw_str_eq(choice.text, bw_str_of(decision)))
            return true;
    return false;
}

static enum bw_err answer(struct bw_cli *cli, struct bw_str task, const char *decision,
                          const struct verdict *verdict, struct bw_error *error)
{
    struct bw_form form, data;
    struct bw_buf path, ignored;
    bw_form_init(&form);
    bw_form_init(&data);
    bw_buf_init(&path, PATH_BYTES_MAX);
    bw_buf_init(&ignored, 65536);
    bw_form_put_text(&form, "decision", decision);
    bw_form_put_text(&form, "by", cli->actor);
    bw_form_put_text(&form, "comment", bw_cli_option(cli, "comment"));
    if (verdict) {
        bw_form_put_text(&data, "amount", verdict->amount);
        bw_form_put_text(&data, "evidence", verdict->evidence);
        if (verdict->is_rebilled)
            bw_form_put_bool(&data, "rebill", true);
        bw_form_put_value(&form, "data", bw_form_finish(&data));
    }
    bw_buf_printf(&path, "/v1/tasks/%.*s/answer", BW_STR_ARG(task));
    enum bw_err err =
        bw_cli_call(cli, "POST", bw_buf_cstr(&path), bw_form_finish(&form), &ignored, error);
    bw_form_deinit(&form);
    bw_form_deinit(&data);
    bw_buf_deinit(&path);
    bw_buf_deinit(&ignored);
    return err;
}

/* The dispute's own open task. */
static bool first_task(const struct bw_buf *tasks, const char *id, struct bw_value *task)
{
    struct bw_value list = bw_value_read(bw_buf_str(tasks));
    struct bw_str rest = list.items;
    while (bw_value_next(&rest, task))
        if (bw_str_eq(bw_value_get_str(task, "run", BW_STR("")), bw_str_of(id)))
            return true;
    return false;
}

/* Takes the dispute up when nobody has, then gives the verdict, and waits for what follows. */
static enum bw_err resolve(struct bw_cli *cli, const struct verdict *verdict, struct bw_buf *run,
                           struct bw_buf *tasks, struct bw_error *error)
{
    const char *id = cli->arguments[0];
    struct bw_value task;
    char first[64] = "";
    enum bw_err err = bw_cmd_settle(cli, bw_str_of(id), run, tasks, error);
    for (int round = 0; !err && round < 2; round++) {
        if (!first_task(tasks, id, &task))
            return bw_fail(error, BW_ERR_CONFLICT,
                           "dispute %s waits for no answer: 'billow dispute show %s' tells why", id,
                           id);
        bool is_verdict = offers(&task, verdict->decision);
        snprintf(first, sizeof first, "%.*s",
                 BW_STR_ARG(bw_value_get_str(&task, "id", BW_STR(""))));
        err = answer(cli, bw_str_of(first), is_verdict ? verdict->decision : "investigate",
                     is_verdict ? verdict : NULL, error);
        if (!err)
            err = bw_cmd_settle(cli, bw_str_of(id), run, tasks, error);
        if (is_verdict)
            break;
    }
    return err;
}

int bw_cmd_dispute_resolve(struct bw_cli *cli)
{
    struct bw_error error = {0};
    struct verdict verdict;
    struct bw_buf run, tasks;
    const char *wrong = read_verdict(cli, &verdict);
    if (wrong)
        return bw_cli_usage(cli, "dispute resolve: %s", wrong);
    bw_buf_init(&run, BW_CMD_FILE_BYTES_MAX);
    bw_buf_init(&tasks, BW_CMD_FILE_BYTES_MAX);
    int status = BW_EXIT_OK;
    struct bw_value task, body;
    if (resolve(cli, &verdict, &run, &tasks, &error)) {
        status = bw_cli_fail(cli, &error);
    } else if (first_task(&tasks, cli->arguments[0], &task)) { /* asked again: it said why */
        body = bw_value_get(&task, "body");
        (void)bw_fail(&error, BW_ERR_INVALID, "%.*s",
                      BW_STR_ARG(bw_value_get_str(&body, "remark", BW_STR("it is asked again"))));
        status = bw_cli_fail(cli, &error);
    } else {
        status = bw_cmd_print_result(cli, bw_buf_str(&run), bw_buf_str(&tasks));
    }
    bw_buf_deinit(&run);
    bw_buf_deinit(&tasks);
    return status;
}
