/* entropy.h - the seam through which the engine gets random bytes; one seed can replay the world in
 * tests.
 *
 * Offers:  struct bw_entropy.
 * Relies on: libc only. Implementations: io/entropy_os.c (real), base/entropy_seed.c (tests:
 *            xoshiro256**).
 */
#ifndef BW_BASE_ENTROPY_H
#define BW_BASE_ENTROPY_H

#include <stddef.h>
#include <stdint.h>

struct bw_entropy {
    void (*fill)(void *self, void *bytes, size_t len);
    void *self;
};

static inline uint64_t bw_entropy_u64(const struct bw_entropy *entropy)
{
    uint64_t value;
    entropy->fill(entropy->self, &value, sizeof value);
    return value;
}

/* xoshiro256** (Blackman and Vigna), seeded by splitmix64. Also what scripts get as random(). */
struct bw_rng {
    uint64_t s[4];
};
void bw_rng_seed(struct bw_rng *rng, uint64_t seed);
uint64_t bw_rng_next(struct bw_rng *rng);
struct bw_entropy bw_rng_entropy(struct bw_rng *rng); /* borrowed: `rng` must outlive it */

#endif
