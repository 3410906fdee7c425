/* retention.h - which finished runs may be dropped: what both stores judge alike.
 *
 * Offers:  arguments of find_expired, drop_runs and of write "hold", the judgement over whole trees
 *          of runs, the values that the calls give.
 * Relies on: store/store.h, codec/value.h. Pure: the stores bring the rows.
 *
 * A tree is a run without a living parent and all its descendants; it goes whole or not at all, the
 * children first. It may go when all its runs are finished, each of them long enough ago by the
 * rules, when none of its tasks and documents is open, and nothing holds it.
 *
 * A run `wrote` when it changed the database (db.transaction, numbers): its record explains
 * documents, and has a period of its own (books_before_us).
 *
 * What a run is about, its tags, are the texts or lists of texts `contract`, `customer` and
 * `matter` of its input, and contract and customer of the documents that it issued. A tree has the
 * tags of all its runs. Whoever wrote without saying for which contract or customer may have
 * written for any: a hold on one keeps it.
 */
#ifndef BW_STORE_RETENTION_H
#define BW_STORE_RETENTION_H

#include "base/mem.h"
#include "store/store.h"

enum bw_hold_scope {
    BW_HOLD_TENANT, /* everything */
    BW_HOLD_RUN,
    BW_HOLD_WORKFLOW,
    BW_HOLD_CONTRACT,
    BW_HOLD_CUSTOMER,
    BW_HOLD_MATTER,
    BW_HOLD_SCOPE_COUNT
};
const char *bw_hold_scope_name(enum bw_hold_scope scope);
bool bw_hold_scope_from_name(struct bw_str name, enum bw_hold_scope *scope);

struct bw_hold {
    struct bw_str name;
    enum bw_hold_scope scope;
    struct bw_str scope_id; /* empty for tenant */
    struct bw_str reason;
    struct bw_str set_by;
    int64_t set_at_us; /* 0 in a write: now */
};
/* Arguments of write "hold" and "hold_end"; which of them is for the caller to know. Borrowed. */
BW_MUST_USE enum bw_err bw_hold_from_args(struct bw_str what, struct bw_str args,
                                          struct bw_hold *hold, struct bw_error *error);
/* CONFLICT when a hold of this name is there already, on something else. */
enum bw_err bw_hold_fail_other(const struct bw_hold *there, struct bw_error *error);
void bw_hold_put(struct bw_buf *out, const struct bw_hold *hold); /* as read "holds" gives it */

/* Runs that finished before these moments may go. 0: none may. At most one of the three texts is
 * not empty; none: the rule of all others, which is always there. */
struct bw_expiry_rule {
    struct bw_str workflow, customer, contract;
    int64_t before_us;       /* of a run that wrote nothing */
    int64_t books_before_us; /* of one that wrote */
};

struct bw_expiry_query {
    struct bw_expiry_rule *rules; /* in the arena */
    size_t rule_count;
    struct bw_id after;    /* runs with a later id are looked at; zero = all */
    int64_t limit;         /* so many runs */
    int64_t before_max_us; /* the latest of all moments */
    bool has_scopes;       /* some rule is for a customer or contract */
};
BW_MUST_USE enum bw_err bw_expiry_query(struct bw_str args, struct bw_arena *arena,
                                        struct bw_expiry_query *query, struct bw_error *error);

/* One run of a tree, as a store knows it. */
struct bw_expiry_run {
    struct bw_id id;
    struct bw_id root;
    int64_t depth; /* 0 = the root */
    enum bw_run_status status;
    int64_t finished_at_us;
    struct bw_str workflow;
    struct bw_str key;
    struct bw_str input; /* empty when nobody asks for tags */
    bool wrote;
    bool has_open_task;
    bool has_open_document;
    struct bw_str documents; /* "contract US customer RS contract US customer ..." (0x1f, 0x1e) */
};

struct bw_contract_of { /* a contract of a customer whom a rule or a hold names */
    struct bw_str customer, contract;
};

struct bw_expiry_facts {
    const struct bw_expiry_query *query;
    const struct bw_hold *holds;
    size_t hold_count;
    const struct bw_contract_of *contracts;
    size_t contract_count;
    struct bw_expiry_run *runs; /* of a tree all in one piece; sorted in place */
    size_t run_count;
    int64_t stamp;
    struct bw_id next; /* where to go on; zero = everything was looked at */
};
/* Appends what find_expired gives. */
void bw_expiry_judge(struct bw_expiry_facts *facts, struct bw_buf *out);

struct bw_drop {
    struct bw_id *runs; /* in the arena */
    size_t count;
    int64_t stamp;
    int64_t at_us; /* 0: now */
    struct bw_str under;
    struct bw_str by;
    struct bw_str detail; /* for the audit record; encoded, may be empty */
};
BW_MUST_USE enum bw_err bw_drop_from_args(struct bw_str args, struct bw_arena *arena,
                                          struct bw_drop *drop, struct bw_error *error);
void bw_drop_put(struct bw_buf *out, int64_t runs, int64_t turns); /* what drop_runs gives */
void bw_drop_fail_stale(struct bw_error *error);

/* read "retention". `last` is encoded; empty = no sweep yet. */
void bw_retention_put(struct bw_buf *out, int64_t stamp, int64_t dropped, int64_t holds,
                      struct bw_str last);

#endif
