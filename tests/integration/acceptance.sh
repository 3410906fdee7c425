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

b ledger verify
expect "the books are whole" 0 "the books are whole"
b invoice verify
expect "every document is as it was issued" 0 "every document is as it was issued"
b doctor --runs
expect "every run waits for one thing" 0 "every run waits for exactly one thing"
serve_stop TERM
finish
