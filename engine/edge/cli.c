/* cli.c - parses a command line by the command table and runs the command.
 *
 * Relies on: getopt_long; edge/cli_help.c for help; edge/client.h for the engine.
 */
#include "edge/cli.h"
#include "base/mem.h"
#include "base/nearest.h"
#include "codec/value.h"
#include "edge/client.h"
#include "edge/config.h"
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LONG = 1 /* what getopt_long gives for every long option */, WORDS_MAX = 3 };

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

/* Does `word` ("--dir", "--dir=x") name a global option? `takes_next` when its value is the next
 * word. */
static bool is_global_option(const char *word, bool *takes_next)
{
    size_t len = strcspn(word, "=");
    *takes_next = false;
    if (strcmp(word, "-h") == 0)
        return true;
    for (size_t i = 0; len > 2 && word[1] == '-' && bw_cli_global_options[i].name; i++) {
        const struct bw_cli_option *option = &bw_cli_global_options[i];
        if (strlen(option->name) != len - 2 || memcmp(option->name, word + 2, len - 2) != 0)
            continue;
        *takes_next = option->argument && word[len] == '\0';
        return true;
    }
    return false;
}

/* Where the first words of the line stand that are no global options: those of the command. */
static int find_words(int argc, char **argv, int at[WORDS_MAX])
{
    int count = 0;
    for (int i = 1; i < argc && count < WORDS_MAX; i++) {
        bool takes_next;
        if (argv[i][0] != '-' || argv[i][1] == '\0')
            at[count++] = i;
        else if (!is_global_option(argv[i], &takes_next))
            break; /* an option of the command: its words are over */
        else if (takes_next)
            i++;
    }
    return count;
}

/* The command that these words name; `used` gets how many of them. Two words win over one. */
static const struct bw_cli_command *find_command(int count, char **argv, const int at[WORDS_MAX],
                                                 int *used)
{
    const struct bw_cli_command *found = NULL;
    *used = 0;
    for (size_t i = 0; i < bw_cli_command_count(); i++) {
        const char *name = bw_cli_command_at(i)->name;
        int words = 0;
        while (*name && words < count) {
            size_t len = strcspn(name, " ");
            if (strlen(argv[at[words]]) != len || memcmp(argv[at[words]], name, len) != 0)
                break;
            name += len;
            name += *name == ' ';
            words++;
        }
        if (*name == '\0' && words > *used) {
            found = bw_cli_command_at(i);
            *used = words;
        }
    }
    return found;
}

/* Takes the command's words out of the line, so that getopt sees options and arguments only. */
static int drop_words(int argc, char **argv, const int at[WORDS_MAX], int used)
{
    for (int k = used - 1; k >= 0; k--) {
        memmove(argv + at[k], argv + at[k] + 1, (size_t)(argc - at[k]) * sizeof *argv);
        argc--;
    }
    return argc;
}

/* "billow run": there are verbs to it. */
static bool is_noun(const char *word)
{
    size_t len = strlen(word);
    for (size_t i = 0; i < bw_cli_command_count(); i++)
        if (strncmp(bw_cli_command_at(i)->name, word, len) == 0 &&
            bw_cli_command_at(i)->name[len] == ' ')
            return true;
    return false;
}

static void list_verbs(FILE *out, const char *noun)
{
    size_t len = strlen(noun);
    for (size_t i = 0; i < bw_cli_command_count(); i++) {
        const struct bw_cli_command *command = bw_cli_command_at(i);
        if (strncmp(command->name, noun, len) == 0 && command->name[len] == ' ')
            fprintf(out, "  billow %-20s %s\n", command->name, command->summary);
    }
}

/* The command that the first words probably mean; NULL when none is near. */
static const char *near_command(int argc, const char *const *argv)
{
    char both[2 * BW_NEAREST_BYTES_MAX];
    const char *found = NULL;
    size_t distance = SIZE_MAX;
    (void)snprintf(both, sizeof both, "%s %s", argv[0], argc > 1 ? argv[1] : "");
    for (size_t i = 0; i < bw_cli_command_count(); i++) {
        const char *name = bw_cli_command_at(i)->name;
        bool has_verb = strchr(name, ' ') != NULL;
        if (bw_is_near(bw_str_of(has_verb ? both : argv[0]), bw_str_of(name), &distance))
            found = name;
    }
    return found;
}

