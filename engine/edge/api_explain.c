/* api_explain.c - what is behind an issued invoice, as it was stored when it was issued. */
#include "edge/api_handlers.h"
#include "edge/api_query.h"
#include "edge/api_view.h"
#include "edge/form.h"
#include <stdio.h>

/* $2: one line only; null: all. */
static const char EXPLAIN_SQL[] =
    "select i.id, i.number, i.type_code, i.contract_id, i.customer_id, i.period, i.currency, "
    "i.issue_date::text, i.due_date::text, i.run_id, i.approved_by, i.approval_digest, "
    "to_char(i.issued_at at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"') as issued_at, "
    "i.body->'totals' as totals, i.body->'tax_breakdown' as tax_breakdown, "
    "i.body->'preceding_invoices' as preceding_invoices, "
    "i.explanation is not null as is_explained, i.explanation - 'lines' as explanation, "
    "coalesce((select jsonb_agg(l.value || coalesce((select e.value "
    "from jsonb_array_elements(i.explanation->'lines') e "
    "where e.value->>'id' = l.value->>'id'), '{}') order by l.ordinality) "
    "from jsonb_array_elements(i.body->'lines') with ordinality l "
    "where $2::text is null or l.value->>'id' = $2), '[]') as lines "
    "from billing.invoice i where i.number = $1 or i.id = $1";

/* The invoice keeps its explanation; the run that made it may have been dropped since. */
struct history {
    struct bw_api_call *call;
    struct bw_str invoice; /* encoded */
};

static void history_read(void *ud, const struct bw_error *error, struct bw_str value)
{
    struct history *history = ud;
    struct bw_value invoice = bw_value_read(history->invoice), run = bw_value_read(value), member;
    struct bw_str rest = invoice.items, key;
    struct bw_form form;
    struct bw_buf view;
    bw_form_init(&form);
    bw_buf_init(&view, 1 << 26);
    if (error->code && error->code != BW_ERR_NOT_FOUND) {
        bw_api_fail(history->call, error);
    } else {
        while (bw_value_next_pair(&rest, &key, &member))
            bw_form_put_value(&form, bw_arena_cstr(&history->call->arena, key), member.encoded);
        bw_api_view_rows(error->code ? BW_STR_NONE : run.encoded, &view);
        struct bw_value shown = bw_value_read(bw_buf_str(&view));
        bw_form_put_str(&form, "history",
                        error->code ? BW_STR("not there")
                        : bw_value_get(&shown, "dropped_at").tag == BW_VALUE_STR ? BW_STR("removed")
                                                                                 : BW_STR("there"));
        bw_form_put_value(&form, "history_removed_at", bw_value_get(&shown, "dropped_at").encoded);
        bw_form_put_value(&form, "history_removed_under",
                          bw_value_get(&shown, "dropped_under").encoded);
        bw_api_answer(history->call, 200, bw_form_finish(&form));
    }
    bw_buf_deinit(&view);
    bw_form_deinit(&form);
}

static void add_history(struct bw_api_call *call, const struct bw_value *invoice)
{
    struct history *history = bw_arena_alloc(&call->arena, sizeof *history);
    struct bw_form args;
    *history = (struct history){call, bw_arena_copy(&call->arena, invoice->encoded)};
    bw_form_init(&args);
    bw_form_put_str(&args, "id", bw_value_get_str(invoice, "run_id", BW_STR_NONE));
    call->store->read(call->store->self, call->tenant, BW_STR("run"), bw_form_finish(&args),
                      history_read, history);
    bw_form_deinit(&args);
}

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
    add_history(call, &row);
}

void bw_api_invoice_explain(struct bw_api_call *call)
{
    struct bw_str parameters[] = {call->parameters[0], bw_api_query_parameter(call, "line")};
    bw_api_query(call, "api.invoice_explain", EXPLAIN_SQL, parameters, 2, explained);
}
