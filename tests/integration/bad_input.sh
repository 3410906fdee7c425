#!/bin/bash
# bad_input.sh - what people and machines do wrong: each gets a clear message and the documented exit code, nothing is
# lost, and after mending it goes on.
#
#   bad_input.sh BUILD_DIR
. "$(dirname "$0")/harness.sh"
state=$work/state
firm=$work/firm
mkdir "$state"
export BILLOW_DIR=$state
acme=$here/examples/acme

# A small copy of the sample firm.
make_firm() {
    rm -rf "$firm"
    mkdir "$firm"
    cp "$acme"/{firm,customers,contracts,rate-cards,opening}.json "$firm"
    head -n 60 "$acme/harvest-time.csv" >"$firm/harvest-time.csv"
    head -n 12 "$acme/expenses.csv" >"$firm/expenses.csv"
}
bill() { run billow bill "$firm" --period 2026-10 --out "$work/documents" --approve-as "Dana Scully" "$@"; }
parked() { billow run list --status parked --json 2>/dev/null | jq length; }

# --- The folder.
make_firm
rm "$firm/firm.json"
bill
expect "a folder without firm.json: which file, and what a folder has" 5 "firm.json is missing" "customers.json"
echo '{"id": acme}' >"$firm/firm.json"
bill
expect "firm.json that is not JSON: file and place" 4 "firm/firm.json: JSON: .* byte offset 7"
echo '{"name": "x"}' >"$firm/firm.json"
bill
expect "firm.json without an id: what to write" 4 "firm.json: the firm has no id: write"
run billow bill "$work/nowhere" --period 2026-10
expect "a folder that is not there" 5 "nowhere/firm.json is missing"
make_firm
run billow bill "$firm" --period 2026-13
expect "a month that is none" 64 "'2026-13' is not a month: write it as YYYY-MM"
run billow bill "$firm"
expect "no month" 64 "--period is needed"
sed -i 's/"RC-C01"/"RC-NONE"/' "$firm/contracts.json"
bill --only-import
expect "a contract that names no known rate card: contract, field, choices" 4 \
    "contract C-01: rate_card_id: no such rate card .*RC-NONE.*RC-FIRM" "have to be corrected first"
make_firm
sed -i 's/"customer_id": "CU-01"/"customer_id": "CU-NONE"/' "$firm/contracts.json"
bill --only-import
expect "a contract of an unknown customer" 4 "contract C-01: customer_id: no such customer .*CU-NONE"
make_firm
sed -i 's/"Europe\/Berlin"/"Europe\/Atlantis"/' "$firm/firm.json"
bill --only-import
expect "an unknown time zone" 4 "time zone 'Europe/Atlantis' is not known"

# --- Rows of an export.
make_firm
sed -i '10s/$/,"open/' "$firm/harvest-time.csv"
bill --only-import
expect "a quote that is never closed: file and line" 4 "harvest-time.csv: CSV: .*line 10"
make_firm
sed -i '1s/^Date,/Datum,/' "$firm/harvest-time.csv"
bill --only-import
expect "a column that is missing: which one, and what to do" 4 "column Date is missing: export the file again"
make_firm
printf '2026-10-05,Client,Project,NLV-01,Testing,caf\351,1,1,Yes,No,Yes,A,B,Partner,Yes,,,,,Euro - EUR,\n' \
    >>"$firm/harvest-time.csv"
bill --only-import
expect "bytes that are not UTF-8: line, byte, and how to convert" 4 "line [0-9]+ is not UTF-8 .byte 0xe9.*iconv"
make_firm
: >"$firm/harvest-time.csv"
bill --only-import
expect "an empty export" 4 "harvest-time.csv is empty: an export has a header line"
make_firm
sed -i '5s/,[^,]*$//' "$firm/harvest-time.csv"
bill --only-import
expect "a row with too few fields is named, the others are taken" 0 \
    "harvest-time:4 INVALID_ROW: the record has 20 fields, the header 21" "50 records" "1 unreadable"
make_firm
bill --only-import
expect "the mended file goes on from there" 0 "harvest-time.csv: 50 records, 1 new or changed, 49 unchanged, 0 unreadable"
check "no run is left parked by files that could not be read" test "$(parked)" = 0
run billow import "$work/nothing.csv" --period 2026-10
expect "a file that is not there" 5 "nothing.csv: No such file"
cp "$firm/harvest-time.csv" "$work/strange.csv"
run billow import "$work/strange.csv" --period 2026-10
expect "a file whose kind nobody knows: the kinds there are" 4 "there is no reader for strange.csv.*harvest-time"

