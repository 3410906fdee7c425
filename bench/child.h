/* child.h - a process of a section's own, which can be killed.
 *
 * Offers:  start, hear what it says, end it.
 * Relies on: bench/place.h.
 */
#ifndef BW_BENCH_CHILD_H
#define BW_BENCH_CHILD_H

#include "place.h"
#include <signal.h>
#include <stdio.h>

struct child {
    pid_t pid;
    FILE *says; /* one line for each thing that happened */
};

typedef void (*child_fn)(const struct place *place, size_t count, int64_t due_us, FILE *out);

struct child child_start(child_fn fn, const struct place *place, size_t count, int64_t due_us);
/* What it says next; ends this process when it has died instead. */
double child_hear(struct child *child);
void child_end(struct child *child, int signal_number);
void child_say(FILE *out, double value);

#endif
