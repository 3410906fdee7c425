/* api_query.h - read models of the API: SQL under the script role, so that row-level security holds
 * here as it does for scripts.
 *
 * Offers:  a query with its parameters taken from the call, the first row, optional parameters.
 * Relies on: edge/api.h, store/store.h.
 */
#ifndef BW_EDGE_API_QUERY_H
#define BW_EDGE_API_QUERY_H

#include "edge/api.h"
#include "store/store.h"

/* Runs `sql` with text parameters (an empty one is null); `on_rows` answers the call with the rows,
 * an array of maps.
 */
void bw_api_query(struct bw_api_call *call, const char *name, const char *sql,
                  const struct bw_str *parameters, size_t count, bw_value_fn on_rows);
/* The parameter of the query string; empty when it is not given. */
struct bw_str bw_api_query_parameter(const struct bw_api_call *call, const char *name);
/* In an `on_rows`: the first row. False: the call is answered, with the error, or NOT_FOUND with
 * `missing`. */
bool bw_api_first_row(struct bw_api_call *call, const struct bw_error *error, struct bw_str rows,
                      const char *missing, struct bw_value *row);

#endif
