/* mem_snapshot.c - what a standby has that follows no further: the rows as they are now, and a
 * failover to it. Part of the memory store; see store_mem.h.
 *
 * Tenants, releases, settings and keys are made before anything runs: they stay as they are. The
 * simulator and tests drop no runs, so remnants and holds are not copied either.
 */
#include "base/assert.h"
#include "store/mem_store.h"

/* A transaction that was asked for and had not begun. */
struct work {
    struct bw_id tenant;
    struct bw_id run;
    uint64_t seq;
    int64_t at_us;
    struct bw_str statements;
};

struct bw_mem_snapshot {
    struct mem_store rows; /* its data only: no calls, no callbacks */
    struct work *works;
    size_t work_count;
};

/* --- Copying --------------------------------------------------------------------------------- */

static void copy_leases(const struct mem_store *from, struct mem_store *to)
{
    for (size_t i = 0; i < BW_SHARD_COUNT; i++) {
        to->shards[i] = from->shards[i];
        to->shards[i].owner = mem_own(from->shards[i].owner);
    }
    for (size_t i = 0; i < from->node_count; i++)
        MEM_PUSH(to->nodes, to->node_count,
                 (struct mem_node){mem_own(from->nodes[i].name), from->nodes[i].until_us});
}

static void copy_event(struct mem_store *to, struct mem_place *place, const struct mem_event *from)
{
    struct mem_event *event = bw_xcalloc(1, sizeof *event);
    event->place = place;
    event->is_taken = from->is_taken;
    event->event = from->event;
    event->event.topic = mem_own(from->event.topic);
    event->event.key = mem_own(from->event.key);
    event->event.id = mem_own(from->event.id);
    event->event.body = mem_own(from->event.body);
    bw_list_init(&event->link);
    bw_list_push_back(&place->events, &event->link);
    struct bw_buf key = mem_event_key(&event->event);
    bw_map_put(&to->event_map, bw_buf_str(&key), event);
    bw_buf_deinit(&key);
}

static struct mem_event *find_event(const struct mem_store *store, const struct mem_event *from)
{
    if (!from)
        return NULL;
    struct bw_buf key = mem_event_key(&from->event);
    struct mem_event *event = bw_map_get(&store->event_map, bw_buf_str(&key));
    bw_buf_deinit(&key);
    return event;
}

static void copy_wait(struct mem_store *to, struct mem_place *place, const struct mem_wait *from)
{
    struct mem_wait *wait = bw_xcalloc(1, sizeof *wait);
    wait->place = place;
    wait->seq = from->seq;
    wait->run = mem_find_run(to, from->run->row.tenant, from->run->row.id);
    wait->event = find_event(to, from->event);
    bw_list_init(&wait->link);
    bw_list_push_back(&place->waits, &wait->link);
    MEM_PUSH(wait->run->waits, wait->run->wait_count, wait);
}

/* Events and waits keep the order in which they came. */
static void copy_places(const struct mem_store *from, struct mem_store *to)
{
    size_t at = 0;
    struct bw_str key;
    void *value;
    while (bw_map_next(&from->place_map, &at, &key, &value)) {
        const struct mem_place *place = value;
        struct mem_place *copy = bw_xcalloc(1, sizeof *copy);
        bw_list_init(&copy->events);
        bw_list_init(&copy->waits);
        bw_map_put(&to->place_map, key, copy);
        BW_LIST_EACH(&place->events, link) {
            copy_event(to, copy, bw_container_of(link, struct mem_event, link));
        }
        BW_LIST_EACH(&place->waits, link) {
            copy_wait(to, copy, bw_container_of(link, struct mem_wait, link));
        }
    }
}

static void copy_run(struct mem_store *to, const struct mem_run *from)
{
    struct mem_run *run = mem_add_run(to, &from->row);
    run->row.state = mem_own(from->row.state);
    run->row.result = mem_own(from->row.result);
    run->row.error = mem_own(from->row.error);
    run->row.head = from->row.head;
    run->row.base = from->row.base;
    run->row.last_seq = from->row.last_seq;
    run->row.updated_at_us = from->row.updated_at_us;
    run->last_batch = from->last_batch;
    for (size_t i = 0; i < from->turn_count; i++)
        MEM_PUSH(run->turns, run->turn_count,
                 (struct mem_turn){from->turns[i].batch, from->turns[i].at_us,
                                   mem_own(from->turns[i].body)});
    for (size_t i = 0; i < from->note_count; i++)
        MEM_PUSH(run->notes, run->note_count,
                 (struct mem_note){from->notes[i].turn, from->notes[i].at_us,
                                   mem_own(from->notes[i].body)});
}

