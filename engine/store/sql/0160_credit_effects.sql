-- 0160_credit_effects.sql: what a credit gives back of a retainer, and that nothing else gives back what is billed.
--
--   * quantity leaves `billed` by a credit alone: no other movement can make billed work open again;
--   * voiding a retainer's period gives back its draws, which stand on no line: at most what the billing run of the
--     credited invoice drew;
--   * a document that resets a retainer says to what (billing.invoice.position).

alter table billing.invoice add column position jsonb;
comment on column billing.invoice.position is 'the state of the contract''s retainer after this document, when it sets it';

alter table billing.ledger add constraint billed_leaves_by_credit
    check (from_state is distinct from 'billed' or kind = 'credit');

create or replace function billing.credit_movement_fits() returns trigger
language plpgsql security definer set search_path = billing, pg_temp as $$
declare
    broken text;
begin
    with touched as (
        select distinct m.tenant_id, m.entry_id, m.invoice_id, m.line_id, n.credits_invoice_id as of_invoice,
               o.run_id as of_run, l.credits_line_id as of_line
          from moved m
          left join invoice n on n.tenant_id = m.tenant_id and n.id = m.invoice_id
          left join invoice o on o.tenant_id = n.tenant_id and o.id = n.credits_invoice_id
          left join invoice_line l on l.tenant_id = m.tenant_id and l.invoice_id = m.invoice_id
                                  and l.line_id = m.line_id
         where m.kind = 'credit'
    ), compared as (
        select t.*, billed.quantity as billed, billed.amount as billed_amount, given.quantity as given_back,
               given.amount as given_amount
          from touched t
          cross join lateral (
            select coalesce(sum(quantity), 0) as quantity, coalesce(sum(amount), 0) as amount from ledger b
             where b.tenant_id = t.tenant_id and b.entry_id = t.entry_id
               and ((b.kind = 'bill' and b.invoice_id = t.of_invoice and b.line_id is not distinct from t.of_line)
                    or (b.kind = 'draw' and t.line_id is null and b.run_id = t.of_run))) billed
          cross join lateral (
            select coalesce(sum(c.quantity), 0) as quantity, coalesce(sum(c.amount), 0) as amount
              from ledger c
              join invoice n on n.tenant_id = c.tenant_id and n.id = c.invoice_id
              left join invoice_line l on l.tenant_id = c.tenant_id and l.invoice_id = c.invoice_id
                                      and l.line_id = c.line_id
             where c.tenant_id = t.tenant_id and c.entry_id = t.entry_id and c.kind = 'credit'
               and n.credits_invoice_id = t.of_invoice
               and l.credits_line_id is not distinct from t.of_line) given
    )
    select case when of_invoice is null or (line_id is not null and of_line is null)
                then format('%s line %s is no line of a credit note', invoice_id, line_id)
                else format('line %s of invoice %s billed %s (%s), credits come to %s (%s)', of_line, of_invoice,
                            billed, billed_amount, given_back, given_amount) end into broken
      from compared
     where of_invoice is null or (line_id is not null and of_line is null)
        or given_back > billed or given_amount > billed_amount limit 1;
    if broken is not null then
        raise exception 'a credited entry: %', broken
            using errcode = 'check_violation', constraint = 'credit_movement_fits';
    end if;
    return null;
end $$;
