/* loop.c - see loop.h.
 *
 * A check handle ends every iteration: it runs deferred calls and the turn. An idle handle is
 * active exactly while there is such work, because it keeps the poll before the check from waiting.
 */
#include "io/loop.h"

#include "base/assert.h"
#include "base/mem.h"
#include <signal.h>
#include <stdio.h>
#include <uv.h>

struct deferred {
    bw_loop_fn fn; /* NULL: forgotten */
    void *ud;
};

struct deferred_list {
    struct deferred *items;
    size_t count;
    size_t capacity;
};

struct bw_loop {
    uv_loop_t uv;
    uv_check_t check;      /* end of iteration */
    uv_idle_t idle;        /* active while there is work for the check */
    uv_timer_t turn_timer; /* the next wanted turn */
    uv_timer_t
        keep_alive; /* active in bw_loop_run, so that an empty loop waits instead of returning */
    uv_signal_t sigterm;
    uv_signal_t sigint;
    bw_loop_turn_fn turn;
    void *turn_ud;
    bw_loop_signal_fn on_signal; /* NULL: signals are not caught */
    void *signal_ud;
    struct deferred_list waiting; /* to be run at the end of this iteration */
    struct deferred_list running; /* being run; swapped with `waiting` */
    bool is_turn_requested;
    bool is_in_turn;
    bool is_stopping;
};

#define KEEP_ALIVE_MS (3600u * 1000u)

static void idle_nothing(uv_idle_t *handle)
{
    (void)handle;
}

static void wake_check(struct bw_loop *loop)
{
    uv_idle_start(&loop->idle, idle_nothing); /* no-op when active */
}

static void run_deferred(struct bw_loop *loop)
{
    struct deferred_list batch = loop->waiting;
    loop->waiting = loop->running;
    loop->waiting.count = 0;
    loop->running = batch;
    for (size_t i = 0; i < loop->running.count; i++) {
        struct deferred item =
            loop->running.items[i]; /* a forget may clear the slot of a later one */
        if (item.fn)
            item.fn(item.ud);
    }
    loop->running.count = 0;
}

static void on_turn_due(uv_timer_t *handle)
{
    bw_loop_request_turn(handle->data);
}

static void run_turn(struct bw_loop *loop)
{
    loop->is_turn_requested = false;
    if (!loop->turn)
        return;
    loop->is_in_turn = true;
    int64_t delay_ms = loop->turn(loop->turn_ud);
    loop->is_in_turn = false;
    if (delay_ms < 0) {
        uv_timer_stop(&loop->turn_timer);
        return;
    }
    uv_update_time(&loop->uv); /* the turn took time: do not count it as waited */
    uv_timer_start(&loop->turn_timer, on_turn_due, (uint64_t)delay_ms, 0);
}

static void on_check(uv_check_t *handle)
{
    struct bw_loop *loop = handle->data;
    if (loop->waiting.count > 0)
        run_deferred(loop);
    if (loop->is_turn_requested)
        run_turn(loop);
    if (loop->waiting.count == 0 && !loop->is_turn_requested)
        uv_idle_stop(&loop->idle);
}

struct bw_loop *bw_loop_create(void)
{
    struct bw_loop *loop = bw_xcalloc(1, sizeof *loop);
    int rc = uv_loop_init(&loop->uv);
    BW_ASSERT(rc == 0); /* only fails without memory or descriptors, before anything runs */
    uv_check_init(&loop->uv, &loop->check);
    uv_idle_init(&loop->uv, &loop->idle);
    uv_timer_init(&loop->uv, &loop->turn_timer);
    uv_timer_init(&loop->uv, &loop->keep_alive);
    uv_signal_init(&loop->uv, &loop->sigterm);
    uv_signal_init(&loop->uv, &loop->sigint);
    loop->check.data = loop;
    loop->turn_timer.data = loop;
    loop->sigterm.data = loop;
    loop->sigint.data = loop;
    uv_check_start(&loop->check, on_check);
    uv_unref((uv_handle_t *)&loop->check);
    signal(SIGPIPE,
           SIG_IGN); /* a peer that went away is an error of that write, not of the process */
    return loop;
}

static void check_is_closing(uv_handle_t *handle, void *ud)
{
    (void)ud;
    if (uv_is_closing(handle))
        return;
    fprintf(stderr, "billow: bug: a %s handle is still open when its loop ends\n",
            uv_handle_type_name(uv_handle_get_type(handle)));
    BW_UNREACHABLE();
}

void bw_loop_destroy(struct bw_loop *loop)
{
    if (!loop)
        return;
    uv_close((uv_handle_t *)&loop->check, NULL);
    uv_close((uv_handle_t *)&loop->idle, NULL);
    uv_close((uv_handle_t *)&loop->turn_timer, NULL);
    uv_close((uv_handle_t *)&loop->keep_alive, NULL);
    uv_close((uv_handle_t *)&loop->sigterm, NULL);
    uv_close((uv_handle_t *)&loop->sigint, NULL);
    uv_walk(&loop->uv, check_is_closing, NULL);
    uv_run(&loop->uv, UV_RUN_DEFAULT);
    int rc = uv_loop_close(&loop->uv);
    BW_ASSERT(rc == 0);
    bw_free(loop->waiting.items);
    bw_free(loop->running.items);
    bw_free(loop);
}

