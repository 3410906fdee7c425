/* test_httpcall.c - the commands' client against our own server, which runs in a child process. */
#include "support/io/fixture.h"

#include "io/httpcall.h"
#include "io/httpd.h"
#include "io/os.h"
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *dir;
static char path[128];
static pid_t server;
static struct bw_httpcall *call;
static struct bw_httpcall_answer answer;

static void on_request(void *ud, const struct bw_httpd_request *request,
                       struct bw_httpd_reply *reply)
{
    (void)ud;
    const struct bw_http1_request *http = request->http;
    struct bw_http1_header type = {BW_STR("Content-Type"), BW_STR("application/json")};
    struct bw_str given = BW_STR_NONE;
    if (bw_str_eq(http->path, BW_STR("/lines"))) {
        bw_httpd_reply_begin(reply, 200, &type, 1);
        for (int i = 0; i < 3; i++)
            bw_httpd_reply_chunk(reply, BW_STR("line\n"));
        bw_httpd_reply_end(reply);
    } else if (bw_str_eq(http->path, BW_STR("/never"))) {
        return;
    } else if (bw_str_eq(http->path, BW_STR("/die"))) {
        _exit(0);
    } else if (bw_str_eq(http->path, BW_STR("/tenant"))) {
        (void)bw_http1_find_header(http, "x-billow-tenant", &given);
        bw_httpd_reply_send(reply, 200, &type, 1, given);
    } else if (bw_str_eq(http->path, BW_STR("/problem"))) {
        bw_httpd_reply_send(reply, 404, &type, 1, BW_STR("{}"));
    } else {
        (void)bw_http1_find_header(http, "content-type", &given);
        struct bw_buf body;
        bw_buf_init(&body, 4096);
        bw_buf_printf(&body, "%.*s %.*s %.*s", BW_STR_ARG(http->method), BW_STR_ARG(given),
                      BW_STR_ARG(http->body));
        bw_httpd_reply_send(reply, 200, &type, 1, bw_buf_str(&body));
        bw_buf_deinit(&body);
    }
}

static void serve(int ready_fd)
{
    struct bw_loop *loop = bw_loop_create();
    struct bw_httpd *httpd;
    struct bw_error error;
    struct bw_httpd_options options = {
        .socket_path = path, .clock = bw_clock_os(), .on_request = on_request};
    if (bw_httpd_open(loop, &options, &httpd, &error) || write(ready_fd, "x", 1) != 1)
        _exit(1);
    bw_loop_run(loop);
}

static int setup(void **state)
{
    (void)state;
    int ready[2];
    char byte;
    struct bw_error error;
    dir = io_dir_make();
    snprintf(path, sizeof path, "%s/http.sock", dir);
    assert_int_equal(pipe(ready), 0);
    server = fork();
    if (server == 0)
        serve(ready[1]);
    close(ready[1]);
    assert_int_equal(read(ready[0], &byte, 1), 1);
    close(ready[0]);
    assert_ok(bw_httpcall_open(path, &call, &error), &error);
    answer = (struct bw_httpcall_answer){.status = 0};
    bw_buf_init(&answer.body, 1000);
    return 0;
}

static void stop_server(void)
{
    if (server > 0) {
        kill(server, SIGKILL);
        waitpid(server, NULL, 0);
    }
    server = 0;
}

static int teardown(void **state)
{
    (void)state;
    bw_httpcall_close(call);
    bw_buf_deinit(&answer.body);
    stop_server();
    io_dir_remove(dir);
    return 0;
}

static void test_a_call_brings_status_type_and_body(void **state)
{
    (void)state;
    struct bw_error error;
    struct bw_httpcall_request request = {
        .method = "PUT", .path = "/x", .body = BW_STR("{\"a\":1}"), .timeout_ms = 20000};
    for (int i = 0; i < 3; i++) { /* the handle is used again */
        bw_buf_clear(&answer.body);
        assert_ok(bw_httpcall_perform(call, &request, &answer, &error), &error);
        assert_int_equal(answer.status, 200);
        assert_string_equal(answer.content_type, "application/json");
        assert_str(bw_buf_str(&answer.body), "PUT application/json {\"a\":1}");
    }
    bw_buf_clear(&answer.body);
    request = (struct bw_httpcall_request){.method = "GET", .path = "/x", .timeout_ms = 20000};
    assert_ok(bw_httpcall_perform(call, &request, &answer, &error), &error);
    assert_str(bw_buf_str(&answer.body), "GET  ");
}

