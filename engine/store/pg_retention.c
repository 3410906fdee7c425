/* pg_retention.c - what PostgreSQL drops, and what holds it. The work is done by functions of
 * sql/0180_retention.sql, the judgement is store/retention.c's.
 */
#include "store/pg_store.h"

#include "base/fault.h"
#include "store/retention.h"

const struct bw_pg_statement bw_pg_retention_changed = {
    "retention_changed", "SELECT billow.retention_changed($1::uuid)", 1};

/* --- What may go ----------------------------------------------------------------------------- */

/* The stamp first: what changes after it makes the plan stale. */
static const struct bw_pg_statement stamp_of = {
    "expired_stamp",
    "SELECT coalesce((SELECT stamp FROM billow.retention WHERE tenant_id = $1::uuid), 0)", 1};
static const struct bw_pg_statement holds_of = {
    "expired_holds", "SELECT scope, scope_id FROM billow.hold WHERE tenant_id = $1::uuid", 1};
static const struct bw_pg_statement contracts_of = {
    "expired_contracts",
    "SELECT c.customer, c.id FROM"
    " (SELECT DISTINCT ON (d.id) d.id, d.body->>'customer_id' AS customer FROM billing.document d"
    "  WHERE d.tenant_id = $1::uuid AND d.kind = 'contract' ORDER BY d.id, d.version DESC) AS c"
    " WHERE c.customer = ANY ($2::text[]) OR c.customer IN (SELECT h.scope_id FROM billow.hold h"
    "  WHERE h.tenant_id = $1::uuid AND h.scope = 'customer')",
    2};
static const struct bw_pg_statement page_of = {
    "expired_page",
    "SELECT count(*), max(run_id::text)::uuid FROM (SELECT run_id FROM billow.run"
    " WHERE tenant_id = $1::uuid AND run_id > $2::uuid ORDER BY run_id LIMIT $3::bigint) AS p",
    3};
/* Inputs are read only when somebody asks what runs are about. */
static const struct bw_pg_statement trees_of = {
    "expired_trees",
    "WITH RECURSIVE page AS MATERIALIZED ("
    "  SELECT run_id, status, updated_at FROM billow.run"
    "  WHERE tenant_id = $1::uuid AND run_id > $2::uuid ORDER BY run_id LIMIT $3::bigint"
    "), tree AS ("
    "  SELECT p.run_id AS root, p.run_id, 0::bigint AS depth FROM page p"
    "  JOIN billow.run_detail d ON d.tenant_id = $1::uuid AND d.run_id = p.run_id"
    "  WHERE p.status > 2 AND p.updated_at < $4::bigint AND NOT EXISTS (SELECT FROM billow.run u"
    "    WHERE u.tenant_id = $1::uuid AND u.run_id = d.parent_id)"
    "  UNION ALL SELECT t.root, d.run_id, t.depth + 1 FROM tree t"
    "  JOIN billow.run_detail d ON d.tenant_id = $1::uuid AND d.parent_id = t.run_id"
    "    AND d.dropped_at IS NULL"
    "), asks AS MATERIALIZED ("
    "  SELECT $5::boolean OR EXISTS (SELECT FROM billow.hold h WHERE h.tenant_id = $1::uuid"
    "    AND h.scope IN ('contract', 'customer', 'matter')) AS asks"
    ") SELECT t.run_id, t.root, t.depth, r.status, r.updated_at, d.workflow, d.start_key,"
    "  CASE WHEN asks.asks THEN billow.whole(d.tenant_id, d.input) END, w.wrote,"
    "  EXISTS (SELECT FROM billow.task k WHERE k.tenant_id = $1::uuid AND k.run_id = t.run_id"
    "    AND k.status = 1),"
    "  w.wrote AND r.status > 2 AND r.updated_at < $4::bigint"
    "    AND billow.has_open_document($1::uuid, t.run_id),"
    "  CASE WHEN w.wrote AND asks.asks THEN (SELECT string_agg("
    "    i.contract_id || chr(31) || i.customer_id, chr(30)) FROM billing.invoice i"
    "    WHERE i.tenant_id = $1::uuid AND i.run_id = t.run_id) END"
    " FROM tree t CROSS JOIN asks"
    " JOIN billow.run r ON r.tenant_id = $1::uuid AND r.run_id = t.run_id"
    " JOIN billow.run_detail d ON d.tenant_id = $1::uuid AND d.run_id = t.run_id"
    " CROSS JOIN LATERAL (SELECT EXISTS (SELECT FROM billow.inbox i WHERE i.tenant_id = $1::uuid"
    "   AND i.run_id = t.run_id AND starts_with(i.key, 'tx:')) AS wrote) AS w",
    5};

