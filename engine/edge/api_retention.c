/* api_retention.c - retention: where it stands, what would go, a sweep at once; legal holds. */
#include "edge/api_handlers.h"
#include "edge/form.h"
#include "edge/sweep.h"

#include <string.h>

enum { RUNS_MAX = 5000 }; /* of one call: so that it ends while its caller waits */

void bw_api_retention(struct bw_api_call *call)
{
    call->store->read(call->store->self, call->tenant, BW_STR("retention"), BW_STR_NONE,
                      bw_api_on_rows, call);
}

static void sweep(struct bw_api_call *call, bool is_preview)
{
    struct bw_value body = bw_value_read(call->body);
    struct bw_str archive = bw_value_get_str(&body, "archive", BW_STR_NONE);
    if (archive.len && archive.ptr[0] != '/') {
        bw_api_fail_text(call, BW_ERR_INVALID,
                         "archive has to be a full path: the engine writes it, not the caller");
        return;
    }
    int64_t runs_max = bw_value_get_int(&body, "runs_max", RUNS_MAX);
    struct bw_sweep_wish wish = {
        .tenant = call->tenant,
        .actor = call->actor,
        .archive_dir = archive.len ? bw_arena_cstr(&call->arena, archive) : NULL,
        .runs_max = runs_max < 1 || runs_max > RUNS_MAX ? RUNS_MAX : runs_max,
        .is_preview = is_preview};
    bw_sweeper_sweep(call->sweeper, &wish, bw_api_on_rows, call);
}

void bw_api_retention_preview(struct bw_api_call *call)
{
    sweep(call, true);
}

void bw_api_retention_run(struct bw_api_call *call)
{
    sweep(call, false);
}

void bw_api_holds(struct bw_api_call *call)
{
    call->store->read(call->store->self, call->tenant, BW_STR("holds"), BW_STR_NONE, bw_api_on_rows,
                      call);
}

static void write_hold(struct bw_api_call *call, const char *what, struct bw_str name)
{
    static const char *const names[] = {"scope", "scope_id", "reason"};
    struct bw_value body = bw_value_read(call->body);
    struct bw_form form;
    bw_form_init(&form);
    bw_form_put_str(&form, "name", name);
    bw_form_put_str(&form, "set_by", call->actor);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        bw_form_put_str(&form, names[i], bw_value_get_str(&body, names[i], BW_STR_NONE));
    call->store->write(call->store->self, call->tenant, bw_str_of(what), bw_form_finish(&form),
                       bw_api_on_done, call);
    bw_form_deinit(&form);
}

void bw_api_hold(struct bw_api_call *call)
{
    write_hold(call, "hold", call->parameters[0]);
}

void bw_api_hold_end(struct bw_api_call *call)
{
    write_hold(call, "hold_end", call->parameters[0]);
}
