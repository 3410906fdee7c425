/* test_timer.c - moments in their order. */
#include "support/test.h"

#include "core/timer.h"

#include "base/entropy.h"

static void nothing(struct bw_engine *engine, struct bw_timer *timer)
{
    (void)engine;
    (void)timer;
}

static void test_takes_in_order_of_time_whatever_the_order_of_arming(void **state)
{
    (void)state;
    struct bw_timers timers;
    struct bw_timer all[500] = {0};
    struct bw_rng rng;
    bw_rng_seed(&rng, 1);
    bw_timers_init(&timers);
    for (size_t i = 0; i < 500; i++) {
        all[i].on_due = nothing;
        bw_timer_arm(&timers, &all[i], (int64_t)(bw_rng_next(&rng) % 100));
    }
    for (size_t i = 0; i < 500; i += 3)
        bw_timer_cancel(&timers, &all[i]);
    int64_t before = -1;
    size_t count = 0;
    struct bw_timer *timer;
    while ((timer = bw_timers_take(&timers, 1000))) {
        assert_true(timer->at_us >= before);
        assert_false(bw_timer_is_armed(timer));
        before = timer->at_us;
        count++;
    }
    assert_int_equal(count, 500 - 167);
    bw_timers_deinit(&timers);
}

static void test_equal_moments_come_in_the_order_of_arming(void **state)
{
    (void)state;
    struct bw_timers timers;
    struct bw_timer all[64] = {0};
    bw_timers_init(&timers);
    for (size_t i = 0; i < 64; i++) {
        all[i].on_due = nothing;
        bw_timer_arm(&timers, &all[i], 5);
    }
    assert_null(bw_timers_take(&timers, 4));
    for (size_t i = 0; i < 64; i++)
        assert_ptr_equal(bw_timers_take(&timers, 5), &all[i]);
    assert_true(bw_timers_next_us(&timers) == INT64_MAX);
    bw_timers_deinit(&timers);
}

static void test_arming_again_moves_it(void **state)
{
    (void)state;
    struct bw_timers timers;
    struct bw_timer timer = {.on_due = nothing};
    bw_timers_init(&timers);
    bw_timer_arm(&timers, &timer, 5);
    bw_timer_arm(&timers, &timer, 9);
    assert_int_equal(timers.count, 1);
    assert_null(bw_timers_take(&timers, 8));
    assert_ptr_equal(bw_timers_take(&timers, 9), &timer);
    bw_timers_deinit(&timers);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_takes_in_order_of_time_whatever_the_order_of_arming),
        cmocka_unit_test(test_equal_moments_come_in_the_order_of_arming),
        cmocka_unit_test(test_arming_again_moves_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
