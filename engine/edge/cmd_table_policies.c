/* cmd_table_policies.c - commands of policies and their settings: arguments, help, examples.
 *
 * Offers:  bw_commands_policies, one of the parts of cmd_table.c's list.
 */
#include "edge/cmd.h"

#define END                                                                                        \
    {                                                                                              \
        NULL, NULL, NULL                                                                           \
    }

static const struct bw_cli_command commands[] = {
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
};
const struct bw_cli_commands bw_commands_policies = {commands,
                                                     sizeof commands / sizeof commands[0]};
