/* run.c - see run.h. How a turn's result becomes a batch is in run_accept.c.
 *
 *   NEW --bw_run_begin, bw_run_load--> READY ---bw_run_wake---> EXECUTING
 *                                      ^   ^                        |
 *                                      |   +------bw_run_retry------+--bw_run_accept--> COMMITTING
 *                                      |    (host lost, limit)                               |
 *                                      |                                                     |
 *                                      +--bw_run_deliver-- WAITING <-----bw_run_committed----+
 *                                                                                            |
 *   READY, EXECUTING --bw_run_park--> COMMITTING --bw_run_committed--> PARKED                |
 *                                                                      DONE <----------------+
 *   WAITING --bw_run_tidy--> COMMITTING --bw_run_committed--> WAITING
 *   any but EXECUTING --bw_run_evict--> gone (a conflict goes this way, and loads again)
 *   PARKED rows --bw_engine_resume_run--> OPEN rows --> NEW
 *
 * What holds in each state, asserted by bw_run_check_state at the entry and exit of every arrow:
 *   NEW         nothing is known but its id; it is in the load queue, or its load is in flight.
 *   READY       something deliverable lies in the inbox, or it is being parked.
 *   EXECUTING   the items of the turn are taken; a host has it, its VM is ahead of the journal; it
 *               is in no list, no load of it is in flight.
 *   COMMITTING  exactly one batch of it is queued or in a commit; in no list, no load.
 *   WAITING     nothing deliverable lies in the inbox; at least one effect is pending.
 *   PARKED,     its last commit is applied; it leaves memory in the same turn: its rows know
 *   DONE        everything (J8).
 */
#include "core/run.h"

#include "base/assert.h"
#include "core/inside.h"

void bw_run_check_state(const struct bw_run *run)
{
    bool is_busy = run->state == BW_RUN_STATE_EXECUTING || run->state == BW_RUN_STATE_COMMITTING;
    if (is_busy) {
        BW_ASSERT(run->place == BW_RUN_NOWHERE);
        BW_ASSERT(!run->load);
    } else if (run->state != BW_RUN_STATE_PARKED && run->state != BW_RUN_STATE_DONE) {
        BW_ASSERT(run->inbox.taken == 0);
    }
    switch (run->state) {
    case BW_RUN_STATE_NEW:
        BW_ASSERT(run->effect_count == 0 && run->inbox.count == 0 && !run->is_resident);
        break;
    case BW_RUN_STATE_READY:
        BW_ASSERT(run->place != BW_RUN_IN_IDLE);
        break;
    case BW_RUN_STATE_EXECUTING:
        BW_ASSERT(run->inbox.taken > 0);
        break;
    case BW_RUN_STATE_WAITING:
        BW_ASSERT(run->place == BW_RUN_NOWHERE || run->place == BW_RUN_IN_IDLE ||
                  run->place == BW_RUN_IN_LOADS);
        break;
    case BW_RUN_STATE_COMMITTING:
    case BW_RUN_STATE_PARKED:
    case BW_RUN_STATE_DONE:
        break;
    }
    BW_ASSERT(run->base <= run->head);
    BW_ASSERT(run->is_resident || run->heap_bytes == 0 || is_busy);
}

struct bw_run *bw_run_create(struct bw_engine *engine, struct bw_id tenant, struct bw_id id)
{
    struct bw_run *run = bw_xcalloc(1, sizeof *run);
    run->keyed.id = id;
    run->tenant = tenant;
    run->shard = bw_shard_of(id);
    run->state = BW_RUN_STATE_NEW;
    bw_list_init(&run->link);
    bw_inbox_init(&run->inbox);
    bw_table_put(&engine->runs, &run->keyed);
    return run;
}

/* --- Where a run is listed. */

void bw_run_unlink(struct bw_engine *engine, struct bw_run *run)
{
    switch (run->place) {
    case BW_RUN_NOWHERE:
        break;
    case BW_RUN_IN_READY:
        bw_sched_remove(&engine->sched, run);
        break;
    case BW_RUN_IN_IDLE:
        engine->idle_count--;
        engine->idle_bytes -= run->heap_bytes;
        bw_list_remove(&run->link);
        break;
    case BW_RUN_IN_LOADS:
    case BW_RUN_IN_RELEASE:
        bw_list_remove(&run->link);
        break;
    }
    run->place = BW_RUN_NOWHERE;
}

