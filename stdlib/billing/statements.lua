--- Every SQL statement that billing uses, by name. PostgreSQL executes the text under the script
--- role with row-level security; `billow test` executes the stand-in registered under the same name
--- (stdlib/testing/billing_db.lua). All parameters arrive as text; each statement casts what it
--- needs.
---@class billow.billing.statements
local statements = {}

local db = require("billow.db")
local neighbour_entries = require("billow.billing.neighbour_entries")
local project_entries = require("billow.billing.project_entries")

-- Has somebody decided about some of an entry: billed or claimed it, wrote it off, moved it, or
-- credited it as no billable work? What a bill only left out is no decision: it is judged anew.
local IS_DECIDED = [[
(e.origin_id is not null
 or exists (select 1 from billing.ledger_balance b
             where b.entry_id = e.id and b.quantity > 0
               and b.state not in ('open', 'held', 'on_hold', 'excluded'))
 or exists (select 1 from billing.ledger l
             where l.entry_id = e.id and l.kind = 'credit' and l.to_state = 'excluded'))]]

--- Stores new versions of documents that differ from the newest one.
--- $1 JSON array of {kind, id, body, digest}
statements.put_documents = db.statement({
  name = "billing.put_documents",
  sql = [[
insert into billing.document (kind, id, version, body, digest)
select d.kind, d.id, coalesce(p.version, 0) + 1, d.body, d.digest
  from jsonb_to_recordset($1::jsonb) as d(kind text, id text, body jsonb, digest text)
  left join lateral (select x.version, x.digest from billing.document x
                      where x.kind = d.kind
                      and x.id = d.id order by x.version desc limit 1) p on true
 where p.digest is distinct from d.digest
returning kind, id, version]],
})

--- The newest versions of documents. $1 kind, $2 JSON array of ids
statements.documents = db.statement({
  name = "billing.documents",
  sql = [[
select d.kind, d.id, d.version, d.body
  from (select distinct jsonb_array_elements_text($2::jsonb) as id) ask
 cross join lateral (select x.kind, x.id, x.version, x.body from billing.document x
                      where x.kind = $1 and x.id = ask.id
                      order by x.version desc limit 1) d
 order by d.id]],
})

--- Id, name, model and customer of every contract.
statements.contracts = db.statement({
  name = "billing.contracts",
  sql = [[
select id, body->>'name' as name, body->>'model' as model, body->>'customer_id' as customer_id,
       body->'projects' as projects, body->'usage_subjects' as usage_subjects,
       body->'terms'->'ceiling'->>'overflow_contract_id' as overflow_contract_id,
       body->>'invoice_group' as invoice_group
  from (select distinct on (d.id) d.id, d.body from billing.document d
         where d.kind = 'contract' order by d.id, d.version desc) c
 order by id collate "C"]],
})

--- Entries that came with another content although somebody has decided about some of them: left as
--- they are.
--- $1 JSON array of entries
statements.edited_after_billing = db.statement({
  name = "billing.edited_after_billing",
  sql = [[
select e.id from jsonb_to_recordset($1::jsonb) as n(id text, digest text)
  join billing.entry e on e.id = n.id and e.digest <> n.digest
 where ]] .. IS_DECIDED .. [[

 order by e.id collate "C"]],
})

--- Lets the database count what it holds when much of it is new. $1 entries stored
statements.count_anew = db.statement({
  name = "billing.count_anew",
  sql = "select billing.count_anew($1::bigint) as is_counted",
})

--- Stores entries; the same again changes nothing, an edit of an entry that nobody has decided
--- about makes a new version.
--- $1 JSON array of entries, $2 run id
statements.put_entries = db.statement({
  name = "billing.put_entries",
  sql = [[
insert into billing.entry as e (id, kind, source, source_rank, sequence, digest, entry_date, person,
       project_code, project_name, contract_id, subject, dup_key, quantity, unit, invalid, body,
       imported_by)
select n.id, n.kind, n.source, n.source_rank, n.sequence, n.digest, n.entry_date, n.person,
       coalesce(n.project_code, ''), coalesce(n.project_name, ''), n.contract_id, n.subject,
       n.dup_key, n.quantity, n.unit, n.invalid, n.body, $2::uuid
  from jsonb_to_recordset($1::jsonb) as n(id text, kind text, source text, source_rank smallint,
       sequence bigint, digest text, entry_date date, person text, project_code text,
       project_name text, contract_id text, subject text, dup_key text, quantity numeric,
       unit text, invalid text, body jsonb)
on conflict (tenant_id, id) do update
   set version = e.version + 1, digest = excluded.digest, entry_date = excluded.entry_date,
       person = excluded.person, project_code = excluded.project_code,
       project_name = excluded.project_name, contract_id = excluded.contract_id,
       subject = excluded.subject, dup_key = excluded.dup_key, quantity = excluded.quantity,
       unit = excluded.unit, invalid = excluded.invalid, body = excluded.body,
       imported_by = excluded.imported_by
 where e.digest <> excluded.digest
   and not ]] .. IS_DECIDED .. [[

returning e.id, e.version]],
})

