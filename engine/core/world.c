/* world.c - see world.h. */
#include "core/world.h"

#include "base/assert.h"
#include "core/clock_virtual.h"
#include "core/effect.h"
#include "core/host_inproc.h"
#include "base/list.h"

#include <stdio.h>

/* Nobody else is there: nothing has to be renewed or looked for, so that time can jump by years. */
#define WORLD_LEASE_MS (INT64_C(100) * 366 * 86400 * 1000)
enum { WORLD_TURNS_MAX = 1000000 };

struct db_request {
    struct bw_list link;
    struct bw_mem_request request;
};

struct script_log {
    struct bw_list link;
    struct bw_id run;
    struct bw_str logs; /* behind the struct */
};

/* What a verb answered. */
struct reply {
    bool is_here;
    struct bw_error error;
    struct bw_id run;
    bool is_new;
    struct bw_buf *out; /* of a read; NULL otherwise */
};

struct bw_world {
    struct bw_clock_virtual clock;
    struct bw_rng rng;
    struct bw_entropy entropy;
    struct bw_store store;
    struct bw_host_inproc *inproc;
    struct bw_host *hosts[1];
    struct bw_httpc_fake *http;
    struct bw_engine *engine;
    struct bw_engine_limits limits;
    struct bw_id tenant;
    struct bw_list db; /* handed out by the store, not answered */
    struct bw_list logs;
    bool is_crash_each;
    uint64_t crash_stride; /* crashes at one in so many positions, from crash_offset on */
    uint64_t crash_offset;
    uint64_t positions;    /* at which it could have crashed */
    uint64_t turns_before; /* committed, when the engine crashed last or was looked at last */
    uint64_t crash_count;
};

/* --- Replies: on the caller's stack, filled while the world settles. */

static void reply_done(void *ud, const struct bw_error *error)
{
    struct reply *reply = ud;
    reply->is_here = true;
    reply->error = *error;
}

static void reply_start(void *ud, const struct bw_error *error, struct bw_id run, bool is_new)
{
    struct reply *reply = ud;
    reply_done(ud, error);
    reply->run = run;
    reply->is_new = is_new;
}

static void reply_value(void *ud, const struct bw_error *error, struct bw_str value)
{
    struct reply *reply = ud;
    reply_done(ud, error);
    if (error->code == BW_ERR_OK && reply->out)
        bw_buf_put_str(reply->out, value);
}

/* --- Pumping. */

static void on_script_log(void *ud, struct bw_id tenant, struct bw_id run, struct bw_str logs)
{
    struct bw_world *world = ud;
    (void)tenant;
    struct script_log *entry = bw_xmalloc(sizeof *entry + logs.len);
    char *copy = (char *)(entry + 1);
    memcpy(copy, logs.ptr, logs.len);
    entry->run = run;
    entry->logs = bw_str(copy, logs.len);
    bw_list_push_back(&world->logs, &entry->link);
}

static bool pump(struct bw_world *world)
{
    struct bw_mem_request request;
    bool has_worked = bw_store_mem_pump(&world->store);
    has_worked = bw_host_inproc_pump(world->inproc) || has_worked;
    has_worked = bw_httpc_fake_pump(world->http) || has_worked;
    while (bw_store_mem_next_request(&world->store, &request)) {
        struct db_request *waiting = bw_xcalloc(1, sizeof *waiting);
        waiting->request = request;
        bw_list_push_back(&world->db, &waiting->link);
    }
    return has_worked;
}

static void engine_up(struct bw_world *world, bw_done_fn done, void *ud)
{
    world->engine = bw_engine_create(&(struct bw_engine_config){
        .store = &world->store,
        .hosts = world->hosts,
        .host_count = 1,
        .httpc = bw_httpc_fake_httpc(world->http),
        .clock = &world->clock.clock,
        .entropy = &world->entropy,
        .node = "world",
        .lease_ms = WORLD_LEASE_MS,
        .take_over = true,
        .limits = world->limits,
        .is_world = true,
        .on_script_log = on_script_log,
        .ud = world,
    });
    world->turns_before = 0;
    bw_engine_start(world->engine, done, ud);
}

/* Verbs whose answer is still to come would wait for ever after a crash: those are asked with no
 * crash before it. */
