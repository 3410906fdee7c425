/* test_httpc_curl.c - outgoing HTTP against our own server, and against raw ones that misbehave. */
#include "support/io/fixture.h"

#include "io/httpc_curl.h"
#include "io/httpd.h"
#include "io/os.h"
#include <pthread.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

static struct bw_loop *loop;
static struct bw_httpc client;
static struct bw_httpd *httpd;
static struct bw_httpd_reply *kept;
static bool is_kept;

/* What the callback of the last request saw. */
static struct {
    bool is_done;
    int calls;
    enum bw_err err;
    char text[BW_ERROR_TEXT_MAX];
    int status;
    struct bw_buf body;
    struct bw_buf headers; /* "name=value\n" */
} seen;

static void on_request(void *ud, const struct bw_httpd_request *request,
                       struct bw_httpd_reply *reply)
{
    (void)ud;
    const struct bw_http1_request *http = request->http;
    if (bw_str_eq(http->path, BW_STR("/later"))) {
        kept = reply;
        is_kept = true;
        return;
    }
    struct bw_buf body;
    bw_buf_init(&body, 1024 * 1024);
    bw_buf_printf(&body, "%.*s %.*s?%.*s\n", BW_STR_ARG(http->method), BW_STR_ARG(http->path),
                  BW_STR_ARG(http->query));
    for (size_t i = 0; i < http->header_count; i++)
        bw_buf_printf(&body, "%.*s: %.*s\n", BW_STR_ARG(http->headers[i].name),
                      BW_STR_ARG(http->headers[i].value));
    bw_buf_put_str(&body, http->body);
    struct bw_http1_header header = {BW_STR("Location"), BW_STR("/elsewhere")};
    bool is_redirect = bw_str_eq(http->path, BW_STR("/moved"));
    bw_httpd_reply_send(reply, is_redirect ? 302 : 200, &header, 1, bw_buf_str(&body));
    bw_buf_deinit(&body);
}

static void create_client(bool allow_private_addresses)
{
    struct bw_httpc_curl_options options = {.allow_private_addresses = allow_private_addresses};
    struct bw_error error;
    assert_ok(bw_httpc_curl_create(loop, &options, &client, &error), &error);
}

static int setup(void **state)
{
    (void)state;
    loop = bw_loop_create();
    struct bw_httpd_options options = {
        .tcp_host = "127.0.0.1", .clock = bw_clock_os(), .on_request = on_request};
    struct bw_error error;
    assert_ok(bw_httpd_open(loop, &options, &httpd, &error), &error);
    create_client(true);
    memset(&seen, 0, sizeof seen);
    bw_buf_init(&seen.body, 1024 * 1024);
    bw_buf_init(&seen.headers, 1024 * 1024);
    is_kept = false;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    if (client.self)
        client.close(client.self);
    bw_httpd_close(httpd);
    bw_loop_destroy(loop);
    bw_buf_deinit(&seen.body);
    bw_buf_deinit(&seen.headers);
    return 0;
}

static void on_done(void *ud, const struct bw_error *error, const struct bw_http_response *response)
{
    (void)ud;
    seen.calls++;
    seen.is_done = true;
    seen.err = error ? error->code : BW_ERR_OK;
    snprintf(seen.text, sizeof seen.text, "%s", error ? error->text : "");
    if (!response)
        return;
    seen.status = response->status;
    bw_buf_put_str(&seen.body, response->body);
    for (size_t i = 0; i < response->header_count; i++)
        bw_buf_printf(&seen.headers, "%.*s=%.*s\n", BW_STR_ARG(response->headers[i].name),
                      BW_STR_ARG(response->headers[i].value));
}

/* To `path` at a port of this machine. */
static struct bw_http_request request_to(const char *method, int port, const char *path)
{
    static char url[256];
    snprintf(url, sizeof url, "http://127.0.0.1:%d%s", port, path);
    return (struct bw_http_request){.method = bw_str_of(method),
                                    .url = bw_str_of(url),
                                    .timeout_ms = 20000,
                                    .response_bytes_max = 100000};
}

static void perform(const struct bw_http_request *request)
{
    seen.is_done = false;
    bw_buf_clear(&seen.body);
    bw_buf_clear(&seen.headers);
    assert_true(client.send(client.self, request, on_done, NULL) != 0);
    assert_false(seen.is_done); /* never from inside send */
    io_wait(loop, &seen.is_done);
}

static bool body_has(const char *text)
{
    return strstr(bw_buf_cstr(&seen.body), text) != NULL;
}

