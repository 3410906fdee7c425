/* pgc.h - one connection to PostgreSQL on the loop: pipeline mode, reconnect with backoff and
 * jitter, notices.
 *
 * Offers:  send a unit (statements that are one transaction), results in order, a wait, a close.
 * Relies on: base/, libuv, libpq. The only user is store/ (and tests).
 *
 * A unit is a list of statements followed by one Sync: the server runs it as one implicit
 * transaction, and nothing of it is reported before the Sync, hence before the commit, came back.
 * So a unit never says BEGIN or COMMIT. Units run in the order they were sent; several may be in
 * flight. A connection is opened when the first unit wants it, and again after it was lost.
 */
#ifndef BW_IO_PGC_H
#define BW_IO_PGC_H

#include "base/buf.h"
#include "base/err.h"
#include "base/id.h"
#include "base/mem.h"
#include "base/str.h"
#include <stdint.h>

struct uv_loop_s;
struct bw_pgc;
struct bw_pg_result; /* rows of one statement; owned by the connection, valid in the callback only
                      */

#define BW_PG_APPLICATION_MAX 64
#define BW_PG_PARAMS_MAX 32

/* What one statement is. Static storage: it is known to a connection by its address. */
struct bw_pg_statement {
    const char *name; /* prepared under this name on first use; NULL = parsed each time */
    const char *sql;
    int param_count;
};

/* One argument; ptr NULL is SQL's null. The bytes must live as long as the unit: put them in its
 * arena. */
struct bw_pg_param {
    const char *ptr;
    size_t len;
    bool is_binary; /* else text, which must be terminated */
};

enum bw_pg_status {
    BW_PG_DONE = 1,   /* committed */
    BW_PG_FAILED = 2, /* the server said no: nothing of it is there; see error and sqlstate */
    BW_PG_LOST =
        3, /* sent, and the connection ended before the answer: committed or not is not known */
    BW_PG_UNSENT = 4,    /* never sent: no connection to be had, and the unit was not patient */
    BW_PG_CANCELLED = 5, /* the connection was closed by its owner */
};

struct bw_pg_outcome {
    enum bw_pg_status status;
    struct bw_error error; /* when not DONE */
    char sqlstate[6];      /* FAILED: "23505"; else "" */
    size_t failed_at; /* FAILED: index of the statement; the count of statements when the commit
                         itself failed */
    const struct bw_pg_result *const *results; /* DONE: one for each statement */
    size_t count;
    /* LOST: the session that may still be at work on it, for bw_pg_outcome's reader to end before
     * it looks. */
    int backend_pid;
    char application[BW_PG_APPLICATION_MAX];
};

typedef void (*bw_pg_done_fn)(void *ud, const struct bw_pg_outcome *outcome);

struct bw_pg_step;
struct bw_pg_call {
    const struct bw_pg_statement *statement;
    struct bw_pg_param *params;
};
struct bw_pgc_unit {
    struct bw_arena arena; /* for params; freed with the unit */
    struct bw_pg_call *calls;
    size_t count;
    size_t capacity;
    bool is_patient; /* waits for a connection however long that takes; else UNSENT after a failed
                        attempt */
    bool is_simple;  /* one text of several statements by the simple protocol; only on a `is_plain`
                        connection */
    int64_t history; /* it follows from what a server of this history answered (on_greeting): one of
                        a later history does not get it (UNSENT); 0 = any */
    /* The rest is the connection's. */
    struct bw_pgc_unit *next;
    struct bw_pg_step *steps;
    size_t step_count;
    size_t step_at;
    struct bw_pg_result **results;
    struct bw_pg_outcome outcome;
    bw_pg_done_fn done;
    void *ud;
};

struct bw_pgc_options {
    const char *conninfo; /* as libpq takes it: URI or keywords */
    const char *purpose;  /* for application_name: "commit", "door", ... */
    const char *settings; /* session settings as "-c name=value ..."; may be NULL */
    bool is_read_only;    /* every transaction of this connection only reads */
    bool is_plain;        /* no pipeline: one unit at a time, simple protocol (migrations) */
    /* The first statement of every connection that is made; nothing else is sent before its rows
     * came. NULL = none. Gives the server's history: a number that grows when another server takes
     * over; 0 = not known. */
    const struct bw_pg_statement *greeting;
    int64_t (*on_greeting)(void *ud, const struct bw_pg_result *rows);
    unsigned window;                               /* units in flight at most; 0 = 16 */
    void (*on_notice)(void *ud, const char *text); /* may be NULL */
    void (*on_state)(void *ud, bool is_connected, const struct bw_error *error); /* may be NULL */
    void *ud;
};

struct bw_pgc *bw_pgc_create(struct uv_loop_s *loop, const struct bw_pgc_options *options);
/* Pending units get CANCELLED, then `closed` is called, then the connection is gone. */
void bw_pgc_close(struct bw_pgc *pgc, void (*closed)(void *ud), void *ud);

struct bw_pgc_unit *bw_pgc_unit_make(void);
void bw_pgc_unit_free(struct bw_pgc_unit *unit);         /* only of a unit that was not sent */
void bw_pgc_unit_drop_results(struct bw_pgc_unit *unit); /* the connection's */
/* Adds a statement; returns its arguments (all null) to be filled. Valid until the next add. */
struct bw_pg_param *bw_pgc_unit_add(struct bw_pgc_unit *unit,
                                    const struct bw_pg_statement *statement);
/* Takes the unit. `done` comes later, once, never from inside the call. */
void bw_pgc_send(struct bw_pgc *pgc, struct bw_pgc_unit *unit, bw_pg_done_fn done, void *ud);

/* Sends nothing for so long (a full disk, a deadlock: try again later). What is in flight goes on.
 */
void bw_pgc_pause(struct bw_pgc *pgc, unsigned ms);
/* Calls `fn` on a later turn of the loop. */
void bw_pgc_later(struct bw_pgc *pgc, void (*fn)(void *ud), void *ud);
bool bw_pgc_is_connected(const struct bw_pgc *pgc);
int bw_pgc_backend_pid(const struct bw_pgc *pgc); /* 0 when not connected */

/* --- Rows. Columns are in binary format (network order) for prepared statements. */
size_t bw_pg_rows(const struct bw_pg_result *result);
bool bw_pg_is_null(const struct bw_pg_result *result, size_t row, int column);
struct bw_str bw_pg_bytes(const struct bw_pg_result *result, size_t row,
                          int column); /* null is empty */
int64_t bw_pg_int(const struct bw_pg_result *result, size_t row,
                  int column); /* bool, int2, int4, int8; null is 0 */
struct bw_id bw_pg_id(const struct bw_pg_result *result, size_t row,
                      int column); /* null is the zero id */

/* What a SQLSTATE means for us: CONFLICT (unique), INVALID (data, other constraints, syntax),
 * FORBIDDEN, TIMEOUT, LIMIT, UNAVAILABLE (no connection, shutting down, disk full, read-only
 * standby), INTERNAL. */
enum bw_err bw_pg_err_of(const char *sqlstate);
/* Would the same statement succeed later as it is (deadlock, disk full, shutdown, failover)? */
bool bw_pg_is_transient(const char *sqlstate);

#endif
