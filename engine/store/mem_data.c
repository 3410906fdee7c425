/* mem_data.c - the rows of the memory store and how they are found. */
#include "base/assert.h"
#include "store/mem_store.h"
#include <stdio.h>

void *mem_grow(void *items, size_t count, size_t len)
{
    /* Room is made in powers of two, so it has to grow when the count is one. */
    if ((count & (count - 1)) != 0)
        return items;
    return bw_xrealloc(items, (count ? 2 * count : 1) * len);
}

struct bw_str mem_own(struct bw_str text)
{
    if (!text.len)
        return BW_STR_NONE;
    return bw_str(bw_xstrndup(text.ptr, text.len), text.len);
}

void mem_disown(struct bw_str *text)
{
    bw_free((void *)(uintptr_t)text->ptr);
    *text = BW_STR_NONE;
}

void mem_replace(struct bw_str *text, struct bw_str by)
{
    mem_disown(text);
    *text = mem_own(by);
}

/* --- Keys of the maps: ids and texts, each text with its length in front --------------------- */

static void key_start(struct bw_buf *key, struct bw_id tenant)
{
    bw_buf_init(key, 1u << 20);
    bw_buf_put(key, tenant.bytes, sizeof tenant.bytes);
}

static void *map_get(const struct bw_map *map, struct bw_buf *key)
{
    void *found = bw_map_get(map, bw_buf_str(key));
    bw_buf_deinit(key);
    return found;
}

static void map_put(struct bw_map *map, struct bw_buf *key, void *value)
{
    bw_map_put(map, bw_buf_str(key), value);
    bw_buf_deinit(key);
}

static struct bw_buf id_key(struct bw_id tenant, struct bw_id id)
{
    struct bw_buf key;
    key_start(&key, tenant);
    bw_buf_put(&key, id.bytes, sizeof id.bytes);
    return key;
}

static struct bw_buf text_key(struct bw_id tenant, struct bw_str first, struct bw_str second)
{
    struct bw_buf key;
    key_start(&key, tenant);
    bw_buf_put_bytes(&key, first);
    bw_buf_put_bytes(&key, second);
    return key;
}

/* --- Runs ------------------------------------------------------------------------------------ */

struct mem_run *mem_find_run(const struct mem_store *store, struct bw_id tenant, struct bw_id run)
{
    struct bw_buf key = id_key(tenant, run);
    struct mem_run *found = map_get(&store->run_map, &key);
    return found && !found->row.dropped_at_us ? found : NULL;
}

struct mem_run *mem_find_remnant(const struct mem_store *store, struct bw_id tenant,
                                 struct bw_id run)
{
    struct bw_buf key = id_key(tenant, run);
    struct mem_run *found = map_get(&store->run_map, &key);
    return found && found->row.dropped_at_us ? found : NULL;
}

struct mem_run *mem_find_key(const struct mem_store *store, struct bw_id tenant,
                             struct bw_str workflow, struct bw_str start_key)
{
    if (!start_key.len)
        return NULL;
    struct bw_buf key = text_key(tenant, workflow, start_key);
    return map_get(&store->key_map, &key);
}

struct mem_run *mem_add_run(struct mem_store *store, const struct bw_run_row *row)
{
    struct mem_run *run = bw_xcalloc(1, sizeof *run);
    run->row = *row;
    run->row.workflow = mem_own(row->workflow);
    run->row.key = mem_own(row->key);
    run->row.input = mem_own(row->input);
    run->row.started_by = mem_own(row->started_by);
    run->row.state = run->row.result = run->row.error = BW_STR_NONE;
    run->row.head = run->row.base = run->row.last_seq = 0;
    run->row.updated_at_us = row->created_at_us;
    MEM_PUSH(store->runs, store->run_count, run);
    struct bw_buf key = id_key(row->tenant, row->id);
    map_put(&store->run_map, &key, run);
    if (row->key.len) {
        key = text_key(row->tenant, row->workflow, row->key);
        map_put(&store->key_map, &key, run);
    }
    return run;
}

