-- 0110_cash.sql: what came in: bank statements, their entries, payments and their allocations to invoices.
--
-- The shape of the rules lives here, so that no script can get round them:
--   * a bank entry is stored once, whichever file brings it (unique by account, reference, amount, date);
--   * a bank entry is one payment at most;
--   * a payment never gives more than it is: what it paid, refunded and returned stays within its amount;
--   * an invoice never takes more than its payable amount, less what was credited: no negative open items;
--   * allocations are never changed or deleted; a mistake is taken back by a row with the amount negated.
-- Amounts of bank entries have a sign: money in is positive. Amounts of allocations are in the invoice's currency,
-- `payment_amount` is what they take from the payment in its own; the difference in the books is kept apart.

create table billing.bank_statement (
    tenant_id uuid not null,
    account text not null check (account <> ''),
    format text not null check (format in ('camt.053', 'camt.054', 'mt940', 'csv')),
    id text not null check (id <> ''),
    digest text not null,          -- of balances and entries: the same id with another digest is another content
    sequence text,
    currency text not null check (currency ~ '^[A-Z]{3}$'),
    from_date date not null,
    to_date date not null,
    opening_amount numeric,
    closing_amount numeric,
    entry_count integer not null check (entry_count >= 0),
    pending_count integer not null default 0,
    run_id uuid not null,
    stored_at timestamptz not null default now(),
    primary key (tenant_id, account, format, id, digest),
    check (from_date <= to_date)
);
create index bank_statement_by_day on billing.bank_statement (tenant_id, account, to_date);

create table billing.bank_entry (
    tenant_id uuid not null,
    id text not null,              -- digest of account, reference, amount and date
    account text not null,
    reference text not null check (reference ~ '^(bank|e2e|text):'),
    amount numeric not null,
    currency text not null check (currency ~ '^[A-Z]{3}$'),
    booking_date date not null,
    value_date date not null,
    format text not null,
    statement_id text not null,    -- the one that brought it first
    position integer not null,     -- in that statement
    end_to_end_id text,
    counterparty_name text,
    counterparty_account text,
    remittance_text text not null default '',
    body jsonb not null,           -- the whole entry
    status text not null default 'new' check (status in ('new', 'asked', 'booked', 'ignored', 'returned')),
    status_reason text,
    run_id uuid not null,
    stored_at timestamptz not null default now(),
    primary key (tenant_id, id),
    constraint bank_entry_comes_once unique (tenant_id, account, reference, amount, booking_date)
);
create index bank_entry_open on billing.bank_entry (tenant_id, booking_date) where status in ('new', 'asked');

create table billing.payment (
    tenant_id uuid not null,
    id text not null check (id <> ''),
    entry_id text,                 -- absent: not from a bank file (an offset, a write-off without money)
    date date not null,
    amount numeric not null check (amount >= 0),
    currency text not null check (currency ~ '^[A-Z]{3}$'),
    customer_id text,              -- absent: nobody knows yet whose it is
    payer_name text,
    payer_account text,
    remittance_text text not null default '',
    end_to_end_id text,
    surplus_use text not null default 'on_account' check (surplus_use in ('on_account', 'refund', 'credit')),
    match jsonb not null,          -- rule, score, explanation, policy version: why it was booked so
    run_id uuid not null,
    actor text not null,
    at timestamptz not null default now(),
    primary key (tenant_id, id),
    constraint payment_of_entry_once unique (tenant_id, entry_id),
    foreign key (tenant_id, entry_id) references billing.bank_entry (tenant_id, id)
);
create index payment_by_customer on billing.payment (tenant_id, customer_id);
create index payment_by_account on billing.payment (tenant_id, payer_account) where payer_account is not null;

create table billing.allocation (
    tenant_id uuid not null,
    payment_id text not null,
    position bigint generated always as identity, -- order; gaps mean nothing
    invoice_id text,               -- absent: money that went back (refund, return)
    kind text not null check (kind in ('payment', 'discount', 'write_off', 'withholding', 'bank_fee', 'refund',
                                       'return')),
    amount numeric not null check (amount <> 0), -- in `currency`; negative takes back
    currency text not null check (currency ~ '^[A-Z]{3}$'),
    payment_amount numeric not null,             -- of the payment, in its currency
    tax_amount numeric,            -- of a discount: the part of it that is tax
    difference_amount numeric,     -- exchange gain (+) or loss (-) in the firm's currency, booked apart
    difference_currency text check (difference_currency ~ '^[A-Z]{3}$'),
    reason text,
    run_id uuid not null,
    actor text not null,
    at timestamptz not null default now(),
    primary key (tenant_id, payment_id, position),
    foreign key (tenant_id, payment_id) references billing.payment (tenant_id, id),
    foreign key (tenant_id, invoice_id) references billing.invoice (tenant_id, id),
    check ((invoice_id is null) = (kind in ('refund', 'return'))),
    -- Money kinds take from the payment, in the same direction; the others settle without money.
    check (case when kind in ('payment', 'refund', 'return') then sign(payment_amount) = sign(amount)
                else payment_amount = 0 end),
    check ((difference_amount is null) = (difference_currency is null))
);
create index allocation_by_invoice on billing.allocation (tenant_id, invoice_id) where invoice_id is not null;

