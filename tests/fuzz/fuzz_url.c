/* fuzz_url.c - the parts of an accepted URL are slices of it, in order; what decodes encodes and
 * decodes to the same bytes. */
#include "fuzz.h"

#include "codec/url.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct bw_str text = fuzz_str(bytes, len);
    struct bw_url url;
    struct bw_buf decoded;
    struct bw_buf encoded;
    struct bw_buf again;
    bw_buf_init(&decoded, len);
    bw_buf_init(&encoded, len * 3);
    bw_buf_init(&again, len);
    if (bw_url_parse(text, &url, NULL) == BW_ERR_OK) {
        FUZZ_CHECK(url.port > 0 && url.host.len > 0);
        FUZZ_CHECK(url.host.ptr + url.host.len <= text.ptr + text.len);
        FUZZ_CHECK(url.path.len == 0 || url.path.ptr[0] == '/');
        struct bw_str key;
        struct bw_str value;
        while (bw_url_query_next(&url.query, &key, &value))
            FUZZ_CHECK(key.len + value.len <= text.len);
    }
    if (bw_url_decode(&decoded, text, true)) {
        bw_url_encode(&encoded, bw_buf_str(&decoded));
        FUZZ_CHECK(bw_url_decode(&again, bw_buf_str(&encoded), false));
        FUZZ_CHECK(bw_str_eq(bw_buf_str(&decoded), bw_buf_str(&again)));
    }
    bw_buf_deinit(&decoded);
    bw_buf_deinit(&encoded);
    bw_buf_deinit(&again);
    return 0;
}
