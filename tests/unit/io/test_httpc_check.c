/* test_httpc_check.c - what no request may be.
 *
 * The ways in which requests are refused on the wire are test_httpc_curl.c's.
 */
#include "support/test.h"

#include "base/limits.h"
#include "io/httpc_check.h"
#include <stdlib.h>

static struct bw_http_request request_for(const char *url)
{
    return (struct bw_http_request){
        .method = BW_STR("GET"), .url = bw_str_of(url), .timeout_ms = 1, .response_bytes_max = 1};
}

static void test_absolute_http_urls_pass_in_any_case(void **state)
{
    (void)state;
    static const char *const urls[] = {"http://a/", "HTTPS://a.example:8443/x?y=%20#z",
                                       "http://[::1]/"};
    struct bw_error error;
    for (size_t i = 0; i < sizeof urls / sizeof urls[0]; i++) {
        struct bw_http_request request = request_for(urls[i]);
        assert_ok(bw_httpc_check(&request, &error), &error);
    }
}

static void test_a_refused_url_is_quoted_up_to_a_limit(void **state)
{
    (void)state;
    struct bw_error error;
    struct bw_http_request request = request_for("gopher://a/");
    assert_err(bw_httpc_check(&request, &error), INVALID);
    assert_non_null(strstr(error.text, "\"gopher://a/\""));
    request.url = bw_str("http://a/\0b", 11);
    assert_err(bw_httpc_check(&request, &error), INVALID);
}

static void test_lengths_over_the_ceilings_are_LIMIT(void **state)
{
    (void)state;
    struct bw_error error;
    char *text = malloc(BW_LIMIT_HTTP_HEADER_BYTES);
    assert_non_null(text);
    memset(text, 'a', BW_LIMIT_HTTP_HEADER_BYTES);
    memcpy(text, "http://", 7);
    struct bw_http_request request = request_for("");
    request.url = bw_str(text, BW_LIMIT_HTTP_URL_BYTES + 1);
    assert_err(bw_httpc_check(&request, &error), LIMIT);
    request.url.len--;
    assert_ok(bw_httpc_check(&request, &error), &error);
    struct bw_http_header header = {BW_STR("x"), bw_str(text, BW_LIMIT_HTTP_HEADER_BYTES)};
    request.headers = &header;
    request.header_count = 1;
    assert_err(bw_httpc_check(&request, &error), LIMIT);
    free(text);
}

static void test_a_timeout_has_to_be_positive(void **state)
{
    (void)state;
    struct bw_error error;
    struct bw_http_request request = request_for("http://a/");
    request.timeout_ms = 0;
    assert_err(bw_httpc_check(&request, &error), INVALID);
}

static void test_only_methods_that_change_nothing_twice_are_idempotent(void **state)
{
    (void)state;
    assert_true(bw_httpc_is_idempotent(BW_STR("GET")));
    assert_true(bw_httpc_is_idempotent(BW_STR("put")));
    assert_false(bw_httpc_is_idempotent(BW_STR("POST")));
    assert_false(bw_httpc_is_idempotent(BW_STR("PATCH")));
    assert_false(bw_httpc_is_idempotent(BW_STR("GETS")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_absolute_http_urls_pass_in_any_case),
        cmocka_unit_test(test_a_refused_url_is_quoted_up_to_a_limit),
        cmocka_unit_test(test_lengths_over_the_ceilings_are_LIMIT),
        cmocka_unit_test(test_a_timeout_has_to_be_positive),
        cmocka_unit_test(test_only_methods_that_change_nothing_twice_are_idempotent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
