// What limits are accepted, and what is said of those that are not (SEMANTICS 8, 9, 25).
#include "support/bucket.h"
#include "support/check_tap.h"
#include "support/limit_kit.h"

#define MS SL_NS_PER_MS
#define S SL_NS_PER_S

START_TEST(names) {
  ck_assert_str_eq(sl_algorithm_name(SL_TOKEN_BUCKET), "token_bucket");
  ck_assert_str_eq(sl_algorithm_name(SL_CONCURRENCY), "concurrency");
  ck_assert_str_eq(sl_algorithm_name(SL_UNLIMITED), "unlimited");
  ck_assert_str_eq(sl_algorithm_name(SL_ALGORITHM_COUNT), "unknown");
  ck_assert_str_eq(sl_verdict_name(SL_ALLOWED), "allowed");
  ck_assert_str_eq(sl_verdict_name(SL_THROTTLED), "throttled");
  ck_assert_str_eq(sl_verdict_name(SL_NEVER), "never");
}
END_TEST

// A number out of its range is refused with the number and the range.
static const struct {
  struct sl_limit_spec spec;
  enum sl_status status;
  const char *text;
} refused[] = {
    {{.algorithm = SL_TOKEN_BUCKET, .count = SL_COUNT_MAX + 1, .period_ns = S},
     SL_ERR_RANGE,
     "1099511627777"},
    {{.algorithm = SL_TOKEN_BUCKET, .count = 1, .period_ns = MS - 1}, SL_ERR_RANGE, "999999ns"},
    {{.algorithm = SL_TOKEN_BUCKET, .count = 1, .period_ns = SL_PERIOD_MAX_NS + MS},
     SL_ERR_RANGE,
     "366d"},
    {{.algorithm = SL_TOKEN_BUCKET,
      .count = 1,
      .period_ns = S,
      .has_burst = true,
      .burst = SL_COUNT_MAX + 1},
     SL_ERR_RANGE,
     "burst"},
    {{.algorithm = SL_TOKEN_BUCKET,
      .count = 1,
      .period_ns = S,
      .max_wait_ns = SL_PERIOD_MAX_NS + 1},
     SL_ERR_RANGE,
     "max_wait"},
    {{.algorithm = SL_TOKEN_BUCKET, .count = 1, .period_ns = S, .jitter_ns = MS},
     SL_ERR_INVALID,
     "any_window"},
    {{.algorithm = SL_TOKEN_BUCKET,
      .count = 1,
      .period_ns = 366 * SL_NS_PER_D,
      .has_burst = true,
      .burst = 101},
     SL_ERR_RANGE,
     "101 years"},
    {{.algorithm = SL_LEAKY_BUCKET, .count = 1, .period_ns = 366 * SL_NS_PER_D, .queue = 100},
     SL_ERR_RANGE,
     "101"},
    {{.algorithm = SL_LEAKY_BUCKET, .count = 1, .period_ns = S, .queue = SL_COUNT_MAX},
     SL_ERR_RANGE,
     "queue"},
    {{.algorithm = SL_FIXED_WINDOW, .count = SL_COUNT_MAX + 1, .period_ns = S},
     SL_ERR_RANGE,
     "count"},
    {{.algorithm = SL_SLIDING_LOG, .count = 100001, .period_ns = S}, SL_ERR_RANGE, "100000"},
    {{.algorithm = SL_SLIDING_WINDOW, .count = 1, .period_ns = S, .sub_windows = 1001},
     SL_ERR_RANGE,
     "1001"},
    {{.algorithm = SL_SLIDING_WINDOW, .count = 1, .period_ns = S, .sub_windows = 7},
     SL_ERR_INVALID,
     "sub_windows is 7, which does not divide the period of 1s"},
    {{.algorithm = SL_CONCURRENCY, .slots = 100001, .lease_ns = S}, SL_ERR_RANGE, "100001"},
    {{.algorithm = SL_CONCURRENCY, .slots = 1, .lease_ns = 0}, SL_ERR_RANGE, "lease"},
    {{.algorithm = SL_CONCURRENCY, .slots = 1, .lease_ns = SL_PERIOD_MAX_NS + 1},
     SL_ERR_RANGE,
     "lease"},
    {{.algorithm = SL_ALGORITHM_COUNT}, SL_ERR_RANGE, "algorithm"},
};

