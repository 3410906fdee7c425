/* mem_work.c - numbers of series, and the transactions and queries that the test world plays. */
#include "base/assert.h"
#include "store/mem_store.h"
#include "store/sql_guard.h"
#include "store/work.h"
#include <stdio.h>

#define VALUE_BYTES_MAX (64u * 1024u * 1024u)

/* --- Numbers --------------------------------------------------------------------------------- */

static bool starts_again(const struct mem_series *series, struct bw_str date)
{
    return series->last_date.len > 0 &&
           !bw_series_is_same_stretch(series->reset, date, series->last_date);
}

static enum bw_err check_number(const struct mem_store *store, const struct mem_request *request,
                                const struct bw_value *item, struct mem_series **series,
                                struct bw_error *error)
{
    struct bw_str name = bw_value_get_str(item, "number", BW_STR_NONE);
    struct bw_str date = bw_value_get_str(item, "date", BW_STR_NONE);
    if (!bw_rows_is_date(date))
        return bw_fail(error, BW_ERR_INVALID,
                       "number of series %.*s: the date has to be YYYY-MM-DD", BW_STR_ARG(name));
    *series = mem_find_series(store, request->request.tenant, name);
    if (!*series)
        return bw_fail(error, BW_ERR_NOT_FOUND, "there is no number series %.*s", BW_STR_ARG(name));
    if ((*series)->last_date.len && bw_str_cmp(date, (*series)->last_date) < 0)
        return bw_fail(error, BW_ERR_INVALID,
                       "series %.*s: the date %.*s is before %.*s, the date of its last number",
                       BW_STR_ARG(name), BW_STR_ARG(date), BW_STR_ARG((*series)->last_date));
    return BW_ERR_OK;
}

/* Takes a number and remembers how to give it back. Appends {number, sequence}. */
static enum bw_err take_number(struct mem_store *store, struct mem_request *request,
                               const struct bw_value *item, struct bw_buf *taken,
                               struct bw_error *error)
{
    struct mem_series *series;
    enum bw_err code = check_number(store, request, item, &series, error);
    if (code != BW_ERR_OK)
        return code;
    struct bw_str date = bw_value_get_str(item, "date", BW_STR_NONE);
    struct bw_str customer = bw_value_get_str(item, "customer", BW_STR_NONE);
    int64_t sequence = starts_again(series, date) ? 1 : series->next;
    struct bw_buf number;
    bw_buf_init(&number, 4096);
    if (!bw_series_format(series->format, series->reset, sequence, date, customer, &number)) {
        bw_buf_deinit(&number);
        return bw_fail(error, BW_ERR_INVALID, "series %.*s needs a customer",
                       BW_STR_ARG(series->series));
    }
    for (size_t i = 0; i < store->number_count; i++) {
        const struct mem_number *row = &store->numbers[i];
        if (bw_id_eq(row->tenant, series->tenant) && bw_str_eq(row->series, series->series) &&
            bw_str_eq(row->number, bw_buf_str(&number)))
            code = bw_fail(error, BW_ERR_CONFLICT, "series %.*s gave the number %.*s before",
                           BW_STR_ARG(series->series), BW_STR_ARG(row->number));
    }
    if (code == BW_ERR_OK) {
        bw_value_put_map(taken, 2);
        bw_value_put_key(taken, "number");
        bw_value_put_str(taken, bw_buf_str(&number));
        bw_value_put_key(taken, "sequence");
        bw_value_put_int(taken, sequence);
        MEM_PUSH(request->undo, request->undo_count,
                 (struct mem_undo){series, series->next, series->last_date});
        series->next = sequence + 1;
        series->last_date = mem_own(date);
        MEM_PUSH(store->numbers, store->number_count,
                 (struct mem_number){series->tenant, mem_own(series->series),
                                     mem_own(bw_buf_str(&number)), mem_own(date), sequence,
                                     request->at_us, request->request.run});
    }
    bw_buf_deinit(&number);
    return code;
}

static void give_back(struct mem_store *store, struct mem_request *request)
{
    while (request->undo_count > 0) {
        struct mem_undo *undo = &request->undo[--request->undo_count];
        struct mem_number *number = &store->numbers[--store->number_count];
        mem_disown(&undo->series->last_date);
        undo->series->last_date = undo->last_date;
        undo->series->next = undo->next;
        mem_disown(&number->series);
        mem_disown(&number->number);
        mem_disown(&number->date);
    }
}

