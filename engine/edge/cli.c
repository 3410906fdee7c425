/* cli.c - parses a command line by the command table and runs the command.
 *
 * Relies on: getopt_long; edge/cli_help.c for help; edge/client.h for the engine.
 */
#include "edge/cli.h"
#include "base/mem.h"
#include "codec/value.h"
#include "edge/client.h"
#include "edge/config.h"
#include <getopt.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { GLOBAL_FIRST = 1000, COMMAND_FIRST = 2000, WORDS_MAX = 3 };

const struct bw_cli_option bw_cli_global_options[] = {
    {"tenant", "NAME", "the tenant to work for (BILLOW_TENANT; default: the only one there is)"},
    {"dir", "DIR", "where .billow/ with the private database lies (BILLOW_DIR; default: .)"},
    {"server", "SOCKET", "talk to the engine that listens there (BILLOW_SERVER)"},
    {"database", "CONNINFO", "use this PostgreSQL, not the private one (BILLOW_DATABASE)"},
    {"as", "NAME", "who does it, for the record (BILLOW_USER; default: your login name)"},
    {"json", NULL, "print data as JSON"},
    {"quiet", NULL, "no talk on standard error"},
    {"no-color", NULL, "no colors (also: NO_COLOR)"},
    {"help", NULL, "show help"},
    {NULL, NULL, NULL},
};

/* The command whose words stand first in argv; `words` gets how many they are. Two words win over
 * one. */
static const struct bw_cli_command *find_command(int argc, char **argv, int *words)
{
    const struct bw_cli_command *found = NULL;
    *words = 0;
    for (size_t i = 0; i < bw_cli_command_count; i++) {
        const char *name = bw_cli_commands[i].name;
        int count = 0;
        while (*name && count < argc && count < WORDS_MAX) {
            size_t len = strcspn(name, " ");
            if (strlen(argv[count]) != len || memcmp(argv[count], name, len) != 0)
                break;
            name += len;
            name += *name == ' ';
            count++;
        }
        if (*name == '\0' && count > *words) {
            found = &bw_cli_commands[i];
            *words = count;
        }
    }
    return found;
}

/* "billow run": says which verbs there are. */
static bool is_noun(const char *word)
{
    size_t len = strlen(word);
    for (size_t i = 0; i < bw_cli_command_count; i++)
        if (strncmp(bw_cli_commands[i].name, word, len) == 0 && bw_cli_commands[i].name[len] == ' ')
            return true;
    return false;
}

static int unknown_command(struct bw_cli *cli, int argc, char **argv)
{
    if (argc == 0)
        return bw_cli_usage(cli, "no command given; 'billow --help' lists them");
    if (!is_noun(argv[0]))
        return bw_cli_usage(cli, "there is no command '%s'; 'billow --help' lists them", argv[0]);
    fprintf(cli->err, "billow: '%s' needs one of these:\n", argv[0]);
    size_t len = strlen(argv[0]);
    for (size_t i = 0; i < bw_cli_command_count; i++) {
        const struct bw_cli_command *command = &bw_cli_commands[i];
        if (strncmp(command->name, argv[0], len) == 0 && command->name[len] == ' ')
            fprintf(cli->err, "  billow %-20s %s\n", command->name, command->summary);
    }
    return BW_EXIT_USAGE;
}

static size_t fill_options(struct option *options, const struct bw_cli_option *from, int first)
{
    size_t count = 0;
    for (; from[count].name; count++)
        options[count] = (struct option){from[count].name,
                                         from[count].argument ? required_argument : no_argument,
                                         NULL, first + (int)count};
    return count;
}

static void set_global(struct bw_cli *cli, int index, const char *value, bool *wants_help)
{
    const char *name = bw_cli_global_options[index].name;
    if (strcmp(name, "tenant") == 0)
        cli->tenant = value;
    else if (strcmp(name, "dir") == 0)
        cli->dir = value;
    else if (strcmp(name, "server") == 0)
        cli->server = value;
    else if (strcmp(name, "database") == 0)
        cli->database = value;
    else if (strcmp(name, "as") == 0)
        cli->actor = value;
    else if (strcmp(name, "json") == 0)
        cli->is_json = true;
    else if (strcmp(name, "quiet") == 0)
        cli->is_quiet = true;
    else if (strcmp(name, "no-color") == 0)
        cli->has_color = false;
    else
        *wants_help = true;
}

/* Parses options anywhere on the line. Returns 0, or the exit code of a refusal; -1 = help was
 * asked for. */
static int parse(struct bw_cli *cli, int argc, char **argv)
{
    struct option options[BW_CLI_OPTIONS_MAX + 16] = {{0}};
    size_t count = fill_options(options, bw_cli_global_options, GLOBAL_FIRST);
    if (cli->command)
        count += fill_options(options + count, cli->command->options, COMMAND_FIRST);
    options[count] = (struct option){0};
    bool wants_help = false;
    opterr = 0;
    optind = 0;
    for (;;) {
        int at = optind;
        int code = getopt_long(argc, argv, ":h", options, NULL);
        if (code == -1)
            break;
        if (code == ':')
            return bw_cli_usage(cli, "option '%s' needs a value", argv[optind - 1]);
        if (code == '?')
            return bw_cli_usage(cli, "there is no option '%s'%s%s%s",
                                argv[at > 0 && at < argc ? at : optind - 1],
                                cli->command ? " for '" : "",
                                cli->command ? cli->command->name : "", cli->command ? "'" : "");
        if (code == 'h')
            wants_help = true;
        else if (code >= COMMAND_FIRST)
            cli->values[code - COMMAND_FIRST] = optarg ? optarg : "";
        else
            set_global(cli, code - GLOBAL_FIRST, optarg, &wants_help);
    }
    cli->arguments = (const char *const *)(argv + optind);
    cli->argument_count = (unsigned)(argc - optind);
    return wants_help ? -1 : 0;
}

