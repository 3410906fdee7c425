/* store_pg.c - the PostgreSQL store: its connections, requests that may be repeated, leases. See
 * pg_store.h for its parts. */
#include "store/store_pg.h"

#include "base/assert.h"
#include "base/fault.h"
#include "store/migrate.h"
#include "store/pg_store.h"
#include <stdio.h>

/* The hot statements are planned once, for tables of any size: by their keys, never by reading a
 * table. */
#define LANE_SETTINGS                                                                              \
    "-c statement_timeout=30000 -c plan_cache_mode=force_generic_plan -c enable_seqscan=off "      \
    "-c enable_hashjoin=off -c enable_mergejoin=off"
/* Of what is read nothing waits for locks but leases, and those must not wait for long: they hold
 * the locks that the other nodes' renewals need. */
#define KEEPER_SETTINGS "-c statement_timeout=60000 -c enable_seqscan=off"
#define READ_SETTINGS KEEPER_SETTINGS " -c lock_timeout=2000"
#define QUERY_TIMEOUT_MS 30000u
#define REQUEST_TRIES 3
#define LOCK_TRIES 20

/* --- Requests -------------------------------------------------------------------------------- */

struct bw_pg_request *bw_pg_request_make(struct bw_pg_store *store, struct bw_pgc *pgc, void *ud)
{
    struct bw_pg_request *request = bw_xcalloc(1, sizeof *request);
    request->store = store;
    request->pgc = pgc;
    request->ud = ud;
    bw_arena_init(&request->arena);
    return request;
}

static void request_answer(struct bw_pg_request *request, const struct bw_pg_outcome *outcome)
{
    request->answer(request, outcome);
    bw_arena_deinit(&request->arena);
    bw_free(request);
}

static void on_request(void *ud, const struct bw_pg_outcome *outcome)
{
    struct bw_pg_request *request = ud;
    bool is_rivalry = outcome->status == BW_PG_FAILED && strncmp(outcome->sqlstate, "40", 2) == 0;
    bool is_locked = outcome->status == BW_PG_FAILED && strcmp(outcome->sqlstate, "55P03") == 0;
    bool is_torn =
        outcome->status == BW_PG_DONE && request->is_whole && !request->is_whole(outcome);
    unsigned tries = is_locked ? LOCK_TRIES : REQUEST_TRIES;
    if ((outcome->status == BW_PG_LOST || is_rivalry || is_locked || is_torn) &&
        ++request->attempts < tries && !request->store->is_closing) {
        bw_pgc_send(request->pgc, request->build(request), on_request, request);
        return;
    }
    request_answer(request, outcome);
}

void bw_pg_request_send(struct bw_pg_request *request)
{
    bw_pgc_send(request->pgc, request->build(request), on_request, request);
}

static void on_refused(void *ud)
{
    request_answer(ud, NULL);
}

void bw_pg_request_refuse(struct bw_pg_request *request)
{
    bw_pgc_later(request->pgc, on_refused, request);
}

const struct bw_error *bw_pg_request_error(struct bw_pg_request *request,
                                           const struct bw_pg_outcome *outcome)
{
    if (!outcome)
        return &request->error;
    if (outcome->status != BW_PG_DONE)
        return &outcome->error;
    request->error.code = BW_ERR_OK;
    return &request->error;
}

int64_t bw_pg_now_us(const struct bw_pg_store *store)
{
    return bw_clock_utc(store->clock).us;
}

unsigned bw_pg_pause_ms(unsigned failures)
{
    return failures < 6 ? 20u << failures : 1000;
}

void bw_pg_mail(struct bw_pg_store *store, struct bw_id tenant, struct bw_id run)
{
    if (store->on_mail && !store->is_closing)
        store->on_mail(store->on_mail_ud, tenant, run);
}

void bw_pg_mail_rows(struct bw_pg_store *store, const struct bw_pg_result *rows)
{
    for (size_t i = 0; i < bw_pg_rows(rows); i++)
        bw_pg_mail(store, bw_pg_id(rows, i, 0), bw_pg_id(rows, i, 1));
}

/* --- Migration ------------------------------------------------------------------------------- */

static void pg_migrate(void *self, bw_done_fn done, void *ud)
{
    struct bw_pg_store *store = self;
    bw_migrate(store->loop, store->conninfo, bw_migrations, bw_migration_count, NULL, done, ud);
}

