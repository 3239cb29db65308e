// An engine beside a model of it: every operation is done to both, and every field of every answer
// is compared. The model of each bucket is the exact one of prop/model.h; what several buckets do
// together, reservations, slots and time are modelled here, in the words of the contract.
//
// The property test drives it with random numbers, the fuzzer with its bytes. The first
// disagreement is kept in world.failure and ends the history.
#ifndef TESTS_SUPPORT_ENGINE_WORLD_H
#define TESTS_SUPPORT_ENGINE_WORLD_H

#include "prop/model.h"
#include "support/engine_kit.h"

enum {
  WORLD_CLASSES = 8,
  WORLD_KEYS = 4,
  WORLD_BUCKETS = WORLD_CLASSES * WORLD_KEYS,
  WORLD_RECEIPTS = 8,
  WORLD_SLOTS = 8,
  WORLD_TOGETHER = 8,
};

enum world_law {
  WORLD_VERDICT,
  WORLD_FIGURES,
  WORLD_RETRY,
  WORLD_RESET,
  WORLD_WAIT,
  WORLD_SLOT,
  WORLD_ALL_OR_NOTHING,
  WORLD_RESERVE,
  WORLD_STATUS,
  WORLD_LOSSLESS,
  WORLD_MEMORY,
  WORLD_LAWS
};

static const char *const world_laws[WORLD_LAWS] = {
    [WORLD_VERDICT] = "each verdict is the model's",
    [WORLD_FIGURES] = "limit and remaining are those of the state that was left",
    [WORLD_RETRY] = "retry_after is the least wait that admits",
    [WORLD_RESET] = "reset_after is the least wait until the bucket equals a fresh one",
    [WORLD_WAIT] = "an admitted caller of a leaky bucket waits for those before it, a look says so",
    [WORLD_SLOT] = "an admission names a slot, and release and renew find it once",
    [WORLD_ALL_OR_NOTHING] = "the request is allowed when every enforced rule allows it",
    [WORLD_RESERVE] = "reservations wait, are refused, and are given back as the contract says",
    [WORLD_STATUS] = "each call ends with the documented status",
    [WORLD_LOSSLESS] = "only fresh buckets were dropped",
    [WORLD_MEMORY] = "the engine keeps within its cap and gives everything back",
};

struct world_receipt {
  struct sl_receipt receipt;
  uint64_t charged_ns;
  uint64_t cost;
  sl_u128 departs;  // in ticks
  sl_u128 stamp;    // now + debt right after
  bool held;
};

struct world_bucket {
  struct model model;
  struct world_receipt receipts[WORLD_RECEIPTS];
  sl_u128 promised;  // the latest departure ever promised, in ticks
  uint64_t slots[WORLD_SLOTS];
};

struct world_class {
  struct sl_limit_spec spec;
  struct sl_limit limit;
  const struct sl_class *class;
};

// What was done last, for people.
enum { WORLD_LOG = 16 };
struct world_event {
  const char *what;
  uint64_t step, now_ns;
  size_t bucket;
  uint64_t cost;
};

struct world_failure {
  enum world_law law;
  int line;
  uint64_t want, got;
  bool happened;
};

struct world {
  struct kit kit;
  struct world_class classes[WORLD_CLASSES];
  size_t class_count;
  struct world_bucket buckets[WORLD_BUCKETS];
  uint64_t now_ns;  // the latest time seen
  uint64_t step;
  struct sl_decision last;
  struct world_failure failure;
  uint64_t checked[WORLD_LAWS];
  struct world_event log[WORLD_LOG];
  size_t logged;
};

static inline void world_log(struct world *w, const char *what, size_t bucket, uint64_t cost) {
  w->log[w->logged++ % WORLD_LOG] = (struct world_event){
      .what = what, .step = w->step, .now_ns = w->now_ns, .bucket = bucket, .cost = cost};
}

// What one request asks of one bucket.
struct world_ask {
  size_t bucket;
  uint64_t cost;
  bool shadow;
};

__attribute__((noinline, unused)) static bool world_fail(struct world *w, enum world_law law,
                                                         int line, sl_u128 want, sl_u128 got) {
  if (!w->failure.happened) {
    w->failure = (struct world_failure){.law = law,
                                        .line = line,
                                        .want = sl_sat_u128(want),
                                        .got = sl_sat_u128(got),
                                        .happened = true};
  }
  return false;
}

