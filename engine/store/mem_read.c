/* mem_read.c - loads, scans, settings and read models of the memory store. */
#include "base/assert.h"
#include "store/mem_store.h"
#include <stdlib.h>

/* --- Load ------------------------------------------------------------------------------------ */

void mem_load(struct mem_store *store, struct bw_id tenant, struct bw_id id, bool has_turns,
              bw_load_fn done, void *ud)
{
    struct bw_error error = {.code = BW_ERR_OK};
    struct mem_run *run = mem_find_run(store, tenant, id);
    if (!run) {
        bw_fail(&error, BW_ERR_NOT_FOUND, "there is no such run");
        done(ud, &error, NULL);
        return;
    }
    struct bw_loaded_run loaded = {.row = run->row};
    loaded.turns = bw_xcalloc(run->turn_count + 1, sizeof *loaded.turns);
    loaded.messages = bw_xcalloc(run->message_count + 1, sizeof *loaded.messages);
    for (size_t i = (size_t)run->row.base; has_turns && i < run->turn_count; i++)
        loaded.turns[loaded.turn_count++] = run->turns[i].body;
    for (size_t i = 0; i < run->message_count; i++) {
        if (!run->messages[i].is_read)
            loaded.messages[loaded.message_count++] = run->messages[i].message;
    }
    done(ud, &error, &loaded);
    bw_free(loaded.turns);
    bw_free(loaded.messages);
}

/* --- Turns that should be there -------------------------------------------------------------- */

static void fail_missing(struct mem_op *op, const struct bw_error *error)
{
    op->fn.missing(op->ud, error, 0, NULL, 0);
}

static bool has_turn(const struct mem_store *store, const struct bw_turn_ref *ref)
{
    const struct mem_run *run = mem_find_run(store, ref->tenant, ref->run);
    if (!run || ref->turn == 0)
        return run != NULL;
    return ref->turn <= run->turn_count && bw_id_eq(run->turns[ref->turn - 1].batch, ref->batch);
}

static void run_check_turns(struct mem_store *store, struct mem_op *op)
{
    struct bw_error ok = {.code = BW_ERR_OK};
    size_t count = 0;
    for (size_t i = 0; i < op->count; i++) {
        if (!has_turn(store, &op->in.turns[i]))
            op->in.turns[count++] = op->in.turns[i];
    }
    op->fn.missing(op->ud, &ok, store->timeline, op->in.turns, count);
}

void mem_check_turns(void *self, const struct bw_turn_ref *turns, size_t count, bw_missing_fn done,
                     void *ud)
{
    struct mem_op *op = mem_op_make(self, "check_turns", run_check_turns, fail_missing, ud);
    op->fn.missing = done;
    op->count = count;
    op->in.turns = bw_arena_calloc(&op->arena, count + 1, sizeof *op->in.turns);
    for (size_t i = 0; i < count; i++)
        op->in.turns[i] = turns[i];
}

/* --- Scan ------------------------------------------------------------------------------------ */

static bool has_mail(const struct mem_run *run)
{
    for (size_t i = 0; i < run->message_count; i++) {
        const struct mem_message *message = &run->messages[i];
        bool counts = run->row.status == BW_RUN_OPEN ||
                      (run->row.status == BW_RUN_PARKED &&
                       (message->message.kind == BW_MESSAGE_CANCEL ||
                        bw_str_starts(message->message.key, BW_STR(BW_STORE_RESUME)) ||
                        bw_str_starts(message->message.key, BW_STR(BW_STORE_STOP))));
        if (counts && !message->is_read)
            return true;
    }
    return false;
}

static bool scan_takes(const struct mem_run *run, enum bw_scan what, int64_t limit_us)
{
    switch (what) {
    case BW_SCAN_ACTIVE:
        return run->row.is_active;
    case BW_SCAN_DUE:
        return run->row.status == BW_RUN_OPEN && run->row.wake_at_us &&
               run->row.wake_at_us <= limit_us;
    case BW_SCAN_MAIL:
        return has_mail(run);
    }
    BW_UNREACHABLE();
}

