#!/bin/bash
# restore.sh - a base backup with running work, brought back to a moment by its archived log: what was done since then is
# a future that the database has lost. The ledger and the chains are whole, old leases fence nobody and let nobody act,
# and what that future had sent is not done twice.
#
#   restore.sh BUILD_DIR
. "$(dirname "$0")/harness.sh"
export BILLOW_DIR=$work/old
mkdir "$BILLOW_DIR"
firm=$work/firm
pg_bin=$(dirname "$(find /usr/lib/postgresql -name pg_basebackup -path '*/bin/*' | sort -V | tail -1)")
sock() { echo "$BILLOW_DIR/.billow/pg/sock"; }
sql() { psql -h "$(sock)" -U billow -d billow -qAtX -v ON_ERROR_STOP=1 -c "$1"; }

# --- A shop that knows keys, and a bank that does not, and can only be asked.
cat >"$work/outside.py" <<'PY'
import http.server, json, sys, urllib.parse
log = open(sys.argv[1], "a", buffering=1)
paid = {}
class Outside(http.server.BaseHTTPRequestHandler):
    def reply(self, status, text):
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        key = self.headers["Idempotency-Key"]
        log.write(json.dumps({"path": self.path, "key": key, "body": body}) + "\n")
        if self.path == "/bank":
            paid[key] = paid.get(key, 0) + 1
        self.reply(200, "done")
    def do_GET(self):
        key = urllib.parse.parse_qs(urllib.parse.urlparse(self.path).query)["key"][0]
        log.write(json.dumps({"path": "/asked", "key": key}) + "\n")
        self.reply(200, "paid" if key in paid else "none")
    def log_message(self, *args):
        pass
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Outside)
open(sys.argv[2], "w").write(str(server.server_address[1]))
server.serve_forever()
PY
python3 "$work/outside.py" "$work/outside.log" "$work/port" &
outside_pid=$!
trap 'kill $outside_pid 2>/dev/null; clean_up' EXIT
wait_until 10 test -s "$work/port"
world=http://127.0.0.1:$(cat "$work/port")
seen() { jq -c "$1" "$work/outside.log"; }

