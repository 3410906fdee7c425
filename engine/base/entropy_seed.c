/* entropy_seed.c - xoshiro256** behind the entropy seam: reproducible, fast, not for secrets. */
#include "base/entropy.h"

#include <string.h>

static uint64_t splitmix64(uint64_t *state)
{
    uint64_t z = (*state += UINT64_C(0x9e3779b97f4a7c15));
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static uint64_t rotate_left(uint64_t value, unsigned bits)
{
    return (value << bits) | (value >> (64 - bits));
}

void bw_rng_seed(struct bw_rng *rng, uint64_t seed)
{
    for (int i = 0; i < 4; i++)
        rng->s[i] = splitmix64(&seed);
}

uint64_t bw_rng_next(struct bw_rng *rng)
{
    uint64_t *s = rng->s;
    uint64_t result = rotate_left(s[1] * 5, 7) * 9;
    uint64_t t = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotate_left(s[3], 45);
    return result;
}

static void rng_fill(void *self, void *bytes, size_t len)
{
    struct bw_rng *rng = self;
    unsigned char *at = bytes;
    while (len > 0) {
        uint64_t value = bw_rng_next(rng);
        size_t part = len < sizeof value ? len : sizeof value;
        memcpy(at, &value, part);
        at += part;
        len -= part;
    }
}

struct bw_entropy bw_rng_entropy(struct bw_rng *rng)
{
    return (struct bw_entropy){rng_fill, rng};
}
