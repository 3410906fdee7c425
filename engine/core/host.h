/* host.h - the asynchronous seam to whatever runs Lua: a locked-down process, this process, or a
 * simulated one.
 *
 * Offers:  struct bw_host, a small table of functions; struct bw_hostlet, what an in-process host
 *          is made of.
 * Relies on: codec/wire.h (the bytes both sides exchange).
 * Implementations: io/hostproc.c (billow-host over a socket pair), core/host_inproc.c over
 * lua/hostlet.c.
 * Station 5 of docs/walk.md.
 */
#ifndef BW_CORE_HOST_H
#define BW_CORE_HOST_H

#include "base/str.h"
#include <stdint.h>

#define BW_HOSTS_MAX 256 /* of one engine */

/* Frames answered by the host, one call per frame; on the loop thread, never from inside send. The
 * payload is hostile input and valid during the call only. */
typedef void (*bw_host_frame_fn)(void *ud, uint8_t type, struct bw_str payload);
/* The host died or broke the protocol: every run it held is to be replayed elsewhere. It restarts
 * by itself. */
typedef void (*bw_host_lost_fn)(void *ud, const char *reason);

struct bw_host {
    void *self;
    /* Takes a frame (enum bw_frame); copies the payload. Frames sent while the host restarts are
     * dropped after on_lost has been called. */
    void (*send)(void *self, uint8_t type, struct bw_str payload);
    void (*set_callbacks)(void *self, bw_host_frame_fn on_frame, bw_host_lost_fn on_lost, void *ud);
    /* A fresh process at once, with nothing of the old one: frames under way in both directions are
     * dropped, on_lost is not called for it, and what comes from now on is the new one's. */
    void (*restart)(void *self);
    void (*close)(void *self); /* stops the host and frees it */
};

#endif
