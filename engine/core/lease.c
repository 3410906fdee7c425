/* lease.c - see lease.h. */
#include "core/lease.h"

#include "base/assert.h"
#include "base/fault.h"
#include "core/inside.h"

enum { LEASE_ACT_PERCENT = 70, LEASE_RENEWALS = 5 };

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

bw_shards bw_lease_held(const struct bw_engine *engine)
{
    bw_shards held = 0;
    for (uint32_t shard = 0; shard < BW_SHARD_COUNT; shard++) {
        if (engine->lease.epochs[shard] != 0)
            held |= (bw_shards)1 << shard;
    }
    return held;
}

/* The shards with the fewest runs in memory, those of the highest number first. */
static bw_shards pick_quiet(const struct bw_engine *engine, size_t count)
{
    size_t runs[BW_SHARD_COUNT] = {0};
    bw_shards picked = 0;
    const struct bw_keyed *keyed;
    for (size_t at = 0; (keyed = bw_table_next(&engine->runs, &at));)
        runs[bw_shard_of(keyed->id)]++;
    for (; count > 0; count--) {
        uint32_t best = BW_SHARD_COUNT;
        for (uint32_t shard = 0; shard < BW_SHARD_COUNT; shard++) {
            bool is_choice = engine->lease.epochs[shard] != 0 && !(picked >> shard & 1);
            if (is_choice && (best == BW_SHARD_COUNT || runs[shard] <= runs[best]))
                best = shard;
        }
        picked |= (bw_shards)1 << best;
    }
    return picked;
}

static void given_back(struct bw_engine *engine, struct bw_call *call)
{
    engine->lease.is_in_flight = false;
    if (call->code != BW_ERR_OK) /* found free when the lease ends, or taken again by ourselves */
        bw_engine_log(engine, "lease_failed", (struct bw_id){0}, "%s", call->text);
}

/* More nodes live than before: some shards are theirs. A commit of such a shard that is under way
 * counts or is fenced: either way whoever has it next finds the run as its rows say. */
static void give_back(struct bw_engine *engine)
{
    struct bw_store *store = engine->config.store;
    struct bw_lease *lease = &engine->lease;
    size_t share = (BW_SHARD_COUNT + lease->node_count - 1) / lease->node_count;
    if (engine->config.take_over || lease->owned_count <= share)
        return;
    bw_shards picked = pick_quiet(engine, lease->owned_count - share);
    bw_engine_log(engine, "shards_given_back", (struct bw_id){0}, "%zu of %zu, for %zu nodes",
                  lease->owned_count - share, lease->owned_count, lease->node_count);
    for (uint32_t shard = 0; shard < BW_SHARD_COUNT; shard++) {
        if (!(picked >> shard & 1))
            continue;
        lease->epochs[shard] = 0;
        lease->owned_count--;
        bw_engine_let_go(engine, shard);
    }
    struct bw_call *call = bw_call_open(engine, given_back);
    call->is_background = true;
    lease->is_in_flight = true;
    store->release_leases(store->self, bw_str_of(engine->node), picked, bw_call_on_done, call);
}

/* The store told which shards are ours, with their epochs. What is missing is lost. Gives those
 * that were not ours before. */
static bw_shards take(struct bw_engine *engine, const struct bw_call *call)
{
    struct bw_lease *lease = &engine->lease;
    bool is_listed[BW_SHARD_COUNT] = {false};
    bw_shards gained = 0;
    int64_t before[BW_SHARD_COUNT];
    memcpy(before, lease->epochs, sizeof before);
    (void)BW_FAULT(LEASE_AFTER);
    lease->asked_ns = lease->sent_ns;
    lease->node_count = call->number > 0 ? (size_t)call->number : 1;
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
        bool is_same = is_listed[shard] && lease->epochs[shard] == before[shard];
        if (!is_listed[shard])
            lease->epochs[shard] = 0;
        if (was_ours && !is_same)
            bw_engine_let_go(engine, shard);
        lease->owned_count += lease->epochs[shard] != 0;
        if (is_listed[shard] && !is_same)
            gained |= (bw_shards)1 << shard;
    }
    return gained;
}

static void answered(struct bw_engine *engine, struct bw_call *call)
{
    struct bw_lease *lease = &engine->lease;
    lease->is_in_flight = false;
    if (engine->phase >= BW_ENGINE_STOPPING)
        return;
    plan_renewal(engine);
    if (call->code == BW_ERR_OK) {
        bool is_first = lease->node_count == 0;
        bw_shards gained = take(engine, call);
        give_back(engine);
        gained &= bw_lease_held(engine);
        if (gained || is_first)
            bw_engine_recover(engine, gained);
        return;
    }
    bw_engine_log(engine, "lease_failed", (struct bw_id){0}, "%s", call->text);
    if (engine->phase == BW_ENGINE_STARTING && engine->start_done) {
        struct bw_error error;
        bw_call_error(call, &error);
        bw_done_fn done = engine->start_done;
        engine->start_done = NULL;
        done(engine->start_ud, &error);
    }
}

void bw_lease_acquire(struct bw_engine *engine)
{
    struct bw_store *store = engine->config.store;
    struct bw_lease *lease = &engine->lease;
    struct bw_call *call = bw_call_open(engine, answered);
    call->is_background = true;
    (void)BW_FAULT(LEASE_BEFORE);
    lease->is_in_flight = true;
    lease->sent_ns = mono_ns(engine);
    store->lease(store->self,
                 &(struct bw_lease_wish){
                     .node = bw_str_of(engine->node),
                     .ms = engine->config.lease_ms,
                     .held = bw_lease_held(engine),
                     .spared = lease->sent_ns < lease->spared_until_ns ? lease->spared : 0,
                     .take_over = engine->config.take_over},
                 bw_call_on_lease, call);
}

static void renew_due(struct bw_engine *engine, struct bw_timer *timer)
{
    struct bw_lease *lease = &engine->lease;
    BW_ASSERT(timer == &lease->timer);
    if (engine->phase >= BW_ENGINE_STOPPING)
        return;
    if (lease->is_in_flight)
        plan_renewal(engine); /* shards are being given back */
    else
        bw_lease_acquire(engine);
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
    return lease->owned_count > 0 && !engine->failover.is_open &&
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
