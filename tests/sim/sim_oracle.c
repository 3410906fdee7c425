/* sim_oracle.c - what must hold, whatever happens: the invariants J1 to J12 of core/journal.h as
 * far as rows show them, and what people rely on: events, timers, tasks, numbers, requests.
 *
 * It reads the rows of the memory store directly (mem_store.h): a look through the engine would
 * prove nothing. New rows are read once; every row is compared with its print again at the end.
 */
#include "sim.h"

#include "sim_replay.h"
#include "store/mem_store.h"

#include <stdio.h>
#include <string.h>

/* A command of a run, as its row says. */
struct told {
    uint64_t seq;
    uint64_t turn;
    int64_t due_us; /* sleep; event.wait with a timeout; 0 = none */
    char key[96];   /* http: under which the other side knows it */
    char kind[16];
    char page[12]; /* http: where to, behind the last slash */
    bool blocks;
    bool is_answered;
    bool is_cancelled;
};

struct sim_story {
    struct mem_run *run;
    uint64_t *prints; /* of the rows */
    size_t turn_count;
    struct told *told;
    size_t told_count;
    int64_t at_us;
    uint64_t base;
    enum bw_run_status status;
    struct taken {
        char series[16];
        int64_t sequence;
    } * numbers;
    size_t number_count;
    struct seen_event {
        char name[160];
    } * seen;
    size_t seen_count;
};

#define PUSH(items, count, ...)                                                                    \
    do {                                                                                           \
        (items) = bw_xrealloc((items), ((count) + 1) * sizeof *(items));                           \
        (items)[(count)++] = (__VA_ARGS__);                                                        \
    } while (0)

static const char *name_of(const struct sim_story *story)
{
    static char name[128];
    char id[BW_ID_TEXT_LEN + 1];
    bw_id_print(story->run->row.id, id);
    snprintf(name, sizeof name, "%.*s %s", BW_STR_ARG(story->run->row.workflow), id);
    return name;
}

static struct told *find_told(const struct sim_story *story, uint64_t seq)
{
    return seq >= 1 && seq <= story->told_count ? &story->told[seq - 1] : NULL;
}

/* --- Outcomes. */

static void check_http(struct sim *sim, const char *key, const struct bw_value *value)
{
    const char *receipt = sim_outside_receipt(sim, key);
    struct bw_str body = bw_value_get_str(value, "body", BW_STR_NONE);
    if (!receipt || !bw_str_eq(body, bw_str_of(receipt)))
        sim_fail(sim, "request %s is said to be done with '%.*s'; the receiver says '%s'", key,
                 BW_STR_ARG(body), receipt ? receipt : "never heard of it");
}

/* By the time that the row says, or by the fastest clock that any node has had. */
static bool is_early(const struct sim *sim, const struct told *told, int64_t at_us)
{
    return at_us < told->due_us || sim->clock.utc.us + sim->ahead_us < told->due_us;
}

static void check_event(struct sim *sim, struct sim_story *story, const struct told *told,
                        const struct bw_value *value, int64_t at_us)
{
    struct seen_event seen;
    if (bw_value_get_bool(value, "timeout", false)) {
        sim_mark(sim, SIM_WAIT_TIMED_OUT);
        if (!told->due_us || is_early(sim, told, at_us))
            sim_fail(sim, "wait %llu of %s timed out early, due %lld us after its turn's time",
                     (unsigned long long)told->seq, name_of(story),
                     (long long)(told->due_us - at_us));
        return;
    }
    sim_wall_check_event(sim, story->run->row.tenant, value);
    snprintf(seen.name, sizeof seen.name, "%zu|%.*s|%.*s|%.*s",
             sim_wall_index(sim, story->run->row.tenant),
             BW_STR_ARG(bw_value_get_str(value, "topic", BW_STR_NONE)),
             BW_STR_ARG(bw_value_get_str(value, "key", BW_STR_NONE)),
             BW_STR_ARG(bw_value_get_str(value, "id", BW_STR_NONE)));
    for (size_t i = 0; i < sim->story_count; i++) {
        for (size_t k = 0; k < sim->stories[i]->seen_count; k++) {
            if (strcmp(sim->stories[i]->seen[k].name, seen.name) == 0)
                sim_fail(sim, "event %s was taken twice", seen.name);
        }
    }
    PUSH(story->seen, story->seen_count, seen);
    sim_mark(sim, SIM_EVENT_TAKEN);
}

