/* retention.c - see retention.h. */
#include "store/retention.h"

#include "store/rows.h"
#include <stdlib.h>

static const char *const scope_names[] = {"tenant",   "run",      "workflow",
                                          "contract", "customer", "matter"};

const char *bw_hold_scope_name(enum bw_hold_scope scope)
{
    return scope_names[scope];
}

bool bw_hold_scope_from_name(struct bw_str name, enum bw_hold_scope *scope)
{
    for (size_t i = 0; i < BW_HOLD_SCOPE_COUNT; i++) {
        if (!bw_str_eq(name, bw_str_of(scope_names[i])))
            continue;
        *scope = (enum bw_hold_scope)i;
        return true;
    }
    return false;
}

/* --- Holds. */

enum bw_err bw_hold_from_args(struct bw_str what, struct bw_str args, struct bw_hold *hold,
                              struct bw_error *error)
{
    struct bw_value map = bw_value_read(args);
    struct bw_str scope = bw_value_get_str(&map, "scope", BW_STR_NONE);
    struct bw_id run;
    *hold = (struct bw_hold){.name = bw_value_get_str(&map, "name", BW_STR_NONE),
                             .scope_id = bw_value_get_str(&map, "scope_id", BW_STR_NONE),
                             .reason = bw_value_get_str(&map, "reason", BW_STR_NONE),
                             .set_by = bw_value_get_str(&map, "set_by", BW_STR("unknown")),
                             .set_at_us = bw_value_get_int(&map, "at_us", 0)};
    if (!hold->name.len || hold->name.len > 100)
        return bw_fail(error, BW_ERR_INVALID, "a hold needs a name of 1 to 100 bytes");
    if (!hold->reason.len)
        return bw_fail(error, BW_ERR_INVALID, "a hold is set and ended for a reason: say which");
    if (bw_str_eq(what, BW_STR("hold_end")))
        return BW_ERR_OK;
    if (!bw_hold_scope_from_name(scope, &hold->scope))
        return bw_fail(error, BW_ERR_INVALID,
                       "a hold's scope is tenant, run, workflow, contract, customer or matter, "
                       "not \"%.*s\"",
                       BW_STR_ARG(scope));
    if ((hold->scope == BW_HOLD_TENANT) != (hold->scope_id.len == 0))
        return bw_fail(error, BW_ERR_INVALID, "a hold has a scope_id unless its scope is tenant");
    if (hold->scope_id.len > 1000)
        return bw_fail(error, BW_ERR_INVALID, "the scope_id of a hold has at most 1000 bytes");
    if (hold->scope == BW_HOLD_RUN && !bw_id_parse(hold->scope_id, &run))
        return bw_fail(error, BW_ERR_INVALID, "%.*s is not the id of a run",
                       BW_STR_ARG(hold->scope_id));
    return BW_ERR_OK;
}

enum bw_err bw_hold_fail_other(const struct bw_hold *there, struct bw_error *error)
{
    return bw_fail(error, BW_ERR_CONFLICT, "hold %.*s is there already, on %s%s%.*s",
                   BW_STR_ARG(there->name), bw_hold_scope_name(there->scope),
                   there->scope_id.len ? " " : "", BW_STR_ARG(there->scope_id));
}

static void put_key_str(struct bw_buf *out, const char *key, struct bw_str text)
{
    bw_value_put_key(out, key);
    bw_value_put_str(out, text);
}

static void put_key_int(struct bw_buf *out, const char *key, int64_t number)
{
    bw_value_put_key(out, key);
    bw_value_put_int(out, number);
}

void bw_hold_put(struct bw_buf *out, const struct bw_hold *hold)
{
    bw_value_put_map(out, 6);
    put_key_str(out, "name", hold->name);
    put_key_str(out, "reason", hold->reason);
    put_key_str(out, "scope", bw_str_of(bw_hold_scope_name(hold->scope)));
    put_key_str(out, "scope_id", hold->scope_id);
    put_key_int(out, "set_at_us", hold->set_at_us);
    put_key_str(out, "set_by", hold->set_by);
}

/* --- Arguments. */

static enum bw_err take_rule(const struct bw_value *map, struct bw_expiry_rule *rule,
                             struct bw_error *error)
{
    *rule = (struct bw_expiry_rule){
        .workflow = bw_value_get_str(map, "workflow", BW_STR_NONE),
        .customer = bw_value_get_str(map, "customer", BW_STR_NONE),
        .contract = bw_value_get_str(map, "contract", BW_STR_NONE),
        .before_us = bw_value_get_int(map, "before_us", 0),
        .books_before_us = bw_value_get_int(map, "books_before_us", 0),
    };
    if ((rule->workflow.len > 0) + (rule->customer.len > 0) + (rule->contract.len > 0) > 1)
        return bw_fail(error, BW_ERR_INVALID,
                       "a rule is for one workflow, one customer, one contract, or all others");
    if (rule->before_us < 0 || rule->books_before_us < 0)
        return bw_fail(error, BW_ERR_INVALID, "a rule's moments are not before 1970");
    return BW_ERR_OK;
}

