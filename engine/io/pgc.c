/* pgc.c - see pgc.h. libpq's pipeline mode driven by a uv_poll handle.
 *
 * States of a connection, and what moves it:
 *
 *   IDLE --send--> CONNECTING --connected--> READY --lost--> WAITING --timer--> CONNECTING ...
 *                      +--failed or too slow--> WAITING
 *   any --close--> CLOSING (handles close, pending units get CANCELLED, then `closed`)
 *
 * A unit that is in flight is a list of steps that libpq answers in order: prepare + sync for each
 * statement new to this session, then the statements, then the Sync that commits. Statements are
 * prepared under their own Sync so that a failed unit never takes the preparation of another one
 * with it.
 */
#include "io/pgc.h"

#include "base/assert.h"
#include "base/fault.h"
#include <libpq-fe.h>
#include <stdio.h>
#include <uv.h>

#define CONNECT_TIMEOUT_MS 10000
#define BACKOFF_MIN_MS 100u
#define BACKOFF_MAX_MS 5000u
#define WINDOW_DEFAULT 16
#define PREPARED_MAX 128

enum state { STATE_IDLE, STATE_CONNECTING, STATE_READY, STATE_WAITING, STATE_CLOSING };

enum step_kind { STEP_PREPARE, STEP_PREPARE_SYNC, STEP_STATEMENT, STEP_SYNC };
struct bw_pg_step {
    enum step_kind kind;
    size_t index; /* of the statement in the unit */
    bool has_result;
};

struct later {
    void (*fn)(void *ud);
    void *ud;
    struct later *next;
};

struct unit_list {
    struct bw_pgc_unit *head;
    struct bw_pgc_unit *tail;
    size_t count;
};

struct bw_pgc {
    uv_loop_t *loop;
    struct bw_pgc_options options;
    char *conninfo;
    char *settings;
    char *purpose;
    uint64_t nonce;      /* makes the application name this process's own */
    unsigned generation; /* counts connections */
    char application[BW_PG_APPLICATION_MAX];
    enum state state;
    PGconn *conn;
    uv_poll_t *poll; /* closed before libpq may close its socket; freed by its close callback */
    uv_timer_t timer;
    uv_timer_t pause;
    uv_idle_t turn;    /* runs what has to be reported later */
    unsigned handles;  /* of timer, pause, turn: still open */
    unsigned attempts; /* failed ones since the last success */
    bool is_paused;
    bool is_greeting; /* nothing but the greeting is sent */
    int64_t history;  /* of the server, as the greeting told */
    bool is_draining; /* inside drain(): a callback may send, but must not pump again */
    const struct bw_pg_statement *prepared[PREPARED_MAX];
    size_t prepared_count;
    struct unit_list queued;
    struct unit_list flight;
    struct unit_list finished; /* their callbacks are due on a later turn */
    struct later *later_head;
    struct later *later_tail;
    void (*closed)(void *ud);
    void *closed_ud;
};

static void connect_start(struct bw_pgc *pgc);
static void pump(struct bw_pgc *pgc);
static void lose(struct bw_pgc *pgc, const char *reason);

/* --- Units ----------------------------------------------------------------------------------- */

static void list_push(struct unit_list *list, struct bw_pgc_unit *unit)
{
    unit->next = NULL;
    if (list->tail)
        list->tail->next = unit;
    else
        list->head = unit;
    list->tail = unit;
    list->count++;
}

static struct bw_pgc_unit *list_pop(struct unit_list *list)
{
    struct bw_pgc_unit *unit = list->head;
    if (unit) {
        list->head = unit->next;
        if (!list->head)
            list->tail = NULL;
        list->count--;
        unit->next = NULL;
    }
    return unit;
}

/* --- Reporting, always on a turn of its own or from the loop's callback ---------------------- */

static void unit_report(struct bw_pgc_unit *unit)
{
    struct bw_pg_outcome *outcome = &unit->outcome;
    outcome->results = (const struct bw_pg_result *const *)unit->results;
    outcome->count = unit->count;
    unit->done(unit->ud, outcome);
    bw_pgc_unit_free(unit);
}

