/* cli_help.c - help, shell completion and the man page, all from the command table. */
#include "edge/cli.h"
#include <string.h>

static void print_options(FILE *out, const struct bw_cli_option *options)
{
    for (size_t i = 0; options[i].name; i++) {
        char left[64];
        snprintf(left, sizeof left, "--%s%s%s", options[i].name, options[i].argument ? " " : "",
                 options[i].argument ? options[i].argument : "");
        fprintf(out, "  %-24s %s\n", left, options[i].help);
    }
}

static const char EXIT_CODES[] =
    "  0 ok; 1 failed; 3 tests failed; 4 the input is not valid; 5 not found; 6 conflict;\n"
    "  7 not permitted; 10 a script was refused; 11 a script over its limits;\n"
    "  12 a script raised an error; 64 usage; 124 time ran out; 130 interrupted\n";

static void help_overview(FILE *out)
{
    fprintf(out, "Usage: billow COMMAND [OPTIONS]\n\n"
                 "Billow runs billing workflows that survive anything: scripts in Lua, state in "
                 "PostgreSQL.\n\n"
                 "Commands:\n");
    for (size_t i = 0; i < bw_cli_command_count(); i++)
        fprintf(out, "  %-16s %s\n", bw_cli_command_at(i)->name, bw_cli_command_at(i)->summary);
    fprintf(out, "\nOptions of every command:\n");
    print_options(out, bw_cli_global_options);
    fprintf(out, "\nExit codes:\n%s\n'billow COMMAND --help' shows a command with examples.\n",
            EXIT_CODES);
}

/* Examples are "command line\twhat it does". */
static void print_example(FILE *out, const char *example)
{
    const char *tab = strchr(example, '\t');
    if (tab)
        fprintf(out, "  # %s\n  %.*s\n", tab + 1, (int)(tab - example), example);
    else
        fprintf(out, "  %s\n", example);
}

void bw_cli_help(FILE *out, const struct bw_cli_command *command)
{
    if (!command) {
        help_overview(out);
        return;
    }
    fprintf(out, "Usage: billow %s%s%s\n\n%s\n", command->name, command->arguments[0] ? " " : "",
            command->arguments, command->summary);
    if (command->details)
        fprintf(out, "\n%s\n", command->details);
    if (command->options[0].name) {
        fprintf(out, "\nOptions:\n");
        print_options(out, command->options);
    }
    fprintf(out, "\nOptions of every command:\n");
    print_options(out, bw_cli_global_options);
    fprintf(out, "\nExamples:\n");
    for (size_t i = 0; i < BW_CLI_EXAMPLES_MAX && command->examples[i]; i++)
        print_example(out, command->examples[i]);
    fprintf(out, "\nExit codes:\n%s", EXIT_CODES);
}

/* Text of a man page: backslashes and leading dots have a meaning there. */
static void man_text(FILE *out, const char *text)
{
    bool is_line_start = true;
    for (; *text; text++) {
        if (is_line_start && (*text == '.' || *text == '\''))
            fputs("\\&", out);
        if (*text == '\\' || *text == '-')
            fputc('\\', out);
        if (*text == '\\')
            fputc('e', out);
        else
            fputc(*text, out);
        is_line_start = *text == '\n';
    }
}

static void man_options(FILE *out, const struct bw_cli_option *options)
{
    for (size_t i = 0; options[i].name; i++) {
        fprintf(out, ".TP\n.B \\-\\-");
        man_text(out, options[i].name);
        if (options[i].argument)
            fprintf(out, " \\fI%s\\fR", options[i].argument);
        fprintf(out, "\n");
        man_text(out, options[i].help);
        fprintf(out, "\n");
    }
}

static void man_command(FILE *out, const struct bw_cli_command *command)
{
    fprintf(out, ".SS billow %s %s\n", command->name, command->arguments);
    man_text(out, command->summary);
    fprintf(out, "\n");
    if (command->details) {
        fprintf(out, ".PP\n");
        man_text(out, command->details);
        fprintf(out, "\n");
    }
    man_options(out, command->options);
    for (size_t i = 0; i < BW_CLI_EXAMPLES_MAX && command->examples[i]; i++) {
        const char *tab = strchr(command->examples[i], '\t');
        int len = tab ? (int)(tab - command->examples[i]) : (int)strlen(command->examples[i]);
        char line[512];
        snprintf(line, sizeof line, "%.*s", len, command->examples[i]);
        fprintf(out, ".PP\n");
        man_text(out, tab ? tab + 1 : "");
        fprintf(out, "\n.EX\n");
        man_text(out, line);
        fprintf(out, "\n.EE\n");
    }
}

