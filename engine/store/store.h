/* store.h - rows and one transaction: the contract of durable state. Knows no Lua and no meaning
 * of workflows.
 *
 * Offers:  row structs, struct bw_store (a table of asynchronous functions).
 * Relies on: base/id.h, codec/value.h.
 * Implementations, held to one contract suite (tests/unit/store/test_contract_*.c): store_pg.c,
 * store_mem.c. Station 9 of docs/walk.md.
 *
 * Rules every implementation keeps
 *  - Each function copies what it needs before it returns; its callback comes later, once, on the
 * loop thread, never from inside the call. Results are valid during the callback only.
 *  - A group commit is one transaction. It checks the epoch of every shard it relies on (FOR SHARE)
 * and the expected head of every run; a run that conflicts is reported and writes nothing, the
 * others commit.
 *  - A connection lost during COMMIT is looked up by batch id, never guessed: callers see COMMITTED
 * or not.
 *  - UNAVAILABLE is given only by calls that may be repeated as they are; commits wait for the
 * database instead.
 */
#ifndef BW_STORE_STORE_H
#define BW_STORE_STORE_H

#include "base/id.h"
#include "codec/value.h"
#include "codec/wire.h"

#define BW_SHARD_COUNT 64   /* fixed for a database; stored on each run */
typedef uint64_t bw_shards; /* a set of shards: bit i = shard i */
#define BW_SHARDS_ALL (~(bw_shards)0)
#define BW_STORE_VALUE_BYTES_MAX (8u * 1024u * 1024u) /* over it a commit is REFUSED */
#define BW_STORE_TURN_BYTES_MAX (32u * 1024u * 1024u) /* of a journal row with all its values */

enum bw_run_status {
    BW_RUN_OPEN = 1,
    BW_RUN_PARKED = 2, /* stopped with a reason; an operator resumes or cancels it */
    BW_RUN_DONE = 3,
    BW_RUN_FAILED = 4, /* only by an operator's decision; a script error parks */
    BW_RUN_CANCELLED = 5,
};

/* The one recorded reason an open run waits for. */
enum bw_wake_reason {
    BW_WAKE_NONE = 0, /* not open */
    BW_WAKE_READY = 1,
    BW_WAKE_TIMER = 2,
    BW_WAKE_EVENT = 3,
    BW_WAKE_EFFECT = 4, /* own effects in flight: http, db.query */
    BW_WAKE_TASK = 5,
    BW_WAKE_CHILD = 6,
    BW_WAKE_DATABASE = 7, /* db.transaction: its outcome is in the inbox with the commit */
    BW_WAKE_PAUSED = 8,
    BW_WAKE_PARKED = 9,
};

struct bw_run_row {
    struct bw_id tenant;
    struct bw_id id;
    uint32_t shard; /* bw_id_hash(id) % BW_SHARD_COUNT */
    uint8_t release[BW_RELEASE_HASH_LEN];
    struct bw_str workflow;
    struct bw_str key; /* start key, unique per (tenant, workflow); empty = none */
    enum bw_run_status status;
    enum bw_wake_reason wake;
    bool is_active;      /* to be loaded at start: ready, or own effects in flight */
    int64_t wake_at_us;  /* earliest due timer; 0 = none */
    uint64_t head;       /* last committed turn; 0 = none yet */
    uint64_t base;       /* replay starts at turn base+1 (raised by a checkpoint) */
    uint64_t last_seq;   /* last command seq of the committed turns */
    struct bw_id parent; /* zero = none */
    uint64_t parent_seq; /* 0 = nobody waits for the result */
    struct bw_str input; /* encoded values; empty = nil */
    struct bw_str state; /* of the last checkpoint */
    struct bw_str result;
    struct bw_str error; /* why it is parked or failed */
    struct bw_str started_by;
    int64_t created_at_us;
    int64_t updated_at_us;
    /* Of a run that was dropped (read "run" only). Everything else that it had is gone. */
    int64_t dropped_at_us; /* 0 = it was not */
    struct bw_str dropped_under;
};

