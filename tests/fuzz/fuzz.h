/* fuzz.h - what the fuzz targets share.
 *
 * Offers:  the entry point's declaration; FUZZ_CHECK, which stops on a broken promise.
 * Relies on: base/. Run by tests/support/fuzz_main.c in every build, by libFuzzer in the preset
 * `fuzz`.
 */
#ifndef BW_TESTS_FUZZ_FUZZ_H
#define BW_TESTS_FUZZ_FUZZ_H

#include "base/assert.h"
#include "base/buf.h"
#include "base/mem.h"
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

#define FUZZ_CHECK(fact) BW_ASSERT(fact)

static inline struct bw_str fuzz_str(const uint8_t *bytes, size_t len)
{
    return bw_str((const char *)bytes, len);
}

#endif
