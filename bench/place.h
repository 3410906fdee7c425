/* place.h - where it is measured: a private PostgreSQL of its own, with the engine's schema in it.
 *
 * Offers:  open, close, a blocking libpq connection, a checkpoint between sections.
 * Relies on: io/pgserver.h, libpq (nothing in bench/ is a part of the engine).
 */
#ifndef BW_BENCH_PLACE_H
#define BW_BENCH_PLACE_H

#include "base/err.h"
#include "base/id.h"
#include <libpq-fe.h>

struct bw_pgserver;

struct place {
    struct bw_pgserver *server;
    const char *conninfo;
    char state_dir[4096];
    char share_dir[4096]; /* stdlib/ and so on */
    char bench_dir[4096]; /* the project's bench/: its workflows */
    char host_path[4096]; /* billow-host */
    char billow_path[4096];
    const char *peers_dir; /* where bench/peers is installed; NULL: not asked for */
    const char *node_path; /* Node.js for them */
    double seconds;        /* how long a raw limit is measured; sizes of the rest follow from it */
};

/* Makes a database in a new directory under `parent`. */
BW_MUST_USE enum bw_err place_open(struct place *place, const char *parent, struct bw_error *error);
/* Stops it and removes that directory. */
void place_close(struct place *place);

/* Aborts the section with PostgreSQL's words when anything fails: a measurement has no way to go
 * on. */
PGconn *place_connect(const struct place *place);
void place_do(PGconn *conn, const char *sql);
/* Rows of a query that has to succeed. To be cleared. */
PGresult *place_query(PGconn *conn, const char *sql);
/* So that no section pays for what the one before it wrote. */
void place_checkpoint(const struct place *place);

_Noreturn void place_die(const char *what, const char *why);

#endif
