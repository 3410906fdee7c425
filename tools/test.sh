#!/bin/sh
# test.sh - builds the dev preset and runs the tests; the last lines are the summary.
#
#   tools/test.sh [full|quick] [ctest arguments]
#
# A failed test's whole output stands above the summary. With CI=true, or without a terminal, results are also
# written to build/dev/tests.xml (JUnit).
set -eu
cd "$(dirname "$0")/.."
preset=${1:-full}
[ $# -eq 0 ] || shift

# Tests make and drop hundreds of databases, of a thousand files each: in memory, where there is plenty of it, that
# costs half as much processor time.
plenty_kib=$((6 * 1024 * 1024))
free_kib=$(df -Pk /dev/shm 2>/dev/null | awk 'NR == 2 { print $4 }')
available_kib=$(awk '/^MemAvailable/ { print $2 }' /proc/meminfo)
if [ -z "${TMPDIR:-}" ] && [ -w /dev/shm ] && [ "${free_kib:-0}" -gt "$plenty_kib" ] &&
    [ "${available_kib:-0}" -gt "$plenty_kib" ]; then
    TMPDIR=$(mktemp -d /dev/shm/billow.XXXXXX)
    export TMPDIR
    chmod 755 "$TMPDIR" # the database's user has to get through
    trap 'rm -rf "$TMPDIR"' EXIT
    trap 'exit 130' INT TERM
fi

tools/build.sh dev
status=0
ctest --preset "$preset" --output-junit tests.xml -j "$(nproc 2>/dev/null || echo 2)" "$@" || status=$?

# One line a label, then the verdict, from ctest's own record.
python3 - build/dev/tests.xml <<'PY' || status=1
import sys
import xml.etree.ElementTree as tree

suite = tree.parse(sys.argv[1]).getroot()
groups = {}
failed, skipped = [], []
for case in suite.iter("testcase"):
    name = case.get("name")
    group = groups.setdefault(name.split(".")[0], [0, 0, 0, 0.0])
    state = 0
    if case.find("failure") is not None or case.get("status") == "fail":
        state = 1
        failed.append(name)
    elif case.find("skipped") is not None or case.get("status") in ("notrun", "disabled"):
        state = 2
        skipped.append(name)
    group[state] += 1
    group[3] += float(case.get("time") or 0)
print()
for name, (passed, bad, left_out, seconds) in sorted(groups.items()):
    print(f"{name:14} {passed:4} passed {bad:4} failed {left_out:4} skipped {seconds:8.1f} s")
for name in skipped:
    print(f"skipped: {name}")
for name in failed:
    print(f"FAILED: {name}")
total = sum(sum(group[:3]) for group in groups.values())
print(f"{total} tests: {total - len(failed) - len(skipped)} passed, {len(failed)} failed, {len(skipped)} skipped")
sys.exit(1 if failed or not total else 0)
PY
exit $status