static inline bool world_check(struct world *w, enum world_law law, int line, bool condition,
                               sl_u128 want, sl_u128 got) {
  w->checked[law]++;
  return __builtin_expect(condition, 1) ? true : world_fail(w, law, line, want, got);
}

#define WORLD_EQUAL(w, law, want, got) \
  world_check(w, law, __LINE__, (want) == (got), (sl_u128)(want), (sl_u128)(got))
#define WORLD_HOLDS(w, law, condition, shown) \
  world_check(w, law, __LINE__, (condition), 1, (sl_u128)(shown))

// ---- beginning and end
// -----------------------------------------------------------------------------

static inline const struct world_class *world_class_of(const struct world *w, size_t bucket) {
  return &w->classes[bucket / WORLD_KEYS];
}

__attribute__((unused)) static void world_forget(struct world *w, size_t bucket) {
  struct world_bucket *b = &w->buckets[bucket];
  const struct world_class *c = world_class_of(w, bucket);
  model_init(&b->model, &c->spec, c->limit.unit, w->now_ns);
  b->promised = 0;
  for (size_t i = 0; i < WORLD_RECEIPTS; i++) {
    b->receipts[i].held = false;
  }
  // Slots stay known: to release one that is no more must do nothing.
}

// False when the limit is refused.
__attribute__((unused)) static bool world_add_class(struct world *w,
                                                    const struct sl_limit_spec *spec) {
  char buffer[512];
  struct sl_text message;
  struct world_class *c = &w->classes[w->class_count];
  sl_text_init(&message, buffer, sizeof buffer);
  if (sl_limit_prepare(spec, &c->limit, &message) != SL_OK) {
    return false;
  }
  c->spec = *spec;
  if (sl_engine_hold_class(w->kit.engine, &c->limit, &c->class) != SL_OK) {
    abort();
  }
  size_t first = w->class_count * WORLD_KEYS;
  w->class_count++;
  for (size_t i = first; i < first + WORLD_KEYS; i++) {
    memset(w->buckets[i].slots, 0, sizeof w->buckets[i].slots);
    world_forget(w, i);
  }
  return true;
}

__attribute__((unused)) static void world_open(struct world *w, uint64_t now_ns) {
  kit_open(&w->kit, 1 << 20, SL_FULL_DENY);
  w->class_count = 0;
  w->failure.happened = false;
  w->last = (struct sl_decision){0};
  w->now_ns = sl_engine_now(w->kit.engine, now_ns);
}

__attribute__((unused)) static void world_close(struct world *w) {
  struct sl_engine_stats stats = kit_stats(&w->kit);
  (void)WORLD_EQUAL(w, WORLD_LOSSLESS, 0u, stats.dropped_lossy + stats.denied_full);
  (void)WORLD_HOLDS(w, WORLD_MEMORY, stats.bytes <= stats.max_bytes, stats.bytes);
  for (size_t i = 0; i < w->class_count; i++) {
    sl_engine_drop_class(w->kit.engine, w->classes[i].class);
  }
  bool clean = kit_close(&w->kit);
  (void)WORLD_HOLDS(w, WORLD_MEMORY, clean, w->kit.fault.live);
}

// The clock reads `reading_ns`: what is before the latest is read as that, what is beyond time as
// its end.
__attribute__((unused)) static void world_clock(struct world *w, uint64_t reading_ns) {
  uint64_t want = reading_ns < SL_TIME_MAX_NS ? reading_ns : SL_TIME_MAX_NS - 1;
  want = want > w->now_ns ? want : w->now_ns;
  uint64_t got = sl_engine_now(w->kit.engine, reading_ns);
  w->now_ns = want;
  world_log(w, "clock", 0, reading_ns);
  (void)WORLD_EQUAL(w, WORLD_STATUS, want, got);
}

// ---- one bucket's answers
// ----------------------------------------------------------------------------

static inline bool world_unlimited(const struct world *w, size_t bucket) {
  return world_class_of(w, bucket)->spec.algorithm == SL_UNLIMITED;
}

// The model of a bucket, at the present.
static inline struct model *world_model(struct world *w, size_t bucket) {
  struct model *m = &w->buckets[bucket].model;
  if (m->now_ns != w->now_ns && !world_unlimited(w, bucket)) {
    model_advance(m, w->now_ns);
  }
  return m;
}

