/* test_nearest.c - promises of base/nearest.h. */
#include "support/test.h"

#include "base/nearest.h"

static size_t distance(const char *a, const char *b)
{
    return bw_edit_distance(bw_str_of(a), bw_str_of(b));
}

static void test_letters_that_differ_are_counted(void **state)
{
    (void)state;
    assert_int_equal(distance("", ""), 0);
    assert_int_equal(distance("run list", "run list"), 0);
    assert_int_equal(distance("runs list", "run list"), 1);
    assert_int_equal(distance("perod", "period"), 1);
    assert_int_equal(distance("", "abc"), 3);
    assert_int_equal(distance("kitten", "sitting"), 3);
}

static void test_neighbours_swapped_are_one_slip(void **state)
{
    (void)state;
    assert_int_equal(distance("ivnoice", "invoice"), 1);
    assert_int_equal(distance("pirce", "price"), 1);
}

static void test_the_nearest_of_several_is_found_and_what_is_far_is_not(void **state)
{
    (void)state;
    size_t nearest = SIZE_MAX;
    assert_true(bw_is_near(BW_STR("prices"), BW_STR("prize"), &nearest));
    assert_true(bw_is_near(BW_STR("prices"), BW_STR("price"), &nearest));
    assert_false(bw_is_near(BW_STR("prices"), BW_STR("prize"), &nearest));
    nearest = SIZE_MAX;
    assert_false(bw_is_near(BW_STR("xy"), BW_STR("xx"), &nearest));
    assert_false(bw_is_near(BW_STR("report"), BW_STR("serve"), &nearest));
}

static void test_what_is_very_long_is_near_nothing(void **state)
{
    (void)state;
    char name[BW_NEAREST_BYTES_MAX + 2];
    size_t nearest = SIZE_MAX;
    memset(name, 'a', sizeof name);
    name[sizeof name - 1] = '\0';
    assert_false(bw_is_near(bw_str_of(name), bw_str_of(name), &nearest));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_letters_that_differ_are_counted),
        cmocka_unit_test(test_neighbours_swapped_are_one_slip),
        cmocka_unit_test(test_the_nearest_of_several_is_found_and_what_is_far_is_not),
        cmocka_unit_test(test_what_is_very_long_is_near_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
