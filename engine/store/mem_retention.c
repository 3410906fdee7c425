/* mem_retention.c - what the memory store drops, and what holds it. */
#include "store/mem_store.h"

#include <stdio.h>
#include <stdlib.h>

struct mem_retention *mem_retention_of(struct mem_store *store, struct bw_id tenant)
{
    for (size_t i = 0; i < store->retention_count; i++) {
        if (bw_id_eq(store->retentions[i].tenant, tenant))
            return &store->retentions[i];
    }
    MEM_PUSH(store->retentions, store->retention_count, (struct mem_retention){.tenant = tenant});
    return &store->retentions[store->retention_count - 1];
}

/* --- What may go ----------------------------------------------------------------------------- */

/* Runs and their children, so that trees need not be searched for. */
struct looking {
    struct mem_store *store;
    struct bw_id tenant;
    struct bw_expiry_run *found;
    size_t found_count;
};

static bool has_open_task(const struct mem_store *store, struct bw_id tenant, struct bw_id run)
{
    for (size_t i = 0; i < store->task_count; i++) {
        const struct mem_task *task = store->tasks[i];
        if (bw_id_eq(task->tenant, tenant) && bw_id_eq(task->row.run, run) &&
            task->row.status == BW_TASK_OPEN)
            return true;
    }
    return false;
}

static bool has_written(const struct mem_run *run)
{
    for (size_t i = 0; i < run->message_count; i++) {
        if (bw_str_starts(run->messages[i].message.key, BW_STR("tx:")))
            return true;
    }
    return false;
}

static void add_tree(struct looking *looking, const struct mem_run *run, struct bw_id root,
                     int64_t depth)
{
    const struct mem_store *store = looking->store;
    const struct bw_run_row *row = &run->row;
    MEM_PUSH(looking->found, looking->found_count,
             (struct bw_expiry_run){.id = row->id,
                                    .root = root,
                                    .depth = depth,
                                    .status = row->status,
                                    .finished_at_us = row->updated_at_us,
                                    .workflow = row->workflow,
                                    .key = row->key,
                                    .input = row->input,
                                    .wrote = has_written(run),
                                    .has_open_task = has_open_task(store, row->tenant, row->id)});
    for (size_t i = 0; i < store->run_count; i++) {
        const struct bw_run_row *child = &store->runs[i]->row;
        if (bw_id_eq(child->tenant, row->tenant) && bw_id_eq(child->parent, row->id))
            add_tree(looking, store->runs[i], root, depth + 1);
    }
}

static int by_id(const void *left, const void *right)
{
    const struct mem_run *const *a = left;
    const struct mem_run *const *b = right;
    return bw_id_cmp((*a)->row.id, (*b)->row.id);
}

static void look(struct looking *looking, struct bw_expiry_facts *facts)
{
    struct mem_store *store = looking->store;
    const struct bw_expiry_query *query = facts->query;
    struct mem_run **page = bw_xcalloc(store->run_count + 1, sizeof *page);
    size_t count = 0;
    for (size_t i = 0; i < store->run_count; i++) {
        const struct bw_run_row *row = &store->runs[i]->row;
        if (bw_id_eq(row->tenant, looking->tenant) && bw_id_cmp(row->id, query->after) > 0)
            page[count++] = store->runs[i];
    }
    if (count > 0)
        qsort(page, count, sizeof(struct mem_run *), by_id);
    if (count >= (size_t)query->limit) {
        count = (size_t)query->limit;
        facts->next = page[count - 1]->row.id;
    }
    for (size_t i = 0; i < count; i++) {
        const struct bw_run_row *row = &page[i]->row;
        if (bw_run_status_is_final(row->status) && row->updated_at_us < query->before_max_us &&
            !mem_find_run(store, row->tenant, row->parent))
            add_tree(looking, page[i], row->id, 0);
    }
    bw_free(page);
}

static void fail_value(struct mem_op *op, const struct bw_error *error)
{
    op->fn.value(op->ud, error, BW_STR_NONE);
}