bool bw_run_has_news(const struct bw_run *run)
{
    for (size_t i = 0; i < run->inbox.count; i++) {
        const struct bw_item *item = &run->inbox.items[i];
        switch (item->kind) {
        case BW_DELIVERY_START:
            return true;
        case BW_DELIVERY_CANCEL:
            if (!run->is_cancelling)
                return true;
            break;
        case BW_DELIVERY_OUTCOME:
        case BW_DELIVERY_ERROR:
            if (bw_run_find_effect(run, item->seq))
                return true;
            break;
        }
    }
    return false;
}

/* A deadline has passed, and its timer fires in this turn: no time to leave memory. */
static bool is_due(const struct bw_engine *engine, const struct bw_run *run)
{
    int64_t wake_at_us;
    bool is_active;
    (void)bw_run_wake_reason(run, NULL, &wake_at_us, &is_active);
    return wake_at_us && wake_at_us <= engine->now_us;
}

void bw_run_settle(struct bw_engine *engine, struct bw_run *run)
{
    BW_ASSERT(run->state == BW_RUN_STATE_READY || run->state == BW_RUN_STATE_WAITING);
    bw_run_unlink(engine, run);
    bool has_news = bw_run_has_news(run);
    run->state = has_news ? BW_RUN_STATE_READY : BW_RUN_STATE_WAITING;
    if (run->load)
        return; /* settled again when it is back */
    if (!has_news && !run->has_mail && run->inbox.count > 0) {
        bw_run_tidy(engine, run);
        return;
    }
    bool needs_journal = !run->is_resident && !run->journal && run->head > run->base;
    if (run->has_mail || (has_news && needs_journal)) {
        run->place = BW_RUN_IN_LOADS;
        bw_list_push_back(&engine->loads, &run->link);
    } else if (has_news) {
        bw_sched_add(&engine->sched, run);
        run->place = BW_RUN_IN_READY;
    } else if (run->is_resident) {
        run->place = BW_RUN_IN_IDLE;
        bw_list_push_back(&engine->idle, &run->link);
        engine->idle_count++;
        engine->idle_bytes += run->heap_bytes;
    } else if (!run->has_own && !is_due(engine, run)) {
        bw_run_evict(engine, run);
        return;
    }
    bw_run_check_state(run);
}

/* --- Effects that are pending. */

struct bw_effect *bw_run_find_effect(const struct bw_run *run, uint64_t seq)
{
    size_t low = 0, high = run->effect_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (run->effects[middle]->seq < seq)
            low = middle + 1;
        else
            high = middle;
    }
    return low < run->effect_count && run->effects[low]->seq == seq ? run->effects[low] : NULL;
}

void bw_run_add_effect(struct bw_run *run, struct bw_effect *effect)
{
    BW_ASSERT(run->effect_count == 0 || run->effects[run->effect_count - 1]->seq < effect->seq);
    if (run->effect_count == run->effect_capacity) {
        run->effect_capacity = run->effect_capacity ? run->effect_capacity * 2 : 4;
        run->effects = bw_xrealloc(run->effects, run->effect_capacity * sizeof(struct bw_effect *));
    }
    run->effects[run->effect_count++] = effect;
    run->has_own = run->has_own || effect->kind->is_own;
}

/* Takes out what the committed turn delivered or gave up. */
static void sweep_effects(struct bw_engine *engine, struct bw_run *run)
{
    size_t kept = 0;
    run->has_own = false;
    for (size_t i = 0; i < run->effect_count; i++) {
        struct bw_effect *effect = run->effects[i];
        if (effect->is_delivered || effect->is_leaving) {
            bw_effect_destroy(engine, effect);
            continue;
        }
        run->effects[kept++] = effect;
        run->has_own = run->has_own || effect->kind->is_own;
    }
    run->effect_count = kept;
}

