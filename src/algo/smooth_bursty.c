#include "algo/smooth.h"

enum sl_status sl_smooth_bursty_init(struct sl_smooth *smooth, struct sl_pace pace,
                                     uint64_t max_burst_ns, uint64_t now_ns) {
  if (!sl_pace_is_valid(pace) || max_burst_ns > SL_PERIOD_MAX_NS) {
    return SL_ERR_RANGE;
  }
  now_ns = sl_min_u64(now_ns, SL_TIME_MAX_NS - 1);
  *smooth = (struct sl_smooth){
      .pace = pace,
      .cold_num = 1,
      .cold_den = 1,
      .span_ns = max_burst_ns,
      .latest_ns = now_ns,
      .grain = 1,
      .gain = 1,
      .next_free = sl_pace_units(pace, now_ns),
  };
  return SL_OK;
}
