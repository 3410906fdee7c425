/* httpd_conn.c - see httpd_conn.h and httpd.h.
 *
 * A connection, with what its timer measures:
 *
 *   IDLE --bytes--> HEAD --head whole--> BODY --request whole--> WORK (reply outstanding)
 * --finished--> IDLE ... any --end_after_write--> ENDING: rest is written, our side is shut, what
 * still comes is thrown away for a moment (closing at once would make the kernel reset the
 * connection, and the client lose our answer) any --conn_close--> closed; freed when uv has closed
 * the handles
 *
 * A reply outlives its connection: then it takes the parser, whose memory the request points to,
 * with it.
 */
#include "io/httpd_conn.h"

#include "base/assert.h"
#include "base/limits.h"
#include <stdio.h>
#include <sys/socket.h>

#define LINGER_MS 1000
#define INPUT_BYTES_HIGH (64u * BW_KIB) /* of following requests, while one is being answered */
#define OUTPUT_BYTES_HIGH BW_MIB /* unsent answers, above which no further request is taken up */
#define OUTPUT_BYTES_MAX (1024u * BW_MIB)

enum phase { PHASE_IDLE, PHASE_HEAD, PHASE_BODY, PHASE_WORK, PHASE_ENDING };

struct bw_httpd_conn {
    struct bw_list link; /* bw_httpd.conns */
    struct bw_httpd *httpd;
    struct bw_loop *loop;
    union {
        uv_handle_t handle;
        uv_stream_t stream;
        uv_pipe_t pipe;
        uv_tcp_t tcp;
    } peer;
    uv_timer_t read_timer;
    uv_timer_t write_timer;
    int handles_open;
    uv_write_t write;
    uv_shutdown_t shutdown;
    struct bw_http1 *parser;
    struct bw_httpd_reply *reply; /* outstanding, or NULL */
    struct bw_buf input;          /* not parsed yet */
    struct bw_buf output;         /* to be written next */
    struct bw_buf writing;        /* under way; untouched while is_writing */
    size_t write_left;            /* unsent when write_timer looked last */
    enum phase phase;
    bool has_head;       /* of the request being read */
    bool wants_continue; /* its client waits for our go before the body */
    bool is_writing;
    bool is_shut; /* our side */
    bool is_reading;
    bool is_processing;
    bool is_closed;
    bool is_local;
    struct ucred peer_cred; /* when is_local */
};

struct bw_httpd_reply {
    struct bw_httpd_conn *conn; /* NULL: the client is gone */
    struct bw_loop *loop;
    struct bw_http1 *parser; /* ours when conn is NULL */
    struct bw_httpd_request request;
    bool is_stream;
    bool is_head; /* the method, whose answers have no body */
    bool keeps_alive;
    bool is_gone_reported;
    bw_loop_fn on_drain;
    void *drain_ud;
    bw_loop_fn on_gone;
    void *gone_ud;
};

static void conn_process(struct bw_httpd_conn *conn);
static void conn_update(struct bw_httpd_conn *conn);

/* --- the end of a connection */

static void report_gone(void *ud)
{
    struct bw_httpd_reply *reply = ud;
    reply->is_gone_reported = true;
    if (reply->on_gone)
        reply->on_gone(reply->gone_ud); /* may finish the reply: the last statement */
}

static void on_handle_closed(uv_handle_t *handle)
{
    struct bw_httpd_conn *conn = handle->data;
    if (--conn->handles_open > 0)
        return;
    bw_http1_destroy(conn->parser);
    bw_buf_deinit(&conn->input);
    bw_buf_deinit(&conn->output);
    bw_buf_deinit(&conn->writing);
    bw_free(conn);
}

static void check_drained(struct bw_httpd *httpd)
{
    if (!httpd->is_draining || httpd->conn_count > 0 || !httpd->on_drained)
        return;
    bw_loop_fn fn = httpd->on_drained;
    httpd->on_drained = NULL;
    bw_loop_defer(httpd->loop, fn, httpd->drain_ud);
}

static void conn_close(struct bw_httpd_conn *conn)
{
    if (conn->is_closed)
        return;
    conn->is_closed = true;
    bw_list_remove(&conn->link);
    conn->httpd->conn_count--;
    check_drained(conn->httpd);
    bw_loop_forget(conn->loop, conn);
    struct bw_httpd_reply *reply = conn->reply;
    if (reply) {
        reply->conn = NULL;
        reply->parser = conn->parser;
        conn->parser = NULL;
        conn->reply = NULL;
        bw_loop_defer(conn->loop, report_gone, reply);
    }
    uv_close(&conn->peer.handle, on_handle_closed);
    uv_close((uv_handle_t *)&conn->read_timer, on_handle_closed);
    uv_close((uv_handle_t *)&conn->write_timer, on_handle_closed);
}

