/* finding.c - how runs come into memory: touched by mail, adopted from a row just stored, found at
 * start, after a take-over, by polling, or because they are due soon. Their rows are loaded here.
 * Part of the engine (core/inside.h); stations 1 to 3 of docs/walk.md. */
#include "base/assert.h"
#include "base/fault.h"
#include "core/inside.h"

enum {
    SCAN_ACTIVE_MAX = 1000000,
    SCAN_DUE_MAX = 10000,
    SCAN_MAIL_MAX = 10000,
    LOAD_PAUSE_MS = 100,
    SWEEP_MS = 30 * 1000,
};

static void pause_timer(struct bw_engine *engine, struct bw_timer *timer, int64_t ms)
{
    bw_timer_arm(&engine->timers_mono, timer, engine->now_ns / BW_NS_PER_US + ms * BW_US_PER_MS);
}

/* --- Runs come into memory. */

void bw_engine_touch(struct bw_engine *engine, struct bw_id tenant, struct bw_id id)
{
    struct bw_run *run = bw_engine_find(engine, id);
    if (!bw_lease_owns(engine, bw_shard_of(id)))
        return;
    if (!run) {
        run = bw_run_create(engine, tenant, id);
        run->place = BW_RUN_IN_LOADS;
        bw_list_push_back(&engine->loads, &run->link);
        return;
    }
    if (run->state == BW_RUN_STATE_NEW && !run->load)
        return;              /* its rows are still to be read */
    if (run->is_announced) { /* the store tells of a new run that we know already */
        run->is_announced = false;
        return;
    }
    run->has_mail = true;
    if (run->state == BW_RUN_STATE_READY || run->state == BW_RUN_STATE_WAITING)
        bw_run_settle(engine, run);
}

void bw_engine_adopt(struct bw_engine *engine, const struct bw_run_row *row)
{
    if (!bw_lease_owns(engine, row->shard) || bw_engine_find(engine, row->id))
        return;
    struct bw_run *run = bw_run_create(engine, row->tenant, row->id);
    run->is_announced = !bw_id_is_zero(row->parent);
    bw_run_begin(engine, run, row);
}

static void load_again(struct bw_engine *engine, struct bw_run *run)
{
    BW_ASSERT(run->place == BW_RUN_NOWHERE);
    run->place = BW_RUN_IN_LOADS;
    bw_list_push_back(&engine->loads, &run->link);
}

static bool is_cancelled(const struct bw_loaded_run *loaded)
{
    for (size_t i = 0; i < loaded->message_count; i++) {
        if (loaded->messages[i].kind == BW_MESSAGE_CANCEL)
            return true;
    }
    return false;
}

/* A name gets its rows. */
static void loaded_new(struct bw_engine *engine, struct bw_run *run, struct bw_call *call)
{
    const struct bw_loaded_run *loaded = &call->loaded;
    struct bw_error error;
    bool is_parked = loaded->row.status == BW_RUN_PARKED && !is_cancelled(loaded);
    struct bw_buf why;
    bw_buf_init(&why, 32 * 1024);
    bool is_told_to_stop = bw_failover_stops(loaded, &why);
    run->must_stop = is_told_to_stop && loaded->row.status == BW_RUN_OPEN;
    if (is_told_to_stop && is_parked && bw_id_eq(loaded->row.tenant, run->tenant) &&
        bw_run_load(engine, run, loaded, &call->arena, &error) == BW_ERR_OK) {
        bw_engine_park_anew(engine, run, call, "FAILOVER", bw_buf_cstr(&why));
        bw_buf_deinit(&why);
        return;
    }
    if ((run->resume && bw_engine_resume_loaded(engine, run, call)) ||
        (is_parked && bw_engine_resume_wished(engine, run, loaded))) {
        bw_buf_deinit(&why);
        return;
    }
    bool is_of_interest = loaded->row.status == BW_RUN_OPEN ||
                          (loaded->row.status == BW_RUN_PARKED && is_cancelled(loaded));
    if (!is_of_interest || !bw_id_eq(loaded->row.tenant, run->tenant)) {
        struct bw_id tenant = run->tenant, id = run->keyed.id;
        bool has_mail =
            run->has_mail; /* came while the rows were read: perhaps the wish to cancel */
        bw_run_evict(engine, run);
        bw_buf_deinit(&why);
        if (has_mail)
            bw_engine_touch(engine, tenant, id);
        return;
    }
    bw_share_see(engine, run->tenant);
    enum bw_err code = bw_run_load(engine, run, loaded, &call->arena, &error);
    if (code != BW_ERR_OK || run->must_stop) {
        bw_engine_park(engine, run, code != BW_ERR_OK ? bw_err_name(code) : "FAILOVER",
                       code != BW_ERR_OK ? error.text : bw_buf_cstr(&why));
        bw_buf_deinit(&why);
        return;
    }
    bw_buf_deinit(&why);
    if (bw_run_has_news(run) && run->head > run->base) {
        run->journal = call; /* the rows are here: no second load for the replay */
        call->is_kept = true;
        bw_list_remove(&call->link);
    }
    bw_run_settle(engine, run);
}

