#!/bin/bash
# receivables_cli.sh - credits, write-offs, disputes, payments and statements as a person types them, against the
# sample firm's billed month on a real private PostgreSQL.
#
#   receivables_cli.sh BUILD_DIR
#
# One line per promise, "ok" or "FAILED"; exit 1 when one of them failed.
. "$(dirname "$0")/commands.sh"

task() { # the task that the last command waits for
    sed -n 's/.*billow task answer \([^ ]*\) .*/\1/p' "$work/out" | head -n 1
}

month() {
    check "the month is billed" 0 billow bill "$here/examples/acme" --period 2026-10 --out "$work/docs" \
        --approve-as "Dana Scully"
    engine_start
}

credits() {
    check "credit: a dry run" 0 billow credit INV-2026-00214 --lines 1,2=100.00 --dry-run
    says "credit: shows the note to the cent" 'net 632.50, tax 120.18, in all 752.68 EUR'
    says "credit: and the work that comes back" 'gives back harvest-time:316 3.6 h'
    check "credit: nothing came of it" 0 billow report rework
    says "credit: not one note" '2026-10        21         0         0'
    check "credit: an unknown invoice" 4 billow credit INV-9 --all --reason rate
    check "credit: more than there is" 4 billow credit INV-2026-00214 --lines 2=999999 --reason rate
    says "credit: says what is left" 'at most 110.81 can be credited of line 2' "$work/err"
    check "credit: two ways at once" 64 billow credit INV-2026-00214 --all --amount 1 --reason rate
    check "credit: waits for approval" 0 billow credit INV-2026-00214 --all --rebill --reason rate --as otto
    local first
    first=$(task)
    check "credit: not approved by who asked for it" 7 billow task answer "$first" approve --as otto
    check "credit: asked again" 0 billow task list
    check "credit: approved" 0 billow task answer "$(awk '/Approve 1 credit note/ {print $1; exit}' "$work/out")" approve \
        --as dana
    local n
    for n in 1 2 3 4 5 6 7 8 9 10; do
        billow task list 2>/dev/null >"$work/out"
        grep -q "Approve 1 invoice" "$work/out" && break
        sleep 0.3
    done
    check "credit: the new invoice approved" 0 billow task answer \
        "$(awk '/Approve 1 invoice/ {print $1; exit}' "$work/out")" approve --as dana
    for n in 1 2 3 4 5 6 7 8 9 10; do
        billow invoice list 2>/dev/null >"$work/out"
        grep -q "INV-2026-00234" "$work/out" && break
        sleep 0.3
    done
    says "credit: the old invoice is kept" 'INV-2026-00214'
    says "credit: the new one has a number of its own" 'INV-2026-00234'
    says "credit: a credit note is listed as one" 'credit note'
    check "credit: for machines, the list" 0 billow invoice list --json
    says "credit: states a positive amount" '"payable_amount":"'
    says "credit: and one with a sign, which adds up" '"signed_payable_amount":"-'
    check "credit: void and regenerated, nothing twice" 0 billow ledger verify
}

give_up() {
    check "write-off: below the threshold nobody is asked" 0 billow write-off INV-2026-00215 --amount 4.50 \
        --reason rounding
    says "write-off: by the policy" 'agreed by policy write-off'
    check "write-off: no reason of the list" 4 billow write-off INV-2026-00215 --reason mood
    check "write-off: who would have to agree" 0 billow write-off INV-2026-00215 --reason insolvency --dry-run --json
    says "write-off: partner and CFO" '"text":"write-off of 46338.39 EUR, INV-2026-00215: needs partner and cfo"'
    check "write-down: of what is billed" 4 billow write-down harvest-time:17 --reason training
    says "write-down: says why not" 'nothing of it is open or held' "$work/err"
}

