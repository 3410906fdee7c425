/* grid.c - see grid.h. Widths count characters (UTF-8 leading bytes), not bytes. */
#include "edge/grid.h"
#include "base/assert.h"
#include <string.h>

void bw_grid_init(struct bw_grid *grid, const char *const *heads)
{
    *grid = (struct bw_grid){0};
    bw_arena_init(&grid->arena);
    while (heads[grid->columns]) {
        BW_ASSERT(grid->columns < BW_GRID_COLUMNS_MAX);
        grid->heads[grid->columns] = heads[grid->columns];
        grid->columns++;
    }
}

void bw_grid_deinit(struct bw_grid *grid)
{
    bw_free(grid->cells);
    bw_arena_deinit(&grid->arena);
}

void bw_grid_add(struct bw_grid *grid, struct bw_str cell)
{
    if (grid->count == grid->capacity) {
        grid->capacity = grid->capacity ? grid->capacity * 2 : 64;
        grid->cells = bw_xrealloc(grid->cells, grid->capacity * sizeof *grid->cells);
    }
    struct bw_str copy = bw_arena_copy(&grid->arena, cell);
    char *bytes = (char *)(uintptr_t)copy.ptr; /* our own copy */
    for (size_t i = 0; i < copy.len; i++)
        if ((unsigned char)bytes[i] < ' ' || bytes[i] == 127)
            bytes[i] = ' ';
    grid->cells[grid->count++] = copy;
}

void bw_grid_add_text(struct bw_grid *grid, const char *cell)
{
    bw_grid_add(grid, bw_str_of(cell));
}

void bw_grid_add_value(struct bw_grid *grid, const struct bw_value *value)
{
    if (value->tag == BW_VALUE_STR || value->tag == BW_VALUE_DEC) {
        bw_grid_add(grid, value->text);
    } else if (value->tag == BW_VALUE_NIL || value->tag == BW_VALUE_NULL) {
        bw_grid_add(grid, BW_STR("-"));
    } else {
        struct bw_buf json;
        bw_buf_init(&json, 65536);
        bw_value_to_json(&json, value->encoded, BW_JSON_DECIMAL_STRINGS);
        bw_grid_add(grid, bw_buf_str(&json));
        bw_buf_deinit(&json);
    }
}

static size_t width_of(struct bw_str text)
{
    size_t width = 0;
    for (size_t i = 0; i < text.len; i++)
        width += ((unsigned char)text.ptr[i] & 0xc0) != 0x80;
    return width;
}

static void print_cell(FILE *out, struct bw_str text, size_t width, bool is_right, bool is_last)
{
    size_t pad = width - width_of(text);
    if (is_right)
        fprintf(out, "%*s", (int)pad, "");
    fprintf(out, "%.*s", BW_STR_ARG(text));
    if (!is_right && !is_last)
        fprintf(out, "%*s", (int)pad, "");
    fputs(is_last ? "\n" : "  ", out);
}

void bw_grid_print(struct bw_grid *grid, FILE *out)
{
    size_t widths[BW_GRID_COLUMNS_MAX] = {0};
    size_t columns = grid->columns;
    struct bw_str heads[BW_GRID_COLUMNS_MAX];
    bool is_right[BW_GRID_COLUMNS_MAX];
    for (size_t i = 0; i < columns; i++) {
        is_right[i] = grid->heads[i][0] == '>';
        heads[i] = bw_str_of(grid->heads[i] + is_right[i]);
        widths[i] = width_of(heads[i]);
    }
    for (size_t i = 0; i < grid->count; i++)
        if (width_of(grid->cells[i]) > widths[i % columns])
            widths[i % columns] = width_of(grid->cells[i]);
    for (size_t i = 0; i < columns; i++)
        print_cell(out, heads[i], widths[i], is_right[i], i + 1 == columns);
    for (size_t i = 0; i < grid->count; i++)
        print_cell(out, grid->cells[i], widths[i % columns], is_right[i % columns],
                   (i + 1) % columns == 0);
}

void bw_print_json(FILE *out, struct bw_str value)
{
    struct bw_buf json;
    bw_buf_init(&json, (size_t)1 << 30);
    bw_value_to_json(&json, value, BW_JSON_DECIMAL_STRINGS);
    fwrite(json.ptr, 1, json.len, out);
    fputc('\n', out);
    bw_buf_deinit(&json);
}
