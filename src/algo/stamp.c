#include "algo/stamp.h"

uint64_t sl_stamp_charge(const struct sl_limit *limit, uint64_t stamp, uint64_t now_ns,
                         uint64_t cost) {
  uint64_t y = sl_timeline_now(&limit->timeline, now_ns);
  uint64_t debt = sl_add_sat_u64(sl_stamp_debt(limit, stamp, y), sl_mul_sat_u64(cost, limit->unit));
  return (y + sl_min_u64(debt, limit->debt_units)) & SL_STAMP_MASK;
}

enum sl_verdict sl_stamp_reserve(const struct sl_limit *limit, uint64_t stamp, uint64_t now_ns,
                                 uint64_t cost, uint64_t *ret_stamp, struct sl_receipt *ret_receipt,
                                 struct sl_decision *ret_decision) {
  const struct sl_timeline *tl = &limit->timeline;
  uint64_t y = sl_timeline_now(tl, now_ns);
  uint64_t before = sl_stamp_debt(limit, stamp, y);
  enum sl_verdict verdict = cost > limit->size ? SL_NEVER : SL_ALLOWED;
  uint64_t after = verdict == SL_ALLOWED ? before + cost * limit->unit : before;
  if (after > limit->debt_units) {
    verdict = SL_THROTTLED;
  }
  uint64_t kept = (y + (verdict == SL_ALLOWED ? after : before)) & SL_STAMP_MASK;
  sl_stamp_figures(limit, kept, now_ns, 0, SL_ALLOWED, ret_decision);
  ret_decision->verdict = verdict;
  if (verdict == SL_THROTTLED) {
    ret_decision->retry_after_ns = sl_timeline_wait(tl, now_ns, after - limit->debt_units);
  }
  if (verdict != SL_ALLOWED) {
    return verdict;
  }
  // A leaky bucket lets the caller go when those before it have gone; the others when its own
  // permits have come in.
  uint64_t wait =
      limit->algorithm == SL_LEAKY_BUCKET ? before : sl_sub_floor_u64(after, limit->size_units);
  ret_decision->wait_ns = sl_timeline_wait(tl, now_ns, wait);
  *ret_stamp = kept;
  *ret_receipt = (struct sl_receipt){
      .charged_ns = now_ns, .departs = (y + wait) & SL_STAMP_MASK, .stamp = kept, .cost = cost};
  return verdict;
}

// The latest departure that the stamp itself still shows: of the reservation that moved it last.
static uint64_t latest_departure(const struct sl_limit *limit, uint64_t stamp,
                                 const struct sl_receipt *receipt) {
  if (stamp == receipt->stamp) {
    return receipt->departs;
  }
  // What the last one cost is not kept; in a leaky bucket it left at least one place before the
  // stamp.
  uint64_t back = limit->algorithm == SL_LEAKY_BUCKET ? limit->unit : limit->size_units;
  return (stamp - back) & SL_STAMP_MASK;
}

uint64_t sl_stamp_cancel(const struct sl_limit *limit, uint64_t stamp, uint64_t promise,
                         uint64_t now_ns, const struct sl_receipt *receipt, uint64_t *ret_stamp,
                         uint64_t *ret_promise) {
  const struct sl_timeline *tl = &limit->timeline;
  uint64_t y = sl_timeline_now(tl, now_ns);
  uint64_t debt = sl_stamp_debt(limit, stamp, y);
  stamp = (y + debt) & SL_STAMP_MASK;
  uint64_t latest = debt == 0 ? y : latest_departure(limit, stamp, receipt);
  if (sl_timeline_ahead(promise, latest) > 0) {
    latest = promise;
  }
  uint64_t elapsed = sl_timeline_span_ceil(tl, sl_sub_floor_u64(now_ns, receipt->charged_ns));
  int64_t later = sl_timeline_ahead(latest, receipt->departs);
  uint64_t lost = sl_max_u64(elapsed, later > 0 ? (uint64_t)later : 0);
  uint64_t back =
      sl_min_u64(sl_sub_floor_u64(sl_mul_sat_u64(receipt->cost, limit->unit), lost), debt);
  *ret_stamp = (stamp - back) & SL_STAMP_MASK;
  *ret_promise = latest;
  return back;
}
