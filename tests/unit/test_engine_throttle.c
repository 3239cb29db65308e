// The namespace of CL.THROTTLE: decisions by key alone, its own memory, many threads.
#include <pthread.h>

#include "engine/throttle.h"
#include "support/engine_kit.h"
#include "support/tap.h"

static struct kit kit;
static struct sl_throttles *throttles;

static void start(size_t max_bytes, enum sl_when_full when_full) {
  kit_open(&kit, max_bytes, when_full);
  if (sl_throttles_create(kit.engine, 0, &throttles) != SL_OK) {
    abort();
  }
}

static void stop(void) {
  sl_throttles_destroy(throttles);
  ok(kit_close(&kit), "all memory is given back");
}

static struct sl_throttled take(uint64_t key, int64_t burst, int64_t count, int64_t period_s,
                                uint64_t cost, uint64_t now_ns) {
  struct sl_quota quota;
  struct sl_throttled throttled;
  if (sl_quota_make(burst, count, period_s, &quota) != SL_OK) {
    abort();
  }
  struct sl_hash bucket =
      sl_throttle_bucket(throttles, (struct sl_str){.ptr = (const char *)&key, .len = sizeof key});
  sl_throttle_prefetch(throttles, bucket);
  sl_throttle_take(throttles, sl_throttle_find(throttles, bucket), bucket, &quota, cost,
                   sl_engine_now(kit.engine, now_ns), &throttled);
  return throttled;
}

static struct sl_throttles_stats stats(void) {
  struct sl_throttles_stats now;
  sl_throttles_get_stats(throttles, &now);
  return now;
}

static void test_deciding(void) {
  uint64_t t = KIT_START_NS;
  start(1 << 20, SL_FULL_EVICT);
  is_u64(take(1, 2, 1, 10, 1, t).remaining, 2, "the first of three");
  is_u64(take(1, 2, 1, 10, 2, t).remaining, 0, "two more");
  struct sl_throttled refused = take(1, 2, 1, 10, 1, t + 1);
  ok(refused.limited && !refused.never, "then none");
  is_u64(refused.retry_after_ns, 10 * SL_NS_PER_S - 1,
         "until the first has gone, to the nanosecond");
  is_u64(refused.reset_after_ns, 30 * SL_NS_PER_S - 1, "and fresh when all have");
  ok(take(1, 2, 1, 10, 1, t + 10 * SL_NS_PER_S - 1).limited, "a nanosecond too early");
  ok(!take(1, 2, 1, 10, 1, t + 10 * SL_NS_PER_S).limited, "on time");
  // Another quota reads the stamp as it stands: 30 s of debt.
  refused = take(1, 0, 1, 1, 1, t + 10 * SL_NS_PER_S);
  is_u64(refused.retry_after_ns, 30 * SL_NS_PER_S, "under another quota the debt stays");
  ok(take(1, 0, 1, 1, 0, t + 10 * SL_NS_PER_S).limited, "for a look, too");
  ok(take(2, 2, 1, 10, 4, t).never, "more than the burst is never");
  is_u64(stats().buckets, 1, "what was refused or only looked has no bucket");
  uint64_t key = 1;
  struct sl_hash bucket =
      sl_throttle_bucket(throttles, (struct sl_str){.ptr = (const char *)&key, .len = sizeof key});
  ok(sl_throttle_reset(throttles, bucket), "a reset");
  ok(!sl_throttle_reset(throttles, bucket), "finds nothing the second time");
  is_u64(take(1, 2, 1, 10, 0, t).remaining, 3, "and leaves a fresh bucket");
  stop();
}

