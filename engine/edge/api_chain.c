/* api_chain.c - are all documents as they were issued, and is every number accounted for? */
#include "edge/api_handlers.h"
#include "edge/api_query.h"

static const char CHAIN_SQL[] =
    "with found as materialized (select series, position, number, problem from "
    "billing.chain_break) "
    "select (select count(*) from billing.document_chain) as documents, "
    "(select count(*) = 0 from found) as is_whole, (select count(*) from found) as breaks, "
    "coalesce((select jsonb_agg(jsonb_build_object('series', f.series, 'position', f.position, "
    "'number', f.number, 'problem', f.problem) order by f.series collate \"C\", f.position "
    "nulls last, f.number collate \"C\") from (select * from found order by series collate \"C\", "
    "position nulls last, number collate \"C\" limit 100) f), '[]') as found, "
    "coalesce((select jsonb_agg(jsonb_build_object('series', s.series, 'documents', s.documents, "
    "'first', s.first, 'last', s.last, 'hash', s.hash) order by s.series collate \"C\") "
    "from (select c.series, count(*) as documents, "
    "(array_agg(c.number order by c.position))[1] as first, "
    "(array_agg(c.number order by c.position desc))[1] as last, "
    "(array_agg(c.hash order by c.position desc))[1] as hash "
    "from billing.document_chain c group by c.series) s), '[]') as series, "
    "coalesce((select jsonb_agg(jsonb_build_object('series', g.series, 'number', g.number, "
    "'date', g.date::text, 'status', g.status, 'reason', g.reason, 'by', g.voided_by) "
    "order by g.series collate \"C\", g.date, g.sequence) from (select * from billing.number_gap "
    "order by series collate \"C\", date, sequence limit 1000) g), '[]') as numbers";

static void verified(void *ud, const struct bw_error *error, struct bw_str rows)
{
    struct bw_value row;
    if (bw_api_first_row(ud, error, rows, "nothing was counted", &row))
        bw_api_answer(ud, 200, row.encoded);
}

void bw_api_chain(struct bw_api_call *call)
{
    bw_api_query(call, "api.chain", CHAIN_SQL, NULL, 0, verified);
}
