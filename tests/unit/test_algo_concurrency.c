// concurrency by SEMANTICS 30: slots, leases, release and renew.
#include "algo/concurrency.h"
#include "support/bucket.h"
#include "support/check_tap.h"
#include "support/limit_kit.h"

#define MS SL_NS_PER_MS
#define S SL_NS_PER_S

static struct sl_limit slots(uint64_t count, uint64_t lease_ns) {
  struct sl_limit_spec spec = sl_limit_spec_default(SL_CONCURRENCY);
  spec.slots = count;
  spec.lease_ns = lease_ns;
  return limit_of(&spec);
}

static bool release(struct bucket *b, uint64_t now_ns, uint64_t slot) {
  b->ops->advance(b->limit, b->state, now_ns);
  return b->ops->release(b->limit, b->state, now_ns, slot);
}

static bool renew(struct bucket *b, uint64_t now_ns, uint64_t slot) {
  b->ops->advance(b->limit, b->state, now_ns);
  return b->ops->renew(b->limit, b->state, now_ns, slot);
}

START_TEST(a_slot_is_held_until_released) {
  struct sl_limit limit = slots(3, 60 * S);
  struct bucket b;
  bucket_init(&b, &limit, 0);
  struct sl_decision two = bucket_decide(&b, 0, 2, true);
  struct sl_decision one = bucket_decide(&b, S, 1, true);
  ck_assert_uint_ne(two.slot, one.slot);
  struct sl_decision full = bucket_decide(&b, 2 * S, 2, true);
  ck_assert_int_eq(full.verdict, SL_THROTTLED);
  ck_assert_uint_eq(full.retry_after_ns, 58 * S);
  ck_assert_uint_eq(full.slot, 0);
  ck_assert(release(&b, 3 * S, two.slot));
  ck_assert(!release(&b, 3 * S, two.slot));
  ck_assert_uint_eq(bucket_decide(&b, 3 * S, 0, true).remaining, 2);
  ck_assert_uint_eq(bucket_decide(&b, 3 * S, 0, true).reset_after_ns, 58 * S);
  ck_assert(release(&b, 3 * S, one.slot));
  ck_assert(bucket_is_fresh(&b, 3 * S));
  bucket_close(&b);
}
END_TEST

START_TEST(a_lease_ends_by_itself) {
  struct sl_limit limit = slots(1, 60 * S);
  struct bucket b;
  bucket_init(&b, &limit, 0);
  uint64_t slot = bucket_decide(&b, 0, 1, true).slot;
  ck_assert_uint_eq(bucket_decide(&b, 60 * S - 1, 1, true).retry_after_ns, 1);
  ck_assert_int_eq(bucket_decide(&b, 60 * S, 1, true).verdict, SL_ALLOWED);
  ck_assert(!release(&b, 60 * S, slot));
  ck_assert(!renew(&b, 60 * S, slot));
  bucket_close(&b);
}
END_TEST

START_TEST(renew_runs_from_now) {
  struct sl_limit limit = slots(2, 60 * S);
  struct bucket b;
  bucket_init(&b, &limit, 0);
  uint64_t first = bucket_decide(&b, 0, 1, true).slot;
  uint64_t second = bucket_decide(&b, 10 * S, 1, true).slot;
  ck_assert(renew(&b, 20 * S, first));
  ck_assert(renew(&b, 20 * S, first));
  // Now the second ends first.
  ck_assert_uint_eq(bucket_decide(&b, 20 * S, 1, true).retry_after_ns, 50 * S);
  ck_assert_uint_eq(bucket_decide(&b, 20 * S, 2, true).retry_after_ns, 60 * S);
  ck_assert(release(&b, 20 * S, second));
  ck_assert_uint_eq(bucket_decide(&b, 79 * S, 0, true).remaining, 1);
  ck_assert_uint_eq(bucket_decide(&b, 80 * S, 0, true).remaining, 2);
  bucket_close(&b);
}
END_TEST

START_TEST(unknown_slots_and_bans) {
  struct sl_limit limit = slots(0, S);
  struct bucket b;
  bucket_init(&b, &limit, 0);
  ck_assert_int_eq(bucket_decide(&b, 0, 1, true).verdict, SL_NEVER);
  ck_assert_int_eq(bucket_decide(&b, 0, 0, true).verdict, SL_ALLOWED);
  ck_assert(!release(&b, 0, 0));
  ck_assert(!release(&b, 0, 77));
  ck_assert(!renew(&b, 0, UINT64_MAX));
  bucket_charge(&b, 0, 5);
  ck_assert(bucket_is_fresh(&b, 0));
  bucket_close(&b);
}
END_TEST