// May the model be asked? Its list of entries is finite.
static inline bool world_usable(struct world *w, size_t bucket) {
  return world_unlimited(w, bucket) || world_model(w, bucket)->entry_count < MODEL_ENTRIES - 4;
}

static inline enum sl_verdict world_want(struct world *w, size_t bucket, uint64_t cost) {
  if (world_unlimited(w, bucket) || cost == 0) {
    return SL_ALLOWED;
  }
  const struct model *m = world_model(w, bucket);
  if (cost > m->size) {
    return SL_NEVER;
  }
  return cost <= model_room(m, m->now_ns) ? SL_ALLOWED : SL_THROTTLED;
}

static inline bool world_is_log(const struct world *w, size_t bucket) {
  return world_class_of(w, bucket)->spec.algorithm == SL_SLIDING_LOG;
}

static inline bool world_check_reset(struct world *w, const struct model *m, uint64_t reset_ns) {
  return WORLD_HOLDS(w, WORLD_RESET, model_is_fresh(m, m->now_ns + reset_ns), reset_ns) &&
         (reset_ns == 0 ||
          WORLD_HOLDS(w, WORLD_RESET, !model_is_fresh(m, m->now_ns + reset_ns - 1), reset_ns));
}

// limit, remaining and reset_after, of the state as it is.
static inline bool world_check_state(struct world *w, size_t bucket, const struct sl_decision *d) {
  if (world_unlimited(w, bucket)) {
    return WORLD_EQUAL(w, WORLD_FIGURES, UINT64_MAX, d->limit) &&
           WORLD_EQUAL(w, WORLD_FIGURES, UINT64_MAX, d->remaining) &&
           WORLD_EQUAL(w, WORLD_RESET, 0u, d->reset_after_ns);
  }
  const struct model *m = world_model(w, bucket);
  return WORLD_EQUAL(w, WORLD_FIGURES, m->size, d->limit) &&
         WORLD_EQUAL(w, WORLD_FIGURES, model_room(m, m->now_ns), d->remaining) &&
         world_check_reset(w, m, d->reset_after_ns);
}

static inline bool world_check_retry(struct world *w, size_t bucket, uint64_t cost,
                                     const struct sl_decision *d) {
  if (d->verdict != SL_THROTTLED) {
    return WORLD_EQUAL(w, WORLD_RETRY, 0u, d->retry_after_ns);
  }
  const struct model *m = world_model(w, bucket);
  uint64_t at_ns = m->now_ns + d->retry_after_ns;
  return WORLD_HOLDS(w, WORLD_RETRY, d->retry_after_ns > 0, 0) &&
         WORLD_HOLDS(w, WORLD_RETRY, model_room(m, at_ns) >= cost, d->retry_after_ns) &&
         WORLD_HOLDS(w, WORLD_RETRY, model_room(m, at_ns - 1) < cost, d->retry_after_ns);
}

// ---- ticks: what stamps count
// --------------------------------------------------------------------------

static inline sl_u128 world_ticks(const struct model *m, uint64_t t_ns) {
  if (m->spec.algorithm == SL_FIXED_WINDOW) {
    return (sl_u128)(t_ns / m->period_ns) * m->count;
  }
  return model_ticks(m, t_ns);
}

static inline sl_u128 world_size_ticks(const struct model *m) {
  return (sl_u128)m->size * (m->spec.algorithm == SL_FIXED_WINDOW ? 1 : m->unit);
}

static inline sl_u128 world_cost_ticks(const struct model *m, uint64_t cost) {
  return (sl_u128)cost * (m->spec.algorithm == SL_FIXED_WINDOW ? 1 : m->unit);
}

static inline sl_u128 world_debt(const struct model *m) {
  if (m->size == 0) {
    return 0;
  }
  return m->spec.algorithm == SL_FIXED_WINDOW ? m->used : world_size_ticks(m) - (sl_u128)m->level;
}

// Debts are told from ages by half of 63 bits.
static inline sl_u128 world_debt_most(const struct model *m) {
  sl_u128 most = world_size_ticks(m) + m->debt_most;
  sl_u128 bound = ((sl_u128)1 << 62) - 1;
  return m->size == 0 ? 0 : most < bound ? most : bound;
}

