/* api_explain.c - what is behind an issued invoice, as it was stored when it was issued. */
#include "edge/api_handlers.h"
#include "edge/api_query.h"
#include <stdio.h>

/* $2: one line only; null: all. */
static const char EXPLAIN_SQL[] =
    "select i.id, i.number, i.type_code, i.contract_id, i.customer_id, i.period, i.currency, "
    "i.issue_date::text, i.due_date::text, i.run_id, i.approved_by, i.approval_digest, "
    "to_char(i.issued_at at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"') as issued_at, "
    "i.body->'totals' as totals, i.body->'preceding_invoices' as preceding_invoices, "
    "i.explanation is not null as is_explained, i.explanation - 'lines' as explanation, "
    "coalesce((select jsonb_agg(l.value || coalesce((select e.value "
    "from jsonb_array_elements(i.explanation->'lines') e "
    "where e.value->>'id' = l.value->>'id'), '{}') order by l.ordinality) "
    "from jsonb_array_elements(i.body->'lines') with ordinality l "
    "where $2::text is null or l.value->>'id' = $2), '[]') as lines "
    "from billing.invoice i where i.number = $1 or i.id = $1";

static void explained(void *ud, const struct bw_error *error, struct bw_str rows)
{
    struct bw_api_call *call = ud;
    struct bw_value row;
    struct bw_str line = bw_api_query_parameter(call, "line");
    char missing[256];
    snprintf(missing, sizeof missing, "there is no invoice with the number %.*s",
             (int)(call->parameters[0].len > 100 ? 100 : call->parameters[0].len),
             call->parameters[0].ptr);
    if (!bw_api_first_row(call, error, rows, missing, &row))
        return;
    struct bw_value lines = bw_value_get(&row, "lines");
    if (line.len && lines.count == 0) {
        snprintf(missing, sizeof missing,
                 "invoice %.100s has no line %.*s: 'billow invoice show' lists its lines",
                 bw_arena_cstr(&call->arena, call->parameters[0]),
                 (int)(line.len > 40 ? 40 : line.len), line.ptr);
        bw_api_fail_text(call, BW_ERR_NOT_FOUND, missing);
        return;
    }
    bw_api_answer(call, 200, row.encoded);
}

void bw_api_invoice_explain(struct bw_api_call *call)
{
    struct bw_str parameters[] = {call->parameters[0], bw_api_query_parameter(call, "line")};
    bw_api_query(call, "api.invoice_explain", EXPLAIN_SQL, parameters, 2, explained);
}
