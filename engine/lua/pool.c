#include "lua/pool.h"
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define CHUNK_BYTES (16u * 1024u)

struct bw_pool_chunk {
    struct bw_pool_chunk *next;
    size_t unused; /* keeps what follows aligned */
};

struct bw_pool_large {
    struct bw_pool_large *before, *next;
};

_Static_assert(sizeof(struct bw_pool_chunk) == BW_POOL_STEP, "blocks follow it, aligned");
_Static_assert(sizeof(struct bw_pool_large) == BW_POOL_STEP, "the block follows it, aligned");

static bool is_small(size_t size)
{
#if defined(__SANITIZE_ADDRESS__) && !defined(BW_POOL_UNDER_TEST)
    (void)size;
    return false;
#else
    return size <= BW_POOL_SMALL_MAX;
#endif
}

static size_t class_of(size_t size)
{
    return (size - 1) / BW_POOL_STEP;
}

/* --- small blocks */

static void put_back(struct bw_pool *pool, void *ptr, size_t size)
{
    memcpy(ptr, &pool->free[class_of(size)], sizeof(void *));
    pool->free[class_of(size)] = ptr;
}

/* The rest of the chunk that is too small for the block wanted now, as a block of its own. */
static bool add_chunk(struct bw_pool *pool)
{
    struct bw_pool_chunk *chunk = pool->is_reserved ? NULL : malloc(CHUNK_BYTES);

    if (!chunk)
        return false;
    if (pool->end > pool->at)
        put_back(pool, pool->at, (size_t)(pool->end - pool->at));
    chunk->next = pool->chunks;
    pool->chunks = chunk;
    pool->at = (char *)(chunk + 1);
    pool->end = (char *)chunk + CHUNK_BYTES;
    return true;
}

static void *take_small(struct bw_pool *pool, size_t size)
{
    size_t class = class_of(size), bytes = (class + 1) * BW_POOL_STEP;
    void *block = pool->free[class];

    if (block) {
        memcpy(&pool->free[class], block, sizeof(void *));
        return block;
    }
    if ((size_t)(pool->end - pool->at) < bytes && !add_chunk(pool))
        return NULL;
    block = pool->at;
    pool->at += bytes;
    return block;
}

/* --- large blocks */

static void link_large(struct bw_pool *pool, struct bw_pool_large *large)
{
    large->before = NULL;
    large->next = pool->large;
    if (large->next)
        large->next->before = large;
    pool->large = large;
}

static void unlink_large(struct bw_pool *pool, struct bw_pool_large *large)
{
    if (large->before)
        large->before->next = large->next;
    else
        pool->large = large->next;
    if (large->next)
        large->next->before = large->before;
}

static void *take_from_region(struct bw_pool *pool, size_t size)
{
    size_t bytes = (size + BW_POOL_STEP - 1) / BW_POOL_STEP * BW_POOL_STEP;
    void *block = pool->at;

    if ((size_t)(pool->end - pool->at) < bytes)
        return NULL;
    pool->at += bytes;
    return block;
}

static void *resize_large(struct bw_pool *pool, void *ptr, size_t size_new)
{
    struct bw_pool_large *old = ptr ? (struct bw_pool_large *)ptr - 1 : NULL;
    struct bw_pool_large *large;

    if (size_new > SIZE_MAX - sizeof *large)
        return NULL;
    if (pool->is_reserved && !old)
        return take_from_region(pool, size_new);
    if (old)
        unlink_large(pool, old);
    large = realloc(old, sizeof *large + size_new);
    if (large)
        link_large(pool, large);
    else if (old)
        link_large(pool, old);
    return large ? large + 1 : NULL;
}

/* --- both */

static void *take(struct bw_pool *pool, size_t size)
{
    return is_small(size) ? take_small(pool, size) : resize_large(pool, NULL, size);
}

static void give(struct bw_pool *pool, void *ptr, size_t size)
{
    if (is_small(size)) {
        put_back(pool, ptr, size);
        return;
    }
    if (bw_pool_is_in_region(pool, ptr))
        return; /* its place goes with the region */
    struct bw_pool_large *large = (struct bw_pool_large *)ptr - 1;
    unlink_large(pool, large);
    free(large);
}

void *bw_pool_resize(struct bw_pool *pool, void *ptr, size_t size_old, size_t size_new)
{
    void *block;

    if (!ptr || size_old == 0)
        return size_new ? take(pool, size_new) : NULL;
    if (size_new == 0) {
        give(pool, ptr, size_old);
        return NULL;
    }
    if (is_small(size_old) && is_small(size_new) && class_of(size_old) == class_of(size_new))
        return ptr;
    if (!is_small(size_old) && !is_small(size_new) && !bw_pool_is_in_region(pool, ptr))
        return resize_large(pool, ptr, size_new);
    block = take(pool, size_new);
    if (!block)
        return NULL;
    memcpy(block, ptr, size_old < size_new ? size_old : size_new);
    give(pool, ptr, size_old);
    return block;
}

/* --- regions */

bool bw_pool_reserve(struct bw_pool *pool, size_t bytes_max)
{
    pool->region = malloc(bytes_max); /* what is not used is never touched */
    if (!pool->region)
        return false;
    pool->region_end = pool->region + bytes_max;
    pool->at = pool->region;
    pool->end = pool->region_end;
    pool->is_reserved = true;
    return true;
}

bool bw_pool_is_in_region(const struct bw_pool *pool, const void *ptr)
{
    uintptr_t at = (uintptr_t)ptr;

    return at - (uintptr_t)pool->region < (size_t)(pool->region_end - pool->region);
}

size_t bw_pool_region_len(const struct bw_pool *pool)
{
    return (size_t)(pool->at - pool->region);
}

/* A free block begins with where the next one is; so does the list. */
static void set_next(char *block, char *next)
{
    memcpy(block, &next, sizeof next);
}

bool bw_pool_copy_region(struct bw_pool *pool, const struct bw_pool *from, size_t len)
{
    *pool = (struct bw_pool){.region = malloc(len)};
    if (!pool->region)
        return false;
    pool->region_end = pool->region + len;
    memcpy(pool->region, from->region, len);
    for (size_t class = 0; class < sizeof pool->free / sizeof pool->free[0]; class ++) {
        char *last = (char *)&pool->free[class];
        for (char *block = from->free[class]; block;) {
            char *copy = pool->region + (block - from->region);
            set_next(last, copy);
            memcpy(&block, copy, sizeof block); /* the next one, still of `from` */
            last = copy;
        }
        set_next(last, NULL);
    }
    return true;
}

void bw_pool_drop(struct bw_pool *pool)
{
    while (pool->large)
        give(pool, pool->large + 1, BW_POOL_SMALL_MAX + 1);
    while (pool->chunks) {
        struct bw_pool_chunk *chunk = pool->chunks;
        pool->chunks = chunk->next;
        free(chunk);
    }
    free(pool->region);
    *pool = (struct bw_pool){0};
}