static int due_order(const void *left, const void *right)
{
    const struct bw_run_ref *a = left;
    const struct bw_run_ref *b = right;
    if (a->wake_at_us != b->wake_at_us)
        return a->wake_at_us < b->wake_at_us ? -1 : 1;
    return bw_id_cmp(a->run, b->run);
}

void mem_scan(struct mem_store *store, enum bw_scan what, bw_shards shards, int64_t limit_us,
              size_t count_max, bw_scan_fn done, void *ud)
{
    struct bw_error error = {.code = BW_ERR_OK};
    struct bw_run_ref *refs = bw_xcalloc(store->run_count + 1, sizeof *refs);
    size_t count = 0;
    for (size_t i = 0; i < store->run_count; i++) {
        const struct mem_run *run = store->runs[i];
        if ((shards >> run->row.shard & 1) && scan_takes(run, what, limit_us))
            refs[count++] = (struct bw_run_ref){run->row.tenant, run->row.id, run->row.wake_at_us};
    }
    if (what == BW_SCAN_DUE && count > 0)
        qsort(refs, count, sizeof *refs, due_order);
    done(ud, &error, refs, count_max > 0 && count > count_max ? count_max : count);
    bw_free(refs);
}

/* --- Settings -------------------------------------------------------------------------------- */

void mem_settings(struct mem_store *store, struct bw_id tenant, struct bw_str args,
                  bw_value_fn done, void *ud)
{
    struct bw_error error = {.code = BW_ERR_OK};
    struct bw_settings_query query;
    struct bw_buf value;
    bw_buf_init(&value, BW_ROWS_VALUE_BYTES_MAX);
    if (bw_settings_query(args, &query, &error) == BW_ERR_OK) {
        struct bw_setting *rows = bw_xcalloc(store->setting_count + 1, sizeof *rows);
        size_t count = 0;
        for (size_t i = 0; i < store->setting_count; i++) {
            const struct mem_setting *row = &store->settings[i];
            if (bw_id_eq(row->tenant, tenant) && bw_setting_applies(&row->setting, &query))
                rows[count++] = row->setting;
        }
        bw_settings_resolve(rows, count, &value);
        bw_free(rows);
    }
    done(ud, &error, bw_buf_str(&value));
    bw_buf_deinit(&value);
}

static void write_setting(struct mem_store *store, struct bw_id tenant,
                          const struct bw_setting *from)
{
    struct bw_setting *to = NULL;
    for (size_t i = 0; i < store->setting_count && !to; i++) {
        struct bw_setting *row = &store->settings[i].setting;
        if (bw_id_eq(store->settings[i].tenant, tenant) && bw_str_eq(row->policy, from->policy) &&
            bw_str_eq(row->name, from->name) && row->scope == from->scope &&
            bw_str_eq(row->scope_id, from->scope_id) &&
            bw_str_eq(row->valid_from, from->valid_from))
            to = row;
    }
    if (!to) {
        MEM_PUSH(store->settings, store->setting_count, (struct mem_setting){.tenant = tenant});
        to = &store->settings[store->setting_count - 1].setting;
        to->policy = mem_own(from->policy);
        to->name = mem_own(from->name);
        to->scope = from->scope;
        to->scope_id = mem_own(from->scope_id);
        to->valid_from = mem_own(from->valid_from);
    }
    mem_replace(&to->value, from->value);
    mem_replace(&to->set_by, from->set_by);
    to->is_locked = from->is_locked;
    to->set_at_us = from->set_at_us ? from->set_at_us : bw_clock_utc(store->clock).us;
}

static enum bw_err write_series(struct mem_store *store, struct bw_id tenant,
                                const struct bw_series *from, struct bw_error *error)
{
    struct mem_series *series = mem_find_series(store, tenant, from->series);
    if (!series) {
        series = bw_xcalloc(1, sizeof *series);
        series->tenant = tenant;
        series->series = mem_own(from->series);
        series->format = mem_own(from->format);
        series->reset = mem_own(from->reset);
        series->next = from->next ? from->next : 1;
        MEM_PUSH(store->series, store->series_count, series);
    }
    if (!bw_str_eq(series->format, from->format) || !bw_str_eq(series->reset, from->reset))
        return bw_fail(error, BW_ERR_CONFLICT, "series %.*s exists with format %.*s and reset %.*s",
                       BW_STR_ARG(series->series), BW_STR_ARG(series->format),
                       BW_STR_ARG(series->reset));
    if (from->next && !series->last_date.len)
        series->next = from->next;
    return BW_ERR_OK;
}

