/* recheck.c - see recheck.h. */
#include "core/recheck.h"

#include "base/assert.h"
#include "base/fault.h"
#include "core/inside.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

enum { JOBS_MAX = 64, SAMPLE_JOBS_MAX = 8, SILENCE_US = 3000000, TEXT_BYTES_MAX = 16384 };

struct job {
    struct bw_list link;
    struct bw_id tenant;
    struct bw_id run;
    bw_value_fn done; /* NULL: of the sample */
    void *ud;
    struct bw_call *given; /* its rows, when the store is not to be asked */
};

static struct job *job_now(const struct bw_recheck *recheck)
{
    BW_ASSERT(recheck->is_busy);
    return bw_container_of(recheck->jobs.next, struct job, link);
}

/* --- the end of one */

static void clear(struct bw_engine *engine)
{
    struct bw_recheck *recheck = &engine->recheck;
    if (recheck->rows)
        bw_call_close(recheck->rows);
    recheck->rows = NULL;
    recheck->release = NULL;
    recheck->is_at_host = recheck->has_answer = recheck->is_lost = recheck->is_alive = false;
    bw_buf_clear(&recheck->answer);
    bw_arena_reset(&recheck->arena);
    bw_timer_cancel(&engine->timers_mono, &recheck->timer);
}

static struct job *take_job(struct bw_engine *engine)
{
    struct bw_recheck *recheck = &engine->recheck;
    struct job *job = job_now(recheck);
    bw_list_remove(&job->link);
    recheck->job_count--;
    recheck->is_busy = false;
    return job;
}

/* It could not be checked. */
BW_PRINTF(3, 4)
static void give_up(struct bw_engine *engine, enum bw_err code, const char *format, ...)
{
    struct bw_error error;
    char text[512];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    struct job *job = take_job(engine);
    clear(engine);
    (void)bw_fail(&error, code, "%s", text);
    if (job->done)
        job->done(job->ud, &error, BW_STR_NONE);
    else
        bw_engine_log(engine, "replay_unchecked", job->run, "%s", text);
    bw_free(job);
}

static void tell(struct bw_engine *engine, bool is_same, struct bw_str text)
{
    struct bw_recheck *recheck = &engine->recheck;
    size_t turns = recheck->rows->loaded.turn_count;
    struct bw_error error = {.code = BW_ERR_OK};
    struct bw_buf value;
    bw_buf_init(&value, 2 * TEXT_BYTES_MAX);
    bw_value_put_map(&value, 3);
    bw_value_put_key(&value, "status");
    bw_value_put_text(&value, is_same ? "same" : "differs");
    bw_value_put_key(&value, "text");
    bw_value_put_str(&value, text);
    bw_value_put_key(&value, "turns");
    bw_value_put_int(&value, (int64_t)turns);
    struct job *job = take_job(engine);
    engine->counters.rechecks++;
    if (!is_same) {
        engine->counters.rechecks_differing++;
        bw_engine_log(engine, "replay_differs", job->run, "%.*s", BW_STR_ARG(text));
    }
    if (job->done)
        job->done(job->ud, &error, bw_buf_str(&value));
    clear(engine);
    bw_buf_deinit(&value);
    bw_free(job);
}

BW_PRINTF(2, 3)
static void differs(struct bw_engine *engine, const char *format, ...)
{
    char text[2048];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    tell(engine, false, bw_str_of(text));
}

/* --- comparing */

static bool is_same_command(const struct bw_command *a, const struct bw_command *b)
{
    return a->flags == b->flags && a->seq == b->seq && bw_str_eq(a->kind, b->kind) &&
           bw_str_eq(a->args, b->args);
}

static void command_text(const struct bw_command *command, char *text, size_t size)
{
    if (command)
        snprintf(text, size, "%.*s (%.*s:%" PRIu32 ")", BW_STR_ARG(command->kind),
                 (int)(command->file.len < 200 ? command->file.len : 200), command->file.ptr,
                 command->line);
    else
        snprintf(text, size, "nothing");
}

/* True when the commands agree; otherwise the difference was told. */
static bool compare_commands(struct bw_engine *engine, const struct bw_turn_result *result)
{
    const struct bw_turn_record *last = &engine->recheck.last;
    size_t count =
        last->command_count > result->command_count ? last->command_count : result->command_count;
    for (size_t i = 0; i < count; i++) {
        const struct bw_command *recorded = i < last->command_count ? &last->commands[i] : NULL;
        const struct bw_command *replayed = i < result->command_count ? &result->commands[i] : NULL;
        char was[512], is[512];
        if (recorded && replayed && is_same_command(recorded, replayed))
            continue;
        command_text(recorded, was, sizeof was);
        command_text(replayed, is, sizeof is);
        differs(engine, "turn %" PRIu64 ", command %zu: the journal has %s, the replay %s%s",
                result->turn, i + 1, was, is,
                recorded && replayed && bw_str_eq(recorded->kind, replayed->kind)
                    ? ", with other arguments"
                    : "");
        return false;
    }
    return true;
}

