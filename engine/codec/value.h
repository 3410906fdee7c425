/* value.h - the values that cross a border: effect arguments, outcomes, inputs, results, journal
 * entries.
 *
 * Offers:  a canonical binary encoding (same value, same bytes), a writer, a reader, JSON in and
 * out. Relies on: base/buf.h. Pure bytes; fuzzed by tests/fuzz/fuzz_value.c.
 *
 * A value is one of: nil, false, true, integer (int64), decimal (plain text), money (decimal text +
 * ISO 4217 code), string (any bytes), array, map (string keys in byte order, each once), null
 * (JSON's null, as opposed to nil = absent). There is no binary floating point: it cannot be
 * written, so it can never reach an amount.
 *
 * Bytes: one tag, then
 *   NIL FALSE TRUE NULL   nothing
 *   INT                   zigzag varint
 *   DEC                   varint length, text as bw_decimal prints it
 *   MONEY                 3 bytes currency, varint length, decimal text
 *   STR                   varint length, bytes
 *   ARR                   varint count, values
 *   MAP                   varint count, (key: varint length, bytes; value) in byte order of keys
 */
#ifndef BW_CODEC_VALUE_H
#define BW_CODEC_VALUE_H

#include "base/buf.h"

#define BW_VALUE_DEPTH_MAX 64
#define BW_VALUE_NODES_MAX 1000000

enum bw_value_tag {
    BW_VALUE_NIL = 0,
    BW_VALUE_FALSE = 1,
    BW_VALUE_TRUE = 2,
    BW_VALUE_INT = 3,
    BW_VALUE_DEC = 4,
    BW_VALUE_STR = 5,
    BW_VALUE_ARR = 6,
    BW_VALUE_MAP = 7,
    BW_VALUE_NULL = 8,
    BW_VALUE_MONEY = 9,
};

/* --- Writing: append to a buffer. Arrays and maps: write the count, then the items. Map keys must
 * come in byte order; bw_value_check finds a writer that broke that. */
void bw_value_put_nil(struct bw_buf *buf);
void bw_value_put_null(struct bw_buf *buf);
void bw_value_put_bool(struct bw_buf *buf, bool value);
void bw_value_put_int(struct bw_buf *buf, int64_t value);
void bw_value_put_dec(struct bw_buf *buf,
                      struct bw_str text); /* text as bw_decimal_print gives it */
void bw_value_put_money(struct bw_buf *buf, struct bw_str text, const char currency[3]);
void bw_value_put_str(struct bw_buf *buf, struct bw_str text);
void bw_value_put_text(struct bw_buf *buf, const char *text); /* terminated; NULL writes nil */
void bw_value_put_arr(struct bw_buf *buf, size_t count);
void bw_value_put_map(struct bw_buf *buf, size_t count);
void bw_value_put_key(struct bw_buf *buf, const char *key); /* terminated */
void bw_value_put_key_str(struct bw_buf *buf, struct bw_str key);
/* A value that is encoded already; empty bytes write nil. */
void bw_value_put_encoded(struct bw_buf *buf, struct bw_str value);

/* --- Reading: a decoded view of one value; borrows from the bytes it was read from. */
struct bw_value {
    enum bw_value_tag tag;
    int64_t integer;       /* INT */
    struct bw_str text;    /* STR: bytes; DEC, MONEY: decimal text */
    char currency[4];      /* MONEY; terminated */
    size_t count;          /* ARR, MAP: number of items */
    struct bw_str items;   /* ARR, MAP: the encoded items */
    struct bw_str encoded; /* the whole value as it was encoded */
};

/* Is this exactly one well-formed canonical value (depth, node count, key order, decimal text)? Use
 * on anything that comes from a host or a row before reading it; the functions below assert on
 * malformed bytes otherwise. */
BW_MUST_USE bool bw_value_check(struct bw_str bytes, struct bw_error *error);
struct bw_value bw_value_read(struct bw_str bytes); /* of checked bytes; empty bytes read as nil */
/* Takes the next item (of an array) off `rest`, or the next key and item (of a map). False at the
 * end. */
bool bw_value_next(struct bw_str *rest, struct bw_value *item);
bool bw_value_next_pair(struct bw_str *rest, struct bw_str *key, struct bw_value *item);
/* The item under `key`; tag NIL when absent or when `map` is not a map. */
struct bw_value bw_value_get(const struct bw_value *map, const char *key);
/* Typed getters with a fallback, for optional members. */
struct bw_str bw_value_get_str(const struct bw_value *map, const char *key, struct bw_str fallback);
int64_t bw_value_get_int(const struct bw_value *map, const char *key, int64_t fallback);
bool bw_value_get_bool(const struct bw_value *map, const char *key, bool fallback);

/* --- JSON. Decimals become JSON strings by default; with `numbers` they become JSON numbers with
 * their exact digits. Money becomes {"amount":"1.00","currency":"EUR"}; nil and null become null.
 * Sorted keys, no spaces. Bytes that are not UTF-8 in strings are written as U+FFFD. */
enum bw_json_style { BW_JSON_DECIMAL_STRINGS, BW_JSON_DECIMAL_NUMBERS };
void bw_value_to_json(struct bw_buf *out, struct bw_str value, enum bw_json_style style);
/* Parses one JSON text (RFC 8259) by our own number-preserving decoder: integers within int64
 * become INT, every other number DEC with its digits kept (exponents are written out, at most 6176
 * places; over 34 digits is INVALID). Duplicate keys, bad UTF-8, NUL (\u0000), depth over 64,
 * trailing bytes are INVALID with the byte offset. null becomes NULL. */
BW_MUST_USE enum bw_err bw_value_from_json(struct bw_buf *out, struct bw_str json,
                                           struct bw_error *error);

#endif
