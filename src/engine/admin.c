// admin.c - everything else one does to a bucket: charge, reset, release and renew, reserve and
// cancel.
#include "engine/core.h"

// At the cap a charge that has no room is lost, as `when_full` counts it.
static enum sl_status ready(struct sl_engine *engine, struct sl_held *held, uint64_t now_ns) {
  return held->slot == NULL ? SL_ERR_FULL : sl_held_ready(engine, held, now_ns);
}

// Holds a bucket and moves *now_ns up to the time to decide at.
static enum sl_status hold_now(struct sl_engine *engine, const struct sl_ask *ask, uint64_t *now_ns,
                               bool create, struct sl_held *ret_held) {
  enum sl_status status = sl_hold(engine, ask, *now_ns, create, ret_held);
  if (status == SL_OK) {
    *now_ns = sl_held_now(ret_held, *now_ns);
    sl_held_advance(ret_held, *now_ns);
  }
  return status;
}

static void charge_held(struct sl_held *held, uint64_t now_ns, uint64_t cost) {
  const struct sl_class *class = held->ask->class;
  if (class->ops != NULL) {
    class->ops->charge(&class->limit, sl_cell_record(held->cell)->state, now_ns, cost);
  } else {
    held->cell = sl_stamp_charge(&class->limit, held->cell, now_ns, cost);
  }
}

enum sl_status sl_engine_charge(struct sl_engine *engine, const struct sl_ask *ask, uint64_t now_ns,
                                struct sl_decision *ret_decision) {
  if (ask->class->limit.algorithm == SL_UNLIMITED) {
    *ret_decision =
        (struct sl_decision){.verdict = SL_ALLOWED, .limit = UINT64_MAX, .remaining = UINT64_MAX};
    return SL_OK;
  }
  struct sl_held held;
  enum sl_status status = hold_now(engine, ask, &now_ns, ask->cost > 0, &held);
  if (status != SL_OK) {
    return status;
  }
  bool charges = ask->cost > 0 && ask->class->limit.size > 0;
  status = charges ? ready(engine, &held, now_ns) : SL_OK;
  if (status == SL_ERR_FULL) {
    (void)sl_verdict_when_full(engine);
    status = SL_OK;
  } else if (status == SL_OK && charges) {
    charge_held(&held, now_ns, ask->cost);
  }
  if (status == SL_OK) {
    sl_held_figures(&held, now_ns, 0, SL_ALLOWED, ret_decision);
  }
  sl_let_go(engine, &held, now_ns, false);
  return status;
}

static bool reset_one(struct sl_engine *engine, const struct sl_class *class,
                      struct sl_hash bucket) {
  struct sl_ask ask = {.class = class, .bucket = bucket};
  struct sl_held held;
  uint64_t now_ns = atomic_load_explicit(&engine->latest_ns, memory_order_relaxed);
  // Without `create` nothing is allocated, so this cannot fail.
  enum sl_status status = sl_hold(engine, &ask, now_ns, false, &held);
  sl_assert(status == SL_OK);
  if (held.slot == NULL) {
    return false;
  }
  sl_let_die(engine, &held);
  return true;
}

bool sl_engine_reset(struct sl_engine *engine, const struct sl_class *class,
                     struct sl_hash bucket) {
  (void)reset_one(engine, class, sl_promise_of(bucket));
  return reset_one(engine, class, bucket);
}

// ---- slots

typedef bool slot_op(const struct sl_limit *limit, void *state, uint64_t now_ns, uint64_t slot);

static enum sl_status on_slot(struct sl_engine *engine, const struct sl_ask *ask, slot_op *op,
                              uint64_t slot, uint64_t now_ns, bool *ret_held) {
  *ret_held = false;
  if (op == NULL) {
    return SL_ERR_UNSUPPORTED;
  }
  struct sl_held held;
  enum sl_status status = hold_now(engine, ask, &now_ns, false, &held);
  if (status == SL_OK && held.slot != NULL) {
    *ret_held = op(&ask->class->limit, sl_cell_record(held.cell)->state, now_ns, slot);
    sl_let_go(engine, &held, now_ns, true);
  }
  return status;
}

enum sl_status sl_engine_release(struct sl_engine *engine, const struct sl_ask *ask, uint64_t slot,
                                 uint64_t now_ns, bool *ret_held) {
  return on_slot(engine, ask, ask->class->ops != NULL ? ask->class->ops->release : NULL, slot,
                 now_ns, ret_held);
}

enum sl_status sl_engine_renew(struct sl_engine *engine, const struct sl_ask *ask, uint64_t slot,
                               uint64_t now_ns, bool *ret_held) {
  return on_slot(engine, ask, ask->class->ops != NULL ? ask->class->ops->renew : NULL, slot, now_ns,
                 ret_held);
}
