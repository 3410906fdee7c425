/* test_differential.c - the memory store is what PostgreSQL is: random lists of operations on both,
 * every answer and then everything that can be read compared.
 *
 * BW_SEEDS=n    how many lists (60 when absent), from BW_SEED (1)
 * BW_STEPS=...  with BW_SEED: of its list only these operations, as the line of a failure says
 * BW_LOOKS=0    with BW_STEPS: everything is compared at the end only
 *
 * A failure is made short before it is told: the list ends where the stores first differ, and what
 * they differ without is left out.
 */
#include "support/test.h"

#include "support/store/tell.h"

#include "base/mem.h"
#include <stdio.h>
#include <stdlib.h>

enum { SEEDS = 60, STEPS = 40, STEPS_MAX = 400 };

struct side {
    struct store_fixture *fixture;
    struct tell_mailbox mailbox;
    struct bw_buf text; /* of the last answer */
};

static struct side sides[2]; /* memory, PostgreSQL */
static struct fixture_session *session;

/* Which operations of a seed's list. */
struct plan {
    uint64_t seed;
    size_t places[STEPS_MAX];
    size_t count;
    bool always_looks; /* at everything, after each operation */
    bool is_told;
};

/* --- Both stores ----------------------------------------------------------------------------- */

/* The database as it was after its migration; sessions and their prepared statements stay. */
static void clean_database(void)
{
    (void)fixture_session_run(
        session, "SET session_replication_role = replica;"
                 "DO $$ DECLARE t text; BEGIN"
                 "  FOR t IN SELECT c.relname FROM pg_class c"
                 "    WHERE c.relnamespace = 'billow'::regnamespace AND c.relkind = 'r'"
                 "      AND c.relname NOT IN ('migration', 'fence', 'lease') ORDER BY 1 LOOP"
                 "    EXECUTE format('DELETE FROM billow.%I', t);"
                 "  END LOOP;"
                 "  UPDATE billow.fence SET epoch = 0;"
                 "  UPDATE billow.lease SET owner = NULL, until = NULL;"
                 "END $$");
}

static void close_memory(void)
{
    struct bw_store *store = &sides[0].fixture->store;
    bool is_closed = false;
    store->close(store->self, fixture_set_flag, &is_closed);
    fixture_until(sides[0].fixture, &is_closed);
}

static void begin(const struct list *list)
{
    static const char *const NAMES[LIST_TENANTS] = {"acme", "brook"};
    close_memory();
    bw_store_mem_open(&sides[0].fixture->store, &sides[0].fixture->clock);
    clean_database();
    for (size_t i = 0; i < 2; i++) {
        struct store_fixture *f = sides[i].fixture;
        f->now_us = list->now_us;
        f->store.set_on_mail(f->store.self, tell_on_mail, &sides[i].mailbox);
        for (size_t k = 0; k < LIST_TENANTS; k++) {
            struct list_op op = {.kind = LIST_PUT_TENANT,
                                 .now_us = list->now_us,
                                 .tenant = list->tenants[k],
                                 .what = bw_str_of(NAMES[k])};
            tell_op(f, &sides[i].mailbox, &op, &sides[i].text);
        }
    }
}

/* Where two texts part, with the line that heads the place. */
static void tell_difference(void)
{
    const char *texts[2] = {bw_buf_cstr(&sides[0].text), bw_buf_cstr(&sides[1].text)};
    const char *at[2] = {texts[0], texts[1]};
    const char *heads[2] = {"", ""};
    for (;;) {
        size_t lens[2] = {strcspn(at[0], "\n"), strcspn(at[1], "\n")};
        if (lens[0] != lens[1] || memcmp(at[0], at[1], lens[0]) != 0) {
            print_error("  in %.*s\n  %.*s\n", (int)strcspn(heads[0], "\n"), heads[0],
                        (int)strcspn(heads[1], "\n"), heads[1]);
            print_error("  memory:     %.*s\n  PostgreSQL: %.*s\n", (int)lens[0], at[0],
                        (int)lens[1], at[1]);
            return;
        }
        if (at[0][0] != ' ')
            heads[0] = at[0];
        if (strncmp(at[0], "      ", 6) != 0)
            heads[1] = at[0];
        for (size_t i = 0; i < 2; i++)
            at[i] += lens[i] + (at[i][lens[i]] == '\n');
    }
}

static bool is_alike(const struct plan *plan)
{
    bool is_same = bw_str_eq(bw_buf_str(&sides[0].text), bw_buf_str(&sides[1].text));
    if (!is_same && plan->is_told)
        tell_difference();
    for (size_t i = 0; i < 2; i++)
        bw_buf_clear(&sides[i].text);
    return is_same;
}

static bool looks_alike(const struct list *list, const struct plan *plan)
{
    for (size_t i = 0; i < 2; i++) {
        sides[i].fixture->now_us = list->now_us;
        tell_everything(sides[i].fixture, list, &sides[i].text);
    }
    return is_alike(plan);
}

static void tell_step(const struct list_op *op, size_t place)
{
    struct bw_buf text;
    bw_buf_init(&text, 1u << 20);
    list_op_text(op, &text);
    print_error("  %3zu ", place);
    fprintf(stderr, "%s\n", bw_buf_cstr(&text)); /* cmocka cuts what is long */
    bw_buf_deinit(&text);
}

