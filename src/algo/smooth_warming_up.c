#include "algo/smooth.h"

enum sl_status sl_smooth_warming_up_init(struct sl_smooth *smooth, struct sl_pace pace,
                                         uint64_t warmup_ns, uint32_t cold_num, uint32_t cold_den,
                                         uint64_t now_ns) {
  if (!sl_pace_is_valid(pace) || warmup_ns > SL_PERIOD_MAX_NS || cold_den == 0 ||
      cold_num < cold_den || cold_num > SL_COLD_FACTOR_MAX) {
    return SL_ERR_RANGE;
  }
  now_ns = sl_min_u64(now_ns, SL_TIME_MAX_NS - 1);
  // The most, W/2 + 2W/(1 + f), is W (n + 5d) / 2(n + d) for f = n/d, and comes in W of idle time:
  // so the grain 2(n + d) leaves nothing to round.
  *smooth = (struct sl_smooth){
      .pace = pace,
      .warming_up = true,
      .cold_num = cold_num,
      .cold_den = cold_den,
      .span_ns = warmup_ns,
      .latest_ns = now_ns,
      .grain = 2 * ((uint64_t)cold_num + cold_den),
      .gain = cold_num + 5 * (uint64_t)cold_den,
      .next_free = sl_pace_units(pace, now_ns),
  };
  smooth->stored = sl_smooth_most(smooth);
  return SL_OK;
}

sl_u128 sl_smooth_warming_up_price(const struct sl_smooth *smooth, sl_u128 spent) {
  uint64_t sum = (uint64_t)smooth->cold_num + smooth->cold_den;
  sl_u128 warmup = sl_pace_units(smooth->pace, smooth->span_ns);
  sl_u128 threshold = warmup * sum;  // W/2, in the grain of `stored`
  if (smooth->stored <= threshold) {
    return 0;
  }
  sl_u128 above = smooth->stored - threshold;
  sl_u128 cut = above < spent ? above : spent;
  // A (2B - A) (f^2 - 1) / 4W with A and B in the grain is, each divided by 4d,
  //       a x b x (n - d) / ((n + d) W)
  // where a is below W and b below 2W: no factor passes 110 bits.
  uint64_t quarter = 4 * (uint64_t)smooth->cold_den;
  sl_u128 a = sl_ceil_div_u128(cut, quarter);
  sl_u128 b = sl_ceil_div_u128(2 * above - cut, quarter);
  return sl_mul_div_ceil(a * (smooth->cold_num - smooth->cold_den), b, sum * warmup);
}
