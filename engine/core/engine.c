/* engine.c - see engine.h: the turn and the life of the engine. What follows from a commit is in
 * verdict.c, the verbs of the API in verbs.c. */
#include "core/engine.h"

#include "base/assert.h"
#include "base/fault.h"
#include "base/limits.h"
#include "core/inside.h"
#include "core/pool.h"

#include <stdarg.h>
#include <stdio.h>

#define VM_TYPICAL_BYTES (256u * 1024u) /* until the first ones are seen */
#define VM_ALWAYS_MIN 16                /* runs at work that memory never holds back */

static const struct bw_engine_limits DEFAULTS = {
    .resident_max = 2000,
    .resident_bytes_max = 128 * 1024 * 1024,
    .vm_bytes_max = 384 * 1024 * 1024,
    .executing_max = 512,
    .turn_runs_max = 256,
    .group_max = 256,
    .group_beside_min = 64,
    .loads_max = 64,
    .steps_max = BW_LIMIT_TURN_STEPS,
    .memory_bytes_max = BW_LIMIT_VM_BYTES,
    .commands_max = 10000,
    .pending_max = 20000,
    .row_bytes_max = BW_STORE_TURN_BYTES_MAX,
    .response_bytes_max = 4 * 1024 * 1024,
    .http_inside_max = 32,
    .http_rate_max = 200,
    .http_failures_max = 10,
    .history_turns_max = BW_LIMIT_HISTORY_TURNS,
    .history_bytes_max = BW_LIMIT_HISTORY_BYTES,
    .window_ms = 60 * 1000,
    .poll_ms = 1000,
};

/* --- Small services. */

void bw_engine_poke(struct bw_engine *engine)
{
    if (engine->is_poked || engine->is_in_turn)
        return;
    engine->is_poked = true;
    if (engine->config.on_work)
        engine->config.on_work(engine->config.ud);
}

void bw_engine_log(struct bw_engine *engine, const char *event, struct bw_id run,
                   const char *format, ...)
{
    char text[1024];
    va_list args;
    if (!engine->config.on_log)
        return;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    engine->config.on_log(engine->config.ud, event, run, text);
}

struct bw_run *bw_engine_find(struct bw_engine *engine, struct bw_id run)
{
    struct bw_keyed *keyed = bw_table_find(&engine->runs, run);
    return keyed ? bw_container_of(keyed, struct bw_run, keyed) : NULL;
}

static int64_t mono_us(const struct bw_engine *engine)
{
    return engine->now_ns / BW_NS_PER_US;
}

/* Somebody told the store something for a run: between turns. */
static void store_on_mail(void *ud, struct bw_id tenant, struct bw_id run)
{
    struct bw_engine *engine = ud;
    struct bw_mail *mail = bw_xmalloc(sizeof *mail);
    *mail = (struct bw_mail){.tenant = tenant, .run = run};
    bw_list_push_back(&engine->mail, &mail->link);
    bw_engine_poke(engine);
}

/* --- The turn. */

static void take_news(struct bw_engine *engine)
{
    struct bw_list *link;
    /* Commits before the mail they announce: a child is adopted from its row, and not loaded
     * because of its mail. */
    while ((link = bw_list_pop_front(&engine->news))) {
        struct bw_call *call = bw_container_of(link, struct bw_call, link);
        call->is_kept = false;
        call->act(engine, call);
        if (!call->is_kept)
            bw_call_close(call);
    }
    while ((link = bw_list_pop_front(&engine->mail))) {
        struct bw_mail *mail = bw_container_of(link, struct bw_mail, link);
        bw_engine_touch(engine, mail->tenant, mail->run);
        bw_free(mail);
    }
}

static void take_timers(struct bw_engine *engine)
{
    struct bw_timer *timer;
    while ((timer = bw_timers_take(&engine->timers_mono, mono_us(engine))))
        timer->on_due(engine, timer);
    while ((timer = bw_timers_take(&engine->timers_utc, engine->now_us))) {
        (void)BW_FAULT(TIMER_DUE);
        timer->on_due(engine, timer);
    }
}

static void wake_run(struct bw_engine *engine, struct bw_run *run)
{
    struct bw_wake wake;
    struct bw_release *release = bw_release_get(engine, run->release_hash);
    if (!release->is_here) {
        bw_release_wait(engine, release, run);
        return;
    }
    struct bw_host_slot *slot = bw_pool_pick(engine, run);
    if (!slot) {
        bw_sched_hold(&engine->sched, run);
        run->place = BW_RUN_IN_READY;
        return;
    }
    if (!bw_run_wake(engine, run, &engine->scratch, &wake)) {
        bw_run_settle(engine, run);
        return;
    }
    bw_host_teach(slot, release);
    bw_host_submit(slot, run, &wake);
}