static void keep_numbers(struct mem_request *request)
{
    for (size_t i = 0; i < request->undo_count; i++)
        mem_disown(&request->undo[i].last_date);
    request->undo_count = 0;
}

/* --- Requests -------------------------------------------------------------------------------- */

static struct mem_request *request_make(struct mem_store *store, enum bw_mem_request_kind kind,
                                        struct bw_id tenant)
{
    struct mem_request *request = bw_xcalloc(1, sizeof *request);
    bw_arena_init(&request->arena);
    bw_list_init(&request->link);
    request->request.id = ++store->request_last;
    request->request.kind = kind;
    request->request.tenant = tenant;
    bw_list_push_back(&store->requests, &request->link);
    return request;
}

static void request_free(struct mem_request *request)
{
    keep_numbers(request);
    bw_list_remove(&request->link);
    bw_free(request->undo);
    bw_arena_deinit(&request->arena);
    bw_free(request);
}

void mem_free_requests(struct mem_store *store)
{
    BW_LIST_EACH(&store->requests, link) {
        request_free(bw_container_of(link, struct mem_request, link));
    }
}

static void work_outcome(struct mem_store *store, struct mem_request *request,
                         enum bw_message_kind kind, struct bw_str value)
{
    struct mem_run *run = mem_find_run(store, request->request.tenant, request->request.run);
    char key[32];
    snprintf(key, sizeof key, "tx:%llu", (unsigned long long)request->request.seq);
    BW_ASSERT(run);
    struct mem_message *before = mem_find_message(run, bw_str_of(key));
    if (before &&
        before->is_read) { /* performed again by a resume, after its error was acknowledged */
        before->is_read = false;
        before->message.kind = kind;
        mem_replace(&before->message.value, value);
    }
    mem_add_message(store, run, bw_str_of(key), kind, request->request.seq, value, NULL);
    mem_mail(store, run->row.tenant, run->row.id);
}

/* As billow.error_json says it. `statement` is empty when a number could not be taken. */
static void put_failure(struct bw_buf *value, const struct bw_error *error, struct bw_str statement)
{
    char text[BW_ERROR_TEXT_MAX + 256];
    const char *state = error->code == BW_ERR_NOT_FOUND  ? "BW404"
                        : error->code == BW_ERR_CONFLICT ? "BW409"
                                                         : "BW400";
    snprintf(text, sizeof text, "%.*s%s%s", (int)statement.len, statement.len ? statement.ptr : "",
             statement.len ? ": " : "", error->text);
    bw_value_put_map(value, 4);
    bw_value_put_key(value, "code");
    bw_value_put_text(value, bw_err_name(error->code));
    bw_value_put_key(value, "detail");
    bw_value_put_map(value, statement.len ? 2 : 1);
    bw_value_put_key(value, "sqlstate");
    bw_value_put_text(value, state);
    if (statement.len) {
        bw_value_put_key(value, "statement");
        bw_value_put_str(value, statement);
    }
    bw_value_put_key(value, "is_retryable");
    bw_value_put_bool(value, false);
    bw_value_put_key(value, "text");
    bw_value_put_text(value, text);
}

static void work_failed(struct mem_store *store, struct mem_request *request,
                        const struct bw_error *error, struct bw_str statement)
{
    struct bw_buf value;
    bw_buf_init(&value, VALUE_BYTES_MAX);
    put_failure(&value, error, statement);
    give_back(store, request);
    work_outcome(store, request, BW_MESSAGE_ERROR, bw_buf_str(&value));
    bw_buf_deinit(&value);
    request_free(request);
}

/* The results, with numbers at the places of items that took one. */
static void work_done(struct mem_store *store, struct mem_request *request, struct bw_str results)
{
    struct bw_value list = bw_value_read(results);
    struct bw_str rest = list.items;
    struct bw_value item;
    struct bw_buf value;
    bw_buf_init(&value, VALUE_BYTES_MAX);
    bw_value_put_arr(&value, request->taken.count);
    for (size_t i = 0; i < request->taken.count; i++) {
        bool has_item = list.tag == BW_VALUE_ARR && bw_value_next(&rest, &item);
        if (request->taken.items[i].len)
            bw_buf_put_str(&value, request->taken.items[i]);
        else if (has_item)
            bw_buf_put_str(&value, item.encoded);
        else
            bw_value_put_arr(&value, 0);
    }
    keep_numbers(request);
    work_outcome(store, request, BW_MESSAGE_OUTCOME, bw_buf_str(&value));
    bw_buf_deinit(&value);
    request_free(request);
}

