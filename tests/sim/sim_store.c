/* sim_store.c - what one node sees of the store: the same rows as the others, through a connection
 * that may be slow, refuse, or break at the worst moment.
 *
 * A commit is copied and held: it may reach the store late, even after its node died or lost its
 * shards, in two parts with the world between them (a serialization failure halves a group), or
 * never, and its answer may come late or not be believed. What is read may be old when it arrives.
 */
#include "sim.h"

#include "base/assert.h"
#include "store/mem_store.h"

#include <string.h>

/* A commit on its way. */
struct held {
    struct bw_list link;
    struct sim_node *node;
    struct bw_arena arena;
    struct bw_turn_commit *commits;
    struct bw_commit_result *results;
    size_t count;
    size_t at; /* the first so many are performed */
    size_t to; /* up to here goes the part that the store has */
    bw_commit_fn done;
    void *ud;
    uint64_t due_step;
    bool is_sent;     /* the store has it, or its next part */
    bool is_unsent;   /* the connection is gone before: nothing of it is performed */
    bool is_answered; /* and said what became of it */
    bool is_orphan;   /* its node is gone */
    bool is_local;    /* leaves only when its node runs */
};

/* What was read, on its way: rows of the past when it arrives. */
struct late {
    struct bw_list link;
    struct sim_node *node;
    struct bw_arena arena;
    struct bw_loaded_run loaded;
    struct bw_error error;
    bw_load_fn done;
    void *ud;
    uint64_t due_step;
};

/* A call by which clients speak: its answer may be lost. */
struct door {
    struct sim_node *node;
    bw_done_fn done;
    bw_start_fn start;
    void *ud;
};

static struct bw_store *base(void *self)
{
    return &((struct sim_node *)self)->sim->store;
}

/* --- Leases. */

static void node_lease(void *self, const struct bw_lease_wish *wish, bw_lease_fn done, void *ud)
{
    base(self)->lease(base(self)->self, wish, done, ud);
}

static void node_release_leases(void *self, struct bw_str name, bw_shards shards, bw_done_fn done,
                                void *ud)
{
    base(self)->release_leases(base(self)->self, name, shards, done, ud);
}

/* --- Commits. */

static bool disk_is_full(const struct sim *sim)
{
    return !sim->is_calm && sim->clock.utc.us < sim->disk_full_until_us;
}

static void held_free(struct held *held)
{
    bw_list_remove(&held->link);
    bw_arena_deinit(&held->arena);
    bw_free(held);
}

static void held_answer(struct held *held)
{
    struct sim *sim = held->node->sim;
    if (held->is_orphan)
        sim_mark(sim, SIM_COMMIT_ORPHANED);
    for (size_t i = 0; i < held->count && !held->is_orphan; i++) {
        if (held->results[i].status == BW_COMMIT_DONE)
            sim_standby_acked(sim, held->node, &held->commits[i]);
    }
    held->done(held->ud, held->results, held->count);
    held_free(held);
}

/* No row may be written under an epoch that is not the shard's, or upon another head. */
static void check_result(struct sim *sim, const struct bw_turn_commit *commit,
                         const struct bw_commit_result *result)
{
    const struct mem_store *store = sim->store.self;
    char id[BW_ID_TEXT_LEN + 1];
    bw_id_print(commit->run, id);
    switch (result->status) {
    case BW_COMMIT_DONE:
        if (store->shards[commit->shard].epoch != commit->epoch)
            sim_fail(sim,
                     "J3: a turn of %s was committed under epoch %lld of shard %u, which is %lld",
                     id, (long long)commit->epoch, commit->shard,
                     (long long)store->shards[commit->shard].epoch);
        break;
    case BW_COMMIT_CONFLICT:
        sim_mark(sim, SIM_COMMIT_CONFLICT);
        break;
    case BW_COMMIT_FENCED:
        sim_mark(sim, SIM_COMMIT_FENCED);
        break;
    case BW_COMMIT_REFUSED:
        sim_fail(sim, "the store refused a turn of %s: %s", id, result->error.text);
    }
}

static void hold(struct held *held)
{
    held->due_step = held->node->sim->step + 1 + sim_draw(held->node->sim, 60);
}

