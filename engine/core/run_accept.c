/* run_accept.c - how the result of a turn becomes a batch: what was delivered, what the script asks
 * for, what becomes of the run. Stations 6 and 7 of docs/walk.md; the states are in run.c. */
#include "core/run.h"

#include "base/assert.h"
#include "base/fault.h"
#include "core/args.h"
#include "core/inside.h"

#include <inttypes.h>
#include <stdio.h>

void bw_run_fill(struct bw_engine *engine, struct bw_run *run, enum bw_batch_kind kind,
                 struct bw_batch *batch)
{
    /* Like turn time, it never goes back: a run that is loaded takes it from its row. */
    int64_t at_us = engine->now_us > run->last_at_us ? engine->now_us : run->last_at_us;
    batch->kind = kind;
    batch->run = run;
    batch->commit = (struct bw_turn_commit){
        .batch = bw_id_make((struct bw_stamp){engine->now_us}, engine->config.entropy),
        .tenant = run->tenant,
        .run = run->keyed.id,
        .shard = run->shard,
        .epoch = bw_lease_epoch(engine, run->shard),
        .expected_head = run->head,
        .at_us = kind == BW_BATCH_TURN ? run->turn_at_us : at_us,
        .status = BW_RUN_OPEN,
        .wake = BW_WAKE_READY,
        .base = run->base,
        .last_seq = run->last_seq,
    };
}

/* --- What was delivered. */

/* The answer did not come from where the effect asked: its rows are still open. */
static bool is_answered_elsewhere(const struct bw_item *item)
{
    return item->key.len == 0 || bw_str_starts(item->key, BW_STR("kept:")) ||
           bw_str_starts(item->key, BW_STR("skip:"));
}

static void withdraw(struct bw_batch *batch, struct bw_effect *effect)
{
    if (effect->is_leaving)
        return;
    effect->is_leaving = true;
    if (effect->kind->withdraw)
        effect->kind->withdraw(batch, effect);
}

/* Asked for and given up in one turn: nothing of it reaches the database. */
static void forget(struct bw_batch *batch, struct bw_effect *effect)
{
    if (!effect->is_leaving)
        bw_batch_forget(batch, effect->seq);
    effect->is_leaving = true;
}

/* The rows that the turn took, delivered or not: read. Except for an event whose wait ends in this
 * very commit without having been answered by it (the timeout came first, another strand won):
 * unread, the store gives it to the next who waits. */
static void put_acks(struct bw_run *run, struct bw_batch *batch)
{
    for (size_t i = 0; i < run->inbox.taken; i++) {
        const struct bw_item *item = &run->inbox.items[i];
        bool is_given_back = false;
        if (item->key.len == 0)
            continue;
        if (bw_str_starts(item->key, BW_STR("event:"))) {
            for (size_t k = 0; k < batch->commit.unwait_count && !is_given_back; k++)
                is_given_back = batch->unwaits[k] == item->seq;
        }
        if (!is_given_back)
            bw_batch_ack(batch, bw_arena_copy(&batch->arena, item->key));
    }
}

/* Deliveries of the turn as the journal keeps them. */
static void put_deliveries(struct bw_run *run, struct bw_batch *batch, struct bw_turn_record *turn)
{
    turn->deliveries =
        bw_arena_alloc(&batch->arena, (run->inbox.taken + 1) * sizeof *turn->deliveries);
    for (size_t i = 0; i < run->inbox.taken; i++) {
        const struct bw_item *item = &run->inbox.items[i];
        if (item->is_stale)
            continue;
        turn->deliveries[turn->delivery_count++] =
            (struct bw_delivery){item->kind, item->seq, item->value};
        struct bw_effect *effect = bw_run_find_effect(run, item->seq);
        if (effect && effect->kind->withdraw && is_answered_elsewhere(item))
            effect->kind->withdraw(batch, effect);
        if (item->kind != BW_DELIVERY_CANCEL)
            continue;
        /* Raised in every strand: whatever they waited for is given up, unless a handler does. */
        for (size_t k = 0; k < run->effect_count; k++) {
            if (!run->effects[k]->is_delivered && !run->effects[k]->cleans_up)
                withdraw(batch, run->effects[k]);
        }
    }
}

void bw_run_tidy(struct bw_engine *engine, struct bw_run *run)
{
    BW_ASSERT(run->state == BW_RUN_STATE_WAITING && run->place == BW_RUN_NOWHERE && !run->load);
    struct bw_batch *batch = bw_group_batch(engine);
    bw_run_fill(engine, run, BW_BATCH_TIDY, batch);
    for (size_t i = 0; i < run->inbox.count; i++)
        run->inbox.items[i].is_stale = true;
    bw_inbox_take(&run->inbox);
    put_acks(run, batch);
    batch->commit.wake =
        bw_run_wake_reason(run, NULL, &batch->commit.wake_at_us, &batch->commit.is_active);
    run->state = BW_RUN_STATE_COMMITTING;
    bw_group_add(engine, batch);
    bw_run_check_state(run);
}

