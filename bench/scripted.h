/* scripted.h - a script host without Lua: each wake gets the next "sleep", the last one DONE.
 *
 * Offers:  create; a struct bw_host.
 * Relies on: core/host.h, io/loop.h. What is left when Lua costs nothing: core and store alone.
 */
#ifndef BW_BENCH_SCRIPTED_H
#define BW_BENCH_SCRIPTED_H

#include "core/host.h"
#include "io/loop.h"

/* Each run asks for `effects` effects, one after the other. */
struct bw_host scripted_create(struct bw_loop *loop, uint64_t effects);

#endif
