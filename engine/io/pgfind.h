/* pgfind.h - where PostgreSQL's server programs are on this machine.
 *
 * Offers:  bw_pgfind.
 * Relies on: io/spawn.h (asks `pg_config` and `postgres --version`). Blocks for some milliseconds.
 */
#ifndef BW_IO_PGFIND_H
#define BW_IO_PGFIND_H

#include "base/err.h"

#define BW_PGFIND_MAJOR_MIN 14 /* older servers lack what the store's statements use */

struct bw_pgfind {
    char bin_dir[512]; /* holds postgres and initdb */
    int major;         /* 15 */
};

/* `bin_dir` given (the setting BILLOW_PG_BIN): there or nowhere. Otherwise
 * /usr/lib/postgresql/<newest>/bin, the other usual places, and what pg_config says. `major` above
 * 0: only that version, the one an existing data directory was made by. UNAVAILABLE says what to
 * install. */
BW_MUST_USE enum bw_err bw_pgfind(const char *bin_dir, int major, struct bw_pgfind *found,
                                  struct bw_error *error);

#endif