static bool is_same_record(const struct mem_audit *a, const struct mem_audit *b)
{
    return bw_id_eq(a->tenant, b->tenant) && a->at_us == b->at_us &&
           bw_str_eq(a->actor, b->actor) && bw_str_eq(a->action, b->action) &&
           bw_str_eq(a->subject, b->subject) && bw_str_eq(a->detail, b->detail);
}

static enum bw_err write_audit(struct mem_store *store, struct bw_id tenant, struct bw_str args,
                               struct bw_error *error)
{
    struct bw_value map = bw_value_read(args);
    struct mem_audit record = {
        .tenant = tenant,
        .at_us = bw_value_get_int(&map, "at_us", bw_clock_utc(store->clock).us),
        .actor = bw_value_get_str(&map, "actor", BW_STR_NONE),
        .action = bw_value_get_str(&map, "action", BW_STR_NONE),
        .subject = bw_value_get_str(&map, "subject", BW_STR_NONE),
        .detail = bw_value_get(&map, "detail").encoded,
    };
    if (!record.actor.len || !record.action.len)
        return bw_fail(error, BW_ERR_INVALID, "an audit record needs actor and action");
    for (size_t i = 0; i < store->audit_count; i++) {
        if (is_same_record(&store->audits[i], &record))
            return BW_ERR_OK;
    }
    record.actor = mem_own(record.actor);
    record.action = mem_own(record.action);
    record.subject = mem_own(record.subject);
    record.detail = mem_own(record.detail);
    MEM_PUSH(store->audits, store->audit_count, record);
    return BW_ERR_OK;
}

static const struct mem_key *find_key(const struct mem_store *store, struct bw_id tenant,
                                      struct bw_str name)
{
    for (size_t i = 0; i < store->key_count; i++) {
        if (bw_id_eq(store->keys[i].tenant, tenant) && bw_str_eq(store->keys[i].name, name))
            return &store->keys[i];
    }
    return NULL;
}

static void write_key(struct mem_store *store, struct bw_id tenant,
                      const struct bw_signing_key *key)
{
    if (!find_key(store, tenant, key->name))
        MEM_PUSH(store->keys, store->key_count,
                 (struct mem_key){tenant, mem_own(key->name), mem_own(key->key)});
}

/* When the caller gives no record of its own. */
static void audit_setting(struct mem_store *store, struct bw_id tenant,
                          const struct bw_setting *setting, struct bw_str args)
{
    struct bw_arena arena;
    bw_arena_init(&arena);
    mem_audit(store, tenant,
              &(struct bw_audit){setting->set_by.len ? setting->set_by : BW_STR("unknown"),
                                 BW_STR("setting.set"), bw_setting_subject(&arena, setting), args},
              0);
    bw_arena_deinit(&arena);
}

