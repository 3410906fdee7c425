/* fixture.c - see fixture.h. tidy: long because each call of the store has its waiting twin. */
#include "support/store/fixture.h"

#include "base/mem.h"
#include "io/loop.h"
#include "io/pgc.h"
#include "io/pgserver.h"
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

static struct bw_pgserver *server;
static char admin_conninfo[1024];
static char engine_conninfo[1100];
static char state_dir[300];
static bool is_migrated;

/* --- The database ---------------------------------------------------------------------------- */

struct sql_call {
    bool is_done;
    char text[4096];
};

static void on_sql(void *ud, const struct bw_pg_outcome *outcome)
{
    struct sql_call *call = ud;
    call->is_done = true;
    if (outcome->status != BW_PG_DONE) {
        snprintf(call->text, sizeof call->text, "%s", outcome->error.text);
        print_error("%s\n", call->text);
    } else if (bw_pg_rows(outcome->results[0]) > 0) {
        struct bw_str bytes = bw_pg_bytes(outcome->results[0], 0, 0);
        snprintf(call->text, sizeof call->text, "%.*s", BW_STR_ARG(bytes));
    }
}

/* On a loop of its own, so that what is under way elsewhere stands still. */
struct fixture_session {
    struct bw_loop *loop;
    struct bw_pgc *pgc;
    struct sql_call call;
};

static struct fixture_session *session_open(const char *conninfo)
{
    struct fixture_session *session = bw_xcalloc(1, sizeof *session);
    session->loop = bw_loop_create();
    session->pgc = bw_pgc_create(
        bw_loop_uv(session->loop),
        &(struct bw_pgc_options){.conninfo = conninfo, .purpose = "test", .is_plain = true});
    return session;
}

struct fixture_session *fixture_session_open(void)
{
    return session_open(fixture_admin_conninfo());
}

const char *fixture_session_run(struct fixture_session *session, const char *sql)
{
    struct bw_pgc_unit *unit = bw_pgc_unit_make();
    struct bw_pg_statement statement = {NULL, sql, 0};
    session->call = (struct sql_call){0};
    bw_pgc_unit_add(unit, &statement);
    unit->is_simple = true;
    bw_pgc_send(session->pgc, unit, on_sql, &session->call);
    while (!session->call.is_done)
        bw_loop_step(session->loop);
    return session->call.text;
}

void fixture_session_close(struct fixture_session *session)
{
    bw_pgc_close(session->pgc, NULL, NULL);
    bw_loop_destroy(session->loop);
    bw_free(session);
}

static const char *run_sql(const char *conninfo, const char *sql)
{
    static char text[4096];
    struct fixture_session *session = session_open(conninfo);
    snprintf(text, sizeof text, "%s", fixture_session_run(session, sql));
    fixture_session_close(session);
    return text;
}

static void nothing(void *ud)
{
    (void)ud;
}

void fixture_send(struct store_fixture *fixture)
{
    for (int i = 0; i < 2; i++) {
        bw_loop_defer(fixture->loop, nothing, NULL); /* so that the iteration does not wait */
        bw_loop_step(fixture->loop);
    }
}

static bool is_pg_socket(int fd)
{
    struct sockaddr_un peer = {0};
    socklen_t len = sizeof peer;
    return getpeername(fd, (struct sockaddr *)&peer, &len) == 0 && peer.sun_family == AF_UNIX &&
           strstr(peer.sun_path, ".s.PGSQL.");
}

void fixture_mark(struct store_fixture *fixture)
{
    for (int fd = 3; fd < FIXTURE_FDS; fd++)
        fixture->is_marked[fd] = is_pg_socket(fd);
}

void fixture_cut(struct store_fixture *fixture)
{
    for (int fd = 3; fd < FIXTURE_FDS; fd++) {
        char bytes[4096];
        if (!fixture->is_marked[fd] || !is_pg_socket(fd))
            continue;
        while (recv(fd, bytes, sizeof bytes, MSG_DONTWAIT) > 0)
            ;
        shutdown(fd, SHUT_RDWR);
    }
}

