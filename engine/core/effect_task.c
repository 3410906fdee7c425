/* effect_task.c - work for people.
 *
 *     "task.open" {kind, title, body, assignees, due_us?, group?} -> the answer
 *
 * The task is a row of the same commit; its id is derived from run and seq, so that the script
 * knows it beforehand. The answer comes through the door like everything that others tell us: an
 * inbox row "task:<seq>".
 */
#include "core/args.h"
#include "core/inside.h"

static enum bw_err task_plan(struct bw_plan *plan, struct bw_error *error)
{
    const struct bw_value *args = &plan->args;
    struct bw_value assignees;
    struct bw_task task = {
        .id = bw_id_derive(plan->run->keyed.id, plan->command->seq),
        .seq = plan->command->seq,
    };
    enum bw_err code = bw_args_need_str(args, "kind", &task.kind, error);
    if (code == BW_ERR_OK)
        code = bw_args_need_str(args, "title", &task.title, error);
    if (code == BW_ERR_OK)
        code = bw_args_opt_str(args, "group", &task.group, error);
    if (code == BW_ERR_OK)
        code = bw_args_opt_int(args, "due_us", &task.due_at_us, error);
    if (code == BW_ERR_OK)
        code = bw_args_need_arr(args, "assignees", &assignees, error);
    if (code != BW_ERR_OK)
        return code;
    static const char NO_VALUE[] = {BW_VALUE_NIL};
    static const char NO_NAMES[] = {BW_VALUE_ARR, 0};
    task.assignees = assignees.count ? assignees.encoded : bw_str(NO_NAMES, sizeof NO_NAMES);
    task.body = bw_value_get(args, "body").encoded;
    if (task.body.len == 0)
        task.body = bw_str(NO_VALUE, sizeof NO_VALUE);
    bw_batch_task(plan->batch, task);
    return BW_ERR_OK;
}

static void task_withdraw(struct bw_batch *batch, struct bw_effect *effect)
{
    bw_batch_close_task(batch, effect->seq);
}

const struct bw_effect_kind bw_effect_task_open = {
    .name = "task.open",
    .wake = BW_WAKE_TASK,
    .plan = task_plan,
    .withdraw = task_withdraw,
};