static void deny(struct held *held, size_t count)
{
    for (size_t i = 0; i < count; i++)
        held->results[i].status = BW_COMMIT_CONFLICT;
}

static void on_commit(void *ud, const struct bw_commit_result *results, size_t count)
{
    struct held *held = ud;
    struct sim *sim = held->node->sim;
    BW_ASSERT(count == held->to - held->at);
    sim->speaker = held->node;
    memcpy(held->results + held->at, results, count * sizeof *results);
    for (size_t i = 0; i < count; i++)
        check_result(sim, &held->commits[held->at + i], &results[i]);
    held->at = held->to;
    if (held->at < held->count) { /* the other half comes later, whatever happens meanwhile */
        held->is_sent = false;
        hold(held);
        return;
    }
    held->is_answered = true;
    if (sim_trouble(sim, 20)) {
        sim_mark(sim, SIM_COMMIT_DENIED);
        deny(held, held->count);
    }
    if (sim_trouble(sim, 150)) {
        sim_mark(sim, SIM_COMMIT_SLOW_ANSWER);
        hold(held);
        return;
    }
    held_answer(held);
}

static void held_send(struct held *held)
{
    struct sim *sim = held->node->sim;
    struct bw_store *store = &sim->store;
    held->is_sent = true;
    held->to = held->count;
    if (held->count - held->at > 1 && sim_trouble(sim, 100)) {
        sim_mark(sim, SIM_COMMIT_SPLIT);
        held->to = held->at + (held->count - held->at) / 2;
    }
    store->commit(store->self, held->commits + held->at, held->to - held->at, on_commit, held);
}

static void node_commit(void *self, const struct bw_turn_commit *commits, size_t count,
                        bw_commit_fn done, void *ud)
{
    struct sim_node *node = self;
    struct sim *sim = node->sim;
    struct held *held = bw_xcalloc(1, sizeof *held);
    bw_arena_init(&held->arena);
    bw_list_init(&held->link);
    bw_list_push_back(&sim->held, &held->link);
    held->node = node;
    held->count = count;
    held->done = done;
    held->ud = ud;
    held->commits = bw_arena_calloc(&held->arena, count + 1, sizeof *held->commits);
    for (size_t i = 0; i < count; i++)
        bw_copy_commit(&held->arena, &commits[i], &held->commits[i]);
    held->results = bw_arena_calloc(&held->arena, count + 1, sizeof *held->results);
    if (sim_trouble(sim, 20)) {
        sim_mark(sim, SIM_COMMIT_UNSENT);
        held->is_unsent = true;
        deny(held, held->count);
        hold(held);
    } else if (sim_trouble(sim, 150) || disk_is_full(sim)) {
        sim_mark(sim, SIM_COMMIT_HELD);
        hold(held);
        held->is_local = sim_chance(sim, 50);
    } else {
        held_send(held);
    }
}

/* What had not left the process is lost; what had may still arrive. */
void sim_store_forget(struct sim *sim, const struct sim_node *node)
{
    BW_LIST_EACH(&sim->held, link) {
        struct held *held = bw_container_of(link, struct held, link);
        if (held->node != node || held->is_orphan)
            continue;
        held->is_orphan = true;
        if (held->is_sent || (!held->is_local && sim_chance(sim, 50)))
            continue;
        sim_mark(sim, SIM_COMMIT_LOST);
        deny(held, held->count);
        held->done(held->ud, held->results, held->count); /* finds nobody; frees the call */
        held_free(held);
    }
}

/* Answers that had not arrived do not arrive any more; turns that were not committed yet are not
 * sent to the next server. */
void sim_store_break(struct sim *sim)
{
    BW_LIST_EACH(&sim->held, link) {
        struct held *held = bw_container_of(link, struct held, link);
        if (!held->is_sent)
            held->is_unsent = true;
        deny(held, held->is_sent && !held->is_answered ? held->at : held->count);
    }
    BW_LIST_EACH(&sim->late, link) {
        struct late *late = bw_container_of(link, struct late, link);
        bw_fail(&late->error, BW_ERR_UNAVAILABLE, "the server is gone");
    }
}

/* --- The door. */

static struct door *door_make(void *self, bw_done_fn done, bw_start_fn start, void *ud)
{
    struct door *door = bw_xcalloc(1, sizeof *door);
    *door = (struct door){.node = self, .done = done, .start = start, .ud = ud};
    return door;
}

