/* cmd_table_retention.c - the commands of retention and legal holds.
 *
 * Offers:  bw_commands_retention, one of the parts of cmd_table.c's list.
 */
#include "edge/cmd.h"

#define END                                                                                        \
    {                                                                                              \
        NULL, NULL, NULL                                                                           \
    }

static const struct bw_cli_command commands[] = {
    {.name = "retention status",
     .arguments = "",
     .summary = "what was dropped of finished runs, under which rules, and what is held",
     .options = {END},
     .examples = {"billow retention status\tof the tenant",
                  "billow retention status --json\tfor machines"},
     .run = bw_cmd_retention_status},
    {.name = "retention preview",
     .arguments = "",
     .summary = "say which finished runs would be dropped today, and drop nothing",
     .details =
         "Asks the retention policy as the sweep does, by a run of the workflow retention. Periods "
         "are settings:\n"
         "'billow policy show retention'.",
     .options = {END},
     .examples = {"billow retention preview\tby workflow",
                  "billow retention preview --json\tfor machines"},
     .run = bw_cmd_retention_preview},
    {.name = "retention run",
     .arguments = "",
     .summary = "drop the finished runs whose retention is over, now",
     .details =
         "'billow serve' does this by itself once a day. Journals, mail, tasks, notes and values "
         "of the runs go;\n"
         "documents, the ledger, numbers and the audit record stay, and so do start keys: a start "
         "with the key of a\n"
         "dropped run starts nothing. Runs on hold, with anything open, or with an unpaid or "
         "disputed invoice stay.",
     .options = {{"archive", "DIR", "write each batch to a file of DIR before it is dropped"}, END},
     .examples = {"billow retention run\twithout an archive",
                  "billow retention run --archive /srv/archive\tfiles of JSON lines, with a hash"},
     .run = bw_cmd_retention_run},
    {.name = "retention hold",
     .arguments = "NAME",
     .summary = "a legal hold: from now on nothing of a contract, customer, matter, run, workflow "
                "or of the tenant is dropped",
     .details =
         "NAME is that of the case. A run belongs to a contract, customer or matter when its input "
         "says so (members\n"
         "contract, customer, matter), when it issued documents for it, or when a run of its tree "
         "does. Runs that\n"
         "wrote to the database and name nobody are kept by every hold on somebody.",
     .arguments_min = 1,
     .arguments_max = 1,
     .options = {{"contract", "ID", "everything about this contract"},
                 {"customer", "ID", "and its contracts"},
                 {"matter", "ID", "runs with this matter in their input"},
                 {"run", "ID", "this run and its tree"},
                 {"workflow", "NAME", "all runs of this workflow"},
                 {"everything", NULL, "the whole tenant"},
                 {"reason", "TEXT", "what an auditor will read (required)"},
                 END},
     .examples = {"billow retention hold smith-v-acme --contract C-17 --reason 'order of 3 May'\ta "
                  "contract",
                  "billow retention hold audit-2026 --everything --reason 'tax audit'\teverything"},
     .run = bw_cmd_retention_hold},
    {.name = "retention release",
     .arguments = "NAME",
     .summary = "end a legal hold",
     .arguments_min = 1,
     .arguments_max = 1,
     .options = {{"reason", "TEXT", "what an auditor will read (required)"}, END},
     .examples = {"billow retention release smith-v-acme --reason settled\tthe next sweep may drop "
                  "what it held",
                  "billow retention release audit-2026 --reason done --json\tfor machines"},
     .run = bw_cmd_retention_release},
    {.name = "retention holds",
     .arguments = "",
     .summary = "list legal holds: what they hold, since when, who set them and why",
     .options = {END},
     .examples = {"billow retention holds\tthose in force",
                  "billow audit list --action hold.remove\tthose that were ended"},
     .run = bw_cmd_retention_holds},
    {.name = "retention verify",
     .arguments = "FILE",
     .summary = "prove that a file of the archive is whole and unchanged",
     .details = "Exit codes: 0 it is; 1 it is not, and why.",
     .arguments_min = 1,
     .arguments_max = 1,
     .options = {END},
     .examples = {"billow retention verify archive/0192-0193.jsonl\tone file",
                  "billow retention verify archive/0192-0193.jsonl --json\tfor machines"},
     .run = bw_cmd_retention_verify},
};
const struct bw_cli_commands bw_commands_retention = {commands,
                                                      sizeof commands / sizeof commands[0]};
