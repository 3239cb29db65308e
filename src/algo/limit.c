#include "algo/limit.h"

#include "algo/concurrency.h"
#include "algo/fixed_window.h"
#include "algo/leaky_bucket.h"
#include "algo/sliding_log.h"
#include "algo/sliding_window.h"
#include "algo/sub_windows.h"
#include "algo/token_bucket.h"

const char *sl_algorithm_name(enum sl_algorithm algorithm) {
  static const char *const names[SL_ALGORITHM_COUNT] = {
      [SL_UNLIMITED] = "unlimited",       [SL_TOKEN_BUCKET] = "token_bucket",
      [SL_LEAKY_BUCKET] = "leaky_bucket", [SL_FIXED_WINDOW] = "fixed_window",
      [SL_SLIDING_LOG] = "sliding_log",   [SL_SLIDING_WINDOW] = "sliding_window",
      [SL_CONCURRENCY] = "concurrency",
  };
  return (unsigned)algorithm < SL_ALGORITHM_COUNT ? names[algorithm] : "unknown";
}

const char *sl_verdict_name(enum sl_verdict verdict) {
  switch (verdict) {
  case SL_ALLOWED:
    return "allowed";
  case SL_THROTTLED:
    return "throttled";
  case SL_NEVER:
    return "never";
  }
  return "unknown";
}

struct sl_limit_spec sl_limit_spec_default(enum sl_algorithm algorithm) {
  return (struct sl_limit_spec){
      .algorithm = algorithm,
      .period_ns = SL_NS_PER_S,
      .lease_ns = SL_LEASE_DEFAULT_NS,
      .max_wait_ns = SL_MAX_WAIT_DEFAULT_NS,
  };
}

static enum sl_status refuse_range(struct sl_text *message, const char *what, uint64_t value,
                                   uint64_t least, uint64_t most) {
  sl_text_printf(message, "%s is %llu; it must be from %llu to %llu", what,
                 (unsigned long long)value, (unsigned long long)least, (unsigned long long)most);
  return SL_ERR_RANGE;
}

static enum sl_status check_duration(struct sl_text *message, const char *what, uint64_t ns,
                                     uint64_t least_ns, uint64_t most_ns) {
  if (ns >= least_ns && ns <= most_ns) {
    return SL_OK;
  }
  char is[SL_DURATION_TEXT], least[SL_DURATION_TEXT], most[SL_DURATION_TEXT];
  sl_text_printf(message, "%s is %s; it must be from %s to %s", what, sl_format_duration(ns, is),
                 sl_format_duration(least_ns, least), sl_format_duration(most_ns, most));
  return SL_ERR_RANGE;
}

// One documented range of a spec: where it is, and for which algorithms it counts.
struct range {
  const char *what;
  size_t offset;
  unsigned algorithms;  // bits
  bool duration;
  uint64_t least, most;
};

#define BIT(algorithm) (1u << (algorithm))
enum {
  RATED = BIT(SL_TOKEN_BUCKET) | BIT(SL_LEAKY_BUCKET) | BIT(SL_FIXED_WINDOW) | BIT(SL_SLIDING_LOG) |
          BIT(SL_SLIDING_WINDOW),
  ALL = RATED | BIT(SL_CONCURRENCY) | BIT(SL_UNLIMITED)
};

