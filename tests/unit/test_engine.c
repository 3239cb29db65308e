// The engine against its contract, line by line: each test is named after the line of the contract
// that it holds the engine to.
#include "support/engine_kit.h"
#include "support/tap.h"

#define T KIT_START_NS

static struct kit kit;

static void open_kit(void) {
  kit_open(&kit, 1 << 20, SL_FULL_EVICT);
  (void)sl_engine_now(kit.engine, T);
}

static void close_kit(void) { ok(kit_close(&kit), "  and everything is given back"); }

static struct sl_ask ask(const struct sl_class *class, uint64_t key, uint64_t cost) {
  return kit_ask(kit.engine, class, key, cost);
}

// Takes at a time that another thread read before the present.
static enum sl_verdict take_late(const struct sl_class *class, uint64_t key, uint64_t now_ns) {
  struct sl_ask late = ask(class, key, 1);
  struct sl_decision d;
  return sl_engine_take(kit.engine, &late, now_ns, &d) == SL_OK ? d.verdict : SL_NEVER;
}

static bool same_decision(const struct sl_decision *a, const struct sl_decision *b) {
  return a->verdict == b->verdict && a->limit == b->limit && a->remaining == b->remaining &&
         a->retry_after_ns == b->retry_after_ns && a->reset_after_ns == b->reset_after_ns &&
         a->wait_ns == b->wait_ns;
}

// One limit of each algorithm; room for three at once.
static size_t every_algorithm(struct sl_limit_spec *specs) {
  size_t n = 0;
  specs[n++] = kit_token(1, SL_NS_PER_S, 3);
  specs[n++] = kit_leaky(1, SL_NS_PER_S, 2);
  specs[n++] = kit_fixed(3, SL_NS_PER_M);
  specs[n++] = kit_log(3, SL_NS_PER_M, false);
  specs[n++] = kit_sliding(3, SL_NS_PER_M, 0);
  specs[n++] = kit_sliding(3, SL_NS_PER_M, 6);
  specs[n++] = kit_slots(3, SL_NS_PER_M);
  return n;
}

enum { ALGORITHMS = 7 };

// ---- time
// ------------------------------------------------------------------------------------------

static void line_1(void) {
  open_kit();
  is_u64(sl_engine_now(kit.engine, T + 5), T + 5, "semantics_1_time_goes_on");
  is_u64(sl_engine_now(kit.engine, T - 10 * 365 * SL_NS_PER_D), T + 5,
         "semantics_1_ten_years_back_is_no_time");
  is_u64(sl_engine_now(kit.engine, 0), T + 5, "semantics_1_a_reading_of_zero_is_no_time");
  is_u64(sl_engine_now(kit.engine, T + 10 * 365 * SL_NS_PER_D), T + 10 * 365 * SL_NS_PER_D,
         "semantics_1_ten_years_on_is_ten_years");
  is_u64(sl_engine_now(kit.engine, UINT64_MAX), SL_TIME_MAX_NS - 1,
         "semantics_1_beyond_time_is_its_last_instant");
  is_u64(sl_engine_now(kit.engine, T), SL_TIME_MAX_NS - 1, "semantics_1_and_stays_there");
  close_kit();
}

// F36: a clock that steps back, or far on, must neither refuse for ever nor refill more than a
// burst.
static void line_1_buckets(void) {
  struct sl_limit_spec specs[ALGORITHMS];
  for (size_t i = 0; i < every_algorithm(specs); i++) {
    open_kit();
    const struct sl_class *class = kit_class(&kit, specs[i]);
    const char *name = sl_algorithm_name(specs[i].algorithm);
    (void)kit_take(&kit, class, 1, 3, T);
    struct sl_decision d = kit_take(&kit, class, 1, 1, T - 365 * SL_NS_PER_D);
    ok(d.verdict == SL_THROTTLED && d.retry_after_ns <= 2 * SL_NS_PER_M,
       "semantics_1_a_step_back_refuses_no_longer (%s)", name);
    d = kit_take(&kit, class, 1, 1, T + d.retry_after_ns);
    ok(d.verdict == SL_ALLOWED, "semantics_1_after_it_the_wait_is_the_same (%s)", name);
    d = kit_take(&kit, class, 1, 0, T + 40 * 365 * SL_NS_PER_D);
    ok(d.remaining == 3 && d.reset_after_ns == 0, "semantics_1_a_leap_refills_one_burst (%s)",
       name);
    close_kit();
  }
}

