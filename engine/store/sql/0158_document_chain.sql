-- 0158_document_chain.sql: every finalised document is chained to the one before it in its series, and every number
-- that was given is accounted for.
--
-- A link of the chain is a hash over what the document says (its object and its page), its place, and the link before
-- it. `algorithm` says how the hash is made, so that a later way of making it leaves earlier links provable:
--   1: SHA-256 of "1|series|position|number|issue date|previous hash|SHA-256 of the object|SHA-256 of the page"
-- Links are made by a trigger in the transaction that stores the document, under a lock of the series; scripts can
-- read them and nothing else.

create table billing.document_chain (
    tenant_id uuid not null,
    series text not null,
    position bigint not null check (position >= 1),
    invoice_id text not null,
    number text not null,
    algorithm smallint not null check (algorithm = 1),
    previous text not null,        -- '' for the first of a series
    hash text not null check (hash ~ '^[0-9a-f]{64}$'),
    chained_at timestamptz not null default now(),
    primary key (tenant_id, series, position),
    unique (tenant_id, invoice_id)
);

create function billing.chain_hash(p_algorithm smallint, p_series text, p_position bigint, p_number text,
                                   p_issue_date date, p_previous text, p_body jsonb, p_html text) returns text
language sql immutable as $$
    select case p_algorithm when 1 then
        encode(sha256(convert_to(concat_ws('|', '1', p_series, p_position, p_number, to_char(p_issue_date, 'YYYY-MM-DD'),
                                           p_previous, encode(sha256(convert_to(p_body::text, 'UTF8')), 'hex'),
                                           encode(sha256(convert_to(coalesce(p_html, ''), 'UTF8')), 'hex')),
                                 'UTF8')), 'hex')
    end
$$;

create function billing.chain_document() returns trigger
language plpgsql security definer set search_path = billing, pg_catalog, pg_temp as $$
declare
    v_position bigint;
    v_previous text;
begin
    -- The series' counter is locked by whoever took the number; who stores a document otherwise waits here.
    perform pg_advisory_xact_lock(hashtextextended('chain' || new.tenant_id::text || chr(1) || new.series, 0));
    select c.position, c.hash into v_position, v_previous from document_chain c
     where c.tenant_id = new.tenant_id and c.series = new.series order by c.position desc limit 1;
    v_position := coalesce(v_position, 0) + 1;
    v_previous := coalesce(v_previous, '');
    insert into document_chain (tenant_id, series, position, invoice_id, number, algorithm, previous, hash)
    values (new.tenant_id, new.series, v_position, new.id, new.number, 1, v_previous,
            chain_hash(1::smallint, new.series, v_position, new.number, new.issue_date, v_previous, new.body, new.html));
    return null;
end $$;

-- Documents from before this migration, in the order of their numbers.
do $$
declare
    v_row record;
    v_position bigint := 0;
    v_previous text := '';
    v_key text := '';
begin
    for v_row in select i.* from billing.invoice i
                   left join billow.number_used u
                     on u.tenant_id = i.tenant_id and u.series = i.series and u.number = i.number
                  order by i.tenant_id, i.series, u.date, u.sequence, i.number loop
        if v_key <> v_row.tenant_id::text || v_row.series then
            v_key := v_row.tenant_id::text || v_row.series;
            v_position := 0;
            v_previous := '';
        end if;
        v_position := v_position + 1;
        insert into billing.document_chain (tenant_id, series, position, invoice_id, number, algorithm, previous, hash)
        values (v_row.tenant_id, v_row.series, v_position, v_row.id, v_row.number, 1, v_previous,
                billing.chain_hash(1::smallint, v_row.series, v_position, v_row.number, v_row.issue_date, v_previous,
                                   v_row.body, v_row.html))
        returning hash into v_previous;
    end loop;
end $$;

create trigger chain_document after insert on billing.invoice
    for each row execute function billing.chain_document();

