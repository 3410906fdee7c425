/* service.c - see service.h. Start order: database, schema, hosts, engine, listener. The end goes
 * the other way.
 */
#include "edge/service.h"
#include "base/assert.h"
#include "base/build.h"
#include "base/fault.h"
#include "core/engine.h"
#include "edge/api.h"
#include "edge/config.h"
#include "edge/fleet.h"
#include "edge/http_door.h"
#include "edge/service_log.h"
#include "edge/sweep.h"
#include "io/httpc_curl.h"
#include "io/loop.h"
#include "io/os.h"
#include "io/pgserver.h"
#include "store/store_pg.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#ifdef BW_HAS_SANITIZER
#define WALL_US_MAX 10000000u
#else
#define WALL_US_MAX 1000000u /* of one turn's work */
#endif

enum {
    LEASE_MS = 7000,         /* renewed every fifth: a dead node is replaced within 9 s */
    SWEEP_EVERY_MS = 600000, /* tenants that are due are looked for; the first time after a tenth */
    STEP_TIMEOUT_MS = 60000,
    STOP_TIMEOUT_MS = 15000,
    REVIVE_MS = 50,         /* a lost connection is looked into */
    REVIVE_LOOK_MS = 250,   /* there is a server, but no connection to it yet */
    REVIVE_AGAIN_MS = 2000, /* PostgreSQL could not be started */
};

struct bw_service {
    struct bw_loop *loop;
    struct bw_pgserver *pg; /* NULL: the database is not ours */
    struct bw_store store;
    bool has_store;
    bool is_database_up;
    struct bw_fleet *fleet; /* the hosts */
    unsigned replay_share;
    struct bw_httpc httpc;
    bool has_httpc;
    struct bw_clock clock;
    struct bw_entropy entropy;
    struct bw_engine *engine;
    bool is_started;
    struct bw_api *api;
    struct bw_sweeper *sweeper;
    struct bw_http_door *door;
    struct bw_loop_timer *pump_timer;
    bool is_pump_late;
    bool is_interrupted;                /* SIGINT, SIGTERM */
    bool is_closing;                    /* waits are no longer cut short by that */
    struct bw_loop_timer *revive_timer; /* of the private PostgreSQL */
    struct bw_error down;               /* why it cannot be started; OK: it is up */
    char node[96];
};

static int64_t service_turn(void *ud)
{
    struct bw_service *service = ud;
    return service->engine ? bw_engine_turn(service->engine) : -1;
}

static void service_on_work(void *ud)
{
    struct bw_service *service = ud;
    bw_loop_request_turn(service->loop);
}

static void service_on_signal(void *ud, int signal_number)
{
    struct bw_service *service = ud;
    (void)signal_number;
    service->is_interrupted = true;
    bw_service_stop(service);
}

bool bw_service_is_interrupted(const struct bw_service *service)
{
    return service->is_interrupted;
}

/* --- waiting for one answer while the loop runs */
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

static void pump_late(void *ud)
{
    struct bw_service *service = ud;
    service->is_pump_late = true;
}

bool bw_service_pump(struct bw_service *service, const bool *is_done, int ms)
{
    service->is_pump_late = false;
    if (ms >= 0)
        bw_loop_timer_start(service->pump_timer, ms);
    while (!(is_done && *is_done) && !service->is_pump_late &&
           (service->is_closing || !service->is_interrupted))
        bw_loop_step(service->loop);
    bw_loop_timer_stop(service->pump_timer);
    return is_done ? *is_done : !service->is_pump_late;
}

static enum bw_err wait_for(struct bw_service *service, struct wait *wait, const char *what,
                            struct bw_error *error)
{
    if (!bw_service_pump(service, &wait->is_done, STEP_TIMEOUT_MS))
        return service->is_interrupted
                   ? bw_fail(error, BW_ERR_CANCELLED, "interrupted while %s", what)
                   : bw_fail(error, BW_ERR_TIMEOUT, "%s took more than %d s", what,
                             STEP_TIMEOUT_MS / 1000);
    if (wait->error.code) {
        *error = wait->error;
        return error->code;
    }
    return BW_ERR_OK;
}

/* --- the parts */
static void talk(const struct bw_service_options *options, const char *text)
{
    if (options->on_talk && text[0])
        options->on_talk(options->ud, text);
}

