/* fake_host.h - a script host without Lua: programs are lists of effects, in C.
 *
 * Offers:  struct bw_host that plays programs, replays and compares as a real one does, and
 * misbehaves on demand. Relies on: core/host.h, codec/wire.h.
 *
 * A program asks for its operations one after the other; the outcome of each wakes the next. Posts
 * do not wait. The result of the run is an array of all outcomes. An error outcome fails the run
 * unless the operation catches it.
 */
#ifndef BW_TESTS_SUPPORT_FAKE_HOST_H
#define BW_TESTS_SUPPORT_FAKE_HOST_H

#include "core/host.h"
#include "codec/wire.h"

#include <stdbool.h>

#define FAKE_OPS_MAX 16
#define FAKE_HEAP_BYTES 100000u /* what every run's VM is said to hold */

struct fake_op {
    const char *kind; /* NULL ends the program; "!checkpoint" and "!fail" end the turn that way */
    const char *args; /* JSON; strings only where the effect wants decimals */
    bool is_post;
    bool is_started; /* asked for without waiting: the next operation follows in the same turn */
    bool catches;
};

struct fake_program {
    const char *workflow;
    struct fake_op ops[FAKE_OPS_MAX];
};

/* What the next answered wakes get instead of being played. */
enum fake_mischief {
    FAKE_HONEST,
    FAKE_DIES,
    FAKE_GARBAGE,
    FAKE_BUDGET,
    FAKE_MEMORY,
    FAKE_WALL,
    FAKE_WRONG_SEQ,
    FAKE_FORGETS
};

struct fake_host;
struct fake_host *fake_host_create(const struct fake_program *programs, size_t count);
void fake_host_destroy(struct fake_host *fake);
struct bw_host *fake_host_host(struct fake_host *fake);
bool fake_host_pump(struct fake_host *fake);
void fake_host_mischief(struct fake_host *fake, enum fake_mischief mischief, size_t times);
void fake_host_reset(
    struct fake_host *fake); /* forgets every run and every frame, as a crash does */
/* It takes what it is sent and answers nothing until it is restarted; so many processes in a row.
 */
void fake_host_hang(struct fake_host *fake, size_t times);
size_t fake_host_restarts(const struct fake_host *fake);
size_t fake_host_wakes(const struct fake_host *fake);   /* played or refused */
size_t fake_host_replays(const struct fake_host *fake); /* wakes that brought a journal */
/* From now on this program has other operations: what a changed script is. */
void fake_host_change(struct fake_host *fake, const struct fake_program *program);

#endif
