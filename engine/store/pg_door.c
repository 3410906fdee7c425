/* pg_door.c - what comes in from outside: starts, messages, events, answers to tasks.
 *
 * While one unit is on its way, what arrives waits and then travels together in the next one: the
 * busier the door, the more share a commit. Each operation may be repeated as it is (ids, keys), so
 * a lost connection just sends them again; when one operation spoils a unit, its members go alone.
 */
#include "store/pg_store.h"

#include "base/fault.h"
#include "store/check.h"
#include "store/copy.h"

#define UNIT_OPS_MAX 256
#define UNIT_BYTES_MAX (16u * 1024u * 1024u)
#define OP_TRIES 5

enum op_kind { OP_START, OP_MESSAGE, OP_EVENT, OP_ANSWER };

struct answer {
    struct bw_id tenant;
    struct bw_id task;
    struct bw_str value;
};

struct op {
    struct bw_list link;
    struct bw_pg_store *store;
    enum op_kind kind;
    struct bw_arena arena;
    size_t bytes;
    unsigned attempts;
    bool is_alone; /* travels in a unit of its own: it was in one that failed */
    union {
        struct bw_run_row run;
        struct bw_message message;
        struct bw_event event;
        struct answer answer;
    } in;
    union {
        bw_start_fn start;
        bw_done_fn done;
    } fn;
    void *ud;
    struct bw_error error; /* of an operation refused at once */
};

/* The operations of a unit on its way, in the order of their rows. */
struct load {
    struct bw_pg_store *store;
    struct op *ops[4][UNIT_OPS_MAX];
    size_t counts[4];
    int results[4]; /* index of the statement whose rows answer for a kind; -1 = none */
};

static const struct bw_pg_statement start = {
    "door_start",
    "WITH d AS (INSERT INTO billow.run_detail (tenant_id, run_id, release, workflow, start_key,"
    " parent_id, parent_seq,  started_by, created_at, input)"
    " SELECT c.owner, c.id, c.release, c.workflow, c.key, c.parent, c.parent_seq, c.started_by,"
    " c.created_at, c.input FROM unnest($1::uuid[], $2::uuid[], $3::smallint[], $4::bytea[],"
    " $5::text[], $6::text[], $7::smallint[],  $8::smallint[], $9::boolean[], $10::bigint[],"
    " $11::uuid[], $12::bigint[], $13::bytea[], $14::text[],  $15::bigint[]) AS c (owner, id,"
    " shard, release, workflow, key, status, wake, is_active, wake_at, parent,  parent_seq,"
    " input, started_by, created_at)"
    " ON CONFLICT DO NOTHING RETURNING tenant_id, run_id), a AS (INSERT INTO billow.audit"
    " (tenant_id, at, actor, action, subject, detail)"
    " SELECT c.owner, c.created_at, c.started_by, 'run.start', c.id::text, '\\x00'::bytea"
    " FROM unnest($1::uuid[], $2::uuid[], $14::text[], $15::bigint[])"
    " AS c (owner, id, started_by, created_at)"
    " WHERE ((c.owner, c.id) IN (SELECT tenant_id, run_id FROM d)) IS TRUE AND c.started_by <> '')"
    " INSERT INTO billow.run (tenant_id, run_id, head, base, last_seq, wake_at, updated_at,"
    " shard, status, wake,  is_active, has_error)"
    " SELECT c.owner, c.id, 0, 0, 0, c.wake_at, c.created_at, c.shard, c.status, c.wake,"
    " c.is_active, false FROM unnest($1::uuid[], $2::uuid[], $3::smallint[], $7::smallint[],"
    " $8::smallint[], $9::boolean[],  $10::bigint[], $15::bigint[]) AS c (owner, id, shard,"
    " status, wake, is_active, wake_at, created_at)"
    /* A look-up in a hash, not a join: this connection plans by indices only. */
    " WHERE ((c.owner, c.id) IN (SELECT tenant_id, run_id FROM d)) IS TRUE",
    15};
