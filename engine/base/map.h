/* map.h - hash maps from text, or from ids, to pointers.
 *
 * Offers:  put, get, remove, iterate; keys are copied, values belong to the caller.
 * Relies on: base/mem.h, base/id.h.
 *
 * Keys may come from outside, so the hash is SipHash-1-3 under a key of the process (bw_map_seed),
 * and nobody can choose keys that collide. Order of iteration is unspecified: whatever reaches a
 * journal, a file or a person is sorted first.
 */
#ifndef BW_BASE_MAP_H
#define BW_BASE_MAP_H

#include "base/id.h"
#include "base/str.h"

struct bw_map_slot;
struct bw_map {
    struct bw_map_slot *slots; /* NULL until the first put */
    size_t count;
    size_t capacity; /* 0 or a power of two */
};

/* Call once at start, before any map is filled. Without it the seed is 0 (tests, simulator). */
void bw_map_seed(uint64_t seed);

void bw_map_init(struct bw_map *map);
void bw_map_deinit(struct bw_map *map); /* frees the keys; the values are the caller's */
void bw_map_clear(struct bw_map *map);

/* Puts `value` (not NULL) under a copy of `key`. Returns what stood there before, or NULL. */
void *bw_map_put(struct bw_map *map, struct bw_str key, void *value);
void *bw_map_get(const struct bw_map *map, struct bw_str key);
/* Returns what was removed, or NULL when there was nothing. */
void *bw_map_remove(struct bw_map *map, struct bw_str key);

/* Iterates: start with `*at` = 0. `key` may be NULL; it is valid until the map changes. The map
 * must not change between two calls. False at the end. */
bool bw_map_next(const struct bw_map *map, size_t *at, struct bw_str *key, void **value);

/* The same map keyed by ids. Keys of one map are either all text or all ids. */
static inline void *bw_map_put_id(struct bw_map *map, struct bw_id id, void *value)
{
    return bw_map_put(map, bw_str((const char *)id.bytes, sizeof id.bytes), value);
}
static inline void *bw_map_get_id(const struct bw_map *map, struct bw_id id)
{
    return bw_map_get(map, bw_str((const char *)id.bytes, sizeof id.bytes));
}
static inline void *bw_map_remove_id(struct bw_map *map, struct bw_id id)
{
    return bw_map_remove(map, bw_str((const char *)id.bytes, sizeof id.bytes));
}

/* The hash that the maps use: SipHash-1-3 under the process's key. */
uint64_t bw_map_hash(struct bw_str bytes);

#endif
