--- The SQL of receivables, by name: credits, disputes, reminders, interest, write-offs, accounts.
--- All parameters arrive as text; each statement casts what it needs.
---@class billow.billing.receivables_statements
local receivables_statements = {}

local db = require("billow.db")

--- An invoice with its credit notes and what the ledger says of its entries. $1 id or number
receivables_statements.creditable = db.statement({
  name = "billing.creditable",
  sql = [[
with i as (
  select * from billing.invoice where id = $1 or number = $1 order by id = $1 desc limit 1
),
moves as (
  select l.kind, l.entry_id, coalesce(n.credits_line_id, l.line_id) as line_id, l.quantity,
         l.amount, e.kind as entry_kind, e.body->>'id' as ref,
         row_number() over (order by e.kind, e.source_rank, e.sequence, l.position) as place
    from i
    join billing.ledger l on l.kind in ('bill', 'credit') and l.line_id is not null
     and (l.invoice_id = i.id
          or l.invoice_id in (select c.id from billing.invoice c where c.credits_invoice_id = i.id))
    join billing.entry e on e.id = l.entry_id and e.kind <> 'usage'
    left join billing.invoice_line n on n.invoice_id = l.invoice_id and n.line_id = l.line_id
     and n.credits_invoice_id = i.id
)
select i.id, i.number, i.period, i.contract_id, i.customer_id, i.body as invoice,
       coalesce((select jsonb_agg(c.body order by c.issued_at, c.id) from billing.invoice c
                  where c.credits_invoice_id = i.id), '[]') as credits,
       coalesce((select jsonb_agg(jsonb_build_object('entry_id', m.entry_id, 'line_id', m.line_id,
                   'quantity', m.quantity::text, 'amount', m.amount::text, 'kind', m.entry_kind,
                   'ref', m.ref) order by m.place)
                   from moves m where m.kind = 'bill'), '[]') as billed,
       coalesce((select jsonb_agg(jsonb_build_object('entry_id', m.entry_id, 'line_id', m.line_id,
                   'quantity', m.quantity::text, 'amount', m.amount::text) order by m.place)
                   from moves m where m.kind = 'credit'), '[]') as credited,
       (select min(c.period) from billing.closing c
         where c.contract_id = i.contract_id and c.period > i.period) as closed_after,
       (select count(*) from billing.invoice o where o.contract_id = i.contract_id
           and o.customer_id = i.customer_id and o.period = i.period and o.type_code = '381')
         as note_count,
       (select count(*) from billing.invoice o where o.contract_id = i.contract_id
           and o.customer_id = i.customer_id and o.period = i.period and o.type_code = i.type_code)
         as invoice_count
  from i]],
})

--- Whose an invoice is, for those that follow it. $1 id or number
receivables_statements.case = db.statement({
  name = "billing.case",
  sql = [[
select i.id, i.number, i.type_code, i.contract_id, i.customer_id, i.period, i.currency,
       i.issue_date, i.due_date, i.payable_amount::text as payable_amount,
       i.tax_amount::text as tax_amount, i.body->'instalments' as instalments,
       (select d.body from billing.document d where d.kind = 'contract' and d.id = i.contract_id
         order by d.version desc limit 1) as contract,
       (select d.body from billing.document d where d.kind = 'customer' and d.id = i.customer_id
         order by d.version desc limit 1) as customer,
       (select d.body from billing.document d where d.kind = 'firm' and d.id = 'firm'
         order by d.version desc limit 1) as firm
  from billing.invoice i where i.id = $1 or i.number = $1 order by i.id = $1 desc limit 1]],
})

