#!/bin/bash
# approvals.sh - approvals by people, in bulk and by signed links, on a real PostgreSQL: what must not count does not.
#
#   approvals.sh BUILD_DIR
. "$(dirname "$0")/harness.sh"
dir=$work/state

b() { run "$build/bin/billow" "$@" --dir "$dir"; }
sql() {
    psql -h "$dir/.billow/pg/sock" -U billow -d billow -qAt -v ON_ERROR_STOP=1 -c "$1"
}
# The id of the only open task of a kind and contract.
task_of() {
    b task list --json
    jq -r ".[] | select(.kind == \"$1\" and .group == \"$2\") | .id" "$work/out"
}
has_task() { [ -n "$(task_of "$1" "$2")" ]; }
status_of() {
    b run show "$1" --json
    field '.run.status'
}
soon() { # asks forty times
    for _ in $(seq 40); do
        "$@" && return 0
        sleep 0.1
    done
    return 1
}
is_done() { [ "$(status_of "$1")" = done ]; }

# Starts the bill of a contract as otto; holds its exceptions; leaves its approval open.
start() {
    b run start "$2" --input "{\"contract\":\"$1\",\"period\":\"2026-10\"}" --as otto --json
    started=$(field .id)
    soon has_task exception "$1" && b task answer "$(task_of exception "$1")" hold --as nina
    soon has_task approval "$1"
}

run "$build/bin/billow" bill "$here/examples/acme" --period 2026-10 --out "$work/docs" --only-import --dir "$dir"
expect "the sample firm is imported" 0
serve_start serve --dir "$dir"

# --- links
start C-01 tm
run_1=$started
task=$(task_of approval C-01)
b task link "$task" --for "Dana Scully" --json
expect "a link is made for one person" 0 '"for":"Dana Scully"' '"expires_at"'
token=$(field .token)
b task view "$token"
expect "it shows what the task shows, with a hash of it" 0 '"rendering":"[0-9a-f]{64}"' '"net":"4[0-9.]*"|"documents"'
rendering=$(field .rendering)
forged=$(printf '%s' "$token" | sed 's/^./f/')
b task answer --token "$forged" approve
expect "a forged link is refused" 7 'not a link of ours'
b task answer --token "${token%.*}." approve
expect "a link without its signature is refused" 7 'not a link of ours'
b task answer --token "$token" approve --rendering 0000
expect "an answer to something else than was shown is refused" 6 'something else'
# What the task shows is changed behind everybody's back: one digit of an amount.
sql "update billow.task set body = overlay(body placing 'C-91'::bytea from position('C-01'::bytea in body))
     where task_id = '$task'" >/dev/null
b task answer --token "$token" approve --rendering "$rendering"
expect "a link does not answer a task that shows something else now" 6 'something else'
check "and the run still waits" test "$(status_of "$run_1")" = open

start C-02 tm
task=$(task_of approval C-02)
b task link "$task" --for otto --json
token=$(field .token)
b task answer --token "$token" approve
expect "a link of the person who prepared it does not count, and that is said" 7 \
    'does not count: otto prepared this bill' 'billow task show'
check "and the question is open again" soon has_task approval C-02
b task answer --token "$token" approve
expect "a link answers once" 6 'answered already'
task=$(task_of approval C-02)
b task show "$task" --json
expect "the next approver is told why" 0 'otto prepared this bill'
b task link "$task" --for dana --hours 1 --json
token=$(field .token)
id=$(field .id)
b task answer --token "$token" approve
expect "a link of somebody else approves it" 0
b run list --workflow tm --json
check "the bill is issued" soon is_done "$started"
b invoice list --json
number=$(jq -r '.[] | select(.contract_id == "C-02") | .number' "$work/out")
b invoice explain "$number" --json
expect "the invoice keeps the evidence: which link, what was shown, who, when" 0 "\"link\":\"$id\"" \
    '"rendering":"[0-9a-f]{64}"' '"via":"link"' '"answered_at"'
