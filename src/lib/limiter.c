// limiter.c - limits built in code: one limit, any number of keys.
#include "lib/limiter.h"

#include "base/hash_many.h"
#include "engine/fast.h"

#define SAME_NUMBER(name) _Static_assert((int)SLUICE_##name == (int)SL_##name, "algorithms")

SAME_NUMBER(UNLIMITED);
SAME_NUMBER(TOKEN_BUCKET);
SAME_NUMBER(LEAKY_BUCKET);
SAME_NUMBER(FIXED_WINDOW);
SAME_NUMBER(SLIDING_LOG);
SAME_NUMBER(SLIDING_WINDOW);
SAME_NUMBER(CONCURRENCY);

// Keys of a batch that are hashed and fetched together: enough to hide the memory's latency, few
// enough for the first-level cache.
enum { CHUNK = 32, NAME_MAX_LEN = 128 };

// ---- making -------------------------------------------------------------------------------------

void sluice_limit_init(struct sluice_limit *limit, size_t size, enum sluice_algorithm algorithm) {
  if (limit == NULL || size < sizeof limit->size) {
    return;
  }
  const struct sluice_limit ours = {
      .size = sizeof ours,
      .algorithm = algorithm,
      .period_ns = SL_NS_PER_S,
      .burst = SLUICE_BURST_DEFAULT,
      .lease_ns = SL_LEASE_DEFAULT_NS,
      .max_wait_ns = SL_MAX_WAIT_DEFAULT_NS,
  };
  memset(limit, 0, size);
  memcpy(limit, &ours, size < sizeof ours ? size : sizeof ours);
  limit->size = size;
}

static enum sluice_status read_limit(const struct sluice_limit *limit, struct sl_limit *ret_limit,
                                     struct sl_text *message) {
  struct sluice_limit wanted;
  sluice_limit_init(&wanted, sizeof wanted, SLUICE_UNLIMITED);
  enum sluice_status read = sl_sized_in(&wanted, sizeof wanted, limit, limit->size);
  if (read != SLUICE_OK) {
    return read;
  }
  const struct sl_limit_spec spec = {
      .algorithm = (enum sl_algorithm)wanted.algorithm,
      .has_burst = wanted.burst != SLUICE_BURST_DEFAULT,
      .any_window = wanted.any_window,
      .count_refused = wanted.count_refused,
      .count = wanted.count,
      .period_ns = wanted.period_ns,
      .burst = wanted.burst != SLUICE_BURST_DEFAULT ? wanted.burst : 0,
      .jitter_ns = wanted.jitter_ns,
      .queue = wanted.queue,
      .sub_windows = wanted.sub_windows,
      .slots = wanted.slots,
      .lease_ns = wanted.lease_ns,
      .max_wait_ns = wanted.max_wait_ns,
  };
  return sl_status_out(sl_limit_prepare(&spec, ret_limit, message));
}

// The keys of limiters are apart from those of rules, whose ids have no capital letters, and those
// without a name apart from all others.
static struct sl_sip prefix_of(const struct sluice_limiter *limiter, const char *name) {
  struct sl_sip prefix = sl_sip_init(sl_engine_secret(limiter->engine));
  if (name != NULL) {
    sl_sip_element(&prefix, SL_STR("LIMITER"));
    sl_sip_element(&prefix, sl_str_of(name));
  } else {
    sl_sip_element(&prefix, SL_STR("UNNAMED"));
    sl_sip_element(&prefix,
                   (struct sl_str){.ptr = (const char *)&limiter->id, .len = sizeof limiter->id});
  }
  return prefix;
}

static enum sluice_status create(struct sluice *sluice, const struct sl_limit *limit,
                                 const char *name, struct sluice_limiter **ret_limiter) {
  struct sluice_limiter *limiter = sluice->mem.alloc(sluice->mem.ctx, sizeof *limiter, 64);
  if (limiter == NULL) {
    return SLUICE_ERR_MEMORY;
  }
  *limiter = (struct sluice_limiter){
      .engine = sluice->engine, .sluice = sluice, .id = sl_sluice_next_id(sluice)};
  enum sl_status status = sl_engine_hold_class(sluice->engine, limit, &limiter->class);
  if (status != SL_OK) {
    sluice->mem.free(sluice->mem.ctx, limiter, sizeof *limiter, 64);
    return sl_status_out(status);
  }
  limiter->prefix = prefix_of(limiter, name);
  sl_sluice_hold(sluice);
  *ret_limiter = limiter;
  return SLUICE_OK;
}

