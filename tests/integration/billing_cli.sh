#!/bin/bash
# billing_cli.sh - the commands around billing, as a person types them, against the sample firm's billed month.
#
#   billing_cli.sh BUILD_DIR
#
# One line per promise, "ok" or "FAILED"; exit 1 when one of them failed.
. "$(dirname "$0")/commands.sh"

# The sample firm's month is billed once; then one engine answers everything that follows.
month() {
    check "the month is imported" 0 billow bill "$firm" --period 2026-10 --out "$work/docs" --only-import
    check "preview: before the bills" 0 billow preview --period 2026-10
    says "preview: to the cent" '39423.20  7490.41  46913.61  EUR'
    says "preview: what stands in the way" 'C-01: 1 CURRENCY_MISMATCH 3 DUPLICATE_ENTRY 7 NOT_APPROVED'
    check "preview: one contract again" 0 billow preview --period 2026-10 --contract C-02 --json
    says "preview: nothing changed since the one before" '"since_preview":{"at":'
    says "preview: nothing was issued" '"net":"39185.35"'
    check "the month is billed" 0 billow bill "$firm" --period 2026-10 --out "$work/docs" --approve-as "Dana Scully"
    engine_start
}

# Writes into the database behind the back of all rules.
break_by_hand() {
    psql -h "$work/state/.billow/pg/sock" -U billow -d billow -qAt -v ON_ERROR_STOP=1 \
        -c "set session_replication_role = replica" -c "$1" || exit 1
}

price() {
    cat >"$work/items.json" <<'END'
[{"id": "due", "payment_terms": {"type": "net", "days": 30}, "issue_date": "2026-11-02"},
 {"id": "bad", "payment_terms": {"type": "net", "days": -1}, "issue_date": "2026-11-02"},
 {"id": "split", "amount": "10.00", "split": {"weights": ["1", "1", "1"]}}]
END
    check "price: a malformed item is exit 4" 4 billow price "$work/items.json"
    says "price: the items before and behind it are priced" '"due_date":"2026-12-02"'
    says "price: to the cent" '3.34'
    says "price: the item is named" 'item 2 (bad): payment_terms.days is -1' "$work/err"
    check "price: a missing file is exit 5" 5 billow price "$work/none.json"
    check "price: the schema" 0 billow price --schema
    says "price: the schema is one" '"$schema"'
    billow price --help | grep '^  {' | jq -s . >"$work/examples.json"
    check "price: every example of the help is priced" 0 billow price "$work/examples.json"
    check "price: needs no database" 1 test -e "$work/state"
}

ledger() {
    local id=2026-10/harvest-time:20 line='C-01/CU-01/2026-10/380'
    check "ledger: the billed month is whole" 0 billow ledger verify
    says "ledger: the tenant is named" 'acme: '
    check "ledger: as JSON" 0 billow ledger verify --json
    says "ledger: says it is whole" '"is_whole":true'
    check "ledger: a tenant that is not there is exit 5" 5 billow ledger verify --tenant nobody
    check "ledger: an entry's story" 0 billow ledger show "$id"
    says "ledger: received, claimed, billed" 'INV-2026-00215 line 6'
    says "ledger: by whom" 'Dana Scully'
    check "ledger: an entry without its set" 0 billow ledger show harvest-time:2 --json
    says "ledger: why it is held" '"reason":"LATE_ENTRY"'
    check "ledger: no such entry is exit 5" 5 billow ledger show harvest-time:999999

    while IFS='|' read -r what rule broken mended; do
        break_by_hand "$broken"
        check "ledger: finds $what" 1 billow ledger verify
        says "ledger: names it" "$rule"
        break_by_hand "$mended"
    done <<END
an entry that grew|$id: the entry is 7500|update billing.entry set quantity = 7500 where id = '$id'|update billing.entry set quantity = 7440 where id = '$id'
a state that holds too little|held holds 7140|update billing.ledger_balance set quantity = 7140 where entry_id = '2026-10/harvest-time:2' and state = 'held'|update billing.ledger_balance set quantity = 7200 where entry_id = '2026-10/harvest-time:2' and state = 'held'
a movement of another amount|line 6 is over|update billing.ledger set amount = amount + 0.01 where entry_id = '$id' and kind = 'bill'|update billing.ledger set amount = amount - 0.01 where entry_id = '$id' and kind = 'bill'
a movement for another line|refers to time harvest-time:20|update billing.ledger set line_id = '5' where entry_id = '$id' and kind = 'bill'|update billing.ledger set line_id = '6' where entry_id = '$id' and kind = 'bill'
a line that does not add up|its document has|update billing.invoice_line set net_amount = net_amount + 0.01 where invoice_id = '$line' and line_id = '1'|update billing.invoice_line set net_amount = net_amount - 0.01 where invoice_id = '$line' and line_id = '1'
a total that is not its tax groups'|tax 7490.42|update billing.invoice set tax_amount = tax_amount + 0.01 where id = '$line'|update billing.invoice set tax_amount = tax_amount - 0.01 where id = '$line'
a gap in the numbers|221 comes after 219: 1 missing|update billow.number_used set series = 'CRN' where number = 'INV-2026-00220'|update billow.number_used set series = 'INV' where number = 'INV-2026-00220'
an invoice whose number nobody gave|series INV did not give it|update billing.invoice set number = 'INV-9' where number = 'INV-2026-00233'|update billing.invoice set number = 'INV-2026-00233' where number = 'INV-9'
END
    check "ledger: mended, it is whole again" 0 billow ledger verify
}