static inline void world_add_debt(struct model *m, sl_i128 ticks) {
  if (m->spec.algorithm == SL_FIXED_WINDOW) {
    m->used = (sl_u128)((sl_i128)m->used + ticks);
  } else {
    m->level -= ticks;
  }
}

// Is wait_ns the least in which that many ticks pass?
static inline bool world_is_least(const struct model *m, uint64_t wait_ns, sl_u128 ticks) {
  sl_u128 from = world_ticks(m, m->now_ns);
  return world_ticks(m, m->now_ns + wait_ns) - from >= ticks &&
         (wait_ns == 0 || world_ticks(m, m->now_ns + wait_ns - 1) - from < ticks);
}

// The tick at which that many have passed: an aligned window's clock shows whole windows.
static inline sl_u128 world_tick_after(const struct model *m, sl_u128 ticks) {
  if (m->spec.algorithm == SL_FIXED_WINDOW && m->count > 0) {
    ticks = sl_ceil_div_u128(ticks, m->count) * m->count;
  }
  return world_ticks(m, m->now_ns) + ticks;
}

static inline void world_promise(struct world_bucket *b, sl_u128 tick) {
  b->promised = tick > b->promised ? tick : b->promised;
}

static inline bool world_is_stamp(const struct world *w, size_t bucket) {
  enum sl_algorithm algorithm = world_class_of(w, bucket)->spec.algorithm;
  return algorithm == SL_TOKEN_BUCKET || algorithm == SL_LEAKY_BUCKET ||
         algorithm == SL_FIXED_WINDOW;
}

// ---- asking
// ------------------------------------------------------------------------------------------

static inline struct sl_ask world_ask_of(const struct world *w, const struct world_ask *ask) {
  const struct world_class *c = world_class_of(w, ask->bucket);
  struct sl_ask out = kit_ask(w->kit.engine, c->class, ask->bucket, ask->cost);
  out.shadow = ask->shadow;
  return out;
}

static inline bool world_check_wait(struct world *w, size_t bucket, sl_u128 debt_before, bool waits,
                                    const struct sl_decision *d) {
  if (!waits || world_class_of(w, bucket)->spec.algorithm != SL_LEAKY_BUCKET) {
    return WORLD_EQUAL(w, WORLD_WAIT, 0u, d->wait_ns);
  }
  return WORLD_HOLDS(w, WORLD_WAIT,
                     world_is_least(&w->buckets[bucket].model, d->wait_ns, debt_before),
                     d->wait_ns);
}

static inline void world_remember_slot(struct world *w, size_t bucket, uint64_t slot) {
  uint64_t *slots = w->buckets[bucket].slots;
  memmove(slots + 1, slots, (WORLD_SLOTS - 1) * sizeof slots[0]);
  slots[0] = slot;
}

// Does to the model what the request did; returns the debt before, for the wait.
static inline sl_u128 world_apply(struct world *w, const struct world_ask *ask,
                                  enum sl_verdict verdict, bool charged, bool look, uint64_t slot) {
  if (world_unlimited(w, ask->bucket)) {
    return 0;
  }
  struct world_bucket *b = &w->buckets[ask->bucket];
  struct model *m = world_model(w, ask->bucket);
  sl_u128 before = world_is_stamp(w, ask->bucket) ? world_debt(m) : 0;
  if (charged) {
    if (world_is_stamp(w, ask->bucket)) {
      bool leaky = m->spec.algorithm == SL_LEAKY_BUCKET;
      world_promise(b, world_ticks(m, w->now_ns) + (leaky ? before : 0));
    }
    (void)model_take(m, ask->cost, slot);
    if (m->spec.algorithm == SL_CONCURRENCY) {
      world_remember_slot(w, ask->bucket, slot);
    }
  } else if (verdict != SL_ALLOWED && !look &&
             world_class_of(w, ask->bucket)->limit.count_refused) {
    model_charge(m, sl_min_u64(ask->cost, m->size));
  }
  return before;
}

