/* background.c - every tenant is swept once a day (UTC), one after the other; before that, room is
 * made for what comes (partitions).
 *
 * The row of the last sweep says when a tenant was swept, whoever did it: nodes that look at the
 * same time may both begin, and then drop different runs, or the same ones once.
 */
#include "base/mem.h"
#include "codec/value.h"
#include "edge/form.h"
#include "edge/service_log.h"
#include "edge/sweep_inside.h"
#include "io/loop.h"

#include <stdio.h>

struct bw_background {
    struct bw_sweeper *sweeper;
    const struct bw_sweeper_config *config;
    struct bw_loop_timer *timer;
    struct bw_id *tenants;
    size_t count;
    size_t at;
    bool is_stopping;
};

static void next(struct bw_background *background);

static void rest(struct bw_background *background)
{
    if (!background->is_stopping)
        bw_loop_timer_start(background->timer, background->config->every_ms);
}

static void on_told(void *ud, const struct bw_error *error)
{
    struct bw_background *background = ud;
    (void)error;
    background->at++;
    next(background);
}

/* What went wrong is on record, and tried again tomorrow: a policy that fails parks one run a day.
 */
static void tell_problem(struct bw_background *background, const struct bw_error *problem)
{
    struct bw_store *store = background->config->store;
    struct bw_form last, args;
    bw_form_init(&last);
    bw_form_init(&args);
    bw_form_put_int(&last, "at_us", bw_clock_utc(background->config->clock).us);
    bw_form_put_text(&last, "by", "retention");
    bw_form_put_text(&last, "problem", problem->text);
    bw_form_put_value(&args, "last", bw_form_finish(&last));
    store->write(store->self, background->tenants[background->at], BW_STR("retention"),
                 bw_form_finish(&args), on_told, background);
    bw_form_deinit(&args);
    bw_form_deinit(&last);
}

static void on_swept(void *ud, const struct bw_error *error, struct bw_str value)
{
    struct bw_background *background = ud;
    struct bw_value map = bw_value_read(value);
    char text[200], tenant[BW_ID_TEXT_LEN + 1];
    int64_t runs = bw_value_get_int(&map, "runs", 0);
    bw_id_print(background->tenants[background->at], tenant);
    snprintf(text, sizeof text, "tenant %s: %lld runs, %lld turns were dropped", tenant,
             (long long)runs, (long long)bw_value_get_int(&map, "turns", 0));
    if (error->code && error->code != BW_ERR_NOT_FOUND && error->code != BW_ERR_CANCELLED)
        bw_service_log_error("retention", error);
    if (error->code && error->code != BW_ERR_CANCELLED && error->code != BW_ERR_UNAVAILABLE) {
        tell_problem(background, error);
        return;
    }
    if (!error->code && runs > 0)
        bw_service_log_text("retention", text);
    background->at++;
    next(background);
}

static void on_last(void *ud, const struct bw_error *error, struct bw_str value)
{
    struct bw_background *background = ud;
    const struct bw_sweeper_config *config = background->config;
    const int64_t day_us = 86400 * BW_US_PER_S;
    struct bw_value map = bw_value_read(value), last = bw_value_get(&map, "last");
    int64_t at_us = bw_value_get_int(&last, "at_us", 0);
    bool is_whole = bw_value_get_bool(&last, "is_complete", false) ||
                    bw_value_get(&last, "problem").tag == BW_VALUE_STR;
    bool is_due = at_us / day_us < bw_clock_utc(config->clock).us / day_us || !is_whole;
    if (error->code || !is_due || background->is_stopping) {
        background->at++;
        next(background);
        return;
    }
    struct bw_sweep_wish wish = {.tenant = background->tenants[background->at],
                                 .actor = BW_STR("retention"),
                                 .archive_dir = config->archive_dir,
                                 .rate = config->rate};
    bw_sweeper_sweep(background->sweeper, &wish, on_swept, background);
}

static void next(struct bw_background *background)
{
    struct bw_store *store = background->config->store;
    if (background->at >= background->count || background->is_stopping) {
        rest(background);
        return;
    }
    store->read(store->self, background->tenants[background->at], BW_STR("retention"), BW_STR_NONE,
                on_last, background);
}

static void on_tenants(void *ud, const struct bw_error *error, struct bw_str value)
{
    struct bw_background *background = ud;
    struct bw_value list = bw_value_read(value), row;
    bw_free(background->tenants);
    background->tenants = bw_xmalloc((list.count + 1) * sizeof *background->tenants);
    background->count = background->at = 0;
    for (struct bw_str rest_of = error->code ? BW_STR_NONE : list.items;
         bw_value_next(&rest_of, &row);)
        background->count += bw_id_parse(bw_value_get_str(&row, "id", BW_STR_NONE),
                                         &background->tenants[background->count]);
    next(background);
}

static void on_room(void *ud, const struct bw_error *error)
{
    struct bw_background *background = ud;
    struct bw_store *store = background->config->store;
    if (error->code && error->code != BW_ERR_CANCELLED)
        bw_service_log_error("partitions", error);
    if (background->is_stopping)
        return;
    if (background->config->rate == 0) {
        rest(background);
        return;
    }
    store->read(store->self, (struct bw_id){{0}}, BW_STR("tenants"), BW_STR_NONE, on_tenants,
                background);
}

static void look(void *ud)
{
    struct bw_background *background = ud;
    struct bw_store *store = background->config->store;
    store->write(store->self, (struct bw_id){{0}}, BW_STR("room"), BW_STR_NONE, on_room,
                 background);
}

struct bw_background *bw_background_create(struct bw_sweeper *sweeper,
                                           const struct bw_sweeper_config *config)
{
    struct bw_background *background = bw_xcalloc(1, sizeof *background);
    background->sweeper = sweeper;
    background->config = config;
    background->timer = bw_loop_timer_create(config->loop, look, background);
    bw_loop_timer_start(background->timer, config->first_ms);
    return background;
}

void bw_background_stop(struct bw_background *background)
{
    background->is_stopping = true;
    bw_loop_timer_stop(background->timer);
}

void bw_background_destroy(struct bw_background *background)
{
    bw_loop_timer_destroy(background->timer);
    bw_free(background->tenants);
    bw_free(background);
}
