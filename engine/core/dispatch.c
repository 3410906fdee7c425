/* dispatch.c - see dispatch.h. */
#include "core/dispatch.h"

#include "base/assert.h"
#include "base/fault.h"
#include "core/inside.h"
#include "core/pool.h"

#include <inttypes.h>
#include <stdio.h>

enum {
    TRIES_MAX = 3,       /* of a turn whose host dies */
    LIMIT_TRIES_MAX = 2, /* of a turn that runs into a limit: the second time in a fresh VM */
    WAKES_PER_FRAME = 256,
    EVICTS_PER_FRAME = 1024,
};

/* --- What hosts say, between turns: copied, nothing else. */

static struct bw_frame_in *frame_in(struct bw_host_slot *slot, struct bw_str payload)
{
    struct bw_frame_in *frame = bw_xcalloc(1, sizeof *frame);
    bw_arena_init(&frame->arena);
    frame->references = 1;
    frame->host = slot->index;
    frame->generation = slot->generation;
    frame->payload = bw_arena_copy(&frame->arena, payload);
    bw_list_push_back(&slot->engine->frames, &frame->link);
    return frame;
}

static void host_on_frame(void *ud, uint8_t type, struct bw_str payload)
{
    struct bw_host_slot *slot = ud;
    frame_in(slot, payload)->type = type;
    bw_engine_poke(slot->engine);
}

static void host_on_lost(void *ud, const char *reason)
{
    struct bw_host_slot *slot = ud;
    frame_in(slot, bw_str_of(reason))->is_loss = true;
    bw_engine_poke(slot->engine);
}

void bw_frame_unref(struct bw_frame_in *frame)
{
    BW_ASSERT(frame->references > 0);
    if (--frame->references > 0)
        return;
    bw_arena_deinit(&frame->arena);
    bw_free(frame);
}

/* --- Life. */

void bw_hosts_init(struct bw_engine *engine)
{
    size_t count = engine->config.host_count;
    BW_ASSERT(count > 0 && count <= BW_HOSTS_MAX);
    engine->hosts = bw_xcalloc(count, sizeof *engine->hosts);
    for (size_t i = 0; i < count; i++) {
        struct bw_host_slot *slot = &engine->hosts[i];
        slot->engine = engine;
        slot->host = engine->config.hosts[i];
        slot->index = (unsigned)i;
        bw_buf_init(&slot->buffer, BW_WIRE_FRAME_BYTES_MAX);
        slot->host->set_callbacks(slot->host->self, host_on_frame, host_on_lost, slot);
    }
    bw_pool_init(engine);
}

static void ignore_frame(void *ud, uint8_t type, struct bw_str payload)
{
    (void)ud;
    (void)type;
    (void)payload;
}

static void ignore_loss(void *ud, const char *reason)
{
    (void)ud;
    (void)reason;
}

void bw_hosts_deinit(struct bw_engine *engine)
{
    for (size_t i = 0; i < engine->config.host_count; i++) {
        struct bw_host_slot *slot = &engine->hosts[i];
        slot->host->set_callbacks(slot->host->self, ignore_frame, ignore_loss, NULL);
        bw_buf_deinit(&slot->buffer);
        bw_free(slot->wakes);
        bw_free(slot->evicts);
    }
    bw_free(engine->hosts);
    struct bw_list *link;
    while ((link = bw_list_pop_front(&engine->frames)))
        bw_frame_unref(bw_container_of(link, struct bw_frame_in, link));
}

/* --- Wakes out. */

void bw_host_teach(struct bw_host_slot *slot, struct bw_release *release)
{
    if (bw_release_is_at(release, slot->index))
        return;
    uint8_t type = bw_release_put(slot->engine, release, &slot->buffer);
    if (slot->buffer.is_over)
        bw_engine_log(slot->engine, "release_too_large", (struct bw_id){0},
                      "a release is over the %u bytes of a frame", BW_WIRE_FRAME_BYTES_MAX);
    else
        slot->host->send(slot->host->self, type, bw_buf_str(&slot->buffer));
    bw_buf_clear(&slot->buffer);
    bw_release_set_at(release, slot->index, true);
}

