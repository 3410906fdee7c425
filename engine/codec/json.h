/* json.h - a pull decoder for JSON (RFC 8259) that keeps numbers as they were written.
 *
 * Offers:  one token per call, from a text in memory; strings decoded, numbers as their lexeme;
 * write a string. Relies on: codec/utf8.h. Pure bytes; fuzzed by tests/fuzz/fuzz_json.c.
 * docs/decisions/0003-json.md says why it is ours.
 *
 * Stricter than the RFC: bad UTF-8, lone surrogates, NUL and nesting over 64 are refused. Duplicate
 * keys are for the caller to find, who sees all keys of an object (codec/value.h does).
 */
#ifndef BW_CODEC_JSON_H
#define BW_CODEC_JSON_H

#include "base/buf.h"

#define BW_JSON_DEPTH_MAX 64

enum bw_json_token {
    BW_JSON_BAD, /* not valid; the error is filled, and every later call gives BAD again */
    BW_JSON_END, /* the text is one whole value with nothing behind it */
    BW_JSON_NULL,
    BW_JSON_FALSE,
    BW_JSON_TRUE,
    BW_JSON_NUMBER, /* `text` is the lexeme, of the RFC's grammar */
    BW_JSON_STRING, /* `text` is decoded */
    BW_JSON_KEY,    /* `text` is decoded; the next token begins its value */
    BW_JSON_ARR_BEGIN,
    BW_JSON_ARR_END,
    BW_JSON_OBJ_BEGIN,
    BW_JSON_OBJ_END,
};

struct bw_json_reader {
    struct bw_str source;   /* borrowed */
    size_t at;              /* offset of the next byte */
    size_t token_at;        /* offset where the last token began */
    struct bw_str text;     /* of the last token; valid until the next call */
    struct bw_buf scratch;  /* strings with escapes are decoded here */
    struct bw_error *error; /* may be NULL */
    int depth;              /* open arrays and objects */
    uint64_t is_object;     /* bit n: what is open at depth n + 1 is an object */
    int expects;            /* what may come next; private to json.c */
};

/* `source` and `error` must outlive the reader. */
void bw_json_reader_init(struct bw_json_reader *reader, struct bw_str source,
                         struct bw_error *error);
void bw_json_reader_deinit(struct bw_json_reader *reader);
enum bw_json_token bw_json_next(struct bw_json_reader *reader);
/* Fails the text at `offset` with INVALID: for what only the caller can see, such as a duplicate
 * key. */
enum bw_err bw_json_fail_at(struct bw_json_reader *reader, size_t offset, const char *what);

/* Writes a JSON string with its quotes. Bytes that are not UTF-8 become U+FFFD. */
void bw_json_put_string(struct bw_buf *out, struct bw_str text);

#endif