START_TEST(out_of_range) {
  struct sl_limit limit;
  ck_assert_int_eq(limit_try(&refused[_i].spec, &limit), refused[_i].status);
  const char *text = refused[_i].text;
  if (strcmp(text, "100001") == 0) {
    ck_assert_msg(strstr(limit_message, "100001") != NULL, "%s", limit_message);
    text = "slots";
  }
  ck_assert_msg(strstr(limit_message, text) != NULL, "no \"%s\" in: %s", text, limit_message);
}
END_TEST

// The ends of the ranges are inside.
START_TEST(range_ends) {
  struct sl_limit_spec hundred_years =
      spec_of(SL_TOKEN_BUCKET, 1, 365 * SL_NS_PER_D + SL_NS_PER_D / 4);
  hundred_years.has_burst = true;
  hundred_years.burst = 100;
  struct sl_limit limit = limit_of(&hundred_years);
  ck_assert_uint_eq(limit.size, 100);
  hundred_years.burst = 101;
  ck_assert_int_eq(limit_try(&hundred_years, &limit), SL_ERR_RANGE);
  struct sl_limit_spec fastest = spec_of(SL_TOKEN_BUCKET, SL_COUNT_MAX, MS);
  ck_assert_uint_eq(limit_of(&fastest).size, SL_COUNT_MAX);
  struct sl_limit_spec slowest = spec_of(SL_FIXED_WINDOW, 1, SL_PERIOD_MAX_NS);
  ck_assert_uint_eq(limit_of(&slowest).window_ns, SL_PERIOD_MAX_NS);
}
END_TEST

// any_window: r = (N + 1 - B) / (W + J), B is 1 + N/50 where it is not given.
static const struct {
  uint64_t count, burst, jitter_ns, size, rate_count, rate_period_ns;
} derived[] = {
    {9000, 1, 0, 1, 9000, 30 * S},
    {9000, 301, 0, 301, 8700, 30 * S},
    {600, 20, 20 * MS, 20, 581, 30020 * MS},
    {600, 0, 0, 13, 588, 30 * S},
    {49, 0, 0, 1, 49, 30 * S},
    {1, 1, 0, 1, 1, 30 * S},
    {7, 7, 0, 7, 1, 30 * S},
};

START_TEST(any_window_derives) {
  struct sl_limit_spec spec = spec_of(SL_TOKEN_BUCKET, derived[_i].count, 30 * S);
  spec.any_window = true;
  spec.has_burst = derived[_i].burst > 0;
  spec.burst = derived[_i].burst;
  spec.jitter_ns = derived[_i].jitter_ns;
  struct sl_limit limit = limit_of(&spec);
  ck_assert_uint_eq(limit.size, derived[_i].size);
  ck_assert_uint_eq(limit.rate_count, derived[_i].rate_count);
  ck_assert_uint_eq(limit.rate_period_ns, derived[_i].rate_period_ns);
}
END_TEST

