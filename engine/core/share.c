/* share.c - see share.h. */
#include "core/share.h"

#include "core/inside.h"

#include <inttypes.h>
#include <stdio.h>

enum { WEIGHT_S = 30, COUNT_S = 1 }; /* how long an answer is good for */

struct share {
    struct bw_keyed keyed; /* the tenant's id */
    char name[64];
    int64_t runs_max; /* 0 = no ceiling */
    int64_t open;     /* as the store said, and what this node started since */
    int64_t asked_ns; /* monotonic */
    bool is_known;
    bool is_asking;
    bool is_changed;        /* while it was asked for */
    struct bw_list waiting; /* calls that start runs */
};

void bw_shares_init(struct bw_table *shares)
{
    bw_table_init(shares);
}

void bw_shares_deinit(struct bw_table *shares)
{
    struct bw_keyed *keyed;
    for (size_t at = 0; (keyed = bw_table_next(shares, &at));) {
        struct share *share = bw_container_of(keyed, struct share, keyed);
        for (struct bw_list *link; (link = bw_list_pop_front(&share->waiting));) {
            struct bw_call *call = bw_container_of(link, struct bw_call, link);
            bw_arena_deinit(&call->arena);
            bw_free(call);
        }
        bw_free(share);
    }
    bw_table_deinit(shares);
}

static struct share *share_of(struct bw_engine *engine, struct bw_id tenant)
{
    struct bw_keyed *keyed = bw_table_find(&engine->shares, tenant);
    if (keyed)
        return bw_container_of(keyed, struct share, keyed);
    struct share *share = bw_xcalloc(1, sizeof *share);
    share->keyed.id = tenant;
    bw_list_init(&share->waiting);
    bw_table_put(&engine->shares, &share->keyed);
    return share;
}

static void decide(struct share *share, struct bw_call *call, bw_call_act_fn refused)
{
    char text[512];
    if (share->runs_max == 0 || share->open < share->runs_max) {
        share->open++;
        bw_call_post(call, BW_ERR_OK, "");
        return;
    }
    call->act = refused;
    snprintf(text, sizeof text,
             "tenant %s has %" PRId64 " open runs and may have %" PRId64
             ": nothing was started. Start it again, with the same key, when some have ended, or "
             "raise the ceiling: billow tenant set %s --runs-max N",
             share->name, share->open, share->runs_max, share->name);
    bw_call_post(call, BW_ERR_LIMIT, text);
}

static void ask(struct bw_engine *engine, struct share *share);

static void answered(struct bw_engine *engine, struct bw_call *call)
{
    struct share *share = call->subject;
    share->is_asking = false;
    if (call->code == BW_ERR_OK) {
        struct bw_value map = bw_value_read(call->value);
        snprintf(share->name, sizeof share->name, "%.*s",
                 BW_STR_ARG(bw_value_get_str(&map, "name", BW_STR("?"))));
        share->runs_max = bw_value_get_int(&map, "runs_max", 0);
        share->open = bw_value_get_int(&map, "open", 0);
        share->is_known = true;
        bw_sched_weigh(&engine->sched, share->keyed.id,
                       bw_value_get_int(&map, "weight", BW_WEIGHT_NORMAL));
    }
    if (share->is_changed) {
        share->is_changed = false;
        ask(engine, share);
        return;
    }
    for (struct bw_list *link; (link = bw_list_pop_front(&share->waiting));) {
        struct bw_call *start = bw_container_of(link, struct bw_call, link);
        decide(share, start, start->refused);
    }
}

static void ask(struct bw_engine *engine, struct share *share)
{
    struct bw_store *store = engine->config.store;
    if (share->is_asking)
        return;
    struct bw_call *call = bw_call_open(engine, answered);
    call->subject = share;
    call->is_background = true;
    share->is_asking = true;
    share->asked_ns = engine->now_ns;
    store->read(store->self, share->keyed.id, BW_STR("tenant"), BW_STR_NONE, bw_call_on_value,
                call);
}

static bool is_old(const struct bw_engine *engine, const struct share *share, int64_t seconds)
{
    return !share->is_known || engine->now_ns - share->asked_ns > seconds * BW_NS_PER_S;
}

void bw_share_see(struct bw_engine *engine, struct bw_id tenant)
{
    struct share *share = share_of(engine, tenant);
    if (is_old(engine, share, WEIGHT_S))
        ask(engine, share);
}

void bw_share_admit(struct bw_engine *engine, struct bw_id tenant, struct bw_call *call,
                    bw_call_act_fn refused)
{
    struct share *share = share_of(engine, tenant);
    bool must_ask =
        is_old(engine, share, WEIGHT_S) || (share->runs_max > 0 && is_old(engine, share, COUNT_S));
    if (!must_ask && !share->is_asking) {
        decide(share, call, refused);
        return;
    }
    call->refused = refused;
    bw_list_remove(&call->link);
    bw_list_push_back(&share->waiting, &call->link);
    ask(engine, share);
}

void bw_share_changed(struct bw_engine *engine, struct bw_id tenant)
{
    struct share *share = share_of(engine, tenant);
    share->is_known = false;
    share->is_changed = share->is_asking;
    bw_share_see(engine, tenant);
}