// One request to several different buckets. `look`: nothing is charged.
__attribute__((unused)) static bool world_together(struct world *w, const struct world_ask *asks,
                                                   size_t count, bool look) {
  struct sl_ask sent[WORLD_TOGETHER];
  struct sl_decision d[WORLD_TOGETHER];
  enum sl_verdict want[WORLD_TOGETHER];
  bool admits = true;
  bool allowed = false;
  for (size_t i = 0; i < count; i++) {
    world_log(w, look ? "look" : "together", asks[i].bucket, asks[i].cost);
    sent[i] = world_ask_of(w, &asks[i]);
    want[i] = world_want(w, asks[i].bucket, asks[i].cost);
    admits = admits && (asks[i].shadow || want[i] == SL_ALLOWED);
  }
  enum sl_status status =
      sl_engine_take_together(w->kit.engine, sent, count, w->now_ns, look, d, &allowed);
  if (!WORLD_EQUAL(w, WORLD_STATUS, SL_OK, status) ||
      !WORLD_EQUAL(w, WORLD_ALL_OR_NOTHING, admits, allowed)) {
    return false;
  }
  bool right = true;
  for (size_t i = 0; right && i < count; i++) {
    size_t bucket = asks[i].bucket;
    bool charged = !look && admits && want[i] == SL_ALLOWED && asks[i].cost > 0;
    bool waits = admits && want[i] == SL_ALLOWED && asks[i].cost > 0;
    bool named = charged && world_class_of(w, bucket)->spec.algorithm == SL_CONCURRENCY;
    sl_u128 before = world_apply(w, &asks[i], want[i], charged, look, d[i].slot);
    right = WORLD_EQUAL(w, WORLD_VERDICT, want[i], d[i].verdict) &&
            world_check_state(w, bucket, &d[i]) &&
            world_check_retry(w, bucket, asks[i].cost, &d[i]) &&
            world_check_wait(w, bucket, before, waits, &d[i]) &&
            WORLD_EQUAL(w, WORLD_SLOT, named, d[i].slot != 0);
    w->last = d[i];
  }
  return right;
}

// One bucket's decision from the one-bucket call, or from a batch.
static inline bool world_check_single(struct world *w, const struct world_ask *ask,
                                      const struct sl_decision *d) {
  enum sl_verdict want = world_want(w, ask->bucket, ask->cost);
  bool charged = want == SL_ALLOWED && ask->cost > 0;
  bool named = charged && world_class_of(w, ask->bucket)->spec.algorithm == SL_CONCURRENCY;
  sl_u128 before = world_apply(w, ask, want, charged, false, d->slot);
  w->last = *d;
  return WORLD_EQUAL(w, WORLD_VERDICT, want, d->verdict) && world_check_state(w, ask->bucket, d) &&
         world_check_retry(w, ask->bucket, ask->cost, d) &&
         world_check_wait(w, ask->bucket, before, charged, d) &&
         WORLD_EQUAL(w, WORLD_SLOT, named, d->slot != 0);
}

__attribute__((unused)) static bool world_take(struct world *w, const struct world_ask *ask) {
  world_log(w, "take", ask->bucket, ask->cost);
  struct sl_ask sent = world_ask_of(w, ask);
  struct sl_decision d;
  enum sl_status status = sl_engine_take(w->kit.engine, &sent, w->now_ns, &d);
  return WORLD_EQUAL(w, WORLD_STATUS, SL_OK, status) && world_check_single(w, ask, &d);
}

// A batch: as if asked one after the other. The figures of one are those it left, so a bucket that
// occurs again later is checked as it was then: the model follows in step.
__attribute__((unused)) static bool world_take_each(struct world *w, const struct world_ask *asks,
                                                    size_t count) {
  struct sl_ask sent[WORLD_TOGETHER];
  struct sl_decision d[WORLD_TOGETHER];
  for (size_t i = 0; i < count; i++) {
    world_log(w, "each", asks[i].bucket, asks[i].cost);
    sent[i] = world_ask_of(w, &asks[i]);
  }
  enum sl_status status = sl_engine_take_each(w->kit.engine, sent, count, w->now_ns, d);
  bool right = WORLD_EQUAL(w, WORLD_STATUS, SL_OK, status);
  for (size_t i = 0; right && i < count; i++) {
    right = world_check_single(w, &asks[i], &d[i]);
  }
  return right;
}

