/* test_metric.c - promises of base/metric.h. */
#include "support/test.h"

#include "base/entropy.h"
#include "base/metric.h"

#include <stdlib.h>

static struct bw_metrics metrics;

static int setup(void **state)
{
    (void)state;
    bw_metrics_init(&metrics);
    return 0;
}

static void test_an_empty_histogram_has_quantiles_of_zero(void **state)
{
    (void)state;
    assert_true(bw_histogram_quantile(&metrics.histograms[0], 500) == 0);
}

static int by_value(const void *a, const void *b)
{
    uint64_t left = *(const uint64_t *)a;
    uint64_t right = *(const uint64_t *)b;
    return left < right ? -1 : left > right;
}

static void test_a_quantile_is_right_to_a_quarter(void **state)
{
    (void)state;
    enum { COUNT = 5000 };
    static uint64_t values[COUNT];
    struct bw_rng rng;
    bw_rng_seed(&rng, 9);
    struct bw_histogram_data *histogram = &metrics.histograms[BW_HISTOGRAM_turn_us];
    for (int i = 0; i < COUNT; i++) {
        values[i] = bw_rng_next(&rng) >> (30 + bw_rng_next(&rng) % 30);
        bw_metric_observe(&metrics, BW_HISTOGRAM_turn_us, values[i]);
    }
    qsort(values, COUNT, sizeof *values, by_value);
    for (unsigned permille = 1; permille <= 1000; permille++) {
        uint64_t exact = values[((uint64_t)COUNT * permille + 999) / 1000 - 1];
        uint64_t estimate = bw_histogram_quantile(histogram, permille);
        assert_true(estimate >= exact);
        assert_true(estimate <= exact + exact / 4);
    }
    assert_true(bw_histogram_quantile(histogram, 1000) == values[COUNT - 1]);
}

static void test_values_beyond_the_last_bucket_are_counted_in_it(void **state)
{
    (void)state;
    bw_metric_observe(&metrics, BW_HISTOGRAM_turn_us, UINT64_MAX);
    bw_metric_observe(&metrics, BW_HISTOGRAM_turn_us, 1);
    assert_true(bw_histogram_quantile(&metrics.histograms[BW_HISTOGRAM_turn_us], 500) == 1);
    assert_true(metrics.histograms[BW_HISTOGRAM_turn_us].count == 2);
    assert_true(metrics.histograms[BW_HISTOGRAM_turn_us].buckets[BW_HISTOGRAM_BUCKETS - 1] == 1);
}

static void test_printing_names_each_metric_once(void **state)
{
    (void)state;
    struct bw_buf out;
    bw_buf_init(&out, 100000);
    bw_counter_add(&metrics, BW_COUNTER_turns, 3);
    bw_gauge_set(&metrics, BW_GAUGE_runs_ready, -1);
    bw_metric_observe(&metrics, BW_HISTOGRAM_commit_us, 250);
    bw_metrics_print(&metrics, &out);
    const char *text = bw_buf_cstr(&out);
    assert_false(out.is_over);
    assert_non_null(strstr(text, "# TYPE billow_turns_total counter\nbillow_turns_total 3\n"));
    assert_non_null(strstr(text, "\nbillow_runs_ready -1\n"));
    assert_non_null(strstr(text, "billow_commit_us{quantile=\"0.5\"} 250\n"));
    assert_non_null(strstr(text, "billow_commit_us_sum 250\nbillow_commit_us_count 1\n"));
    bw_buf_deinit(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_an_empty_histogram_has_quantiles_of_zero, setup),
        cmocka_unit_test_setup(test_a_quantile_is_right_to_a_quarter, setup),
        cmocka_unit_test_setup(test_values_beyond_the_last_bucket_are_counted_in_it, setup),
        cmocka_unit_test_setup(test_printing_names_each_metric_once, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
