// The library's waiting limiters by SEMANTICS 34 and 35: ranges, tries, changes of the rate, ends.
#include "algo/self_pay.h"
#include "algo/smooth.h"
#include "support/check_tap.h"

#define MS SL_NS_PER_MS
#define S SL_NS_PER_S

static const struct sl_pace ten = {.count = 10, .period_ns = S};

START_TEST(paces) {
  static const struct {
    struct sl_pace pace;
    bool valid;
  } all[] = {
      {{1, 0}, true},
      {{2, 0}, false},
      {{0, 0}, false},
      {{0, S}, false},
      {{1, 1}, true},
      {{SL_COUNT_MAX, 1}, true},
      {{SL_COUNT_MAX + 1, 1}, false},
      {{1, SL_PERIOD_MAX_NS}, true},
      {{1, SL_PERIOD_MAX_NS + 1}, false},
  };
  for (size_t i = 0; i < SL_ARRAY_LEN(all); i++) {
    ck_assert_int_eq(sl_pace_is_valid(all[i].pace), all[i].valid);
  }
}
END_TEST

// All 256 bits of the product count.
START_TEST(wide_division) {
  sl_u128 big = ((sl_u128)1 << 100) + 12345;
  ck_assert(sl_mul_div_floor(big, big, big) == big);
  ck_assert(sl_mul_div_ceil(big, big, big) == big);
  ck_assert(sl_mul_div_floor(big, big + 1, big) == big + 1);
  ck_assert(sl_mul_div_floor(big, big - 1, big + 1) == big - 2);
  ck_assert(sl_mul_div_ceil(big, big - 1, big + 1) == big - 1);
  ck_assert(sl_mul_div_floor(7, 5, 3) == 11);
  ck_assert(sl_mul_div_ceil(7, 5, 3) == 12);
  ck_assert(sl_mul_div_floor(big, big, 1) == ~(sl_u128)0);
  ck_assert(sl_mul_div_floor(0, big, 1) == 0);
  sl_u128 most = ~(sl_u128)0;
  ck_assert(sl_mul_div_floor(most, most, most) == most);
  ck_assert(sl_mul_div_floor(most, most - 1, most) == most - 1);
}
END_TEST

START_TEST(ranges) {
  struct sl_smooth smooth;
  struct sl_self_pay self_pay;
  struct sl_pace bad = {.count = 0, .period_ns = S};
  ck_assert_int_eq(sl_smooth_bursty_init(&smooth, bad, S, 0), SL_ERR_RANGE);
  ck_assert_int_eq(sl_smooth_bursty_init(&smooth, ten, SL_PERIOD_MAX_NS + 1, 0), SL_ERR_RANGE);
  ck_assert_int_eq(sl_smooth_warming_up_init(&smooth, ten, S, 1, 2, 0), SL_ERR_RANGE);
  ck_assert_int_eq(sl_smooth_warming_up_init(&smooth, ten, S, 3, 0, 0), SL_ERR_RANGE);
  ck_assert_int_eq(sl_smooth_warming_up_init(&smooth, ten, S, SL_COLD_FACTOR_MAX + 1, 1, 0),
                   SL_ERR_RANGE);
  ck_assert_int_eq(sl_smooth_warming_up_init(&smooth, ten, SL_PERIOD_MAX_NS + 1, 3, 1, 0),
                   SL_ERR_RANGE);
  ck_assert_int_eq(sl_self_pay_init(&self_pay, bad, S, 0), SL_ERR_RANGE);
  ck_assert_int_eq(sl_self_pay_init(&self_pay, ten, SL_PERIOD_MAX_NS + 1, 0), SL_ERR_RANGE);
  ck_assert_int_eq(sl_self_pay_init(&self_pay, ten, S, 0), SL_OK);
  ck_assert_int_eq(sl_self_pay_set_rate(&self_pay, 0, bad), SL_ERR_RANGE);
  ck_assert_int_eq(sl_smooth_bursty_init(&smooth, ten, S, 0), SL_OK);
  ck_assert_int_eq(sl_smooth_set_rate(&smooth, 0, bad), SL_ERR_RANGE);
  ck_assert_uint_eq(sl_smooth_reserve(&smooth, 0, 1), 0);
  ck_assert_uint_eq(sl_smooth_reserve(&smooth, 0, 1), 100 * MS);
}
END_TEST

