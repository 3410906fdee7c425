/* recover.h - what becomes of runs whose engine is killed.
 *
 * Offers:  recover_sleepers.
 * Relies on: bench/rig.h, in processes of their own.
 */
#ifndef BW_BENCH_RECOVER_H
#define BW_BENCH_RECOVER_H

#include "place.h"

struct recovery {
    double ready_s; /* from the start of an engine to the moment it takes work; all asleep */
    double ended_s; /* from the start of an engine until all, due meanwhile, have ended */
};

/* Puts `count` runs to sleep until `sleep_s` from now, kills the engine with SIGKILL, starts it
 * while they sleep, kills it again, and starts it when they are due. */
struct recovery recover_sleepers(const struct place *place, size_t count, int64_t sleep_s);

#endif
