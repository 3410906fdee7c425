/* api.c - matches a call to its route, finds the tenant, and gives every answer one shape.
 *
 * Relies on: edge/api.h, edge/api_table.c (the routes), codec/url.h (percent decoding).
 */
#include "edge/api.h"
#include "codec/url.h"
#include "store/store.h"
#include <string.h>

struct bw_api {
    struct bw_engine *engine;
    struct bw_store *store;
    const struct bw_clock *clock;
    const struct bw_entropy *entropy;
};

struct bw_api *bw_api_create(struct bw_engine *engine, struct bw_store *store,
                             const struct bw_clock *clock, const struct bw_entropy *entropy)
{
    struct bw_api *api = bw_xcalloc(1, sizeof *api);
    api->engine = engine;
    api->store = store;
    api->clock = clock;
    api->entropy = entropy;
    return api;
}

void bw_api_destroy(struct bw_api *api)
{
    bw_free(api);
}

struct bw_id bw_api_new_id(struct bw_api *api)
{
    return bw_id_make(bw_clock_utc(api->clock), api->entropy);
}

void bw_api_answer(struct bw_api_call *call, int status, struct bw_str value)
{
    call->reply(call->ud, status, value);
    bw_arena_deinit(&call->arena);
    bw_free(call);
}

/* RFC 9457 problem document, without the type URL that a later version may add. */
void bw_api_fail(struct bw_api_call *call, const struct bw_error *error)
{
    struct bw_buf body;
    bw_buf_init(&body, 8192);
    int status = bw_err_http_status(error->code);
    bw_value_put_map(&body, 4);
    bw_value_put_key(&body, "code");
    bw_value_put_text(&body, bw_err_name(error->code));
    bw_value_put_key(&body, "detail");
    bw_value_put_text(&body, error->text[0] ? error->text : bw_err_text(error->code));
    bw_value_put_key(&body, "status");
    bw_value_put_int(&body, status);
    bw_value_put_key(&body, "title");
    bw_value_put_text(&body, bw_err_text(error->code));
    bw_api_answer(call, status, bw_buf_str(&body));
    bw_buf_deinit(&body);
}

void bw_api_on_value(void *ud, const struct bw_error *error, struct bw_str value)
{
    if (error->code)
        bw_api_fail(ud, error);
    else
        bw_api_answer(ud, 200, value);
}

void bw_api_on_done(void *ud, const struct bw_error *error)
{
    struct bw_buf body;
    if (error->code) {
        bw_api_fail(ud, error);
        return;
    }
    bw_buf_init(&body, 64);
    bw_value_put_map(&body, 1);
    bw_value_put_key(&body, "accepted");
    bw_value_put_bool(&body, true);
    bw_api_answer(ud, 202, bw_buf_str(&body));
    bw_buf_deinit(&body);
}

static struct bw_str next_segment(struct bw_str *rest)
{
    while (rest->len && *rest->ptr == '/')
        *rest = bw_str(rest->ptr + 1, rest->len - 1);
    const char *slash = rest->len ? memchr(rest->ptr, '/', rest->len) : NULL;
    struct bw_str segment = bw_str(rest->ptr, slash ? (size_t)(slash - rest->ptr) : rest->len);
    *rest = bw_str(rest->ptr + segment.len, rest->len - segment.len);
    return segment;
}

/* Does `path` fit `pattern`? Fills the {..} parameters, percent-decoded into the arena. */
static bool route_matches(const char *pattern, struct bw_str path, struct bw_api_call *call)
{
    struct bw_str pattern_rest = bw_str_of(pattern);
    size_t count = 0;
    for (;;) {
        struct bw_str want = next_segment(&pattern_rest);
        struct bw_str got = next_segment(&path);
        if (want.len == 0 || got.len == 0)
            return want.len == 0 && got.len == 0;
        if (want.ptr[0] != '{') {
            if (!bw_str_eq(want, got))
                return false;
            continue;
        }
        if (count == BW_API_SEGMENTS_MAX)
            return false;
        struct bw_buf decoded;
        bw_buf_init(&decoded, got.len + 1);
        bool is_good = bw_url_decode(&decoded, got, false);
        call->parameters[count++] = bw_arena_copy(&call->arena, bw_buf_str(&decoded));
        bw_buf_deinit(&decoded);
        if (!is_good)
            return false;
    }
}

