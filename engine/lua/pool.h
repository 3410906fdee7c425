/* pool.h - the memory of one Lua state: small blocks out of chunks, and all of it dropped at once.
 *
 * Offers:  resize (allocate, grow, shrink, free), drop.
 * Relies on: libc. Under AddressSanitizer every block is one of malloc's, so that it sees misuse.
 *
 * A state is made of a thousand small blocks that die together. Here a block costs a few
 * instructions, and the end of the state costs as many calls of free as it has chunks. Sizes are
 * the caller's to remember, as Lua's allocator does.
 */
#ifndef BW_LUA_POOL_H
#define BW_LUA_POOL_H

#include <stdbool.h>
#include <stddef.h>

#define BW_POOL_STEP 16u       /* small blocks come in multiples of it */
#define BW_POOL_SMALL_MAX 512u /* larger ones are malloc's */

struct bw_pool {
    void *free[BW_POOL_SMALL_MAX / BW_POOL_STEP]; /* freed blocks by size, each holding the next */
    char *at, *end;                               /* what is left of the newest chunk */
    struct bw_pool_chunk *chunks;
    struct bw_pool_large *large;
    char *region, *region_end; /* holds all blocks, or the first ones; NULL: there is none */
    bool is_reserved;          /* blocks come from the region only */
};

/* As realloc, with the size that `ptr` was last given; 0 bytes free it. NULL when memory is out:
 * the block is then as it was. A zeroed pool is an empty one. */
void *bw_pool_resize(struct bw_pool *pool, void *ptr, size_t size_old, size_t size_new);
/* An empty pool gets all its blocks from one region of this size, and none when it is used up.
 * False when memory is out. */
bool bw_pool_reserve(struct bw_pool *pool, size_t bytes_max);
bool bw_pool_is_in_region(const struct bw_pool *pool, const void *ptr);
size_t bw_pool_region_len(const struct bw_pool *pool); /* what is in use of it */
/* An empty pool gets the first `len` bytes of that pool's region, as its own, and what of them is
 * free; more blocks come from elsewhere. Pointers in the blocks are as they were. */
bool bw_pool_copy_region(struct bw_pool *pool, const struct bw_pool *from, size_t len);
/* Frees every block. */
void bw_pool_drop(struct bw_pool *pool);

#endif