enum bw_wake_reason bw_run_wake_reason(const struct bw_run *run, const struct bw_batch *batch,
                                       int64_t *wake_at_us, bool *is_active)
{
    /* The soonest to end by itself says most; what only a person or a clock ends comes last. */
    static const unsigned char RANK[] = {
        [BW_WAKE_NONE] = 0, [BW_WAKE_TIMER] = 1,    [BW_WAKE_EVENT] = 2,  [BW_WAKE_CHILD] = 3,
        [BW_WAKE_TASK] = 4, [BW_WAKE_DATABASE] = 5, [BW_WAKE_EFFECT] = 6,
    };
    enum bw_wake_reason reason = BW_WAKE_NONE;
    struct bw_effect *const *begins = batch ? batch->begins : NULL;
    size_t count = run->effect_count + (batch ? batch->begin_count : 0);
    *wake_at_us = 0;
    *is_active = false;
    for (size_t i = 0; i < count; i++) {
        const struct bw_effect *effect =
            i < run->effect_count ? run->effects[i] : begins[i - run->effect_count];
        if (effect->is_leaving || (batch && effect->is_delivered))
            continue;
        if (RANK[effect->kind->wake] > RANK[reason])
            reason = effect->kind->wake;
        if (effect->due_us && (*wake_at_us == 0 || effect->due_us < *wake_at_us))
            *wake_at_us = effect->due_us;
        *is_active = *is_active || effect->kind->is_own;
    }
    return reason;
}

/* --- NEW ->. */

static void put_start(struct bw_engine *engine, struct bw_run *run, const struct bw_run_row *row)
{
    struct bw_buf *buf = &engine->value;
    bool has_state = row->state.len != 0;
    BW_ASSERT(buf->len == 0);
    bool has_starter = row->started_by.len != 0;
    bw_value_put_map(buf, (size_t)1 + (has_state ? 2u : 0u) + (has_starter ? 1u : 0u));
    bw_value_put_key(buf, "input");
    if (row->input.len)
        bw_buf_put_str(buf, row->input);
    else
        bw_value_put_nil(buf);
    if (has_state) {
        /* The new VM counts on from here: ids derived from a seq never come twice (J1). */
        bw_value_put_key(buf, "last_seq");
        bw_value_put_int(buf, (int64_t)row->last_seq);
    }
    if (has_starter) {
        bw_value_put_key(buf, "started_by");
        bw_value_put_str(buf, row->started_by);
    }
    if (has_state) {
        bw_value_put_key(buf, "state");
        bw_buf_put_str(buf, row->state);
    }
    bw_inbox_put(&run->inbox, BW_DELIVERY_START, 0, BW_STR_NONE, bw_buf_str(buf));
    bw_buf_clear(buf);
}

static void take_row(struct bw_run *run, const struct bw_run_row *row)
{
    memcpy(run->release_hash, row->release, sizeof run->release_hash);
    bw_free(run->workflow);
    run->workflow = bw_xstrndup(row->workflow.ptr, row->workflow.len);
    run->parent = row->parent;
    run->parent_seq = row->parent_seq;
    run->head = row->head;
    run->base = row->base;
    run->last_seq = row->last_seq;
    /* The latest commit, also when its row is behind a checkpoint and not read any more. */
    run->last_at_us =
        row->updated_at_us > row->created_at_us ? row->updated_at_us : row->created_at_us;
    run->was_parked = row->status == BW_RUN_PARKED;
}

void bw_run_begin(struct bw_engine *engine, struct bw_run *run, const struct bw_run_row *row)
{
    BW_ASSERT(run->state == BW_RUN_STATE_NEW && row->head == 0);
    take_row(run, row);
    put_start(engine, run, row);
    run->state = BW_RUN_STATE_READY;
    bw_run_settle(engine, run);
}

/* Rows may have been changed by hand: what is no value is told, and never read as one. */
static enum bw_err check_value(const char *what, struct bw_str name, struct bw_str bytes,
                               struct bw_error *error)
{
    struct bw_error why = {0};
    if (bytes.len == 0 || bw_value_check(bytes, &why))
        return BW_ERR_OK;
    return bw_fail(error, BW_ERR_CORRUPT,
                   "the %zu bytes stored as %s %.*s are no value (%.200s): restore the row and "
                   "resume, or cancel",
                   bytes.len, what, BW_STR_ARG(name), why.text);
}

static enum bw_err check_messages(const struct bw_loaded_run *loaded, struct bw_error *error)
{
    enum bw_err code = BW_ERR_OK;
    for (size_t i = 0; i < loaded->message_count && code == BW_ERR_OK; i++)
        code = check_value("mail", loaded->messages[i].key, loaded->messages[i].value, error);
    return code;
}

