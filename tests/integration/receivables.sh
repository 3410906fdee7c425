#!/bin/bash
# receivables.sh - the database's own rules about credit notes, against a private PostgreSQL.
#
#   receivables.sh BUILD_DIR [SEEDS]
#
# Random sequences of bill, partial credit and void go through the statements that workflows use (tests/integration/
# receivables.lua); after each, what must not happen is tried and has to be refused. Then two sessions credit one
# invoice at once: the second one is refused. Exit 1 at the first difference.
set -u
build=${1:?usage: receivables.sh BUILD_DIR [SEEDS]}
seeds=${2:-10}
here=$(cd "$(dirname "$0")/../.." && pwd)
case $build in /*) ;; *) build=$here/$build ;; esac
lua=${BILLOW_LUA:-$build/tools/billow-lua}
bin=$(ls -d /usr/lib/postgresql/*/bin | sort -V | tail -n 1)
work=$(mktemp -d "${TMPDIR:-/tmp}"/billow-receivables.XXXXXX)
chmod 755 "$work" # the server's user has to get through

as_server() { # PostgreSQL refuses to run as root
    if [ "$(id -u)" = 0 ]; then runuser -u postgres -- "$@"; else "$@"; fi
}
stop_all() {
    [ ! -d "$work/data" ] || as_server "$bin/pg_ctl" -D "$work/data" -m immediate stop >/dev/null 2>&1
    rm -rf "$work"
}
trap stop_all EXIT
fail() {
    echo "FAILED: $*" >&2
    exit 1
}
sql() { psql -h "$work" -U billow -v ON_ERROR_STOP=1 -qAt "$@"; }

start() {
    [ "$(id -u)" != 0 ] || chown postgres "$work"
    as_server "$bin/initdb" -D "$work/data" -U billow -A trust -E UTF8 --locale=C >/dev/null || fail "initdb"
    as_server "$bin/pg_ctl" -D "$work/data" -l "$work/server.log" -w \
        -o "-k $work -c listen_addresses= -c fsync=off" start >/dev/null || fail "the server does not start"
}

database() { # NAME: a new one with all migrations
    sql -d postgres -c "create database $1" || fail "create database"
    sql -d "$1" -c "create schema billow" -c "create table billow.migration (number integer primary key, \
        name text not null, checksum text not null, applied_at timestamptz not null default now())" || fail "migration"
    local file
    for file in "$here"/engine/store/sql/*.sql; do
        sql -d "$1" -1 -f "$file" >/dev/null 2>"$work/log" || { cat "$work/log" >&2; fail "$file"; }
    done
}

lives() {
    local seed
    for seed in $(seq 1 "$seeds"); do
        database "life$seed"
        "$lua" -d "$here" "$here/tests/integration/receivables.lua" "$seed" 25 >"$work/life.sql" || fail "seed $seed"
        sql -d "life$seed" -f "$work/life.sql" >"$work/log" 2>&1 || { cat "$work/log" >&2; fail "seed $seed"; }
        # The proof of the whole database agrees. The lives take their numbers from no series: rules 10 and 11.
        sql -d "life$seed" -c "select rule, subject, problem from billing.ledger_break where rank < 10" >"$work/broken"
        [ ! -s "$work/broken" ] || { head -n 3 "$work/broken" >&2; fail "seed $seed: the books are not whole"; }
    done
    echo "$seeds random lives: the database holds what the model holds, and refused what it must"
}

race() {
    database race
    "$lua" -d "$here" "$here/tests/integration/receivables.lua" race "$work" >"$work/race.sql" || fail "race"
    sql -d race -f "$work/race.sql" >"$work/log" 2>&1 || { cat "$work/log" >&2; fail "race"; }
    mkfifo "$work/first"
    sql -d race <"$work/first" >"$work/first.log" 2>&1 &
    local first=$! second
    exec 3>"$work/first"
    { echo "begin;"; cat "$work/note1.sql"; } >&3
    until [ "$(sql -d race -c "select count(*) from pg_stat_activity where state = 'idle in transaction'")" = 1 ]; do
        kill -0 $first 2>/dev/null || { cat "$work/first.log" >&2; fail "the first note is refused"; }
    done
    sql -d race -1 -f "$work/note2.sql" >"$work/second.log" 2>&1 &
    second=$!
    until [ "$(sql -d race -c "select count(*) from pg_stat_activity where wait_event_type = 'Lock'")" = 1 ]; do
        kill -0 $second 2>/dev/null || { cat "$work/second.log" >&2; fail "the second note does not wait"; }
    done
    echo "commit;" >&3
    exec 3>&-
    wait $first || { cat "$work/first.log" >&2; fail "the first note is refused"; }
    ! wait $second || fail "both notes were taken"
    grep -q "credits of it come to" "$work/second.log" || { cat "$work/second.log" >&2; fail "another refusal"; }
    echo "two notes at once: the second one is refused"
}

start
lives
race
