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
 * last minute are looked up. Then every run leaves memory and all shards are leased anew, with new
 * epochs. A run that lost a turn which had sent a request that changes something is parked with
 * what was sent: taken again, it might be done twice, and only a person can find out. Runs that
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
    int64_t at_ns; /* monotonic */
    char *asked;   /* the requests that it sent, for people; NULL = none */
};

struct bw_failover_park; /* a run that must stop for a person */

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
    size_t records; /* of the audit, under way */
    bool has_failed;
    struct bw_failover_park *parks;
    struct bw_timer timer; /* monotonic: the look-up again */
};

void bw_failover_init(struct bw_engine *engine);
void bw_failover_deinit(struct bw_engine *engine);
/* A start, or a turn with the effects that it begins, is committed. */
void bw_failover_note_start(struct bw_engine *engine, struct bw_id tenant, struct bw_id run);
void bw_failover_note_turn(struct bw_engine *engine, const struct bw_batch *batch);
/* A run is parked, or was to be: was it for that? */
void bw_failover_note_park(struct bw_engine *engine, const struct bw_batch *batch);
/* Part of the engine's turn. */
void bw_failover_turn(struct bw_engine *engine);
/* The shards are ours anew: the runs that must stop are loaded. */
void bw_failover_leased(struct bw_engine *engine);
/* Has this run to stop, now that it is loaded? Appends why. So until it was told. */
bool bw_failover_stops(struct bw_engine *engine, struct bw_id run, struct bw_buf *why);
/* Its row says so now, or it has ended and does nothing any more. */
void bw_failover_told(struct bw_engine *engine, struct bw_id run);

#endif