const char *fixture_sql(struct store_fixture *fixture, const char *sql)
{
    (void)fixture;
    return run_sql(fixture_admin_conninfo(), sql);
}

static void use_given(const char *given)
{
    char sql[200];
    char name[64];
    snprintf(name, sizeof name, "billow_test_%ld", (long)getpid());
    snprintf(sql, sizeof sql, "CREATE DATABASE %s", name);
    run_sql(given, sql);
    snprintf(admin_conninfo, sizeof admin_conninfo, "%s dbname=%s", given, name);
    snprintf(engine_conninfo, sizeof engine_conninfo, "%s", admin_conninfo);
}

static void use_private(void)
{
    struct bw_error error;
    const char *base = getenv("BW_BINARY_DIR");
    snprintf(state_dir, sizeof state_dir, "%.250s/tests/pg-%ld", base ? base : "/tmp",
             (long)getpid());
    enum bw_err code =
        bw_pgserver_open(&(struct bw_pgserver_options){.state_dir = state_dir}, &server, &error);
    if (code != BW_ERR_OK) {
        print_error("no PostgreSQL to test with: %s\n", error.text);
        exit(TEST_SKIPPED);
    }
    snprintf(admin_conninfo, sizeof admin_conninfo, "%s", bw_pgserver_conninfo(server));
    snprintf(engine_conninfo, sizeof engine_conninfo, "%s user=billow_engine", admin_conninfo);
}

const char *fixture_admin_conninfo(void)
{
    const char *given = getenv("BW_TEST_PG");
    if (!admin_conninfo[0] && given && *given)
        use_given(given);
    else if (!admin_conninfo[0])
        use_private();
    return admin_conninfo;
}

const char *fixture_engine_conninfo(void)
{
    fixture_admin_conninfo();
    return engine_conninfo;
}

int fixture_stop_pg(void **state)
{
    (void)state;
    struct bw_error error;
    char command[700];
    if (server)
        assert_ok(bw_pgserver_close(server, true, &error), &error);
    server = NULL;
    const char *given = getenv("BW_TEST_PG");
    if (admin_conninfo[0] && given && *given) {
        snprintf(command, sizeof command, "DROP DATABASE billow_test_%ld WITH (FORCE)",
                 (long)getpid());
        run_sql(given, command);
    }
    if (state_dir[0]) {
        snprintf(command, sizeof command, "rm -rf \"$(readlink -f '%s/pg')\" '%s'", state_dir,
                 state_dir);
        assert_int_equal(system(command), 0);
    }
    admin_conninfo[0] = state_dir[0] = '\0';
    return 0;
}

void fixture_restart_pg(void)
{
    struct bw_error error;
    if (!server)
        skip();
    assert_ok(bw_pgserver_close(server, true, &error), &error);
    server = NULL;
    assert_ok(
        bw_pgserver_open(&(struct bw_pgserver_options){.state_dir = state_dir}, &server, &error),
        &error);
}

/* --- Life ------------------------------------------------------------------------------------ */

static struct bw_stamp now_utc(void *self)
{
    return (struct bw_stamp){((struct store_fixture *)self)->now_us};
}

static struct bw_instant now_mono(void *self)
{
    return (struct bw_instant){((struct store_fixture *)self)->now_us * BW_NS_PER_US};
}

static void on_mail(void *ud, struct bw_id tenant, struct bw_id run)
{
    struct store_fixture *fixture = ud;
    if (bw_id_eq(tenant, fixture->tenant) && fixture->mail_count < 256)
        fixture->mail[fixture->mail_count++] = run;
}

static void on_done(void *ud, const struct bw_error *error)
{
    struct store_fixture *fixture = ud;
    fixture->is_done = true;
    fixture->error = *error;
}

static enum bw_err wait_done(struct store_fixture *fixture)
{
    fixture_until(fixture, &fixture->is_done);
    return fixture->error.code;
}

static void call_begins(struct store_fixture *fixture)
{
    fixture->is_done = false;
    fixture->error = (struct bw_error){.code = BW_ERR_INTERNAL};
}

