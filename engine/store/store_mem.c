/* store_mem.c - the memory store: calls are copied and queued, the pump performs them. See
 * mem_store.h for its parts. */
#include "store/store_mem.h"

#include "base/assert.h"
#include "store/check.h"
#include "store/mem_store.h"
#include <stdio.h>

struct mem_op *mem_op_make(void *self, const char *what,
                           void (*run)(struct mem_store *store, struct mem_op *op),
                           void (*fail)(struct mem_op *op, const struct bw_error *error), void *ud)
{
    struct mem_store *store = self;
    BW_ASSERT(!store->is_closing);
    struct mem_op *op = bw_xcalloc(1, sizeof *op);
    bw_arena_init(&op->arena);
    bw_list_init(&op->link);
    op->what = what;
    op->run = run;
    op->fail = fail;
    op->ud = ud;
    bw_list_push_back(&store->ops, &op->link);
    return op;
}

static void op_free(struct mem_op *op)
{
    bw_arena_deinit(&op->arena);
    bw_free(op);
}

static void fail_done(struct mem_op *op, const struct bw_error *error)
{
    op->fn.done(op->ud, error);
}

static void fail_lease(struct mem_op *op, const struct bw_error *error)
{
    struct bw_leases none = {0};
    op->fn.lease(op->ud, error, &none);
}

static void fail_start(struct mem_op *op, const struct bw_error *error)
{
    op->fn.start(op->ud, error, (struct bw_id){{0}}, false);
}

static void fail_load(struct mem_op *op, const struct bw_error *error)
{
    op->fn.load(op->ud, error, NULL);
}

static void fail_scan(struct mem_op *op, const struct bw_error *error)
{
    op->fn.scan(op->ud, error, NULL, 0);
}

static void fail_value(struct mem_op *op, const struct bw_error *error)
{
    op->fn.value(op->ud, error, BW_STR_NONE);
}

static void fail_release(struct mem_op *op, const struct bw_error *error)
{
    op->fn.release(op->ud, error, NULL);
}

/* Closing gives CONFLICT (reload, if you are still there); a fault refuses. */
static void fail_commit(struct mem_op *op, const struct bw_error *error)
{
    for (size_t i = 0; i < op->count; i++) {
        op->results[i].status =
            error->code == BW_ERR_CANCELLED ? BW_COMMIT_CONFLICT : BW_COMMIT_REFUSED;
        op->results[i].error = *error;
    }
    op->fn.commit(op->ud, op->results, op->count);
}

/* --- Leases ---------------------------------------------------------------------------------- */

static void run_migrate(struct mem_store *store, struct mem_op *op)
{
    (void)store;
    struct bw_error ok = {.code = BW_ERR_OK};
    op->fn.done(op->ud, &ok);
}

static void mem_migrate(void *self, bw_done_fn done, void *ud)
{
    mem_op_make(self, "migrate", run_migrate, fail_done, ud)->fn.done = done;
}

/* Enters the node, or its new term, and counts those that live. */
static size_t meet_nodes(struct mem_store *store, const struct mem_op *op, int64_t now_us)
{
    struct mem_node *me = NULL;
    size_t live_count = 1;
    for (size_t i = 0; i < store->node_count; i++) {
        if (bw_str_eq(store->nodes[i].name, op->text))
            me = &store->nodes[i];
        else if (store->nodes[i].until_us >= now_us)
            live_count++;
    }
    if (!me) {
        MEM_PUSH(store->nodes, store->node_count, (struct mem_node){.name = mem_own(op->text)});
        me = &store->nodes[store->node_count - 1];
    }
    me->until_us = now_us + op->number * BW_US_PER_MS;
    return live_count;
}

static bool is_held(const struct mem_store *store, const struct mem_op *op, uint32_t shard)
{
    return (op->shards >> shard & 1) && bw_str_eq(store->shards[shard].owner, op->text);
}

