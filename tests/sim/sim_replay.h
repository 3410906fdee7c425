/* sim_replay.h - a second opinion on a finished run: its last turn, replayed on a host that has
 * never seen it.
 *
 * Offers:  sim_replay_check, which fails the seed when the host answers with other commands (J7).
 */
#ifndef BW_TESTS_SIM_REPLAY_H
#define BW_TESTS_SIM_REPLAY_H

#include "sim.h"

struct mem_run;

/* False when there is nothing to replay. */
bool sim_replay_check(struct sim *sim, const struct mem_run *run);
void sim_replay_free(void);

#endif
