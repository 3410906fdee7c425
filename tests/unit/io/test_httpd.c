/* test_httpd.c - the HTTP server against raw clients. */
#include "support/io/fixture.h"

#include "io/httpd.h"
#include "io/os.h"
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static struct bw_loop *loop;
static struct bw_httpd *httpd;
static const char *dir;
static char path[128];
static struct bw_buf got;
static int requests;
static struct bw_httpd_reply *kept; /* of the last request to /later or /stream */
static bool is_kept, is_gone, is_drained;
static uid_t seen_uid;
static pid_t seen_pid;

static void set_flag(void *ud)
{
    *(bool *)ud = true;
}

static void on_request(void *ud, const struct bw_httpd_request *request,
                       struct bw_httpd_reply *reply)
{
    (void)ud;
    requests++;
    seen_uid = request->peer_uid;
    seen_pid = request->peer_pid;
    struct bw_http1_header header = {BW_STR("X-Path"), request->http->path};
    if (bw_str_eq(request->http->path, BW_STR("/later"))) {
        kept = reply;
        is_kept = true;
        bw_httpd_reply_on_gone(reply, set_flag, &is_gone);
    } else if (bw_str_eq(request->http->path, BW_STR("/stream"))) {
        kept = reply;
        is_kept = true;
        bw_httpd_reply_on_gone(reply, set_flag, &is_gone);
        bw_httpd_reply_begin(reply, 200, NULL, 0);
    } else if (bw_str_eq(request->http->path, BW_STR("/split"))) {
        header.value = BW_STR("a\r\nSet-Cookie: x");
        bw_httpd_reply_send(reply, 200, &header, 1, BW_STR("no"));
    } else {
        bw_httpd_reply_send(reply, 200, &header, 1, request->http->body);
    }
}

static size_t body_max(void *ud, const struct bw_http1_request *head)
{
    (void)ud;
    return bw_str_eq(head->path, BW_STR("/import")) ? 100000 : 10;
}

static struct bw_httpd_options defaults(void)
{
    return (struct bw_httpd_options){.socket_path = path,
                                     .clock = bw_clock_os(),
                                     .on_request = on_request,
                                     .body_max = body_max};
}

static void serve(struct bw_httpd_options options)
{
    struct bw_error error;
    assert_ok(bw_httpd_open(loop, &options, &httpd, &error), &error);
}

static int setup(void **state)
{
    (void)state;
    loop = bw_loop_create();
    dir = io_dir_make();
    snprintf(path, sizeof path, "%s/http.sock", dir);
    bw_buf_init(&got, 64u * 1024 * 1024);
    requests = 0;
    kept = NULL;
    is_kept = is_gone = is_drained = false;
    httpd = NULL;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    if (httpd)
        bw_httpd_close(httpd);
    bw_loop_destroy(loop);
    bw_buf_deinit(&got);
    io_dir_remove(dir);
    return 0;
}

static bool has(const char *text)
{
    return strstr(bw_buf_cstr(&got), text) != NULL;
}

static void test_a_request_is_answered_and_the_connection_kept(void **state)
{
    (void)state;
    serve(defaults());
    int fd = io_connect_unix(path);
    io_talk(loop, fd, "POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello", "hello",
            &got);
    assert_true(has("HTTP/1.1 200 OK\r\n"));
    assert_true(has("X-Path: /a\r\n"));
    assert_true(has("Content-Length: 5\r\n"));
    io_talk(loop, fd, "GET /b HTTP/1.1\r\nHost: x\r\n\r\n", "X-Path: /b", &got);
    assert_int_equal(requests, 2);
    assert_int_equal(bw_httpd_connection_count(httpd), 1);
    close(fd);
}

static void test_the_kernel_says_who_the_local_client_is(void **state)
{
    (void)state;
    serve(defaults());
    int fd = io_connect_unix(path);
    io_talk(loop, fd, "GET / HTTP/1.1\r\nHost: x\r\n\r\n", "\r\n\r\n", &got);
    assert_int_equal(seen_uid, getuid());
    assert_int_equal(seen_pid, getpid());
    close(fd);
}

static void test_pipelined_requests_are_handed_up_one_at_a_time_and_answered_in_order(void **state)
{
    (void)state;
    serve(defaults());
    int fd = io_connect_unix(path);
    const char *text = "GET /later HTTP/1.1\r\nHost: x\r\n\r\n"
                       "GET /second HTTP/1.1\r\nHost: x\r\n\r\n"
                       "GET /third HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    assert_int_equal(send(fd, text, strlen(text), 0), (int)strlen(text));
    io_wait(loop, &is_kept);
    io_settle(loop);
    assert_int_equal(requests, 1);
    bw_httpd_reply_send(kept, 202, NULL, 0, BW_STR("first"));
    assert_int_equal(requests, 1); /* not from inside send */
    io_talk(loop, fd, "", NULL, &got);
    assert_int_equal(requests, 3);
    const char *first = strstr(bw_buf_cstr(&got), "first");
    const char *second = strstr(bw_buf_cstr(&got), "/second");
    const char *third = strstr(bw_buf_cstr(&got), "/third");
    assert_true(first && second && third && first < second && second < third);
    close(fd);
}

