-- 0120_receivables.sql: the life of an invoice after it is sent: credits, disputes, reminders, interest, write-offs.
--
--   * a credit note is an invoice of type 381 that names the invoice and, line by line, the lines it credits; per
--     line, per tax group and in all, credits never exceed the invoice: checked at commit, under a lock of the
--     credited invoice, so that two notes at once cannot pass each other;
--   * its ledger movements (kind credit) give back at most what the credited line billed of an entry;
--   * a reminder of one level goes out once per invoice: that is dunning_step's key;
--   * disputes are append-only steps through a fixed chain of states; what is disputed never exceeds the invoice;
--   * what an invoice owes is one view, billing.receivable; nobody writes off more than that.
-- Amounts: in the invoice's currency, with tax where they concern what is payable.

alter table billing.invoice add column credits_invoice_id text;
alter table billing.invoice add constraint credit_note_credits_an_invoice
    check ((type_code = '381') = (credits_invoice_id is not null));
alter table billing.invoice add foreign key (tenant_id, credits_invoice_id)
    references billing.invoice (tenant_id, id);
create index invoice_credits on billing.invoice (tenant_id, credits_invoice_id) where credits_invoice_id is not null;
create index invoice_by_customer on billing.invoice (tenant_id, customer_id, issue_date);

alter table billing.invoice_line add column credits_invoice_id text;
alter table billing.invoice_line add column credits_line_id text;
alter table billing.invoice_line add check ((credits_invoice_id is null) = (credits_line_id is null));
alter table billing.invoice_line add foreign key (tenant_id, credits_invoice_id, credits_line_id)
    references billing.invoice_line (tenant_id, invoice_id, line_id);
create index invoice_line_credits on billing.invoice_line (tenant_id, credits_invoice_id, credits_line_id)
    where credits_invoice_id is not null;

-- A document that stands for others: the invoice made anew after a credit, the invoice for interest.
alter table billing.invoice add column replaces_invoice_id text;
alter table billing.invoice add foreign key (tenant_id, replaces_invoice_id)
    references billing.invoice (tenant_id, id);

-- Locks the credited invoice before a note is stored: the next note of it waits and then sees this one.
create function billing.credit_locks_invoice() returns trigger
language plpgsql security definer set search_path = billing, pg_temp as $$
declare
    credited invoice;
begin
    select * into credited from invoice i
     where i.tenant_id = new.tenant_id and i.id = new.credits_invoice_id for no key update;
    if not found then
        raise exception 'credit note %: there is no invoice %', new.id, new.credits_invoice_id
            using errcode = 'foreign_key_violation';
    elsif credited.type_code = '381' then
        raise exception 'credit note %: % is a credit note itself', new.id, credited.number
            using errcode = 'check_violation', constraint = 'credit_stays_within_invoice';
    elsif (credited.customer_id, credited.contract_id, credited.currency)
          is distinct from (new.customer_id, new.contract_id, new.currency) then
        raise exception 'credit note %: customer, contract and currency are not those of invoice %', new.id,
            credited.number using errcode = 'check_violation', constraint = 'credit_stays_within_invoice';
    end if;
    return new;
end $$;
create trigger credit_locks_invoice before insert on billing.invoice
    for each row when (new.credits_invoice_id is not null) execute function billing.credit_locks_invoice();

-- The tax groups of a document as rows.
create function billing.tax_groups(p_body jsonb)
returns table (category text, percent numeric, net numeric, tax numeric)
language sql immutable as $$
    select g.category_code, g.percent, g.taxable_amount, g.tax_amount
      from jsonb_to_recordset(p_body -> 'tax_breakdown')
           as g(category_code text, percent numeric, taxable_amount numeric, tax_amount numeric)
$$;

-- At commit: what is wrong with the credits of an invoice, or null.
create function billing.credit_excess(p_tenant uuid, p_invoice text) returns text
language plpgsql stable security definer set search_path = billing, pg_temp as $$
declare
    broken text;