static void run_lease(struct mem_store *store, struct mem_op *op)
{
    struct bw_error ok = {.code = BW_ERR_OK};
    struct bw_shard_lease items[BW_SHARD_COUNT];
    struct bw_leases leases = {.items = items};
    int64_t now_us = bw_clock_utc(store->clock).us;
    leases.node_count = meet_nodes(store, op, now_us);
    size_t share = (BW_SHARD_COUNT + leases.node_count - 1) / leases.node_count;
    size_t owned = 0;
    for (uint32_t i = 0; i < BW_SHARD_COUNT; i++)
        owned += is_held(store, op, i);
    for (uint32_t i = 0; i < BW_SHARD_COUNT; i++) {
        struct mem_shard *shard = &store->shards[i];
        if (op->spared >> i & 1)
            continue;
        bool is_free =
            !shard->owner.len || shard->until_us < now_us || bw_str_eq(shard->owner, op->text);
        if (!is_held(store, op, i)) {
            if (!op->flag && !is_free)
                continue;
            if (!op->flag && owned >= share) { /* a former self's, and too many: for others */
                mem_disown(&shard->owner);
                continue;
            }
            mem_replace(&shard->owner, op->text);
            shard->epoch++;
            owned++;
        }
        shard->until_us = now_us + op->number * BW_US_PER_MS;
        items[leases.count++] = (struct bw_shard_lease){i, shard->epoch};
    }
    op->fn.lease(op->ud, &ok, &leases);
}

static void mem_lease(void *self, const struct bw_lease_wish *wish, bw_lease_fn done, void *ud)
{
    struct mem_op *op = mem_op_make(self, "lease", run_lease, fail_lease, ud);
    op->fn.lease = done;
    op->text = bw_arena_copy(&op->arena, wish->node);
    op->number = wish->ms;
    op->shards = wish->held;
    op->spared = wish->spared;
    op->flag = wish->take_over;
}

static void run_release_leases(struct mem_store *store, struct mem_op *op)
{
    struct bw_error ok = {.code = BW_ERR_OK};
    for (uint32_t i = 0; i < BW_SHARD_COUNT; i++) {
        if ((op->shards >> i & 1) && bw_str_eq(store->shards[i].owner, op->text))
            mem_disown(&store->shards[i].owner);
    }
    for (size_t i = 0; i < store->node_count && op->shards == BW_SHARDS_ALL; i++) {
        if (bw_str_eq(store->nodes[i].name, op->text))
            store->nodes[i].until_us = INT64_MIN;
    }
    op->fn.done(op->ud, &ok);
}

static void mem_release_leases(void *self, struct bw_str node, bw_shards shards, bw_done_fn done,
                               void *ud)
{
    struct mem_op *op = mem_op_make(self, "release_leases", run_release_leases, fail_done, ud);
    op->fn.done = done;
    op->text = bw_arena_copy(&op->arena, node);
    op->shards = shards;
}

/* --- Commits and the door -------------------------------------------------------------------- */

static void run_commit(struct mem_store *store, struct mem_op *op)
{
    mem_commit(store, op->in.commits, op->results, op->count);
    op->fn.commit(op->ud, op->results, op->count);
}

static void mem_commit_call(void *self, const struct bw_turn_commit *commits, size_t count,
                            bw_commit_fn done, void *ud)
{
    struct mem_op *op = mem_op_make(self, "commit", run_commit, fail_commit, ud);
    op->fn.commit = done;
    op->count = count;
    op->in.commits = bw_arena_calloc(&op->arena, count + 1, sizeof *op->in.commits);
    op->results = bw_arena_calloc(&op->arena, count + 1, sizeof *op->results);
    for (size_t i = 0; i < count; i++)
        bw_copy_commit(&op->arena, &commits[i], &op->in.commits[i]);
}

static void audit_act(struct mem_store *store, struct bw_id tenant, struct bw_str actor,
                      const char *action, struct bw_id subject, struct bw_str detail, int64_t at_us)
{
    char id[BW_ID_TEXT_LEN + 1];
    bw_id_print(subject, id);
    mem_audit(store, tenant,
              &(struct bw_audit){actor, bw_str_of(action), bw_str(id, BW_ID_TEXT_LEN), detail},
              at_us);
}

