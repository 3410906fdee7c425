#!/bin/bash
# usage.sh - many usage events: imported in one go, counted by the database, billed once, whatever is killed.
#
#   usage.sh BUILD_DIR [EVENTS]
. "$(dirname "$0")/harness.sh"
events=${2:-45000}
firm=$work/firm
state=$work/state
mkdir -p "$firm" "$state"
"$build/tools/billow-lua" -d "$here" "$here/bench/billing/make_firm.lua" "$firm" 10 1 "$events"

# What a meter cannot count: no number, a kind of event nobody meters, one source and id that says two things.
{
    echo '{"specversion":"1.0","id":"bad-1","source":"/gateway","type":"api.call","time":"2026-10-03T10:00:00Z","subject":"metered","data":{"calls":"many","region":"r1"}}'
    echo '{"specversion":"1.0","id":"bad-2","source":"/gateway","type":"api.coll","time":"2026-10-03T10:00:00Z","subject":"metered","data":{"calls":1,"region":"r1"}}'
    echo '{"specversion":"1.0","id":"e-0000000","source":"/gateway","type":"api.call","time":"2026-10-03T10:00:00Z","subject":"metered","data":{"calls":5,"region":"r1"}}'
} >>"$firm/usage.jsonl"
nobody_listens() {
    curl -s -o /dev/null --max-time 1 --unix-socket "$state/.billow/billow.sock" http://billow/v1/stats
    [ $? = 7 ]
}
# Whatever was killed has ended, and its database too.
gone() {
    wait_until 10 eval '! pgrep -f "billow bill $firm" >/dev/null'
    wait_until 10 nobody_listens # a process that dies has no name any more, and its socket still
    for pid in $(pids_of_databases); do kill -INT "$pid" 2>/dev/null; done
}
repeated=$((events / 100 + 1))
calls=$(head -n "$events" "$firm/usage.jsonl" | sort -u | jq -s 'map(.data.calls) | add')

# Killed while it imports, at five moments; then it goes on.
for after in 1 2 3 4 5; do
    timeout -s KILL "$after" "$build/bin/billow" bill "$firm" --period 2026-10 --dir "$state" --only-import \
        >/dev/null 2>&1 &
    wait $! 2>/dev/null
    gone
done
run timeout 300 "$build/bin/billow" bill "$firm" --period 2026-10 --dir "$state" --only-import
expect "an import that was killed goes on" 0 "usage.jsonl: $((events + 3)) records, [0-9]+ new or changed"
expect "what came twice is counted" 0 ", $repeated repeated"
run timeout 300 "$build/bin/billow" import "$firm/usage.jsonl" --period 2026-10 --dir "$state"
expect "the same file again changes nothing" 0 'nothing changed since'
run billow import "$firm/usage.jsonl" --period 2026-11 --dir "$state" --check
expect "a check stores nothing" 0 "$((events + 3)) records, 0 new or changed"

# A file with a line that is no event is refused whole when that is asked for.
head -n 3 "$firm/usage.jsonl" >"$work/usage.jsonl"
echo 'not an event' >>"$work/usage.jsonl"
run billow import "$work/usage.jsonl" --period 2026-12 --dir "$state" --check
expect "a check says that not all can be read" 4 '0 new or changed' '1 unreadable' 'usage:line-4'
run billow import "$work/usage.jsonl" --period 2026-12 --dir "$state" --all-or-nothing
expect "all or nothing: nothing" 4 'nothing was imported, 1 of 4 records' 'usage:line-4'
run billow import "$work/usage.jsonl" --period 2026-12 --dir "$state"
expect "without it: what can be read" 0 '3 new or changed|4 new or changed' '1 unreadable'

# Killed while it bills: between claim, count, issue, and the stretches that follow.
for after in 1.2 1.6 2 2.5 3; do
    timeout -s KILL "$after" "$build/bin/billow" bill "$firm" --period 2026-10 --dir "$state" --out "$work/out.d" \
        --approve-as Ana --clear-as Bo >/dev/null 2>&1 &
    wait $! 2>/dev/null
    gone
done
run timeout 300 "$build/bin/billow" bill "$firm" --period 2026-10 --dir "$state" --out "$work/out.d" \
    --approve-as Ana --clear-as Bo
expect "a bill that was killed goes on" 0 'Issued invoices of 2026-10'
cat "$work"/out.d/invoices/*.json | jq -rs '[.[] | select(.contract_id == "C-00002") | .lines[] |
    select(.description_key | startswith("usage:calls")) | .quantity | tonumber] | add' >"$work/out"
check "every call is on the invoice once" test "$(cat "$work/out")" = "$calls"
run jq -r '[.[] | .code] | sort | join(" ")' "$work/out.d/exceptions.json"
check "what cannot be counted is an exception" grep -q 'DUPLICATE_EVENT_CONFLICT INVALID_EVENT UNKNOWN_EVENT_TYPE' \
    "$work/out"
run billow ledger verify --dir "$state"
expect "the books are whole" 0 'whole'
serve_start serve --dir "$state"
counted() { psql -h "$state/.billow/pg/sock" -U billow -d billow -qAt -c "$1"; }
check "the planner was told what was imported" test \
    "$(counted "select analyze_count > 0 from pg_stat_user_tables where relid = 'billing.entry'::regclass")" = t
left=$(counted "select count(*) from billing.ledger_balance where state = 'claimed' and quantity > 0")
check "nothing stays claimed" test "$left" = 0
billed=$(counted "select count(*) from billing.ledger_balance b join billing.entry e on e.id = b.entry_id
    where e.kind = 'usage' and e.import_set = '2026-10' and b.state = 'billed' and b.quantity > 0")
check "each event is billed once" test "$billed" = $((events - events / 100))
serve_stop TERM
finish