--- Stores a credit note; its number is given in this transaction.
--- $1 canonical JSON, $2 number, $3 series, $4 run, $5 approved by, $6 digest, $7 period, $8 HTML,
--- $9 id of the invoice it credits, $10 JSON of the retainer's state after it, or nothing
receivables_statements.put_credit_note = db.statement({
  name = "billing.put_credit_note",
  sql = [[
insert into billing.invoice (id, number, series, type_code, contract_id, customer_id, period,
    currency, issue_date, due_date, line_extension_amount, allowance_total_amount,
    charge_total_amount, tax_exclusive_amount, tax_amount, payable_amount, run_id, approved_by,
    approval_digest, body, html, credits_invoice_id, position)
select i->>'id', $2, $3, i->>'type_code', i->>'contract_id', i->>'customer_id', $7,
       i->>'currency', (i->>'issue_date')::date, null, (t->>'line_extension_amount')::numeric,
       (t->>'allowance_total_amount')::numeric, (t->>'charge_total_amount')::numeric,
       (t->>'tax_exclusive_amount')::numeric, (t->>'tax_amount')::numeric,
       (t->>'payable_amount')::numeric, $4::uuid, $5, $6,
       jsonb_set(i, '{number}', to_jsonb($2)), replace($8, '{{billow:number}}', $2), $9, $10::jsonb
  from (select $1::jsonb as i, $1::jsonb->'totals' as t) x]],
})

--- The lines of a credit note, each with the line it credits. $1 canonical JSON
receivables_statements.put_credit_lines = db.statement({
  name = "billing.put_credit_lines",
  sql = [[
insert into billing.invoice_line (invoice_id, line_id, component, description_key, quantity,
    unit_code, unit_price, net_amount, tax_code, tax_category, tax_percent, credits_invoice_id,
    credits_line_id, contract_id)
select $1::jsonb->>'id', l.id, l.component, l.description_key, l.quantity, l.unit_code,
       l.unit_price, l.net_amount, l.tax_code, l.tax_category, l.tax_percent,
       l.credits->>'invoice_id', l.credits->>'line_id', l.contract_id
  from jsonb_to_recordset($1::jsonb->'lines') as l(id text, component text, description_key text,
      quantity numeric, unit_code text, unit_price numeric, net_amount numeric, tax_code text,
      tax_category text, tax_percent numeric, credits jsonb, contract_id text)]],
})

--- Gives credited quantity back: billed -> open (or where the note says).
--- $1 JSON array of movements, $2 run, $3 actor, $4 reason
receivables_statements.credit_entries = db.statement({
  name = "billing.credit_entries",
  sql = [[
insert into billing.ledger (entry_id, kind, from_state, to_state, quantity, amount, currency,
    invoice_id, line_id, run_id, reason, actor)
select m.entry_id, 'credit', 'billed', m.to_state, m.quantity, m.amount, m.currency, m.invoice_id,
       m.line_id, $2::uuid, $4, $3
  from jsonb_to_recordset($1::jsonb) as m(entry_id text, to_state text, quantity numeric,
      amount numeric, currency text, invoice_id text, line_id text)
 order by m.entry_id]],
})

--- Gives back the usage events of an invoice that is credited as a whole.
--- $1 invoice id, $2 id of the credit note, $3 run, $4 actor, $5 reason, $6 to which state
receivables_statements.credit_usage = db.statement({
  name = "billing.credit_usage",
  sql = [[
insert into billing.ledger (entry_id, kind, from_state, to_state, quantity, invoice_id, run_id,
    reason, actor)
select l.entry_id, 'credit', 'billed', $6, sum(l.quantity), $2, $3::uuid, $5, $4
  from billing.ledger l join billing.entry e on e.id = l.entry_id and e.kind = 'usage'
 where l.invoice_id = $1 and l.kind = 'bill'
 group by l.entry_id order by l.entry_id]],
})

--- Gives back what the billing run of an invoice drew from the retainer.
--- $1 invoice id, $2 id of the credit note, $3 run, $4 actor, $5 reason
receivables_statements.credit_draws = db.statement({
  name = "billing.credit_draws",
  sql = [[
insert into billing.ledger (entry_id, kind, from_state, to_state, quantity, invoice_id, run_id,
    reason, actor)
select l.entry_id, 'credit', 'billed', 'open', sum(l.quantity), $2, $3::uuid, $5, $4
  from billing.ledger l
 where l.kind = 'draw' and l.run_id = (select i.run_id from billing.invoice i where i.id = $1)
 group by l.entry_id order by l.entry_id]],
})