static enum bw_err check_values(const struct bw_loaded_run *loaded, struct bw_error *error)
{
    const struct bw_run_row *row = &loaded->row;
    enum bw_err code = check_value("its", BW_STR("input"), row->input, error);
    if (code == BW_ERR_OK)
        code = check_value("its", BW_STR("state"), row->state, error);
    if (code == BW_ERR_OK)
        code = check_value("its", BW_STR("error"), row->error, error);
    return code == BW_ERR_OK ? check_messages(loaded, error) : code;
}

/* A run that cannot be read can still be cancelled. */
static void take_cancels(struct bw_run *run, const struct bw_loaded_run *loaded)
{
    struct bw_error error;
    for (size_t i = 0; i < loaded->message_count; i++) {
        const struct bw_message *message = &loaded->messages[i];
        if (message->kind == BW_MESSAGE_CANCEL && bw_value_check(message->value, &error))
            bw_inbox_put(&run->inbox, BW_DELIVERY_CANCEL, 0, message->key, message->value);
    }
}

static void take_messages(struct bw_run *run, const struct bw_loaded_run *loaded)
{
    for (size_t i = 0; i < loaded->message_count; i++) {
        const struct bw_message *message = &loaded->messages[i];
        enum bw_delivery_kind kind = message->kind == BW_MESSAGE_CANCEL  ? BW_DELIVERY_CANCEL
                                     : message->kind == BW_MESSAGE_ERROR ? BW_DELIVERY_ERROR
                                                                         : BW_DELIVERY_OUTCOME;
        uint64_t seq = kind == BW_DELIVERY_CANCEL ? 0 : message->seq;
        struct bw_effect *effect = seq ? bw_run_find_effect(run, seq) : NULL;
        struct bw_value outcome;
        /* number.next is a transaction of one statement; the script wants its result, not a list.
         */
        if (effect && effect->kind->unwrap && kind == BW_DELIVERY_OUTCOME &&
            effect->kind->unwrap(message->value, &outcome))
            bw_inbox_put(&run->inbox, kind, seq, message->key, outcome.encoded);
        else
            bw_inbox_put(&run->inbox, kind, seq, message->key, message->value);
        if (effect)
            effect->is_answered = true;
    }
}

enum bw_err bw_run_load(struct bw_engine *engine, struct bw_run *run,
                        const struct bw_loaded_run *loaded, struct bw_arena *arena,
                        struct bw_error *error)
{
    BW_ASSERT(run->state == BW_RUN_STATE_NEW);
    take_row(run, &loaded->row);
    run->state = BW_RUN_STATE_READY;
    struct bw_history history;
    enum bw_err code = check_values(loaded, error);
    if (code == BW_ERR_OK)
        code = bw_journal_load(loaded, arena, &history, error);
    if (code != BW_ERR_OK) {
        take_cancels(run, loaded);
        return code;
    }
    run->history_bytes = 0;
    for (size_t i = 0; i < loaded->turn_count; i++)
        run->history_bytes += loaded->turns[i].len;
    if (history.last_at_us > run->last_at_us)
        run->last_at_us = history.last_at_us;
    run->is_cancelling = history.is_cancelling;
    if (run->head == run->base)
        put_start(engine, run, &loaded->row);
    for (size_t i = 0; i < history.pending_count; i++) {
        struct bw_effect *effect = bw_effect_restore(engine, run, history.pending[i]);
        if (!effect)
            return bw_fail(error, BW_ERR_CORRUPT,
                           "command %llu is of kind '%.*s', which this build does not know",
                           (unsigned long long)history.pending[i]->seq,
                           BW_STR_ARG(history.pending[i]->kind));
        bw_run_add_effect(run, effect);
    }
    take_messages(run, loaded);
    if (run->was_parked || run->must_stop)
        return BW_ERR_OK; /* nothing of it may go on by itself */
    for (size_t i = 0; i < history.pending_count; i++)
        bw_effect_recover(engine, run->effects[i], history.pending[i]->args);
    return BW_ERR_OK;
}

