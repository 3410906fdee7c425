-- 0187_national_registers.sql: what Portugal and Spain want on and about every document, made where the number is
-- given, so that no script can leave it out.
--
-- Portugal: a series has a validation code of the tax authority; a document shows ATCUD:<code>-<what follows the slash
-- of its number>, on the page and in the object (Portaria 195/2020).
--
-- Spain: every document is a record of a register, each chained to the one before it by the hash that the tax authority
-- prescribes: SHA-256 over eight named fields, in capitals (checked against its published example). One chain for the
-- firm, whatever the series. Sending the records is a connector's business.

create function billing.firm_now(p_tenant uuid) returns jsonb
language sql stable as $$
    select d.body from billing.document d
     where d.tenant_id = p_tenant and d.kind = 'firm' and d.id = 'firm' order by d.version desc limit 1
$$;

create function billing.put_atcud() returns trigger
language plpgsql security definer set search_path = billing, pg_temp as $$
declare
    v_code text;
    v_sequence text := substring(new.number from '/([0-9]+)$');
    v_atcud text;
begin
    select s.value->>'validation_code' into v_code
      from jsonb_array_elements(firm_now(new.tenant_id)->'number_series') s where s.value->>'id' = new.series;
    if v_code is null or v_sequence is null then
        raise exception 'document %: series % has no validation_code, or its numbers no sequence behind a slash',
            new.number, new.series using errcode = 'check_violation', constraint = 'atcud_is_there';
    end if;
    v_atcud := 'ATCUD:' || v_code || '-' || v_sequence;
    new.body := new.body || jsonb_build_object('atcud', v_atcud);
    new.html := replace(new.html, '{{billow:atcud}}', v_atcud);
    return new;
end $$;
create trigger put_atcud before insert on billing.invoice
    for each row when (position('{{billow:atcud}}' in new.html) > 0) execute function billing.put_atcud();

create table billing.register_es (
    tenant_id uuid not null default billow.current_tenant(),
    position bigint not null check (position >= 1),
    invoice_id text not null,
    issuer text not null,
    number text not null,
    issue_date date not null,
    kind text not null check (kind in ('F1', 'R1')), -- invoice; corrective for reasons of law and art. 80(1), (2), (6)
    tax_amount numeric not null,
    total_amount numeric not null,
    previous text not null,        -- '' for the first
    generated_at text not null,    -- with the offset of the firm's zone
    hash text not null check (hash ~ '^[0-9A-F]{64}$'),
    primary key (tenant_id, position),
    unique (tenant_id, invoice_id),
    foreign key (tenant_id, invoice_id) references billing.invoice (tenant_id, id)
);

create function billing.register_hash_es(p_issuer text, p_number text, p_issue_date date, p_kind text, p_tax numeric,
                                         p_total numeric, p_previous text, p_generated_at text) returns text
language sql immutable as $$
    select upper(encode(sha256(convert_to(concat(
        'IDEmisorFactura=', p_issuer, '&NumSerieFactura=', p_number,
        '&FechaExpedicionFactura=', to_char(p_issue_date, 'DD-MM-YYYY'), '&TipoFactura=', p_kind,
        '&CuotaTotal=', round(p_tax, 2), '&ImporteTotal=', round(p_total, 2), '&Huella=', p_previous,
        '&FechaHoraHusoGenRegistro=', p_generated_at), 'UTF8')), 'hex'))
$$;

create function billing.put_register_es() returns trigger
language plpgsql security definer set search_path = billing, pg_catalog, pg_temp as $$
declare
    v_position bigint;
    v_previous text;
    v_firm jsonb := firm_now(new.tenant_id);
    v_issuer text := regexp_replace(coalesce(v_firm->>'vat_id', ''), '^ES', '');
    v_sign integer := case when new.type_code = '381' then -1 else 1 end;
    v_local timestamp := now() at time zone (v_firm->>'time_zone');
    v_offset interval := v_local - (now() at time zone 'UTC');
    v_generated text;
    v_kind text := case when new.type_code in ('381', '384') then 'R1' else 'F1' end;
    v_tax numeric := v_sign * new.tax_amount;
    v_total numeric := v_sign * (new.body->'totals'->>'tax_inclusive_amount')::numeric;
