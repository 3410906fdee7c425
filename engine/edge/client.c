/* client.c - see client.h. */
#include "edge/client.h"
#include "codec/value.h"
#include "edge/api.h"
#include "edge/config.h"
#include "edge/service.h"
#include "io/httpcall.h"
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
    ASK_TRIES = 20,
    ASK_AGAIN_MS = 250,
    BUSY_TRIES = 50,
    BUSY_MS = 100,
    CALL_TIMEOUT_MS = 120000,
    ANSWER_BYTES_MAX = 256 * 1024 * 1024
};

struct embedded_call {
    bool is_done;
    int status;
    struct bw_buf *answer; /* NULL: nobody waits for it any more */
};

struct bw_client {
    struct bw_service *service; /* embedded, or NULL */
    struct bw_httpcall *socket; /* to the running engine, or NULL */
    struct embedded_call call;  /* the one under way; it outlives an interrupted wait */
    bool is_repeatable;
    char *tenant;
    char *actor;
};

static enum bw_err open_embedded(const struct bw_client_options *options, struct bw_client *client,
                                 struct bw_error *error)
{
    struct bw_service_options service = {.dir = options->dir,
                                         .database = options->database,
                                         .is_listening = true,
                                         .is_migrating = true,
                                         .on_talk = options->on_talk,
                                         .ud = options->ud};
    return bw_service_open(&service, &client->service, error);
}

/* The engine that listens, or one of our own. */
static enum bw_err reach(const struct bw_client_options *options, struct bw_client *client,
                         const char *socket, struct bw_error *error)
{
    if (bw_httpcall_is_alive(socket))
        return bw_httpcall_open(socket, &client->socket, error);
    if (options->server || options->must_run)
        return bw_fail(error, BW_ERR_UNAVAILABLE,
                       "no engine answers on %s: start one with 'billow serve'", socket);
    return open_embedded(options, client, error);
}

static void pause_ms(int ms)
{
    struct timespec pause = {.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000};
    nanosleep(&pause, NULL);
}

enum bw_err bw_client_open(const struct bw_client_options *options, struct bw_client **client,
                           struct bw_error *error)
{
    struct bw_client *made = bw_xcalloc(1, sizeof *made);
    struct bw_buf socket;
    enum bw_err err = BW_ERR_OK;
    bw_buf_init(&socket, 4096);
    if (options->server)
        bw_buf_put_text(&socket, options->server);
    else
        bw_config_state_path(&socket, options->dir, "billow.sock");
    made->tenant = bw_xstrdup(options->tenant);
    made->actor = bw_xstrdup(options->actor);
    made->is_repeatable = options->is_repeatable;
    /* CONFLICT: another command's engine is starting or stopping right now; soon it listens or is
     * gone. */
    for (int attempt = 0; attempt <= BUSY_TRIES; attempt++) {
        err = reach(options, made, bw_buf_cstr(&socket), error);
        if (err != BW_ERR_CONFLICT)
            break;
        pause_ms(BUSY_MS);
    }
    bw_buf_deinit(&socket);
    if (err) {
        bw_client_close(made);
        return err;
    }
    *client = made;
    return BW_ERR_OK;
}

void bw_client_close(struct bw_client *client)
{
    if (client->service)
        bw_service_close(client->service);
    bw_httpcall_close(client->socket);
    bw_free(client->tenant);
    bw_free(client->actor);
    bw_free(client);
}

void bw_client_set_tenant(struct bw_client *client, const char *tenant)
{
    bw_free(client->tenant);
    client->tenant = bw_xstrdup(tenant);
}

/* From a problem document to an error. */
static enum bw_err fail_with(struct bw_str value, struct bw_error *error)
{
    struct bw_value problem = bw_value_read(value);
    struct bw_str name = bw_value_get_str(&problem, "code", BW_STR("INTERNAL"));
    struct bw_str detail = bw_value_get_str(&problem, "detail", BW_STR("(no detail)"));
    char code[64];
    snprintf(code, sizeof code, "%.*s", BW_STR_ARG(name));
    return bw_fail(error, bw_err_from_name(code), "%.*s", BW_STR_ARG(detail));
}

