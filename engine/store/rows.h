/* rows.h - what both stores say alike: names of states, read models as values.
 *
 * Offers:  names, maps for the API made from row structs, the arguments of reads.
 * Relies on: store/store.h, codec/value.h.
 */
#ifndef BW_STORE_ROWS_H
#define BW_STORE_ROWS_H

#include "store/store.h"

#define BW_ROWS_VALUE_BYTES_MAX (512u * 1024u * 1024u) /* of one answer to a read */
#define BW_ROWS_LIMIT_DEFAULT 100
#define BW_ROWS_LIMIT_MAX 10000

const char *
bw_run_status_name(enum bw_run_status status); /* "open", "parked", "done", "failed", "cancelled" */
bool bw_run_status_from_name(struct bw_str name, enum bw_run_status *status);
const char *bw_wake_reason_name(enum bw_wake_reason wake); /* "none", "ready", "timer", ... */
bool bw_run_status_is_final(enum bw_run_status status);

enum bw_task_status { BW_TASK_OPEN = 1, BW_TASK_ANSWERED = 2, BW_TASK_CLOSED = 3 };
const char *bw_task_status_name(enum bw_task_status status); /* "open", "answered", "closed" */
bool bw_task_status_from_name(struct bw_str name, enum bw_task_status *status);

struct bw_task_row {
    struct bw_task task;
    struct bw_id run;
    enum bw_task_status status;
    struct bw_str answer; /* encoded; empty = none */
    int64_t opened_at_us;
    int64_t answered_at_us; /* 0 = not */
};

/* Each appends one map. `is_whole` adds input, state, result. */
void bw_rows_put_run(struct bw_buf *out, const struct bw_run_row *row, bool is_whole);
void bw_rows_put_task(struct bw_buf *out, const struct bw_task_row *row);
void bw_rows_put_journal(struct bw_buf *out, uint64_t turn, int64_t at_us, struct bw_id batch,
                         struct bw_str body);
void bw_rows_put_note(struct bw_buf *out, uint64_t turn, int64_t at_us, struct bw_str note);
void bw_rows_put_message(struct bw_buf *out, const struct bw_message *message, bool is_read);
void bw_rows_put_number(struct bw_buf *out, struct bw_str series, struct bw_str number,
                        int64_t sequence, struct bw_str date, int64_t at_us, struct bw_id run);
void bw_rows_put_series(struct bw_buf *out, struct bw_str series, struct bw_str format,
                        struct bw_str reset, int64_t next, struct bw_str last_date);
void bw_rows_put_key(struct bw_buf *out, struct bw_str name, struct bw_str key);
void bw_rows_put_audit(struct bw_buf *out, int64_t at_us, struct bw_str actor, struct bw_str action,
                       struct bw_str subject, struct bw_str detail);
void bw_rows_put_schedule(struct bw_buf *out, const struct bw_schedule_row *row);
/* What a tenant may have of the engine; the arguments of write "tenant". */
struct bw_share {
    int64_t weight;   /* per cent of the normal share, 10 to 1,000; 0 in a write: as it is */
    int64_t runs_max; /* open at a time; 0 = no ceiling; negative in a write: as it is */
    int64_t open;     /* runs, counted up to the ceiling; negative = not counted */
};
BW_MUST_USE enum bw_err bw_share_from_args(struct bw_str args, struct bw_share *share,
                                           struct bw_error *error);
void bw_rows_put_problem(struct bw_buf *out, struct bw_id run, struct bw_str problem);
void bw_rows_put_tenant(struct bw_buf *out, struct bw_id id, struct bw_str name,
                        int64_t created_at_us, const struct bw_share *share);
void bw_rows_put_scope(struct bw_buf *out, struct bw_str scope_type, struct bw_str scope_id);
void bw_rows_put_id(struct bw_buf *out, struct bw_id id); /* as a string */

/* The value of the message "event:<seq>": {body, id, key, topic}. */
void bw_rows_put_event(struct bw_buf *out, struct bw_str topic, struct bw_str key, struct bw_str id,
                       struct bw_str body);

/* Arguments of a read, checked. */
struct bw_read_args {
    bool has_status;
    int status;
    struct bw_str workflow;
    struct bw_str series;
    struct bw_str name;                   /* of "schedule", "key", "setting_scopes" */
    struct bw_str actor, action, subject; /* of "audit"; empty = any */
    int64_t since_us;
    struct bw_id id;    /* of "id" */
    struct bw_id run;   /* of "run" */
    struct bw_id after; /* zero = from the start */
    int64_t limit;
};
BW_MUST_USE enum bw_err bw_rows_read_args(struct bw_str what, struct bw_str args,
                                          struct bw_read_args *out, struct bw_error *error);

/* How many bytes this turn brings along, about. */
size_t bw_rows_commit_bytes(const struct bw_turn_commit *commit);

/* The audit record of what a value {by, ...} does: a cancel, an answer. */
struct bw_str bw_rows_by(struct bw_str value);
/* Text of the CONFLICT when a task was answered before. */
void bw_rows_fail_answered(struct bw_error *error, enum bw_task_status status, struct bw_str answer,
                           int64_t answered_at_us);
/* YYYY-MM-DD of a real date? */
bool bw_rows_is_date(struct bw_str text);

#endif
