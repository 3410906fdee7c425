/* test_json.c - the pull decoder, token by token. */
#include "support/test.h"

#include "codec/json.h"

static void test_tokens_come_in_the_order_of_the_text(void **state)
{
    (void)state;
    static const struct {
        enum bw_json_token token;
        const char *text;
        size_t offset;
    } expected[] = {
        {BW_JSON_OBJ_BEGIN, "", 0},  {BW_JSON_KEY, "a", 1},     {BW_JSON_ARR_BEGIN, "", 5},
        {BW_JSON_NUMBER, "1.50", 6}, {BW_JSON_NULL, "", 12},    {BW_JSON_ARR_END, "", 16},
        {BW_JSON_KEY, "b\n", 18},    {BW_JSON_STRING, "x", 24}, {BW_JSON_OBJ_END, "", 27},
        {BW_JSON_END, "", 28},
    };
    struct bw_json_reader reader;
    struct bw_error error;
    bw_json_reader_init(&reader, BW_STR("{\"a\":[1.50, null],\"b\\n\":\"x\"}"), &error);
    for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++) {
        assert_int_equal(bw_json_next(&reader), expected[i].token);
        assert_str(reader.text, expected[i].text);
        assert_int_equal(reader.token_at, expected[i].offset);
    }
    assert_int_equal(bw_json_next(&reader), BW_JSON_END);
    bw_json_reader_deinit(&reader);
}

static void test_a_bad_text_stays_bad(void **state)
{
    (void)state;
    struct bw_json_reader reader;
    struct bw_error error;
    bw_json_reader_init(&reader, BW_STR("[1,x"), &error);
    assert_int_equal(bw_json_next(&reader), BW_JSON_ARR_BEGIN);
    assert_int_equal(bw_json_next(&reader), BW_JSON_NUMBER);
    assert_int_equal(bw_json_next(&reader), BW_JSON_BAD);
    assert_int_equal(bw_json_next(&reader), BW_JSON_BAD);
    assert_string_equal(error.text, "JSON: not a value at byte offset 3");
    bw_json_reader_deinit(&reader);
}

static void test_the_caller_can_refuse_too(void **state)
{
    (void)state;
    struct bw_json_reader reader;
    struct bw_error error;
    bw_json_reader_init(&reader, BW_STR("[1,2]"), &error);
    assert_int_equal(bw_json_next(&reader), BW_JSON_ARR_BEGIN);
    assert_err(bw_json_fail_at(&reader, reader.token_at, "no arrays here"), INVALID);
    assert_string_equal(error.text, "JSON: no arrays here at byte offset 0");
    assert_int_equal(bw_json_next(&reader), BW_JSON_BAD);
    bw_json_reader_deinit(&reader);
}

static void test_a_string_without_escapes_borrows(void **state)
{
    (void)state;
    struct bw_str source = BW_STR("\"plain\"");
    struct bw_json_reader reader;
    bw_json_reader_init(&reader, source, NULL);
    assert_int_equal(bw_json_next(&reader), BW_JSON_STRING);
    assert_ptr_equal(reader.text.ptr, source.ptr + 1);
    bw_json_reader_deinit(&reader);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tokens_come_in_the_order_of_the_text),
        cmocka_unit_test(test_a_bad_text_stays_bad),
        cmocka_unit_test(test_the_caller_can_refuse_too),
        cmocka_unit_test(test_a_string_without_escapes_borrows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
