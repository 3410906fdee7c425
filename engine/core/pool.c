/* pool.c - see pool.h. */
#include "core/pool.h"

#include "base/assert.h"
#include "core/inside.h"

#define MS_NS INT64_C(1000000)

enum {
    QUANTUM_MS = 50,     /* a tenant keeps a host this long, though others wait for one */
    CHANGE_MS = 5,       /* between two hosts that change hands, when many want to */
    CHANGES_AT_ONCE = 8, /* if none has for long */
    SILENCE_MS = 3000,   /* a host that is at work says something at least this often */
    SUSPICION_MS = 100,  /* looked at again after what it may have said meanwhile was read */
    GROW_AT_DEFAULT = 64 /* turns at a host before its tenant gets another */
};

void bw_pool_init(struct bw_engine *engine)
{
    engine->pool_timer.on_due = bw_pool_nothing;
    if (engine->limits.hosts_per_tenant == 0)
        engine->limits.hosts_per_tenant = 1;
    if (engine->limits.host_grow_at == 0)
        engine->limits.host_grow_at = GROW_AT_DEFAULT;
}

/* The timer has no work of its own: the turn it brings looks at the hosts. */
void bw_pool_nothing(struct bw_engine *engine, struct bw_timer *timer)
{
    (void)engine;
    (void)timer;
}

static bool is_idle(const struct bw_host_slot *slot)
{
    return slot->executing_count == 0 && slot->wake_count == 0;
}

/* Its tenant will be back in a moment, with runs whose state is there, and has not had its time. */
static bool is_kept(struct bw_engine *engine, const struct bw_host_slot *slot)
{
    return engine->now_ns - slot->assigned_ns < QUANTUM_MS * MS_NS &&
           bw_sched_is_at_work(&engine->sched, slot->tenant);
}

/* --- changing hands */

void bw_pool_forget_residents(struct bw_engine *engine, unsigned host, struct bw_run ***executing,
                              size_t *executing_count)
{
    size_t count = 0, kept = 0;
    struct bw_keyed *keyed;
    /* First collect: what follows takes runs out of the table. */
    struct bw_run **runs =
        bw_arena_alloc(&engine->scratch, (engine->runs.count + 1) * sizeof(struct bw_run *));
    for (size_t at = 0; (keyed = bw_table_next(&engine->runs, &at));) {
        struct bw_run *run = bw_container_of(keyed, struct bw_run, keyed);
        if (run->host == host && (run->is_resident || run->state == BW_RUN_STATE_EXECUTING))
            runs[count++] = run;
    }
    for (size_t i = 0; i < count; i++) {
        struct bw_run *run = runs[i];
        bw_run_unlink(engine, run);
        bw_run_lost_vm(engine, run);
        if (run->state == BW_RUN_STATE_EXECUTING)
            runs[kept++] = run;
        else if (run->state == BW_RUN_STATE_READY || run->state == BW_RUN_STATE_WAITING)
            bw_run_settle(engine, run);
    }
    *executing = runs;
    *executing_count = kept;
}

void bw_pool_restart(struct bw_host_slot *slot)
{
    struct bw_engine *engine = slot->engine;
    slot->generation++; /* what the old process said and nobody read yet is not believed */
    slot->evict_count = 0;
    slot->is_suspect = false;
    slot->heard_ns = engine->now_ns;
    bw_releases_forget_host(&engine->releases, slot->index);
    slot->host->restart(slot->host->self);
}

/* A change of hands costs a process and the states of runs, as much as ten runs do: when every
 * tenant wants one all the time, they wait a little, and come with more to do. */
static bool may_change(struct bw_engine *engine)
{
    if (engine->pool_change_ns <= engine->now_ns)
        return true;
    if (!bw_timer_is_armed(&engine->pool_timer))
        bw_timer_arm(&engine->timers_mono, &engine->pool_timer, engine->pool_change_ns / 1000 + 1);
    return false;
}

static void count_change(struct bw_engine *engine)
{
    int64_t earliest_ns = engine->now_ns - CHANGES_AT_ONCE * CHANGE_MS * MS_NS;
    if (engine->pool_change_ns < earliest_ns)
        engine->pool_change_ns = earliest_ns;
    engine->pool_change_ns += CHANGE_MS * MS_NS;
}

static void assign(struct bw_host_slot *slot, struct bw_id tenant)
{
    struct bw_engine *engine = slot->engine;
    if (slot->has_tenant && !bw_id_eq(slot->tenant, tenant)) {
        struct bw_run **executing;
        size_t count;
        BW_ASSERT(is_idle(slot));
        bw_pool_forget_residents(engine, slot->index, &executing, &count);
        BW_ASSERT(count == 0);
        bw_pool_restart(slot);
        count_change(engine);
    }
    slot->has_tenant = true;
    slot->is_draining = false;
    slot->tenant = tenant;
    slot->assigned_ns = engine->now_ns;
}

/* --- picking */