-- What payments and invoices have left. Kept by triggers alone; their checks are the rules.
create table billing.payment_balance (
    tenant_id uuid not null,
    payment_id text not null,
    amount numeric not null,
    used numeric not null default 0,
    primary key (tenant_id, payment_id),
    constraint payment_gives_what_it_is check (used >= 0 and used <= amount)
);

create table billing.invoice_balance (
    tenant_id uuid not null,
    invoice_id text not null,
    payable numeric not null,
    credited numeric not null default 0 check (credited >= 0),
    written_off numeric not null default 0 check (written_off >= 0),
    settled numeric not null default 0,
    primary key (tenant_id, invoice_id),
    constraint invoice_takes_what_is_payable check (settled >= 0 and settled <= greatest(payable, 0))
);

-- Of each payment, invoice and kind: taking back never goes below nothing.
create table billing.allocation_balance (
    tenant_id uuid not null,
    payment_id text not null,
    invoice_id text not null,      -- '' for refunds and returns
    kind text not null,
    amount numeric not null,
    payment_amount numeric not null,
    primary key (tenant_id, payment_id, invoice_id, kind),
    constraint allocation_takes_back_what_was_given check (amount >= 0 and payment_amount >= 0)
);

create function billing.payment_received() returns trigger
language plpgsql security definer set search_path = billing, pg_temp as $$
begin
    insert into payment_balance (tenant_id, payment_id, amount) select tenant_id, id, amount from received;
    return null;
end $$;
create trigger payment_received after insert on billing.payment
    referencing new table as received for each statement execute function billing.payment_received();

-- Receivables get a balance. A credit note lowers what is payable on the one invoice that it names.
create function billing.invoice_opened() returns trigger
language plpgsql security definer set search_path = billing, pg_temp as $$
begin
    insert into invoice_balance (tenant_id, invoice_id, payable)
    select tenant_id, id, payable_amount from opened where type_code <> '381'
    on conflict do nothing;
    update invoice_balance b set credited = b.credited + c.amount
      from (select i.tenant_id, i.id, sum(o.payable_amount) as amount
              from opened o
              join invoice i on i.tenant_id = o.tenant_id and i.currency = o.currency
               and (i.id = to_jsonb(o)->>'credits_invoice_id'
                    or (to_jsonb(o)->>'credits_invoice_id' is null
                        and i.number = o.body #>> '{preceding_invoices,0,number}'
                        and jsonb_array_length(o.body->'preceding_invoices') = 1))
             where o.type_code = '381'
             group by i.tenant_id, i.id) c
     where b.tenant_id = c.tenant_id and b.invoice_id = c.id;
    return null;
end $$;
create trigger invoice_opened after insert on billing.invoice
    referencing new table as opened for each statement execute function billing.invoice_opened();

-- For tables that give up claims apart from a payment (tenant_id, invoice_id, amount): attach it after insert, with
-- the new rows as `given`.
create function billing.invoice_written_off() returns trigger
language plpgsql security definer set search_path = billing, pg_temp as $$
declare
    broken text;
begin
    perform 1 from invoice_balance b where (b.tenant_id, b.invoice_id) in (select tenant_id, invoice_id from given)
      order by b.tenant_id, b.invoice_id for update;
    update invoice_balance b set written_off = b.written_off + t.amount
      from (select tenant_id, invoice_id, sum(amount) as amount from given group by 1, 2) t
     where b.tenant_id = t.tenant_id and b.invoice_id = t.invoice_id;
    select format('invoice %s: %s more is written off than was open', b.invoice_id,
                  b.settled + b.credited + b.written_off - b.payable) into broken
      from invoice_balance b
     where (b.tenant_id, b.invoice_id) in (select tenant_id, invoice_id from given)
       and b.settled + b.credited + b.written_off > b.payable limit 1;
    if broken is not null then
        raise exception '%', broken using errcode = 'check_violation', constraint = 'invoice_takes_what_is_payable';
    end if;
    return null;
end $$;

