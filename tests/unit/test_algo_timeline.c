// The limits' own clock: exact where it says so, never a tick longer than a nanosecond, least
// waits.
#include "algo/timeline.h"
#include "base/prng.h"
#include "base/units.h"
#include "support/check_tap.h"

#define S SL_NS_PER_S

static const struct {
  uint64_t count, period_ns, unit;
} units[] = {
    {1, S, S},  // N divides P: a tick is a nanosecond
    {100000000, S, 10},
    {1, SL_NS_PER_D, SL_NS_PER_D},
    // An interval of 3,333,333.3 ns; 3/10000 tokens a us: multiples of 10000 are exact there.
    {9000, 30 * S, 3340000},
    // 142,857,142.9 ns; 7/1000000 tokens a us.
    {7, S, 143000000},
    // 3,447,879.8 ns; 8701/30000000 tokens a us is too fine, 8701/30000 a ms is not.
    {8701, 30 * S, 3450000},
    {SL_NS_PER_S, S, 1},         // one a nanosecond
    {1000 * SL_NS_PER_S, S, 1},  // and faster
};

START_TEST(unit_of_a_rate) {
  uint64_t unit = sl_timeline_unit(units[_i].count, units[_i].period_ns);
  ck_assert_uint_eq(unit, units[_i].unit);
  // A tick is no longer than a nanosecond.
  ck_assert(unit == 1 || (sl_u128)units[_i].count * unit >= units[_i].period_ns);
}
END_TEST

// The count is exact at every whole microsecond, or millisecond where ticks would get too short.
static const struct {
  uint64_t count, grid_ns;
} grids[] = {{7, 1000}, {9000, 1000}, {8701, 1000000}, {193, 1000}, {600, 1000}, {13, 1000}};

START_TEST(exact_on_the_grid) {
  uint64_t count = grids[_i].count;
  uint64_t period_ns = 30 * S;
  uint64_t unit = sl_timeline_unit(count, period_ns);
  struct sl_timeline tl = sl_timeline_make(count, period_ns, unit, 1);
  struct sl_prng prng;
  sl_prng_seed(&prng, 1);
  for (int i = 0; i < 10000; i++) {
    uint64_t now_ns = sl_prng_below(&prng, SL_TIME_MAX_NS / grids[_i].grid_ns) * grids[_i].grid_ns;
    uint64_t rest;
    uint64_t ticks = sl_timeline_ticks(&tl, now_ns, &rest);
    ck_assert_uint_eq(rest, 0);
    ck_assert(ticks ==
              (uint64_t)((sl_u128)now_ns * (count * unit) / period_ns) % (SL_STAMP_MASK + 1));
  }
}
END_TEST

// Both forms of the wait agree, and it is the least: one ns before, fewer ticks have passed.
START_TEST(wait_is_the_least) {
  struct sl_prng prng;
  sl_prng_seed(&prng, 2);
  for (int i = 0; i < 100000; i++) {
    uint64_t period_ns = SL_NS_PER_MS + sl_prng_below(&prng, 1000 * S);
    uint64_t count = 1 + sl_prng_below(&prng, period_ns >> sl_prng_below(&prng, 30));
    uint64_t unit = sl_timeline_unit(count, period_ns);
    struct sl_timeline tl = sl_timeline_make(count, period_ns, unit, 1);
    uint64_t now_ns = sl_prng_below(&prng, SL_TIME_MAX_NS / 2);
    uint64_t ticks = 1 + (sl_prng_next(&prng) >> (4 + sl_prng_below(&prng, 58)));
    uint64_t wait_ns = sl_timeline_wait(&tl, now_ns, ticks);
    ck_assert_uint_eq(wait_ns, sl_timeline_wait_wide(&tl, now_ns, ticks));
    uint64_t y = sl_timeline_now(&tl, now_ns);
    ck_assert_int_ge(sl_timeline_ahead(sl_timeline_now(&tl, now_ns + wait_ns), y), (int64_t)ticks);
    ck_assert_int_lt(sl_timeline_ahead(sl_timeline_now(&tl, now_ns + wait_ns - 1), y),
                     (int64_t)ticks);
  }
}
END_TEST

// An aligned clock stands still within a window and jumps by N at its end.
START_TEST(aligned_clock) {
  struct sl_timeline tl = sl_timeline_make(10, 7 * S, 1, 7 * S);
  uint64_t at_14 = sl_timeline_now(&tl, 14 * S);
  ck_assert_uint_eq(sl_timeline_now(&tl, 21 * S - 1), at_14);
  ck_assert_uint_eq(sl_timeline_now(&tl, 21 * S), at_14 + 10);
  ck_assert_uint_eq(sl_timeline_wait(&tl, 14 * S, 1), 7 * S);
  ck_assert_uint_eq(sl_timeline_wait(&tl, 15 * S, 10), 6 * S);
  ck_assert_uint_eq(sl_timeline_wait(&tl, 15 * S, 11), 13 * S);
  ck_assert_uint_eq(sl_timeline_wait(&tl, 15 * S, 0), 0);
}
END_TEST

START_TEST(differences_wrap) {
  ck_assert_int_eq(sl_timeline_ahead(3, SL_STAMP_MASK - 1), 5);
  ck_assert_int_eq(sl_timeline_ahead(SL_STAMP_MASK - 1, 3), -5);
  ck_assert_int_eq(sl_timeline_ahead(7, 7), 0);
}
END_TEST

START_TEST(spans) {
  struct sl_timeline tl = sl_timeline_make(7, S, 143000000, 1);  // 1.001 ticks a ns
  ck_assert_uint_eq(sl_timeline_span_floor(&tl, 1), 1);
  ck_assert_uint_eq(sl_timeline_span_ceil(&tl, 1), 2);
  ck_assert_uint_eq(sl_timeline_span_floor(&tl, 1000), 1001);
  ck_assert_uint_eq(sl_timeline_span_ceil(&tl, 1000), 1001);
  ck_assert_uint_eq(sl_timeline_span_ceil(&tl, UINT64_MAX), UINT64_C(1) << 62);
}
END_TEST

static Suite *timeline_suite(void) {
  Suite *suite = suite_create("algo_timeline");
  TCase *tcase = tcase_create("timeline");
  tcase_add_loop_test(tcase, unit_of_a_rate, 0, (int)SL_ARRAY_LEN(units));
  tcase_add_loop_test(tcase, exact_on_the_grid, 0, (int)SL_ARRAY_LEN(grids));
  tcase_add_test(tcase, wait_is_the_least);
  tcase_add_test(tcase, aligned_clock);
  tcase_add_test(tcase, differences_wrap);
  tcase_add_test(tcase, spans);
  suite_add_tcase(suite, tcase);
  return suite;
}

CHECK_TAP_MAIN(timeline_suite)
