/* list.h - an intrusive doubly linked list: the links live in the struct that is listed.
 *
 * Offers:  init, push, pop, remove, iterate. Nothing allocates, nothing can fail.
 * Relies on: base/mem.h (bw_container_of).
 *
 *     struct item { struct bw_list link; };
 *     bw_list_push_back(&queue, &item->link);
 *     struct item *first = bw_container_of(queue.next, struct item, link);
 *
 * A list head and an unlinked link both point at themselves, so removing twice does no harm.
 */
#ifndef BW_BASE_LIST_H
#define BW_BASE_LIST_H

#include "base/mem.h"

struct bw_list {
    struct bw_list *prev;
    struct bw_list *next;
};

static inline void bw_list_init(struct bw_list *list)
{
    list->prev = list;
    list->next = list;
}

static inline bool bw_list_is_empty(const struct bw_list *list)
{
    return list->next == list;
}

/* Is this link in some list? */
static inline bool bw_list_is_linked(const struct bw_list *link)
{
    return link->next != link;
}

static inline void bw_list_insert_before(struct bw_list *place, struct bw_list *link)
{
    link->prev = place->prev;
    link->next = place;
    place->prev->next = link;
    place->prev = link;
}

/* `link` must be unlinked (or fresh from bw_list_init). */
static inline void bw_list_push_back(struct bw_list *list, struct bw_list *link)
{
    bw_list_insert_before(list, link);
}

static inline void bw_list_push_front(struct bw_list *list, struct bw_list *link)
{
    bw_list_insert_before(list->next, link);
}

static inline void bw_list_remove(struct bw_list *link)
{
    link->prev->next = link->next;
    link->next->prev = link->prev;
    bw_list_init(link);
}

/* Unlinks and returns the first, or NULL when empty. */
static inline struct bw_list *bw_list_pop_front(struct bw_list *list)
{
    struct bw_list *first = list->next;
    if (first == list)
        return NULL;
    bw_list_remove(first);
    return first;
}

/* Moves all of `from` behind the last of `list`; `from` is empty afterwards. */
static inline void bw_list_append_all(struct bw_list *list, struct bw_list *from)
{
    if (bw_list_is_empty(from))
        return;
    from->next->prev = list->prev;
    list->prev->next = from->next;
    from->prev->next = list;
    list->prev = from->prev;
    bw_list_init(from);
}

static inline size_t bw_list_count(const struct bw_list *list)
{
    size_t count = 0;
    for (const struct bw_list *at = list->next; at != list; at = at->next)
        count++;
    return count;
}

/* `at` may be removed (and freed) inside the loop; others may not. */
#define BW_LIST_EACH(list, at)                                                                     \
    for (struct bw_list *at = (list)->next, *at##_next = at->next; at != (list);                   \
         at = at##_next, at##_next = at->next)

#endif
