/* fake_host.c - see fake_host.h. */
#include "support/test.h"

#include "support/core/fake_host.h"

#include "base/list.h"

#include <stdio.h>

#define RUNS_MAX 512

struct fake_run {
    struct bw_id id; /* zero = free */
    const struct fake_program *program;
    size_t op;       /* the next one to ask for */
    size_t state_op; /* where a checkpoint goes on */
    uint64_t seq;
    uint64_t op_of_seq_base; /* seq before the first operation of this VM */
    uint64_t turn;
    struct bw_buf outcomes; /* encoded values, one after the other */
    size_t outcome_count;
    size_t open_count; /* started, not answered */
    bool is_failed;
    bool is_cancelled;
};

struct frame {
    struct bw_list link;
    uint8_t type;
    struct bw_buf payload;
};

struct fake_host {
    struct bw_host host;
    struct fake_program programs[8];
    size_t program_count;
    struct fake_run runs[RUNS_MAX];
    struct bw_list queue;
    bw_host_frame_fn on_frame;
    bw_host_lost_fn on_lost;
    void *ud;
    enum fake_mischief mischief;
    size_t mischief_count;
    size_t wake_count;
    size_t replay_count;
    size_t restart_count;
    bool is_hanging;   /* takes frames, answers none; a restart ends it */
    size_t hang_count; /* so many processes more will hang */
    bool has_tenant;   /* this process has seen a tenant: there must be no other */
    struct bw_id tenant;
    struct bw_buf failure; /* value of the error that ended the run */
};

/* What one turn asks for. */
struct turn {
    struct bw_arena *arena;
    struct bw_command *commands;
    size_t count;
    enum bw_turn_status status;
    struct bw_str value;
};

static void fake_send(void *self, uint8_t type, struct bw_str payload)
{
    struct fake_host *fake = self;
    struct frame *frame = bw_xcalloc(1, sizeof *frame);
    frame->type = type;
    bw_buf_init(&frame->payload, BW_WIRE_FRAME_BYTES_MAX);
    bw_buf_put_str(&frame->payload, payload);
    bw_list_push_back(&fake->queue, &frame->link);
}

static void fake_set_callbacks(void *self, bw_host_frame_fn on_frame, bw_host_lost_fn on_lost,
                               void *ud)
{
    struct fake_host *fake = self;
    fake->on_frame = on_frame;
    fake->on_lost = on_lost;
    fake->ud = ud;
}

static void fake_restart(void *self)
{
    struct fake_host *fake = self;
    fake_host_reset(fake);
    fake->restart_count++;
    fake->has_tenant = false;
    fake->is_hanging = fake->hang_count > 0;
    if (fake->is_hanging)
        fake->hang_count--;
}

static void fake_close(void *self)
{
    (void)self;
}

struct fake_host *fake_host_create(const struct fake_program *programs, size_t count)
{
    struct fake_host *fake = bw_xcalloc(1, sizeof *fake);
    assert_true(count <= 8);
    memcpy(fake->programs, programs, count * sizeof *programs);
    fake->program_count = count;
    fake->host = (struct bw_host){.self = fake,
                                  .send = fake_send,
                                  .set_callbacks = fake_set_callbacks,
                                  .restart = fake_restart,
                                  .close = fake_close};
    bw_list_init(&fake->queue);
    bw_buf_init(&fake->failure, 65536);
    return fake;
}

static void run_free(struct fake_run *run)
{
    bw_buf_deinit(&run->outcomes);
    *run = (struct fake_run){0};
}

void fake_host_reset(struct fake_host *fake)
{
    struct bw_list *link;
    while ((link = bw_list_pop_front(&fake->queue))) {
        struct frame *frame = bw_container_of(link, struct frame, link);
        bw_buf_deinit(&frame->payload);
        bw_free(frame);
    }
    for (size_t i = 0; i < RUNS_MAX; i++)
        run_free(&fake->runs[i]);
    fake->has_tenant = false;
}