enum bw_err bw_run_merge(struct bw_engine *engine, struct bw_run *run,
                         const struct bw_loaded_run *loaded, struct bw_error *error)
{
    BW_ASSERT(run->state == BW_RUN_STATE_READY || run->state == BW_RUN_STATE_WAITING);
    (void)engine;
    if (loaded->row.head != run->head || loaded->row.status != BW_RUN_OPEN)
        return bw_fail(error, BW_ERR_CONFLICT, "the run was changed by somebody else");
    for (size_t i = 0; i < loaded->message_count; i++) {
        if (bw_str_starts(loaded->messages[i].key, BW_STR(BW_STORE_STOP)))
            return bw_fail(error, BW_ERR_CONFLICT, "the run has to stop: it is read anew for that");
    }
    if (check_messages(loaded, error) != BW_ERR_OK)
        return error->code; /* it is read anew, and parked */
    take_messages(run, loaded);
    return BW_ERR_OK;
}

void bw_run_deliver(struct bw_engine *engine, struct bw_run *run, enum bw_delivery_kind kind,
                    uint64_t seq, struct bw_str key, struct bw_str value)
{
    if (!bw_inbox_put(&run->inbox, kind, seq, key, value))
        return;
    if (run->state == BW_RUN_STATE_WAITING)
        bw_run_settle(engine, run);
}

/* --- READY -> EXECUTING and back. */

/* Which items of the turn can still be delivered? Each pending effect takes one answer (J5). */
static size_t mark_stale(struct bw_run *run)
{
    struct bw_inbox *inbox = &run->inbox;
    size_t live_count = 0;
    bool has_cancel = run->is_cancelling, is_unstarted = false;
    for (size_t i = 0; i < run->effect_count; i++)
        run->effects[i]->is_delivered = run->effects[i]->is_leaving = false;
    for (size_t i = 0; i < inbox->count; i++) {
        struct bw_item *item = &inbox->items[i];
        item->is_stale = false;
        if (item->kind == BW_DELIVERY_CANCEL) {
            item->is_stale = has_cancel;
            has_cancel = true;
            if (is_unstarted &&
                !item->is_stale) { /* cancelled before it began: nothing of it shall run */
                inbox->items[0].is_stale = true;
                live_count--;
            }
        } else if (item->kind == BW_DELIVERY_START) {
            BW_ASSERT(i == 0);
            is_unstarted = true;
        } else {
            struct bw_effect *effect = bw_run_find_effect(run, item->seq);
            item->is_stale = !effect || effect->is_delivered;
            if (effect)
                effect->is_delivered = true;
        }
        live_count += !item->is_stale;
    }
    return live_count;
}

/* A deadline that has passed, in the news of this process or kept when the run was parked. */
static bool is_by_deadline(const struct bw_item *item)
{
    return item->kind == BW_DELIVERY_OUTCOME &&
           (item->key.len == 0 || bw_str_starts(item->key, BW_STR("kept:")));
}

/* Turn time never goes back, and is never before a deadline that it tells of, whatever the clocks
 * of the machines do that the run has been on. */
static int64_t turn_time_us(const struct bw_engine *engine, const struct bw_run *run)
{
    int64_t at_us = engine->now_us > run->last_at_us ? engine->now_us : run->last_at_us;
    for (size_t i = 0; i < run->inbox.count; i++) {
        const struct bw_item *item = &run->inbox.items[i];
        const struct bw_effect *effect =
            item->is_stale || !is_by_deadline(item) ? NULL : bw_run_find_effect(run, item->seq);
        if (effect && effect->due_us > at_us)
            at_us = effect->due_us;
    }
    return at_us;
}

static void count_vm(struct bw_engine *engine, struct bw_run *run, size_t bytes)
{
    engine->vm_bytes += bytes - run->heap_bytes;
    run->heap_bytes = bytes;
}

void bw_run_count_vm(struct bw_engine *engine, struct bw_run *run, uint64_t bytes)
{
    const uint64_t bytes_max = engine->limits.memory_bytes_max; /* whatever a host says */
    size_t heap = (size_t)(bytes < bytes_max ? bytes : bytes_max);
    engine->vm_bytes_typical += heap / 16 - engine->vm_bytes_typical / 16;
    count_vm(engine, run, run->is_resident ? heap : 0);
}

void bw_run_lost_vm(struct bw_engine *engine, struct bw_run *run)
{
    BW_ASSERT(run->place != BW_RUN_IN_IDLE);
    run->is_resident = false;
    count_vm(engine, run, 0);
}