static void run_start(struct mem_store *store, struct mem_op *op)
{
    struct bw_error error = {.code = BW_ERR_OK};
    const struct bw_run_row *row = &op->in.row;
    if (bw_check_run(row, &error) != BW_ERR_OK) {
        fail_start(op, &error);
        return;
    }
    struct mem_run *run = mem_find_key(store, row->tenant, row->workflow, row->key);
    if (!run)
        run = mem_find_run(store, row->tenant, row->id);
    if (!run)
        run = mem_find_remnant(store, row->tenant, row->id);
    if (!run) {
        run = mem_add_run(store, row);
        audit_act(store, row->tenant, row->started_by, "run.start", row->id, BW_STR_NONE,
                  row->created_at_us);
    }
    op->fn.start(op->ud, &error, run->row.id, bw_id_eq(run->row.id, row->id));
}

static void mem_start_run(void *self, const struct bw_run_row *row, bw_start_fn done, void *ud)
{
    struct mem_op *op = mem_op_make(self, "start_run", run_start, fail_start, ud);
    op->fn.start = done;
    bw_copy_new_run(&op->arena, row, &op->in.row);
}

static void run_message(struct mem_store *store, struct mem_op *op)
{
    struct bw_error error = {.code = BW_ERR_OK};
    const struct bw_message *row = &op->in.message;
    struct mem_run *run = mem_find_run(store, row->tenant, row->run);
    if (bw_check_message(row, &error) != BW_ERR_OK)
        ;
    else if (!run)
        bw_fail(&error, BW_ERR_NOT_FOUND, "there is no such run");
    else if (bw_run_status_is_final(run->row.status) && !mem_find_message(run, row->key))
        bw_fail(&error, BW_ERR_CONFLICT, "the run has ended (%s): it takes no more messages",
                bw_run_status_name(run->row.status));
    else if (mem_add_message(store, run, row->key, row->kind, row->seq, row->value, NULL) &&
             row->kind == BW_MESSAGE_CANCEL)
        audit_act(store, row->tenant, bw_rows_by(row->value), "run.cancel", row->run, row->value,
                  0);
    if (error.code == BW_ERR_OK) /* told again, in case it was not heard */
        mem_mail(store, row->tenant, row->run);
    op->fn.done(op->ud, &error);
}

static void mem_put_message(void *self, const struct bw_message *message, bw_done_fn done, void *ud)
{
    struct mem_op *op = mem_op_make(self, "put_message", run_message, fail_done, ud);
    op->fn.done = done;
    bw_copy_message(&op->arena, message, &op->in.message);
}

static void run_event(struct mem_store *store, struct mem_op *op)
{
    struct bw_error error = {.code = BW_ERR_OK};
    if (bw_check_event(&op->in.event, &error) == BW_ERR_OK)
        mem_put_event(store, &op->in.event, bw_clock_utc(store->clock).us);
    op->fn.done(op->ud, &error);
}

static void mem_put_event_call(void *self, const struct bw_event *event, bw_done_fn done, void *ud)
{
    struct mem_op *op = mem_op_make(self, "put_event", run_event, fail_done, ud);
    op->fn.done = done;
    bw_copy_event(&op->arena, event, &op->in.event);
}

static void run_answer(struct mem_store *store, struct mem_op *op)
{
    struct bw_error error = {.code = BW_ERR_OK};
    struct mem_task *task = mem_find_task(store, op->tenant, op->id);
    bool is_ours =
        task && task->row.status == BW_TASK_ANSWERED && bw_str_eq(task->row.answer, op->text);
    if (!task) {
        bw_fail(&error, BW_ERR_NOT_FOUND, "there is no such task");
    } else if (task->row.status == BW_TASK_OPEN && bw_check_answer(op->text, &error) == BW_ERR_OK) {
        struct mem_run *run = mem_find_run(store, op->tenant, task->row.run);
        char key[32];
        snprintf(key, sizeof key, "task:%llu", (unsigned long long)task->row.task.seq);
        task->row.status = BW_TASK_ANSWERED;
        task->row.answer = mem_own(op->text);
        task->row.answered_at_us = bw_clock_utc(store->clock).us;
        mem_add_message(store, run, bw_str_of(key), BW_MESSAGE_OUTCOME, task->row.task.seq,
                        op->text, NULL);
        audit_act(store, op->tenant, bw_rows_by(op->text), "task.answer", op->id, op->text, 0);
    } else if (task->row.status != BW_TASK_OPEN && !is_ours) {
        bw_rows_fail_answered(&error, task->row.status, task->row.answer, task->row.answered_at_us);
    }
    if (error.code == BW_ERR_OK)
        mem_mail(store, op->tenant, task->row.run);
    op->fn.done(op->ud, &error);
}