static void check_number(struct sim *sim, struct sim_story *story, const char *series,
                         const struct bw_value *value)
{
    struct taken taken = {.sequence = bw_value_get_int(value, "sequence", 0)};
    snprintf(taken.series, sizeof taken.series, "%s", series);
    for (size_t i = 0; i < sim->story_count; i++) {
        for (size_t k = 0; k < sim->stories[i]->number_count; k++) {
            if (bw_id_eq(sim->stories[i]->run->row.tenant, story->run->row.tenant) &&
                strcmp(sim->stories[i]->numbers[k].series, series) == 0 &&
                sim->stories[i]->numbers[k].sequence == taken.sequence)
                sim_fail(sim, "number %lld of series %s was given twice", (long long)taken.sequence,
                         series);
        }
    }
    PUSH(story->numbers, story->number_count, taken);
    sim_mark(sim, SIM_NUMBER_TAKEN);
}

static void check_task(struct sim *sim, const struct sim_story *story, uint64_t seq,
                       const struct bw_value *value)
{
    const struct mem_task *task = mem_find_task(sim->store.self, story->run->row.tenant,
                                                bw_id_derive(story->run->row.id, seq));
    if (!task || !bw_str_eq(task->row.answer, value->encoded))
        sim_fail(sim, "task %llu of %s is answered in the journal with what nobody answered",
                 (unsigned long long)seq, name_of(story));
    sim_wall_check_answer(sim, story->run->row.tenant, value);
    sim_mark(sim, SIM_TASK_ANSWERED);
}

static void check_child(struct sim *sim, const struct sim_story *story, uint64_t seq,
                        const struct bw_value *value)
{
    const struct mem_run *child = mem_find_run(sim->store.self, story->run->row.tenant,
                                               bw_id_derive(story->run->row.id, seq));
    if (!child || child->row.status != BW_RUN_DONE || !bw_str_eq(child->row.result, value->encoded))
        sim_fail(sim, "child %llu of %s gave another result than it has", (unsigned long long)seq,
                 name_of(story));
    sim_mark(sim, SIM_CHILD_ENDED);
}

static void check_outcome(struct sim *sim, struct sim_story *story, const struct told *told,
                          const struct bw_value *value, int64_t at_us)
{
    const char *kind = told->kind;
    if (strcmp(kind, "http") == 0) {
        check_http(sim, told->key, value);
    } else if (strcmp(kind, "sleep") == 0) {
        sim_mark(sim, SIM_TIMER_FIRED);
        if (is_early(sim, told, at_us))
            sim_fail(sim, "timer %llu of %s fired early, due %lld us after its turn's time",
                     (unsigned long long)told->seq, name_of(story),
                     (long long)(told->due_us - at_us));
    } else if (strcmp(kind, "event.wait") == 0) {
        check_event(sim, story, told, value, at_us);
    } else if (strcmp(kind, "number.next") == 0) {
        check_number(sim, story, "receipt", value);
    } else if (strcmp(kind, "db.transaction") == 0) {
        struct bw_str rest = value->items;
        struct bw_value first;
        if (value->tag == BW_VALUE_ARR && bw_value_next(&rest, &first))
            check_number(sim, story, "invoice", &first);
    } else if (strcmp(kind, "task.open") == 0) {
        check_task(sim, story, told->seq, value);
    } else if (strcmp(kind, "child.call") == 0) {
        check_child(sim, story, told->seq, value);
    }
}

/* --- Rows. */