-- Applies a statement's allocations to the three balances, whose checks refuse what is not there. The rows are
-- locked in the order of their keys, so that two payments of the same invoices wait for each other and never
-- deadlock.
create function billing.allocation_apply() returns trigger
language plpgsql security definer set search_path = billing, pg_temp as $$
declare
    broken text;
begin
    perform 1 from payment_balance b
      where (b.tenant_id, b.payment_id) in (select tenant_id, payment_id from given)
      order by b.tenant_id, b.payment_id for update;
    perform 1 from invoice_balance b
      where (b.tenant_id, b.invoice_id) in (select tenant_id, invoice_id from given where invoice_id is not null)
      order by b.tenant_id, b.invoice_id for update;
    select format('payment %s is in %s, its invoice %s in %s, and the amounts taken are the other way round',
                  g.payment_id, p.currency, i.id, i.currency) into broken
      from given g join payment p on p.tenant_id = g.tenant_id and p.id = g.payment_id
      left join invoice i on i.tenant_id = g.tenant_id and i.id = g.invoice_id
     where g.currency <> coalesce(i.currency, p.currency)
        or (p.currency = g.currency and g.payment_amount not in (0, g.amount)) limit 1;
    if broken is not null then
        raise exception '%', broken using errcode = 'check_violation', constraint = 'allocation_has_the_currency';
    end if;
    select format('payment %s has %s left, %s is too much', b.payment_id, b.amount - b.used, t.amount) into broken
      from (select tenant_id, payment_id, sum(payment_amount) as amount from given group by 1, 2) t
      join payment_balance b on b.tenant_id = t.tenant_id and b.payment_id = t.payment_id
     where b.used + t.amount > b.amount limit 1;
    if broken is not null then
        raise exception '%', broken using errcode = 'check_violation', constraint = 'payment_gives_what_it_is';
    end if;
    update payment_balance b set used = b.used + t.amount
      from (select tenant_id, payment_id, sum(payment_amount) as amount from given group by 1, 2) t
     where b.tenant_id = t.tenant_id and b.payment_id = t.payment_id;
    select case when b.invoice_id is null then t.invoice_id || ' is a credit note: it takes no payment'
                else format('invoice %s has %s open, %s is too much', b.invoice_id,
                            greatest(b.payable - b.credited - b.written_off - b.settled, 0), t.amount) end
      into broken
      from (select tenant_id, invoice_id, sum(amount) as amount from given where invoice_id is not null
             group by 1, 2) t
      left join invoice_balance b on b.tenant_id = t.tenant_id and b.invoice_id = t.invoice_id
     where b.invoice_id is null or (t.amount > 0 and b.settled + t.amount > b.payable - b.credited
                                                                    - b.written_off) limit 1;
    if broken is not null then
        raise exception '%', broken using errcode = 'check_violation', constraint = 'invoice_takes_what_is_payable';
    end if;
    update invoice_balance b set settled = b.settled + t.amount
      from (select tenant_id, invoice_id, sum(amount) as amount from given where invoice_id is not null
             group by 1, 2) t
     where b.tenant_id = t.tenant_id and b.invoice_id = t.invoice_id;
    -- A row that takes back would fail its own check before it met the row that it lowers: update first.
    update allocation_balance b set amount = b.amount + t.amount, payment_amount = b.payment_amount + t.taken
      from (select tenant_id, payment_id, coalesce(invoice_id, '') as invoice_id, kind, sum(amount) as amount,
                   sum(payment_amount) as taken from given group by 1, 2, 3, 4) t
     where (b.tenant_id, b.payment_id, b.invoice_id, b.kind) = (t.tenant_id, t.payment_id, t.invoice_id, t.kind);
    insert into allocation_balance (tenant_id, payment_id, invoice_id, kind, amount, payment_amount)
    select tenant_id, payment_id, coalesce(invoice_id, ''), kind, sum(amount), sum(payment_amount) from given g
     where not exists (select 1 from allocation_balance b
                        where (b.tenant_id, b.payment_id, b.invoice_id, b.kind)
                              = (g.tenant_id, g.payment_id, coalesce(g.invoice_id, ''), g.kind))
     group by 1, 2, 3, 4;
    return null;
end $$;
create trigger allocation_apply after insert on billing.allocation
    referencing new table as given for each statement execute function billing.allocation_apply();

-- Invoices that were there before cash was.
insert into billing.invoice_balance (tenant_id, invoice_id, payable)
select tenant_id, id, payable_amount from billing.invoice where type_code <> '381';

-- --- Views: each sees what its reader may see ------------------------------------------------------------------------

