/* scale.c - a million parked runs, the loss of a node, growth by ten and by a hundred, and the
 * latency of a busy engine (bench/README.md).
 */
#include "child.h"
#include "raw_rows.h"
#include "rig.h"
#include "sections.h"

#include "io/os.h"
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { MIB = 1048576, CLONES_AT_ONCE = 10000, WINDOW = 1000 };

static size_t setting(const char *name, size_t otherwise)
{
    const char *text = getenv(name);
    return text ? (size_t)strtoull(text, NULL, 10) : otherwise;
}

static void wait_until(int64_t us)
{
    struct bw_clock clock = bw_clock_os();
    while (bw_clock_utc(&clock).us < us)
        nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL);
}

static int64_t query_int(PGconn *conn, const char *sql)
{
    PGresult *rows = place_query(conn, sql);
    int64_t value = strtoll(PQgetvalue(rows, 0, 0), NULL, 10);
    PQclear(rows);
    return value;
}

/* --- Parked runs as rows: copies of one that the engine has parked, with ids of their own. */

/* $1 and $2 are the run that is copied; $3 and $4 the ids and shards of the copies. */
static const char *const copies[] = {
    "INSERT INTO billow.journal (tenant_id, run_id, turn, at, batch_id, body)"
    " SELECT j.tenant_id, c.id, j.turn, j.at, j.batch_id, j.body FROM billow.journal j,"
    " unnest($3::uuid[], $4::smallint[]) AS c (id, shard)"
    " WHERE j.tenant_id = $1::uuid AND j.run_id = $2::uuid",
    "INSERT INTO billow.run_detail (tenant_id, run_id, release, workflow, parent_seq, started_by,"
    " created_at, input) SELECT d.tenant_id, c.id, d.release, d.workflow, d.parent_seq,"
    " d.started_by, d.created_at, d.input FROM billow.run_detail d,"
    " unnest($3::uuid[], $4::smallint[]) AS c (id, shard)"
    " WHERE d.tenant_id = $1::uuid AND d.run_id = $2::uuid",
    "INSERT INTO billow.run (tenant_id, run_id, head, base, last_seq, wake_at, updated_at,"
    " last_batch, shard, status, wake, is_active, has_error)"
    " SELECT r.tenant_id, c.id, r.head, r.base, r.last_seq, r.wake_at, r.updated_at, r.last_batch,"
    " c.shard, r.status, r.wake, r.is_active, r.has_error FROM billow.run r,"
    " unnest($3::uuid[], $4::smallint[]) AS c (id, shard)"
    " WHERE r.tenant_id = $1::uuid AND r.run_id = $2::uuid",
};

static void copy_rows(PGconn *conn, const PGresult *original, const struct raw_rows *ids)
{
    const char *values[] = {PQgetvalue(original, 0, 0), PQgetvalue(original, 0, 1), ids->values[0],
                            ids->values[1]};
    int lengths[] = {0, 0, ids->lengths[0], ids->lengths[1]};
    int formats[] = {0, 0, ids->formats[0], ids->formats[1]};
    for (size_t i = 0; i < sizeof copies / sizeof *copies; i++) {
        PGresult *result = PQexecParams(conn, copies[i], 4, NULL, values, lengths, formats, 1);
        if (PQresultStatus(result) != PGRES_COMMAND_OK)
            place_die("parked runs", PQerrorMessage(conn));
        PQclear(result);
    }
}

/* The oldest sleeping run's rows, `count` times; its own row comes last. */
static void clone_sleeper(const struct place *place, size_t count)
{
    PGconn *conn = place_connect(place);
    PGresult *original = place_query(
        conn, "SELECT tenant_id, run_id FROM billow.run WHERE status = 1 AND wake_at IS NOT NULL"
              " ORDER BY updated_at LIMIT 1");
    struct bw_clock clock = bw_clock_os();
    struct bw_entropy entropy = bw_entropy_os();
    struct raw_rows rows;
    raw_rows_init(&rows, "us");
    while (count > 0) {
        size_t piece = count < CLONES_AT_ONCE ? count : CLONES_AT_ONCE;
        raw_rows_begin(&rows);
        for (size_t i = 0; i < piece; i++) {
            struct bw_id id = bw_id_make(bw_clock_utc(&clock), &entropy);
            raw_rows_id(&rows, id);
            raw_rows_int(&rows, (int64_t)(bw_id_hash(id) % BW_SHARD_COUNT));
        }
        raw_rows_end(&rows);
        copy_rows(conn, original, &rows);
        count -= piece;
    }
    place_do(conn, "ANALYZE billow.run, billow.run_detail, billow.journal");
    raw_rows_deinit(&rows);
    PQclear(original);
    PQfinish(conn);
}