--- Claims what is open or held of a contract's entries up to a date, so that no other run can bill
--- it; usage events apart (billow.billing.usage_statements). Milestones have no date before they
--- are accepted: all of them are looked at.
--- $1 JSON {contract, codes, names, until_date}, $2 run id, $3 actor
statements.claim = db.statement({
  name = "billing.claim",
  sql = [[
with ask as materialized (
  select $1::jsonb->>'contract' as contract, ($1::jsonb->>'until_date')::date as until_date
), mine as materialized (
]] .. project_entries .. [[
  union all
  select e.id from billing.entry e, ask
   where e.contract_id = ask.contract
     and (e.kind = 'milestone' or e.entry_date <= ask.until_date)
)
insert into billing.ledger (entry_id, kind, from_state, to_state, quantity, run_id, actor)
select b.entry_id, 'claim', b.state, 'claimed', b.quantity, $2::uuid, $3
  from mine
 cross join lateral (select l.entry_id, l.state, l.quantity from billing.ledger_balance l
                      where l.entry_id = mine.id and l.state in ('open', 'held')
                        and l.quantity > 0 offset 0) b
 order by b.entry_id]],
})

-- Entries that are a contract's: of its own, or of its projects. $2 JSON {contract, codes, names}
local OF_CONTRACT = [[

     and (e.contract_id = $2::jsonb->>'contract'
          or (e.contract_id is null
              and (e.project_code in (select jsonb_array_elements_text($2::jsonb->'codes'))
                   or (e.project_code = ''
                       and e.project_name in
                           (select jsonb_array_elements_text($2::jsonb->'names'))))))]]

local function claimed_sql(clause)
  return [[
with mine as materialized (
  select b.entry_id as id, b.quantity as claimed
    from billing.ledger_balance b
   cross join lateral (select x.* from billing.entry x where x.id = b.entry_id offset 0) e
   where b.state = 'claimed' and b.quantity > 0 and b.run_id = $1::uuid
     and e.kind <> 'usage']] .. clause .. [[

), ]] .. neighbour_entries
end

--- What this run has claimed, with what the rules need to know of the neighbours. $1 run id
statements.claimed = db.statement({ name = "billing.claimed", sql = claimed_sql("") })

--- The same, of one contract of a run that bills several. $1 run id, $2 JSON {contract, codes,
--- names}
statements.claimed_of =
  db.statement({ name = "billing.claimed_of", sql = claimed_sql(OF_CONTRACT) })

--- When the work of some persons' days began, where the source says it. $1 JSON array of
--- {person, date}
statements.starts = db.statement({
  name = "billing.starts",
  sql = [[
select e.body->>'id' as id, e.person, e.project_code, e.project_name,
       e.body->>'started_at' as started_at, e.quantity::text as quantity, e.source_rank, e.sequence
  from (select distinct d.person, d.date
          from jsonb_to_recordset($1::jsonb) as d(person text, date date)) d
 cross join lateral (select x.* from billing.entry x
                      where x.person = d.person and x.entry_date = d.date offset 0) e
 where e.kind = 'time' and e.invalid is null and e.origin_id is null and e.body ? 'started_at'
 order by e.person, e.entry_date, e.source_rank, e.sequence]],
})

--- How much each of some persons worked on each day, over all contracts. Work that was reported
--- twice counts once. $1 JSON array of names, $2 first day, $3 last day
statements.worked_days = db.statement({
  name = "billing.worked_days",
  sql = [[
select e.person, e.entry_date::text as date, sum(e.quantity)::text as seconds
  from (select distinct on (x.person, x.entry_date, coalesce(x.dup_key, x.id))
               x.person, x.entry_date, x.quantity
          from billing.entry x
         where x.kind = 'time' and x.invalid is null and x.origin_id is null
           and x.person in (select jsonb_array_elements_text($1::jsonb))
           and x.entry_date between $2::date and $3::date
         order by x.person, x.entry_date, coalesce(x.dup_key, x.id), x.source_rank, x.sequence) e
 group by e.person, e.entry_date
 order by e.person, e.entry_date]],
})

