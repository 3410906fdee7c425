#!/bin/bash
# script.sh - billow script run: every case of sandbox/*.cases in a real host, and the command itself.
#
#   script.sh BUILD_DIR
. "$(dirname "$0")/harness.sh"
plain=$build/tests/unit/billow-host-plain # without sanitizers, so with the system call filter
[ ! -x "$plain" ] || export BILLOW_HOST=$plain
cases=$here/tests/integration/sandbox
billow=$build/bin/billow

# --- The cases. A case file is cut into numbered folders: name, options, expect, case.lua.
cut_cases() { # FILE DIR
    awk -v dir="$2" '
        /^### / { n++; head = dir "/" sprintf("%03d", n); system("mkdir -p " head); body = 0
                  print substr($0, 5) > (head "/name"); printf "" > (head "/case.lua"); next }
        !n { next }
        !body && /^# options: / { print substr($0, 12) > (head "/options"); next }
        !body && /^# expect: /  { print substr($0, 11) > (head "/expect"); next }
        !body && /^# expect:$/  { next }
        { body = 1; print > (head "/case.lua") }' "$1"
}

# What a case did, as one line: "finished 1 2", "killed fuel ...".
outcome_of() { # STATUS
    case $1 in
    0) printf 'finished %s' "$(tr '\n' ' ' <"$work/out")" ;;
    10) sed -n '1s/^billow: refused: /refused /p' "$work/err" ;;
    11) sed -n 's/^billow: killed: /killed /p' "$work/err" | head -1 | tr -d : ;;
    12) sed -n '1s/^billow: raised: /raised /p' "$work/err" ;;
    *) echo "exit $1: $(cat "$work/err")" ;;
    esac
}

run_case() { # DIR
    local name options="" expect outcome
    name=$(cat "$1/name")
    expect=$(cat "$1/expect")
    [ -f "$1/options" ] && options=$(cat "$1/options")
    case "$options" in *--fuel*) ;; *) options="$options --fuel 3M" ;; esac
    timeout 60 "$billow" script run "$1/case.lua" --quiet $options >"$work/out" 2>"$work/err"
    status=$?
    outcome=$(outcome_of $status)
    case "$expect" in
    finished*) [ "${outcome% }" = "${expect% }" ] || [ "$expect" = finished ] && [ $status -eq 0 ] ;;
    raised*) [ $status -eq 12 ] && grep -qF -- "${expect#raised }" <<<"raised $outcome" ;;
    refused*) [ $status -eq 10 ] && grep -qF -- "${expect#refused }" <<<"refused $outcome" ;;
    killed*) [ $status -eq 11 ] && grep -qF -- "$expect" <<<"$outcome" ;;
    *) false ;;
    esac
    if [ $? -eq 0 ]; then ok "$2: $name"; else failure "$2: $name: '$expect' expected, got '${outcome:0:200}'"; fi
}

