/* group.c - see group.h. */
#include "core/group.h"

#include "base/assert.h"
#include "base/fault.h"
#include "core/inside.h"

enum {
    BATCHES_SPARE_MAX = 1024,
    /* A script's database transaction, in turns without one: it takes milliseconds, and the locks
     * it takes are held until the group's commit. */
    WORK_WEIGHT = 32,
};

void bw_groups_init(struct bw_groups *groups)
{
    *groups = (struct bw_groups){0};
    bw_list_init(&groups->queue);
    bw_list_init(&groups->spare);
}

static void batch_free(struct bw_batch *batch)
{
    bw_batch_deinit(batch);
    bw_free(batch);
}

void bw_groups_deinit(struct bw_engine *engine, struct bw_groups *groups)
{
    struct bw_list *link;
    while ((link = bw_list_pop_front(&groups->queue)))
        bw_group_release(engine, bw_container_of(link, struct bw_batch, link));
    while ((link = bw_list_pop_front(&groups->spare)))
        batch_free(bw_container_of(link, struct bw_batch, link));
    bw_free(groups->commits);
    bw_groups_init(groups);
}

struct bw_batch *bw_group_batch(struct bw_engine *engine)
{
    struct bw_list *link = bw_list_pop_front(&engine->groups.spare);
    if (link) {
        engine->groups.spare_count--;
        return bw_container_of(link, struct bw_batch, link);
    }
    struct bw_batch *batch = bw_xmalloc(sizeof *batch);
    bw_batch_init(batch);
    return batch;
}

void bw_group_release(struct bw_engine *engine, struct bw_batch *batch)
{
    if (!batch->is_taken) {
        for (size_t i = 0; i < batch->begin_count; i++)
            bw_effect_destroy(engine, batch->begins[i]);
    }
    batch->begin_count = 0;
    if (batch->frame)
        bw_frame_unref(batch->frame);
    batch->frame = NULL;
    if (engine->groups.spare_count >= BATCHES_SPARE_MAX) {
        batch_free(batch);
        return;
    }
    bw_batch_reset(batch);
    bw_list_push_back(&engine->groups.spare, &batch->link);
    engine->groups.spare_count++;
}

static void count_committing(struct bw_engine *engine, const struct bw_run *run, bool has_begun)
{
    engine->committing_count += has_begun ? 1 : (size_t)-1;
    bw_sched_committing(&engine->sched, run, has_begun);
}

static size_t weight_of(const struct bw_batch *batch)
{
    return 1 + WORK_WEIGHT * batch->commit.db_work_count;
}

static void enqueue(struct bw_groups *groups, struct bw_batch *batch)
{
    bw_list_push_back(&groups->queue, &batch->link);
    groups->queue_count++;
    groups->queue_weight += weight_of(batch);
}

static void dequeue(struct bw_groups *groups, struct bw_batch *batch)
{
    bw_list_remove(&batch->link);
    groups->queue_count--;
    groups->queue_weight -= weight_of(batch);
}

void bw_group_add(struct bw_engine *engine, struct bw_batch *batch)
{
    BW_ASSERT(batch->run && batch->run->state == BW_RUN_STATE_COMMITTING);
    enqueue(&engine->groups, batch);
    count_committing(engine, batch->run, true);
}

void bw_group_drop(struct bw_engine *engine, uint32_t shard)
{
    struct bw_groups *groups = &engine->groups;
    BW_LIST_EACH(&groups->queue, link) {
        struct bw_batch *batch = bw_container_of(link, struct bw_batch, link);
        if (batch->run->shard != shard)
            continue;
        dequeue(groups, batch);
        count_committing(engine, batch->run, false);
        bw_engine_reject(engine, batch, BW_COMMIT_FENCED, "the shard has another owner");
    }
}

/* The transaction is over: each batch has its own verdict. */
static void committed(struct bw_engine *engine, struct bw_call *call)
{
    struct bw_list *link;
    size_t i = 0;
    (void)BW_FAULT(TURN_AFTER_COMMIT);
    engine->groups.lanes_busy--;
    while ((link = bw_list_pop_front(&call->batches))) {
        struct bw_batch *batch = bw_container_of(link, struct bw_batch, link);
        BW_ASSERT(i < call->count);
        count_committing(engine, batch->run, false);
        if (call->commits[i].status == BW_COMMIT_DONE)
            bw_engine_apply(engine, batch);
        else
            bw_engine_reject(engine, batch, call->commits[i].status, call->commits[i].text);
        i++;
    }
}

static void send(struct bw_engine *engine)
{
    struct bw_groups *groups = &engine->groups;
    struct bw_store *store = engine->config.store;
    struct bw_call *call = bw_call_open(engine, committed);
    size_t count = 0, weight = 0;
    if (!groups->commits)
        groups->commits = bw_xmalloc(engine->limits.group_max * sizeof *groups->commits);
    while (weight < engine->limits.group_max && !bw_list_is_empty(&groups->queue)) {
        struct bw_batch *batch = bw_container_of(groups->queue.next, struct bw_batch, link);
        dequeue(groups, batch);
        weight += weight_of(batch);
        groups->commits[count++] = batch->commit;
        bw_list_push_back(&call->batches, &batch->link);
    }
    groups->lanes_busy++;
    engine->counters.commits++;
    (void)BW_FAULT(TURN_BEFORE_COMMIT);
    store->commit(store->self, groups->commits, count, bw_call_on_commit, call);
    (void)BW_FAULT(TURN_AFTER_SEND);
}

void bw_group_flush(struct bw_engine *engine)
{
    struct bw_groups *groups = &engine->groups;
    unsigned lanes = engine->config.store->lanes ? engine->config.store->lanes : 1;
    /* An old lease: the fence would catch it, but we do not even try. */
    if (!bw_lease_may_act(engine))
        return;
    while (groups->lanes_busy < lanes &&
           groups->queue_weight >= (groups->lanes_busy ? engine->limits.group_beside_min : 1))
        send(engine);
}
