#!/bin/bash
# cli.sh - the command line and the API as the documents promise them, against a real private PostgreSQL.
#
#   cli.sh BUILD_DIR
. "$(dirname "$0")/harness.sh"
state=$work/state
project=$work/project
mkdir -p "$state" "$project/workflows"
export BILLOW_DIR=$state
billow=$build/bin/billow

# --- The command table: help, completion, man page.
commands() { # the words of every command, one a line
    "$billow" --help | sed -n '/^Commands:/,/^$/p' | sed -n 's/^  \([a-z][a-z ]*[a-z]\)  .*/\1/p'
}
commands | sort >"$work/commands"
printf '%s\n' bill dev serve migrate doctor test init import "run start" "run list" "run show" "run explain" \
    "run journal" "run resume" "run cancel" "event send" "task list" "task show" "task answer" "invoice list" \
    "invoice show" "tenant create" version | sort >"$work/promised"
missing=$(comm -13 "$work/commands" "$work/promised" | tr '\n' ' ')
status=0
check "every promised command is there: $(wc -l <"$work/commands") commands ${missing:+without $missing}" test -z "$missing"
while read -r words; do
    "$billow" $words --help >"$work/out" 2>"$work/err"
    status=$?
    examples=$(sed -n '/^Examples:/,/^$/p' "$work/out" | grep -c '^  # ')
    is_whole() {
        [ "$status" -eq 0 ] && [ "$examples" -ge 2 ] && grep -q "^Usage: billow $words" "$work/out" &&
            grep -q '^Exit codes:' "$work/out" && [ ! -s "$work/err" ]
    }
    check "help of '$words': usage, two examples, exit codes" is_whole
done <"$work/commands"
"$billow" completion bash >"$work/completion" && bash -n "$work/completion"
status=$?
expect "the completion script is bash" 0
complete_with() { # WORDS...: what bash would offer
    bash -c 'source "$0"; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _billow; echo "${COMPREPLY[*]}"' "$work/completion" "$@"
}
check "it offers commands" grep -q "migrate" <(complete_with billow m)
check "verbs of a noun" grep -q "resume" <(complete_with billow run "")
check "and options" grep -q -- "--approve-as" <(complete_with billow bill x --a)
for shell in zsh fish; do
    run billow completion $shell
    expect "completion for $shell" 0 billow
done
run billow completion tcsh
expect "completion for a shell we do not know" 64 "bash, zsh or fish"
billow docs man >"$work/billow.1"
if command -v man >/dev/null; then
    MANWIDTH=80 man --warnings -l "$work/billow.1" >"$work/out" 2>"$work/err"
    status=$?
    expect "the man page renders" 0 "billow bill" "EXIT STATUS" "ENVIRONMENT"
    check "without a warning" test ! -s "$work/err"
elif command -v groff >/dev/null; then
    groff -man -Tutf8 -ww "$work/billow.1" >"$work/out" 2>"$work/err"
    status=$?
    expect "the man page renders" 0 "EXIT STATUS"
    check "without a warning" test ! -s "$work/err"
else
    echo "skipped the man page: neither man nor groff is here"
fi

