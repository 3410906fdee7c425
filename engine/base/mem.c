/* mem.c - see mem.h. The only file of the engine that calls malloc. */
#include "base/mem.h"
#include "base/assert.h"
#include "base/fault.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

_Noreturn void bw_assert_failed(const char *expression, const char *file, int line,
                                const char *function)
{
    fprintf(stderr, "billow: bug: %s does not hold in %s (%s:%d)\n", expression, function, file,
            line);
    fflush(stderr);
    abort();
}

/* Memory of the machine is out: nothing sensible can be done here, and what was committed is safe.
 */
static _Noreturn void out_of_memory(size_t len)
{
    fprintf(stderr, "billow: out of memory: %zu bytes could not be had\n", len);
    fflush(stderr);
    abort();
}

void *bw_xmalloc(size_t len)
{
    void *ptr = BW_FAULT(MEMORY) ? NULL : malloc(len ? len : 1);
    if (!ptr)
        out_of_memory(len);
    return ptr;
}

void *bw_xcalloc(size_t count, size_t len)
{
    /* calloc checks the product */
    void *ptr = BW_FAULT(MEMORY) ? NULL : calloc(count ? count : 1, len ? len : 1);
    if (!ptr)
        out_of_memory(len);
    return ptr;
}

void *bw_xrealloc(void *ptr, size_t len)
{
    void *grown = BW_FAULT(MEMORY) ? NULL : realloc(ptr, len ? len : 1);
    if (!grown)
        out_of_memory(len);
    return grown;
}

char *bw_xstrndup(const char *ptr, size_t len)
{
    BW_ASSERT(len < SIZE_MAX);
    char *copy = bw_xmalloc(len + 1);
    if (len)
        memcpy(copy, ptr, len);
    copy[len] = '\0';
    return copy;
}

char *bw_xstrdup(const char *text)
{
    return text ? bw_xstrndup(text, strlen(text)) : NULL;
}

void bw_free(void *ptr)
{
    free(ptr);
}

/* --- Arena: a chain of blocks, the newest first; each allocation is a bump of `used`. */

enum { ARENA_ALIGN = 16, ARENA_BLOCK_MIN = 4096, ARENA_BLOCK_MAX = 256 * 1024 };

struct bw_arena_block {
    struct bw_arena_block *next; /* older */
    size_t size;                 /* of the payload */
    size_t used;
    size_t padding; /* makes the header a multiple of ARENA_ALIGN */
};

_Static_assert(sizeof(struct bw_arena_block) % ARENA_ALIGN == 0, "payload must be aligned");

static char *block_payload(struct bw_arena_block *block)
{
    return (char *)(block + 1);
}

static void blocks_free(struct bw_arena_block *block)
{
    while (block) {
        struct bw_arena_block *next = block->next;
        bw_free(block);
        block = next;
    }
}

void bw_arena_init(struct bw_arena *arena)
{
    *arena = (struct bw_arena){NULL, 0};
}

void bw_arena_deinit(struct bw_arena *arena)
{
    blocks_free(arena->head);
    bw_arena_init(arena);
}

void bw_arena_reset(struct bw_arena *arena)
{
    struct bw_arena_block *kept = arena->head;
    if (kept) {
        blocks_free(kept->next);
        kept->next = NULL;
        kept->used = 0;
        /* One huge turn must not hold its memory for ever. */
        if (kept->size > ARENA_BLOCK_MAX) {
            bw_free(kept);
            kept = NULL;
        }
    }
    arena->head = kept;
    arena->bytes = 0;
}

static struct bw_arena_block *arena_grow(struct bw_arena *arena, size_t len)
{
    size_t size = arena->head ? arena->head->size * 2 : ARENA_BLOCK_MIN;
    if (size > ARENA_BLOCK_MAX)
        size = ARENA_BLOCK_MAX;
    if (size < len)
        size = len;
    struct bw_arena_block *block = bw_xmalloc(sizeof *block + size);
    *block = (struct bw_arena_block){.next = arena->head, .size = size};
    arena->head = block;
    return block;
}

void *bw_arena_alloc(struct bw_arena *arena, size_t len)
{
    BW_ASSERT(len <= SIZE_MAX / 4);
    size_t rounded = (len + ARENA_ALIGN - 1) & ~(size_t)(ARENA_ALIGN - 1);
    if (rounded == 0)
        rounded = ARENA_ALIGN;
    struct bw_arena_block *block = arena->head;
    if (!block || block->size - block->used < rounded)
        block = arena_grow(arena, rounded);
    void *ptr = block_payload(block) + block->used;
    block->used += rounded;
    arena->bytes += rounded;
    return ptr;
}

void *bw_arena_calloc(struct bw_arena *arena, size_t count, size_t len)
{
    BW_ASSERT(len == 0 || count <= SIZE_MAX / 4 / len);
    void *ptr = bw_arena_alloc(arena, count * len);
    memset(ptr, 0, count * len);
    return ptr;
}

struct bw_str bw_arena_copy(struct bw_arena *arena, struct bw_str bytes)
{
    BW_ASSERT(bytes.len < SIZE_MAX / 4);
    char *copy = bw_arena_alloc(arena, bytes.len + 1);
    if (bytes.len)
        memcpy(copy, bytes.ptr, bytes.len);
    copy[bytes.len] = '\0';
    return bw_str(copy, bytes.len);
}

const char *bw_arena_cstr(struct bw_arena *arena, struct bw_str text)
{
    return bw_arena_copy(arena, text).ptr;
}
