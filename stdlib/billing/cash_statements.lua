--- The SQL of cash: bank statements and entries, open items, payments and allocations, by name. All
--- parameters arrive as text; each statement casts what it needs.
---@class billow.billing.cash_statements
local cash_statements = {}

local db = require("billow.db")

--- What is stored of an account. $1 account
cash_statements.known_statements = db.statement({
  name = "cash.known_statements",
  sql = [[
select id, format, digest, from_date, to_date, opening_amount::text as opening_amount,
       closing_amount::text as closing_amount
  from billing.bank_statement where account = $1
 order by to_date desc, stored_at desc limit 500]],
})

--- Stores a statement; the same again changes nothing. $1 JSON of the statement, $2 run id
cash_statements.put_statement = db.statement({
  name = "cash.put_statement",
  sql = [[
insert into billing.bank_statement (account, format, id, digest, sequence, currency, from_date,
    to_date, opening_amount, closing_amount, entry_count, pending_count, run_id)
select s.account, s.format, s.id, s.digest, s.sequence, s.currency, s.from_date, s.to_date,
       s.opening_amount, s.closing_amount, s.entry_count, s.pending, $2::uuid
  from jsonb_to_record($1::jsonb) as s(account text, format text, id text, digest text,
       sequence text, currency text, from_date date, to_date date, opening_amount numeric,
       closing_amount numeric, entry_count integer, pending integer)
on conflict do nothing
returning id]],
})

--- Stores entries that no file brought before; gives those. $1 JSON array of entries, $2 run id
cash_statements.put_entries = db.statement({
  name = "cash.put_entries",
  sql = [[
insert into billing.bank_entry (id, account, reference, amount, currency, booking_date, value_date,
    format, statement_id, position, end_to_end_id, counterparty_name, counterparty_account,
    remittance_text, body, status, status_reason, run_id)
select e.id, e.account, e.reference, e.amount, e.currency, e.booking_date, e.value_date, e.format,
       e.statement_id, e.position, e.end_to_end_id, e.counterparty_name, e.counterparty_account,
       e.text, e.body, e.status, e.status_reason, $2::uuid
  from jsonb_to_recordset($1::jsonb) as e(id text, account text, reference text, amount numeric,
       currency text, booking_date date, value_date date, format text, statement_id text,
       position integer, end_to_end_id text, counterparty_name text, counterparty_account text,
       text text, body jsonb, status text, status_reason text)
 order by e.id
on conflict do nothing
returning id]],
})

--- Entries that wait for a person or for nobody yet. $1 JSON array of accounts; empty: all
cash_statements.open_entries = db.statement({
  name = "cash.open_entries",
  sql = [[
select id, body from billing.bank_entry
 where status in ('new', 'asked')
   and (jsonb_array_length($1::jsonb) = 0
        or account in (select jsonb_array_elements_text($1::jsonb)))
 order by booking_date, id limit 500]],
})

--- Says what became of an entry that is still open. $1 id, $2 status, $3 reason, $4 run id
cash_statements.mark_entry = db.statement({
  name = "cash.mark_entry",
  sql = [[
update billing.bank_entry set status = $2, status_reason = $3, run_id = $4::uuid
 where id = $1 and status in ('new', 'asked')
returning id]],
})

--- One page of what is open, by invoice id. $1 the last id of the page before
cash_statements.open_items = db.statement({
  name = "cash.open_items",
  sql = [[
select o.invoice_id, o.number, o.customer_id, o.currency, o.issue_date, o.due_date,
       o.open_amount::text as open_amount, o.payable_amount::text as payable_amount,
       o.net_amount::text as net_amount, c.body->>'name' as customer_name,
       i.body->>'payment_reference' as reference, i.body->>'end_to_end_id' as end_to_end_id,
       i.body->'instalments' as instalments, i.body->'tax_breakdown' as tax_breakdown,
       i.body->'withholding_taxes' as withholding_taxes,
       coalesce(nullif(i.body->'early_payment_discount', 'null'),
                nullif(k.body->'payment_terms'->'early_payment_discount', 'null'),
                c.body->'payment_terms'->'early_payment_discount') as early_payment_discount,
       (select sum(d.amount)::text from billing.dispute_state d
         where d.invoice_id = o.invoice_id and d.is_open) as disputed_amount,
       (select jsonb_agg(a.account order by a.account) from billing.payer_account a
         where a.customer_id = o.customer_id) as accounts
  from billing.open_item o
  join billing.invoice i on i.tenant_id = o.tenant_id and i.id = o.invoice_id
  left join lateral (select d.body from billing.document d
                      where d.kind = 'customer' and d.id = o.customer_id
                      order by d.version desc limit 1) c on true
  left join lateral (select d.body from billing.document d
                      where d.kind = 'contract' and d.id = o.contract_id
                      order by d.version desc limit 1) k on true
 where o.invoice_id collate "C" > $1
 order by o.invoice_id collate "C" limit 1000]],
})