explain() {
    check "explain: a line" 0 billow invoice explain INV-2026-00215 6
    says "explain: the amount" '7.1 HUR x 135.50 = 962.05 EUR'
    says "explain: the rate path" 'searched RC-FIRM@2026-01-01: role=Consultant'
    says "explain: the rounding" 'nearest to 6 minutes by person_day: 1 entries, 7440 s -> 7560 s'
    says "explain: the tax rule" 'DE-S: S 19 % (since 2021-01-01) on 2026-10-31'
    says "explain: the ceiling" 'CEILING_REACHED: 63.85 hours are beyond the ceiling'
    says "explain: the policy with its version" 'policy rates 1.0.0'
    says "explain: the script's line" 'made by workflow tm at workflows/tm.lua:'
    says "explain: the approver" 'approved by Dana Scully'
    check "explain: a payer's share" 0 billow invoice explain INV-2026-00219 11
    says "explain: of the whole line" 'share: 33.33 % of 1 C62 x 437.00 = 437.00 EUR'
    check "explain: a whole invoice" 0 billow invoice explain INV-2026-00231
    says "explain: what was taken off" 'less Maximum spend: 258.35 USD'
    says "explain: when it is due" 'due 2027-01-01: net 60 from 2026-11-02, by the terms of the customer'
    check "explain: as JSON" 0 billow invoice explain INV-2026-00215 6 --json
    says "explain: for machines" '"billed_seconds":7560'
    check "explain: no such line is exit 5" 5 billow invoice explain INV-2026-00215 99
    check "explain: no such invoice is exit 5" 5 billow invoice explain INV-1
}

# The last change of the session: it leaves another month behind.
preview() {
    check "preview: of a billed month" 0 billow preview --period 2026-10 --json
    cp "$work/out" "$work/month"
    check "preview: is what was issued, to the cent" 1 grep -oE '"since_issued":\{[^}]*"(gross|net|tax)":"-?[0-9.]*[1-9]' "$work/month"
    check "preview: every contract that was billed" 0 test "$(grep -o '"since_issued"' "$work/month" | wc -l)" = 18
    cp -r "$firm" "$work/firm"
    sed -i 's/"135.50"/"145.50"/' "$work/firm/rate-cards.json"
    check "preview: a card changes" 0 billow bill "$work/firm" --period 2026-10 --out "$work/docs" --only-import
    check "preview: of the changed card" 0 billow preview --period 2026-10 --contract C-02
    says "preview: says what more or less it would be" '-0.07'
    check "preview: and the ledger stays whole" 0 billow ledger verify
}

report() {
    local name
    for name in accruals approval-latency blocked-revenue cockpit delivery dso forecast lead-time leakage lock-up \
        realisation receivables revenue rework wip-aging; do
        check "report: $name" 0 billow report $name --json
        says "report: $name has rows" '"rows":[{'
    done
    check "report: which there are" 0 billow report
    says "report: each with what it shows" 'work done and not billed, by age'
    check "report: the cockpit of a month" 0 billow report cockpit --period 2026-10
    says "report: what is blocked, and why" 'blocked: CUSTOMER_ON_HOLD'
    check "report: accruals as a journal" 0 billow report accruals --csv
    says "report: accrued at the period's end" '2026-10,2026-10-31,accrual,C-06,3285.56,EUR'
    says "report: reversed on the day after" '2026-10,2026-11-01,reversal,C-06,-3285.56,EUR'
    check "report: revenue" 0 billow report revenue --period 2026-10 --csv
    # 49499.50 of milestones and 1481.61 of expenses are delivered, an advance is worked off, a tenth withheld.
    says "report: delivered, billed, recognised, withheld and prepaid" \
        '2026-10,C-10,fixed-fee,EUR,50981.11,36131.26,50981.11,7177.45,15345.10,15345.10'
    says "report: an advance is no revenue yet" '2026-10,C-13,fixed-fee,EUR,11100.00,15266.67,11100.00,0.00,4166.67'
    says "report: what expired unused is breakage" '2026-10,C-15,retainer,EUR,7062.60,13565.05,7065.05,0.00,6500.00,0.00,2.45'
    check "report: retainage that is still withheld" 0 billow report open-retention --csv
    says "report: by contract, and the milestone that releases it" 'EUR,2026-10,7177.45,0.00,7177.45,milestone M4'
    says "report: or the day" 'USD,2026-10,4028.25,0.00,4028.25,2027-01-31'
    check "report: deliveries" 0 billow report delivery --csv
    check "report: nothing is called sent that a channel was only handed" 1 grep -q ',sent,' "$work/out"
    check "report: what no contract takes is blocked, too" 0 billow report blocked-revenue --csv
    says "report: with its kind and since when" 'PROJECT_UNKNOWN,entry,-,time,'
    check "report: as CSV" 0 billow report blocked-revenue --csv
    says "report: CSV has a head" 'reason,level,contract,kind,entries,quantity,unit,since'
    says "report: CSV has plain rows" 'CONTRACT_ENDED,entry,C-08,time,12,24.15,h,2026-10-26'
    check "report: as JSON" 0 billow report leakage --days 1 --json
    says "report: JSON names the columns" '"columns":["entry","kind"'
    check "report: nothing is that old" 0 billow report leakage --days 99999 --csv
    check "report: days are a number" 4 billow report leakage --days many
    check "report: no such report is exit 5" 5 billow report nope
}