/* --- over the socket */
static enum bw_err call_socket(struct bw_client *client, const char *method, const char *path,
                               struct bw_str body, struct bw_buf *answer, struct bw_error *error)
{
    struct bw_buf json;
    bw_buf_init(&json, ANSWER_BYTES_MAX);
    if (body.len)
        bw_value_to_json(&json, body, BW_JSON_DECIMAL_STRINGS);
    struct bw_http_header headers[2];
    size_t header_count = 0;
    if (client->tenant)
        headers[header_count++] =
            (struct bw_http_header){BW_STR("X-Billow-Tenant"), bw_str_of(client->tenant)};
    if (client->actor)
        headers[header_count++] =
            (struct bw_http_header){BW_STR("X-Billow-Actor"), bw_str_of(client->actor)};
    struct bw_httpcall_request request = {.method = method,
                                          .path = path,
                                          .headers = headers,
                                          .header_count = header_count,
                                          .body = bw_buf_str(&json),
                                          .timeout_ms = CALL_TIMEOUT_MS};
    struct bw_httpcall_answer got = {.status = 0};
    bw_buf_init(&got.body, ANSWER_BYTES_MAX);
    enum bw_err err = bw_httpcall_perform(client->socket, &request, &got, error);
    bw_buf_deinit(&json);
    size_t start = answer->len;
    if (!err)
        err = bw_value_from_json(answer, bw_buf_str(&got.body), error);
    if (!err && got.status >= 400)
        err = fail_with(bw_str(answer->ptr + start, answer->len - start), error);
    bw_buf_deinit(&got.body);
    return err;
}

/* --- embedded */
static void embedded_answer(void *ud, int status, struct bw_str value)
{
    struct embedded_call *call = ud;
    call->status = status;
    call->is_done = true;
    if (call->answer)
        bw_buf_put_str(call->answer, value);
}

static enum bw_err fail_interrupted(struct bw_error *error)
{
    return bw_fail(error, BW_ERR_CANCELLED,
                   "interrupted; given again, the command goes on from here");
}

static enum bw_err call_embedded(struct bw_client *client, const char *method, const char *path,
                                 struct bw_str body, struct bw_buf *answer, struct bw_error *error)
{
    size_t start = answer->len;
    struct bw_api_request request = {.method = bw_str_of(method),
                                     .path = bw_str_of(path),
                                     .tenant = bw_str_of(client->tenant),
                                     .actor = bw_str_of(client->actor),
                                     .body = body};
    struct embedded_call *call = &client->call;
    if (bw_service_is_interrupted(client->service))
        return fail_interrupted(error);
    *call = (struct embedded_call){.answer = answer};
    bw_api_dispatch(bw_service_api(client->service), &request, embedded_answer, call);
    bool is_done = bw_service_pump(client->service, &call->is_done, -1);
    call->answer = NULL;
    if (!is_done)
        return fail_interrupted(error);
    int status = call->status;
    if (status >= 400)
        return fail_with(bw_str(answer->ptr + start, answer->len - start), error);
    return BW_ERR_OK;
}

enum bw_err bw_client_call(struct bw_client *client, const char *method, const char *path,
                           struct bw_str body, struct bw_buf *answer, struct bw_error *error)
{
    if (!client->service)
        return call_socket(client, method, path, body, answer, error);
    /* A private PostgreSQL that went away is being started again. */
    bool may_repeat = client->is_repeatable || strcmp(method, "GET") == 0;
    size_t start = answer->len;
    enum bw_err err;
    for (int attempt = 0;; attempt++) {
        answer->len = start;
        err = call_embedded(client, method, path, body, answer, error);
        if (err != BW_ERR_UNAVAILABLE || !may_repeat || attempt == ASK_TRIES)
            return err;
        bw_client_wait(client, ASK_AGAIN_MS);
    }
}

bool bw_client_is_interrupted(const struct bw_client *client)
{
    return client->service && bw_service_is_interrupted(client->service);
}

void bw_client_wait(struct bw_client *client, int ms)
{
    if (client->service) {
        (void)bw_service_pump(client->service, NULL, ms);
        return;
    }
    pause_ms(ms);
}
