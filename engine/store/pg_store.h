/* pg_store.h - what the parts of the PostgreSQL store share; nobody else includes it.
 *
 * Parts:   store_pg.c (life, leases), pg_commit.c (group commits), pg_door.c (what comes in),
 * pg_read.c (loads, scans, queries, read models), pg_schedule.c (schedules), pg_retention.c (what
 * is dropped, and what holds it), pg_admin.c (tenants, releases, settings).
 */
#ifndef BW_STORE_PG_STORE_H
#define BW_STORE_PG_STORE_H

#include "base/list.h"
#include "io/pgc.h"
#include "store/pg_args.h"
#include "store/pg_blob.h"
#include "store/rows.h"
#include "store/store_pg.h"

struct bw_pg_group; /* pg_commit.c */
struct bw_pg_lane {
    struct bw_pg_store *store;
    struct bw_pgc *pgc;
    struct bw_pg_group *group; /* at work; NULL = free */
    unsigned failures;         /* in a row: the pause before the next try grows with them */
};

struct bw_pg_store {
    struct uv_loop_s *loop;
    const struct bw_clock *clock;
    char *conninfo;
    void (*on_notice)(void *ud, const char *text);
    void (*on_state)(void *ud, bool is_connected, const struct bw_error *error);
    void *ud;

    struct bw_pg_lane lanes[BW_STORE_PG_LANES_MAX];
    unsigned lane_count;
    struct bw_list groups; /* that wait for a lane */

    struct bw_pgc *door;
    struct bw_list door_ops; /* that wait for the door's next unit */
    bool is_door_busy;
    unsigned door_failures;

    struct bw_pgc *reader;
    struct bw_pgc *script;
    struct bw_pgc *keeper; /* retention: loads do not wait behind it */

    bw_mail_fn on_mail;
    void *on_mail_ud;
    bw_failover_fn on_failover;
    void *on_failover_ud;
    int64_t timeline; /* of the server that answered last; 0 = none yet */

    bool is_closing;
    unsigned open_count; /* connections that are not closed yet */
    void (*closed)(void *ud);
    void *closed_ud;
};

/* A call of the store that is on its way: its callback and what it needs until then. */
struct bw_pg_request {
    struct bw_pg_store *store;
    union {
        bw_done_fn done;
        bw_lease_fn lease;
        bw_load_fn load;
        bw_scan_fn scan;
        bw_value_fn value;
        bw_start_fn start;
        bw_release_fn release;
    } fn;
    void *ud;
    void (*answer)(struct bw_pg_request *request, const struct bw_pg_outcome *outcome);
    struct bw_arena arena;
    void *args; /* what build needs; in the arena */
    struct bw_pgc *pgc;
    struct bw_pgc_unit *(*build)(
        struct bw_pg_request *request); /* builds the unit (again, after a loss) */
    bool (*is_whole)(const struct bw_pg_outcome
                         *outcome); /* NULL; false: somebody committed in between, again */
    struct bw_error error;          /* of a request refused before it was sent */
    unsigned attempts;
};

/* store_pg.c: requests that may be repeated. `build` is called now, and once more if the connection
 * is lost under way; then `answer`, which calls the callback. The request is freed afterwards. */
struct bw_pg_request *bw_pg_request_make(struct bw_pg_store *store, struct bw_pgc *pgc, void *ud);
void bw_pg_request_send(struct bw_pg_request *request);
/* Answers later with request->error, without a database. `answer` is called with outcome NULL. */
void bw_pg_request_refuse(struct bw_pg_request *request);
/* The error that a callback gets for an outcome (NULL: the request's own). OK when done. */
const struct bw_error *bw_pg_request_error(struct bw_pg_request *request,
                                           const struct bw_pg_outcome *outcome);

int64_t bw_pg_now_us(const struct bw_pg_store *store);
void bw_pg_mail(struct bw_pg_store *store, struct bw_id tenant, struct bw_id run);
/* For all rows (tenant, run) of a result. */
void bw_pg_mail_rows(struct bw_pg_store *store, const struct bw_pg_result *rows);
/* How long to wait before the n-th repetition. */
unsigned bw_pg_pause_ms(unsigned failures);

/* pg_commit.c */
void bw_pg_commit(void *self, const struct bw_turn_commit *commits, size_t count, bw_commit_fn done,
                  void *ud);
void bw_pg_commit_close(struct bw_pg_store *store);
/* The tables of the statements below, shared with the door. */
#define BW_PG_RUN_TYPES "uusxttssblulxtl"
void bw_pg_cell_run(struct bw_pg_table *table, struct bw_pg_blobs *blobs,
                    const struct bw_run_row *row); /* BW_PG_RUN_TYPES */
