#!/bin/sh
# fetch.sh - the source of Lua 5.4.7, from the Debian mirror this machine already uses.
#
#   tools/lua/fetch.sh [CACHE]      prints the folder with the patched source on standard output
#
# Needs no root: apt-get works on lists and a cache of our own, through a source entry that is derived from the
# configured mirror (so proxies, mirrors and apt's settings hold). The archive is accepted only with the SHA-256 below,
# whichever way it came. BILLOW_LUA_TARBALL=/path takes a file instead; BILLOW_LUA_SUITE another suite than trixie.
# The second time nothing is fetched. Exit code 1, with the reason on standard error, when it is not to be had.
set -eu

version=5.4.7
sha256=9fbf5e28ef86c69858f6d3d34eccc32e911c1a28b4120ff3e84aaa70cfbf1e30
archive=lua5.4_$version.orig.tar.gz
here=$(cd "$(dirname "$0")" && pwd)
cache=${1:-$here/../../.billow-cache/lua}
suite=${BILLOW_LUA_SUITE:-trixie}

say() { echo "lua: $*" >&2; }
fail() { say "$*"; exit 1; }

mkdir -p "$cache"
cache=$(cd "$cache" && pwd)
patch_id=$(sha256sum "$here/billow.patch" | cut -c1-12)
source=$cache/lua-$version-$patch_id

if [ -f "$source/src/lua.h" ]; then
    echo "$source"
    exit 0
fi

is_good() { [ -f "$1" ] && [ "$(sha256sum "$1" | cut -d' ' -f1)" = "$sha256" ]; }

# The address of the Debian archive that apt is set up for; the public name when apt has none.
mirror() {
    apt-get indextargets --format '$(REPO_URI) $(RELEASE)' 'Created-By: Packages' 2>/dev/null |
        awk '$2 !~ /-/ && $1 ~ /\/debian\/?$/ { print $1; exit }'
}

fetch_by_apt() {
    command -v apt-get >/dev/null || fail "apt-get is not here; set BILLOW_LUA_TARBALL=/path/to/$archive"
    address=$(mirror)
    address=${address:-http://deb.debian.org/debian}
    work=$1
    mkdir -p "$work/lists/partial" "$work/cache/archives/partial" "$work/download"
    keyring=/usr/share/keyrings/debian-archive-keyring.gpg
    option=
    [ -f "$keyring" ] && option="[signed-by=$keyring]"
    echo "deb-src $option $address $suite main" >"$work/sources.list"
    say "fetching Lua $version from $address ($suite)"
    set -- -qq -o "Dir::Etc::SourceList=$work/sources.list" -o Dir::Etc::SourceParts=/dev/null \
        -o "Dir::State::Lists=$work/lists" -o "Dir::Cache=$work/cache" -o Debug::NoLocking=true \
        -o APT::Sandbox::User="$(id -un)" -o Acquire::Retries=3
    apt-get "$@" update >&2 || return 1
    (cd "$work/download" && apt-get "$@" source --download-only --tar-only lua5.4 >/dev/null) || return 1
    mv "$work/download/$archive" "$cache/$archive" 2>/dev/null || return 1
}

if [ -n "${BILLOW_LUA_TARBALL:-}" ]; then
    is_good "$BILLOW_LUA_TARBALL" || fail "BILLOW_LUA_TARBALL=$BILLOW_LUA_TARBALL is not $archive (SHA-256 $sha256)"
    tarball=$BILLOW_LUA_TARBALL
else
    tarball=$cache/$archive
    if ! is_good "$tarball"; then
        work=$(mktemp -d "$cache/apt.XXXXXX")
        trap 'rm -rf "$work"' EXIT
        trap 'exit 1' INT TERM
        fetch_by_apt "$work" || fail "$archive could not be fetched; set BILLOW_LUA_TARBALL=/path/to/$archive"
        is_good "$tarball" || { rm -f "$tarball"; fail "what came as $archive has another SHA-256: refused"; }
    fi
fi

unpacked=$(mktemp -d "$cache/unpack.XXXXXX")
tar -xzf "$tarball" -C "$unpacked" --strip-components=1
patch -s -p1 -d "$unpacked" <"$here/billow.patch" || { rm -rf "$unpacked"; fail "billow.patch does not apply"; }
chmod 755 "$unpacked"
# Another build may have been quicker; its result is the same.
mv -T "$unpacked" "$source" 2>/dev/null || rm -rf "$unpacked"
[ -f "$source/src/lua.h" ] || fail "$source is not complete; delete it and try again"
echo "$source"
