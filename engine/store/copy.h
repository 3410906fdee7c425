/* copy.h - deep copies of the rows a caller hands in, for as long as an arena lives.
 *
 * Offers:  copies of a turn's commit, of a run's row.
 * Relies on: store/store.h, base/mem.h.
 */
#ifndef BW_STORE_COPY_H
#define BW_STORE_COPY_H

#include "base/mem.h"
#include "store/store.h"

/* `to` has the same contents; every array and string of it lies in the arena. */
void bw_copy_commit(struct bw_arena *arena, const struct bw_turn_commit *from,
                    struct bw_turn_commit *to);
/* As a new run: state, result and error are empty. */
void bw_copy_new_run(struct bw_arena *arena, const struct bw_run_row *from, struct bw_run_row *to);
void bw_copy_message(struct bw_arena *arena, const struct bw_message *from, struct bw_message *to);
void bw_copy_event(struct bw_arena *arena, const struct bw_event *from, struct bw_event *to);
void bw_copy_release(struct bw_arena *arena, const struct bw_release_set *from,
                     struct bw_release_set *to);

void bw_copy_fire(struct bw_arena *arena, const struct bw_schedule_fire *from,
                  struct bw_schedule_fire *to);

#endif
