/* value.c - the canonical encoding of values: write, check, read.
 *
 * One value has one encoding: varints in shortest form, decimals as they print, map keys in byte
 * order and each once. bw_value_check is the only function that may meet foreign bytes; the others
 * assert.
 */
#include "codec/value.h"

#include "base/assert.h"
#include "base/limits.h"
#include "codec/decimal.h"

_Static_assert(BW_VALUE_DEPTH_MAX == BW_LIMIT_VALUE_DEPTH, "limits.h says what holds");
_Static_assert(BW_VALUE_NODES_MAX == BW_LIMIT_VALUE_NODES, "limits.h says what holds");

/* --- writing ------------------------------------------------------------------------------ */

void bw_value_put_nil(struct bw_buf *buf)
{
    bw_buf_put_u8(buf, BW_VALUE_NIL);
}

void bw_value_put_null(struct bw_buf *buf)
{
    bw_buf_put_u8(buf, BW_VALUE_NULL);
}

void bw_value_put_bool(struct bw_buf *buf, bool value)
{
    bw_buf_put_u8(buf, value ? BW_VALUE_TRUE : BW_VALUE_FALSE);
}

void bw_value_put_int(struct bw_buf *buf, int64_t value)
{
    bw_buf_put_u8(buf, BW_VALUE_INT);
    bw_buf_put_zigzag(buf, value);
}

void bw_value_put_dec(struct bw_buf *buf, struct bw_str text)
{
    bw_buf_put_u8(buf, BW_VALUE_DEC);
    bw_buf_put_bytes(buf, text);
}

void bw_value_put_money(struct bw_buf *buf, struct bw_str text, const char currency[3])
{
    bw_buf_put_u8(buf, BW_VALUE_MONEY);
    bw_buf_put(buf, currency, 3);
    bw_buf_put_bytes(buf, text);
}

void bw_value_put_str(struct bw_buf *buf, struct bw_str text)
{
    bw_buf_put_u8(buf, BW_VALUE_STR);
    bw_buf_put_bytes(buf, text);
}

void bw_value_put_text(struct bw_buf *buf, const char *text)
{
    if (text)
        bw_value_put_str(buf, bw_str_of(text));
    else
        bw_value_put_nil(buf);
}

void bw_value_put_arr(struct bw_buf *buf, size_t count)
{
    bw_buf_put_u8(buf, BW_VALUE_ARR);
    bw_buf_put_varint(buf, count);
}

void bw_value_put_map(struct bw_buf *buf, size_t count)
{
    bw_buf_put_u8(buf, BW_VALUE_MAP);
    bw_buf_put_varint(buf, count);
}

void bw_value_put_key(struct bw_buf *buf, const char *key)
{
    bw_buf_put_bytes(buf, bw_str_of(key));
}

void bw_value_put_key_str(struct bw_buf *buf, struct bw_str key)
{
    bw_buf_put_bytes(buf, key);
}

void bw_value_put_encoded(struct bw_buf *buf, struct bw_str value)
{
    if (value.len > 0)
        bw_buf_put_str(buf, value);
    else
        bw_value_put_nil(buf);
}

/* --- checking ----------------------------------------------------------------------------- */

struct check {
    struct bw_reader reader;
    const uint8_t *start; /* for offsets in errors */
    size_t nodes;         /* seen so far */
    struct bw_error *error;
};

static bool check_fail(struct check *check, const char *what)
{
    bw_fail(check->error, BW_ERR_CORRUPT, "value: %s at byte %zu", what,
            (size_t)(check->reader.at - check->start));
    return false;
}

static bool check_decimal(struct check *check)
{
    struct bw_str text = bw_reader_bytes(&check->reader);
    if (check->reader.is_bad)
        return check_fail(check, "decimal is cut short");
    if (!bw_decimal_is_canonical(text))
        return check_fail(check, "decimal is not in its canonical form, just before");
    return true;
}

