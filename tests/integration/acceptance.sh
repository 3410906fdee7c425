#!/bin/bash
# acceptance.sh - a small firm of all four models (nord/) as finance, consultants and auditors use it: what a person
# does wrong is said, counts for nothing, and every number explains itself.
#
#   acceptance.sh BUILD_DIR
. "$(dirname "$0")/harness.sh"
export BILLOW_DIR=$work/state
firm=$work/october
mkdir "$BILLOW_DIR"
cp -r "$here/tests/integration/nord" "$firm"

b() { run "$build/bin/billow" "$@"; }
task_of() { billow task list --json 2>/dev/null | jq -r ".[] | select(.kind == \"$1\" and .group == \"$2\") | .id"; }
has_task() { [ -n "$(task_of "$1" "$2")" ]; }
invoices() { billow invoice list --json 2>/dev/null | jq length; }
has_invoices() { [ "$(invoices)" -eq "$1" ]; }

# --- What lies in the folder is read, or said not to be.
cp "$firm/time.csv" "$firm/timesheet.csv"
b bill "$firm" --period 2026-10 --only-import --as ana
expect "a folder's time in our own words is billed like any tracker's export" 0 "time.csv: 10 records, 10 new"
expect "a table with an unknown name is not passed over in silence" 0 "timesheet.csv is not read: .*--format NAME"
rm "$firm/timesheet.csv"
b import "$firm/time.csv" --period 2026-10
expect "and is known when it is given again" 0 "was imported before"

# --- Two of three must approve; who prepared the bill does not count.
serve_start serve
b policy set approval count 2 --as admin
b policy set approval approvers '["Ana Ruiz", "Dana", "Fred"]' --as admin
b policy set approval people '{"dana2": "Dana"}' --as admin
b policy set approval delegations '[{"from": "Fred", "to": "Greta", "start_date": "2026-01-01"}]' --as admin
b bill "$firm" --period 2026-10 --contract C-FF --as "Ana Ruiz"
wait_until 20 has_task approval C-FF
b task answer "$(task_of approval C-FF)" aprove --as Dana
expect "an answer that is none is refused, with those that are" 4 "'aprove' is no answer to this task: it takes approve, reject"
b task answer "$(task_of approval C-FF)" approve --as "Ana Ruiz"
expect "whoever prepared a bill is told that the approval does not count" 7 "does not count: .*prepared this bill"
b task answer "$(task_of approval C-FF)" approve --as Zed
expect "so is who is not among the approvers" 7 "Zed is not among the approvers"
b task answer "$(task_of approval C-FF)" approve --as Dana
expect "the first of two approvals counts" 0 "approve, by Dana"
b task answer "$(task_of approval C-FF)" approve --as dana2
expect "the same human under another name does not" 7 "has approved already: another person is needed"
b task answer "$(task_of approval C-FF)" reassign --comment Greta --as Dana
expect "a question that is handed on is no refused answer" 0 "reassign, by Dana"
check "nothing is issued before the second yes" has_invoices 0
first=$(task_of approval C-FF)
b task answer "$first" approve --as Greta
expect "a delegate is the second" 0 "approve, by Greta"
check "then both documents are issued" wait_until 20 has_invoices 2
b task answer "$first" approve --as Fred
expect "a question that was answered says when, as a date" 6 "answered already: approve by Greta at 20[0-9-]{8}T[0-9:.]+Z"

# --- Every number explains itself; what does not fit is refused and half done nowhere.
b policy unset approval count
b policy unset approval approvers
b bill "$firm" --period 2026-10 --as "Ana Ruiz" --approve-as Dana
expect "the other contracts are billed" 0
usage=$(billow invoice list --json 2>/dev/null | jq -r '.[] | select(.contract_id == "C-US") | .number')
b invoice explain "$usage"
expect "a tier says what the meter measured, and how that became what is priced" 0 \
    "measured: 13501" "13501 / 1000, rounding ceiling: 14"
fee=$(billow invoice list --json 2>/dev/null | jq -r '.[] | select(.contract_id == "C-FF" and .type_code == "380") | .number')
b dispute open "$fee" --line 1 --reason scope --as Chris
expect "a line that comes to more than its invoice is disputed to what the invoice asks" 0 "4819.50 EUR"
b dispute open "$fee" --amount 1 --reason scope --as Chris
expect "more than all is refused in words" 4 "would come to more than the invoice"
check "and no run is parked by it" test "$(billow run list --status parked --json 2>/dev/null | jq length)" = 0
b credit "$usage" --lines 2 --reason hours --as Chris
b task answer "$(task_of approval C-US)" approve --as Dana
expect "a credit note is approved by somebody else" 0
check "and issued" wait_until 20 has_invoices 9
note=$(billow invoice list --json 2>/dev/null | jq -r '.[] | select(.type_code == "381") | .number')
b invoice explain "$note"
expect "a credit note says which line of which invoice it credits, and its tax" 0 "credits line 2 of $usage" \
    "tax: DE-S: S 19 %" "tax S: 19 % of 100.00 = 19.00 EUR" "with tax: 119.00 EUR"

b invoice void "$fee" --reason test
expect "a number with a document is not voided, and what to do instead is said" 4 "not voided: 'billow credit' it"
check "nor is a run parked by the attempt" test "$(billow run list --status parked --json 2>/dev/null | jq length)" = 0
b report receivables --period 2026-10
expect "a report that is not by period does not pretend to be" 4 "receivables is not by period"
b report revenue --period 2026-10 --csv
expect "one that is, is" 0 "period,contract,model"

b ledger verify
expect "the books are whole" 0 "the books are whole"
b invoice verify
expect "every document is as it was issued" 0 "every document is as it was issued"
b doctor --runs
expect "every run waits for one thing" 0 "every run waits for exactly one thing"
serve_stop TERM
finish
