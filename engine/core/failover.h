/* failover.h - the database fell back: a standby was promoted (or a backup restored) that lacks
 * what was committed last. What we hold in memory, and what we did outside, may then be ahead of
 * the rows.
 *
 * Offers:  a record of the turns that were acknowledged last, what is done when the store says that
 *          the database is another one, which runs must stop for a person.
 * Relies on: store/store.h (set_on_failover, check_turns).
 * Invariants: J4 (core/journal.h), for rows that come back.
 *
 * Every server whose history was forked has a timeline of its own (the store reads it with each new
 * connection). When it changes, nothing is woken, committed or requested until the turns of the
 * last minute are looked up. A run that lost a turn which had sent a request that changes something
 * gets a message in its inbox (or its caller does, when the whole run is gone), so that whoever
 * owns it parks it with what was sent: taken again, it might be done twice, and only a person can
 * find out. Then every run leaves memory and all shards are leased anew, with new epochs. Runs that
 * lost nothing of that kind just go on from their rows.
 */
#ifndef BW_CORE_FAILOVER_H
#define BW_CORE_FAILOVER_H

#include "core/timer.h"
#include "store/store.h"

struct bw_batch;
struct bw_call;
struct bw_run;

/* A turn that was acknowledged. */
struct bw_failover_turn {
    struct bw_turn_ref ref;
    struct bw_id parent; /* of its run; zero = none */
    int64_t at_ns;       /* monotonic */
    char *asked;         /* the requests that it sent, for people; NULL = none */
};

struct bw_failover {
    bool is_open;     /* nothing in memory is believed */
    bool is_checking; /* a look-up, or the record of what it found, is under way */
    int64_t from, to; /* timelines */
    int64_t at_us;    /* when it was noticed */
    struct bw_failover_turn *ring;
    size_t next; /* where the next one goes */
    size_t count;
    struct bw_failover_turn *lost; /* of the look-up */
    size_t lost_count;
    size_t records; /* of the audit, and messages to runs, under way */
    bool has_failed;
    struct bw_timer timer; /* monotonic: the look-up again */
};

void bw_failover_init(struct bw_engine *engine);
void bw_failover_deinit(struct bw_engine *engine);
/* A start, or a turn with the effects that it begins, is committed. */
void bw_failover_note_start(struct bw_engine *engine, struct bw_id tenant, struct bw_id run);
void bw_failover_note_turn(struct bw_engine *engine, const struct bw_batch *batch);
/* Part of the engine's turn. */
void bw_failover_turn(struct bw_engine *engine);
/* One record of what a failover found is written; `is_done`: for good. With the last of them all
 * starts over, or the look-up is repeated. */
void bw_failover_recorded(struct bw_engine *engine, bool is_done);
/* Has this run to stop, as its inbox says? Appends why. */
bool bw_failover_stops(const struct bw_loaded_run *loaded, struct bw_buf *why);

#endif
