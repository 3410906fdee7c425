/* sections.h - the parts of the benchmark. Each runs in a process of its own and adds its figures.
 *
 * The order in main.c matters in one way only: what others are compared with comes first.
 */
#ifndef BW_BENCH_SECTIONS_H
#define BW_BENCH_SECTIONS_H

#include "figures.h"
#include "place.h"

/* Figures that others are ratios to. */
#define FIGURE_BULK "bulk insert ceiling"
#define FIGURE_COMMIT "bare commit, p50"

void section_schema(const struct place *place,
                    struct figures *figures); /* the engine's tables; no figures */
void section_raw(const struct place *place, struct figures *figures);
void section_effects(const struct place *place, struct figures *figures);
void section_effects_no_lua(const struct place *place, struct figures *figures);
void section_starts(const struct place *place, struct figures *figures);
void section_latency(const struct place *place, struct figures *figures);
void section_replay(const struct place *place, struct figures *figures);
void section_parked(const struct place *place, struct figures *figures);
void section_ready(const struct place *place, struct figures *figures);
void section_recover(const struct place *place, struct figures *figures);
void section_load(const struct place *place, struct figures *figures);
void section_take_over(const struct place *place, struct figures *figures);
void section_linear_tenants(const struct place *place, struct figures *figures);
void section_linear_history(const struct place *place, struct figures *figures);
void section_linear_runs(const struct place *place, struct figures *figures);
void section_linear_parked(const struct place *place, struct figures *figures);
void section_parked_million(const struct place *place, struct figures *figures);
void section_peers(const struct place *place, struct figures *figures);

/* Times of single effects of a run that is alone; on the heap. */
struct samples {
    int64_t *ns;
    size_t count;
};
/* From turn to turn of the runs of a tenant, by their journal. */
struct samples turn_samples(const struct place *place, struct bw_id tenant);
struct samples latency_samples(const struct place *place);

#endif
