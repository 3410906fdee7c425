/* sweep.c - see sweep.h. */
#include "edge/sweep.h"

#include "base/assert.h"
#include "base/list.h"
#include "base/mem.h"
#include "codec/date.h"
#include "core/engine.h"
#include "edge/archive.h"
#include "edge/form.h"
#include "edge/service_log.h"
#include "edge/sweep_inside.h"
#include "io/loop.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum {
    LOOK_RUNS = 1000,   /* looked at at a time */
    BATCH_RUNS = 100,   /* dropped in one transaction */
    PLANS_MAX = 10,     /* holds and settings that come in between */
    POLL_MS = 20,       /* the run that decides, at first */
    POLL_MS_MAX = 500,  /* and later */
    DECIDE_MS = 300000, /* it does not take longer */
};

struct bw_sweeper {
    struct bw_sweeper_config config;
    struct bw_list sweeps;
    struct bw_background *background;
    bool is_stopping;
};

struct sweep {
    struct bw_list link;
    struct bw_sweeper *sweeper;
    struct bw_store *store;
    struct bw_sweep_wish wish; /* its texts are owned */
    struct bw_loop_timer *timer;
    void (*on_timer)(struct sweep *sweep);
    int64_t started_us;
    int plans;
    int poll_ms;
    int waited_ms;
    struct bw_id decision; /* the run */
    char version[64];
    char under[256];
    struct bw_buf rules; /* encoded, as find_expired takes them */
    int64_t stamp;
    char after[BW_ID_TEXT_LEN + 1]; /* empty at the end */
    struct bw_id *runs;
    size_t count;
    size_t at;
    size_t batch;
    int64_t kept_documents, kept_held, kept_open;
    int64_t dropped, turns, batches;
    struct bw_count_of {
        char workflow[200];
        int64_t runs;
    } * counts; /* of a preview */
    size_t count_count;
    bool is_cut; /* runs_max was reached */
    bw_value_fn done;
    void *ud;
};

static void begin(struct sweep *sweep);
static void look(struct sweep *sweep);
static void drop_next(struct sweep *sweep);

/* --- The end of a sweep. */

static void sweep_free(struct sweep *sweep)
{
    bw_list_remove(&sweep->link);
    bw_loop_timer_destroy(sweep->timer);
    bw_buf_deinit(&sweep->rules);
    bw_free(sweep->runs);
    bw_free(sweep->counts);
    bw_free((void *)(uintptr_t)sweep->wish.actor.ptr);
    bw_free((void *)(uintptr_t)sweep->wish.archive_dir);
    bw_free(sweep);
}

static void end(struct sweep *sweep, const struct bw_error *error, struct bw_str value)
{
    bw_value_fn done = sweep->done;
    void *ud = sweep->ud;
    if (done)
        done(ud, error, value);
    sweep_free(sweep);
}

static void fail(struct sweep *sweep, const struct bw_error *error)
{
    struct bw_error own = *error;
    end(sweep, &own, BW_STR_NONE);
}

BW_PRINTF(3, 4)
static void fail_text(struct sweep *sweep, enum bw_err code, const char *format, ...)
{
    struct bw_error error = {0};
    char text[400];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    (void)bw_fail(&error, code, "%s", text);
    fail(sweep, &error);
}

static void put_workflows(struct sweep *sweep, struct bw_form *form)
{
    struct bw_buf list;
    bw_buf_init(&list, 1 << 20);
    bw_value_put_arr(&list, sweep->count_count);
    for (size_t i = 0; i < sweep->count_count; i++) {
        bw_value_put_map(&list, 2);
        bw_value_put_key(&list, "runs");
        bw_value_put_int(&list, sweep->counts[i].runs);
        bw_value_put_key(&list, "workflow");
        bw_value_put_text(&list, sweep->counts[i].workflow);
    }
    bw_form_put_value(form, "workflows", bw_buf_str(&list));
    bw_buf_deinit(&list);
}

