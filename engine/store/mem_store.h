/* mem_store.h - what the parts of the memory store share; nobody else includes it.
 *
 * Parts:   store_mem.c (calls, pump, life), mem_commit.c (turns, events), mem_data.c (rows and
 * look-ups), mem_read.c (loads, scans, settings, read models), mem_retention.c (what is dropped,
 * and what holds it), mem_schedule.c (schedules), mem_snapshot.c (a standby that falls behind),
 * mem_work.c (numbers, transactions and queries for the test world).
 *
 * Rows own their strings (own() and disown()); look-ups are by hash maps, lists keep the order of
 * arrival.
 */
#ifndef BW_STORE_MEM_STORE_H
#define BW_STORE_MEM_STORE_H

#include "base/list.h"
#include "base/map.h"
#include "store/copy.h"
#include "store/retention.h"
#include "store/rows.h"
#include "store/settings.h"
#include "store/store_mem.h"

struct mem_turn {
    struct bw_id batch;
    int64_t at_us;
    struct bw_str body;
};

struct mem_message {
    struct bw_message message; /* owned */
    bool is_read;
    struct mem_event *event; /* the event it tells of, or NULL */
};

struct mem_note {
    uint64_t turn;
    int64_t at_us;
    struct bw_str body;
};

struct mem_place; /* where events and waits of one (tenant, topic, key) meet */

struct mem_event {
    struct bw_list link; /* in its place, in the order of arrival */
    struct mem_place *place;
    struct bw_event event; /* owned */
    bool is_taken;
};

struct mem_wait {
    struct bw_list link; /* in its place */
    struct mem_place *place;
    struct mem_run *run;
    uint64_t seq;
    struct mem_event *event; /* what it got */
};

struct mem_place {
    struct bw_list events;
    struct bw_list waits;
};

struct mem_run {
    struct bw_run_row row; /* owned */
    struct bw_id last_batch;
    struct mem_turn *turns;
    size_t turn_count;
    struct mem_message *messages;
    size_t message_count;
    struct mem_note *notes;
    size_t note_count;
    struct mem_wait **waits;
    size_t wait_count;
};

struct mem_task {
    struct bw_task_row row; /* owned */
    struct bw_id tenant;
};

struct mem_tenant {
    struct bw_id id;
    struct bw_str name;
    int64_t created_at_us;
    struct mem_release *active;
    struct bw_share share;
};

struct mem_release {
    struct bw_arena arena;
    struct bw_release_set set;
};

struct mem_setting {
    struct bw_id tenant;
    struct bw_setting setting; /* owned */
};

struct mem_series {
    struct bw_id tenant;
    struct bw_str series;
    struct bw_str format;
    struct bw_str reset;
    struct bw_str last_date; /* empty = no number yet */
    int64_t next;
};

struct mem_number {
    struct bw_id tenant;
    struct bw_str series;
    struct bw_str number;
    struct bw_str date;
    int64_t sequence;
    int64_t at_us;
    struct bw_id run;
};

struct mem_key {
    struct bw_id tenant;
    struct bw_str name;
    struct bw_str key;
};

struct mem_audit {
    struct bw_id tenant;
    int64_t at_us;
    struct bw_str actor;
    struct bw_str action;
    struct bw_str subject;
    struct bw_str detail;
};

struct mem_hold {
    struct bw_id tenant;
    struct bw_hold hold; /* owned */
};

struct mem_retention {
    struct bw_id tenant;
    int64_t stamp;
    int64_t dropped;
    struct bw_str last;
};

/* A query or a transaction that the test world has to play. */
struct mem_request {
    struct bw_list link;
    struct bw_mem_request request;
    struct bw_arena arena;
    bool is_handed_out;
    int64_t at_us; /* TRANSACTION: of its turn */
    struct {
        struct bw_str *items;
        size_t count;
    } taken; /* of a transaction: for each item, the number it took, encoded; empty = a statement */
    struct mem_undo {
        struct mem_series *series;
        int64_t next;
        struct bw_str last_date;
    } * undo; /* what each taken number changed, oldest first */
    size_t undo_count;
    bw_value_fn done; /* QUERY */
    void *ud;
    bool is_answered; /* QUERY: the next pump calls `done` */
    struct bw_error error;
    struct bw_str answer;
};

struct mem_shard {
    struct bw_str owner; /* empty = free */
    int64_t until_us;
    int64_t epoch;
};

struct mem_node {
    struct bw_str name;
    int64_t until_us; /* lives until then */
};