struct expired_args {
    struct bw_id tenant;
    struct bw_expiry_query query;
};

static struct bw_pgc_unit *build_expired(struct bw_pg_request *request)
{
    const struct expired_args *args = request->args;
    struct bw_pgc_unit *unit = bw_pgc_unit_make();
    struct bw_pg_table customers;
    bw_pg_table_init(&customers, "t");
    for (size_t i = 0; i < args->query.rule_count; i++) {
        if (args->query.rules[i].customer.len)
            bw_pg_cell_str(&customers, args->query.rules[i].customer);
    }
    bw_pgc_unit_add(unit, &stamp_of)[0] = bw_pg_arg_id(unit, args->tenant);
    bw_pgc_unit_add(unit, &holds_of)[0] = bw_pg_arg_id(unit, args->tenant);
    struct bw_pg_param *params = bw_pgc_unit_add(unit, &contracts_of);
    params[0] = bw_pg_arg_id(unit, args->tenant);
    bw_pg_table_params(&customers, unit, params + 1);
    bw_pg_table_deinit(&customers);
    for (int i = 0; i < 2; i++) {
        params = bw_pgc_unit_add(unit, i == 0 ? &page_of : &trees_of);
        params[0] = bw_pg_arg_id(unit, args->tenant);
        params[1] = bw_pg_arg_id(unit, args->query.after);
        params[2] = bw_pg_arg_int(unit, args->query.limit);
    }
    params[3] = bw_pg_arg_int(unit, args->query.before_max_us);
    params[4] = bw_pg_arg_bool(unit, args->query.has_scopes);
    return unit;
}

static struct bw_expiry_run *take_trees(struct bw_arena *arena, const struct bw_pg_result *rows)
{
    size_t count = bw_pg_rows(rows);
    struct bw_expiry_run *runs = bw_arena_calloc(arena, count + 1, sizeof *runs);
    for (size_t i = 0; i < count; i++) {
        runs[i] = (struct bw_expiry_run){.id = bw_pg_id(rows, i, 0),
                                         .root = bw_pg_id(rows, i, 1),
                                         .depth = bw_pg_int(rows, i, 2),
                                         .status = (enum bw_run_status)bw_pg_int(rows, i, 3),
                                         .finished_at_us = bw_pg_int(rows, i, 4),
                                         .workflow = bw_pg_bytes(rows, i, 5),
                                         .key = bw_pg_bytes(rows, i, 6),
                                         .input = bw_pg_bytes(rows, i, 7),
                                         .wrote = bw_pg_int(rows, i, 8) == 1,
                                         .has_open_task = bw_pg_int(rows, i, 9) == 1,
                                         .has_open_document = bw_pg_int(rows, i, 10) == 1,
                                         .documents = bw_pg_bytes(rows, i, 11)};
    }
    return runs;
}

static void judge(struct bw_pg_request *request, const struct bw_pg_outcome *outcome,
                  struct bw_buf *value)
{
    const struct expired_args *args = request->args;
    const struct bw_pg_result *holds = outcome->results[1], *contracts = outcome->results[2];
    struct bw_expiry_facts facts = {.query = &args->query,
                                    .hold_count = bw_pg_rows(holds),
                                    .contract_count = bw_pg_rows(contracts),
                                    .stamp = bw_pg_int(outcome->results[0], 0, 0),
                                    .runs = take_trees(&request->arena, outcome->results[4]),
                                    .run_count = bw_pg_rows(outcome->results[4])};
    struct bw_hold *hold_rows =
        bw_arena_calloc(&request->arena, facts.hold_count + 1, sizeof *hold_rows);
    struct bw_contract_of *contract_rows =
        bw_arena_calloc(&request->arena, facts.contract_count + 1, sizeof *contract_rows);
    for (size_t i = 0; i < facts.hold_count; i++) {
        (void)bw_hold_scope_from_name(bw_pg_bytes(holds, i, 0), &hold_rows[i].scope);
        hold_rows[i].scope_id = bw_pg_bytes(holds, i, 1);
    }
    for (size_t i = 0; i < facts.contract_count; i++)
        contract_rows[i] =
            (struct bw_contract_of){bw_pg_bytes(contracts, i, 0), bw_pg_bytes(contracts, i, 1)};
    if (bw_pg_int(outcome->results[3], 0, 0) >= args->query.limit)
        facts.next = bw_pg_id(outcome->results[3], 0, 1);
    facts.holds = hold_rows;
    facts.contracts = contract_rows;
    bw_expiry_judge(&facts, value);
}

