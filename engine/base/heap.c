/* heap.c - see heap.h. */
#include "base/heap.h"
#include "base/assert.h"

void bw_heap_init(struct bw_heap *heap, bw_heap_before_fn before)
{
    *heap = (struct bw_heap){.before = before};
}

void bw_heap_deinit(struct bw_heap *heap)
{
    for (size_t i = 0; i < heap->count; i++)
        heap->nodes[i]->place = 0;
    bw_free(heap->nodes);
    bw_heap_init(heap, heap->before);
}

static bool comes_before(const struct bw_heap *heap, const struct bw_heap_node *a,
                         const struct bw_heap_node *b)
{
    if (heap->before(a, b))
        return true;
    if (heap->before(b, a))
        return false;
    return a->order < b->order;
}

static void set_place(struct bw_heap *heap, size_t index, struct bw_heap_node *node)
{
    heap->nodes[index] = node;
    node->place = index + 1;
}

static void sift_up(struct bw_heap *heap, size_t index)
{
    struct bw_heap_node *node = heap->nodes[index];
    while (index > 0) {
        size_t parent = (index - 1) / 2;
        if (!comes_before(heap, node, heap->nodes[parent]))
            break;
        set_place(heap, index, heap->nodes[parent]);
        index = parent;
    }
    set_place(heap, index, node);
}

static void sift_down(struct bw_heap *heap, size_t index)
{
    struct bw_heap_node *node = heap->nodes[index];
    for (;;) {
        size_t child = index * 2 + 1;
        if (child >= heap->count)
            break;
        if (child + 1 < heap->count &&
            comes_before(heap, heap->nodes[child + 1], heap->nodes[child]))
            child++;
        if (!comes_before(heap, heap->nodes[child], node))
            break;
        set_place(heap, index, heap->nodes[child]);
        index = child;
    }
    set_place(heap, index, node);
}

void bw_heap_push(struct bw_heap *heap, struct bw_heap_node *node)
{
    BW_ASSERT(node->place == 0);
    if (heap->count == heap->capacity) {
        heap->capacity = heap->capacity ? heap->capacity * 2 : 16;
        heap->nodes = bw_xrealloc(heap->nodes, heap->capacity * sizeof(struct bw_heap_node *));
    }
    node->order = heap->pushed++;
    set_place(heap, heap->count, node);
    heap->count++;
    sift_up(heap, heap->count - 1);
}

struct bw_heap_node *bw_heap_peek(const struct bw_heap *heap)
{
    return heap->count ? heap->nodes[0] : NULL;
}

struct bw_heap_node *bw_heap_pop(struct bw_heap *heap)
{
    struct bw_heap_node *first = bw_heap_peek(heap);
    if (first)
        bw_heap_remove(heap, first);
    return first;
}

void bw_heap_remove(struct bw_heap *heap, struct bw_heap_node *node)
{
    if (node->place == 0)
        return;
    size_t index = node->place - 1;
    BW_ASSERT(index < heap->count && heap->nodes[index] == node);
    heap->count--;
    node->place = 0;
    if (index == heap->count)
        return;
    set_place(heap, index, heap->nodes[heap->count]);
    sift_up(heap, index);
    sift_down(heap, heap->nodes[index]->place - 1);
}

void bw_heap_moved(struct bw_heap *heap, struct bw_heap_node *node)
{
    BW_ASSERT(node->place != 0);
    bw_heap_remove(heap, node);
    bw_heap_push(heap, node);
}
