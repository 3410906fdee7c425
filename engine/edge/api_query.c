#include "edge/api_query.h"

void bw_api_query(struct bw_api_call *call, const char *name, const char *sql,
                  const struct bw_str *parameters, size_t count, bw_value_fn on_rows)
{
    struct bw_buf params;
    bw_buf_init(&params, 65536);
    bw_value_put_arr(&params, count);
    for (size_t i = 0; i < count; i++) {
        if (parameters[i].len)
            bw_value_put_str(&params, parameters[i]);
        else
            bw_value_put_nil(&params);
    }
    call->store->query(call->store->self, call->tenant, bw_str_of(name), bw_str_of(sql),
                       bw_buf_str(&params), on_rows, call);
    bw_buf_deinit(&params);
}

struct bw_str bw_api_query_parameter(const struct bw_api_call *call, const char *name)
{
    struct bw_value map = bw_value_read(call->query);
    return bw_value_get_str(&map, name, BW_STR_NONE);
}

bool bw_api_first_row(struct bw_api_call *call, const struct bw_error *error, struct bw_str rows,
                      const char *missing, struct bw_value *row)
{
    if (error->code) {
        bw_api_fail(call, error);
        return false;
    }
    struct bw_value list = bw_value_read(rows);
    struct bw_str rest = list.items;
    if (bw_value_next(&rest, row))
        return true;
    bw_api_fail_text(call, BW_ERR_NOT_FOUND, missing);
    return false;
}