enum bw_err mem_write(struct mem_store *store, struct bw_id tenant, struct bw_str what,
                      struct bw_str args, struct bw_error *error)
{
    struct bw_setting setting;
    struct bw_series series;
    struct bw_signing_key key;
    struct bw_schedule_args schedule;
    bool is_key = bw_str_eq(what, BW_STR("key"));
    bool is_schedule = bw_str_starts(what, BW_STR("schedule"));
    bool is_audit = bw_str_eq(what, BW_STR("audit"));
    bool is_share = bw_str_eq(what, BW_STR("tenant"));
    struct bw_share share;
    enum bw_err code = BW_ERR_OK;
    if (mem_is_retention(what))
        return mem_write_retention(store, tenant, what, args, error);
    if (bw_str_eq(what, BW_STR("setting")))
        code = bw_setting_from_args(args, &setting, error);
    else if (bw_str_eq(what, BW_STR("series")))
        code = bw_series_from_args(args, &series, error);
    else if (is_key)
        code = bw_signing_key_from_args(args, &key, error);
    else if (is_schedule)
        code = bw_schedule_from_args(what, tenant, args, &schedule, error);
    else if (is_share)
        code = bw_share_from_args(args, &share, error);
    else if (!is_audit)
        code = bw_fail(error, BW_ERR_INVALID, "nothing is called %.*s", BW_STR_ARG(what));
    if (code != BW_ERR_OK)
        return code;
    if (is_audit)
        return write_audit(store, tenant, args, error);
    bool is_change = is_schedule && !bw_str_eq(what, BW_STR("schedule")); /* of one that is there */
    if (!mem_find_tenant(store, tenant) && !is_change)
        return bw_fail(error, BW_ERR_NOT_FOUND, "there is no such tenant");
    if (is_share) {
        struct bw_share *has = &mem_find_tenant(store, tenant)->share;
        has->weight = share.weight ? share.weight : has->weight;
        has->runs_max = share.runs_max >= 0 ? share.runs_max : has->runs_max;
        return BW_ERR_OK;
    }
    if (is_schedule)
        return mem_write_schedule(store, what, &schedule, error);
    if (bw_str_eq(what, BW_STR("series")))
        return write_series(store, tenant, &series, error);
    if (is_key) {
        write_key(store, tenant, &key);
        return BW_ERR_OK;
    }
    struct bw_value map = bw_value_read(args);
    struct bw_value record = bw_value_get(&map, "audit");
    if (record.tag == BW_VALUE_MAP)
        code = write_audit(store, tenant, record.encoded, error);
    else
        audit_setting(store, tenant, &setting, args);
    if (code == BW_ERR_OK)
        write_setting(store, tenant, &setting);
    if (code == BW_ERR_OK && bw_str_eq(setting.policy, BW_STR("retention")))
        mem_retention_of(store, tenant)->stamp++;
    return code;
}

/* --- Read models ----------------------------------------------------------------------------- */

struct reading {
    const struct mem_store *store;
    struct bw_id tenant;
    struct bw_read_args args;
    struct bw_buf items; /* of the array */
    size_t count;
    struct bw_error *error;
};

static bool is_full(const struct reading *reading)
{
    return reading->count >= (size_t)reading->args.limit;
}

static int newest_first(const void *left, const void *right)
{
    const struct mem_run *const *a = left;
    const struct mem_run *const *b = right;
    return bw_id_cmp((*b)->row.id, (*a)->row.id);
}

static void read_runs(struct reading *reading)
{
    const struct mem_store *store = reading->store;
    const struct mem_run **runs = bw_xcalloc(store->run_count + 1, sizeof *runs);
    size_t count = 0;
    for (size_t i = 0; i < store->run_count; i++) {
        const struct mem_run *run = store->runs[i];
        const struct bw_read_args *args = &reading->args;
        if (bw_id_eq(run->row.tenant, reading->tenant) &&
            (!args->has_status || (int)run->row.status == args->status) &&
            (!args->workflow.len || bw_str_eq(run->row.workflow, args->workflow)) &&
            (bw_id_is_zero(args->after) || bw_id_cmp(run->row.id, args->after) < 0))
            runs[count++] = run;
    }
    if (count > 0)
        qsort(runs, count, sizeof(struct mem_run *), newest_first);
    for (size_t i = 0; i < count && !is_full(reading); i++, reading->count++)
        bw_rows_put_run(&reading->items, &runs[i]->row, false);
    bw_free(runs);
}

static int by_task_id(const void *left, const void *right)
{
    const struct mem_task *const *a = left;
    const struct mem_task *const *b = right;
    return bw_id_cmp((*a)->row.task.id, (*b)->row.task.id);
}

static void read_tasks(struct reading *reading)
{
    const struct mem_store *store = reading->store;
    const struct mem_task **tasks = bw_xcalloc(store->task_count + 1, sizeof *tasks);
    size_t count = 0;
    for (size_t i = 0; i < store->task_count; i++) {
        const struct mem_task *task = store->tasks[i];
        const struct bw_read_args *args = &reading->args;
        if (bw_id_eq(task->tenant, reading->tenant) &&
            (!args->has_status || (int)task->row.status == args->status) &&
            (bw_id_is_zero(args->run) || bw_id_eq(task->row.run, args->run)) &&
            (bw_id_is_zero(args->after) || bw_id_cmp(task->row.task.id, args->after) > 0))
            tasks[count++] = task;
    }
    if (count > 0)
        qsort(tasks, count, sizeof(struct mem_task *), by_task_id);
    for (size_t i = 0; i < count && !is_full(reading); i++, reading->count++)
        bw_rows_put_task(&reading->items, &tasks[i]->row);
    bw_free(tasks);
}