enum sluice_status sluice_limiter_create(struct sluice *sluice, const struct sluice_limit *limit,
                                         const char *name, char *message, size_t message_size,
                                         struct sluice_limiter **ret_limiter) {
  char unwanted[1];
  bool wanted = message != NULL && message_size > 0;
  struct sl_text text;
  sl_text_init(&text, wanted ? message : unwanted, wanted ? message_size : sizeof unwanted);
  if (ret_limiter == NULL) {
    return SLUICE_ERR_ARGUMENT;
  }
  *ret_limiter = NULL;
  if (sluice == NULL || limit == NULL ||
      (name != NULL && strnlen(name, NAME_MAX_LEN + 1) > NAME_MAX_LEN)) {
    return SLUICE_ERR_ARGUMENT;
  }
  struct sl_limit prepared;
  enum sluice_status status = read_limit(limit, &prepared, &text);
  return status == SLUICE_OK ? create(sluice, &prepared, name, ret_limiter) : status;
}

void sluice_limiter_free(struct sluice_limiter *limiter) {
  if (limiter == NULL) {
    return;
  }
  struct sluice *sluice = limiter->sluice;
  sl_engine_drop_class(limiter->engine, limiter->class);
  sluice->mem.free(sluice->mem.ctx, limiter, sizeof *limiter, 64);
  sl_sluice_let_go(sluice);
}

// ---- deciding -----------------------------------------------------------------------------------

enum sluice_status sl_limiter_refuse(const struct sluice_limiter *limiter, const void *key,
                                     size_t key_len, uint64_t cost) {
  if (limiter == NULL || (key == NULL && key_len > 0)) {
    return SLUICE_ERR_ARGUMENT;
  }
  return sl_cost_fits(cost) ? SLUICE_ERR_RANGE : SLUICE_ERR_COST;
}

// Whatever the fast way below did not decide: arguments out of bounds, no place for the decision, a
// limit or a bucket that is not a plain stamp.
static __attribute__((noinline)) enum sluice_status
allow_slowly(struct sluice_limiter *limiter, const void *key, size_t key_len, uint64_t cost,
             uint64_t now_ns, struct sluice_decision *ret_decision) {
  if (!sl_limiter_takes(limiter, key, key_len, cost, now_ns)) {
    return sl_limiter_refuse(limiter, key, key_len, cost);
  }
  struct sl_decision spare;
  struct sl_decision *decision = sl_decision_place(ret_decision, &spare);
  const struct sl_ask ask = sl_limiter_ask(limiter, key, key_len, cost);
  enum sl_status status =
      sl_engine_take(limiter->engine, &ask, sl_sluice_time(limiter->sluice, now_ns), decision);
  return status == SL_OK ? sl_verdict_out(decision->verdict) : sl_status_out(status);
}

enum sluice_status sluice_limiter_allow_at(struct sluice_limiter *limiter, const void *key,
                                           size_t key_len, uint64_t cost, uint64_t now_ns,
                                           struct sluice_decision *ret_decision) {
  if (SL_LIKELY(sl_limiter_takes(limiter, key, key_len, cost, now_ns) && ret_decision != NULL &&
                cost > 0 && now_ns != SLUICE_NOW)) {
    const struct sl_class *class = limiter->class;
    struct sl_decision *decision = sl_decision_in(ret_decision);
    struct sl_hash hash = sl_sip_finish(limiter->prefix, key, key_len);
    struct sl_hash bucket = {.lo = hash.lo ^ class->print.lo, .hi = hash.hi ^ class->print.hi};
    uint64_t time_ns;
    if (SL_LIKELY(class->kind == SL_CLASS_STAMP &&
                  sl_engine_now_fast(limiter->engine, now_ns, &time_ns) &&
                  sl_engine_take_fast(limiter->engine, class, bucket, cost, time_ns, decision))) {
      return sl_verdict_out(decision->verdict);
    }
  }
  return allow_slowly(limiter, key, key_len, cost, now_ns, ret_decision);
}

