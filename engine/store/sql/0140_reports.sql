-- 0140_reports.sql: the figures that `billow report` shows, as views: one row is one line of the report.
--
-- Ages count from the day of the service to today (UTC). Quantities: hours for time, the amount for expenses, pieces
-- for milestones and usage. Money is given with its currency and never added up across currencies.

-- Contracts as they are now.
create view billing.contract_now with (security_invoker = true) as
    select distinct on (d.tenant_id, d.id) d.tenant_id, d.id, d.body ->> 'customer_id' as customer_id,
           d.body ->> 'model' as model, d.body ->> 'currency' as currency, d.body
      from billing.document d
     where d.kind = 'contract' order by d.tenant_id, d.id, d.version desc;

-- What contracts are known by: codes and names of their projects, usage subjects.
create view billing.contract_key with (security_invoker = true) as
    select c.tenant_id, c.id as contract_id, c.customer_id, 'code' as what, p.value ->> 'code' as key
      from billing.contract_now c
     cross join lateral jsonb_array_elements(case jsonb_typeof(c.body -> 'projects')
                                             when 'array' then c.body -> 'projects' else '[]' end) p
    union all
    select c.tenant_id, c.id, c.customer_id, 'name', p.value ->> 'name'
      from billing.contract_now c
     cross join lateral jsonb_array_elements(case jsonb_typeof(c.body -> 'projects')
                                             when 'array' then c.body -> 'projects' else '[]' end) p
    union all
    select c.tenant_id, c.id, c.customer_id, 'subject', s.value
      from billing.contract_now c
     cross join lateral jsonb_array_elements_text(case jsonb_typeof(c.body -> 'usage_subjects')
                                                  when 'array' then c.body -> 'usage_subjects' else '[]' end) s
    union all
    select c.tenant_id, c.id, c.customer_id, 'id', c.id from billing.contract_now c;

-- Entries with the contract that bills them, if any does, and their quantity in the units of the reports.
create view billing.entry_placed with (security_invoker = true) as
    select e.tenant_id, e.id, e.kind, e.entry_date, e.person, e.project_code, e.project_name, e.invalid,
           k.contract_id, k.customer_id, (now() at time zone 'UTC')::date - e.entry_date as age_days,
           case e.kind when 'time' then 3600 else 1 end as divisor,
           case e.kind when 'time' then 'h' when 'expense' then e.body ->> 'currency' else 'pieces' end as unit
      from billing.entry e
      left join billing.contract_key k
        on k.tenant_id = e.tenant_id
       and k.what = case when e.contract_id is not null then 'id' when e.kind = 'usage' then 'subject'
                         when e.project_code <> '' then 'code' else 'name' end
       and k.key = case when e.contract_id is not null then e.contract_id when e.kind = 'usage' then e.subject
                        when e.project_code <> '' then e.project_code else e.project_name end;

-- Work done and not yet billed, by age.
create view billing.report_wip_aging with (security_invoker = true) as
    select p.tenant_id, coalesce(p.contract_id, '-') as contract, coalesce(p.customer_id, '-') as customer, p.kind,
           p.unit, count(distinct p.id) as entries,
           round(coalesce(sum(q.quantity) filter (where p.age_days <= 30 or p.age_days is null), 0), 2) as to_30_days,
           round(coalesce(sum(q.quantity) filter (where p.age_days between 31 and 60), 0), 2) as to_60_days,
           round(coalesce(sum(q.quantity) filter (where p.age_days between 61 and 90), 0), 2) as to_90_days,
           round(coalesce(sum(q.quantity) filter (where p.age_days > 90), 0), 2) as older,
           round(sum(q.quantity), 2) as total, min(p.entry_date)::text as oldest
      from billing.entry_placed p
      join billing.ledger_balance b on b.tenant_id = p.tenant_id and b.entry_id = p.id
                                   and b.state in ('open', 'held', 'claimed') and b.quantity > 0
     cross join lateral (select b.quantity / p.divisor as quantity) q
     group by 1, 2, 3, 4, 5;

