/* csv.h - RFC 4180, as a stream: feed bytes as they come, take records as they are whole.
 *
 * Offers:  records of fields, each with its number and the physical line it began on; write a
 * field. Relies on: base/buf.h. Pure bytes; fuzzed by tests/fuzz/fuzz_csv.c.
 *
 * A byte order mark is skipped, lines end with CRLF or LF, quoted fields hold separators, doubled
 * quotes and line breaks. Lines without a byte are not records. Anything else that RFC 4180 does
 * not allow (a quote inside an unquoted field, bytes behind a closing quote, a CR alone, a zero
 * byte) is an error that names line and record: a reader that guessed would bill what nobody wrote.
 * Encoding, trimming and headers are the caller's.
 */
#ifndef BW_CODEC_CSV_H
#define BW_CODEC_CSV_H

#include "base/buf.h"

struct bw_csv_limits {
    char separator;          /* ',' or ';' or tab; 0 means ',' */
    size_t field_bytes_max;  /* 0 means 65536 */
    size_t record_bytes_max; /* 0 means 1 MiB */
    size_t fields_max;       /* 0 means 1024 */
};

enum bw_csv_event {
    BW_CSV_RECORD, /* one record; valid until the next call */
    BW_CSV_MORE,   /* feed more bytes, or say that it is the end */
    BW_CSV_END,    /* the input ended well */
    BW_CSV_BAD,    /* the error is filled; every later call gives BAD again */
};

struct bw_csv_record {
    uint64_t number; /* from 1, blank lines not counted */
    uint64_t line;   /* physical line it began on, from 1 */
    size_t count;    /* fields, at least 1 */
    const struct bw_str *fields;
};

struct bw_csv_reader;
struct bw_csv_reader *bw_csv_reader_create(const struct bw_csv_limits *limits); /* NULL: defaults */
void bw_csv_reader_destroy(struct bw_csv_reader *reader);
/* `bytes` are borrowed until bw_csv_next gives MORE; feed only before the first call and behind a
 * MORE. */
void bw_csv_feed(struct bw_csv_reader *reader, struct bw_str bytes);
void bw_csv_finish(struct bw_csv_reader *reader); /* no more bytes will come */
/* On BAD the error is INVALID, or LIMIT for what is too large. */
enum bw_csv_event bw_csv_next(struct bw_csv_reader *reader, struct bw_csv_record *record,
                              struct bw_error *error);

/* Appends one field, quoted when it must be. The caller writes separators and line ends. */
void bw_csv_put_field(struct bw_buf *buf, struct bw_str field, char separator);

#endif
