// sliding_window (weighted and strict) and sliding_log by SEMANTICS 4, 5, 8, 18, 21, 28, 29, 31.
#include "algo/sliding_window.h"
#include "support/bucket.h"
#include "support/check_tap.h"
#include "support/limit_kit.h"

#define MS SL_NS_PER_MS
#define S SL_NS_PER_S

static struct sl_limit window(enum sl_algorithm algorithm, uint64_t count, uint64_t period_ns,
                              uint64_t sub_windows) {
  struct sl_limit_spec spec = spec_of(algorithm, count, period_ns);
  spec.sub_windows = sub_windows;
  return limit_of(&spec);
}

// What each of the three says of one history.
struct said {
  uint64_t at_ms, cost;
  enum sl_verdict verdict;
  uint64_t remaining, retry_ms, reset_ms;
};

static void tell(const struct sl_limit *limit, const struct said *steps, size_t count) {
  struct bucket b;
  bucket_init(&b, limit, 0);
  for (size_t i = 0; i < count; i++) {
    struct sl_decision d = bucket_decide(&b, steps[i].at_ms * MS, steps[i].cost, true);
    ck_assert_msg(d.verdict == steps[i].verdict && d.remaining == steps[i].remaining &&
                      d.retry_after_ns == steps[i].retry_ms * MS &&
                      d.reset_after_ns == steps[i].reset_ms * MS,
                  "step %zu: %s, remaining %llu, retry %llu ns, reset %llu ns", i,
                  sl_verdict_name(d.verdict), (unsigned long long)d.remaining,
                  (unsigned long long)d.retry_after_ns, (unsigned long long)d.reset_after_ns);
  }
  bucket_close(&b);
}

START_TEST(weighted_window) {
  struct sl_limit limit = window(SL_SLIDING_WINDOW, 10, 10 * S, 0);
  static const struct said steps[] = {
      {5000, 8, SL_ALLOWED, 2, 0, 15000},         {5000, 3, SL_THROTTLED, 2, 6250, 15000},
      {11250, 3, SL_ALLOWED, 0, 0, 18750},  // 8 x 0.875 + 3 = 10
      {11250, 1, SL_THROTTLED, 0, 1250, 18750},   {12500, 1, SL_ALLOWED, 0, 0, 17500},
      {12500, 11, SL_NEVER, 0, 0, 17500},         {30000, 10, SL_ALLOWED, 0, 0, 20000},
      {30000, 10, SL_THROTTLED, 0, 20000, 20000},
  };
  tell(&limit, steps, SL_ARRAY_LEN(steps));
}
END_TEST

START_TEST(strict_window) {
  struct sl_limit limit = window(SL_SLIDING_WINDOW, 10, 10 * S, 5);
  static const struct said steps[] = {
      {1999, 6, SL_ALLOWED, 4, 0, 10001},   {2000, 4, SL_ALLOWED, 0, 0, 12000},
      {11999, 1, SL_THROTTLED, 0, 1, 2001}, {11999, 7, SL_THROTTLED, 0, 2001, 2001},
      {12000, 6, SL_ALLOWED, 0, 0, 12000},  {14000, 5, SL_THROTTLED, 4, 10000, 10000},
      {14000, 11, SL_NEVER, 4, 0, 10000},   {24000, 10, SL_ALLOWED, 0, 0, 12000},
  };
  tell(&limit, steps, SL_ARRAY_LEN(steps));
}
END_TEST

START_TEST(exact_log) {
  struct sl_limit limit = window(SL_SLIDING_LOG, 3, S, 0);
  static const struct said steps[] = {
      {0, 1, SL_ALLOWED, 2, 0, 1000},      {400, 1, SL_ALLOWED, 1, 0, 1000},
      {400, 1, SL_ALLOWED, 0, 0, 1000},    {900, 1, SL_THROTTLED, 0, 100, 500},
      {999, 2, SL_THROTTLED, 0, 401, 401}, {1000, 1, SL_ALLOWED, 0, 0, 1000},
      {1400, 4, SL_NEVER, 2, 0, 600},      {1400, 2, SL_ALLOWED, 0, 0, 1000},
      {2400, 3, SL_ALLOWED, 0, 0, 1000},
  };
  tell(&limit, steps, SL_ARRAY_LEN(steps));
}
END_TEST