static bool has_room(const struct bw_engine *engine)
{
    return engine->phase <= BW_ENGINE_RUNNING && bw_lease_may_act(engine) &&
           engine->executing_count < engine->limits.executing_max * engine->config.host_count;
}

/* Room for one more VM? Runs that have theirs go on and end, so it comes back; and a few may always
 * be at work, however large the others are. */
static bool has_room_for_vm(const struct bw_engine *engine)
{
    return engine->vm_bytes < engine->limits.vm_bytes_max ||
           engine->executing_count + engine->committing_count < VM_ALWAYS_MIN;
}

static void wake_runs(struct bw_engine *engine)
{
    bw_sched_unhold(&engine->sched);
    engine->pool_wanting = 0;
    for (size_t i = 0; i < engine->limits.turn_runs_max && has_room(engine); i++) {
        struct bw_run *run = bw_sched_next(&engine->sched, has_room_for_vm(engine));
        if (!run)
            break;
        run->place = BW_RUN_NOWHERE;
        wake_run(engine, run);
    }
}

static void close_idle(struct bw_engine *engine, size_t kept, size_t bytes_kept)
{
    while (engine->idle_count > kept || engine->idle_bytes > bytes_kept) {
        struct bw_run *run = bw_container_of(engine->idle.next, struct bw_run, link);
        bw_run_unlink(engine, run);
        bw_run_close_vm(engine, run);
        bw_run_settle(engine, run); /* without a VM and without effects in flight it is forgotten */
    }
}

void bw_engine_evict_idle(struct bw_engine *engine)
{
    close_idle(engine, 0, 0);
    bw_hosts_flush(engine);
}

static void finish_stop(struct bw_engine *engine, struct bw_call *call)
{
    struct bw_error error;
    engine->phase = BW_ENGINE_STOPPED;
    bw_call_error(call, &error);
    if (engine->stop_done)
        engine->stop_done(engine->stop_ud, &error);
}

static void drain(struct bw_engine *engine)
{
    struct bw_store *store = engine->config.store;
    if (engine->phase != BW_ENGINE_STOPPING || engine->executing_count > 0 ||
        engine->lease.is_in_flight)
        return;
    if (engine->committing_count > 0 && bw_lease_may_act(engine))
        return;
    engine->phase = BW_ENGINE_STOPPED;
    store->release_leases(store->self, bw_str_of(engine->node), BW_SHARDS_ALL, bw_call_on_done,
                          bw_call_open(engine, finish_stop));
}

int64_t bw_engine_wait_us(const struct bw_engine *engine)
{
    bool has_work =
        !bw_list_is_empty(&engine->news) || !bw_list_is_empty(&engine->mail) ||
        !bw_list_is_empty(&engine->frames) || !bw_list_is_empty(&engine->answered) ||
        (has_room(engine) && bw_sched_has_next(&engine->sched, has_room_for_vm(engine)));
    if (has_work)
        return 0;
    int64_t wait_us = INT64_MAX;
    int64_t mono_next = bw_timers_next_us(&engine->timers_mono),
            utc_next = bw_timers_next_us(&engine->timers_utc);
    if (mono_next != INT64_MAX)
        wait_us = mono_next - mono_us(engine);
    if (utc_next != INT64_MAX && utc_next - engine->now_us < wait_us)
        wait_us = utc_next - engine->now_us;
    int64_t watch_ns = bw_pool_watch_ns(engine);
    if (watch_ns != INT64_MAX && (watch_ns - engine->now_ns) / 1000 + 1 < wait_us)
        wait_us = (watch_ns - engine->now_ns) / 1000 + 1;
    if (wait_us == INT64_MAX)
        return -1;
    return wait_us <= 0 ? 0 : wait_us;
}

int64_t bw_engine_turn(struct bw_engine *engine)
{
    BW_ASSERT(!engine->is_in_turn);
    engine->is_in_turn = true;
    engine->is_poked = false;
    /* One reading of the clocks: everything in this turn happens at one moment. */
    engine->now_us = bw_clock_utc(engine->config.clock).us;
    engine->now_ns = bw_clock_mono(engine->config.clock).ns;

    take_news(engine); /* stored messages and committed batches first: they make runs ready */
    bw_failover_turn(engine); /* before anything that believes what is in memory */
    bw_http_take(engine);     /* outcomes of our own effects */
    take_timers(engine);      /* what is due joins the same turn of its run */
    bw_hosts_take(engine);    /* results become batches */
    bw_recheck_turn(engine);
    bw_group_flush(engine); /* as soon as a lane is free: the database works while the hosts do */
    bw_engine_send_loads(engine);
    wake_runs(engine); /* after the news, so that a run wakes once for all of them */
    close_idle(engine,
               engine->limits.resident_max, /* after the wakes: who just got work is not idle */
               engine->limits.resident_bytes_max);
    bw_hosts_flush(engine); /* one frame per host */
    bw_group_flush(engine); /* what the steps above parked */
    drain(engine);
    bw_arena_reset(&engine->scratch);

    engine->is_in_turn = false;
    int64_t wait_us = bw_engine_wait_us(engine);
    return wait_us <= 0 ? wait_us : (wait_us + BW_US_PER_MS - 1) / BW_US_PER_MS;
}