--- Claims what a credit note gave back that stands on no line: usage events, draws.
--- $1 id of the credit note, $2 run, $3 actor
receivables_statements.claim_usage = db.statement({
  name = "billing.claim_credited_usage",
  sql = [[
insert into billing.ledger (entry_id, kind, from_state, to_state, quantity, run_id, actor)
select l.entry_id, 'claim', 'open', 'claimed', sum(l.quantity), $2::uuid, $3
  from billing.ledger l
 where l.invoice_id = $1 and l.kind = 'credit' and l.line_id is null and l.to_state = 'open'
 group by l.entry_id order by l.entry_id]],
})

--- Claims exactly these open quantities, so that no other run bills them before this one does.
--- $1 JSON array of {entry_id, quantity}, $2 run, $3 actor
receivables_statements.claim_exactly = db.statement({
  name = "billing.claim_exactly",
  sql = [[
insert into billing.ledger (entry_id, kind, from_state, to_state, quantity, run_id, actor)
select m.entry_id, 'claim', 'open', 'claimed', sum(m.quantity), $2::uuid, $3
  from jsonb_to_recordset($1::jsonb) as m(entry_id text, quantity numeric)
 group by m.entry_id order by m.entry_id]],
})

--- Stores an invoice that replaces one that was credited: as billing.put_credit_note, $9 the old
--- one.
receivables_statements.put_replacement = db.statement({
  name = "billing.put_replacement",
  sql = [[
insert into billing.invoice (id, number, series, type_code, contract_id, customer_id, period,
    currency, issue_date, due_date, line_extension_amount, allowance_total_amount,
    charge_total_amount, tax_exclusive_amount, tax_amount, payable_amount, run_id, approved_by,
    approval_digest, body, html, replaces_invoice_id, position)
select i->>'id', $2, $3, i->>'type_code', i->>'contract_id', i->>'customer_id', $7,
       i->>'currency', (i->>'issue_date')::date, (i->>'due_date')::date,
       (t->>'line_extension_amount')::numeric, (t->>'allowance_total_amount')::numeric,
       (t->>'charge_total_amount')::numeric, (t->>'tax_exclusive_amount')::numeric,
       (t->>'tax_amount')::numeric, (t->>'payable_amount')::numeric, $4::uuid, $5, $6,
       jsonb_set(i, '{number}', to_jsonb($2)), replace($8, '{{billow:number}}', $2), $9, $10::jsonb
  from (select $1::jsonb as i, $1::jsonb->'totals' as t) x]],
})

--- What is open or held of entries, with the contract that bills them.
--- $1 JSON array of their ids, here or in their source
receivables_statements.unbilled = db.statement({
  name = "billing.unbilled",
  sql = [[
select e.id as entry_id, e.kind, e.body->>'id' as ref, e.body,
       (select min(k.contract_id) from billing.entry_placed k where k.id = e.id) as contract_id,
       coalesce(sum(b.quantity) filter (where b.state = 'open'), 0)::text as open,
       coalesce(sum(b.quantity) filter (where b.state = 'held'), 0)::text as held,
       sum(b.quantity)::text as quantity
  from billing.entry e
  join billing.ledger_balance b on b.entry_id = e.id and b.state in ('open', 'held')
   and b.quantity > 0
 where e.kind in ('time', 'expense')
   and (e.id in (select jsonb_array_elements_text($1::jsonb))
        or e.body->>'id' in (select jsonb_array_elements_text($1::jsonb)))
 group by e.id, e.kind, e.body
 order by e.id collate "C"]],
})

--- Writes open or held work down before it is billed.
--- $1 JSON array of {entry_id, from_state, quantity, amount, currency}, $2 run, $3 actor, $4 reason
receivables_statements.write_down = db.statement({
  name = "billing.write_down",
  sql = [[
insert into billing.ledger (entry_id, kind, from_state, to_state, quantity, amount, currency,
    run_id, reason, actor)
select m.entry_id, 'write_down', m.from_state, 'written_off', m.quantity, m.amount, m.currency,
       $2::uuid, $4, $3
  from jsonb_to_recordset($1::jsonb) as m(entry_id text, from_state text, quantity numeric,
      amount numeric, currency text)
 order by m.entry_id]],
})

