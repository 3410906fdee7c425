/* cmd_table_engine.c - commands of the engine, its projects and specs: arguments, help, examples.
 *
 * Offers:  bw_commands_engine, one of the parts of cmd_table.c's list.
 */
#include "edge/cmd.h"

#define END                                                                                        \
    {                                                                                              \
        NULL, NULL, NULL                                                                           \
    }

static const struct bw_cli_command commands[] = {
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
                 {"hosts", "N",
                  "script hosts, each for one tenant at a time: 1 to 256 (default: 128)"},
                 {"retention-rate", "N",
                  "finished runs whose retention is over are dropped, so many a second; 0: not by "
                  "this engine (default: 100)"},
                 {"archive", "DIR", "write them to files of DIR before they are dropped"},
                 {"private-http", NULL,
                  "requests of scripts may reach loopback and private addresses"},
                 END},
     .examples =
         {"billow serve\ton a private database",
          "billow serve --hosts 8\ton a small machine with few tenants",
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
     .details =
         "With --runs it proves instead, over all runs of all tenants (or the one of --tenant), "
         "that each open run has exactly one reason to wait, and that what it waits for is "
         "there. Exit code 1 when that is not so; each such run is named.",
     .options = {{"runs", NULL, "prove that every run waits for something"}, END},
     .examples = {"billow doctor\tthis machine and directory", "billow doctor --json\tfor machines",
                  "billow doctor --runs\tis any run stuck?"},
     .run = bw_cmd_doctor},
    {.name = "test",
     .arguments = "[PATH...]",
     .summary = "run specs inside the engine: virtual time, fake HTTP, no database",
     .arguments_max = 64,
     .options = {{"crash", NULL, "again with a crash and a replay at every journal position"},
                 {"sample", "N", "with --crash: one spec in N of each block, one position in N"},
                 {"seed", "N", "which of them (default 0: the first of each block, and so on)"},
                 {"filter", "PATTERN", "only specs whose name matches"},
                 END},
     .examples = {"billow test\tevery spec under spec/ or tests/lua",
                  "billow test spec/fee_spec.lua --crash\tone file, crashed everywhere",
                  "billow test --crash --sample 5 --seed 7\ta fifth of it, always the same"},
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
    {.name = "replay",
     .arguments = "RUN",
     .summary = "play a recorded run again in a fresh host, and say whether it comes out the same",
     .details =
         "Nothing of the run is changed, and nothing is sent. A running engine does this by "
         "itself with a share\n"
         "of the runs that are done (billow serve --replay-share).\n"
         "With --archive the rows come from what retention wrote before it dropped the run, if "
         "the file is as it was\n"
         "written (its hash); a directory is searched. The release has to be stored still.\n"
         "Exit codes: 0 the same; 3 it differs, and where; 1 it could not be played.",
     .arguments_min = 1,
     .arguments_max = 1,
     .options = {{"archive", "FILE|DIR",
                  "of a run that was dropped: an archive, or all of a place"},
                 END},
     .examples = {"billow replay 0192f0c4-0000-7000-8000-000000000000\tone run",
                  "billow replay 0192f0c4-0000-7000-8000-000000000000 --archive /srv/archive\tone "
                  "that retention dropped",
                  "billow replay 0192f0c4-0000-7000-8000-000000000000 --json\tfor machines"},
     .run = bw_cmd_replay},
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
    {.name = "tenant set",
     .arguments = "NAME",
     .summary = "say what a tenant may have of the engine, or show it",
     .arguments_min = 1,
     .arguments_max = 1,
     .details = "Ready runs are taken by weight: a tenant of 300 gets three turns where one of 100 "
                "gets one, when both have enough to do. A start over the ceiling of open runs is "
                "refused; children of open runs are not.",
     .options = {{"weight", "N", "10 to 1000, in per cent of the normal share"},
                 {"runs-max", "N", "runs it may have open at a time, or none"},
                 END},
     .examples = {"billow tenant set acme\twhat it has",
                  "billow tenant set acme --weight 300\tthree times the normal share",
                  "billow tenant set acme --runs-max 5000 --json\ta ceiling, for machines"},
     .run = bw_cmd_tenant_set},
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
const struct bw_cli_commands bw_commands_engine = {commands, sizeof commands / sizeof commands[0]};
