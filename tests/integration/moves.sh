#!/bin/bash
# moves.sh - holds, releases and transfers of entries, as a person gives them, against the sample firm on a real
# PostgreSQL; and the database's own rules about them, tried without any script.
#
#   moves.sh BUILD_DIR
. "$(dirname "$0")/harness.sh"
firm=$here/examples/acme
held=2026-10/harvest-time:20
moved=2026-10/harvest-time:21

billow() { run "$build/bin/billow" "$@" --dir "$work/state"; }
sql() {
    psql -h "$work/state/.billow/pg/sock" -U billow -d billow -qAt -v ON_ERROR_STOP=1 -v VERBOSITY=verbose -c "$1" 2>"$work/err" >"$work/out"
}

states() { # ENTRY: "state quantity" of each
    sql "select string_agg(state || ' ' || quantity, ', ' order by state) from billing.ledger_balance
          where entry_id = '$1' and quantity > 0" && cat "$work/out"
}

approve() { # the one open approval, as NAME
    billow task list --json
    "$build/bin/billow" task answer "$(field '.[0].id')" approve --as "$1" --dir "$work/state" >/dev/null
}

# refused NAME CONSTRAINT SQL: the database says no, whoever asks.
refused() {
    status=0
    sql "begin; select set_config('billow.tenant', (select tenant_id::text from billing.entry limit 1), true);
         set local role billow_script; $3; set constraints all immediate; commit" && status=1
    if [ $status = 0 ] && grep -q "$2" "$work/err"; then ok "$1"; else failure "$1 ($2)"; fi
}

run "$build/bin/billow" bill "$firm" --period 2026-10 --out "$work/docs" --only-import --dir "$work/state"
expect "the month is imported" 0
serve_start serve --dir "$work/state"
before=$(states $held)

billow ledger hold $held --dry-run --reason "the order is missing"
expect "a hold is tried first" 0 'hold of [0-9.]+ EUR of C-0[12]: nobody is asked' "$held 2.07 h"
billow ledger hold $held
expect "a hold needs a reason" 64 'reason is needed'
billow ledger hold nobody:1 --reason x
expect "an entry that is not there is exit 4" 4 'there is no entry nobody:1'
billow ledger hold harvest-time:20 --reason "the order is missing" --owner nina --review 2026-12-24
expect "an entry is put on hold" 0 'put on hold' 'nina looks at it on 2026-12-24'
billow ledger transfer harvest-time:20 --to C-05 --reason x
expect "what is on hold is released first" 4 'on hold: release it first'
billow report holds
expect "the report says why, whose, and until when" 0 "$held" 'the order is missing' nina 2026-12-24

billow ledger transfer harvest-time:21=0.5h --to C-05 --reason "it was theirs"
expect "a transfer to another customer waits for somebody else" 0 'waits for a decision'
approve "Dana Scully"
wait_until 10 sql "select 1 / (select count(*) from billing.entry where id = '$moved#2')"
billow ledger show "$moved#2"
expect "what moved is an entry of the other contract" 0 'C-05' 'transferred from' '1800 open'
billow ledger show $moved
expect "its story says where it went, why, and who agreed" 0 "$moved#2" 'it was theirs' 'agreed by Dana Scully'

refused "the database lets no claim take what is on hold" ledger_check "insert into billing.ledger
    (entry_id, kind, from_state, to_state, quantity, run_id, actor)
    select '$held', 'claim', 'on_hold', 'claimed', 60, gen_random_uuid(), 'eve'"
refused "nobody writes down what is on hold" on_hold_is_released "insert into billing.ledger
    (entry_id, kind, from_state, to_state, quantity, run_id, actor)
    select '$held', 'write_down', 'on_hold', 'written_off', 60, gen_random_uuid(), 'eve'"
refused "nothing is on hold without a reason" hold_has_a_reason "insert into billing.ledger
    (entry_id, kind, from_state, to_state, quantity, run_id, actor)
    select '2026-10/harvest-time:22', 'hold', 'open', 'on_hold', 60, gen_random_uuid(), 'eve'"
refused "what has moved does not come back by another way" transfer_moves "insert into billing.ledger
    (entry_id, kind, from_state, to_state, quantity, run_id, actor)
    select '$moved', 'release', 'moved', 'open', 60, gen_random_uuid(), 'eve'"
refused "nothing moves nowhere" transfer_arrives "insert into billing.ledger
    (entry_id, kind, from_state, to_state, quantity, run_id, actor)
    select '$moved', 'transfer', 'open', 'moved', 60, gen_random_uuid(), 'eve'"