static struct bw_host_slot *least_busy(struct bw_engine *engine, struct bw_id tenant,
                                       size_t *own_count)
{
    struct bw_host_slot *best = NULL;
    *own_count = 0;
    for (size_t i = 0; i < engine->config.host_count; i++) {
        struct bw_host_slot *slot = &engine->hosts[i];
        if (!slot->has_tenant || slot->is_draining || !bw_id_eq(slot->tenant, tenant))
            continue;
        (*own_count)++;
        if (!best || slot->executing_count < best->executing_count)
            best = slot;
    }
    return best;
}

/* One that nobody has, or else the idle one that was used longest ago. */
static struct bw_host_slot *find_free(struct bw_engine *engine, struct bw_id tenant)
{
    struct bw_host_slot *best = NULL;
    for (size_t i = 0; i < engine->config.host_count; i++) {
        struct bw_host_slot *slot = &engine->hosts[i];
        if (!slot->has_tenant)
            return slot;
        if (!is_idle(slot))
            continue;
        if (bw_id_eq(slot->tenant, tenant) && slot->is_draining)
            return slot; /* nobody came for it: it stays where it is */
        if (!bw_id_eq(slot->tenant, tenant) && (!best || slot->heard_ns < best->heard_ns) &&
            !is_kept(engine, slot))
            best = slot;
    }
    return best && may_change(engine) ? best : NULL;
}

/* Every host is at work for somebody else, or will be at once: the one that was given out first
 * gets no more work, as soon as its tenant had its time. One for each tenant that waits. */
static void drain_one(struct bw_engine *engine, struct bw_id tenant)
{
    struct bw_host_slot *oldest = NULL;
    size_t draining = 0;
    engine->pool_wanting++;
    for (size_t i = 0; i < engine->config.host_count; i++) {
        struct bw_host_slot *slot = &engine->hosts[i];
        if (slot->is_draining)
            draining++;
        else if (!bw_id_eq(slot->tenant, tenant) &&
                 (!oldest || slot->assigned_ns < oldest->assigned_ns))
            oldest = slot;
    }
    if (draining >= engine->pool_wanting || !oldest)
        return;
    int64_t at_ns = oldest->assigned_ns + QUANTUM_MS * MS_NS;
    if (at_ns <= engine->now_ns)
        oldest->is_draining = true;
    else if (!bw_timer_is_armed(&engine->pool_timer))
        bw_timer_arm(&engine->timers_mono, &engine->pool_timer, at_ns / 1000 + 1);
}

struct bw_host_slot *bw_pool_pick(struct bw_engine *engine, const struct bw_run *run)
{
    const struct bw_engine_limits *limits = &engine->limits;
    size_t own_count;
    if (run->is_resident) {
        struct bw_host_slot *slot = &engine->hosts[run->host];
        BW_ASSERT(bw_id_eq(slot->tenant, run->tenant));
        if (slot->is_draining && is_idle(slot) && engine->pool_wanting == 0)
            slot->is_draining = false;
        return slot->is_draining || slot->executing_count >= limits->executing_max ? NULL : slot;
    }
    struct bw_host_slot *own = least_busy(engine, run->tenant, &own_count);
    bool is_crowded = own && own->executing_count >= limits->host_grow_at;
    if (own && !(is_crowded && own_count < limits->hosts_per_tenant))
        return own->executing_count >= limits->executing_max ? NULL : own;
    struct bw_host_slot *slot = find_free(engine, run->tenant);
    if (slot) {
        assign(slot, run->tenant);
        return slot;
    }
    if (own)
        return own->executing_count >= limits->executing_max ? NULL : own;
    drain_one(engine, run->tenant);
    return NULL;
}

/* --- watching */

void bw_pool_heard(struct bw_host_slot *slot)
{
    slot->heard_ns = slot->engine->now_ns;
    slot->is_suspect = false;
}

bool bw_pool_is_silent(struct bw_host_slot *slot)
{
    int64_t now_ns = slot->engine->now_ns;
    if (slot->executing_count == 0 || slot->wake_count == slot->executing_count)
        return false;
    if (slot->is_suspect)
        return now_ns - slot->suspect_ns >= SUSPICION_MS * MS_NS;
    if (now_ns - slot->heard_ns >= SILENCE_MS * MS_NS) {
        /* Perhaps it was this process that stood still: what the host said may lie in its socket.
         */
        slot->is_suspect = true;
        slot->suspect_ns = now_ns;
    }
    return false;
}

int64_t bw_pool_watch_ns(const struct bw_engine *engine)
{
    int64_t next_ns = INT64_MAX;
    for (size_t i = 0; i < engine->config.host_count; i++) {
        const struct bw_host_slot *slot = &engine->hosts[i];
        if (slot->executing_count == 0)
            continue;
        int64_t at_ns = slot->is_suspect ? slot->suspect_ns + SUSPICION_MS * MS_NS
                                         : slot->heard_ns + SILENCE_MS * MS_NS;
        next_ns = at_ns < next_ns ? at_ns : next_ns;
    }
    return next_ns;
}