void bw_host_submit(struct bw_host_slot *slot, struct bw_run *run, const struct bw_wake *wake)
{
    BW_ASSERT(run->state == BW_RUN_STATE_EXECUTING);
    if (slot->wake_count == slot->wake_capacity) {
        slot->wake_capacity = slot->wake_capacity ? slot->wake_capacity * 2 : 64;
        slot->wakes = bw_xrealloc(slot->wakes, slot->wake_capacity * sizeof *slot->wakes);
    }
    slot->wakes[slot->wake_count++] = *wake;
    if (slot->executing_count == 0)
        bw_pool_heard(slot); /* its silence counts from here */
    slot->executing_count++;
    slot->engine->executing_count++;
    bw_sched_begun(&slot->engine->sched, run);
    run->host = slot->index;
    run->host_generation = slot->generation;
}

void bw_host_evict(struct bw_engine *engine, unsigned host, struct bw_id run)
{
    struct bw_host_slot *slot = &engine->hosts[host];
    if (slot->evict_count == slot->evict_capacity) {
        slot->evict_capacity = slot->evict_capacity ? slot->evict_capacity * 2 : 64;
        slot->evicts = bw_xrealloc(slot->evicts, slot->evict_capacity * sizeof *slot->evicts);
    }
    slot->evicts[slot->evict_count++] = run;
}

static void left_executing(struct bw_engine *engine, const struct bw_run *run)
{
    engine->hosts[run->host].executing_count--;
    engine->executing_count--;
    bw_sched_ended(&engine->sched, run);
}

static void send_wakes(struct bw_host_slot *slot, const struct bw_wake *wakes, size_t count)
{
    bw_wire_put_wakes(&slot->buffer, wakes, count);
    bool is_over = slot->buffer.is_over;
    (void)BW_FAULT(HOST_BEFORE_SUBMIT);
    if (!is_over)
        slot->host->send(slot->host->self, BW_FRAME_WAKES, bw_buf_str(&slot->buffer));
    bw_buf_clear(&slot->buffer);
    if (!is_over)
        return;
    if (count > 1) {
        send_wakes(slot, wakes, count / 2);
        send_wakes(slot, wakes + count / 2, count - count / 2);
        return;
    }
    struct bw_run *run = bw_engine_find(slot->engine, wakes->run);
    BW_ASSERT(run && run->state == BW_RUN_STATE_EXECUTING);
    left_executing(slot->engine, run);
    bw_engine_park(
        slot->engine, run, "LIMIT",
        "the run's history is too large to be replayed: long-lived runs must use checkpoint");
}

void bw_hosts_flush(struct bw_engine *engine)
{
    for (size_t i = 0; i < engine->config.host_count; i++) {
        struct bw_host_slot *slot = &engine->hosts[i];
        /* Evictions first: a run that left and came back in one turn is replayed into a fresh VM.
         */
        for (size_t at = 0; at < slot->evict_count; at += EVICTS_PER_FRAME) {
            size_t left = slot->evict_count - at;
            bw_wire_put_evict(&slot->buffer, slot->evicts + at,
                              left < EVICTS_PER_FRAME ? left : EVICTS_PER_FRAME);
            slot->host->send(slot->host->self, BW_FRAME_EVICT, bw_buf_str(&slot->buffer));
            bw_buf_clear(&slot->buffer);
        }
        slot->evict_count = 0;
        for (size_t at = 0; at < slot->wake_count; at += WAKES_PER_FRAME) {
            size_t left = slot->wake_count - at;
            send_wakes(slot, slot->wakes + at, left < WAKES_PER_FRAME ? left : WAKES_PER_FRAME);
        }
        slot->wake_count = 0;
    }
}

/* --- Results in. */

/* Its shard had another owner while the host had it. When that one is gone, and the shard ours
 * again, what looked for runs meanwhile met this one in memory and left it alone: it is found here.
 */
