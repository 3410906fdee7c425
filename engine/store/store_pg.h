/* store_pg.h - durable state in PostgreSQL.
 *
 * Offers:  bw_store_pg_open: a struct bw_store (store.h) over a few pipelined connections.
 * Relies on: io/pgc.h, store/migrate.h; the schema in store/sql.
 *
 * Connections are opened when they are needed: one for each lane of commits, one for what comes in
 * at the door (starts, messages, events, answers), one for reads, one for scripts' queries.
 */
#ifndef BW_STORE_STORE_PG_H
#define BW_STORE_STORE_PG_H

#include "base/clock.h"
#include "store/store.h"

#define BW_STORE_PG_LANES_DEFAULT 2
#define BW_STORE_PG_LANES_MAX 8

struct uv_loop_s;

struct bw_store_pg_options {
    struct uv_loop_s *loop; /* bw_loop_uv(loop) */
    const char *conninfo;   /* libpq's: URI or keywords */
    unsigned lanes;         /* 0 = default */
    const struct bw_clock *clock;
    unsigned query_timeout_ms;                     /* of a script's query; 0 = 30 s */
    void (*on_notice)(void *ud, const char *text); /* may be NULL */
    void (*on_state)(void *ud, bool is_connected,
                     const struct bw_error *error); /* may be NULL; each connection */
    void *ud;
};

void bw_store_pg_open(struct bw_store *store, const struct bw_store_pg_options *options);

#endif
