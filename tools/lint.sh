#!/bin/sh
# lint.sh - the checks that other people's programs do: clang-format, cppcheck, luacheck.
#
#   tools/lint.sh format|cppcheck|luacheck [BUILD TREE]
#
# Exit code 77 (skipped) when the program is not installed.
set -eu
cd "$(dirname "$0")/.."
tree=${2:-build/dev}

need() { command -v "$1" >/dev/null || { echo "$1 is not installed (tools/setup.sh test)"; exit 77; }; }
# What git knows or would take, under folders that exist; all files when this is no checkout.
files() { git ls-files -co --exclude-standard -- "$@" 2>/dev/null | while read -r file; do
    [ ! -f "$file" ] || echo "$file"
done; }

case ${1:-} in
format)
    need clang-format
    files 'engine/*.[ch]' 'tests/*.[ch]' 'bench/*.[ch]' | xargs clang-format --dry-run -Werror || {
        echo "make fmt mends this"
        exit 1
    }
    ;;
cppcheck)
    need cppcheck
    mkdir -p "$tree/cppcheck"
    files 'engine/*.c' | cppcheck --file-list=- -j "$(nproc)" --cppcheck-build-dir="$tree/cppcheck" -q \
        --std=c11 --language=c --platform=unix64 -I engine -D_GNU_SOURCE -DBW_FAULTS=1 -UBW_LUA_SYSTEM \
        -DBW_VERSION='"lint"' --enable=warning,portability --inline-suppr --error-exitcode=1 \
        --suppressions-list=tools/cppcheck.txt --template='{file}:{line}: {severity}: {message} [{id}]'
    ;;
luacheck)
    need luacheck
    luacheck --quiet --no-color $(for folder in stdlib workflows policies examples tests/lua tools; do
        [ ! -d "$folder" ] || echo "$folder"
    done)
    ;;
*)
    echo "usage: tools/lint.sh format|cppcheck|luacheck [BUILD TREE]" >&2
    exit 64
    ;;
esac