static bool check_money(struct check *check)
{
    struct bw_str currency = bw_reader_raw(&check->reader, 3);
    if (check->reader.is_bad)
        return check_fail(check, "currency is cut short");
    for (size_t i = 0; i < currency.len; i++) {
        if (currency.ptr[i] < 'A' || currency.ptr[i] > 'Z')
            return check_fail(check, "currency is not three capital letters, just before");
    }
    return check_decimal(check);
}

static bool check_one(struct check *check, int depth);

static bool check_items(struct check *check, bool is_map, int depth)
{
    uint64_t count = bw_reader_varint(&check->reader);
    /* Every item takes at least one byte (a pair two): a count above that is a lie, found before
     * any work is done. */
    uint64_t count_max = bw_reader_left(&check->reader) / (is_map ? 2 : 1);
    if (check->reader.is_bad || count > count_max)
        return check_fail(check, "count of items is over what follows");
    if (depth >= BW_VALUE_DEPTH_MAX)
        return check_fail(check, "nested too deep");
    struct bw_str last = BW_STR_NONE;
    for (uint64_t i = 0; i < count; i++) {
        if (is_map) {
            struct bw_str key = bw_reader_bytes(&check->reader);
            if (check->reader.is_bad)
                return check_fail(check, "key is cut short");
            if (i > 0 && bw_str_cmp(last, key) >= 0)
                return check_fail(check, "keys are not in ascending order, just before");
            last = key;
        }
        if (!check_one(check, depth + 1))
            return false;
    }
    return true;
}

/* Recursion is bounded by BW_VALUE_DEPTH_MAX. */
static bool check_one(struct check *check, int depth)
{
    struct bw_reader *reader = &check->reader;
    if (++check->nodes > BW_VALUE_NODES_MAX)
        return check_fail(check, "too many values");
    if (bw_reader_left(reader) == 0)
        return check_fail(check, "a value is missing");
    switch (bw_reader_u8(reader)) {
    case BW_VALUE_NIL:
    case BW_VALUE_FALSE:
    case BW_VALUE_TRUE:
    case BW_VALUE_NULL:
        return true;
    case BW_VALUE_INT:
        bw_reader_zigzag(reader);
        return !reader->is_bad || check_fail(check, "integer is not well-formed");
    case BW_VALUE_DEC:
        return check_decimal(check);
    case BW_VALUE_MONEY:
        return check_money(check);
    case BW_VALUE_STR:
        bw_reader_bytes(reader);
        return !reader->is_bad || check_fail(check, "string is cut short");
    case BW_VALUE_ARR:
        return check_items(check, false, depth);
    case BW_VALUE_MAP:
        return check_items(check, true, depth);
    default:
        return check_fail(check, "unknown tag, just before");
    }
}

bool bw_value_check(struct bw_str bytes, struct bw_error *error)
{
    struct check check = {.nodes = 0, .error = error};
    bw_reader_init(&check.reader, bytes);
    check.start = check.reader.at;
    if (!check_one(&check, 0))
        return false;
    if (bw_reader_left(&check.reader) != 0)
        return check_fail(&check, "bytes behind the end");
    return true;
}

/* --- reading ------------------------------------------------------------------------------ */

static void skip_one(struct bw_reader *reader);

static void skip_items(struct bw_reader *reader, bool is_map)
{
    uint64_t count = bw_reader_varint(reader);
    for (uint64_t i = 0; i < count && !reader->is_bad; i++) {
        if (is_map)
            bw_reader_bytes(reader);
        skip_one(reader);
    }
}

static void skip_one(struct bw_reader *reader)
{
    switch (bw_reader_u8(reader)) {
    case BW_VALUE_INT:
        bw_reader_zigzag(reader);
        break;
    case BW_VALUE_MONEY:
        bw_reader_raw(reader, 3);
        bw_reader_bytes(reader);
        break;
    case BW_VALUE_DEC:
    case BW_VALUE_STR:
        bw_reader_bytes(reader);
        break;
    case BW_VALUE_ARR:
        skip_items(reader, false);
        break;
    case BW_VALUE_MAP:
        skip_items(reader, true);
        break;
    default:
        break;
    }
}

