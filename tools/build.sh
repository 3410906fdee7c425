#!/bin/sh
# build.sh - configures and builds one preset, with one line of progress on a terminal and silence elsewhere.
#
#   tools/build.sh PRESET [TARGET...]
#
# Prints the compiler's output only when something fails. At most two jobs for each GB of memory, and never more
# than there are processors.
set -eu

preset=${1:?usage: tools/build.sh PRESET [TARGET...]}
shift
cd "$(dirname "$0")/.."
tree=build/$preset
mkdir -p "$tree"
log=$tree/build.log

jobs=$(nproc 2>/dev/null || echo 2)
memory=$(awk '/^MemTotal/ { print int($2 / 524288) + 1 }' /proc/meminfo 2>/dev/null || echo 2)
[ "$jobs" -le "$memory" ] || jobs=$memory

started=$(date +%s)
[ ! -t 1 ] || printf 'build: configuring %s\r' "$preset"
if [ ! -f "$tree/build.ninja" ]; then
    cmake --preset "$preset" >"$log" 2>&1 || { cat "$log" >&2; exit 1; }
fi
if [ -t 1 ]; then
    # Ninja rewrites one line by itself when it talks to a terminal.
    NINJA_STATUS="build: %f of %t " ninja -C "$tree" -j "$jobs" "$@" || exit 1
else
    NINJA_STATUS="[%f/%t] " ninja -C "$tree" -j "$jobs" "$@" >"$log" 2>&1 || {
        grep -vE '^\[[0-9]+/[0-9]+\] |^ninja: Entering' "$log" >&2
        exit 1
    }
fi
echo "build: $preset is up to date after $(($(date +%s) - started)) s"