/* --- Preparing a transaction: numbers are taken, references to them filled in ---------------- */

struct work_names {
    struct bw_str names[64];
    struct bw_str taken[64]; /* encoded {number, sequence} */
    size_t count;
};

/* "n" or "n.sequence" of a number that was taken before. */
static bool put_ref(const struct work_names *names, struct bw_str ref, struct bw_buf *out)
{
    for (size_t i = names->count; i > 0; i--) {
        struct bw_str name = names->names[i - 1];
        struct bw_value taken = bw_value_read(names->taken[i - 1]);
        if (bw_str_eq(ref, name)) {
            bw_value_put_str(out, bw_value_get_str(&taken, "number", BW_STR_NONE));
            return true;
        }
        struct bw_str member = BW_STR(".sequence");
        if (ref.len == name.len + member.len && bw_str_starts(ref, name) &&
            memcmp(ref.ptr + name.len, member.ptr, member.len) == 0) {
            char text[24];
            snprintf(text, sizeof text, "%lld", (long long)bw_value_get_int(&taken, "sequence", 0));
            bw_value_put_text(out, text);
            return true;
        }
    }
    return false;
}

static enum bw_err put_params(const struct work_names *names, const struct bw_value *params,
                              struct bw_buf *out, struct bw_error *error)
{
    struct bw_str rest = params->items;
    struct bw_value param;
    bw_value_put_arr(out, params->count);
    while (bw_value_next(&rest, &param)) {
        struct bw_str ref =
            param.count == 1 ? bw_value_get_str(&param, "$ref", BW_STR_NONE) : BW_STR_NONE;
        if (!ref.len)
            bw_buf_put_str(out, param.encoded);
        else if (!put_ref(names, ref, out))
            return bw_fail(error, BW_ERR_INVALID,
                           "a parameter refers to the number %.*s, which no earlier item takes",
                           BW_STR_ARG(ref));
    }
    return BW_ERR_OK;
}

/* Copies one item with params filled in, and with `taken` when it took a number (keys stay in
 * order). */
static enum bw_err put_item(const struct work_names *names, const struct bw_value *item,
                            struct bw_str taken, struct bw_buf *out, struct bw_error *error)
{
    bool has_taken = taken.len == 0;
    struct bw_str rest = item->items;
    struct bw_str key;
    struct bw_value member;
    bw_value_put_map(out, item->count + (taken.len ? 1 : 0));
    while (bw_value_next_pair(&rest, &key, &member)) {
        if (!has_taken && bw_str_cmp(key, BW_STR("taken")) > 0) {
            bw_value_put_key(out, "taken");
            bw_buf_put_str(out, taken);
            has_taken = true;
        }
        bw_value_put_key_str(out, key);
        if (!bw_str_eq(key, BW_STR("params")) || member.tag != BW_VALUE_ARR) {
            bw_buf_put_str(out, member.encoded);
            continue;
        }
        enum bw_err code = put_params(names, &member, out, error);
        if (code != BW_ERR_OK)
            return code;
    }
    if (!has_taken) {
        bw_value_put_key(out, "taken");
        bw_buf_put_str(out, taken);
    }
    return BW_ERR_OK;
}

/* `failed` is the name of the statement that cannot be sent. */
static enum bw_err prepare_items(struct mem_store *store, struct mem_request *request,
                                 const struct bw_value *items, struct bw_buf *out,
                                 struct bw_str *failed, struct bw_error *error)
{
    struct work_names names = {.count = 0};
    struct bw_str rest = items->items;
    struct bw_value item;
    bw_value_put_arr(out, items->count);
    for (size_t i = 0; bw_value_next(&rest, &item); i++) {
        struct bw_str taken = BW_STR_NONE;
        enum bw_err code = BW_ERR_OK;
        if (bw_value_get(&item, "number").tag == BW_VALUE_STR) {
            struct bw_buf value;
            bw_buf_init(&value, 4096);
            code = take_number(store, request, &item, &value, error);
            taken = bw_arena_copy(&request->arena, bw_buf_str(&value));
            bw_buf_deinit(&value);
            struct bw_str name = bw_value_get_str(&item, "as", BW_STR_NONE);
            if (code == BW_ERR_OK && name.len && names.count < 64) {
                names.names[names.count] = name;
                names.taken[names.count++] = taken;
            }
        }
        if (code == BW_ERR_OK) {
            *failed = taken.len ? BW_STR_NONE : bw_value_get_str(&item, "name", BW_STR_NONE);
            code = put_item(&names, &item, taken, out, error);
        }
        if (code != BW_ERR_OK)
            return code;
        request->taken.items[i] = taken;
    }
    return BW_ERR_OK;
}