/* --- What the script asks for. */

static void plan_cancel(struct bw_run *run, struct bw_batch *batch,
                        const struct bw_command *command)
{
    struct bw_value args = bw_value_read(command->args);
    uint64_t seq = (uint64_t)bw_value_get_int(&args, "seq", 0);
    struct bw_effect *effect = bw_run_find_effect(run, seq);
    for (size_t i = 0; i < batch->begin_count; i++) {
        if (batch->begins[i]->seq == seq)
            forget(batch, batch->begins[i]);
    }
    if (!effect)
        return;
    if (!effect->is_delivered)
        withdraw(batch, effect);
    else if (effect->kind == &bw_effect_event_wait)
        bw_batch_unwait(batch,
                        seq); /* delivered, but another strand won the race before: see put_acks */
}

static enum bw_err plan_commands(struct bw_engine *engine, struct bw_run *run,
                                 const struct bw_turn_result *result, struct bw_batch *batch,
                                 struct bw_error *error)
{
    if (result->command_count > engine->limits.commands_max)
        return bw_fail(error, BW_ERR_LIMIT,
                       "%zu effects in one turn, at most %zu are allowed: wait for some before "
                       "asking for more",
                       result->command_count, engine->limits.commands_max);
    for (size_t i = 0; i < result->command_count; i++) {
        const struct bw_command *command = &result->commands[i];
        enum bw_err code = BW_ERR_OK;
        if (bw_str_eq(command->kind, BW_STR(BW_COMMAND_CANCEL)))
            plan_cancel(run, batch, command);
        else
            code = bw_effect_plan(engine, run, batch, command, error);
        if (code != BW_ERR_OK)
            return code;
    }
    if (run->effect_count + batch->begin_count > engine->limits.pending_max)
        return bw_fail(
            error, BW_ERR_LIMIT,
            "the run waits for over %zu effects at a time: wait for some before asking for more",
            engine->limits.pending_max);
    return BW_ERR_OK;
}

/* --- What becomes of the run. */

/* Tells the run that called this one. */
static void tell_parent(struct bw_engine *engine, struct bw_run *run, struct bw_batch *batch,
                        struct bw_str value, bool is_error)
{
    if (run->parent_seq == 0)
        return;
    (void)engine;
    bw_batch_message(batch, (struct bw_message){
                                .tenant = run->tenant,
                                .run = run->parent,
                                .key = bw_batch_key(batch, "child", run->parent_seq),
                                .kind = is_error ? BW_MESSAGE_ERROR : BW_MESSAGE_OUTCOME,
                                .seq = run->parent_seq,
                                .value = value,
                            });
}

static struct bw_str nil_value(void)
{
    static const char NIL[] = {BW_VALUE_NIL};
    return bw_str(NIL, 1);
}

static void close_effects(struct bw_run *run, struct bw_batch *batch)
{
    for (size_t i = 0; i < run->effect_count; i++) {
        if (!run->effects[i]->is_delivered)
            withdraw(batch, run->effects[i]);
    }
    for (size_t i = 0; i < batch->begin_count; i++)
        forget(batch, batch->begins[i]);
}

static void end_done(struct bw_engine *engine, struct bw_run *run, struct bw_batch *batch,
                     struct bw_str value)
{
    struct bw_turn_commit *commit = &batch->commit;
    close_effects(run, batch);
    commit->status = BW_RUN_DONE;
    commit->wake = BW_WAKE_NONE;
    commit->result = value.len ? value : nil_value();
    tell_parent(engine, run, batch, commit->result, false);
}

static void end_cancelled(struct bw_engine *engine, struct bw_run *run, struct bw_batch *batch,
                          struct bw_str why)
{
    struct bw_turn_commit *commit = &batch->commit;
    char id[BW_ID_TEXT_LEN + 1];
    char text[128];
    struct bw_buf *buf = &engine->value;
    close_effects(run, batch);
    commit->status = BW_RUN_CANCELLED;
    commit->wake = BW_WAKE_NONE;
    if (why.len && bw_value_read(why).tag == BW_VALUE_MAP)
        commit->error = why;
    bw_id_print(run->keyed.id, id);
    snprintf(text, sizeof text, "run %s (%.60s) was cancelled", id, run->workflow);
    bw_effect_put_error(buf, "CANCELLED", text, commit->error, false);
    tell_parent(engine, run, batch, bw_arena_copy(&batch->arena, bw_buf_str(buf)), true);
    bw_buf_clear(buf);
}