// 18: refusals are logged, the newest N units of them.
START_TEST(log_that_counts_refusals) {
  struct sl_limit_spec spec = spec_of(SL_SLIDING_LOG, 3, S);
  spec.count_refused = true;
  struct sl_limit limit = limit_of(&spec);
  static const struct said steps[] = {
      {0, 3, SL_ALLOWED, 0, 0, 1000},
      {500, 1, SL_THROTTLED, 0, 500, 1000},   // logged: 2 of 0 ms, 1 of 500 ms
      {600, 2, SL_THROTTLED, 0, 1000, 1000},  // 1 of 500 leaves at 1500, 2 of 600 at 1600
      {1499, 0, SL_ALLOWED, 0, 0, 101},
      {1500, 1, SL_ALLOWED, 0, 0, 1000},
      {1550, 100, SL_NEVER, 0, 0, 1000},  // as the newest 3
      {2549, 0, SL_ALLOWED, 0, 0, 1},
      {2550, 3, SL_ALLOWED, 0, 0, 1000},
  };
  tell(&limit, steps, SL_ARRAY_LEN(steps));
}
END_TEST

START_TEST(a_look_is_no_refusal) {
  struct sl_limit_spec spec = spec_of(SL_SLIDING_LOG, 1, S);
  spec.count_refused = true;
  struct sl_limit limit = limit_of(&spec);
  struct bucket b;
  bucket_init(&b, &limit, 0);
  (void)bucket_decide(&b, 0, 1, true);
  ck_assert_int_eq(bucket_decide(&b, 500 * MS, 0, true).verdict, SL_ALLOWED);
  ck_assert_int_eq(bucket_decide(&b, 500 * MS, 1, false).verdict, SL_THROTTLED);
  ck_assert_int_eq(bucket_decide(&b, S, 1, true).verdict, SL_ALLOWED);
  bucket_close(&b);
}
END_TEST

START_TEST(bans_and_charges) {
  static const uint64_t parts[] = {0, 5, 0};
  static const enum sl_algorithm all[] = {SL_SLIDING_WINDOW, SL_SLIDING_WINDOW, SL_SLIDING_LOG};
  struct sl_limit ban = window(all[_i], 0, 10 * S, parts[_i]);
  struct sl_limit ten = window(all[_i], 10, 10 * S, parts[_i]);
  struct bucket b;
  bucket_init(&b, &ban, 0);
  ck_assert_int_eq(bucket_decide(&b, 0, 0, true).verdict, SL_ALLOWED);
  ck_assert_int_eq(bucket_decide(&b, 0, 1, true).verdict, SL_NEVER);
  bucket_charge(&b, 0, UINT64_MAX);
  ck_assert(bucket_is_fresh(&b, 0));
  bucket_close(&b);
  bucket_init(&b, &ten, 0);
  bucket_charge(&b, 0, 25);
  bucket_charge(&b, 0, UINT64_MAX);
  ck_assert_uint_eq(bucket_decide(&b, 0, 0, true).remaining, 0);
  ck_assert_int_eq(bucket_decide(&b, 9999 * MS, 1, true).verdict, SL_THROTTLED);
  ck_assert(!bucket_is_fresh(&b, 9999 * MS));
  ck_assert(bucket_is_fresh(&b, 20 * S));
  bucket_close(&b);
}
END_TEST

// 25 in one window weigh 25 (1 - e) in the next: with max_wait 10 s a charge may leave 20 of 10.
START_TEST(weighted_debt) {
  struct sl_limit_spec spec = spec_of(SL_SLIDING_WINDOW, 10, 10 * S);
  spec.max_wait_ns = 10 * S;
  struct sl_limit limit = limit_of(&spec);
  struct bucket b;
  bucket_init(&b, &limit, 0);
  bucket_charge(&b, 0, 25);
  struct sl_decision d = bucket_decide(&b, 0, 1, true);
  ck_assert_uint_eq(d.retry_after_ns, 15500 * MS);  // 20 (1 - e/10) + 1 <= 10 from e = 5.5
  ck_assert_uint_eq(d.reset_after_ns, 20 * S);
  bucket_close(&b);
}
END_TEST

// What a wrong clock wrote is read as of now: it holds nobody for longer than a window (4).
START_TEST(a_wrong_clock) {
  static const uint64_t parts[] = {0, 5, 0};
  static const enum sl_algorithm all[] = {SL_SLIDING_WINDOW, SL_SLIDING_WINDOW, SL_SLIDING_LOG};
  struct sl_limit limit = window(all[_i], 10, 10 * S, parts[_i]);
  struct bucket b;
  bucket_init(&b, &limit, 0);
  (void)bucket_decide(&b, 40 * 365 * SL_NS_PER_D, 10, true);
  struct sl_decision d = bucket_decide(&b, 100 * S, 1, true);
  ck_assert_int_eq(d.verdict, SL_THROTTLED);
  ck_assert_uint_le(d.reset_after_ns, 20 * S);
  ck_assert_int_eq(bucket_decide(&b, 120 * S, 10, true).verdict, SL_ALLOWED);
  bucket_close(&b);
}
END_TEST

