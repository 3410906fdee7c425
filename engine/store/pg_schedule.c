/* pg_schedule.c - schedules in PostgreSQL: what is due, firing, changes by people. */
#include "store/pg_store.h"

#include "base/assert.h"
#include "store/check.h"
#include "store/copy.h"
#include "store/settings.h"

#define COLUMNS                                                                                    \
    "tenant_id, name, shard, version, is_paused, next_due, wake_at, last_due, last_run, fired,"    \
    " skipped, problem, spec, set_by, set_at"

void bw_pg_take_schedule(const struct bw_pg_result *rows, size_t i, struct bw_schedule_row *row)
{
    *row = (struct bw_schedule_row){.tenant = bw_pg_id(rows, i, 0),
                                    .name = bw_pg_bytes(rows, i, 1),
                                    .shard = (uint32_t)bw_pg_int(rows, i, 2),
                                    .version = bw_pg_int(rows, i, 3),
                                    .is_paused = bw_pg_int(rows, i, 4) == 1,
                                    .next_due_us = bw_pg_int(rows, i, 5),
                                    .wake_at_us = bw_pg_int(rows, i, 6),
                                    .last_due_us = bw_pg_int(rows, i, 7),
                                    .last_run = bw_pg_id(rows, i, 8),
                                    .fired_count = bw_pg_int(rows, i, 9),
                                    .skipped_count = bw_pg_int(rows, i, 10),
                                    .problem = bw_pg_bytes(rows, i, 11),
                                    .spec = bw_pg_bytes(rows, i, 12),
                                    .set_by = bw_pg_bytes(rows, i, 13),
                                    .set_at_us = bw_pg_int(rows, i, 14)};
}

/* --- What is due ----------------------------------------------------------------------------- */

/* For each shard the earliest few by the index; then the earliest of all. */
static const struct bw_pg_statement due = {
    "schedule_due",
    "SELECT d.* FROM generate_series(0, 63) AS n CROSS JOIN LATERAL"
    " (SELECT " COLUMNS " FROM billow.schedule s WHERE s.shard = n::smallint"
    "   AND s.wake_at <= $2::bigint ORDER BY s.wake_at LIMIT $3::bigint) AS d"
    " WHERE ($1::bigint >> n) & 1 = 1 ORDER BY d.wake_at, d.tenant_id, d.name LIMIT $3::bigint",
    3};
static const struct bw_pg_statement next = {
    "schedule_next",
    "SELECT min(d.wake_at) FROM generate_series(0, 63) AS n CROSS JOIN LATERAL"
    " (SELECT s.wake_at FROM billow.schedule s WHERE s.shard = n::smallint"
    "   AND s.wake_at > $2::bigint ORDER BY s.wake_at LIMIT 1) AS d"
    " WHERE ($1::bigint >> n) & 1 = 1",
    2};

struct due_args {
    bw_shards shards;
    int64_t now_us;
    size_t count_max;
    bw_schedules_fn done;
};

static struct bw_pgc_unit *build_due(struct bw_pg_request *request)
{
    const struct due_args *args = request->args;
    struct bw_pgc_unit *unit = bw_pgc_unit_make();
    struct bw_pg_param *params = bw_pgc_unit_add(unit, &due);
    params[0] = bw_pg_arg_int(unit, (int64_t)args->shards);
    params[1] = bw_pg_arg_int(unit, args->now_us);
    params[2] = bw_pg_arg_int(unit, (int64_t)args->count_max);
    params = bw_pgc_unit_add(unit, &next);
    params[0] = bw_pg_arg_int(unit, (int64_t)args->shards);
    params[1] = bw_pg_arg_int(unit, args->now_us);
    return unit;
}

static void answer_due(struct bw_pg_request *request, const struct bw_pg_outcome *outcome)
{
    const struct due_args *args = request->args;
    const struct bw_error *error = bw_pg_request_error(request, outcome);
    struct bw_schedule_row *rows = NULL;
    size_t count = 0;
    int64_t next_us = 0;
    if (error->code == BW_ERR_OK) {
        count = bw_pg_rows(outcome->results[0]);
        rows = bw_arena_calloc(&request->arena, count + 1, sizeof *rows);
        for (size_t i = 0; i < count; i++)
            bw_pg_take_schedule(outcome->results[0], i, &rows[i]);
        next_us = bw_pg_int(outcome->results[1], 0, 0);
    }
    args->done(request->ud, error, rows, count, next_us);
}

