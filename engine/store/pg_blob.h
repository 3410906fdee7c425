/* pg_blob.h - the large values of one unit, on their way into billow.value_blob.
 *
 * Offers:  a cell that packs what is large, the statement that stores it.
 * Relies on: store/blob.h, store/pg_args.h. A unit without large values has no statement more, and
 * pays one comparison of lengths a cell.
 */
#ifndef BW_STORE_PG_BLOB_H
#define BW_STORE_PG_BLOB_H

#include "io/pgc.h"
#include "store/blob.h"
#include "store/pg_args.h"

struct bw_pg_blobs {
    bool is_used;
    struct bw_arena arena;
    struct bw_pg_table table;
};

void bw_pg_blobs_init(struct bw_pg_blobs *blobs);
/* Adds the statement if there is need for it, and frees everything. */
void bw_pg_blobs_add(struct bw_pg_blobs *blobs, struct bw_pgc_unit *unit);
/* A bytea cell of `owner` (a run, a task, an event). Empty is null when `is_nullable`. */
void bw_pg_cell_large(struct bw_pg_table *table, struct bw_pg_blobs *blobs, struct bw_id tenant,
                      struct bw_id owner, enum bw_blob_cell kind, struct bw_str bytes,
                      bool is_nullable);
struct bw_id bw_pg_event_owner(struct bw_str topic, struct bw_str key, struct bw_str id);

#endif
