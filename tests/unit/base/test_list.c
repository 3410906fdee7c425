/* test_list.c - promises of base/list.h. */
#include "support/test.h"

#include "base/list.h"

struct item {
    int number;
    struct bw_list link;
};

static struct item items[5];
static struct bw_list list;

static int setup(void **state)
{
    (void)state;
    bw_list_init(&list);
    for (int i = 0; i < 5; i++) {
        items[i].number = i;
        bw_list_init(&items[i].link);
    }
    return 0;
}

/* The numbers in the list, as decimal digits. */
static int digits(void)
{
    int result = 0;
    BW_LIST_EACH(&list, at)
        result = result * 10 + bw_container_of(at, struct item, link)->number;
    return result;
}

static void test_pushed_things_keep_their_order(void **state)
{
    (void)state;
    assert_true(bw_list_is_empty(&list));
    bw_list_push_back(&list, &items[2].link);
    bw_list_push_back(&list, &items[3].link);
    bw_list_push_front(&list, &items[1].link);
    assert_int_equal(digits(), 123);
    assert_int_equal(bw_list_count(&list), 3);
    assert_ptr_equal(bw_list_pop_front(&list), &items[1].link);
    assert_int_equal(digits(), 23);
}

static void test_removing_twice_does_no_harm(void **state)
{
    (void)state;
    bw_list_push_back(&list, &items[1].link);
    bw_list_push_back(&list, &items[2].link);
    bw_list_remove(&items[1].link);
    bw_list_remove(&items[1].link);
    assert_false(bw_list_is_linked(&items[1].link));
    assert_int_equal(digits(), 2);
}

static void test_the_visited_one_may_be_removed(void **state)
{
    (void)state;
    for (int i = 1; i < 5; i++)
        bw_list_push_back(&list, &items[i].link);
    BW_LIST_EACH(&list, at) {
        if (bw_container_of(at, struct item, link)->number % 2 == 0)
            bw_list_remove(at);
    }
    assert_int_equal(digits(), 13);
}

static void test_one_list_can_be_moved_behind_another(void **state)
{
    (void)state;
    struct bw_list other;
    bw_list_init(&other);
    bw_list_append_all(&list, &other);
    assert_true(bw_list_is_empty(&list));
    bw_list_push_back(&list, &items[1].link);
    bw_list_push_back(&other, &items[2].link);
    bw_list_push_back(&other, &items[3].link);
    bw_list_append_all(&list, &other);
    assert_int_equal(digits(), 123);
    assert_true(bw_list_is_empty(&other));
}

static void test_an_empty_list_pops_nothing(void **state)
{
    (void)state;
    assert_null(bw_list_pop_front(&list));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_pushed_things_keep_their_order, setup),
        cmocka_unit_test_setup(test_removing_twice_does_no_harm, setup),
        cmocka_unit_test_setup(test_the_visited_one_may_be_removed, setup),
        cmocka_unit_test_setup(test_one_list_can_be_moved_behind_another, setup),
        cmocka_unit_test_setup(test_an_empty_list_pops_nothing, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
