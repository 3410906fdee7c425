/* pg_args.c - see pg_args.h. The binary form of an array: dimensions (1), has nulls, element
 * type, count, lower bound, then each element as length and bytes; integers in network order. */
#include "store/pg_args.h"

#include "base/assert.h"

#define HEADER_LEN 20u
#define COLUMN_BYTES_MAX (1u << 30)

static uint32_t type_oid(char type)
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
    case 't':
        return 25;
    case 'x':
        return 17;
    default:
        BW_UNREACHABLE();
    }
}

void bw_pg_table_init(struct bw_pg_table *table, const char *types)
{
    *table = (struct bw_pg_table){.types = types, .column_count = strlen(types)};
    BW_ASSERT(table->column_count <= BW_PG_PARAMS_MAX);
    for (size_t i = 0; i < table->column_count; i++) {
        bw_buf_init(&table->columns[i].buf, COLUMN_BYTES_MAX);
        memset(bw_buf_extend(&table->columns[i].buf, HEADER_LEN), 0, HEADER_LEN);
    }
}

void bw_pg_table_deinit(struct bw_pg_table *table)
{
    for (size_t i = 0; i < table->column_count; i++)
        bw_buf_deinit(&table->columns[i].buf);
}

size_t bw_pg_table_rows(const struct bw_pg_table *table)
{
    return table->columns[table->column_count - 1].count;
}

static struct bw_pg_column *next_column(struct bw_pg_table *table, const char *types)
{
    BW_ASSERT(strchr(types, table->types[table->at]));
    struct bw_pg_column *column = &table->columns[table->at];
    table->at = (table->at + 1) % table->column_count;
    column->count++;
    return column;
}

void bw_pg_cell_null(struct bw_pg_table *table)
{
    struct bw_pg_column *column = next_column(table, table->types);
    column->has_null = true;
    bw_buf_put_u32(&column->buf, UINT32_MAX);
}

static void put_element(struct bw_pg_column *column, const void *bytes, size_t len)
{
    bw_buf_put_u32(&column->buf, (uint32_t)len);
    bw_buf_put(&column->buf, bytes, len);
}

void bw_pg_cell_id(struct bw_pg_table *table, struct bw_id id)
{
    put_element(next_column(table, "u"), id.bytes, sizeof id.bytes);
}

void bw_pg_cell_id_or_null(struct bw_pg_table *table, struct bw_id id)
{
    if (bw_id_is_zero(id))
        bw_pg_cell_null(table);
    else
        bw_pg_cell_id(table, id);
}

static void int_bytes(int64_t value, uint8_t bytes[8])
{
    for (unsigned i = 0; i < 8; i++)
        bytes[i] = (uint8_t)((uint64_t)value >> (56 - 8 * i));
}

void bw_pg_cell_int(struct bw_pg_table *table, int64_t value)
{
    uint8_t bytes[8];
    int_bytes(value, bytes);
    bool is_short = table->types[table->at] == 's';
    put_element(next_column(table, "sl"), is_short ? bytes + 6 : bytes, is_short ? 2 : 8);
}

void bw_pg_cell_int_or_null(struct bw_pg_table *table, int64_t value)
{
    if (value == 0)
        bw_pg_cell_null(table);
    else
        bw_pg_cell_int(table, value);
}

void bw_pg_cell_bool(struct bw_pg_table *table, bool value)
{
    uint8_t byte = value;
    put_element(next_column(table, "b"), &byte, 1);
}

void bw_pg_cell_str(struct bw_pg_table *table, struct bw_str bytes)
{
    put_element(next_column(table, "tx"), bytes.ptr, bytes.len);
}

void bw_pg_cell_str_or_null(struct bw_pg_table *table, struct bw_str bytes)
{
    if (bytes.len == 0)
        bw_pg_cell_null(table);
    else
        bw_pg_cell_str(table, bytes);
}

static void put_u32(char *at, uint32_t value)
{
    for (unsigned i = 0; i < 4; i++)
        at[i] = (char)(uint8_t)(value >> (24 - 8 * i));
}

void bw_pg_table_params(struct bw_pg_table *table, struct bw_pgc_unit *unit,
                        struct bw_pg_param *params)
{
    BW_ASSERT(table->at == 0); /* whole rows only */
    for (size_t i = 0; i < table->column_count; i++) {
        struct bw_pg_column *column = &table->columns[i];
        BW_ASSERT(!column->buf.is_over);
        struct bw_str bytes = bw_arena_copy(&unit->arena, bw_buf_str(&column->buf));
        char *header = (char *)(uintptr_t)bytes.ptr;
        put_u32(header, column->count ? 1 : 0);
        put_u32(header + 4, column->has_null);
        put_u32(header + 8, type_oid(table->types[i]));
        put_u32(header + 12, column->count);
        put_u32(header + 16, 1);
        /* No elements: no dimensions either. */
        params[i] = (struct bw_pg_param){header, column->count ? bytes.len : 12, true};
    }
}

struct bw_pg_param bw_pg_arg_id(struct bw_pgc_unit *unit, struct bw_id id)
{
    struct bw_str copy =
        bw_arena_copy(&unit->arena, bw_str((const char *)id.bytes, sizeof id.bytes));
    return (struct bw_pg_param){copy.ptr, copy.len, true};
}

struct bw_pg_param bw_pg_arg_int(struct bw_pgc_unit *unit, int64_t value)
{
    uint8_t bytes[8];
    int_bytes(value, bytes);
    struct bw_str copy = bw_arena_copy(&unit->arena, bw_str((const char *)bytes, sizeof bytes));
    return (struct bw_pg_param){copy.ptr, copy.len, true};
}

struct bw_pg_param bw_pg_arg_bool(struct bw_pgc_unit *unit, bool value)
{
    (void)unit;
    return (struct bw_pg_param){value ? "\1" : "\0", 1, true};
}

struct bw_pg_param bw_pg_arg_bytes(struct bw_pgc_unit *unit, struct bw_str bytes)
{
    struct bw_str copy = bw_arena_copy(&unit->arena, bytes);
    return (struct bw_pg_param){copy.ptr ? copy.ptr : "", copy.len, true};
}

struct bw_pg_param bw_pg_arg_text(struct bw_pgc_unit *unit, struct bw_str text)
{
    return (struct bw_pg_param){bw_arena_cstr(&unit->arena, text), text.len, false};
}