// A flood of keys takes half of the memory at most, and no rule's bucket goes for it.
static void test_memory(void) {
  enum { RULE_KEYS = 2000, FLOOD = 60000 };
  uint64_t t = KIT_START_NS;
  start(1 << 20, SL_FULL_EVICT);
  const struct sl_class *class = kit_class(&kit, kit_token(1, SL_NS_PER_H, 5));
  for (uint64_t key = 0; key < RULE_KEYS; key++) {
    (void)kit_take(&kit, class, key, 1, t);
  }
  for (uint64_t key = 0; key < FLOOD; key++) {
    (void)take(key, 0, 1, 3600, 1, t);
  }
  ok(stats().bytes <= kit_stats(&kit).max_bytes / 2, "a flood takes at most half of the memory");
  ok(stats().dropped_lossy > 0, "some of its own buckets went");
  is_u64(kit_stats(&kit).dropped_lossy, 0, "none of the rules'");
  bool there = true;
  for (uint64_t key = 0; key < RULE_KEYS && there; key++) {
    there = kit_peek(&kit, class, key, 1, t).remaining == 4;
  }
  ok(there, "each of which is still charged");
  size_t before = stats().buckets;
  ok(sl_throttles_sweep(throttles, 1 << 20, t + 2 * SL_NS_PER_H) == before, "fresh ones are swept");
  is_u64(stats().buckets, 0, "all of them");
  sl_engine_drop_class(kit.engine, class);
  stop();
}

static void test_full(void) {
  static const struct {
    enum sl_when_full when_full;
    bool limited;
  } cases[] = {{SL_FULL_DENY, true}, {SL_FULL_ALLOW, false}};
  for (size_t i = 0; i < SL_ARRAY_LEN(cases); i++) {
    start(SL_ENGINE_BYTES_MIN, cases[i].when_full);
    uint64_t key = 0;
    while (stats().denied_full + stats().allowed_full == 0) {
      (void)take(key++, 0, 1, 3600, 1, KIT_START_NS);
    }
    is_u64(take(key - 1, 0, 1, 3600, 1, KIT_START_NS).limited, cases[i].limited,
           "at the cap a new key is %s", cases[i].limited ? "throttled" : "allowed, uncounted");
    is_u64(stats().dropped_lossy, 0, "and nothing is dropped");
    ok(take(0, 0, 1, 3600, 1, KIT_START_NS).limited, "a key that has a bucket is counted");
    stop();
  }
}

static void test_making(void) {
  kit_open(&kit, 1 << 20, SL_FULL_EVICT);
  is_i64(sl_throttles_create(kit.engine, 1000, &throttles), SL_ERR_RANGE, "too little memory");
  uint64_t calls = kit.fault.calls;
  for (uint64_t at = 1; at <= 3; at++) {
    kit.fault.fail_at = kit.fault.calls + 1 + (at - 1);
    is_i64(sl_throttles_create(kit.engine, 0, &throttles), SL_ERR_MEMORY, "allocation %d fails",
           (int)at);
  }
  kit.fault.fail_at = 0;
  ok(kit.fault.calls > calls, "and was asked for");
  sl_throttles_destroy(NULL);
  ok(kit_close(&kit), "all memory is given back");
}

// ---- threads

// Together they ask for 5,000 of each shared key.
enum { THREADS = 4, CALLS = 20000, SHARED_KEYS = 16, BURST = 4000 };

static void *hammer(void *arg) {
  uint64_t *admitted = arg;
  for (int i = 0; i < CALLS; i++) {
    // Keys that come and go beside them move buckets about.
    (void)take(1000 + (uint64_t)i % 3000, 0, 1, 1, 1, KIT_START_NS);
    admitted[i % SHARED_KEYS] +=
        !take((uint64_t)i % SHARED_KEYS, BURST - 1, 1, 1000, 1, KIT_START_NS).limited;
  }
  return NULL;
}

static void test_threads(void) {
  start(8 << 20, SL_FULL_EVICT);
  pthread_t threads[THREADS];
  static uint64_t admitted[THREADS][SHARED_KEYS];
  for (int i = 0; i < THREADS; i++) {
    if (pthread_create(&threads[i], NULL, hammer, admitted[i]) != 0) {
      abort();
    }
  }
  for (int i = 0; i < THREADS; i++) {
    pthread_join(threads[i], NULL);
  }
  bool exact = true;
  for (int key = 0; key < SHARED_KEYS; key++) {
    uint64_t sum = 0;
    for (int i = 0; i < THREADS; i++) {
      sum += admitted[i][key];
    }
    exact = exact && sum == BURST;
  }
  ok(exact, "%d threads together are admitted exactly the burst, of each key", THREADS);
  stop();
}

int main(void) {
  test_deciding();
  test_memory();
  test_full();
  test_making();
  test_threads();
  return done_testing();
}
