/* test_heap.c - promises of base/heap.h. */
#include "support/test.h"

#include "base/entropy.h"
#include "base/heap.h"

struct timer {
    struct bw_heap_node node;
    int64_t due;
    int pushed_at;
};

static const struct timer *timer_of(const struct bw_heap_node *node)
{
    return (const struct timer *)(const void *)node;
}

static bool is_due_before(const struct bw_heap_node *a, const struct bw_heap_node *b)
{
    return timer_of(a)->due < timer_of(b)->due;
}

static void test_things_come_out_in_order(void **state)
{
    (void)state;
    enum { COUNT = 1000 };
    static struct timer timers[COUNT];
    struct bw_heap heap;
    struct bw_rng rng;
    bw_rng_seed(&rng, 3);
    bw_heap_init(&heap, is_due_before);
    for (int i = 0; i < COUNT; i++) {
        timers[i] = (struct timer){.due = (int64_t)(bw_rng_next(&rng) % 100), .pushed_at = i};
        bw_heap_push(&heap, &timers[i].node);
    }
    const struct timer *last = timer_of(bw_heap_pop(&heap));
    for (int i = 1; i < COUNT; i++) {
        const struct timer *next = timer_of(bw_heap_pop(&heap));
        assert_true(last->due < next->due ||
                    (last->due == next->due && last->pushed_at < next->pushed_at));
        last = next;
    }
    assert_null(bw_heap_pop(&heap));
    assert_null(bw_heap_peek(&heap));
    bw_heap_deinit(&heap);
}

static void test_anything_can_be_removed_and_the_rest_stays_in_order(void **state)
{
    (void)state;
    enum { COUNT = 500 };
    static struct timer timers[COUNT];
    struct bw_heap heap;
    struct bw_rng rng;
    bw_rng_seed(&rng, 4);
    bw_heap_init(&heap, is_due_before);
    for (int i = 0; i < COUNT; i++) {
        timers[i] = (struct timer){.due = (int64_t)(bw_rng_next(&rng) % 1000)};
        bw_heap_push(&heap, &timers[i].node);
    }
    for (int i = 0; i < COUNT; i += 2) {
        bw_heap_remove(&heap, &timers[i].node);
        bw_heap_remove(&heap, &timers[i].node);
        assert_false(bw_heap_holds(&timers[i].node));
    }
    int64_t last = INT64_MIN;
    for (int i = 0; i < COUNT / 2; i++) {
        const struct timer *next = timer_of(bw_heap_pop(&heap));
        assert_int_equal((next - timers) % 2, 1);
        assert_true(last <= next->due);
        last = next->due;
    }
    assert_int_equal(heap.count, 0);
    bw_heap_deinit(&heap);
}

static void test_one_that_moved_finds_its_new_place(void **state)
{
    (void)state;
    struct timer timers[3] = {{.due = 1}, {.due = 2}, {.due = 3}};
    struct bw_heap heap;
    bw_heap_init(&heap, is_due_before);
    for (int i = 0; i < 3; i++)
        bw_heap_push(&heap, &timers[i].node);
    timers[0].due = 10;
    bw_heap_moved(&heap, &timers[0].node);
    timers[2].due = 0;
    bw_heap_moved(&heap, &timers[2].node);
    assert_ptr_equal(bw_heap_pop(&heap), &timers[2].node);
    assert_ptr_equal(bw_heap_pop(&heap), &timers[1].node);
    assert_ptr_equal(bw_heap_pop(&heap), &timers[0].node);
    bw_heap_deinit(&heap);
}

static void test_deinit_lets_the_nodes_go(void **state)
{
    (void)state;
    struct timer timer = {.due = 1};
    struct bw_heap heap;
    bw_heap_init(&heap, is_due_before);
    bw_heap_push(&heap, &timer.node);
    assert_true(bw_heap_holds(&timer.node));
    bw_heap_deinit(&heap);
    assert_false(bw_heap_holds(&timer.node));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_things_come_out_in_order),
        cmocka_unit_test(test_anything_can_be_removed_and_the_rest_stays_in_order),
        cmocka_unit_test(test_one_that_moved_finds_its_new_place),
        cmocka_unit_test(test_deinit_lets_the_nodes_go),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
