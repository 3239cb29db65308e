// reserve.c - reservations on buckets that are one stamp (SEMANTICS 33, 35).
#include "engine/core.h"

static bool reservable(const struct sl_class *class) {
  return class->ops == NULL && class->limit.algorithm != SL_UNLIMITED;
}

// What one bucket says, and what it would become; nothing is written.
static void book(struct sl_engine *engine, const struct sl_held *held, uint64_t now_ns,
                 uint64_t *ret_cell, struct sl_receipt *ret_receipt,
                 struct sl_decision *ret_decision) {
  const struct sl_limit *limit = &held->ask->class->limit;
  uint64_t cost = held->ask->cost;
  *ret_receipt = (struct sl_receipt){.charged_ns = now_ns};
  *ret_cell = held->cell;
  if (held->slot != NULL) {
    (void)sl_stamp_reserve(limit, held->cell, now_ns, cost, ret_cell, ret_receipt, ret_decision);
    return;
  }
  // No bucket: a fresh one, or no room for one; then `never` is still `never`, else the setting
  // decides.
  enum sl_verdict verdict = cost > limit->size ? SL_NEVER : SL_ALLOWED;
  if (verdict == SL_ALLOWED && held->room == SL_ERR_FULL) {
    verdict = sl_verdict_when_full(engine);
  }
  sl_held_figures(held, now_ns, cost, verdict, ret_decision);
}

// An admission that would have to wait for too long is none.
static void refuse_late(uint64_t longest_ns, struct sl_decision *decision) {
  if (decision->verdict == SL_ALLOWED && decision->wait_ns > longest_ns) {
    decision->verdict = SL_THROTTLED;
    decision->retry_after_ns = decision->wait_ns - longest_ns;
  }
}

enum sl_status sl_engine_reserve_together(struct sl_engine *engine, const struct sl_ask *asks,
                                          size_t count, uint64_t now_ns, uint64_t longest_ns,
                                          struct sl_receipt *ret_receipts,
                                          struct sl_decision *ret_decisions, bool *ret_allowed) {
  struct sl_held held[SL_TOGETHER_MAX] SL_UNINITIALIZED;
  struct sl_held *order[SL_TOGETHER_MAX] SL_UNINITIALIZED;
  uint64_t cells[SL_TOGETHER_MAX] SL_UNINITIALIZED;
  for (size_t i = 0; i < count; i++) {
    if (!reservable(asks[i].class)) {
      return SL_ERR_UNSUPPORTED;
    }
  }
  if (count > SL_TOGETHER_MAX) {
    return SL_ERR_ARGUMENT;
  }
  enum sl_status status = sl_hold_all(engine, asks, count, true, &now_ns, held, order);
  if (status != SL_OK) {
    return status;
  }
  bool admits = true;
  for (size_t i = 0; i < count; i++) {
    book(engine, &held[i], now_ns, &cells[i], &ret_receipts[i], &ret_decisions[i]);
    refuse_late(longest_ns, &ret_decisions[i]);
    admits = admits && (asks[i].shadow || ret_decisions[i].verdict == SL_ALLOWED);
  }
  for (size_t i = 0; i < count; i++) {
    if (admits && ret_decisions[i].verdict == SL_ALLOWED) {
      held[i].cell = cells[i];
    } else {
      // The figures are those of the state that is left: nobody's booking.
      struct sl_decision own = ret_decisions[i];
      sl_held_figures(&held[i], now_ns, 0, SL_ALLOWED, &ret_decisions[i]);
      ret_decisions[i].verdict = own.verdict;
      ret_decisions[i].retry_after_ns = own.retry_after_ns;
      ret_decisions[i].wait_ns = own.wait_ns;
      ret_receipts[i] = (struct sl_receipt){.charged_ns = now_ns};
    }
  }
  *ret_allowed = admits;
  sl_let_all_go(engine, held, count, now_ns);
  return SL_OK;
}

enum sl_status sl_engine_reserve(struct sl_engine *engine, const struct sl_ask *ask,
                                 uint64_t now_ns, struct sl_receipt *ret_receipt,
                                 struct sl_decision *ret_decision) {
  bool allowed;
  return sl_engine_reserve_together(engine, ask, 1, now_ns, UINT64_MAX, ret_receipt, ret_decision,
                                    &allowed);
}

enum sl_status sl_engine_cancel(struct sl_engine *engine, const struct sl_ask *ask,
                                const struct sl_receipt *receipt, uint64_t now_ns) {
  if (!reservable(ask->class)) {
    return SL_ERR_UNSUPPORTED;
  }
  struct sl_ask promise_ask = {.class = ask->class, .bucket = sl_promise_of(ask->bucket)};
  struct sl_held bucket = {0};
  struct sl_held promise = {0};
  bool bucket_first = sl_ask_place(ask).tag < sl_ask_place(&promise_ask).tag;
  enum sl_status status = bucket_first ? sl_hold(engine, ask, now_ns, false, &bucket)
                                       : sl_hold(engine, &promise_ask, now_ns, true, &promise);
  if (status == SL_OK) {
    status = bucket_first ? sl_hold(engine, &promise_ask, now_ns, true, &promise)
                          : sl_hold(engine, ask, now_ns, false, &bucket);
  }
  // A bucket that is gone is fresh: there is nothing left to give back. Without room for the
  // promise nothing is given back either, which is on the safe side.
  if (status == SL_OK && bucket.slot != NULL && promise.slot != NULL) {
    (void)sl_stamp_cancel(&ask->class->limit, bucket.cell, promise.cell, now_ns, receipt,
                          &bucket.cell, &promise.cell);
  }
  sl_let_go(engine, &bucket, now_ns, true);
  sl_let_go(engine, &promise, now_ns, true);
  return status;
}
