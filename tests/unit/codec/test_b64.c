/* test_b64.c - base64 and hexadecimal: RFC 4648's vectors, and one text per byte string. */
#include "support/test.h"

#include "codec/b64.h"

static struct bw_buf buf;

static int setup(void **state)
{
    (void)state;
    bw_buf_init(&buf, 4096);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    bw_buf_deinit(&buf);
    return 0;
}

static void test_vectors_of_rfc_4648(void **state)
{
    (void)state;
    static const struct {
        const char *bytes, *padded, *bare;
    } cases[] = {{"", "", ""},
                 {"f", "Zg==", "Zg"},
                 {"fo", "Zm8=", "Zm8"},
                 {"foo", "Zm9v", "Zm9v"},
                 {"foob", "Zm9vYg==", "Zm9vYg"},
                 {"fooba", "Zm9vYmE=", "Zm9vYmE"},
                 {"foobar", "Zm9vYmFy", "Zm9vYmFy"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        bw_buf_clear(&buf);
        bw_base64_put(&buf, bw_str_of(cases[i].bytes));
        assert_str(bw_buf_str(&buf), cases[i].padded);
        bw_buf_clear(&buf);
        bw_base64url_put(&buf, bw_str_of(cases[i].bytes));
        assert_str(bw_buf_str(&buf), cases[i].bare);
        bw_buf_clear(&buf);
        assert_true(bw_base64_decode(&buf, bw_str_of(cases[i].padded)));
        assert_str(bw_buf_str(&buf), cases[i].bytes);
        bw_buf_clear(&buf);
        assert_true(bw_base64url_decode(&buf, bw_str_of(cases[i].bare)));
        assert_str(bw_buf_str(&buf), cases[i].bytes);
    }
}

static void test_all_bytes_go_both_ways(void **state)
{
    (void)state;
    char all[256];
    struct bw_buf text;
    for (int i = 0; i < 256; i++)
        all[i] = (char)i;
    bw_buf_init(&text, 4096);
    bw_base64_put(&text, bw_str(all, 256));
    assert_true(bw_base64_decode(&buf, bw_buf_str(&text)));
    assert_memory_equal(buf.ptr, all, 256);
    bw_buf_clear(&text);
    bw_buf_clear(&buf);
    bw_base64url_put(&text, bw_str(all, 256));
    assert_null(memchr(text.ptr, '+', text.len));
    assert_null(memchr(text.ptr, '/', text.len));
    assert_true(bw_base64url_decode(&buf, bw_buf_str(&text)));
    assert_memory_equal(buf.ptr, all, 256);
    bw_buf_clear(&text);
    bw_buf_clear(&buf);
    bw_hex_put(&text, bw_str(all, 256));
    assert_true(bw_hex_decode(&buf, bw_buf_str(&text)));
    assert_memory_equal(buf.ptr, all, 256);
    bw_buf_deinit(&text);
}

static void test_loose_texts_are_refused_and_leave_nothing(void **state)
{
    (void)state;
    static const char *const padded[] = {"Zg",   "Zg=",  "Zh==", "Zm9=",     "Zm9v\n", "Zm 9v",
                                         "====", "A===", "=AAA", "Zg==Zg==", "Zm-v",   "Zm9vYg=a"};
    static const char *const bare[] = {"Z", "Zh", "Zm9", "Zg==", "Zm+v", "Zm9vY"};
    static const char *const hex[] = {"0", "0g", "0x12", " 0", "\xC3\xA4"};
    bw_buf_put_text(&buf, "kept");
    for (size_t i = 0; i < sizeof padded / sizeof padded[0]; i++)
        assert_false(bw_base64_decode(&buf, bw_str_of(padded[i])));
    for (size_t i = 0; i < sizeof bare / sizeof bare[0]; i++)
        assert_false(bw_base64url_decode(&buf, bw_str_of(bare[i])));
    for (size_t i = 0; i < sizeof hex / sizeof hex[0]; i++)
        assert_false(bw_hex_decode(&buf, bw_str_of(hex[i])));
    assert_str(bw_buf_str(&buf), "kept");
}

static void test_hex_is_written_small_and_read_in_both_cases(void **state)
{
    (void)state;
    bw_hex_put(&buf, BW_STR("\xAB\x01"));
    assert_str(bw_buf_str(&buf), "ab01");
    bw_buf_clear(&buf);
    assert_true(bw_hex_decode(&buf, BW_STR("4A6b")));
    assert_str(bw_buf_str(&buf), "Jk");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_vectors_of_rfc_4648),
        TEST(test_all_bytes_go_both_ways),
        TEST(test_loose_texts_are_refused_and_leave_nothing),
        TEST(test_hex_is_written_small_and_read_in_both_cases),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
