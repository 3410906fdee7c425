--- The SQL of previews, by name: it reads what a bill would take, and claims nothing.
---@class billow.billing.preview_statements
local preview_statements = {}

local db = require("billow.db")
local neighbour_entries = require("billow.billing.neighbour_entries")
local project_entries = require("billow.billing.project_entries")

--- What a bill of the period would be made of, as billing.claimed gives it: what is open,
--- held or claimed, and what the bill of this period took when there is one already. Usage apart.
--- $1 JSON {contract, period, codes, names, until_date}
preview_statements.entries = db.statement({
  name = "billing.preview_entries",
  sql = [[
with ask as materialized (
  select $1::jsonb->>'contract' as contract, $1::jsonb->>'period' as period,
         ($1::jsonb->>'until_date')::date as until_date
), reach as materialized (
]] .. project_entries .. [[
  union all
  select e.id from billing.entry e, ask
   where e.contract_id = ask.contract and e.kind <> 'usage'
     and (e.kind = 'milestone' or e.entry_date <= ask.until_date)
), runs as materialized (
  select c.run_id from billing.closing c, ask
   where c.contract_id = ask.contract and c.period = ask.period
), notes as materialized (
  select i.id from billing.invoice i, ask
   where i.contract_id = ask.contract and i.period = ask.period and i.type_code = '381'
), free as materialized (
  select r.id,
         coalesce((select sum(b.quantity) from billing.ledger_balance b
                    where b.entry_id = r.id and b.state in ('open', 'held', 'claimed')), 0)
         + coalesce((select sum(case l.kind when 'credit' then -l.quantity else l.quantity end)
                       from billing.ledger l
                      where l.entry_id = r.id
                        and ((l.from_state = 'claimed' and l.to_state not in ('open', 'held')
                              and l.run_id in (select run_id from runs))
                             or (l.kind = 'credit' and l.invoice_id in (select id from notes)))), 0)
         as quantity
    from reach r
), mine as materialized (
  select f.id, f.quantity as claimed from free f where f.quantity > 0
), ]] .. neighbour_entries,
})

--- What the contract's period was issued with, credit notes taken off; no row before. $1 contract,
--- $2 period
preview_statements.issued = db.statement({
  name = "billing.preview_issued",
  sql = [[
select sum(s.sign * i.tax_exclusive_amount)::text as net, sum(s.sign * i.tax_amount)::text as tax,
       sum(s.sign * i.payable_amount)::text as gross,
       sum((select count(*) from billing.invoice_line l where l.invoice_id = i.id
             and i.type_code <> '381'))::integer as lines,
       to_char(max(i.issued_at) at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') as at
  from billing.invoice i
 cross join lateral (select case i.type_code when '381' then -1 else 1 end as sign) s
 where i.contract_id = $1 and i.period = $2
having count(*) > 0]],
})

--- Advances that the bill of this very period asked for: it did not know them. $1 contract,
--- $2 period
preview_statements.own_advances = db.statement({
  name = "billing.preview_own_advances",
  sql = [[
select i.number from billing.invoice i
  join billing.closing c on c.contract_id = i.contract_id and c.period = i.period
   and c.run_id = i.run_id
 where i.contract_id = $1 and i.period = $2 and i.type_code = '386']],
})

--- The preview before this one. $1 contract, $2 period
preview_statements.last = db.statement({
  name = "billing.preview_last",
  sql = [[
select body->>'net' as net, body->>'tax' as tax, body->>'gross' as gross,
       (body->>'lines')::integer as lines,
       to_char(p.at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') as at
  from billing.preview p where contract_id = $1 and period = $2 order by p.at desc limit 1]],
})

--- Keeps what a preview came to. $1 contract, $2 period, $3 run, $4 JSON body
preview_statements.put = db.statement({
  name = "billing.put_preview",
  sql = [[
insert into billing.preview (contract_id, period, run_id, body)
values ($1, $2, $3::uuid, $4::jsonb)]],
})

return preview_statements
