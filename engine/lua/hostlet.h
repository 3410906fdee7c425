/* hostlet.h - the Lua side of a host without any transport: frames in, frames out. Linked into
 * billow-host, and into billow for `billow test`, the simulator and unit tests.
 *
 * Offers:  create, handle one frame (synchronously), destroy.
 * Relies on: lua/vm.h, codec/wire.h. Does no I/O.
 */
#ifndef BW_LUA_HOSTLET_H
#define BW_LUA_HOSTLET_H

#include "codec/wire.h"

struct bw_hostlet;

struct bw_release;

struct bw_hostlet *bw_hostlet_create(void);
/* One that has the library which releases may lie over (BW_FRAME_RELEASE_OVER): its files, and the
 * same ones with their compiled chunks. Both outlive it. */
struct bw_hostlet *bw_hostlet_create_over(const struct bw_release_set *files,
                                          struct bw_release *library);
void bw_hostlet_destroy(struct bw_hostlet *hostlet); /* closes every resident run */
/* Asked between the turns of one frame, with the results that have not left yet: true when `fn` has
 * sent them. Without it they all leave in the frame's answer. */
typedef bool (*bw_hostlet_results_fn)(void *ud, const struct bw_turn_result *results, size_t count);
void bw_hostlet_set_on_results(struct bw_hostlet *hostlet, bw_hostlet_results_fn fn, void *ud);
/* Handles one frame. Releases are kept (up to 32; a wake of one that is gone is answered
 * NO_RELEASE), runs stay resident until they end or are evicted, and a wake that names a resident
 * run it does not hold is answered MISSING. An answer frame's payload, if there is one, is appended
 * to `answer` and its type stored in `answer_type` (0 = none). Never fails: malformed input is
 * CORRUPT, which ends the host (the caller closes it). */
BW_MUST_USE enum bw_err bw_hostlet_handle(struct bw_hostlet *hostlet, uint8_t type,
                                          struct bw_str payload, uint8_t *answer_type,
                                          struct bw_buf *answer, struct bw_error *error);

#endif
