// token_bucket, leaky_bucket and fixed_window by the lines of SEMANTICS: 4, 5, 7, 8, 15, 21, 24 to
// 27, 31; reservations by 33 and 35.
#include "support/bucket.h"
#include "support/check_tap.h"
#include "support/limit_kit.h"

#define MS SL_NS_PER_MS
#define S SL_NS_PER_S

static struct sl_limit token_bucket(uint64_t count, uint64_t period_ns, uint64_t burst,
                                    uint64_t max_wait_ns) {
  struct sl_limit_spec spec = spec_of(SL_TOKEN_BUCKET, count, period_ns);
  spec.has_burst = true;
  spec.burst = burst;
  spec.max_wait_ns = max_wait_ns;
  return limit_of(&spec);
}

START_TEST(starts_full_and_refills_to_the_burst) {
  struct sl_limit limit = token_bucket(10, S, 10, 0);
  struct bucket b;
  bucket_init(&b, &limit, 5 * S);
  ck_assert_uint_eq(bucket_decide(&b, 5 * S, 0, true).remaining, 10);
  ck_assert_int_eq(bucket_decide(&b, 5 * S, 10, true).verdict, SL_ALLOWED);
  ck_assert_uint_eq(bucket_decide(&b, 5 * S + 99 * MS, 0, true).remaining, 0);
  ck_assert_uint_eq(bucket_decide(&b, 5 * S + 100 * MS, 0, true).remaining, 1);
  ck_assert_uint_eq(bucket_decide(&b, 3600 * S, 0, true).remaining, 10);
  ck_assert_uint_eq(bucket_decide(&b, 3600 * S, 0, true).reset_after_ns, 0);
}
END_TEST

// A look is allowed whatever the state, charges nothing and tells the truth (7).
START_TEST(cost_0_is_a_look) {
  struct sl_limit limit = token_bucket(1, S, 2, 60 * S);
  struct bucket b;
  bucket_init(&b, &limit, 0);
  bucket_charge(&b, 0, 30);
  uint64_t stamp = b.stamp;
  struct sl_decision d = bucket_decide(&b, 0, 0, true);
  ck_assert_int_eq(d.verdict, SL_ALLOWED);
  ck_assert_uint_eq(d.remaining, 0);
  ck_assert_uint_eq(d.reset_after_ns, 30 * S);
  ck_assert_uint_eq(b.stamp, stamp);
}
END_TEST

START_TEST(a_refusal_changes_nothing) {
  struct sl_limit limit = token_bucket(1, S, 2, 0);
  struct bucket b;
  bucket_init(&b, &limit, 0);
  (void)bucket_decide(&b, 0, 2, true);
  uint64_t stamp = b.stamp;
  ck_assert_int_eq(bucket_decide(&b, MS, 1, true).verdict, SL_THROTTLED);
  ck_assert_int_eq(bucket_decide(&b, MS, 3, true).verdict, SL_NEVER);
  ck_assert_int_eq(bucket_decide(&b, MS, SL_COST_MAX, true).verdict, SL_NEVER);
  ck_assert_uint_eq(b.stamp, stamp);
}
END_TEST

START_TEST(a_ban_is_never) {
  static const enum sl_algorithm all[] = {SL_TOKEN_BUCKET, SL_LEAKY_BUCKET, SL_FIXED_WINDOW};
  for (size_t i = 0; i < SL_ARRAY_LEN(all); i++) {
    struct sl_limit_spec spec = spec_of(all[i], 0, S);
    struct sl_limit limit = limit_of(&spec);
    struct bucket b;
    bucket_init(&b, &limit, 0);
    ck_assert_int_eq(bucket_decide(&b, 0, 0, true).verdict, SL_ALLOWED);
    struct sl_decision d = bucket_decide(&b, 0, 1, true);
    ck_assert_int_eq(d.verdict, SL_NEVER);
    ck_assert_uint_eq(d.limit, 0);
    ck_assert_uint_eq(d.retry_after_ns, 0);
    ck_assert_int_eq(bucket_decide(&b, SL_TIME_MAX_NS - 1, 1, true).verdict, SL_NEVER);
  }
}
END_TEST

