-- 0161_receivable_reports.sql: disputes, payments, cash that waits and deliveries, as `billow` lists them; the figures
-- of receivables: days until delivery, days sales outstanding, lock-up, disputes and rework.
--
-- Ages count to today (UTC). Money is given with its currency and never added up across currencies.

-- Every attempt to deliver an invoice or credit note, with what became of it.
create table billing.delivery (
    tenant_id uuid not null,
    invoice_id text not null,
    attempt integer not null check (attempt > 0),
    channel text not null,
    status text not null check (status in ('sent', 'failed', 'done', 'drop')), -- done, drop: a person said so
    reason text,
    run_id uuid not null,
    at timestamptz not null default now(),
    primary key (tenant_id, invoice_id, attempt, status),
    foreign key (tenant_id, invoice_id) references billing.invoice (tenant_id, id)
);
do $$
begin
    alter table billing.delivery alter column tenant_id set default billow.current_tenant();
    perform billow.open_to_scripts('billing.delivery'::regclass, 'select, insert');
end $$;

create view billing.report_disputes with (security_invoker = true) as
    select d.tenant_id, d.id as dispute, i.number as invoice, i.customer_id as customer, d.line_id as line, d.amount,
           d.currency, d.reason_code as reason, d.owner, d.state, d.raised_on::text as raised, d.answer_by::text,
           case when d.is_open then (now() at time zone 'UTC')::date else d.state_at::date end - d.raised_on as days,
           d.accepted_amount as accepted, d.is_open, d.is_open and d.answer_by < (now() at time zone 'UTC')::date
               as is_late
      from billing.dispute_state d
      join billing.invoice i on i.tenant_id = d.tenant_id and i.id = d.invoice_id;
create view billing.report_open_disputes with (security_invoker = true) as
    select * from billing.report_disputes where is_open;

create view billing.report_payments with (security_invoker = true) as
    select p.tenant_id, p.date::text as date, p.id as payment, p.customer_id as customer, p.payer_name as payer,
           p.amount, p.currency, b.used, b.amount - b.used as unapplied,
           (select string_agg(distinct i.number, ', ' order by i.number)
              from billing.allocation_balance a
              join billing.invoice i on i.tenant_id = a.tenant_id and i.id = a.invoice_id
             where a.tenant_id = p.tenant_id and a.payment_id = p.id and a.amount > 0) as invoices,
           coalesce(p.match ->> 'rule', '-') as rule, p.actor as by
      from billing.payment p
      join billing.payment_balance b on b.tenant_id = p.tenant_id and b.payment_id = p.id;

create view billing.report_unapplied_cash with (security_invoker = true) as
    select u.tenant_id, coalesce(u.customer_id, '-') as customer, u.currency, count(*) as payments,
           coalesce(sum(u.unapplied_amount) filter (where u.age_days <= 30), 0) as to_30_days,
           coalesce(sum(u.unapplied_amount) filter (where u.age_days between 31 and 60), 0) as to_60_days,
           coalesce(sum(u.unapplied_amount) filter (where u.age_days between 61 and 90), 0) as to_90_days,
           coalesce(sum(u.unapplied_amount) filter (where u.age_days > 90), 0) as older,
           sum(u.unapplied_amount) as total, min(u.date)::text as oldest
      from billing.unapplied_cash u group by 1, 2, 3;

create view billing.report_unmatched_cash with (security_invoker = true) as
    select u.tenant_id, u.booking_date::text as date, u.entry_id as entry, u.account, u.amount, u.currency,
           u.counterparty_name as payer, left(u.remittance_text, 60) as text, u.status, u.age_days
      from billing.unmatched_entry u;

-- From the issue of an invoice to the day on which its channel took it, or a person said that it is there.
create view billing.report_delivery with (security_invoker = true) as
    select i.tenant_id, i.period, i.number as invoice, i.customer_id as customer, i.issue_date::text as issued,
           d.at::date::text as delivered, greatest(d.at::date - i.issue_date, 0) as days, a.attempts, a.channel,
           coalesce(d.status, case when a.attempts > 0 then 'failed' else 'not sent' end) as status, a.reason
      from billing.invoice i
      left join lateral (select x.at, x.status from billing.delivery x
                          where x.tenant_id = i.tenant_id and x.invoice_id = i.id and x.status in ('sent', 'done')
                          order by x.at limit 1) d on true
     cross join lateral (select count(*) as attempts, max(x.channel) as channel,
                                max(x.reason) filter (where x.status = 'failed') as reason
                           from billing.delivery x where x.tenant_id = i.tenant_id and x.invoice_id = i.id) a;

