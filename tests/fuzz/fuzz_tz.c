/* fuzz_tz.c - any bytes that make a zone answer for any instant, with an offset of at most about
 * a day. */
#include "fuzz.h"

#include "codec/tz.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    static const int64_t instants_us[] = {INT64_MIN,
                                          INT64_C(-62135596800000000), /* 0001-01-01 */
                                          -1,
                                          0,
                                          INT64_C(1774746000000000), /* 2026-03-29T01:00:00Z */
                                          INT64_C(1792890000000000),
                                          INT64_C(253402300799999999), /* 9999-12-31T23:59:59Z */
                                          INT64_MAX};
    struct bw_tz *tz = bw_tz_create(fuzz_str(bytes, len), NULL);
    if (!tz)
        return 0;
    for (size_t i = 0; i < sizeof instants_us / sizeof instants_us[0]; i++) {
        struct bw_stamp stamp = {instants_us[i]};
        struct bw_civil civil;
        int32_t offset_s = bw_tz_offset_s(tz, stamp);
        FUZZ_CHECK(offset_s >= -27 * 3600 && offset_s <= 27 * 3600);
        if (bw_tz_civil(tz, stamp, &civil))
            (void)bw_tz_stamp(tz, civil);
    }
    bw_tz_destroy(tz);
    return 0;
}