static void test_a_stream_goes_out_piece_by_piece(void **state)
{
    (void)state;
    serve(defaults());
    int fd = io_connect_unix(path);
    io_talk(loop, fd, "GET /stream HTTP/1.1\r\nHost: x\r\n\r\n", "\r\n\r\n", &got);
    assert_true(has("Transfer-Encoding: chunked"));
    assert_true(bw_httpd_reply_chunk(kept, BW_STR("{\"done\":1}\n")));
    io_talk(loop, fd, "", "{\"done\":1}\n", &got);
    assert_true(bw_httpd_reply_chunk(kept, BW_STR("{\"done\":2}\n")));
    bw_httpd_reply_end(kept);
    io_talk(loop, fd, "", "0\r\n\r\n", &got);
    io_talk(loop, fd, "GET /next HTTP/1.1\r\nHost: x\r\n\r\n", "/next", &got);
    close(fd);
}

static void test_a_client_that_goes_away_is_noticed_and_the_request_stays_readable(void **state)
{
    (void)state;
    serve(defaults());
    int fd = io_connect_unix(path);
    const char *text = "GET /later HTTP/1.1\r\nHost: x\r\n\r\n";
    assert_int_equal(send(fd, text, strlen(text), 0), (int)strlen(text));
    io_wait(loop, &is_kept);
    close(fd);
    io_wait(loop, &is_gone);
    assert_int_equal(bw_httpd_connection_count(httpd), 0);
    bw_httpd_reply_send(kept, 200, NULL, 0, BW_STR("nobody reads this"));
}

static void test_a_reply_may_be_finished_after_the_server_was_closed(void **state)
{
    (void)state;
    serve(defaults());
    int fd = io_connect_unix(path);
    const char *text = "GET /stream HTTP/1.1\r\nHost: x\r\n\r\n";
    assert_int_equal(send(fd, text, strlen(text), 0), (int)strlen(text));
    io_wait(loop, &is_kept);
    bw_httpd_close(httpd);
    httpd = NULL;
    io_settle(loop);
    assert_true(is_gone);
    assert_false(bw_httpd_reply_chunk(kept, BW_STR("x")));
    bw_httpd_reply_end(kept);
    close(fd);
}

static void test_a_client_that_does_not_read_its_stream_is_cut_off(void **state)
{
    (void)state;
    static char bytes[64 * 1024];
    memset(bytes, 'x', sizeof bytes);
    struct bw_httpd_options options = defaults();
    options.queue_bytes_max = 1024 * 1024;
    serve(options);
    int fd = io_connect_unix(path);
    const char *text = "GET /stream HTTP/1.1\r\nHost: x\r\n\r\n";
    assert_int_equal(send(fd, text, strlen(text), 0), (int)strlen(text));
    io_wait(loop, &is_kept);
    int chunks = 0;
    while (bw_httpd_reply_chunk(kept, bw_str(bytes, sizeof bytes)))
        assert_true(++chunks < 1000);
    assert_true(chunks >= 16);
    io_wait(loop, &is_gone);
    bw_httpd_reply_end(kept);
    close(fd);
}

static void test_bad_framing_gets_400_and_the_connection_ends(void **state)
{
    (void)state;
    serve(defaults());
    int fd = io_connect_unix(path);
    io_talk(loop, fd,
            "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n",
            NULL, &got);
    assert_true(has("HTTP/1.1 400 "));
    assert_true(has("Content-Type: application/problem+json"));
    assert_true(has("\"code\":\"INVALID\""));
    assert_true(has("Connection: close"));
    assert_int_equal(requests, 0);
    close(fd);
}

static void test_a_body_over_its_routes_limit_gets_413_before_it_is_sent(void **state)
{
    (void)state;
    serve(defaults());
    int fd = io_connect_unix(path);
    io_talk(loop, fd,
            "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 11\r\nExpect: 100-continue\r\n\r\n",
            NULL, &got);
    assert_true(has("HTTP/1.1 413 "));
    assert_true(has("\"code\":\"LIMIT\""));
    assert_false(has("100 Continue"));
    assert_int_equal(requests, 0);
    close(fd);
}

