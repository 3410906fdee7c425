#!/bin/bash
# month.sh - the sample firm's month against a real private PostgreSQL, killed in the middle again and again.
#
#   month.sh BUILD_DIR [plain|positions|random] [KILLS]
#
# plain      bills the month twice: the figures agree with expected.json to the cent, nothing is billed twice.
# positions  bills one contract and kills the engine with SIGKILL before and after every one of its commits, each time
#            from a fresh copy of the database; then goes on. Needs a build with fault points.
# random     bills the whole month and kills it at KILLS (default 100) random moments, several to a month.
#
# After every kill the same command is given again, as a person would. In the end: the same invoices, the same numbers,
# no gap, no double, and the ledger of every entry adds up. Prints one line per step; exit 1 at the first difference.
set -u
exec 3>&2 2>/dev/null # bash says "Killed" on standard error for every kill; what we say goes to 3
build=${1:?usage: month.sh BUILD_DIR [plain|positions|random] [KILLS]}
mode=${2:-plain}
kills=${3:-100}
here=$(cd "$(dirname "$0")/../.." && pwd)
case $build in /*) ;; *) build=$here/$build ;; esac
firm=$here/examples/acme
work=$(mktemp -d "${TMPDIR:-/tmp}"/billow-month.XXXXXX)
chmod 755 "$work" # the server's user has to get through

stop_all() { # whatever still runs under $work ends with the test
    for pid in $(find "$work" -name postmaster.pid -exec head -1 {} \; 2>/dev/null); do
        kill -INT "$pid" 2>/dev/null
    done
    sleep 0.3
    rm -rf "$work"
}
trap stop_all EXIT
fail() {
    echo "FAILED: $*" >&3
    [ ! -f "$work/log" ] || tail -n 30 "$work/log" >&3
    exit 1
}

# bill STATE OUT ARGS...: one call of the command, as a person gives it.
bill() {
    local state=$1 out=$2
    shift 2
    "$build/bin/billow" bill "$firm" --period 2026-10 --dir "$state" --out "$out" --approve-as "Dana Scully" "$@" \
        >"$work/log" 2>&1
}

# finish STATE OUT ARGS...: repeats the command until it ends well; at most 20 times.
finish() {
    local try
    for try in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
        bill "$@" && return 0
    done
    fail "the command did not end well in 20 calls"
}

# What must come out the same: every document, by content.
fingerprint() { (cd "$1" && find . -type f | LC_ALL=C sort | xargs sha256sum); }

compare() { # OUT: to the cent
    "$build/tools/billow-lua" -d "$here" "$here/tests/tools/compare.lua" "$firm/expected.json" \
        "$1"/invoices/*.json "$1/exceptions.json" --numbers --references >"$work/compare" 2>&1 || { cat "$work/compare" >&3; fail "the figures differ from expected.json"; }
    tail -n 1 "$work/compare"
}

fresh() { # STATE: a copy of the template, with the firm set up and its month imported
    rm -rf "$1"
    cp -a "$work/template" "$1"
}

make_template() {
    mkdir "$work/template"
    "$build/bin/billow" bill "$firm" --period 2026-10 --dir "$work/template" --out "$work/template-out" \
        --approve-as "Dana Scully" --only-import >"$work/log" 2>&1 || fail "set-up and import"
    # The engine is killed, never the machine: what the server wrote is with the kernel.
    printf 'fsync = off\nfull_page_writes = off\n' >>"$work/template/.billow/pg/data/local.conf" || fail "local.conf"
}

reference() { # OUT ARGS...: what an undisturbed call gives
    local out=$1
    shift
    fresh "$work/state"
    bill "$work/state" "$out" "$@" || fail "the undisturbed call"
    fingerprint "$out" >"$work/expected"
}

check() { # OUT WHAT
    fingerprint "$1" >"$work/got"
    cmp -s "$work/expected" "$work/got" || { diff "$work/expected" "$work/got" >&3; fail "$2: other documents came out"; }
}

followed() { # STATE: every issued invoice has its one run of collections, which waits, or has nothing to collect
    "$build/bin/billow" run list --workflow collections --limit 1000 --dir "$1" >"$work/runs" 2>"$work/log" ||
        fail "run list"
    local invoices
    invoices=$("$build/bin/billow" invoice list --dir "$1" 2>"$work/log" | grep -c ' 2026-10 ')
    ! grep -q ' parked ' "$work/runs" || { cat "$work/runs" >&3; fail "a run of collections is parked"; }
    grep -o '[^ ]*/2026-10/[^ ]*' "$work/runs" | LC_ALL=C sort >"$work/keys"
    [ "$(wc -l <"$work/keys")" = "$invoices" ] || { cat "$work/runs" >&3; fail "runs of collections"; }
    [ "$(uniq "$work/keys" | wc -l)" = "$invoices" ] || { cat "$work/runs" >&3; fail "an invoice is followed twice"; }
    echo "followed: $invoices invoices, each by one run"
}