static void run_find_expired(struct mem_store *store, struct mem_op *op)
{
    struct bw_error error = {.code = BW_ERR_OK};
    struct bw_expiry_query query;
    if (bw_expiry_query(op->text, &op->arena, &query, &error) != BW_ERR_OK) {
        fail_value(op, &error);
        return;
    }
    struct looking looking = {.store = store, .tenant = op->tenant};
    struct bw_expiry_facts facts = {.query = &query};
    struct bw_hold *holds = bw_xcalloc(store->hold_count + 1, sizeof *holds);
    for (size_t i = 0; i < store->hold_count; i++) {
        if (bw_id_eq(store->holds[i].tenant, op->tenant))
            holds[facts.hold_count++] = store->holds[i].hold;
    }
    look(&looking, &facts);
    facts.holds = holds;
    facts.runs = looking.found;
    facts.run_count = looking.found_count;
    facts.stamp = mem_retention_of(store, op->tenant)->stamp;
    struct bw_buf value;
    bw_buf_init(&value, BW_ROWS_VALUE_BYTES_MAX);
    bw_expiry_judge(&facts, &value);
    op->fn.value(op->ud, &error, bw_buf_str(&value));
    bw_buf_deinit(&value);
    bw_free(looking.found);
    bw_free(holds);
}

static void call(void *self, const char *what,
                 void (*run)(struct mem_store *store, struct mem_op *op), struct bw_id tenant,
                 struct bw_str args, bw_value_fn done, void *ud)
{
    struct mem_op *op = mem_op_make(self, what, run, fail_value, ud);
    op->fn.value = done;
    op->tenant = tenant;
    op->text = bw_arena_copy(&op->arena, args);
}

void mem_find_expired(void *self, struct bw_id tenant, struct bw_str args, bw_value_fn done,
                      void *ud)
{
    call(self, "find_expired", run_find_expired, tenant, args, done, ud);
}

/* --- Dropping -------------------------------------------------------------------------------- */

static bool is_among(struct mem_run *const *runs, size_t count, const struct mem_run *run)
{
    for (size_t i = 0; i < count; i++) {
        if (runs[i] == run)
            return true;
    }
    return false;
}

static bool has_child_that_stays(const struct mem_store *store, struct mem_run *const *runs,
                                 size_t count, const struct mem_run *run)
{
    for (size_t i = 0; i < store->run_count; i++) {
        struct mem_run *child = store->runs[i];
        if (bw_id_eq(child->row.tenant, run->row.tenant) &&
            bw_id_eq(child->row.parent, run->row.id) && !is_among(runs, count, child))
            return true;
    }
    return false;
}

/* The runs that go: finished, without an open task, and all their children with them. */
static size_t pick(struct mem_store *store, struct bw_id tenant, const struct bw_drop *drop,
                   struct mem_run **runs)
{
    size_t count = 0, before;
    for (size_t i = 0; i < drop->count; i++) {
        struct mem_run *run = mem_find_run(store, tenant, drop->runs[i]);
        if (run && bw_run_status_is_final(run->row.status) &&
            !has_open_task(store, tenant, run->row.id) && !is_among(runs, count, run))
            runs[count++] = run;
    }
    do {
        before = count;
        for (size_t i = 0; i < count; i++) {
            if (has_child_that_stays(store, runs, count, runs[i]))
                runs[i--] = runs[--count];
        }
    } while (count != before);
    return count;
}

static void drop_all(struct mem_store *store, struct mem_op *op, const struct bw_drop *drop)
{
    struct bw_error ok = {.code = BW_ERR_OK};
    int64_t at_us = drop->at_us ? drop->at_us : bw_clock_utc(store->clock).us;
    struct mem_run **runs = bw_xcalloc(drop->count + 1, sizeof *runs);
    size_t count = pick(store, op->tenant, drop, runs);
    int64_t turns = 0;
    char subject[40];
    for (size_t i = 0; i < count; i++) {
        bool remains = runs[i]->row.key.len > 0 || has_written(runs[i]);
        turns += (int64_t)runs[i]->turn_count;
        mem_forget_run(store, runs[i], remains, at_us, drop->under);
    }
    mem_retention_of(store, op->tenant)->dropped += (int64_t)count;
    snprintf(subject, sizeof subject, "%zu run%s", count, count == 1 ? "" : "s");
    if (count > 0)
        mem_audit(store, op->tenant,
                  &(struct bw_audit){drop->by, BW_STR("retention.drop"), bw_str_of(subject),
                                     drop->detail},
                  at_us);
    bw_free(runs);
    struct bw_buf value;
    bw_buf_init(&value, 256);
    bw_drop_put(&value, (int64_t)count, turns);
    op->fn.value(op->ud, &ok, bw_buf_str(&value));
    bw_buf_deinit(&value);
}

static void run_drop(struct mem_store *store, struct mem_op *op)
{
    struct bw_error error = {.code = BW_ERR_OK};
    struct bw_drop drop;
    if (bw_drop_from_args(op->text, &op->arena, &drop, &error) != BW_ERR_OK) {
        fail_value(op, &error);
    } else if (!mem_find_tenant(store, op->tenant)) {
        bw_fail(&error, BW_ERR_NOT_FOUND, "there is no such tenant");
        fail_value(op, &error);
    } else if (drop.stamp != mem_retention_of(store, op->tenant)->stamp) {
        bw_drop_fail_stale(&error);
        fail_value(op, &error);
    } else {
        drop_all(store, op, &drop);
    }
}

