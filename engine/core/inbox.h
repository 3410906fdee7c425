/* inbox.h - what waits to be delivered to one loaded run, in the order in which it will be
 * delivered.
 *
 * Offers:  put (once per key), take for a turn, roll back, drop what a committed turn delivered.
 * Relies on: codec/wire.h for delivery kinds.
 * Station 2 of docs/walk.md.
 * Invariants: J5, J6 (core/journal.h).
 *
 * Two sorts of items lie here side by side: copies of inbox rows (they have a key, and the turn
 * that delivers them acknowledges the row in its own transaction), and outcomes of the run's own
 * effects (no key: they become durable with the journal row of the turn that delivers them; lost in
 * a crash, the effect is performed again).
 */
#ifndef BW_CORE_INBOX_H
#define BW_CORE_INBOX_H

#include "codec/wire.h"

struct bw_item {
    enum bw_delivery_kind kind;
    uint64_t seq;        /* of the command it answers; START, CANCEL: 0 */
    struct bw_str key;   /* of the inbox row; empty for our own outcomes and for START */
    struct bw_str value; /* encoded */
    char *memory;        /* owns key and value */
    bool is_stale;       /* nobody waits for it any more: acknowledged, not delivered */
};

struct bw_inbox {
    struct bw_item *items;
    size_t count;
    size_t capacity;
    size_t taken; /* the first so many belong to the turn under way */
};

void bw_inbox_init(struct bw_inbox *inbox);
void bw_inbox_deinit(struct bw_inbox *inbox);
/* Copies key and value. False (and nothing changes) when a row with this key lies here already. */
bool bw_inbox_put(struct bw_inbox *inbox, enum bw_delivery_kind kind, uint64_t seq,
                  struct bw_str key, struct bw_str value);
/* An outcome or error for `seq` that is not stale; NULL when there is none. */
const struct bw_item *bw_inbox_find(const struct bw_inbox *inbox, uint64_t seq);
void bw_inbox_take(struct bw_inbox *inbox);   /* all items go into the turn that starts now */
void bw_inbox_untake(struct bw_inbox *inbox); /* the turn did not happen; a CANCEL is last again */
void bw_inbox_drop_taken(struct bw_inbox *inbox); /* the turn is committed */
void bw_inbox_clear(struct bw_inbox *inbox);

#endif