// Two threads read the clock, and the one that read first decides last.
static void line_1_late(void) {
  open_kit();
  const struct sl_class *class = kit_class(&kit, kit_log(1, SL_NS_PER_MS, false));
  uint64_t late_ns = sl_engine_now(kit.engine, T + 10);
  (void)kit_take(&kit, class, 1, 1, T + 20);
  ok(take_late(class, 1, late_ns) == SL_THROTTLED, "semantics_1_a_late_decision_sees_the_log");
  ok(kit_take(&kit, class, 1, 1, T + 19 + SL_NS_PER_MS).verdict == SL_THROTTLED,
     "semantics_1_a_late_decision_does_not_date_the_log_back");
  ok(kit_take(&kit, class, 1, 1, T + 20 + SL_NS_PER_MS).verdict == SL_ALLOWED,
     "semantics_1_the_window_ends_when_it_ends");

  class = kit_class(&kit, kit_sliding(1, SL_NS_PER_MS, 0));
  uint64_t edge_ns = (T / SL_NS_PER_MS + 10) * SL_NS_PER_MS;
  late_ns = sl_engine_now(kit.engine, edge_ns - 1);
  (void)kit_take(&kit, class, 1, 1, edge_ns);
  (void)take_late(class, 1, late_ns);
  ok(kit_take(&kit, class, 1, 1, edge_ns + SL_NS_PER_MS).verdict == SL_THROTTLED,
     "semantics_1_a_late_decision_does_not_move_a_count_back_a_window");

  class = kit_class(&kit, kit_slots(1, SL_NS_PER_MS));
  late_ns = sl_engine_now(kit.engine, edge_ns + 20 * SL_NS_PER_MS);
  (void)kit_take(&kit, class, 1, 1, late_ns + 100);
  (void)take_late(class, 1, late_ns);
  ok(kit_take(&kit, class, 1, 1, late_ns + 99 + SL_NS_PER_MS).verdict == SL_THROTTLED,
     "semantics_1_a_late_decision_does_not_shorten_a_lease");
  close_kit();
}

// At rates where a full bucket is some nanoseconds deep, and no debt beyond it is allowed.
static void line_4(void) {
  open_kit();
  struct sl_limit_spec spec = kit_token(10000000000, SL_NS_PER_S, 1000);
  spec.max_wait_ns = 0;
  const struct sl_class *class = kit_class(&kit, spec);
  uint64_t late_ns = sl_engine_now(kit.engine, T + 10);
  (void)kit_take(&kit, class, 1, 1000, T + 20);
  ok(take_late(class, 1, late_ns) == SL_THROTTLED,
     "semantics_4_a_stamp_from_a_faster_clock_is_a_full_debt");
  ok(kit_take(&kit, class, 1, 1000, T + 20).verdict == SL_THROTTLED,
     "semantics_4_and_the_bucket_is_not_filled_by_it");
  // A stamp of an hour ahead: written by a clock that was wrong, before time was set right. There
  // is no way to one through the engine but a leap; the plain functions are tested with the
  // algorithms.
  close_kit();
}

static void line_5(void) {
  open_kit();
  const struct sl_class *log = kit_class(&kit, kit_log(2, SL_NS_PER_S, false));
  (void)kit_take(&kit, log, 1, 2, T);
  ok(kit_take(&kit, log, 1, 1, T + SL_NS_PER_S - 1).verdict == SL_THROTTLED,
     "semantics_5_a_window_holds_what_is_younger_than_itself");
  ok(kit_take(&kit, log, 1, 2, T + SL_NS_PER_S).verdict == SL_ALLOWED,
     "semantics_5_what_is_as_old_has_left_it");
  const struct sl_class *fixed = kit_class(&kit, kit_fixed(2, SL_NS_PER_S));
  uint64_t edge_ns = T + 10 * SL_NS_PER_S;
  (void)kit_take(&kit, fixed, 1, 2, edge_ns - 1);
  ok(kit_take(&kit, fixed, 1, 2, edge_ns).verdict == SL_ALLOWED,
     "semantics_5_an_aligned_window_owns_its_first_instant");
  close_kit();
}

// ---- cost
// ------------------------------------------------------------------------------------------

static void line_7(void) {
  struct sl_limit_spec specs[ALGORITHMS];
  for (size_t i = 0; i < every_algorithm(specs); i++) {
    open_kit();
    const struct sl_class *class = kit_class(&kit, specs[i]);
    const char *name = sl_algorithm_name(specs[i].algorithm);
    struct sl_decision d = kit_take(&kit, class, 1, 0, T);
    ok(d.verdict == SL_ALLOWED && d.remaining == 3 && d.reset_after_ns == 0 && d.wait_ns == 0 &&
           d.slot == 0 && kit_stats(&kit).buckets == 0,
       "semantics_7_a_cost_of_0_is_a_look (%s)", name);
    (void)kit_take(&kit, class, 1, 2, T);
    d = kit_take(&kit, class, 1, 0, T);
    ok(d.verdict == SL_ALLOWED && d.remaining == 1 && d.reset_after_ns > 0,
       "semantics_7_a_look_tells_the_truth (%s)", name);
    for (uint64_t cost = 0; cost <= 4; cost++) {
      struct sl_decision peeked = kit_peek(&kit, class, 1, cost, T);
      struct sl_decision again = kit_peek(&kit, class, 1, cost, T);
      struct sl_decision took = kit_take(&kit, class, 2, 2, T);
      took = kit_take(&kit, class, 2, cost, T);
      ok(same_decision(&peeked, &again), "semantics_7_peek_charges_nothing (%s, cost %d)", name,
         (int)cost);
      ok(peeked.verdict == took.verdict && peeked.wait_ns == took.wait_ns &&
             peeked.retry_after_ns == took.retry_after_ns,
         "semantics_7_peek_answers_what_allow_would (%s, cost %d)", name, (int)cost);
      (void)sl_engine_reset(kit.engine, class, kit_bucket(kit.engine, class, 2));
    }
    close_kit();
  }
}