static void on_turn(uv_idle_t *handle)
{
    struct bw_pgc *pgc = handle->data;
    uv_idle_stop(handle);
    struct later *later = pgc->later_head;
    pgc->later_head = pgc->later_tail = NULL;
    while (later) {
        struct later *next = later->next;
        later->fn(later->ud);
        bw_free(later);
        later = next;
    }
    struct unit_list finished = pgc->finished;
    pgc->finished = (struct unit_list){0};
    for (struct bw_pgc_unit *unit; (unit = list_pop(&finished));)
        unit_report(unit);
    if (pgc->state != STATE_CLOSING)
        pump(pgc);
}

static void turn_soon(struct bw_pgc *pgc)
{
    uv_idle_start(&pgc->turn, on_turn);
}

void bw_pgc_later(struct bw_pgc *pgc, void (*fn)(void *ud), void *ud)
{
    struct later *later = bw_xmalloc(sizeof *later);
    *later = (struct later){.fn = fn, .ud = ud};
    if (pgc->later_tail)
        pgc->later_tail->next = later;
    else
        pgc->later_head = later;
    pgc->later_tail = later;
    turn_soon(pgc);
}

static void unit_finish(struct bw_pgc *pgc, struct bw_pgc_unit *unit, enum bw_pg_status status,
                        enum bw_err code, const char *text)
{
    struct bw_pg_outcome *outcome = &unit->outcome;
    outcome->status = status;
    if (status != BW_PG_DONE && status != BW_PG_FAILED) {
        bw_pgc_unit_drop_results(unit);
        outcome->sqlstate[0] = '\0';
        bw_fail(&outcome->error, code, "%s", text);
    }
    list_push(&pgc->finished, unit);
    turn_soon(pgc);
}

/* --- Sending --------------------------------------------------------------------------------- */

static bool is_prepared(const struct bw_pgc *pgc, const struct bw_pg_statement *statement)
{
    for (size_t i = 0; i < pgc->prepared_count; i++) {
        if (pgc->prepared[i] == statement)
            return true;
    }
    return false;
}

static void forget_prepared(struct bw_pgc *pgc, const struct bw_pg_statement *statement)
{
    for (size_t i = 0; i < pgc->prepared_count; i++) {
        if (pgc->prepared[i] == statement) {
            pgc->prepared[i] = pgc->prepared[--pgc->prepared_count];
            return;
        }
    }
}

static void step_add(struct bw_pgc_unit *unit, enum step_kind kind, size_t index)
{
    unit->steps[unit->step_count++] = (struct bw_pg_step){.kind = kind, .index = index};
}

static bool send_prepares(struct bw_pgc *pgc, struct bw_pgc_unit *unit)
{
    for (size_t i = 0; i < unit->count; i++) {
        const struct bw_pg_statement *statement = unit->calls[i].statement;
        if (!statement->name || is_prepared(pgc, statement))
            continue;
        BW_ASSERT(pgc->prepared_count < PREPARED_MAX);
        if (!PQsendPrepare(pgc->conn, statement->name, statement->sql, 0, NULL) ||
            !PQpipelineSync(pgc->conn))
            return false;
        pgc->prepared[pgc->prepared_count++] = statement;
        step_add(unit, STEP_PREPARE, i);
        step_add(unit, STEP_PREPARE_SYNC, i);
    }
    return true;
}

static bool send_call(struct bw_pgc *pgc, const struct bw_pg_call *call)
{
    const char *values[BW_PG_PARAMS_MAX];
    int lengths[BW_PG_PARAMS_MAX];
    int formats[BW_PG_PARAMS_MAX];
    int count = call->statement->param_count;
    for (int i = 0; i < count; i++) {
        values[i] = call->params[i].ptr;
        lengths[i] = (int)call->params[i].len;
        formats[i] = call->params[i].is_binary;
    }
    if (call->statement->name)
        return PQsendQueryPrepared(pgc->conn, call->statement->name, count, values, lengths,
                                   formats, 1) == 1;
    return PQsendQueryParams(pgc->conn, call->statement->sql, count, NULL, values, lengths, formats,
                             1) == 1;
}

