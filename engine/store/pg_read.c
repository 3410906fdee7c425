/* pg_read.c - loads, scans, scripts' queries, settings. The read models of the API are in
 * pg_models.c.
 */
#include "store/pg_rows.h"

#include "base/assert.h"
#include "base/fault.h"
#include "store/settings.h"
#include "store/work.h"

#define QUERY_ROWS_MAX 100000

/* --- Load ------------------------------------------------------------------------------------ */

static const struct bw_pg_statement load_run = {
    "load_run",
    "SELECT " BW_PG_RUN_COLUMNS BW_PG_RUN_FROM
    "WHERE r.tenant_id = $1::uuid AND r.run_id = $2::uuid",
    2};
static const struct bw_pg_statement load_turns = {
    "load_turns",
    "SELECT j.turn, billow.whole(j.tenant_id, j.body) FROM billow.run r"
    " JOIN billow.journal j ON j.tenant_id = r.tenant_id AND j.run_id = r.run_id AND j.turn >"
    " r.base AND j.turn <= r.head WHERE r.tenant_id = $1::uuid AND r.run_id = $2::uuid"
    " ORDER BY j.turn",
    2};
static const struct bw_pg_statement load_messages = {
    "load_messages",
    "SELECT " BW_PG_MESSAGE_COLUMNS BW_PG_MESSAGE_FROM "AND NOT i.is_read ORDER BY i.ordinal", 2};

struct load_args {
    struct bw_id tenant;
    struct bw_id run;
    bool has_turns;
};

static struct bw_pgc_unit *build_load(struct bw_pg_request *request)
{
    const struct load_args *args = request->args;
    const struct bw_pg_statement *const statements[] = {&load_run, &load_messages, &load_turns};
    struct bw_pgc_unit *unit = bw_pgc_unit_make();
    for (size_t i = 0; i < (args->has_turns ? 3u : 2u); i++) {
        struct bw_pg_param *params = bw_pgc_unit_add(unit, statements[i]);
        params[0] = bw_pg_arg_id(unit, args->tenant);
        params[1] = bw_pg_arg_id(unit, args->run);
    }
    return unit;
}

/* The statements of a unit see the database at their own moments: the turns have to be those of the
 * row. */
static bool is_load_whole(const struct bw_pg_outcome *outcome)
{
    const struct bw_pg_result *rows = outcome->results[0];
    if (outcome->count < 3 || bw_pg_rows(rows) == 0)
        return true;
    const struct bw_pg_result *turns = outcome->results[2];
    uint64_t head = (uint64_t)bw_pg_int(rows, 0, 10);
    uint64_t base = (uint64_t)bw_pg_int(rows, 0, 11);
    size_t count = bw_pg_rows(turns);
    return count == head - base && (count == 0 || (uint64_t)bw_pg_int(turns, 0, 0) == base + 1);
}

static void answer_load(struct bw_pg_request *request, const struct bw_pg_outcome *outcome)
{
    struct bw_error error = *bw_pg_request_error(request, outcome);
    struct bw_loaded_run run = {0};
    if (error.code == BW_ERR_OK && bw_pg_rows(outcome->results[0]) == 0)
        bw_fail(&error, BW_ERR_NOT_FOUND, "there is no such run");
    else if (error.code == BW_ERR_OK && !is_load_whole(outcome))
        bw_fail(&error, BW_ERR_CORRUPT, "the journal of the run is not as long as its row says");
    if (error.code != BW_ERR_OK) {
        request->fn.load(request->ud, &error, NULL);
        return;
    }
    bw_pg_take_run(outcome->results[0], 0, &run.row);
    const struct bw_pg_result *messages = outcome->results[1];
    run.message_count = bw_pg_rows(messages);
    run.messages = bw_arena_calloc(&request->arena, run.message_count + 1, sizeof *run.messages);
    for (size_t i = 0; i < run.message_count; i++) {
        run.messages[i].tenant = run.row.tenant;
        run.messages[i].run = run.row.id;
        bw_pg_take_message(messages, i, &request->arena, &run.messages[i]);
    }
    if (outcome->count > 2) {
        const struct bw_pg_result *turns = outcome->results[2];
        run.turn_count = bw_pg_rows(turns);
        run.turns = bw_arena_calloc(&request->arena, run.turn_count + 1, sizeof *run.turns);
        for (size_t i = 0; i < run.turn_count; i++)
            run.turns[i] = bw_pg_bytes(turns, i, 1);
    }
    request->fn.load(request->ud, &error, &run);
}

