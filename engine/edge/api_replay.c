/* api_replay.c - /v1/runs/{id}/replay: the stored rows of a run, or those that the body brings
 * from an archive, played again and compared.
 *
 * The body is {"run": B, "turns": [B, ...]}, each B the base64 of a row as edge/archive.h has it.
 */
#include "codec/b64.h"
#include "codec/value.h"
#include "core/engine.h"
#include "edge/api_handlers.h"
#include "store/rows.h"

#include <string.h>

static struct bw_str decoded(struct bw_arena *arena, struct bw_value text, size_t *problems)
{
    struct bw_str bytes = BW_STR_NONE;
    struct bw_buf buf;
    bw_buf_init(&buf, text.tag == BW_VALUE_STR ? text.text.len + 16 : 16);
    if (text.tag == BW_VALUE_STR && bw_base64_decode(&buf, text.text))
        bytes = bw_arena_copy(arena, bw_buf_str(&buf));
    else
        (*problems)++;
    bw_buf_deinit(&buf);
    return bytes;
}

static enum bw_err take_row(struct bw_api_call *call, struct bw_str bytes, struct bw_run_row *row,
                            struct bw_error *error)
{
    if (!bw_value_check(bytes, error))
        return bw_fail(error, BW_ERR_INVALID, "the run's row of the archive is no value");
    struct bw_value map = bw_value_read(bytes);
    struct bw_str status = bw_value_get_str(&map, "status", BW_STR_NONE);
    struct bw_buf hash;
    bw_buf_init(&hash, 2 * BW_RELEASE_HASH_LEN);
    bool is_fine = bw_hex_decode(&hash, bw_value_get_str(&map, "release", BW_STR_NONE)) &&
                   hash.len == BW_RELEASE_HASH_LEN &&
                   bw_id_parse(bw_value_get_str(&map, "id", BW_STR_NONE), &row->id) &&
                   bw_run_status_from_name(status, &row->status);
    if (is_fine)
        memcpy(row->release, hash.ptr, BW_RELEASE_HASH_LEN);
    bw_buf_deinit(&hash);
    if (!is_fine)
        return bw_fail(error, BW_ERR_INVALID,
                       "the run's row of the archive lacks its id, release or status");
    row->tenant = call->tenant;
    row->workflow = bw_value_get_str(&map, "workflow", BW_STR_NONE);
    row->head = (uint64_t)bw_value_get_int(&map, "head", 0);
    row->base = (uint64_t)bw_value_get_int(&map, "base", 0);
    row->last_seq = (uint64_t)bw_value_get_int(&map, "last_seq", 0);
    row->created_at_us = bw_value_get_int(&map, "created_at_us", 0);
    row->result = bw_value_get(&map, "result").encoded;
    return BW_ERR_OK;
}

/* Rows of turns 1 to head: a replay begins behind the last checkpoint. */
static enum bw_err take_archive(struct bw_api_call *call, struct bw_id run,
                                struct bw_loaded_run *loaded, struct bw_error *error)
{
    struct bw_value body = bw_value_read(call->body), turns = bw_value_get(&body, "turns"), item;
    size_t problems = 0, at = 0;
    struct bw_str row = decoded(&call->arena, bw_value_get(&body, "run"), &problems);
    struct bw_str rest = turns.tag == BW_VALUE_ARR ? turns.items : BW_STR_NONE;
    if (problems)
        return bw_fail(error, BW_ERR_INVALID, "run is not the base64 of a row");
    if (take_row(call, row, &loaded->row, error) != BW_ERR_OK)
        return error->code;
    if (!bw_id_eq(loaded->row.id, run))
        return bw_fail(error, BW_ERR_INVALID, "the archive's row is of another run");
    if (loaded->row.base > loaded->row.head || turns.count != loaded->row.head)
        return bw_fail(error, BW_ERR_CORRUPT,
                       "the archive has %zu turns of the run, its row says %llu", turns.count,
                       (unsigned long long)loaded->row.head);
    loaded->turns = bw_arena_alloc(&call->arena, (turns.count + 1) * sizeof *loaded->turns);
    for (; bw_value_next(&rest, &item); at++) {
        if (at >= loaded->row.base)
            loaded->turns[loaded->turn_count++] = decoded(&call->arena, item, &problems);
    }
    if (problems)
        return bw_fail(error, BW_ERR_INVALID, "turns has %zu texts that are not base64", problems);
    return BW_ERR_OK;
}

void bw_api_run_replay(struct bw_api_call *call)
{
    struct bw_loaded_run loaded = {0};
    struct bw_error error;
    struct bw_id run;
    struct bw_value body = bw_value_read(call->body);
    if (!bw_id_parse(call->parameters[0], &run))
        bw_api_fail_text(call, BW_ERR_INVALID, "the path needs the id of a run");
    else if (body.tag != BW_VALUE_MAP || body.count == 0)
        bw_engine_recheck_run(call->engine, call->tenant, run, bw_api_on_value, call);
    else if (take_archive(call, run, &loaded, &error) != BW_ERR_OK)
        bw_api_fail(call, &error);
    else
        bw_engine_recheck_recorded(call->engine, &loaded, bw_api_on_value, call);
}
