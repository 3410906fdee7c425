/* fuzz_rrule.c - any text that makes a rule names times in ascending order, from its start on. */
#include "fuzz.h"

#include "codec/rrule.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct bw_civil start = {.date = {2026, 1, 31}, .second_of_day = 27000}, time, last = start;
    struct bw_rrule *rrule = bw_rrule_create(fuzz_str(bytes, len), start, NULL);
    if (!rrule)
        return 0;
    for (int i = 0; i < 5 && bw_rrule_next(rrule, &time); i++) {
        int order = bw_date_cmp(last.date, time.date);
        FUZZ_CHECK(order < 0 || (order == 0 && last.second_of_day <= time.second_of_day));
        FUZZ_CHECK(bw_date_is_valid(time.date));
        last = time;
    }
    bw_rrule_seek(rrule, (struct bw_civil){.date = {2031, 7, 1}, .second_of_day = 1});
    if (bw_rrule_next(rrule, &time))
        FUZZ_CHECK(time.date.year > 2031 || (time.date.year == 2031 && time.date.month >= 7));
    bw_rrule_destroy(rrule);
    return 0;
}