enum bw_message_kind {
    BW_MESSAGE_OUTCOME = 1, /* for a command: value is the outcome */
    BW_MESSAGE_ERROR = 2,   /* for a command: value is an error map */
    BW_MESSAGE_CANCEL = 3,
};

/* How the keys of messages begin that ask the owner of a parked run to resume it. */
#define BW_STORE_RESUME "resume:"

/* Of messages because of which a run stops for a person, whoever owns it (core/failover.h). */
#define BW_STORE_STOP "stop:"

/* One row of the inbox: what others told a run. (tenant, run, key) is unique: same key, same
 * message. */
struct bw_message {
    struct bw_id tenant;
    struct bw_id run;
    struct bw_str
        key; /* "task:<seq>", "event:<seq>", "child:<seq>", "tx:<seq>", "kept:<seq>", "cancel" */
    enum bw_message_kind kind;
    uint64_t seq;
    struct bw_str value;
};

struct bw_event {
    struct bw_id tenant;
    struct bw_str topic;
    struct bw_str key;
    struct bw_str id; /* the sender's id of the event: sent twice, stored once; never empty */
    struct bw_str body;
    int64_t expires_at_us; /* an event nobody took by then is dropped; 0 = kept */
};

/* A command that waits for an event. Matching is the store's: an event that arrived before is taken
 * at once, the oldest first; each event goes to one waiter. The run then gets a message
 * "event:<seq>" with {topic, key, id, body}. */
struct bw_wait {
    uint64_t seq;
    struct bw_str topic;
    struct bw_str key;
};

struct bw_task {
    struct bw_id id; /* bw_id_derive(run, seq) */
    uint64_t seq;
    struct bw_str kind;  /* "approval", "exception", "dispute", "question" */
    struct bw_str group; /* for ordering in lists, for example the contract id; may be empty */
    struct bw_str title;
    struct bw_str body;      /* encoded value */
    struct bw_str assignees; /* encoded array of names */
    int64_t due_at_us;       /* 0 = none */
};

/* A db.transaction or number.next: executed inside the commit; its outcome becomes the message
 * "tx:<seq>". */
struct bw_db_work {
    uint64_t seq;
    struct bw_str statements; /* encoded array of {name, sql, params, expect} | {number, date,
                                 customer, as} */
};

/* Who did what: a row that is never changed. */
struct bw_audit {
    struct bw_str actor;  /* empty = no row */
    struct bw_str action; /* "run.resume" */
    struct bw_str subject;
    struct bw_str detail; /* encoded value; empty = nil */
};

/* Everything one turn of one run changes. Plain data; borrowed from the batch. */
struct bw_turn_commit {
    struct bw_id batch; /* made by the engine: how an unknown commit is looked up */
    struct bw_id tenant;
    struct bw_id run;
    uint32_t shard;
    int64_t epoch;          /* of the shard, as this node owns it */
    uint64_t expected_head; /* J3 */
    struct bw_str
        turn; /* journal row expected_head+1; empty = no journal row (park, resume, pause) */
    int64_t at_us;

    enum bw_run_status status;
    enum bw_wake_reason wake;
    bool is_active;
    int64_t wake_at_us;
    uint64_t base;
    uint64_t last_seq;
    const uint8_t *release; /* the run moves to this one; NULL = it keeps its own. Only without a
                               journal row: no turn is taken half with one, half with another */
    struct bw_str state;    /* empty = unchanged */
    struct bw_str result;   /* empty = unchanged */
    struct bw_str error;    /* empty = cleared */

