/* journal_view.h - the journal of a run as people and specs read it.
 *
 * Offers:  rows of the store's read "journal" -> turns with their deliveries and commands.
 * Relies on: codec/wire.h.
 *
 * A turn: {at_us, commands = [{args, file, kind, line, seq, waits}], deliveries = [{kind, seq,
 * value}], turn}, where a delivery's kind is "start", "outcome", "error" or "cancel".
 */
#ifndef BW_EDGE_JOURNAL_VIEW_H
#define BW_EDGE_JOURNAL_VIEW_H

#include "base/buf.h"

/* Appends the encoded array. CORRUPT when a row does not decode. */
BW_MUST_USE enum bw_err bw_journal_view(struct bw_str rows, struct bw_buf *out,
                                        struct bw_error *error);

#endif
