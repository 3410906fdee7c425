/* api_receivables.c - a dispute with its steps. Lists are reports (api_report.c). */
#include "edge/api_handlers.h"
#include "edge/api_query.h"
#include <stdio.h>

static const char DISPUTE_SQL[] =
    "select d.id, i.number as invoice, i.customer_id as customer, d.line_id, d.entry_id, "
    "d.amount::text as amount, d.currency, d.reason_code as reason, d.note, d.owner, d.raised_by, "
    "d.raised_on::text as raised_on, d.answer_by::text as answer_by, d.state, d.is_open, "
    "d.accepted_amount::text as accepted_amount, "
    "(select jsonb_agg(jsonb_build_object("
    "'at', to_char(s.at at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"'), 'state', s.state, "
    "'accepted_amount', s.accepted_amount::text, 'credit_note', n.number, 'actor', s.actor, "
    "'note', s.note, 'evidence', s.evidence) order by s.position) "
    "from billing.dispute_step s left join billing.invoice n on n.id = s.credit_note_id "
    "where s.dispute_id = d.id) as steps "
    "from billing.dispute_state d join billing.invoice i on i.id = d.invoice_id where d.id = $1";

static void dispute_found(void *ud, const struct bw_error *error, struct bw_str rows)
{
    struct bw_api_call *call = ud;
    char missing[256];
    struct bw_value row;
    snprintf(missing, sizeof missing, "there is no dispute %.*s: 'billow dispute list --all'",
             (int)(call->parameters[0].len > 100 ? 100 : call->parameters[0].len),
             call->parameters[0].ptr);
    if (bw_api_first_row(call, error, rows, missing, &row))
        bw_api_answer(call, 200, row.encoded);
}

void bw_api_dispute(struct bw_api_call *call)
{
    bw_api_query(call, "api.dispute", DISPUTE_SQL, call->parameters, 1, dispute_found);
}
