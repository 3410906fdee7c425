-- 0100_billing.sql: what billing keeps: documents, entries, the entry ledger, invoices, exceptions.
--
-- The shape of the rules lives here, so that no script can get round them:
--   * an entry's quantity is always somewhere: the ledger moves it between states, never creates or loses any
--     (ledger_balance.quantity >= 0, kept by a trigger that scripts cannot reach);
--   * an entry is billed once: billing moves quantity out of `claimed`, which holds only what one run claimed;
--   * an issued invoice never changes (scripts may insert and read, not update or delete), its number is unique,
--     and its lines, allowances and taxes add up at commit.
-- Quantities: seconds for time, the amount for expenses, 1 for milestones, the event for usage.

create schema billing;

-- Firm, customers, contracts, rate cards, opening: versions of JSON documents; the newest version is in force.
create table billing.document (
    tenant_id uuid not null,
    kind text not null check (kind in ('firm', 'customer', 'contract', 'rate_card', 'opening')),
    id text not null check (id <> ''),
    version integer not null check (version > 0),
    body jsonb not null,
    digest text not null,
    stored_at timestamptz not null default now(),
    primary key (tenant_id, kind, id, version)
);

-- One row per thing that may be billed, as normalised from its source.
create table billing.entry (
    tenant_id uuid not null,
    id text not null,              -- import set + "/" + the id within it, for example 2026-10/harvest-time:17
    kind text not null check (kind in ('time', 'expense', 'milestone', 'usage')),
    source text not null,
    source_rank smallint not null, -- source order of files
    sequence bigint not null,      -- record number in the file
    version integer not null default 1,
    digest text not null,          -- of the normalised body: same again is no change
    entry_date date,
    person text,
    project_code text not null default '',
    project_name text not null default '',
    contract_id text,              -- set by the source (milestones), or by a transfer; else found by project
    subject text,                  -- usage: whose it is
    dup_key text,                  -- equal keys are the same entry reported twice; null = never a duplicate
    quantity numeric not null check (quantity >= 0),
    unit text not null check (unit in ('second', 'amount', 'event')),
    invalid text,                  -- why the row cannot be used: it takes part in nothing else
    body jsonb not null,
    imported_by uuid not null,     -- the run
    imported_at timestamptz not null default now(),
    primary key (tenant_id, id)
);
create index entry_by_project on billing.entry (tenant_id, kind, project_code, entry_date);
create index entry_by_person_day on billing.entry (tenant_id, person, entry_date);
create index entry_by_subject on billing.entry (tenant_id, subject, entry_date) where subject is not null;
create index entry_by_dup_key on billing.entry (tenant_id, dup_key) where kind = 'usage';
create index entry_by_contract on billing.entry (tenant_id, contract_id) where contract_id is not null;

-- Earlier versions of entries that were edited at the source.
create table billing.entry_version (
    tenant_id uuid not null,
    id text not null,
    version integer not null,
    digest text not null,
    body jsonb not null,
    replaced_at timestamptz not null default now(),
    primary key (tenant_id, id, version)
);

create table billing.invoice (
    tenant_id uuid not null,
    id text not null,              -- contract/customer/period/type code
    number text not null,
    series text not null,
    type_code text not null check (type_code in ('380', '381', '384', '386')),
    contract_id text not null,
    customer_id text not null,
    period text not null,
    currency text not null check (currency ~ '^[A-Z]{3}$'),
    issue_date date not null,
    due_date date,
    line_extension_amount numeric not null,
    allowance_total_amount numeric not null,
    charge_total_amount numeric not null,
    tax_exclusive_amount numeric not null,
    tax_amount numeric not null,
    payable_amount numeric not null,
    run_id uuid not null,
    approved_by text not null,   -- nothing is issued that nobody approved
    approval_digest text not null,
    body jsonb not null,           -- the canonical invoice object
    html text,
    issued_at timestamptz not null default now(),
    primary key (tenant_id, id),
    unique (tenant_id, number),
    check (tax_exclusive_amount = line_extension_amount - allowance_total_amount + charge_total_amount)
);

create table billing.invoice_line (
    tenant_id uuid not null,
    invoice_id text not null,
    line_id text not null,
    component text not null,
    description_key text not null,
    quantity numeric not null,
    unit_code text not null,
    unit_price numeric not null,
    net_amount numeric not null,
    tax_code text,
    tax_category text not null,
    tax_percent numeric,
    primary key (tenant_id, invoice_id, line_id),
    foreign key (tenant_id, invoice_id) references billing.invoice (tenant_id, id) deferrable initially deferred
);