static bool unit_send(struct bw_pgc *pgc, struct bw_pgc_unit *unit)
{
    unit->results = bw_xcalloc(unit->count + 1, sizeof *unit->results);
    unit->steps = bw_xcalloc(unit->count * 3 + 1, sizeof *unit->steps);
    unit->outcome.backend_pid = PQbackendPID(pgc->conn);
    memcpy(unit->outcome.application, pgc->application, sizeof pgc->application);
    if (pgc->options.is_plain) {
        BW_ASSERT(unit->count == 1);
        step_add(unit, STEP_STATEMENT, 0);
        const struct bw_pg_call *call = &unit->calls[0];
        return unit->is_simple ? PQsendQuery(pgc->conn, call->statement->sql) == 1
                               : send_call(pgc, call);
    }
    if (!send_prepares(pgc, unit))
        return false;
    for (size_t i = 0; i < unit->count; i++) {
        if (!send_call(pgc, &unit->calls[i]))
            return false;
        step_add(unit, STEP_STATEMENT, i);
    }
    step_add(unit, STEP_SYNC, unit->count);
    return PQpipelineSync(pgc->conn) == 1;
}

static void on_poll(uv_poll_t *handle, int status, int events);

/* Hands what libpq buffered to the socket and asks the loop for what is still to come. */
static void flush(struct bw_pgc *pgc)
{
    int left = PQflush(pgc->conn);
    if (left < 0) {
        lose(pgc, PQerrorMessage(pgc->conn));
        return;
    }
    uv_poll_start(pgc->poll, left ? UV_READABLE | UV_WRITABLE : UV_READABLE, on_poll);
}

static void pump(struct bw_pgc *pgc)
{
    if (pgc->state == STATE_IDLE && pgc->queued.head) {
        connect_start(pgc);
        return;
    }
    if (pgc->state != STATE_READY || pgc->is_paused || pgc->is_draining || !pgc->queued.head)
        return;
    unsigned window = pgc->options.is_plain ? 1
                      : pgc->options.window ? pgc->options.window
                                            : WINDOW_DEFAULT;
    while (pgc->queued.head && pgc->flight.count < (pgc->is_greeting ? 1 : window)) {
        bool is_other =
            pgc->history && pgc->queued.head->history && pgc->queued.head->history != pgc->history;
        if (is_other && pgc->queued.head->history > pgc->history) {
            lose(pgc, "another server has taken over from this one");
            return;
        }
        struct bw_pgc_unit *unit = list_pop(&pgc->queued);
        if (is_other) {
            unit_finish(pgc, unit, BW_PG_UNSENT, BW_ERR_UNAVAILABLE, "the database failed over");
            continue;
        }
        list_push(&pgc->flight, unit);
        if (!unit_send(pgc, unit)) {
            lose(pgc, PQerrorMessage(pgc->conn));
            return;
        }
    }
    flush(pgc);
    (void)BW_FAULT(PG_SENT);
}

void bw_pgc_send(struct bw_pgc *pgc, struct bw_pgc_unit *unit, bw_pg_done_fn done, void *ud)
{
    BW_ASSERT(pgc->options.is_plain || !unit->is_simple);
    (void)BW_FAULT(PG_QUERY);
    unit->done = done;
    unit->ud = ud;
    if (pgc->state == STATE_CLOSING) {
        unit_finish(pgc, unit, BW_PG_CANCELLED, BW_ERR_CANCELLED,
                    "the database connection is closing");
        return;
    }
    list_push(&pgc->queued, unit);
    /* Sent on the next turn of the loop: several sends of one turn share a write. */
    turn_soon(pgc);
}

static void on_pause_over(uv_timer_t *timer)
{
    struct bw_pgc *pgc = timer->data;
    pgc->is_paused = false;
    pump(pgc);
}

void bw_pgc_pause(struct bw_pgc *pgc, unsigned ms)
{
    if (pgc->state == STATE_CLOSING)
        return;
    pgc->is_paused = true;
    uv_timer_start(&pgc->pause, on_pause_over, ms, 0);
}

/* --- Receiving ------------------------------------------------------------------------------- */

