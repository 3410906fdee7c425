/* pg_read.c - loads, scans, scripts' queries, settings, and the read models of the API. */
#include "store/pg_store.h"

#include "base/assert.h"
#include "base/fault.h"
#include "store/settings.h"
#include "store/work.h"

#define QUERY_ROWS_MAX 100000

/* --- The row of a run ------------------------------------------------------------------------ */

#define RUN_COLUMNS                                                                                \
    "r.tenant_id, r.run_id, r.shard, d.release, d.workflow, d.start_key, r.status, r.wake,"        \
    " r.is_active, r.wake_at, r.head, r.base, r.last_seq, d.parent_id, d.parent_seq,"              \
    " billow.whole(d.tenant_id, d.input), billow.whole(d.tenant_id, d.state),"                     \
    " billow.whole(d.tenant_id, d.result),"                                                        \
    " CASE WHEN r.has_error THEN billow.whole(d.tenant_id, d.error) END, d.started_by,"            \
    " d.created_at, r.updated_at"
#define RUN_FROM                                                                                   \
    " FROM billow.run r JOIN billow.run_detail d ON d.tenant_id = r.tenant_id AND d.run_id = "     \
    "r.run_id "

static void take_run(const struct bw_pg_result *rows, size_t i, struct bw_run_row *row)
{
    *row = (struct bw_run_row){0};
    row->tenant = bw_pg_id(rows, i, 0);
    row->id = bw_pg_id(rows, i, 1);
    row->shard = (uint32_t)bw_pg_int(rows, i, 2);
    struct bw_str release = bw_pg_bytes(rows, i, 3);
    if (release.len == BW_RELEASE_HASH_LEN)
        memcpy(row->release, release.ptr, BW_RELEASE_HASH_LEN);
    row->workflow = bw_pg_bytes(rows, i, 4);
    row->key = bw_pg_bytes(rows, i, 5);
    row->status = (enum bw_run_status)bw_pg_int(rows, i, 6);
    row->wake = (enum bw_wake_reason)bw_pg_int(rows, i, 7);
    row->is_active = bw_pg_int(rows, i, 8) == 1;
    row->wake_at_us = bw_pg_int(rows, i, 9);
    row->head = (uint64_t)bw_pg_int(rows, i, 10);
    row->base = (uint64_t)bw_pg_int(rows, i, 11);
    row->last_seq = (uint64_t)bw_pg_int(rows, i, 12);
    row->parent = bw_pg_id(rows, i, 13);
    row->parent_seq = (uint64_t)bw_pg_int(rows, i, 14);
    row->input = bw_pg_bytes(rows, i, 15);
    row->state = bw_pg_bytes(rows, i, 16);
    row->result = bw_pg_bytes(rows, i, 17);
    row->error = bw_pg_bytes(rows, i, 18);
    row->started_by = bw_pg_bytes(rows, i, 19);
    row->created_at_us = bw_pg_int(rows, i, 20);
    row->updated_at_us = bw_pg_int(rows, i, 21);
}

/* --- Messages -------------------------------------------------------------------------------- */

#define MESSAGE_COLUMNS                                                                            \
    "i.key, i.kind, i.seq, billow.whole(i.tenant_id, i.value), i.value_json, e.topic, e.key,"      \
    " e.event_id, billow.whole(e.tenant_id, e.body), i.is_read"
#define MESSAGE_FROM                                                                               \
    " FROM billow.inbox i LEFT JOIN billow.event e"                                                \
    " ON e.tenant_id = i.tenant_id AND e.ordinal = i.event_ordinal"                                \
    " WHERE i.tenant_id = $1::uuid AND i.run_id = $2::uuid "

/* The value of a message is stored as a value, as JSON of the server, or as the event it tells of.
 */
