// arith.h - arithmetic that says what happens at the edge. Wide products go through sl_u128.
#ifndef SL_BASE_ARITH_H
#define SL_BASE_ARITH_H

#include "base/base.h"

static inline uint64_t sl_min_u64(uint64_t a, uint64_t b) { return a < b ? a : b; }
static inline uint64_t sl_max_u64(uint64_t a, uint64_t b) { return a > b ? a : b; }

// Saturating: the result is UINT64_MAX where the true one does not fit.
static inline uint64_t sl_add_sat_u64(uint64_t a, uint64_t b) {
  uint64_t r;
  return __builtin_add_overflow(a, b, &r) ? UINT64_MAX : r;
}

static inline uint64_t sl_mul_sat_u64(uint64_t a, uint64_t b) {
  uint64_t r;
  return __builtin_mul_overflow(a, b, &r) ? UINT64_MAX : r;
}

// a - b, or 0 where b is the larger.
static inline uint64_t sl_sub_floor_u64(uint64_t a, uint64_t b) { return a > b ? a - b : 0; }

static inline uint64_t sl_ceil_div_u64(uint64_t a, uint64_t b) { return a / b + (a % b != 0); }

static inline sl_u128 sl_ceil_div_u128(sl_u128 a, sl_u128 b) { return a / b + (a % b != 0); }

// The value, or UINT64_MAX where it does not fit.
static inline uint64_t sl_sat_u128(sl_u128 a) { return a > UINT64_MAX ? UINT64_MAX : (uint64_t)a; }

static inline uint64_t sl_gcd_u64(uint64_t a, uint64_t b) {
  while (b != 0) {
    uint64_t t = a % b;
    a = b;
    b = t;
  }
  return a;
}

#endif
