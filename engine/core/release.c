/* release.c - see release.h. */
#include "core/release.h"

#include "base/assert.h"
#include "core/inside.h"

#define ACTIVE_NS BW_NS_PER_S
#define FETCH_PAUSE_US (100 * BW_US_PER_MS)

void bw_releases_init(struct bw_releases *releases)
{
    bw_list_init(&releases->all);
    bw_table_init(&releases->active);
}

void bw_releases_deinit(struct bw_releases *releases)
{
    struct bw_list *link;
    struct bw_keyed *keyed;
    while ((link = bw_list_pop_front(&releases->all))) {
        struct bw_release *release = bw_container_of(link, struct bw_release, link);
        bw_arena_deinit(&release->arena);
        bw_free(release);
    }
    for (size_t at = 0; (keyed = bw_table_next(&releases->active, &at));) {
        struct bw_active_release *active = bw_container_of(keyed, struct bw_active_release, keyed);
        while ((link = bw_list_pop_front(&active->waiters))) {
            struct bw_call *call = bw_container_of(link, struct bw_call, link);
            bw_arena_deinit(&call->arena);
            bw_free(call);
        }
        bw_free(active);
    }
    bw_table_deinit(&releases->active);
}

void bw_release_fill(struct bw_release *release, const struct bw_release_set *set)
{
    if (release->is_here)
        return;
    struct bw_release_set *copy = &release->set;
    memcpy(copy->hash, release->hash, sizeof copy->hash);
    copy->count = set->count;
    copy->files = bw_arena_alloc(&release->arena, (set->count + 1) * sizeof *copy->files);
    for (size_t i = 0; i < set->count; i++) {
        copy->files[i].name = bw_arena_copy(&release->arena, set->files[i].name);
        copy->files[i].bytes = bw_arena_copy(&release->arena, set->files[i].bytes);
    }
    release->is_here = true;
}

static void fetched(struct bw_engine *engine, struct bw_call *call);

static void fetch(struct bw_engine *engine, struct bw_release *release)
{
    struct bw_store *store = engine->config.store;
    struct bw_call *call = bw_call_open(engine, fetched);
    call->subject = release;
    release->is_loading = true;
    store->get_release(store->self, release->hash, bw_call_on_release, call);
}

static void fetch_again(struct bw_engine *engine, struct bw_timer *timer)
{
    fetch(engine, bw_container_of(timer, struct bw_release, timer));
}

/* Its files came, or will not come. */
static void fetched(struct bw_engine *engine, struct bw_call *call)
{
    struct bw_release *release = call->subject;
    if (bw_err_is_retryable(call->code)) {
        bw_timer_arm(&engine->timers_mono, &release->timer,
                     engine->now_ns / BW_NS_PER_US + FETCH_PAUSE_US);
        return;
    }
    release->is_loading = false;
    if (call->code == BW_ERR_OK)
        bw_release_fill(release, &call->release);
    struct bw_list waiters;
    bw_list_init(&waiters);
    bw_list_append_all(&waiters, &release->waiters);
    struct bw_list *link;
    while ((link = bw_list_pop_front(&waiters))) {
        struct bw_run *run = bw_container_of(link, struct bw_run, link);
        run->place = BW_RUN_NOWHERE;
        if (call->code == BW_ERR_OK)
            bw_run_settle(engine, run);
        else
            bw_engine_park(engine, run, bw_err_name(call->code),
                           "the release that the run is pinned to is not stored");
    }
}

struct bw_release *bw_release_get(struct bw_engine *engine, const uint8_t hash[BW_RELEASE_HASH_LEN])
{
    struct bw_releases *releases = &engine->releases;
    for (struct bw_list *link = releases->all.next; link != &releases->all; link = link->next) {
        struct bw_release *release = bw_container_of(link, struct bw_release, link);
        if (memcmp(release->hash, hash, BW_RELEASE_HASH_LEN) != 0)
            continue;
        bw_list_remove(link); /* the last used one is found first */
        link->next = releases->all.next;
        link->prev = &releases->all;
        releases->all.next->prev = link;
        releases->all.next = link;
        return release;
    }
    struct bw_release *release = bw_xcalloc(1, sizeof *release);
    memcpy(release->hash, hash, BW_RELEASE_HASH_LEN);
    bw_arena_init(&release->arena);
    bw_list_init(&release->waiters);
    release->timer.on_due = fetch_again;
    bw_list_push_back(&releases->all, &release->link);
    return release;
}

void bw_release_wait(struct bw_engine *engine, struct bw_release *release, struct bw_run *run)
{
    BW_ASSERT(run->place == BW_RUN_NOWHERE && !release->is_here);
    run->place = BW_RUN_IN_RELEASE;
    bw_list_push_back(&release->waiters, &run->link);
    bw_release_fetch(engine, release);
}

void bw_release_fetch(struct bw_engine *engine, struct bw_release *release)
{
    if (!release->is_here && !release->is_loading)
        fetch(engine, release);
}

