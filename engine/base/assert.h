/* assert.h - a bug stops the process; the journal makes that safe.
 *
 * Offers:  BW_ASSERT (always on), BW_ASSERT_SLOW (development builds), BW_UNREACHABLE.
 * Relies on: libc only.
 *
 * An assertion states what is true of our own code. What comes from outside (files, requests,
 * scripts, rows) is checked with enum bw_err instead (base/err.h).
 */
#ifndef BW_BASE_ASSERT_H
#define BW_BASE_ASSERT_H

/* Writes one line to standard error and aborts. */
_Noreturn void bw_assert_failed(const char *expression, const char *file, int line,
                                const char *function);

#define BW_ASSERT(fact) ((fact) ? (void)0 : bw_assert_failed(#fact, __FILE__, __LINE__, __func__))

/* For facts that cost more than the work they guard. */
#ifdef BW_DEBUG
#define BW_ASSERT_SLOW(fact) BW_ASSERT(fact)
#else
#define BW_ASSERT_SLOW(fact) ((void)sizeof(fact))
#endif

#define BW_UNREACHABLE() bw_assert_failed("unreachable", __FILE__, __LINE__, __func__)

#endif
