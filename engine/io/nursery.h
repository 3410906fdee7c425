/* nursery.h - the process that hosts are made of: started once, with the library of this
 * installation; after that a host costs a fork.
 *
 * Offers:  create, bear one host process, destroy.
 * Relies on: Linux (memfd, descriptor passing), io/spawn.h; billow-host (lua/nursery.h is its end).
 *
 * A host that it bears is a child of this process, as if it had been started by bw_spawn. The
 * nursery has no other duty, and may die: the next host is borne by a new one.
 */
#ifndef BW_IO_NURSERY_H
#define BW_IO_NURSERY_H

#include "codec/wire.h"
#include <sys/types.h>

struct bw_nursery;

struct bw_nursery_options {
    const char *program;                  /* path of billow-host; copied */
    bool is_unconfined;                   /* as in struct bw_hostproc_options */
    const struct bw_release_set *library; /* copied; NULL: none */
};

/* Starts nothing yet. IO when the library cannot be laid into memory. */
BW_MUST_USE enum bw_err bw_nursery_create(const struct bw_nursery_options *options,
                                          struct bw_nursery **nursery, struct bw_error *error);
/* One more host of that name, whose socket and stderr these are; both stay the caller's. Waits for
 * the answer, which takes a millisecond. UNAVAILABLE with the reason when a second nursery gives
 * none either.
 */
BW_MUST_USE enum bw_err bw_nursery_bear(struct bw_nursery *nursery, const char *name, int socket_fd,
                                        int stderr_fd, pid_t *pid, struct bw_error *error);
void bw_nursery_destroy(struct bw_nursery *nursery); /* NULL is fine; hosts live on */

pid_t bw_nursery_pid(const struct bw_nursery *nursery); /* 0: none */

#endif