/* Done, but nobody learns it. */
static bool is_answer_lost(struct sim *sim, const struct bw_error *error)
{
    if (error->code != BW_ERR_OK || !sim_trouble(sim, 60))
        return false;
    sim_mark(sim, SIM_STORE_ANSWER_LOST);
    return true;
}

static void door_done(void *ud, const struct bw_error *error)
{
    struct door door = *(struct door *)ud;
    struct bw_error lost;
    struct sim *sim = door.node->sim;
    bw_free(ud);
    sim->speaker = door.node;
    bw_fail(&lost, BW_ERR_UNAVAILABLE, "the connection broke before the answer came");
    door.done(door.ud, is_answer_lost(sim, error) ? &lost : error);
}

static void door_start(void *ud, const struct bw_error *error, struct bw_id run, bool is_new)
{
    struct door door = *(struct door *)ud;
    struct bw_error lost;
    struct sim *sim = door.node->sim;
    bw_free(ud);
    sim->speaker = door.node;
    bw_fail(&lost, BW_ERR_UNAVAILABLE, "the connection broke before the answer came");
    if (is_answer_lost(sim, error))
        door.start(door.ud, &lost, (struct bw_id){{0}}, false);
    else
        door.start(door.ud, error, run, is_new);
}

static void node_start_run(void *self, const struct bw_run_row *row, bw_start_fn done, void *ud)
{
    base(self)->start_run(base(self)->self, row, door_start, door_make(self, NULL, done, ud));
}

static void node_put_message(void *self, const struct bw_message *message, bw_done_fn done,
                             void *ud)
{
    base(self)->put_message(base(self)->self, message, door_done, door_make(self, done, NULL, ud));
}

static void node_put_event(void *self, const struct bw_event *event, bw_done_fn done, void *ud)
{
    base(self)->put_event(base(self)->self, event, door_done, door_make(self, done, NULL, ud));
}

static void node_answer_task(void *self, struct bw_id tenant, struct bw_id task,
                             struct bw_str answer, bw_done_fn done, void *ud)
{
    base(self)->answer_task(base(self)->self, tenant, task, answer, door_done,
                            door_make(self, done, NULL, ud));
}

/* --- Schedules. */

static void node_due_schedules(void *self, bw_shards shards, int64_t now_us, size_t count_max,
                               bw_schedules_fn done, void *ud)
{
    base(self)->due_schedules(base(self)->self, shards, now_us, count_max, done, ud);
}

static void fired(void *ud, const struct bw_error *error, struct bw_id run, bool is_new)
{
    struct sim *sim = ((struct door *)ud)->node->sim;
    uint64_t lost = sim->marks[SIM_STORE_ANSWER_LOST];
    door_start(ud, error, run, is_new);
    if (sim->marks[SIM_STORE_ANSWER_LOST] > lost)
        sim_mark(sim, SIM_FIRING_LOST);
}

static void node_fire_schedule(void *self, const struct bw_schedule_fire *fire, bw_start_fn done,
                               void *ud)
{
    base(self)->fire_schedule(base(self)->self, fire, fired, door_make(self, NULL, done, ud));
}

/* --- Reads. */

static void copy_loaded(struct bw_arena *arena, const struct bw_loaded_run *from,
                        struct bw_loaded_run *to)
{
    *to = *from;
    struct bw_str *strings[] = {&to->row.workflow,  &to->row.key,   &to->row.input,
                                &to->row.state,     &to->row.error, &to->row.result,
                                &to->row.started_by};
    for (size_t i = 0; i < sizeof strings / sizeof *strings; i++)
        *strings[i] = bw_arena_copy(arena, *strings[i]);
    to->turns = bw_arena_calloc(arena, from->turn_count + 1, sizeof *to->turns);
    for (size_t i = 0; i < from->turn_count; i++)
        to->turns[i] = bw_arena_copy(arena, from->turns[i]);
    to->messages = bw_arena_calloc(arena, from->message_count + 1, sizeof *to->messages);
    for (size_t i = 0; i < from->message_count; i++)
        bw_copy_message(arena, &from->messages[i], &to->messages[i]);
}

