#include "algo/token_bucket.h"

#include "algo/stamp_prepare.h"

// The depth that costs at most 2 % of the rate, and at least one request.
static uint64_t any_window_burst(const struct sl_limit_spec *spec) {
  return spec->has_burst ? spec->burst : 1 + spec->count / 50;
}

static enum sl_status refuse_any_window(const struct sl_limit_spec *spec, uint64_t burst,
                                        struct sl_text *message) {
  char period[SL_DURATION_TEXT];
  sl_text_printf(message,
                 "any_window needs a burst from 1 to the count: burst %llu leaves no rate that "
                 "keeps %llu per %s in every window "
                 "(burst - 1 + rate x window <= count)",
                 (unsigned long long)burst, (unsigned long long)spec->count,
                 sl_format_duration(spec->period_ns, period));
  return SL_ERR_INVALID;
}

// Says what the guarantee costs when that is more than a tenth of the rate.
static void warn_any_window(const struct sl_limit_spec *spec, uint64_t burst, uint64_t count,
                            uint64_t period_ns, struct sl_text *message) {
  sl_u128 derived = (sl_u128)count * spec->period_ns;
  sl_u128 asked = (sl_u128)spec->count * period_ns;
  if (derived * 10 >= asked * 9) {
    return;
  }
  char window[SL_DURATION_TEXT], span[SL_DURATION_TEXT];
  sl_text_printf(message,
                 "any_window with burst %llu leaves a steady rate of %llu per %s, %llu %% of %llu "
                 "per %s; a smaller burst or jitter "
                 "leaves more",
                 (unsigned long long)burst, (unsigned long long)count,
                 sl_format_duration(period_ns, span), (unsigned long long)(derived * 100 / asked),
                 (unsigned long long)spec->count, sl_format_duration(spec->period_ns, window));
}

static enum sl_status prepare_any_window(const struct sl_limit_spec *spec,
                                         struct sl_limit *ret_limit, struct sl_text *message) {
  uint64_t burst = any_window_burst(spec);
  if (burst == 0 || burst > spec->count) {
    return refuse_any_window(spec, burst, message);
  }
  // B - 1 + r (W + J) <= N
  uint64_t count = spec->count + 1 - burst;
  uint64_t period_ns = spec->period_ns + spec->jitter_ns;
  enum sl_status status = sl_stamp_prepare(SL_TOKEN_BUCKET, count, period_ns, 1, burst,
                                           "a burst of", spec->max_wait_ns, ret_limit, message);
  if (status == SL_OK) {
    warn_any_window(spec, burst, count, period_ns, message);
  }
  return status;
}

enum sl_status sl_token_bucket_prepare(const struct sl_limit_spec *spec, struct sl_limit *ret_limit,
                                       struct sl_text *message) {
  if (spec->jitter_ns > 0 && !spec->any_window) {
    sl_text_printf(message, "jitter counts only with guarantee: any_window");
    return SL_ERR_INVALID;
  }
  bool ban = spec->count == 0 || (spec->has_burst && spec->burst == 0);
  if (spec->any_window && !ban) {
    return prepare_any_window(spec, ret_limit, message);
  }
  uint64_t burst = spec->has_burst ? spec->burst : spec->count;
  return sl_stamp_prepare(SL_TOKEN_BUCKET, spec->count, spec->period_ns, 1, burst, "a burst of",
                          spec->max_wait_ns, ret_limit, message);
}
