#include "lua/hostlet.h"
#include "base/map.h"
#include "codec/wire.h"
#include "lua/budget.h"
#include "lua/vm.h"

#define RELEASES_MAX                                                                               \
    32 /* more: the one not used for longest goes; the engine is told NO_RELEASE and sends it      \
          again */

struct resident {
    struct bw_vm *vm;
    uint8_t release[BW_RELEASE_HASH_LEN];
    uint64_t frame; /* number of the last frame that woke it */
    bool is_over;   /* closed when the frame's answer is written */
};

struct kept_release {
    struct bw_release *release;
    uint64_t used_in; /* frame number */
};

struct bw_hostlet {
    struct bw_map residents;                    /* run id -> struct resident */
    const struct bw_release_set *library_files; /* NULL: there is no library */
    struct bw_release *library;
    struct kept_release releases[RELEASES_MAX];
    size_t release_count;
    uint64_t frame;                   /* counts frames */
    bw_hostlet_results_fn on_results; /* may be NULL */
    void *on_results_ud;
};

struct bw_hostlet *bw_hostlet_create(void)
{
    struct bw_hostlet *hostlet = bw_xcalloc(1, sizeof *hostlet);

    bw_map_init(&hostlet->residents);
    return hostlet;
}

struct bw_hostlet *bw_hostlet_create_over(const struct bw_release_set *files,
                                          struct bw_release *library)
{
    struct bw_hostlet *hostlet = bw_hostlet_create();

    hostlet->library_files = files;
    hostlet->library = library;
    return hostlet;
}

void bw_hostlet_set_on_results(struct bw_hostlet *hostlet, bw_hostlet_results_fn fn, void *ud)
{
    hostlet->on_results = fn;
    hostlet->on_results_ud = ud;
}

static void close_resident(struct resident *resident)
{
    if (!resident)
        return;
    bw_vm_destroy(resident->vm);
    bw_free(resident);
}

void bw_hostlet_destroy(struct bw_hostlet *hostlet)
{
    size_t at = 0;
    void *value;

    if (!hostlet)
        return;
    while (bw_map_next(&hostlet->residents, &at, NULL, &value))
        close_resident(value);
    bw_map_deinit(&hostlet->residents);
    for (size_t i = 0; i < hostlet->release_count; i++)
        bw_release_drop(hostlet->releases[i].release);
    bw_free(hostlet);
}

/* --- releases */

static struct bw_release *find_release(struct bw_hostlet *hostlet, const uint8_t *hash)
{
    for (size_t i = 0; i < hostlet->release_count; i++) {
        struct kept_release *kept = &hostlet->releases[i];
        if (memcmp(bw_release_hash(kept->release), hash, BW_RELEASE_HASH_LEN) == 0) {
            kept->used_in = hostlet->frame;
            return kept->release;
        }
    }
    return NULL;
}

static void keep_release(struct bw_hostlet *hostlet, const struct bw_release_set *set)
{
    size_t place = hostlet->release_count;

    if (find_release(hostlet, set->hash))
        return;
    if (place == RELEASES_MAX) {
        place = 0;
        for (size_t i = 1; i < RELEASES_MAX; i++) {
            if (hostlet->releases[i].used_in < hostlet->releases[place].used_in)
                place = i;
        }
        bw_release_drop(hostlet->releases[place].release); /* runs that use it keep it */
    } else {
        hostlet->release_count++;
    }
    hostlet->releases[place] = (struct kept_release){
        .release = bw_release_create_over(set, hostlet->library), .used_in = hostlet->frame};
}

static enum bw_err take_release(struct bw_hostlet *hostlet, uint8_t type, struct bw_str payload,
                                struct bw_arena *arena, struct bw_error *error)
{
    struct bw_release_set set;
    enum bw_err err;

    if (type == BW_FRAME_RELEASE)
        err = bw_wire_get_release(payload, arena, &set, error);
    else if (hostlet->library_files)
        err = bw_wire_get_release_over(payload, hostlet->library_files, arena, &set, error);
    else
        err = bw_fail(error, BW_ERR_CORRUPT, "this host has no library for releases to lie over");
    if (err == BW_ERR_OK)
        keep_release(hostlet, &set);
    return err;
}

