#!/bin/bash
# nodes.sh - two processes on one PostgreSQL: they share the shards, find each other's runs, hand over and take over.
#
#   nodes.sh BUILD_DIR
. "$(dirname "$0")/harness.sh"

# --- A PostgreSQL of our own, under a socket in $work; its server refuses root.
pg_bin=$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V | tail -n 1)
as_server() { if [ "$(id -u)" = 0 ]; then runuser -u postgres -- "$@"; else "$@"; fi; }
data=$work/pg
mkdir "$data"
[ "$(id -u)" != 0 ] || chown postgres "$data"
as_server "$pg_bin/initdb" -D "$data/data" -U billow_test -A trust >"$work/initdb.log" 2>&1 ||
    { cat "$work/initdb.log"; exit 1; }
as_server "$pg_bin/pg_ctl" -D "$data/data" -w -l "$data/log" \
    -o "-c listen_addresses='' -c unix_socket_directories='$data'" start >"$work/pg_ctl.log" 2>&1 ||
    { cat "$work/pg_ctl.log"; exit 1; }
export PGHOST=$data PGUSER=billow_test
sql() { psql -qAtX -d billow -c "$1"; }
psql -qX -d postgres -c "CREATE DATABASE billow"
database="host=$data dbname=billow user=billow_test"

# --- Nodes: node_start NAME, node_end NAME SIGNAL. Each has its own socket.
declare -A pid_of
node_start() {
    mkdir -p "$work/$1"
    "$build/bin/billow" serve --database "$database" --socket "$work/$1/sock" --json \
        >"$work/$1/out" 2>"$work/$1/err" </dev/null &
    pid_of[$1]=$!
    wait_until 30 grep -q ready "$work/$1/out"
}
node_end() {
    kill "-$2" "${pid_of[$1]}" 2>/dev/null
    wait "${pid_of[$1]}" 2>/dev/null
    unset "pid_of[$1]"
}
end_all() {
    for name in "${!pid_of[@]}"; do node_end "$name" KILL; done
    as_server "$pg_bin/pg_ctl" -D "$data/data" -m immediate stop >/dev/null 2>&1
    clean_up
}
trap end_all EXIT
at() { # NODE METHOD PATH [BODY]: $work/out
    curl -s -m 10 --unix-socket "$work/$1/sock" -H "X-Billow-Tenant: acme" -X "$2" \
        ${4:+-H "Content-Type: application/json" -d "$4"} "http://billow$3" >"$work/out" 2>"$work/err"
    status=$?
}
shards_of() { at "$1" GET /v1/stats; field .shards; }
has_shards() { [ "$(shards_of "$1")" = "$2" ]; }
start_on() { # NODE WORKFLOW INPUT: the id
    at "$1" POST /v1/runs "{\"workflow\": \"$2\", \"input\": $3}"
    field .id
}
has_status() { at "$1" GET "/v1/runs/$2" && [ "$(field .status)" = "$3" ]; }
all_have_status() { # NODE STATUS RUN...
    local node=$1 wanted=$2
    shift 2
    for run in "$@"; do has_status "$node" "$run" "$wanted" || return 1; done
}

cat >"$work/files.json" <<'JSON'
{"files": {
  "workflows/family.lua": "local w = require('billow.workflow')\nreturn w.define({ name = 'family', version = '1', run = function(input)\n  local sum = 0\n  for i = 1, 6 do sum = sum + w.call('kid', { n = i }) end\n  return sum\nend })\n",
  "workflows/kid.lua": "return require('billow.workflow').define({ name = 'kid', version = '1', run = function(input)\n  return input.n\nend })\n",
  "workflows/naps.lua": "local timer = require('billow.timer')\nreturn require('billow.workflow').define({ name = 'naps', version = '1', run = function(input)\n  for i = 1, 60 do timer.sleep('200ms') end\n  return 'rested'\nend })\n",
  "workflows/waits.lua": "return require('billow.workflow').define({ name = 'waits', version = '1', run = function(input)\n  if not input.key then error('no key') end\n  return require('billow.event').wait('go', { key = input.key }).body\nend })\n"
}}
JSON

deploy() { # the standard library and the workflows above
    jq -s '{files: (.[0].files + .[1].files)}' "$work/files.json" "$work/library.json" >"$work/release.json"
    at "$1" POST /v1/releases "@$work/release.json"
}
library() { # stdlib/*.lua as {files: {name: text}}
    (cd "$here" && find stdlib -name '*.lua' -not -path '*/testing*' -not -path '*/meta/*' | sort |
        while read -r name; do jq -n --arg n "$name" --rawfile t "$name" '{($n): $t}'; done) |
        jq -s '{files: add}' >"$work/library.json"
}
library

