--- The SQL of moves that a person makes before billing: holds, releases, transfers; and of what a
--- ceiling moves to another contract. All parameters arrive as text.
---@class billow.billing.moves_statements
local moves_statements = {}

local db = require("billow.db")

--- Entries with where each of them is, which contract bills them, who has claimed them.
--- $1 JSON array of their ids, here or in their source
moves_statements.movable = db.statement({
  name = "billing.movable",
  sql = [[
select e.id as entry_id, e.kind, e.unit, e.entry_date::text as date, e.body,
       coalesce(e.body->>'id', e.body->'event'->>'id') as ref,
       (select min(k.contract_id) from billing.entry_placed k where k.id = e.id) as contract_id,
       coalesce((select jsonb_object_agg(b.state, b.quantity::text) from billing.ledger_balance b
                  where b.entry_id = e.id and b.quantity > 0), '{}') as states,
       (select b.run_id::text from billing.ledger_balance b
         where b.entry_id = e.id and b.state = 'claimed' and b.quantity > 0) as claimed_by,
       (select string_agg(distinct i.number, ', ') from billing.ledger l
          join billing.invoice i on i.id = l.invoice_id
         where l.entry_id = e.id and l.kind = 'bill') as billed_on
  from billing.entry e
 where e.invalid is null
   and (e.id in (select jsonb_array_elements_text($1::jsonb))
        or e.body->>'id' in (select jsonb_array_elements_text($1::jsonb))
        or e.body->'event'->>'id' in (select jsonb_array_elements_text($1::jsonb)))
 order by e.id collate "C"]],
})

--- Why work is kept out of billing, who looks at it, and when. $1 run, $2 reason, $3 owner,
--- $4 day, $5 actor, $6 today
moves_statements.put_hold = db.statement({
  name = "billing.put_hold",
  sql = [[
insert into billing.entry_hold (id, reason, owner, review_on, placed_by, since, run_id)
values ($1, $2, $3, $4::date, $5, $6::date, $1::uuid)]],
})

--- $1 JSON array of {entry_id, from_state, quantity}, $2 run, $3 actor, $4 reason
moves_statements.hold = db.statement({
  name = "billing.hold",
  sql = [[
insert into billing.ledger (entry_id, kind, from_state, to_state, quantity, run_id, reason, actor)
select m.entry_id, 'hold', m.from_state, 'on_hold', m.quantity, $2::uuid, $4, $3
  from jsonb_to_recordset($1::jsonb) as m(entry_id text, from_state text, quantity numeric)
 order by m.entry_id]],
})

--- $1 JSON array of {entry_id, quantity}, $2 run, $3 actor, $4 reason
moves_statements.release = db.statement({
  name = "billing.release_hold",
  sql = [[
insert into billing.ledger (entry_id, kind, from_state, to_state, quantity, run_id, reason, actor)
select m.entry_id, 'release', 'on_hold', 'open', m.quantity, $2::uuid, $4, $3
  from jsonb_to_recordset($1::jsonb) as m(entry_id text, quantity numeric)
 order by m.entry_id]],
})

--- The holds that entries were ever put on. $1 JSON array of entry ids
moves_statements.holds_of = db.statement({
  name = "billing.holds_of",
  sql = [[
select distinct h.id from billing.ledger l
  join billing.entry_hold h on h.run_id = l.run_id
 where l.kind = 'hold' and l.entry_id in (select jsonb_array_elements_text($1::jsonb))
 order by h.id]],
})

--- A hold, and what is still on it. $1 hold
moves_statements.hold_state = db.statement({
  name = "billing.hold_state",
  sql = [[
select h.id, h.reason, h.owner, h.review_on::text as review_on, h.placed_by, f.time_zone,
       h.since::text as since,
       coalesce(r.entries, '[]') as entries
  from billing.entry_hold h
 cross join lateral (select (select d.body->>'time_zone' from billing.document d
                              where d.kind = 'firm' order by d.version desc limit 1)
                       as time_zone) f
 cross join lateral (select jsonb_agg(jsonb_build_object('entry', x.entry,
                              'quantity', b.quantity::text, 'contract', x.contract)
                              order by x.entry) as entries
                       from billing.report_holds x
                       join billing.ledger_balance b on b.entry_id = x.entry
                        and b.state = 'on_hold'
                      where x.hold = h.id) r
 where h.id = $1]],
})