static int check_arguments(struct bw_cli *cli)
{
    const struct bw_cli_command *command = cli->command;
    if (cli->argument_count < command->arguments_min)
        return bw_cli_usage(cli, "'billow %s' needs more: billow %s %s", command->name,
                            command->name, command->arguments);
    if (cli->argument_count > command->arguments_max)
        return bw_cli_usage(cli, "'%s' is one argument too many: billow %s %s",
                            cli->arguments[command->arguments_max], command->name,
                            command->arguments);
    return 0;
}

int bw_cli_main(int argc, char **argv)
{
    struct bw_cli cli = {.out = stdout, .err = stderr};
    bw_config_defaults(&cli);
    signal(SIGPIPE, SIG_IGN);
    int words = 0;
    cli.command = find_command(argc - 1, argv + 1, &words);
    int skip = cli.command ? words : 0;
    int status = parse(&cli, argc - skip, argv + skip);
    if (status == -1) {
        bw_cli_help(cli.out, cli.command);
        return BW_EXIT_OK;
    }
    if (status != 0)
        return status;
    if (!cli.command) /* global options may stand before the command */
        return unknown_command(&cli, (int)cli.argument_count, (char **)(argv + optind));
    status = check_arguments(&cli);
    if (status == 0)
        status = cli.command->run(&cli);
    if (cli.client)
        bw_client_close(cli.client);
    if (fflush(cli.out) != 0 && status == 0) {
        fprintf(cli.err, "billow: standard output: write failed\n");
        status = BW_EXIT_FAILED;
    }
    return status;
}

const char *bw_cli_option(const struct bw_cli *cli, const char *name)
{
    const struct bw_cli_option *options = cli->command->options;
    for (size_t i = 0; i < BW_CLI_OPTIONS_MAX && options[i].name; i++)
        if (strcmp(options[i].name, name) == 0)
            return cli->values[i];
    return NULL;
}

int bw_cli_fail(struct bw_cli *cli, const struct bw_error *error)
{
    if (cli->is_json) {
        struct bw_buf value, json;
        bw_buf_init(&value, 16384);
        bw_buf_init(&json, 65536);
        bw_value_put_map(&value, 1);
        bw_value_put_key(&value, "error");
        bw_value_put_map(&value, 2);
        bw_value_put_key(&value, "code");
        bw_value_put_text(&value, bw_err_name(error->code));
        bw_value_put_key(&value, "detail");
        bw_value_put_text(&value, error->text);
        bw_value_to_json(&json, bw_buf_str(&value), BW_JSON_DECIMAL_STRINGS);
        fprintf(cli->err, "%.*s\n", BW_STR_ARG(bw_buf_str(&json)));
        bw_buf_deinit(&value);
        bw_buf_deinit(&json);
    } else {
        fprintf(cli->err, "billow: %s\n", error->text[0] ? error->text : bw_err_text(error->code));
    }
    return bw_err_exit_code(error->code);
}

int bw_cli_usage(struct bw_cli *cli, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fprintf(cli->err, "billow: ");
    vfprintf(cli->err, format, args);
    fprintf(cli->err, "\n");
    va_end(args);
    return BW_EXIT_USAGE;
}

void bw_cli_say(struct bw_cli *cli, const char *format, ...)
{
    if (cli->is_quiet)
        return;
    va_list args;
    va_start(args, format);
    vfprintf(cli->err, format, args);
    fprintf(cli->err, "\n");
    va_end(args);
}

void bw_cli_progress(struct bw_cli *cli, const char *label, uint64_t done, uint64_t total)
{
    enum { WIDTH = 28 };
    bool is_end = total > 0 && done >= total;
    if (cli->is_quiet || (!cli->is_tty && !is_end))
        return;
    if (total == 0) {
        fprintf(cli->err, "\r%s %llu", label, (unsigned long long)done);
        return;
    }
    char bar[WIDTH + 1];
    size_t full = (size_t)(done * WIDTH / total);
    memset(bar, '.', WIDTH);
    memset(bar, '#', full < WIDTH ? full : WIDTH);
    bar[WIDTH] = '\0';
    fprintf(cli->err, "%s%-22s [%s] %llu of %llu%s", cli->is_tty ? "\r" : "", label, bar,
            (unsigned long long)done, (unsigned long long)total, is_end ? "\n" : "");
    fflush(cli->err);
}

static void client_talk(void *ud, const char *text)
{
    bw_cli_say(ud, "%s", text);
}

enum bw_err bw_cli_client(struct bw_cli *cli, struct bw_error *error)
{
    if (cli->client)
        return BW_ERR_OK;
    struct bw_client_options options = {.server = cli->server,
                                        .dir = cli->dir,
                                        .database = cli->database,
                                        .tenant = cli->tenant,
                                        .actor = cli->actor,
                                        .on_talk = client_talk,
                                        .ud = cli};
    return bw_client_open(&options, &cli->client, error);
}

enum bw_err bw_cli_call(struct bw_cli *cli, const char *method, const char *path,
                        struct bw_str body, struct bw_buf *answer, struct bw_error *error)
{
    enum bw_err err = bw_cli_client(cli, error);
    return err ? err : bw_client_call(cli->client, method, path, body, answer, error);
}