// A charge is a lease without a name; the newest `slots` units of charges count.
START_TEST(a_charge_ends_by_itself) {
  struct sl_limit limit = slots(4, 10 * S);
  struct bucket b;
  bucket_init(&b, &limit, 0);
  uint64_t slot = bucket_decide(&b, 0, 1, true).slot;
  bucket_charge(&b, S, 3);
  bucket_charge(&b, 2 * S, 3);
  ck_assert_uint_eq(bucket_decide(&b, 2 * S, 1, true).retry_after_ns, 9 * S);
  ck_assert(release(&b, 2 * S, slot));
  ck_assert_uint_eq(bucket_decide(&b, 10999 * MS, 0, true).remaining, 0);
  ck_assert_uint_eq(bucket_decide(&b, 11 * S, 0, true).remaining, 1);
  ck_assert_uint_eq(bucket_decide(&b, 12 * S, 0, true).remaining, 4);
  bucket_close(&b);
}
END_TEST

// However many charges there are, those that count are as many as the slots.
START_TEST(charges_are_bounded) {
  struct sl_limit limit = slots(4, 60 * S);
  struct bucket b;
  bucket_init(&b, &limit, 0);
  for (uint64_t i = 0; i < 1000; i++) {
    bucket_charge(&b, i * MS, 1 + i % 3);
  }
  ck_assert_uint_le(b.bytes, 512);
  ck_assert_uint_eq(bucket_decide(&b, 60 * S + 997 * MS, 0, true).remaining, 0);
  ck_assert_uint_eq(bucket_decide(&b, 60 * S + 998 * MS, 0, true).remaining, 3);
  bucket_charge(&b, 61 * S, UINT64_MAX);
  ck_assert_uint_eq(bucket_decide(&b, 61 * S, 0, true).remaining, 0);
  bucket_close(&b);
}
END_TEST

// Many slots: each operation finds its own, memory follows, all of it comes back.
START_TEST(many_slots) {
  enum { MANY = 20000 };
  struct sl_limit limit = slots(MANY, 60 * S);
  struct bucket b;
  bucket_init(&b, &limit, 0);
  for (uint64_t i = 1; i <= MANY; i++) {
    ck_assert_uint_eq(bucket_decide(&b, i, 1, true).slot, i);
  }
  ck_assert_int_eq(bucket_decide(&b, MANY, 1, true).verdict, SL_THROTTLED);
  for (uint64_t i = MANY; i >= 1; i -= 2) {
    ck_assert(release(&b, MANY, i));
  }
  ck_assert_uint_eq(bucket_decide(&b, MANY, 0, true).remaining, MANY / 2);
  size_t bytes = b.bytes;
  for (uint64_t i = 0; i < MANY / 2; i++) {
    ck_assert_int_eq(bucket_decide(&b, MANY, 1, true).verdict, SL_ALLOWED);
  }
  ck_assert_uint_eq(b.bytes, bytes);
  ck_assert(bucket_is_fresh(&b, MANY + 60 * S));
  bucket_close(&b);
}
END_TEST

// A lease that would outlast one that starts now is cut: by a wrong clock, or by a shorter lease.
START_TEST(no_lease_outlasts_a_new_one) {
  struct sl_limit limit = slots(2, 60 * S);
  struct sl_limit shorter = slots(2, 10 * S);
  struct bucket b;
  bucket_init(&b, &limit, 0);
  (void)bucket_decide(&b, 365 * SL_NS_PER_D, 2, true);
  ck_assert_uint_eq(bucket_decide(&b, 5 * S, 1, true).retry_after_ns, 60 * S);
  b.limit = &shorter;
  ck_assert_uint_eq(bucket_decide(&b, 6 * S, 1, true).retry_after_ns, 10 * S);
  ck_assert_int_eq(bucket_decide(&b, 16 * S, 2, true).verdict, SL_ALLOWED);
  bucket_close(&b);
}
END_TEST

static Suite *concurrency_suite(void) {
  Suite *suite = suite_create("algo_concurrency");
  TCase *tcase = tcase_create("concurrency");
  tcase_add_test(tcase, a_slot_is_held_until_released);
  tcase_add_test(tcase, a_lease_ends_by_itself);
  tcase_add_test(tcase, renew_runs_from_now);
  tcase_add_test(tcase, unknown_slots_and_bans);
  tcase_add_test(tcase, a_charge_ends_by_itself);
  tcase_add_test(tcase, charges_are_bounded);
  tcase_add_test(tcase, many_slots);
  tcase_add_test(tcase, no_lease_outlasts_a_new_one);
  suite_add_tcase(suite, tcase);
  return suite;
}

CHECK_TAP_MAIN(concurrency_suite)
