// limiter.h - private to lib/: a limiter, and the way from a key to a question to the engine.
#ifndef SL_LIB_LIMITER_H
#define SL_LIB_LIMITER_H

#include "lib/handle.h"

// Immutable once made; what a decision reads stands in its first two cache lines.
struct sluice_limiter {
  struct sl_sip prefix;  // the limiter's identity, absorbed under the secret
  struct sl_engine *engine;
  const struct sl_class *class;
  struct sluice *sluice;  // held
  uint64_t id;
};

// Are these arguments within their bounds?
static inline bool sl_limiter_takes(const struct sluice_limiter *limiter, const void *key,
                                    size_t key_len, uint64_t cost, uint64_t now_ns) {
  return limiter != NULL && (key != NULL || key_len == 0) && sl_cost_fits(cost) &&
         sl_reading_fits(now_ns);
}

// The error of arguments that are not: SLUICE_ERR_ARGUMENT, SLUICE_ERR_COST, else SLUICE_ERR_RANGE
// (the reading).
enum sluice_status sl_limiter_refuse(const struct sluice_limiter *limiter, const void *key,
                                     size_t key_len, uint64_t cost);

static inline struct sl_ask sl_limiter_ask(const struct sluice_limiter *limiter, const void *key,
                                           size_t key_len, uint64_t cost) {
  const struct sl_hash hash = sl_sip_finish(limiter->prefix, key, key_len);
  const struct sl_class *class = limiter->class;
  return (struct sl_ask){
      .class = class,
      .bucket = {.lo = hash.lo ^ class->print.lo, .hi = hash.hi ^ class->print.hi},
      .cost = cost,
  };
}

// What taking would say; charges nothing.
enum sl_status sl_limiter_look(struct sluice_limiter *limiter, const struct sl_ask *ask,
                               uint64_t now_ns, struct sl_decision *ret_decision) SL_MUST_USE;

#endif