static void read_delivery(struct sim *sim, struct sim_story *story,
                          const struct bw_delivery *delivery, int64_t at_us)
{
    if (delivery->kind != BW_DELIVERY_OUTCOME && delivery->kind != BW_DELIVERY_ERROR)
        return;
    struct told *told = find_told(story, delivery->seq);
    if (!told || !told->blocks)
        sim_fail(sim, "J5: an outcome for command %llu of %s, which waits for none",
                 (unsigned long long)delivery->seq, name_of(story));
    if (told->is_answered)
        sim_fail(sim, "J5: a second outcome for %s %llu of %s", told->kind,
                 (unsigned long long)delivery->seq, name_of(story));
    told->is_answered = true;
    struct bw_value value = bw_value_read(delivery->value);
    if (delivery->kind == BW_DELIVERY_OUTCOME)
        check_outcome(sim, story, told, &value, at_us);
}

static void read_command(struct sim *sim, struct sim_story *story, const struct bw_command *command)
{
    struct bw_value args = bw_value_read(command->args);
    struct told told = {.seq = command->seq,
                        .turn = story->turn_count + 1,
                        .blocks = command->flags & BW_COMMAND_BLOCKS};
    if (command->seq != story->told_count + 1)
        sim_fail(sim, "J1: command %llu of %s follows command %zu",
                 (unsigned long long)command->seq, name_of(story), story->told_count);
    snprintf(told.kind, sizeof told.kind, "%.*s", BW_STR_ARG(command->kind));
    told.due_us = bw_value_get_int(&args, "until_us", bw_value_get_int(&args, "timeout_us", 0));
    if (strcmp(told.kind, "http") == 0) {
        char id[BW_ID_TEXT_LEN + 1];
        struct bw_str key = bw_value_get_str(&args, "idempotency_key", BW_STR_NONE);
        bw_id_print(story->run->row.id, id);
        snprintf(told.key, sizeof told.key, "%s/%llu", id, (unsigned long long)command->seq);
        if (key.len)
            snprintf(told.key, sizeof told.key, "%.*s", BW_STR_ARG(key));
        struct bw_str url = bw_value_get_str(&args, "url", BW_STR_NONE);
        size_t at = url.len;
        while (at > 0 && url.ptr[at - 1] != '/')
            at--;
        snprintf(told.page, sizeof told.page, "%.*s", (int)(url.len - at), url.ptr + at);
    }
    PUSH(story->told, story->told_count, told);
    if (strcmp(told.kind, "cancel") == 0) {
        struct told *given_up = find_told(story, (uint64_t)bw_value_get_int(&args, "seq", 0));
        if (given_up)
            given_up->is_cancelled = true;
    }
}

static uint64_t print_of(struct bw_str bytes)
{
    return bw_map_hash(bytes);
}

static void read_turn(struct sim *sim, struct sim_story *story, const struct mem_turn *row)
{
    struct bw_arena arena;
    struct bw_turn_record turn;
    struct bw_error error;
    bw_arena_init(&arena);
    if (bw_wire_get_turn(row->body, &arena, &turn, &error) != BW_ERR_OK)
        sim_fail(sim, "row %zu of %s: %s", story->turn_count + 1, name_of(story), error.text);
    if (turn.at.us < story->at_us)
        sim_fail(sim, "J9: time goes back in row %zu of %s", story->turn_count + 1, name_of(story));
    if (bw_run_status_is_final(story->status))
        sim_fail(sim, "J11: %s had ended and took a row", name_of(story));
    story->at_us = turn.at.us;
    for (size_t i = 0; i < turn.delivery_count; i++)
        read_delivery(sim, story, &turn.deliveries[i], turn.at.us);
    for (size_t i = 0; i < turn.command_count; i++)
        read_command(sim, story, &turn.commands[i]);
    PUSH(story->prints, story->turn_count, print_of(row->body));
    bw_arena_deinit(&arena);
}

/* --- The row of the run. */

/* What may stop a run here: trouble outside that outlasted all attempts, or three dead hosts. */
static bool is_outside(const struct sim *sim, struct bw_str code)
{
    static const char *const CODES[] = {"UNAVAILABLE", "TIMEOUT", "UNKNOWN_OUTCOME",
                                        "COMPENSATION_FAILED", "NONE_SUCCEEDED"};
    if (bw_str_eq(code, BW_STR("FAILOVER")) && sim_standby_has_fallen(sim))
        return true;
    for (size_t i = 0; i < sizeof CODES / sizeof *CODES; i++) {
        if (bw_str_eq(code, bw_str_of(CODES[i])))
            return true;
    }
    return false;
}