struct mem_store;
/* One call: its arguments (copied), its callback, and what performs it. */
struct mem_op {
    struct bw_list link;
    const char *what;
    struct bw_arena arena;
    void (*run)(struct mem_store *store, struct mem_op *op);
    struct bw_id tenant;
    struct bw_id id; /* of a run or a task */
    struct bw_str text;
    struct bw_str more;
    struct bw_str params;
    int64_t number;
    size_t count;
    bw_shards shards;
    bw_shards spared;
    bool flag;
    bool is_hash_only;
    union {
        struct bw_turn_commit *commits;
        struct bw_run_row row;
        struct bw_message message;
        struct bw_event event;
        struct bw_release_set release;
        struct bw_schedule_fire fire;
        struct bw_turn_ref *turns;
    } in;
    struct bw_commit_result *results; /* commit */
    union {
        bw_done_fn done;
        bw_lease_fn lease;
        bw_commit_fn commit;
        bw_start_fn start;
        bw_load_fn load;
        bw_scan_fn scan;
        bw_value_fn value;
        bw_release_fn release;
        bw_schedules_fn schedules;
        bw_missing_fn missing;
    } fn;
    void *ud;
    void (*fail)(struct mem_op *op, const struct bw_error *error);
};

struct mem_store {
    const struct bw_clock *clock;
    struct bw_list ops;     /* calls to perform */
    struct bw_list answers; /* lingering callbacks */
    bool is_pumping;
    bool is_closing;
    void (*closed)(void *ud);
    void *closed_ud;
    bw_mail_fn on_mail;
    void *on_mail_ud;
    struct bw_id (*mail)[2]; /* (tenant, run) to report after the call's callback */
    size_t mail_count;
    bw_failover_fn on_failover;
    void *on_failover_ud;
    int64_t timeline;
    int64_t history; /* the timeline that an engine noted last: a row; 0 = none */
    int64_t restored_at_us;
    bw_mem_fault_fn fault;
    void *fault_ud;

    struct mem_shard shards[BW_SHARD_COUNT];
    struct mem_node *nodes; /* all that ever leased */
    size_t node_count;

    struct mem_run **runs; /* all, in the order of arrival */
    size_t run_count;
    struct bw_map run_map;  /* tenant + id */
    struct bw_map key_map;  /* tenant + workflow + key */
    struct bw_map task_map; /* tenant + id */
    struct mem_task **tasks;
    size_t task_count;
    struct bw_map place_map; /* tenant + topic + key */
    struct bw_map event_map; /* tenant + topic + key + id: sent twice, stored once */
    struct mem_tenant **tenants;
    size_t tenant_count;
    struct bw_map release_map; /* by hash */
    struct mem_setting *settings;
    size_t setting_count;
    struct mem_series **series;
    size_t series_count;
    struct mem_number *numbers;
    size_t number_count;
    struct bw_schedule_row *schedules; /* owned */
    size_t schedule_count;
    struct mem_audit *audits;
    size_t audit_count;
    struct mem_key *keys;
    size_t key_count;
    struct mem_run **remnants; /* of runs that were dropped: not in `runs`, but found by key */
    size_t remnant_count;
    struct mem_hold *holds;
    size_t hold_count;
    struct mem_retention *retentions; /* of tenants */
    size_t retention_count;
    struct bw_list requests;
    uint64_t request_last;
};

/* Makes room for one more item. The room is a power of two, made when the count is one: it needs no
 * field of its own, and items may be taken out. */
void *mem_grow(void *items, size_t count, size_t len);
#define MEM_PUSH(items, count, ...)                                                                \
    do {                                                                                           \
        (items) = mem_grow((items), (count), sizeof *(items));                                     \
        (items)[(count)++] = (__VA_ARGS__);                                                        \
    } while (0)

struct bw_str mem_own(struct bw_str text); /* a copy on the heap */
void mem_disown(struct bw_str *text);
void mem_replace(struct bw_str *text, struct bw_str by);

/* store_mem.c: a call, to be performed by the pump. */
struct mem_op *mem_op_make(void *self, const char *what,
                           void (*run)(struct mem_store *store, struct mem_op *op),
                           void (*fail)(struct mem_op *op, const struct bw_error *error), void *ud);

/* The server is gone: commits that it had not done are not sent to the next one. */
void mem_break_commits(struct mem_store *store);

/* mem_data.c */
struct mem_run *mem_find_run(const struct mem_store *store, struct bw_id tenant, struct bw_id run);
/* Also of a run that was dropped. */
struct mem_run *mem_find_key(const struct mem_store *store, struct bw_id tenant,
                             struct bw_str workflow, struct bw_str key);
struct mem_run *mem_find_remnant(const struct mem_store *store, struct bw_id tenant,
                                 struct bw_id run);
/* Forgets the run, its mail, events, waits, notes and tasks. What is to remain does as a remnant.
 */
void mem_forget_run(struct mem_store *store, struct mem_run *run, bool remains, int64_t at_us,
                    struct bw_str under);