static void error_take(struct bw_pgc_unit *unit, const PGresult *result, size_t index)
{
    if (unit->outcome.sqlstate[0])
        return; /* the first one is the reason, the rest follows from it */
    const char *sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    const char *text = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
    const char *detail = PQresultErrorField(result, PG_DIAG_MESSAGE_DETAIL);
    const char *hint = PQresultErrorField(result, PG_DIAG_MESSAGE_HINT);
    snprintf(unit->outcome.sqlstate, sizeof unit->outcome.sqlstate, "%s",
             sqlstate ? sqlstate : "08000");
    unit->outcome.failed_at = index;
    bool is_full = strcmp(unit->outcome.sqlstate, "53100") == 0;
    bw_fail(&unit->outcome.error, bw_pg_err_of(unit->outcome.sqlstate),
            "PostgreSQL: %s%s%s%s%s%s (SQLSTATE %s)", is_full ? "disk full: " : "",
            text ? text : PQresultErrorMessage(result), detail ? ": " : "", detail ? detail : "",
            hint ? "; " : "", hint ? hint : "", unit->outcome.sqlstate);
}

static void unit_complete(struct bw_pgc *pgc)
{
    struct bw_pgc_unit *unit = list_pop(&pgc->flight);
    bool is_failed = unit->outcome.sqlstate[0] != '\0';
    unit_finish(pgc, unit, is_failed ? BW_PG_FAILED : BW_PG_DONE, BW_ERR_OK, "");
}

/* A statement known to us but not to the session, or planned for a table that changed: only a new
 * session helps. */
static bool is_stale_plan(const struct bw_pgc_unit *unit)
{
    return strcmp(unit->outcome.sqlstate, "26000") == 0;
}

static void take_result(struct bw_pgc *pgc, PGresult *result)
{
    struct bw_pgc_unit *unit = pgc->flight.head;
    ExecStatusType status = PQresultStatus(result);
    BW_ASSERT(unit && unit->step_at < unit->step_count);
    struct bw_pg_step *step = &unit->steps[unit->step_at];
    if (status == PGRES_PIPELINE_SYNC) {
        PQclear(result);
        BW_ASSERT(step->kind == STEP_SYNC || step->kind == STEP_PREPARE_SYNC);
        unit->step_at++;
        if (step->kind == STEP_SYNC)
            unit_complete(pgc);
        return;
    }
    step->has_result = true;
    bool is_error = status == PGRES_FATAL_ERROR || status == PGRES_BAD_RESPONSE ||
                    status == PGRES_NONFATAL_ERROR;
    if (is_error)
        error_take(unit, result, step->index);
    if (step->kind == STEP_PREPARE && (is_error || status == PGRES_PIPELINE_ABORTED))
        forget_prepared(pgc, unit->calls[step->index].statement);
    if (step->kind == STEP_STATEMENT && !is_error) {
        PQclear((PGresult *)
                    unit->results[step->index]); /* the simple protocol gives several: the last */
        unit->results[step->index] = (struct bw_pg_result *)result;
    } else {
        PQclear(result);
    }
}

/* libpq says NULL when the results of one command are all read. */
static void take_end(struct bw_pgc *pgc)
{
    struct bw_pgc_unit *unit = pgc->flight.head;
    if (!unit)
        return;
    struct bw_pg_step *step = &unit->steps[unit->step_at];
    if (!step->has_result || step->kind == STEP_SYNC || step->kind == STEP_PREPARE_SYNC)
        return;
    unit->step_at++;
    if (pgc->options.is_plain)
        unit_complete(pgc);
}

static void drain(struct bw_pgc *pgc)
{
    unsigned nulls = 0;
    bool is_stale = false;
    while (pgc->flight.head && !PQisBusy(pgc->conn) && nulls < 2) {
        struct bw_pgc_unit *unit = pgc->flight.head;
        PGresult *result = PQgetResult(pgc->conn);
        if (result) {
            nulls = 0;
            take_result(pgc, result);
            is_stale = is_stale || is_stale_plan(unit);
        } else {
            nulls++;
            take_end(pgc);
        }
    }
    for (PGnotify *note; (note = PQnotifies(pgc->conn));)
        PQfreemem(note);
    if (is_stale)
        lose(pgc, "a prepared statement is not known to the session");
}

static void on_poll(uv_poll_t *handle, int status, int events)
{
    struct bw_pgc *pgc = handle->data;
    if (pgc->poll != handle || pgc->state != STATE_READY)
        return;
    if (status < 0) {
        lose(pgc, uv_strerror(status));
        return;
    }
    if ((events & UV_READABLE) != 0) {
        bool is_alive = PQconsumeInput(pgc->conn) == 1;
        pgc->is_draining = true;
        drain(pgc); /* also what came before the end: a reason, or even the commit */
        pgc->is_draining = false;
        if (pgc->state != STATE_READY)
            return;
        if (!is_alive || PQstatus(pgc->conn) == CONNECTION_BAD) {
            lose(pgc, PQerrorMessage(pgc->conn));
            return;
        }
    }
    flush(pgc);
}

