/* migrate.h - brings a database to the version of this build: ordered SQL files, embedded,
 * forward only.
 *
 * Offers:  the table of migrations, one function that applies what is missing.
 * Relies on: io/pgc.h.
 *
 * Each file is one transaction together with its row in billow.migration. An advisory lock lets one
 * process at a time migrate; the others wait and find nothing to do. What was applied never
 * changes: checksums are compared. Numbers say which file comes first in a new database; a
 * database that has a higher one already gets a new file all the same, so a file builds only on
 * those of its own range and on 0001 and 0002.
 */
#ifndef BW_STORE_MIGRATE_H
#define BW_STORE_MIGRATE_H

#include "base/err.h"
#include <stddef.h>

struct uv_loop_s;

struct bw_migration {
    unsigned number;      /* of the file name, ascending; they may have gaps */
    const char *name;     /* "0001_engine" */
    const char *checksum; /* SHA-256 of the file, hexadecimal */
    const char *sql;
};
extern const struct bw_migration bw_migrations[]; /* made by embed_sql.cmake */
extern const size_t bw_migration_count;

/* `done` comes once, later: OK; CONFLICT (the database is newer than this build, or a file changed
 * after it was applied); UNAVAILABLE; otherwise what the server said, with the name of the
 * migration. */
typedef void (*bw_migrate_fn)(void *ud, const struct bw_error *error);
void bw_migrate(struct uv_loop_s *loop, const char *conninfo, const struct bw_migration *migrations,
                size_t count, void (*on_notice)(void *ud, const char *text), bw_migrate_fn done,
                void *ud);

#endif