begin
    select format('line %s has %s, credits of it come to %s', l.line_id, l.net_amount, c.net) into broken
      from invoice_line l
      join (select credits_line_id, sum(net_amount) as net from invoice_line
             where tenant_id = p_tenant and credits_invoice_id = p_invoice group by 1) c
        on c.credits_line_id = l.line_id
     where l.tenant_id = p_tenant and l.invoice_id = p_invoice
       and not (c.net between least(l.net_amount, 0) and greatest(l.net_amount, 0)) limit 1;
    if broken is null then
        select format('tax group %s %s has %s and %s tax, credits of it come to %s and %s', c.category, c.percent,
                      g.net, g.tax, c.net, c.tax) into broken
          from (select t.category, t.percent, sum(t.net) as net, sum(t.tax) as tax
                  from invoice n cross join lateral tax_groups(n.body) t
                 where n.tenant_id = p_tenant and n.credits_invoice_id = p_invoice group by 1, 2) c
          left join (select t.* from invoice i cross join lateral tax_groups(i.body) t
                      where i.tenant_id = p_tenant and i.id = p_invoice) g
            on g.category = c.category and g.percent is not distinct from c.percent
         where g.net is null or c.net > g.net or c.tax > g.tax or c.net < 0 or c.tax < 0 limit 1;
    end if;
    if broken is null then
        select format('it is over %s, credits come to %s', i.payable_amount, sum(n.payable_amount)) into broken
          from invoice i join invoice n on n.tenant_id = i.tenant_id and n.credits_invoice_id = i.id
         where i.tenant_id = p_tenant and i.id = p_invoice
         group by i.payable_amount having sum(n.payable_amount) > i.payable_amount;
    end if;
    return broken;
end $$;

create function billing.credit_stays_within_invoice() returns trigger
language plpgsql security definer set search_path = billing, pg_temp as $$
declare
    broken text := credit_excess(new.tenant_id, new.credits_invoice_id);
begin
    if broken is null then
        select format('line %s credits no line of it', l.line_id) into broken from invoice_line l
         where l.tenant_id = new.tenant_id and l.invoice_id = new.id
           and l.credits_invoice_id is distinct from new.credits_invoice_id limit 1;
    end if;
    if broken is null and (select coalesce(sum(t.tax), 0) from tax_groups(new.body) t) <> new.tax_amount then
        broken := format('its tax groups do not add up to its tax %s', new.tax_amount);
    end if;
    if broken is not null then
        raise exception 'credit note % of invoice %: %', new.number, new.credits_invoice_id, broken
            using errcode = 'check_violation', constraint = 'credit_stays_within_invoice';
    end if;
    return null;
end $$;
create constraint trigger credit_stays_within_invoice after insert on billing.invoice
    deferrable initially deferred for each row when (new.credits_invoice_id is not null)
    execute function billing.credit_stays_within_invoice();

-- A credit movement belongs to a line of a credit note, and gives back no more of the entry than the credited line
-- billed of it. Usage events are billed by the invoice as a whole: their movements name no line.
create function billing.credit_movement_fits() returns trigger
language plpgsql security definer set search_path = billing, pg_temp as $$
declare
    broken text;