static enum bw_err settle(struct bw_world *world, const struct reply *reply, struct bw_error *error)
{
    unsigned idle_count = 0; /* a turn may leave work for the next pump: twice idle is at rest */
    for (size_t i = 0; i < WORLD_TURNS_MAX; i++) {
        bool has_worked = pump(world);
        bool is_restless = bw_engine_turn(world->engine) == 0;
        struct bw_engine_stats stats;
        bw_engine_stats(world->engine, &stats);
        bool has_committed = stats.turns != world->turns_before;
        world->turns_before = stats.turns;
        /* A crash while a `once` request is under way makes its outcome unknown, which is not what
         * the spec is about: such a spec crashes by itself. */
        if (world->is_crash_each && has_committed && stats.once == 0 &&
            (!reply || reply->is_here) &&
            world->positions++ % world->crash_stride == world->crash_offset) {
            enum bw_err code = bw_world_crash(world, error);
            if (code != BW_ERR_OK)
                return code;
            has_worked = true;
        }
        idle_count = has_worked || is_restless ? 0 : idle_count + 1;
        if (idle_count == 2)
            return BW_ERR_OK;
    }
    return bw_fail(
        error, BW_ERR_INTERNAL,
        "the world does not come to rest after %d turns: do runs wake each other for ever?",
        WORLD_TURNS_MAX);
}

static enum bw_err await(struct bw_world *world, struct reply *reply, struct bw_error *error)
{
    enum bw_err code = settle(world, reply, error);
    if (code != BW_ERR_OK)
        return code;
    BW_ASSERT(reply->is_here);
    if (reply->error.code != BW_ERR_OK && error)
        *error = reply->error;
    return reply->error.code;
}

enum bw_err bw_world_settle(struct bw_world *world, struct bw_error *error)
{
    return settle(world, NULL, error);
}

enum bw_err bw_world_advance(struct bw_world *world, int64_t us, struct bw_error *error)
{
    int64_t until_us = world->clock.utc.us + us;
    BW_ASSERT(us >= 0);
    for (;;) {
        enum bw_err code = settle(world, NULL, error);
        if (code != BW_ERR_OK || world->clock.utc.us >= until_us)
            return code;
        int64_t wait_us = bw_engine_wait_us(world->engine);
        int64_t step_us = until_us - world->clock.utc.us;
        if (wait_us >= 0 && wait_us < step_us)
            step_us = wait_us;
        bw_clock_virtual_advance(&world->clock, step_us > 0 ? step_us : 1);
    }
}

/* --- Life. */

struct bw_world *bw_world_create(const struct bw_world_options *options)
{
    struct bw_world *world = bw_xcalloc(1, sizeof *world);
    struct bw_error error;
    struct reply tenant = {0}, start = {0};
    bw_clock_virtual_init(&world->clock, (struct bw_stamp){options->now_us});
    bw_rng_seed(&world->rng, options->seed);
    world->entropy = bw_rng_entropy(&world->rng);
    world->limits = options->limits;
    world->limits.poll_ms = -1;
    world->limits.window_ms = WORLD_LEASE_MS;
    bw_list_init(&world->db);
    bw_list_init(&world->logs);
    bw_store_mem_open(&world->store, &world->clock.clock);
    world->inproc = bw_host_inproc_create();
    world->hosts[0] = bw_host_inproc_host(world->inproc);
    world->http = bw_httpc_fake_create();
    world->tenant = bw_id_make(world->clock.utc, &world->entropy);
    world->store.put_tenant(world->store.self, world->tenant, BW_STR("test"), reply_done, &tenant);
    engine_up(world, reply_done, &start);
    enum bw_err code = await(world, &start, &error);
    BW_ASSERT(code == BW_ERR_OK && tenant.is_here && tenant.error.code == BW_ERR_OK);
    return world;
}

static void on_closed(void *ud)
{
    *(bool *)ud = true;
}

static void db_forget(struct bw_world *world, bool is_everything)
{
    struct bw_buf lost;
    bw_buf_init(&lost, 1024);
    bw_effect_put_error(&lost, "UNAVAILABLE", "the engine crashed", BW_STR_NONE, true);
    for (struct bw_list *link = world->db.next; link != &world->db;) {
        struct db_request *waiting = bw_container_of(link, struct db_request, link);
        link = link->next;
        if (!is_everything && waiting->request.kind != BW_MEM_QUERY)
            continue; /* a transaction belongs to a commit: it outlives the engine */
        if (!is_everything)
            bw_store_mem_answer_error(&world->store, waiting->request.id, bw_buf_str(&lost));
        bw_list_remove(&waiting->link);
        bw_free(waiting);
    }
    bw_buf_deinit(&lost);
}

