/* world_call.c - see world_call.h. */
#include "core/world_call.h"

#include "core/args.h"

#include <inttypes.h>
#include <stdio.h>

enum { CALL_HEADERS_MAX = 128 };

typedef enum bw_err (*op_fn)(struct bw_world *world, const struct bw_value *args,
                             struct bw_buf *out, struct bw_error *error);

static enum bw_err need_id(const struct bw_value *args, const char *key, struct bw_id *id,
                           struct bw_error *error)
{
    struct bw_str text;
    enum bw_err code = bw_args_need_str(args, key, &text, error);
    if (code == BW_ERR_OK && !bw_id_parse(text, id))
        return bw_fail(error, BW_ERR_INVALID, "'%s' is not an id: %.*s", key, BW_STR_ARG(text));
    return code;
}

/* The encoded member; nil when absent. */
static struct bw_str member(const struct bw_value *args, const char *key)
{
    static const char NIL[] = {BW_VALUE_NIL};
    struct bw_str encoded = bw_value_get(args, key).encoded;
    return encoded.len ? encoded : bw_str(NIL, 1);
}

/* --- Time and crashes. */

static enum bw_err op_now(struct bw_world *world, const struct bw_value *args, struct bw_buf *out,
                          struct bw_error *error)
{
    (void)args;
    (void)error;
    bw_value_put_int(out, bw_world_now_us(world));
    return BW_ERR_OK;
}

static enum bw_err op_wait(struct bw_world *world, const struct bw_value *args, struct bw_buf *out,
                           struct bw_error *error)
{
    (void)args;
    (void)error;
    bw_value_put_int(out, bw_engine_wait_us(bw_world_engine(world)));
    return BW_ERR_OK;
}

static enum bw_err op_settle(struct bw_world *world, const struct bw_value *args,
                             struct bw_buf *out, struct bw_error *error)
{
    (void)args;
    bw_value_put_nil(out);
    return bw_world_settle(world, error);
}

static enum bw_err op_advance(struct bw_world *world, const struct bw_value *args,
                              struct bw_buf *out, struct bw_error *error)
{
    int64_t us;
    enum bw_err code = bw_args_need_int(args, "us", &us, error);
    if (code != BW_ERR_OK)
        return code;
    if (us < 0)
        return bw_fail(error, BW_ERR_INVALID, "time does not go back: 'us' is %" PRId64, us);
    bw_value_put_nil(out);
    return bw_world_advance(world, us, error);
}

static enum bw_err op_crash(struct bw_world *world, const struct bw_value *args, struct bw_buf *out,
                            struct bw_error *error)
{
    (void)args;
    bw_value_put_nil(out);
    enum bw_err code = bw_world_crash(world, error);
    return code == BW_ERR_OK ? bw_world_settle(world, error) : code;
}

static enum bw_err op_outage(struct bw_world *world, const struct bw_value *args,
                             struct bw_buf *out, struct bw_error *error)
{
    int64_t us;
    enum bw_err code = bw_args_need_int(args, "us", &us, error);
    if (code == BW_ERR_OK && us < 0)
        return bw_fail(error, BW_ERR_INVALID, "time does not go back: 'us' is %" PRId64, us);
    if (code == BW_ERR_OK)
        code = bw_world_outage(world, us, error);
    bw_value_put_nil(out);
    return code == BW_ERR_OK ? bw_world_settle(world, error) : code;
}

static enum bw_err op_crash_each(struct bw_world *world, const struct bw_value *args,
                                 struct bw_buf *out, struct bw_error *error)
{
    (void)error;
    bw_world_set_crash_each(world, bw_value_get_bool(args, "on", true),
                            (uint64_t)bw_value_get_int(args, "stride", 1),
                            (uint64_t)bw_value_get_int(args, "offset", 0));
    bw_value_put_nil(out);
    return BW_ERR_OK;
}

static enum bw_err op_evict(struct bw_world *world, const struct bw_value *args, struct bw_buf *out,
                            struct bw_error *error)
{
    (void)args;
    bw_engine_evict_idle(bw_world_engine(world));
    bw_value_put_nil(out);
    return bw_world_settle(world, error);
}

/* --- Releases and runs. */

