/* mem_commit.c - a group commit in memory, and events finding their waiters. The order of the parts
 * is that of pg_commit.c, each for all turns of the group before the next one. */
#include "base/assert.h"
#include "store/check.h"
#include "store/mem_store.h"
#include "store/work.h"
#include <stdio.h>

/* --- Events ---------------------------------------------------------------------------------- */

static void match(struct mem_store *store, struct mem_place *place, int64_t now_us)
{
    BW_LIST_EACH(&place->waits, wait_link) {
        struct mem_wait *wait = bw_container_of(wait_link, struct mem_wait, link);
        if (wait->event || bw_run_status_is_final(wait->run->row.status))
            continue;
        BW_LIST_EACH(&place->events, link) {
            struct mem_event *event = bw_container_of(link, struct mem_event, link);
            bool is_expired = event->event.expires_at_us && event->event.expires_at_us <= now_us;
            if (event->is_taken || is_expired)
                continue;
            char key[32];
            snprintf(key, sizeof key, "event:%llu", (unsigned long long)wait->seq);
            event->is_taken = true;
            wait->event = event;
            struct bw_buf value;
            bw_buf_init(&value, BW_ROWS_VALUE_BYTES_MAX);
            bw_rows_put_event(&value, event->event.topic, event->event.key, event->event.id,
                              event->event.body);
            mem_add_message(store, wait->run, bw_str_of(key), BW_MESSAGE_OUTCOME, wait->seq,
                            bw_buf_str(&value), event);
            mem_mail(store, wait->run->row.tenant, wait->run->row.id);
            bw_buf_deinit(&value);
            break;
        }
        if (!wait->event)
            return; /* no event is left */
    }
}

/* Where it lies now; an event that was sent before changes nothing. */
static struct mem_place *add_event(struct mem_store *store, const struct bw_event *row)
{
    struct mem_place *place = mem_place(store, row->tenant, row->topic, row->key);
    struct bw_buf key = mem_event_key(row);
    if (!bw_map_get(&store->event_map, bw_buf_str(&key))) {
        struct mem_event *event = bw_xcalloc(1, sizeof *event);
        event->place = place;
        event->event = *row;
        event->event.topic = mem_own(row->topic);
        event->event.key = mem_own(row->key);
        event->event.id = mem_own(row->id);
        event->event.body = mem_own(row->body);
        bw_list_init(&event->link);
        bw_list_push_back(&event->place->events, &event->link);
        bw_map_put(&store->event_map, bw_buf_str(&key), event);
    }
    bw_buf_deinit(&key);
    return place;
}

void mem_put_event(struct mem_store *store, const struct bw_event *row, int64_t now_us)
{
    match(store, add_event(store, row), now_us);
}

static struct mem_wait *find_wait(const struct mem_run *run, uint64_t seq, size_t *at)
{
    for (size_t i = 0; i < run->wait_count; i++) {
        if (run->waits[i]->seq == seq) {
            *at = i;
            return run->waits[i];
        }
    }
    return NULL;
}

static void drop_wait(struct mem_run *run, size_t at)
{
    struct mem_wait *wait = run->waits[at];
    bw_list_remove(&wait->link);
    run->waits[at] = run->waits[--run->wait_count];
    bw_free(wait);
}

static void drop_message(struct mem_run *run, struct mem_message *message)
{
    size_t at = (size_t)(message - run->messages);
    mem_disown(&message->message.key);
    mem_disown(&message->message.value);
    run->message_count--;
    memmove(message, message + 1, (run->message_count - at) * sizeof *message);
}

/* The wait is over. An event it got but the run never saw is free again, at its old place. */
static struct mem_place *end_wait(struct mem_run *run, uint64_t seq)
{
    size_t at;
    struct mem_wait *wait = find_wait(run, seq, &at);
    if (!wait)
        return NULL;
    struct mem_place *place = wait->place;
    struct mem_event *event = wait->event;
    drop_wait(run, at);
    if (!event)
        return place;
    char key[32];
    snprintf(key, sizeof key, "event:%llu", (unsigned long long)seq);
    struct mem_message *message = mem_find_message(run, bw_str_of(key));
    if (message && !message->is_read) {
        event->is_taken = false;
        drop_message(run, message);
    }
    return place;
}

