/* httpc_fake.c - see httpc_fake.h. */
#include "core/httpc_fake.h"

#include "base/buf.h"
#include "base/list.h"

#include <stdio.h>

struct exchange {
    struct bw_list link;
    uint64_t handle;
    struct bw_arena arena;
    struct bw_http_request request;
    bw_httpc_fn done;
    void *ud;
    bool is_answered;
    bool has_response;
    struct bw_http_response response;
    struct bw_error error;
};

struct bw_httpc_fake {
    struct bw_httpc httpc;
    struct bw_list waiting;  /* ascending by handle */
    struct bw_list answered; /* in the order of answers */
    uint64_t handle_last;
};

static const struct bw_http_header *copy_headers(struct bw_arena *arena,
                                                 const struct bw_http_header *from, size_t count)
{
    struct bw_http_header *headers = bw_arena_alloc(arena, (count + 1) * sizeof *headers);
    for (size_t i = 0; i < count; i++) {
        headers[i].name = bw_arena_copy(arena, from[i].name);
        headers[i].value = bw_arena_copy(arena, from[i].value);
    }
    return headers;
}

static void exchange_free(struct exchange *exchange)
{
    bw_list_remove(&exchange->link);
    bw_arena_deinit(&exchange->arena);
    bw_free(exchange);
}

static uint64_t fake_send(void *self, const struct bw_http_request *request, bw_httpc_fn done,
                          void *ud)
{
    struct bw_httpc_fake *fake = self;
    struct exchange *exchange = bw_xcalloc(1, sizeof *exchange);
    bw_arena_init(&exchange->arena);
    exchange->handle = ++fake->handle_last;
    exchange->request = *request;
    exchange->request.method = bw_arena_copy(&exchange->arena, request->method);
    exchange->request.url = bw_arena_copy(&exchange->arena, request->url);
    exchange->request.body = bw_arena_copy(&exchange->arena, request->body);
    exchange->request.headers =
        copy_headers(&exchange->arena, request->headers, request->header_count);
    exchange->done = done;
    exchange->ud = ud;
    bw_list_push_back(&fake->waiting, &exchange->link);
    return exchange->handle;
}

static struct exchange *find(struct bw_list *list, uint64_t handle)
{
    for (struct bw_list *link = list->next; link != list; link = link->next) {
        struct exchange *exchange = bw_container_of(link, struct exchange, link);
        if (exchange->handle == handle)
            return exchange;
    }
    return NULL;
}

static void fake_cancel(void *self, uint64_t handle)
{
    struct bw_httpc_fake *fake = self;
    struct exchange *exchange = find(&fake->waiting, handle);
    if (!exchange)
        exchange = find(&fake->answered, handle);
    if (exchange)
        exchange_free(exchange);
}

static void fake_close(void *self)
{
    bw_httpc_fake_destroy(self);
}

struct bw_httpc_fake *bw_httpc_fake_create(void)
{
    struct bw_httpc_fake *fake = bw_xcalloc(1, sizeof *fake);
    fake->httpc = (struct bw_httpc){
        .self = fake, .send = fake_send, .cancel = fake_cancel, .close = fake_close};
    bw_list_init(&fake->waiting);
    bw_list_init(&fake->answered);
    return fake;
}

void bw_httpc_fake_forget(struct bw_httpc_fake *fake)
{
    while (!bw_list_is_empty(&fake->waiting))
        exchange_free(bw_container_of(fake->waiting.next, struct exchange, link));
    while (!bw_list_is_empty(&fake->answered))
        exchange_free(bw_container_of(fake->answered.next, struct exchange, link));
}

void bw_httpc_fake_destroy(struct bw_httpc_fake *fake)
{
    if (!fake)
        return;
    bw_httpc_fake_forget(fake);
    bw_free(fake);
}

struct bw_httpc *bw_httpc_fake_httpc(struct bw_httpc_fake *fake)
{
    return &fake->httpc;
}

const struct bw_http_request *bw_httpc_fake_next(struct bw_httpc_fake *fake, uint64_t after,
                                                 uint64_t *handle)
{
    for (struct bw_list *link = fake->waiting.next; link != &fake->waiting; link = link->next) {
        struct exchange *exchange = bw_container_of(link, struct exchange, link);
        if (exchange->handle > after) {
            *handle = exchange->handle;
            return &exchange->request;
        }
    }
    return NULL;
}

bool bw_httpc_fake_answer(struct bw_httpc_fake *fake, uint64_t handle,
                          const struct bw_http_response *response, const struct bw_error *error)
{
    struct exchange *exchange = find(&fake->waiting, handle);
    if (!exchange)
        return false;
    if (response) {
        exchange->has_response = true;
        exchange->response = *response;
        exchange->response.body = bw_arena_copy(&exchange->arena, response->body);
        exchange->response.headers =
            copy_headers(&exchange->arena, response->headers, response->header_count);
    } else {
        exchange->error = *error;
    }
    bw_list_remove(&exchange->link);
    bw_list_push_back(&fake->answered, &exchange->link);
    return true;
}

bool bw_httpc_fake_pump(struct bw_httpc_fake *fake)
{
    bool has_worked = false;
    while (!bw_list_is_empty(&fake->answered)) {
        struct exchange *exchange = bw_container_of(fake->answered.next, struct exchange, link);
        /* Off the list before the callback: a cancel from inside finds nothing. */
        bw_list_remove(&exchange->link);
        exchange->done(exchange->ud, exchange->has_response ? NULL : &exchange->error,
                       exchange->has_response ? &exchange->response : NULL);
        exchange_free(exchange);
        has_worked = true;
    }
    return has_worked;
}