void bw_pg_due_schedules(void *self, bw_shards shards, int64_t now_us, size_t count_max,
                         bw_schedules_fn done, void *ud)
{
    struct bw_pg_store *store = self;
    struct bw_pg_request *request = bw_pg_request_make(store, store->reader, ud);
    struct due_args *args = bw_arena_calloc(&request->arena, 1, sizeof *args);
    *args = (struct due_args){shards, now_us, count_max, done};
    request->args = args;
    request->build = build_due;
    request->answer = answer_due;
    bw_pg_request_send(request);
}

/* --- Firing ---------------------------------------------------------------------------------- */

/* `s` holds the schedule's row, as it was, under lock; `d` and `r` the new runs. A run of a start
 * key that is taken is none, but the schedule has fired. */
static const struct bw_pg_statement fire = {
    "schedule_fire",
    "WITH s AS MATERIALIZED ("
    "  SELECT s.tenant_id, s.name, $9::boolean AND EXISTS (SELECT FROM billow.run l"
    "      WHERE l.tenant_id = s.tenant_id AND l.run_id = s.last_run AND l.status IN (1, 2))"
    "      AS is_held"
    "  FROM billow.schedule s WHERE s.tenant_id = $1::uuid AND s.name = $2::text"
    "    AND s.version = $3::bigint FOR UPDATE"
    "), c AS MATERIALIZED ("
    "  SELECT c.* FROM s, unnest($10::uuid[], $11::uuid[], $12::smallint[], $13::bytea[],"
    "      $14::text[], $15::text[], $16::smallint[], $17::smallint[], $18::boolean[],"
    "      $19::bigint[], $20::uuid[], $21::bigint[], $22::bytea[], $23::text[], $24::bigint[])"
    "    WITH ORDINALITY AS c (owner, id, shard, release, workflow, key, status, wake, is_active,"
    "      wake_at, parent, parent_seq, input, started_by, created_at, place)"
    "  WHERE NOT s.is_held"
    "), d AS ("
    "  INSERT INTO billow.run_detail (tenant_id, run_id, release, workflow, start_key, parent_id,"
    "    parent_seq, started_by, created_at, input)"
    "  SELECT owner, id, release, workflow, key, parent, parent_seq, started_by, created_at, input"
    "  FROM c ORDER BY place ON CONFLICT DO NOTHING RETURNING tenant_id, run_id"
    "), r AS ("
    "  INSERT INTO billow.run (tenant_id, run_id, head, base, last_seq, wake_at, updated_at, shard,"
    "    status, wake, is_active, has_error)"
    "  SELECT c.owner, c.id, 0, 0, 0, c.wake_at, c.created_at, c.shard, c.status, c.wake,"
    "    c.is_active, false"
    "  FROM c WHERE ((c.owner, c.id) IN (SELECT tenant_id, run_id FROM d)) IS TRUE"
    "  RETURNING tenant_id, run_id"
    "), u AS ("
    "  UPDATE billow.schedule t SET version = t.version + 1,"
    "    next_due = nullif($4::bigint, 0), wake_at = nullif($5::bigint, 0),"
    "    last_due = coalesce(nullif($6::bigint, 0), t.last_due),"
    "    last_run = coalesce((SELECT id FROM c ORDER BY place DESC LIMIT 1), t.last_run),"
    "    fired = t.fired + (SELECT count(*) FROM c),"
    "    skipped = t.skipped + $7::bigint"
    "      + CASE WHEN s.is_held THEN cardinality($11::uuid[]) ELSE 0 END,"
    "    problem = $8::text"
    "  FROM s WHERE t.tenant_id = s.tenant_id AND t.name = s.name"
    "  RETURNING t.tenant_id, t.last_run"
    ") SELECT tenant_id, last_run, false FROM u UNION ALL SELECT tenant_id, run_id, true FROM r",
    24};

