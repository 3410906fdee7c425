/* scripted.c - see scripted.h. */
#include "scripted.h"

#include "base/list.h"
#include "codec/wire.h"
#include "place.h"

struct answer {
    struct bw_list link;
    struct bw_str payload; /* behind the struct */
};

struct scripted {
    struct bw_loop *loop;
    uint64_t effects;
    bw_host_frame_fn on_frame;
    void *ud;
    struct bw_list answers;
    bool is_deferred;
    struct bw_buf buffer;
};

static void deliver(void *self)
{
    struct scripted *host = self;
    host->is_deferred = false;
    for (struct bw_list *link; (link = bw_list_pop_front(&host->answers));) {
        struct answer *answer = bw_container_of(link, struct answer, link);
        host->on_frame(host->ud, BW_FRAME_RESULTS, answer->payload);
        bw_free(answer);
    }
}

static void answer_wake(struct scripted *host, const struct bw_wake *wake, struct bw_arena *arena,
                        struct bw_turn_result *result)
{
    *result = (struct bw_turn_result){.run = wake->run, .turn = wake->turn, .status = BW_TURN_DONE};
    if (wake->turn > host->effects)
        return;
    struct bw_buf args;
    bw_buf_init(&args, 64);
    bw_value_put_map(&args, 1);
    bw_value_put_key(&args, "until_us");
    bw_value_put_int(&args, wake->at.us);
    struct bw_command *command = bw_arena_calloc(arena, 1, sizeof *command);
    *command = (struct bw_command){.flags = BW_COMMAND_BLOCKS,
                                   .seq = wake->turn,
                                   .kind = BW_STR("sleep"),
                                   .file = BW_STR("workflows/effects.lua"),
                                   .line = 10,
                                   .args = bw_arena_copy(arena, bw_buf_str(&args))};
    bw_buf_deinit(&args);
    uint64_t *pending = bw_arena_alloc(arena, sizeof *pending);
    *pending = wake->turn;
    result->status = BW_TURN_WAITING;
    result->commands = command;
    result->command_count = 1;
    result->pending = pending;
    result->pending_count = 1;
}

static void scripted_send(void *self, uint8_t type, struct bw_str payload)
{
    struct scripted *host = self;
    if (type != BW_FRAME_WAKES)
        return;
    struct bw_arena arena;
    struct bw_wake *wakes;
    size_t count;
    struct bw_error error;
    bw_arena_init(&arena);
    if (bw_wire_get_wakes(payload, &arena, &wakes, &count, &error))
        place_die("wakes", error.text);
    struct bw_turn_result *results = bw_arena_calloc(&arena, count, sizeof *results);
    for (size_t i = 0; i < count; i++)
        answer_wake(host, &wakes[i], &arena, &results[i]);
    bw_buf_clear(&host->buffer);
    bw_wire_put_results(&host->buffer, results, count);
    bw_arena_deinit(&arena);
    struct answer *answer = bw_xmalloc(sizeof *answer + host->buffer.len);
    bw_list_init(&answer->link);
    memcpy(answer + 1, host->buffer.ptr, host->buffer.len);
    answer->payload = bw_str((const char *)(answer + 1), host->buffer.len);
    bw_list_push_back(&host->answers, &answer->link);
    if (!host->is_deferred)
        bw_loop_defer(host->loop, deliver, host);
    host->is_deferred = true;
}

static void scripted_set_callbacks(void *self, bw_host_frame_fn on_frame, bw_host_lost_fn on_lost,
                                   void *ud)
{
    struct scripted *host = self;
    (void)on_lost;
    host->on_frame = on_frame;
    host->ud = ud;
}

static void scripted_close(void *self)
{
    struct scripted *host = self;
    bw_loop_forget(host->loop, host);
    for (struct bw_list *link; (link = bw_list_pop_front(&host->answers));)
        bw_free(bw_container_of(link, struct answer, link));
    bw_buf_deinit(&host->buffer);
    bw_free(host);
}

struct bw_host scripted_create(struct bw_loop *loop, uint64_t effects)
{
    struct scripted *host = bw_xcalloc(1, sizeof *host);
    host->loop = loop;
    host->effects = effects;
    bw_list_init(&host->answers);
    bw_buf_init(&host->buffer, BW_WIRE_FRAME_BYTES_MAX);
    return (struct bw_host){.self = host,
                            .send = scripted_send,
                            .set_callbacks = scripted_set_callbacks,
                            .close = scripted_close};
}
