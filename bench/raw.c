/* raw.c - what this PostgreSQL can do without an engine, through libpq: the denominators.
 *
 * Tables are copies of the engine's, made from them, so that a change of the schema changes both.
 * Rows have the shape and size of a turn with one small effect.
 */
#include "raw.h"

#include "raw_rows.h"
#include "sections.h"

#include "base/mem.h"
#include "io/os.h"
#include <poll.h>
#include <stdlib.h>

enum {
    CONNECTIONS_MAX = 2,
    BULK_ROWS = 1000,
    RUNS = 8000, /* that group commits move on, in turn */
    SHARDS = 64,
    BODY_BYTES = 72,
    SAMPLES_MAX = 100000,
};

static const char SETUP[] =
    "CREATE SCHEMA IF NOT EXISTS bench;"
    "CREATE TABLE IF NOT EXISTS bench.journal (LIKE billow.journal INCLUDING ALL);"
    "CREATE TABLE IF NOT EXISTS bench.run (LIKE billow.run INCLUDING ALL)"
    " WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = "
    "500,"
    "  autovacuum_analyze_scale_factor = 0.05, autovacuum_vacuum_cost_delay = 0);"
    "CREATE TABLE IF NOT EXISTS bench.fence (LIKE billow.fence INCLUDING ALL);"
    "INSERT INTO bench.fence SELECT generate_series(0, 63), 1 ON CONFLICT DO NOTHING";

#define INSERT_TYPES "uullux"
static const char INSERT[] =
    "INSERT INTO bench.journal (tenant_id, run_id, turn, at, batch_id, body)"
    " SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::bigint[], $4::bigint[], $5::uuid[], "
    "$6::bytea[])";

#define RUN_TYPES "uusl"
static const char INSERT_RUNS[] =
    "INSERT INTO bench.run (tenant_id, run_id, head, base, last_seq, updated_at, shard, status, "
    "wake, is_active,"
    " has_error) SELECT tenant, run, 0, 0, 0, at, shard, 1, 2, false, false"
    " FROM unnest($1::uuid[], $2::uuid[], $3::smallint[], $4::bigint[]) AS c (tenant, run, shard, "
    "at)";

/* As the store's hot statement (engine/store/pg_commit.c): fences locked, heads compared, runs
 * moved, rows written. */
#define GROUP_TYPES "uusllulxlb"
static const char GROUP[] =
    "WITH f AS ("
    " SELECT shard, epoch FROM bench.fence WHERE shard = ANY ($3::smallint[]) ORDER BY shard FOR "
    "SHARE"
    "), u AS ("
    " UPDATE bench.run r SET head = c.expected + 1, last_seq = c.last_seq, updated_at = c.at, "
    "last_batch = c.batch,"
    "  is_active = c.is_active"
    " FROM unnest($1::uuid[], $2::uuid[], $3::smallint[], $4::bigint[], $5::bigint[], $6::uuid[], "
    "$7::bigint[],"
    "  $8::bytea[], $9::bigint[], $10::boolean[]) WITH ORDINALITY"
    "  AS c (tenant, run, shard, epoch, expected, batch, at, turn, last_seq, is_active, place)"
    " JOIN f ON f.shard = c.shard AND f.epoch = c.epoch"
    " WHERE r.tenant_id = c.tenant AND r.run_id = c.run AND r.head = c.expected"
    " RETURNING c.tenant, c.run, c.expected, c.at, c.batch, c.turn, c.place"
    "), j AS ("
    " INSERT INTO bench.journal (tenant_id, run_id, turn, at, batch_id, body)"
    " SELECT tenant, run, expected + 1, at, batch, turn FROM u"
    ") SELECT place FROM u";

struct raw {
    const struct place *place;
    PGconn *conn; /* for everything but what is measured */
    struct bw_clock clock;
    struct bw_entropy seed_entropy;
    struct bw_rng rng;
    struct bw_entropy entropy;
    struct bw_id tenant;
    struct bw_id runs[RUNS];
    int64_t heads[RUNS];
    size_t next_run;
    char body[BODY_BYTES];
};

/* One connection with a statement that is sent over and over. */
struct lane {
    PGconn *conn;
    struct raw_rows rows;
    size_t rows_per_commit;
    void (*fill)(struct raw *raw, struct raw_rows *rows, size_t count);
    int expected_rows; /* of the result; -1 = not looked at */
};

static struct bw_id new_id(struct raw *raw)
{
    return bw_id_make(bw_clock_utc(&raw->clock), &raw->entropy);
}