static void loaded_again(struct bw_engine *engine, struct bw_run *run, struct bw_call *call)
{
    struct bw_error error;
    if (bw_run_merge(engine, run, &call->loaded, &error) != BW_ERR_OK) {
        struct bw_id tenant = run->tenant, id = run->keyed.id;
        engine->counters.conflicts++;
        bw_engine_log(engine, "run_conflict", id, "%s", error.text);
        bw_run_evict(engine, run);
        bw_engine_touch(engine, tenant, id);
        return;
    }
    bool is_whole = call->number != 0;
    if (is_whole && !run->is_resident && !run->journal && run->head > run->base &&
        bw_run_has_news(run)) {
        run->journal = call;
        call->is_kept = true;
        bw_list_remove(&call->link);
    }
    bw_run_settle(engine, run);
}

static void loaded(struct bw_engine *engine, struct bw_call *call)
{
    struct bw_run *run = call->subject;
    engine->loads_in_flight--;
    if (!run)
        return; /* forgotten meanwhile */
    BW_ASSERT(run->load == call);
    (void)BW_FAULT(RUN_LOADED);
    run->load = NULL;
    if (bw_err_is_retryable(call->code)) {
        run->has_mail = run->state != BW_RUN_STATE_NEW;
        load_again(engine, run);
        engine->is_load_paused = true;
        pause_timer(engine, &engine->load_timer, LOAD_PAUSE_MS);
    } else if (call->code != BW_ERR_OK) {
        if (run->resume) {
            bw_engine_resume_failed(engine, run->resume, call->code, call->text);
            run->resume = NULL;
        }
        if (call->code != BW_ERR_NOT_FOUND)
            bw_engine_log(engine, "load_failed", run->keyed.id, "%s", call->text);
        bw_run_evict(engine, run);
    } else if (run->state == BW_RUN_STATE_NEW) {
        loaded_new(engine, run, call);
    } else {
        loaded_again(engine, run, call);
    }
}

static void load_pause_over(struct bw_engine *engine, struct bw_timer *timer)
{
    (void)timer;
    engine->is_load_paused = false;
}

void bw_engine_send_loads(struct bw_engine *engine)
{
    struct bw_store *store = engine->config.store;
    while (!engine->is_load_paused && engine->loads_in_flight < engine->limits.loads_max &&
           !bw_list_is_empty(&engine->loads)) {
        struct bw_run *run = bw_container_of(engine->loads.next, struct bw_run, link);
        bw_run_unlink(engine, run);
        struct bw_call *call = bw_call_open(engine, loaded);
        bool is_whole = run->state == BW_RUN_STATE_NEW ||
                        (!run->is_resident && !run->journal && run->head > run->base);
        call->subject = run;
        call->number = is_whole;
        run->load = call;
        run->has_mail = false; /* what comes from now on is news again */
        engine->loads_in_flight++;
        if (is_whole)
            store->load(store->self, run->tenant, run->keyed.id, bw_call_on_load, call);
        else
            store->load_mail(store->self, run->tenant, run->keyed.id, bw_call_on_load, call);
    }
}

/* --- Finding runs: at start, after a take-over, and by polling. */

static void found(struct bw_engine *engine, struct bw_call *call)
{
    (void)BW_FAULT(RECOVER_FOUND);
    for (size_t i = 0; i < call->count; i++)
        bw_engine_touch(engine, call->refs[i].tenant, call->refs[i].run);
}

static void start_scan_done(struct bw_engine *engine, const struct bw_call *call)
{
    if (engine->phase != BW_ENGINE_STARTING)
        return;
    /* Whoever starts the engine hears of any scan that was refused: runs would be missing. */
    if (call->code != BW_ERR_OK && engine->start_error.code == BW_ERR_OK)
        bw_call_error(call, &engine->start_error);
    if (--engine->scans_in_flight > 0)
        return;
    engine->phase = BW_ENGINE_RUNNING;
    bw_done_fn done = engine->start_done;
    engine->start_done = NULL;
    if (done)
        done(engine->start_ud, &engine->start_error);
}

static void found_at_start(struct bw_engine *engine, struct bw_call *call)
{
    found(engine, call);
    start_scan_done(engine, call);
}

/* A scan that failed is made again soon: nothing else finds those runs. */
static bool is_missed(struct bw_engine *engine, const struct bw_call *call)
{
    if (call->code == BW_ERR_OK)
        return false;
    engine->has_missed_scan = true;
    pause_timer(engine, &engine->sweep_timer, LOAD_PAUSE_MS);
    return true;
}

static void found_active(struct bw_engine *engine, struct bw_call *call)
{
    if (!is_missed(engine, call))
        found(engine, call);
}

