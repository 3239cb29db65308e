// The memory cap (line 32 of the contract): what goes first, what never goes, what is counted.
#include "support/engine_kit.h"
#include "support/tap.h"

#define T KIT_START_NS

static bool within_cap(const struct kit *kit) {
  struct sl_engine_stats stats = kit_stats(kit);
  return stats.bytes <= stats.max_bytes && kit->fault.peak_bytes <= stats.max_bytes &&
         kit->fault.live_bytes <= stats.bytes;
}

static void bounds(void) {
  struct fault_mem fault;
  struct sl_mem mem = fault_mem_init(&fault);
  struct sl_engine *engine = NULL;
  struct sl_engine_options options = kit_options(&mem, SL_ENGINE_BYTES_MIN - 1, SL_FULL_EVICT);
  ok(sl_engine_create(&options, &engine) == SL_ERR_RANGE && fault.calls == 0,
     "semantics_32_a_cap_below_the_least_is_refused");
  options.max_bytes = SL_ENGINE_BYTES_MIN;
  ok(sl_engine_create(&options, &engine) == SL_OK && fault.live_bytes <= SL_ENGINE_BYTES_MIN,
     "semantics_32_the_least_is_enough");
  sl_engine_destroy(engine);
  sl_engine_destroy(NULL);
  is_u64(fault.live, 0, "semantics_32_and_given_back");
}

// S26: who is out stays out, whatever number of other keys comes by. The victim's rule is also the
// flood's, so the engine sees its keys as equals.
static void victim(void) {
  struct kit kit;
  kit_open(&kit, SL_ENGINE_BYTES_MIN, SL_FULL_EVICT);
  const struct sl_class *class = kit_class(&kit, kit_token(10, SL_NS_PER_H, 10));
  uint64_t now_ns = T;
  (void)kit_take(&kit, class, 0, 10, now_ns);
  unsigned wrong = 0;
  unsigned beyond = 0;
  for (uint64_t key = 1; key < 60000; key++) {
    now_ns += 10;
    (void)kit_take(&kit, class, key, 1, now_ns);
    if (key % 64 == 0) {
      wrong += kit_take(&kit, class, 0, 1, now_ns).verdict != SL_THROTTLED;
      beyond += !within_cap(&kit);
    }
  }
  is_u64(wrong, 0, "s26_a_denied_key_stays_denied_under_60000_new_ones");
  is_u64(beyond, 0, "s26_within_the_cap_at_every_step");
  ok(kit_stats(&kit).dropped_lossy > 40000, "s26_what_went_instead_is_counted");
  ok(kit_close(&kit), "  all is given back");
}

// As long as something fresh is there, nothing else goes.
static void lossless_first(void) {
  struct kit kit;
  kit_open(&kit, SL_ENGINE_BYTES_MIN, SL_FULL_EVICT);
  const struct sl_class *brief = kit_class(&kit, kit_token(1000, SL_NS_PER_S, 1));
  const struct sl_class *lasting = kit_class(&kit, kit_token(1, SL_NS_PER_H, 1));
  enum { LASTING = 1500 };
  for (uint64_t key = 0; key < LASTING; key++) {
    (void)kit_take(&kit, lasting, key, 1, T);
  }
  // Each is fresh again by the time the next few hundred have come.
  uint64_t now_ns = T;
  for (uint64_t key = 0; key < 60000; key++) {
    now_ns += SL_NS_PER_MS / 100;
    (void)kit_take(&kit, brief, key, 1, now_ns);
  }
  unsigned forgotten = 0;
  for (uint64_t key = 0; key < LASTING; key++) {
    forgotten += kit_peek(&kit, lasting, key, 1, now_ns).verdict != SL_THROTTLED;
  }
  struct sl_engine_stats stats = kit_stats(&kit);
  ok(forgotten == 0 && stats.dropped_lossy == 0 && stats.dropped_fresh > 55000,
     "semantics_32_buckets_equal_to_fresh_go_first");
  ok(kit_close(&kit), "  all is given back");
}

// ---- what happens to new keys
// ------------------------------------------------------------------------