static void on_linger_over(uv_timer_t *timer)
{
    conn_close(timer->data);
}

static void on_shutdown(uv_shutdown_t *shutdown, int status)
{
    struct bw_httpd_conn *conn = shutdown->data;
    if (conn->is_closed)
        return;
    if (status < 0)
        conn_close(conn);
    else
        uv_timer_start(&conn->read_timer, on_linger_over, LINGER_MS, 0);
}

/* Nothing more is taken up or handed out; what is queued still goes. */
static void end_after_write(struct bw_httpd_conn *conn)
{
    conn->phase = PHASE_ENDING;
    uv_timer_stop(&conn->read_timer);
    bw_buf_deinit(&conn->input);
}

/* --- writing */

static size_t conn_queued(const struct bw_httpd_conn *conn)
{
    return conn->output.len + uv_stream_get_write_queue_size(&conn->peer.stream);
}

static void conn_flush(struct bw_httpd_conn *conn);

static void on_written(uv_write_t *write, int status)
{
    struct bw_httpd_conn *conn = write->data;
    conn->is_writing = false;
    if (conn->is_closed)
        return;
    uv_timer_stop(&conn->write_timer);
    bw_buf_clear(&conn->writing);
    if (status < 0) {
        conn_close(conn);
        return;
    }
    conn_flush(conn);
    struct bw_httpd_reply *reply = conn->reply;
    if (reply && reply->is_stream && reply->on_drain && !conn->is_writing)
        reply->on_drain(reply->drain_ud);
    conn_process(conn); /* may have been held back by a full queue */
}

/* A stalled client is one that takes nothing, not one that takes long. */
static void on_write_due(uv_timer_t *timer)
{
    struct bw_httpd_conn *conn = timer->data;
    size_t left = uv_stream_get_write_queue_size(&conn->peer.stream);
    if (left >= conn->write_left)
        conn_close(conn);
    conn->write_left = left;
}

static void conn_flush(struct bw_httpd_conn *conn)
{
    if (conn->is_closed || conn->is_writing)
        return;
    if (conn->output.len == 0) {
        if (conn->phase == PHASE_ENDING && !conn->is_shut) {
            conn->is_shut = true;
            conn->shutdown.data = conn;
            if (uv_shutdown(&conn->shutdown, &conn->peer.stream, on_shutdown) != 0)
                conn_close(conn);
        }
        return;
    }
    struct bw_buf bytes = conn->output;
    conn->output = conn->writing;
    conn->writing = bytes;
    uv_buf_t slice = {.base = conn->writing.ptr, .len = conn->writing.len};
    conn->write.data = conn;
    conn->is_writing = true;
    int rc = uv_write(&conn->write, &conn->peer.stream, &slice, 1, on_written);
    BW_ASSERT(rc == 0); /* a failing write is reported to on_written */
    conn->write_left = uv_stream_get_write_queue_size(&conn->peer.stream);
    uint64_t timeout_ms = (uint64_t)conn->httpd->options.write_timeout_ms;
    uv_timer_start(&conn->write_timer, on_write_due, timeout_ms, timeout_ms);
}

/* --- what httpd answers by itself */

static const char *code_of_status(int status)
{
    switch (status) {
    case 408:
        return "TIMEOUT";
    case 413:
    case 414:
    case 431:
        return "LIMIT";
    case 503:
        return "UNAVAILABLE";
    case 500:
        return "INTERNAL";
    default:
        return "INVALID";
    }
}

/* `detail` is a text of ours without quotes or backslashes. */
static void put_problem(struct bw_httpd_conn *conn, int status, const char *detail,
                        bool keeps_alive, bool is_head)
{
    char text[512];
    snprintf(text, sizeof text,
             "{\"type\":\"about:blank\",\"title\":\"%s\",\"status\":%d,\"code\":\"%s\",\"detail\":"
             "\"%s\"}",
             bw_http1_status_text(status), status, code_of_status(status), detail);
    struct bw_http1_header type = {BW_STR("Content-Type"), BW_STR("application/problem+json")};
    struct bw_http1_response response = {
        .status = status,
        .headers = &type,
        .header_count = 1,
        .body = bw_str_of(text),
        .at = bw_clock_utc(&conn->httpd->options.clock),
        .keeps_alive = keeps_alive,
        .is_head = is_head,
    };
    enum bw_err err = bw_http1_put_response(&conn->output, &response, NULL);
    BW_ASSERT(err == BW_ERR_OK);
}

