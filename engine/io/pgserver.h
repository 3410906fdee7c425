/* pgserver.h - the embedded default: a private PostgreSQL of our own, from the server programs on
 * this machine.
 *
 * Offers:  bw_pgserver_open (make, start or adopt it), conninfo, revive, bw_pgserver_close.
 * Relies on: io/pgfind.h (programs), io/pgplace.h (folders, lock), io/spawn.h, libpq.
 *
 * Blocking: it runs before the loop. A first start takes a second or two (initdb), a later one a
 * fraction of a second. The server listens on a Unix socket in a private folder only, never on TCP;
 * as root we start it as an unprivileged user. Durability is PostgreSQL's own, switched on: fsync,
 * full_page_writes, synchronous_commit, data checksums.
 *
 * The server is not a part of our process: when we crash it goes on, and the next open adopts it.
 * One engine at a time holds the lock of its folder.
 */
#ifndef BW_IO_PGSERVER_H
#define BW_IO_PGSERVER_H

#include "base/err.h"
#include <stdint.h>
#include <sys/types.h>

struct bw_pgserver;

struct bw_pgserver_options {
    const char *state_dir;    /* ".billow": made when missing; the database goes to <state_dir>/pg
                                 (io/pgplace.h) */
    const char *bin_dir;      /* the setting BILLOW_PG_BIN; NULL: look for it */
    int64_t start_timeout_ms; /* until it answers, recovery after a crash included; 0: 60000 */
};

/* CONFLICT: another engine has it, the text names its pid. UNAVAILABLE: no server programs (what to
 * install), or it did not start (the end of its log). FORBIDDEN, IO: folders, disk full. Nothing
 * keeps running after a failure. */
BW_MUST_USE enum bw_err bw_pgserver_open(const struct bw_pgserver_options *options,
                                         struct bw_pgserver **server, struct bw_error *error);

/* Starts it again when it has gone (killed, out of memory, a full disk); otherwise does nothing.
 * Blocking like open, recovery included, and failing like it; the lock is kept, so call again
 * later. `was_gone` tells which it was; the connection string stays the same. */
BW_MUST_USE enum bw_err bw_pgserver_revive(struct bw_pgserver *server, bool *was_gone,
                                           struct bw_error *error);

/* Gives the lock back and frees `server`, always. With `stop` the server is first shut down in
 * order ("fast": open transactions are rolled back); TIMEOUT when it had not ended after 30 s, it
 * then goes on ending by itself. */
enum bw_err bw_pgserver_close(struct bw_pgserver *server, bool stop, struct bw_error *error);

/* For libpq, as superuser `billow` of the database `billow`. Valid until close. */
const char *bw_pgserver_conninfo(const struct bw_pgserver *server);
pid_t bw_pgserver_pid(const struct bw_pgserver *server);
bool bw_pgserver_is_adopted(const struct bw_pgserver *server); /* it was running already */
bool bw_pgserver_is_new(
    const struct bw_pgserver *server); /* its data directory was made by this open */
int bw_pgserver_major(const struct bw_pgserver *server); /* 15 */
/* A line for people when the data lies elsewhere than in state_dir; else empty. Valid until close.
 */
const char *bw_pgserver_notice(const struct bw_pgserver *server);

#endif
