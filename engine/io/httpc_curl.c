/* httpc_curl.c - see httpc_curl.h.
 *
 * libcurl tells which sockets to watch and when to come back (on_curl_socket, on_curl_timer); the
 * loop tells libcurl what happened (curl_multi_socket_action); finished transfers are taken out
 * afterwards, in `finish_done`, never inside one of libcurl's callbacks. Callbacks of a request run
 * there or from a deferred call, so that `send` and `cancel` are allowed in them.
 *
 *   FREE --httpc_send--> ACTIVE (in the multi handle) --finish_done--> FREE
 *                   \--> REFUSED (deferred call waits)  --report_refused--> FREE
 *   ACTIVE, REFUSED --httpc_cancel--> FREE
 */
#include "io/httpc_curl.h"

#include "base/assert.h"
#include "base/buf.h"
#include "base/limits.h"
#include "base/mem.h"
#include "io/httpc_check.h"
#include "io/netaddr.h"
#include <curl/curl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uv.h>

struct httpc;

enum request_state { REQUEST_FREE, REQUEST_ACTIVE, REQUEST_REFUSED };

struct request {
    struct httpc *client;
    uint64_t handle; /* high half: how often the slot was used; low half: slot + 1 */
    uint32_t slot;
    enum request_state state;
    CURL *easy; /* made at the slot's first use, kept */
    struct curl_slist *headers;
    char *target; /* "POST https://host/path" for error texts: without the query, which may hold
                     secrets */
    char *body;
    size_t body_len;
    size_t body_sent;   /* given to libcurl; only when `is_sent_once` */
    struct bw_buf head; /* names and values of the answer, back to back */
    struct header_span *spans;
    size_t span_count;
    struct bw_buf answer;
    size_t answer_bytes_max;
    int64_t timeout_ms;
    bool is_sent; /* or about to be: a connection was there */
    bool is_head_over;
    bool is_refused_address; /* an address was not allowed; named in address_text */
    char address_text[BW_NETADDR_TEXT_MAX];
    char curl_text[CURL_ERROR_SIZE];
    struct bw_error refusal; /* REFUSED: what to report */
    bw_httpc_fn done;
    void *ud;
};

struct header_span {
    size_t name_at, name_len, value_at, value_len; /* in request.head */
};

/* One per descriptor libcurl has ever used. Stopped, not closed, between transfers: a kept
 * connection comes back. */
struct socket_watch {
    uv_poll_t poll;
    struct httpc *client;
    curl_socket_t fd;
};

struct httpc {
    struct bw_loop *loop;
    CURLM *multi;
    uv_timer_t timer;
    struct bw_httpc_curl_options options;
    char *ca_file;
    char *user_agent;
    struct request **requests; /* by slot */
    size_t request_count;
    uint32_t *free_slots;
    size_t free_count;
    struct socket_watch **watches; /* by descriptor; NULL: never used */
    size_t watch_count;
    size_t handles_open; /* uv handles whose close has not come back; the client is freed at 0 */
    bool is_in_curl;     /* inside socket_action: asserts that no callback of ours sends */
    bool is_finishing;   /* callbacks of requests run: asserts that none closes the client */
};

/* --- sockets and time, from libcurl's view */

static void finish_done(struct httpc *client);

static void curl_act(struct httpc *client, curl_socket_t fd, int events)
{
    int running;
    BW_ASSERT(!client->is_in_curl);
    client->is_in_curl = true;
    CURLMcode rc = curl_multi_socket_action(client->multi, fd, events, &running);
    client->is_in_curl = false;
    BW_ASSERT(rc == CURLM_OK);
    finish_done(client);
}

static void on_socket_ready(uv_poll_t *poll, int status, int events)
{
    struct socket_watch *watch = poll->data;
    int flags = 0;
    if (status < 0) /* a reset, as a rule: libcurl reads what it was, and may try a GET again */
        flags = CURL_CSELECT_IN | CURL_CSELECT_OUT;
    if (events & UV_READABLE)
        flags |= CURL_CSELECT_IN;
    if (events & UV_WRITABLE)
        flags |= CURL_CSELECT_OUT;
    curl_act(watch->client, watch->fd, flags);
}