# --- A contract without a rate: an exception, not a wrong price.
make_firm
jq 'map(if .id == "C-01" then del(.rate_card_id) else . end)' "$acme/contracts.json" >"$firm/contracts.json"
jq 'del(.rate_card_id)' "$acme/firm.json" >"$firm/firm.json"
jq 'map(del(.rate_card_id))' "$acme/customers.json" >"$firm/customers.json"
bill --contract C-01
expect "a contract without a rate card: NO_RATE, and what to add" 0 "NO_RATE" "no rate for"
make_firm
bill --contract C-02
expect "the others are billed" 0 "Issued invoices of 2026-10" "C-02"

# --- Names and ids that are not there.
nobody=0192f3c4-5a6b-7c8d-9e0f-1a2b3c4d5e6f
serve_start serve --json
run billow run start nosuch
expect "an unknown workflow: name and file" 5 "there is no workflow 'nosuch' .workflows/nosuch.lua."
for verb in "run show" "run journal" "run explain" "run resume" "run cancel" "task show"; do
    run billow $verb $nobody
    expect "$verb of an id that is not there" 5 "there is no such (run|task)"
done
run billow run show xyz
expect "something that is no id: what ids look like" 4 "'xyz' is not an id: ids look like"
run billow task answer $nobody approve
expect "answering a task that is not there" 5 "there is no such task"
run billow invoice show INV-1999-00001
expect "an unknown invoice" 5 "there is no invoice with the number INV-1999-00001"
run billow run list --tenant nobody
expect "an unknown tenant" 5 "there is no tenant called nobody"
run billow run start tm --input '{"contract":'
expect "input that is not JSON: option and place" 4 "--input: JSON: a value is missing at byte offset 12"
run billow run start tm --input '{}' --wait
expect "input that does not fit: the run parks and says which members" 1 "input.contract: it is missing"
unfit=$(billow run list --status parked --json | jq -r '.[0].id')
run billow run list --status parked
expect "the list of parked runs says the cause of each" 0 "cause" "INPUT_INVALID"
run billow run list --cause INPUT_INVALID
expect "and it is found by its cause" 0 "$unfit"
run billow run list --cause UNAVAILABLE
expect "and not by another one" 0 "none"
run billow run list --cause INPUT_INVALID --status done
expect "a cause is of parked runs" 64 "only parked runs have a --cause"
run billow run explain "$unfit"
expect "a run whose input does not fit is to be started again, and nothing of it resumed" 0 \
    "billow run cancel $unfit" "with an input that fits"
run billow run start tm --input '{"contract":"C-99","period":"2026-10"}' --wait
expect "an unknown contract: the run parks, and says what to do" 1 "there is no contract C-99: import contracts.json"
run billow task list --status all --json
task=$(field '.[0].id')
run billow task answer "$task" hold --as "Fox Mulder"
expect "answering a task twice: who answered, and what" 6 "the task was answered already: (hold|approve) by Dana Scully"
done_run=$(billow run list --status done --json | jq -r '.[0].id')
run billow run resume "$done_run"
expect "resuming a run that is not parked" 6 "the run is not parked"
run billow run cancel "$done_run"
expect "cancelling a run that has ended" 6 "the run has ended"

# --- One engine to a private database.
run billow serve
expect "a second engine on the same private database: the pid of the first" 6 \
    "another engine .process $serve_pid. is using the private database"
serve_stop KILL
check "SIGKILL leaves the socket file" test -S "$state/.billow/billow.sock"
run billow run list --limit 1
expect "a stale socket is no engine: the command starts its own" 0 "done|parked|open"
serve_start serve --json
run billow run list --limit 1
expect "and the next engine listens there again" 0 "done|parked|open"
serve_stop TERM
expect "SIGTERM stops it in order" 0
check "and its PostgreSQL" test -z "$(pids_of_databases)"
check "and takes its socket away" test ! -e "$state/.billow/billow.sock"
mkdir "$work/other"
echo "not a socket" >"$work/taken.sock"
run billow serve --dir "$work/other" --socket "$work/taken.sock"
expect "a file where the socket should be: which, and it stays" 6 "taken.sock"
check "the file is as it was" grep -q "not a socket" "$work/taken.sock"
serve_start serve --json --socket "$work/a.sock"
run billow serve --dir "$work/other" --socket "$work/a.sock"
expect "a socket that somebody listens on" 6 "a.sock"
serve_stop TERM