# --- How a line is read.
run billow
expect "no command" 64 "no command given; 'billow --help' lists them"
run billow bogus
expect "an unknown command" 64 "there is no command 'bogus'"
run billow run
expect "a noun without a verb: its verbs" 64 "'run' needs a verb" "billow run start"
run billow run bogus
expect "a noun with an unknown verb" 64 "there is no command 'run bogus'" "billow run start"
run billow run show
expect "too few arguments" 64 "'billow run show' needs more: billow run show RUN"
run billow run list surplus
expect "too many arguments" 64 "'surplus' is one argument too many"
run billow run show a --bogus
expect "an unknown option" 64 "there is no option '--bogus' for 'run show'"
run billow run list --limit
expect "an option without its value" 64 "option '--limit' needs a value"
run billow run list --json=1
expect "a switch with a value" 64 "it takes no value"
run billow run show ""
expect "an empty argument" 64 "the first argument is empty"
run billow --json bogus
expect "with --json a refusal is JSON" 64
check "and parses" jq -e '.error.code == "USAGE"' "$work/err"
run billow version --json
expect "version" 0
check "version --json parses" jq -e '.version' "$work/out"
run billow doctor --json
check "doctor --json parses" jq -e . "$work/out"
run billow init "$work/new project"
expect "init writes a project" 0
run billow run list --help
expect "help behind the words" 0 "Usage: billow run list"
run billow help run list
expect "help as a word" 0 "Usage: billow run list"
run billow run --help
expect "help of a noun lists its verbs" 0 "billow run start" "VERB --help"
run billow --version
expect "--version is version" 0 "^billow [0-9]"
run billow runs list
expect "a misspelt noun: the command that is near" 64 "did you mean 'run list'\?"
run billow run lst
expect "a misspelt verb" 64 "there is no command 'run lst'; did you mean 'run list'\?"
run billow pirce
expect "neighbours swapped" 64 "did you mean 'price'\?"
run billow invoices
expect "a noun without a verb, misspelt" 64 "did you mean 'billow invoice ...'\?"
run billow run list --statsu parked
expect "a misspelt option" 64 "there is no option '--statsu' for 'run list'; did you mean --status\?"
run billow run list --dir "$work/nowhere"
expect "a look into a folder without a database" 5 "there is no database under .*nowhere/.billow: .*tenant create"
check "makes none" test ! -e "$work/nowhere"
run timeout 20 "$billow" script run /dev/zero
expect "a file without an end is not read to it" 10 "longer than 262144 bytes"
run billow --help run list
expect "help before them" 0 "Usage: billow run list"

# --- An embedded engine: each command starts and stops one.
run billow migrate
expect "migrate makes a database and its schema" 0 "the schema is up to date"
run billow migrate
expect "migrate again changes nothing" 0 "the schema is up to date"
run billow run list
expect "before the first tenant: what makes one" 5 "there is no tenant yet: 'billow tenant create NAME'"
run billow tenant create acme --json
expect "tenant create" 0
tenant=$(field .id)
run billow tenant create acme --json
check "tenant create again gives the same tenant" test "$(field .id)" = "$tenant"
run billow run list
expect "the only tenant need not be named" 0 none
run billow --tenant acme run list --json
check "an empty list as JSON is a list; options may stand before the command" jq -e '. == []' "$work/out"
run billow tenant create beta
run billow run list
expect "with two tenants one has to be named" 4 "there are 2 tenants .*acme.*say which, with --tenant"
check "nothing of an embedded engine is left" test -z "$(pids_of_databases)"

# --- A project under billow dev.
cat >"$project/workflows/hello.lua" <<'LUA'
local event = require("billow.event")
local task = require("billow.task")
local workflow = require("billow.workflow")
return workflow.define({
  name = "hello",
  version = "1.0.0",
  title = "Hello",
  input = { name = "text" },
  run = function(input)
    local news = event.wait("news", { key = input.name })
    local answer = task.open({ kind = "question", title = "Publish?", body = { news = news.body } })
    return { decision = answer.decision, news = news.body }
  end,
})
LUA
cat >"$project/workflows/fragile.lua" <<'LUA'
local timer = require("billow.timer")
local workflow = require("billow.workflow")
return workflow.define({
  name = "fragile",
  version = "1.0.0",
  title = "Fragile",
  input = {},
  run = function()
    timer.sleep("5ms")
    local nothing
    return nothing.field
  end,
})
LUA
export BILLOW_TENANT=dev
serve_start dev "$project"
check "dev: the first release is active" wait_until 20 said "a new release is active"
run billow event send news bob --body '{"amount":1.50}' --id n-1
expect "an event that arrives before anyone waits" 0 "event stored"
run billow event send news bob --body '{"amount":9}' --id n-1
expect "the same id again is accepted" 0
run billow run start hello --input '{"name":"bob"}' --key h/bob --json
expect "run start" 0
hello=$(field .id)
run billow run start hello --input '{"name":"bob"}' --key h/bob
expect "run start with the same key gives the same run" 0 "$hello .started before"
waits_for() { billow run list --json | jq -e --arg w "$1" '.[] | select(.workflow == "hello" and .wake == $w)' >/dev/null; }
check "it took the event and stands at its task" wait_until 20 waits_for task
run billow run explain "$hello"
expect "run explain says what it waits for" 0 "waits for a person"
run billow task list --json
task=$(field '.[0].id')
run billow task list
expect "task list" 0 "question.*Publish"
run billow task show "$task"
expect "task show, to read" 0 "Publish" "for whoever may answer tasks" "amount: 1.50" "billow task answer $task DECISION"
run billow task show "$task" --json
check "task show: JSON with what was shown" jq -e '.body.news.amount == "1.50"' "$work/out"
run billow task answer "$task" yes --comment "fine" --as "Dana Scully"
expect "task answer" 0 "$task: yes, by Dana Scully"
run billow task answer "$task" no
expect "task answer twice" 6 "answered already: yes by Dana Scully"
run billow run start hello --input '{"name":"bob"}' --key h/bob --wait --json
expect "run start --wait gives the result" 0
check "with the first event's body, exact" jq -e '.result == {decision: "yes", news: {amount: "1.50"}}' "$work/out"
run billow run show "$hello"
expect "run show: a timeline" 0 "turn 1 " "event.wait .*hello.lua:10" "task.open" "yes by Dana Scully" "is done after"
run billow run journal "$hello"
expect "run journal" 0
check "run journal: one turn a line, each with its commands" \
    jq -es 'length >= 2 and all(.[]; .at and .turn and .commands and .deliveries)' "$work/out"
