// decide.c - decisions about one bucket and about several at once.
#include "algo/leaky_bucket.h"
#include "engine/core.h"
#include "engine/fast.h"

// ---- one bucket, one stamp: a compare-and-swap

static inline SL_ALWAYS_INLINE void stamp_figures(const struct sl_ask *ask, uint64_t debt,
                                                  uint64_t now_ns, enum sl_verdict verdict,
                                                  struct sl_decision *ret_decision) {
  const struct sl_limit *limit = &ask->class->limit;
  sl_stamp_figures_of(limit, debt, now_ns, ask->cost, verdict, ret_decision);
  if (SL_UNLIKELY(ask->class->kind == SL_CLASS_LEAKY) && verdict == SL_ALLOWED && ask->cost > 0) {
    // It departs when those before it have gone.
    uint64_t before_it = debt - ask->cost * limit->unit;
    ret_decision->wait_ns = sl_timeline_wait(&limit->timeline, now_ns, before_it);
  }
}

// The key has no bucket: it is fresh. False when a bucket turned up meanwhile.
static bool take_new(struct sl_engine *engine, const struct sl_ask *ask, struct sl_place_of place,
                     uint64_t now_ns, uint64_t y, struct sl_decision *ret_decision) {
  uint64_t debt;
  enum sl_verdict verdict = sl_stamp_decide(&ask->class->limit, y, y, ask->cost, &debt);
  if (verdict == SL_ALLOWED && ask->cost > 0) {
    struct sl_slot *slot;
    bool may_evict = engine->when_full == SL_FULL_EVICT;
    enum sl_insert inserted = sl_table_insert(&engine->table, place, ask->class->id,
                                              (y + debt) & SL_STAMP_MASK, now_ns, may_evict, &slot);
    if (inserted == SL_INSERT_EXISTS) {
      return false;
    }
    if (inserted == SL_INSERT_FULL) {
      struct sl_held nothing = {.ask = ask, .room = SL_ERR_FULL};
      verdict = sl_verdict_when_full(engine);
      sl_held_figures(&nothing, now_ns, ask->cost, verdict, ret_decision);
      return true;
    }
  }
  stamp_figures(ask, debt, now_ns, verdict, ret_decision);
  return true;
}

// The general way: the bucket has moved, is locked, is contended or does not exist.
static __attribute__((noinline)) void take_stamp_slowly(struct sl_engine *engine,
                                                        const struct sl_ask *ask, uint64_t now_ns,
                                                        struct sl_decision *ret_decision) {
  const struct sl_limit *limit = &ask->class->limit;
  struct sl_place_of place = sl_ask_place(ask);
  uint64_t y = sl_timeline_now(&limit->timeline, now_ns);
  for (unsigned round = 0;;) {
    struct sl_slot *slot = sl_table_find(&engine->table, place);
    if (slot == NULL) {
      if (take_new(engine, ask, place, now_ns, y, ret_decision)) {
        return;
      }
      continue;
    }
    uint64_t cell = atomic_load_explicit(&slot->cell, memory_order_acquire);
    enum sl_verdict verdict;
    uint64_t debt;
    if ((cell & SL_CELL_LOCK) != 0) {
      engine->relax(engine->relax_ctx, round++);
    } else if (sl_try_stamp(limit, slot, place.tag, cell, ask->cost, y, &verdict, &debt)) {
      stamp_figures(ask, debt, now_ns, verdict, ret_decision);
      return;
    }
  }
}

// ---- several

// The work on one request.
struct together {
  struct sl_engine *engine;
  struct sl_held *held;  // as the asks are
  size_t count;
  uint64_t now_ns;
  bool look;
  struct sl_decision *decisions;
};

static enum sl_status test_all(struct together *t, bool *ret_admits) {
  *ret_admits = true;
  for (size_t i = 0; i < t->count; i++) {
    struct sl_held *held = &t->held[i];
    enum sl_status status =
        sl_held_test(t->engine, held, t->now_ns, held->ask->cost, &t->decisions[i].verdict);
    if (status != SL_OK) {
      return status;
    }
    *ret_admits = *ret_admits && (held->ask->shadow || t->decisions[i].verdict == SL_ALLOWED);
  }
  return SL_OK;
}