--- $1 JSON {id, invoice_id, amount, currency, reason_code, note, is_tax_relief, tax_amount, on,
--- approved_by, roles}, $2 run
receivables_statements.put_write_off = db.statement({
  name = "billing.put_write_off",
  sql = [[
insert into billing.write_off (id, invoice_id, amount, currency, reason_code, note, is_tax_relief,
    tax_amount, written_off_on, approved_by, roles, run_id)
select w.id, w.invoice_id, w.amount, w.currency, w.reason_code, w.note, w.is_tax_relief,
       w.tax_amount, w."on", w.approved_by, w.roles, $2::uuid
  from jsonb_to_record($1::jsonb) as w(id text, invoice_id text, amount numeric, currency text,
      reason_code text, note text, is_tax_relief boolean, tax_amount numeric, "on" date,
      approved_by text, roles text)]],
})

--- What an invoice owes, with everything that decides about reminders. $1 invoice id, $2 today
receivables_statements.account = db.statement({
  name = "billing.account",
  sql = [[
select r.*,
       (select coalesce(jsonb_agg(jsonb_build_object('level', s.level, 'sent_on', s.sent_on,
                 'fee', s.fee::text)
                 order by s.level), '[]')
          from billing.dunning_step s where s.invoice_id = r.invoice_id) as sent,
       (select coalesce(jsonb_agg(jsonb_build_object('level', a.level, 'attempt', a.attempt,
                 'status', a.status) order by a.level, a.attempt, a.status), '[]')
          from billing.dunning_attempt a where a.invoice_id = r.invoice_id) as attempts,
       (select coalesce(jsonb_agg(jsonb_build_object('id', h.id, 'kind', h.kind,
                 'from_date', h.from_date, 'until_date', h.until_date, 'lifted_on', h.lifted_on)
                 order by h.at, h.id), '[]')
          from billing.dunning_hold h where h.customer_id = r.customer_id
           and (h.invoice_id is null or h.invoice_id = r.invoice_id)
           and (h.lifted_on is null or h.lifted_on > $2::date)) as holds,
       (select coalesce(jsonb_agg(jsonb_build_object('from_date', d.raised_on,
                 'until_date', case when d.is_open then null else d.state_at::date end,
                 'amount', d.amount::text, 'state', d.state) order by d.raised_on, d.id), '[]')
          from billing.dispute_state d where d.invoice_id = r.invoice_id) as disputes,
       (select coalesce(jsonb_agg(x order by x->>'date'), '[]') from (
          select jsonb_build_object('date', n.issue_date, 'amount', n.payable_amount::text) as x
            from billing.invoice n where n.credits_invoice_id = r.invoice_id
          union all
          select jsonb_build_object('date', p.date, 'amount', a.amount::text)
            from billing.allocation a join billing.payment p on p.id = a.payment_id
           where a.invoice_id = r.invoice_id
          union all
          select jsonb_build_object('date', w.written_off_on, 'amount', w.amount::text)
            from billing.write_off w where w.invoice_id = r.invoice_id) m) as reductions,
       exists (select 1 from billing.unmatched_entry u where u.currency = r.currency
                  and u.counterparty_account in (select p.account from billing.payer_account p
                                                  where p.customer_id = r.customer_id))
         or exists (select 1 from billing.unapplied_cash u where u.customer_id = r.customer_id
                       and u.currency = r.currency) as is_cash_unmatched,
       (select max(c.until_date) from billing.interest_charge c
         where c.invoice_id = r.invoice_id) as charged_until,
       (select coalesce(sum(c.amount + c.compensation), 0) from billing.interest_charge c
         where c.invoice_id = r.invoice_id) as interest_amount
  from billing.receivable r where r.invoice_id = $1]],
})

--- Records a reminder before it goes out; a level that is there already is a conflict.
--- $1 JSON {invoice_id, level, sent_on, channel, language, open_amount, disputed_amount, fee,
--- interest, message}, $2 run
receivables_statements.put_step = db.statement({
  name = "billing.put_dunning_step",
  sql = [[
insert into billing.dunning_step (invoice_id, level, sent_on, channel, language, open_amount,
    disputed_amount, fee, interest, message, run_id)
select s.invoice_id, s.level, s.sent_on, s.channel, s.language, s.open_amount, s.disputed_amount,
       s.fee, s.interest, s.message, $2::uuid
  from jsonb_to_record($1::jsonb) as s(invoice_id text, level integer, sent_on date, channel text,
      language text, open_amount numeric, disputed_amount numeric, fee numeric, interest numeric,
      message jsonb)]],
})

