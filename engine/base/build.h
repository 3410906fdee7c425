/* build.h - what kind of build this is.
 *
 * Offers:  BW_HAS_SANITIZER, defined to 1 under AddressSanitizer and ThreadSanitizer, which take
 * terabytes of address space, make system calls of their own, and are several times slower.
 * Relies on: nothing.
 */
#ifndef BW_BASE_BUILD_H
#define BW_BASE_BUILD_H

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define BW_HAS_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define BW_HAS_SANITIZER 1
#endif
#endif

#endif
