// prng.h - xoshiro256** (Blackman and Vigna, 2018), seeded by splitmix64: reproducible randomness
// for sampling, sketches and tests. Not for secrets.
#ifndef SL_BASE_PRNG_H
#define SL_BASE_PRNG_H

#include "base/base.h"

struct sl_prng {
  uint64_t s[4];
};

static inline uint64_t sl_splitmix64(uint64_t *state) {
  uint64_t z = (*state += 0x9e3779b97f4a7c15u);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

static inline void sl_prng_seed(struct sl_prng *prng, uint64_t seed) {
  for (int i = 0; i < 4; i++) {
    prng->s[i] = sl_splitmix64(&seed);
  }
}

static inline uint64_t sl_prng_next(struct sl_prng *prng) {
  uint64_t *s = prng->s;
  uint64_t m = s[1] * 5;
  uint64_t result = ((m << 7) | (m >> 57)) * 9;
  uint64_t t = s[1] << 17;
  s[2] ^= s[0];
  s[3] ^= s[1];
  s[1] ^= s[2];
  s[0] ^= s[3];
  s[2] ^= t;
  s[3] = (s[3] << 45) | (s[3] >> 19);
  return result;
}

// Uniform in [0, bound); bound > 0. The bias of the multiply-shift is below bound / 2^64.
static inline uint64_t sl_prng_below(struct sl_prng *prng, uint64_t bound) {
  return (uint64_t)(((sl_u128)sl_prng_next(prng) * bound) >> 64);
}

#endif
