/* metric.h - what the engine counts and measures: a fixed set, declared in one list.
 *
 * Offers:  counters, gauges, histograms of microseconds; text in the Prometheus exposition format.
 * Relies on: base/buf.h.
 *
 * One struct bw_metrics for an engine, written by the loop's thread only. A gauge is set to what
 * is; a counter only grows; a histogram keeps counts in buckets four to a power of two, so a
 * quantile is right to 25%.
 */
#ifndef BW_BASE_METRIC_H
#define BW_BASE_METRIC_H

#include "base/buf.h"

/* X(name, help) */
#define BW_COUNTER_MAP(X)                                                                          \
    X(runs_started, "Runs started")                                                                \
    X(runs_finished, "Runs finished")                                                              \
    X(runs_failed, "Runs that ended with an error")                                                \
    X(runs_parked, "Runs parked for an operator")                                                  \
    X(turns, "Turns executed")                                                                     \
    X(turns_replayed, "Turns executed again to rebuild a run")                                     \
    X(commands, "Commands committed")                                                              \
    X(outcomes, "Outcomes delivered")                                                              \
    X(group_commits, "Transactions that committed turns")                                          \
    X(commits_fenced, "Group commits refused because another node owns the shard")                 \
    X(commits_unknown, "Group commits whose outcome had to be looked up")                          \
    X(messages_stored, "Messages taken into the inbox")                                            \
    X(messages_duplicate, "Messages that were there already")                                      \
    X(http_requests, "HTTP requests sent for scripts, every attempt")                              \
    X(http_failures, "HTTP requests of scripts that failed for good")                              \
    X(host_restarts, "Script hosts started again after a crash or a limit")                        \
    X(pg_reconnects, "Connections to PostgreSQL made again")                                       \
    X(api_requests, "API requests answered")

#define BW_GAUGE_MAP(X)                                                                            \
    X(runs_resident, "Runs with a live VM")                                                        \
    X(runs_ready, "Runs ready for a turn")                                                         \
    X(batches_in_flight, "Batches in the group commit under way")                                  \
    X(http_in_flight, "HTTP requests under way")

#define BW_HISTOGRAM_MAP(X)                                                                        \
    X(turn_us, "From wake to turn result")                                                         \
    X(commit_us, "From sending a group commit to its answer")                                      \
    X(commit_batches, "Turns in one group commit")                                                 \
    X(effect_us, "From committing a command to its outcome")                                       \
    X(api_us, "From an API request to its answer")

enum bw_counter {
#define BW_METRIC_ENUM(name, help) BW_COUNTER_##name,
    BW_COUNTER_MAP(BW_METRIC_ENUM) BW_COUNTER_COUNT_
#undef BW_METRIC_ENUM
};
enum bw_gauge {
#define BW_METRIC_ENUM(name, help) BW_GAUGE_##name,
    BW_GAUGE_MAP(BW_METRIC_ENUM) BW_GAUGE_COUNT_
#undef BW_METRIC_ENUM
};
enum bw_histogram {
#define BW_METRIC_ENUM(name, help) BW_HISTOGRAM_##name,
    BW_HISTOGRAM_MAP(BW_METRIC_ENUM) BW_HISTOGRAM_COUNT_
#undef BW_METRIC_ENUM
};

#define BW_HISTOGRAM_BUCKETS 160 /* up to 2^40, eleven days in microseconds */

struct bw_histogram_data {
    uint64_t buckets[BW_HISTOGRAM_BUCKETS];
    uint64_t count;
    uint64_t sum;
    uint64_t max;
};

struct bw_metrics {
    uint64_t counters[BW_COUNTER_COUNT_];
    int64_t gauges[BW_GAUGE_COUNT_];
    struct bw_histogram_data histograms[BW_HISTOGRAM_COUNT_];
};

void bw_metrics_init(struct bw_metrics *metrics);

static inline void bw_counter_add(struct bw_metrics *metrics, enum bw_counter counter, uint64_t n)
{
    metrics->counters[counter] += n;
}
static inline void bw_gauge_set(struct bw_metrics *metrics, enum bw_gauge gauge, int64_t value)
{
    metrics->gauges[gauge] = value;
}

void bw_histogram_add(struct bw_histogram_data *histogram, uint64_t value);
static inline void bw_metric_observe(struct bw_metrics *metrics, enum bw_histogram histogram,
                                     uint64_t value)
{
    bw_histogram_add(&metrics->histograms[histogram], value);
}
/* The value below or at which `permille` of 1000 lie, rounded up to its bucket; 0 when there are
 * none. */
uint64_t bw_histogram_quantile(const struct bw_histogram_data *histogram, unsigned permille);

/* Prometheus text (version 0.0.4): billow_turns_total, billow_runs_resident,
 * billow_turn_us{quantile="0.99"} ... */
void bw_metrics_print(const struct bw_metrics *metrics, struct bw_buf *out);

#endif