/* A statement of its own: it sees what the first one, and rivals it waited for, have stored. */
static const struct bw_pg_statement started = {
    "door_started",
    "SELECT coalesce(k.run_id, c.id)"
    " FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[]) WITH ORDINALITY  AS c (owner,"
    " id, workflow, key, place) LEFT"
    " JOIN billow.run_detail k  ON k.tenant_id = c.owner AND k.workflow = c.workflow AND"
    " k.start_key = c.key ORDER BY c.place",
    4};
/* A cancel is a person's act. */
static const struct bw_pg_statement message = {
    "door_message",
    "WITH i AS (INSERT INTO billow.inbox (tenant_id, run_id, key, shard, kind, seq, value)"
    " SELECT c.tenant, c.run, c.key, r.shard, c.kind, c.seq, c.value"
    " FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::smallint[], $5::bigint[],"
    " $6::bytea[]) WITH ORDINALITY  AS c (tenant, run, key, kind, seq, value, place)"
    " JOIN billow.run r ON r.tenant_id = c.tenant AND r.run_id = c.run AND r.status IN (1, 2)"
    " ORDER BY c.place ON CONFLICT DO NOTHING RETURNING tenant_id, run_id, kind, value)"
    " INSERT INTO billow.audit (tenant_id, at, actor, action, subject, detail)"
    " SELECT i.tenant_id, $8::bigint, (SELECT b.actor FROM unnest($1::uuid[], $2::uuid[],"
    " $4::smallint[], $7::text[]) AS b (tenant, run, kind, actor)"
    " WHERE b.tenant = i.tenant_id AND b.run = i.run_id AND b.kind = 3 LIMIT 1),"
    " 'run.cancel', i.run_id::text, i.value FROM i WHERE i.kind = 3",
    8};
static const struct bw_pg_statement delivered = {
    "door_delivered",
    "SELECT coalesce(r.status, 0::smallint), EXISTS (SELECT"
    " FROM billow.inbox i  WHERE i.tenant_id = c.tenant AND i.run_id = c.run AND i.key = c.key)"
    " FROM unnest($1::uuid[], $2::uuid[], $3::text[]) WITH ORDINALITY AS c (tenant, run, key,"
    " place) LEFT JOIN billow.run r ON r.tenant_id = c.tenant AND r.run_id = c.run"
    " ORDER BY c.place",
    3};
static const struct bw_pg_statement answer = {
    "door_answer",
    "WITH t AS (UPDATE billow.task t"
    " SET status = 2, answer = c.answer, answered_at = $4::bigint"
    " FROM unnest($1::uuid[], $2::uuid[], $3::bytea[], $5::text[]) AS c (tenant, task, answer,"
    " actor) WHERE t.tenant_id = c.tenant AND t.task_id = c.task AND t.status = 1"
    " RETURNING t.tenant_id, t.run_id, t.task_id, t.seq, t.answer, c.actor), a AS (INSERT INTO"
    " billow.audit (tenant_id, at, actor, action, subject, detail)"
    " SELECT t.tenant_id, $4::bigint, t.actor, 'task.answer', t.task_id::text, t.answer FROM t)"
    " INSERT INTO billow.inbox (tenant_id, run_id, key, shard, kind, seq, value)"
    " SELECT t.tenant_id, t.run_id, 'task:' || t.seq, r.shard, 1, t.seq, t.answer"
    " FROM t JOIN billow.run r ON r.tenant_id = t.tenant_id AND r.run_id = t.run_id"
    " ON CONFLICT DO NOTHING",
    5};
static const struct bw_pg_statement answered = {
    "door_answered",
    "SELECT coalesce(t.status, 0::smallint), billow.whole(t.tenant_id, t.answer), t.answered_at,"
    " t.run_id"
    " FROM unnest($1::uuid[], $2::uuid[]) WITH ORDINALITY AS c (tenant, task, place)"
    " LEFT JOIN billow.task t ON t.tenant_id = c.tenant AND t.task_id = c.task"
    " ORDER BY c.place",
    2};

/* --- Operations ------------------------------------------------------------------------------ */

static void door_pump(struct bw_pg_store *store);

static struct op *op_make(struct bw_pg_store *store, enum op_kind kind, void *ud)
{
    struct op *op = bw_xcalloc(1, sizeof *op);
    bw_list_init(&op->link);
    bw_arena_init(&op->arena);
    op->store = store;
    op->kind = kind;
    op->ud = ud;
    return op;
}

