/* table.h - things found by their id: open addressing, linear probing, no tombstones.
 *
 * Offers:  put, find, remove, walk. Does not own what it holds.
 * Relies on: base/id.h.
 */
#ifndef BW_CORE_TABLE_H
#define BW_CORE_TABLE_H

#include "base/id.h"
#include <stddef.h>

/* First member of everything that a table holds. */
struct bw_keyed {
    struct bw_id id;
};

struct bw_table {
    struct bw_keyed **slots; /* NULL = free */
    size_t slot_count;       /* a power of two, or 0 */
    size_t count;
};

void bw_table_init(struct bw_table *table);
void bw_table_deinit(struct bw_table *table);
struct bw_keyed *bw_table_find(const struct bw_table *table,
                               struct bw_id id);                   /* NULL when absent */
void bw_table_put(struct bw_table *table, struct bw_keyed *thing); /* its id must be absent */
void bw_table_remove(struct bw_table *table, struct bw_id id);     /* an absent id is ignored */
/* Every thing, in no particular order: start with *at = 0; NULL at the end. Nothing may be put or
 * removed meanwhile. */
struct bw_keyed *bw_table_next(const struct bw_table *table, size_t *at);

#endif