/* After the places: a message may tell of an event. */
static void copy_messages(struct mem_store *to, const struct mem_run *from)
{
    struct mem_run *run = mem_find_run(to, from->row.tenant, from->row.id);
    for (size_t i = 0; i < from->message_count; i++) {
        struct mem_message message = from->messages[i];
        message.message.key = mem_own(message.message.key);
        message.message.value = mem_own(message.message.value);
        message.event = find_event(to, message.event);
        MEM_PUSH(run->messages, run->message_count, message);
    }
}

static void copy_task(struct mem_store *to, const struct mem_task *from)
{
    mem_add_task(to, from->tenant, from->row.run, &from->row.task, from->row.opened_at_us);
    struct mem_task *task = to->tasks[to->task_count - 1];
    task->row.status = from->row.status;
    task->row.answer = mem_own(from->row.answer);
    task->row.answered_at_us = from->row.answered_at_us;
}

static void copy_numbers(const struct mem_store *from, struct mem_store *to)
{
    for (size_t i = 0; i < from->series_count; i++) {
        struct mem_series *series = bw_xcalloc(1, sizeof *series);
        *series = *from->series[i];
        series->series = mem_own(series->series);
        series->format = mem_own(series->format);
        series->reset = mem_own(series->reset);
        series->last_date = mem_own(series->last_date);
        MEM_PUSH(to->series, to->series_count, series);
    }
    for (size_t i = 0; i < from->number_count; i++) {
        struct mem_number number = from->numbers[i];
        number.series = mem_own(number.series);
        number.number = mem_own(number.number);
        number.date = mem_own(number.date);
        MEM_PUSH(to->numbers, to->number_count, number);
    }
}

static void copy_schedules(const struct mem_store *from, struct mem_store *to)
{
    for (size_t i = 0; i < from->schedule_count; i++) {
        struct bw_schedule_row row = from->schedules[i];
        row.name = mem_own(row.name);
        row.problem = mem_own(row.problem);
        row.spec = mem_own(row.spec);
        row.set_by = mem_own(row.set_by);
        MEM_PUSH(to->schedules, to->schedule_count, row);
    }
}

static void copy_audits(const struct mem_store *from, struct mem_store *to)
{
    for (size_t i = 0; i < from->audit_count; i++) {
        const struct mem_audit *audit = &from->audits[i];
        MEM_PUSH(to->audits, to->audit_count,
                 (struct mem_audit){audit->tenant, audit->at_us, mem_own(audit->actor),
                                    mem_own(audit->action), mem_own(audit->subject),
                                    mem_own(audit->detail)});
    }
}

static void copy_works(const struct mem_store *from, struct bw_mem_snapshot *to)
{
    BW_LIST_EACH(&from->requests, link) {
        const struct mem_request *request = bw_container_of(link, struct mem_request, link);
        if (request->request.kind == BW_MEM_TRANSACTION)
            MEM_PUSH(to->works, to->work_count,
                     (struct work){request->request.tenant, request->request.run,
                                   request->request.seq, request->at_us,
                                   mem_own(request->request.statements)});
    }
}

/* What an open transaction has done is in no standby; here it would have to be taken back. */
static bool is_at_work(const struct mem_store *store)
{
    BW_LIST_EACH(&store->requests, link) {
        const struct mem_request *request = bw_container_of(link, struct mem_request, link);
        if (request->request.kind == BW_MEM_TRANSACTION && request->is_handed_out)
            return true;
    }
    return false;
}

