#!/bin/sh
# setup.sh - installs what Billow needs on this machine: Debian packages, and only those that are missing.
#
#   tools/setup.sh [demo|test|fuzz|bench]     (demo when nothing is said)
#
# Root, or sudo, is asked for only when something is missing; the second time it does nothing and takes no time. No
# PostgreSQL cluster is created or started, and no service of the machine is touched. BILLOW_SETUP=skip
# leaves everything as it is, for machines that are set up in another way.
set -eu

what=${1:-demo}
here=$(cd "$(dirname "$0")" && pwd)

say() { echo "setup: $*"; }
fail() { echo "setup: $*" >&2; exit 1; }

build="gcc libc6-dev make cmake ninja-build pkg-config patch ca-certificates libuv1-dev libpq-dev libjansson-dev
    libcurl4-openssl-dev libssl-dev libical-dev libintelrdfpmath-dev node-llhttp"
run="postgresql-15 tzdata"
check="libcmocka-dev lua-busted lua-check clang-format cppcheck python3 curl jq"

case $what in
demo) wanted="$build $run" ;;
test) wanted="$build $run $check" ;;
fuzz) wanted="$build $check clang libclang-rt-dev" ;;
bench) wanted="$build $run python3 time" ;;
*) fail "'$what' is unknown; say demo, test, fuzz or bench" ;;
esac

if [ "${BILLOW_SETUP:-}" = skip ]; then
    say "skipped (BILLOW_SETUP=skip)"
    exit 0
fi
if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
    fail "this is not a Debian machine. Install the equivalents of: $(echo $wanted); then say BILLOW_SETUP=skip"
fi

# The wanted packages that dpkg does not have fully installed.
missing() {
    installed=$(dpkg-query -W -f '${db:Status-Status} ${Package}\n' $wanted 2>/dev/null |
        sed -n 's/^installed //p' || true)
    for package in $wanted; do
        echo "$installed" | grep -qxF "$package" || echo "$package"
    done
}

lacking=$(missing | tr '\n' ' ')
if [ -n "$lacking" ]; then
    if [ "$(id -u)" = 0 ]; then
        root=
    elif command -v sudo >/dev/null; then
        root=sudo
        say "sudo is needed to install packages"
    else
        fail "these packages are missing, and this is neither root nor is sudo here: $lacking"
    fi
    apt() { $root env DEBIAN_FRONTEND=noninteractive apt-get -qq -o Dpkg::Use-Pty=0 "$@"; }
    install() { apt install -y --no-install-recommends "$@" >"$log" 2>&1; }

    log=$(mktemp)
    cluster_conf=/etc/postgresql-common/createcluster.conf
    saved_conf=
    finish() {
        [ -z "$saved_conf" ] || $root cp "$saved_conf" "$cluster_conf"
        rm -f "$log" $saved_conf
    }
    trap finish EXIT
    trap 'exit 1' INT TERM

    # Lists are fetched only when apt does not know a package, or could not get one it thought it knew.
    update() {
        say "updating the package lists"
        apt update >"$log" 2>&1 || { cat "$log" >&2; fail "apt-get update failed (output above)"; }
    }
    install_all() { install "$@" || { update && install "$@"; } || { cat "$log" >&2; fail "could not install: $*"; }; }

    for package in $lacking; do
        apt-cache show "$package" >/dev/null 2>&1 || { update; break; }
    done
    say "installing $lacking"
    case " $lacking" in
    *" postgresql-15 "*)
        # Debian's server package makes and starts a cluster; we want the programs only.
        install_all postgresql-common
        saved_conf=$(mktemp)
        cat "$cluster_conf" >"$saved_conf"
        echo "create_main_cluster = false" | $root tee -a "$cluster_conf" >/dev/null
        ;;
    esac
    install_all $lacking
    lacking=$(missing | tr '\n' ' ')
    [ -z "$lacking" ] || fail "still missing after the installation: $lacking"
    say "done"
fi

"$here/lua/fetch.sh" >/dev/null || say "Lua 5.4.7 could not be fetched; the build will look for the system's Lua"
