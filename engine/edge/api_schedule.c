/* api_schedule.c - schedules: set, look at, pause, resume, delete, and the times that come next. */
#include "base/parse.h"
#include "core/engine.h"
#include "edge/api_handlers.h"
#include "edge/api_query.h"
#include "edge/form.h"

enum { TIMES_DEFAULT = 10, TIMES_MAX = 1000 };

static void changed(void *ud, const struct bw_error *error, struct bw_str value)
{
    (void)value;
    bw_api_on_done(ud, error);
}

void bw_api_schedules(struct bw_api_call *call)
{
    struct bw_form form;
    bw_form_init(&form);
    bw_form_put_int(&form, "limit", 10000);
    call->store->read(call->store->self, call->tenant, BW_STR("schedules"), bw_form_finish(&form),
                      bw_api_on_rows, call);
    bw_form_deinit(&form);
}

void bw_api_schedule(struct bw_api_call *call)
{
    struct bw_form form;
    bw_form_init(&form);
    bw_form_put_str(&form, "name", call->parameters[0]);
    call->store->read(call->store->self, call->tenant, BW_STR("schedule"), bw_form_finish(&form),
                      bw_api_on_rows, call);
    bw_form_deinit(&form);
}

void bw_api_schedule_set(struct bw_api_call *call)
{
    bw_engine_set_schedule(call->engine, call->tenant, call->parameters[0], call->body, call->actor,
                           changed, call);
}

void bw_api_schedule_pause(struct bw_api_call *call)
{
    bw_engine_pause_schedule(call->engine, call->tenant, call->parameters[0], call->actor, changed,
                             call);
}

void bw_api_schedule_resume(struct bw_api_call *call)
{
    bw_engine_resume_schedule(call->engine, call->tenant, call->parameters[0], call->actor, changed,
                              call);
}

void bw_api_schedule_delete(struct bw_api_call *call)
{
    bw_engine_delete_schedule(call->engine, call->tenant, call->parameters[0], call->actor, changed,
                              call);
}

void bw_api_schedule_next(struct bw_api_call *call)
{
    struct bw_str text = bw_api_query_parameter(call, "count");
    int count = TIMES_DEFAULT;
    if (text.len && !bw_parse_int(text, 1, TIMES_MAX, &count)) {
        bw_api_fail_text(call, BW_ERR_INVALID, "count has to be a number from 1 to 1000");
        return;
    }
    bw_engine_schedule_times(call->engine, call->tenant, call->parameters[0], BW_STR_NONE, 0,
                             (size_t)count, bw_api_on_rows, call);
}

void bw_api_schedule_times(struct bw_api_call *call)
{
    struct bw_value body = bw_value_read(call->body);
    struct bw_value spec = bw_value_get(&body, "schedule");
    int64_t count = bw_value_get_int(&body, "count", TIMES_DEFAULT);
    if (spec.tag != BW_VALUE_MAP || count < 1 || count > TIMES_MAX) {
        bw_api_fail_text(call, BW_ERR_INVALID,
                         "the body needs a schedule, and a count from 1 to 1000: {\"schedule\": "
                         "{\"rule\": \"FREQ=DAILY\", \"zone\": \"Europe/Berlin\"}, \"count\": 5}");
        return;
    }
    bw_engine_schedule_times(call->engine, call->tenant, BW_STR("-"), spec.encoded, 0,
                             (size_t)count, bw_api_on_rows, call);
}
