/* journal_view.c - see journal_view.h. */
#include "edge/journal_view.h"
#include "codec/wire.h"

static const char *delivery_name(enum bw_delivery_kind kind)
{
    switch (kind) {
    case BW_DELIVERY_START:
        return "start";
    case BW_DELIVERY_OUTCOME:
        return "outcome";
    case BW_DELIVERY_ERROR:
        return "error";
    case BW_DELIVERY_CANCEL:
        return "cancel";
    }
    return "unknown";
}

static void put_commands(struct bw_buf *out, const struct bw_turn_record *turn)
{
    bw_value_put_arr(out, turn->command_count);
    for (size_t i = 0; i < turn->command_count; i++) {
        const struct bw_command *command = &turn->commands[i];
        bw_value_put_map(out, 6);
        bw_value_put_key(out, "args");
        bw_value_put_encoded(out, command->args);
        bw_value_put_key(out, "file");
        bw_value_put_str(out, command->file);
        bw_value_put_key(out, "kind");
        bw_value_put_str(out, command->kind);
        bw_value_put_key(out, "line");
        bw_value_put_int(out, command->line);
        bw_value_put_key(out, "seq");
        bw_value_put_int(out, (int64_t)command->seq);
        bw_value_put_key(out, "waits");
        bw_value_put_bool(out, (command->flags & BW_COMMAND_BLOCKS) != 0);
    }
}

static void put_deliveries(struct bw_buf *out, const struct bw_turn_record *turn)
{
    bw_value_put_arr(out, turn->delivery_count);
    for (size_t i = 0; i < turn->delivery_count; i++) {
        const struct bw_delivery *delivery = &turn->deliveries[i];
        bw_value_put_map(out, 3);
        bw_value_put_key(out, "kind");
        bw_value_put_text(out, delivery_name(delivery->kind));
        bw_value_put_key(out, "seq");
        bw_value_put_int(out, (int64_t)delivery->seq);
        bw_value_put_key(out, "value");
        bw_value_put_encoded(out, delivery->value);
    }
}

enum bw_err bw_journal_view(struct bw_str rows, struct bw_buf *out, struct bw_error *error)
{
    struct bw_value list = bw_value_read(rows), row;
    enum bw_err err = BW_ERR_OK;

    bw_value_put_arr(out, list.count);
    for (struct bw_str rest = list.items; !err && bw_value_next(&rest, &row);) {
        struct bw_arena arena;
        struct bw_turn_record turn;
        bw_arena_init(&arena);
        err = bw_wire_get_turn(bw_value_get_str(&row, "body", BW_STR_NONE), &arena, &turn, error);
        if (!err) {
            bw_value_put_map(out, 4);
            bw_value_put_key(out, "at_us");
            bw_value_put_int(out, turn.at.us);
            bw_value_put_key(out, "commands");
            put_commands(out, &turn);
            bw_value_put_key(out, "deliveries");
            put_deliveries(out, &turn);
            bw_value_put_key(out, "turn");
            bw_value_put_int(out, bw_value_get_int(&row, "turn", 0));
        }
        bw_arena_deinit(&arena);
    }
    return err;
}
