/* http_gate.c - see http_gate.h. */
#include "core/http_gate.h"

#include "base/assert.h"
#include "core/inside.h"

enum {
    OPEN_PAUSE_MS_MIN = 1000,
    OPEN_PAUSE_MS_MAX = 60 * 1000,
    WAIT_MS_MAX = 15 * 60 * 1000,
    IDLE_MS_MAX = 60 * 1000,
};

struct bw_gate {
    struct bw_list link;
    struct bw_id tenant;
    char *origin; /* "https://erp.example:8443", in lower case */
    size_t inside_count;
    struct bw_list waiting; /* the first one first */
    unsigned failures;      /* in a row */
    int64_t pause_ms;       /* between two tries; 0 = the breaker is closed */
    int64_t open_until_us;  /* the next try */
    int64_t hold_until_us;  /* Retry-After */
    int64_t tokens;         /* in millionths of a request */
    int64_t filled_us;
    struct bw_timer timer; /* monotonic: somebody may enter, or has to give up */
};

static int64_t now_us(const struct bw_engine *engine)
{
    return engine->now_ns / BW_NS_PER_US;
}

void bw_gates_init(struct bw_list *gates)
{
    bw_list_init(gates);
}

static void gate_free(struct bw_gate *gate)
{
    BW_ASSERT(gate->inside_count == 0 && bw_list_is_empty(&gate->waiting));
    bw_list_remove(&gate->link);
    bw_free(gate->origin);
    bw_free(gate);
}

void bw_gates_deinit(struct bw_list *gates)
{
    while (!bw_list_is_empty(gates))
        gate_free(bw_container_of(gates->next, struct bw_gate, link));
}

/* Up to the path; user names belong to no origin, but nobody may send them anyway. */
static struct bw_str origin_of(struct bw_str url)
{
    size_t len = 0, slashes = 0;
    for (; len < url.len && url.ptr[len] != '?' && url.ptr[len] != '#'; len++) {
        slashes += url.ptr[len] == '/';
        if (slashes == 3)
            break;
    }
    return bw_str(url.ptr, len);
}

static bool is_origin(const char *origin, struct bw_str url)
{
    size_t i = 0;
    for (; i < url.len; i++) {
        char c = url.ptr[i] >= 'A' && url.ptr[i] <= 'Z' ? (char)(url.ptr[i] + 32) : url.ptr[i];
        if (origin[i] != c)
            return false;
    }
    return origin[i] == '\0';
}

static void gate_due(struct bw_engine *engine, struct bw_timer *timer);

static struct bw_gate *gate_make(struct bw_engine *engine, struct bw_id tenant,
                                 struct bw_str origin)
{
    struct bw_gate *gate = bw_xcalloc(1, sizeof *gate);
    gate->tenant = tenant;
    gate->origin = bw_xstrndup(origin.ptr, origin.len);
    for (char *at = gate->origin; *at; at++)
        *at = *at >= 'A' && *at <= 'Z' ? (char)(*at + 32) : *at;
    bw_list_init(&gate->waiting);
    gate->tokens = engine->limits.http_rate_max * BW_US_PER_S;
    gate->filled_us = now_us(engine);
    gate->timer.on_due = gate_due;
    bw_list_push_back(&engine->gates, &gate->link);
    return gate;
}

/* The tenant's gate of this origin. Those that nobody needs any more leave on the way. */
static struct bw_gate *gate_find(struct bw_engine *engine, struct bw_id tenant, struct bw_str url)
{
    struct bw_str origin = origin_of(url);
    struct bw_gate *found = NULL;
    for (struct bw_list *link = engine->gates.next; link != &engine->gates;) {
        struct bw_gate *gate = bw_container_of(link, struct bw_gate, link);
        link = link->next;
        bool is_idle = gate->inside_count == 0 && bw_list_is_empty(&gate->waiting) &&
                       now_us(engine) - gate->filled_us > IDLE_MS_MAX * BW_US_PER_MS &&
                       gate->hold_until_us <= now_us(engine);
        if (bw_id_eq(gate->tenant, tenant) && is_origin(gate->origin, origin))
            found = gate;
        else if (is_idle)
            gate_free(gate);
    }
    return found ? found : gate_make(engine, tenant, origin);
}

/* A bucket that holds what one second allows. */
static void refill(struct bw_engine *engine, struct bw_gate *gate)
{
    int64_t rate = engine->limits.http_rate_max, now = now_us(engine);
    int64_t elapsed_us = now - gate->filled_us;
    if (elapsed_us > BW_US_PER_S)
        elapsed_us = BW_US_PER_S;
    gate->tokens += elapsed_us * rate;
    if (gate->tokens > rate * BW_US_PER_S)
        gate->tokens = rate * BW_US_PER_S;
    gate->filled_us = now;
}

/* When the next one may enter, as far as time decides it; INT64_MAX: when somebody leaves. */
static int64_t opens_us(struct bw_engine *engine, struct bw_gate *gate)
{
    int64_t at_us = now_us(engine), rate = engine->limits.http_rate_max;
    size_t inside_max = gate->pause_ms ? 1 : engine->limits.http_inside_max;
    if (gate->inside_count >= inside_max)
        return INT64_MAX;
    if (gate->hold_until_us > at_us)
        at_us = gate->hold_until_us;
    if (gate->pause_ms && gate->open_until_us > at_us)
        at_us = gate->open_until_us;
    if (rate > 0) {
        refill(engine, gate);
        if (gate->tokens < BW_US_PER_S) {
            int64_t full_us = now_us(engine) + (BW_US_PER_S - gate->tokens + rate - 1) / rate;
            at_us = full_us > at_us ? full_us : at_us;
        }
    }
    return at_us;
}

