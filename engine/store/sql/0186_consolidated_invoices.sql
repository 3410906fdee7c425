-- 0186_consolidated_invoices.sql: several contracts of a customer on one invoice, each with its part of it.
--
-- The document is one: a number, taxes, totals. What each contract has of it is a row, made by a trigger from the
-- document itself; lines say which contract they are of. Documents of one contract have no rows: the whole is its.

alter table billing.invoice_line add column contract_id text;  -- null: the invoice's

alter table billing.invoice add column is_consolidated boolean not null
    generated always as (body ? 'contracts') stored;

create table billing.invoice_part (
    tenant_id uuid not null default billow.current_tenant(),
    invoice_id text not null,
    contract_id text not null,
    net_amount numeric not null,   -- lines less allowances; of credit notes positive, as in the document
    primary key (tenant_id, invoice_id, contract_id),
    foreign key (tenant_id, invoice_id) references billing.invoice (tenant_id, id)
);
create index invoice_part_by_contract on billing.invoice_part (tenant_id, contract_id);

create function billing.invoice_parts() returns trigger
language plpgsql security definer set search_path = billing, pg_temp as $$
declare
    v_sum numeric;
begin
    insert into invoice_part (tenant_id, invoice_id, contract_id, net_amount)
    select new.tenant_id, new.id, c.id, c.net_amount
      from jsonb_to_recordset(new.body->'contracts') as c(id text, net_amount numeric);
    select sum(p.net_amount) into v_sum from invoice_part p
     where p.tenant_id = new.tenant_id and p.invoice_id = new.id;
    if v_sum is distinct from new.tax_exclusive_amount then
        raise exception 'invoice %: its contracts have %, its net is %', new.id, v_sum, new.tax_exclusive_amount
            using errcode = 'check_violation', constraint = 'invoice_parts_add_up';
    end if;
    return null;
end $$;
create trigger invoice_parts after insert on billing.invoice
    for each row when (new.body ? 'contracts') execute function billing.invoice_parts();

-- Every document once for each contract that has a part of it.
create view billing.invoice_of_contract with (security_invoker = true) as
    select i.tenant_id, i.id, i.number, i.type_code, i.period, i.issued_at, i.contract_id, i.tax_exclusive_amount as net
      from billing.invoice i where not i.is_consolidated
    union all
    select i.tenant_id, i.id, i.number, i.type_code, i.period, i.issued_at, p.contract_id, p.net_amount
      from billing.invoice_part p
      join billing.invoice i on i.tenant_id = p.tenant_id and i.id = p.invoice_id;

-- Where every contract of a period stands, and what was expected of it.
create or replace view billing.report_cockpit with (security_invoker = true) as
    with periods as (
        select tenant_id, period from billing.closing union select tenant_id, period from billing.exception
        union select tenant_id, period from billing.preview
    )
    select c.tenant_id, p.period, c.id as contract, c.model,
           case when d.run_id is not null and i.invoices > 0 then 'issued'
                when d.run_id is not null then 'closed'
                when t.kind = 'approval' then 'waits for approval'
                when t.kind is not null then 'waits for a decision'
                when b.code is not null then 'blocked: ' || b.code
                else 'not billed' end as state,
           c.currency, v.net as expected_net, i.net as issued_net, i.invoices
      from periods p
      join billing.contract_now c on c.tenant_id = p.tenant_id
      left join billing.closing d on d.tenant_id = c.tenant_id and d.contract_id = c.id and d.period = p.period
      left join lateral (select min(x.code) as code from billing.exception x
                          where x.tenant_id = c.tenant_id and x.contract_id = c.id and x.period = p.period
                            and x.level <> 'entry' and x.code not in ('CEILING_REACHED', 'CAP_REACHED', 'TIMESHEET_MISSING')) b on true
      left join lateral (select min(x.kind) as kind from billow.task x
                          where x.tenant_id = c.tenant_id and x.grouping = c.id and x.status = 1) t on true
      left join lateral (select (r.body ->> 'net')::numeric as net from billing.preview r
                          where r.tenant_id = c.tenant_id and r.contract_id = c.id and r.period = p.period
                          order by r.at desc limit 1) v on true
     cross join lateral (select sum(case x.type_code when '381' then -1 else 1 end * x.net) as net,
                                count(*) as invoices
                           from billing.invoice_of_contract x
                          where x.tenant_id = c.tenant_id and x.contract_id = c.id and x.period = p.period) i;