void bw_cli_man(FILE *out)
{
    fprintf(
        out,
        ".TH BILLOW 1 \"\" \"Billow\" \"User Commands\"\n.SH NAME\n"
        "billow \\- durable, scriptable workflows for professional\\-services billing\n"
        ".SH SYNOPSIS\n.B billow\n.I command\n[\\fIoptions\\fR]\n.SH DESCRIPTION\n"
        "Billow runs billing workflows written in Lua and keeps their state in PostgreSQL.\n"
        "Commands talk to a running engine (billow serve), or start one on a private PostgreSQL\n"
        "under .billow/ and stop it when they are done.\n.SH OPTIONS OF EVERY COMMAND\n");
    man_options(out, bw_cli_global_options);
    fprintf(out, ".SH COMMANDS\n");
    for (size_t i = 0; i < bw_cli_command_count(); i++)
        man_command(out, bw_cli_command_at(i));
    fprintf(out, ".SH EXIT STATUS\n");
    man_text(out, EXIT_CODES);
    fprintf(
        out,
        ".SH ENVIRONMENT\n"
        "BILLOW_TENANT, BILLOW_DIR, BILLOW_SERVER, BILLOW_DATABASE, BILLOW_USER: defaults of the "
        "options.\n"
        "BILLOW_SHARE, BILLOW_HOST: where the standard library and billow\\-host are. NO_COLOR.\n");
}

/* Is this the first command with its first word? Completion offers each noun once. */
static bool is_first_of_noun(size_t index)
{
    const char *name = bw_cli_command_at(index)->name;
    size_t len = strcspn(name, " ");
    for (size_t i = 0; i < index; i++)
        if (strncmp(bw_cli_command_at(i)->name, name, len) == 0 &&
            (bw_cli_command_at(i)->name[len] == ' ' || bw_cli_command_at(i)->name[len] == '\0'))
            return false;
    return true;
}

static void completion_words(FILE *out)
{
    for (size_t i = 0; i < bw_cli_command_count(); i++)
        if (is_first_of_noun(i))
            fprintf(out, "%.*s ", (int)strcspn(bw_cli_command_at(i)->name, " "),
                    bw_cli_command_at(i)->name);
}

static void completion_bash(FILE *out)
{
    fprintf(out,
            "# bash completion for billow: source it, or put it under /etc/bash_completion.d\n"
            "_billow() {\n  local cur=${COMP_WORDS[COMP_CWORD]} words\n  case \"${COMP_WORDS[1]} "
            "${COMP_WORDS[2]}\" in\n");
    for (size_t i = 0; i < bw_cli_command_count(); i++) {
        const struct bw_cli_command *command = bw_cli_command_at(i);
        fprintf(out, "    \"%s\"*) words=\"", command->name);
        for (size_t k = 0; command->options[k].name; k++)
            fprintf(out, "--%s ", command->options[k].name);
        for (size_t k = 0; bw_cli_global_options[k].name; k++)
            fprintf(out, "--%s ", bw_cli_global_options[k].name);
        fprintf(out, "\" ;;\n");
    }
    for (size_t i = 0; i < bw_cli_command_count(); i++) {
        if (!is_first_of_noun(i) || !strchr(bw_cli_command_at(i)->name, ' '))
            continue;
        size_t len = strcspn(bw_cli_command_at(i)->name, " ");
        fprintf(out, "    \"%.*s \"*) words=\"", (int)len, bw_cli_command_at(i)->name);
        for (size_t k = i; k < bw_cli_command_count(); k++)
            if (strncmp(bw_cli_command_at(k)->name, bw_cli_command_at(i)->name, len + 1) == 0)
                fprintf(out, "%s ", bw_cli_command_at(k)->name + len + 1);
        fprintf(out, "\" ;;\n");
    }
    fprintf(out, "    *) words=\"");
    completion_words(out);
    fprintf(out, "\" ;;\n  esac\n  COMPREPLY=($(compgen -W \"$words\" -- \"$cur\"))\n"
                 "  [ -n \"${COMPREPLY[*]}\" ] || COMPREPLY=($(compgen -f -- \"$cur\"))\n}\n"
                 "complete -F _billow billow\n");
}

static void completion_fish(FILE *out)
{
    fprintf(out, "# fish completion for billow\n");
    for (size_t i = 0; i < bw_cli_command_count(); i++) {
        const struct bw_cli_command *command = bw_cli_command_at(i);
        size_t len = strcspn(command->name, " ");
        if (command->name[len] == ' ')
            fprintf(out,
                    "complete -c billow -n '__fish_seen_subcommand_from %.*s' -a '%s' -d '%s'\n",
                    (int)len, command->name, command->name + len + 1, command->summary);
        if (is_first_of_noun(i))
            fprintf(out, "complete -c billow -n __fish_use_subcommand -a '%.*s'\n", (int)len,
                    command->name);
    }
    for (size_t k = 0; bw_cli_global_options[k].name; k++)
        fprintf(out, "complete -c billow -l %s -d '%s'\n", bw_cli_global_options[k].name,
                bw_cli_global_options[k].help);
}

int bw_cli_completion(FILE *out, const char *shell)
{
    if (strcmp(shell, "bash") == 0) {
        completion_bash(out);
    } else if (strcmp(shell, "zsh") == 0) {
        fprintf(out, "#compdef billow\nautoload -U +X bashcompinit && bashcompinit\n");
        completion_bash(out);
    } else if (strcmp(shell, "fish") == 0) {
        completion_fish(out);
    } else {
        return BW_EXIT_USAGE;
    }
    return BW_EXIT_OK;
}
