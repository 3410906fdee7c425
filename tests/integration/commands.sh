# commands.sh - what the tests of the commands around billing share. Sourced; $1 is the build directory.
#
# Offers:  billow (in a folder of its own, with a database that ends with the test), check (its exit code), says (what it
#          printed), engine_start. One line per promise, "ok" or "FAILED"; the test ends with finish.
set -u
build=${1:?usage: $0 BUILD_DIR}
here=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
case $build in /*) ;; *) build=$here/$build ;; esac
firm=$here/examples/acme
work=$(mktemp -d "${TMPDIR:-/tmp}"/billow-cli.XXXXXX)
chmod 755 "$work" # the server's user has to get through
passed=0
failed=0

stop_all() { # whatever still runs under $work ends with the test
    [ -z "${engine:-}" ] || { kill "$engine" && wait "$engine"; } 2>/dev/null
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

# One engine answers everything that follows.
engine_start() {
    "$build/bin/billow" serve --dir "$work/state" 2>"$work/serve" &
    engine=$!
    until grep -q "is ready" "$work/serve"; do
        kill -0 "$engine" 2>/dev/null || { cat "$work/serve"; exit 1; }
        sleep 0.1
    done
}

finish() {
    echo "$passed passed, $failed failed"
    [ "$failed" -eq 0 ]
}