static void mem_answer_task(void *self, struct bw_id tenant, struct bw_id task,
                            struct bw_str answer, bw_done_fn done, void *ud)
{
    struct mem_op *op = mem_op_make(self, "answer_task", run_answer, fail_done, ud);
    op->fn.done = done;
    op->tenant = tenant;
    op->id = task;
    op->text = bw_arena_copy(&op->arena, answer);
}

/* --- Reads ----------------------------------------------------------------------------------- */

static void run_load(struct mem_store *store, struct mem_op *op)
{
    mem_load(store, op->tenant, op->id, op->flag, op->fn.load, op->ud);
}

static void load_call(void *self, const char *what, struct bw_id tenant, struct bw_id run,
                      bool has_turns, bw_load_fn done, void *ud)
{
    struct mem_op *op = mem_op_make(self, what, run_load, fail_load, ud);
    op->fn.load = done;
    op->tenant = tenant;
    op->id = run;
    op->flag = has_turns;
}

static void mem_load_call(void *self, struct bw_id tenant, struct bw_id run, bw_load_fn done,
                          void *ud)
{
    load_call(self, "load", tenant, run, true, done, ud);
}

static void mem_load_mail(void *self, struct bw_id tenant, struct bw_id run, bw_load_fn done,
                          void *ud)
{
    load_call(self, "load_mail", tenant, run, false, done, ud);
}

static void run_scan(struct mem_store *store, struct mem_op *op)
{
    mem_scan(store, (enum bw_scan)op->tenant.bytes[0], op->shards, op->number, op->count,
             op->fn.scan, op->ud);
}

static void mem_scan_call(void *self, enum bw_scan what, bw_shards shards, int64_t limit_us,
                          size_t count_max, bw_scan_fn done, void *ud)
{
    struct mem_op *op = mem_op_make(self, "scan", run_scan, fail_scan, ud);
    op->fn.scan = done;
    op->tenant.bytes[0] = (uint8_t)what;
    op->shards = shards;
    op->number = limit_us;
    op->count = count_max;
}

static void run_query(struct mem_store *store, struct mem_op *op)
{
    mem_start_query(store, op->tenant, op->text, op->more, op->params, op->fn.value, op->ud);
}

static void run_settings(struct mem_store *store, struct mem_op *op)
{
    mem_settings(store, op->tenant, op->text, op->fn.value, op->ud);
}

static void run_read(struct mem_store *store, struct mem_op *op)
{
    mem_read(store, op->tenant, op->text, op->more, op->fn.value, op->ud);
}

static struct mem_op *value_call(void *self, const char *what,
                                 void (*run)(struct mem_store *, struct mem_op *),
                                 struct bw_id tenant, struct bw_str text, struct bw_str more,
                                 bw_value_fn done, void *ud)
{
    struct mem_op *op = mem_op_make(self, what, run, fail_value, ud);
    op->fn.value = done;
    op->tenant = tenant;
    op->text = bw_arena_copy(&op->arena, text);
    op->more = bw_arena_copy(&op->arena, more);
    return op;
}

static void mem_query(void *self, struct bw_id tenant, struct bw_str name, struct bw_str sql,
                      struct bw_str params, bw_value_fn done, void *ud)
{
    struct mem_op *op = value_call(self, "query", run_query, tenant, name, sql, done, ud);
    op->params = bw_arena_copy(&op->arena, params);
}

static void mem_settings_call(void *self, struct bw_id tenant, struct bw_str args, bw_value_fn done,
                              void *ud)
{
    value_call(self, "settings", run_settings, tenant, args, BW_STR_NONE, done, ud);
}

static void mem_read_call(void *self, struct bw_id tenant, struct bw_str what, struct bw_str args,
                          bw_value_fn done, void *ud)
{
    value_call(self, "read", run_read, tenant, what, args, done, ud);
}

/* --- Tenants, releases, writes --------------------------------------------------------------- */

static struct mem_tenant *tenant_by_name(const struct mem_store *store, struct bw_str name)
{
    for (size_t i = 0; i < store->tenant_count; i++) {
        if (bw_str_eq(store->tenants[i]->name, name))
            return store->tenants[i];
    }
    return NULL;
}

