/* test_nodes.c - several engines over one store: shards shared, handed over, taken over; runs of
 * other nodes found.
 *
 * The store tells only the engine that was made last of new mail: the others have to find it, as
 * the processes on one PostgreSQL do. */
#include "support/test.h"

#include "core/clock_virtual.h"
#include "core/engine.h"
#include "core/httpc_fake.h"
#include "core/inside.h"
#include "store/store_mem.h"
#include "support/core/fake_host.h"

#include <stdio.h>

enum { NODES_MAX = 3, LEASE_MS = 10 * 1000 };
#define NOW_US INT64_C(1790000000000000)

struct node {
    struct fake_host *host;
    struct bw_host *hosts[1];
    struct bw_httpc_fake *http;
    struct bw_engine *engine; /* NULL: not up */
    char name[16];
    bool is_paused; /* SIGSTOP */
};

static struct bw_clock_virtual clock_virtual;
static struct bw_rng rng;
static struct bw_entropy entropy;
static struct bw_store store;
static struct node nodes[NODES_MAX];
static struct bw_id tenant, started;
static struct bw_buf value;
static bool has_answer;
static enum bw_err code;

static const struct fake_program PROGRAMS[] = {
    {"both",
     {{.kind = "http",
       .args = "{\"method\":\"POST\",\"url\":\"https://a.example/x\"}",
       .is_started = true},
      {.kind = "event.wait", .args = "{\"topic\":\"paid\",\"key\":\"I-1\"}"},
      {.kind = "event.wait", .args = "{\"topic\":\"paid\",\"key\":\"I-2\"}"}}},
    {"child", {{.kind = "note", .args = "{\"kind\":\"progress\"}", .is_post = true}}},
    {"parent", {{.kind = "child.call", .args = "{\"workflow\":\"child\",\"input\":{}}"}}},
    {"sends", {{.kind = "http", .args = "{\"method\":\"POST\",\"url\":\"https://a.example/x\"}"}}},
    {"tries",
     {{.kind = "http",
       .args = "{\"attempts_max\":1,\"method\":\"POST\",\"url\":\"https://a.example/x\"}"}}},
    {"waits", {{.kind = "event.wait", .args = "{\"topic\":\"paid\",\"key\":\"I-1\"}"}}},
};

static void on_done(void *ud, const struct bw_error *error)
{
    (void)ud;
    has_answer = true;
    code = error->code;
}

static void on_start(void *ud, const struct bw_error *error, struct bw_id run, bool is_new)
{
    (void)is_new;
    started = run;
    on_done(ud, error);
}

static void on_member(void *ud, const struct bw_error *error, struct bw_str row)
{
    on_done(NULL, error);
    struct bw_value map = bw_value_read(row);
    bw_buf_clear(&value);
    bw_buf_put_str(&value, bw_value_get_str(&map, ud, BW_STR("?")));
}

static void settle(void)
{
    for (size_t i = 0, idle = 0; i < 100000; i++) {
        bool has_worked = bw_store_mem_pump(&store);
        for (size_t k = 0; k < NODES_MAX; k++) {
            struct node *node = &nodes[k];
            if (!node->engine || node->is_paused)
                continue;
            has_worked = fake_host_pump(node->host) || has_worked;
            has_worked = bw_httpc_fake_pump(node->http) || has_worked;
            has_worked = bw_engine_turn(node->engine) == 0 || has_worked;
        }
        idle = has_worked ? 0 : idle + 1;
        if (idle == 3)
            return;
    }
    fail_msg("the nodes do not come to rest");
}

static void advance(int64_t ms)
{
    for (int64_t at = 0; at < ms; at += 250) {
        bw_clock_virtual_advance(&clock_virtual, 250 * BW_US_PER_MS);
        settle();
    }
}

static void up(size_t i)
{
    struct node *node = &nodes[i];
    snprintf(node->name, sizeof node->name, "node-%zu", i);
    node->host = fake_host_create(PROGRAMS, sizeof PROGRAMS / sizeof *PROGRAMS);
    node->hosts[0] = fake_host_host(node->host);
    node->http = bw_httpc_fake_create();
    node->engine = bw_engine_create(&(struct bw_engine_config){
        .store = &store,
        .hosts = node->hosts,
        .host_count = 1,
        .httpc = bw_httpc_fake_httpc(node->http),
        .clock = &clock_virtual.clock,
        .entropy = &entropy,
        .node = node->name,
        .lease_ms = LEASE_MS,
    });
    has_answer = false;
    bw_engine_start(node->engine, on_done, NULL);
    settle();
    assert_true(has_answer);
    assert_int_equal(code, BW_ERR_OK);
}

