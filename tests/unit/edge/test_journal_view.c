/* test_journal_view.c - journals as people and specs read them. */
#include "support/test.h"

#include "codec/wire.h"
#include "edge/journal_view.h"

static void put_row(struct bw_buf *rows, struct bw_str body)
{
    bw_value_put_arr(rows, 1);
    bw_value_put_map(rows, 2);
    bw_value_put_key(rows, "body");
    bw_value_put_str(rows, body);
    bw_value_put_key(rows, "turn");
    bw_value_put_int(rows, 7);
}

static void view_of(struct bw_str body, struct bw_buf *json, enum bw_err expected)
{
    struct bw_buf rows, view;
    struct bw_error error = {0};

    bw_buf_init(&rows, 65536);
    bw_buf_init(&view, 65536);
    put_row(&rows, body);
    assert_int_equal(bw_journal_view(bw_buf_str(&rows), &view, &error), expected);
    if (expected == BW_ERR_OK)
        bw_value_to_json(json, bw_buf_str(&view), BW_JSON_DECIMAL_STRINGS);
    bw_buf_deinit(&rows);
    bw_buf_deinit(&view);
}

static void test_a_turn_shows_what_was_delivered_and_what_was_asked(void **state)
{
    struct bw_buf value, body, json;
    (void)state;
    bw_buf_init(&value, 64);
    bw_buf_init(&body, 65536);
    bw_buf_init(&json, 65536);
    bw_value_put_int(&value, 42);
    struct bw_delivery delivery = {BW_DELIVERY_OUTCOME, 3, bw_buf_str(&value)};
    struct bw_command command = {BW_COMMAND_BLOCKS,         4,  BW_STR("sleep"),
                                 BW_STR("workflows/x.lua"), 12, bw_buf_str(&value)};
    struct bw_turn_record turn = {{5}, &delivery, 1, &command, 1};
    bw_wire_put_turn(&body, &turn);
    view_of(bw_buf_str(&body), &json, BW_ERR_OK);
    assert_str(
        bw_buf_str(&json),
        "[{\"at_us\":5,\"commands\":[{\"args\":42,\"file\":\"workflows/x.lua\",\"kind\":\"sleep\","
        "\"line\":12,\"seq\":4,\"waits\":true}],\"deliveries\":[{\"kind\":\"outcome\",\"seq\":3,"
        "\"value\":42}],\"turn\":7}]");
    bw_buf_deinit(&value);
    bw_buf_deinit(&body);
    bw_buf_deinit(&json);
}

static void test_a_turn_that_does_not_decode_is_refused(void **state)
{
    (void)state;
    view_of(BW_STR("\xff nonsense"), NULL, BW_ERR_CORRUPT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_turn_shows_what_was_delivered_and_what_was_asked),
        cmocka_unit_test(test_a_turn_that_does_not_decode_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
