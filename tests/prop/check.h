// A bucket of the real code beside its model: each step is done to both, and everything the code
// says is compared. The property tests drive it with random steps, the fuzzer with its bytes.
#ifndef TESTS_PROP_CHECK_H
#define TESTS_PROP_CHECK_H

#include "prop/model.h"
#include "prop/prop.h"
#include "support/bucket.h"

enum check_law {
  LAW_VERDICT,
  LAW_FIGURES,
  LAW_RETRY,
  LAW_RESET,
  LAW_PEEK,
  LAW_INTERVAL,
  LAW_WAIT,
  LAW_SLOTS,
  LAW_FRESH,
  LAW_COUNT
};

static const char *const check_laws[LAW_COUNT] = {
    [LAW_VERDICT] = "each verdict is the model's",
    [LAW_FIGURES] = "remaining is the largest cost admitted now, limit the largest ever",
    [LAW_RETRY] = "retry_after is the least wait that admits: refused 1 ns before, admitted then",
    [LAW_RESET] = "reset_after is the least wait until the bucket equals a fresh one",
    [LAW_PEEK] = "a look changes nothing and says what a request would hear",
    [LAW_INTERVAL] = "the law holds over every interval",
    [LAW_WAIT] = "departures keep their distance",
    [LAW_SLOTS] = "release and renew are idempotent",
    [LAW_FRESH] = "a bucket is fresh exactly when the model is, and may vanish then",
};

struct checker {
  struct prop *p;
  struct sl_limit limit;
  struct bucket bucket;
  struct model model;
  uint64_t now_ns;
  uint64_t written_ns;    // when the bucket was last written
  uint64_t departs_ns;    // leaky_bucket: the latest departure told,
  uint64_t departs_cost;  // and what it holds the next one back by
  bool departed;
  struct sl_decision last;
};

__attribute__((unused)) static void check_describe(const void *context) {
  const struct checker *c = context;
  model_print(&c->model);
  diag("last decision: %s, remaining %" PRIu64 ", retry %" PRIu64 " ns, reset %" PRIu64 " ns",
       sl_verdict_name(c->last.verdict), c->last.remaining, c->last.retry_after_ns,
       c->last.reset_after_ns);
}

// Starts a history. False when the limit is refused (the caller draws another).
__attribute__((unused)) static bool check_start(struct checker *c, struct prop *p,
                                                const struct sl_limit_spec *spec, uint64_t now_ns) {
  char buffer[512];
  struct sl_text message;
  sl_text_init(&message, buffer, sizeof buffer);
  if (sl_limit_prepare(spec, &c->limit, &message) != SL_OK) {
    return false;
  }
  c->p = p;
  c->now_ns = c->written_ns = now_ns;
  c->departed = false;
  c->last = (struct sl_decision){0};
  bucket_init(&c->bucket, &c->limit, now_ns);
  model_init(&c->model, spec, c->limit.unit, now_ns);
  p->describe = check_describe;
  p->context = c;
  return true;
}

__attribute__((unused)) static void check_stop(struct checker *c) {
  bucket_close(&c->bucket);
  c->p->context = NULL;
  c->p->describe = NULL;
}

// A fresh bucket is dropped, and made anew when it is touched: nobody can tell.
static inline void check_vanish(struct checker *c) {
  bucket_reset(&c->bucket, c->now_ns);
  c->written_ns = c->now_ns;
}

// Moves both to a later time. False at the end of time.
__attribute__((unused)) static bool check_advance(struct checker *c, uint64_t step_ns) {
  uint64_t horizon_ns = c->limit.timeline.horizon_ns;
  bool stamp = c->bucket.ops == NULL;
  // Stamps may be misread beyond the horizon; the engine drops fresh ones before.
  if (stamp && step_ns >= horizon_ns / 2) {
    step_ns = horizon_ns / 2;
  }
  if (c->now_ns + step_ns >= SL_TIME_MAX_NS) {
    return false;
  }
  c->now_ns += step_ns;
  model_advance(&c->model, c->now_ns);
  if (stamp && c->now_ns - c->written_ns >= horizon_ns / 2 &&
      model_is_fresh(&c->model, c->now_ns)) {
    check_vanish(c);
  }
  return !model_is_full(&c->model);
}

