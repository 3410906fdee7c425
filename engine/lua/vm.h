/* vm.h - one Lua state per active run: start it, play recorded turns, play the next one, close it.
 *
 * Offers:  create, replay one journal row, play one turn, destroy.
 * Relies on: lua/strand.c (scheduling), lua/lib_effect.c (what scripts call), lua/sandbox.h,
 * lua/chunk.h. Strands are resumed in strand.c only. Does no I/O. Station 5 of docs/walk.md.
 *
 * A turn delivers outcomes in order; each wakes the strand that waits for it, which runs until it
 * blocks. What the script asks for is collected as commands with contiguous seqs. A replay does the
 * same with recorded deliveries and compares each command with the recorded one: kind, flags and
 * argument bytes; the first difference ends it with a report. After anything but WAITING the VM is
 * of no further use: destroy it.
 */
#ifndef BW_LUA_VM_H
#define BW_LUA_VM_H

#include "codec/wire.h"
#include "lua/chunk.h"

struct bw_vm;

struct bw_vm_options {
    struct bw_id run;
    struct bw_id tenant;
    struct bw_str workflow;     /* name; copied */
    struct bw_release *release; /* a reference is taken */
    uint64_t steps_max;         /* of each turn */
    uint64_t memory_bytes_max;
    uint64_t wall_us_max; /* of each turn; 0: none */
};

/* NULL with MEMORY when the cap is too small for the sandbox itself. */
struct bw_vm *bw_vm_create(const struct bw_vm_options *options, struct bw_error *error);
void bw_vm_destroy(struct bw_vm *vm); /* NULL is fine; runs nothing of the script */

uint64_t bw_vm_turn_number(const struct bw_vm *vm); /* of the last turn played; 0 = none */

/* Plays recorded turn number `turn`. WAITING when it went as recorded and the run goes on;
 * NONDETERMINISM, BUDGET, MEMORY, or how the script ended. `result` (all but run and turn) borrows
 * from the VM until the next call. */
void bw_vm_replay(struct bw_vm *vm, uint64_t turn, const struct bw_turn_record *record,
                  struct bw_turn_result *result);

/* Plays the next turn. `result` as above. Deliveries must hold checked value bytes. */
void bw_vm_turn(struct bw_vm *vm, uint64_t turn, struct bw_stamp at,
                const struct bw_delivery *deliveries, size_t count, struct bw_turn_result *result);

/* New ceilings for the turns to come (an operator may raise them). */
void bw_vm_set_limits(struct bw_vm *vm, uint64_t steps_max, uint64_t memory_bytes_max,
                      uint64_t wall_us_max);

#endif