static void let_in(struct bw_engine *engine, struct bw_gate *gate, struct bw_gate_pass *pass)
{
    gate->inside_count++;
    gate->tokens -= engine->limits.http_rate_max > 0 ? BW_US_PER_S : 0;
    pass->is_inside = true;
    pass->is_trial = gate->pause_ms > 0;
}

static struct bw_gate_pass *first_of(const struct bw_gate *gate)
{
    return bw_container_of(gate->waiting.next, struct bw_gate_pass, link);
}

/* Lets in who may enter, and arms the timer for who may not yet. */
static void look(struct bw_engine *engine, struct bw_gate *gate)
{
    bw_timer_cancel(&engine->timers_mono, &gate->timer);
    if (engine->phase >= BW_ENGINE_STOPPED)
        return; /* the effects of this process are ending: nothing of them leaves any more */
    while (!bw_list_is_empty(&gate->waiting)) {
        struct bw_gate_pass *pass = first_of(gate);
        int64_t at_us = opens_us(engine, gate);
        int64_t late_us = pass->since_us + WAIT_MS_MAX * BW_US_PER_MS;
        if (at_us > now_us(engine)) {
            bw_timer_arm(&engine->timers_mono, &gate->timer, at_us < late_us ? at_us : late_us);
            return;
        }
        bw_list_remove(&pass->link);
        let_in(engine, gate, pass);
        pass->go(engine, pass);
    }
}

static void gate_due(struct bw_engine *engine, struct bw_timer *timer)
{
    struct bw_gate *gate = bw_container_of(timer, struct bw_gate, timer);
    bool is_open = opens_us(engine, gate) <= now_us(engine);
    while (!is_open && !bw_list_is_empty(&gate->waiting)) {
        struct bw_gate_pass *pass = first_of(gate);
        if (pass->since_us + WAIT_MS_MAX * BW_US_PER_MS > now_us(engine))
            break;
        bw_list_remove(&pass->link);
        pass->gate = NULL;
        pass->give_up(engine, pass, gate->failures);
    }
    look(engine, gate);
}

bool bw_gate_enter(struct bw_engine *engine, struct bw_id tenant, struct bw_str url,
                   struct bw_gate_pass *pass)
{
    BW_ASSERT(!pass->gate);
    struct bw_gate *gate = gate_find(engine, tenant, url);
    pass->gate = gate;
    pass->is_inside = false;
    pass->since_us = now_us(engine);
    bw_list_init(&pass->link);
    if (bw_list_is_empty(&gate->waiting) && opens_us(engine, gate) <= now_us(engine)) {
        let_in(engine, gate, pass);
        return true;
    }
    bool is_first = bw_list_is_empty(&gate->waiting);
    bw_list_push_back(&gate->waiting, &pass->link);
    if (is_first)
        look(engine, gate); /* nobody may enter now: arms the timer */
    return false;
}

/* Of the many that were under way when a host went down only the first ones count: their failing
 * says no more than that it is down, and only a trial that fails makes the next pause longer. */
static void judge(struct bw_engine *engine, struct bw_gate *gate, bool is_trial,
                  enum bw_gate_verdict verdict)
{
    if (verdict == BW_GATE_GOOD) {
        if (gate->pause_ms)
            bw_engine_log(engine, "host_recovered", (struct bw_id){0}, "%s answers again",
                          gate->origin);
        gate->failures = 0;
        gate->pause_ms = 0;
    } else if (verdict == BW_GATE_FAILED && ++gate->failures >= engine->limits.http_failures_max) {
        if (gate->pause_ms && !is_trial)
            return;
        if (!gate->pause_ms)
            bw_engine_log(engine, "host_failing", (struct bw_id){0},
                          "%s failed %u times in a row: one request at a time tries from now on",
                          gate->origin, gate->failures);
        gate->pause_ms = gate->pause_ms ? gate->pause_ms * 2 : OPEN_PAUSE_MS_MIN;
        if (gate->pause_ms > OPEN_PAUSE_MS_MAX)
            gate->pause_ms = OPEN_PAUSE_MS_MAX;
        gate->open_until_us = now_us(engine) + gate->pause_ms * BW_US_PER_MS;
    }
}

void bw_gate_leave(struct bw_engine *engine, struct bw_gate_pass *pass,
                   enum bw_gate_verdict verdict, int64_t hold_ms)
{
    struct bw_gate *gate = pass->gate;
    if (!gate)
        return;
    pass->gate = NULL;
    if (!pass->is_inside) {
        bw_list_remove(&pass->link);
        return;
    }
    pass->is_inside = false;
    gate->inside_count--;
    judge(engine, gate, pass->is_trial, verdict);
    int64_t hold_until_us = now_us(engine) + hold_ms * BW_US_PER_MS;
    if (hold_ms > 0 && hold_until_us > gate->hold_until_us)
        gate->hold_until_us = hold_until_us;
    look(engine, gate);
}
