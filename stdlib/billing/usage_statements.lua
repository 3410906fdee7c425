--- What billing asks the database about usage events. There may be a million in a period: the
--- database claims, counts and settles them, and only those that need a judgement come to a script.
---
--- An event's place is (import set, sequence). Of events with the same source and id (dup_key) the
--- one with the lowest place counts, whoever has it.
local usage_statements = {}

local db = require("billow.db")

-- Is there an earlier event of the same source and id?
local IS_REPEATED = [[
exists (select 1 from billing.entry f
         where f.kind = 'usage' and f.dup_key = e.dup_key
           and (f.import_set, f.sequence) < (e.import_set, e.sequence))]]

--- How many events of a file repeat an earlier one. $1 import set, $2 file
usage_statements.repeated = db.statement({
  name = "billing.usage_repeated",
  sql = [[
select count(*)::integer as repeated
  from billing.entry e
 where e.kind = 'usage' and e.import_set = $1 and e.source = $2
   and ]] .. IS_REPEATED,
})

--- Where a contract's open events lie. $1 JSON {subjects, until_date}
usage_statements.open = db.statement({
  name = "billing.usage_open",
  sql = [[
select e.subject, e.import_set as set, min(e.sequence) as first, max(e.sequence) as last
  from billing.entry e
 where e.subject in (select jsonb_array_elements_text($1::jsonb->'subjects'))
   and e.kind = 'usage' and e.entry_date <= ($1::jsonb->>'until_date')::date
   and exists (select 1 from billing.ledger_balance b
                where b.entry_id = e.id and b.state in ('open', 'held') and b.quantity > 0)
 group by e.subject, e.import_set
 order by e.subject collate "C", e.import_set]],
})

--- Claims a stretch of them. $1 JSON {subject, set, first, last, until_date}, $2 run id, $3 actor
usage_statements.claim = db.statement({
  name = "billing.usage_claim",
  sql = [[
insert into billing.ledger (entry_id, kind, from_state, to_state, quantity, run_id, actor)
select b.entry_id, 'claim', b.state, 'claimed', b.quantity, $2::uuid, $3
  from billing.entry e
 cross join lateral (select l.entry_id, l.state, l.quantity from billing.ledger_balance l
                      where l.entry_id = e.id and l.state in ('open', 'held')
                        and l.quantity > 0 offset 0) b
 where e.subject = $1::jsonb->>'subject' and e.import_set = $1::jsonb->>'set'
   and e.sequence between ($1::jsonb->>'first')::bigint and ($1::jsonb->>'last')::bigint
   and e.kind = 'usage' and e.entry_date <= ($1::jsonb->>'until_date')::date
 order by b.entry_id]],
})

local CLAIMED = [[
select e.* from billing.ledger_balance b
  join billing.entry e on e.tenant_id = b.tenant_id and e.id = b.entry_id
 where b.state = 'claimed' and b.quantity > 0 and b.run_id = ($1::jsonb->>'run')::uuid
   and e.kind = 'usage']]

-- What a bill of the period would take: what is open, or what this very period took.
local WANTED = [[
select e.* from billing.entry e
 where e.subject in (select jsonb_array_elements_text($1::jsonb->'subjects'))
   and e.kind = 'usage' and e.entry_date <= ($1::jsonb->>'until_date')::date
   and (exists (select 1 from billing.ledger_balance b
                 where b.entry_id = e.id and b.state in ('open', 'held', 'claimed')
                   and b.quantity > 0)
        or exists (select 1 from billing.ledger l
                     join billing.closing c on c.run_id = l.run_id
                    where l.entry_id = e.id and l.from_state = 'claimed'
                      and l.to_state not in ('open', 'held')
                      and c.contract_id = $1::jsonb->>'contract'
                      and c.period = $1::jsonb->>'period'))]]