static enum bw_err open_database(struct bw_service *service,
                                 const struct bw_service_options *options, const char **conninfo,
                                 struct bw_error *error)
{
    *conninfo = options->database;
    if (options->database)
        return BW_ERR_OK;
    struct bw_buf path;
    bw_buf_init(&path, 4096);
    bw_buf_printf(&path, "%s/.billow", options->dir ? options->dir : ".");
    struct bw_pgserver_options pg = {.state_dir = bw_buf_cstr(&path),
                                     .bin_dir = bw_config_pg_bin()};
    enum bw_err err = bw_pgserver_open(&pg, &service->pg, error);
    bw_buf_deinit(&path);
    if (err)
        return err;
    talk(options, bw_pgserver_notice(service->pg));
    if (bw_pgserver_is_new(service->pg))
        talk(options, "made a private PostgreSQL under .billow/");
    *conninfo = bw_pgserver_conninfo(service->pg);
    return BW_ERR_OK;
}

/* Nobody else starts the private PostgreSQL again. Runs, entries and events are safe in it, or
 * still with their senders; the store connects again by itself. */
static void revive(void *ud)
{
    struct bw_service *service = ud;
    struct bw_error error = {0};
    bool was_gone;
    if (service->is_closing)
        return;
    if (!bw_pgserver_revive(service->pg, &was_gone, &error)) {
        if (was_gone)
            bw_service_log_text("database", "the private PostgreSQL was gone: it runs again");
        service->down = (struct bw_error){0};
        if (!service->is_database_up) /* it may be on its way down only now */
            bw_loop_timer_start(service->revive_timer, REVIVE_LOOK_MS);
    } else {
        if (strcmp(error.text, service->down.text) != 0)
            bw_service_log_error("database", &error);
        service->down = error;
        bw_loop_timer_start(service->revive_timer, REVIVE_AGAIN_MS);
    }
    if (service->api)
        bw_api_set_down(service->api, &service->down);
}

/* A connection came or went: said once per change, for the operator. */
static void store_state(void *ud, bool is_connected, const struct bw_error *error)
{
    struct bw_service *service = ud;
    if (service->is_database_up != is_connected && !is_connected && error)
        bw_service_log_error("database", error);
    service->is_database_up = is_connected;
    if (!is_connected && service->pg && !service->is_closing && !service->down.code)
        bw_loop_timer_start(service->revive_timer, REVIVE_MS);
}

static void store_notice(void *ud, const char *text)
{
    (void)ud;
    bw_service_log_text("database_notice", text);
}

static enum bw_err open_store(struct bw_service *service, const struct bw_service_options *options,
                              const char *conninfo, struct bw_error *error)
{
    struct bw_store_pg_options store = {.loop = bw_loop_uv(service->loop),
                                        .conninfo = conninfo,
                                        .clock = &service->clock,
                                        .on_notice = store_notice,
                                        .on_state = store_state,
                                        .ud = service};
    bw_store_pg_open(&service->store, &store);
    service->has_store = true;
    if (!options->is_migrating)
        return BW_ERR_OK;
    struct wait wait = {0};
    service->store.migrate(service->store.self, wait_done, &wait);
    return wait_for(service, &wait, "bringing the database schema up to date", error);
}

struct history {
    struct wait wait;
    int64_t restored_at_us;
};

static void history_done(void *ud, const struct bw_error *error, struct bw_str value)
{
    struct history *history = ud;
    struct bw_value map = bw_value_read(error->code ? BW_STR_NONE : value);
    history->restored_at_us = bw_value_get_int(&map, "restored_at_us", 0);
    wait_done(&history->wait, error);
}

/* A backup that was restored, or a standby that took over while no engine lived, does not know what
 * was done last; nor do we. */
static enum bw_err look_at_history(struct bw_service *service, int64_t *restored_at_us,
                                   struct bw_error *error)
{
    struct history history = {0};
    int64_t now_us = bw_clock_utc(&service->clock).us;
    service->store.look_at_history(service->store.self, false, now_us, history_done, &history);
    enum bw_err err =
        wait_for(service, &history.wait, "asking which history the database has", error);
    *restored_at_us = history.restored_at_us;
    if (!err && history.restored_at_us >= now_us)
        bw_service_log_text("database_restored",
                            "the database has another history than when an engine last worked on "
                            "it: what it does not know may have been done; runs that began before "
                            "now ask first about requests that cannot be repeated");
    return err;
}

