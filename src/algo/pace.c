#include "algo/pace.h"

bool sl_pace_is_valid(struct sl_pace pace) {
  if (pace.period_ns == 0) {
    return pace.count == 1;
  }
  return pace.count >= 1 && pace.count <= SL_COUNT_MAX && pace.period_ns <= SL_PERIOD_MAX_NS;
}

uint64_t sl_pace_wait(struct sl_pace pace, sl_u128 instant, uint64_t now_ns) {
  sl_u128 now = sl_pace_units(pace, now_ns);
  return instant > now ? sl_sat_u128(sl_ceil_div_u128(instant - now, pace.count)) : 0;
}

struct wide {
  sl_u128 high, low;
};

// The schoolbook product of four 64-bit halves.
static struct wide multiply(sl_u128 a, sl_u128 b) {
  uint64_t a0 = (uint64_t)a;
  uint64_t a1 = (uint64_t)(a >> 64);
  uint64_t b0 = (uint64_t)b;
  uint64_t b1 = (uint64_t)(b >> 64);
  sl_u128 low = (sl_u128)a0 * b0;
  sl_u128 middle = (sl_u128)a1 * b0 + (uint64_t)(low >> 64);
  sl_u128 other = (sl_u128)a0 * b1 + (uint64_t)middle;
  return (struct wide){
      .high = (sl_u128)a1 * b1 + (uint64_t)(middle >> 64) + (uint64_t)(other >> 64),
      .low = other << 64 | (uint64_t)low,
  };
}

static sl_u128 mul_div(sl_u128 a, sl_u128 b, sl_u128 c, bool up) {
  sl_assert(c > 0);
  struct wide product = multiply(a, b);
  if (product.high >= c) {
    return ~(sl_u128)0;
  }
  if (product.high == 0) {
    return product.low / c + (up && product.low % c != 0);
  }
  // Long division, a bit at a time: the rest moves through `high`, the quotient grows in `low`.
  for (int bit = 0; bit < 128; bit++) {
    bool carry = product.high >> 127 != 0;
    product.high = product.high << 1 | product.low >> 127;
    product.low <<= 1;
    if (carry || product.high >= c) {
      product.high -= c;
      product.low |= 1;
    }
  }
  bool more = up && product.high != 0 && product.low != ~(sl_u128)0;
  return product.low + more;
}

sl_u128 sl_mul_div_floor(sl_u128 a, sl_u128 b, sl_u128 c) { return mul_div(a, b, c, false); }

sl_u128 sl_mul_div_ceil(sl_u128 a, sl_u128 b, sl_u128 c) { return mul_div(a, b, c, true); }