-- What cannot be billed, by reason: entries that are held, and contracts whose whole bill stands still (its amount as
-- the last preview of it has it).
create view billing.report_blocked_revenue with (security_invoker = true) as
    select p.tenant_id, coalesce(b.reason, 'no reason given') as reason, 'entry' as level,
           coalesce(p.contract_id, '-') as contract, p.kind, count(*) as entries,
           round(sum(b.quantity / p.divisor), 2) as quantity, p.unit, min(p.entry_date)::text as since
      from billing.ledger_balance b
      join billing.entry_placed p on p.tenant_id = b.tenant_id and p.id = b.entry_id
     where b.state = 'held' and b.quantity > 0
     group by 1, 2, 3, 4, 5, 8
    union all
    select x.tenant_id, x.code, x.level, x.contract_id, 'bill', null, v.net, coalesce(v.currency, c.currency), x.period
      from billing.exception x
      left join billing.contract_now c on c.tenant_id = x.tenant_id and c.id = x.contract_id
      left join lateral (select (r.body ->> 'net')::numeric as net, r.body ->> 'currency' as currency
                           from billing.preview r
                          where r.tenant_id = x.tenant_id and r.contract_id = x.contract_id and r.period = x.period
                          order by r.at desc limit 1) v on true
     where x.level <> 'entry' and x.code <> 'CEILING_REACHED'
       and not exists (select from billing.closing d where d.tenant_id = x.tenant_id
                          and d.contract_id = x.contract_id and d.period = x.period);

-- Entries that nobody has billed, written off or left out.
create view billing.report_leakage with (security_invoker = true) as
    select p.tenant_id, p.id as entry, p.kind, p.entry_date::text as date, p.age_days, p.person,
           coalesce(p.contract_id, '-') as contract, coalesce(nullif(p.project_code, ''), p.project_name) as project,
           round(b.quantity / p.divisor, 2) as quantity, p.unit, b.state, b.reason
      from billing.entry_placed p
      join billing.ledger_balance b on b.tenant_id = p.tenant_id and b.entry_id = p.id
                                   and b.state in ('open', 'held') and b.quantity > 0;

-- How much of the work became money: hours billed of hours worked, and what was taken off what was billed.
create view billing.report_realisation with (security_invoker = true) as
    select m.tenant_id, coalesce(m.contract_id, '-') as contract, m.currency, m.billed, m.credited, m.written_down,
           m.written_off, round(100 * (m.billed - m.credited - m.written_off) / nullif(m.billed + m.written_down, 0), 1)
               as realised_percent,
           h.worked as worked_hours, h.billed as billed_hours, round(100 * h.billed / nullif(h.worked, 0), 1)
               as billed_percent
      from (select r.tenant_id, r.contract_id, r.currency,
                   coalesce(sum(r.amount) filter (where r.kind = 'billed'), 0) as billed,
                   coalesce(sum(r.amount) filter (where r.kind = 'credited'), 0) as credited,
                   coalesce(sum(r.amount) filter (where r.kind = 'write_down'), 0) as written_down,
                   coalesce(sum(r.amount) filter (where r.kind = 'write_off'), 0) as written_off
              from billing.realisation r group by 1, 2, 3) m
      left join (select p.tenant_id, p.contract_id, round(sum(b.quantity) / 3600, 2) as worked,
                        round(coalesce(sum(b.quantity) filter (where b.state = 'billed'), 0) / 3600, 2) as billed
                   from billing.entry_placed p
                   join billing.ledger_balance b on b.tenant_id = p.tenant_id and b.entry_id = p.id
                  where p.kind = 'time' and p.invalid is null group by 1, 2) h
        on h.tenant_id = m.tenant_id and h.contract_id = m.contract_id;

