/* test_buf.c - promises of base/buf.h. */
#include "support/test.h"

#include "base/buf.h"
#include "base/mem.h"

static void test_appends_stand_behind_each_other(void **state)
{
    (void)state;
    struct bw_buf buf;
    bw_buf_init(&buf, 1000);
    bw_buf_put_text(&buf, "a");
    bw_buf_put_char(&buf, 'b');
    bw_buf_put_str(&buf, BW_STR("cd"));
    bw_buf_printf(&buf, "%d%s", 42, "!");
    assert_str(bw_buf_str(&buf), "abcd42!");
    assert_string_equal(bw_buf_cstr(&buf), "abcd42!");
    bw_buf_deinit(&buf);
    bw_buf_deinit(&buf);
}

static void test_an_empty_buffer_is_empty_text(void **state)
{
    (void)state;
    struct bw_buf buf;
    bw_buf_init(&buf, 0);
    bw_buf_put(&buf, NULL, 0);
    assert_string_equal(bw_buf_cstr(&buf), "");
    assert_false(buf.is_over);
    bw_buf_deinit(&buf);
}

static void test_the_ceiling_can_be_reached_exactly(void **state)
{
    (void)state;
    struct bw_buf buf;
    bw_buf_init(&buf, 5);
    bw_buf_printf(&buf, "%s", "12345");
    assert_false(buf.is_over);
    assert_string_equal(bw_buf_cstr(&buf), "12345");
    bw_buf_deinit(&buf);
}

static void test_over_the_ceiling_what_fitted_stays_and_the_rest_is_refused(void **state)
{
    (void)state;
    struct bw_buf buf;
    bw_buf_init(&buf, 5);
    bw_buf_put_text(&buf, "1234");
    bw_buf_put_text(&buf, "56");
    bw_buf_put_text(&buf, "7");
    assert_null(bw_buf_extend(&buf, 1));
    assert_true(buf.is_over);
    assert_str(bw_buf_str(&buf), "1234");
    bw_buf_clear(&buf);
    assert_false(buf.is_over);
    bw_buf_put_text(&buf, "ok");
    assert_str(bw_buf_str(&buf), "ok");
    bw_buf_deinit(&buf);
}

static void test_take_hands_over_terminated_memory_and_leaves_it_empty(void **state)
{
    (void)state;
    struct bw_buf buf;
    size_t len = 0;
    bw_buf_init(&buf, 100);
    bw_buf_put_text(&buf, "mine");
    char *taken = bw_buf_take(&buf, &len);
    assert_string_equal(taken, "mine");
    assert_int_equal(len, 4);
    assert_int_equal(buf.len, 0);
    bw_free(taken);
    bw_buf_deinit(&buf);
}

static void test_the_reader_gives_back_what_the_writer_put(void **state)
{
    (void)state;
    static const uint64_t NUMBERS[] = {0,         1, 127, 128, 300, UINT32_MAX, UINT64_MAX >> 1,
                                       UINT64_MAX};
    static const int64_t SIGNED[] = {0, -1, 1, -64, 64, INT64_MIN, INT64_MAX};
    struct bw_buf buf;
    struct bw_reader reader;
    bw_buf_init(&buf, 1000);
    bw_buf_put_u8(&buf, 200);
    bw_buf_put_u32(&buf, 0xdeadbeef);
    for (size_t i = 0; i < sizeof NUMBERS / sizeof *NUMBERS; i++)
        bw_buf_put_varint(&buf, NUMBERS[i]);
    for (size_t i = 0; i < sizeof SIGNED / sizeof *SIGNED; i++)
        bw_buf_put_zigzag(&buf, SIGNED[i]);
    bw_buf_put_bytes(&buf, BW_STR("text"));

    bw_reader_init(&reader, bw_buf_str(&buf));
    assert_int_equal(bw_reader_u8(&reader), 200);
    assert_int_equal(bw_reader_u32(&reader), 0xdeadbeef);
    for (size_t i = 0; i < sizeof NUMBERS / sizeof *NUMBERS; i++)
        assert_true(bw_reader_varint(&reader) == NUMBERS[i]);
    for (size_t i = 0; i < sizeof SIGNED / sizeof *SIGNED; i++)
        assert_true(bw_reader_zigzag(&reader) == SIGNED[i]);
    assert_str(bw_reader_bytes(&reader), "text");
    assert_int_equal(bw_reader_left(&reader), 0);
    assert_false(reader.is_bad);
    bw_buf_deinit(&buf);
}

static void test_numbers_have_one_encoding(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t len;
    } BAD[] = {
        {"\x80", 1},                                      /* cut short */
        {"\x80\x00", 2},                                  /* 0 in two bytes */
        {"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02", 10}, /* 65 bits */
        {"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 11},
    };
    for (size_t i = 0; i < sizeof BAD / sizeof *BAD; i++) {
        struct bw_reader reader;
        bw_reader_init(&reader, bw_str(BAD[i].bytes, BAD[i].len));
        assert_true(bw_reader_varint(&reader) == 0);
        assert_true(reader.is_bad);
        assert_int_equal(bw_reader_left(&reader), 0);
    }
}

static void test_a_reader_that_met_bad_bytes_returns_only_zeros(void **state)
{
    (void)state;
    struct bw_reader reader;
    bw_reader_init(&reader, BW_STR("\x7fonly a few"));
    assert_int_equal(bw_reader_bytes(&reader).len, 0);
    assert_true(reader.is_bad);
    assert_int_equal(bw_reader_u8(&reader), 0);
    assert_int_equal(bw_reader_u32(&reader), 0);
    assert_int_equal(bw_reader_raw(&reader, 0).len, 0);
}

static void test_an_empty_slice_can_be_read(void **state)
{
    (void)state;
    struct bw_reader reader;
    bw_reader_init(&reader, BW_STR_NONE);
    assert_int_equal(bw_reader_left(&reader), 0);
    assert_int_equal(bw_reader_u8(&reader), 0);
    assert_true(reader.is_bad);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_appends_stand_behind_each_other),
        cmocka_unit_test(test_an_empty_buffer_is_empty_text),
        cmocka_unit_test(test_the_ceiling_can_be_reached_exactly),
        cmocka_unit_test(test_over_the_ceiling_what_fitted_stays_and_the_rest_is_refused),
        cmocka_unit_test(test_take_hands_over_terminated_memory_and_leaves_it_empty),
        cmocka_unit_test(test_the_reader_gives_back_what_the_writer_put),
        cmocka_unit_test(test_numbers_have_one_encoding),
        cmocka_unit_test(test_a_reader_that_met_bad_bytes_returns_only_zeros),
        cmocka_unit_test(test_an_empty_slice_can_be_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