static void check_parked(struct sim *sim, const struct sim_story *story)
{
    struct bw_value error = bw_value_read(story->run->row.error);
    if (is_outside(sim, bw_value_get_str(&error, "code", BW_STR_NONE)))
        return;
    struct bw_buf json;
    bw_buf_init(&json, 1 << 20);
    bw_value_to_json(&json, story->run->row.error, BW_JSON_DECIMAL_STRINGS);
    sim_fail(sim, "%s is parked: %s", name_of(story), bw_buf_cstr(&json));
}

static void check_ended(struct sim *sim, const struct sim_story *story)
{
    const struct mem_store *store = sim->store.self;
    const struct bw_run_row *row = &story->run->row;
    const char *what = NULL;
    if (story->run->wait_count > 0)
        what = "waits for an event";
    else if (row->wake != BW_WAKE_NONE || row->is_active || row->wake_at_us)
        what = "has a reason to wake";
    for (size_t i = 0; i < store->task_count && !what; i++) {
        if (bw_id_eq(store->tasks[i]->row.run, row->id) &&
            store->tasks[i]->row.status == BW_TASK_OPEN)
            what = "has an open task";
    }
    if (what)
        sim_fail(sim, "%s has ended and %s", name_of(story), what);
}

static void check_status(struct sim *sim, struct sim_story *story)
{
    const struct bw_run_row *row = &story->run->row;
    bool is_new = row->status != story->status;
    story->status = row->status;
    if (row->head != story->turn_count || (row->head > 0 && row->last_seq != story->told_count))
        sim_fail(sim, "J6: %s says head %llu, seq %llu; its rows say %zu and %zu", name_of(story),
                 (unsigned long long)row->head, (unsigned long long)row->last_seq,
                 story->turn_count, story->told_count);
    if (row->base < story->base || row->base > row->head)
        sim_fail(sim, "the base of %s went from %llu to %llu", name_of(story),
                 (unsigned long long)story->base, (unsigned long long)row->base);
    if (row->base > story->base)
        sim_mark(sim, SIM_CHECKPOINT);
    story->base = row->base;
    bool has_reason = row->wake != BW_WAKE_NONE && row->wake != BW_WAKE_PARKED;
    if (row->status == BW_RUN_OPEN &&
        (!has_reason || (row->wake == BW_WAKE_TIMER && !row->wake_at_us)))
        sim_fail(sim, "%s is open and waits for nothing (%d)", name_of(story), (int)row->wake);
    if (bw_run_status_is_final(row->status))
        check_ended(sim, story);
    if (!is_new)
        return;
    if (row->status == BW_RUN_FAILED)
        sim_fail(sim, "%s failed", name_of(story));
    if (row->status == BW_RUN_PARKED) {
        sim_mark(sim, SIM_RUN_PARKED);
        check_parked(sim, story);
    }
    if (row->status == BW_RUN_DONE)
        sim_mark(sim, SIM_RUN_DONE);
    if (row->status == BW_RUN_CANCELLED)
        sim_mark(sim, SIM_RUN_CANCELLED);
}

/* Rows that came since the last look. */
static void read_run(struct sim *sim, struct sim_story *story)
{
    struct mem_run *run = story->run;
    bool is_new = story->turn_count < run->turn_count;
    if (run->turn_count < story->turn_count)
        sim_fail(sim, "J2: rows of %s are gone", name_of(story));
    while (story->turn_count < run->turn_count)
        read_turn(sim, story, &run->turns[story->turn_count]);
    if (run->row.status == BW_RUN_PARKED)
        sim_standby_parked(sim, &run->row);
    if (is_new || run->row.status != story->status || run->row.base != story->base)
        check_status(sim, story);
}