static void let_doomed_go(struct bw_engine *engine, struct bw_run *run)
{
    struct bw_id tenant = run->tenant, id = run->keyed.id;
    bw_inbox_untake(&run->inbox);
    run->state = BW_RUN_STATE_READY;
    bw_run_evict(engine, run);
    bw_engine_touch(engine, tenant, id);
}

static void give_up_host(struct bw_engine *engine, struct bw_run *run, const char *reason)
{
    if (run->is_doomed) {
        bw_run_lost_vm(engine, run);
        let_doomed_go(engine, run);
        return;
    }
    if (++run->tries < TRIES_MAX) {
        bw_run_retry(engine, run);
        return;
    }
    char text[512];
    snprintf(text, sizeof text, "the script host was lost %d times in this turn, last: %.300s",
             TRIES_MAX, reason);
    bw_engine_park(engine, run, "UNAVAILABLE", text);
}

/* Every run it held is to be replayed elsewhere. */
static void host_lost(struct bw_engine *engine, unsigned host, const char *reason)
{
    struct bw_run **executing;
    size_t count;
    bw_engine_log(engine, "host_lost", (struct bw_id){0}, "host %u: %s", host, reason);
    (void)BW_FAULT(HOST_LOST);
    bw_releases_forget_host(&engine->releases, host);
    engine->hosts[host].generation++;
    bw_pool_forget_residents(engine, host, &executing, &count);
    for (size_t i = 0; i < count; i++) {
        left_executing(engine, executing[i]);
        give_up_host(engine, executing[i], reason);
    }
}

/* Nothing it says is of use any more, or it says nothing: a fresh process. */
static void host_failed(struct bw_engine *engine, unsigned host, const char *reason)
{
    host_lost(engine, host, reason);
    bw_pool_restart(&engine->hosts[host]);
}

static void over_limit(struct bw_engine *engine, struct bw_run *run,
                       const struct bw_turn_result *result)
{
    const struct bw_engine_limits *limits = &engine->limits;
    struct bw_value where = result->value.len ? bw_value_read(result->value) : (struct bw_value){0};
    struct bw_str file = bw_value_get_str(&where, "file", BW_STR_NONE);
    bool is_memory = result->status == BW_TURN_MEMORY;
    int64_t limit = bw_value_get_int(
        &where, "limit", (int64_t)(is_memory ? limits->memory_bytes_max : limits->steps_max));
    const char *whose = bw_value_get_bool(&where, "is_stated", false)
                            ? "that the workflow states as its limits"
                            : "that a workflow has when it states no limits";
    char place[160] = "", text[768];
    const char *code = "MEMORY";

    bw_host_evict(engine, run->host, run->keyed.id);
    bw_run_lost_vm(engine, run);
    if (++run->limit_tries < LIMIT_TRIES_MAX) {
        bw_run_retry(engine, run);
        return;
    }
    if (file.len)
        snprintf(place, sizeof place, " (%.100s:%" PRId64 ")",
                 bw_arena_cstr(&engine->scratch, file), bw_value_get_int(&where, "line", 0));
    if (result->status == BW_TURN_BUDGET) {
        code = "BUDGET";
        snprintf(
            text, sizeof text,
            "the script used up the %" PRId64
            " steps in one turn %s, twice%s: is there an endless loop? A workflow that has that "
            "much to do says limits = { steps = \"50M\" } in workflow.define (50M is the "
            "most), or waits in between",
            limit, whose, place);
    } else if (result->status == BW_TURN_WALL) {
        code = "WALL";
        snprintf(text, sizeof text,
                 "the script was at work for more than %" PRIu64
                 " ms in one turn, twice%s: does it compare or build very long texts?",
                 limits->wall_us_max / 1000, place);
    } else {
        snprintf(
            text, sizeof text,
            "the script reached the %" PRId64
            " bytes of memory %s, twice. A workflow that has to hold that much says limits = { "
            "memory = \"64MiB\" } in workflow.define (64MiB is the most), or reads less at a "
            "time",
            limit, whose);
    }
    bw_engine_park(engine, run, code, text);
}