/* What the PostgreSQL store would refuse before it sends anything, is refused here as well. */
static bool is_refused(struct bw_str statements, struct bw_buf *fault)
{
    struct bw_buf json;
    bw_buf_init(&json, 256u * 1024u * 1024u);
    bw_work_to_json(statements, &json);
    struct bw_str prefix = BW_STR("{\"fault\":");
    bool is_fault = bw_str_starts(bw_buf_str(&json), prefix);
    if (is_fault) {
        bool is_error;
        bw_work_from_json(bw_str(json.ptr + prefix.len, json.len - prefix.len - 1), fault,
                          &is_error);
    }
    bw_buf_deinit(&json);
    return is_fault;
}

/* Takes the numbers of a transaction whose turn it is. It ends here when it has nothing else, or
 * when that failed. */
static void work_begin(struct mem_store *store, struct mem_request *request)
{
    struct bw_value items = bw_value_read(request->request.statements);
    struct bw_error error;
    struct bw_buf out;
    bw_buf_init(&out, VALUE_BYTES_MAX);
    request->taken.count = items.count;
    request->taken.items =
        bw_arena_calloc(&request->arena, items.count + 1, sizeof *request->taken.items);
    struct bw_str failed = BW_STR_NONE;
    enum bw_err code = prepare_items(store, request, &items, &out, &failed, &error);
    size_t numbers = 0;
    for (size_t i = 0; i < items.count; i++)
        numbers += request->taken.items[i].len > 0;
    if (code == BW_ERR_OK)
        request->request.statements = bw_arena_copy(&request->arena, bw_buf_str(&out));
    bw_buf_deinit(&out);
    if (code != BW_ERR_OK)
        work_failed(store, request, &error, failed);
    else if (numbers == items.count)
        work_done(store, request, BW_STR_NONE);
}

static bool is_numbers_only(struct bw_str statements)
{
    struct bw_value items = bw_value_read(statements);
    struct bw_str rest = items.items;
    struct bw_value item;
    while (bw_value_next(&rest, &item)) {
        if (bw_value_get(&item, "number").tag != BW_VALUE_STR)
            return false;
    }
    return true;
}

static bool has_open_transaction(const struct mem_store *store)
{
    BW_LIST_EACH(&store->requests, link) {
        const struct mem_request *request = bw_container_of(link, struct mem_request, link);
        if (request->request.kind == BW_MEM_TRANSACTION)
            return true;
    }
    return false;
}

void mem_start_work(struct mem_store *store, struct mem_run *run, uint64_t seq,
                    struct bw_str statements, int64_t at_us)
{
    bool is_first = !has_open_transaction(store);
    struct mem_request *request = request_make(store, BW_MEM_TRANSACTION, run->row.tenant);
    request->request.run = run->row.id;
    request->request.seq = seq;
    request->at_us = at_us;
    request->request.statements = bw_arena_copy(&request->arena, statements);
    struct bw_buf fault;
    bw_buf_init(&fault, VALUE_BYTES_MAX);
    if (is_refused(statements, &fault)) {
        work_outcome(store, request, BW_MESSAGE_ERROR, bw_buf_str(&fault));
        request_free(request);
    } else if (is_numbers_only(statements) && is_first) {
        work_begin(store, request);
    }
    bw_buf_deinit(&fault);
}

void mem_start_query(struct mem_store *store, struct bw_id tenant, struct bw_str name,
                     struct bw_str sql, struct bw_str params, bw_value_fn done, void *ud)
{
    struct bw_buf rewritten;
    struct bw_buf array;
    struct bw_error error;
    bw_buf_init(&rewritten, 4u << 20);
    bw_buf_init(&array, VALUE_BYTES_MAX);
    enum bw_err code = bw_work_query(sql, params, &rewritten, &array, &error);
    bw_buf_deinit(&rewritten);
    bw_buf_deinit(&array);
    if (code != BW_ERR_OK) {
        done(ud, &error, BW_STR_NONE);
        return;
    }
    struct mem_request *request = request_make(store, BW_MEM_QUERY, tenant);
    request->request.name = bw_arena_copy(&request->arena, name);
    request->request.sql = bw_arena_copy(&request->arena, sql);
    request->request.params = bw_arena_copy(&request->arena, params);
    request->done = done;
    request->ud = ud;
}

