/* decimal.h - exact decimals: IEEE 754 decimal128 (34 digits) over libintelrdfpmath. Never a binary
 * float.
 *
 * Offers:  parse, print in plain digits, arithmetic, rounding with a named mode.
 * Relies on: libintelrdfpmath (BID, call by value, local rounding and flags). Fuzzed by
 * tests/fuzz/fuzz_decimal.c.
 *
 * The scale is kept: 1.10 prints as 1.10. Nothing is lost in silence: add, sub and mul return
 * BW_ERR_LIMIT when the exact result needs more than 34 digits or 34 decimals; only div and round
 * round, and round says whether it did.
 */
#ifndef BW_CODEC_DECIMAL_H
#define BW_CODEC_DECIMAL_H

#include "base/err.h"
#include "base/str.h"
#include <stdint.h>

#define BW_DECIMAL_DIGITS_MAX 34
#define BW_DECIMAL_TEXT_MAX                                                                        \
    80 /* enough for every value that parse accepts, with the terminating zero */
#define BW_DECIMAL_SCALE_MAX 34

struct bw_decimal {
    uint64_t w[2]; /* a BID decimal128; opaque */
};

enum bw_round {
    BW_ROUND_HALF_UP,   /* half away from zero: the only rounding of money by the billing rules */
    BW_ROUND_HALF_EVEN, /* bankers' rounding */
    BW_ROUND_UP,        /* away from zero */
    BW_ROUND_DOWN,      /* toward zero */
    BW_ROUND_CEIL,
    BW_ROUND_FLOOR,
};

/* Accepts [+-]?digits[.digits] with at most 34 significant digits and scale 0..34; nothing else (no
 * exponent, no spaces, no separators). INVALID otherwise, with the reason. */
BW_MUST_USE enum bw_err bw_decimal_parse(struct bw_str text, struct bw_decimal *value,
                                         struct bw_error *error);
/* Is `text` exactly what bw_decimal_print gives for some value? (No plus sign, no leading zeros, no
 * "-0".) */
bool bw_decimal_is_canonical(struct bw_str text);
struct bw_decimal bw_decimal_from_int(int64_t value);
/* Plain digits, scale kept, "-0" printed as "0"; returns the length. */
size_t bw_decimal_print(struct bw_decimal value, char text[static BW_DECIMAL_TEXT_MAX]);
BW_MUST_USE bool bw_decimal_to_int(struct bw_decimal value,
                                   int64_t *integer); /* false unless integral and in range */

BW_MUST_USE enum bw_err bw_decimal_add(struct bw_decimal a, struct bw_decimal b,
                                       struct bw_decimal *sum);
BW_MUST_USE enum bw_err bw_decimal_sub(struct bw_decimal a, struct bw_decimal b,
                                       struct bw_decimal *difference);
BW_MUST_USE enum bw_err bw_decimal_mul(struct bw_decimal a, struct bw_decimal b,
                                       struct bw_decimal *product);
/* 34 digits, half even; trailing zeros beyond the operands' scales removed. INVALID on division by
 * zero. */
BW_MUST_USE enum bw_err bw_decimal_div(struct bw_decimal a, struct bw_decimal b,
                                       struct bw_decimal *quotient);
/* Truncated integer quotient and the remainder with the sign of `a`. */
BW_MUST_USE enum bw_err bw_decimal_divmod(struct bw_decimal a, struct bw_decimal b,
                                          struct bw_decimal *quotient,
                                          struct bw_decimal *remainder);
struct bw_decimal bw_decimal_neg(struct bw_decimal value);
struct bw_decimal bw_decimal_abs(struct bw_decimal value);
int bw_decimal_cmp(struct bw_decimal a, struct bw_decimal b); /* by value: 1.5 equals 1.50 */
int bw_decimal_sign(struct bw_decimal value);
int bw_decimal_scale(struct bw_decimal value); /* digits behind the point as it is written */
/* Rounds to exactly `scale` decimals (0..34; the result has that scale). `is_inexact` may be NULL.
 * LIMIT when the result does not fit 34 digits. */
BW_MUST_USE enum bw_err bw_decimal_round(struct bw_decimal value, int scale, enum bw_round mode,
                                         struct bw_decimal *rounded, bool *is_inexact);

#endif