--- Advance invoices of a contract that this database issued, less what was credited of them.
--- $1 contract
statements.advances = db.statement({
  name = "billing.advances",
  sql = [[
select i.number, i.issue_date::text, (i.tax_exclusive_amount - n.net)::text as net_amount,
       (i.tax_amount - n.tax)::text as tax_amount
  from billing.invoice i
 cross join lateral (select coalesce(sum(c.tax_exclusive_amount), 0) as net,
                            coalesce(sum(c.tax_amount), 0) as tax
                       from billing.invoice c where c.credits_invoice_id = i.id) n
 where i.contract_id = $1 and i.type_code = '386' and i.tax_exclusive_amount <> n.net
 order by i.issue_date, i.number]],
})

--- Moves claimed quantity to where it ends: billed, held, written off, excluded, open again.
--- $1 JSON array of {entry_id, kind, to_state, quantity, amount, currency, invoice_id, line_id,
--- reason}, $2 run, $3 actor
statements.settle = db.statement({
  name = "billing.settle",
  sql = [[
insert into billing.ledger (entry_id, kind, from_state, to_state, quantity, amount, currency,
    invoice_id, line_id,
                            run_id, reason, actor)
select m.entry_id, m.kind, 'claimed', m.to_state, m.quantity, m.amount, m.currency, m.invoice_id,
    m.line_id,
       $2::uuid, m.reason, $3
  from jsonb_to_recordset($1::jsonb) as m(entry_id text, kind text, to_state text,
      quantity numeric, amount numeric,
       currency text, invoice_id text, line_id text, reason text)
 order by m.entry_id]],
})

--- Gives back all that a run still claims. $1 run id, $2 actor, $3 reason
statements.release = db.statement({
  name = "billing.release",
  sql = [[
insert into billing.ledger (entry_id, kind, from_state, to_state, quantity, run_id, reason, actor)
select b.entry_id, 'release', 'claimed', 'open', b.quantity, $1::uuid, $3, $2
  from billing.ledger_balance b
 where b.state = 'claimed' and b.quantity > 0 and b.run_id = $1::uuid
 order by b.entry_id]],
})

--- Gives back what a run that bills several contracts still claims of one of them.
--- $1 run id, $2 JSON {contract, codes, names}, $3 actor, $4 reason
statements.release_of = db.statement({
  name = "billing.release_of",
  sql = [[
insert into billing.ledger (entry_id, kind, from_state, to_state, quantity, run_id, reason, actor)
select b.entry_id, 'release', 'claimed', 'open', b.quantity, $1::uuid, $4, $3
  from billing.ledger_balance b
  join billing.entry e on e.tenant_id = b.tenant_id and e.id = b.entry_id and e.kind <> 'usage'
 where b.state = 'claimed' and b.quantity > 0 and b.run_id = $1::uuid]] .. OF_CONTRACT .. [[

 order by b.entry_id]],
})

--- Stores an issued invoice; its number, given in this same transaction, is put into the object and
--- the page.
--- $1 canonical invoice JSON, $2 number, $3 series, $4 run id, $5 approved by, $6 approval digest,
--- $7 period, $8 HTML, $9 JSON of what is behind it (billow.billing.explained), or nothing
statements.put_invoice = db.statement({
  name = "billing.put_invoice",
  sql = [[
insert into billing.invoice (id, number, series, type_code, contract_id, customer_id, period,
    currency, issue_date,
    due_date, line_extension_amount, allowance_total_amount, charge_total_amount,
    tax_exclusive_amount, tax_amount,
    payable_amount, run_id, approved_by, approval_digest, body, html, explanation)
select i->>'id', $2, $3, i->>'type_code', i->>'contract_id', i->>'customer_id', $7, i->>'currency',
       (i->>'issue_date')::date, (i->>'due_date')::date, (t->>'line_extension_amount')::numeric,
       (t->>'allowance_total_amount')::numeric, (t->>'charge_total_amount')::numeric,
       (t->>'tax_exclusive_amount')::numeric, (t->>'tax_amount')::numeric,
       (t->>'payable_amount')::numeric,
       $4::uuid, $5, $6, jsonb_set(i, '{number}', to_jsonb($2)), replace($8, '{{billow:number}}',
       $2), $9::jsonb
  from (select $1::jsonb as i, $1::jsonb->'totals' as t) x]],
})

--- The lines of an issued invoice as rows. $1 canonical invoice JSON
statements.put_lines = db.statement({
  name = "billing.put_lines",
  sql = [[
insert into billing.invoice_line (invoice_id, line_id, component, description_key, quantity,
    unit_code, unit_price,
                                  net_amount, tax_code, tax_category, tax_percent, contract_id)
select $1::jsonb->>'id', l.id, l.component, l.description_key, l.quantity, l.unit_code,
    l.unit_price, l.net_amount,
       l.tax_code, l.tax_category, l.tax_percent, l.contract_id
  from jsonb_to_recordset($1::jsonb->'lines') as l(id text, component text, description_key text,
      quantity numeric,
       unit_code text, unit_price numeric, net_amount numeric, tax_code text, tax_category text,
       tax_percent numeric, contract_id text)]],
})

