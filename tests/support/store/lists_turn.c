/* lists_turn.c - random group commits, for lists.h. */
#include "support/store/lists.h"

#include <stdio.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))

static void draw_row(struct list *list, const struct list_run *run, struct bw_turn_commit *commit)
{
    static const char *const TURNS[] = {"one", "two", "three", ""};
    uint32_t shard = (uint32_t)(bw_id_hash(run->id) % BW_SHARD_COUNT);
    *commit = (struct bw_turn_commit){
        .batch = list_id(list),
        .tenant = list->tenants[run->tenant],
        .run = run->id,
        .shard = shard,
        .epoch = list->epochs[shard],
        .expected_head = run->head,
        .turn = bw_str_of(TURNS[list_pick(list, COUNT(TURNS))]),
        .at_us = list->now_us - (int64_t)list_pick(list, 3),
        .status = BW_RUN_OPEN,
        .wake = (enum bw_wake_reason)(BW_WAKE_READY + (int)list_pick(list, 8)),
        .is_active = list_chance(list, 30),
        .base = run->base,
        .last_seq = list_pick(list, 20)};
    if (list_chance(list, 6))
        commit->epoch -= 1 - (int64_t)list_pick(list, 3) * 2;
    if (list_chance(list, 6))
        commit->expected_head += list_chance(list, 50) && run->head > 0 ? (uint64_t)-1 : 1;
    if (list_chance(list, 30))
        commit->wake_at_us = list->now_us + (int64_t)list_pick(list, 40000) - 20000;
    if (list_chance(list, 25)) {
        commit->status = (enum bw_run_status)(BW_RUN_PARKED + (int)list_pick(list, 4));
        commit->wake = commit->status == BW_RUN_PARKED ? BW_WAKE_PARKED : BW_WAKE_NONE;
        if (list_chance(list, 80))
            commit->is_active = false, commit->wake_at_us = 0;
    }
    if (run->status > BW_RUN_PARKED) { /* what has ended stays so */
        commit->status = run->status;
        commit->wake = BW_WAKE_NONE;
    }
    if (list_chance(list, 15) && commit->turn.len)
        commit->base = run->head + 1;
    if (list_chance(list, 15))
        commit->state = list_value(list);
    if (list_chance(list, 15))
        commit->result = list_value(list);
    if (commit->status == BW_RUN_PARKED ? list_chance(list, 80) : list_chance(list, 10))
        commit->error = list_value(list);
    if (!commit->turn.len && list_chance(list, 30)) {
        uint8_t *release = bw_arena_calloc(&list->arena, BW_RELEASE_HASH_LEN, 1);
        release[0] = 7;
        commit->release = release;
    }
}

static void draw_mail(struct list *list, struct bw_turn_commit *commit)
{
    size_t count = list_pick(list, 3);
    struct bw_str *acks = bw_arena_calloc(&list->arena, count + 1, sizeof *acks);
    for (size_t i = 0; i < count; i++)
        acks[i] = list_message_key(list);
    commit->acks = acks, commit->ack_count = count;

    count = list_chance(list, 40) ? list_pick(list, 3) : 0;
    struct bw_message *messages = bw_arena_calloc(&list->arena, count + 1, sizeof *messages);
    for (size_t i = 0; i < count; i++) {
        const struct list_run *to = list_run(list);
        messages[i] = (struct bw_message){.tenant = list->tenants[to->tenant],
                                          .run = list_chance(list, 5) ? list_id(list) : to->id,
                                          .key = list_message_key(list),
                                          .kind = list_chance(list, 30) ? BW_MESSAGE_ERROR
                                                                        : BW_MESSAGE_OUTCOME,
                                          .seq = list_pick(list, LIST_SEQS),
                                          .value = list_value(list)};
    }
    commit->messages = messages, commit->message_count = count;
}

static void draw_events(struct list *list, struct bw_turn_commit *commit)
{
    size_t count = list_chance(list, 30) ? list_pick(list, 3) : 0;
    struct bw_event *events = bw_arena_calloc(&list->arena, count + 1, sizeof *events);
    for (size_t i = 0; i < count; i++)
        list_draw_event(list, commit->tenant, &events[i]);
    commit->events = events, commit->event_count = count;

    count = list_chance(list, 40) ? list_pick(list, 3) : 0;
    struct bw_wait *waits = bw_arena_calloc(&list->arena, count + 1, sizeof *waits);
    for (size_t i = 0; i < count; i++)
        waits[i] = (struct bw_wait){.seq = 1 + list_pick(list, 4),
                                    .topic = list_place_topic(list),
                                    .key = list_place_key(list)};
    commit->waits = waits, commit->wait_count = count;

    count = list_chance(list, 25) ? list_pick(list, 3) : 0;
    uint64_t *unwaits = bw_arena_calloc(&list->arena, count + 1, sizeof *unwaits);
    for (size_t i = 0; i < count; i++)
        unwaits[i] = 1 + list_pick(list, 4);
    commit->unwaits = unwaits, commit->unwait_count = count;
}