static void refuse(struct bw_httpd_conn *conn, int status, const char *detail)
{
    put_problem(conn, status, detail, false, false);
    end_after_write(conn);
    conn_flush(conn);
}

/* --- reading */

static void on_read_timeout(uv_timer_t *timer)
{
    struct bw_httpd_conn *conn = timer->data;
    if (conn->phase == PHASE_IDLE)
        conn_close(conn);
    else
        refuse(conn, 408, "the request did not arrive in time");
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
    struct bw_httpd_conn *conn = handle->data;
    (void)suggested;
    *buf = uv_buf_init(conn->httpd->chunk, sizeof conn->httpd->chunk);
}

static void on_read(uv_stream_t *stream, ssize_t got, const uv_buf_t *buf)
{
    struct bw_httpd_conn *conn = stream->data;
    if (got == 0 || conn->is_closed)
        return;
    if (got < 0) { /* the end of what it sends; one that waits for an answer does not end */
        if (conn->reply || conn->phase == PHASE_ENDING || conn_queued(conn) == 0) {
            conn_close(conn);
            return;
        }
        end_after_write(conn);
        conn_flush(conn);
        return;
    }
    if (conn->phase == PHASE_ENDING)
        return;
    bw_buf_put(&conn->input, buf->base, (size_t)got);
    if (conn->phase == PHASE_BODY)
        uv_timer_again(&conn->read_timer);
    conn_process(conn);
    conn_update(conn);
}

static void start_phase(struct bw_httpd_conn *conn, enum phase phase, int64_t timeout_ms)
{
    if (conn->phase == phase)
        return;
    conn->phase = phase;
    if (timeout_ms > 0) /* the repeat is for uv_timer_again */
        uv_timer_start(&conn->read_timer, on_read_timeout, (uint64_t)timeout_ms,
                       (uint64_t)timeout_ms);
    else
        uv_timer_stop(&conn->read_timer);
}

/* Brings the timer and the reading in line with where the connection stands. */
static void conn_update(struct bw_httpd_conn *conn)
{
    if (conn->is_closed || conn->phase == PHASE_ENDING)
        return;
    const struct bw_httpd_options *options = &conn->httpd->options;
    if (conn->reply)
        start_phase(conn, PHASE_WORK, 0);
    else if (conn->has_head)
        start_phase(conn, PHASE_BODY, options->body_timeout_ms);
    else if (conn->input.len == 0 && bw_http1_is_idle(conn->parser))
        start_phase(conn, PHASE_IDLE, options->idle_timeout_ms);
    else
        start_phase(conn, PHASE_HEAD, options->head_timeout_ms);
    bool may_read = conn->input.len < INPUT_BYTES_HIGH;
    if (may_read && !conn->is_reading)
        uv_read_start(&conn->peer.stream, on_alloc, on_read);
    if (!may_read && conn->is_reading)
        uv_read_stop(&conn->peer.stream);
    conn->is_reading = may_read;
}

static void input_drop(struct bw_buf *input, size_t len)
{
    if (len == 0)
        return;
    input->len -= len;
    memmove(input->ptr, input->ptr + len, input->len);
}

static void request_complete(struct bw_httpd_conn *conn)
{
    struct bw_httpd *httpd = conn->httpd;
    struct bw_httpd_reply *reply = bw_xcalloc(1, sizeof *reply);
    const struct bw_http1_request *http = bw_http1_request(conn->parser);
    reply->conn = conn;
    reply->loop = conn->loop;
    reply->request.http = http;
    reply->request.is_local = conn->is_local;
    reply->request.peer_uid = conn->peer_cred.uid;
    reply->request.peer_pid = conn->peer_cred.pid;
    reply->is_head = bw_str_eq(http->method, BW_STR("HEAD"));
    reply->keeps_alive = http->keeps_alive && !httpd->is_draining;
    conn->reply = reply;
    conn->has_head = false;
    conn->wants_continue = false;
    conn_update(conn);
    httpd->options.on_request(httpd->options.ud, &reply->request, reply);
}

static void request_head(struct bw_httpd_conn *conn)
{
    const struct bw_httpd_options *options = &conn->httpd->options;
    const struct bw_http1_request *http = bw_http1_request(conn->parser);
    size_t max = options->body_max ? options->body_max(options->ud, http) : options->body_bytes_max;
    bw_http1_set_body_max(conn->parser, max);
    conn->has_head = true;
    conn->wants_continue = http->expects_continue;
}