static struct bw_pgc_unit *build_fire(struct bw_pg_request *request)
{
    const struct bw_schedule_fire *args = request->args;
    struct bw_pgc_unit *unit = bw_pgc_unit_make();
    struct bw_pg_param *params = bw_pgc_unit_add(unit, &fire);
    params[0] = bw_pg_arg_id(unit, args->tenant);
    params[1] = bw_pg_arg_text(unit, args->name);
    params[2] = bw_pg_arg_int(unit, args->version);
    params[3] = bw_pg_arg_int(unit, args->next_due_us);
    params[4] = bw_pg_arg_int(unit, args->wake_at_us);
    params[5] = bw_pg_arg_int(unit, args->last_due_us);
    params[6] = bw_pg_arg_int(unit, args->skipped_count);
    params[7] = bw_pg_arg_text(unit, args->problem);
    params[8] = bw_pg_arg_bool(unit, args->is_alone);
    struct bw_pg_table table;
    struct bw_pg_blobs blobs;
    bw_pg_blobs_init(&blobs);
    bw_pg_table_init(&table, BW_PG_RUN_TYPES);
    for (size_t i = 0; i < args->run_count; i++)
        bw_pg_cell_run(&table, &blobs, &args->runs[i]);
    bw_pg_table_params(&table, unit, params + 9);
    bw_pg_table_deinit(&table);
    bw_pg_blobs_add(&blobs, unit);
    return unit;
}

static void answer_fire(struct bw_pg_request *request, const struct bw_pg_outcome *outcome)
{
    struct bw_error error = *bw_pg_request_error(request, outcome);
    const struct bw_pg_result *rows = error.code == BW_ERR_OK ? outcome->results[0] : NULL;
    if (rows && bw_pg_rows(rows) == 0)
        bw_fail(&error, BW_ERR_CONFLICT, "the schedule was changed in the meantime");
    struct bw_id last = {{0}};
    bool is_new = false;
    for (size_t i = 0; rows && i < bw_pg_rows(rows); i++) {
        if (bw_pg_int(rows, i, 2) == 1)
            is_new = true;
        else if (!bw_pg_is_null(rows, i, 1))
            last = bw_pg_id(rows, i, 1);
    }
    request->fn.start(request->ud, &error, last, is_new);
    for (size_t i = 0; rows && i < bw_pg_rows(rows); i++) {
        if (bw_pg_int(rows, i, 2) == 1)
            bw_pg_mail(request->store, bw_pg_id(rows, i, 0), bw_pg_id(rows, i, 1));
    }
}

void bw_pg_fire_schedule(void *self, const struct bw_schedule_fire *firing, bw_start_fn done,
                         void *ud)
{
    struct bw_pg_store *store = self;
    struct bw_pg_request *request = bw_pg_request_make(store, store->reader, ud);
    struct bw_schedule_fire *args = bw_arena_calloc(&request->arena, 1, sizeof *args);
    bw_copy_fire(&request->arena, firing, args);
    request->args = args;
    request->fn.start = done;
    request->build = build_fire;
    request->answer = answer_fire;
    if (bw_check_fire(firing, &request->error) == BW_ERR_OK)
        bw_pg_request_send(request);
    else
        bw_pg_request_refuse(request);
}

/* --- What people change ---------------------------------------------------------------------- */

#define AUDITED(action, at, actor, detail)                                                         \
    "), a AS (INSERT INTO billow.audit (tenant_id, at, actor, action, subject, detail)"            \
    " SELECT $1::uuid, " at ", " actor ", " action ", $2::text, " detail " FROM w)"                \
    " SELECT 1::bigint FROM w"

