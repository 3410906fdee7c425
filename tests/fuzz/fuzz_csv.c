/* fuzz_csv.c - the first byte says in what pieces the rest comes: records, lines and errors must
 * not depend on it. */
#include "fuzz.h"

#include "codec/csv.h"

static void read_in_steps(struct bw_str text, size_t step, struct bw_buf *seen)
{
    const struct bw_csv_limits limits = {
        .field_bytes_max = 256, .record_bytes_max = 512, .fields_max = 16};
    struct bw_csv_reader *reader = bw_csv_reader_create(&limits);
    struct bw_csv_record record;
    struct bw_error error;
    enum bw_csv_event event;
    while ((event = bw_csv_next(reader, &record, &error)) != BW_CSV_END) {
        if (event == BW_CSV_BAD) {
            bw_buf_put_text(seen, error.text);
            break;
        }
        if (event == BW_CSV_RECORD) {
            bw_buf_put_varint(seen, record.number);
            bw_buf_put_varint(seen, record.line);
            FUZZ_CHECK(record.count > 0);
            for (size_t i = 0; i < record.count; i++)
                bw_buf_put_bytes(seen, record.fields[i]);
        } else if (text.len == 0) {
            bw_csv_finish(reader);
        } else {
            size_t len = text.len < step ? text.len : step;
            bw_csv_feed(reader, bw_str(text.ptr, len));
            text.ptr += len;
            text.len -= len;
        }
    }
    bw_csv_reader_destroy(reader);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    if (len == 0)
        return 0;
    struct bw_str text = fuzz_str(bytes + 1, len - 1);
    struct bw_buf whole;
    struct bw_buf pieces;
    bw_buf_init(&whole, len * 32 + 4096);
    bw_buf_init(&pieces, len * 32 + 4096);
    read_in_steps(text, SIZE_MAX, &whole);
    read_in_steps(text, bytes[0] % 16u + 1, &pieces);
    FUZZ_CHECK(!whole.is_over);
    FUZZ_CHECK(bw_str_eq(bw_buf_str(&whole), bw_buf_str(&pieces)));
    bw_buf_deinit(&whole);
    bw_buf_deinit(&pieces);
    return 0;
}
