#!/bin/bash
# numbering.sh - numbers without gaps, and chained documents, on a real PostgreSQL: fifty sessions finalise at once,
# some give up, some are killed, and the server dies in the middle.
#
#   numbering.sh BUILD_DIR
set -u
build=${1:?usage: numbering.sh BUILD_DIR}
here=$(cd "$(dirname "$0")/../.." && pwd)
bin=$(ls -d /usr/lib/postgresql/*/bin | sort -V | tail -n 1)
work=$(mktemp -d "${TMPDIR:-/tmp}"/billow-numbering.XXXXXX)
chmod 755 "$work" # the server's user has to get through
tenant=00000000-0000-7000-8000-000000000001
run=00000000-0000-7000-8000-000000000002
passed=0

as_server() { # PostgreSQL refuses to run as root
    if [ "$(id -u)" = 0 ]; then runuser -u postgres -- "$@"; else "$@"; fi
}
stop_all() {
    [ ! -d "$work/data" ] || as_server "$bin/pg_ctl" -D "$work/data" -m immediate stop >/dev/null 2>&1
    rm -rf "$work"
}
trap stop_all EXIT
fail() {
    echo "FAILED: $*" >&2
    exit 1
}
sql() { psql -h "$work" -U billow -d billow -v ON_ERROR_STOP=1 -qAt "$@"; }
is() { # NAME QUERY WANTED
    local got
    got=$(sql -c "$2") || fail "$1"
    [ "$got" = "$3" ] || fail "$1: $got, not $3"
    passed=$((passed + 1))
    echo "ok      $1"
}
server() { as_server "$bin/pg_ctl" -D "$work/data" -l "$work/server.log" -w -o "-k $work -c listen_addresses=" start >/dev/null; }

[ "$(id -u)" != 0 ] || chown postgres "$work"
as_server "$bin/initdb" -D "$work/data" -U billow -A trust -E UTF8 --locale=C >/dev/null || fail "initdb"
server || fail "the server does not start"
psql -h "$work" -U billow -d postgres -qAt -c "create database billow" || fail "create database"
sql -c "create schema billow" -c "create table billow.migration (number integer primary key, name text not null,
    checksum text not null, applied_at timestamptz not null default now())" || fail "migration"
for file in "$here"/engine/store/sql/*.sql; do
    sql -1 -f "$file" >/dev/null 2>"$work/log" || { cat "$work/log" >&2; fail "$file"; }
done
sql -c "insert into billow.tenant (tenant_id, name, created_at) values ('$tenant', 't', 0)" \
    -c "insert into billow.number_series (tenant_id, series, format, reset, next)
        values ('$tenant', 'INV', 'INV-{YYYY}-{SEQ:5}', 'year', 1)" \
    -c "create function finalise(p_id text, p_date date) returns text language plpgsql as \$\$
        declare v_number text;
        begin
            v_number := billow.take_number('$tenant', '$run', 'INV', p_date::text, null, 0) ->> 'number';
            perform pg_sleep(random() * 0.002);
            insert into billing.invoice (tenant_id, id, number, series, type_code, contract_id, customer_id, period,
                currency, issue_date, line_extension_amount, allowance_total_amount, charge_total_amount,
                tax_exclusive_amount, tax_amount, payable_amount, run_id, approved_by, approval_digest, body, html)
            values ('$tenant', p_id, v_number, 'INV', '380', 'C', 'CU', '2026-10', 'EUR', p_date, 0, 0, 0, 0, 0, 0,
                '$run', 'dana', 'd', jsonb_build_object('id', p_id, 'number', v_number, 'lines', jsonb_build_array()),
                'page of ' || v_number);
            return v_number;
        end \$\$" || fail "setup"

# One finaliser: twenty documents, each a transaction of its own; every third is rolled back.
finaliser() {
    local i
    for i in $(seq 20); do
        local end=commit
        [ $(((i + $1) % 3)) -ne 0 ] || end=rollback
        echo "begin; select finalise('$2-$1-$i', '2026-11-02'); $end;"
    done | psql -h "$work" -U billow -d billow -qAt >/dev/null 2>&1
}
fifty() {
    local pids=() n
    for n in $(seq 50); do
        finaliser "$n" "$1" &
        pids+=($!)
    done
    [ -z "${2:-}" ] || { sleep 0.3; "$2"; }
    wait "${pids[@]}"
}
kill_some() { # sessions in the middle of a transaction
    local n
    for n in 1 2 3 4 5; do
        sql -c "select count(pg_terminate_backend(pid)) from pg_stat_activity
                where pid <> pg_backend_pid() and state like '%transaction%' and random() < 0.3" >/dev/null
        sleep 0.1
    done
}
die() { as_server "$bin/pg_ctl" -D "$work/data" -m immediate stop >/dev/null 2>&1; }
GAPS="select count(*) from (select sequence - lag(sequence, 1, 0) over (order by sequence) as step
      from billow.number_used) s where step <> 1"
UNUSED="select count(*) from billing.number_gap"
BREAKS="select count(*) from billing.chain_break"

fifty a
is "N1: fifty finalisers, a third of whom give up, leave no gap" "$GAPS" 0
is "N1: every number stands on one document" "$UNUSED" 0
is "N1: as many numbers as documents, none twice" \
    "select count(*) = count(distinct number) and count(*) = (select count(*) from billow.number_used) from billing.invoice" t
is "N1: every transaction that was committed has its document" "select count(*) from billing.invoice" 666
is "N5: their documents are one chain" "$BREAKS" 0
fifty b kill_some
is "N1: sessions killed in the middle leave no gap" "$GAPS" 0
is "N1: and no number without a document" "$UNUSED" 0
fifty c die
server || fail "the server does not come back"
is "N1: a crash of the server in the middle leaves no gap" "$GAPS" 0
is "N1: and no number without a document" "$UNUSED" 0
fifty d
is "N1: the series goes on after the crash" "$GAPS" 0
is "N5: and so does the chain" "$BREAKS" 0

# N2: dates.
if sql -c "select finalise('early', '2026-11-01')" >"$work/log" 2>&1; then fail "N2: an earlier date was taken"; fi
grep -q 'is before 2026-11-02, the date of its last number' "$work/log" || fail "N2: what was said: $(cat "$work/log")"
passed=$((passed + 1))
echo "ok      N2: no document is dated before the last one of its series"

# N3: a number that was used without a document.
sql -c "select billow.take_number('$tenant', '$run', 'INV', '2026-11-03', null, 0)" >/dev/null
is "N3: it is in the report of gaps" "select status from billing.number_gap" unused
sql -c "insert into billing.number_void (tenant_id, series, number, reason, voided_by, run_id)
        select '$tenant', series, number, 'printer broke', 'dana', '$run' from billing.number_gap" || fail "N3"
is "N3: a void record says why" "select status || ': ' || reason from billing.number_gap" "void: printer broke"
if sql -c "insert into billing.number_void (tenant_id, series, number, reason, voided_by, run_id)
           select '$tenant', series, number, 'no reason', 'dana', '$run' from billing.invoice limit 1" 2>"$work/log"; then
    fail "N3: a number with a document was voided"
fi
passed=$((passed + 1))
echo "ok      N3: a number that stands on a document cannot be voided"

# N5: the report names the first broken document.
sql -c "create temp table victim as select id, number from billing.invoice order by number offset 7 limit 1" \
    -c "update billing.invoice set body = jsonb_set(body, '{total}', '\"1.00\"') where id = (select id from victim)" \
    -c "select (select number from billing.chain_break order by series, position limit 1) = number from victim" \
    >"$work/out" || fail "N5"
[ "$(cat "$work/out")" = t ] || fail "N5: the first broken document is not named"
passed=$((passed + 1))
echo "ok      N5: a document that was changed is named first"
is "N5: and is the only one" "$BREAKS" 1
sql -c "set session_replication_role = replica" \
    -c "delete from billing.document_chain where position = 20" || fail "N5"
is "N5: a link that was taken out breaks the chain where it was" \
    "select string_agg(problem, ', ' order by problem) from billing.chain_break where position in (21) or position is null" \
    "the document is not in the chain, the link before it is missing or another one"

# Spain: every document is a record of the register, chained by the hash of the tax authority (its published example).
is "the hash of the register is the authority's" "select billing.register_hash_es('89890001K', '12345678/G33',
    '2024-01-01', 'F1', 12.35, 123.45, '', '2024-01-01T19:20:30+01:00')" \
    3C464DAF61ACB827C65FDA19F352A4E3BDC2C640E9E9FC4CC058073F38F12F60
sql -c "insert into billing.document (tenant_id, kind, id, version, body, digest) values ('$tenant', 'firm', 'firm', 1,
        '{\"vat_id\": \"ES89890001K\", \"time_zone\": \"Europe/Madrid\",
          \"number_series\": [{\"id\": \"FT\", \"validation_code\": \"CSDF7T5H\"}]}', 'd')" || fail "firm"
registered() { # ID NUMBER TYPE TAX TOTAL
    sql -c "insert into billing.invoice (tenant_id, id, number, series, type_code, contract_id, customer_id, period,
        currency, issue_date, line_extension_amount, allowance_total_amount, charge_total_amount, tax_exclusive_amount,
        tax_amount, payable_amount, run_id, approved_by, approval_digest, body, html)
        values ('$tenant', '$1', '$2', 'ES', '$3', 'C', 'CU', '2026-10', 'EUR', '2026-11-02', 0, 0, 0, 0, $4, $5, '$run',
        'dana', 'd', jsonb_build_object('register', 'ES', 'lines', jsonb_build_array(), 'totals',
        jsonb_build_object('tax_inclusive_amount', '$5')), 'page')" || fail "register $1"
}
registered es-1 E/1 380 21.00 121.00
registered es-2 E/2 380 0.00 50.00
is "records follow one another" "select count(*) from billing.register_es a join billing.register_es b
    on b.position = a.position + 1 and b.previous = a.hash" 1
is "a record says when, with the offset of the firm's zone" \
    "select count(*) from billing.register_es where generated_at ~ 'T[0-9:]{8}[+]0[12]:00\$'" 2
is "the register is whole" "select count(*) from billing.register_break" 0
sql -c "update billing.register_es set total_amount = 51 where number = 'E/2'" || fail "tamper"
is "a changed record is named" "select number || ': ' || problem from billing.register_break" \
    "E/2: the record is not what was registered"

# Portugal: the document shows the code of its series and its place in it.
paged() { # ID NUMBER SERIES
    sql -c "insert into billing.invoice (tenant_id, id, number, series, type_code, contract_id, customer_id, period,
        currency, issue_date, line_extension_amount, allowance_total_amount, charge_total_amount, tax_exclusive_amount,
        tax_amount, payable_amount, run_id, approved_by, approval_digest, body, html)
        values ('$tenant', '$1', '$2', '$3', '380', 'C', 'CU', '2026-10', 'EUR', '2026-11-02', 0, 0, 0, 0, 0, 0, '$run',
        'dana', 'd', '{\"lines\": []}', 'page {{billow:atcud}}')"
}
paged pt-1 "FT A26/000017" FT || fail "atcud"
is "page and object have the ATCUD" "select html || ', ' || (body->>'atcud') from billing.invoice where id = 'pt-1'" \
    "page ATCUD:CSDF7T5H-000017, ATCUD:CSDF7T5H-000017"
if paged pt-2 "INV-9" INV 2>/dev/null; then fail "a series without a code went out"; fi
passed=$((passed + 1))
echo "ok      a series without a code gives no document"

echo "$passed passed, 0 failed"