run billow init "$firm"
cat >"$firm/workflows/order.lua" <<'LUA'
local event = require("billow.event")
local http = require("billow.http")
local workflow = require("billow.workflow")
return workflow.define({
  name = "order", version = "1.0.0", input = { key = "text", world = "text" },
  run = function(input)
    http.post({ url = input.world .. "/book", body = input.key }):expect_ok()
    event.wait("ship", { key = input.key })
    http.post({ url = input.world .. "/ship", body = input.key }):expect_ok()
    event.wait("pay", { key = input.key })
    local answer = http.post({
      url = input.world .. "/bank", body = input.key,
      once = {
        reconcile = function(key)
          local found = http.get(input.world .. "/bank?key=" .. key).body
          return found == "paid" and { body = found } or http.NOT_THERE
        end,
      },
    })
    return { paid = answer.body }
  end,
})
LUA
order() { run billow run start order --key "$1" --input "{\"key\":\"$1\",\"world\":\"$world\"}" --json; }
tell() { run billow event send "$1" "$2" --id "$1-$2"; }
state() { sql "SELECT status FROM billow.run r JOIN billow.run_detail d USING (tenant_id, run_id) WHERE d.start_key = '$1'"; }
has() { [ "$(seen "select(.path == \"$1\" and .body == \"$2\") | .key" | sort -u | wc -l)" = "$3" ]; }
is_done() { [ "$(state "$1")" = 3 ]; }

# --- The recipe: the log is archived, a base backup is taken while work goes on.
serve_start dev "$firm" || exit 1
wait_until 30 said "release is active"
install -d -o "$(stat -c %U "$(sock)/../data/")" "$work/wal" "$work/base"
cat >>"$BILLOW_DIR/.billow/pg/data/local.conf" <<CONF
archive_mode = on
archive_command = 'test ! -f $work/wal/%f && cp %p $work/wal/%f'
CONF
serve_stop TERM
serve_start serve --private-http
export BILLOW_TENANT=dev
for key in a b c; do order $key; done
expect "work is under way" 0
for key in a b c; do check "order $key is booked" wait_until 20 has /book $key 1; done
"$pg_bin/pg_basebackup" -h "$(sock)" -U billow -D "$work/base" -X none -c fast >"$work/out" 2>"$work/err" </dev/null
status=$?
expect "a base backup of the running server" 0

# --- After the backup, and still in the archived log.
tell ship a
tell ship b
check "a is shipped" wait_until 20 has /ship a 1
check "b is shipped" wait_until 20 has /ship b 1
settled() { [ "$(sql "SELECT count(*) FROM billow.wait")" = 3 ]; }
check "and waits again" wait_until 20 settled
sql "SELECT pg_create_restore_point('before_the_fire')" >/dev/null

# --- What the database will have lost.
epoch=$(sql "SELECT max(epoch) FROM billow.fence")
tell pay a
tell ship c
order lost
check "a is paid" wait_until 20 is_done a
check "c is shipped" wait_until 20 has /ship c 1
check "another order is booked" wait_until 20 has /book lost 1
sql "SELECT pg_switch_wal()" >/dev/null
archived() { [ "$(sql "SELECT last_archived_wal >= pg_walfile_name(pg_current_wal_lsn() - 16777216) FROM pg_stat_archiver")" = t ]; }
check "the log is archived" wait_until 20 archived
serve_stop KILL
kill -INT "$(head -1 "$BILLOW_DIR/.billow/pg/data/postmaster.pid")"
gone() { [ ! -e "$BILLOW_DIR/.billow/pg/data/postmaster.pid" ]; }
check "the old server is gone" wait_until 20 gone

# --- Restored elsewhere, to the moment.
owner=$(stat -c %U "$work/base")
mkdir -p "$work/new/.billow/pg"
chown "$owner" "$work/new/.billow/pg"
mv "$work/base" "$work/new/.billow/pg/data"
cat >>"$work/new/.billow/pg/data/local.conf" <<CONF
archive_mode = off
restore_command = 'cp $work/wal/%f %p'
recovery_target_name = 'before_the_fire'
recovery_target_action = promote
hot_standby = off
CONF
touch "$work/new/.billow/pg/data/recovery.signal"
chown -R "$owner" "$work/new/.billow/pg/data"
chmod 700 "$work/new/.billow/pg/data"
export BILLOW_DIR=$work/new
serve_start serve --private-http || {
    tail -n 30 "$work/serve.err" "$BILLOW_DIR/.billow/pg/postgres.log"
    failure "an engine starts on it"
    exit 1
}
ok "an engine starts on it"
check "and says that the database was restored" said database_restored
check "it is the moment: a is not paid" [ "$(state a)" = 1 ]
check "and the lost order is not known" [ -z "$(state lost)" ]
check "every shard has a higher epoch than the lost future had" [ "$(sql "SELECT count(*) FROM billow.fence WHERE epoch > $epoch")" = 64 ]
for what in "doctor" "doctor --runs" "ledger verify" "invoice verify"; do
    run billow $what
    expect "billow $what" 0
done

# --- What is told again happens; what the lost future did is not done twice.
tell pay a
check "a is done" wait_until 60 is_done a
check "it was paid once, by whom we knew to ask" [ "$(seen 'select(.path == "/bank" and .body == "a")' | wc -l)" = 1 ]
check "the bank was asked" [ "$(seen 'select(.path == "/asked")' | wc -l)" -ge 1 ]
tell ship c
shipped_again() { [ "$(seen 'select(.path == "/ship" and .body == "c")' | wc -l)" = 2 ] && [ "$(sql "SELECT count(*) FROM billow.wait")" = 2 ]; }
check "c is shipped again, and waits for its payment" wait_until 20 shipped_again
check "under the key of the first time" has /ship c 1
tell pay c
check "c is done" wait_until 60 is_done c
check "c was not paid before: asked, and sent once" [ "$(seen 'select(.path == "/bank" and .body == "c")' | wc -l)" = 1 ]
order new
tell ship new
tell pay new
check "a new order is done" wait_until 20 is_done new
check "and nobody is asked about it" [ "$(seen 'select(.path == "/asked")' | wc -l)" = 2 ]
run billow doctor --runs
expect "every run waits for something" 0
serve_stop TERM
check "the engine stops in order" [ "$status" = 0 ]
serve_start serve --private-http
check "the next start says it no more" [ "$(grep -c database_restored "$work/serve.err")" = 0 ]
serve_stop TERM
finish