static void answer_expired(struct bw_pg_request *request, const struct bw_pg_outcome *outcome)
{
    const struct bw_error *error = bw_pg_request_error(request, outcome);
    struct bw_buf value;
    bw_buf_init(&value, BW_ROWS_VALUE_BYTES_MAX);
    if (error->code == BW_ERR_OK)
        judge(request, outcome, &value);
    request->fn.value(request->ud, error, bw_buf_str(&value));
    bw_buf_deinit(&value);
}

void bw_pg_find_expired(void *self, struct bw_id tenant, struct bw_str bytes, bw_value_fn done,
                        void *ud)
{
    struct bw_pg_store *store = self;
    struct bw_pg_request *request = bw_pg_request_make(store, store->keeper, ud);
    struct expired_args *args = bw_arena_calloc(&request->arena, 1, sizeof *args);
    request->args = args;
    request->fn.value = done;
    request->build = build_expired;
    request->answer = answer_expired;
    args->tenant = tenant;
    if (bw_expiry_query(bw_arena_copy(&request->arena, bytes), &request->arena, &args->query,
                        &request->error) == BW_ERR_OK)
        bw_pg_request_send(request);
    else
        bw_pg_request_refuse(request);
}

/* --- Dropping -------------------------------------------------------------------------------- */

static const struct bw_pg_statement drop_runs = {
    "drop_runs",
    "SELECT is_stale, runs, turns FROM billow.drop_runs($1::uuid, $2::uuid[], $3::bigint,"
    " $4::bigint, $5::text, $6::text, $7::bytea)",
    7};

struct drop_args {
    struct bw_id tenant;
    struct bw_drop drop;
};

static struct bw_pgc_unit *build_drop(struct bw_pg_request *request)
{
    const struct drop_args *args = request->args;
    const struct bw_drop *drop = &args->drop;
    struct bw_pgc_unit *unit = bw_pgc_unit_make();
    struct bw_pg_param *params = bw_pgc_unit_add(unit, &drop_runs);
    struct bw_pg_table runs;
    bw_pg_table_init(&runs, "u");
    for (size_t i = 0; i < drop->count; i++)
        bw_pg_cell_id(&runs, drop->runs[i]);
    params[0] = bw_pg_arg_id(unit, args->tenant);
    bw_pg_table_params(&runs, unit, params + 1);
    params[2] = bw_pg_arg_int(unit, drop->stamp);
    params[3] = bw_pg_arg_int(unit, drop->at_us);
    params[4] = bw_pg_arg_text(unit, drop->under);
    params[5] = bw_pg_arg_text(unit, drop->by);
    params[6] = bw_pg_arg_bytes(unit, drop->detail.len ? drop->detail : bw_str("", 1));
    bw_pg_table_deinit(&runs);
    return unit;
}

static void answer_drop(struct bw_pg_request *request, const struct bw_pg_outcome *outcome)
{
    struct bw_error error = *bw_pg_request_error(request, outcome);
    struct bw_buf value;
    bw_buf_init(&value, 256);
    (void)BW_FAULT(STORE_DROP_AFTER);
    if (outcome && outcome->status == BW_PG_FAILED && strcmp(outcome->sqlstate, "23503") == 0)
        bw_fail(&error, BW_ERR_NOT_FOUND, "there is no such tenant");
    else if (error.code == BW_ERR_OK && bw_pg_int(outcome->results[0], 0, 0) == 1)
        bw_drop_fail_stale(&error);
    else if (error.code == BW_ERR_OK)
        bw_drop_put(&value, bw_pg_int(outcome->results[0], 0, 1),
                    bw_pg_int(outcome->results[0], 0, 2));
    request->fn.value(request->ud, &error, bw_buf_str(&value));
    bw_buf_deinit(&value);
}

