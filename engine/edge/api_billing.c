/* api_billing.c - read models of billing: invoices, exceptions, documents. SQL under the script
 * role, so that row-level security holds here as it does for scripts.
 */
#include "edge/api_handlers.h"

/* Runs `sql` with one text parameter (nil when empty) and answers with the rows; `on_rows` may pick
 * instead. */
static void query(struct bw_api_call *call, const char *name, const char *sql,
                  struct bw_str parameter, bw_value_fn on_rows)
{
    struct bw_buf params;
    bw_buf_init(&params, 4096);
    bw_value_put_arr(&params, 1);
    if (parameter.len)
        bw_value_put_str(&params, parameter);
    else
        bw_value_put_nil(&params);
    call->store->query(call->store->self, call->tenant, bw_str_of(name), bw_str_of(sql),
                       bw_buf_str(&params), on_rows, call);
    bw_buf_deinit(&params);
}

static struct bw_str query_parameter(const struct bw_api_call *call, const char *name)
{
    struct bw_value map = bw_value_read(call->query);
    return bw_value_get_str(&map, name, BW_STR_NONE);
}

void bw_api_invoices(struct bw_api_call *call)
{
    query(call, "api.invoices",
          "select number, id, type_code, contract_id, customer_id, period, currency, "
          "issue_date::text, due_date::text, "
          "body->'totals'->>'tax_exclusive_amount' as tax_exclusive_amount, "
          "body->'totals'->>'tax_amount' as tax_amount, body->'totals'->>'payable_amount' as "
          "payable_amount, "
          /* Documents state positive amounts (EN 16931): what adds up has a sign. */
          "(case type_code when '381' then -1 else 1 end * "
          "(body->'totals'->>'payable_amount')::numeric)::text as signed_payable_amount, "
          "approved_by, run_id from billing.invoice where $1::text is null or period = $1 "
          "order by issue_date, series, number",
          query_parameter(call, "period"), bw_api_on_value);
}

/* The first row's `column`, or NOT_FOUND. */
static void answer_first(struct bw_api_call *call, const struct bw_error *error,
                         struct bw_str value, const char *column)
{
    if (error->code) {
        bw_api_fail(call, error);
        return;
    }
    struct bw_value rows = bw_value_read(value), row;
    struct bw_str rest = rows.items;
    if (!bw_value_next(&rest, &row)) {
        struct bw_error missing = {0};
        (void)bw_fail(&missing, BW_ERR_NOT_FOUND, "there is no invoice with the number %.*s",
                      BW_STR_ARG(call->parameters[0]));
        bw_api_fail(call, &missing);
        return;
    }
    struct bw_value cell = bw_value_get(&row, column);
    bw_api_answer(call, 200, cell.encoded);
}

static void invoice_found(void *ud, const struct bw_error *error, struct bw_str value)
{
    answer_first(ud, error, value, "body");
}

static void invoice_html_found(void *ud, const struct bw_error *error, struct bw_str value)
{
    answer_first(ud, error, value, "html");
}

void bw_api_invoice(struct bw_api_call *call)
{
    query(call, "api.invoice", "select body from billing.invoice where number = $1",
          call->parameters[0], invoice_found);
}

void bw_api_invoice_html(struct bw_api_call *call)
{
    query(call, "api.invoice_html", "select html from billing.invoice where number = $1",
          call->parameters[0], invoice_html_found);
}

void bw_api_exceptions(struct bw_api_call *call)
{
    query(call, "api.exceptions",
          "select code, ref, contract_id, level, message, details from billing.exception where "
          "period = $1 "
          "order by contract_id nulls first, code, ref collate \"C\"",
          query_parameter(call, "period"), bw_api_on_value);
}

void bw_api_documents(struct bw_api_call *call)
{
    query(call, "api.documents",
          "select id, version, body from (select distinct on (d.id) d.id, d.version, d.body from "
          "billing.document d "
          "where d.kind = $1 order by d.id, d.version desc) n order by id collate \"C\"",
          call->parameters[0], bw_api_on_value);
}