/* The query string as an encoded map; names in byte order, the last of equal names wins. */
static void read_query(struct bw_api_call *call, struct bw_str text)
{
    enum { PAIRS_MAX = 32 };
    struct bw_str names[PAIRS_MAX], values[PAIRS_MAX];
    size_t count = 0;
    struct bw_str name, value;
    struct bw_buf buf;
    while (count < PAIRS_MAX && bw_url_query_next(&text, &name, &value)) {
        struct bw_str *sides[2] = {&name, &value};
        for (int i = 0; i < 2; i++) {
            bw_buf_init(&buf, sides[i]->len + 1);
            if (bw_url_decode(&buf, *sides[i], true))
                *sides[i] = bw_arena_copy(&call->arena, bw_buf_str(&buf));
            bw_buf_deinit(&buf);
        }
        size_t at = count;
        while (at > 0 && bw_str_cmp(names[at - 1], name) > 0)
            at--;
        if (at > 0 && bw_str_eq(names[at - 1], name)) {
            values[at - 1] = value;
            continue;
        }
        memmove(names + at + 1, names + at, (count - at) * sizeof *names);
        memmove(values + at + 1, values + at, (count - at) * sizeof *values);
        names[at] = name;
        values[at] = value;
        count++;
    }
    bw_buf_init(&buf, 65536);
    bw_value_put_map(&buf, count);
    for (size_t i = 0; i < count; i++) {
        bw_value_put_key_str(&buf, names[i]);
        bw_value_put_str(&buf, values[i]);
    }
    call->query = bw_arena_copy(&call->arena, bw_buf_str(&buf));
    bw_buf_deinit(&buf);
}

struct tenant_wait {
    struct bw_api_call *call;
    const struct bw_api_route *route;
};

static void dispatch_tenant_found(void *ud, const struct bw_error *error, struct bw_id tenant,
                                  bool is_new)
{
    struct tenant_wait *wait = ud;
    (void)is_new;
    wait->call->tenant = tenant;
    if (error->code)
        bw_api_fail(wait->call, error);
    else
        wait->route->handle(wait->call);
    bw_free(wait);
}

static void fail_text(struct bw_api_call *call, enum bw_err code, const char *text)
{
    struct bw_error error = {.code = BW_ERR_OK};
    (void)bw_fail(&error, code, "%s", text);
    bw_api_fail(call, &error);
}

static void run_route(struct bw_api_call *call, const struct bw_api_route *route,
                      struct bw_str tenant)
{
    if (!route->needs_tenant) {
        route->handle(call);
        return;
    }
    struct tenant_wait *wait = bw_xcalloc(1, sizeof *wait);
    wait->call = call;
    wait->route = route;
    /* An empty name finds the only tenant there is; the store says when that is not so. */
    call->store->find_tenant(call->store->self, tenant, dispatch_tenant_found, wait);
}

void bw_api_dispatch(struct bw_api *api, const struct bw_api_request *request,
                     bw_api_reply_fn reply, void *ud)
{
    struct bw_api_call *call = bw_xcalloc(1, sizeof *call);
    bw_arena_init(&call->arena);
    call->api = api;
    call->engine = api->engine;
    call->store = api->store;
    call->reply = reply;
    call->ud = ud;
    call->body = bw_arena_copy(&call->arena, request->body);
    call->actor =
        bw_arena_copy(&call->arena, request->actor.len ? request->actor : BW_STR("operator"));
    call->key = bw_arena_copy(&call->arena, request->key);
    struct bw_str path = request->path;
    const char *mark = path.len ? memchr(path.ptr, '?', path.len) : NULL;
    struct bw_str query = BW_STR_NONE;
    if (mark) {
        query = bw_str(mark + 1, path.len - (size_t)(mark - path.ptr) - 1);
        path.len = (size_t)(mark - path.ptr);
    }
    read_query(call, query);
    bool is_other_method = false;
    for (size_t i = 0; i < bw_api_route_count; i++) {
        const struct bw_api_route *route = &bw_api_routes[i];
        if (!route_matches(route->path, path, call))
            continue;
        if (!bw_str_eq(bw_str_of(route->method), request->method)) {
            is_other_method = true;
            continue;
        }
        run_route(call, route, request->tenant);
        return;
    }
    fail_text(call, is_other_method ? BW_ERR_INVALID : BW_ERR_NOT_FOUND,
              is_other_method ? "this path does not take that method" : "no such path in the API");
}
