/* service.h - one engine with everything around it: loop, private or given PostgreSQL, hosts, HTTP
 * in and out, API.
 *
 * Offers:  open (ready when it returns), run until stopped, pump for embedded use, close in order.
 *          A private PostgreSQL that goes away meanwhile is started again.
 * Relies on: io/, store/store_pg.h, core/engine.h, edge/api.h.
 */
#ifndef BW_EDGE_SERVICE_H
#define BW_EDGE_SERVICE_H

#include "base/err.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct bw_service;
struct bw_api;
struct bw_loop;

struct bw_service_options {
    const char *dir;        /* holds .billow/ */
    const char *database;   /* conninfo; NULL = private PostgreSQL under <dir>/.billow/pg */
    const char *socket;     /* path to listen on; NULL = <dir>/.billow/billow.sock */
    size_t host_count;      /* tenants at work at a time; 0 = BILLOW_HOSTS, or the default */
    unsigned replay_share;  /* of 10,000 runs that are done so many are played again and compared */
    int64_t retention_rate; /* runs a second that the daily sweep drops; 0 = there is none */
    const char *archive_dir; /* where it writes them before; NULL = nowhere */
    bool is_listening;       /* serve the socket (serve, dev, and long embedded commands) */
    bool has_inproc_host;    /* Lua in this process (tests); else billow-host */
    bool is_store_only;      /* the database and its schema, no engine (billow migrate) */
    bool is_migrating;       /* bring the schema up to date at start */
    bool allow_private_http; /* the http effect may reach loopback and private addresses (dev) */
    const char *lua_dir;     /* share directory with stdlib/, workflows/, policies/ ; NULL = found
                                beside the binary */
    void (*on_talk)(void *ud, const char *text);
    void *ud;
};

BW_MUST_USE enum bw_err bw_service_open(const struct bw_service_options *options,
                                        struct bw_service **service, struct bw_error *error);
struct bw_loop *bw_service_loop(struct bw_service *service);
struct bw_api *bw_service_api(struct bw_service *service);
/* Until SIGINT, SIGTERM or bw_service_stop. */
void bw_service_run(struct bw_service *service);
void bw_service_stop(struct bw_service *service);
/* SIGINT or SIGTERM came: waits end at once, the owner should close. */
bool bw_service_is_interrupted(const struct bw_service *service);
/* Runs the loop until `*is_done` or `ms` have passed (-1 = no limit). False when the time ran
 * out or a signal came.
 */
bool bw_service_pump(struct bw_service *service, const bool *is_done, int ms);
/* Stops the engine in order (leases released), then the database it started. */
void bw_service_close(struct bw_service *service);

#endif
