/* failover.c - see failover.h. Part of the engine (core/inside.h). */
#include "core/failover.h"

#include "base/assert.h"
#include "core/inside.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum {
    WINDOW_S = 60,    /* turns older than this are taken for replicated */
    RING_MAX = 16384, /* turns that are remembered */
    ASKED_BYTES_MAX = 1000,
    AGAIN_MS = 200,
};

/* --- What was acknowledged ------------------------------------------------------------------- */

static void note(struct bw_engine *engine, const struct bw_turn_ref *ref, struct bw_id parent,
                 char *asked)
{
    struct bw_failover *failover = &engine->failover;
    if (!engine->config.store->check_turns) {
        bw_free(asked);
        return;
    }
    if (!failover->ring)
        failover->ring = bw_xcalloc(RING_MAX, sizeof *failover->ring);
    struct bw_failover_turn *turn = &failover->ring[failover->next];
    bw_free(turn->asked);
    *turn = (struct bw_failover_turn){
        .ref = *ref, .parent = parent, .at_ns = engine->now_ns, .asked = asked};
    failover->next = (failover->next + 1) % RING_MAX;
    failover->count += failover->count < RING_MAX;
}

void bw_failover_note_start(struct bw_engine *engine, struct bw_id tenant, struct bw_id run)
{
    note(engine, &(struct bw_turn_ref){.tenant = tenant, .run = run}, (struct bw_id){{0}}, NULL);
}

/* "POST https://bank.example/payments (once, key ...)": requests that may have changed something.
 */
static void put_request(const struct bw_effect *effect, struct bw_buf *text)
{
    struct bw_value args = bw_value_read(effect->args);
    struct bw_str method = bw_value_get_str(&args, "method", BW_STR("GET"));
    struct bw_str key = bw_value_get_str(&args, "idempotency_key", BW_STR_NONE);
    char id[BW_ID_TEXT_LEN + 1];
    if (strcmp(effect->kind->name, "http") != 0 || bw_str_eq(method, BW_STR("GET")) ||
        bw_str_eq(method, BW_STR("HEAD")))
        return;
    bw_id_print(effect->run->keyed.id, id);
    bw_buf_printf(text, "%s%.*s %.*s (%skey ", text->len ? "; " : "", BW_STR_ARG(method),
                  BW_STR_ARG(bw_value_get_str(&args, "url", BW_STR_NONE)),
                  bw_value_get_bool(&args, "once", false) ? "once, " : "");
    if (key.len)
        bw_buf_printf(text, "%.*s)", BW_STR_ARG(key));
    else
        bw_buf_printf(text, "%s/%" PRIu64 ")", id, effect->seq);
}

void bw_failover_note_turn(struct bw_engine *engine, const struct bw_batch *batch)
{
    const struct bw_turn_commit *commit = &batch->commit;
    struct bw_buf text;
    bw_buf_init(&text, ASKED_BYTES_MAX);
    for (size_t i = 0; i < batch->begin_count; i++)
        put_request(batch->begins[i], &text);
    note(engine,
         &(struct bw_turn_ref){.tenant = commit->tenant,
                               .run = commit->run,
                               .batch = commit->batch,
                               .turn = commit->expected_head + 1},
         batch->run->parent,
         text.len || text.is_over ? bw_xstrdup(text.len ? bw_buf_cstr(&text) : "requests") : NULL);
    bw_buf_deinit(&text);
}

/* --- What is not there any more -------------------------------------------------------------- */

static void again(struct bw_engine *engine)
{
    struct bw_failover *failover = &engine->failover;
    failover->is_checking = false;
    bw_timer_arm(&engine->timers_mono, &failover->timer,
                 engine->now_ns / BW_NS_PER_US + AGAIN_MS * BW_US_PER_MS);
}

static void again_due(struct bw_engine *engine, struct bw_timer *timer)
{
    (void)timer; /* bw_failover_turn is part of this turn */
    (void)engine;
}