static void park(struct rig *rig, const struct place *place, size_t count)
{
    rig_run(rig, "parked", 0, 1, 0);
    rig_settle(rig);
    rig->ended++; /* nobody waits for it */
    clone_sleeper(place, count - 1);
}

/* --- A million parked runs. */

/* The k-th end, compared with the k-th instant that was due: they are due in order, and commits
 * keep it but for the runs of one group. */
struct lateness {
    struct bw_clock clock;
    int64_t first_us, step_us;
    int64_t *ns;
    size_t count, max;
};

static void ended(void *ud)
{
    struct lateness *late = ud;
    if (late->count == late->max)
        return;
    int64_t due_us = late->first_us + late->step_us * (int64_t)late->count;
    late->ns[late->count++] = (bw_clock_utc(&late->clock).us - due_us) * 1000;
}

static void measure_waking(struct rig *rig, struct figures *figures, size_t count)
{
    /* Two milliseconds each for starting them; then a thousand are due in every second. */
    struct lateness late = {.clock = rig->clock, .step_us = 1000, .max = count};
    late.ns = bw_xcalloc(count, sizeof *late.ns);
    late.first_us =
        bw_clock_utc(&rig->clock).us + (int64_t)count * (int64_t)setting("BENCH_START_US", 2000);
    rig->on_ended = ended;
    rig->on_ended_ud = &late;
    for (size_t i = 0; i < count;) {
        for (; i < count && rig->asked - rig->started < 500; i++)
            rig_start(rig, "sleeper", (uint64_t)(late.first_us + late.step_us * (int64_t)i));
        bw_loop_step(rig->loop);
    }
    rig_settle(rig);
    if (late.count > 0)
        place_die("parked runs", "due before all were asleep: set BENCH_START_US higher");
    double peak = 0;
    while (late.count < count) {
        bw_loop_step(rig->loop);
        double now = late.count % 100 == 0 ? rig_memory_bytes(rig, RIG_ENGINE) : 0;
        peak = now > peak ? now : peak;
    }
    rig->on_ended = NULL;
    figures_add(figures, "1,000 due a second: woken after, p50",
                figures_percentile(late.ns, count, 0.5) / 1e6, "ms", NULL);
    figures_add(figures, "1,000 due a second: woken after, p99",
                figures_percentile(late.ns, count, 0.99) / 1e6, "ms", NULL);
    figures_add(figures, "1,000 due a second: woken after, longest",
                figures_percentile(late.ns, count, 1) / 1e6, "ms", NULL);
    figures_add(figures, "engine memory while they wake", peak / MIB, "MiB", NULL);
    bw_free(late.ns);
}

void section_parked_million(const struct place *place, struct figures *figures)
{
    size_t count = setting("BENCH_PARKED", 1000000), due = setting("BENCH_DUE", 20000);
    struct rig rig;
    rig_open(&rig, place, &(struct rig_options){.has_lua = true});
    park(&rig, place, count);
    rig_close(&rig);
    place_checkpoint(place);

    int64_t begun = figures_now_ns();
    rig_open(&rig, place, &(struct rig_options){.has_lua = true});
    double ready_ms = (double)(figures_now_ns() - begun) / 1e6;
    rig_run(&rig, "effects", 10, WINDOW, WINDOW);
    rig_settle(&rig);
    figures_add(figures, "parked runs in the database", (double)count, "runs", NULL);
    figures_add(figures, "an engine over them, ready", ready_ms, "ms", NULL);
    figures_add(figures, "engine memory over them", rig_memory_bytes(&rig, RIG_ENGINE) / MIB, "MiB",
                NULL);
    measure_waking(&rig, figures, due);
    figures_add(figures, "script host memory after that", rig_memory_bytes(&rig, RIG_HOST) / MIB,
                "MiB", NULL);
    rig_close(&rig);
}

