/* rig.c - see rig.h. */
#include "rig.h"

#include "base/assert.h"
#include "edge/config.h"
#include "edge/project.h"
#include "figures.h"
#include "io/httpc_curl.h"
#include "io/os.h"
#include "io/pgserver.h"
#include "scripted.h"
#include "sections.h"
#include "store/store_pg.h"
#include <stdio.h>
#include <unistd.h>

enum {
    LEASE_MS = 10000,
    STALL_S = 60,
    TICK_MS = 1000,
    STARTS_MAX = 1000,
    FILES_BYTES_MAX = 16 * 1024 * 1024
};

/* --- One answer, waited for. */
struct wait {
    bool is_done;
    struct bw_error error;
};

static void wait_done(void *ud, const struct bw_error *error)
{
    struct wait *wait = ud;
    wait->is_done = true;
    wait->error = *error;
}

static void wait_for(struct rig *rig, struct wait *wait, const char *what)
{
    while (!wait->is_done)
        bw_loop_step(rig->loop);
    if (wait->error.code)
        place_die(what, wait->error.text);
    *wait = (struct wait){0};
}

/* --- What the engine tells. */
static int64_t turn(void *ud)
{
    struct rig *rig = ud;
    return rig->engine ? bw_engine_turn(rig->engine) : -1;
}

static void on_work(void *ud)
{
    struct rig *rig = ud;
    bw_loop_request_turn(rig->loop);
}

static void on_log(void *ud, const char *event, struct bw_id run, const char *text)
{
    (void)ud;
    (void)run;
    fprintf(stderr, "billow-bench: engine: %s: %s\n", event, text);
}

static void on_status(void *ud, struct bw_id tenant, struct bw_id run, enum bw_run_status status)
{
    struct rig *rig = ud;
    (void)tenant;
    (void)run;
    if (status == BW_RUN_OPEN)
        return;
    if (status != BW_RUN_DONE)
        place_die("a run", "it did not end well (see above)");
    rig->ended++;
    if (rig->on_ended)
        rig->on_ended(rig->on_ended_ud);
}

/* --- Life. */
void rig_add_tenant(struct rig *rig)
{
    struct bw_id tenant = bw_id_make(bw_clock_utc(&rig->clock), &rig->entropy);
    struct bw_error error;
    struct bw_buf files;
    struct bw_arena arena;
    struct bw_release_set release;
    struct wait wait = {0};
    bw_arena_init(&arena);
    bw_buf_init(&files, FILES_BYTES_MAX);
    if (bw_project_read(rig->place->share_dir, rig->place->bench_dir, &files, &error))
        place_die("the scripts", error.text);
    struct bw_value map = bw_value_read(bw_buf_str(&files));
    struct bw_value none = bw_value_read(BW_STR_NONE);
    if (bw_project_release(&map, &none, &arena, &release, &error))
        place_die("the scripts", error.text);
    char name[BW_ID_TEXT_LEN + 1]; /* each section has a tenant of its own */
    bw_id_print(tenant, name);
    rig->store.put_tenant(rig->store.self, tenant, bw_str_of(name), wait_done, &wait);
    wait_for(rig, &wait, "the tenant");
    rig->store.put_release(rig->store.self, tenant, &release, true, wait_done, &wait);
    wait_for(rig, &wait, "the release");
    BW_ASSERT(rig->tenant_count < RIG_TENANTS_MAX);
    rig->tenants[rig->tenant_count++] = tenant;
    bw_buf_deinit(&files);
    bw_arena_deinit(&arena);
}

static void open_hosts(struct rig *rig, const struct rig_options *options,
                       struct bw_engine_config *config)
{
    struct bw_error error;
    if (!options->has_lua) {
        rig->host = scripted_create(rig->loop, options->effects);
        rig->hosts[0] = &rig->host;
        config->hosts = rig->hosts;
        config->host_count = 1;
        return;
    }
    struct bw_fleet_options fleet = {
        .loop = rig->loop, .program = rig->place->host_path, .share_dir = rig->place->share_dir};
    if (bw_config_hosts(&fleet.host_count, &error) || bw_fleet_open(&fleet, &rig->fleet, &error))
        place_die("billow-host", error.text);
    bw_fleet_configure(rig->fleet, config);
    config->check_host = NULL;
}

static void tick(void *ud)
{
    struct rig *rig = ud;
    struct bw_engine_stats stats;
    bw_engine_stats(rig->engine, &stats);
    rig->still_s = stats.turns == rig->turns_seen ? rig->still_s + 1 : 0;
    rig->turns_seen = stats.turns;
    bw_loop_timer_start(rig->tick, TICK_MS);
}

