/* api_ledger.c - the entry ledger: the proof that the books are whole, the story of an entry. */
#include "edge/api_handlers.h"
#include "edge/api_query.h"
#include <stdio.h>

enum { NAMED_MAX = 5 };

static const char VERIFY_SQL[] =
    "with found as materialized (select rank, rule, subject, problem from billing.ledger_breaks()) "
    "select (select count(*) from billing.entry) as entries, "
    "(select count(*) from billing.ledger) as movements, "
    "(select count(*) from billing.invoice) as invoices, "
    "(select count(*) from billing.invoice_line) as lines, "
    "(select count(*) from billow.number_used) as numbers, "
    "(select count(*) from found) as breaks, (select count(*) = 0 from found) as is_whole, "
    "coalesce((select jsonb_agg(jsonb_build_object('rule', rule, 'subject', subject, "
    "'problem', problem) order by rank, subject collate \"C\", problem) "
    "from (select * from found order by rank, subject collate \"C\", problem limit 100) f), '[]') "
    "as found";

static const char ENTRY_SQL[] =
    "with named as (select * from billing.entry where id = $1), "
    "asked as (select * from named union all select * from billing.entry e "
    "where not exists (select from named) "
    "and $1 in (e.body->>'id', e.body->'event'->>'id')) "
    "select e.id, e.kind, e.source, e.version, e.entry_date::text as date, e.person, "
    "e.project_code, e.project_name, e.contract_id, e.subject, e.quantity, e.unit, e.invalid, "
    "e.body, "
    "(select coalesce(jsonb_agg(jsonb_build_object('state', b.state, 'quantity', b.quantity, "
    "'run', b.run_id, 'reason', b.reason) order by b.state), '[]') from billing.ledger_balance b "
    "where b.entry_id = e.id and b.quantity <> 0) as states, "
    "(select coalesce(jsonb_agg(jsonb_build_object("
    "'at', to_char(m.at at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"'), 'what', m.kind, "
    "'from', m.from_state, 'to', m.to_state, 'quantity', m.quantity, 'amount', m.amount, "
    "'currency', m.currency, 'invoice', i.number, 'line', m.line_id, 'part', m.moved_to, "
    "'run', m.run_id, "
    "'contract', coalesce(i.contract_id, c.contract_id), 'reason', m.reason, 'by', m.actor) "
    "order by m.position), '[]') from billing.ledger m "
    "left join billing.invoice i on i.id = m.invoice_id "
    "left join lateral (select x.contract_id from billing.closing x where x.run_id = m.run_id "
    "limit 1) c on true where m.entry_id = e.id) as story, "
    "(select coalesce(jsonb_agg(jsonb_build_object('version', v.version, 'body', v.body, "
    "'replaced_at', to_char(v.replaced_at at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"')) "
    "order by v.version), '[]') from billing.entry_version v where v.id = e.id) as versions "
    "from asked e order by e.id collate \"C\" limit 6";

static void verified(void *ud, const struct bw_error *error, struct bw_str rows)
{
    struct bw_value row;
    if (bw_api_first_row(ud, error, rows, "nothing was counted", &row))
        bw_api_answer(ud, 200, row.encoded);
}

void bw_api_ledger_verify(struct bw_api_call *call)
{
    bw_api_query(call, "api.ledger_verify", VERIFY_SQL, NULL, 0, verified);
}

/* Import sets of different months may hold the same id: says which entries there are. */
static void fail_ambiguous(struct bw_api_call *call, const struct bw_value *rows)
{
    struct bw_error error = {0};
    struct bw_buf names;
    struct bw_str rest = rows->items;
    struct bw_value row;
    bw_buf_init(&names, 1024);
    for (size_t i = 0; i < NAMED_MAX && bw_value_next(&rest, &row); i++)
        bw_buf_printf(&names, "%s%.*s", i ? ", " : "",
                      BW_STR_ARG(bw_value_get_str(&row, "id", BW_STR("?"))));
    (void)bw_fail(&error, BW_ERR_CONFLICT, "several entries are called %.*s: say which of %s",
                  BW_STR_ARG(call->parameters[0]), bw_buf_cstr(&names));
    bw_buf_deinit(&names);
    bw_api_fail(call, &error);
}

static void entry_found(void *ud, const struct bw_error *error, struct bw_str rows)
{
    struct bw_api_call *call = ud;
    struct bw_value list = bw_value_read(error->code ? BW_STR_NONE : rows), row;
    char missing[256];
    snprintf(missing, sizeof missing,
             "there is no entry %.*s: an entry is called SET/FILE:RECORD, for example "
             "2026-10/harvest-time:17",
             (int)(call->parameters[0].len > 100 ? 100 : call->parameters[0].len),
             call->parameters[0].ptr);
    if (!error->code && list.count > 1)
        fail_ambiguous(call, &list);
    else if (bw_api_first_row(call, error, rows, missing, &row))
        bw_api_answer(call, 200, row.encoded);
}

void bw_api_ledger_entry(struct bw_api_call *call)
{
    bw_api_query(call, "api.ledger_entry", ENTRY_SQL, call->parameters, 1, entry_found);
}