/* As SIGKILL does. */
static void down(size_t i)
{
    bw_engine_destroy(nodes[i].engine);
    nodes[i].engine = NULL;
    bw_httpc_fake_destroy(nodes[i].http);
    fake_host_destroy(nodes[i].host);
    settle();
}

static void stop(size_t i)
{
    has_answer = false;
    bw_engine_stop(nodes[i].engine, on_done, NULL);
    settle();
    assert_true(has_answer);
    down(i);
}

static size_t shards(size_t i)
{
    struct bw_engine_stats stats;
    bw_engine_stats(nodes[i].engine, &stats);
    return stats.shards;
}

static int set_up(void **state)
{
    (void)state;
    struct bw_release_file files[8];
    char names[8][64];
    size_t count = sizeof PROGRAMS / sizeof *PROGRAMS;
    bw_clock_virtual_init(&clock_virtual, (struct bw_stamp){NOW_US});
    bw_rng_seed(&rng, 11);
    entropy = bw_rng_entropy(&rng);
    bw_buf_init(&value, 1 << 20);
    bw_store_mem_open(&store, &clock_virtual.clock);
    tenant = bw_id_make(clock_virtual.utc, &entropy);
    store.put_tenant(store.self, tenant, BW_STR("acme"), on_done, NULL);
    for (size_t i = 0; i < count; i++) {
        snprintf(names[i], sizeof names[i], "workflows/%s.lua", PROGRAMS[i].workflow);
        files[i] = (struct bw_release_file){bw_str_of(names[i]), BW_STR("-- played")};
    }
    struct bw_release_set set = {.files = files, .count = count};
    bw_wire_release_hash(files, count, set.hash);
    store.put_release(store.self, tenant, &set, true, on_done, NULL);
    settle();
    return 0;
}

static void on_closed(void *ud)
{
    *(bool *)ud = true;
}

static int tear_down(void **state)
{
    (void)state;
    bool is_closed = false;
    for (size_t i = 0; i < NODES_MAX; i++) {
        if (nodes[i].engine)
            down(i);
        nodes[i] = (struct node){0};
    }
    store.close(store.self, on_closed, &is_closed);
    if (!is_closed)
        bw_store_mem_pump(&store);
    bw_buf_deinit(&value);
    return 0;
}

static struct bw_id start(size_t i, const char *workflow)
{
    has_answer = false;
    bw_engine_start_run(nodes[i].engine,
                        &(struct bw_engine_start){.tenant = tenant,
                                                  .workflow = bw_str_of(workflow),
                                                  .started_by = BW_STR("dana")},
                        on_start, NULL);
    settle();
    assert_true(has_answer);
    assert_int_equal(code, BW_ERR_OK);
    return started;
}

static const char *status(struct bw_id run)
{
    struct bw_buf args;
    char id[BW_ID_TEXT_LEN + 1];
    static char member[] = "status";
    bw_id_print(run, id);
    bw_buf_init(&args, 256);
    bw_value_put_map(&args, 1);
    bw_value_put_key(&args, "id");
    bw_value_put_text(&args, id);
    store.read(store.self, tenant, BW_STR("run"), bw_buf_str(&args), on_member, member);
    bw_buf_deinit(&args);
    settle();
    return bw_buf_cstr(&value);
}

/* Answers all requests of a node; how many there were. */
static size_t answer_http(size_t i)
{
    size_t count = 0;
    uint64_t handle;
    for (; bw_httpc_fake_next(nodes[i].http, 0, &handle); count++)
        bw_httpc_fake_answer(nodes[i].http, handle, &(struct bw_http_response){.status = 200},
                             NULL);
    settle();
    return count;
}