static bool is_same_value(struct bw_str a, struct bw_str b)
{
    struct bw_value left = bw_value_read(a), right = bw_value_read(b);
    return left.tag == right.tag && (left.tag == BW_VALUE_NIL || bw_str_eq(a, b));
}

static void judge_played(struct bw_engine *engine, const struct bw_turn_result *result)
{
    const struct bw_run_row *row = &engine->recheck.rows->loaded.row;
    bool is_done = row->status == BW_RUN_DONE;
    if (!compare_commands(engine, result))
        return;
    if (is_done != (result->status == BW_TURN_DONE))
        differs(engine, "turn %" PRIu64 ": the run %s there, the replay %s", result->turn,
                is_done ? "was done" : "went on", is_done ? "goes on" : "is done");
    else if (is_done && !is_same_value(row->result, result->value))
        differs(engine, "turn %" PRIu64 ": the run was done with another result", result->turn);
    else
        tell(engine, true, BW_STR_NONE);
}

static void judge(struct bw_engine *engine)
{
    struct bw_recheck *recheck = &engine->recheck;
    struct bw_turn_result *results;
    struct bw_error error;
    size_t count;
    if (bw_wire_get_results(bw_buf_str(&recheck->answer), &recheck->arena, &results, &count,
                            &error) != BW_ERR_OK) {
        give_up(engine, BW_ERR_UNAVAILABLE, "the host's answer makes no sense: %s", error.text);
        return;
    }
    if (count != 1 || !bw_id_eq(results->run, job_now(recheck)->run) ||
        results->turn != recheck->rows->loaded.row.head) {
        give_up(engine, BW_ERR_UNAVAILABLE, "the host answers what nobody asked");
        return;
    }
    struct bw_value value =
        results->value.len ? bw_value_read(results->value) : (struct bw_value){0};
    struct bw_str text = bw_value_get_str(&value, "text", BW_STR("it does not say where"));
    switch (results->status) {
    case BW_TURN_WAITING:
    case BW_TURN_DONE:
    case BW_TURN_CHECKPOINT:
    case BW_TURN_CANCELLED:
        judge_played(engine, results);
        return;
    case BW_TURN_NONDETERMINISM:
        differs(engine, "%.*s", (int)(text.len < 2000 ? text.len : 2000), text.ptr);
        return;
    case BW_TURN_FAILED:
        differs(engine, "the replay raises an error: %.*s",
                (int)(text.len < 1500 ? text.len : 1500), text.ptr);
        return;
    default:
        give_up(engine, BW_ERR_UNAVAILABLE, "the replay reached a limit of its host");
    }
}

/* --- the way to the host */

static void arm(struct bw_engine *engine)
{
    bw_timer_arm(&engine->timers_mono, &engine->recheck.timer,
                 engine->now_ns / BW_NS_PER_US + SILENCE_US);
}

static void silent(struct bw_engine *engine, struct bw_timer *timer)
{
    struct bw_host *host = engine->config.check_host;
    (void)timer;
    host->restart(host->self);
    give_up(engine, BW_ERR_UNAVAILABLE, "the host did not answer for 3 s");
}

static void send(struct bw_engine *engine)
{
    struct bw_recheck *recheck = &engine->recheck;
    struct bw_host *host = engine->config.check_host;
    const struct bw_loaded_run *loaded = &recheck->rows->loaded;
    struct bw_wake wake = {
        .run = loaded->row.id,
        .tenant = loaded->row.tenant,
        .workflow = loaded->row.workflow,
        .turn = loaded->row.head,
        .at = recheck->last.at,
        .replay = loaded->turns,
        .replay_count = loaded->turn_count - 1,
        .deliveries = recheck->last.deliveries,
        .delivery_count = recheck->last.delivery_count,
        .steps_max = engine->limits.steps_max,
        .memory_bytes_max = engine->limits.memory_bytes_max,
        .wall_us_max = engine->limits.wall_us_max,
    };
    memcpy(wake.release, loaded->row.release, sizeof wake.release);
    if (BW_FAULT(RECHECK_SKEW))
        wake.at.us += 1000000; /* a clock that a script could see: its replay must be found out */
    struct bw_buf frame;
    bw_buf_init(&frame, BW_WIRE_FRAME_BYTES_MAX);
    host->restart(host->self);
    uint8_t type = bw_release_put(engine, recheck->release, &frame);
    bool is_over = frame.is_over;
    if (!is_over)
        host->send(host->self, type, bw_buf_str(&frame));
    bw_buf_clear(&frame);
    bw_wire_put_wakes(&frame, &wake, 1);
    is_over = is_over || frame.is_over;
    if (!is_over)
        host->send(host->self, BW_FRAME_WAKES, bw_buf_str(&frame));
    bw_buf_deinit(&frame);
    if (is_over) {
        give_up(engine, BW_ERR_LIMIT, "the run's history is too large to be replayed at once");
        return;
    }
    recheck->is_at_host = true;
    arm(engine);
}

