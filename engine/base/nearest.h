/* nearest.h - the name that somebody probably meant: for "did you mean".
 *
 * Offers:  bw_edit_distance, bw_is_near.
 * Relies on: base/str.h.
 */
#ifndef BW_BASE_NEAREST_H
#define BW_BASE_NEAREST_H

#include "base/str.h"

/* Longer names are far from everything: they are no slip of the finger. */
#define BW_NEAREST_BYTES_MAX 40

/* How many letters are wrong, missing, superfluous or swapped with their neighbour. */
size_t bw_edit_distance(struct bw_str a, struct bw_str b);
/* Whether `name` is probably `candidate` misspelt; of several the least `*distance` wins, which the
 * caller sets to SIZE_MAX before the first. */
bool bw_is_near(struct bw_str name, struct bw_str candidate, size_t *distance);

#endif
