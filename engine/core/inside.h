/* inside.h - the engine's own struct, for the files of core/ that are the engine. Nobody else
 * includes it.
 *
 * Offers:  struct bw_engine and the few services its parts give each other.
 * Relies on: everything in core/.
 */
#ifndef BW_CORE_INSIDE_H
#define BW_CORE_INSIDE_H

#include "core/call.h"
#include "core/dispatch.h"
#include "core/door.h"
#include "core/engine.h"
#include "core/failover.h"
#include "core/group.h"
#include "core/http_gate.h"
#include "core/lease.h"
#include "core/recheck.h"
#include "core/release.h"
#include "core/run.h"
#include "core/sched.h"
#include "core/share.h"
#include "core/schedule.h"
#include "core/schedules.h"
#include "core/timer.h"

enum bw_engine_phase {
    BW_ENGINE_CREATED,
    BW_ENGINE_STARTING, /* leases asked for, scans under way */
    BW_ENGINE_RUNNING,
    BW_ENGINE_STOPPING, /* no new turns; waiting for hosts and commits */
    BW_ENGINE_STOPPED,
};

struct bw_engine {
    struct bw_engine_config config;
    struct bw_engine_limits limits; /* with the defaults filled in */
    char *node;
    enum bw_engine_phase phase;
    bool is_in_turn;
    bool is_poked; /* on_work was called since the last turn */

    /* The one reading of the clocks in this turn. */
    int64_t now_us; /* UTC */
    int64_t now_ns; /* monotonic */

    struct bw_table runs; /* struct bw_run by id */
    struct bw_list loads; /* runs to be loaded */
    size_t loads_in_flight;
    struct bw_list idle; /* WAITING runs with a VM, oldest first */
    size_t idle_count;
    size_t idle_bytes;       /* their heaps, as their hosts told at the end of their last turns */
    size_t vm_bytes;         /* heaps of all runs that have or get a VM (run.h, heap_bytes) */
    size_t vm_bytes_typical; /* what a new VM is taken for, until its host tells */
    size_t executing_count;
    size_t committing_count;

    struct bw_table
        sleepers; /* struct bw_sleeper by run id: evicted runs that are due within the window */
    int64_t window_us;            /* sleepers due until then are in memory */
    struct bw_timer window_timer; /* monotonic: the next scan */
    struct bw_timer poll_timer;   /* monotonic: the next look for mail */
    struct bw_timer load_timer;   /* monotonic: loads go on after the store was not reachable */
    struct bw_timer sweep_timer;  /* monotonic: the next look for runs that nobody told us of */
    bool has_missed_scan;         /* of runs at work, after shards became ours */
    bool is_load_paused;

    struct bw_list news; /* calls that came back */
    struct bw_list calls_open;
    size_t calls_open_count;
    struct bw_list calls_spare;
    size_t calls_spare_count;
    struct bw_list mail;   /* struct bw_mail: runs that got something */
    struct bw_list frames; /* struct bw_frame_in, from hosts */
    struct bw_list
        answered; /* effects whose answer came from outside the turn: struct bw_http_work */

    struct bw_list gates; /* struct bw_gate: one for each tenant and host */

    struct bw_timers timers_utc;  /* durable deadlines */
    struct bw_timers timers_mono; /* pauses of this process, microseconds */
    struct bw_sched sched;
    struct bw_table shares; /* of tenants: core/share.c */
    struct bw_lease lease;
    struct bw_releases releases;
    struct bw_recheck recheck;
    struct bw_groups groups;
    struct bw_schedules schedules;
    struct bw_failover failover;
    struct bw_door door;
    struct bw_host_slot *hosts;
    size_t pool_wanting;        /* tenants that found no host in this turn */
    int64_t pool_change_ns;     /* from here on a host may change hands; monotonic */
    struct bw_timer pool_timer; /* monotonic: a tenant's time with a host is over */

    struct bw_arena scratch; /* of this turn */
    struct bw_buf buffer;    /* for one frame or row; empty between uses */
    struct bw_buf value;     /* for one value; empty between uses */