static enum bw_err take_result(struct bw_engine *engine, struct bw_frame_in *frame,
                               const struct bw_turn_result *result, struct bw_error *error)
{
    struct bw_run *run = bw_engine_find(engine, result->run);
    if (!run || run->state != BW_RUN_STATE_EXECUTING || run->host != frame->host ||
        result->turn != run->head + 1)
        return bw_fail(error, BW_ERR_CORRUPT, "a result for turn %" PRIu64 " that nobody asked for",
                       result->turn);
    if (run->is_doomed) {
        left_executing(engine, run);
        run->is_resident = true;
        let_doomed_go(engine, run);
        return BW_ERR_OK;
    }
    switch (result->status) {
    case BW_TURN_MISSING:
    case BW_TURN_NO_RELEASE:
        left_executing(engine, run);
        if (result->status == BW_TURN_NO_RELEASE)
            bw_release_set_at(bw_release_get(engine, run->release_hash), frame->host, false);
        if (run->is_resident && result->status == BW_TURN_MISSING)
            bw_run_retry(engine, run); /* the host had to forget it: it gets the journal */
        else
            give_up_host(engine, run, "it does not know what it was just sent");
        return BW_ERR_OK;
    case BW_TURN_BUDGET:
    case BW_TURN_MEMORY:
    case BW_TURN_WALL:
        left_executing(engine, run);
        over_limit(engine, run, result);
        return BW_ERR_OK;
    default:
        break;
    }
    struct bw_batch *batch = bw_group_batch(engine);
    batch->frame = frame;
    frame->references++;
    enum bw_err code = bw_run_accept(engine, run, result, batch, error);
    if (code != BW_ERR_OK) {
        bw_group_release(engine, batch);
        return code;
    }
    left_executing(engine, run);
    run->is_resident = result->status == BW_TURN_WAITING || result->status == BW_TURN_FAILED ||
                       result->status == BW_TURN_NONDETERMINISM;
    bw_run_count_vm(engine, run, result->memory_bytes);
    bw_group_add(engine, batch);
    (void)BW_FAULT(TURN_PLANNED);
    return BW_ERR_OK;
}

static void take_frame(struct bw_engine *engine, struct bw_frame_in *frame)
{
    struct bw_error error;
    struct bw_turn_result *results;
    size_t count;
    struct bw_host_slot *slot = &engine->hosts[frame->host];
    if (frame->generation != slot->generation)
        return; /* said by a process that is gone */
    bw_pool_heard(slot);
    if (frame->is_loss) {
        host_lost(engine, frame->host, frame->payload.ptr);
        return;
    }
    if (frame->type == BW_FRAME_ALIVE)
        return;
    if (frame->type == BW_FRAME_HELLO) {
        struct bw_hello hello;
        if (bw_wire_get_hello(frame->payload, &hello, &error))
            host_failed(engine, frame->host, error.text);
        else if (hello.wire_version != BW_WIRE_FRAMES_VERSION)
            host_failed(engine, frame->host, "billow-host is of another version: install it again");
        return;
    }
    (void)BW_FAULT(HOST_AFTER_RESULT);
    enum bw_err code =
        frame->type == BW_FRAME_RESULTS
            ? bw_wire_get_results(frame->payload, &frame->arena, &results, &count, &error)
            : bw_fail(&error, BW_ERR_CORRUPT, "a frame of type %u", frame->type);
    for (size_t i = 0; code == BW_ERR_OK && i < count; i++)
        code = take_result(engine, frame, &results[i], &error);
    /* Nothing a broken host says is believed: its turns did not happen. */
    if (code != BW_ERR_OK)
        host_failed(engine, frame->host, error.text);
}

void bw_hosts_take(struct bw_engine *engine)
{
    struct bw_list *link;
    while ((link = bw_list_pop_front(&engine->frames))) {
        struct bw_frame_in *frame = bw_container_of(link, struct bw_frame_in, link);
        take_frame(engine, frame);
        bw_frame_unref(frame);
    }
    for (size_t i = 0; i < engine->config.host_count; i++) {
        if (bw_pool_is_silent(&engine->hosts[i]))
            host_failed(engine, (unsigned)i, "it did not answer for 3 s: it hangs");
    }
}