/* A noun that the first word probably means; its length, 0 when none is near. */
static struct bw_str near_noun(const char *word)
{
    struct bw_str found = {0};
    size_t distance = SIZE_MAX;
    for (size_t i = 0; i < bw_cli_command_count(); i++) {
        const char *name = bw_cli_command_at(i)->name;
        struct bw_str noun = {name, strcspn(name, " ")};
        if (name[noun.len] && bw_is_near(bw_str_of(word), noun, &distance))
            found = noun;
    }
    return found;
}

static int unknown_command(struct bw_cli *cli, int argc, const char *const *argv)
{
    if (argc == 0)
        return bw_cli_usage(cli, "no command given; 'billow --help' lists them");
    const char *meant = near_command(argc, argv);
    bool is_verb_unknown = argc > 1 && is_noun(argv[0]);
    if (meant)
        return bw_cli_usage(cli, "there is no command '%s%s%s'; did you mean '%s'?", argv[0],
                            is_verb_unknown ? " " : "", is_verb_unknown ? argv[1] : "", meant);
    struct bw_str noun = near_noun(argv[0]);
    if (!is_noun(argv[0]) && noun.len)
        return bw_cli_usage(cli, "there is no command '%s'; did you mean 'billow %.*s ...'?",
                            argv[0], BW_STR_ARG(noun));
    if (!is_noun(argv[0]))
        return bw_cli_usage(cli, "there is no command '%s'; 'billow --help' lists them", argv[0]);
    int status = argc > 1 ? bw_cli_usage(cli, "there is no command '%s %s'", argv[0], argv[1])
                          : bw_cli_usage(cli, "'%s' needs a verb", argv[0]);
    if (!cli->is_json)
        list_verbs(cli->err, argv[0]);
    return status;
}

static size_t fill_options(struct option *options, const struct bw_cli_option *from)
{
    size_t count = 0;
    for (; from[count].name; count++)
        options[count] = (struct option){
            from[count].name, from[count].argument ? required_argument : no_argument, NULL, LONG};
    return count;
}

