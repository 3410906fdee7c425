--- The statement of billow.billing.review; its stand-in is in stdlib/testing/billing_review.lua.
---@class billow.billing.review_statements
local statements = {}

local db = require("billow.db")

--- What was issued beside a bill: invoices of the same purchase order, period and net; invoices of
--- the same amount, days apart (not of other periods of the contract: a retainer is the same every
--- month); the nets of the contract's last periods; the lines of time of the
--- last of them; whether contract or cards were stored anew since; whether the customer is known.
--- What was credited, and what has no amount, repeats nothing.
--- $1 JSON {documents: [{id, customer_id, currency, purchase_order, net, gross, issue_date}],
--- contract, period, order_days, amount_days, history}
statements.beside = db.statement({
  name = "billing.beside",
  sql = [[
with ask as materialized (
  select $1::jsonb->>'contract' as contract, $1::jsonb->>'period' as period,
         ($1::jsonb->>'order_days')::integer as order_days,
         ($1::jsonb->>'amount_days')::integer as amount_days,
         ($1::jsonb->>'history')::integer as history
), same as (
  select i.number, i.issue_date, i.tax_exclusive_amount = d.net and i.period = ask.period
         and i.body->>'purchase_order_reference' = d.purchase_order
         and i.issue_date >= d.issue_date - ask.order_days and ask.order_days > 0 as is_order,
         i.payable_amount = d.gross
         and abs(i.issue_date - d.issue_date) <= ask.amount_days
         and not (i.contract_id = ask.contract and i.period <> ask.period) as is_amount
    from ask
   cross join jsonb_to_recordset($1::jsonb->'documents') as d(id text, customer_id text,
         currency text, purchase_order text, net numeric, gross numeric, issue_date date)
    join billing.invoice i on i.customer_id = d.customer_id and i.currency = d.currency
     and i.issue_date >= d.issue_date - greatest(ask.order_days, ask.amount_days, 0)
   where i.type_code in ('380', '386') and i.id <> d.id and d.gross <> 0
     and not exists (select 1 from billing.invoice c
                      where c.type_code = '381' and c.customer_id = i.customer_id
                        and c.body->'preceding_invoices'
                            @> jsonb_build_array(jsonb_build_object('number', i.number)))
), past as materialized (
  select i.period, sum(i.tax_exclusive_amount) as net, max(i.issued_at) as issued_at
    from ask join billing.invoice i on i.contract_id = ask.contract and i.period < ask.period
   where i.type_code = '380'
   group by i.period order by i.period desc limit (select history from ask)
), last as materialized (
  select period, issued_at from past order by period desc limit 1
)
select case when coalesce(is_order, false) then 'order' else 'amount' end as what, number,
       issue_date::text, null as period, null as amount, null as description_key,
       null as unit_price
  from same where is_order or is_amount
union all
select 'period', null, null, period, net::text, null, null from past
union all
select 'line', null, null, last.period, null, l.description_key, l.unit_price::text
  from last join ask on true
  join billing.invoice i on i.contract_id = ask.contract and i.period = last.period
   and i.type_code = '380'
  join billing.invoice_line l on l.tenant_id = i.tenant_id and l.invoice_id = i.id
 where l.component = 'time'
union all
select 'amendment', null, null, null, null, d.kind || ' ' || d.id, null
  from last join ask on true
  join billing.document d on d.stored_at > last.issued_at
   and (d.kind = 'rate_card' or (d.kind = 'contract' and d.id = ask.contract))
union all
select 'customer', null, null, null, null, null, null
  from ask
 where exists (select 1 from jsonb_to_recordset($1::jsonb->'documents') as d(customer_id text)
                 join billing.invoice i on i.customer_id = d.customer_id)
 order by 1, 2, 4, 6]],
})

return statements