static void run_put_tenant(struct mem_store *store, struct mem_op *op)
{
    struct bw_error error = {.code = BW_ERR_OK};
    struct mem_tenant *named = tenant_by_name(store, op->text);
    struct mem_tenant *tenant = mem_find_tenant(store, op->tenant);
    if (named && named != tenant) {
        bw_fail(&error, BW_ERR_CONFLICT, "there is a tenant called %.*s already",
                BW_STR_ARG(op->text));
    } else if (tenant) {
        mem_replace(&tenant->name, op->text);
    } else {
        tenant = bw_xcalloc(1, sizeof *tenant);
        *tenant = (struct mem_tenant){
            op->tenant, mem_own(op->text), bw_clock_utc(store->clock).us, NULL, {.weight = 100}};
        MEM_PUSH(store->tenants, store->tenant_count, tenant);
    }
    op->fn.done(op->ud, &error);
}

static void mem_put_tenant(void *self, struct bw_id tenant, struct bw_str name, bw_done_fn done,
                           void *ud)
{
    struct mem_op *op = mem_op_make(self, "put_tenant", run_put_tenant, fail_done, ud);
    op->fn.done = done;
    op->tenant = tenant;
    op->text = bw_arena_copy(&op->arena, name);
}

static void run_find_tenant(struct mem_store *store, struct mem_op *op)
{
    struct bw_error error = {.code = BW_ERR_OK};
    struct mem_tenant *tenant = tenant_by_name(store, op->text);
    if (!tenant)
        bw_fail(&error, BW_ERR_NOT_FOUND, "there is no tenant called %.*s", BW_STR_ARG(op->text));
    op->fn.start(op->ud, &error, tenant ? tenant->id : (struct bw_id){{0}}, false);
}

static void mem_find_tenant_call(void *self, struct bw_str name, bw_start_fn done, void *ud)
{
    struct mem_op *op = mem_op_make(self, "find_tenant", run_find_tenant, fail_start, ud);
    op->fn.start = done;
    op->text = bw_arena_copy(&op->arena, name);
}

static struct bw_str hash_str(const uint8_t hash[BW_RELEASE_HASH_LEN])
{
    return bw_str((const char *)hash, BW_RELEASE_HASH_LEN);
}

static void run_put_release(struct mem_store *store, struct mem_op *op)
{
    struct bw_error error = {.code = BW_ERR_OK};
    struct mem_tenant *tenant = mem_find_tenant(store, op->tenant);
    if (!tenant && !bw_id_is_zero(op->tenant)) {
        bw_fail(&error, BW_ERR_NOT_FOUND, "there is no such tenant");
        op->fn.done(op->ud, &error);
        return;
    }
    struct mem_release *release = bw_map_get(&store->release_map, hash_str(op->in.release.hash));
    if (!release) {
        release = bw_xcalloc(1, sizeof *release);
        bw_arena_init(&release->arena);
        bw_copy_release(&release->arena, &op->in.release, &release->set);
        bw_map_put(&store->release_map, hash_str(release->set.hash), release);
    }
    if (tenant && op->flag)
        tenant->active = release;
    op->fn.done(op->ud, &error);
}

static void mem_put_release(void *self, struct bw_id tenant, const struct bw_release_set *release,
                            bool activate, bw_done_fn done, void *ud)
{
    struct mem_op *op = mem_op_make(self, "put_release", run_put_release, fail_done, ud);
    op->fn.done = done;
    op->tenant = tenant;
    op->flag = activate;
    bw_copy_release(&op->arena, release, &op->in.release);
}

static void run_get_release(struct mem_store *store, struct mem_op *op)
{
    struct bw_error error = {.code = BW_ERR_OK};
    struct mem_tenant *tenant = mem_find_tenant(store, op->tenant);
    struct mem_release *release =
        op->flag ? (tenant ? tenant->active : NULL) : bw_map_get(&store->release_map, op->text);
    if (!release)
        bw_fail(&error, BW_ERR_NOT_FOUND, "%s",
                op->flag ? "the tenant has no active release" : "there is no such release");
    struct bw_release_set found = {.files = NULL};
    if (release && !op->is_hash_only)
        found = release->set;
    if (release)
        memcpy(found.hash, release->set.hash, sizeof found.hash);
    op->fn.release(op->ud, &error, release ? &found : NULL);
}