static void read_run(struct reading *reading)
{
    const struct mem_run *run = mem_find_run(reading->store, reading->tenant, reading->args.id);
    if (!run)
        run = mem_find_remnant(reading->store, reading->tenant, reading->args.id);
    if (run)
        bw_rows_put_run(&reading->items, &run->row, true);
    else
        bw_fail(reading->error, BW_ERR_NOT_FOUND, "there is no such run");
}

static void read_task(struct reading *reading)
{
    const struct mem_task *task = mem_find_task(reading->store, reading->tenant, reading->args.id);
    if (task)
        bw_rows_put_task(&reading->items, &task->row);
    else
        bw_fail(reading->error, BW_ERR_NOT_FOUND, "there is no such task");
}

static void read_journal(struct reading *reading)
{
    const struct mem_run *run = mem_find_run(reading->store, reading->tenant, reading->args.run);
    for (size_t i = 0; run && i < run->turn_count; i++, reading->count++)
        bw_rows_put_journal(&reading->items, i + 1, run->turns[i].at_us, run->turns[i].batch,
                            run->turns[i].body);
}

static void read_notes(struct reading *reading)
{
    const struct mem_run *run = mem_find_run(reading->store, reading->tenant, reading->args.run);
    for (size_t i = 0; run && i < run->note_count; i++, reading->count++)
        bw_rows_put_note(&reading->items, run->notes[i].turn, run->notes[i].at_us,
                         run->notes[i].body);
}

static void read_inbox(struct reading *reading)
{
    const struct mem_run *run = mem_find_run(reading->store, reading->tenant, reading->args.run);
    for (size_t i = 0; run && i < run->message_count; i++, reading->count++)
        bw_rows_put_message(&reading->items, &run->messages[i].message, run->messages[i].is_read);
}

static int by_tenant_name(const void *left, const void *right)
{
    const struct mem_tenant *const *a = left;
    const struct mem_tenant *const *b = right;
    return bw_str_cmp((*a)->name, (*b)->name);
}

static void read_tenants(struct reading *reading)
{
    const struct mem_store *store = reading->store;
    if (store->tenant_count > 0)
        qsort(store->tenants, store->tenant_count, sizeof(struct mem_tenant *), by_tenant_name);
    for (size_t i = 0; i < store->tenant_count; i++, reading->count++)
        bw_rows_put_tenant(&reading->items, store->tenants[i]->id, store->tenants[i]->name,
                           store->tenants[i]->created_at_us,
                           &(struct bw_share){.weight = store->tenants[i]->share.weight,
                                              .runs_max = store->tenants[i]->share.runs_max,
                                              .open = -1});
}

static void read_tenant(struct reading *reading)
{
    const struct mem_store *store = reading->store;
    const struct mem_tenant *tenant = mem_find_tenant(store, reading->tenant);
    if (!tenant) {
        bw_fail(reading->error, BW_ERR_NOT_FOUND, "there is no such tenant");
        return;
    }
    struct bw_share share = tenant->share;
    for (size_t i = 0; i < store->run_count && share.open < share.runs_max; i++) {
        const struct bw_run_row *row = &store->runs[i]->row;
        share.open += bw_id_eq(row->tenant, tenant->id) && !bw_run_status_is_final(row->status);
    }
    bw_rows_put_tenant(&reading->items, tenant->id, tenant->name, tenant->created_at_us, &share);
}

/* --- The proof of wake reasons: the rules of sql/0021_run_problem.sql. */

static bool has_open_task(const struct mem_store *store, const struct bw_run_row *run)
{
    for (size_t i = 0; i < store->task_count; i++) {
        const struct mem_task *task = store->tasks[i];
        if (bw_id_eq(task->row.run, run->id) && bw_id_eq(task->tenant, run->tenant) &&
            task->row.status == BW_TASK_OPEN)
            return true;
    }
    return false;
}

