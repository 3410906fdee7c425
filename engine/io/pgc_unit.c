/* pgc_unit.c - a unit of statements before it is sent; see pgc.h. */
#include "base/assert.h"
#include "io/pgc.h"
#include <libpq-fe.h>

struct bw_pgc_unit *bw_pgc_unit_make(void)
{
    struct bw_pgc_unit *unit = bw_xcalloc(1, sizeof *unit);
    bw_arena_init(&unit->arena);
    return unit;
}

void bw_pgc_unit_drop_results(struct bw_pgc_unit *unit)
{
    for (size_t i = 0; unit->results && i < unit->count; i++)
        PQclear((PGresult *)unit->results[i]);
    bw_free(unit->results);
    unit->results = NULL;
}

void bw_pgc_unit_free(struct bw_pgc_unit *unit)
{
    bw_pgc_unit_drop_results(unit);
    bw_free(unit->steps);
    bw_free(unit->calls);
    bw_arena_deinit(&unit->arena);
    bw_free(unit);
}

struct bw_pg_param *bw_pgc_unit_add(struct bw_pgc_unit *unit,
                                    const struct bw_pg_statement *statement)
{
    BW_ASSERT(statement->param_count <= BW_PG_PARAMS_MAX);
    if (unit->count == unit->capacity) {
        unit->capacity = unit->capacity ? unit->capacity * 2 : 8;
        unit->calls = bw_xrealloc(unit->calls, unit->capacity * sizeof *unit->calls);
    }
    struct bw_pg_call *call = &unit->calls[unit->count++];
    call->statement = statement;
    call->params =
        bw_arena_calloc(&unit->arena, (size_t)statement->param_count + 1, sizeof *call->params);
    return call->params;
}
