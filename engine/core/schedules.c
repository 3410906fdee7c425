/* schedules.c - see schedules.h. Part of the engine (core/inside.h). */
#include "core/schedules.h"

#include "base/assert.h"
#include "base/fault.h"
#include "core/inside.h"
#include "core/schedule.h"
#include <stdio.h>

enum {
    LOOK_MAX = 100,
    LOOK_MS = 5000,
    PAUSE_MS = 1000,
    DUES_MAX = 2000, /* that one decision looks at: the newest; the others count as skipped */
    INPUT_BYTES_MAX = BW_STORE_VALUE_BYTES_MAX,
};
#define ON_TIME_US (60 * BW_US_PER_S)
#define STUCK_US_MIN (60 * BW_US_PER_S)
#define STUCK_US_MAX (3600 * BW_US_PER_S)

/* One due schedule on its way to a decision; in its call's arena. */
struct firing {
    struct bw_schedule_row row;
    struct bw_schedule schedule;
    struct bw_tz *tz;
    int64_t offset_us;
    struct bw_schedule_due *dues; /* the newest, oldest first */
    size_t due_count;
    int64_t dropped; /* older ones */
    int64_t next_due_us;
    struct bw_schedule_fire fire;
};

static void arm(struct bw_engine *engine)
{
    struct bw_schedules *schedules = &engine->schedules;
    if (schedules->next_us)
        bw_timer_arm(&engine->timers_utc, &schedules->due_timer, schedules->next_us);
    else
        bw_timer_cancel(&engine->timers_utc, &schedules->due_timer);
    if (schedules->has_failed || engine->limits.poll_ms > 0)
        bw_timer_arm(&engine->timers_mono, &schedules->look_timer,
                     engine->now_ns / BW_NS_PER_US +
                         (schedules->has_failed ? PAUSE_MS : LOOK_MS) * BW_US_PER_MS);
}

static void decided(struct bw_engine *engine)
{
    struct bw_schedules *schedules = &engine->schedules;
    if (--schedules->deciding_count > 0)
        return;
    schedules->is_looking = false;
    if (schedules->is_stale && !schedules->has_failed)
        bw_schedules_look(engine);
    else
        arm(engine);
}

/* --- The commit. */

static void fired(struct bw_engine *engine, struct bw_call *call)
{
    const struct firing *firing = call->subject;
    const struct bw_schedule_fire *fire = &firing->fire;
    struct bw_id none = {{0}};
    engine->schedules.is_stale = true; /* it may be due again, and so may others */
    if (call->code != BW_ERR_OK) {
        /* Perhaps the answer was lost, and the runs are there. */
        for (size_t i = 0; i < fire->run_count; i++)
            bw_engine_touch(engine, fire->tenant, fire->runs[i].id);
        if (call->code != BW_ERR_CONFLICT) {
            engine->schedules.has_failed = true;
            bw_engine_log(engine, "schedule_failed", none, "%.*s: %s", BW_STR_ARG(fire->name),
                          call->text);
        }
    } else if (fire->problem.len) {
        bw_engine_log(engine, "schedule_stuck", none, "%.*s: %.*s", BW_STR_ARG(fire->name),
                      BW_STR_ARG(fire->problem));
    } else {
        if (fire->skipped_count)
            bw_engine_log(engine, "schedule_skipped", none, "%.*s: %lld missed starts left out",
                          BW_STR_ARG(fire->name), (long long)fire->skipped_count);
        if (fire->run_count && call->is_new)
            bw_engine_log(engine, "schedule_fired", call->id, "%.*s", BW_STR_ARG(fire->name));
        else if (fire->run_count)
            bw_engine_log(engine, "schedule_skipped", none, "%.*s: its last run is not over yet",
                          BW_STR_ARG(fire->name));
    }
    decided(engine);
}

static void commit(struct bw_engine *engine, struct bw_call *call)
{
    struct bw_store *store = engine->config.store;
    struct firing *firing = call->subject;
    firing->fire.tenant = firing->row.tenant;
    firing->fire.name = firing->row.name;
    firing->fire.version = firing->row.version;
    bw_tz_destroy(firing->tz);
    firing->tz = NULL;
    bw_call_again(call, fired);
    (void)BW_FAULT(INBOX_BEFORE_PUT);
    store->fire_schedule(store->self, &firing->fire, bw_call_on_start, call);
}