static struct store_fixture *fixture_make(enum fixture_kind kind)
{
    struct store_fixture *fixture = bw_xcalloc(1, sizeof *fixture);
    fixture->kind = kind;
    fixture->now_us = FIXTURE_NOW_US;
    fixture->clock = (struct bw_clock){now_mono, now_utc, fixture};
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now); /* one database for many tests: ids must not come again */
    bw_rng_seed(&fixture->rng,
                (uint64_t)now.tv_nsec ^ (uint64_t)now.tv_sec << 30 ^ (uint64_t)getpid());
    bw_buf_init(&fixture->value, 64u << 20);
    bw_arena_init(&fixture->arena);
    fixture->tenant = fixture_id(fixture);
    return fixture;
}

static void fixture_ready(struct store_fixture *fixture)
{
    char name[BW_ID_TEXT_LEN + 1];
    bw_id_print(fixture->tenant, name);
    fixture->store.set_on_mail(fixture->store.self, on_mail, fixture);
    call_begins(fixture);
    fixture->store.put_tenant(fixture->store.self, fixture->tenant, bw_str_of(name), on_done,
                              fixture);
    assert_ok(wait_done(fixture), &fixture->error);
    fixture->shards = BW_SHARDS_ALL;
    if (fixture->kind == FIXTURE_PG) /* nodes of the tests before, in the same database */
        (void)fixture_sql(fixture, "DELETE FROM billow.node");
    assert_int_equal(fixture_lease(fixture, "test", 60000, true), BW_ERR_OK);
    assert_int_equal(fixture->lease_count, BW_SHARD_COUNT);
}

int fixture_mem(void **state)
{
    struct store_fixture *fixture = fixture_make(FIXTURE_MEM);
    *state = fixture;
    bw_store_mem_open(&fixture->store, &fixture->clock);
    fixture_ready(fixture);
    return 0;
}

static void on_test_notice(void *ud, const char *text)
{
    (void)ud;
    print_message("notice: %s\n", text);
}

static void open_pg(struct store_fixture *fixture, const char *conninfo)
{
    bw_store_pg_open(&fixture->store,
                     &(struct bw_store_pg_options){.loop = bw_loop_uv(fixture->loop),
                                                   .conninfo = conninfo,
                                                   .clock = &fixture->clock,
                                                   .query_timeout_ms = 2000,
                                                   .on_notice = on_test_notice});
}

void fixture_set_flag(void *ud)
{
    *(bool *)ud = true;
}

static void close_store(struct store_fixture *fixture)
{
    bool is_closed = false;
    fixture->store.close(fixture->store.self, fixture_set_flag, &is_closed);
    fixture_until(fixture, &is_closed);
}

int fixture_pg(void **state)
{
    struct store_fixture *fixture = fixture_make(FIXTURE_PG);
    *state = fixture;
    fixture->loop = bw_loop_create();
    if (!is_migrated) {
        open_pg(fixture, fixture_admin_conninfo());
        assert_ok(fixture_migrate(fixture), &fixture->error);
        close_store(fixture);
        is_migrated = true;
    }
    open_pg(fixture, fixture_engine_conninfo());
    fixture_ready(fixture);
    return 0;
}

int fixture_close(void **state)
{
    struct store_fixture *fixture = *state;
    close_store(fixture);
    if (fixture->loop)
        bw_loop_destroy(fixture->loop);
    bw_buf_deinit(&fixture->value);
    bw_arena_deinit(&fixture->arena);
    bw_free(fixture);
    return 0;
}

/* The world of the memory store: a statement called "fail" divides by zero, every other one gives
 * one row {n = 1}. */