static void test_a_request_arrives_as_it_was_given(void **state)
{
    (void)state;
    struct bw_http_header headers[] = {{BW_STR("X-One"), BW_STR("1")},
                                       {BW_STR("X-Empty"), BW_STR_NONE}};
    struct bw_http_request request = request_to("POST", bw_httpd_port(httpd), "/a/../b?c=d");
    request.headers = headers;
    request.header_count = 2;
    request.body = BW_STR("hello");
    perform(&request);
    assert_int_equal(seen.err, BW_ERR_OK);
    assert_int_equal(seen.status, 200);
    assert_true(body_has("POST /a/../b?c=d\n"));
    assert_true(body_has("x-one: 1\n"));
    assert_true(body_has("x-empty: \n"));
    assert_true(body_has("content-length: 5\n"));
    assert_true(body_has("hello"));
    assert_false(body_has("content-type"));
    assert_false(body_has("expect"));
    assert_non_null(strstr(bw_buf_cstr(&seen.headers), "content-length="));
    assert_non_null(strstr(bw_buf_cstr(&seen.headers), "location=/elsewhere\n"));
}

static void test_every_method_is_sent_under_its_own_name(void **state)
{
    (void)state;
    static const char *const methods[] = {"GET", "PUT", "DELETE", "PATCH", "OPTIONS", "POST"};
    for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++) {
        struct bw_http_request request = request_to(methods[i], bw_httpd_port(httpd), "/m");
        char text[32];
        perform(&request);
        assert_int_equal(seen.err, BW_ERR_OK);
        snprintf(text, sizeof text, "%s /m?\n", methods[i]);
        assert_true(body_has(text));
        request.body = BW_STR("with body");
        perform(&request);
        assert_int_equal(seen.err, BW_ERR_OK);
        assert_true(body_has(text));
        assert_true(body_has("with body"));
    }
    struct bw_http_request request = request_to("HEAD", bw_httpd_port(httpd), "/m");
    perform(&request);
    assert_int_equal(seen.status, 200);
    assert_int_equal(seen.body.len, 0);
}

static void test_many_requests_share_few_connections(void **state)
{
    (void)state;
    struct bw_http_request request = request_to("GET", bw_httpd_port(httpd), "/");
    for (int i = 0; i < 200; i++)
        client.send(client.self, &request, on_done, NULL);
    while (seen.calls < 200)
        bw_loop_step(loop);
    assert_int_equal(seen.err, BW_ERR_OK);
    assert_true(bw_httpd_connection_count(httpd) <= 64);
}

static void test_redirects_are_not_followed(void **state)
{
    (void)state;
    struct bw_http_request request = request_to("GET", bw_httpd_port(httpd), "/moved");
    perform(&request);
    assert_int_equal(seen.status, 302);
}

static void test_an_answer_over_the_limit_is_LIMIT(void **state)
{
    (void)state;
    struct bw_http_request request = request_to("GET", bw_httpd_port(httpd), "/");
    request.response_bytes_max = 10;
    perform(&request);
    assert_int_equal(seen.err, BW_ERR_LIMIT);
    assert_non_null(strstr(seen.text, "larger than 10 bytes"));
}

static void test_no_answer_in_time_is_TIMEOUT_and_says_that_it_was_sent(void **state)
{
    (void)state;
    struct bw_http_request request = request_to("POST", bw_httpd_port(httpd), "/later?token=x");
    request.timeout_ms = 50;
    perform(&request);
    assert_int_equal(seen.err, BW_ERR_TIMEOUT);
    assert_non_null(strstr(seen.text, "had been sent"));
    assert_null(strstr(seen.text, "token")); /* queries may hold secrets */
    assert_true(is_kept);
    bw_httpd_reply_send(kept, 200, NULL, 0, BW_STR_NONE);
}

static void test_a_port_where_nobody_listens_is_UNAVAILABLE(void **state)
{
    (void)state;
    int port;
    int fd = io_listen_tcp(&port);
    close(fd);
    struct bw_http_request request = request_to("POST", bw_httpd_port(httpd), "/");
    perform(&request); /* what this one sent is not counted for the next */
    assert_int_equal(seen.err, BW_ERR_OK);
    request = request_to("POST", port, "/");
    perform(&request);
    assert_int_equal(seen.err, BW_ERR_UNAVAILABLE);
    assert_non_null(strstr(seen.text, "not sent"));
}

