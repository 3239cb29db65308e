#include "algo/smooth.h"

sl_u128 sl_smooth_most(const struct sl_smooth *smooth) {
  return sl_pace_units(smooth->pace, smooth->span_ns) * smooth->gain;
}

// Credits the time since the limiter was free. Returns now, which never goes back.
static uint64_t catch_up(struct sl_smooth *smooth, uint64_t now_ns) {
  now_ns = sl_max_u64(sl_min_u64(now_ns, SL_TIME_MAX_NS - 1), smooth->latest_ns);
  smooth->latest_ns = now_ns;
  sl_u128 now = sl_pace_units(smooth->pace, now_ns);
  if (now > smooth->next_free) {
    sl_u128 most = sl_smooth_most(smooth);
    sl_u128 stored = smooth->stored + (now - smooth->next_free) * smooth->gain;
    smooth->stored = stored < most ? stored : most;
    smooth->next_free = now;
  }
  return now_ns;
}

static void take(struct sl_smooth *smooth, uint64_t permits) {
  sl_u128 cost = sl_pace_cost(smooth->pace, permits);
  bool all = cost > smooth->stored / smooth->grain;
  sl_u128 spent = all ? smooth->stored : cost * smooth->grain;
  if (smooth->warming_up) {
    cost += sl_smooth_warming_up_price(smooth, spent);
  } else {
    // Stored permits take no time; the grain of smooth_bursty is 1.
    cost -= spent;
  }
  smooth->stored -= spent;
  smooth->next_free = sl_pace_add(smooth->pace, smooth->next_free, cost);
}

uint64_t sl_smooth_reserve(struct sl_smooth *smooth, uint64_t now_ns, uint64_t permits) {
  uint64_t wait_ns;
  (void)sl_smooth_try(smooth, now_ns, permits, UINT64_MAX, &wait_ns);
  return wait_ns;
}

bool sl_smooth_try(struct sl_smooth *smooth, uint64_t now_ns, uint64_t permits, uint64_t timeout_ns,
                   uint64_t *ret_wait_ns) {
  now_ns = catch_up(smooth, now_ns);
  *ret_wait_ns = sl_pace_wait(smooth->pace, smooth->next_free, now_ns);
  if (*ret_wait_ns > timeout_ns) {
    return false;
  }
  take(smooth, permits);
  return true;
}

enum sl_status sl_smooth_set_rate(struct sl_smooth *smooth, uint64_t now_ns, struct sl_pace pace) {
  if (!sl_pace_is_valid(pace)) {
    return SL_ERR_RANGE;
  }
  (void)catch_up(smooth, now_ns);
  struct sl_pace old = smooth->pace;
  smooth->pace = pace;
  smooth->next_free = sl_mul_div_ceil(smooth->next_free, pace.count, old.count);
  smooth->stored = sl_mul_div_floor(smooth->stored, pace.count, old.count);
  if (sl_pace_is_infinite(old) && !sl_pace_is_infinite(pace)) {
    smooth->stored = smooth->warming_up ? 0 : sl_smooth_most(smooth);
  }
  return SL_OK;
}
