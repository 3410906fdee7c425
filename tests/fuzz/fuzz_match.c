/* fuzz_match.c - a pattern and a subject, split at the first zero: the matcher ends within its
 * steps, and what it reports lies within the subject. */
#include "fuzz.h"

#include "lua/match.h"

#define STEPS_MAX 20000

static void check_match(const struct bw_match *match, const char *at, const char *end)
{
    const char *first = match->subject.ptr, *last = first + match->subject.len;

    FUZZ_CHECK(end >= at && end <= last);
    FUZZ_CHECK(match->capture_count >= 0 && match->capture_count <= BW_MATCH_CAPTURES_MAX);
    for (int i = 0; i < match->capture_count; i++) {
        const struct bw_capture *capture = &match->captures[i];
        FUZZ_CHECK(capture->ptr >= first && capture->ptr <= last);
        FUZZ_CHECK(capture->len == BW_CAPTURE_POSITION || capture->len >= 0);
        FUZZ_CHECK(capture->len < 0 || capture->len <= last - capture->ptr);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    const uint8_t *zero = len ? memchr(bytes, 0, len) : NULL;
    size_t pattern_len = zero ? (size_t)(zero - bytes) : len;
    struct bw_str subject = zero ? fuzz_str(zero + 1, len - pattern_len - 1) : BW_STR("");
    struct bw_match match = {
        .subject = subject, .pattern = fuzz_str(bytes, pattern_len), .steps_max = STEPS_MAX};

    for (size_t i = 0; i <= subject.len; i++) {
        const char *at = subject.ptr + i, *end = NULL;
        enum bw_match_status status = bw_match_at(&match, at, &end);
        FUZZ_CHECK(match.steps <= STEPS_MAX + 1);
        FUZZ_CHECK(match.depth == 0);
        if (status == BW_MATCH_YES)
            check_match(&match, at, end);
        else if (status == BW_MATCH_BAD)
            FUZZ_CHECK(match.problem && match.problem[0]);
        if (status == BW_MATCH_BAD || status == BW_MATCH_STEPS)
            break;
    }
    return 0;
}