    const struct bw_str *acks; /* keys of inbox messages that this turn delivered */
    size_t ack_count;
    const struct bw_message
        *messages; /* to inboxes of other runs, or kept deliveries of this one */
    size_t message_count;
    const struct bw_event *events;
    size_t event_count;
    const struct bw_wait *waits;
    size_t wait_count;
    const uint64_t *unwaits; /* seqs of earlier turns whose wait is over (timeout, lost race, end of
                                run); they end before `waits` begin */
    size_t unwait_count;
    const struct bw_task *tasks;
    size_t task_count;
    const uint64_t *closed_tasks; /* seqs of tasks no longer needed */
    size_t closed_task_count;
    const struct bw_run_row *children;
    size_t child_count;
    const struct bw_db_work *db_works;
    size_t db_work_count;
    struct bw_audit audit;      /* of a person's act that is this commit */
    const struct bw_str *notes; /* encoded maps {seq, kind, ...}: readable record of the run (policy
                                   decisions, ...) */
    size_t note_count;
};

enum bw_commit_status {
    BW_COMMIT_DONE = 1,
    BW_COMMIT_CONFLICT = 2, /* the head is not the expected one: reload the run */
    BW_COMMIT_FENCED = 3,   /* the shard has another epoch: let go of it */
    BW_COMMIT_REFUSED =
        4, /* the database refuses this turn for good (a limit, a constraint): park the run */
};

struct bw_commit_result {
    enum bw_commit_status status;
    struct bw_error error; /* REFUSED: what the database said */
    /* Runs that got something in their inbox by this commit are told through on_mail, right after
     * the commit's callback: other runs, this one when it has db_works or its event had come before
     * its wait, and children, which are new runs. */
};

struct bw_shard_lease {
    uint32_t shard;
    int64_t epoch;
};

struct bw_lease_wish {
    struct bw_str node; /* name of the process, unlike any other that lives */
    int64_t ms;         /* how long; by the database's clock */
    bw_shards held;     /* those that this process has: their epochs stay */
    bw_shards spared;   /* not to be taken, whatever the rows say of their owners */
    bool take_over; /* the caller holds the exclusive lock of an embedded database: no other node
                       can be alive, whatever the rows say */
};

struct bw_leases {
    const struct bw_shard_lease *items; /* all of this node, ascending */
    size_t count;
    size_t node_count; /* that live, this one included */
};

/* What load gives: the row, its journal from base+1 to head, and its unread messages, oldest first.
 */
struct bw_loaded_run {
    struct bw_run_row row;
    struct bw_str *turns;
    size_t turn_count;
    struct bw_message *messages;
    size_t message_count;
};

struct bw_run_ref {
    struct bw_id tenant;
    struct bw_id run;
    int64_t wake_at_us;
};

enum bw_scan {
    BW_SCAN_ACTIVE = 1, /* is_active rows: at start and after a take-over */
    BW_SCAN_DUE = 2,    /* wake_at_us <= limit_us, earliest first */
    BW_SCAN_MAIL = 3,   /* runs with unread messages; parked ones for a cancel or a resume only */
};

/* A committed turn of a run; turn 0: its start, of no batch. */
struct bw_turn_ref {
    struct bw_id tenant;
    struct bw_id run;
    struct bw_id batch;
    uint64_t turn;
};

/* A recurring start. The store knows when to look at it, and not what it says. */
struct bw_schedule_row {
    struct bw_id tenant;
    struct bw_str name; /* unique for the tenant */
    uint32_t shard;
    int64_t version; /* raised by every change */
    bool is_paused;
    int64_t next_due_us; /* 0 = it has ended */
    int64_t wake_at_us;  /* when to look at it; 0 = never: ended or paused */
    int64_t last_due_us; /* 0 = none yet */
    struct bw_id last_run;
    int64_t fired_count;   /* starts that were due and made a run */
    int64_t skipped_count; /* and that made none */
    struct bw_str problem; /* why it cannot fire; empty = it can */
    struct bw_str spec;    /* encoded value (core/schedule.h) */
    struct bw_str set_by;
    int64_t set_at_us;
};

