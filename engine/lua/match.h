/* match.h - Lua patterns with a price: the same language as string.find, each comparison counted.
 *
 * Offers:  one match attempt at one position, with its captures.
 * Relies on: libc only. Tested against Lua's own functions.
 *
 * Lua's own matcher backtracks without a limit and inside one C call, where no hook fires: a
 * pattern of thirty ".-" takes hours. Here every step is counted, and the match stops when the
 * allowance is used up.
 */
#ifndef BW_LUA_MATCH_H
#define BW_LUA_MATCH_H

#include "base/str.h"
#include <stdint.h>

#define BW_MATCH_CAPTURES_MAX 32
#define BW_MATCH_DEPTH_MAX 200 /* of nested attempts on the C stack */

enum bw_match_status {
    BW_MATCH_YES,
    BW_MATCH_NO,
    BW_MATCH_STEPS, /* the allowance is used up */
    BW_MATCH_BAD,   /* the pattern is malformed: `problem` says how */
};

struct bw_capture {
    const char *ptr;
    ptrdiff_t len; /* or one of the two below */
};
#define BW_CAPTURE_POSITION (-2) /* "()": the capture is the position of ptr */
#define BW_CAPTURE_OPEN (-1)

struct bw_match {
    struct bw_str subject;
    struct bw_str pattern; /* without the anchor */
    uint64_t steps;        /* used so far */
    uint64_t steps_max;
    int capture_count;
    struct bw_capture captures[BW_MATCH_CAPTURES_MAX];
    const char *problem; /* BW_MATCH_BAD; static text */
    int depth;
};

/* Tries to match the whole pattern at `at` (within the subject). On YES `end` is behind the match.
 * Resets the captures, keeps the step count. */
enum bw_match_status bw_match_at(struct bw_match *match, const char *at, const char **end);

#endif
