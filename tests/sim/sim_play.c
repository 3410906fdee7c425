/* sim_play.c - what happens in one seed: runs are started while everything goes wrong; then the
 * trouble stops, somebody helpful answers what is asked, and everything has to end. */
#include "sim.h"

#include "codec/value.h"
#include "store/mem_store.h"

#include <stdio.h>

enum {
    STEPS_MIN = 250,
    STEPS_MORE = 500,
    CALM_STEPS_MAX = 200000,
    CALM_S_MAX = 300, /* virtual: everything ends so long after the last fault */
    KEYS = 3
};

bool sim_chance(struct sim *sim, unsigned percent)
{
    return bw_rng_next(&sim->dice) % 100 < percent;
}

bool sim_trouble(struct sim *sim, unsigned permille)
{
    return !sim->is_calm && bw_rng_next(&sim->dice) % 100000 < (uint64_t)permille * sim->trouble;
}

uint64_t sim_draw(struct sim *sim, uint64_t below)
{
    return bw_rng_next(&sim->dice) % below;
}

/* --- The beginning. */

static void on_ready(void *ud, const struct bw_error *error)
{
    if (error->code != BW_ERR_OK)
        sim_fail(ud, "the store cannot be prepared: %s", error->text);
}

static void write_series(struct sim *sim, struct bw_id tenant, const char *series)
{
    struct bw_buf buf;
    bw_buf_init(&buf, 1024);
    bw_value_put_map(&buf, 3);
    bw_value_put_key(&buf, "format");
    bw_value_put_text(&buf, "N-{SEQ:4}");
    bw_value_put_key(&buf, "reset");
    bw_value_put_text(&buf, "never");
    bw_value_put_key(&buf, "series");
    bw_value_put_text(&buf, series);
    sim->store.write(sim->store.self, tenant, BW_STR("series"), bw_buf_str(&buf), on_ready, sim);
    bw_buf_deinit(&buf);
}

static struct bw_instant store_mono(void *self)
{
    const struct sim *sim = self;
    return sim->clock.mono;
}

static struct bw_stamp store_utc(void *self)
{
    const struct sim *sim = self;
    return (struct bw_stamp){sim->clock.utc.us + sim->db_skew_us};
}

static void begin(struct sim *sim)
{
    static const unsigned TROUBLES[] = {0, 15, 40, 100};
    bw_rng_seed(&sim->dice, sim->seed);
    bw_rng_seed(&sim->noise, sim->seed ^ UINT64_C(0x5eed5eed5eed5eed));
    sim->entropy = bw_rng_entropy(&sim->noise);
    bw_clock_virtual_init(&sim->clock, (struct bw_stamp){SIM_NOW_US});
    sim->db_clock = (struct bw_clock){.now_mono = store_mono, .now_utc = store_utc, .self = sim};
    bw_store_mem_open(&sim->store, &sim->db_clock);
    sim->release = sim_release();
    for (size_t i = 0; i < SIM_TENANTS; i++) {
        struct bw_id tenant = sim->tenants[i] = bw_id_make(sim->clock.utc, &sim->entropy);
        sim->store.put_tenant(sim->store.self, tenant, i ? BW_STR("brook") : BW_STR("acme"),
                              on_ready, sim);
        sim->store.put_release(sim->store.self, tenant, sim->release, true, on_ready, sim);
        write_series(sim, tenant, "receipt");
        write_series(sim, tenant, "invoice");
    }
    sim_schedule_begin(sim);
    while (bw_store_mem_pump(&sim->store))
        continue;
    sim->trouble = TROUBLES[sim_draw(sim, 4)];
    sim->node_count = 1 + sim_draw(sim, SIM_NODES_MAX);
    sim_standby_init(sim);
    sim_store_init(sim);
    sim_wish_init(sim);
    sim_outside_init(sim);
    for (unsigned i = 0; i < sim->node_count; i++)
        sim_node_init(sim, i);
}

/* --- What people want. */

static void want_run(struct sim *sim)
{
    static const char *const WORKFLOWS[] = {"order", "approve", "family", "pay",  "ledger",
                                            "saga",  "wire",    "spread", "order"};
    struct sim_wish *wish = sim_wish(sim, SIM_START);
    size_t at = sim_draw(sim, sizeof WORKFLOWS / sizeof *WORKFLOWS);
    wish->tenant = sim->tenants[sim_draw(sim, SIM_TENANTS)];
    snprintf(wish->workflow, sizeof wish->workflow, "%s", WORKFLOWS[at]);
    snprintf(wish->key, sizeof wish->key, "start-%llu", (unsigned long long)sim_draw(sim, 40));
    snprintf(wish->event, sizeof wish->event, "k%llu", (unsigned long long)sim_draw(sim, KEYS));
}

