-- 0135_preview.sql: what previews of a period came to, so that the next one can say what changed since.

create table billing.preview (
    tenant_id uuid not null default billow.current_tenant(),
    contract_id text not null,
    period text not null,
    run_id uuid not null,
    at timestamptz not null default clock_timestamp(),
    body jsonb not null,           -- {status, currency, lines, net, tax, gross, exceptions}
    primary key (tenant_id, contract_id, period, run_id)
);
select billow.open_to_scripts('billing.preview'::regclass, 'select, insert');
