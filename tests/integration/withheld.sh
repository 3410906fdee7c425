#!/bin/bash
# withheld.sh - tax that the buyer keeps back: on the invoice, in what is owed, in a credit note, in the books.
#
#   withheld.sh BUILD_DIR
. "$(dirname "$0")/harness.sh"
firm=$work/firm
state=$work/state
mkdir -p "$firm" "$state"
"$build/tools/billow-lua" -d "$here" "$here/bench/billing/make_firm.lua" "$firm" 12 2
jq 'map(.approval_required = false | if .id == "C-00001" then .withholding_taxes = [{name: "IRPF", percent: "15"}] else . end)' \
    "$firm/contracts.json" >"$work/contracts" && mv "$work/contracts" "$firm/contracts.json"

mkdir -p "$work/wrong"
cp "$firm"/* "$work/wrong/"
jq 'map(if .id == "C-00001" then .withholding_taxes[0].percent = "150" else . end)' "$firm/contracts.json" \
    >"$work/wrong/contracts.json"
run billow bill "$work/wrong" --period 2026-10 --dir "$work/other" --only-import
expect "more than all is not withheld" 4 'withholding_taxes' '150' 'the percentage that the buyer keeps back'

run billow bill "$firm" --period 2026-10 --dir "$state" --out "$work/docs" --approve-as Ana --clear-as Bo
expect "the month is billed" 0 'INV-2026-000002'
run billow invoice show INV-2026-000001 --dir "$state" --json
cp "$work/out" "$work/invoice"
cents() { jq -r "$1 | tonumber * 100 | round" "$work/invoice"; }
net=$(cents .totals.tax_exclusive_amount)
withheld=$(cents .totals.prepaid_amount)
check "15 % of the net are withheld" test "$withheld" = $(((net * 15 + 50) / 100))
check "what is payable is the total less that" test "$(cents .totals.payable_amount)" = \
    $(($(cents .totals.tax_inclusive_amount) - withheld))
check "the page says so" grep -q 'Less IRPF 15 % withheld' "$work/docs/invoices/INV-2026-000001.html"
run billow invoice explain INV-2026-000001 --dir "$state"
expect "and the explanation" 0 'less IRPF, which the buyer withholds: 15 % of'
run billow report receivables --dir "$state" --json
check "what is owed is what is payable" jq -e --slurpfile i "$work/invoice" \
    'any(.rows[]; .customer == $i[0].customer_id and (.total | tonumber) == ($i[0].totals.payable_amount | tonumber))' "$work/out"

serve_start serve --dir "$state"
# Short by as much as is withheld, once more: that was taken off already, so it is no withheld tax.
short=$(($(cents .totals.payable_amount) - withheld))
printf 'booking_date,amount,text,reference\n2026-12-20,%d.%02d,INV-2026-000001,R-1\n' \
    $((short / 100)) $((short % 100)) >"$work/bank.csv"
run billow payment import "$work/bank.csv" --format csv --options '{"account":"DE99","currency":"EUR"}' --dir "$state"
expect "a payment short by the tax once more is asked about as a part of what is owed" 0 'some stays open'

run billow credit INV-2026-000001 --amount 0.03 --reason rounding --dir "$state" --as Bo
expect "a small credit is asked for" 0
approve() {
    local id
    id=$(billow task list --dir "$state" --json 2>/dev/null | jq -r '.[] | select(.kind == "approval") | .id' | head -n 1)
    [ -n "$id" ] && billow task answer "$id" approve --as Ana --dir "$state" >"$work/answer" 2>&1
}
documents() { [ "$(billow invoice list --period 2026-10 --dir "$state" --json 2>/dev/null | jq length)" = "$1" ]; }
check "it is approved" wait_until 20 approve
check "and issued" wait_until 20 documents 3
run billow credit INV-2026-000001 --all --reason rate --dir "$state" --as Bo
expect "what is left is credited" 0
check "that is approved" wait_until 20 approve
check "and issued, too" wait_until 20 documents 4
serve_stop TERM
run billow report withheld-taxes --period 2026-10 --dir "$state" --json
check "the certificates of an invoice that was credited come to nothing" jq -e \
    '(.rows | length) == 3 and ([.rows[].withheld | tonumber * 100 | round] | add) == 0' "$work/out"
run billow report receivables --dir "$state" --json
check "and nothing of it is owed" jq -e --slurpfile i "$work/invoice" \
    'all(.rows[]; .customer != $i[0].customer_id or (.total | tonumber) == 0)' "$work/out"
run billow ledger verify --dir "$state"
expect "the books are whole" 0 'whole'
run billow invoice verify --dir "$state"
expect "and the chain" 0
finish
