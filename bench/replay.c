/* replay.c - how fast a script host brings a run back from its journal, without a database. */
#include "rig.h"
#include "sections.h"

#include "base/assert.h"
#include "edge/project.h"
#include "io/os.h"
#include "lua/hostlet.h"

enum { EFFECTS = 10000, FILES_BYTES_MAX = 16 * 1024 * 1024 };

struct history {
    struct bw_arena arena;
    struct bw_release_set release;
    struct bw_wake wake;
    struct bw_str turns[EFFECTS + 1];
    struct bw_delivery delivery;
};

/* One frame in, its one result out (arrays in `arena`, bytes in `answer`). */
static struct bw_turn_result *handle(struct bw_hostlet *hostlet, const struct bw_wake *wake,
                                     struct bw_arena *arena, struct bw_buf *answer)
{
    struct bw_buf frame;
    struct bw_error error;
    struct bw_turn_result *results;
    size_t count;
    uint8_t type;
    bw_buf_init(&frame, BW_WIRE_FRAME_BYTES_MAX);
    bw_wire_put_wakes(&frame, wake, 1);
    bw_buf_clear(answer);
    if (bw_hostlet_handle(hostlet, BW_FRAME_WAKES, bw_buf_str(&frame), &type, answer, &error) ||
        bw_wire_get_results(bw_buf_str(answer), arena, &results, &count, &error))
        place_die("the script host", error.text);
    if (count != 1 || results->status != BW_TURN_WAITING)
        place_die("the script host", "the run did not come to its next effect");
    bw_buf_deinit(&frame);
    return results;
}

static struct bw_hostlet *open_hostlet(const struct history *history)
{
    struct bw_hostlet *hostlet = bw_hostlet_create();
    struct bw_buf frame, answer;
    struct bw_error error;
    uint8_t type;
    bw_buf_init(&frame, BW_WIRE_FRAME_BYTES_MAX);
    bw_buf_init(&answer, BW_WIRE_FRAME_BYTES_MAX);
    bw_wire_put_release(&frame, &history->release);
    if (bw_hostlet_handle(hostlet, BW_FRAME_RELEASE, bw_buf_str(&frame), &type, &answer, &error))
        place_die("the script host", error.text);
    bw_buf_deinit(&frame);
    bw_buf_deinit(&answer);
    return hostlet;
}

static void begin(struct history *history, const struct place *place)
{
    struct bw_error error;
    struct bw_buf files;
    struct bw_clock clock = bw_clock_os();
    struct bw_entropy entropy = bw_entropy_os();
    bw_arena_init(&history->arena);
    bw_buf_init(&files, FILES_BYTES_MAX);
    if (bw_project_read(place->share_dir, place->bench_dir, &files, &error))
        place_die("the scripts", error.text);
    struct bw_value map = bw_value_read(bw_buf_str(&files));
    struct bw_value none = bw_value_read(BW_STR_NONE);
    if (bw_project_release(&map, &none, &history->arena, &history->release, &error))
        place_die("the scripts", error.text);
    bw_buf_deinit(&files);

    struct bw_buf start;
    bw_buf_init(&start, 256);
    bw_value_put_map(&start, 1);
    bw_value_put_key(&start, "input");
    bw_value_put_map(&start, 1);
    bw_value_put_key(&start, "count");
    bw_value_put_int(&start, EFFECTS + 10);
    history->delivery = (struct bw_delivery){
        .kind = BW_DELIVERY_START, .value = bw_arena_copy(&history->arena, bw_buf_str(&start))};
    bw_buf_deinit(&start);
    history->wake = (struct bw_wake){.run = bw_id_make(bw_clock_utc(&clock), &entropy),
                                     .tenant = bw_id_make(bw_clock_utc(&clock), &entropy),
                                     .workflow = BW_STR("effects"),
                                     .turn = 1,
                                     .at = bw_clock_utc(&clock),
                                     .deliveries = &history->delivery,
                                     .delivery_count = 1,
                                     .steps_max = 20 * 1000 * 1000,
                                     .memory_bytes_max = 64 * 1024 * 1024};
    memcpy(history->wake.release, history->release.hash, sizeof history->wake.release);
}

