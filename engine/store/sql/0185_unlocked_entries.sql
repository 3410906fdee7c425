-- 0185_unlocked_entries.sql: approvals of work that were taken back, or changed behind, at the source: on record.
--
-- An approved entry is locked: what its source says of it afterwards is an unlocking, whether the approval was taken
-- back or the approved work was changed. Each is a row, with what changed and who imported it; scripts can read them
-- and nothing else. The earlier version itself is in billing.entry_version.

create table billing.entry_unlock (
    tenant_id uuid not null default billow.current_tenant(),
    entry_id text not null,
    version integer not null,      -- that was approved
    kind text not null check (kind in ('approval_withdrawn', 'changed_after_approval')),
    changed jsonb not null,        -- fields by name: {"was": ..., "is": ...}
    run_id uuid not null,          -- the import
    unlocked_by text not null,     -- who started it
    at timestamptz not null default now(),
    primary key (tenant_id, entry_id, version),
    foreign key (tenant_id, entry_id) references billing.entry (tenant_id, id)
);

create function billing.entry_unlocked() returns trigger
language plpgsql security definer set search_path = billing, pg_temp
set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off as $$
begin
    insert into entry_unlock (tenant_id, entry_id, version, kind, changed, run_id, unlocked_by)
    select a.tenant_id, a.id, b.version,
           case when a.body->>'approval_status' is distinct from 'approved' then 'approval_withdrawn'
                else 'changed_after_approval' end,
           (select jsonb_object_agg(k.name, jsonb_build_object('was', b.body->k.name, 'is', a.body->k.name))
              from (select jsonb_object_keys(b.body) union select jsonb_object_keys(a.body)) k(name)
             where b.body->k.name is distinct from a.body->k.name and k.name not in ('sequence', 'started_at')),
           a.imported_by,
           coalesce((with recursive above as (
                       select d.tenant_id, d.started_by, d.parent_id from billow.run_detail d
                        where d.tenant_id = a.tenant_id and d.run_id = a.imported_by
                        union all
                       select d.tenant_id, d.started_by, d.parent_id from above
                         join billow.run_detail d on d.tenant_id = above.tenant_id and d.run_id = above.parent_id)
                     select started_by from above where parent_id is null), 'unknown')
      from after a join before b on b.tenant_id = a.tenant_id and b.id = a.id
     where b.body->>'approval_status' = 'approved' and a.digest <> b.digest
     order by a.id;
    return null;
end $$;
create trigger entry_unlocked after update on billing.entry
    referencing old table as before new table as after for each statement execute function billing.entry_unlocked();

create view billing.report_unlocked with (security_invoker = true) as
    select u.tenant_id, to_char(p.entry_date, 'YYYY-MM') as period, u.entry_id as entry, p.entry_date::text as date,
           p.person, coalesce(p.contract_id, '-') as contract, u.kind as what,
           (select string_agg(c.key, ', ' order by c.key) from jsonb_each(u.changed) c) as fields,
           u.unlocked_by as by, to_char(u.at at time zone 'UTC', 'YYYY-MM-DD HH24:MI') as at,
           coalesce((select e.body->>'approval_status' from billing.entry e
                      where e.tenant_id = u.tenant_id and e.id = u.entry_id), '-') as approval_now
      from billing.entry_unlock u
      join billing.entry_placed p on p.tenant_id = u.tenant_id and p.id = u.entry_id;

do $$
begin
    perform billow.open_to_scripts('billing.entry_unlock'::regclass, 'select');
end $$;
grant select on billing.report_unlocked to billow_script, billow_engine;
grant insert, select on billing.entry_unlock to billow_engine;
grant create on schema billing to billow_engine;
alter function billing.entry_unlocked() owner to billow_engine;
revoke create on schema billing from billow_engine;
revoke update, delete on billing.entry_unlock from billow_engine;