static bool has_cancel(const struct bw_run *run)
{
    for (size_t i = 0; i < run->inbox.count; i++) {
        if (run->inbox.items[i].kind == BW_DELIVERY_CANCEL)
            return true;
    }
    return false;
}

/* What of the failed turn must not be lost, and what must be forgotten so that a resume performs it
 * again. */
static void keep_deliveries(struct bw_run *run, struct bw_batch *batch)
{
    for (size_t i = 0; i < run->inbox.count; i++) {
        const struct bw_item *item = &run->inbox.items[i];
        const struct bw_effect *effect = bw_run_find_effect(run, item->seq);
        if (bw_str_starts(item->key, BW_STR(BW_STORE_STOP)) ||
            bw_str_starts(item->key, BW_STR(BW_STORE_RESUME)))
            bw_batch_ack(batch, bw_arena_copy(&batch->arena, item->key)); /* it is parked now */
        if (!effect || (item->kind != BW_DELIVERY_OUTCOME && item->kind != BW_DELIVERY_ERROR))
            continue;
        if (item->kind == BW_DELIVERY_ERROR) {
            if (item->key.len && effect->kind->is_in_commit)
                bw_batch_ack(batch, item->key);
        } else if (item->key.len == 0) {
            bw_batch_message(batch, (struct bw_message){
                                        .tenant = run->tenant,
                                        .run = run->keyed.id,
                                        .key = bw_batch_key(batch, "kept", item->seq),
                                        .kind = BW_MESSAGE_OUTCOME,
                                        .seq = item->seq,
                                        .value = bw_arena_copy(&batch->arena, item->value),
                                    });
        }
    }
}

/* The failed effect: the first error outcome of the turn. 0 when the script failed by itself. */
static uint64_t failed_seq(const struct bw_run *run)
{
    for (size_t i = 0; i < run->inbox.taken; i++) {
        const struct bw_item *item = &run->inbox.items[i];
        if (item->kind == BW_DELIVERY_ERROR && !item->is_stale)
            return item->seq;
    }
    return 0;
}

void bw_run_park(struct bw_engine *engine, struct bw_run *run, struct bw_str error,
                 struct bw_batch *batch)
{
    (void)BW_FAULT(RUN_PARK);
    BW_ASSERT(run->state == BW_RUN_STATE_READY || run->state == BW_RUN_STATE_EXECUTING);
    bw_run_check_state(run);
    BW_ASSERT(batch->commit.turn.len == 0 && batch->begin_count == 0);
    struct bw_turn_commit *commit = &batch->commit;
    bw_run_fill(engine, run, BW_BATCH_PARK, batch);
    for (size_t i = 0; i < run->effect_count; i++)
        run->effects[i]->is_leaving = run->effects[i]->is_delivered = false;
    if (has_cancel(run)) {
        /* It was to end anyway, and cannot even unwind: end it, and say so. */
        end_cancelled(engine, run, batch, bw_arena_copy(&batch->arena, error));
        run->inbox.taken = run->inbox.count;
        put_acks(run, batch);
    } else {
        struct bw_buf *buf = &engine->value;
        struct bw_value map = bw_value_read(error);
        uint64_t seq = failed_seq(run);
        commit->status = BW_RUN_PARKED;
        commit->wake = BW_WAKE_PARKED;
        if (seq) {
            bw_value_put_map_with_int(buf, &map, "effect", (int64_t)seq);
            commit->error = bw_arena_copy(&batch->arena, bw_buf_str(buf));
            bw_buf_clear(buf);
        } else {
            commit->error = bw_arena_copy(&batch->arena, error);
        }
        keep_deliveries(run, batch);
    }
    bw_run_unlink(engine, run);
    run->state = BW_RUN_STATE_COMMITTING;
    bw_run_check_state(run);
}

/* The batch that was being filled is given up for one that parks. */
static void park_instead(struct bw_engine *engine, struct bw_run *run, struct bw_str error,
                         struct bw_batch *batch)
{
    struct bw_frame_in *frame = batch->frame; /* keeps what `error` borrows from */
    for (size_t i = 0; i < batch->begin_count; i++)
        bw_effect_destroy(engine, batch->begins[i]);
    batch->begin_count = 0;
    batch->frame = NULL;
    bw_batch_reset(batch);
    batch->frame = frame;
    bw_run_park(engine, run, error, batch);
}

static void park_with_error(struct bw_engine *engine, struct bw_run *run,
                            const struct bw_error *error, struct bw_batch *batch)
{
    struct bw_buf buf;
    bw_buf_init(&buf, 64 * 1024);
    bw_effect_put_error(&buf, bw_err_name(error->code), error->text, BW_STR_NONE, false);
    park_instead(engine, run, bw_buf_str(&buf), batch);
    bw_buf_deinit(&buf);
}