/* It stays due; looked at again after a while, longer and longer. */
static void stuck(struct bw_engine *engine, struct bw_call *call, const char *text)
{
    struct firing *firing = call->subject;
    int64_t late_us = engine->now_us - firing->row.next_due_us;
    int64_t pause_us = late_us < STUCK_US_MIN   ? STUCK_US_MIN
                       : late_us > STUCK_US_MAX ? STUCK_US_MAX
                                                : late_us;
    firing->fire.next_due_us = firing->row.next_due_us;
    firing->fire.wake_at_us = engine->now_us + pause_us;
    firing->fire.problem = bw_arena_copy(&call->arena, bw_str_of(text));
    commit(engine, call);
}

/* --- The decision. */

/* All that are due by now, from the one the row names. */
static enum bw_err collect(struct bw_engine *engine, struct bw_call *call, struct bw_error *error)
{
    struct firing *firing = call->subject;
    struct bw_schedule_times times;
    struct bw_schedule_due due;
    enum bw_err code = bw_schedule_times_open(&times, &firing->schedule, firing->tz,
                                              firing->row.next_due_us - 1, error);
    if (code != BW_ERR_OK)
        return code;
    firing->dues = bw_arena_alloc(&call->arena, DUES_MAX * sizeof *firing->dues);
    while (bw_schedule_times_next(&times, &due)) {
        if (due.at_us + firing->offset_us > engine->now_us) {
            firing->next_due_us = due.at_us;
            break;
        }
        if (firing->due_count == DUES_MAX) {
            memmove(firing->dues, firing->dues + DUES_MAX / 2, DUES_MAX / 2 * sizeof *firing->dues);
            firing->due_count = DUES_MAX / 2;
            firing->dropped += DUES_MAX / 2;
        }
        firing->dues[firing->due_count++] = due;
    }
    bw_schedule_times_close(&times);
    return BW_ERR_OK;
}

/* How many of the dues, the newest, make runs. */
static size_t count_starts(const struct bw_engine *engine, const struct firing *firing)
{
    if (firing->due_count == 0)
        return 0;
    const struct bw_schedule_due *newest = &firing->dues[firing->due_count - 1];
    bool is_on_time = newest->at_us + firing->offset_us >= engine->now_us - ON_TIME_US;
    size_t all_max = (size_t)firing->schedule.catch_up_max;
    switch (firing->schedule.catch_up) {
    case BW_CATCH_UP_SKIP:
        return is_on_time;
    case BW_CATCH_UP_ONE:
        return 1;
    case BW_CATCH_UP_ALL:
        return firing->due_count < all_max ? firing->due_count : all_max;
    }
    BW_UNREACHABLE();
}

static void fill_run(struct bw_engine *engine, struct bw_call *call, const uint8_t *release,
                     const struct bw_schedule_due *due, struct bw_run_row *run)
{
    const struct firing *firing = call->subject;
    char key[BW_SCHEDULE_NAME_MAX + BW_STAMP_TEXT_MAX + 16], by[BW_SCHEDULE_NAME_MAX + 16];
    char at[BW_STAMP_TEXT_MAX];
    struct bw_buf input;
    (void)bw_stamp_print((struct bw_stamp){due->at_us}, at);
    snprintf(key, sizeof key, "schedule/%.*s@%s", BW_STR_ARG(firing->row.name), at);
    snprintf(by, sizeof by, "schedule %.*s", BW_STR_ARG(firing->row.name));
    bw_buf_init(&input, INPUT_BYTES_MAX);
    bw_schedule_put_input(&input, &firing->schedule, due);
    *run = (struct bw_run_row){.tenant = firing->row.tenant,
                               .id = bw_engine_make_run_id(engine),
                               .workflow = firing->schedule.workflow,
                               .key = bw_arena_copy(&call->arena, bw_str_of(key)),
                               .input = bw_arena_copy(&call->arena, bw_buf_str(&input)),
                               .started_by = bw_arena_copy(&call->arena, bw_str_of(by)),
                               .status = BW_RUN_OPEN,
                               .wake = BW_WAKE_READY,
                               .is_active = true,
                               .created_at_us = engine->now_us,
                               .updated_at_us = engine->now_us};
    run->shard = bw_shard_of(run->id);
    memcpy(run->release, release, sizeof run->release);
    bw_buf_deinit(&input);
}

