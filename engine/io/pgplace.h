/* pgplace.h - where the private PostgreSQL lives, whom it belongs to, and the lock that one engine
 * holds on it.
 *
 * Offers:  bw_pgplace_open, bw_pgplace_close.
 * Relies on: io/spawn.h (the server's user), codec/crypto.h (short names).
 *
 * <state>/engine.lock   locked as long as an engine uses the database; holds its pid
 * <state>/pg            the database's folder, or a link to it when the server's user cannot reach
 * <state>: then it is /var/lib/billow/<hash>, or else /var/tmp/billow-<uid>-<hash> data/
 * PostgreSQL's data directory sock/             its socket, unless the path is too long: then
 * /tmp/billow-<hash> postgres.log      what the server prints Everything below pg belongs to the
 * server's user, mode 0700: whoever can enter sock/ is trusted by the server.
 */
#ifndef BW_IO_PGPLACE_H
#define BW_IO_PGPLACE_H

#include "base/err.h"
#include "io/spawn.h"

#define BW_PGPLACE_PATH_MAX 1024

struct bw_pgplace {
    struct bw_spawn_user user;      /* the server runs as */
    char root[BW_PGPLACE_PATH_MAX]; /* the true path of <state>/pg */
    char data[BW_PGPLACE_PATH_MAX];
    char fresh[BW_PGPLACE_PATH_MAX]; /* data directory while initdb makes it; renamed when it is
                                        whole */
    char sock[BW_PGPLACE_PATH_MAX];
    char log[BW_PGPLACE_PATH_MAX];
    char notice[BW_PGPLACE_PATH_MAX * 2]; /* a line for people when it lies elsewhere; else empty */
    int lock_fd;                          /* engine.lock */
    int root_fd; /* root, locked as well: two links may lead to one database */
};

/* Makes what is missing and takes the lock. CONFLICT: another engine has it (its pid is in the
 * text). FORBIDDEN, IO: a folder cannot be made or entered. */
BW_MUST_USE enum bw_err bw_pgplace_open(const char *state_dir, struct bw_pgplace *place,
                                        struct bw_error *error);
void bw_pgplace_close(struct bw_pgplace *place); /* gives the lock back */

#endif
