/* inbox.c - see inbox.h. */
#include "core/inbox.h"

#include "base/assert.h"

void bw_inbox_init(struct bw_inbox *inbox)
{
    *inbox = (struct bw_inbox){0};
}

void bw_inbox_clear(struct bw_inbox *inbox)
{
    for (size_t i = 0; i < inbox->count; i++)
        bw_free(inbox->items[i].memory);
    inbox->count = inbox->taken = 0;
}

void bw_inbox_deinit(struct bw_inbox *inbox)
{
    bw_inbox_clear(inbox);
    bw_free(inbox->items);
    bw_inbox_init(inbox);
}

static bool has_key(const struct bw_inbox *inbox, struct bw_str key)
{
    for (size_t i = 0; i < inbox->count; i++) {
        if (bw_str_eq(inbox->items[i].key, key))
            return true;
    }
    return false;
}

bool bw_inbox_put(struct bw_inbox *inbox, enum bw_delivery_kind kind, uint64_t seq,
                  struct bw_str key, struct bw_str value)
{
    if (key.len && has_key(inbox, key))
        return false;
    if (inbox->count == inbox->capacity) {
        inbox->capacity = inbox->capacity ? inbox->capacity * 2 : 4;
        inbox->items = bw_xrealloc(inbox->items, inbox->capacity * sizeof *inbox->items);
    }
    char *memory = bw_xmalloc(key.len + value.len);
    if (key.len)
        memcpy(memory, key.ptr, key.len);
    if (value.len)
        memcpy(memory + key.len, value.ptr, value.len);
    inbox->items[inbox->count++] = (struct bw_item){
        .kind = kind,
        .seq = seq,
        .key = bw_str(memory, key.len),
        .value = bw_str(memory + key.len, value.len),
        .memory = memory,
    };
    /* A CANCEL is raised in every strand, so outcomes come before it: it stays the last of what is
     * not taken. */
    size_t last = inbox->count - 1;
    if (last > inbox->taken && inbox->items[last - 1].kind == BW_DELIVERY_CANCEL) {
        struct bw_item cancel = inbox->items[last - 1];
        inbox->items[last - 1] = inbox->items[last];
        inbox->items[last] = cancel;
    }
    return true;
}

const struct bw_item *bw_inbox_find(const struct bw_inbox *inbox, uint64_t seq)
{
    for (size_t i = 0; i < inbox->count; i++) {
        const struct bw_item *item = &inbox->items[i];
        bool is_answer = item->kind == BW_DELIVERY_OUTCOME || item->kind == BW_DELIVERY_ERROR;
        if (is_answer && item->seq == seq && !item->is_stale)
            return item;
    }
    return NULL;
}

void bw_inbox_take(struct bw_inbox *inbox)
{
    BW_ASSERT(inbox->taken == 0);
    inbox->taken = inbox->count;
}

void bw_inbox_untake(struct bw_inbox *inbox)
{
    size_t at = 0;
    while (at < inbox->taken && inbox->items[at].kind != BW_DELIVERY_CANCEL)
        at++;
    if (at < inbox->taken) { /* what came since comes before it in the next try */
        struct bw_item cancel = inbox->items[at];
        size_t behind = inbox->count - at - 1;
        memmove(&inbox->items[at], &inbox->items[at + 1], behind * sizeof *inbox->items);
        inbox->items[inbox->count - 1] = cancel;
    }
    inbox->taken = 0;
}

void bw_inbox_drop_taken(struct bw_inbox *inbox)
{
    BW_ASSERT(inbox->taken <= inbox->count);
    for (size_t i = 0; i < inbox->taken; i++)
        bw_free(inbox->items[i].memory);
    inbox->count -= inbox->taken;
    if (inbox->count) /* arrived while the turn was under way */
        memmove(inbox->items, inbox->items + inbox->taken, inbox->count * sizeof *inbox->items);
    inbox->taken = 0;
}
