#include "lua/match.h"
#include <ctype.h>

/* How it works: a pattern is a row of items. An item is a capture mark, a balance, a frontier, a
 * back reference, or a single character class with a repetition. `match_here` walks the row; it
 * calls itself only where it may have to come back (captures and repetitions), so its depth is
 * bounded by the pattern, and BW_MATCH_DEPTH_MAX. */

struct walk {
    struct bw_match *match;
    enum bw_match_status status; /* STEPS or BAD end the whole match */
};

static const char *match_here(struct walk *walk, const char *s, const char *p);

static const char *subject_end(const struct walk *walk)
{
    return walk->match->subject.ptr + walk->match->subject.len;
}

static const char *pattern_end(const struct walk *walk)
{
    return walk->match->pattern.ptr + walk->match->pattern.len;
}

static const char *bad(struct walk *walk, const char *problem)
{
    if (walk->status == BW_MATCH_NO) {
        walk->status = BW_MATCH_BAD;
        walk->match->problem = problem;
    }
    return NULL;
}

static bool spend(struct walk *walk)
{
    if (walk->status != BW_MATCH_NO)
        return false;
    if (++walk->match->steps > walk->match->steps_max) {
        walk->status = BW_MATCH_STEPS;
        return false;
    }
    return true;
}

/* --- single characters */

/* The end of the single character item at `p`: one byte, an escape, or a set. NULL when malformed.
 */
static const char *item_end(struct walk *walk, const char *p)
{
    const char *end = pattern_end(walk);

    if (*p++ == '%') {
        if (p == end)
            return bad(walk, "malformed pattern (ends with '%')");
        return p + 1;
    }
    if (p[-1] != '[')
        return p;
    if (p < end && *p == '^')
        p++;
    do { /* the first byte of a set never closes it */
        if (p == end)
            return bad(walk, "malformed pattern (missing ']')");
        if (*p++ == '%') {
            if (p == end)
                return bad(walk, "malformed pattern (missing ']')");
            p++;
        }
    } while (p == end || *p != ']');
    return p + 1;
}

/* ASCII classes whatever the locale: a replay must not depend on it. */
static bool in_class(unsigned char c, char class_char)
{
    bool is_in, is_ascii = c < 0x80;

    switch (tolower((unsigned char)class_char)) {
    case 'a':
        is_in = is_ascii && isalpha(c);
        break;
    case 'c':
        is_in = is_ascii && iscntrl(c);
        break;
    case 'd':
        is_in = c >= '0' && c <= '9';
        break;
    case 'g':
        is_in = is_ascii && isgraph(c);
        break;
    case 'l':
        is_in = c >= 'a' && c <= 'z';
        break;
    case 'p':
        is_in = is_ascii && ispunct(c);
        break;
    case 's':
        is_in = is_ascii && isspace(c);
        break;
    case 'u':
        is_in = c >= 'A' && c <= 'Z';
        break;
    case 'w':
        is_in = is_ascii && isalnum(c);
        break;
    case 'x':
        is_in = is_ascii && isxdigit(c);
        break;
    case 'z':
        is_in = c == 0;
        break;
    default:
        return class_char == (char)c; /* an escaped character stands for itself */
    }
    return class_char >= 'A' && class_char <= 'Z' ? !is_in : is_in;
}

/* Is `c` in the set [p, end), where *p is '[' and end is behind ']'? */
static bool in_set(unsigned char c, const char *p, const char *end)
{
    bool is_negated = false;
    const char *last = end - 1; /* the closing bracket */

    p++;
    if (*p == '^') {
        is_negated = true;
        p++;
    }
    while (p < last) {
        if (*p == '%') {
            if (in_class(c, p[1]))
                return !is_negated;
            p += 2;
        } else if (p + 2 < last && p[1] == '-') {
            if ((unsigned char)p[0] <= c && c <= (unsigned char)p[2])
                return !is_negated;
            p += 3;
        } else {
            if ((unsigned char)*p == c)
                return !is_negated;
            p++;
        }
    }
    return is_negated;
}