bool bw_run_wake(struct bw_engine *engine, struct bw_run *run, struct bw_arena *scratch,
                 struct bw_wake *wake)
{
    BW_ASSERT(run->state == BW_RUN_STATE_READY && run->place == BW_RUN_NOWHERE);
    bw_run_check_state(run);
    size_t live_count = mark_stale(run);
    if (live_count == 0)
        return false;
    *wake = (struct bw_wake){
        .run = run->keyed.id,
        .tenant = run->tenant,
        .workflow = bw_str_of(run->workflow),
        .turn = run->head + 1,
        .is_resident = run->is_resident,
        .steps_max = engine->limits.steps_max,
        .memory_bytes_max = engine->limits.memory_bytes_max,
        .wall_us_max = engine->limits.wall_us_max,
    };
    memcpy(wake->release, run->release_hash, sizeof wake->release);
    run->turn_at_us = turn_time_us(engine, run);
    wake->at.us = run->turn_at_us;
    wake->deliveries = bw_arena_alloc(scratch, live_count * sizeof *wake->deliveries);
    for (size_t i = 0; i < run->inbox.count; i++) {
        const struct bw_item *item = &run->inbox.items[i];
        if (!item->is_stale)
            wake->deliveries[wake->delivery_count++] =
                (struct bw_delivery){item->kind, item->seq, item->value};
    }
    if (!run->is_resident && run->head > run->base) {
        BW_ASSERT(run->journal);
        wake->replay = run->journal->loaded.turns;
        wake->replay_count = run->journal->loaded.turn_count;
        engine->counters.replays++;
    }
    if (!run->is_resident)
        count_vm(engine, run, engine->vm_bytes_typical);
    bw_inbox_take(&run->inbox);
    run->state = BW_RUN_STATE_EXECUTING;
    bw_run_check_state(run);
    return true;
}

/* The rows for a replay are a copy of the database's: dropped as soon as a host has them. */
static void drop_journal(struct bw_run *run)
{
    if (run->journal)
        bw_call_close(run->journal);
    run->journal = NULL;
}

void bw_run_retry(struct bw_engine *engine, struct bw_run *run)
{
    BW_ASSERT(run->state == BW_RUN_STATE_EXECUTING);
    bw_run_check_state(run);
    bw_inbox_untake(&run->inbox);
    bw_run_lost_vm(engine, run);
    drop_journal(run);
    run->state = BW_RUN_STATE_READY;
    bw_run_settle(engine, run);
}

/* --- COMMITTING ->. */

/* At 80% of a budget, and once more at its end. The run goes on: only its author can shorten it. */
static void watch_history(struct bw_engine *engine, const struct bw_run *run, uint64_t bytes_before)
{
    const struct bw_engine_limits *limits = &engine->limits;
    uint64_t turns = run->head - run->base;
    for (uint64_t percent = 80; percent <= 100; percent += 20) {
        uint64_t turns_mark = limits->history_turns_max * percent / 100;
        uint64_t bytes_mark = limits->history_bytes_max / 100 * percent;
        if (turns == turns_mark || (bytes_before < bytes_mark && run->history_bytes >= bytes_mark))
            bw_engine_log(engine, "history_budget", run->keyed.id,
                          "%llu turns and %llu bytes since the last checkpoint, of %llu and %llu: "
                          "a replay reads them all; a checkpoint in the script shortens it",
                          (unsigned long long)turns, (unsigned long long)run->history_bytes,
                          (unsigned long long)limits->history_turns_max,
                          (unsigned long long)limits->history_bytes_max);
    }
}

