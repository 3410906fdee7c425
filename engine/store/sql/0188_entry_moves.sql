-- 0188_entry_moves.sql: work that a person keeps out of billing, and work that moves to another contract.
--
--   * on_hold is a state of its own: no claim takes from it, whoever asks. Only a person's hold puts quantity there
--     (with a row of entry_hold: why, whose, until when it is looked at again), only a release takes it out. `held` stays
--     what one bill left out and the next one looks at again.
--   * what is transferred leaves the entry for `moved` and arrives as an entry of its own, `<entry>#<n>`, of the other
--     contract: at commit the two are of one quantity, and what has moved never comes back by another way. So an hour
--     is in one contract at a time, and every part leads back to what was worked.

-- --- Parts -----------------------------------------------------------------------------------------------------------

alter table billing.entry add column origin_id text;  -- the entry this one was transferred from
alter table billing.entry add column root_id text;    -- the entry as it came from its source
alter table billing.entry add foreign key (tenant_id, origin_id) references billing.entry (tenant_id, id);
alter table billing.entry add foreign key (tenant_id, root_id) references billing.entry (tenant_id, id);
alter table billing.entry add constraint transferred_work_has_a_contract
    check ((origin_id is null) = (root_id is null)
           and (origin_id is null or (contract_id is not null and kind in ('time', 'expense') and quantity > 0)));
create index entry_by_root on billing.entry (tenant_id, root_id) where root_id is not null;
create index entry_by_origin on billing.entry (tenant_id, origin_id) where origin_id is not null;

alter table billing.ledger add column moved_to text;
alter table billing.ledger add foreign key (tenant_id, moved_to) references billing.entry (tenant_id, id);
create index ledger_by_moved_to on billing.ledger (tenant_id, moved_to) where moved_to is not null;
-- Transfers from before this migration name nobody: `billow ledger verify` does.
alter table billing.ledger add constraint transfer_arrives check ((kind = 'transfer') = (moved_to is not null)) not valid;
alter table billing.ledger add constraint transfer_moves
    check ((kind = 'transfer') = (to_state is not distinct from 'moved')
           and (kind <> 'transfer' or from_state in ('open', 'held', 'claimed'))
           and from_state is distinct from 'moved');

-- --- Holds -----------------------------------------------------------------------------------------------------------

alter table billing.ledger_balance drop constraint ledger_balance_state_check;
alter table billing.ledger_balance add constraint ledger_balance_state_check
    check (state in ('open', 'claimed', 'billed', 'held', 'on_hold', 'written_off', 'excluded', 'moved'));
alter table billing.ledger add constraint on_hold_is_released
    check ((to_state is distinct from 'on_hold' or (kind = 'hold' and from_state in ('open', 'held'))
            or (kind = 'adjust' and from_state is null))
           and (from_state is distinct from 'on_hold' or (kind = 'release' and to_state = 'open')
                or (kind = 'adjust' and to_state is null)));

create table billing.entry_hold (
    tenant_id uuid not null default billow.current_tenant(),
    id text not null,              -- the run that placed it
    reason text not null check (reason ~ '\S'),
    owner text not null check (owner ~ '\S'), -- who is asked when the day has come
    review_on date not null check (review_on >= since),
    placed_by text not null,
    since date not null,
    run_id uuid not null,
    at timestamptz not null default now(),
    primary key (tenant_id, id),
    unique (tenant_id, run_id)
);
select billow.open_to_scripts('billing.entry_hold'::regclass, 'select, insert');

-- --- Rules at commit -------------------------------------------------------------------------------------------------

create function billing.ledger_moves_fit() returns trigger
language plpgsql security definer set search_path = billing, pg_temp
set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off as $$
declare
    broken text;
begin
    if not exists (select from moved where kind in ('hold', 'transfer') and to_state in ('on_hold', 'moved')) then
        return null;
    end if;
    select m.entry_id into broken from moved m
     where m.kind = 'hold' and m.to_state = 'on_hold'
       and not exists (select from entry_hold h where h.tenant_id = m.tenant_id and h.run_id = m.run_id) limit 1;
    if broken is not null then
        raise exception 'entry %: nobody says why it is on hold, and whose that is', broken
            using errcode = 'check_violation', constraint = 'hold_has_a_reason';
    end if;
    select format('%s -> %s', m.entry_id, m.moved_to) into broken
      from (select tenant_id, entry_id, moved_to from moved where kind = 'transfer' group by 1, 2, 3) m
      join entry s on s.tenant_id = m.tenant_id and s.id = m.entry_id
      join entry d on d.tenant_id = m.tenant_id and d.id = m.moved_to
     where d.origin_id is distinct from s.id or d.root_id is distinct from coalesce(s.root_id, s.id)
        or d.kind <> s.kind or d.unit <> s.unit
        or d.quantity <> (select sum(l.quantity) from ledger l
                           where l.tenant_id = m.tenant_id and l.moved_to = m.moved_to) limit 1;
    if broken is not null then
        raise exception 'transfer %: what arrives is not what left', broken
            using errcode = 'check_violation', constraint = 'transfer_arrives';
    end if;
    return null;