/* Lives the run once, turn by turn, and keeps what the engine would have put into the journal. */
static double live(struct history *history)
{
    static const char NIL[] = {BW_VALUE_NIL};
    struct bw_hostlet *hostlet = open_hostlet(history);
    struct bw_arena arena;
    struct bw_buf answer, row;
    bw_arena_init(&arena);
    bw_buf_init(&answer, BW_WIRE_FRAME_BYTES_MAX);
    bw_buf_init(&row, 65536);
    int64_t begun = figures_cpu_ns();
    for (size_t i = 0; i <= EFFECTS; i++) {
        const struct bw_turn_result *result = handle(hostlet, &history->wake, &arena, &answer);
        struct bw_turn_record record = {.at = history->wake.at,
                                        .deliveries = &history->delivery,
                                        .delivery_count = 1,
                                        .commands = result->commands,
                                        .command_count = result->command_count};
        bw_buf_clear(&row);
        bw_wire_put_turn(&row, &record);
        history->turns[i] = bw_arena_copy(&history->arena, bw_buf_str(&row));
        history->delivery = (struct bw_delivery){
            .kind = BW_DELIVERY_OUTCOME, .seq = result->commands->seq, .value = bw_str(NIL, 1)};
        history->wake.turn++;
        history->wake.is_resident = true;
        history->wake.at.us += 1000;
        bw_arena_reset(&arena);
    }
    double seconds = (double)(figures_cpu_ns() - begun) / 1e9;
    bw_hostlet_destroy(hostlet);
    bw_arena_deinit(&arena);
    bw_buf_deinit(&answer);
    bw_buf_deinit(&row);
    history->wake.is_resident = false;
    history->wake.replay = history->turns;
    history->wake.replay_count = EFFECTS + 1;
    return seconds;
}

/* First turns of new runs: a state is made, its modules loaded, the workflow begun. */
static void measure_begins(struct history *history, const struct place *place,
                           struct figures *figures)
{
    struct bw_hostlet *hostlet = open_hostlet(history);
    struct bw_entropy entropy = bw_entropy_os();
    struct bw_wake wake = history->wake;
    struct bw_arena arena;
    struct bw_buf answer, evict;
    size_t count = 0;
    uint64_t heap_bytes = 0;
    bw_arena_init(&arena);
    bw_buf_init(&answer, BW_WIRE_FRAME_BYTES_MAX);
    bw_buf_init(&evict, 4096);
    int64_t begun = figures_cpu_ns();
    while (figures_cpu_ns() - begun < (int64_t)(place->seconds * 1e9)) {
        struct bw_error error;
        uint8_t type;
        wake.run = bw_id_make(wake.at, &entropy);
        heap_bytes = handle(hostlet, &wake, &arena, &answer)->memory_bytes;
        bw_arena_reset(&arena);
        bw_buf_clear(&evict);
        bw_wire_put_evict(&evict, &wake.run, 1);
        if (bw_hostlet_handle(hostlet, BW_FRAME_EVICT, bw_buf_str(&evict), &type, &answer, &error))
            place_die("the script host", error.text);
        count++;
    }
    double seconds = (double)(figures_cpu_ns() - begun) / 1e9;
    figures_add(figures, "a new run's state and first turn", seconds * 1e6 / (double)count, "us",
                NULL);
    figures_add(figures, "Lua heap of a run after its first turn", (double)heap_bytes / 1024, "KiB",
                NULL);
    bw_hostlet_destroy(hostlet);
    bw_arena_deinit(&arena);
    bw_buf_deinit(&answer);
    bw_buf_deinit(&evict);
}

void section_replay(const struct place *place, struct figures *figures)
{
    struct history *history = bw_xcalloc(1, sizeof *history);
    begin(history, place);
    measure_begins(history, place, figures);
    double live_seconds = live(history);
    int64_t begun = figures_cpu_ns(), spent = 0;
    size_t replays = 0;
    uint64_t heap_bytes = 0;
    while (replays == 0 || figures_cpu_ns() - begun < (int64_t)(place->seconds * 1e9)) {
        struct bw_hostlet *hostlet = open_hostlet(history);
        struct bw_arena arena;
        struct bw_buf answer;
        bw_arena_init(&arena);
        bw_buf_init(&answer, BW_WIRE_FRAME_BYTES_MAX);
        int64_t from = figures_cpu_ns();
        heap_bytes = handle(hostlet, &history->wake, &arena, &answer)->memory_bytes;
        spent += figures_cpu_ns() - from;
        replays++;
        bw_hostlet_destroy(hostlet);
        bw_arena_deinit(&arena);
        bw_buf_deinit(&answer);
    }
    figures_add(figures, "turns in a script host, one core", EFFECTS / live_seconds, "turns/s",
                NULL);
    figures_add(figures, "replay, one core", (double)replays * EFFECTS / ((double)spent / 1e9),
                "entries/s", NULL);
    figures_add(figures, "Lua heap of a waiting run", (double)heap_bytes / 1024, "KiB", NULL);
    bw_arena_deinit(&history->arena);
    bw_free(history);
}
