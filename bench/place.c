/* place.c - see place.h. */
#include "place.h"

#include "edge/config.h"
#include "io/pgserver.h"
#include <errno.h>
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

_Noreturn void place_die(const char *what, const char *why)
{
    fprintf(stderr, "billow-bench: %s: %s\n", what, why);
    exit(1);
}

static int remove_entry(const char *path, const struct stat *info, int kind, struct FTW *walk)
{
    (void)info;
    (void)kind;
    (void)walk;
    return remove(path);
}

static void remove_tree(const char *path)
{
    (void)nftw(path, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

enum bw_err place_open(struct place *place, const char *parent, struct bw_error *error)
{
    if (mkdir(parent, 0777) && errno != EEXIST)
        return bw_fail(error, BW_ERR_IO, "%s: %s", parent, strerror(errno));
    snprintf(place->state_dir, sizeof place->state_dir, "%s/XXXXXX", parent);
    if (!mkdtemp(place->state_dir))
        return bw_fail(error, BW_ERR_IO, "%s: %s", place->state_dir, strerror(errno));
    struct bw_pgserver_options options = {.state_dir = place->state_dir,
                                          .bin_dir = bw_config_pg_bin()};
    enum bw_err err = bw_pgserver_open(&options, &place->server, error);
    if (err) {
        remove_tree(place->state_dir);
        return err;
    }
    place->conninfo = bw_pgserver_conninfo(place->server);
    return BW_ERR_OK;
}

void place_close(struct place *place)
{
    struct bw_error error;
    char path[PATH_MAX + 8], root[PATH_MAX];
    if (bw_pgserver_close(place->server, true, &error))
        fprintf(stderr, "billow-bench: stopping PostgreSQL: %s\n", error.text);
    /* The database is in the directory made above, or behind the link that pgserver made there. */
    snprintf(path, sizeof path, "%s/pg", place->state_dir);
    if (realpath(path, root))
        remove_tree(root);
    remove_tree(place->state_dir);
}

PGconn *place_connect(const struct place *place)
{
    PGconn *conn = PQconnectdb(place->conninfo);
    if (PQstatus(conn) != CONNECTION_OK)
        place_die("connecting", PQerrorMessage(conn));
    place_do(conn, "SET client_min_messages = warning");
    return conn;
}

PGresult *place_query(PGconn *conn, const char *sql)
{
    PGresult *result = PQexec(conn, sql);
    if (PQresultStatus(result) != PGRES_COMMAND_OK && PQresultStatus(result) != PGRES_TUPLES_OK)
        place_die(sql, PQerrorMessage(conn));
    return result;
}

void place_do(PGconn *conn, const char *sql)
{
    PQclear(place_query(conn, sql));
}

void place_checkpoint(const struct place *place)
{
    PGconn *conn = place_connect(place);
    place_do(conn, "CHECKPOINT");
    PQfinish(conn);
}
