/* api_bulk.c - one act for all parked runs with one cause: resume or cancel.
 *
 * The cause is the code of the error that a run is parked with (SCRIPT, UNAVAILABLE, ...). Pages
 * are read newest first by id, so a run that parks again meanwhile is not met twice. Each run is an
 * act of its own: some may fail, and the answer says which. */
#include "core/engine.h"
#include "edge/api_handlers.h"
#include "edge/form.h"

#include "base/mem.h"

#include <stdio.h>

enum { PAGE_RUNS = 200, FAILURES_MAX = 20, PAGE_BYTES_MAX = 64 << 20 };

struct bulk {
    struct bw_api_call *call;
    struct bw_str cause; /* in the call's body, which lives as long as the call */
    struct bw_str workflow;
    struct bw_str reason;
    struct bw_str
        skip_with; /* an encoded value, given to each failed effect; empty = performed again */
    bool is_cancel;
    bool is_latest;
    char after[BW_ID_TEXT_LEN + 1]; /* the last run of the page before; empty at first */
    bool is_last_page;
    size_t waiting_count; /* acts whose answer is still to come, and one for the page itself */
    int64_t done_count;
    int64_t failed_count;
    struct bw_buf failures; /* encoded maps {detail, run}, at most FAILURES_MAX of them */
    size_t shown_count;
};

struct act {
    struct bulk *bulk;
    struct bw_id run;
};

static void read_page(struct bulk *bulk);

static void finish(struct bulk *bulk, const struct bw_error *error)
{
    struct bw_form form;
    struct bw_buf list;
    if (error) {
        bw_api_fail(bulk->call, error);
    } else {
        bw_buf_init(&list, PAGE_BYTES_MAX);
        bw_value_put_arr(&list, bulk->shown_count);
        bw_buf_put_str(&list, bw_buf_str(&bulk->failures));
        bw_form_init(&form);
        bw_form_put_int(&form, "done", bulk->done_count);
        bw_form_put_int(&form, "failed", bulk->failed_count);
        bw_form_put_value(&form, "failures", bw_buf_str(&list));
        bw_api_answer(bulk->call, 200, bw_form_finish(&form));
        bw_form_deinit(&form);
        bw_buf_deinit(&list);
    }
    bw_buf_deinit(&bulk->failures);
    bw_free(bulk);
}

static void page_part_done(struct bulk *bulk)
{
    if (--bulk->waiting_count > 0)
        return;
    if (bulk->is_last_page)
        finish(bulk, NULL);
    else
        read_page(bulk);
}

static void acted(void *ud, const struct bw_error *error)
{
    struct act *act = ud;
    struct bulk *bulk = act->bulk;
    char id[BW_ID_TEXT_LEN + 1];
    bulk->done_count += error->code == BW_ERR_OK;
    bulk->failed_count += error->code != BW_ERR_OK;
    if (error->code != BW_ERR_OK && bulk->shown_count < FAILURES_MAX) {
        bulk->shown_count++;
        bw_id_print(act->run, id);
        bw_value_put_map(&bulk->failures, 2);
        bw_value_put_key(&bulk->failures, "detail");
        bw_value_put_text(&bulk->failures, error->text);
        bw_value_put_key(&bulk->failures, "run");
        bw_value_put_text(&bulk->failures, id);
    }
    bw_free(act);
    page_part_done(bulk);
}

static void act_on(struct bulk *bulk, struct bw_id run)
{
    struct bw_api_call *call = bulk->call;
    struct act *act = bw_xcalloc(1, sizeof *act);
    *act = (struct act){bulk, run};
    bulk->waiting_count++;
    if (bulk->is_cancel)
        bw_engine_cancel_run(call->engine, call->tenant, run, bulk->reason, call->actor, acted,
                             act);
    else
        bw_engine_resume_run(
            call->engine,
            &(struct bw_engine_resume){.tenant = call->tenant,
                                       .run = run,
                                       .by = call->actor,
                                       .skip = bulk->skip_with.len ? &bulk->skip_with : NULL,
                                       .is_latest = bulk->is_latest},
            acted, act);
}

static void page_read(void *ud, const struct bw_error *error, struct bw_str value)
{
    struct bulk *bulk = ud;
    if (error->code) {
        finish(bulk, error);
        return;
    }
    struct bw_value rows = bw_value_read(value), row;
    struct bw_str rest = rows.items;
    bulk->is_last_page = rows.count < PAGE_RUNS;
    bulk->waiting_count = 1;
    while (bw_value_next(&rest, &row)) {
        struct bw_value why = bw_value_get(&row, "error");
        struct bw_str id = bw_value_get_str(&row, "id", BW_STR_NONE);
        struct bw_id run;
        if (!bw_id_parse(id, &run))
            continue;
        snprintf(bulk->after, sizeof bulk->after, "%.*s", BW_STR_ARG(id));
        if (bw_str_eq(bw_value_get_str(&why, "code", BW_STR_NONE), bulk->cause))
            act_on(bulk, run);
    }
    page_part_done(bulk);
}

static void read_page(struct bulk *bulk)
{
    struct bw_api_call *call = bulk->call;
    struct bw_form args;
    bw_form_init(&args);
    bw_form_put_text(&args, "status", "parked");
    bw_form_put_int(&args, "limit", PAGE_RUNS);
    if (bulk->workflow.len)
        bw_form_put_str(&args, "workflow", bulk->workflow);
    if (bulk->after[0])
        bw_form_put_text(&args, "after", bulk->after);
    call->store->read(call->store->self, call->tenant, BW_STR("runs"), bw_form_finish(&args),
                      page_read, bulk);
    bw_form_deinit(&args);
}

static void begin(struct bw_api_call *call, bool is_cancel)
{
    struct bw_value body = bw_value_read(call->body);
    struct bw_str cause = bw_value_get_str(&body, "cause", BW_STR_NONE);
    if (cause.len == 0) {
        bw_api_fail_text(call, BW_ERR_INVALID,
                         "the body needs a cause, the code that the runs are parked with: "
                         "{\"cause\": \"UNAVAILABLE\"}");
        return;
    }
    struct bulk *bulk = bw_xcalloc(1, sizeof *bulk);
    bulk->call = call;
    bulk->cause = cause;
    bulk->workflow = bw_value_get_str(&body, "workflow", BW_STR_NONE);
    bulk->reason = bw_value_get_str(&body, "reason", BW_STR("cancelled by an operator"));
    bulk->skip_with = bw_value_get(&body, "skip_with").encoded;
    bulk->is_cancel = is_cancel;
    bulk->is_latest = bw_value_get_bool(&body, "latest", false);
    bw_buf_init(&bulk->failures, PAGE_BYTES_MAX);
    read_page(bulk);
}

void bw_api_runs_resume(struct bw_api_call *call)
{
    begin(call, false);
}

void bw_api_runs_cancel(struct bw_api_call *call)
{
    begin(call, true);
}