refused "nothing moves twice to one place" transfer_arrives "insert into billing.ledger
    (entry_id, kind, from_state, to_state, quantity, run_id, actor, moved_to)
    select '$moved', 'transfer', 'open', 'moved', 60, gen_random_uuid(), 'eve', '$moved#2'"
refused "a part comes from somewhere" transfer_arrives "insert into billing.entry (id, kind, source, source_rank, sequence,
    digest, quantity, unit, body, imported_by, contract_id, origin_id, root_id)
    select id || '#9', kind, source, source_rank, sequence, 'x', 60, unit, body, gen_random_uuid(), 'C-05', id, id
      from billing.entry where id = '$moved'"
refused "a part is not edited" transferred_work_stays "update billing.entry set quantity = 60 where id = '$moved#2'"
serve_stop TERM

run "$build/bin/billow" bill "$firm" --period 2026-10 --out "$work/docs" --approve-as "Dana Scully" --dir "$work/state"
expect "the month is billed" 0
serve_start serve --dir "$work/state"
check "what is on hold is on no bill" test "$(states $held)" = "${before/open/on_hold}"
check "the rest of what moved is billed once" test "$(states $moved)" = "billed 1020, moved 1800"
check "what moved is billed once, by the other contract" test "$(states "$moved#2")" = "billed 1800"
sql "select count(*) from billing.invoice i cross join lateral jsonb_array_elements(i.body->'lines') l
      cross join lateral jsonb_array_elements(l->'references') r where r->>'id' = 'harvest-time:21#2'
        and i.contract_id <> 'C-05'"
check "no other contract's invoice names it" test "$(cat "$work/out")" = 0
billow ledger verify
expect "the books are whole" 0 'the books are whole'
billow ledger transfer harvest-time:21 --to C-05 --reason x
expect "billed work is credited first" 4 'it is billed \(INV-2026-[0-9]+\): credit it first'
billow ledger release harvest-time:20 --reason "order 4711"
expect "the hold is released" 0 released
check "and its work is open" test "$(states $held)" = "$before"
billow report holds
expect "nothing is on hold" 0 none
billow run list --workflow hold-review --json
expect "the review is over" 0 '"status":"done"'

# --- Broken by hand, behind the back of all rules: each kind of break is found, and named.
by_hand() { sql "set session_replication_role = replica; $1"; }
breaks() { # WHAT PATTERN SQL
    by_hand "$3"
    billow ledger verify
    expect "verify finds $1" 1 "$2"
}
breaks "a part that is not what left" 'transfer +2026-10/harvest-time:21 +1801 of it moved to 2026-10/harvest-time:21#2, which' \
    "update billing.ledger set quantity = 1801 where entry_id = '$moved' and kind = 'transfer'"
by_hand "update billing.ledger set quantity = 1800 where entry_id = '$moved' and kind = 'transfer'"
breaks "a part that comes from nowhere" 'transfer +2026-10/harvest-time:22 +it is said to come from' \
    "update billing.entry set origin_id = '$held', root_id = '$held', contract_id = 'C-02' where id = '2026-10/harvest-time:22'"
by_hand "update billing.entry set origin_id = null, root_id = null, contract_id = null where id = '2026-10/harvest-time:22'"
breaks "work that is billed and was never billed" 'billed +2026-10/harvest-time:21 +0 was billed and 0 credited, yet 1020' \
    "update billing.ledger set kind = 'exclude' where entry_id = '$moved' and kind = 'bill'"
by_hand "update billing.ledger set kind = 'bill' where entry_id = '$moved' and kind = 'exclude'"
breaks "a movement for a line that is not there" 'movement +2026-10/harvest-time:21 +a movement .bill. names line 99' \
    "update billing.ledger set line_id = '99' || line_id where entry_id = '$moved' and kind = 'bill'"
by_hand "update billing.ledger set line_id = substr(line_id, 3) where entry_id = '$moved' and kind = 'bill'"
breaks "a claim of nobody" "claim +$held +60 of it is claimed by run .*, which is over" "set session_replication_role = origin;
    insert into billing.ledger (tenant_id, entry_id, kind, from_state, to_state, quantity, run_id, actor)
    select tenant_id, id, 'claim', 'open', 'claimed', 60, gen_random_uuid(), 'eve' from billing.entry where id = '$held'"
breaks "a hold without a reason" "hold +$held +it was put on hold, and nobody says why" "delete from billing.entry_hold"
finish
