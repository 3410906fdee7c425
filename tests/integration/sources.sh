#!/bin/bash
# sources.sh - time and expenses in every form Billow reads, read again, edited, and edited after they were billed.
#
#   sources.sh BUILD_DIR
. "$(dirname "$0")/harness.sh"
firm=$work/firm
state=$work/state
mkdir -p "$firm" "$state"
"$build/tools/billow-lua" -d "$here" "$here/bench/billing/make_firm.lua" "$firm" 20 1
jq '.[0].expenses = {} | .[0].approval_required = false' "$firm/contracts.json" >"$work/contracts" &&
    mv "$work/contracts" "$firm/contracts.json"
import() { run billow import "$@" --period 2026-10 --dir "$state"; }

run billow bill "$firm" --period 2026-10 --dir "$state" --only-import
expect "the firm is set up" 0 'harvest-time.csv: 20 records, 20 new'

# Billow's own forms: an id of the source is the identity, whatever the order.
cat >"$work/time.csv" <<'CSV'
id,person,project_code,task,notes,work_date,hours,billable
7,Ana,P-00001,Design,"first, of all",2026-10-06,1.5,yes
8,Ana,P-00001,Review,second,2026-10-07,0.75,yes
9,Ana,P-00001,Review,bad day,2026-10-32,1,yes
CSV
import "$work/time.csv"
expect "time as CSV, with one row that cannot be read" 0 '3 records, 3 new' '1 unreadable' 'time:3.*work_date "2026-10-32"'
import "$work/time.csv"
expect "the same again changes nothing" 0 'nothing changed since'
{ head -n 1 "$work/time.csv"; sed -n 3p "$work/time.csv"; sed -n 2p "$work/time.csv"; } >"$work/other.csv"
import "$work/other.csv" --format time
expect "in another order they are the same entries" 0 '2 records, 0 new or changed, 2 unchanged'
echo '{"id":"10","person":"Bo","project_code":"P-00001","task":"Design","work_date":"2026-10-08","hours":2}' \
    >"$work/lines"
timeout 60 billow import - --format time-lines --period 2026-10 --dir "$state" \
    <"$work/lines" >"$work/out" 2>"$work/err"
status=$?
expect "time as lines, from standard input" 0 '1 records, 1 new'
echo '{"id":"1","person":"Bo","date":"2026-10-08","category":"Mileage","currency":"EUR","quantity":120,
"unit_price":"0.30","project_code":"P-00001"}' | tr -d '\n' >"$work/e.jsonl"
import "$work/e.jsonl" --format expense-lines
expect "a mileage as quantity and price" 0 '1 records, 1 new'
printf 'Date,From,To,Duration,Hourly rate,User,Customer,Project,Activity,Description,Billable,Exported\n%s\n' \
    '2026-10-09,09:00,10:30,1:30,100,Kim,Customer 1,Project 1,Design,from Kimai,Yes,No' >"$work/kimai.csv"
import "$work/kimai.csv" --format kimai-time
expect "Kimai's export" 0 '1 records, 1 new'
printf 'Datum,User\n' >"$work/bad.csv"
import "$work/bad.csv" --format kimai-time
expect "a missing column is named" 4 'column Date, Duration, Project, Activity is missing'
import "$work/bad.csv" --format excel
expect "an unknown format is refused" 4 'there is no format excel'

# An approval that is taken back is on record; work that began at the same second is one.
cat >"$work/approved.csv" <<'CSV'
id,person,project_code,task,notes,work_date,hours,billable,approval_status,started_at
20,Cy,P-00001,Design,one,2026-10-12,1,yes,approved,2026-10-12T09:00
21,Cy,P-00001,Design,two,2026-10-12,1,yes,approved,2026-10-12T09:00
CSV
import "$work/approved.csv" --format time
expect "approved work with its start" 0 '2 records, 2 new'
sed 's/one\(.*\),approved/one\1,unapproved/' "$work/approved.csv" >"$work/taken_back.csv"
import "$work/taken_back.csv" --format time
expect "an approval taken back is an edit" 0 '1 new or changed'
run billow report unlocked --period 2026-10 --csv --dir "$state"
expect "and is on record, with who imported it" 0 '2026-10/time:20,2026-10-12,Cy,C-00001,approval_withdrawn,approval_status,' 'unapproved'
check "of the other one nothing is" test "$(grep -c 'time:21' "$work/out")" = 0
import "$work/approved.csv" --format time
run billow report unlocked --period 2026-10 --csv --dir "$state"
expect "giving it again unlocks nothing" 0 'approval_withdrawn'
check "there is one record" test "$(wc -l <"$work/out")" = 2

run billow bill "$firm" --period 2026-10 --dir "$state" --out "$work/docs" --approve-as Ana --clear-as Bo
expect "all of it is billed" 0 'INV-2026-000001'
run jq -r '[.lines[].references[].id] | sort | join(" ")' "$work/docs/invoices/INV-2026-000001.json"
expect "the lines name every source" 0 'expenses:1' 'kimai-time:1' 'time:10' 'time:7' 'time:8'

run billow ledger show 2026-10/time:21 --dir "$state"
expect "what began at the same second is held" 0 'held' 'DUPLICATE_ENTRY'

# An edit of billed work is proposed, never made.
sed 's/,1\.5,/,1.25,/' "$work/time.csv" >"$work/edit.csv"
import "$work/edit.csv" --format time
expect "an edit after billing is told" 0 '1 edited after billing' 'time:7 was edited after it was billed'
import "$work/edit.csv" --format time
proposed() { billow task list --dir "$state" --json 2>/dev/null | jq -e 'any(.[]; .kind == "correction")' >/dev/null; }
check "it is proposed" wait_until 30 proposed # the import does not wait for it, and each command is an engine of its own
run billow task list --dir "$state" --json
check "it is proposed once" test "$(jq '[.[] | select(.kind == "correction")] | length' "$work/out")" = 1
task=$(jq -r '.[] | select(.kind == "correction") | .id' "$work/out")
run billow task show "$task" --dir "$state" --json
expect "the proposal says what changes" 0 'INV-2026-000001' '"field":"duration_seconds"' '"billed":5400' '"now":4500'
run billow task answer "$task" credit --dir "$state" --as Bo
expect "a person agrees" 0
serve_start serve --dir "$state"
approval() { billow task list --dir "$state" --json 2>/dev/null | jq -r '.[] | select(.kind == "approval") | .id' | head -n 1; }
wait_until 10 test -n "$(approval)" || true
run billow task answer "$(approval)" approve --dir "$state" --as Ana
expect "the credit note has its own approval" 0
is_done() { billow run list --workflow correction --dir "$state" --json 2>/dev/null | grep -q '"status":"done"'; }
check "the correction ends" wait_until 20 is_done
run billow run list --workflow correction --dir "$state" --json
run billow ledger show 2026-10/time:7 --dir "$state"
expect "the entry is open in its new version" 0 'credit' 'open'
run billow ledger verify --dir "$state"
expect "the books are whole" 0 'whole'
serve_stop TERM
finish
