/* metric.c - see metric.h. */
#include "base/metric.h"
#include "base/assert.h"

void bw_metrics_init(struct bw_metrics *metrics)
{
    memset(metrics, 0, sizeof *metrics);
}

/* Buckets 0..3 hold the values 0..3; from there each power of two has four of equal width. */
static size_t bucket_of(uint64_t value)
{
    if (value < 4)
        return (size_t)value;
    unsigned power = 63u - (unsigned)__builtin_clzll(value);
    size_t bucket = (size_t)(power - 1) * 4 + (size_t)((value >> (power - 2)) & 3);
    return bucket < BW_HISTOGRAM_BUCKETS ? bucket : BW_HISTOGRAM_BUCKETS - 1;
}

/* The largest value of a bucket. */
static uint64_t bucket_top(size_t bucket)
{
    if (bucket < 4)
        return bucket;
    unsigned power = (unsigned)(bucket / 4) + 1;
    uint64_t width = UINT64_C(1) << (power - 2);
    return (UINT64_C(1) << power) + width * (bucket % 4 + 1) - 1;
}

void bw_histogram_add(struct bw_histogram_data *histogram, uint64_t value)
{
    histogram->buckets[bucket_of(value)]++;
    histogram->count++;
    histogram->sum += value;
    if (value > histogram->max)
        histogram->max = value;
}

uint64_t bw_histogram_quantile(const struct bw_histogram_data *histogram, unsigned permille)
{
    BW_ASSERT(permille <= 1000);
    if (histogram->count == 0)
        return 0;
    uint64_t wanted = (histogram->count * permille + 999) / 1000;
    uint64_t seen = 0;
    for (size_t i = 0; i < BW_HISTOGRAM_BUCKETS; i++) {
        seen += histogram->buckets[i];
        if (seen >= wanted && seen > 0) {
            uint64_t top = bucket_top(i);
            return top < histogram->max ? top : histogram->max;
        }
    }
    return histogram->max;
}

static void print_histogram(struct bw_buf *out, const char *name, const char *help,
                            const struct bw_histogram_data *histogram)
{
    static const struct {
        unsigned permille;
        const char *label;
    } QUANTILES[] = {{500, "0.5"}, {900, "0.9"}, {990, "0.99"}, {1000, "1"}};
    bw_buf_printf(out, "# HELP billow_%s %s\n# TYPE billow_%s summary\n", name, help, name);
    for (size_t i = 0; i < sizeof QUANTILES / sizeof *QUANTILES; i++)
        bw_buf_printf(out, "billow_%s{quantile=\"%s\"} %llu\n", name, QUANTILES[i].label,
                      (unsigned long long)bw_histogram_quantile(histogram, QUANTILES[i].permille));
    bw_buf_printf(out, "billow_%s_sum %llu\nbillow_%s_count %llu\n", name,
                  (unsigned long long)histogram->sum, name, (unsigned long long)histogram->count);
}

void bw_metrics_print(const struct bw_metrics *metrics, struct bw_buf *out)
{
#define PRINT_COUNTER(name, help)                                                                  \
    bw_buf_printf(                                                                                 \
        out, "# HELP billow_%s_total %s\n# TYPE billow_%s_total counter\nbillow_%s_total %llu\n",  \
        #name, help, #name, #name, (unsigned long long)metrics->counters[BW_COUNTER_##name]);
    BW_COUNTER_MAP(PRINT_COUNTER)
#undef PRINT_COUNTER
#define PRINT_GAUGE(name, help)                                                                    \
    bw_buf_printf(out, "# HELP billow_%s %s\n# TYPE billow_%s gauge\nbillow_%s %lld\n", #name,     \
                  help, #name, #name, (long long)metrics->gauges[BW_GAUGE_##name]);
    BW_GAUGE_MAP(PRINT_GAUGE)
#undef PRINT_GAUGE
#define PRINT_HISTOGRAM(name, help)                                                                \
    print_histogram(out, #name, help, &metrics->histograms[BW_HISTOGRAM_##name]);
    BW_HISTOGRAM_MAP(PRINT_HISTOGRAM)
#undef PRINT_HISTOGRAM
}
