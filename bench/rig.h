/* rig.h - a whole engine to measure: loop, PostgreSQL store, script hosts, core, a tenant.
 *
 * Offers:  open, start runs, pump until so many have ended, close; memory of its processes.
 * Relies on: what edge/service.c puts together, put together here with the host of choice.
 */
#ifndef BW_BENCH_RIG_H
#define BW_BENCH_RIG_H

#include "cpu.h"
#include "core/engine.h"
#include "edge/fleet.h"
#include "io/loop.h"
#include "place.h"

enum { RIG_TENANTS_MAX = 100 };

struct rig_options {
    bool has_lua;     /* billow-host; else the scripted host */
    uint64_t effects; /* of each run of the scripted host */
    const char *node; /* one of several; NULL: the only one, which takes over at once */
    int64_t lease_ms; /* 0: ten seconds */
};

struct rig {
    const struct place *place;
    struct bw_loop *loop;
    struct bw_clock clock;
    struct bw_entropy entropy;
    struct bw_store store;
    struct bw_host host; /* scripted */
    struct bw_host *hosts[1];
    struct bw_fleet *fleet; /* NULL: scripted */
    struct bw_httpc httpc;
    struct bw_engine *engine;
    struct bw_id tenants[RIG_TENANTS_MAX]; /* runs are started for each in turn */
    size_t tenant_count;
    struct bw_loop_timer *tick;
    size_t asked;               /* starts sent */
    size_t started;             /* acknowledged */
    size_t ended;               /* finished, after the commit */
    void (*on_ended)(void *ud); /* for each; may be NULL */
    void *on_ended_ud;
    uint64_t turns_seen;
    unsigned still_s; /* for so long nothing was committed */
};

/* Ends the process when something is wrong. Brings the schema up to date first. */
void rig_open(struct rig *rig, const struct place *place, const struct rig_options *options);
void rig_close(struct rig *rig);
/* One more, with the release. The first is made by rig_open. */
void rig_add_tenant(struct rig *rig);
/* One more run of `workflow` with input {count = effects}. */
void rig_start(struct rig *rig, const char *workflow, uint64_t effects);
/* `count` runs, at most `window` of them open at a time (0: started as fast as they are
 * acknowledged, and not waited for). Returns how many seconds that took. */
double rig_run(struct rig *rig, const char *workflow, uint64_t effects, size_t count,
               size_t window);
/* Until the engine has nothing to do but wait. */
void rig_settle(struct rig *rig);
struct cpu rig_cpu(const struct rig *rig);
/* Resident memory of this process, or of billow-host. */
enum rig_process { RIG_ENGINE, RIG_HOST };
double rig_memory_bytes(const struct rig *rig, enum rig_process which);

#endif
