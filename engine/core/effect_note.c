/* effect_note.c - "note" {kind, ...} and "checkpoint" {state}: posts that only leave a record.
 *
 * A note is a row that people read (policy decisions, progress). What a checkpoint does is said by
 * the status of the turn (core/run_accept.c); the command is there so that the journal shows it.
 */
#include "core/args.h"
#include "core/inside.h"

static enum bw_err note_plan(struct bw_plan *plan, struct bw_error *error)
{
    struct bw_str kind;
    struct bw_buf *buf = &plan->engine->value;
    enum bw_err code = bw_args_need_str(&plan->args, "kind", &kind, error);
    if (code != BW_ERR_OK)
        return code;
    bw_value_put_map_with_int(buf, &plan->args, "seq", (int64_t)plan->command->seq);
    bw_batch_note(plan->batch, bw_arena_copy(&plan->batch->arena, bw_buf_str(buf)));
    bw_buf_clear(buf);
    return BW_ERR_OK;
}

const struct bw_effect_kind bw_effect_note = {
    .name = "note",
    .is_post = true,
    .plan = note_plan,
};
const struct bw_effect_kind bw_effect_checkpoint = {
    .name = "checkpoint",
    .is_post = true,
};
