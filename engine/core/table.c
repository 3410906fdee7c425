/* table.c - see table.h. */
#include "core/table.h"

#include "base/assert.h"
#include "base/mem.h"

enum { TABLE_SLOTS_MIN = 64 };

void bw_table_init(struct bw_table *table)
{
    *table = (struct bw_table){NULL, 0, 0};
}

void bw_table_deinit(struct bw_table *table)
{
    bw_free(table->slots);
    bw_table_init(table);
}

/* The slot that holds `id`, or the free one where it would go. */
static size_t slot_of(const struct bw_table *table, struct bw_id id)
{
    size_t mask = table->slot_count - 1;
    size_t at = (size_t)bw_id_hash(id) & mask;
    while (table->slots[at] && !bw_id_eq(table->slots[at]->id, id))
        at = (at + 1) & mask;
    return at;
}

struct bw_keyed *bw_table_find(const struct bw_table *table, struct bw_id id)
{
    return table->slot_count ? table->slots[slot_of(table, id)] : NULL;
}

static void table_grow(struct bw_table *table)
{
    struct bw_table old = *table;
    table->slot_count = old.slot_count ? old.slot_count * 2 : TABLE_SLOTS_MIN;
    table->slots = bw_xcalloc(table->slot_count, sizeof *table->slots);
    for (size_t i = 0; i < old.slot_count; i++) {
        if (old.slots[i])
            table->slots[slot_of(table, old.slots[i]->id)] = old.slots[i];
    }
    bw_free(old.slots);
}

void bw_table_put(struct bw_table *table, struct bw_keyed *thing)
{
    if ((table->count + 1) * 4 > table->slot_count * 3)
        table_grow(table);
    size_t at = slot_of(table, thing->id);
    BW_ASSERT(!table->slots[at]);
    table->slots[at] = thing;
    table->count++;
}

void bw_table_remove(struct bw_table *table, struct bw_id id)
{
    if (!table->slot_count)
        return;
    size_t mask = table->slot_count - 1;
    size_t hole = slot_of(table, id);
    if (!table->slots[hole])
        return;
    /* Close the gap: whoever was pushed behind its home by this entry moves up. */
    for (size_t at = (hole + 1) & mask; table->slots[at]; at = (at + 1) & mask) {
        size_t home = (size_t)bw_id_hash(table->slots[at]->id) & mask;
        if (((at - home) & mask) >= ((at - hole) & mask)) {
            table->slots[hole] = table->slots[at];
            hole = at;
        }
    }
    table->slots[hole] = NULL;
    table->count--;
}

struct bw_keyed *bw_table_next(const struct bw_table *table, size_t *at)
{
    while (*at < table->slot_count) {
        struct bw_keyed *thing = table->slots[(*at)++];
        if (thing)
            return thing;
    }
    return NULL;
}
