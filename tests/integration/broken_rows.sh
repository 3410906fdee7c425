#!/bin/bash
# broken_rows.sh - a task whose row somebody has broken by hand: that is told in place of what stood there, the task can
# be answered, and the engine goes on.
#
#   broken_rows.sh BUILD_DIR
. "$(dirname "$0")/harness.sh"
export BILLOW_DIR=$work/state BILLOW_TENANT=dev
mkdir "$BILLOW_DIR"
firm=$work/firm
billow() { run "$build/bin/billow" "$@"; }
sql() { psql -h "$BILLOW_DIR/.billow/pg/sock" -U billow -d billow -qAt -v ON_ERROR_STOP=1 -c "$1" >"$work/out" 2>"$work/err"; }
is_alive() { kill -0 "$serve_pid" 2>/dev/null; }
is_released() { grep -q "release is active" "$work/serve.out" "$work/serve.err"; }
dev_start() { serve_start dev "$firm" && wait_until 30 is_released; }
has_task() { [ -n "$(task_of "$1")" ]; }

run "$build/bin/billow" init "$firm"
mkdir -p "$firm/workflows"
cat >"$firm/workflows/asks.lua" <<'END'
local event = require("billow.event")
local task = require("billow.task")
local workflow = require("billow.workflow")
return workflow.define({ name = "asks", version = "1.0.0", input = { name = "text" }, run = function(input)
  local answer = task.open({ kind = "question", title = "how is " .. input.name, body = { name = input.name } })
  local news = event.wait("news", { key = input.name })
  return { decision = answer.decision, news = news.body, name = input.name }
end })
END
dev_start || exit 1
start() { # NAME: a run, and $id is its id
    billow run start asks --key "$1" --input "{\"name\":\"$1\"}"
    id=$(cat "$work/out")
}
broken="'\\x00ff17'::bytea"
status_of() { billow run show "$1" --json; field .run.status; }
task_of() { # RUN: its open task
    billow task list --json
    field ".[] | select(.run == \"$1\") | .id"
}

start ann && ann=$id
start bob && bob=$id
wait_until 20 has_task "$ann" && wait_until 20 has_task "$bob"
task=$(task_of "$ann")
sql "update billow.task set body = $broken, assignees = $broken where task_id = '$task'"
billow task list --json
expect "a task whose body is broken is listed, with the others" 0 'unreadable' 'are no value' 'how is bob'
billow task show "$task"
expect "it says what is wrong" 0 'restore the row'
check "the engine goes on" is_alive
billow task answer "$task" fine
expect "it can be answered" 0
billow event send news ann --id n1 --body '{"a":1}'
is_done() { [ "$(status_of "$1")" = "done" ]; }
check "and its run goes on to its end" wait_until 20 is_done "$ann"
sql "update billow.note set body = $broken; update billow.event set body = $broken"
billow run show "$bob" --json
expect "others are looked at as before" 0 '"status":"open"'
check "the engine is still there" is_alive
serve_stop TERM
finish