-- Days sales outstanding: what is owed, in days of what was billed in the last 90 days (with tax, less credits).
create view billing.report_dso with (security_invoker = true) as
    with billed as (
        select i.tenant_id, i.customer_id, i.currency,
               sum(case i.type_code when '381' then -i.payable_amount else i.payable_amount end) as amount
          from billing.invoice i
         where i.issue_date > (now() at time zone 'UTC')::date - 90 group by 1, 2, 3
    ), owed as (
        select r.tenant_id, r.customer_id, r.currency, sum(r.open_amount) as amount,
               sum(r.open_amount * greatest((now() at time zone 'UTC')::date - r.issue_date, 0))
                   / nullif(sum(r.open_amount), 0) as age
          from billing.receivable r where r.open_amount > 0 group by 1, 2, 3
    )
    select coalesce(o.tenant_id, b.tenant_id) as tenant_id, coalesce(o.customer_id, b.customer_id) as customer,
           coalesce(o.currency, b.currency) as currency, coalesce(o.amount, 0) as owed,
           coalesce(b.amount, 0) as billed_90_days,
           round(coalesce(o.amount, 0) * 90 / nullif(b.amount, 0), 1) as dso_days, round(o.age, 1) as average_age_days
      from owed o full join billed b
        on b.tenant_id = o.tenant_id and b.customer_id = o.customer_id and b.currency = o.currency;

-- Lock-up: days of work that is not billed (its average age by hours) and days of invoices that are not paid.
create view billing.report_lock_up with (security_invoker = true) as
    with wip as (
        select p.tenant_id, p.customer_id, round(sum(b.quantity) / 3600, 2) as hours,
               round(sum(b.quantity * greatest(p.age_days, 0)) / nullif(sum(b.quantity), 0), 1) as days
          from billing.entry_placed p
          join billing.ledger_balance b on b.tenant_id = p.tenant_id and b.entry_id = p.id
           and b.state in ('open', 'held', 'claimed') and b.quantity > 0
         where p.kind = 'time' and p.customer_id is not null group by 1, 2
    ), owed as (
        select r.tenant_id, r.customer_id, r.currency, sum(r.open_amount) as amount,
               round(sum(r.open_amount * greatest((now() at time zone 'UTC')::date - r.issue_date, 0))
                     / nullif(sum(r.open_amount), 0), 1) as days
          from billing.receivable r where r.open_amount > 0 group by 1, 2, 3
    )
    select coalesce(w.tenant_id, o.tenant_id) as tenant_id, coalesce(w.customer_id, o.customer_id) as customer,
           o.currency, coalesce(w.hours, 0) as unbilled_hours, coalesce(w.days, 0) as wip_days,
           coalesce(o.amount, 0) as owed, coalesce(o.days, 0) as debtor_days,
           coalesce(w.days, 0) + coalesce(o.days, 0) as lock_up_days
      from wip w full join owed o on o.tenant_id = w.tenant_id and o.customer_id = w.customer_id;

-- What went wrong with the bills of a period: disputed, credited, made again.
create view billing.report_rework with (security_invoker = true) as
    select i.tenant_id, i.period, count(*) as invoices,
           count(*) filter (where exists (select from billing.dispute d
                                           where d.tenant_id = i.tenant_id and d.invoice_id = i.id)) as disputed,
           count(*) filter (where exists (select from billing.invoice n where n.tenant_id = i.tenant_id
                                             and n.credits_invoice_id = i.id)) as credited,
           count(*) filter (where i.replaces_invoice_id is not null) as made_again,
           round(100.0 * count(*) filter (where exists (select from billing.dispute d where d.tenant_id = i.tenant_id
                                                           and d.invoice_id = i.id)) / count(*), 1) as dispute_percent,
           round(100.0 * count(*) filter (where exists (select from billing.invoice n where n.tenant_id = i.tenant_id
                                                           and n.credits_invoice_id = i.id)) / count(*), 1)
               as rework_percent
      from billing.invoice i where i.type_code <> '381' group by 1, 2;

grant select on billing.report_disputes, billing.report_open_disputes, billing.report_payments,
    billing.report_unapplied_cash, billing.report_unmatched_cash, billing.report_delivery, billing.report_dso,
    billing.report_lock_up, billing.report_rework to billow_script, billow_engine;