static struct socket_watch *watch_for(struct httpc *client, curl_socket_t fd)
{
    size_t index = (size_t)fd;
    if (index >= client->watch_count) {
        size_t count = (index + 1) * 2;
        client->watches = bw_xrealloc(client->watches, count * sizeof(struct socket_watch *));
        for (size_t i = client->watch_count; i < count; i++)
            client->watches[i] = NULL;
        client->watch_count = count;
    }
    if (!client->watches[index]) {
        struct socket_watch *watch = bw_xcalloc(1, sizeof *watch);
        if (uv_poll_init_socket(bw_loop_uv(client->loop), &watch->poll, fd) != 0) {
            bw_free(watch);
            return NULL;
        }
        watch->poll.data = watch;
        watch->client = client;
        watch->fd = fd;
        client->watches[index] = watch;
        client->handles_open++;
    }
    return client->watches[index];
}

static int on_curl_socket(CURL *easy, curl_socket_t fd, int what, void *ud, void *unused)
{
    struct httpc *client = ud;
    (void)easy;
    (void)unused;
    struct socket_watch *watch = watch_for(client, fd);
    if (!watch)
        return -1; /* libcurl fails the transfers */
    if (what == CURL_POLL_REMOVE) {
        uv_poll_stop(&watch->poll);
        return 0;
    }
    int events = 0;
    if (what != CURL_POLL_OUT)
        events |= UV_READABLE;
    if (what != CURL_POLL_IN)
        events |= UV_WRITABLE;
    return uv_poll_start(&watch->poll, events, on_socket_ready) == 0 ? 0 : -1;
}

static void on_timer(uv_timer_t *timer)
{
    curl_act(timer->data, CURL_SOCKET_TIMEOUT, 0);
}

static int on_curl_timer(CURLM *multi, long timeout_ms, void *ud)
{
    struct httpc *client = ud;
    (void)multi;
    if (timeout_ms < 0)
        uv_timer_stop(&client->timer);
    else
        uv_timer_start(&client->timer, on_timer, (uint64_t)timeout_ms, 0);
    return 0;
}

/* The true address, after names, redirects of DNS and every odd spelling of a number: the place to
 * refuse it. */
static curl_socket_t on_curl_open(void *ud, curlsocktype purpose, struct curl_sockaddr *address)
{
    struct request *request = ud;
    (void)purpose;
    if (!request->client->options.allow_private_addresses &&
        !bw_netaddr_is_public(&address->addr)) {
        request->is_refused_address = true;
        bw_netaddr_print(&address->addr, request->address_text);
        return CURL_SOCKET_BAD;
    }
    return socket(address->family, address->socktype | SOCK_CLOEXEC | SOCK_NONBLOCK,
                  address->protocol);
}

/* Called when there is a connection, right before the request goes out on it. What fails from here
 * on may have arrived. (The sizes of CURLINFO are no help: a handle that is used again keeps those
 * of the request before.) */
static int on_curl_sending(void *ud, char *remote_ip, char *local_ip, int remote_port,
                           int local_port)
{
    struct request *request = ud;
    (void)remote_ip;
    (void)local_ip;
    (void)remote_port;
    (void)local_port;
    request->is_sent = true;
    return CURL_PREREQFUNC_OK;
}

/* --- what a transfer brings */

static size_t on_curl_body(char *bytes, size_t size, size_t count, void *ud)
{
    struct request *request = ud;
    bw_buf_put(&request->answer, bytes, size * count);
    return request->answer.is_over ? 0 : size * count; /* 0 ends the transfer */
}

static void head_clear(struct request *request)
{
    bw_buf_clear(&request->head);
    request->span_count = 0;
}

static void head_add(struct request *request, const char *line, const char *colon, const char *end)
{
    const char *value = colon + 1;
    while (value < end && (*value == ' ' || *value == '\t'))
        value++;
    while (end > value && (end[-1] == ' ' || end[-1] == '\t'))
        end--;
    struct header_span *span = &request->spans[request->span_count++];
    span->name_at = request->head.len;
    span->name_len = (size_t)(colon - line);
    for (const char *at = line; at < colon; at++)
        bw_buf_put_char(&request->head, (char)(*at >= 'A' && *at <= 'Z' ? *at - 'A' + 'a' : *at));
    span->value_at = request->head.len;
    span->value_len = (size_t)(end - value);
    bw_buf_put(&request->head, value, span->value_len);
}

