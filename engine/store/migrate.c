/* migrate.c - see migrate.h. A chain of units on a connection of its own; each callback sends
 * the next one. */
#include "store/migrate.h"

#include "base/assert.h"
#include "base/fault.h"
#include "io/pgc.h"
#include <stdio.h>

#define MIGRATION_LOCK "7305801291"

struct migrate {
    struct bw_pgc *pgc;
    const struct bw_migration *migrations;
    size_t count;
    bool *is_there; /* for each migration: the database has it */
    size_t at;      /* the migration that is being applied */
    struct bw_pg_statement statement;
    struct bw_buf sql;
    struct bw_error error;
    bw_migrate_fn done;
    void *ud;
};

static const struct bw_pg_statement lock = {NULL, "SELECT pg_advisory_lock(" MIGRATION_LOCK ")", 0};
static const struct bw_pg_statement exists = {
    NULL, "SELECT to_regclass('billow.migration') IS NOT NULL", 0};
static const struct bw_pg_statement create = {
    NULL,
    "BEGIN;"
    "CREATE SCHEMA IF NOT EXISTS billow;"
    "CREATE TABLE billow.migration (number integer PRIMARY KEY, name text NOT NULL, checksum text "
    "NOT NULL,"
    " applied_at timestamptz NOT NULL DEFAULT now());"
    "COMMIT",
    0};
static const struct bw_pg_statement applied = {
    NULL, "SELECT number, name, checksum FROM billow.migration ORDER BY number", 0};

static void on_closed(void *ud)
{
    struct migrate *migrate = ud;
    bw_buf_deinit(&migrate->sql);
    bw_free(migrate->is_there);
    migrate->done(migrate->ud, &migrate->error);
    bw_free(migrate);
}

static void finish(struct migrate *migrate)
{
    bw_pgc_close(migrate->pgc, on_closed, migrate);
}

static void send(struct migrate *migrate, const struct bw_pg_statement *statement, bool is_simple,
                 bw_pg_done_fn done)
{
    struct bw_pgc_unit *unit = bw_pgc_unit_make();
    bw_pgc_unit_add(unit, statement);
    unit->is_simple = is_simple;
    bw_pgc_send(migrate->pgc, unit, done, migrate);
}

/* True when the unit went well; else the whole migration ends. */
static bool went_well(struct migrate *migrate, const struct bw_pg_outcome *outcome)
{
    if (outcome->status == BW_PG_DONE)
        return true;
    if (migrate->at < migrate->count && outcome->status == BW_PG_FAILED)
        bw_fail(&migrate->error, outcome->error.code, "migration %s failed: %.900s",
                migrate->migrations[migrate->at].name, outcome->error.text);
    else
        migrate->error = outcome->error;
    finish(migrate);
    return false;
}

static void apply_next(struct migrate *migrate);

static void on_applied(void *ud, const struct bw_pg_outcome *outcome)
{
    struct migrate *migrate = ud;
    if (!went_well(migrate, outcome))
        return;
    (void)BW_FAULT(MIGRATE_STEP_AFTER);
    migrate->at++;
    apply_next(migrate);
}

static void apply_next(struct migrate *migrate)
{
    while (migrate->at < migrate->count && migrate->is_there[migrate->at])
        migrate->at++;
    if (migrate->at == migrate->count) {
        finish(migrate);
        return;
    }
    const struct bw_migration *next = &migrate->migrations[migrate->at];
    (void)BW_FAULT(MIGRATE_STEP_BEFORE);
    bw_buf_clear(&migrate->sql);
    bw_buf_printf(&migrate->sql, "BEGIN;\n");
    bw_buf_put_text(&migrate->sql, next->sql);
    bw_buf_printf(
        &migrate->sql,
        "\n;INSERT INTO billow.migration (number, name, checksum) VALUES (%u, '%s', '%s');\nCOMMIT",
        next->number, next->name, next->checksum);
    migrate->statement = (struct bw_pg_statement){NULL, bw_buf_cstr(&migrate->sql), 0};
    send(migrate, &migrate->statement, true, on_applied);
}

static enum bw_err fail_conflict(struct migrate *migrate, const char *what, unsigned number)
{
    return bw_fail(&migrate->error, BW_ERR_CONFLICT, "migration %04u %s", number, what);
}

/* Compares what is there with what we have. A number may be missing below one that is there:
 * subjects have ranges of their own, and grow at different times. */
static enum bw_err compare(struct migrate *migrate, const struct bw_pg_result *rows)
{
    size_t at = 0;
    size_t count = bw_pg_rows(rows);
    for (size_t i = 0; i < count; i++) {
        unsigned number = (unsigned)bw_pg_int(rows, i, 0);
        while (at < migrate->count && migrate->migrations[at].number < number)
            at++;
        if (at == migrate->count || migrate->migrations[at].number != number)
            return fail_conflict(
                migrate,
                "of the database is not known to this build: the database is newer, use the "
                "newer billow",
                number);
        if (!bw_str_eq(bw_pg_bytes(rows, i, 2), bw_str_of(migrate->migrations[at].checksum)))
            return fail_conflict(
                migrate, "is not what was applied to the database: its file was changed afterwards",
                number);
        migrate->is_there[at++] = true;
    }
    migrate->at = 0;
    return BW_ERR_OK;
}

static void on_list(void *ud, const struct bw_pg_outcome *outcome)
{
    struct migrate *migrate = ud;
    if (!went_well(migrate, outcome))
        return;
    if (compare(migrate, outcome->results[0]) != BW_ERR_OK)
        finish(migrate);
    else
        apply_next(migrate);
}

static void on_created(void *ud, const struct bw_pg_outcome *outcome)
{
    struct migrate *migrate = ud;
    if (went_well(migrate, outcome))
        send(migrate, &applied, false, on_list);
}

static void on_exists(void *ud, const struct bw_pg_outcome *outcome)
{
    struct migrate *migrate = ud;
    if (!went_well(migrate, outcome))
        return;
    if (bw_pg_int(outcome->results[0], 0, 0))
        send(migrate, &applied, false, on_list);
    else
        send(migrate, &create, true, on_created);
}

static void on_locked(void *ud, const struct bw_pg_outcome *outcome)
{
    struct migrate *migrate = ud;
    if (went_well(migrate, outcome))
        send(migrate, &exists, false, on_exists);
}

void bw_migrate(struct uv_loop_s *loop, const char *conninfo, const struct bw_migration *migrations,
                size_t count, void (*on_notice)(void *ud, const char *text), bw_migrate_fn done,
                void *ud)
{
    struct migrate *migrate = bw_xcalloc(1, sizeof *migrate);
    migrate->migrations = migrations;
    migrate->count = count;
    migrate->is_there = bw_xcalloc(count + 1, sizeof *migrate->is_there);
    migrate->at = count; /* until something is being applied, errors name no migration */
    migrate->done = done;
    migrate->ud = ud;
    bw_buf_init(&migrate->sql, 64u << 20);
    struct bw_pgc_options options = {
        .conninfo = conninfo,
        .purpose = "migrate",
        .settings =
            "-c statement_timeout=0 -c search_path=pg_catalog -c client_min_messages=warning",
        .is_plain = true,
        .on_notice = on_notice,
        .ud = ud,
    };
    migrate->pgc = bw_pgc_create(loop, &options);
    (void)BW_FAULT(MIGRATE_BEFORE);
    send(migrate, &lock, false, on_locked);
}