static void forget_lost(struct bw_failover *failover)
{
    for (size_t i = 0; i < failover->lost_count; i++)
        bw_free(failover->lost[i].asked);
    bw_free(failover->lost);
    failover->lost = NULL;
    failover->lost_count = 0;
}

static void forget_ring(struct bw_failover *failover)
{
    for (size_t i = 0; i < failover->count; i++) {
        bw_free(failover->ring[i].asked);
        failover->ring[i].asked = NULL;
    }
    failover->count = failover->next = 0;
}

static void ignore_value(void *ud, const struct bw_error *error, struct bw_str value)
{
    (void)ud;
    (void)error;
    (void)value;
}

/* The finding is recorded: memory is emptied, and our shards are asked for anew. Their new epochs
 * fence whatever of ours is still under way. What others held is theirs for the time of a lease,
 * whatever the rows say of owners: only they know what they had done. */
static void start_over(struct bw_engine *engine)
{
    struct bw_failover *failover = &engine->failover;
    struct bw_lease *lease = &engine->lease;
    if (engine->config.store->look_at_history) { /* whoever starts later need not suspect */
        struct bw_store *store = engine->config.store;
        store->look_at_history(store->self, true, failover->at_us, ignore_value, NULL);
    }
    engine->counters.failovers++;
    engine->counters.failover_lost_turns += failover->lost_count;
    forget_lost(
        failover); /* not the turns: the next failover may lose what was told of them, too */
    bw_shards held = bw_lease_held(engine);
    if (held)
        lease->spared = ~held;
    lease->spared_until_ns = engine->now_ns + engine->config.lease_ms * BW_NS_PER_MS;
    memset(lease->epochs, 0, sizeof lease->epochs);
    lease->owned_count = 0;
    for (uint32_t shard = 0; shard < BW_SHARD_COUNT; shard++) {
        if (held >> shard & 1)
            bw_engine_let_go(engine, shard);
    }
    failover->is_checking = failover->is_open = false;
    if (!lease->is_in_flight)
        bw_lease_acquire(engine);
}

void bw_failover_recorded(struct bw_engine *engine, bool is_done)
{
    struct bw_failover *failover = &engine->failover;
    failover->has_failed = failover->has_failed || !is_done;
    if (--failover->records > 0)
        return;
    if (failover->has_failed)
        again(engine); /* the same record, the same message twice is one */
    else
        start_over(engine);
}

static void audited(struct bw_engine *engine, struct bw_call *call)
{
    bw_failover_recorded(engine, call->code == BW_ERR_OK);
}

static struct bw_id parent_of(const struct bw_failover *failover, struct bw_id run)
{
    for (size_t i = 0; i < failover->count; i++) {
        if (bw_id_eq(failover->ring[i].ref.run, run) && !bw_id_is_zero(failover->ring[i].parent))
            return failover->ring[i].parent;
    }
    return (struct bw_id){{0}};
}

static void stop_run(struct bw_engine *engine, size_t lost, struct bw_id run);

/* A run that is gone with its start comes back under the same id when its caller goes on: then that
 * one has to stop. Who was started by nobody comes back under another id, if at all, and a run that
 * has ended sends nothing more. */
static void told_to_stop(struct bw_engine *engine, struct bw_call *call)
{
    struct bw_id parent = parent_of(&engine->failover, call->id);
    if (call->code == BW_ERR_NOT_FOUND && !bw_id_is_zero(parent))
        stop_run(engine, (size_t)call->number, parent);
    bw_failover_recorded(engine, call->code == BW_ERR_OK || call->code == BW_ERR_NOT_FOUND ||
                                     call->code == BW_ERR_CONFLICT);
}