-- What breaks a chain, in the order of the documents. No row: every document is as it was issued.
create view billing.chain_break with (security_invoker = true) as
    select c.tenant_id, c.series, c.position, c.number, 'the document is gone' as problem
      from billing.document_chain c
     where not exists (select from billing.invoice i where i.tenant_id = c.tenant_id and i.id = c.invoice_id)
    union all
    select c.tenant_id, c.series, c.position, c.number, 'the document is not what was issued'
      from billing.document_chain c
      join billing.invoice i on i.tenant_id = c.tenant_id and i.id = c.invoice_id
     where c.number <> i.number or c.series <> i.series
        or c.hash <> billing.chain_hash(c.algorithm, i.series, c.position, i.number, i.issue_date, c.previous, i.body,
                                        i.html)
    union all
    select c.tenant_id, c.series, c.position, c.number, 'the link before it is missing or another one'
      from (select x.*, lag(x.hash, 1, '') over w as before, lag(x.position, 1, 0::bigint) over w as place
              from billing.document_chain x window w as (partition by x.tenant_id, x.series order by x.position)) c
     where c.previous <> c.before or c.position <> c.place + 1
    union all
    select i.tenant_id, i.series, null, i.number, 'the document is not in the chain'
      from billing.invoice i
     where not exists (select from billing.document_chain c where c.tenant_id = i.tenant_id and c.invoice_id = i.id);

-- Numbers that were given and stand on no document: why, and who says so. A number is never given again.
create table billing.number_void (
    tenant_id uuid not null,
    series text not null,
    number text not null,
    reason text not null check (length(reason) >= 3),
    voided_by text not null,
    run_id uuid not null,
    at timestamptz not null default now(),
    primary key (tenant_id, series, number),
    foreign key (tenant_id, series, number) references billow.number_used
);

-- A document and a void record exclude each other.
create function billing.void_is_unused() returns trigger
language plpgsql security definer set search_path = billing, pg_temp as $$
begin
    if exists (select from invoice i where i.tenant_id = new.tenant_id and i.number = new.number) then
        raise exception 'number % stands on a document: credit the document instead', new.number
            using errcode = 'check_violation', constraint = 'void_is_unused';
    end if;
    return null;
end $$;
create constraint trigger void_is_unused after insert on billing.number_void
    deferrable initially deferred for each row execute function billing.void_is_unused();

-- Every number that has no document, and every place in a series where none was given: void with its reason, unused
-- (given, and nothing says why), or missing.
create view billing.number_gap with (security_invoker = true) as
    select u.tenant_id, u.series, u.number, u.sequence, u.date, case when v.number is null then 'unused' else 'void' end
           as status, v.reason, v.voided_by
      from billow.number_used u
      left join billing.number_void v on v.tenant_id = u.tenant_id and v.series = u.series and v.number = u.number
     where not exists (select from billing.invoice i
                        where i.tenant_id = u.tenant_id and i.series = u.series and i.number = u.number)
    union all
    select o.tenant_id, o.series, o.number, o.sequence, o.date, 'missing',
           format('%s numbers before it were never given', o.sequence - o.expected_before - 1), null
      from billing.number_order o where o.sequence <> o.expected_before + 1;

do $$
begin
    alter table billing.document_chain alter column tenant_id set default billow.current_tenant();
    alter table billing.number_void alter column tenant_id set default billow.current_tenant();
    perform billow.open_to_scripts('billing.document_chain', 'select');
    perform billow.open_to_scripts('billing.number_void', 'select, insert');
end $$;
grant select on billing.chain_break, billing.number_gap to billow_script, billow_engine;
grant execute on function billing.chain_hash(smallint, text, bigint, text, date, text, jsonb, text)
    to billow_script, billow_engine;
grant create on schema billing to billow_engine;
alter function billing.chain_document() owner to billow_engine;
alter function billing.void_is_unused() owner to billow_engine;
revoke create on schema billing from billow_engine;
revoke update, delete on billing.document_chain, billing.number_void from billow_engine;
