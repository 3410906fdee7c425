/* effect.c - see effect.h. */
#include "core/effect.h"

#include "base/assert.h"
#include "base/fault.h"
#include "core/inside.h"

#include <stdio.h>

static const struct bw_effect_kind *const KINDS[] = {
    &bw_effect_http,       &bw_effect_sleep,     &bw_effect_db_transaction, &bw_effect_db_query,
    &bw_effect_note,       &bw_effect_settings,  &bw_effect_number_next,    &bw_effect_event_wait,
    &bw_effect_event_send, &bw_effect_task_open, &bw_effect_child_start,    &bw_effect_child_call,
    &bw_effect_checkpoint,
};

const struct bw_effect_kind *bw_effect_kind_find(struct bw_str name)
{
    for (size_t i = 0; i < sizeof KINDS / sizeof *KINDS; i++) {
        if (bw_str_eq(name, bw_str_of(KINDS[i]->name)))
            return KINDS[i];
    }
    return NULL;
}

static struct bw_effect *effect_create(struct bw_run *run, const struct bw_effect_kind *kind,
                                       const struct bw_command *command,
                                       const struct bw_value *args)
{
    struct bw_effect *effect = bw_xcalloc(1, sizeof *effect);
    effect->kind = kind;
    effect->run = run;
    effect->seq = command->seq;
    effect->args = command->args;
    effect->cleans_up = command->flags & BW_COMMAND_CLEANS_UP;
    effect->due_us = kind->due_us ? kind->due_us(args) : 0;
    return effect;
}

static enum bw_err check_call(const struct bw_effect_kind *kind, const struct bw_command *command,
                              struct bw_error *error)
{
    bool blocks = command->flags & BW_COMMAND_BLOCKS;
    if (!kind)
        return bw_fail(error, BW_ERR_INVALID, "there is no effect of this kind");
    if (blocks && kind->is_post)
        return bw_fail(error, BW_ERR_INVALID, "it has no outcome: use effect.post");
    if (!blocks && !kind->is_post)
        return bw_fail(error, BW_ERR_INVALID, "it has an outcome: use effect.call or effect.start");
    return BW_ERR_OK;
}

enum bw_err bw_effect_plan(struct bw_engine *engine, struct bw_run *run, struct bw_batch *batch,
                           const struct bw_command *command, struct bw_error *error)
{
    const struct bw_effect_kind *kind = bw_effect_kind_find(command->kind);
    struct bw_error wrong;
    struct bw_plan plan = {.engine = engine, .run = run, .batch = batch, .command = command};
    enum bw_err code = check_call(kind, command, &wrong);
    if (code == BW_ERR_OK) {
        plan.args = bw_value_read(command->args);
        if (!kind->is_post)
            plan.effect = effect_create(run, kind, command, &plan.args);
        code = kind->plan ? kind->plan(&plan, &wrong) : BW_ERR_OK;
    }
    if (code != BW_ERR_OK) {
        if (plan.effect)
            bw_effect_destroy(engine, plan.effect);
        return bw_fail(error, code, "%.*s:%u: %.*s: %s", BW_STR_ARG(command->file), command->line,
                       BW_STR_ARG(command->kind), wrong.text);
    }
    if (plan.effect)
        bw_batch_begin(batch, plan.effect);
    return BW_ERR_OK;
}

struct bw_effect *bw_effect_restore(struct bw_engine *engine, struct bw_run *run,
                                    const struct bw_command *command)
{
    const struct bw_effect_kind *kind = bw_effect_kind_find(command->kind);
    (void)engine;
    if (!kind || kind->is_post)
        return NULL;
    struct bw_value args = bw_value_read(command->args);
    return effect_create(run, kind, command, &args);
}

static void deadline_due(struct bw_engine *engine, struct bw_timer *timer)
{
    struct bw_effect *effect = bw_container_of(timer, struct bw_effect, timer);
    if (!effect->is_answered)
        effect->kind->on_due(engine, effect);
}

static void begin(struct bw_engine *engine, struct bw_effect *effect, struct bw_str args,
                  bool is_again)
{
    struct bw_value value = bw_value_read(args);
    BW_ASSERT(!effect->is_answered && !effect->work);
    effect->args = BW_STR_NONE;
    if (effect->due_us) {
        effect->timer.on_due = deadline_due;
        bw_timer_arm(&engine->timers_utc, &effect->timer, effect->due_us);
    }
    if (is_again && effect->kind->recover)
        effect->kind->recover(engine, effect, &value);
    else if (effect->kind->begin)
        effect->kind->begin(engine, effect, &value);
    engine->counters.effects++;
}

void bw_effect_begin(struct bw_engine *engine, struct bw_effect *effect, struct bw_str args)
{
    begin(engine, effect, args, false);
}

void bw_effect_recover(struct bw_engine *engine, struct bw_effect *effect, struct bw_str args)
{
    effect->args = BW_STR_NONE;
    if (effect->is_answered)
        return;
    (void)BW_FAULT(EFFECT_RECOVER);
    begin(engine, effect, args, true);
}

void bw_effect_destroy(struct bw_engine *engine, struct bw_effect *effect)
{
    if (effect->kind->cancel)
        effect->kind->cancel(engine, effect);
    bw_timer_cancel(effect->due_us ? &engine->timers_utc : &engine->timers_mono, &effect->timer);
    BW_ASSERT(!effect->work);
    bw_free(effect);
}

void bw_effect_answer(struct bw_engine *engine, struct bw_effect *effect, struct bw_str outcome)
{
    if (effect->is_answered)
        return;
    effect->is_answered = true;
    bw_run_deliver(engine, effect->run, BW_DELIVERY_OUTCOME, effect->seq, BW_STR_NONE, outcome);
}

void bw_effect_put_error(struct bw_buf *buf, const char *code, const char *text,
                         struct bw_str detail, bool is_retryable)
{
    bw_value_put_map(buf, detail.len ? 4 : 3);
    bw_value_put_key(buf, "code");
    bw_value_put_text(buf, code);
    if (detail.len) {
        bw_value_put_key(buf, "detail");
        bw_buf_put_str(buf, detail);
    }
    bw_value_put_key(buf, "is_retryable");
    bw_value_put_bool(buf, is_retryable);
    bw_value_put_key(buf, "text");
    bw_value_put_text(buf, text);
}

void bw_effect_fail(struct bw_engine *engine, struct bw_effect *effect, const char *code,
                    const char *text, struct bw_str detail, bool is_retryable)
{
    struct bw_buf *buf = &engine->value;
    if (effect->is_answered)
        return;
    effect->is_answered = true;
    BW_ASSERT(buf->len == 0);
    bw_effect_put_error(buf, code, text, detail, is_retryable);
    /* Delivering may load or forget runs, never this one's effects: the buffer is free again
     * before. */
    struct bw_str copy = bw_arena_copy(&engine->scratch, bw_buf_str(buf));
    bw_buf_clear(buf);
    bw_run_deliver(engine, effect->run, BW_DELIVERY_ERROR, effect->seq, BW_STR_NONE, copy);
}