static void test_private_addresses_are_FORBIDDEN_unless_allowed(void **state)
{
    (void)state;
    client.close(client.self);
    create_client(false);
    static const char *const spellings[] = {"127.0.0.1", "2130706433", "0x7f.1", "localhost",
                                            "[::ffff:127.0.0.1]"};
    for (size_t i = 0; i < sizeof spellings / sizeof spellings[0]; i++) {
        char url[128];
        struct bw_http_request request = request_to("GET", 0, "/");
        snprintf(url, sizeof url, "http://%s:%d/", spellings[i], bw_httpd_port(httpd));
        request.url = bw_str_of(url);
        perform(&request);
        assert_int_equal(seen.err, BW_ERR_FORBIDDEN);
    }
    assert_int_equal(bw_httpd_connection_count(httpd), 0);
}

static void test_requests_that_cannot_be_sent_are_INVALID(void **state)
{
    (void)state;
    static const char *const urls[] = {
        "ftp://example.com/", "file:///etc/passwd",        "example.com",         "http://",
        "http://a b/",        "http://127.0.0.1/\r\nX: y", "http://u:p@1.2.3.4/", ""};
    for (size_t i = 0; i < sizeof urls / sizeof urls[0]; i++) {
        struct bw_http_request request = request_to("GET", 1, "/");
        request.url = bw_str_of(urls[i]);
        perform(&request);
        if (seen.err != BW_ERR_INVALID)
            fail_msg("%s: %s", urls[i], bw_err_name(seen.err));
    }
    static const struct bw_http_header headers[] = {
        {{"X", 1}, {"a\r\nY: b", 7}}, {{"X Y", 3}, {"1", 1}},   {{"Host", 4}, {"x", 1}},
        {{"", 0}, {"1", 1}},          {{"X\r\n", 3}, {"1", 1}}, {{"Content-length", 14}, {"3", 1}}};
    for (size_t i = 0; i < sizeof headers / sizeof headers[0]; i++) {
        struct bw_http_request request = request_to("GET", 1, "/");
        request.headers = &headers[i];
        request.header_count = 1;
        perform(&request);
        assert_int_equal(seen.err, BW_ERR_INVALID);
    }
    struct bw_http_request request = request_to("GE T", 1, "/");
    perform(&request);
    assert_int_equal(seen.err, BW_ERR_INVALID);
}

static void test_a_cancelled_request_calls_nobody(void **state)
{
    (void)state;
    struct bw_http_request request = request_to("GET", bw_httpd_port(httpd), "/later");
    uint64_t handle = client.send(client.self, &request, on_done, NULL);
    io_wait(loop, &is_kept);
    client.cancel(client.self, handle);
    client.cancel(client.self, handle);
    client.cancel(client.self, 12345);
    request.url = BW_STR("nonsense");
    uint64_t refused = client.send(client.self, &request, on_done, NULL);
    client.cancel(client.self, refused);
    assert_true(refused != handle);
    io_settle(loop);
    assert_int_equal(seen.calls, 0);
    bw_httpd_reply_send(kept, 200, NULL, 0, BW_STR_NONE);
}

static void test_close_abandons_what_is_in_flight(void **state)
{
    (void)state;
    struct bw_http_request request = request_to("GET", bw_httpd_port(httpd), "/later");
    client.send(client.self, &request, on_done, NULL);
    io_wait(loop, &is_kept);
    client.close(client.self);
    client.self = NULL;
    io_settle(loop);
    assert_int_equal(seen.calls, 0);
    bw_httpd_reply_send(kept, 200, NULL, 0, BW_STR_NONE);
}

/* --- a raw server, on a thread of its own: says one text for each request it reads */

struct script {
    int listener;
    int port;
    const char *const *answers; /* per request over all connections; NULL: closes instead */
    size_t answer_count;
    size_t requests; /* read so far */
    pthread_t thread;
};

static void *run_script(void *ud)
{
    struct script *script = ud;
    while (script->requests < script->answer_count) {
        int fd = accept(script->listener, NULL, NULL);
        if (fd < 0)
            break;
        char bytes[4096];
        ssize_t len;
        while (script->requests < script->answer_count &&
               (len = recv(fd, bytes, sizeof bytes - 1, 0)) > 0) {
            bytes[len] = '\0';
            if (!strstr(bytes, " HTTP/1.1\r\n"))
                continue; /* the body of a request that was counted */
            const char *answer = script->answers[script->requests++];
            if (!answer)
                break;
            (void)!send(fd, answer, strlen(answer), MSG_NOSIGNAL);
            if (!strstr(answer, "keep"))
                break;
        }
        usleep(1000); /* what is still coming belongs to the request that was read */
        close(fd);
    }
    return NULL;
}

static void script_start(struct script *script, const char *const *answers, size_t count)
{
    *script = (struct script){.answers = answers, .answer_count = count};
    script->listener = io_listen_tcp(&script->port);
    assert_int_equal(pthread_create(&script->thread, NULL, run_script, script), 0);
}