static void when_full(enum sl_when_full when_full, const char *name) {
  struct kit kit;
  kit_open(&kit, SL_ENGINE_BYTES_MIN, when_full);
  const struct sl_class *class = kit_class(&kit, kit_token(2, SL_NS_PER_H, 2));
  uint64_t first_refused = 0;
  struct sl_decision d;
  for (uint64_t key = 0; key < 20000; key++) {
    d = kit_take(&kit, class, key, 1, T);
    if (first_refused == 0 && d.verdict != SL_ALLOWED) {
      first_refused = key;
    }
  }
  struct sl_engine_stats stats = kit_stats(&kit);
  bool deny = when_full == SL_FULL_DENY;
  ok((first_refused > 2000) == deny,
     "semantics_32_%s: new keys are refused only where that is said", name);
  ok((stats.denied_full > 0) == deny && (stats.allowed_full > 0) == (when_full == SL_FULL_ALLOW) &&
         (stats.dropped_lossy > 0) == (when_full == SL_FULL_EVICT),
     "semantics_32_%s: and counted", name);
  if (when_full != SL_FULL_EVICT) {
    is_u64(stats.buckets + stats.denied_full + stats.allowed_full, 20000,
           "semantics_32_%s: every key has a bucket or is counted", name);
    ok(kit_take(&kit, class, 0, 1, T).verdict == SL_ALLOWED &&
           kit_take(&kit, class, 0, 1, T).verdict == SL_THROTTLED,
       "semantics_32_%s: who was there keeps its bucket", name);
  }
  // The table is full, not the memory: a record is made, finds no place, and goes.
  const struct sl_class *log = kit_class(&kit, kit_log(5, SL_NS_PER_H, false));
  unsigned unlike = 0;
  for (uint64_t key = 0; key < 100; key++) {
    unlike += kit_take(&kit, log, key, 1, T).verdict != (deny ? SL_THROTTLED : SL_ALLOWED);
  }
  is_u64(unlike, 0, "semantics_32_%s: records are decided alike", name);
  if (deny) {
    ok(d.verdict == SL_THROTTLED && d.remaining == 0 && d.retry_after_ns == SL_NS_PER_S,
       "semantics_32_deny: a wait is told, though nobody knows it");
    ok(kit_take(&kit, class, 19999, 3, T).verdict == SL_NEVER,
       "semantics_32_deny: never is never for a new key, too");
    is_u64(kit_take(&kit, class, 0, 1, T + SL_NS_PER_D).verdict, SL_ALLOWED,
           "semantics_32_deny: when buckets are fresh again,");
    is_u64(kit_take(&kit, class, 19999, 1, T + SL_NS_PER_D).verdict, SL_ALLOWED,
           "semantics_32_deny: there is room for new keys");
  }
  ok(within_cap(&kit), "semantics_32_%s: within the cap", name);
  ok(kit_close(&kit), "  all is given back");
}

// ---- records
// -----------------------------------------------------------------------------------------

// A log counts its entries, and grows into what others would need.
static void logs_count(void) {
  struct kit kit;
  kit_open(&kit, 1 << 20, SL_FULL_EVICT);
  const struct sl_class *log = kit_class(&kit, kit_log(10000, SL_NS_PER_H, false));
  size_t before = kit_stats(&kit).bytes;
  for (uint64_t i = 0; i < 10000; i++) {
    (void)kit_take(&kit, log, 1, 1, T + i);
  }
  size_t after = kit_stats(&kit).bytes;
  ok(after - before >= 10000 * 16 && after - before < 10000 * 40,
     "semantics_32_a_sliding_log_counts_its_entries");
  (void)sl_engine_reset(kit.engine, log, kit_bucket(kit.engine, log, 1));
  is_u64(kit_stats(&kit).bytes, before, "semantics_32_and_gives_them_back");
  ok(kit_close(&kit), "  all is given back");
}

static void records_when_full(enum sl_when_full when_full, struct sl_limit_spec spec,
                              const char *name) {
  struct kit kit;
  kit_open(&kit, SL_ENGINE_BYTES_MIN, when_full);
  const struct sl_class *class = kit_class(&kit, spec);
  uint64_t admitted = 0;
  unsigned beyond = 0;
  unsigned unsound = 0;
  for (uint64_t i = 0; i < 8000; i++) {
    // Old keys and new ones, at different times: logs grow, and new ones come.
    uint64_t key = i % 3 == 0 ? i : i % 50;
    struct sl_decision d = kit_take(&kit, class, key, 1, T + i);
    admitted += d.verdict == SL_ALLOWED;
    unsound += d.limit != spec.count || d.remaining > spec.count ||
               (d.verdict == SL_THROTTLED && d.retry_after_ns == 0);
    d = kit_charge(&kit, class, key + 1, 3, T + i);
    unsound += d.remaining > spec.count;
    beyond += !within_cap(&kit);
  }
  is_u64(beyond, 0, "semantics_32_records stay within the cap (%s)", name);
  is_u64(unsound, 0, "semantics_32_and every answer is sound (%s)", name);
  struct sl_engine_stats stats = kit_stats(&kit);
  ok(stats.denied_full + stats.allowed_full + stats.dropped_lossy > 0,
     "semantics_32_the cap was met (%s)", name);
  ok(admitted > 1000, "semantics_32_who had room was served (%s)", name);
  ok(kit_close(&kit), "  all is given back");
}

