// timeline.h - a limit's own clock, on which one stamp holds a bucket exactly.
//
// The law. A rate of N tokens per P ns has the emission interval P/N, in general no whole number of
// nanoseconds. Adding a rounded interval for every request would drift. So time is converted
// instead of the interval: the limit's clock ticks m times per token (m = `unit`, a whole number),
// and the tick count at time t is
//         y(t) = floor(t x N m / P)
// computed afresh from t each time: whatever is rounded is rounded once, below one tick, and
// nothing accumulates at any rate. A request of cost c moves a stamp by exactly c x m ticks.
//
// The choice of m. Stamps and tick counts share 63 bits (the engine keeps the last bit of its
// cell), and a tick is not longer than 1 ns: m >= P/N. Where N divides P, m = P/N: a tick is a
// nanosecond and the conversion is the identity. Else m is the least multiple, not below P/N, of
// the least number that makes y exact at every whole microsecond (or, where that would make ticks
// shorter than half a nanosecond, at every whole millisecond). Only a bucket that takes decades to
// refill has ticks a little over 1 ns.
//
// What is promised: for readings s <= t, ticks passed = y(t) - y(s), which is below (t - s) x N m /
// P + 1, and equal to (t - s) x N m / P where both readings stand on the exact grid. A tick being
// no longer than the nanosecond for which a reading stands, every half-open interval of W ns admits
// at most B - 1 + ceil(r W) tokens: the bound of an ideal token bucket, at every nanosecond.
//
// Tick counts may wrap: differences are taken modulo 2^63. This is invisible unless a state is left
// untouched for longer than `horizon_ns` (never less than 73 years up to one token per nanosecond;
// 2 hours at the fastest rate of all); the engine drops fresh states long before.
//
// Source: the virtual-scheduling form of the generic cell rate algorithm (ITU-T I.371, Annex A),
// with the clock scaled instead of the increment.
#ifndef SL_ALGO_TIMELINE_H
#define SL_ALGO_TIMELINE_H

#include "base/arith.h"
#include "base/base.h"

#define SL_STAMP_MASK ((UINT64_C(1) << 63) - 1)

struct sl_timeline {
  uint64_t whole;  // whole ticks per ns
  uint64_t num;    // plus num/den ticks per ns, num < den, in lowest terms
  uint64_t den;
  uint64_t magic;       // floor(2^64 x num / den): multiplies instead of dividing
  uint64_t per;         // ticks per den ns: den + num, where 1 <= ticks per ns < 2; else 0
  uint64_t inverse;     // floor(2^64 x den / per) there
  uint64_t step_ticks;  // how far the clock jumps at each step_ns > 1
  bool identity;        // a tick is a nanosecond
  uint64_t step_ns;     // the clock stands still between multiples of this: 1, or the window
  uint64_t horizon_ns;  // a state untouched for longer may be misread; above
};

// Ticks at a rate of `count` tokens per `period_ns`, `unit` ticks per token; count and period > 0.
// `step_ns` > 1 makes the clock of aligned windows: it advances only at multiples of step_ns.
struct sl_timeline sl_timeline_make(uint64_t count, uint64_t period_ns, uint64_t unit,
                                    uint64_t step_ns);

// The `unit` of the choice above; at least 1. count and period_ns > 0. The second form rounds down:
// ticks of 1 to 2 ns, for buckets so deep that their stamps would not fit otherwise.
uint64_t sl_timeline_unit(uint64_t count, uint64_t period_ns);
uint64_t sl_timeline_unit_coarse(uint64_t count, uint64_t period_ns);

// The tick count at now, modulo 2^63, and the rest of the division (in den-ths of a tick).
static inline uint64_t sl_timeline_ticks(const struct sl_timeline *tl, uint64_t now_ns,
                                         uint64_t *ret_rest) {
  uint64_t part = (uint64_t)(((sl_u128)now_ns * tl->magic) >> 64);
  // `magic` is low by less than 1 and now_ns below 2^62: the quotient is right or one too small.
  // The true rest is below 2 x den, so 64-bit wrap-around does not hide it.
  uint64_t rest = now_ns * tl->num - part * tl->den;
  if (rest >= tl->den) {
    rest -= tl->den;
    part++;
  }
  *ret_rest = rest;
  return (now_ns * tl->whole + part) & SL_STAMP_MASK;
}

static inline uint64_t sl_timeline_now(const struct sl_timeline *tl, uint64_t now_ns) {
  if (SL_LIKELY(tl->identity)) {
    return now_ns;
  }
  uint64_t rest;
  if (tl->step_ns > 1) {
    now_ns -= now_ns % tl->step_ns;
  }
  return sl_timeline_ticks(tl, now_ns, &rest);
}

// How far `stamp` is ahead of tick count `y`; negative when behind. Both modulo 2^63.
static inline int64_t sl_timeline_ahead(uint64_t stamp, uint64_t y) {
  return (int64_t)((stamp - y) << 1) >> 1;
}

// sl_timeline_wait by plain division: for rates that are beyond the fast forms, and to check them
// by.
uint64_t sl_timeline_wait_wide(const struct sl_timeline *tl, uint64_t now_ns, uint64_t ticks);

// The least wait in ns after which the tick count has grown by at least `ticks` (0 for 0; up to
// 2^62). UINT64_MAX when that is beyond 64 bits.
static inline uint64_t sl_timeline_wait(const struct sl_timeline *tl, uint64_t now_ns,
                                        uint64_t ticks) {
  if (ticks == 0) {
    return 0;
  }
  if (SL_LIKELY(tl->identity)) {
    return ticks;
  }
  if (tl->inverse == 0 || tl->step_ns > 1) {
    return sl_timeline_wait_wide(tl, now_ns, ticks);
  }
  // ceil((ticks x den - rest) / per). The product with the inverse is low by less than one, so the
  // rest of the division is above -per and below 2 x per, and wrapping does not hide it.
  uint64_t rest;
  (void)sl_timeline_ticks(tl, now_ns, &rest);
  uint64_t wait = (uint64_t)(((sl_u128)ticks * tl->inverse) >> 64);
  int64_t left = (int64_t)(ticks * tl->den - rest - wait * tl->per);
  return wait + (left > 0) + (left > (int64_t)tl->per);
}

// The ticks that surely pass in `ns` from any start (rounded down), saturating at 2^62; and the
// most that can pass (rounded up).
uint64_t sl_timeline_span_floor(const struct sl_timeline *tl, uint64_t ns);
uint64_t sl_timeline_span_ceil(const struct sl_timeline *tl, uint64_t ns);

#endif