static enum bw_err op_put_release(struct bw_world *world, const struct bw_value *args,
                                  struct bw_buf *out, struct bw_error *error)
{
    struct bw_value files = bw_value_get(args, "files"), bytes;
    struct bw_str name;
    uint8_t hash[BW_RELEASE_HASH_LEN];
    char text[2 * BW_RELEASE_HASH_LEN + 1];
    size_t count = 0;
    if (files.tag != BW_VALUE_MAP)
        return bw_fail(error, BW_ERR_INVALID, "'files' must be a map of names to texts, it is %s",
                       bw_value_tag_name(files.tag));
    struct bw_release_file *list = bw_xmalloc((files.count + 1) * sizeof *list);
    enum bw_err code = BW_ERR_OK;
    /* A map's keys come in byte order: the order a release wants. */
    for (struct bw_str rest = files.items;
         code == BW_ERR_OK && bw_value_next_pair(&rest, &name, &bytes);) {
        if (bytes.tag != BW_VALUE_STR)
            code = bw_fail(error, BW_ERR_INVALID, "file '%.*s' must be a string, it is %s",
                           BW_STR_ARG(name), bw_value_tag_name(bytes.tag));
        list[count++] = (struct bw_release_file){name, bytes.text};
    }
    if (code == BW_ERR_OK)
        code = bw_world_put_release(world, list, count, hash, error);
    bw_free(list);
    if (code != BW_ERR_OK)
        return code;
    for (size_t i = 0; i < sizeof hash; i++)
        snprintf(text + 2 * i, 3, "%02x", hash[i]);
    bw_value_put_text(out, text);
    return BW_ERR_OK;
}

static enum bw_err op_start(struct bw_world *world, const struct bw_value *args, struct bw_buf *out,
                            struct bw_error *error)
{
    struct bw_engine_start start = {.input = member(args, "input"), .started_by = BW_STR("test")};
    struct bw_id run;
    bool is_new;
    char id[BW_ID_TEXT_LEN + 1];
    enum bw_err code = bw_args_need_str(args, "workflow", &start.workflow, error);
    if (code == BW_ERR_OK)
        code = bw_args_opt_str(args, "key", &start.key, error);
    if (code == BW_ERR_OK)
        code = bw_args_opt_str(args, "started_by", &start.started_by, error);
    if (code == BW_ERR_OK && bw_value_get(args, "id").tag == BW_VALUE_STR)
        code = need_id(args, "id", &start.id, error);
    if (code == BW_ERR_OK)
        code = bw_world_start(world, &start, &run, &is_new, error);
    if (code != BW_ERR_OK)
        return code;
    bw_id_print(run, id);
    bw_value_put_map(out, 2);
    bw_value_put_key(out, "is_new");
    bw_value_put_bool(out, is_new);
    bw_value_put_key(out, "run");
    bw_value_put_text(out, id);
    return BW_ERR_OK;
}

static enum bw_err op_cancel(struct bw_world *world, const struct bw_value *args,
                             struct bw_buf *out, struct bw_error *error)
{
    struct bw_id run;
    enum bw_err code = need_id(args, "run", &run, error);
    if (code != BW_ERR_OK)
        return code;
    bw_value_put_nil(out);
    return bw_world_cancel(world, run,
                           bw_value_get_str(args, "reason", BW_STR("cancelled by the test")),
                           bw_value_get_str(args, "by", BW_STR("test")), error);
}

static enum bw_err op_resume(struct bw_world *world, const struct bw_value *args,
                             struct bw_buf *out, struct bw_error *error)
{
    struct bw_engine_resume resume = {.is_latest = bw_value_get_bool(args, "latest", false)};
    struct bw_str skip = bw_value_get(args, "value").encoded;
    enum bw_err code = need_id(args, "run", &resume.run, error);
    if (code != BW_ERR_OK)
        return code;
    bw_value_put_nil(out);
    resume.skip = skip.len ? &skip : NULL;
    return bw_world_resume(world, &resume, error);
}

/* --- Tasks and events. */

static enum bw_err op_answer_task(struct bw_world *world, const struct bw_value *args,
                                  struct bw_buf *out, struct bw_error *error)
{
    struct bw_id task;
    enum bw_err code = need_id(args, "task", &task, error);
    if (code != BW_ERR_OK)
        return code;
    bw_value_put_nil(out);
    return bw_world_answer_task(world, task, member(args, "answer"), error);
}