# --- As the help says, in a folder where nothing is yet.
mkdir "$work/fresh"
fresh_start() {
    (cd "$work/fresh" && exec "$build/bin/billow" serve --database "$database" --json) \
        >"$work/fresh/out" 2>"$work/fresh/err" </dev/null &
    pid_of[fresh]=$!
    wait_until 30 grep -q ready "$work/fresh/out"
}
check "a node makes the folder of its socket itself" fresh_start
check "and commands of that folder talk to it" billow tenant create fresh --dir "$work/fresh"
node_end fresh TERM

# --- Sharing.
check "the first node starts on a given database" node_start one
check "and has all shards" wait_until 5 has_shards one 64
at one POST /v1/tenants '{"name": "acme"}'
deploy one
check "a release is stored" [ "$(field .accepted)" = true ]
waiting=()
for i in $(seq 12); do waiting+=("$(start_on one waits "{\"key\": \"k$i\"}")"); done
check "the second one starts beside it" node_start two
at two GET /readyz
check "without shards it says whom it waits for, if it has none yet" jq -e '.shards > 0 or (.detail | test("other nodes"))' "$work/out"
check "and gets half of the shards" wait_until 15 has_shards two 32
check "which the first gave back" has_shards one 32
check "no epoch has two owners" [ "$(sql "SELECT count(DISTINCT owner) FROM billow.lease")" = 2 ]

# --- Each other's runs.
for i in $(seq 12); do
    at "$([ $((i % 2)) = 0 ] && echo one || echo two)" POST /v1/events \
        "{\"topic\": \"go\", \"key\": \"k$i\", \"body\": \"go\"}"
done
check "events sent to any node reach runs of both" wait_until 20 all_have_status one 'done' "${waiting[@]}"
families=()
for i in 1 2 3 4; do
    families+=("$(start_on one family '{}')" "$(start_on two family '{}')")
done
check "children of other nodes' shards run, and answer" \
    wait_until 60 all_have_status two 'done' "${families[@]}"
at one GET "/v1/runs/${families[1]}"
check "with the right result" [ "$(field .result)" = 21 ]

# --- A parked run, wherever the operator asks.
stuck=()
for i in 1 2; do stuck+=("$(start_on one waits '[1]')" "$(start_on two waits '[1]')"); done
check "runs of both nodes park" wait_until 20 all_have_status one parked "${stuck[@]}"
at one POST /v1/runs/resume '{"cause": "SCRIPT"}'
check "one node resumes the parked runs of all" [ "$(field .done)" = 4 ]
audited() { [ "$(sql "SELECT count(*) FROM billow.audit WHERE action = 'run.resume'")" = "$1" ]; }
check "and each is resumed once, by its owner" wait_until 10 audited 4

# --- Hand-over on a clean stop.
naps=()
for i in $(seq 6); do naps+=("$(start_on two naps '{}')"); done
node_end two TERM
check "a clean stop hands its shards over within a renewal" wait_until 5 has_shards one 64
check "its leases are gone" [ "$(sql "SELECT count(DISTINCT owner) FROM billow.lease")" = 1 ]
check "and its runs go on" wait_until 60 all_have_status one 'done' "${naps[@]}"

# --- Take-over after a loss.
node_start three
check "another node joins" wait_until 15 has_shards three 32
naps=()
for i in $(seq 6); do naps+=("$(start_on three naps '{}')"); done
node_end three KILL
check "the shards of a killed node are taken over" wait_until 15 has_shards one 64
check "and its runs go on" wait_until 60 all_have_status one 'done' "${naps[@]}"

# --- A node that was stopped beyond its lease.
node_start four
check "one more joins" wait_until 15 has_shards four 32
naps=()
for i in $(seq 6); do naps+=("$(start_on four naps '{}')"); done
kill -STOP "${pid_of[four]}"
check "the shards of a paused node are taken over" wait_until 15 has_shards one 64
check "its runs go on elsewhere" wait_until 60 all_have_status one 'done' "${naps[@]}"
turns=$(sql "SELECT count(*) FROM billow.journal")
kill -CONT "${pid_of[four]}"
check "it comes back, and gets a share again" wait_until 15 has_shards four 32
check "and has written nothing behind the others' back" \
    [ "$(sql "SELECT count(*) FROM billow.journal")" = "$turns" ]
check "the journals are dense" [ "$(sql "SELECT count(*) FROM billow.run r
    WHERE r.head <> (SELECT count(*) FROM billow.journal j WHERE (j.tenant_id, j.run_id) = (r.tenant_id, r.run_id))")" = 0 ]
node_end four TERM
node_end one TERM
check "nobody holds a lease at the end" [ "$(sql "SELECT count(*) FROM billow.lease WHERE owner IS NOT NULL")" = 0 ]
finish