static void send_event(size_t i, const char *id)
{
    bw_engine_send_event(nodes[i].engine,
                         &(struct bw_event){.tenant = tenant,
                                            .topic = BW_STR("paid"),
                                            .key = BW_STR("I-1"),
                                            .id = bw_str_of(id),
                                            .body = bw_str("", 1)},
                         NULL, NULL);
    settle();
}

/* --- Sharing. */

static void test_a_second_node_gets_its_half_while_the_first_goes_on(void **state)
{
    (void)state;
    struct bw_id runs[40];
    up(0);
    assert_int_equal(shards(0), BW_SHARD_COUNT);
    for (size_t i = 0; i < 40; i++)
        runs[i] = start(0, "waits");
    up(1);
    assert_int_equal(shards(1), 0); /* nobody is robbed */
    advance(LEASE_MS);
    assert_int_equal(shards(0), BW_SHARD_COUNT / 2);
    assert_int_equal(shards(1), BW_SHARD_COUNT / 2);
    up(2);
    advance(LEASE_MS);
    assert_int_equal(shards(0) + shards(1) + shards(2), BW_SHARD_COUNT);
    for (size_t i = 0; i < NODES_MAX; i++)
        assert_in_range(shards(i), 20, 22);
    /* Whoever has a run now: the events reach it. */
    for (size_t i = 0; i < 40; i++) {
        char id[16];
        snprintf(id, sizeof id, "e-%zu", i);
        send_event(i % NODES_MAX, id);
    }
    advance(3000);
    for (size_t i = 0; i < 40; i++)
        assert_string_equal(status(runs[i]), "done");
}

static void test_shares_do_not_move_while_the_nodes_stay_the_same(void **state)
{
    (void)state;
    struct bw_engine_stats before, after;
    up(0);
    up(1);
    up(2);
    advance(2 * LEASE_MS);
    struct bw_id run = start(2, "sends");
    bw_engine_stats(nodes[2].engine, &before);
    advance(10 * LEASE_MS);
    bw_engine_stats(nodes[2].engine, &after);
    assert_int_equal(before.shards, after.shards);
    assert_int_equal(after.runs, 1); /* its request is still under way: nobody disturbed it */
    assert_int_equal(answer_http(2), 1);
    assert_string_equal(status(run), "done");
}

static void test_a_clean_stop_hands_over_within_one_renewal(void **state)
{
    (void)state;
    up(0);
    up(1);
    advance(LEASE_MS);
    struct bw_id run = start(1, "sends");
    stop(1);
    advance(LEASE_MS / 4);
    assert_int_equal(shards(0), BW_SHARD_COUNT);
    assert_int_equal(answer_http(0), 1);
    assert_string_equal(status(run), "done");
}

static void test_the_shards_of_a_dead_node_are_taken_over_when_its_lease_ends(void **state)
{
    (void)state;
    up(0);
    up(1);
    advance(LEASE_MS);
    struct bw_id run = start(1, "sends");
    down(1);
    advance(LEASE_MS / 2);
    assert_int_equal(shards(0), BW_SHARD_COUNT / 2);
    assert_string_equal(status(run), "open");
    advance(LEASE_MS * 3 / 4);
    assert_int_equal(shards(0), BW_SHARD_COUNT);
    assert_int_equal(answer_http(0), 1);
    assert_string_equal(status(run), "done");
}

/* Its shard was looked through before the run was there, and nobody sweeps for half a minute. */
static void test_a_run_that_a_replaced_node_still_stores_is_found_at_once(void **state)
{
    (void)state;
    up(0);
    up(1);
    advance(LEASE_MS);
    start(1, "child"); /* it knows the release: the next start is stored before anything is asked */
    nodes[1].is_paused = true;
    advance(LEASE_MS * 3 / 2);
    assert_int_equal(shards(0), BW_SHARD_COUNT);
    nodes[1].is_paused = false;
    struct bw_id run = start(1, "child");
    advance(3000);
    assert_string_equal(status(run), "done");
}

