-- 0162_service_state.sql: whether work for a customer goes on: each change is a row, its signal goes out once.

create table billing.service_state (
    tenant_id uuid not null,
    customer_id text not null,
    position integer not null check (position > 0),
    is_stopped boolean not null,
    reasons jsonb not null,
    run_id uuid not null,
    at timestamptz not null default now(),
    primary key (tenant_id, customer_id, position) -- two runs that see the same change: one of them tells it
);
do $$
begin
    alter table billing.service_state alter column tenant_id set default billow.current_tenant();
    perform billow.open_to_scripts('billing.service_state'::regclass, 'select, insert');
end $$;

-- Customers for whom work is stopped now, and why.
create view billing.report_service_stops with (security_invoker = true) as
    select s.tenant_id, s.customer_id as customer, s.at::date::text as since,
           (select string_agg(r.value, '; ') from jsonb_array_elements_text(s.reasons) r) as reasons
      from billing.service_state s
     where s.is_stopped and not exists (select from billing.service_state n
                                         where n.tenant_id = s.tenant_id and n.customer_id = s.customer_id
                                           and n.position > s.position);
grant select on billing.report_service_stops to billow_script, billow_engine;
