/* sql_guard.h - looks at a script's SQL text before it is sent: one statement, of the kinds that
 * scripts may use.
 *
 * Offers:  bw_sql_prepare: checks a text and rewrites it for billow.script_execute.
 * Relies on: base/. Pure bytes. Not the wall itself (that is the low-privilege role, row-level
 * security and the server's own refusal of several statements), but the place where a mistake gets
 * a clear message.
 */
#ifndef BW_STORE_SQL_GUARD_H
#define BW_STORE_SQL_GUARD_H

#include "base/buf.h"
#include "base/err.h"

#define BW_SQL_BYTES_MAX (256u * 1024u)
#define BW_SQL_PARAMS_MAX 100u

struct bw_sql {
    bool is_read;      /* select, values, or with ... select */
    bool is_returning; /* its rows are the result; else they are only counted */
};

/* Appends the text to `out` as the server's function wants it: $3 becomes ($1)[3] (all parameters
 * are one text array; the statement casts them: $3::date), and a change that returns nothing gets
 * "returning 1", so that its rows are counted. INVALID when it is not one select, insert, update,
 * delete, values or with; uses a parameter that is not there; or names a function of the server
 * that reaches past the statement. LIMIT when too long. */
BW_MUST_USE enum bw_err bw_sql_prepare(struct bw_str text, size_t param_count, struct bw_buf *out,
                                       struct bw_sql *sql, struct bw_error *error);

#endif