/* The rows are there. */
static void prepare(struct bw_engine *engine)
{
    struct bw_recheck *recheck = &engine->recheck;
    struct bw_error error;
    const struct bw_loaded_run *run = &recheck->rows->loaded;
    if (run->turn_count == 0) {
        tell(engine, true, BW_STR("nothing to replay: no turn since the last checkpoint"));
        return;
    }
    if (run->turn_count != run->row.head - run->row.base) {
        give_up(engine, BW_ERR_UNAVAILABLE, "its journal is not whole any more");
        return;
    }
    if (bw_wire_get_turn(run->turns[run->turn_count - 1], &recheck->arena, &recheck->last,
                         &error) != BW_ERR_OK) {
        give_up(engine, BW_ERR_CORRUPT, "%s", error.text);
        return;
    }
    recheck->release = bw_release_get(engine, run->row.release);
    bw_release_fetch(engine, recheck->release);
}

static void keep(struct bw_call *call)
{
    call->is_kept = true;
    bw_list_remove(&call->link);
}

static void loaded(struct bw_engine *engine, struct bw_call *call)
{
    if (call->code != BW_ERR_OK) {
        give_up(engine, call->code, "%s", call->text);
        return;
    }
    engine->recheck.rows = call;
    keep(call);
    prepare(engine);
}

/* What comes from elsewhere was in nobody's care: it is read as a run's rows are. */
static void begin_given(struct bw_engine *engine)
{
    struct bw_recheck *recheck = &engine->recheck;
    struct job *job = job_now(recheck);
    struct bw_history history;
    struct bw_error error;
    recheck->rows = job->given;
    job->given = NULL;
    if (bw_journal_load(&recheck->rows->loaded, &recheck->arena, &history, &error) == BW_ERR_OK)
        prepare(engine);
    else
        give_up(engine, BW_ERR_CORRUPT, "%s", error.text);
}

static void begin(struct bw_engine *engine)
{
    struct bw_recheck *recheck = &engine->recheck;
    struct bw_store *store = engine->config.store;
    recheck->is_busy = true;
    if (job_now(recheck)->given) {
        begin_given(engine);
        return;
    }
    struct bw_call *call = bw_call_open(engine, loaded);
    call->is_background = true;
    store->load(store->self, job_now(recheck)->tenant, job_now(recheck)->run, bw_call_on_load,
                call);
}

void bw_recheck_turn(struct bw_engine *engine)
{
    struct bw_recheck *recheck = &engine->recheck;
    bool may_begin = engine->phase == BW_ENGINE_RUNNING && !bw_list_is_empty(&recheck->jobs);
    if (!recheck->is_busy) {
        if (may_begin)
            begin(engine);
    } else if (recheck->is_at_host) {
        if (recheck->is_lost)
            give_up(engine, BW_ERR_UNAVAILABLE, "%s", recheck->lost);
        else if (recheck->has_answer)
            judge(engine);
        else if (recheck->is_alive)
            arm(engine);
        recheck->is_alive = false;
    } else if (recheck->release) {
        if (recheck->release->is_here)
            send(engine);
        else if (!recheck->release->is_loading)
            give_up(engine, BW_ERR_NOT_FOUND, "its release is not stored any more");
    }
}

/* --- between turns */

static void on_frame(void *ud, uint8_t type, struct bw_str payload)
{
    struct bw_engine *engine = ud;
    struct bw_recheck *recheck = &engine->recheck;
    if (!recheck->is_at_host || recheck->has_answer)
        return;
    recheck->is_alive = true;
    if (type == BW_FRAME_RESULTS) {
        bw_buf_put_str(&recheck->answer, payload);
        recheck->has_answer = true;
    }
    bw_engine_poke(engine);
}