static size_t on_curl_header(char *bytes, size_t size, size_t count, void *ud)
{
    struct request *request = ud;
    size_t len = size * count;
    struct bw_str line = bw_str(bytes, len);
    while (line.len > 0 && (line.ptr[line.len - 1] == '\n' || line.ptr[line.len - 1] == '\r'))
        line.len--;
    if (bw_str_starts(line, BW_STR("HTTP/"))) { /* a new answer: the one before was 1xx */
        head_clear(request);
        return len;
    }
    const char *colon = line.len ? memchr(line.ptr, ':', line.len) : NULL;
    if (!colon)
        return len; /* the empty line, or a continued one, which no server may send */
    if (request->span_count == BW_LIMIT_HTTP_HEADERS) {
        request->is_head_over = true;
        return 0;
    }
    if (!request->spans)
        request->spans = bw_xcalloc(BW_LIMIT_HTTP_HEADERS, sizeof *request->spans);
    head_add(request, line.ptr, colon, line.ptr + line.len);
    request->is_head_over = request->head.is_over;
    return request->is_head_over ? 0 : len;
}

static size_t on_curl_read(char *bytes, size_t size, size_t count, void *ud)
{
    struct request *request = ud;
    size_t room = size * count;
    size_t left = request->body_len - request->body_sent;
    size_t len = left < room ? left : room;
    memcpy(bytes, request->body + request->body_sent, len);
    request->body_sent += len;
    return len;
}

/* libcurl asks for this when it wants to send the body again on another connection. It may not. */
static int on_curl_seek(void *ud, curl_off_t offset, int origin)
{
    struct request *request = ud;
    bool is_untouched = origin == SEEK_SET && offset == 0 && request->body_sent == 0;
    return is_untouched ? CURL_SEEKFUNC_OK : CURL_SEEKFUNC_FAIL;
}

/* --- slots */

static struct request *request_take(struct httpc *client)
{
    if (client->free_count == 0) {
        uint32_t slot = (uint32_t)client->request_count++;
        size_t bytes = client->request_count * sizeof(struct request *);
        client->requests = bw_xrealloc(client->requests, bytes);
        client->free_slots =
            bw_xrealloc(client->free_slots, client->request_count * sizeof *client->free_slots);
        struct request *fresh = bw_xcalloc(1, sizeof *fresh);
        fresh->client = client;
        fresh->slot = slot;
        client->requests[slot] = fresh;
        client->free_slots[client->free_count++] = slot;
    }
    struct request *request = client->requests[client->free_slots[--client->free_count]];
    uint64_t uses = (request->handle >> 32) + 1;
    request->handle = uses << 32 | (request->slot + 1);
    return request;
}

static void request_release(struct request *request)
{
    struct httpc *client = request->client;
    curl_slist_free_all(request->headers);
    request->headers = NULL;
    bw_free(request->target);
    request->target = NULL;
    bw_free(request->body);
    request->body = NULL;
    request->body_len = 0;
    request->body_sent = 0;
    bw_buf_deinit(&request->head);
    bw_buf_deinit(&request->answer);
    request->span_count = 0;
    request->is_sent = false;
    request->is_head_over = false;
    request->is_refused_address = false;
    request->state = REQUEST_FREE;
    client->free_slots[client->free_count++] = request->slot;
}

static struct request *request_find(struct httpc *client, uint64_t handle)
{
    uint64_t slot = (handle & UINT32_MAX) - 1;
    if (handle == 0 || slot >= client->request_count)
        return NULL;
    struct request *request = client->requests[slot];
    return request->handle == handle && request->state != REQUEST_FREE ? request : NULL;
}

/* --- setting up a request */

static void add_header(struct request *request, const char *line)
{
    struct curl_slist *list = curl_slist_append(request->headers, line);
    BW_ASSERT(list != NULL); /* out of memory */
    request->headers = list;
}

static void set_headers(struct request *request, const struct bw_http_request *in)
{
    bool has_type = false;
    struct bw_buf line;
    bw_buf_init(&line, 2 * BW_LIMIT_HTTP_HEADER_BYTES);
    for (size_t i = 0; i < in->header_count; i++) {
        const struct bw_http_header *header = &in->headers[i];
        has_type = has_type || bw_httpc_name_eq(header->name, "content-type");
        bw_buf_clear(&line);
        bw_buf_put_str(&line, header->name);
        if (header->value.len == 0) {
            bw_buf_put_char(&line, ';'); /* libcurl's way to say: this header, empty */
        } else {
            bw_buf_put_text(&line, ": ");
            bw_buf_put_str(&line, header->value);
        }
        add_header(request, bw_buf_cstr(&line));
    }
    bw_buf_deinit(&line);
    if (!has_type)
        add_header(request, "Content-Type:"); /* not libcurl's form default */
    add_header(request, "Expect:");           /* no pause of a second before larger bodies */
    curl_easy_setopt(request->easy, CURLOPT_HTTPHEADER, request->headers);
}