static void load(struct bw_pg_store *store, struct bw_id tenant, struct bw_id run, bool has_turns,
                 bw_load_fn done, void *ud)
{
    struct bw_pg_request *request = bw_pg_request_make(store, store->reader, ud);
    struct load_args *args = bw_arena_calloc(&request->arena, 1, sizeof *args);
    *args = (struct load_args){tenant, run, has_turns};
    request->args = args;
    request->fn.load = done;
    request->build = build_load;
    request->is_whole = is_load_whole;
    request->answer = answer_load;
    (void)BW_FAULT(STORE_LOAD_BEFORE);
    bw_pg_request_send(request);
}

void bw_pg_load(void *self, struct bw_id tenant, struct bw_id run, bw_load_fn done, void *ud)
{
    load(self, tenant, run, true, done, ud);
}

void bw_pg_load_mail(void *self, struct bw_id tenant, struct bw_id run, bw_load_fn done, void *ud)
{
    load(self, tenant, run, false, done, ud);
}

/* --- Scan ------------------------------------------------------------------------------------ */

static const struct bw_pg_statement scans[] = {
    [BW_SCAN_ACTIVE] =
        {"scan_active",
         "SELECT tenant_id, run_id, wake_at"
         " FROM billow.run WHERE is_active AND shard = ANY ($1::smallint[]) AND $2::bigint IS"
         " NOT NULL ORDER BY updated_at LIMIT $3::bigint",
         3},
    [BW_SCAN_DUE] =
        {"scan_due",
         "SELECT tenant_id, run_id, wake_at"
         " FROM billow.run WHERE wake_at IS NOT NULL AND shard = ANY ($1::smallint[]) AND"
         " wake_at <= $2::bigint AND status = 1"
         " ORDER BY wake_at LIMIT $3::bigint",
         3},
    [BW_SCAN_MAIL] =
        {"scan_mail",
         "SELECT DISTINCT i.tenant_id, i.run_id, r.wake_at"
         " FROM billow.inbox i JOIN billow.run r ON r.tenant_id = i.tenant_id AND r.run_id ="
         " i.run_id WHERE NOT i.is_read AND i.shard = ANY ($1::smallint[]) AND $2::bigint IS"
         " NOT NULL AND (r.status = 1 OR (r.status = 2 AND (i.kind = 3 OR i.key LIKE"
         " 'resume:%' OR i.key LIKE 'stop:%'))) LIMIT $3::bigint",
         3},
};

struct scan_args {
    enum bw_scan what;
    bw_shards shards;
    int64_t limit_us;
    size_t count_max;
};

static struct bw_pgc_unit *build_scan(struct bw_pg_request *request)
{
    const struct scan_args *args = request->args;
    struct bw_pgc_unit *unit = bw_pgc_unit_make();
    struct bw_pg_param *params = bw_pgc_unit_add(unit, &scans[args->what]);
    struct bw_pg_table shards;
    bw_pg_table_init(&shards, "s");
    for (int i = 0; i < BW_SHARD_COUNT; i++) {
        if (args->shards >> i & 1)
            bw_pg_cell_int(&shards, i);
    }
    bw_pg_table_params(&shards, unit, params);
    bw_pg_table_deinit(&shards);
    params[1] = bw_pg_arg_int(unit, args->limit_us);
    if (args->count_max > 0)
        params[2] = bw_pg_arg_int(unit, (int64_t)args->count_max);
    return unit;
}

static void answer_scan(struct bw_pg_request *request, const struct bw_pg_outcome *outcome)
{
    const struct bw_error *error = bw_pg_request_error(request, outcome);
    struct bw_run_ref *refs = NULL;
    size_t count = 0;
    if (error->code == BW_ERR_OK) {
        const struct bw_pg_result *rows = outcome->results[0];
        count = bw_pg_rows(rows);
        refs = bw_arena_calloc(&request->arena, count + 1, sizeof *refs);
        for (size_t i = 0; i < count; i++)
            refs[i] = (struct bw_run_ref){bw_pg_id(rows, i, 0), bw_pg_id(rows, i, 1),
                                          bw_pg_int(rows, i, 2)};
    }
    request->fn.scan(request->ud, error, refs, count);
}