/* --- Leases ---------------------------------------------------------------------------------- */

/* A process that is stopped while it sends a unit leaves a session that waits for the rest of it,
 * inside a transaction, with its locks: nobody could take over what it had. The server's own limit
 * (idle_in_transaction_session_timeout) does not see a pipeline, for such a session is "active".
 * A process that was only slow finds its connection lost and looks up what became of its unit. */
#define STUCK_S "8"
static const struct bw_pg_statement end_stuck = {
    "end_stuck",
    "WITH stuck AS MATERIALIZED ("
    "  SELECT pid, application_name FROM pg_stat_activity"
    "  WHERE datname = current_database() AND usename = current_user"
    "    AND application_name LIKE 'billow %' AND pid <> pg_backend_pid()"
    "    AND state = 'active' AND wait_event = 'ClientRead'"
    "    AND state_change < clock_timestamp() - interval '" STUCK_S " s'"
    ")"
    " SELECT application_name FROM stuck WHERE pg_terminate_backend(pid, 1000)",
    0};

/* `l` is read under lock, so that two nodes that ask at once share one after the other. A lease
 * that expired and that nobody took is still its owner's, with the epoch it has. What a former
 * process of this name left over the fair share is freed. */
static const struct bw_pg_statement lease = {
    "lease",
    "WITH me AS ("
    "  INSERT INTO billow.node (name, until)"
    "  VALUES ($1::text, clock_timestamp() + $2::bigint * interval '1 millisecond')"
    "  ON CONFLICT (name) DO UPDATE SET until = excluded.until"
    "), gone AS ("
    "  DELETE FROM billow.node WHERE name <> $1::text"
    "    AND until < clock_timestamp() - interval '1 hour'"
    "), n AS ("
    "  SELECT 1 + count(*) AS nodes FROM billow.node"
    "  WHERE name <> $1::text AND until >= clock_timestamp()"
    "), l AS ("
    "  SELECT shard, owner, until FROM billow.lease ORDER BY shard FOR UPDATE"
    "), x AS ("
    "  SELECT shard, (owner = $1::text AND ($4::bigint >> shard) & 1 = 1) IS TRUE AS is_held"
    "  FROM l WHERE ($5::bigint >> shard) & 1 = 0"
    "    AND ($3::boolean OR owner IS NULL OR owner = $1::text OR until < clock_timestamp())"
    "), y AS ("
    "  SELECT shard, is_held, is_held OR $3::boolean OR"
    "    row_number() OVER (PARTITION BY is_held ORDER BY shard)"
    "    <= (64 + nodes - 1) / nodes - (SELECT count(*) FROM x WHERE is_held) AS is_taken"
    "  FROM x, n"
    "), t AS ("
    "  UPDATE billow.lease t SET owner = CASE WHEN is_taken THEN $1::text END,"
    "    until = CASE WHEN is_taken"
    "      THEN clock_timestamp() + $2::bigint * interval '1 millisecond' END"
    "  FROM y WHERE t.shard = y.shard"
    "), f AS ("
    "  UPDATE billow.fence f SET epoch = f.epoch + 1 FROM y"
    "  WHERE f.shard = y.shard AND is_taken AND NOT is_held RETURNING f.shard, f.epoch"
    ")"
    " SELECT shard, epoch FROM f"
    " UNION ALL SELECT f.shard, f.epoch FROM billow.fence f JOIN y ON y.shard = f.shard AND is_held"
    " UNION ALL SELECT 64, nodes FROM n"
    " ORDER BY 1",
    5};
static const struct bw_pg_statement release = {
    "release",
    "WITH g AS (DELETE FROM billow.node WHERE name = $1::text AND $2::bigint = -1)"
    " UPDATE billow.lease SET owner = NULL, until = NULL"
    " WHERE owner = $1::text AND ($2::bigint >> shard) & 1 = 1",
    2};

struct lease_args {
    const struct bw_pg_statement *statement;
    struct bw_lease_wish wish;
};

