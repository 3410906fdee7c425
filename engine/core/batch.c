/* batch.c - see batch.h. */
#include "core/batch.h"

#include "base/assert.h"

#include <inttypes.h>
#include <stdio.h>

enum { BATCH_ROWS_MIN = 4 };

void bw_batch_init(struct bw_batch *batch)
{
    *batch = (struct bw_batch){0};
    bw_list_init(&batch->link);
    bw_arena_init(&batch->arena);
}

void bw_batch_reset(struct bw_batch *batch)
{
    struct bw_arena arena = batch->arena;
    BW_ASSERT(batch->begin_count == 0);
    bw_arena_reset(&arena);
    *batch = (struct bw_batch){.arena = arena};
    bw_list_init(&batch->link);
}

void bw_batch_deinit(struct bw_batch *batch)
{
    BW_ASSERT(batch->begin_count == 0);
    bw_arena_deinit(&batch->arena);
}

/* Room for one more in an array of `count` items that doubles at powers of two. */
static void *grown(struct bw_batch *batch, void *array, size_t count, size_t size)
{
    size_t capacity;
    if (count == 0)
        capacity = BATCH_ROWS_MIN;
    else if (count >= BATCH_ROWS_MIN && (count & (count - 1)) == 0)
        capacity = count * 2;
    else
        return array;
    void *larger = bw_arena_alloc(&batch->arena, capacity * size);
    if (count)
        memcpy(larger, array, count * size);
    return larger;
}

void bw_batch_ack(struct bw_batch *batch, struct bw_str key)
{
    struct bw_turn_commit *commit = &batch->commit;
    batch->acks = grown(batch, batch->acks, commit->ack_count, sizeof *batch->acks);
    batch->acks[commit->ack_count++] = key;
    commit->acks = batch->acks;
}

void bw_batch_message(struct bw_batch *batch, struct bw_message message)
{
    struct bw_turn_commit *commit = &batch->commit;
    batch->messages = grown(batch, batch->messages, commit->message_count, sizeof message);
    batch->messages[commit->message_count++] = message;
    commit->messages = batch->messages;
}

void bw_batch_event(struct bw_batch *batch, struct bw_event event)
{
    struct bw_turn_commit *commit = &batch->commit;
    batch->events = grown(batch, batch->events, commit->event_count, sizeof event);
    batch->events[commit->event_count++] = event;
    commit->events = batch->events;
}

void bw_batch_wait(struct bw_batch *batch, struct bw_wait wait)
{
    struct bw_turn_commit *commit = &batch->commit;
    batch->waits = grown(batch, batch->waits, commit->wait_count, sizeof wait);
    batch->waits[commit->wait_count++] = wait;
    commit->waits = batch->waits;
}

void bw_batch_unwait(struct bw_batch *batch, uint64_t seq)
{
    struct bw_turn_commit *commit = &batch->commit;
    batch->unwaits = grown(batch, batch->unwaits, commit->unwait_count, sizeof seq);
    batch->unwaits[commit->unwait_count++] = seq;
    commit->unwaits = batch->unwaits;
}

void bw_batch_task(struct bw_batch *batch, struct bw_task task)
{
    struct bw_turn_commit *commit = &batch->commit;
    batch->tasks = grown(batch, batch->tasks, commit->task_count, sizeof task);
    batch->tasks[commit->task_count++] = task;
    commit->tasks = batch->tasks;
}

void bw_batch_close_task(struct bw_batch *batch, uint64_t seq)
{
    struct bw_turn_commit *commit = &batch->commit;
    batch->closed_tasks = grown(batch, batch->closed_tasks, commit->closed_task_count, sizeof seq);
    batch->closed_tasks[commit->closed_task_count++] = seq;
    commit->closed_tasks = batch->closed_tasks;
}

void bw_batch_child(struct bw_batch *batch, struct bw_run_row row)
{
    struct bw_turn_commit *commit = &batch->commit;
    batch->children = grown(batch, batch->children, commit->child_count, sizeof row);
    batch->children[commit->child_count++] = row;
    commit->children = batch->children;
}

void bw_batch_db_work(struct bw_batch *batch, struct bw_db_work work)
{
    struct bw_turn_commit *commit = &batch->commit;
    batch->db_works = grown(batch, batch->db_works, commit->db_work_count, sizeof work);
    batch->db_works[commit->db_work_count++] = work;
    commit->db_works = batch->db_works;
}

/* Drops the items of an array for which the condition on `at` holds. */
#define DROP_IF(items, count, condition)                                                           \
    do {                                                                                           \
        size_t kept = 0;                                                                           \
        for (size_t at = 0; at < (count); at++) {                                                  \
            if (!(condition))                                                                      \
                (items)[kept++] = (items)[at];                                                     \
        }                                                                                          \
        (count) = kept;                                                                            \
    } while (0)

void bw_batch_forget(struct bw_batch *batch, uint64_t seq)
{
    struct bw_turn_commit *commit = &batch->commit;
    struct bw_id id = bw_id_derive(commit->run, seq); /* of its child or task */
    DROP_IF(batch->waits, commit->wait_count, batch->waits[at].seq == seq);
    DROP_IF(batch->tasks, commit->task_count, batch->tasks[at].seq == seq);
    DROP_IF(batch->children, commit->child_count, bw_id_eq(batch->children[at].id, id));
    DROP_IF(batch->messages, commit->message_count, bw_id_eq(batch->messages[at].run, id));
    DROP_IF(batch->db_works, commit->db_work_count, batch->db_works[at].seq == seq);
}

void bw_batch_note(struct bw_batch *batch, struct bw_str note)
{
    struct bw_turn_commit *commit = &batch->commit;
    batch->notes = grown(batch, batch->notes, commit->note_count, sizeof note);
    batch->notes[commit->note_count++] = note;
    commit->notes = batch->notes;
}

void bw_batch_begin(struct bw_batch *batch, struct bw_effect *effect)
{
    batch->begins = grown(batch, batch->begins, batch->begin_count, sizeof effect);
    batch->begins[batch->begin_count++] = effect;
}

struct bw_str bw_batch_key(struct bw_batch *batch, const char *kind, uint64_t seq)
{
    char text[64];
    int len = snprintf(text, sizeof text, "%s:%" PRIu64, kind, seq);
    BW_ASSERT(len > 0 && (size_t)len < sizeof text);
    return bw_arena_copy(&batch->arena, bw_str(text, (size_t)len));
}