begin
    v_generated := to_char(v_local, 'YYYY-MM-DD"T"HH24:MI:SS') || case when v_offset < interval '0' then '-' else '+' end
                   || to_char(greatest(v_offset, -v_offset), 'HH24:MI');
    perform pg_advisory_xact_lock(hashtextextended('register es' || new.tenant_id::text, 0));
    select r.position, r.hash into v_position, v_previous from register_es r
     where r.tenant_id = new.tenant_id order by r.position desc limit 1;
    insert into register_es (tenant_id, position, invoice_id, issuer, number, issue_date, kind, tax_amount, total_amount,
                             previous, generated_at, hash)
    values (new.tenant_id, coalesce(v_position, 0) + 1, new.id, v_issuer, new.number, new.issue_date, v_kind, v_tax,
            v_total, coalesce(v_previous, ''), v_generated,
            register_hash_es(v_issuer, new.number, new.issue_date, v_kind, v_tax, v_total, coalesce(v_previous, ''),
                             v_generated));
    return null;
end $$;
create trigger put_register_es after insert on billing.invoice
    for each row when (new.body->>'register' = 'ES') execute function billing.put_register_es();

-- What breaks the register, in its order. No row: every record is as it was made, and follows the one before it.
create view billing.register_break with (security_invoker = true) as
    select r.tenant_id, r.position, r.number,
           case when r.hash <> billing.register_hash_es(r.issuer, r.number, r.issue_date, r.kind, r.tax_amount,
                                                        r.total_amount, r.previous, r.generated_at)
                then 'the record is not what was registered'
                when r.previous <> r.before or r.position <> r.place + 1
                then 'the record before it is missing or another one'
                else 'the document is not in the register' end as problem
      from (select x.*, lag(x.hash, 1, '') over w as before, lag(x.position, 1, 0::bigint) over w as place
              from billing.register_es x window w as (partition by x.tenant_id order by x.position)) r
     where r.previous <> r.before or r.position <> r.place + 1
        or r.hash <> billing.register_hash_es(r.issuer, r.number, r.issue_date, r.kind, r.tax_amount, r.total_amount,
                                              r.previous, r.generated_at)
    union all
    select i.tenant_id, null, i.number, 'the document is not in the register'
      from billing.invoice i
     where i.body->>'register' = 'ES'
       and not exists (select from billing.register_es r where r.tenant_id = i.tenant_id and r.invoice_id = i.id);

create view billing.report_register_es with (security_invoker = true) as
    select r.tenant_id, to_char(r.issue_date, 'YYYY-MM') as period, r.position, r.number, r.issue_date::text as date,
           r.kind, r.tax_amount as tax, r.total_amount as total, r.generated_at as generated, r.previous, r.hash,
           coalesce(b.problem, '') as problem
      from billing.register_es r
      left join billing.register_break b on b.tenant_id = r.tenant_id and b.position = r.position;

do $$
begin
    perform billow.open_to_scripts('billing.register_es'::regclass, 'select');
end $$;
grant select on billing.register_break, billing.report_register_es to billow_script, billow_engine;
grant select, insert on billing.register_es to billow_engine;
grant execute on function billing.register_hash_es(text, text, date, text, numeric, numeric, text, text)
    to billow_script, billow_engine;
grant execute on function billing.firm_now(uuid) to billow_script, billow_engine;
grant create on schema billing to billow_engine;
alter function billing.put_atcud() owner to billow_engine;
alter function billing.put_register_es() owner to billow_engine;
revoke create on schema billing from billow_engine;
revoke update, delete on billing.register_es from billow_engine;