static void test_a_node_that_was_paused_beyond_its_lease_changes_nothing(void **state)
{
    (void)state;
    up(0);
    up(1);
    advance(LEASE_MS);
    struct bw_id run = start(1, "sends");
    uint64_t handle;
    assert_non_null(bw_httpc_fake_next(nodes[1].http, 0, &handle));
    nodes[1].is_paused = true;
    advance(2 * LEASE_MS);
    assert_int_equal(shards(0), BW_SHARD_COUNT);
    assert_int_equal(answer_http(0), 1); /* with the same key: see test_engine */
    assert_string_equal(status(run), "done");
    bw_httpc_fake_answer(nodes[1].http, handle, &(struct bw_http_response){.status = 500}, NULL);
    nodes[1].is_paused = false;
    advance(LEASE_MS);
    assert_string_equal(status(run), "done");
    assert_int_equal(shards(0), BW_SHARD_COUNT / 2);
    assert_int_equal(shards(1), BW_SHARD_COUNT / 2);
}

/* One pass of a node and its store, but nothing of its host: turns stay there. */
static void turn_without_host(size_t i)
{
    (void)bw_store_mem_pump(&store);
    (void)bw_engine_turn(nodes[i].engine);
}

/* Starts a run that this node has, and stops when the host, or nobody yet, has the first turn. */
static struct bw_id start_quietly(size_t i, const char *workflow)
{
    has_answer = false;
    bw_engine_start_run(nodes[i].engine,
                        &(struct bw_engine_start){.tenant = tenant,
                                                  .workflow = bw_str_of(workflow),
                                                  .started_by = BW_STR("dana")},
                        on_start, NULL);
    for (size_t k = 0; k < 10 && !has_answer; k++)
        turn_without_host(i);
    assert_true(has_answer);
    turn_without_host(i);
    turn_without_host(i);
    return started;
}

static void test_a_node_that_lost_its_shards_forgets_the_turns_it_could_not_commit(void **state)
{
    (void)state;
    struct bw_engine_stats stats;
    up(0);
    up(1);
    advance(LEASE_MS);
    start(1, "child"); /* its release is here from now on */
    struct bw_id run = start_quietly(1, "child");
    bw_engine_stats(nodes[1].engine, &stats);
    assert_int_equal(stats.executing, 1);
    nodes[1].is_paused = true;
    advance(2 * LEASE_MS);
    assert_string_equal(status(run), "done");
    nodes[1].is_paused = false; /* the host's answer becomes a batch that nobody may send */
    settle();
    assert_int_equal(shards(1), 0);
    bw_engine_stats(nodes[1].engine, &stats);
    assert_int_equal(stats.runs, 0);
    assert_true(stats.is_quiet);
}

static void test_a_paused_node_sends_nothing_that_its_successor_sends(void **state)
{
    (void)state;
    uint64_t handle;
    up(0);
    up(1);
    advance(LEASE_MS);
    start(1, "child");
    struct bw_id run = start_quietly(1, "sends");
    fake_host_pump(nodes[1].host);
    (void)bw_engine_turn(nodes[1].engine); /* sends the commit ... */
    (void)bw_store_mem_pump(&store);       /* ... which is done, but the node stops here */
    nodes[1].is_paused = true;
    assert_null(bw_httpc_fake_next(nodes[1].http, 0, &handle));
    advance(2 * LEASE_MS);
    assert_int_equal(answer_http(0), 1);
    assert_string_equal(status(run), "done");
    (void)bw_engine_turn(nodes[1].engine); /* goes on where it stopped, without asking anybody */
    assert_null(bw_httpc_fake_next(nodes[1].http, 0, &handle));
    nodes[1].is_paused = false;
    advance(LEASE_MS);
    assert_int_equal(answer_http(1), 0);
}

/* Whoever looks for the runs of a shard meets this one in memory, and leaves it alone: it must not
 * be forgotten when its old turn is thrown away. Nobody sweeps for a node that is alone. */
static void test_a_run_at_a_host_while_its_shard_came_and_went_goes_on(void **state)
{
    (void)state;
    up(0);
    up(1);
    advance(LEASE_MS);
    start(1, "child");
    struct bw_id run = start_quietly(1, "sends");
    nodes[1].is_paused = true;
    advance(LEASE_MS * 3 / 2);
    assert_int_equal(shards(0), BW_SHARD_COUNT);
    stop(0); /* and the request of this node with it */
    bw_clock_virtual_advance(&clock_virtual, LEASE_MS * BW_US_PER_MS);
    for (size_t i = 0; i < 20; i++)
        turn_without_host(1);
    assert_int_equal(shards(1), BW_SHARD_COUNT);
    nodes[1].is_paused = false;
    settle();
    assert_int_equal(answer_http(1), 1);
    assert_string_equal(status(run), "done");
}

