-- 0189_verify.sql: the proof in time linear in the books, whatever is known of their size; and claims of runs that are
-- over.

-- Only the engine sees other runs: is nobody left who could bill or release what this one has claimed?
create function billing.run_is_over(p_tenant uuid, p_run uuid) returns boolean
language sql stable security definer set search_path = billow, pg_temp as $$
    select not exists (select from run r where r.tenant_id = p_tenant and r.run_id = p_run and r.status in (1, 2))
$$;
grant create on schema billing to billow_engine;
alter function billing.run_is_over(uuid, uuid) owner to billow_engine;
revoke create on schema billing from billow_engine;

create or replace view billing.ledger_break with (security_invoker = true) as
    select * from billing.ledger_break_of_books
    union all
    -- What left an entry arrived in another one, all of it, and nothing else did.
    select m.tenant_id, 12, 'transfer', m.entry_id,
           case when m.moved_to is null then format('%s of it moved nowhere', m.quantity)
                when d.id is null then format('%s of it moved to %s, which is not there', m.quantity, m.moved_to)
                else format('%s of it moved to %s, which is %s of %s', m.quantity, m.moved_to, d.quantity,
                            coalesce(d.origin_id, 'nothing')) end
      from (select tenant_id, entry_id, moved_to, sum(quantity) as quantity from billing.ledger
             where kind = 'transfer' group by 1, 2, 3) m
      left join billing.entry d on d.tenant_id = m.tenant_id and d.id = m.moved_to
     where d.quantity is distinct from m.quantity or d.origin_id is distinct from m.entry_id
    union all
    select d.tenant_id, 12, 'transfer', d.id, format('it is said to come from %s, which lost nothing', d.origin_id)
      from billing.entry d
     where d.origin_id is not null
       and not exists (select from billing.ledger l where l.tenant_id = d.tenant_id and l.moved_to = d.id)
    union all
    -- What is on hold has somebody who looks at it.
    select l.tenant_id, 13, 'hold', l.entry_id, 'it was put on hold, and nobody says why'
      from billing.ledger l
     where l.kind = 'hold' and l.to_state = 'on_hold'
       and not exists (select from billing.entry_hold h where h.tenant_id = l.tenant_id and h.run_id = l.run_id)
    union all
    -- What is claimed is claimed by a run that can still bill it, or give it back.
    select b.tenant_id, 14, 'claim', b.entry_id,
           format('%s of it is claimed by run %s, which is over', b.quantity, b.run_id)
      from billing.ledger_balance b
     where b.state = 'claimed' and b.quantity > 0 and billing.run_is_over(b.tenant_id, b.run_id);

-- The same, planned for books of any size: a nested loop chosen for a small table takes hours in a large one.
create function billing.ledger_breaks() returns setof billing.ledger_break
language sql stable set enable_nestloop = off set jit = off set search_path = billing, pg_temp as $$
    select * from billing.ledger_break
$$;
grant execute on function billing.ledger_breaks() to billow_script, billow_engine;
