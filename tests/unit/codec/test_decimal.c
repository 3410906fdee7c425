/* test_decimal.c - exact decimals: what is promised about digits, scales and rounding. */
#include "support/test.h"

#include "codec/decimal.h"

static struct bw_decimal dec(const char *text)
{
    struct bw_decimal value;
    struct bw_error error;
    assert_ok(bw_decimal_parse(bw_str_of(text), &value, &error), &error);
    return value;
}

static void assert_dec(struct bw_decimal value, const char *expected)
{
    char text[BW_DECIMAL_TEXT_MAX];
    size_t len = bw_decimal_print(value, text);
    assert_str(bw_str(text, len), expected);
    assert_int_equal(strlen(text), len);
}

#define DIGITS_34 "1234567890123456789012345678901234"

static void test_text_keeps_its_scale(void **state)
{
    (void)state;
    static const char *const texts[] = {"0",     "0.00",   "1.10",    "-1.10", "100",
                                        "0.001", "-0.005", DIGITS_34, "12.5"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        assert_dec(dec(texts[i]), texts[i]);
        assert_true(bw_decimal_is_canonical(bw_str_of(texts[i])));
    }
    assert_dec(dec("0.0000000000000000000000000000000001"), "0.0000000000000000000000000000000001");
}

static void test_text_that_is_not_canonical_parses_to_what_is(void **state)
{
    (void)state;
    static const struct {
        const char *text, *canonical;
    } cases[] = {{"+5", "5"}, {"007.50", "7.50"}, {"-0", "0"}, {"-0.00", "0.00"}, {"00", "0"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_dec(dec(cases[i].text), cases[i].canonical);
        assert_false(bw_decimal_is_canonical(bw_str_of(cases[i].text)));
    }
}

static void test_text_that_is_no_decimal_is_refused(void **state)
{
    (void)state;
    static const char *const texts[] = {"",
                                        "-",
                                        "+",
                                        ".5",
                                        "5.",
                                        "1e3",
                                        "1,5",
                                        " 1",
                                        "1 ",
                                        "1.2.3",
                                        "--1",
                                        "NaN",
                                        "inf",
                                        "0x10",
                                        "1_000",
                                        "1..2",
                                        "\xd9\xa1",
                                        "12345678901234567890123456789012345",
                                        "0.00000000000000000000000000000000001"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct bw_decimal value;
        struct bw_error error;
        assert_err(bw_decimal_parse(bw_str_of(texts[i]), &value, &error), INVALID);
        assert_true(strlen(error.text) > 0);
        assert_false(bw_decimal_is_canonical(bw_str_of(texts[i])));
    }
    assert_err(bw_decimal_parse(bw_str("1\0002", 3), &(struct bw_decimal){{0, 0}}, NULL), INVALID);
}

static void test_integers_go_both_ways(void **state)
{
    (void)state;
    static const int64_t integers[] = {0, 1, -1, 42, INT64_MAX, INT64_MIN};
    for (size_t i = 0; i < sizeof integers / sizeof integers[0]; i++) {
        int64_t back = 7;
        assert_true(bw_decimal_to_int(bw_decimal_from_int(integers[i]), &back));
        assert_true(back == integers[i]);
    }
    int64_t integer;
    assert_true(bw_decimal_to_int(dec("3.00"), &integer));
    assert_int_equal(integer, 3);
    assert_false(bw_decimal_to_int(dec("3.01"), &integer));
    assert_false(bw_decimal_to_int(dec("9223372036854775808"), &integer));
    assert_true(bw_decimal_to_int(dec("-9223372036854775808"), &integer));
    assert_false(bw_decimal_to_int(dec("-9223372036854775809"), &integer));
    assert_false(bw_decimal_to_int(dec("18446744073709551616"), &integer));
}

typedef enum bw_err (*binary_fn)(struct bw_decimal, struct bw_decimal, struct bw_decimal *);

static void assert_binary(binary_fn fn, const char *a, const char *b, const char *expected)
{
    struct bw_decimal result;
    assert_ok(fn(dec(a), dec(b), &result), NULL);
    assert_dec(result, expected);
}

static void test_sums_and_products_are_exact(void **state)
{
    (void)state;
    assert_binary(bw_decimal_add, "0.1", "0.2", "0.3");
    assert_binary(bw_decimal_add, "1.10", "2", "3.10");
    assert_binary(bw_decimal_add, "1.50", "-1.50", "0.00");
    assert_binary(bw_decimal_sub, "0.3", "0.1", "0.2");
    assert_binary(bw_decimal_sub, "0.00", "0.00", "0.00");
    assert_binary(bw_decimal_mul, "1.25", "2.5", "3.125");
    assert_binary(bw_decimal_mul, "-0.5", "0.00", "0.000");
    assert_binary(bw_decimal_mul, "99999999.99", "8.25", "824999999.9175");
}

static void test_a_sum_that_would_lose_digits_is_refused(void **state)
{
    (void)state;
    struct bw_decimal result;
    assert_err(bw_decimal_add(dec(DIGITS_34), dec("0.1"), &result), LIMIT);
    assert_err(bw_decimal_sub(dec(DIGITS_34), dec("0.1"), &result), LIMIT);
    assert_err(bw_decimal_mul(dec(DIGITS_34), dec("1.1"), &result), LIMIT);
    assert_err(bw_decimal_add(dec("9999999999999999999999999999999999"), dec("1"), &result), LIMIT);
    assert_err(bw_decimal_mul(dec("0.000000000000000001"), dec("0.00000000000000001"), &result),
               LIMIT);
    /* Zeros are not digits that could be lost. */
    assert_binary(bw_decimal_add, DIGITS_34, "0.00", DIGITS_34);
    assert_binary(bw_decimal_mul, "0.000000000000000000", "0.00000000000000000",
                  "0.0000000000000000000000000000000000");
}

static void test_a_quotient_has_34_digits_and_no_idle_zeros(void **state)
{
    (void)state;
    assert_binary(bw_decimal_div, "10.00", "4", "2.50");
    assert_binary(bw_decimal_div, "10", "4", "2.5");
    assert_binary(bw_decimal_div, "100", "2.00", "50.00");
    assert_binary(bw_decimal_div, "1", "8", "0.125");
    assert_binary(bw_decimal_div, "1", "3", "0.3333333333333333333333333333333333");
    assert_binary(bw_decimal_div, "-2", "3", "-0.6666666666666666666666666666666667");
    assert_binary(bw_decimal_div, "0", "5", "0");
    assert_binary(bw_decimal_div, "0", "-5", "0");
    /* A quotient below one hundredth is rounded once, not twice. */
    assert_binary(bw_decimal_div, "1", "300", "0.0033333333333333333333333333333333");
    assert_binary(bw_decimal_div, "0.0000000000000000000000000000000001", "2",
                  "0"
                  ".0000000000000000000000000000000000");
    assert_binary(bw_decimal_div, "0.0000000000000000000000000000000003", "2",
                  "0"
                  ".0000000000000000000000000000000002");
    struct bw_decimal result;
    assert_err(bw_decimal_div(dec("1"), dec("0.00"), &result), INVALID);
    assert_err(bw_decimal_div(dec(DIGITS_34), dec("0.01"), &result), LIMIT);
}

static void test_a_remainder_has_the_sign_of_what_is_divided(void **state)
{
    (void)state;
    static const struct {
        const char *a, *b, *quotient, *remainder;
    } cases[] = {
        {"7", "2", "3", "1"},
        {"-7", "2", "-3", "-1"},
        {"7", "-2", "-3", "1"},
        {"7.5", "0.25", "30", "0.00"},
        {"-7", "-2", "3", "-1"},
        {"1", "3", "0", "1"},
        {"2.99999999999999999999999999999999", "3", "0", "2.99999999999999999999999999999999"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct bw_decimal quotient;
        struct bw_decimal remainder;
        assert_ok(bw_decimal_divmod(dec(cases[i].a), dec(cases[i].b), &quotient, &remainder), NULL);
        assert_dec(quotient, cases[i].quotient);
        assert_dec(remainder, cases[i].remainder);
    }
    struct bw_decimal result;
    assert_err(bw_decimal_divmod(dec("1"), dec("0"), &result, &result), INVALID);
    assert_err(bw_decimal_divmod(dec(DIGITS_34), dec("0.001"), &result, &result), LIMIT);
}

static void test_each_rounding_mode_rounds_as_it_is_named(void **state)
{
    (void)state;
    static const struct {
        const char *value;
        const char *expected[6]; /* in the order of enum bw_round */
    } cases[] = {
        {"2.675", {"2.68", "2.68", "2.68", "2.67", "2.68", "2.67"}},
        {"2.665", {"2.67", "2.66", "2.67", "2.66", "2.67", "2.66"}},
        {"-2.665", {"-2.67", "-2.66", "-2.67", "-2.66", "-2.66", "-2.67"}},
        {"-0.001", {"0.00", "0.00", "-0.01", "0.00", "0.00", "-0.01"}},
        {"1", {"1.00", "1.00", "1.00", "1.00", "1.00", "1.00"}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        for (int mode = 0; mode < 6; mode++) {
            struct bw_decimal rounded;
            bool is_inexact;
            assert_ok(bw_decimal_round(dec(cases[i].value), 2, (enum bw_round)mode, &rounded,
                                       &is_inexact),
                      NULL);
            assert_dec(rounded, cases[i].expected[mode]);
            assert_int_equal(is_inexact, strcmp(cases[i].value, "1") != 0);
        }
    }
}

static void test_rounding_out_of_range_is_refused(void **state)
{
    (void)state;
    struct bw_decimal rounded;
    assert_err(bw_decimal_round(dec(DIGITS_34), 1, BW_ROUND_HALF_UP, &rounded, NULL), LIMIT);
    assert_err(
        bw_decimal_round(dec("9999999999999999999999999999999999"), 0, BW_ROUND_UP, &rounded, NULL),
        OK);
    assert_err(bw_decimal_round(dec("1"), -1, BW_ROUND_HALF_UP, &rounded, NULL), INVALID);
    assert_err(bw_decimal_round(dec("1"), 35, BW_ROUND_HALF_UP, &rounded, NULL), INVALID);
}

static void test_order_is_by_value(void **state)
{
    (void)state;
    assert_int_equal(bw_decimal_cmp(dec("1.5"), dec("1.50")), 0);
    assert_int_equal(bw_decimal_cmp(dec("1.49"), dec("1.5")), -1);
    assert_int_equal(bw_decimal_cmp(dec("-1"), dec("-2")), 1);
    assert_int_equal(bw_decimal_cmp(dec("0.00"), dec("0")), 0);
    assert_int_equal(bw_decimal_sign(dec("-0.01")), -1);
    assert_int_equal(bw_decimal_sign(dec("0.00")), 0);
    assert_int_equal(bw_decimal_sign(dec("3")), 1);
    assert_int_equal(bw_decimal_scale(dec("3.100")), 3);
}

static void test_minus_zero_is_never_made(void **state)
{
    (void)state;
    assert_dec(bw_decimal_neg(dec("0.00")), "0.00");
    assert_dec(bw_decimal_neg(dec("1.20")), "-1.20");
    assert_dec(bw_decimal_abs(dec("-1.20")), "1.20");
    assert_binary(bw_decimal_mul, "-1", "0", "0");
    assert_binary(bw_decimal_sub, "-1", "-1", "0");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_text_keeps_its_scale),
        cmocka_unit_test(test_text_that_is_not_canonical_parses_to_what_is),
        cmocka_unit_test(test_text_that_is_no_decimal_is_refused),
        cmocka_unit_test(test_integers_go_both_ways),
        cmocka_unit_test(test_sums_and_products_are_exact),
        cmocka_unit_test(test_a_sum_that_would_lose_digits_is_refused),
        cmocka_unit_test(test_a_quotient_has_34_digits_and_no_idle_zeros),
        cmocka_unit_test(test_a_remainder_has_the_sign_of_what_is_divided),
        cmocka_unit_test(test_each_rounding_mode_rounds_as_it_is_named),
        cmocka_unit_test(test_rounding_out_of_range_is_refused),
        cmocka_unit_test(test_order_is_by_value),
        cmocka_unit_test(test_minus_zero_is_never_made),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