START_TEST(any_window_warns_below_90_percent) {
  struct sl_limit_spec spec = spec_of(SL_TOKEN_BUCKET, 600, 30 * S);
  struct sl_limit limit;
  spec.any_window = true;
  spec.has_burst = true;
  spec.burst = 61;  // 540 of 600: exactly 90 %
  ck_assert_int_eq(limit_try(&spec, &limit), SL_OK);
  ck_assert_str_eq(limit_message, "");
  spec.burst = 62;
  ck_assert_int_eq(limit_try(&spec, &limit), SL_OK);
  static const char *const words[] = {"62", "539 per 30s", "89 %", "600 per 30s"};
  for (size_t i = 0; i < SL_ARRAY_LEN(words); i++) {
    ck_assert_msg(strstr(limit_message, words[i]) != NULL, "no \"%s\" in: %s", words[i],
                  limit_message);
  }
  spec.burst = 20;
  spec.jitter_ns = 4 * S;
  ck_assert_int_eq(limit_try(&spec, &limit), SL_OK);
  ck_assert_msg(strstr(limit_message, "581 per 34s") != NULL, "%s", limit_message);
}
END_TEST

START_TEST(any_window_refuses_a_burst_above_the_count) {
  struct sl_limit_spec spec = spec_of(SL_TOKEN_BUCKET, 600, 30 * S);
  struct sl_limit limit;
  spec.any_window = true;
  spec.has_burst = true;
  spec.burst = 601;
  ck_assert_int_eq(limit_try(&spec, &limit), SL_ERR_INVALID);
  ck_assert_msg(strstr(limit_message, "601") != NULL &&
                    strstr(limit_message, "600 per 30s") != NULL,
                "%s", limit_message);
}
END_TEST

START_TEST(unlimited_admits_always) {
  struct sl_limit_spec spec = sl_limit_spec_default(SL_UNLIMITED);
  struct sl_limit limit = limit_of(&spec);
  struct bucket bucket;
  bucket_init(&bucket, &limit, 0);
  ck_assert_ptr_null(sl_record_ops_of(&limit));
  ck_assert_int_eq(bucket_decide(&bucket, 0, SL_COST_MAX, true).verdict, SL_ALLOWED);
  ck_assert_uint_eq(bucket_decide(&bucket, 0, SL_COST_MAX, true).remaining, UINT64_MAX);
}
END_TEST

// Two limits that a bucket could tell apart have different words.
START_TEST(words_tell_limits_apart) {
  struct sl_limit_spec specs[] = {
      spec_of(SL_TOKEN_BUCKET, 10, S),     spec_of(SL_TOKEN_BUCKET, 11, S),
      spec_of(SL_TOKEN_BUCKET, 10, 2 * S), spec_of(SL_FIXED_WINDOW, 10, S),
      spec_of(SL_SLIDING_WINDOW, 10, S),   spec_of(SL_SLIDING_WINDOW, 10, S),
      spec_of(SL_SLIDING_LOG, 10, S),      spec_of(SL_SLIDING_LOG, 10, S),
      spec_of(SL_CONCURRENCY, 10, S),      spec_of(SL_CONCURRENCY, 10, S),
  };
  specs[5].sub_windows = 4;
  specs[7].count_refused = true;
  specs[8].slots = 3;
  specs[9].slots = 4;
  uint64_t words[SL_ARRAY_LEN(specs)][SL_LIMIT_WORDS];
  for (size_t i = 0; i < SL_ARRAY_LEN(specs); i++) {
    struct sl_limit limit = limit_of(&specs[i]);
    sl_limit_words(&limit, words[i]);
    for (size_t j = 0; j < i; j++) {
      ck_assert_mem_ne(words[i], words[j], sizeof words[i]);
    }
  }
}
END_TEST

// ---- 0, 1 and the most of every number, in all pairs (FAILURES F43, F45)
// ---------------------------------