struct mem_message *mem_find_message(const struct mem_run *run, struct bw_str key)
{
    for (size_t i = run->message_count; i > 0; i--) {
        if (bw_str_eq(run->messages[i - 1].message.key, key))
            return &run->messages[i - 1];
    }
    return NULL;
}

bool mem_add_message(struct mem_store *store, struct mem_run *run, struct bw_str key,
                     enum bw_message_kind kind, uint64_t seq, struct bw_str value,
                     struct mem_event *event)
{
    bool is_new = !mem_find_message(run, key);
    if (is_new) {
        MEM_PUSH(run->messages, run->message_count,
                 (struct mem_message){.message = {run->row.tenant, run->row.id, mem_own(key), kind,
                                                  seq, mem_own(value)},
                                      .event = event});
        mem_mail(store, run->row.tenant, run->row.id);
    }
    return is_new;
}

void mem_mail(struct mem_store *store, struct bw_id tenant, struct bw_id run)
{
    store->mail = mem_grow(store->mail, store->mail_count, sizeof *store->mail);
    store->mail[store->mail_count][0] = tenant;
    store->mail[store->mail_count++][1] = run;
}

/* --- Tenants, tasks, places, series ---------------------------------------------------------- */

struct mem_tenant *mem_find_tenant(const struct mem_store *store, struct bw_id tenant)
{
    for (size_t i = 0; i < store->tenant_count; i++) {
        if (bw_id_eq(store->tenants[i]->id, tenant))
            return store->tenants[i];
    }
    return NULL;
}

struct mem_task *mem_find_task(const struct mem_store *store, struct bw_id tenant,
                               struct bw_id task)
{
    struct bw_buf key = id_key(tenant, task);
    return map_get(&store->task_map, &key);
}

void mem_add_task(struct mem_store *store, struct bw_id tenant, struct bw_id run,
                  const struct bw_task *task, int64_t at_us)
{
    if (mem_find_task(store, tenant, task->id))
        return;
    struct mem_task *row = bw_xcalloc(1, sizeof *row);
    row->tenant = tenant;
    row->row.task = *task;
    row->row.task.kind = mem_own(task->kind);
    row->row.task.group = mem_own(task->group);
    row->row.task.title = mem_own(task->title);
    row->row.task.body = mem_own(task->body);
    row->row.task.assignees = mem_own(task->assignees);
    row->row.run = run;
    row->row.status = BW_TASK_OPEN;
    row->row.opened_at_us = at_us;
    MEM_PUSH(store->tasks, store->task_count, row);
    struct bw_buf key = id_key(tenant, task->id);
    map_put(&store->task_map, &key, row);
}

struct mem_place *mem_place(struct mem_store *store, struct bw_id tenant, struct bw_str topic,
                            struct bw_str key)
{
    struct bw_buf text = text_key(tenant, topic, key);
    struct mem_place *place = bw_map_get(&store->place_map, bw_buf_str(&text));
    if (!place) {
        place = bw_xcalloc(1, sizeof *place);
        bw_list_init(&place->events);
        bw_list_init(&place->waits);
        bw_map_put(&store->place_map, bw_buf_str(&text), place);
    }
    bw_buf_deinit(&text);
    return place;
}

struct bw_buf mem_event_key(const struct bw_event *event)
{
    struct bw_buf key = text_key(event->tenant, event->topic, event->key);
    bw_buf_put_bytes(&key, event->id);
    return key;
}

struct mem_series *mem_find_series(const struct mem_store *store, struct bw_id tenant,
                                   struct bw_str series)
{
    for (size_t i = 0; i < store->series_count; i++) {
        if (bw_id_eq(store->series[i]->tenant, tenant) &&
            bw_str_eq(store->series[i]->series, series))
            return store->series[i];
    }
    return NULL;
}

