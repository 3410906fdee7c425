/* sim_schedule.c - recurring starts while everything goes wrong: each due moment makes one run, or
 * is counted as left out, as the schedule's catch-up and overlap say; never neither, never twice.
 */
#include "sim.h"

#include "codec/date.h"
#include "store/mem_store.h"

#include <stdio.h>
#include <string.h>

enum { EVERY_S = 60, LATE_S = 10, SCHEDULES = 2 };

static const char *const CATCH_UPS[] = {"skip", "one", "all"};
static const char *const NAMES[SCHEDULES] = {"often", "seldom"};

static int64_t every_us(size_t which)
{
    return (int64_t)(which + 1) * EVERY_S * BW_US_PER_S;
}

/* SIM_NOW_US is no round minute: the first due moment comes soon. */
static int64_t first_due_us(size_t which)
{
    return (SIM_NOW_US / every_us(which) + 1) * every_us(which);
}

static void on_ready(void *ud, const struct bw_error *error)
{
    if (error->code != BW_ERR_OK)
        sim_fail(ud, "a schedule cannot be made: %s", error->text);
}

static void make(struct sim *sim, struct bw_id tenant, size_t which)
{
    char json[500];
    struct bw_error error;
    struct bw_buf value;
    const char *catch_up = CATCH_UPS[sim_draw(sim, 3)];
    bool allows = strcmp(catch_up, "all") == 0 || sim_chance(sim, 50); /* "all" needs it */
    snprintf(json, sizeof json,
             "{\"name\":\"%s\",\"next_due_us\":%lld,\"wake_at_us\":%lld,\"set_by\":\"dana\","
             "\"spec\":{\"workflow\":\"ledger\",\"rule\":\"FREQ=MINUTELY;INTERVAL=%zu\","
             "\"zone\":\"UTC\",\"from\":\"2026-01-01\",\"catch_up\":\"%s\",\"overlap\":\"%s\","
             "\"input\":{\"key\":\"k0\"}}}",
             NAMES[which], (long long)first_due_us(which), (long long)first_due_us(which),
             which + 1, catch_up, allows ? "allow" : "skip");
    bw_buf_init(&value, 4096);
    if (bw_value_from_json(&value, bw_str_of(json), &error) != BW_ERR_OK)
        sim_fail(sim, "a schedule is no JSON: %s", error.text);
    sim->store.write(sim->store.self, tenant, BW_STR("schedule"), bw_buf_str(&value), on_ready,
                     sim);
    bw_buf_deinit(&value);
}

void sim_schedule_begin(struct sim *sim)
{
    for (size_t i = 0; i < SIM_TENANTS; i++) {
        for (size_t k = 0; k < SCHEDULES; k++) {
            if (sim_chance(sim, 40))
                make(sim, sim->tenants[i], k);
        }
    }
}

/* --- What must hold. */

static size_t which_of(const struct bw_schedule_row *row)
{
    return bw_str_eq(row->name, bw_str_of(NAMES[1])) ? 1 : 0;
}

static int64_t passed_count(const struct bw_schedule_row *row)
{
    if (!row->last_due_us)
        return 0;
    return (row->last_due_us - first_due_us(which_of(row))) / every_us(which_of(row)) + 1;
}

/* After every step: the moments that have passed are all accounted for. */
static void check_row(struct sim *sim, const struct bw_schedule_row *row)
{
    int64_t *version = &sim->versions[sim_wall_index(sim, row->tenant)][which_of(row)];
    if (row->version == *version)
        return;
    if (row->version < *version)
        sim_fail(sim, "schedule %.*s went back from version %lld to %lld", BW_STR_ARG(row->name),
                 (long long)*version, (long long)row->version);
    *version = row->version;
    if (row->problem.len)
        sim_fail(sim, "schedule %.*s is stuck: %.*s", BW_STR_ARG(row->name),
                 BW_STR_ARG(row->problem));
    if (row->fired_count + row->skipped_count != passed_count(row))
        sim_fail(sim, "schedule %.*s: %lld moments have passed, %lld started and %lld left out",
                 BW_STR_ARG(row->name), (long long)passed_count(row), (long long)row->fired_count,
                 (long long)row->skipped_count);
    if (row->last_due_us && row->next_due_us != row->last_due_us + every_us(which_of(row)))
        sim_fail(sim, "schedule %.*s: after %lld us comes %lld us", BW_STR_ARG(row->name),
                 (long long)row->last_due_us, (long long)row->next_due_us);
    if (row->last_due_us > sim->clock.utc.us + sim->ahead_us)
        sim_fail(sim, "schedule %.*s fired before its time", BW_STR_ARG(row->name));
}

void sim_schedule_step(struct sim *sim)
{
    const struct mem_store *store = sim->store.self;
    for (size_t i = 0; i < store->schedule_count; i++)
        check_row(sim, &store->schedules[i]);
}

/* Runs of this moment. */
static size_t count_runs(const struct sim *sim, const struct bw_schedule_row *row, int64_t due_us,
                         bool *is_late)
{
    const struct mem_store *store = sim->store.self;
    char at[BW_STAMP_TEXT_MAX], key[200];
    size_t count = 0;
    (void)bw_stamp_print((struct bw_stamp){due_us}, at);
    snprintf(key, sizeof key, "schedule/%.*s@%s", BW_STR_ARG(row->name), at);
    for (size_t i = 0; i < store->run_count; i++) {
        const struct bw_run_row *run = &store->runs[i]->row;
        if (!bw_id_eq(run->tenant, row->tenant) || !bw_str_eq(run->key, bw_str_of(key)))
            continue;
        count++;
        *is_late = run->created_at_us > due_us + LATE_S * BW_US_PER_S;
    }
    return count;
}

static void check_moments(struct sim *sim, const struct bw_schedule_row *row)
{
    struct bw_value spec = bw_value_read(row->spec);
    bool wants_all = bw_str_eq(bw_value_get_str(&spec, "catch_up", BW_STR_NONE), BW_STR("all")) &&
                     bw_str_eq(bw_value_get_str(&spec, "overlap", BW_STR_NONE), BW_STR("allow"));
    int64_t started = 0;
    for (int64_t i = 0; i < passed_count(row); i++) {
        bool is_late = false;
        int64_t due_us = first_due_us(which_of(row)) + i * every_us(which_of(row));
        size_t count = count_runs(sim, row, due_us, &is_late);
        if (count > 1 || (wants_all && count == 0))
            sim_fail(sim, "schedule %.*s: its moment %lld made %zu runs", BW_STR_ARG(row->name),
                     (long long)i, count);
        started += (int64_t)count;
        sim_mark(sim, count == 0 ? SIM_SCHEDULE_SKIPPED
                      : is_late  ? SIM_SCHEDULE_CAUGHT_UP
                                 : SIM_SCHEDULE_FIRED);
    }
    if (started != row->fired_count)
        sim_fail(sim, "schedule %.*s says %lld starts; %lld runs are there", BW_STR_ARG(row->name),
                 (long long)row->fired_count, (long long)started);
}

void sim_schedule_end(struct sim *sim)
{
    const struct mem_store *store = sim->store.self;
    for (size_t i = 0; i < store->schedule_count; i++)
        check_moments(sim, &store->schedules[i]);
}
