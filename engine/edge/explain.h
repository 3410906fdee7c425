/* explain.h - what a run waits for, in words.
 *
 * Offers:  bw_explain_run.
 * Relies on: codec/value.h. Used by the API (run explain) and the timeline.
 */
#ifndef BW_EDGE_EXPLAIN_H
#define BW_EDGE_EXPLAIN_H

#include "codec/value.h"

/* Appends one or two sentences about a run as the read model gives it. */
void bw_explain_run(struct bw_buf *text, const struct bw_value *run);

#endif
