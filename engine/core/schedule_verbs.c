/* schedule_verbs.c - what people do with schedules: set, pause, resume, delete, ask for the next
 * times. Each verb is one write of the store, after the spec was tried against the active release.
 * Part of the engine (core/inside.h). */
#include "base/assert.h"
#include "core/inside.h"
#include "core/schedule.h"
#include <stdio.h>

enum { SPEC_BYTES_MAX = 256 * 1024, TIMES_MAX = 1000 };

/* What a verb carries along; in its call's arena. */
struct wish {
    struct bw_id tenant;
    struct bw_str name;
    struct bw_str spec;
    struct bw_str by;
    int64_t after_us;
    int64_t version; /* of the row that was read */
    size_t count;
    bw_value_fn done;
    void *ud;
};

/* --- With the active release at hand. */

void bw_engine_with_release(struct bw_engine *engine, struct bw_id tenant, struct bw_call *call)
{
    const uint8_t *hash = bw_release_active(engine, tenant);
    if (!hash) {
        bw_release_ask_active(engine, tenant, call);
        return;
    }
    memcpy(call->release.hash, hash, BW_RELEASE_HASH_LEN);
    bw_call_post(call, BW_ERR_OK, "");
}

enum bw_err bw_schedule_check_release(const struct bw_release *release,
                                      const struct bw_schedule *schedule, struct bw_tz **tz,
                                      struct bw_error *error)
{
    static const struct bw_str PREFIX = {"zoneinfo/", 9};
    *tz = NULL;
    if (release->is_here && schedule->workflow.len &&
        !bw_release_has_workflow(release, schedule->workflow))
        return bw_fail(error, BW_ERR_NOT_FOUND, "there is no workflow '%.*s' in the active release",
                       BW_STR_ARG(schedule->workflow));
    if (bw_str_eq(schedule->zone, BW_STR("UTC")))
        return BW_ERR_OK;
    for (size_t i = 0; i < release->set.count; i++) {
        struct bw_str name = release->set.files[i].name;
        if (!bw_str_starts(name, PREFIX) ||
            !bw_str_eq(bw_str(name.ptr + PREFIX.len, name.len - PREFIX.len), schedule->zone))
            continue;
        *tz = bw_tz_create(release->set.files[i].bytes, error);
        return *tz ? BW_ERR_OK : BW_ERR_CORRUPT;
    }
    return bw_fail(error, BW_ERR_INVALID,
                   "the active release has no time zone '%.*s': write an IANA name such as "
                   "Europe/Berlin, or UTC",
                   BW_STR_ARG(schedule->zone));
}

/* Reads the wish's spec, whole; `tz` is the caller's to destroy. */
static enum bw_err read_spec(struct bw_engine *engine, struct bw_call *call,
                             struct bw_schedule *schedule, struct bw_tz **tz,
                             struct bw_error *error)
{
    const struct wish *wish = call->subject;
    uint8_t hash[BW_RELEASE_HASH_LEN];
    memcpy(hash, call->release.hash, sizeof hash);
    struct bw_date today = bw_schedule_date(NULL, engine->now_us);
    *tz = NULL;
    enum bw_err code = bw_schedule_read(wish->spec, today, &call->arena, schedule, error);
    if (code == BW_ERR_OK)
        code = bw_schedule_check_release(bw_release_get(engine, hash), schedule, tz, error);
    if (code == BW_ERR_OK && *tz) /* again, now that we know which day it is there */
        code = bw_schedule_read(wish->spec, bw_schedule_date(*tz, engine->now_us), &call->arena,
                                schedule, error);
    return code;
}

/* The first moment after `after_us`; 0 = none. */
static enum bw_err first_due(const struct bw_schedule *schedule, const struct bw_tz *tz,
                             int64_t after_us, int64_t *due_us, struct bw_error *error)
{
    struct bw_schedule_times times;
    struct bw_schedule_due due;
    enum bw_err code = bw_schedule_times_open(&times, schedule, tz, after_us, error);
    *due_us = code == BW_ERR_OK && bw_schedule_times_next(&times, &due) ? due.at_us : 0;
    if (code == BW_ERR_OK)
        bw_schedule_times_close(&times);
    return code;
}

