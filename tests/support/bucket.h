// One bucket under one limit, for tests: a stamp or a record behind one set of functions, with its
// memory. It does what the engine does, one bucket at a time and without locks.
#ifndef TESTS_SUPPORT_BUCKET_H
#define TESTS_SUPPORT_BUCKET_H

#include <stdlib.h>

#include "algo/fixed_window.h"
#include "algo/leaky_bucket.h"
#include "algo/record.h"
#include "algo/token_bucket.h"

struct bucket {
  const struct sl_limit *limit;
  const struct sl_record_ops *ops;  // NULL: a stamp, or unlimited
  uint64_t stamp;
  uint64_t promise;  // see sl_stamp_cancel
  void *state;
  size_t bytes;
  uint64_t slots_named;  // concurrency: the last slot's number
};

__attribute__((unused)) static void *bucket_memory(size_t bytes) {
  void *memory = aligned_alloc(16, (bytes + 15) / 16 * 16);
  if (memory == NULL) {
    abort();
  }
  memset(memory, 0, bytes);
  return memory;
}

// A fresh bucket at now.
__attribute__((unused)) static void bucket_init(struct bucket *bucket, const struct sl_limit *limit,
                                                uint64_t now_ns) {
  *bucket = (struct bucket){.limit = limit, .ops = sl_record_ops_of(limit)};
  if (bucket->ops == NULL) {
    bucket->stamp = sl_timeline_now(&limit->timeline, now_ns);
    bucket->promise = bucket->stamp;
    return;
  }
  bucket->bytes = bucket->ops->bytes(limit, NULL, 0);
  bucket->state = bucket_memory(bucket->bytes);
  bucket->ops->init(limit, bucket->state, bucket->bytes);
}

__attribute__((unused)) static void bucket_close(struct bucket *bucket) {
  free(bucket->state);
  bucket->state = NULL;
}

__attribute__((unused)) static void bucket_reset(struct bucket *bucket, uint64_t now_ns) {
  uint64_t slots_named = bucket->slots_named;
  bucket_close(bucket);
  bucket_init(bucket, bucket->limit, now_ns);
  bucket->slots_named = slots_named;
}

// Makes room for one admission more.
__attribute__((unused)) static void bucket_grow(struct bucket *bucket) {
  size_t need = bucket->ops->bytes(bucket->limit, bucket->state, bucket->bytes);
  if (need > bucket->bytes) {
    void *larger = bucket_memory(need);
    bucket->ops->move(bucket->limit, larger, need, bucket->state);
    free(bucket->state);
    bucket->state = larger;
    bucket->bytes = need;
  }
}

// A stamp from a wrong clock counts as a full debt from the moment it is seen (SEMANTICS 4): it is
// corrected when it is read, or it would go on refusing for as long as the clock was wrong.
__attribute__((unused)) static void bucket_correct(struct bucket *bucket, uint64_t now_ns) {
  const struct sl_limit *limit = bucket->limit;
  uint64_t y = sl_timeline_now(&limit->timeline, now_ns);
  if (sl_stamp_is_astray(limit, bucket->stamp, y)) {
    bucket->stamp = (y + sl_stamp_debt(limit, bucket->stamp, y)) & SL_STAMP_MASK;
  }
}

// The verdict without any figures. With `commit` it is charged, or logged where refusals count.
__attribute__((unused)) static enum sl_verdict bucket_test(struct bucket *bucket, uint64_t now_ns,
                                                           uint64_t cost, bool commit,
                                                           uint64_t *ret_wait_ns,
                                                           uint64_t *ret_slot) {
  const struct sl_limit *limit = bucket->limit;
  *ret_wait_ns = 0;
  *ret_slot = 0;
  if (limit->algorithm == SL_UNLIMITED) {
    return SL_ALLOWED;
  }
  if (bucket->ops == NULL) {
    bucket_correct(bucket, now_ns);
    uint64_t stamp = bucket->stamp;
    enum sl_verdict verdict;
    if (limit->algorithm == SL_LEAKY_BUCKET) {
      verdict = sl_leaky_bucket_take(limit, stamp, now_ns, cost, &stamp, ret_wait_ns);
    } else if (limit->algorithm == SL_FIXED_WINDOW) {
      verdict = sl_fixed_window_take(limit, stamp, now_ns, cost, &stamp);
    } else {
      verdict = sl_token_bucket_take(limit, stamp, now_ns, cost, &stamp);
    }
    if (commit && verdict == SL_ALLOWED && cost > 0) {
      bucket->stamp = stamp;
    }
    return verdict;
  }
  bucket->ops->advance(limit, bucket->state, now_ns);
  enum sl_verdict verdict = bucket->ops->test(limit, bucket->state, now_ns, cost);
  if (commit && verdict == SL_ALLOWED && cost > 0) {
    bucket_grow(bucket);
    uint64_t slot = limit->algorithm == SL_CONCURRENCY ? ++bucket->slots_named : 0;
    bucket->ops->take(limit, bucket->state, now_ns, cost, slot);
    *ret_slot = slot;
  } else if (commit && verdict != SL_ALLOWED && bucket->ops->refuse != NULL) {
    bucket_grow(bucket);
    bucket->ops->refuse(limit, bucket->state, now_ns, cost);
  }
  return verdict;
}

// The figures of the bucket as it is, after `verdict` on `cost`.
__attribute__((unused)) static struct sl_decision bucket_figures(const struct bucket *bucket,
                                                                 uint64_t now_ns, uint64_t cost,
                                                                 enum sl_verdict verdict) {
  struct sl_decision decision = {.verdict = verdict, .limit = UINT64_MAX, .remaining = UINT64_MAX};
  if (bucket->ops != NULL) {
    bucket->ops->figures(bucket->limit, bucket->state, now_ns, cost, verdict, &decision);
  } else if (bucket->limit->algorithm != SL_UNLIMITED) {
    sl_stamp_figures(bucket->limit, bucket->stamp, now_ns, cost, verdict, &decision);
  }
  return decision;
}

// A whole decision; `commit` false is a PEEK.
__attribute__((unused)) static struct sl_decision
bucket_decide(struct bucket *bucket, uint64_t now_ns, uint64_t cost, bool commit) {
  uint64_t wait_ns, slot;
  enum sl_verdict verdict = bucket_test(bucket, now_ns, cost, commit, &wait_ns, &slot);
  struct sl_decision decision = bucket_figures(bucket, now_ns, cost, verdict);
  decision.wait_ns = wait_ns;
  decision.slot = slot;
  return decision;
}

__attribute__((unused)) static void bucket_charge(struct bucket *bucket, uint64_t now_ns,
                                                  uint64_t cost) {
  if (bucket->ops != NULL) {
    bucket->ops->advance(bucket->limit, bucket->state, now_ns);
    bucket_grow(bucket);
    bucket->ops->charge(bucket->limit, bucket->state, now_ns, cost);
  } else if (bucket->limit->algorithm != SL_UNLIMITED) {
    bucket->stamp = sl_stamp_charge(bucket->limit, bucket->stamp, now_ns, cost);
  }
}

__attribute__((unused)) static bool bucket_is_fresh(struct bucket *bucket, uint64_t now_ns) {
  const struct sl_limit *limit = bucket->limit;
  if (bucket->ops != NULL) {
    bucket->ops->advance(limit, bucket->state, now_ns);
    return bucket->ops->is_fresh(limit, bucket->state, now_ns);
  }
  return sl_stamp_debt(limit, bucket->stamp, sl_timeline_now(&limit->timeline, now_ns)) == 0;
}

#endif
