// pace.h - the rate of the library's waiting limiters (smooth.h, self_pay.h), and time counted in
// it.
//
// At `count` permits per `period_ns` a permit takes period / count ns, in general no whole number.
// So these limiters count time in units of 1/count ns, in 128 bits: an instant is ns x count, p
// permits take exactly p x period units, and nothing is ever rounded but the wait that is told (up,
// to a nanosecond). Only a change of the rate converts the units, and rounds once, below one unit,
// against the caller.
//
// Instants end at SL_PACE_END_NS: what would be later is read as that. So permits up to 2^64 - 1
// are taken without overflow, and the wait they are told is at most SL_PACE_END_NS - now.
#ifndef SL_ALGO_PACE_H
#define SL_ALGO_PACE_H

#include "algo/limit.h"

// A rate; immutable. An infinite one has count 1 and period 0: its permits take no time.
struct sl_pace {
  uint64_t count;      // 1 to SL_COUNT_MAX
  uint64_t period_ns;  // 1 to SL_PERIOD_MAX_NS, or 0
};

#define SL_PACE_INFINITE ((struct sl_pace){.count = 1, .period_ns = 0})
#define SL_PACE_END_NS (UINT64_C(1) << 63)

// Is it within the ranges above?
bool sl_pace_is_valid(struct sl_pace pace);

static inline bool sl_pace_is_infinite(struct sl_pace pace) { return pace.period_ns == 0; }

// An instant, or a span of time, in units of 1/count ns.
static inline sl_u128 sl_pace_units(struct sl_pace pace, uint64_t ns) {
  return (sl_u128)ns * pace.count;
}

// The time that permits take.
static inline sl_u128 sl_pace_cost(struct sl_pace pace, uint64_t permits) {
  return (sl_u128)permits * pace.period_ns;
}

// instant + span, not beyond the end. Both below 2^127.
static inline sl_u128 sl_pace_add(struct sl_pace pace, sl_u128 instant, sl_u128 span) {
  sl_u128 end = sl_pace_units(pace, SL_PACE_END_NS);
  return instant + span < end ? instant + span : end;
}

// The whole ns from now until the instant, rounded up; 0 when it is past.
uint64_t sl_pace_wait(struct sl_pace pace, sl_u128 instant, uint64_t now_ns);

// a x b / c with all 256 bits of the product, rounded down or up; all ones when that does not fit.
// c > 0.
sl_u128 sl_mul_div_floor(sl_u128 a, sl_u128 b, sl_u128 c);
sl_u128 sl_mul_div_ceil(sl_u128 a, sl_u128 b, sl_u128 c);

#endif