static void line_8(void) {
  open_kit();
  const struct sl_class *ban = kit_class(&kit, kit_token(0, SL_NS_PER_S, 5));
  struct sl_decision d = kit_take(&kit, ban, 1, 1, T);
  ok(d.verdict == SL_NEVER && d.limit == 0 && d.remaining == 0 && d.retry_after_ns == 0,
     "semantics_8_a_rate_of_0_is_never");
  ok(kit_take(&kit, ban, 1, 0, T).verdict == SL_ALLOWED, "semantics_8_a_look_at_a_ban_is_allowed");
  (void)kit_charge(&kit, ban, 1, 7, T);
  const struct sl_class *free_pass = kit_class(&kit, sl_limit_spec_default(SL_UNLIMITED));
  d = kit_take(&kit, free_pass, 1, SL_COST_MAX, T);
  ok(d.verdict == SL_ALLOWED && d.limit == UINT64_MAX && d.remaining == UINT64_MAX &&
         d.reset_after_ns == 0,
     "semantics_8_unlimited_admits_always");
  struct sl_ask both[2] = {ask(free_pass, 1, SL_COST_MAX), ask(free_pass, 2, 1)};
  struct sl_decision ds[2];
  bool allowed = false;
  ok(sl_engine_take_together(kit.engine, both, 2, T, false, ds, &allowed) == SL_OK && allowed &&
         ds[0].verdict == SL_ALLOWED && ds[1].remaining == UINT64_MAX,
     "semantics_8_unlimited_among_several");
  d = kit_charge(&kit, free_pass, 1, SL_COST_MAX, T);
  ok(d.remaining == UINT64_MAX && kit_stats(&kit).buckets == 0,
     "semantics_8_neither_keeps_a_bucket");
  close_kit();
}

// ---- keys
// ------------------------------------------------------------------------------------------

// F51: two limits and one key, or one limit and two keys, never share a bucket.
static void line_14(void) {
  open_kit();
  const struct sl_class *a = kit_class(&kit, kit_token(1, SL_NS_PER_S, 1));
  const struct sl_class *b = kit_class(&kit, kit_token(1, 2 * SL_NS_PER_S, 1));
  (void)kit_take(&kit, a, 1, 1, T);
  ok(kit_take(&kit, a, 2, 1, T).verdict == SL_ALLOWED, "semantics_14_another_key_another_bucket");
  ok(kit_take(&kit, b, 1, 1, T).verdict == SL_ALLOWED, "semantics_14_another_limit_another_bucket");
  ok(kit_take(&kit, a, 1, 1, T).verdict == SL_THROTTLED, "semantics_14_the_same_the_same");
  struct kit other;
  kit_open(&other, 1 << 20, SL_FULL_EVICT);
  sl_engine_destroy(other.engine);
  struct sl_engine_options options = kit_options(&other.mem, 1 << 20, SL_FULL_EVICT);
  options.secret.word[1] ^= 1;
  ok(sl_engine_create(&options, &other.engine) == SL_OK, "  an engine of another secret");
  struct sl_limit_spec spec = kit_token(1, SL_NS_PER_S, 1);
  const struct sl_class *c = kit_class(&other, spec);
  struct sl_hash here = kit_bucket(kit.engine, a, 1);
  struct sl_hash there = kit_bucket(other.engine, c, 1);
  ok(here.lo != there.lo && here.hi != there.hi && a->print.lo != c->print.lo,
     "semantics_14_another_secret_other_hashes");
  ok(kit_close(&other), "  it is gone");
  close_kit();
}

// ---- figures
// ---------------------------------------------------------------------------------------

static void line_15(void) {
  open_kit();
  const struct sl_class *class = kit_class(&kit, kit_token(3, SL_NS_PER_S, 5));
  struct sl_decision d = kit_take(&kit, class, 1, 4, T);
  ok(d.verdict == SL_ALLOWED && d.limit == 5 && d.remaining == 1 && d.retry_after_ns == 0 &&
         d.reset_after_ns == 1333333334,
     "semantics_15_figures_of_the_state_that_is_left");
  d = kit_take(&kit, class, 1, 5, T);
  ok(d.verdict == SL_THROTTLED && d.remaining == 1 && d.retry_after_ns == 1333333334,
     "semantics_15_times_are_rounded_up");
  ok(kit_peek(&kit, class, 1, 5, T + 1333333333).verdict == SL_THROTTLED &&
         kit_peek(&kit, class, 1, 5, T + 1333333334).verdict == SL_ALLOWED,
     "semantics_15_retry_after_is_the_least_wait_that_admits");
  d = kit_take(&kit, class, 1, 6, T);
  ok(d.verdict == SL_NEVER && d.retry_after_ns == 0, "semantics_15_never_has_no_wait");
  close_kit();
}

// ---- several
// ---------------------------------------------------------------------------------------

struct trio {
  const struct sl_class *class[3];
  struct sl_ask asks[3];
  struct sl_decision d[3];
  bool allowed;
};

static void trio_open(struct trio *t) {
  open_kit();
  t->class[0] = kit_class(&kit, kit_token(1, SL_NS_PER_S, 10));
  t->class[1] = kit_class(&kit, kit_fixed(10, SL_NS_PER_M));
  t->class[2] = kit_class(&kit, kit_log(10, SL_NS_PER_M, false));
  for (size_t i = 0; i < 3; i++) {
    t->asks[i] = ask(t->class[i], 1, 1 + i);
  }
}

static void trio_take(struct trio *t, bool look) {
  if (sl_engine_take_together(kit.engine, t->asks, 3, T, look, t->d, &t->allowed) != SL_OK) {
    abort();
  }
}

