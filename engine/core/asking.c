/* asking.c - see asking.h. */
#include "core/asking.h"

#include "base/assert.h"
#include "core/inside.h"

enum { ASKING_PAUSE_MS_MIN = 50, ASKING_PAUSE_MS_MAX = 5000 };

struct asking {
    struct bw_effect *effect;
    bw_asking_fn ask;
    struct bw_str args;
    char *memory;         /* of args */
    struct bw_call *call; /* in flight; NULL during a pause */
    int64_t pause_ms;
};

static void asking_free(struct bw_effect *effect)
{
    struct asking *asking = effect->work;
    effect->work = NULL;
    bw_free(asking->memory);
    bw_free(asking);
}

static void answered(struct bw_engine *engine, struct bw_call *call)
{
    struct asking *asking = call->subject;
    if (!asking)
        return; /* cancelled meanwhile */
    struct bw_effect *effect = asking->effect;
    asking->call = NULL;
    if (bw_err_is_retryable(call->code)) {
        asking->pause_ms *= 2;
        if (asking->pause_ms > ASKING_PAUSE_MS_MAX)
            asking->pause_ms = ASKING_PAUSE_MS_MAX;
        bw_timer_arm(&engine->timers_mono, &effect->timer,
                     engine->now_ns / BW_NS_PER_US + asking->pause_ms * BW_US_PER_MS);
        return;
    }
    asking_free(effect);
    if (call->code == BW_ERR_OK)
        bw_effect_answer(engine, effect, call->value);
    else
        bw_effect_fail(engine, effect, bw_err_name(call->code), call->text, BW_STR_NONE, false);
}

static void send(struct bw_engine *engine, struct asking *asking)
{
    asking->call = bw_call_open(engine, answered);
    asking->call->subject = asking;
    asking->call->is_background = true;
    asking->ask(engine, asking->effect, asking->args, asking->call);
}

static void pause_over(struct bw_engine *engine, struct bw_timer *timer)
{
    struct bw_effect *effect = bw_container_of(timer, struct bw_effect, timer);
    send(engine, effect->work);
}

void bw_asking_begin(struct bw_engine *engine, struct bw_effect *effect,
                     const struct bw_value *args, bw_asking_fn ask)
{
    struct asking *asking = bw_xcalloc(1, sizeof *asking);
    BW_ASSERT(effect->due_us == 0 && !effect->work);
    asking->effect = effect;
    asking->ask = ask;
    asking->memory = bw_xstrndup(args->encoded.ptr, args->encoded.len);
    asking->args = bw_str(asking->memory, args->encoded.len);
    asking->pause_ms = ASKING_PAUSE_MS_MIN;
    effect->work = asking;
    effect->timer.on_due = pause_over;
    send(engine, asking);
}

void bw_asking_cancel(struct bw_engine *engine, struct bw_effect *effect)
{
    struct asking *asking = effect->work;
    (void)engine;
    if (!asking)
        return;
    if (asking->call)
        asking->call->subject = NULL;
    asking_free(effect);
}
