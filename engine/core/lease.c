/* lease.c - see lease.h. */
#include "core/lease.h"

#include "base/assert.h"
#include "core/inside.h"

enum { LEASE_ACT_PERCENT = 70, LEASE_RENEWALS = 3 };

static void renew_due(struct bw_engine *engine, struct bw_timer *timer);

void bw_lease_init(struct bw_lease *lease)
{
    *lease = (struct bw_lease){0};
    lease->timer.on_due = renew_due;
}

static int64_t mono_ns(const struct bw_engine *engine)
{
    return bw_clock_mono(engine->config.clock).ns;
}

static void plan_renewal(struct bw_engine *engine)
{
    int64_t pause_us = engine->config.lease_ms * BW_US_PER_MS / LEASE_RENEWALS;
    bw_timer_arm(&engine->timers_mono, &engine->lease.timer,
                 mono_ns(engine) / BW_NS_PER_US + pause_us);
}

/* The store told which shards are ours, with their epochs. What is missing is lost. */
static void take(struct bw_engine *engine, struct bw_call *call)
{
    struct bw_lease *lease = &engine->lease;
    lease->is_in_flight = false;
    if (engine->phase >= BW_ENGINE_STOPPING)
        return;
    plan_renewal(engine);
    if (call->code != BW_ERR_OK) {
        bw_engine_log(engine, "lease_failed", (struct bw_id){0}, "%s", call->text);
        return;
    }
    bool is_listed[BW_SHARD_COUNT] = {false};
    int64_t before[BW_SHARD_COUNT];
    memcpy(before, lease->epochs, sizeof before);
    lease->asked_ns = lease->sent_ns;
    for (size_t i = 0; i < call->count; i++) {
        uint32_t shard = call->leases[i].shard;
        if (shard >= BW_SHARD_COUNT)
            continue;
        is_listed[shard] = true;
        lease->epochs[shard] = call->leases[i].epoch;
    }
    lease->owned_count = 0;
    for (uint32_t shard = 0; shard < BW_SHARD_COUNT; shard++) {
        /* Another epoch means that somebody else had it in between: what is in memory may be old.
         */
        bool was_ours = before[shard] != 0;
        if (was_ours && (!is_listed[shard] || lease->epochs[shard] != before[shard]))
            bw_engine_let_go(engine, shard);
        if (!is_listed[shard])
            lease->epochs[shard] = 0;
        lease->owned_count += lease->epochs[shard] != 0;
    }
}

static void acquired(struct bw_engine *engine, struct bw_call *call)
{
    take(engine, call);
    if (call->code != BW_ERR_OK && engine->phase == BW_ENGINE_STARTING && engine->start_done) {
        struct bw_error error;
        bw_call_error(call, &error);
        bw_done_fn done = engine->start_done;
        engine->start_done = NULL;
        done(engine->start_ud, &error);
        return;
    }
    if (call->code == BW_ERR_OK)
        bw_engine_recover(engine);
}

void bw_lease_acquire(struct bw_engine *engine)
{
    struct bw_store *store = engine->config.store;
    struct bw_lease *lease = &engine->lease;
    struct bw_call *call = bw_call_open(engine, acquired);
    call->is_background = true;
    lease->is_in_flight = true;
    lease->sent_ns = mono_ns(engine);
    store->lease(store->self, bw_str_of(engine->node), engine->config.lease_ms,
                 engine->config.take_over, bw_call_on_lease, call);
}

/* Every third of the lease. A process that owns nothing asks for free shards instead. */
static void renew_due(struct bw_engine *engine, struct bw_timer *timer)
{
    struct bw_lease *lease = &engine->lease;
    BW_ASSERT(timer == &lease->timer);
    if (engine->phase >= BW_ENGINE_STOPPING || lease->is_in_flight)
        return;
    if (lease->owned_count == 0) {
        bw_lease_acquire(engine);
        return;
    }
    struct bw_store *store = engine->config.store;
    struct bw_call *call = bw_call_open(engine, take);
    call->is_background = true;
    lease->is_in_flight = true;
    lease->sent_ns = mono_ns(engine);
    store->renew(store->self, bw_str_of(engine->node), engine->config.lease_ms, bw_call_on_lease,
                 call);
}

bool bw_lease_owns(const struct bw_engine *engine, uint32_t shard)
{
    return shard < BW_SHARD_COUNT && engine->lease.epochs[shard] != 0;
}

int64_t bw_lease_epoch(const struct bw_engine *engine, uint32_t shard)
{
    BW_ASSERT(shard < BW_SHARD_COUNT);
    return engine->lease.epochs[shard];
}

bool bw_lease_may_act(const struct bw_engine *engine)
{
    const struct bw_lease *lease = &engine->lease;
    int64_t age_ns = engine->now_ns - lease->asked_ns;
    return lease->owned_count > 0 &&
           age_ns < engine->config.lease_ms * BW_NS_PER_MS / 100 * LEASE_ACT_PERCENT;
}

void bw_lease_lost(struct bw_engine *engine, uint32_t shard)
{
    struct bw_lease *lease = &engine->lease;
    if (!bw_lease_owns(engine, shard))
        return;
    lease->epochs[shard] = 0;
    lease->owned_count--;
    bw_engine_log(engine, "shard_lost", (struct bw_id){0}, "shard %u has another owner", shard);
    bw_engine_let_go(engine, shard);
}
