#!/bin/bash
# mend.sh - a script raises, its run parks, the script is mended, and the run goes on from where it failed.
#
#   mend.sh BUILD_DIR
. "$(dirname "$0")/harness.sh"
export BILLOW_DIR=$work/state BILLOW_TENANT=dev
mkdir "$BILLOW_DIR"
firm=$work/firm

write_script() { # BODY: of the workflow "mend"
    cat >"$firm/workflows/mend.lua.new" <<LUA
local event = require("billow.event")
local timer = require("billow.timer")
return require("billow.workflow").define({
  name = "mend", version = "1.0.0", title = "Mended",
  run = function(input)
    $1
  end,
})
LUA
    mv "$firm/workflows/mend.lua.new" "$firm/workflows/mend.lua"
}
dev_start() { serve_start dev "$firm" && wait_until 30 is_over 0; }
releases() { cat "$work/serve.out" "$work/serve.err" | grep -c "release is active"; }
is_over() { [ "$(releases)" -gt "$1" ]; }
deploy() { # BODY: until it is the active release
    local before
    before=$(releases)
    write_script "$1"
    wait_until 20 is_over "$before"
}
state_of() { run billow run show "$1" --json && field ".run.$2"; }
is_status() { [ "$(state_of "$1" status)" = "$2" ]; }

run billow init "$firm"
expect "a project" 0
write_script 'timer.sleep("10ms") ; event.wait("go", { key = input.key }) ; error("broken on purpose")'
dev_start || exit 1

# --- An error in the script; mended behind what was done already.
run billow run start mend --input '{"key":"a"}'
one=$(cat "$work/out")
run billow event send go a --body '"apples"'
check "a script that raises parks its run" wait_until 20 is_status "$one" parked
run billow run explain "$one"
expect "and says where, and how it goes on" 0 "workflows/mend.lua:6" "--latest"
deploy 'timer.sleep("10ms") ; return event.wait("go", { key = input.key }).body'
run billow run resume "$one"
expect "without --latest it goes on with the script it was started with" 0
check "and parks again" wait_until 20 is_status "$one" parked
run billow run resume "$one" --latest
expect "with --latest it moves to the mended script" 0
check "and is done" wait_until 20 is_status "$one" 'done'
check "with the event it had before" [ "$(state_of "$one" result)" = apples ]
run billow run resume "$one" --latest
expect "a run that has ended is not resumed" 6 "not parked|ended"

# --- A mended script that would have done something else before.
deploy 'timer.sleep("10ms") ; event.wait("go", { key = input.key }) ; error("broken again")'
run billow run start mend --input '{"key":"b"}'
two=$(cat "$work/out")
run billow event send go b --body '"pears"'
check "another run parks" wait_until 20 is_status "$two" parked
deploy 'event.wait("other") ; return "never"'
run billow run resume "$two" --latest
check "a script that does not fit what happened parks it again" wait_until 20 is_status "$two" parked
check "as NONDETERMINISM" [ "$(state_of "$two" error.code)" = NONDETERMINISM ]
serve_stop KILL
dev_start
deploy 'timer.sleep("10ms") ; return event.wait("go", { key = input.key }).body'
run billow run resume "$two" --latest
check "nothing was lost: the right script ends it, after a crash too" wait_until 20 is_status "$two" 'done'
check "with the event of before" [ "$(state_of "$two" result)" = pears ]

# --- All runs with one cause.
deploy 'if input.key == "d" then require("billow.http").get("ftp://x/") end ; error("broken for many")'
many=()
for _ in 1 2 3; do run billow run start mend --input '{"key":"c"}' && many+=("$(cat "$work/out")"); done
run billow run start mend --input '{"key":"d"}'
odd=$(cat "$work/out")
for one in "${many[@]}" "$odd"; do wait_until 20 is_status "$one" parked; done
run billow run resume --all
expect "all, but with which cause" 64 "--cause CODE"
run billow run resume --all --cause SCRIPT --workflow other
expect "none of that workflow" 0 "0 resumed, 0 failed"
deploy 'return "mended"'
run billow run resume --all --cause "$(state_of "${many[0]}" error.code)" --latest
expect "all with one cause are resumed" 0 "3 resumed, 0 failed"
for one in "${many[@]}"; do wait_until 20 is_status "$one" 'done'; done
check "and done" is_status "${many[2]}" 'done'
check "those with another cause are not touched" is_status "$odd" parked
run billow run cancel --all --cause "$(state_of "$odd" error.code)" --reason "not needed"
expect "all with another cause are cancelled" 0 "1 are being cancelled"
check "and end" wait_until 20 is_status "$odd" cancelled

# --- All runs with one cause, each with the same value instead of the effect that failed.
deploy 'return require("billow.http").get("http://127.0.0.1:1/", { attempts = 1 }).answer'
failing=()
for _ in 1 2; do run billow run start mend --input '{"key":"s"}' && failing+=("$(cat "$work/out")"); done
for one in "${failing[@]}"; do wait_until 20 is_status "$one" parked; done
cause=$(state_of "${failing[0]}" error.code)
run billow run resume --all --cause "$cause" --workflow mend --skip-with '{"answer":"pears"}'
expect "a failed effect of many is given a value" 0 "resumed"
for one in "${failing[@]}"; do wait_until 20 is_status "$one" 'done'; done
check "and each goes on with it" [ "$(state_of "${failing[1]}" result)" = pears ]
run billow audit list --action run.skip --json
check "the record says who skipped what" test "$(jq length "$work/out")" -ge 2
serve_stop TERM
finish
