-- 0125_verify.sql: the proof that billing's books are whole: one view whose rows are what is broken.
--
-- Triggers and constraints keep these rules as rows come in. The view trusts none of them: it computes everything
-- anew from the rows that are there, so that a database from a backup, or one that somebody has written to by hand,
-- can be proved too. No row: the books are whole. `billow ledger verify` reads it.

-- Which entry a reference of an invoice's line means: what it says, and the kind of entry.
create view billing.line_reference with (security_invoker = true) as
    select i.tenant_id, i.id as invoice_id, i.number, l.value ->> 'id' as line_id,
           case r.value ->> 'type' when 'time_entry' then 'time' else r.value ->> 'type' end as kind,
           r.value ->> 'id' as ref
      from billing.invoice i
     cross join lateral jsonb_array_elements(i.body -> 'lines') l
     cross join lateral jsonb_array_elements(l.value -> 'references') r
     where r.value ->> 'type' in ('time_entry', 'expense', 'milestone');

-- What the ledger moved for a line of an invoice or credit note, by entry.
create view billing.line_movement with (security_invoker = true) as
    select m.tenant_id, m.invoice_id, m.line_id, m.entry_id, e.kind, m.kind as movement,
           case e.kind when 'milestone' then e.body -> 'event' ->> 'id' else e.body ->> 'id' end as ref,
           sum(m.quantity) as quantity, sum(m.amount) as amount
      from billing.ledger m
      join billing.entry e on e.tenant_id = m.tenant_id and e.id = m.entry_id
     where m.invoice_id is not null
     group by 1, 2, 3, 4, 5, 6, 7;

-- Numbers with what has to come before them: the one before in the same year or month, 0 at the beginning of a year
-- or month that is not the first of its series.
create view billing.number_order with (security_invoker = true) as
    select w.*, case when w.nth = 1 and w.since = min(w.since) over (partition by w.tenant_id, w.series)
                     then w.sequence - 1
                     else coalesce(lag(w.sequence) over (partition by w.tenant_id, w.series, w.since
                                                         order by w.sequence), 0) end as expected_before
      from (select u.tenant_id, u.series, u.number, u.sequence, u.date, p.since,
                   row_number() over (partition by u.tenant_id, u.series, p.since order by u.sequence) as nth
              from billow.number_used u
              join billow.number_series s on s.tenant_id = u.tenant_id and s.series = u.series
             cross join lateral (select case s.reset when 'never' then date '0001-01-01'
                                             else date_trunc(s.reset, u.date)::date end as since) p) w;