static bool has_open_child(const struct mem_store *store, const struct bw_run_row *run)
{
    for (size_t i = 0; i < store->run_count; i++) {
        const struct bw_run_row *row = &store->runs[i]->row;
        if (bw_id_eq(row->parent, run->id) && bw_id_eq(row->tenant, run->tenant) &&
            row->parent_seq && !bw_run_status_is_final(row->status))
            return true;
    }
    return false;
}

static const char *problem_of_open(const struct mem_store *store, const struct mem_run *run)
{
    const struct bw_run_row *row = &run->row;
    if (row->wake < BW_WAKE_READY || row->wake > BW_WAKE_PAUSED)
        return "is open and has no reason to wait";
    if (has_mail(run))
        return NULL;
    switch (row->wake) {
    case BW_WAKE_READY:
        return row->is_active ? NULL : "is ready, but nothing would find it";
    case BW_WAKE_TIMER:
        return row->wake_at_us ? NULL : "waits for a timer that has no time";
    case BW_WAKE_EVENT:
        return run->wait_count ? NULL : "waits for an event that it has not asked for";
    case BW_WAKE_EFFECT:
        return row->is_active ? NULL : "waits for an effect of its own that nothing would begin";
    case BW_WAKE_TASK:
        return has_open_task(store, row) ? NULL : "waits for a task that is not open";
    case BW_WAKE_CHILD:
        return has_open_child(store, row) ? NULL : "waits for a child that has ended, or never was";
    case BW_WAKE_DATABASE:
        return "waits for the database, which has answered nothing";
    default:
        return NULL;
    }
}

static const char *problem_of(const struct mem_store *store, const struct mem_run *run)
{
    const struct bw_run_row *row = &run->row;
    bool would_wake = row->is_active || row->wake_at_us != 0;
    if (row->status == BW_RUN_OPEN)
        return problem_of_open(store, run);
    if (row->status == BW_RUN_PARKED && (row->wake != BW_WAKE_PARKED || !row->error.len))
        return "is parked without a reason";
    if (row->status == BW_RUN_PARKED)
        return would_wake ? "is parked, and would be woken" : NULL;
    if (row->wake != BW_WAKE_NONE || would_wake)
        return "has ended, and would be woken";
    if (run->wait_count)
        return "has ended, and waits for an event";
    return has_open_task(store, row) ? "has ended, and has an open task" : NULL;
}

static int by_run_id(const void *left, const void *right)
{
    const struct mem_run *const *a = left;
    const struct mem_run *const *b = right;
    return bw_id_cmp((*a)->row.id, (*b)->row.id);
}

static void read_problems(struct reading *reading)
{
    const struct mem_store *store = reading->store;
    const struct mem_run **runs = bw_xcalloc(store->run_count + 1, sizeof *runs);
    size_t count = 0;
    for (size_t i = 0; i < store->run_count; i++) {
        if (bw_id_eq(store->runs[i]->row.tenant, reading->tenant))
            runs[count++] = store->runs[i];
    }
    if (count > 0)
        qsort(runs, count, sizeof(struct mem_run *), by_run_id);
    for (size_t i = 0; i < count && !is_full(reading); i++) {
        const char *problem = problem_of(store, runs[i]);
        if (!problem)
            continue;
        bw_rows_put_problem(&reading->items, runs[i]->row.id, bw_str_of(problem));
        reading->count++;
    }
    bw_free(runs);
}

static int by_number(const void *left, const void *right)
{
    const struct mem_number *a = left;
    const struct mem_number *b = right;
    int order = bw_str_cmp(a->series, b->series);
    order = order ? order : bw_str_cmp(a->date, b->date);
    return order ? order : (a->sequence > b->sequence) - (a->sequence < b->sequence);
}