static inline enum sl_verdict check_want(const struct checker *c, uint64_t cost) {
  if (cost == 0) {
    return SL_ALLOWED;
  }
  if (cost > c->model.size) {
    return SL_NEVER;
  }
  return cost <= model_room(&c->model, c->now_ns) ? SL_ALLOWED : SL_THROTTLED;
}

// reset_after and, of a refusal, retry_after, from both sides.
static inline bool check_waits(struct checker *c, uint64_t cost, const struct sl_decision *d) {
  const struct model *m = &c->model;
  uint64_t reset_ns = c->now_ns + d->reset_after_ns;
  if (!prop_holds(c->p, LAW_RESET, model_is_fresh(m, reset_ns), 1, 0) ||
      (d->reset_after_ns > 0 &&
       !prop_holds(c->p, LAW_RESET, !model_is_fresh(m, reset_ns - 1), 0, d->reset_after_ns))) {
    return false;
  }
  if (d->verdict != SL_THROTTLED) {
    return prop_equal(c->p, LAW_RETRY, 0, d->retry_after_ns);
  }
  uint64_t retry_ns = c->now_ns + d->retry_after_ns;
  return prop_holds(c->p, LAW_RETRY, model_room(m, retry_ns) >= cost, cost,
                    model_room(m, retry_ns)) &&
         prop_holds(c->p, LAW_RETRY, model_room(m, retry_ns - 1) < cost, 0, d->retry_after_ns);
}

static inline bool check_figures(struct checker *c, uint64_t cost, const struct sl_decision *d) {
  return prop_equal(c->p, LAW_FIGURES, c->model.size, d->limit) &&
         prop_equal(c->p, LAW_FIGURES, model_room(&c->model, c->now_ns), d->remaining) &&
         check_waits(c, cost, d);
}

// A leaky bucket's admissions leave at the rate: a cost holds the next back by cost / rate, exactly
// where a tick is a nanosecond, else within the two that reading it may cost.
static inline bool check_departure(struct checker *c, uint64_t cost, const struct sl_decision *d) {
  if (c->limit.algorithm != SL_LEAKY_BUCKET || d->verdict != SL_ALLOWED || cost == 0) {
    return prop_equal(c->p, LAW_WAIT, 0, d->wait_ns);
  }
  uint64_t departs_ns = c->now_ns + d->wait_ns;
  const struct model *m = &c->model;
  bool exact = (sl_u128)m->count * m->unit == m->period_ns;
  sl_u128 due = (sl_u128)c->departs_cost * m->period_ns;
  sl_u128 apart = (sl_u128)(departs_ns - c->departs_ns + (exact ? 0 : 2)) * m->count;
  bool holds = !c->departed || (departs_ns >= c->departs_ns && apart >= due);
  c->departed = true;
  c->departs_ns = departs_ns;
  c->departs_cost = cost;
  return prop_holds(c->p, LAW_WAIT, holds, due, apart);
}

// The request hears the same 1 ns before the time, and at the time, from the code itself.
static inline bool check_retry_by_code(struct checker *c, uint64_t cost,
                                       const struct sl_decision *d) {
  uint64_t wait_ns, slot;
  uint64_t at_ns = c->now_ns + d->retry_after_ns;
  if (c->bucket.ops != NULL || d->verdict != SL_THROTTLED || at_ns >= SL_TIME_MAX_NS) {
    return true;
  }
  enum sl_verdict before = bucket_test(&c->bucket, at_ns - 1, cost, false, &wait_ns, &slot);
  enum sl_verdict then = bucket_test(&c->bucket, at_ns, cost, false, &wait_ns, &slot);
  return prop_equal(c->p, LAW_RETRY, SL_THROTTLED, before) &&
         prop_equal(c->p, LAW_RETRY, SL_ALLOWED, then);
}

__attribute__((unused)) static bool check_allow(struct checker *c, uint64_t cost) {
  enum sl_verdict want = check_want(c, cost);
  struct sl_decision d = c->last = bucket_decide(&c->bucket, c->now_ns, cost, true);
  bool law = true;
  if (want == SL_ALLOWED && cost > 0) {
    law = model_take(&c->model, cost, d.slot);
    c->written_ns = c->now_ns;
  } else if (want != SL_ALLOWED && c->limit.count_refused) {
    model_charge(&c->model, cost);
  }
  return prop_equal(c->p, LAW_VERDICT, want, d.verdict) &&
         prop_holds(c->p, LAW_INTERVAL, law, 1, 0) && check_figures(c, cost, &d) &&
         check_departure(c, cost, &d) && check_retry_by_code(c, cost, &d);
}

