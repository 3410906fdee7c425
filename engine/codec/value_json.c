/* value_json.c - values from JSON and to JSON.
 *
 * Decoding writes the encoded value as it goes. The count of items stands in front of them but is
 * known behind them, so the header of each array and object is put in by moving its items once per
 * level (at most 64 times).
 */
#include "codec/value.h"

#include "base/assert.h"
#include "base/mem.h"
#include "codec/decimal.h"
#include "codec/json.h"
#include <stdlib.h>

_Static_assert(BW_JSON_DEPTH_MAX == BW_VALUE_DEPTH_MAX, "what decodes must pass bw_value_check");

/* A JSON exponent with more digits than this is refused before it is computed. */
#define EXPONENT_MAX 6176

/* --- from JSON ---------------------------------------------------------------------------- */

/* One key and its value, while its object is open. Offsets into the output. */
struct member {
    size_t start;  /* the key's length byte */
    size_t key_at; /* the key's first byte */
    size_t key_len;
    size_t end;           /* behind the value */
    size_t source_offset; /* of the key in the JSON text, for errors */
    struct bw_str key;    /* set for sorting only */
};

struct decode {
    struct bw_json_reader reader;
    struct bw_buf *out;
    struct member *members; /* of all open objects, a stack */
    size_t member_count;
    size_t member_capacity;
    size_t nodes;
};

static size_t push_member(struct decode *decode)
{
    if (decode->member_count == decode->member_capacity) {
        decode->member_capacity = decode->member_capacity ? decode->member_capacity * 2 : 32;
        decode->members =
            bw_xrealloc(decode->members, decode->member_capacity * sizeof decode->members[0]);
    }
    return decode->member_count++;
}

/* Puts tag and count in front of the items that were written from `start` on. */
static void insert_header(struct bw_buf *out, size_t start, enum bw_value_tag tag, size_t count)
{
    size_t len = out->len - start;
    size_t header_at = out->len;
    if (tag == BW_VALUE_ARR)
        bw_value_put_arr(out, count);
    else
        bw_value_put_map(out, count);
    if (out->is_over)
        return;
    char header[16];
    size_t header_len = out->len - header_at;
    BW_ASSERT(header_len <= sizeof header);
    memcpy(header, out->ptr + header_at, header_len);
    memmove(out->ptr + start + header_len, out->ptr + start, len);
    memcpy(out->ptr + start, header, header_len);
}

static int by_key(const void *a, const void *b)
{
    const struct member *first = a;
    const struct member *second = b;
    int order = bw_str_cmp(first->key, second->key);
    if (order != 0)
        return order;
    return first->start < second->start ? -1 : first->start > second->start;
}

/* Brings the members written from `start` on into the order of their keys. */
static enum bw_err sort_members(struct decode *decode, size_t start, size_t first)
{
    struct bw_buf *out = decode->out;
    size_t count = decode->member_count - first;
    if (count == 0 || out->is_over)
        return BW_ERR_OK; /* when over, offsets are not true any more; the caller reports LIMIT */
    struct member *members = decode->members + first;
    bool is_sorted = true;
    for (size_t i = 0; i < count; i++) {
        members[i].key = bw_str(out->ptr + members[i].key_at, members[i].key_len);
        if (i > 0 && bw_str_cmp(members[i - 1].key, members[i].key) >= 0)
            is_sorted = false;
    }
    if (is_sorted)
        return BW_ERR_OK;
    qsort(members, count, sizeof members[0], by_key);
    for (size_t i = 1; i < count; i++) {
        if (bw_str_eq(members[i - 1].key, members[i].key))
            return bw_json_fail_at(&decode->reader, members[i].source_offset, "duplicate key");
    }
    struct bw_buf sorted;
    bw_buf_init(&sorted, out->len - start);
    for (size_t i = 0; i < count; i++)
        bw_buf_put(&sorted, out->ptr + members[i].start, members[i].end - members[i].start);
    BW_ASSERT(!sorted.is_over && sorted.len == out->len - start);
    memcpy(out->ptr + start, sorted.ptr, sorted.len);
    bw_buf_deinit(&sorted);
    return BW_ERR_OK;
}

static bool is_int64(struct bw_str lexeme, int64_t *integer)
{
    bool is_negative = lexeme.ptr[0] == '-';
    uint64_t magnitude = 0;
    uint64_t magnitude_max = (uint64_t)INT64_MAX + (is_negative ? 1 : 0);
    for (size_t i = is_negative; i < lexeme.len; i++) {
        unsigned digit = (unsigned)(lexeme.ptr[i] - '0');
        if (digit > 9 || magnitude > (magnitude_max - digit) / 10)
            return false;
        magnitude = magnitude * 10 + digit;
    }
    if (is_negative && magnitude > (uint64_t)INT64_MAX)
        *integer = INT64_MIN;
    else
        *integer = is_negative ? -(int64_t)magnitude : (int64_t)magnitude;
    return true;
}

