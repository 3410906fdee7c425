/* sim.h - one simulated world: several engine nodes over one store, and everything that can go
 * wrong, drawn from a seed.
 *
 * Parts:   sim_main.c (seeds, processes, report), sim_play.c (what happens in one seed), sim_node.c
 *          (nodes and their life), sim_store.c (what a node sees of the store), sim_outside.c (ERP,
 *          mail, database), sim_wish.c (clients), sim_schedule.c (recurring starts), sim_standby.c
 *          (failovers that drop the tail), sim_oracle.c and sim_wall.c (what must hold),
 *          sim_release.c (the scripts).
 *
 * Time and all choices come from the seed: the same seed takes the same way.
 */
#ifndef BW_TESTS_SIM_H
#define BW_TESTS_SIM_H

#include "base/list.h"
#include "codec/value.h"
#include "core/clock_virtual.h"
#include "core/engine.h"
#include "core/host_inproc.h"
#include "core/httpc_fake.h"
#include "store/store_mem.h"

#define SIM_NOW_US INT64_C(1790000000000000)

/* What happened at least once: printed at the end; a sim that never saw one of them fails. */
#define SIM_MARKS(X)                                                                               \
    X(RUN_DONE, "runs done")                                                                       \
    X(RUN_CANCELLED, "runs cancelled")                                                             \
    X(RUN_PARKED, "runs parked")                                                                   \
    X(RUN_RESUMED, "runs resumed")                                                                 \
    X(NODE_CRASHED, "nodes crashed")                                                               \
    X(NODE_STOPPED, "nodes stopped beyond their lease")                                            \
    X(NODE_PAUSED, "nodes stopped shortly")                                                        \
    X(NODE_LEFT, "nodes stopped cleanly")                                                          \
    X(SHARDS_TAKEN, "shards taken over")                                                           \
    X(COMMIT_FENCED, "commits fenced")                                                             \
    X(COMMIT_CONFLICT, "commits in conflict")                                                      \
    X(COMMIT_HELD, "commits under way for long")                                                   \
    X(COMMIT_LOST, "commits lost with their node")                                                 \
    X(COMMIT_ORPHANED, "commits done, node gone before the answer")                                \
    X(COMMIT_SLOW_ANSWER, "commits done, answer late")                                             \
    X(COMMIT_SPLIT, "commits in two parts, after a serialization failure")                         \
    X(COMMIT_UNSENT, "commits never sent, connection lost")                                        \
    X(COMMIT_DENIED, "commits done, and said not to be")                                           \
    X(DISK_FULL, "store calls refused by a full disk")                                             \
    X(LOAD_STALE, "rows read that were old when they came")                                        \
    X(DB_CLOCK, "database clocks set")                                                             \
    X(STORE_REFUSED, "store calls refused")                                                        \
    X(STORE_SLOW, "store stalls")                                                                  \
    X(STORE_ANSWER_LOST, "store calls done, answer lost")                                          \
    X(MAIL_LOST, "mail notices lost")                                                              \
    X(HOST_KILLED, "hosts killed")                                                                 \
    X(EVICTED, "evictions")                                                                        \
    X(CLOCK_FORWARD, "clocks set forward")                                                         \
    X(CLOCK_BACK, "clocks set back")                                                               \
    X(HTTP_REFUSED, "requests refused")                                                            \
    X(HTTP_BUSY, "requests answered 503")                                                          \
    X(HTTP_ANSWER_LOST, "requests accepted, answer lost")                                          \
    X(HTTP_REPEATED, "requests repeated and recognised")                                           \
    X(HTTP_HUNG, "requests hanging")                                                               \
    X(PAYMENT, "payments made")                                                                    \
    X(PAYMENT_FOUND, "payments asked for and found")                                               \
    X(PAYMENT_NOT_THERE, "payments proven not to be there")                                        \
    X(DB_FAILED, "transactions failed")                                                            \
    X(DB_DONE, "transactions done")                                                                \
    X(NUMBER_TAKEN, "numbers taken")                                                               \
    X(EVENT_TAKEN, "events taken")                                                                 \
    X(EVENT_REPEATED, "events sent twice")                                                         \
    X(EVENT_EARLY, "events before their wait")                                                     \
    X(WAIT_TIMED_OUT, "waits timed out")                                                           \
    X(TIMER_FIRED, "timers fired")                                                                 \
    X(TASK_ANSWERED, "tasks answered")                                                             \
    X(TASK_WITHDRAWN, "tasks withdrawn")                                                           \
    X(TASK_DISPUTED, "second answers refused")                                                     \
    X(CHILD_ENDED, "child results delivered")                                                      \
    X(CHECKPOINT, "checkpoints")                                                                   \
    X(UNDONE, "compensations")                                                                     \
    X(UNLOCKED, "locks given back by runs that were cancelled")                                    \
    X(SCHEDULE_FIRED, "scheduled starts")                                                          \
    X(SCHEDULE_CAUGHT_UP, "scheduled starts that were late")                                       \
    X(SCHEDULE_SKIPPED, "scheduled starts left out")                                               \
    X(FIRING_LOST, "firings done, answer lost")                                                    \
    X(TENANTS_MET, "topics and keys that both tenants used")                                       \
    X(KEY_TAKEN, "starts under a key that was taken")                                              \
    X(TAIL_DROPPED, "failovers that dropped the tail")                                             \
    X(TAIL_SENT, "requests sent whose row was dropped")                                            \
    X(TAIL_ASKED, "dropped requests sent again, after a person was asked")                         \
    X(DOOR_DROPPED, "acknowledged events, answers and cancels that a failover dropped")            \
    X(DOOR_AGAIN, "of these, delivered again")                                                     \
    X(DOOR_TOLD, "of these, told to be lost")                                                      \
    X(TAIL_REPEATED, "dropped requests sent again, by who did not know")                           \
    X(REPLAYED, "runs replayed by the checker")