/* Takes up requests one after the other, as long as each is answered at once. */
static void conn_process(struct bw_httpd_conn *conn)
{
    if (conn->is_processing)
        return;
    conn->is_processing = true;
    while (!conn->is_closed && !conn->reply && conn->phase != PHASE_ENDING &&
           conn_queued(conn) < OUTPUT_BYTES_HIGH) {
        struct bw_str bytes = bw_buf_str(&conn->input);
        enum bw_http1_event event = bw_http1_take(conn->parser, &bytes);
        input_drop(&conn->input, conn->input.len - bytes.len);
        if (event == BW_HTTP1_HEAD) {
            request_head(conn);
        } else if (event == BW_HTTP1_COMPLETE) {
            request_complete(conn);
        } else if (event == BW_HTTP1_BAD) {
            refuse(conn, bw_http1_status(conn->parser), bw_http1_reason(conn->parser));
        } else {
            if (conn->wants_continue) {
                conn->wants_continue = false;
                bw_http1_put_continue(&conn->output);
                conn_flush(conn);
            }
            break;
        }
    }
    conn->is_processing = false;
    conn_update(conn);
}

static void on_process_later(void *ud)
{
    conn_process(ud);
}

/* --- replies */

static void reply_finish(struct bw_httpd_reply *reply)
{
    struct bw_httpd_conn *conn = reply->conn;
    bool keeps_alive = reply->keeps_alive;
    bw_loop_forget(reply->loop, reply);
    if (!conn)
        bw_http1_destroy(reply->parser);
    bw_free(reply);
    if (!conn)
        return;
    conn->reply = NULL;
    keeps_alive = keeps_alive && !conn->httpd->is_draining;
    if (conn->output.is_over) {
        conn_close(conn);
        return;
    }
    if (!keeps_alive)
        end_after_write(conn);
    else
        bw_http1_reset(conn->parser);
    conn_flush(conn);
    if (conn->is_closed || !keeps_alive || conn->is_processing)
        return;
    /* The next request is not taken up from inside the caller's call. */
    if (conn->input.len > 0)
        bw_loop_defer(conn->loop, on_process_later, conn);
    else
        conn_update(conn);
}

static struct bw_http1_response response_of(const struct bw_httpd_reply *reply, int status,
                                            const struct bw_http1_header *headers,
                                            size_t header_count, struct bw_str body)
{
    return (struct bw_http1_response){
        .status = status,
        .headers = headers,
        .header_count = header_count,
        .body = body,
        .at = bw_clock_utc(&reply->conn->httpd->options.clock),
        .keeps_alive = reply->keeps_alive,
        .is_head = reply->is_head,
    };
}

void bw_httpd_reply_send(struct bw_httpd_reply *reply, int status,
                         const struct bw_http1_header *headers, size_t header_count,
                         struct bw_str body)
{
    BW_ASSERT(!reply->is_stream);
    struct bw_httpd_conn *conn = reply->conn;
    if (conn) {
        reply->keeps_alive = reply->keeps_alive && !conn->httpd->is_draining;
        struct bw_http1_response response = response_of(reply, status, headers, header_count, body);
        if (bw_http1_put_response(&conn->output, &response, NULL))
            put_problem(conn, 500, "an answer had a header that cannot be sent", reply->keeps_alive,
                        reply->is_head);
    }
    reply_finish(reply);
}

void bw_httpd_reply_begin(struct bw_httpd_reply *reply, int status,
                          const struct bw_http1_header *headers, size_t header_count)
{
    BW_ASSERT(!reply->is_stream);
    reply->is_stream = true;
    struct bw_httpd_conn *conn = reply->conn;
    if (!conn)
        return;
    struct bw_http1_response response =
        response_of(reply, status, headers, header_count, BW_STR_NONE);
    if (bw_http1_put_stream_head(&conn->output, &response, NULL)) {
        put_problem(conn, 500, "an answer had a header that cannot be sent", false, reply->is_head);
        reply->is_head = true; /* what is streamed now has no place to go */
        reply->keeps_alive = false;
    }
    conn_flush(conn);
}

