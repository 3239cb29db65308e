#include "algo/timeline.h"

#include "base/units.h"

#define SPAN_MAX (UINT64_C(1) << 62)

struct sl_timeline sl_timeline_make(uint64_t count, uint64_t period_ns, uint64_t unit,
                                    uint64_t step_ns) {
  sl_assert(count > 0 && period_ns > 0 && unit > 0 && step_ns > 0);
  // The unit is at most twice the interval in ns or 1, so the product is at most 2 periods or the
  // count.
  uint64_t num = count * unit;
  uint64_t gcd = sl_gcd_u64(num, period_ns);
  num /= gcd;
  struct sl_timeline tl = {.den = period_ns / gcd, .step_ns = step_ns};
  tl.whole = num / tl.den;
  tl.num = num % tl.den;
  tl.identity = tl.whole == 1 && tl.num == 0 && step_ns == 1;
  tl.step_ticks = step_ns > 1 ? count * unit : 0;
  tl.magic = (uint64_t)(((sl_u128)tl.num << 64) / tl.den);
  if (tl.whole == 1) {
    tl.per = tl.den + tl.num;
    tl.inverse = (uint64_t)((((sl_u128)tl.den << 64) - (tl.num == 0)) / tl.per);
  }
  tl.horizon_ns = SPAN_MAX / (tl.whole + (tl.num > 0));
  return tl;
}

// The least factor of the unit that makes the tick count exact on a grid, or 1.
static uint64_t grid_factor(uint64_t count, uint64_t period_ns) {
  static const uint64_t grids[] = {SL_NS_PER_US, SL_NS_PER_MS};
  for (size_t i = 0; i < SL_ARRAY_LEN(grids); i++) {
    if (period_ns % grids[i] != 0) {
      continue;
    }
    uint64_t per_grid = period_ns / grids[i];
    uint64_t factor = per_grid / sl_gcd_u64(count, per_grid);
    if (factor <= period_ns / count) {
      return factor;
    }
  }
  return 1;
}

uint64_t sl_timeline_unit(uint64_t count, uint64_t period_ns) {
  uint64_t factor = grid_factor(count, period_ns);
  uint64_t least = sl_ceil_div_u64(period_ns, count);
  return period_ns % count == 0 ? least : sl_ceil_div_u64(least, factor) * factor;
}

uint64_t sl_timeline_unit_coarse(uint64_t count, uint64_t period_ns) {
  uint64_t factor = grid_factor(count, period_ns);
  uint64_t most = sl_max_u64(period_ns / count, 1);
  return most - most % factor;
}

uint64_t sl_timeline_wait_wide(const struct sl_timeline *tl, uint64_t now_ns, uint64_t ticks) {
  if (ticks == 0) {
    return 0;
  }
  if (tl->step_ns > 1) {
    sl_u128 steps = sl_ceil_div_u64(ticks, tl->step_ticks);
    return sl_sat_u128(steps * tl->step_ns - now_ns % tl->step_ns);
  }
  uint64_t rest;
  (void)sl_timeline_ticks(tl, now_ns, &rest);
  sl_u128 per = (sl_u128)tl->whole * tl->den + tl->num;
  return sl_sat_u128(sl_ceil_div_u128((sl_u128)ticks * tl->den - rest, per));
}

uint64_t sl_timeline_span_floor(const struct sl_timeline *tl, uint64_t ns) {
  sl_u128 ticks = (sl_u128)ns * tl->whole + (sl_u128)ns * tl->num / tl->den;
  return ticks > SPAN_MAX ? SPAN_MAX : (uint64_t)ticks;
}

uint64_t sl_timeline_span_ceil(const struct sl_timeline *tl, uint64_t ns) {
  sl_u128 ticks = (sl_u128)ns * tl->whole + sl_ceil_div_u128((sl_u128)ns * tl->num, tl->den);
  return ticks > SPAN_MAX ? SPAN_MAX : (uint64_t)ticks;
}