static void read_all(struct sim *sim)
{
    const struct mem_store *store = sim->store.self;
    while (sim->story_count < store->run_count) {
        struct sim_story *story = bw_xcalloc(1, sizeof *story);
        story->run = store->runs[sim->story_count];
        story->status = BW_RUN_OPEN;
        PUSH(sim->stories, sim->story_count, story);
    }
    for (size_t i = 0; i < sim->story_count; i++)
        read_run(sim, sim->stories[i]);
}

bool sim_oracle_knows(const struct sim *sim, struct bw_id id, uint64_t seq, const char *kind)
{
    for (size_t i = 0; i < sim->story_count; i++) {
        struct sim_story *story = sim->stories[i];
        if (!bw_id_eq(story->run->row.id, id))
            continue;
        const struct told *told = find_told(story, seq);
        return told && strcmp(told->kind, kind) == 0;
    }
    return false;
}

void sim_oracle_step(struct sim *sim)
{
    const struct mem_store *store = sim->store.self;
    for (size_t i = 0; i < BW_SHARD_COUNT; i++) {
        if (store->shards[i].epoch < sim->epochs[i])
            sim_fail(sim, "the epoch of shard %zu went back", i);
        sim->epochs[i] = store->shards[i].epoch;
    }
    read_all(sim);
}

/* --- Other rows. */

struct sim_requests *sim_oracle_requests(const struct sim *sim)
{
    struct sim_requests *requests = bw_xcalloc(1, sizeof *requests);
    for (size_t i = 0; i < sim->story_count; i++) {
        const struct sim_story *story = sim->stories[i];
        for (size_t k = 0; k < story->told_count; k++) {
            const struct told *told = &story->told[k];
            struct sim_request request = {story->run->row.id, told->turn, told->seq, {0}};
            if (strcmp(told->kind, "http") != 0)
                continue;
            snprintf(request.key, sizeof request.key, "%s", told->key);
            PUSH(requests->items, requests->count, request);
        }
    }
    return requests;
}

void sim_requests_free(struct sim_requests *requests)
{
    bw_free(requests->items);
    bw_free(requests);
}

void sim_oracle_begin_anew(struct sim *sim)
{
    sim_oracle_deinit(sim);
    memset(sim->epochs, 0, sizeof sim->epochs);
    memset(sim->versions, 0, sizeof sim->versions);
    sim_oracle_step(sim);
}

/* --- The end. */

static bool has_number(const struct sim *sim, const struct mem_number *number)
{
    for (size_t i = 0; i < sim->story_count; i++) {
        const struct sim_story *story = sim->stories[i];
        if (!bw_id_eq(story->run->row.id, number->run))
            continue;
        for (size_t k = 0; k < story->number_count; k++) {
            if (bw_str_eq(number->series, bw_str_of(story->numbers[k].series)) &&
                number->sequence == story->numbers[k].sequence)
                return true;
        }
        return story->run->row.status == BW_RUN_CANCELLED; /* taken, and never told */
    }
    return false;
}

static void check_numbers(struct sim *sim)
{
    const struct mem_store *store = sim->store.self;
    for (size_t k = 0; k < store->series_count; k++) {
        int64_t last = 0;
        for (size_t i = 0; i < store->number_count; i++) {
            const struct mem_number *number = &store->numbers[i];
            if (!bw_str_eq(number->series, store->series[k]->series) ||
                !bw_id_eq(number->tenant, store->series[k]->tenant))
                continue;
            if (number->sequence != ++last)
                sim_fail(sim, "series %.*s: %lld follows %lld", BW_STR_ARG(number->series),
                         (long long)number->sequence, (long long)last - 1);
            if (!has_number(sim, number))
                sim_fail(sim, "series %.*s: nobody got number %lld", BW_STR_ARG(number->series),
                         (long long)number->sequence);
        }
    }
}