__attribute__((unused)) static bool world_charge(struct world *w, size_t bucket, uint64_t cost) {
  world_log(w, "charge", bucket, cost);
  struct world_ask ask = {.bucket = bucket, .cost = cost};
  struct sl_ask sent = world_ask_of(w, &ask);
  struct sl_decision d;
  enum sl_status status = sl_engine_charge(w->kit.engine, &sent, w->now_ns, &d);
  if (!world_unlimited(w, bucket)) {
    struct model *m = world_model(w, bucket);
    bool newest = !world_is_stamp(w, bucket) && !model_is_weighted(m);
    model_charge(m, newest ? sl_min_u64(cost, m->size) : cost);
    if (world_is_stamp(w, bucket) && m->size > 0 && cost > 0) {
      sl_u128 debt = world_debt(m);
      sl_u128 size = world_size_ticks(m);
      world_promise(&w->buckets[bucket], world_tick_after(m, debt > size ? debt - size : 0));
    }
  }
  w->last = d;
  return WORLD_EQUAL(w, WORLD_STATUS, SL_OK, status) &&
         WORLD_EQUAL(w, WORLD_VERDICT, SL_ALLOWED, d.verdict) && world_check_state(w, bucket, &d) &&
         WORLD_EQUAL(w, WORLD_RETRY, 0u, d.retry_after_ns);
}

__attribute__((unused)) static void world_reset(struct world *w, size_t bucket) {
  world_log(w, "reset", bucket, 0);
  const struct world_class *c = world_class_of(w, bucket);
  struct sl_hash hash = kit_bucket(w->kit.engine, c->class, bucket);
  bool had = sl_engine_reset(w->kit.engine, c->class, hash);
  // A bucket that is not fresh is surely there.
  bool must = !world_unlimited(w, bucket) && !model_is_fresh(world_model(w, bucket), w->now_ns);
  (void)WORLD_HOLDS(w, WORLD_STATUS, had || !must, had);
  world_forget(w, bucket);
}

// Releases or renews a slot, twice.
__attribute__((unused)) static bool world_slot(struct world *w, size_t bucket, uint64_t slot,
                                               bool renew) {
  world_log(w, "slot", bucket, slot);
  struct world_ask ask = {.bucket = bucket};
  struct sl_ask sent = world_ask_of(w, &ask);
  bool has_slots = world_class_of(w, bucket)->spec.algorithm == SL_CONCURRENCY;
  bool right = true;
  for (int i = 0; right && i < 2; i++) {
    bool got = true;
    enum sl_status status = renew ? sl_engine_renew(w->kit.engine, &sent, slot, w->now_ns, &got)
                                  : sl_engine_release(w->kit.engine, &sent, slot, w->now_ns, &got);
    bool want = false;
    if (has_slots) {
      struct model *m = world_model(w, bucket);
      want = renew ? model_renew(m, slot) : model_release(m, slot);
    }
    right = WORLD_EQUAL(w, WORLD_STATUS, has_slots ? SL_OK : SL_ERR_UNSUPPORTED, status) &&
            WORLD_EQUAL(w, WORLD_SLOT, want, got);
  }
  return right;
}

// ---- reservations
// ------------------------------------------------------------------------------------

static inline struct world_receipt *world_free_receipt(struct world_bucket *b) {
  for (size_t i = 0; i < WORLD_RECEIPTS; i++) {
    if (!b->receipts[i].held) {
      return &b->receipts[i];
    }
  }
  return &b->receipts[0];
}

// The debt behind which a reservation stands. Each window keeps its law: what has no room in the
// last one that is promised goes to the next, and the rest of that window is nobody's.
static inline sl_u128 world_stands_behind(const struct model *m, uint64_t cost) {
  sl_u128 debt = world_debt(m);
  if (m->spec.algorithm != SL_FIXED_WINDOW || m->count == 0) {
    return debt;
  }
  sl_u128 windows = debt / m->count;
  return debt + cost > (windows + 1) * m->count ? (windows + 1) * m->count : debt;
}

// The least wait in which that many ticks pass, found by halving.
static inline uint64_t world_least_wait(const struct model *m, sl_u128 ticks) {
  uint64_t low = 0, high = UINT64_C(1) << 62;
  while (low < high) {
    uint64_t middle = low + (high - low) / 2;
    if (world_ticks(m, m->now_ns + middle) - world_ticks(m, m->now_ns) >= ticks) {
      high = middle;
    } else {
      low = middle + 1;
    }
  }
  return low;
}

// What a reservation hears, and what it would owe.
struct world_booking {
  enum sl_verdict verdict;
  sl_u128 wait, after;  // in ticks
  uint64_t wait_ns, retry_ns;
};