static void op_answer(struct op *op, const struct bw_error *error, struct bw_id run, bool is_new)
{
    if (op->kind == OP_START)
        op->fn.start(op->ud, error, run, is_new);
    else
        op->fn.done(op->ud, error);
    bw_arena_deinit(&op->arena);
    bw_free(op);
}

static void op_answer_code(struct op *op, const struct bw_error *error)
{
    op_answer(op, error, (struct bw_id){{0}}, false);
}

static void on_refused(void *ud)
{
    struct op *op = ud;
    struct bw_error error = op->error;
    op_answer_code(op, &error);
}

/* `code` is what the check of it said, with op->error. */
static void op_send(struct op *op, struct bw_str value, enum bw_err code)
{
    struct bw_pg_store *store = op->store;
    op->bytes = value.len + 512;
    if (code != BW_ERR_OK) {
        bw_pgc_later(store->door, on_refused, op);
        return;
    }
    bw_list_push_back(&store->door_ops, &op->link);
    door_pump(store);
}

/* --- Units ----------------------------------------------------------------------------------- */

static bool has_same_task(const struct load *load, const struct op *op)
{
    for (size_t i = 0; i < load->counts[OP_ANSWER]; i++) {
        if (bw_id_eq(load->ops[OP_ANSWER][i]->in.answer.task, op->in.answer.task))
            return true;
    }
    return false;
}

/* Moves what fits from the waiting operations into a load. */
static void load_fill(struct load *load, struct bw_pg_store *store)
{
    size_t count = 0;
    size_t bytes = 0;
    BW_LIST_EACH(&store->door_ops, link) {
        struct op *op = bw_container_of(link, struct op, link);
        if (count > 0 && (op->is_alone || bytes + op->bytes > UNIT_BYTES_MAX))
            break;
        if (op->kind == OP_ANSWER && has_same_task(load, op))
            break; /* the second answer has to see the first one */
        bw_list_remove(link);
        load->ops[op->kind][load->counts[op->kind]++] = op;
        bytes += op->bytes;
        if (++count == UNIT_OPS_MAX || op->is_alone)
            break;
    }
}

static void add_table(struct bw_pgc_unit *unit, struct bw_pg_table *table,
                      const struct bw_pg_statement *statement)
{
    bw_pg_table_params(table, unit, bw_pgc_unit_add(unit, statement));
    bw_pg_table_deinit(table);
}

static void add_starts(struct load *load, struct bw_pg_blobs *blobs, struct bw_pgc_unit *unit)
{
    struct bw_pg_table rows;
    struct bw_pg_table keys;
    bw_pg_table_init(&rows, BW_PG_RUN_TYPES);
    bw_pg_table_init(&keys, "uutt");
    for (size_t i = 0; i < load->counts[OP_START]; i++) {
        const struct bw_run_row *row = &load->ops[OP_START][i]->in.run;
        bw_pg_cell_run(&rows, blobs, row);
        bw_pg_cell_id(&keys, row->tenant);
        bw_pg_cell_id(&keys, row->id);
        bw_pg_cell_str(&keys, row->workflow);
        bw_pg_cell_str_or_null(&keys, row->key);
    }
    add_table(unit, &rows, &start);
    load->results[OP_START] = (int)unit->count;
    add_table(unit, &keys, &started);
}