enum sim_mark {
#define SIM_MARK_ENUM(name, text) SIM_##name,
    SIM_MARKS(SIM_MARK_ENUM)
#undef SIM_MARK_ENUM
        SIM_MARK_COUNT
};

enum {
    SIM_TENANTS = 2,
    SIM_NODES_MAX = 3,
    SIM_HOSTS_MAX = 2,
    SIM_WISHES_MAX = 512,
    SIM_NAME_MAX = 64
};

struct sim;

struct sim_node {
    struct sim *sim;
    unsigned index;
    char name[16];
    bool is_up;
    bool is_stopped;     /* SIGSTOP: in memory, but takes no turns */
    bool has_started;    /* bw_engine_start told so */
    bool is_broken;      /* it could not start: to be ended */
    bool is_leaving;     /* asked to stop cleanly */
    int64_t back_at_us;  /* when it goes on, or comes back */
    uint64_t turn_count; /* committed, as last seen */
    struct bw_clock clock;
    int64_t skew_us; /* of its UTC */
    struct bw_engine *engine;
    struct bw_host_inproc *inprocs[SIM_HOSTS_MAX];
    struct bw_host *hosts[SIM_HOSTS_MAX];
    size_t host_count;
    struct bw_httpc_fake *http;
    struct bw_httpc httpc;
    struct bw_store store; /* this node's view; self is the node */
    bw_mail_fn on_mail;
    void *on_mail_ud;
    bw_failover_fn on_failover;
    void *on_failover_ud;
    int64_t missed_from; /* a failover while it was stopped: from here, to there */
    int64_t missed_to;
    uint64_t life;  /* grows when it comes up */
    unsigned falls; /* failovers in this life */
};

enum sim_wish_kind { SIM_START, SIM_EVENT, SIM_ANSWER, SIM_CANCEL, SIM_RESUME };
enum sim_wish_state { SIM_WISH_OPEN, SIM_WISH_ASKED, SIM_WISH_DONE, SIM_WISH_REFUSED };