-- Each event with its verdict: repeated (said before, word for word), plain (every meter of its
-- type can count it), or doubtful (a script looks at it). $1 JSON {..., types, start_date,
-- end_date}: types maps an event type to the fields that have to be quantities, and to be there,
-- for all meters that count it.
local function judged(source)
  return [[
with mine as materialized (]] .. source .. [[
), judged as materialized (
  select e.id, e.import_set, e.sequence, e.body->>'type' as type, e.body->'fields' as fields,
         (e.body->>'time_us')::bigint as time_us, e.body->>'line' as line,
         case when first.mark is not distinct from e.body->>'mark' and first.is_there
              then 'repeated'
              when first.is_there then 'conflict'
              when e.entry_date >= ($1::jsonb->>'start_date')::date
               and e.entry_date <= ($1::jsonb->>'end_date')::date
               and e.body->'quantities' @> ($1::jsonb->'types'->(e.body->>'type')->'quantities')
               and (e.body->'fields') ?& array(select jsonb_array_elements_text(
                     $1::jsonb->'types'->(e.body->>'type')->'present'))
              then 'plain' else 'doubtful' end as verdict
    from mine e
    left join lateral (
      select f.body->>'mark' as mark, true as is_there from billing.entry f
       where f.kind = 'usage' and f.dup_key = e.dup_key
         and (f.import_set, f.sequence) < (e.import_set, e.sequence)
       order by f.import_set, f.sequence limit 1) first on true
)]]
end

-- What the plain events come to, a row a meter; a row without a meter says how many were repeated.
-- $1 as above with meters: [{id, type, field, aggregation, percent, fixed, min, max}]
local function count_of(source)
  return judged(source) .. [[
select m.id as meter, count(j.id)::integer as events,
       case m.aggregation when 'count' then count(j.id)
            when 'sum' then coalesce(sum(case when m.aggregation = 'sum'
                                              then (j.fields->>m.field)::numeric end), 0)
            when 'max' then coalesce(max(case when m.aggregation = 'max'
                                              then (j.fields->>m.field)::numeric end), 0)
            when 'unique' then count(distinct case when m.aggregation = 'unique'
                                                   then j.fields->>m.field end)
            else coalesce((array_agg((j.fields->>m.field)::numeric
                                     order by j.time_us desc, j.import_set desc,
                                              j.sequence desc)
                           filter (where m.aggregation = 'last' and j.id is not null))[1], 0)
       end::text as aggregate,
       case when m.percent is not null
            then coalesce(sum(case when m.percent is not null
                                   then (j.fields->>m.field)::numeric end), 0)::text end as sum,
       case when m.percent is not null
            then coalesce(sum(case when m.percent is not null then
                   least(greatest((j.fields->>m.field)::numeric * m.percent * 0.01 + m.fixed,
                                  m.min), m.max) end), 0)::text end as fees
  from jsonb_to_recordset($1::jsonb->'meters') as m(id text, type text, field text,
         aggregation text, percent numeric, fixed numeric, min numeric, max numeric)
  left join judged j on j.verdict = 'plain' and j.type = m.type
 group by m.id, m.aggregation, m.percent
union all
select null, count(*) filter (where verdict = 'repeated')::integer,
       (count(*) filter (where verdict = 'plain'))::text, null, null
  from judged
 order by 1]]
end

-- The doubtful ones as their lines, in their order. $2 set and $3 sequence behind which to go on,
-- $4 how many at the most
local function doubtful_of(source)
  return judged(source) .. [[
select import_set as set, sequence, line, verdict = 'conflict' as is_conflict
  from judged
 where verdict in ('conflict', 'doubtful')
   and (import_set, sequence) > ($2, $3::bigint)
 order by import_set, sequence
 limit $4::integer]]
end

--- $1 JSON {run, types, meters, start_date, end_date}
usage_statements.count_claimed =
  db.statement({ name = "billing.usage_count_claimed", sql = count_of(CLAIMED) })
usage_statements.doubtful_claimed =
  db.statement({ name = "billing.usage_doubtful_claimed", sql = doubtful_of(CLAIMED) })

--- $1 JSON {contract, period, subjects, until_date, types, meters, start_date, end_date}
usage_statements.count_wanted =
  db.statement({ name = "billing.usage_count_wanted", sql = count_of(WANTED) })