struct mem_run *mem_add_run(struct mem_store *store, const struct bw_run_row *row);
struct mem_tenant *mem_find_tenant(const struct mem_store *store, struct bw_id tenant);
struct mem_task *mem_find_task(const struct mem_store *store, struct bw_id tenant,
                               struct bw_id task);
void mem_add_task(struct mem_store *store, struct bw_id tenant, struct bw_id run,
                  const struct bw_task *task, int64_t at_us);
struct mem_message *mem_find_message(const struct mem_run *run, struct bw_str key);
/* False when a message with this key is there already; otherwise reports mail. `event` may be NULL.
 */
bool mem_add_message(struct mem_store *store, struct mem_run *run, struct bw_str key,
                     enum bw_message_kind kind, uint64_t seq, struct bw_str value,
                     struct mem_event *event);
struct mem_place *mem_place(struct mem_store *store, struct bw_id tenant, struct bw_str topic,
                            struct bw_str key);
struct bw_buf mem_event_key(const struct bw_event *event); /* in event_map; the caller's */
struct mem_series *mem_find_series(const struct mem_store *store, struct bw_id tenant,
                                   struct bw_str series);
void mem_mail(struct mem_store *store, struct bw_id tenant, struct bw_id run);
void mem_free_data(struct mem_store *store);

void mem_audit(struct mem_store *store, struct bw_id tenant, const struct bw_audit *audit,
               int64_t at_us);

/* mem_commit.c */
/* A group, as one transaction: what each turn does is seen by all, part by part. */
void mem_commit(struct mem_store *store, const struct bw_turn_commit *commits,
                struct bw_commit_result *results, size_t count);
void mem_put_event(struct mem_store *store, const struct bw_event *event, int64_t now_us);

/* mem_work.c */
void mem_start_work(struct mem_store *store, struct mem_run *run, uint64_t seq,
                    struct bw_str statements, int64_t at_us);
void mem_start_query(struct mem_store *store, struct bw_id tenant, struct bw_str name,
                     struct bw_str sql, struct bw_str params, bw_value_fn done, void *ud);
bool mem_pump_requests(struct mem_store *store);
void mem_free_requests(struct mem_store *store);
/* The server is gone: transactions are forgotten, queries fail at the next pump. */
void mem_break_requests(struct mem_store *store);

/* mem_schedule.c */
void mem_due_schedules(void *self, bw_shards shards, int64_t now_us, size_t count_max,
                       bw_schedules_fn done, void *ud);
void mem_fire_schedule(void *self, const struct bw_schedule_fire *fire, bw_start_fn done, void *ud);
struct bw_schedule_row *mem_find_schedule(const struct mem_store *store, struct bw_id tenant,
                                          struct bw_str name);
enum bw_err mem_write_schedule(struct mem_store *store, struct bw_str what,
                               const struct bw_schedule_args *args, struct bw_error *error);
void mem_free_schedules(struct mem_store *store);

/* mem_retention.c */
void mem_find_expired(void *self, struct bw_id tenant, struct bw_str args, bw_value_fn done,
                      void *ud);
void mem_drop_runs(void *self, struct bw_id tenant, struct bw_str args, bw_value_fn done, void *ud);
/* Made when the tenant has none; valid until the next one is made. */
struct mem_retention *mem_retention_of(struct mem_store *store, struct bw_id tenant);
int mem_by_hold_name(const void *left, const void *right); /* of struct mem_hold */
bool mem_is_retention(struct bw_str what);
enum bw_err mem_write_retention(struct mem_store *store, struct bw_id tenant, struct bw_str what,
                                struct bw_str args, struct bw_error *error);
void mem_free_retention(struct mem_store *store);

/* mem_read.c */
void mem_look_at_history(void *self, bool has_lived, int64_t at_us, bw_value_fn done, void *ud);
void mem_check_turns(void *self, const struct bw_turn_ref *turns, size_t count, bw_missing_fn done,
                     void *ud);
void mem_load(struct mem_store *store, struct bw_id tenant, struct bw_id run, bool has_turns,
              bw_load_fn done, void *ud);
void mem_scan(struct mem_store *store, enum bw_scan what, bw_shards shards, int64_t limit_us,
              size_t count_max, bw_scan_fn done, void *ud);
void mem_settings(struct mem_store *store, struct bw_id tenant, struct bw_str args,
                  bw_value_fn done, void *ud);
void mem_read(struct mem_store *store, struct bw_id tenant, struct bw_str what, struct bw_str args,
              bw_value_fn done, void *ud);
enum bw_err mem_write(struct mem_store *store, struct bw_id tenant, struct bw_str what,
                      struct bw_str args, struct bw_error *error);

#endif