static void read_numbers(struct reading *reading)
{
    const struct mem_store *store = reading->store;
    struct mem_number *numbers = bw_xcalloc(store->number_count + 1, sizeof *numbers);
    size_t count = 0;
    for (size_t i = 0; i < store->number_count; i++) {
        const struct mem_number *row = &store->numbers[i];
        if (bw_id_eq(row->tenant, reading->tenant) &&
            (!reading->args.series.len || bw_str_eq(row->series, reading->args.series)))
            numbers[count++] = *row;
    }
    qsort(numbers, count, sizeof *numbers, by_number);
    for (size_t i = 0; i < count && !is_full(reading); i++, reading->count++)
        bw_rows_put_number(&reading->items, numbers[i].series, numbers[i].number,
                           numbers[i].sequence, numbers[i].date, numbers[i].at_us, numbers[i].run);
    bw_free(numbers);
}

static int by_series(const void *left, const void *right)
{
    const struct mem_series *const *a = left;
    const struct mem_series *const *b = right;
    return bw_str_cmp((*a)->series, (*b)->series);
}

static void read_series(struct reading *reading)
{
    const struct mem_store *store = reading->store;
    if (store->series_count > 0)
        qsort(store->series, store->series_count, sizeof(struct mem_series *), by_series);
    for (size_t i = 0; i < store->series_count; i++) {
        const struct mem_series *row = store->series[i];
        if (!bw_id_eq(row->tenant, reading->tenant))
            continue;
        bw_rows_put_series(&reading->items, row->series, row->format, row->reset, row->next,
                           row->last_date);
        reading->count++;
    }
}

static bool is_wanted(const struct reading *reading, const struct mem_audit *row)
{
    const struct bw_read_args *args = &reading->args;
    return bw_id_eq(row->tenant, reading->tenant) && row->at_us >= args->since_us &&
           (!args->actor.len || bw_str_eq(row->actor, args->actor)) &&
           (!args->action.len || bw_str_eq(row->action, args->action)) &&
           (!args->subject.len || bw_str_eq(row->subject, args->subject));
}

/* The newest, in their order. */
static void read_audit(struct reading *reading)
{
    const struct mem_store *store = reading->store;
    size_t from = store->audit_count, found = 0;
    while (from > 0 && found < (size_t)reading->args.limit)
        found += is_wanted(reading, &store->audits[--from]);
    for (size_t i = from; i < store->audit_count; i++) {
        const struct mem_audit *row = &store->audits[i];
        if (!is_wanted(reading, row))
            continue;
        bw_rows_put_audit(&reading->items, row->at_us, row->actor, row->action, row->subject,
                          row->detail);
        reading->count++;
    }
}

static int by_schedule(const void *left, const void *right)
{
    const struct bw_schedule_row *a = left, *b = right;
    int order = bw_id_cmp(a->tenant, b->tenant);
    return order ? order : bw_str_cmp(a->name, b->name);
}

static void read_schedules(struct reading *reading)
{
    const struct mem_store *store = reading->store;
    if (store->schedule_count > 0)
        qsort(store->schedules, store->schedule_count, sizeof *store->schedules, by_schedule);
    for (size_t i = 0; i < store->schedule_count && !is_full(reading); i++) {
        if (!bw_id_eq(store->schedules[i].tenant, reading->tenant))
            continue;
        bw_rows_put_schedule(&reading->items, &store->schedules[i]);
        reading->count++;
    }
}

static void read_schedule(struct reading *reading)
{
    const struct bw_schedule_row *row =
        mem_find_schedule(reading->store, reading->tenant, reading->args.name);
    if (row)
        bw_rows_put_schedule(&reading->items, row);
    else
        bw_fail(reading->error, BW_ERR_NOT_FOUND, "there is no such schedule");
}

static void read_key(struct reading *reading)
{
    const struct mem_key *row = find_key(reading->store, reading->tenant, reading->args.name);
    if (row)
        bw_rows_put_key(&reading->items, row->name, row->key);
    else
        bw_fail(reading->error, BW_ERR_NOT_FOUND, "there is no such key");
}

static void read_holds(struct reading *reading)
{
    const struct mem_store *store = reading->store;
    if (store->hold_count > 0)
        qsort(store->holds, store->hold_count, sizeof *store->holds, mem_by_hold_name);
    for (size_t i = 0; i < store->hold_count; i++) {
        if (!bw_id_eq(store->holds[i].tenant, reading->tenant))
            continue;
        bw_hold_put(&reading->items, &store->holds[i].hold);
        reading->count++;
    }
}

