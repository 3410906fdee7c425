/* os.h - the real clock and the real randomness behind the seams of base/clock.h and
 * base/entropy.h.
 *
 * Offers:  bw_clock_os, bw_entropy_os. Both are stateless and free to copy.
 * Relies on: clock_gettime, getrandom.
 */
#ifndef BW_IO_OS_H
#define BW_IO_OS_H

#include "base/clock.h"
#include "base/entropy.h"

/* CLOCK_MONOTONIC and CLOCK_REALTIME. */
struct bw_clock bw_clock_os(void);
/* The kernel's generator. Aborts when the kernel gives none: ids and keys must not be guessed at.
 */
struct bw_entropy bw_entropy_os(void);

#endif