static inline bool check_same(const struct sl_decision *a, const struct sl_decision *b) {
  return a->verdict == b->verdict && a->limit == b->limit && a->remaining == b->remaining &&
         a->retry_after_ns == b->retry_after_ns && a->reset_after_ns == b->reset_after_ns &&
         a->wait_ns == b->wait_ns && a->slot == b->slot;
}

__attribute__((unused)) static bool check_peek(struct checker *c, uint64_t cost) {
  struct sl_decision first = bucket_decide(&c->bucket, c->now_ns, cost, false);
  struct sl_decision again = c->last = bucket_decide(&c->bucket, c->now_ns, cost, false);
  return prop_equal(c->p, LAW_PEEK, check_want(c, cost), first.verdict) &&
         prop_holds(c->p, LAW_PEEK, check_same(&first, &again), 1, 0) &&
         check_figures(c, cost, &first);
}

__attribute__((unused)) static bool check_charge(struct checker *c, uint64_t cost) {
  bucket_charge(&c->bucket, c->now_ns, cost);
  model_charge(&c->model, cost);
  c->written_ns = c->now_ns;
  struct sl_decision d = c->last = bucket_decide(&c->bucket, c->now_ns, 0, false);
  // What was charged stands before the next departure, too.
  c->departed = false;
  return check_figures(c, 0, &d);
}

// Says whether the bucket is fresh; lets it vanish where it is.
__attribute__((unused)) static bool check_fresh(struct checker *c) {
  bool want = model_is_fresh(&c->model, c->now_ns);
  bool got = bucket_is_fresh(&c->bucket, c->now_ns);
  if (want && got) {
    check_vanish(c);
  }
  return prop_equal(c->p, LAW_FRESH, want, got);
}

// Moves a record into larger memory, as growing does.
__attribute__((unused)) static void check_move(struct checker *c, size_t more) {
  struct bucket *b = &c->bucket;
  if (b->ops == NULL || c->limit.algorithm == SL_UNLIMITED) {
    return;
  }
  size_t bytes = b->bytes + (more + 15) / 16 * 16;
  void *larger = bucket_memory(bytes);
  b->ops->move(&c->limit, larger, bytes, b->state);
  free(b->state);
  b->state = larger;
  b->bytes = bytes;
}

// Makes the record again from its entries, as a restart does: nobody can tell.
__attribute__((unused)) static void check_rebuild(struct checker *c) {
  const struct sl_record_ops *ops = c->bucket.ops;
  if (ops == NULL) {
    return;
  }
  struct bucket again;
  struct sl_record_entry entry;
  bucket_init(&again, &c->limit, c->now_ns);
  again.slots_named = c->bucket.slots_named;
  ops->advance(&c->limit, c->bucket.state, c->now_ns);
  for (uint64_t cursor = 0; ops->entry(&c->limit, c->bucket.state, &cursor, &entry);) {
    ops->advance(&c->limit, again.state, entry.time_ns);
    bucket_grow(&again);
    if (entry.slot != 0) {
      ops->take(&c->limit, again.state, entry.time_ns, entry.cost, entry.slot);
    } else {
      ops->charge(&c->limit, again.state, entry.time_ns, entry.cost);
    }
  }
  bucket_close(&c->bucket);
  c->bucket = again;
}

// Releases or renews a slot, twice.
__attribute__((unused)) static bool check_slot(struct checker *c, uint64_t slot, bool renew) {
  const struct sl_record_ops *ops = c->bucket.ops;
  if (ops == NULL || ops->release == NULL) {
    return true;
  }
  ops->advance(&c->limit, c->bucket.state, c->now_ns);
  for (int round = 0; round < 2; round++) {
    bool want = renew ? model_renew(&c->model, slot) : model_release(&c->model, slot);
    bool got = renew ? ops->renew(&c->limit, c->bucket.state, c->now_ns, slot)
                     : ops->release(&c->limit, c->bucket.state, c->now_ns, slot);
    if (!prop_equal(c->p, LAW_SLOTS, want, got)) {
      return false;
    }
  }
  struct sl_decision d = c->last = bucket_decide(&c->bucket, c->now_ns, 0, false);
  return check_figures(c, 0, &d);
}

#endif