void mem_audit(struct mem_store *store, struct bw_id tenant, const struct bw_audit *audit,
               int64_t at_us)
{
    if (audit->actor.len == 0)
        return;
    MEM_PUSH(
        store->audits, store->audit_count,
        (struct mem_audit){.tenant = tenant,
                           .at_us = at_us ? at_us : bw_clock_utc(store->clock).us,
                           .actor = mem_own(audit->actor),
                           .action = mem_own(audit->action),
                           .subject = mem_own(audit->subject),
                           .detail = mem_own(audit->detail.len ? audit->detail : bw_str("", 1))});
}

/* --- What is not needed any more ------------------------------------------------------------- */

static void free_history(struct mem_run *run)
{
    for (size_t i = 0; i < run->turn_count; i++)
        mem_disown(&run->turns[i].body);
    for (size_t i = 0; i < run->message_count; i++) {
        mem_disown(&run->messages[i].message.key);
        mem_disown(&run->messages[i].message.value);
    }
    for (size_t i = 0; i < run->note_count; i++)
        mem_disown(&run->notes[i].body);
    for (size_t i = 0; i < run->wait_count; i++)
        bw_free(run->waits[i]);
    bw_free(run->turns);
    bw_free(run->messages);
    bw_free(run->notes);
    bw_free(run->waits);
    run->turns = NULL;
    run->messages = NULL;
    run->notes = NULL;
    run->waits = NULL;
    run->turn_count = run->message_count = run->note_count = run->wait_count = 0;
}

static void free_run(struct mem_run *run)
{
    struct bw_str *texts[] = {&run->row.workflow,   &run->row.key,          &run->row.input,
                              &run->row.state,      &run->row.result,       &run->row.error,
                              &run->row.started_by, &run->row.dropped_under};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        mem_disown(texts[i]);
    free_history(run);
    bw_free(run);
}

static void free_task(struct mem_task *task)
{
    struct bw_str *texts[] = {&task->row.task.kind,      &task->row.task.group,
                              &task->row.task.title,     &task->row.task.body,
                              &task->row.task.assignees, &task->row.answer};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        mem_disown(texts[i]);
    bw_free(task);
}

static void free_event(struct mem_event *event)
{
    mem_disown(&event->event.topic);
    mem_disown(&event->event.key);
    mem_disown(&event->event.id);
    mem_disown(&event->event.body);
    bw_free(event);
}

static void free_places(struct mem_store *store)
{
    size_t at = 0;
    void *value;
    while (bw_map_next(&store->place_map, &at, NULL, &value)) {
        struct mem_place *place = value;
        BW_LIST_EACH(&place->events, link) {
            free_event(bw_container_of(link, struct mem_event, link));
        }
        bw_free(place);
    }
    bw_map_deinit(&store->place_map);
    bw_map_deinit(&store->event_map);
}

static void free_releases(struct mem_store *store)
{
    size_t at = 0;
    void *value;
    while (bw_map_next(&store->release_map, &at, NULL, &value)) {
        struct mem_release *release = value;
        bw_arena_deinit(&release->arena);
        bw_free(release);
    }
    bw_map_deinit(&store->release_map);
}

static void free_settings(struct mem_store *store)
{
    for (size_t i = 0; i < store->setting_count; i++) {
        struct bw_setting *row = &store->settings[i].setting;
        struct bw_str *texts[] = {&row->policy,     &row->name,  &row->scope_id,
                                  &row->valid_from, &row->value, &row->set_by};
        for (size_t k = 0; k < sizeof texts / sizeof *texts; k++)
            mem_disown(texts[k]);
    }
    for (size_t i = 0; i < store->series_count; i++) {
        mem_disown(&store->series[i]->series);
        mem_disown(&store->series[i]->format);
        mem_disown(&store->series[i]->reset);
        mem_disown(&store->series[i]->last_date);
        bw_free(store->series[i]);
    }
    for (size_t i = 0; i < store->number_count; i++) {
        mem_disown(&store->numbers[i].series);
        mem_disown(&store->numbers[i].number);
        mem_disown(&store->numbers[i].date);
    }
    for (size_t i = 0; i < store->audit_count; i++) {
        mem_disown(&store->audits[i].actor);
        mem_disown(&store->audits[i].action);
        mem_disown(&store->audits[i].subject);
        mem_disown(&store->audits[i].detail);
    }
    bw_free(store->settings);
    bw_free(store->series);
    bw_free(store->numbers);
    for (size_t i = 0; i < store->key_count; i++) {
        mem_disown(&store->keys[i].name);
        mem_disown(&store->keys[i].key);
    }
    bw_free(store->keys);
    bw_free(store->audits);
}

