/* http_door.c - see http_door.h. Identity comes with the service; until then the socket's
 * permissions are the door. */
#include "edge/http_door.h"
#include "base/fault.h"
#include "codec/http1.h"
#include "edge/api.h"
#include "edge/api_view.h"
#include "io/httpd.h"

static const struct bw_str PROBLEM = {"application/problem+json", 24};

enum { BODY_BYTES_MAX = 64 * 1024 * 1024, ANSWER_BYTES_MAX = 256 * 1024 * 1024 };

struct bw_http_door {
    struct bw_httpd *httpd;
    struct bw_api *api;
};

static void send_json(struct bw_httpd_reply *reply, int status, struct bw_str value)
{
    struct bw_http1_header headers[2] = {
        {BW_STR("Content-Type"), status < 400 ? BW_STR("application/json") : PROBLEM}};
    size_t header_count = 1;
    struct bw_buf json;
    if (status == 405) {
        struct bw_value problem = bw_value_read(value);
        headers[header_count++] = (struct bw_http1_header){
            BW_STR("Allow"), bw_value_get_str(&problem, "allow", BW_STR("GET"))};
    }
    bw_buf_init(&json, ANSWER_BYTES_MAX);
    bw_value_to_json(&json, value, BW_JSON_DECIMAL_STRINGS);
    (void)BW_FAULT(API_BEFORE_ANSWER);
    bw_httpd_reply_send(reply, status, headers, header_count, bw_buf_str(&json));
    bw_buf_deinit(&json);
}

static void door_answer(void *ud, int status, struct bw_str value)
{
    send_json(ud, status, value);
}

static void refuse(struct bw_httpd_reply *reply, const struct bw_error *error)
{
    struct bw_buf value;
    int status = bw_err_http_status(error->code);
    bw_buf_init(&value, 8192);
    bw_api_view_problem(&value, error, status, NULL);
    send_json(reply, status, bw_buf_str(&value));
    bw_buf_deinit(&value);
}

static struct bw_str header(const struct bw_http1_request *http, const char *name)
{
    struct bw_str value;
    return bw_http1_find_header(http, name, &value) ? value : BW_STR_NONE;
}

static void door_request(void *ud, const struct bw_httpd_request *request,
                         struct bw_httpd_reply *reply)
{
    struct bw_http_door *door = ud;
    const struct bw_http1_request *http = request->http;
    struct bw_buf body, path;
    struct bw_error error = {0};
    bw_buf_init(&body, BODY_BYTES_MAX);
    bw_buf_init(&path, 8192);
    bw_buf_put_str(&path, http->path);
    if (http->query.len) {
        bw_buf_put_char(&path, '?');
        bw_buf_put_str(&path, http->query);
    }
    if (http->body.len && bw_value_from_json(&body, http->body, &error)) {
        refuse(reply, &error);
    } else {
        struct bw_api_request call = {.method = http->method,
                                      .path = bw_buf_str(&path),
                                      .tenant = header(http, "x-billow-tenant"),
                                      .actor = header(http, "x-billow-actor"),
                                      .key = header(http, "idempotency-key"),
                                      .body = bw_buf_str(&body)};
        bw_api_dispatch(door->api, &call, door_answer, reply);
    }
    bw_buf_deinit(&path);
    bw_buf_deinit(&body);
}

enum bw_err bw_http_door_open(struct bw_loop *loop, struct bw_api *api, const char *socket_path,
                              struct bw_clock clock, struct bw_http_door **door,
                              struct bw_error *error)
{
    struct bw_http_door *made = bw_xcalloc(1, sizeof *made);
    made->api = api;
    struct bw_httpd_options options = {.socket_path = socket_path,
                                       .body_bytes_max = BODY_BYTES_MAX,
                                       .clock = clock,
                                       .on_request = door_request,
                                       .ud = made};
    enum bw_err err = bw_httpd_open(loop, &options, &made->httpd, error);
    if (err) {
        bw_free(made);
        return err;
    }
    *door = made;
    return BW_ERR_OK;
}

void bw_http_door_close(struct bw_http_door *door)
{
    bw_httpd_close(door->httpd);
    bw_free(door);
}