/* What a client wants. It asks again, with the same words, until it is answered. */
struct sim_wish {
    struct sim *sim;
    enum sim_wish_kind kind;
    enum sim_wish_state state;
    struct bw_id tenant;
    struct sim_node *node; /* asked */
    unsigned asked_count;
    bool is_doubtful;            /* asked before a failover: an answer may be of what is lost */
    int64_t granted_at_us;       /* DONE: when its node said so */
    uint64_t life;               /* of the node, then */
    unsigned lost_by;            /* the failover that dropped it after that; 0 = none did */
    char workflow[SIM_NAME_MAX]; /* START; EVENT: the topic */
    char key[SIM_NAME_MAX];
    char event[SIM_NAME_MAX]; /* EVENT: its id; ANSWER: the decision */
    struct bw_id id;          /* run or task */
};

struct sim_accepted; /* what the world outside did: sim_outside.c */
struct sim_sent;     /* what reached the wire: sim_outside.c */
struct sim_story;    /* what the oracle knows of a run: sim_oracle.c */
struct sim_standby;  /* sim_standby.c */

/* Requests that rows ask for. */
struct sim_requests {
    struct sim_request {
        struct bw_id run;
        uint64_t turn;
        uint64_t seq;
        char key[96];
    } * items;
    size_t count;
};

struct sim {
    uint64_t seed;
    struct bw_rng dice;
    struct bw_rng noise;
    struct bw_entropy entropy;
    struct bw_clock_virtual clock;
    struct bw_store store; /* the real one */
    struct bw_id tenants[SIM_TENANTS];
    const struct bw_release_set *release;
    struct sim_node nodes[SIM_NODES_MAX];
    size_t node_count;
    unsigned trouble; /* per cent: how bad this seed is */
    bool is_calm;     /* faults have stopped */
    bool is_traced;
    uint64_t step;
    uint64_t *marks; /* shared with the parent process */
    const char *program;

    int64_t ahead_us;         /* the most that a node's clock has ever been ahead */
    struct bw_clock db_clock; /* the database's */
    int64_t db_skew_us;
    int64_t disk_full_until_us;
    struct bw_list held;            /* commits under way: sim_store.c */
    struct bw_list late;            /* reads under way */
    const struct sim_node *speaker; /* whose call is being answered */

    struct sim_wish wishes[SIM_WISHES_MAX];
    size_t wish_count;

    struct sim_standby *standby;
    struct sim_accepted *accepted;
    size_t accepted_count;
    struct sim_sent *sent;
    size_t sent_count;
    uint64_t db_seen; /* requests handed out */
    struct sim_work {
        struct bw_mem_request request;
        bool is_answered;
    } * works;
    size_t work_count;

    struct sim_story **stories;
    size_t story_count;
    int64_t epochs[BW_SHARD_COUNT];
    int64_t versions[SIM_TENANTS][2]; /* of schedules, as last seen */
};

/* Ends the process with the line that repeats the seed. */
_Noreturn void sim_fail(const struct sim *sim, const char *format, ...) BW_PRINTF(2, 3);
void sim_trace(const struct sim *sim, const char *format, ...) BW_PRINTF(2, 3);
static inline void sim_mark(struct sim *sim, enum sim_mark mark)
{
    sim->marks[mark]++;
}
bool sim_chance(struct sim *sim, unsigned percent);   /* drawn */
bool sim_trouble(struct sim *sim, unsigned permille); /* drawn, scaled by the seed's trouble; never
                                                         when calm */
uint64_t sim_draw(struct sim *sim, uint64_t below);

/* sim_play.c: one seed, from nothing to the last check. */
void sim_play(struct sim *sim);

