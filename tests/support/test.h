/* test.h - the first include of every C test: cmocka with what it needs before it.
 *
 * Offers:  cmocka, assert_str (a struct bw_str against terminated text), assert_ok, test_run.
 * Relies on: base/.
 */
#ifndef BW_TESTS_SUPPORT_TEST_H
#define BW_TESTS_SUPPORT_TEST_H

/* cmocka.h relies on these four. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/str.h"

/* Exit code by which a test says that it could not run here (ctest: skipped, never passed). */
#define TEST_SKIPPED 77

/* `actual` holds exactly these bytes. */
#define assert_str(actual, expected) test_assert_str((actual), (expected), __FILE__, __LINE__)
void test_assert_str(struct bw_str actual, const char *expected, const char *file, int line);

/* `call` returns BW_ERR_OK; prints the error's text otherwise. */
#define assert_ok(call, error) test_assert_ok((call), (error), __FILE__, __LINE__)
void test_assert_ok(enum bw_err code, const struct bw_error *error, const char *file, int line);

/* `call` returns the code BW_ERR_<name>. */
#define assert_err(call, name) test_assert_err((call), BW_ERR_##name, __FILE__, __LINE__)
void test_assert_err(enum bw_err code, enum bw_err expected, const char *file, int line);

#endif