static void want_event(struct sim *sim, struct bw_id tenant, struct bw_str topic, struct bw_str key)
{
    struct sim_wish *wish = sim_wish(sim, SIM_EVENT);
    wish->tenant = tenant;
    snprintf(wish->workflow, sizeof wish->workflow, "%.*s", BW_STR_ARG(topic));
    snprintf(wish->key, sizeof wish->key, "%.*s", BW_STR_ARG(key));
    snprintf(wish->event, sizeof wish->event, "t%zu-e-%zu", sim_wall_index(sim, tenant),
             sim->wish_count);
    /* The sender does not trust the answer, and sends again. */
    if (sim_chance(sim, 20)) {
        *sim_wish(sim, SIM_EVENT) = *wish;
        sim_mark(sim, SIM_EVENT_REPEATED);
    }
}

static void want_answer(struct sim *sim, const struct mem_task *task)
{
    struct sim_wish *wish = sim_wish(sim, SIM_ANSWER);
    wish->tenant = task->tenant;
    wish->id = task->row.task.id;
    snprintf(wish->event, sizeof wish->event, "%s", sim_chance(sim, 50) ? "approve" : "reject");
}

/* An open task, sometimes answered by two people at once. */
static void answer_tasks(struct sim *sim, unsigned percent)
{
    const struct mem_store *store = sim->store.self;
    for (size_t i = 0; i < store->task_count; i++) {
        const struct mem_task *task = store->tasks[i];
        if (task->row.status != BW_TASK_OPEN || !sim_chance(sim, percent) ||
            sim_wish_is_open(sim, SIM_ANSWER, task->row.task.id))
            continue;
        want_answer(sim, task);
        if (sim_chance(sim, 20))
            want_answer(sim, task);
    }
}

static void want_of_run(struct sim *sim, enum sim_wish_kind kind, const struct bw_run_row *row)
{
    struct sim_wish *wish = sim_wish(sim, kind);
    wish->tenant = row->tenant;
    wish->id = row->id;
}

static void care_for_runs(struct sim *sim, unsigned percent)
{
    const struct mem_store *store = sim->store.self;
    for (size_t i = 0; i < store->run_count; i++) {
        const struct bw_run_row *row = &store->runs[i]->row;
        if (row->status == BW_RUN_PARKED && sim_chance(sim, percent) &&
            !sim_wish_is_open(sim, SIM_RESUME, row->id))
            want_of_run(sim, SIM_RESUME, row);
    }
}

static void want_cancel(struct sim *sim)
{
    const struct mem_store *store = sim->store.self;
    if (store->run_count == 0)
        return;
    const struct bw_run_row *row = &store->runs[sim_draw(sim, store->run_count)]->row;
    /* A child that is cancelled alone tells its parent so, which is another story. */
    if (bw_id_is_zero(row->parent) && row->status <= BW_RUN_PARKED)
        want_of_run(sim, SIM_CANCEL, row);
}

static void people(struct sim *sim)
{
    char key[8];
    size_t count = 0;
    for (size_t i = 0; i < sim->wish_count; i++)
        count += sim->wishes[i].kind == SIM_START;
    if (count < 14 && sim_chance(sim, 6))
        want_run(sim);
    snprintf(key, sizeof key, "k%llu", (unsigned long long)sim_draw(sim, KEYS));
    if (sim_chance(sim, 3))
        want_event(sim, sim->tenants[sim_draw(sim, SIM_TENANTS)],
                   bw_str_of(sim_chance(sim, 50) ? "paid" : "go"), bw_str_of(key));
    if (sim_chance(sim, 1))
        want_cancel(sim);
    answer_tasks(sim, 3);
    care_for_runs(sim, 3);
}

/* --- What goes wrong. */

static void set_clock(struct sim *sim, struct sim_node *node, bool is_forward)
{
    int64_t us = (int64_t)sim_draw(sim, 5000) * BW_US_PER_MS;
    sim_mark(sim, is_forward ? SIM_CLOCK_FORWARD : SIM_CLOCK_BACK);
    node->skew_us += is_forward ? us : -us;
    if (node->skew_us > sim->ahead_us)
        sim->ahead_us = node->skew_us;
}