// One bucket is asked, charged, left alone for years: nothing crashes, nothing is above its bound.
static void exercise(const struct sl_limit *limit) {
  static const uint64_t costs[] = {0, 1, 2, SL_COUNT_MAX, INT64_MAX};
  static const uint64_t times[] = {0, 1, MS, UINT64_C(1700000000) * S, SL_TIME_MAX_NS - 1};
  struct bucket bucket;
  bucket_init(&bucket, limit, 0);
  for (size_t t = 0; t < SL_ARRAY_LEN(times); t++) {
    for (size_t c = 0; c < SL_ARRAY_LEN(costs); c++) {
      struct sl_decision d = bucket_decide(&bucket, times[t], costs[c], true);
      ck_assert_uint_le(d.remaining, d.limit);
      ck_assert(costs[c] > 0 || d.verdict == SL_ALLOWED);
      ck_assert_int_eq(d.verdict == SL_NEVER, costs[c] > d.limit);
      ck_assert_int_eq(d.verdict == SL_THROTTLED, d.retry_after_ns > 0);
      bucket_charge(&bucket, times[t], costs[c]);
      d = bucket_decide(&bucket, times[t], 0, false);
      ck_assert_uint_le(d.remaining, d.limit);
    }
  }
  bucket_close(&bucket);
}

struct number {
  size_t offset;
  uint64_t values[3];
};

#define NUMBER(field, zero, one, most)                         \
  {                                                            \
    offsetof(struct sl_limit_spec, field), { zero, one, most } \
  }
static const struct number numbers[] = {
    NUMBER(count, 0, 1, SL_COUNT_MAX),           NUMBER(period_ns, 0, MS, SL_PERIOD_MAX_NS),
    NUMBER(burst, 0, 1, SL_COUNT_MAX),           NUMBER(jitter_ns, 0, 1, SL_PERIOD_MAX_NS),
    NUMBER(queue, 0, 1, SL_COUNT_MAX - 1),       NUMBER(sub_windows, 0, 1, SL_SUB_WINDOWS_MAX),
    NUMBER(slots, 0, 1, SL_LOG_COUNT_MAX),       NUMBER(lease_ns, 0, MS, SL_PERIOD_MAX_NS),
    NUMBER(max_wait_ns, 0, 1, SL_PERIOD_MAX_NS),
};

static void set(struct sl_limit_spec *spec, const struct number *number, uint64_t value) {
  memcpy((char *)spec + number->offset, &value, sizeof value);
}

START_TEST(pairs_of_0_1_and_most) {
  unsigned accepted = 0;
  for (size_t a = 0; a < SL_ARRAY_LEN(numbers); a++) {
    for (size_t b = 0; b < SL_ARRAY_LEN(numbers); b++) {
      for (unsigned mix = 0; mix < 36; mix++) {
        struct sl_limit_spec spec = spec_of((enum sl_algorithm)_i, 10, S);
        spec.slots = 10;
        spec.has_burst = mix >= 18;
        spec.any_window = mix % 18 >= 9;
        spec.burst = 10;
        set(&spec, &numbers[a], numbers[a].values[mix % 3]);
        set(&spec, &numbers[b], numbers[b].values[mix / 3 % 3]);
        struct sl_limit limit;
        if (limit_try(&spec, &limit) == SL_OK) {
          exercise(&limit);
          accepted++;
        } else {
          ck_assert_str_ne(limit_message, "");
        }
      }
    }
  }
  ck_assert_uint_gt(accepted, 500);
}
END_TEST

static Suite *limit_suite(void) {
  Suite *suite = suite_create("algo_limit");
  TCase *tcase = tcase_create("limit");
  tcase_add_test(tcase, names);
  tcase_add_loop_test(tcase, out_of_range, 0, (int)SL_ARRAY_LEN(refused));
  tcase_add_test(tcase, range_ends);
  tcase_add_loop_test(tcase, any_window_derives, 0, (int)SL_ARRAY_LEN(derived));
  tcase_add_test(tcase, any_window_warns_below_90_percent);
  tcase_add_test(tcase, any_window_refuses_a_burst_above_the_count);
  tcase_add_test(tcase, unlimited_admits_always);
  tcase_add_test(tcase, words_tell_limits_apart);
  tcase_add_loop_test(tcase, pairs_of_0_1_and_most, SL_UNLIMITED, SL_ALGORITHM_COUNT);
  suite_add_tcase(suite, tcase);
  return suite;
}

CHECK_TAP_MAIN(limit_suite)