// The log of a key that is there cannot grow: `when_full` decides about its request, too.
static void growing_log_denied(void) {
  struct kit kit;
  kit_open(&kit, SL_ENGINE_BYTES_MIN, SL_FULL_DENY);
  const struct sl_class *log = kit_class(&kit, kit_log(100000, SL_NS_PER_H, false));
  uint64_t admitted = 0;
  struct sl_decision d;
  do {
    d = kit_take(&kit, log, 1, 1, T + admitted);
    admitted += d.verdict == SL_ALLOWED;
  } while (d.verdict == SL_ALLOWED && admitted < 100000);
  ok(d.verdict == SL_THROTTLED && d.remaining == 0 && d.retry_after_ns == SL_NS_PER_S &&
         d.limit == 100000,
     "semantics_32_a_log_without_room_to_grow_is_denied");
  ok(kit_peek(&kit, log, 1, 0, T + admitted).remaining == 100000 - admitted,
     "semantics_32_and_keeps_what_it_has");
  d = kit_charge(&kit, log, 1, 5, T + admitted + 1);
  ok(d.remaining == 100000 - admitted && kit_stats(&kit).denied_full >= 2,
     "semantics_32_a_charge_without_room_is_counted_as_lost");
  // Together with a bucket that has room: neither is charged.
  const struct sl_class *token = kit_class(&kit, kit_token(1, SL_NS_PER_S, 9));
  struct sl_ask both[2] = {kit_ask(kit.engine, log, 1, 1), kit_ask(kit.engine, token, 1, 1)};
  struct sl_decision ds[2];
  bool allowed = true;
  ok(sl_engine_take_together(kit.engine, both, 2, T + admitted + 2, false, ds, &allowed) == SL_OK &&
         !allowed && ds[0].verdict == SL_THROTTLED && ds[1].remaining == 9,
     "semantics_32_all_or_nothing_at_the_cap_too");
  ok(kit_close(&kit), "  all is given back");
}

// Rules can be changed when memory is full: their limits make room for themselves.
static void classes_at_the_cap(void) {
  struct kit kit;
  kit_open(&kit, SL_ENGINE_BYTES_MIN, SL_FULL_EVICT);
  const struct sl_class *log = kit_class(&kit, kit_log(50, SL_NS_PER_H, false));
  for (uint64_t i = 0; i < 20000; i++) {
    (void)kit_take(&kit, log, i % 700, 1, T + i);
  }
  unsigned held = 0;
  for (uint64_t i = 0; i < 100; i++) {
    struct sl_limit_spec spec = kit_token(1, SL_NS_PER_S, i + 1);
    struct sl_limit limit = kit_limit(&spec);
    const struct sl_class *class;
    held += sl_engine_hold_class(kit.engine, &limit, &class) == SL_OK;
  }
  is_u64(held, 100, "semantics_32_limits_find_room_at_the_cap");
  ok(within_cap(&kit), "semantics_32_within_it");
  ok(kit_close(&kit), "  all is given back");
}

int main(void) {
  bounds();
  victim();
  lossless_first();
  when_full(SL_FULL_EVICT, "evict");
  when_full(SL_FULL_DENY, "deny");
  when_full(SL_FULL_ALLOW, "allow");
  logs_count();
  static const enum sl_when_full modes[] = {SL_FULL_EVICT, SL_FULL_DENY, SL_FULL_ALLOW};
  for (size_t i = 0; i < SL_ARRAY_LEN(modes); i++) {
    records_when_full(modes[i], kit_log(100, SL_NS_PER_MS, false), "log");
    records_when_full(modes[i], kit_log(100, SL_NS_PER_MS, true), "log that counts refusals");
    records_when_full(modes[i], kit_sliding(100, SL_NS_PER_S, 20), "sub-windows");
    records_when_full(modes[i], kit_sliding(100, SL_NS_PER_S, 0), "weighted window");
  }
  growing_log_denied();
  classes_at_the_cap();
  return done_testing();
}
