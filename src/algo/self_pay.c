#include "algo/self_pay.h"

// Returns now, which never goes back.
static uint64_t catch_up(struct sl_self_pay *limiter, uint64_t now_ns) {
  now_ns = sl_max_u64(sl_min_u64(now_ns, SL_TIME_MAX_NS - 1), limiter->latest_ns);
  limiter->latest_ns = now_ns;
  sl_u128 now = sl_pace_units(limiter->pace, now_ns);
  limiter->full = limiter->full > now ? limiter->full : now;
  return now_ns;
}

enum sl_status sl_self_pay_init(struct sl_self_pay *limiter, struct sl_pace pace, uint64_t burst_ns,
                                uint64_t now_ns) {
  if (!sl_pace_is_valid(pace) || burst_ns > SL_PERIOD_MAX_NS) {
    return SL_ERR_RANGE;
  }
  now_ns = sl_min_u64(now_ns, SL_TIME_MAX_NS - 1);
  uint64_t lacks_ns = burst_ns - sl_min_u64(burst_ns, SL_NS_PER_S);
  *limiter = (struct sl_self_pay){
      .pace = pace,
      .burst_ns = burst_ns,
      .latest_ns = now_ns,
      .full = sl_pace_units(pace, now_ns + lacks_ns),
  };
  return SL_OK;
}

// Permits are there when the instant of being full is no further away than the burst.
static uint64_t wait_of(const struct sl_self_pay *limiter, sl_u128 full, uint64_t now_ns) {
  return sl_pace_wait(limiter->pace, full, now_ns + limiter->burst_ns);
}

uint64_t sl_self_pay_reserve(struct sl_self_pay *limiter, uint64_t now_ns, uint64_t permits,
                             struct sl_self_pay_receipt *ret_receipt) {
  uint64_t wait_ns;
  (void)sl_self_pay_try(limiter, now_ns, permits, UINT64_MAX, &wait_ns, ret_receipt);
  return wait_ns;
}

bool sl_self_pay_try(struct sl_self_pay *limiter, uint64_t now_ns, uint64_t permits,
                     uint64_t timeout_ns, uint64_t *ret_wait_ns,
                     struct sl_self_pay_receipt *ret_receipt) {
  now_ns = catch_up(limiter, now_ns);
  struct sl_pace pace = limiter->pace;
  sl_u128 full = sl_pace_add(pace, limiter->full, sl_pace_cost(pace, permits));
  *ret_wait_ns = wait_of(limiter, full, now_ns);
  *ret_receipt = (struct sl_self_pay_receipt){0};
  if (*ret_wait_ns > timeout_ns) {
    return false;
  }
  uint64_t departs_ns = now_ns + *ret_wait_ns;
  *ret_receipt = (struct sl_self_pay_receipt){
      .charged_ns = now_ns,
      .departs_ns = departs_ns,
      .count = pace.count,
      .charge = full - limiter->full,
  };
  limiter->full = full;
  limiter->promised_ns = sl_max_u64(limiter->promised_ns, departs_ns);
  return true;
}

uint64_t sl_self_pay_cancel(struct sl_self_pay *limiter, uint64_t now_ns,
                            const struct sl_self_pay_receipt *receipt) {
  now_ns = catch_up(limiter, now_ns);
  if (receipt->count == 0) {
    return 0;
  }
  uint64_t behind_ns = sl_sub_floor_u64(limiter->promised_ns, receipt->departs_ns);
  // Departures are told in whole ns, up to one after their due: their distance may be one more.
  behind_ns += behind_ns > 0;
  uint64_t lost_ns = sl_max_u64(sl_sub_floor_u64(now_ns, receipt->charged_ns), behind_ns);
  sl_u128 lost = sl_pace_units(limiter->pace, lost_ns);
  sl_u128 charge = sl_mul_div_floor(receipt->charge, limiter->pace.count, receipt->count);
  if (charge <= lost) {
    return 0;
  }
  limiter->full -= charge - lost < limiter->full ? charge - lost : limiter->full;
  return sl_sat_u128((charge - lost) / limiter->pace.count);
}

enum sl_status sl_self_pay_set_rate(struct sl_self_pay *limiter, uint64_t now_ns,
                                    struct sl_pace pace) {
  if (!sl_pace_is_valid(pace)) {
    return SL_ERR_RANGE;
  }
  now_ns = catch_up(limiter, now_ns);
  struct sl_pace old = limiter->pace;
  limiter->pace = pace;
  limiter->full = sl_mul_div_ceil(limiter->full, pace.count, old.count);
  // What an infinite rate had lent in time is there in full, unless somebody still waits.
  sl_u128 waits_from = sl_pace_units(pace, now_ns + limiter->burst_ns);
  if (sl_pace_is_infinite(old) && !sl_pace_is_infinite(pace) && limiter->full <= waits_from) {
    limiter->full = sl_pace_units(pace, now_ns);
  }
  return SL_OK;
}