static void read_retention(struct reading *reading)
{
    const struct mem_store *store = reading->store;
    struct mem_retention none = {0};
    const struct mem_retention *row = &none;
    int64_t holds = 0;
    for (size_t i = 0; i < store->retention_count; i++) {
        if (bw_id_eq(store->retentions[i].tenant, reading->tenant))
            row = &store->retentions[i];
    }
    for (size_t i = 0; i < store->hold_count; i++)
        holds += bw_id_eq(store->holds[i].tenant, reading->tenant);
    bw_retention_put(&reading->items, row->stamp, row->dropped, holds, row->last);
}

static int by_scope(const void *left, const void *right)
{
    const struct bw_setting *const *a = left;
    const struct bw_setting *const *b = right;
    int order = bw_str_cmp(bw_str_of(bw_setting_scope_name((*a)->scope)),
                           bw_str_of(bw_setting_scope_name((*b)->scope)));
    return order ? order : bw_str_cmp((*a)->scope_id, (*b)->scope_id);
}

static void read_setting_scopes(struct reading *reading)
{
    const struct mem_store *store = reading->store;
    const struct bw_setting **rows = bw_xcalloc(store->setting_count + 1, sizeof *rows);
    size_t count = 0;
    for (size_t i = 0; i < store->setting_count; i++) {
        const struct bw_setting *row = &store->settings[i].setting;
        if (bw_id_eq(store->settings[i].tenant, reading->tenant) &&
            bw_str_eq(row->policy, reading->args.name) && row->scope >= BW_SCOPE_CUSTOMER)
            rows[count++] = row;
    }
    if (count > 0)
        qsort(rows, count, sizeof(struct bw_setting *), by_scope);
    for (size_t i = 0; i < count; i++) {
        if (i > 0 && by_scope(&rows[i - 1], &rows[i]) == 0)
            continue;
        bw_rows_put_scope(&reading->items, bw_str_of(bw_setting_scope_name(rows[i]->scope)),
                          rows[i]->scope_id);
        reading->count++;
    }
    bw_free(rows);
}

static const struct {
    const char *what;
    void (*read)(struct reading *reading);
    bool is_single;
} reads[] = {
    {"runs", read_runs, false},
    {"run", read_run, true},
    {"journal", read_journal, false},
    {"tasks", read_tasks, false},
    {"task", read_task, true},
    {"notes", read_notes, false},
    {"inbox", read_inbox, false},
    {"tenants", read_tenants, false},
    {"numbers", read_numbers, false},
    {"series", read_series, false},
    {"audit", read_audit, false},
    {"schedules", read_schedules, false},
    {"schedule", read_schedule, true},
    {"key", read_key, true},
    {"tenant", read_tenant, true},
    {"problems", read_problems, false},
    {"holds", read_holds, false},
    {"retention", read_retention, true},
    {"setting_scopes", read_setting_scopes, false},
};

void mem_read(struct mem_store *store, struct bw_id tenant, struct bw_str what, struct bw_str args,
              bw_value_fn done, void *ud)
{
    struct bw_error error = {.code = BW_ERR_OK};
    struct reading reading = {.store = store, .tenant = tenant, .error = &error};
    struct bw_buf value;
    bw_buf_init(&value, BW_ROWS_VALUE_BYTES_MAX);
    bw_buf_init(&reading.items, BW_ROWS_VALUE_BYTES_MAX);
    if (bw_rows_read_args(what, args, &reading.args, &error) == BW_ERR_OK) {
        size_t which = 0;
        while (!bw_str_eq(what, bw_str_of(reads[which].what)))
            which++;
        reads[which].read(&reading);
        if (!reads[which].is_single)
            bw_value_put_arr(&value, reading.count);
        bw_buf_put_str(&value, bw_buf_str(&reading.items));
    }
    done(ud, &error, error.code == BW_ERR_OK ? bw_buf_str(&value) : BW_STR_NONE);
    bw_buf_deinit(&reading.items);
    bw_buf_deinit(&value);
}
