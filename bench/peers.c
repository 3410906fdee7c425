/* peers.c - the peers of bench/peers/, and Billow doing the same work beside them (README.md).
 *
 * The peers' programs run under Node.js in a directory that bench/run has made; what they print are
 * figures. A peer that cannot be measured has none, and says why on standard error.
 */
#include "rig.h"
#include "recover.h"
#include "sections.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { WINDOW = 1000, SLEEPERS = 10000, SLEEP_S = 12 };

static const char *const what[] = {"runs of one effect", "effects, ten in a run",
                                   "one effect when idle, p50", "one effect when idle, p99",
                                   "sleepers killed, ended"};
static const char *const units[] = {"runs/s", "effects/s", "ms", "ms", "s"};
enum { WHAT_COUNT = 5, RATE_COUNT = 2 };

static void add_billow(struct figures *figures, size_t i, double value)
{
    char name[64];
    snprintf(name, sizeof name, "Billow, %s", what[i]);
    figures_add(figures, name, value, units[i], NULL);
}

static double rate(struct rig *rig, uint64_t effects, size_t runs)
{
    rig_run(rig, "effects", effects, WINDOW, WINDOW);
    return (double)runs / rig_run(rig, "effects", effects, runs, WINDOW);
}

static void measure_billow(const struct place *place, struct figures *figures)
{
    static const double shares[] = {0.5, 0.99};
    size_t runs = (size_t)(place->seconds * 2000);
    struct rig rig;
    rig_open(&rig, place, &(struct rig_options){.has_lua = true});
    add_billow(figures, 0, rate(&rig, 1, runs));
    add_billow(figures, 1, 10 * rate(&rig, 10, runs));
    rig_close(&rig);
    struct samples samples = latency_samples(place);
    for (size_t i = 0; i < 2; i++)
        add_billow(figures, 2 + i, figures_percentile(samples.ns, samples.count, shares[i]) / 1e6);
    bw_free(samples.ns);
    add_billow(figures, 4, recover_sleepers(place, SLEEPERS, SLEEP_S).ended_s);
}

/* Gives every figure of a peer its ratio to Billow's. */
static void receive(struct figures *figures, FILE *in)
{
    struct figures theirs = {0};
    figures_receive(&theirs, in);
    for (size_t i = 0; i < theirs.count; i++) {
        const struct figure *figure = &theirs.items[i];
        const char *comma = strchr(figure->name, ',');
        char billow[64], times[64];
        if (!comma)
            place_die("a peer", "a figure without a comma");
        snprintf(billow, sizeof billow, "Billow%.50s", comma);
        figures_add(figures, figure->name, figure->value, figure->unit, billow);
        const struct figure *ours = figures_find(figures, billow);
        snprintf(times, sizeof times, "Billow / %.50s", figure->name);
        if (ours && figure->value > 0 && strstr(figure->unit, "/s"))
            figures_add(figures, times, ours->value / figure->value, "times", NULL);
    }
}

static pid_t start(const struct place *place, const char *socket_dir, const char *dir, FILE **out)
{
    char program[4200], seconds[32];
    int ends[2];
    snprintf(program, sizeof program, "%s/peers.mjs", place->peers_dir);
    snprintf(seconds, sizeof seconds, "%g", place->seconds);
    if (pipe(ends))
        place_die("the peers", "no pipe");
    fflush(NULL);
    pid_t pid = fork();
    if (pid < 0)
        place_die("the peers", "no process");
    if (pid == 0) {
        dup2(ends[1], STDOUT_FILENO);
        close(ends[0]);
        close(ends[1]);
        setenv("PEER_SECONDS", seconds, 1);
        execlp(place->node_path, "node", program, socket_dir, dir, (char *)NULL);
        _exit(127);
    }
    close(ends[1]);
    *out = fdopen(ends[0], "r");
    return pid;
}

void section_peers(const struct place *place, struct figures *figures)
{
    char dir[4200];
    int status = 0;
    FILE *out;
    if (!place->peers_dir)
        place_die("the peers", "they are not installed: say make bench PEERS=1");
    measure_billow(place, figures);
    snprintf(dir, sizeof dir, "%s/peers", place->state_dir);
    if (mkdir(dir, 0700) && errno != EEXIST)
        place_die(dir, strerror(errno));
    PGconn *conn = place_connect(place);
    place_do(conn, "CREATE DATABASE peer_dbos");
    place_do(conn, "CREATE DATABASE peer_worker");
    pid_t pid = start(place, PQhost(conn), dir, &out);
    PQfinish(conn);
    receive(figures, out);
    fclose(out);
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        continue;
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
        place_die("the peers", "their measurement did not end well");
}
