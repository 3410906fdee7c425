/* effect_child.c - runs that a run starts.
 *
 *     "child.start" {workflow, input, id_key?} (a post)
 *     "child.call"  {workflow, input} -> its result
 *
 * The child's row is part of the parent's commit; its id is derived from run and seq. It is pinned
 * to the parent's release. A called child's end puts "child:<seq>" into the parent's inbox, in the
 * child's own final commit. A parent that gives up a called child asks it to cancel.
 */
#include "core/args.h"
#include "core/inside.h"

static enum bw_err child_row(struct bw_plan *plan, struct bw_run_row *row, struct bw_error *error)
{
    const struct bw_run *run = plan->run;
    enum bw_err code = bw_args_need_str(&plan->args, "workflow", &row->workflow, error);
    if (code == BW_ERR_OK)
        code = bw_args_opt_str(&plan->args, "id_key", &row->key, error);
    if (code != BW_ERR_OK)
        return code;
    struct bw_release *release = bw_release_get(plan->engine, run->release_hash);
    if (release->is_here && !bw_release_has_workflow(release, row->workflow))
        return bw_fail(error, BW_ERR_NOT_FOUND,
                       "there is no workflow '%.*s' (workflows/%.*s.lua) in the run's release",
                       BW_STR_ARG(row->workflow), BW_STR_ARG(row->workflow));
    char parent[BW_ID_TEXT_LEN + 1];
    bw_id_print(run->keyed.id, parent);
    row->tenant = run->tenant;
    row->id = bw_id_derive(run->keyed.id, plan->command->seq);
    row->shard = bw_shard_of(row->id);
    memcpy(row->release, run->release_hash, sizeof row->release);
    row->status = BW_RUN_OPEN;
    row->wake = BW_WAKE_READY;
    row->is_active = true;
    row->parent = run->keyed.id;
    row->input = bw_value_get(&plan->args, "input").encoded;
    struct bw_buf by;
    bw_buf_init(&by, 64);
    bw_buf_printf(&by, "run:%s", parent);
    row->started_by = bw_arena_copy(&plan->batch->arena, bw_buf_str(&by));
    bw_buf_deinit(&by);
    row->created_at_us = row->updated_at_us = plan->batch->commit.at_us;
    return BW_ERR_OK;
}

static void put_child(struct bw_plan *plan, const struct bw_run_row *row)
{
    bw_batch_child(plan->batch, *row);
    if (!bw_lease_owns(plan->engine, row->shard))
        bw_batch_message(plan->batch, bw_engine_hint(row->tenant, row->id));
}

static enum bw_err start_plan(struct bw_plan *plan, struct bw_error *error)
{
    struct bw_run_row row = {0};
    enum bw_err code = child_row(plan, &row, error);
    if (code == BW_ERR_OK)
        put_child(plan, &row);
    return code;
}

static enum bw_err call_plan(struct bw_plan *plan, struct bw_error *error)
{
    struct bw_run_row row = {0};
    enum bw_err code = child_row(plan, &row, error);
    if (code == BW_ERR_OK && row.key.len)
        return bw_fail(error, BW_ERR_INVALID, "'id_key' is for workflow.start only");
    row.parent_seq = plan->command->seq;
    if (code == BW_ERR_OK)
        put_child(plan, &row);
    return code;
}

static void call_withdraw(struct bw_batch *batch, struct bw_effect *effect)
{
    struct bw_buf reason;
    bw_buf_init(&reason, 256);
    bw_value_put_map(&reason, 1);
    bw_value_put_key(&reason, "reason");
    bw_value_put_text(&reason, "the run that called it no longer waits for it");
    bw_batch_message(batch, (struct bw_message){
                                .tenant = batch->run->tenant,
                                .run = bw_id_derive(batch->run->keyed.id, effect->seq),
                                .key = BW_STR("cancel"),
                                .kind = BW_MESSAGE_CANCEL,
                                .value = bw_arena_copy(&batch->arena, bw_buf_str(&reason)),
                            });
    bw_buf_deinit(&reason);
}

const struct bw_effect_kind bw_effect_child_start = {
    .name = "child.start",
    .is_post = true,
    .plan = start_plan,
};
const struct bw_effect_kind bw_effect_child_call = {
    .name = "child.call",
    .wake = BW_WAKE_CHILD,
    .plan = call_plan,
    .withdraw = call_withdraw,
};
