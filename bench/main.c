/* main.c - the benchmark: a database, the sections one after the other, a table, a file.
 *
 *     billow-bench [--seconds N] [--data DIR] [--json FILE] [SECTION...]
 *
 * Every section runs in a process of its own, so that none inherits another one's memory, and a
 * section that fails does not take the figures of the others with it. A ratio needs both of its
 * figures in the same run.
 */
#include "sections.h"

#include "edge/config.h"
#include <errno.h>
#include <libgen.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

struct section {
    const char *name;
    void (*run)(const struct place *place, struct figures *figures);
    bool is_on_demand; /* runs when it is named, and not otherwise */
};

static const struct section sections[] = {
    {"schema", section_schema, false},
    {"raw", section_raw, false},
    {"effects", section_effects, false},
    {"effects-no-lua", section_effects_no_lua, false},
    {"starts", section_starts, false},
    {"latency", section_latency, false},
    {"load", section_load, false},
    {"parked", section_parked, false},
    {"recover", section_recover, false},
    {"replay", section_replay, false},
    {"ready", section_ready, false},
    {"take-over", section_take_over, false},
    {"linear-tenants", section_linear_tenants, true},
    {"linear-history", section_linear_history, true},
    {"linear-runs", section_linear_runs, true},
    {"linear-parked", section_linear_parked, true},
    {"parked-million", section_parked_million, true},
    {"peers", section_peers, true},
};
struct options {
    struct place place;
    const char *data;
    const char *json;
    char **wanted;
    int wanted_count;
};

static volatile sig_atomic_t is_stopped;

static void on_signal(int signal_number)
{
    (void)signal_number;
    is_stopped = 1;
}

/* Ctrl-C ends the section under way, and then the database goes as it should. */
static void catch_signals(void)
{
    struct sigaction action = {.sa_handler = on_signal};
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
}

static int usage(const char *problem)
{
    fprintf(stderr,
            "billow-bench: %s\nusage: billow-bench [--seconds N] [--data DIR] [--json FILE] "
            "[SECTION...]\n",
            problem);
    return 64;
}

static bool find_programs(struct place *place)
{
    struct bw_error error;
    const char *path;
    if (bw_config_share_dir(&path, &error) || !realpath(path, place->share_dir)) {
        fprintf(stderr, "billow-bench: %s\n", error.text);
        return false;
    }
    if (bw_config_host_path(&path, &error) || !realpath(path, place->host_path)) {
        fprintf(stderr, "billow-bench: %s\n", error.text);
        return false;
    }
    /* libexec/billow-host and bin/billow are neighbours in every tree. */
    char libexec[sizeof place->host_path];
    snprintf(libexec, sizeof libexec, "%s", place->host_path);
    snprintf(place->billow_path, sizeof place->billow_path, "%.4000s/../bin/billow",
             dirname(libexec));
    return realpath("bench", place->bench_dir) != NULL;
}

static int take_options(int argc, char **argv, struct options *options)
{
    options->data = "build/bench-data";
    options->place.seconds = 3;
    options->place.peers_dir = getenv("BENCH_PEERS_DIR"); /* made by bench/run */
    options->place.node_path = getenv("BENCH_NODE");
    if (!options->place.node_path)
        options->place.node_path = "node";
    options->json = "build/bench.json";
    int at = 1;
    for (; at < argc && strncmp(argv[at], "--", 2) == 0; at += 2) {
        if (at + 1 == argc)
            return usage("an option without its value");
        if (strcmp(argv[at], "--seconds") == 0)
            options->place.seconds = strtod(argv[at + 1], NULL);
        else if (strcmp(argv[at], "--data") == 0)
            options->data = argv[at + 1];
        else if (strcmp(argv[at], "--json") == 0)
            options->json = argv[at + 1];
        else
            return usage("an option it does not know");
    }
    if (options->place.seconds < 0.1 || options->place.seconds > 600)
        return usage("--seconds is between 0.1 and 600");
    options->wanted = argv + at;
    options->wanted_count = argc - at;
    if (!find_programs(&options->place))
        return usage("run it from the project's root, in a complete build");
    return 0;
}

static bool is_wanted(const struct options *options, const struct section *section)
{
    if (section == &sections[0] || (options->wanted_count == 0 && !section->is_on_demand))
        return true;
    if (section->run == section_peers && options->place.peers_dir)
        return true;
    for (int i = 0; i < options->wanted_count; i++) {
        if (strcmp(options->wanted[i], section->name) == 0)
            return true;
    }
    return false;
}

/* False when the section failed; what it had measured by then is kept. */
static bool run_section(const struct section *section, const struct place *place,
                        struct figures *figures)
{
    int ends[2];
    if (pipe(ends))
        place_die("a section", "no pipe");
    fflush(NULL);
    pid_t pid = fork();
    if (pid < 0)
        place_die("a section", "no process");
    if (pid == 0) {
        struct figures own = {0};
        signal(SIGINT, SIG_DFL);
        signal(SIGTERM, SIG_DFL);
        close(ends[0]);
        place_checkpoint(place);
        section->run(place, &own);
        FILE *out = fdopen(ends[1], "w");
        figures_send(&own, out);
        fclose(out);
        _exit(0);
    }
    close(ends[1]);
    FILE *in = fdopen(ends[0], "r");
    figures_receive(figures, in);
    fclose(in);
    if (is_stopped)
        kill(pid, SIGTERM);
    int status;
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        continue;
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

int main(int argc, char **argv)
{
    struct options options = {0};
    struct figures figures = {0};
    struct bw_error error;
    int status = take_options(argc, argv, &options);
    if (status)
        return status;
    catch_signals();
    if (place_open(&options.place, options.data, &error)) {
        fprintf(stderr, "billow-bench: %s\n", error.text);
        return 1;
    }
    for (size_t i = 0; i < sizeof sections / sizeof *sections; i++) {
        if (is_stopped || !is_wanted(&options, &sections[i]))
            continue;
        fprintf(stderr, "bench: %s\n", sections[i].name);
        if (!run_section(&sections[i], &options.place, &figures)) {
            fprintf(stderr, "bench: %s failed\n", sections[i].name);
            status = 1;
        }
    }
    place_close(&options.place);
    figures_print(&figures, stdout);
    if (figures_write(&figures, options.json, &error)) {
        fprintf(stderr, "billow-bench: %s\n", error.text);
        status = 1;
    }
    return status;
}
