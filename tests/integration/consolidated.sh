#!/bin/bash
# consolidated.sh - several contracts of a customer on one invoice: one number, each contract's own part in the books,
# killed while it is approved, and credited.
#
#   consolidated.sh BUILD_DIR
. "$(dirname "$0")/harness.sh"
firm=$work/firm
state=$work/state
mkdir -p "$firm" "$state"
"$build/tools/billow-lua" -d "$here" "$here/bench/billing/make_firm.lua" "$firm" 24 3
jq 'map(.approval_required = false | if .id == "C-00003" then . else .customer_id = "CU-00001" | .invoice_group = "one" end)' \
    "$firm/contracts.json" >"$work/contracts" && mv "$work/contracts" "$firm/contracts.json"

# What does not fit together is refused before anything is stored.
mkdir -p "$work/wrong"
cp "$firm"/* "$work/wrong/"
jq 'map(if .id == "C-00003" then .invoice_group = "one" else . end)' "$firm/contracts.json" >"$work/wrong/contracts.json"
run billow bill "$work/wrong" --period 2026-10 --dir "$work/other" --only-import
expect "a contract of another customer does not fit the group" 4 'C-00003' 'invoice_group' 'another customer'

run billow bill "$firm" --period 2026-10 --dir "$state" --only-import
expect "the firm is set up" 0 '24 new'

# The engine is killed while people approve; nothing is billed twice, nothing is lost.
run billow readiness --period 2026-10 --dir "$state"
serve_start serve --dir "$state"
run billow run start consolidated --input '{"group":"one","period":"2026-10"}' --dir "$state" --as Otto
expect "the bill of the group is started" 0
tasks() { billow task list --dir "$state" --json 2>/dev/null | jq -r '.[] | select(.kind == "approval") | .id'; }
both() { [ "$(tasks | wc -l)" = 2 ]; }
check "each contract has its own approval" wait_until 20 both
first=$(tasks | head -n 1)
run billow task answer "$first" approve --dir "$state" --as Ana
expect "one of them is given" 0
serve_stop KILL
serve_start serve --dir "$state"
one() { [ "$(tasks | wc -l)" = 1 ]; }
check "after a kill the other one still waits" wait_until 20 one
run billow task answer "$(tasks)" approve --dir "$state" --as Ana
expect "the other one is given" 0
is_done() { billow run list --workflow consolidated --dir "$state" --json 2>/dev/null | grep -q '"status":"done"'; }
check "the run ends" wait_until 20 is_done
serve_stop TERM

run billow bill "$firm" --period 2026-10 --dir "$state" --out "$work/docs" --approve-as Ana --clear-as Bo
expect "the month bills the contract that is left" 0 'INV-2026-000002'
run billow invoice list --period 2026-10 --dir "$state" --json
check "there are two invoices for three contracts" test "$(jq length "$work/out")" = 2
run billow invoice show INV-2026-000001 --dir "$state" --json
expect "the invoice names its contracts" 0 '"C-00001"' '"C-00002"'
cp "$work/out" "$work/invoice"
cents() { jq -r "$1 * 100 | round" "$work/invoice"; }
check "their parts add up to it" test "$(cents '(.totals.tax_exclusive_amount | tonumber)')" = \
    "$(cents '([.contracts[].net_amount | tonumber] | add)')"
run billow report cockpit --period 2026-10 --csv --dir "$state"
expect "each contract has its part in the figures" 0 "C-00001.*$(jq -r '.contracts[0].net_amount' "$work/invoice")" \
    "C-00002.*$(jq -r '.contracts[1].net_amount' "$work/invoice")"
run billow invoice explain INV-2026-000001 --dir "$state"
expect "every line explains itself" 0 'harvest-time:1 ' 'harvest-time:2 ' 'C-00001: Ana; C-00002: Ana'
run billow ledger verify --dir "$state"
expect "the books are whole" 0 'whole'
run billow invoice verify --dir "$state"
expect "the chain is whole" 0

# A credit of one line is the business of the contract that the line is of.
line=$(jq -r '[.lines[] | select(.contract_id == "C-00002")][0].id' "$work/invoice")
amount=$(jq -r ".lines[] | select(.id == \"$line\") | .net_amount" "$work/invoice")
serve_start serve --dir "$state"
run billow credit INV-2026-000001 --lines "$line" --rebill --reason hours --dir "$state" --as Bo
expect "its work cannot be billed again by itself" 4 'several contracts'
run billow credit INV-2026-000001 --lines "$line" --reason hours --dir "$state" --as Bo
expect "a credit of the line is asked for" 0
check "the credit note waits for its approval" wait_until 20 one
run billow task answer "$(tasks)" approve --dir "$state" --as Ana
expect "the credit note is approved" 0
credited() { billow invoice list --period 2026-10 --dir "$state" --json | jq -e 'length == 3' >/dev/null; }
check "the credit note is issued" wait_until 20 credited
serve_stop TERM
run billow report cockpit --period 2026-10 --csv --dir "$state"
left=$(jq -r ".contracts[1].net_amount | tonumber - $amount | . * 100 | round" "$work/invoice")
figure() { awk -F, -v id="$1" '$2 == id {printf "%.0f", $7 * 100}' "$work/out"; }
check "its contract's figures are lowered" test "$(figure C-00002)" = "$left"
check "and no other's" test "$(figure C-00001)" = "$(cents '(.contracts[0].net_amount | tonumber)')"
run billow ledger verify --dir "$state"
expect "and the books are whole" 0 'whole'
finish