create view billing.ledger_break with (security_invoker = true) as
    -- Every entry's quantity is somewhere: nothing was created or lost.
    select e.tenant_id, 1 as rank, 'conservation' as rule, e.id as subject,
           format('the entry is %s, its states hold %s in all', e.quantity, b.held) as problem
      from billing.entry e
     cross join lateral (select coalesce(sum(l.quantity), 0) as held from billing.ledger_balance l
                          where l.tenant_id = e.tenant_id and l.entry_id = e.id) b
     where e.quantity <> b.held
    union all
    -- What a state holds is what its movements brought, less what they took away; never below nothing.
    select coalesce(b.tenant_id, m.tenant_id), 2, 'balance', coalesce(b.entry_id, m.entry_id),
           format('%s holds %s, its movements come to %s', coalesce(b.state, m.state), coalesce(b.quantity, 0),
                  coalesce(m.quantity, 0))
      from billing.ledger_balance b
      full join (select s.tenant_id, s.entry_id, s.state, sum(s.quantity) as quantity
                   from (select tenant_id, entry_id, to_state as state, quantity from billing.ledger
                          where to_state is not null
                         union all
                         select tenant_id, entry_id, from_state, -quantity from billing.ledger
                          where from_state is not null) s
                  group by s.tenant_id, s.entry_id, s.state) m
        on m.tenant_id = b.tenant_id and m.entry_id = b.entry_id and m.state = b.state
     where coalesce(b.quantity, 0) <> coalesce(m.quantity, 0) or b.quantity < 0
    union all
    -- What is billed now is what was billed or drawn, less what was credited.
    select m.tenant_id, 3, 'billed', m.entry_id,
           format('%s was billed and %s credited, yet %s is billed', m.billed, m.credited, coalesce(b.quantity, 0))
      from (select tenant_id, entry_id, coalesce(sum(quantity) filter (where kind in ('bill', 'draw')), 0) as billed,
                   coalesce(sum(quantity) filter (where kind = 'credit'), 0) as credited
              from billing.ledger group by tenant_id, entry_id) m
      left join billing.ledger_balance b
        on b.tenant_id = m.tenant_id and b.entry_id = m.entry_id and b.state = 'billed'
     where m.billed - m.credited <> coalesce(b.quantity, 0)
    union all
    -- A movement that names an invoice, and a line of it, names one that there is.
    select m.tenant_id, 4, 'movement', m.entry_id,
           format('a movement (%s) names line %s of %s, which is not there', m.movement, coalesce(m.line_id, '-'),
                  m.invoice_id)
      from billing.line_movement m
     where not exists (select from billing.invoice i where i.tenant_id = m.tenant_id and i.id = m.invoice_id)
        or (m.line_id is not null
            and not exists (select from billing.invoice_line l
                             where l.tenant_id = m.tenant_id and l.invoice_id = m.invoice_id
                               and l.line_id = m.line_id))
    union all
    -- The entries that a line refers to are those that the ledger moved for it. A credit over less than one unit of
    -- an entry (a second, a cent) names the entry and moves nothing of it.
    select coalesce(r.tenant_id, m.tenant_id), 5, 'reference', coalesce(r.invoice_id, m.invoice_id),
           case when m.ref is null
                then format('line %s refers to %s %s, which the ledger did not move for it', r.line_id, r.kind, r.ref)
                else format('the ledger moved %s %s for line %s, which does not refer to it', m.kind, m.ref,
                            m.line_id) end
      from (select distinct * from billing.line_reference) r
      full join (select distinct tenant_id, invoice_id, line_id, kind, ref from billing.line_movement
                  where line_id is not null and movement in ('bill', 'credit')) m
        on m.tenant_id = r.tenant_id and m.invoice_id = r.invoice_id and m.line_id = r.line_id
       and m.kind = r.kind and m.ref = r.ref
     where r.ref is null
        or (m.ref is null and not exists (select from billing.invoice i
                                           where i.tenant_id = r.tenant_id and i.id = r.invoice_id
                                             and i.type_code = '381'))
    union all
    -- What the ledger billed of the entries on a line comes to the line's net amount.
    select l.tenant_id, 6, 'line amount', l.invoice_id,
           format('line %s is over %s, the ledger billed %s of its entries', l.line_id, l.net_amount, m.amount)
      from billing.invoice_line l
      join (select tenant_id, invoice_id, line_id, sum(amount) as amount from billing.line_movement
             where movement = 'bill' and line_id is not null group by tenant_id, invoice_id, line_id) m
        on m.tenant_id = l.tenant_id and m.invoice_id = l.invoice_id and m.line_id = l.line_id
     where m.amount <> l.net_amount
    union all
    -- Credits give back no more of an entry than the line billed of it.
    select c.tenant_id, 7, 'credit', c.entry_id,
           format('line %s of %s billed %s of it, credits come to %s', c.credits_line_id, c.credits_invoice_id,
                  coalesce(b.quantity, 0), c.quantity)
      from (select m.tenant_id, m.entry_id, n.credits_invoice_id, n.credits_line_id, sum(m.quantity) as quantity,
                   sum(m.amount) as amount
              from billing.line_movement m
              join billing.invoice_line n on n.tenant_id = m.tenant_id and n.invoice_id = m.invoice_id
                                         and n.line_id = m.line_id
             where m.movement = 'credit' group by 1, 2, 3, 4) c
      left join billing.line_movement b
        on b.tenant_id = c.tenant_id and b.entry_id = c.entry_id and b.invoice_id = c.credits_invoice_id
       and b.line_id = c.credits_line_id and b.movement = 'bill'
     where c.quantity > coalesce(b.quantity, 0) or c.amount > coalesce(b.amount, 0)
    union all
    -- The rows of an invoice, the document that was sent, and its totals say the same.
    select i.tenant_id, 8, 'document', i.id,
           format('its document has %s lines over %s, the rows are %s over %s, its total says %s', d.count, d.net,
                  l.count, l.net, i.line_extension_amount)
      from billing.invoice i
     cross join lateral (select count(*) as count, coalesce(sum((v ->> 'net_amount')::numeric), 0) as net
                           from jsonb_array_elements(i.body -> 'lines') v) d
     cross join lateral (select count(*) as count, coalesce(sum(x.net_amount), 0) as net from billing.invoice_line x
                          where x.tenant_id = i.tenant_id and x.invoice_id = i.id) l
     where d.count <> l.count or d.net <> l.net or l.net <> i.line_extension_amount
    union all
    select i.tenant_id, 9, 'total', i.id,
           format('net %s, tax %s, to pay %s: its tax groups come to %s net and %s tax, its document says %s to pay',
                  i.tax_exclusive_amount, i.tax_amount, i.payable_amount, g.net, g.tax,
                  i.body -> 'totals' ->> 'payable_amount')
      from billing.invoice i
     cross join lateral (select coalesce(sum(t.net), 0) as net, coalesce(sum(t.tax), 0) as tax
                           from billing.tax_groups(i.body) t) g
     cross join lateral jsonb_to_record(i.body -> 'totals') as t(
           line_extension_amount numeric, allowance_total_amount numeric, charge_total_amount numeric,
           tax_exclusive_amount numeric, tax_amount numeric, tax_inclusive_amount numeric, prepaid_amount numeric,
           payable_rounding_amount numeric, payable_amount numeric)
     where i.tax_exclusive_amount <> i.line_extension_amount - i.allowance_total_amount + i.charge_total_amount
        or g.net <> i.tax_exclusive_amount or g.tax <> i.tax_amount
        or (t.tax_exclusive_amount, t.tax_amount, t.payable_amount)
           is distinct from (i.tax_exclusive_amount, i.tax_amount, i.payable_amount)
        or t.tax_inclusive_amount <> t.tax_exclusive_amount + t.tax_amount
        or t.payable_amount <> t.tax_inclusive_amount - coalesce(t.prepaid_amount, 0)
                             + coalesce(t.payable_rounding_amount, 0)
    union all
    -- Numbers of a series follow one another without a gap, and start again at 1.
    select tenant_id, 10, 'number', number,
           format('series %s: %s comes after %s: %s missing', series, sequence, expected_before,
                  sequence - expected_before - 1)
      from billing.number_order where sequence <> expected_before + 1
    union all
    select s.tenant_id, 10, 'number', s.series,
           format('series %s: its next number is %s, its last one was %s', s.series, s.next, u.sequence)
      from billow.number_series s
      join lateral (select x.sequence, x.date from billow.number_used x
                     where x.tenant_id = s.tenant_id and x.series = s.series
                     order by x.date desc, x.sequence desc limit 1) u on true
     where s.next <> u.sequence + 1 or s.last_date is distinct from u.date
    union all
    -- Every invoice has a number of its series, and each number of a series that has invoices has its invoice.
    select i.tenant_id, 11, 'numbering', i.number,
           format('invoice %s has it, series %s did not give it', i.id, i.series)
      from billing.invoice i
     where not exists (select from billow.number_used u
                        where u.tenant_id = i.tenant_id and u.series = i.series and u.number = i.number)
    union all
    select u.tenant_id, 11, 'numbering', u.number,
           format('series %s gave it on %s, and there is no invoice with it', u.series, u.date)
      from billow.number_used u
     where exists (select from billing.invoice i where i.tenant_id = u.tenant_id and i.series = u.series)
       and not exists (select from billing.invoice i
                        where i.tenant_id = u.tenant_id and i.series = u.series and i.number = u.number);

grant select on billow.number_used to billow_script;
grant select on billing.line_reference, billing.line_movement, billing.number_order, billing.ledger_break
    to billow_script, billow_engine;
