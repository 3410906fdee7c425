/* test_url.c - URLs: what can be read in two ways is refused. */
#include "support/test.h"

#include "codec/url.h"

static void test_parts_are_found(void **state)
{
    (void)state;
    struct bw_url url;
    struct bw_error error;
    assert_ok(bw_url_parse(BW_STR("HTTPS://api.example.com:8443/v1/a%20b?x=1&y=%2F"), &url, &error),
              &error);
    assert_true(url.is_https);
    assert_int_equal(url.host_kind, BW_HOST_NAME);
    assert_str(url.host, "api.example.com");
    assert_int_equal(url.port, 8443);
    assert_str(url.path, "/v1/a%20b");
    assert_true(url.has_query);
    assert_str(url.query, "x=1&y=%2F");
    assert_ok(bw_url_parse(BW_STR("http://localhost"), &url, &error), &error);
    assert_false(url.is_https);
    assert_int_equal(url.port, 80);
    assert_str(url.path, "");
    assert_false(url.has_query);
    assert_ok(bw_url_parse(BW_STR("https://h?"), &url, &error), &error);
    assert_int_equal(url.port, 443);
    assert_true(url.has_query);
    assert_str(url.query, "");
}

static void test_addresses_are_told_from_names(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum bw_host_kind kind;
        const char *host;
    } cases[] = {
        {"http://127.0.0.1/", BW_HOST_IPV4, "127.0.0.1"},
        {"http://255.255.255.255:1/", BW_HOST_IPV4, "255.255.255.255"},
        {"http://[::1]:8080/", BW_HOST_IPV6, "::1"},
        {"http://[::]/", BW_HOST_IPV6, "::"},
        {"http://[2001:db8::7]/", BW_HOST_IPV6, "2001:db8::7"},
        {"http://[1:2:3:4:5:6:7:8]/", BW_HOST_IPV6, "1:2:3:4:5:6:7:8"},
        {"http://[::ffff:127.0.0.1]/", BW_HOST_IPV6, "::ffff:127.0.0.1"},
        {"http://1.2.3.4.nip.io/", BW_HOST_NAME, "1.2.3.4.nip.io"},
        {"http://xn--bcher-kva.example/", BW_HOST_NAME, "xn--bcher-kva.example"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct bw_url url;
        struct bw_error error;
        assert_ok(bw_url_parse(bw_str_of(cases[i].text), &url, &error), &error);
        assert_int_equal(url.host_kind, cases[i].kind);
        assert_str(url.host, cases[i].host);
    }
}

