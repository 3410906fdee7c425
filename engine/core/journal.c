/* journal.c - see journal.h. */
#include "core/journal.h"

#include "base/assert.h"

#include <inttypes.h>

enum bw_err bw_journal_append(struct bw_batch *batch, const struct bw_turn_record *turn,
                              uint64_t last_seq, struct bw_buf *scratch, struct bw_error *error)
{
    BW_ASSERT(batch->kind == BW_BATCH_TURN && batch->commit.turn.len == 0);
    for (size_t i = 0; i < turn->command_count; i++)
        BW_ASSERT(turn->commands[i].seq == last_seq + 1 + i); /* J1 */
    for (size_t i = 0; i < turn->delivery_count; i++) {
        const struct bw_delivery *delivery = &turn->deliveries[i];
        if (delivery->kind != BW_DELIVERY_START)
            BW_ASSERT(delivery->seq <= last_seq); /* J4: the question is older than the answer */
    }
    bw_buf_clear(scratch);
    bw_wire_put_turn(scratch, turn);
    if (scratch->is_over) {
        enum bw_err code = bw_fail(
            error, BW_ERR_LIMIT,
            "the turn's journal row would be over %zu bytes: keep large values in documents, "
            "or do less in one turn",
            scratch->bytes_max);
        bw_buf_clear(scratch);
        return code;
    }
    batch->commit.turn = bw_arena_copy(&batch->arena, bw_buf_str(scratch));
    bw_buf_clear(scratch);
    return BW_ERR_OK;
}

/* --- Load: replays the bookkeeping (not the script) of every row. */

struct reading {
    struct bw_history *history;
    struct bw_arena *arena;
    size_t pending_capacity;
    uint64_t turn; /* number of the row being read */
};

static struct bw_command **pending_find(struct bw_history *history, uint64_t seq)
{
    size_t low = 0, high = history->pending_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (history->pending[middle]->seq < seq)
            low = middle + 1;
        else
            high = middle;
    }
    bool is_there = low < history->pending_count && history->pending[low]->seq == seq;
    return is_there ? &history->pending[low] : NULL;
}

static void pending_drop(struct bw_history *history, struct bw_command **slot)
{
    size_t after = history->pending_count - 1 - (size_t)(slot - history->pending);
    memmove(slot, slot + 1, after * sizeof *slot);
    history->pending_count--;
}

static void pending_add(struct reading *reading, struct bw_command *command)
{
    struct bw_history *history = reading->history;
    if (history->pending_count == reading->pending_capacity) {
        reading->pending_capacity = reading->pending_capacity ? reading->pending_capacity * 2 : 8;
        struct bw_command **larger =
            bw_arena_alloc(reading->arena, reading->pending_capacity * sizeof *larger);
        if (history->pending_count)
            memcpy(larger, history->pending, history->pending_count * sizeof *larger);
        history->pending = larger;
    }
    history->pending[history->pending_count++] = command;
}

/* A cancel is raised in every strand: whatever they waited for is given up, unless a handler does.
 */
static void drop_given_up(struct bw_history *history)
{
    size_t kept = 0;
    for (size_t i = 0; i < history->pending_count; i++) {
        if (history->pending[i]->flags & BW_COMMAND_CLEANS_UP)
            history->pending[kept++] = history->pending[i];
    }
    history->pending_count = kept;
}

static enum bw_err read_delivery(struct reading *reading, const struct bw_delivery *delivery,
                                 bool is_first, struct bw_error *error)
{
    struct bw_history *history = reading->history;
    switch (delivery->kind) {
    case BW_DELIVERY_START: {
        if (!is_first)
            return bw_fail(error, BW_ERR_CORRUPT, "journal row %" PRIu64 ": a START in the middle",
                           reading->turn);
        struct bw_value start = bw_value_read(delivery->value);
        history->last_seq = (uint64_t)bw_value_get_int(&start, "last_seq", 0);
        return BW_ERR_OK;
    }
    case BW_DELIVERY_CANCEL:
        history->is_cancelling = true;
        drop_given_up(history);
        return BW_ERR_OK;
    case BW_DELIVERY_OUTCOME:
    case BW_DELIVERY_ERROR: {
        struct bw_command **slot = pending_find(history, delivery->seq);
        if (!slot)
            return bw_fail(error, BW_ERR_CORRUPT,
                           "journal row %" PRIu64 ": an outcome for command %" PRIu64
                           ", which does not wait for one",
                           reading->turn, delivery->seq); /* J5 */
        pending_drop(history, slot);
        return BW_ERR_OK;
    }
    }
    return bw_fail(error, BW_ERR_CORRUPT, "journal row %" PRIu64 ": delivery of unknown kind %d",
                   reading->turn, (int)delivery->kind);
}

static enum bw_err read_command(struct reading *reading, struct bw_command *command,
                                struct bw_error *error)
{
    struct bw_history *history = reading->history;
    if (command->seq != history->last_seq + 1)
        return bw_fail(error, BW_ERR_CORRUPT,
                       "journal row %" PRIu64 ": command %" PRIu64 " follows command %" PRIu64,
                       reading->turn, command->seq, history->last_seq); /* J1 */
    history->last_seq = command->seq;
    if (command->flags & BW_COMMAND_BLOCKS) {
        pending_add(reading, command);
    } else if (bw_str_eq(command->kind, BW_STR(BW_COMMAND_CANCEL))) {
        struct bw_value args = bw_value_read(command->args);
        struct bw_command **slot =
            pending_find(history, (uint64_t)bw_value_get_int(&args, "seq", 0));
        if (slot)
            pending_drop(history, slot);
    }
    return BW_ERR_OK;
}

enum bw_err bw_journal_load(const struct bw_loaded_run *loaded, struct bw_arena *arena,
                            struct bw_history *history, struct bw_error *error)
{
    const struct bw_run_row *row = &loaded->row;
    *history = (struct bw_history){.last_seq = row->last_seq, .last_at_us = row->created_at_us};
    if (row->base > row->head || loaded->turn_count != row->head - row->base)
        return bw_fail(error, BW_ERR_CORRUPT,
                       "the journal has %zu rows where base %" PRIu64 " and head %" PRIu64
                       " ask for %" PRIu64,
                       loaded->turn_count, row->base, row->head, row->head - row->base);
    struct reading reading = {.history = history, .arena = arena, .turn = row->base};
    history->turns = bw_arena_alloc(arena, (loaded->turn_count + 1) * sizeof *history->turns);
    for (size_t i = 0; i < loaded->turn_count; i++) {
        struct bw_turn_record *turn = &history->turns[history->turn_count++];
        reading.turn++;
        enum bw_err code = bw_wire_get_turn(loaded->turns[i], arena, turn, error);
        if (code != BW_ERR_OK)
            return code;
        history->last_at_us = turn->at.us;
        for (size_t k = 0; k < turn->delivery_count && code == BW_ERR_OK; k++)
            code = read_delivery(&reading, &turn->deliveries[k], i == 0 && k == 0, error);
        for (size_t k = 0; k < turn->command_count && code == BW_ERR_OK; k++)
            code = read_command(&reading, &turn->commands[k], error);
        if (code != BW_ERR_OK)
            return code;
    }
    if (history->last_seq != row->last_seq)
        return bw_fail(error, BW_ERR_CORRUPT,
                       "the journal ends at command %" PRIu64 ", the run's row says %" PRIu64,
                       history->last_seq, row->last_seq);
    return BW_ERR_OK;
}
