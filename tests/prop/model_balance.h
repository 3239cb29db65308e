// self_pay as a balance of permits in whole numbers: a ns brings `count`, a permit costs `period`.
// The code under test keeps one instant instead.
#ifndef TESTS_PROP_MODEL_BALANCE_H
#define TESTS_PROP_MODEL_BALANCE_H

#include "algo/pace.h"

struct balance {
  struct sl_pace pace;
  uint64_t burst_ns;
  uint64_t latest_ns;  // the latest departure ever promised
  sl_i128 permits;     // x period
};

static inline sl_i128 balance_most(const struct balance *b) {
  return (sl_i128)b->burst_ns * b->pace.count;
}

static inline void balance_cap(struct balance *b) {
  b->permits = b->permits < balance_most(b) ? b->permits : balance_most(b);
}

static inline void balance_init(struct balance *b, struct sl_pace pace, uint64_t burst_ns,
                                uint64_t now_ns) {
  *b = (struct balance){.pace = pace, .burst_ns = burst_ns, .latest_ns = now_ns};
  b->permits = (sl_i128)sl_min_u64(burst_ns, SL_NS_PER_S) * pace.count;
}

static inline void balance_pass(struct balance *b, uint64_t ns) {
  b->permits += (sl_i128)ns * b->pace.count;
  balance_cap(b);
}

// The wait of a request now.
static inline uint64_t balance_wait(const struct balance *b, uint64_t permits) {
  sl_i128 after = b->permits - (sl_i128)permits * b->pace.period_ns;
  return after >= 0 ? 0 : sl_sat_u128(sl_ceil_div_u128((sl_u128)-after, b->pace.count));
}

static inline void balance_take(struct balance *b, uint64_t now_ns, uint64_t permits) {
  b->latest_ns = sl_max_u64(b->latest_ns, now_ns + balance_wait(b, permits));
  b->permits -= (sl_i128)permits * b->pace.period_ns;
}

// What cancelling gives back, x period: cost - r x max(time since, latest promise - its own).
static inline sl_u128 balance_refund(const struct balance *b, uint64_t now_ns, uint64_t charged_ns,
                                     uint64_t departs_ns, sl_u128 cost) {
  sl_u128 lost =
      (sl_u128)sl_max_u64(now_ns - charged_ns, b->latest_ns - departs_ns) * b->pace.count;
  return cost > lost ? cost - lost : 0;
}

// Time, kept or owed, is kept by a change of the rate.
static inline void balance_set_rate(struct balance *b, struct sl_pace pace) {
  struct sl_pace old = b->pace;
  sl_i128 scaled = b->permits * pace.count;
  b->permits =
      scaled >= 0 ? scaled / old.count : -(sl_i128)sl_ceil_div_u128((sl_u128)-scaled, old.count);
  b->pace = pace;
  if (old.period_ns == 0 && pace.period_ns > 0 && b->permits >= 0) {
    b->permits = balance_most(b);
  }
}

#endif