static void fill_insert(struct raw *raw, struct raw_rows *rows, size_t count)
{
    int64_t now = bw_clock_utc(&raw->clock).us;
    for (size_t i = 0; i < count; i++) {
        raw_rows_id(rows, raw->tenant);
        raw_rows_id(rows, new_id(raw));
        raw_rows_int(rows, 1);
        raw_rows_int(rows, now);
        raw_rows_id(rows, new_id(raw));
        raw_rows_bytes(rows, bw_str(raw->body, sizeof raw->body));
    }
}

static void fill_group(struct raw *raw, struct raw_rows *rows, size_t count)
{
    int64_t now = bw_clock_utc(&raw->clock).us;
    for (size_t i = 0; i < count; i++) {
        size_t run = raw->next_run++ % RUNS;
        raw_rows_id(rows, raw->tenant);
        raw_rows_id(rows, raw->runs[run]);
        raw_rows_int(rows, (int64_t)(run % SHARDS));
        raw_rows_int(rows, 1);
        raw_rows_int(rows, raw->heads[run]++);
        raw_rows_id(rows, new_id(raw));
        raw_rows_int(rows, now);
        raw_rows_bytes(rows, bw_str(raw->body, sizeof raw->body));
        raw_rows_int(rows, raw->heads[run]);
        raw_rows_int(rows, 0);
    }
}

static void fill_runs(struct raw *raw, struct raw_rows *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        raw->runs[i] = new_id(raw);
        raw->heads[i] = 0;
        raw_rows_id(rows, raw->tenant);
        raw_rows_id(rows, raw->runs[i]);
        raw_rows_int(rows, (int64_t)(i % SHARDS));
        raw_rows_int(rows, bw_clock_utc(&raw->clock).us);
    }
}

static void lane_open(struct raw *raw, struct lane *lane, const char *sql, const char *types)
{
    lane->conn = place_connect(raw->place);
    raw_rows_init(&lane->rows, types);
    PGresult *result = PQprepare(lane->conn, "it", sql, 0, NULL);
    if (PQresultStatus(result) != PGRES_COMMAND_OK)
        place_die("preparing", PQerrorMessage(lane->conn));
    PQclear(result);
}

static void lane_close(struct lane *lane)
{
    PQfinish(lane->conn);
    raw_rows_deinit(&lane->rows);
}

static void lane_send(struct raw *raw, struct lane *lane)
{
    raw_rows_begin(&lane->rows);
    lane->fill(raw, &lane->rows, lane->rows_per_commit);
    raw_rows_end(&lane->rows);
    if (!PQsendQueryPrepared(lane->conn, "it", (int)lane->rows.column_count, lane->rows.values,
                             lane->rows.lengths, lane->rows.formats, 1))
        place_die("sending", PQerrorMessage(lane->conn));
}

static void lane_take(struct lane *lane)
{
    PGresult *result;
    while ((result = PQgetResult(lane->conn))) {
        ExecStatusType status = PQresultStatus(result);
        if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK)
            place_die("a raw limit", PQerrorMessage(lane->conn));
        if (lane->expected_rows >= 0 && PQntuples(result) != lane->expected_rows)
            place_die("a raw limit", "a group commit did not move all of its runs");
        PQclear(result);
    }
}

/* Each lane sends its next commit as soon as its last one is answered. Rows per second. */
static double run_lanes(struct raw *raw, struct lane *lanes, size_t count)
{
    int64_t begun = figures_now_ns();
    int64_t until = begun + (int64_t)(raw->place->seconds * 1e9);
    uint64_t rows = 0;
    size_t in_flight = count;
    for (size_t i = 0; i < count; i++)
        lane_send(raw, &lanes[i]);
    bool is_busy[CONNECTIONS_MAX] = {true, true};
    while (in_flight > 0) {
        struct pollfd polls[CONNECTIONS_MAX];
        for (size_t i = 0; i < count; i++)
            polls[i] = (struct pollfd){is_busy[i] ? PQsocket(lanes[i].conn) : -1, POLLIN, 0};
        poll(polls, (nfds_t)count, -1);
        for (size_t i = 0; i < count; i++) {
            if (!is_busy[i] || !polls[i].revents)
                continue;
            if (!PQconsumeInput(lanes[i].conn))
                place_die("a raw limit", PQerrorMessage(lanes[i].conn));
            if (PQisBusy(lanes[i].conn))
                continue;
            lane_take(&lanes[i]);
            rows += lanes[i].rows_per_commit;
            if (figures_now_ns() < until) {
                lane_send(raw, &lanes[i]);
            } else {
                is_busy[i] = false;
                in_flight--;
            }
        }
    }
    return (double)rows / ((double)(figures_now_ns() - begun) / 1e9);
}

