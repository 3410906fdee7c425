/* import.h - takes a source file to the engine: a durable import run, fed chunk by chunk.
 *
 * Offers:  bw_import_file; BW_IMPORT_FORMATS, the files that can be read.
 * Relies on: edge/import_read.h, edge/cli.h (progress), workflows/import.lua on the other side.
 */
#ifndef BW_EDGE_IMPORT_H
#define BW_EDGE_IMPORT_H

#include "edge/cli.h"

enum { BW_IMPORT_FORMAT_COUNT = 10 };

struct bw_import_format {
    const char *format; /* of --format: "harvest-time" */
    const char *name;   /* of the source file: "harvest-time.csv" */
};

extern const struct bw_import_format BW_IMPORT_FORMATS[BW_IMPORT_FORMAT_COUNT];

enum bw_import_mode {
    BW_IMPORT_READABLE = 0, /* what can be read is imported, the rest is kept aside and told */
    BW_IMPORT_WHOLE,        /* nothing is, unless every record can be read */
    BW_IMPORT_CHECK,        /* nothing is: only tells what would be refused */
};

struct bw_import_request {
    const char *path; /* "-": standard input */
    const char *name; /* the source file it is: "harvest-time.csv" */
    const char *set;  /* "2026-10" */
    enum bw_import_mode mode;
};

/* The same bytes again find the import that was done before. `outcome` gets the encoded result
 * {file, records, stored, unchanged, repeated, invalid, invalid_count, edited, edited_count}. A
 * file of any length takes the same memory. INVALID: the file is not CSV, lacks columns, or (WHOLE)
 * holds a record that cannot be read (line and remedy in the text); SCRIPT: the import run was
 * parked. */
BW_MUST_USE enum bw_err bw_import_file(struct bw_cli *cli, const struct bw_import_request *request,
                                       struct bw_buf *outcome, struct bw_error *error);

#endif
