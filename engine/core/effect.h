/* effect.h - the registry of what a script can ask for, and the life of one asked-for thing.
 *
 * Offers:  plan (before the commit: check arguments, fill the batch), begin (after), cancel,
 *          recover; answers.
 * Relies on: core/batch.h, core/timer.h. Each kind has its own file effect_<kind>.c.
 * Stations 6 (plan) and 10 (begin) of docs/walk.md. Invariants: J4, J5 (core/journal.h).
 *
 * An effect of a run lives from the commit of the turn that asked for it until the commit of the
 * turn that delivers its outcome. Kinds come in these sorts:
 *   posts      have no outcome: rows in the batch, no struct bw_effect (event.send, child.start,
 *              note);
 *   own        performed by this process (http, db.query, settings): begun again after a crash;
 *   timed      a deadline on the run's row (sleep; event.wait's timeout): armed again after a load;
 *   answered   by others or by the commit itself (tasks, events, children, db.transaction): the
 *              outcome is an inbox row, nothing is begun.
 */
#ifndef BW_CORE_EFFECT_H
#define BW_CORE_EFFECT_H

#include "core/batch.h"
#include "core/timer.h"

struct bw_engine;
struct bw_effect;

/* One command on its way into the batch. */
struct bw_plan {
    struct bw_engine *engine;
    struct bw_run *run;
    struct bw_batch *batch;
    const struct bw_command
        *command;             /* borrowed from the batch's frame, or from the journal (resume) */
    struct bw_value args;     /* of the command; a map, or nil */
    struct bw_effect *effect; /* NULL for posts */
};

struct bw_effect_kind {
    const char *name;
    enum bw_wake_reason wake; /* what a run waits for while this is pending; NONE: a post */
    bool is_own; /* in flight in this process: the run is reloaded at start (is_active) */
    bool
        is_in_commit; /* performed by the commit itself: planned again when its error was dropped */
    bool is_post;     /* has no outcome */
    /* INVALID (or FORBIDDEN, NOT_FOUND) with a text for the script's author. */
    enum bw_err (*plan)(struct bw_plan *plan, struct bw_error *error);
    /* The durable deadline that the arguments name; 0 or NULL: none. */
    int64_t (*due_us)(const struct bw_value *args);
    void (*on_due)(struct bw_engine *engine, struct bw_effect *effect);
    /* After the commit (the arguments go away afterwards), and again after every reload while there
     * is no outcome, unless there is `recover`. NULL: nothing to do. */
    void (*begin)(struct bw_engine *engine, struct bw_effect *effect, const struct bw_value *args);
    /* After a reload instead of begin, where that makes a difference. */
    void (*recover)(struct bw_engine *engine, struct bw_effect *effect,
                    const struct bw_value *args);
    /* The script does not want it any more: rows that undo plan. NULL: none. */
    void (*withdraw)(struct bw_batch *batch, struct bw_effect *effect);
    /* Makes the outcome out of the message; false: take it as it is. NULL: as it is. */
    bool (*unwrap)(struct bw_str message, struct bw_value *outcome);
    /* Stops what runs in this process and frees `work`; no answer comes after. NULL: nothing to do.
     */
    void (*cancel)(struct bw_engine *engine, struct bw_effect *effect);
};

struct bw_effect {
    const struct bw_effect_kind *kind;
    struct bw_run *run;
    uint64_t seq;
    struct bw_str args;    /* until it has begun: borrowed from the batch's frame */
    int64_t due_us;        /* durable deadline (part of the run's wake_at); 0 = none */
    struct bw_timer timer; /* the deadline, or the pause before the next attempt */
    void *work;            /* of its kind, while begun */
    bool cleans_up;        /* of a handler that a cancel does not interrupt */
    bool is_answered;      /* its outcome lies in the inbox */
    bool is_delivered;     /* its outcome is part of the turn under way */
    bool is_leaving;       /* given up by the batch under way */
};

/* The kind with this name; NULL when there is none. */
const struct bw_effect_kind *bw_effect_kind_find(struct bw_str name);

/* Finds the kind, checks that it is called the right way, plans it. A blocking command gets an
 * effect, which the batch owns until it is applied. The error's text begins with file:line of the
 * script. */
BW_MUST_USE enum bw_err bw_effect_plan(struct bw_engine *engine, struct bw_run *run,
                                       struct bw_batch *batch, const struct bw_command *command,
                                       struct bw_error *error);
/* An effect for a command of the journal: after a reload. NULL when the kind is unknown to this
 * build. */
struct bw_effect *bw_effect_restore(struct bw_engine *engine, struct bw_run *run,
                                    const struct bw_command *command);
void bw_effect_begin(struct bw_engine *engine, struct bw_effect *effect, struct bw_str args);
/* After a reload: begun again, unless its outcome lies in the inbox. */
void bw_effect_recover(struct bw_engine *engine, struct bw_effect *effect, struct bw_str args);
/* Stops it and frees it. */
void bw_effect_destroy(struct bw_engine *engine, struct bw_effect *effect);

/* The outcome is here: goes to the run's inbox. Copies. Ignored when it is answered already. */
void bw_effect_answer(struct bw_engine *engine, struct bw_effect *effect, struct bw_str outcome);
/* `detail` is an encoded value; empty = nil. */
void bw_effect_fail(struct bw_engine *engine, struct bw_effect *effect, const char *code,
                    const char *text, struct bw_str detail, bool is_retryable);
/* {code, detail, is_retryable, text} */
void bw_effect_put_error(struct bw_buf *buf, const char *code, const char *text,
                         struct bw_str detail, bool is_retryable);

/* --- The kinds. */
extern const struct bw_effect_kind bw_effect_sleep;
extern const struct bw_effect_kind bw_effect_http;
extern const struct bw_effect_kind bw_effect_event_wait;
extern const struct bw_effect_kind bw_effect_event_send;
extern const struct bw_effect_kind bw_effect_task_open;
extern const struct bw_effect_kind bw_effect_child_start;
extern const struct bw_effect_kind bw_effect_child_call;
extern const struct bw_effect_kind bw_effect_db_query;
extern const struct bw_effect_kind bw_effect_db_transaction;
extern const struct bw_effect_kind bw_effect_number_next;
extern const struct bw_effect_kind bw_effect_settings;
extern const struct bw_effect_kind bw_effect_note;
extern const struct bw_effect_kind bw_effect_checkpoint;

#endif