static void late_answer(struct late *late)
{
    late->node->sim->speaker = late->node;
    late->done(late->ud, &late->error, late->error.code == BW_ERR_OK ? &late->loaded : NULL);
    bw_list_remove(&late->link);
    bw_arena_deinit(&late->arena);
    bw_free(late);
}

static void on_load(void *ud, const struct bw_error *error, const struct bw_loaded_run *loaded)
{
    struct late *late = ud;
    struct sim *sim = late->node->sim;
    late->error = *error;
    if (loaded)
        copy_loaded(&late->arena, loaded, &late->loaded);
    if (!sim_trouble(sim, 60)) {
        late_answer(late);
        return;
    }
    sim_mark(sim, SIM_LOAD_STALE);
    late->due_step = sim->step + 1 + sim_draw(sim, 60);
    bw_list_push_back(&sim->late, &late->link);
}

static struct late *late_make(void *self, bw_load_fn done, void *ud)
{
    struct late *late = bw_xcalloc(1, sizeof *late);
    bw_arena_init(&late->arena);
    bw_list_init(&late->link);
    late->node = self;
    late->done = done;
    late->ud = ud;
    return late;
}

static void node_load(void *self, struct bw_id tenant, struct bw_id run, bw_load_fn done, void *ud)
{
    base(self)->load(base(self)->self, tenant, run, on_load, late_make(self, done, ud));
}

static void node_load_mail(void *self, struct bw_id tenant, struct bw_id run, bw_load_fn done,
                           void *ud)
{
    base(self)->load_mail(base(self)->self, tenant, run, on_load, late_make(self, done, ud));
}

static void late_step(struct sim *sim)
{
    BW_LIST_EACH(&sim->late, link) {
        struct late *late = bw_container_of(link, struct late, link);
        if (late->due_step <= sim->step || sim->is_calm)
            late_answer(late);
    }
}

static void node_scan(void *self, enum bw_scan what, bw_shards shards, int64_t limit_us,
                      size_t count_max, bw_scan_fn done, void *ud)
{
    base(self)->scan(base(self)->self, what, shards, limit_us, count_max, done, ud);
}

static void node_query(void *self, struct bw_id tenant, struct bw_str name, struct bw_str sql,
                       struct bw_str params, bw_value_fn done, void *ud)
{
    base(self)->query(base(self)->self, tenant, name, sql, params, done, ud);
}

static void node_read(void *self, struct bw_id tenant, struct bw_str what, struct bw_str args,
                      bw_value_fn done, void *ud)
{
    base(self)->read(base(self)->self, tenant, what, args, done, ud);
}

static void node_settings(void *self, struct bw_id tenant, struct bw_str args, bw_value_fn done,
                          void *ud)
{
    base(self)->settings(base(self)->self, tenant, args, done, ud);
}

static void node_get_release(void *self, const uint8_t hash[BW_RELEASE_HASH_LEN],
                             bw_release_fn done, void *ud)
{
    base(self)->get_release(base(self)->self, hash, done, ud);
}

static void node_active_release(void *self, struct bw_id tenant, bool has_files, bw_release_fn done,
                                void *ud)
{
    base(self)->active_release(base(self)->self, tenant, has_files, done, ud);
}

static void node_write(void *self, struct bw_id tenant, struct bw_str what, struct bw_str args,
                       bw_done_fn done, void *ud)
{
    base(self)->write(base(self)->self, tenant, what, args, done, ud);
}

static void node_check_turns(void *self, const struct bw_turn_ref *turns, size_t count,
                             bw_missing_fn done, void *ud)
{
    base(self)->check_turns(base(self)->self, turns, count, done, ud);
}

static void node_set_on_failover(void *self, bw_failover_fn on_failover, void *ud)
{
    struct sim_node *node = self;
    node->on_failover = on_failover;
    node->on_failover_ud = ud;
}

static void node_set_on_mail(void *self, bw_mail_fn on_mail, void *ud)
{
    struct sim_node *node = self;
    node->on_mail = on_mail;
    node->on_mail_ud = ud;
}