// The log grows to N entries, moves whole, and stays in N entries whatever is charged.
START_TEST(a_long_log) {
  struct sl_limit limit = window(SL_SLIDING_LOG, SL_LOG_COUNT_MAX, SL_NS_PER_H, 0);
  struct bucket b;
  bucket_init(&b, &limit, 0);
  ck_assert_uint_eq(b.bytes, 64);
  for (uint64_t i = 0; i < SL_LOG_COUNT_MAX; i++) {
    ck_assert_int_eq(bucket_decide(&b, i, 1, true).verdict, SL_ALLOWED);
  }
  size_t full = b.bytes;
  ck_assert_uint_le(full, 16 * (SL_LOG_COUNT_MAX + 1));
  ck_assert_uint_eq(bucket_decide(&b, SL_LOG_COUNT_MAX, 1, true).retry_after_ns,
                    SL_NS_PER_H - SL_LOG_COUNT_MAX);
  ck_assert_uint_eq(bucket_decide(&b, SL_LOG_COUNT_MAX, 500, true).retry_after_ns,
                    SL_NS_PER_H - SL_LOG_COUNT_MAX + 499);
  for (uint64_t i = 0; i < 1000; i++) {
    bucket_charge(&b, SL_LOG_COUNT_MAX + i, 1);
  }
  ck_assert_uint_eq(b.bytes, full);
  ck_assert_uint_eq(bucket_decide(&b, SL_NS_PER_H + 999, 1, true).retry_after_ns, 1);
  ck_assert_int_eq(bucket_decide(&b, SL_NS_PER_H + 1000, 1, true).verdict, SL_ALLOWED);
  bucket_close(&b);
}
END_TEST

// Another count keeps the counts (42).
START_TEST(a_new_count_keeps_what_was_counted) {
  static const uint64_t parts[] = {0, 5, 0};
  static const enum sl_algorithm all[] = {SL_SLIDING_WINDOW, SL_SLIDING_WINDOW, SL_SLIDING_LOG};
  struct sl_limit ten = window(all[_i], 10, 10 * S, parts[_i]);
  struct sl_limit four = window(all[_i], 4, 10 * S, parts[_i]);
  struct bucket b;
  bucket_init(&b, &ten, 0);
  (void)bucket_decide(&b, 0, 3, true);
  b.limit = &four;
  ck_assert_uint_eq(bucket_decide(&b, 0, 0, true).remaining, 1);
  b.limit = &ten;
  (void)bucket_decide(&b, 0, 7, true);
  b.limit = &four;
  ck_assert_int_eq(bucket_decide(&b, 0, 1, true).verdict, SL_THROTTLED);
  ck_assert_uint_gt(bucket_decide(&b, 0, 4, true).retry_after_ns, 0);
  bucket_close(&b);
}
END_TEST

START_TEST(state_sizes) {
  struct sl_limit weighted = window(SL_SLIDING_WINDOW, 10, 10 * S, 0);
  ck_assert_uint_eq(sl_record_ops_of(&weighted)->bytes(&weighted, NULL, 0), 16);
  // The largest that the fields hold: no carry from one into the other.
  struct sl_limit most = window(SL_SLIDING_WINDOW, SL_COUNT_MAX, MS, 0);
  struct bucket b;
  bucket_init(&b, &most, 0);
  uint64_t last = SL_TIME_MAX_NS - 1;
  sl_sliding_window_set(&most, b.state, last, UINT64_MAX, UINT64_MAX);
  ck_assert_int_eq(bucket_decide(&b, last, 1, true).verdict, SL_THROTTLED);
  bucket_charge(&b, last, UINT64_MAX);
  ck_assert_uint_eq(bucket_decide(&b, last, 0, true).remaining, 0);
  sl_sliding_window_set(&most, b.state, last, 0, 5);
  ck_assert_uint_eq(bucket_decide(&b, last, 0, true).remaining, SL_COUNT_MAX - 5);
  bucket_close(&b);
}
END_TEST

static Suite *windows_suite(void) {
  Suite *suite = suite_create("algo_windows");
  TCase *tcase = tcase_create("windows");
  tcase_add_test(tcase, weighted_window);
  tcase_add_test(tcase, strict_window);
  tcase_add_test(tcase, exact_log);
  tcase_add_test(tcase, log_that_counts_refusals);
  tcase_add_test(tcase, a_look_is_no_refusal);
  tcase_add_loop_test(tcase, bans_and_charges, 0, 3);
  tcase_add_test(tcase, weighted_debt);
  tcase_add_loop_test(tcase, a_wrong_clock, 0, 3);
  tcase_add_test(tcase, a_long_log);
  tcase_add_loop_test(tcase, a_new_count_keeps_what_was_counted, 0, 3);
  tcase_add_test(tcase, state_sizes);
  suite_add_tcase(suite, tcase);
  return suite;
}

CHECK_TAP_MAIN(windows_suite)