static enum bw_err op_send_event(struct bw_world *world, const struct bw_value *args,
                                 struct bw_buf *out, struct bw_error *error)
{
    struct bw_event event = {.body = member(args, "body")};
    enum bw_err code = bw_args_need_str(args, "topic", &event.topic, error);
    if (code == BW_ERR_OK)
        code = bw_args_opt_str(args, "key", &event.key, error);
    if (code == BW_ERR_OK)
        code = bw_args_opt_str(args, "id", &event.id, error);
    if (code == BW_ERR_OK)
        code = bw_args_opt_int(args, "expires_us", &event.expires_at_us, error);
    if (code != BW_ERR_OK)
        return code;
    bw_value_put_nil(out);
    return bw_world_send_event(world, &event, error);
}

/* --- What the engine asks of the world outside. */

static void put_http(struct bw_buf *out, uint64_t id, const struct bw_http_request *request)
{
    bw_value_put_map(out, 6);
    bw_value_put_key(out, "body");
    bw_value_put_str(out, request->body);
    bw_value_put_key(out, "headers"); /* as pairs: the same name may come twice */
    bw_value_put_arr(out, request->header_count);
    for (size_t i = 0; i < request->header_count; i++) {
        bw_value_put_arr(out, 2);
        bw_value_put_str(out, request->headers[i].name);
        bw_value_put_str(out, request->headers[i].value);
    }
    bw_value_put_key(out, "id");
    bw_value_put_int(out, (int64_t)id);
    bw_value_put_key(out, "method");
    bw_value_put_str(out, request->method);
    bw_value_put_key(out, "timeout_ms");
    bw_value_put_int(out, request->timeout_ms);
    bw_value_put_key(out, "url");
    bw_value_put_str(out, request->url);
}

static enum bw_err op_http_pending(struct bw_world *world, const struct bw_value *args,
                                   struct bw_buf *out, struct bw_error *error)
{
    const struct bw_http_request *request;
    struct bw_httpc_fake *http = bw_world_http(world);
    size_t count = 0;
    (void)args;
    (void)error;
    for (uint64_t id = 0; bw_httpc_fake_next(http, id, &id);)
        count++;
    bw_value_put_arr(out, count);
    for (uint64_t id = 0; (request = bw_httpc_fake_next(http, id, &id));)
        put_http(out, id, request);
    return BW_ERR_OK;
}

static enum bw_err read_headers(const struct bw_value *args, struct bw_http_header *headers,
                                size_t *count, struct bw_error *error)
{
    struct bw_value map = bw_value_get(args, "headers"), value;
    struct bw_str name;
    *count = 0;
    if (map.tag != BW_VALUE_MAP)
        return BW_ERR_OK;
    for (struct bw_str rest = map.items; bw_value_next_pair(&rest, &name, &value);) {
        if (value.tag != BW_VALUE_STR || *count == CALL_HEADERS_MAX)
            return bw_fail(error, BW_ERR_INVALID,
                           "header '%.*s' must be a string, and at most %d are allowed",
                           BW_STR_ARG(name), CALL_HEADERS_MAX);
        headers[(*count)++] = (struct bw_http_header){name, value.text};
    }
    return BW_ERR_OK;
}

static enum bw_err op_http_answer(struct bw_world *world, const struct bw_value *args,
                                  struct bw_buf *out, struct bw_error *error)
{
    struct bw_http_header headers[CALL_HEADERS_MAX];
    struct bw_http_response response = {.headers = headers,
                                        .body = bw_value_get_str(args, "body", BW_STR_NONE)};
    struct bw_str failure = bw_value_get_str(args, "error", BW_STR_NONE);
    int64_t id, status = 0;
    bool is_known;
    enum bw_err code = bw_args_need_int(args, "id", &id, error);
    if (code == BW_ERR_OK && failure.len == 0)
        code = bw_args_need_int(args, "status", &status, error);
    if (code == BW_ERR_OK)
        code = read_headers(args, headers, &response.header_count, error);
    if (code != BW_ERR_OK)
        return code;
    if (failure.len) {
        char name[32];
        struct bw_error problem;
        snprintf(name, sizeof name, "%.*s", BW_STR_ARG(failure));
        (void)bw_fail(&problem, bw_err_from_name(name), "%.*s",
                      BW_STR_ARG(bw_value_get_str(args, "text", failure)));
        is_known = bw_httpc_fake_answer(bw_world_http(world), (uint64_t)id, NULL, &problem);
    } else {
        response.status = (int)status;
        is_known = bw_httpc_fake_answer(bw_world_http(world), (uint64_t)id, &response, NULL);
    }
    if (!is_known)
        return bw_fail(error, BW_ERR_NOT_FOUND, "no HTTP request %" PRId64 " waits for an answer",
                       id);
    bw_value_put_nil(out);
    return bw_world_settle(world, error);
}