static void script_stop(struct script *script)
{
    shutdown(script->listener, SHUT_RDWR); /* wakes accept */
    pthread_join(script->thread, NULL);
    close(script->listener);
}

static void test_half_an_answer_is_UNKNOWN_OUTCOME(void **state)
{
    (void)state;
    static const char *const answers[] = {
        NULL, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n", "HTTP/1.1 2"};
    struct script script;
    script_start(&script, answers, 4);
    for (int i = 0; i < 4; i++) {
        struct bw_http_request request = request_to("POST", script.port, "/");
        request.body = BW_STR("x");
        perform(&request);
        if (seen.err != BW_ERR_UNKNOWN_OUTCOME)
            fail_msg("answer %d: %s: %s", i, bw_err_name(seen.err), seen.text);
    }
    script_stop(&script);
}

#define KEEP "HTTP/1.1 200 OK\r\nContent-Length: 4\r\nX-Note: keep\r\n\r\nkept"

static void test_a_post_on_a_kept_connection_that_breaks_is_not_sent_twice(void **state)
{
    (void)state;
    static const char *const answers[] = {KEEP, NULL, KEEP};
    struct script script;
    script_start(&script, answers, 3);
    struct bw_http_request request = request_to("POST", script.port, "/");
    request.body = BW_STR("x");
    perform(&request);
    assert_int_equal(seen.err, BW_ERR_OK);
    perform(&request);
    assert_int_equal(seen.err, BW_ERR_UNKNOWN_OUTCOME);
    io_settle(loop);
    assert_int_equal(script.requests, 2);
    script_stop(&script);
}

static void test_a_get_on_a_kept_connection_that_breaks_is_sent_again(void **state)
{
    (void)state;
    static const char *const answers[] = {KEEP, NULL, KEEP};
    struct script script;
    script_start(&script, answers, 3);
    struct bw_http_request request = request_to("GET", script.port, "/");
    perform(&request);
    perform(&request);
    assert_string_equal(seen.text, "");
    assert_int_equal(script.requests, 3);
    script_stop(&script);
}

static void test_too_many_headers_are_LIMIT(void **state)
{
    (void)state;
    static char answer[8192] = "HTTP/1.1 200 OK\r\n";
    for (int i = 0; i < 300; i++)
        strcat(answer, "X-Header: value\r\n");
    strcat(answer, "Content-Length: 0\r\n\r\n");
    static const char *const answers[] = {answer};
    struct script script;
    script_start(&script, answers, 1);
    struct bw_http_request request = request_to("GET", script.port, "/");
    perform(&request);
    assert_int_equal(seen.err, BW_ERR_LIMIT);
    script_stop(&script);
}

static void test_a_provisional_answer_is_not_the_answer(void **state)
{
    (void)state;
    static const char *const answers[] = {
        "HTTP/1.1 103 Early Hints\r\nX-Early: 1\r\n\r\nHTTP/1.1 201 Created\r\nX-Final: 1\r\n"
        "Content-Length: 0\r\n\r\n"};
    struct script script;
    script_start(&script, answers, 1);
    struct bw_http_request request = request_to("GET", script.port, "/");
    perform(&request);
    assert_int_equal(seen.status, 201);
    assert_non_null(strstr(bw_buf_cstr(&seen.headers), "x-final=1\n"));
    assert_null(strstr(bw_buf_cstr(&seen.headers), "x-early"));
    script_stop(&script);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_a_request_arrives_as_it_was_given),
        TEST(test_every_method_is_sent_under_its_own_name),
        TEST(test_many_requests_share_few_connections),
        TEST(test_redirects_are_not_followed),
        TEST(test_an_answer_over_the_limit_is_LIMIT),
        TEST(test_no_answer_in_time_is_TIMEOUT_and_says_that_it_was_sent),
        TEST(test_a_port_where_nobody_listens_is_UNAVAILABLE),
        TEST(test_private_addresses_are_FORBIDDEN_unless_allowed),
        TEST(test_requests_that_cannot_be_sent_are_INVALID),
        TEST(test_a_cancelled_request_calls_nobody),
        TEST(test_close_abandons_what_is_in_flight),
        TEST(test_half_an_answer_is_UNKNOWN_OUTCOME),
        TEST(test_a_post_on_a_kept_connection_that_breaks_is_not_sent_twice),
        TEST(test_a_get_on_a_kept_connection_that_breaks_is_sent_again),
        TEST(test_too_many_headers_are_LIMIT),
        TEST(test_a_provisional_answer_is_not_the_answer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