b task answer --token "$token" approve
expect "a used link is refused" 6 'answered already'
check "links are in the audit: made" test "$(sql "select count(*) from billow.audit where action = 'task.link'")" -ge 3
check "links are in the audit: looked at" test "$(sql "select count(*) from billow.audit where action = 'task.seen'")" -ge 1

# A link that has expired: its hour is over for the database's clock of the token, which is in the token itself.
start C-03 tm
task=$(task_of approval C-03)
b task link "$task" --for dana --hours 0
expect "a link lasts at least an hour" 4 'from 1 to 2160 hours'
b task link "$task" --json
expect "a link is for somebody" 64 '--for is needed'
b policy set approval approvers '["dana"]'
start C-04 tm
b task link "$(task_of approval C-04)" --for piet
expect "nobody gets a link for a task they are not asked about" 7 'not among those who are asked'

# --- edits instead of an approval
task=$(task_of approval C-03)
b task answer "$task" edit --as piet --data '{"edits":'
expect "edits that are no JSON are refused" 4 '--data is no JSON'
b task answer "$task" edit --as piet \
    --data '{"edits":[{"kind":"write_down","amount":"5.00","reason":"slow start","reason_code":"goodwill"}]}'
expect "an approver edits the bill instead" 0
edited() { b task list --json && grep -q '"slow start"' "$work/out"; }
check "it is another bill, for others to approve" soon edited

# --- in bulk: exceptions first
b policy set approval rules '[{"when":{"above":"1"},"approvers":["carl"]}]' --contract C-04
b task answer --all approve --as dana --dry-run --json
expect "in bulk: shown before it is done" 0 '"answered":\[' '"exceptions":\['
check "in bulk: nothing was answered yet" has_task approval C-04
usual=$started
start C-08 tm
b task answer --all approve --group C-08 --with-exceptions --as otto
expect "in bulk: what does not count is told, and is not counted" 1 'otto is not among|otto prepared this bill' \
    '0 answered with approve by otto'
b task answer --all approve --as dana
expect "in bulk: the usual ones are answered" 0 'answered with approve by dana'
check "in bulk: and checked like any other" soon is_done "$usual"

# --- rejected, mended, billed again
bill() { b bill "$here/examples/acme" --period 2026-10 --contract C-14 --out "$work/docs" --clear-as nina "$@"; }
invoices_of() { b invoice list --json && jq "[.[] | select(.contract_id == \"$1\")] | length" "$work/out"; }
bill
expect "rejected: a bill that nobody answers waits" 130 "goes on where this stopped"
check "rejected: one of those asked says no" b task answer "$(task_of approval C-14)" reject --as dana
bill
expect "rejected: said, with the way on" 0 'no invoice for C-14 .*: rejected' 'bill them with --again'
bill --approve-as dana
expect "rejected: it stays so" 0 'no invoice for C-14 .*: rejected'
bill --approve-as dana --again
expect "rejected: billed in another round" 0 'INV-2026-[0-9]+ +C-14'
bill --approve-as dana --again
expect "rejected: the first round's no is over" 0 'INV-2026-[0-9]+ +C-14'
check "rejected: and nothing is billed twice" test "$(invoices_of C-14)" = 1

# --- the chain of what was issued
b invoice verify
expect "every document is as it was issued" 0 'every document is as it was issued' 'stands on a document'
sql "update billing.invoice set body = jsonb_set(body, '{due_date}', '\"2030-01-01\"') where contract_id = 'C-02'" >/dev/null
b invoice verify
expect "the first broken document is named" 1 "$number" 'not what was issued'
b invoice void "$number" --reason "does not matter"
expect "a number with a document is not voided" 4 'no number that was given and stands on no document'
b readiness --period 2026-10 --json
expect "readiness: scores, and who has to act" 0 '"score":[0-9]+' '"owner"' '"blockers"'
b readiness --period 2026-10 --contract C-01
expect "readiness: one contract, in words" 0 'C-01' 'to be done'

serve_stop TERM
finish