static void add_messages(struct load *load, struct bw_pg_blobs *blobs, struct bw_pgc_unit *unit)
{
    struct bw_pg_table rows;
    struct bw_pg_table keys;
    bw_pg_table_init(&rows, "uutslxt");
    bw_pg_table_init(&keys, "uut");
    for (size_t i = 0; i < load->counts[OP_MESSAGE]; i++) {
        const struct bw_message *row = &load->ops[OP_MESSAGE][i]->in.message;
        bw_pg_cell_id(&rows, row->tenant);
        bw_pg_cell_id(&rows, row->run);
        bw_pg_cell_str(&rows, row->key);
        bw_pg_cell_int(&rows, row->kind);
        bw_pg_cell_int(&rows, (int64_t)row->seq);
        bw_pg_cell_large(&rows, blobs, row->tenant, row->run, BW_BLOB_VALUE, row->value, true);
        bw_pg_cell_str(&rows,
                       row->kind == BW_MESSAGE_CANCEL ? bw_rows_by(row->value) : BW_STR_NONE);
        bw_pg_cell_id(&keys, row->tenant);
        bw_pg_cell_id(&keys, row->run);
        bw_pg_cell_str(&keys, row->key);
    }
    struct bw_pg_param *params = bw_pgc_unit_add(unit, &message);
    bw_pg_table_params(&rows, unit, params);
    params[7] = bw_pg_arg_int(unit, bw_pg_now_us(load->store));
    bw_pg_table_deinit(&rows);
    load->results[OP_MESSAGE] = (int)unit->count;
    add_table(unit, &keys, &delivered);
}

static void add_events(struct load *load, struct bw_pg_blobs *blobs, struct bw_pgc_unit *unit)
{
    struct bw_pg_table unwaits;
    struct bw_pg_table events;
    struct bw_pg_table waits;
    bw_pg_table_init(&unwaits, BW_PG_UNWAIT_TYPES);
    bw_pg_table_init(&events, BW_PG_EVENT_TYPES);
    bw_pg_table_init(&waits, BW_PG_WAIT_TYPES);
    struct bw_id none = {{0}};
    for (size_t i = 0; i < load->counts[OP_EVENT]; i++)
        bw_pg_cell_event(&events, blobs, &load->ops[OP_EVENT][i]->in.event, none, none);
    load->results[OP_EVENT] = (int)unit->count;
    struct bw_pg_param *params = bw_pgc_unit_add(unit, &bw_pg_settle_events);
    bw_pg_table_params(&unwaits, unit, params);
    bw_pg_table_params(&events, unit, params + 4);
    bw_pg_table_params(&waits, unit, params + 12);
    params[18] = bw_pg_arg_int(unit, bw_pg_now_us(load->store));
    bw_pg_table_deinit(&unwaits);
    bw_pg_table_deinit(&events);
    bw_pg_table_deinit(&waits);
}

static void add_answers(struct load *load, struct bw_pg_blobs *blobs, struct bw_pgc_unit *unit)
{
    struct bw_pg_table rows;
    struct bw_pg_table actors;
    struct bw_pg_table keys;
    bw_pg_table_init(&rows, "uux");
    bw_pg_table_init(&actors, "t");
    bw_pg_table_init(&keys, "uu");
    for (size_t i = 0; i < load->counts[OP_ANSWER]; i++) {
        const struct answer *row = &load->ops[OP_ANSWER][i]->in.answer;
        bw_pg_cell_id(&rows, row->tenant);
        bw_pg_cell_id(&rows, row->task);
        bw_pg_cell_large(&rows, blobs, row->tenant, row->task, BW_BLOB_VALUE, row->value, false);
        bw_pg_cell_str(&actors, bw_rows_by(row->value));
        bw_pg_cell_id(&keys, row->tenant);
        bw_pg_cell_id(&keys, row->task);
    }
    struct bw_pg_param *params = bw_pgc_unit_add(unit, &answer);
    bw_pg_table_params(&rows, unit, params);
    params[3] = bw_pg_arg_int(unit, bw_pg_now_us(load->store));
    bw_pg_table_params(&actors, unit, params + 4);
    bw_pg_table_deinit(&rows);
    bw_pg_table_deinit(&actors);
    bw_pg_blobs_add(blobs, unit); /* before the answers are read back */
    load->results[OP_ANSWER] = (int)unit->count;
    add_table(unit, &keys, &answered);
}

/* --- Results --------------------------------------------------------------------------------- */

static void finish_start(struct op *op, const struct bw_pg_result *rows, size_t i)
{
    struct bw_error error = {.code = BW_ERR_OK};
    struct bw_id run = bw_pg_id(rows, i, 0);
    (void)BW_FAULT(STORE_START_AFTER);
    op_answer(op, &error, run, bw_id_eq(run, op->in.run.id));
}

