/* fleet.h - the script hosts of one engine: the library, the nursery that has it, and the hosts.
 *
 * Offers:  open, close, what the engine's configuration wants of it.
 * Relies on: edge/project.h (the library's files), io/hostproc.h, io/nursery.h.
 *
 * Processes start when they are first needed; the first one at once, so that it is known whether
 * any can.
 */
#ifndef BW_EDGE_FLEET_H
#define BW_EDGE_FLEET_H

#include "core/engine.h"
#include "io/loop.h"
#include <sys/types.h>

struct bw_fleet;

/* Tenants that are at work at a time without one of them losing its host to another. A host that
 * waits costs two to four MiB, and the states it keeps. */
enum { BW_FLEET_HOSTS_DEFAULT = 128 };

struct bw_fleet_options {
    struct bw_loop *loop;
    const char *program;   /* path of billow-host */
    const char *share_dir; /* holds the library; NULL: releases are sent whole */
    size_t host_count;     /* 1 to BW_HOSTS_MAX */
    bool is_unconfined;    /* as in struct bw_hostproc_options */
};

BW_MUST_USE enum bw_err bw_fleet_open(const struct bw_fleet_options *options,
                                      struct bw_fleet **fleet, struct bw_error *error);
/* Hosts, one for replays, and the library; they outlive the engine. */
void bw_fleet_configure(struct bw_fleet *fleet, struct bw_engine_config *config);
void bw_fleet_close(struct bw_fleet *fleet); /* NULL is fine */

pid_t bw_fleet_pid(const struct bw_fleet *fleet, size_t host); /* 0: it has no process now */

#endif