disputes() {
    check "dispute: opened" 0 billow dispute open INV-2026-00216 --line 1 --reason hours --owner nina
    check "dispute: listed" 0 billow dispute list --json
    local id
    id=$(sed -n 's/.*"dispute":"\([^"]*\)".*/\1/p' "$work/out" | head -n 1)
    says "dispute: with its amount" '"amount":"9409.50"'
    check "dispute: unknown reason" 4 billow dispute open INV-2026-00216 --reason mood
    check "dispute: a rejection wants evidence" 64 billow dispute resolve "$id" --reject
    check "dispute: more than is disputed" 4 billow dispute resolve "$id" --accept --amount 99999
    check "dispute: accepted in part, a credit note waits for approval" 0 billow dispute resolve "$id" --accept \
        --amount 100.00 --as nina
    local approval
    approval=$(task)
    check "dispute: not approved by who granted it" 7 billow task answer "$approval" approve --as nina
    check "dispute: still investigating" 0 billow dispute show "$id"
    says "dispute: no credit yet" 'investigating  INV-2026-00216'
    check "dispute: asked again" 0 billow task list
    check "dispute: approved by another" 0 billow task answer \
        "$(awk '/Approve 1 credit note/ {print $1; exit}' "$work/out")" approve --as dana
    local n
    for n in 1 2 3 4 5 6 7 8 9 10; do
        billow dispute show "$id" >"$work/out" 2>/dev/null
        grep -q "closed" "$work/out" && break
        sleep 0.3
    done
    says "dispute: closed" 'closed  INV-2026-00216'
    check "dispute: the report" 0 billow report rework
    says "dispute: in percent of all invoices" '4.5'
}

payments() {
    cat >"$work/bank.csv" <<'END'
booking_date,amount,text,counterparty_name,counterparty_account,reference
2026-11-20,10740.79,INV-2026-00219,Nordlicht,DE02120300000000202051,R-1
2026-11-21,33.00,hello,Somebody,DE02500105170137075030,R-2
END
    local options='{"account":"DE99","currency":"EUR"}'
    check "payment: the sure one is booked, the other asked about" 0 billow payment import "$work/bank.csv" \
        --format csv --options "$options"
    local question
    question=$(task)
    check "payment: listed with its invoice" 0 billow payment list
    says "payment: INV-2026-00219" 'INV-2026-00219'
    check "payment: what waits" 0 billow payment list --unmatched
    says "payment: 33.00" '33.00'
    check "payment: the same file again" 0 billow payment import "$work/bank.csv" --format csv --options "$options"
    says "payment: counts nothing twice" 'imported before' "$work/err"
    check "payment: on account" 0 billow task answer "$question" on_account --as nina
    local n
    for n in 1 2 3 4 5 6 7 8 9 10; do
        billow payment list --unapplied >"$work/out" 2>/dev/null
        grep -q "33.00" "$work/out" && break
        sleep 0.3
    done
    says "payment: unapplied cash by age" '33.00'
    { cat "$work/bank.csv"; echo '2026-11-22,5.00,hello again,Somebody,DE02500105170137075030,R-3'; } >"$work/more.csv"
    check "payment: a file that overlaps" 0 billow payment import "$work/more.csv" --format csv --options "$options"
    check "payment: what was known stays once" 0 billow payment list --json
    says "payment: one of 33.00" '"amount":"33.00"'
    [ "$(grep -o '"payment":' "$work/out" | wc -l)" = 2 ] || { failed=$((failed + 1)); echo "FAILED  payments twice"; }
    echo "booking_date,amount" >"$work/bad.csv"
    echo "2026-11-99,5" >>"$work/bad.csv"
    check "payment: a bad file is refused whole" 4 billow payment import "$work/bad.csv" --format csv \
        --options "$options"
    says "payment: says where and why" '2026-11-99' "$work/err"
}

statements() {
    check "statement: to read" 0 billow statement CU-01
    says "statement: what is open" 'INV-2026-00234'
    says "statement: what was paid" 'payment'
    check "statement: before everything" 0 billow statement CU-01 --as-of 2026-11-01
    says "statement: nothing was there" 'nothing was ever invoiced'
    check "statement: as UBL" 0 billow statement CU-01 --format ubl
    says "statement: a UBL statement" 'urn:oasis:names:specification:ubl:schema:xsd:Statement-2'
    check "statement: for machines" 0 billow statement CU-01 --format json
    says "statement: balance and open items agree" '"difference":"0.00"'
    check "statement: of nobody" 4 billow statement CU-99
    check "statement: an unknown format" 64 billow statement CU-01 --format pdf
}

month
credits
give_up
disputes
payments
statements
check "in the end the books are whole" 0 billow ledger verify
finish