/* For whoever reads the trace. */
static void trace_taker(const struct sim *sim, const struct mem_event *event)
{
    const struct mem_store *store = sim->store.self;
    char id[BW_ID_TEXT_LEN + 1];
    for (size_t i = 0; i < store->run_count; i++) {
        const struct mem_run *run = store->runs[i];
        bw_id_print(run->row.id, id);
        for (size_t k = 0; k < run->message_count; k++) {
            if (run->messages[k].event == event)
                sim_trace(sim, "it is %s mail %.*s of %.*s %s, which has status %d",
                          run->messages[k].is_read ? "read" : "unread",
                          BW_STR_ARG(run->messages[k].message.key), BW_STR_ARG(run->row.workflow),
                          id, (int)run->row.status);
        }
    }
}

static void check_events(struct sim *sim)
{
    const struct mem_store *store = sim->store.self;
    size_t at = 0;
    void *item;
    struct seen_event name;
    while (bw_map_next(&store->event_map, &at, NULL, &item)) {
        const struct mem_event *event = item;
        bool is_seen = false;
        snprintf(name.name, sizeof name.name, "%zu|%.*s|%.*s|%.*s",
                 sim_wall_index(sim, event->event.tenant), BW_STR_ARG(event->event.topic),
                 BW_STR_ARG(event->event.key), BW_STR_ARG(event->event.id));
        for (size_t i = 0; i < sim->story_count && !is_seen; i++) {
            for (size_t k = 0; k < sim->stories[i]->seen_count; k++)
                is_seen = is_seen || strcmp(sim->stories[i]->seen[k].name, name.name) == 0;
        }
        if (event->is_taken != is_seen)
            trace_taker(sim, event);
        if (event->is_taken != is_seen)
            sim_fail(sim, "event %s is %s and %s journal has it", name.name,
                     event->is_taken ? "taken" : "free", is_seen ? "a" : "no");
    }
}

static bool is_done(const struct sim_story *story, const char *page)
{
    for (size_t i = 0; i < story->told_count; i++) {
        if (strcmp(story->told[i].page, page) == 0 && story->told[i].is_answered)
            return true;
    }
    return false;
}

/* Who got a lock gives it back, whole, when its scope ends: also while the run is being cancelled,
 * and if the cancel finds it at that. Or its end tells why not. */
static void check_lock(struct sim *sim, const struct sim_story *story)
{
    const struct bw_run_row *row = &story->run->row;
    struct bw_value error = bw_value_read(row->error);
    struct bw_str code = bw_value_get_str(&error, "code", BW_STR_NONE);
    bool is_told = error.tag == BW_VALUE_MAP && (code.len == 0 || is_outside(sim, code));
    if (!is_done(story, "lock") || is_told)
        return;
    if (!is_done(story, "unlock") || !is_done(story, "unlocked"))
        sim_fail(sim, "%s has ended with its lock%s", name_of(story),
                 is_done(story, "unlock") ? ", half given back" : "");
    if (row->status == BW_RUN_CANCELLED)
        sim_mark(sim, SIM_UNLOCKED);
}

void sim_oracle_end(struct sim *sim)
{
    sim_oracle_step(sim);
    for (size_t i = 0; i < sim->story_count; i++) {
        struct sim_story *story = sim->stories[i];
        for (size_t k = 0; k < story->turn_count; k++) {
            if (story->prints[k] != print_of(story->run->turns[k].body))
                sim_fail(sim, "J2: row %zu of %s has changed", k + 1, name_of(story));
        }
        check_status(sim, story);
        check_lock(sim, story);
        if (sim_replay_check(sim, story->run))
            sim_mark(sim, SIM_REPLAYED);
    }
    const struct mem_store *store = sim->store.self;
    for (size_t i = 0; i < store->task_count; i++) {
        if (store->tasks[i]->row.status == BW_TASK_CLOSED)
            sim_mark(sim, SIM_TASK_WITHDRAWN);
    }
    check_numbers(sim);
    check_events(sim);
}

void sim_oracle_deinit(struct sim *sim)
{
    for (size_t i = 0; i < sim->story_count; i++) {
        struct sim_story *story = sim->stories[i];
        bw_free(story->prints);
        bw_free(story->told);
        bw_free(story->numbers);
        bw_free(story->seen);
        bw_free(story);
    }
    bw_free(sim->stories);
    sim->stories = NULL;
    sim->story_count = 0;
}