policy() {
    check "policy: the list" 0 billow policy list
    says "policy: with what they decide" 'Rounding of durations'
    check "policy: set for the tenant" 0 billow policy set rounding increment_minutes 15 --from 2026-11-01 --as Dana
    check "policy: set for a contract" 0 billow policy set rounding increment_minutes 6 --contract C-01 --from 2026-11-01
    check "policy: in force for the contract" 0 billow policy show rounding --contract C-01 --on 2026-11-05 --json
    says "policy: the narrowest counts" '"origin":"contract C-01"'
    check "policy: before that day" 0 billow policy show rounding --contract C-01 --on 2026-10-31 --json
    says "policy: the default counts" '"origin":"default"'
    check "policy: a lock" 0 billow policy set rounding increment_minutes 30 --from 2026-12-01 --lock
    check "policy: why" 0 billow policy explain rounding --contract C-01 --on 2026-12-05
    says "policy: the locked layer counts" 'increment_minutes = 30 (tenant, locked)'
    check "policy: a lock forbids narrower settings" 7 billow policy set rounding increment_minutes 1 --contract C-01 --from 2026-12-05
    says "policy: says whose lock it is" 'rounding.increment_minutes is locked to 30 for tenant since 2026-12-01' "$work/err"
    check "policy: diff of two days" 0 billow policy diff rounding --from 2026-10-31 --to 2026-11-05 --contract C-01 --json
    says "policy: diff names both" '"after":6,"before":0'
    check "policy: diff without a difference is exit 0" 0 billow policy diff rounding --from 2026-10-01 --to 2026-10-02 --detailed-exitcode
    says "policy: diff says so" 'the settings are the same'
    check "policy: diff of a proposal is exit 2" 2 billow policy diff approval count 2 --period 2026-10 --detailed-exitcode
    says "policy: diff decides every bill again" 'INV-2026-00214'
    check "policy: diff sets nothing" 0 billow policy show approval --json
    says "policy: still the default" '"origin":"default"'
    check "policy: unset from a day on" 0 billow policy unset rounding increment_minutes --contract C-01 --from 2026-11-15
    check "policy: before that day as before" 0 billow policy show rounding --contract C-01 --on 2026-11-14 --json
    says "policy: the contract's counts" '"origin":"contract C-01"'
    check "policy: from that day on the wider counts" 0 billow policy show rounding --contract C-01 --on 2026-11-15 --json
    says "policy: the tenant's counts" '"origin":"tenant"'
    check "policy: who and when" 0 billow policy history rounding
    says "policy: Dana set it" 'Dana'
    check "policy: a wrong value is exit 4" 4 billow policy set rounding mode sideways
    says "policy: says what is right" 'one of "up", "nearest", "down" is expected' "$work/err"
    check "policy: a wrong setting is exit 4" 4 billow policy set rounding nope 1
    check "policy: no such policy is exit 5" 5 billow policy show nope
    check "policy: a contract that is not there is exit 5" 5 billow policy set approval count 2 --contract C-XX
    says "policy: and says what to do" "there is no contract C-XX: the setting would decide nothing" "$work/err"
    check "policy: a customer that is not there is exit 5" 5 billow policy set approval count 2 --customer NOPE
    check "policy: two scopes are exit 64" 64 billow policy set rounding mode up --contract C --customer CU
}

price
month
ledger
explain
report
preview
policy
finish