void bw_pg_drop_runs(void *self, struct bw_id tenant, struct bw_str bytes, bw_value_fn done,
                     void *ud)
{
    struct bw_pg_store *store = self;
    struct bw_pg_request *request = bw_pg_request_make(store, store->keeper, ud);
    struct drop_args *args = bw_arena_calloc(&request->arena, 1, sizeof *args);
    request->args = args;
    request->fn.value = done;
    request->build = build_drop;
    request->answer = answer_drop;
    args->tenant = tenant;
    enum bw_err code = bw_drop_from_args(bw_arena_copy(&request->arena, bytes), &request->arena,
                                         &args->drop, &request->error);
    args->drop.at_us = args->drop.at_us ? args->drop.at_us : bw_pg_now_us(store);
    (void)BW_FAULT(STORE_DROP_BEFORE);
    if (code == BW_ERR_OK)
        bw_pg_request_send(request);
    else
        bw_pg_request_refuse(request);
}

/* --- Holds, and what the last sweep said ----------------------------------------------------- */

static const struct bw_pg_statement add_hold = {
    "add_hold",
    "WITH h AS (INSERT INTO billow.hold (tenant_id, name, scope, scope_id, reason, set_by, set_at)"
    "  VALUES ($1::uuid, $2::text, $3::text, $4::text, $5::text, $6::text, $7::bigint)"
    "  ON CONFLICT DO NOTHING RETURNING name"
    "), a AS (INSERT INTO billow.audit (tenant_id, at, actor, action, subject, detail)"
    "  SELECT $1::uuid, $7::bigint, $6::text, 'hold.add', h.name, $8::bytea FROM h)"
    " SELECT billow.retention_changed($1::uuid) FROM h",
    8};
static const struct bw_pg_statement see_hold = {
    "see_hold",
    "SELECT scope, scope_id FROM billow.hold WHERE tenant_id = $1::uuid AND name = $2::text", 2};
static const struct bw_pg_statement end_hold = {
    "end_hold",
    "WITH h AS (DELETE FROM billow.hold WHERE tenant_id = $1::uuid AND name = $2::text"
    "  RETURNING name"
    "), a AS (INSERT INTO billow.audit (tenant_id, at, actor, action, subject, detail)"
    "  SELECT $1::uuid, $3::bigint, $4::text, 'hold.remove', h.name, $5::bytea FROM h)"
    " SELECT billow.retention_changed($1::uuid) FROM h",
    5};
static const struct bw_pg_statement put_last = {
    "put_retention",
    "INSERT INTO billow.retention (tenant_id, last) VALUES ($1::uuid, $2::bytea)"
    " ON CONFLICT (tenant_id) DO UPDATE SET last = excluded.last",
    2};

struct write_args {
    struct bw_id tenant;
    struct bw_hold hold;
    struct bw_str bytes; /* as they came */
    struct bw_str last;
};

static struct bw_pgc_unit *build_hold(struct bw_pg_request *request)
{
    const struct write_args *args = request->args;
    const struct bw_hold *hold = &args->hold;
    struct bw_pgc_unit *unit = bw_pgc_unit_make();
    struct bw_pg_param *params = bw_pgc_unit_add(unit, &add_hold);
    params[0] = bw_pg_arg_id(unit, args->tenant);
    params[1] = bw_pg_arg_text(unit, hold->name);
    params[2] = bw_pg_arg_text(unit, bw_str_of(bw_hold_scope_name(hold->scope)));
    params[3] = bw_pg_arg_text(unit, hold->scope_id);
    params[4] = bw_pg_arg_text(unit, hold->reason);
    params[5] = bw_pg_arg_text(unit, hold->set_by);
    params[6] = bw_pg_arg_int(unit, hold->set_at_us);
    params[7] = bw_pg_arg_bytes(unit, args->bytes);
    params = bw_pgc_unit_add(unit, &see_hold);
    params[0] = bw_pg_arg_id(unit, args->tenant);
    params[1] = bw_pg_arg_text(unit, hold->name);
    return unit;
}

static struct bw_pgc_unit *build_hold_end(struct bw_pg_request *request)
{
    const struct write_args *args = request->args;
    struct bw_pgc_unit *unit = bw_pgc_unit_make();
    struct bw_pg_param *params = bw_pgc_unit_add(unit, &end_hold);
    params[0] = bw_pg_arg_id(unit, args->tenant);
    params[1] = bw_pg_arg_text(unit, args->hold.name);
    params[2] = bw_pg_arg_int(unit, args->hold.set_at_us);
    params[3] = bw_pg_arg_text(unit, args->hold.set_by);
    params[4] = bw_pg_arg_bytes(unit, args->bytes);
    return unit;
}

