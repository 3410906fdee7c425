/* release.h - the releases in memory: found by hash, sent to a host once.
 *
 * Offers:  find or fetch, who has it, which one is active for a tenant.
 * Relies on: core/table.h's sibling (a short list: releases are few), store/store.h through
 *          core/call.h.
 */
#ifndef BW_CORE_RELEASE_H
#define BW_CORE_RELEASE_H

#include "base/list.h"
#include "core/host.h"
#include "core/table.h"
#include "core/timer.h"
#include "store/store.h"

struct bw_engine;
struct bw_call;
struct bw_run;

struct bw_release {
    struct bw_list link;
    uint8_t hash[BW_RELEASE_HASH_LEN];
    struct bw_arena arena;
    struct bw_release_set set;
    bool is_here; /* the files are loaded */
    bool is_loading;
    uint64_t hosts[BW_HOSTS_MAX / 64]; /* bit i: host i has it */
    struct bw_str over;                /* encoded over the library, once that was wanted */
    struct bw_timer timer;             /* asks again, after the store was not reachable */
    struct bw_list waiters;            /* runs that want to take a turn with it */
};

/* What a tenant's new runs start with; asked again after a second, or at once after
 * bw_engine_release_changed. */
struct bw_active_release {
    struct bw_keyed keyed; /* the tenant's id */
    uint8_t hash[BW_RELEASE_HASH_LEN];
    int64_t until_ns;       /* monotonic */
    bool is_asked;          /* the store is being asked */
    bool is_changed;        /* since it was asked: that answer is of no use, ask again */
    struct bw_list waiters; /* struct bw_call: starts that wait for the one answer */
};

struct bw_releases {
    struct bw_list all;
    struct bw_table active; /* struct bw_active_release by tenant id */
};

void bw_releases_init(struct bw_releases *releases);
void bw_releases_deinit(struct bw_releases *releases);
/* Never NULL; fetches it when it is not here. The hash is copied. */
struct bw_release *bw_release_get(struct bw_engine *engine,
                                  const uint8_t hash[BW_RELEASE_HASH_LEN]);
/* The run waits until the release is here; then it is READY's turn again. */
void bw_release_wait(struct bw_engine *engine, struct bw_release *release, struct bw_run *run);
/* Asks the store for its files, unless they are here or on their way. */
void bw_release_fetch(struct bw_engine *engine, struct bw_release *release);
/* Takes over the files a store call brought. */
void bw_release_fill(struct bw_release *release, const struct bw_release_set *set);
bool bw_release_has_workflow(const struct bw_release *release, struct bw_str workflow);
/* Appends what a host is sent to have it; returns the type of the frame. */
uint8_t bw_release_put(const struct bw_engine *engine, struct bw_release *release,
                       struct bw_buf *buf);
bool bw_release_is_at(const struct bw_release *release, unsigned host);
void bw_release_set_at(struct bw_release *release, unsigned host, bool is_there);
void bw_releases_forget_host(struct bw_releases *releases, unsigned host);
/* NULL: not known, or too old. */
const uint8_t *bw_release_active(const struct bw_engine *engine, struct bw_id tenant);
/* Asks the store, once for all who want to know; then posts `call` with the hash in its `release`,
 * or with the store's error. */
void bw_release_ask_active(struct bw_engine *engine, struct bw_id tenant, struct bw_call *call);
void bw_release_drop_active(struct bw_engine *engine, struct bw_id tenant);

#endif