static uint64_t left(const struct trio *t, size_t i) {
  return kit_peek(&kit, t->class[i], 1, 0, T).remaining;
}

// F50: what is refused by one is charged by none.
static void line_16(void) {
  struct trio t;
  trio_open(&t);
  trio_take(&t, false);
  ok(t.allowed && t.d[0].remaining == 9 && t.d[1].remaining == 8 && t.d[2].remaining == 7,
     "semantics_16_all_admit_and_each_is_charged_its_own_cost");
  for (size_t refusing = 0; refusing < 3; refusing++) {
    uint64_t before[3] = {left(&t, 0), left(&t, 1), left(&t, 2)};
    uint64_t cost = t.asks[refusing].cost;
    t.asks[refusing].cost = before[refusing] + 1;
    trio_take(&t, false);
    t.asks[refusing].cost = cost;
    bool same = left(&t, 0) == before[0] && left(&t, 1) == before[1] && left(&t, 2) == before[2];
    ok(!t.allowed && same, "semantics_16_one_refuses_and_none_is_charged (%zu)", refusing);
    ok(t.d[refusing].verdict == SL_THROTTLED && t.d[(refusing + 1) % 3].verdict == SL_ALLOWED,
       "semantics_16_each_says_what_it_says_itself (%zu)", refusing);
  }
  // F52: the figures when all refuse.
  for (size_t i = 0; i < 3; i++) {
    t.asks[i].cost = 10;
  }
  trio_take(&t, false);
  ok(!t.allowed && t.d[0].verdict == SL_THROTTLED && t.d[1].verdict == SL_THROTTLED &&
         t.d[2].verdict == SL_THROTTLED && t.d[0].remaining == 9 && t.d[1].remaining == 8 &&
         t.d[2].remaining == 7 && t.d[0].retry_after_ns == SL_NS_PER_S,
     "semantics_16_all_refuse_and_each_has_its_own_figures");
  close_kit();
}

static void line_16_edges(void) {
  struct trio t;
  trio_open(&t);
  bool allowed = false;
  ok(sl_engine_take_together(kit.engine, t.asks, 0, T, false, t.d, &allowed) == SL_OK && allowed,
     "semantics_16_no_rule_refuses_nothing");
  t.asks[2] = t.asks[0];
  ok(sl_engine_take_together(kit.engine, t.asks, 3, T, false, t.d, &allowed) == SL_ERR_ARGUMENT &&
         left(&t, 0) == 10 && left(&t, 1) == 10,
     "semantics_16_one_bucket_twice_is_the_callers_mistake");
  struct sl_ask many[SL_TOGETHER_MAX + 1];
  struct sl_decision decisions[SL_TOGETHER_MAX + 1];
  for (uint64_t i = 0; i <= SL_TOGETHER_MAX; i++) {
    many[i] = ask(t.class[i % 3], i, 1);
  }
  ok(sl_engine_take_together(kit.engine, many, SL_TOGETHER_MAX + 1, T, false, decisions,
                             &allowed) == SL_ERR_ARGUMENT,
     "semantics_16_more_than_the_most_is_refused");
  ok(sl_engine_take_together(kit.engine, many, SL_TOGETHER_MAX, T, false, decisions, &allowed) ==
             SL_OK &&
         allowed && kit_stats(&kit).buckets == SL_TOGETHER_MAX,
     "semantics_16_and_the_most_is_decided");
  close_kit();
}

static void line_17(void) {
  // That no tentative charge is visible to others is in the stress test; here, that none is left.
  struct trio t;
  trio_open(&t);
  t.asks[2].cost = 11;
  trio_take(&t, false);
  ok(!t.allowed && t.d[2].verdict == SL_NEVER && kit_stats(&kit).buckets == 0,
     "semantics_17_a_refused_request_leaves_no_bucket_behind");
  trio_take(&t, true);
  ok(!t.allowed && kit_stats(&kit).buckets == 0, "semantics_17_nor_does_a_look");
  close_kit();
}

static void line_18(void) {
  open_kit();
  const struct sl_class *log = kit_class(&kit, kit_log(3, SL_NS_PER_M, true));
  const struct sl_class *plain = kit_class(&kit, kit_log(3, SL_NS_PER_M, false));
  for (uint64_t second = 0; second < 6; second++) {
    (void)kit_take(&kit, log, 1, 1, T + second * SL_NS_PER_S);
    (void)kit_take(&kit, plain, 1, 1, T + second * SL_NS_PER_S);
  }
  uint64_t minute_ns = T + SL_NS_PER_M;
  ok(kit_take(&kit, plain, 1, 1, minute_ns).verdict == SL_ALLOWED,
     "semantics_18_a_refused_request_changes_no_bucket");
  ok(kit_take(&kit, log, 1, 1, minute_ns).verdict == SL_THROTTLED,
     "semantics_18_but_a_log_that_counts_refusals");
  struct sl_decision d = kit_take(&kit, log, 2, 4, minute_ns);
  ok(d.verdict == SL_NEVER && d.remaining == 0, "semantics_18_a_never_is_refused_too");
  (void)kit_take(&kit, log, 3, 2, minute_ns);
  (void)kit_peek(&kit, log, 3, 3, minute_ns);
  ok(kit_take(&kit, log, 3, 1, minute_ns).verdict == SL_ALLOWED,
     "semantics_18_a_look_is_not_logged");

  // What another rule refuses is not logged.
  const struct sl_class *tight = kit_class(&kit, kit_token(1, SL_NS_PER_M, 1));
  (void)kit_take(&kit, tight, 1, 1, minute_ns);
  struct sl_ask both[2] = {ask(log, 4, 1), ask(tight, 1, 1)};
  struct sl_decision ds[2];
  bool allowed = true;
  for (int i = 0; i < 5; i++) {
    (void)!sl_engine_take_together(kit.engine, both, 2, minute_ns, false, ds, &allowed);
  }
  ok(!allowed && ds[0].verdict == SL_ALLOWED && ds[0].remaining == 3,
     "semantics_18_a_rule_logs_only_its_own_refusals");
  close_kit();
}