// Memory for all that will be charged is got before anything is. At the cap the setting decides for
// the rule.
static enum sl_status ready_all(struct together *t, bool *ret_admits) {
  for (size_t i = 0; i < t->count; i++) {
    struct sl_held *held = &t->held[i];
    if (t->decisions[i].verdict != SL_ALLOWED || held->ask->cost == 0) {
      continue;
    }
    enum sl_status status = sl_held_ready(t->engine, held, t->now_ns);
    if (status == SL_ERR_FULL) {
      held->room = SL_ERR_FULL;
      t->decisions[i].verdict = sl_verdict_when_full(t->engine);
      *ret_admits = *ret_admits && (held->ask->shadow || t->decisions[i].verdict == SL_ALLOWED);
    } else if (status != SL_OK) {
      return status;
    }
  }
  return SL_OK;
}

static bool logs_refusals(const struct sl_held *held) {
  return held->slot != NULL && held->ask->class->ops != NULL &&
         held->ask->class->ops->refuse != NULL && held->ask->cost > 0;
}

static void commit_one(struct together *t, size_t i, bool admits, uint64_t slot) {
  struct sl_held *held = &t->held[i];
  enum sl_verdict verdict = t->decisions[i].verdict;
  uint64_t wait_ns = 0;
  bool concurrency = held->ask->class->limit.algorithm == SL_CONCURRENCY;
  if (!t->look && verdict == SL_ALLOWED && admits && held->room == SL_OK) {
    sl_held_commit(held, t->now_ns, held->ask->cost, slot, &wait_ns);
  } else if (verdict == SL_ALLOWED && admits) {
    wait_ns = sl_held_wait(held, t->now_ns, held->ask->cost);
  }
  if (!t->look && verdict != SL_ALLOWED && logs_refusals(held) &&
      sl_held_ready(t->engine, held, t->now_ns) == SL_OK) {
    held->ask->class->ops->refuse(&held->ask->class->limit, sl_cell_record(held->cell)->state,
                                  t->now_ns, held->ask->cost);
  }
  sl_held_figures(held, t->now_ns, held->ask->cost, verdict, &t->decisions[i]);
  t->decisions[i].wait_ns = wait_ns;
  t->decisions[i].slot =
      !t->look && concurrency && admits && verdict == SL_ALLOWED && held->ask->cost > 0 ? slot : 0;
}

static bool takes_slot(const struct together *t) {
  for (size_t i = 0; i < t->count; i++) {
    if (t->held[i].ask->class->limit.algorithm == SL_CONCURRENCY) {
      return true;
    }
  }
  return false;
}

enum sl_status sl_engine_take_together(struct sl_engine *engine, const struct sl_ask *asks,
                                       size_t count, uint64_t now_ns, bool look,
                                       struct sl_decision *ret_decisions, bool *ret_allowed) {
  struct sl_held held[SL_TOGETHER_MAX] SL_UNINITIALIZED;
  struct sl_held *order[SL_TOGETHER_MAX] SL_UNINITIALIZED;
  if (count > SL_TOGETHER_MAX) {
    return SL_ERR_ARGUMENT;
  }
  struct together t = {.engine = engine,
                       .held = held,
                       .count = count,
                       .now_ns = now_ns,
                       .look = look,
                       .decisions = ret_decisions};
  enum sl_status status = sl_hold_all(engine, asks, count, !look, &t.now_ns, held, order);
  if (status != SL_OK) {
    return status;
  }
  bool admits;
  status = test_all(&t, &admits);
  if (status == SL_OK && admits && !look) {
    status = ready_all(&t, &admits);
  }
  if (status == SL_OK) {
    uint64_t slot = !look && admits && takes_slot(&t) ? sl_engine_next_slot(engine) : 0;
    for (size_t i = 0; i < count; i++) {
      commit_one(&t, i, admits, slot);
    }
    *ret_allowed = admits;
  }
  sl_let_all_go(engine, held, count, t.now_ns);
  return status;
}

// ---- the ways in

static enum sl_status take_record(struct sl_engine *engine, const struct sl_ask *ask,
                                  uint64_t now_ns, struct sl_decision *ret_decision) {
  bool allowed;
  return sl_engine_take_together(engine, ask, 1, now_ns, false, ret_decision, &allowed);
}

