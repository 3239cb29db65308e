// stamp.h - the part that token_bucket, leaky_bucket and fixed_window share: a bucket that is one
// stamp.
//
// The stamp S is the tick at which the bucket will be fresh again (the "theoretical arrival time"
// of the generic cell rate algorithm). With y the tick count now, the debt is d = S - y where
// positive, else 0.
//   admit cost c  iff  d + c x unit <= size_units;     then  S := max(S, y) + c x unit
// A stamp at or before y is fresh, whatever its value: it may be dropped and nobody can tell
// (SEMANTICS 31). A stamp further ahead than debt_units is read as exactly that far (SEMANTICS 4):
// no clock error refuses anybody longer than a full debt and max_wait.
#ifndef SL_ALGO_STAMP_H
#define SL_ALGO_STAMP_H

#include "algo/limit.h"

// The debt in ticks: 0 when fresh, at most debt_units.
static inline uint64_t sl_stamp_debt(const struct sl_limit *limit, uint64_t stamp, uint64_t y) {
  int64_t ahead = sl_timeline_ahead(stamp, y);
  if (ahead <= 0) {
    return 0;
  }
  if (SL_UNLIKELY((uint64_t)ahead > limit->debt_units)) {
    // Where tick counts wrap within days, a distance of more than a second beyond is an age, not a
    // clock's error.
    uint64_t second = (limit->timeline.whole + 1) * SL_NS_PER_S;
    bool error = limit->timeline.whole < 2 || (uint64_t)ahead - limit->debt_units <= second;
    return error ? limit->debt_units : 0;
  }
  return (uint64_t)ahead;
}

// Decides cost c >= 0 at tick y: the core of every stamp algorithm. *ret_debt is the debt that the
// decision leaves: grown by the cost when allowed, as it was when not. The stamp to keep is y plus
// it.
static inline enum sl_verdict sl_stamp_decide(const struct sl_limit *limit, uint64_t stamp,
                                              uint64_t y, uint64_t cost, uint64_t *ret_debt) {
  uint64_t debt = sl_stamp_debt(limit, stamp, y);
  *ret_debt = debt;
  if (SL_UNLIKELY(cost > limit->size)) {
    return SL_NEVER;
  }
  // cost <= size, so the product is at most size_units.
  uint64_t after = debt + cost * limit->unit;
  if (after > limit->size_units && cost > 0) {
    return SL_THROTTLED;
  }
  *ret_debt = after;
  return SL_ALLOWED;
}

// Is the stamp further ahead than any debt can be? Such a stamp is read as debt_units, and whoever
// reads it writes that back: else it would go on being read so for as long as some clock was wrong.
static inline bool sl_stamp_is_astray(const struct sl_limit *limit, uint64_t stamp, uint64_t y) {
  int64_t ahead = sl_timeline_ahead(stamp, y);
  return ahead > 0 && (uint64_t)ahead > limit->debt_units;
}

// The same as sl_stamp_decide, for a caller that keeps stamps: *ret_stamp is the stamp to keep when
// allowed and c > 0; else it is left alone. Thread-safe (no state).
static inline enum sl_verdict sl_stamp_take(const struct sl_limit *limit, uint64_t stamp,
                                            uint64_t y, uint64_t cost, uint64_t *ret_stamp) {
  uint64_t debt;
  enum sl_verdict verdict = sl_stamp_decide(limit, stamp, y, cost, &debt);
  if (verdict == SL_ALLOWED && cost > 0) {
    *ret_stamp = (y + debt) & SL_STAMP_MASK;
  }
  return verdict;
}

// How many whole tokens `units` (below 2^63) are.
static inline uint64_t sl_stamp_tokens(const struct sl_limit *limit, uint64_t units) {
  // The inverse is low, and by so little that the quotient is right or one too small.
  uint64_t tokens = (uint64_t)(((sl_u128)units * limit->unit_inverse) >> 64);
  return tokens + (units - tokens * limit->unit >= limit->unit);
}

// Fills the figures of SEMANTICS 15 for the debt that the decision left; `verdict` is what was said
// of `cost`. wait_ns is 0 (leaky_bucket.h has its own).
static inline SL_ALWAYS_INLINE void sl_stamp_figures_of(const struct sl_limit *limit, uint64_t debt,
                                                        uint64_t now_ns, uint64_t cost,
                                                        enum sl_verdict verdict,
                                                        struct sl_decision *ret_decision) {
  const struct sl_timeline *tl = &limit->timeline;
  ret_decision->verdict = verdict;
  ret_decision->limit = limit->size;
  ret_decision->remaining = sl_stamp_tokens(limit, sl_sub_floor_u64(limit->size_units, debt));
  ret_decision->reset_after_ns = sl_timeline_wait(tl, now_ns, debt);
  ret_decision->retry_after_ns = 0;
  ret_decision->wait_ns = 0;
  ret_decision->slot = 0;
  if (SL_UNLIKELY(verdict == SL_THROTTLED)) {
    uint64_t over = debt + cost * limit->unit - limit->size_units;
    ret_decision->retry_after_ns = sl_timeline_wait(tl, now_ns, over);
  }
}

// The same for a stamp that was kept.
static inline void sl_stamp_figures(const struct sl_limit *limit, uint64_t stamp, uint64_t now_ns,
                                    uint64_t cost, enum sl_verdict verdict,
                                    struct sl_decision *ret_decision) {
  uint64_t debt = sl_stamp_debt(limit, stamp, sl_timeline_now(&limit->timeline, now_ns));
  sl_stamp_figures_of(limit, debt, now_ns, cost, verdict, ret_decision);
}

// Takes `cost` without asking (SEMANTICS 21): the debt grows to at most debt_units. Returns the new
// stamp.
uint64_t sl_stamp_charge(const struct sl_limit *limit, uint64_t stamp, uint64_t now_ns,
                         uint64_t cost);

// ---- reservations (SEMANTICS 33, 35)

// What the holder of a reservation keeps, to cancel it.
struct sl_receipt {
  uint64_t charged_ns;  // when it was charged
  uint64_t departs;     // the tick at which it was told to go
  uint64_t stamp;       // the stamp right after it was charged
  uint64_t cost;
};

// Reserves `cost`: the stamp moves at once, the caller goes after ret_decision->wait_ns.
// never: cost above the burst. throttled: the wait would exceed max_wait; retry_after_ns says when
// it would not. allowed: *ret_stamp and *ret_receipt are set.
enum sl_verdict sl_stamp_reserve(const struct sl_limit *limit, uint64_t stamp, uint64_t now_ns,
                                 uint64_t cost, uint64_t *ret_stamp, struct sl_receipt *ret_receipt,
                                 struct sl_decision *ret_decision);

// Gives back a reservation: cost - r x max(time since it was charged, latest departure ever
// promised on the bucket - its own), if positive. `promise` is the latest departure that a former
// cancel has taken out of the stamp's sight (a tick count; any tick not after now when there is
// none). *ret_stamp is the new stamp, *ret_promise the new promise (worth keeping while it is after
// now). Returns the ticks given back.
uint64_t sl_stamp_cancel(const struct sl_limit *limit, uint64_t stamp, uint64_t promise,
                         uint64_t now_ns, const struct sl_receipt *receipt, uint64_t *ret_stamp,
                         uint64_t *ret_promise);

#endif