static void scan(struct bw_engine *engine, enum bw_scan what, bw_shards shards, int64_t limit_us,
                 size_t count_max, bw_call_act_fn act)
{
    struct bw_store *store = engine->config.store;
    struct bw_call *call = bw_call_open(engine, act);
    call->number = limit_us;
    call->is_background = engine->phase == BW_ENGINE_RUNNING;
    store->scan(store->self, what, shards, limit_us, count_max, bw_call_on_scan, call);
}

/* Those that are due soon and not in memory get a timer here; the rest stays rows. */
static void found_due(struct bw_engine *engine, struct bw_call *call)
{
    int64_t until_us = call->number;
    for (size_t i = 0; i < call->count; i++) {
        const struct bw_run_ref *ref = &call->refs[i];
        if (bw_lease_owns(engine, bw_shard_of(ref->run)) && !bw_engine_find(engine, ref->run))
            bw_run_note_sleeper(engine, ref->tenant, ref->run, ref->wake_at_us);
    }
    int64_t pause_ms = engine->limits.window_ms / 2;
    if (call->count == SCAN_DUE_MAX) { /* more are due than fit: up to here we know them all */
        until_us = call->refs[call->count - 1].wake_at_us;
        /* Asked again when half of them are due; what is due already is asked for at once. */
        int64_t half_ms = (until_us - engine->now_us) / 2 / BW_US_PER_MS;
        pause_ms = half_ms < LOAD_PAUSE_MS ? LOAD_PAUSE_MS
                   : half_ms < pause_ms    ? half_ms
                                           : pause_ms;
    }
    engine->window_us = until_us;
    if (call->code != BW_ERR_OK)
        pause_ms = LOAD_PAUSE_MS;
    pause_timer(engine, &engine->window_timer, pause_ms);
    start_scan_done(engine, call);
}

static void window_due(struct bw_engine *engine, struct bw_timer *timer)
{
    (void)timer;
    int64_t until_us = engine->now_us + engine->limits.window_ms * BW_US_PER_MS;
    /* From now on evicted runs keep their timer up to the new limit: the scan may or may not see
     * them. */
    if (until_us > engine->window_us)
        engine->window_us = until_us;
    scan(engine, BW_SCAN_DUE, bw_lease_held(engine), until_us, SCAN_DUE_MAX, found_due);
}

static void poll_due(struct bw_engine *engine, struct bw_timer *timer)
{
    (void)timer;
    if (engine->phase != BW_ENGINE_RUNNING)
        return;
    pause_timer(engine, &engine->poll_timer, engine->limits.poll_ms);
    scan(engine, BW_SCAN_MAIL, bw_lease_held(engine), 0, SCAN_MAIL_MAX, found);
}

/* Runs at work that are not in memory. With several nodes there can be such: another one stored a
 * new run of ours, and died before it could leave a message about it. */
static void found_forgotten(struct bw_engine *engine, struct bw_call *call)
{
    if (is_missed(engine, call))
        return;
    for (size_t i = 0; i < call->count; i++) {
        if (!bw_engine_find(engine, call->refs[i].run))
            bw_engine_touch(engine, call->refs[i].tenant, call->refs[i].run);
    }
}

static void sweep_due(struct bw_engine *engine, struct bw_timer *timer)
{
    pause_timer(engine, timer, SWEEP_MS);
    if (engine->phase != BW_ENGINE_RUNNING)
        return;
    bool is_needed = engine->has_missed_scan || engine->lease.node_count > 1;
    engine->has_missed_scan = false;
    if (is_needed)
        scan(engine, BW_SCAN_ACTIVE, bw_lease_held(engine), 0, SCAN_ACTIVE_MAX, found_forgotten);
}

void bw_engine_recover(struct bw_engine *engine, bw_shards shards)
{
    bool is_start = engine->phase == BW_ENGINE_STARTING;
    (void)BW_FAULT(RECOVER_SCAN);
    if (is_start)
        engine->scans_in_flight += 3;
    scan(engine, BW_SCAN_ACTIVE, shards, 0, SCAN_ACTIVE_MAX,
         is_start ? found_at_start : found_active);
    scan(engine, BW_SCAN_MAIL, shards, 0, SCAN_ACTIVE_MAX, is_start ? found_at_start : found);
    window_due(engine, NULL);
    bw_schedules_look(engine);
    if (engine->limits.poll_ms > 0) {
        pause_timer(engine, &engine->poll_timer, engine->limits.poll_ms);
        pause_timer(engine, &engine->sweep_timer, SWEEP_MS);
    }
}

void bw_engine_finding_init(struct bw_engine *engine)
{
    engine->window_timer.on_due = window_due;
    engine->poll_timer.on_due = poll_due;
    engine->load_timer.on_due = load_pause_over;
    engine->sweep_timer.on_due = sweep_due;
}
