/* test_value.c - values: canonical bytes, and nothing else passes the check. */
#include "support/test.h"

#include "codec/value.h"

static struct bw_buf buf;

static int setup(void **state)
{
    (void)state;
    bw_buf_init(&buf, (size_t)8 * 1024 * 1024);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    bw_buf_deinit(&buf);
    return 0;
}

static void put_invoice(void)
{
    bw_value_put_map(&buf, 6);
    bw_value_put_key(&buf, "amount");
    bw_value_put_money(&buf, BW_STR("12.50"), "EUR");
    bw_value_put_key(&buf, "hours");
    bw_value_put_dec(&buf, BW_STR("0.25"));
    bw_value_put_key(&buf, "lines");
    bw_value_put_arr(&buf, 3);
    bw_value_put_int(&buf, -7);
    bw_value_put_text(&buf, NULL);
    bw_value_put_map(&buf, 0);
    bw_value_put_key(&buf, "name");
    bw_value_put_text(&buf, "Nordlicht");
    bw_value_put_key(&buf, "note");
    bw_value_put_null(&buf);
    bw_value_put_key(&buf, "paid");
    bw_value_put_bool(&buf, true);
}

static void test_what_is_written_is_read(void **state)
{
    (void)state;
    struct bw_error error;
    put_invoice();
    assert_true(bw_value_check(bw_buf_str(&buf), &error));
    struct bw_value map = bw_value_read(bw_buf_str(&buf));
    assert_int_equal(map.tag, BW_VALUE_MAP);
    assert_int_equal(map.count, 6);
    struct bw_value amount = bw_value_get(&map, "amount");
    assert_int_equal(amount.tag, BW_VALUE_MONEY);
    assert_string_equal(amount.currency, "EUR");
    assert_str(amount.text, "12.50");
    assert_str(bw_value_get(&map, "hours").text, "0.25");
    assert_str(bw_value_get_str(&map, "name", BW_STR("?")), "Nordlicht");
    assert_str(bw_value_get_str(&map, "paid", BW_STR("?")), "?");
    assert_true(bw_value_get_bool(&map, "paid", false));
    assert_true(bw_value_get_bool(&map, "name", true));
    assert_int_equal(bw_value_get_int(&map, "none", 5), 5);
    assert_int_equal(bw_value_get(&map, "note").tag, BW_VALUE_NULL);
    assert_int_equal(bw_value_get(&map, "aaa").tag, BW_VALUE_NIL);
    assert_int_equal(bw_value_get(&map, "zzz").tag, BW_VALUE_NIL);
    assert_int_equal(bw_value_get(&amount, "x").tag, BW_VALUE_NIL);
}

static void test_items_come_in_order_and_carry_their_bytes(void **state)
{
    (void)state;
    put_invoice();
    struct bw_value map = bw_value_read(bw_buf_str(&buf));
    struct bw_value lines = bw_value_get(&map, "lines");
    struct bw_value item;
    struct bw_str rest = lines.items;
    assert_true(bw_value_next(&rest, &item));
    assert_int_equal(item.integer, -7);
    assert_int_equal(item.encoded.len, 2);
    assert_true(bw_value_next(&rest, &item));
    assert_int_equal(item.tag, BW_VALUE_NIL);
    assert_true(bw_value_next(&rest, &item));
    assert_int_equal(item.tag, BW_VALUE_MAP);
    assert_int_equal(item.count, 0);
    assert_false(bw_value_next(&rest, &item));
    struct bw_str key;
    rest = map.items;
    assert_true(bw_value_next_pair(&rest, &key, &item));
    assert_str(key, "amount");
}

static void test_no_bytes_read_as_nil(void **state)
{
    (void)state;
    assert_int_equal(bw_value_read(BW_STR_NONE).tag, BW_VALUE_NIL);
    bw_value_put_encoded(&buf, BW_STR_NONE);
    assert_int_equal(buf.len, 1);
    assert_true(bw_value_check(bw_buf_str(&buf), NULL));
}

static void test_every_prefix_is_refused(void **state)
{
    (void)state;
    put_invoice();
    struct bw_str whole = bw_buf_str(&buf);
    for (size_t len = 0; len < whole.len; len++) {
        struct bw_error error;
        assert_false(bw_value_check(bw_str(whole.ptr, len), &error));
        assert_int_equal(error.code, BW_ERR_CORRUPT);
    }
}

static void test_bytes_that_are_not_canonical_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *what;
        struct bw_str bytes;
    } cases[] = {
        {"unknown tag", {"\x0A", 1}},
        {"two values", {"\x00\x00", 2}},
        {"integer in a longer form", {"\x03\x80\x00", 3}},
        {"integer over 64 bits", {"\x03\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02", 11}},
        {"string longer than the rest",
         {"\x05\x05"
          "abc",
          5}},
        {"array of four thousand million", {"\x06\xff\xff\xff\xff\x0f\x00", 7}},
        {"keys in the wrong order",
         {"\x07\x02\x01"
          "b\x00\x01"
          "a\x00",
          8}},
        {"a key twice",
         {"\x07\x02\x01"
          "a\x00\x01"
          "a\x00",
          8}},
        {"decimal with a plus", {"\x04\x02+1", 4}},
        {"decimal with a leading zero",
         {"\x04\x02"
          "01",
          4}},
        {"decimal minus zero", {"\x04\x02-0", 4}},
        {"decimal with an exponent",
         {"\x04\x03"
          "1e3",
          5}},
        {"empty decimal", {"\x04\x00", 2}},
        {"currency in small letters",
         {"\x09"
          "eur\x01"
          "1",
          6}},
        {"currency cut short",
         {"\x09"
          "EU",
          3}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        if (bw_value_check(cases[i].bytes, NULL))
            fail_msg("accepted: %s", cases[i].what);
    }
}

static void test_nesting_has_a_floor(void **state)
{
    (void)state;
    for (int depth = 0; depth < BW_VALUE_DEPTH_MAX - 1; depth++)
        bw_value_put_arr(&buf, 1);
    bw_value_put_arr(&buf, 0);
    assert_true(bw_value_check(bw_buf_str(&buf), NULL));
    bw_buf_clear(&buf);
    for (int depth = 0; depth < BW_VALUE_DEPTH_MAX; depth++)
        bw_value_put_arr(&buf, 1);
    bw_value_put_nil(&buf);
    assert_true(bw_value_check(bw_buf_str(&buf), NULL));
    bw_buf_clear(&buf);
    for (int depth = 0; depth < BW_VALUE_DEPTH_MAX; depth++)
        bw_value_put_arr(&buf, 1);
    bw_value_put_arr(&buf, 0);
    struct bw_error error;
    assert_false(bw_value_check(bw_buf_str(&buf), &error));
    assert_non_null(strstr(error.text, "nested too deep"));
}

static void test_a_million_values_are_the_most(void **state)
{
    (void)state;
    bw_value_put_arr(&buf, BW_VALUE_NODES_MAX);
    for (int i = 0; i < BW_VALUE_NODES_MAX; i++)
        bw_value_put_nil(&buf);
    struct bw_error error;
    assert_false(bw_value_check(bw_buf_str(&buf), &error));
    assert_non_null(strstr(error.text, "too many values"));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_what_is_written_is_read),
        TEST(test_items_come_in_order_and_carry_their_bytes),
        TEST(test_no_bytes_read_as_nil),
        TEST(test_every_prefix_is_refused),
        TEST(test_bytes_that_are_not_canonical_are_refused),
        TEST(test_nesting_has_a_floor),
        TEST(test_a_million_values_are_the_most),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