extern const struct bw_pg_statement bw_pg_settle_events;
#define BW_PG_UNWAIT_TYPES "uuul"
#define BW_PG_EVENT_TYPES "uuutttxl"
#define BW_PG_WAIT_TYPES "uuultt"
void bw_pg_cell_event(struct bw_pg_table *table, struct bw_pg_blobs *blobs,
                      const struct bw_event *event, struct bw_id run, struct bw_id batch);

/* pg_door.c */
void bw_pg_start_run(void *self, const struct bw_run_row *row, bw_start_fn done, void *ud);
void bw_pg_put_message(void *self, const struct bw_message *message, bw_done_fn done, void *ud);
void bw_pg_put_event(void *self, const struct bw_event *event, bw_done_fn done, void *ud);
void bw_pg_answer_task(void *self, struct bw_id tenant, struct bw_id task, struct bw_str answer,
                       bw_done_fn done, void *ud);
void bw_pg_door_close(struct bw_pg_store *store);

/* pg_read.c */
void bw_pg_load(void *self, struct bw_id tenant, struct bw_id run, bw_load_fn done, void *ud);
void bw_pg_load_mail(void *self, struct bw_id tenant, struct bw_id run, bw_load_fn done, void *ud);
void bw_pg_scan(void *self, enum bw_scan what, bw_shards shards, int64_t limit_us, size_t count_max,
                bw_scan_fn done, void *ud);
void bw_pg_query(void *self, struct bw_id tenant, struct bw_str name, struct bw_str sql,
                 struct bw_str params, bw_value_fn done, void *ud);
void bw_pg_settings(void *self, struct bw_id tenant, struct bw_str args, bw_value_fn done,
                    void *ud);
void bw_pg_read(void *self, struct bw_id tenant, struct bw_str what, struct bw_str args,
                bw_value_fn done, void *ud);

/* pg_schedule.c */
struct bw_schedule_args;
void bw_pg_due_schedules(void *self, bw_shards shards, int64_t now_us, size_t count_max,
                         bw_schedules_fn done, void *ud);
void bw_pg_fire_schedule(void *self, const struct bw_schedule_fire *fire, bw_start_fn done,
                         void *ud);
/* Adds the statement of a write; it gives a row when there is such a schedule. */
void bw_pg_add_schedule_write(struct bw_pgc_unit *unit, struct bw_str what,
                              const struct bw_schedule_args *args, int64_t now_us);
void bw_pg_take_schedule(const struct bw_pg_result *rows, size_t i, struct bw_schedule_row *row);
extern const char bw_pg_schedules_sql[];
extern const char bw_pg_schedule_sql[];

/* pg_failover.c */
extern const struct bw_pg_statement bw_pg_greeting;
int64_t bw_pg_on_greeting(void *ud, const struct bw_pg_result *rows);
void bw_pg_set_on_failover(void *self, bw_failover_fn on_failover, void *ud);
void bw_pg_look_at_history(void *self, bool has_lived, int64_t at_us, bw_value_fn done, void *ud);
void bw_pg_check_turns(void *self, const struct bw_turn_ref *turns, size_t count,
                       bw_missing_fn done, void *ud);

/* pg_retention.c */
void bw_pg_find_expired(void *self, struct bw_id tenant, struct bw_str args, bw_value_fn done,
                        void *ud);
void bw_pg_drop_runs(void *self, struct bw_id tenant, struct bw_str args, bw_value_fn done,
                     void *ud);
/* Writes that are its own: "hold", "hold_end", "retention". False: it is none of them. */
bool bw_pg_write_retention(struct bw_pg_store *store, struct bw_id tenant, struct bw_str what,
                           struct bw_str args, bw_done_fn done, void *ud);
extern const struct bw_pg_statement bw_pg_retention_changed;

/* pg_admin.c */
void bw_pg_put_tenant(void *self, struct bw_id tenant, struct bw_str name, bw_done_fn done,
                      void *ud);
void bw_pg_find_tenant(void *self, struct bw_str name, bw_start_fn done, void *ud);
void bw_pg_put_release(void *self, struct bw_id tenant, const struct bw_release_set *release,
                       bool activate, bw_done_fn done, void *ud);
void bw_pg_get_release(void *self, const uint8_t hash[BW_RELEASE_HASH_LEN], bw_release_fn done,
                       void *ud);
void bw_pg_active_release(void *self, struct bw_id tenant, bool has_files, bw_release_fn done,
                          void *ud);
void bw_pg_write(void *self, struct bw_id tenant, struct bw_str what, struct bw_str args,
                 bw_done_fn done, void *ud);

#endif
