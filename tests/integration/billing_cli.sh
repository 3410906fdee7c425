#!/bin/bash
# billing_cli.sh - the commands around billing, as a person types them, against the sample firm's billed month.
#
#   billing_cli.sh BUILD_DIR
#
# One line per promise, "ok" or "FAILED"; exit 1 when one of them failed.
set -u
build=${1:?usage: billing_cli.sh BUILD_DIR}
here=$(cd "$(dirname "$0")/../.." && pwd)
case $build in /*) ;; *) build=$here/$build ;; esac
firm=$here/examples/acme
work=$(mktemp -d /tmp/billow-cli.XXXXXX)
chmod 755 "$work" # the server's user has to get through
passed=0
failed=0

stop_all() { # whatever still runs under $work ends with the test
    for pid in $(find "$work" -name postmaster.pid -exec head -1 {} \; 2>/dev/null); do
        kill -INT "$pid" 2>/dev/null
    done
    sleep 0.3
    rm -rf "$work"
}
trap stop_all EXIT

billow() { "$build/bin/billow" "$@" --dir "$work/state"; }

# check NAME EXIT_CODE COMMAND...: the command ends with that code; its output stays in $work/out and $work/err.
check() {
    local name=$1 code=$2
    shift 2
    "$@" >"$work/out" 2>"$work/err" </dev/null
    local got=$?
    if [ "$got" = "$code" ]; then
        passed=$((passed + 1))
        echo "ok      $name"
    else
        failed=$((failed + 1))
        echo "FAILED  $name: exit $got, not $code"
        tail -n 5 "$work/out" "$work/err" | cut -c 1-300
    fi
}

# says NAME TEXT [FILE]: the last command's output (or FILE) holds the text.
says() {
    local file=${3:-$work/out}
    if grep -qF -- "$2" "$file"; then
        passed=$((passed + 1))
        echo "ok      $1"
    else
        failed=$((failed + 1))
        echo "FAILED  $1: no '$2' in"
        head -n 10 "$file" | cut -c 1-300
    fi
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
    check "price: needs no database" 1 test -e "$work/state"
}

price
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
