/* decimal.c - exact decimals over libintelrdfpmath.
 *
 * The library does the arithmetic; taking values apart, putting them together and printing them is
 * done here, because the library prints 2.68 as +268E-2. A value that leaves this file is always
 * finite, has 0 to 34 decimals and is never minus zero, so that its text parses back to the same
 * bits.
 */
#include "codec/decimal.h"

#include "base/assert.h"

/* Declared as the archive was built (by value, local rounding, local flags): cmake/deps.cmake. */
#include <bid_conf.h>
#include <bid_functions.h>

__extension__ typedef unsigned __int128 u128;

/* The layout of a BID decimal128 (IEEE 754-2008, 3.5.2): sign, 14 bits of exponent, 113 bits of
 * coefficient. */
#define SIGN_BIT (UINT64_C(1) << 63)
#define EXPONENT_SHIFT 49
#define EXPONENT_BIAS 6176
#define COEFFICIENT_HIGH_MASK ((UINT64_C(1) << EXPONENT_SHIFT) - 1)
/* With both bits set the value is a NaN, an infinity or not canonical. */
#define SPECIAL_BITS (UINT64_C(3) << 61)

struct parts {
    bool is_negative;
    u128 coefficient; /* below 10^34 */
    int scale; /* value = coefficient / 10^scale; may be outside 0..34 inside this file only */
};

static u128 pow10_of(int exponent)
{
    u128 power = 1;
    for (int i = 0; i < exponent; i++)
        power *= 10;
    return power;
}

static struct bw_decimal pack(struct parts parts)
{
    uint64_t exponent = (uint64_t)(EXPONENT_BIAS - parts.scale);
    struct bw_decimal value;
    value.w[0] = (uint64_t)parts.coefficient;
    value.w[1] = (uint64_t)(parts.coefficient >> 64) | (exponent << EXPONENT_SHIFT);
    if (parts.is_negative && parts.coefficient != 0)
        value.w[1] |= SIGN_BIT;
    return value;
}

static struct parts unpack(struct bw_decimal value)
{
    BW_ASSERT((value.w[1] & SPECIAL_BITS) != SPECIAL_BITS);
    struct parts parts;
    parts.is_negative = (value.w[1] & SIGN_BIT) != 0;
    parts.coefficient = ((u128)(value.w[1] & COEFFICIENT_HIGH_MASK) << 64) | value.w[0];
    parts.scale = EXPONENT_BIAS - (int)((value.w[1] & ~SIGN_BIT) >> EXPONENT_SHIFT);
    return parts;
}

static BID_UINT128 to_bid(struct bw_decimal value)
{
    BID_UINT128 bid;
    bid.w[BID_LOW_128W] = value.w[0];
    bid.w[BID_HIGH_128W] = value.w[1];
    return bid;
}

static struct bw_decimal from_bid(BID_UINT128 bid)
{
    return (struct bw_decimal){{bid.w[BID_LOW_128W], bid.w[BID_HIGH_128W]}};
}

static bool is_special(BID_UINT128 bid)
{
    return (bid.w[BID_HIGH_128W] & SPECIAL_BITS) == SPECIAL_BITS;
}

/* Brings `bid` to exactly `scale` decimals. False when it does not fit 34 digits. */
static bool quantize(BID_UINT128 bid, int scale, _IDEC_round mode, BID_UINT128 *result,
                     bool *is_inexact)
{
    _IDEC_flags flags = 0;
    BID_UINT128 unit = to_bid(pack((struct parts){.coefficient = 1, .scale = scale}));
    *result = bid128_quantize(bid, unit, mode, &flags);
    if (is_inexact)
        *is_inexact = (flags & BID_INEXACT_EXCEPTION) != 0;
    return !is_special(*result);
}

