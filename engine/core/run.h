/* run.h - the life of one loaded run: its states, and every arrow between them.
 *
 * Offers:  create (from a row just stored, or as a name to be loaded), load, deliver, wake, accept,
 *          committed, retry, park, evict.
 * Relies on: core/inbox.h, core/effect.h, core/journal.h.
 * Stations 4, 6, 7 of docs/walk.md. The state machine is drawn at the head of run.c.
 */
#ifndef BW_CORE_RUN_H
#define BW_CORE_RUN_H

#include "core/effect.h"
#include "core/inbox.h"
#include "core/journal.h"
#include "base/list.h"
#include "core/release.h"
#include "core/table.h"

enum bw_run_state {
    BW_RUN_STATE_NEW,        /* a name: its rows are still to be read */
    BW_RUN_STATE_READY,      /* something lies in the inbox; waits for its turn */
    BW_RUN_STATE_EXECUTING,  /* a host has it: its VM is ahead of the journal until the answer comes
                              */
    BW_RUN_STATE_COMMITTING, /* its batch is queued or in a commit */
    BW_RUN_STATE_WAITING,    /* blocked: every strand waits for something that has not come */
    BW_RUN_STATE_PARKED,     /* stopped with a reason; its rows say which; about to leave memory */
    BW_RUN_STATE_DONE,       /* final; about to leave memory */
};

/* Which list a run is in. */
enum bw_run_place {
    BW_RUN_NOWHERE,
    BW_RUN_IN_LOADS,   /* NEW, or in want of its journal or mail: a load is to be sent */
    BW_RUN_IN_READY,   /* READY: in its tenant's queue */
    BW_RUN_IN_RELEASE, /* READY, but the files of its release are still to come */
    BW_RUN_IN_IDLE,    /* WAITING with a VM: oldest first to be evicted */
};

struct bw_run {
    struct bw_keyed keyed; /* first: the table finds it by keyed.id */
    struct bw_list link;
    enum bw_run_place place;
    struct bw_id tenant;
    enum bw_run_state state;
    uint32_t shard;

    /* From the row (not in NEW). */
    uint8_t release_hash[BW_RELEASE_HASH_LEN];
    char *workflow;
    struct bw_id parent;
    uint64_t parent_seq;
    uint64_t head;
    uint64_t history_bytes; /* of the turns from base+1 to head */
    uint64_t base;
    uint64_t last_seq;
    int64_t last_at_us; /* of its latest commit: turn time never goes back */
    bool must_stop;     /* loaded only to be parked: core/failover.h */
    bool was_parked;    /* in the row; it is loaded only to be cancelled */

    struct bw_inbox inbox;
    struct bw_effect **effects; /* pending, ascending by seq */
    size_t effect_count;
    size_t effect_capacity;
    bool has_own; /* some of them are in flight in this process */

    int64_t turn_at_us;   /* of the turn under way */
    struct bw_call *load; /* in flight: it takes no turn meanwhile; NULL otherwise */
    struct bw_call
        *journal; /* loaded rows kept for the next wake; NULL when resident or not loaded */
    struct bw_call *resume;   /* an operator's resume that waits for the load */
    unsigned host;            /* which host has it, when resident or EXECUTING */
    uint64_t host_generation; /* of that host's process */
    unsigned tries;           /* of this turn, that failed by no fault of the script's */
    unsigned limit_tries;     /* of this turn, that ran into a limit */
    size_t heap_bytes;        /* of its VM, when resident or EXECUTING; part of vm_bytes */
    bool is_resident;         /* the host has its VM after turn `head` */
    bool has_mail;            /* rows may lie in the store's inbox that are not in ours */
    bool is_cancelling;       /* a CANCEL was delivered */
    bool is_announced; /* the store's notice of the new run is still to come, and tells nothing new
                        */
    bool is_doomed;    /* to be forgotten as soon as its host answered */
};

/* A name to be loaded, entered in the engine's table. */
struct bw_run *bw_run_create(struct bw_engine *engine, struct bw_id tenant, struct bw_id id);
/* NEW -> READY: from a row that was stored this moment, so that a new run needs no load. */
void bw_run_begin(struct bw_engine *engine, struct bw_run *run, const struct bw_run_row *row);
/* NEW -> READY or WAITING: from its rows. Effects without an outcome are recovered. CORRUPT when
 * the rows do not fit together: the caller parks it. */
