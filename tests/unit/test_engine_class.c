// Limits in use: shared, counted, collected when nobody has them any more.
#include "support/engine_kit.h"
#include "support/tap.h"

#define T KIT_START_NS

enum { CLASSES_MOST = 16384 };

static struct sl_limit numbered(uint64_t number) {
  struct sl_limit_spec spec = kit_token(1, SL_NS_PER_S, number + 1);
  return kit_limit(&spec);
}

static void sharing(void) {
  struct kit kit;
  kit_open(&kit, 1 << 20, SL_FULL_EVICT);
  struct sl_limit limit = numbered(1);
  const struct sl_class *a = kit_class(&kit, kit_token(1, SL_NS_PER_S, 2));
  const struct sl_class *b = kit_class(&kit, kit_token(1, SL_NS_PER_S, 3));
  const struct sl_class *c;
  ok(sl_engine_hold_class(kit.engine, &limit, &c) == SL_OK && c == a, "equal limits share a class");
  ok(a != b && a->print.lo != b->print.lo, "different ones do not");
  (void)kit_take(&kit, a, 1, 2, T);
  sl_engine_drop_class(kit.engine, a);
  sl_engine_drop_class(kit.engine, c);
  ok(sl_engine_hold_class(kit.engine, &limit, &a) == SL_OK &&
         kit_take(&kit, a, 1, 1, T).verdict == SL_THROTTLED,
     "a class that nobody held still has its buckets");
  ok(kit_close(&kit), "all is given back");
}

// As many limits as there can be; then those that nobody holds and no bucket has make room.
static void collecting(void) {
  static const struct sl_class *held[CLASSES_MOST + 1];
  struct kit kit;
  kit_open(&kit, 64 << 20, SL_FULL_EVICT);
  unsigned failed = 0;
  for (uint64_t i = 0; i < CLASSES_MOST; i++) {
    struct sl_limit limit = numbered(i);
    failed += sl_engine_hold_class(kit.engine, &limit, &held[i]) != SL_OK;
  }
  is_u64(failed, 0, "16,384 different limits are held");
  struct sl_limit one_more = numbered(CLASSES_MOST);
  ok(sl_engine_hold_class(kit.engine, &one_more, &held[CLASSES_MOST]) == SL_ERR_FULL &&
         held[CLASSES_MOST] == NULL,
     "one more is refused");
  // Of those with a bucket, some are dropped by their holders, and some lose their bucket, too.
  for (uint64_t i = 0; i < 100; i++) {
    (void)kit_take(&kit, held[i], 7, 1, T);
    sl_engine_drop_class(kit.engine, held[i]);
  }
  ok(sl_engine_hold_class(kit.engine, &one_more, &held[CLASSES_MOST]) == SL_ERR_FULL,
     "those that still have a bucket stay");
  ok(kit_take(&kit, held[5], 7, 5, T).verdict == SL_ALLOWED, "and can be used by who holds them");
  for (uint64_t i = 0; i < 50; i++) {
    (void)sl_engine_reset(kit.engine, held[i], kit_bucket(kit.engine, held[i], 7));
  }
  ok(sl_engine_hold_class(kit.engine, &one_more, &held[CLASSES_MOST]) == SL_OK,
     "those without one make room");
  failed = 0;
  for (uint64_t i = 1; i < 50; i++) {
    struct sl_limit limit = numbered(CLASSES_MOST + i);
    const struct sl_class *class;
    failed += sl_engine_hold_class(kit.engine, &limit, &class) != SL_OK;
  }
  is_u64(failed, 0, "as many as there were");
  one_more = numbered(CLASSES_MOST + 50);
  ok(sl_engine_hold_class(kit.engine, &one_more, &held[0]) == SL_ERR_FULL, "and no more");
  bool kept = true;
  for (uint64_t i = 50; i < 100; i++) {
    struct sl_limit limit = numbered(i);
    const struct sl_class *class;
    kept = kept && sl_engine_hold_class(kit.engine, &limit, &class) == SL_OK &&
           kit_take(&kit, class, 7, i + 1, T).verdict == SL_THROTTLED;
  }
  ok(kept, "the buckets of the others are as they were");

  // All but one go; then limits come and go, each another, and nothing piles up.
  for (uint64_t i = 100; i < CLASSES_MOST; i++) {
    sl_engine_drop_class(kit.engine, held[i]);
  }
  failed = 0;
  for (uint64_t i = 0; i < 4000; i++) {
    struct sl_limit limit = numbered(2 * CLASSES_MOST + i);
    const struct sl_class *class = NULL;
    failed += sl_engine_hold_class(kit.engine, &limit, &class) != SL_OK;
    if (class != NULL) {
      (void)kit_take(&kit, class, i, 1, T + i * SL_NS_PER_S);
      sl_engine_drop_class(kit.engine, class);
    }
    if (i % 64 == 0) {
      (void)sl_engine_sweep(kit.engine, 4096, T + (i + 1) * SL_NS_PER_S);
    }
  }
  is_u64(failed, 0, "rules may change for ever");
  ok(kit_close(&kit), "all is given back");
}

// Keys of which every kept bit is the same, under limits that keep their buckets in different ways:
// no cell is ever read as what it is not.
static void twins(void) {
  struct kit kit;
  kit_open(&kit, 1 << 20, SL_FULL_EVICT);
  const struct sl_class *stamp = kit_class(&kit, kit_rated(SL_TOKEN_BUCKET, 5, SL_NS_PER_H));
  const struct sl_class *log = kit_class(&kit, kit_log(5, SL_NS_PER_H, false));
  const struct sl_class *window = kit_class(&kit, kit_rated(SL_SLIDING_WINDOW, 5, SL_NS_PER_H));
  struct sl_ask a = {.class = stamp, .bucket = {.lo = 77, .hi = 5}, .cost = 2};
  struct sl_ask b = {.class = log, .bucket = a.bucket, .cost = 3};
  struct sl_ask c = {.class = window, .bucket = a.bucket, .cost = 1};
  struct sl_decision d;
  ok(sl_engine_take(kit.engine, &a, T, &d) == SL_OK && d.remaining == 3, "a stamp");
  ok(sl_engine_take(kit.engine, &b, T, &d) == SL_OK && d.remaining == 2, "beside it a log");
  ok(sl_engine_take(kit.engine, &a, T, &d) == SL_OK && d.remaining == 1, "each its own");
  ok(sl_engine_take(kit.engine, &c, T, &d) == SL_OK && d.verdict == SL_THROTTLED,
     "another kind of record in the same place has no room there");
  ok(!sl_engine_reset(kit.engine, window, c.bucket), "nor a bucket to reset");
  ok(sl_engine_take(kit.engine, &b, T, &d) == SL_OK && d.verdict == SL_THROTTLED &&
         d.remaining == 2,
     "and the log is as it was");
  ok(kit_close(&kit), "all is given back");
}

int main(void) {
  sharing();
  collecting();
  twins();
  return done_testing();
}
