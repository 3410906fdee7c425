/* test_seeds.c - many runs, random trouble: crashes, evictions, dying hosts, slow calls, several
 * lanes. Whatever happens, every run ends, and its journal is the one it has without trouble.
 *
 * A small brother of the simulator: the seed is in the message of a failure. BW_SEEDS=n runs more.
 */
#include "support/test.h"

#include "support/core/harness.h"

#include "store/store_mem.h"

#include <stdio.h>
#include <stdlib.h>

enum { RUNS = 12, STEPS_MAX = 4000, SEEDS = 25 };

#define OP_HTTP                                                                                    \
    {                                                                                              \
        .kind = "http", .args = "{\"method\":\"POST\",\"url\":\"https://a.example/\"}"             \
    }
#define OP_TASK                                                                                    \
    {                                                                                              \
        .kind = "task.open",                                                                       \
        .args = "{\"kind\":\"approval\",\"title\":\"Ok?\",\"assignees\":[\"dana\"]}"               \
    }

static const struct fake_program PROGRAMS[] = {
    {"child", {OP_HTTP}},
    {"parent",
     {{.kind = "child.call", .args = "{\"workflow\":\"child\",\"input\":{}}"},
      OP_HTTP,
      {.kind = "event.wait", .args = "{\"topic\":\"go\",\"key\":\"1\"}"}}},
    {"steps",
     {OP_HTTP,
      {.kind = "sleep", .args = "{\"until_us\":1790000030000000}"},
      {.kind = "event.wait", .args = "{\"topic\":\"go\",\"key\":\"1\"}"},
      OP_TASK,
      {.kind = "note", .args = "{\"kind\":\"progress\"}", .is_post = true},
      OP_HTTP}},
    {"wide",
     {OP_HTTP,
      {.kind = "http",
       .args = "{\"method\":\"GET\",\"url\":\"https://b.example/\"}",
       .is_started = true},
      OP_TASK,
      {.kind = "!checkpoint"},
      OP_HTTP}},
};

static struct harness harness;
static struct bw_rng dice;
static uint64_t seed;
static struct bw_id runs[RUNS];

static bool chance(unsigned percent)
{
    return bw_rng_next(&dice) % 100 < percent;
}

/* Slow calls; none is lost, none fails: the engine may not even notice. */
static enum bw_mem_fault slow(void *ud, const char *what)
{
    (void)ud;
    (void)what;
    return chance(10) ? BW_MEM_LINGER : chance(10) ? BW_MEM_DELAY : BW_MEM_GO;
}

static void trouble(void)
{
    if (chance(6)) {
        bw_store_mem_set_fault(&harness.store, NULL, NULL);
        harness_crash(&harness);
        bw_store_mem_set_fault(&harness.store, slow, NULL);
    }
    if (chance(10))
        bw_engine_evict_idle(harness.engine);
    if (chance(5))
        fake_host_mischief(harness.host, chance(50) ? FAKE_DIES : FAKE_FORGETS, 1);
    if (chance(5))
        fake_host_mischief(harness.host, chance(50) ? FAKE_BUDGET : FAKE_WRONG_SEQ, 1);
}

/* One act of the world outside, or a little time. */
static void act(size_t step)
{
    char id[32];
    uint64_t handle = 0, after = bw_rng_next(&dice) % 3;
    if (chance(40) && bw_httpc_fake_next(harness.http, 0, &handle)) {
        for (uint64_t i = 0; i < after; i++)
            (void)bw_httpc_fake_next(harness.http, handle, &handle);
        if (chance(20)) {
            struct bw_error error = {.code = BW_ERR_UNAVAILABLE};
            (void)bw_httpc_fake_answer(harness.http, handle, NULL, &error);
        } else {
            struct bw_http_response response = {.status = 200, .body = BW_STR("ok")};
            (void)bw_httpc_fake_answer(harness.http, handle, &response, NULL);
        }
    } else if (chance(30)) {
        snprintf(id, sizeof id, "e-%zu", step);
        harness_event(&harness, "go", "1", id, "{}");
    } else if (chance(40)) {
        struct bw_id run = runs[bw_rng_next(&dice) % RUNS];
        for (uint64_t seq = 2; seq <= 5; seq++)
            harness_answer(&harness, bw_id_derive(run, seq), "{\"decision\":\"approve\"}");
    } else {
        harness_advance(&harness, (int64_t)(bw_rng_next(&dice) % 3000));
    }
}

