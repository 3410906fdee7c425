/* test_parse.c - promises of base/parse.h. */
#include "support/test.h"

#include "base/limits.h"
#include "base/parse.h"

static void test_whole_numbers_in_range_are_taken(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t number;
    } GOOD[] = {
        {"0", 0},
        {"-0", 0},
        {"007", 7},
        {"-12", -12},
        {"2147483648", INT64_C(2147483648)},
        {"9223372036854775807", INT64_MAX},
        {"-9223372036854775808", INT64_MIN},
    };
    for (size_t i = 0; i < sizeof GOOD / sizeof *GOOD; i++) {
        int64_t number = 99;
        assert_true(bw_parse_i64(bw_str_of(GOOD[i].text), &number));
        assert_true(number == GOOD[i].number);
    }
    uint64_t number = 0;
    assert_true(bw_parse_u64(BW_STR("18446744073709551615"), &number));
    assert_true(number == UINT64_MAX);
}

static void test_anything_else_is_refused_and_changes_nothing(void **state)
{
    (void)state;
    static const char *const BAD[] = {"",
                                      "-",
                                      "+1",
                                      " 1",
                                      "1 ",
                                      "1.0",
                                      "0x10",
                                      "1e3",
                                      "--1",
                                      "9223372036854775808",
                                      "-9223372036854775809",
                                      "99999999999999999999999"};
    int64_t number = 99;
    for (size_t i = 0; i < sizeof BAD / sizeof *BAD; i++)
        assert_false(bw_parse_i64(bw_str_of(BAD[i]), &number));
    assert_true(number == 99);
    uint64_t positive = 99;
    assert_false(bw_parse_u64(BW_STR("-1"), &positive));
    assert_false(bw_parse_u64(BW_STR("18446744073709551616"), &positive));
    assert_true(positive == 99);
}

static void test_a_range_can_be_asked_for(void **state)
{
    (void)state;
    int port = 0;
    assert_true(bw_parse_int(BW_STR("65535"), 1, 65535, &port));
    assert_int_equal(port, 65535);
    assert_false(bw_parse_int(BW_STR("65536"), 1, 65535, &port));
    assert_false(bw_parse_int(BW_STR("0"), 1, 65535, &port));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_whole_numbers_in_range_are_taken),
        cmocka_unit_test(test_anything_else_is_refused_and_changes_nothing),
        cmocka_unit_test(test_a_range_can_be_asked_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
