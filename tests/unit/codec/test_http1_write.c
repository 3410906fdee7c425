/* test_http1_write.c - responses: bytes as they go out, and headers that cannot be used to
 * smuggle. */
#include "support/test.h"

#include "codec/http1.h"

static struct bw_buf out;
static const struct bw_stamp sunday = {INT64_C(784111777) * 1000000};
#define DATE "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n"

static int setup(void **state)
{
    (void)state;
    bw_buf_init(&out, 65536);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    bw_buf_deinit(&out);
    return 0;
}

static void test_a_response_is_one_head_and_its_body(void **state)
{
    (void)state;
    const struct bw_http1_header headers[] = {{BW_STR("Content-Type"), BW_STR("application/json")}};
    const struct bw_http1_response response = {.status = 202,
                                               .headers = headers,
                                               .header_count = 1,
                                               .body = BW_STR("{}"),
                                               .at = sunday,
                                               .keeps_alive = true};
    assert_ok(bw_http1_put_response(&out, &response, NULL), NULL);
    assert_str(bw_buf_str(&out), "HTTP/1.1 202 Accepted\r\n" DATE
                                 "Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{}");
}

static void test_some_responses_have_no_body(void **state)
{
    (void)state;
    struct bw_http1_response response = {.status = 204, .at = sunday, .body = BW_STR("x")};
    assert_ok(bw_http1_put_response(&out, &response, NULL), NULL);
    assert_str(bw_buf_str(&out), "HTTP/1.1 204 No Content\r\n" DATE "Connection: close\r\n\r\n");
    bw_buf_clear(&out);
    response = (struct bw_http1_response){
        .status = 200, .at = sunday, .body = BW_STR("xyz"), .is_head = true, .keeps_alive = true};
    assert_ok(bw_http1_put_response(&out, &response, NULL), NULL);
    assert_str(bw_buf_str(&out), "HTTP/1.1 200 OK\r\n" DATE "Content-Length: 3\r\n\r\n");
}

static void test_a_header_that_could_end_early_is_refused(void **state)
{
    (void)state;
    static const struct {
        struct bw_str name, value;
    } cases[] = {
        {{"Location", 8}, {"/x\r\nSet-Cookie: a=b", 19}},
        {{"Location", 8}, {"/x\n", 3}},
        {{"Location", 8}, {"/x\0y", 4}},
        {{"Loc\r\nX", 6}, {"1", 1}},
        {{"Loc:", 4}, {"1", 1}},
        {{"a b", 3}, {"1", 1}},
        {{"", 0}, {"1", 1}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct bw_http1_header header = {cases[i].name, cases[i].value};
        const struct bw_http1_response response = {
            .status = 200, .at = sunday, .headers = &header, .header_count = 1};
        struct bw_error error;
        assert_err(bw_http1_put_response(&out, &response, &error), INVALID);
        assert_err(bw_http1_put_stream_head(&out, &response, &error), INVALID);
        assert_int_equal(out.len, 0);
    }
}

static void test_a_stream_is_chunks_and_an_end(void **state)
{
    (void)state;
    const struct bw_http1_response response = {.status = 200, .at = sunday, .keeps_alive = true};
    assert_ok(bw_http1_put_stream_head(&out, &response, NULL), NULL);
    bw_http1_put_chunk(&out, BW_STR("0123456789abcdef"));
    bw_http1_put_chunk(&out, BW_STR_NONE);
    bw_http1_put_stream_end(&out);
    assert_str(bw_buf_str(&out),
               "HTTP/1.1 200 OK\r\n" DATE
               "Transfer-Encoding: chunked\r\n\r\n10\r\n0123456789abcdef\r\n0\r\n\r\n");
    bw_buf_clear(&out);
    bw_http1_put_continue(&out);
    assert_str(bw_buf_str(&out), "HTTP/1.1 100 Continue\r\n\r\n");
}

static void test_every_status_that_an_error_has_has_a_text(void **state)
{
    (void)state;
    for (int code = 0; code < BW_ERR_COUNT_; code++) {
        int status = bw_err_http_status((enum bw_err)code);
        assert_string_not_equal(bw_http1_status_text(status), "Status");
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_a_response_is_one_head_and_its_body),
        TEST(test_some_responses_have_no_body),
        TEST(test_a_header_that_could_end_early_is_refused),
        TEST(test_a_stream_is_chunks_and_an_end),
        TEST(test_every_status_that_an_error_has_has_a_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
