/* batch.h - everything one turn of one run wants to change, as plain data, and what to do once it
 * is committed.
 *
 * Offers:  create, add rows of each sort, destroy.
 * Relies on: store/store.h (row structs). The memory of the rows: the batch's arena, or the host's
 *          answer, which the batch holds on to (`frame`).
 * Station 7 of docs/walk.md.
 * Invariants: J4, J6 (core/journal.h).
 *
 * Dropping a batch costs nothing: it never touched the world. Its effects begin only in
 * bw_engine_apply.
 */
#ifndef BW_CORE_BATCH_H
#define BW_CORE_BATCH_H

#include "base/list.h"
#include "store/store.h"

struct bw_run;
struct bw_effect;
struct bw_frame_in;

enum bw_batch_kind {
    BW_BATCH_TURN = 1, /* has a journal row */
    BW_BATCH_PARK,     /* no journal row: status and reason only */
    BW_BATCH_RESUME,   /* no journal row: open again */
    BW_BATCH_TIDY,     /* no journal row: acknowledges messages that nobody waits for any more */
};

struct bw_batch {
    struct bw_list link; /* in the group queue, or in the group commit under way */
    enum bw_batch_kind kind;
    struct bw_run *run;
    struct bw_arena arena;
    struct bw_frame_in
        *frame; /* the host's answer that commands borrow from; counted reference, may be NULL */
    struct bw_turn_commit commit;

    /* The arrays behind commit's const pointers. */
    struct bw_str *acks;
    struct bw_message *messages;
    struct bw_event *events;
    struct bw_wait *waits;
    uint64_t *unwaits;
    struct bw_task *tasks;
    uint64_t *closed_tasks;
    struct bw_run_row *children;
    struct bw_db_work *db_works;
    struct bw_str *notes;

    /* To do after the commit. */
    struct bw_effect *
        *begins; /* effects planned by this turn; owned until the run takes them over */
    size_t begin_count;
    bool is_taken;      /* the run owns the begins now */
    struct bw_str logs; /* what the script logged; borrowed from the frame */
    bool is_checkpoint;
    struct bw_call *reply; /* whom to answer (a resume), or NULL */
};

void bw_batch_init(struct bw_batch *batch);
void bw_batch_reset(struct bw_batch *batch); /* empty again; effects must have been taken out */
void bw_batch_deinit(struct bw_batch *batch);

void bw_batch_ack(struct bw_batch *batch, struct bw_str key);
void bw_batch_message(struct bw_batch *batch, struct bw_message message);
void bw_batch_event(struct bw_batch *batch, struct bw_event event);
void bw_batch_wait(struct bw_batch *batch, struct bw_wait wait);
void bw_batch_unwait(struct bw_batch *batch, uint64_t seq);
void bw_batch_task(struct bw_batch *batch, struct bw_task task);
void bw_batch_close_task(struct bw_batch *batch, uint64_t seq);
void bw_batch_child(struct bw_batch *batch, struct bw_run_row row);
void bw_batch_db_work(struct bw_batch *batch, struct bw_db_work work);
void bw_batch_note(struct bw_batch *batch, struct bw_str note);
/* Takes back the rows of a command of this very turn, given up before the commit: it was never
 * asked for. */
void bw_batch_forget(struct bw_batch *batch, uint64_t seq);
void bw_batch_begin(struct bw_batch *batch, struct bw_effect *effect);
/* "kind:seq" in the batch's arena: the key of an inbox row. */
struct bw_str bw_batch_key(struct bw_batch *batch, const char *kind, uint64_t seq);

#endif
