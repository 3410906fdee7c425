/* grid.h - prints rows as a table for people, or as JSON.
 *
 * Offers:  bw_grid (columns aligned, numbers to the right), bw_cli_print_json.
 * Relies on: edge/cli.h, codec/value.h.
 */
#ifndef BW_EDGE_GRID_H
#define BW_EDGE_GRID_H

#include "base/mem.h"
#include "codec/value.h"
#include <stdio.h>

#define BW_GRID_COLUMNS_MAX 12

struct bw_grid {
    struct bw_arena arena;
    const char *heads[BW_GRID_COLUMNS_MAX]; /* a leading '>' aligns the column to the right */
    size_t columns;
    struct bw_str *cells; /* row after row */
    size_t count;
    size_t capacity;
};

/* `heads` ends with NULL. */
void bw_grid_init(struct bw_grid *grid, const char *const *heads);
void bw_grid_deinit(struct bw_grid *grid);
void bw_grid_add(struct bw_grid *grid,
                 struct bw_str cell); /* copied; control characters become spaces */
void bw_grid_add_text(struct bw_grid *grid, const char *cell);
void bw_grid_add_value(struct bw_grid *grid,
                       const struct bw_value *value); /* text as is, others as JSON */
void bw_grid_print(struct bw_grid *grid, FILE *out);

void bw_print_json(FILE *out, struct bw_str value); /* one line */

#endif