// A charge goes into debt up to max_wait, no further (21).
START_TEST(a_charge_into_debt) {
  struct sl_limit limit = token_bucket(10, S, 10, 2 * S);
  struct bucket b;
  bucket_init(&b, &limit, 0);
  bucket_charge(&b, 0, 15);
  struct sl_decision d = bucket_decide(&b, 0, 1, true);
  ck_assert_int_eq(d.verdict, SL_THROTTLED);
  ck_assert_uint_eq(d.retry_after_ns, 600 * MS);
  ck_assert_uint_eq(d.reset_after_ns, 1500 * MS);
  bucket_charge(&b, 0, UINT64_MAX);
  ck_assert_uint_eq(bucket_decide(&b, 0, 1, true).retry_after_ns, 2100 * MS);
}
END_TEST

// A stamp further ahead than a full debt and max_wait counts as exactly that (4).
START_TEST(a_wrong_clock_costs_a_full_debt_at_most) {
  struct sl_limit limit = token_bucket(10, S, 10, 2 * S);
  struct bucket b;
  bucket_init(&b, &limit, 100 * S);
  b.stamp = sl_timeline_now(&limit.timeline, 100 * S + 10 * 365 * SL_NS_PER_D);
  struct sl_decision d = bucket_decide(&b, 100 * S, 1, true);
  ck_assert_int_eq(d.verdict, SL_THROTTLED);
  ck_assert_uint_eq(d.reset_after_ns, 3 * S);
  ck_assert_uint_eq(d.retry_after_ns, 2100 * MS);
  ck_assert_int_eq(bucket_decide(&b, 102 * S + 100 * MS, 1, true).verdict, SL_ALLOWED);
}
END_TEST

// Two of the same age are one bucket: a stamp that is past may be any past stamp (31).
START_TEST(fresh_may_vanish) {
  struct sl_limit limit = token_bucket(7, S, 3, 0);
  struct bucket b;
  bucket_init(&b, &limit, 50 * S);
  struct sl_decision fresh = bucket_decide(&b, 50 * S, 2, false);
  b.stamp = sl_timeline_now(&limit.timeline, 3 * S);
  struct sl_decision old = bucket_decide(&b, 50 * S, 2, false);
  ck_assert_uint_eq(old.remaining, fresh.remaining);
  ck_assert_uint_eq(old.reset_after_ns, fresh.reset_after_ns);
  ck_assert(bucket_is_fresh(&b, 50 * S));
}
END_TEST

START_TEST(leaky_departures) {
  struct sl_limit_spec spec = spec_of(SL_LEAKY_BUCKET, 2, S);
  spec.queue = 3;
  struct sl_limit limit = limit_of(&spec);
  struct bucket b;
  bucket_init(&b, &limit, 0);
  ck_assert_uint_eq(limit.size, 4);
  ck_assert_int_eq(bucket_decide(&b, 0, 5, true).verdict, SL_NEVER);
  static const struct { uint64_t cost, wait_ms; } steps[] = {{1, 0}, {2, 500}, {1, 1500}};
  for (size_t i = 0; i < SL_ARRAY_LEN(steps); i++) {
    struct sl_decision d = bucket_decide(&b, 0, steps[i].cost, true);
    ck_assert_int_eq(d.verdict, SL_ALLOWED);
    ck_assert_uint_eq(d.wait_ns, steps[i].wait_ms * MS);
  }
  struct sl_decision full = bucket_decide(&b, 0, 1, true);
  ck_assert_int_eq(full.verdict, SL_THROTTLED);
  ck_assert_uint_eq(full.retry_after_ns, 500 * MS);
  ck_assert_uint_eq(full.wait_ns, 0);
}
END_TEST

START_TEST(fixed_window_owns_its_first_instant) {
  struct sl_limit_spec spec = spec_of(SL_FIXED_WINDOW, 10, 10 * S);
  struct sl_limit limit = limit_of(&spec);
  struct bucket b;
  bucket_init(&b, &limit, 0);
  ck_assert_int_eq(bucket_decide(&b, 20 * S - 1, 10, true).verdict, SL_ALLOWED);
  ck_assert_uint_eq(bucket_decide(&b, 20 * S - 1, 1, true).retry_after_ns, 1);
  ck_assert_int_eq(bucket_decide(&b, 20 * S, 10, true).verdict, SL_ALLOWED);
  struct sl_decision d = bucket_decide(&b, 20 * S, 1, true);
  ck_assert_uint_eq(d.retry_after_ns, 10 * S);
  ck_assert_uint_eq(d.reset_after_ns, 10 * S);
}
END_TEST

