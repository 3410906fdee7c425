/* fuzz_value.c - whatever passes bw_value_check can be read to its last item and written as JSON
 * that decodes again. */
#include "fuzz.h"

#include "codec/value.h"

/* Visits everything; the count of values seen. */
static size_t walk(const struct bw_value *value)
{
    size_t seen = 1;
    struct bw_str rest = value->items;
    struct bw_value item;
    struct bw_str key;
    size_t count = 0;
    if (value->tag == BW_VALUE_ARR) {
        for (; bw_value_next(&rest, &item); count++)
            seen += walk(&item);
    } else if (value->tag == BW_VALUE_MAP) {
        for (; bw_value_next_pair(&rest, &key, &item); count++)
            seen += walk(&item);
    }
    FUZZ_CHECK(count == value->count);
    return seen;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct bw_str encoded = fuzz_str(bytes, len);
    if (!bw_value_check(encoded, NULL))
        return 0;
    struct bw_value value = bw_value_read(encoded);
    FUZZ_CHECK(walk(&value) <= BW_VALUE_NODES_MAX);
    (void)bw_value_get(&value, "a");
    struct bw_buf json;
    struct bw_buf back;
    bw_buf_init(&json, len * 8 + 1024);
    bw_buf_init(&back, len * 8 + 1024);
    bw_value_to_json(&json, encoded, BW_JSON_DECIMAL_STRINGS);
    FUZZ_CHECK(!json.is_over);
    /* Keys that differ only in bytes that are not UTF-8 can fall together, and money adds a level.
     */
    if (bw_value_from_json(&back, bw_buf_str(&json), NULL) == BW_ERR_OK)
        FUZZ_CHECK(bw_value_check(bw_buf_str(&back), NULL));
    bw_buf_deinit(&json);
    bw_buf_deinit(&back);
    return 0;
}