/* --- Answers. */

static void answer(struct bw_engine *engine, struct bw_call *call)
{
    const struct wish *wish = call->subject;
    struct bw_error error;
    (void)engine;
    bw_call_error(call, &error);
    if (wish->done)
        wish->done(wish->ud, &error, call->code == BW_ERR_OK ? call->value : BW_STR_NONE);
}

static void written(struct bw_engine *engine, struct bw_call *call)
{
    if (call->code == BW_ERR_OK)
        bw_schedules_look(engine);
    answer(engine, call);
}

static void refuse(struct bw_call *call, enum bw_err code, const char *text)
{
    char copy[BW_ERROR_TEXT_MAX];
    snprintf(copy, sizeof copy, "%s", text);
    bw_call_again(call, answer);
    bw_call_post(call, code, copy);
}

static struct bw_call *open_wish(struct bw_engine *engine, bw_call_act_fn act, struct bw_id tenant,
                                 struct bw_str name, bw_value_fn done, void *ud)
{
    struct bw_call *call = bw_call_open(engine, act);
    struct wish *wish = bw_arena_calloc(&call->arena, 1, sizeof *wish);
    wish->tenant = tenant;
    wish->name = bw_arena_copy(&call->arena, name);
    wish->done = done;
    wish->ud = ud;
    call->subject = wish;
    return call;
}

static struct bw_call *open_by(struct bw_engine *engine, bw_call_act_fn act, struct bw_id tenant,
                               struct bw_str name, struct bw_str by, bw_value_fn done, void *ud)
{
    struct bw_call *call = open_wish(engine, act, tenant, name, done, ud);
    ((struct wish *)call->subject)->by = bw_arena_copy(&call->arena, by);
    return call;
}

/* --- Set and resume: the first due start is reckoned, then written. */

static void put_int(struct bw_buf *out, const char *key, int64_t value)
{
    bw_value_put_key(out, key);
    bw_value_put_int(out, value);
}

static void write(struct bw_engine *engine, struct bw_call *call, const char *what,
                  struct bw_str args)
{
    struct bw_store *store = engine->config.store;
    const struct wish *wish = call->subject;
    bw_call_again(call, written);
    store->write(store->self, wish->tenant, bw_str_of(what), args, bw_call_on_done, call);
}

static void put_set(struct bw_buf *out, const struct wish *wish, const struct bw_schedule *schedule,
                    int64_t due_us, int64_t wake_us)
{
    bw_value_put_map(out, 5);
    bw_value_put_key(out, "name");
    bw_value_put_str(out, wish->name);
    put_int(out, "next_due_us", due_us);
    bw_value_put_key(out, "set_by");
    bw_value_put_str(out, wish->by);
    bw_value_put_key(out, "spec");
    bw_schedule_put(out, schedule);
    put_int(out, "wake_at_us", wake_us);
}

static void put_resume(struct bw_buf *out, const struct wish *wish, int64_t due_us, int64_t wake_us)
{
    bw_value_put_map(out, 6);
    bw_value_put_key(out, "is_paused");
    bw_value_put_bool(out, false);
    bw_value_put_key(out, "name");
    bw_value_put_str(out, wish->name);
    put_int(out, "next_due_us", due_us);
    bw_value_put_key(out, "set_by");
    bw_value_put_str(out, wish->by);
    put_int(out, "version", wish->version);
    put_int(out, "wake_at_us", wake_us);
}

