/* journal.h - the append-only history of a run, and the rules that make it trustworthy.
 *
 * Offers:  append (check and encode the row of a turn), load (decode and check all rows of a run).
 * Relies on: codec/wire.h for the bytes, core/batch.h.
 * Station 8 of docs/walk.md.
 *
 * The invariants. Every other file cites them by number.
 *
 *   J1   The seqs of a run's commands are contiguous from 1, through checkpoints too.
 *   J2   A committed row never changes.
 *   J3   An append names the expected head and the shard's epoch; if either differs nothing is
 *        written.
 *   J4   An effect begins only after the row that asks for it is committed; it has at most one
 *        outcome.
 *   J5   An outcome is delivered once, by (run, seq), whatever way it came.
 *   J6   Row, waits, tasks, messages, acknowledgements, children, numbers and status of a turn
 *        commit together.
 *   J7   Replaying base+1..head with the pinned release makes the same commands; otherwise the run
 *        is parked and nothing is written.
 *   J8   Closing a VM, or forgetting a run, loses nothing.
 *   J9   The time, randomness and ids that a script sees come from its rows.
 *   J10  A client is answered after the commit.
 *   J11  A finished run takes no rows.
 *   J12  Secrets are in rows only as references.
 *
 * bw_journal_append asserts J1 and J4 before writing, bw_journal_load checks J1 and J5 after
 * reading (what comes from a row may be damaged: that is CORRUPT, not a bug). J3, J6 and J11 are
 * the store's; J4 and J10 are the shape of bw_engine_apply; J7 is the host's.
 */
#ifndef BW_CORE_JOURNAL_H
#define BW_CORE_JOURNAL_H

#include "core/batch.h"

/* What the rows of a run say, taken together. Lives in the arena given to load. */
struct bw_history {
    struct bw_turn_record *turns; /* base+1..head */
    size_t turn_count;
    struct bw_command **pending; /* commands whose outcome is not delivered yet, ascending */
    size_t pending_count;
    uint64_t last_seq;
    int64_t last_at_us; /* of the rows read here: a checkpoint hides those before it */
    bool is_cancelling; /* a CANCEL was delivered */
};

/* Encodes `turn` into the batch as row expected_head+1. `scratch` is any buffer; it is left empty.
 * LIMIT when the row is over the ceiling of `scratch`. */
BW_MUST_USE enum bw_err bw_journal_append(struct bw_batch *batch, const struct bw_turn_record *turn,
                                          uint64_t last_seq, struct bw_buf *scratch,
                                          struct bw_error *error);
BW_MUST_USE enum bw_err bw_journal_load(const struct bw_loaded_run *loaded, struct bw_arena *arena,
                                        struct bw_history *history, struct bw_error *error);

/* The command by which a script gives up one of its effects: kind, and the seq in its args {seq}.
 */
#define BW_COMMAND_CANCEL "cancel"

#endif
