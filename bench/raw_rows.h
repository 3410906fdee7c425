/* raw_rows.h - rows for the raw limits: columns as arrays in PostgreSQL's binary format.
 *
 * Offers:  a set of columns to which rows are appended, and which are then the arguments of a
 * statement. Relies on: base/buf.h.
 */
#ifndef BW_BENCH_RAW_ROWS_H
#define BW_BENCH_RAW_ROWS_H

#include "base/buf.h"
#include "base/id.h"

enum { RAW_COLUMNS_MAX = 16 };

struct raw_rows {
    struct bw_buf columns[RAW_COLUMNS_MAX];
    const char *types; /* a letter for each: u uuid, s smallint, l bigint, b boolean, x bytea */
    size_t column_count;
    size_t cells;
    /* For PQexecPrepared, after raw_rows_end. */
    const char *values[RAW_COLUMNS_MAX];
    int lengths[RAW_COLUMNS_MAX];
    int formats[RAW_COLUMNS_MAX];
};

void raw_rows_init(struct raw_rows *rows, const char *types);
void raw_rows_deinit(struct raw_rows *rows);
void raw_rows_begin(struct raw_rows *rows); /* empty again */
/* Cells go row by row, in the order of the types. Null cells are not supported: no column needs
 * them. */
void raw_rows_id(struct raw_rows *rows, struct bw_id id);
void raw_rows_int(struct raw_rows *rows, int64_t value); /* s, l, b */
void raw_rows_bytes(struct raw_rows *rows, struct bw_str bytes);
void raw_rows_end(struct raw_rows *rows);

#endif
