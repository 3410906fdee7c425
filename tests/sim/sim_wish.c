/* sim_wish.c - clients: they start runs, send events, answer tasks, cancel and resume; through any
 * node, again and again until they are answered. An answer has to be true when it comes (J10). */
#include "sim.h"

#include "codec/value.h"
#include "store/mem_store.h"

#include <stdio.h>
#include <string.h>

struct sim_wish *sim_wish(struct sim *sim, enum sim_wish_kind kind)
{
    if (sim->wish_count == SIM_WISHES_MAX)
        sim_fail(sim, "the clients have more than %d wishes: does anything move?", SIM_WISHES_MAX);
    struct sim_wish *wish = &sim->wishes[sim->wish_count++];
    *wish = (struct sim_wish){.sim = sim, .kind = kind};
    return wish;
}

bool sim_wish_is_open(const struct sim *sim, enum sim_wish_kind kind, struct bw_id id)
{
    for (size_t i = 0; i < sim->wish_count; i++) {
        const struct sim_wish *wish = &sim->wishes[i];
        if (wish->kind == kind && wish->state <= SIM_WISH_ASKED && bw_id_eq(wish->id, id))
            return true;
    }
    return false;
}

/* --- What an answer promises. */

static const struct mem_event *find_event(const struct mem_store *store,
                                          const struct sim_wish *wish)
{
    struct bw_buf key = mem_event_key(&(struct bw_event){.tenant = wish->tenant,
                                                         .topic = bw_str_of(wish->workflow),
                                                         .key = bw_str_of(wish->key),
                                                         .id = bw_str_of(wish->event)});
    const struct mem_event *event = bw_map_get(&store->event_map, bw_buf_str(&key));
    bw_buf_deinit(&key);
    return event;
}

static void check_event(struct sim *sim, const struct sim_wish *wish)
{
    const struct mem_event *event = find_event(sim->store.self, wish);
    if (!event)
        sim_fail(sim, "J10: event %s was acknowledged and is not stored", wish->event);
    if (!event->is_taken)
        sim_mark(sim, SIM_EVENT_EARLY);
}

static void put_answer(const struct sim_wish *wish, struct bw_buf *buf)
{
    bw_value_put_map(buf, 3);
    bw_value_put_key(buf, "at_us");
    bw_value_put_int(buf, SIM_NOW_US);
    bw_value_put_key(buf, "by");
    bw_value_put_text(buf, sim_wall_index(wish->sim, wish->tenant) ? "dana-1" : "dana-0");
    bw_value_put_key(buf, "decision");
    bw_value_put_text(buf, wish->event);
}

static void check_answer(struct sim *sim, const struct sim_wish *wish)
{
    const struct mem_task *task = mem_find_task(sim->store.self, wish->tenant, wish->id);
    struct bw_buf buf;
    bw_buf_init(&buf, 1024);
    put_answer(wish, &buf);
    bool is_ours = task && task->row.status == BW_TASK_ANSWERED &&
                   bw_str_eq(task->row.answer, bw_buf_str(&buf));
    bw_buf_deinit(&buf);
    if (!is_ours)
        sim_fail(sim, "J10: an answer of a task was acknowledged and is not the task's");
}

static void check_cancel(struct sim *sim, const struct sim_wish *wish)
{
    const struct mem_run *run = mem_find_run(sim->store.self, wish->tenant, wish->id);
    if (!mem_find_message(run, BW_STR("cancel")))
        sim_fail(sim, "J10: a cancel was acknowledged and is not stored");
}

/* Does the database know of it? Of a run that has ended, nothing is expected. */
bool sim_wish_is_kept(const struct sim *sim, const struct sim_wish *wish)
{
    const struct mem_store *store = sim->store.self;
    if (wish->kind == SIM_EVENT)
        return find_event(store, wish) != NULL;
    if (wish->kind == SIM_ANSWER) {
        const struct mem_task *task = mem_find_task(store, wish->tenant, wish->id);
        return task && task->row.status != BW_TASK_OPEN;
    }
    const struct mem_run *run = mem_find_run(store, wish->tenant, wish->id);
    return run && (bw_run_status_is_final(run->row.status) ||
                   mem_find_message(run, BW_STR("cancel")) != NULL);
}

static void granted(struct sim_wish *wish)
{
    struct sim *sim = wish->sim;
    wish->state = SIM_WISH_DONE;
    wish->granted_at_us = sim->clock.utc.us;
    wish->life = wish->node->life;
    if (wish->is_doubtful)
        return;
    switch (wish->kind) {
    case SIM_EVENT:
        check_event(sim, wish);
        break;
    case SIM_ANSWER:
        check_answer(sim, wish);
        break;
    case SIM_CANCEL:
        check_cancel(sim, wish);
        break;
    case SIM_RESUME:
        sim_mark(sim, SIM_RUN_RESUMED);
        break;
    case SIM_START:
        break;
    }
}