static void stop_run(struct bw_engine *engine, size_t lost, struct bw_id run)
{
    struct bw_failover *failover = &engine->failover;
    const struct bw_failover_turn *turn = &failover->lost[lost];
    struct bw_store *store = engine->config.store;
    struct bw_call *call = bw_call_open(engine, told_to_stop);
    char batch[BW_ID_TEXT_LEN + 1], key[sizeof BW_STORE_STOP + BW_ID_TEXT_LEN];
    struct bw_buf value;
    bw_id_print(turn->ref.batch, batch);
    int len = snprintf(key, sizeof key, "%s%s", BW_STORE_STOP, batch);
    bw_buf_init(&value, 2 * ASKED_BYTES_MAX);
    bw_value_put_text(&value, turn->asked);
    call->is_background = true;
    call->id = run;
    call->number = (int64_t)lost;
    failover->records++;
    store->put_message(store->self,
                       &(struct bw_message){.tenant = turn->ref.tenant,
                                            .run = run,
                                            .key = bw_str(key, (size_t)len),
                                            .kind = BW_MESSAGE_OUTCOME,
                                            .value = bw_buf_str(&value)},
                       bw_call_on_done, call);
    bw_buf_deinit(&value);
}

static void record(struct bw_engine *engine, const struct bw_failover_turn *turn)
{
    struct bw_failover *failover = &engine->failover;
    struct bw_store *store = engine->config.store;
    struct bw_call *call = bw_call_open(engine, audited);
    struct bw_buf args;
    char id[BW_ID_TEXT_LEN + 1];
    bw_id_print(turn->ref.run, id);
    bw_buf_init(&args, 64 * 1024);
    bw_value_put_map(&args, 5);
    bw_value_put_key(&args, "action");
    bw_value_put_text(&args, "failover.lost");
    bw_value_put_key(&args, "actor");
    bw_value_put_text(&args, "billow");
    bw_value_put_key(&args, "at_us"); /* repeated, it is the same record */
    bw_value_put_int(&args, failover->at_us);
    bw_value_put_key(&args, "detail");
    bw_value_put_map(&args, 5);
    bw_value_put_key(&args, "from");
    bw_value_put_int(&args, failover->from);
    bw_value_put_key(&args, "node");
    bw_value_put_text(&args, engine->node);
    bw_value_put_key(&args, "sent");
    bw_value_put_text(&args, turn->asked ? turn->asked : "");
    bw_value_put_key(&args, "to");
    bw_value_put_int(&args, failover->to);
    bw_value_put_key(&args, "turn");
    bw_value_put_int(&args, (int64_t)turn->ref.turn);
    bw_value_put_key(&args, "subject");
    bw_value_put_text(&args, id);
    call->is_background = true;
    failover->records++;
    store->write(store->self, turn->ref.tenant, BW_STR("audit"), bw_buf_str(&args), bw_call_on_done,
                 call);
    bw_buf_deinit(&args);
}

static void found(struct bw_engine *engine, struct bw_call *call)
{
    struct bw_failover *failover = &engine->failover;
    const struct bw_turn_ref *missing = call->subject;
    struct bw_id none = {{0}};
    if (call->code != BW_ERR_OK || call->number != failover->to) {
        again(engine); /* not reached, or another server answered */
        return;
    }
    forget_lost(failover);
    failover->lost = bw_xcalloc(call->count + 1, sizeof *failover->lost);
    for (size_t i = 0; i < call->count; i++) {
        for (size_t k = 0; k < failover->count; k++) {
            const struct bw_failover_turn *turn = &failover->ring[k];
            if (!bw_id_eq(turn->ref.run, missing[i].run) || turn->ref.turn != missing[i].turn ||
                !bw_id_eq(turn->ref.batch, missing[i].batch))
                continue;
            failover->lost[failover->lost_count] = *turn;
            failover->lost[failover->lost_count++].asked =
                turn->asked ? bw_xstrdup(turn->asked) : NULL;
            break;
        }
    }
    bw_engine_log(
        engine, "database_failover", none,
        "timeline %" PRId64 " became %" PRId64
        ": %zu of %zu acknowledged turns and starts are not there; all runs are read anew",
        failover->from, failover->to, failover->lost_count, failover->count);
    failover->has_failed = false;
    failover->records = 1; /* this look itself */
    for (size_t i = 0; i < failover->lost_count; i++) {
        const struct bw_failover_turn *turn = &failover->lost[i];
        bw_engine_log(engine, "turn_lost", turn->ref.run, "turn %" PRIu64 "%s%s", turn->ref.turn,
                      turn->asked ? ", which had sent " : "", turn->asked ? turn->asked : "");
        record(engine, turn);
        if (turn->asked)
            stop_run(engine, i, turn->ref.run);
    }
    bw_door_deliver_again(engine);
    bw_failover_recorded(engine, true);
}

