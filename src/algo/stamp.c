#include "algo/stamp.h"

uint64_t sl_stamp_charge(const struct sl_limit *limit, uint64_t stamp, uint64_t now_ns,
                         uint64_t cost) {
  uint64_t y = sl_timeline_now(&limit->timeline, now_ns);
  uint64_t debt = sl_add_sat_u64(sl_stamp_debt(limit, stamp, y), sl_mul_sat_u64(cost, limit->unit));
  return (y + sl_min_u64(debt, limit->debt_units)) & SL_STAMP_MASK;
}

// The tick at which `ticks` more than y will have passed: a clock that stands still between steps
// shows only whole steps.
static uint64_t tick_after(const struct sl_timeline *tl, uint64_t y, uint64_t ticks) {
  if (tl->step_ns > 1) {
    ticks = sl_ceil_div_u64(ticks, tl->step_ticks) * tl->step_ticks;
  }
  return (y + ticks) & SL_STAMP_MASK;
}

// The debt behind which a reservation of `cost` stands. A window does not lend to the next: where
// the last one that is promised has no room for the whole cost, it goes to the start of the one
// after.
static uint64_t debt_before(const struct sl_limit *limit, uint64_t debt, uint64_t cost) {
  uint64_t window = limit->timeline.step_ticks;
  if (limit->timeline.step_ns <= 1 || debt % window + cost <= window) {
    return debt;
  }
  return debt + (window - debt % window);
}

enum sl_verdict sl_stamp_reserve(const struct sl_limit *limit, uint64_t stamp, uint64_t now_ns,
                                 uint64_t cost, uint64_t *ret_stamp, struct sl_receipt *ret_receipt,
                                 struct sl_decision *ret_decision) {
  const struct sl_timeline *tl = &limit->timeline;
  uint64_t y = sl_timeline_now(tl, now_ns);
  uint64_t before = sl_stamp_debt(limit, stamp, y);
  enum sl_verdict verdict = cost > limit->size ? SL_NEVER : SL_ALLOWED;
  uint64_t after = before;
  if (verdict == SL_ALLOWED) {
    after = debt_before(limit, before, cost) + cost * limit->unit;
  }
  // A leaky bucket lets the caller go when those before it have gone; the others when its own
  // permits have come in.
  uint64_t wait =
      limit->algorithm == SL_LEAKY_BUCKET ? before : sl_sub_floor_u64(after, limit->size_units);
  uint64_t wait_ns = sl_timeline_wait(tl, now_ns, wait);
  // Debts and waits have one bound, but a window is waited for whole, however little of it is
  // wanted, and a place in a line is not paid for before one stands in it.
  uint64_t late_ns = cost > 0 ? sl_sub_floor_u64(wait_ns, limit->max_wait_ns) : 0;
  if (verdict == SL_ALLOWED && (after > limit->debt_units || late_ns > 0)) {
    verdict = SL_THROTTLED;
  }
  uint64_t kept = (y + (verdict == SL_ALLOWED ? after : before)) & SL_STAMP_MASK;
  sl_stamp_figures(limit, kept, now_ns, 0, SL_ALLOWED, ret_decision);
  ret_decision->verdict = verdict;
  if (verdict == SL_THROTTLED) {
    uint64_t over = sl_sub_floor_u64(after, limit->debt_units);
    ret_decision->retry_after_ns = sl_max_u64(late_ns, sl_timeline_wait(tl, now_ns, over));
  }
  if (verdict != SL_ALLOWED) {
    return verdict;
  }
  ret_decision->wait_ns = wait_ns;
  *ret_stamp = kept;
  *ret_receipt = (struct sl_receipt){
      .charged_ns = now_ns, .departs = tick_after(tl, y, wait), .stamp = kept, .cost = cost};
  return verdict;
}

// The latest departure that the stamp itself still shows: of the reservation that moved it last.
static uint64_t latest_departure(const struct sl_limit *limit, uint64_t stamp, uint64_t y,
                                 const struct sl_receipt *receipt) {
  if (stamp == receipt->stamp) {
    return receipt->departs;
  }
  // What the last one cost is not kept; in a leaky bucket it left at least one place before the
  // stamp.
  uint64_t back = limit->algorithm == SL_LEAKY_BUCKET ? limit->unit : limit->size_units;
  int64_t wait = sl_timeline_ahead(stamp - back, y);
  return wait > 0 ? tick_after(&limit->timeline, y, (uint64_t)wait) : y;
}

// What has come in since a charge: of a continuous clock the most that can have, and of one with
// steps not less than the steps.
static uint64_t ticks_since(const struct sl_timeline *tl, uint64_t charged_ns, uint64_t now_ns) {
  uint64_t ticks = sl_timeline_span_ceil(tl, sl_sub_floor_u64(now_ns, charged_ns));
  if (tl->step_ns > 1) {
    uint64_t steps = sl_sub_floor_u64(now_ns / tl->step_ns, charged_ns / tl->step_ns);
    ticks = sl_max_u64(ticks, sl_mul_sat_u64(steps, tl->step_ticks));
  }
  return ticks;
}

uint64_t sl_stamp_cancel(const struct sl_limit *limit, uint64_t stamp, uint64_t promise,
                         uint64_t now_ns, const struct sl_receipt *receipt, uint64_t *ret_stamp,
                         uint64_t *ret_promise) {
  const struct sl_timeline *tl = &limit->timeline;
  uint64_t y = sl_timeline_now(tl, now_ns);
  uint64_t debt = sl_stamp_debt(limit, stamp, y);
  stamp = (y + debt) & SL_STAMP_MASK;
  if (receipt->cost == 0) {
    // Nothing to give back, and nobody stands behind a look.
    *ret_stamp = stamp;
    *ret_promise = promise;
    return 0;
  }
  uint64_t latest = debt == 0 ? y : latest_departure(limit, stamp, y, receipt);
  if (sl_timeline_ahead(promise, latest) > 0) {
    latest = promise;
  }
  uint64_t elapsed = ticks_since(tl, receipt->charged_ns, now_ns);
  int64_t later = sl_timeline_ahead(latest, receipt->departs);
  uint64_t lost = sl_max_u64(elapsed, later > 0 ? (uint64_t)later : 0);
  uint64_t back =
      sl_min_u64(sl_sub_floor_u64(sl_mul_sat_u64(receipt->cost, limit->unit), lost), debt);
  *ret_stamp = (stamp - back) & SL_STAMP_MASK;
  *ret_promise = latest;
  return back;
}
