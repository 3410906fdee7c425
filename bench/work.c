/* work.c - the engine at work: effects, starts, latency, parked runs. bench/README.md says what each figure means. */
#include "rig.h"
#include "sections.h"

#include <stdlib.h>

enum {
    EFFECTS_EACH = 50, /* of a run, in the section on effects */
    WINDOW = 1000,     /* runs open at a time */
    PARKED = 10000,
    MIB = 1048576,
};

/* Every run does EFFECTS_EACH effects; figures for effects and for how large the groups were. */
static void measure_effects(const struct place *place, struct figures *figures, bool has_lua,
                            const char *name, const char *group_name)
{
    struct rig rig;
    struct bw_engine_stats before, after;
    rig_open(&rig, place, &(struct rig_options){.has_lua = has_lua, .effects = EFFECTS_EACH});
    rig_run(&rig, "effects", EFFECTS_EACH, WINDOW / 4, WINDOW / 4); /* warm: caches, statements */
    bw_engine_stats(rig.engine, &before);
    size_t runs = (size_t)(place->seconds * WINDOW);
    double seconds = rig_run(&rig, "effects", EFFECTS_EACH, runs, WINDOW);
    bw_engine_stats(rig.engine, &after);
    figures_add(figures, name, (double)(runs * EFFECTS_EACH) / seconds, "effects/s", FIGURE_BULK);
    figures_add(figures, group_name,
                (double)(after.turns - before.turns) / (double)(after.commits - before.commits),
                "turns", NULL);
    rig_close(&rig);
}

void section_effects(const struct place *place, struct figures *figures)
{
    measure_effects(place, figures, true, "durable effects", "turns in one group commit");
}

void section_effects_no_lua(const struct place *place, struct figures *figures)
{
    measure_effects(place, figures, false, "durable effects, engine without Lua",
                    "turns in one group commit, without Lua");
}

void section_starts(const struct place *place, struct figures *figures)
{
    struct rig rig;
    rig_open(&rig, place, &(struct rig_options){.has_lua = true});
    rig_run(&rig, "effects", 1, WINDOW, WINDOW);
    size_t runs = (size_t)(place->seconds * 2 * WINDOW);
    double seconds = rig_run(&rig, "effects", 1, runs, WINDOW);
    figures_add(figures, "runs of one effect, started and finished", (double)runs / seconds,
                "runs/s", FIGURE_BULK);
    rig_close(&rig);
}

/* Turn times are in the journal: from one turn's to the next's is a whole effect, its commit included. */
void section_latency(const struct place *place, struct figures *figures)
{
    struct rig rig;
    rig_open(&rig, place, &(struct rig_options){.has_lua = true});
    rig_run(&rig, "effects", 100, 1, 1);
    rig_run(&rig, "effects", (uint64_t)(place->seconds * 300), 1, 1);
    char tenant[BW_ID_TEXT_LEN + 1];
    bw_id_print(rig.tenant, tenant);
    rig_close(&rig);

    PGconn *conn = place_connect(place);
    char sql[512];
    snprintf(sql, sizeof sql,
             "WITH last AS (SELECT run_id FROM billow.journal WHERE tenant_id = '%s'"
             "  GROUP BY run_id ORDER BY max(at) DESC LIMIT 1)"
             " SELECT at - lag(at) OVER (ORDER BY turn) FROM billow.journal"
             " WHERE tenant_id = '%s' AND run_id = (SELECT run_id FROM last) ORDER BY turn OFFSET 1",
             tenant, tenant);
    PGresult *rows = place_query(conn, sql);
    size_t count = (size_t)PQntuples(rows);
    int64_t *samples = bw_xcalloc(count + 1, sizeof *samples);
    for (size_t i = 0; i < count; i++)
        samples[i] = strtoll(PQgetvalue(rows, (int)i, 0), NULL, 10);
    figures_add(figures, "one effect when idle, p50",
                figures_percentile(samples, count, 0.5) / 1e3, "ms", FIGURE_COMMIT);
    figures_add(figures, "one effect when idle, p99",
                figures_percentile(samples, count, 0.99) / 1e3, "ms", "bare commit, p99");
    bw_free(samples);
    PQclear(rows);
    PQfinish(conn);
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
    figures_add(figures, "engine memory, 10,000 parked runs", (engine + engine_grown) / MIB, "MiB", NULL);
    figures_add(figures, "script host memory, idle", host / MIB, "MiB", NULL);
    figures_add(figures, "script host memory, 10,000 parked runs", (host + host_grown) / MIB, "MiB", NULL);
    figures_add(figures, "memory of one parked run", (engine_grown + host_grown) / PARKED, "bytes", NULL);
    rig_close(&rig);
}
