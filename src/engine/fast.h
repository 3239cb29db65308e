// fast.h - the decision on one stamp, inlined into whoever decides most: no call, no struct in
// between. Private to engine/ and lib/.
//
// What is left of a decision when nothing is in the way: a hash (the caller's), one cache line, one
// compare-and-swap. Everything unusual (a bucket that is new, locked, moved or contended, a leaky
// bucket, a record) returns false, and the general way of decide.c takes over from the start.
#ifndef SL_ENGINE_FAST_H
#define SL_ENGINE_FAST_H

#include "engine/core.h"

// Decides on what was read from the slot; *ret_debt is the debt that is left. False when the slot
// has changed meanwhile; then nothing was done.
static inline SL_ALWAYS_INLINE bool sl_try_stamp(const struct sl_limit *limit, struct sl_slot *slot,
                                                 uint64_t tag, uint64_t cell, uint64_t cost,
                                                 uint64_t y, enum sl_verdict *ret_verdict,
                                                 uint64_t *ret_debt) {
  *ret_verdict = sl_stamp_decide(limit, cell, y, cost, ret_debt);
  bool writes = *ret_verdict == SL_ALLOWED && cost > 0;
  if (SL_LIKELY(writes) || SL_UNLIKELY(sl_stamp_is_astray(limit, cell, y))) {
    return sl_slot_swap(slot, tag, cell, (y + *ret_debt) & SL_STAMP_MASK);
  }
  // What is not written is read twice: the place may have gone to another key before the cell was
  // read.
  return atomic_load_explicit(&slot->tag, memory_order_acquire) == tag;
}

// sl_engine_now, as far as it is short: false when time has to be looked after.
static inline SL_ALWAYS_INLINE bool sl_engine_now_fast(struct sl_engine *engine,
                                                       uint64_t reading_ns, uint64_t *ret_now_ns) {
  uint64_t latest = atomic_load_explicit(&engine->latest_ns, memory_order_relaxed);
  if (reading_ns > latest) {
    if (SL_UNLIKELY(reading_ns >
                    atomic_load_explicit(&engine->sweep_due_ns, memory_order_relaxed))) {
      return false;
    }
    // A plain store: of two threads that pass here at once either may be the last, and their
    // decisions could have come in either order anyway. A locked instruction would cost as much as
    // the decision.
    atomic_store_explicit(&engine->latest_ns, reading_ns, memory_order_relaxed);
    latest = reading_ns;
  }
  *ret_now_ns = latest;
  return true;
}

// Decides cost > 0 in the slot where the tag was found, for a class of kind SL_CLASS_STAMP; false:
// not decided.
static inline SL_ALWAYS_INLINE bool sl_slot_take_fast(struct sl_slot *slot, uint64_t tag,
                                                      const struct sl_class *class, uint64_t cost,
                                                      uint64_t now_ns,
                                                      struct sl_decision *ret_decision) {
  const struct sl_limit *limit = &class->limit;
  uint64_t cell = atomic_load_explicit(&slot->cell, memory_order_acquire);
  uint64_t y = sl_timeline_now(&limit->timeline, now_ns);
  int64_t ahead = sl_timeline_ahead(cell, y);
  uint64_t debt = ahead > 0 ? (uint64_t)ahead : 0;
  if (SL_UNLIKELY((cell & SL_CELL_LOCK) != 0 || cost > limit->size || debt > limit->debt_units)) {
    return false;
  }
  uint64_t after = debt + cost * limit->unit;
  if (after <= limit->size_units) {
    if (SL_UNLIKELY(!sl_slot_swap(slot, tag, cell, (y + after) & SL_STAMP_MASK))) {
      return false;
    }
    sl_stamp_figures_of(limit, after, now_ns, cost, SL_ALLOWED, ret_decision);
    return true;
  }
  if (SL_UNLIKELY(atomic_load_explicit(&slot->tag, memory_order_acquire) != tag)) {
    return false;
  }
  sl_stamp_figures_of(limit, debt, now_ns, cost, SL_THROTTLED, ret_decision);
  return true;
}

// sl_engine_take for a class of kind SL_CLASS_STAMP and cost > 0; false: not decided.
static inline SL_ALWAYS_INLINE bool
sl_engine_take_fast(struct sl_engine *engine, const struct sl_class *class, struct sl_hash bucket,
                    uint64_t cost, uint64_t now_ns, struct sl_decision *ret_decision) {
  struct sl_place_of place = sl_table_place(bucket, false);
  struct sl_slot *slot = sl_table_find_home(&engine->table, place);
  return SL_LIKELY(slot != NULL) &&
         sl_slot_take_fast(slot, place.tag, class, cost, now_ns, ret_decision);
}

#endif