/* --- wakes */

/* Values made here, for results that have no VM; freed with the frame. */
static struct bw_str failure_value(struct bw_arena *arena, const char *code, const char *text)
{
    struct bw_buf buf;
    struct bw_str value;

    bw_buf_init(&buf, 2 * BW_ERROR_TEXT_MAX);
    bw_value_put_map(&buf, 2);
    bw_value_put_key(&buf, "code");
    bw_value_put_text(&buf, code);
    bw_value_put_key(&buf, "text");
    bw_value_put_text(&buf, text);
    value = bw_arena_copy(arena, bw_buf_str(&buf));
    bw_buf_deinit(&buf);
    return value;
}

/* Makes a VM and plays the journal. NULL when it does not come to stand before the wake's turn;
 * then `result` is filled, and may borrow from `*ended`, which the caller closes after the answer
 * is written. */
static struct bw_vm *replay(struct bw_release *release, const struct bw_wake *wake,
                            struct bw_arena *arena, struct bw_turn_result *result,
                            struct bw_vm **ended)
{
    struct bw_vm_options options = {.run = wake->run,
                                    .tenant = wake->tenant,
                                    .workflow = wake->workflow,
                                    .release = release,
                                    .steps_max = wake->steps_max,
                                    .memory_bytes_max = wake->memory_bytes_max,
                                    .wall_us_max = wake->wall_us_max};
    uint64_t first = wake->turn - wake->replay_count; /* number of the first row */
    struct bw_error error;
    struct bw_vm *vm = bw_vm_create(&options, &error);

    if (!vm) {
        result->status = BW_TURN_MEMORY;
        return NULL;
    }
    for (size_t i = 0; i < wake->replay_count; i++) {
        struct bw_turn_record record;
        if (bw_wire_get_turn(wake->replay[i], arena, &record, &error) != BW_ERR_OK) {
            result->status = BW_TURN_FAILED;
            result->value = failure_value(arena, "CORRUPT", error.text);
            bw_vm_destroy(vm);
            return NULL;
        }
        bw_budget_look();
        bw_vm_replay(vm, first + i, &record, result);
        if (result->status != BW_TURN_WAITING) {
            *ended = vm;
            return NULL;
        }
    }
    return vm;
}

static struct resident *make_resident(struct bw_hostlet *hostlet, const struct bw_wake *wake,
                                      struct bw_arena *arena, struct bw_turn_result *result)
{
    struct bw_release *release = find_release(hostlet, wake->release);
    struct resident *resident;
    struct bw_vm *vm, *ended = NULL;

    if (!release) {
        result->status = BW_TURN_NO_RELEASE;
        return NULL;
    }
    vm = replay(release, wake, arena, result, &ended);
    if (!vm && !ended)
        return NULL;
    resident = bw_xcalloc(1, sizeof *resident);
    resident->vm = vm ? vm : ended;
    resident->is_over = !vm;
    memcpy(resident->release, wake->release, sizeof resident->release);
    (void)bw_map_put_id(&hostlet->residents, wake->run, resident);
    return resident;
}

static enum bw_err wake_run(struct bw_hostlet *hostlet, const struct bw_wake *wake,
                            struct bw_arena *arena, struct bw_turn_result *result,
                            struct bw_error *error)
{
    struct resident *resident = bw_map_get_id(&hostlet->residents, wake->run);