void rig_open(struct rig *rig, const struct place *place, const struct rig_options *options)
{
    struct bw_error error;
    struct wait wait = {0};
    *rig = (struct rig){.place = place, .clock = bw_clock_os(), .entropy = bw_entropy_os()};
    rig->loop = bw_loop_create();
    struct bw_store_pg_options store = {
        .loop = bw_loop_uv(rig->loop), .conninfo = place->conninfo, .clock = &rig->clock};
    bw_store_pg_open(&rig->store, &store);
    rig->store.migrate(rig->store.self, wait_done, &wait);
    wait_for(rig, &wait, "the schema");
    rig_add_tenant(rig);
    if (bw_httpc_curl_create(rig->loop, NULL, &rig->httpc, &error))
        place_die("the HTTP client", error.text);
    struct bw_engine_config config = {.store = &rig->store,
                                      .httpc = &rig->httpc,
                                      .clock = &rig->clock,
                                      .entropy = &rig->entropy,
                                      .node = options->node ? options->node : "bench",
                                      .lease_ms = options->lease_ms ? options->lease_ms : LEASE_MS,
                                      .take_over = !options->node,
                                      .on_work = on_work,
                                      .on_log = on_log,
                                      .on_status = on_status,
                                      .ud = rig};
    open_hosts(rig, options, &config);
    rig->engine = bw_engine_create(&config);
    bw_loop_set_turn(rig->loop, turn, rig);
    bw_engine_start(rig->engine, wait_done, &wait);
    wait_for(rig, &wait, "starting the engine");
    rig->tick = bw_loop_timer_create(rig->loop, tick, rig);
    tick(rig);
}

static void store_closed(void *ud)
{
    *(bool *)ud = true;
}

void rig_close(struct rig *rig)
{
    struct wait wait = {0};
    bool is_closed = false;
    bw_engine_stop(rig->engine, wait_done, &wait);
    wait_for(rig, &wait, "stopping the engine");
    bw_loop_set_turn(rig->loop, NULL, NULL);
    bw_engine_destroy(rig->engine);
    rig->httpc.close(rig->httpc.self);
    if (rig->fleet)
        bw_fleet_close(rig->fleet);
    else
        rig->host.close(rig->host.self);
    rig->store.close(rig->store.self, store_closed, &is_closed);
    while (!is_closed)
        bw_loop_step(rig->loop);
    bw_loop_timer_destroy(rig->tick);
    bw_loop_destroy(rig->loop);
}

/* --- Work. */
static void start_done(void *ud, const struct bw_error *error, struct bw_id run, bool is_new)
{
    struct rig *rig = ud;
    (void)run;
    (void)is_new;
    if (error->code)
        place_die("starting a run", error->text);
    rig->started++;
}

void rig_start(struct rig *rig, const char *workflow, uint64_t effects)
{
    struct bw_buf input;
    bw_buf_init(&input, 64);
    bw_value_put_map(&input, 1);
    bw_value_put_key(&input, "count");
    bw_value_put_int(&input, (int64_t)effects);
    struct bw_engine_start start = {.tenant = rig->tenants[rig->asked % rig->tenant_count],
                                    .workflow = bw_str_of(workflow),
                                    .input = bw_buf_str(&input),
                                    .started_by = BW_STR("bench")};
    bw_engine_start_run(rig->engine, &start, start_done, rig);
    rig->asked++;
    bw_buf_deinit(&input);
}

double rig_run(struct rig *rig, const char *workflow, uint64_t effects, size_t count, size_t window)
{
    int64_t begun = figures_now_ns();
    size_t asked_max = rig->asked + count;
    bool is_waited_for = window > 0;
    rig->still_s = 0;
    for (;;) {
        size_t open = is_waited_for ? rig->asked - rig->ended : rig->asked - rig->started;
        size_t open_max = is_waited_for ? window : STARTS_MAX;
        for (; rig->asked < asked_max && open < open_max; open++)
            rig_start(rig, workflow, effects);
        if (rig->asked == asked_max && open == 0)
            break;
        if (rig->still_s > STALL_S)
            place_die("the engine", "nothing moved for a minute");
        bw_loop_step(rig->loop);
    }
    return (double)(figures_now_ns() - begun) / 1e9;
}

void rig_settle(struct rig *rig)
{
    struct bw_engine_stats stats;
    do {
        bw_loop_step(rig->loop);
        bw_engine_stats(rig->engine, &stats);
    } while (!stats.is_quiet);
}

static double memory_of(pid_t pid)
{
    char path[64];
    unsigned long long size = 0, resident = 0;
    snprintf(path, sizeof path, "/proc/%ld/statm", (long)pid);
    FILE *file = fopen(path, "r");
    if (!file || fscanf(file, "%llu %llu", &size, &resident) != 2)
        place_die(path, "cannot be read");
    fclose(file);
    return (double)resident * (double)sysconf(_SC_PAGESIZE);
}

struct cpu rig_cpu(const struct rig *rig)
{
    return cpu_read(bw_pgserver_pid(rig->place->server));
}

double rig_memory_bytes(const struct rig *rig, enum rig_process which)
{
    return memory_of(which == RIG_ENGINE ? getpid() : bw_fleet_pid(rig->fleet, 0));
}

void section_schema(const struct place *place, struct figures *figures)
{
    struct rig rig;
    (void)figures;
    rig_open(&rig, place, &(struct rig_options){0});
    rig_close(&rig);
}
