/* copy.c - see copy.h. */
#include "store/copy.h"

static void *copy_array(struct bw_arena *arena, const void *items, size_t count, size_t len)
{
    if (count == 0)
        return NULL;
    void *copy = bw_arena_alloc(arena, count * len);
    memcpy(copy, items, count * len);
    return copy;
}

#define COPY_ARRAY(arena, items, count) copy_array((arena), (items), (count), sizeof *(items))

static void copy_str(struct bw_arena *arena, struct bw_str *text)
{
    if (text->len)
        *text = bw_arena_copy(arena, *text);
}

void bw_copy_new_run(struct bw_arena *arena, const struct bw_run_row *from, struct bw_run_row *to)
{
    *to = *from;
    copy_str(arena, &to->workflow);
    copy_str(arena, &to->key);
    copy_str(arena, &to->input);
    copy_str(arena, &to->started_by);
    to->state = to->result = to->error = BW_STR_NONE;
}

void bw_copy_message(struct bw_arena *arena, const struct bw_message *from, struct bw_message *to)
{
    *to = *from;
    copy_str(arena, &to->key);
    copy_str(arena, &to->value);
}

void bw_copy_event(struct bw_arena *arena, const struct bw_event *from, struct bw_event *to)
{
    *to = *from;
    copy_str(arena, &to->topic);
    copy_str(arena, &to->key);
    copy_str(arena, &to->id);
    copy_str(arena, &to->body);
}

static void copy_task(struct bw_arena *arena, struct bw_task *task)
{
    copy_str(arena, &task->kind);
    copy_str(arena, &task->group);
    copy_str(arena, &task->title);
    copy_str(arena, &task->body);
    copy_str(arena, &task->assignees);
}

void bw_copy_commit(struct bw_arena *arena, const struct bw_turn_commit *from,
                    struct bw_turn_commit *to)
{
    *to = *from;
    copy_str(arena, &to->turn);
    to->release = copy_array(arena, from->release, from->release ? BW_RELEASE_HASH_LEN : 0, 1);
    copy_str(arena, &to->state);
    copy_str(arena, &to->result);
    copy_str(arena, &to->error);
    struct bw_str *acks = COPY_ARRAY(arena, from->acks, from->ack_count);
    for (size_t i = 0; i < to->ack_count; i++)
        copy_str(arena, &acks[i]);
    struct bw_message *messages = COPY_ARRAY(arena, from->messages, from->message_count);
    for (size_t i = 0; i < to->message_count; i++)
        bw_copy_message(arena, &from->messages[i], &messages[i]);
    struct bw_event *events = COPY_ARRAY(arena, from->events, from->event_count);
    for (size_t i = 0; i < to->event_count; i++)
        bw_copy_event(arena, &from->events[i], &events[i]);
    struct bw_wait *waits = COPY_ARRAY(arena, from->waits, from->wait_count);
    for (size_t i = 0; i < to->wait_count; i++) {
        copy_str(arena, &waits[i].topic);
        copy_str(arena, &waits[i].key);
    }
    struct bw_task *tasks = COPY_ARRAY(arena, from->tasks, from->task_count);
    for (size_t i = 0; i < to->task_count; i++)
        copy_task(arena, &tasks[i]);
    struct bw_run_row *children = COPY_ARRAY(arena, from->children, from->child_count);
    for (size_t i = 0; i < to->child_count; i++)
        bw_copy_new_run(arena, &from->children[i], &children[i]);
    struct bw_db_work *works = COPY_ARRAY(arena, from->db_works, from->db_work_count);
    for (size_t i = 0; i < to->db_work_count; i++)
        copy_str(arena, &works[i].statements);
    struct bw_str *notes = COPY_ARRAY(arena, from->notes, from->note_count);
    for (size_t i = 0; i < to->note_count; i++)
        copy_str(arena, &notes[i]);
    copy_str(arena, &to->audit.actor);
    copy_str(arena, &to->audit.action);
    copy_str(arena, &to->audit.subject);
    copy_str(arena, &to->audit.detail);
    to->acks = acks;
    to->messages = messages;
    to->events = events;
    to->waits = waits;
    to->unwaits = COPY_ARRAY(arena, from->unwaits, from->unwait_count);
    to->tasks = tasks;
    to->closed_tasks = COPY_ARRAY(arena, from->closed_tasks, from->closed_task_count);
    to->children = children;
    to->db_works = works;
    to->notes = notes;
}

void bw_copy_release(struct bw_arena *arena, const struct bw_release_set *from,
                     struct bw_release_set *to)
{
    *to = *from;
    to->files = bw_arena_calloc(arena, from->count + 1, sizeof *to->files);
    for (size_t i = 0; i < from->count; i++) {
        to->files[i].name = bw_arena_copy(arena, from->files[i].name);
        to->files[i].bytes = bw_arena_copy(arena, from->files[i].bytes);
    }
}

void bw_copy_fire(struct bw_arena *arena, const struct bw_schedule_fire *from,
                  struct bw_schedule_fire *to)
{
    *to = *from;
    copy_str(arena, &to->name);
    copy_str(arena, &to->problem);
    struct bw_run_row *runs = COPY_ARRAY(arena, from->runs, from->run_count);
    for (size_t i = 0; i < to->run_count; i++)
        bw_copy_new_run(arena, &from->runs[i], &runs[i]);
    to->runs = runs;
}