static void set_method_and_body(struct request *request, const struct bw_http_request *in)
{
    CURL *easy = request->easy;
    bool is_head = bw_str_eq(in->method, BW_STR("HEAD"));
    bool is_sent_once = !bw_httpc_is_idempotent(in->method);
    char method[33] = {0};
    memcpy(method, in->method.ptr, in->method.len);
    curl_easy_setopt(easy, CURLOPT_NOBODY, 0L);
    curl_easy_setopt(easy, CURLOPT_POSTFIELDS, NULL); /* makes it a POST: before the next */
    curl_easy_setopt(easy, CURLOPT_HTTPGET, 1L);
    curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, 0L);
    curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, NULL);
    if (is_head && in->body.len == 0) {
        curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
        return;
    }
    bool has_length = in->body.len > 0 || is_sent_once || bw_str_eq(in->method, BW_STR("PUT"));
    if (has_length) {
        curl_easy_setopt(easy, CURLOPT_POST, 1L);
        curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body_len);
        if (!is_sent_once || request->body_len == 0)
            curl_easy_setopt(easy, CURLOPT_POSTFIELDS, request->body);
        /* With a read callback libcurl has to ask on_curl_seek before it sends again. An empty body
         * is not asked for: there a new connection, which libcurl never retries on, serves. */
        if (is_sent_once && request->body_len == 0)
            curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, 1L);
    }
    if (!bw_str_eq(in->method, has_length ? BW_STR("POST") : BW_STR("GET")))
        curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, method);
}

static CURL *easy_create(struct request *request)
{
    struct httpc *client = request->client;
    CURL *easy = curl_easy_init();
    BW_ASSERT(easy != NULL);
    curl_easy_setopt(easy, CURLOPT_PRIVATE, request);
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, request->curl_text);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(easy, CURLOPT_PROXY, "");
    curl_easy_setopt(easy, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
    curl_easy_setopt(easy, CURLOPT_DISALLOW_USERNAME_IN_URL, 1L);
    curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L);
    curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
    curl_easy_setopt(easy, CURLOPT_USERAGENT, client->user_agent);
    if (client->ca_file)
        curl_easy_setopt(easy, CURLOPT_CAINFO, client->ca_file);
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, on_curl_open);
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, request);
    curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, on_curl_sending);
    curl_easy_setopt(easy, CURLOPT_PREREQDATA, request);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_curl_body);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, request);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_curl_header);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, request);
    curl_easy_setopt(easy, CURLOPT_READFUNCTION, on_curl_read);
    curl_easy_setopt(easy, CURLOPT_READDATA, request);
    curl_easy_setopt(easy, CURLOPT_SEEKFUNCTION, on_curl_seek);
    curl_easy_setopt(easy, CURLOPT_SEEKDATA, request);
    return easy;
}

static void set_target_text(struct request *request, const struct bw_http_request *in)
{
    const char *query = in->url.len ? memchr(in->url.ptr, '?', in->url.len) : NULL;
    struct bw_str url = query ? bw_str(in->url.ptr, (size_t)(query - in->url.ptr)) : in->url;
    struct bw_buf text;
    bw_buf_init(&text, 256);
    url.len = url.len < 200 ? url.len : 200;
    struct bw_str method = bw_str(in->method.ptr, in->method.len < 32 ? in->method.len : 32);
    bw_buf_printf(&text, "%.*s %.*s", BW_STR_ARG(method), BW_STR_ARG(url));
    request->target = bw_xstrdup(bw_buf_cstr(&text));
    bw_buf_deinit(&text);
}

static void request_start(struct request *request, const struct bw_http_request *in)
{
    struct httpc *client = request->client;
    if (!request->easy)
        request->easy = easy_create(request);
    char *url = bw_xstrndup(in->url.ptr, in->url.len);
    curl_easy_setopt(request->easy, CURLOPT_URL, url); /* copied */
    bw_free(url);
    request->body = bw_xstrndup(in->body.len ? in->body.ptr : "", in->body.len);
    request->body_len = in->body.len;
    request->curl_text[0] = '\0';
    set_method_and_body(request, in);
    set_headers(request, in);
    int64_t connect_ms = client->options.connect_timeout_ms;
    if (connect_ms > in->timeout_ms)
        connect_ms = in->timeout_ms;
    curl_easy_setopt(request->easy, CURLOPT_TIMEOUT_MS, (long)in->timeout_ms);
    curl_easy_setopt(request->easy, CURLOPT_CONNECTTIMEOUT_MS, (long)connect_ms);
    request->state = REQUEST_ACTIVE;
    BW_ASSERT(!client->is_in_curl);
    CURLMcode rc = curl_multi_add_handle(client->multi, request->easy);
    BW_ASSERT(rc == CURLM_OK);
}

