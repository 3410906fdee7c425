/* lists.h - random lists of store operations, the same for every store.
 *
 * Offers:  struct list_op (one call with its arguments), list_draw (the next one), list_learn (what
 *          its answer taught), list_op_text.
 * Relies on: support/store/fixture.h. Parts: lists.c, lists_turn.c (group commits).
 *
 * Names, keys and ids are drawn from few, so that they meet: the same start key, the same event,
 * a message to a run that ends in the same commit. Each operation has dice of its own, so that one
 * can be left out of a list without the others becoming different ones.
 */
#ifndef BW_TESTS_SUPPORT_STORE_LISTS_H
#define BW_TESTS_SUPPORT_STORE_LISTS_H

#include "support/store/fixture.h"

enum {
    LIST_TENANTS = 2,
    LIST_RUNS_MAX = 256,
    LIST_ITEMS_MAX = 4, /* calls of one kind that are made at once */
    LIST_COMMITS_MAX = 6,
    LIST_FIRED_MAX = 3,
    LIST_SCHEDULES = 3,
    LIST_SEQS = 6,
};

#define LIST_OPS(X)                                                                                \
    X(START, "start_run", 10)                                                                      \
    X(MESSAGE, "put_message", 8)                                                                   \
    X(EVENT, "put_event", 8)                                                                       \
    X(ANSWER, "answer_task", 6)                                                                    \
    X(COMMIT, "commit", 40)                                                                        \
    X(LEASE, "lease", 4)                                                                           \
    X(GIVE_BACK, "release_leases", 2)                                                              \
    X(LOAD, "load", 3)                                                                             \
    X(LOAD_MAIL, "load_mail", 2)                                                                   \
    X(SCAN, "scan", 4)                                                                             \
    X(READ, "read", 5)                                                                             \
    X(SETTINGS, "settings", 3)                                                                     \
    X(QUERY, "query", 2)                                                                           \
    X(WRITE, "write", 12)                                                                          \
    X(PUT_TENANT, "put_tenant", 2)                                                                 \
    X(FIND_TENANT, "find_tenant", 1)                                                               \
    X(PUT_RELEASE, "put_release", 2)                                                               \
    X(GET_RELEASE, "get_release", 2)                                                               \
    X(DUE, "due_schedules", 3)                                                                     \
    X(FIRE, "fire_schedule", 5)                                                                    \
    X(EXPIRED, "find_expired", 3)                                                                  \
    X(DROP, "drop_runs", 5)

enum list_kind {
#define LIST_KIND(name, text, weight) LIST_##name,
    LIST_OPS(LIST_KIND)
#undef LIST_KIND
        LIST_KIND_COUNT
};

struct list_op {
    enum list_kind kind;
    int64_t now_us;
    struct bw_id tenant;
    size_t item_count;
    union {
        struct bw_run_row run;
        struct bw_message message;
        struct bw_event event;
        struct {
            struct bw_id task;
            struct bw_str value;
        } answer;
    } items[LIST_ITEMS_MAX];
    struct bw_turn_commit commits[LIST_COMMITS_MAX];
    size_t commit_count;
    struct bw_lease_wish lease;
    struct bw_id id;     /* of a run */
    struct bw_str what;  /* of reads, writes; a name; a query */
    struct bw_str value; /* encoded arguments */
    enum bw_scan scan;
    bw_shards shards;
    int64_t limit_us;
    size_t count_max;
    struct bw_release_set release;
    bool is_activated; /* put_release; get_release: the active one */
    struct bw_schedule_fire fire;
    struct bw_run_row fired[LIST_FIRED_MAX];
};

/* What a list knows of what it has done. */
struct list_run {
    struct bw_id id;
    size_t tenant;
    uint64_t head;
    uint64_t base;
    enum bw_run_status status;
};

struct list {
    uint64_t seed;
    struct bw_rng dice; /* of the operation that is drawn */
    struct bw_arena arena;
    int64_t now_us;
    struct bw_id tenants[LIST_TENANTS];
    struct list_run runs[LIST_RUNS_MAX];
    size_t run_count;
    int64_t epochs[BW_SHARD_COUNT];
    bw_shards held[2]; /* by the node "test", by "other" */
    int64_t versions[LIST_TENANTS][LIST_SCHEDULES];
};

void list_init(struct list *list, uint64_t seed);
void list_deinit(struct list *list);
/* The operation at this place. Its strings live as long as the list. */
void list_draw(struct list *list, size_t place, struct list_op *op);
/* The fixture has just performed it. */
void list_learn(struct list *list, const struct list_op *op, const struct store_fixture *fixture);
/* What it is, for people. */
void list_op_text(const struct list_op *op, struct bw_buf *text);

/* --- For lists_turn.c. */
void list_draw_commit(struct list *list, struct list_op *op);
uint64_t list_pick(struct list *list, uint64_t below);
bool list_chance(struct list *list, unsigned percent);
struct bw_id list_id(struct list *list);
struct bw_str list_value(struct list *list); /* any */
struct bw_str list_json(struct list *list, const char *format, ...) BW_PRINTF(2, 3);
const struct list_run *list_run(struct list *list); /* one that is there, or NULL */
struct bw_str list_key(struct list *list, const char *const *keys, size_t count);
struct bw_run_row list_row(struct list *list, struct bw_id tenant);
void list_draw_event(struct list *list, struct bw_id tenant, struct bw_event *event);
struct bw_str list_message_key(struct list *list);
struct bw_str list_place_topic(struct list *list);
struct bw_str list_place_key(struct list *list);

#endif