static void trouble_of(struct sim *sim, struct sim_node *node)
{
    int64_t second = BW_US_PER_S;
    if (!node->is_up || node->is_stopped)
        return;
    if (sim_trouble(sim, 8)) {
        sim_mark(sim, SIM_NODE_CRASHED);
        sim_node_crash(node, (int64_t)sim_draw(sim, 20) * second);
    } else if (sim_trouble(sim, 5)) {
        sim_mark(sim, SIM_NODE_STOPPED);
        sim_node_stop(node, (11 + (int64_t)sim_draw(sim, 15)) * second);
    } else if (sim_trouble(sim, 5)) {
        sim_mark(sim, SIM_NODE_PAUSED);
        sim_node_stop(node, (int64_t)sim_draw(sim, 6) * second);
    } else if (sim_trouble(sim, 3)) {
        sim_node_leave(node);
    } else if (sim_trouble(sim, 10)) {
        sim_node_kill_host(node);
    } else if (sim_trouble(sim, 15)) {
        sim_mark(sim, SIM_EVICTED);
        bw_engine_evict_idle(node->engine);
    } else if (sim_trouble(sim, 4)) {
        set_clock(sim, node, true);
    } else if (sim_trouble(sim, 4)) {
        set_clock(sim, node, false);
    }
}

static void trouble_of_store(struct sim *sim)
{
    if (sim_trouble(sim, 2))
        sim->disk_full_until_us = sim->clock.utc.us + (int64_t)sim_draw(sim, 20) * BW_US_PER_S;
    if (sim_trouble(sim, 3)) {
        sim_mark(sim, SIM_DB_CLOCK);
        sim->db_skew_us += ((int64_t)sim_draw(sim, 4000) - 2000) * BW_US_PER_MS;
    }
}

/* --- Time. */

static int64_t next_moment_us(const struct sim *sim)
{
    int64_t next_us = 5 * BW_US_PER_S;
    for (size_t i = 0; i < sim->node_count; i++) {
        const struct sim_node *node = &sim->nodes[i];
        bool is_away = !node->is_up || node->is_stopped;
        int64_t us =
            is_away ? node->back_at_us - sim->clock.utc.us : bw_engine_wait_us(node->engine);
        if (us >= 0 && us < next_us)
            next_us = us;
    }
    return next_us > 0 ? next_us : 1;
}

static void let_time_pass(struct sim *sim, bool has_worked)
{
    int64_t us = 0;
    if (!has_worked)
        us = next_moment_us(sim);
    else if (sim_chance(sim, 20))
        us = (int64_t)sim_draw(sim, 20000);
    if (sim_trouble(sim, 20))
        us += (int64_t)sim_draw(sim, 3 * (uint64_t)BW_US_PER_S);
    bw_clock_virtual_advance(&sim->clock, us);
}

static void step(struct sim *sim)
{
    int64_t epochs[BW_SHARD_COUNT];
    const struct mem_store *store = sim->store.self;
    sim->step++;
    sim_standby_step(sim);
    epochs[0] = store->shards[0].epoch;
    bool has_worked = bw_store_mem_pump(&sim->store);
    if (epochs[0] > 0 && store->shards[0].epoch > epochs[0])
        sim_mark(sim, SIM_SHARDS_TAKEN);
    sim_store_step(sim);
    sim_oracle_step(sim);
    sim_schedule_step(sim);
    for (size_t i = 0; i < sim->node_count; i++)
        has_worked = sim_node_turn(&sim->nodes[i]) || has_worked;
    sim_outside_step(sim);
    sim_wish_step(sim);
    let_time_pass(sim, has_worked);
}

/* --- The end. */

static void feed_waits(struct sim *sim)
{
    const struct mem_store *store = sim->store.self;
    for (size_t i = 0; i < store->run_count; i++) {
        const struct mem_run *run = store->runs[i];
        for (size_t k = 0; k < run->wait_count; k++) {
            /* Place and topic are not in the wait; its workflow tells. */
            bool is_order = bw_str_eq(run->row.workflow, BW_STR("order"));
            struct bw_value input = bw_value_read(run->row.input);
            struct bw_str key = bw_value_get_str(&input, "key", BW_STR_NONE);
            if (run->row.status == BW_RUN_OPEN && !run->waits[k]->event && is_order &&
                sim->step % 64 == 0)
                want_event(sim, run->row.tenant, BW_STR("paid"), key);
        }
    }
}

static bool is_over(const struct sim *sim)
{
    const struct mem_store *store = sim->store.self;
    for (size_t i = 0; i < sim->wish_count; i++) {
        if (sim->wishes[i].state <= SIM_WISH_ASKED)
            return false;
    }
    for (size_t i = 0; i < store->run_count; i++) {
        if (!bw_run_status_is_final(store->runs[i]->row.status))
            return false;
    }
    for (size_t i = 0; i < sim->node_count; i++) {
        struct bw_engine_stats stats;
        if (!sim->nodes[i].is_up)
            return false;
        bw_engine_stats(sim->nodes[i].engine, &stats);
        if (stats.runs > 0 || (sim->nodes[i].falls > 0 && stats.failovers == 0))
            return false;
    }
    return true;
}