static struct mem_place *add_wait(struct mem_store *store, struct mem_run *run,
                                  const struct bw_wait *row)
{
    struct mem_place *place = mem_place(store, run->row.tenant, row->topic, row->key);
    size_t at;
    if (find_wait(run, row->seq, &at))
        return place;
    struct mem_wait *wait = bw_xcalloc(1, sizeof *wait);
    wait->run = run;
    wait->seq = row->seq;
    wait->place = place;
    bw_list_init(&wait->link);
    bw_list_push_back(&place->waits, &wait->link);
    MEM_PUSH(run->waits, run->wait_count, wait);
    return place;
}

/* The turns of a group that count. */
struct accepted {
    const struct bw_turn_commit *commit;
    struct mem_run *run;
};

/* Waits end before events come, and events come before waits begin: in the whole group, so that no
 * turn's event is given to a wait that another turn of the group ends. */
static void commit_events(struct mem_store *store, const struct accepted *turns, size_t count,
                          int64_t now_us)
{
    struct mem_place **touched = NULL;
    size_t touched_count = 0;
    for (size_t i = 0; i < count; i++) {
        for (size_t k = 0; k < turns[i].commit->unwait_count; k++) {
            struct mem_place *place = end_wait(turns[i].run, turns[i].commit->unwaits[k]);
            if (place)
                MEM_PUSH(touched, touched_count, place);
        }
    }
    for (size_t i = 0; i < count; i++) {
        for (size_t k = 0; k < turns[i].commit->event_count; k++)
            MEM_PUSH(touched, touched_count, add_event(store, &turns[i].commit->events[k]));
    }
    for (size_t i = 0; i < count; i++) {
        for (size_t k = 0; k < turns[i].commit->wait_count; k++)
            MEM_PUSH(touched, touched_count,
                     add_wait(store, turns[i].run, &turns[i].commit->waits[k]));
    }
    for (size_t i = 0; i < touched_count; i++)
        match(store, touched[i], now_us);
    bw_free(touched);
}

/* --- The other parts ------------------------------------------------------------------------- */

static void commit_row(struct mem_run *run, const struct bw_turn_commit *commit)
{
    struct bw_run_row *row = &run->row;
    if (commit->turn.len) {
        MEM_PUSH(run->turns, run->turn_count,
                 (struct mem_turn){commit->batch, commit->at_us, mem_own(commit->turn)});
        row->head++;
    }
    row->status = commit->status;
    row->wake = commit->wake;
    row->is_active = commit->is_active;
    row->wake_at_us = commit->wake_at_us;
    row->base = commit->base;
    row->last_seq = commit->last_seq;
    row->updated_at_us = commit->at_us;
    run->last_batch = commit->batch;
    if (commit->release)
        memcpy(row->release, commit->release, sizeof row->release);
    if (commit->state.len)
        mem_replace(&row->state, commit->state);
    if (commit->result.len)
        mem_replace(&row->result, commit->result);
    mem_replace(&row->error, commit->error);
}

static void commit_acks(struct mem_run *run, const struct bw_turn_commit *commit)
{
    for (size_t i = 0; i < commit->ack_count; i++) {
        struct mem_message *message = mem_find_message(run, commit->acks[i]);
        if (!message)
            continue;
        message->is_read = true;
        mem_disown(&message->message.value);
        size_t at;
        if (message->event && find_wait(run, message->message.seq, &at))
            drop_wait(run, at);
    }
}

/* A start key that another run has: a parent that waits for the result has to hear it. */
static void refuse_child(struct mem_store *store, const struct bw_run_row *row)
{
    struct mem_run *parent = mem_find_run(store, row->tenant, row->parent);
    if (!parent || row->parent_seq == 0)
        return;
    char key[32];
    struct bw_buf value;
    snprintf(key, sizeof key, "child:%llu", (unsigned long long)row->parent_seq);
    bw_buf_init(&value, 4096);
    bw_work_put_key_taken(&value, row->workflow, row->key);
    mem_add_message(store, parent, bw_str_of(key), BW_MESSAGE_ERROR, row->parent_seq,
                    bw_buf_str(&value), NULL);
    bw_buf_deinit(&value);
}

static void commit_children(struct mem_store *store, const struct bw_turn_commit *commit)
{
    for (size_t i = 0; i < commit->child_count; i++) {
        const struct bw_run_row *row = &commit->children[i];
        if (mem_find_run(store, row->tenant, row->id) ||
            mem_find_remnant(store, row->tenant, row->id))
            continue;
        if (mem_find_key(store, row->tenant, row->workflow, row->key)) {
            refuse_child(store, row);
            continue;
        }
        mem_add_run(store, row);
        mem_mail(store, row->tenant, row->id);
    }
}