/* --- For the test world ---------------------------------------------------------------------- */

static struct mem_request *next_request(struct mem_store *store)
{
    bool is_busy = false; /* a transaction is at work, or an earlier one waits */
    BW_LIST_EACH(&store->requests, link) {
        struct mem_request *request = bw_container_of(link, struct mem_request, link);
        bool is_work = request->request.kind == BW_MEM_TRANSACTION;
        if (!request->is_handed_out && !(is_work && is_busy))
            return request;
        is_busy = is_busy || is_work;
    }
    return NULL;
}

bool bw_store_mem_next_request(struct bw_store *table, struct bw_mem_request *out)
{
    struct mem_store *store = table->self;
    for (struct mem_request *request; (request = next_request(store));) {
        uint64_t id = request->request.id;
        if (request->request.kind == BW_MEM_TRANSACTION)
            work_begin(store, request);
        /* It may have ended by that. */
        struct mem_request *still = next_request(store);
        if (!still || still->request.id != id)
            continue;
        still->is_handed_out = true;
        *out = still->request;
        return true;
    }
    return false;
}

static struct mem_request *find_request(struct mem_store *store, uint64_t id)
{
    BW_LIST_EACH(&store->requests, link) {
        struct mem_request *request = bw_container_of(link, struct mem_request, link);
        if (request->request.id == id)
            return request;
    }
    return NULL;
}

/* The callback comes from the next pump. */
static void query_answer(struct mem_request *request, const struct bw_error *error,
                         struct bw_str value)
{
    request->is_answered = true;
    request->error = *error;
    request->answer = bw_arena_copy(&request->arena, value);
}

void mem_break_requests(struct mem_store *store)
{
    struct bw_error error;
    bw_fail(&error, BW_ERR_UNAVAILABLE, "the server is gone");
    BW_LIST_EACH(&store->requests, link) {
        struct mem_request *request = bw_container_of(link, struct mem_request, link);
        if (request->request.kind == BW_MEM_TRANSACTION)
            request_free(request);
        else if (!request->is_answered)
            query_answer(request, &error, BW_STR_NONE);
    }
}

bool mem_pump_requests(struct mem_store *store)
{
    bool has_worked = false;
    BW_LIST_EACH(&store->requests, link) {
        struct mem_request *request = bw_container_of(link, struct mem_request, link);
        if (!request->is_answered)
            continue;
        request->done(request->ud, &request->error, request->answer);
        request_free(request);
        has_worked = true;
    }
    return has_worked;
}

/* Works of numbers alone that waited for the one before. */
static void advance_works(struct mem_store *store)
{
    BW_LIST_EACH(&store->requests, link) {
        struct mem_request *request = bw_container_of(link, struct mem_request, link);
        if (request->request.kind != BW_MEM_TRANSACTION)
            continue;
        if (request->is_handed_out || !is_numbers_only(request->request.statements))
            return;
        work_begin(store, request);
    }
}

void bw_store_mem_answer(struct bw_store *table, uint64_t id, struct bw_str value)
{
    struct mem_store *store = table->self;
    struct mem_request *request = find_request(store, id);
    BW_ASSERT(request && request->is_handed_out);
    struct bw_error ok = {.code = BW_ERR_OK};
    if (request->request.kind == BW_MEM_QUERY)
        query_answer(request, &ok, value);
    else
        work_done(store, request, value);
    advance_works(store);
}

void bw_store_mem_answer_error(struct bw_store *table, uint64_t id, struct bw_str value)
{
    struct mem_store *store = table->self;
    struct mem_request *request = find_request(store, id);
    BW_ASSERT(request && request->is_handed_out);
    if (request->request.kind == BW_MEM_TRANSACTION) {
        give_back(store, request);
        work_outcome(store, request, BW_MESSAGE_ERROR, value);
        request_free(request);
        advance_works(store);
        return;
    }
    struct bw_value map = bw_value_read(value);
    struct bw_str name = bw_value_get_str(&map, "code", BW_STR("INTERNAL"));
    char code[64];
    snprintf(code, sizeof code, "%.*s", BW_STR_ARG(name));
    struct bw_error error;
    bw_fail(&error, bw_err_from_name(code), "%.*s",
            BW_STR_ARG(bw_value_get_str(&map, "text", BW_STR("failed"))));
    query_answer(request, &error, BW_STR_NONE);
}
