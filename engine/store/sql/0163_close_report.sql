-- 0163_close_report.sql: what the close of a period leaves for the books: its report, the accrual of work that is not
-- billed, and the figures of revenue.

-- One row each time the close of a period has come to its end; the newest one counts.
create table billing.close_report (
    tenant_id uuid not null,
    period text not null,
    position integer not null check (position > 0),
    body jsonb not null,
    run_id uuid not null,
    at timestamptz not null default now(),
    primary key (tenant_id, period, position)
);

-- Work done by a period's end and not billed, at its rates: booked on the last day, reversed on the next. Once.
create table billing.accrual (
    tenant_id uuid not null,
    contract_id text not null,
    period text not null,
    amount numeric not null check (amount >= 0),
    currency text not null check (currency ~ '^[A-Z]{3}$'),
    accrued_on date not null,
    reversed_on date not null check (reversed_on > accrued_on),
    basis jsonb not null,          -- how much of which kind, and what had no rate
    run_id uuid not null,
    at timestamptz not null default now(),
    primary key (tenant_id, contract_id, period)
);
do $$
declare
    name text;
begin
    foreach name in array array['close_report', 'accrual'] loop
        execute format('alter table billing.%I alter column tenant_id set default billow.current_tenant()', name);
        perform billow.open_to_scripts(format('billing.%I', name)::regclass, 'select, insert');
    end loop;
end $$;

-- The journal of the accruals: each on the last day of its period, and its reversal on the day after.
create view billing.report_accruals with (security_invoker = true) as
    select a.tenant_id, a.period, a.accrued_on::text as date, 'accrual' as entry, a.contract_id as contract, a.amount,
           a.currency from billing.accrual a
    union all
    select a.tenant_id, a.period, a.reversed_on::text, 'reversal', a.contract_id, -a.amount, a.currency
      from billing.accrual a;

-- What a contract's position is at the end of each closed period: prepaid, withheld, not billed.
create view billing.contract_position with (security_invoker = true) as
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
                      where i.tenant_id = c.tenant_id and i.contract_id = c.contract_id and i.period <= c.period
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

-- Revenue of each closed period: billed, and what of it belongs to other periods. Recognised = billed - what more is
-- prepaid + what more is earned and not billed; delivered is that without what expired unused (breakage). Interest is no revenue of the contract.
create view billing.report_revenue with (security_invoker = true) as
    with billed as (
        select i.tenant_id, i.contract_id, i.period,
               sum(case i.type_code when '381' then -i.tax_exclusive_amount else i.tax_exclusive_amount end) as net
          from billing.invoice i
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

-- How far the close of each period is, and when it will be over if it goes on as it did.
create view billing.report_forecast with (security_invoker = true) as
    with state as (
        select k.tenant_id, k.period, count(*) as contracts,
               count(*) filter (where k.state in ('issued', 'closed')) as done,
               count(*) filter (where k.state like 'waits%') as waiting,
               count(*) filter (where k.state like 'blocked%') as blocked,
               sum(case when k.state not in ('issued', 'closed') then 1 else 0 end) as left_over
          from billing.report_cockpit k group by 1, 2
    ), pace as (
        select c.tenant_id, c.period, count(*) as closed,
               greatest(extract(epoch from max(c.at) - min(c.at)) / 3600, 0.01)::numeric as hours
          from billing.closing c group by 1, 2
    )
    select s.tenant_id, s.period, s.contracts, s.done, s.waiting, s.blocked,
           round(100.0 * s.done / nullif(s.contracts, 0), 1) as percent_done,
           round(p.closed / p.hours, 1) as closed_per_hour,
           case when s.left_over = 0 then 'done' when p.closed is null then 'not begun'
                else to_char((now() + make_interval(secs => (s.left_over * p.hours / p.closed * 3600)::double precision))
                             at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI"Z"') end as forecast
      from state s left join pace p on p.tenant_id = s.tenant_id and p.period = s.period;

grant select on billing.report_accruals, billing.contract_position, billing.report_revenue, billing.report_forecast
    to billow_script, billow_engine;
