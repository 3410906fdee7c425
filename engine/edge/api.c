/* api.c - matches a call to its route, finds the tenant, and gives every answer one shape.
 *
 * Relies on: edge/api.h, edge/api_table.c (the routes), codec/url.h (percent decoding).
 */
#include "edge/api.h"
#include "codec/url.h"
#include "edge/api_view.h"
#include "store/store.h"
#include <stdio.h>
#include <string.h>

enum { ROWS_BYTES_MAX = 256 * 1024 * 1024 };

struct bw_api {
    struct bw_engine *engine;
    struct bw_store *store;
    struct bw_sweeper *sweeper;
    const struct bw_clock *clock;
    const struct bw_entropy *entropy;
    struct bw_error down;
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

void bw_api_set_sweeper(struct bw_api *api, struct bw_sweeper *sweeper)
{
    api->sweeper = sweeper;
}

void bw_api_set_down(struct bw_api *api, const struct bw_error *error)
{
    api->down = *error;
    if (error->code)
        api->down.code = BW_ERR_UNAVAILABLE;
}

void bw_api_random(struct bw_api *api, void *bytes, size_t len)
{
    api->entropy->fill(api->entropy->self, bytes, len);
}

struct bw_id bw_api_new_id(struct bw_api *api)
{
    return bw_id_make(bw_clock_utc(api->clock), api->entropy);
}

struct bw_stamp bw_api_now(const struct bw_api *api)
{
    return bw_clock_utc(api->clock);
}

void bw_api_answer(struct bw_api_call *call, int status, struct bw_str value)
{
    call->reply(call->ud, status, value);
    bw_arena_deinit(&call->arena);
    bw_free(call);
}

static void answer_problem(struct bw_api_call *call, const struct bw_error *error, int status,
                           const char *allow)
{
    struct bw_buf body;
    bw_buf_init(&body, 8192);
    bw_api_view_problem(&body, error, status, allow);
    bw_api_answer(call, status, bw_buf_str(&body));
    bw_buf_deinit(&body);
}

void bw_api_fail(struct bw_api_call *call, const struct bw_error *error)
{
    answer_problem(call, error, bw_err_http_status(error->code), NULL);
}

void bw_api_fail_text(struct bw_api_call *call, enum bw_err code, const char *text)
{
    struct bw_error error = {.code = BW_ERR_OK};
    (void)bw_fail(&error, code, "%s", text);
    bw_api_fail(call, &error);
}

void bw_api_on_value(void *ud, const struct bw_error *error, struct bw_str value)
{
    if (error->code)
        bw_api_fail(ud, error);
    else
        bw_api_answer(ud, 200, value);
}

void bw_api_on_rows(void *ud, const struct bw_error *error, struct bw_str value)
{
    struct bw_buf rows;
    if (error->code) {
        bw_api_fail(ud, error);
        return;
    }
    bw_buf_init(&rows, ROWS_BYTES_MAX);
    bw_api_view_rows(value, &rows);
    bw_api_answer(ud, 200, bw_buf_str(&rows));
    bw_buf_deinit(&rows);
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

/* Takes "/segment" off `rest`; an empty segment is one too. False at the end. */
static bool next_segment(struct bw_str *rest, struct bw_str *segment)
{
    if (rest->len == 0 || *rest->ptr != '/')
        return false;
    *rest = bw_str(rest->ptr + 1, rest->len - 1);
    const char *slash = rest->len ? memchr(rest->ptr, '/', rest->len) : NULL;
    *segment = bw_str(rest->ptr, slash ? (size_t)(slash - rest->ptr) : rest->len);
    *rest = bw_str(rest->ptr + segment->len, rest->len - segment->len);
    return true;
}

/* Does `path` fit `pattern`? Fills the {..} parameters, percent-decoded into the arena. */
static bool route_matches(const char *pattern, struct bw_str path, struct bw_api_call *call)
{
    struct bw_str pattern_rest = bw_str_of(pattern);
    size_t count = 0;
    for (;;) {
        struct bw_str want, got;
        bool has_want = next_segment(&pattern_rest, &want), has_got = next_segment(&path, &got);
        if (!has_want || !has_got)
            return !has_want && !has_got;
        if (want.ptr[0] != '{') {
            if (!bw_str_eq(want, got))
                return false;
            continue;
        }
        if (count == BW_API_SEGMENTS_MAX || got.len == 0)
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

static void tenant_found(struct tenant_wait *wait, const struct bw_error *error,
                         struct bw_id tenant)
{
    wait->call->tenant = tenant;
    if (error->code)
        bw_api_fail(wait->call, error);
    else
        wait->route->handle(wait->call);
    bw_free(wait);
}

static void tenant_by_name(void *ud, const struct bw_error *error, struct bw_id tenant, bool is_new)
{
    (void)is_new;
    tenant_found(ud, error, tenant);
}

/* The only tenant there is. */
static enum bw_err pick_tenant(struct bw_str tenants, struct bw_id *tenant, struct bw_error *error)
{
    struct bw_value list = bw_value_read(tenants), row;
    struct bw_str rest = list.items;
    if (list.count == 0)
        return bw_fail(error, BW_ERR_NOT_FOUND,
                       "there is no tenant yet: 'billow tenant create NAME' makes one, and so does "
                       "'billow bill'");
    if (list.count == 1 && bw_value_next(&rest, &row) &&
        bw_id_parse(bw_value_get_str(&row, "id", BW_STR_NONE), tenant))
        return BW_ERR_OK;
    struct bw_buf names;
    bw_buf_init(&names, 512);
    rest = list.items;
    for (size_t i = 0; i < 5 && bw_value_next(&rest, &row); i++)
        bw_buf_printf(&names, "%s%.*s", i ? ", " : "",
                      BW_STR_ARG(bw_value_get_str(&row, "name", BW_STR("?"))));
    enum bw_err err = bw_fail(error, BW_ERR_INVALID,
                              "there are %zu tenants (%s%s): say which, with --tenant NAME or the "
                              "header X-Billow-Tenant",
                              list.count, bw_buf_cstr(&names), list.count > 5 ? ", ..." : "");
    bw_buf_deinit(&names);
    return err;
}

static void tenants_read(void *ud, const struct bw_error *error, struct bw_str value)
{
    struct bw_id tenant = {{0}};
    struct bw_error own = *error;
    if (!own.code)
        (void)pick_tenant(value, &tenant, &own);
    tenant_found(ud, &own, tenant);
}

static void run_route(struct bw_api_call *call, const struct bw_api_route *route,
                      struct bw_str tenant)
{
    if (!route->needs_tenant) {
        route->handle(call);
        return;
    }
    struct tenant_wait *wait = bw_xcalloc(1, sizeof *wait);
    struct bw_id nobody = {{0}};
    wait->call = call;
    wait->route = route;
    if (tenant.len)
        call->store->find_tenant(call->store->self, tenant, tenant_by_name, wait);
    else
        call->store->read(call->store->self, nobody, BW_STR("tenants"), BW_STR_NONE, tenants_read,
                          wait);
}

/* The path is there, but not for this method: 405 with what it takes (RFC 9110). */
static void fail_method(struct bw_api_call *call, struct bw_str method, const char *allow)
{
    struct bw_error error = {0};
    (void)bw_fail(&error, BW_ERR_INVALID, "this path does not take %.*s: it takes %s",
                  BW_STR_ARG(method), allow);
    answer_problem(call, &error, 405, allow);
}

/* Finds the route, or answers that there is none. */
static void route_call(struct bw_api_call *call, const struct bw_api_request *request,
                       struct bw_str path)
{
    char allow[64] = "";
    for (size_t i = 0; i < bw_api_route_count; i++) {
        const struct bw_api_route *route = &bw_api_routes[i];
        if (!route_matches(route->path, path, call))
            continue;
        if (bw_str_eq(bw_str_of(route->method), request->method)) {
            run_route(call, route, request->tenant);
            return;
        }
        size_t len = strlen(allow);
        snprintf(allow + len, sizeof allow - len, "%s%s", len ? ", " : "", route->method);
    }
    struct bw_error error = {0};
    if (allow[0]) {
        fail_method(call, request->method, allow);
        return;
    }
    (void)bw_fail(&error, BW_ERR_NOT_FOUND, "there is no path %.200s in the API",
                  bw_arena_cstr(&call->arena, path));
    bw_api_fail(call, &error);
}

/* Answered without the database. */
static bool is_alive_question(struct bw_str path)
{
    return bw_str_eq(path, BW_STR("/livez")) || bw_str_eq(path, BW_STR("/v1/version"));
}

void bw_api_dispatch(struct bw_api *api, const struct bw_api_request *request,
                     bw_api_reply_fn reply, void *ud)
{
    struct bw_api_call *call = bw_xcalloc(1, sizeof *call);
    bw_arena_init(&call->arena);
    call->api = api;
    call->engine = api->engine;
    call->store = api->store;
    call->sweeper = api->sweeper;
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
    if (api->down.code && !is_alive_question(path))
        bw_api_fail(call, &api->down);
    else if (call->body.len && bw_value_read(call->body).tag != BW_VALUE_MAP)
        bw_api_fail_text(call, BW_ERR_INVALID, "the body has to be a JSON object: {...}");
    else
        route_call(call, request, path);
}