static void commit_messages(struct mem_store *store, const struct bw_turn_commit *commit)
{
    for (size_t i = 0; i < commit->message_count; i++) {
        const struct bw_message *row = &commit->messages[i];
        struct mem_run *target = mem_find_run(store, row->tenant, row->run);
        if (target && !bw_run_status_is_final(target->row.status))
            mem_add_message(store, target, row->key, row->kind, row->seq, row->value, NULL);
    }
}

static void commit_tasks(struct mem_store *store, const struct bw_turn_commit *commit)
{
    for (size_t i = 0; i < commit->task_count; i++)
        mem_add_task(store, commit->tenant, commit->run, &commit->tasks[i], commit->at_us);
}

static void commit_closed_tasks(struct mem_store *store, const struct bw_turn_commit *commit)
{
    for (size_t i = 0; i < commit->closed_task_count; i++) {
        struct mem_task *task = mem_find_task(store, commit->tenant,
                                              bw_id_derive(commit->run, commit->closed_tasks[i]));
        for (size_t k = 0; !task && k < store->task_count; k++) {
            bool is_it = bw_id_eq(store->tasks[k]->tenant, commit->tenant) &&
                         bw_id_eq(store->tasks[k]->row.run, commit->run) &&
                         store->tasks[k]->row.task.seq == commit->closed_tasks[i];
            task = is_it ? store->tasks[k] : NULL;
        }
        if (task && task->row.status == BW_TASK_OPEN)
            task->row.status = BW_TASK_CLOSED;
    }
}

static void commit_notes(struct mem_store *store, struct mem_run *run,
                         const struct bw_turn_commit *commit)
{
    for (size_t i = 0; i < commit->note_count; i++)
        MEM_PUSH(
            run->notes, run->note_count,
            (struct mem_note){commit->expected_head + 1, commit->at_us, mem_own(commit->notes[i])});
    mem_audit(store, commit->tenant, &commit->audit, commit->at_us);
}

/* The run that this turn may change, or NULL, and why. */
static struct mem_run *accept(struct mem_store *store, const struct bw_turn_commit *commit,
                              struct bw_commit_result *result)
{
    *result = (struct bw_commit_result){.status = BW_COMMIT_DONE};
    struct mem_run *run = mem_find_run(store, commit->tenant, commit->run);
    BW_ASSERT(commit->shard < BW_SHARD_COUNT);
    if (bw_check_commit(commit, &result->error) != BW_ERR_OK)
        result->status = BW_COMMIT_REFUSED;
    else if (store->shards[commit->shard].epoch != commit->epoch)
        result->status = BW_COMMIT_FENCED;
    else if (!run || run->row.head != commit->expected_head)
        result->status = BW_COMMIT_CONFLICT;
    return result->status == BW_COMMIT_DONE ? run : NULL;
}

void mem_commit(struct mem_store *store, const struct bw_turn_commit *commits,
                struct bw_commit_result *results, size_t count)
{
    struct accepted *turns = bw_xcalloc(count + 1, sizeof *turns);
    size_t accepted = 0;
    int64_t now_us = 0;
    for (size_t i = 0; i < count; i++) {
        struct mem_run *run = accept(store, &commits[i], &results[i]);
        if (run)
            turns[accepted++] = (struct accepted){&commits[i], run};
        if (results[i].status != BW_COMMIT_REFUSED && commits[i].at_us > now_us)
            now_us = commits[i].at_us;
    }
    for (size_t i = 0; i < accepted; i++)
        commit_row(turns[i].run, turns[i].commit);
    for (size_t i = 0; i < accepted; i++)
        commit_acks(turns[i].run, turns[i].commit);
    for (size_t i = 0; i < accepted; i++)
        commit_children(store, turns[i].commit);
    for (size_t i = 0; i < accepted; i++)
        commit_messages(store, turns[i].commit);
    commit_events(store, turns, accepted, now_us);
    for (size_t i = 0; i < accepted; i++)
        commit_tasks(store, turns[i].commit);
    for (size_t i = 0; i < accepted; i++)
        commit_closed_tasks(store, turns[i].commit);
    for (size_t i = 0; i < accepted; i++)
        commit_notes(store, turns[i].run, turns[i].commit);
    for (size_t i = 0; i < accepted; i++) {
        const struct bw_turn_commit *commit = turns[i].commit;
        for (size_t k = 0; k < commit->db_work_count; k++)
            mem_start_work(store, turns[i].run, commit->db_works[k].seq,
                           commit->db_works[k].statements, commit->at_us);
    }
    bw_free(turns);
}