/* --- Connecting ------------------------------------------------------------------------------ */

static void on_handle_freed(uv_handle_t *handle)
{
    bw_free(handle);
}

static void poll_drop(struct bw_pgc *pgc)
{
    if (!pgc->poll)
        return;
    uv_poll_stop(pgc->poll);
    uv_close((uv_handle_t *)pgc->poll, on_handle_freed);
    pgc->poll = NULL;
}

static bool poll_make(struct bw_pgc *pgc)
{
    poll_drop(pgc);
    uv_poll_t *poll = bw_xcalloc(1, sizeof *poll);
    if (uv_poll_init(pgc->loop, poll, PQsocket(pgc->conn)) != 0) {
        bw_free(poll);
        return false;
    }
    poll->data = pgc;
    pgc->poll = poll;
    return true;
}

static unsigned backoff_ms(const struct bw_pgc *pgc)
{
    uint32_t noise = 0;
    if (uv_random(NULL, NULL, &noise, sizeof noise, 0, NULL) != 0)
        noise = (uint32_t)uv_hrtime();
    unsigned shift = pgc->attempts < 7 ? pgc->attempts : 7;
    unsigned top = BACKOFF_MIN_MS << shift;
    if (top > BACKOFF_MAX_MS)
        top = BACKOFF_MAX_MS;
    return top / 2 + noise % (top / 2 + 1);
}

static void on_wait_over(uv_timer_t *timer)
{
    struct bw_pgc *pgc = timer->data;
    pgc->state = STATE_IDLE;
    pump(pgc);
}

static void one_line(char *text)
{
    size_t len = strlen(text);
    while (len > 0 && (text[len - 1] == '\n' || text[len - 1] == ' '))
        text[--len] = '\0';
    for (; *text; text++) {
        if (*text == '\n' || *text == '\t')
            *text = ' ';
    }
}

/* Impatient units give up when an attempt to connect failed; patient ones stay. */
static void fail_impatient(struct bw_pgc *pgc, const char *text)
{
    struct unit_list queued = pgc->queued;
    pgc->queued = (struct unit_list){0};
    for (struct bw_pgc_unit *unit; (unit = list_pop(&queued));) {
        if (unit->is_patient)
            list_push(&pgc->queued, unit);
        else
            unit_finish(pgc, unit, BW_PG_UNSENT, BW_ERR_UNAVAILABLE, text);
    }
}

/* The connection is of no use any more. Everything in flight is unknown. */
static void lose(struct bw_pgc *pgc, const char *reason)
{
    char why[512];
    snprintf(why, sizeof why, "%s", reason && *reason ? reason : "the connection ended");
    one_line(why);
    struct bw_error error;
    bw_fail(&error, BW_ERR_UNAVAILABLE, "no connection to PostgreSQL: %s", why);
    bool was_connecting = pgc->state == STATE_CONNECTING;
    (void)BW_FAULT(PG_LOST);
    poll_drop(pgc);
    PQfinish(pgc->conn);
    pgc->conn = NULL;
    pgc->prepared_count = 0;
    pgc->state = STATE_WAITING;
    for (struct bw_pgc_unit *unit; (unit = list_pop(&pgc->flight));)
        unit_finish(pgc, unit, BW_PG_LOST, BW_ERR_UNAVAILABLE, error.text);
    if (was_connecting)
        fail_impatient(pgc, error.text);
    /* The first attempt after a loss comes soon; failed ones space out. */
    uv_timer_start(&pgc->timer, on_wait_over, was_connecting ? backoff_ms(pgc) : 20, 0);
    if (was_connecting)
        pgc->attempts++;
    if (pgc->options.on_state)
        pgc->options.on_state(pgc->options.ud, false, &error);
}

static void on_notice(void *ud, const PGresult *result)
{
    struct bw_pgc *pgc = ud;
    const char *text = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
    if (text && pgc->options.on_notice)
        pgc->options.on_notice(pgc->options.ud, text);
}