struct bw_mem_snapshot *bw_store_mem_snapshot(const struct bw_store *table)
{
    const struct mem_store *store = table->self;
    if (is_at_work(store))
        return NULL;
    BW_ASSERT(store->remnant_count == 0 && store->hold_count == 0 && !store->is_pumping);
    struct bw_mem_snapshot *snapshot = bw_xcalloc(1, sizeof *snapshot);
    struct mem_store *rows = &snapshot->rows;
    rows->clock = store->clock;
    struct bw_map *maps[] = {&rows->run_map,   &rows->key_map,   &rows->task_map,
                             &rows->place_map, &rows->event_map, &rows->release_map};
    for (size_t i = 0; i < sizeof maps / sizeof *maps; i++)
        bw_map_init(maps[i]);
    copy_leases(store, rows);
    for (size_t i = 0; i < store->run_count; i++)
        copy_run(rows, store->runs[i]);
    copy_places(store, rows);
    for (size_t i = 0; i < store->run_count; i++)
        copy_messages(rows, store->runs[i]);
    for (size_t i = 0; i < store->task_count; i++)
        copy_task(rows, store->tasks[i]);
    copy_numbers(store, rows);
    copy_schedules(store, rows);
    copy_audits(store, rows);
    copy_works(store, snapshot);
    rows->history = store->history;
    rows->restored_at_us = store->restored_at_us;
    return snapshot;
}

void bw_store_mem_snapshot_free(struct bw_mem_snapshot *snapshot)
{
    if (!snapshot)
        return;
    for (size_t i = 0; i < snapshot->work_count; i++)
        mem_disown(&snapshot->works[i].statements);
    bw_free(snapshot->works);
    mem_free_data(&snapshot->rows);
    bw_free(snapshot);
}

/* --- Whose history it is --------------------------------------------------------------------- */

static void fail_history(struct mem_op *op, const struct bw_error *error)
{
    op->fn.value(op->ud, error, BW_STR_NONE);
}

static void run_history(struct mem_store *store, struct mem_op *op)
{
    struct bw_error ok = {.code = BW_ERR_OK};
    struct bw_buf value;
    if (store->history != 0 && store->history != store->timeline && !op->flag)
        store->restored_at_us = op->number;
    store->history = store->timeline;
    bw_buf_init(&value, 64);
    bw_value_put_map(&value, 1);
    bw_value_put_key(&value, "restored_at_us");
    bw_value_put_int(&value, store->restored_at_us);
    op->fn.value(op->ud, &ok, bw_buf_str(&value));
    bw_buf_deinit(&value);
}

void mem_look_at_history(void *self, bool has_lived, int64_t at_us, bw_value_fn done, void *ud)
{
    struct mem_op *op = mem_op_make(self, "look_at_history", run_history, fail_history, ud);
    op->fn.value = done;
    op->flag = has_lived;
    op->number = at_us;
}

/* --- Falling back ---------------------------------------------------------------------------- */

#define SWAP(field)                                                                                \
    do {                                                                                           \
        struct mem_store kept = {.field = store->field};                                           \
        store->field = rows->field;                                                                \
        rows->field = kept.field;                                                                  \
    } while (0)

static void swap_rows(struct mem_store *store, struct mem_store *rows)
{
    for (size_t i = 0; i < BW_SHARD_COUNT; i++) {
        struct mem_shard shard = store->shards[i];
        store->shards[i] = rows->shards[i];
        rows->shards[i] = shard;
    }
    SWAP(nodes);
    SWAP(node_count);
    SWAP(runs);
    SWAP(run_count);
    SWAP(run_map);
    SWAP(key_map);
    SWAP(task_map);
    SWAP(tasks);
    SWAP(task_count);
    SWAP(place_map);
    SWAP(event_map);
    SWAP(series);
    SWAP(series_count);
    SWAP(numbers);
    SWAP(number_count);
    SWAP(schedules);
    SWAP(schedule_count);
    SWAP(audits);
    SWAP(audit_count);
    SWAP(history);
    SWAP(restored_at_us);
}

void bw_store_mem_fall_back(struct bw_store *table, struct bw_mem_snapshot *snapshot)
{
    struct mem_store *store = table->self;
    BW_ASSERT(!store->is_pumping && !store->is_closing);
    mem_break_commits(store);
    mem_break_requests(store); /* before the series go that they took numbers of */
    swap_rows(store, &snapshot->rows);
    store->mail_count = 0;
    for (size_t i = 0; i < snapshot->work_count; i++) {
        const struct work *work = &snapshot->works[i];
        mem_start_work(store, mem_find_run(store, work->tenant, work->run), work->seq,
                       work->statements, work->at_us);
    }
    bw_store_mem_snapshot_free(snapshot);
    bw_store_mem_fail_over(table);
}
