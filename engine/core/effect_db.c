/* effect_db.c - the database, and gapless numbers.
 *
 *     "db.query"       {name, sql, params?} -> rows
 *     "db.transaction" {statements} -> results
 *     "number.next"    {series, date, customer?} -> {number, sequence}
 *
 * A query is a read after the commit (own effect). A transaction and a number are work inside the
 * commit of the turn that asks (exactly once, J6): their outcome is the message "tx:<seq>", written
 * by the same transaction.
 */
#include "base/fault.h"
#include "core/args.h"
#include "core/asking.h"
#include "core/inside.h"

static enum bw_err query_plan(struct bw_plan *plan, struct bw_error *error)
{
    struct bw_str text;
    struct bw_value params;
    enum bw_err code = bw_args_need_str(&plan->args, "name", &text, error);
    if (code == BW_ERR_OK)
        code = bw_args_need_str(&plan->args, "sql", &text, error);
    if (code == BW_ERR_OK && bw_value_get(&plan->args, "params").tag != BW_VALUE_NIL)
        code = bw_args_need_arr(&plan->args, "params", &params, error);
    return code;
}

static void query_ask(struct bw_engine *engine, struct bw_effect *effect, struct bw_str args,
                      struct bw_call *call)
{
    static const char NO_PARAMS[] = {BW_VALUE_ARR, 0};
    struct bw_store *store = engine->config.store;
    struct bw_value map = bw_value_read(args);
    struct bw_value params = bw_value_get(&map, "params");
    bool has_params = params.tag == BW_VALUE_ARR;
    store->query(store->self, effect->run->tenant, bw_value_get_str(&map, "name", BW_STR_NONE),
                 bw_value_get_str(&map, "sql", BW_STR_NONE),
                 has_params ? params.encoded : bw_str(NO_PARAMS, sizeof NO_PARAMS),
                 bw_call_on_value, call);
}

static void query_begin(struct bw_engine *engine, struct bw_effect *effect,
                        const struct bw_value *args)
{
    bw_asking_begin(engine, effect, args, query_ask);
}

const struct bw_effect_kind bw_effect_db_query = {
    .name = "db.query",
    .wake = BW_WAKE_EFFECT,
    .is_own = true,
    .plan = query_plan,
    .begin = query_begin,
    .cancel = bw_asking_cancel,
};

static enum bw_err check_statement(const struct bw_value *statement, size_t at,
                                   struct bw_error *error)
{
    if (statement->tag != BW_VALUE_MAP)
        return bw_fail(error, BW_ERR_INVALID, "statement %zu must be a map, it is %s", at,
                       bw_value_tag_name(statement->tag));
    bool is_number = bw_value_get(statement, "number").tag == BW_VALUE_STR;
    bool is_sql = bw_value_get(statement, "name").tag == BW_VALUE_STR &&
                  bw_value_get(statement, "sql").tag == BW_VALUE_STR;
    if (is_number == is_sql)
        return bw_fail(error, BW_ERR_INVALID, "statement %zu must have name and sql, or number",
                       at);
    return BW_ERR_OK;
}

static enum bw_err transaction_plan(struct bw_plan *plan, struct bw_error *error)
{
    struct bw_value statements, statement;
    enum bw_err code = bw_args_need_arr(&plan->args, "statements", &statements, error);
    if (code != BW_ERR_OK)
        return code;
    if (statements.count == 0)
        return bw_fail(error, BW_ERR_INVALID, "'statements' is empty");
    size_t at = 0;
    for (struct bw_str rest = statements.items; bw_value_next(&rest, &statement);) {
        code = check_statement(&statement, ++at, error);
        if (code != BW_ERR_OK)
            return code;
    }
    bw_batch_db_work(plan->batch, (struct bw_db_work){.seq = plan->command->seq,
                                                      .statements = statements.encoded});
    return BW_ERR_OK;
}

const struct bw_effect_kind bw_effect_db_transaction = {
    .name = "db.transaction",
    .wake = BW_WAKE_DATABASE,
    .is_in_commit = true,
    .plan = transaction_plan,
};

/* The same mechanism: a transaction of one statement {as, customer?, date, number}. */
static enum bw_err number_plan(struct bw_plan *plan, struct bw_error *error)
{
    struct bw_str series, date, customer = BW_STR_NONE;
    struct bw_buf *buf = &plan->engine->value;
    enum bw_err code = bw_args_need_str(&plan->args, "series", &series, error);
    if (code == BW_ERR_OK)
        code = bw_args_need_str(&plan->args, "date", &date, error);
    if (code == BW_ERR_OK)
        code = bw_args_opt_str(&plan->args, "customer", &customer, error);
    if (code != BW_ERR_OK)
        return code;
    (void)BW_FAULT(NUMBER_PLANNED);
    bw_value_put_arr(buf, 1);
    bw_value_put_map(buf, customer.len ? 4 : 3);
    bw_value_put_key(buf, "as");
    bw_value_put_text(buf, "n");
    if (customer.len) {
        bw_value_put_key(buf, "customer");
        bw_value_put_str(buf, customer);
    }
    bw_value_put_key(buf, "date");
    bw_value_put_str(buf, date);
    bw_value_put_key(buf, "number");
    bw_value_put_str(buf, series);
    bw_batch_db_work(plan->batch, (struct bw_db_work){.seq = plan->command->seq,
                                                      .statements = bw_arena_copy(
                                                          &plan->batch->arena, bw_buf_str(buf))});
    bw_buf_clear(buf);
    return BW_ERR_OK;
}

static bool number_unwrap(struct bw_str message, struct bw_value *outcome)
{
    struct bw_value list = bw_value_read(message);
    struct bw_str rest = list.items;
    return list.tag == BW_VALUE_ARR && list.count == 1 && bw_value_next(&rest, outcome);
}

const struct bw_effect_kind bw_effect_number_next = {
    .name = "number.next",
    .wake = BW_WAKE_DATABASE,
    .is_in_commit = true,
    .plan = number_plan,
    .unwrap = number_unwrap,
};
