/* sweep_inside.h - what the parts of the sweeper share: sweep.c (one sweep), background.c (every
 * tenant, once a day). Nobody else includes it.
 *
 * Offers:  the background's life.
 * Relies on: edge/sweep.h.
 */
#ifndef BW_EDGE_SWEEP_INSIDE_H
#define BW_EDGE_SWEEP_INSIDE_H

#include "edge/sweep.h"

struct bw_background;
struct bw_background *bw_background_create(struct bw_sweeper *sweeper,
                                           const struct bw_sweeper_config *config);
void bw_background_stop(struct bw_background *background);
void bw_background_destroy(struct bw_background *background);

#endif
