/* mem_schedule.c - schedules of the memory store. */
#include "store/check.h"
#include "store/mem_store.h"

#include <stdlib.h>

struct bw_schedule_row *mem_find_schedule(const struct mem_store *store, struct bw_id tenant,
                                          struct bw_str name)
{
    for (size_t i = 0; i < store->schedule_count; i++) {
        if (bw_id_eq(store->schedules[i].tenant, tenant) &&
            bw_str_eq(store->schedules[i].name, name))
            return &store->schedules[i];
    }
    return NULL;
}

/* --- What is due ----------------------------------------------------------------------------- */

static void fail_schedules(struct mem_op *op, const struct bw_error *error)
{
    op->fn.schedules(op->ud, error, NULL, 0, 0);
}

static int due_order(const void *left, const void *right)
{
    const struct bw_schedule_row *a = left, *b = right;
    if (a->wake_at_us != b->wake_at_us)
        return a->wake_at_us < b->wake_at_us ? -1 : 1;
    int order = bw_id_cmp(a->tenant, b->tenant);
    return order ? order : bw_str_cmp(a->name, b->name);
}

static void run_due(struct mem_store *store, struct mem_op *op)
{
    struct bw_error ok = {.code = BW_ERR_OK};
    struct bw_schedule_row *rows = bw_xcalloc(store->schedule_count + 1, sizeof *rows);
    size_t count = 0;
    int64_t next_us = 0;
    for (size_t i = 0; i < store->schedule_count; i++) {
        const struct bw_schedule_row *row = &store->schedules[i];
        if (!(op->shards >> row->shard & 1) || !row->wake_at_us)
            continue;
        if (row->wake_at_us <= op->number)
            rows[count++] = *row;
        else if (!next_us || row->wake_at_us < next_us)
            next_us = row->wake_at_us;
    }
    if (count > 0)
        qsort(rows, count, sizeof *rows, due_order);
    op->fn.schedules(op->ud, &ok, rows, count > op->count ? op->count : count, next_us);
    bw_free(rows);
}

void mem_due_schedules(void *self, bw_shards shards, int64_t now_us, size_t count_max,
                       bw_schedules_fn done, void *ud)
{
    struct mem_op *op = mem_op_make(self, "due_schedules", run_due, fail_schedules, ud);
    op->fn.schedules = done;
    op->shards = shards;
    op->number = now_us;
    op->count = count_max;
}

/* --- Firing ---------------------------------------------------------------------------------- */

static void fail_fire(struct mem_op *op, const struct bw_error *error)
{
    op->fn.start(op->ud, error, (struct bw_id){{0}}, false);
}

static bool start_runs(struct mem_store *store, struct bw_schedule_row *row,
                       const struct bw_schedule_fire *fire)
{
    bool is_new = false;
    for (size_t i = 0; i < fire->run_count; i++) {
        const struct bw_run_row *run = &fire->runs[i];
        row->last_run = run->id;
        row->fired_count++;
        if (mem_find_run(store, run->tenant, run->id) ||
            mem_find_key(store, run->tenant, run->workflow, run->key))
            continue;
        mem_add_run(store, run);
        mem_mail(store, run->tenant, run->id);
        is_new = true;
    }
    return is_new;
}

static void run_fire(struct mem_store *store, struct mem_op *op)
{
    const struct bw_schedule_fire *fire = &op->in.fire;
    struct bw_error error = {.code = BW_ERR_OK};
    struct bw_schedule_row *row = mem_find_schedule(store, fire->tenant, fire->name);
    if (bw_check_fire(fire, &error) != BW_ERR_OK) {
        fail_fire(op, &error);
        return;
    }
    if (!row || row->version != fire->version) {
        bw_fail(&error, BW_ERR_CONFLICT, "the schedule was changed in the meantime");
        fail_fire(op, &error);
        return;
    }
    bool is_new = false;
    const struct mem_run *last = mem_find_run(store, row->tenant, row->last_run);
    row->version++;
    row->next_due_us = fire->next_due_us;
    row->wake_at_us = fire->wake_at_us;
    row->last_due_us = fire->last_due_us ? fire->last_due_us : row->last_due_us;
    row->skipped_count += fire->skipped_count;
    mem_replace(&row->problem, fire->problem);
    if (fire->is_alone && last && !bw_run_status_is_final(last->row.status))
        row->skipped_count += (int64_t)fire->run_count;
    else
        is_new = start_runs(store, row, fire);
    op->fn.start(op->ud, &error, row->last_run, is_new);
}

