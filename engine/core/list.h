/* list.h - an intrusive, circular, doubly linked list. The head is a link as well.
 *
 * Offers:  init, push, remove, walk. A link that is in no list points to itself.
 * Relies on: base/mem.h for bw_container_of.
 */
#ifndef BW_CORE_LIST_H
#define BW_CORE_LIST_H

#include "base/mem.h"
#include <stdbool.h>

struct bw_list {
    struct bw_list *prev;
    struct bw_list *next;
};

static inline void bw_list_init(struct bw_list *list)
{
    list->prev = list->next = list;
}
static inline bool bw_list_is_empty(const struct bw_list *list)
{
    return list->next == list;
}
static inline void bw_list_push(struct bw_list *list, struct bw_list *link) /* at the end */
{
    link->prev = list->prev;
    link->next = list;
    list->prev->next = link;
    list->prev = link;
}
static inline void bw_list_remove(struct bw_list *link) /* harmless for a link that is in no list */
{
    link->prev->next = link->next;
    link->next->prev = link->prev;
    bw_list_init(link);
}
/* Takes the first link off; NULL when empty. */
static inline struct bw_list *bw_list_shift(struct bw_list *list)
{
    struct bw_list *link = list->next;
    if (link == list)
        return NULL;
    bw_list_remove(link);
    return link;
}
/* Moves everything of `from` behind the end of `list`. */
static inline void bw_list_splice(struct bw_list *list, struct bw_list *from)
{
    if (bw_list_is_empty(from))
        return;
    from->next->prev = list->prev;
    list->prev->next = from->next;
    from->prev->next = list;
    list->prev = from->prev;
    bw_list_init(from);
}

#endif