-- The entry ledger: append-only movements of an entry's quantity between states.
create table billing.ledger (
    tenant_id uuid not null,
    entry_id text not null,
    position bigint generated always as identity, -- order of movements; gaps mean nothing
    kind text not null check (kind in ('receive', 'claim', 'release', 'bill', 'draw', 'credit', 'hold',
                                       'write_off', 'write_down', 'exclude', 'transfer', 'adjust')),
    from_state text,
    to_state text,
    quantity numeric not null check (quantity >= 0),
    amount numeric,                -- money that this movement stands for, in `currency`
    currency text,
    invoice_id text,
    line_id text,
    run_id uuid not null,
    reason text,
    actor text not null,
    at timestamptz not null default now(),
    primary key (tenant_id, entry_id, position),
    foreign key (tenant_id, entry_id) references billing.entry (tenant_id, id),
    check (from_state is distinct from to_state),
    check (kind <> 'claim' or (from_state in ('open', 'held') and to_state = 'claimed')),
    check (kind <> 'bill' or (from_state = 'claimed' and to_state = 'billed' and invoice_id is not null)),
    check (kind <> 'draw' or (from_state = 'claimed' and to_state = 'billed')), -- on a retainer
    check (kind <> 'credit' or (from_state = 'billed' and invoice_id is not null)),
    check (from_state is not null or kind in ('receive', 'adjust')),
    check (to_state is not null or kind = 'adjust')
);
create index ledger_by_invoice on billing.ledger (tenant_id, invoice_id) where invoice_id is not null;

-- What of each entry is in which state now. Kept by the trigger alone.
create table billing.ledger_balance (
    tenant_id uuid not null,
    entry_id text not null,
    state text not null check (state in ('open', 'claimed', 'billed', 'held', 'written_off', 'excluded', 'moved')),
    quantity numeric not null,
    run_id uuid,                   -- claimed: by whom
    reason text,
    primary key (tenant_id, entry_id, state),
    constraint nothing_is_billed_twice check (quantity >= 0)
);
create index ledger_claims on billing.ledger_balance (tenant_id, run_id) where state = 'claimed' and quantity > 0;

create table billing.exception (
    tenant_id uuid not null,
    period text not null,
    code text not null,
    ref text not null,
    contract_id text,
    level text not null check (level in ('entry', 'invoice', 'contract')),
    message text,
    details jsonb,
    run_id uuid not null,
    at timestamptz not null default now(),
    primary key (tenant_id, period, code, ref)
);

-- What a contract's period left behind: the opening of the next one.
create table billing.closing (
    tenant_id uuid not null,
    contract_id text not null,
    period text not null,
    body jsonb not null,
    run_id uuid not null,
    at timestamptz not null default now(),
    primary key (tenant_id, contract_id, period)
);

-- Applies a statement's movements to the balances. Runs as the owner, so that scripts need no right on
-- ledger_balance; its check constraint is what refuses to bill, claim or release what is not there.
-- The plans are kept for a session's life and may have been made when the tables were empty: only index scans are
-- right for every size.
create function billing.ledger_apply() returns trigger
language plpgsql security definer set search_path = billing, pg_temp
set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off as $$
declare
    broken text;
begin
    with taken as (
        select tenant_id, entry_id, from_state, run_id, sum(quantity) as quantity
          from moved where from_state is not null group by 1, 2, 3, 4
    ), done as (
        update ledger_balance b set quantity = b.quantity - t.quantity
          from taken t
         where b.tenant_id = t.tenant_id and b.entry_id = t.entry_id and b.state = t.from_state
           and (t.from_state <> 'claimed' or b.run_id = t.run_id)
        returning b.entry_id, b.state
    )
    select t.entry_id || ' has nothing ' || t.from_state || ' for this run' into broken
      from taken t left join done d on d.entry_id = t.entry_id and d.state = t.from_state
     where d.entry_id is null limit 1;
    if broken is null then
        with given as (
            select tenant_id, entry_id, to_state, run_id, max(reason) as reason, sum(quantity) as quantity
              from moved where to_state is not null group by 1, 2, 3, 4
        ), done as (
            insert into ledger_balance as b (tenant_id, entry_id, state, quantity, run_id, reason)
            select tenant_id, entry_id, to_state, quantity, case when to_state = 'claimed' then run_id end, reason
              from given order by entry_id
            on conflict (tenant_id, entry_id, state) do update
               set quantity = b.quantity + excluded.quantity, run_id = excluded.run_id, reason = excluded.reason
             where b.state <> 'claimed' or b.quantity = 0 or b.run_id = excluded.run_id
            returning b.entry_id, b.state
        )
        select g.entry_id || ' is claimed by another run' into broken
          from given g left join done d on d.entry_id = g.entry_id and d.state = g.to_state
         where d.entry_id is null limit 1;
    end if;
    if broken is not null then
        raise exception 'entry %', broken using errcode = 'check_violation', constraint = 'nothing_is_billed_twice';
    end if;
    -- Conservation: what an entry's states hold is what the entry is.
    select format('%s: its states hold %s of %s in all', e.id, b.held, e.quantity) into broken
      from (select distinct tenant_id, entry_id from moved) m
      join entry e on e.tenant_id = m.tenant_id and e.id = m.entry_id
      cross join lateral (select coalesce(sum(quantity), 0) as held from ledger_balance l
                           where l.tenant_id = e.tenant_id and l.entry_id = e.id) b
     where e.quantity <> b.held limit 1;
    if broken is not null then
        raise exception 'entry %', broken using errcode = 'check_violation', constraint = 'ledger_conserves';
    end if;
    return null;
