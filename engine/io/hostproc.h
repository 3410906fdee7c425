/* hostproc.h - a script host in a child process: billow-host, fed through a socket pair.
 *
 * Offers:  bw_hostproc_create; functions that fit the members of struct bw_host (core/host.h) one
 * by one, and BW_HOSTPROC_TABLE to fill one. (io/ lies below core/ and does not include the seam
 * itself.) Relies on: io/loop.h, io/spawn.h, codec/wire.h for the frame limit.
 *
 * The child has an empty environment, /dev/null as standard input and output, a pipe to us as
 * standard error, one end of an AF_UNIX stream socket pair as descriptor 3, and nothing else. Both
 * directions carry frames: u32 length of what follows (big-endian), u8 type, payload. It gets
 * SIGKILL when it is closed or when we end.
 *
 * When it dies or breaks the framing, on_lost says how it ended and the last it wrote to standard
 * error. Frames given before on_lost was called are gone. Frames given from then on (also from
 * inside on_lost) wait for the next process, which starts after a pause: 20 ms, doubled each time
 * up to 5 s, back to 20 ms once a process has answered a frame other than HELLO. If that start
 * fails, on_lost is called again and the frames that waited are gone too.
 */
#ifndef BW_IO_HOSTPROC_H
#define BW_IO_HOSTPROC_H

#include "base/err.h"
#include "base/str.h"
#include "io/loop.h"
#include "io/nursery.h"
#include <sys/types.h>

struct bw_hostproc; /* one process at a time; any number of these on a loop */

struct bw_hostproc_options {
    const char *program;        /* path of billow-host; copied */
    struct bw_nursery *nursery; /* bears the processes instead, and outlives this; NULL: `program`
                                   is started anew for each */
    const char *name;           /* for texts, and the child's only argument; NULL: "host"; copied */
    size_t queue_bytes_max; /* frames the child has not taken; more means that it hangs: lost. 0:
                               256 MiB */
    bool is_unconfined;     /* the operator wants it to run also without a system call filter */
    bool is_lazy;           /* the first process starts with the first frame */
};

typedef void (*bw_hostproc_frame_fn)(void *ud, uint8_t type, struct bw_str payload);
typedef void (*bw_hostproc_lost_fn)(void *ud, const char *reason);

/* Starts the first process. UNAVAILABLE when the program cannot be started; later failures are
 * retried. */
BW_MUST_USE enum bw_err bw_hostproc_create(struct bw_loop *loop,
                                           const struct bw_hostproc_options *options,
                                           struct bw_hostproc **proc, struct bw_error *error);

/* The members of struct bw_host; `self` is the struct bw_hostproc. Callbacks come on the loop's
 * thread, never from inside send or close, and may call both. */
void bw_hostproc_send(void *self, uint8_t type, struct bw_str payload);
void bw_hostproc_set_callbacks(void *self, bw_hostproc_frame_fn on_frame,
                               bw_hostproc_lost_fn on_lost, void *ud);
/* Ends the process, if there is one, and what is under way in both directions; the next one starts
 * with the next frame. on_lost is not called. */
void bw_hostproc_restart(void *self);
void bw_hostproc_close(void *self);
/* struct bw_host host = BW_HOSTPROC_TABLE(proc); */
#define BW_HOSTPROC_TABLE(proc)                                                                    \
    {                                                                                              \
        (proc), bw_hostproc_send, bw_hostproc_set_callbacks, bw_hostproc_restart,                  \
            bw_hostproc_close                                                                      \
    }

pid_t bw_hostproc_pid(const struct bw_hostproc *proc); /* 0 between two processes */

#endif