static void test_a_status_of_failure_is_an_answer_too(void **state)
{
    (void)state;
    struct bw_error error;
    struct bw_httpcall_request request = {.method = "GET", .path = "/problem", .timeout_ms = 20000};
    assert_ok(bw_httpcall_perform(call, &request, &answer, &error), &error);
    assert_int_equal(answer.status, 404);
    assert_str(bw_buf_str(&answer.body), "{}");
}

static void test_headers_are_sent_and_line_breaks_in_them_refused(void **state)
{
    (void)state;
    struct bw_error error;
    struct bw_http_header header = {BW_STR("X-Billow-Tenant"), BW_STR("acme")};
    struct bw_httpcall_request request = {.method = "GET",
                                          .path = "/tenant",
                                          .headers = &header,
                                          .header_count = 1,
                                          .timeout_ms = 20000};
    assert_ok(bw_httpcall_perform(call, &request, &answer, &error), &error);
    assert_str(bw_buf_str(&answer.body), "acme");
    header.value = BW_STR("acme\r\nX-Billow-Actor: root");
    assert_err(bw_httpcall_perform(call, &request, &answer, &error), INVALID);
}

static bool count_bytes(void *ud, struct bw_str bytes)
{
    *(size_t *)ud += bytes.len;
    return true;
}

static bool stop_at_once(void *ud, struct bw_str bytes)
{
    (void)ud;
    (void)bytes;
    return false;
}

static void test_a_stream_is_handed_on_as_it_comes(void **state)
{
    (void)state;
    struct bw_error error;
    size_t len = 0;
    struct bw_httpcall_request request = {
        .method = "GET", .path = "/lines", .on_bytes = count_bytes, .ud = &len};
    assert_ok(bw_httpcall_perform(call, &request, &answer, &error), &error);
    assert_int_equal(len, 15);
    assert_int_equal(answer.body.len, 0);
    request.on_bytes = stop_at_once;
    assert_err(bw_httpcall_perform(call, &request, &answer, &error), CANCELLED);
    request.path = "/problem"; /* a problem document is not part of the stream */
    assert_ok(bw_httpcall_perform(call, &request, &answer, &error), &error);
    assert_str(bw_buf_str(&answer.body), "{}");
}

static void test_what_goes_wrong_is_told_apart(void **state)
{
    (void)state;
    struct bw_error error;
    struct bw_httpcall_request request = {.method = "GET", .path = "/never", .timeout_ms = 50};
    assert_err(bw_httpcall_perform(call, &request, &answer, &error), TIMEOUT);
    request = (struct bw_httpcall_request){.method = "GET", .path = "/x", .timeout_ms = 20000};
    bw_buf_deinit(&answer.body);
    bw_buf_init(&answer.body, 3);
    assert_err(bw_httpcall_perform(call, &request, &answer, &error), LIMIT);
    request.method = "POST";
    request.path = "/die";
    assert_err(bw_httpcall_perform(call, &request, &answer, &error), UNKNOWN_OUTCOME);
    stop_server(); /* wholly gone, its listener too */
    assert_err(bw_httpcall_perform(call, &request, &answer, &error), UNAVAILABLE);
    assert_non_null(strstr(error.text, "billow serve"));
}

static void test_a_socket_is_alive_as_long_as_its_server(void **state)
{
    (void)state;
    assert_true(bw_httpcall_is_alive(path));
    stop_server();
    assert_false(bw_httpcall_is_alive(path)); /* the file is still there */
    assert_int_equal(access(path, F_OK), 0);
    assert_false(bw_httpcall_is_alive("/nowhere/x.sock"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_a_call_brings_status_type_and_body),
        TEST(test_a_status_of_failure_is_an_answer_too),
        TEST(test_headers_are_sent_and_line_breaks_in_them_refused),
        TEST(test_a_stream_is_handed_on_as_it_comes),
        TEST(test_what_goes_wrong_is_told_apart),
        TEST(test_a_socket_is_alive_as_long_as_its_server),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
