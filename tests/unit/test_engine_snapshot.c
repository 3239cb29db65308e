// Buckets as words and back: whatever was owed at the export is owed after it.
#include "engine/snapshot.h"
#include "support/engine_kit.h"
#include "support/tap.h"

#define T KIT_START_NS

enum { WORDS = 256 };

struct words {
  uint64_t at[WORDS];
  size_t count;
};

static bool keep(void *ctx, const uint64_t *words, size_t count) {
  struct words *kept = ctx;
  if (count > WORDS - kept->count) {
    return false;
  }
  memcpy(kept->at + kept->count, words, count * sizeof *words);
  kept->count += count;
  return true;
}

// Charges a bucket, restarts, and compares what a look says before and after.
static void survives(struct sl_limit_spec spec, uint64_t charged, const char *name) {
  struct kit before, after;
  struct words words = {.count = 0};
  struct sl_snapshot_counts counts;
  struct sl_decision was, is;
  kit_open(&before, 1 << 20, SL_FULL_EVICT);
  const struct sl_class *class = kit_class(&before, spec);
  const struct sl_ask ask = kit_ask(before.engine, class, 1, charged);
  ok(sl_engine_charge(before.engine, &ask, sl_engine_now(before.engine, T), &was) == SL_OK,
     "%s: charged", name);
  ok(sl_snapshot_export(before.engine, NULL, T, keep, &words), "%s: exported", name);
  kit_open(&after, 1 << 20, SL_FULL_EVICT);
  const struct sl_class *again = kit_class(&after, spec);
  ok(sl_snapshot_import(after.engine, NULL, words.at, words.count, T, &counts) == SL_OK &&
         counts.restored == 1,
     "%s: restored", name);
  struct sl_ask look = kit_ask(after.engine, again, 1, 1);
  bool allowed;
  ok(sl_engine_take_together(after.engine, &look, 1, sl_engine_now(after.engine, T), true, &is,
                             &allowed) == SL_OK,
     "%s: looked at", name);
  is_u64(is.remaining, was.remaining, "%s: remaining", name);
  is_u64(is.reset_after_ns, was.reset_after_ns, "%s: reset", name);
  struct sl_decision old;
  look = kit_ask(before.engine, class, 1, 1);
  ok(sl_engine_take_together(before.engine, &look, 1, T, true, &old, &allowed) == SL_OK &&
         old.retry_after_ns == is.retry_after_ns,
     "%s: retry", name);
  ok(kit_close(&before) && kit_close(&after), "%s: all is given back", name);
}

int main(void) {
  struct sl_limit_spec spec = kit_rated(SL_TOKEN_BUCKET, 10, 10 * SL_NS_PER_S);
  spec.max_wait_ns = 10 * SL_NS_PER_S;
  survives(spec, 4, "token bucket");
  survives(spec, 15, "token bucket in debt");
  spec.algorithm = SL_FIXED_WINDOW;
  survives(spec, 15, "fixed window in debt");
  spec.algorithm = SL_SLIDING_LOG;
  survives(spec, 25, "sliding log");
  spec.algorithm = SL_SLIDING_WINDOW;
  survives(spec, 4, "weighted window");
  survives(spec, 15, "weighted window in debt");
  spec.sub_windows = 5;
  survives(spec, 15, "strict window");
  return done_testing();
}
