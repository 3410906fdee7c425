/* pg_models.c - the read models of the API: what people and commands ask about runs, tasks,
 * numbers, schedules, tenants.
 */
#include "store/pg_rows.h"

#include "base/assert.h"
#include "base/fault.h"
#include "store/retention.h"
#include "store/work.h"

typedef void (*put_row_fn)(const struct bw_pg_result *rows, size_t i, struct bw_arena *arena,
                           struct bw_buf *out);

static void put_run(const struct bw_pg_result *rows, size_t i, struct bw_arena *arena,
                    struct bw_buf *out)
{
    (void)arena;
    struct bw_run_row row;
    bw_pg_take_run(rows, i, &row);
    bw_rows_put_run(out, &row, false);
}

static void put_whole_run(const struct bw_pg_result *rows, size_t i, struct bw_arena *arena,
                          struct bw_buf *out)
{
    (void)arena;
    struct bw_run_row row;
    bw_pg_take_run(rows, i, &row);
    row.dropped_at_us = bw_pg_int(rows, i, 22);
    row.dropped_under = bw_pg_bytes(rows, i, 23);
    if (row.dropped_at_us)
        row.shard = bw_id_hash(row.id) % BW_SHARD_COUNT;
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
    bw_pg_take_message(rows, i, arena, &row);
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

static void put_hold(const struct bw_pg_result *rows, size_t i, struct bw_arena *arena,
                     struct bw_buf *out)
{
    (void)arena;
    struct bw_hold row = {.name = bw_pg_bytes(rows, i, 0),
                          .scope_id = bw_pg_bytes(rows, i, 2),
                          .reason = bw_pg_bytes(rows, i, 3),
                          .set_by = bw_pg_bytes(rows, i, 4),
                          .set_at_us = bw_pg_int(rows, i, 5)};
    (void)bw_hold_scope_from_name(bw_pg_bytes(rows, i, 1), &row.scope);
    bw_hold_put(out, &row);
}

static void put_retention(const struct bw_pg_result *rows, size_t i, struct bw_arena *arena,
                          struct bw_buf *out)
{
    (void)arena;
    bw_retention_put(out, bw_pg_int(rows, i, 0), bw_pg_int(rows, i, 1), bw_pg_int(rows, i, 2),
                     bw_pg_bytes(rows, i, 3));
}

static void put_scope(const struct bw_pg_result *rows, size_t i, struct bw_arena *arena,
                      struct bw_buf *out)
{
    (void)arena;
    bw_rows_put_scope(out, bw_pg_bytes(rows, i, 0), bw_pg_bytes(rows, i, 1));
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
      "SELECT " BW_PG_RUN_COLUMNS BW_PG_RUN_FROM
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
      "SELECT " BW_PG_RUN_COLUMNS ", NULL::bigint, NULL::text" BW_PG_RUN_FROM
      "WHERE r.tenant_id = $1::uuid AND r.run_id = $2::uuid"
      " UNION ALL SELECT d.tenant_id, d.run_id, 0::smallint, d.release, d.workflow, d.start_key,"
      " d.dropped_status, 0::smallint, false, NULL, 0, 0, 0, d.parent_id, d.parent_seq, NULL, NULL,"
      " NULL, NULL, d.started_by, d.created_at, d.finished_at, d.dropped_at, d.dropped_under"
      " FROM billow.run_detail d WHERE d.tenant_id = $1::uuid AND d.run_id = $2::uuid"
      " AND d.dropped_at IS NOT NULL",
      2}},
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
     {"read_inbox", "SELECT " BW_PG_MESSAGE_COLUMNS BW_PG_MESSAGE_FROM "ORDER BY i.ordinal", 2}},
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
    {"holds",
     "T",
     put_hold,
     false,
     {"read_holds",
      "SELECT name, scope, scope_id, reason, set_by, set_at FROM billow.hold"
      " WHERE tenant_id = $1::uuid ORDER BY name COLLATE \"C\"",
      1}},
    {"retention",
     "T",
     put_retention,
     true,
     {"read_retention",
      "SELECT coalesce(r.stamp, 0), coalesce(r.dropped, 0), (SELECT count(*) FROM billow.hold h"
      "  WHERE h.tenant_id = $1::uuid), r.last"
      " FROM (VALUES (1)) AS one LEFT JOIN billow.retention r ON r.tenant_id = $1::uuid",
      1}},
    {"setting_scopes",
     "Tn",
     put_scope,
     false,
     {"read_setting_scopes",
      "SELECT DISTINCT scope_type, scope_id COLLATE \"C\" FROM billow.policy_setting"
      " WHERE tenant_id = $1::uuid AND policy = $2::text AND scope_type IN ('customer', 'contract')"
      " ORDER BY 1, 2",
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
