/* blob.c - see blob.h. */
#include "store/blob.h"

#include "codec/wire.h"
#include <string.h>

enum { MARK = 0xBD, VERSION = 1, LITERAL = 0, BLOB = 1, HEAD_LEN = 2, PIECE_HEAD_LEN = 5 };

/* Large parts of a cell, in order. */
struct parts {
    struct bw_arena *arena;
    struct bw_str *items;
    size_t count;
    size_t capacity;
};

static void add_part(struct parts *parts, struct bw_str bytes)
{
    if (parts->count == parts->capacity) {
        parts->capacity = parts->capacity ? 2 * parts->capacity : 8;
        struct bw_str *larger = bw_arena_alloc(parts->arena, parts->capacity * sizeof *larger);
        if (parts->count)
            memcpy(larger, parts->items, parts->count * sizeof *larger);
        parts->items = larger;
    }
    parts->items[parts->count++] = bytes;
}

/* The smallest large values within this one, or itself. Depth is bounded: the value was checked. */
static void find_parts(struct parts *parts, struct bw_str encoded)
{
    struct bw_value value, item;
    struct bw_str rest, key;
    size_t before = parts->count;
    if (encoded.len <= BW_BLOB_BYTES_MIN)
        return;
    value = bw_value_read(encoded);
    rest = value.items;
    if (value.tag == BW_VALUE_ARR) {
        while (bw_value_next(&rest, &item))
            find_parts(parts, item.encoded);
    } else if (value.tag == BW_VALUE_MAP) {
        while (bw_value_next_pair(&rest, &key, &item))
            find_parts(parts, item.encoded);
    }
    if (parts->count == before)
        add_part(parts, encoded);
}

/* Bytes that are no turn stay as they are. */
static void find_turn_parts(struct parts *parts, struct bw_str row)
{
    struct bw_turn_record turn;
    struct bw_error error;
    if (bw_wire_get_turn(row, parts->arena, &turn, &error) != BW_ERR_OK)
        return;
    for (size_t i = 0; i < turn.delivery_count; i++)
        find_parts(parts, turn.deliveries[i].value);
    for (size_t i = 0; i < turn.command_count; i++)
        find_parts(parts, turn.commands[i].args);
}

static void put_piece(struct bw_buf *out, int type, struct bw_str bytes, size_t len)
{
    bw_buf_put_char(out, (char)type);
    bw_buf_put_u32(out, (uint32_t)len);
    bw_buf_put_str(out, bytes);
}

bool bw_blob_pack(struct bw_str cell, enum bw_blob_cell kind, struct bw_arena *arena,
                  struct bw_buf *out, struct bw_blob **blobs, size_t *count)
{
    struct parts parts = {.arena = arena};
    const char *at = cell.ptr;
    if (cell.len <= BW_BLOB_BYTES_MIN)
        return false;
    if (kind == BW_BLOB_TURN)
        find_turn_parts(&parts, cell);
    else if (bw_value_check(cell, NULL))
        find_parts(&parts, cell);
    *count = parts.count;
    if (parts.count == 0)
        return false;
    *blobs = bw_arena_calloc(arena, parts.count, sizeof **blobs);
    bw_buf_put_char(out, (char)MARK);
    bw_buf_put_char(out, VERSION);
    for (size_t i = 0; i < parts.count; i++) {
        struct bw_str part = parts.items[i];
        struct bw_blob *blob = &(*blobs)[i];
        if (part.ptr > at)
            put_piece(out, LITERAL, bw_str(at, (size_t)(part.ptr - at)), (size_t)(part.ptr - at));
        bw_sha256(part, blob->hash);
        blob->bytes = part;
        put_piece(out, BLOB, bw_str((const char *)blob->hash, BW_SHA256_LEN), part.len);
        at = part.ptr + part.len;
    }
    size_t left = cell.len - (size_t)(at - cell.ptr);
    if (left > 0)
        put_piece(out, LITERAL, bw_str(at, left), left);
    return true;
}

static size_t take_len(const char *at)
{
    size_t len = 0;
    for (int i = 0; i < 4; i++)
        len = len << 8 | (uint8_t)at[i];
    return len;
}

enum bw_err bw_blob_unpack(struct bw_str cell, bw_blob_find_fn find, void *ud, struct bw_buf *out,
                           struct bw_error *error)
{
    size_t at = HEAD_LEN;
    if (!bw_blob_is_packed(cell) || cell.len < HEAD_LEN || cell.ptr[1] != VERSION)
        return bw_fail(error, BW_ERR_CORRUPT, "a packed cell has an unknown form");
    while (at < cell.len) {
        struct bw_str piece;
        uint8_t hash[BW_SHA256_LEN];
        size_t held = cell.len - at;
        size_t len = held >= PIECE_HEAD_LEN ? take_len(cell.ptr + at + 1) : 0;
        bool is_blob = cell.ptr[at] == BLOB;
        if (held < PIECE_HEAD_LEN || held - PIECE_HEAD_LEN < (is_blob ? BW_SHA256_LEN : len))
            return bw_fail(error, BW_ERR_CORRUPT, "a packed cell ends in the middle of a piece");
        at += PIECE_HEAD_LEN;
        piece = bw_str(cell.ptr + at, len);
        if (is_blob) {
            memcpy(hash, cell.ptr + at, sizeof hash);
            if (!find(ud, hash, &piece) || piece.len != len)
                return bw_fail(error, BW_ERR_CORRUPT, "a large value is missing");
        }
        at += is_blob ? BW_SHA256_LEN : len;
        bw_buf_put_str(out, piece);
    }
    return BW_ERR_OK;
}