void fake_host_destroy(struct fake_host *fake)
{
    fake_host_reset(fake);
    bw_buf_deinit(&fake->failure);
    bw_free(fake);
}

struct bw_host *fake_host_host(struct fake_host *fake)
{
    return &fake->host;
}

void fake_host_mischief(struct fake_host *fake, enum fake_mischief mischief, size_t times)
{
    fake->mischief = mischief;
    fake->mischief_count = times;
}

size_t fake_host_wakes(const struct fake_host *fake)
{
    return fake->wake_count;
}

size_t fake_host_restarts(const struct fake_host *fake)
{
    return fake->restart_count;
}

void fake_host_hang(struct fake_host *fake, size_t times)
{
    fake->is_hanging = true;
    fake->hang_count = times - 1;
}

size_t fake_host_replays(const struct fake_host *fake)
{
    return fake->replay_count;
}

static struct fake_program *program_find(struct fake_host *fake, struct bw_str workflow)
{
    for (size_t i = 0; i < fake->program_count; i++) {
        if (bw_str_eq(workflow, bw_str_of(fake->programs[i].workflow)))
            return &fake->programs[i];
    }
    fail_msg("no program %.*s", BW_STR_ARG(workflow));
    return NULL;
}

void fake_host_change(struct fake_host *fake, const struct fake_program *program)
{
    *program_find(fake, bw_str_of(program->workflow)) = *program;
}

static struct fake_run *run_find(struct fake_host *fake, struct bw_id id)
{
    for (size_t i = 0; i < RUNS_MAX; i++) {
        if (bw_id_eq(fake->runs[i].id, id))
            return &fake->runs[i];
    }
    return NULL;
}

static struct fake_run *run_new(struct fake_host *fake, const struct bw_wake *wake)
{
    struct fake_run *run = run_find(fake, wake->run);
    if (run)
        run_free(run);
    run = run_find(fake, (struct bw_id){0});
    assert_non_null(run);
    run->id = wake->run;
    run->program = program_find(fake, wake->workflow);
    bw_buf_init(&run->outcomes, 1 << 20);
    return run;
}

static struct bw_str json_value(struct bw_arena *arena, const char *json)
{
    struct bw_buf buf;
    struct bw_error error;
    bw_buf_init(&buf, 1 << 20);
    assert_ok(bw_value_from_json(&buf, bw_str_of(json), &error), &error);
    struct bw_str copy = bw_arena_copy(arena, bw_buf_str(&buf));
    bw_buf_deinit(&buf);
    return copy;
}

static void ask(struct fake_run *run, struct turn *turn, const struct fake_op *op)
{
    bool is_post = op->is_post;
    turn->commands[turn->count++] = (struct bw_command){
        .flags = is_post ? 0 : BW_COMMAND_BLOCKS,
        .seq = ++run->seq,
        .kind = bw_str_of(op->kind),
        .file = BW_STR("workflows/fake.lua"),
        .line = (uint32_t)(op - run->program->ops) + 1,
        .args = json_value(turn->arena, op->args ? op->args : "{}"),
    };
    run->open_count += !is_post;
}

/* Asks until something has to be waited for. */
static void go_on(struct fake_run *run, struct turn *turn)
{
    while (turn->status == BW_TURN_WAITING && run->open_count == 0) {
        const struct fake_op *op = &run->program->ops[run->op];
        if (!op->kind) {
            struct bw_buf buf;
            bw_buf_init(&buf, 1 << 20);
            bw_value_put_arr(&buf, run->outcome_count);
            bw_buf_put_str(&buf, bw_buf_str(&run->outcomes));
            turn->value = bw_arena_copy(turn->arena, bw_buf_str(&buf));
            bw_buf_deinit(&buf);
            turn->status = BW_TURN_DONE;
            return;
        }
        run->op++;
        if (strcmp(op->kind, "!checkpoint") == 0) {
            char state[32];
            snprintf(state, sizeof state, "%zu", run->op);
            turn->value = json_value(turn->arena, state);
            turn->status = BW_TURN_CHECKPOINT;
        } else if (strcmp(op->kind, "!fail") == 0) {
            turn->value = json_value(
                turn->arena, "{\"code\":\"SCRIPT\",\"text\":\"workflows/fake.lua:9: it broke\"}");
            turn->status = BW_TURN_FAILED;
        } else {
            ask(run, turn, op);
            while (op->is_started && run->program->ops[run->op].kind) {
                op = &run->program->ops[run->op++];
                ask(run, turn, op);
            }
        }
    }
}

