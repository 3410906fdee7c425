/* cmd_table_month.c - the commands of
 * what a month of billing takes: bill, import, look, price, report.
 *
 * Offers:  bw_commands_month, one of the parts of cmd_table.c's list.
 */
#include "edge/cmd.h"

#define END                                                                                        \
    {                                                                                              \
        NULL, NULL, NULL                                                                           \
    }

static const struct bw_cli_command commands[] = {
    {.name = "bill",
     .arguments = "FOLDER --period YYYY-MM [--out DIR]",
     .summary = "bill a firm's month from a folder of exports, and write the invoices",
     .details = "Reads firm.json, customers.json, contracts.json, rate-cards.json, opening.json "
                "and the exports\n"
                "of FOLDER (time.csv, harvest-time.csv, expenses.csv, milestones.json, usage.jsonl "
                "and the others that\n"
                "'billow import --help' names), imports them, starts a\n"
                "billing run for every contract of the period, asks for exceptions and approvals "
                "as they come (or\n"
                "answers them with --approve-as), and writes DIR/invoices/*.json and *.html and "
                "DIR/exceptions.json.\n"
                "Doing it again bills nothing twice, and goes on where it stopped. What ended "
                "without an invoice (rejected,\n"
                "blocked, on hold) stays so until --again: mend the cause, then bill those "
                "contracts once more.",
     .arguments_min = 1,
     .arguments_max = 1,
     .options = {{"period", "YYYY-MM", "the month to bill (required)"},
                 {"out", "DIR", "where the documents go (default: FOLDER/out)"},
                 {"approve-as", "NAME",
                  "answer approvals as this person; without it the terminal asks"},
                 {"clear-as", "NAME",
                  "answer exceptions as this person (default: as --approve-as)"},
                 {"contract", "ID", "only this contract"},
                 {"again", NULL,
                  "when the period was billed: another round for the contracts that got no "
                  "invoice"},
                 {"together", NULL,
                  "answer all approvals at once: quicker for thousands of contracts, and numbers "
                  "come as bills are issued, not in the order of contracts"},
                 {"only-import", NULL, "set up and import, bill nothing yet"},
                 END},
     .examples = {"billow bill examples/acme --period 2026-10 --out out --approve-as \"Dana "
                  "Berger\"\tthe sample firm",
                  "billow bill ~/client --period 2026-10\ta client's export, approvals asked on "
                  "the terminal",
                  "billow bill ~/client --period 2026-10 --contract C-02 --again\twhat was "
                  "rejected, after it was mended"},
     .run = bw_cmd_bill},
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
     .details = bw_cmd_price_details,
     .arguments_max = 1,
     .options = {{"schema", NULL, "print the JSON Schema of the input, with examples"}, END},
     .examples = {"billow price tariff.json\tone file",
                  "echo '{\"payment_terms\":{\"type\":\"net\",\"days\":30},"
                  "\"issue_date\":\"2026-11-02\"}' | billow price\ta due date",
                  "billow price --schema\twhat may be asked"},
     .run = bw_cmd_price},
    {.name = "report",
     .arguments = "[NAME]",
     .summary = "figures as a table, CSV or JSON; without a name, which there are",
     .arguments_max = 1,
     .options = {{"period", "YYYY-MM", "only this month (of reports that are by period)"},
                 {"days", "N", "older than N days (leakage; default 30)"},
                 {"csv", NULL, "as CSV"},
                 END},
     .examples = {"billow report wip-aging\twork done and not billed, by age",
                  "billow report cockpit --period 2026-10\twhere every contract stands",
                  "billow report leakage --days 60 --csv > leakage.csv\tfor a spreadsheet"},
     .run = bw_cmd_report},
};
const struct bw_cli_commands bw_commands_month = {commands, sizeof commands / sizeof commands[0]};