bool bw_release_has_workflow(const struct bw_release *release, struct bw_str workflow)
{
    static const struct bw_str PREFIX = {"workflows/", 10}, SUFFIX = {".lua", 4};
    for (size_t i = 0; i < release->set.count; i++) {
        struct bw_str name = release->set.files[i].name;
        if (name.len != PREFIX.len + workflow.len + SUFFIX.len || !bw_str_starts(name, PREFIX))
            continue;
        struct bw_str rest = bw_str(name.ptr + PREFIX.len, name.len - PREFIX.len);
        if (bw_str_starts(rest, workflow) &&
            bw_str_eq(bw_str(rest.ptr + workflow.len, SUFFIX.len), SUFFIX))
            return true;
    }
    return false;
}

/* Most of a release are files of the library: what is left is small, and kept. */
uint8_t bw_release_put(const struct bw_engine *engine, struct bw_release *release,
                       struct bw_buf *buf)
{
    const struct bw_release_set *library = engine->config.library;
    BW_ASSERT(release->is_here);
    if (!library) {
        bw_wire_put_release(buf, &release->set);
        return BW_FRAME_RELEASE;
    }
    if (release->over.len == 0) {
        struct bw_buf over;
        bw_buf_init(&over, BW_WIRE_FRAME_BYTES_MAX);
        bw_wire_put_release_over(&over, &release->set, library);
        if (over.is_over) {
            bw_buf_deinit(&over);
            bw_wire_put_release(buf, &release->set); /* is over as well: the caller says so */
            return BW_FRAME_RELEASE;
        }
        release->over = bw_arena_copy(&release->arena, bw_buf_str(&over));
        bw_buf_deinit(&over);
    }
    bw_buf_put_str(buf, release->over);
    return BW_FRAME_RELEASE_OVER;
}

bool bw_release_is_at(const struct bw_release *release, unsigned host)
{
    return release->hosts[host / 64] >> host % 64 & 1;
}

void bw_release_set_at(struct bw_release *release, unsigned host, bool is_there)
{
    uint64_t bit = UINT64_C(1) << host % 64;
    uint64_t *word = &release->hosts[host / 64];
    *word = is_there ? *word | bit : *word & ~bit;
}

void bw_releases_forget_host(struct bw_releases *releases, unsigned host)
{
    for (struct bw_list *link = releases->all.next; link != &releases->all; link = link->next)
        bw_release_set_at(bw_container_of(link, struct bw_release, link), host, false);
}

static struct bw_active_release *active_find(const struct bw_engine *engine, struct bw_id tenant)
{
    struct bw_keyed *keyed = bw_table_find(&engine->releases.active, tenant);
    return keyed ? bw_container_of(keyed, struct bw_active_release, keyed) : NULL;
}

const uint8_t *bw_release_active(const struct bw_engine *engine, struct bw_id tenant)
{
    const struct bw_active_release *active = active_find(engine, tenant);
    bool is_fresh = active && bw_clock_mono(engine->config.clock).ns < active->until_ns;
    return is_fresh ? active->hash : NULL;
}

static void ask_active(struct bw_engine *engine, struct bw_active_release *active);

static void active_answered(struct bw_engine *engine, struct bw_call *question)
{
    struct bw_active_release *active = active_find(engine, question->tenant);
    struct bw_list *link;
    if (active->is_changed) {
        ask_active(engine, active);
        return;
    }
    if (question->code == BW_ERR_OK) {
        struct bw_release *release = bw_release_get(engine, question->release.hash);
        if (question->release.count > 0)
            bw_release_fill(release, &question->release);
        if (!release->is_here) { /* its files too: who asked wants to know its workflows */
            struct bw_store *store = engine->config.store;
            bw_call_again(question, active_answered);
            store->get_release(store->self, release->hash, bw_call_on_release, question);
            return;
        }
        memcpy(active->hash, release->hash, BW_RELEASE_HASH_LEN);
        active->until_ns = bw_clock_mono(engine->config.clock).ns + ACTIVE_NS;
    }
    active->is_asked = false;
    while ((link = bw_list_pop_front(&active->waiters))) {
        struct bw_call *call = bw_container_of(link, struct bw_call, link);
        memcpy(call->release.hash, active->hash, BW_RELEASE_HASH_LEN);
        bw_call_post(call, question->code, question->text);
    }
}

/* A thousand starts must not ask a thousand times. */
static void ask_active(struct bw_engine *engine, struct bw_active_release *active)
{
    struct bw_store *store = engine->config.store;
    struct bw_call *question = bw_call_open(engine, active_answered);
    question->tenant = active->keyed.id;
    active->is_asked = true;
    active->is_changed = false;
    store->active_release(store->self, active->keyed.id, false, bw_call_on_release, question);
}

void bw_release_ask_active(struct bw_engine *engine, struct bw_id tenant, struct bw_call *call)
{
    struct bw_active_release *active = active_find(engine, tenant);
    if (!active) {
        active = bw_xcalloc(1, sizeof *active);
        active->keyed.id = tenant;
        bw_list_init(&active->waiters);
        bw_table_put(&engine->releases.active, &active->keyed);
    }
    bw_list_remove(&call->link);
    bw_list_push_back(&active->waiters, &call->link);
    if (!active->is_asked)
        ask_active(engine, active);
}

void bw_release_drop_active(struct bw_engine *engine, struct bw_id tenant)
{
    struct bw_active_release *active = active_find(engine, tenant);
    if (!active)
        return;
    active->until_ns = 0;
    active->is_changed = active->is_asked;
}