static bool fits(struct walk *walk, const char *s, const char *p, const char *p_end)
{
    if (s >= subject_end(walk) || !spend(walk))
        return false;
    switch (*p) {
    case '.':
        return true;
    case '%':
        return in_class((unsigned char)*s, p[1]);
    case '[':
        return in_set((unsigned char)*s, p, p_end);
    default:
        return *p == *s;
    }
}

/* --- repetitions of one character item at [p, p_end); the quantifier stands at p_end */

static const char *repeat_greedy(struct walk *walk, const char *s, const char *p, const char *p_end,
                                 ptrdiff_t least)
{
    ptrdiff_t count = 0;

    while (fits(walk, s + count, p, p_end))
        count++;
    for (; count >= least && walk->status == BW_MATCH_NO; count--) {
        const char *end = match_here(walk, s + count, p_end + 1);
        if (end)
            return end;
    }
    return NULL;
}

static const char *repeat_lazy(struct walk *walk, const char *s, const char *p, const char *p_end)
{
    for (;;) {
        const char *end = match_here(walk, s, p_end + 1);
        if (end)
            return end;
        if (!fits(walk, s, p, p_end))
            return NULL;
        s++;
    }
}

/* --- captures */

static const char *open_capture(struct walk *walk, const char *s, const char *p, ptrdiff_t kind)
{
    struct bw_match *match = walk->match;
    const char *end;

    if (match->capture_count >= BW_MATCH_CAPTURES_MAX)
        return bad(walk, "too many captures");
    match->captures[match->capture_count++] = (struct bw_capture){.ptr = s, .len = kind};
    end = match_here(walk, s, p);
    if (!end)
        match->capture_count--;
    return end;
}

static const char *close_capture(struct walk *walk, const char *s, const char *p)
{
    struct bw_match *match = walk->match;
    int at = match->capture_count - 1;
    const char *end;

    while (at >= 0 && match->captures[at].len != BW_CAPTURE_OPEN)
        at--;
    if (at < 0)
        return bad(walk, "invalid pattern capture");
    match->captures[at].len = s - match->captures[at].ptr;
    end = match_here(walk, s, p);
    if (!end)
        match->captures[at].len = BW_CAPTURE_OPEN;
    return end;
}

/* What "%1" stands for must follow at `s`. Returns where it ends. */
static const char *match_back_reference(struct walk *walk, const char *s, char digit)
{
    struct bw_match *match = walk->match;
    int at = digit - '1';
    size_t len;

    if (at < 0 || at >= match->capture_count || match->captures[at].len == BW_CAPTURE_OPEN)
        return bad(walk, "invalid capture index in pattern");
    len = match->captures[at].len < 0 ? 0 : (size_t)match->captures[at].len;
    match->steps += len / 8;
    if ((size_t)(subject_end(walk) - s) < len || memcmp(match->captures[at].ptr, s, len) != 0)
        return NULL;
    return s + len;
}

/* --- %b and %f */

static const char *match_balance(struct walk *walk, const char *s, const char *p)
{
    int open = 1;

    if (pattern_end(walk) - p < 2)
        return bad(walk, "malformed pattern (missing arguments to '%b')");
    if (s >= subject_end(walk) || *s != p[0])
        return NULL;
    for (s++; s < subject_end(walk) && spend(walk); s++) {
        if (*s == p[1]) {
            if (--open == 0)
                return s + 1;
        } else if (*s == p[0]) {
            open++;
        }
    }
    return NULL;
}

