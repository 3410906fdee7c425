--- The end of a statement that begins with `mine` (id, claimed): each of these entries, in source
--- order, with what the rules need to know of its neighbours: which earlier entry has the same key,
--- and how much the person worked that day in all.
---
--- Ids meet in a union that is grouped, and everything else by its key: right after an import the
--- database knows nothing of how much there is, and a join of two lists that it takes for short
--- costs the square of their length.
return [[
days as materialized (
  select distinct e.person, e.entry_date
    from mine m
   cross join lateral (select x.kind, x.person, x.entry_date from billing.entry x
                        where x.id = m.id offset 0) e
   where e.kind in ('time', 'expense')
), near as materialized (
  select f.id, f.kind, f.person, f.entry_date, f.quantity, f.is_told,
         first_value(f.told_id) over same as first_id, row_number() over same as nth
    from days d
   cross join lateral (
         select x.id, x.kind, x.person, x.entry_date, x.quantity, x.dup_key, x.source_rank,
                x.sequence, x.body->>'id' as told_id,
                x.invalid is null and x.origin_id is null as is_told
           from billing.entry x
          where x.person = d.person and x.entry_date = d.entry_date
            and x.kind in ('time', 'expense') offset 0) f
  window same as (partition by f.is_told, f.kind, coalesce(f.dup_key, f.id)
                  order by f.source_rank, f.sequence)
), met as materialized (
  select u.id, max(u.claimed) as claimed, max(u.duplicate_of) as duplicate_of,
         max(u.day_seconds) as day_seconds
    from (select m.id, m.claimed, null as duplicate_of, null::numeric as day_seconds from mine m
          union all
          select n.id, null, case when n.is_told and n.nth > 1 then n.first_id end,
                 sum(n.quantity) filter (where n.is_told and n.kind = 'time' and n.nth = 1)
                   over (partition by n.person, n.entry_date)
            from near n) u
   group by u.id
  having max(u.claimed) is not null
)
select e.id as entry_id, e.kind, e.source_rank, e.body, e.quantity, t.claimed, t.duplicate_of,
       case when e.kind = 'time' then t.day_seconds end as day_seconds
  from met t
 cross join lateral (select x.id, x.kind, x.source_rank, x.sequence, x.body, x.quantity
                       from billing.entry x where x.id = t.id offset 0) e
 order by e.kind, e.source_rank, e.sequence]]