static void on_missing(void *ud, const struct bw_error *error, int64_t timeline,
                       const struct bw_turn_ref *missing, size_t count)
{
    struct bw_call *call = ud;
    struct bw_turn_ref *copies = bw_arena_calloc(&call->arena, count + 1, sizeof *copies);
    if (count > 0)
        memcpy(copies, missing, count * sizeof *copies);
    call->subject = copies;
    call->count = count;
    call->number = timeline;
    bw_call_post(call, error->code, error->text);
}

void bw_failover_turn(struct bw_engine *engine)
{
    struct bw_failover *failover = &engine->failover;
    struct bw_store *store = engine->config.store;
    bool is_waiting = bw_timer_is_armed(&failover->timer);
    if (!failover->is_open || failover->is_checking || is_waiting ||
        engine->phase > BW_ENGINE_RUNNING)
        return;
    struct bw_call *call = bw_call_open(engine, found);
    struct bw_turn_ref *refs = bw_arena_calloc(&call->arena, failover->count + 1, sizeof *refs);
    size_t count = 0;
    for (size_t i = 0; i < failover->count; i++) {
        if (engine->now_ns - failover->ring[i].at_ns < WINDOW_S * BW_NS_PER_S)
            refs[count++] = failover->ring[i].ref;
    }
    call->is_background = true;
    failover->is_checking = true;
    store->check_turns(store->self, refs, count, on_missing, call);
}

/* Between turns; from now on bw_lease_may_act is false. */
static void on_failover(void *ud, int64_t from, int64_t to)
{
    struct bw_engine *engine = ud;
    struct bw_failover *failover = &engine->failover;
    if (!failover->is_open) {
        failover->from = from;
        failover->at_us = bw_clock_utc(engine->config.clock).us;
    }
    failover->to = to;
    failover->is_open = true;
    bw_engine_poke(engine);
}

/* --- Runs that must stop --------------------------------------------------------------------- */

bool bw_failover_stops(const struct bw_loaded_run *loaded, struct bw_buf *why)
{
    size_t count = 0;
    for (size_t i = 0; i < loaded->message_count; i++) {
        const struct bw_message *message = &loaded->messages[i];
        if (!bw_str_starts(message->key, BW_STR(BW_STORE_STOP)))
            continue;
        struct bw_value sent = bw_value_read(message->value);
        bw_buf_printf(why, "%s%.*s",
                      count++ ? "; "
                              : "the database fell back behind a turn of this run, or of one that "
                                "it called, that had sent: ",
                      BW_STR_ARG(sent.tag == BW_VALUE_STR ? sent.text : BW_STR("a request")));
    }
    if (count > 0)
        bw_buf_printf(why, ". It may have been done, and would be done again: look there, then "
                           "resume, skip with a value, or cancel");
    return count > 0;
}

/* --- Life ------------------------------------------------------------------------------------ */

void bw_failover_init(struct bw_engine *engine)
{
    struct bw_store *store = engine->config.store;
    engine->failover = (struct bw_failover){.timer.on_due = again_due};
    if (store->set_on_failover)
        store->set_on_failover(store->self, on_failover, engine);
}

void bw_failover_deinit(struct bw_engine *engine)
{
    struct bw_failover *failover = &engine->failover;
    struct bw_store *store = engine->config.store;
    if (store->set_on_failover)
        store->set_on_failover(store->self, NULL, NULL);
    forget_lost(failover);
    forget_ring(failover);
    bw_free(failover->ring);
}