static struct bw_pgc_unit *build_lease(struct bw_pg_request *request)
{
    const struct lease_args *args = request->args;
    struct bw_pgc_unit *unit = bw_pgc_unit_make();
    if (args->statement == &lease)
        (void)bw_pgc_unit_add(unit, &end_stuck);
    struct bw_pg_param *params = bw_pgc_unit_add(unit, args->statement);
    params[0] = bw_pg_arg_text(unit, args->wish.node);
    if (args->statement == &lease) {
        params[1] = bw_pg_arg_int(unit, args->wish.ms);
        params[2] = bw_pg_arg_bool(unit, args->wish.take_over);
        params[3] = bw_pg_arg_int(unit, (int64_t)args->wish.held);
        params[4] = bw_pg_arg_int(unit, (int64_t)args->wish.spared);
    } else {
        params[1] = bw_pg_arg_int(unit, (int64_t)args->wish.held);
    }
    return unit;
}

static void tell_ended(struct bw_pg_store *store, struct bw_str application)
{
    char text[160];
    snprintf(text, sizeof text, "ended a session whose process stopped within a transaction: %.*s",
             (int)application.len, application.ptr);
    if (store->on_notice)
        store->on_notice(store->ud, text);
}

static void answer_leases(struct bw_pg_request *request, const struct bw_pg_outcome *outcome)
{
    const struct bw_error *error = bw_pg_request_error(request, outcome);
    struct bw_shard_lease items[BW_SHARD_COUNT];
    struct bw_leases leases = {.items = items};
    const struct bw_pg_result *ended = error->code == BW_ERR_OK ? outcome->results[0] : NULL;
    for (size_t i = 0; ended && i < bw_pg_rows(ended); i++)
        tell_ended(request->store, bw_pg_bytes(ended, i, 0));
    const struct bw_pg_result *rows = error->code == BW_ERR_OK ? outcome->results[1] : NULL;
    for (size_t i = 0; rows && i < bw_pg_rows(rows); i++) {
        int64_t shard = bw_pg_int(rows, i, 0);
        if (shard == BW_SHARD_COUNT)
            leases.node_count = (size_t)bw_pg_int(rows, i, 1);
        else
            items[leases.count++] = (struct bw_shard_lease){(uint32_t)shard, bw_pg_int(rows, i, 1)};
    }
    request->fn.lease(request->ud, error, &leases);
}

static void answer_released(struct bw_pg_request *request, const struct bw_pg_outcome *outcome)
{
    request->fn.done(request->ud, bw_pg_request_error(request, outcome));
}

static struct bw_pg_request *lease_request(struct bw_pg_store *store,
                                           const struct bw_pg_statement *statement,
                                           const struct bw_lease_wish *wish, void *ud)
{
    struct bw_pg_request *request = bw_pg_request_make(store, store->reader, ud);
    struct lease_args *args = bw_arena_calloc(&request->arena, 1, sizeof *args);
    *args = (struct lease_args){statement, *wish};
    args->wish.node = bw_arena_copy(&request->arena, wish->node);
    request->args = args;
    request->build = build_lease;
    return request;
}

static void pg_lease(void *self, const struct bw_lease_wish *wish, bw_lease_fn done, void *ud)
{
    struct bw_pg_request *request = lease_request(self, &lease, wish, ud);
    request->fn.lease = done;
    request->answer = answer_leases;
    bw_pg_request_send(request);
}

static void pg_release_leases(void *self, struct bw_str node, bw_shards shards, bw_done_fn done,
                              void *ud)
{
    struct bw_lease_wish wish = {.node = node, .held = shards};
    struct bw_pg_request *request = lease_request(self, &release, &wish, ud);
    request->fn.done = done;
    request->answer = answer_released;
    (void)BW_FAULT(LEASE_RELEASE);
    bw_pg_request_send(request);
}

/* --- Life ------------------------------------------------------------------------------------ */

static void pg_set_on_mail(void *self, bw_mail_fn on_mail, void *ud)
{
    struct bw_pg_store *store = self;
    store->on_mail = on_mail;
    store->on_mail_ud = ud;
}

static void on_notice(void *ud, const char *text)
{
    struct bw_pg_store *store = ud;
    if (store->on_notice)
        store->on_notice(store->ud, text);
}

static void on_state(void *ud, bool is_connected, const struct bw_error *error)
{
    struct bw_pg_store *store = ud;
    if (store->on_state)
        store->on_state(store->ud, is_connected, error);
}