static void set_released(struct bw_engine *engine, struct bw_call *call)
{
    const struct wish *wish = call->subject;
    struct bw_schedule schedule = {.input = BW_STR_NONE};
    struct bw_tz *tz = NULL;
    struct bw_error error = {.code = call->code};
    struct bw_buf args;
    int64_t due_us = 0;
    enum bw_err code = call->code;
    if (code != BW_ERR_OK)
        bw_call_error(call, &error);
    else
        code = read_spec(engine, call, &schedule, &tz, &error);
    if (code == BW_ERR_OK && schedule.workflow.len == 0)
        code = bw_fail(&error, BW_ERR_INVALID, "a schedule needs a workflow");
    if (code == BW_ERR_OK)
        code = first_due(&schedule, tz, engine->now_us, &due_us, &error);
    bw_tz_destroy(tz);
    if (code == BW_ERR_OK && !due_us && !wish->version)
        code = bw_fail(&error, BW_ERR_INVALID,
                       "no start is ever due: the rule, from and until leave nothing after now");
    if (code != BW_ERR_OK) {
        refuse(call, code, error.text);
        return;
    }
    int64_t offset_us = bw_schedule_offset_us(&schedule, wish->tenant, wish->name);
    int64_t wake_us = due_us ? due_us + offset_us : 0;
    bw_buf_init(&args, SPEC_BYTES_MAX);
    if (wish->version)
        put_resume(&args, wish, due_us, wake_us);
    else
        put_set(&args, wish, &schedule, due_us, wake_us);
    if (args.is_over)
        refuse(call, BW_ERR_LIMIT, "the schedule is over 256 KiB: its input is too large");
    else
        write(engine, call, wish->version ? "schedule_state" : "schedule", bw_buf_str(&args));
    bw_buf_deinit(&args);
}

void bw_engine_set_schedule(struct bw_engine *engine, struct bw_id tenant, struct bw_str name,
                            struct bw_str spec, struct bw_str by, bw_value_fn done, void *ud)
{
    struct bw_call *call = open_wish(engine, set_released, tenant, name, done, ud);
    struct wish *wish = call->subject;
    struct bw_error error = {0};
    wish->spec = bw_arena_copy(&call->arena, spec);
    wish->by = bw_arena_copy(&call->arena, by);
    if (bw_schedule_check_name(name, &error) != BW_ERR_OK) {
        call->act = answer;
        bw_call_post(call, error.code, error.text);
        return;
    }
    bw_engine_with_release(engine, tenant, call);
}

/* The row was read: its spec and version are the wish's. */
static bool take_row(struct bw_call *call)
{
    struct wish *wish = call->subject;
    if (call->code != BW_ERR_OK) {
        refuse(call, call->code, call->text);
        return false;
    }
    struct bw_value row = bw_value_read(call->value);
    wish->spec = bw_value_get(&row, "spec").encoded;
    wish->version = bw_value_get_int(&row, "version", 0);
    return true;
}

static void read_row(struct bw_engine *engine, struct bw_call *call)
{
    struct bw_store *store = engine->config.store;
    const struct wish *wish = call->subject;
    struct bw_buf args;
    bw_buf_init(&args, 4096);
    bw_value_put_map(&args, 1);
    bw_value_put_key(&args, "name");
    bw_value_put_str(&args, wish->name);
    store->read(store->self, wish->tenant, BW_STR("schedule"), bw_buf_str(&args), bw_call_on_value,
                call);
    bw_buf_deinit(&args);
}

static void resume_read(struct bw_engine *engine, struct bw_call *call)
{
    const struct wish *wish = call->subject;
    if (!take_row(call))
        return;
    bw_call_again(call, set_released);
    bw_engine_with_release(engine, wish->tenant, call);
}

void bw_engine_resume_schedule(struct bw_engine *engine, struct bw_id tenant, struct bw_str name,
                               struct bw_str by, bw_value_fn done, void *ud)
{
    read_row(engine, open_by(engine, resume_read, tenant, name, by, done, ud));
}

/* --- Pause and delete. */

