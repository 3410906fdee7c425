/* effect_event.c - events between runs, and from outside.
 *
 *     "event.wait" {topic, key, timeout_us?} -> {body, id, key, topic} | {timeout = true}
 *     "event.send" {topic, key, id?, body, expires_us?} (a post)
 *
 * Matching is the store's, in the commit that adds the event or the wait: an event that came first
 * is taken at once. The timeout is ours: a deadline on the run's row. When both happen, one is
 * delivered; an event that came too late is left for the next one who waits (put_acks in
 * core/run_accept.c).
 */
#include "core/args.h"
#include "core/inside.h"

#include <inttypes.h>
#include <stdio.h>

/* Keys are ids in the script's hands: text, or an integer written out. Absent: the empty key. */
static enum bw_err event_key(struct bw_plan *plan, struct bw_str *key, struct bw_error *error)
{
    struct bw_value value = bw_value_get(&plan->args, "key");
    *key = BW_STR_NONE;
    if (value.tag == BW_VALUE_INT) {
        char text[32];
        int len = snprintf(text, sizeof text, "%" PRId64, value.integer);
        *key = bw_arena_copy(&plan->batch->arena, bw_str(text, (size_t)len));
        return BW_ERR_OK;
    }
    return bw_args_opt_str(&plan->args, "key", key, error);
}

static enum bw_err wait_plan(struct bw_plan *plan, struct bw_error *error)
{
    struct bw_wait wait = {.seq = plan->command->seq};
    int64_t timeout_us = 0;
    enum bw_err code = bw_args_need_str(&plan->args, "topic", &wait.topic, error);
    if (code == BW_ERR_OK)
        code = event_key(plan, &wait.key, error);
    if (code == BW_ERR_OK)
        code = bw_args_opt_int(&plan->args, "timeout_us", &timeout_us, error);
    if (code == BW_ERR_OK)
        bw_batch_wait(plan->batch, wait);
    return code;
}

static int64_t wait_due_us(const struct bw_value *args)
{
    return bw_value_get_int(args, "timeout_us", 0);
}

static void wait_on_due(struct bw_engine *engine, struct bw_effect *effect)
{
    static const char TIMED_OUT[] = {BW_VALUE_MAP, 1,   7,   't', 'i',          'm',
                                     'e',          'o', 'u', 't', BW_VALUE_TRUE};
    bw_effect_answer(engine, effect, bw_str(TIMED_OUT, sizeof TIMED_OUT));
}

static void wait_withdraw(struct bw_batch *batch, struct bw_effect *effect)
{
    bw_batch_unwait(batch, effect->seq);
}

const struct bw_effect_kind bw_effect_event_wait = {
    .name = "event.wait",
    .wake = BW_WAKE_EVENT,
    .plan = wait_plan,
    .due_us = wait_due_us,
    .on_due = wait_on_due,
    .withdraw = wait_withdraw,
};

static enum bw_err send_plan(struct bw_plan *plan, struct bw_error *error)
{
    struct bw_event event = {.tenant = plan->run->tenant};
    enum bw_err code = bw_args_need_str(&plan->args, "topic", &event.topic, error);
    if (code == BW_ERR_OK)
        code = event_key(plan, &event.key, error);
    if (code == BW_ERR_OK)
        code = bw_args_opt_str(&plan->args, "id", &event.id, error);
    if (code == BW_ERR_OK)
        code = bw_args_opt_int(&plan->args, "expires_us", &event.expires_at_us, error);
    if (code != BW_ERR_OK)
        return code;
    if (event.id.len == 0) {
        char run[BW_ID_TEXT_LEN + 1];
        char id[BW_ID_TEXT_LEN + 32];
        bw_id_print(plan->run->keyed.id, run);
        int len = snprintf(id, sizeof id, "%s/%" PRIu64, run, plan->command->seq);
        event.id = bw_arena_copy(&plan->batch->arena, bw_str(id, (size_t)len));
    }
    event.body = bw_value_get(&plan->args, "body").encoded;
    if (event.body.len == 0) {
        static const char NIL[] = {BW_VALUE_NIL};
        event.body = bw_str(NIL, 1);
    }
    bw_batch_event(plan->batch, event);
    return BW_ERR_OK;
}

const struct bw_effect_kind bw_effect_event_send = {
    .name = "event.send",
    .is_post = true,
    .plan = send_plan,
};
