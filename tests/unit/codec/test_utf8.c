/* test_utf8.c - UTF-8, strictly. */
#include "support/test.h"

#include "codec/utf8.h"

static void test_every_length_goes_both_ways(void **state)
{
    (void)state;
    static const uint32_t code_points[] = {1,      0x7F,   0x80,   0x7FF,   0x800,
                                           0xD7FF, 0xE000, 0xFFFD, 0x10000, 0x10FFFF};
    struct bw_buf buf;
    bw_buf_init(&buf, 64);
    for (size_t i = 0; i < sizeof code_points / sizeof code_points[0]; i++) {
        bw_buf_clear(&buf);
        bw_utf8_put(&buf, code_points[i]);
        struct bw_str rest = bw_buf_str(&buf);
        assert_int_equal(bw_utf8_take(&rest), code_points[i]);
        assert_int_equal(rest.len, 0);
    }
    bw_buf_deinit(&buf);
}

static void test_overlong_surrogate_and_cut_forms_are_refused(void **state)
{
    (void)state;
    static const char *const texts[] = {"\x80",         "\xC0\xAF",        "\xC1\xBF",
                                        "\xE0\x80\xAF", "\xE0\x9F\xBF",    "\xF0\x80\x80\xAF",
                                        "\xED\xA0\x80", "\xED\xBF\xBF",    "\xF4\x90\x80\x80",
                                        "\xF5\x80\x80", "\xE2\x82",        "\xF0\x9F\x98",
                                        "\xC3",         "abc\xFF",         "\xC3(",
                                        "\xE2(\xA1",    "\xF0\x9F\x98\x28"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        assert_false(bw_utf8_is_valid(bw_str_of(texts[i])));
    assert_true(bw_utf8_is_valid(BW_STR_NONE));
    assert_true(bw_utf8_is_valid(BW_STR("Gr\xC3\xB6\xC3\x9F"
                                        "e \xE2\x82\xAC \xF0\x9F\x98\x80")));
}

static void test_one_bad_byte_costs_one_byte(void **state)
{
    (void)state;
    struct bw_str rest = BW_STR("\xE2\x82z");
    assert_int_equal(bw_utf8_take(&rest), BW_UTF8_BAD);
    assert_int_equal(bw_utf8_take(&rest), BW_UTF8_BAD);
    assert_int_equal(bw_utf8_take(&rest), 'z');
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_length_goes_both_ways),
        cmocka_unit_test(test_overlong_surrogate_and_cut_forms_are_refused),
        cmocka_unit_test(test_one_bad_byte_costs_one_byte),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
