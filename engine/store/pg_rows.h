/* pg_rows.h - the rows of runs and messages, as PostgreSQL gives them: which columns, in which
 * order, and how they are read.
 *
 * Offers:  BW_PG_RUN_COLUMNS and the like for statements, bw_pg_take_run, bw_pg_take_message.
 * Relies on: store/pg_store.h.
 */
#ifndef BW_STORE_PG_ROWS_H
#define BW_STORE_PG_ROWS_H

#include "store/pg_store.h"

#define BW_PG_RUN_COLUMNS                                                                          \
    "r.tenant_id, r.run_id, r.shard, d.release, d.workflow, d.start_key, r.status, r.wake,"        \
    " r.is_active, r.wake_at, r.head, r.base, r.last_seq, d.parent_id, d.parent_seq,"              \
    " billow.whole(d.tenant_id, d.input), billow.whole(d.tenant_id, d.state),"                     \
    " billow.whole(d.tenant_id, d.result),"                                                        \
    " CASE WHEN r.has_error THEN billow.whole(d.tenant_id, d.error) END, d.started_by,"            \
    " d.created_at, r.updated_at"
#define BW_PG_RUN_FROM                                                                             \
    " FROM billow.run r JOIN billow.run_detail d ON d.tenant_id = r.tenant_id AND d.run_id = "     \
    "r.run_id "
#define BW_PG_MESSAGE_COLUMNS                                                                      \
    "i.key, i.kind, i.seq, billow.whole(i.tenant_id, i.value), i.value_json, e.topic, e.key,"      \
    " e.event_id, billow.whole(e.tenant_id, e.body), i.is_read"
#define BW_PG_MESSAGE_FROM                                                                         \
    " FROM billow.inbox i LEFT JOIN billow.event e"                                                \
    " ON e.tenant_id = i.tenant_id AND e.ordinal = i.event_ordinal"                                \
    " WHERE i.tenant_id = $1::uuid AND i.run_id = $2::uuid "

/* What they give is borrowed from the rows, or from the arena. */
void bw_pg_take_run(const struct bw_pg_result *rows, size_t i, struct bw_run_row *row);
void bw_pg_take_message(const struct bw_pg_result *rows, size_t i, struct bw_arena *arena,
                        struct bw_message *message);

#endif