struct bw_value bw_value_read(struct bw_str bytes)
{
    struct bw_value value = {.tag = BW_VALUE_NIL, .encoded = bytes};
    if (bytes.len == 0)
        return value;
    struct bw_reader reader;
    bw_reader_init(&reader, bytes);
    uint8_t tag = bw_reader_u8(&reader);
    BW_ASSERT(tag <= BW_VALUE_MONEY);
    value.tag = (enum bw_value_tag)tag;
    switch (value.tag) {
    case BW_VALUE_INT:
        value.integer = bw_reader_zigzag(&reader);
        break;
    case BW_VALUE_MONEY:
        memcpy(value.currency, bw_reader_raw(&reader, 3).ptr, 3);
        value.text = bw_reader_bytes(&reader);
        break;
    case BW_VALUE_DEC:
    case BW_VALUE_STR:
        value.text = bw_reader_bytes(&reader);
        break;
    case BW_VALUE_ARR:
    case BW_VALUE_MAP:
        value.count = (size_t)bw_reader_varint(&reader);
        value.items = bw_reader_raw(&reader, bw_reader_left(&reader));
        break;
    case BW_VALUE_NIL:
    case BW_VALUE_FALSE:
    case BW_VALUE_TRUE:
    case BW_VALUE_NULL:
        break;
    }
    BW_ASSERT(!reader.is_bad && reader.at == reader.end);
    return value;
}

/* Cuts the next encoded value off `reader`. */
static struct bw_str take_encoded(struct bw_reader *reader)
{
    const uint8_t *start = reader->at;
    skip_one(reader);
    BW_ASSERT(!reader->is_bad);
    return bw_str((const char *)start, (size_t)(reader->at - start));
}

static struct bw_str reader_rest(const struct bw_reader *reader)
{
    return bw_str((const char *)reader->at, (size_t)(reader->end - reader->at));
}

bool bw_value_next(struct bw_str *rest, struct bw_value *item)
{
    if (rest->len == 0)
        return false;
    struct bw_reader reader;
    bw_reader_init(&reader, *rest);
    *item = bw_value_read(take_encoded(&reader));
    *rest = reader_rest(&reader);
    return true;
}

bool bw_value_next_pair(struct bw_str *rest, struct bw_str *key, struct bw_value *item)
{
    if (rest->len == 0)
        return false;
    struct bw_reader reader;
    bw_reader_init(&reader, *rest);
    *key = bw_reader_bytes(&reader);
    *item = bw_value_read(take_encoded(&reader));
    *rest = reader_rest(&reader);
    return true;
}

struct bw_value bw_value_get(const struct bw_value *map, const char *key)
{
    struct bw_value nil = {.tag = BW_VALUE_NIL};
    if (map->tag != BW_VALUE_MAP)
        return nil;
    struct bw_reader reader;
    bw_reader_init(&reader, map->items);
    struct bw_str wanted = bw_str_of(key);
    for (size_t i = 0; i < map->count; i++) {
        struct bw_str found = bw_reader_bytes(&reader);
        struct bw_str encoded = take_encoded(&reader);
        int order = bw_str_cmp(found, wanted);
        if (order == 0)
            return bw_value_read(encoded);
        if (order > 0)
            break; /* keys ascend: it is not there */
    }
    return nil;
}

struct bw_str bw_value_get_str(const struct bw_value *map, const char *key, struct bw_str fallback)
{
    struct bw_value item = bw_value_get(map, key);
    return item.tag == BW_VALUE_STR ? item.text : fallback;
}

int64_t bw_value_get_int(const struct bw_value *map, const char *key, int64_t fallback)
{
    struct bw_value item = bw_value_get(map, key);
    return item.tag == BW_VALUE_INT ? item.integer : fallback;
}

bool bw_value_get_bool(const struct bw_value *map, const char *key, bool fallback)
{
    struct bw_value item = bw_value_get(map, key);
    if (item.tag != BW_VALUE_TRUE && item.tag != BW_VALUE_FALSE)
        return fallback;
    return item.tag == BW_VALUE_TRUE;
}