static int64_t later(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

enum bw_err bw_expiry_query(struct bw_str args, struct bw_arena *arena,
                            struct bw_expiry_query *query, struct bw_error *error)
{
    struct bw_value map = bw_value_read(args), rules = bw_value_get(&map, "rules"), item;
    struct bw_str after = bw_value_get_str(&map, "after", BW_STR_NONE);
    size_t defaults = 0;
    *query =
        (struct bw_expiry_query){.limit = bw_value_get_int(&map, "limit", BW_ROWS_LIMIT_DEFAULT)};
    if (after.len && !bw_id_parse(after, &query->after))
        return bw_fail(error, BW_ERR_INVALID, "after is not an id: %.*s", BW_STR_ARG(after));
    if (query->limit < 1 || query->limit > BW_ROWS_LIMIT_MAX)
        return bw_fail(error, BW_ERR_INVALID, "limit has to be from 1 to %d", BW_ROWS_LIMIT_MAX);
    query->rules = bw_arena_calloc(arena, rules.tag == BW_VALUE_ARR ? rules.count + 1 : 1,
                                   sizeof *query->rules);
    for (struct bw_str rest = rules.tag == BW_VALUE_ARR ? rules.items : BW_STR_NONE;
         bw_value_next(&rest, &item);) {
        struct bw_expiry_rule *rule = &query->rules[query->rule_count++];
        if (take_rule(&item, rule, error) != BW_ERR_OK)
            return error->code;
        query->before_max_us =
            later(query->before_max_us, later(rule->before_us, rule->books_before_us));
        query->has_scopes = query->has_scopes || rule->customer.len || rule->contract.len;
        defaults += !rule->workflow.len && !rule->customer.len && !rule->contract.len;
    }
    if (defaults != 1)
        return bw_fail(
            error, BW_ERR_INVALID,
            "rules need one without workflow, customer and contract: that of all others");
    return BW_ERR_OK;
}

enum bw_err bw_drop_from_args(struct bw_str args, struct bw_arena *arena, struct bw_drop *drop,
                              struct bw_error *error)
{
    struct bw_value map = bw_value_read(args), runs = bw_value_get(&map, "runs"), item;
    *drop = (struct bw_drop){.stamp = bw_value_get_int(&map, "stamp", 0),
                             .at_us = bw_value_get_int(&map, "at_us", 0),
                             .under = bw_value_get_str(&map, "under", BW_STR_NONE),
                             .by = bw_value_get_str(&map, "by", BW_STR_NONE),
                             .detail = bw_value_get(&map, "detail").encoded};
    if (!drop->under.len || !drop->by.len)
        return bw_fail(error, BW_ERR_INVALID,
                       "runs are dropped by somebody, under a decision: give by and under");
    if (runs.tag != BW_VALUE_ARR || runs.count > BW_ROWS_LIMIT_MAX)
        return bw_fail(error, BW_ERR_INVALID, "runs is a list of at most %d ids",
                       BW_ROWS_LIMIT_MAX);
    drop->runs = bw_arena_calloc(arena, runs.count + 1, sizeof *drop->runs);
    for (struct bw_str rest = runs.items; bw_value_next(&rest, &item);) {
        if (item.tag != BW_VALUE_STR || !bw_id_parse(item.text, &drop->runs[drop->count++]))
            return bw_fail(error, BW_ERR_INVALID, "runs has something that is not an id");
    }
    return BW_ERR_OK;
}

void bw_drop_put(struct bw_buf *out, int64_t runs, int64_t turns)
{
    bw_value_put_map(out, 2);
    put_key_int(out, "runs", runs);
    put_key_int(out, "turns", turns);
}

void bw_drop_fail_stale(struct bw_error *error)
{
    bw_fail(error, BW_ERR_CONFLICT,
            "a hold or a setting of the retention policy changed in the meantime: look again");
}

void bw_retention_put(struct bw_buf *out, int64_t stamp, int64_t dropped, int64_t holds,
                      struct bw_str last)
{
    bw_value_put_map(out, 4);
    put_key_int(out, "dropped", dropped);
    put_key_int(out, "holds", holds);
    bw_value_put_key(out, "last");
    if (last.len)
        bw_buf_put_str(out, last);
    else
        bw_value_put_null(out);
    put_key_int(out, "stamp", stamp);
}

/* --- Tags of a tree. */

enum { TAG_CONTRACT, TAG_CUSTOMER, TAG_MATTER };

struct tag {
    int kind;
    struct bw_str text;
};

struct tree {
    const struct bw_expiry_facts *facts;
    const struct bw_expiry_run *runs;
    size_t count;
    struct tag *tags;
    size_t tag_count;
    size_t tag_room;
};

static bool has_tag(const struct tree *tree, int kind, struct bw_str text)
{
    for (size_t i = 0; i < tree->tag_count; i++) {
        if (tree->tags[i].kind == kind && bw_str_eq(tree->tags[i].text, text))
            return true;
    }
    return false;
}

static void add_tag(struct tree *tree, int kind, struct bw_str text)
{
    if (!text.len || has_tag(tree, kind, text))
        return;
    if (tree->tag_count == tree->tag_room) {
        tree->tag_room = tree->tag_room ? 2 * tree->tag_room : 16;
        tree->tags = bw_xrealloc(tree->tags, tree->tag_room * sizeof *tree->tags);
    }
    tree->tags[tree->tag_count++] = (struct tag){kind, text};
}

static void add_input(struct tree *tree, struct bw_str input)
{
    static const char *const names[] = {"contract", "customer", "matter"};
    struct bw_value map = bw_value_read(input), item;
    for (int kind = TAG_CONTRACT; map.tag == BW_VALUE_MAP && kind <= TAG_MATTER; kind++) {
        struct bw_value value = bw_value_get(&map, names[kind]);
        if (value.tag == BW_VALUE_STR)
            add_tag(tree, kind, value.text);
        struct bw_str rest = value.tag == BW_VALUE_ARR ? value.items : BW_STR_NONE;
        while (bw_value_next(&rest, &item))
            add_tag(tree, kind, item.tag == BW_VALUE_STR ? item.text : BW_STR_NONE);
    }
}

static void add_documents(struct tree *tree, struct bw_str documents)
{
    const char *at = documents.ptr, *end = documents.ptr + documents.len;
    while (at < end) {
        const char *stop = memchr(at, 0x1e, (size_t)(end - at));
        stop = stop ? stop : end;
        const char *middle = memchr(at, 0x1f, (size_t)(stop - at));
        middle = middle ? middle : stop;
        add_tag(tree, TAG_CONTRACT, bw_str(at, (size_t)(middle - at)));
        if (middle < stop)
            add_tag(tree, TAG_CUSTOMER, bw_str(middle + 1, (size_t)(stop - middle - 1)));
        at = stop < end ? stop + 1 : end;
    }
}

static void find_tags(struct tree *tree)
{
    const struct bw_expiry_facts *facts = tree->facts;
    for (size_t i = 0; i < tree->count; i++) {
        add_input(tree, tree->runs[i].input);
        if (tree->runs[i].documents.len)
            add_documents(tree, tree->runs[i].documents);
    }
    for (size_t i = 0; i < facts->contract_count; i++) {
        if (has_tag(tree, TAG_CONTRACT, facts->contracts[i].contract))
            add_tag(tree, TAG_CUSTOMER, facts->contracts[i].customer);
    }
}

/* --- The judgement. */

static bool is_held_by(const struct tree *tree, const struct bw_hold *hold, bool is_unknown)
{
    struct bw_id run;
    switch (hold->scope) {
    case BW_HOLD_TENANT:
        return true;
    case BW_HOLD_RUN:
        for (size_t i = 0; bw_id_parse(hold->scope_id, &run) && i < tree->count; i++) {
            if (bw_id_eq(tree->runs[i].id, run))
                return true;
        }
        return false;
    case BW_HOLD_WORKFLOW:
        for (size_t i = 0; i < tree->count; i++) {
            if (bw_str_eq(tree->runs[i].workflow, hold->scope_id))
                return true;
        }
        return false;
    case BW_HOLD_CONTRACT:
        return is_unknown || has_tag(tree, TAG_CONTRACT, hold->scope_id);
    case BW_HOLD_CUSTOMER:
        return is_unknown || has_tag(tree, TAG_CUSTOMER, hold->scope_id);
    default:
        return is_unknown || has_tag(tree, TAG_MATTER, hold->scope_id);
    }
}

static bool is_held(const struct tree *tree)
{
    bool has_written = false, is_named = false;
    for (size_t i = 0; i < tree->count; i++)
        has_written = has_written || tree->runs[i].wrote;
    for (size_t i = 0; i < tree->tag_count; i++)
        is_named = is_named || tree->tags[i].kind != TAG_MATTER;
    for (size_t i = 0; i < tree->facts->hold_count; i++) {
        if (is_held_by(tree, &tree->facts->holds[i], has_written && !is_named))
            return true;
    }
    return false;
}

/* The earliest of the moments that the rules give to a run: what customers and contracts say stands
 * in place of the rule of all others, beside that of the workflow. */
static int64_t before_of(const struct tree *tree, const struct bw_expiry_run *run)
{
    const struct bw_expiry_query *query = tree->facts->query;
    int64_t before = INT64_MAX, otherwise = 0;
    for (size_t i = 0; i < query->rule_count; i++) {
        const struct bw_expiry_rule *rule = &query->rules[i];
        int64_t moment = run->wrote ? rule->books_before_us : rule->before_us;
        bool is_for_all = !rule->workflow.len && !rule->customer.len && !rule->contract.len;
        bool applies = (rule->workflow.len && bw_str_eq(rule->workflow, run->workflow)) ||
                       (rule->customer.len && has_tag(tree, TAG_CUSTOMER, rule->customer)) ||
                       (rule->contract.len && has_tag(tree, TAG_CONTRACT, rule->contract));
        if (is_for_all)
            otherwise = moment;
        else if (applies && moment < before)
            before = moment;
    }
    return before == INT64_MAX ? otherwise : before;
}

enum verdict { GOES, HELD, OPEN, DOCUMENTS, YOUNG, VERDICT_COUNT };

static enum verdict judge(const struct tree *tree)
{
    for (size_t i = 0; i < tree->count; i++) {
        const struct bw_expiry_run *run = &tree->runs[i];
        if (!bw_run_status_is_final(run->status) || run->has_open_task)
            return OPEN;
        if (run->finished_at_us >= before_of(tree, run))
            return YOUNG;
    }
    if (is_held(tree))
        return HELD;
    for (size_t i = 0; i < tree->count; i++) {
        if (tree->runs[i].has_open_document)
            return DOCUMENTS;
    }
    return GOES;
}

/* Tree by tree in the order of their roots, in each the deepest first. */
static int by_tree(const void *left, const void *right)
{
    const struct bw_expiry_run *a = left, *b = right;
    int order = bw_id_cmp(a->root, b->root);
    if (order == 0 && a->depth != b->depth)
        order = a->depth > b->depth ? -1 : 1;
    return order ? order : bw_id_cmp(a->id, b->id);
}

static void put_run(struct bw_buf *out, const struct bw_expiry_run *run)
{
    bw_value_put_map(out, 5);
    put_key_int(out, "finished_at_us", run->finished_at_us);
    bw_value_put_key(out, "id");
    bw_rows_put_id(out, run->id);
    put_key_str(out, "key", run->key);
    put_key_str(out, "workflow", run->workflow);
    bw_value_put_key(out, "wrote");
    bw_value_put_bool(out, run->wrote);
}

void bw_expiry_judge(struct bw_expiry_facts *facts, struct bw_buf *out)
{
    struct bw_buf runs;
    size_t counts[VERDICT_COUNT] = {0};
    bw_buf_init(&runs, BW_ROWS_VALUE_BYTES_MAX);
    if (facts->run_count > 0)
        qsort(facts->runs, facts->run_count, sizeof *facts->runs, by_tree);
    for (size_t from = 0, to; from < facts->run_count; from = to) {
        struct tree tree = {.facts = facts, .runs = &facts->runs[from]};
        for (to = from;
             to < facts->run_count && bw_id_eq(facts->runs[to].root, facts->runs[from].root);)
            to++;
        tree.count = to - from;
        find_tags(&tree);
        enum verdict verdict = judge(&tree);
        counts[verdict] += tree.count;
        for (size_t i = from; verdict == GOES && i < to; i++)
            put_run(&runs, &facts->runs[i]);
        bw_free(tree.tags);
    }
    bw_value_put_map(out, 4);
    bw_value_put_key(out, "after");
    if (bw_id_is_zero(facts->next))
        bw_value_put_null(out);
    else
        bw_rows_put_id(out, facts->next);
    bw_value_put_key(out, "kept");
    bw_value_put_map(out, 4);
    put_key_int(out, "documents", (int64_t)counts[DOCUMENTS]);
    put_key_int(out, "held", (int64_t)counts[HELD]);
    put_key_int(out, "open", (int64_t)counts[OPEN]);
    put_key_int(out, "young", (int64_t)counts[YOUNG]);
    bw_value_put_key(out, "runs");
    bw_value_put_arr(out, counts[GOES]);
    bw_buf_put_str(out, bw_buf_str(&runs));
    put_key_int(out, "stamp", facts->stamp);
    bw_buf_deinit(&runs);
}
