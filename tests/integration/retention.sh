#!/bin/bash
# retention.sh - finished runs are dropped when their time is over: by hand, by the engine itself, under a hold, with an
# archive, killed at every border; what was billed explains itself afterwards.
#
#   retention.sh BUILD_DIR
. "$(dirname "$0")/harness.sh"
export BILLOW_DIR=$work/state BILLOW_TENANT=dev BILLOW_CLOCK_FILE=$work/clock
mkdir "$BILLOW_DIR"
firm=$work/firm
days() { echo $(($1 * 86400)) >"$work/clock"; }

sql() { # TEXT: in the private database
    psql -h "$BILLOW_DIR/.billow/pg/sock" -U billow -d billow -qAtX -v ON_ERROR_STOP=1 -c "$1"
}

run billow init "$firm"
expect "a project" 0
cat >"$firm/workflows/job.lua" <<'LUA'
local task = require("billow.task")
local workflow = require("billow.workflow")
return workflow.define({
  name = "job", version = "1.0.0", input = { contract = "text?", asks = "boolean?", calls = "integer?" },
  run = function(input)
    for _ = 1, input.calls or 0 do workflow.call("job", {}) end
    if input.asks then task.open({ kind = "question", title = "well?" }) end
    return string.rep("x", 40000)
  end,
})
LUA

# --- Five hundred days ago.
days -500
serve_start dev "$firm" || exit 1
released() { grep -q "release is active" "$work/serve.out" "$work/serve.err"; }
wait_until 30 released
for n in 1 2 3 4 5 6; do
    run billow run start job --key "old-$n" --input "{\"contract\":\"C-$((n % 2))\",\"calls\":2}" --wait
done
expect "six old jobs, with two children each" 0
run billow run start job --key asks --input '{"asks":true}'
expect "and one that still asks" 0
serve_stop TERM
days 0
serve_start serve --retention-rate 0
run billow run start job --key young --wait
expect "a young one" 0

# --- Looking, and holding.
run billow retention preview
expect "a preview says what would go" 0 "18 runs would go" "job +18" "decided by run" "1 with something open|0 with something"
run billow retention preview --json
check "and changes nothing" [ "$(field .runs)" = 18 ]
run billow retention hold case-12 --contract C-1
expect "a hold needs a reason" 64 "--reason"
run billow retention hold case-12 --reason x
expect "and something to hold" 64 "--contract"
run billow retention hold case-12 --contract C-1 --reason "order of 3 May"
expect "a hold on a contract" 0 "is on hold"
run billow retention hold case-12 --everything --reason "other"
expect "its name is taken" 6 "contract C-1"
run billow retention holds
expect "it is listed" 0 "case-12 +contract +C-1 .*tester +order of 3 May"
run billow retention preview
expect "what it holds does not go, nor do children" 0 "9 runs would go" "9 on hold"

# --- Dropping, killed at every border, with an archive.
serve_stop TERM
for point in archive.written store.drop_before store.drop_after; do
    BILLOW_FAULT=$point:1:kill run billow retention run --archive "$work/archive"
    check "killed at $point" [ "$status" -gt 64 ]
done
run billow retention run --archive "$work/archive"
expect "and given again" 0 "dropped" "9 on hold"
serve_start serve --retention-rate 0
check "all went once" [ "$(sql "SELECT dropped FROM billow.retention")" = 9 ]
check "and nothing of them is left" [ "$(sql "SELECT count(*) FROM billow.journal j WHERE NOT EXISTS
    (SELECT FROM billow.run r WHERE r.run_id = j.run_id)")" = 0 ]