static bool play(struct store_fixture *fixture)
{
    struct bw_mem_request request;
    if (!bw_store_mem_next_request(&fixture->store, &request))
        return false;
    struct bw_value items = bw_value_read(request.statements);
    struct bw_str rest = items.items;
    struct bw_value item;
    struct bw_buf results;
    bw_buf_init(&results, 1u << 20);
    bool fails = false;
    size_t count = request.kind == BW_MEM_QUERY ? 1 : items.count;
    if (request.kind == BW_MEM_TRANSACTION)
        bw_value_put_arr(&results, count);
    for (size_t i = 0; i < count; i++) {
        if (request.kind == BW_MEM_TRANSACTION) {
            assert_true(bw_value_next(&rest, &item));
            fails =
                fails || bw_str_eq(bw_value_get_str(&item, "name", BW_STR_NONE), BW_STR("fail"));
        }
        bw_value_put_arr(&results, 1);
        bw_value_put_map(&results, 1);
        bw_value_put_key(&results, "n");
        bw_value_put_int(&results, 1);
    }
    if (fails)
        bw_store_mem_answer_error(
            &fixture->store, request.id,
            fixture_value(fixture, "{\"code\":\"INVALID\",\"detail\":{\"sqlstate\":\"22012\","
                                   "\"statement\":\"fail\"},\"is_retryable\":false,"
                                   "\"text\":\"fail: division by zero\"}"));
    else
        bw_store_mem_answer(&fixture->store, request.id, bw_buf_str(&results));
    bw_buf_deinit(&results);
    return true;
}

void fixture_until(struct store_fixture *fixture, const bool *flag)
{
    time_t deadline = time(NULL) + 30;
    while (!*flag) {
        if (fixture->kind == FIXTURE_PG) {
            bw_loop_step(fixture->loop);
        } else {
            bw_store_mem_pump(&fixture->store);
            if (fixture->store.self)
                play(fixture);
        }
        if (time(NULL) > deadline)
            fail_msg("nothing happened for 30 s");
    }
}

static void on_rest(void *ud, const struct bw_error *error, struct bw_str value)
{
    (void)error;
    (void)value;
    *(bool *)ud = true;
}

void fixture_rest(struct store_fixture *fixture)
{
    for (int i = 0; i < 3; i++) {
        bool is_done = false;
        fixture->store.read(fixture->store.self, fixture->tenant, BW_STR("series"), BW_STR_NONE,
                            on_rest, &is_done);
        fixture_until(fixture, &is_done);
    }
}

/* --- Builders -------------------------------------------------------------------------------- */

struct bw_id fixture_id(struct store_fixture *fixture)
{
    struct bw_entropy entropy = bw_rng_entropy(&fixture->rng);
    return bw_id_make((struct bw_stamp){fixture->now_us++}, &entropy);
}

struct bw_str fixture_value(struct store_fixture *fixture, const char *json)
{
    struct bw_error error;
    struct bw_buf value;
    bw_buf_init(&value, 64u << 20);
    assert_ok(bw_value_from_json(&value, bw_str_of(json), &error), &error);
    struct bw_str copy = bw_arena_copy(&fixture->arena, bw_buf_str(&value));
    bw_buf_deinit(&value);
    return copy;
}

const char *fixture_json(struct store_fixture *fixture, struct bw_str value)
{
    struct bw_buf json;
    bw_buf_init(&json, 64u << 20);
    bw_value_to_json(&json, value, BW_JSON_DECIMAL_NUMBERS);
    const char *text = bw_arena_cstr(&fixture->arena, bw_buf_str(&json));
    bw_buf_deinit(&json);
    return text;
}

struct bw_run_row fixture_row(struct store_fixture *fixture, const char *workflow, const char *key)
{
    struct bw_run_row row = {.tenant = fixture->tenant,
                             .id = fixture_id(fixture),
                             .release = {1, 2, 3},
                             .workflow = bw_str_of(workflow),
                             .key = bw_str_of(key),
                             .status = BW_RUN_OPEN,
                             .wake = BW_WAKE_READY,
                             .is_active = true,
                             .input = fixture_value(fixture, "{\"contract\":\"C-1\"}"),
                             .started_by = BW_STR("dana"),
                             .created_at_us = fixture->now_us};
    row.shard = (uint32_t)(bw_id_hash(row.id) % BW_SHARD_COUNT);
    return row;
}