static inline struct world_booking world_booking_of(struct world *w, size_t bucket, uint64_t cost,
                                                    uint64_t longest_ns) {
  const struct model *m = world_model(w, bucket);
  if (cost > m->size) {
    return (struct world_booking){.verdict = SL_NEVER};
  }
  sl_u128 before = world_stands_behind(m, cost);
  sl_u128 size = world_size_ticks(m);
  struct world_booking b = {.verdict = SL_ALLOWED, .after = before + world_cost_ticks(m, cost)};
  b.wait = m->spec.algorithm == SL_LEAKY_BUCKET ? before : b.after > size ? b.after - size : 0;
  b.wait_ns = m->size == 0 ? 0 : world_least_wait(m, b.wait);
  if (b.after > world_debt_most(m)) {
    b.verdict = SL_THROTTLED;
    b.retry_ns = world_least_wait(m, b.after - world_debt_most(m));
  }
  if (cost > 0 && b.wait_ns > m->spec.max_wait_ns) {
    b.verdict = SL_THROTTLED;
    b.retry_ns = sl_max_u64(b.retry_ns, b.wait_ns - m->spec.max_wait_ns);
  }
  if (b.verdict == SL_ALLOWED && b.wait_ns > longest_ns) {
    b.verdict = SL_THROTTLED;
    b.retry_ns = b.wait_ns - longest_ns;
  }
  return b;
}

static inline void world_book(struct world *w, size_t bucket, uint64_t cost,
                              const struct world_booking *booking,
                              const struct sl_receipt *receipt) {
  struct world_bucket *b = &w->buckets[bucket];
  struct model *m = world_model(w, bucket);
  world_add_debt(m, (sl_i128)(booking->after - world_debt(m)));
  if (cost > 0) {
    world_promise(b, world_tick_after(m, booking->wait));
  }
  *world_free_receipt(b) =
      (struct world_receipt){.receipt = *receipt,
                             .charged_ns = w->now_ns,
                             .cost = cost,
                             .departs = world_tick_after(m, booking->wait),
                             .stamp = world_ticks(m, w->now_ns) + booking->after,
                             .held = true};
}

// Reservations on several different buckets, all or nothing.
__attribute__((unused)) static bool world_reserve_together(struct world *w,
                                                           const struct world_ask *asks,
                                                           size_t count, uint64_t longest_ns) {
  struct sl_ask sent[WORLD_TOGETHER];
  struct sl_decision d[WORLD_TOGETHER];
  struct sl_receipt receipts[WORLD_TOGETHER];
  struct world_booking want[WORLD_TOGETHER];
  bool can = true;
  bool admits = true;
  for (size_t i = 0; i < count; i++) {
    world_log(w, "reserve", asks[i].bucket, asks[i].cost);
    sent[i] = world_ask_of(w, &asks[i]);
    can = can && world_is_stamp(w, asks[i].bucket);
    if (world_is_stamp(w, asks[i].bucket)) {
      want[i] = world_booking_of(w, asks[i].bucket, asks[i].cost, longest_ns);
      admits = admits && (asks[i].shadow || want[i].verdict == SL_ALLOWED);
    }
  }
  bool allowed = admits;
  bool single = count == 1 && longest_ns == UINT64_MAX && !asks[0].shadow;
  enum sl_status status = single ? sl_engine_reserve(w->kit.engine, sent, w->now_ns, receipts, d)
                                 : sl_engine_reserve_together(w->kit.engine, sent, count, w->now_ns,
                                                              longest_ns, receipts, d, &allowed);
  if (!WORLD_EQUAL(w, WORLD_STATUS, can ? SL_OK : SL_ERR_UNSUPPORTED, status) || !can) {
    return !w->failure.happened;
  }
  bool right = WORLD_EQUAL(w, WORLD_ALL_OR_NOTHING, admits, allowed);
  for (size_t i = 0; right && i < count; i++) {
    bool booked = admits && want[i].verdict == SL_ALLOWED;
    if (booked) {
      world_book(w, asks[i].bucket, asks[i].cost, &want[i], &receipts[i]);
    }
    w->last = d[i];
    right = WORLD_EQUAL(w, WORLD_RESERVE, want[i].verdict, d[i].verdict) &&
            WORLD_EQUAL(w, WORLD_RESERVE, want[i].retry_ns, d[i].retry_after_ns) &&
            (want[i].verdict != SL_ALLOWED ||
             WORLD_EQUAL(w, WORLD_RESERVE, want[i].wait_ns, d[i].wait_ns)) &&
            WORLD_EQUAL(w, WORLD_RESERVE, booked ? asks[i].cost : 0, receipts[i].cost) &&
            world_check_state(w, asks[i].bucket, &d[i]);
  }
  return right;
}

