#!/bin/sh
# Plants each bug of tests/planted/bugs in a copy of its source file, links a program of the tests with it, and proves
# that this program finds it: the simulator, or a unit test. Usage: tests/planted/run.sh BUILD_DIR [name...]; the
# programs have to be built there. A planted object stands before the libraries on the command line, so that it is
# taken instead of theirs.
set -eu
cd "$(dirname "$0")/../.."
export BW_SOURCE_DIR="$PWD"
build=$(cd "$1" && pwd)
shift
seeds=${BW_PLANTED_SEEDS:-400}
work=$build/tests/planted

# The row of one bug, by name: builds it, runs it, says what came of it.
plant() {
    row=$(grep "^$1|" tests/planted/bugs) || { echo "planted: there is no bug $1" >&2; return 1; }
    # A \| inside a pair is not a border.
    row=$(printf '%s' "$row" | sed 's/\\|/\x01/g')
    program=$(printf '%s' "$row" | cut -d '|' -f 2)
    file=$(printf '%s' "$row" | cut -d '|' -f 3)
    bug=$work/$1.c
    cp "$file" "$bug"
    at=4
    while from=$(printf '%s' "$row" | cut -d '|' -f $at | sed 's/\x01/|/g') && [ -n "$from" ]; do
        to=$(printf '%s' "$row" | cut -d '|' -f $((at + 1)) | sed 's/\x01/|/g')
        sed "s~$from~$to~" "$bug" > "$bug.next"
        if cmp -s "$bug" "$bug.next"; then
            echo "planted: $1: $file has changed, the bug finds no place" >&2
            return 1
        fi
        mv "$bug.next" "$bug"
        at=$((at + 2))
    done
    case $program in
    sim) target=tests/sim/sim library=swift_bw_ ;;
    *) target=tests/unit/$program library=/bw_ ;;
    esac
    compile=$(grep -F -- " -c $PWD/$file" "$work/$program.commands" | grep "${library}[a-z]*\.dir" | tail -1 |
        sed "s~ -o [^ ]* -c [^ ]*~ -w -o $work/$1.o -c $bug~; s~ -MD -MT [^ ]* -MF [^ ]*~~")
    link=$(tail -1 "$work/$program.commands" | sed "s~ -o $target ~ $work/$1.o -o $work/$1 ~")
    (cd "$build" && sh -c "$compile" && sh -c "$link")
    case $program in
    sim) found=$(BW_SIM_JOBS=1 BW_SIM_SEEDS=$seeds timeout 100 "$work/$1" 2>&1 >"$work/$1.log" | grep -m 1 '^sim: seed' || true) ;;
    *) found=$(timeout 100 "$work/$1" 2>&1 | grep -m 1 -o 'FAILED  \] test_.*' | sed "s/FAILED  \]/$program:/" || true) ;;
    esac
    if [ -z "$found" ]; then
        echo "MISSED $1, by $program"
        return 1
    fi
    echo "found  $1: $(echo "$found" | cut -c 1-150)"
}

if [ "${1:-}" = --one ]; then
    plant "$2"
    exit
fi
mkdir -p "$work"
names=${*:-$(grep -v '^#' tests/planted/bugs | cut -d '|' -f 1)}
for program in $(cut -d '|' -f 2 tests/planted/bugs | grep -v program | sort -u); do
    target=tests/unit/$program
    [ "$program" != sim ] || target=tests/sim/sim
    ninja -C "$build" -t commands "$target" > "$work/$program.commands"
done
echo "$names" | tr ' ' '\n' | xargs -P "$(nproc 2>/dev/null || echo 2)" -I '{}' tests/planted/run.sh "$build" --one '{}'
