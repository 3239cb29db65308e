// An engine for tests: made on memory that counts, with limits by a few numbers and keys that are
// numbers.
#ifndef TESTS_SUPPORT_ENGINE_KIT_H
#define TESTS_SUPPORT_ENGINE_KIT_H

#include <sched.h>

#include "engine/engine.h"
#include "support/fault_mem.h"

struct kit {
  struct fault_mem fault;
  struct sl_mem mem;
  struct sl_engine *engine;
};

// 2026-01-01, on no edge of any window but days.
#define KIT_START_NS (UINT64_C(1767225600) * SL_NS_PER_S)

__attribute__((unused)) static void kit_relax(void *ctx, unsigned round) {
  (void)ctx;
  if (round > 4) {
    sched_yield();
  }
}

__attribute__((unused)) static struct sl_engine_options
kit_options(const struct sl_mem *mem, size_t max_bytes, enum sl_when_full when_full) {
  return (struct sl_engine_options){
      .mem = *mem,
      .secret = {{UINT64_C(0x243f6a8885a308d3), UINT64_C(0x13198a2e03707344)}},
      .max_bytes = max_bytes,
      .when_full = when_full,
      .relax = kit_relax,
  };
}

__attribute__((unused)) static void kit_open(struct kit *kit, size_t max_bytes,
                                             enum sl_when_full when_full) {
  kit->mem = fault_mem_init(&kit->fault);
  struct sl_engine_options options = kit_options(&kit->mem, max_bytes, when_full);
  if (sl_engine_create(&options, &kit->engine) != SL_OK) {
    abort();
  }
}

// True when everything that the engine took is back.
__attribute__((unused)) static bool kit_close(struct kit *kit) {
  sl_engine_destroy(kit->engine);
  kit->engine = NULL;
  return kit->fault.live == 0 && kit->fault.live_bytes == 0;
}

__attribute__((unused)) static struct sl_limit kit_limit(const struct sl_limit_spec *spec) {
  char buffer[512];
  struct sl_text message;
  struct sl_limit limit;
  sl_text_init(&message, buffer, sizeof buffer);
  if (sl_limit_prepare(spec, &limit, &message) != SL_OK) {
    abort();
  }
  return limit;
}

__attribute__((unused)) static const struct sl_class *kit_class(struct kit *kit,
                                                                struct sl_limit_spec spec) {
  struct sl_limit limit = kit_limit(&spec);
  const struct sl_class *class;
  if (sl_engine_hold_class(kit->engine, &limit, &class) != SL_OK) {
    abort();
  }
  return class;
}

// ---- limits by their numbers
// ---------------------------------------------------------------------

static inline struct sl_limit_spec kit_rated(enum sl_algorithm algorithm, uint64_t count,
                                             uint64_t period_ns) {
  struct sl_limit_spec spec = sl_limit_spec_default(algorithm);
  spec.count = count;
  spec.period_ns = period_ns;
  return spec;
}

static inline struct sl_limit_spec kit_token(uint64_t count, uint64_t period_ns, uint64_t burst) {
  struct sl_limit_spec spec = kit_rated(SL_TOKEN_BUCKET, count, period_ns);
  spec.has_burst = true;
  spec.burst = burst;
  return spec;
}

static inline struct sl_limit_spec kit_leaky(uint64_t count, uint64_t period_ns, uint64_t queue) {
  struct sl_limit_spec spec = kit_rated(SL_LEAKY_BUCKET, count, period_ns);
  spec.queue = queue;
  return spec;
}

static inline struct sl_limit_spec kit_fixed(uint64_t count, uint64_t period_ns) {
  return kit_rated(SL_FIXED_WINDOW, count, period_ns);
}

static inline struct sl_limit_spec kit_log(uint64_t count, uint64_t period_ns, bool count_refused) {
  struct sl_limit_spec spec = kit_rated(SL_SLIDING_LOG, count, period_ns);
  spec.count_refused = count_refused;
  return spec;
}

static inline struct sl_limit_spec kit_sliding(uint64_t count, uint64_t period_ns,
                                               uint64_t sub_windows) {
  struct sl_limit_spec spec = kit_rated(SL_SLIDING_WINDOW, count, period_ns);
  spec.sub_windows = sub_windows;
  return spec;
}

static inline struct sl_limit_spec kit_slots(uint64_t slots, uint64_t lease_ns) {
  struct sl_limit_spec spec = sl_limit_spec_default(SL_CONCURRENCY);
  spec.slots = slots;
  spec.lease_ns = lease_ns;
  return spec;
}

// ---- asking
// -----------------------------------------------------------------------------------------

static inline struct sl_hash kit_bucket(const struct sl_engine *engine,
                                        const struct sl_class *class, uint64_t key) {
  struct sl_hash hash = sl_hash_bytes(sl_engine_secret(engine), &key, sizeof key);
  return (struct sl_hash){.lo = hash.lo ^ class->print.lo, .hi = hash.hi ^ class->print.hi};
}

static inline struct sl_ask kit_ask(const struct sl_engine *engine, const struct sl_class *class,
                                    uint64_t key, uint64_t cost) {
  return (struct sl_ask){.class = class, .bucket = kit_bucket(engine, class, key), .cost = cost};
}

static inline struct sl_decision kit_take(struct kit *kit, const struct sl_class *class,
                                          uint64_t key, uint64_t cost, uint64_t now_ns) {
  struct sl_ask ask = kit_ask(kit->engine, class, key, cost);
  struct sl_decision decision = {.verdict = SL_NEVER, .limit = 12345};
  if (sl_engine_take(kit->engine, &ask, sl_engine_now(kit->engine, now_ns), &decision) != SL_OK) {
    abort();
  }
  return decision;
}

// What ALLOW would answer.
static inline struct sl_decision kit_peek(struct kit *kit, const struct sl_class *class,
                                          uint64_t key, uint64_t cost, uint64_t now_ns) {
  struct sl_ask ask = kit_ask(kit->engine, class, key, cost);
  struct sl_decision decision = {.verdict = SL_NEVER, .limit = 12345};
  bool allowed;
  if (sl_engine_take_together(kit->engine, &ask, 1, sl_engine_now(kit->engine, now_ns), true,
                              &decision, &allowed) != SL_OK) {
    abort();
  }
  return decision;
}

static inline struct sl_decision kit_charge(struct kit *kit, const struct sl_class *class,
                                            uint64_t key, uint64_t cost, uint64_t now_ns) {
  struct sl_ask ask = kit_ask(kit->engine, class, key, cost);
  struct sl_decision decision;
  if (sl_engine_charge(kit->engine, &ask, sl_engine_now(kit->engine, now_ns), &decision) != SL_OK) {
    abort();
  }
  return decision;
}

static inline struct sl_engine_stats kit_stats(const struct kit *kit) {
  struct sl_engine_stats stats;
  sl_engine_get_stats(kit->engine, &stats);
  return stats;
}

#endif