struct bw_turn_commit fixture_turn(struct store_fixture *fixture, struct bw_id run, uint64_t head,
                                   const char *turn)
{
    uint32_t shard = (uint32_t)(bw_id_hash(run) % BW_SHARD_COUNT);
    return (struct bw_turn_commit){.batch = fixture_id(fixture),
                                   .tenant = fixture->tenant,
                                   .run = run,
                                   .shard = shard,
                                   .epoch = fixture->epochs[shard],
                                   .expected_head = head,
                                   .turn = bw_str_of(turn),
                                   .at_us = fixture->now_us,
                                   .status = BW_RUN_OPEN,
                                   .wake = BW_WAKE_EVENT,
                                   .last_seq = head + 1};
}

/* --- Calls ----------------------------------------------------------------------------------- */

static void on_start(void *ud, const struct bw_error *error, struct bw_id run, bool is_new)
{
    struct store_fixture *fixture = ud;
    fixture->id = run;
    fixture->is_new = is_new;
    on_done(ud, error);
}

void fixture_start_begin(struct store_fixture *fixture, const struct bw_run_row *row)
{
    call_begins(fixture);
    fixture->store.start_run(fixture->store.self, row, on_start, fixture);
}

enum bw_err fixture_start_row(struct store_fixture *fixture, const struct bw_run_row *row)
{
    fixture_start_begin(fixture, row);
    return wait_done(fixture);
}

struct bw_id fixture_start(struct store_fixture *fixture, const char *key)
{
    struct bw_run_row row = fixture_row(fixture, "tm", key);
    assert_ok(fixture_start_row(fixture, &row), &fixture->error);
    return fixture->id;
}

static void on_commit(void *ud, const struct bw_commit_result *results, size_t count)
{
    struct store_fixture *fixture = ud;
    assert_true(count <= 64);
    memcpy(fixture->results, results, count * sizeof *results);
    fixture->result_count = count;
    fixture->is_done = true;
}

void fixture_commit_begin(struct store_fixture *fixture, const struct bw_turn_commit *commits,
                          size_t count)
{
    call_begins(fixture);
    fixture->store.commit(fixture->store.self, commits, count, on_commit, fixture);
    assert_false(fixture->is_done); /* never from inside the call */
}

void fixture_commit_all(struct store_fixture *fixture, const struct bw_turn_commit *commits,
                        size_t count)
{
    fixture_commit_begin(fixture, commits, count);
    fixture_until(fixture, &fixture->is_done);
    assert_int_equal(fixture->result_count, count);
}

enum bw_commit_status fixture_commit(struct store_fixture *fixture,
                                     const struct bw_turn_commit *commit)
{
    fixture_commit_all(fixture, commit, 1);
    fixture->error = fixture->results[0].error;
    return fixture->results[0].status;
}

static struct bw_str keep(struct store_fixture *fixture, struct bw_str text)
{
    return bw_arena_copy(&fixture->arena, text);
}

static void on_load(void *ud, const struct bw_error *error, const struct bw_loaded_run *run)
{
    struct store_fixture *fixture = ud;
    on_done(ud, error);
    fixture->loaded = (struct bw_loaded_run){0};
    if (!run)
        return;
    struct bw_loaded_run *loaded = &fixture->loaded;
    *loaded = *run;
    loaded->row.workflow = keep(fixture, run->row.workflow);
    loaded->row.key = keep(fixture, run->row.key);
    loaded->row.input = keep(fixture, run->row.input);
    loaded->row.state = keep(fixture, run->row.state);
    loaded->row.result = keep(fixture, run->row.result);
    loaded->row.error = keep(fixture, run->row.error);
    loaded->row.started_by = keep(fixture, run->row.started_by);
    loaded->turns = bw_arena_calloc(&fixture->arena, run->turn_count + 1, sizeof *loaded->turns);
    loaded->messages =
        bw_arena_calloc(&fixture->arena, run->message_count + 1, sizeof *loaded->messages);
    for (size_t i = 0; i < run->turn_count; i++)
        loaded->turns[i] = keep(fixture, run->turns[i]);
    for (size_t i = 0; i < run->message_count; i++) {
        loaded->messages[i] = run->messages[i];
        loaded->messages[i].key = keep(fixture, run->messages[i].key);
        loaded->messages[i].value = keep(fixture, run->messages[i].value);
    }
}