static void line_19(void) {
  struct trio t;
  trio_open(&t);
  t.asks[1].shadow = true;
  (void)kit_take(&kit, t.class[1], 1, 10, T);
  trio_take(&t, false);
  ok(t.allowed && t.d[1].verdict == SL_THROTTLED && t.d[1].remaining == 0 &&
         t.d[0].remaining == 9 && t.d[2].remaining == 7,
     "semantics_19_a_shadow_refuses_nothing");
  (void)sl_engine_reset(kit.engine, t.class[1], kit_bucket(kit.engine, t.class[1], 1));
  trio_take(&t, false);
  ok(t.allowed && t.d[1].verdict == SL_ALLOWED && t.d[1].remaining == 8,
     "semantics_19_a_shadow_is_charged_when_all_admit");
  t.asks[0].cost = 10;
  trio_take(&t, false);
  ok(!t.allowed && t.d[1].verdict == SL_ALLOWED && left(&t, 1) == 8,
     "semantics_19_and_not_when_an_enforced_rule_refuses");
  // Two shadows, one of which refuses: each as if it alone were added.
  t.asks[0].cost = 1;
  t.asks[2].shadow = true;
  t.asks[2].cost = 9;
  trio_take(&t, false);
  ok(t.allowed && t.d[2].verdict == SL_THROTTLED && t.d[1].remaining == 6,
     "semantics_19_shadows_do_not_see_each_other");
  struct sl_ask alone = ask(t.class[0], 7, 11);
  alone.shadow = true;
  struct sl_decision d;
  bool allowed = false;
  ok(sl_engine_take_together(kit.engine, &alone, 1, T, false, &d, &allowed) == SL_OK && allowed &&
         d.verdict == SL_NEVER,
     "semantics_19_a_shadow_alone_allows_and_says_what_it_would");
  close_kit();
}

// ---- charges, resets
// -------------------------------------------------------------------------------

static void line_21(void) {
  open_kit();
  struct sl_limit_spec spec = kit_token(1, SL_NS_PER_S, 3);
  spec.max_wait_ns = 10 * SL_NS_PER_S;
  const struct sl_class *class = kit_class(&kit, spec);
  struct sl_decision d = kit_charge(&kit, class, 1, 5, T);
  ok(d.verdict == SL_ALLOWED && d.remaining == 0 && d.reset_after_ns == 5 * SL_NS_PER_S,
     "semantics_21_charge_takes_without_asking");
  d = kit_charge(&kit, class, 1, SL_COST_MAX, T);
  is_u64(d.reset_after_ns, 13 * SL_NS_PER_S, "semantics_21_into_debt_up_to_max_wait");
  d = kit_take(&kit, class, 1, 1, T);
  ok(d.verdict == SL_THROTTLED && d.retry_after_ns == 11 * SL_NS_PER_S,
     "semantics_21_debts_are_paid_first");
  d = kit_charge(&kit, class, 2, 0, T);
  ok(d.remaining == 3 && kit_stats(&kit).buckets == 1, "semantics_21_a_charge_of_0_is_a_look");
  struct sl_hash bucket = kit_bucket(kit.engine, class, 1);
  ok(sl_engine_reset(kit.engine, class, bucket), "semantics_21_reset_finds_the_bucket");
  ok(!sl_engine_reset(kit.engine, class, bucket), "semantics_21_once");
  ok(kit_take(&kit, class, 1, 3, T).verdict == SL_ALLOWED, "semantics_21_and_it_is_fresh");
  close_kit();

  struct sl_limit_spec specs[ALGORITHMS];
  for (size_t i = 0; i < every_algorithm(specs); i++) {
    open_kit();
    specs[i].max_wait_ns = 0;
    class = kit_class(&kit, specs[i]);
    d = kit_charge(&kit, class, 1, 100, T);
    ok(d.remaining == 0 && kit_take(&kit, class, 1, 1, T).verdict == SL_THROTTLED,
       "semantics_21_every_algorithm_can_be_charged (%s)", sl_algorithm_name(specs[i].algorithm));
    ok(sl_engine_reset(kit.engine, class, kit_bucket(kit.engine, class, 1)) &&
           kit_stats(&kit).buckets == 0,
       "semantics_21_and_reset (%s)", sl_algorithm_name(specs[i].algorithm));
    close_kit();
  }
}

// ---- slots
// -----------------------------------------------------------------------------------------