-- How long bills wait for their approval: by who gave it, and those that still wait.
create view billing.report_approval_latency with (security_invoker = true) as
    select t.tenant_id, coalesce(i.approved_by, case when t.status = 1 then 'nobody yet' else 'not issued' end)
               as approver,
           count(*) as bills,
           round((percentile_cont(0.5) within group (order by h.hours))::numeric, 2) as median_hours,
           round(max(h.hours), 2) as longest_hours
      from billow.task t
      left join lateral (select min(x.approved_by) as approved_by from billing.invoice x
                          where x.tenant_id = t.tenant_id and x.run_id = t.run_id) i on true
     cross join lateral (select (coalesce(t.answered_at, (extract(epoch from now()) * 1000000)::bigint)
                                 - t.opened_at) / 3600000000.0 as hours) h
     where t.kind = 'approval' and t.status in (1, 2)
     group by 1, 2;

-- Where every contract of a period stands, and what was expected of it.
create view billing.report_cockpit with (security_invoker = true) as
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
                            and x.level <> 'entry' and x.code <> 'CEILING_REACHED') b on true
      left join lateral (select min(x.kind) as kind from billow.task x
                          where x.tenant_id = c.tenant_id and x.grouping = c.id and x.status = 1) t on true
      left join lateral (select (r.body ->> 'net')::numeric as net from billing.preview r
                          where r.tenant_id = c.tenant_id and r.contract_id = c.id and r.period = p.period
                          order by r.at desc limit 1) v on true
     cross join lateral (select sum(case x.type_code when '381' then -1 else 1 end * x.tax_exclusive_amount) as net,
                                count(*) as invoices
                           from billing.invoice x
                          where x.tenant_id = c.tenant_id and x.contract_id = c.id and x.period = p.period) i;

-- What customers owe, by how long it is due.
create view billing.report_receivables with (security_invoker = true) as
    select r.tenant_id, r.customer_id as customer, r.currency, count(*) as invoices,
           coalesce(sum(r.open_amount) filter (where o.days <= 0), 0) as not_due,
           coalesce(sum(r.open_amount) filter (where o.days between 1 and 30), 0) as to_30_days,
           coalesce(sum(r.open_amount) filter (where o.days between 31 and 60), 0) as to_60_days,
           coalesce(sum(r.open_amount) filter (where o.days > 60), 0) as older,
           sum(r.disputed_amount) as disputed, sum(r.open_amount) as total
      from billing.receivable r
     cross join lateral (select (now() at time zone 'UTC')::date - coalesce(r.due_date, r.issue_date) as days) o
     where r.open_amount <> 0
     group by 1, 2, 3;

-- Days from the service to the invoice, weighted by quantity, and from the invoice to when it is due.
create view billing.report_lead_time with (security_invoker = true) as
    select i.tenant_id, i.contract_id as contract, i.customer_id as customer, i.period, e.kind, count(*) as entries,
           round(sum((i.issue_date - e.entry_date) * l.quantity) / nullif(sum(l.quantity), 0), 1) as days_to_invoice,
           max(i.issue_date - e.entry_date) as longest, round(avg(i.due_date - i.issue_date), 1) as days_to_due
      from billing.ledger l
      join billing.entry e on e.tenant_id = l.tenant_id and e.id = l.entry_id
      join billing.invoice i on i.tenant_id = l.tenant_id and i.id = l.invoice_id
     where l.kind = 'bill' and e.entry_date is not null
     group by 1, 2, 3, 4, 5;

-- Of a task, scripts see that it waits, not what it shows.
grant select (tenant_id, run_id, kind, grouping, status, opened_at, answered_at) on billow.task to billow_script;
grant select on billing.contract_now, billing.contract_key, billing.entry_placed, billing.report_wip_aging,
    billing.report_blocked_revenue, billing.report_leakage, billing.report_realisation,
    billing.report_approval_latency, billing.report_cockpit, billing.report_receivables, billing.report_lead_time
    to billow_script, billow_engine;
