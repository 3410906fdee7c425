#!/bin/bash
# schedules.sh - recurring starts through the command line, on a real PostgreSQL; and an engine that is killed while
# starts are due.
#
#   schedules.sh BUILD_DIR
. "$(dirname "$0")/harness.sh"
export BILLOW_DIR=$work/state BILLOW_TENANT=dev
mkdir "$BILLOW_DIR"
firm=$work/firm

sql() { # TEXT: in the private database
    psql -h "$BILLOW_DIR/.billow/pg/sock" -U billow -d billow -qAtX -v ON_ERROR_STOP=1 -c "$1"
}

run billow init "$firm"
expect "a project" 0
cat >"$firm/workflows/tick.lua" <<'LUA'
return require("billow.workflow").define({
  name = "tick", version = "1.0.0", input = { day = "date" },
  run = function(input) return input.day end,
})
LUA
serve_start dev "$firm" || exit 1
released() { grep -q "release is active" "$work/serve.out" "$work/serve.err"; }
wait_until 30 released

# --- By hand.
run billow schedule next --rule 'FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1' --zone Europe/Berlin --at 17:00 \
    --from 2027-01-01 --count 2 --json
expect "the next times of a rule, in its zone" 0 '2027-01-29T16:00:00Z.*2027-02-26T16:00:00Z'
run billow schedule set daily tick --rule 'FREQ=DAILY' --zone Europe/Berlin --from 2020-01-01 --input '{"day":"{date}"}' --catch-up all \
    --catch-up-max 1000 --overlap allow
expect "a schedule is set" 0 "daily is set: next at"
run billow schedule list
expect "and listed" 0 "daily +tick +FREQ=DAILY +Europe/Berlin"
run billow schedule set daily tick --rule 'FREQ=MONTHLY;BYMONTHDAY=40'
expect "a bad rule is refused by its part" 4 "BYMONTHDAY=40: '40' has to be a number from 1 to 31"
run billow schedule set daily tack --rule 'FREQ=DAILY'
expect "so is a workflow that does not exist" 5 "no workflow 'tack'"
run billow schedule set daily tick
expect "and a schedule without a rule" 64 "--rule"
run billow schedule pause daily
expect "it is paused" 0
run billow schedule list
expect "and says so" 0 paused
run billow schedule resume daily
expect "it is resumed" 0
run billow schedule resume nightly
expect "one that is not there" 5 "no such schedule|no schedule nightly"

# --- A hundred starts were missed; the engine is killed again and again while it makes up for them.
serve_stop KILL
for _ in 1 2 3 4 5 6; do
    serve_start serve
    [ -n "${is_moved:-}" ] || {
        # The due moments of a hundred days ago: as if the engine had been down since.
        is_moved=$(sql "UPDATE billow.schedule SET next_due = next_due - 100 * 86400000000::bigint,
            wake_at = wake_at - 100 * 86400000000::bigint, version = version + 1 RETURNING 'moved'")
    }
    sleep "0.0$((RANDOM % 10))"
    serve_stop KILL
done
serve_start serve
# A summer hour makes it 99; the day may change while this runs.
all_done() { sleep 0.2; [ "$(sql "SELECT count(*) FROM billow.run r WHERE status = 3")" -ge 99 ]; }
check "every missed start made its run" wait_until 4 all_done
sql "SELECT count(*) - count(DISTINCT start_key), count(*) FROM billow.run_detail WHERE workflow = 'tick'" >"$work/out"
check "each once: $(cat "$work/out")" grep -Eq '^0\|(99|100)$' "$work/out"
run billow run list --workflow tick --json
check "each with the input of its own day" [ "$(jq -r '.[].key' "$work/out" | sort -u | wc -l)" -ge 99 ]
run billow schedule show daily
check "and the schedule says so" [ "$(field .fired)" -ge 99 ]
serve_stop TERM
finish