/* What it did, in the form's buffer. */
static struct bw_str summary(struct sweep *sweep, struct bw_form *form)
{
    char run[BW_ID_TEXT_LEN + 1];
    struct bw_form kept;
    bw_id_print(sweep->decision, run);
    bw_form_init(&kept);
    bw_form_put_int(&kept, "documents", sweep->kept_documents);
    bw_form_put_int(&kept, "held", sweep->kept_held);
    bw_form_put_int(&kept, "open", sweep->kept_open);
    bw_form_put_int(form, "at_us", sweep->started_us);
    bw_form_put_str(form, "by", sweep->wish.actor);
    bw_form_put_text(form, "decision", run);
    bw_form_put_text(form, "version", sweep->version);
    bw_form_put_value(form, "rules", bw_buf_str(&sweep->rules));
    bw_form_put_value(form, "kept", bw_form_finish(&kept));
    bw_form_put_int(form, "runs", sweep->dropped);
    bw_form_put_bool(form, "is_complete", !sweep->is_cut);
    bw_form_put_text(form, "archive", sweep->wish.archive_dir);
    if (sweep->wish.is_preview) {
        put_workflows(sweep, form);
    } else {
        bw_form_put_int(form, "turns", sweep->turns);
        bw_form_put_int(form, "batches", sweep->batches);
    }
    bw_form_deinit(&kept);
    return bw_form_finish(form);
}

static void on_told(void *ud, const struct bw_error *error)
{
    struct sweep *sweep = ud;
    struct bw_form form;
    struct bw_error own = *error;
    bw_form_init(&form);
    end(sweep, &own, own.code ? BW_STR_NONE : summary(sweep, &form));
    bw_form_deinit(&form);
}

static void finish(struct sweep *sweep)
{
    struct bw_form last, form;
    struct bw_error ok = {.code = BW_ERR_OK};
    if (sweep->wish.is_preview) {
        on_told(sweep, &ok);
        return;
    }
    bw_form_init(&last);
    bw_form_init(&form);
    bw_form_put_value(&last, "last", summary(sweep, &form));
    sweep->store->write(sweep->store->self, sweep->wish.tenant, BW_STR("retention"),
                        bw_form_finish(&last), on_told, sweep);
    bw_form_deinit(&form);
    bw_form_deinit(&last);
}

static void timer_due(void *ud)
{
    struct sweep *sweep = ud;
    sweep->on_timer(sweep);
}

static void wait_ms(struct sweep *sweep, int64_t ms, void (*then)(struct sweep *sweep))
{
    sweep->on_timer = then;
    bw_loop_timer_start(sweep->timer, ms);
}

/* --- Dropping, batch by batch. */

static void on_dropped(void *ud, const struct bw_error *error, struct bw_str value)
{
    struct sweep *sweep = ud;
    struct bw_value map = bw_value_read(value);
    if (error->code == BW_ERR_CONFLICT && ++sweep->plans < PLANS_MAX) {
        begin(sweep); /* a hold, or a setting: what may go is decided anew */
        return;
    }
    if (error->code) {
        fail(sweep, error);
        return;
    }
    sweep->dropped += bw_value_get_int(&map, "runs", 0);
    sweep->turns += bw_value_get_int(&map, "turns", 0);
    sweep->batches++;
    sweep->at += sweep->batch;
    if (sweep->wish.runs_max && sweep->dropped >= sweep->wish.runs_max) {
        sweep->is_cut = sweep->at < sweep->count || sweep->after[0];
        finish(sweep);
        return;
    }
    wait_ms(sweep, sweep->wish.rate ? (int64_t)sweep->batch * 1000 / sweep->wish.rate : 0,
            drop_next);
}

static void drop_batch(struct sweep *sweep, const char *file)
{
    struct bw_form args, detail;
    struct bw_buf runs;
    char text[BW_ID_TEXT_LEN + 1];
    bw_form_init(&args);
    bw_form_init(&detail);
    bw_buf_init(&runs, 1 << 20);
    bw_value_put_arr(&runs, sweep->batch);
    for (size_t i = 0; i < sweep->batch; i++) {
        bw_id_print(sweep->runs[sweep->at + i], text);
        bw_value_put_text(&runs, text);
    }
    bw_id_print(sweep->decision, text);
    bw_form_put_text(&detail, "decision", text);
    bw_form_put_text(&detail, "archive", file);
    bw_form_put_text(&detail, "version", sweep->version);
    bw_form_put_value(&args, "runs", bw_buf_str(&runs));
    bw_form_put_int(&args, "stamp", sweep->stamp);
    bw_form_put_str(&args, "by", sweep->wish.actor);
    bw_form_put_text(&args, "under", sweep->under);
    bw_form_put_value(&args, "detail", bw_form_finish(&detail));
    sweep->store->drop_runs(sweep->store->self, sweep->wish.tenant, bw_form_finish(&args),
                            on_dropped, sweep);
    bw_buf_deinit(&runs);
    bw_form_deinit(&detail);
    bw_form_deinit(&args);
}