/* What the host says went wrong: a script's error as it is, anything else wrapped into one. */
static void park_failed(struct bw_engine *engine, struct bw_run *run,
                        const struct bw_turn_result *result, struct bw_batch *batch)
{
    struct bw_value value = bw_value_read(result->value);
    bool is_error = value.tag == BW_VALUE_MAP && bw_value_get(&value, "code").tag == BW_VALUE_STR;
    if (is_error) {
        park_instead(engine, run, result->value, batch);
        return;
    }
    bool is_replay = result->status == BW_TURN_NONDETERMINISM;
    struct bw_str text = bw_value_get_str(&value, "text",
                                          is_replay ? BW_STR("the replay differs from the journal")
                                                    : BW_STR("the script raised an error"));
    struct bw_buf buf;
    bw_buf_init(&buf, engine->limits.row_bytes_max);
    bw_effect_put_error(&buf, is_replay ? "NONDETERMINISM" : "SCRIPT",
                        bw_arena_cstr(&engine->scratch, text), result->value, false);
    park_instead(engine, run, bw_buf_str(&buf), batch);
    bw_buf_deinit(&buf);
}

static void accept_status(struct bw_engine *engine, struct bw_run *run,
                          const struct bw_turn_result *result, struct bw_batch *batch)
{
    struct bw_turn_commit *commit = &batch->commit;
    switch (result->status) {
    case BW_TURN_DONE:
        end_done(engine, run, batch, result->value);
        break;
    case BW_TURN_CANCELLED:
        end_cancelled(engine, run, batch, result->value);
        break;
    case BW_TURN_CHECKPOINT:
        close_effects(run, batch);
        commit->base = run->head + 1;
        commit->state = result->value.len ? result->value : nil_value();
        commit->is_active = true;
        batch->is_checkpoint = true;
        break;
    default:
        commit->wake = bw_run_wake_reason(run, batch, &commit->wake_at_us, &commit->is_active);
        /* Due as it is committed: not waiting but ready. A run at work then changes no indexed
         * column of its row. */
        if (commit->wake_at_us && commit->wake_at_us <= engine->now_us) {
            commit->wake = BW_WAKE_READY;
            commit->is_active = true;
            commit->wake_at_us = 0;
        }
        break;
    }
}

/* J1 of what a host claims. */
static enum bw_err check_commands(const struct bw_run *run, const struct bw_turn_result *result,
                                  struct bw_error *error)
{
    for (size_t i = 0; i < result->command_count; i++) {
        if (result->commands[i].seq != run->last_seq + 1 + i)
            return bw_fail(error, BW_ERR_CORRUPT,
                           "the host's command %zu has seq %" PRIu64 " where %" PRIu64
                           " comes next",
                           i + 1, result->commands[i].seq, run->last_seq + 1 + i);
    }
    return BW_ERR_OK;
}

enum bw_err bw_run_accept(struct bw_engine *engine, struct bw_run *run,
                          const struct bw_turn_result *result, struct bw_batch *batch,
                          struct bw_error *error)
{
    BW_ASSERT(run->state == BW_RUN_STATE_EXECUTING);
    bw_run_check_state(run);
    enum bw_err code = check_commands(run, result, error);
    if (code != BW_ERR_OK)
        return code;
    if (result->status == BW_TURN_FAILED || result->status == BW_TURN_NONDETERMINISM) {
        park_failed(engine, run, result, batch);
        return BW_ERR_OK;
    }

    struct bw_error wrong;
    struct bw_turn_record turn = {.at = {run->turn_at_us},
                                  .commands = result->commands,
                                  .command_count = result->command_count};
    bw_run_fill(engine, run, BW_BATCH_TURN, batch);
    batch->commit.last_seq = run->last_seq + result->command_count;
    batch->logs = result->logs;
    put_deliveries(run, batch, &turn);
    code = plan_commands(engine, run, result, batch, &wrong);
    if (code == BW_ERR_OK) {
        accept_status(engine, run, result, batch);
        if (result->status == BW_TURN_WAITING && batch->commit.wake == BW_WAKE_NONE)
            code = bw_fail(
                &wrong, BW_ERR_SCRIPT,
                "the script waits for nothing: every strand is blocked, and no effect is pending");
    }
    put_acks(run, batch);
    if (code == BW_ERR_OK)
        code = bw_journal_append(batch, &turn, run->last_seq, &engine->buffer, &wrong);
    if (code != BW_ERR_OK) {
        park_with_error(engine, run, &wrong, batch);
        return BW_ERR_OK;
    }
    run->state = BW_RUN_STATE_COMMITTING;
    bw_run_check_state(run);
    return BW_ERR_OK;
}