static struct bw_pgc_unit *build_last(struct bw_pg_request *request)
{
    const struct write_args *args = request->args;
    struct bw_pgc_unit *unit = bw_pgc_unit_make();
    struct bw_pg_param *params = bw_pgc_unit_add(unit, &put_last);
    params[0] = bw_pg_arg_id(unit, args->tenant);
    params[1] = bw_pg_arg_bytes(unit, args->last);
    return unit;
}

static const struct bw_pg_statement make_room = {
    "make_room", "SELECT billow.make_journal_partitions($1::bigint)", 1};
static const struct bw_pg_statement free_room = {
    "free_room", "SELECT billow.drop_journal_partitions($1::bigint)", 1};

static struct bw_pgc_unit *build_room(struct bw_pg_request *request)
{
    const struct write_args *args = request->args;
    struct bw_pgc_unit *unit = bw_pgc_unit_make();
    bw_pgc_unit_add(unit, &make_room)[0] = bw_pg_arg_int(unit, args->hold.set_at_us);
    bw_pgc_unit_add(unit, &free_room)[0] = bw_pg_arg_int(unit, args->hold.set_at_us);
    return unit;
}

static void answer_write(struct bw_pg_request *request, const struct bw_pg_outcome *outcome)
{
    const struct write_args *args = request->args;
    struct bw_error error = *bw_pg_request_error(request, outcome);
    (void)BW_FAULT(STORE_ADMIN_AFTER);
    if (outcome && outcome->status == BW_PG_FAILED && strcmp(outcome->sqlstate, "23503") == 0)
        bw_fail(&error, BW_ERR_NOT_FOUND, "there is no such tenant");
    if (error.code == BW_ERR_OK && request->build == build_hold_end &&
        bw_pg_rows(outcome->results[0]) == 0)
        bw_fail(&error, BW_ERR_NOT_FOUND, "there is no hold %.*s", BW_STR_ARG(args->hold.name));
    if (error.code == BW_ERR_OK && request->build == build_hold &&
        bw_pg_rows(outcome->results[1]) == 1) {
        struct bw_hold there = {.name = args->hold.name,
                                .scope_id = bw_pg_bytes(outcome->results[1], 0, 1)};
        (void)bw_hold_scope_from_name(bw_pg_bytes(outcome->results[1], 0, 0), &there.scope);
        if (there.scope != args->hold.scope || !bw_str_eq(there.scope_id, args->hold.scope_id))
            (void)bw_hold_fail_other(&there, &error);
    }
    request->fn.done(request->ud, &error);
}

bool bw_pg_write_retention(struct bw_pg_store *store, struct bw_id tenant, struct bw_str what,
                           struct bw_str bytes, bw_done_fn done, void *ud)
{
    bool is_hold = bw_str_eq(what, BW_STR("hold")), is_end = bw_str_eq(what, BW_STR("hold_end"));
    bool is_room = bw_str_eq(what, BW_STR("room"));
    if (!is_hold && !is_end && !is_room && !bw_str_eq(what, BW_STR("retention")))
        return false;
    struct bw_pg_request *request = bw_pg_request_make(store, store->keeper, ud);
    struct write_args *args = bw_arena_calloc(&request->arena, 1, sizeof *args);
    enum bw_err code = BW_ERR_OK;
    request->args = args;
    request->fn.done = done;
    request->answer = answer_write;
    request->build = is_hold   ? build_hold
                     : is_end  ? build_hold_end
                     : is_room ? build_room
                               : build_last;
    args->tenant = tenant;
    args->bytes = bw_arena_copy(&request->arena, bytes);
    if (is_hold || is_end)
        code = bw_hold_from_args(what, args->bytes, &args->hold, &request->error);
    struct bw_value map = bw_value_read(args->bytes);
    args->last = bw_value_get(&map, "last").encoded;
    if (is_room)
        args->hold.set_at_us = bw_value_get_int(&map, "at_us", 0);
    args->hold.set_at_us = args->hold.set_at_us ? args->hold.set_at_us : bw_pg_now_us(store);
    (void)BW_FAULT(STORE_WRITE_BEFORE);
    if (code == BW_ERR_OK)
        bw_pg_request_send(request);
    else
        bw_pg_request_refuse(request);
    return true;
}