static void on_archived(void *ud, const struct bw_error *error, const char *file)
{
    struct sweep *sweep = ud;
    if (error->code)
        fail(sweep, error); /* nothing is dropped that is not archived */
    else
        drop_batch(sweep, file);
}

static void drop_next(struct sweep *sweep)
{
    if (sweep->at == sweep->count) {
        if (sweep->after[0])
            look(sweep);
        else
            finish(sweep);
        return;
    }
    sweep->batch = sweep->count - sweep->at;
    if (sweep->batch > BATCH_RUNS)
        sweep->batch = BATCH_RUNS;
    struct bw_archive_wish archive = {.store = sweep->store,
                                      .tenant = sweep->wish.tenant,
                                      .runs = sweep->runs + sweep->at,
                                      .count = sweep->batch,
                                      .dir = sweep->wish.archive_dir,
                                      .under = bw_str_of(sweep->under),
                                      .at_us = sweep->started_us};
    if (archive.dir)
        bw_archive_write(&archive, on_archived, sweep);
    else
        drop_batch(sweep, NULL);
}

/* --- Looking, page by page. */

static void count_run(struct sweep *sweep, struct bw_str workflow)
{
    size_t at = 0;
    while (at < sweep->count_count && !bw_str_eq(bw_str_of(sweep->counts[at].workflow), workflow))
        at++;
    if (at == sweep->count_count) {
        sweep->counts =
            bw_xrealloc(sweep->counts, (sweep->count_count + 1) * sizeof *sweep->counts);
        sweep->counts[at] = (struct bw_count_of){.runs = 0};
        snprintf(sweep->counts[at].workflow, sizeof sweep->counts[at].workflow, "%.*s",
                 BW_STR_ARG(workflow));
        sweep->count_count++;
    }
    sweep->counts[at].runs++;
}

static void take_page(struct sweep *sweep, struct bw_str value)
{
    struct bw_value map = bw_value_read(value), runs = bw_value_get(&map, "runs"), row;
    struct bw_value kept = bw_value_get(&map, "kept");
    sweep->stamp = bw_value_get_int(&map, "stamp", 0);
    sweep->kept_documents += bw_value_get_int(&kept, "documents", 0);
    sweep->kept_held += bw_value_get_int(&kept, "held", 0);
    sweep->kept_open += bw_value_get_int(&kept, "open", 0);
    snprintf(sweep->after, sizeof sweep->after, "%.*s",
             BW_STR_ARG(bw_value_get_str(&map, "after", BW_STR_NONE)));
    bw_free(sweep->runs);
    sweep->runs = bw_xmalloc((runs.count + 1) * sizeof *sweep->runs);
    sweep->count = sweep->at = 0;
    for (struct bw_str rest = runs.items; bw_value_next(&rest, &row);) {
        if (!bw_id_parse(bw_value_get_str(&row, "id", BW_STR_NONE), &sweep->runs[sweep->count]))
            continue;
        sweep->count++;
        if (sweep->wish.is_preview)
            count_run(sweep, bw_value_get_str(&row, "workflow", BW_STR_NONE));
    }
    if (!sweep->wish.is_preview)
        return;
    sweep->dropped += (int64_t)sweep->count; /* would be */
    sweep->count = 0;
}

static void on_expired(void *ud, const struct bw_error *error, struct bw_str value)
{
    struct sweep *sweep = ud;
    if (error->code) {
        fail(sweep, error);
        return;
    }
    take_page(sweep, value);
    if (sweep->sweeper->is_stopping)
        fail_text(sweep, BW_ERR_CANCELLED, "the engine is stopping");
    else
        wait_ms(sweep, 0, drop_next); /* others have their turn */
}

static void look(struct sweep *sweep)
{
    struct bw_form args;
    bw_form_init(&args);
    bw_form_put_value(&args, "rules", bw_buf_str(&sweep->rules));
    bw_form_put_int(&args, "limit", LOOK_RUNS);
    bw_form_put_text(&args, "after", sweep->after);
    sweep->store->find_expired(sweep->store->self, sweep->wish.tenant, bw_form_finish(&args),
                               on_expired, sweep);
    bw_form_deinit(&args);
}

/* --- The decision. */

static void put_moment(struct bw_form *form, const char *key, struct bw_str day)
{
    struct bw_date date;
    if (day.len && bw_date_parse(day, &date))
        bw_form_put_int(form, key, bw_date_to_days(date) * 86400 * BW_US_PER_S);
}

