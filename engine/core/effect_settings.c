/* effect_settings.c - what is in force for a policy on a date.
 *
 *     "settings" {policy, scopes, on} -> {settings, layers}
 *
 * Asked of the store after the commit; the answer becomes part of the next turn's row, so that a
 * replay sees the same settings whatever was changed since.
 */
#include "core/args.h"
#include "core/asking.h"
#include "core/inside.h"

static enum bw_err settings_plan(struct bw_plan *plan, struct bw_error *error)
{
    struct bw_str text;
    enum bw_err code = bw_args_need_str(&plan->args, "policy", &text, error);
    if (code == BW_ERR_OK)
        code = bw_args_need_str(&plan->args, "on", &text, error);
    return code;
}

static void settings_ask(struct bw_engine *engine, struct bw_effect *effect, struct bw_str args,
                         struct bw_call *call)
{
    struct bw_store *store = engine->config.store;
    store->settings(store->self, effect->run->tenant, args, bw_call_on_value, call);
}

static void settings_begin(struct bw_engine *engine, struct bw_effect *effect,
                           const struct bw_value *args)
{
    bw_asking_begin(engine, effect, args, settings_ask);
}

const struct bw_effect_kind bw_effect_settings = {
    .name = "settings",
    .wake = BW_WAKE_EFFECT,
    .is_own = true,
    .plan = settings_plan,
    .begin = settings_begin,
    .cancel = bw_asking_cancel,
};
