/* test.c - see test.h. */
#include "support/test.h"

void test_assert_str(struct bw_str actual, const char *expected, const char *file, int line)
{
    if (bw_str_eq(actual, bw_str_of(expected)))
        return;
    print_error("expected: %s\n     got: %.*s\n", expected, BW_STR_ARG(actual));
    _fail(file, line);
}

void test_assert_ok(enum bw_err code, const struct bw_error *error, const char *file, int line)
{
    if (code == BW_ERR_OK)
        return;
    print_error("%s: %s\n", bw_err_name(code), error ? error->text : "(no details)");
    _fail(file, line);
}

void test_assert_err(enum bw_err code, enum bw_err expected, const char *file, int line)
{
    if (code == expected)
        return;
    print_error("expected %s, got %s\n", bw_err_name(expected), bw_err_name(code));
    _fail(file, line);
}