void bw_pg_scan(void *self, enum bw_scan what, bw_shards shards, int64_t limit_us, size_t count_max,
                bw_scan_fn done, void *ud)
{
    struct bw_pg_store *store = self;
    struct bw_pg_request *request = bw_pg_request_make(store, store->reader, ud);
    struct scan_args *args = bw_arena_calloc(&request->arena, 1, sizeof *args);
    *args = (struct scan_args){what, shards, limit_us, count_max};
    request->args = args;
    request->fn.scan = done;
    request->build = build_scan;
    request->answer = answer_scan;
    bw_pg_request_send(request);
}

/* --- A script's query ------------------------------------------------------------------------ */

static const struct bw_pg_statement query = {
    "query",
    "SELECT billow.script_query($1::uuid, $2::text, $3::text::text[], $4::bigint::integer)", 4};

struct query_args {
    struct bw_id tenant;
    struct bw_str name;
    struct bw_str sql;
    struct bw_str array;
};

static struct bw_pgc_unit *build_query(struct bw_pg_request *request)
{
    const struct query_args *args = request->args;
    struct bw_pgc_unit *unit = bw_pgc_unit_make();
    struct bw_pg_param *params = bw_pgc_unit_add(unit, &query);
    params[0] = bw_pg_arg_id(unit, args->tenant);
    params[1] = bw_pg_arg_text(unit, args->sql);
    params[2] = bw_pg_arg_text(unit, args->array);
    params[3] = bw_pg_arg_int(unit, QUERY_ROWS_MAX);
    return unit;
}

/* What a script is told about its own statement; our own SQLSTATEs are in sql/0002_functions.sql.
 */
static void script_error(const struct bw_pg_outcome *outcome, const struct query_args *args,
                         struct bw_error *error)
{
    *error = outcome->error;
    if (outcome->status != BW_PG_FAILED)
        return;
    enum bw_err code =
        strcmp(outcome->sqlstate, "BW413") == 0 ? BW_ERR_LIMIT : bw_pg_err_of(outcome->sqlstate);
    if (strcmp(outcome->sqlstate, "25006") == 0)
        code = BW_ERR_INVALID; /* it tried to write */
    bw_fail(error, code, "%.*s: %.900s", BW_STR_ARG(args->name), outcome->error.text);
}

static void answer_query(struct bw_pg_request *request, const struct bw_pg_outcome *outcome)
{
    struct bw_error error = *bw_pg_request_error(request, outcome);
    if (error.code != BW_ERR_OK) {
        if (outcome)
            script_error(outcome, request->args, &error);
        request->fn.value(request->ud, &error, BW_STR_NONE);
        return;
    }
    struct bw_buf value;
    bool is_error;
    bw_buf_init(&value, BW_ROWS_VALUE_BYTES_MAX);
    (void)BW_FAULT(STORE_QUERY_AFTER);
    bw_work_from_json(bw_pg_bytes(outcome->results[0], 0, 0), &value, &is_error);
    if (is_error) {
        struct bw_value map = bw_value_read(bw_buf_str(&value));
        bw_fail(&error, BW_ERR_INVALID, "%.*s",
                BW_STR_ARG(bw_value_get_str(&map, "text", BW_STR_NONE)));
        bw_buf_clear(&value);
    }
    request->fn.value(request->ud, &error, bw_buf_str(&value));
    bw_buf_deinit(&value);
}

void bw_pg_query(void *self, struct bw_id tenant, struct bw_str name, struct bw_str sql,
                 struct bw_str params, bw_value_fn done, void *ud)
{
    struct bw_pg_store *store = self;
    struct bw_pg_request *request = bw_pg_request_make(store, store->script, ud);
    struct query_args *args = bw_arena_calloc(&request->arena, 1, sizeof *args);
    struct bw_buf rewritten;
    struct bw_buf array;
    bw_buf_init(&rewritten, 1u << 20);
    bw_buf_init(&array, BW_ROWS_VALUE_BYTES_MAX);
    request->fn.value = done;
    request->args = args;
    request->build = build_query;
    request->answer = answer_query;
    (void)BW_FAULT(STORE_QUERY_BEFORE);
    enum bw_err code = bw_work_query(sql, params, &rewritten, &array, &request->error);
    *args = (struct query_args){tenant,
                                bw_arena_copy(&request->arena, name.len ? name : BW_STR("query")),
                                bw_arena_copy(&request->arena, bw_buf_str(&rewritten)),
                                bw_arena_copy(&request->arena, bw_buf_str(&array))};
    bw_buf_deinit(&rewritten);
    bw_buf_deinit(&array);
    if (code == BW_ERR_OK)
        bw_pg_request_send(request);
    else
        bw_pg_request_refuse(request);
}