/* Hands out a result of the library if it is exact within 34 digits and 0 to 34 decimals. */
static enum bw_err exact_result(BID_UINT128 bid, _IDEC_flags flags, struct bw_decimal *result)
{
    if (is_special(bid) || (flags & BID_INEXACT_EXCEPTION) != 0)
        return BW_ERR_LIMIT;
    int scale = unpack(from_bid(bid)).scale;
    if (scale < 0 || scale > BW_DECIMAL_SCALE_MAX) {
        bool is_inexact = false;
        int wanted = scale < 0 ? 0 : BW_DECIMAL_SCALE_MAX;
        if (!quantize(bid, wanted, BID_ROUNDING_TO_NEAREST, &bid, &is_inexact) || is_inexact)
            return BW_ERR_LIMIT;
    }
    *result = pack(unpack(from_bid(bid))); /* minus zero becomes zero */
    return BW_ERR_OK;
}

/* --- text --------------------------------------------------------------------------------- */

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

enum bw_err bw_decimal_parse(struct bw_str text, struct bw_decimal *value, struct bw_error *error)
{
    struct parts parts = {.is_negative = false, .coefficient = 0, .scale = 0};
    size_t at = 0;
    int significant = 0;
    bool has_point = false;
    if (text.len > 0 && (text.ptr[0] == '-' || text.ptr[0] == '+')) {
        parts.is_negative = text.ptr[0] == '-';
        at = 1;
    }
    if (at == text.len || !is_digit(text.ptr[at]))
        return bw_fail(error, BW_ERR_INVALID, "a decimal needs a digit at position %zu", at + 1);
    for (; at < text.len; at++) {
        char c = text.ptr[at];
        if (c == '.' && !has_point) {
            has_point = true;
            if (at + 1 == text.len || !is_digit(text.ptr[at + 1]))
                return bw_fail(error, BW_ERR_INVALID, "a decimal needs a digit behind its point");
            continue;
        }
        if (!is_digit(c))
            return bw_fail(error, BW_ERR_INVALID,
                           "a decimal is digits with at most one point; byte 0x%02x at position "
                           "%zu is neither",
                           (unsigned)(unsigned char)c, at + 1);
        if (has_point && ++parts.scale > BW_DECIMAL_SCALE_MAX)
            return bw_fail(error, BW_ERR_INVALID,
                           "a decimal has at most %d digits behind the point",
                           BW_DECIMAL_SCALE_MAX);
        if ((significant > 0 || c != '0') && ++significant > BW_DECIMAL_DIGITS_MAX)
            return bw_fail(error, BW_ERR_INVALID, "a decimal has at most %d significant digits",
                           BW_DECIMAL_DIGITS_MAX);
        parts.coefficient = parts.coefficient * 10 + (unsigned)(c - '0');
    }
    *value = pack(parts);
    return BW_ERR_OK;
}

bool bw_decimal_is_canonical(struct bw_str text)
{
    struct bw_decimal value;
    char printed[BW_DECIMAL_TEXT_MAX];
    if (text.len >= sizeof printed || bw_decimal_parse(text, &value, NULL) != BW_ERR_OK)
        return false;
    size_t len = bw_decimal_print(value, printed);
    return bw_str_eq(text, bw_str(printed, len));
}

struct bw_decimal bw_decimal_from_int(int64_t value)
{
    uint64_t magnitude = value < 0 ? ~(uint64_t)value + 1 : (uint64_t)value;
    return pack((struct parts){.is_negative = value < 0, .coefficient = magnitude, .scale = 0});
}

size_t bw_decimal_print(struct bw_decimal value, char text[static BW_DECIMAL_TEXT_MAX])
{
    struct parts parts = unpack(value);
    BW_ASSERT(parts.scale >= 0 && parts.scale <= BW_DECIMAL_SCALE_MAX);
    char digits[BW_DECIMAL_TEXT_MAX]; /* from the last one backwards */
    int count = 0;
    for (u128 rest = parts.coefficient; rest != 0 || count <= parts.scale; rest /= 10)
        digits[count++] = (char)('0' + (int)(rest % 10));
    size_t len = 0;
    if (parts.is_negative && parts.coefficient != 0)
        text[len++] = '-';
    while (count > 0) {
        if (count == parts.scale)
            text[len++] = '.';
        text[len++] = digits[--count];
    }
    BW_ASSERT(len < BW_DECIMAL_TEXT_MAX);
    text[len] = '\0';
    return len;
}