end $$;
create trigger ledger_moves_fit after insert on billing.ledger
    referencing new table as moved for each statement execute function billing.ledger_moves_fit();

-- No part comes from nowhere.
create function billing.part_has_left() returns trigger
language plpgsql security definer set search_path = billing, pg_temp as $$
begin
    if not exists (select from ledger l where l.tenant_id = new.tenant_id and l.moved_to = new.id) then
        raise exception 'entry %: it is said to come from %, which lost nothing', new.id, new.origin_id
            using errcode = 'check_violation', constraint = 'transfer_arrives';
    end if;
    return null;
end $$;
create constraint trigger part_has_left after insert on billing.entry
    deferrable initially deferred for each row when (new.origin_id is not null) execute function billing.part_has_left();

create or replace function billing.entry_received() returns trigger
language plpgsql security definer set search_path = billing, pg_temp
set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off as $$
begin
    insert into ledger (tenant_id, entry_id, kind, to_state, quantity, run_id, reason, actor)
    select tenant_id, id, 'receive', case when invalid is null then 'open' else 'excluded' end, quantity, imported_by,
           coalesce(invalid, 'transferred from ' || origin_id),
           case when origin_id is null then 'import' else 'transfer' end
      from received order by id;
    return null;
end $$;

-- An edit at the source adjusts what is not decided yet: what grows is open (on hold, when all of the entry is); what
-- shrinks goes from what is open, then from what was held, then from what is on hold. What a bill left out as not
-- billable is judged anew. It is refused when more than that was billed, claimed or written off; a part of an entry
-- came from no source, and is never edited.
create or replace function billing.entry_edited() returns trigger
language plpgsql security definer set search_path = billing, pg_temp
set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off as $$
declare
    broken text;
begin
    insert into entry_version (tenant_id, id, version, digest, body)
    select tenant_id, id, version, digest, body from before;
    select b.id into broken from after a join before b on b.tenant_id = a.tenant_id and b.id = a.id
     where b.origin_id is not null or a.origin_id is distinct from b.origin_id limit 1;
    if broken is not null then
        raise exception 'entry %: it was transferred, and is not edited', broken
            using errcode = 'check_violation', constraint = 'transferred_work_stays';
    end if;
    insert into ledger (tenant_id, entry_id, kind, from_state, to_state, quantity, run_id, reason, actor)
    select c.tenant_id, c.id, 'adjust', p.from_state, p.to_state, p.quantity, c.imported_by,
           case when p.to_state = 'open' and p.from_state is not null then 'edited at the source: judged anew'
                else 'edited at the source' end, 'import'
      from (select a.tenant_id, a.id, a.imported_by, b.quantity - a.quantity as less
              from after a join before b on b.tenant_id = a.tenant_id and b.id = a.id
             where a.quantity <> b.quantity or a.digest <> b.digest) c
     cross join lateral (select coalesce(sum(quantity) filter (where state = 'open'), 0) as open,
                                coalesce(sum(quantity) filter (where state = 'held'), 0) as held,
                                coalesce(sum(quantity) filter (where state = 'on_hold'), 0) as on_hold,
                                coalesce(sum(quantity) filter (where state = 'excluded'), 0) as excluded
                           from ledger_balance l where l.tenant_id = c.tenant_id and l.entry_id = c.id) s
     cross join lateral (select greatest(c.less, 0) as less, least(greatest(c.less, 0), s.excluded) as gone) x
     cross join lateral (
           select null as from_state, case when s.on_hold > 0 and s.open + s.held = 0 then 'on_hold' else 'open' end
                  as to_state, -c.less as quantity where c.less < 0
            union all
           select 'excluded', null, x.gone
            union all
           select 'excluded', 'open', s.excluded - x.gone
            union all -- what is nowhere is asked of `open`, which refuses
           select 'open', null, least(x.less - x.gone, s.open)
                                + greatest(x.less - x.gone - s.open - s.held - s.on_hold, 0)
            union all
           select 'held', null, least(greatest(x.less - x.gone - s.open, 0), s.held)
            union all
           select 'on_hold', null, least(greatest(x.less - x.gone - s.open - s.held, 0), s.on_hold)) p
     where p.quantity > 0 order by c.id;
    return null;
end $$;

grant create on schema billing to billow_engine;
alter function billing.ledger_moves_fit() owner to billow_engine;
alter function billing.part_has_left() owner to billow_engine;
revoke create on schema billing from billow_engine;

-- --- Figures ---------------------------------------------------------------------------------------------------------