/* --- A node is lost. */

enum { LOST_RUNS = 2000, LOST_SLEEP_S = 15, NODE_LEASE_MS = 7000 };

static void first_node(const struct place *place, size_t count, int64_t due_us, FILE *out)
{
    struct rig rig;
    rig_open(&rig, place,
             &(struct rig_options){.has_lua = true, .node = "first", .lease_ms = NODE_LEASE_MS});
    rig_run(&rig, "sleeper", (uint64_t)due_us, count, 0);
    rig_settle(&rig);
    child_say(out, 1);
    for (;;)
        bw_loop_step(rig.loop);
}

static void second_node(const struct place *place, size_t count, int64_t due_us, FILE *out)
{
    struct rig rig;
    (void)count, (void)due_us;
    rig_open(&rig, place,
             &(struct rig_options){.has_lua = true, .node = "second", .lease_ms = NODE_LEASE_MS});
    child_say(out, 1);
    for (;;)
        bw_loop_step(rig.loop);
}

/* Two nodes share the shards; one is killed when its sleepers are due in half a second. */
void section_take_over(const struct place *place, struct figures *figures)
{
    struct bw_clock clock = bw_clock_os();
    PGconn *conn = place_connect(place);
    int64_t due_us = bw_clock_utc(&clock).us + LOST_SLEEP_S * INT64_C(1000000);
    struct child first = child_start(first_node, place, LOST_RUNS, due_us);
    (void)child_hear(&first);
    struct child second = child_start(second_node, place, 0, due_us);
    (void)child_hear(&second);
    while (query_int(conn, "SELECT count(DISTINCT owner) FROM billow.lease") < 2 &&
           bw_clock_utc(&clock).us < due_us - 1000000)
        nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL);
    wait_until(due_us - 500000);
    int64_t lost = query_int(conn, "SELECT count(*) FROM billow.lease WHERE owner = 'first'");
    child_end(&first, SIGKILL);
    int64_t begun = figures_now_ns();
    while (query_int(conn,
                     "SELECT count(*) FROM billow.run r JOIN billow.run_detail d USING"
                     " (tenant_id, run_id) WHERE d.workflow = 'sleeper' AND r.status = 1") > 0) {
        if (figures_now_ns() - begun > 60 * INT64_C(1000000000))
            place_die("take-over", "after a minute some runs of the lost node still sleep");
        nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL);
    }
    double seconds = (double)(figures_now_ns() - begun) / 1e9;
    child_end(&second, SIGKILL);
    PQfinish(conn);
    figures_add(figures, "shards of a node that is killed", (double)lost, "of 64", NULL);
    figures_add(figures, "until another has ended all its due runs", seconds, "s", NULL);
}

/* --- Ten times, a hundred times as much: what one more run costs, processor time of all. */

enum { LINEAR_RUNS = 4000 };

static double cost_us(struct rig *rig, uint64_t effects, size_t runs, size_t window, double units)
{
    struct cpu begun = rig_cpu(rig);
    rig_run(rig, "effects", effects, runs, window);
    struct cpu used = cpu_since(rig_cpu(rig), begun);
    return (used.engine_us + used.host_us + used.postgres_us) / units;
}

static void add_growth(struct figures *figures, const char *what, size_t size, size_t first,
                       double us, const char *unit)
{
    char name[64], base[64];
    snprintf(name, sizeof name, "%s: %zu", what, size);
    snprintf(base, sizeof base, "%s: %zu", what, first);
    figures_add(figures, name, us, unit, size == first ? NULL : base);
}

void section_linear_runs(const struct place *place, struct figures *figures)
{
    struct rig rig;
    size_t there = 0;
    rig_open(&rig, place, &(struct rig_options){.has_lua = true});
    for (size_t size = 400; size <= 40000; size *= 10) {
        if (size > there)
            rig_run(&rig, "effects", 1, size - there, WINDOW);
        there = (size > there ? size : there) + LINEAR_RUNS;
        double us = cost_us(&rig, 1, LINEAR_RUNS, WINDOW, LINEAR_RUNS);
        add_growth(figures, "a run, finished runs of its tenant", size, 400, us, "us");
    }
    rig_close(&rig);
}