/* A schedule moves on, and its runs start: together or not at all. */
struct bw_schedule_fire {
    struct bw_id tenant;
    struct bw_str name;
    int64_t version; /* as it was read */
    int64_t next_due_us;
    int64_t wake_at_us;
    int64_t last_due_us;   /* 0 = stays */
    int64_t skipped_count; /* due starts that are left out */
    struct bw_str problem;
    const struct bw_run_row *runs; /* new ones; a start key that is taken makes none */
    size_t run_count;
    bool is_alone; /* no run as long as the last one is open or parked: it is skipped instead */
};

typedef void (*bw_done_fn)(void *ud,
                           const struct bw_error *error); /* error->code is BW_ERR_OK on success */
typedef void (*bw_commit_fn)(void *ud, const struct bw_commit_result *results, size_t count);
typedef void (*bw_lease_fn)(void *ud, const struct bw_error *error,
                            const struct bw_leases *leases); /* not NULL */
typedef void (*bw_load_fn)(void *ud, const struct bw_error *error, const struct bw_loaded_run *run);
typedef void (*bw_scan_fn)(void *ud, const struct bw_error *error, const struct bw_run_ref *refs,
                           size_t count);
typedef void (*bw_value_fn)(void *ud, const struct bw_error *error, struct bw_str value);
typedef void (*bw_start_fn)(void *ud, const struct bw_error *error, struct bw_id run, bool is_new);
typedef void (*bw_schedules_fn)(void *ud, const struct bw_error *error,
                                const struct bw_schedule_row *rows, size_t count, int64_t next_us);
typedef void (*bw_release_fn)(void *ud, const struct bw_error *error,
                              const struct bw_release_set *release);
/* `missing` are those that are not there; `timeline` is that of the server that was asked. */
typedef void (*bw_missing_fn)(void *ud, const struct bw_error *error, int64_t timeline,
                              const struct bw_turn_ref *missing, size_t count);
/* The database that answers now has another history than the one before: a standby was promoted, or
 * a backup restored. Told before any answer that the new one gives. */
typedef void (*bw_failover_fn)(void *ud, int64_t from, int64_t to);
/* A run got mail (a message, an event, an answer) by whatever way: the engine marks it ready. */
typedef void (*bw_mail_fn)(void *ud, struct bw_id tenant, struct bw_id run);

struct bw_store {
    void *self;

    /* Brings the schema to this build's version. CONFLICT when the database is newer than the
     * build. */
    void (*migrate)(void *self, bw_done_fn done, void *ud);

    /* Renews the leases of the shards that this node holds, expired or not, and takes of those that
     * are free, expired, or left by a former process of the same name, until it has its fair share:
     * shards / living nodes, rounded up; with `take_over` all. The epoch of what it takes is
     * raised, that of what it holds is not. Whoever has more than its share is not robbed: it finds
     * so out by node_count, and gives back. */
    void (*lease)(void *self, const struct bw_lease_wish *wish, bw_lease_fn done, void *ud);
    /* Gives shards back at once; with all of them, the node counts no more. */
    void (*release_leases)(void *self, struct bw_str node, bw_shards shards, bw_done_fn done,
                           void *ud);

    /* One fenced group commit. Several may be in flight when the store has several connections
     * (`lanes`), never two with the same run. */
    void (*commit)(void *self, const struct bw_turn_commit *commits, size_t count,
                   bw_commit_fn done, void *ud);
    unsigned lanes;

    /* What people do through these, and through write, is in the audit record with it: run.start
     * (by started_by, when the run is new), run.cancel and task.answer (by `by` of the value),
     * setting.set, schedule.set, schedule.pause, schedule.resume, schedule.delete (by set_by). */
    void (*start_run)(void *self, const struct bw_run_row *row, bw_start_fn done, void *ud);
    /* NOT_FOUND when there is no such run, CONFLICT when it has ended. */
    void (*put_message)(void *self, const struct bw_message *message, bw_done_fn done, void *ud);
    void (*put_event)(void *self, const struct bw_event *event, bw_done_fn done, void *ud);
    /* Stores the answer once and puts it in the run's inbox. CONFLICT when answered already (by
     * whom, when), NOT_FOUND. */
    void (*answer_task)(void *self, struct bw_id tenant, struct bw_id task, struct bw_str answer,
                        bw_done_fn done, void *ud);

