/* sim_wall.c - walls between tenants: two of them live in every simulated world, with the same
 * workflows, topics, keys and names; what somebody sends carries its tenant in its content too, so
 * that a row that is right about its owner and wrong about its content is found as well.
 */
#include "sim.h"

#include "store/mem_store.h"

#include <string.h>

size_t sim_wall_index(const struct sim *sim, struct bw_id tenant)
{
    for (size_t i = 0; i < SIM_TENANTS; i++) {
        if (bw_id_eq(sim->tenants[i], tenant))
            return i;
    }
    sim_fail(sim, "a row belongs to a tenant that nobody made");
}

/* {topic, key, id, body}: a client's id is t<tenant>-..., a run's begins with the run. */
void sim_wall_check_event(struct sim *sim, struct bw_id tenant, const struct bw_value *event)
{
    struct bw_str id = bw_value_get_str(event, "id", BW_STR_NONE);
    size_t index = sim_wall_index(sim, tenant);
    struct bw_id run;
    if (id.len > 2 && id.ptr[0] == 't') {
        int64_t body = bw_value_get_int(event, "body", -1);
        if (id.ptr[1] != (char)('0' + index) || body % SIM_TENANTS != (int64_t)index)
            sim_fail(sim, "event %.*s reached a run of tenant %zu", BW_STR_ARG(id), index);
    } else if (id.len > BW_ID_TEXT_LEN && bw_id_parse(bw_str(id.ptr, BW_ID_TEXT_LEN), &run) &&
               !mem_find_run(sim->store.self, tenant, run)) {
        sim_fail(sim, "the event %.*s of another tenant's run reached tenant %zu", BW_STR_ARG(id),
                 index);
    }
}

void sim_wall_check_answer(struct sim *sim, struct bw_id tenant, const struct bw_value *answer)
{
    struct bw_str by = bw_value_get_str(answer, "by", BW_STR_NONE);
    size_t index = sim_wall_index(sim, tenant);
    if (!by.len || by.ptr[by.len - 1] != (char)('0' + index))
        sim_fail(sim, "an answer of %.*s reached a run of tenant %zu", BW_STR_ARG(by), index);
}

static void check_run(struct sim *sim, const struct mem_run *run)
{
    char id[BW_ID_TEXT_LEN + 1];
    struct bw_id tenant = run->row.tenant;
    bw_id_print(run->row.id, id);
    for (size_t i = 0; i < run->message_count; i++) {
        const struct mem_message *message = &run->messages[i];
        if (!bw_id_eq(message->message.tenant, tenant) ||
            (message->event && !bw_id_eq(message->event->event.tenant, tenant)))
            sim_fail(sim, "message %.*s of %s came over the wall between tenants",
                     BW_STR_ARG(message->message.key), id);
    }
    if (!bw_id_is_zero(run->row.parent) && !mem_find_run(sim->store.self, tenant, run->row.parent))
        sim_fail(sim, "%s is the child of another tenant's run", id);
    for (size_t i = 0; i < SIM_TENANTS; i++) {
        if (!bw_id_eq(sim->tenants[i], tenant) &&
            mem_find_run(sim->store.self, sim->tenants[i], run->row.id))
            sim_fail(sim, "%s is a run of two tenants", id);
    }
}

/* Did both use one place? Otherwise the wall was never tried. */
static void mark_met(struct sim *sim)
{
    const struct mem_store *store = sim->store.self;
    bool has_used[SIM_TENANTS] = {false};
    size_t at = 0;
    void *item;
    while (bw_map_next(&store->event_map, &at, NULL, &item)) {
        const struct mem_event *event = item;
        if (bw_str_eq(event->event.key, BW_STR("k0")) && event->is_taken)
            has_used[sim_wall_index(sim, event->event.tenant)] = true;
    }
    if (has_used[0] && has_used[1])
        sim_mark(sim, SIM_TENANTS_MET);
}

void sim_wall_end(struct sim *sim)
{
    const struct mem_store *store = sim->store.self;
    for (size_t i = 0; i < store->run_count; i++)
        check_run(sim, store->runs[i]);
    for (size_t i = 0; i < store->task_count; i++) {
        if (!mem_find_run(store, store->tasks[i]->tenant, store->tasks[i]->row.run))
            sim_fail(sim, "a task belongs to another tenant than its run");
    }
    for (size_t i = 0; i < store->number_count; i++) {
        if (!mem_find_run(store, store->numbers[i].tenant, store->numbers[i].run))
            sim_fail(sim, "a run took a number of another tenant's series");
    }
    mark_met(sim);
}