static void deliver(struct fake_run *run, struct turn *turn, const struct bw_delivery *delivery)
{
    struct bw_value value = bw_value_read(delivery->value);
    if (turn->status != BW_TURN_WAITING)
        return;
    switch (delivery->kind) {
    case BW_DELIVERY_START:
        run->seq = (uint64_t)bw_value_get_int(&value, "last_seq", 0);
        run->op = (size_t)bw_value_get_int(&value, "state", 0);
        break;
    case BW_DELIVERY_CANCEL:
        turn->status = BW_TURN_CANCELLED;
        return;
    case BW_DELIVERY_ERROR:
    case BW_DELIVERY_OUTCOME:
        run->open_count--;
        bw_buf_put_str(&run->outcomes, delivery->value);
        run->outcome_count++;
        if (delivery->kind == BW_DELIVERY_ERROR && !run->program->ops[run->op - 1].catches) {
            turn->status = BW_TURN_FAILED;
            turn->value = delivery->value;
        }
        break;
    }
    go_on(run, turn);
}

static void play(struct fake_run *run, struct bw_arena *arena, const struct bw_delivery *deliveries,
                 size_t count, struct turn *turn)
{
    *turn = (struct turn){.arena = arena, .status = BW_TURN_WAITING};
    turn->commands = bw_arena_alloc(arena, 64 * sizeof *turn->commands);
    for (size_t i = 0; i < count; i++)
        deliver(run, turn, &deliveries[i]);
    run->turn++;
}

static bool is_same(const struct turn *turn, const struct bw_turn_record *record)
{
    if (turn->count != record->command_count)
        return false;
    for (size_t i = 0; i < turn->count; i++) {
        if (!bw_str_eq(turn->commands[i].kind, record->commands[i].kind) ||
            !bw_str_eq(turn->commands[i].args, record->commands[i].args))
            return false;
    }
    return true;
}

static bool replay(struct fake_run *run, const struct bw_wake *wake, struct bw_arena *arena,
                   struct bw_turn_result *result)
{
    for (size_t i = 0; i < wake->replay_count; i++) {
        struct bw_turn_record record;
        struct bw_error error;
        struct turn turn;
        assert_ok(bw_wire_get_turn(wake->replay[i], arena, &record, &error), &error);
        play(run, arena, record.deliveries, record.delivery_count, &turn);
        if (!is_same(&turn, &record)) {
            result->status = BW_TURN_NONDETERMINISM;
            result->value = json_value(arena, "{\"text\":\"first divergence\",\"turn\":1}");
            return false;
        }
    }
    return true;
}