// ---- reservations
// ------------------------------------------------------------------------------------------

START_TEST(a_reservation_waits_for_its_own_permits) {
  struct sl_limit limit = token_bucket(10, S, 10, 3 * S);
  struct sl_receipt receipt;
  struct sl_decision d;
  uint64_t stamp = 0;
  static const struct {
    uint64_t cost;
    enum sl_verdict verdict;
    uint64_t wait_ms, retry_ms;
  } steps[] = {
      {10, SL_ALLOWED, 0, 0},      {10, SL_ALLOWED, 1000, 0}, {11, SL_NEVER, 0, 0},
      {10, SL_ALLOWED, 2000, 0},   {10, SL_ALLOWED, 3000, 0}, {1, SL_THROTTLED, 0, 100},
      {10, SL_THROTTLED, 0, 1000},
  };
  for (size_t i = 0; i < SL_ARRAY_LEN(steps); i++) {
    ck_assert_int_eq(sl_stamp_reserve(&limit, stamp, 0, steps[i].cost, &stamp, &receipt, &d),
                     steps[i].verdict);
    ck_assert_uint_eq(d.wait_ns, steps[i].wait_ms * MS);
    ck_assert_uint_eq(d.retry_after_ns, steps[i].retry_ms * MS);
  }
}
END_TEST

// 35: cost - r x max(time since, latest promise - its own).
START_TEST(a_cancel_gives_back_what_the_law_allows) {
  struct sl_limit limit = token_bucket(10, S, 10, 10 * S);
  struct sl_receipt first, second;
  struct sl_decision d;
  uint64_t stamp = 0;
  uint64_t promise = 0;
  (void)sl_stamp_reserve(&limit, stamp, 0, 10, &stamp, &first, &d);
  (void)sl_stamp_reserve(&limit, stamp, 0, 5, &stamp, &second, &d);
  // Nobody stands behind the second: all of it, but what time has taken.
  uint64_t kept = stamp;
  ck_assert_uint_eq(sl_stamp_cancel(&limit, stamp, promise, 0, &second, &stamp, &promise),
                    5 * limit.unit);
  ck_assert_uint_eq(sl_stamp_cancel(&limit, kept, 0, 200 * MS, &second, &kept, &promise),
                    3 * limit.unit);
  // The second departs 0.5 s after the first, which loses 5 of its 10.
  stamp = promise = 0;
  (void)sl_stamp_reserve(&limit, stamp, 0, 10, &stamp, &first, &d);
  (void)sl_stamp_reserve(&limit, stamp, 0, 5, &stamp, &second, &d);
  ck_assert_uint_eq(sl_stamp_cancel(&limit, stamp, promise, 0, &first, &stamp, &promise),
                    5 * limit.unit);
  // A full second later there is nothing left to give back.
  ck_assert_uint_eq(sl_stamp_cancel(&limit, stamp, promise, S, &second, &stamp, &promise), 0);
}
END_TEST

static Suite *stamp_suite(void) {
  Suite *suite = suite_create("algo_stamp");
  TCase *tcase = tcase_create("stamp");
  tcase_add_test(tcase, starts_full_and_refills_to_the_burst);
  tcase_add_test(tcase, cost_0_is_a_look);
  tcase_add_test(tcase, a_refusal_changes_nothing);
  tcase_add_test(tcase, a_ban_is_never);
  tcase_add_test(tcase, a_charge_into_debt);
  tcase_add_test(tcase, a_wrong_clock_costs_a_full_debt_at_most);
  tcase_add_test(tcase, fresh_may_vanish);
  tcase_add_test(tcase, leaky_departures);
  tcase_add_test(tcase, fixed_window_owns_its_first_instant);
  tcase_add_test(tcase, a_reservation_waits_for_its_own_permits);
  tcase_add_test(tcase, a_cancel_gives_back_what_the_law_allows);
  suite_add_tcase(suite, tcase);
  return suite;
}

CHECK_TAP_MAIN(stamp_suite)
