/* raw.h - bare commits, for sections that want them beside their own figures.
 *
 * Offers:  open, samples, close.
 * Relies on: libpq.
 */
#ifndef BW_BENCH_RAW_H
#define BW_BENCH_RAW_H

#include "place.h"

struct raw;

/* Makes the tables when they are not there. */
struct raw *raw_open(const struct place *place);
void raw_close(struct raw *raw);
/* Commits single rows for so long, one after the other; how many nanoseconds each took goes to
 * `samples`. Returns how many there were. */
size_t raw_bare_commits(struct raw *raw, double seconds, int64_t *samples, size_t max);

#endif