void bw_world_destroy(struct bw_world *world)
{
    bool is_closed = false;
    struct bw_list *link;
    if (!world)
        return;
    bw_engine_destroy(world->engine);
    world->store.close(world->store.self, on_closed, &is_closed);
    while (!is_closed)
        (void)bw_store_mem_pump(&world->store);
    db_forget(world, true);
    while ((link = bw_list_pop_front(&world->logs)))
        bw_free(bw_container_of(link, struct script_log, link));
    bw_host_inproc_destroy(world->inproc);
    bw_httpc_fake_destroy(world->http);
    bw_free(world);
}

enum bw_err bw_world_crash(struct bw_world *world, struct bw_error *error)
{
    return bw_world_outage(world, 0, error);
}

enum bw_err bw_world_outage(struct bw_world *world, int64_t us, struct bw_error *error)
{
    struct reply start = {0};
    bool is_crash_each = world->is_crash_each;
    world->is_crash_each = false; /* one at a time */
    world->crash_count++;
    bw_engine_destroy(world->engine);
    bw_httpc_fake_forget(world->http);
    bw_host_inproc_destroy(world->inproc);
    world->inproc = bw_host_inproc_create();
    world->hosts[0] = bw_host_inproc_host(world->inproc);
    db_forget(world, false);
    while (bw_store_mem_pump(&world->store))
        continue; /* what was under way in the database ends; its answers find nobody */
    bw_clock_virtual_advance(&world->clock, us);
    engine_up(world, reply_done, &start);
    enum bw_err code = BW_ERR_OK;
    while (code == BW_ERR_OK && !start.is_here) {
        (void)pump(world);
        (void)bw_engine_turn(world->engine);
    }
    world->is_crash_each = is_crash_each;
    if (start.error.code != BW_ERR_OK && error)
        *error = start.error;
    return start.error.code;
}

void bw_world_set_crash_each(struct bw_world *world, bool is_on, uint64_t stride, uint64_t offset)
{
    world->is_crash_each = is_on;
    world->crash_stride = stride > 0 ? stride : 1;
    world->crash_offset = offset % world->crash_stride;
    world->positions = 0;
}

uint64_t bw_world_crashes(const struct bw_world *world)
{
    return world->crash_count;
}

/* --- Outside acts. */

enum bw_err bw_world_start(struct bw_world *world, const struct bw_engine_start *start,
                           struct bw_id *run, bool *is_new, struct bw_error *error)
{
    struct reply reply = {0};
    struct bw_engine_start ours = *start;
    ours.tenant = world->tenant;
    bw_engine_start_run(world->engine, &ours, reply_start, &reply);
    enum bw_err code = await(world, &reply, error);
    *run = reply.run;
    *is_new = reply.is_new;
    return code;
}

enum bw_err bw_world_send_event(struct bw_world *world, const struct bw_event *event,
                                struct bw_error *error)
{
    struct reply reply = {0};
    struct bw_event ours = *event;
    ours.tenant = world->tenant;
    bw_engine_send_event(world->engine, &ours, reply_done, &reply);
    return await(world, &reply, error);
}

enum bw_err bw_world_answer_task(struct bw_world *world, struct bw_id task, struct bw_str answer,
                                 struct bw_error *error)
{
    struct reply reply = {0};
    bw_engine_answer_task(world->engine, world->tenant, task, answer, reply_done, &reply);
    return await(world, &reply, error);
}

enum bw_err bw_world_cancel(struct bw_world *world, struct bw_id run, struct bw_str reason,
                            struct bw_str by, struct bw_error *error)
{
    struct reply reply = {0};
    bw_engine_cancel_run(world->engine, world->tenant, run, reason, by, reply_done, &reply);
    return await(world, &reply, error);
}

enum bw_err bw_world_resume(struct bw_world *world, const struct bw_engine_resume *wanted,
                            struct bw_error *error)
{
    struct reply reply = {0};
    struct bw_engine_resume resume = *wanted;
    resume.tenant = world->tenant;
    bw_engine_resume_run(world->engine, &resume, reply_done, &reply);
    return await(world, &reply, error);
}

enum bw_err bw_world_schedule(struct bw_world *world, struct bw_str verb, struct bw_str name,
                              struct bw_str spec, struct bw_str by, struct bw_error *error)
{
    struct reply reply = {0};
    struct bw_engine *engine = world->engine;
    if (bw_str_eq(verb, BW_STR("set")))
        bw_engine_set_schedule(engine, world->tenant, name, spec, by, reply_value, &reply);
    else if (bw_str_eq(verb, BW_STR("pause")))
        bw_engine_pause_schedule(engine, world->tenant, name, by, reply_value, &reply);
    else if (bw_str_eq(verb, BW_STR("resume")))
        bw_engine_resume_schedule(engine, world->tenant, name, by, reply_value, &reply);
    else if (bw_str_eq(verb, BW_STR("delete")))
        bw_engine_delete_schedule(engine, world->tenant, name, by, reply_value, &reply);
    else
        return bw_fail(error, BW_ERR_INVALID, "schedules have no verb '%.*s'", BW_STR_ARG(verb));
    return await(world, &reply, error);
}

