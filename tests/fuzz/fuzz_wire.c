/* fuzz_wire.c - the first byte says what the rest is read as. What is accepted is written to the
 * same bytes again; all of it is also read as a release over a library. */
#include "fuzz.h"

#include "codec/wire.h"

static bool read_and_write(uint8_t what, struct bw_str in, struct bw_arena *arena,
                           struct bw_buf *out)
{
    struct bw_turn_record turn;
    struct bw_release_set release;
    struct bw_wake *wakes;
    struct bw_id *runs;
    struct bw_turn_result *results;
    struct bw_hello hello;
    size_t count;
    bool ok = false;
    switch (what % 6) {
    case 0:
        if ((ok = bw_wire_get_turn(in, arena, &turn, NULL) == BW_ERR_OK))
            bw_wire_put_turn(out, &turn);
        break;
    case 1:
        if ((ok = bw_wire_get_release(in, arena, &release, NULL) == BW_ERR_OK))
            bw_wire_put_release(out, &release);
        break;
    case 2:
        if ((ok = bw_wire_get_wakes(in, arena, &wakes, &count, NULL) == BW_ERR_OK))
            bw_wire_put_wakes(out, wakes, count);
        break;
    case 3:
        if ((ok = bw_wire_get_evict(in, arena, &runs, &count, NULL) == BW_ERR_OK))
            bw_wire_put_evict(out, runs, count);
        break;
    case 4:
        if ((ok = bw_wire_get_results(in, arena, &results, &count, NULL) == BW_ERR_OK))
            bw_wire_put_results(out, results, count);
        break;
    default:
        if ((ok = bw_wire_get_hello(in, &hello, NULL) == BW_ERR_OK))
            bw_wire_put_hello(out, &hello);
        break;
    }
    return ok;
}

/* What is left out here may as well be sent: the bytes differ, the release does not. */
static void read_over(struct bw_str in, struct bw_arena *arena, struct bw_buf *out)
{
    struct bw_release_file known = {BW_STR("stdlib/http.lua"), BW_STR("return {}")};
    struct bw_release_set library = {.files = &known, .count = 1}, first, second;
    bw_buf_clear(out);
    if (bw_wire_get_release_over(in, &library, arena, &first, NULL) != BW_ERR_OK)
        return;
    bw_wire_put_release_over(out, &first, &library);
    FUZZ_CHECK(bw_wire_get_release_over(bw_buf_str(out), &library, arena, &second, NULL) ==
               BW_ERR_OK);
    FUZZ_CHECK(first.count == second.count);
    for (size_t i = 0; i < first.count; i++)
        FUZZ_CHECK(bw_str_eq(first.files[i].name, second.files[i].name) &&
                   bw_str_eq(first.files[i].bytes, second.files[i].bytes));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    if (len == 0)
        return 0;
    struct bw_str in = fuzz_str(bytes + 1, len - 1);
    struct bw_arena arena;
    struct bw_buf out;
    bw_arena_init(&arena);
    bw_buf_init(&out, len + 64);
    if (read_and_write(bytes[0], in, &arena, &out))
        FUZZ_CHECK(bw_str_eq(bw_buf_str(&out), in));
    read_over(in, &arena, &out);
    uint8_t type;
    struct bw_str payload;
    struct bw_str rest = in;
    while (bw_wire_take_frame(&rest, &type, &payload, NULL) == BW_ERR_OK && type != 0)
        FUZZ_CHECK(payload.len < in.len);
    bw_buf_deinit(&out);
    bw_arena_deinit(&arena);
    return 0;
}