/* --- Settings -------------------------------------------------------------------------------- */

static const struct bw_pg_statement settings = {
    "settings",
    "SELECT DISTINCT ON (s.name, s.scope_type, s.scope_id) s.name, s.scope_type, s.scope_id,"
    " s.valid_from::text, s.value, s.is_locked, s.set_by, s.set_at"
    " FROM billow.policy_setting s WHERE s.tenant_id = $1::uuid AND s.policy = $2::text AND"
    " s.valid_from <= $3::text::date AND (s.scope_type IN ('firm', 'pack', 'tenant') OR "
    "(s.scope_type ="
    " 'customer' AND s.scope_id = $4::text)  OR (s.scope_type = 'contract' AND s.scope_id ="
    " $5::text)) ORDER BY s.name, s.scope_type, s.scope_id, s.valid_from DESC",
    5};

struct settings_args {
    struct bw_id tenant;
    struct bw_settings_query query;
};

static struct bw_pgc_unit *build_settings(struct bw_pg_request *request)
{
    const struct settings_args *args = request->args;
    struct bw_pgc_unit *unit = bw_pgc_unit_make();
    struct bw_pg_param *params = bw_pgc_unit_add(unit, &settings);
    params[0] = bw_pg_arg_id(unit, args->tenant);
    params[1] = bw_pg_arg_text(unit, args->query.policy);
    params[2] = bw_pg_arg_text(unit, args->query.on);
    params[3] = bw_pg_arg_text(unit, args->query.scope_ids[BW_SCOPE_CUSTOMER]);
    params[4] = bw_pg_arg_text(unit, args->query.scope_ids[BW_SCOPE_CONTRACT]);
    return unit;
}

static void answer_settings(struct bw_pg_request *request, const struct bw_pg_outcome *outcome)
{
    const struct settings_args *args = request->args;
    const struct bw_error *error = bw_pg_request_error(request, outcome);
    struct bw_buf value;
    bw_buf_init(&value, BW_ROWS_VALUE_BYTES_MAX);
    if (error->code == BW_ERR_OK) {
        const struct bw_pg_result *rows = outcome->results[0];
        size_t count = bw_pg_rows(rows);
        struct bw_setting *list = bw_arena_calloc(&request->arena, count + 1, sizeof *list);
        size_t kept = 0;
        for (size_t i = 0; i < count; i++) {
            struct bw_setting *row = &list[kept];
            *row = (struct bw_setting){.policy = args->query.policy,
                                       .name = bw_pg_bytes(rows, i, 0),
                                       .scope_id = bw_pg_bytes(rows, i, 2),
                                       .valid_from = bw_pg_bytes(rows, i, 3),
                                       .value = bw_pg_bytes(rows, i, 4),
                                       .is_locked = bw_pg_int(rows, i, 5) == 1,
                                       .set_by = bw_pg_bytes(rows, i, 6),
                                       .set_at_us = bw_pg_int(rows, i, 7)};
            if (bw_setting_scope_from_name(bw_pg_bytes(rows, i, 1), &row->scope) &&
                bw_setting_applies(row, &args->query))
                kept++;
        }
        bw_settings_resolve(list, kept, &value);
    }
    request->fn.value(request->ud, error, bw_buf_str(&value));
    bw_buf_deinit(&value);
}

void bw_pg_settings(void *self, struct bw_id tenant, struct bw_str bytes, bw_value_fn done,
                    void *ud)
{
    struct bw_pg_store *store = self;
    struct bw_pg_request *request = bw_pg_request_make(store, store->reader, ud);
    struct settings_args *args = bw_arena_calloc(&request->arena, 1, sizeof *args);
    request->args = args;
    request->fn.value = done;
    request->build = build_settings;
    request->answer = answer_settings;
    args->tenant = tenant;
    if (bw_settings_query(bw_arena_copy(&request->arena, bytes), &args->query, &request->error) ==
        BW_ERR_OK)
        bw_pg_request_send(request);
    else
        bw_pg_request_refuse(request);
}