static void on_done(void *ud, const struct bw_error *error)
{
    struct sim_wish *wish = ud;
    struct sim *sim = wish->sim;
    sim_trace(sim, "wish %d on %s: %s %s", (int)wish->kind, wish->node->name,
              bw_err_name(error->code), error->code == BW_ERR_OK ? "" : error->text);
    if (error->code == BW_ERR_OK) {
        granted(wish);
    } else if (bw_err_is_retryable(error->code) || error->code == BW_ERR_CANCELLED) {
        wish->state = wish->state == SIM_WISH_ASKED ? SIM_WISH_OPEN : wish->state;
    } else if (error->code == BW_ERR_CONFLICT && wish->kind != SIM_EVENT) {
        wish->state = SIM_WISH_REFUSED;
        if (wish->kind == SIM_ANSWER)
            sim_mark(sim, SIM_TASK_DISPUTED);
    } else if (error->code == BW_ERR_NOT_FOUND && sim_standby_has_fallen(sim) &&
               wish->kind != SIM_EVENT && wish->kind != SIM_START) {
        wish->state = SIM_WISH_REFUSED; /* the run, or the task, is in the tail */
    } else {
        sim_fail(sim, "a client was refused: %s: %s", bw_err_name(error->code), error->text);
    }
}

static void on_start(void *ud, const struct bw_error *error, struct bw_id id, bool is_new)
{
    struct sim_wish *wish = ud;
    struct sim *sim = wish->sim;
    if (error->code == BW_ERR_OK && !wish->is_doubtful) {
        const struct mem_run *run = mem_find_run(sim->store.self, wish->tenant, id);
        if (!run || !bw_str_eq(run->row.key, bw_str_of(wish->key)))
            sim_fail(sim, "J10: a start was acknowledged and the run is not stored");
        if (!bw_id_is_zero(wish->id) && !bw_id_eq(wish->id, id))
            sim_fail(sim, "the key %s started two runs", wish->key);
        if (!is_new)
            sim_mark(sim, SIM_KEY_TAKEN);
        wish->id = id;
    }
    on_done(ud, error);
}

/* --- Asking. */

static void ask(struct sim_wish *wish, struct sim_node *node)
{
    struct sim *sim = wish->sim;
    struct bw_buf buf;
    wish->state = SIM_WISH_ASKED;
    wish->node = node;
    bw_buf_init(&buf, 4096);
    if (wish->asked_count++ > 0 && wish->kind == SIM_EVENT)
        sim_mark(sim, SIM_EVENT_REPEATED);
    switch (wish->kind) {
    case SIM_START:
        bw_value_put_map(&buf, 1);
        bw_value_put_key(&buf, "key");
        bw_value_put_text(&buf, wish->event);
        bw_engine_start_run(node->engine,
                            &(struct bw_engine_start){.tenant = wish->tenant,
                                                      .workflow = bw_str_of(wish->workflow),
                                                      .key = bw_str_of(wish->key),
                                                      .input = bw_buf_str(&buf)},
                            on_start, wish);
        break;
    case SIM_EVENT:
        bw_value_put_int(&buf,
                         (int64_t)(sim->step * SIM_TENANTS + /* whose it is, in its body too */
                                   sim_wall_index(sim, wish->tenant)));
        bw_engine_send_event(node->engine,
                             &(struct bw_event){.tenant = wish->tenant,
                                                .topic = bw_str_of(wish->workflow),
                                                .key = bw_str_of(wish->key),
                                                .id = bw_str_of(wish->event),
                                                .body = bw_buf_str(&buf)},
                             on_done, wish);
        break;
    case SIM_ANSWER:
        put_answer(wish, &buf);
        bw_engine_answer_task(node->engine, wish->tenant, wish->id, bw_buf_str(&buf), on_done,
                              wish);
        break;
    case SIM_CANCEL:
        bw_engine_cancel_run(node->engine, wish->tenant, wish->id, BW_STR("not wanted"),
                             BW_STR("dana"), on_done, wish);
        break;
    case SIM_RESUME:
        bw_engine_resume_run(node->engine,
                             &(struct bw_engine_resume){.tenant = wish->tenant, .run = wish->id},
                             on_done, wish);
        break;
    }
    bw_buf_deinit(&buf);
}

static bool takes_calls(const struct sim_node *node)
{
    return node->is_up && node->has_started && !node->is_stopped && !node->is_leaving &&
           !node->is_broken;
}

void sim_wish_init(struct sim *sim)
{
    sim->wish_count = 0;
}

void sim_wish_step(struct sim *sim)
{
    for (size_t i = 0; i < sim->wish_count; i++) {
        struct sim_wish *wish = &sim->wishes[i];
        struct sim_node *node = &sim->nodes[sim_draw(sim, sim->node_count)];
        if (wish->state == SIM_WISH_ASKED && wish->node->is_stopped && sim_chance(sim, 5))
            wish->state = SIM_WISH_OPEN; /* tired of waiting */
        if (wish->state == SIM_WISH_OPEN && takes_calls(node) && sim_chance(sim, 50))
            ask(wish, node);
    }
}

void sim_wish_forget(struct sim *sim, const struct sim_node *node)
{
    for (size_t i = 0; i < sim->wish_count; i++) {
        if (sim->wishes[i].state == SIM_WISH_ASKED && sim->wishes[i].node == node)
            sim->wishes[i].state = SIM_WISH_OPEN;
    }
}

void sim_wish_doubt(struct sim *sim)
{
    for (size_t i = 0; i < sim->wish_count; i++)
        sim->wishes[i].is_doubtful |= sim->wishes[i].asked_count > 0;
}
