/* nearest.c - see nearest.h. Rows of the table of prefixes; neighbours swapped are one slip. */
#include "base/nearest.h"
#include <stdint.h>
#include <string.h>

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

size_t bw_edit_distance(struct bw_str a, struct bw_str b)
{
    size_t rows[3][BW_NEAREST_BYTES_MAX + 1];
    size_t *before = rows[0], *last = rows[1], *row = rows[2];

    if (a.len > BW_NEAREST_BYTES_MAX || b.len > BW_NEAREST_BYTES_MAX)
        return SIZE_MAX;
    memset(rows, 0, sizeof rows);
    for (size_t j = 0; j <= b.len; j++)
        last[j] = j;
    for (size_t i = 1; i <= a.len; i++) {
        row[0] = i;
        for (size_t j = 1; j <= b.len; j++) {
            bool is_same = a.ptr[i - 1] == b.ptr[j - 1];
            row[j] = least(least(last[j] + 1, row[j - 1] + 1), last[j - 1] + (is_same ? 0 : 1));
            if (i > 1 && j > 1 && a.ptr[i - 1] == b.ptr[j - 2] && a.ptr[i - 2] == b.ptr[j - 1])
                row[j] = least(row[j], before[j - 2] + 1);
        }
        size_t *oldest = before;
        before = last;
        last = row;
        row = oldest;
    }
    return last[b.len];
}

bool bw_is_near(struct bw_str name, struct bw_str candidate, size_t *distance)
{
    size_t limit = name.len < 3 ? 0 : name.len < 6 ? 1 : 2;
    size_t own = bw_edit_distance(name, candidate);

    if (own > limit || own >= *distance)
        return false;
    *distance = own;
    return true;
}