static void write_name(struct bw_engine *engine, struct bw_call *call, const char *what,
                       bool is_paused)
{
    struct bw_store *store = engine->config.store;
    const struct wish *wish = call->subject;
    struct bw_buf args;
    bw_buf_init(&args, 4096);
    bw_value_put_map(&args, 3);
    bw_value_put_key(&args, "is_paused");
    bw_value_put_bool(&args, is_paused);
    bw_value_put_key(&args, "name");
    bw_value_put_str(&args, wish->name);
    bw_value_put_key(&args, "set_by");
    bw_value_put_str(&args, wish->by);
    store->write(store->self, wish->tenant, bw_str_of(what), bw_buf_str(&args), bw_call_on_done,
                 call);
    bw_buf_deinit(&args);
}

void bw_engine_pause_schedule(struct bw_engine *engine, struct bw_id tenant, struct bw_str name,
                              struct bw_str by, bw_value_fn done, void *ud)
{
    write_name(engine, open_by(engine, written, tenant, name, by, done, ud), "schedule_state",
               true);
}

void bw_engine_delete_schedule(struct bw_engine *engine, struct bw_id tenant, struct bw_str name,
                               struct bw_str by, bw_value_fn done, void *ud)
{
    write_name(engine, open_by(engine, written, tenant, name, by, done, ud), "schedule_delete",
               false);
}

/* --- The next times. */

static void times_released(struct bw_engine *engine, struct bw_call *call)
{
    const struct wish *wish = call->subject;
    struct bw_schedule schedule = {.input = BW_STR_NONE};
    struct bw_schedule_times times;
    struct bw_schedule_due due;
    struct bw_tz *tz = NULL;
    struct bw_error error = {.code = call->code};
    struct bw_buf items, value;
    enum bw_err code = call->code;
    size_t count = 0;
    if (code != BW_ERR_OK)
        bw_call_error(call, &error);
    else
        code = read_spec(engine, call, &schedule, &tz, &error);
    if (code == BW_ERR_OK)
        code = bw_schedule_times_open(&times, &schedule, tz, wish->after_us, &error);
    if (code != BW_ERR_OK) {
        bw_tz_destroy(tz);
        refuse(call, code, error.text);
        return;
    }
    int64_t offset_us = bw_schedule_offset_us(&schedule, wish->tenant, wish->name);
    bw_buf_init(&items, 1 << 20);
    for (; count < wish->count && bw_schedule_times_next(&times, &due); count++) {
        char date[BW_DATE_TEXT_LEN + 1];
        bw_date_print(due.nominal, date);
        bw_value_put_map(&items, 3);
        put_int(&items, "at_us", due.at_us);
        bw_value_put_key(&items, "date");
        bw_value_put_text(&items, date);
        put_int(&items, "start_us", due.at_us + offset_us);
    }
    bw_schedule_times_close(&times);
    bw_tz_destroy(tz);
    bw_buf_init(&value, 1 << 20);
    bw_value_put_arr(&value, count);
    bw_buf_put_str(&value, bw_buf_str(&items));
    call->value = bw_arena_copy(&call->arena, bw_buf_str(&value));
    bw_buf_deinit(&items);
    bw_buf_deinit(&value);
    answer(engine, call);
}

static void times_read(struct bw_engine *engine, struct bw_call *call)
{
    const struct wish *wish = call->subject;
    if (!take_row(call))
        return;
    bw_call_again(call, times_released);
    bw_engine_with_release(engine, wish->tenant, call);
}

void bw_engine_schedule_times(struct bw_engine *engine, struct bw_id tenant, struct bw_str name,
                              struct bw_str spec, int64_t after_us, size_t count, bw_value_fn done,
                              void *ud)
{
    struct bw_call *call =
        open_wish(engine, spec.len ? times_released : times_read, tenant, name, done, ud);
    struct wish *wish = call->subject;
    wish->spec = bw_arena_copy(&call->arena, spec);
    wish->after_us = after_us ? after_us : bw_clock_utc(engine->config.clock).us;
    wish->count = count < TIMES_MAX ? count : TIMES_MAX;
    if (spec.len)
        bw_engine_with_release(engine, tenant, call);
    else
        read_row(engine, call);
}
