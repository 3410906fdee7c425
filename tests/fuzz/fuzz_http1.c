/* fuzz_http1.c - the first byte says in what pieces the rest comes: requests, bodies and refusals
 * must not depend on it. A parser that cut a stream differently when it comes in other packets
 * could be led to take a body for a request. */
#include "fuzz.h"

#include "codec/http1.h"

static void note_request(const struct bw_http1_request *request, struct bw_buf *seen)
{
    bw_buf_put_bytes(seen, request->method);
    bw_buf_put_bytes(seen, request->path);
    bw_buf_put_bytes(seen, request->query);
    for (size_t i = 0; i < request->header_count; i++) {
        bw_buf_put_bytes(seen, request->headers[i].name);
        bw_buf_put_bytes(seen, request->headers[i].value);
    }
    bw_buf_put_bytes(seen, request->body);
    bw_buf_put_u8(seen, request->keeps_alive);
}

static void read_in_steps(struct bw_str text, size_t step, struct bw_buf *seen)
{
    const struct bw_http1_limits limits = {.head_bytes_max = 1024,
                                           .target_bytes_max = 64,
                                           .body_bytes_max = 512,
                                           .chunk_extension_bytes_max = 32};
    struct bw_http1 *http1 = bw_http1_create(&limits);
    enum bw_http1_event event = BW_HTTP1_MORE;
    while (text.len > 0 && event != BW_HTTP1_BAD) {
        struct bw_str piece = {text.ptr, text.len < step ? text.len : step};
        text.ptr += piece.len;
        text.len -= piece.len;
        do {
            event = bw_http1_take(http1, &piece);
            if (event == BW_HTTP1_COMPLETE) {
                note_request(bw_http1_request(http1), seen);
                bw_http1_reset(http1);
            }
        } while (event == BW_HTTP1_HEAD || (event == BW_HTTP1_COMPLETE && piece.len > 0));
        FUZZ_CHECK(event == BW_HTTP1_BAD || piece.len == 0);
    }
    if (event == BW_HTTP1_BAD)
        bw_buf_put_u32(seen, (uint32_t)bw_http1_status(http1));
    bw_http1_destroy(http1);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    if (len == 0)
        return 0;
    struct bw_str text = fuzz_str(bytes + 1, len - 1);
    struct bw_buf whole;
    struct bw_buf pieces;
    bw_buf_init(&whole, len * 8 + 4096);
    bw_buf_init(&pieces, len * 8 + 4096);
    read_in_steps(text, SIZE_MAX, &whole);
    read_in_steps(text, bytes[0] % 16u + 1, &pieces);
    FUZZ_CHECK(!whole.is_over);
    FUZZ_CHECK(bw_str_eq(bw_buf_str(&whole), bw_buf_str(&pieces)));
    bw_buf_deinit(&whole);
    bw_buf_deinit(&pieces);
    return 0;
}
