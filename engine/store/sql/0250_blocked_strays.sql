-- 0250_blocked_strays.sql: what cannot be billed names the entries that no contract takes, too.
--
-- Such an entry is held by nobody: no bill claims it, so its ledger says open. What a close of its period found out
-- about it is an exception without a contract; it is blocked until a contract takes its project.
create or replace view billing.report_blocked_revenue with (security_invoker = true) as
    select p.tenant_id, case b.state when 'on_hold' then 'on hold' else coalesce(b.reason, 'no reason given') end
               as reason,
           'entry' as level, coalesce(p.contract_id, '-') as contract, p.kind, count(*) as entries,
           round(sum(b.quantity / p.divisor), 2) as quantity, p.unit, min(p.entry_date)::text as since
      from billing.ledger_balance b
      join billing.entry_placed p on p.tenant_id = b.tenant_id and p.id = b.entry_id
     where b.state in ('held', 'on_hold') and b.quantity > 0
     group by 1, 2, 3, 4, 5, 8
    union all
    select x.tenant_id, x.code, x.level, '-', p.kind, count(*), round(sum(b.quantity / p.divisor), 2), p.unit,
           min(p.entry_date)::text
      from billing.exception x
      join billing.entry_placed p on p.tenant_id = x.tenant_id and p.id = x.period || '/' || x.ref
                                 and p.contract_id is null
      join billing.ledger_balance b on b.tenant_id = p.tenant_id and b.entry_id = p.id and b.state = 'open'
                                   and b.quantity > 0
     where x.level = 'entry' and x.code = 'PROJECT_UNKNOWN'
     group by x.tenant_id, x.code, x.level, p.kind, p.unit
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