static void test_hostile_urls_are_refused_with_the_reason(void **state)
{
    (void)state;
    static const struct {
        const char *text, *part;
    } cases[] = {
        {"", "does not begin"},
        {"/path", "does not begin"},
        {"ftp://h/", "does not begin"},
        {"javascript:alert(1)", "does not begin"},
        {"https:/h/", "does not begin"},
        {"https://", "host is missing"},
        {"https:///path", "host is missing"},
        {"https://user@h/", "user name"},
        {"https://user:pass@h/", "user name"},
        {"https://h/#frag", "fragment"},
        {"https://127.0.0.1#@example.com/", "fragment"},
        {"https://h\\@evil/", "percent-encoded"},
        {"https://h/a b", "percent-encoded"},
        {"https://h/\t", "percent-encoded"},
        {"https://h/\r\nX: y", "percent-encoded"},
        {"https://b\xC3\xBC"
         "cher.example/",
         "percent-encoded"},
        {"https://h/%", "two hexadecimal digits"},
        {"https://h/%2", "two hexadecimal digits"},
        {"https://h/?%zz", "two hexadecimal digits"},
        {"https://h%2eexample/", "character that no host has"},
        {"https://2130706433/", "ends in a number"},
        {"https://0x7f.1/", "ends in a number"},
        {"https://127.1/", "ends in a number"},
        {"https://0177.0.0.1/", "ends in a number"},
        {"https://256.1.1.1/", "ends in a number"},
        {"https://0/", "ends in a number"},
        {"https://1.2.3.4./", "empty part"},
        {"https://h..example/", "empty part"},
        {"https://.h/", "empty part"},
        {"https://-h/", "hyphen"},
        {"https://h-.example/", "hyphen"},
        {"https://h:/", "port"},
        {"https://h:0/", "port"},
        {"https://h:65536/", "port"},
        {"https://h:+80/", "port"},
        {"https://h:080000/", "port"},
        {"https://h:80:90/", "port"},
        {"https://[::1/", "brackets"},
        {"https://[]/", "brackets"},
        {"https://[1:2]/", "brackets"},
        {"https://[1:2:3:4:5:6:7:8:9]/", "brackets"},
        {"https://[1::2::3]/", "brackets"},
        {"https://[:::]/", "brackets"},
        {"https://[12345::]/", "brackets"},
        {"https://[fe80::1%25eth0]/", "brackets"},
        {"https://[::1]x/", "port"},
        {"https://::1/", "host is missing"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct bw_url url;
        struct bw_error error = {.code = BW_ERR_OK};
        enum bw_err err = bw_url_parse(bw_str_of(cases[i].text), &url, &error);
        if (err != BW_ERR_INVALID || !strstr(error.text, cases[i].part))
            fail_msg("%s: \"%s\"", cases[i].text, error.text);
    }
    char text[BW_URL_BYTES_MAX + 2];
    memset(text, 'a', sizeof text);
    memcpy(text, "http://h/", 9);
    struct bw_url url;
    assert_err(bw_url_parse(bw_str(text, BW_URL_BYTES_MAX), &url, NULL), OK);
    assert_err(bw_url_parse(bw_str(text, BW_URL_BYTES_MAX + 1), &url, NULL), INVALID);
    assert_err(bw_url_parse(bw_str("http://h/\0x", 11), &url, NULL), INVALID);
}

static void test_percent_encoding_goes_both_ways(void **state)
{
    (void)state;
    struct bw_buf buf;
    struct bw_buf back;
    bw_buf_init(&buf, 1024);
    bw_buf_init(&back, 1024);
    bw_url_encode(&buf, BW_STR("a-b_c.d~ /?&=\xC3\xA4+"));
    assert_str(bw_buf_str(&buf), "a-b_c.d~%20%2F%3F%26%3D%C3%A4%2B");
    assert_true(bw_url_decode(&back, bw_buf_str(&buf), true));
    assert_str(bw_buf_str(&back), "a-b_c.d~ /?&=\xC3\xA4+");
    bw_buf_clear(&back);
    assert_true(bw_url_decode(&back, BW_STR("a+b%2bc"), true));
    assert_str(bw_buf_str(&back), "a b+c");
    bw_buf_clear(&back);
    assert_true(bw_url_decode(&back, BW_STR("a+b"), false));
    assert_str(bw_buf_str(&back), "a+b");
    assert_false(bw_url_decode(&back, BW_STR("x%00"), false));
    assert_false(bw_url_decode(&back, BW_STR("x%4"), false));
    assert_str(bw_buf_str(&back), "a+b");
    bw_buf_deinit(&buf);
    bw_buf_deinit(&back);
}

static void test_queries_are_walked_pair_by_pair(void **state)
{
    (void)state;
    struct bw_str rest = BW_STR("&a=1&&b&c==x&=d&");
    static const char *const expected[][2] = {{"a", "1"}, {"b", ""}, {"c", "=x"}, {"", "d"}};
    struct bw_str key;
    struct bw_str value;
    for (size_t i = 0; i < 4; i++) {
        assert_true(bw_url_query_next(&rest, &key, &value));
        assert_str(key, expected[i][0]);
        assert_str(value, expected[i][1]);
    }
    assert_false(bw_url_query_next(&rest, &key, &value));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parts_are_found),
        cmocka_unit_test(test_addresses_are_told_from_names),
        cmocka_unit_test(test_hostile_urls_are_refused_with_the_reason),
        cmocka_unit_test(test_percent_encoding_goes_both_ways),
        cmocka_unit_test(test_queries_are_walked_pair_by_pair),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