/* The days of the decision as moments. */
static bool take_rules(struct sweep *sweep, struct bw_str result)
{
    struct bw_value map = bw_value_read(result), rules = bw_value_get(&map, "rules"), rule;
    char run[BW_ID_TEXT_LEN + 1];
    if (rules.tag != BW_VALUE_ARR || rules.count == 0)
        return false;
    bw_buf_clear(&sweep->rules);
    bw_value_put_arr(&sweep->rules, rules.count);
    for (struct bw_str rest = rules.items; bw_value_next(&rest, &rule);) {
        struct bw_form form;
        bw_form_init(&form);
        bw_form_put_str(&form, "workflow", bw_value_get_str(&rule, "workflow", BW_STR_NONE));
        bw_form_put_str(&form, "customer", bw_value_get_str(&rule, "customer", BW_STR_NONE));
        bw_form_put_str(&form, "contract", bw_value_get_str(&rule, "contract", BW_STR_NONE));
        put_moment(&form, "before_us", bw_value_get_str(&rule, "before", BW_STR_NONE));
        put_moment(&form, "books_before_us", bw_value_get_str(&rule, "books_before", BW_STR_NONE));
        bw_buf_put_str(&sweep->rules, bw_form_finish(&form));
        bw_form_deinit(&form);
    }
    bw_id_print(sweep->decision, run);
    snprintf(sweep->version, sizeof sweep->version, "%.*s",
             BW_STR_ARG(bw_value_get_str(&map, "version", BW_STR("?"))));
    snprintf(sweep->under, sizeof sweep->under, "policy retention %s, decided by run %s",
             sweep->version, run);
    return true;
}

static void poll(struct sweep *sweep);

static void on_run(void *ud, const struct bw_error *error, struct bw_str value)
{
    struct sweep *sweep = ud;
    struct bw_value row = bw_value_read(value);
    struct bw_str status = bw_value_get_str(&row, "status", BW_STR_NONE);
    char run[BW_ID_TEXT_LEN + 1];
    bw_id_print(sweep->decision, run);
    if (error->code) {
        fail(sweep, error);
    } else if (bw_str_eq(status, BW_STR("open")) && sweep->waited_ms < DECIDE_MS &&
               !sweep->sweeper->is_stopping) {
        sweep->waited_ms += sweep->poll_ms;
        wait_ms(sweep, sweep->poll_ms, poll);
        sweep->poll_ms = 2 * sweep->poll_ms < POLL_MS_MAX ? 2 * sweep->poll_ms : POLL_MS_MAX;
    } else if (!bw_str_eq(status, BW_STR("done"))) {
        fail_text(sweep, BW_ERR_SCRIPT,
                  "run %s, which decides what may go, is %.*s: nothing was dropped; 'billow run "
                  "explain' says why",
                  run, BW_STR_ARG(status));
    } else if (!take_rules(sweep, bw_value_get(&row, "result").encoded)) {
        fail_text(sweep, BW_ERR_SCRIPT,
                  "the workflow retention of this tenant gives no rules (run %s): nothing was "
                  "dropped",
                  run);
    } else {
        look(sweep);
    }
}

static void poll(struct sweep *sweep)
{
    struct bw_form args;
    char run[BW_ID_TEXT_LEN + 1];
    bw_id_print(sweep->decision, run);
    bw_form_init(&args);
    bw_form_put_text(&args, "id", run);
    sweep->store->read(sweep->store->self, sweep->wish.tenant, BW_STR("run"), bw_form_finish(&args),
                       on_run, sweep);
    bw_form_deinit(&args);
}

static void on_started(void *ud, const struct bw_error *error, struct bw_id run, bool is_new)
{
    struct sweep *sweep = ud;
    (void)is_new;
    sweep->decision = run;
    if (error->code == BW_ERR_NOT_FOUND)
        fail_text(sweep, BW_ERR_NOT_FOUND,
                  "nothing decides what may go: %s. Nothing is dropped until a release with "
                  "workflows/retention.lua and policies/retention is active",
                  error->text);
    else if (error->code)
        fail(sweep, error);
    else
        wait_ms(sweep, sweep->poll_ms, poll);
}

