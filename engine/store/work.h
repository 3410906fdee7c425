/* work.h - a script's database work as the JSON that billow.run_work and billow.script_query take.
 *
 * Offers:  statements and parameters, checked and encoded; the outcome's JSON back as a value.
 * Relies on: codec/value.h, store/sql_guard.h.
 *
 * Parameters become text, and the statement casts them ($2::numeric): nil and null are SQL's null,
 * booleans "true" and "false", integers and decimals plain digits, strings themselves, maps, arrays
 * and money JSON (decimals in it as numbers with their digits). {["$ref"] = "n"} is the number
 * taken as "n" by an earlier item, "n.sequence" its sequence.
 */
#ifndef BW_STORE_WORK_H
#define BW_STORE_WORK_H

#include "codec/value.h"

#define BW_WORK_ITEMS_MAX 1000u

/* `statements` as in struct bw_db_work. Always writes something: {"items":[...]}, or {"fault":error
 * map} when the work is refused before it is sent: then that is its outcome. */
void bw_work_to_json(struct bw_str statements, struct bw_buf *json);

/* The parameters of a query as a PostgreSQL array of text in text form, and the rewritten
 * statement. */
BW_MUST_USE enum bw_err bw_work_query(struct bw_str sql, struct bw_str params,
                                      struct bw_buf *rewritten, struct bw_buf *array,
                                      struct bw_error *error);

/* What the server wrote (rows, numbers, an error map) as a value. When it cannot be one (a number
 * of over 34 digits, binary floats like 1e400), `kind_is_error` tells that an error map was written
 * instead. */
void bw_work_from_json(struct bw_str json, struct bw_buf *value, bool *kind_is_error);

/* What a parent hears whose child's start key another run has. */
void bw_work_put_key_taken(struct bw_buf *value, struct bw_str workflow, struct bw_str key);

/* Appends an error map {code, detail, is_retryable, text}. */
void bw_work_put_error(struct bw_buf *value, enum bw_err code, const char *text,
                       const char *statement);

#endif