static void mem_get_release(void *self, const uint8_t hash[BW_RELEASE_HASH_LEN], bw_release_fn done,
                            void *ud)
{
    struct mem_op *op = mem_op_make(self, "get_release", run_get_release, fail_release, ud);
    op->fn.release = done;
    op->text = bw_arena_copy(&op->arena, hash_str(hash));
}

static void mem_active_release(void *self, struct bw_id tenant, bool has_files, bw_release_fn done,
                               void *ud)
{
    struct mem_op *op = mem_op_make(self, "active_release", run_get_release, fail_release, ud);
    op->fn.release = done;
    op->tenant = tenant;
    op->flag = true;
    op->is_hash_only = !has_files;
}

static void run_write(struct mem_store *store, struct mem_op *op)
{
    struct bw_error error = {.code = BW_ERR_OK};
    if (mem_write(store, op->tenant, op->text, op->more, &error) == BW_ERR_OK)
        error.code = BW_ERR_OK;
    op->fn.done(op->ud, &error);
}

static void mem_write_call(void *self, struct bw_id tenant, struct bw_str what, struct bw_str args,
                           bw_done_fn done, void *ud)
{
    struct mem_op *op = mem_op_make(self, "write", run_write, fail_done, ud);
    op->fn.done = done;
    op->tenant = tenant;
    op->text = bw_arena_copy(&op->arena, what);
    op->more = bw_arena_copy(&op->arena, args);
}

/* --- Pump ------------------------------------------------------------------------------------ */

static void send_mail(struct mem_store *store)
{
    struct bw_id(*mail)[2] = store->mail;
    size_t count = store->mail_count;
    store->mail = NULL;
    store->mail_count = 0;
    for (size_t i = 0; i < count && store->on_mail; i++)
        store->on_mail(store->on_mail_ud, mail[i][0], mail[i][1]);
    bw_free(mail);
}

static enum bw_mem_fault next_fault(struct mem_store *store, const struct mem_op *op)
{
    return store->fault ? store->fault(store->fault_ud, op->what) : BW_MEM_GO;
}

/* A commit that lingers is done at once; only its answer waits. */
static void answer_commit(struct mem_store *store, struct mem_op *op)
{
    (void)store;
    op->fn.commit(op->ud, op->results, op->count);
}

void mem_break_commits(struct mem_store *store)
{
    BW_LIST_EACH(&store->ops, link) {
        struct mem_op *op = bw_container_of(link, struct mem_op, link);
        if (op->run != run_commit)
            continue;
        for (size_t i = 0; i < op->count; i++)
            op->results[i].status = BW_COMMIT_CONFLICT;
        op->run = answer_commit;
    }
}

static void op_perform(struct mem_store *store, struct mem_op *op, enum bw_mem_fault fault)
{
    struct bw_error error;
    bool lingers = fault == BW_MEM_LINGER && op->run == run_commit;
    if (lingers) {
        mem_commit(store, op->in.commits, op->results, op->count);
        op->run = answer_commit;
        bw_list_push_back(&store->answers, &op->link);
        return;
    }
    if (fault == BW_MEM_FAIL) {
        bw_fail(&error, BW_ERR_UNAVAILABLE, "the store fails on purpose (%s)", op->what);
        op->fail(op, &error);
    } else {
        op->run(store, op);
    }
    op_free(op);
    send_mail(store);
}

static void close_now(struct mem_store *store)
{
    struct bw_error error;
    bw_fail(&error, BW_ERR_CANCELLED, "the store is closing");
    bw_list_append_all(&store->answers, &store->ops);
    for (struct bw_list *link; (link = bw_list_pop_front(&store->answers));) {
        struct mem_op *op = bw_container_of(link, struct mem_op, link);
        if (op->run == answer_commit)
            op->run(store, op);
        else
            op->fail(op, &error);
        op_free(op);
    }
    BW_LIST_EACH(&store->requests, link) {
        struct mem_request *request = bw_container_of(link, struct mem_request, link);
        if (request->request.kind == BW_MEM_QUERY)
            request->done(request->ud, &error, BW_STR_NONE);
    }
    void (*closed)(void *ud) = store->closed;
    void *ud = store->closed_ud;
    mem_free_requests(store);
    mem_free_data(store);
    bw_free(store);
    if (closed)
        closed(ud);
}