/* --- results */

static enum bw_err describe_failure(struct request *request, CURLcode code, struct bw_error *error)
{
    bool is_sent = request->is_sent;
    const char *target = request->target;
    const char *why = request->curl_text[0] ? request->curl_text : curl_easy_strerror(code);
    if (request->answer.is_over)
        return bw_fail(error, BW_ERR_LIMIT, "%s: the answer is larger than %zu bytes", target,
                       request->answer_bytes_max);
    if (request->is_head_over)
        return bw_fail(error, BW_ERR_LIMIT,
                       "%s: the answer has more than %u headers or %u bytes of them", target,
                       BW_LIMIT_HTTP_HEADERS, BW_LIMIT_HTTP_HEADER_BYTES);
    if (request->is_refused_address && !is_sent)
        return bw_fail(error, BW_ERR_FORBIDDEN,
                       "%s: the address %s is private or reserved and not allowed", target,
                       request->address_text);
    switch (code) {
    case CURLE_URL_MALFORMAT:
    case CURLE_UNSUPPORTED_PROTOCOL:
        return bw_fail(error, BW_ERR_INVALID, "%s: the URL is not valid: %s", target, why);
    case CURLE_LOGIN_DENIED:
        return bw_fail(error, BW_ERR_INVALID,
                       "%s: a URL may not hold a user or password; send an Authorization header",
                       target);
    case CURLE_OPERATION_TIMEDOUT:
        return bw_fail(error, BW_ERR_TIMEOUT, "%s: no whole answer in time (limit %lld ms); %s",
                       target, (long long)request->timeout_ms,
                       is_sent ? "the request had been sent, whether it took effect is not known"
                               : "nothing had been sent");
    default:
        break;
    }
    if (is_sent)
        return bw_fail(error, BW_ERR_UNKNOWN_OUTCOME, "%s: sent, but no whole answer came: %s",
                       target, why);
    return bw_fail(error, BW_ERR_UNAVAILABLE, "%s: not sent: %s", target, why);
}

static void report_answer(struct request *request)
{
    struct bw_http_header *headers = NULL;
    if (request->span_count > 0)
        headers = bw_xcalloc(request->span_count, sizeof *headers);
    for (size_t i = 0; i < request->span_count; i++) {
        const struct header_span *span = &request->spans[i];
        headers[i].name = bw_str(request->head.ptr + span->name_at, span->name_len);
        headers[i].value = bw_str(request->head.ptr + span->value_at, span->value_len);
    }
    long status = 0;
    curl_easy_getinfo(request->easy, CURLINFO_RESPONSE_CODE, &status);
    struct bw_http_response response = {(int)status, headers, request->span_count,
                                        bw_buf_str(&request->answer)};
    request->done(request->ud, NULL, &response);
    bw_free(headers);
}

/* The request is out of everybody's reach (not in the multi handle, handle no longer found) before
 * its callback runs, so that the callback may cancel and send as it likes; its memory is released
 * after. */
static void finish(struct request *request, CURLcode code)
{
    curl_multi_remove_handle(request->client->multi, request->easy);
    request->state = REQUEST_FREE;
    if (code == CURLE_OK) {
        report_answer(request);
    } else {
        struct bw_error error;
        (void)describe_failure(request, code, &error);
        request->done(request->ud, &error, NULL);
    }
    request_release(request);
}

static void finish_done(struct httpc *client)
{
    const CURLMsg *message;
    int left;
    while ((message = curl_multi_info_read(client->multi, &left)) != NULL) {
        BW_ASSERT(message->msg == CURLMSG_DONE);
        struct request *request = NULL;
        CURLcode code = message->data.result; /* `message` ends with remove_handle */
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&request);
        client->is_finishing = true;
        finish(request, code);
        client->is_finishing = false;
    }
}

static void report_refused(void *ud)
{
    struct request *request = ud;
    request->state = REQUEST_FREE;
    request->done(request->ud, &request->refusal, NULL);
    request_release(request);
}

/* --- the table */