bool bw_decimal_to_int(struct bw_decimal value, int64_t *integer)
{
    struct parts parts = unpack(value);
    u128 unit = pow10_of(parts.scale);
    if (parts.coefficient % unit != 0)
        return false;
    u128 magnitude = parts.coefficient / unit;
    if (magnitude > (u128)INT64_MAX + (parts.is_negative ? 1 : 0))
        return false;
    uint64_t low = (uint64_t)magnitude;
    if (parts.is_negative && low > (uint64_t)INT64_MAX)
        *integer = INT64_MIN;
    else
        *integer = parts.is_negative ? -(int64_t)low : (int64_t)low;
    return true;
}

/* --- arithmetic --------------------------------------------------------------------------- */

enum bw_err bw_decimal_add(struct bw_decimal a, struct bw_decimal b, struct bw_decimal *sum)
{
    _IDEC_flags flags = 0;
    BID_UINT128 bid = bid128_add(to_bid(a), to_bid(b), BID_ROUNDING_TO_NEAREST, &flags);
    return exact_result(bid, flags, sum);
}

enum bw_err bw_decimal_sub(struct bw_decimal a, struct bw_decimal b, struct bw_decimal *difference)
{
    _IDEC_flags flags = 0;
    BID_UINT128 bid = bid128_sub(to_bid(a), to_bid(b), BID_ROUNDING_TO_NEAREST, &flags);
    return exact_result(bid, flags, difference);
}

enum bw_err bw_decimal_mul(struct bw_decimal a, struct bw_decimal b, struct bw_decimal *product)
{
    _IDEC_flags flags = 0;
    BID_UINT128 bid = bid128_mul(to_bid(a), to_bid(b), BID_ROUNDING_TO_NEAREST, &flags);
    return exact_result(bid, flags, product);
}

/* The quotient when it has more than 34 decimals: cut to 34 digits first, then rounded to 34
 * decimals. A last digit of 0 or 5 is made odd if digits were cut off behind it, so that the second
 * rounding cannot take it for a tie. */
static BID_UINT128 small_quotient(struct bw_decimal a, struct bw_decimal b)
{
    _IDEC_flags flags = 0;
    BID_UINT128 bid = bid128_div(to_bid(a), to_bid(b), BID_ROUNDING_TO_ZERO, &flags);
    struct parts parts = unpack(from_bid(bid));
    if ((flags & BID_INEXACT_EXCEPTION) != 0 && parts.coefficient % 5 == 0)
        parts.coefficient += 1;
    bool fits =
        quantize(to_bid(pack(parts)), BW_DECIMAL_SCALE_MAX, BID_ROUNDING_TO_NEAREST, &bid, NULL);
    BW_ASSERT(fits); /* fewer decimals never need more digits */
    return bid;
}

/* Zeros at the end go as long as more than `scale_min` decimals stand; fewer than that are filled
 * up when they fit. */
static struct bw_decimal trim_zeros(struct parts parts, int scale_min)
{
    while (parts.scale > scale_min && parts.coefficient % 10 == 0) {
        parts.coefficient /= 10;
        parts.scale--;
    }
    u128 coefficient_max = pow10_of(BW_DECIMAL_DIGITS_MAX) - 1;
    while (parts.scale < scale_min && parts.coefficient <= coefficient_max / 10) {
        parts.coefficient *= 10;
        parts.scale++;
    }
    return pack(parts);
}