    *result = (struct bw_turn_result){.run = wake->run, .turn = wake->turn};
    if (resident && resident->frame == hostlet->frame)
        return bw_fail(error, BW_ERR_CORRUPT, "one frame wakes the same run twice");
    if (wake->turn == 0 || wake->turn <= wake->replay_count)
        return bw_fail(error, BW_ERR_CORRUPT, "a wake for turn %llu brings %zu rows",
                       (unsigned long long)wake->turn, wake->replay_count);
    if (wake->is_resident) {
        if (!resident || bw_vm_turn_number(resident->vm) + 1 != wake->turn ||
            memcmp(resident->release, wake->release, sizeof resident->release) != 0) {
            result->status = BW_TURN_MISSING;
            return BW_ERR_OK;
        }
        bw_vm_set_limits(resident->vm, wake->steps_max, wake->memory_bytes_max, wake->wall_us_max);
    } else {
        close_resident(bw_map_remove_id(&hostlet->residents, wake->run));
        resident = make_resident(hostlet, wake, arena, result);
        if (!resident)
            return BW_ERR_OK;
    }
    resident->frame = hostlet->frame;
    if (!resident->is_over) {
        bw_vm_turn(resident->vm, wake->turn, wake->at, wake->deliveries, wake->delivery_count,
                   result);
        resident->is_over = result->status != BW_TURN_WAITING;
    }
    result->run = wake->run;
    result->turn =
        wake->turn; /* the turn that was asked for, also when the replay did not get there */
    return BW_ERR_OK;
}

static enum bw_err take_wakes(struct bw_hostlet *hostlet, struct bw_str payload,
                              struct bw_arena *arena, struct bw_buf *answer, struct bw_error *error)
{
    struct bw_wake *wakes;
    struct bw_turn_result *results;
    size_t count, first = 0; /* the first one that has not left */
    enum bw_err err = bw_wire_get_wakes(payload, arena, &wakes, &count, error);

    if (err != BW_ERR_OK)
        return err;
    results = bw_arena_calloc(arena, count ? count : 1, sizeof *results);
    for (size_t i = 0; i < count && err == BW_ERR_OK; i++) {
        if (i > first && hostlet->on_results &&
            hostlet->on_results(hostlet->on_results_ud, results + first, i - first))
            first = i;
        err = wake_run(hostlet, &wakes[i], arena, &results[i], error);
    }
    if (err == BW_ERR_OK) /* borrows from the VMs until here */
        bw_wire_put_results(answer, results + first, count - first);
    for (size_t i = 0; i < count; i++) {
        struct resident *resident = bw_map_get_id(&hostlet->residents, wakes[i].run);
        if (resident && resident->is_over)
            close_resident(bw_map_remove_id(&hostlet->residents, wakes[i].run));
    }
    if (err == BW_ERR_OK && answer->is_over)
        return bw_fail(error, BW_ERR_LIMIT,
                       "the results of one frame are larger than a frame may be");
    return err;
}

static enum bw_err take_evict(struct bw_hostlet *hostlet, struct bw_str payload,
                              struct bw_arena *arena, struct bw_error *error)
{
    struct bw_id *runs;
    size_t count;
    enum bw_err err = bw_wire_get_evict(payload, arena, &runs, &count, error);

    for (size_t i = 0; err == BW_ERR_OK && i < count; i++)
        close_resident(bw_map_remove_id(&hostlet->residents, runs[i]));
    return err;
}

enum bw_err bw_hostlet_handle(struct bw_hostlet *hostlet, uint8_t type, struct bw_str payload,
                              uint8_t *answer_type, struct bw_buf *answer, struct bw_error *error)
{
    struct bw_arena arena;
    enum bw_err err;

    *answer_type = 0;
    hostlet->frame++;
    bw_arena_init(&arena);
    switch (type) {
    case BW_FRAME_RELEASE:
    case BW_FRAME_RELEASE_OVER:
        err = take_release(hostlet, type, payload, &arena, error);
        break;
    case BW_FRAME_WAKES:
        *answer_type = BW_FRAME_RESULTS;
        err = take_wakes(hostlet, payload, &arena, answer, error);
        break;
    case BW_FRAME_EVICT:
        err = take_evict(hostlet, payload, &arena, error);
        break;
    default:
        err = bw_fail(error, BW_ERR_CORRUPT, "a frame of type %u is nothing a host understands",
                      type);
    }
    bw_arena_deinit(&arena);
    return err;
}