struct uv_loop_s *bw_loop_uv(struct bw_loop *loop)
{
    return &loop->uv;
}

void bw_loop_set_turn(struct bw_loop *loop, bw_loop_turn_fn turn, void *ud)
{
    loop->turn = turn;
    loop->turn_ud = ud;
    if (!turn)
        uv_timer_stop(&loop->turn_timer);
}

void bw_loop_request_turn(struct bw_loop *loop)
{
    if (loop->is_turn_requested)
        return;
    loop->is_turn_requested = true;
    wake_check(loop);
}

void bw_loop_defer(struct bw_loop *loop, bw_loop_fn fn, void *ud)
{
    BW_ASSERT(fn != NULL);
    struct deferred_list *list = &loop->waiting;
    if (list->count == list->capacity) {
        list->capacity = list->capacity ? list->capacity * 2 : 16;
        list->items = bw_xrealloc(list->items, list->capacity * sizeof *list->items);
    }
    list->items[list->count++] = (struct deferred){fn, ud};
    wake_check(loop);
}

void bw_loop_forget(struct bw_loop *loop, const void *ud)
{
    for (size_t i = 0; i < loop->waiting.count; i++)
        if (loop->waiting.items[i].ud == ud)
            loop->waiting.items[i].fn = NULL;
    for (size_t i = 0; i < loop->running.count; i++)
        if (loop->running.items[i].ud == ud)
            loop->running.items[i].fn = NULL;
}

static void on_signal(uv_signal_t *handle, int signal_number)
{
    struct bw_loop *loop = handle->data;
    loop->on_signal(loop->signal_ud, signal_number);
}

enum bw_err bw_loop_catch_signals(struct bw_loop *loop, bw_loop_signal_fn fn, void *ud,
                                  struct bw_error *error)
{
    loop->on_signal = fn;
    loop->signal_ud = ud;
    int rc = uv_signal_start(&loop->sigterm, on_signal, SIGTERM);
    if (rc == 0)
        rc = uv_signal_start(&loop->sigint, on_signal, SIGINT);
    if (rc != 0)
        return bw_fail(error, BW_ERR_IO, "cannot catch SIGTERM and SIGINT: %s", uv_strerror(rc));
    uv_unref((uv_handle_t *)&loop->sigterm);
    uv_unref((uv_handle_t *)&loop->sigint);
    return BW_ERR_OK;
}

static void keep_alive_nothing(uv_timer_t *handle)
{
    (void)handle;
}

void bw_loop_run(struct bw_loop *loop)
{
    loop->is_stopping = false;
    uv_timer_start(&loop->keep_alive, keep_alive_nothing, KEEP_ALIVE_MS, KEEP_ALIVE_MS);
    while (!loop->is_stopping)
        uv_run(&loop->uv, UV_RUN_ONCE);
    uv_timer_stop(&loop->keep_alive);
}

void bw_loop_stop(struct bw_loop *loop)
{
    loop->is_stopping = true;
    wake_check(loop); /* a stop from outside a callback must not wait for the next event */
}

void bw_loop_step(struct bw_loop *loop)
{
    BW_ASSERT(!loop->is_in_turn);
    uv_run(&loop->uv, UV_RUN_ONCE);
}

/* --- timers */

struct bw_loop_timer {
    uv_timer_t uv;
    bw_loop_fn fn;
    void *ud;
};

struct bw_loop_timer *bw_loop_timer_create(struct bw_loop *loop, bw_loop_fn fn, void *ud)
{
    struct bw_loop_timer *timer = bw_xcalloc(1, sizeof *timer);
    uv_timer_init(&loop->uv, &timer->uv);
    timer->uv.data = timer;
    timer->fn = fn;
    timer->ud = ud;
    return timer;
}

static void on_timer_closed(uv_handle_t *handle)
{
    bw_free(handle->data);
}

void bw_loop_timer_destroy(struct bw_loop_timer *timer)
{
    if (timer)
        uv_close((uv_handle_t *)&timer->uv, on_timer_closed);
}

static void on_timer_due(uv_timer_t *handle)
{
    struct bw_loop_timer *timer = handle->data;
    timer->fn(timer->ud);
}

void bw_loop_timer_start(struct bw_loop_timer *timer, int64_t delay_ms)
{
    uv_update_time(timer->uv.loop);
    /* One more millisecond: uv cuts its clock to whole ones and could fire a fraction early. */
    uint64_t delay = delay_ms > 0 ? (uint64_t)delay_ms + 1 : 0;
    uv_timer_start(&timer->uv, on_timer_due, delay, 0);
}

void bw_loop_timer_stop(struct bw_loop_timer *timer)
{
    uv_timer_stop(&timer->uv);
}