static void draw_tasks(struct list *list, struct bw_turn_commit *commit)
{
    size_t count = list_chance(list, 40) ? list_pick(list, 3) : 0;
    struct bw_task *tasks = bw_arena_calloc(&list->arena, count + 1, sizeof *tasks);
    for (size_t i = 0; i < count; i++) {
        uint64_t seq = 1 + list_pick(list, 4);
        tasks[i] = (struct bw_task){.id = bw_id_derive(commit->run, seq),
                                    .seq = seq,
                                    .kind = BW_STR("approval"),
                                    .group = list_chance(list, 50) ? BW_STR("C-1") : BW_STR_NONE,
                                    .title = BW_STR("Ok?"),
                                    .body = list_value(list),
                                    .assignees = list_json(list, "[\"dana\"]"),
                                    .due_at_us = list_chance(list, 50) ? list->now_us + 5000 : 0};
    }
    commit->tasks = tasks, commit->task_count = count;

    count = list_chance(list, 20) ? list_pick(list, 3) : 0;
    uint64_t *closed = bw_arena_calloc(&list->arena, count + 1, sizeof *closed);
    for (size_t i = 0; i < count; i++)
        closed[i] = 1 + list_pick(list, 4);
    commit->closed_tasks = closed, commit->closed_task_count = count;
}

static void draw_children(struct list *list, struct bw_turn_commit *commit)
{
    size_t count = list_chance(list, 25) ? list_pick(list, 3) : 0;
    struct bw_run_row *children = bw_arena_calloc(&list->arena, count + 1, sizeof *children);
    for (size_t i = 0; i < count; i++) {
        children[i] = list_row(list, commit->tenant);
        /* The same id twice only over time, as when a turn is taken again. */
        children[i].id =
            i > 0 || list_chance(list, 80) ? list_id(list) : bw_id_derive(commit->run, 100);
        children[i].shard = (uint32_t)(bw_id_hash(children[i].id) % BW_SHARD_COUNT);
        children[i].parent = commit->run;
        children[i].parent_seq = list_pick(list, 3);
    }
    commit->children = children, commit->child_count = count;
}

static struct bw_str draw_statements(struct list *list)
{
    static const char *const WORKS[] = {
        "[{\"name\":\"ok\",\"sql\":\"select 1 as n\"}]",
        "[{\"name\":\"ok\",\"sql\":\"select 1 as n\"},{\"name\":\"fail\",\"sql\":\"select 1/0 as "
        "n\"}]",
        "[{\"number\":\"inv\",\"date\":\"2026-10-31\",\"customer\":\"C1\"}]",
        "[{\"number\":\"inv\",\"date\":\"2026-11-01\"},{\"number\":\"cn\",\"date\":\"2027-01-02\","
        "\"customer\":\"C2\"}]",
        "[{\"number\":\"inv\",\"date\":\"2027-01-01\",\"as\":\"n\",\"customer\":\"C1\"},{\"name\":"
        "\"ok\",\"sql\":\"select 1 as n where $1::text <> ''\",\"params\":[{\"$ref\":\"n\"}]}]",
        "[{\"number\":\"inv\",\"date\":\"2026-11-03\",\"as\":\"n\",\"customer\":\"C1\"},{\"name\":"
        "\"fail\",\"sql\":\"select 1/0 as n\"}]",
        "[{\"number\":\"inv\",\"date\":\"2026-13-01\"}]",
        "[{\"number\":\"inv\",\"date\":\"2026-02-30\"}]",
        "[{\"name\":\"ok\",\"sql\":\"select 1 as n\",\"params\":[{\"$ref\":\"m\"}]}]",
        "[{\"name\":\"two\",\"sql\":\"select 1; select 2\"}]",
        "[]",
    };
    return list_json(list, "%s", WORKS[list_pick(list, COUNT(WORKS))]);
}

static void draw_rest(struct list *list, struct bw_turn_commit *commit)
{
    static const char *const ACTORS[] = {"", "dana", "kim"};
    size_t count = list_chance(list, 30) ? list_pick(list, 3) : 0;
    struct bw_str *notes = bw_arena_calloc(&list->arena, count + 1, sizeof *notes);
    for (size_t i = 0; i < count; i++)
        notes[i] = list_value(list);
    commit->notes = notes, commit->note_count = count;

    count = list_chance(list, 20) ? 1 + list_pick(list, 2) : 0;
    struct bw_db_work *works = bw_arena_calloc(&list->arena, count + 1, sizeof *works);
    for (size_t i = 0; i < count; i++)
        works[i] = (struct bw_db_work){1 + 2 * i + list_pick(list, 2), draw_statements(list)};
    commit->db_works = works, commit->db_work_count = count;

    if (list_chance(list, 20))
        commit->audit =
            (struct bw_audit){.actor = bw_str_of(ACTORS[list_pick(list, COUNT(ACTORS))]),
                              .action = BW_STR("run.resume"),
                              .subject = BW_STR("it"),
                              .detail = list_chance(list, 50) ? list_value(list) : BW_STR_NONE};
}

/* Never two turns of one run: the engine waits for the first one's answer. */
static bool is_taken(const struct list_op *op, struct bw_id run)
{
    for (size_t i = 0; i < op->commit_count; i++) {
        if (bw_id_eq(op->commits[i].run, run))
            return true;
    }
    return false;
}

void list_draw_commit(struct list *list, struct list_op *op)
{
    size_t count = 1 + list_pick(list, LIST_COMMITS_MAX);
    for (size_t i = 0; i < count; i++) {
        const struct list_run *run = list_run(list);
        if (is_taken(op, run->id))
            continue;
        struct bw_turn_commit *commit = &op->commits[op->commit_count];
        draw_row(list, run, commit);
        draw_mail(list, commit);
        draw_events(list, commit);
        draw_tasks(list, commit);
        draw_children(list, commit);
        draw_rest(list, commit);
        op->commit_count++;
    }
}