/* Its next owner may have sent the request by then, or have been told that it never was. */
static void test_nothing_leaves_for_a_run_whose_shard_is_given_away(void **state)
{
    (void)state;
    struct bw_engine_stats stats;
    struct bw_http_header header = {BW_STR("retry-after"), BW_STR("5")};
    enum { COUNT = 120 }; /* in more than half of the shards */
    struct bw_id runs[COUNT];
    size_t own = 0, sent = 0;
    uint64_t handle;
    up(0);
    for (size_t i = 0; i < COUNT; i++)
        runs[i] = start(0, "both");
    while (bw_httpc_fake_next(nodes[0].http, 0, &handle)) {
        bw_httpc_fake_answer(
            nodes[0].http, handle,
            &(struct bw_http_response){.status = 429, .headers = &header, .header_count = 1}, NULL);
        settle();
    }
    advance(2500);
    up(1); /* it gets half of the shards with the next renewal */
    for (size_t i = 0; i < COUNT; i++) {
        char id[16];
        snprintf(id, sizeof id, "e-%zu", i);
        bw_engine_send_event(nodes[0].engine,
                             &(struct bw_event){.tenant = tenant,
                                                .topic = BW_STR("paid"),
                                                .key = BW_STR("I-1"),
                                                .id = bw_str_of(id),
                                                .body = bw_str("", 1)},
                             NULL, NULL);
    }
    for (size_t i = 0; i < 27; i++) {
        bw_clock_virtual_advance(&clock_virtual, 100 * BW_US_PER_MS);
        for (size_t k = 0; k < 5; k++)
            turn_without_host(0);
        bw_engine_stats(nodes[0].engine, &stats);
        if (i == 12) /* all have a turn at the host, and a pause under way */
            assert_int_equal(stats.executing, COUNT);
    }
    assert_int_equal(shards(0), BW_SHARD_COUNT / 2);
    for (size_t i = 0; i < COUNT; i++)
        own += bw_lease_owns(nodes[0].engine, bw_shard_of(runs[i]));
    const struct bw_http_request *request;
    for (handle = 0; (request = bw_httpc_fake_next(nodes[0].http, handle, &handle)); sent++) {
        struct bw_str key = request->headers[request->header_count - 1].value;
        struct bw_id run;
        assert_int_equal(bw_id_parse(bw_str(key.ptr, BW_ID_TEXT_LEN), &run), true);
        assert_true(bw_lease_owns(nodes[0].engine, bw_shard_of(run)));
    }
    assert_in_range(own, 1, COUNT - 1);
    assert_true(sent > 0);
}

/* --- Runs of other nodes. */

static void test_children_of_any_shard_run_and_answer(void **state)
{
    (void)state;
    struct bw_id runs[32];
    up(0);
    up(1);
    advance(LEASE_MS);
    for (size_t i = 0; i < 32; i++)
        runs[i] = start(i % 2, "parent");
    advance(3000);
    for (size_t i = 0; i < 32; i++)
        assert_string_equal(status(runs[i]), "done");
}

static void test_a_run_is_cancelled_through_any_node(void **state)
{
    (void)state;
    up(0);
    up(1);
    advance(LEASE_MS);
    struct bw_id run = start(1, "waits");
    bw_engine_cancel_run(nodes[0].engine, tenant, run, BW_STR("wrong"), BW_STR("dana"), on_done,
                         NULL);
    advance(1500);
    assert_string_equal(status(run), "cancelled");
}

static enum bw_err resume(size_t i, struct bw_id run, const char *skip, bool is_latest)
{
    struct bw_str encoded = bw_str(skip, 1);
    has_answer = false;
    bw_engine_resume_run(nodes[i].engine,
                         &(struct bw_engine_resume){.tenant = tenant,
                                                    .run = run,
                                                    .by = BW_STR("dana"),
                                                    .skip = skip ? &encoded : NULL,
                                                    .is_latest = is_latest},
                         on_done, NULL);
    settle();
    assert_true(has_answer);
    return code;
}