bool bw_store_mem_pump(struct bw_store *table)
{
    struct mem_store *store = table->self;
    BW_ASSERT(!store->is_pumping);
    if (store->is_closing) {
        table->self = NULL;
        close_now(store);
        return true;
    }
    store->is_pumping = true;
    struct bw_list todo; /* what callbacks add is for the next pump */
    bw_list_init(&todo);
    bw_list_append_all(&todo, &store->answers);
    size_t answers = bw_list_count(&todo);
    bw_list_append_all(&todo, &store->ops);
    bool has_worked = mem_pump_requests(store);
    for (size_t i = 0; !bw_list_is_empty(&todo); i++) {
        struct mem_op *op = bw_container_of(todo.next, struct mem_op, link);
        enum bw_mem_fault fault = i < answers ? BW_MEM_GO : next_fault(store, op);
        if (fault == BW_MEM_DELAY) {
            bw_list_append_all(&todo, &store->ops);
            bw_list_append_all(&store->ops, &todo);
            break;
        }
        bw_list_remove(&op->link);
        op_perform(store, op, fault);
        has_worked = true;
    }
    has_worked = has_worked || store->mail_count > 0;
    send_mail(store);
    store->is_pumping = false;
    return has_worked;
}

/* --- Life ------------------------------------------------------------------------------------ */

static void mem_set_on_mail(void *self, bw_mail_fn on_mail, void *ud)
{
    struct mem_store *store = self;
    store->on_mail = on_mail;
    store->on_mail_ud = ud;
}

static void mem_set_on_failover(void *self, bw_failover_fn on_failover, void *ud)
{
    struct mem_store *store = self;
    store->on_failover = on_failover;
    store->on_failover_ud = ud;
}

void bw_store_mem_fail_over(struct bw_store *table)
{
    struct mem_store *store = table->self;
    store->timeline++;
    if (store->on_failover)
        store->on_failover(store->on_failover_ud, store->timeline - 1, store->timeline);
}

static void mem_close(void *self, void (*closed)(void *ud), void *ud)
{
    struct mem_store *store = self;
    store->is_closing = true;
    store->closed = closed;
    store->closed_ud = ud;
}

void bw_store_mem_set_fault(struct bw_store *table, bw_mem_fault_fn fault, void *ud)
{
    struct mem_store *store = table->self;
    store->fault = fault;
    store->fault_ud = ud;
}

void bw_store_mem_open(struct bw_store *table, const struct bw_clock *clock)
{
    struct mem_store *store = bw_xcalloc(1, sizeof *store);
    store->clock = clock;
    store->timeline = 1;
    bw_list_init(&store->ops);
    bw_list_init(&store->answers);
    bw_list_init(&store->requests);
    bw_map_init(&store->run_map);
    bw_map_init(&store->key_map);
    bw_map_init(&store->task_map);
    bw_map_init(&store->place_map);
    bw_map_init(&store->event_map);
    bw_map_init(&store->release_map);
    *table = (struct bw_store){
        .self = store,
        .migrate = mem_migrate,
        .lease = mem_lease,
        .release_leases = mem_release_leases,
        .commit = mem_commit_call,
        .lanes = 1,
        .start_run = mem_start_run,
        .put_message = mem_put_message,
        .put_event = mem_put_event_call,
        .answer_task = mem_answer_task,
        .load = mem_load_call,
        .scan = mem_scan_call,
        .query = mem_query,
        .settings = mem_settings_call,
        .read = mem_read_call,
        .put_tenant = mem_put_tenant,
        .find_tenant = mem_find_tenant_call,
        .put_release = mem_put_release,
        .get_release = mem_get_release,
        .active_release = mem_active_release,
        .write = mem_write_call,
        .load_mail = mem_load_mail,
        .due_schedules = mem_due_schedules,
        .fire_schedule = mem_fire_schedule,
        .find_expired = mem_find_expired,
        .drop_runs = mem_drop_runs,
        .check_turns = mem_check_turns,
        .look_at_history = mem_look_at_history,
        .set_on_mail = mem_set_on_mail,
        .set_on_failover = mem_set_on_failover,
        .close = mem_close,
    };
}