static void line_30(void) {
  open_kit();
  const struct sl_class *class = kit_class(&kit, kit_slots(3, SL_NS_PER_M));
  struct sl_ask one = ask(class, 1, 1);
  struct sl_decision a = kit_take(&kit, class, 1, 2, T);
  struct sl_decision b = kit_take(&kit, class, 1, 1, T + 1);
  ok(a.slot != 0 && b.slot != 0 && a.slot != b.slot && a.slot <= INT64_MAX,
     "semantics_30_an_admission_returns_a_slot_of_its_own");
  struct sl_decision c = kit_take(&kit, class, 1, 1, T + 1);
  ok(c.verdict == SL_THROTTLED && c.slot == 0 && c.retry_after_ns == SL_NS_PER_M - 1,
     "semantics_30_no_slot_is_free");
  bool held = true;
  ok(sl_engine_release(kit.engine, &one, a.slot, T + 1, &held) == SL_OK && held,
     "semantics_30_release_frees_what_was_taken");
  ok(sl_engine_release(kit.engine, &one, a.slot, T + 1, &held) == SL_OK && !held,
     "semantics_30_releasing_again_changes_nothing");
  is_u64(kit_peek(&kit, class, 1, 0, T + 1).remaining, 2, "semantics_30_two_are_free");
  ok(sl_engine_renew(kit.engine, &one, b.slot, sl_engine_now(kit.engine, T + SL_NS_PER_S), &held) ==
             SL_OK &&
         held,
     "semantics_30_renew_begins_the_lease_anew");
  is_u64(kit_peek(&kit, class, 1, 0, T + SL_NS_PER_M).remaining, 2,
         "semantics_30_so_it_is_still_held");
  is_u64(kit_peek(&kit, class, 1, 0, T + SL_NS_PER_M + SL_NS_PER_S).remaining, 3,
         "semantics_30_a_lease_ends_by_itself");
  ok(sl_engine_renew(kit.engine, &one, b.slot,
                     sl_engine_now(kit.engine, T + SL_NS_PER_M + SL_NS_PER_S), &held) == SL_OK &&
         !held,
     "semantics_30_what_has_ended_is_not_renewed");
  const struct sl_class *token = kit_class(&kit, kit_token(1, SL_NS_PER_S, 1));
  const struct sl_class *log = kit_class(&kit, kit_log(1, SL_NS_PER_S, false));
  struct sl_ask other = ask(token, 1, 1);
  struct sl_ask third = ask(log, 1, 1);
  ok(sl_engine_release(kit.engine, &other, 1, T, &held) == SL_ERR_UNSUPPORTED &&
         sl_engine_renew(kit.engine, &third, 1, T, &held) == SL_ERR_UNSUPPORTED && !held,
     "semantics_30_other_limits_have_no_slots");
  close_kit();
}

// One request holds the same slot in each of its buckets.
static void line_30_together(void) {
  open_kit();
  const struct sl_class *small = kit_class(&kit, kit_slots(1, SL_NS_PER_M));
  const struct sl_class *large = kit_class(&kit, kit_slots(5, SL_NS_PER_M));
  struct sl_ask both[2] = {ask(small, 1, 1), ask(large, 1, 1)};
  struct sl_decision d[2];
  bool allowed = false;
  bool held = false;
  ok(sl_engine_take_together(kit.engine, both, 2, T, false, d, &allowed) == SL_OK && allowed &&
         d[0].slot == d[1].slot && d[0].slot != 0,
     "semantics_30_one_admission_one_slot");
  ok(sl_engine_take_together(kit.engine, both, 2, T, false, d, &allowed) == SL_OK && !allowed &&
         d[0].slot == 0 && d[1].slot == 0,
     "semantics_30_a_refused_one_has_none");
  is_u64(kit_peek(&kit, large, 1, 0, T).remaining, 4, "semantics_30_and_holds_none");
  ok(sl_engine_take_together(kit.engine, both, 2, T, true, d, &allowed) == SL_OK && d[1].slot == 0,
     "semantics_30_nor_does_a_look");
  (void)held;
  close_kit();
}

// ---- vanishing
// -------------------------------------------------------------------------------------

static void line_31(void) {
  struct sl_limit_spec specs[ALGORITHMS];
  for (size_t i = 0; i < every_algorithm(specs); i++) {
    open_kit();
    const char *name = sl_algorithm_name(specs[i].algorithm);
    const struct sl_class *class = kit_class(&kit, specs[i]);
    struct sl_decision d = kit_take(&kit, class, 1, 2, T);
    uint64_t fresh_ns = T + d.reset_after_ns;
    (void)sl_engine_sweep(kit.engine, 4096, sl_engine_now(kit.engine, fresh_ns - 1));
    is_u64(kit_stats(&kit).buckets, 1, "semantics_31_a_bucket_stays_until_it_is_fresh (%s)", name);
    struct sl_decision before = kit_peek(&kit, class, 1, 3, fresh_ns);
    is_u64(sl_engine_sweep(kit.engine, 4096, fresh_ns), 1, "semantics_31_then_it_may_go (%s)",
           name);
    struct sl_decision after = kit_peek(&kit, class, 1, 3, fresh_ns);
    ok(same_decision(&before, &after), "semantics_31_and_nobody_can_tell (%s)", name);
    struct sl_engine_stats stats = kit_stats(&kit);
    ok(stats.buckets == 0 && stats.dropped_fresh == 1 && stats.dropped_lossy == 0,
       "semantics_31_it_is_counted_as_fresh (%s)", name);
    close_kit();
  }
}

