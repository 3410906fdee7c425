/* work.c - the engine at work: effects, starts, latency, parked runs (bench/README.md). */
#include "raw.h"
#include "rig.h"
#include "sections.h"

#include <stdlib.h>

enum {
    EFFECTS_EACH = 50, /* of a run, in the section on effects */
    WINDOW = 1000,     /* runs open at a time */
    PARKED = 10000,
    MIB = 1048576,
    LATENCY_ROUNDS = 10,
    SAMPLES_MAX = 100000,
};

static void add(struct figures *figures, const char *what, const char *suffix, double value,
                const char *unit, const char *ratio_to)
{
    char name[64];
    snprintf(name, sizeof name, "%s%s", what, suffix);
    figures_add(figures, name, value, unit, ratio_to);
}

/* What one effect, or one run, cost whom. */
static void add_times(struct figures *figures, const char *suffix, const struct rig *rig,
                      struct cpu begun, double count)
{
    struct cpu cpu = cpu_since(rig_cpu(rig), begun);
    add(figures, "PostgreSQL's time for ", suffix, cpu.postgres_us / count, "us", NULL);
    add(figures, "the engine's time for ", suffix, cpu.engine_us / count, "us", NULL);
    if (rig->fleet)
        add(figures, "the script host's time for ", suffix, cpu.host_us / count, "us", NULL);
}

/* Every run does EFFECTS_EACH effects, one after the other, WINDOW runs at a time. */
static void measure_effects(const struct place *place, struct figures *figures, bool has_lua,
                            const char *suffix)
{
    struct rig rig;
    struct bw_engine_stats before, after;
    char one[32];
    snprintf(one, sizeof one, "one effect%s", suffix);
    rig_open(&rig, place, &(struct rig_options){.has_lua = has_lua, .effects = EFFECTS_EACH});
    rig_run(&rig, "effects", EFFECTS_EACH, WINDOW / 4, WINDOW / 4); /* warm: caches, statements */
    size_t runs = (size_t)(place->seconds * WINDOW);
    double effects = (double)(runs * EFFECTS_EACH);
    bw_engine_stats(rig.engine, &before);
    struct cpu begun = rig_cpu(&rig);
    double seconds = rig_run(&rig, "effects", EFFECTS_EACH, runs, WINDOW);
    bw_engine_stats(rig.engine, &after);
    add(figures, "durable effects", suffix, effects / seconds, "effects/s", FIGURE_BULK);
    add(figures, "turns in one group commit", suffix,
        (double)(after.turns - before.turns) / (double)(after.commits - before.commits), "turns",
        NULL);
    add_times(figures, one, &rig, begun, effects);
    rig_close(&rig);
}

void section_effects(const struct place *place, struct figures *figures)
{
    measure_effects(place, figures, true, "");
}

void section_effects_no_lua(const struct place *place, struct figures *figures)
{
    measure_effects(place, figures, false, ", no Lua");
}

void section_starts(const struct place *place, struct figures *figures)
{
    struct rig rig;
    rig_open(&rig, place, &(struct rig_options){.has_lua = true});
    rig_run(&rig, "effects", 1, WINDOW, WINDOW);
    size_t runs = (size_t)(place->seconds * 2 * WINDOW);
    struct cpu begun = rig_cpu(&rig);
    double seconds = rig_run(&rig, "effects", 1, runs, WINDOW);
    figures_add(figures, "runs of one effect, start to end", (double)runs / seconds, "runs/s",
                FIGURE_BULK);
    add_times(figures, "such a run", &rig, begun, (double)runs);
    rig_close(&rig);
}

/* Turn times are in the journal: from one turn's to the next's is a whole effect, its commit
 * included. */