/* --- Life. */

static void fill_limits(struct bw_engine_limits *limits, const struct bw_engine_limits *wanted)
{
    *limits = *wanted;
#define DEFAULT(member)                                                                            \
    if (limits->member == 0)                                                                       \
    limits->member = DEFAULTS.member
    DEFAULT(resident_max);
    DEFAULT(resident_bytes_max);
    DEFAULT(vm_bytes_max);
    DEFAULT(executing_max);
    DEFAULT(turn_runs_max);
    DEFAULT(group_max);
    DEFAULT(group_beside_min);
    DEFAULT(loads_max);
    DEFAULT(steps_max);
    DEFAULT(memory_bytes_max);
    DEFAULT(commands_max);
    DEFAULT(pending_max);
    DEFAULT(row_bytes_max);
    DEFAULT(response_bytes_max);
    DEFAULT(http_inside_max);
    DEFAULT(http_rate_max);
    DEFAULT(http_failures_max);
    DEFAULT(history_turns_max);
    DEFAULT(history_bytes_max);
    DEFAULT(window_ms);
    DEFAULT(poll_ms);
#undef DEFAULT
}

struct bw_engine *bw_engine_create(const struct bw_engine_config *config)
{
    BW_ASSERT(config->store && config->clock && config->entropy && config->httpc && config->node);
    BW_ASSERT(config->lease_ms > 0);
    struct bw_engine *engine = bw_xcalloc(1, sizeof *engine);
    engine->config = *config;
    engine->node = bw_xstrdup(config->node);
    fill_limits(&engine->limits, &config->limits);
    bw_table_init(&engine->runs);
    bw_table_init(&engine->sleepers);
    bw_list_init(&engine->loads);
    bw_list_init(&engine->idle);
    bw_list_init(&engine->news);
    bw_list_init(&engine->calls_open);
    bw_list_init(&engine->calls_spare);
    bw_list_init(&engine->mail);
    bw_list_init(&engine->frames);
    bw_list_init(&engine->answered);
    bw_gates_init(&engine->gates);
    bw_timers_init(&engine->timers_utc);
    bw_timers_init(&engine->timers_mono);
    bw_sched_init(&engine->sched, engine->limits.executing_max * config->host_count);
    bw_shares_init(&engine->shares);
    bw_lease_init(&engine->lease);
    bw_releases_init(&engine->releases);
    bw_groups_init(&engine->groups);
    bw_hosts_init(engine);
    bw_recheck_init(engine);
    bw_arena_init(&engine->scratch);
    bw_buf_init(&engine->buffer, engine->limits.row_bytes_max);
    bw_buf_init(&engine->value, engine->limits.row_bytes_max);
    bw_engine_finding_init(engine);
    bw_schedules_init(engine);
    engine->vm_bytes_typical = VM_TYPICAL_BYTES;
    engine->now_us = bw_clock_utc(config->clock).us;
    engine->now_ns = bw_clock_mono(config->clock).ns;
    config->store->set_on_mail(config->store->self, store_on_mail, engine);
    bw_failover_init(engine);
    return engine;
}

static void ignore_mail(void *ud, struct bw_id tenant, struct bw_id run)
{
    (void)ud;
    (void)tenant;
    (void)run;
}

static void forget_runs(struct bw_engine *engine)
{
    struct bw_keyed *keyed;
    size_t at = 0;
    while ((keyed = bw_table_next(&engine->runs, &at))) {
        struct bw_run *run = bw_container_of(keyed, struct bw_run, keyed);
        bw_run_unlink(engine, run);
        bw_run_lost_vm(engine, run); /* its host is not told: it may be gone before us */
        if (run->resume)             /* its client is gone as well; the call must not leak */
            bw_call_post(run->resume, BW_ERR_CANCELLED, "");
        run->resume = NULL;
        run->inbox.taken = 0;
        run->state = BW_RUN_STATE_PARKED;
        bw_run_evict(engine, run);
        at = 0; /* the table has changed */
    }
    at = 0;
    while ((keyed = bw_table_next(&engine->sleepers, &at))) {
        struct bw_sleeper *sleeper = bw_container_of(keyed, struct bw_sleeper, keyed);
        bw_timer_cancel(&engine->timers_utc, &sleeper->timer);
        bw_free(sleeper);
    }
    bw_table_deinit(&engine->sleepers);
    bw_table_deinit(&engine->runs);
}