enum bw_err bw_world_schedule_times(struct bw_world *world, struct bw_str name, struct bw_str spec,
                                    size_t count, struct bw_buf *out, struct bw_error *error)
{
    struct reply reply = {.out = out};
    bw_engine_schedule_times(world->engine, world->tenant, name, spec, 0, count, reply_value,
                             &reply);
    return await(world, &reply, error);
}

enum bw_err bw_world_put_release(struct bw_world *world, const struct bw_release_file *files,
                                 size_t count, uint8_t hash[BW_RELEASE_HASH_LEN],
                                 struct bw_error *error)
{
    struct reply reply = {0};
    struct bw_release_file *copy = bw_xmalloc((count + 1) * sizeof *copy);
    if (count)
        memcpy(copy, files, count * sizeof *copy);
    struct bw_release_set set = {.files = copy, .count = count};
    bw_wire_release_hash(copy, count, set.hash);
    memcpy(hash, set.hash, BW_RELEASE_HASH_LEN);
    world->store.put_release(world->store.self, world->tenant, &set, true, reply_done, &reply);
    bw_free(copy);
    bw_engine_release_changed(world->engine, world->tenant);
    return await(world, &reply, error);
}

enum bw_err bw_world_read(struct bw_world *world, struct bw_str what, struct bw_str args,
                          struct bw_buf *out, struct bw_error *error)
{
    struct reply reply = {.out = out};
    world->store.read(world->store.self, world->tenant, what, args, reply_value, &reply);
    return await(world, &reply, error);
}

enum bw_err bw_world_write(struct bw_world *world, struct bw_str what, struct bw_str args,
                           struct bw_error *error)
{
    struct reply reply = {0};
    world->store.write(world->store.self, world->tenant, what, args, reply_done, &reply);
    return await(world, &reply, error);
}

/* --- What the engine asks. */

struct bw_httpc_fake *bw_world_http(struct bw_world *world)
{
    return world->http;
}

const struct bw_mem_request *bw_world_db_next(struct bw_world *world, uint64_t after)
{
    for (struct bw_list *link = world->db.next; link != &world->db; link = link->next) {
        const struct db_request *waiting = bw_container_of(link, struct db_request, link);
        if (waiting->request.id > after)
            return &waiting->request;
    }
    return NULL;
}

enum bw_err bw_world_db_answer(struct bw_world *world, uint64_t id, struct bw_str value,
                               struct bw_str failure, struct bw_error *error)
{
    struct bw_list *link = world->db.next;
    while (link != &world->db && bw_container_of(link, struct db_request, link)->request.id != id)
        link = link->next;
    if (link == &world->db)
        return bw_fail(error, BW_ERR_NOT_FOUND, "no database request %llu waits for an answer",
                       (unsigned long long)id);
    bw_list_remove(link);
    bw_free(bw_container_of(link, struct db_request, link));
    if (failure.len)
        bw_store_mem_answer_error(&world->store, id, failure);
    else
        bw_store_mem_answer(&world->store, id, value);
    return settle(world, NULL, error);
}

void bw_world_take_logs(struct bw_world *world, struct bw_buf *out)
{
    size_t count = 0;
    char id[BW_ID_TEXT_LEN + 1];
    struct bw_list *link;
    for (link = world->logs.next; link != &world->logs; link = link->next)
        count++;
    bw_value_put_arr(out, count);
    while ((link = bw_list_pop_front(&world->logs))) {
        struct script_log *entry = bw_container_of(link, struct script_log, link);
        bw_id_print(entry->run, id);
        bw_value_put_map(out, 2);
        bw_value_put_key(out, "logs");
        bw_buf_put_str(out, entry->logs);
        bw_value_put_key(out, "run");
        bw_value_put_text(out, id);
        bw_free(entry);
    }
}

int64_t bw_world_now_us(const struct bw_world *world)
{
    return world->clock.utc.us;
}

struct bw_id bw_world_tenant(const struct bw_world *world)
{
    return world->tenant;
}

struct bw_engine *bw_world_engine(struct bw_world *world)
{
    return world->engine;
}

struct bw_store *bw_world_store(struct bw_world *world)
{
    return &world->store;
}