usage_statements.doubtful_wanted =
  db.statement({ name = "billing.usage_doubtful_wanted", sql = doubtful_of(WANTED) })

-- Where the claimed events of a run go: repeated ones are left out, those with an exception are
-- held, the others are billed, or drawn when there is no invoice. `terms` gives invoice, codes
-- {ref: code} and actor.
local function settle(terms, limit)
  return [[
with terms as materialized (]] .. terms .. [[
), judged as materialized (
  select e.id, b.quantity, t.invoice_id, t.actor,
         case when ]] .. IS_REPEATED .. [[ then 'repeated'
              else nullif(t.codes->>(e.body->>'id'), 'DUPLICATE_EVENT_CONFLICT') end as reason
    from terms t
    join billing.ledger_balance b on b.state = 'claimed' and b.quantity > 0 and b.run_id = $1::uuid
    join billing.entry e on e.tenant_id = b.tenant_id and e.id = b.entry_id and e.kind = 'usage'
]] .. limit .. [[)
insert into billing.ledger (entry_id, kind, from_state, to_state, quantity, invoice_id, run_id,
                            reason, actor)
select id, case when reason = 'repeated' then 'exclude' when reason is not null then 'hold'
                when invoice_id is null then 'draw' else 'bill' end,
       'claimed',
       case when reason = 'repeated' then 'excluded' when reason is not null then 'held'
            else 'billed' end,
       quantity, case when reason is null then invoice_id end, $1::uuid, reason, actor
  from judged order by id]]
end

--- Moves the usage events of a run at once. $1 run id, $2 invoice, $3 JSON {ref: code} of the
--- exceptions, $4 actor
usage_statements.settle = db.statement({
  name = "billing.settle_usage",
  sql = settle("select $2 as invoice_id, $3::jsonb as codes, $4 as actor", ""),
})

--- Says once for all events that the run has claimed where they go, in the transaction that issues;
--- they are moved afterwards, a stretch a commit. $1 to $4 as above
usage_statements.decide = db.statement({
  name = "billing.decide_usage",
  sql = [[
insert into billing.usage_settlement (run_id, invoice_id, codes, actor)
values ($1::uuid, $2, $3::jsonb, $4)]],
})

--- Moves a stretch of them. $1 run id, $2 how many at the most
usage_statements.settle_stretch = db.statement({
  name = "billing.settle_usage_stretch",
  sql = settle([[
select invoice_id, codes, actor from billing.usage_settlement where run_id = $1::uuid]],
    "   limit $2::integer\n"),
})

--- Gives a stretch back. $1 run id, $2 actor, $3 reason, $4 how many at the most
usage_statements.release_stretch = db.statement({
  name = "billing.release_usage_stretch",
  sql = [[
insert into billing.ledger (entry_id, kind, from_state, to_state, quantity, run_id, reason, actor)
select entry_id, 'release', 'claimed', 'open', quantity, $1::uuid, $3, $2
  from (select b.entry_id, b.quantity
          from billing.ledger_balance b
          join billing.entry e on e.tenant_id = b.tenant_id and e.id = b.entry_id
         where b.state = 'claimed' and b.quantity > 0 and b.run_id = $1::uuid and e.kind = 'usage'
         limit $4::integer) s
 order by entry_id]],
})

--- Has an issued bill decided where the run's events go? $1 run id
usage_statements.decided = db.statement({
  name = "billing.usage_decided",
  sql = [[
select exists (select 1 from billing.usage_settlement where run_id = $1::uuid) as is_decided]],
})

--- Is there more to move? $1 run id
usage_statements.left = db.statement({
  name = "billing.usage_left",
  sql = [[
select exists (select 1 from billing.ledger_balance b
                 join billing.entry e on e.tenant_id = b.tenant_id and e.id = b.entry_id
                where b.state = 'claimed' and b.quantity > 0 and b.run_id = $1::uuid
                  and e.kind = 'usage') as is_left]],
})

return usage_statements
