/* asking.h - effects that are one question to the store: asked after the commit, asked again while
 * it is unreachable.
 *
 * Offers:  begin with a function that sends the question, cancel.
 * Relies on: core/call.h. Used by effect_db.c and effect_settings.c.
 */
#ifndef BW_CORE_ASKING_H
#define BW_CORE_ASKING_H

#include "core/call.h"
#include "core/effect.h"

/* Sends the question; `args` is the command's, and lives as long as the effect asks. */
typedef void (*bw_asking_fn)(struct bw_engine *engine, struct bw_effect *effect, struct bw_str args,
                             struct bw_call *call);

void bw_asking_begin(struct bw_engine *engine, struct bw_effect *effect,
                     const struct bw_value *args, bw_asking_fn ask);
void bw_asking_cancel(struct bw_engine *engine, struct bw_effect *effect);

#endif
