# harness.sh - what the shell tests of the whole program share. Sourced; $1 is the build directory.
#
# Offers:  run (one command, bounded), expect (its exit code and what it said), check, wait_until, serve_start and
#          serve_stop, finish. One line per promise; the last line counts them; exit 1 when one failed.
# What a test starts under $work ends with it.
set -u
build=${1:?usage: $0 BUILD_DIR}
here=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
case $build in /*) ;; *) build=$here/$build ;; esac
export PATH=$build/bin:$PATH LC_ALL=C.UTF-8
unset BILLOW_TENANT BILLOW_SERVER BILLOW_DATABASE BILLOW_DIR BILLOW_FAULT BILLOW_SHARE BILLOW_HOST
export BILLOW_USER=tester
work=$(mktemp -d "${TMPDIR:-/tmp}"/billow-test.XXXXXX)
chmod 755 "$work" # the server's user has to get through
passed=0
failed=0
serve_pid=

pids_of_databases() { find "$work" -name postmaster.pid -exec head -n 1 {} \; 2>/dev/null; }

clean_up() {
    [ -z "$serve_pid" ] || kill -KILL "$serve_pid" 2>/dev/null
    for pid in $(pids_of_databases); do kill -INT "$pid" 2>/dev/null; done
    for _ in $(seq 100); do
        [ -n "$(pids_of_databases)" ] || break
        sleep 0.05
    done
    for mount in "$work"/*/; do mountpoint -q "$mount" && umount -l "$mount"; done
    rm -rf "$work"
}
trap clean_up EXIT

ok() {
    passed=$((passed + 1))
    echo "ok      $1"
}

failure() { # NAME: and what the last command gave
    failed=$((failed + 1))
    echo "FAILED  $1"
    printf '        exit %s\n' "$status"
    tail -n 8 "$work/out" "$work/err" 2>/dev/null | cut -c1-300 | sed 's/^/        /'
}

# run COMMAND...: $status, $work/out, $work/err.
run() {
    timeout 60 "$@" >"$work/out" 2>"$work/err" </dev/null
    status=$?
}

# expect NAME STATUS PATTERN...: the last command ended so, and said all of these (extended expressions).
expect() {
    local name=$1 wanted=$2 pattern
    shift 2
    if [ "$status" -ne "$wanted" ]; then
        failure "$name (exit $wanted is documented)"
        return 1
    fi
    for pattern in "$@"; do
        if ! cat "$work/out" "$work/err" | tr '\n' ' ' | grep -Eq -- "$pattern"; then
            failure "$name (nothing said about: $pattern)"
            return 1
        fi
    done
    ok "$name"
}

# check NAME COMMAND...: succeeds.
check() {
    local name=$1
    shift
    if "$@" >/dev/null; then ok "$name"; else failure "$name"; fi
}

# wait_until SECONDS COMMAND...: false when the time ran out.
wait_until() {
    local rounds=$(($1 * 50))
    shift
    for _ in $(seq "$rounds"); do
        "$@" && return 0
        sleep 0.02
    done
    return 1
}

field() { jq -r "$1" "$work/out" 2>/dev/null; }

said() { grep -q -- "$1" "$work/serve.err" "$work/serve.out" 2>/dev/null; }

# serve_start ARGS...: billow serve (or dev) in the background, until it is ready.
serve_start() {
    : >"$work/serve.out"
    : >"$work/serve.err"
    "$build/bin/billow" "$@" >"$work/serve.out" 2>"$work/serve.err" </dev/null &
    serve_pid=$!
    wait_until 30 said 'ready\|watching'
}

# serve_stop SIGNAL: $status is what it exited with.
serve_stop() {
    [ -n "$serve_pid" ] || return
    kill -"$1" "$serve_pid" 2>/dev/null
    wait "$serve_pid" 2>/dev/null
    status=$?
    serve_pid=
}

finish() {
    echo "$passed passed, $failed failed"
    [ "$failed" -eq 0 ]
}
