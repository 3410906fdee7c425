/* harness.h - an engine with everything around it fake, pumped by hand: store_mem, virtual clock,
 * fake host, fake HTTP.
 *
 * Offers:  build, settle (pump until nothing moves), advance time, crash, and reading what the
 * store holds. Relies on: support/core/fake_host.h, store/store_mem.h, core/.
 */
#ifndef BW_TESTS_SUPPORT_HARNESS_H
#define BW_TESTS_SUPPORT_HARNESS_H

#include "core/clock_virtual.h"
#include "core/engine.h"
#include "core/httpc_fake.h"
#include "support/core/fake_host.h"

#define HARNESS_HOSTS_MAX 4
#define HARNESS_NOW_US INT64_C(1790000000000000)

struct harness {
    struct bw_clock_virtual clock;
    struct bw_rng rng;
    struct bw_entropy entropy;
    struct bw_store store;
    struct fake_host *host; /* the first one */
    struct fake_host *fakes[HARNESS_HOSTS_MAX];
    struct bw_host *hosts[HARNESS_HOSTS_MAX];
    unsigned check_share;    /* kept by init, too */
    int64_t restored_at_us;  /* of the next engine */
    struct fake_host *check; /* plays recorded runs again */
    size_t host_count;       /* 0 before init: one; like limits, it is kept by init */
    struct bw_httpc_fake *http;
    struct bw_engine *engine;
    struct bw_engine_limits limits;
    struct bw_id tenant;
    uint8_t release[BW_RELEASE_HASH_LEN];
    const char *node;
    size_t history_logs; /* how often an operator was told of a long history */
    size_t patience;     /* so many pumps without work are rest; more when the store is slow */
    /* The last answer of a verb. */
    enum bw_err code;
    char text[512];
    bool has_answer;
    struct bw_id run;
    bool is_new;
    struct bw_buf value; /* of the last read */
};

void harness_init(struct harness *harness, const struct fake_program *programs, size_t count);
void harness_deinit(struct harness *harness);
void harness_settle(struct harness *harness);
void harness_advance(struct harness *harness,
                     int64_t ms); /* in steps from due moment to due moment, settled */
void harness_crash(
    struct harness *harness); /* engine and host memory are gone; started again, settled */
/* Only the engine's side: calls in flight are orphaned, a new engine starts over the same store. */

struct bw_id harness_start(struct harness *harness, const char *workflow); /* settled */
struct bw_id harness_start_keyed(struct harness *harness, const char *workflow, const char *key);
void harness_event(struct harness *harness, const char *topic, const char *key, const char *id,
                   const char *json);
void harness_answer(struct harness *harness, struct bw_id task, const char *json);
void harness_cancel(struct harness *harness, struct bw_id run);
void harness_resume(struct harness *harness, struct bw_id run, const char *skip_json);
void harness_resume_latest(struct harness *harness, struct bw_id run);
/* Another release with these workflows becomes the active one; the host plays the programs. */
void harness_activate(struct harness *harness, const struct fake_program *programs, size_t count,
                      const char *bytes);

/* Makes another tenant, with this release active: harness->tenant from now on. */
void harness_add_tenant(struct harness *harness, const char *name,
                        const struct fake_program *programs, size_t count);

/* What the store says; `what` as in store.h. The text is JSON, valid until the next call. */
const char *harness_read(struct harness *harness, const char *what, struct bw_id run);
/* status of the run: "open", "done", ... */
const char *harness_status(struct harness *harness, struct bw_id run);
/* "result" or "error" or another member of the run's map, as JSON. */
const char *harness_member(struct harness *harness, struct bw_id run, const char *member);
#define assert_status(harness, run, expected)                                                      \
    assert_string_equal(harness_status((harness), (run)), (expected))

/* Answers the oldest request with this status and body; false when there is none. Settled. */
bool harness_http(struct harness *harness, int status, const char *body);
bool harness_http_fails(struct harness *harness, enum bw_err code);

struct bw_engine_stats harness_stats(struct harness *harness);

#endif