    void (*load)(void *self, struct bw_id tenant, struct bw_id run, bw_load_fn done, void *ud);
    void (*scan)(void *self, enum bw_scan what, bw_shards shards, int64_t limit_us,
                 size_t count_max, bw_scan_fn done, void *ud);

    /* A script's read: SQL under the script role, row-level security on; result = array of maps. */
    void (*query)(void *self, struct bw_id tenant, struct bw_str name, struct bw_str sql,
                  struct bw_str params, bw_value_fn done, void *ud);
    /* Settings in force: {settings = {...}, layers = [...]} for policy on a date in these scopes.
     */
    void (*settings)(void *self, struct bw_id tenant, struct bw_str args, bw_value_fn done,
                     void *ud);

    /* Read models for the API. `what`: "tenant" {}: {weight, runs_max, open}, its open runs counted
     * up to the ceiling; "problems" {}: array of {problem, run}, open runs whose reason to wait has
     * nothing behind it;
     * "runs" {status?, workflow?, limit?, after?}, "run" {id},
     * "journal" {run}, "tasks" {status?, run?, limit?}, "task" {id}, "notes" {run}, "inbox" {run},
     * "tenants" {}, "series" {}, "numbers" {series?, limit?}, "audit" {actor?, action?, subject?,
     * since_us?, limit?} (the newest, in their order), "schedules" {limit?}, "schedule" {name},
     * "key" {name}; "holds" {}: by name; "retention" {}: {stamp, dropped: runs ever, holds, last:
     * as written}; "setting_scopes" {name: a policy}: [{scope_type, scope_id}], the customers and
     * contracts for which it has settings. Array of maps (runs newest first, tasks and the rest
     * oldest first), or one map.
     * The maps are store/rows.c's. */
    void (*read)(void *self, struct bw_id tenant, struct bw_str what, struct bw_str args,
                 bw_value_fn done, void *ud);

    void (*put_tenant)(void *self, struct bw_id tenant, struct bw_str name, bw_done_fn done,
                       void *ud);
    void (*find_tenant)(void *self, struct bw_str name, bw_start_fn done, void *ud);
    void (*put_release)(void *self, struct bw_id tenant, const struct bw_release_set *release,
                        bool activate, bw_done_fn done, void *ud);
    void (*get_release)(void *self, const uint8_t hash[BW_RELEASE_HASH_LEN], bw_release_fn done,
                        void *ud);
    /* Without `has_files` only its hash: it is asked for every second. */
    void (*active_release)(void *self, struct bw_id tenant, bool has_files, bw_release_fn done,
                           void *ud);

    /* What people and imports write beside runs. `what`, with args as a map:
     * "tenant" {weight?: 10 to 1,000, runs_max?: 0 = no ceiling}: its share of the engine; what is
     * absent stays, out of bounds is INVALID;
     * "setting" {policy, name, value, scope_type: "firm"|"pack"|"tenant"|"customer"|"contract",
     * scope_id?, valid_from: date, locked?, set_by, at_us?}: one value from a date on, in one
     * scope; null: from then on the scope has none; "series"
     * {series, format, reset?: "year"|"month"|"never", next?}: a number series. Given again, it
     * changes nothing once a number was taken (before that, next); CONFLICT when format or reset
     * differ; "audit"   {actor, action, subject, detail?, at_us?}: who did what; "schedule" {name,
     * spec, next_due_us, wake_at_us, set_by, at_us?}: made, or set anew (one that is paused stays
     * so); "schedule_state" {name, is_paused, next_due_us?, wake_at_us?, version?, set_by?}
     * (CONFLICT when it has another version); "schedule_delete" {name}. NOT_FOUND when there is
     * none; "key" {name, key}: a signing key, 64 hexadecimal digits; one that is there stays;
     * "hold" {name, scope: "tenant"|"run"|"workflow"|"contract"|"customer"|"matter", scope_id?,
     * reason, set_by, at_us?}: from now on nothing of it is dropped; again it changes nothing,
     * CONFLICT when the name holds something else; "hold_end" {name, reason, set_by}; "retention"
     * {last}: what the last sweep has to say; "room" {at_us?}, of no tenant: room for what
     * comes is made, what is empty is given back (partitions: nothing of it can be seen). */
    void (*write)(void *self, struct bw_id tenant, struct bw_str what, struct bw_str args,
                  bw_done_fn done, void *ud);
    /* As load, but without the turns (turn_count 0): for a run whose script is in memory and only
     * got mail. */
    void (*load_mail)(void *self, struct bw_id tenant, struct bw_id run, bw_load_fn done, void *ud);