BW_MUST_USE enum bw_err bw_run_load(struct bw_engine *engine, struct bw_run *run,
                                    const struct bw_loaded_run *loaded, struct bw_arena *arena,
                                    struct bw_error *error);
/* Rows read again while it is READY or WAITING: new messages go to the inbox. CONFLICT when the
 * head moved. */
BW_MUST_USE enum bw_err bw_run_merge(struct bw_engine *engine, struct bw_run *run,
                                     const struct bw_loaded_run *loaded, struct bw_error *error);
/* Puts an outcome into the inbox, whatever the state; WAITING -> READY. `key` is empty for own
 * outcomes. */
void bw_run_deliver(struct bw_engine *engine, struct bw_run *run, enum bw_delivery_kind kind,
                    uint64_t seq, struct bw_str key, struct bw_str value);
/* READY -> EXECUTING: fills the wake (arrays from `scratch`). False when nothing is to be delivered
 * after all: WAITING. */
bool bw_run_wake(struct bw_engine *engine, struct bw_run *run, struct bw_arena *scratch,
                 struct bw_wake *wake);
/* EXECUTING -> COMMITTING: the host's answer becomes a batch. On error the answer is not believed
 * (CORRUPT: the host is broken) and the run is still EXECUTING. What is wrong with the script
 * itself parks it: a batch too. */
BW_MUST_USE enum bw_err bw_run_accept(struct bw_engine *engine, struct bw_run *run,
                                      const struct bw_turn_result *result, struct bw_batch *batch,
                                      struct bw_error *error);
/* EXECUTING -> READY: the turn did not happen (host lost, limit). */
void bw_run_retry(struct bw_engine *engine, struct bw_run *run);
/* READY, EXECUTING -> COMMITTING: the batch stops the run with `error` (an encoded map). */
void bw_run_park(struct bw_engine *engine, struct bw_run *run, struct bw_str error,
                 struct bw_batch *batch);
/* WAITING -> COMMITTING: only acknowledges messages that came for effects which were given up
 * meanwhile. */
void bw_run_tidy(struct bw_engine *engine, struct bw_run *run);
/* COMMITTING -> WAITING, READY, PARKED or DONE: takes over the batch's effects. */
void bw_run_committed(struct bw_engine *engine, struct bw_run *run, struct bw_batch *batch);
/* Any state but EXECUTING -> gone (J8): forgets the run, stops its effects; frees it. Its rows know
 * everything. */
void bw_run_evict(struct bw_engine *engine, struct bw_run *run);
/* Its host told how large its VM is after a turn (`is_resident`: and keeps it). */
void bw_run_count_vm(struct bw_engine *engine, struct bw_run *run, uint64_t bytes);
/* It has no VM any more. The run is not in the idle list. */
void bw_run_lost_vm(struct bw_engine *engine, struct bw_run *run);
/* The host may forget its VM; the run stays. */
void bw_run_close_vm(struct bw_engine *engine, struct bw_run *run);
/* Takes it off the list it is in. */
void bw_run_unlink(struct bw_engine *engine, struct bw_run *run);
/* Puts a READY or WAITING run where it belongs now: the load queue, the ready queue, the idle list,
 * or nowhere. A run that waits with nothing in memory worth keeping is forgotten: do not touch
 * `run` afterwards. */
void bw_run_settle(struct bw_engine *engine, struct bw_run *run);

/* Facts of the run that every batch carries: ids, epoch, head, and its bookkeeping as it is. */
void bw_run_fill(struct bw_engine *engine, struct bw_run *run, enum bw_batch_kind kind,
                 struct bw_batch *batch);
void bw_run_add_effect(struct bw_run *run, struct bw_effect *effect);
void bw_run_check_state(const struct bw_run *run); /* asserts what holds in its state */
/* An evicted run that is due within the window: a timer that loads it. */
void bw_run_note_sleeper(struct bw_engine *engine, struct bw_id tenant, struct bw_id run,
                         int64_t due_us);
struct bw_effect *bw_run_find_effect(const struct bw_run *run,
                                     uint64_t seq); /* NULL when not pending */
bool bw_run_has_news(
    const struct bw_run *run); /* something that can be delivered lies in the inbox */
/* The one reason it waits for after `batch`, from what is still pending; BW_WAKE_NONE when nothing
 * is. */
enum bw_wake_reason bw_run_wake_reason(const struct bw_run *run, const struct bw_batch *batch,
                                       int64_t *wake_at_us, bool *is_active);

#endif
