/* spawn.h - starting another program with nothing of ours but what is named.
 *
 * Offers:  bw_spawn (fork and exec), bw_spawn_wait_text (how it ended), bw_spawn_capture (run to
 * the end, keep its output), bw_spawn_user (the unprivileged user a server program runs as). Relies
 * on: Linux (close_range, prctl). No shell is ever involved.
 *
 * The child gets the descriptors listed, numbered from 0, and no other; default signal handlers, an
 * empty signal mask, and the environment listed, which is empty unless said otherwise.
 */
#ifndef BW_IO_SPAWN_H
#define BW_IO_SPAWN_H

#include "base/buf.h"
#include "base/err.h"
#include <sys/types.h>

#define BW_SPAWN_FDS_MAX 4

struct bw_spawn_user {
    uid_t uid;
    gid_t gid;
    char name[64];
};

struct bw_spawn_options {
    const char *const *argv;   /* argv[0] is the program's path; NULL ends the list */
    const char *const *env;    /* "NAME=value", NULL ends the list; NULL itself: empty */
    int fds[BW_SPAWN_FDS_MAX]; /* child's 0, 1, ...; -1 = /dev/null */
    size_t fd_count;
    const struct bw_spawn_user *user; /* to become before exec; NULL: stay who we are */
    const char *directory;            /* working directory; NULL: ours */
    bool is_session_leader;           /* own session: signals of our terminal do not reach it */
    bool dies_with_parent;            /* SIGKILL when the calling thread ends */
};

/* On success stores the pid; the caller has to wait for it. UNAVAILABLE says why it could not be
 * started: an exec that fails is reported here, not by the child's exit status. Blocks until the
 * exec, about a millisecond. */
BW_MUST_USE enum bw_err bw_spawn(const struct bw_spawn_options *options, pid_t *pid,
                                 struct bw_error *error);

/* "exited with code 3", "was killed by signal 31 (Bad system call)". `text` may be cut. */
void bw_spawn_wait_text(int wait_status, char *text, size_t text_size);

/* Runs to the end and appends standard output and standard error to `output` (up to its ceiling;
 * more is read and dropped). Blocks. Stores the wait status. `options->fds` are ignored. */
BW_MUST_USE enum bw_err bw_spawn_capture(const struct bw_spawn_options *options,
                                         struct bw_buf *output, int *wait_status,
                                         struct bw_error *error);

/* As root: the user `postgres`, or else `nobody`; NOT_FOUND when there is neither. Otherwise who we
 * are. */
BW_MUST_USE enum bw_err bw_spawn_server_user(struct bw_spawn_user *user, struct bw_error *error);

#endif