START_TEST(a_failed_try_takes_nothing) {
  struct sl_smooth smooth;
  struct sl_self_pay self_pay;
  struct sl_self_pay_receipt receipt;
  uint64_t wait_ns;
  ck_assert_int_eq(sl_smooth_bursty_init(&smooth, ten, S, 0), SL_OK);
  ck_assert(sl_smooth_try(&smooth, 0, 5, 0, &wait_ns));
  ck_assert(!sl_smooth_try(&smooth, 0, 1, 500 * MS - 1, &wait_ns));
  ck_assert_uint_eq(wait_ns, 500 * MS);
  ck_assert(sl_smooth_try(&smooth, 0, 1, 500 * MS, &wait_ns));
  ck_assert_int_eq(sl_self_pay_init(&self_pay, ten, S, 0), SL_OK);
  ck_assert(!sl_self_pay_try(&self_pay, 0, 15, 499 * MS, &wait_ns, &receipt));
  ck_assert_uint_eq(wait_ns, 500 * MS);
  ck_assert_uint_eq(sl_self_pay_cancel(&self_pay, 0, &receipt), 0);
  ck_assert(sl_self_pay_try(&self_pay, 0, 10, 0, &wait_ns, &receipt));
  ck_assert_uint_eq(sl_self_pay_cancel(&self_pay, 0, &receipt), S);
  ck_assert(sl_self_pay_try(&self_pay, 0, 10, 0, &wait_ns, &receipt));
}
END_TEST

// A clock that steps back stands still (1).
START_TEST(a_clock_that_steps_back) {
  struct sl_smooth smooth;
  struct sl_self_pay self_pay;
  struct sl_self_pay_receipt receipt;
  ck_assert_int_eq(sl_smooth_bursty_init(&smooth, ten, S, 0), SL_OK);
  ck_assert_int_eq(sl_self_pay_init(&self_pay, ten, S, 0), SL_OK);
  ck_assert_uint_eq(sl_smooth_reserve(&smooth, 10 * S, 11), 0);
  ck_assert_uint_eq(sl_smooth_reserve(&smooth, 3 * S, 1), 100 * MS);
  ck_assert_uint_eq(sl_smooth_reserve(&smooth, 10 * S + 100 * MS, 1), 100 * MS);
  ck_assert_uint_eq(sl_self_pay_reserve(&self_pay, 10 * S, 11, &receipt), 100 * MS);
  ck_assert_uint_eq(sl_self_pay_reserve(&self_pay, 2 * S, 1, &receipt), 200 * MS);
}
END_TEST

// The fresh states, as the vectors say.
START_TEST(fresh_states) {
  struct sl_self_pay self_pay;
  struct sl_self_pay_receipt receipt;
  ck_assert_int_eq(sl_self_pay_init(&self_pay, ten, 60 * S, 7 * S), SL_OK);
  ck_assert_uint_eq(sl_self_pay_reserve(&self_pay, 7 * S, 10, &receipt), 0);
  ck_assert_uint_eq(sl_self_pay_reserve(&self_pay, 7 * S, 1, &receipt), 100 * MS);
  ck_assert_int_eq(sl_self_pay_init(&self_pay, ten, 300 * MS, 7 * S), SL_OK);
  ck_assert_uint_eq(sl_self_pay_reserve(&self_pay, 7 * S, 3, &receipt), 0);
  ck_assert_uint_eq(sl_self_pay_reserve(&self_pay, 7 * S, 1, &receipt), 100 * MS);
  ck_assert_int_eq(sl_self_pay_init(&self_pay, ten, 0, 7 * S), SL_OK);
  ck_assert_uint_eq(sl_self_pay_reserve(&self_pay, 7 * S, 1, &receipt), 100 * MS);
}
END_TEST

