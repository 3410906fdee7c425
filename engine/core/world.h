/* world.h - a whole engine in one process without a world outside: `billow test` and the simulator.
 *
 * Offers:  a real engine over store_mem, virtual clock, in-process host and fake HTTP, pumped until
 *          nothing moves; time that jumps; outside acts (start, answer, event, HTTP and database
 *          answers); crashes at will.
 * Relies on: core/engine.h, store/store_mem.h, core/host_inproc.h, core/httpc_fake.h.
 *
 * As one function over values, for Lua: core/world_call.h.
 *
 * Every function that acts settles the world before it returns: what could happen by itself has
 * happened.
 */
#ifndef BW_CORE_WORLD_H
#define BW_CORE_WORLD_H

#include "core/engine.h"
#include "core/httpc_fake.h"
#include "store/store_mem.h"

struct bw_world;

struct bw_world_options {
    int64_t now_us; /* the world begins at this moment */
    uint64_t seed;  /* of all randomness */
    struct bw_engine_limits limits;
};

struct bw_world *bw_world_create(const struct bw_world_options *options);
void bw_world_destroy(struct bw_world *world); /* NULL is fine */

/* Until nothing moves. INTERNAL when it does not come to rest: two runs that wake each other for
 * ever. */
BW_MUST_USE enum bw_err bw_world_settle(struct bw_world *world, struct bw_error *error);
/* From due moment to due moment, settled at each. */
BW_MUST_USE enum bw_err bw_world_advance(struct bw_world *world, int64_t us,
                                         struct bw_error *error);
int64_t bw_world_now_us(const struct bw_world *world);
struct bw_id bw_world_tenant(const struct bw_world *world);

/* The engine's memory, every VM and every request under way are gone; a new engine starts over the
 * same store. */
BW_MUST_USE enum bw_err bw_world_crash(struct bw_world *world, struct bw_error *error);
/* The same, but it stays down for so long. */
BW_MUST_USE enum bw_err bw_world_outage(struct bw_world *world, int64_t us, struct bw_error *error);
/* From now on the engine crashes after every committed turn: a replay at every journal position. */
void bw_world_set_crash_each(struct bw_world *world, bool is_on, uint64_t stride, uint64_t offset);
uint64_t bw_world_crashes(const struct bw_world *world);

/* Outside acts. Values are encoded (codec/value.h). */
BW_MUST_USE enum bw_err bw_world_start(struct bw_world *world, const struct bw_engine_start *start,
                                       struct bw_id *run, bool *is_new,
                                       struct bw_error *error); /* the tenant is filled in */
BW_MUST_USE enum bw_err bw_world_send_event(struct bw_world *world, const struct bw_event *event,
                                            struct bw_error *error);
BW_MUST_USE enum bw_err bw_world_answer_task(struct bw_world *world, struct bw_id task,
                                             struct bw_str answer, struct bw_error *error);
BW_MUST_USE enum bw_err bw_world_cancel(struct bw_world *world, struct bw_id run,
                                        struct bw_str reason, struct bw_str by,
                                        struct bw_error *error);
BW_MUST_USE enum bw_err bw_world_resume(struct bw_world *world,
                                        const struct bw_engine_resume *resume,
                                        struct bw_error *error); /* the tenant is filled in */
/* `verb`: "set" (with spec and by), "pause", "resume", "delete". */
BW_MUST_USE enum bw_err bw_world_schedule(struct bw_world *world, struct bw_str verb,
                                          struct bw_str name, struct bw_str spec, struct bw_str by,
                                          struct bw_error *error);
/* bw_engine_schedule_times; the array is appended to `out`. */
BW_MUST_USE enum bw_err bw_world_schedule_times(struct bw_world *world, struct bw_str name,
                                                struct bw_str spec, size_t count,
                                                struct bw_buf *out, struct bw_error *error);
/* `files` sorted by name. */
BW_MUST_USE enum bw_err bw_world_put_release(struct bw_world *world,
                                             const struct bw_release_file *files, size_t count,
                                             uint8_t hash[BW_RELEASE_HASH_LEN],
                                             struct bw_error *error);
/* Reads and writes of the store, as in store.h; the answer is appended to `out`. */
BW_MUST_USE enum bw_err bw_world_read(struct bw_world *world, struct bw_str what,
                                      struct bw_str args, struct bw_buf *out,
                                      struct bw_error *error);
BW_MUST_USE enum bw_err bw_world_write(struct bw_world *world, struct bw_str what,
                                       struct bw_str args, struct bw_error *error);

/* What the engine asks of the world outside, until somebody answers. */
struct bw_httpc_fake *bw_world_http(struct bw_world *world); /* answer, then settle */
const struct bw_mem_request *bw_world_db_next(struct bw_world *world,
                                              uint64_t after); /* NULL: none with an id over it */
/* One of the two is empty. NOT_FOUND when no such request waits. */
BW_MUST_USE enum bw_err bw_world_db_answer(struct bw_world *world, uint64_t id, struct bw_str value,
                                           struct bw_str failure, struct bw_error *error);

/* What scripts logged since it was asked last: appends an encoded array of {logs, run}. */
void bw_world_take_logs(struct bw_world *world, struct bw_buf *out);
struct bw_engine *bw_world_engine(struct bw_world *world); /* until the next crash */
struct bw_store *bw_world_store(struct bw_world *world);

#endif
