/* cmd_table.c - every command of Billow: what it takes, what it says, examples. The one place to
 * add one (tidy: long because it is one table, an entry for each command). */
#include "edge/cmd.h"

#define END                                                                                        \
    {                                                                                              \
        NULL, NULL, NULL                                                                           \
    }

const struct bw_cli_command bw_cli_commands[] = {
    {.name = "bill",
     .arguments = "FOLDER --period YYYY-MM [--out DIR]",
     .summary = "bill a firm's month from a folder of exports, and write the invoices",
     .details = "Reads firm.json, customers.json, contracts.json, rate-cards.json, opening.json "
                "and the exports\n"
                "harvest-time.csv, toggl-time.csv, clockify-time.csv, expenses.csv of FOLDER, "
                "imports them, starts a\n"
                "billing run for every contract of the period, asks for exceptions and approvals "
                "as they come (or\n"
                "answers them with --approve-as), and writes DIR/invoices/*.json and *.html and "
                "DIR/exceptions.json.\n"
                "Doing it again bills nothing twice.",
     .arguments_min = 1,
     .arguments_max = 1,
     .options = {{"period", "YYYY-MM", "the month to bill (required)"},
                 {"out", "DIR", "where the documents go (default: FOLDER/out)"},
                 {"approve-as", "NAME",
                  "answer approvals as this person; without it the terminal asks"},
                 {"clear-as", "NAME",
                  "answer exceptions as this person (default: as --approve-as)"},
                 {"contract", "ID", "only this contract"},
                 {"only-import", NULL, "set up and import, bill nothing yet"},
                 END},
     .examples = {"billow bill examples/acme --period 2026-10 --out out --approve-as \"Dana "
                  "Berger\"\tthe sample firm",
                  "billow bill ~/client --period 2026-10\ta client's export, approvals asked on "
                  "the terminal"},
     .run = bw_cmd_bill},
    {.name = "dev",
     .arguments = "[PROJECT]",
     .summary = "run an engine on a private database and reload scripts as they change",
     .details = "Starts what 'billow serve' starts, activates the project's scripts as a release, "
                "and makes a new\n"
                "release whenever a file changes. Running runs keep theirs. Stop it with Ctrl-C.",
     .arguments_max = 1,
     .options = {END},
     .examples = {"billow dev\tthe project in this directory",
                  "billow dev my-firm\tanother project"},
     .run = bw_cmd_dev},
    {.name = "serve",
     .arguments = "",
     .summary = "run an engine until it is told to stop",
     .details = "Listens on a Unix socket (default .billow/billow.sock). Without --database it "
                "starts and owns a private\n"
                "PostgreSQL under .billow/pg. SIGTERM and SIGINT stop it in order.\n"
                "With --json it prints a line {\"kind\":\"ready\",...} when it listens.",
     .options = {{"socket", "PATH", "where to listen"},
                 {"replay-share", "PERCENT",
                  "of the runs that are done, so many are replayed and compared (default: 1)"},
                 {"private-http", NULL,
                  "requests of scripts may reach loopback and private addresses"},
                 END},
     .examples =
         {"billow serve\ton a private database",
          "billow serve --database \"host=/run/postgresql dbname=billow\"\ton your own PostgreSQL"},
     .run = bw_cmd_serve},
    {.name = "migrate",
     .arguments = "",
     .summary = "bring the database schema to this version",
     .options = {END},
     .examples =
         {"billow migrate\tthe private database",
          "billow migrate --database \"host=/run/postgresql dbname=billow\"\tyour own PostgreSQL"},
     .run = bw_cmd_migrate},
    {.name = "doctor",
     .arguments = "",
     .summary = "say what is missing or wrong, and how to mend it",
     .options = {END},
     .examples = {"billow doctor\tthis machine and directory",
                  "billow doctor --json\tfor machines"},
     .run = bw_cmd_doctor},
    {.name = "test",
     .arguments = "[PATH...]",
     .summary = "run specs inside the engine: virtual time, fake HTTP, no database",
     .arguments_max = 64,
     .options = {{"crash", NULL, "again with a crash and a replay at every journal position"},
                 {"filter", "PATTERN", "only specs whose name matches"},
                 END},
     .examples = {"billow test\tevery spec under spec/ or tests/lua",
                  "billow test spec/fee_spec.lua --crash\tone file, crashed everywhere"},
     .run = bw_cmd_test},
    {.name = "init",
     .arguments = "DIR",
     .summary = "write a project: a workflow, a policy, a spec, editor configuration",
     .arguments_min = 1,
     .arguments_max = 1,
     .options = {END},
     .examples = {"billow init my-firm\ta new project",
                  "billow init my-firm && billow test my-firm/spec\tand its spec"},
     .run = bw_cmd_init},
    {.name = "import",
     .arguments = "FILE...",
     .summary = "import time, expenses, milestones or usage from exports",
     .details = "The kind of a file is told by its name (harvest-time.csv, usage.jsonl, ...) or by "
                "--format:\n"
                "harvest-time, toggl-time, clockify-time, kimai-time (exports of these), time and "
                "expenses (CSV),\n"
                "time-lines and expense-lines (a JSON object a line), milestones (a JSON list), "
                "usage (a CloudEvent a line).\n"
                "- is standard input. A record that cannot be read is told and kept aside, the "
                "others are imported.\n"
                "Importing the same again changes nothing; an edited record makes a new version of "
                "its entry.",
     .arguments_min = 1,
     .arguments_max = 64,
     .options = {{"period", "YYYY-MM", "the set the entries belong to (required)"},
                 {"format", "NAME", "what the files are, whatever their names"},
                 {"all-or-nothing", NULL, "import nothing unless every record can be read"},
                 {"check", NULL, "import nothing, only tell what would be refused"},
                 END},
     .examples =
         {"billow import harvest-time.csv expenses.csv --period 2026-10\ta month's exports",
          "billow import export.csv --format kimai-time --period 2026-10 --check\tunder another "
          "name, only to look"},
     .run = bw_cmd_import},
    {.name = "run start",
     .arguments = "WORKFLOW",
     .summary = "start a run",
     .arguments_min = 1,
     .arguments_max = 1,
     .options = {{"input", "JSON", "its input: JSON, @file, or - for standard input"},
                 {"key", "KEY", "start it once: the same key again gives the same run"},
                 {"wait", NULL, "wait until it is done or parked; exit 0 only when done"},
                 END},
     .examples = {"billow run start tm --input '{\"contract\":\"C-01\",\"period\":\"2026-10\"}' "
                  "--key tm/C-01/2026-10\tonce",
                  "billow run start hello --wait\tand wait for its result"},
     .run = bw_cmd_run_start},
    {.name = "run list",
     .arguments = "",
     .summary = "list runs, newest first",
     .options = {{"status", "STATUS", "open, parked, done, cancelled"},
                 {"workflow", "NAME", "only runs of this workflow"},
                 {"limit", "N", "at most N (default 100)"},
                 END},
     .examples = {"billow run list --status parked\twhat needs an operator",
                  "billow run list --workflow tm --json\tfor machines"},
     .run = bw_cmd_run_list},
    {.name = "run show",
     .arguments = "RUN",
     .summary = "the readable timeline of a run",
     .arguments_min = 1,
     .arguments_max = 1,
     .options = {END},
     .examples = {"billow run show 0192f3c4-...\twhat happened, turn by turn",
                  "billow run show 0192f3c4-... --json\tfor machines"},
     .run = bw_cmd_run_show},
    {.name = "run explain",
     .arguments = "RUN",
     .summary = "say in words what a run waits for",
     .arguments_min = 1,
     .arguments_max = 1,
     .options = {END},
     .examples = {"billow run explain 0192f3c4-...\twhy nothing happens",
                  "billow run explain 0192f3c4-... --json\tfor machines"},
     .run = bw_cmd_run_explain},
    {.name = "run journal",
     .arguments = "RUN",
     .summary = "the raw journal of a run, one turn a line, as JSON",
     .arguments_min = 1,
     .arguments_max = 1,
     .options = {END},
     .examples = {"billow run journal 0192f3c4-...\tevery delivery and command",
                  "billow run journal 0192f3c4-... | head -1\thow it began"},
     .run = bw_cmd_run_journal},
    {.name = "run resume",
     .arguments = "[RUN]",
     .summary = "let a parked run, or all with one cause, go on from the effect that failed",
     .arguments_max = 1,
     .options = {{"skip-with", "JSON", "do not try the failed effect again: this is its outcome"},
                 {"latest", NULL,
                  "move it to the active release first (after a script was mended)"},
                 {"all", NULL, "instead of RUN: every run that is parked with --cause"},
                 {"cause", "CODE", "with --all: the code of the error, as in run list"},
                 {"workflow", "NAME", "with --all: only runs of this workflow"},
                 END},
     .examples = {"billow run resume 0192f3c4-... --latest\tthe script is mended",
                  "billow run resume --all --cause UNAVAILABLE\tthe other side is up again"},
     .run = bw_cmd_run_resume},
    {.name = "run cancel",
     .arguments = "[RUN]",
     .summary = "cancel a run, or all parked with one cause; what they have to undo is undone",
     .arguments_max = 1,
     .options = {{"reason", "TEXT", "for the record"},
                 {"all", NULL, "instead of RUN: every run that is parked with --cause"},
                 {"cause", "CODE", "with --all: the code of the error, as in run list"},
                 {"workflow", "NAME", "with --all: only runs of this workflow"},
                 END},
     .examples = {"billow run cancel 0192f3c4-... --reason \"wrong period\"\twith a reason",
                  "billow run cancel --all --cause SCRIPT --workflow trial\tall that failed so"},
     .run = bw_cmd_run_cancel},
    {.name = "event send",
     .arguments = "TOPIC KEY",
     .summary = "send an event to whoever waits for it, now or later",
     .arguments_min = 2,
     .arguments_max = 2,
     .options = {{"body", "JSON", "what it says: JSON, @file, or -"},
                 {"id", "ID", "its own id: sent twice, it counts once"},
                 END},
     .examples = {"billow event send payment INV-2026-00214 --body '{\"amount\":\"100.00\"}' --id "
                  "bank-77\ta payment",
                  "billow event send go release-7\twithout a body"},
     .run = bw_cmd_event_send},
    {.name = "audit list",
     .arguments = "",
     .summary = "who did what: starts, cancels, resumes, answers, settings, schedules, releases",
     .details =
         "The newest, in the order in which they happened. Rows are never changed or deleted.",
     .options = {{"actor", "NAME", "only what this person did"},
                 {"action", "ACTION",
                  "run.start, run.cancel, run.resume, run.skip, task.answer, setting.set, "
                  "schedule.set, release.activate, ..."},
                 {"subject", "ID", "only what was done to this run, task, schedule"},
                 {"since", "DATE", "a date, or an instant"},
                 {"limit", "N", "so many (default: 100)"},
                 END},
     .examples =
         {"billow audit list --since 2026-10-01 --action task.answer\tthe month's decisions",
          "billow audit list --subject 0192f3c4-... --json\teverything about a run, with "
          "details"},
     .run = bw_cmd_audit_list},
    {.name = "schedule list",
     .arguments = "",
     .summary = "list recurring starts: when they are due next, and what became of the last ones",
     .options = {END},
     .examples = {"billow schedule list\tall of the tenant",
                  "billow schedule list --json\tfor machines"},
     .run = bw_cmd_schedule_list},
    {.name = "schedule show",
     .arguments = "NAME",
     .summary = "a schedule with all it says, and where it stands",
     .arguments_min = 1,
     .arguments_max = 1,
     .options = {END},
     .examples = {"billow schedule show month-end\tas JSON",
                  "billow schedule show month-end --json\tthe same"},
     .run = bw_cmd_schedule_show},
    {.name = "schedule set",
     .arguments = "NAME WORKFLOW --rule RULE",
     .summary = "start a workflow again and again: make a schedule, or change one",
     .details = "RULE is a recurrence rule of RFC 5545: FREQ=MONTHLY;BYMONTHDAY=-1, "
                "FREQ=WEEKLY;BYDAY=MO,TH,\n"
                "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1 (the last weekday). Its times are "
                "those of the zone.\n"
                "A local time that is skipped in spring becomes the one an hour later; one that "
                "comes twice in autumn\n"
                "counts once. Strings {due}, {date}, {month} and {previous-month} in the input are "
                "filled in for each start,\n"
                "by the day that the rule names. Each due moment starts one run, whatever crashes.",
     .arguments_min = 2,
     .arguments_max = 2,
     .options = {{"rule", "RULE", "when (required)"},
                 {"zone", "ZONE", "IANA time zone (default: UTC)"},
                 {"at", "HH:MM", "time of day (default: 00:00)"},
                 {"from", "DATE", "the first day that counts (default: today)"},
                 {"until", "DATE", "the last day that counts"},
                 {"shift", "WHERE",
                  "from a weekend or holiday to the next or previous business day, or none"},
                 {"holidays", "DATES",
                  "dates with commas, @FILE with one a line, or firm: those of the firm's data, "
                  "copied"},
                 {"spread", "TIME",
                  "start up to so much later (15m), always the same for this schedule"},
                 {"catch-up", "HOW",
                  "what becomes of starts missed while the engine was down: skip, one (default), "
                  "all"},
                 {"catch-up-max", "N", "of all: so many, the newest (default: 10)"},
                 {"overlap", "HOW",
                  "skip (default): no start while the last run is open or parked; allow"},
                 {"input", "JSON", "input of the runs: JSON, @file, or - for standard input"},
                 END},
     .examples =
         {"billow schedule set close period-close --rule 'FREQ=MONTHLY;BYMONTHDAY=1' --at 06:00 "
          "--zone Europe/Berlin --shift next --holidays firm --input "
          "'{\"period\":\"{previous-month}\"}'\teach month, on a business day",
          "billow schedule set poll import --rule 'FREQ=MINUTELY;INTERVAL=15' --spread 5m "
          "--catch-up skip\tevery quarter of an hour"},
     .run = bw_cmd_schedule_set},
    {.name = "schedule pause",
     .arguments = "NAME",
     .summary = "let a schedule start nothing until it is resumed",
     .arguments_min = 1,
     .arguments_max = 1,
     .options = {END},
     .examples = {"billow schedule pause close\tits open runs go on",
                  "billow schedule pause close --as \"Dana Berger\"\tin somebody's name"},
     .run = bw_cmd_schedule_pause},
    {.name = "schedule resume",
     .arguments = "NAME",
     .summary = "let a paused schedule go on, from now on",
     .arguments_min = 1,
     .arguments_max = 1,
     .options = {END},
     .examples = {"billow schedule resume close\twhat fell due in between is not made up for",
                  "billow schedule resume close --json\tfor machines"},
     .run = bw_cmd_schedule_resume},
    {.name = "schedule delete",
     .arguments = "NAME",
     .summary = "delete a schedule; its runs stay",
     .arguments_min = 1,
     .arguments_max = 1,
     .options = {END},
     .examples = {"billow schedule delete poll\tit never starts anything again",
                  "billow schedule delete poll --json\tfor machines"},
     .run = bw_cmd_schedule_delete},
    {.name = "schedule next",
     .arguments = "[NAME]",
     .summary = "the moments a schedule is due next, or would be: nothing is stored",
     .arguments_max = 1,
     .options = {{"count", "N", "so many (default: 10)"},
                 {"rule", "RULE", "try this rule, instead of a NAME"},
                 {"zone", "ZONE", "with --rule, as in schedule set"},
                 {"at", "HH:MM", "likewise"},
                 {"from", "DATE", "likewise"},
                 {"until", "DATE", "likewise"},
                 {"shift", "WHERE", "likewise"},
                 {"holidays", "DATES", "likewise"},
                 END},
     .examples = {"billow schedule next close --count 3\tof one that is there",
                  "billow schedule next --rule 'FREQ=MONTHLY;BYDAY=-1FR' --zone Europe/Berlin "
                  "--at 17:00\ttry a rule"},
     .run = bw_cmd_schedule_next},
    {.name = "task list",
     .arguments = "",
     .summary = "list work that waits for people",
     .options = {{"status", "STATUS", "open (default), answered, closed, all"}, END},
     .examples = {"billow task list\twhat is open",
                  "billow task list --status answered --json\twho decided what"},
     .run = bw_cmd_task_list},
    {.name = "task show",
     .arguments = "TASK",
     .summary = "a task with everything that was shown to the person",
     .arguments_min = 1,
     .arguments_max = 1,
     .options = {END},
     .examples = {"billow task show 0192f3c4-...\tas JSON",
                  "billow task show 0192f3c4-... --json\tthe same"},
     .run = bw_cmd_task_show},
    {.name = "task answer",
     .arguments = "[TASK] DECISION",
     .summary = "answer a task: approve, reject, reassign, hold, recheck, ...",
     .details =
         "One task; the task of a link (--token), as the person it was made for; or all open "
         "ones of a kind (--all):\n"
         "what is unusual is listed first and left alone, the rest is answered, each by "
         "itself and checked like any\n"
         "other answer.",
     .arguments_min = 1,
     .arguments_max = 2,
     .options = {{"comment", "TEXT", "why; with reassign: to whom"},
                 {"token", "TOKEN", "of billow task link, instead of TASK"},
                 {"rendering", "HASH", "with --token: of what was shown; anything else is refused"},
                 {"all", NULL, "instead of TASK: every open task of a kind, the usual ones"},
                 {"kind", "KIND", "with --all: which (default: approval)"},
                 {"group", "NAME", "with --all: only these, such as a contract"},
                 {"with-exceptions", NULL, "with --all: the unusual ones, too"},
                 {"dry-run", NULL, "with --all: list, answer nothing"},
                 END},
     .examples = {"billow task answer 0192f3c4-... approve --as \"Dana Berger\"\tapprove",
                  "billow task answer --all approve --dry-run\twhat would be approved, exceptions "
                  "first",
                  "billow task answer --token eyJ... reject --comment \"rate is wrong\"\tby a "
                  "link"},
     .run = bw_cmd_task_answer},
    {.name = "task link",
     .arguments = "TASK --for NAME",
     .summary = "make a signed link that lets one person answer a task, once",
     .details =
         "Prints a token for a mail or a chat. It is bound to the task, to all that the task "
         "shows, to the person and\n"
         "to a time, and used up with the task. Who made it, and when it was looked at, is "
         "in the audit; what was\n"
         "shown and when it was answered goes with the answer to the invoice.",
     .arguments_min = 1,
     .arguments_max = 1,
     .options = {{"for", "NAME", "who may answer with it (required)"},
                 {"hours", "N", "how long it lasts (default: 72)"},
                 END},
     .examples = {"billow task link 0192f3c4-... --for \"Dana Berger\"\tfor three days",
                  "billow task link 0192f3c4-... --for dana --hours 4 --json\tfor machines"},
     .run = bw_cmd_task_link},
    {.name = "task view",
     .arguments = "TOKEN",
     .summary = "what the task of a link shows, as its person sees it",
     .arguments_min = 1,
     .arguments_max = 1,
     .options = {END},
     .examples = {"billow task view eyJ...\twith the hash of what is shown",
                  "billow task view eyJ... --json\tthe same"},
     .run = bw_cmd_task_view},
    {.name = "invoice list",
     .arguments = "",
     .summary = "list issued invoices",
     .options = {{"period", "YYYY-MM", "only this period"}, END},
     .examples = {"billow invoice list --period 2026-10\ta month's",
                  "billow invoice list --json\tall, for machines"},
     .run = bw_cmd_invoice_list},
    {.name = "invoice show",
     .arguments = "NUMBER",
     .summary = "an invoice with its lines and totals",
     .arguments_min = 1,
     .arguments_max = 1,
     .options = {END},
     .examples = {"billow invoice show INV-2026-00214\tto read",
                  "billow invoice show INV-2026-00214 --json\tthe canonical object"},
     .run = bw_cmd_invoice_show},
    {.name = "invoice explain",
     .arguments = "NUMBER [LINE]",
     .summary = "the chain behind the amounts of an invoice, or of one line",
     .details =
         "Entries with their rounding, the rate path that was searched, the tax rule and its "
         "row, shares of payers,\n"
         "effects of ceilings, the policies with version and settings, the script's line and "
         "the approver: as they\n"
         "were stored when the invoice was issued.",
     .arguments_min = 1,
     .arguments_max = 2,
     .options = {END},
     .examples = {"billow invoice explain INV-2026-00214\tevery line and the way to the total",
                  "billow invoice explain INV-2026-00214 3 --json\tone line, for machines"},
     .run = bw_cmd_invoice_explain},
    {.name = "invoice verify",
     .arguments = "",
     .summary = "prove that every document is as it was issued, and every number accounted for",
     .details = "Documents of a series are chained by hashes; the first broken one is named. Lists "
                "numbers that stand on no\n"
                "document, with the reason on record. Exit code 1 when a document is broken, or a "
                "number unexplained.",
     .options = {END},
     .examples = {"billow invoice verify\tall series of the tenant",
                  "billow invoice verify --json\twith the last hash of each series"},
     .run = bw_cmd_invoice_verify},
    {.name = "invoice void",
     .arguments = "NUMBER --reason TEXT",
     .summary = "put on record why a number that was given stands on no document",
     .details = "The number stays used: it is never given again. A number with a document is not "
                "voided, its document is\n"
                "credited.",
     .arguments_min = 1,
     .arguments_max = 1,
     .options = {{"reason", "TEXT", "what an auditor will read (required)"}, END},
     .examples = {"billow invoice void INV-2026-00220 --reason \"printed by mistake\"\twith its "
                  "reason",
                  "billow invoice void INV-2026-00220 --reason test --json\tfor machines"},
     .run = bw_cmd_invoice_void},
    {.name = "ledger verify",
     .arguments = "",
     .summary = "prove that the books are whole, or name the first break",
     .details = "Computes everything anew from the rows: every entry's quantity is somewhere, each "
                "state holds what its\n"
                "movements brought, billed less credited is what lines refer to, lines add up to "
                "their invoice, numbers\n"
                "have no gap. All tenants, or the one of --tenant. Exit code 1 when anything is "
                "broken.",
     .options = {END},
     .examples = {"billow ledger verify\tthe whole database",
                  "billow ledger verify --tenant acme --json\tone tenant, for machines"},
     .run = bw_cmd_ledger_verify},
    {.name = "ledger show",
     .arguments = "ENTRY",
     .summary = "the story of an entry: received, claimed, billed, held, credited; by whom, when",
     .arguments_min = 1,
     .arguments_max = 1,
     .options = {END},
     .examples = {"billow ledger show 2026-10/harvest-time:17\tone entry of the October imports",
                  "billow ledger show harvest-time:17 --json\tfor machines, with its versions"},
     .run = bw_cmd_ledger_show},
    {.name = "policy list",
     .arguments = "",
     .summary = "list the policies of the active release",
     .options = {END},
     .examples = {"billow policy list\twhat can be decided differently",
                  "billow policy list --json\twith every setting, for machines"},
     .run = bw_cmd_policy_list},
    {.name = "policy show",
     .arguments = "POLICY",
     .summary = "the settings of a policy: in force, default, what they take",
     .arguments_min = 1,
     .arguments_max = 1,
     .options = {{"contract", "ID", "as they are for this contract"},
                 {"customer", "ID", "as they are for this customer"},
                 {"on", "DATE", "as they are on this day (default: today)"},
                 END},
     .examples = {"billow policy show rounding\tas they are for everyone",
                  "billow policy show rounding --customer CU-01 --contract C-01\tfor one contract"},
     .run = bw_cmd_policy_show},
    {.name = "policy explain",
     .arguments = "POLICY",
     .summary = "why a setting is as it is: every layer, who set it, when, what is locked",
     .details = "Layers go from wide to narrow: pack, tenant, customer, contract. The narrowest "
                "counts, unless a wider one is locked.",
     .arguments_min = 1,
     .arguments_max = 1,
     .options = {{"contract", "ID", "as they are for this contract"},
                 {"customer", "ID", "as they are for this customer"},
                 {"on", "DATE", "as they are on this day (default: today)"},
                 END},
     .examples = {"billow policy explain approval\tfor everyone",
                  "billow policy explain rounding --contract C-01 --on 2026-10-31\tfor one "
                  "contract, on a day"},
     .run = bw_cmd_policy_explain},
    {.name = "policy set",
     .arguments = "POLICY SETTING VALUE",
     .summary = "set a setting from a date on, for the tenant, a customer or a contract",
     .details = "VALUE is JSON, or a word. It is checked against the policy's schema; who set it "
                "and when is kept.",
     .arguments_min = 3,
     .arguments_max = 3,
     .options = {{"contract", "ID", "for this contract only"},
                 {"customer", "ID", "for this customer only"},
                 {"pack", NULL, "as the default of the pack, below the tenant"},
                 {"firm", NULL, "as the firm's own default, below the pack"},
                 {"from", "DATE", "in force from this day on (default: today)"},
                 {"lock", NULL, "narrower scopes cannot set it otherwise"},
                 END},
     .examples = {"billow policy set rounding increment_minutes 15 --from 2026-11-01\tfor the "
                  "tenant",
                  "billow policy set rounding mode nearest --contract C-01 --as \"Dana "
                  "Scully\"\tfor one contract"},
     .run = bw_cmd_policy_set},
    {.name = "policy unset",
     .arguments = "POLICY SETTING",
     .summary = "end a setting from a date on: what is wider counts again",
     .arguments_min = 2,
     .arguments_max = 2,
     .options = {{"contract", "ID", "that of this contract"},
                 {"customer", "ID", "that of this customer"},
                 {"pack", NULL, "that of the pack"},
                 {"firm", NULL, "that of the firm"},
                 {"from", "DATE", "ends with this day (default: today)"},
                 END},
     .examples = {"billow policy unset rounding mode --contract C-01\tas everywhere else again",
                  "billow policy unset approval count --from 2027-01-01\tfrom the new year on"},
     .run = bw_cmd_policy_unset},
    {.name = "policy diff",
     .arguments = "POLICY [SETTING [VALUE]]",
     .summary = "what a setting changes: between days, scopes, or as proposed",
     .details = "Compares two days (--from, --to), two contracts or customers (--contract, "
                "--with-contract), or what is in\n"
                "force with SETTING set to VALUE in the scope that set would take (without VALUE: "
                "unset). With --period\n"
                "every decision for the invoices of the month is made again on both sides, or, "
                "where nothing was issued,\n"
                "for every contract; with --subject for those subjects. Sets nothing. With "
                "--detailed-exitcode the exit\n"
                "code is 2 when anything differs.",
     .arguments_min = 1,
     .arguments_max = 3,
     .options = {{"from", "DATE", "the first day; of a proposal: the day looked at"},
                 {"to", "DATE", "the second day"},
                 {"contract", "ID", "as it is for this contract"},
                 {"customer", "ID", "as it is for this customer"},
                 {"with-contract", "ID", "compared with this contract"},
                 {"with-customer", "ID", "compared with this customer"},
                 {"pack", NULL, "a proposal for the pack"},
                 {"firm", NULL, "a proposal for the firm"},
                 {"lock", NULL, "the proposal is locked"},
                 {"period", "YYYY-MM", "decide again what was decided for this month"},
                 {"subject", "JSON", "decide these: JSON or @file, one or a list"},
                 {"detailed-exitcode", NULL, "exit code 2 when anything differs"},
                 END},
     .examples = {"billow policy diff approval count 2 --period 2026-10\twhich bills would have "
                  "needed another yes",
                  "billow policy diff rounding --from 2026-10-01 --to 2026-11-01\twhat changed",
                  "billow policy diff rates --contract C-01 --with-contract C-02\ttwo contracts"},
     .run = bw_cmd_policy_diff},
    {.name = "policy history",
     .arguments = "POLICY",
     .summary = "who changed which setting of a policy, when",
     .arguments_min = 1,
     .arguments_max = 1,
     .options = {END},
     .examples = {"billow policy history rounding\tthe newest first",
                  "billow policy history approval --json\tfor machines"},
     .run = bw_cmd_policy_history},
    {.name = "readiness",
     .arguments = "--period YYYY-MM",
     .summary = "how ready a period is to be billed: scores, blockers, who has to act",
     .details = "Looks at every contract as its bill would be now: exceptions, missing data of "
                "customers, holds with their\n"
                "age, what would block the invoice. Claims and asks nothing.",
     .options = {{"period", "YYYY-MM", "the month (required)"},
                 {"contract", "ID", "only this contract"},
                 END},
     .examples = {"billow readiness --period 2026-10\tbefore the month is billed",
                  "billow readiness --period 2026-10 --contract C-01 --json\tone, for machines"},
     .run = bw_cmd_readiness},
    {.name = "preview",
     .arguments = "--period YYYY-MM",
     .summary = "what the bills of a period would be now; claims and issues nothing",
     .details = "By the very rules that bill. The columns with + say what is more (or less) than "
                "in the invoices that\n"
                "were issued for the period, or than in the preview before.",
     .options = {{"period", "YYYY-MM", "the month (required)"},
                 {"contract", "ID", "only this contract"},
                 END},
     .examples = {"billow preview --period 2026-10\tevery contract",
                  "billow preview --period 2026-10 --contract C-01 --json\tone, for machines"},
     .run = bw_cmd_preview},
    {.name = "price",
     .arguments = "[FILE|-]",
     .summary = "try a tariff or a rule before it goes into a contract",
     .details =
         "Reads one JSON object or an array of them (from FILE, or standard input). Each is "
         "an item in the words\n"
         "of a contract; the field that names its kind is in it. Prints {\"result\", "
         "\"explanation\"} for each,\n"
         "as the input: one, or an array. An item that is malformed gets an {\"error\"}, the "
         "others are still\n"
         "priced; the exit code is then 4. Needs no engine and no database. A whole item of "
         "each kind:\n"
         "  {\"meter\": {\"price\": {\"model\": \"package\", \"size\": \"10\", \"package_price\": "
         "\"15\"}}, \"quantity\": \"11\"}\n"
         "  {\"usage\": {\"base_fee\": \"480\", \"meters\": [{\"id\": \"gb\", \"price\": "
         "{\"model\": \"per_unit\", \"unit_price\": \"0.1\"}}]}, \"quantities\": {\"gb\": \"9\"}}\n"
         "  {\"time_entries\": [{\"hours\": \"1.1\", \"hourly_rate\": \"120\"}], \"terms\": "
         "{\"min_hours_per_entry\": \"1.5\"}}\n"
         "  {\"retainer\": {\"unit\": \"hours\", \"quantity\": \"10\", \"price\": \"900\", "
         "\"overage\": {\"rate\": \"110\"}}, \"draws\": [{\"quantity\": \"12\"}]}\n"
         "  {\"fixed_fee\": {\"fee_amount\": \"15000\", \"billing\": \"percent_complete\"}, "
         "\"events\": [{\"percent_complete\": \"80\"}]}\n"
         "  {\"lines\": [{\"quantity\": \"2\", \"unit_price\": \"348.11\", \"tax_percent\": "
         "\"25\"}]}\n"
         "  {\"discounts\": [{\"percent\": \"10\"}, {\"amount\": \"30\"}], \"amount\": \"200\"}\n"
         "  {\"payment_terms\": {\"type\": \"net\", \"days\": 30}, \"issue_date\": "
         "\"2026-11-02\"}\n"
         "  {\"interest\": {\"table\": \"eu\"}, \"amount\": \"1000\", \"due_date\": "
         "\"2026-01-31\", \"until_date\": \"2026-03-15\"}\n"
         "  {\"instalments\": {\"first_date\": \"2026-01-31\", \"count\": 3}, \"amount\": "
         "\"100\"}\n"
         "  {\"payment\": {\"amount\": \"150\"}, \"invoices\": [{\"id\": \"A\", \"due_date\": "
         "\"2026-02-01\", \"open_amount\": \"100\"}]}\n"
         "  {\"early_payment_discount\": {\"percent\": \"2\", \"days\": 14}, \"issue_date\": "
         "\"2026-11-02\", \"net_amount\": \"1500\"}\n"
         "  {\"proration\": {\"days\": 13, \"of_days\": 31}, \"amount\": \"480\"}\n"
         "  {\"credit\": {\"net_amount\": \"200\", \"tax_percent\": \"25\", \"days\": 29, "
         "\"of_days\": 30}}\n"
         "  {\"split\": {\"percents\": [\"60\", \"40\"]}, \"amount\": \"100.01\"}\n"
         "  {\"number\": {\"format\": \"INV-{YYYY}-{SEQ:5}\", \"issue_date\": \"2026-11-02\", "
         "\"next_sequence\": 214}}\n"
         "  {\"tax_number\": \"ATU13585627\"}\n"
         "  {\"place_of_supply\": {\"seller\": {\"country_code\": \"DE\"}, \"buyer\": "
         "{\"country_code\": \"US\", \"is_business\": true}}}\n"
         "  {\"indexation\": {\"base_value\": \"100\", \"adjustments\": [{\"valid_from\": "
         "\"2027-01-01\", \"value\": \"103\"}]}, \"unit_price\": \"120\"}",
     .arguments_max = 1,
     .options = {{"schema", NULL, "print the JSON Schema of the input, with examples"}, END},
     .examples = {"billow price tariff.json\tone file",
                  "echo '{\"payment_terms\":{\"type\":\"net\",\"days\":30},"
                  "\"issue_date\":\"2026-11-02\"}' | billow price\ta due date",
                  "billow price --schema\twhat may be asked"},
     .run = bw_cmd_price},
    {.name = "replay",
     .arguments = "RUN",
     .summary = "play a recorded run again in a fresh host, and say whether it comes out the same",
     .details = "Nothing of the run is changed, and nothing is sent. A running engine does this by "
                "itself with a share\n"
                "of the runs that are done (billow serve --replay-share).\n"
                "Exit codes: 0 the same; 3 it differs, and where; 1 it could not be played.",
     .arguments_min = 1,
     .arguments_max = 1,
     .options = {END},
     .examples = {"billow replay 0192f0c4-0000-7000-8000-000000000000\tone run",
                  "billow replay 0192f0c4-0000-7000-8000-000000000000 --json\tfor machines"},
     .run = bw_cmd_replay},
    {.name = "credit",
     .arguments = "INVOICE",
     .summary = "credit an invoice, whole or in part, and bill the work again if asked to",
     .details =
         "Makes a credit note that refers to the invoice; it is issued when it is approved, not by "
         "whoever asked.\n"
         "Credited work is open again and billed with the next period, or at once with --rebill; "
         "--outcome says\n"
         "otherwise. Credits never exceed the invoice, per line and tax group. Exit code 4 when it "
         "cannot be.",
     .arguments_min = 1,
     .arguments_max = 1,
     .options = {{"all", NULL, "everything that is left of it (void)"},
                 {"lines", "LIST", "these lines: 1,2, or with an amount 2=100.00"},
                 {"entries", "LIST",
                  "these entries: harvest-time:3, or some of one: harvest-time:4=1.5h"},
                 {"amount", "AMOUNT", "a concession without tax; the work stays billed"},
                 {"reason", "CODE", "why, for the record: rate, hours, goodwill, ..."},
                 {"rebill", NULL, "bill the credited work again, under a new number"},
                 {"outcome", "STATE", "of the work: open (default), written-off, excluded"},
                 {"dry-run", NULL, "only show the note that would be made"},
                 END},
     .examples =
         {"billow credit INV-2026-00214 --lines 2=100.00 --dry-run\twhat would be credited",
          "billow credit INV-2026-00214 --all --rebill --reason rate\tvoid and make again",
          "billow credit INV-2026-00214 --entries harvest-time:17 --reason hours\tone entry"},
     .run = bw_cmd_credit},
    {.name = "write-off",
     .arguments = "INVOICE --reason CODE",
     .summary = "give up what an invoice still owes, or some of it",
     .details = "Whom it needs to be agreed by is the decision of the policy write-off: by amount, "
                "never the engagement\n"
                "partner alone, never whoever asks. Exit code 4 when it cannot be.",
     .arguments_min = 1,
     .arguments_max = 1,
     .options = {{"amount", "AMOUNT", "with tax (default: all that is open)"},
                 {"reason", "CODE",
                  "rounding, goodwill, quality, uncollectable, insolvency, dispute, error, ..."},
                 {"note", "TEXT", "for the record"},
                 {"dry-run", NULL, "only say who would have to agree"},
                 END},
     .examples = {"billow write-off INV-2026-00214 --amount 4.50 --reason rounding\ta difference",
                  "billow write-off INV-2026-00214 --reason insolvency --dry-run\twho must agree"},
     .run = bw_cmd_write_off},
    {.name = "write-down",
     .arguments = "ENTRIES --reason CODE",
     .summary = "take work out of billing before it is billed",
     .details =
         "ENTRIES are ids with commas between, each perhaps with =QUANTITY (seconds, 1.5h, or "
         "an amount). The work is on\n"
         "no invoice and counts in the report realisation. Agreed to as by write-off.",
     .arguments_min = 1,
     .arguments_max = 1,
     .options = {{"amount", "AMOUNT", "what it is worth (default: at its rates)"},
                 {"reason", "CODE", "over_budget, training, goodwill, quality, ..."},
                 {"dry-run", NULL, "only say what it is worth and who would have to agree"},
                 END},
     .examples = {"billow write-down harvest-time:17 --reason training\ta whole entry",
                  "billow write-down harvest-time:17=0.5h --reason over_budget --dry-run\tpart of "
                  "it"},
     .run = bw_cmd_write_down},
    {.name = "statement",
     .arguments = "CUSTOMER",
     .summary =
         "a customer's statement of account: what came and went, what is open, how old it is",
     .arguments_min = 1,
     .arguments_max = 1,
     .options = {{"from", "DATE", "the first day (default: of the first invoice)"},
                 {"as-of", "DATE", "the last day (default: today)"},
                 {"format", "FORMAT", "text (default), json, or ubl: a UBL 2.1 Statement"},
                 END},
     .examples = {"billow statement CU-01 --as-of 2026-12-31\tat the end of the year",
                  "billow statement CU-01 --format ubl > statement.xml\tfor the customer's system"},
     .run = bw_cmd_statement},
    {.name = "dispute open",
     .arguments = "INVOICE --reason CODE",
     .summary = "put an objection to an invoice on record; that part is not dunned",
     .arguments_min = 1,
     .arguments_max = 1,
     .options = {{"line", "ID", "only this line"},
                 {"entry", "ID", "only this entry"},
                 {"amount", "AMOUNT", "with tax (default: all of the line, entry or invoice)"},
                 {"reason", "CODE",
                  "hours, rate, scope, quality, duplicate, tax, order, delivery, other"},
                 {"note", "TEXT", "what the customer says"},
                 {"owner", "NAME", "who answers (default: you)"},
                 {"by", "NAME", "who raised it (default: the customer)"},
                 {"answer-days", "N", "business days until the answer is due"},
                 END},
     .examples = {"billow dispute open INV-2026-00214 --line 2 --reason hours --owner nina\ta line",
                  "billow dispute open INV-2026-00214 --amount 119.00 --reason rate\tan amount"},
     .run = bw_cmd_dispute_open},
    {.name = "dispute list",
     .arguments = "",
     .summary = "list disputes",
     .options = {{"all", NULL, "those that have ended too"}, END},
     .examples = {"billow dispute list\twhat waits for an answer",
                  "billow dispute list --all --json\tfor machines"},
     .run = bw_cmd_dispute_list},
    {.name = "dispute show",
     .arguments = "DISPUTE",
     .summary = "a dispute with everything that happened to it",
     .arguments_min = 1,
     .arguments_max = 1,
     .options = {END},
     .examples = {"billow dispute show 0192f3c4-...\tto read",
                  "billow dispute show 0192f3c4-... --json\tfor machines"},
     .run = bw_cmd_dispute_show},
    {.name = "dispute resolve",
     .arguments = "DISPUTE",
     .summary = "answer a dispute: credit it, bill it again, or reject it with evidence",
     .details = "What is accepted becomes a credit note, which somebody else has to approve.",
     .arguments_min = 1,
     .arguments_max = 1,
     .options = {{"accept", NULL, "the customer is right"},
                 {"amount", "AMOUNT", "with --accept: only so much of it, with tax"},
                 {"rebill", NULL, "with --accept: bill the work again"},
                 {"reject", NULL, "the invoice is right"},
                 {"evidence", "TEXT", "with --reject: what shows it"},
                 {"withdraw", NULL, "the customer takes it back"},
                 {"comment", "TEXT", "for the record"},
                 END},
     .examples = {"billow dispute resolve 0192f3c4-... --accept --rebill\tcredit and bill again",
                  "billow dispute resolve 0192f3c4-... --reject --evidence \"signed timesheet "
                  "41\"\tturn it down"},
     .run = bw_cmd_dispute_resolve},
    {.name = "payment import",
     .arguments = "FILE",
     .summary = "take a bank file: camt.053, camt.054, MT940 or CSV; book what is sure",
     .details = "Entries count once, whichever file brings them. Sure matches are booked by the "
                "policy matching, the others\n"
                "become tasks with the candidates. Exit code 4 when the file cannot be read: "
                "nothing of it is taken then.",
     .arguments_min = 1,
     .arguments_max = 1,
     .options = {{"format", "NAME", "camt, mt940 or csv (default: by how the file begins)"},
                 {"account", "ACCOUNT", "of a CSV file, when no column says it"},
                 {"currency", "CODE", "of a CSV file, when no column says it"},
                 {"options", "JSON", "of a CSV file: columns, decimal_comma, account, ..."},
                 END},
     .examples = {"billow payment import camt053.xml\ta bank's statement",
                  "billow payment import in.csv --format csv --account DE02... --currency EUR\ta "
                  "spreadsheet's"},
     .run = bw_cmd_payment_import},
    {.name = "payment list",
     .arguments = "",
     .summary = "list payments and the invoices they settled",
     .options = {{"unmatched", NULL, "instead: bank entries that nobody has placed"},
                 {"unapplied", NULL, "instead: money applied to no invoice, by age"},
                 END},
     .examples = {"billow payment list\twhat came in",
                  "billow payment list --unmatched --json\twhat is still to be placed"},
     .run = bw_cmd_payment_list},
    {.name = "payment match",
     .arguments = "",
     .summary = "look again at bank entries that nobody has placed",
     .options = {END},
     .examples = {"billow payment match\tafter new invoices or settings",
                  "billow payment match --json\tfor machines"},
     .run = bw_cmd_payment_match},
    {.name = "report",
     .arguments = "[NAME]",
     .summary = "figures as a table, CSV or JSON; without a name, which there are",
     .arguments_max = 1,
     .options = {{"period", "YYYY-MM", "only this month (cockpit, lead-time)"},
                 {"days", "N", "older than N days (leakage; default 30)"},
                 {"csv", NULL, "as CSV"},
                 END},
     .examples = {"billow report wip-aging\twork done and not billed, by age",
                  "billow report cockpit --period 2026-10\twhere every contract stands",
                  "billow report leakage --days 60 --csv > leakage.csv\tfor a spreadsheet"},
     .run = bw_cmd_report},
    {.name = "script run",
     .arguments = "FILE|-",
     .summary = "run a plain Lua file in a locked-down host, and see what the sandbox allows",
     .details =
         "The file runs in a real script host: no files, no network, no processes, no effects. "
         "Prints what it\n"
         "returns, or says how it ended: refused (it is bytecode, has a syntax error, is too long, "
         "uses a name or\n"
         "an effect that is not there, returns what cannot be shown), killed (by fuel, memory or "
         "wall), or the\n"
         "error it raised. It may require the modules of billow. It has globals of its own, as in "
         "plain Lua;\n"
         "with --strict those of a workflow file, where a name that is not defined is an error.\n"
         "Exit codes: 0 finished; 10 refused; 11 killed; 12 it raised an error.",
     .arguments_min = 1,
     .arguments_max = 1,
     .options = {{"fuel", "STEPS", "steps it may take: 5000000 or 5M (default: 20M)"},
                 {"memory", "BYTES",
                  "memory it may have: 8388608, 512KiB or 8MiB (default: 64MiB)"},
                 {"wall", "TIME", "time it may be at work: 500ms or 2s (default: 1s)"},
                 {"strict", NULL, "with the globals of workflow files"},
                 END},
     .examples =
         {"billow script run fee.lua\tits result",
          "billow script run fee.lua --fuel 100000 --memory 1MiB --json\twithin limits, for "
          "machines",
          "echo 'return 7 // 2' | billow script run -\tfrom standard input"},
     .run = bw_cmd_script_run},
    {.name = "tenant create",
     .arguments = "NAME",
     .summary = "create a tenant with the standard workflows and policies",
     .arguments_min = 1,
     .arguments_max = 1,
     .options = {END},
     .examples = {"billow tenant create acme\ta client",
                  "billow tenant create acme --json\tits id, for machines"},
     .run = bw_cmd_tenant_create},
    {.name = "completion",
     .arguments = "SHELL",
     .summary = "print the completion script for bash, zsh or fish",
     .arguments_min = 1,
     .arguments_max = 1,
     .options = {END},
     .examples = {"billow completion bash > /etc/bash_completion.d/billow\tfor everyone",
                  "source <(billow completion bash)\tfor this shell"},
     .run = bw_cmd_completion},
    {.name = "docs man",
     .arguments = "",
     .summary = "print the man page",
     .options = {END},
     .examples = {"billow docs man > billow.1\tto a file", "billow docs man | man -l -\tread it"},
     .run = bw_cmd_man},
    {.name = "version",
     .arguments = "",
     .summary = "print the version and what it was built with",
     .options = {END},
     .examples = {"billow version\tfor people", "billow version --json\tfor machines"},
     .run = bw_cmd_version},
};
const size_t bw_cli_command_count = sizeof bw_cli_commands / sizeof bw_cli_commands[0];