static void test_a_client_that_waits_for_our_go_gets_it(void **state)
{
    (void)state;
    serve(defaults());
    int fd = io_connect_unix(path);
    io_talk(
        loop, fd,
        "POST /import HTTP/1.1\r\nHost: x\r\nContent-Length: 11\r\nExpect: 100-continue\r\n\r\n",
        "HTTP/1.1 100 Continue\r\n\r\n", &got);
    io_talk(loop, fd, "hello world", "hello world", &got);
    assert_true(has("HTTP/1.1 200 OK"));
    close(fd);
}

static void test_a_request_that_does_not_arrive_in_time_gets_408(void **state)
{
    (void)state;
    struct bw_httpd_options options = defaults();
    options.head_timeout_ms = 20;
    options.body_timeout_ms = 20;
    serve(options);
    int fd = io_connect_unix(path);
    io_talk(loop, fd, "GET / HT", NULL, &got);
    assert_true(has("HTTP/1.1 408 "));
    close(fd);
    bw_buf_clear(&got);
    fd = io_connect_unix(path);
    io_talk(loop, fd, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhel", NULL, &got);
    assert_true(has("HTTP/1.1 408 "));
    assert_true(has("\"code\":\"TIMEOUT\""));
    assert_int_equal(requests, 0);
    close(fd);
}

static void test_an_idle_connection_is_closed_without_a_word(void **state)
{
    (void)state;
    struct bw_httpd_options options = defaults();
    options.idle_timeout_ms = 20;
    serve(options);
    int fd = io_connect_unix(path);
    io_talk(loop, fd, "", NULL, &got);
    assert_int_equal(got.len, 0);
    close(fd);
}

static void test_connections_over_the_limit_get_503(void **state)
{
    (void)state;
    struct bw_httpd_options options = defaults();
    options.connections_max = 1;
    serve(options);
    int first = io_connect_unix(path);
    io_talk(loop, first, "GET / HTTP/1.1\r\nHost: x\r\n\r\n", "\r\n\r\n", &got);
    bw_buf_clear(&got);
    int second = io_connect_unix(path);
    io_talk(loop, second, "", NULL, &got);
    assert_true(has("HTTP/1.1 503 "));
    close(first);
    close(second);
}

static void test_a_header_that_would_split_the_answer_becomes_500(void **state)
{
    (void)state;
    serve(defaults());
    int fd = io_connect_unix(path);
    io_talk(loop, fd, "GET /split HTTP/1.1\r\nHost: x\r\n\r\n", "}", &got);
    assert_true(has("HTTP/1.1 500 "));
    assert_false(has("Set-Cookie"));
    close(fd);
}

static void test_head_gets_the_length_without_the_body(void **state)
{
    (void)state;
    serve(defaults());
    int fd = io_connect_unix(path);
    io_talk(loop, fd, "HEAD /x HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nhi", "\r\n\r\n",
            &got);
    assert_true(has("Content-Length: 2\r\n"));
    io_settle(loop);
    io_talk(loop, fd, "GET /y HTTP/1.1\r\nHost: x\r\n\r\n", "/y", &got);
    assert_false(has("hi"));
    close(fd);
}

static void test_drain_answers_what_has_begun_and_then_calls(void **state)
{
    (void)state;
    serve(defaults());
    int busy = io_connect_unix(path), idle = io_connect_unix(path);
    io_talk(loop, idle, "GET / HTTP/1.1\r\nHost: x\r\n\r\n", "\r\n\r\n", &got);
    const char *text = "GET /later HTTP/1.1\r\nHost: x\r\n\r\n";
    assert_int_equal(send(busy, text, strlen(text), 0), (int)strlen(text));
    io_wait(loop, &is_kept);
    bw_httpd_drain(httpd, set_flag, &is_drained);
    io_talk(loop, idle, "", NULL, &got); /* closed by us */
    close(idle);
    assert_int_equal(access(path, F_OK), -1);
    assert_false(is_drained);
    bw_httpd_reply_send(kept, 200, NULL, 0, BW_STR("done"));
    bw_buf_clear(&got);
    io_talk(loop, busy, "", NULL, &got);
    assert_true(has("Connection: close"));
    assert_true(has("done"));
    close(busy);
    io_wait(loop, &is_drained);
}

static void test_the_socket_file_is_private_and_goes_with_the_server(void **state)
{
    (void)state;
    struct stat info;
    serve(defaults());
    assert_int_equal(stat(path, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0600);
    bw_httpd_close(httpd);
    httpd = NULL;
    assert_int_equal(stat(path, &info), -1);
}

static void test_a_dead_socket_is_replaced(void **state)
{
    (void)state;
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    memcpy(address.sun_path, path, strlen(path));
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(bind(fd, (const struct sockaddr *)&address, sizeof address), 0);
    close(fd); /* as a killed engine leaves it */
    serve(defaults());
    fd = io_connect_unix(path);
    io_talk(loop, fd, "GET / HTTP/1.1\r\nHost: x\r\n\r\n", "200 OK", &got);
    close(fd);
}

static void test_a_live_socket_is_a_conflict_that_names_the_process(void **state)
{
    (void)state;
    struct bw_httpd_options options = defaults();
    struct bw_httpd *second = NULL;
    struct bw_error error;
    char pid[32];
    serve(options);
    assert_err(bw_httpd_open(loop, &options, &second, &error), CONFLICT);
    snprintf(pid, sizeof pid, "process %ld", (long)getpid());
    assert_non_null(strstr(error.text, pid));
    assert_non_null(strstr(error.text, path));
    int fd = io_connect_unix(path); /* the first is as it was */
    io_talk(loop, fd, "GET / HTTP/1.1\r\nHost: x\r\n\r\n", "200 OK", &got);
    close(fd);
}

static void test_a_file_in_the_sockets_place_is_left_alone(void **state)
{
    (void)state;
    struct bw_httpd_options options = defaults();
    struct bw_error error;
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fclose(file);
    assert_err(bw_httpd_open(loop, &options, &httpd, &error), CONFLICT);
    assert_non_null(strstr(error.text, "is not a socket"));
    assert_int_equal(access(path, F_OK), 0);
    httpd = NULL;
}

static void test_a_socket_path_that_is_too_long_says_how_long_it_may_be(void **state)
{
    (void)state;
    char name[160];
    struct bw_httpd_options options = defaults();
    struct bw_error error;
    snprintf(name, sizeof name, "%s/%0120d", dir, 0);
    options.socket_path = name;
    assert_err(bw_httpd_open(loop, &options, &httpd, &error), INVALID);
    assert_non_null(strstr(error.text, "at most 107"));
    httpd = NULL;
}

static void test_a_port_in_use_is_a_conflict_that_names_it(void **state)
{
    (void)state;
    struct bw_httpd_options options = defaults();
    struct bw_error error;
    int port;
    char text[32];
    int fd = io_listen_tcp(&port);
    options.tcp_host = "127.0.0.1";
    options.tcp_port = port;
    assert_err(bw_httpd_open(loop, &options, &httpd, &error), CONFLICT);
    snprintf(text, sizeof text, "port %d on 127.0.0.1", port);
    assert_non_null(strstr(error.text, text));
    assert_int_equal(access(path, F_OK), -1); /* the Unix socket went with it */
    close(fd);
    httpd = NULL;
}

static void test_tcp_is_for_loopback_only(void **state)
{
    (void)state;
    struct bw_httpd_options options = defaults();
    struct bw_error error;
    options.socket_path = NULL;
    options.tcp_host = "0.0.0.0";
    assert_err(bw_httpd_open(loop, &options, &httpd, &error), INVALID);
    options.tcp_host = "127.0.0.1";
    serve(options);
    int fd = io_connect_tcp(bw_httpd_port(httpd));
    io_talk(loop, fd, "GET /tcp HTTP/1.1\r\nHost: x\r\n\r\n", "/tcp", &got);
    close(fd);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_a_request_is_answered_and_the_connection_kept),
        TEST(test_the_kernel_says_who_the_local_client_is),
        TEST(test_pipelined_requests_are_handed_up_one_at_a_time_and_answered_in_order),
        TEST(test_a_stream_goes_out_piece_by_piece),
        TEST(test_a_client_that_goes_away_is_noticed_and_the_request_stays_readable),
        TEST(test_a_reply_may_be_finished_after_the_server_was_closed),
        TEST(test_a_client_that_does_not_read_its_stream_is_cut_off),
        TEST(test_bad_framing_gets_400_and_the_connection_ends),
        TEST(test_a_body_over_its_routes_limit_gets_413_before_it_is_sent),
        TEST(test_a_client_that_waits_for_our_go_gets_it),
        TEST(test_a_request_that_does_not_arrive_in_time_gets_408),
        TEST(test_an_idle_connection_is_closed_without_a_word),
        TEST(test_connections_over_the_limit_get_503),
        TEST(test_a_header_that_would_split_the_answer_becomes_500),
        TEST(test_head_gets_the_length_without_the_body),
        TEST(test_drain_answers_what_has_begun_and_then_calls),
        TEST(test_the_socket_file_is_private_and_goes_with_the_server),
        TEST(test_a_dead_socket_is_replaced),
        TEST(test_a_live_socket_is_a_conflict_that_names_the_process),
        TEST(test_a_file_in_the_sockets_place_is_left_alone),
        TEST(test_a_socket_path_that_is_too_long_says_how_long_it_may_be),
        TEST(test_a_port_in_use_is_a_conflict_that_names_it),
        TEST(test_tcp_is_for_loopback_only),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
