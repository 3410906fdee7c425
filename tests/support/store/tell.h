/* tell.h - what a store answers, as text that can be compared.
 *
 * Offers:  tell_op (performs an operation, tells its answer and who got mail), tell_everything (all
 *          that can be read).
 * Relies on: support/store/lists.h.
 *
 * What no store promises is told in an order of its own: who got mail, what scans of active runs
 * find, and messages about events of different places, or of works, that came with one commit.
 */
#ifndef BW_TESTS_SUPPORT_STORE_TELL_H
#define BW_TESTS_SUPPORT_STORE_TELL_H

#include "support/store/lists.h"

/* Who got mail since the last operation: set as the store's on_mail, with the mailbox. */
struct tell_mailbox {
    struct bw_id (*mail)[2];
    size_t count;
};
void tell_on_mail(void *ud, struct bw_id tenant, struct bw_id run);

void tell_op(struct store_fixture *fixture, struct tell_mailbox *mailbox, const struct list_op *op,
             struct bw_buf *text);
void tell_everything(struct store_fixture *fixture, const struct list *list, struct bw_buf *text);

#endif
