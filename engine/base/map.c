/* map.c - see map.h. Open addressing with linear probing; removal shifts back, so there are no
 * tombstones. */
#include "base/map.h"
#include "base/assert.h"
#include "base/mem.h"

enum { KEY_INLINE_BYTES = 16, CAPACITY_MIN = 16 };

struct bw_map_slot {
    void *value; /* NULL: the slot is free */
    uint64_t hash;
    size_t key_len;
    union {
        char bytes[KEY_INLINE_BYTES]; /* up to 16 bytes: ids and short names need no memory of their
                                         own */
        char *ptr;                    /* longer; owned */
    } key;
};

static uint64_t sip_key[2];

void bw_map_seed(uint64_t seed)
{
    struct bw_rng rng;
    bw_rng_seed(&rng, seed);
    sip_key[0] = bw_rng_next(&rng);
    sip_key[1] = bw_rng_next(&rng);
}

static uint64_t rotate_left(uint64_t value, unsigned bits)
{
    return (value << bits) | (value >> (64 - bits));
}

static void sip_round(uint64_t v[4])
{
    v[0] += v[1];
    v[1] = rotate_left(v[1], 13) ^ v[0];
    v[0] = rotate_left(v[0], 32);
    v[2] += v[3];
    v[3] = rotate_left(v[3], 16) ^ v[2];
    v[0] += v[3];
    v[3] = rotate_left(v[3], 21) ^ v[0];
    v[2] += v[1];
    v[1] = rotate_left(v[1], 17) ^ v[2];
    v[2] = rotate_left(v[2], 32);
}

/* Aumasson and Bernstein, SipHash, with one round a block and three at the end. */
uint64_t bw_map_hash(struct bw_str bytes)
{
    uint64_t v[4] = {
        sip_key[0] ^ UINT64_C(0x736f6d6570736575),
        sip_key[1] ^ UINT64_C(0x646f72616e646f6d),
        sip_key[0] ^ UINT64_C(0x6c7967656e657261),
        sip_key[1] ^ UINT64_C(0x7465646279746573),
    };
    size_t at = 0;
    uint64_t block;
    for (; bytes.len - at >= 8; at += 8) {
        memcpy(&block, bytes.ptr + at, 8);
        v[3] ^= block;
        sip_round(v);
        v[0] ^= block;
    }
    block = (uint64_t)bytes.len << 56;
    for (size_t i = 0; at + i < bytes.len; i++)
        block |= (uint64_t)(uint8_t)bytes.ptr[at + i] << (8 * i);
    v[3] ^= block;
    sip_round(v);
    v[0] ^= block;
    v[2] ^= 0xff;
    for (int i = 0; i < 3; i++)
        sip_round(v);
    return v[0] ^ v[1] ^ v[2] ^ v[3];
}

static const char *slot_key(const struct bw_map_slot *slot)
{
    return slot->key_len <= KEY_INLINE_BYTES ? slot->key.bytes : slot->key.ptr;
}

static void slot_free_key(struct bw_map_slot *slot)
{
    if (slot->value && slot->key_len > KEY_INLINE_BYTES)
        bw_free(slot->key.ptr);
}

void bw_map_init(struct bw_map *map)
{
    *map = (struct bw_map){NULL, 0, 0};
}

void bw_map_deinit(struct bw_map *map)
{
    bw_map_clear(map);
    bw_free(map->slots);
    bw_map_init(map);
}

void bw_map_clear(struct bw_map *map)
{
    for (size_t i = 0; i < map->capacity; i++) {
        slot_free_key(&map->slots[i]);
        map->slots[i].value = NULL;
    }
    map->count = 0;
}

/* The slot that holds `key`, or the free one where it belongs. */
static struct bw_map_slot *map_find(const struct bw_map *map, struct bw_str key, uint64_t hash)
{
    size_t mask = map->capacity - 1;
    for (size_t i = hash & mask;; i = (i + 1) & mask) {
        struct bw_map_slot *slot = &map->slots[i];
        if (!slot->value)
            return slot;
        if (slot->hash == hash && slot->key_len == key.len &&
            (key.len == 0 || memcmp(slot_key(slot), key.ptr, key.len) == 0))
            return slot;
    }
}

static void map_grow(struct bw_map *map)
{
    struct bw_map old = *map;
    map->capacity = old.capacity ? old.capacity * 2 : CAPACITY_MIN;
    map->slots = bw_xcalloc(map->capacity, sizeof *map->slots);
    for (size_t i = 0; i < old.capacity; i++) {
        struct bw_map_slot *slot = &old.slots[i];
        if (slot->value)
            *map_find(map, bw_str(slot_key(slot), slot->key_len), slot->hash) = *slot;
    }
    bw_free(old.slots);
}

void *bw_map_put(struct bw_map *map, struct bw_str key, void *value)
{
    BW_ASSERT(value != NULL);
    if ((map->count + 1) * 4 > map->capacity * 3)
        map_grow(map);
    uint64_t hash = bw_map_hash(key);
    struct bw_map_slot *slot = map_find(map, key, hash);
    void *before = slot->value;
    slot->value = value;
    if (before)
        return before;
    slot->hash = hash;
    slot->key_len = key.len;
    if (key.len > KEY_INLINE_BYTES)
        slot->key.ptr = bw_xstrndup(key.ptr, key.len);
    else if (key.len)
        memcpy(slot->key.bytes, key.ptr, key.len);
    map->count++;
    return NULL;
}

void *bw_map_get(const struct bw_map *map, struct bw_str key)
{
    return map->count ? map_find(map, key, bw_map_hash(key))->value : NULL;
}

void *bw_map_remove(struct bw_map *map, struct bw_str key)
{
    if (!map->count)
        return NULL;
    struct bw_map_slot *hole = map_find(map, key, bw_map_hash(key));
    void *removed = hole->value;
    if (!removed)
        return NULL;
    slot_free_key(hole);
    map->count--;
    /* Whoever could not have his own place because of this one moves into the hole, and leaves one
     * himself. */
    size_t mask = map->capacity - 1;
    size_t hole_at = (size_t)(hole - map->slots);
    for (size_t i = (hole_at + 1) & mask; map->slots[i].value; i = (i + 1) & mask) {
        size_t home = map->slots[i].hash & mask;
        if (((i - home) & mask) >= ((i - hole_at) & mask)) {
            map->slots[hole_at] = map->slots[i];
            hole_at = i;
        }
    }
    map->slots[hole_at].value = NULL;
    return removed;
}

bool bw_map_next(const struct bw_map *map, size_t *at, struct bw_str *key, void **value)
{
    for (; *at < map->capacity; (*at)++) {
        const struct bw_map_slot *slot = &map->slots[*at];
        if (!slot->value)
            continue;
        if (key)
            *key = bw_str(slot_key(slot), slot->key_len);
        if (value)
            *value = slot->value;
        (*at)++;
        return true;
    }
    return false;
}
