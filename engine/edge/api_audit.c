/* api_audit.c - the audit record: who did what, and rows for acts that are no single write of the
 * store. */
#include "base/parse.h"
#include "codec/date.h"
#include "edge/api_handlers.h"
#include "edge/api_query.h"
#include "edge/form.h"

/* "2026-10-31" or an instant; empty = from the beginning. */
static bool take_since(struct bw_str text, int64_t *since_us)
{
    struct bw_date date;
    struct bw_stamp stamp = {0};
    bool is_date = bw_date_parse(text, &date);
    bool is_good = text.len == 0 || is_date || bw_stamp_parse(text, &stamp);
    *since_us = is_date ? bw_date_to_days(date) * 86400 * BW_US_PER_S : stamp.us;
    return is_good;
}

void bw_api_audit(struct bw_api_call *call)
{
    static const char *const names[] = {"actor", "action", "subject"};
    struct bw_form form;
    struct bw_str limit = bw_api_query_parameter(call, "limit");
    int64_t since_us;
    int count = 100;
    if (!take_since(bw_api_query_parameter(call, "since"), &since_us)) {
        bw_api_fail_text(call, BW_ERR_INVALID,
                         "since has to be a date or an instant: 2026-10-31, 2026-10-31T18:00:00Z");
        return;
    }
    if (limit.len && !bw_parse_int(limit, 1, 10000, &count)) {
        bw_api_fail_text(call, BW_ERR_INVALID, "limit has to be a number from 1 to 10000");
        return;
    }
    bw_form_init(&form);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        bw_form_put_str(&form, names[i], bw_api_query_parameter(call, names[i]));
    bw_form_put_int(&form, "since_us", since_us);
    bw_form_put_int(&form, "limit", count);
    call->store->read(call->store->self, call->tenant, BW_STR("audit"), bw_form_finish(&form),
                      bw_api_on_rows, call);
    bw_form_deinit(&form);
}

void bw_api_put_audit(struct bw_api_call *call, const char *action, struct bw_str subject,
                      bw_done_fn done)
{
    struct bw_form form;
    bw_form_init(&form);
    bw_form_put_str(&form, "actor", call->actor);
    bw_form_put_text(&form, "action", action);
    bw_form_put_str(&form, "subject", subject);
    call->store->write(call->store->self, call->tenant, BW_STR("audit"), bw_form_finish(&form),
                       done, call);
    bw_form_deinit(&form);
}