static void play_lease(struct list *list, bool is_take_over)
{
    for (size_t i = 0; i < 2; i++) {
        struct list_op op = {.kind = LIST_LEASE,
                             .now_us = list->now_us,
                             .tenant = list->tenants[0],
                             .lease = {.node = BW_STR("test"), .ms = 600000, .take_over = true}};
        tell_op(sides[i].fixture, &sides[i].mailbox, &op, &sides[i].text);
        if (i == 0 && is_take_over)
            list_learn(list, &op, sides[0].fixture);
    }
}

/* True when both stores said the same. `stopped` is the index of the operation where they did not.
 */
static bool play(const struct plan *plan, size_t *stopped)
{
    struct list list;
    bool is_fine = true;
    list_init(&list, plan->seed);
    begin(&list);
    play_lease(&list, true);
    is_fine = is_alike(plan);
    for (*stopped = 0; is_fine && *stopped < plan->count; ++*stopped) {
        struct list_op op;
        list_draw(&list, plan->places[*stopped], &op);
        if (plan->is_told)
            tell_step(&op, plan->places[*stopped]);
        for (size_t i = 0; i < 2; i++)
            tell_op(sides[i].fixture, &sides[i].mailbox, &op, &sides[i].text);
        list_learn(&list, &op, sides[0].fixture);
        is_fine = is_alike(plan);
        if (is_fine && plan->always_looks)
            is_fine = looks_alike(&list, plan);
        if (!is_fine)
            break;
    }
    is_fine = is_fine && looks_alike(&list, plan);
    list.now_us += 1000;      /* what was leased for no time at all has ended */
    play_lease(&list, false); /* the epochs of all shards */
    is_fine = is_alike(plan) && is_fine;
    list_deinit(&list);
    for (size_t i = 0; i < 2; i++)
        bw_arena_reset(&sides[i].fixture->arena);
    return is_fine;
}

/* --- Making a failure short ------------------------------------------------------------------ */

static void cut_tail(struct plan *plan)
{
    size_t stopped;
    plan->always_looks = true;
    if (play(plan, &stopped))
        plan->always_looks = false; /* only unseen is it there: looking sorts what it reads */
    else if (stopped < plan->count)
        plan->count = stopped + 1;
}

static void leave_out(struct plan *plan)
{
    for (size_t i = plan->count; i > 0; i--) {
        struct plan less = *plan;
        size_t stopped;
        memmove(less.places + i - 1, less.places + i, (plan->count - i) * sizeof *less.places);
        less.count--;
        if (!play(&less, &stopped))
            *plan = less;
    }
}

static void tell_failure(struct plan *plan)
{
    char steps[STEPS_MAX * 5] = "";
    size_t len = 0;
    size_t stopped;
    cut_tail(plan);
    leave_out(plan);
    for (size_t i = 0; i < plan->count; i++)
        len += (size_t)snprintf(steps + len, sizeof steps - len, "%s%zu", i ? "," : "",
                                plan->places[i]);
    print_error("the stores differ after these %zu operations of list %llu:\n", plan->count,
                (unsigned long long)plan->seed);
    plan->is_told = true;
    (void)play(plan, &stopped);
    print_error("again: BW_SEED=%llu %sBW_STEPS=%s test_store_differential\n",
                (unsigned long long)plan->seed, plan->always_looks ? "" : "BW_LOOKS=0 ", steps);
}

static void plan_all(struct plan *plan, uint64_t seed)
{
    *plan = (struct plan){.seed = seed, .count = STEPS};
    for (size_t i = 0; i < STEPS; i++)
        plan->places[i] = i;
}

static void plan_steps(struct plan *plan, uint64_t seed, const char *steps)
{
    const char *looks = getenv("BW_LOOKS");
    *plan = (struct plan){.seed = seed, .always_looks = !looks || *looks != '0', .is_told = true};
    while (*steps && plan->count < STEPS_MAX) {
        char *end;
        plan->places[plan->count++] = strtoul(steps, &end, 10);
        steps = *end ? end + 1 : end;
    }
}

static void test_both_stores_answer_random_lists_alike(void **state)
{
    (void)state;
    const char *wanted = getenv("BW_SEEDS"), *from = getenv("BW_SEED");
    const char *steps = getenv("BW_STEPS");
    uint64_t first = from ? strtoull(from, NULL, 10) : 1;
    uint64_t count = wanted ? strtoull(wanted, NULL, 10) : from ? 1 : SEEDS;
    for (uint64_t seed = first; seed < first + count; seed++) {
        struct plan plan;
        size_t stopped;
        if (steps)
            plan_steps(&plan, seed, steps);
        else
            plan_all(&plan, seed);
        if (play(&plan, &stopped))
            continue;
        if (!steps)
            tell_failure(&plan);
        fail_msg("list %llu", (unsigned long long)seed);
    }
}

static int open_both(void **state)
{
    void *fixtures[2];
    (void)state;
    fixture_mem(&fixtures[0]);
    fixture_pg(&fixtures[1]);
    session = fixture_session_open();
    for (size_t i = 0; i < 2; i++) {
        sides[i].fixture = fixtures[i];
        bw_buf_init(&sides[i].text, 256u << 20);
    }
    return 0;
}

static int close_both(void **state)
{
    (void)state;
    fixture_session_close(session);
    for (size_t i = 0; i < 2; i++) {
        void *fixture = sides[i].fixture;
        sides[i].fixture->store.set_on_mail(sides[i].fixture->store.self, NULL, NULL);
        fixture_close(&fixture);
        bw_buf_deinit(&sides[i].text);
        bw_free(sides[i].mailbox.mail);
    }
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test_setup_teardown(
        test_both_stores_answer_random_lists_alike, open_both, close_both)};
    return cmocka_run_group_tests(tests, NULL, fixture_stop_pg);
}
