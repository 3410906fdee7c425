/* engine.h - the engine: owns all runs of this process and takes them around the walk, one loop
 * turn at a time.
 *
 * Offers:  create, start, turn, stop, destroy; the verbs by which people and machines speak to
 *          runs.
 * Relies on: store/store.h, core/host.h, io/httpc.h, base/clock.h, base/entropy.h, all of them
 *          seams: the engine does no I/O, has no threads, never blocks.
 * Station 3 of docs/walk.md.
 *
 * Pace. Whoever owns the loop calls bw_engine_turn once per loop turn. Callbacks of the store, the
 * hosts and the HTTP client only put news on a list and ask for a turn through `on_work`; the turn
 * acts. So nothing is re-entrant: `done` callbacks of the verbs are called from the turn, and may
 * call any verb.
 */
#ifndef BW_CORE_ENGINE_H
#define BW_CORE_ENGINE_H

#include "base/clock.h"
#include "base/entropy.h"
#include "core/host.h"
#include "io/httpc.h"
#include "store/store.h"

struct bw_engine;

/* Ceilings; 0 = the default of engine.c. */
struct bw_engine_limits {
    size_t resident_max;        /* idle runs that keep their VM */
    size_t resident_bytes_max;  /* heaps of theirs, all together */
    size_t vm_bytes_max;        /* heaps of all runs: over it, none gets a new VM */
    size_t executing_max;       /* wakes that one host has at a time */
    size_t hosts_per_tenant;    /* a tenant whose hosts are crowded gets more, up to this many */
    size_t host_grow_at;        /* turns at a host that make it crowded */
    size_t turn_runs_max;       /* runs woken in one loop turn */
    size_t group_max;           /* turns in one group commit */
    size_t group_beside_min;    /* turns that are worth a commit beside one under way */
    size_t loads_max;           /* loads in flight */
    uint64_t steps_max;         /* fuel of one turn that a workflow may state */
    uint64_t memory_bytes_max;  /* heap of one run, likewise */
    uint64_t wall_us_max;       /* work of one turn by the clock; 0 = no limit */
    size_t commands_max;        /* of one turn */
    size_t pending_max;         /* effects that one run waits for at a time */
    size_t row_bytes_max;       /* of one journal row */
    size_t response_bytes_max;  /* of one HTTP answer */
    size_t http_inside_max;     /* requests under way to one host for one tenant */
    int64_t http_rate_max;      /* a second, likewise; negative = no ceiling */
    unsigned http_failures_max; /* in a row open the host's circuit breaker */
    uint64_t
        history_turns_max; /* a run's turns since its checkpoint: at 80% the operator is told */
    uint64_t history_bytes_max; /* and their bytes */
    int64_t window_ms;          /* sleepers due within it have their timer in memory */
    int64_t
        poll_ms; /* how often the store is asked for mail that nobody announced; negative = never */
};

/* What the engine has to say to people. `event` is a name like "run_parked"; `text` may be empty.
 */
typedef void (*bw_engine_log_fn)(void *ud, const char *event, struct bw_id run, const char *text);
/* A run reached a new status, after the commit. */
typedef void (*bw_engine_status_fn)(void *ud, struct bw_id tenant, struct bw_id run,
                                    enum bw_run_status status);
/* Lines a script logged in a committed turn: encoded array of {level, text, fields}. */
typedef void (*bw_engine_script_log_fn)(void *ud, struct bw_id tenant, struct bw_id run,
                                        struct bw_str logs);

struct bw_engine_config {
    /* All borrowed; they outlive the engine. */
    struct bw_store *store;
    struct bw_host *const *hosts;
    struct bw_host *check_host; /* for bw_engine_recheck_run; NULL: none */
    unsigned check_share;       /* of 10,000 finished runs so many are played again */
    size_t host_count;
    const struct bw_release_set *library; /* what every host has already; NULL: nothing */
    struct bw_httpc *httpc;
    const struct bw_clock *clock;
    const struct bw_entropy *entropy;

    const char *node; /* name of this process in the leases */
    int64_t lease_ms;
    bool is_world; /* of tests: with an engine ends all that it sent, nothing is on its way after it
                    */
    bool take_over; /* the caller knows that no other node is alive: lease all shards at once */
    /* When the database was found to be another one than before, by an engine that had no memory of
     * what is lost (look_at_history); 0 = never. Of runs that began before it, what cannot be
     * repeated (http with once) may have been done: the other side is asked first. */
    int64_t restored_at_us;
    struct bw_engine_limits limits;

    /* The engine wants a turn soon. Called from anywhere but a turn; must not call back. */
    void (*on_work)(void *ud);
    /* Optional. */
    bw_engine_log_fn on_log;
    bw_engine_status_fn on_status;
    bw_engine_script_log_fn on_script_log;
    void *ud; /* of the four above */
};

struct bw_engine *bw_engine_create(const struct bw_engine_config *config);
/* Forgets everything at once, as a crash would: calls in flight are orphaned, nothing is committed,
 * no `done` is called. */
void bw_engine_destroy(struct bw_engine *engine);

/* Leases shards, finds the runs that were under way and those with mail or a due timer. `done`
 * after that. */
void bw_engine_start(struct bw_engine *engine, bw_done_fn done, void *ud);
/* The ordered list of what one loop turn does. Returns in how many ms it wants the next turn at the
 * latest: 0 = at once, -1 = only after on_work. */
int64_t bw_engine_turn(struct bw_engine *engine);
/* The same in microseconds, as of the last turn: for a clock that jumps from moment to moment. */
int64_t bw_engine_wait_us(const struct bw_engine *engine);
/* Takes no new turns, waits for what is in flight, releases the leases; then `done`. Keep calling
 * bw_engine_turn. */