    /* Schedules of these shards with wake_at_us <= now_us, earliest first, at most count_max; and
     * the earliest wake_at_us after that (0 = none). */
    void (*due_schedules)(void *self, bw_shards shards, int64_t now_us, size_t count_max,
                          bw_schedules_fn done, void *ud);
    /* CONFLICT when it has another version, or is gone: nothing is written. `is_new`: a run was
     * made; all that were get mail. */
    void (*fire_schedule)(void *self, const struct bw_schedule_fire *fire, bw_start_fn done,
                          void *ud);

    /* --- Retention: store/retention.h says which runs may go, and what trees, rules and tags are.
     *
     * Looks at the next `limit` runs by id and at the trees of which they are roots. args {rules:
     * [{workflow? | customer? | contract?, before_us, books_before_us}], after?, limit?}; gives
     * {after: go on there, null = everything was looked at, kept: {documents, held, open, young}:
     * runs of trees that do not go, runs: [{finished_at_us, id, key, workflow, wrote}]: whole
     * trees, children first, stamp}. Trees whose root is open, or finished after the latest moment
     * of the rules, are not counted. Nothing is changed. */
    void (*find_expired)(void *self, struct bw_id tenant, struct bw_str args, bw_value_fn done,
                         void *ud);
    /* Drops these runs with their journals, mail, tasks, waits, notes, taken events and large
     * values, in one transaction; those that are not finished (any more), have an open task or
     * document, or a child that stays, are left. args {runs: [id], stamp, by, under, at_us?,
     * detail?}; gives {runs, turns}: what was dropped. CONFLICT when a hold or a setting of policy
     * "retention" changed since `stamp` was given: nothing was done. May be repeated.
     *
     * Of a run that had a key, or wrote, read "run" still gives how and when it ended, when it was
     * dropped and under what. Its key stays taken: a start with it answers with the run's id. Audit
     * records, numbers and documents are never touched. */
    void (*drop_runs)(void *self, struct bw_id tenant, struct bw_str args, bw_value_fn done,
                      void *ud);

    /* Which of these turns and starts are stored? */
    void (*check_turns)(void *self, const struct bw_turn_ref *turns, size_t count,
                        bw_missing_fn done, void *ud);

    /* Notes which history the database has, and gives {restored_at_us}: when an engine first found
     * it to be another one than before, with nobody who could tell what was lost; 0 = never.
     * `has_lived`: the caller lived through the change, and told. */
    void (*look_at_history)(void *self, bool has_lived, int64_t at_us, bw_value_fn done, void *ud);

    void (*set_on_mail)(void *self, bw_mail_fn on_mail, void *ud);
    void (*set_on_failover)(void *self, bw_failover_fn on_failover, void *ud);
    /* Ends connections (pending calls get CANCELLED), then calls `closed`; `self` is gone
     * afterwards. */
    void (*close)(void *self, void (*closed)(void *ud), void *ud);
};

#endif
