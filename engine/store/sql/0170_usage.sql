-- 0170_usage.sql: usage events by the million. The set an entry was imported with gets a column of its own, so that
-- events can be walked in their order by an index; what only time and expenses are looked up by is not kept for them.

alter table billing.entry
    add column import_set text collate "C" not null
        generated always as (split_part(id, '/', 1)) stored;

drop index billing.entry_by_project;
create index entry_by_project on billing.entry (tenant_id, kind, project_code, entry_date)
    where kind in ('time', 'expense');
drop index billing.entry_by_person_day;
create index entry_by_person_day on billing.entry (tenant_id, person, entry_date) where kind in ('time', 'expense');
drop index billing.entry_by_subject;
create index entry_by_subject on billing.entry (tenant_id, subject, import_set, sequence) where subject is not null;
drop index billing.entry_by_dup_key;
create index entry_by_dup_key on billing.entry (tenant_id, dup_key, import_set, sequence) where kind = 'usage';

-- Where the events go that a run has claimed, when there are too many to move in the transaction that issues. That
-- transaction writes this row, so what becomes of them is decided with the invoice; they follow in stretches. Until
-- they have, they are claimed, and nobody else can bill them.
create table billing.usage_settlement (
    tenant_id uuid not null default billow.current_tenant(),
    run_id uuid not null,
    invoice_id text,               -- null: the period ended without one
    codes jsonb not null,          -- {reference of an event: code of its exception}
    actor text not null,
    at timestamptz not null default now(),
    primary key (tenant_id, run_id),
    foreign key (tenant_id, invoice_id) references billing.invoice (tenant_id, id) deferrable initially deferred
);
select billow.open_to_scripts('billing.usage_settlement'::regclass, 'select, insert');

-- As before, in time linear in the movements: what was moved is counted, and looked for by name only when a movement
-- is missing.
create or replace function billing.ledger_apply() returns trigger
language plpgsql security definer set search_path = billing, pg_temp
set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off as $$
declare
    asked bigint;
    found_rows bigint;
    broken text;
begin
    with taken as materialized (
        select tenant_id, entry_id, from_state, run_id, sum(quantity) as quantity
          from moved where from_state is not null group by 1, 2, 3, 4
    ), done as (
        update ledger_balance b set quantity = b.quantity - t.quantity
          from taken t
         where b.tenant_id = t.tenant_id and b.entry_id = t.entry_id and b.state = t.from_state
           and (t.from_state <> 'claimed' or b.run_id = t.run_id)
        returning 1
    )
    select (select count(*) from taken), (select count(*) from done) into asked, found_rows;
    if asked <> found_rows then
        select m.entry_id || ' has nothing ' || m.from_state || ' for this run' into broken
          from moved m
         where m.from_state is not null
           and not exists (select 1 from ledger_balance b
                            where b.tenant_id = m.tenant_id and b.entry_id = m.entry_id and b.state = m.from_state
                              and (m.from_state <> 'claimed' or b.run_id = m.run_id))
         limit 1;
        raise exception 'entry %', coalesce(broken, '?')
            using errcode = 'check_violation', constraint = 'nothing_is_billed_twice';
    end if;
    with given as materialized (
        select tenant_id, entry_id, to_state, run_id, max(reason) as reason, sum(quantity) as quantity
          from moved where to_state is not null group by 1, 2, 3, 4
    ), done as (
        insert into ledger_balance as b (tenant_id, entry_id, state, quantity, run_id, reason)
        select tenant_id, entry_id, to_state, quantity, case when to_state = 'claimed' then run_id end, reason
          from given order by entry_id
        on conflict (tenant_id, entry_id, state) do update
           set quantity = b.quantity + excluded.quantity, run_id = excluded.run_id, reason = excluded.reason
         where b.state <> 'claimed' or b.quantity = 0 or b.run_id = excluded.run_id
        returning 1
    )
    select (select count(*) from given), (select count(*) from done) into asked, found_rows;
    if asked <> found_rows then
        select m.entry_id || ' is claimed by another run' into broken
          from moved m join ledger_balance b
            on b.tenant_id = m.tenant_id and b.entry_id = m.entry_id and b.state = m.to_state
         where m.to_state = 'claimed' and b.run_id is distinct from m.run_id
         limit 1;
        raise exception 'entry %', coalesce(broken, '?')
            using errcode = 'check_violation', constraint = 'nothing_is_billed_twice';
    end if;
    -- Conservation: what an entry's states hold is what the entry is.
    select format('%s: its states hold %s of %s in all', e.id, b.held, e.quantity) into broken
      from (select distinct tenant_id, entry_id from moved) m
      join entry e on e.tenant_id = m.tenant_id and e.id = m.entry_id
      cross join lateral (select coalesce(sum(quantity), 0) as held from ledger_balance l
                           where l.tenant_id = e.tenant_id and l.entry_id = e.id) b
     where e.quantity <> b.held limit 1;
    if broken is not null then
        raise exception 'entry %', broken using errcode = 'check_violation', constraint = 'ledger_conserves';
    end if;
    return null;
end $$;
