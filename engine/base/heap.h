/* heap.h - an intrusive binary heap: the next due thing first, and any thing can be taken out.
 *
 * Offers:  push, peek, pop, remove, moved (after the order of one changed).
 * Relies on: base/mem.h.
 *
 * The node lives in the struct that is kept and is its handle. Things that compare equal come out
 * in the order in which they were pushed, so that a simulation can be repeated.
 */
#ifndef BW_BASE_HEAP_H
#define BW_BASE_HEAP_H

#include "base/mem.h"
#include <stdint.h>

struct bw_heap_node {
    size_t place;   /* 1-based position in the heap; 0: in no heap */
    uint64_t order; /* of pushing; decides between equals */
};

/* Does `a` come strictly before `b`? */
typedef bool (*bw_heap_before_fn)(const struct bw_heap_node *a, const struct bw_heap_node *b);

struct bw_heap {
    struct bw_heap_node **nodes; /* nodes[0] is the first to come out */
    size_t count;
    size_t capacity;
    uint64_t pushed; /* in total */
    bw_heap_before_fn before;
};

void bw_heap_init(struct bw_heap *heap, bw_heap_before_fn before);
void bw_heap_deinit(struct bw_heap *heap); /* the nodes are the caller's */

void bw_heap_push(struct bw_heap *heap, struct bw_heap_node *node);   /* must be in no heap */
struct bw_heap_node *bw_heap_peek(const struct bw_heap *heap);        /* NULL when empty */
struct bw_heap_node *bw_heap_pop(struct bw_heap *heap);               /* NULL when empty */
void bw_heap_remove(struct bw_heap *heap, struct bw_heap_node *node); /* harmless when in no heap */
/* Call after changing what `before` looks at. Among equals it counts as pushed now. */
void bw_heap_moved(struct bw_heap *heap, struct bw_heap_node *node);

static inline bool bw_heap_holds(const struct bw_heap_node *node)
{
    return node->place != 0;
}

#endif
