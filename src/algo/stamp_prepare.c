#include "algo/stamp_prepare.h"

static enum sl_status check_debt(uint64_t count, uint64_t period_ns, uint64_t size,
                                 const char *size_name, struct sl_text *message) {
  sl_u128 debt = (sl_u128)size * period_ns / count;
  if (debt <= SL_DEBT_MAX_NS) {
    return SL_OK;
  }
  char period[SL_DURATION_TEXT];
  unsigned long long years = (unsigned long long)(debt / SL_NS_PER_D * 4 / 1461);
  years = years > 100 ? years : 101;  // part of a year over
  sl_text_printf(message,
                 "%s %llu at %llu per %s takes %llu years to refill; at most 100 years are allowed",
                 size_name, (unsigned long long)size, (unsigned long long)count,
                 sl_format_duration(period_ns, period), years);
  return SL_ERR_RANGE;
}

// Debts and ages are told apart by half of the 63 bits each.
#define DEBT_UNITS_MAX (UINT64_C(1) << 62)

static void set_unit(struct sl_limit *limit, uint64_t unit, uint64_t step_ns) {
  limit->unit = unit;
  limit->unit_inverse = UINT64_MAX / unit;
  limit->size_units = limit->size * unit;
  limit->timeline = sl_timeline_make(limit->rate_count, limit->rate_period_ns, unit, step_ns);
  limit->debt_units =
      limit->size_units + sl_timeline_span_floor(&limit->timeline, limit->max_wait_ns);
}

enum sl_status sl_stamp_prepare(enum sl_algorithm algorithm, uint64_t count, uint64_t period_ns,
                                uint64_t step_ns, uint64_t size, const char *size_name,
                                uint64_t max_wait_ns, struct sl_limit *ret_limit,
                                struct sl_text *message) {
  struct sl_limit limit = {
      .algorithm = algorithm,
      .unit = 1,
      .unit_inverse = UINT64_MAX,
      .window_ns = period_ns,
      .max_wait_ns = max_wait_ns,
      .rate_count = count,
      .rate_period_ns = period_ns,
  };
  if (count == 0 || size == 0) {
    // A ban: size 0 makes every cost >= 1 `never`; the clock only needs to be well-formed.
    limit.timeline = sl_timeline_make(1, SL_NS_PER_S, SL_NS_PER_S, 1);
    *ret_limit = limit;
    return SL_OK;
  }
  enum sl_status status = check_debt(count, period_ns, size, size_name, message);
  if (status != SL_OK) {
    return status;
  }
  limit.size = size;
  set_unit(&limit, step_ns > 1 ? 1 : sl_timeline_unit(count, period_ns), step_ns);
  if (limit.debt_units >= DEBT_UNITS_MAX && step_ns == 1) {
    set_unit(&limit, sl_timeline_unit_coarse(count, period_ns), step_ns);
  }
  // Only a very fast rate with a very long max_wait is still beyond: its debt ends there.
  limit.debt_units = sl_min_u64(limit.debt_units, DEBT_UNITS_MAX - 1);
  *ret_limit = limit;
  return SL_OK;
}
