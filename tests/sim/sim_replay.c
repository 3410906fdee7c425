/* sim_replay.c - see sim_replay.h. */
#include "sim_replay.h"

#include "lua/hostlet.h"
#include "store/mem_store.h"

#include <string.h>

static struct bw_hostlet *checker;

static void handle(struct sim *sim, enum bw_frame type, struct bw_buf *frame, struct bw_buf *answer)
{
    struct bw_error error;
    uint8_t answer_type;
    if (bw_hostlet_handle(checker, (uint8_t)type, bw_buf_str(frame), &answer_type, answer,
                          &error) != BW_ERR_OK)
        sim_fail(sim, "the checker's host refuses a frame: %s", error.text);
    bw_buf_clear(frame);
}

static bool is_same(const struct bw_command *left, const struct bw_command *right)
{
    return left->seq == right->seq && left->flags == right->flags &&
           bw_str_eq(left->kind, right->kind) && bw_str_eq(left->args, right->args);
}

static void compare(struct sim *sim, const struct mem_run *run, const struct bw_turn_record *row,
                    struct bw_str answer, struct bw_arena *arena)
{
    struct bw_turn_result *result;
    struct bw_error error;
    size_t count;
    char id[BW_ID_TEXT_LEN + 1];
    bw_id_print(run->row.id, id);
    if (bw_wire_get_results(answer, arena, &result, &count, &error) != BW_ERR_OK || count != 1)
        sim_fail(sim, "the checker's host does not answer");
    /* A run that was parked may be cancelled without a row: its last turn left it waiting. */
    bool is_same_end = run->row.status != BW_RUN_DONE || result->status == BW_TURN_DONE;
    if (!is_same_end || result->command_count != row->command_count)
        sim_fail(sim, "J7: the replay of %.*s %s ends with status %d after %zu commands of %zu",
                 BW_STR_ARG(run->row.workflow), id, (int)result->status, result->command_count,
                 row->command_count);
    for (size_t i = 0; i < row->command_count; i++) {
        if (!is_same(&row->commands[i], &result->commands[i]))
            sim_fail(sim, "J7: the replay of %.*s %s has another command %llu",
                     BW_STR_ARG(run->row.workflow), id, (unsigned long long)row->commands[i].seq);
    }
    if (run->row.status == BW_RUN_DONE && !bw_str_eq(result->value, run->row.result))
        sim_fail(sim, "J7: the replay of %.*s %s has another result", BW_STR_ARG(run->row.workflow),
                 id);
}

bool sim_replay_check(struct sim *sim, const struct mem_run *run)
{
    struct bw_arena arena;
    struct bw_buf frame, answer;
    struct bw_turn_record last;
    struct bw_error error;
    if (run->row.head <= run->row.base)
        return false;
    bw_arena_init(&arena);
    bw_buf_init(&frame, BW_WIRE_FRAME_BYTES_MAX);
    bw_buf_init(&answer, BW_WIRE_FRAME_BYTES_MAX);
    if (!checker) {
        checker = bw_hostlet_create();
        bw_wire_put_release(&frame, sim->release);
        handle(sim, BW_FRAME_RELEASE, &frame, &answer);
    }
    if (bw_wire_get_turn(run->turns[run->turn_count - 1].body, &arena, &last, &error) != BW_ERR_OK)
        sim_fail(sim, "the last row of a run: %s", error.text);
    struct bw_wake wake = {
        .run = run->row.id,
        .tenant = run->row.tenant,
        .workflow = run->row.workflow,
        .turn = run->row.head,
        .at = last.at,
        .deliveries = last.deliveries,
        .delivery_count = last.delivery_count,
        .steps_max = 20 * 1000 * 1000,
        .memory_bytes_max = 64 * 1024 * 1024,
    };
    memcpy(wake.release, run->row.release, sizeof wake.release);
    wake.replay = bw_arena_calloc(&arena, run->turn_count + 1, sizeof *wake.replay);
    for (size_t i = (size_t)run->row.base; i + 1 < run->turn_count; i++)
        wake.replay[wake.replay_count++] = run->turns[i].body;
    bw_wire_put_wakes(&frame, &wake, 1);
    handle(sim, BW_FRAME_WAKES, &frame, &answer);
    compare(sim, run, &last, bw_buf_str(&answer), &arena);
    bw_buf_deinit(&frame);
    bw_buf_deinit(&answer);
    bw_arena_deinit(&arena);
    return true;
}

void sim_replay_free(void)
{
    if (checker)
        bw_hostlet_destroy(checker);
    checker = NULL;
}