--- $1 invoice id, $2 level, $3 attempt, $4 sent or failed, $5 reason, $6 run
receivables_statements.put_attempt = db.statement({
  name = "billing.put_dunning_attempt",
  sql = [[
insert into billing.dunning_attempt (invoice_id, level, attempt, status, reason, run_id)
values ($1, $2::integer, $3::integer, $4, $5, $6::uuid)
on conflict do nothing]],
})

--- An attempt to deliver an invoice or credit note. $1 id, $2 attempt, $3 channel, $4 status,
--- $5 reason, $6 run
receivables_statements.put_delivery = db.statement({
  name = "billing.put_delivery",
  sql = [[
insert into billing.delivery (invoice_id, attempt, channel, status, reason, run_id)
values ($1, $2::integer, $3, $4, $5, $6::uuid)
on conflict do nothing]],
})

--- $1 JSON {id, customer_id, invoice_id, kind, from_date, until_date, amount, note}, $2 actor
receivables_statements.put_hold = db.statement({
  name = "billing.put_dunning_hold",
  sql = [[
insert into billing.dunning_hold (id, customer_id, invoice_id, kind, from_date, until_date, amount,
    note, actor)
select h.id, h.customer_id, h.invoice_id, h.kind, h.from_date, h.until_date, h.amount, h.note, $2
  from jsonb_to_record($1::jsonb) as h(id text, customer_id text, invoice_id text, kind text,
      from_date date, until_date date, amount numeric, note text)]],
})

--- $1 hold id, $2 on which day, $3 actor
receivables_statements.lift_hold = db.statement({
  name = "billing.lift_dunning_hold",
  sql = [[
update billing.dunning_hold set lifted_on = $2::date, lifted_by = $3
 where id = $1 and lifted_on is null]],
})

--- $1 JSON {invoice_id, from_date, until_date, amount, compensation, currency, basis,
--- interest_invoice_id}, $2 run
receivables_statements.put_interest = db.statement({
  name = "billing.put_interest",
  sql = [[
insert into billing.interest_charge (invoice_id, from_date, until_date, amount, compensation,
    currency, basis, interest_invoice_id, run_id)
select c.invoice_id, c.from_date, c.until_date, c.amount, c.compensation, c.currency, c.basis,
       c.interest_invoice_id, $2::uuid
  from jsonb_to_record($1::jsonb) as c(invoice_id text, from_date date, until_date date,
      amount numeric, compensation numeric, currency text, basis jsonb,
      interest_invoice_id text)]],
})

--- $1 JSON {id, invoice_id, line_id, entry_id, amount, currency, reason_code, note, owner,
--- raised_by, raised_on, answer_by}, $2 run
receivables_statements.put_dispute = db.statement({
  name = "billing.put_dispute",
  sql = [[
insert into billing.dispute (id, invoice_id, line_id, entry_id, amount, currency, reason_code,
    note, owner, raised_by, raised_on, answer_by, run_id)
select d.id, d.invoice_id, d.line_id, d.entry_id, d.amount, d.currency, d.reason_code, d.note,
       d.owner, d.raised_by, d.raised_on, d.answer_by, $2::uuid
  from jsonb_to_record($1::jsonb) as d(id text, invoice_id text, line_id text, entry_id text,
      amount numeric, currency text, reason_code text, note text, owner text, raised_by text,
      raised_on date, answer_by date)]],
})

--- The next step of a dispute. $1 JSON {dispute_id, state, accepted_amount, credit_note_id,
--- evidence, note, actor}, $2 run
receivables_statements.put_dispute_step = db.statement({
  name = "billing.put_dispute_step",
  sql = [[
insert into billing.dispute_step (dispute_id, position, state, accepted_amount, credit_note_id,
    evidence, note, actor, run_id)
select s.dispute_id,
       (select coalesce(max(x.position), 0) + 1 from billing.dispute_step x
         where x.dispute_id = s.dispute_id),
       s.state, s.accepted_amount, s.credit_note_id, s.evidence, s.note, s.actor, $2::uuid
  from jsonb_to_record($1::jsonb) as s(dispute_id text, state text, accepted_amount numeric,
      credit_note_id text, evidence text, note text, actor text)]],
})