static void set_global(struct bw_cli *cli, const char *name, const char *value, bool *wants_help)
{
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

/* The option of the command, or of all, that the word probably means; NULL when none is near. */
static const char *near_option(const struct bw_cli *cli, const char *word)
{
    const struct bw_cli_option *const lists[] = {cli->command->options, bw_cli_global_options};
    word += strspn(word, "-");
    struct bw_str name = {word, strcspn(word, "=")};
    const char *found = NULL;
    size_t distance = SIZE_MAX;
    for (size_t k = 0; k < 2; k++)
        for (const struct bw_cli_option *option = lists[k]; option->name; option++)
            if (bw_is_near(name, bw_str_of(option->name), &distance))
                found = option->name;
    return found;
}

/* What getopt does not know: `word` is where it stopped; `optopt` says more. */
static int unknown_option(struct bw_cli *cli, const char *word)
{
    char letter[3] = {'-', (char)optopt, '\0'};
    if (optopt == LONG)
        return bw_cli_usage(cli, "option '%s': it takes no value", word);
    if (optopt)
        word = letter;
    if (!cli->command)
        return bw_cli_usage(cli, "there is no option '%s'; 'billow --help' lists them", word);
    const char *meant = near_option(cli, word);
    if (meant)
        return bw_cli_usage(cli, "there is no option '%s' for '%s'; did you mean --%s?", word,
                            cli->command->name, meant);
    return bw_cli_usage(cli, "there is no option '%s' for '%s'; 'billow %s --help' lists them",
                        word, cli->command->name, cli->command->name);
}

/* Parses options anywhere on the line. Returns 0, or the exit code of a refusal; -1 = help was
 * asked for. */
static int parse(struct bw_cli *cli, int argc, char **argv)
{
    struct option options[BW_CLI_OPTIONS_MAX + 16] = {{0}};
    size_t global_count = fill_options(options, bw_cli_global_options);
    if (cli->command)
        (void)fill_options(options + global_count, cli->command->options);
    bool wants_help = false;
    opterr = 0;
    optind = 0;
    for (;;) {
        int at = 0;
        int code = getopt_long(argc, argv, ":h", options, &at);
        if (code == -1)
            break;
        if (code == ':')
            return bw_cli_usage(cli, "option '%s' needs a value", argv[optind - 1]);
        if (code == '?')
            return unknown_option(cli, argv[optind - 1]);
        if (code == 'h')
            wants_help = true;
        else if ((size_t)at < global_count)
            set_global(cli, options[at].name, optarg, &wants_help);
        else
            cli->values[(size_t)at - global_count] = optarg ? optarg : "";
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
    /* An empty id would make another path of the API. */
    if (cli->argument_count > 0 && !cli->arguments[0][0])
        return bw_cli_usage(cli, "the first argument is empty: billow %s %s", command->name,
                            command->arguments);
    return 0;
}

/* What people type who know other programs: "help", "--version", "-V". Whether help is asked for.
 */
static bool take_habits(int *argc, char **argv)
{
    static char version[] = "version";
    if (*argc < 2)
        return false;
    if (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "-V") == 0)
        argv[1] = version;
    if (strcmp(argv[1], "help") != 0)
        return false;
    memmove(argv + 1, argv + 2, (size_t)(*argc - 1) * sizeof *argv);
    (*argc)--;
    return true;
}

static void show_help(struct bw_cli *cli)
{
    if (!cli->command && cli->argument_count > 0) {
        fprintf(cli->out, "billow %s ...\n\n", cli->arguments[0]);
        list_verbs(cli->out, cli->arguments[0]);
        fprintf(cli->out, "\n'billow %s VERB --help' shows one with examples.\n",
                cli->arguments[0]);
    } else {
        bw_cli_help(cli->out, cli->command);
    }
}

int bw_cli_main(int argc, char **argv)
{
    struct bw_cli cli = {.out = stdout, .err = stderr};
    int at[WORDS_MAX], used = 0;
    bw_config_defaults(&cli);
    signal(SIGPIPE, SIG_IGN);
    bool wants_help = take_habits(&argc, argv);
    cli.command = find_command(find_words(argc, argv, at), argv, at, &used);
    argc = drop_words(argc, argv, at, used);
    int status = parse(&cli, argc, argv);
    status = status == 0 && wants_help ? -1 : status;
    if (status == -1 && !cli.command && cli.argument_count > 0 && !is_noun(cli.arguments[0]))
        status = 0; /* help for a command that there is not */
    if (status == -1) {
        show_help(&cli);
        status = BW_EXIT_OK;
    } else if (status == 0 && !cli.command) {
        status = unknown_command(&cli, (int)cli.argument_count, cli.arguments);
    } else if (status == 0) {
        status = check_arguments(&cli);
        if (status == 0)
            status = cli.command->run(&cli);
    }
    if (cli.client)
        bw_client_close(cli.client);
    if ((fflush(cli.out) != 0 || ferror(cli.out)) && status == 0) {
        if (errno != EPIPE) /* who reads has read enough, as in "... | head -1" */
            fprintf(cli.err, "billow: standard output: write failed: %s\n", strerror(errno));
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
    struct bw_error error = {0};
    char text[BW_ERROR_TEXT_MAX];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    (void)bw_fail(&error, BW_ERR_USAGE, "%s", text);
    return bw_cli_fail(cli, &error);
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

/* Whether the command only looks at what there is. */
static bool is_reading(const struct bw_cli_command *command)
{
    static const char *const verbs[] = {"list", "show",    "explain", "journal",  "history",
                                        "diff", "preview", "report",  "readiness"};
    const char *space = strrchr(command->name, ' ');
    const char *verb = space ? space + 1 : command->name;
    for (size_t i = 0; i < sizeof verbs / sizeof verbs[0]; i++)
        if (strcmp(verbs[i], verb) == 0)
            return true;
    return false;
}

/* In a wrong folder there is nothing to look at; a look must not make a database there. */
static enum bw_err check_folder(const struct bw_cli *cli, struct bw_error *error)
{
    if (cli->server || cli->database || !is_reading(cli->command))
        return BW_ERR_OK;
    struct bw_buf path;
    bw_buf_init(&path, 4096);
    bw_config_state_path(&path, cli->dir, "");
    bool is_there = access(bw_buf_cstr(&path), F_OK) == 0;
    bw_buf_deinit(&path);
    if (is_there)
        return BW_ERR_OK;
    return bw_fail(error, BW_ERR_NOT_FOUND,
                   "there is no database under %s/.billow: 'billow tenant create NAME' makes one, "
                   "and so does 'billow bill'; --dir or BILLOW_DIR name another folder",
                   cli->dir ? cli->dir : ".");
}

enum bw_err bw_cli_client(struct bw_cli *cli, struct bw_error *error)
{
    if (cli->client)
        return BW_ERR_OK;
    if (check_folder(cli, error))
        return error->code;
    struct bw_client_options options = {.server = cli->server,
                                        .dir = cli->dir,
                                        .database = cli->database,
                                        .tenant = cli->tenant,
                                        .actor = cli->actor,
                                        .is_repeatable = cli->is_repeatable,
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