void mem_fire_schedule(void *self, const struct bw_schedule_fire *fire, bw_start_fn done, void *ud)
{
    struct mem_op *op = mem_op_make(self, "fire_schedule", run_fire, fail_fire, ud);
    op->fn.start = done;
    bw_copy_fire(&op->arena, fire, &op->in.fire);
}

/* --- What people change ---------------------------------------------------------------------- */

static void free_row(struct bw_schedule_row *row)
{
    mem_disown(&row->name);
    mem_disown(&row->problem);
    mem_disown(&row->spec);
    mem_disown(&row->set_by);
}

static void put(struct mem_store *store, const struct bw_schedule_row *from)
{
    struct bw_schedule_row *row = mem_find_schedule(store, from->tenant, from->name);
    if (!row) {
        MEM_PUSH(store->schedules, store->schedule_count,
                 (struct bw_schedule_row){.tenant = from->tenant, .shard = from->shard});
        row = &store->schedules[store->schedule_count - 1];
        row->name = mem_own(from->name);
    }
    row->version++;
    row->next_due_us = from->next_due_us;
    row->wake_at_us = row->is_paused ? 0 : from->wake_at_us;
    row->set_at_us = from->set_at_us ? from->set_at_us : bw_clock_utc(store->clock).us;
    mem_replace(&row->problem, BW_STR_NONE);
    mem_replace(&row->spec, from->spec);
    mem_replace(&row->set_by, from->set_by);
}

static void audit_act(struct mem_store *store, const struct bw_schedule_row *from,
                      const char *action, struct bw_str detail, int64_t at_us)
{
    mem_audit(store, from->tenant,
              &(struct bw_audit){from->set_by, bw_str_of(action), from->name, detail}, at_us);
}

enum bw_err mem_write_schedule(struct mem_store *store, struct bw_str what,
                               const struct bw_schedule_args *args, struct bw_error *error)
{
    struct bw_schedule_row *row = mem_find_schedule(store, args->row.tenant, args->row.name);
    if (bw_str_eq(what, BW_STR("schedule"))) {
        put(store, &args->row);
        audit_act(store, &args->row, "schedule.set", args->row.spec, args->row.set_at_us);
        return BW_ERR_OK;
    }
    if (!row)
        return bw_fail(error, BW_ERR_NOT_FOUND, "there is no schedule %.*s",
                       BW_STR_ARG(args->row.name));
    if (bw_str_eq(what, BW_STR("schedule_delete"))) {
        audit_act(store, &args->row, "schedule.delete", row->spec, 0);
        free_row(row);
        *row = store->schedules[--store->schedule_count];
        return BW_ERR_OK;
    }
    if (args->version && args->version != row->version)
        return bw_fail(error, BW_ERR_CONFLICT,
                       "schedule %.*s was changed in the meantime: try again",
                       BW_STR_ARG(args->row.name));
    row->version++;
    row->is_paused = args->row.is_paused;
    audit_act(store, &args->row, row->is_paused ? "schedule.pause" : "schedule.resume", BW_STR_NONE,
              0);
    row->wake_at_us = args->row.wake_at_us;
    if (args->has_due)
        row->next_due_us = args->row.next_due_us;
    return BW_ERR_OK;
}

void mem_free_schedules(struct mem_store *store)
{
    for (size_t i = 0; i < store->schedule_count; i++)
        free_row(&store->schedules[i]);
    bw_free(store->schedules);
}
