/* effect_sleep.c - "sleep" {until_us} -> nil.
 *
 * The deadline is part of the run's wake_at, so it survives everything. While the run is loaded,
 * its timer lies in the engine's heap; when it is not, a scan of what is due soon brings it back
 * (core/engine.c).
 */
#include "core/args.h"
#include "core/inside.h"

static enum bw_err sleep_plan(struct bw_plan *plan, struct bw_error *error)
{
    int64_t until_us;
    enum bw_err code = bw_args_need_int(&plan->args, "until_us", &until_us, error);
    if (code == BW_ERR_OK && until_us <= 0)
        return bw_fail(error, BW_ERR_INVALID, "'until_us' is before 1970");
    return code;
}

static int64_t sleep_due_us(const struct bw_value *args)
{
    return bw_value_get_int(args, "until_us", 0);
}

static void sleep_on_due(struct bw_engine *engine, struct bw_effect *effect)
{
    static const char NIL[] = {BW_VALUE_NIL};
    bw_effect_answer(engine, effect, bw_str(NIL, 1));
}

const struct bw_effect_kind bw_effect_sleep = {
    .name = "sleep",
    .wake = BW_WAKE_TIMER,
    .plan = sleep_plan,
    .due_us = sleep_due_us,
    .on_due = sleep_on_due,
};