void section_linear_tenants(const struct place *place, struct figures *figures)
{
    struct rig rig;
    rig_open(&rig, place, &(struct rig_options){.has_lua = true});
    for (size_t size = 1; size <= 100; size *= 10) {
        while (rig.tenant_count < size)
            rig_add_tenant(&rig);
        rig_run(&rig, "effects", 1, WINDOW, WINDOW);
        double us = cost_us(&rig, 1, LINEAR_RUNS, WINDOW, LINEAR_RUNS);
        add_growth(figures, "a run, tenants at work", size, 1, us, "us");
    }
    rig_close(&rig);
}

void section_linear_history(const struct place *place, struct figures *figures)
{
    enum { EFFECTS_MIN = 40000, OPEN = 40 };
    struct rig rig;
    rig_open(&rig, place, &(struct rig_options){.has_lua = true});
    rig_run(&rig, "effects", 10, WINDOW, WINDOW);
    for (size_t size = 100; size <= 10000; size *= 10) {
        size_t runs = EFFECTS_MIN / size > OPEN ? EFFECTS_MIN / size : OPEN;
        double us = cost_us(&rig, size, runs, OPEN, (double)(runs * size));
        add_growth(figures, "an effect, effects of its run", size, 100, us, "us");
    }
    rig_close(&rig);
}

void section_linear_parked(const struct place *place, struct figures *figures)
{
    struct rig rig;
    size_t there = 0;
    rig_open(&rig, place, &(struct rig_options){.has_lua = true});
    rig_run(&rig, "effects", 1, WINDOW, WINDOW);
    for (size_t size = 1000; size <= 100000; size *= 10) {
        park(&rig, place, size - there);
        there = size;
        place_checkpoint(place);
        double us = cost_us(&rig, 1, LINEAR_RUNS, WINDOW, LINEAR_RUNS);
        add_growth(figures, "a run, parked runs beside it", size, 1000, us, "us");
    }
    rig_close(&rig);
}

/* --- A busy engine: runs come at seven tenths of what it can take. */

enum { LOAD_EFFECTS = 10, PACE_MS = 2 };

static void pace(void *ud)
{
    bw_loop_timer_start(*(struct bw_loop_timer **)ud, PACE_MS);
}

void section_load(const struct place *place, struct figures *figures)
{
    struct rig rig;
    size_t runs = (size_t)(place->seconds * 3000);
    struct bw_loop_timer *timer;
    rig_open(&rig, place, &(struct rig_options){.has_lua = true});
    rig_run(&rig, "effects", LOAD_EFFECTS, WINDOW, WINDOW);
    double rate = (double)runs / rig_run(&rig, "effects", LOAD_EFFECTS, runs, WINDOW) * 0.7;
    rig_settle(&rig);
    rig_add_tenant(&rig); /* whose journal holds these runs only */
    struct bw_id tenant = rig.tenants[1];
    rig.tenants[0] = tenant;
    timer = bw_loop_timer_create(rig.loop, pace, &timer);
    pace(&timer);
    size_t before = rig.asked, ended_before = rig.ended;
    int64_t begun = figures_now_ns();
    double span = place->seconds * 2;
    for (;;) {
        double at = (double)(figures_now_ns() - begun) / 1e9;
        size_t wanted = (size_t)(rate * (at < span ? at : span));
        while (rig.asked - before < wanted)
            rig_start(&rig, "effects", LOAD_EFFECTS);
        if (at >= span && rig.ended - ended_before == rig.asked - before)
            break;
        bw_loop_step(rig.loop);
    }
    bw_loop_timer_destroy(timer);
    rig_close(&rig);
    struct samples samples = turn_samples(place, tenant);
    figures_add(figures, "effects asked for, 70% of what it can do", rate * LOAD_EFFECTS,
                "effects/s", FIGURE_BULK);
    figures_add(figures, "one effect at that load, p50",
                figures_percentile(samples.ns, samples.count, 0.5) / 1e6, "ms", FIGURE_COMMIT);
    figures_add(figures, "one effect at that load, p99",
                figures_percentile(samples.ns, samples.count, 0.99) / 1e6, "ms", FIGURE_COMMIT);
    bw_free(samples.ns);
}