/* A run of node 1 that its one attempt has parked. */
static struct bw_id start_parked(void)
{
    uint64_t handle;
    struct bw_id run = start(1, "tries");
    assert_non_null(bw_httpc_fake_next(nodes[1].http, 0, &handle));
    bw_httpc_fake_answer(nodes[1].http, handle, &(struct bw_http_response){.status = 500}, NULL);
    settle();
    assert_string_equal(status(run), "parked");
    return run;
}

static void test_a_parked_run_is_resumed_through_any_node(void **state)
{
    (void)state;
    static const char NIL[] = {BW_VALUE_NIL};
    up(0);
    up(1);
    advance(LEASE_MS);
    struct bw_id run = start_parked(), skipped = start_parked();
    nodes[1].is_paused = true;
    assert_int_equal(resume(0, run, NULL, false), BW_ERR_OK);
    assert_int_equal(resume(0, run, NULL, false), BW_ERR_OK); /* twice, before the owner looks */
    nodes[1].is_paused = false;
    advance(1500);
    assert_int_equal(answer_http(1), 1); /* and still it is sent once, by its owner */
    assert_string_equal(status(run), "done");
    assert_int_equal(resume(0, run, NULL, false), BW_ERR_CONFLICT);
    assert_int_equal(resume(0, skipped, NIL, false), BW_ERR_OK);
    advance(1500);
    assert_string_equal(status(skipped), "done");
    assert_int_equal(answer_http(0) + answer_http(1), 0);
}

static void
test_a_resume_that_the_owner_has_to_refuse_is_read_and_the_run_stays_parked(void **state)
{
    (void)state;
    up(0);
    up(1);
    advance(LEASE_MS);
    struct bw_id run = start_parked();
    struct bw_release_file file = {BW_STR("workflows/child.lua"), BW_STR("-- played")};
    struct bw_release_set set = {.files = &file, .count = 1};
    bw_wire_release_hash(&file, 1, set.hash);
    store.put_release(store.self, tenant, &set, true, on_done, NULL);
    settle();
    assert_int_equal(resume(0, run, NULL, true), BW_ERR_OK); /* the latest has no such workflow */
    advance(3000);
    assert_string_equal(status(run), "parked");
    struct bw_engine_stats before, after;
    bw_engine_stats(nodes[1].engine, &before);
    advance(5000); /* and nobody tries again and again */
    bw_engine_stats(nodes[1].engine, &after);
    assert_int_equal(before.commits, after.commits);
    assert_int_equal(resume(0, run, NULL, false), BW_ERR_OK);
    advance(1500);
    assert_int_equal(answer_http(1), 1);
    assert_string_equal(status(run), "done");
}

static void test_a_node_without_shards_starts_runs_for_the_others(void **state)
{
    (void)state;
    up(0);
    up(1);
    struct bw_id run = start(1, "sends");
    assert_int_equal(shards(1), 0);
    bw_clock_virtual_advance(&clock_virtual, 1100 * BW_US_PER_MS);
    settle();
    assert_int_equal(answer_http(0), 1);
    assert_string_equal(status(run), "done");
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_a_second_node_gets_its_half_while_the_first_goes_on),
        CASE(test_shares_do_not_move_while_the_nodes_stay_the_same),
        CASE(test_a_clean_stop_hands_over_within_one_renewal),
        CASE(test_the_shards_of_a_dead_node_are_taken_over_when_its_lease_ends),
        CASE(test_a_run_that_a_replaced_node_still_stores_is_found_at_once),
        CASE(test_a_node_that_was_paused_beyond_its_lease_changes_nothing),
        CASE(test_a_node_that_lost_its_shards_forgets_the_turns_it_could_not_commit),
        CASE(test_a_paused_node_sends_nothing_that_its_successor_sends),
        CASE(test_a_run_at_a_host_while_its_shard_came_and_went_goes_on),
        CASE(test_nothing_leaves_for_a_run_whose_shard_is_given_away),
        CASE(test_children_of_any_shard_run_and_answer),
        CASE(test_a_run_is_cancelled_through_any_node),
        CASE(test_a_parked_run_is_resumed_through_any_node),
        CASE(test_a_resume_that_the_owner_has_to_refuse_is_read_and_the_run_stays_parked),
        CASE(test_a_node_without_shards_starts_runs_for_the_others),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