static void take_message(const struct bw_pg_result *rows, size_t i, struct bw_arena *arena,
                         struct bw_message *message)
{
    message->key = bw_pg_bytes(rows, i, 0);
    message->kind = (enum bw_message_kind)bw_pg_int(rows, i, 1);
    message->seq = (uint64_t)bw_pg_int(rows, i, 2);
    message->value = bw_pg_bytes(rows, i, 3);
    if (bw_pg_is_null(rows, i, 4) && bw_pg_is_null(rows, i, 5))
        return;
    struct bw_buf value;
    bw_buf_init(&value, BW_ROWS_VALUE_BYTES_MAX);
    if (bw_pg_is_null(rows, i, 4)) {
        bw_rows_put_event(&value, bw_pg_bytes(rows, i, 5), bw_pg_bytes(rows, i, 6),
                          bw_pg_bytes(rows, i, 7), bw_pg_bytes(rows, i, 8));
    } else {
        bool is_error;
        bw_work_from_json(bw_pg_bytes(rows, i, 4), &value, &is_error);
        if (is_error)
            message->kind = BW_MESSAGE_ERROR;
    }
    message->value = bw_arena_copy(arena, bw_buf_str(&value));
    bw_buf_deinit(&value);
}

/* --- Load ------------------------------------------------------------------------------------ */

static const struct bw_pg_statement load_run = {
    "load_run",
    "SELECT " RUN_COLUMNS RUN_FROM "WHERE r.tenant_id = $1::uuid AND r.run_id = $2::uuid", 2};
static const struct bw_pg_statement load_turns = {
    "load_turns",
    "SELECT j.turn, billow.whole(j.tenant_id, j.body) FROM billow.run r"
    " JOIN billow.journal j ON j.tenant_id = r.tenant_id AND j.run_id = r.run_id AND j.turn >"
    " r.base AND j.turn <= r.head WHERE r.tenant_id = $1::uuid AND r.run_id = $2::uuid"
    " ORDER BY j.turn",
    2};