static void on_greeted(void *ud, const struct bw_pg_outcome *outcome)
{
    struct bw_pgc *pgc = ud;
    pgc->is_greeting = false;
    if (outcome->status == BW_PG_DONE)
        pgc->history = pgc->options.on_greeting(pgc->options.ud, outcome->results[0]);
}

/* In front of what waits; lost with its connection, it is not sent again. */
static void greet(struct bw_pgc *pgc)
{
    struct bw_pgc_unit *unit = bw_pgc_unit_make();
    struct unit_list behind = pgc->queued;
    bw_pgc_unit_add(unit, pgc->options.greeting);
    unit->done = on_greeted;
    unit->ud = pgc;
    pgc->is_greeting = true;
    pgc->queued = (struct unit_list){0};
    list_push(&pgc->queued, unit);
    for (struct bw_pgc_unit *next; (next = list_pop(&behind));)
        list_push(&pgc->queued, next);
}

static void connected(struct bw_pgc *pgc)
{
    uv_timer_stop(&pgc->timer);
    if (PQsetnonblocking(pgc->conn, 1) != 0 || !poll_make(pgc) ||
        (!pgc->options.is_plain && PQenterPipelineMode(pgc->conn) != 1)) {
        lose(pgc, PQerrorMessage(pgc->conn));
        return;
    }
    (void)BW_FAULT(PG_CONNECTED);
    pgc->attempts = 0;
    pgc->state = STATE_READY;
    uv_poll_start(pgc->poll, UV_READABLE, on_poll);
    if (pgc->options.on_state)
        pgc->options.on_state(pgc->options.ud, true, NULL);
    if (pgc->options.greeting)
        greet(pgc);
    pump(pgc);
}

static void on_connect_poll(uv_poll_t *handle, int status, int events);

static void connect_step(struct bw_pgc *pgc)
{
    poll_drop(pgc); /* PQconnectPoll may close the socket and open another */
    switch (PQconnectPoll(pgc->conn)) {
    case PGRES_POLLING_OK:
        connected(pgc);
        return;
    case PGRES_POLLING_READING:
        if (poll_make(pgc)) {
            uv_poll_start(pgc->poll, UV_READABLE, on_connect_poll);
            return;
        }
        break;
    case PGRES_POLLING_WRITING:
        if (poll_make(pgc)) {
            uv_poll_start(pgc->poll, UV_WRITABLE, on_connect_poll);
            return;
        }
        break;
    case PGRES_POLLING_FAILED:
    case PGRES_POLLING_ACTIVE:
    default:
        break;
    }
    lose(pgc, PQerrorMessage(pgc->conn));
}

static void on_connect_poll(uv_poll_t *handle, int status, int events)
{
    (void)status; /* libpq finds out itself */
    (void)events;
    struct bw_pgc *pgc = handle->data;
    if (pgc->poll == handle && pgc->state == STATE_CONNECTING)
        connect_step(pgc);
}

static void on_connect_timeout(uv_timer_t *timer)
{
    struct bw_pgc *pgc = timer->data;
    if (pgc->state == STATE_CONNECTING)
        lose(pgc, "connecting took longer than 10 s");
}

static void connect_start(struct bw_pgc *pgc)
{
    (void)BW_FAULT(PG_CONNECT);
    pgc->state = STATE_CONNECTING;
    pgc->is_greeting = false;
    pgc->history = 0;
    pgc->generation++;
    snprintf(pgc->application, sizeof pgc->application, "billow %.24s %08x.%u", pgc->purpose,
             (unsigned)(pgc->nonce & 0xffffffffu), pgc->generation);
    char options[1024];
    snprintf(options, sizeof options,
             "-c timezone=UTC -c datestyle=ISO -c intervalstyle=iso_8601 -c jit=off "
             "-c idle_in_transaction_session_timeout=10000 %s %s",
             pgc->options.is_read_only ? "-c default_transaction_read_only=on" : "",
             pgc->settings ? pgc->settings : "");
    const char *const keywords[] = {"dbname",
                                    "application_name",
                                    "client_encoding",
                                    "options",
                                    "keepalives",
                                    "keepalives_idle",
                                    "keepalives_interval",
                                    "keepalives_count",
                                    "tcp_user_timeout",
                                    "target_session_attrs",
                                    NULL};
    /* "read-write" would refuse the sessions that we make read-only ourselves. */
    const char *server = pgc->options.is_read_only ? "primary" : "read-write";
    const char *const values[] = {pgc->conninfo, pgc->application, "UTF8", options, "1", "5", "2",
                                  "3",           "10000",          server, NULL};
    pgc->conn = PQconnectStartParams(keywords, values, 1);
    BW_ASSERT(pgc->conn);
    PQsetNoticeReceiver(pgc->conn, on_notice, pgc);
    uv_timer_start(&pgc->timer, on_connect_timeout, CONNECT_TIMEOUT_MS, 0);
    if (PQstatus(pgc->conn) == CONNECTION_BAD || !poll_make(pgc)) {
        lose(pgc, PQerrorMessage(pgc->conn));
        return;
    }
    uv_poll_start(pgc->poll, UV_WRITABLE, on_connect_poll);
}