static struct bw_pgc *connect(struct bw_pg_store *store, const char *purpose, const char *settings,
                              bool is_read_only)
{
    struct bw_pgc_options options = {.conninfo = store->conninfo,
                                     .purpose = purpose,
                                     .settings = settings,
                                     .is_read_only = is_read_only,
                                     .on_notice = on_notice,
                                     .on_state = on_state,
                                     .greeting = is_read_only ? NULL : &bw_pg_greeting,
                                     .on_greeting = bw_pg_on_greeting,
                                     .ud = store};
    store->open_count++;
    return bw_pgc_create(store->loop, &options);
}

static void on_connection_closed(void *ud)
{
    struct bw_pg_store *store = ud;
    if (--store->open_count > 0)
        return;
    void (*closed)(void *closed_ud) = store->closed;
    void *closed_ud = store->closed_ud;
    bw_free(store->conninfo);
    bw_free(store);
    if (closed)
        closed(closed_ud);
}

static void pg_close(void *self, void (*closed)(void *ud), void *ud)
{
    struct bw_pg_store *store = self;
    BW_ASSERT(!store->is_closing);
    store->is_closing = true;
    store->closed = closed;
    store->closed_ud = ud;
    bw_pg_commit_close(store);
    bw_pg_door_close(store);
    bw_pgc_close(store->door, on_connection_closed, store);
    bw_pgc_close(store->reader, on_connection_closed, store);
    bw_pgc_close(store->script, on_connection_closed, store);
    bw_pgc_close(store->keeper, on_connection_closed, store);
    for (unsigned i = 0; i < store->lane_count; i++)
        bw_pgc_close(store->lanes[i].pgc, on_connection_closed, store);
}

void bw_store_pg_open(struct bw_store *table, const struct bw_store_pg_options *options)
{
    struct bw_pg_store *store = bw_xcalloc(1, sizeof *store);
    store->loop = options->loop;
    store->clock = options->clock;
    store->conninfo = bw_xstrdup(options->conninfo);
    store->on_notice = options->on_notice;
    store->on_state = options->on_state;
    store->ud = options->ud;
    bw_list_init(&store->groups);
    bw_list_init(&store->door_ops);
    store->lane_count = options->lanes ? options->lanes : BW_STORE_PG_LANES_DEFAULT;
    BW_ASSERT(store->lane_count <= BW_STORE_PG_LANES_MAX);
    for (unsigned i = 0; i < store->lane_count; i++) {
        store->lanes[i].store = store;
        store->lanes[i].pgc = connect(store, "commit", LANE_SETTINGS, false);
    }
    char settings[64];
    snprintf(settings, sizeof settings, "-c statement_timeout=%u",
             options->query_timeout_ms ? options->query_timeout_ms : QUERY_TIMEOUT_MS);
    store->door = connect(store, "door", LANE_SETTINGS, false);
    store->reader = connect(store, "read", READ_SETTINGS, false);
    store->script = connect(store, "query", settings, true);
    store->keeper = connect(store, "retention", KEEPER_SETTINGS, false);
    *table = (struct bw_store){
        .self = store,
        .migrate = pg_migrate,
        .lease = pg_lease,
        .release_leases = pg_release_leases,
        .commit = bw_pg_commit,
        .lanes = store->lane_count,
        .start_run = bw_pg_start_run,
        .put_message = bw_pg_put_message,
        .put_event = bw_pg_put_event,
        .answer_task = bw_pg_answer_task,
        .load = bw_pg_load,
        .scan = bw_pg_scan,
        .query = bw_pg_query,
        .settings = bw_pg_settings,
        .read = bw_pg_read,
        .put_tenant = bw_pg_put_tenant,
        .find_tenant = bw_pg_find_tenant,
        .put_release = bw_pg_put_release,
        .get_release = bw_pg_get_release,
        .active_release = bw_pg_active_release,
        .write = bw_pg_write,
        .load_mail = bw_pg_load_mail,
        .due_schedules = bw_pg_due_schedules,
        .fire_schedule = bw_pg_fire_schedule,
        .find_expired = bw_pg_find_expired,
        .drop_runs = bw_pg_drop_runs,
        .check_turns = bw_pg_check_turns,
        .look_at_history = bw_pg_look_at_history,
        .set_on_mail = pg_set_on_mail,
        .set_on_failover = bw_pg_set_on_failover,
        .close = pg_close,
    };
}