static void forget_batches(struct bw_engine *engine, struct bw_list *batches)
{
    struct bw_list *link;
    while ((link = bw_list_pop_front(batches))) {
        struct bw_batch *batch = bw_container_of(link, struct bw_batch, link);
        if (batch->reply)
            bw_call_post(batch->reply, BW_ERR_CANCELLED, "");
        bw_group_release(engine, batch);
    }
}

static void forget_calls(struct bw_engine *engine)
{
    struct bw_list *link;
    forget_batches(engine, &engine->groups.queue);
    /* Releasing a batch may move its client's call to the news, so take those first. */
    for (link = engine->calls_open.next; link != &engine->calls_open;) {
        struct bw_call *call = bw_container_of(link, struct bw_call, link);
        bool has_batches = !bw_list_is_empty(&call->batches);
        forget_batches(engine, &call->batches);
        link = has_batches ? engine->calls_open.next : link->next;
    }
    while ((link = bw_list_pop_front(&engine->calls_open)))
        bw_container_of(link, struct bw_call, link)->engine =
            NULL; /* the answer will find nobody */
    for (link = engine->news.next; link != &engine->news; link = link->next)
        forget_batches(engine, &bw_container_of(link, struct bw_call, link)->batches);
    bw_list_append_all(&engine->calls_spare, &engine->news);
    while ((link = bw_list_pop_front(&engine->calls_spare))) {
        struct bw_call *call = bw_container_of(link, struct bw_call, link);
        bw_arena_deinit(&call->arena);
        bw_free(call);
    }
    while ((link = bw_list_pop_front(&engine->mail)))
        bw_free(bw_container_of(link, struct bw_mail, link));
}

void bw_engine_destroy(struct bw_engine *engine)
{
    if (!engine)
        return;
    BW_ASSERT(!engine->is_in_turn);
    engine->config.store->set_on_mail(engine->config.store->self, ignore_mail, NULL);
    engine->is_in_turn = true; /* nobody is asked for a turn any more */
    engine->phase = BW_ENGINE_STOPPED;
    forget_runs(engine);
    bw_recheck_deinit(engine); /* it keeps a call */
    forget_calls(engine);
    bw_groups_deinit(engine, &engine->groups);
    bw_hosts_deinit(engine);
    bw_timers_deinit(&engine->timers_utc);
    bw_timers_deinit(&engine->timers_mono); /* before those whose timers they are */
    bw_gates_deinit(&engine->gates);
    bw_releases_deinit(&engine->releases);
    bw_sched_deinit(&engine->sched);
    bw_failover_deinit(engine);
    bw_door_deinit(engine);
    bw_shares_deinit(&engine->shares);
    bw_arena_deinit(&engine->scratch);
    bw_buf_deinit(&engine->buffer);
    bw_buf_deinit(&engine->value);
    bw_free(engine->node);
    bw_free(engine);
}

void bw_engine_start(struct bw_engine *engine, bw_done_fn done, void *ud)
{
    BW_ASSERT(engine->phase == BW_ENGINE_CREATED);
    engine->phase = BW_ENGINE_STARTING;
    engine->start_done = done;
    engine->start_ud = ud;
    bw_lease_acquire(engine);
}

void bw_engine_stop(struct bw_engine *engine, bw_done_fn done, void *ud)
{
    BW_ASSERT(engine->phase < BW_ENGINE_STOPPING);
    engine->phase = BW_ENGINE_STOPPING;
    engine->stop_done = done;
    engine->stop_ud = ud;
    bw_engine_poke(engine);
}

void bw_engine_stats(const struct bw_engine *engine, struct bw_engine_stats *stats)
{
    size_t background_count = 0;
    for (const struct bw_list *link = engine->calls_open.next; link != &engine->calls_open;
         link = link->next)
        background_count += bw_container_of(link, struct bw_call, link)->is_background;
    *stats = engine->counters;
    stats->runs = engine->runs.count;
    stats->resident = engine->idle_count;
    stats->executing = engine->executing_count;
    stats->shards = engine->lease.owned_count;
    stats->is_quiet = bw_list_is_empty(&engine->news) && bw_list_is_empty(&engine->mail) &&
                      bw_list_is_empty(&engine->frames) && bw_list_is_empty(&engine->answered) &&
                      bw_list_is_empty(&engine->loads) && engine->sched.ready_count == 0 &&
                      engine->executing_count == 0 && engine->committing_count == 0 &&
                      engine->calls_open_count == background_count;
}
