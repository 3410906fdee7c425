/* test_http1.c - the request parser against what attackers send. Each case is fed whole and byte
 * by byte: the answer must be the same. */
#include "support/test.h"

#include "codec/http1.h"

#define GET "GET / HTTP/1.1\r\nHost: h\r\n"
#define POST "POST /x HTTP/1.1\r\nHost: h\r\n"

/* Feeds `text` in pieces of `step` bytes. The event it stops at; what is left behind the request in
 * `rest`. */
static enum bw_http1_event feed(struct bw_http1 *http1, struct bw_str text, size_t step,
                                struct bw_str *rest)
{
    enum bw_http1_event event = BW_HTTP1_MORE;
    while (text.len > 0 && event == BW_HTTP1_MORE) {
        struct bw_str piece = {text.ptr, text.len < step ? text.len : step};
        text.ptr += piece.len;
        text.len -= piece.len;
        do {
            event = bw_http1_take(http1, &piece);
        } while (event == BW_HTTP1_HEAD);
        if (rest)
            *rest = bw_str(piece.ptr, piece.len + text.len);
    }
    return event;
}

static void assert_status(const char *what, struct bw_str text, int expected)
{
    static const size_t steps[] = {100000, 1, 5};
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        struct bw_http1 *http1 = bw_http1_create(NULL);
        enum bw_http1_event event = feed(http1, text, steps[i], NULL);
        int status = event == BW_HTTP1_BAD        ? bw_http1_status(http1)
                     : event == BW_HTTP1_COMPLETE ? 200
                                                  : 0;
        if (status != expected)
            fail_msg("%s, %zu bytes at a time: %d, not %d (%s)", what, steps[i], status, expected,
                     event == BW_HTTP1_BAD ? bw_http1_reason(http1) : "");
        bw_http1_destroy(http1);
    }
}

struct hostile {
    const char *what;
    const char *text;
    int status; /* 0: waits for more; 200: taken */
};

static void assert_all(const struct hostile *cases, size_t count)
{
    for (size_t i = 0; i < count; i++)
        assert_status(cases[i].what, bw_str_of(cases[i].text), cases[i].status);
}
#define ASSERT_ALL(cases) assert_all((cases), sizeof(cases) / sizeof((cases)[0]))

static void test_lengths_that_could_be_read_in_two_ways_are_refused(void **state)
{
    (void)state;
    static const struct hostile cases[] = {
        {"both lengths", POST "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
         400},
        {"both, the other way",
         POST "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n", 400},
        {"two different", POST "Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello!", 400},
        {"two the same", POST "Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello", 400},
        {"a list", POST "Content-Length: 5, 5\r\n\r\nhello", 400},
        {"plus", POST "Content-Length: +5\r\n\r\nhello", 400},
        {"minus", POST "Content-Length: -5\r\n\r\nhello", 400},
        {"letters behind", POST "Content-Length: 5abc\r\n\r\nhello", 400},
        {"hexadecimal", POST "Content-Length: 0x5\r\n\r\nhello", 400},
        {"empty", POST "Content-Length: \r\n\r\n", 400},
        {"space inside", POST "Content-Length: 1 0\r\n\r\nhello", 400},
        {"over 64 bits", POST "Content-Length: 18446744073709551621\r\n\r\nhello", 400},
        {"leading zero", POST "Content-Length: 05\r\n\r\nhello", 200},
        {"space before the colon", POST "Content-Length : 5\r\n\r\nhello", 400},
        {"99 MB", POST "Content-Length: 99000000\r\n\r\nx", 413},
        {"more to come", POST "Content-Length: 5\r\n\r\nhell", 0},
        {"as it should be", POST "Content-Length: 5\r\n\r\nhello", 200},
    };
    ASSERT_ALL(cases);
}