static void fill_fire(struct bw_engine *engine, struct bw_call *call, const uint8_t *release)
{
    struct firing *firing = call->subject;
    struct bw_schedule_fire *fire = &firing->fire;
    size_t starts = count_starts(engine, firing);
    size_t first = firing->due_count - starts;
    struct bw_run_row *runs = bw_arena_calloc(&call->arena, starts + 1, sizeof *runs);
    for (size_t i = 0; i < starts; i++)
        fill_run(engine, call, release, &firing->dues[first + i], &runs[i]);
    fire->runs = runs;
    fire->run_count = starts;
    fire->is_alone = firing->schedule.overlap == BW_OVERLAP_SKIP;
    fire->skipped_count = firing->dropped + (int64_t)first;
    fire->next_due_us = firing->next_due_us;
    fire->wake_at_us = firing->next_due_us ? firing->next_due_us + firing->offset_us : 0;
    if (firing->due_count > 0)
        fire->last_due_us = firing->dues[firing->due_count - 1].at_us;
}

/* The active release is known, or there is none. */
static void decide(struct bw_engine *engine, struct bw_call *call)
{
    struct firing *firing = call->subject;
    struct bw_error error = {0};
    uint8_t hash[BW_RELEASE_HASH_LEN];
    if (bw_err_is_retryable(call->code)) {
        engine->schedules.has_failed = true;
        decided(engine);
        return;
    }
    if (call->code != BW_ERR_OK) {
        stuck(engine, call, call->text);
        return;
    }
    memcpy(hash, call->release.hash, sizeof hash);
    const struct bw_release *release = bw_release_get(engine, hash);
    enum bw_err code = bw_schedule_read(firing->row.spec, (struct bw_date){1970, 1, 1},
                                        &call->arena, &firing->schedule, &error);
    if (code == BW_ERR_OK)
        code = bw_schedule_check_release(release, &firing->schedule, &firing->tz, &error);
    firing->offset_us =
        bw_schedule_offset_us(&firing->schedule, firing->row.tenant, firing->row.name);
    if (code == BW_ERR_OK)
        code = collect(engine, call, &error);
    if (code != BW_ERR_OK) {
        stuck(engine, call, error.text);
        return;
    }
    fill_fire(engine, call, hash);
    commit(engine, call);
}

/* --- Looking. */

static void look_done(struct bw_engine *engine, struct bw_call *call)
{
    struct bw_schedules *schedules = &engine->schedules;
    const struct bw_schedule_row *rows = call->subject;
    schedules->deciding_count = 1; /* this look itself */
    schedules->has_failed = call->code != BW_ERR_OK;
    schedules->next_us = call->number;
    for (size_t i = 0; i < call->count && engine->phase <= BW_ENGINE_RUNNING; i++) {
        struct bw_call *one = bw_call_open(engine, decide);
        struct firing *firing = bw_arena_calloc(&one->arena, 1, sizeof *firing);
        firing->row = rows[i];
        firing->row.name = bw_arena_copy(&one->arena, rows[i].name);
        firing->row.spec = bw_arena_copy(&one->arena, rows[i].spec);
        one->subject = firing;
        schedules->deciding_count++;
        bw_engine_with_release(engine, rows[i].tenant, one);
    }
    decided(engine);
}

static void on_schedules(void *ud, const struct bw_error *error, const struct bw_schedule_row *rows,
                         size_t count, int64_t next_us)
{
    struct bw_call *call = ud;
    struct bw_schedule_row *copies = bw_arena_calloc(&call->arena, count + 1, sizeof *copies);
    for (size_t i = 0; i < count; i++) {
        copies[i] = rows[i];
        copies[i].name = bw_arena_copy(&call->arena, rows[i].name);
        copies[i].spec = bw_arena_copy(&call->arena, rows[i].spec);
    }
    call->subject = copies;
    call->count = count;
    call->number = next_us;
    bw_call_post(call, error->code, error->text);
}

void bw_schedules_look(struct bw_engine *engine)
{
    struct bw_schedules *schedules = &engine->schedules;
    struct bw_store *store = engine->config.store;
    if (!store->due_schedules || engine->phase > BW_ENGINE_RUNNING)
        return;
    if (schedules->is_looking) {
        schedules->is_stale = true;
        return;
    }
    schedules->is_looking = true;
    schedules->is_stale = false;
    struct bw_call *call = bw_call_open(engine, look_done);
    call->is_background = engine->phase == BW_ENGINE_RUNNING;
    store->due_schedules(store->self, bw_lease_held(engine), engine->now_us, LOOK_MAX, on_schedules,
                         call);
}

static void due(struct bw_engine *engine, struct bw_timer *timer)
{
    (void)timer;
    bw_schedules_look(engine);
}

void bw_schedules_init(struct bw_engine *engine)
{
    engine->schedules.due_timer.on_due = due;
    engine->schedules.look_timer.on_due = due;
}
