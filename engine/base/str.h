/* str.h - a borrowed slice of bytes. Never owns, never terminated; says nothing about encoding.
 *
 * Offers:  struct bw_str and the comparisons one needs everywhere.
 * Relies on: libc only.
 */
#ifndef BW_BASE_STR_H
#define BW_BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

struct bw_str {
    const char *ptr; /* may be NULL when len is 0 */
    size_t len;
};

#define BW_STR(literal) ((struct bw_str){("" literal), sizeof(literal) - 1})
#define BW_STR_NONE ((struct bw_str){NULL, 0})
/* For printf: "%.*s", BW_STR_ARG(s). */
#define BW_STR_ARG(s) (int)(s).len, ((s).len ? (s).ptr : "")

static inline struct bw_str bw_str(const char *ptr, size_t len)
{
    return (struct bw_str){ptr, len};
}

/* `text` may be NULL (the empty slice). */
static inline struct bw_str bw_str_of(const char *text)
{
    return (struct bw_str){text, text ? strlen(text) : 0};
}

static inline bool bw_str_eq(struct bw_str a, struct bw_str b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

/* Order of bytes, shorter first on a common prefix: the order of ids everywhere in Billow. */
static inline int bw_str_cmp(struct bw_str a, struct bw_str b)
{
    size_t n = a.len < b.len ? a.len : b.len;
    int order = n ? memcmp(a.ptr, b.ptr, n) : 0;
    if (order != 0)
        return order;
    return a.len < b.len ? -1 : a.len > b.len;
}

static inline bool bw_str_starts(struct bw_str s, struct bw_str prefix)
{
    return s.len >= prefix.len && (prefix.len == 0 || memcmp(s.ptr, prefix.ptr, prefix.len) == 0);
}

#endif