static void answer(struct fake_host *fake, const struct bw_wake *wake, struct bw_arena *arena,
                   struct bw_turn_result *result)
{
    struct fake_run *run = run_find(fake, wake->run);
    *result = (struct bw_turn_result){
        .run = wake->run, .turn = wake->turn, .memory_bytes = FAKE_HEAP_BYTES};
    fake->wake_count++;
    if (fake->has_tenant && !bw_id_eq(fake->tenant, wake->tenant))
        fail_msg("one host process serves two tenants");
    fake->has_tenant = true;
    fake->tenant = wake->tenant;
    fake->replay_count += wake->replay_count > 0;
    if (fake->mischief == FAKE_FORGETS && fake->mischief_count && wake->is_resident) {
        fake->mischief_count--;
        run_free(run);
        run = NULL;
    }
    if (fake->mischief >= FAKE_BUDGET && fake->mischief <= FAKE_WALL && fake->mischief_count) {
        fake->mischief_count--;
        result->status = fake->mischief == FAKE_BUDGET   ? BW_TURN_BUDGET
                         : fake->mischief == FAKE_MEMORY ? BW_TURN_MEMORY
                                                         : BW_TURN_WALL;
        return;
    }
    if (wake->is_resident && !run) {
        result->status = BW_TURN_MISSING;
        return;
    }
    if (!wake->is_resident) {
        run = run_new(fake, wake);
        run->turn = wake->turn - 1 - wake->replay_count;
        if (!replay(run, wake, arena, result))
            return;
    }
    assert_int_equal(run->turn, wake->turn - 1);
    struct turn turn;
    play(run, arena, wake->deliveries, wake->delivery_count, &turn);
    result->status = turn.status;
    result->commands = turn.commands;
    result->command_count = turn.count;
    result->value = turn.value;
    if (fake->mischief == FAKE_WRONG_SEQ && fake->mischief_count && turn.count) {
        fake->mischief_count--;
        for (size_t i = 0; i < turn.count; i++)
            turn.commands[i].seq += 7;
    }
    if (turn.status != BW_TURN_WAITING)
        run_free(run);
}

static void handle_wakes(struct fake_host *fake, struct bw_str payload)
{
    struct bw_arena arena;
    struct bw_wake *wakes;
    struct bw_error error;
    struct bw_buf buf;
    size_t count;
    bw_arena_init(&arena);
    bw_buf_init(&buf, BW_WIRE_FRAME_BYTES_MAX);
    assert_ok(bw_wire_get_wakes(payload, &arena, &wakes, &count, &error), &error);
    struct bw_turn_result *results = bw_arena_alloc(&arena, (count + 1) * sizeof *results);
    for (size_t i = 0; i < count; i++)
        answer(fake, &wakes[i], &arena, &results[i]);
    if (fake->mischief == FAKE_DIES && fake->mischief_count) {
        fake->mischief_count--;
        fake_host_reset(fake);
        fake->on_lost(fake->ud, "killed by signal 9");
    } else if (fake->mischief == FAKE_GARBAGE && fake->mischief_count) {
        fake->mischief_count--;
        fake->on_frame(fake->ud, BW_FRAME_RESULTS, BW_STR("\x7fgarbage"));
    } else {
        bw_wire_put_results(&buf, results, count);
        fake->on_frame(fake->ud, BW_FRAME_RESULTS, bw_buf_str(&buf));
    }
    bw_buf_deinit(&buf);
    bw_arena_deinit(&arena);
}

static void handle_evict(struct fake_host *fake, struct bw_str payload)
{
    struct bw_arena arena;
    struct bw_id *ids;
    struct bw_error error;
    size_t count;
    bw_arena_init(&arena);
    assert_ok(bw_wire_get_evict(payload, &arena, &ids, &count, &error), &error);
    for (size_t i = 0; i < count; i++) {
        struct fake_run *run = run_find(fake, ids[i]);
        if (run)
            run_free(run);
    }
    bw_arena_deinit(&arena);
}

bool fake_host_pump(struct fake_host *fake)
{
    struct bw_list *link;
    bool has_worked = false;
    while (!fake->is_hanging && (link = bw_list_pop_front(&fake->queue))) {
        struct frame *frame = bw_container_of(link, struct frame, link);
        has_worked = true;
        if (frame->type == BW_FRAME_WAKES)
            handle_wakes(fake, bw_buf_str(&frame->payload));
        else if (frame->type == BW_FRAME_EVICT)
            handle_evict(fake, bw_buf_str(&frame->payload));
        bw_buf_deinit(&frame->payload);
        bw_free(frame);
    }
    return has_worked;
}