plain() {
    mkdir "$work/state"
    bill "$work/state" "$work/out" || fail "first call"
    compare "$work/out"
    fingerprint "$work/out" >"$work/expected"
    bill "$work/state" "$work/out2" || fail "second call"
    check "$work/out2" "second call"
    followed "$work/state"
    mkdir "$work/together"
    bill "$work/together" "$work/out3" --together || fail "all approvals at once"
    "$build/tools/billow-lua" -d "$here" "$here/tests/tools/compare.lua" "$firm/expected.json" \
        "$work/out3"/invoices/*.json "$work/out3/exceptions.json" >"$work/compare" 2>&1 ||
        { cat "$work/compare" >&3; fail "approved together, other figures come out"; }
    followed "$work/together"
    diff <(ls "$work/out/invoices") <(ls "$work/out3/invoices") >&3 || fail "approved together, other numbers come out"
    echo "billed twice, once each: $(wc -l <"$work/expected") documents, all the same"
}

positions() {
    local point n count=0
    reference "$work/out-reference" --contract C-02
    for point in turn.before_commit turn.after_commit; do
        n=1
        while :; do
            fresh "$work/state"
            rm -rf "$work/out"
            BILLOW_FAULT=$point:$n:kill bill "$work/state" "$work/out" --contract C-02
            [ $? -eq 137 ] || break # no such pass any more: the call ended by itself
            finish "$work/state" "$work/out" --contract C-02
            check "$work/out" "$point $n"
            count=$((count + 1))
            n=$((n + 1))
        done
        [ "$n" -gt 5 ] || fail "only $((n - 1)) kills at $point: are the fault points compiled in?"
    done
    echo "killed at each of $count borders of one contract's commits: the same documents each time"
}

random() {
    local done_kills=0 months=0 pid length moment
    RANDOM=${BILLOW_SEED:-20261031}
    reference "$work/out-reference"
    local started=$(date +%s%N)
    fresh "$work/state"
    bill "$work/state" "$work/out" || fail "timing call"
    length=$((($(date +%s%N) - started) / 1000000))
    while [ "$done_kills" -lt "$kills" ]; do
        fresh "$work/state"
        rm -rf "$work/out"
        local in_month=0
        while [ "$in_month" -lt 10 ] && [ "$done_kills" -lt "$kills" ]; do
            bill "$work/state" "$work/out" &
            pid=$!
            # The later in the month, the less is left of it.
            moment=$(((RANDOM * 32768 + RANDOM) % (length / 2) / (in_month + 1)))
            sleep "$(printf '%d.%03d' $((moment / 1000)) $((moment % 1000)))"
            pkill -KILL -f -- "^$build/bin/billow bill .*--dir $work/state" &&
                done_kills=$((done_kills + 1)) && in_month=$((in_month + 1))
            if wait "$pid"; then break; fi
        done
        finish "$work/state" "$work/out"
        check "$work/out" "month $((months + 1)) after $done_kills kills"
        months=$((months + 1))
    done
    echo "killed at $done_kills random moments of $months months: the same documents and numbers each time"
}

case $mode in
plain) plain ;;
positions | random)
    make_template
    $mode
    ;;
*) fail "no such mode: $mode" ;;
esac
