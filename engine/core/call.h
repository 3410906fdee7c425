/* call.h - one call of the store that is in flight, then the news it brought.
 *
 * Offers:  open, the callbacks to give to the store (they copy the answer and put the call on the
 *          engine's news list), close. An engine that is destroyed orphans its calls: the callback
 *          then frees the call, and nothing else.
 * Relies on: store/store.h.
 */
#ifndef BW_CORE_CALL_H
#define BW_CORE_CALL_H

#include "base/list.h"
#include "store/store.h"

struct bw_engine;
struct bw_call;

/* What the turn does with the news. The call is closed afterwards unless the function kept it
 * (is_kept), or sent it on another errand (bw_call_again). */
typedef void (*bw_call_act_fn)(struct bw_engine *engine, struct bw_call *call);

struct bw_call {
    struct bw_list link;
    struct bw_engine *engine; /* NULL: orphaned */
    bw_call_act_fn act;
    bw_call_act_fn refused; /* instead of act, when there is no room: core/share.c */
    bool is_kept;
    bool is_background;    /* an own effect's: does not count as unrest (bw_engine_stats) */
    struct bw_arena arena; /* holds arguments and answers */

    /* What the caller noted. */
    struct bw_id tenant;
    struct bw_id id;
    void *subject;
    int64_t number;
    union {
        bw_done_fn done;
        bw_start_fn start;
    } reply;
    void *reply_ud;
    struct bw_list batches; /* of a group commit */

    /* The answer. */
    enum bw_err code;
    const char *text;
    bool is_new;
    struct bw_str value;
    struct bw_loaded_run loaded;
    struct bw_release_set release;
    struct bw_shard_lease *leases;
    struct bw_run_ref *refs;
    struct bw_commit_status_text *commits;
    size_t count; /* of leases, refs or commits */
};

struct bw_commit_status_text {
    enum bw_commit_status status;
    const char *text; /* REFUSED: what the database said */
};

struct bw_call *bw_call_open(struct bw_engine *engine, bw_call_act_fn act);
/* In flight again: the arena stays. */
void bw_call_again(struct bw_call *call, bw_call_act_fn act);
void bw_call_close(struct bw_call *call);
/* Without the store: the turn will act on it. */
void bw_call_post(struct bw_call *call, enum bw_err code, const char *text);
void bw_call_error(const struct bw_call *call, struct bw_error *error);

void bw_call_on_done(void *ud, const struct bw_error *error);
void bw_call_on_value(void *ud, const struct bw_error *error, struct bw_str value);
void bw_call_on_start(void *ud, const struct bw_error *error, struct bw_id run, bool is_new);
void bw_call_on_load(void *ud, const struct bw_error *error, const struct bw_loaded_run *run);
void bw_call_on_scan(void *ud, const struct bw_error *error, const struct bw_run_ref *refs,
                     size_t count);
void bw_call_on_lease(void *ud, const struct bw_error *error, const struct bw_leases *leases);
void bw_call_on_release(void *ud, const struct bw_error *error,
                        const struct bw_release_set *release);
void bw_call_on_commit(void *ud, const struct bw_commit_result *results, size_t count);

#endif