static void put_db(struct bw_buf *out, const struct bw_mem_request *request)
{
    char run[BW_ID_TEXT_LEN + 1];
    bool is_query = request->kind == BW_MEM_QUERY;
    bw_value_put_map(out, 5);
    bw_value_put_key(out, "id");
    bw_value_put_int(out, (int64_t)request->id);
    bw_value_put_key(out, "kind");
    bw_value_put_text(out, is_query ? "query" : "transaction");
    if (is_query) {
        bw_value_put_key(out, "name");
        bw_value_put_str(out, request->name);
        bw_value_put_key(out, "params");
        bw_buf_put_str(out, request->params);
        bw_value_put_key(out, "sql");
        bw_value_put_str(out, request->sql);
        return;
    }
    bw_id_print(request->run, run);
    bw_value_put_key(out, "run");
    bw_value_put_text(out, run);
    bw_value_put_key(out, "seq");
    bw_value_put_int(out, (int64_t)request->seq);
    bw_value_put_key(out, "statements");
    bw_buf_put_str(out, request->statements);
}

static enum bw_err op_db_pending(struct bw_world *world, const struct bw_value *args,
                                 struct bw_buf *out, struct bw_error *error)
{
    const struct bw_mem_request *request;
    size_t count = 0;
    (void)args;
    (void)error;
    for (uint64_t id = 0; (request = bw_world_db_next(world, id)); id = request->id)
        count++;
    bw_value_put_arr(out, count);
    for (uint64_t id = 0; (request = bw_world_db_next(world, id)); id = request->id)
        put_db(out, request);
    return BW_ERR_OK;
}

static enum bw_err op_db_answer(struct bw_world *world, const struct bw_value *args,
                                struct bw_buf *out, struct bw_error *error)
{
    int64_t id;
    struct bw_value failure = bw_value_get(args, "error");
    enum bw_err code = bw_args_need_int(args, "id", &id, error);
    if (code != BW_ERR_OK)
        return code;
    if (failure.tag != BW_VALUE_NIL && failure.tag != BW_VALUE_MAP)
        return bw_fail(error, BW_ERR_INVALID, "'error' must be a map {code, text}, it is %s",
                       bw_value_tag_name(failure.tag));
    bw_value_put_nil(out);
    return bw_world_db_answer(world, (uint64_t)id, member(args, "value"),
                              failure.tag == BW_VALUE_MAP ? failure.encoded : BW_STR_NONE, error);
}

/* --- Schedules. */

static enum bw_err op_schedule(struct bw_world *world, const struct bw_value *args,
                               struct bw_buf *out, struct bw_error *error)
{
    struct bw_str verb = BW_STR("set"), name, by = BW_STR("test");
    enum bw_err code = bw_args_need_str(args, "name", &name, error);
    if (code == BW_ERR_OK)
        code = bw_args_opt_str(args, "verb", &verb, error);
    if (code == BW_ERR_OK)
        code = bw_args_opt_str(args, "by", &by, error);
    if (code != BW_ERR_OK)
        return code;
    bw_value_put_nil(out);
    return bw_world_schedule(world, verb, name, member(args, "spec"), by, error);
}

static enum bw_err op_schedule_times(struct bw_world *world, const struct bw_value *args,
                                     struct bw_buf *out, struct bw_error *error)
{
    struct bw_str name = BW_STR_NONE;
    int64_t count = 10;
    enum bw_err code = bw_args_opt_str(args, "name", &name, error);
    if (code == BW_ERR_OK)
        code = bw_args_opt_int(args, "count", &count, error);
    if (code != BW_ERR_OK)
        return code;
    return bw_world_schedule_times(world, name, bw_value_get(args, "spec").encoded,
                                   count > 0 ? (size_t)count : 0, out, error);
}