static uint64_t httpc_send(void *self, const struct bw_http_request *in, bw_httpc_fn done, void *ud)
{
    struct httpc *client = self;
    struct request *request = request_take(client);
    request->done = done;
    request->ud = ud;
    request->timeout_ms = in->timeout_ms;
    request->answer_bytes_max = in->response_bytes_max;
    bw_buf_init(&request->head, BW_LIMIT_HTTP_HEADER_BYTES);
    bw_buf_init(&request->answer, in->response_bytes_max);
    set_target_text(request, in);
    if (bw_httpc_check(in, &request->refusal)) {
        request->state = REQUEST_REFUSED;
        bw_loop_defer(client->loop, report_refused, request);
    } else {
        request_start(request, in);
    }
    return request->handle;
}

static void httpc_cancel(void *self, uint64_t handle)
{
    struct httpc *client = self;
    struct request *request = request_find(client, handle);
    if (!request)
        return;
    if (request->state == REQUEST_REFUSED)
        bw_loop_forget(client->loop, request);
    else
        curl_multi_remove_handle(client->multi, request->easy);
    request_release(request);
}

static void free_when_closed(struct httpc *client)
{
    if (--client->handles_open > 0)
        return;
    for (size_t i = 0; i < client->watch_count; i++)
        bw_free(client->watches[i]);
    bw_free(client->watches);
    bw_free(client->ca_file);
    bw_free(client->user_agent);
    bw_free(client);
}

static void on_timer_closed(uv_handle_t *handle)
{
    free_when_closed(handle->data);
}

static void on_watch_closed(uv_handle_t *handle)
{
    struct socket_watch *watch = handle->data;
    free_when_closed(watch->client);
}

static void httpc_close(void *self)
{
    struct httpc *client = self;
    BW_ASSERT(!client->is_finishing);
    for (size_t i = 0; i < client->request_count; i++) {
        struct request *request = client->requests[i];
        if (request->state != REQUEST_FREE)
            httpc_cancel(client, request->handle);
        if (request->easy)
            curl_easy_cleanup(request->easy);
        bw_free(request->spans);
        bw_free(request);
    }
    bw_free(client->requests);
    bw_free(client->free_slots);
    curl_multi_cleanup(client->multi); /* ends the kept connections */
    for (size_t i = 0; i < client->watch_count; i++)
        if (client->watches[i])
            uv_close((uv_handle_t *)&client->watches[i]->poll, on_watch_closed);
    uv_close((uv_handle_t *)&client->timer, on_timer_closed);
}

enum bw_err bw_httpc_curl_create(struct bw_loop *loop, const struct bw_httpc_curl_options *options,
                                 struct bw_httpc *out, struct bw_error *error)
{
    static bool is_curl_ready; /* process-wide, never undone: libcurl's own rule */
    if (!is_curl_ready && curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        return bw_fail(error, BW_ERR_UNAVAILABLE, "libcurl cannot be initialized");
    is_curl_ready = true;
    CURLM *multi = curl_multi_init();
    if (!multi)
        return bw_fail(error, BW_ERR_UNAVAILABLE, "libcurl cannot make a multi handle");
    struct httpc *client = bw_xcalloc(1, sizeof *client);
    client->loop = loop;
    client->multi = multi;
    if (options)
        client->options = *options;
    struct bw_httpc_curl_options *o = &client->options;
    o->connections_max = o->connections_max > 0 ? o->connections_max : 256;
    o->connections_per_host_max =
        o->connections_per_host_max > 0 ? o->connections_per_host_max : 64;
    o->connect_timeout_ms = o->connect_timeout_ms > 0 ? o->connect_timeout_ms : 10000;
    client->ca_file = bw_xstrdup(o->ca_file);
    client->user_agent = bw_xstrdup(o->user_agent ? o->user_agent : "billow/" BW_VERSION);
    uv_timer_init(bw_loop_uv(loop), &client->timer);
    client->timer.data = client;
    client->handles_open = 1;
    curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, on_curl_socket);
    curl_multi_setopt(multi, CURLMOPT_SOCKETDATA, client);
    curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, on_curl_timer);
    curl_multi_setopt(multi, CURLMOPT_TIMERDATA, client);
    curl_multi_setopt(multi, CURLMOPT_PIPELINING, (long)CURLPIPE_NOTHING);
    curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, (long)o->connections_max);
    curl_multi_setopt(multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, (long)o->connections_max);
    curl_multi_setopt(multi, CURLMOPT_MAX_HOST_CONNECTIONS, (long)o->connections_per_host_max);
    *out = (struct bw_httpc){client, httpc_send, httpc_cancel, httpc_close};
    return BW_ERR_OK;
}