static const struct bw_pg_statement put = {
    "put_schedule",
    "WITH w AS (INSERT INTO billow.schedule AS s (tenant_id, name, shard, version, next_due, "
    "wake_at, spec,"
    "  set_by, set_at)"
    " VALUES ($1::uuid, $2::text, $3::bigint, 1, nullif($4::bigint, 0), nullif($5::bigint, 0),"
    "  $6::bytea, $7::text, $8::bigint)"
    " ON CONFLICT (tenant_id, name) DO UPDATE SET version = s.version + 1,"
    "  next_due = excluded.next_due,"
    "  wake_at = CASE WHEN s.is_paused THEN NULL ELSE excluded.wake_at END, problem = '',"
    "  spec = excluded.spec, set_by = excluded.set_by, set_at = excluded.set_at"
    " RETURNING 1 " AUDITED("'schedule.set'", "$8::bigint", "$7::text", "$6::bytea"),
    8};
static const struct bw_pg_statement set_state = {
    "schedule_state",
    "WITH w AS (UPDATE billow.schedule s SET version = s.version + 1, is_paused = $3::boolean,"
    "  next_due = CASE WHEN $4::boolean THEN nullif($5::bigint, 0) ELSE s.next_due END,"
    "  wake_at = nullif($6::bigint, 0)"
    " WHERE s.tenant_id = $1::uuid AND s.name = $2::text"
    "  AND ($7::bigint = 0 OR s.version = $7::bigint) RETURNING 1 " AUDITED(
        "CASE WHEN $3::boolean THEN 'schedule.pause' ELSE 'schedule.resume' END", "$9::bigint",
        "$8::text", "'\\x00'::bytea") /* there, but with another version */
    " UNION ALL SELECT 2 FROM billow.schedule s WHERE s.tenant_id = $1::uuid AND s.name = $2::text"
    "  AND NOT EXISTS (SELECT FROM w)",
    9};
static const struct bw_pg_statement drop = {
    "schedule_delete",
    "WITH w AS (DELETE FROM billow.schedule WHERE tenant_id = $1::uuid AND name = $2::text"
    " RETURNING spec " AUDITED("'schedule.delete'", "$4::bigint", "$3::text",
                               "(SELECT spec FROM w)"),
    4};

void bw_pg_add_schedule_write(struct bw_pgc_unit *unit, struct bw_str what,
                              const struct bw_schedule_args *args, int64_t now_us)
{
    const struct bw_schedule_row *row = &args->row;
    bool is_put = bw_str_eq(what, BW_STR("schedule"));
    bool is_state = bw_str_eq(what, BW_STR("schedule_state"));
    struct bw_pg_param *params = bw_pgc_unit_add(unit, is_put     ? &put
                                                       : is_state ? &set_state
                                                                  : &drop);
    params[0] = bw_pg_arg_id(unit, row->tenant);
    params[1] = bw_pg_arg_text(unit, row->name);
    if (is_put) {
        params[2] = bw_pg_arg_int(unit, row->shard);
        params[3] = bw_pg_arg_int(unit, row->next_due_us);
        params[4] = bw_pg_arg_int(unit, row->wake_at_us);
        params[5] = bw_pg_arg_bytes(unit, row->spec);
        params[6] = bw_pg_arg_text(unit, row->set_by);
        params[7] = bw_pg_arg_int(unit, row->set_at_us ? row->set_at_us : now_us);
    } else if (is_state) {
        params[2] = bw_pg_arg_bool(unit, row->is_paused);
        params[3] = bw_pg_arg_bool(unit, args->has_due);
        params[4] = bw_pg_arg_int(unit, row->next_due_us);
        params[5] = bw_pg_arg_int(unit, row->wake_at_us);
        params[6] = bw_pg_arg_int(unit, args->version);
        params[7] = bw_pg_arg_text(unit, row->set_by);
        params[8] = bw_pg_arg_int(unit, now_us);
    } else {
        params[2] = bw_pg_arg_text(unit, row->set_by);
        params[3] = bw_pg_arg_int(unit, now_us);
    }
}

/* --- Read models, for pg_read.c -------------------------------------------------------------- */

const char bw_pg_schedules_sql[] =
    "SELECT " COLUMNS " FROM billow.schedule WHERE tenant_id = $1::uuid ORDER BY name"
    " LIMIT $2::bigint";
const char bw_pg_schedule_sql[] =
    "SELECT " COLUMNS " FROM billow.schedule WHERE tenant_id = $1::uuid AND name = $2::text";