void mem_drop_runs(void *self, struct bw_id tenant, struct bw_str args, bw_value_fn done, void *ud)
{
    call(self, "drop_runs", run_drop, tenant, args, done, ud);
}

/* --- Holds ----------------------------------------------------------------------------------- */

int mem_by_hold_name(const void *left, const void *right)
{
    const struct mem_hold *a = left, *b = right;
    return bw_str_cmp(a->hold.name, b->hold.name);
}

static struct mem_hold *find_hold(const struct mem_store *store, struct bw_id tenant,
                                  struct bw_str name)
{
    for (size_t i = 0; i < store->hold_count; i++) {
        if (bw_id_eq(store->holds[i].tenant, tenant) && bw_str_eq(store->holds[i].hold.name, name))
            return &store->holds[i];
    }
    return NULL;
}

static void free_hold(struct bw_hold *hold)
{
    mem_disown(&hold->name);
    mem_disown(&hold->scope_id);
    mem_disown(&hold->reason);
    mem_disown(&hold->set_by);
}

bool mem_is_retention(struct bw_str what)
{
    return bw_str_starts(what, BW_STR("hold")) || bw_str_eq(what, BW_STR("retention")) ||
           bw_str_eq(what, BW_STR("room"));
}

static void add_hold(struct mem_store *store, struct bw_id tenant, const struct bw_hold *from)
{
    struct bw_hold hold = *from;
    hold.name = mem_own(from->name);
    hold.scope_id = mem_own(from->scope_id);
    hold.reason = mem_own(from->reason);
    hold.set_by = mem_own(from->set_by);
    hold.set_at_us = from->set_at_us ? from->set_at_us : bw_clock_utc(store->clock).us;
    MEM_PUSH(store->holds, store->hold_count, (struct mem_hold){tenant, hold});
}

enum bw_err mem_write_retention(struct mem_store *store, struct bw_id tenant, struct bw_str what,
                                struct bw_str args, struct bw_error *error)
{
    struct bw_hold hold;
    bool is_end = bw_str_eq(what, BW_STR("hold_end"));
    bool is_hold = is_end || bw_str_eq(what, BW_STR("hold"));
    if (bw_str_eq(what, BW_STR("room")))
        return BW_ERR_OK; /* it has no partitions */
    if (is_hold && bw_hold_from_args(what, args, &hold, error) != BW_ERR_OK)
        return error->code;
    if (!is_hold && !bw_str_eq(what, BW_STR("retention")))
        return bw_fail(error, BW_ERR_INVALID, "nothing is called %.*s", BW_STR_ARG(what));
    if (!mem_find_tenant(store, tenant) && !is_end) /* nobody has no holds */
        return bw_fail(error, BW_ERR_NOT_FOUND, "there is no such tenant");
    if (!is_hold) {
        struct bw_value map = bw_value_read(args);
        mem_replace(&mem_retention_of(store, tenant)->last, bw_value_get(&map, "last").encoded);
        return BW_ERR_OK;
    }
    struct mem_hold *there = find_hold(store, tenant, hold.name);
    if (is_end && !there)
        return bw_fail(error, BW_ERR_NOT_FOUND, "there is no hold %.*s", BW_STR_ARG(hold.name));
    bool is_same = there && !is_end && there->hold.scope == hold.scope &&
                   bw_str_eq(there->hold.scope_id, hold.scope_id);
    if (there && !is_end)
        return is_same ? BW_ERR_OK : bw_hold_fail_other(&there->hold, error);
    mem_audit(store, tenant,
              &(struct bw_audit){hold.set_by, is_end ? BW_STR("hold.remove") : BW_STR("hold.add"),
                                 hold.name, args},
              hold.set_at_us);
    mem_retention_of(store, tenant)->stamp++;
    if (is_end) {
        free_hold(&there->hold);
        *there = store->holds[--store->hold_count];
    } else {
        add_hold(store, tenant, &hold);
    }
    return BW_ERR_OK;
}

void mem_free_retention(struct mem_store *store)
{
    for (size_t i = 0; i < store->hold_count; i++)
        free_hold(&store->holds[i].hold);
    for (size_t i = 0; i < store->retention_count; i++)
        mem_disown(&store->retentions[i].last);
    bw_free(store->holds);
    bw_free(store->retentions);
}