-- Work on hold, with who has to look at it, and since when.
create view billing.report_holds with (security_invoker = true) as
    select p.tenant_id, p.id as entry, p.kind, p.entry_date::text as date, p.person,
           coalesce(p.contract_id, '-') as contract, coalesce(p.customer_id, '-') as customer,
           round(b.quantity / p.divisor, 2) as quantity, p.unit, h.reason, h.owner,
           h.since::text as since, (now() at time zone 'UTC')::date - h.since as days, h.review_on::text as review_on,
           h.review_on <= (now() at time zone 'UTC')::date as is_due, h.id as hold
      from billing.ledger_balance b
      join billing.entry_placed p on p.tenant_id = b.tenant_id and p.id = b.entry_id
      join lateral (select x.* from billing.ledger l
                      join billing.entry_hold x on x.tenant_id = l.tenant_id and x.run_id = l.run_id
                     where l.tenant_id = b.tenant_id and l.entry_id = b.entry_id and l.kind = 'hold'
                       and l.to_state = 'on_hold'
                     order by l.position desc limit 1) h on true
     where b.state = 'on_hold' and b.quantity > 0;

create or replace view billing.report_wip_aging with (security_invoker = true) as
    select p.tenant_id, coalesce(p.contract_id, '-') as contract, coalesce(p.customer_id, '-') as customer, p.kind,
           p.unit, count(distinct p.id) as entries,
           round(coalesce(sum(q.quantity) filter (where p.age_days <= 30 or p.age_days is null), 0), 2) as to_30_days,
           round(coalesce(sum(q.quantity) filter (where p.age_days between 31 and 60), 0), 2) as to_60_days,
           round(coalesce(sum(q.quantity) filter (where p.age_days between 61 and 90), 0), 2) as to_90_days,
           round(coalesce(sum(q.quantity) filter (where p.age_days > 90), 0), 2) as older,
           round(sum(q.quantity), 2) as total, min(p.entry_date)::text as oldest
      from billing.entry_placed p
      join billing.ledger_balance b on b.tenant_id = p.tenant_id and b.entry_id = p.id
                                   and b.state in ('open', 'held', 'on_hold', 'claimed') and b.quantity > 0
     cross join lateral (select b.quantity / p.divisor as quantity) q
     group by 1, 2, 3, 4, 5;

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

create or replace view billing.report_leakage with (security_invoker = true) as
    select p.tenant_id, p.id as entry, p.kind, p.entry_date::text as date, p.age_days, p.person,
           coalesce(p.contract_id, '-') as contract, coalesce(nullif(p.project_code, ''), p.project_name) as project,
           round(b.quantity / p.divisor, 2) as quantity, p.unit, b.state, b.reason
      from billing.entry_placed p
      join billing.ledger_balance b on b.tenant_id = p.tenant_id and b.entry_id = p.id
                                   and b.state in ('open', 'held', 'on_hold') and b.quantity > 0;

-- What has moved to another contract was not worked for this one.
create or replace view billing.report_realisation with (security_invoker = true) as
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
                    and b.state <> 'moved'
                  where p.kind = 'time' and p.invalid is null group by 1, 2) h
        on h.tenant_id = m.tenant_id and h.contract_id = m.contract_id;

grant select on billing.report_holds to billow_script, billow_engine;

-- --- The proof -------------------------------------------------------------------------------------------------------

alter view billing.ledger_break rename to ledger_break_of_books;

create view billing.ledger_break with (security_invoker = true) as
    select * from billing.ledger_break_of_books
    union all
    -- What left an entry arrived in another one, all of it, and nothing else did.
    select m.tenant_id, 12, 'transfer', m.entry_id,
           case when m.moved_to is null then format('%s of it moved nowhere', m.quantity)
                when d.id is null then format('%s of it moved to %s, which is not there', m.quantity, m.moved_to)
                else format('%s of it moved to %s, which is %s of %s', m.quantity, m.moved_to, d.quantity,
                            coalesce(d.origin_id, 'nothing')) end
      from (select tenant_id, entry_id, moved_to, sum(quantity) as quantity from billing.ledger
             where kind = 'transfer' group by 1, 2, 3) m
      left join billing.entry d on d.tenant_id = m.tenant_id and d.id = m.moved_to
     where d.quantity is distinct from m.quantity or d.origin_id is distinct from m.entry_id
    union all
    select d.tenant_id, 12, 'transfer', d.id, format('it is said to come from %s, which lost nothing', d.origin_id)
      from billing.entry d
     where d.origin_id is not null
       and not exists (select from billing.ledger l where l.tenant_id = d.tenant_id and l.moved_to = d.id)
    union all
    -- What is on hold has somebody who looks at it.
    select l.tenant_id, 13, 'hold', l.entry_id, 'it was put on hold, and nobody says why'
      from billing.ledger l
     where l.kind = 'hold' and l.to_state = 'on_hold'
       and not exists (select from billing.entry_hold h where h.tenant_id = l.tenant_id and h.run_id = l.run_id);

grant select on billing.ledger_break to billow_script, billow_engine;