/* --- Life ------------------------------------------------------------------------------------ */

struct bw_pgc *bw_pgc_create(struct uv_loop_s *loop, const struct bw_pgc_options *options)
{
    struct bw_pgc *pgc = bw_xcalloc(1, sizeof *pgc);
    pgc->loop = loop;
    pgc->options = *options;
    pgc->conninfo = bw_xstrdup(options->conninfo ? options->conninfo : "");
    pgc->settings = bw_xstrdup(options->settings);
    pgc->purpose = bw_xstrdup(options->purpose ? options->purpose : "");
    if (uv_random(NULL, NULL, &pgc->nonce, sizeof pgc->nonce, 0, NULL) != 0)
        pgc->nonce = uv_hrtime();
    uv_timer_init(loop, &pgc->timer);
    uv_timer_init(loop, &pgc->pause);
    uv_idle_init(loop, &pgc->turn);
    pgc->timer.data = pgc->pause.data = pgc->turn.data = pgc;
    pgc->handles = 3;
    return pgc;
}

static void on_handle_closed(uv_handle_t *handle)
{
    struct bw_pgc *pgc = handle->data;
    if (--pgc->handles > 0)
        return;
    /* Their callbacks may send again: such units are cancelled in the same loop. */
    for (struct bw_pgc_unit *unit; (unit = list_pop(&pgc->finished));)
        unit_report(unit);
    while (pgc->later_head) {
        struct later *later = pgc->later_head;
        pgc->later_head = later->next;
        later->fn(later->ud);
        bw_free(later);
    }
    void (*closed)(void *ud) = pgc->closed;
    void *ud = pgc->closed_ud;
    bw_free(pgc->conninfo);
    bw_free(pgc->settings);
    bw_free(pgc->purpose);
    bw_free(pgc);
    if (closed)
        closed(ud);
}

void bw_pgc_close(struct bw_pgc *pgc, void (*closed)(void *ud), void *ud)
{
    BW_ASSERT(pgc->state != STATE_CLOSING);
    pgc->state = STATE_CLOSING;
    pgc->closed = closed;
    pgc->closed_ud = ud;
    poll_drop(pgc);
    if (pgc->conn)
        PQfinish(pgc->conn);
    pgc->conn = NULL;
    for (struct bw_pgc_unit *unit; (unit = list_pop(&pgc->flight));)
        unit_finish(pgc, unit, BW_PG_CANCELLED, BW_ERR_CANCELLED,
                    "the database connection is closing");
    for (struct bw_pgc_unit *unit; (unit = list_pop(&pgc->queued));)
        unit_finish(pgc, unit, BW_PG_CANCELLED, BW_ERR_CANCELLED,
                    "the database connection is closing");
    uv_idle_stop(&pgc->turn);
    uv_close((uv_handle_t *)&pgc->timer, on_handle_closed);
    uv_close((uv_handle_t *)&pgc->pause, on_handle_closed);
    uv_close((uv_handle_t *)&pgc->turn, on_handle_closed);
}

bool bw_pgc_is_connected(const struct bw_pgc *pgc)
{
    return pgc->state == STATE_READY;
}

int bw_pgc_backend_pid(const struct bw_pgc *pgc)
{
    return pgc->state == STATE_READY ? PQbackendPID(pgc->conn) : 0;
}
