/* http_gate.h - how hard one tenant may press one host: concurrency, rate, and a circuit breaker.
 *
 * Offers:  enter (now, or later in turn), leave with what came of it.
 * Relies on: core/timer.h (monotonic). One gate for each tenant and origin (scheme, host, port): a
 *            tenant whose host is slow or down costs the others nothing.
 * Station 10 of docs/walk.md.
 *
 * Who has to wait waits in order, and its attempts are not used up by that. The breaker opens after
 * so many failed attempts in a row, whoever made them; from then on one request at a time tries,
 * after pauses that double, and the first that succeeds lets the others through. So a host that is
 * down for an hour does not park a thousand runs: they go on when it is back. Retry-After of one
 * answer (429, 503) holds all back. Whoever has waited for too long gives up. Nothing of this is
 * durable: after a restart a gate begins open, and learns again.
 */
#ifndef BW_CORE_HTTP_GATE_H
#define BW_CORE_HTTP_GATE_H

#include "base/id.h"
#include "base/str.h"
#include "base/list.h"
#include "core/timer.h"

struct bw_engine;
struct bw_gate;

enum bw_gate_verdict {
    BW_GATE_GOOD,      /* the host answered, whatever it said */
    BW_GATE_FAILED,    /* no answer, or a server error */
    BW_GATE_WITHDRAWN, /* nobody waited for the answer: says nothing about the host */
};

/* One request's way through; part of whoever sends. */
struct bw_gate_pass {
    struct bw_list link; /* while it waits */
    struct bw_gate *gate;
    bool is_inside; /* sent, its answer is awaited */
    bool is_trial;  /* sent alone, to see whether its host is back */
    int64_t since_us;
    /* Its turn has come: send. Called from the turn, never from bw_gate_enter. */
    void (*go)(struct bw_engine *engine, struct bw_gate_pass *pass);
    /* It has waited for too long; it is out. `failures` = in a row, of the host. */
    void (*give_up)(struct bw_engine *engine, struct bw_gate_pass *pass, unsigned failures);
};

void bw_gates_init(struct bw_list *gates);
void bw_gates_deinit(struct bw_list *gates); /* nobody is inside or waits any more */

/* True: send now. False: `go` or `give_up` will be called. */
bool bw_gate_enter(struct bw_engine *engine, struct bw_id tenant, struct bw_str url,
                   struct bw_gate_pass *pass);
/* From inside or from the queue; a pass that is at no gate is ignored. With `hold_ms` over 0 nobody
 * enters for so long. */
void bw_gate_leave(struct bw_engine *engine, struct bw_gate_pass *pass,
                   enum bw_gate_verdict verdict, int64_t hold_ms);

#endif