void sim_store_open(struct sim_node *node)
{
    node->store = (struct bw_store){
        .self = node,
        .lease = node_lease,
        .release_leases = node_release_leases,
        .commit = node_commit,
        .lanes = 1,
        .start_run = node_start_run,
        .put_message = node_put_message,
        .put_event = node_put_event,
        .answer_task = node_answer_task,
        .load = node_load,
        .load_mail = node_load_mail,
        .scan = node_scan,
        .query = node_query,
        .read = node_read,
        .settings = node_settings,
        .get_release = node_get_release,
        .active_release = node_active_release,
        .due_schedules = node_due_schedules,
        .fire_schedule = node_fire_schedule,
        .write = node_write,
        .check_turns = node_check_turns,
        .set_on_mail = node_set_on_mail,
        .set_on_failover = node_set_on_failover,
    };
}

/* --- For all nodes. */

/* Whoever caused it hears it; for the others it is a hint that may be lost. */
static void on_mail(void *ud, struct bw_id tenant, struct bw_id run)
{
    struct sim *sim = ud;
    for (size_t i = 0; i < sim->node_count; i++) {
        struct sim_node *node = &sim->nodes[i];
        if (!node->is_up || !node->on_mail)
            continue;
        if (node != sim->speaker && sim_trouble(sim, 300)) {
            sim_mark(sim, SIM_MAIL_LOST);
            continue;
        }
        node->on_mail(node->on_mail_ud, tenant, run);
    }
}

/* A session does not outlive its server: each node learns it before any other answer. */
static void on_failover(void *ud, int64_t from, int64_t to)
{
    struct sim *sim = ud;
    for (size_t i = 0; i < sim->node_count; i++) {
        struct sim_node *node = &sim->nodes[i];
        if (!node->is_up || !node->on_failover)
            continue;
        node->falls++;
        if (node->is_stopped) {
            node->missed_from = node->missed_from ? node->missed_from : from;
            node->missed_to = to;
        } else {
            node->on_failover(node->on_failover_ud, from, to);
        }
    }
}

void sim_store_step(struct sim *sim)
{
    late_step(sim);
    BW_LIST_EACH(&sim->held, link) {
        struct held *held = bw_container_of(link, struct held, link);
        bool is_frozen = held->is_local && held->node->is_stopped && !held->is_orphan;
        if (is_frozen || (held->due_step > sim->step && !sim->is_calm))
            continue;
        if (held->is_unsent)
            held_answer(held);
        else if (!held->is_sent && disk_is_full(sim))
            hold(held); /* the store waits, and tries again */
        else if (!held->is_sent)
            held_send(held);
        else if (held->is_answered)
            held_answer(held);
    }
}

static bool may_refuse(const char *what)
{
    static const char *const WHATS[] = {
        "lease",         "start_run",     "put_message", "put_event",
        "answer_task",   "load",          "load_mail",   "scan",
        "query",         "read",          "get_release", "active_release",
        "due_schedules", "fire_schedule", "check_turns", "write"};
    for (size_t i = 0; i < sizeof WHATS / sizeof *WHATS; i++) {
        if (strcmp(WHATS[i], what) == 0)
            return true;
    }
    return false;
}

static enum bw_mem_fault on_call(void *ud, const char *what)
{
    struct sim *sim = ud;
    bool is_write = strcmp(what, "lease") == 0 || strcmp(what, "start_run") == 0 ||
                    strncmp(what, "put_", 4) == 0 || strcmp(what, "answer_task") == 0 ||
                    strcmp(what, "fire_schedule") == 0 || strcmp(what, "write") == 0;
    if (is_write && disk_is_full(sim)) {
        sim_mark(sim, SIM_DISK_FULL);
        return BW_MEM_FAIL;
    }
    if (sim_trouble(sim, 40)) {
        sim_mark(sim, SIM_STORE_SLOW);
        return BW_MEM_DELAY;
    }
    if (may_refuse(what) && sim_trouble(sim, 40)) {
        sim_mark(sim, SIM_STORE_REFUSED);
        return BW_MEM_FAIL;
    }
    return BW_MEM_GO;
}

void sim_store_init(struct sim *sim)
{
    bw_list_init(&sim->held);
    bw_list_init(&sim->late);
    sim->store.set_on_mail(sim->store.self, on_mail, sim);
    sim->store.set_on_failover(sim->store.self, on_failover, sim);
    bw_store_mem_set_fault(&sim->store, on_call, sim);
}