/* A lexeme taken apart: 0.0125e1 is digits 125, scale 3. */
struct lexeme {
    bool is_negative;
    char digits[BW_DECIMAL_DIGITS_MAX]; /* without leading zeros */
    int count;
    int scale;
};

/* Says why not, or NULL. */
static const char *split_lexeme(struct bw_str text, struct lexeme *lexeme)
{
    size_t at = 0;
    int64_t scale = 0;
    bool is_fraction = false;
    *lexeme = (struct lexeme){.is_negative = text.ptr[0] == '-'};
    for (at = lexeme->is_negative; at < text.len; at++) {
        char c = text.ptr[at];
        if (c == 'e' || c == 'E')
            break;
        if (c == '.') {
            is_fraction = true;
            continue;
        }
        scale += is_fraction;
        if (c == '0' && lexeme->count == 0)
            continue;
        if (lexeme->count == BW_DECIMAL_DIGITS_MAX)
            return "number with over 34 digits";
        lexeme->digits[lexeme->count++] = c;
    }
    int64_t exponent = 0;
    bool is_exponent_negative = false;
    for (at++; at < text.len; at++) {
        char c = text.ptr[at];
        if (c == '-' || c == '+')
            is_exponent_negative = c == '-';
        else
            exponent = exponent * 10 + (c - '0');
        if (exponent > EXPONENT_MAX)
            return "number with too large an exponent";
    }
    scale -= is_exponent_negative ? -exponent : exponent;
    for (; scale < 0 && lexeme->count > 0; scale++) {
        if (lexeme->count == BW_DECIMAL_DIGITS_MAX)
            return "number with over 34 digits";
        lexeme->digits[lexeme->count++] = '0';
    }
    if (scale > BW_DECIMAL_SCALE_MAX)
        return "number with over 34 decimals";
    lexeme->scale = scale < 0 ? 0 : (int)scale;
    return NULL;
}

static void put_lexeme(struct bw_buf *out, const struct lexeme *lexeme)
{
    char text[BW_DECIMAL_TEXT_MAX];
    size_t len = 0;
    if (lexeme->is_negative && lexeme->count > 0)
        text[len++] = '-';
    int places = lexeme->count > lexeme->scale ? lexeme->count : lexeme->scale + 1;
    for (int place = places; place > 0; place--) {
        if (place == lexeme->scale)
            text[len++] = '.';
        text[len++] = place > lexeme->count ? '0' : lexeme->digits[lexeme->count - place];
    }
    bw_value_put_dec(out, bw_str(text, len));
}

static enum bw_err decode_number(struct decode *decode)
{
    struct bw_str text = decode->reader.text;
    int64_t integer;
    if (is_int64(text, &integer)) {
        bw_value_put_int(decode->out, integer);
        return BW_ERR_OK;
    }
    struct lexeme lexeme;
    const char *trouble = split_lexeme(text, &lexeme);
    if (trouble)
        return bw_json_fail_at(&decode->reader, decode->reader.token_at, trouble);
    put_lexeme(decode->out, &lexeme);
    return BW_ERR_OK;
}

static enum bw_err decode_value(struct decode *decode, enum bw_json_token token);

static enum bw_err decode_array(struct decode *decode)
{
    size_t start = decode->out->len;
    size_t count = 0;
    for (;;) {
        enum bw_json_token token = bw_json_next(&decode->reader);
        if (token == BW_JSON_ARR_END)
            break;
        enum bw_err err = decode_value(decode, token);
        if (err != BW_ERR_OK)
            return err;
        count++;
    }
    insert_header(decode->out, start, BW_VALUE_ARR, count);
    return BW_ERR_OK;
}

static enum bw_err decode_object(struct decode *decode)
{
    struct bw_buf *out = decode->out;
    size_t start = out->len;
    size_t first = decode->member_count;
    for (;;) {
        enum bw_json_token token = bw_json_next(&decode->reader);
        if (token == BW_JSON_OBJ_END)
            break;
        if (token == BW_JSON_BAD)
            return BW_ERR_INVALID;
        BW_ASSERT(token == BW_JSON_KEY);
        size_t index = push_member(decode);
        struct member member = {.start = out->len,
                                .key_len = decode->reader.text.len,
                                .source_offset = decode->reader.token_at};
        bw_value_put_key_str(out, decode->reader.text);
        member.key_at = out->len - member.key_len;
        enum bw_err err = decode_value(decode, bw_json_next(&decode->reader));
        if (err != BW_ERR_OK)
            return err;
        member.end = out->len;
        decode->members[index] = member;
    }
    size_t count = decode->member_count - first;
    enum bw_err err = sort_members(decode, start, first);
    decode->member_count = first;
    insert_header(out, start, BW_VALUE_MAP, count);
    return err;
}