// ---- reservations
// ----------------------------------------------------------------------------------

static struct sl_decision reserve(const struct sl_class *class, uint64_t cost, uint64_t now_ns,
                                  struct sl_receipt *ret_receipt) {
  struct sl_ask one = ask(class, 1, cost);
  struct sl_decision d;
  if (sl_engine_reserve(kit.engine, &one, sl_engine_now(kit.engine, now_ns), ret_receipt, &d) !=
      SL_OK) {
    abort();
  }
  return d;
}

static void cancel(const struct sl_class *class, const struct sl_receipt *receipt,
                   uint64_t now_ns) {
  struct sl_ask one = ask(class, 1, 0);
  if (sl_engine_cancel(kit.engine, &one, receipt, sl_engine_now(kit.engine, now_ns)) != SL_OK) {
    abort();
  }
}

static void line_33(void) {
  open_kit();
  struct sl_limit_spec spec = kit_token(1, SL_NS_PER_S, 3);
  spec.max_wait_ns = 5 * SL_NS_PER_S;
  const struct sl_class *class = kit_class(&kit, spec);
  struct sl_receipt receipt;
  struct sl_decision d = reserve(class, 3, T, &receipt);
  ok(d.verdict == SL_ALLOWED && d.wait_ns == 0 && d.remaining == 0,
     "semantics_33_a_full_bucket_serves_at_once");
  d = reserve(class, 2, T, &receipt);
  ok(d.verdict == SL_ALLOWED && d.wait_ns == 2 * SL_NS_PER_S,
     "semantics_33_each_waits_for_its_own_permits");
  d = reserve(class, 1, T, &receipt);
  is_u64(d.wait_ns, 3 * SL_NS_PER_S, "semantics_33_later_ones_stand_behind");
  d = reserve(class, 3, T, &receipt);
  ok(d.verdict == SL_THROTTLED && d.retry_after_ns == SL_NS_PER_S,
     "semantics_33_a_wait_above_max_wait_is_throttled");
  ok(reserve(class, 3, T + SL_NS_PER_S, &receipt).verdict == SL_ALLOWED,
     "semantics_33_and_not_above_once_that_has_passed");
  ok(reserve(class, 4, T + SL_NS_PER_S, &receipt).verdict == SL_NEVER,
     "semantics_33_a_cost_above_the_burst_is_never");
  ok(kit_take(&kit, class, 1, 1, T + SL_NS_PER_S).verdict == SL_THROTTLED,
     "semantics_33_who_does_not_wait_stands_behind_too");
  // A window is waited for whole, and in a line for those before.
  struct sl_limit_spec windows = kit_fixed(10, 10 * SL_NS_PER_S);
  windows.max_wait_ns = 4 * SL_NS_PER_S;
  const struct sl_class *fixed = kit_class(&kit, windows);
  uint64_t window_ns = T + 20 * SL_NS_PER_S;
  (void)reserve(fixed, 10, window_ns, &receipt);
  d = reserve(fixed, 1, window_ns + 1, &receipt);
  ok(d.verdict == SL_THROTTLED && d.retry_after_ns == 6 * SL_NS_PER_S - 1,
     "semantics_33_so_is_a_window_that_is_further_than_max_wait");
  d = reserve(fixed, 1, window_ns + 6 * SL_NS_PER_S, &receipt);
  ok(d.verdict == SL_ALLOWED && d.wait_ns == 4 * SL_NS_PER_S,
     "semantics_33_and_not_one_that_is_not");
  struct sl_limit_spec line = kit_leaky(1, SL_NS_PER_S, 20);
  line.max_wait_ns = 4 * SL_NS_PER_S;
  const struct sl_class *leaky = kit_class(&kit, line);
  (void)reserve(leaky, 5, window_ns + 6 * SL_NS_PER_S, &receipt);
  d = reserve(leaky, 1, window_ns + 6 * SL_NS_PER_S, &receipt);
  ok(d.verdict == SL_THROTTLED && d.retry_after_ns == SL_NS_PER_S,
     "semantics_33_and_a_line_that_is_longer_than_max_wait");
  static const enum sl_algorithm others[] = {SL_SLIDING_LOG, SL_SLIDING_WINDOW, SL_CONCURRENCY,
                                             SL_UNLIMITED};
  for (size_t i = 0; i < SL_ARRAY_LEN(others); i++) {
    struct sl_limit_spec other = kit_rated(others[i], 5, SL_NS_PER_S);
    other.slots = 5;
    struct sl_ask one = ask(kit_class(&kit, other), 1, 1);
    ok(sl_engine_reserve(kit.engine, &one, T, &receipt, &d) == SL_ERR_UNSUPPORTED &&
           sl_engine_cancel(kit.engine, &one, &receipt, T) == SL_ERR_UNSUPPORTED,
       "semantics_33_not_on_%s", sl_algorithm_name(others[i]));
  }
  close_kit();
}