void bw_engine_stop(struct bw_engine *engine, bw_done_fn done, void *ud);

/* --- Verbs. Arguments are copied. `done` is called once, from a later turn, after the commit
 * (J10). */

/* A tenant's weight or ceiling was set (write "tenant"): this node asks for it at once. */
void bw_engine_tenant_changed(struct bw_engine *engine, struct bw_id tenant);

struct bw_engine_start {
    struct bw_id tenant;
    struct bw_str workflow;
    struct bw_str key; /* unique per workflow: the same key again answers with the run that exists;
                          empty = none */
    struct bw_str input; /* encoded value */
    struct bw_str started_by;
    const uint8_t *release; /* NULL: the tenant's active one */
    struct bw_id id;        /* zero: the engine makes one */
};
/* NOT_FOUND when there is no active release or no such workflow in it. */
void bw_engine_start_run(struct bw_engine *engine, const struct bw_engine_start *start,
                         bw_start_fn done, void *ud);
/* The event goes to whoever waits for (topic, key), now or later. An empty id gets one made. */
void bw_engine_send_event(struct bw_engine *engine, const struct bw_event *event, bw_done_fn done,
                          void *ud);
void bw_engine_answer_task(struct bw_engine *engine, struct bw_id tenant, struct bw_id task,
                           struct bw_str answer, bw_done_fn done, void *ud);
/* Asks the run to unwind. `reason` and `by` are plain text. Done when the wish is stored; the run
 * ends later. */
void bw_engine_cancel_run(struct bw_engine *engine, struct bw_id tenant, struct bw_id run,
                          struct bw_str reason, struct bw_str by, bw_done_fn done, void *ud);
struct bw_engine_resume {
    struct bw_id tenant;
    struct bw_id run;
    const struct bw_str *skip; /* an encoded value: the effect that failed gets this outcome, and is
                                  not performed again; NULL = it is */
    struct bw_str by;          /* for the audit record */
    bool is_latest; /* the run moves to the tenant's active release, in the same commit */
};
/* A parked run goes on from where it stopped. With another release its history is replayed against
 * the new scripts; if they would have asked for something else, it parks again
 * (NONDETERMINISM) with everything it had. CONFLICT when it is not parked, INVALID when no effect
 * failed and one is to be skipped, NOT_FOUND when the active release has no such workflow. */
void bw_engine_resume_run(struct bw_engine *engine, const struct bw_engine_resume *resume,
                          bw_done_fn done, void *ud);
/* --- Schedules: core/schedule.h says what `spec` holds. INVALID names what is wrong with it;
 * NOT_FOUND when there is no such schedule, workflow or release. `done` gets a nil value. */
void bw_engine_set_schedule(struct bw_engine *engine, struct bw_id tenant, struct bw_str name,
                            struct bw_str spec, struct bw_str by, bw_value_fn done, void *ud);
void bw_engine_pause_schedule(struct bw_engine *engine, struct bw_id tenant, struct bw_str name,
                              struct bw_str by, bw_value_fn done, void *ud);
/* What fell due in the meantime is not made up for. */
void bw_engine_resume_schedule(struct bw_engine *engine, struct bw_id tenant, struct bw_str name,
                               struct bw_str by, bw_value_fn done, void *ud);
void bw_engine_delete_schedule(struct bw_engine *engine, struct bw_id tenant, struct bw_str name,
                               struct bw_str by, bw_value_fn done, void *ud);
/* The next `count` moments after `after_us` (0 = now) of a spec, or of the schedule of this name
 * when `spec` is empty: array of {at_us, date, start_us}. Nothing is stored. */
void bw_engine_schedule_times(struct bw_engine *engine, struct bw_id tenant, struct bw_str name,
                              struct bw_str spec, int64_t after_us, size_t count, bw_value_fn done,
                              void *ud);

/* Plays the recorded turns of a run again, on the check host, and changes nothing: a map {status:
 * "same" or "differs", text, turns}. UNAVAILABLE and others when it could not be played. */
void bw_engine_recheck_run(struct bw_engine *engine, struct bw_id tenant, struct bw_id run,
                           bw_value_fn done, void *ud);

/* The same with rows that come from elsewhere, as from an archive. Copied; `row` needs what a
 * replay reads: names, release, head, base, last_seq, status, result. CORRUPT when they do not
 * belong together. */
void bw_engine_recheck_recorded(struct bw_engine *engine, const struct bw_loaded_run *recorded,
                                bw_value_fn done, void *ud);

/* Another release was activated for the tenant: the next start asks again. */
void bw_engine_release_changed(struct bw_engine *engine, struct bw_id tenant);

/* --- For people and tests. */
struct bw_engine_stats {
    uint64_t turns;   /* committed */
    uint64_t effects; /* begun */
    uint64_t commits; /* group commits */
    uint64_t conflicts;
    uint64_t replays;  /* wakes with a journal */
    uint64_t rechecks; /* recorded runs played again (core/recheck.h) */
    uint64_t rechecks_differing;
    uint64_t failovers;           /* of the database, noticed (core/failover.h) */
    uint64_t failover_lost_turns; /* acknowledged turns and starts that were not there after one */
    size_t runs;                  /* in memory */
    size_t resident;              /* idle with a VM */
    size_t executing;
    size_t shards;
    size_t once;   /* requests under way whose outcome is unknown if the process dies now */
    bool is_quiet; /* nothing ready, executing, committing, loading; no news, no call in flight but
                      own effects */
};
void bw_engine_stats(const struct bw_engine *engine, struct bw_engine_stats *stats);
/* Closes the VM of every idle run and forgets every run that can be: what memory pressure does, on
 * demand. */
void bw_engine_evict_idle(struct bw_engine *engine);

#endif