/* Between s[-1] and s[0] the set begins. Returns behind the set in the pattern, or NULL. */
static const char *match_frontier(struct walk *walk, const char *s, const char *p)
{
    unsigned char before = s == walk->match->subject.ptr ? 0 : (unsigned char)s[-1];
    unsigned char here = s == subject_end(walk) ? 0 : (unsigned char)*s;
    const char *end;

    if (p >= pattern_end(walk) || *p != '[')
        return bad(walk, "missing '[' after '%f' in pattern");
    end = item_end(walk, p);
    if (!end || !spend(walk))
        return NULL;
    return !in_set(before, p, end) && in_set(here, p, end) ? end : NULL;
}

/* --- the row of items */

/* What to do with an item that is neither escape nor capture: 'r' returned `*result`, 'n' go on at
 * `*s`, `*p`. */
static bool match_single(struct walk *walk, const char **s, const char **p, const char **result)
{
    const char *p_end = item_end(walk, *p);
    char quantifier;

    *result = NULL;
    if (!p_end)
        return true;
    quantifier = p_end < pattern_end(walk) ? *p_end : '\0';
    switch (quantifier) {
    case '*':
        *result = repeat_greedy(walk, *s, *p, p_end, 0);
        return true;
    case '+':
        *result = repeat_greedy(walk, *s, *p, p_end, 1);
        return true;
    case '-':
        *result = repeat_lazy(walk, *s, *p, p_end);
        return true;
    case '?':
        if (fits(walk, *s, *p, p_end)) {
            *result = match_here(walk, *s + 1, p_end + 1);
            if (*result || walk->status != BW_MATCH_NO)
                return true;
        }
        *p = p_end + 1;
        return false;
    default:
        if (!fits(walk, *s, *p, p_end))
            return true;
        *s += 1;
        *p = p_end;
        return false;
    }
}

static const char *walk_items(struct walk *walk, const char *s, const char *p)
{
    const char *result;

    while (p < pattern_end(walk)) {
        const char *rest = p + 1;
        if (!spend(walk))
            return NULL;
        if (*p == '(') {
            if (rest < pattern_end(walk) && *rest == ')')
                return open_capture(walk, s, rest + 1, BW_CAPTURE_POSITION);
            return open_capture(walk, s, rest, BW_CAPTURE_OPEN);
        }
        if (*p == ')')
            return close_capture(walk, s, rest);
        if (*p == '$' && rest == pattern_end(walk))
            return s == subject_end(walk) ? s : NULL;
        if (*p == '%' && rest < pattern_end(walk) &&
            (*rest == 'b' || *rest == 'f' || (*rest >= '0' && *rest <= '9'))) {
            if (*rest == 'f') {
                p = match_frontier(walk, s, rest + 1);
                if (!p)
                    return NULL;
                continue;
            }
            s = *rest == 'b' ? match_balance(walk, s, rest + 1)
                             : match_back_reference(walk, s, *rest);
            if (!s)
                return NULL;
            p = *rest == 'b' ? rest + 3 : rest + 1;
            continue;
        }
        if (match_single(walk, &s, &p, &result))
            return result;
    }
    return s;
}

static const char *match_here(struct walk *walk, const char *s, const char *p)
{
    const char *end;

    if (walk->match->depth >= BW_MATCH_DEPTH_MAX)
        return bad(walk, "pattern too complex");
    walk->match->depth++;
    end = walk_items(walk, s, p);
    walk->match->depth--;
    return end;
}

enum bw_match_status bw_match_at(struct bw_match *match, const char *at, const char **end)
{
    struct walk walk = {.match = match, .status = BW_MATCH_NO};
    const char *found;

    match->capture_count = 0;
    match->depth = 0;
    found = match_here(&walk, at, match->pattern.ptr);
    if (walk.status != BW_MATCH_NO)
        return walk.status;
    if (!found)
        return BW_MATCH_NO;
    for (int i = 0; i < match->capture_count; i++) {
        if (match->captures[i].len == BW_CAPTURE_OPEN) {
            match->problem = "unfinished capture";
            return BW_MATCH_BAD;
        }
    }
    *end = found;
    return BW_MATCH_YES;
}