static void line_35(void) {
  open_kit();
  struct sl_limit_spec spec = kit_token(1, SL_NS_PER_S, 10);
  const struct sl_class *class = kit_class(&kit, spec);
  struct sl_receipt first, second, third;
  (void)reserve(class, 10, T, &first);
  struct sl_decision d = reserve(class, 4, T, &second);
  cancel(class, &second, T);
  is_u64(kit_peek(&kit, class, 1, 0, T).reset_after_ns, 10 * SL_NS_PER_S,
         "semantics_35_the_last_one_gives_all_back");
  d = reserve(class, 4, T, &second);
  is_u64(d.wait_ns, 4 * SL_NS_PER_S, "semantics_35_and_its_place_is_taken_again");
  d = reserve(class, 3, T, &third);
  is_u64(d.wait_ns, 7 * SL_NS_PER_S, "semantics_35_another_stands_behind");
  cancel(class, &second, T);
  // 4 less the 3 by which the third departs later.
  is_u64(kit_peek(&kit, class, 1, 0, T).reset_after_ns, 16 * SL_NS_PER_S,
         "semantics_35_less_for_those_who_keep_their_times");
  cancel(class, &first, T + 2 * SL_NS_PER_S);
  // 10 less the 7 by which the third departs later (2 have passed since).
  is_u64(kit_peek(&kit, class, 1, 0, T + 2 * SL_NS_PER_S).reset_after_ns, 11 * SL_NS_PER_S,
         "semantics_35_the_latest_departure_is_remembered");
  cancel(class, &third, T + 20 * SL_NS_PER_S);
  is_u64(kit_peek(&kit, class, 1, 0, T + 20 * SL_NS_PER_S).remaining, 10,
         "semantics_35_too_late_gives_nothing_back");
  is_u64(kit_stats(&kit).buckets, 0, "semantics_35_what_is_fresh_is_gone");
  close_kit();
}

// A look that is cancelled takes nothing from anybody.
static void line_35_look(void) {
  open_kit();
  const struct sl_class *class = kit_class(&kit, kit_leaky(1, SL_NS_PER_S, 4));
  struct sl_receipt look, real;
  (void)reserve(class, 3, T, &real);
  (void)reserve(class, 0, T, &look);
  cancel(class, &look, T);
  cancel(class, &real, T);
  is_u64(kit_peek(&kit, class, 1, 0, T).remaining, 5,
         "semantics_35_a_cancelled_look_costs_the_others_nothing");
  close_kit();
}

// In aligned windows: what was charged in one window does not come back in the next, and nobody who
// waits for the next is joined by more than it holds.
static void line_35_windows(void) {
  open_kit();
  const struct sl_class *class = kit_class(&kit, kit_fixed(10, 10 * SL_NS_PER_S));
  struct sl_receipt first, second;
  uint64_t edge_ns = T + 10 * SL_NS_PER_S;
  (void)reserve(class, 10, edge_ns - SL_NS_PER_S, &first);
  struct sl_decision d = reserve(class, 5, edge_ns - SL_NS_PER_S, &second);
  is_u64(d.wait_ns, SL_NS_PER_S, "semantics_35_the_second_waits_for_the_next_window");
  cancel(class, &first, edge_ns + 1);
  is_u64(kit_peek(&kit, class, 1, 0, edge_ns + 1).remaining, 5,
         "semantics_35_no_window_gets_back_what_another_was_charged");
  close_kit();
  open_kit();
  class = kit_class(&kit, kit_fixed(10, 10 * SL_NS_PER_S));
  (void)reserve(class, 10, edge_ns - SL_NS_PER_S, &first);
  (void)reserve(class, 5, edge_ns - SL_NS_PER_S, &second);
  cancel(class, &first, edge_ns - SL_NS_PER_S);
  is_u64(kit_peek(&kit, class, 1, 0, edge_ns).remaining, 5,
         "semantics_35_nor_admits_more_beside_those_who_wait_for_it");
  close_kit();
}

// ---- batches
// ---------------------------------------------------------------------------------------

static void batches(void) {
  open_kit();
  const struct sl_class *token = kit_class(&kit, kit_token(1, SL_NS_PER_S, 5));
  const struct sl_class *log = kit_class(&kit, kit_log(5, SL_NS_PER_M, false));
  enum { MANY = 200 };
  struct sl_ask asks[MANY];
  struct sl_decision d[MANY];
  unsigned allowed[2][7] = {{0}};
  for (uint64_t i = 0; i < MANY; i++) {
    asks[i] = ask(i % 2 != 0 ? log : token, i % 7, 1);
  }
  ok(sl_engine_take_each(kit.engine, asks, MANY, T, d) == SL_OK, "a batch of %d is decided", MANY);
  bool ordered = true;
  for (uint64_t i = 0; i < MANY; i++) {
    unsigned *count = &allowed[i % 2][i % 7];
    ordered = ordered && (d[i].verdict == SL_ALLOWED) == (*count < 5);
    *count += d[i].verdict == SL_ALLOWED;
    ordered = ordered && d[i].remaining == 5 - *count;
  }
  ok(ordered, "each as if asked one after the other");
  ok(sl_engine_take_each(kit.engine, asks, 0, T, d) == SL_OK, "nothing is a batch, too");
  close_kit();
}

int main(void) {
  line_1();
  line_1_buckets();
  line_1_late();
  line_4();
  line_5();
  line_7();
  line_8();
  line_14();
  line_15();
  line_16();
  line_16_edges();
  line_17();
  line_18();
  line_19();
  line_21();
  line_30();
  line_30_together();
  line_31();
  line_33();
  line_35();
  line_35_look();
  line_35_windows();
  batches();
  return done_testing();
}