# --- The database.
run billow run list --database "host=$work/nowhere dbname=x"
expect "a database that is down: what was tried" 1 "no connection to PostgreSQL: .*nowhere"
run billow serve --database "host=$work/nowhere dbname=x"
expect "the same for an engine that wants to serve" 1 "no connection to PostgreSQL"
run billow run list --database "nonsense=1"
expect "a connection string that is none" 1 "nonsense"
run billow run list --server "$work/nobody.sock"
expect "an engine that does not run" 1 "no engine answers on .*nobody.sock: start one with 'billow serve'"

# It goes away while a month is being billed: killed three times, as pg_ctl stop -m immediate does.
mkdir "$work/fresh"
head -n 900 "$acme/harvest-time.csv" >"$firm/harvest-time.csv"
billow bill "$firm" --period 2026-10 --dir "$work/fresh" --out "$work/documents2" --approve-as "Dana Scully" \
    >"$work/out" 2>"$work/err" </dev/null &
bill_pid=$!
kills=0
for moment in "harvest-time.csv:" "expenses.csv:" "approval"; do
    wait_until 30 grep -q "$moment" "$work/err" || break
    pid=$(head -n 1 "$work/fresh/.billow/pg/data/postmaster.pid" 2>/dev/null) && kill -QUIT "$pid" && kills=$((kills + 1))
done
for _ in $(seq 1200); do # at most a minute
    kill -0 "$bill_pid" 2>/dev/null || break
    sleep 0.05
done
kill -KILL "$bill_pid" 2>/dev/null
wait "$bill_pid"
status=$?
echo "        PostgreSQL stopped at once $kills times while a month was billed: exit $status"
if [ "$status" -ne 0 ]; then
    check "it either goes on or says why it does not" grep -Eq "billow: .*(PostgreSQL|database|connection)" "$work/err"
    run billow bill "$firm" --period 2026-10 --dir "$work/fresh" --out "$work/documents2" --approve-as "Dana Scully"
fi
expect "PostgreSQL goes away in the middle: the month is billed all the same" 0 "Issued invoices"
mkdir "$work/calm"
run billow bill "$firm" --period 2026-10 --dir "$work/calm" --out "$work/documents3" --together
expect "all approvals at once need a name" 4 "say in whose name with --approve-as"
run billow bill "$firm" --period 2026-10 --dir "$work/calm" --out "$work/documents3" --approve-as "Dana Scully"
check "the same documents as of an undisturbed month" diff -r "$work/documents2" "$work/documents3"

# And while an engine serves: it starts it again by itself.
serve_start serve --json --dir "$work/calm"
kill -KILL "$(head -n 1 "$work/calm/.billow/pg/data/postmaster.pid")"
lists() { billow run list --dir "$work/calm" --limit 1 >/dev/null 2>&1; }
check "an engine that serves starts its PostgreSQL again" wait_until 30 lists
check "and says so" said "it runs again"
serve_stop TERM
expect "and still stops in order" 0

# --- A full disk.
mkdir "$work/disk"
if [ "$(id -u)" -eq 0 ] && mount -t tmpfs -o size=20m,mode=755 none "$work/disk" 2>/dev/null; then
    run billow migrate --dir "$work/disk"
    expect "a disk that is too small for a database: how much it needs, what is free" 1 "MiB .*are free; free some space"
    mount -o remount,size=330m "$work/disk"
    serve_start serve --json --dir "$work/disk"
    run billow tenant create tester --dir "$work/disk"
    dd if=/dev/zero of="$work/disk/ballast" bs=1M 2>/dev/null
    jq -n '{x: [range(200000) | "0123456789 \(.)"]}' >"$work/big.json"
    refused=0
    for n in $(seq 40); do
        timeout 10 billow event send big "$n" --id "$n" --body "@$work/big.json" --dir "$work/disk" >"$work/out" 2>"$work/err"
        status=$?
        [ "$status" -eq 0 ] || { refused=1; break; }
    done
    check "a disk that is full: the command is refused" test "$refused" = 1
    echo "        it said: $(head -c 300 "$work/err" | tr '\n' ' ')"
    check "and says why" grep -Eqi "space|disk|full|PostgreSQL|database|connection|took" "$work/err"
    rm "$work/disk/ballast"
    send() { timeout 20 billow event send big again --id again --body '{}' --dir "$work/disk" >"$work/out" 2>"$work/err"; }
    check "after space was made it goes on by itself" wait_until 30 send
    serve_stop TERM
    expect "and stops in order" 0
else
    echo "skipped a full disk: only root can make a small one"
fi
finish
