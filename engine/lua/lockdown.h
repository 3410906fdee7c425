/* lockdown.h - the host process gives up everything it does not need, before it reads the first
 * frame.
 *
 * Offers:  one call: namespaces of its own where they are allowed, resource limits, no new
 * privileges, no core dumps, death with its parent, seccomp allow-list. Relies on: Linux. After it,
 * the process can read and write the descriptors it has, allocate memory and exit; any other system
 * call kills it.
 */
#ifndef BW_LUA_LOCKDOWN_H
#define BW_LUA_LOCKDOWN_H

#include "base/err.h"

/* INTERNAL with the step that failed: the host must not go on then. Where the kernel, or a
 * sanitizer in the build, does not allow the system call filter, the rest is done and `has_filter`
 * says so. */
BW_MUST_USE enum bw_err bw_lockdown(bool *has_filter, struct bw_error *error);

#endif
