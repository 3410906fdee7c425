/* fuzz_decimal.c - two decimals with a space between them: every result prints to text that
 * parses to the same bits, and the laws of arithmetic hold. */
#include "fuzz.h"

#include "codec/decimal.h"

static void check_canonical(struct bw_decimal value)
{
    char text[BW_DECIMAL_TEXT_MAX];
    struct bw_decimal back;
    size_t len = bw_decimal_print(value, text);
    FUZZ_CHECK(bw_decimal_is_canonical(bw_str(text, len)));
    FUZZ_CHECK(bw_decimal_parse(bw_str(text, len), &back, NULL) == BW_ERR_OK);
    FUZZ_CHECK(back.w[0] == value.w[0] && back.w[1] == value.w[1]);
}

static void check_laws(struct bw_decimal a, struct bw_decimal b)
{
    struct bw_decimal result;
    struct bw_decimal back;
    struct bw_decimal rest;
    if (bw_decimal_add(a, b, &result) == BW_ERR_OK) {
        check_canonical(result);
        if (bw_decimal_sub(result, b, &back) == BW_ERR_OK)
            FUZZ_CHECK(bw_decimal_cmp(back, a) == 0);
    }
    if (bw_decimal_mul(a, b, &result) == BW_ERR_OK) {
        check_canonical(result);
        FUZZ_CHECK(bw_decimal_sign(result) == bw_decimal_sign(a) * bw_decimal_sign(b));
    }
    if (bw_decimal_div(a, b, &result) == BW_ERR_OK)
        check_canonical(result);
    if (bw_decimal_divmod(a, b, &result, &rest) == BW_ERR_OK) {
        check_canonical(result);
        check_canonical(rest);
        FUZZ_CHECK(bw_decimal_cmp(bw_decimal_abs(rest), bw_decimal_abs(b)) < 0);
        if (bw_decimal_mul(result, b, &back) == BW_ERR_OK &&
            bw_decimal_add(back, rest, &back) == BW_ERR_OK)
            FUZZ_CHECK(bw_decimal_cmp(back, a) == 0);
    }
    FUZZ_CHECK(bw_decimal_cmp(a, b) == -bw_decimal_cmp(b, a));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct bw_str text = fuzz_str(bytes, len);
    const char *space = len ? memchr(text.ptr, ' ', len) : NULL;
    size_t first_len = space ? (size_t)(space - text.ptr) : len;
    struct bw_decimal a;
    struct bw_decimal b = bw_decimal_from_int(3);
    if (bw_decimal_parse(bw_str(text.ptr, first_len), &a, NULL) != BW_ERR_OK)
        return 0;
    check_canonical(a);
    for (int scale = 0; scale <= BW_DECIMAL_SCALE_MAX; scale++) {
        struct bw_decimal rounded;
        bool is_inexact;
        enum bw_round mode = (enum bw_round)((size_t)scale % 6);
        if (bw_decimal_round(a, scale, mode, &rounded, &is_inexact) == BW_ERR_OK) {
            check_canonical(rounded);
            FUZZ_CHECK(bw_decimal_scale(rounded) == scale);
            FUZZ_CHECK(is_inexact == (bw_decimal_cmp(rounded, a) != 0));
        }
    }
    if (space && bw_decimal_parse(bw_str(space + 1, len - first_len - 1), &b, NULL) != BW_ERR_OK)
        return 0;
    check_laws(a, b);
    return 0;
}