    unsigned scans_in_flight;    /* of the start */
    struct bw_error start_error; /* of the first scan that was refused; OK = none */
    bw_done_fn start_done;
    void *start_ud;
    bw_done_fn stop_done;
    void *stop_ud;
    struct bw_engine_stats counters;
};

struct bw_mail {
    struct bw_list link;
    struct bw_id tenant;
    struct bw_id run;
};

/* An evicted run that is due soon. */
struct bw_sleeper {
    struct bw_keyed keyed; /* the run's id */
    struct bw_id tenant;
    struct bw_timer timer; /* UTC */
};

void bw_engine_poke(struct bw_engine *engine);
void bw_engine_log(struct bw_engine *engine, const char *event, struct bw_id run,
                   const char *format, ...) BW_PRINTF(4, 5);
struct bw_run *bw_engine_find(struct bw_engine *engine, struct bw_id run);
/* The run, loaded if need be, will look into its inbox. Ignored when its shard is not ours. */
void bw_engine_touch(struct bw_engine *engine, struct bw_id tenant, struct bw_id run);
/* A child that this commit stored, or a run just started: no load needed. */
void bw_engine_adopt(struct bw_engine *engine, const struct bw_run_row *row);
/* Parks a READY or EXECUTING run with a reason of our own. */
void bw_engine_park(struct bw_engine *engine, struct bw_run *run, const char *code,
                    const char *text);
/* core/verdict.c: the actions of a committed batch: the only place where effects begin and clients
 * are answered. */
void bw_engine_apply(struct bw_engine *engine, struct bw_batch *batch);
void bw_engine_reject(struct bw_engine *engine, struct bw_batch *batch,
                      enum bw_commit_status status, const char *text);
void bw_engine_let_go(struct bw_engine *engine, uint32_t shard);
/* A load that a resume waits for came back (core/verbs.c). True: it took care of the run. */
bool bw_engine_resume_loaded(struct bw_engine *engine, struct bw_run *run, struct bw_call *load);
/* A parked run has one more reason to wait; wishes to resume it did not know that. */
void bw_engine_park_anew(struct bw_engine *engine, struct bw_run *run, const struct bw_call *load,
                         const char *code, const char *text);
/* A parked run was loaded. True: another node left the wish to resume it, and that is under way;
 * the run has left memory for it. */
bool bw_engine_resume_wished(struct bw_engine *engine, struct bw_run *run,
                             const struct bw_loaded_run *loaded);
void bw_engine_resume_failed(struct bw_engine *engine, struct bw_call *resume, enum bw_err code,
                             const char *text);
/* Of a shard of ours if we have any. */
struct bw_id bw_engine_make_run_id(const struct bw_engine *engine);
/* Posts `call` with the hash of the tenant's active release, which is then here; or with an error.
 */
void bw_engine_with_release(struct bw_engine *engine, struct bw_id tenant, struct bw_call *call);
/* Does the release have what the schedule speaks of? `tz` is the caller's to destroy; NULL: UTC. */
BW_MUST_USE enum bw_err bw_schedule_check_release(const struct bw_release *release,
                                                  const struct bw_schedule *schedule,
                                                  struct bw_tz **tz, struct bw_error *error);
void bw_engine_finding_init(struct bw_engine *engine);
void bw_engine_send_loads(
    struct bw_engine *engine); /* those of engine->loads, as many as may fly */
/* Finds the runs of these shards that were under way, have mail, or are due soon: at start and
 * after a take-over. */
void bw_engine_recover(struct bw_engine *engine, bw_shards shards);
/* A message without a meaning, for a new run of another node's shard: whoever has the shard finds
 * the run by it. Its strings are static. */
struct bw_message bw_engine_hint(struct bw_id tenant, struct bw_id run);
void bw_engine_tell_owner(struct bw_engine *engine, struct bw_id tenant, struct bw_id run);
void bw_http_take(
    struct bw_engine *engine); /* core/effect_http.c: answers that came since the last turn */

static inline uint32_t bw_shard_of(struct bw_id run)
{
    return (uint32_t)(bw_id_hash(run) % BW_SHARD_COUNT);
}

#endif