-- What customers owe. Never negative: what was credited beyond what was open is the customer's credit.
create view billing.open_item with (security_invoker = true) as
select i.tenant_id, i.id as invoice_id, i.number, i.type_code, i.contract_id, i.customer_id, i.currency,
       i.issue_date, i.due_date, i.tax_exclusive_amount as net_amount, i.tax_amount, b.payable as payable_amount,
       b.credited as credited_amount, b.settled as settled_amount,
       b.written_off as written_off_amount, b.payable - b.credited - b.written_off - b.settled as open_amount,
       current_date - coalesce(i.due_date, i.issue_date) as overdue_days
  from billing.invoice i
  join billing.invoice_balance b on b.tenant_id = i.tenant_id and b.invoice_id = i.id
 where b.payable - b.credited - b.written_off - b.settled > 0;

-- Invoices that were paid and then credited: what they hold too much belongs to the customer.
create view billing.overpaid_invoice with (security_invoker = true) as
select i.tenant_id, i.id as invoice_id, i.number, i.customer_id, i.currency,
       b.settled + b.credited + b.written_off - b.payable as credit_amount
  from billing.invoice i
  join billing.invoice_balance b on b.tenant_id = i.tenant_id and b.invoice_id = i.id
 where b.payable >= 0 and b.settled + b.credited + b.written_off > b.payable and b.settled > 0;

-- Money that is ours to place: by age, oldest first when ordered by age_days.
create view billing.unapplied_cash with (security_invoker = true) as
select p.tenant_id, p.id as payment_id, p.customer_id, p.payer_name, p.payer_account, p.date, p.currency, p.amount,
       b.used as used_amount, b.amount - b.used as unapplied_amount, p.surplus_use,
       current_date - p.date as age_days,
       case when current_date - p.date <= 30 then '0-30' when current_date - p.date <= 60 then '31-60'
            when current_date - p.date <= 90 then '61-90' else '90+' end as age_bucket
  from billing.payment p
  join billing.payment_balance b on b.tenant_id = p.tenant_id and b.payment_id = p.id
 where b.amount > b.used;

-- Money that arrived and that nobody has placed yet: reminders look here before they go out.
create view billing.unmatched_entry with (security_invoker = true) as
select tenant_id, id as entry_id, account, booking_date, value_date, amount, currency, counterparty_name,
       counterparty_account, remittance_text, status, current_date - booking_date as age_days
  from billing.bank_entry where status in ('new', 'asked') and amount > 0;

-- From which accounts a customer has paid its own invoices.
create view billing.payer_account with (security_invoker = true) as
select distinct p.tenant_id, i.customer_id, p.payer_account as account
  from billing.payment p
  join billing.allocation_balance a on a.tenant_id = p.tenant_id and a.payment_id = p.id
   and a.kind = 'payment' and a.amount > 0
  join billing.invoice i on i.tenant_id = a.tenant_id and i.id = a.invoice_id
 where p.payer_account is not null;

-- Discounts taken with the tax in them, exchange differences, fees and withheld tax: what bookkeeping needs apart.
create view billing.settlement_difference with (security_invoker = true) as
select a.tenant_id, a.payment_id, a.position, a.invoice_id, p.date, a.kind,
       case when a.kind = 'payment' then a.difference_amount else a.amount end as amount,
       case when a.kind = 'payment' then a.difference_currency else a.currency end as currency,
       a.tax_amount, a.reason
  from billing.allocation a
  join billing.payment p on p.tenant_id = a.tenant_id and p.id = a.payment_id
 where a.kind in ('discount', 'write_off', 'withholding', 'bank_fee') or a.difference_amount <> 0;

do $$
declare
    opened record;
begin
    for opened in
        select * from (values
            ('billing.bank_statement', 'select, insert'),
            ('billing.bank_entry', 'select, insert, update (status, status_reason, run_id)'),
            ('billing.payment', 'select, insert'), ('billing.allocation', 'select, insert'),
            ('billing.payment_balance', 'select'), ('billing.invoice_balance', 'select'),
            ('billing.allocation_balance', 'select')) as t(name, privileges)
    loop
        execute format('alter table %s alter column tenant_id set default billow.current_tenant()', opened.name);
        perform billow.open_to_scripts(opened.name::regclass, opened.privileges);
    end loop;
end $$;
grant select on billing.open_item, billing.overpaid_invoice, billing.unapplied_cash, billing.unmatched_entry,
    billing.payer_account, billing.settlement_difference to billow_script, billow_engine;

-- The triggers work with the engine's rights: scripts have none on what they keep.
grant usage, create on schema billing to billow_engine;
alter function billing.payment_received() owner to billow_engine;
alter function billing.invoice_opened() owner to billow_engine;
alter function billing.invoice_written_off() owner to billow_engine;
alter function billing.allocation_apply() owner to billow_engine;
revoke create on schema billing from billow_engine;
