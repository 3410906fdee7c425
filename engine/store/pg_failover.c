/* pg_failover.c - which history the server has that answers, and whether what was committed is in
 * it.
 *
 * Every connection begins by asking for the timeline: a number that grows when a standby is
 * promoted, or a backup restored. A session never outlives such a change, so that asking once for
 * each is enough, and the answer comes before all others of that connection.
 */
#include "store/pg_store.h"

#include "store/rows.h"

#define TIMELINE "('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::bigint"

/* Where the server cannot tell (not every offer of a PostgreSQL can), nothing is noticed. */
const struct bw_pg_statement bw_pg_greeting = {"timeline", "SELECT " TIMELINE, 0};

int64_t bw_pg_on_greeting(void *ud, const struct bw_pg_result *rows)
{
    struct bw_pg_store *store = ud;
    int64_t from = store->timeline;
    int64_t to = bw_pg_rows(rows) > 0 ? bw_pg_int(rows, 0, 0) : 0;
    if (to <= from) /* not known; the same; or one that another has taken over from already */
        return to;
    store->timeline = to;
    if (from != 0 && store->on_failover && !store->is_closing)
        store->on_failover(store->on_failover_ud, from, to);
    return to;
}

void bw_pg_set_on_failover(void *self, bw_failover_fn on_failover, void *ud)
{
    struct bw_pg_store *store = self;
    store->on_failover = on_failover;
    store->on_failover_ud = ud;
}

/* --- Turns that should be there -------------------------------------------------------------- */

static const struct bw_pg_statement check_turns = {
    "check_turns",
    "SELECT c.place FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::bigint[]) WITH ORDINALITY"
    "  AS c (tenant, run, batch, turn, place)"
    " WHERE CASE WHEN c.turn = 0 THEN NOT EXISTS (SELECT FROM billow.run r"
    "    WHERE r.tenant_id = c.tenant AND r.run_id = c.run)"
    "  ELSE NOT EXISTS (SELECT FROM billow.journal j WHERE j.tenant_id = c.tenant"
    "    AND j.run_id = c.run AND j.turn = c.turn AND j.batch_id = c.batch) END"
    " UNION ALL SELECT -" TIMELINE " ORDER BY 1",
    4};

struct check_args {
    struct bw_turn_ref *turns;
    size_t count;
    bw_missing_fn done;
};

static struct bw_pgc_unit *build_check(struct bw_pg_request *request)
{
    const struct check_args *args = request->args;
    struct bw_pgc_unit *unit = bw_pgc_unit_make();
    struct bw_pg_table table;
    bw_pg_table_init(&table, "uuul");
    for (size_t i = 0; i < args->count; i++) {
        bw_pg_cell_id(&table, args->turns[i].tenant);
        bw_pg_cell_id(&table, args->turns[i].run);
        bw_pg_cell_id(&table, args->turns[i].batch);
        bw_pg_cell_int(&table, (int64_t)args->turns[i].turn);
    }
    bw_pg_table_params(&table, unit, bw_pgc_unit_add(unit, &check_turns));
    bw_pg_table_deinit(&table);
    return unit;
}

/* The first row is the timeline, negative; then the places of what is missing. */
static void answer_check(struct bw_pg_request *request, const struct bw_pg_outcome *outcome)
{
    const struct check_args *args = request->args;
    const struct bw_error *error = bw_pg_request_error(request, outcome);
    const struct bw_pg_result *rows = error->code == BW_ERR_OK ? outcome->results[0] : NULL;
    size_t count = 0;
    int64_t timeline = 0;
    for (size_t i = 0; rows && i < bw_pg_rows(rows); i++) {
        int64_t place = bw_pg_int(rows, i, 0);
        if (place < 0)
            timeline = -place;
        else
            args->turns[count++] = args->turns[place - 1]; /* ascending: none is overwritten */
    }
    args->done(request->ud, error, timeline, args->turns, count);
}

void bw_pg_check_turns(void *self, const struct bw_turn_ref *turns, size_t count,
                       bw_missing_fn done, void *ud)
{
    struct bw_pg_store *store = self;
    struct bw_pg_request *request = bw_pg_request_make(store, store->reader, ud);
    struct check_args *args = bw_arena_calloc(&request->arena, 1, sizeof *args);
    args->turns = bw_arena_calloc(&request->arena, count + 1, sizeof *args->turns);
    for (size_t i = 0; i < count; i++)
        args->turns[i] = turns[i];
    args->count = count;
    args->done = done;
    request->args = args;
    request->build = build_check;
    request->answer = answer_check;
    bw_pg_request_send(request);
}

/* --- Whose history it is --------------------------------------------------------------------- */

static const struct bw_pg_statement look_at_history = {
    "look_at_history", "SELECT billow.look_at_history($1::bigint = 1, $2::bigint)", 2};

struct history_args {
    bool has_lived;
    int64_t at_us;
    bw_value_fn done;
};

static struct bw_pgc_unit *build_history(struct bw_pg_request *request)
{
    const struct history_args *args = request->args;
    struct bw_pgc_unit *unit = bw_pgc_unit_make();
    struct bw_pg_param *params = bw_pgc_unit_add(unit, &look_at_history);
    params[0] = bw_pg_arg_int(unit, args->has_lived);
    params[1] = bw_pg_arg_int(unit, args->at_us);
    return unit;
}

static void answer_history(struct bw_pg_request *request, const struct bw_pg_outcome *outcome)
{
    const struct history_args *args = request->args;
    const struct bw_error *error = bw_pg_request_error(request, outcome);
    struct bw_buf value;
    bw_buf_init(&value, 64);
    bw_value_put_map(&value, 1);
    bw_value_put_key(&value, "restored_at_us");
    bw_value_put_int(&value, error->code == BW_ERR_OK ? bw_pg_int(outcome->results[0], 0, 0) : 0);
    args->done(request->ud, error, bw_buf_str(&value));
    bw_buf_deinit(&value);
}

void bw_pg_look_at_history(void *self, bool has_lived, int64_t at_us, bw_value_fn done, void *ud)
{
    struct bw_pg_store *store = self;
    struct bw_pg_request *request = bw_pg_request_make(store, store->keeper, ud);
    struct history_args *args = bw_arena_calloc(&request->arena, 1, sizeof *args);
    *args = (struct history_args){has_lived, at_us, done};
    request->args = args;
    request->build = build_history;
    request->answer = answer_history;
    bw_pg_request_send(request);
}