/* {customer = id} or {contract = id} for each that has settings of its own. */
static void put_scopes(struct bw_form *form, struct bw_str rows)
{
    struct bw_value list = bw_value_read(rows), row;
    struct bw_buf scopes;
    bw_buf_init(&scopes, 16 << 20);
    bw_value_put_arr(&scopes, list.count);
    for (struct bw_str rest = list.items; bw_value_next(&rest, &row);) {
        bw_value_put_map(&scopes, 1);
        bw_value_put_key_str(&scopes, bw_value_get_str(&row, "scope_type", BW_STR_NONE));
        bw_value_put_str(&scopes, bw_value_get_str(&row, "scope_id", BW_STR_NONE));
    }
    bw_form_put_value(form, "scopes", bw_buf_str(&scopes));
    bw_buf_deinit(&scopes);
}

static void on_scopes(void *ud, const struct bw_error *error, struct bw_str rows)
{
    struct sweep *sweep = ud;
    struct bw_form input;
    struct bw_date today;
    char text[BW_DATE_TEXT_LEN + 1];
    if (error->code || sweep->sweeper->is_stopping) {
        if (error->code)
            fail(sweep, error);
        else
            fail_text(sweep, BW_ERR_CANCELLED, "the engine is stopping");
        return;
    }
    bool is_date = bw_date_from_days(sweep->started_us / (86400 * BW_US_PER_S), &today);
    BW_ASSERT(is_date);
    bw_date_print(today, text);
    bw_form_init(&input);
    bw_form_put_text(&input, "on", text);
    put_scopes(&input, rows);
    struct bw_engine_start start = {.tenant = sweep->wish.tenant,
                                    .workflow = BW_STR("retention"),
                                    .input = bw_form_finish(&input),
                                    .started_by = sweep->wish.actor};
    bw_engine_start_run(sweep->sweeper->config.engine, &start, on_started, sweep);
    bw_form_deinit(&input);
}

static void begin(struct sweep *sweep)
{
    struct bw_form args;
    sweep->after[0] = '\0';
    sweep->count = sweep->at = 0;
    sweep->kept_documents = sweep->kept_held = sweep->kept_open = 0;
    sweep->poll_ms = POLL_MS;
    sweep->waited_ms = 0;
    bw_form_init(&args);
    bw_form_put_text(&args, "name", "retention");
    sweep->store->read(sweep->store->self, sweep->wish.tenant, BW_STR("setting_scopes"),
                       bw_form_finish(&args), on_scopes, sweep);
    bw_form_deinit(&args);
}

void bw_sweeper_sweep(struct bw_sweeper *sweeper, const struct bw_sweep_wish *wish,
                      bw_value_fn done, void *ud)
{
    struct sweep *sweep = bw_xcalloc(1, sizeof *sweep);
    sweep->sweeper = sweeper;
    sweep->store = sweeper->config.store;
    sweep->wish = *wish;
    sweep->wish.actor = bw_str(bw_xstrndup(wish->actor.ptr, wish->actor.len), wish->actor.len);
    sweep->wish.archive_dir = bw_xstrdup(wish->archive_dir);
    sweep->timer = bw_loop_timer_create(sweeper->config.loop, timer_due, sweep);
    sweep->started_us = bw_clock_utc(sweeper->config.clock).us;
    sweep->done = done;
    sweep->ud = ud;
    bw_buf_init(&sweep->rules, 16 << 20);
    bw_list_init(&sweep->link);
    bw_list_push_back(&sweeper->sweeps, &sweep->link);
    begin(sweep);
}

/* --- Life. */

struct bw_sweeper *bw_sweeper_create(const struct bw_sweeper_config *config)
{
    struct bw_sweeper *sweeper = bw_xcalloc(1, sizeof *sweeper);
    sweeper->config = *config;
    bw_list_init(&sweeper->sweeps);
    if (config->is_background)
        sweeper->background = bw_background_create(sweeper, &sweeper->config);
    return sweeper;
}

void bw_sweeper_stop(struct bw_sweeper *sweeper)
{
    if (!sweeper)
        return;
    sweeper->is_stopping = true;
    BW_LIST_EACH(&sweeper->sweeps, link) {
        struct sweep *sweep = bw_container_of(link, struct sweep, link);
        bw_loop_timer_stop(sweep->timer);
    }
    if (sweeper->background)
        bw_background_stop(sweeper->background);
}

void bw_sweeper_destroy(struct bw_sweeper *sweeper)
{
    if (!sweeper)
        return;
    while (!bw_list_is_empty(&sweeper->sweeps))
        sweep_free(bw_container_of(sweeper->sweeps.next, struct sweep, link));
    if (sweeper->background)
        bw_background_destroy(sweeper->background);
    bw_free(sweeper);
}