--- Records the exceptions that a run found in a period. $1 JSON array, $2 period, $3 run id
statements.put_exceptions = db.statement({
  name = "billing.put_exceptions",
  sql = [[
insert into billing.exception (period, code, ref, contract_id, level, message, details, run_id)
select $2, x.code, x.ref, x.contract_id, x.level, x.message, x.details, $3::uuid
  from jsonb_to_recordset($1::jsonb) as x(code text, ref text, contract_id text, level text,
      message text,
       details jsonb)
on conflict (tenant_id, period, code, ref) do update
   set contract_id = excluded.contract_id, level = excluded.level, message = excluded.message,
       details = excluded.details, run_id = excluded.run_id, at = now()]],
})

--- What a contract's period leaves behind. $1 contract, $2 period, $3 JSON body, $4 run id
statements.put_closing = db.statement({
  name = "billing.put_closing",
  sql = [[
insert into billing.closing (contract_id, period, body, run_id) values ($1, $2, $3::jsonb,
    $4::uuid)]],
})

--- Contracts that are closed for a period. $1 period
statements.closed = db.statement({
  name = "billing.closed",
  sql = [[
select contract_id from billing.closing where period = $1 order by contract_id collate "C"]],
})

--- The newest closing of a contract before a period, and the documents about earlier periods that
--- it has not counted: credit notes, and invoices made anew (billow.billing.credit_effects).
--- $1 contract, $2 period
statements.last_closing = db.statement({
  name = "billing.last_closing",
  sql = [[
with c as (
  select period, body from billing.closing
   where contract_id = $1 and period < $2 order by period desc limit 1
)
select c.period, c.body,
       coalesce((select jsonb_agg(jsonb_build_object('id', i.id, 'body', i.body,
                   'credited_body', o.body, 'outcome', m.outcome, 'position', i.position,
                   'still_billed', m.still_billed) order by i.issued_at, i.id)
                   from billing.invoice i
                   left join billing.invoice o on o.id = i.credits_invoice_id
                   left join lateral (
                     select min(l.to_state) as outcome,
                            jsonb_object_agg(e.body->'event'->>'id', true) filter
                              (where e.kind = 'milestone' and b.quantity > 0) as still_billed
                       from billing.ledger l
                       join billing.entry e on e.id = l.entry_id
                       left join billing.ledger_balance b on b.entry_id = l.entry_id
                        and b.state = 'billed'
                      where l.invoice_id = i.id and l.kind = 'credit') m on true
                  where (i.contract_id = $1 or i.id in (select p.invoice_id
                           from billing.invoice_part p where p.contract_id = $1))
                    and i.period < $2
                    and (i.credits_invoice_id is not null or i.replaces_invoice_id is not null)
                    and not coalesce(c.body->'counted', '[]') ? i.id), '[]') as later
  from c]],
})

--- Entries of a period that no contract takes: rows that could not be read, and unknown projects.
--- $1 period end,
--- $2 JSON {codes, names, contracts, subjects} of all contracts, $3 import set
statements.unassigned = db.statement({
  name = "billing.unassigned",
  sql = [[
select e.id as entry_id, e.kind, e.body, e.invalid, e.quantity
  from billing.entry e
 where starts_with(e.id, $3 || '/')
   and (e.invalid is not null
        or (e.kind in ('time', 'expense') and e.entry_date <= $1::date and e.contract_id is null
            and e.project_code not in (select jsonb_array_elements_text($2::jsonb->'codes'))
            and not (e.project_code = '' and e.project_name in
                     (select jsonb_array_elements_text($2::jsonb->'names'))))
        or (e.kind = 'milestone'
            and e.contract_id not in (select jsonb_array_elements_text($2::jsonb->'contracts')))
        or (e.kind = 'usage'
            and e.subject not in (select jsonb_array_elements_text($2::jsonb->'subjects'))
            and not exists (select 1 from billing.entry f
                             where f.kind = 'usage' and f.dup_key = e.dup_key
                               and f.sequence < e.sequence and starts_with(f.id, $3 || '/'))))
 order by e.kind, e.source_rank, e.sequence]],
})

--- Makes a number series that is not there yet; one that has given numbers goes on as it is. $1
--- series, $2 format,
--- $3 reset, $4 next sequence, $5 the date from which that holds
statements.put_series = db.statement({
  name = "billing.put_series",
  sql = [[
insert into billow.number_series (series, format, reset, next, last_date)
values ($1, $2, $3, $4::bigint, $5::date)
on conflict (tenant_id, series) do nothing]],
})

return statements