static double bulk(struct raw *raw)
{
    struct lane lane = {.rows_per_commit = BULK_ROWS, .fill = fill_insert, .expected_rows = -1};
    lane_open(raw, &lane, INSERT, INSERT_TYPES);
    double rate = run_lanes(raw, &lane, 1);
    lane_close(&lane);
    return rate;
}

static double groups(struct raw *raw, size_t rows_per_commit, size_t connections)
{
    struct lane lanes[CONNECTIONS_MAX];
    for (size_t i = 0; i < connections; i++) {
        lanes[i] = (struct lane){.rows_per_commit = rows_per_commit,
                                 .fill = fill_group,
                                 .expected_rows = (int)rows_per_commit};
        lane_open(raw, &lanes[i], GROUP, GROUP_TYPES);
    }
    double rate = run_lanes(raw, lanes, connections);
    for (size_t i = 0; i < connections; i++)
        lane_close(&lanes[i]);
    return rate;
}

size_t raw_bare_commits(struct raw *raw, double seconds, int64_t *samples, size_t max)
{
    struct lane lane = {.rows_per_commit = 1, .fill = fill_insert, .expected_rows = -1};
    size_t count = 0;
    lane_open(raw, &lane, INSERT, INSERT_TYPES);
    int64_t until = figures_now_ns() + (int64_t)(seconds * 1e9);
    for (int64_t begun; count < max && (begun = figures_now_ns()) < until; count++) {
        lane_send(raw, &lane);
        lane_take(&lane);
        samples[count] = figures_now_ns() - begun;
    }
    lane_close(&lane);
    return count;
}

static void bare_commits(struct raw *raw, struct figures *figures)
{
    int64_t *samples = bw_xcalloc(SAMPLES_MAX, sizeof *samples);
    size_t count = raw_bare_commits(raw, raw->place->seconds, samples, SAMPLES_MAX);
    figures_add(figures, FIGURE_COMMIT, figures_percentile(samples, count, 0.5) / 1e6, "ms", NULL);
    figures_add(figures, "bare commit, p99", figures_percentile(samples, count, 0.99) / 1e6, "ms",
                FIGURE_COMMIT);
    bw_free(samples);
}

static void make_runs(struct raw *raw)
{
    struct lane lane = {.rows_per_commit = RUNS, .fill = fill_runs, .expected_rows = -1};
    lane_open(raw, &lane, INSERT_RUNS, RUN_TYPES);
    lane_send(raw, &lane);
    lane_take(&lane);
    lane_close(&lane);
}

struct raw *raw_open(const struct place *place)
{
    struct raw *raw = bw_xcalloc(1, sizeof *raw);
    raw->place = place;
    raw->clock = bw_clock_os();
    raw->seed_entropy = bw_entropy_os();
    bw_rng_seed(&raw->rng, bw_entropy_u64(&raw->seed_entropy));
    raw->entropy = bw_rng_entropy(&raw->rng);
    raw->tenant = new_id(raw);
    for (size_t i = 0; i < sizeof raw->body; i++)
        raw->body[i] = (char)bw_rng_next(&raw->rng);
    raw->conn = place_connect(place);
    place_do(raw->conn, SETUP);
    return raw;
}

void raw_close(struct raw *raw)
{
    PQfinish(raw->conn);
    bw_free(raw);
}

void section_raw(const struct place *place, struct figures *figures)
{
    struct raw *raw = raw_open(place);
    make_runs(raw);
    place_do(raw->conn, "VACUUM ANALYZE bench.run");
    bare_commits(raw, figures);
    figures_add(figures, FIGURE_BULK, bulk(raw), "rows/s", NULL);
    static const size_t sizes[] = {1, 10, 100, 1000};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        char name[64];
        snprintf(name, sizeof name, "fenced group commits of %zu", sizes[i]);
        place_do(raw->conn, "CHECKPOINT");
        figures_add(figures, name, groups(raw, sizes[i], 1), "rows/s", FIGURE_BULK);
    }
    place_do(raw->conn, "CHECKPOINT");
    figures_add(figures, "fenced group commits of 100, 2 connections", groups(raw, 100, 2),
                "rows/s", FIGURE_BULK);
    raw_close(raw);
}