static const struct range ranges[] = {
    {"the count of the rate", offsetof(struct sl_limit_spec, count), RATED & ~BIT(SL_SLIDING_LOG),
     false, 0, SL_COUNT_MAX},
    {"the count of a sliding_log", offsetof(struct sl_limit_spec, count), BIT(SL_SLIDING_LOG),
     false, 0, SL_LOG_COUNT_MAX},
    {"the period of the rate", offsetof(struct sl_limit_spec, period_ns), RATED, true,
     SL_PERIOD_MIN_NS, SL_PERIOD_MAX_NS},
    {"the burst", offsetof(struct sl_limit_spec, burst), BIT(SL_TOKEN_BUCKET), false, 0,
     SL_COUNT_MAX},
    {"the jitter", offsetof(struct sl_limit_spec, jitter_ns), BIT(SL_TOKEN_BUCKET), true, 0,
     SL_PERIOD_MAX_NS},
    {"the queue", offsetof(struct sl_limit_spec, queue), BIT(SL_LEAKY_BUCKET), false, 0,
     SL_COUNT_MAX - 1},
    {"sub_windows", offsetof(struct sl_limit_spec, sub_windows), BIT(SL_SLIDING_WINDOW), false, 0,
     SL_SUB_WINDOWS_MAX},
    {"the slots", offsetof(struct sl_limit_spec, slots), BIT(SL_CONCURRENCY), false, 0,
     SL_LOG_COUNT_MAX},
    {"the lease", offsetof(struct sl_limit_spec, lease_ns), BIT(SL_CONCURRENCY), true,
     SL_PERIOD_MIN_NS, SL_PERIOD_MAX_NS},
    {"max_wait", offsetof(struct sl_limit_spec, max_wait_ns), ALL, true, 0, SL_PERIOD_MAX_NS},
};

static enum sl_status check_ranges(const struct sl_limit_spec *spec, struct sl_text *message) {
  if ((unsigned)spec->algorithm >= SL_ALGORITHM_COUNT) {
    return refuse_range(message, "the algorithm's number", (uint64_t)spec->algorithm, 0,
                        SL_ALGORITHM_COUNT - 1);
  }
  enum sl_status status = SL_OK;
  for (size_t i = 0; i < SL_ARRAY_LEN(ranges); i++) {
    const struct range *r = &ranges[i];
    if ((r->algorithms & BIT(spec->algorithm)) == 0) {
      continue;
    }
    uint64_t value;
    memcpy(&value, (const char *)spec + r->offset, sizeof value);
    if (value >= r->least && value <= r->most) {
      continue;
    }
    // Every mistake is told at once.
    if (status != SL_OK) {
      sl_text_add(message, SL_STR("; "));
    }
    status = r->duration ? check_duration(message, r->what, value, r->least, r->most)
                         : refuse_range(message, r->what, value, r->least, r->most);
  }
  return status;
}

static enum sl_status prepare_unlimited(struct sl_limit *limit) {
  *limit = (struct sl_limit){.algorithm = SL_UNLIMITED, .size = UINT64_MAX, .unit = 1};
  limit->timeline = sl_timeline_make(1, 1, 1, 1);
  return SL_OK;
}

enum sl_status sl_limit_prepare(const struct sl_limit_spec *spec, struct sl_limit *ret_limit,
                                struct sl_text *message) {
  enum sl_status status = check_ranges(spec, message);
  if (status != SL_OK) {
    return status;
  }
  switch (spec->algorithm) {
  case SL_UNLIMITED:
    return prepare_unlimited(ret_limit);
  case SL_TOKEN_BUCKET:
    return sl_token_bucket_prepare(spec, ret_limit, message);
  case SL_LEAKY_BUCKET:
    return sl_leaky_bucket_prepare(spec, ret_limit, message);
  case SL_FIXED_WINDOW:
    return sl_fixed_window_prepare(spec, ret_limit, message);
  case SL_SLIDING_LOG:
    return sl_sliding_log_prepare(spec, ret_limit, message);
  case SL_SLIDING_WINDOW:
    return spec->sub_windows == 0 ? sl_sliding_window_prepare(spec, ret_limit, message)
                                  : sl_sub_windows_prepare(spec, ret_limit, message);
  case SL_CONCURRENCY:
    return sl_concurrency_prepare(spec, ret_limit, message);
  case SL_ALGORITHM_COUNT:
    break;
  }
  return SL_ERR_RANGE;
}

void sl_limit_words(const struct sl_limit *limit, uint64_t *ret_words) {
  ret_words[0] = (uint64_t)limit->algorithm | (uint64_t)limit->count_refused << 8;
  ret_words[1] = limit->size;
  ret_words[2] = limit->rate_count;
  ret_words[3] = limit->rate_period_ns;
  ret_words[4] = limit->window_ns;
  ret_words[5] = limit->sub_windows;
  ret_words[6] = limit->max_wait_ns;
  ret_words[7] = limit->unit;
}