--- Everything that moved a customer's account up to a day. $1 customer, $2 last day
receivables_statements.account_items = db.statement({
  name = "billing.account_items",
  sql = [[
select case when i.type_code = '381' then 'credit_note' else 'invoice' end as kind,
       i.issue_date as date, i.number, i.payable_amount::text as amount, i.currency, i.due_date,
       o.number as refers_to
  from billing.invoice i left join billing.invoice o on o.id = i.credits_invoice_id
 where i.customer_id = $1 and i.issue_date <= $2::date
union all
select 'interest', c.until_date, i.number, (c.amount + c.compensation)::text, c.currency, null,
       i.number
  from billing.interest_charge c join billing.invoice i on i.id = c.invoice_id
 where i.customer_id = $1 and c.until_date <= $2::date and c.interest_invoice_id is null
union all
select 'write_off', w.written_off_on, w.id, w.amount::text, w.currency, null, i.number
  from billing.write_off w join billing.invoice i on i.id = w.invoice_id
 where i.customer_id = $1 and w.written_off_on <= $2::date
union all
select 'payment', p.date, p.id, a.amount::text, i.currency, null, i.number
  from billing.allocation a join billing.payment p on p.id = a.payment_id
  join billing.invoice i on i.id = a.invoice_id
 where i.customer_id = $1 and p.date <= $2::date
union all
select 'payment', u.date, u.payment_id, u.unapplied_amount::text, u.currency, null, null
  from billing.unapplied_cash u
 where u.customer_id = $1 and u.date <= $2::date]],
})

--- Cash of a customer that is applied to no invoice, by currency. $1 customer, $2 last day
receivables_statements.unapplied = db.statement({
  name = "billing.unapplied_by_customer",
  sql = [[
select currency, sum(unapplied_amount)::text as amount from billing.unapplied_cash
 where customer_id = $1 and date <= $2::date
 group by currency order by currency]],
})

--- What a customer owes by currency, how long it is overdue, and whether work for them is stopped.
--- $1 customer, $2 today
receivables_statements.exposure = db.statement({
  name = "billing.exposure",
  sql = [[
select coalesce((select jsonb_agg(jsonb_build_object('currency', x.currency, 'open', x.open::text,
                   'overdue', x.overdue::text, 'days', x.days) order by x.currency)
          from (select r.currency, sum(r.open_amount) as open,
                       coalesce(sum(r.open_amount) filter (where r.due_date < $2::date), 0)
                         as overdue,
                       greatest(max($2::date - r.due_date), 0) as days
                  from billing.receivable r
                 where r.customer_id = $1 and r.open_amount > 0 group by r.currency) x), '[]')
         as owed,
       (select jsonb_build_object('position', s.position, 'is_stopped', s.is_stopped)
          from billing.service_state s where s.customer_id = $1
         order by s.position desc limit 1) as state]],
})

--- $1 customer, $2 position, $3 is it stopped, $4 JSON array of reasons, $5 run
receivables_statements.put_service_state = db.statement({
  name = "billing.put_service_state",
  sql = [[
insert into billing.service_state (customer_id, position, is_stopped, reasons, run_id)
values ($1, $2::integer, $3::boolean, $4::jsonb, $5::uuid)]],
})

--- What was disputed of a customer's invoices on a day. $1 customer, $2 day
receivables_statements.disputed = db.statement({
  name = "billing.disputed_by_customer",
  sql = [[
select i.number, sum(d.amount)::text as amount
  from billing.dispute_state d join billing.invoice i on i.id = d.invoice_id
 where i.customer_id = $1 and d.raised_on <= $2::date
   and (d.is_open or d.state_at::date > $2::date)
 group by i.number]],
})

--- The firm and a customer as they are now. $1 customer
receivables_statements.parties = db.statement({
  name = "billing.parties",
  sql = [[
select (select d.body from billing.document d where d.kind = 'firm' and d.id = 'firm'
         order by d.version desc limit 1) as firm,
       (select d.body from billing.document d where d.kind = 'customer' and d.id = $1
         order by d.version desc limit 1) as customer]],
})

return receivables_statements
