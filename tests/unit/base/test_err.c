/* test_err.c - promises of base/err.h. */
#include "support/test.h"

static void test_fail_fills_the_error_and_returns_its_code(void **state)
{
    (void)state;
    struct bw_error error;
    enum bw_err code = bw_fail(&error, BW_ERR_CONFLICT, "run %s: seq %d", "r1", 7);
    assert_int_equal(code, BW_ERR_CONFLICT);
    assert_int_equal(error.code, BW_ERR_CONFLICT);
    assert_string_equal(error.text, "run r1: seq 7");
    assert_non_null(strstr(error.file, "test_err.c"));
    assert_true(error.line > 0);
}

static void test_fail_without_an_error_struct_only_returns_the_code(void **state)
{
    (void)state;
    assert_int_equal(bw_fail(NULL, BW_ERR_IO, "nobody reads this"), BW_ERR_IO);
}

static void test_fail_may_wrap_the_text_it_replaces(void **state)
{
    (void)state;
    struct bw_error error;
    (void)bw_fail(&error, BW_ERR_IO, "disk is full");
    (void)bw_fail(&error, BW_ERR_UNAVAILABLE, "cannot save: %s", error.text);
    assert_string_equal(error.text, "cannot save: disk is full");
}

static void test_fail_cuts_a_long_text_and_terminates_it(void **state)
{
    (void)state;
    struct bw_error error;
    char text[3 * BW_ERROR_TEXT_MAX];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    (void)bw_fail(&error, BW_ERR_INVALID, "%s", text);
    assert_int_equal(strlen(error.text), BW_ERROR_TEXT_MAX - 1);
}

static void test_every_code_comes_back_from_its_name(void **state)
{
    (void)state;
    for (int i = 0; i < BW_ERR_COUNT_; i++) {
        enum bw_err code = (enum bw_err)i;
        assert_int_equal(bw_err_from_name(bw_err_name(code)), code);
        assert_true(strlen(bw_err_text(code)) > 0);
        assert_in_range(bw_err_http_status(code), 200, 599);
        assert_in_range(bw_err_exit_code(code), 0, 255);
    }
    assert_int_equal(bw_err_from_name("NO_SUCH_CODE"), BW_ERR_INTERNAL);
}

static void test_only_success_exits_with_zero(void **state)
{
    (void)state;
    assert_int_equal(bw_err_exit_code(BW_ERR_OK), 0);
    for (int i = 1; i < BW_ERR_COUNT_; i++)
        assert_int_not_equal(bw_err_exit_code((enum bw_err)i), 0);
}

static void test_an_unknown_outcome_is_never_retried_as_it_is(void **state)
{
    (void)state;
    assert_false(bw_err_is_retryable(BW_ERR_UNKNOWN_OUTCOME));
    assert_true(bw_err_is_retryable(BW_ERR_UNAVAILABLE));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fail_fills_the_error_and_returns_its_code),
        cmocka_unit_test(test_fail_without_an_error_struct_only_returns_the_code),
        cmocka_unit_test(test_fail_may_wrap_the_text_it_replaces),
        cmocka_unit_test(test_fail_cuts_a_long_text_and_terminates_it),
        cmocka_unit_test(test_every_code_comes_back_from_its_name),
        cmocka_unit_test(test_only_success_exits_with_zero),
        cmocka_unit_test(test_an_unknown_outcome_is_never_retried_as_it_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
