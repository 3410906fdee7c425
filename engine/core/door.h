/* door.h - what others told us last and were answered for: events, answers of tasks, cancels.
 *
 * Offers:  keeping a copy of what was acknowledged, delivering all of it again after the database
 *          fell back behind it.
 * Relies on: store/store.h, core/failover.h (who asks for it, and waits).
 *
 * What is there already counts once, by its key: an event by its id, an answer by its task, a
 * cancel by its run. What cannot be delivered again is told in log and audit record
 * (failover.lost):
 *   - an answer whose task is gone, or was asked anew: the question may be another one now;
 *   - a cancel whose run is gone, or stops for a person because of what it had sent.
 * A copy is kept for a minute, at most 4,096 of them and 16 MiB; the oldest go first.
 */
#ifndef BW_CORE_DOOR_H
#define BW_CORE_DOOR_H

#include "store/store.h"

struct bw_engine;

enum bw_door_kind { BW_DOOR_EVENT, BW_DOOR_ANSWER, BW_DOOR_CANCEL };

struct bw_door_mail {
    enum bw_door_kind kind;
    struct bw_id tenant;
    struct bw_id id;                /* of the run or task */
    struct bw_str topic, key, name; /* of an event; name is its id */
    struct bw_str value;
    int64_t at_ns; /* monotonic, when it was stored last */
    int64_t at_us; /* when it was acknowledged */
    size_t size;
};

struct bw_door {
    struct bw_door_mail **ring; /* each one block */
    size_t first, count;
    size_t bytes;
};

/* It is stored, and about to be acknowledged. Copies. */
void bw_door_keep(struct bw_engine *engine, const struct bw_door_mail *mail);
/* Part of what a failover finds: each delivery is one of its records. */
void bw_door_deliver_again(struct bw_engine *engine);
void bw_door_deinit(struct bw_engine *engine);

#endif
