/* sim_node.c - engine nodes: how they come up, stop, go on and die. */
#include "sim.h"

#include <stdio.h>

/* --- Seams: a clock that may be wrong, a client that the oracle listens to. */

static struct bw_instant node_mono(void *self)
{
    const struct sim_node *node = self;
    return node->sim->clock.mono;
}

static struct bw_stamp node_utc(void *self)
{
    const struct sim_node *node = self;
    return (struct bw_stamp){node->sim->clock.utc.us + node->skew_us};
}

static uint64_t node_send(void *self, const struct bw_http_request *request, bw_httpc_fn done,
                          void *ud)
{
    struct sim_node *node = self;
    struct bw_httpc *fake = bw_httpc_fake_httpc(node->http);
    sim_outside_check_sent(node->sim, node, request);
    return fake->send(fake->self, request, done, ud);
}

static void node_cancel(void *self, uint64_t handle)
{
    struct sim_node *node = self;
    struct bw_httpc *fake = bw_httpc_fake_httpc(node->http);
    fake->cancel(fake->self, handle);
}

static void node_close(void *self)
{
    (void)self;
}

static void on_started(void *ud, const struct bw_error *error)
{
    struct sim_node *node = ud;
    node->has_started = error->code == BW_ERR_OK;
    node->is_broken = !node->has_started;
}

static void on_left(void *ud, const struct bw_error *error)
{
    struct sim_node *node = ud;
    (void)error;
    node->is_broken = true; /* a stopped engine only waits to be destroyed */
}

static void on_log(void *ud, const char *event, struct bw_id run, const char *text)
{
    const struct sim_node *node = ud;
    char id[BW_ID_TEXT_LEN + 1];
    bw_id_print(run, id);
    sim_trace(node->sim, "  %s: %s %s %s", node->name, event, id, text);
}

/* --- Life. */

void sim_node_init(struct sim *sim, unsigned index)
{
    struct sim_node *node = &sim->nodes[index];
    *node = (struct sim_node){.sim = sim, .index = index};
    snprintf(node->name, sizeof node->name, "node-%u", index + 1);
    node->clock = (struct bw_clock){.now_mono = node_mono, .now_utc = node_utc, .self = node};
    node->httpc = (struct bw_httpc){
        .self = node, .send = node_send, .cancel = node_cancel, .close = node_close};
    node->http = bw_httpc_fake_create();
    sim_store_open(node);
}

void sim_node_up(struct sim_node *node)
{
    struct sim *sim = node->sim;
    node->is_up = true;
    node->is_stopped = node->has_started = node->is_broken = node->is_leaving = false;
    node->turn_count = 0;
    node->life++;
    node->falls = 0;
    node->missed_from = node->missed_to = 0;
    node->host_count = 1 + sim_draw(sim, SIM_HOSTS_MAX);
    for (size_t i = 0; i < node->host_count; i++) {
        node->inprocs[i] = bw_host_inproc_create();
        node->hosts[i] = bw_host_inproc_host(node->inprocs[i]);
    }
    node->store.lanes = 1 + (unsigned)sim_draw(sim, 3);
    node->engine = bw_engine_create(&(struct bw_engine_config){
        .store = &node->store,
        .hosts = node->hosts,
        .host_count = node->host_count,
        .httpc = &node->httpc,
        .clock = &node->clock,
        .entropy = &sim->entropy,
        .node = node->name,
        .lease_ms = 10 * 1000,
        .limits = {.resident_max = 1 + sim_draw(sim, 8),
                   .group_max = 1 + sim_draw(sim, 6),
                   .executing_max = 1 + sim_draw(sim, 8),
                   .hosts_per_tenant = node->host_count,
                   .group_beside_min = 1, /* so that commits overlap */
                   .host_grow_at = 1,
                   .loads_max = 1 + sim_draw(sim, 4),
                   .window_ms = 2000 + (int64_t)sim_draw(sim, 20000),
                   .poll_ms = 1000},
        .on_log = on_log,
        .ud = node,
    });
    sim_trace(sim, "%s comes up", node->name);
    bw_engine_start(node->engine, on_started, node);
}

static void go_down(struct sim_node *node)
{
    bw_engine_destroy(node->engine);
    node->engine = NULL;
    node->is_up = node->is_stopped = false;
    bw_httpc_fake_forget(node->http);
    for (size_t i = 0; i < node->host_count; i++)
        bw_host_inproc_destroy(node->inprocs[i]);
    node->host_count = 0;
}

void sim_node_crash(struct sim_node *node, int64_t pause_us)
{
    struct sim *sim = node->sim;
    if (!node->is_up)
        return;
    sim_trace(sim, "%s is gone", node->name);
    node->back_at_us = sim->clock.utc.us + pause_us;
    sim_outside_lost(sim, node);
    go_down(node);
    sim_store_forget(sim, node);
    sim_wish_forget(sim, node);
}

void sim_node_stop(struct sim_node *node, int64_t pause_us)
{
    struct sim *sim = node->sim;
    if (!node->is_up || node->is_stopped)
        return;
    sim_trace(sim, "%s stops for %lld ms", node->name, (long long)(pause_us / BW_US_PER_MS));
    node->is_stopped = true;
    node->back_at_us = sim->clock.utc.us + pause_us;
}

void sim_node_continue(struct sim_node *node)
{
    if (!node->is_stopped)
        return;
    sim_trace(node->sim, "%s goes on", node->name);
    node->is_stopped = false;
    if (node->missed_from && node->on_failover)
        node->on_failover(node->on_failover_ud, node->missed_from, node->missed_to);
    node->missed_from = 0;
}

void sim_node_leave(struct sim_node *node)
{
    if (!node->is_up || node->is_stopped || !node->has_started || node->is_leaving)
        return;
    sim_trace(node->sim, "%s leaves", node->name);
    node->is_leaving = true;
    bw_engine_stop(node->engine, on_left, node);
}

void sim_node_kill_host(struct sim_node *node)
{
    struct sim *sim = node->sim;
    if (!node->is_up || node->is_stopped)
        return;
    sim_mark(sim, SIM_HOST_KILLED);
    sim_trace(sim, "a host of %s dies", node->name);
    bw_host_inproc_kill(node->inprocs[sim_draw(sim, node->host_count)], "killed on purpose");
}

bool sim_node_turn(struct sim_node *node)
{
    struct sim *sim = node->sim;
    bool has_worked = false;
    if (!node->is_up && sim->clock.utc.us >= node->back_at_us) {
        sim_node_up(node);
        has_worked = true;
    }
    if (node->is_stopped && sim->clock.utc.us >= node->back_at_us)
        sim_node_continue(node);
    if (!node->is_up || node->is_stopped)
        return has_worked;
    if (node->is_broken) {
        if (node->is_leaving)
            sim_mark(sim, SIM_NODE_LEFT);
        sim_node_crash(node, BW_US_PER_S);
        return true;
    }
    for (size_t i = 0; i < node->host_count; i++) {
        if (!sim_trouble(sim, 100)) /* otherwise this host is slow */
            has_worked = bw_host_inproc_pump(node->inprocs[i]) || has_worked;
    }
    has_worked = bw_httpc_fake_pump(node->http) || has_worked;
    has_worked = bw_engine_turn(node->engine) == 0 || has_worked;
    return has_worked;
}
