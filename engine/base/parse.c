/* parse.c - see parse.h. */
#include "base/parse.h"

bool bw_parse_u64(struct bw_str text, uint64_t *number)
{
    uint64_t value = 0;
    if (text.len == 0)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] < '0' || text.ptr[i] > '9')
            return false;
        uint64_t digit = (uint64_t)(text.ptr[i] - '0');
        if (value > (UINT64_MAX - digit) / 10)
            return false;
        value = value * 10 + digit;
    }
    *number = value;
    return true;
}

bool bw_parse_i64(struct bw_str text, int64_t *number)
{
    bool is_negative = text.len > 0 && text.ptr[0] == '-';
    uint64_t magnitude;
    if (is_negative)
        text = bw_str(text.ptr + 1, text.len - 1);
    if (!bw_parse_u64(text, &magnitude))
        return false;
    if (magnitude > (uint64_t)INT64_MAX + (is_negative ? 1 : 0))
        return false;
    if (is_negative)
        *number = magnitude ? -(int64_t)(magnitude - 1) - 1 : 0;
    else
        *number = (int64_t)magnitude;
    return true;
}

bool bw_parse_int(struct bw_str text, int min, int max, int *number)
{
    int64_t value;
    if (!bw_parse_i64(text, &value) || value < min || value > max)
        return false;
    *number = (int)value;
    return true;
}
