/* dispatch.h - the engine's side of the script hosts: wakes out, turn results in.
 *
 * Offers:  submit a wake (collected, sent once per host and turn), take what hosts answered, end
 *          those that do not answer. Which host: core/pool.h.
 * Relies on: core/host.h (the seam), codec/wire.h.
 * Station 5 of docs/walk.md.
 */
#ifndef BW_CORE_DISPATCH_H
#define BW_CORE_DISPATCH_H

#include "core/host.h"
#include "base/list.h"
#include "core/run.h"

/* Something a host said, copied: a frame, or that it was lost. Counted: batches borrow from the
 * commands in it. */
struct bw_frame_in {
    struct bw_list link;
    size_t references;
    struct bw_arena arena;
    unsigned host;
    uint64_t generation; /* of the host's process */
    bool is_loss;
    uint8_t type;
    struct bw_str payload; /* is_loss: the reason */
};

struct bw_host_slot {
    struct bw_engine *engine;
    struct bw_host *host;
    unsigned index;
    size_t executing_count;
    /* Kept by pool.c. */
    bool has_tenant;
    bool is_draining; /* gets no new work: another tenant waits for it */
    struct bw_id tenant;
    uint64_t generation; /* counts its processes */
    int64_t assigned_ns; /* when the tenant got it; monotonic */
    int64_t heard_ns;    /* its last frame, or the beginning of its work */
    bool is_suspect;     /* silent for long; since suspect_ns */
    int64_t suspect_ns;
    struct bw_buf buffer;  /* for one frame; empty between uses */
    struct bw_wake *wakes; /* collected in this turn */
    size_t wake_count;
    size_t wake_capacity;
    struct bw_id *evicts;
    size_t evict_count;
    size_t evict_capacity;
};

void bw_hosts_init(struct bw_engine *engine);
void bw_hosts_deinit(struct bw_engine *engine);
/* Sends the release once. */
void bw_host_teach(struct bw_host_slot *slot, struct bw_release *release);
void bw_host_submit(struct bw_host_slot *slot, struct bw_run *run,
                    const struct bw_wake *wake); /* arrays live until flush */
void bw_host_evict(struct bw_engine *engine, unsigned host, struct bw_id run);
void bw_hosts_flush(struct bw_engine *engine);
/* Acts on everything hosts said since the last turn. */
void bw_hosts_take(struct bw_engine *engine);
void bw_frame_unref(struct bw_frame_in *frame);

#endif
