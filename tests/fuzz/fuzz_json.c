/* fuzz_json.c - what decodes is a canonical value, and its JSON decodes to the same JSON again. */
#include "fuzz.h"

#include "codec/value.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct bw_buf value;
    struct bw_buf json;
    struct bw_buf again;
    struct bw_error error;
    size_t bytes_max = len * 64 + 1024;
    bw_buf_init(&value, bytes_max);
    bw_buf_init(&json, bytes_max);
    bw_buf_init(&again, bytes_max);
    if (bw_value_from_json(&value, fuzz_str(bytes, len), &error) == BW_ERR_OK) {
        FUZZ_CHECK(bw_value_check(bw_buf_str(&value), &error));
        bw_value_to_json(&json, bw_buf_str(&value), BW_JSON_DECIMAL_NUMBERS);
        bw_buf_clear(&value);
        FUZZ_CHECK(bw_value_from_json(&value, bw_buf_str(&json), &error) == BW_ERR_OK);
        bw_value_to_json(&again, bw_buf_str(&value), BW_JSON_DECIMAL_NUMBERS);
        FUZZ_CHECK(bw_str_eq(bw_buf_str(&json), bw_buf_str(&again)));
    } else {
        FUZZ_CHECK(error.code == BW_ERR_INVALID && error.text[0] != '\0');
        FUZZ_CHECK(value.len == 0);
    }
    bw_buf_deinit(&value);
    bw_buf_deinit(&json);
    bw_buf_deinit(&again);
    return 0;
}
