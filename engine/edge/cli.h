/* cli.h - the command line: one table from which parsing, help, completion and the man page come.
 *
 * Offers:  bw_cli_main, struct bw_cli (what a command gets), the option and command tables.
 * Relies on: edge/client.h for everything that talks to an engine. Commands live in
 * edge/cmd_<noun>.c.
 */
#ifndef BW_EDGE_CLI_H
#define BW_EDGE_CLI_H

#include "base/buf.h"
#include "base/err.h"
#include <stdio.h>

#define BW_CLI_OPTIONS_MAX 16
#define BW_CLI_EXAMPLES_MAX 3

struct bw_client;
struct bw_cli;

/* Exit codes that are not failures of an operation (those come from base/err.h). Documented in help
 * and man page. */
enum {
    BW_EXIT_OK = 0,
    BW_EXIT_FAILED = 1,
    BW_EXIT_TESTS_FAILED = 3,
    BW_EXIT_INVALID = 4,
    BW_EXIT_SCRIPT_REFUSED = 10,
    BW_EXIT_SCRIPT_KILLED = 11,
    BW_EXIT_SCRIPT_RAISED = 12,
    BW_EXIT_USAGE = 64
};

struct bw_cli_option {
    const char *name;     /* long name without dashes; NULL ends the list */
    const char *argument; /* what the argument stands for in help; NULL = a switch */
    const char *help;
};

struct bw_cli_command {
    const char *name;      /* "run show" */
    const char *arguments; /* "RUN [--journal]" without the options; "" = none */
    const char *summary;   /* one line */
    const char *details;   /* paragraphs for help and man page; may be NULL */
    unsigned arguments_min;
    unsigned arguments_max;
    struct bw_cli_option options[BW_CLI_OPTIONS_MAX];
    const char *examples[BW_CLI_EXAMPLES_MAX]; /* "command line\twhat it does" */
    int (*run)(struct bw_cli *cli);            /* returns the exit code */
};

/* The commands of one subject (cmd_table_*.c). */
struct bw_cli_commands {
    const struct bw_cli_command *items;
    size_t count;
};
size_t bw_cli_command_count(void);
const struct bw_cli_command *bw_cli_command_at(size_t index); /* NULL behind the last */
extern const struct bw_cli_option bw_cli_global_options[];

/* One invocation: parsed command line, where output goes, lazily a client. */
struct bw_cli {
    const struct bw_cli_command *command;
    const char *const *arguments; /* terminated by NULL */
    unsigned argument_count;
    const char *values[BW_CLI_OPTIONS_MAX]; /* by index in command->options; "" for a switch that is
                                               given */
    const char *tenant;   /* --tenant, BILLOW_TENANT; NULL = the only one, or "default" */
    const char *dir;      /* --dir, BILLOW_DIR; default "." : where .billow/ is */
    const char *server;   /* --server, BILLOW_SERVER: socket path of a running engine; NULL =
                             <dir>/.billow/billow.sock */
    const char *database; /* --database, BILLOW_DATABASE: conninfo of an own PostgreSQL; NULL = the
                             private one */
    const char *actor;    /* --as, BILLOW_USER, else the login name */
    bool is_json;
    bool is_quiet;
    bool is_tty; /* stderr is a terminal: progress is drawn */
    bool has_color;
    bool is_repeatable;       /* a command sets it before its first call: edge/client.h */
    struct bw_client *client; /* opened by bw_cli_client, closed at the end */
    FILE *out;                /* data */
    FILE *err;                /* talk */
};

int bw_cli_main(int argc, char **argv);

/* The value of an option of this command, or NULL when it is not given. */
const char *bw_cli_option(const struct bw_cli *cli, const char *name);
/* Prints "billow: <text>" on stderr (as JSON problem with --json) and returns the exit code of its
 * class. */
int bw_cli_fail(struct bw_cli *cli, const struct bw_error *error);
/* The same for a command line that is not understood: exit code 64. */
int bw_cli_usage(struct bw_cli *cli, const char *format, ...) BW_PRINTF(2, 3);
/* Talk on stderr, unless --quiet. */
void bw_cli_say(struct bw_cli *cli, const char *format, ...) BW_PRINTF(2, 3);
/* A progress line on a terminal, redrawn in place; `total` 0 = unknown. Elsewhere only the last
 * call of a label says so. */
void bw_cli_progress(struct bw_cli *cli, const char *label, uint64_t done, uint64_t total);

/* The connection to an engine: a running one, or one started here on the embedded default. */
BW_MUST_USE enum bw_err bw_cli_client(struct bw_cli *cli, struct bw_error *error);
/* One API call; answer is an encoded value. A status of 400 and above fills `error` from the
 * problem document. */
BW_MUST_USE enum bw_err bw_cli_call(struct bw_cli *cli, const char *method, const char *path,
                                    struct bw_str body, struct bw_buf *answer,
                                    struct bw_error *error);

/* Help, completion and man page, all from the table. */
void bw_cli_help(FILE *out, const struct bw_cli_command *command); /* NULL = overview */
void bw_cli_man(FILE *out);
int bw_cli_completion(FILE *out, const char *shell); /* bash, zsh, fish */

#endif
