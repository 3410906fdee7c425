/* test_value_json.c - JSON in and out: digits survive, what is unclear is refused with its place.
 */
#include "support/test.h"

#include "codec/value.h"

static struct bw_buf value;
static struct bw_buf json;

static int setup(void **state)
{
    (void)state;
    bw_buf_init(&value, (size_t)1024 * 1024);
    bw_buf_init(&json, (size_t)1024 * 1024);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    bw_buf_deinit(&value);
    bw_buf_deinit(&json);
    return 0;
}

static void assert_decodes(const char *text, enum bw_json_style style, const char *expected)
{
    struct bw_error error;
    bw_buf_clear(&value);
    bw_buf_clear(&json);
    assert_ok(bw_value_from_json(&value, bw_str_of(text), &error), &error);
    assert_true(bw_value_check(bw_buf_str(&value), &error));
    bw_value_to_json(&json, bw_buf_str(&value), style);
    assert_str(bw_buf_str(&json), expected);
}

static void assert_invalid(struct bw_str text, const char *part)
{
    struct bw_error error = {.code = BW_ERR_OK};
    bw_buf_clear(&value);
    bw_value_put_nil(&value);
    assert_err(bw_value_from_json(&value, text, &error), INVALID);
    if (!strstr(error.text, part))
        fail_msg("\"%s\" is not in \"%s\"", part, error.text);
    assert_int_equal(value.len, 1); /* nothing is left behind */
}

static void test_numbers_keep_their_digits(void **state)
{
    (void)state;
    static const char *const same[] = {"1234.56",
                                       "99999999.99",
                                       "9007199254740993",
                                       "9223372036854775807",
                                       "-9223372036854775808",
                                       "9223372036854775808",
                                       "0.10",
                                       "1.0",
                                       "0",
                                       "-0.005",
                                       "1234567890123456789012345678901234"};
    for (size_t i = 0; i < sizeof same / sizeof same[0]; i++)
        assert_decodes(same[i], BW_JSON_DECIMAL_NUMBERS, same[i]);
    assert_decodes("1e3", BW_JSON_DECIMAL_NUMBERS, "1000");
    assert_decodes("1.25E+1", BW_JSON_DECIMAL_NUMBERS, "12.5");
    assert_decodes("125e-4", BW_JSON_DECIMAL_NUMBERS, "0.0125");
    assert_decodes("-0", BW_JSON_DECIMAL_NUMBERS, "0");
    assert_decodes("-0.0", BW_JSON_DECIMAL_NUMBERS, "0.0");
    assert_decodes("0e9", BW_JSON_DECIMAL_NUMBERS, "0");
    assert_decodes("0.00e1", BW_JSON_DECIMAL_NUMBERS, "0.0");
    assert_decodes("0.0e6176", BW_JSON_DECIMAL_NUMBERS, "0");
}

static void test_integers_are_integers_and_the_rest_decimals(void **state)
{
    (void)state;
    assert_decodes("[1,1.0,1e0,9223372036854775808]", BW_JSON_DECIMAL_STRINGS,
                   "[1,\"1.0\",\"1\",\"9223372036854775808\"]");
}

static void test_numbers_no_decimal_can_hold_are_refused(void **state)
{
    (void)state;
    assert_invalid(BW_STR("12345678901234567890123456789012345"), "over 34 digits");
    assert_invalid(BW_STR("1e34"), "over 34 digits");
    assert_invalid(BW_STR("1e-35"), "over 34 decimals");
    assert_invalid(BW_STR("1e6177"), "too large an exponent");
    assert_invalid(BW_STR("1e99999999999999999999999"), "too large an exponent");
    assert_invalid(BW_STR("[0,0.12345678901234567890123456789012345]"), "byte offset 3");
}

static void test_keys_are_sorted_and_layout_is_left_out(void **state)
{
    (void)state;
    assert_decodes(" { \"b\" : [ ] , \"a\" : { \"z\" : null , \"\" : true } ,\r\n\t\"ab\":false } ",
                   BW_JSON_DECIMAL_STRINGS, "{\"a\":{\"\":true,\"z\":null},\"ab\":false,\"b\":[]}");
}

static void test_a_key_twice_is_refused_where_it_stands(void **state)
{
    (void)state;
    assert_invalid(BW_STR("{\"a\":1,\"a\":2}"), "duplicate key at byte offset 7");
    assert_invalid(BW_STR("{\"b\":{\"a\":1,\"c\":0,\"\\u0061\":2}}"),
                   "duplicate key at byte offset 18");
}

static void test_strings_are_decoded_and_escaped_the_shortest_way(void **state)
{
    (void)state;
    assert_decodes("\"\\u00e4\\uD83D\\uDE00\\/\\b\\f\\n\\r\\t\\\"\\\\\\u001f\\u007f\"",
                   BW_JSON_DECIMAL_STRINGS,
                   "\"\xC3\xA4\xF0\x9F\x98\x80/\\b\\f\\n\\r\\t\\\"\\\\\\u001f\x7f\"");
}

static void test_bytes_that_are_not_utf8_are_written_as_replacement(void **state)
{
    (void)state;
    bw_value_put_str(&value, bw_str("a\xFF\x00z", 4));
    bw_value_to_json(&json, bw_buf_str(&value), BW_JSON_DECIMAL_STRINGS);
    assert_str(bw_buf_str(&json), "\"a\xEF\xBF\xBD\\u0000z\"");
}