/* --- The rest. */

static enum bw_err op_set_setting(struct bw_world *world, const struct bw_value *args,
                                  struct bw_buf *out, struct bw_error *error)
{
    bw_value_put_nil(out);
    return bw_world_write(world, BW_STR("setting"), args->encoded, error);
}

static enum bw_err op_number_series(struct bw_world *world, const struct bw_value *args,
                                    struct bw_buf *out, struct bw_error *error)
{
    bw_value_put_nil(out);
    return bw_world_write(world, BW_STR("series"), args->encoded, error);
}

static enum bw_err op_logs(struct bw_world *world, const struct bw_value *args, struct bw_buf *out,
                           struct bw_error *error)
{
    (void)args;
    (void)error;
    bw_world_take_logs(world, out);
    return BW_ERR_OK;
}

static enum bw_err op_stats(struct bw_world *world, const struct bw_value *args, struct bw_buf *out,
                            struct bw_error *error)
{
    struct bw_engine_stats stats;
    (void)args;
    (void)error;
    bw_engine_stats(bw_world_engine(world), &stats);
    bw_value_put_map(out, 5);
    bw_value_put_key(out, "crashes");
    bw_value_put_int(out, (int64_t)bw_world_crashes(world));
    bw_value_put_key(out, "effects");
    bw_value_put_int(out, (int64_t)stats.effects);
    bw_value_put_key(out, "replays");
    bw_value_put_int(out, (int64_t)stats.replays);
    bw_value_put_key(out, "runs");
    bw_value_put_int(out, (int64_t)stats.runs);
    bw_value_put_key(out, "turns");
    bw_value_put_int(out, (int64_t)stats.turns);
    return BW_ERR_OK;
}

static const struct {
    const char *name;
    op_fn act; /* NULL: a read of the store with this name */
} OPS[] = {
    {"now", op_now},
    {"wait", op_wait},
    {"settle", op_settle},
    {"advance", op_advance},
    {"crash", op_crash},
    {"crash_each", op_crash_each},
    {"outage", op_outage},
    {"evict", op_evict},
    {"put_release", op_put_release},
    {"start", op_start},
    {"cancel", op_cancel},
    {"resume", op_resume},
    {"answer_task", op_answer_task},
    {"send_event", op_send_event},
    {"schedule", op_schedule},
    {"schedule_times", op_schedule_times},
    {"http_pending", op_http_pending},
    {"http_answer", op_http_answer},
    {"db_pending", op_db_pending},
    {"db_answer", op_db_answer},
    {"set_setting", op_set_setting},
    {"number_series", op_number_series},
    {"logs", op_logs},
    {"stats", op_stats},
    {"run", NULL},
    {"runs", NULL},
    {"journal", NULL},
    {"tasks", NULL},
    {"task", NULL},
    {"notes", NULL},
    {"inbox", NULL},
    {"numbers", NULL},
    {"series", NULL},
    {"audit", NULL},
    {"schedules", NULL},
};

enum bw_err bw_world_call(struct bw_world *world, struct bw_str op, struct bw_str args,
                          struct bw_buf *out, struct bw_error *error)
{
    static const char NO_ARGS[] = {BW_VALUE_MAP, 0};
    if (args.len && !bw_value_check(args, error))
        return BW_ERR_INVALID;
    struct bw_value map = bw_value_read(args);
    if (map.tag != BW_VALUE_MAP) /* nothing, or {} that became an empty array */
        map = bw_value_read(bw_str(NO_ARGS, sizeof NO_ARGS));
    for (size_t i = 0; i < sizeof OPS / sizeof *OPS; i++) {
        if (!bw_str_eq(op, bw_str_of(OPS[i].name)))
            continue;
        if (OPS[i].act)
            return OPS[i].act(world, &map, out, error);
        return bw_world_read(world, op, map.encoded, out, error);
    }
    return bw_fail(error, BW_ERR_INVALID, "there is no operation '%.*s'", BW_STR_ARG(op));
}