bool bw_httpd_reply_chunk(struct bw_httpd_reply *reply, struct bw_str bytes)
{
    BW_ASSERT(reply->is_stream);
    struct bw_httpd_conn *conn = reply->conn;
    if (!conn)
        return false;
    if (reply->is_head)
        return true;
    bw_http1_put_chunk(&conn->output, bytes);
    conn_flush(conn);
    if (conn_queued(conn) > conn->httpd->options.queue_bytes_max || conn->output.is_over)
        conn_close(conn);
    return reply->conn != NULL;
}

void bw_httpd_reply_end(struct bw_httpd_reply *reply)
{
    BW_ASSERT(reply->is_stream);
    if (reply->conn && !reply->is_head)
        bw_http1_put_stream_end(&reply->conn->output);
    reply_finish(reply);
}

size_t bw_httpd_reply_queued(const struct bw_httpd_reply *reply)
{
    return reply->conn ? conn_queued(reply->conn) : 0;
}

void bw_httpd_reply_on_drain(struct bw_httpd_reply *reply, bw_loop_fn fn, void *ud)
{
    reply->on_drain = fn;
    reply->drain_ud = ud;
}

void bw_httpd_reply_on_gone(struct bw_httpd_reply *reply, bw_loop_fn fn, void *ud)
{
    reply->on_gone = fn;
    reply->gone_ud = ud;
    if (!reply->conn && reply->is_gone_reported)
        bw_loop_defer(reply->loop, report_gone, reply);
}

/* --- opening */

static void conn_init_peer(struct bw_httpd_conn *conn, uv_stream_t *listener)
{
    uv_loop_t *uv = bw_loop_uv(conn->loop);
    conn->is_local = listener->type == UV_NAMED_PIPE;
    if (conn->is_local)
        uv_pipe_init(uv, &conn->peer.pipe, 0);
    else
        uv_tcp_init(uv, &conn->peer.tcp);
    conn->peer.handle.data = conn;
    uv_timer_init(uv, &conn->read_timer);
    uv_timer_init(uv, &conn->write_timer);
    conn->read_timer.data = conn;
    conn->write_timer.data = conn;
    conn->handles_open = 3;
}

static void conn_identify(struct bw_httpd_conn *conn)
{
    uv_os_fd_t fd;
    socklen_t len = sizeof conn->peer_cred;
    conn->peer_cred.uid = (uid_t)-1;
    if (!conn->is_local)
        uv_tcp_nodelay(&conn->peer.tcp, 1);
    else if (uv_fileno(&conn->peer.handle, &fd) == 0)
        getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &conn->peer_cred, &len);
}

void bw_httpd_conn_open(struct bw_httpd *httpd, uv_stream_t *listener)
{
    struct bw_httpd_conn *conn = bw_xcalloc(1, sizeof *conn);
    struct bw_http1_limits limits = {.head_bytes_max = BW_LIMIT_HTTP_HEADER_BYTES,
                                     .target_bytes_max = BW_LIMIT_HTTP_URL_BYTES,
                                     .body_bytes_max = httpd->options.body_bytes_max};
    conn->httpd = httpd;
    conn->loop = httpd->loop;
    conn->phase = PHASE_WORK; /* none yet: conn_update starts the first */
    conn->parser = bw_http1_create(&limits);
    bw_buf_init(&conn->input, INPUT_BYTES_HIGH + sizeof httpd->chunk);
    bw_buf_init(&conn->output, OUTPUT_BYTES_MAX);
    bw_buf_init(&conn->writing, OUTPUT_BYTES_MAX);
    conn_init_peer(conn, listener);
    bw_list_init(&conn->link);
    bw_list_push_back(&httpd->conns, &conn->link);
    httpd->conn_count++;
    if (uv_accept(listener, &conn->peer.stream) != 0) {
        conn_close(conn);
        return;
    }
    conn_identify(conn);
    conn_update(conn);
    if (httpd->conn_count > httpd->options.connections_max)
        refuse(conn, 503, "too many connections; try again");
}

void bw_httpd_conn_close_all(struct bw_httpd *httpd)
{
    while (!bw_list_is_empty(&httpd->conns))
        conn_close(bw_container_of(httpd->conns.next, struct bw_httpd_conn, link));
}

void bw_httpd_conn_drain(struct bw_httpd *httpd)
{
    struct bw_list *next;
    for (struct bw_list *at = httpd->conns.next; at != &httpd->conns; at = next) {
        struct bw_httpd_conn *conn = bw_container_of(at, struct bw_httpd_conn, link);
        next = at->next;
        if (conn->phase != PHASE_IDLE)
            continue; /* a request has begun: it is answered */
        end_after_write(conn);
        conn_flush(conn);
    }
    check_drained(httpd);
}
