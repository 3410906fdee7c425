/* test_clock_os.c - the real clock. */
#include "support/test.h"

#include "io/os.h"
#include <time.h>

static void test_monotonic_time_never_goes_back(void **state)
{
    (void)state;
    struct bw_clock clock = bw_clock_os();
    struct bw_instant before = bw_clock_mono(&clock);
    for (int i = 0; i < 1000; i++) {
        struct bw_instant now = bw_clock_mono(&clock);
        assert_true(now.ns >= before.ns);
        before = now;
    }
}

static void test_utc_is_the_time_of_day_in_microseconds(void **state)
{
    (void)state;
    struct bw_clock clock = bw_clock_os();
    struct timespec before, after;
    clock_gettime(CLOCK_REALTIME, &before);
    struct bw_stamp now = bw_clock_utc(&clock);
    clock_gettime(CLOCK_REALTIME, &after);
    assert_true(now.us / BW_US_PER_S >= before.tv_sec);
    assert_true(now.us / BW_US_PER_S <= after.tv_sec);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_monotonic_time_never_goes_back),
        cmocka_unit_test(test_utc_is_the_time_of_day_in_microseconds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
