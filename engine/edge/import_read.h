/* import_read.h - a source file as records, piece by piece: a file of any length is read in the
 * memory of one piece and one record.
 *
 * Offers:  open, look (counts, digest, header), read (every record to a callback), close.
 * Relies on: codec/csv.h, codec/crypto.h.
 *
 * What a record is goes by the name's ending: CSV by its rules; .jsonl, each physical line is a
 * record of one field; .json, each member of the list is one, as its text (such a file is read
 * whole). Standard input ("-") is kept in an unnamed temporary file, so that it can be read twice.
 */
#ifndef BW_EDGE_IMPORT_READ_H
#define BW_EDGE_IMPORT_READ_H

#include "base/buf.h"
#include "base/err.h"
#include "codec/crypto.h"

struct bw_import_file;

/* Valid during the call only. Anything but OK ends the reading, and is what it returns. */
typedef enum bw_err (*bw_import_record_fn)(void *ud, const struct bw_str *fields, size_t count,
                                           struct bw_error *error);

struct bw_import_look {
    uint64_t records;                   /* the header not counted */
    char digest[BW_SHA256_HEX_LEN + 1]; /* of the bytes */
    struct bw_str header; /* encoded array of texts; lives as long as the file is open */
};

/* NOT_FOUND, IO. */
BW_MUST_USE enum bw_err bw_import_file_open(const char *path, const char *name,
                                            struct bw_import_file **file, struct bw_error *error);
/* Reads it once. INVALID: it is not UTF-8, not CSV, not JSON, has no header; names the line. */
BW_MUST_USE enum bw_err bw_import_file_look(struct bw_import_file *file,
                                            struct bw_import_look *look, struct bw_error *error);
/* Reads it again, record by record. IO also when it is no longer what was looked at. */
BW_MUST_USE enum bw_err bw_import_file_read(struct bw_import_file *file,
                                            bw_import_record_fn on_record, void *ud,
                                            struct bw_error *error);
void bw_import_file_close(struct bw_import_file *file); /* NULL is fine */

#endif