static void on_lost(void *ud, const char *reason)
{
    struct bw_engine *engine = ud;
    struct bw_recheck *recheck = &engine->recheck;
    if (!recheck->is_at_host)
        return;
    recheck->is_lost = true;
    snprintf(recheck->lost, sizeof recheck->lost, "%s", reason);
    bw_engine_poke(engine);
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

void bw_recheck_init(struct bw_engine *engine)
{
    struct bw_recheck *recheck = &engine->recheck;
    struct bw_host *host = engine->config.check_host;
    bw_list_init(&recheck->jobs);
    bw_arena_init(&recheck->arena);
    bw_buf_init(&recheck->answer, BW_WIRE_FRAME_BYTES_MAX);
    recheck->timer.on_due = silent;
    if (host)
        host->set_callbacks(host->self, on_frame, on_lost, engine);
}

void bw_recheck_deinit(struct bw_engine *engine)
{
    struct bw_recheck *recheck = &engine->recheck;
    struct bw_host *host = engine->config.check_host;
    struct bw_list *link;
    if (host)
        host->set_callbacks(host->self, ignore_frame, ignore_loss, NULL);
    clear(engine);
    while ((link = bw_list_pop_front(&recheck->jobs))) {
        struct job *job = bw_container_of(link, struct job, link);
        if (job->given)
            bw_call_close(job->given);
        bw_free(job);
    }
    bw_arena_deinit(&recheck->arena);
    bw_buf_deinit(&recheck->answer);
}

/* --- asking */

static void add(struct bw_engine *engine, struct job wanted)
{
    struct job *job = bw_xcalloc(1, sizeof *job);
    *job = wanted;
    bw_list_push_back(&engine->recheck.jobs, &job->link);
    engine->recheck.job_count++;
}

void bw_recheck_sample(struct bw_engine *engine, struct bw_id tenant, struct bw_id run)
{
    /* By the run's id: the same runs whoever asks, and no run in a node that is busy with others.
     */
    if (engine->config.check_host && engine->recheck.job_count < SAMPLE_JOBS_MAX &&
        bw_id_hash(run) / BW_SHARD_COUNT % 10000 < engine->config.check_share)
        add(engine, (struct job){.tenant = tenant, .run = run});
}

struct asker {
    bw_value_fn done;
    void *ud;
};

static struct bw_call *open_asked(struct bw_engine *engine, bw_call_act_fn act, bw_value_fn done,
                                  void *ud)
{
    struct bw_call *call = bw_call_open(engine, act);
    struct asker *asker = bw_arena_alloc(&call->arena, sizeof *asker);
    *asker = (struct asker){done, ud};
    call->subject = asker;
    return call;
}

static void refused(struct bw_engine *engine, struct bw_call *call)
{
    struct asker *asker = call->subject;
    struct bw_error error;
    (void)engine;
    bw_call_error(call, &error);
    asker->done(asker->ud, &error, BW_STR_NONE);
}

/* Why nothing can be played now; NULL when it can. */
static const char *obstacle(const struct bw_engine *engine)
{
    if (!engine->config.check_host)
        return "this engine has no host for replays";
    if (engine->recheck.job_count >= JOBS_MAX)
        return "many replays wait already: ask again later";
    return NULL;
}

void bw_engine_recheck_run(struct bw_engine *engine, struct bw_id tenant, struct bw_id run,
                           bw_value_fn done, void *ud)
{
    const char *why = obstacle(engine);
    if (!why) {
        add(engine, (struct job){.tenant = tenant, .run = run, .done = done, .ud = ud});
        bw_engine_poke(engine);
        return;
    }
    bw_call_post(open_asked(engine, refused, done, ud), BW_ERR_UNAVAILABLE, why);
}

/* The rows were copied into the call, which waits with the job. */
static void given(struct bw_engine *engine, struct bw_call *call)
{
    const struct asker *asker = call->subject;
    const struct bw_run_row *row = &call->loaded.row;
    const char *why = obstacle(engine);
    if (why) {
        call->code = BW_ERR_UNAVAILABLE;
        call->text = why;
        refused(engine, call);
        return;
    }
    keep(call);
    add(engine, (struct job){.tenant = row->tenant,
                             .run = row->id,
                             .done = asker->done,
                             .ud = asker->ud,
                             .given = call});
}

void bw_engine_recheck_recorded(struct bw_engine *engine, const struct bw_loaded_run *recorded,
                                bw_value_fn done, void *ud)
{
    struct bw_error fine = {.code = BW_ERR_OK};
    bw_call_on_load(open_asked(engine, given, done, ud), &fine, recorded);
}
