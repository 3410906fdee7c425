/* raw_rows.c - see raw_rows.h. */
#include "raw_rows.h"

#include "base/assert.h"

enum { ARRAY_HEAD_LEN = 20, COLUMN_BYTES_MAX = 64 * 1024 * 1024 };

static uint32_t oid_of(char type)
{
    switch (type) {
    case 'u':
        return 2950;
    case 's':
        return 21;
    case 'l':
        return 20;
    case 'b':
        return 16;
    default:
        return 17;
    }
}

void raw_rows_init(struct raw_rows *rows, const char *types)
{
    *rows = (struct raw_rows){.types = types, .column_count = strlen(types)};
    BW_ASSERT(rows->column_count <= RAW_COLUMNS_MAX);
    for (size_t i = 0; i < rows->column_count; i++)
        bw_buf_init(&rows->columns[i], COLUMN_BYTES_MAX);
}

void raw_rows_deinit(struct raw_rows *rows)
{
    for (size_t i = 0; i < rows->column_count; i++)
        bw_buf_deinit(&rows->columns[i]);
}

void raw_rows_begin(struct raw_rows *rows)
{
    rows->cells = 0;
    for (size_t i = 0; i < rows->column_count; i++) {
        struct bw_buf *column = &rows->columns[i];
        bw_buf_clear(column);
        bw_buf_put_u32(column, 1); /* dimensions */
        bw_buf_put_u32(column, 0); /* no nulls */
        bw_buf_put_u32(column, oid_of(rows->types[i]));
        bw_buf_put_u32(column, 0); /* the count, known at the end */
        bw_buf_put_u32(column, 1); /* lower bound */
    }
}

static struct bw_buf *next_cell(struct raw_rows *rows, char *type)
{
    size_t at = rows->cells++ % rows->column_count;
    *type = rows->types[at];
    return &rows->columns[at];
}

void raw_rows_bytes(struct raw_rows *rows, struct bw_str bytes)
{
    char type;
    struct bw_buf *column = next_cell(rows, &type);
    bw_buf_put_u32(column, (uint32_t)bytes.len);
    bw_buf_put_str(column, bytes);
}

void raw_rows_id(struct raw_rows *rows, struct bw_id id)
{
    raw_rows_bytes(rows, bw_str((const char *)id.bytes, sizeof id.bytes));
}

void raw_rows_int(struct raw_rows *rows, int64_t value)
{
    char type;
    struct bw_buf *column = next_cell(rows, &type);
    unsigned len = type == 'l' ? 8 : type == 's' ? 2 : 1;
    bw_buf_put_u32(column, len);
    for (unsigned i = len; i-- > 0;)
        bw_buf_put_u8(column, (uint8_t)((uint64_t)value >> (8 * i)));
}

void raw_rows_end(struct raw_rows *rows)
{
    BW_ASSERT(rows->cells % rows->column_count == 0);
    uint32_t count = (uint32_t)(rows->cells / rows->column_count);
    for (size_t i = 0; i < rows->column_count; i++) {
        struct bw_buf *column = &rows->columns[i];
        BW_ASSERT(!column->is_over && column->len >= ARRAY_HEAD_LEN);
        for (unsigned k = 0; k < 4; k++)
            column->ptr[12 + k] = (char)(uint8_t)(count >> (8 * (3 - k)));
        rows->values[i] = column->ptr;
        rows->lengths[i] = (int)column->len;
        rows->formats[i] = 1;
    }
}
