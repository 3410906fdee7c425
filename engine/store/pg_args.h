/* pg_args.h - rows as parallel arrays in PostgreSQL's binary format: the arguments of `unnest`.
 *
 * Offers:  struct bw_pg_table: write cell after cell, row by row; each column becomes one argument.
 * Relies on: io/pgc.h (struct bw_pg_param).
 */
#ifndef BW_STORE_PG_ARGS_H
#define BW_STORE_PG_ARGS_H

#include "io/pgc.h"

struct bw_pg_column {
    struct bw_buf buf; /* header, then the elements */
    uint32_t count;
    bool has_null;
};

/* Column types by letter: u uuid, s int2, l int8, b bool, t text, x bytea. */
struct bw_pg_table {
    const char *types; /* static storage */
    struct bw_pg_column columns[BW_PG_PARAMS_MAX];
    size_t column_count;
    size_t at; /* the column that the next cell goes to */
};

void bw_pg_table_init(struct bw_pg_table *table, const char *types);
void bw_pg_table_deinit(struct bw_pg_table *table);
size_t bw_pg_table_rows(const struct bw_pg_table *table);

void bw_pg_cell_null(struct bw_pg_table *table);
void bw_pg_cell_id(struct bw_pg_table *table, struct bw_id id);         /* u */
void bw_pg_cell_id_or_null(struct bw_pg_table *table, struct bw_id id); /* u; the zero id is null */
void bw_pg_cell_int(struct bw_pg_table *table, int64_t value);          /* s, l */
void bw_pg_cell_int_or_null(struct bw_pg_table *table, int64_t value);  /* s, l; 0 is null */
void bw_pg_cell_bool(struct bw_pg_table *table, bool value);            /* b */
void bw_pg_cell_str(struct bw_pg_table *table, struct bw_str bytes);    /* t, x */
void bw_pg_cell_str_or_null(struct bw_pg_table *table,
                            struct bw_str bytes); /* t, x; empty is null */

/* Copies the columns into the unit's arena and fills as many arguments as there are columns. */
void bw_pg_table_params(struct bw_pg_table *table, struct bw_pgc_unit *unit,
                        struct bw_pg_param *params);

/* Single arguments, copied into the unit's arena. */
struct bw_pg_param bw_pg_arg_id(struct bw_pgc_unit *unit, struct bw_id id);
struct bw_pg_param bw_pg_arg_int(struct bw_pgc_unit *unit, int64_t value); /* bigint */
struct bw_pg_param bw_pg_arg_bool(struct bw_pgc_unit *unit, bool value);
struct bw_pg_param bw_pg_arg_bytes(struct bw_pgc_unit *unit,
                                   struct bw_str bytes); /* bytea, or text as its bytes */
struct bw_pg_param bw_pg_arg_text(struct bw_pgc_unit *unit,
                                  struct bw_str text); /* any type, in text form */

#endif