/* sim_node.c */
void sim_node_init(struct sim *sim, unsigned index);
void sim_node_up(struct sim_node *node);
void sim_node_crash(struct sim_node *node, int64_t pause_us);
void sim_node_stop(struct sim_node *node, int64_t pause_us);
void sim_node_continue(struct sim_node *node);
void sim_node_leave(struct sim_node *node); /* stops cleanly */
void sim_node_kill_host(struct sim_node *node);
/* One pass of everything it does. True when it did something. */
bool sim_node_turn(struct sim_node *node);

/* sim_store.c */
void sim_store_open(struct sim_node *node);
void sim_store_init(struct sim *sim);
void sim_store_step(struct sim *sim);                                /* moves what is held */
void sim_store_forget(struct sim *sim, const struct sim_node *node); /* it crashed */
void sim_store_break(struct sim *sim); /* the server is gone, and all connections */

/* sim_outside.c */
void sim_outside_init(struct sim *sim);
void sim_outside_step(struct sim *sim);
void sim_outside_lost(struct sim *sim, struct sim_node *node); /* its connections broke */
void sim_outside_check_sent(struct sim *sim, const struct sim_node *node,
                            const struct bw_http_request *request);
bool sim_outside_has_seen(const struct sim *sim, const char *key); /* sent, arrived or not */
void sim_outside_deinit(struct sim *sim);
/* What the receiver answered for this key, or NULL when it accepted nothing under it. */
const char *sim_outside_receipt(const struct sim *sim, const char *key);

/* sim_wish.c */
void sim_wish_init(struct sim *sim);
void sim_wish_step(struct sim *sim);
void sim_wish_forget(struct sim *sim, const struct sim_node *node); /* it crashed */
void sim_wish_doubt(struct sim *sim); /* answers under way may be of what is lost */
struct sim_wish *sim_wish(struct sim *sim, enum sim_wish_kind kind);
bool sim_wish_is_kept(const struct sim *sim, const struct sim_wish *wish);
bool sim_wish_is_open(const struct sim *sim, enum sim_wish_kind kind, struct bw_id id);

/* sim_schedule.c: recurring starts, and that each happens once, or is said to be left out. */
void sim_schedule_begin(struct sim *sim);
void sim_schedule_step(struct sim *sim);
void sim_schedule_end(struct sim *sim);

/* sim_standby.c: failovers that drop the tail. */
void sim_standby_init(struct sim *sim);
void sim_standby_step(struct sim *sim);
void sim_standby_end(struct sim *sim);
void sim_standby_deinit(struct sim *sim);
/* The node is told that this is committed. */
void sim_standby_acked(struct sim *sim, const struct sim_node *node,
                       const struct bw_turn_commit *commit);
void sim_standby_check_sent(struct sim *sim, const struct sim_node *node, const char *key);
void sim_standby_parked(struct sim *sim, const struct bw_run_row *row);
bool sim_standby_has_fallen(const struct sim *sim);
size_t sim_standby_losses(const struct sim *sim, const char *key);

/* sim_wall.c: nothing of one tenant meets another's. */
size_t sim_wall_index(const struct sim *sim, struct bw_id tenant);
void sim_wall_check_event(struct sim *sim, struct bw_id tenant, const struct bw_value *event);
void sim_wall_check_answer(struct sim *sim, struct bw_id tenant, const struct bw_value *answer);
void sim_wall_end(struct sim *sim);

/* sim_oracle.c */
void sim_oracle_step(struct sim *sim);
void sim_oracle_end(struct sim *sim);
void sim_oracle_deinit(struct sim *sim);
void sim_oracle_begin_anew(struct sim *sim); /* the rows are others */
struct sim_requests *sim_oracle_requests(const struct sim *sim);
void sim_requests_free(struct sim_requests *requests);
/* Is this command in a committed row? */
bool sim_oracle_knows(const struct sim *sim, struct bw_id run, uint64_t seq, const char *kind);

/* sim_release.c: read once for a process. */
const struct bw_release_set *sim_release(void);
void sim_release_free(void);

#endif
