-- Two things by their names: retainage that is still withheld is money of its own, which nobody owes yet; and a document
-- that was handed to its channel is not delivered before the channel says so.

-- Of each contract, after its last closed period: what was withheld in all (before Billow, too), what was released, and
-- what is still open. Credit notes that came later count from the next closing on.
create view billing.report_open_retention with (security_invoker = true) as
    select p.tenant_id, p.contract, p.customer, p.currency, p.as_of, p.withheld, p.released,
           p.withheld - p.released as open,
           coalesce(p.release ->> 'date', 'milestone ' || (p.release ->> 'milestone_id'), 'not agreed') as release
      from (select distinct on (c.tenant_id, c.contract_id) c.tenant_id, c.contract_id as contract,
                   k.customer_id as customer, k.currency, c.period as as_of,
                   coalesce((c.body -> 'closing' -> 'fixed_fee' ->> 'withheld_net')::numeric, 0) as withheld,
                   coalesce((c.body -> 'closing' -> 'fixed_fee' ->> 'released_net')::numeric, 0) as released,
                   k.body -> 'terms' -> 'retainage' -> 'release' as release
              from billing.closing c
              join billing.contract_now k on k.tenant_id = c.tenant_id and k.id = c.contract_id
             where k.model = 'fixed-fee'
             order by c.tenant_id, c.contract_id, c.period desc) p
     where p.withheld <> p.released;

grant select on billing.report_open_retention to billow_script, billow_engine;

-- sent: handed to the channel, which says no more; confirmed: the channel said that it is there.
alter table billing.dunning_attempt drop constraint dunning_attempt_status_check;
alter table billing.dunning_attempt add constraint dunning_attempt_status_check
    check (status in ('sent', 'confirmed', 'failed'));
alter table billing.delivery drop constraint delivery_status_check;
alter table billing.delivery add constraint delivery_status_check
    check (status in ('sent', 'confirmed', 'failed', 'done', 'drop'));

create or replace view billing.report_delivery with (security_invoker = true) as
    select i.tenant_id, i.period, i.number as invoice, i.customer_id as customer, i.issue_date::text as issued,
           d.at::date::text as delivered, greatest(d.at::date - i.issue_date, 0) as days, a.attempts, a.channel,
           case d.status when 'sent' then 'handed over' when 'confirmed' then 'delivered' when 'done' then 'done'
                else case when a.attempts > 0 then 'failed' else 'not sent' end end as status, a.reason
      from billing.invoice i
      left join lateral (select x.at, x.status from billing.delivery x
                          where x.tenant_id = i.tenant_id and x.invoice_id = i.id
                            and x.status in ('sent', 'confirmed', 'done')
                          order by x.at limit 1) d on true
     cross join lateral (select count(*) as attempts, max(x.channel) as channel,
                                max(x.reason) filter (where x.status = 'failed') as reason
                           from billing.delivery x where x.tenant_id = i.tenant_id and x.invoice_id = i.id) a;
