/* api.h - the HTTP API: one route table; every door to the engine goes through it, the command line
 * included.
 *
 * Offers:  bw_api_dispatch (a call in, one answer later), the route table. Relies on: core/engine.h
 * (verbs), store/store.h (read models). Knows no socket: edge/service.c connects it to io/httpd.h,
 * edge/client.c to embedded commands. Station 1 of docs/walk.md: validates, never acts.
 */
#ifndef BW_EDGE_API_H
#define BW_EDGE_API_H

#include "base/clock.h"
#include "base/id.h"
#include "base/mem.h"
#include "codec/value.h"

#define BW_API_SEGMENTS_MAX 8

struct bw_api;
struct bw_sweeper;
struct bw_engine;
struct bw_store;

/* One answer: HTTP status and an encoded value (a problem document from 400 on). Valid during the
 * call only. */
typedef void (*bw_api_reply_fn)(void *ud, int status, struct bw_str value);

struct bw_api_request {
    struct bw_str method;
    struct bw_str path;   /* with query string */
    struct bw_str tenant; /* X-Billow-Tenant; may be empty */
    struct bw_str
        actor; /* X-Billow-Actor: who says it (trusted on the Unix socket; identity comes later) */
    struct bw_str key;  /* Idempotency-Key; may be empty */
    struct bw_str body; /* encoded value */
};

/* All borrowed. */
struct bw_api *bw_api_create(struct bw_engine *engine, struct bw_store *store,
                             const struct bw_clock *clock, const struct bw_entropy *entropy);
void bw_api_destroy(struct bw_api *api);
void bw_api_set_sweeper(struct bw_api *api, struct bw_sweeper *sweeper); /* before any call */
/* While the database is known to be down, calls that need it are refused with this error at once.
 * Code OK: it is up again. */
void bw_api_set_down(struct bw_api *api, const struct bw_error *error);
/* Copies the request; answers once, later or at once. */
void bw_api_dispatch(struct bw_api *api, const struct bw_api_request *request,
                     bw_api_reply_fn reply, void *ud);

void bw_api_random(struct bw_api *api, void *bytes, size_t len);
struct bw_id bw_api_new_id(struct bw_api *api);       /* time-ordered */
struct bw_stamp bw_api_now(const struct bw_api *api); /* of the API's clock */

/* --- for the handlers in edge/api_*.c */
struct bw_api_call {
    struct bw_api *api;
    struct bw_engine *engine;
    struct bw_store *store;
    struct bw_sweeper *sweeper;
    struct bw_arena arena;                         /* lives until the answer */
    struct bw_str parameters[BW_API_SEGMENTS_MAX]; /* the {..} segments in order, percent-decoded */
    struct bw_str query;                           /* encoded map of strings */
    struct bw_str body;                            /* encoded value */
    struct bw_id tenant;
    struct bw_str actor;
    struct bw_str key;
    bw_api_reply_fn reply;
    void *ud;
    void *handler; /* what its handler keeps between steps, in `arena`; NULL at first */
};
struct bw_api_route {
    const char *method;
    const char *path; /* "/v1/runs/{id}/cancel" */
    bool needs_tenant;
    const char *summary;
    void (*handle)(struct bw_api_call *call);
};
extern const struct bw_api_route bw_api_routes[];
extern const size_t bw_api_route_count;

/* Each of these answers and frees the call. */
void bw_api_answer(struct bw_api_call *call, int status, struct bw_str value);
void bw_api_fail(struct bw_api_call *call, const struct bw_error *error);
void bw_api_fail_text(struct bw_api_call *call, enum bw_err code, const char *text);
/* Store and engine callbacks that answer: `ud` is the call. */
void bw_api_on_value(void *ud, const struct bw_error *error, struct bw_str value);
/* The same for rows of the store's read models, as edge/api_view.h shows them. */
void bw_api_on_rows(void *ud, const struct bw_error *error, struct bw_str value);
void bw_api_on_done(void *ud, const struct bw_error *error);

#endif