check "children without keys leave nothing" [ "$(sql "SELECT count(*) FROM billow.run_detail WHERE dropped_at > 0")" = 3 ]
sql "SELECT count(*) FROM billow.run_problem" >"$work/out"
check "what is left waits for something" grep -qx 0 "$work/out"
for file in "$work"/archive/*.jsonl; do
    run billow retention verify "$file"
    expect "an archive is whole" 0 "is whole: [0-9]+ runs"
done
check "every dropped run is in it" [ "$(jq -r 'select(.kind == "run") | .run' "$work"/archive/*.jsonl | sort -u | wc -l)" = 9 ]
check "with its turns, to the byte" [ "$(jq -r 'select(.kind == "turn") | .bytes' "$work"/archive/*.jsonl | sort -u | wc -l)" -ge 9 ]

# --- A run of the archive is played again.
dropped=$(jq -r 'select(.kind == "run" and .data.key == "old-2") | .run' "$work"/archive/*.jsonl)
run billow replay "$dropped"
expect "what was dropped cannot be played from the database" 5 "retention dropped the run.*--archive"
run billow replay "$dropped" --archive "$work/archive"
expect "but from its archive, found by its directory" 0 "the same: 3 turns"
for file in "$work"/archive/*.jsonl; do grep -q "\"kind\":\"run\",\"run\":\"$dropped\"" "$file" && break; done
run billow replay "$dropped" --archive "$file" --json
expect "or by its file" 0 '"status":"same"'
run billow replay 0192f0c4-0000-7000-8000-000000000000 --archive "$work/archive"
expect "one that is not there" 5 "has no run 0192f0c4"
run billow replay "$dropped" --archive "$work/nowhere"
expect "an archive that is not there" 5 "No such file"
sealed() { # FILE FILTER: the archive changed by somebody who knows how to make the hash fit
    jq -c "$2" "$file" | grep -v '"kind":"end"' >"$1"
    printf '{"kind":"end","lines":%d,"runs":1,"sha256":"%s"}\n' "$(wc -l <"$1")" "$(sha256sum <"$1" | cut -c 1-64)" >>"$1"
}
sealed "$work/short.jsonl" "select(.run != \"$dropped\" or .kind != \"turn\" or .data.turn != 2)"
run billow replay "$dropped" --archive "$work/short.jsonl"
expect "a turn that is missing is told" 1 "has 2 turns of the run, its row says 3"
other=$(jq -r 'select(.kind == "run" and .data.key == "old-2") | .bytes' "$file" | base64 -d | sed 's/xxxxx/yxxxx/' | base64 -w 0)
sealed "$work/other.jsonl" "if .run == \"$dropped\" and .kind == \"run\" then .bytes = \"$other\" else . end"
run billow replay "$dropped" --archive "$work/other.jsonl"
expect "and a result that does not come out" 3 "differs: turn 3: .*another result"
sed -i '2s/job/jab/' "$file"
run billow replay "$dropped" --archive "$file"
expect "what was changed is not played" 1 "hash differs.*nothing of it is played"
run billow retention verify "$file"
expect "one that was changed is not" 1 "hash differs"

# --- Afterwards.
run billow run start job --key old-2 --json
check "a start with the key of a dropped run starts nothing" [ "$(field .is_new)" = false ]
id=$(field .id)
run billow run explain "$id"
expect "and the run says what became of it" 0 "was done" "history was removed on" "policy retention 1.1.0"
run billow replay "$id"
expect "it cannot be replayed" 5 "no such run"
run billow run start job --key old-2 --wait
expect "waiting for it ends at once" 0
run billow audit list --action retention.drop
expect "who dropped what is on record" 0 "tester"
run billow retention status
expect "and told" 0 "9 runs were dropped so far; 1 holds" "last sweep" "decided by run"

# --- Two sweeps at a time; then the engine by itself.
run billow retention release case-12 --reason settled
expect "the hold is ended" 0
billow retention run >"$work/one" 2>&1 &
one=$!
run billow retention run
expect "two sweeps at a time" 0
wait "$one"
check "drop each run once" [ "$(sql "SELECT dropped FROM billow.retention")" = 18 ]
run billow policy set retention runs_days 1 --from 2020-01-01
expect "a shorter period" 0
serve_stop TERM
days 3
sql "UPDATE billow.retention SET last = NULL" 2>/dev/null
BILLOW_RETENTION_MS=500 serve_start serve
gone() { [ "$(sql "SELECT count(*) FROM billow.run_detail WHERE start_key = 'young' AND dropped_at > 0")" = 1 ]; }
check "the engine drops what is due by itself" wait_until 30 gone
run billow run explain "$(sql "SELECT run_id FROM billow.run_detail WHERE start_key = 'asks'")"
expect "what still asks is kept" 0 "waits for a person"

# --- A policy that fails.
serve_stop TERM
mkdir -p "$firm/policies/retention"
echo 'error("broken on purpose")' >"$firm/policies/retention/policy.lua"
serve_start dev "$firm"
wait_until 30 released
serve_stop TERM
days 6
BILLOW_RETENTION_MS=300 serve_start serve
failed_sweep() { run billow retention status; grep -q "failed:" "$work/out"; }
check "a policy that fails is told" wait_until 30 failed_sweep
sleep 1.5 # many looks
run billow run list --workflow retention --status parked --json
check "and tried once a day" [ "$(jq length "$work/out")" = 1 ]
check "large values went with their runs" [ "$(sql "SELECT count(*) FROM billow.value_ref v WHERE NOT EXISTS
    (SELECT FROM billow.run r WHERE r.run_id = v.owner)")" = 0 ]
serve_stop TERM
check "and the engine stops in order" [ "$status" = 0 ]

# --- Eleven years after a month was billed: its invoices explain themselves, whatever became of the runs.
export BILLOW_DIR=$work/month BILLOW_TENANT=
unset BILLOW_TENANT
days 0
run_long() { timeout 250 "$@" >"$work/out" 2>"$work/err" </dev/null; status=$?; }
run_long billow bill "$here/examples/acme" --period 2026-10 --out "$work/bills" --approve-as "Dana Scully"
expect "a month is billed" 0
serve_start serve --retention-rate 0
serve_stop KILL # the database goes on
sql "SET session_replication_role = replica; UPDATE billow.run SET status = 3, wake = 0, wake_at = NULL, is_active = false
    WHERE status < 3; UPDATE billow.task SET status = 3 WHERE status = 1; DELETE FROM billow.wait"
days 4100
serve_start serve --retention-rate 0
invoices=$(sql "SELECT count(*) FROM billing.invoice")
number=$(sql "SELECT number FROM billing.invoice ORDER BY number LIMIT 1")
ledger=$(sql "SELECT md5(string_agg(l::text, '' ORDER BY l::text)) FROM billing.ledger l")
run billow invoice explain "$number"
expect "an invoice explains itself" 0 "made by workflow"
cp "$work/out" "$work/explained"
run_long billow retention run
expect "while it is not paid its run stays" 0 "[1-9][0-9]* with unpaid"
sql "SET session_replication_role = replica; UPDATE billing.invoice_balance SET settled = payable - credited - written_off
    WHERE payable > 0"
run_long billow retention run
expect "when all is paid the runs go" 0 "dropped [1-9]"
run billow invoice explain "$number"
expect "the invoice explains itself as before, and says that the run was dropped" 0 \
    "the history of that run was removed on .*policy retention"
check "in the same words" [ "$(grep -v '^the history of' "$work/out" | md5sum)" = "$(md5sum <"$work/explained")" ]
run billow ledger verify
expect "the ledger adds up" 0
check "and is what it was" [ "$(sql "SELECT md5(string_agg(l::text, '' ORDER BY l::text)) FROM billing.ledger l")" = "$ledger" ]
run billow invoice verify
expect "numbers and chain are whole" 0
serve_stop TERM
run_long billow bill "$here/examples/acme" --period 2026-10 --out "$work/bills2" --approve-as "Dana Scully"
expect "the month is billed again" 0 "was imported before" "removed with its run" "was started before"
serve_start serve --retention-rate 0
check "and nothing is billed twice" [ "$(sql "SELECT count(*) FROM billing.invoice")" = "$invoices" ]
serve_stop TERM
finish