/* Recursion is bounded by the reader's depth limit. */
static enum bw_err decode_value(struct decode *decode, enum bw_json_token token)
{
    struct bw_buf *out = decode->out;
    if (out->is_over)
        return BW_ERR_LIMIT;
    if (++decode->nodes > BW_VALUE_NODES_MAX)
        return bw_json_fail_at(&decode->reader, decode->reader.token_at, "over 1000000 values");
    switch (token) {
    case BW_JSON_NULL:
        bw_value_put_null(out);
        return BW_ERR_OK;
    case BW_JSON_FALSE:
    case BW_JSON_TRUE:
        bw_value_put_bool(out, token == BW_JSON_TRUE);
        return BW_ERR_OK;
    case BW_JSON_NUMBER:
        return decode_number(decode);
    case BW_JSON_STRING:
        bw_value_put_str(out, decode->reader.text);
        return BW_ERR_OK;
    case BW_JSON_ARR_BEGIN:
        return decode_array(decode);
    case BW_JSON_OBJ_BEGIN:
        return decode_object(decode);
    case BW_JSON_BAD:
        return BW_ERR_INVALID;
    case BW_JSON_END:
    case BW_JSON_KEY:
    case BW_JSON_ARR_END:
    case BW_JSON_OBJ_END:
        break;
    }
    BW_UNREACHABLE();
}

enum bw_err bw_value_from_json(struct bw_buf *out, struct bw_str json, struct bw_error *error)
{
    struct decode decode = {.out = out};
    size_t start = out->len;
    bw_json_reader_init(&decode.reader, json, error);
    enum bw_err err = decode_value(&decode, bw_json_next(&decode.reader));
    if (err == BW_ERR_OK && bw_json_next(&decode.reader) != BW_JSON_END)
        err = BW_ERR_INVALID;
    if (err != BW_ERR_INVALID && out->is_over)
        err = bw_fail(error, BW_ERR_LIMIT, "JSON: the decoded value is over %zu bytes",
                      out->bytes_max);
    if (err != BW_ERR_OK)
        out->len = start;
    bw_json_reader_deinit(&decode.reader);
    bw_free(decode.members);
    return err;
}

/* --- to JSON ------------------------------------------------------------------------------ */

static void encode_value(struct bw_buf *out, const struct bw_value *value,
                         enum bw_json_style style);

static void put_quoted(struct bw_buf *out, struct bw_str text)
{
    bw_buf_put_char(out, '"');
    bw_buf_put_str(out, text);
    bw_buf_put_char(out, '"');
}

static void encode_array(struct bw_buf *out, const struct bw_value *value, enum bw_json_style style)
{
    struct bw_str rest = value->items;
    struct bw_value item;
    bw_buf_put_char(out, '[');
    for (size_t i = 0; bw_value_next(&rest, &item); i++) {
        if (i > 0)
            bw_buf_put_char(out, ',');
        encode_value(out, &item, style);
    }
    bw_buf_put_char(out, ']');
}

static void encode_map(struct bw_buf *out, const struct bw_value *value, enum bw_json_style style)
{
    struct bw_str rest = value->items;
    struct bw_str key;
    struct bw_value item;
    bw_buf_put_char(out, '{');
    for (size_t i = 0; bw_value_next_pair(&rest, &key, &item); i++) {
        if (i > 0)
            bw_buf_put_char(out, ',');
        bw_json_put_string(out, key);
        bw_buf_put_char(out, ':');
        encode_value(out, &item, style);
    }
    bw_buf_put_char(out, '}');
}

/* Recursion is bounded by BW_VALUE_DEPTH_MAX: the bytes are checked. */
static void encode_value(struct bw_buf *out, const struct bw_value *value, enum bw_json_style style)
{
    switch (value->tag) {
    case BW_VALUE_NIL:
    case BW_VALUE_NULL:
        bw_buf_put_text(out, "null");
        break;
    case BW_VALUE_FALSE:
        bw_buf_put_text(out, "false");
        break;
    case BW_VALUE_TRUE:
        bw_buf_put_text(out, "true");
        break;
    case BW_VALUE_INT:
        bw_buf_printf(out, "%lld", (long long)value->integer);
        break;
    case BW_VALUE_DEC:
        if (style == BW_JSON_DECIMAL_NUMBERS)
            bw_buf_put_str(out, value->text);
        else
            put_quoted(out, value->text);
        break;
    case BW_VALUE_MONEY:
        bw_buf_put_text(out, "{\"amount\":");
        put_quoted(out, value->text);
        bw_buf_put_text(out, ",\"currency\":");
        put_quoted(out, bw_str(value->currency, 3));
        bw_buf_put_char(out, '}');
        break;
    case BW_VALUE_STR:
        bw_json_put_string(out, value->text);
        break;
    case BW_VALUE_ARR:
        encode_array(out, value, style);
        break;
    case BW_VALUE_MAP:
        encode_map(out, value, style);
        break;
    }
}

void bw_value_to_json(struct bw_buf *out, struct bw_str value, enum bw_json_style style)
{
    struct bw_value read = bw_value_read(value);
    encode_value(out, &read, style);
}
