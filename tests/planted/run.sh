#!/bin/sh
# Plants each bug of tests/planted/bugs in a copy of its source file, links the simulator with it, and proves that
# the simulator finds it. Usage: tests/planted/run.sh BUILD_DIR [name...]; the simulator has to be built there.
# A planted source stands before the libraries on the command line, so that its object is taken instead of theirs.
set -eu
cd "$(dirname "$0")/../.."
build=$(cd "$1" && pwd)
shift
seeds=${BW_PLANTED_SEEDS:-400}
work=$build/tests/planted
mkdir -p "$work"
link=$(ninja -C "$build" -t commands tests/sim/sim | tail -1)
missed=0

plant() { # name file from to
    object=engine/$(basename "$(dirname "$2")")/CMakeFiles/bw_$(basename "$(dirname "$2")").dir/$(basename "$2").o
    bug=$work/$1.c
    sed "s~$3~$4~" "$2" > "$bug"
    if cmp -s "$2" "$bug"; then
        echo "planted: $1: $2 has changed, the bug finds no place" >&2
        return 1
    fi
    compile=$(ninja -C "$build" -t commands "$object" | tail -1 |
        sed "s~ -o [^ ]* -c [^ ]*~ -w -o $work/$1.o -c $bug~; s~ -MD -MT [^ ]* -MF [^ ]*~~")
    (cd "$build" && sh -c "$compile" &&
        sh -c "$(echo "$link" | sed "s~ -o tests/sim/sim ~ $work/$1.o -o $work/$1 ~")")
    if found=$(BW_SIM_JOBS=1 BW_SIM_SEEDS=$seeds BW_SOURCE_DIR=$PWD "$work/$1" 2>&1 >"$work/$1.log" |
        grep -m 1 '^sim: seed'); then
        echo "found  $1: $(echo "$found" | cut -c 1-150)"
    else
        echo "MISSED $1 in $seeds seeds"
        return 1
    fi
}

while IFS='|' read -r name file from to; do
    case $name in '#'* | '') continue ;; esac
    case " ${*:-$name} " in *" $name "*) ;; *) continue ;; esac
    plant "$name" "$file" "$from" "$to" || missed=$((missed + 1))
done < tests/planted/bugs
exit $((missed > 0))