--- Lets nobody else divide these entries until the transaction ends: parts are counted.
--- $1 JSON array of {entry_id}
moves_statements.lock = db.statement({
  name = "billing.lock_entries",
  sql = [[
select r.id from billing.entry r
 where r.id in (select coalesce(e.root_id, e.id) from billing.entry e
                 where e.id in (select x->>'entry_id' from jsonb_array_elements($1::jsonb) x))
 order by r.id for no key update]],
})

--- Makes the entries in which transferred work arrives: parts of what the source said, each with
--- its own name. $1 JSON array of {entry_id, quantity, contract_id, said}, $2 run
moves_statements.put_parts = db.statement({
  name = "billing.put_parts",
  sql = [[
insert into billing.entry (id, kind, source, source_rank, sequence, digest, entry_date, person,
       project_code, project_name, contract_id, quantity, unit, body, imported_by, origin_id,
       root_id)
select p.root_id || '#' || p.nth, p.kind, p.source, p.source_rank, p.sequence,
       p.digest || '#' || p.nth, p.entry_date, p.person,
       coalesce(p.said->>'project_code', p.project_code),
       coalesce(p.said->>'project_name', p.project_name), p.contract_id, p.quantity, p.unit,
       p.body || p.said || jsonb_build_object('id', p.ref || '#' || p.nth,
                                              'transferred_from', p.origin_ref),
       $2::uuid, p.origin_id, p.root_id
  from (select m.quantity, m.contract_id, m.said, e.kind, e.source, e.source_rank, e.sequence,
               e.digest, e.entry_date, e.person, e.project_code, e.project_name, e.unit, e.body,
               e.id as origin_id, r.id as root_id, r.body->>'id' as ref,
               e.body->>'id' as origin_ref,
               1 + (select count(*) from billing.entry k where k.root_id = r.id)
                 + row_number() over (partition by r.id order by e.id collate "C") as nth
          from jsonb_to_recordset($1::jsonb) as m(entry_id text, quantity numeric,
              contract_id text, said jsonb)
          join billing.entry e on e.id = m.entry_id
          join billing.entry r on r.id = coalesce(e.root_id, e.id)) p
returning id, origin_id]],
})

--- Moves the work to the parts that put_parts made of it in this transaction.
--- $1 JSON array of {entry_id, from_state, quantity}, $2 run, $3 actor, $4 reason
moves_statements.transfer = db.statement({
  name = "billing.transfer",
  sql = [[
insert into billing.ledger (entry_id, kind, from_state, to_state, quantity, moved_to, run_id,
                            reason, actor)
select m.entry_id, 'transfer', m.from_state, 'moved', m.quantity, d.id, $2::uuid, $4, $3
  from jsonb_to_recordset($1::jsonb) as m(entry_id text, from_state text, quantity numeric)
  join billing.entry d on d.origin_id = m.entry_id and d.imported_by = $2::uuid
   and not exists (select 1 from billing.ledger l where l.moved_to = d.id)
 order by m.entry_id]],
})

--- Adds the transfer of work to a transaction.
---@param tx billow.db.Transaction
---@param parts table[]   {entry_id, quantity, contract_id, said}
---@param moves table[]   {entry_id, from_state, quantity}
---@param by {run: string, actor: string, reason: string}
function moves_statements.add_transfer(tx, parts, moves, by)
  tx:exec(moves_statements.lock, { parts }, "some")
  tx:exec(moves_statements.put_parts, { parts, by.run }, #parts)
  tx:exec(moves_statements.transfer, { moves, by.run, by.actor, by.reason }, #moves)
end

return moves_statements