begin
    with touched as (
        select distinct m.tenant_id, m.entry_id, m.invoice_id, m.line_id, n.credits_invoice_id as of_invoice,
               l.credits_line_id as of_line
          from moved m
          left join invoice n on n.tenant_id = m.tenant_id and n.id = m.invoice_id
          left join invoice_line l on l.tenant_id = m.tenant_id and l.invoice_id = m.invoice_id
                                  and l.line_id = m.line_id
         where m.kind = 'credit'
    ), compared as (
        select t.*, billed.quantity as billed, billed.amount as billed_amount, given.quantity as given_back,
               given.amount as given_amount
          from touched t
          cross join lateral (
            select coalesce(sum(quantity), 0) as quantity, coalesce(sum(amount), 0) as amount from ledger b
             where b.tenant_id = t.tenant_id and b.entry_id = t.entry_id and b.kind = 'bill'
               and b.invoice_id = t.of_invoice and b.line_id is not distinct from t.of_line) billed
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
create trigger credit_movement_fits after insert on billing.ledger
    referencing new table as moved for each statement execute function billing.credit_movement_fits();

-- --- Disputes ------------------------------------------------------------------------------------------------------

create table billing.dispute (
    tenant_id uuid not null,
    id text not null,              -- the run that handles it
    invoice_id text not null,
    line_id text,
    entry_id text,
    amount numeric not null check (amount > 0), -- with tax: the part of the invoice that is not dunned
    currency text not null,
    reason_code text not null,
    note text,
    owner text not null,
    raised_by text not null,
    raised_on date not null,
    answer_by date not null,       -- the service level, in business days
    run_id uuid not null,
    primary key (tenant_id, id),
    foreign key (tenant_id, invoice_id) references billing.invoice (tenant_id, id),
    check (entry_id is null or line_id is not null)
);
create index dispute_by_invoice on billing.dispute (tenant_id, invoice_id);

create table billing.dispute_step (
    tenant_id uuid not null,
    dispute_id text not null,
    position integer not null check (position > 0),
    state text not null check (state in ('raised', 'acknowledged', 'investigating', 'accepted', 'partly', 'rejected',
                                         'withdrawn', 'closed')),
    accepted_amount numeric check (accepted_amount > 0),
    credit_note_id text,
    evidence text,
    note text,
    actor text not null,
    at timestamptz not null default now(),
    run_id uuid not null,
    primary key (tenant_id, dispute_id, position),
    foreign key (tenant_id, dispute_id) references billing.dispute (tenant_id, id),
    foreign key (tenant_id, credit_note_id) references billing.invoice (tenant_id, id),
    check (state not in ('accepted', 'partly') or accepted_amount is not null),
    check (state <> 'rejected' or evidence is not null) -- nobody is turned away without a reason on file
);

-- The state of a dispute is its last step.
create view billing.dispute_state with (security_invoker = true) as
    select d.*, s.state, s.position, s.at as state_at,
           (select max(a.accepted_amount) from billing.dispute_step a
             where a.tenant_id = d.tenant_id and a.dispute_id = d.id) as accepted_amount,
           s.state not in ('rejected', 'withdrawn', 'closed') as is_open
      from billing.dispute d
      join lateral (select * from billing.dispute_step x
                     where x.tenant_id = d.tenant_id and x.dispute_id = d.id
                     order by x.position desc limit 1) s on true;

create function billing.dispute_fits() returns trigger
language plpgsql security definer set search_path = billing, pg_temp as $$
declare
    owed numeric;
    disputed numeric;
begin
    select payable_amount into owed from invoice
     where tenant_id = new.tenant_id and id = new.invoice_id for no key update;
    select coalesce(sum(d.amount), 0) into disputed from dispute d
     where d.tenant_id = new.tenant_id and d.invoice_id = new.invoice_id
       and not exists (select 1 from dispute_step s where s.tenant_id = d.tenant_id and s.dispute_id = d.id
                          and s.state in ('rejected', 'withdrawn', 'closed'));
    if disputed > owed then
        raise exception 'dispute %: invoice % is over %, disputes come to %', new.id, new.invoice_id, owed, disputed
            using errcode = 'check_violation', constraint = 'dispute_fits';
    end if;
    return null;
end $$;
create trigger dispute_fits after insert on billing.dispute
    for each row execute function billing.dispute_fits();

create function billing.dispute_step_follows() returns trigger
language plpgsql security definer set search_path = billing, pg_temp as $$
declare
    before text;
    last_position integer;
begin
    perform 1 from dispute d where d.tenant_id = new.tenant_id and d.id = new.dispute_id for no key update;
    select state, position into before, last_position from dispute_step s
     where s.tenant_id = new.tenant_id and s.dispute_id = new.dispute_id order by position desc limit 1;
    if coalesce(last_position, 0) + 1 <> new.position
       or not (coalesce(before, '') || '>' || new.state = any (array['>raised',
               'raised>acknowledged', 'acknowledged>investigating', 'raised>withdrawn', 'acknowledged>withdrawn',
               'investigating>withdrawn', 'investigating>accepted', 'investigating>partly', 'investigating>rejected',
               'accepted>closed', 'partly>closed'])) then
        raise exception 'dispute %: % does not follow %', new.dispute_id, new.state, coalesce(before, 'nothing')
            using errcode = 'check_violation', constraint = 'dispute_step_follows';
    end if;
    return new;
end $$;
create trigger dispute_step_follows before insert on billing.dispute_step
    for each row execute function billing.dispute_step_follows();

-- --- Reminders -----------------------------------------------------------------------------------------------------

create table billing.dunning_step (
    tenant_id uuid not null,
    invoice_id text not null,
    level integer not null check (level > 0),
    sent_on date not null,
    channel text not null,
    language text not null,
    open_amount numeric not null,
    disputed_amount numeric not null default 0,
    fee numeric not null default 0 check (fee >= 0),
    interest numeric not null default 0 check (interest >= 0),
    message jsonb not null,
    run_id uuid not null,
    at timestamptz not null default now(),
    primary key (tenant_id, invoice_id, level), -- once per level
    foreign key (tenant_id, invoice_id) references billing.invoice (tenant_id, id)
);

-- Attempts to deliver a reminder; the first is recorded with the step.
create table billing.dunning_attempt (
    tenant_id uuid not null,
    invoice_id text not null,
    level integer not null,
    attempt integer not null check (attempt > 0),
    status text not null check (status in ('sent', 'failed')),
    reason text,
    run_id uuid not null,
    at timestamptz not null default now(),
    primary key (tenant_id, invoice_id, level, attempt, status),
    foreign key (tenant_id, invoice_id, level) references billing.dunning_step (tenant_id, invoice_id, level)
);

-- What keeps reminders back: a promise to pay, a flag on the customer, a legal hold. invoice_id null: all of the
-- customer's invoices.
create table billing.dunning_hold (
    tenant_id uuid not null,
    id text not null,
    customer_id text not null,
    invoice_id text,
    kind text not null check (kind in ('promise', 'flag', 'legal')),
    from_date date not null,
    until_date date check (until_date >= from_date), -- both days included; null: until it is lifted
    amount numeric check (amount > 0),
    note text,
    actor text not null,
    lifted_on date,
    lifted_by text,
    at timestamptz not null default now(),
    primary key (tenant_id, id),
    foreign key (tenant_id, invoice_id) references billing.invoice (tenant_id, id),
    check ((lifted_on is null) = (lifted_by is null)),
    check (kind <> 'promise' or (until_date is not null and invoice_id is not null))
);
create index dunning_hold_by_customer on billing.dunning_hold (tenant_id, customer_id);

-- --- Interest and write-offs ---------------------------------------------------------------------------------------

-- Interest claimed for a stretch of days; stretches of one invoice do not overlap.
create table billing.interest_charge (
    tenant_id uuid not null,
    invoice_id text not null,
    from_date date not null,
    until_date date not null,
    amount numeric not null check (amount >= 0),
    compensation numeric not null default 0 check (compensation >= 0),
    currency text not null,
    basis jsonb not null,          -- amounts, rates and days behind it
    interest_invoice_id text,
    run_id uuid not null,
    at timestamptz not null default now(),
    primary key (tenant_id, invoice_id, from_date),
    foreign key (tenant_id, invoice_id) references billing.invoice (tenant_id, id),
    foreign key (tenant_id, interest_invoice_id) references billing.invoice (tenant_id, id),
    check (from_date <= until_date)
);
create function billing.interest_does_not_overlap() returns trigger
language plpgsql security definer set search_path = billing, pg_temp as $$
begin
    perform 1 from invoice i where i.tenant_id = new.tenant_id and i.id = new.invoice_id for no key update;
    if exists (select 1 from interest_charge c where c.tenant_id = new.tenant_id and c.invoice_id = new.invoice_id
                  and c.from_date <= new.until_date and new.from_date <= c.until_date) then
        raise exception 'invoice %: interest for some days from % to % is charged already', new.invoice_id,
            new.from_date, new.until_date using errcode = 'check_violation', constraint = 'interest_does_not_overlap';
    end if;
    return new;
end $$;
create trigger interest_does_not_overlap before insert on billing.interest_charge
    for each row execute function billing.interest_does_not_overlap();

create table billing.write_off (
    tenant_id uuid not null,
    id text not null,
    invoice_id text not null,
    amount numeric not null check (amount > 0), -- with tax
    currency text not null,
    reason_code text not null check (reason_code <> ''),
    note text,
    is_tax_relief boolean not null default false, -- the tax in it is claimed back as that of a bad debt
    tax_amount numeric not null default 0 check (tax_amount >= 0),
    written_off_on date not null,
    approved_by text not null,     -- nothing is written off that nobody decided
    roles text not null,           -- in which the policy let them
    run_id uuid not null,
    at timestamptz not null default now(),
    primary key (tenant_id, id),
    foreign key (tenant_id, invoice_id) references billing.invoice (tenant_id, id)
);
create index write_off_by_invoice on billing.write_off (tenant_id, invoice_id);

-- --- What is owed --------------------------------------------------------------------------------------------------

-- Every invoice with what became of it. open_amount = payable - credits - settled by payments - write-offs; below 0
-- the firm owes. Cash (0110_cash.sql) keeps the balance.
create view billing.receivable with (security_invoker = true) as
    select i.tenant_id, i.id as invoice_id, i.number, i.type_code, i.contract_id, i.customer_id, i.period, i.currency,
           i.issue_date, i.due_date, i.payable_amount, b.credited as credited_amount, b.settled as settled_amount,
           b.written_off as written_off_amount, least(d.amount, greatest(o.amount, 0)) as disputed_amount,
           o.amount as open_amount
      from billing.invoice i
      join billing.invoice_balance b on b.tenant_id = i.tenant_id and b.invoice_id = i.id
      cross join lateral (select coalesce(sum(s.amount), 0) as amount from billing.dispute_state s
                           where s.tenant_id = i.tenant_id and s.invoice_id = i.id and s.is_open) d
      cross join lateral (select b.payable - b.credited - b.settled - b.written_off as amount) o
     where i.type_code <> '381';

-- What is written off was owed, and is owed no more.
create trigger write_off_applied after insert on billing.write_off
    referencing new table as given for each statement execute function billing.invoice_written_off();

-- Where billed money and worked time went: billed, credited, written down before billing, written off after (K3, Q1).
create view billing.realisation with (security_invoker = true) as
    select i.tenant_id, i.contract_id, i.customer_id, i.currency, i.issue_date as on_date,
           case when i.type_code = '381' then 'credited' else 'billed' end as kind, null::text as reason_code,
           i.tax_exclusive_amount as amount
      from billing.invoice i
    union all
    select w.tenant_id, i.contract_id, i.customer_id, w.currency, w.written_off_on, 'write_off', w.reason_code, w.amount
      from billing.write_off w join billing.invoice i on i.tenant_id = w.tenant_id and i.id = w.invoice_id
    union all
    select a.tenant_id, i.contract_id, i.customer_id, a.currency, p.date, 'write_off', a.reason, a.amount
      from billing.allocation a join billing.invoice i on i.tenant_id = a.tenant_id and i.id = a.invoice_id
      join billing.payment p on p.tenant_id = a.tenant_id and p.id = a.payment_id
     where a.kind = 'write_off'
    union all
    select l.tenant_id, e.contract_id, null, l.currency, l.at::date, 'write_down', l.reason, l.amount
      from billing.ledger l join billing.entry e on e.tenant_id = l.tenant_id and e.id = l.entry_id
     where l.kind in ('write_down', 'write_off') and l.amount is not null;

-- Scripts: what has happened is only added to; a hold can be lifted.
do $$
declare
    name text;
begin
    foreach name in array array['dispute', 'dispute_step', 'dunning_step', 'dunning_attempt', 'dunning_hold',
                                'interest_charge', 'write_off'] loop
        execute format('alter table billing.%I alter column tenant_id set default billow.current_tenant()', name);
        perform billow.open_to_scripts(format('billing.%I', name)::regclass, 'select, insert');
    end loop;
    foreach name in array array['receivable', 'dispute_state', 'realisation'] loop
        execute format('grant select on billing.%I to billow_script, billow_engine', name);
    end loop;
end $$;
grant update (lifted_on, lifted_by) on billing.dunning_hold to billow_script;

-- The triggers work with the engine's rights.
grant create on schema billing to billow_engine;
do $$
declare
    name text;
begin
    foreach name in array array['credit_locks_invoice()', 'credit_excess(uuid, text)', 'credit_stays_within_invoice()',
                                'credit_movement_fits()', 'dispute_fits()', 'dispute_step_follows()',
                                'interest_does_not_overlap()'] loop
        execute format('alter function billing.%s owner to billow_engine', name);
    end loop;
end $$;
revoke create on schema billing from billow_engine;
