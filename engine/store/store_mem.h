/* store_mem.h - the store in memory: unit tests, `billow test`, the simulator. Held to the same
 * contract suite as the PostgreSQL store.
 *
 * Offers:  bw_store_mem_open (a struct bw_store), the pump that makes its calls happen, the
 * requests that a test world answers, fault hooks. Relies on: store/store.h, base/clock.h.
 *
 * Calls are queued; bw_store_mem_pump performs them in order and calls their callbacks. A
 * transaction of statements (db.transaction) and a query cannot be executed here: the turn commits,
 * and the work is handed to whoever plays the database; its answer becomes the message "tx:<seq>".
 * Numbers of series are taken here, and given back when the work fails, as in PostgreSQL; a work of
 * numbers alone needs nobody.
 */
#ifndef BW_STORE_STORE_MEM_H
#define BW_STORE_STORE_MEM_H

#include "base/clock.h"
#include "store/store.h"

/* The clock is borrowed: leases and times of rows. */
void bw_store_mem_open(struct bw_store *store, const struct bw_clock *clock);

/* Performs the calls made so far; those that callbacks make are for the next pump. True when it did
 * anything. After close, the pump that calls `closed` is the last one allowed. Never called from a
 * callback. */
bool bw_store_mem_pump(struct bw_store *store);

/* --- The database, played by the test world. Transactions are handed out one after the other: the
 * next one comes when the one before is answered. Queries come at once. */
enum bw_mem_request_kind { BW_MEM_QUERY = 1, BW_MEM_TRANSACTION = 2 };
struct bw_mem_request {
    uint64_t id;
    enum bw_mem_request_kind kind;
    struct bw_id tenant;
    struct bw_id run;         /* TRANSACTION */
    uint64_t seq;             /* TRANSACTION */
    struct bw_str name;       /* QUERY */
    struct bw_str sql;        /* QUERY */
    struct bw_str params;     /* QUERY: encoded array */
    struct bw_str statements; /* TRANSACTION: encoded array as the script gave it, but {["$ref"] =
                                 "n"} is replaced by the number, and items that take a number also
                                 have `taken` = {number, sequence} */
};
/* The next one that was not handed out yet; its strings are valid until it is answered. False when
 * there is none. */
bool bw_store_mem_next_request(struct bw_store *store, struct bw_mem_request *request);
/* QUERY: the array of rows. TRANSACTION: the array of results; what stands at the place of a number
 * item is replaced by {number, sequence}. */
void bw_store_mem_answer(struct bw_store *store, uint64_t id, struct bw_str value);
/* An encoded error map {code, text, detail?, is_retryable?}; the numbers taken for it are given
 * back. */
void bw_store_mem_answer_error(struct bw_store *store, uint64_t id, struct bw_str error);

/* As if another server had been promoted; whatever it lacks, the caller has taken away. */
void bw_store_mem_fail_over(struct bw_store *store);

/* What a standby has that follows no further, and a failover to it: all that was committed since is
 * gone; commits under way conflict, queries fail, other calls under way reach the new server.
 * Tenants, releases and settings stay. NULL while a transaction is at work: try again. Never called
 * from a callback. */
struct bw_mem_snapshot;
struct bw_mem_snapshot *bw_store_mem_snapshot(const struct bw_store *store);
void bw_store_mem_snapshot_free(struct bw_mem_snapshot *snapshot);
void bw_store_mem_fall_back(struct bw_store *store,
                            struct bw_mem_snapshot *snapshot); /* frees it */

/* --- Faults. Asked before each call is performed. */
enum bw_mem_fault {
    BW_MEM_GO = 0,
    BW_MEM_DELAY = 1, /* not in this pump, and nothing behind it either */
    BW_MEM_FAIL = 2,  /* UNAVAILABLE; a commit is REFUSED whole */
    BW_MEM_LINGER =
        3, /* a commit: performed, but its callback comes one pump later; other calls: as GO */
};
/* `what` is the name of the function in struct bw_store: "commit", "start_run", ... NULL takes the
 * hook away. */
typedef enum bw_mem_fault (*bw_mem_fault_fn)(void *ud, const char *what);
void bw_store_mem_set_fault(struct bw_store *store, bw_mem_fault_fn fault, void *ud);

#endif