for words in "run list" "run show $hello" "run explain $hello" "run journal $hello" "task list --status all" \
    "task show $task" "invoice list"; do
    run billow $words --json
    check "${words%% 0*} --json parses" jq -e . "$work/out"
done
run billow run list --limit 1 --json
check "run list --limit" jq -e 'length == 1 and .[0].created_at and .[0].updated_at' "$work/out"
run billow run list --limit x
expect "a limit that is no number" 4 "limit is not a whole number"
run billow run list --status bogus
expect "a status that there is not" 4 "no status bogus"
run billow run list --workflow 'a&status=done'
expect "a filter is taken as it is" 0 none

# --- A script that raises, is mended, and goes on.
run billow run start fragile --wait --json
expect "a script that raises parks its run" 1
fragile=$(field .id)
run billow run show "$fragile"
expect "file and line, stack, what to do" 0 "fragile.lua:11" "stack traceback" "run resume"
sed -i 's/return nothing.field/return { mended = true }/' "$project/workflows/fragile.lua"
releases() { [ "$(grep -c 'a new release is active' "$work/serve.err")" -ge "$1" ]; }
check "dev: a changed file makes a new release" wait_until 20 releases 2
run billow run resume "$fragile"
expect "resume keeps the run's own release" 0 "resumed"
is_status() { [ "$(billow run list --json | jq -r --arg i "$fragile" '.[] | select(.id == $i).status')" = "$1" ]; }
check "so it parks again" wait_until 20 is_status parked
run billow run resume "$fragile" --latest
expect "resume --latest takes the mended script" 0 "resumed"
check "and the run ends well" wait_until 20 is_status done
printf 'local x = 1\nreturn (\n' >"$project/workflows/broken.lua"
check "dev: a syntax error is said with file and line, and not activated" \
    wait_until 20 said "not activated.*workflows/broken.lua:[0-9]"
run billow run start broken
expect "nothing starts on it" 5 "there is no workflow 'broken'"
run billow run start fragile --wait
expect "the release before still works" 0 "done"
rm "$project/workflows/broken.lua"
run billow run start hello --input '{"name":"carol"}' --json
carol=$(field .id)
run billow run cancel "$carol" --reason "not now"
expect "run cancel" 0 "is being cancelled"
ended() { billow run list --status cancelled --json | jq -e --arg i "$carol" '.[] | select(.id == $i)' >/dev/null; }
check "and it ends as cancelled" wait_until 20 ended