/* For whoever reads the trace. */
static void trace_runs(const struct sim *sim)
{
    const struct mem_store *store = sim->store.self;
    char id[BW_ID_TEXT_LEN + 1];
    for (size_t i = 0; i < store->run_count; i++) {
        const struct mem_run *run = store->runs[i];
        size_t unread = 0;
        for (size_t k = 0; k < run->message_count; k++)
            unread += !run->messages[k].is_read;
        bw_id_print(run->row.id, id);
        sim_trace(sim, "%.*s %s shard %u (epoch %lld): status %d, wake %d, head %llu, unread %zu",
                  BW_STR_ARG(run->row.workflow), id, run->row.shard,
                  (long long)store->shards[run->row.shard].epoch, (int)run->row.status,
                  (int)run->row.wake, (unsigned long long)run->row.head, unread);
    }
}

static void fail_unended(const struct sim *sim)
{
    const struct mem_store *store = sim->store.self;
    char id[BW_ID_TEXT_LEN + 1];
    trace_runs(sim);
    for (size_t i = 0; i < sim->wish_count; i++) {
        const struct sim_wish *wish = &sim->wishes[i];
        if (wish->state <= SIM_WISH_ASKED)
            sim_fail(sim, "a client's wish (%d %s %s) is not answered %d s after the last fault",
                     (int)wish->kind, wish->workflow, wish->key, CALM_S_MAX);
    }
    for (size_t i = 0; i < store->run_count; i++) {
        const struct bw_run_row *row = &store->runs[i]->row;
        bw_id_print(row->id, id);
        if (!bw_run_status_is_final(row->status))
            sim_fail(sim,
                     "%.*s %s has not ended %d s after the last fault: status %d, wake %d, "
                     "head %llu, active %d, wake_at %+lld us",
                     BW_STR_ARG(row->workflow), id, CALM_S_MAX, (int)row->status, (int)row->wake,
                     (unsigned long long)row->head, row->is_active,
                     (long long)(row->wake_at_us ? row->wake_at_us - sim->clock.utc.us : 0));
    }
    for (size_t i = 0; i < sim->node_count; i++) {
        struct bw_engine_stats stats;
        bw_engine_stats(sim->nodes[i].engine, &stats);
        if (stats.runs > 0)
            sim_fail(sim,
                     "%s still has %zu ended runs in memory %d s after the last fault "
                     "(resident %zu, executing %zu, shards %zu)",
                     sim->nodes[i].name, stats.runs, CALM_S_MAX, stats.resident, stats.executing,
                     stats.shards);
    }
    sim_fail(sim, "the world does not come to rest");
}

static void calm_down(struct sim *sim)
{
    int64_t until_us = sim->clock.utc.us + CALM_S_MAX * BW_US_PER_S;
    sim->is_calm = true;
    sim_trace(sim, "the trouble stops");
    for (size_t i = 0; i < sim->node_count; i++) {
        sim_node_continue(&sim->nodes[i]);
        sim->nodes[i].back_at_us = sim->clock.utc.us;
        sim->nodes[i].skew_us = 0;
    }
    for (size_t i = 0; i < CALM_STEPS_MAX && !is_over(sim); i++) {
        if (sim->clock.utc.us > until_us)
            fail_unended(sim);
        answer_tasks(sim, 20);
        care_for_runs(sim, 20);
        feed_waits(sim);
        step(sim);
    }
    if (!is_over(sim))
        fail_unended(sim);
}

static void on_closed(void *ud)
{
    *(bool *)ud = true;
}

static void end(struct sim *sim)
{
    bool is_closed = false;
    for (size_t i = 0; i < sim->node_count; i++) {
        sim_node_crash(&sim->nodes[i], 0);
        bw_httpc_fake_destroy(sim->nodes[i].http);
    }
    bw_store_mem_set_fault(&sim->store, NULL, NULL);
    while (bw_store_mem_pump(&sim->store))
        sim_store_step(sim);
    sim_store_step(sim);
    sim->store.close(sim->store.self, on_closed, &is_closed);
    while (!is_closed)
        (void)bw_store_mem_pump(&sim->store);
    sim_outside_deinit(sim);
    sim_standby_deinit(sim);
}

void sim_play(struct sim *sim)
{
    begin(sim);
    size_t steps = STEPS_MIN + sim_draw(sim, STEPS_MORE);
    for (size_t i = 0; i < steps; i++) {
        people(sim);
        for (size_t k = 0; k < sim->node_count; k++)
            trouble_of(sim, &sim->nodes[k]);
        trouble_of_store(sim);
        step(sim);
    }
    calm_down(sim);
    sim_oracle_end(sim);
    sim_schedule_end(sim);
    sim_wall_end(sim);
    sim_standby_end(sim);
    sim_oracle_deinit(sim);
    end(sim);
}
