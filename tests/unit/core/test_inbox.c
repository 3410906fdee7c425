/* test_inbox.c - what waits to be delivered to a run. */
#include "support/test.h"

#include "core/inbox.h"

static void test_put_twice_with_one_key_stores_one_item(void **state)
{
    (void)state;
    struct bw_inbox inbox;
    bw_inbox_init(&inbox);
    assert_true(bw_inbox_put(&inbox, BW_DELIVERY_OUTCOME, 3, BW_STR("task:3"), BW_STR("x")));
    assert_false(bw_inbox_put(&inbox, BW_DELIVERY_OUTCOME, 3, BW_STR("task:3"), BW_STR("y")));
    assert_int_equal(inbox.count, 1);
    assert_str(bw_inbox_find(&inbox, 3)->value, "x");
    bw_inbox_deinit(&inbox);
}

static void test_what_arrives_during_a_turn_stays_for_the_next(void **state)
{
    (void)state;
    struct bw_inbox inbox;
    bw_inbox_init(&inbox);
    bw_inbox_put(&inbox, BW_DELIVERY_OUTCOME, 1, BW_STR_NONE, BW_STR("one"));
    bw_inbox_take(&inbox);
    bw_inbox_put(&inbox, BW_DELIVERY_OUTCOME, 2, BW_STR_NONE, BW_STR("two"));
    bw_inbox_drop_taken(&inbox);
    assert_int_equal(inbox.count, 1);
    assert_str(inbox.items[0].value, "two");
    bw_inbox_take(&inbox);
    bw_inbox_untake(&inbox);
    assert_int_equal(inbox.count, 1);
    bw_inbox_deinit(&inbox);
}

static void test_a_cancel_is_delivered_after_the_outcomes(void **state)
{
    (void)state;
    struct bw_inbox inbox;
    bw_inbox_init(&inbox);
    bw_inbox_put(&inbox, BW_DELIVERY_CANCEL, 0, BW_STR("cancel"), BW_STR("c"));
    bw_inbox_put(&inbox, BW_DELIVERY_OUTCOME, 1, BW_STR_NONE, BW_STR("one"));
    bw_inbox_put(&inbox, BW_DELIVERY_OUTCOME, 2, BW_STR_NONE, BW_STR("two"));
    assert_str(inbox.items[0].value, "one");
    assert_str(inbox.items[1].value, "two");
    assert_int_equal(inbox.items[2].kind, BW_DELIVERY_CANCEL);
    /* But it is not moved once it belongs to a turn. */
    bw_inbox_take(&inbox);
    bw_inbox_put(&inbox, BW_DELIVERY_OUTCOME, 3, BW_STR_NONE, BW_STR("three"));
    assert_int_equal(inbox.items[2].kind, BW_DELIVERY_CANCEL);
    bw_inbox_deinit(&inbox);
}

/* A host died in the turn that delivered the cancel, and an outcome came meanwhile. */
static void test_a_cancel_of_a_turn_that_did_not_happen_is_last_again(void **state)
{
    (void)state;
    struct bw_inbox inbox;
    bw_inbox_init(&inbox);
    bw_inbox_put(&inbox, BW_DELIVERY_OUTCOME, 1, BW_STR(""), BW_STR("a"));
    bw_inbox_put(&inbox, BW_DELIVERY_CANCEL, 0, BW_STR("cancel"), BW_STR("c"));
    bw_inbox_take(&inbox);
    bw_inbox_put(&inbox, BW_DELIVERY_OUTCOME, 2, BW_STR(""), BW_STR("b"));
    bw_inbox_put(&inbox, BW_DELIVERY_OUTCOME, 3, BW_STR(""), BW_STR("d"));
    bw_inbox_untake(&inbox);
    assert_int_equal(inbox.taken, 0);
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(inbox.items[i].seq, i + 1);
    assert_int_equal(inbox.items[3].kind, BW_DELIVERY_CANCEL);
    bw_inbox_deinit(&inbox);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_put_twice_with_one_key_stores_one_item),
        cmocka_unit_test(test_what_arrives_during_a_turn_stays_for_the_next),
        cmocka_unit_test(test_a_cancel_is_delivered_after_the_outcomes),
        cmocka_unit_test(test_a_cancel_of_a_turn_that_did_not_happen_is_last_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