/* --- Retention ------------------------------------------------------------------------------- */

static void forget_event(struct mem_store *store, struct mem_event *event)
{
    struct bw_buf key = mem_event_key(&event->event);
    bw_map_remove(&store->event_map, bw_buf_str(&key));
    bw_buf_deinit(&key);
    bw_list_remove(&event->link);
    free_event(event);
}

static void forget_tasks(struct mem_store *store, const struct mem_run *run)
{
    size_t kept = 0;
    for (size_t i = 0; i < store->task_count; i++) {
        struct mem_task *task = store->tasks[i];
        if (!bw_id_eq(task->tenant, run->row.tenant) || !bw_id_eq(task->row.run, run->row.id)) {
            store->tasks[kept++] = task;
            continue;
        }
        struct bw_buf key = id_key(task->tenant, task->row.task.id);
        bw_map_remove(&store->task_map, bw_buf_str(&key));
        bw_buf_deinit(&key);
        free_task(task);
    }
    store->task_count = kept;
}

void mem_forget_run(struct mem_store *store, struct mem_run *run, bool remains, int64_t at_us,
                    struct bw_str under)
{
    size_t at = 0;
    for (size_t i = 0; i < run->message_count; i++) {
        if (run->messages[i].event)
            forget_event(store, run->messages[i].event);
    }
    for (size_t i = 0; i < run->wait_count; i++)
        bw_list_remove(&run->waits[i]->link);
    forget_tasks(store, run);
    while (store->runs[at] != run)
        at++;
    store->run_count--;
    memmove(&store->runs[at], &store->runs[at + 1],
            (store->run_count - at) * sizeof(struct mem_run *));
    if (!remains) {
        struct bw_buf key = id_key(run->row.tenant, run->row.id);
        bw_map_remove(&store->run_map, bw_buf_str(&key));
        bw_buf_deinit(&key);
        free_run(run);
        return;
    }
    free_history(run);
    mem_disown(&run->row.input);
    mem_disown(&run->row.state);
    mem_disown(&run->row.result);
    mem_disown(&run->row.error);
    run->row.head = run->row.base = run->row.last_seq = 0;
    run->row.is_active = false;
    run->row.wake = BW_WAKE_NONE;
    run->row.wake_at_us = 0;
    run->row.dropped_at_us = at_us;
    run->row.dropped_under = mem_own(under);
    MEM_PUSH(store->remnants, store->remnant_count, run);
}

/* --- The end --------------------------------------------------------------------------------- */

void mem_free_data(struct mem_store *store)
{
    for (size_t i = 0; i < store->run_count; i++)
        free_run(store->runs[i]);
    for (size_t i = 0; i < store->remnant_count; i++)
        free_run(store->remnants[i]);
    bw_free(store->runs);
    bw_free(store->remnants);
    mem_free_retention(store);
    bw_map_deinit(&store->run_map);
    bw_map_deinit(&store->key_map);
    for (size_t i = 0; i < store->task_count; i++)
        free_task(store->tasks[i]);
    bw_free(store->tasks);
    bw_map_deinit(&store->task_map);
    free_places(store);
    for (size_t i = 0; i < store->tenant_count; i++) {
        mem_disown(&store->tenants[i]->name);
        bw_free(store->tenants[i]);
    }
    bw_free(store->tenants);
    free_releases(store);
    free_settings(store);
    mem_free_schedules(store);
    for (size_t i = 0; i < BW_SHARD_COUNT; i++)
        mem_disown(&store->shards[i].owner);
    for (size_t i = 0; i < store->node_count; i++)
        mem_disown(&store->nodes[i].name);
    bw_free(store->nodes);
    bw_free(store->mail);
}
