/* mem.h - memory by lifetime.
 *
 * Offers:  bw_xmalloc and friends (abort when memory is out), struct bw_arena (run, batch and turn
 *          lifetimes).
 * Relies on: libc only. The only place in the engine that calls malloc.
 */
#ifndef BW_BASE_MEM_H
#define BW_BASE_MEM_H

#include "base/str.h"
#include <stdint.h>

void *bw_xmalloc(size_t len);
void *bw_xcalloc(size_t count, size_t len);
void *bw_xrealloc(void *ptr, size_t len);
char *bw_xstrdup(const char *text);             /* NULL stays NULL */
char *bw_xstrndup(const char *ptr, size_t len); /* terminated copy */
void bw_free(void *ptr);

struct bw_arena_block;
/* Many small allocations, freed together. */
struct bw_arena {
    struct bw_arena_block *head;
    size_t bytes; /* handed out since init or reset */
};
void bw_arena_init(struct bw_arena *arena);
void bw_arena_deinit(struct bw_arena *arena);
void bw_arena_reset(struct bw_arena *arena);              /* keeps one block for reuse */
void *bw_arena_alloc(struct bw_arena *arena, size_t len); /* aligned to 16; not zeroed */
void *bw_arena_calloc(struct bw_arena *arena, size_t count, size_t len);
struct bw_str bw_arena_copy(struct bw_arena *arena,
                            struct bw_str bytes); /* a zero stands behind the copy */
const char *bw_arena_cstr(struct bw_arena *arena, struct bw_str text);

/* From a member back to its struct. */
#define bw_container_of(ptr, type, member) ((type *)((uintptr_t)(ptr)-offsetof(type, member)))

#endif