static bool is_over(void)
{
    for (size_t i = 0; i < RUNS; i++) {
        const char *status = harness_status(&harness, runs[i]);
        if (strcmp(status, "parked") == 0) {
            /* Three pieces of bad luck in one turn: an operator looks, and lets it go on. */
            fake_host_mischief(harness.host, FAKE_HONEST, 0);
            harness_resume(&harness, runs[i], NULL);
        }
        if (strcmp(status, "done") != 0)
            return false;
    }
    return true;
}

/* What is done must be done once: seqs without a gap, and as many turns as the program has. */
static void check_runs(void)
{
    static const char *const LAST_SEQ[] = {"3", "6", "4"}; /* parent, steps, wide */
    for (size_t i = 0; i < RUNS; i++) {
        if (strcmp(harness_member(&harness, runs[i], "last_seq"), LAST_SEQ[i % 3]) != 0)
            fail_msg("seed %llu: run %zu ends at seq %s", (unsigned long long)seed, i,
                     harness_member(&harness, runs[i], "last_seq"));
    }
    assert_null(strstr(harness_read(&harness, "tasks", (struct bw_id){0}), "\"status\":\"open\""));
    assert_null(strstr(harness_read(&harness, "runs", (struct bw_id){0}), "\"status\":\"open\""));
    if (harness_stats(&harness).runs != 0)
        fail_msg("seed %llu: %zu runs are still in memory", (unsigned long long)seed,
                 harness_stats(&harness).runs);
}

static void play_seed(void)
{
    static const char *const WORKFLOWS[] = {"parent", "steps", "wide"};
    bw_rng_seed(&dice, seed);
    harness = (struct harness){.limits = {.resident_max = 1 + bw_rng_next(&dice) % 6,
                                          .group_beside_min = 1,
                                          .group_max = 1 + bw_rng_next(&dice) % 4,
                                          .executing_max = 1 + bw_rng_next(&dice) % 8,
                                          .loads_max = 1 + bw_rng_next(&dice) % 3}};
    harness_init(&harness, PROGRAMS, 4);
    harness.patience = 40; /* the store may be slow many times in a row */
    harness.store.lanes = 1 + (unsigned)(bw_rng_next(&dice) % 3);
    for (size_t i = 0; i < RUNS; i++)
        runs[i] = harness_start(&harness, WORKFLOWS[i % 3]);
    bw_store_mem_set_fault(&harness.store, slow, NULL);
    size_t step = 0;
    while (step < STEPS_MAX && !is_over()) {
        trouble();
        act(step++);
    }
    bw_store_mem_set_fault(&harness.store, NULL, NULL);
    harness_settle(&harness);
    if (!is_over()) {
        for (size_t i = 0; i < RUNS; i++) {
            if (strcmp(harness_status(&harness, runs[i]), "done") != 0)
                print_message("run %zu: %s\n", i, harness_read(&harness, "run", runs[i]));
        }
        fail_msg("seed %llu: not every run has ended", (unsigned long long)seed);
    }
    harness_advance(&harness, 1000);
    check_runs();
    harness_deinit(&harness);
}

static void test_every_run_ends_whatever_happens(void **state)
{
    (void)state;
    const char *wanted = getenv("BW_SEEDS");
    const char *from = getenv("BW_SEED");
    uint64_t first = from ? strtoull(from, NULL, 10) : 1;
    uint64_t count = wanted ? strtoull(wanted, NULL, 10) : SEEDS;
    for (seed = first; seed < first + count; seed++)
        play_seed();
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_every_run_ends_whatever_happens)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
