#!/bin/sh
# demo.sh - the main job in one command: a firm's October 2026, from time entries to issued invoices.
#
# Bills examples/acme on Billow's own private PostgreSQL (under .billow/), answers exceptions in the name of one of the
# firm and approvals in that of its partner, and leaves the documents in build/demo. Twice: nothing is billed twice.
set -eu
cd "$(dirname "$0")/.."
build/release/bin/billow bill examples/acme --period 2026-10 --out build/demo \
    --approve-as "${BILLOW_APPROVER:-Dana Scully}" --clear-as "${BILLOW_CLERK:-Jana Krüger}" "$@"

echo
echo "Compared with examples/acme/expected.json, to the cent:"
build/release/tools/billow-lua -d . tests/tools/compare.lua examples/acme/expected.json \
    build/demo/invoices/*.json build/demo/exceptions.json --numbers --references | tail -n 1