void bw_run_committed(struct bw_engine *engine, struct bw_run *run, struct bw_batch *batch)
{
    BW_ASSERT(run->state == BW_RUN_STATE_COMMITTING && batch->run == run);
    bw_run_check_state(run);
    const struct bw_turn_commit *commit = &batch->commit;
    if (batch->kind == BW_BATCH_TIDY) {
        bw_inbox_drop_taken(&run->inbox);
        run->last_at_us = commit->at_us;
        run->state = BW_RUN_STATE_WAITING;
        return;
    }
    if (batch->kind != BW_BATCH_TURN) {
        bool is_final = commit->status == BW_RUN_CANCELLED;
        run->inbox.taken = 0;
        run->state = is_final ? BW_RUN_STATE_DONE : BW_RUN_STATE_PARKED;
        return;
    }
    BW_ASSERT(commit->expected_head == run->head);
    uint64_t bytes_before = run->history_bytes;
    run->head++;
    run->history_bytes = commit->base == run->head ? 0 : bytes_before + commit->turn.len;
    run->base = commit->base;
    watch_history(engine, run, bytes_before);
    run->last_seq = commit->last_seq;
    run->last_at_us = commit->at_us;
    run->tries = run->limit_tries = 0;
    run->was_parked = false;
    if (commit->status != BW_RUN_OPEN || batch->is_checkpoint ||
        engine->hosts[run->host].generation != run->host_generation)
        bw_run_lost_vm(engine, run);
    drop_journal(run);
    for (size_t i = 0; i < run->inbox.taken; i++)
        run->is_cancelling = run->is_cancelling || run->inbox.items[i].kind == BW_DELIVERY_CANCEL;
    bw_inbox_drop_taken(&run->inbox);
    sweep_effects(engine, run);
    size_t kept = 0;
    for (size_t i = 0; i < batch->begin_count; i++) {
        struct bw_effect *effect = batch->begins[i];
        if (effect->is_leaving) {
            bw_effect_destroy(engine, effect);
            continue;
        }
        bw_run_add_effect(run, effect);
        batch->begins[kept++] = effect;
    }
    batch->begin_count = kept;
    batch->is_taken = true;
    run->state = commit->status == BW_RUN_OPEN ? BW_RUN_STATE_WAITING : BW_RUN_STATE_DONE;
    bw_run_check_state(run);
}

/* --- Leaving memory. */

void bw_run_close_vm(struct bw_engine *engine, struct bw_run *run)
{
    BW_ASSERT(run->state != BW_RUN_STATE_EXECUTING);
    if (run->is_resident)
        bw_host_evict(engine, run->host, run->keyed.id);
    bw_run_lost_vm(engine, run);
}

static void sleeper_due(struct bw_engine *engine, struct bw_timer *timer)
{
    struct bw_sleeper *sleeper = bw_container_of(timer, struct bw_sleeper, timer);
    struct bw_id tenant = sleeper->tenant, run = sleeper->keyed.id;
    bw_table_remove(&engine->sleepers, run);
    bw_free(sleeper);
    bw_engine_touch(engine, tenant, run);
}

void bw_run_note_sleeper(struct bw_engine *engine, struct bw_id tenant, struct bw_id run,
                         int64_t due_us)
{
    struct bw_keyed *keyed = bw_table_find(&engine->sleepers, run);
    struct bw_sleeper *sleeper = NULL;
    if (keyed) {
        sleeper = bw_container_of(keyed, struct bw_sleeper, keyed);
    } else {
        sleeper = bw_xcalloc(1, sizeof *sleeper);
        sleeper->keyed.id = run;
        sleeper->tenant = tenant;
        sleeper->timer.on_due = sleeper_due;
        bw_table_put(&engine->sleepers, &sleeper->keyed);
    }
    bw_timer_arm(&engine->timers_utc, &sleeper->timer, due_us);
}

void bw_run_evict(struct bw_engine *engine, struct bw_run *run)
{
    BW_ASSERT(run->state != BW_RUN_STATE_EXECUTING);
    bw_run_unlink(engine, run);
    bw_run_close_vm(engine, run);
    if (run->state == BW_RUN_STATE_WAITING || run->state == BW_RUN_STATE_READY) {
        int64_t wake_at_us;
        bool is_active;
        (void)bw_run_wake_reason(run, NULL, &wake_at_us, &is_active);
        if (wake_at_us && wake_at_us <= engine->window_us && bw_lease_owns(engine, run->shard))
            bw_run_note_sleeper(engine, run->tenant, run->keyed.id, wake_at_us);
    }
    if (run->load)
        run->load->subject = NULL; /* the rows come for nobody */
    if (run->resume)
        bw_engine_resume_failed(engine, run->resume, BW_ERR_UNAVAILABLE,
                                "the run moved to another node: try again");
    for (size_t i = 0; i < run->effect_count; i++)
        bw_effect_destroy(engine, run->effects[i]);
    drop_journal(run);
    bw_table_remove(&engine->runs, run->keyed.id);
    bw_inbox_deinit(&run->inbox);
    bw_free(run->effects);
    bw_free(run->workflow);
    bw_free(run);
}