end $$;
create trigger ledger_apply after insert on billing.ledger
    referencing new table as moved for each statement execute function billing.ledger_apply();

-- Every entry enters the ledger with the statement that stores it; an edit at the source adjusts what is open, and
-- is refused when more than that has been billed, claimed or held.
create function billing.entry_received() returns trigger
language plpgsql security definer set search_path = billing, pg_temp
set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off as $$
begin
    insert into ledger (tenant_id, entry_id, kind, to_state, quantity, run_id, reason, actor)
    select tenant_id, id, 'receive', case when invalid is null then 'open' else 'excluded' end, quantity,
           imported_by, invalid, 'import'
      from received order by id;
    return null;
end $$;
create trigger entry_received after insert on billing.entry
    referencing new table as received for each statement execute function billing.entry_received();

create function billing.entry_edited() returns trigger
language plpgsql security definer set search_path = billing, pg_temp
set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off as $$
begin
    insert into entry_version (tenant_id, id, version, digest, body)
    select tenant_id, id, version, digest, body from before;
    insert into ledger (tenant_id, entry_id, kind, from_state, to_state, quantity, run_id, reason, actor)
    select a.tenant_id, a.id, 'adjust', case when a.quantity < b.quantity then 'open' end,
           case when a.quantity >= b.quantity then 'open' end, abs(a.quantity - b.quantity), a.imported_by,
           'edited at the source', 'import'
      from after a join before b on b.tenant_id = a.tenant_id and b.id = a.id
     where a.quantity <> b.quantity order by a.id;
    return null;
end $$;
create trigger entry_edited after update on billing.entry
    referencing old table as before new table as after for each statement execute function billing.entry_edited();

-- An invoice's lines add up to its total, to the cent, when it is committed.
create function billing.invoice_adds_up() returns trigger
language plpgsql security definer set search_path = billing, pg_temp as $$
declare
    lines numeric;
begin
    select coalesce(sum(net_amount), 0) into lines
      from invoice_line where tenant_id = new.tenant_id and invoice_id = new.id;
    if lines <> new.line_extension_amount then
        raise exception 'invoice %: its lines add up to %, its total says %', new.id, lines,
            new.line_extension_amount using errcode = 'check_violation', constraint = 'invoice_adds_up';
    end if;
    return null;
end $$;
create constraint trigger invoice_adds_up after insert on billing.invoice
    deferrable initially deferred for each row execute function billing.invoice_adds_up();

-- Scripts see their tenant's rows only; documents, entries and outcomes are never deleted by them.
do $$
declare
    opened record;
begin
    for opened in
        select * from (values
            ('billing.document', 'select, insert'), ('billing.entry', 'select, insert, update'),
            ('billing.entry_version', 'select'), ('billing.invoice', 'select, insert'),
            ('billing.invoice_line', 'select, insert'), ('billing.ledger', 'select, insert'),
            ('billing.ledger_balance', 'select'), ('billing.exception', 'select, insert, update'),
            ('billing.closing', 'select, insert')) as t(name, privileges)
    loop
        execute format('alter table %s alter column tenant_id set default billow.current_tenant()', opened.name);
        perform billow.open_to_scripts(opened.name::regclass, opened.privileges);
    end loop;
end $$;
alter table billow.number_series alter column tenant_id set default billow.current_tenant();
grant usage on schema billow to billow_script;
grant select, insert on billow.number_series to billow_script;

-- The triggers work with the engine's rights: scripts have none on what they keep.
grant usage, create on schema billing to billow_engine;
alter function billing.ledger_apply() owner to billow_engine;
alter function billing.entry_received() owner to billow_engine;
alter function billing.entry_edited() owner to billow_engine;
alter function billing.invoice_adds_up() owner to billow_engine;
revoke create on schema billing from billow_engine;
