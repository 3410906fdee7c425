/* loop.h - the one thread's event loop: turns, deferred calls, timers, signals, orderly end.
 *
 * Offers:  struct bw_loop around a uv_loop_t; the turn hook that drives the engine.
 * Relies on: libuv. Only io/ sees uv.h; the engine core is handed functions.
 *
 * Order of one iteration: due timers, what sockets brought, then deferred calls, then (when
 * somebody asked) one turn. Everything here is to be called on the loop's thread; the loop ignores
 * SIGPIPE for the whole process.
 */
#ifndef BW_IO_LOOP_H
#define BW_IO_LOOP_H

#include "base/err.h"
#include <stdint.h>

struct bw_loop;
struct uv_loop_s;

typedef void (*bw_loop_fn)(void *ud);
/* One turn. Returns after how many milliseconds the next one is wanted; negative: only when
 * requested. */
typedef int64_t (*bw_loop_turn_fn)(void *ud);
/* A wish to stop, from outside (SIGTERM, SIGINT). Called once per signal received. */
typedef void (*bw_loop_signal_fn)(void *ud, int signal_number);

struct bw_loop *bw_loop_create(void);
/* Closes the loop's own handles and runs until every handle is closed. Whoever opened a handle on
 * the loop has to have begun to close it before: one that is still open is a bug and aborts, naming
 * its type. */
void bw_loop_destroy(struct bw_loop *loop);
struct uv_loop_s *bw_loop_uv(struct bw_loop *loop); /* for io/ only; valid until destroy */

/* One hook for the whole loop; NULL takes it away. */
void bw_loop_set_turn(struct bw_loop *loop, bw_loop_turn_fn turn, void *ud);
/* Wants a turn at the end of this iteration (from inside a turn: of the next one). Many requests
 * make one turn; a turn never runs inside another. */
void bw_loop_request_turn(struct bw_loop *loop);

/* Calls `fn(ud)` once, later, in the order of the defers: the way in which an operation that fails
 * at once reports. A call deferred by a deferred call runs in the next iteration. */
void bw_loop_defer(struct bw_loop *loop, bw_loop_fn fn, void *ud);
/* Drops the deferred calls that were given this `ud`. */
void bw_loop_forget(struct bw_loop *loop, const void *ud);

/* Catches SIGTERM and SIGINT until destroy. Without it they end the process as usual. */
BW_MUST_USE enum bw_err bw_loop_catch_signals(struct bw_loop *loop, bw_loop_signal_fn fn, void *ud,
                                              struct bw_error *error);

/* Runs until bw_loop_stop, also when there is nothing to wait for. */
void bw_loop_run(struct bw_loop *loop);
void bw_loop_stop(struct bw_loop *loop); /* makes bw_loop_run return after this iteration */
/* One iteration; waits for something to happen. For start-up code that waits for one answer. */
void bw_loop_step(struct bw_loop *loop);

/* --- A timer for the layers that cannot see uv. Fires once per start, never early. */
struct bw_loop_timer;
struct bw_loop_timer *bw_loop_timer_create(struct bw_loop *loop, bw_loop_fn fn, void *ud);
void bw_loop_timer_destroy(
    struct bw_loop_timer *timer); /* NULL is fine; allowed inside its own callback */
void bw_loop_timer_start(struct bw_loop_timer *timer, int64_t delay_ms); /* again = moved */
void bw_loop_timer_stop(struct bw_loop_timer *timer);

#endif