// 35 on self_pay: others keep their times, the latest promise counts even after it was cancelled.
START_TEST(cancel_in_a_line) {
  struct sl_self_pay l;
  struct sl_self_pay_receipt a, b, c, d;
  ck_assert_int_eq(sl_self_pay_init(&l, ten, S, 0), SL_OK);
  ck_assert_uint_eq(sl_self_pay_reserve(&l, 0, 10, &a), 0);
  ck_assert_uint_eq(sl_self_pay_reserve(&l, 0, 8, &b), 800 * MS);
  ck_assert_uint_eq(sl_self_pay_reserve(&l, 0, 2, &c), S);
  // b loses the 0.2 s to c and 1 ns for the rounding of two departures: 0.6 s come back.
  ck_assert_uint_eq(sl_self_pay_cancel(&l, 0, &b), 600 * MS - 1);
  ck_assert_uint_eq(sl_self_pay_reserve(&l, 0, 1, &d), 500 * MS + 1);
  // c's moment stays the latest promise when c is given back.
  ck_assert_uint_eq(sl_self_pay_cancel(&l, 0, &c), 200 * MS);
  ck_assert_uint_eq(sl_self_pay_cancel(&l, 0, &d), 0);
  (void)a;
}
END_TEST

// A zero warm-up is a flow without a burst; a cold factor of 1 has no slope.
START_TEST(flat_warm_ups) {
  struct sl_smooth smooth;
  ck_assert_int_eq(sl_smooth_warming_up_init(&smooth, ten, 0, 3, 1, 0), SL_OK);
  ck_assert_uint_eq(sl_smooth_reserve(&smooth, 0, 2), 0);
  ck_assert_uint_eq(sl_smooth_reserve(&smooth, 10 * S, 2), 0);
  ck_assert_uint_eq(sl_smooth_reserve(&smooth, 10 * S, 2), 200 * MS);
  ck_assert_int_eq(sl_smooth_warming_up_init(&smooth, ten, S, 1, 1, 0), SL_OK);
  ck_assert_uint_eq(sl_smooth_reserve(&smooth, 0, 15), 0);
  ck_assert_uint_eq(sl_smooth_reserve(&smooth, 0, 1), 1500 * MS);
}
END_TEST

START_TEST(permits_without_bound) {
  struct sl_smooth smooth;
  struct sl_self_pay self_pay;
  struct sl_self_pay_receipt receipt;
  struct sl_pace slow = {.count = 1, .period_ns = SL_PERIOD_MAX_NS};
  ck_assert_int_eq(sl_smooth_bursty_init(&smooth, slow, S, 0), SL_OK);
  ck_assert_uint_eq(sl_smooth_reserve(&smooth, 0, INT64_MAX), 0);
  ck_assert_uint_eq(sl_smooth_reserve(&smooth, S, INT64_MAX), SL_PACE_END_NS - S);
  ck_assert_int_eq(sl_self_pay_init(&self_pay, slow, S, 0), SL_OK);
  ck_assert_uint_eq(sl_self_pay_reserve(&self_pay, 0, UINT64_MAX, &receipt), SL_PACE_END_NS - S);
  ck_assert_int_eq(sl_self_pay_init(&self_pay, SL_PACE_INFINITE, S, 0), SL_OK);
  ck_assert_uint_eq(sl_self_pay_reserve(&self_pay, 0, UINT64_MAX, &receipt), 0);
}
END_TEST

static Suite *waiting_suite(void) {
  Suite *suite = suite_create("algo_waiting");
  TCase *tcase = tcase_create("waiting");
  tcase_add_test(tcase, paces);
  tcase_add_test(tcase, wide_division);
  tcase_add_test(tcase, ranges);
  tcase_add_test(tcase, a_failed_try_takes_nothing);
  tcase_add_test(tcase, a_clock_that_steps_back);
  tcase_add_test(tcase, fresh_states);
  tcase_add_test(tcase, cancel_in_a_line);
  tcase_add_test(tcase, flat_warm_ups);
  tcase_add_test(tcase, permits_without_bound);
  suite_add_tcase(suite, tcase);
  return suite;
}

CHECK_TAP_MAIN(waiting_suite)
