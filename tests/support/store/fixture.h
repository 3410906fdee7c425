/* fixture.h - a store under test, either one, and calls that wait for their answer.
 *
 * Offers:  struct store_fixture (memory or PostgreSQL), builders of rows, calls by name that run
 * the loop or the pump until the callback came. Relies on: store/, io/pgserver.h: a private
 * PostgreSQL in the build folder, one for each test program, ended at exit; or BW_TEST_PG
 * (connection keywords; the tests make a database of their own there).
 */
#ifndef BW_TESTS_SUPPORT_STORE_FIXTURE_H
#define BW_TESTS_SUPPORT_STORE_FIXTURE_H

#include "support/test.h"

#include "base/buf.h"
#include "base/clock.h"
#include "store/store_mem.h"
#include "store/store_pg.h"

#define FIXTURE_NOW_US INT64_C(1793469600000000) /* 2026-10-31T18:00:00Z */

#define FIXTURE_FDS 256

struct bw_loop;

enum fixture_kind { FIXTURE_MEM, FIXTURE_PG };

struct store_fixture {
    enum fixture_kind kind;
    struct bw_store store;
    struct bw_loop *loop; /* PG */
    struct bw_clock clock;
    int64_t now_us;
    struct bw_rng rng;
    struct bw_id tenant; /* a fresh one for each test */
    int64_t epochs[BW_SHARD_COUNT];
    bw_shards shards; /* those that scans look at: all, unless a test says otherwise */

    /* What the last call brought. */
    bool is_done;
    struct bw_error error;
    struct bw_id id;
    bool is_new;
    struct bw_commit_result results[64];
    size_t result_count;
    struct bw_shard_lease leases[BW_SHARD_COUNT];
    size_t lease_count;
    size_t node_count;
    struct bw_run_ref refs[256];
    size_t ref_count;
    struct bw_buf value; /* of reads and queries */
    struct bw_arena arena;
    struct bw_loaded_run loaded; /* in the arena */
    struct bw_release_set release;

    bool is_marked[FIXTURE_FDS]; /* connections to cut */

    struct bw_id mail[256]; /* runs that were reported, since the last fixture_mail_clear */
    size_t mail_count;
};

/* For cmocka: setup and teardown of a test; the state is a struct store_fixture. */
int fixture_mem(void **state);
int fixture_pg(void **state);
int fixture_close(void **state);
/* Ends the private PostgreSQL; for the group's teardown. */
int fixture_stop_pg(void **state);
/* The connection of the tests' database, as its administrator and as the engine's role. */
const char *fixture_admin_conninfo(void);
const char *fixture_engine_conninfo(void);
void fixture_restart_pg(void); /* "fast": sessions are ended, the server comes again */
/* Runs statements as the administrator and returns the first column of the last one's first row. */
const char *fixture_sql(struct store_fixture *fixture, const char *sql);

/* A session of the administrator that stays open, so that a test can hold a lock. */
struct fixture_session;
struct fixture_session *fixture_session_open(void);
const char *fixture_session_run(struct fixture_session *session, const char *sql);
void fixture_session_close(struct fixture_session *session);
/* Sends what is due without waiting for an answer. */
void fixture_send(struct store_fixture *fixture);
/* Remembers the connections that are open now; later cuts them, and what the server had answered is
 * lost on the way. */
void fixture_mark(struct store_fixture *fixture);
void fixture_cut(struct store_fixture *fixture);

/* Lets things happen until the flag is set; fails the test after 30 s of them. */
void fixture_until(struct store_fixture *fixture, const bool *flag);
void fixture_set_flag(void *ud); /* a callback: `ud` is a bool *, which becomes true */
/* Lets what is under way come to rest (a few turns). */
void fixture_rest(struct store_fixture *fixture);

/* --- Builders. */
struct bw_id fixture_id(struct store_fixture *fixture);
struct bw_run_row fixture_row(struct store_fixture *fixture, const char *workflow, const char *key);
/* The next turn of a run: expects `head`, waits for an event. */
struct bw_turn_commit fixture_turn(struct store_fixture *fixture, struct bw_id run, uint64_t head,
                                   const char *turn);
/* Values from JSON; in the fixture's arena. */
struct bw_str fixture_value(struct store_fixture *fixture, const char *json);
/* The last value (of a read, a query) as JSON. */
const char *fixture_json(struct store_fixture *fixture, struct bw_str value);

/* --- Calls. Each returns the error's code and leaves what came in the fixture. */
struct bw_id fixture_start(struct store_fixture *fixture, const char *key);
void fixture_start_begin(struct store_fixture *fixture,
                         const struct bw_run_row *row); /* wait for is_done */
enum bw_err fixture_start_row(struct store_fixture *fixture, const struct bw_run_row *row);
enum bw_commit_status fixture_commit(struct store_fixture *fixture,
                                     const struct bw_turn_commit *commit);
void fixture_commit_all(struct store_fixture *fixture, const struct bw_turn_commit *commits,
                        size_t count);
void fixture_commit_begin(struct store_fixture *fixture, const struct bw_turn_commit *commits,
                          size_t count);
enum bw_err fixture_load(struct store_fixture *fixture, struct bw_id run);
enum bw_err fixture_load_mail(struct store_fixture *fixture, struct bw_id run);
enum bw_err fixture_message(struct store_fixture *fixture, struct bw_id run, const char *key,
                            const char *json);
enum bw_err fixture_event(struct store_fixture *fixture, const char *topic, const char *key,
                          const char *id, const char *json);
enum bw_err fixture_answer(struct store_fixture *fixture, struct bw_id task, const char *json);
enum bw_err fixture_lease(struct store_fixture *fixture, const char *node, int64_t lease_ms,
                          bool take_over);
/* As a process that has these shards already. */
enum bw_err fixture_lease_held(struct store_fixture *fixture, const char *node, int64_t lease_ms,
                               bw_shards held);
enum bw_err fixture_lease_spared(struct store_fixture *fixture, const char *node, bw_shards spared);
enum bw_err fixture_give_back(struct store_fixture *fixture, const char *node, bw_shards shards);
enum bw_err fixture_scan(struct store_fixture *fixture, enum bw_scan what, int64_t limit_us,
                         size_t count_max);
enum bw_err fixture_read(struct store_fixture *fixture, const char *what, const char *json);
enum bw_err fixture_query(struct store_fixture *fixture, const char *sql, const char *params);
enum bw_err fixture_settings(struct store_fixture *fixture, const char *json);
enum bw_err fixture_write(struct store_fixture *fixture, const char *what, const char *json);
enum bw_err fixture_active_hash(struct store_fixture *fixture); /* the active one, without files */
enum bw_err fixture_release(struct store_fixture *fixture,
                            const uint8_t *hash); /* NULL: the active one */
enum bw_err fixture_put_release(struct store_fixture *fixture, const struct bw_release_set *set,
                                bool activate);
enum bw_err fixture_migrate(struct store_fixture *fixture);

/* The unread message of the loaded run with this key, as JSON; NULL when there is none. */
const char *fixture_unread(struct store_fixture *fixture, const char *key);
bool fixture_has_mail(const struct store_fixture *fixture, struct bw_id run);

#endif
