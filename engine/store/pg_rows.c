/* pg_rows.c - see pg_rows.h. */
#include "store/pg_rows.h"

#include "store/work.h"

void bw_pg_take_run(const struct bw_pg_result *rows, size_t i, struct bw_run_row *row)
{
    *row = (struct bw_run_row){0};
    row->tenant = bw_pg_id(rows, i, 0);
    row->id = bw_pg_id(rows, i, 1);
    row->shard = (uint32_t)bw_pg_int(rows, i, 2);
    struct bw_str release = bw_pg_bytes(rows, i, 3);
    if (release.len == BW_RELEASE_HASH_LEN)
        memcpy(row->release, release.ptr, BW_RELEASE_HASH_LEN);
    row->workflow = bw_pg_bytes(rows, i, 4);
    row->key = bw_pg_bytes(rows, i, 5);
    row->status = (enum bw_run_status)bw_pg_int(rows, i, 6);
    row->wake = (enum bw_wake_reason)bw_pg_int(rows, i, 7);
    row->is_active = bw_pg_int(rows, i, 8) == 1;
    row->wake_at_us = bw_pg_int(rows, i, 9);
    row->head = (uint64_t)bw_pg_int(rows, i, 10);
    row->base = (uint64_t)bw_pg_int(rows, i, 11);
    row->last_seq = (uint64_t)bw_pg_int(rows, i, 12);
    row->parent = bw_pg_id(rows, i, 13);
    row->parent_seq = (uint64_t)bw_pg_int(rows, i, 14);
    row->input = bw_pg_bytes(rows, i, 15);
    row->state = bw_pg_bytes(rows, i, 16);
    row->result = bw_pg_bytes(rows, i, 17);
    row->error = bw_pg_bytes(rows, i, 18);
    row->started_by = bw_pg_bytes(rows, i, 19);
    row->created_at_us = bw_pg_int(rows, i, 20);
    row->updated_at_us = bw_pg_int(rows, i, 21);
}

/* The value of a message is stored as a value, as JSON of the server, or as the event it tells of.
 */
void bw_pg_take_message(const struct bw_pg_result *rows, size_t i, struct bw_arena *arena,
                        struct bw_message *message)
{
    message->key = bw_pg_bytes(rows, i, 0);
    message->kind = (enum bw_message_kind)bw_pg_int(rows, i, 1);
    message->seq = (uint64_t)bw_pg_int(rows, i, 2);
    message->value = bw_pg_bytes(rows, i, 3);
    if (bw_pg_is_null(rows, i, 4) && bw_pg_is_null(rows, i, 5))
        return;
    struct bw_buf value;
    bw_buf_init(&value, BW_ROWS_VALUE_BYTES_MAX);
    if (bw_pg_is_null(rows, i, 4)) {
        bw_rows_put_event(&value, bw_pg_bytes(rows, i, 5), bw_pg_bytes(rows, i, 6),
                          bw_pg_bytes(rows, i, 7), bw_pg_bytes(rows, i, 8));
    } else {
        bool is_error;
        bw_work_from_json(bw_pg_bytes(rows, i, 4), &value, &is_error);
        if (is_error)
            message->kind = BW_MESSAGE_ERROR;
    }
    message->value = bw_arena_copy(arena, bw_buf_str(&value));
    bw_buf_deinit(&value);
}