static void take_unlimited(struct sl_decision *ret_decision) {
  *ret_decision =
      (struct sl_decision){.verdict = SL_ALLOWED, .limit = UINT64_MAX, .remaining = UINT64_MAX};
}

static enum sl_status take_other(struct sl_engine *engine, const struct sl_ask *ask,
                                 uint64_t now_ns, struct sl_decision *ret_decision) {
  if (ask->class->kind == SL_CLASS_RECORD) {
    return take_record(engine, ask, now_ns, ret_decision);
  }
  take_unlimited(ret_decision);
  return SL_OK;
}

static bool is_stamp(const struct sl_class *class) { return class->kind <= SL_CLASS_LEAKY; }

// Whatever the fast way did not decide.
static enum sl_status take_slowly(struct sl_engine *engine, const struct sl_ask *ask,
                                  uint64_t now_ns, struct sl_decision *ret_decision) {
  if (is_stamp(ask->class)) {
    take_stamp_slowly(engine, ask, now_ns, ret_decision);
    return SL_OK;
  }
  return take_other(engine, ask, now_ns, ret_decision);
}

static inline bool is_plain(const struct sl_ask *ask) {
  return ask->class->kind == SL_CLASS_STAMP && ask->cost > 0;
}

enum sl_status sl_engine_take(struct sl_engine *engine, const struct sl_ask *ask, uint64_t now_ns,
                              struct sl_decision *ret_decision) {
  if (SL_LIKELY(is_plain(ask)) && SL_LIKELY(sl_engine_take_fast(engine, ask->class, ask->bucket,
                                                                ask->cost, now_ns, ret_decision))) {
    return SL_OK;
  }
  return take_slowly(engine, ask, now_ns, ret_decision);
}

enum { BATCH = 32 };

// Sends for the memory of all, then finds all, then decides: no decision waits for memory that
// could have been under way, and a key that has spilled from its home line is fetched while the
// others are found.
static enum sl_status take_batch(struct sl_engine *engine, const struct sl_ask *asks, size_t count,
                                 uint64_t now_ns, struct sl_decision *ret_decisions) {
  struct sl_place_of places[BATCH] SL_UNINITIALIZED;
  struct sl_line *lines[BATCH] SL_UNINITIALIZED;
  struct sl_slot *slots[BATCH] SL_UNINITIALIZED;
  for (size_t i = 0; i < count; i++) {
    places[i] = sl_ask_place(&asks[i]);
    lines[i] = sl_table_home_line(&engine->table, places[i]);
    __builtin_prefetch(lines[i], 1);
  }
  for (size_t i = 0; i < count; i++) {
    slots[i] = sl_line_find(lines[i], places[i].tag);
    if (SL_UNLIKELY(slots[i] == NULL)) {
      sl_table_prefetch_spill(&engine->table, places[i]);
    }
  }
  enum sl_status worst = SL_OK;
  for (size_t i = 0; i < count; i++) {
    const struct sl_ask *ask = &asks[i];
    if (SL_LIKELY(slots[i] != NULL && is_plain(ask)) &&
        SL_LIKELY(sl_slot_take_fast(slots[i], places[i].tag, ask->class, ask->cost, now_ns,
                                    &ret_decisions[i]))) {
      continue;
    }
    enum sl_status status = take_slowly(engine, ask, now_ns, &ret_decisions[i]);
    if (status != SL_OK) {
      ret_decisions[i] = (struct sl_decision){
          .verdict = SL_THROTTLED, .limit = ask->class->limit.size, .retry_after_ns = SL_NS_PER_S};
      worst = status;
    }
  }
  return worst;
}

enum sl_status sl_engine_take_each(struct sl_engine *engine, const struct sl_ask *asks,
                                   size_t count, uint64_t now_ns,
                                   struct sl_decision *ret_decisions) {
  enum sl_status worst = SL_OK;
  for (size_t done = 0; done < count; done += BATCH) {
    size_t n = count - done < BATCH ? count - done : BATCH;
    enum sl_status status = take_batch(engine, asks + done, n, now_ns, ret_decisions + done);
    worst = status != SL_OK ? status : worst;
  }
  return worst;
}

void sl_engine_prefetch(const struct sl_engine *engine, const struct sl_ask *ask) {
  sl_table_prefetch(&engine->table, sl_ask_place(ask));
}
