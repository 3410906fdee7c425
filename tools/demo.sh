#!/bin/sh
# demo.sh - the main job in one command: a firm's October 2026, from time entries to issued invoices.
#
# Bills examples/acme on Billow's own private PostgreSQL (under .billow/), answers the approvals in the name of the
# firm's partner, and leaves the documents in build/demo. Run it twice: nothing is billed twice.
set -eu
cd "$(dirname "$0")/.."
exec build/release/bin/billow bill examples/acme --period 2026-10 --out build/demo \
    --approve-as "${BILLOW_APPROVER:-Dana Scully}" "$@"