static enum bw_err open_hosts(struct bw_service *service, const struct bw_service_options *options,
                              struct bw_error *error)
{
    struct bw_fleet_options fleet = {.loop = service->loop,
                                     .share_dir = options->lua_dir,
                                     .host_count = options->host_count,
                                     .is_unconfined = bw_config_host_unconfined()};
    enum bw_err err = bw_config_host_path(&fleet.program, error);
    if (!err && !fleet.share_dir)
        err = bw_config_share_dir(&fleet.share_dir, error);
    if (!err && fleet.host_count == 0)
        err = bw_config_hosts(&fleet.host_count, error);
    return err ? err : bw_fleet_open(&fleet, &service->fleet, error);
}

/* A tenant with much to do may use half of the machine for its scripts. */
static size_t hosts_per_tenant(void)
{
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    return cores < 4 ? 1 : (size_t)cores / 2;
}

static enum bw_err open_engine(struct bw_service *service, struct bw_error *error)
{
    struct bw_engine_config config = {
        .store = &service->store,
        .check_share = service->replay_share,
        .httpc = &service->httpc,
        .clock = &service->clock,
        .entropy = &service->entropy,
        .node = service->node,
        .lease_ms = bw_fault_setting("BILLOW_LEASE_MS", LEASE_MS),
        .limits = {.wall_us_max = WALL_US_MAX, .hosts_per_tenant = hosts_per_tenant()},
        /* The lock of the private database says that no other node is alive. */
        .take_over = service->pg != NULL,
        .on_work = service_on_work,
        .on_log = bw_service_log_engine,
        .on_script_log = bw_service_log_script,
        .ud = service};
    if (look_at_history(service, &config.restored_at_us, error))
        return error->code;
    bw_fleet_configure(service->fleet, &config);
    service->engine = bw_engine_create(&config);
    bw_loop_set_turn(service->loop, service_turn, service);
    struct wait wait = {0};
    bw_engine_start(service->engine, wait_done, &wait);
    enum bw_err err = wait_for(service, &wait, "starting the engine", error);
    service->is_started = !err;
    return err;
}

/* The private PostgreSQL makes it for itself; with a database of somebody's own nobody has yet. */
static enum bw_err make_state_dir(const struct bw_service_options *options, struct bw_error *error)
{
    enum bw_err err = BW_ERR_OK;
    struct bw_buf path;
    bw_buf_init(&path, 4096);
    bw_buf_printf(&path, "%s/.billow", options->dir ? options->dir : ".");
    if (mkdir(bw_buf_cstr(&path), 0755) != 0 && errno != EEXIST)
        err = bw_fail(error, BW_ERR_UNAVAILABLE,
                      "cannot make the folder %s for the socket: %s; name another place with --dir "
                      "or --socket",
                      bw_buf_cstr(&path), strerror(errno));
    bw_buf_deinit(&path);
    return err;
}

static enum bw_err open_door(struct bw_service *service, const struct bw_service_options *options,
                             struct bw_error *error)
{
    if (!options->is_listening)
        return BW_ERR_OK;
    struct bw_buf path;
    bw_buf_init(&path, 4096);
    if (options->socket)
        bw_buf_put_text(&path, options->socket);
    else
        bw_config_state_path(&path, options->dir, "billow.sock");
    enum bw_err err = options->socket ? BW_ERR_OK : make_state_dir(options, error);
    if (!err)
        err = bw_http_door_open(service->loop, service->api, bw_buf_cstr(&path), service->clock,
                                &service->door, error);
    bw_buf_deinit(&path);
    return err;
}

static void open_sweeper(struct bw_service *service, const struct bw_service_options *options)
{
    int64_t every_ms = bw_fault_setting("BILLOW_RETENTION_MS", SWEEP_EVERY_MS);
    struct bw_sweeper_config config = {.loop = service->loop,
                                       .engine = service->engine,
                                       .store = &service->store,
                                       .clock = &service->clock,
                                       .is_background = options->is_listening,
                                       .rate = options->retention_rate,
                                       .archive_dir = options->archive_dir,
                                       .first_ms = every_ms / 10,
                                       .every_ms = every_ms};
    service->sweeper = bw_sweeper_create(&config);
    bw_api_set_sweeper(service->api, service->sweeper);
}