enum bw_err fixture_load(struct store_fixture *fixture, struct bw_id run)
{
    call_begins(fixture);
    fixture->store.load(fixture->store.self, fixture->tenant, run, on_load, fixture);
    return wait_done(fixture);
}

enum bw_err fixture_load_mail(struct store_fixture *fixture, struct bw_id run)
{
    call_begins(fixture);
    fixture->store.load_mail(fixture->store.self, fixture->tenant, run, on_load, fixture);
    return wait_done(fixture);
}

const char *fixture_unread(struct store_fixture *fixture, const char *key)
{
    for (size_t i = 0; i < fixture->loaded.message_count; i++) {
        if (bw_str_eq(fixture->loaded.messages[i].key, bw_str_of(key)))
            return fixture_json(fixture, fixture->loaded.messages[i].value);
    }
    return NULL;
}

enum bw_err fixture_message(struct store_fixture *fixture, struct bw_id run, const char *key,
                            const char *json)
{
    call_begins(fixture);
    struct bw_message message = {.tenant = fixture->tenant,
                                 .run = run,
                                 .key = bw_str_of(key),
                                 .kind = BW_MESSAGE_OUTCOME,
                                 .seq = 1,
                                 .value = fixture_value(fixture, json)};
    fixture->store.put_message(fixture->store.self, &message, on_done, fixture);
    return wait_done(fixture);
}

enum bw_err fixture_event(struct store_fixture *fixture, const char *topic, const char *key,
                          const char *id, const char *json)
{
    call_begins(fixture);
    struct bw_event event = {.tenant = fixture->tenant,
                             .topic = bw_str_of(topic),
                             .key = bw_str_of(key),
                             .id = bw_str_of(id),
                             .body = fixture_value(fixture, json)};
    fixture->store.put_event(fixture->store.self, &event, on_done, fixture);
    return wait_done(fixture);
}

enum bw_err fixture_answer(struct store_fixture *fixture, struct bw_id task, const char *json)
{
    call_begins(fixture);
    fixture->store.answer_task(fixture->store.self, fixture->tenant, task,
                               fixture_value(fixture, json), on_done, fixture);
    return wait_done(fixture);
}

static void on_lease(void *ud, const struct bw_error *error, const struct bw_leases *leases)
{
    struct store_fixture *fixture = ud;
    fixture->lease_count = leases->count;
    fixture->node_count = leases->node_count;
    for (size_t i = 0; i < leases->count; i++) {
        fixture->leases[i] = leases->items[i];
        fixture->epochs[leases->items[i].shard] = leases->items[i].epoch;
    }
    on_done(ud, error);
}

enum bw_err fixture_lease_held(struct store_fixture *fixture, const char *node, int64_t lease_ms,
                               bw_shards held)
{
    call_begins(fixture);
    fixture->store.lease(
        fixture->store.self,
        &(struct bw_lease_wish){.node = bw_str_of(node), .ms = lease_ms, .held = held}, on_lease,
        fixture);
    return wait_done(fixture);
}

enum bw_err fixture_lease(struct store_fixture *fixture, const char *node, int64_t lease_ms,
                          bool take_over)
{
    call_begins(fixture);
    fixture->store.lease(
        fixture->store.self,
        &(struct bw_lease_wish){.node = bw_str_of(node), .ms = lease_ms, .take_over = take_over},
        on_lease, fixture);
    return wait_done(fixture);
}

enum bw_err fixture_lease_spared(struct store_fixture *fixture, const char *node, bw_shards spared)
{
    call_begins(fixture);
    struct bw_lease_wish wish = {.node = bw_str_of(node), .ms = 60000, .spared = spared};
    fixture->store.lease(fixture->store.self, &wish, on_lease, fixture);
    return wait_done(fixture);
}

enum bw_err fixture_give_back(struct store_fixture *fixture, const char *node, bw_shards shards)
{
    call_begins(fixture);
    fixture->store.release_leases(fixture->store.self, bw_str_of(node), shards, on_done, fixture);
    return wait_done(fixture);
}