static const struct bw_pg_statement load_messages = {
    "load_messages", "SELECT " MESSAGE_COLUMNS MESSAGE_FROM "AND NOT i.is_read ORDER BY i.ordinal",
    2};

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
    take_run(outcome->results[0], 0, &run.row);
    const struct bw_pg_result *messages = outcome->results[1];
    run.message_count = bw_pg_rows(messages);
    run.messages = bw_arena_calloc(&request->arena, run.message_count + 1, sizeof *run.messages);
    for (size_t i = 0; i < run.message_count; i++) {
        run.messages[i].tenant = run.row.tenant;
        run.messages[i].run = run.row.id;
        take_message(messages, i, &request->arena, &run.messages[i]);
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
         " NOT NULL AND (r.status = 1 OR (r.status = 2 AND i.kind = 3)) LIMIT $3::bigint",
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

/* --- Read models ----------------------------------------------------------------------------- */

typedef void (*put_row_fn)(const struct bw_pg_result *rows, size_t i, struct bw_arena *arena,
                           struct bw_buf *out);

static void put_run(const struct bw_pg_result *rows, size_t i, struct bw_arena *arena,
                    struct bw_buf *out)
{
    (void)arena;
    struct bw_run_row row;
    take_run(rows, i, &row);
    bw_rows_put_run(out, &row, false);
}

static void put_whole_run(const struct bw_pg_result *rows, size_t i, struct bw_arena *arena,
                          struct bw_buf *out)
{
    (void)arena;
    struct bw_run_row row;
    take_run(rows, i, &row);
    bw_rows_put_run(out, &row, true);
}

static void put_journal(const struct bw_pg_result *rows, size_t i, struct bw_arena *arena,
                        struct bw_buf *out)
{
    (void)arena;
    bw_rows_put_journal(out, (uint64_t)bw_pg_int(rows, i, 0), bw_pg_int(rows, i, 1),
                        bw_pg_id(rows, i, 2), bw_pg_bytes(rows, i, 3));
}

static void put_task(const struct bw_pg_result *rows, size_t i, struct bw_arena *arena,
                     struct bw_buf *out)
{
    (void)arena;
    struct bw_task_row row = {
        .task = {.id = bw_pg_id(rows, i, 0),
                 .seq = (uint64_t)bw_pg_int(rows, i, 2),
                 .kind = bw_pg_bytes(rows, i, 4),
                 .group = bw_pg_bytes(rows, i, 5),
                 .title = bw_pg_bytes(rows, i, 6),
                 .body = bw_pg_bytes(rows, i, 7),
                 .assignees = bw_pg_bytes(rows, i, 8),
                 .due_at_us = bw_pg_int(rows, i, 9)},
        .run = bw_pg_id(rows, i, 1),
        .status = (enum bw_task_status)bw_pg_int(rows, i, 3),
        .opened_at_us = bw_pg_int(rows, i, 10),
        .answered_at_us = bw_pg_int(rows, i, 11),
        .answer = bw_pg_bytes(rows, i, 12),
    };
    bw_rows_put_task(out, &row);
}

static void put_note(const struct bw_pg_result *rows, size_t i, struct bw_arena *arena,
                     struct bw_buf *out)
{
    (void)arena;
    bw_rows_put_note(out, (uint64_t)bw_pg_int(rows, i, 0), bw_pg_int(rows, i, 1),
                     bw_pg_bytes(rows, i, 2));
}

static void put_message(const struct bw_pg_result *rows, size_t i, struct bw_arena *arena,
                        struct bw_buf *out)
{
    struct bw_message row = {0};
    take_message(rows, i, arena, &row);
    bool is_read = bw_pg_int(rows, i, 9) == 1;
    if (is_read)
        row.value = BW_STR_NONE; /* the journal has it */
    bw_rows_put_message(out, &row, is_read);
}

static void put_tenant(const struct bw_pg_result *rows, size_t i, struct bw_arena *arena,
                       struct bw_buf *out)
{
    (void)arena;
    bw_rows_put_tenant(out, bw_pg_id(rows, i, 0), bw_pg_bytes(rows, i, 1), bw_pg_int(rows, i, 2),
                       &(struct bw_share){.weight = bw_pg_int(rows, i, 3),
                                          .runs_max = bw_pg_int(rows, i, 4),
                                          .open = bw_pg_int(rows, i, 5)});
}

static void put_problem(const struct bw_pg_result *rows, size_t i, struct bw_arena *arena,
                        struct bw_buf *out)
{
    (void)arena;
    bw_rows_put_problem(out, bw_pg_id(rows, i, 0), bw_pg_bytes(rows, i, 1));
}

static void put_number(const struct bw_pg_result *rows, size_t i, struct bw_arena *arena,
                       struct bw_buf *out)
{
    (void)arena;
    bw_rows_put_number(out, bw_pg_bytes(rows, i, 0), bw_pg_bytes(rows, i, 1), bw_pg_int(rows, i, 2),
                       bw_pg_bytes(rows, i, 3), bw_pg_int(rows, i, 4), bw_pg_id(rows, i, 5));
}

static void put_series(const struct bw_pg_result *rows, size_t i, struct bw_arena *arena,
                       struct bw_buf *out)
{
    (void)arena;
    bw_rows_put_series(out, bw_pg_bytes(rows, i, 0), bw_pg_bytes(rows, i, 1),
                       bw_pg_bytes(rows, i, 2), bw_pg_int(rows, i, 3), bw_pg_bytes(rows, i, 4));
}

static void put_key(const struct bw_pg_result *rows, size_t i, struct bw_arena *arena,
                    struct bw_buf *out)
{
    (void)arena;
    bw_rows_put_key(out, bw_pg_bytes(rows, i, 0), bw_pg_bytes(rows, i, 1));
}

static void put_audit(const struct bw_pg_result *rows, size_t i, struct bw_arena *arena,
                      struct bw_buf *out)
{
    (void)arena;
    bw_rows_put_audit(out, bw_pg_int(rows, i, 0), bw_pg_bytes(rows, i, 1), bw_pg_bytes(rows, i, 2),
                      bw_pg_bytes(rows, i, 3), bw_pg_bytes(rows, i, 4));
}

static void put_schedule(const struct bw_pg_result *rows, size_t i, struct bw_arena *arena,
                         struct bw_buf *out)
{
    (void)arena;
    struct bw_schedule_row row;
    bw_pg_take_schedule(rows, i, &row);
    bw_rows_put_schedule(out, &row);
}

#define TASK_COLUMNS                                                                               \
    "task_id, run_id, seq, status, kind, grouping, title, billow.whole(tenant_id, body),"          \
    " assignees, due_at, opened_at, answered_at, billow.whole(tenant_id, answer)"

/* Arguments by letter: T tenant, s status, w workflow, x series, n name, c actor, e action,
 * o subject, f since, a after, l limit, i id, r run. */
static const struct {
    const char *what;
    const char *args;
    put_row_fn put;
    bool is_single;
    struct bw_pg_statement statement;
} reads[] = {
    {"runs",
     "Tswal",
     put_run,
     false,
     {"read_runs",
      "SELECT " RUN_COLUMNS RUN_FROM
      "WHERE r.tenant_id = $1::uuid AND ($2::bigint IS NULL OR r.status = $2::bigint)"
      " AND ($3::text IS NULL OR d.workflow = $3::text) AND ($4::uuid IS NULL OR r.run_id < "
      "$4::uuid)"
      " ORDER BY r.run_id DESC LIMIT $5::bigint",
      5}},
    {"run",
     "Ti",
     put_whole_run,
     true,
     {"read_run",
      "SELECT " RUN_COLUMNS RUN_FROM "WHERE r.tenant_id = $1::uuid AND r.run_id = $2::uuid", 2}},
    {"journal",
     "Tr",
     put_journal,
     false,
     {"read_journal",
      "SELECT turn, at, batch_id, billow.whole(tenant_id, body)"
      " FROM billow.journal WHERE tenant_id = $1::uuid AND run_id = $2::uuid"
      " ORDER BY turn",
      2}},
    {"tasks",
     "Tsral",
     put_task,
     false,
     {"read_tasks",
      "SELECT " TASK_COLUMNS " FROM billow.task WHERE tenant_id = $1::uuid"
      " AND ($2::bigint IS NULL OR status = $2::bigint) AND ($3::uuid IS NULL OR run_id = $3::uuid)"
      " AND ($4::uuid IS NULL OR task_id > $4::uuid) ORDER BY task_id LIMIT $5::bigint",
      5}},
    {"task",
     "Ti",
     put_task,
     true,
     {"read_task",
      "SELECT " TASK_COLUMNS " FROM billow.task WHERE tenant_id = $1::uuid AND task_id = $2::uuid",
      2}},
    {"notes",
     "Tr",
     put_note,
     false,
     {"read_notes",
      "SELECT turn, at, billow.whole(tenant_id, body) FROM billow.note"
      " WHERE tenant_id = $1::uuid AND run_id = $2::uuid"
      " ORDER BY turn, at, batch_id, ordinal",
      2}},
    {"inbox",
     "Tr",
     put_message,
     false,
     {"read_inbox", "SELECT " MESSAGE_COLUMNS MESSAGE_FROM "ORDER BY i.ordinal", 2}},
    {"tenants",
     "",
     put_tenant,
     false,
     {"read_tenants",
      "SELECT tenant_id, name, created_at, weight::bigint, coalesce(runs_max, 0), -1::bigint"
      " FROM billow.tenant ORDER BY name",
      0}},
    {"tenant",
     "T",
     put_tenant,
     true,
     {"read_tenant",
      "SELECT tenant_id, name, created_at, weight::bigint, coalesce(runs_max, 0),"
      " (SELECT count(*) FROM (SELECT FROM billow.run r WHERE r.tenant_id = t.tenant_id"
      "   AND r.status IN (1, 2) LIMIT coalesce(t.runs_max, 0)) AS open)"
      " FROM billow.tenant t WHERE tenant_id = $1::uuid",
      1}},
    {"problems",
     "Tl",
     put_problem,
     false,
     {"read_problems",
      "SELECT run_id, problem FROM billow.run_problem WHERE tenant_id = $1::uuid"
      " ORDER BY run_id LIMIT $2::bigint",
      2}},
    {"numbers",
     "Txl",
     put_number,
     false,
     {"read_numbers",
      "SELECT series, number, sequence, date::text, at, run_id"
      " FROM billow.number_used WHERE tenant_id = $1::uuid AND ($2::text IS NULL OR series ="
      " $2::text) ORDER BY series, date, sequence LIMIT $3::bigint",
      3}},
    {"series",
     "T",
     put_series,
     false,
     {"read_series",
      "SELECT series, format, reset, next, last_date::text"
      " FROM billow.number_series WHERE tenant_id = $1::uuid"
      " ORDER BY series",
      1}},
    {"audit",
     "Tceofl",
     put_audit,
     false,
     {"read_audit",
      "SELECT at, actor, action, subject, billow.whole($1::uuid, detail) FROM"
      " (SELECT * FROM billow.audit WHERE tenant_id = $1::uuid"
      "  AND ($2::text IS NULL OR actor = $2::text) AND ($3::text IS NULL OR action = $3::text)"
      "  AND ($4::text IS NULL OR subject = $4::text) AND at >= $5::bigint"
      "  ORDER BY ordinal DESC LIMIT $6::bigint) AS a ORDER BY ordinal",
      6}},
    {"schedules", "Tl", put_schedule, false, {"read_schedules", bw_pg_schedules_sql, 2}},
    {"schedule", "Tn", put_schedule, true, {"read_schedule", bw_pg_schedule_sql, 2}},
    {"key",
     "Tn",
     put_key,
     true,
     {"read_key",
      "SELECT name, key FROM billow.signing_key WHERE tenant_id = $1::uuid AND name = $2::text",
      2}},
};

struct read_args {
    struct bw_id tenant;
    size_t which;
    struct bw_read_args args;
};

static struct bw_pg_param read_param(struct bw_pgc_unit *unit, const struct read_args *read,
                                     char letter)
{
    const struct bw_pg_param none = {NULL, 0, false};
    const struct bw_read_args *args = &read->args;
    const struct bw_str texts[] = {args->workflow, args->series, args->name,
                                   args->actor,    args->action, args->subject};
    static const char LETTERS[] = "wxnceo";
    const char *which = strchr(LETTERS, letter);
    struct bw_str text = which ? texts[which - LETTERS] : BW_STR_NONE;
    struct bw_id id = letter == 'a' ? args->after : letter == 'r' ? args->run : args->id;
    switch (letter) {
    case 'T':
        return bw_pg_arg_id(unit, read->tenant);
    case 's':
        return args->has_status ? bw_pg_arg_int(unit, args->status) : none;
    case 'l':
        return bw_pg_arg_int(unit, args->limit);
    case 'n':
        return bw_pg_arg_text(unit, text);
    case 'f':
        return bw_pg_arg_int(unit, args->since_us);
    case 'c':
    case 'e':
    case 'o':
    case 'w':
    case 'x':
        return text.len ? bw_pg_arg_text(unit, text) : none;
    default:
        return bw_id_is_zero(id) ? none : bw_pg_arg_id(unit, id);
    }
}

static struct bw_pgc_unit *build_read(struct bw_pg_request *request)
{
    const struct read_args *args = request->args;
    struct bw_pgc_unit *unit = bw_pgc_unit_make();
    struct bw_pg_param *params = bw_pgc_unit_add(unit, &reads[args->which].statement);
    for (const char *letter = reads[args->which].args; *letter; letter++)
        *params++ = read_param(unit, args, *letter);
    return unit;
}

static void answer_read(struct bw_pg_request *request, const struct bw_pg_outcome *outcome)
{
    const struct read_args *args = request->args;
    struct bw_error error = *bw_pg_request_error(request, outcome);
    struct bw_buf value;
    bw_buf_init(&value, BW_ROWS_VALUE_BYTES_MAX);
    if (error.code == BW_ERR_OK) {
        const struct bw_pg_result *rows = outcome->results[0];
        size_t count = bw_pg_rows(rows);
        if (!reads[args->which].is_single)
            bw_value_put_arr(&value, count);
        else if (count == 0)
            bw_fail(&error, BW_ERR_NOT_FOUND, "there is no such %s", reads[args->which].what);
        for (size_t i = 0; i < count; i++)
            reads[args->which].put(rows, i, &request->arena, &value);
        if (value.is_over)
            bw_fail(&error, BW_ERR_LIMIT, "the answer is too large: ask for less");
    }
    request->fn.value(request->ud, &error,
                      error.code == BW_ERR_OK ? bw_buf_str(&value) : BW_STR_NONE);
    bw_buf_deinit(&value);
}

void bw_pg_read(void *self, struct bw_id tenant, struct bw_str what, struct bw_str bytes,
                bw_value_fn done, void *ud)
{
    struct bw_pg_store *store = self;
    struct bw_pg_request *request = bw_pg_request_make(store, store->reader, ud);
    struct read_args *args = bw_arena_calloc(&request->arena, 1, sizeof *args);
    request->args = args;
    request->fn.value = done;
    request->build = build_read;
    request->answer = answer_read;
    args->tenant = tenant;
    while (args->which < sizeof reads / sizeof *reads &&
           !bw_str_eq(what, bw_str_of(reads[args->which].what)))
        args->which++;
    if (bw_rows_read_args(what, bw_arena_copy(&request->arena, bytes), &args->args,
                          &request->error) != BW_ERR_OK) {
        bw_pg_request_refuse(request);
        return;
    }
    BW_ASSERT(args->which < sizeof reads / sizeof *reads);
    bw_pg_request_send(request);
}