static enum bw_err open_parts(struct bw_service *service, const struct bw_service_options *options,
                              struct bw_error *error)
{
    const char *conninfo;
    enum bw_err err = open_database(service, options, &conninfo, error);
    if (!err)
        err = open_store(service, options, conninfo, error);
    if (!err && options->is_store_only)
        return BW_ERR_OK;
    if (!err)
        err = open_hosts(service, options, error);
    struct bw_httpc_curl_options httpc = {.allow_private_addresses = options->allow_private_http};
    if (!err)
        err = bw_httpc_curl_create(service->loop, &httpc, &service->httpc, error);
    service->has_httpc = !err;
    if (!err)
        err = open_engine(service, error);
    if (err)
        return err;
    service->api =
        bw_api_create(service->engine, &service->store, &service->clock, &service->entropy);
    open_sweeper(service, options);
    return open_door(service, options, error);
}

enum bw_err bw_service_open(const struct bw_service_options *options, struct bw_service **service,
                            struct bw_error *error)
{
    struct bw_service *made = bw_xcalloc(1, sizeof *made);
    made->loop = bw_loop_create();
    made->replay_share = options->replay_share;
    made->clock = bw_clock_os();
    made->entropy = bw_entropy_os();
    made->pump_timer = bw_loop_timer_create(made->loop, pump_late, made);
    made->revive_timer = bw_loop_timer_create(made->loop, revive, made);
    char host[64] = "localhost";
    (void)gethostname(host, sizeof host - 1);
    /* A private database has one owner at a time; elsewhere a node is this process. */
    if (options->database)
        snprintf(made->node, sizeof made->node, "%s/%ld", host, (long)getpid());
    else
        snprintf(made->node, sizeof made->node, "embedded");
    enum bw_err err = bw_loop_catch_signals(made->loop, service_on_signal, made, error);
    if (!err)
        err = open_parts(made, options, error);
    if (err) {
        bw_service_close(made);
        return err;
    }
    *service = made;
    return BW_ERR_OK;
}

struct bw_loop *bw_service_loop(struct bw_service *service)
{
    return service->loop;
}

struct bw_api *bw_service_api(struct bw_service *service)
{
    return service->api;
}

void bw_service_run(struct bw_service *service)
{
    if (!service->is_interrupted)
        bw_loop_run(service->loop);
}

void bw_service_stop(struct bw_service *service)
{
    bw_loop_stop(service->loop);
}

static void store_closed(void *ud)
{
    bool *is_closed = ud;
    *is_closed = true;
}

void bw_service_close(struct bw_service *service)
{
    struct bw_error error = {0};
    service->is_closing = true;
    if (service->door)
        bw_http_door_close(service->door);
    bw_sweeper_stop(service->sweeper);
    if (service->is_started) {
        struct wait wait = {0};
        bw_engine_stop(service->engine, wait_done, &wait);
        if (!bw_service_pump(service, &wait.is_done, STOP_TIMEOUT_MS))
            fprintf(stderr,
                    "billow: the engine did not stop in %d s; its leases expire by themselves\n",
                    STOP_TIMEOUT_MS / 1000);
    }
    bw_loop_set_turn(service->loop, NULL, NULL);
    if (service->engine)
        bw_engine_destroy(service->engine);
    if (service->api)
        bw_api_destroy(service->api);
    if (service->has_httpc)
        service->httpc.close(service->httpc.self);
    bw_fleet_close(service->fleet);
    if (service->has_store) {
        bool is_closed = false;
        service->store.close(service->store.self, store_closed, &is_closed);
        (void)bw_service_pump(service, &is_closed, STOP_TIMEOUT_MS);
    }
    bw_sweeper_destroy(service->sweeper);
    if (service->pg && bw_pgserver_close(service->pg, true, &error))
        bw_service_log_error("postgres_stop", &error);
    bw_loop_timer_destroy(service->revive_timer);
    bw_loop_timer_destroy(service->pump_timer);
    bw_loop_destroy(service->loop);
    bw_free(service);
}