static void finish_message(struct op *op, const struct bw_pg_result *rows, size_t i)
{
    struct bw_error error = {.code = BW_ERR_OK};
    int64_t status = bw_pg_int(rows, i, 0);
    (void)BW_FAULT(STORE_MESSAGE_AFTER);
    bool is_there = bw_pg_int(rows, i, 1) == 1;
    struct bw_pg_store *store = op->store;
    struct bw_id tenant = op->in.message.tenant;
    struct bw_id run = op->in.message.run;
    if (status == 0)
        bw_fail(&error, BW_ERR_NOT_FOUND, "there is no such run");
    else if (!is_there)
        bw_fail(&error, BW_ERR_CONFLICT, "the run has ended (%s): it takes no more messages",
                bw_run_status_name((enum bw_run_status)status));
    op_answer_code(op, &error);
    if (is_there)
        bw_pg_mail(store, tenant, run);
}

/* The answer that is stored is ours when it has the same bytes: sent twice, given once. */
static void finish_answer(struct op *op, const struct bw_pg_result *rows, size_t i)
{
    struct bw_error error = {.code = BW_ERR_OK};
    int64_t status = bw_pg_int(rows, i, 0);
    (void)BW_FAULT(STORE_ANSWER_AFTER);
    struct bw_str stored = bw_pg_bytes(rows, i, 1);
    bool is_ours = status == BW_TASK_ANSWERED && bw_str_eq(stored, op->in.answer.value);
    struct bw_pg_store *store = op->store;
    struct bw_id tenant = op->in.answer.tenant;
    struct bw_id run = bw_pg_id(rows, i, 3);
    if (status == 0)
        bw_fail(&error, BW_ERR_NOT_FOUND, "there is no such task");
    else if (!is_ours)
        bw_rows_fail_answered(&error, (enum bw_task_status)status, stored, bw_pg_int(rows, i, 2));
    op_answer_code(op, &error);
    if (is_ours)
        bw_pg_mail(store, tenant, run);
}

static void load_done(struct load *load, const struct bw_pg_outcome *outcome)
{
    struct bw_error ok = {.code = BW_ERR_OK};
    for (size_t i = 0; i < load->counts[OP_START]; i++)
        finish_start(load->ops[OP_START][i], outcome->results[load->results[OP_START]], i);
    for (size_t i = 0; i < load->counts[OP_MESSAGE]; i++)
        finish_message(load->ops[OP_MESSAGE][i], outcome->results[load->results[OP_MESSAGE]], i);
    for (size_t i = 0; i < load->counts[OP_ANSWER]; i++)
        finish_answer(load->ops[OP_ANSWER][i], outcome->results[load->results[OP_ANSWER]], i);
    if (load->counts[OP_EVENT] > 0)
        (void)BW_FAULT(STORE_EVENT_AFTER);
    for (size_t i = 0; i < load->counts[OP_EVENT]; i++)
        op_answer_code(load->ops[OP_EVENT][i], &ok);
    if (load->counts[OP_EVENT] > 0)
        bw_pg_mail_rows(load->store, outcome->results[load->results[OP_EVENT]]);
}

/* Back in front of the queue, in their order, to be tried again; those that were tried enough are
 * given up. */
static void load_again(struct load *load, bool is_alone, const struct bw_error *error)
{
    struct bw_list again;
    bw_list_init(&again);
    for (size_t kind = 0; kind < 4; kind++) {
        for (size_t i = 0; i < load->counts[kind]; i++) {
            struct op *op = load->ops[kind][i];
            op->is_alone = op->is_alone || is_alone;
            if (++op->attempts >= OP_TRIES)
                op_answer_code(op, error);
            else
                bw_list_push_back(&again, &op->link);
        }
    }
    bw_list_append_all(&again, &load->store->door_ops);
    bw_list_append_all(&load->store->door_ops, &again);
}

static void load_fail(struct load *load, const struct bw_error *error)
{
    for (size_t kind = 0; kind < 4; kind++) {
        for (size_t i = 0; i < load->counts[kind]; i++)
            op_answer_code(load->ops[kind][i], error);
    }
}

