/* lockdown.h - the host process gives up everything it does not need, before it reads the first
 * frame.
 *
 * Offers:  namespaces of its own where they are allowed, resource limits, no new privileges, no
 * core dumps, death with its parent, seccomp allow-list. In one step for a host that is started by
 * itself; in two for hosts that a nursery makes (lua/nursery.h). Relies on: Linux. After it, a host
 * can read and write the descriptors it has, allocate memory and exit; any other system call kills
 * it. A nursery can also make children of the engine, with these flags and no other.
 */
#ifndef BW_LUA_LOCKDOWN_H
#define BW_LUA_LOCKDOWN_H

#include "base/err.h"
#include <sched.h>
#include <signal.h>
#include <sys/types.h>

/* The child's parent is the engine, which waits for it and ends it as if it had started it. */
#define BW_NURSERY_CLONE_FLAGS (CLONE_PARENT | SIGCHLD)

/* INTERNAL with the step that failed: the host must not go on then. Where the kernel, or a
 * sanitizer in the build, does not allow the system call filter, the rest is done and `has_filter`
 * says so. */
BW_MUST_USE enum bw_err bw_lockdown(bool *has_filter, struct bw_error *error);
/* The nursery's part: everything but what making a child takes. */
BW_MUST_USE enum bw_err bw_lockdown_nursery(bool *has_filter, struct bw_error *error);
/* What is left to the child of one; after it, it is as locked down as after bw_lockdown.
 * UNAVAILABLE when its parent is not `engine` any more. */
BW_MUST_USE enum bw_err bw_lockdown_born(pid_t engine, bool *has_filter, struct bw_error *error);

#endif