enum bw_err bw_decimal_div(struct bw_decimal a, struct bw_decimal b, struct bw_decimal *quotient)
{
    if (bw_decimal_sign(b) == 0)
        return BW_ERR_INVALID;
    _IDEC_flags flags = 0;
    BID_UINT128 bid = bid128_div(to_bid(a), to_bid(b), BID_ROUNDING_TO_NEAREST, &flags);
    if (is_special(bid))
        return BW_ERR_LIMIT;
    int scale = unpack(from_bid(bid)).scale;
    if (scale > BW_DECIMAL_SCALE_MAX)
        bid = small_quotient(a, b);
    else if (scale < 0 && !quantize(bid, 0, BID_ROUNDING_TO_NEAREST, &bid, NULL))
        return BW_ERR_LIMIT;
    int scale_a = bw_decimal_scale(a);
    int scale_b = bw_decimal_scale(b);
    *quotient = trim_zeros(unpack(from_bid(bid)), scale_a > scale_b ? scale_a : scale_b);
    return BW_ERR_OK;
}

enum bw_err bw_decimal_divmod(struct bw_decimal a, struct bw_decimal b, struct bw_decimal *quotient,
                              struct bw_decimal *remainder)
{
    if (bw_decimal_sign(b) == 0)
        return BW_ERR_INVALID;
    /* Cut toward zero twice is the same as cut once; the nearest quotient could round up to the
     * next integer. */
    _IDEC_flags flags = 0;
    BID_UINT128 bid = bid128_div(to_bid(a), to_bid(b), BID_ROUNDING_TO_ZERO, &flags);
    if (is_special(bid) || !quantize(bid, 0, BID_ROUNDING_TO_ZERO, &bid, NULL))
        return BW_ERR_LIMIT;
    struct bw_decimal whole = pack(unpack(from_bid(bid)));
    flags = 0;
    BID_UINT128 rest = bid128_fmod(to_bid(a), to_bid(b), &flags);
    enum bw_err err = exact_result(rest, flags, remainder);
    if (err == BW_ERR_OK)
        *quotient = whole;
    return err;
}

struct bw_decimal bw_decimal_neg(struct bw_decimal value)
{
    struct parts parts = unpack(value);
    parts.is_negative = !parts.is_negative;
    return pack(parts);
}

struct bw_decimal bw_decimal_abs(struct bw_decimal value)
{
    struct parts parts = unpack(value);
    parts.is_negative = false;
    return pack(parts);
}

int bw_decimal_cmp(struct bw_decimal a, struct bw_decimal b)
{
    _IDEC_flags flags = 0;
    if (bid128_quiet_equal(to_bid(a), to_bid(b), &flags))
        return 0;
    return bid128_quiet_less(to_bid(a), to_bid(b), &flags) ? -1 : 1;
}

int bw_decimal_sign(struct bw_decimal value)
{
    struct parts parts = unpack(value);
    if (parts.coefficient == 0)
        return 0;
    return parts.is_negative ? -1 : 1;
}

int bw_decimal_scale(struct bw_decimal value)
{
    return unpack(value).scale;
}

static _IDEC_round bid_rounding(enum bw_round mode, bool is_negative)
{
    switch (mode) {
    case BW_ROUND_HALF_UP:
        return BID_ROUNDING_TIES_AWAY;
    case BW_ROUND_HALF_EVEN:
        return BID_ROUNDING_TO_NEAREST;
    case BW_ROUND_UP:
        return is_negative ? BID_ROUNDING_DOWN : BID_ROUNDING_UP;
    case BW_ROUND_DOWN:
        return BID_ROUNDING_TO_ZERO;
    case BW_ROUND_CEIL:
        return BID_ROUNDING_UP;
    case BW_ROUND_FLOOR:
        return BID_ROUNDING_DOWN;
    }
    BW_UNREACHABLE();
}

enum bw_err bw_decimal_round(struct bw_decimal value, int scale, enum bw_round mode,
                             struct bw_decimal *rounded, bool *is_inexact)
{
    if (scale < 0 || scale > BW_DECIMAL_SCALE_MAX)
        return BW_ERR_INVALID;
    BID_UINT128 bid;
    _IDEC_round rounding = bid_rounding(mode, unpack(value).is_negative);
    if (!quantize(to_bid(value), scale, rounding, &bid, is_inexact))
        return BW_ERR_LIMIT;
    *rounded = pack(unpack(from_bid(bid)));
    return BW_ERR_OK;
}