enum sluice_status sluice_limiter_allow(struct sluice_limiter *limiter, const void *key,
                                        size_t key_len, uint64_t cost,
                                        struct sluice_decision *ret_decision) {
  return limiter == NULL
             ? SLUICE_ERR_ARGUMENT
             : sluice_limiter_allow_at(limiter, key, key_len, cost,
                                       sl_sluice_read_clock(limiter->sluice), ret_decision);
}

// All or nothing, so that a caller need not look for the one that was wrong.
static enum sluice_status check_batch(const struct sluice_limiter *limiter,
                                      const struct sluice_key *keys, const uint64_t *costs,
                                      size_t count, uint64_t now_ns,
                                      const struct sluice_decision *decisions) {
  if (limiter == NULL || (count > 0 && (keys == NULL || decisions == NULL))) {
    return SLUICE_ERR_ARGUMENT;
  }
  bool keys_fit = true;
  uint64_t all_costs = 0;
  for (size_t i = 0; i < count; i++) {
    keys_fit = keys_fit && (keys[i].bytes != NULL || keys[i].len == 0);
    all_costs |= costs != NULL ? costs[i] : 1;
  }
  if (!keys_fit) {
    return SLUICE_ERR_ARGUMENT;
  }
  if (!sl_cost_fits(all_costs)) {
    return SLUICE_ERR_COST;
  }
  return sl_reading_fits(now_ns) ? SLUICE_OK : SLUICE_ERR_RANGE;
}

// A public key is a view of bytes like ours.
_Static_assert(sizeof(struct sluice_key) == sizeof(struct sl_str) &&
                   offsetof(struct sluice_key, len) == offsetof(struct sl_str, len),
               "keys are views");

// Hashes a chunk of keys, several at a time.
static void ask_chunk(const struct sluice_limiter *limiter, const struct sluice_key *keys,
                      const uint64_t *costs, size_t count, struct sl_ask *ret_asks) {
  struct sl_hash hashes[SL_HASH_LANES] SL_UNINITIALIZED;
  const struct sl_class *class = limiter->class;
  for (size_t done = 0; done < count; done += SL_HASH_LANES) {
    size_t n = count - done < SL_HASH_LANES ? count - done : SL_HASH_LANES;
    sl_sip_finish_many(&limiter->prefix, (const struct sl_str *)(const void *)(keys + done), n,
                       hashes);
    for (size_t i = 0; i < n; i++) {
      struct sl_ask *ask = &ret_asks[done + i];
      ask->class = class;
      ask->bucket.lo = hashes[i].lo ^ class->print.lo;
      ask->bucket.hi = hashes[i].hi ^ class->print.hi;
      ask->cost = costs != NULL ? costs[done + i] : 1;
      ask->shadow = false;
    }
  }
}

enum sluice_status sluice_limiter_allow_batch(struct sluice_limiter *limiter,
                                              const struct sluice_key *keys, const uint64_t *costs,
                                              size_t count, uint64_t now_ns,
                                              struct sluice_decision *ret_decisions) {
  enum sluice_status result = check_batch(limiter, keys, costs, count, now_ns, ret_decisions);
  if (result != SLUICE_OK) {
    return result;
  }
  uint64_t time_ns = sl_sluice_time(limiter->sluice, now_ns);
  for (size_t done = 0; done < count; done += CHUNK) {
    struct sl_ask asks[CHUNK] SL_UNINITIALIZED;
    size_t n = count - done < CHUNK ? count - done : CHUNK;
    ask_chunk(limiter, keys + done, costs != NULL ? costs + done : NULL, n, asks);
    enum sl_status status = sl_engine_take_each(limiter->engine, asks, n, time_ns,
                                                sl_decision_in(&ret_decisions[done]));
    result = status != SL_OK ? sl_status_out(status) : result;
  }
  return result;
}

// ---- looking, charging, resetting ---------------------------------------------------------------