--- Exchange rates that the firm uses, and its currency.
cash_statements.rates = db.statement({
  name = "cash.rates",
  sql = [[
select f.body->>'currency' as currency, o.body->'exchange_rates' as exchange_rates
  from (select body from billing.document where kind = 'firm' and id = 'firm'
         order by version desc limit 1) f
  left join lateral (select body from billing.document where kind = 'opening' and id = 'firm'
                      order by version desc limit 1) o on true]],
})

--- Stores a payment. $1 JSON of the payment, $2 run id, $3 actor
cash_statements.put_payment = db.statement({
  name = "cash.put_payment",
  sql = [[
insert into billing.payment (id, entry_id, date, amount, currency, customer_id, payer_name,
    payer_account, remittance_text, end_to_end_id, surplus_use, match, run_id, actor)
select p.id, p.entry_id, p.date, p.amount, p.currency, p.customer_id, p.payer_name,
       p.payer_account, coalesce(p.remittance_text, ''), p.end_to_end_id,
       coalesce(p.surplus_use, 'on_account'), p.match, $2::uuid, $3
  from jsonb_to_record($1::jsonb) as p(id text, entry_id text, date date, amount numeric,
       currency text, customer_id text, payer_name text, payer_account text,
       remittance_text text, end_to_end_id text, surplus_use text, match jsonb)]],
})

--- Stores allocations. $1 JSON array, $2 run id, $3 actor
cash_statements.put_allocations = db.statement({
  name = "cash.put_allocations",
  sql = [[
insert into billing.allocation (payment_id, invoice_id, kind, amount, currency, payment_amount,
    tax_amount, difference_amount, difference_currency, reason, run_id, actor)
select a.payment_id, a.invoice_id, a.kind, a.amount, a.currency, a.payment_amount, a.tax_amount,
       a.difference_amount, a.difference_currency, a.reason, $2::uuid, $3
  from jsonb_to_recordset($1::jsonb) as a(payment_id text, invoice_id text, kind text,
       amount numeric, currency text, payment_amount numeric, tax_amount numeric,
       difference_amount numeric, difference_currency text, reason text)]],
})

--- Payments that a debit may take back: same amount, and the same end-to-end id or account; of a
--- debit that has neither every one of the amount, since a person says which. $1 amount, $2
--- currency, $3 end-to-end id, $4 account, $5 date
cash_statements.returnable = db.statement({
  name = "cash.returnable",
  sql = [[
select p.id, p.date, p.amount::text as amount, p.currency, p.payer_name, p.end_to_end_id
  from billing.payment p
 where p.amount = $1::numeric and p.currency = $2 and p.date <= $5::date
   and p.date >= $5::date - 400
   and (p.end_to_end_id = nullif($3, '') or p.payer_account = nullif($4, '')
        or ($3 = '' and $4 = ''))
   and not exists (select 1 from billing.allocation_balance b
                    where b.payment_id = p.id and b.kind = 'return' and b.amount > 0)
 order by p.date desc, p.id limit 5]],
})

--- Takes back all that a payment settled, and gives its money back. $1 payment id, $2 run id, $3
--- actor, $4 reason
cash_statements.take_back = db.statement({
  name = "cash.take_back",
  sql = [[
insert into billing.allocation (payment_id, invoice_id, kind, amount, currency, payment_amount,
    reason, run_id, actor)
select b.payment_id, nullif(b.invoice_id, ''), b.kind, -b.amount,
       coalesce(i.currency, p.currency), -b.payment_amount, $4, $2::uuid, $3
  from billing.allocation_balance b
  join billing.payment p on p.tenant_id = b.tenant_id and p.id = b.payment_id
  left join billing.invoice i on i.tenant_id = b.tenant_id and i.id = b.invoice_id
 where b.payment_id = $1 and b.amount > 0
union all
select p.id, null, 'return', p.amount, p.currency, p.amount, $4, $2::uuid, $3
  from billing.payment p where p.id = $1 and p.amount > 0]],
})

--- Unapplied cash by age on a day. $1 date
cash_statements.unapplied_aging = db.statement({
  name = "cash.unapplied_aging",
  sql = [[
select customer_id, currency,
       sum(unapplied_amount) filter (where $1::date - date <= 30)::text as days_0_30,
       sum(unapplied_amount) filter (where $1::date - date between 31 and 60)::text as days_31_60,
       sum(unapplied_amount) filter (where $1::date - date between 61 and 90)::text as days_61_90,
       sum(unapplied_amount) filter (where $1::date - date > 90)::text as days_over_90,
       sum(unapplied_amount)::text as total, min(date) as oldest
  from billing.unapplied_cash
 where date <= $1::date
 group by customer_id, currency
 order by customer_id collate "C" nulls first, currency]],
})

return cash_statements