static void test_money_is_an_object_with_a_string(void **state)
{
    (void)state;
    bw_value_put_money(&value, BW_STR("1.00"), "EUR");
    bw_value_to_json(&json, bw_buf_str(&value), BW_JSON_DECIMAL_NUMBERS);
    assert_str(bw_buf_str(&json), "{\"amount\":\"1.00\",\"currency\":\"EUR\"}");
}

static void test_what_is_not_json_is_refused(void **state)
{
    (void)state;
    static const struct {
        struct bw_str text;
        const char *part;
    } cases[] = {
        {{"", 0}, "a value is missing at byte offset 0"},
        {{"  ", 2}, "a value is missing at byte offset 2"},
        {{"[1,]", 4}, "not a value at byte offset 3"},
        {{"[1 2]", 5}, "comma"},
        {{"[1", 2}, "comma"},
        {{"{\"a\" 1}", 7}, "colon"},
        {{"{a:1}", 5}, "key in quotes"},
        {{"{\"a\":1,}", 8}, "key in quotes"},
        {{"{\"a\"}", 5}, "colon"},
        {{"[1}", 3}, "closing bracket"},
        {{"]", 1}, "not a value"},
        {{"1 1", 3}, "bytes behind the value at byte offset 2"},
        {{"nul", 3}, "not a value"},
        {{"NaN", 3}, "not a value"},
        {{"+1", 2}, "not a value"},
        {{"01", 2}, "leading zero"},
        {{"-", 1}, "minus"},
        {{"1.", 2}, "behind its point"},
        {{".5", 2}, "not a value"},
        {{"1e", 2}, "exponent"},
        {{"\"a", 2}, "closing quote, opened at byte offset 0"},
        {{"\"\\x\"", 4}, "unknown escape"},
        {{"\"\\", 2}, "unknown escape"},
        {{"\"\\u12", 5}, "hexadecimal"},
        {{"\"\\uD800\"", 8}, "lone surrogate"},
        {{"\"\\uDC00\"", 8}, "lone surrogate"},
        {{"\"\\uD800\\u0041\"", 14}, "lone surrogate"},
        {{"\"\\u0000\"", 8}, "\\u0000"},
        {{"\"\0\"", 3}, "control byte"},
        {{"\"\n\"", 3}, "control byte"},
        {{"\"\xC0\xAF\"", 4}, "not UTF-8 at byte offset 1"},
        {{"\"\xED\xA0\x80\"", 5}, "not UTF-8"},
        {{"\xEF\xBB\xBF[]", 5}, "not a value at byte offset 0"},
        {{"[]//", 4}, "bytes behind"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_invalid(cases[i].text, cases[i].part);
}

static void test_64_levels_are_the_most(void **state)
{
    (void)state;
    char text[131];
    memset(text, '[', 64);
    memset(text + 64, ']', 64);
    assert_ok(bw_value_from_json(&value, bw_str(text, 128), NULL), NULL);
    assert_true(bw_value_check(bw_buf_str(&value), NULL));
    memset(text, '[', 65);
    memset(text + 65, ']', 65);
    assert_invalid(bw_str(text, 130), "deeper than 64 levels");
}

static void test_a_value_over_the_ceiling_is_a_limit(void **state)
{
    (void)state;
    struct bw_buf small;
    struct bw_error error;
    bw_buf_init(&small, 16);
    assert_err(
        bw_value_from_json(&small, BW_STR("{\"b\":\"0123456789\",\"a\":\"0123456789\"}"), &error),
        LIMIT);
    assert_int_equal(small.len, 0);
    bw_buf_deinit(&small);
}

static void test_many_members_in_reverse_are_sorted(void **state)
{
    (void)state;
    bw_buf_put_char(&json, '{');
    for (int i = 999; i >= 0; i--)
        bw_buf_printf(&json, "%s\"k%03d\":[%d,{}]", i == 999 ? "" : ",", i, i);
    bw_buf_put_char(&json, '}');
    assert_ok(bw_value_from_json(&value, bw_buf_str(&json), NULL), NULL);
    assert_true(bw_value_check(bw_buf_str(&value), NULL));
    struct bw_value map = bw_value_read(bw_buf_str(&value));
    struct bw_value item = bw_value_get(&map, "k123");
    struct bw_str rest = item.items;
    assert_true(bw_value_next(&rest, &item));
    assert_int_equal(item.integer, 123);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_numbers_keep_their_digits),
        TEST(test_integers_are_integers_and_the_rest_decimals),
        TEST(test_numbers_no_decimal_can_hold_are_refused),
        TEST(test_keys_are_sorted_and_layout_is_left_out),
        TEST(test_a_key_twice_is_refused_where_it_stands),
        TEST(test_strings_are_decoded_and_escaped_the_shortest_way),
        TEST(test_bytes_that_are_not_utf8_are_written_as_replacement),
        TEST(test_money_is_an_object_with_a_string),
        TEST(test_what_is_not_json_is_refused),
        TEST(test_64_levels_are_the_most),
        TEST(test_a_value_over_the_ceiling_is_a_limit),
        TEST(test_many_members_in_reverse_are_sorted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