static void on_scan(void *ud, const struct bw_error *error, const struct bw_run_ref *refs,
                    size_t count)
{
    struct store_fixture *fixture = ud;
    fixture->ref_count = 0;
    for (size_t i = 0; i < count; i++) {
        /* Other tests of the program left their runs in the same database. */
        if (bw_id_eq(refs[i].tenant, fixture->tenant) && fixture->ref_count < 256)
            fixture->refs[fixture->ref_count++] = refs[i];
    }
    on_done(ud, error);
}

enum bw_err fixture_scan(struct store_fixture *fixture, enum bw_scan what, int64_t limit_us,
                         size_t count_max)
{
    call_begins(fixture);
    fixture->store.scan(fixture->store.self, what, fixture->shards, limit_us, count_max, on_scan,
                        fixture);
    return wait_done(fixture);
}

static void on_value(void *ud, const struct bw_error *error, struct bw_str value)
{
    struct store_fixture *fixture = ud;
    bw_buf_clear(&fixture->value);
    bw_buf_put_str(&fixture->value, value);
    on_done(ud, error);
}

enum bw_err fixture_read(struct store_fixture *fixture, const char *what, const char *json)
{
    call_begins(fixture);
    fixture->store.read(fixture->store.self, fixture->tenant, bw_str_of(what),
                        fixture_value(fixture, json), on_value, fixture);
    return wait_done(fixture);
}

enum bw_err fixture_query(struct store_fixture *fixture, const char *sql, const char *params)
{
    call_begins(fixture);
    fixture->store.query(fixture->store.self, fixture->tenant, BW_STR("test.query"), bw_str_of(sql),
                         fixture_value(fixture, params), on_value, fixture);
    return wait_done(fixture);
}

enum bw_err fixture_settings(struct store_fixture *fixture, const char *json)
{
    call_begins(fixture);
    fixture->store.settings(fixture->store.self, fixture->tenant, fixture_value(fixture, json),
                            on_value, fixture);
    return wait_done(fixture);
}

enum bw_err fixture_write(struct store_fixture *fixture, const char *what, const char *json)
{
    call_begins(fixture);
    fixture->store.write(fixture->store.self, fixture->tenant, bw_str_of(what),
                         fixture_value(fixture, json), on_done, fixture);
    return wait_done(fixture);
}

static void on_release(void *ud, const struct bw_error *error, const struct bw_release_set *release)
{
    struct store_fixture *fixture = ud;
    fixture->release = (struct bw_release_set){0};
    if (release) {
        fixture->release = *release;
        fixture->release.files =
            bw_arena_calloc(&fixture->arena, release->count, sizeof *release->files);
        for (size_t i = 0; i < release->count; i++) {
            fixture->release.files[i].name = keep(fixture, release->files[i].name);
            fixture->release.files[i].bytes = keep(fixture, release->files[i].bytes);
        }
    }
    on_done(ud, error);
}

enum bw_err fixture_release(struct store_fixture *fixture, const uint8_t *hash)
{
    call_begins(fixture);
    if (hash)
        fixture->store.get_release(fixture->store.self, hash, on_release, fixture);
    else
        fixture->store.active_release(fixture->store.self, fixture->tenant, true, on_release,
                                      fixture);
    return wait_done(fixture);
}

enum bw_err fixture_active_hash(struct store_fixture *fixture)
{
    call_begins(fixture);
    fixture->store.active_release(fixture->store.self, fixture->tenant, false, on_release, fixture);
    return wait_done(fixture);
}

enum bw_err fixture_put_release(struct store_fixture *fixture, const struct bw_release_set *set,
                                bool activate)
{
    call_begins(fixture);
    fixture->store.put_release(fixture->store.self, fixture->tenant, set, activate, on_done,
                               fixture);
    return wait_done(fixture);
}

enum bw_err fixture_migrate(struct store_fixture *fixture)
{
    call_begins(fixture);
    fixture->store.migrate(fixture->store.self, on_done, fixture);
    return wait_done(fixture);
}

bool fixture_has_mail(const struct store_fixture *fixture, struct bw_id run)
{
    for (size_t i = 0; i < fixture->mail_count; i++) {
        if (bw_id_eq(fixture->mail[i], run))
            return true;
    }
    return false;
}
