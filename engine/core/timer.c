/* timer.c - see timer.h. */
#include "core/timer.h"

#include "base/assert.h"
#include "base/mem.h"

void bw_timers_init(struct bw_timers *timers)
{
    *timers = (struct bw_timers){0};
}

void bw_timers_deinit(struct bw_timers *timers)
{
    for (size_t i = 0; i < timers->count; i++)
        timers->heap[i]->place = 0;
    bw_free(timers->heap);
    bw_timers_init(timers);
}

static bool is_before(const struct bw_timer *a, const struct bw_timer *b)
{
    return a->at_us != b->at_us ? a->at_us < b->at_us : a->order < b->order;
}

static void place(struct bw_timers *timers, struct bw_timer *timer, size_t at)
{
    timers->heap[at] = timer;
    timer->place = at + 1;
}

static void sift_up(struct bw_timers *timers, struct bw_timer *timer, size_t at)
{
    while (at > 0) {
        size_t parent = (at - 1) / 2;
        if (!is_before(timer, timers->heap[parent]))
            break;
        place(timers, timers->heap[parent], at);
        at = parent;
    }
    place(timers, timer, at);
}

static void sift_down(struct bw_timers *timers, struct bw_timer *timer, size_t at)
{
    for (;;) {
        size_t child = at * 2 + 1;
        if (child >= timers->count)
            break;
        if (child + 1 < timers->count && is_before(timers->heap[child + 1], timers->heap[child]))
            child++;
        if (!is_before(timers->heap[child], timer))
            break;
        place(timers, timers->heap[child], at);
        at = child;
    }
    place(timers, timer, at);
}

void bw_timer_arm(struct bw_timers *timers, struct bw_timer *timer, int64_t at_us)
{
    bw_timer_cancel(timers, timer);
    if (timers->count == timers->capacity) {
        timers->capacity = timers->capacity ? timers->capacity * 2 : 64;
        timers->heap = bw_xrealloc(timers->heap, timers->capacity * sizeof *timers->heap);
    }
    BW_ASSERT(timer->on_due);
    timer->at_us = at_us;
    timer->order = timers->order_next++;
    sift_up(timers, timer, timers->count++);
}

void bw_timer_cancel(struct bw_timers *timers, struct bw_timer *timer)
{
    if (timer->place == 0)
        return;
    size_t at = timer->place - 1;
    BW_ASSERT(at < timers->count && timers->heap[at] == timer);
    timer->place = 0;
    struct bw_timer *last = timers->heap[--timers->count];
    if (last == timer)
        return;
    if (at > 0 && is_before(last, timers->heap[(at - 1) / 2]))
        sift_up(timers, last, at);
    else
        sift_down(timers, last, at);
}

struct bw_timer *bw_timers_take(struct bw_timers *timers, int64_t now_us)
{
    if (timers->count == 0 || timers->heap[0]->at_us > now_us)
        return NULL;
    struct bw_timer *timer = timers->heap[0];
    bw_timer_cancel(timers, timer);
    return timer;
}

int64_t bw_timers_next_us(const struct bw_timers *timers)
{
    return timers->count ? timers->heap[0]->at_us : INT64_MAX;
}
