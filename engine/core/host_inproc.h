/* host_inproc.h - a script host in this process: `billow test`, the simulator, unit tests.
 *
 * Offers:  struct bw_host over lua/hostlet.h. Frames are queued by send and handled by pump, so
 *          that it is as asynchronous as a host process.
 * Relies on: lua/hostlet.h.
 */
#ifndef BW_CORE_HOST_INPROC_H
#define BW_CORE_HOST_INPROC_H

#include "core/host.h"
#include <stdbool.h>

struct bw_host_inproc;

struct bw_host_inproc *bw_host_inproc_create(void);
void bw_host_inproc_destroy(struct bw_host_inproc *inproc);
struct bw_host *bw_host_inproc_host(struct bw_host_inproc *inproc); /* borrowed */
/* Handles every queued frame and hands out the answers. True when there was something to do. */
bool bw_host_inproc_pump(struct bw_host_inproc *inproc);
/* As if the process had died: every run is forgotten, queued frames are lost, on_lost is called. */
void bw_host_inproc_kill(struct bw_host_inproc *inproc, const char *reason);

#endif