static void test_codings_other_than_chunked_once_are_refused(void **state)
{
    (void)state;
    static const struct hostile cases[] = {
        {"unknown", POST "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", 501},
        {"identity", POST "Transfer-Encoding: identity\r\n\r\n", 501},
        {"gzip first", POST "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 501},
        {"chunked first", POST "Transfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n", 400},
        {"chunked twice", POST "Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n", 400},
        {"two headers",
         POST "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
        {"quoted", POST "Transfer-Encoding: \"chunked\"\r\n\r\n0\r\n\r\n", 501},
        {"folded", POST "Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n", 400},
        {"vertical tab", POST "Transfer-Encoding: \vchunked\r\n\r\n0\r\n\r\n", 400},
        {"in HTTP/1.0", "POST / HTTP/1.0\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
         400},
        {"capitals", POST "Transfer-Encoding: Chunked\r\n\r\n0\r\n\r\n", 200},
    };
    ASSERT_ALL(cases);
}

#define CHUNKED POST "Transfer-Encoding: chunked\r\n\r\n"

static void test_chunks_are_read_to_the_letter(void **state)
{
    (void)state;
    static const struct hostile cases[] = {
        {"two chunks", CHUNKED "5\r\nhello\r\n1\r\n!\r\n0\r\n\r\n", 200},
        {"extension", CHUNKED "5;name=value\r\nhello\r\n0\r\n\r\n", 200},
        {"letters", CHUNKED "zz\r\nhello\r\n0\r\n\r\n", 400},
        {"0x", CHUNKED "0x5\r\nhello\r\n0\r\n\r\n", 400},
        {"minus", CHUNKED "-5\r\nhello\r\n0\r\n\r\n", 400},
        {"space before", CHUNKED " 5\r\nhello\r\n0\r\n\r\n", 400},
        {"space behind", CHUNKED "5 \r\nhello\r\n0\r\n\r\n", 400},
        {"17 digits", CHUNKED "10000000000000005\r\nhello\r\n0\r\n\r\n", 400},
        {"empty size", CHUNKED "\r\nhello\r\n0\r\n\r\n", 400},
        {"LF behind the size", CHUNKED "5\nhello\r\n0\r\n\r\n", 400},
        {"LF behind the bytes", CHUNKED "5\r\nhello\n0\r\n\r\n", 400},
        {"no line end behind the bytes", CHUNKED "5\r\nhello0\r\n\r\n", 400},
        {"longer than it says", CHUNKED "5\r\nhello!\r\n0\r\n\r\n", 400},
        {"LF in an extension", CHUNKED "5;a\nb\r\nhello\r\n0\r\n\r\n", 400},
        {"CR in an extension", CHUNKED "5;a\rb\r\nhello\r\n0\r\n\r\n", 400},
        {"trailer", CHUNKED "0\r\nX-Late: 1\r\n\r\n", 400},
        {"length as trailer", CHUNKED "0\r\nContent-Length: 5\r\n\r\n", 400},
        {"LF as the last line", CHUNKED "0\r\n\n", 400},
        {"unfinished", CHUNKED "5\r\nhello\r\n0\r\n", 0},
    };
    ASSERT_ALL(cases);
}

static void test_chunk_padding_is_bounded(void **state)
{
    (void)state;
    struct bw_buf buf;
    bw_buf_init(&buf, (size_t)256 * 1024);
    bw_buf_put_text(&buf, CHUNKED "5;");
    for (int i = 0; i < 20000; i++)
        bw_buf_put_char(&buf, 'a');
    bw_buf_put_text(&buf, "\r\nhello\r\n0\r\n\r\n");
    assert_status("extension of 20 kB", bw_buf_str(&buf), 400);
    bw_buf_clear(&buf);
    bw_buf_put_text(&buf, CHUNKED);
    for (int i = 0; i < 1000; i++)
        bw_buf_put_text(&buf, "1;a=1234\r\nx\r\n");
    bw_buf_put_text(&buf, "0\r\n\r\n");
    assert_status("a thousand small extensions", bw_buf_str(&buf), 400);
    bw_buf_clear(&buf);
    bw_buf_put_text(&buf, CHUNKED);
    for (int i = 0; i < 2000; i++)
        bw_buf_put_char(&buf, '0');
    bw_buf_put_text(&buf, "1\r\nx\r\n0\r\n\r\n");
    assert_status("two thousand leading zeros", bw_buf_str(&buf), 400);
    bw_buf_clear(&buf);
    bw_buf_put_text(&buf, CHUNKED);
    for (int i = 0; i < 1000; i++)
        bw_buf_put_text(&buf, "1\r\nx\r\n");
    bw_buf_put_text(&buf, "0\r\n\r\n");
    assert_status("a thousand chunks of one byte", bw_buf_str(&buf), 200);
    bw_buf_deinit(&buf);
}

static void test_there_is_exactly_one_host(void **state)
{
    (void)state;
    static const struct hostile cases[] = {
        {"none", "GET / HTTP/1.1\r\n\r\n", 400},
        {"two", GET "Host: h\r\n\r\n", 400},
        {"two different", GET "host: g\r\n\r\n", 400},
        {"empty", "GET / HTTP/1.1\r\nHost:\r\n\r\n", 400},
        {"with a path", "GET / HTTP/1.1\r\nHost: h/x\r\n\r\n", 400},
        {"with a user", "GET / HTTP/1.1\r\nHost: u@h\r\n\r\n", 400},
        {"with a space", "GET / HTTP/1.1\r\nHost: a b\r\n\r\n", 400},
        {"with a port", "GET / HTTP/1.1\r\nHost: h:80\r\n\r\n", 200},
        {"in brackets", "GET / HTTP/1.1\r\nHost: [::1]:80\r\n\r\n", 200},
        {"none in HTTP/1.0", "GET / HTTP/1.0\r\n\r\n", 200},
        {"two in HTTP/1.0", "GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n", 400},
    };
    ASSERT_ALL(cases);
}

static void test_line_ends_and_control_bytes_are_exact(void **state)
{
    (void)state;
    static const struct hostile cases[] = {
        {"folded header", GET "A: 1\r\n folded\r\n\r\n", 400},
        {"folded with a tab", GET "A: 1\r\n\tfolded\r\n\r\n", 400},
        {"folded empty header", GET "A:\r\n \r\n\r\n", 400},
        {"bare CR in a value", GET "A: 1\rB: 2\r\n\r\n", 400},
        {"empty header and bare CR",
         "GET / HTTP/1.1\r\nHost: h\r\nX:\rTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
        {"bare LF behind a header", "GET / HTTP/1.1\r\nHost: h\nA: 1\r\n\r\n", 400},
        {"bare LF everywhere", "GET / HTTP/1.1\nHost: h\n\n", 400},
        {"bare LF as the last line", GET "\n", 400},
        {"CR CR LF", GET "\r\r\n", 400},
        {"control byte in a value", GET "A: \x01\r\n\r\n", 400},
        {"delete in a value", GET "A: \x7f\r\n\r\n", 400},
        {"tab in a value", GET "A: x\ty\r\n\r\n", 200},
        {"bytes over 127 in a value", GET "A: \xC3\xA4\r\n\r\n", 200},
        {"space before the colon", GET "A : 1\r\n\r\n", 400},
        {"space in a name", GET "A B: 1\r\n\r\n", 400},
        {"no name", GET ": 1\r\n\r\n", 400},
        {"no name in the first header", "GET / HTTP/1.1\r\n: 1\r\nHost: h\r\n\r\n", 400},
        {"no colon", GET "A\r\n\r\n", 400},
        {"byte over 127 in a name", GET "\xC3\xA4: 1\r\n\r\n", 400},
        {"space before the first header", "GET / HTTP/1.1\r\n Host: h\r\n\r\n", 400},
        {"one empty line before", "\r\n" GET "\r\n", 200},
        {"two empty lines before", "\r\n\r\n" GET "\r\n", 400},
    };
    ASSERT_ALL(cases);
    assert_status("zero in a value", BW_STR(GET "A: \0\r\n\r\n"), 400);
    assert_status("zero in a name", BW_STR(GET "A\0: 1\r\n\r\n"), 400);
    assert_status("zero in the target", BW_STR("GET /\0 HTTP/1.1\r\nHost: h\r\n\r\n"), 400);
    assert_status("a TLS greeting", BW_STR("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"), 400);
}

static void test_request_lines_are_exact(void **state)
{
    (void)state;
    static const struct hostile cases[] = {
        {"HTTP/9.9", "GET / HTTP/9.9\r\nHost: h\r\n\r\n", 505},
        {"HTTP/2.0", "GET / HTTP/2.0\r\nHost: h\r\n\r\n", 505},
        {"HTTP/0.9", "GET / HTTP/0.9\r\nHost: h\r\n\r\n", 505},
        {"HTTP/1.2", "GET / HTTP/1.2\r\nHost: h\r\n\r\n", 505},
        {"no version", "GET /\r\n\r\n", 505},
        {"small letters", "GET / http/1.1\r\nHost: h\r\n\r\n", 400},
        {"unknown method", "BREW / HTTP/1.1\r\nHost: h\r\n\r\n", 501},
        {"method in small letters", "get / HTTP/1.1\r\nHost: h\r\n\r\n", 501},
        {"CONNECT", "CONNECT h:80 HTTP/1.1\r\nHost: h\r\n\r\n", 501},
        {"TRACE", "TRACE / HTTP/1.1\r\nHost: h\r\n\r\n", 501},
        {"HTTP/2 preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400},
        {"whole URL", "GET http://h/ HTTP/1.1\r\nHost: h\r\n\r\n", 400},
        {"asterisk", "GET * HTTP/1.1\r\nHost: h\r\n\r\n", 400},
        {"asterisk for OPTIONS", "OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n", 200},
        {"fragment", "GET /#x HTTP/1.1\r\nHost: h\r\n\r\n", 400},
        {"control byte in the path", "GET /\x01 HTTP/1.1\r\nHost: h\r\n\r\n", 400},
        {"byte over 127 in the path", "GET /\xC3\xA4 HTTP/1.1\r\nHost: h\r\n\r\n", 400},
        {"backslash", "GET /a\\b HTTP/1.1\r\nHost: h\r\n\r\n", 400},
        {"bad escape", "GET /%zz HTTP/1.1\r\nHost: h\r\n\r\n", 400},
        {"cut escape in the query", "GET /?a=%2 HTTP/1.1\r\nHost: h\r\n\r\n", 400},
        {"two spaces", "GET  / HTTP/1.1\r\nHost: h\r\n\r\n", 400},
        {"tab", "GET\t/ HTTP/1.1\r\nHost: h\r\n\r\n", 501},
        {"space behind the version", "GET / HTTP/1.1 \r\nHost: h\r\n\r\n", 505},
    };
    ASSERT_ALL(cases);
}

static void test_headers_that_must_be_single_are(void **state)
{
    (void)state;
    static const struct hostile cases[] = {
        {"authorization", GET "Authorization: Bearer a\r\nAuthorization: Bearer b\r\n\r\n", 400},
        {"idempotency key", POST "Idempotency-Key: a\r\nIDEMPOTENCY-KEY: a\r\n\r\n", 400},
        {"content type", POST "Content-Type: a/b\r\nContent-Type: a/c\r\n\r\n", 400},
        {"others may repeat", GET "Accept: a/b\r\nAccept: a/c\r\n\r\n", 200},
        {"expectation unknown", POST "Expect: tea\r\n\r\n", 417},
        {"upgrade is only asked for", GET "Upgrade: h2c\r\nConnection: Upgrade\r\n\r\n", 200},
    };
    ASSERT_ALL(cases);
}

static void test_heads_have_ceilings(void **state)
{
    (void)state;
    struct bw_buf buf;
    bw_buf_init(&buf, (size_t)256 * 1024);
    bw_buf_put_text(&buf, GET "A: ");
    for (int i = 0; i < 70000; i++)
        bw_buf_put_char(&buf, 'x');
    assert_status("header of 70 kB, still coming", bw_buf_str(&buf), 431);
    bw_buf_clear(&buf);
    bw_buf_put_text(&buf, GET);
    for (int i = 0; i < 100; i++)
        bw_buf_printf(&buf, "A%d: 1\r\n", i);
    bw_buf_put_text(&buf, "\r\n");
    assert_status("101 headers", bw_buf_str(&buf), 431);
    bw_buf_clear(&buf);
    bw_buf_put_text(&buf, "GET /");
    for (int i = 0; i < 2048; i++)
        bw_buf_put_char(&buf, 'x');
    bw_buf_put_text(&buf, " HTTP/1.1\r\nHost: h\r\n\r\n");
    assert_status("target of 2049 bytes", bw_buf_str(&buf), 414);
    bw_buf_clear(&buf);
    bw_buf_put_text(&buf, "GET /");
    for (int i = 0; i < 70000; i++)
        bw_buf_put_char(&buf, 'x');
    assert_status("target of 70 kB, still coming", bw_buf_str(&buf), 414);
    bw_buf_deinit(&buf);
}

static void test_a_request_is_given_in_its_parts(void **state)
{
    (void)state;
    struct bw_str text = BW_STR("POST /v1/runs?wait=1&x=%20 HTTP/1.1\r\nHost: api.example:80\r\n"
                                "Content-Type:  application/json \r\nX-Empty:\r\n"
                                "Content-Length: 2\r\n\r\n{}GET");
    struct bw_http1 *http1 = bw_http1_create(NULL);
    assert_true(bw_http1_is_idle(http1));
    assert_int_equal(bw_http1_take(http1, &text), BW_HTTP1_HEAD);
    assert_false(bw_http1_is_idle(http1));
    const struct bw_http1_request *request = bw_http1_request(http1);
    assert_str(request->method, "POST");
    assert_str(request->path, "/v1/runs");
    assert_str(request->query, "wait=1&x=%20");
    assert_int_equal(request->header_count, 4);
    assert_int_equal(request->body_bytes, 2);
    assert_int_equal(request->body.len, 0);
    struct bw_str value;
    assert_true(bw_http1_find_header(request, "content-type", &value));
    assert_str(value, "application/json");
    assert_true(bw_http1_find_header(request, "x-empty", &value));
    assert_str(value, "");
    assert_false(bw_http1_find_header(request, "x-none", &value));
    assert_int_equal(bw_http1_take(http1, &text), BW_HTTP1_COMPLETE);
    assert_str(request->body, "{}");
    assert_true(request->keeps_alive);
    assert_str(text, "GET");
    bw_http1_destroy(http1);
}

static void test_requests_follow_each_other_on_one_connection(void **state)
{
    (void)state;
    static const size_t steps[] = {100000, 1, 7};
    for (size_t i = 0; i < 3; i++) {
        struct bw_str text = BW_STR(CHUNKED "3\r\nabc\r\n0\r\n\r\n" GET "\r\n" POST
                                            "Content-Length: 3\r\nConnection: close\r\n\r\nxyz");
        struct bw_http1 *http1 = bw_http1_create(NULL);
        assert_int_equal(feed(http1, text, steps[i], &text), BW_HTTP1_COMPLETE);
        assert_str(bw_http1_request(http1)->body, "abc");
        bw_http1_reset(http1);
        assert_int_equal(feed(http1, text, steps[i], &text), BW_HTTP1_COMPLETE);
        assert_str(bw_http1_request(http1)->method, "GET");
        assert_str(bw_http1_request(http1)->body, "");
        bw_http1_reset(http1);
        assert_int_equal(feed(http1, text, steps[i], &text), BW_HTTP1_COMPLETE);
        assert_str(bw_http1_request(http1)->body, "xyz");
        assert_false(bw_http1_request(http1)->keeps_alive);
        assert_int_equal(text.len, 0);
        bw_http1_destroy(http1);
    }
}

static void test_the_body_limit_is_set_when_the_head_is_known(void **state)
{
    (void)state;
    struct bw_str announced = BW_STR(POST "Expect: 100-continue\r\nContent-Length: 11\r\n\r\n");
    struct bw_http1 *http1 = bw_http1_create(NULL);
    assert_int_equal(bw_http1_take(http1, &announced), BW_HTTP1_HEAD);
    assert_true(bw_http1_request(http1)->expects_continue);
    bw_http1_set_body_max(http1, 10);
    assert_int_equal(bw_http1_take(http1, &announced), BW_HTTP1_BAD);
    assert_int_equal(bw_http1_status(http1), 413);
    bw_http1_destroy(http1);

    struct bw_str chunked = BW_STR(CHUNKED "8\r\n12345678\r\n3\r\n901\r\n0\r\n\r\n");
    http1 = bw_http1_create(NULL);
    assert_int_equal(bw_http1_take(http1, &chunked), BW_HTTP1_HEAD);
    bw_http1_set_body_max(http1, 10);
    assert_int_equal(bw_http1_take(http1, &chunked), BW_HTTP1_BAD);
    assert_int_equal(bw_http1_status(http1), 413);
    assert_int_equal(bw_http1_take(http1, &chunked), BW_HTTP1_BAD);
    bw_http1_destroy(http1);
}

static void test_http_1_0_closes_unless_asked(void **state)
{
    (void)state;
    struct bw_str text = BW_STR("GET / HTTP/1.0\r\n\r\n");
    struct bw_http1 *http1 = bw_http1_create(NULL);
    assert_int_equal(feed(http1, text, 100, NULL), BW_HTTP1_COMPLETE);
    assert_false(bw_http1_request(http1)->keeps_alive);
    bw_http1_destroy(http1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lengths_that_could_be_read_in_two_ways_are_refused),
        cmocka_unit_test(test_codings_other_than_chunked_once_are_refused),
        cmocka_unit_test(test_chunks_are_read_to_the_letter),
        cmocka_unit_test(test_chunk_padding_is_bounded),
        cmocka_unit_test(test_there_is_exactly_one_host),
        cmocka_unit_test(test_line_ends_and_control_bytes_are_exact),
        cmocka_unit_test(test_request_lines_are_exact),
        cmocka_unit_test(test_headers_that_must_be_single_are),
        cmocka_unit_test(test_heads_have_ceilings),
        cmocka_unit_test(test_a_request_is_given_in_its_parts),
        cmocka_unit_test(test_requests_follow_each_other_on_one_connection),
        cmocka_unit_test(test_the_body_limit_is_set_when_the_head_is_known),
        cmocka_unit_test(test_http_1_0_closes_unless_asked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
