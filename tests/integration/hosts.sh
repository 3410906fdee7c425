#!/bin/bash
# hosts.sh - script hosts as processes, against a real private PostgreSQL: tenants do not share one, one that hangs or
# dies costs nothing, and nothing of the engine reaches them.
#
#   hosts.sh BUILD_DIR
. "$(dirname "$0")/harness.sh"
plain=$build/tests/unit/billow-host-plain # without sanitizers, so with the system call filter
[ ! -x "$plain" ] || export BILLOW_HOST=$plain
export BILLOW_DIR=$work/state
mkdir -p "$BILLOW_DIR"
cp -rL "$build/share/billow" "$work/share" # every tenant of this test gets two workflows more
export BILLOW_SHARE=$work/share
chmod -R a+rX "$work/share"
cat >"$work/share/workflows/waits.lua" <<'LUA'
local event = require("billow.event")
local workflow = require("billow.workflow")
return workflow.define({ name = "waits", version = "1.0.0", title = "Waits", input = { name = "text" },
  run = function(input)
    local first = event.wait("first", { key = input.name })
    local second = event.wait("second", { key = input.name })
    return { first = first.body.n, second = second.body.n }
  end,
})
LUA
cat >"$work/share/workflows/spins.lua" <<'LUA'
local workflow = require("billow.workflow")
return workflow.define({ name = "spins", version = "1.0.0", title = "Spins", input = {},
  run = function() while true do pcall(function() while true do end end) end end,
})
LUA
cat >"$work/share/workflows/clock.lua" <<'LUA'
local billow = require("billow")
local event = require("billow.event")
local workflow = require("billow.workflow")
return workflow.define({ name = "clock", version = "1.0.0", title = "Clock", input = {},
  run = function(input)
    event.send("seen", { key = "k", body = { at = tostring(billow.now()) } })
    return { at = tostring(billow.now()), dice = billow.random(1000000) }
  end,
})
LUA
serve_start serve --replay-share 100
hosts() { pgrep -P "$serve_pid" -f "billow-host[^ ]* host"; }
host_count() { hosts | wc -l; }
kept=
stop_serve() { # remembers whom it must take along: its children, the nursery among them
    kept="$kept $(pgrep -P "$serve_pid" | tr '\n' ' ')"
    serve_stop TERM
}
are_gone() {
    local pid
    for pid in $kept; do ! kill -0 "$pid" 2>/dev/null || return 1; done
}
is_status() { # TENANT RUN STATUS
    [ "$(billow --tenant "$1" run show "$2" --json | jq -r .run.status)" = "$3" ]
}
waits() { # TENANT NAME: starts a run that waits for two events
    run billow --tenant "$1" run start waits --input "{\"name\":\"$2\"}"
    cat "$work/out"
}
event() { billow --tenant "$1" event send "$2" "$3" --body "{\"n\":$4}" >/dev/null; }

check "one process waits for work" test "$(host_count)" -eq 1
declare -A runs
for tenant in acme beta gamma; do
    run billow tenant create $tenant
    expect "tenant $tenant" 0
    runs[$tenant]=$(waits $tenant a)
    event $tenant first a 1
done
for tenant in acme beta gamma; do
    check "$tenant: its run waits for the second event" wait_until 20 is_status $tenant "${runs[$tenant]}" open
done
check "three tenants have three processes" wait_until 20 test "$(host_count)" -eq 3
more=$(waits acme b)
event acme first b 1
check "a tenant's next run goes where its first one is" test "$(host_count)" -eq 3

# --- What a host is.
for pid in $(hosts); do
    check "host $pid: no environment" test ! -s "/proc/$pid/environ"
    check "host $pid: no new privileges" grep -q '^NoNewPrivs:.1' "/proc/$pid/status"
    check "host $pid: a system call filter" grep -q '^Seccomp:.2' "/proc/$pid/status"
    check "host $pid: no files but its own four" test "$(ls "/proc/$pid/fd" | wc -l)" -eq 4
done

# --- Hosts that hang and die.
for pid in $(hosts); do kill -STOP "$pid"; done
for tenant in acme beta gamma; do event $tenant second a 2; done
for tenant in acme beta gamma; do
    check "$tenant: a stopped host is replaced, and the run goes on" wait_until 30 is_status $tenant "${runs[$tenant]}" 'done'
done
check "the engine says which hosts it ended" grep -q 'host_lost.*did not answer for 3 s' "$work/serve.err"
for pid in $(hosts); do kill -KILL "$pid"; done
event acme second b 2
check "a killed host is replaced too" wait_until 30 is_status acme "$more" 'done'
run billow --tenant beta run start spins
spins=$(cat "$work/out")
check "an endless loop is parked" wait_until 60 is_status beta "$spins" parked
run billow --tenant beta run show "$spins"
expect "with its reason and its line" 0 "BUDGET|WALL" "workflows/spins.lua:3"

# --- Recorded runs, played again.
run billow --tenant acme replay "${runs[acme]}"
expect "a run that is done comes out the same" 0 "the same: 3 turns"
run billow --tenant acme replay "$(waits acme c)" --json
expect "a run that waits, too" 0
check "as JSON" jq -e '.status == "same"' "$work/out"
run billow --tenant beta replay "${runs[acme]}"
expect "another tenant's run is not found" 5
run billow --tenant gamma run start clock --wait
expect "a run with the turn's clock and random numbers" 0
rechecks() { [ "$(curl -s --unix-socket "$BILLOW_DIR/.billow/billow.sock" http://billow/v1/stats | jq -r "$1")" = true ]; }
check "finished runs are checked by themselves" wait_until 20 rechecks '.rechecks >= 6'
check "and none of them differs" rechecks '.rechecks_differing == 0'
run billow doctor
expect "the doctor says so" 0 "replays .*none of"
stop_serve
expect "the engine stops in order" 0
if grep -q recheck.skew "$build/bin/billow"; then # a build with fault points
    BILLOW_FAULT=recheck.skew:1:err serve_start serve --replay-share 0
    clock=$(billow --tenant gamma run list --workflow clock --json | jq -r '.[0].id')
    run billow --tenant gamma replay "$clock"
    expect "a replay with another clock is found out" 3 "differs: turn 1, command 1: the journal has event.send .*workflows/clock.lua:6"
    check "loudly" grep -q 'replay_differs' "$work/serve.err"
    run billow doctor
    expect "the doctor fails" 1 "replays .*1 of 1"
    run billow --tenant gamma replay "$clock"
    expect "and without the fault it is the same" 0
    stop_serve
fi
check "no host is left" wait_until 5 are_gone
finish