for file in hostile idioms; do
    cut_cases "$cases/$file.cases" "$work/$file"
    for dir in "$work/$file"/*/; do run_case "${dir%/}" $file; done
done

# --- The command itself.
script() { # SCRIPT OPTIONS...: run from a file
    printf '%s\n' "$1" >"$work/s.lua"
    shift
    run billow script run "$work/s.lua" "$@"
}
script 'return { total = 12, ok = true }, "x"' --json
expect "--json: finished" 0
check "the result and what it took" jq -e '.status == "finished" and .result == [{total: 12, ok: true}, "x"] and .steps > 0 and .memory_bytes > 0' "$work/out"
script 'return 1.5, 1/0, 0/0, 2^53, "\xff\0", nil' --json
check "floats, bad UTF-8, zero bytes and nil are JSON all the same" jq -e '.result[0] == 1.5 and .result[1] == "inf" and .result[2] == "nan" and .result[5] == null' "$work/out"
script 'return' --json
check "no result is null" jq -e '.status == "finished" and .result == null' "$work/out"
script $'local t = 1\nos.exit(1)' --json
expect "--json: refused" 10
check "what and where" jq -e '.status == "refused" and .file == "s.lua" and .line == 2 and (.text | test("os"))' "$work/out"
script 'while true do end' --json --fuel 100000
expect "--json: killed" 11
check "by which limit, and where" jq -e '.status == "killed" and .limit == "fuel" and .line == 1 and .steps > 100000' "$work/out"
script $'local function f()\n  error("bad rate")\nend\nf()' --json
expect "--json: raised" 12
check "file, line, traceback" jq -e '.status == "raised" and .line == 2 and .text == "bad rate" and (.traceback | test("s.lua:4"))' "$work/out"
script $'local function f()\n  error("bad rate")\nend\nf()'
expect "an error for people" 12 "s.lua:2: bad rate" "stack traceback" "s.lua:4: in main chunk"
check "nothing of it on standard output" test ! -s "$work/out"
script 'require("billow.log").info("halfway") return 1' --json
check "log lines are in the JSON" jq -e '.logs[0].text == "halfway" and .logs[0].level == "info"' "$work/out"
script 'require("billow.log").info("halfway") return 1'
expect "and on standard error" 0 "info: halfway"
check "beside the result on standard output" test "$(cat "$work/out")" = 1
script 'local log = require("billow.log") for i = 1, 9999 do log.info(("x"):rep(100)) end' --json --fuel 20M
check "a log that is too long says what was left out" jq -e '.logs[-1].text | test("lines more were left out")' "$work/out"
script 'require("billow.log").info(("x"):rep(1000000))' --json
check "a log line that is too long is cut" jq -e '.logs[0].text | length == 4096' "$work/out"
script 'return "\27[31mred"'
check "a terminal does not obey a result" test "$(cat "$work/out")" = '\027[31mred'
script 'local t = {} for i = 1, 100000 do t[i] = i end return #t' --memory 512KiB
expect "--memory with a unit" 11 "killed: memory: it needs more than 524288 bytes"
script 'local t = {} for i = 1, 100000 do t[i] = i end return #t' --memory 16777216
expect "--memory in bytes" 0 "100000"
script 'while true do end' --fuel 1000000000 --wall 300ms
expect "--wall" 11 "killed: wall"
for bad in "--fuel 0" "--fuel x" "--fuel -1" "--memory 1TiB" "--memory 65MiB" "--memory 8Mib" "--wall 1h" "--wall 61s"; do
    script 'return 1' $bad
    expect "$bad is not understood" 64 "expected, such as"
done
printf '\x1bLua\x54\0' >"$work/b.lua"
run billow script run "$work/b.lua"
expect "bytecode is refused before a host sees it" 10 "bytecode is not run"
printf '#!/bin/lua\n\x1bLua' >"$work/b.lua"
run billow script run "$work/b.lua"
expect "also behind a first line that is skipped" 10 "unexpected symbol"
head -c 300000 /dev/zero | tr '\0' ' ' >"$work/b.lua"
run billow script run "$work/b.lua"
expect "a file that is too long" 10 "longer than 262144 bytes"
printf '\xef\xbb\xbfreturn 5' >"$work/b.lua"
run billow script run "$work/b.lua"
expect "a byte order mark" 0 "^5"
head -c 20000 /dev/urandom >"$work/b.lua"
run billow script run "$work/b.lua"
expect "noise" 10 "refused"
run billow script run "$work/nosuch.lua"
expect "a file that is not there" 5 "nosuch.lua"
run billow script run "$work"
expect "a folder" 1 "directory"
mkdir -p "$work/stdlib" && echo 'return require("billow.effect.core") and 1' >"$work/stdlib/x.lua"
(cd "$work" && timeout 20 "$billow" script run stdlib/x.lua >"$work/out" 2>"$work/err")
status=$?
expect "a folder of the name stdlib makes nobody trusted" 12 "is for the standard library"
echo 'return 6 * 7' | timeout 20 "$billow" script run - >"$work/out" 2>"$work/err"
status=$?
expect "from standard input" 0 "42"
env -i PATH="$PATH" SECRET=hidden BILLOW_DIR=/nowhere "$billow" script run "$work/b.lua" >"$work/out" 2>&1
check "no database is made or needed" test ! -e "$work/.billow"
BILLOW_HOST=/bin/false run billow script run "$work/s.lua"
expect "a host that is none" 11 "killed: host"
check "no host is left behind" test -z "$(pgrep -f "billow-host script" -P $$)"
finish
