#!/bin/bash
# shares.sh - what a tenant may have of the engine, and the proof that every run waits for something, through the
# command line on a real PostgreSQL.
#
#   shares.sh BUILD_DIR
. "$(dirname "$0")/harness.sh"
export BILLOW_DIR=$work/state BILLOW_TENANT=dev
mkdir "$BILLOW_DIR"
firm=$work/firm

sql() { # TEXT: in the private database
    psql -h "$BILLOW_DIR/.billow/pg/sock" -U billow -d billow -qAtX -v ON_ERROR_STOP=1 -c "$1"
}

run billow init "$firm"
expect "a project" 0
cat >"$firm/workflows/waits.lua" <<'LUA'
return require("billow.workflow").define({
  name = "waits", version = "1.0.0",
  run = function() return require("billow.event").wait("paid", { key = "I-1" }) end,
})
LUA
serve_start dev "$firm" || exit 1
released() { grep -q "release is active" "$work/serve.out" "$work/serve.err"; }
wait_until 30 released

run billow tenant set dev
expect "a tenant has the normal share" 0 "dev: weight 100% of the normal share, any number of open runs"
run billow tenant set dev --weight 5
expect "a weight has bounds" 4 "10 to 1000"
run billow tenant set dev --weight much
expect "a weight is a number" 64 "--weight wants a whole number over 0, not 'much'"
run billow tenant set dev --weight 300 --runs-max 2
expect "weight and ceiling are set" 0 "dev: weight 300% of the normal share, 0 of 2 open runs"
run billow run start waits
expect "the first run is let in" 0
run billow run start waits
expect "the second, too" 0
run billow run start waits
expect "the third is told what to do" 1 "tenant dev has 2 open runs and may have 2: nothing was started.*--runs-max"
run billow tenant set dev --json
expect "two are open" 0 '"open": *2'
run billow tenant set dev --runs-max none
expect "the ceiling is lifted" 0 "any number of open runs"
run billow run start waits
expect "the third is let in" 0

run billow doctor --runs
expect "every run waits for one thing" 0 "every run waits for exactly one thing"
id=$(sql "SELECT run_id FROM billow.run WHERE status = 1 AND wake = 3 LIMIT 1")
sql "UPDATE billow.run SET wake = 5 WHERE run_id = '$id'"
run billow doctor --runs
expect "a broken row is named" 1 "run $id of dev waits for a task that is not open"
run billow doctor --runs --json
expect "for machines as well" 1 "\"run\": *\"$id\""
sql "UPDATE billow.run SET wake = 3 WHERE run_id = '$id'"
run billow doctor --runs
expect "mended, all is well" 0
serve_stop TERM
finish
