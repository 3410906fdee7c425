/* import.h - takes a source file to the engine: a durable import run, fed chunk by chunk.
 *
 * Offers:  bw_import_file.
 * Relies on: codec/csv.h, edge/cli.h (progress), workflows/import.lua on the other side.
 */
#ifndef BW_EDGE_IMPORT_H
#define BW_EDGE_IMPORT_H

#include "edge/cli.h"

/* Imports `path` as the source file `name` ("harvest-time.csv") of the set `set` ("2026-10"). The
 * same bytes again find the import that was done before. `outcome` gets the encoded result {file,
 * records, stored, unchanged, invalid, edited}. INVALID: the file is not CSV, or lacks columns
 * (line and remedy in the text); SCRIPT: the import run was parked. */
BW_MUST_USE enum bw_err bw_import_file(struct bw_cli *cli, const char *path, const char *name,
                                       const char *set, struct bw_buf *outcome,
                                       struct bw_error *error);

#endif