# --- The API by curl.
socket=$state/.billow/billow.sock
api() { # METHOD PATH [BODY]: $work/out, $work/head, $status
    curl -sS -m 20 --unix-socket "$socket" -X "$1" -D "$work/head" -o "$work/out" -H "X-Billow-Tenant: dev" \
        ${3+-d "$3"} "http://billow$2" 2>"$work/err"
    status=$(sed -n '1s/^[^ ]* \([0-9]*\).*/\1/p' "$work/head")
}
problem() { # NAME STATUS CODE
    is_problem() {
        [ "$status" = "$2" ] && grep -qi '^content-type: application/problem+json' "$work/head" &&
            jq -e --arg c "$3" --argjson s "$2" '.type and .title and .detail and .code == $c and .status == $s' "$work/out" >/dev/null
    }
    check "$1" is_problem "$@"
}
api GET /livez
expect "/livez" 200 '"ok"'
api GET /readyz
expect "/readyz" 200 '"ready"'
api GET /v1/nothing
problem "an unknown path is a problem document" 404 NOT_FOUND
api GET "/v1/runs/"
problem "a path with an empty segment too" 404 NOT_FOUND
api DELETE /v1/runs
problem "a method that the path does not take" 405 INVALID
check "names those it takes" grep -qi '^allow: .*GET' "$work/head"
api POST /v1/runs '{bad'
problem "a body that is not JSON" 400 INVALID
api POST /v1/runs '[1]'
problem "a body that is no object" 400 INVALID
api POST /v1/runs '{"input":{}}'
problem "a run without a workflow" 400 INVALID
api POST /v1/runs '{"workflow":"nosuch"}'
problem "a workflow that there is not" 404 NOT_FOUND
api GET /v1/runs/zzz
problem "an id that is none" 400 INVALID
api GET "/v1/runs?limit=0"
problem "a limit out of range" 400 INVALID
api GET "/v1/runs?colour=red"
problem "a parameter that there is not" 400 INVALID
api POST /v1/tasks/$task/answer '{"decision":"no"}'
problem "a task answered already" 409 CONFLICT
api POST /v1/releases '{"files":{"../x.lua":"return 1"}}'
problem "a release with a file outside of it" 400 INVALID
api POST /v1/releases '{"files":{"workflows/x.lua":"return ("}}'
problem "a release that does not compile" 400 INVALID
api POST /v1/runs '{"workflow":"hello","input":{"name":"dora"},"key":"api"}'
expect "a run by the API" 201 '"is_new":true'
api POST /v1/runs '{"workflow":"hello","input":{"name":"dora"},"key":"api"}'
expect "with the same key it is the same run" 200 '"is_new":false'
serve_stop INT
expect "dev stops in order with SIGINT" 0

# --- Import twice, and the same answers through the socket as from an embedded engine.
export BILLOW_TENANT=acme
run billow bill "$here/examples/acme" --period 2026-10 --contract C-02 --out "$work/documents" --approve-as "Dana Scully" --json
expect "a contract's month" 0
check "bill --json parses" jq -e '.invoices | length == 1' "$work/out"
run billow import "$here/examples/acme/expenses.csv" --period 2026-10
expect "the same export again changes nothing" 0 "was imported before, nothing changed since"
sed 's/Taxi/Taxi ride/' "$here/examples/acme/expenses.csv" >"$work/expenses.csv"
run billow import "$work/expenses.csv" --period 2026-10
run billow import "$here/examples/acme/expenses.csv" --period 2026-10 --json
check "yesterday's export after another one is taken again" jq -e '.records > 0' "$work/out"
number=$(billow invoice list --json | jq -r '.[0].number')
ask() { # TO: the answers of all questions
    for words in "invoice list --json" "invoice show $number --json" "invoice show $number" "run list --json" \
        "task list --status all --json" "run list --status done"; do
        billow $words
    done >"$1" 2>&1
}
ask "$work/embedded"
serve_start serve --json
check "serve --json says when it is ready" jq -e '.kind == "ready" and .pid and .socket' "$work/serve.out"
ask "$work/served"
check "an engine that serves gives the same answers as an embedded one" cmp "$work/embedded" "$work/served"
check "and they are answers" grep -q "$number" "$work/served"
stopping() { serve_stop TERM; [ "$status" -eq 0 ]; }
check "SIGTERM stops it in order" stopping
finish