struct samples turn_samples(const struct place *place, struct bw_id tenant)
{
    PGconn *conn = place_connect(place);
    char text[BW_ID_TEXT_LEN + 1], sql[512];
    bw_id_print(tenant, text);
    snprintf(sql, sizeof sql,
             "SELECT took FROM (SELECT turn, at - lag(at) OVER (PARTITION BY run_id ORDER BY turn) "
             "AS took"
             " FROM billow.journal WHERE tenant_id = '%s') AS turns"
             " WHERE turn > 2", /* the first ones make the VM */
             text);
    PGresult *rows = place_query(conn, sql);
    struct samples samples = {.count = (size_t)PQntuples(rows)};
    samples.ns = bw_xcalloc(samples.count + 1, sizeof *samples.ns);
    for (size_t i = 0; i < samples.count; i++)
        samples.ns[i] = strtoll(PQgetvalue(rows, (int)i, 0), NULL, 10) * 1000;
    PQclear(rows);
    PQfinish(conn);
    return samples;
}

/* Bare commits and single effects take turns, so that both see the same disk. */
void section_latency(const struct place *place, struct figures *figures)
{
    struct rig rig;
    struct raw *raw = raw_open(place);
    int64_t *bare = bw_xcalloc(SAMPLES_MAX, sizeof *bare);
    size_t bare_count = 0;
    rig_open(&rig, place, &(struct rig_options){.has_lua = true});
    for (size_t i = 0; i < LATENCY_ROUNDS; i++) {
        bare_count += raw_bare_commits(raw, place->seconds / LATENCY_ROUNDS, bare + bare_count,
                                       SAMPLES_MAX - bare_count);
        rig_run(&rig, "effects", (uint64_t)(place->seconds * 50), 1, 1);
    }
    struct bw_id tenant = rig.tenants[0];
    rig_close(&rig);
    raw_close(raw);
    struct samples effects = turn_samples(place, tenant);
    static const char *const names[][2] = {
        {"bare commit beside it, p50", "one effect when idle, p50"},
        {"bare commit beside it, p99", "one effect when idle, p99"}};
    for (size_t i = 0; i < 2; i++) {
        double share = i == 0 ? 0.5 : 0.99;
        figures_add(figures, names[i][0], figures_percentile(bare, bare_count, share) / 1e6, "ms",
                    NULL);
        figures_add(figures, names[i][1],
                    figures_percentile(effects.ns, effects.count, share) / 1e6, "ms", names[i][0]);
    }
    bw_free(bare);
    bw_free(effects.ns);
}

struct samples latency_samples(const struct place *place)
{
    struct rig rig;
    rig_open(&rig, place, &(struct rig_options){.has_lua = true});
    rig_run(&rig, "effects", (uint64_t)(place->seconds * 500), 1, 1);
    struct bw_id tenant = rig.tenants[0];
    rig_close(&rig);
    return turn_samples(place, tenant);
}

void section_parked(const struct place *place, struct figures *figures)
{
    struct rig rig;
    rig_open(&rig, place, &(struct rig_options){.has_lua = true});
    rig_run(&rig, "effects", 10, WINDOW, WINDOW);
    rig_settle(&rig);
    double engine = rig_memory_bytes(&rig, RIG_ENGINE), host = rig_memory_bytes(&rig, RIG_HOST);
    double seconds = rig_run(&rig, "parked", 0, PARKED, 0);
    rig_settle(&rig);
    figures_add(figures, "runs started and parked", PARKED / seconds, "runs/s", FIGURE_BULK);
    double engine_grown = rig_memory_bytes(&rig, RIG_ENGINE) - engine;
    double host_grown = rig_memory_bytes(&rig, RIG_HOST) - host;
    figures_add(figures, "engine memory, idle", engine / MIB, "MiB", NULL);
    figures_add(figures, "engine memory, 10,000 parked runs", (engine + engine_grown) / MIB, "MiB",
                NULL);
    figures_add(figures, "script host memory, idle", host / MIB, "MiB", NULL);
    figures_add(figures, "script host memory, 10,000 parked runs", (host + host_grown) / MIB, "MiB",
                NULL);
    figures_add(figures, "memory of one parked run", (engine_grown + host_grown) / PARKED, "bytes",
                NULL);
    rig_close(&rig);
}