__attribute__((unused)) static bool world_reserve(struct world *w, size_t bucket, uint64_t cost) {
  struct world_ask ask = {.bucket = bucket, .cost = cost};
  return world_reserve_together(w, &ask, 1, UINT64_MAX);
}

// cost - r x max(time since it was charged, latest departure ever promised - its own). A leaky
// bucket's state does not keep the cost of the last one: there the latest departure is taken to be
// one place before the end.
static inline sl_u128 world_refund(struct world *w, size_t bucket, const struct world_receipt *r) {
  struct world_bucket *b = &w->buckets[bucket];
  struct model *m = world_model(w, bucket);
  if (r->cost == 0) {
    return 0;
  }
  sl_u128 y = world_ticks(m, w->now_ns);
  sl_u128 debt = world_debt(m);
  sl_u128 unit = m->spec.algorithm == SL_FIXED_WINDOW ? 1 : m->unit;
  sl_u128 since =
      sl_ceil_div_u128((sl_u128)(w->now_ns - r->charged_ns) * (m->count * unit), m->period_ns);
  if (m->spec.algorithm == SL_FIXED_WINDOW) {
    // What was charged in a former window does not return in this one.
    sl_u128 windows = y - world_ticks(m, r->charged_ns);
    since = windows > since ? windows : since;
  }
  sl_u128 latest = b->promised;
  if (m->spec.algorithm == SL_LEAKY_BUCKET && debt > 0 && y + debt != r->stamp) {
    sl_u128 last = y + debt - m->unit;
    latest = last > latest ? last : latest;
  }
  sl_u128 behind = latest > r->departs ? latest - r->departs : 0;
  sl_u128 lost = since > behind ? since : behind;
  sl_u128 cost = world_cost_ticks(m, r->cost);
  sl_u128 back = cost > lost ? cost - lost : 0;
  world_promise(b, latest);
  return back < debt ? back : debt;
}

__attribute__((unused)) static bool world_cancel(struct world *w, size_t bucket, size_t which) {
  struct world_receipt *r = &w->buckets[bucket].receipts[which];
  if (!r->held) {
    return true;
  }
  r->held = false;
  world_log(w, "cancel", bucket, r->cost);
  struct world_ask ask = {.bucket = bucket};
  struct sl_ask sent = world_ask_of(w, &ask);
  sl_u128 back = world_refund(w, bucket, r);
  world_add_debt(world_model(w, bucket), -(sl_i128)back);
  enum sl_status status = sl_engine_cancel(w->kit.engine, &sent, &r->receipt, w->now_ns);
  return WORLD_EQUAL(w, WORLD_STATUS, SL_OK, status) && world_together(w, &ask, 1, true);
}

// ---- for people
// ----------------------------------------------------------------------------------------

__attribute__((unused)) static void world_print(const struct world *w) {
  const struct world_failure *f = &w->failure;
  printf("# %s: step %llu, expected %llu, got %llu (engine_world.h:%d)\n", world_laws[f->law],
         (unsigned long long)w->step, (unsigned long long)f->want, (unsigned long long)f->got,
         f->line);
  for (size_t i = 0; i < w->class_count; i++) {
    model_print(&w->buckets[i * WORLD_KEYS].model);
  }
  for (size_t i = w->logged < WORLD_LOG ? 0 : w->logged - WORLD_LOG; i < w->logged; i++) {
    const struct world_event *e = &w->log[i % WORLD_LOG];
    printf("# step %llu, now %llu: %s bucket %zu, %llu\n", (unsigned long long)e->step,
           (unsigned long long)e->now_ns, e->what, e->bucket, (unsigned long long)e->cost);
  }
  printf("# last decision: %s, remaining %llu, retry %llu ns, reset %llu ns\n",
         sl_verdict_name(w->last.verdict), (unsigned long long)w->last.remaining,
         (unsigned long long)w->last.retry_after_ns, (unsigned long long)w->last.reset_after_ns);
}

#endif