enum sl_status sl_limiter_look(struct sluice_limiter *limiter, const struct sl_ask *ask,
                               uint64_t now_ns, struct sl_decision *ret_decision) {
  if (ask->class->limit.algorithm == SL_UNLIMITED) {
    return sl_engine_take(limiter->engine, ask, now_ns, ret_decision);
  }
  bool allowed;
  return sl_engine_take_together(limiter->engine, ask, 1, now_ns, true, ret_decision, &allowed);
}

enum sluice_status sluice_limiter_peek(struct sluice_limiter *limiter, const void *key,
                                       size_t key_len, uint64_t cost, uint64_t now_ns,
                                       struct sluice_decision *ret_decision) {
  if (!sl_limiter_takes(limiter, key, key_len, cost, now_ns)) {
    return sl_limiter_refuse(limiter, key, key_len, cost);
  }
  struct sl_decision spare SL_UNINITIALIZED;
  struct sl_decision *decision = sl_decision_place(ret_decision, &spare);
  const struct sl_ask ask = sl_limiter_ask(limiter, key, key_len, cost);
  enum sl_status status =
      sl_limiter_look(limiter, &ask, sl_sluice_time(limiter->sluice, now_ns), decision);
  return status == SL_OK ? sl_verdict_out(decision->verdict) : sl_status_out(status);
}

enum sluice_status sluice_limiter_charge(struct sluice_limiter *limiter, const void *key,
                                         size_t key_len, uint64_t cost, uint64_t now_ns,
                                         struct sluice_decision *ret_decision) {
  if (!sl_limiter_takes(limiter, key, key_len, cost, now_ns)) {
    return sl_limiter_refuse(limiter, key, key_len, cost);
  }
  struct sl_decision spare SL_UNINITIALIZED;
  struct sl_decision *decision = sl_decision_place(ret_decision, &spare);
  const struct sl_ask ask = sl_limiter_ask(limiter, key, key_len, cost);
  return sl_status_out(
      sl_engine_charge(limiter->engine, &ask, sl_sluice_time(limiter->sluice, now_ns), decision));
}

enum sluice_status sluice_limiter_reset(struct sluice_limiter *limiter, const void *key,
                                        size_t key_len, bool *ret_existed) {
  if (!sl_limiter_takes(limiter, key, key_len, 0, 0)) {
    return sl_limiter_refuse(limiter, key, key_len, 0);
  }
  const struct sl_ask ask = sl_limiter_ask(limiter, key, key_len, 0);
  bool existed = sl_engine_reset(limiter->engine, ask.class, ask.bucket);
  if (ret_existed != NULL) {
    *ret_existed = existed;
  }
  return SLUICE_OK;
}

// ---- slots --------------------------------------------------------------------------------------

typedef enum sl_status slot_op(struct sl_engine *engine, const struct sl_ask *ask, uint64_t slot,
                               uint64_t now_ns, bool *ret_held);

static enum sluice_status on_slot(struct sluice_limiter *limiter, slot_op *op,
                                  const struct sluice_key *key, uint64_t slot, uint64_t now_ns,
                                  bool *ret_held) {
  if (!sl_limiter_takes(limiter, key->bytes, key->len, 0, now_ns)) {
    return sl_limiter_refuse(limiter, key->bytes, key->len, 0);
  }
  const struct sl_ask ask = sl_limiter_ask(limiter, key->bytes, key->len, 0);
  bool held = false;
  enum sl_status status =
      op(limiter->engine, &ask, slot, sl_sluice_time(limiter->sluice, now_ns), &held);
  if (ret_held != NULL) {
    *ret_held = held;
  }
  return sl_status_out(status);
}

enum sluice_status sluice_limiter_release(struct sluice_limiter *limiter, const void *key,
                                          size_t key_len, uint64_t slot, uint64_t now_ns,
                                          bool *ret_held) {
  const struct sluice_key whole = {.bytes = key, .len = key_len};
  return on_slot(limiter, sl_engine_release, &whole, slot, now_ns, ret_held);
}

enum sluice_status sluice_limiter_renew(struct sluice_limiter *limiter, const void *key,
                                        size_t key_len, uint64_t slot, uint64_t now_ns,
                                        bool *ret_held) {
  const struct sluice_key whole = {.bytes = key, .len = key_len};
  return on_slot(limiter, sl_engine_renew, &whole, slot, now_ns, ret_held);
}