static void on_unit(void *ud, const struct bw_pg_outcome *outcome)
{
    struct load *load = ud;
    struct bw_pg_store *store = load->store;
    size_t count = load->counts[0] + load->counts[1] + load->counts[2] + load->counts[3];
    store->is_door_busy = false;
    bool is_transient = outcome->status == BW_PG_FAILED && bw_pg_is_transient(outcome->sqlstate);
    if (outcome->status == BW_PG_DONE) {
        store->door_failures = 0;
        load_done(load, outcome);
    } else if (store->is_closing) {
        load_fail(load, &outcome->error);
    } else if (outcome->status == BW_PG_LOST || is_transient) {
        struct bw_error error = outcome->error;
        error.code = BW_ERR_UNAVAILABLE;
        if (is_transient)
            bw_pgc_pause(store->door, bw_pg_pause_ms(store->door_failures++));
        load_again(load, is_transient && strncmp(outcome->sqlstate, "40", 2) == 0, &error);
    } else if (outcome->status == BW_PG_FAILED && count > 1) {
        load_again(load, true, &outcome->error);
    } else {
        load_fail(load, &outcome->error);
    }
    bw_free(load);
    if (!store->is_closing)
        door_pump(store);
}

static void door_pump(struct bw_pg_store *store)
{
    if (store->is_door_busy || store->is_closing || bw_list_is_empty(&store->door_ops))
        return;
    struct load *load = bw_xcalloc(1, sizeof *load);
    load->store = store;
    load_fill(load, store);
    struct bw_pgc_unit *unit = bw_pgc_unit_make();
    struct bw_pg_blobs blobs;
    bw_pg_blobs_init(&blobs);
    if (load->counts[OP_START]) {
        (void)BW_FAULT(STORE_START_BEFORE);
        add_starts(load, &blobs, unit);
    }
    if (load->counts[OP_MESSAGE]) {
        (void)BW_FAULT(STORE_MESSAGE_BEFORE);
        add_messages(load, &blobs, unit);
    }
    if (load->counts[OP_EVENT]) {
        (void)BW_FAULT(STORE_EVENT_BEFORE);
        add_events(load, &blobs, unit);
    }
    if (load->counts[OP_ANSWER]) {
        (void)BW_FAULT(STORE_ANSWER_BEFORE);
        add_answers(load, &blobs, unit);
    }
    bw_pg_blobs_add(&blobs, unit);
    store->is_door_busy = true;
    bw_pgc_send(store->door, unit, on_unit, load);
}

/* --- The calls ------------------------------------------------------------------------------- */

void bw_pg_start_run(void *self, const struct bw_run_row *row, bw_start_fn done, void *ud)
{
    struct op *op = op_make(self, OP_START, ud);
    op->fn.start = done;
    bw_copy_new_run(&op->arena, row, &op->in.run);
    op_send(op, row->input, bw_check_run(row, &op->error));
}

void bw_pg_put_message(void *self, const struct bw_message *row, bw_done_fn done, void *ud)
{
    struct op *op = op_make(self, OP_MESSAGE, ud);
    op->fn.done = done;
    bw_copy_message(&op->arena, row, &op->in.message);
    op_send(op, row->value, bw_check_message(row, &op->error));
}

void bw_pg_put_event(void *self, const struct bw_event *event, bw_done_fn done, void *ud)
{
    struct op *op = op_make(self, OP_EVENT, ud);
    op->fn.done = done;
    bw_copy_event(&op->arena, event, &op->in.event);
    op_send(op, event->body, bw_check_event(event, &op->error));
}

void bw_pg_answer_task(void *self, struct bw_id tenant, struct bw_id task, struct bw_str value,
                       bw_done_fn done, void *ud)
{
    struct op *op = op_make(self, OP_ANSWER, ud);
    op->fn.done = done;
    op->in.answer = (struct answer){tenant, task, bw_arena_copy(&op->arena, value)};
    op_send(op, value, bw_check_answer(value, &op->error));
}

void bw_pg_door_close(struct bw_pg_store *store)
{
    for (struct bw_list *link; (link = bw_list_pop_front(&store->door_ops));) {
        struct op *op = bw_container_of(link, struct op, link);
        bw_fail(&op->error, BW_ERR_CANCELLED, "the store is closing");
        bw_pgc_later(store->door, on_refused, op);
    }
}