-- What a contract's position is at the end of each closed period.
create or replace view billing.contract_position with (security_invoker = true) as
    select c.tenant_id, c.contract_id, c.period, c.run_id, k.model, k.currency, k.customer_id,
           coalesce((select sum(v.value::numeric)
                       from jsonb_each_text(c.body -> 'closing' -> 'advances_remaining') v), 0)
               + coalesce((select sum(i.tax_exclusive_amount) from billing.invoice i
                            where i.tenant_id = c.tenant_id and i.contract_id = c.contract_id
                              and i.type_code = '386' and i.period <= c.period
                              and not coalesce(c.body -> 'closing' -> 'advances_remaining', '{}') ? i.number), 0)
               as advances,
           coalesce((select sum((b.value ->> 'quantity')::numeric)
                       from jsonb_array_elements(c.body -> 'closing' -> 'retainer' -> 'buckets') b), 0) as buckets,
           coalesce((c.body -> 'closing' -> 'fixed_fee' ->> 'withheld_net')::numeric
                    - (c.body -> 'closing' -> 'fixed_fee' ->> 'released_net')::numeric, 0) as withheld,
           coalesce(a.amount, 0) as unbilled,
           case when k.model = 'retainer' then (k.body -> 'terms' ->> 'price')::numeric
                / nullif((k.body -> 'terms' ->> 'quantity')::numeric, 0) end as unit_price,
           coalesce((c.body ->> 'expired')::numeric, 0) as expired,
           coalesce((select sum(n.net_amount)
                       from billing.invoice_line n
                       join billing.invoice i on i.tenant_id = n.tenant_id and i.id = n.invoice_id
                      where i.tenant_id = c.tenant_id
                        and (i.contract_id = c.contract_id
                             or i.id in (select p.invoice_id from billing.invoice_part p
                                          where p.tenant_id = c.tenant_id and p.contract_id = c.contract_id))
                        and coalesce(n.contract_id, i.contract_id) = c.contract_id and i.period <= c.period
                        and i.type_code <> '381' and n.component = 'retainer'
                        and n.description_key > 'retainer:' || c.period), 0) as fees_ahead,
           o.advances as opening_advances, o.buckets as opening_buckets, o.withheld as opening_withheld
      from billing.closing c
      join billing.contract_now k on k.tenant_id = c.tenant_id and k.id = c.contract_id
     cross join lateral (
        select coalesce((select sum((a.value ->> 'remaining_net')::numeric)
                           from jsonb_array_elements(d.body -> 'advances') a
                          where a.value ->> 'contract_id' = c.contract_id), 0) as advances,
               coalesce((select sum((b.value ->> 'quantity')::numeric)
                           from jsonb_array_elements(d.body -> 'retainer' -> c.contract_id -> 'buckets') b), 0)
                   as buckets,
               coalesce((d.body -> 'fixed_fee' -> c.contract_id ->> 'withheld_net')::numeric
                        - coalesce((d.body -> 'fixed_fee' -> c.contract_id ->> 'released_net')::numeric, 0), 0)
                   as withheld
          from (select (select x.body from billing.document x
                         where x.tenant_id = c.tenant_id and x.kind = 'opening' and x.id = 'contract:' || c.contract_id
                         order by x.version desc limit 1) as body) d) o
      left join billing.accrual a
        on a.tenant_id = c.tenant_id and a.contract_id = c.contract_id and a.period = c.period;

-- Revenue of each closed period.
create or replace view billing.report_revenue with (security_invoker = true) as
    with billed as (
        select i.tenant_id, i.contract_id, i.period,
               sum(case i.type_code when '381' then -i.net else i.net end) as net
          from billing.invoice_of_contract i
         where not exists (select from billing.invoice_line n where n.tenant_id = i.tenant_id and n.invoice_id = i.id
                              and n.component in ('interest', 'compensation', 'reminder_fee'))
         group by 1, 2, 3
    ), position as (
        select p.*, p.advances + p.fees_ahead + p.buckets * coalesce(p.unit_price, 0) as deferred,
               p.unbilled + p.withheld as asset,
               p.opening_advances + p.opening_buckets * coalesce(p.unit_price, 0) as opening_deferred
          from billing.contract_position p
    ), change as (
        select p.*, p.deferred - coalesce(lag(p.deferred) over w, p.opening_deferred) as deferred_more,
               p.asset - coalesce(lag(p.asset) over w, p.opening_withheld) as asset_more,
               round(p.expired * coalesce(p.unit_price, 0), 2) as breakage
          from position p
        window w as (partition by p.tenant_id, p.contract_id order by p.period)
    )
    select c.tenant_id, c.period, c.contract_id as contract, c.model, c.currency,
           round(coalesce(b.net, 0) - c.deferred_more + c.asset_more - c.breakage, 2) as delivered,
           coalesce(b.net, 0) as billed, round(coalesce(b.net, 0) - c.deferred_more + c.asset_more, 2) as recognised,
           round(c.asset, 2) as contract_asset, round(c.deferred, 2) as contract_liability,
           round(c.advances, 2) as prepaid, c.breakage
      from change c
      left join billed b on b.tenant_id = c.tenant_id and b.contract_id = c.contract_id and b.period = c.period;

do $$
begin
    perform billow.open_to_scripts('billing.invoice_part'::regclass, 'select');
end $$;
grant select on billing.invoice_of_contract to billow_script, billow_engine;
grant select, insert on billing.invoice_part to billow_engine;
grant create on schema billing to billow_engine;
alter function billing.invoice_parts() owner to billow_engine;
revoke create on schema billing from billow_engine;
